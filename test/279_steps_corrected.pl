# A rollback script that is exchanged for a corrected one after a statement of it
# was interrupted: what is certainly not done may be left out, nothing else; and
# what is left in goes on where it stopped.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmFaults;
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $database = 'shop';
my $node = dbm_node('corrected', tier => 'session', bare => 1, conf => "fsync = off\nautovacuum = off\n");
dbm_database($node, $database, environment => 'prod');
value("SELECT dbm_configure('$_->[0]', '$_->[1]')") foreach [ change_name_pattern => '.' ], [ lock_timeout => '60s' ];
my $before = value('SELECT dbm_schema_hash()');

sub value
{
    my ($sql) = @_;

    return $node->safe_psql($database, $sql);
}

sub open_bare
{
    return DbmSession->new($node, $database, connstr => "options='-c session_preload_libraries='");
}

sub worker_waits
{
    my ($condition) = @_;

    $node->poll_query_until($database, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'dbmaestro step' AND $condition)")
      or die 'no worker waits';
    return;
}

# Ends the backend while its worker drops the index, or (done) when it has.
sub interrupt
{
    my ($change, $rollback, $done) = @_;
    my ($blocker, $session, $ledger) = (DbmSession->new($node, $database), DbmSession->new($node, $database), open_bare());

    value("CALL dbm_apply_in_steps('$change', 'CREATE TABLE t (i int); CREATE INDEX CONCURRENTLY t_i ON t (i)', " . dbm_quote($rollback) . ')');
    $blocker->query('BEGIN; SELECT count(*) FROM t');
    $session->ask("CALL dbm_rollback_in_steps('$change')");
    worker_waits("wait_event_type = 'Lock'");
    if ($done)
    {
        $ledger->query('BEGIN; LOCK TABLE dbmaestro.run_step IN SHARE MODE');
        $blocker->query('COMMIT');
        $node->poll_query_until($database, q(SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'dbmaestro.run_step'::regclass AND NOT granted)))
          or die 'the outcome does not wait';
    }
    my $pid = value('SELECT lock_pid FROM dbm_status()');
    value("SELECT pg_terminate_backend($pid)");
    wait_until('end of the backend', sub { !is_alive($pid) });
    $node->poll_query_until($database, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'dbmaestro step')");
    $_->close foreach $blocker, $session, $ledger;
    is(value('SELECT unfinished_state FROM dbm_status()'), 'interrupted', "$change: interrupted");
    return;
}

sub refused
{
    my ($change, $rollback) = @_;

    return dbm_refused($node, $database, "CALL dbm_rollback_in_steps('$change', rollback => " . dbm_quote($rollback) . ')');
}

sub corrected
{
    my ($change, $rollback) = @_;

    like(value("CALL dbm_rollback_in_steps('$change', rollback => " . dbm_quote($rollback) . ')'), qr/^rolled back\|/, "$change: rolled back");
    is(value('SELECT dbm_schema_hash()'), $before, "$change: to what it came from");
    is(value("SELECT string_agg(outcome, ' ' ORDER BY id) FROM dbmaestro.run WHERE change = '$change' AND direction = 'rollback'"), 'interrupted rolled back',
        "$change: one run that was interrupted, and one that was not");
    is(value('SELECT partial FROM dbm_status()'), 0, "$change: nothing is left");
    return;
}

my $rollback = 'DROP INDEX CONCURRENTLY t_i; DROP TABLE nonsense;';

# ---- half done ----

interrupt('half', $rollback);
corrected('half', 'DROP INDEX CONCURRENTLY t_i; DROP TABLE t;');
like(value("SELECT evidence FROM dbmaestro.run_step AS s JOIN dbmaestro.run AS r ON r.id = s.run WHERE change = 'half' AND outcome = 'rolled back' AND ordinal = 1 AND part = 1"),
    qr/^There is no index/, 'half: the statement went on where it was');
is(value("SELECT string_agg(s.kind, ' ' ORDER BY part) FROM dbmaestro.run_step AS s JOIN dbmaestro.run AS r ON r.id = s.run WHERE change = 'half' AND outcome = 'rolled back' AND ordinal = 1"),
    'single finish', 'half: as a resumed one does');

interrupt('left_out', $rollback);
corrected('left_out', 'DROP TABLE t;');

# ---- done, and nobody has seen it ----

interrupt('done', $rollback, 1);
my $error = refused('done', 'DROP TABLE t;');
is($error->{sqlstate}, 'MA02D', 'done: it cannot be left out');
like($error->{text}, qr/leaves out statement 1, which is done.*DETAIL:  It was interrupted\.  There is no index public\.t_i.*HINT:  Begin with statements 1 to 1 as they were/s, 'done: and why');
corrected('done', 'DROP INDEX CONCURRENTLY t_i; DROP TABLE t;');
is(value("SELECT count(*) FROM dbmaestro.run_statement AS s JOIN dbmaestro.run AS r ON r.id = s.run WHERE change = 'done' AND outcome = 'rolled back'"), 2, 'done: both statements are on record');

# ---- nobody knows ----

interrupt('unknown', $rollback);
value('DROP INDEX t_i; CREATE VIEW t_i AS SELECT 1 AS i');
$error = refused('unknown', 'DROP TABLE t;');
is($error->{sqlstate}, 'MA036', 'unknown: it cannot be left out');
like($error->{text}, qr/nobody knows whether statement 1 of the rollback script of change "unknown" was done.*HINT:  Leave it in the corrected script/s, 'unknown: and why');
$error = refused('unknown', 'DROP INDEX CONCURRENTLY t_i; DROP TABLE t;');
is($error->{sqlstate}, 'MA036', 'unknown: left in, a person is asked');
like($error->{text}, qr/nobody knows whether step 1.*interrupted => 'done'/s, 'unknown: as ever');
value('DROP VIEW t_i');
like(value("CALL dbm_resume('unknown', interrupted => 'done')"), qr/^rolled back\|/, 'unknown: the word counts for the corrected one');
is(value('SELECT dbm_schema_hash()'), $before, 'unknown: all is as it was');

# ---- a settings of the script hold behind what was done, and only there ----

value('CREATE SCHEMA other; CREATE TABLE other.t (i int)');
my $with_other = value('SELECT dbm_schema_hash()');
interrupt('settings', "SET search_path = public;\nDROP INDEX CONCURRENTLY t_i;\nDROP TABLE nonsense;");
like(value("CALL dbm_rollback_in_steps('settings', rollback => " . dbm_quote("SET search_path = public;\nDROP INDEX CONCURRENTLY t_i;\nVACUUM t;\nDROP TABLE t;") . ')'), qr/^rolled back\|/, 'settings: rolled back');
is(value('SELECT dbm_schema_hash()'), $with_other, 'settings: the right table');

$node->stop;
done_testing();

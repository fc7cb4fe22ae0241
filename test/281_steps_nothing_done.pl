# A change in steps that was interrupted before anything of it was done: nobody
# says that some of it is there, and neither another script nor the way back is
# held up by it.
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
my $node = dbm_node('nothing', bare => 1, conf => "fsync = off\nautovacuum = off\n");
dbm_database($node, $database, environment => 'prod');
value("SELECT dbm_configure('$_->[0]', '$_->[1]')") foreach [ change_name_pattern => '.' ], [ lock_timeout => '60s' ];
value('CREATE TABLE gate (i int); CREATE TABLE kept (i int)');
my $before = value('SELECT dbm_schema_hash()');
# with a row in the gate the first group fails
my $script = 'CREATE TABLE made (i int); SELECT 1 / (1 - count(*)) FROM gate; VACUUM kept';

sub value { return $node->safe_psql($database, $_[0]); }

# Ends the backend within the first group.
sub interrupt
{
    my ($change) = @_;
    my ($blocker, $session) = map { DbmSession->new($node, $database) } 1, 2;

    $blocker->query('BEGIN; LOCK TABLE gate');
    $session->ask("CALL dbm_apply_in_steps('$change', " . dbm_quote($script) . ", 'DROP TABLE made')");
    $node->poll_query_until($database, q(SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'gate'::regclass AND NOT granted)))
      or die 'it does not wait';
    my $pid = value('SELECT lock_pid FROM dbm_status()');
    value("SELECT pg_terminate_backend($pid)");
    wait_until('end of the backend', sub { !is_alive($pid) });
    $_->close foreach $blocker, $session;
    is(value('SELECT unfinished_state, unfinished_at FROM dbm_status()'), 'interrupted|interrupted at step 1 of 2, statement 1 at line 1', "$change: interrupted");
    return;
}

# Resumes it, in vain.
sub fail_again
{
    my ($change) = @_;

    value('INSERT INTO gate VALUES (1)');
    is(dbm_refused($node, $database, "CALL dbm_resume('$change')")->{sqlstate}, '22012', "$change: resumed, it fails");
    value('DELETE FROM gate');
    is(value("SELECT outcome FROM dbmaestro.change_history WHERE change = '$change'"), 'failed', "$change: so nothing of it is left");
    return;
}

foreach my $fails (0, 1)
{
    my %call = (
        steps => q(CALL dbm_apply_in_steps('%s', 'CREATE TABLE other (i int); VACUUM kept', 'DROP TABLE other')),
        whole => q(SELECT * FROM dbm_apply('%s', 'CREATE TABLE other (i int)', rollback => 'DROP TABLE other')));

    foreach my $how (sort keys %call)
    {
        my $change = "$how$fails";

        interrupt($change);
        fail_again($change) if $fails;
        my ($stdout, $stderr);
        $node->psql($database, sprintf($call{$how}, $change), stdout => \$stdout, stderr => \$stderr);
        like($stdout, qr/\bapplied\|/, "$change: another script is applied") or diag($stderr);
        is(value("SELECT state, to_regclass('made'), to_regclass('other') FROM dbmaestro.change WHERE change = '$change'"), 'applied||other', "$change: it, and nothing else");
        is(value("SELECT outcome FROM dbmaestro.change_history WHERE change = '$change' ORDER BY run LIMIT 1"), $fails ? 'failed' : 'interrupted', "$change: what was before is on record");
        is(value('SELECT partial FROM dbm_status()'), 0, "$change: nothing is left open");
        like(value("CALL dbm_rollback_in_steps('$change')"), qr/^rolled back\|/, "$change: and rolled back");
    }

    interrupt("back$fails");
    fail_again("back$fails") if $fails;
    my ($stdout, $stderr);
    $node->psql($database, "CALL dbm_rollback_in_steps('back$fails')", stdout => \$stdout, stderr => \$stderr);
    like($stdout, qr/^rolled back\|\d+\|0\|/, "back$fails: there is nothing to undo") or diag($stderr);
    is(value('SELECT dbm_schema_hash()'), $before, "back$fails: all is as it was");
}

$node->stop;
done_testing();

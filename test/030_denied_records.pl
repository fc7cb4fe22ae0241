# A refusal is on record exactly once, whatever happens to its transaction, to
# the writer, to the disk and to the server.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use DbmSession;
use DbmTest;

my $node = dbm_node('main', tier => 'events', bare => 1, conf => "restart_after_crash = on\n");
$node->safe_psql('postgres', 'CREATE EXTENSION dbmaestro');
my $folder = $node->data_dir . '/dbmaestro/'
  . $node->safe_psql('postgres', 'SELECT oid FROM pg_database WHERE datname = current_database()');

# A statement that is refused, and leaves a record about the change of this name.
sub refusal
{
    my ($change) = @_;

    return "SELECT lower(dbmaestro._dbm_own_statement('$change'))";
}

# Has it refused; returns how long that took.
sub refuse
{
    my ($change, %parameter) = @_;
    my $on = delete $parameter{on} // $node;
    my $before = delete $parameter{before} // '';
    my $start = time;
    my $error = dbm_refused($on, 'postgres', "$before;\n" . refusal($change), %parameter);

    is($error->{sqlstate}, 'MA011', "$change: refused with its own error");
    return time - $start;
}

sub rows
{
    my ($change, $on) = @_;

    return ($on // $node)->safe_psql('postgres',
        "SELECT count(*) FROM dbmaestro.denied_attempt WHERE change = '$change'");
}

sub files
{
    my ($what) = @_;

    return $node->safe_psql('postgres', "SELECT $what FROM dbmaestro._dbm_durable_files()");
}

# Waits until nothing waits; a call of a function of ours looks for what was left behind.
sub entered_once
{
    my ($change) = @_;

    $node->safe_psql('postgres', 'SELECT dbmaestro._dbm_own_statement()');
    $node->poll_query_until('postgres', 'SELECT waiting = 0 FROM dbmaestro._dbm_durable_files()')
      or die "records of \"$change\" still wait";
    is(rows($change), 1, "$change: one row");
    return;
}

# A session that stays: begins with this SQL, ends when its input is closed.
sub session
{
    my ($sql) = @_;
    my %session = (in => "$sql;\n\\echo ready\n", out => '');

    $session{handle} = IPC::Run::start(
        [ 'psql', '-XAtq', '-d', $node->connstr('postgres') ],
        '<', \$session{in}, '>', \$session{out}, '2>', \$session{err},
        IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
    $session{handle}->pump until $session{out} =~ /ready/;
    return \%session;
}

sub end_session
{
    my ($session) = @_;

    $session->{in} .= "\\q\n";
    $session->{handle}->finish;
    return;
}

sub spilled { return map { s{.*/}{}r } glob("$folder/*.record") }

# ---- the usual way: the row is there when the client sees the error ----

refuse('at once');
is(rows('at once'), 1, 'at once: the row is there when the client has its error');
is(files('waiting'), 0, 'at once: no file is left');

# ---- a hundred at once ----

my $script = $node->basedir . '/flood.sql';
append_to_file($script, "SELECT lower(dbmaestro._dbm_own_statement('flood ' || :client_id))\n");
IPC::Run::run(
    [
        'pgbench', '--no-vacuum', '--client=100', '--jobs=2', '--transactions=1',
        "--file=$script", $node->connstr('postgres')
    ],
    '>', \my $flood_out, '2>', \my $flood_err);
my @refused = $flood_err =~ /must be called by the client itself/g;
is(scalar(@refused), 100, 'flood: a hundred sessions were refused');
$node->poll_query_until('postgres', 'SELECT waiting = 0 FROM dbmaestro._dbm_durable_files()');
is( $node->safe_psql('postgres',
        "SELECT count(*), count(DISTINCT change) FROM dbmaestro.denied_attempt WHERE change LIKE 'flood %'"),
    '100|100', 'flood: each has one row');

# ---- the session holds what the writer needs ----

my $seconds = refuse('locked catalog', before => 'BEGIN; LOCK TABLE pg_class');
ok($seconds > 1.9 && $seconds < 20, 'locked catalog: gave up waiting after denied_wait')
  or diag("took $seconds seconds");
$node->poll_query_until('postgres',
    "SELECT count(*) = 1 FROM dbmaestro.denied_attempt WHERE change = 'locked catalog'");
is(rows('locked catalog'), 1, 'locked catalog: the writer went on when the lock was gone');

# ---- the wait is interrupted, not the record ----

my $holder = session('BEGIN; LOCK TABLE dbmaestro.audit_event IN EXCLUSIVE MODE');
$seconds = refuse('timeout', before => "SET statement_timeout = '300ms'");
ok($seconds < 1.8, 'timeout: a cancelled statement does not wait on') or diag("took $seconds seconds");

my $victim = session("SET application_name = 'victim'");
$victim->{in} .= refusal('terminated') . ";\n";
$victim->{handle}->pump_nb;
$node->poll_query_until('postgres',
    "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'victim' AND wait_event = 'Extension'")
  or die 'the refused session does not wait';
$node->safe_psql('postgres',
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'");
eval { $victim->{handle}->finish };
is(files('waiting'), 2, 'both records wait in their files');
is(rows('timeout'), 0, 'and not in the table, which is locked');
end_session($holder);
entered_once('timeout');
entered_once('terminated');

# ---- a refused command waits without a lock of its own ----

dbm_database($node, 'guarded', environment => 'prod');
$node->safe_psql('guarded', "CREATE TABLE t (id int); CREATE VIEW v AS SELECT id FROM t");
$node->safe_psql('guarded', "SELECT dbm_guard('enforce', preload => false)");
$node->safe_psql('guarded', "SELECT dbm_configure('denied_wait', '10s')");
my $blocker = DbmSession->new($node, 'guarded');
$blocker->query('BEGIN; LOCK TABLE dbmaestro.audit_event IN EXCLUSIVE MODE');
my $waiting = DbmSession->new($node, 'guarded');
my $pid = $waiting->query('SELECT pg_backend_pid()');
foreach my $command ('ALTER TABLE t ADD COLUMN n int', 'DROP TABLE t CASCADE', 'CREATE INDEX ON t (id)',
    'DROP SCHEMA public CASCADE', 'COMMENT ON VIEW v IS NULL')
{
    $waiting->ask($command);
    $node->poll_query_until('postgres',
        "SELECT wait_event = 'Extension' FROM pg_stat_activity WHERE pid = $pid")
      or die 'the refused session does not wait';
    is( $node->safe_psql('postgres',
            "SELECT count(*) FROM pg_locks WHERE pid = $pid AND locktype <> 'virtualxid'"),
        0, "$command: no lock while it waits");
    $node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
    $waiting->answer;
    like($waiting->error->{sqlstate}, qr/^MA00[12]$/, "$command: refused, not cancelled");
}
$blocker->query('ROLLBACK');
$_->close foreach $blocker, $waiting;

# ---- the writer is killed ----

$holder = session('BEGIN; LOCK TABLE dbmaestro.audit_event IN EXCLUSIVE MODE');
refuse('killed writer');
my $writer = $node->safe_psql('postgres',
    "SELECT pid FROM pg_stat_activity WHERE backend_type = 'dbmaestro audit writer'");
like($writer, qr/^\d+$/, 'killed writer: one writer waits for the lock');
kill 'KILL', $writer;
eval { end_session($holder) };
$node->poll_query_until('postgres', 'SELECT true') or die 'the server did not come back';
$node->poll_query_until('postgres',
    "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $writer");
entered_once('killed writer');

# ---- no slot for a writer, a restart, a file that comes back ----

$node->append_conf('postgresql.conf', "max_worker_processes = 0\nmax_parallel_workers = 0\n");
$node->restart;
$seconds = refuse('no slot');
ok($seconds > 1.9 && $seconds < 20, 'no slot: gave up waiting after denied_wait')
  or diag("took $seconds seconds");
is(files('waiting'), 1, 'no slot: the record waits');
is(rows('no slot'), 0, 'no slot: it is not in the table');
my ($spilled) = spilled();
my $copy = slurp_file("$folder/$spilled");
$node->append_conf('postgresql.conf', "max_worker_processes = 16\n");
$node->restart;
entered_once('no slot');
append_to_file("$folder/$spilled", $copy);
$node->restart;
entered_once('no slot');

# ---- settings and roles that were turned against the writer ----

$node->safe_psql('postgres', <<'SQL');
CREATE ROLE boss SUPERUSER LOGIN;
CREATE SCHEMA evil;
CREATE FUNCTION evil.equal(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR evil.= (FUNCTION = evil.equal, LEFTARG = text, RIGHTARG = text);
ALTER DATABASE postgres SET default_transaction_read_only = on;
ALTER DATABASE postgres SET search_path = evil, pg_catalog;
ALTER DATABASE postgres SET statement_timeout = '1ms';
ALTER DATABASE postgres SET lock_timeout = '1ms';
ALTER DATABASE postgres SET session_replication_role = replica;
ALTER DATABASE postgres SET default_transaction_isolation = serializable;
ALTER ROLE postgres NOLOGIN;
SQL
$ENV{PGOPTIONS} = '-c statement_timeout=0 -c default_transaction_read_only=off -c search_path=public';
refuse('hostile settings', user => 'boss',
    before => "UPDATE pg_database SET datallowconn = false WHERE datname = current_database()");
$node->safe_psql('template1', <<'SQL', extra_params => [ '-U', 'boss' ]);
UPDATE pg_database SET datallowconn = true WHERE datname = 'postgres';
ALTER DATABASE postgres RESET ALL;
ALTER ROLE postgres LOGIN;
SQL
delete $ENV{PGOPTIONS};
is(rows('hostile settings'), 1, 'hostile settings: the row is there');

# ---- files that are not records ----

append_to_file("$folder/garbage.record", 'not a record');
append_to_file("$folder/$spilled", substr($copy, 0, -1) . '!');
$node->psql('postgres', "SELECT dbmaestro._dbm_record_event('nonsense', true)");
refuse('among the broken');
entered_once('among the broken');
is(files('broken'), 3, 'broken: kept aside');
ok(-e "$folder/garbage.record.broken", 'broken: under their name');

# ---- a folder and a disk that take nothing ----

# Refuses while the folder takes no file, then makes room and looks at the trail.
sub lose
{
    my ($change, $make_room) = @_;
    my $lost = files('lost');
    my $offset = -s $node->logfile;

    refuse($change);
    is(files('lost'), $lost + 1, "$change: counted as lost");
    like(slurp_file($node->logfile, $offset), qr/not in the audit trail.*refused.*\n.*Statement: SELECT lower\(dbmaestro\._dbm_own_statement\('$change'\)\)/,
        "$change: the server log has the record");
    $make_room->();
    refuse("after $change");
    $node->poll_query_until('postgres', 'SELECT waiting = 0 FROM dbmaestro._dbm_durable_files()');
    is(rows("after $change"), 1, "$change: recorded again when there is room");
    $node->poll_query_until('postgres', "SELECT count(*) = $lost + 1 FROM dbmaestro.audit_event WHERE kind = 'lost' AND message LIKE '1 record%'")
      or fail("$change: the trail says that one is missing");
    is(rows($change), 0, "$change: no row");
    return;
}

SKIP:
{
    skip 'the superuser of the system may write everywhere', 7 if $> == 0;
    chmod 0500, $folder or die "chmod: $!";
    lose('read-only folder', sub { chmod 0700, $folder });
}

SKIP:
{
    my $small = $ENV{DBM_SMALL_DISK};
    skip 'no small disk to fill (only root can mount one)', 7 unless $small;
    my $inside = "$small/denied_records";
    $node->stop;
    rename($folder, "$folder.moved") or die "rename: $!";
    system('cp', '-R', "$folder.moved", $inside) == 0 or die 'cp';
    symlink($inside, $folder) or die "symlink: $!";
    $node->start;
    my $filler = "$small/denied_records_filler";
    system("dd if=/dev/zero of=$filler bs=64k 2>/dev/null");
    lose('full disk', sub { unlink $filler });
    $node->stop;
    unlink $folder;
    system('cp', '-R', $inside, $folder) == 0 or die 'cp';
    system('rm', '-r', $inside);
    $node->start;
}

# ---- a standby: refuses, waits for nothing, leaves nothing ----

$node->append_conf('postgresql.conf', "wal_level = replica\nmax_wal_senders = 4\nhot_standby = on\n");
$node->append_conf('pg_hba.conf', "local replication all trust\n");
$node->restart;
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
my $standby_folder = $folder;
my ($primary_data, $standby_data) = ($node->data_dir, $standby->data_dir);
$standby_folder =~ s/^\Q$primary_data\E/$standby_data/;
$seconds = refuse('on the standby', on => $standby);
ok($seconds < 1.8, 'standby: does not wait') or diag("took $seconds seconds");
is(scalar(() = glob("$standby_folder/*.record")), 0, 'standby: leaves no file');
like(slurp_file($standby->logfile), qr/not in the audit trail \(standby\)/, 'standby: the server log has the record');
$standby->promote;
refuse('promoted', on => $standby);
is(rows('promoted', $standby), 1, 'promoted: recorded again');
is(rows('on the standby', $standby), 0, 'promoted: what the standby refused stays out');

done_testing();

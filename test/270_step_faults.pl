# Faults while a change is applied in steps: whoever dies, and whenever, what is
# said afterwards is what stands, resuming ends in the schema of an undisturbed
# run, and nothing is done twice.
#
# DBM_FAULT_LOOPS rounds of random kills (a fifth of them); DBM_SEED repeats
# their moments, as far as the machine allows.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $seed = $ENV{DBM_SEED} || time & 0x7fffffff;
my $node = dbm_node('steps', bare => 1,
    conf => "fsync = off\nautovacuum = off\nrestart_after_crash = on\ncheckpoint_timeout = 30s\n");
my $change = '20260101_000001_steps';
my $databases = 0;

srand $seed;
note "DBM_SEED=$seed";

# Statement 1 to 8, steps 1 to 7.  Each group waits if somebody has its gate; the
# last one would count double if it ran twice.
my $script = <<'SQL';
CREATE TABLE orders (id int, word text);
INSERT INTO orders SELECT g, 'word ' || g FROM generate_series(1, 3000) AS g;
CREATE INDEX CONCURRENTLY orders_word ON orders (word);
ALTER TABLE orders ADD COLUMN n int DEFAULT 0; LOCK TABLE gate3; INSERT INTO counted VALUES (3);
CREATE UNIQUE INDEX CONCURRENTLY orders_id ON orders (id);
CREATE VIEW words AS SELECT word FROM orders; LOCK TABLE gate5; INSERT INTO counted VALUES (5);
DROP INDEX CONCURRENTLY orders_word;
COMMENT ON TABLE orders IS 'all'; LOCK TABLE gate7; INSERT INTO counted VALUES (7);
SQL
my $rollback = "DROP VIEW IF EXISTS words;\nDROP TABLE IF EXISTS orders;\nDELETE FROM counted;\n";
my $apply = "CALL dbm_apply_in_steps('$change', " . dbm_quote($script) . ', rollback => ' . dbm_quote($rollback) . ')';
my $resume = "CALL dbm_resume('$change')";

# ---- databases ----

# A database that waits for the change; returns its name.
sub fresh_database
{
    my $database = 'round' . ++$databases;

    dbm_database($node, $database, environment => 'prod');
    $node->safe_psql($database, <<'SQL');
CREATE TABLE counted (step int);
CREATE TABLE gate3 ();
CREATE TABLE gate5 ();
CREATE TABLE gate7 ();
SELECT dbm_configure('lock_timeout', '60s');
SELECT dbm_configure('lock_retries', '0');
SELECT dbm_guard('enforce');
SQL
    return $database;
}

sub root_of { return $node->safe_psql($_[0], 'SELECT dbm_schema_hash()'); }

# ---- waiting and killing ----

sub wait_until
{
    my ($what, $condition) = @_;
    my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;

    until ($condition->())
    {
        die "$what: not within the time" if time > $deadline;
        usleep(10_000);
    }
    return;
}

sub is_alive
{
    my ($pid) = @_;
    my $stat = eval { slurp_file("/proc/$pid/stat") };

    return defined $stat && $stat !~ /\) Z /;
}

sub wait_for_server
{
    wait_until('recovery',
        sub { $node->psql('template1', 'SELECT 1', stdout => \my $out, stderr => \my $err) == 0 });
    return;
}

# Ends the process with all that the server restarts with it.
sub crash
{
    my ($pid) = @_;
    my $postmaster = $node->{_pid};
    my @children = split ' ', slurp_file("/proc/$postmaster/task/$postmaster/children");

    kill 'KILL', $pid;
    # until it has noticed and ended the others, connections are still taken, in vain
    wait_until('end of all backends', sub { !grep { is_alive($_) } @children });
    wait_for_server();
    return;
}

sub crash_postmaster
{
    my $postmaster = $node->{_pid};
    my @children = split ' ', slurp_file("/proc/$postmaster/task/$postmaster/children");

    $node->kill9;
    wait_until('end of the server', sub { !grep { is_alive($_) } $postmaster, @children });
    unlink $node->data_dir . '/postmaster.pid', $node->host . '/.s.PGSQL.' . $node->port . '.lock';
    $node->start;
    return;
}

# Waits until a step is in this state and its process in this wait; returns backend and worker.
sub await_step
{
    my ($database, $ordinal, $wait) = @_;
    my $found = '';

    wait_until("step $ordinal waiting for $wait", sub {
            $found = $node->safe_psql($database, <<"SQL");
SELECT s.backend_pid, s.worker_pid FROM dbmaestro.run_step AS s JOIN pg_stat_activity AS a ON a.pid = s.worker_pid
 WHERE s.ordinal = $ordinal AND s.state = 'running' AND a.wait_event_type || ':' || a.wait_event ~ '$wait'
SQL
            return $found ne '';
        });
    return split /\|/, $found;
}

sub await_lock_wait
{
    my ($database, $relation) = @_;
    my $pid = '';

    wait_until("a lock on $relation", sub {
            $pid = $node->safe_psql($database,
                "SELECT pid FROM pg_locks WHERE relation = '$relation'::regclass AND NOT granted");
            return $pid ne '';
        });
    return $pid;
}

# ---- what stands afterwards ----

my $reference_database = fresh_database();
is((split /\|/, $node->safe_psql($reference_database, $apply))[0], 'applied', 'without a fault it is applied');
my $reference = root_of($reference_database);
my $ledger = ledger_of($reference_database);

# What the ledger says of the change in the end, without numbers and times.
sub ledger_of
{
    my ($database) = @_;

    return $node->safe_psql($database, <<"SQL");
SELECT 'change', state, '' FROM dbmaestro.change
UNION ALL SELECT 'run', outcome || ' ' || statements, '' FROM dbmaestro.run WHERE direction = 'deploy'
UNION ALL SELECT 'step ' || ordinal, kind, state FROM dbmaestro.run_step WHERE part < 1000
UNION ALL SELECT 'statement ' || ordinal, tag, line::text FROM dbmaestro.run_statement
UNION ALL (SELECT 'counted', string_agg(step::text, ' ' ORDER BY step), '' FROM counted)
UNION ALL SELECT 'invalid', indexrelid::regclass::text, '' FROM pg_index WHERE NOT indisvalid
ORDER BY 1, 2, 3
SQL
}

# Of the unfinished change, as dbm_status tells it: its state, and where it stands.
sub status_of
{
    my ($database) = @_;

    return $node->safe_psql($database, 'SELECT unfinished_state, unfinished_at, unfinished_evidence FROM dbm_status()');
}

# Goes on with the change, and compares with what an undisturbed run leaves.
sub check_resumed
{
    my ($database, $what, $call) = @_;
    my ($stdout, $stderr);

    $node->psql($database, $call // $resume, stdout => \$stdout, stderr => \$stderr);
    like($stdout, qr/^(?:already )?applied\|/, "$what: resumed to the end") or diag($stderr);
    is(root_of($database), $reference, "$what: in the schema of an undisturbed run");
    dbm_same_text(ledger_of($database), $ledger, "$what: nothing is there twice, nothing is missing");
    is($node->safe_psql($database, 'SELECT dbm_schema_hash() = dbmaestro._dbm_schema_hash_full()'), 't', "$what: the quick root is the full one");
    is( $node->safe_psql($database,
            "SELECT count(*), count(DISTINCT event_id) = count(*) FROM dbmaestro.audit_event WHERE kind = 'run' AND change = '$change' AND detail ~ '^applied'"),
        '1|t',
        "$what: its end is in the trail, once");
    is($node->safe_psql($database, 'SELECT partial, records_waiting, records_lost, lock_pid IS NULL FROM dbm_status()'), '0|0|0|t', "$what: nothing is left open");
    return;
}

# ---- a kill at every boundary of steps ----

my %kill = (
    client => sub {
        my ($session, $backend) = @_;

        kill 'KILL', $session->{pid_of_psql};
        wait_until('end of the backend', sub { !is_alive($backend) });
    },
    backend => sub { crash($_[1]); },
    worker => sub { crash($_[2] // $_[1]); },
    terminated => sub {
        my ($session, $backend) = @_;

        $node->safe_psql('template1', "SELECT pg_terminate_backend($backend)");
        wait_until('end of the backend', sub { !is_alive($backend) });
    },
    postmaster => sub { crash_postmaster(); });

# Begins the change and stops it: in a group that waits at its gate, or in a
# concurrent build that waits for an old snapshot.
sub stop_at
{
    my ($database, $step) = @_;
    my $blocker = DbmSession->new($node, $database);
    my $session = DbmSession->new($node, $database, connstr => "options='-c client_connection_check_interval=50ms'");
    my ($backend, $worker);

    $session->{pid_of_psql} = $session->{psql};
    if ($step % 2)
    {
        $blocker->query("BEGIN; LOCK TABLE gate$step");
        $session->ask($apply);
        $backend = await_lock_wait($database, "gate$step");
    }
    else
    {
        # the blocker gets its snapshot after the group before, which made the table
        my $gate = $step - 1;
        my $first = DbmSession->new($node, $database);

        $first->query("BEGIN; LOCK TABLE gate$gate") if $gate > 1;
        $blocker->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM counted') if $gate == 1;
        $session->ask($apply);
        if ($gate > 1)
        {
            await_lock_wait($database, "gate$gate");
            # what is held is enough to wait for: a lock on the table is one, too
            $blocker->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM counted');
            $first->query('COMMIT');
        }
        ($backend, $worker) = await_step($database, $step, $step == 6 ? 'Lock:' : 'Lock:virtualxid');
        $first->close;
    }
    return ($session, $blocker, $backend, $worker);
}

my %where = (2 => 'statement 3 at line 3', 3 => 'statement 4 at line 4', 4 => 'statement 7 at line 5',
    5 => 'statement 8 at line 6', 6 => 'statement 11 at line 7', 7 => 'statement 12 at line 8');

foreach my $case ([ 2, 'client' ], [ 3, 'client' ], [ 4, 'backend' ], [ 2, 'terminated' ], [ 5, 'backend' ],
    [ 4, 'worker' ], [ 2, 'postmaster' ], [ 7, 'postmaster' ], [ 4, 'terminated' ], [ 7, 'terminated' ])
{
    my ($step, $victim) = @$case;
    my $what = "step $step, $victim killed";
    my $database = fresh_database();
    my ($session, $blocker, $backend, $worker) = stop_at($database, $step);

    # while it waits, it is known to
    like(status_of($database), qr/^running\|running at step $step of 7, $where{$step}\|/, "$what: before, it is running");
    is(dbm_refused($node, $database, "SELECT dbm_apply('20260101_000002_other', 'SELECT 1')")->{sqlstate}, 'MA030', "$what: nobody else deploys");
    $kill{$victim}->($session, $backend, $worker);
    $session->close;
    wait_until('end of the worker', sub { !is_alive($worker) }) if $worker;
    $blocker->close;
    like(status_of($database), qr/^interrupted\|interrupted at step $step of 7, $where{$step}\|/, "$what: status says where it was interrupted");
    is($node->safe_psql($database, "SELECT outcome FROM dbmaestro.change_history WHERE change = '$change'"), 'interrupted', "$what: and so does the history");
    is(dbm_refused($node, $database, "SELECT dbm_apply('$change', 'SELECT 1')")->{sqlstate}, 'MA02B', "$what: it is no change to be applied anew");
    check_resumed($database, $what);
}

$node->stop;
done_testing();

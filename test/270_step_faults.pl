# Faults while a change is applied in steps: whoever dies, and whenever, what is
# said afterwards is what stands, resuming ends in the schema of an undisturbed
# run, and nothing is done twice.
#
# DBM_FAULT_LOOPS / 5 rounds of random kills; DBM_SEED repeats
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
my $node = dbm_node('steps', bare => 1, init => { allows_streaming => 1 },
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
    # psql may be gone before it has read the statement
    wait_until('recovery',
        sub { eval { $node->psql('template1', 'SELECT 1', stdout => \my $out, stderr => \my $err) == 0 } });
    return;
}

# Ends the process with all that the server restarts with it.
sub crash
{
    my ($pid) = @_;
    my $postmaster = $node->{_pid};
    my @children = split ' ', slurp_file("/proc/$postmaster/task/$postmaster/children");

    # a worker that is done may be gone already, on its own; one that has stopped is not
    kill 'STOP', $pid;
    wait_until('stop or end', sub { !is_alive($pid) || (eval { slurp_file("/proc/$pid/stat") } // "") =~ /\) T / });
    return if !is_alive($pid);
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


# ---- the same at random moments ----

# how long it takes from the first word of the client on
my $usual = do {
    my $session = DbmSession->new($node, fresh_database());
    my $began;

    $session->query('SELECT 1');
    $began = time;
    $session->query($apply);
    time - $began;
};
# builds that take a while
my $longer = $apply =~ s/1, 3000/1, 50000/r;
my $rounds = int(dbm_fault_loops() / 10) || 1;
my %stood;

foreach my $round (1 .. 2 * $rounds)
{
    my $victim = (qw(client backend worker terminated postmaster))[ rand 5 ];
    my $build = $round % 2 && (2, 4)[ rand 2 ];
    my $delay = $build ? rand 0.05 : rand(1.2) * $usual;
    my $what = sprintf 'random kill %d, %s after %.0f ms%s', $round, $victim, $delay * 1000, $build ? " in step $build" : '';
    my $database = fresh_database();
    my $session = DbmSession->new($node, $database, connstr => "options='-c client_connection_check_interval=10ms'");
    my $backend = $session->query('SELECT pg_backend_pid()');
    my $watcher = DbmSession->new($node, $database);
    my $worker;

    $watcher->query('SELECT 1');
    $session->{pid_of_psql} = $session->{psql};
    $session->ask($build ? $longer : $apply);
    wait_until("step $build", sub {
            return $watcher->query("SELECT count(*) FROM dbmaestro.run_step WHERE ordinal = $build AND state NOT IN ('planned', 'intended')") eq '1';
        }) if $build;
    usleep($delay * 1_000_000);
    $worker = $watcher->query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'dbmaestro step'") || undef
      if $victim eq 'worker';
    $watcher->close;
    $kill{$victim}->($session, $backend, $worker);
    $session->close;
    wait_until('end of the worker',
        sub { $node->safe_psql('template1', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dbmaestro step'") eq '0' });
    my $status = status_of($database);
    $stood{ $status =~ /at (step \d)/ ? $1 : $status =~ /all \d steps/ ? 'all steps' : 'begin or end' }++;
    like($status, qr/^(?:\|\||interrupted\|interrupted at step [1-7] of 7, |interrupted\|interrupted, all 7 steps are done)/, "$what: status") or diag("DBM_SEED=$seed");
    check_resumed($database, $what, $build ? $longer : $apply);
}
note join ', ', map { "$_: $stood{$_}" } sort keys %stood;

# ---- cancelled ----

{
    my $database = fresh_database();
    my ($session, $blocker, $backend, $worker) = stop_at($database, 4);

    $node->safe_psql($database, "SELECT pg_cancel_backend($backend)");
    $session->answer;
    like($session->{err}, qr/57014: canceling statement due to user request/, 'cancelled: says so');
    like($session->{err}, qr/change "$change", statement 7 at line 5/, 'cancelled: and where');
    wait_until('end of the worker', sub { !is_alive($worker) });
    like(status_of($database), qr/^partial\|partial at step 4 of 7, statement 7 at line 5\|.*orders_id/, 'cancelled: partial, and what the catalog says');
    is($session->query('SELECT 1'), 1, 'cancelled: the session goes on');
    $_->close foreach $session, $blocker;
    check_resumed($database, 'cancelled');
}

# ---- what a build can come across ----

{
    my $database = fresh_database();
    my $duplicates = $apply =~ s/SELECT g, 'word '/SELECT 7, 'word '/r;
    my $error = dbm_refused($node, $database, $duplicates);

    is($error->{sqlstate}, '23505', 'duplicates: the error of the server');
    like($error->{detail}, qr/Key \(id\)=\(7\) is duplicated/, 'duplicates: in its words');
    like($error->{text}, qr/change "$change", statement 7 at line 5/, 'duplicates: with its place');
    like(status_of($database), qr/^partial\|partial at step 4 of 7, statement 7 at line 5\|There is no index public\.orders_id/, 'duplicates: status');
    is($node->safe_psql($database, 'SELECT count(*) FROM pg_index WHERE NOT indisvalid'), '0', 'duplicates: no invalid index stays');
    is(dbm_refused($node, $database, $resume)->{sqlstate}, '23505', 'duplicates: nothing has changed');
    $node->safe_psql($database, q(UPDATE orders SET id = substr(word, 6)::int));
    check_resumed($database, 'duplicates');
}
{
    my $database = fresh_database();
    my $other = DbmSession->new($node, $database);
    my $session = DbmSession->new($node, $database);
    my $before = root_of($database);

    # whoever may drop a table outside of changes
    $node->safe_psql($database, q(SELECT dbm_guard('observe')));
    $other->query('BEGIN; LOCK TABLE gate3');
    $session->ask($apply);
    await_lock_wait($database, 'gate3');
    my $dropper = DbmSession->new($node, $database);
    $dropper->ask('DROP TABLE orders');
    await_lock_wait($database, 'orders');
    $other->query('COMMIT');
    $session->answer;
    $dropper->answer;
    like($session->{err}, qr/42P01: relation "orders" does not exist/, 'dropped: the error of the server');
    like($session->{err}, qr/change "$change", statement 7 at line 5/, 'dropped: with its place');
    $_->close foreach $other, $session, $dropper;
    like(status_of($database), qr/^partial\|partial at step 4 of 7, statement 7 at line 5\|/, 'dropped: status');
    is(dbm_refused($node, $database, $resume)->{sqlstate}, '42P01', 'dropped: resuming says the same');
    like($node->safe_psql($database, "SELECT dbm_configure('rollback_proof', 'off');\nCALL dbm_rollback_in_steps('$change')"), qr/rolled back\|/, 'dropped: the way back is open');
    is(root_of($database), $before, 'dropped: and leads to where it came from');
}

# An index that the server is to name, on a partitioned table, and a build that fails in one of its parts.
{
    my $database = fresh_database();
    my $parts = dbm_quote(<<'SQL');
CREATE TABLE parted (id int, word text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (1) TO (10);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (10) TO (20);
INSERT INTO parted SELECT g % 2 + 10, 'word' FROM generate_series(1, 10) AS g;
CREATE INDEX CONCURRENTLY ON parted (word);
CREATE UNIQUE INDEX CONCURRENTLY parted_key ON parted (id);
SQL
    my $error = dbm_refused($node, $database, "CALL dbm_apply_in_steps('$change', $parts)");

    is($error->{sqlstate}, '23505', 'partitions: one of them has duplicates');
    like(status_of($database), qr/^partial\|partial at step 3 of 3, statement 6 at line 6\|/, 'partitions: status, behind the index without a name');
    is($node->safe_psql($database, q(SELECT count(*) FROM pg_index WHERE indrelid = 'parted_2'::regclass AND NOT indisvalid)), 0, 'partitions: no invalid index stays on them');
    $node->safe_psql($database, 'DELETE FROM parted WHERE ctid <> ALL (SELECT min(ctid) FROM parted GROUP BY id)');
    like($node->safe_psql($database, $resume), qr/^applied\|/, 'partitions: resumed');
    is( $node->safe_psql($database, q(SELECT count(*), bool_and(indisvalid) FROM pg_index WHERE indrelid::regclass::text LIKE 'parted%')), '6|t', 'partitions: all of them are valid');
}

# ---- two deployers ----

{
    my $database = fresh_database();
    my ($session, $blocker, $backend, $worker) = stop_at($database, 2);
    my $error = dbm_refused($node, $database, $resume);

    is($error->{sqlstate}, 'MA030', 'two deployers: the second one has to wait');
    like($error->{detail}, qr/process $backend\b/, 'two deployers: and is told for whom');
    $node->safe_psql($database, "SELECT pg_terminate_backend($backend)");
    # at once: the worker may still be there
    my $second = DbmSession->new($node, $database);
    $second->ask($resume);
    $blocker->close;
    like($second->answer, qr/^applied\|/m, 'two deployers: when the first one is gone, the second one goes on') or diag($second->{err});
    $_->close foreach $session, $second;
    check_resumed($database, 'two deployers');
}

# ---- rolling back ----

{
    my $database = fresh_database();
    my $way_back = "DROP INDEX CONCURRENTLY orders_id;\nLOCK TABLE gate3; DROP VIEW words; DROP TABLE orders;\n";
    my $before = root_of($database);

    $node->safe_psql($database, $apply =~ s/\Q$rollback\E/$way_back/r);
    foreach my $victim (qw(backend terminated))
    {
        my $blocker = DbmSession->new($node, $database);
        my $session = DbmSession->new($node, $database);

        $blocker->query($victim eq 'backend' ? 'BEGIN; SELECT count(*) FROM orders' : 'BEGIN; LOCK TABLE gate3');
        $session->ask("CALL dbm_rollback_in_steps('$change')");
        my ($backend) = $victim eq 'backend' ? await_step($database, 1, 'Lock:') : await_lock_wait($database, 'gate3');
        $kill{$victim}->($session, $backend);
        $_->close foreach $session, $blocker;
        my $step = $victim eq 'backend' ? 1 : 2;
        like(status_of($database), qr/^interrupted\|rollback script, interrupted at step $step of 2, statement $step at line $step\|/, "rollback, $victim killed: status");
    }
    like($node->safe_psql($database, "CALL dbm_rollback_in_steps('$change')"), qr/^rolled back\|/, 'rollback: goes on to its end');
    is(root_of($database), $before, 'rollback: the schema is what it was');
    is($node->safe_psql($database, 'SELECT outcome FROM dbmaestro.change_history ORDER BY run'), "applied\nrolled back", 'rollback: one run');
}

# ---- permits ----

# How many refusals of a permit with this detail are in the trail.
sub refusals
{
    my ($database, $detail) = @_;

    return $node->safe_psql($database, 'SELECT count(*) FROM dbmaestro.denied_attempt WHERE sqlstate = ' . "'MA035' AND detail LIKE " . dbm_quote("$detail%"));
}

{
    my $database = fresh_database();
    my $error;

    $node->safe_psql($database, q(SELECT dbm_configure('permit_expiry', '1ms')));
    $error = dbm_refused($node, $database, $apply);
    is($error->{sqlstate}, 'MA035', 'expired permit: refused');
    like($error->{detail}, qr/^It has expired at 20/, 'expired permit: says so');
    like($error->{hint}, qr/CALL dbm_resume\('$change'\)/, 'expired permit: and what to do');
    is(refusals($database, 'It has expired'), 1, 'expired permit: on record');
    like(status_of($database), qr/^partial\|partial at step 2 of 7, statement 3 at line 3\|There is no index/, 'expired permit: status');
    $node->safe_psql($database, q(SELECT dbm_configure('permit_expiry', '30s')));
    check_resumed($database, 'expired permit');
}

# The one place for workers is the launcher's: the permit waits until somebody gives up.
{
    my $database = fresh_database();
    my $session;
    my $error;

    $node->append_conf('postgresql.conf', 'max_worker_processes = 1');
    $node->restart;
    $error = dbm_refused($node, $database, $apply);
    is($error->{sqlstate}, '53000', 'no worker: an error');
    like($error->{hint}, qr/max_worker_processes/, 'no worker: says what is missing');
    like(status_of($database), qr/^partial\|partial at step 2 of 7, statement 3 at line 3\|There is no index/, 'no worker: status');

    $session = DbmSession->new($node, $database);
    $session->ask($resume);
    wait_until('the permit', sub { $node->safe_psql($database, q(SELECT state FROM dbmaestro.run_step WHERE ordinal = 2)) eq 'intended' });
    crash_postmaster();
    $session->close;
    like(status_of($database), qr/^interrupted\|interrupted at step 2 of 7, statement 3 at line 3\|There is no index/, 'restart between permit and statement: status');
    $node->append_conf('postgresql.conf', 'max_worker_processes = 16');
    $node->restart;

    # the worker with code of one's own, which only a superuser can load
    SKIP:
    {
        my $source = "$FindBin::RealBin/lib/forged_step.c";
        my $library = $node->basedir . '/forged_step.so';
        my $include = `pg_config --includedir-server`;

        chomp $include;
        skip 'no compiler or no headers', 9
          if system("cc -shared -fPIC -D_GNU_SOURCE -I$FindBin::RealBin/../extension -I$include -o $library $source") != 0;
        $node->safe_psql($database, "SELECT dbm_guard('observe')");
        $node->safe_psql($database,
            'CREATE FUNCTION public.forge_step(bigint, integer, uuid, timestamptz, text, text, oid) RETURNS text'
              . " LANGUAGE c STRICT AS '$library'");
        my $forge = sub {
            my ($ordinal, $permit, $statement) = @_;

            return $node->safe_psql($database, <<"SQL");
SELECT forge_step(run, ordinal, $permit, backend_start, '$change', $statement, 10)
  FROM dbmaestro.run_step WHERE ordinal = $ordinal AND part = 1
SQL
        };
        like($forge->(2, 'permit', 'statement'), qr/^MA035: It was given to another backend\.$/, 'permit of another backend: refused');
        like($forge->(2, 'permit', "'DROP TABLE orders'"), qr/^MA035: It is for another statement\.$/, 'permit with another text: refused');
        like($forge->(2, 'gen_random_uuid()', 'statement'), qr/^MA035: It is not the permit of this step\.$/, 'invented permit: refused');
        is(refusals($database, $_), 1, "on record: $_")
          foreach 'It was given to another backend', 'It is for another statement', 'It is not the permit';
        is($node->safe_psql($database, "SELECT count(*) FROM pg_class WHERE relname = 'orders'"), 1, 'nothing of it was run');
        $node->safe_psql($database, 'DROP FUNCTION public.forge_step');
        check_resumed($database, 'restart between permit and statement');
        $node->safe_psql($database,
            'CREATE FUNCTION public.forge_step(bigint, integer, uuid, timestamptz, text, text, oid) RETURNS text'
              . " LANGUAGE c STRICT AS '$library'");
        like($forge->(4, 'permit', 'statement'), qr/^MA035: It has been used: the step is done\.$/, 'used permit: refused');
        is(refusals($database, 'It has been used'), 1, 'on record: It has been used');
    }
}

# ---- a synchronous standby that is gone ----

# From here on commits wait for nobody; the server has taken that in when one does.
sub lose_standby
{
    my $probe = DbmSession->new($node, 'template1', connstr => 'application_name=probe');

    $node->append_conf('postgresql.conf', "synchronous_standby_names = 'nobody'");
    $node->reload;
    wait_until('commits that wait', sub {
            $probe->ask("SELECT pg_logical_emit_message(true, 'probe', '')") if !$probe->{asked} || $probe->{out} =~ /end of query/;
            $probe->read(time + 60);
            return $node->safe_psql('template1', "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'probe' AND wait_event = 'SyncRep'") eq '1';
        });
    $node->safe_psql('template1', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'probe'");
    $probe->close;
    return;
}

{
    my $database = fresh_database();
    my $session = DbmSession->new($node, $database);
    my $error;
    my $await = sub {
        $node->poll_query_until($database,
            "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'");
    };

    lose_standby();
    $session->ask("SELECT outcome FROM dbm_apply('20260101_000002_waits', 'CREATE TABLE waits ()')");
    $await->();
    is($node->safe_psql($database, "SELECT count(*) FROM dbmaestro.change WHERE change LIKE '%waits'"), 0, 'no standby: nobody sees the change yet');
    is(dbm_refused($node, $database, "SELECT dbm_apply('20260101_000003_other', 'SELECT 1')")->{sqlstate}, 'MA030', 'no standby: nobody else deploys');
    my $began = time;
    is(dbm_refused($node, $database, 'CREATE TABLE refused ()')->{sqlstate}, 'MA001', 'no standby: the guard refuses');
    cmp_ok(time - $began, '<', 10, 'no standby: after denied_wait at the latest');
    $node->safe_psql($database, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'");
    is($session->answer, 'applied', 'no standby: a cancel ends the wait, not the change');
    like($session->{err}, qr/canceling wait for synchronous replication/, 'no standby: the server says what that means');
    is($node->safe_psql($database, "SELECT state FROM dbmaestro.change WHERE change LIKE '%waits'"), 'applied', 'no standby: it is applied');

    $session->ask($apply);
    $await->();
    like(status_of($database), qr/^(?:running\|running at step 1 of 7|\|\|)/, 'no standby, in steps: it waits with its intent');
    $node->append_conf('postgresql.conf', "synchronous_standby_names = ''");
    $node->reload;
    like($session->answer, qr/^applied\|/, 'no standby, in steps: without it goes on');
    $session->close;
    $node->poll_query_until($database, 'SELECT records_waiting = 0 FROM dbm_status()');
    is($node->safe_psql($database, "SELECT count(*) FROM dbmaestro.denied_attempt WHERE kind = 'denied' AND statement LIKE '%refused%'"), 1, 'no standby: the refusal is on record, once');
}

# Somebody is ended at one of the worker's two last commits, which is done here and waits for the standby.
foreach my $case ([ 1, 'worker terminated' ], [ 2, 'worker terminated' ], [ 1, 'caller cancelled' ], [ 2, 'caller cancelled' ],
    [ 1, 'caller terminated' ], [ 2, 'caller terminated' ])
{
    my ($commit, $victim) = @$case;
    my $what = "no standby, $victim at commit $commit";
    my $database = fresh_database();
    my $session = DbmSession->new($node, $database);
    my $blocker = DbmSession->new($node, $database);
    my $waits = sub {
        return $node->safe_psql('template1', "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'dbmaestro step'");
    };
    my $gone = sub { return $node->safe_psql('template1', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dbmaestro step'") eq '0'; };
    my $build = "CALL dbm_apply_in_steps('$change', 'CREATE INDEX CONCURRENTLY counted_step ON counted (step)')";
    my $states = "SELECT (SELECT state FROM dbmaestro.change), (SELECT string_agg(outcome, ', ' ORDER BY id) FROM dbmaestro.run),"
      . q( (SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('counted_step')));
    my ($backend, $worker);

    $blocker->query('BEGIN; INSERT INTO counted VALUES (0)');
    $session->ask($build);
    ($backend, $worker) = await_step($database, 1, 'Lock:virtualxid');
    lose_standby();
    $blocker->query('ROLLBACK');
    wait_until('the first of them', sub { $waits->() ne '' });
    if ($commit == 2)
    {
        $node->safe_psql('template1', "SELECT pg_cancel_backend($worker)");
        wait_until('the second', sub {
                return $node->safe_psql($database, q(SELECT indisready FROM pg_index WHERE indexrelid = to_regclass('counted_step'))) eq 't'
                  && $waits->() ne '';
            });
    }
    $node->safe_psql('template1', 'SELECT ' . ($victim =~ /cancelled/ ? 'pg_cancel_backend' : 'pg_terminate_backend')
          . '(' . ($victim =~ /worker/ ? $worker : $backend) . ')');
    wait_until('end of the worker', $gone);
    $node->append_conf('postgresql.conf', "synchronous_standby_names = ''");
    $node->reload;
    $session->answer;
    $_->close foreach $session, $blocker;
    my $state = $node->safe_psql($database, $states);
    like($state, qr/^(?:applied\|applied\|t|partial\|running\|[tf]|\|failed\|)$/, "$what: change, run and catalog agree") or diag($session->{err});
    like($session->{err}, $state =~ /^\|failed/ ? qr/HINT:  Nothing of it is left|57014/ : $state =~ /^partial/ ? qr/FATAL/ : qr/^(?!.*ERROR)/s, "$what: what is said of it, too");
    note "$what: $state";
    like($node->safe_psql($database, $build), qr/applied\|/, "$what: applied again");
    like($node->safe_psql($database, $states), qr/^applied\|(?:failed, )?applied\|t$/, "$what: applied, and the index is valid");
}

# ---- deployment during pg_dump and during a base backup ----

{
    my $database = fresh_database();
    my $first = DbmSession->new($node, $database);
    my $session = DbmSession->new($node, $database);
    my $before = root_of($database);
    my $file = $node->basedir . '/during.sql';
    my $dump;
    my $copy;

    $first->query('BEGIN; LOCK TABLE gate7');
    $dump = IPC::Run::start([ 'pg_dump', '-f', $file, $node->connstr($database) ], '<', \undef, '>', \my $out, '2>', \my $err);
    await_lock_wait($database, 'gate7');
    $session->ask($apply);
    # the snapshot of the dump is what the build waits for
    await_step($database, 2, 'Lock:virtualxid');
    $first->query('COMMIT');
    $dump->finish;
    is($err, '', 'during pg_dump: it dumps');
    like($session->answer, qr/^applied\|/, 'during pg_dump: the change is applied when the dump is done') or diag($session->{err});
    $node->safe_psql('template1', 'CREATE DATABASE restored TEMPLATE template0');
    $node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-d', $node->connstr('restored') ], 'during pg_dump: it can be restored');
    is($node->safe_psql('restored', 'SELECT (SELECT count(*) FROM dbmaestro.change), (SELECT count(*) FROM dbmaestro.run_step), to_regclass($$orders$$) IS NULL'), '0|0|t', 'during pg_dump: neither the change nor its record is in it');
    is(root_of('restored'), $before, 'during pg_dump: the schema is that of before');
    check_resumed($database, 'during pg_dump');
    $_->close foreach $first, $session;

    $database = fresh_database();
    my ($running, $blocker) = stop_at($database, 4);
    $node->backup('during');
    $blocker->close;
    like($running->answer, qr/^applied\|/, 'during a base backup: the change is applied');
    $running->close;
    $copy = PostgreSQL::Test::Cluster->new('copy');
    $copy->init_from_backup($node, 'during');
    $copy->start;
    my $original = $node;
    $node = $copy;
    like(status_of($database), qr/^interrupted\|interrupted at step 4 of 7, statement 7 at line 5\|/, 'restored base backup: it was interrupted');
    check_resumed($database, 'restored base backup');
    $copy->stop;
    $node = $original;
    check_resumed($database, 'during a base backup');
}

# ---- disk full ----

SKIP:
{
    my $small = $ENV{DBM_SMALL_DISK};
    skip 'no small disk to fill (only root can mount one)', 1 unless $small;
    my $database = fresh_database();
    my $filler = "$small/steps_filler";
    my $in_small = $longer =~ s/orders \(word\)/orders (word) TABLESPACE small/r;
    my $error;

    mkdir "$small/steps" or die "mkdir: $!";
    $node->safe_psql($database, "CREATE TABLESPACE small LOCATION '$small/steps'");
    system("dd if=/dev/zero of=$filler bs=64k 2>/dev/null");
    $error = dbm_refused($node, $database, $in_small);
    is($error->{sqlstate}, '53100', 'disk full: the error of the server');
    like($error->{text}, qr/change "$change", statement 3 at line 3/, 'disk full: with its place');
    like(status_of($database), qr/^partial\|partial at step 2 of 7, statement 3 at line 3\|/, 'disk full: status');
    unlink $filler;
    check_resumed($database, 'disk full');
    $node->safe_psql($database, 'DROP TABLESPACE small');
    rmdir "$small/steps";
}

$node->stop;
done_testing();

# A change that needs a lock which an application holds: nobody queues behind
# it for longer than lock_timeout, it is tried again, and when it is given up,
# whoever is in the way is named.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmRepository;
use DbmSession;
use DbmTest;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'time';

# the server's own deadlock check comes after lock_timeout, and lets autovacuum be
my $node = dbm_node('main', environment => 'prod', guard => 'enforce',
    conf => "fsync = off\ndeadlock_timeout = 5s\nautovacuum = off\nmax_prepared_transactions = 5\n");
my $repository = DbmRepository->new($node, prod => { database => 'postgres', user => 'deployer' });
my $number = 0;

sub sql { return $node->safe_psql('postgres', $_[0]); }

sub configure
{
    my (%setting) = @_;

    sql("SELECT dbm_configure('$_', '$setting{$_}')") foreach sort keys %setting;
    return;
}

# Adds a change and returns its name.
sub new_change
{
    my ($script) = @_;
    my $name = sprintf('20260101_%06d_step', ++$number);

    $repository->write("migrations/$name.sql" => "$script;\n",
        "migrations/$name.rollback.sql" => "ALTER TABLE orders DROP COLUMN IF EXISTS c$number;\n");
    $repository->commit($name);
    return $name;
}

sub add_column { return new_change('ALTER TABLE orders ADD COLUMN c' . ($number + 1) . ' integer'); }

# A session of the application that stays in a transaction.
sub application
{
    my ($statement, %parameter) = @_;
    my $session = DbmSession->new($node, 'postgres', user => $parameter{user} // 'app',
        connstr => 'application_name=billing ' . ($parameter{connstr} // ''));

    $session->query("BEGIN; $statement");
    return $session;
}

sub await_stderr
{
    my ($started, $pattern) = @_;
    my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;

    $started->{harness}->pump until $started->{stderr} =~ $pattern || time > $deadline;
    return like($started->{stderr}, $pattern, "it says $pattern");
}

sub blockers_of
{
    my ($change) = @_;

    return decode_json(sql("SELECT blockers FROM dbmaestro.run WHERE change = '$change' AND blockers IS NOT NULL ORDER BY id LIMIT 1"));
}

sub attempts { return sql("SELECT count(*) FROM dbmaestro.run WHERE change = '$_[0]' AND outcome = 'failed'"); }

sub pid_of { return $_[0]->query('SELECT pg_backend_pid()'); }

# Starts short statements of an application; the slowest of them, in seconds, is known at the end.
sub start_traffic
{
    my ($seconds) = @_;
    my $prefix = PostgreSQL::Test::Utils::tempdir() . '/traffic';
    my $file = PostgreSQL::Test::Utils::tempdir() . '/traffic.sql';

    PostgreSQL::Test::Utils::append_to_file($file, "SELECT count(*) FROM orders;\n\\sleep 5 ms\n");
    return { prefix => $prefix, harness => IPC::Run::start(
        [ 'pgbench', '-n', '-c', '4', '-T', $seconds, '-f', $file, '-l', "--log-prefix=$prefix", $node->connstr('postgres') ],
        '<', \undef, '>', \my $out, '2>', \my $err) };
}

sub finish_traffic
{
    my ($traffic) = @_;
    my @times;

    $traffic->{harness}->finish;
    push @times, map { (split)[2] } split /\n/, slurp_file($_) foreach glob "$traffic->{prefix}.*";
    cmp_ok(scalar @times, '>', 500, 'the application was at work');
    @times = sort { $b <=> $a } @times;
    return $times[0] / 1e6;
}

sql("CREATE ROLE app LOGIN; CREATE ROLE deployer LOGIN; CREATE ROLE owner; CREATE ROLE second LOGIN;");
sql("SELECT dbm_grant('deploy', 'deployer')");
sql("SELECT dbm_grant('rollback', 'deployer')");
sql("SELECT dbm_configure('run_as', 'owner')");
sql("SELECT dbm_guard('off')");
sql("CREATE TABLE orders (id bigint PRIMARY KEY, note text); CREATE TABLE stock (id bigint); ALTER TABLE orders OWNER TO owner; ALTER TABLE stock OWNER TO owner; GRANT ALL ON orders, stock TO app; GRANT CREATE ON SCHEMA public TO owner; INSERT INTO orders SELECT 1");
sql("SELECT dbm_guard('enforce')");

subtest 'how it is without a limit' => sub {
    my $reader = application('SELECT * FROM orders');
    my $traffic = start_traffic(6);
    my $change = add_column();

    configure(lock_timeout => 'off');
    my $started = $repository->start('deploy', 'prod');
    $node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'");
    my $begin = time;
    $node->poll_query_until('postgres', "SELECT now() - waitstart > '3 s' FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'");
    $reader->close;
    is($repository->finish($started), 0, 'the change goes through in the end');
    cmp_ok(finish_traffic($traffic), '>', 2, 'the application has stood behind it');
    sql("SELECT dbm_configure('lock_timeout', NULL)");
};

subtest 'a reader of 10 s' => sub {
    my $reader = application('SELECT * FROM orders');
    my $traffic = start_traffic(14);
    my $change = add_column();

    configure(lock_timeout => '400ms', lock_retry_delay => '200ms', lock_retries => 100);
    my $started = $repository->start('deploy', 'prod');
    $node->poll_query_until('postgres', "SELECT now() - xact_start > '10 s' FROM pg_stat_activity WHERE application_name = 'billing'");
    my $pid = pid_of($reader);
    $reader->close;
    is($repository->finish($started), 0, 'the change goes through');
    cmp_ok(finish_traffic($traffic), '<', 2, 'nobody has stood behind it for longer than the limit, generously');
    cmp_ok(attempts($change), '>=', 2, 'it took several attempts');
    is(sql("SELECT count(*) FROM dbmaestro.run WHERE change = '$change' AND outcome = 'applied'"), 1, 'one of which has applied it');
    like($started->{stderr}, qr/^change "$change" could not get a lock \(attempt 1 of 101\), trying again in 0\.\d s\nProcess $pid, role "app", application "billing", holds AccessShareLock on table public\.orders, in transaction for [\d.]+ s: <insufficient privilege>$/m, 'it says who is in the way, and when it goes on');
    is(sql("SELECT count(*) FROM dbmaestro.run WHERE change = '$change' AND sqlstate = '55P03' AND blockers IS NULL"), 0, 'every failed run names somebody');
    is(sql("SELECT count(*) FROM dbmaestro.run, jsonb_array_elements(blockers) AS b WHERE change = '$change' AND b ->> 'application_name' = 'pgbench'"), 0, 'and none of them those who stood behind');
    is(sql("SELECT string_agg(DISTINCT state, ' ') FROM dbmaestro.deployment_history WHERE last_change = '$change'"), 'succeeded', 'all in one deployment');
    configure(lock_retries => 10);
};

subtest 'nothing is held between two attempts, and an interrupt ends the pause' => sub {
    my $reader = application('SELECT * FROM orders');
    my $change = add_column();

    configure(lock_timeout => '200ms', lock_retry_delay => '1min');
    my $started = $repository->start('deploy', 'prod');
    await_stderr($started, qr/trying again in/);
    is(sql("SELECT string_agg(state, ' ') FROM pg_stat_activity WHERE application_name = 'dbmaestro'"), 'idle', 'the session is in no transaction');
    is(sql("SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE application_name = 'dbmaestro'"), 0, 'and holds no lock');
    my $begin = time;
    $started->{harness}->signal('INT');
    is($repository->finish($started), 10, 'an interrupt ends it with 10');
    cmp_ok(time - $begin, '<', 5, 'at once');
    is(sql('SELECT state FROM dbmaestro.deployment_history ORDER BY deployment DESC LIMIT 1'), 'cancelled', 'the deployment was cancelled');
    $reader->close;
    configure(lock_retry_delay => '100ms');
    $repository->check([ 'resume', 'prod' ], 0, undef, 'and goes on later');
};

subtest 'giving up' => sub {
    my $reader = application('SELECT * FROM orders');
    my $pid = pid_of($reader);
    my $change = add_column();

    configure(lock_timeout => '200ms', lock_retries => 2);
    $repository->check([ 'deploy', 'prod', '--lock-retries', '99' ], 8, qr/^giving up after 3 attempts.*^ERROR:  canceling statement due to lock timeout\nDETAIL:  Process $pid, role "app"/ms, 'after as many as the environment says');
    is(attempts($change), 3, 'not more');
    $repository->check([ 'deploy', 'prod', '--lock-retries', '0' ], 8, qr/^ERROR:  canceling statement due to lock timeout\nDETAIL:  Process $pid/m, 'at once if asked to');
    is(attempts($change), 4, 'that was one attempt');
    $repository->check([ 'deploy', 'prod', '--lock-retries', 'x' ], 2, qr/invalid value for --lock-retries: "x"/, 'not a number');
    my $blocker = blockers_of($change)->[0];
    is_deeply([ @{$blocker}{qw(pid role application_name object wanted held query state)} ],
        [ $pid, 'app', 'billing', 'table public.orders', 'AccessExclusiveLock', 'AccessShareLock', '<insufficient privilege>', undef ],
        'the run knows who it was, as far as the deployer could see');
    sql('GRANT pg_read_all_stats TO deployer');
    $repository->check([ 'deploy', 'prod', '--lock-retries', '0' ], 8, qr/idle in transaction: SELECT pg_backend_pid\(\)/, 'who may see the statement sees it');
    sql('REVOKE pg_read_all_stats FROM deployer');
    my $error = $repository->json('deploy', 'prod', '--lock-retries', '0')->{error};
    is($error->{sqlstate}, '55P03', 'as JSON it is the server\'s error');
    like($error->{detail}, qr/^Process $pid/, 'with whoever is in the way');
    $reader->close;
    $repository->check([ 'deploy', 'prod' ], 0, undef, 'afterwards');
    $reader = application('SELECT * FROM orders');
    $repository->check([ 'rollback', 'prod', $change, '--yes' ], 8, qr/could not get a lock \(attempt 1 of 3\).*^giving up after 3/ms, 'a rollback likewise');
    $reader->close;
    $repository->check([ 'rollback', 'prod', $change, '--yes' ], 0, undef, 'and afterwards');
    $repository->check([ 'deploy', 'prod' ], 0, undef, 'and applied again');
};

subtest 'what the script says, and NOWAIT' => sub {
    my $reader = application('SELECT * FROM orders');
    my $pid = pid_of($reader);
    my $change = new_change("SET lock_timeout = '50ms';\nDO 'BEGIN LOCK TABLE orders; END'");

    configure(lock_timeout => '10min', lock_retries => 0);
    $repository->check([ 'deploy', 'prod' ], 8, qr/^DETAIL:  Process $pid/m, 'a limit of its own counts for what comes after it');
    $repository->write("migrations/$change.sql" => "LOCK TABLE stock, orders IN EXCLUSIVE MODE NOWAIT;\n");
    $repository->commit('nowait');
    $repository->check([ 'deploy', 'prod' ], 0, undef, 'NOWAIT in a mode that a reader allows');
    $change = new_change('LOCK TABLE stock, orders NOWAIT');
    $repository->check([ 'deploy', 'prod' ], 8, qr/^ERROR:  could not obtain lock on relation "orders"\nDETAIL:  Process $pid/m, 'NOWAIT names them too');
    $reader->close;
    $repository->check([ 'deploy', 'prod' ], 0, undef, 'afterwards');
};

subtest 'a deadlock with the application' => sub {
    my $change = new_change('LOCK TABLE orders; LOCK TABLE stock');
    # its own check would come much later: we are the one who gives way
    my $application = application("LOCK TABLE stock", user => 'postgres', connstr => "options='-c deadlock_timeout=10min'");

    configure(lock_timeout => '1min', lock_retries => 5);
    my $started = $repository->start('deploy', 'prod');
    $node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND relation = 'stock'::regclass");
    $application->send("LOCK TABLE orders;\n\\echo through\n");
    $application->await(qr/through/);
    $application->close;
    is($repository->finish($started), 0, 'the change is tried again');
    is(sql("SELECT sqlstate FROM dbmaestro.run WHERE change = '$change' AND outcome = 'failed'"), '40P01', 'after the deadlock');
    my $blocker = blockers_of($change)->[0];
    is_deeply([ @{$blocker}{qw(application_name object awaited held)} ],
        [ 'billing', 'table public.orders', 'AccessExclusiveLock', undef ], 'which names the other one');
};

subtest 'another deployment' => sub {
    my $first = DbmSession->new($node, 'postgres', user => 'second', connstr => 'application_name=by_hand');
    my $change = add_column();

    sql("SELECT dbm_grant('deploy', 'second')");
    configure(lock_retry_delay => '100ms', lock_retry_deadline => '1min');
    $first->query("BEGIN; SELECT outcome FROM dbm_apply('20260101_900001_by_hand', 'ALTER TABLE stock ADD COLUMN x integer');");
    $repository->check([ 'deploy', 'prod' ], 15, qr/another deployment is in progress/, 'is not waited for');
    my $waiting = application('SELECT 1');
    $waiting->send("SELECT * FROM stock;\n");
    $node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND relation = 'stock'::regclass");
    my $status = $repository->json('status', 'prod')->[0];
    is_deeply([ @{$status}{qw(lock_pid lock_role lock_application lock_queue lock_blockers)} ],
        [ pid_of($first), 'second', 'by_hand', 1, undef ], 'status tells who holds the lock, and how many wait behind');
    ok($status->{lock_since}, 'and since when');
    like(($repository->run('status', 'prod'))[2], qr/^deploying to "prod" now: process \d+, role "second", application "by_hand", since .*\n  1 session waits behind it for a lock$/m, 'and people in words');
    configure(lock_retry_deadline => '1s');
    $repository->check([ 'deploy', 'prod', '--wait' ], 15, qr/giving up after \d+ attempts/, 'nor for ever');
    configure(lock_retry_deadline => '10min');
    my $started = $repository->start('deploy', 'prod', '--wait');
    await_stderr($started, qr/waits for another deployment, asking again in [\d.]+ s\nHeld by process \d+, role "second", application "by_hand"/);
    $first->query('COMMIT');
    is($repository->finish($started), 0, 'but is if asked to');
    $first->close;
    $waiting->close;
};

subtest 'waiting for a deployment is no attempt to get a lock' => sub {
    my $first = DbmSession->new($node, 'postgres', user => 'second', connstr => 'application_name=by_hand');
    my $change = add_column();
    my $reader = application('SELECT * FROM orders');

    configure(lock_timeout => '200ms', lock_retries => 1, lock_retry_delay => '100ms', lock_retry_deadline => '1min');
    $first->query("BEGIN; SELECT outcome FROM dbm_apply('20260101_900002_by_hand', 'ALTER TABLE stock ADD COLUMN y integer');");
    my $started = $repository->start('deploy', 'prod', '--wait');
    await_stderr($started, qr/(?:waits for another deployment.*){3}/s);
    $first->query('COMMIT');
    is($repository->finish($started), 8, 'the lock is not to be had');
    like($started->{stderr}, qr/could not get a lock \(attempt 1 of 2\), trying again in/, 'but it was tried again as often as the environment says');
    $first->close;
    $reader->close;
    $repository->check([ 'deploy', 'prod' ], 0, undef, 'afterwards');
};

subtest 'who is in the way of whoever deploys' => sub {
    my $reader = application('SELECT * FROM orders');
    my $change = add_column();

    configure(lock_timeout => '10min');
    my $started = $repository->start('deploy', 'prod');
    $node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND relation = 'orders'::regclass");
    my $blockers = $repository->json('status', 'prod')->[0]{lock_blockers};
    is($blockers->[0]{pid}, pid_of($reader), 'status tells');
    $reader->close;
    is($repository->finish($started), 0, 'until it is gone');
};

subtest 'idle in transaction' => sub {
    my $old = application('SELECT * FROM orders');
    my $other = application('SELECT * FROM stock');
    my $change = add_column();

    configure(lock_timeout => '200ms', lock_retries => 3, lock_retry_delay => '50ms');
    $repository->check([ 'deploy', 'prod' ], 8, undef, 'nobody is ended unless a setting says so');
    configure(cancel_idle_in_transaction => '10min');
    $repository->check([ 'deploy', 'prod' ], 8, undef, 'nor before its time');
    configure(cancel_idle_in_transaction => '500ms', lock_retries => 20);
    my $pid = pid_of($old);
    my (undef, $stderr) = $repository->check([ 'deploy', 'prod' ], 0, qr/Process $pid, .*, terminated: </, 'ended after it');
    is(sql("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid"), 0, 'it is gone');
    is(pid_of($other) ? 'there' : '', 'there', 'one that is in nobody\'s way is not');
    is(sql("SELECT action, object, change, authenticated_role, detail ~ '^role app, application billing, held AccessShareLock on table public.orders, in transaction since ' FROM dbmaestro.audit_event WHERE kind = 'cancel'"),
        "terminate session|process $pid|$change|deployer|t", 'and on record');
    is(sql("SELECT b ->> 'ended' FROM dbmaestro.run, jsonb_array_elements(blockers) AS b WHERE change = '$change' AND b ? 'ended'"), 'terminated', 'in the run as well');
    $other->close;

    my $superuser = application('SELECT * FROM orders', user => 'postgres');
    $pid = pid_of($superuser);
    add_column();
    configure(lock_retries => 5);
    sql('SELECT pg_sleep(0.6)');
    $repository->check([ 'deploy', 'prod' ], 8, qr/Process $pid/, 'never a superuser\'s');
    $superuser->close;
    my $active = application('SELECT * FROM orders');
    $active->send("SELECT pg_sleep(1000);\n");
    sql('SELECT pg_sleep(0.6)');
    $repository->check([ 'deploy', 'prod' ], 8, qr/Process \d+, role "app"/, 'nor one that is at work');
    is(sql("SELECT count(*) FROM dbmaestro.audit_event WHERE kind = 'cancel'"), 1, 'nothing was done to them');
    sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep.1000'");
    sql("SELECT dbm_configure('cancel_idle_in_transaction', NULL)");
    $repository->check([ 'deploy', 'prod' ], 0, undef, 'afterwards');
};

# Begins a vacuum that takes its time, by a worker; returns its pid.
sub start_autovacuum
{
    $node->append_conf('postgresql.conf', "autovacuum = on\nautovacuum_naptime = 1s\n");
    $node->reload;
    $node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE relation = 'orders'::regclass AND mode = 'ShareUpdateExclusiveLock' AND backend_type = 'autovacuum worker'");
    return sql("SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE relation = 'orders'::regclass AND mode = 'ShareUpdateExclusiveLock' AND backend_type = 'autovacuum worker'");
}

subtest 'autovacuum' => sub {
    sql("INSERT INTO orders SELECT i, repeat('x', 1000) FROM generate_series(2, 3000) AS i; DELETE FROM orders WHERE id % 2 = 0");
    new_change('ALTER TABLE orders SET (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1, autovacuum_freeze_max_age = 100000)');
    $repository->check([ 'deploy', 'prod' ], 0, undef, 'a table whose vacuum takes its time');
    my $change = add_column();
    my $pid = start_autovacuum();

    configure(lock_timeout => '300ms', lock_retries => 1, lock_retry_delay => '100ms');
    $repository->check([ 'deploy', 'prod' ], 8, qr/Process $pid \(autovacuum worker\), holds ShareUpdateExclusiveLock on table public\.orders/, 'is in the way');
    is(sql("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid"), 1, 'and stays');
    configure(cancel_autovacuum => 'on', lock_retries => 20);
    $repository->check([ 'deploy', 'prod' ], 0, qr/Process $pid \(autovacuum worker\), .*, cancelled: </, 'until a setting lets it be cancelled');
    is(sql("SELECT count(*) > 0 FROM dbmaestro.audit_event WHERE kind = 'cancel' AND action = 'cancel autovacuum' AND change = '$change'"), 't', 'which is on record');
    like($node->slurp_log, qr/canceling autovacuum task/, 'and in the server\'s log') if $node->can('slurp_log');

    # one that protects from wraparound
    $node->append_conf('postgresql.conf', "autovacuum = off\n");
    $node->reload;
    sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'");
    $node->safe_psql('postgres', 'DO $$ BEGIN FOR i IN 1 .. 101000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$');
    add_column();
    $pid = start_autovacuum();
    like(sql("SELECT query FROM pg_stat_activity WHERE pid = $pid"), qr/to prevent wraparound/, 'one that protects from wraparound');
    configure(lock_retries => 3);
    $repository->check([ 'deploy', 'prod' ], 8, qr/Process $pid \(autovacuum worker\)/, 'is never cancelled');
    is(sql("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid"), 1, 'and stays');
};

$node->stop('immediate');
done_testing();

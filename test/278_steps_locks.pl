# Locks that a run in steps cannot get, in a group or in a worker: who has them
# is told and recorded, ended where a setting says so, and a deadlock of three is
# one like that of two.
use strict;
use warnings FATAL => 'all';

use FindBin;
use JSON::PP;
use lib "$FindBin::RealBin/lib";
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $database = 'shop';
my $node = dbm_node('locks', bare => 1, conf => "fsync = off\nautovacuum = off\n");
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN; CREATE ROLE deployer LOGIN; CREATE ROLE shop_owner');
dbm_database($node, $database, environment => 'prod', run_as => 'shop_owner');
$node->safe_psql($database, $_)
  foreach map({ "CREATE TABLE $_ (i int, j int); ALTER TABLE $_ OWNER TO shop_owner; GRANT ALL ON $_ TO app;" } qw(a b c t)),
  'GRANT CREATE ON SCHEMA public TO shop_owner', "SELECT dbm_grant('deploy', 'deployer')",
  "SELECT dbm_configure('change_name_pattern', '.')", "SELECT dbm_configure('lock_retry_delay', '100ms')";

sub value
{
    my ($sql) = @_;

    return $node->safe_psql($database, $sql);
}

sub configure
{
    my (%settings) = @_;

    value("SELECT dbm_configure('$_', '$settings{$_}')") foreach keys %settings;
    return;
}

# The application, which would notice a deadlock long after us.
sub application
{
    my (@statements) = @_;
    my $session = DbmSession->new($node, $database, user => 'app', connstr => 'application_name=billing');

    $session->{pid} = $session->query('SELECT pg_backend_pid()');
    $session->query(join '; ', 'BEGIN', @statements);
    return $session;
}

sub deployer
{
    my ($options) = @_;

    return DbmSession->new($node, $database, user => 'deployer', connstr => "application_name=deploy options='" . ($options // '') . "'");
}

sub wait_for
{
    my ($what, $sql) = @_;

    $node->poll_query_until($database, $sql) or die "not within the time: $what";
    return;
}

sub call
{
    my ($change, $script) = @_;

    return "CALL dbm_apply_in_steps('$change', " . dbm_quote($script) . ')';
}

sub blockers_of
{
    my ($change) = @_;
    my $json = value("SELECT blockers FROM dbmaestro.run WHERE change = '$change' ORDER BY id DESC LIMIT 1");

    return $json ? decode_json($json) : [];
}

sub facts
{
    my ($blocker) = @_;

    return join '|', map { $_ // '' } @{$blocker}{qw(pid role application_name object held awaited)};
}

# ---- who was in the way ----

configure(lock_timeout => '200ms', lock_retries => 1);
foreach my $case ([ worker => 'VACUUM t' ], [ group => "CREATE INDEX CONCURRENTLY group_t ON a (i);\nALTER TABLE t ADD COLUMN k int" ])
{
    my ($name, $script) = @$case;
    my $application = application('LOCK TABLE t');
    my $session = deployer();

    $session->query(call($name, $script));
    is($session->error->{sqlstate}, '55P03', "$name: no lock");
    like($session->{err}, qr/NOTICE: .*attempt 1 of 2 could not get a lock.*\nDETAIL:  Process $application->{pid}, role "app", application "billing", holds AccessExclusiveLock on table public\.t/m,
        "$name: told at each attempt");
    like($session->error->{detail}, qr/^Process $application->{pid}, role "app"/, "$name: and in the error");
    is(facts(blockers_of($name)->[0]), "$application->{pid}|app|billing|table public.t|AccessExclusiveLock|", "$name: the run knows who it was");
    $application->close;
    like($session->query(call($name, $script)), qr/^applied\|/, "$name: afterwards it goes on");
    is_deeply(blockers_of($name), [], "$name: a run that is applied was kept by nobody");
    $session->close;
}

# ---- while it waits ----

{
    my $application = application('LOCK TABLE t');
    my $session = deployer();
    my $behind = DbmSession->new($node, $database, user => 'app');

    configure(lock_timeout => '0');
    $session->ask(call('waits', 'VACUUM FULL t'));
    wait_for('the worker', q(SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'dbmaestro step' AND wait_event_type = 'Lock')));
    $behind->ask('BEGIN; LOCK TABLE t; COMMIT');
    wait_for('the one behind', q(SELECT count(*) = 2 FROM pg_locks WHERE relation = 't'::regclass AND NOT granted));
    my $status = decode_json(value('SELECT row_to_json(s) FROM dbm_status() AS s'));
    is($status->{lock_blockers}[0]{pid}, $application->{pid}, 'status: who is in the way of the worker');
    is($status->{lock_queue}, 1, 'status: and who stands behind it');
    # another backend of that number, of another time, is not the one that is at it
    is(value("SELECT concat_ws(' ', dbmaestro._dbm_run_outcome('running', lock_pid, backend_start), dbmaestro._dbm_run_outcome('running', lock_pid, 'epoch'))"
              . ' FROM dbm_status() JOIN pg_stat_activity ON pid = lock_pid'), 'running interrupted', 'status: a backend is known by its start, too');
    $application->close;
    like($session->answer, qr/^applied\|/, 'status: let go, it is applied');
    $_->close foreach $session, $behind;
}

# ---- a client that goes while nothing is done ----

{
    my $application = application('LOCK TABLE t');
    my $session = deployer();
    my $pid = $session->query('SELECT pg_backend_pid()');

    configure(lock_timeout => '100ms', lock_retries => 3, lock_retry_delay => '10min');
    $session->ask(call('gone', "COMMENT ON TABLE a IS 'done'; LOCK TABLE t;\nCREATE INDEX CONCURRENTLY gone_i ON a (j)"));
    wait_for('the pause', "SELECT wait_event = 'Extension' FROM pg_stat_activity WHERE pid = $pid");
    $session->kill;
    wait_for('the end of the session', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)");
    is(value('SELECT unfinished_state FROM dbm_status()'), 'interrupted', 'gone: nobody is at it any more');
    $application->close;
    configure(lock_retry_delay => '100ms');
    $session = deployer();
    like($session->query("CALL dbm_resume('gone')"), qr/^applied\|/, 'gone: resumed');
    $session->close;
}

# ---- ended where a setting says so ----

{
    my $application = application('SELECT count(*) FROM t');
    my $session = deployer();

    configure(lock_timeout => '300ms', lock_retries => 20, cancel_idle_in_transaction => '100ms');
    like($session->query(call('ended', 'VACUUM FULL t')), qr/^applied\|/, 'idle: the worker gets its lock') or diag($session->{err});
    like($session->{err}, qr/Process $application->{pid}, .* terminated/, 'idle: from one that was idle');
    is(value(q(SELECT concat_ws('|', action, object, change, authenticated_role) FROM dbmaestro.audit_event WHERE kind = 'cancel')),
        "terminate session|process $application->{pid}|ended|deployer", 'idle: on record');
    value(q(SELECT dbm_configure('cancel_idle_in_transaction', NULL)));
    $_->close foreach $application, $session;
}

# ---- a deadlock of three: each of them waits for the next one ----

value(q(ALTER ROLE app SET deadlock_timeout = '10min'));

# Two sessions of the application, each waiting, once we have what they want.
sub close_the_ring
{
    my ($first, $wants, $second, $also) = @_;

    $first->ask($wants);
    wait_for('the first of them', "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $first->{pid} AND NOT granted)");
    $second->ask($also);
    return;
}

foreach my $retries (0, 5)
{
    my $name = "three_$retries";
    my $first = application('LOCK TABLE a');
    my $second = application('LOCK TABLE b');
    my $session = deployer();

    configure(lock_timeout => '1min', lock_retries => $retries);
    # we hold c and want a, which has the first, who wants b, which has the second, who wants c
    $session->ask(call($name, "LOCK TABLE c; LOCK TABLE a; CREATE VIEW ${name}_v AS SELECT 1 AS one;\nCREATE INDEX CONCURRENTLY ${name}_i ON c (i)"));
    wait_for('the step', q(SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'a'::regclass AND NOT granted)));
    close_the_ring($first, 'LOCK TABLE b', $second, 'LOCK TABLE c');
    $second->answer;
    is($second->{err}, '', "$name: we are the ones who give way");
    $second->query('COMMIT');
    $first->answer;
    $first->query('COMMIT');
    my $answer = $session->answer;
    like($session->{err}, qr/Process $_->{pid}, role "app", application "billing", waits for AccessExclusiveLock/, "$name: process $_->{pid} is named")
      foreach $first, $second;
    if ($retries)
    {
        like($answer, qr/^applied\|/, "$name: tried again, it is applied") or diag($session->{err});
    }
    else
    {
        is($session->error->{sqlstate}, '40P01', "$name: the error of the server");
        is(join(' ', sort map { facts($_) } @{ blockers_of($name) }),
            join(' ', sort "$first->{pid}|app|billing|table public.b||AccessExclusiveLock", "$second->{pid}|app|billing|table public.c||AccessExclusiveLock"),
            "$name: the run knows both");
        like($session->query(call($name, "CREATE INDEX CONCURRENTLY ${name}_i ON c (i)")), qr/^applied\|/, "$name: nothing of it is left");
    }
    $_->close foreach $first, $second, $session;
}

# The build of an index waits for whoever has written the table before it.
foreach my $retries (0, 5)
{
    my $name = "build_$retries";
    my $first = application('LOCK TABLE a');
    my $second = application('INSERT INTO t (i) VALUES (1)');
    my $session = deployer();

    configure(lock_retries => $retries);
    $session->ask(call($name, "CREATE VIEW ${name}_v AS SELECT 1 AS one;\nCREATE INDEX CONCURRENTLY ${name}_i ON t (i)"));
    wait_for('the build', q(SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'virtualxid' AND NOT granted)));
    close_the_ring($first, 'LOCK TABLE t IN SHARE MODE', $second, 'LOCK TABLE a');
    wait_for('the end of the ring', q(SELECT NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'virtualxid' AND NOT granted)));
    # what we have left behind can go when both of them are done
    value("SELECT pg_cancel_backend($first->{pid})");
    $first->answer;
    $first->query('ROLLBACK');
    $second->answer;
    $second->query('COMMIT');
    my $answer = $session->answer;
    like($session->{err}, qr/Process $_->{pid}, role "app", application "billing", waits for/, "$name: process $_->{pid} is named") foreach $first, $second;
    if ($retries)
    {
        like($answer, qr/^applied\|/, "$name: tried again, it is applied") or diag($session->{err});
        is(value("SELECT string_agg(indisvalid::text, ' ') FROM pg_index WHERE indexrelid::regclass::text ~ '^$name'"), 'true', "$name: and valid");
    }
    else
    {
        is($session->error->{sqlstate}, '40P01', "$name: the error of the server");
        is(join(' ', sort map { $_->{pid} } @{ blockers_of($name) }), join(' ', sort $first->{pid}, $second->{pid}), "$name: the run knows both");
        is(value("SELECT count(*) FROM pg_index WHERE indexrelid::regclass::text ~ '^$name'"), '0', "$name: no invalid index stays");
        like($session->query("CALL dbm_resume('$name')"), qr/^applied\|/, "$name: resumed");
    }
    $_->close foreach $first, $second, $session;
}

$node->stop;
done_testing();

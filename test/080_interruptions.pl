# A run that is cut short: by statement_timeout, a cancel, a terminated backend,
# a client that goes away, an error in the last statement, a lock that does not
# come, a lock table that is full.  Nothing of it stays, role and settings are
# the client's again, a failed run is on record, and the next call goes through.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $database = 'postgres';
my $node = dbm_node('interruptions', bare => 1, conf => "fsync = off\nmax_locks_per_transaction = 10\n"
      . "max_connections = 20\n");
$node->safe_psql($database, 'CREATE ROLE shop_owner; CREATE ROLE deployer LOGIN;'
      . ' GRANT CREATE, USAGE ON SCHEMA public TO shop_owner');
dbm_database($node, $database, environment => 'prod', run_as => 'shop_owner', guard => 'enforce');
$node->safe_psql($database, $_)
  foreach "SELECT dbm_grant('deploy', 'deployer')", "SELECT dbm_configure('change_name_pattern', '.')";

# Settings and role that a run must not leave behind; %s is the change's table.
my $prelude = "SET work_mem = '3MB';\nSET search_path = pg_catalog;\n"
  . "SET LOCAL statement_timeout = 0;\nCREATE TABLE public.%s (id int);\n";
my $clean = "SELECT concat_ws('|', current_user, session_user, current_setting('work_mem'),"
  . " current_setting('search_path'), current_setting('is_superuser'), current_setting('statement_timeout'))";

sub call
{
    my ($name, $script, @more) = @_;

    return 'SELECT outcome FROM dbm_apply('
      . join(', ', dbm_quote($name), dbm_quote(sprintf($prelude, $name) . $script), @more) . ');';
}

# What is left of a change that did not come through: nothing but this.
sub leavings
{
    my ($name) = @_;

    return $node->safe_psql($database, <<SQL);
SELECT concat_ws(' ', to_regclass('$name') IS NULL,
    NOT EXISTS (SELECT FROM dbmaestro.change WHERE change = '$name' AND state = 'applied'),
    (SELECT string_agg(concat_ws(' ', outcome, sqlstate, failed_statement, failed_line,
            (SELECT count(*) FROM dbmaestro.run_statement AS s WHERE s.run = r.id)), ', ')
       FROM dbmaestro.run AS r WHERE change = '$name'))
SQL
}

# The same session goes on as if nothing had been, and applies what failed.
sub goes_on
{
    my ($session, $name, $what, $timeout) = @_;

    is($session->query($clean), "deployer|deployer|4MB|\"\$user\", public|off|$timeout",
        "$what: role and settings are the client's again");
    is($session->query("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype <> 'virtualxid'"
              . " AND relation IS DISTINCT FROM 'pg_locks'::regclass AND relation IS DISTINCT FROM 'pg_extension'::regclass"
              . ' AND relation::regclass::text NOT LIKE \'pg\\_%\''),
        '0', "$what: no lock is left");
    $session->query('CREATE TABLE sneaked_in ()');
    is($session->error->{sqlstate}, 'MA001', "$what: the session is not authorised any more");
    is($session->query(call($name, '')), 'applied', "$what: the next call applies it");
    is($session->query(call($name, '')), 'already applied', "$what: and it is known");
    return;
}

sub wait_for_sleep
{
    my ($session) = @_;

    $node->poll_query_until($database,
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $session->{pid} AND wait_event = 'PgSleep')")
      or die 'the script does not sleep';
    return;
}

sub open_session
{
    my (%parameter) = @_;
    my $session = DbmSession->new($node, $database, user => 'deployer', %parameter);

    $session->{pid} = $session->query('SELECT pg_backend_pid()');
    return $session;
}

# ---- statement_timeout: the client's, the script's ----

my $session = open_session(connstr => "options='-c statement_timeout=300ms'");
my $sleepless = "SELECT dbm_apply('timeout_of_client', '" . 'CREATE TABLE timeout_of_client ();'
  . " SELECT pg_sleep(600);')";
$session->query($sleepless);
is($session->error->{sqlstate}, '57014', 'statement_timeout of the client ends a statement of the script');
like($session->{err}, qr/change "timeout_of_client", statement 2 at line 1/, 'and says which');
is(leavings('timeout_of_client'), 't t failed 57014 2 1 1', 'the failed run is on record');
$session->query('SELECT pg_sleep(600)');
is($session->error->{sqlstate}, '57014', 'the timeout is armed for the next statement of the client');
goes_on($session, 'timeout_of_client', 'statement_timeout', '300ms');
$session->close;

$session = open_session();
$session->query("SELECT dbm_apply('timeout_of_script', 'CREATE TABLE timeout_of_script (); SET statement_timeout = 200; SELECT pg_sleep(600);')");
is($session->error->{sqlstate}, '57014', 'statement_timeout set by the script ends its statement');
is(leavings('timeout_of_script'), 't t failed 57014 3 1 2', 'the failed run is on record');
goes_on($session, 'timeout_of_script', 'statement_timeout of the script', '0');

# several statements, each within the limit, all of them beyond it
$session->query('SET statement_timeout = 400');
is( $session->query("SELECT outcome FROM dbm_apply('timeout_each', '" . 'SELECT pg_sleep(0.15);' x 4 . "')"),
    'applied', 'the limit is one of each statement, not of the run');
$session->query('RESET statement_timeout');

# ---- cancel ----

$session->ask(call('cancelled', 'SELECT pg_sleep(600);'));
wait_for_sleep($session);
$node->safe_psql($database, "SELECT pg_cancel_backend($session->{pid})");
$session->answer;
is($session->error->{sqlstate}, '57014', 'a cancel ends the statement of the script');
is(leavings('cancelled'), 't t failed 57014 5 5 4', 'cancel: the failed run is on record');
goes_on($session, 'cancelled', 'cancel', '0');

# ---- an error in the last statement, inside a transaction of the client too ----

$session->query(call('last_raises', "DO 'BEGIN RAISE ''no more''; END';"));
is($session->error->{message}, 'no more', 'an error in the last statement arrives as it was raised');
is(leavings('last_raises'), 't t failed P0001 5 5 4', 'error: the failed run is on record');
goes_on($session, 'last_raises', 'error', '0');

$session->query('BEGIN; SAVEPOINT before');
$session->query(call('in_block', 'SELECT 1/0;'));
is($session->error->{sqlstate}, '22012', 'an error inside a transaction block');
$session->query('ROLLBACK TO before');
is($session->query(call('in_block', '')), 'applied', 'after ROLLBACK TO a savepoint it can be applied');
$session->query('ROLLBACK');
is(leavings('in_block'), 't t failed 22012 5 5 4', 'and ROLLBACK takes that back, not the record of the failure');
goes_on($session, 'in_block', 'transaction block', '0');

# what is raised at the very end: a deferred constraint
$session->query(call('deferred', 'CREATE TABLE public.deferred_p (id int PRIMARY KEY);'
      . ' CREATE TABLE public.deferred_c (id int REFERENCES public.deferred_p DEFERRABLE INITIALLY DEFERRED);'
      . ' INSERT INTO public.deferred_c VALUES (1);'));
is($session->error->{sqlstate}, '23503', 'a deferred constraint fails within the run');
like(leavings('deferred'), qr/^t t failed 23503 /, 'deferred constraint: the failed run is on record');
goes_on($session, 'deferred', 'deferred constraint', '0');

# ---- a lock that does not come ----

my $holder = DbmSession->new($node, $database);
$holder->query('BEGIN; LOCK TABLE cancelled');
$session->query('SET lock_timeout = 200');
$session->query(call('waits', 'ALTER TABLE public.cancelled ADD COLUMN n int;'));
is($session->error->{sqlstate}, '55P03', 'lock_timeout of the client holds inside the run');
is(leavings('waits'), 't t failed 55P03 5 5 4', 'lock_timeout: the failed run is on record');
$session->query('RESET lock_timeout');
$holder->query('ROLLBACK');
$holder->close;
goes_on($session, 'waits', 'lock_timeout', '0');

# ---- more tables than the server has locks for ----

my $tables = join "\n", map { "CREATE TABLE public.crowd_$_ (id int PRIMARY KEY, t text UNIQUE);" } 1 .. 3000;
$session->query(call('crowd', $tables));
is($session->error->{sqlstate}, '53200', 'a lock table that is full');
like($session->error->{hint} // '', qr/max_locks_per_transaction/, 'has the hint of the server');
like(leavings('crowd'), qr/^t t failed 53200 \d+ \d+ \d+$/, 'full lock table: the failed run is on record');
is($node->safe_psql($database, "SELECT count(*) FROM pg_class WHERE relname LIKE 'crowd%'"),
    '0', 'and no table is there');
goes_on($session, 'crowd', 'full lock table', '0');
$session->close;

# ---- the backend is terminated, the client goes away ----

$session = open_session();
$session->query("SELECT dbm_deployment_start('[\"terminated\"]') AS deployment \\gset");
my $deployment = $session->query('\echo :deployment');
my $state = "SELECT state FROM dbmaestro.deployment_history WHERE deployment = $deployment";
$session->send(call('terminated', 'SELECT pg_sleep(600);', "deployment => $deployment") . "\n");
wait_for_sleep($session);
is($node->safe_psql($database, $state), 'running', 'a deployment whose session works is running');
$node->safe_psql($database, "SELECT pg_terminate_backend($session->{pid}, 60000)");
$session->close;
like($session->{err}, qr/57P01/, 'a terminated session is told');
is($node->safe_psql($database, $state), 'interrupted', 'terminated: the deployment is interrupted');
is(leavings('terminated'), 't t', 'terminated: nothing is left, not even a run');
$session = open_session();
goes_on($session, 'terminated', 'terminated', '0');

# the server looks for a lost client while it works
$session->query("SET client_connection_check_interval = '50ms'");
$session->send(call('deserted', 'SELECT pg_sleep(600);') . "\n");
wait_for_sleep($session);
my $pid = $session->{pid};
$session->kill;
$node->poll_query_until($database, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)")
  or die 'the backend of the lost client stays';
is(leavings('deserted'), 't t', 'lost client: nothing is left');
$session = open_session();
goes_on($session, 'deserted', 'lost client', '0');

# without that, the run ends as if the client were there: applied and recorded
$session->send(call('unattended', 'SELECT pg_sleep(0.5);') . "\n");
wait_for_sleep($session);
$session->kill;
$node->poll_query_until($database,
    "SELECT EXISTS (SELECT FROM dbmaestro.change WHERE change = 'unattended' AND state = 'applied')")
  or die 'the run of the lost client is not recorded';
is($node->safe_psql($database, "SELECT outcome, statements FROM dbmaestro.run WHERE change = 'unattended'"),
    'applied|5', 'lost client that nobody looked for: applied and recorded');

is($node->safe_psql($database, 'SELECT waiting, broken, lost FROM dbmaestro._dbm_durable_files()'),
    '0|0|0', 'no record waits, is broken or lost');
is($node->safe_psql($database, "SELECT finding FROM dbm_doctor() WHERE health = 'error'"),
    '', 'dbm_doctor finds no error');
$node->stop;
done_testing();

# Two clients over one server connection, through pgbouncer in transaction mode:
# what the run of one of them sets, or is, never reaches the other.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmPooler;
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'pgbouncer is not installed' unless DbmPooler->program;

my $node = dbm_node('pooled', bare => 1, conf => "fsync = off\n");
my $directory = $node->basedir;

$node->safe_psql('template1', 'CREATE ROLE deployer LOGIN; CREATE ROLE shop_owner');
dbm_database($node, 'prod', environment => 'prod', run_as => 'shop_owner');
$node->safe_psql('prod', $_)
  foreach 'GRANT CREATE, USAGE ON SCHEMA public TO shop_owner',
  'CREATE SCHEMA other AUTHORIZATION shop_owner',
  "SELECT dbm_grant('deploy', 'deployer')",
  "SELECT dbm_configure('change_name_pattern', '.')",
  "SELECT dbm_guard('enforce')";

# everybody is deployer to the server, and there is one connection for them all
my $conninfo = DbmPooler->new($node, 'prod', user => 'deployer', mode => 'transaction')->conninfo;
my $one = DbmSession->new($node, 'prod', conninfo => $conninfo);
my $other = DbmSession->new($node, 'prod', conninfo => $conninfo);
my $settings = "SELECT concat_ws('|', pg_backend_pid(), current_user, session_user, current_setting('work_mem'),"
  . " current_setting('search_path'), current_setting('statement_timeout'), current_setting('synchronous_commit'))";
my $clean = $one->query($settings);
is($other->query($settings), $clean, 'two clients share a connection to the server');

# nothing of a run is left for the other, whichever way the run ends
sub check_clean
{
    my ($what) = @_;

    is($other->query($settings), $clean, "$what: role and settings are as before");
    $other->query('CREATE TABLE public.sneaked_in ()');
    is($other->error->{sqlstate}, 'MA001', "$what: the other client is not authorised");
    $other->query('SET ROLE shop_owner');
    is($other->error->{sqlstate}, '42501', "$what: nor may it become run_as");
    return;
}

my $loud = "SET search_path = other; SET work_mem = '7MB'; SET statement_timeout = '1h'; SET synchronous_commit = off;"
  . ' CREATE TABLE %s (id int);';

is($one->query("SELECT outcome FROM dbm_apply('1_one', \$s\$" . sprintf($loud, 'one') . '$s$)'),
    'applied', 'dbm_apply through the pooler');
check_clean('applied');
is($node->safe_psql('prod', "SELECT relnamespace::regnamespace, relowner::regrole FROM pg_class WHERE relname = 'one'"),
    'other|shop_owner', 'the script ran as it says');
is($other->query("SELECT outcome FROM dbm_apply('1_one', \$s\$" . sprintf($loud, 'one') . '$s$)'),
    'already applied', 'and the other client is told so');
is($node->safe_psql('prod', 'SELECT executed_by, run_as FROM dbmaestro.run'),
    'deployer|shop_owner', 'who did it is the role that the pooler logged in as');

$one->query("SELECT dbm_apply('2_two', \$s\$" . sprintf($loud, 'two') . ' SELECT 1/0$s$)');
is($one->error->{sqlstate}, '22012', 'a run that fails');
check_clean('failed');

$one->query("BEGIN; SELECT outcome FROM dbm_apply('3_three', \$s\$" . sprintf($loud, 'three') . '$s$)');
$one->query('ROLLBACK');
check_clean('rolled back');

# while a transaction with a run is open, the other waits; then it is nobody's
$one->query('BEGIN');
$one->query("SELECT outcome FROM dbm_apply('3_three', \$s\$" . sprintf($loud, 'three') . '$s$)');
$other->ask('CREATE TABLE public.sneaked_in ()');
is($one->query('SELECT current_user'), 'deployer', 'the transaction goes on after the run');
$one->query('COMMIT');
$other->answer;
is($other->error->{sqlstate}, 'MA001', 'a client that waited for the connection is not authorised');
check_clean('committed');

# the extended protocol, with a prepared statement where the pooler allows it
append_to_file("$directory/extended.sql", "SELECT dbm_apply('4_four', 'CREATE TABLE other.four ()');\n");
my $bindir = $node->config_data('--bindir');
SKIP:
{
    skip 'pgbench is not installed', 2 unless -x "$bindir/pgbench";
    $node->command_ok(
        [ 'pgbench', '-n', '-t', '2', '-M', 'extended', '-f', "$directory/extended.sql", $conninfo ],
        'dbm_apply by the extended protocol');
    is($node->safe_psql('prod', "SELECT count(*) FROM dbmaestro.run WHERE change = '4_four'"),
        '1', 'is applied once');
}
check_clean('extended protocol');

# what cannot run in one transaction, whose steps are transactions of one connection
my $steps = 'SET search_path = other; CREATE TABLE many (id int); CREATE INDEX CONCURRENTLY ON many (id); VACUUM many';
is($one->query("CALL dbm_apply_in_steps('4_many', '$steps')") =~ s/^(\w+)\|\d+\|(\d+)\|.*/$1|N|$2/r, 'applied|N|4', 'dbm_apply_in_steps through the pooler');
check_clean('applied in steps');
$one->query("CALL dbm_apply_in_steps('4_more', 'CREATE TABLE other.more (); CREATE INDEX CONCURRENTLY ON other.none (id)')");
is($one->error->{sqlstate}, '42P01', 'steps that fail');
check_clean('failed in steps');
$one->query("CALL dbm_rollback_in_steps('4_more')");
is($one->error->{sqlstate}, 'MA010', 'and are not for everybody to roll back');
append_to_file("$directory/steps.sql", "CALL dbm_apply_in_steps(:change, :script);\n");
SKIP:
{
    skip 'pgbench is not installed', 2 unless -x "$bindir/pgbench";
    $node->command_ok(
        [
            'pgbench', '-n', '-t', '2', '-M', 'extended', '-D', 'change=4_extended', '-D',
            'script=CREATE TABLE other.extended (); VACUUM other.extended', '-f', "$directory/steps.sql", $conninfo
        ],
        'dbm_apply_in_steps by the extended protocol, with parameters');
    is($node->safe_psql('prod', "SELECT string_agg(outcome, ' ') FROM dbmaestro.run WHERE change = '4_extended'"),
        'applied', 'is applied once');
}
check_clean('steps by the extended protocol');

# a deployment that several transactions, maybe connections, take part in
my $deployment = $one->query("SELECT dbm_deployment_start('[\"5_five\"]')");
is($other->query("SELECT outcome FROM dbm_apply('5_five', 'CREATE TABLE other.five ()', deployment => $deployment)"),
    'applied', 'a deployment begun by one client goes on with another');
$one->query("SELECT dbm_deployment_finish($deployment, 'succeeded')");
is($node->safe_psql('prod', "SELECT state, runs FROM dbmaestro.deployment_history WHERE deployment = $deployment"),
    'succeeded|1', 'and is finished');

# a client that is gone in mid-run: the pooler gives up the connection
$one->ask("SELECT dbm_apply('6_six', \$s\$" . sprintf($loud, 'six') . ' SELECT pg_sleep(0.3)$s$)');
$node->poll_query_until('prod', "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')")
  or die 'the script does not sleep';
$one->kill;
my $fresh = $other->query($settings);
isnt($fresh, $clean, 'the next client gets another connection');
is($fresh =~ s/^\d+//r, $clean =~ s/^\d+//r, 'which is as clean');
$node->poll_query_until('prod', "SELECT count(*) = 1 FROM pg_stat_activity WHERE usename = 'deployer'")
  or die 'the backend of the lost client stays';
is( $node->safe_psql('prod', "SELECT (to_regclass('other.six') IS NOT NULL) = (SELECT count(*) = 1 FROM dbmaestro.change"
          . " WHERE change = '6_six' AND state = 'applied')"),
    't',
    'the change is there and recorded, or neither');
$other->close;
$node->stop;
done_testing();

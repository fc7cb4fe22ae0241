# Copies of an enforcing database: CREATE DATABASE ... TEMPLATE, a renamed one,
# a promoted standby, a base backup started on its own, pg_upgrade.  One that
# the identifiers can tell from the original is detached or unconfirmed, says
# so, and becomes an environment by dbm_attach.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'time';

my $primary = dbm_node(
    'primary',
    bare => 1,
    init => { allows_streaming => 1 },
    conf => "fsync = off\ndbmaestro.instance = 'shop-1'\n");

$primary->safe_psql('template1', 'CREATE ROLE stranger LOGIN');
dbm_database($primary, 'prod', environment => 'prod', follows => 'stage', guard => 'enforce');
$primary->safe_psql('prod', "SELECT dbm_configure('change_name_pattern', '.')");
dbm_apply($primary, 'prod', '1_shop', 'CREATE TABLE public.shop (id int)', "rollback => 'DROP TABLE public.shop'");

sub status_of
{
    my ($node, $database) = @_;

    return $node->safe_psql($database, 'SELECT environment, guard, guard_in_force, identity FROM dbm_status()');
}

# What holds for every copy that is detached, until it is attached.
sub check_detached
{
    my ($node, $database, $what) = @_;
    my $session = DbmSession->new($node, $database);

    is(status_of($node, $database), 'prod|enforce|observe|detached', "$what: detached");
    is($session->query('CREATE TABLE public.scratch ()'), '', "$what: a schema change");
    like($session->{err}, qr/WARNING: .*copy of environment "prod".*HINT: .*dbm_attach/s, 'is warned about');
    $session->query('DROP TABLE public.scratch');
    is($session->{err}, '', 'and the next one of the session is not');
    foreach my $call ("dbm_apply('2_new', 'CREATE TABLE public.two ()')", "dbm_rollback('1_shop', 'x')",
        "dbm_submit('2_new', 'SELECT 2')", "dbm_guard('enforce')", "dbm_deployment_start('[]')")
    {
        $session->query("SELECT $call");
        is($session->error && $session->error->{sqlstate}, 'MA013', "$what: $call is refused");
    }
    is($session->query("SELECT health FROM dbm_doctor() WHERE check_name = 'identity'"),
        'error', "$what: dbm_doctor says so");
    $session->close;
    is(dbm_refused($node, $database, "SELECT dbm_attach('', 'stage')")->{sqlstate},
        '22023', "$what: dbm_attach wants a reason");
    return;
}

sub check_attaches
{
    my ($node, $database, $environment, $what) = @_;

    $node->safe_psql($database, "SELECT dbm_attach('a test', '$environment')");
    is(status_of($node, $database), "$environment|enforce|enforce|attached", "$what: attached");
    is(dbm_refused($node, $database, 'DROP TABLE public.shop')->{sqlstate}, 'MA001', "$what: the guard enforces");
    is(dbm_apply($node, $database, '3_new', 'CREATE TABLE public.three ()'), 'applied', "$what: changes go in");
    is($node->safe_psql($database, "SELECT outcome FROM dbm_rollback('1_shop', 'a test')"),
        'rolled back', "$what: and what came with it goes out");
    is(dbm_refused($node, $database, "SELECT dbm_attach('again', 'x')")->{sqlstate},
        '55000', "$what: dbm_attach is refused where it is attached");
    like($node->safe_psql($database, "SELECT detail FROM dbmaestro.audit_event WHERE kind = 'attach' ORDER BY id DESC LIMIT 1"),
        qr/a test/, "$what: with the reason on record");
    return;
}

# ---- CREATE DATABASE ... TEMPLATE, ALTER DATABASE ... RENAME ----

$primary->safe_psql('template1', 'CREATE DATABASE copy TEMPLATE prod');
check_detached($primary, 'copy', 'template copy');
check_attaches($primary, 'copy', 'qa', 'template copy');
is(status_of($primary, 'prod'), 'prod|enforce|enforce|attached', 'the original is what it was');
$primary->safe_psql('template1', 'ALTER DATABASE prod RENAME TO renamed');
is(status_of($primary, 'renamed'), 'prod|enforce|enforce|attached', 'a renamed database stays attached');
$primary->safe_psql('template1', 'ALTER DATABASE renamed RENAME TO prod');

# ---- a standby ----

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "dbmaestro.instance = 'shop-2'\n");
$standby->start;
my $twin = PostgreSQL::Test::Cluster->new('twin');
$twin->init_from_backup($primary, 'base', has_streaming => 1);
$twin->start;
dbm_apply($primary, 'prod', '2_more', 'CREATE TABLE public.more (id int)');
my $tree = q({"fingerprint": "tree", "changes": ["1_shop", "2_more"]});
$primary->safe_psql('prod', "SELECT state FROM dbm_plan('$tree')");
# by hand: the names and arguments of wait_for_catchup differ between releases
my $target = $primary->safe_psql('prod', 'SELECT pg_current_wal_lsn()');
foreach my $node ($standby, $twin)
{
    $node->poll_query_until('prod', "SELECT pg_last_wal_replay_lsn() >= '$target'::pg_lsn")
      or die 'the standby does not catch up';
}

is(status_of($standby, 'prod'), 'prod|enforce|enforce|attached', 'dbm_status on the standby');
is($standby->safe_psql('prod', 'SELECT count(*) FROM dbmaestro.change_history'), '2', 'the history on the standby');
is( $standby->safe_psql('prod', q(SELECT change, state FROM dbm_plan('["1_shop", "2_more", "3_next"]'))),
    "1_shop|applied\n2_more|applied\n3_next|pending",
    'dbm_plan on the standby');
is($standby->safe_psql('prod', q(SELECT state FROM dbm_plan('{"fingerprint": "tree"}'))), '', 'what is known is known there too');
is($standby->safe_psql('prod', q(SELECT state FROM dbm_plan('{"fingerprint": "other", "changes": ["1_shop"]}'))),
    "applied\nmissing", 'a plan writes nothing on the standby');
is($standby->safe_psql('prod', q(SELECT state FROM dbm_plan('{"fingerprint": "other"}'))), 'unknown', 'and makes nothing known');
is( $standby->safe_psql('prod', q(SELECT jsonb_array_length(dbm_manifest() -> 'changes'))),
    2, 'dbm_manifest on the standby');
is( $standby->safe_psql('prod', 'SELECT dbm_schema_hash()'),
    $primary->safe_psql('prod', 'SELECT dbm_schema_hash()'),
    'dbm_schema_hash on the standby');
is($standby->safe_psql('prod', "SELECT finding FROM dbm_doctor() WHERE health = 'error'"), '', 'dbm_doctor on the standby');

# refusals are quick: no worker can run here, and nobody waits for one
my %refused = (
    'CREATE TABLE public.t ()' => '25006',
    'ALTER TABLE public.shop ADD COLUMN n int' => '25006',
    "SELECT dbm_apply('4', 'CREATE TABLE public.four ()')" => '25006',
    "SELECT dbm_rollback('2_more', 'x')" => '25006',
    "SELECT dbm_submit('4', 'SELECT 4')" => '25006',
    "SELECT dbm_configure('denied_wait', '1s')" => '25006',
    "SELECT dbm_guard('off')" => '25006',
    "SELECT dbm_deployment_start('[]')" => '25006',
    "SELECT dbm_reset()" => 'MA003',
    "SELECT dbm_attach('x', 'y')" => '55000',
    "SELECT dbm_grant('deploy', 'stranger')" => '25006',
    'INSERT INTO dbmaestro.setting DEFAULT VALUES' => '25006');
foreach my $sql (sort keys %refused)
{
    my $began = time;
    my $error = dbm_refused($standby, 'prod', $sql);
    is($error && $error->{sqlstate}, $refused{$sql}, "on the standby: $sql");
    cmp_ok(time - $began, '<', 1.5, 'at once');
}
my $began = time;
is(dbm_refused($standby, 'prod', "SELECT dbm_apply('4', 'SELECT 4')", user => 'stranger')->{sqlstate},
    'MA010', 'on the standby: a stranger');
cmp_ok(time - $began, '<', 1.5, 'at once');

# ---- promotion ----

my $before = DbmSession->new($standby, 'prod');
$before->query('SELECT count(*) FROM dbm_status()');
$standby->promote;
is($before->query('SELECT guard_in_force, identity FROM dbm_status()'),
    'enforce|unconfirmed', 'a session from before the promotion sees it');
$before->query('CREATE TABLE public.t ()');
is($before->error->{sqlstate}, 'MA001', 'and is guarded from then on');
$before->close;
is(status_of($standby, 'prod'), 'prod|enforce|enforce|unconfirmed', 'promoted: unconfirmed, enforcing');
is(dbm_refused($standby, 'prod', 'DROP TABLE public.shop')->{sqlstate}, 'MA001', 'promoted: the guard enforces');
is($standby->safe_psql('prod', "SELECT count(*) FROM dbmaestro.denied_attempt WHERE action = 'DROP TABLE'"),
    '1', 'promoted: refusals are on record');
is(dbm_apply($standby, 'prod', '4_after', 'CREATE TABLE public.four ()'), 'applied', 'promoted: changes go in');
check_attaches($standby, 'prod', 'prod', 'promoted');

$twin->promote;
is(status_of($twin, 'prod'), 'prod|enforce|enforce|attached', 'promoted with the same dbmaestro.instance: attached');
is(dbm_refused($twin, 'prod', 'DROP TABLE public.shop')->{sqlstate}, 'MA001', 'and guarded');
is(dbm_apply($twin, 'prod', '4_after', 'CREATE TABLE public.four ()'), 'applied', 'and changes go in');
is(status_of($primary, 'prod'), 'prod|enforce|enforce|attached', 'the primary is what it was');
$_->stop foreach $standby, $twin;

# ---- a base backup started as it is: the same timeline, so nothing can tell ----

my $clone = PostgreSQL::Test::Cluster->new('clone');
$clone->init_from_backup($primary, 'base');
$clone->start;
is(status_of($clone, 'prod'), 'prod|enforce|enforce|attached', 'a copy of the files cannot be told (documented)');
$clone->stop;

# ---- recovered from a backup to a point of its own: a new timeline ----

my $recovered = PostgreSQL::Test::Cluster->new('recovered');
$recovered->init_from_backup($primary, 'base', has_streaming => 0, has_restoring => 0);
$recovered->append_conf('postgresql.conf', "restore_command = 'false'\ndbmaestro.instance = ''\n");
append_to_file($recovered->data_dir . '/recovery.signal', '');
$recovered->start;
$recovered->poll_query_until('prod', 'SELECT NOT pg_is_in_recovery()') or die 'recovery does not end';
is(status_of($recovered, 'prod'), 'prod|enforce|enforce|unconfirmed', 'recovered from a backup: unconfirmed');
$recovered->stop;

# ---- pg_upgrade, to the same release: another system identifier ----

$primary->stop;
my $upgraded = PostgreSQL::Test::Cluster->new('upgraded');
$upgraded->init(extra => [ '--username=postgres', '--encoding=UTF8', '--locale=C.UTF-8' ]);
$upgraded->append_conf('postgresql.conf', "shared_preload_libraries = 'dbmaestro'\nfsync = off\n");
my $bindir = $upgraded->config_data('--bindir');
chdir $upgraded->basedir or die "cannot enter the directory of the cluster: $!";
$upgraded->command_ok(
    [
        'pg_upgrade', '--no-sync', '--username', 'postgres',
        '--old-datadir', $primary->data_dir, '--new-datadir', $upgraded->data_dir,
        '--old-bindir', $bindir, '--new-bindir', $bindir,
        '--socketdir', $upgraded->host, '--old-port', $primary->port, '--new-port', $upgraded->port
    ],
    'pg_upgrade of an enforcing cluster');
$upgraded->start;
is($upgraded->safe_psql('prod', 'SELECT count(*) FROM dbmaestro.change_history'), '2', 'upgraded: the history is there');
check_detached($upgraded, 'prod', 'upgraded');
check_attaches($upgraded, 'prod', 'prod', 'upgraded');
is(status_of($upgraded, 'copy'), 'qa|enforce|observe|detached', 'upgraded: so is the other database');
is( $upgraded->safe_psql('prod', "SELECT string_agg(DISTINCT evtenabled::text, '') FROM pg_event_trigger WHERE evtname LIKE 'dbmaestro%'"),
    'A', 'upgraded: the event triggers are as they were');
is($upgraded->safe_psql('prod', "SELECT finding FROM dbm_doctor() WHERE health = 'error'"),
    '', 'upgraded: dbm_doctor finds no error');
$upgraded->stop;
done_testing();

# From event triggers alone to the session tier, which dbm_guard('enforce')
# turns on by itself, to the server tier; and a library that is not of the
# installed version: the guard stays, nothing is applied.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dbm_node('tiers', bare => 1, tier => 'events', conf => "fsync = off\n");
my $tier = 'SELECT tier FROM dbm_status()';
my $stored = "SELECT array_to_string(setconfig, ' ') FROM pg_db_role_setting AS s JOIN pg_database AS d ON d.oid = s.setdatabase"
  . ' WHERE datname = current_database()';

sub health_of
{
    my ($database, $check) = @_;

    return $node->safe_psql($database, "SELECT health FROM dbm_doctor() WHERE check_name = '$check'");
}

# ---- events only, and how enforce leaves it ----

dbm_database($node, $_, environment => $_) foreach qw(dev test stage);
$node->safe_psql('dev', 'CREATE TABLE t (id int)');
is($node->safe_psql('dev', $tier), 'events', 'without configuration: event triggers alone');
is(health_of('dev', 'tier'), 'warning', 'dbm_doctor would have more');
$node->safe_psql('dev', "SELECT dbm_guard('observe')");
is($node->safe_psql('dev', $stored), '', 'observe sets nothing');

my $old = DbmSession->new($node, 'dev');
$old->query('SELECT 1');
my $second = DbmSession->new($node, 'dev');
is($second->query("SELECT dbm_guard('enforce')"), 'enforce', 'enforce');
like($second->{err}, qr/NOTICE: .*session_preload_libraries/s, 'says what it sets');
is($node->safe_psql('dev', $stored), 'session_preload_libraries=dbmaestro', 'and sets it for the database');
is($second->query($tier), 'events', 'the session that asked stays as it is');
is($node->safe_psql('dev', $tier), 'session', 'a new one loads the library');
is(health_of('dev', 'tier'), 'info', 'with which dbm_doctor is content');
foreach my $session ($old, $second)
{
    $session->query('ALTER TABLE t ADD COLUMN n int');
    is($session->error->{sqlstate}, 'MA001', 'sessions from before are guarded by the event triggers');
    $session->close;
}
is(dbm_refused($node, 'dev', 'ALTER TABLE t ADD COLUMN n int')->{sqlstate}, 'MA001', 'new ones too');
is($node->safe_psql('test', $tier), 'events', 'other databases are as they were');

$node->safe_psql('dev', "SELECT dbm_guard('enforce')");
is($node->safe_psql('dev', $stored), 'session_preload_libraries=dbmaestro', 'enforce again sets nothing again');
$node->safe_psql('dev', "SELECT dbm_guard('off')");
is($node->safe_psql('dev', $stored), '', 'off takes it back');
is($node->safe_psql('dev', $tier), 'events', 'for new sessions');

# what others have there stays
$node->safe_psql('test', 'ALTER DATABASE test SET session_preload_libraries = auto_explain');
$node->safe_psql('test', "SELECT dbm_guard('enforce')");
like($node->safe_psql('test', $stored), qr/^session_preload_libraries="?auto_explain"?, "?dbmaestro"?$/,
    'enforce adds our library to the ones that are there');
is($node->safe_psql('test', $tier), 'session', 'and both load');
$node->safe_psql('test', "SELECT dbm_guard('off')");
like($node->safe_psql('test', $stored), qr/^session_preload_libraries="?auto_explain"?$/, 'off takes only ours away');

$node->safe_psql('stage', "SELECT dbm_guard('enforce', preload => false)");
is($node->safe_psql('stage', $stored), '', 'preload => false sets nothing');
is($node->safe_psql('stage', $tier), 'events', 'and stays with the event triggers');
is(dbm_refused($node, 'stage', 'CREATE TABLE t ()')->{sqlstate}, 'MA001', 'which refuse');

# an administrator who is no superuser cannot have libraries loaded
$node->safe_psql('stage', 'CREATE ROLE keeper LOGIN');
$node->safe_psql('stage', "SELECT dbm_grant('admin', 'keeper')");
$node->safe_psql('stage', "SELECT dbm_guard('observe')");
is($node->safe_psql('stage', "SELECT dbm_guard('enforce')", connstr => $node->connstr('stage') . ' user=keeper'),
    'enforce', 'an administrator who is no superuser may enforce');
is($node->safe_psql('stage', $stored), '', 'but sets nothing');

# ---- the server tier ----

$node->safe_psql('dev', "SELECT dbm_guard('enforce')");
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'dbmaestro'\n");
$node->restart;
is($node->safe_psql($_, $tier), 'server', "$_: server tier after the restart") foreach qw(dev test stage);
is(health_of('dev', 'tier'), 'ok', 'more there is not');
is(dbm_refused($node, 'dev', 'ALTER TABLE t ADD COLUMN n int')->{sqlstate}, 'MA001', 'the guard enforces');
is($node->safe_psql('template1', 'CREATE TABLE t (id int); DROP TABLE t; SELECT 1'),
    '1', 'a database without the extension is left alone');

# ---- library and installed SQL differ in version ----

my $library = $node->safe_psql('dev', 'SELECT library_version FROM dbm_status()');

sub pretend
{
    my ($version) = @_;

    # with the guard off, and by a superuser: the catalogs are guarded otherwise
    $node->safe_psql('dev', "SELECT dbm_guard('off')");
    $node->safe_psql('dev', "UPDATE pg_extension SET extversion = '$version' WHERE extname = 'dbmaestro'");
    $node->safe_psql('dev', "SELECT dbm_guard('enforce')");
    return;
}

$node->safe_psql('dev', "SELECT dbm_configure('change_name_pattern', '.')");
dbm_apply($node, 'dev', '1_first', 'CREATE TABLE first ()', "rollback => 'DROP TABLE first'");
pretend('0.0.1');
foreach my $call ("dbm_apply('2_second', 'CREATE TABLE second ()')", "dbm_rollback('1_first', 'x')",
    "dbm_submit('2_second', 'SELECT 2')", "dbm_deployment_start('[]')")
{
    my $error = dbm_refused($node, 'dev', "SELECT $call");
    is($error->{sqlstate}, 'MA015', "versions differ: $call is refused");
    like($error->{detail}, qr/\Q$library\E.*0\.0\.1/, 'says which');
    like($error->{hint}, qr/ALTER EXTENSION dbmaestro UPDATE/, 'and what to do');
}
is(dbm_refused($node, 'dev', 'CREATE TABLE t2 ()')->{sqlstate}, 'MA001', 'versions differ: the guard enforces');
is(dbm_refused($node, 'dev', 'DROP TABLE dbmaestro.run')->{sqlstate}, 'MA002', 'versions differ: and protects us');
is($node->safe_psql('dev', 'SELECT extension_version FROM dbm_status()'), '0.0.1', 'dbm_status shows both versions');
is(health_of('dev', 'version'), 'error', 'dbm_doctor calls it an error');
$node->poll_query_until('dev', "SELECT count(*) = 4 FROM dbmaestro.denied_attempt WHERE sqlstate = 'MA015'")
  or die 'the refusals are not on record';
# the server has no script from there to here, but it is not the guard that says so
is(dbm_refused($node, 'dev', 'ALTER EXTENSION dbmaestro UPDATE')->{sqlstate},
    '22023', 'ALTER EXTENSION ... UPDATE is let through');
pretend($library);
is(dbm_apply($node, 'dev', '2_second', 'CREATE TABLE second ()'), 'applied', 'the same version again: changes go in');

$node->stop;
done_testing();

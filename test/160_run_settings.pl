# What the server's configuration says about dates and the like is what a
# script gets, also where the client or the login role says something else at
# the start of the session, and hides it.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dbm_node('settings', environment => 'dev', conf => <<'CONF');
fsync = off
datestyle = 'SQL, DMY'
timezone = 'Asia/Tokyo'
intervalstyle = 'iso_8601'
extra_float_digits = 2
plpgsql.variable_conflict = 'use_variable'
CONF
my $sql = "SELECT concat_ws(' ', current_setting('datestyle'), current_setting('timezone'),
 current_setting('intervalstyle'), current_setting('extra_float_digits'), current_setting('plpgsql.variable_conflict'))";
my $changes = 0;

$node->safe_psql('postgres', 'CREATE TABLE seen (change text, settings text)');

# The settings that a script finds which is deployed this way.
sub seen
{
    my ($session) = @_;
    my $change = sprintf '20261122_%06d_settings', ++$changes;

    $session->query("SELECT outcome FROM dbm_apply('$change', \$\$INSERT INTO seen SELECT '$change', ($sql)\$\$)");
    is($session->{err}, '', "$change applied");
    return $session->query("SELECT settings FROM seen WHERE change = '$change'");
}

my $of_server = 'SQL, DMY Asia/Tokyo iso_8601 2 use_variable';
my $plain = DbmSession->new($node, 'postgres');
is(seen($plain), $of_server, 'a client that says nothing');

my $driver = DbmSession->new($node, 'postgres',
    connstr => "options='-c datestyle=ISO,MDY -c timezone=Europe/Berlin -c extra_float_digits=3 -c intervalstyle=postgres -c plpgsql.variable_conflict=error'");
like($driver->query($sql), qr/^ISO, MDY Europe\/Berlin postgres 3/, 'a client that says what it likes');
is(seen($driver), $of_server, 'finds the settings of the server in its script');
like($driver->query($sql), qr/^ISO, MDY Europe\/Berlin postgres 3/, 'and its own again behind');

$node->safe_psql('postgres', q(CREATE ROLE ci LOGIN SUPERUSER; ALTER ROLE ci SET datestyle = 'German'; ALTER ROLE ci SET timezone = 'UTC'));
$node->safe_psql('postgres', "CREATE ROLE app SUPERUSER; SELECT dbm_configure('run_as', 'app')");
my $role = DbmSession->new($node, 'postgres', user => 'ci');
like($role->query($sql), qr/^German, DMY UTC/, 'a role that says something');
is(seen($role), $of_server, 'which holds where scripts run as another');

# the files change, and are read again
$node->append_conf('postgresql.conf', "timezone = 'Africa/Lagos'\ndatestyle = 'ISO, YMD'\n");
my $read = DbmSession->new($node, 'postgres', user => 'ci');
$node->reload;
$of_server = 'ISO, YMD Africa/Lagos iso_8601 2 use_variable';
foreach my $session ($driver, $role, $read)
{
    $node->poll_query_until('postgres', "SELECT current_setting('timezone') = 'Africa/Lagos'");
    $session->query('SELECT 1') for 1 .. 3;
    is(seen($session), $of_server, 'after a reload of the server');
}
# half a DateStyle leaves the other half to the server
$node->safe_psql('postgres', "ALTER DATABASE postgres SET datestyle = 'German'; ALTER ROLE app SET datestyle = 'YMD'");
is(seen($role), 'German, YMD Africa/Lagos iso_8601 2 use_variable', 'what the database and the role add');
$_->close foreach $plain, $driver, $role, $read;

done_testing();

# The server log tells that a script failed or was refused, but does not repeat
# the script and the secrets that it may hold.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dbm_node('log', bare => 1, conf => "log_min_error_statement = info\nlog_min_messages = info\n");
dbm_database($node, 'log');
$node->safe_psql('log', "CREATE ROLE nobody_here LOGIN");

sub said
{
    my ($what, $sql, $sqlstate, $expected, %parameter) = @_;
    my $before = -s $node->logfile;
    my $error = dbm_refused($node, 'log', $sql, %parameter);

    is($error && $error->{sqlstate}, $sqlstate, "$what: SQLSTATE");
    my $log = slurp_file($node->logfile, $before);
    like($log, $expected, "$what: the log has the error");
    unlike($log, qr/very secret/, "$what: but not the script");
    return;
}

said('a statement that fails', "SELECT dbm_apply('20260101_000001_a', 'SELECT ''very secret''; SELECT 1/0')",
    '22012', qr/ERROR:  division by zero.*CONTEXT:  change "20260101_000001_a", statement 2 at line 1/s);
said('a password', "SELECT dbm_apply('20260101_000001_a', 'CREATE ROLE r PASSWORD ''very secret''')",
    'MA023', qr/holds a password/);
said('one that is submitted', "SELECT dbm_submit('20260101_000001_a', 'CREATE ROLE r PASSWORD ''very secret''')",
    'MA023', qr/holds a password/);
said('a capability', "SELECT dbm_apply('20260101_000001_a', 'SELECT ''very secret''')",
    'MA010', qr/permission denied for dbm_apply/, user => 'nobody_here');
said('a name', "SELECT dbm_apply('a', 'SELECT ''very secret''')", 'MA025', qr/invalid name of a change/);
my $before = -s $node->logfile;
is(dbm_apply($node, 'log', '20260101_000002_b', q(SELECT 'very secret'; DO $do$ BEGIN RAISE WARNING 'careful'; END $do$)),
    'applied', 'a warning');
my $log = slurp_file($node->logfile, $before);
like($log, qr/WARNING:  careful/, 'a warning: the log has it');
unlike($log, qr/very secret/, 'a warning: but not the script');

$node->stop;
done_testing();

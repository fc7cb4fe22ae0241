# dbm_reset among others: sessions that have temporary objects, that read and
# that deploy; and a database that is deployed to again afterwards.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dbm_node('reset', bare => 1);

dbm_database($node, 'dev', environment => 'dev', guard => 'enforce');
$node->safe_psql('dev', "SELECT dbm_configure('$_->[0]', '$_->[1]')")
  foreach [ 'change_name_pattern', '.' ], [ 'allow_reset', 'on' ];
my $fresh = $node->safe_psql('dev', 'SELECT dbm_schema_hash()');
my @changes = map { [ sprintf('%03d_table', $_), "CREATE TABLE t_$_ (id serial PRIMARY KEY, note text)" ] } 1 .. 200;
unshift @changes, [ '000_base', "CREATE SCHEMA shop; CREATE TYPE shop.state AS ENUM ('new', 'old'); CREATE TABLE shop.orders (id int, state shop.state)" ];

sub deploy
{
    return $node->safe_psql('dev', join("\n", map { "SELECT outcome FROM dbm_apply('$_->[0]', " . dbm_quote($_->[1]) . ');' } @changes));
}

is(scalar(grep { $_ eq 'applied' } split /\n/, deploy()), 201, 'deployed');
my $full = $node->safe_psql('dev', 'SELECT dbm_schema_hash()');
isnt($full, $fresh, 'there is something');

# ---- a temporary object of another session depends on what would go ----

my $other = DbmSession->new($node, 'dev');
$other->query('CREATE TEMPORARY TABLE mine (s shop.state)');
my $error = dbm_refused($node, 'dev', 'SELECT dbm_reset()');
is($error->{sqlstate}, '2BP01', 'somebody else stands on it');
like($error->{detail}, qr/column s of table pg_temp_\d+\.mine depends on type shop\.state/, 'who it is');
like($error->{hint}, qr/^Nothing was dropped\.  .*temporary objects of other sessions/, 'and what to do, not CASCADE');
is($node->safe_psql('dev', 'SELECT dbm_schema_hash()'), $full, 'nothing was dropped');
$other->query('DROP TABLE mine');

# ---- another session reads ----

$other->query('BEGIN');
$other->query('SELECT count(*) FROM shop.orders');
my ($result, $stdout, $stderr) = $node->psql('dev', "SET lock_timeout = '100ms'; SELECT dbm_reset()", extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
like($stderr, qr/55P03/, 'it waits for readers, as long as lock_timeout says');
is($node->safe_psql('dev', 'SELECT dbm_schema_hash()'), $full, 'and drops nothing without them');
$other->query('COMMIT');

# ---- another session deploys ----

$other->query('BEGIN');
$other->query("SELECT outcome FROM dbm_apply('999_more', 'CREATE TABLE more (i int)')");
$error = dbm_refused($node, 'dev', 'SELECT dbm_reset()');
is($error->{sqlstate}, 'MA030', 'not during a deployment');
$other->query('ROLLBACK');

# ---- a reset that is under way ----

$other->query('BEGIN');
is($other->query('SELECT changes FROM dbm_reset()'), 201, 'reset, not yet committed');
is(dbm_refused($node, 'dev', "SELECT dbm_apply('999_more', 'SELECT 1')")->{sqlstate}, 'MA030', 'nobody deploys meanwhile');
is(dbm_refused($node, 'dev', 'SELECT dbm_reset()')->{sqlstate}, 'MA030', 'nor resets');
$other->query('COMMIT');
is($node->safe_psql('dev', 'SELECT dbm_schema_hash()'), $fresh, 'the database is as it was at first');
is($node->safe_psql('dev', 'SELECT dbmaestro._dbm_schema_hash_full()'), $fresh, 'looked at from nothing, too');
is($node->safe_psql('dev', "SELECT count(*) FROM dbmaestro.object_history WHERE identity = 'shop.orders'"), 2, 'its objects came and went');
is($node->safe_psql('dev', 'SELECT outcome, count(*) FROM dbmaestro.run GROUP BY 1 ORDER BY 1'), "applied|201\nreset|201", 'the ledger has both');

# ---- the guard is where it was, and the same changes lead to the same schema ----

is(dbm_refused($node, 'dev', 'CREATE TABLE by_hand (i int)')->{sqlstate}, 'MA001', 'the guard enforces');
is(scalar(grep { $_ eq 'applied' } split /\n/, deploy()), 201, 'deployed again');
is($node->safe_psql('dev', 'SELECT dbm_schema_hash()'), $full, 'to the same schema');
$node->stop('immediate');
$node->start;
is($node->safe_psql('dev', "SELECT count(*) FROM dbmaestro.change WHERE state = 'applied'"), 201, 'a crash later, the same');
is($node->safe_psql('dev', 'SELECT dbm_schema_hash()'), $full, 'the schema too');

done_testing();

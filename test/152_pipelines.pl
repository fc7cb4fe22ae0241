# A deployment in one go: transactions one after the other without waiting for
# any of them, and all changes in one transaction.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmProtocol;
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $apply = 'SELECT outcome FROM dbm_apply($1, $2, deployment => $3::bigint)';
my $node = dbm_node('pipelined', bare => 1);

dbm_database($node, 'prod', environment => 'prod', guard => 'enforce');
$node->safe_psql('prod', "SELECT dbm_configure('change_name_pattern', '.')");

# Opens a deployment of these changes; returns its number.
sub start
{
    my ($client, @names) = @_;
    my $manifest = '[' . join(', ', map { "\"$_\"" } @names) . ']';
    my ($row) = $client->execute('SELECT dbm_deployment_start($1::jsonb)', $manifest);

    return $row->[0];
}

# A transaction for each change, COMMIT and all, in one message.
sub deploy_each
{
    my ($client, $deployment, @changes) = @_;

    return map { $_->[0] } $client->pipeline(
        map { ('BEGIN', [ $apply, $_->[0], $_->[1], $deployment ], 'COMMIT') } @changes);
}

sub history
{
    my ($deployment) = @_;

    return $node->safe_psql('prod',
        "SELECT change, outcome FROM dbmaestro.change_history WHERE deployment = $deployment ORDER BY run");
}

sub state_of
{
    my ($deployment) = @_;

    return $node->safe_psql('prod',
        "SELECT state, runs, failures FROM dbmaestro.deployment_history WHERE deployment = $deployment");
}

my $client = DbmProtocol->new($node, 'prod');

# ---- a transaction per change ----

my @changes = map { [ sprintf('%03d_each', $_), "CREATE TABLE each_$_ (i int)" ] } 1 .. 100;
my $deployment = start($client, map { $_->[0] } @changes);
my @outcomes = deploy_each($client, $deployment, @changes);
is(scalar(grep { $_ eq 'applied' } @outcomes), 100, 'a hundred changes in one go');
is(scalar(grep { $_ eq 'COMMIT' } @{ $client->{tags} }), 100, 'each in a transaction of its own');
is($node->safe_psql('prod', "SELECT count(DISTINCT transaction_id) FROM dbmaestro.run WHERE deployment = $deployment"),
    100, 'and the ledger says so');
$client->execute('SELECT dbm_deployment_finish($1::bigint, $2)', $deployment, 'succeeded');
is(state_of($deployment), 'succeeded|100|0', 'a deployment that succeeded');

# ---- one fails: what stands before it is applied, what comes behind it is not looked at ----

@changes = (
    [ 'a_first', 'CREATE TABLE a_first (i int)' ],
    [ 'b_second', 'CREATE TABLE a_first (i int)' ],
    [ 'c_third', 'CREATE TABLE c_third (i int)' ]);
$deployment = start($client, map { $_->[0] } @changes);
@outcomes = deploy_each($client, $deployment, @changes);
is("@outcomes", 'applied', 'the changes before the one that fails');
is($client->{error}{C}, '42P07', 'its error, as the server words it');
is($client->{error}{W}, 'change "b_second", statement 1 at line 1', 'with its place');
$client->execute('ROLLBACK');
$client->execute('SELECT dbm_deployment_finish($1::bigint, $2)', $deployment, 'failed');
is(history($deployment), "a_first|applied\nb_second|failed", 'both on record, and nothing of what came behind');
is(state_of($deployment), 'failed|1|1', 'a deployment that failed');

# ---- running it again goes on ----

$changes[1][1] = 'CREATE TABLE b_second (i int)';
$deployment = start($client, map { $_->[0] } @changes);
@outcomes = deploy_each($client, $deployment, @changes);
is("@outcomes", 'already applied applied applied', 'again: what is applied is applied, the rest runs');
$client->execute('SELECT dbm_deployment_finish($1::bigint, $2)', $deployment, 'succeeded');

# ---- all or nothing ----

my $schema = $node->safe_psql('prod', 'SELECT dbm_schema_hash()');
@changes = (
    [ 'd_fourth', 'CREATE TABLE d_fourth (i int)' ],
    [ 'e_fifth', 'ALTER TABLE d_fourth ADD j int' ],
    [ 'f_sixth', 'INSERT INTO d_fourth VALUES (1, 2, 3)' ]);
$deployment = start($client, map { $_->[0] } @changes);
@outcomes = map { $_->[0] } $client->pipeline('BEGIN', (map { [ $apply, @$_, $deployment ] } @changes), 'COMMIT');
is("@outcomes", 'applied applied', 'in one transaction, up to the one that fails');
is($client->{error}{C}, '42601', 'its error');
is(scalar(grep { $_ eq 'COMMIT' } @{ $client->{tags} }), 0, 'no commit');
$client->execute('ROLLBACK');
$client->execute('SELECT dbm_deployment_finish($1::bigint, $2)', $deployment, 'failed');
is(history($deployment), 'f_sixth|failed', 'the failed one is on record, and nothing looks applied');
is(state_of($deployment), 'failed|0|1', 'a deployment that failed');
is($node->safe_psql('prod', "SELECT count(*) FROM dbmaestro.change WHERE change ~ '^[def]_'"), 0, 'no change of it is known');
is($node->safe_psql('prod', 'SELECT dbm_schema_hash()'), $schema, 'the schema is what it was');

$changes[2][1] = 'INSERT INTO d_fourth VALUES (1, 2)';
$deployment = start($client, map { $_->[0] } @changes);
@outcomes = map { $_->[0] } $client->pipeline('BEGIN', (map { [ $apply, @$_, $deployment ] } @changes),
    [ 'SELECT dbm_deployment_finish($1::bigint, $2)', $deployment, 'succeeded' ], 'COMMIT');
is("@outcomes[0 .. 2]", 'applied applied applied', 'mended, all of them');
is(history($deployment), "d_fourth|applied\ne_fifth|applied\nf_sixth|applied", 'all on record');
is(state_of($deployment), 'succeeded|3|0', 'with the end of the deployment, in the same transaction');
is( $node->safe_psql('prod', "SELECT count(DISTINCT transaction_id) FROM dbmaestro.run WHERE deployment = $deployment"),
    1, 'one transaction');
is( $node->safe_psql('prod', "SELECT count(*) FROM dbmaestro.run AS a JOIN dbmaestro.run AS b ON b.id = a.id + 1"
          . " WHERE a.deployment = $deployment AND b.deployment = $deployment AND a.snapshot_after = b.snapshot_before"),
    2, 'each change with the snapshots before and after it');

# ---- without BEGIN: up to the Sync, it is one transaction too ----

$deployment = start($client, 'g_seventh', 'h_eighth');
$client->pipeline(
    [ $apply, 'g_seventh', 'CREATE TABLE g_seventh (i int)', $deployment ],
    [ $apply, 'h_eighth', 'CREATE TABLE g_seventh (i int)', $deployment ]);
is($client->{error}{C}, '42P07', 'a pipeline without transactions');
is(history($deployment), 'h_eighth|failed', 'is all or nothing as well');

# ---- the same by psql ----

my ($stdout, $stderr);
$deployment = $node->safe_psql('prod', q(SELECT dbm_deployment_start('["i_ninth", "j_tenth"]')));
isnt($node->psql('prod', <<"SQL", on_error_stop => 1, stdout => \$stdout, stderr => \$stderr), 0, 'psql in one transaction');
BEGIN;
SELECT outcome FROM dbm_apply('i_ninth', 'CREATE TABLE i_ninth (i int)', deployment => $deployment);
SELECT outcome FROM dbm_apply('j_tenth', 'CREATE TABLE nowhere.j_tenth (i int)', deployment => $deployment);
COMMIT;
SQL
is($stdout, 'applied', 'up to the one that fails');
is(history($deployment), 'j_tenth|failed', 'nothing but the failure is left');
is($node->safe_psql('prod', "SELECT to_regclass('i_ninth') IS NULL"), 't', 'and no table');

# ---- a session that goes in the middle of its transaction ----

my $gone = DbmProtocol->new($node, 'prod');
$deployment = start($gone, 'k_eleventh', 'l_twelfth');
$gone->execute('BEGIN');
$gone->execute($apply, 'k_eleventh', 'CREATE TABLE k_eleventh (i int)', $deployment);
is(state_of($deployment), 'running|0|0', 'while it is there, the deployment runs');
close $gone->{socket};
ok($node->poll_query_until('prod', "SELECT state = 'interrupted' FROM dbmaestro.deployment_history WHERE deployment = $deployment"),
    'then it is interrupted');
is(history($deployment), '', 'and nothing of it is applied');
is($node->safe_psql('prod', "SELECT outcome IS NULL FROM dbmaestro.deployment WHERE id = $deployment"), 't', 'nobody has written that down');
my $next = start($client, 'k_eleventh');
is($node->safe_psql('prod', "SELECT outcome, finished_at IS NOT NULL FROM dbmaestro.deployment WHERE id = $deployment"),
    'interrupted|t', 'until the next one starts');
is(state_of($next), 'running|0|0', 'which runs');
$client->execute($apply, 'l_twelfth', 'SELECT 1', $deployment);
is($client->{error}{C}, 'MA033', 'what was interrupted is closed');
is( $node->safe_psql('prod', "SELECT action, detail FROM dbmaestro.audit_event WHERE deployment = $deployment AND detail LIKE 'interrupted%'"),
    'dbm_deployment_start|interrupted: its session is gone', 'and that is in the trail');
is($node->safe_psql('prod', "SELECT count(*) FROM dbmaestro.deployment_history WHERE state = 'running'"),
    2, 'those of a session that is there stay open');

done_testing();

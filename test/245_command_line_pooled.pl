# The command line through pgbouncer: what it does there as elsewhere, and what
# it cannot do, which it says before it has begun.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmPooler;
use DbmRepository;
use DbmTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'pgbouncer is not installed' unless DbmPooler->program;

my $node = dbm_node('pooled', bare => 1, conf => "fsync = off\nclient_connection_check_interval = 100ms\n");
my @names = map { sprintf '202601%02d_000000_t%d', $_, $_ } 1 .. 9;

$node->safe_psql('template1', 'CREATE ROLE deployer LOGIN; CREATE ROLE shop_owner');
foreach my $database (qw(dev prod))
{
    dbm_database($node, $database, environment => $database, run_as => 'shop_owner', $database eq 'prod' ? (follows => 'dev') : ());
    $node->safe_psql($database, $_)
      foreach "GRANT CREATE, USAGE ON SCHEMA public TO shop_owner", "SELECT dbm_guard('enforce')", map { "SELECT dbm_grant('$_', 'deployer')" } qw(deploy rollback audit);
}
my %pooler = map { $_ => DbmPooler->new($node, $_, user => 'deployer', mode => 'transaction') } qw(dev prod);
my $shop = DbmRepository->new(
    $node,
    dev => { conninfo => $pooler{dev}->conninfo },
    prod => { conninfo => $pooler{prod}->conninfo, follows => 'dev' });

sub tables
{
    my ($database) = @_;

    return $node->safe_psql($database,
        "SELECT coalesce(string_agg(relname, ' ' ORDER BY relname), '') FROM pg_class"
          . " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'");
}
sub write_changes
{
    my (@which) = @_;

    $shop->write(map { ("migrations/$names[$_ - 1].sql" => "CREATE TABLE t$_ (id int);\n",
        "migrations/$names[$_ - 1].rollback.sql" => "DROP TABLE t$_;\n") } @which);
    $shop->commit("Tables @which");
    return;
}

write_changes(1 .. 5);
foreach my $command ([ 'plan', 'dev' ], [ 'deploy', 'dev' ], ['status'], [ 'deploy', 'dev' ], [ 'promote', 'dev', 'prod', '-1' ],
    [ 'rollback', 'dev', '--to', $names[2], '--yes' ], ['submit', 'dev'], [ 'deploy', 'dev', '--single-transaction' ], [ 'history', 'dev', '--format', 'jsonl' ],
    [ 'audit', 'dev', '--limit', 'all', '--format', 'csv' ], [ 'doctor', 'dev' ], [ 'snapshot', 'dev' ], [ 'guard', 'dev' ])
{
    my ($code, $stdout, $stderr) = $shop->run(@$command);
    is($code, 0, "transaction mode: @$command") or diag("$stdout$stderr");
}
is(tables($_), 't1 t2 t3 t4 t5', "all of it in $_") foreach qw(dev prod);
is($node->safe_psql('dev', 'SELECT DISTINCT executed_by, run_as FROM dbmaestro.run'), 'deployer|shop_owner', 'by the role that the pooler logs in as');
is($shop->json('status')->[1]{applied}, 5, 'two environments at the same time');
write_changes(6 .. 8);

# a pipeline is one statement to the pooler
my @statement = ('--set', 'environment.dev.conninfo=' . DbmPooler->new($node, 'dev', user => 'deployer', mode => 'statement')->conninfo);
$shop->check([ @$_, @statement ], 0, undef, "statement mode: @$_")
  foreach [ 'plan', 'dev' ], [ 'deploy', 'dev' ], [ 'status', 'dev' ], [ 'rollback', 'dev', $names[7], '--yes' ];
is(tables('dev'), 't1 t2 t3 t4 t5 t6 t7', 'so it stands');

# what the pooler does not let through is known before anything is begun
$shop->check([ 'deploy', 'dev', '--set', 'environment.dev.conninfo=' . $pooler{dev}->conninfo . ' options=-cwork_mem=8MB' ],
    12, qr/unsupported startup parameter: options/, 'a setting in the connection string');

# many clients over few connections: each change once
my @crowd = map { $shop->start('deploy', 'dev') } 1 .. 8;
my %codes;
$codes{ $shop->finish($_) }++ foreach @crowd;
is(join(' ', sort grep { !/^(?:0|8|15)$/ } keys %codes), '', 'eight at once: done, or another one was running') or diag(explain(\%codes));
$shop->check([ 'deploy', 'dev' ], 0, qr/nothing to do/, 'and in the end nothing is left');
is($node->safe_psql('dev', "SELECT count(*) FROM dbmaestro.run WHERE change = '$names[7]' AND outcome = 'applied'"), 2, 'each change once');

# an interrupt reaches the server through the pooler
$shop->write("migrations/$names[8].sql" => "SELECT pg_sleep(1000);\n");
$shop->commit('Sleep');
sub start_and_sleep
{
    my $started = $shop->start('deploy', 'dev');

    $node->poll_query_until('dev', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
      or die 'the deployment never came to sleep';
    return $started;
}
my $started = start_and_sleep();
$started->{harness}->signal('INT');
is($shop->finish($started), 10, 'an interrupt: exit code 10');
like($started->{stderr}, qr/was cancelled at change "$names[8]"\n.*0 of 1 changes are applied/, 'and what stands');
is($shop->json('status', 'dev')->[0]{failed}, 1, 'the server knows');

# a client that is killed: the pooler gives up the connection, and the transaction ends
$started = start_and_sleep();
$started->{harness}->signal('KILL');
eval { $shop->finish($started) };
$node->poll_query_until('dev', "SELECT count(*) = 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
  or die 'the transaction of a client that is gone goes on';
$shop->write("migrations/$names[8].sql" => "CREATE TABLE t9 (id int);\n");
$shop->commit('No sleep');
my $commit = $shop->git('rev-parse', 'HEAD') =~ s/\n//r;
# one that went between two transactions: nobody has closed what it had begun
system_or_bail('psql', '-Xqc', qq(SELECT dbm_deployment_start('["$names[8]"]', '{"commit": "$commit"}')), $pooler{dev}->conninfo);
$shop->check([ 'resume', 'dev' ], 15, qr/is running.*Behind a connection pooler the server cannot tell.*run "dbmaestro deploy dev"/s,
    'resume cannot tell whether it still runs, and says how to go on');
$shop->check([ 'deploy', 'dev' ], 0, undef, 'the way that it says');
is(tables('dev'), 't1 t2 t3 t4 t5 t6 t7 t8 t9', 'leads to the end');

$node->stop;
done_testing();

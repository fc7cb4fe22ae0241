# Twenty clients deploy the same commit to one environment at once: each change
# is applied once, in order.  Whoever comes too late is told that another
# deployment is running (15), or finds that nothing is left to do (0).
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmRepository;
use DbmTest;
use Test::More;

my $clients = 20;
# long enough for all clients to be there before the first one has ended
my $changes = 100;
my $node = dbm_node('main', bare => 1, conf => "fsync = off\n");

# What a person deploys to an environment that has nothing yet.
sub new_repository
{
    my ($database) = @_;
    my $repository = DbmRepository->new($node, prod => $database);

    dbm_database($node, $database, environment => 'prod', guard => 'enforce');
    $repository->write(map {
        (sprintf('migrations/20260101_%06d_step.sql', $_) =>
              "CREATE TABLE step_$_ (id bigint PRIMARY KEY);\nINSERT INTO step_$_ VALUES ($_);\n")
    } 1 .. $changes);
    $repository->commit('Steps');
    return $repository;
}

foreach my $case ([ 'one', [] ], [ 'whole', ['--single-transaction'] ])
{
    my ($database, $options) = @$case;
    my $repository = new_repository($database);
    my @started = map { $repository->start('deploy', 'prod', @$options) } 1 .. $clients;
    my @codes = map { $repository->finish($_) } @started;
    my @strange = grep { $codes[$_] != 0 && $codes[$_] != 15 } 0 .. $#codes;
    my @late = grep { $codes[$_] == 15 } 0 .. $#codes;

    is(scalar @strange, 0, "$database: every client ends with 0 or 15")
      or diag(join "\n", map { "$codes[$_]: $started[$_]{stderr}" } @strange);
    cmp_ok(scalar(grep { $_ == 0 } @codes), '>=', 1, "$database: one of them has deployed");
    cmp_ok(scalar @late, '>=', 1, "$database: others came while it did");
    note("$database: exit codes @codes");
    is(scalar(grep { $started[$_]{stderr} !~ /^ERROR: .*\nDETAIL: .*process \d+.*\nHINT: /m } @late),
        0, "$database: whoever ends with 15 is told who was first")
      or diag($started[ $late[0] ]{stderr});
    is($node->safe_psql($database, "SELECT count(*), count(DISTINCT change), string_agg(change, ' ' ORDER BY id) = string_agg(change, ' ' ORDER BY change)"
              . " FROM dbmaestro.run WHERE outcome = 'applied'"),
        "$changes|$changes|t", "$database: each change ran once, in order");
    is($node->safe_psql($database, "SELECT count(*) FROM dbmaestro.change WHERE state = 'applied'"),
        $changes, "$database: and all of them");
    is($node->safe_psql($database, "SELECT count(*) FROM dbmaestro.deployment_history WHERE state IN ('running', 'interrupted')"),
        0, "$database: every deployment has come to its end");
    $repository->check([ 'deploy', 'prod', @$options ], 0, qr/^nothing to do/, "$database: who comes afterwards");
}

$node->stop;
done_testing();

# dbmaestro init: the files that a repository begins with, which are never
# overwritten; and environments, prepared as dbmaestro.conf says, once and again.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmRepository;
use DbmTest;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dbm_node('main', bare => 1, conf => "fsync = off\n");

# A repository without any file.
sub bare_repository
{
    my $bare = DbmRepository->new($node);

    unlink $bare->path('dbmaestro.conf') or die $!;
    return $bare;
}

# What init says, as { subject => outcome }.
sub outcomes
{
    my ($repository, @arguments) = @_;

    return { map { ($_->{subject} => $_->{outcome}) } @{ $repository->json('init', @arguments) } };
}

# --- a repository -----------------------------------------------------------------

{
    my $fresh = bare_repository();
    my %expected = map { ($_ => 'created') }
      qw(dbmaestro.conf migrations/.gitkeep repeatable/.gitkeep PLAYBOOK.md .gitattributes
      ci/github-actions.yml ci/gitlab-ci.yml ci/Jenkinsfile);

    is_deeply(outcomes($fresh), \%expected, 'init writes the files of a repository');
    is($fresh->git('config', '-f', $fresh->path('dbmaestro.conf'), 'project.name'),
        (split m{/}, $fresh->{directory})[-1] . "\n", 'named as its folder');
    foreach my $pair ([ 'PLAYBOOK.md', 'doc/playbook.md' ], [ 'ci/github-actions.yml', 'doc/ci/github-actions.yml' ],
        [ 'ci/gitlab-ci.yml', 'doc/ci/gitlab-ci.yml' ], [ 'ci/Jenkinsfile', 'doc/ci/Jenkinsfile' ])
    {
        is(slurp_file($fresh->path($pair->[0])), slurp_file("$FindBin::RealBin/../$pair->[1]"),
            "$pair->[0] is $pair->[1]");
    }
    $fresh->commit('Begin');
    $fresh->check([ 'check', '--strict' ], 0, qr/0 changes in commit/, 'check is content with them');
    is($fresh->git('check-attr', 'eol', 'migrations/x.sql'), "migrations/x.sql: eol: lf\n", 'scripts have line feeds');
    like(($fresh->run('completion', 'environments'))[1], qr/^dev\ntest\nstage\nprod\n$/, 'four environments');

    $fresh->write('dbmaestro.conf' => "[paths]\n\tmigrations = changes\n", 'PLAYBOOK.md' => "ours\n");
    my $again = outcomes($fresh);
    is($again->{$_}, 'left alone', "$_ is left alone") foreach ('dbmaestro.conf', 'PLAYBOOK.md', 'repeatable/', '.gitattributes');
    is($again->{'changes/.gitkeep'}, 'created', 'folders are those of the configuration that is there');
    is(slurp_file($fresh->path('PLAYBOOK.md')), "ours\n", 'nothing is overwritten');
}
foreach my $style (qw(dbmaestro plain flyway golang-migrate diesel))
{
    my $styled = bare_repository();

    $styled->check([ 'init', '--style', $style ], 0, undef, "init --style $style");
    $styled->check([ 'new', 'orders' ], 0, undef, "new in style $style");
    $styled->commit('Begin');
    $styled->check(['check'], 0, qr/1 change in commit/, "check in style $style");
}
{
    my $strange = bare_repository();
    my $folder = $strange->path("a \"b\\ c;#\e");

    $strange->check([ 'init', '--style', 'cobol' ], 2, qr/invalid value for --style: "cobol".*flyway/s, 'no style');
    $strange->check([ 'init', 'dev', '--style', 'plain' ], 2, qr/--style cannot be used with an environment/,
        'the style of an environment');
    mkdir $folder or die $!;
    is(system('dbmaestro', '-q', '-C', $folder, '--format', 'csv', 'init'), 0, 'a folder with a hostile name');
    is($strange->git('config', '-f', "$folder/dbmaestro.conf", 'project.name'), "a \"b\\ c;#\\x1B\n", 'quoted');
  SKIP:
    {
        skip 'root writes everywhere', 2 if $> == 0;
        chmod 0500, $folder;
        unlink "$folder/PLAYBOOK.md";
        mkdir $strange->path('closed') or die $!;
        chmod 0500, $strange->path('closed');
        $strange->check([ '-C', $strange->path('closed'), 'init' ], 1,
            qr/could not create file "dbmaestro.conf": Permission denied/, 'a folder that may not be written');
        chmod 0700, $folder, $strange->path('closed');
    }
}

# --- environments --------------------------------------------------------------------

$node->safe_psql('postgres', "CREATE ROLE $_ LOGIN") foreach qw(shop_owner ci ann auditor);
$node->safe_psql('postgres', 'CREATE ROLE "Release managers, all"; CREATE ROLE "the team"');
$node->safe_psql('postgres', "CREATE DATABASE $_") foreach qw(dev prod named copied);

my $shop = DbmRepository->new($node,
    dev => 'dev', prod => { database => 'prod', follows => 'dev' }, other => { database => 'prod' });
my $configuration = slurp_file($shop->path('dbmaestro.conf'));

$shop->write('dbmaestro.conf' => <<"END");
${configuration}[environment "dev"]
run-as = shop_owner
grant = deploy:ci, rollback:ann
grant = audit:auditor
grant = deploy : the team
END
$shop->check([ 'plan', 'dev', '--worktree' ], 1, qr/not installed in database "dev".*dbmaestro init dev/s,
    'who has forgotten it is told');
is_deeply(outcomes($shop, 'dev'),
    {   'extension' => 'created', 'environment dev' => 'created', 'deploy for ci' => 'granted',
        'rollback for ann' => 'granted', 'audit for auditor' => 'granted', 'deploy for the team' => 'granted' },
    'init dev');
is($node->safe_psql('dev', 'SELECT environment, follows, run_as FROM dbm_status()'), 'dev||shop_owner', 'who it is');
is($node->safe_psql('dev', "SELECT string_agg(capability || ':' || role_name, ' ' ORDER BY capability, role_name) FROM dbmaestro.capability"),
    'audit:auditor deploy:ci deploy:the team rollback:ann', 'who may do what');
is_deeply([ sort values %{ outcomes($shop, 'dev') } ], [ ('left alone') x 6 ], 'a second time, all is left alone');
is_deeply(outcomes($shop, '--set', 'environment.dev.grant=backup:auditor', 'dev'),
    { 'extension' => 'left alone', 'environment dev' => 'left alone', 'backup for auditor' => 'granted' },
    'what is new is granted');
$node->safe_psql('dev', 'DROP ROLE "the team"');
$node->safe_psql('dev', 'CREATE ROLE "the team"');
is(outcomes($shop, 'dev')->{'deploy for the team'}, 'granted', 'a role that was made anew has nothing until granted');

# --- what is not as configured is said, and left --------------------------------------

$shop->check([ 'init', 'prod', '--set', 'environment.prod.run-as=nobody_here' ], 1,
    qr/role "nobody_here" does not exist/, 'a role that is none');
is($node->safe_psql('prod', 'SELECT environment IS NULL FROM dbm_status()'), 't', 'leaves the environment without a name');
is(outcomes($shop, 'prod')->{'environment prod'}, 'created', 'init goes on where it was refused');
is($node->safe_psql('prod', 'SELECT environment, follows, run_as FROM dbm_status()'), 'prod|dev|', 'with whom it follows');
$shop->check([ 'init', 'other' ], 14, qr/database "prod" is environment "prod", not "other"/, 'another environment');
$shop->check([ 'init', 'prod', '--set', 'environment.prod.run-as=shop_owner' ], 1,
    qr/run_as of environment "prod" is not set there, and "shop_owner" in .*dbm_configure\('run_as', 'shop_owner'\)/s,
    'another role');
is($node->safe_psql('prod', 'SELECT run_as IS NULL FROM dbm_status()'), 't', 'is not set in passing');
$shop->check([ 'init', 'prod', '--set', 'environment.prod.grant=conduct:ci' ], 1, qr/unrecognized capability: "conduct"/,
    'a capability that is none');
$shop->check([ 'init', 'prod', '--set', 'environment.prod.grant=deploy:nobody_here' ], 1,
    qr/role "nobody_here" does not exist/, 'a grantee that is none');
foreach my $value ('deploy', ':ci', 'deploy:', '', ' , ')
{
    $shop->check([ 'init', 'prod', '--set', "environment.prod.grant=$value" ], 2,
        qr/invalid value for environment.prod.grant in --set.*capability:role/s, "\"$value\" is no grant");
}
{
    my $named = DbmRepository->new($node, named => 'named', copied => { database => 'copied', user => 'ci' });

    is(outcomes($named, '--set', 'naming.style=golang-migrate', 'named')->{change_name_pattern}, 'set to .',
        'names of another convention');
    $named->write('migrations/000001_x.up.sql' => "CREATE TABLE x (i int);\n");
    $named->check([ 'deploy', 'named', '--worktree', '--set', 'naming.style=golang-migrate' ], 0, undef, 'are taken');
    $named->check([ 'init', 'copied' ], 13, qr/permission denied to create extension/, 'who may not create the extension');
    $node->safe_psql('copied', 'CREATE EXTENSION dbmaestro');
    $named->check([ 'init', 'copied' ], 13, qr/^ERROR:/, 'who may not init');
    is($node->safe_psql('copied', 'SELECT environment IS NULL FROM dbm_status()'), 't', 'has not');
}
$node->stop('fast');
$shop->check([ 'init', 'dev' ], 12, qr/environment "dev": connection to server/, 'no server');

done_testing();

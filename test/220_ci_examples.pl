# The examples for CI under doc/ci: their shell steps are taken out of them and
# run, job by job, as a push to main, a pull request and a push that is refused.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmRepository;
use DbmTest;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $examples = "$FindBin::RealBin/../doc/ci";
my @order = qw(check plan dev test stage prod);
my $node = dbm_node('main', bare => 1, conf => "fsync = off\n");

$node->safe_psql('postgres', 'CREATE ROLE ci LOGIN');
$node->safe_psql('postgres', 'CREATE ROLE shop_owner');

# --- reading ------------------------------------------------------------------------

# The lines below "key:" that are indented deeper, without that indentation.
sub block
{
    my ($text, $key) = @_;

    return unless $text =~ /^( *)\Q$key\E:.*\n((?:\1 +.*\n|\s*\n)+)/m;
    my $lines = $2;
    my ($indent) = $lines =~ /^( +)/;
    $lines =~ s/^$indent//mg;
    return $lines;
}

# { job => [script, ...] } of a workflow of GitHub: every "run:", a line or a block.
sub read_github
{
    my ($text) = @_;
    my %jobs;
    my $all = block($text, 'jobs');

    foreach my $job ($all =~ /^(\w+):/mg)
    {
        my $body = block($all, $job);

        while ($body =~ /^( *)(?:- )?run: (\|\n((?:\1 {2}.*\n)+)|.*\n)/mg)
        {
            push @{ $jobs{$job} }, ($3 // $2) =~ s/^ +//mgr;
        }
    }
    return \%jobs;
}

# The same for GitLab: before_script of all jobs, then "script:".
sub read_gitlab
{
    my ($text) = @_;
    my @before = block($text, 'before_script') =~ /^- (.*\n)/mg;
    my %jobs;

    foreach my $job (@order)
    {
        my $body = block($text, $job) // '';
        $jobs{$job} = [ join '', @before, block($body, 'script') =~ /^- (.*\n)/mg ];
    }
    return \%jobs;
}

# And for Jenkins: every sh step of a stage.
sub read_jenkins
{
    my ($text) = @_;
    my %jobs;

    while ($text =~ /stage\('(\w+)'\) \{(.*?)(?=stage\('|\z)/sg)
    {
        my ($stage, $body) = ($1, $2);

        while ($body =~ /^ *sh (?:'''(.*?)'''|'([^']*)')/smg)
        {
            push @{ $jobs{$stage} }, ($1 // $2) =~ s/^ +//mgr;
        }
    }
    return \%jobs;
}

# --- running ------------------------------------------------------------------------

# Runs the scripts of a job as CI would, in a fresh clone with a home of its own.
sub run_job
{
    my ($name, $jobs, $origin, $commit, $job, %variables) = @_;
    my $home = PostgreSQL::Test::Utils::tempdir_short();
    my $clone = "$home/clone";
    my $output = '';

    # CI leaves HEAD at a commit, on no branch
    system_or_bail('git', 'clone', '-q', $origin->{directory}, $clone);
    system_or_bail('git', '-C', $clone, 'checkout', '-q', '--detach', $commit);
    append_to_file("$home/pgpass", "*:*:*:ci:secret\n");
    local %ENV = (
        PATH => $ENV{PATH}, HOME => $home, GITHUB_STEP_SUMMARY => "$home/summary",
        PGPASS => "$home/pgpass", %variables);
    foreach my $script (@{ $jobs->{$job} })
    {
        my $ended = IPC::Run::run([ 'bash', '-e', '-c', "cd \"\$1\"; $script", 'step', $clone ],
            '<', \undef, '>&', \my $said);
        $output .= $said;
        return (0, $output) unless $ended;
    }
    $output .= slurp_file("$home/summary") if -e "$home/summary";
    return (1, $output);
}

sub tables
{
    my ($example, $environment) = @_;

    return $node->safe_psql("${example}_$environment",
        "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'");
}

# Four environments of one example, prepared as the repository says.
sub prepare
{
    my ($example) = @_;
    my $origin = DbmRepository->new($node);
    my %variables;

    unlink $origin->path('dbmaestro.conf');
    $origin->check(['init'], 0, undef, "$example: init");
    foreach my $environment (qw(dev test stage prod))
    {
        my $name = "${example}_$environment";

        $node->safe_psql('postgres', "CREATE DATABASE $name OWNER shop_owner");
        my $conninfo = $node->connstr($name);
        $variables{ 'DBMAESTRO_ENVIRONMENT_' . uc($environment) . '_CONNINFO' } = "$conninfo user=ci";
        $origin->check(
            [   'init', $environment, '--set', "environment.$environment.conninfo=$conninfo user=postgres",
                '--set', "environment.$environment.run-as=shop_owner",
                '--set', "environment.$environment.grant=deploy:ci, audit:ci" ],
            0, undef, "$example: init $environment");
    }
    $node->safe_psql("${example}_prod", "SELECT dbm_guard('enforce')");
    $origin->write(
        'migrations/20260101_000000_orders.sql' => "-- Description: Orders\nCREATE TABLE orders (id bigint);\n",
        'migrations/20260101_000000_orders.rollback.sql' => "DROP TABLE orders;\n");
    $origin->commit('Orders');
    return ($origin, %variables);
}

foreach my $case (
    [ 'github', 'github-actions.yml', \&read_github ],
    [ 'gitlab', 'gitlab-ci.yml', \&read_gitlab ],
    [ 'jenkins', 'Jenkinsfile', \&read_jenkins ])
{
    my ($example, $file, $read) = @$case;
    my $jobs = $read->(slurp_file("$examples/$file"));
    my ($origin, %variables) = prepare($example);
    my $head = $origin->git('rev-parse', 'HEAD') =~ s/\n//r;
    my ($ended, $output);

    is(join(' ', grep { $jobs->{$_} } @order), "@order", "$example: its jobs");
    foreach my $job (@order)
    {
        ($ended, $output) = run_job($example, $jobs, $origin, $head, $job, %variables);
        ok($ended, "$example: job $job") or diag($output);
        like($output, qr/\| *20260101.*orders *\| *pending/, "$example: plan shows what is pending") if $job eq 'plan';
        is(tables($example, 'dev'), '', "$example: $job changes nothing") if $job eq 'plan';
        is(tables($example, $job), 'orders', "$example: $job is deployed") if grep { $_ eq $job } qw(dev test stage prod);
        is(tables($example, 'prod'), '', "$example: prod is not, yet") if $job eq 'stage';
    }
    like($output, qr/prod .*\| +stage /, "$example: status is shown in the end");
    is($node->safe_psql("${example}_prod", 'SELECT claims->>\'commit\' FROM dbmaestro.deployment'), $head,
        "$example: prod knows the commit");

    # a push that check refuses, and one that goes past dev
    $origin->write('migrations/Bad name.sql' => "SELECT 1;\n");
    $origin->commit('Bad');
    ($ended) = run_job($example, $jobs, $origin, 'HEAD', 'check', %variables);
    ok(!$ended, "$example: a name that is none fails the check");
    $origin->git('rm', '-q', 'migrations/Bad name.sql');
    $origin->write(
        'migrations/20260102_000000_items.sql' => "CREATE TABLE items (id bigint);\n",
        'migrations/20260102_000000_items.rollback.sql' => "DROP TABLE items;\n");
    $origin->commit('Items');
    ($ended, $output) = run_job($example, $jobs, $origin, 'HEAD', 'test', %variables);
    is(tables($example, 'test'), 'orders', "$example: nothing reaches test that dev does not have");
    ok(!$ended, "$example: and the job fails") or diag($output);
}

$node->stop;
done_testing();

# What the README tells people to type, typed; and the demo, played to its end.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmTest;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $readme = slurp_file("$FindBin::RealBin/../README.md");
my ($shell, $sql) = $readme =~ /^## Five minutes by hand\n(.*?)^### With psql only\n(.*?)^## /ms;
my $node = dbm_node('main', bare => 1, conf => "fsync = off\n");
my $directory = PostgreSQL::Test::Utils::tempdir_short();

local %ENV = (
    %ENV, PGHOST => $node->host, PGPORT => $node->port, HOME => $directory,
    GIT_AUTHOR_NAME => 'Ada', GIT_AUTHOR_EMAIL => 'ada@example.org',
    GIT_COMMITTER_NAME => 'Ada', GIT_COMMITTER_EMAIL => 'ada@example.org');
delete @ENV{qw(PGAPPNAME PGDATABASE)};

# --- five minutes ----------------------------------------------------------------------

my @lines = $shell =~ /^    \$ (.*)$/mg;
my $place = $directory;
my %refused = ('psql prod' => qr/cannot run ALTER TABLE on "public.orders" outside a recorded change/);
my $typed = 0;

foreach my $line (@lines)
{
    my ($output, $name);

    next if $line =~ /^make |^export PATH/;
    # what the README asks to be taken out by hand, and the name that the change has today
    if ($line eq 'cat dbmaestro.conf')
    {
        system_or_bail('git', 'config', '-f', "$place/dbmaestro.conf", '--remove-section', "environment.$_") foreach qw(test stage);
        system_or_bail('git', 'config', '-f', "$place/dbmaestro.conf", 'environment.prod.follows', 'dev');
    }
    ($name) = map { m{([^/]+)\.rollback\.sql$} } glob "$place/migrations/*.rollback.sql";
    $line =~ s/\d{8}_\d{6}_create_orders/$name/ if $name;
    $line .= ' --yes' if $line =~ /^dbmaestro rollback/;
    my $ended = IPC::Run::run([ 'bash', '-e', '-c', $line ], '<', \undef, '>&', \$output, init => sub { chdir $place or die $! });
    my ($expected) = map { $refused{$_} } grep { index($line, $_) == 0 } keys %refused;
    if ($expected)
    {
        ok(!$ended, "refused: $line");
        like($output, $expected, 'as the README says');
    }
    else
    {
        ok($ended, "typed: $line") or diag($output);
    }
    like($output, qr/denied .*ALTER TABLE/, 'the attempt is on record') if $line =~ /--denied/;
    $place = "$directory/$1" if $line =~ /&& cd (\w+)/;
    $typed++;
}
cmp_ok($typed, '>=', 20, 'the README has lines to type');
is($node->safe_psql('prod', "SELECT string_agg(outcome, ' ' ORDER BY run) FROM dbmaestro.change_history"), 'applied rolled back',
    'and they do what they say');

# --- with psql only ---------------------------------------------------------------------

my $statements = join '', $sql =~ /^    (.*\n)/mg;
$node->safe_psql('postgres', 'CREATE ROLE ci');
$node->safe_psql('postgres', 'CREATE DATABASE by_psql');
my ($stdout, $stderr);

is($node->psql('by_psql', $statements, stdout => \$stdout, stderr => \$stderr, on_error_stop => 1), 0, 'the statements run') or diag($stderr);
like($stdout, qr/\|applied\|.*\|rolled back\|/s, 'one change, applied and rolled back');
$node->stop;

# --- the demo -----------------------------------------------------------------------------

{
    my $output;
    my ($bindir) = run_command([ 'pg_config', '--bindir' ]);
    local $ENV{PG_CONFIG} = "$bindir/pg_config";

    ok(IPC::Run::run([ 'bash', "$FindBin::RealBin/demo/demo.sh" ], '<', \undef, '>&', \$output), 'the demo plays') or diag($output);
    like($output, qr/nothing to do: "prod" has all changes of commit/, 'to prod');
    like($output, qr/outside a recorded change.*denied \| ALTER TABLE/s, 'with its refusal');
    like($output, qr/ rolled back .*make demo KEEP=1/s, 'and to its end');
}

done_testing();

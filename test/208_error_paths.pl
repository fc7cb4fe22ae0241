# What a new user gets wrong, command by command: the message, the way out and
# the exit code, and nothing told twice.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmRepository;
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dbm_node('main', bare => 1, conf => "fsync = off\n");

$node->safe_psql('postgres', 'CREATE ROLE stranger LOGIN; CREATE ROLE undoer LOGIN; CREATE DATABASE plain');
dbm_database($node, 'dev', environment => 'dev');
dbm_database($node, 'prod', environment => 'prod', follows => 'dev');
dbm_database($node, 'bare', environment => undef);
$node->safe_psql('dev', "SELECT dbm_grant('rollback', 'undoer')");

my $shop = DbmRepository->new(
    $node,
    dev => 'dev',
    prod => { database => 'prod', follows => 'dev' },
    stranger => { database => 'dev', user => 'stranger' },
    undoer => { database => 'dev', user => 'undoer' },
    plain => 'plain',
    bare => 'bare',
    swapped => 'prod',
    missing => { conninfo => $node->connstr('postgres') =~ s/dbname='?postgres'?/dbname=nosuch/r },
    gone => { conninfo => 'host=/nonexistent dbname=x' });
my $first = '20260101_000000_first';

$shop->write("migrations/$first.sql" => "CREATE TABLE first ();\n", "migrations/$first.rollback.sql" => "DROP TABLE first;\n");
$shop->commit('First');

# Runs it and holds it against what every refusal must be.
sub refused
{
    my ($command, $code, $pattern) = @_;
    my ($stdout, $stderr) = $shop->check([ split / /, $command ], $code, $pattern, $command);
    my %seen;

    my @twice = grep { /\S/ && $seen{$_}++ } split /\n/, $stderr;
    is("@twice", '', "$command: nothing is said twice");
    unlike($stderr, qr/hint: .*(?:\(null\)|%s)| $/m, "$command: sentences");
    like($stderr, qr/^(?:dbmaestro: hint|HINT): /m, "$command: with the way out");
    return $stderr;
}

# --- every command: how it is called ------------------------------------------------------

my %arguments = (
    new => 'x', submit => 'dev', plan => 'dev', deploy => 'dev', promote => 'dev prod', resume => 'dev', rollback => 'dev x',
    guard => 'dev', attach => 'dev', audit => 'dev', history => 'dev', snapshot => 'dev', reset => 'dev', baseline => 'dev', completion => 'bash');

foreach my $command (sort keys %arguments)
{
    my $fewer = $arguments{$command} =~ s/\s*\S+$//r;

    $fewer = '' if $command eq 'rollback';
    refused($fewer eq '' ? $command : "$command $fewer", 2, qr/an argument is missing\n.*hint: Usage: dbmaestro $command \S/);
    refused("$command $arguments{$command} one two", 2, qr/too many arguments\n/) unless $command eq 'submit';
}
refused('check x', 2, qr/hint: Usage: dbmaestro check$/m);
refused("$_ a b", 2, qr/too many arguments\n/) foreach qw(status doctor init help);
refused('help nosuch', 2, qr/there is no help on "nosuch"/);
command_like([ 'dbmaestro', '--version', 'x' ], qr/^dbmaestro \d/, '--version, whatever comes behind it');
refused('--config nosuch.conf status', 2, qr/could not read "nosuch.conf": No such file/);

# --- an environment that is not what it should be ---------------------------------------------

foreach my $command ('plan', 'deploy', 'submit', 'resume', "resume %s $first", "rollback %s $first -y", "rollback %s --to $first -y",
    'history', 'audit', 'snapshot', 'guard', 'attach %s --reason x', 'reset %s -y', 'init', 'baseline %s -y', 'promote %s prod', 'promote dev %s')
{
    my $to = sub { my $text = $command =~ /%s/ ? $command : "$command %s"; return sprintf $text, $_[0]; };

    refused($to->('nosuch'), 2, qr/environment "nosuch" is not in .*\n.*hint: Configured are: dev, prod/);
    refused($to->('gone'), 12, qr/environment "gone": .*hint: See whether psql can connect so: psql "host=/s) unless $command =~ /baseline/;
    refused($to->('missing'), 12, qr/database "nosuch" does not exist/) unless $command =~ /baseline/;
    next if $command eq 'init' || $command =~ /baseline/;
    refused($to->('plain'), 1, qr/extension dbmaestro is not installed in database "plain"\n.*hint: Run as superuser: dbmaestro init plain/);
    refused($to->('bare'), 1, qr/is not initialised/) unless $command =~ /^(?:history|audit|snapshot|guard)/;
    refused($to->('stranger'), 13, qr/permission denied/) unless $command eq 'guard' || $command =~ /^promote dev/;
}
refused("$_ swapped", 14, qr/manifest is for environment "swapped", not for "prod"/) foreach qw(plan deploy submit);
refused('init swapped', 14, qr/database "prod" is environment "prod", not "swapped"/);
{
    my $rows = $shop->json('doctor', 'gone');

    like($rows->[0]{advice}, qr/^See whether psql can connect so/, 'doctor: advice for what cannot be reached');
    like($shop->json('doctor', 'plain')->[0]{advice}, qr/^Run as superuser: dbmaestro init plain$/, 'doctor: for what is not set up');
}

# --- words that mean something are told wherever options are ------------------------------------

{
    my %words = (history => 'running, applied, adopted, rolled back, reset, failed, partial, interrupted', audit => 'denied, refused, .*, lost, cancel');
    my $manual = (run_command([ 'dbmaestro', 'help', 'manual' ]))[0];

    foreach my $command (sort keys %words)
    {
        my $help = (run_command([ 'dbmaestro', 'help', $command ]))[0] =~ s/\s+/ /gr;

        like($help, qr/: $words{$command} \(separated by commas\)/, "$command: its words in the help");
        like($manual, qr/: $words{$command} \(separated by commas\)/, "$command: and in the manual");
    }
    like((run_command([ 'dbmaestro', 'completion', 'bash' ]))[0], qr/running applied adopted reset failed partial interrupted/, 'and in the completion, but for two words');
}

# --- words that mean nothing --------------------------------------------------------------------

refused('history dev --outcome aplied', 2, qr/invalid value for --outcome: "aplied"\n.*hint: It is one of: running, applied, adopted, rolled back, reset, failed, partial, interrupted\.$/m);
refused('history dev --outcome failed,', 2, qr/invalid value for --outcome: ""/);
refused('audit dev --kind run,runn', 2, qr/invalid value for --kind: "runn"\n.*hint: It is one of: denied, /);
refused('audit dev --kind , --denied', 2, qr/invalid value for --kind: ""/);
refused('audit dev --limit x', 2, qr/invalid value for --limit: "x"/);
refused("history dev --limit $_", 2, qr/invalid value for --limit: "$_"/) foreach qw(0 00 x 1x -1);
refused('history dev --since nonsense', 2, qr/hint: Write times as in/);
refused('guard dev on', 2, qr/hint: It is one of: off, observe, enforce\./);
refused('attach dev --reason=', 2, qr/the reason is missing/);
refused('attach swapped --reason x', 1, qr/attached as environment "prod" already\nHINT:  Connect to the database of "swapped"\./);
refused('attach dev --reason x', 1, qr/attached as environment "dev" already\nHINT:  Nothing needs to be done/);
refused('promote dev dev', 2, qr/environment "dev" cannot be promoted to itself\n/);
refused("promote dev prod --to nosuch", 1, qr/there is no change "nosuch" in commit/);
refused("rollback dev $first", 1, qr/change "$first" is not applied in "dev"\n.*hint: Nothing is applied there\./);
$shop->check([ 'history', 'dev', '--outcome', 'failed, rolled back ,applied' ], 0, qr/nothing of that is on record/, 'blanks between words');
$shop->check([ 'deploy', 'dev' ], 0, undef, 'deployed');
refused("$_ --to nosuch", 1, qr/there is no change "nosuch" in commit/) foreach 'promote dev prod', 'deploy dev', 'deploy dev -n';
$shop->check([ 'promote', 'dev', 'prod' ], 0, undef, 'promoted');
refused("promote dev prod --to nosuch", 1, qr/there is no change "nosuch" in commit/);
refused('rollback dev nosuch', 1, qr/change "nosuch" is not applied in "dev"\n.*hint: Applied last there: "$first"\./);
refused('rollback undoer --to nosuch', 1, qr/hint: Applied last there: "$first"\./);
refused("rollback dev $first", 2, qr/needs a confirmation/);
is(scalar @{ $shop->json('history', 'dev', '--outcome', 'failed, rolled back ,applied') }, 1, 'blanks between words: found');

# --- a style that another one is there already for ----------------------------------------------

refused('init --style flyway', 1, qr/dbmaestro.conf is there already, and its naming.style is "dbmaestro"\n/);
ok(!-e $shop->path('sql'), 'and no folder is made');
$shop->check([ 'init', '--style', 'dbmaestro' ], 0, undef, 'init: the style that it has');

# --- a script that cannot be read ---------------------------------------------------------------

$shop->write('migrations/20260102_000000_broken.sql' => "CREATE TABLE broken (\n", 'migrations/20260103_000000_fine.sql' => "CREATE TABLE fine ();\n");
$shop->commit('Broken');
{
    my ($stdout, $stderr) = $shop->check([ 'plan', 'dev', '--steps' ], 1, qr/^ERROR:  syntax error.*error: change "20260102_000000_broken" cannot be cut into steps$/ms, 'plan --steps');

    like($stdout, qr/_fine .*CREATE TABLE fine/, 'plan --steps: the others are shown');
    (undef, $stderr) = $shop->check([ 'deploy', 'dev' ], 1, qr/hint: Run "dbmaestro deploy dev" again: it goes on with "20260102_000000_broken"\.$/m, 'deploy');
    (undef, $stderr) = $shop->check([ 'resume', 'dev' ], 1,
        qr/hint: Run "dbmaestro resume dev" again: it goes on with "20260102_000000_broken" as it is in commit [0-9a-f]{10}\.  For a later commit: dbmaestro deploy dev$/m, 'resume');
    $shop->write('migrations/20260102_000000_broken.sql' => "CREATE TABLE broken ();\n");
    $shop->commit('Mended');
    $shop->check([ 'resume', 'dev' ], 1, qr/syntax error/, 'resume: the commit is the same');
    $shop->check([ 'deploy', 'dev' ], 0, undef, 'and the hinted command is right');
}

$node->stop;
done_testing();

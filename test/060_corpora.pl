# Real migration histories of other projects go through dbm_apply, from an
# empty database, under an enforcing guard: the schema is the one that psql
# made of the same scripts, and applying everything again changes nothing.
use strict;
use warnings FATAL => 'all';

use File::Basename;
use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $corpora = dbm_corpora();
my @names = $ENV{DBM_CORPORA} ? split(/[ ,]+/, $ENV{DBM_CORPORA}) : qw(
  crates_io concourse cas_cif stellar_horizon temporal supabase_auth
  temporal_visibility supabase_storage lemmy coder boundary synapse musicbrainz);

# Scripts that run in one transaction, but bring more than one: refused, and left to psql.
my %several_transactions = ('musicbrainz/0022_CreateFunctions.sql' => 1);

my $node = dbm_node('main', bare => 1, conf => "max_locks_per_transaction = 256\nfsync = off\n");

# What apply.csv says of each script: file name => "tx" or "notx"; or "several".
sub read_verdicts
{
    my ($name, $directory) = @_;
    my %verdict;

    foreach my $line (split /\n/, slurp_file("$directory/apply.csv"))
    {
        my ($file, undef, $result) = split /,/, $line;
        $verdict{$file} = $several_transactions{"$name/$file"} ? 'several' : $result;
    }
    delete $verdict{file};
    return \%verdict;
}

# One psql session for all scripts of a corpus; prints "file|outcome" or
# "file|SQLSTATE" for each.
sub session_script
{
    my ($directory, $verdict, $again) = @_;
    my $session = "\\set VERBOSITY sqlstate\n";

    foreach my $file (sort keys %$verdict)
    {
        my $script = slurp_file("$directory/migrations/$file");
        my $call = 'SELECT outcome FROM dbm_apply('
          . dbm_quote($file) . ', ' . dbm_quote($script) . ") \\gset\n";

        next if $again and $verdict->{$file} ne 'tx';
        # each script had a session of its own; temporary tables of one may not meet the next
        $session .= "DISCARD TEMP;\n\\set outcome\n$call\\if :ERROR\n\\echo $file|:LAST_ERROR_SQLSTATE\n"
          . "\\else\n\\echo $file|:outcome\n\\endif\n";
        next if $verdict->{$file} eq 'tx';

        # what cannot run in a transaction is refused above and left to psql
        $session .= "SELECT dbm_guard('observe') \\g /dev/null\n"
          . "\\i '$directory/migrations/$file'\nSET search_path TO DEFAULT;\n"
          . "SELECT dbm_guard('enforce') \\g /dev/null\n";
    }
    return $session;
}

# Runs the session; returns file => outcome.
sub run_session
{
    my ($database, $session) = @_;
    my ($stdout, $stderr) = ('', '');
    my %outcome;

    $node->psql($database, $session, stdout => \$stdout, stderr => \$stderr, on_error_stop => 0);
    foreach my $line (split /\n/, $stdout)
    {
        $outcome{$1} = $2 if $line =~ /^(\d{4}_[^|]*)\|(.+)$/;
    }
    return \%outcome, $stderr;
}

# Names of the scripts whose outcome is not the one expected, with it.
sub unexpected
{
    my ($outcome, $verdict, $expected) = @_;
    my @strange;

    foreach my $file (sort keys %$verdict)
    {
        next if $expected eq 'already applied' and $verdict->{$file} ne 'tx';
        my %wanted = (tx => qr/^$expected$/, notx => qr/^MA02[12]$/, several => qr/^MA021$/);
        my $got = $outcome->{$file} // 'nothing';
        push @strange, "$file: $got" if $got !~ $wanted{ $verdict->{$file} };
    }
    return join "\n", @strange;
}

my $icu = $node->safe_psql('template1', "SELECT count(*) FROM pg_collation WHERE collprovider = 'i'");

foreach my $name (@names)
{
    if ($name eq 'musicbrainz' && !$icu)
    {
      SKIP: { skip "$name needs a server with ICU", 7; }
        next;
    }
    my $directory = "$corpora/$name";
    my $database = "corpus_$name";
    my $verdict = read_verdicts($name, $directory);
    my %setting = (change_name_pattern => "'.'", allow_empty => "'on'");
    my $state = 'SELECT dbm_schema_hash(), (SELECT count(*) FROM dbmaestro.run),'
      . ' (SELECT count(*) FROM dbmaestro.snapshot), (SELECT count(*) FROM dbmaestro.change)';

    # its own runner sets that (SOURCE.md)
    $setting{search_path} = "'storage, public'" if $name eq 'supabase_storage';
    dbm_database($node, $database);
    $node->safe_psql($database, slurp_file("$directory/prepare.sql")) if -e "$directory/prepare.sql";
    $node->safe_psql($database, "SELECT dbm_configure('$_', $setting{$_})") foreach sort keys %setting;
    $node->safe_psql($database, "SELECT dbm_guard('enforce')");

    my ($outcome, $stderr) = run_session($database, session_script($directory, $verdict, 0));
    my $strange = unexpected($outcome, $verdict, 'applied');
    is($strange, '', "$name: every script is applied, or refused for what it is")
      or diag(join "\n", grep { defined } (split /\n/, $stderr)[ 0 .. 20 ]);

    my $dump = dbm_dump($node, $database);
  SKIP:
    {
        skip "the expected dump of $name is one of PostgreSQL 15", 1
          if $node->pg_version->major != 15;
        dbm_same_text($dump, DbmTest::dbm_strip_dump(slurp_file("$directory/final_schema.dump.sql")),
            "$name: the schema is the one that psql made");
    }

    my $before = $node->safe_psql($database, $state);
    ($outcome, $stderr) = run_session($database, session_script($directory, $verdict, 1));
    is(unexpected($outcome, $verdict, 'already applied'),
        '', "$name: applied again, each script is known");
    is($node->safe_psql($database, $state), $before, "$name: and nothing changed");
    is(dbm_dump($node, $database), $dump, "$name: nor does pg_dump see a difference");
    $node->safe_psql('template1', "DROP DATABASE $database");
}

$node->stop;
done_testing();

# Real migration histories of other projects, each in a Git repository laid
# out as the project has it, are deployed with the command line under an
# enforcing guard: the schema is the one that psql made of the same scripts, a
# second deployment does nothing, and rolling back in reverse goes as far as
# psql came.
#
#   DBM_CORPORA="lemmy coder"   these instead of all
use strict;
use warnings FATAL => 'all';

use File::Basename;
use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmRepository;
use DbmTest;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Text::ParseWords;

my $corpora = dbm_corpora();
my @names = $ENV{DBM_CORPORA} ? split(/[ ,]+/, $ENV{DBM_CORPORA}) : qw(
  crates_io lemmy coder stellar_horizon concourse boundary temporal temporal_visibility
  synapse supabase_auth supabase_storage cas_cif musicbrainz pagila osm gisia);

# How each project lays out its scripts: configuration, path of a script and
# of its rollback, and the name of a change, from the name in the corpus or
# the path in the project (default: the corpus' own).
my $diesel = {
    set => { 'naming.style' => 'diesel' },
    script => 'migrations/%s/up.sql',
    rollback => 'migrations/%s/down.sql',
    change => sub { $_[1] =~ m{/([^/]+)/up\.sql$} ? $1 : '9999-12-31-000000_' . substr $_[0], 5 } };
my $golang = {
    set => { 'naming.style' => 'golang-migrate' },
    script => 'migrations/%s.up.sql',
    rollback => 'migrations/%s.down.sql',
    change => sub { basename($_[1]) =~ s/\.(?:up\.)?(?:\*|sql)$//r } };
my $planned = {
    set => { 'naming.style' => 'sqitch', 'paths.migrations' => 'versioned' },
    script => 'versioned/%s.sql',
    plan => 1,
    change => sub { $_[1] =~ m{/versioned/(.*)\.sql$}; $1 } };
my $numbered = {
    set => { 'naming.style' => 'plain', 'paths.rollback' => 'rollback', 'naming.rollback' => '*.sql' },
    script => 'migrations/%s.sql',
    rollback => 'rollback/%s.sql' };
my %layout = (
    crates_io => $diesel,
    lemmy => $diesel,
    coder => $golang,
    concourse => $golang,
    supabase_auth => { %$golang, change => sub { basename($_[1]) =~ s/^init_postgres\.sql$/0/r =~ s/\.up\.sql$//r } },
    boundary => {
        set => { 'naming.style' => 'golang-migrate', 'paths.migrations' => 'oss/postgres', 'naming.script' => '**.up.sql' },
        script => 'oss/postgres/%s.up.sql',
        change => sub { $_[1] =~ m{/postgres/(.*)\.up\.sql$}; $1 } },
    cas_cif => {
        set => { 'naming.style' => 'sqitch' },
        script => 'deploy/%s.sql',
        rollback => 'revert/%s.sql',
        plan => 1,
        change => sub { $_[1] =~ m{/deploy/(.*)\.sql$}; $1 } },
    stellar_horizon => {
        set => { 'naming.style' => 'flyway' },
        script => 'sql/V%s.sql',
        rollback => 'sql/U%s.sql',
        change => sub { basename($_[1], '.sql') =~ s/^(\d+)_/$1__/r } },
    temporal => $planned,
    temporal_visibility => $planned,
    supabase_storage => {
        set => { 'naming.style' => 'plain', 'paths.migrations' => 'migrations/tenant' },
        script => 'migrations/tenant/%s.sql',
        change => sub { basename($_[1], '.sql') } });

# Scripts that end transactions themselves, on their own or in code.
my $ends_transactions = qr{^(?:musicbrainz/0022_|supabase_storage/00(?:29|30)_)};

my $node = dbm_node('main', bare => 1, conf => "max_locks_per_transaction = 256\nfsync = off\n");

# The rows of a CSV file without its heading.
sub read_csv
{
    my ($file) = @_;
    my (undef, @lines) = split /\n/, -e $file ? slurp_file($file) : '';

    return map { [ parse_line(',', 0, $_) ] } @lines;
}

# What makes the server refuse a change: { part, sqlstate }, where part is the
# script or the rollback, or nothing.  What cannot run in a transaction is none.
# By the measurements: the row of reversible.csv.
sub find_refusal
{
    my ($ends_transactions, $down, $rollback) = @_;

    return { part => 'script', sqlstate => qr/^MA021$/ } if $ends_transactions;
    return undef unless $down;
    # since 18 a constraint that forbids null has a name, and this can be parsed
    return undef if $node->pg_version->major >= 18 && ($rollback // '') =~ /\bCONSTRAINT \S+ NOT NULL/;
    # a rollback script that cannot be parsed is none
    return { part => 'rollback', sqlstate => qr/^42601$/ } if $down->[8] && $down->[8] =~ /: 42601: /;
    return undef;
}

# The scripts of a corpus in order: { file, change, script, rollback, refusal }.
sub read_steps
{
    my ($name, $layout) = @_;
    my $directory = "$corpora/$name";
    my %original = map { ($_->[0] => $_->[1]) } read_csv("$directory/map.csv");
    my %down = map { ($_->[0] => $_) } read_csv("$directory/reversible.csv");
    my $change = $layout->{change} // sub { basename($_[0], '.sql') };
    my @steps;

    # a whole schema is a history of one
    return ({ file => 'schema.sql', change => '1_schema', script => slurp_file("$directory/schema.sql") })
      unless -d "$directory/migrations";
    foreach my $row (read_csv("$directory/apply.csv"))
    {
        my ($file) = @$row;
        my $path = "$directory/rollback/$file";
        my $rollback = -e $path ? slurp_file($path) : undef;

        push @steps,
          {
            file => $file,
            change => $change->($file, $original{$file}),
            script => slurp_file("$directory/migrations/$file"),
            rollback => $rollback,
            refusal => find_refusal(scalar("$name/$file" =~ $ends_transactions), $down{$file}, $rollback) };
    }
    return @steps;
}

sub write_repository
{
    my ($name, $layout, @steps) = @_;
    my $repository = DbmRepository->new($node, dev => "corpus_$name");
    my %files = map { (sprintf($layout->{script}, $_->{change}) => $_->{script}) } @steps;

    foreach my $step (grep { defined $_->{rollback} } @steps)
    {
        $files{ sprintf $layout->{rollback}, $step->{change} } = $step->{rollback};
    }
    $repository->write(%files);
    configure($repository, $layout, @steps);
    return $repository;
}

# What stands in the configuration, and in the plan, before a commit.
sub configure
{
    my ($repository, $layout, @steps) = @_;

    $repository->git('config', '-f', $repository->path('dbmaestro.conf'), $_, $layout->{set}{$_})
      foreach sort keys %{ $layout->{set} };
    $repository->write('sqitch.plan' => join '', "%syntax-version=1.0.0\n%project=x\n\n",
        map { "$_->{change} 2026-01-01T00:00:00Z Ada <ada\@example.org> # \n" } @steps)
      if $layout->{plan};
    $repository->commit('Scripts');
    return;
}

# What dbmaestro refuses, as a person at psql would do it; returns the SQLSTATE
# of what failed, or ''.
sub run_by_psql
{
    my ($database, $file) = @_;

    $node->safe_psql($database, "SELECT dbm_guard('observe')");
    my $error = dbm_refused($node, $database, "\\i '$file'");
    $node->safe_psql($database, "SELECT dbm_guard('enforce')");
    return $error ? $error->{sqlstate} : '';
}

# Deploys all; where the server refuses a script for what it is, that one
# leaves the repository, psql runs it, and the next deployment goes on.  A
# rollback that is refused only leaves.
sub deploy_all
{
    my ($name, $layout, $repository, @steps) = @_;
    my @good = @steps;

    foreach my $step (grep { $_->{refusal} } @steps)
    {
        my ($part, $sqlstate) = @{ $step->{refusal} }{qw(part sqlstate)};
        my $told = $repository->json('deploy', 'dev');
        my $error = $told->{error} // {};
        my ($row) = grep { $_->{outcome} eq 'failed' } @{ $told->{changes} };

        is($row ? $row->{change} : undef, $step->{change}, "$name: stopped at $step->{file}")
          or diag(explain $error);
        like($error->{sqlstate}, $sqlstate, "$name: $part of $step->{file} is refused for what it is");
        like($error->{hint}, qr/\w/, "$name: $step->{file}: with a hint") if $error->{sqlstate} =~ /^MA/;
        $repository->git('rm', '-q', sprintf($layout->{rollback}, $step->{change})) if defined $step->{rollback};
        if ($part eq 'script')
        {
            $repository->git('rm', '-q', sprintf($layout->{script}, $step->{change}));
            @good = grep { $_ != $step } @good;
            is(run_by_psql("corpus_$name", "$corpora/$name/migrations/$step->{file}"), '', "$name: $step->{file} by psql");
        }
        configure($repository, $layout, @good);
    }
    $repository->check([ 'deploy', 'dev' ], 0, undef, "$name: everything else is deployed");
    is($node->safe_psql("corpus_$name", q(SELECT string_agg(change, E'\n' ORDER BY applied_run) FROM dbmaestro.change WHERE state = 'applied')),
        join("\n", map { $_->{change} } @good),
        "$name: each change once, in the order of the project");
    return;
}

# Takes back what the command line may: these steps, the last of which is the
# newest.  Returns how many are gone, and what refused the next one, or ''.
sub roll_back
{
    my ($name, $repository, @series) = @_;
    my ($done, $stopped) = (0, '');
    my @calls = (@series > 1 ? [ '--to', $series[0]{change} ] : (), [ $series[0]{change} ]);

    foreach my $call (@calls)
    {
        my $told = $repository->json('rollback', 'dev', @$call, '--yes');

        $done += grep { $_->{outcome} eq 'rolled back' } @{ $told->{changes} };
        next unless $told->{error};
        my ($row) = grep { $_->{outcome} eq 'failed' } @{ $told->{changes} };
        my ($step) = grep { $_->{change} eq $row->{change} } @series;
        $stopped = "$step->{file}: $told->{error}{sqlstate}";
        last;
    }
    return ($done, $stopped);
}

# Steps in reverse, in series: those of the command line together, and one by
# one those that are left to psql or have no script.
sub split_series
{
    my @series;

    foreach my $step (reverse @_)
    {
        my $alone = $step->{refusal} || !defined $step->{rollback};

        push @series, [] if !@series || $alone || $series[-1][0]{refusal} || !defined $series[-1][0]{rollback};
        unshift @{ $series[-1] }, $step;
    }
    return @series;
}

# All rollbacks in reverse, as far as psql came; without the proof, since a
# history is no single step: what one rollback leaves, an earlier one removes.
sub roll_back_all
{
    my ($name, $repository, $empty, @steps) = @_;
    my $database = "corpus_$name";
    my $expected = decode_json(slurp_file("$corpora/$name/chain_down.json"));
    my ($done, $stopped) = (0, '');

    $node->safe_psql($database, "SELECT dbm_configure('rollback_proof', 'off')");
    foreach my $series (split_series(@steps))
    {
        my $step = $series->[0];
        my $more = 1;

        if (!defined $step->{rollback})
        {
            ($more, $stopped) = (0, "$step->{file}: no script");
        }
        elsif ($step->{refusal})
        {
            my $sqlstate = run_by_psql($database, "$corpora/$name/rollback/$step->{file}");
            ($more, $stopped) = (0, "$step->{file}: $sqlstate") if $sqlstate;
        }
        else
        {
            ($more, $stopped) = roll_back($name, $repository, @$series);
        }
        $done += $more;
        last if $stopped;
    }
    # it was measured on 15: what is a syntax error there need not be one here
    if ($node->pg_version->major >= 18 && $expected->{stopped_at} =~ /: 42601: /)
    {
        cmp_ok($done, '>=', $expected->{downs_ok}, "$name: at least as many rollbacks as psql could run on 15");
        return;
    }
    is($done, $expected->{downs_ok}, "$name: as many rollbacks as psql could run");
    is($stopped, $expected->{stopped_at} =~ s/: no rollback script$/: no script/r =~ s/: line \d+: (\w{5}): .*/: $1/sr,
        "$name: and stopped at the same one, or at none");
    dbm_same_text(dbm_dump($node, $database), $empty, "$name: back to the beginning")
      if $expected->{back_to_empty} eq 'identical';
    return;
}

sub check_dump
{
    my ($name, $directory) = @_;
    my $dump = dbm_dump($node, "corpus_$name");

  SKIP:
    {
        skip "the expected dump of $name is one of PostgreSQL 15", 1
          if $node->pg_version->major != 15;
        dbm_same_text($dump, DbmTest::dbm_strip_dump(slurp_file("$directory/final_schema.dump.sql")),
            "$name: the schema is the one that psql made");
    }
    return $dump;
}

sub check_corpus
{
    my ($name) = @_;
    my $directory = "$corpora/$name";
    my $database = "corpus_$name";
    my $layout = $layout{$name} // $numbered;
    my @steps = read_steps($name, $layout);
    my %setting = (change_name_pattern => "'.'", allow_empty => "'on'");
    my $state = 'SELECT dbm_schema_hash(), (SELECT count(*) FROM dbmaestro.run),'
      . ' (SELECT count(*) FROM dbmaestro.deployment), (SELECT count(*) FROM dbmaestro.snapshot)';

    # its own runner sets that (SOURCE.md)
    $setting{search_path} = "'storage, public'" if $name eq 'supabase_storage';
    dbm_database($node, $database);
    $node->safe_psql($database, slurp_file("$directory/prepare.sql")) if -e "$directory/prepare.sql";
    $node->safe_psql($database, "SELECT dbm_configure('$_', $setting{$_})") foreach sort keys %setting;
    $node->safe_psql($database, "SELECT dbm_guard('enforce')");

    my $empty = dbm_dump($node, $database);
    my $repository = write_repository($name, $layout, @steps);
    my $started = time;
    deploy_all($name, $layout, $repository, @steps);
    note("$name: " . @steps . ' scripts in ' . (time - $started) . ' s');
    my $dump = check_dump($name, $directory);

    my $before = $node->safe_psql($database, $state);
    $repository->check([ 'deploy', 'dev' ], 0, qr/^nothing to do: "dev" has all changes of commit/, "$name: deployed again");
    is($node->safe_psql($database, $state), $before, "$name: and nothing changed");
    roll_back_all($name, $repository, $empty, @steps) if -e "$directory/chain_down.json";
    $node->safe_psql('template1', "DROP DATABASE $database");
    return;
}

foreach my $name (@names)
{
  SKIP:
    {
        skip 'osm needs extension postgis, which this server does not have', 1
          if $name eq 'osm' && !$node->safe_psql('template1',
            q(SELECT count(*) FROM pg_available_extensions WHERE name = 'postgis'));
        check_corpus($name);
    }
}

$node->stop;
done_testing();

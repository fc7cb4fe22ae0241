# Equal schemas have equal roots and different ones different roots, asked of
# pg_dump: on whole schemas of real projects, loaded twice and dumped and
# restored, and on pairs of schemas that other projects' diff tools are tested
# with.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $corpora = dbm_corpora();
my $cases = "$corpora/../diffcases";
# every pair takes half a second: a sample by default, DBM_DIFF_STEP=1 for all
my $step = $ENV{DBM_DIFF_STEP} || 37;
my @roles = qw(anon authenticated service_role dashboard_user cif_admin cif_external cif_guest
  cif_internal supabase_auth_admin supabase_storage_admin);

my $node = dbm_node('main', tier => 'events', bare => 1, conf => "fsync = off\n");

# Databases of the pairs may lose schema public, so our functions live elsewhere.
$node->safe_psql('postgres', 'CREATE DATABASE prepared TEMPLATE template0');
$node->safe_psql('prepared', 'CREATE SCHEMA dbm; CREATE EXTENSION dbmaestro SCHEMA dbm');
$node->safe_psql('postgres', "CREATE ROLE $_") foreach @roles;

sub make_database
{
    my ($database) = @_;

    $node->safe_psql('postgres', "DROP DATABASE IF EXISTS $database");
    $node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE prepared");
    return;
}

# The root, or why there is none; the quick one must be the one from nothing.
sub root_of
{
    my ($database) = @_;
    my ($rc, $stdout, $stderr) = $node->psql($database,
        'SELECT dbm.dbm_schema_hash(), dbm.dbm_schema_hash() = dbmaestro._dbm_schema_hash_full()');

    return $stderr if $rc != 0;
    return $stdout =~ /^([0-9a-f]{64})\|t$/ ? $1 : "wrong: $stdout";
}

# Loads a file; returns the first error.
sub load_file
{
    my ($database, $file, @before) = @_;
    my ($stdout, $stderr) = ('', '');

    $node->psql($database, join("\n", @before, "\\i '$file'"), stdout => \$stdout, stderr => \$stderr,
        on_error_stop => 0);
    return $stderr =~ /^(.*ERROR:.*)$/m ? $1 : '';
}

sub dump_of
{
    my ($database, $file) = @_;

    system_or_bail('pg_dump', '--schema-only', '--restrict-key=dbmaestro', '--file', $file,
        $node->connstr($database));
    return slurp_file($file);
}

foreach my $name (map { m{([^/]+)/final_schema} ? $1 : () } sort glob "$corpora/*/final_schema.dump.sql")
{
    my $file = "$corpora/$name/final_schema.dump.sql";
    my $dump = $node->basedir . "/$name.sql";
    my @root;

    foreach my $database (qw(first second))
    {
        make_database($database);
        load_file($database, $file);
        push @root, root_of($database);
    }
    like($root[0], qr/^[0-9a-f]{64}$/, "$name: has a root");
    is($root[1], $root[0], "$name: loaded twice, the root is the same");
    dump_of('first', $dump);
    make_database('second');
    load_file('second', $dump);
    is(root_of('second'), $root[0], "$name: dumped and restored, too");
    # roots are of all objects read at once, what is stored is read object by object
    is($node->safe_psql('second', "SELECT dbm.dbm_snapshot('all') > 0"), 't', "$name: so is each part of it alone");
}

# Loads one side of a pair; false if this server cannot.
sub load_side
{
    my ($database, $file) = @_;
    my $script = slurp_file($file);
    my @before;

    push @before, 'DROP EXTENSION plpgsql;'
      if $script =~ /^\s*CREATE\s+(?:EXTENSION|(?:OR\s+REPLACE\s+)?(?:TRUSTED\s+)?(?:PROCEDURAL\s+)?LANGUAGE)\s.*plpgsql/im;
    push @before, 'DROP SCHEMA public;'
      if $script =~ /^\s*CREATE\s+SCHEMA\s+(?:IF\s+NOT\s+EXISTS\s+)?"?public/im;
    make_database($database);
    return load_file($database, $file, @before) eq '';
}

# A password, and where a subscription connects to, are no part of the schema.
sub without_secrets
{
    my ($dump) = @_;

    $dump =~ s/(password '?)[^',)]*/$1/gi;
    $dump =~ s/^(CREATE SUBSCRIPTION \S+ CONNECTION ).*? PUBLICATION/$1 PUBLICATION/mg;
    return $dump;
}

SKIP:
{
    skip "the pairs of schemas are not beside this repository", 1 unless -r "$cases/index.tsv";
    my (undef, @rows) = split /\n/, slurp_file("$cases/index.tsv");
    my ($tried, $not_loaded, @wrong) = (0, 0);

    foreach my $at (grep { $_ % $step == 0 } 0 .. $#rows)
    {
        my ($project, $case, $from, $to) = split /\t/, $rows[$at];
        next if $from ne 'ok' or $to ne 'ok';
        my $directory = "$cases/$project/$case";

        # some have to be alone in a cluster: roles of a case before are in the way
        if (!load_side('first', "$directory/from.sql") or !load_side('second', "$directory/to.sql"))
        {
            $not_loaded++;
            next;
        }
        $tried++;
        my @dump = map { without_secrets(dump_of($_, $node->basedir . "/$_.sql")) } qw(first second);
        my @root = map { root_of($_) } qw(first second);
        my $same = $root[0] eq $root[1];

        push @wrong, "$project/$case: $root[0] $root[1]" if grep { !/^[0-9a-f]{64}$/ } @root;
        push @wrong, "$project/$case: " . ($same ? 'the dumps differ' : 'the roots differ')
          if ($dump[0] eq $dump[1]) != $same;
    }
    cmp_ok($tried, '>', 10, "pairs that could be loaded ($not_loaded could not)");
    is(join("\n", @wrong), '', 'the roots are equal where the dumps are');
}

$node->stop;
done_testing();

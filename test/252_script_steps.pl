# However a script is cut, each of its statements is in one step, in order:
# real scripts of other projects, and mixtures of them with statements that
# cannot run in a transaction.  Exactly those scripts need steps that the
# server would not run in one transaction.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $corpora = dbm_corpora();
my $node = dbm_node('main', environment => undef, tier => 'events', conf => "fsync = off\n");

# Refused in any case: code that commits by itself, and several transactions.
my %refused = map { $_ => 1 } qw(
  supabase_storage/migrations/0029_0029-create-prefixes.sql
  supabase_storage/migrations/0030_0030-update-object-levels.sql
  musicbrainz/migrations/0022_CreateFunctions.sql);
my $seed = $ENV{DBM_SEED} // 1;

# What is wrong with the steps of a script, how many are single, and how many
# statements there are; '' is wrong where nothing is.
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION look(script text, OUT fault text, OUT steps bigint, OUT singles bigint, OUT statements bigint) LANGUAGE plpgsql AS $$
BEGIN
    WITH cut AS MATERIALIZED (SELECT * FROM dbm_steps(script)),
         whole AS MATERIALIZED (SELECT * FROM dbmaestro._dbm_script(script)),
         list AS (
            SELECT cut.*, row_number() OVER w AS position, lag(last_statement, 1, 0) OVER w AS before,
                   lag(kind) OVER w AS before_kind, one.statement AS first_text, one.line AS first_line,
                   other.statement AS last_text, other.copy_bytes
              FROM cut LEFT JOIN whole one ON one.ordinal = first_statement LEFT JOIN whole other ON other.ordinal = last_statement
              WINDOW w AS (ORDER BY step))
    SELECT coalesce(string_agg(format('step %s (%s to %s)', step, first_statement, last_statement), ', ') FILTER (
               WHERE step <> position OR first_statement <> before + 1 OR last_statement < first_statement
                  OR line IS DISTINCT FROM first_line OR (kind = 'single' AND last_statement > first_statement)
                  OR (kind = 'single') <> (subject IS NOT NULL)
                  OR (kind = 'transaction' AND before_kind = 'transaction' AND reason NOT LIKE 'value %')
                  OR (reason IS NULL) <> (position = 1 AND kind = 'transaction')
                  OR NOT starts_with(list.statements, first_text)
                  OR (copy_bytes IS NULL AND right(list.statements, length(last_text)) <> last_text)), ''),
           count(*), count(*) FILTER (WHERE kind = 'single'), (SELECT count(*) FROM whole)
      INTO fault, steps, singles, statements FROM list;
    IF fault = '' AND (SELECT coalesce(max(last_statement), 0) FROM dbm_steps(script)) <> statements THEN
        fault := 'they do not reach the end';
    END IF;
EXCEPTION WHEN OTHERS THEN
    fault := sqlstate;
END $$;
SQL

# Runs look() over scripts: name => text; returns name => its row.
sub look
{
    my (%script) = @_;
    my %row;
    my $session = "SET client_min_messages = warning;\n";

    foreach my $name (sort keys %script)
    {
        $session .= 'SELECT ' . dbm_quote($name) . ', * FROM look(' . dbm_quote($script{$name}) . ");\n";
    }
    foreach my $line (split /\n/, $node->safe_psql('postgres', $session))
    {
        my ($name, @columns) = split /\|/, $line, -1;
        @{ $row{$name} }{qw(fault steps singles statements)} = @columns;
    }
    return \%row;
}

# file => result, of apply.csv and reversible.csv
sub read_column
{
    my ($file, $column) = @_;
    my %value;

    return \%value unless -e $file;
    foreach my $line (split /\n/, slurp_file($file))
    {
        my @fields = split /,/, $line;
        $value{ $fields[0] } = $fields[$column];
    }
    delete $value{file};
    return \%value;
}

# ---- real scripts ----

my @pieces;
foreach my $name (sort map { s{.*/(.*)/migrations$}{$1}r } glob "$corpora/*/migrations")
{
    my $up = read_column("$corpora/$name/apply.csv", 2);
    my $down = read_column("$corpora/$name/reversible.csv", 4);
    my %expected = ((map { ("migrations/$_" => $up->{$_}) } keys %$up), (map { ("rollback/$_" => $down->{$_}) } keys %$down));
    my %script = map { ($_ => slurp_file("$corpora/$name/$_")) } grep { -e "$corpora/$name/$_" } keys %expected;
    my $row = look(%script);
    my (@faults, @other);

    foreach my $file (sort keys %script)
    {
        my $seen = $row->{$file};
        my $refused = $refused{"$name/$file"};

        # what does not run at all may have a syntax error of this major
        next if $expected{$file} eq 'FAIL' and $seen->{fault} =~ /^(?:42601|MA021)$/;
        push @faults, "$file: $seen->{fault}" if $seen->{fault} ne ($refused ? 'MA021' : '');
        push @other, "$file: $seen->{steps} steps, $seen->{singles} of them single, but $expected{$file}"
          if $seen->{fault} eq '' and $expected{$file} ne 'FAIL'
          and ($seen->{steps} > 1 || $seen->{singles} > 0) != ($expected{$file} eq 'notx');
        push @pieces, $script{$file} if $seen->{fault} eq '' and length $script{$file} < 20_000;
    }
    is(scalar keys %$row, scalar keys %script, "$name: each script is cut");
    is(join("\n", @faults), '', "$name: each statement is in one step, in order");
    is(join("\n", @other), '', "$name: steps where the server wants them");
}

# ---- mixtures ----

# Statements of those scripts, none of which a step or the end of one would bother.
srand $seed;
my @some = map { $pieces[ rand @pieces ] } 1 .. 60;
my @statements = map { pack 'H*', $_ } map { split /\n/, $node->safe_psql('postgres',
    q{SET client_min_messages = warning; SELECT encode(convert_to(statement, 'UTF8'), 'hex') FROM dbmaestro._dbm_script(} . dbm_quote($_)
      . q{) WHERE copy_bytes IS NULL AND tag NOT IN ('BEGIN', 'COMMIT') AND statement !~ '(?i)advisory|add value'}) } @some;
my @singles = (
    'VACUUM', 'create unique index concurrently nowhere_a on nowhere (a)', 'ALTER SYSTEM RESET ALL',
    'DROP INDEX CONCURRENTLY nowhere_a', 'REINDEX SCHEMA nowhere', 'CREATE DATABASE nowhere', 'CLUSTER');
my @gaps = ("\n", ";;\n", " -- it's\n", " /* ; VACUUM; */ ", "\n\\restrict x\n");
my (%mixture, %number);

foreach my $name (map { sprintf 'mixture %03d', $_ } 1 .. 200)
{
    my $script = '';

    $number{$name} = { singles => 0, statements => 0 };
    foreach (1 .. 1 + int rand 12)
    {
        my $single = rand() < 0.3;

        $script .= ($single ? $singles[ rand @singles ] : $statements[ rand @statements ]) . ";";
        $script .= $gaps[ rand @gaps ];
        $number{$name}{singles}++ if $single;
        $number{$name}{statements}++;
    }
    # "it's" would go on at the end; a mixture that ends in COMMIT means the same
    $mixture{$name} = "$script\n" . (rand() < 0.2 ? 'COMMIT;' : '');
}
my $row = look(%mixture);
my @strange = grep {
    $row->{$_}{fault} ne '' || $row->{$_}{singles} != $number{$_}{singles}
      || $row->{$_}{statements} != $number{$_}{statements}
} sort keys %mixture;
is(scalar keys %$row, 200, 'mixtures are cut');
is(join(', ', map { "$_: $row->{$_}{fault}" } @strange), '', "and their statements are all there (DBM_SEED=$seed)")
  or diag($mixture{ $strange[0] });

$node->stop;
done_testing();

# CREATE INDEX CONCURRENTLY on a partitioned table, part by part: what its parts
# make is what CREATE INDEX makes in one, to the last name; also when a build is
# cut short again and again, and partitions come and go meanwhile.
use strict;
use warnings FATAL => 'all';

use FindBin;
use JSON::PP;
use lib "$FindBin::RealBin/lib";
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'usleep';

my $node = dbm_node('step_parts', bare => 1, conf => "fsync = off\nautovacuum = off\n");
my $seed = srand;
note "random seed $seed";

my $long = 'l' x 61;
my $schema = <<SQL;
CREATE SCHEMA app;
CREATE SCHEMA "Side ""B""";
SET search_path = app;
CREATE TYPE pair AS (x integer, y text);
CREATE FUNCTION app.twice(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT \$1 * 2';
CREATE TABLE p (gone integer, a integer NOT NULL, "B b" text, c integer, o pair) PARTITION BY RANGE (a);
ALTER TABLE p DROP COLUMN gone;
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE "Side ""B"""."P 3" (o pair, c integer, x integer, "B b" text, a integer NOT NULL);
ALTER TABLE "Side ""B"""."P 3" DROP COLUMN x;
ALTER TABLE p ATTACH PARTITION "Side ""B"""."P 3" FOR VALUES FROM (20) TO (30);
CREATE TABLE p4 (c integer, a integer NOT NULL, o pair, "B b" text) PARTITION BY LIST (c);
CREATE TABLE p41 PARTITION OF p4 FOR VALUES IN (1, 2);
CREATE TABLE p42 PARTITION OF p4 DEFAULT PARTITION BY HASH (a);
CREATE TABLE p421 PARTITION OF p42 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE p422 PARTITION OF p42 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
ALTER TABLE p ATTACH PARTITION p4 FOR VALUES FROM (30) TO (40);
CREATE TABLE ${long}_1 PARTITION OF p FOR VALUES FROM (40) TO (50);
CREATE TABLE ${long}_2 PARTITION OF p FOR VALUES FROM (50) TO (60);
CREATE TABLE p1_a_idx (taken integer);
INSERT INTO p SELECT g % 60, 'b' || g, g % 5, ROW(g, 'y')::pair FROM generate_series(1, 600) AS g;
-- some partitions have what is asked for, or almost
CREATE INDEX p1_c ON p1 (c DESC);
CREATE INDEX p1_c_part ON p1 (c) WHERE a > 1;
CREATE INDEX p3_c ON "Side ""B"""."P 3" (c);
CREATE INDEX p42_c ON p42 (c);
CREATE INDEX p41_expr ON p41 (twice(c)) INCLUDE (a) WHERE "B b" > '';
CREATE INDEX p2_expr ON p2 (twice(c)) INCLUDE (a) WHERE "B b" > 'a';
SQL

my @statements = (
    'CREATE INDEX CONCURRENTLY "The ""index" ON p (a)',
    'CREATE INDEX CONCURRENTLY ON p (a)',
    'create index concurrently if not exists p_c on app.p using btree (c)',
    "CREATE UNIQUE INDEX CONCURRENTLY p_u ON p (a, c, \"B b\") NULLS NOT DISTINCT WITH (fillfactor = 60)\n  TABLESPACE side",
    'CREATE INDEX CONCURRENTLY ON p (twice(p.c)) INCLUDE (a) WHERE p."B b" > \'\'',
    'CREATE INDEX CONCURRENTLY ON p/* of */(lower("B b") COLLATE "C" text_pattern_ops DESC NULLS LAST, (c + a), c)',
    'CREATE INDEX CONCURRENTLY ON p (((o).x), ((p.o).y)) -- the end',
    'CREATE INDEX CONCURRENTLY ON p4* USING hash ("B b")',
    'CREATE INDEX CONCURRENTLY h ON ONLY (p) (a, c)',
    'CREATE INDEX CONCURRENTLY ON p (a, a, c, "B b", c) WHERE c IS NOT NULL AND (a > 3 OR a < 2)',
    'CREATE INDEX CONCURRENTLY ON p USING brin (a int4_minmax_multi_ops (values_per_range = 20))');

# A database with the schema, and another with the index made in one.
sub make_database
{
    my ($database, $more) = @_;

    dbm_database($node, $database);
    $node->safe_psql($database, $schema . ($more // ''));
    $node->safe_psql($database, qq(ALTER DATABASE "$database" SET search_path = app, public));
    return;
}

sub parts
{
    my ($database, $statement) = @_;
    my $rows = $node->safe_psql($database,
        'SELECT coalesce(json_agg(statement ORDER BY part), \'[]\') FROM dbm_step_parts(' . dbm_quote($statement) . ')');

    return @{ decode_json($rows) };
}

sub verdict
{
    my ($database, $statement) = @_;

    return $node->safe_psql($database, 'SELECT verdict FROM dbm_step_proof(' . dbm_quote($statement) . ')');
}

# Runs a part and asks for the proof, in a session that stays.
sub take_part
{
    my ($session, $part) = @_;

    $session->query($part);
    is($session->{err}, '', $part);
    is($session->query('SELECT verdict FROM dbm_step_proof(' . dbm_quote($part) . ')'), 'done', 'which is proven');
    return;
}

# Whatever pg_dump does not show.
sub indexes
{
    my ($database) = @_;

    return $node->safe_psql($database, <<'SQL');
SELECT indexrelid::regclass, indrelid::regclass, pg_get_indexdef(indexrelid), indisvalid, inhparent::regclass
FROM pg_index JOIN pg_class AS t ON t.oid = indrelid LEFT JOIN pg_inherits ON inhrelid = indexrelid
WHERE relnamespace IN ('app'::regnamespace, '"Side ""B"""'::regnamespace) ORDER BY indexrelid::regclass::text COLLATE "C"
SQL
}

sub in_one
{
    my ($statement) = @_;

    return $statement =~ s/ CONCURRENTLY//ir;
}

$node->safe_psql('template1',
    "SET allow_in_place_tablespaces = on;\nCREATE TABLESPACE side LOCATION ''");
make_database('parts');
make_database('whole');
my $session = DbmSession->new($node, 'parts');
for my $statement (@statements)
{
    my @parts = parts('parts', $statement);

    cmp_ok(scalar @parts, '>=', 1, "has parts: $statement");
    take_part($session, $_) foreach @parts;
    $node->safe_psql('whole', in_one($statement));
}
$session->close;
is(indexes('parts'), indexes('whole'), 'the same indexes as made in one');
dbm_same_text(dbm_dump($node, 'parts'), dbm_dump($node, 'whole'), 'and the same pg_dump');

# With a foreign table among the partitions the server passes over it.
{
    my $foreign = 'CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;'
      . ' CREATE FOREIGN TABLE app.f PARTITION OF app.p FOR VALUES FROM (90) TO (99) SERVER nowhere;';
    my $statement = 'CREATE INDEX CONCURRENTLY IF NOT EXISTS pf ON p (c)';

    make_database('foreign_parts', $foreign);
    make_database('foreign_whole', $foreign);
    for my $part (parts('foreign_parts', $statement))
    {
        $node->safe_psql('foreign_parts', $part);
    }
    $node->safe_psql('foreign_whole', in_one($statement));
    is(indexes('foreign_parts'), indexes('foreign_whole'), 'the same indexes around a foreign table');
    is(verdict('foreign_parts', $statement), 'done', 'valid as a whole');
    my ($rc, $out, $err) = $node->psql('foreign_whole', 'CREATE UNIQUE INDEX p_u ON p (a)');
    like($err, qr/cannot create unique index on partitioned table "p"/, 'no unique index');
    ($rc, $out, $err) = $node->psql('foreign_parts',
        "SELECT dbm_step_parts('CREATE UNIQUE INDEX CONCURRENTLY p_u ON p (a)')");
    like($err, qr/cannot create unique index on partitioned table "p"/, 'in parts neither');
}

# Cut short at random, with what there is to clean up cleaned up, and going on.
my $statement = 'CREATE INDEX CONCURRENTLY again ON p (c, lower(p."B b"))';
my $rounds = int(dbm_fault_loops() / 5) || 1;
my $asking = DbmSession->new($node, 'parts');

# What is to be run next, or nothing.
sub next_statement
{
    return $asking->query(<<SQL);
SELECT coalesce(proof.cleanup, proof.finish, part.statement)
FROM dbm_step_parts(\$s\$$statement\$s\$) AS part, dbm_step_proof(part.statement) AS proof
WHERE proof.verdict <> 'done' ORDER BY part LIMIT 1
SQL
}

for my $round (1 .. $rounds)
{
    my $cuts = 0;

    $asking->query('DROP INDEX IF EXISTS again; CREATE TABLE late PARTITION OF p FOR VALUES FROM (70) TO (80)');
    for (my $tries = 0; $tries < 100 && (my $next = next_statement()); $tries++)
    {
        my $builder = DbmSession->new($node, 'parts');

        $builder->{pid} = $builder->query('SELECT pg_backend_pid()');
        $builder->ask($next);
        if (rand() < 0.4)
        {
            usleep(rand 6_000);
            $asking->query("SELECT pg_terminate_backend($builder->{pid}, 60000)");
            $cuts++;
        }
        $builder->answer;
        $builder->close;
        $asking->query('ALTER TABLE p DETACH PARTITION late; DROP TABLE late') if $tries == 4;
    }
    is(verdict('parts', $statement), 'done', "round $round: valid after $cuts cuts");
    is($node->safe_psql('parts', 'SELECT count(*) FROM pg_index WHERE NOT indisvalid AND indexrelid <> \'h\'::regclass'),
        '0', "round $round: nothing invalid is left");
}
$asking->close;
$node->safe_psql('whole', in_one($statement));
is(indexes('parts'), indexes('whole'), 'the same indexes as made in one');

$node->stop;
done_testing();

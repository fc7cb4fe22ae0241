# What dbmaestro calls a statement that cannot run in a transaction, the server
# refuses to run in one, and only that: each row of the table in
# extension/script/not_transactional.c, and its neighbours, in a transaction
# block of this very server.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dbm_node('main', environment => undef, tier => 'events', conf => <<'CONF');
fsync = off
wal_level = logical
max_logical_replication_workers = 0
CONF
my $version = $node->pg_version->major;

$node->safe_psql('postgres', <<'SQL');
CREATE TABLE plain (a int);
CREATE INDEX plain_a ON plain (a);
CREATE TABLE part (a int) PARTITION BY LIST (a);
CREATE INDEX part_a ON part (a);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
CREATE TABLE part_2 PARTITION OF part FOR VALUES IN (2) PARTITION BY LIST (a);
CREATE TABLE part_3 (a int);
CREATE MATERIALIZED VIEW matview AS SELECT 1 AS a;
CREATE UNIQUE INDEX ON matview (a);
CREATE TYPE mood AS ENUM ('calm');
CREATE TABLE moods (m mood);
CREATE ROLE somebody;
CREATE SUBSCRIPTION off_with_slot CONNECTION 'dbname=nowhere' PUBLICATION p, q WITH (connect = false);
CREATE SUBSCRIPTION off_without CONNECTION 'dbname=nowhere' PUBLICATION p, q WITH (connect = false, slot_name = NONE);
CREATE SUBSCRIPTION live CONNECTION 'dbname=nowhere' PUBLICATION p, q WITH (connect = false);
ALTER SUBSCRIPTION live ENABLE;
CREATE PROCEDURE commits() LANGUAGE plpgsql AS 'BEGIN COMMIT; END';
CREATE PROCEDURE calls() LANGUAGE plpgsql AS 'BEGIN CALL commits(); END';
CREATE PROCEDURE quiet() LANGUAGE plpgsql AS 'DECLARE commit int; BEGIN commit := 1; PERFORM ''COMMIT;''; END';
SQL

# The SQLSTATE of a script in one transaction of the server, or "".
sub in_transaction
{
    my ($script) = @_;
    my ($stdout, $stderr);

    # one statement at a time: sent together they would be a transaction without BEGIN
    $node->psql('postgres', "\\set VERBOSITY verbose\nBEGIN;\n$script;\nROLLBACK;\n",
        stdout => \$stdout, stderr => \$stderr, on_error_stop => 1);
    return $stderr =~ /ERROR:  ([0-9A-Z]{5}):/ ? $1 : '';
}

# What we say of it: "single SUBJECT", "transaction", or the SQLSTATE of a refusal.
sub verdict
{
    my ($script) = @_;
    my $error = dbm_refused($node, 'postgres', 'SELECT * FROM dbm_steps(' . dbm_quote($script) . ')');

    return $error->{sqlstate} if $error;
    return $node->safe_psql('postgres',
        q{SELECT coalesce(max('single ' || subject), 'transaction') FROM dbm_steps(} . dbm_quote($script) . ')');
}

# Both agree: the server's 25001 is our single step.
sub refused_by_both
{
    my ($script, $subject) = @_;

    is(in_transaction($script), '25001', "refused in a transaction: $script");
    is(verdict($script), "single $subject", 'and a step of its own');
}

sub passed_by_both
{
    my ($script, $sqlstate) = @_;

    is(in_transaction($script), $sqlstate // '', "runs in a transaction: $script");
    is(verdict($script), 'transaction', 'and stays in one');
}

# Rows of the table: subject => statements that it is about.
my @rows = (
    'CREATE INDEX CONCURRENTLY' => [
        'CREATE INDEX CONCURRENTLY ON plain (a)',
        'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS plain_a ON plain (a)',
        'CREATE INDEX CONCURRENTLY ON part_1 (a)',
    ],
    'DROP INDEX CONCURRENTLY' =>
      [ 'DROP INDEX CONCURRENTLY plain_a', 'DROP INDEX CONCURRENTLY IF EXISTS nowhere' ],
    'REINDEX CONCURRENTLY' => [
        'REINDEX INDEX CONCURRENTLY plain_a',
        'REINDEX (VERBOSE, CONCURRENTLY) TABLE plain',
        'REINDEX (CONCURRENTLY false, CONCURRENTLY true) TABLE plain',
        'REINDEX TABLE CONCURRENTLY part',
        'REINDEX SCHEMA CONCURRENTLY public',
    ],
    'ALTER TABLE ... DETACH PARTITION CONCURRENTLY' =>
      [ 'ALTER TABLE part DETACH PARTITION part_1 CONCURRENTLY' ],
    'REINDEX of a schema or database' =>
      [ 'REINDEX SCHEMA public', 'REINDEX DATABASE postgres', 'REINDEX SYSTEM postgres' ],
    'REINDEX of a partitioned relation' => [
        'REINDEX TABLE part', 'REINDEX INDEX public.part_a', 'REINDEX TABLE part_2',
        'REINDEX (CONCURRENTLY false) TABLE part',
    ],
    'VACUUM' => [
        'VACUUM', 'VACUUM plain', 'VACUUM FULL plain', 'VACUUM (ANALYZE, VERBOSE false) plain',
        'VACUUM FREEZE plain, part_1', 'VACUUM part',
    ],
    'CLUSTER of all tables' => [ 'CLUSTER', 'CLUSTER VERBOSE' ],
    'CLUSTER of a partitioned table' => [ 'CLUSTER part USING part_a' ],
    'ALTER SYSTEM' =>
      [ "ALTER SYSTEM SET work_mem = '5MB'", 'ALTER SYSTEM RESET work_mem', 'ALTER SYSTEM RESET ALL' ],
    'CREATE DATABASE' => [ 'CREATE DATABASE other', 'CREATE DATABASE other STRATEGY file_copy' ],
    'DROP DATABASE' => [ 'DROP DATABASE IF EXISTS other', 'DROP DATABASE other WITH (FORCE)' ],
    'ALTER DATABASE ... SET TABLESPACE' => [ 'ALTER DATABASE template1 SET TABLESPACE pg_default' ],
    'CREATE TABLESPACE' => [ "CREATE TABLESPACE other LOCATION '/nowhere'" ],
    'DROP TABLESPACE' => [ 'DROP TABLESPACE IF EXISTS other' ],
    'CREATE SUBSCRIPTION ... WITH (create_slot = true)' => [
        "CREATE SUBSCRIPTION other CONNECTION 'dbname=nowhere' PUBLICATION p",
        "CREATE SUBSCRIPTION other CONNECTION 'dbname=nowhere' PUBLICATION p WITH (create_slot = on, enabled = false)",
    ],
    'ALTER SUBSCRIPTION with refresh' => [
        'ALTER SUBSCRIPTION live REFRESH PUBLICATION',
        'ALTER SUBSCRIPTION live REFRESH PUBLICATION WITH (copy_data = false)',
        'ALTER SUBSCRIPTION live SET PUBLICATION r',
        'ALTER SUBSCRIPTION live ADD PUBLICATION r WITH (refresh = true)',
        'ALTER SUBSCRIPTION live DROP PUBLICATION q',
    ],
    'DROP SUBSCRIPTION with its slot' =>
      [ 'DROP SUBSCRIPTION off_with_slot', 'DROP SUBSCRIPTION IF EXISTS live CASCADE' ],
);
push @rows, 'ALTER SUBSCRIPTION ... SET of an option of its slot' => [
    $version >= 17 ? 'ALTER SUBSCRIPTION off_with_slot SET (failover = true)' : (),
    $version >= 18 ? 'ALTER SUBSCRIPTION off_with_slot SET (two_phase = false)' : (),
];
while (my ($subject, $statements) = splice @rows, 0, 2)
{
    refused_by_both($_, $subject) foreach @$statements;
}

# Their neighbours, and statements which commit or lock in ways that one could suspect.
passed_by_both($_) foreach (
    'CREATE INDEX ON plain (a)', 'CREATE INDEX ON part (a)', 'DROP INDEX plain_a',
    'REINDEX TABLE plain', 'REINDEX INDEX plain_a', 'REINDEX (CONCURRENTLY off) TABLE plain',
    'ALTER TABLE part DETACH PARTITION part_1', 'ALTER TABLE part ATTACH PARTITION part_3 FOR VALUES IN (3)',
    'CLUSTER plain USING plain_a', 'ANALYZE', 'ANALYZE part', 'TRUNCATE plain', 'LOCK TABLE plain',
    'ALTER DATABASE template1 SET work_mem = 1024', 'ALTER DATABASE postgres CONNECTION LIMIT 50',
    "CREATE SUBSCRIPTION other CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false)",
    'ALTER SUBSCRIPTION live SET PUBLICATION r WITH (refresh = false)',
    'ALTER SUBSCRIPTION live ADD PUBLICATION r WITH (refresh = off)', 'ALTER SUBSCRIPTION live DISABLE',
    'ALTER SUBSCRIPTION off_with_slot SET (slot_name = NONE)', 'DROP SUBSCRIPTION off_without',
    'DROP SUBSCRIPTION IF EXISTS nowhere',
    'ALTER SUBSCRIPTION off_with_slot SET (slot_name = NONE); DROP SUBSCRIPTION off_with_slot',
    "ALTER SUBSCRIPTION live CONNECTION 'dbname=elsewhere'", 'ALTER SUBSCRIPTION live RENAME TO other',
    'REFRESH MATERIALIZED VIEW CONCURRENTLY matview', "ALTER TYPE mood ADD VALUE 'sad'",
    'CREATE PUBLICATION other FOR ALL TABLES', 'DROP OWNED BY somebody', 'CHECKPOINT', 'NOTIFY other',
    'ALTER TABLE plain SET TABLESPACE pg_default', 'CREATE SCHEMA other CREATE TABLE t (a int)',
    'SELECT pg_advisory_lock(1)', 'CALL quiet()', q(DO $$BEGIN EXECUTE 'SELECT 1'; END$$),
    'SET search_path = pg_catalog; REINDEX TABLE public.plain',
    # made by the script, and made anew
    'CREATE TABLE fresh (a int); REINDEX TABLE fresh', 'DROP TABLE part; CREATE TABLE part (a int); REINDEX TABLE part',
    $version >= 18 ? 'ALTER SUBSCRIPTION off_with_slot SET (two_phase = true)' : (),
);
# an error it is, but for another reason
passed_by_both('ALTER TABLE part DETACH PARTITION part_1 FINALIZE', '55000');
passed_by_both('REINDEX TABLE nowhere', '42P01');

# Steps behind others: the server refuses the statement that we cut before.
foreach my $script (
    'CREATE TABLE fresh (a int) PARTITION BY LIST (a); REINDEX TABLE fresh',
    'CREATE TABLE fresh (a int) PARTITION BY LIST (a); CREATE INDEX fresh_a ON fresh (a); REINDEX INDEX fresh_a',
    'CREATE INDEX part_b ON part (a); CLUSTER part USING part_b',
    "CREATE SUBSCRIPTION other CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false); DROP SUBSCRIPTION other",
    'CREATE TEMPORARY TABLE fresh (a int); SET search_path = public; VACUUM')
{
    is(in_transaction($script), '25001', "refused in a transaction: $script");
    like(verdict($script), qr/^single /, 'and cut');
}

# New values: cut where the server refuses their use in the same transaction.
foreach my $use (
    "SELECT 'sad'::mood", "INSERT INTO moods VALUES ('sad')", "SELECT 'sad' > m FROM moods",
    "SELECT '{calm,sad}'::mood[]", 'SELECT enum_range(NULL::mood)', 'SELECT enum_last(NULL::mood)',
    "CREATE VIEW sad AS SELECT * FROM moods WHERE m = 'sad'", "ALTER TABLE moods ALTER m SET DEFAULT 'sad'",
    "CREATE INDEX ON moods (m) WHERE m = 'sad'", "CREATE FUNCTION sad() RETURNS mood LANGUAGE sql AS 'SELECT \$\$sad\$\$::mood'",
    "DO \$\$BEGIN INSERT INTO moods VALUES ('sad'); END\$\$", "COPY moods FROM STDIN;\nsad\n\\.\nSELECT 1",
    "CREATE FUNCTION sad() RETURNS mood LANGUAGE plpgsql AS 'BEGIN RETURN \$\$sad\$\$; END'; SELECT sad()")
{
    foreach my $add ("ALTER TYPE mood ADD VALUE 'sad'", "DO \$\$BEGIN ALTER TYPE mood ADD VALUE IF NOT EXISTS 'sad' AFTER 'calm'; END\$\$")
    {
        is(in_transaction("$add; $use"), '55P04', "refused in a transaction: $add; $use");
        is(steps_of("$add; $use"), 2, 'and cut');
    }
}
passed_by_both($_) foreach (
    "ALTER TYPE mood ADD VALUE 'sad'; SELECT 'calm'::mood; SELECT m FROM moods",
    "ALTER TYPE mood ADD VALUE 'sad'; ALTER TYPE mood ADD VALUE 'glad' AFTER 'sad'",
    "ALTER TYPE mood ADD VALUE 'sad'; COMMENT ON TYPE mood IS 'calm or sad'",
    "ALTER TYPE mood ADD VALUE 'sad'; CREATE TYPE other AS ENUM ('sad'); SELECT 'glad', 'sadly'",
    "ALTER TYPE mood ADD VALUE 'sad'; CREATE FUNCTION sad() RETURNS mood LANGUAGE plpgsql AS 'BEGIN RETURN \$\$sad\$\$; END'",
    "ALTER TYPE mood RENAME VALUE 'calm' TO 'still'; SELECT 'still'::mood");

# From 17 on also of a type that the same transaction made.
my $fresh = "CREATE TYPE fresh AS ENUM ('a'); ALTER TYPE fresh ADD VALUE 'b'; SELECT 'b'::fresh, enum_range(NULL::fresh)";
is(in_transaction($fresh), $version >= 17 ? '' : '55P04', "in a transaction: $fresh");
is(steps_of($fresh), $version >= 17 ? 1 : 2, 'and cut accordingly');
is(steps_of("CREATE TYPE fresh AS ENUM ('a'); VACUUM; ALTER TYPE fresh ADD VALUE 'b'; SELECT 'b'::fresh"),
    4, 'but not where the type is made in another step');

# Code that ends transactions: 2D000 of the server, MA021 of ours.
foreach my $script (
    'CALL commits()', 'CALL public.calls()', 'DO $$BEGIN COMMIT; END$$', 'DO $$BEGIN CALL commits(); END$$',
    'DO $$DECLARE i int; BEGIN <<here>> FOR i IN 1 .. 2 LOOP ROLLBACK AND NO CHAIN; END LOOP; END$$',
    'CREATE PROCEDURE fresh() LANGUAGE plpgsql AS $$BEGIN IF true THEN COMMIT; END IF; END$$; CALL fresh()')
{
    is(in_transaction($script), '2D000', "refused in a transaction: $script");
    is(verdict($script), 'MA021', 'and before the start');
}
is(in_transaction('DISCARD ALL'), '25001', 'refused in a transaction: DISCARD ALL');
is(verdict('DISCARD ALL'), 'MA021', 'and in a script');

# The steps of a script that mixes all of it run as they are cut.
run_steps(<<'SQL');
SET lock_timeout = '5s';
CREATE TABLE mixed (id int, m mood) PARTITION BY LIST (id);
CREATE TABLE mixed_1 PARTITION OF mixed FOR VALUES IN (1);
COPY mixed FROM STDIN;
1	calm
\.
CREATE INDEX CONCURRENTLY mixed_id ON mixed_1 (id);
ALTER TYPE mood ADD VALUE 'sad';
INSERT INTO mixed VALUES (1, 'sad');
CREATE INDEX mixed_m ON mixed (m);
REINDEX INDEX mixed_m;
CLUSTER mixed USING mixed_m;
VACUUM (ANALYZE) mixed;
ALTER TABLE mixed DETACH PARTITION mixed_1 CONCURRENTLY;
COMMENT ON TABLE mixed IS 'empty';
SQL
is($node->safe_psql('postgres', 'SELECT m FROM mixed_1 ORDER BY m'), "calm\nsad", 'what they have done');

$node->stop;
done_testing();

# ---- further down, so that the story reads from its first line ----

sub steps_of
{
    my ($script) = @_;

    return $node->safe_psql('postgres', 'SELECT count(*) FROM dbm_steps(' . dbm_quote($script) . ')');
}

# Runs each step by itself: a group in a transaction, a single one outside.
sub run_steps
{
    my ($script) = @_;
    my $steps = $node->safe_psql('postgres',
        q{SELECT kind || ' ' || encode(convert_to(statements, 'UTF8'), 'hex') FROM dbm_steps(} . dbm_quote($script) . ') ORDER BY step');
    my @kinds;

    foreach my $step (split /\n/, $steps)
    {
        my ($kind, $hex) = split / /, $step;
        my $text = pack 'H*', $hex;

        $text .= $text =~ /^COPY/m && $text =~ /\n\z/ ? "\\.\n" : ';';
        $text = "BEGIN;\n$text\nCOMMIT;\n" if $kind eq 'transaction';
        $node->safe_psql('postgres', $text);
        push @kinds, $kind;
    }
    is("@kinds", 'transaction single transaction transaction single single single single transaction', 'steps of a mixed script');
    return;
}

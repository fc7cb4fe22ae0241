# DDL at random, each statement in a session of its own: what a session finds by
# what another one saved and by what changed since is what it finds by reading
# everything, and so is what it records.
#
# DBM_FAULT_LOOPS rounds; DBM_SEED repeats their statements.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{DBM_SEED} || time & 0x7fffffff;
my $rounds = dbm_fault_loops();
my $node = dbm_node('random', conf => "fsync = off\nautovacuum_naptime = 1\n");
# enough of them to be saved
my $filler = 320;
my %count = map { $_ => 0 } qw(began compared objects refused);
my @wrong;

srand $seed;
note "DBM_SEED=$seed";

sub one_of
{
    return $_[ rand @_ ];
}

# Few names, so that statements meet each other's objects.
sub number { return int rand 6; }
sub table { return 's' . int(rand 2) . '.t' . number(); }
sub type { return 's0.e' . int rand 3; }
sub function { return 's' . int(rand 2) . '.f' . int rand 4; }
sub view { return 's1.v' . number(); }
sub role { return 'regress_random_' . int rand 3; }

my @statements = (
    sub { my $t = table(); "CREATE TABLE $t (id integer PRIMARY KEY, a text, e " . type() . ')' },
    sub { 'CREATE TABLE ' . table() . ' (LIKE ' . table() . ' INCLUDING ALL)' },
    sub { 'CREATE TABLE ' . table() . ' (r ' . table() . ", n regclass[] DEFAULT '{" . table() . "}')" },
    sub { 'CREATE TABLE ' . table() . ' (id integer, a text) PARTITION BY LIST (id)' },
    sub { 'CREATE TABLE ' . table() . ' PARTITION OF ' . table() . ' FOR VALUES IN (' . number() . ')' },
    sub { 'DROP TABLE ' . table() . one_of('', ' CASCADE') },
    # names that change are what goes wrong most easily
    (sub { 'ALTER TABLE ' . table() . ' RENAME TO t' . number() }) x 6,
    (sub { 'ALTER TABLE ' . table() . ' SET SCHEMA s' . int rand 2 }) x 6,
    sub { 'ALTER TABLE ' . table() . ' ADD COLUMN c' . number() . one_of(' integer', ' text DEFAULT now()', ' ' . type()) },
    sub { 'ALTER TABLE ' . table() . ' DROP COLUMN c' . number() . one_of('', ' CASCADE') },
    sub { 'ALTER TABLE ' . table() . ' RENAME COLUMN ' . one_of('a', 'c1', 'id') . ' TO ' . one_of('a', 'c1', 'id', 'c2') },
    sub { 'ALTER TABLE ' . table() . ' ALTER COLUMN a TYPE ' . one_of('text', 'varchar(20)', 'name') },
    sub { 'ALTER TABLE ' . table() . ' ADD FOREIGN KEY (id) REFERENCES ' . table() . one_of('', ' DEFERRABLE') },
    sub { 'ALTER TABLE ' . table() . ' ADD CHECK (' . function() . '(id) > ' . number() . ')' },
    sub { 'ALTER TABLE ' . table() . one_of(' ENABLE', ' DISABLE') . ' TRIGGER ' . one_of('fires', 'ALL', 'USER') },
    sub { 'ALTER TABLE ONLY ' . table() . one_of(' ENABLE', ' DISABLE') . ' TRIGGER fires' },
    sub { 'ALTER TABLE ' . table() . ' ATTACH PARTITION ' . table() . ' FOR VALUES IN (' . number() . ')' },
    sub { 'ALTER TABLE ' . table() . ' DETACH PARTITION ' . table() },
    sub { 'ALTER TABLE ' . table() . one_of(' INHERIT ', ' NO INHERIT ') . table() },
    sub { 'ALTER TABLE ' . table() . ' OWNER TO ' . role() },
    sub { 'CREATE INDEX ON ' . table() . one_of(' (a)', ' (id) WHERE id > 1', ' (lower(a))') },
    sub { 'CREATE INDEX CONCURRENTLY ON ' . table() . ' (a)' },
    sub { 'CREATE TRIGGER fires BEFORE INSERT ON ' . table() . ' FOR EACH ROW EXECUTE FUNCTION s0.fire()' },
    sub { 'CREATE RULE r AS ON DELETE TO ' . table() . ' DO ALSO DELETE FROM ' . table() },
    sub { 'CREATE POLICY p ON ' . table() . ' TO ' . role() . ' USING (id > ' . number() . ')' },
    sub { 'CREATE STATISTICS s0.st' . number() . ' ON id, a FROM ' . table() },
    sub { 'CREATE OR REPLACE VIEW ' . view() . ' AS SELECT * FROM ' . table() },
    sub { 'CREATE OR REPLACE VIEW ' . view() . q( AS SELECT '{) . table() . ',' . table() . q(}'::regclass[] AS names) },
    sub { 'CREATE OR REPLACE VIEW ' . view() . ' AS SELECT ' . function() . '(1) AS id' },
    sub { 'CREATE MATERIALIZED VIEW s1.m' . number() . ' AS SELECT * FROM ' . view() },
    sub { 'DROP VIEW ' . view() . one_of('', ' CASCADE') },
    sub { 'DROP MATERIALIZED VIEW s1.m' . number() },
    sub { 'CREATE OR REPLACE FUNCTION ' . function() . '(integer) RETURNS integer IMMUTABLE LANGUAGE sql ' . one_of(q(AS 'SELECT 1'), 'RETURN $1 + ' . number()) },
    sub { 'CREATE OR REPLACE FUNCTION ' . function() . '(x ' . table() . ') RETURNS SETOF ' . table() . q( LANGUAGE sql AS 'SELECT NULL') },
    sub { 'ALTER FUNCTION ' . function() . '(integer) RENAME TO f' . int rand 4 },
    sub { 'DROP FUNCTION ' . function() . one_of('', '(integer)') . one_of('', ' CASCADE') },
    sub { 'CREATE TYPE ' . type() . q( AS ENUM ('one', 'two')) },
    sub { 'ALTER TYPE ' . type() . q( ADD VALUE 'v) . number() . q(' BEFORE 'two') },
    sub { 'ALTER TYPE ' . type() . q( RENAME VALUE 'one' TO 'eins') },
    sub { 'ALTER TYPE ' . type() . ' RENAME TO e' . int rand 3 },
    sub { 'DROP TYPE ' . type() . one_of('', ' CASCADE') },
    sub { 'COMMENT ON TABLE ' . table() . ' IS ' . one_of(q('said'), q('said again'), 'NULL') },
    sub { 'COMMENT ON COLUMN ' . table() . '.a IS ' . one_of(q('said'), 'NULL') },
    sub { one_of('GRANT SELECT ON ', 'GRANT ALL ON ') . table() . ' TO ' . role() },
    sub { 'REVOKE ALL ON ' . table() . ' FROM ' . role() },
    sub { 'ALTER DEFAULT PRIVILEGES IN SCHEMA s1 GRANT SELECT ON TABLES TO ' . role() },
    sub { 'ALTER ROLE ' . role() . ' RENAME TO ' . role() },
    sub { 'ALTER SCHEMA s1 RENAME TO s2; ALTER SCHEMA s2 RENAME TO s1' },
    sub { one_of('CREATE', 'DROP') . ' EXTENSION ' . one_of('citext', 'hstore') },
    sub { 'CREATE SEQUENCE s0.q' . number() . ' OWNED BY ' . table() . '.id' },
    sub { 'CREATE PUBLICATION p' . int(rand 2) . ' FOR TABLE ' . table() },
    sub { 'ALTER PUBLICATION p' . int(rand 2) . ' SET TABLE ' . table() },
    sub { 'VACUUM ' . one_of('', 'FULL ', '(FREEZE) ') . 'pg_catalog.' . one_of(qw(pg_class pg_attribute pg_type pg_depend pg_proc pg_trigger pg_authid)) },
    sub { 'REINDEX TABLE pg_catalog.' . one_of(qw(pg_class pg_attribute pg_type)) },
    sub { 'ALTER TABLE filler.t' . (1 + int rand $filler) . ' ALTER COLUMN id SET DEFAULT ' . int rand 1000 },
    sub { 'ALTER TABLE ' . one_of('', 'ONLY ') . 's0.' . one_of(qw(whole part leaf)) . one_of(' ENABLE', ' DISABLE', ' ENABLE ALWAYS') . ' TRIGGER fires' },
    sub { 'ALTER TABLE s0.whole ' . one_of('ADD COLUMN w' . number() . ' integer', 'DROP COLUMN w' . number()) },
    sub { 'ALTER TABLE s0.part ' . one_of(q(ATTACH PARTITION s0.leaf FOR VALUES IN (1)), 'DETACH PARTITION s0.leaf') },
    # nothing is left of these, but the pages have been written
    sub { 'BEGIN; CREATE TABLE s0.gone (id integer); ALTER TABLE ' . table() . ' ADD COLUMN gone integer; ROLLBACK' },
    sub { 'BEGIN; SAVEPOINT a; DROP TABLE ' . table() . ' CASCADE; ROLLBACK TO a; CREATE VIEW ' . view() . ' AS SELECT 1 AS id; COMMIT' });

# What a new session finds and records.
sub compare
{
    my ($what) = @_;
    my $session = DbmSession->new($node, 'postgres');

    $session->query('SET client_min_messages = debug1');
    my $found = $session->query('SELECT dbm_schema_hash() = dbmaestro._dbm_schema_hash_full()');
    $count{began}++ if $session->{err} =~ /DEBUG: .*schema as saved/;
    $session->query('SET client_min_messages = warning; SELECT dbm_snapshot()');
    my $recorded = $session->{err} || $session->query(<<'END');
SELECT count(*), count(*) FILTER (WHERE recorded.hash IS DISTINCT FROM live.hash)
  FROM (SELECT DISTINCT ON (kind, identity) kind, identity, encode(hash, 'hex') AS hash
          FROM dbmaestro.snapshot_object ORDER BY kind, identity, snapshot DESC) AS recorded
  FULL JOIN dbmaestro._dbm_schema_objects() AS live USING (kind, identity)
END
    $session->close;
    $count{compared}++;
    my ($objects, $differ) = split /\|/, $recorded;
    $count{objects} += $objects =~ /^\d+$/ ? $objects : 0;
    push @wrong, "$what: root $found, objects $recorded" if $found ne 't' or ($differ // '') ne '0';
    return;
}

$node->safe_psql('postgres', "CREATE ROLE regress_random_$_") foreach 0, 2;
is(dbm_apply($node, 'postgres', '20260101_000000_filler', <<"SCRIPT"), 'applied', 'enough to be saved');
CREATE SCHEMA filler; CREATE SCHEMA s0; CREATE SCHEMA s1;
CREATE TYPE s0.e0 AS ENUM ('one', 'two'); CREATE TYPE s0.e1 AS ENUM ('one', 'two');
CREATE FUNCTION s0.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE s0.whole (id integer) PARTITION BY RANGE (id);
CREATE TABLE s0.part PARTITION OF s0.whole FOR VALUES FROM (0) TO (10) PARTITION BY LIST (id);
CREATE TABLE s0.leaf PARTITION OF s0.part FOR VALUES IN (1);
CREATE TRIGGER fires BEFORE INSERT ON s0.whole FOR EACH ROW EXECUTE FUNCTION s0.fire();
CREATE FUNCTION s0.f0(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION s1.f1(integer) RETURNS integer IMMUTABLE LANGUAGE sql RETURN \$1;
DO \$code\$
BEGIN
    FOR i IN 1 .. $filler LOOP
        EXECUTE format('CREATE TABLE filler.t%s (id integer)', i);
    END LOOP;
    FOR i IN 0 .. 5 LOOP
        EXECUTE format('CREATE TABLE s%s.t%s (id integer PRIMARY KEY, a text, e s0.e1)', i % 2, i);
    END LOOP;
END
\$code\$;
CREATE VIEW s1.shows AS SELECT '{s0.t0,s1.t1,s0.t2}'::regclass[] AS names;
SCRIPT
compare('at first');
foreach my $round (1 .. $rounds)
{
    my @done;

    # others find what several have done
    foreach (0 .. rand 4)
    {
        my $sql = one_of(@statements)->();
        my $session = DbmSession->new($node, 'postgres');

        $session->query("SET client_min_messages = error; SET lock_timeout = '5s'");
        $session->query($_) foreach $sql =~ /^BEGIN/ ? $sql : split /; /, $sql;
        $count{refused}++ if $session->{err};
        push @done, $session->{err} ? "($sql)" : $sql;
        $session->close;
    }
    compare("round $round, " . join('; ', @done));
    last if @wrong > 5;
}
is(join("\n", @wrong), '', 'what changed is what reading everything finds');
cmp_ok($count{began}, '>', $rounds / 2, 'most sessions began with what was saved');
note "$count{compared} comparisons of the root, $count{objects} of objects; $count{began} sessions began with what was saved; $count{refused} statements were refused";

$node->stop;
done_testing();

-- dbm_step_parts: what runs in place of a statement that cannot run in a transaction
\set before :DBNAME
\set SHOW_CONTEXT never
CREATE DATABASE ledger_step_parts;
\c ledger_step_parts
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
CREATE SCHEMA app;
CREATE SCHEMA "Side B";
SET search_path = app, public;
\pset footer off

-- most statements run as they are
CREATE TABLE t (a integer, b text);
SELECT * FROM dbm_step_parts('VACUUM');
SELECT * FROM dbm_step_parts('CREATE INDEX CONCURRENTLY t_a ON t (a)');
SELECT * FROM dbm_step_parts('CREATE INDEX ON t (a)');
SELECT * FROM dbm_step_parts('CREATE INDEX CONCURRENTLY ON nowhere (a)');
CREATE TEMPORARY TABLE temporary (a integer) PARTITION BY RANGE (a);
SELECT * FROM dbm_step_parts('CREATE INDEX CONCURRENTLY ON temporary (a)');
-- a name that the server would choose is written out
SELECT statement FROM dbm_step_parts('create /* now */ index concurrently -- well
  on only ( "t" )(a, lower(b)) -- the end');
SELECT statement FROM dbm_step_parts('CREATE INDEX CONCURRENTLY ON U&"!0074" UESCAPE ''!''USING btree(b);');
CREATE INDEX ON t (a);
SELECT statement FROM dbm_step_parts('CREATE UNIQUE INDEX CONCURRENTLY ON app.t* ((t.a)) WHERE app.t.b > '''' AND t /* of */ . "b" > $$t.a$$');
-- what an earlier build has left is built again
INSERT INTO t VALUES (1), (1);
CREATE UNIQUE INDEX CONCURRENTLY ON t (a);
SELECT statement FROM dbm_step_parts('CREATE UNIQUE INDEX CONCURRENTLY ON t (a)');
-- an index to be dropped is found now, not when another one would be
SELECT statement FROM dbm_step_parts('DROP INDEX CONCURRENTLY t_a_idx');
SELECT statement FROM dbm_step_parts('DROP INDEX CONCURRENTLY IF EXISTS t_a_idx RESTRICT');
SELECT statement FROM dbm_step_parts('DROP INDEX CONCURRENTLY app.t_a_idx');
SELECT statement FROM dbm_step_parts('DROP INDEX CONCURRENTLY nowhere');
SELECT statement FROM dbm_step_parts('DROP INDEX t_a_idx');

-- a partitioned table
CREATE TABLE p (dropped integer, a integer, "B b" text, c integer) PARTITION BY RANGE (a);
ALTER TABLE p DROP COLUMN dropped;
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE "Side B".p3 (c integer, "B b" text, a integer);
ALTER TABLE p ATTACH PARTITION "Side B".p3 FOR VALUES FROM (20) TO (30);
CREATE TABLE p4 PARTITION OF p FOR VALUES FROM (30) TO (40) PARTITION BY LIST (c);
CREATE TABLE p41 PARTITION OF p4 FOR VALUES IN (1);
CREATE TABLE p42 PARTITION OF p4 FOR VALUES IN (2);
SELECT * FROM dbm_step_parts('CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "P idx" ON p
  (a, c DESC NULLS LAST) INCLUDE ("B b") NULLS NOT DISTINCT WITH (fillfactor = 70) TABLESPACE pg_default WHERE p.a > 0 -- not all');
SELECT statement FROM dbm_step_parts('CREATE INDEX CONCURRENTLY ON p USING btree ((p."B b" || ''p.a''), lower("B b") COLLATE "C" text_pattern_ops, ((a + c)))');
SELECT * FROM dbm_step_parts('CREATE INDEX CONCURRENTLY p_a ON ONLY p (a)');
-- errors before anything has begun
SELECT dbm_step_parts('CREATE INDEX CONCURRENTLY p_a ON p (d)');
SELECT dbm_step_parts('CREATE INDEX CONCURRENTLY p_a ON p (lower(d))');
CREATE INDEX whole ON p (c);
SELECT dbm_step_parts('DROP INDEX CONCURRENTLY whole');
\echo :LAST_ERROR_SQLSTATE
-- an index that would do is attached; that of another definition, another parent or condition is not
CREATE INDEX p1_other ON p1 (a DESC) WHERE a > 0;
CREATE INDEX p1_mine ON p1 (a DESC);
CREATE INDEX p3_mine ON "Side B".p3 (a);
CREATE INDEX p4_mine ON p4 (a);
SELECT statement FROM dbm_step_parts('CREATE INDEX CONCURRENTLY p_a ON p (a)');
-- which the server would do as well
BEGIN;
CREATE INDEX p_a ON p (a);
SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'p_a'::regclass ORDER BY 1;
ROLLBACK;

-- half way: what is left to do
CREATE INDEX p_a ON ONLY p (a);
ALTER INDEX p_a ATTACH PARTITION p1_mine;
SELECT statement FROM dbm_step_parts('CREATE INDEX CONCURRENTLY p_a ON p (a)');
SELECT verdict, evidence, cleanup FROM dbm_step_proof('CREATE INDEX CONCURRENTLY p_a ON p (a)');
SELECT verdict, evidence FROM dbm_step_proof('CREATE INDEX p_a ON ONLY p (a)');
SELECT verdict, evidence FROM dbm_step_proof('ALTER INDEX p_a ATTACH PARTITION p1_mine');
SELECT verdict, evidence FROM dbm_step_proof('ALTER INDEX app.p_a ATTACH PARTITION p4_mine');
SELECT verdict, evidence FROM dbm_step_proof('ALTER INDEX p_a ATTACH PARTITION nowhere');
-- partitions come and go meanwhile
CREATE TABLE p5 PARTITION OF p FOR VALUES FROM (50) TO (60);
DROP TABLE p2;
SELECT statement FROM dbm_step_parts('CREATE INDEX CONCURRENTLY p_a ON p (a)') \gexec
SELECT verdict, evidence, cleanup FROM dbm_step_proof('CREATE INDEX CONCURRENTLY p_a ON p (a)');
SELECT statement FROM dbm_step_parts('CREATE INDEX CONCURRENTLY p_a ON p (a)');
-- the one that was missing has gone
CREATE INDEX p_b ON ONLY p (a, c);
ALTER TABLE p DETACH PARTITION p5;
SELECT statement FROM dbm_step_parts('CREATE INDEX CONCURRENTLY p_b ON p (a, c)') OFFSET 1 \gexec
CREATE TABLE p6 PARTITION OF p FOR VALUES FROM (60) TO (70);
DROP INDEX p_b;
CREATE INDEX p_b ON ONLY p (a, c);
SELECT statement FROM dbm_step_parts('CREATE INDEX CONCURRENTLY p_b ON p (a, c)') AS s WHERE statement !~ 'p6' OFFSET 1 \gexec
DROP TABLE p6;
SELECT verdict, evidence FROM dbm_step_proof('CREATE INDEX CONCURRENTLY p_b ON p (a, c)');
SELECT statement FROM dbm_step_parts('CREATE INDEX CONCURRENTLY p_b ON p (a, c)');
SELECT statement FROM dbm_step_parts('CREATE INDEX CONCURRENTLY p_b ON p (a, c)') OFFSET 1 \gexec
SELECT verdict, evidence FROM dbm_step_proof('CREATE INDEX CONCURRENTLY p_b ON p (a, c)');

-- the name is taken: the first part is told so
SELECT statement FROM dbm_step_parts('CREATE INDEX CONCURRENTLY p_b ON p (c)');
SELECT statement FROM dbm_step_parts('CREATE INDEX CONCURRENTLY t ON p (c)');

-- an invalid index that is attached is rebuilt in place, and attached once more
INSERT INTO p1 VALUES (1, 'x', 9), (1, 'x', 9);
CREATE UNIQUE INDEX p_u ON ONLY p (a, c);
SELECT statement FROM dbm_step_parts('CREATE UNIQUE INDEX CONCURRENTLY p_u ON p (a, c)') OFFSET 1 \gexec
DELETE FROM p1;
SELECT statement FROM dbm_step_parts('CREATE UNIQUE INDEX CONCURRENTLY p_u ON p (a, c)');
SELECT statement FROM dbm_step_parts('CREATE UNIQUE INDEX CONCURRENTLY p_u ON p (a, c)') OFFSET 1 \gexec
SELECT verdict FROM dbm_step_proof('CREATE UNIQUE INDEX CONCURRENTLY p_u ON p (a, c)');
DROP INDEX p_u;

-- a name that was chosen at the beginning stays, whatever others have made meanwhile
SELECT array_agg(statement ORDER BY part) AS kept FROM dbm_step_parts('CREATE INDEX CONCURRENTLY ON p (c, c)') \gset
SELECT statement FROM unnest((:'kept'::text[])[1:3]) AS statement \gexec
SELECT verdict, evidence, statements[1:3] FROM dbmaestro._dbm_step_whole('CREATE INDEX CONCURRENTLY ON p (c, c)', :'kept');
SELECT statement FROM unnest((:'kept'::text[])[4:]) AS statement \gexec
SELECT verdict, evidence, statements FROM dbmaestro._dbm_step_whole('CREATE INDEX CONCURRENTLY ON p (c, c)', :'kept');
SELECT verdict, evidence, statements[1] FROM dbmaestro._dbm_step_whole('CREATE INDEX CONCURRENTLY ON p (c, c)', '{}');

-- foreign tables have no index: the server passes over them, but for unique ones
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE p7 PARTITION OF p4 FOR VALUES IN (7) SERVER nowhere;
SELECT * FROM dbm_step_parts('CREATE INDEX CONCURRENTLY p_c ON p (c, a)');
SELECT statement FROM dbm_step_parts('CREATE INDEX CONCURRENTLY p_c ON p (c, a)') \gexec
SELECT verdict, evidence FROM dbm_step_proof('CREATE INDEX CONCURRENTLY p_c ON p (c, a)');
SELECT dbm_step_parts('CREATE UNIQUE INDEX CONCURRENTLY p_d ON p (c, a)');
\echo :LAST_ERROR_SQLSTATE
CREATE INDEX p_e ON ONLY p4 (c, a, a);
SELECT verdict, evidence, cleanup FROM dbm_step_proof('CREATE INDEX CONCURRENTLY p_e ON p4 (c, a, a)');
\c :before
DROP DATABASE ledger_step_parts WITH (FORCE);

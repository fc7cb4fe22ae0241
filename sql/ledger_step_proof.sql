-- dbm_step_proof: what the catalogs prove about CREATE and DROP INDEX CONCURRENTLY
\set before :DBNAME
\set SHOW_CONTEXT never
CREATE DATABASE ledger_step_proof;
\c ledger_step_proof
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
CREATE SCHEMA app;
SET search_path = app, public;
CREATE TABLE t (a integer, b text, c integer);
INSERT INTO t VALUES (1, 'one', 1), (1, 'uno', 2);
\x on
\pset footer off

-- nothing is there
SELECT * FROM dbm_step_proof('CREATE INDEX CONCURRENTLY t_a ON t (a)');
SELECT * FROM dbm_step_proof('CREATE INDEX CONCURRENTLY t_a ON nowhere (a)');
SELECT * FROM dbm_step_proof('CREATE INDEX CONCURRENTLY t_a ON no_schema.t (a)');
SELECT * FROM dbm_step_proof('DROP INDEX CONCURRENTLY t_a');
SELECT * FROM dbm_step_proof('DROP INDEX CONCURRENTLY IF EXISTS no_schema.t_a');
SELECT * FROM dbm_step_proof('DROP INDEX CONCURRENTLY a.b.c.d');

-- there and valid; and does it match?
CREATE INDEX CONCURRENTLY t_a ON t (a);
SELECT * FROM dbm_step_proof('CREATE INDEX CONCURRENTLY t_a ON t (a)');
SELECT * FROM dbm_step_proof('DROP INDEX CONCURRENTLY t_a;');
\x off
SELECT statement, p.verdict, p.evidence FROM unnest(ARRAY[
  'CREATE INDEX CONCURRENTLY t_a ON app.t USING btree (a ASC NULLS LAST)',
  'CREATE INDEX CONCURRENTLY t_a ON t ((t.a))',
  'CREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a)',
  'CREATE INDEX CONCURRENTLY IF NOT EXISTS t_a ON t (b)',
  'CREATE INDEX CONCURRENTLY t_a ON t (a DESC)',
  'CREATE INDEX CONCURRENTLY t_a ON t (a) INCLUDE (b)',
  'CREATE INDEX CONCURRENTLY t_a ON t (a) WHERE a > 0',
  'CREATE INDEX CONCURRENTLY t_a ON t (abs(a))',
  'CREATE INDEX CONCURRENTLY t_a ON t USING hash (a)',
  'CREATE INDEX CONCURRENTLY t_a ON t (no_column)',
  'CREATE INDEX CONCURRENTLY t_a ON t (no_function(a))',
  'CREATE INDEX CONCURRENTLY t_a ON t USING no_method (a)']) AS statement, dbm_step_proof(statement) AS p;
CREATE UNIQUE INDEX many ON t (lower(b) COLLATE "C" text_pattern_ops DESC NULLS LAST, (a + 1), c) INCLUDE (a) NULLS NOT DISTINCT
  WITH (fillfactor = 70) WHERE a > 0 AND b IS NOT NULL;
SELECT statement, p.verdict, p.evidence FROM unnest(ARRAY[
  'CREATE UNIQUE INDEX CONCURRENTLY many ON t (lower(b) COLLATE "C" text_pattern_ops DESC NULLS LAST, (a + 1), c) INCLUDE (a) NULLS NOT DISTINCT WITH (fillfactor = 70) WHERE a > 0 AND b IS NOT NULL',
  'CREATE UNIQUE INDEX CONCURRENTLY many ON t (lower(b) COLLATE "C" text_pattern_ops DESC NULLS LAST, (a + 1), c) INCLUDE (a) NULLS NOT DISTINCT WHERE a > 0 AND b IS NOT NULL',
  'CREATE UNIQUE INDEX CONCURRENTLY many ON t (lower(b) COLLATE "C" text_pattern_ops DESC NULLS LAST, (a + 1), c) INCLUDE (a) NULLS NOT DISTINCT WITH (fillfactor = 71) WHERE a > 0 AND b IS NOT NULL',
  'CREATE UNIQUE INDEX CONCURRENTLY many ON t (lower(b) COLLATE "C" text_pattern_ops DESC NULLS LAST, (a + 1), c) INCLUDE (a) NULLS NOT DISTINCT WITH (deduplicate_items = off, fillfactor = 70) WHERE a > 0 AND b IS NOT NULL',
  'CREATE UNIQUE INDEX CONCURRENTLY many ON t (lower(b) COLLATE "C" text_pattern_ops DESC NULLS LAST, (a + 1), c) INCLUDE (a) NULLS NOT DISTINCT WITH (fillfactor = 70) TABLESPACE pg_default WHERE a > 0 AND b IS NOT NULL',
  'CREATE UNIQUE INDEX CONCURRENTLY many ON t (lower(b) COLLATE "C" text_pattern_ops DESC NULLS LAST, (a + 1), c) INCLUDE (a) NULLS NOT DISTINCT WITH (fillfactor = 70) TABLESPACE pg_global WHERE a > 0 AND b IS NOT NULL',
  'CREATE UNIQUE INDEX CONCURRENTLY many ON t (lower(b) COLLATE "C" text_pattern_ops DESC NULLS LAST, (a + 1), c) INCLUDE (a) WHERE a > 0 AND b IS NOT NULL',
  'CREATE UNIQUE INDEX CONCURRENTLY many ON t (lower(b) COLLATE "POSIX" text_pattern_ops DESC NULLS LAST, (a + 1), c) INCLUDE (a) NULLS NOT DISTINCT WHERE a > 0 AND b IS NOT NULL',
  'CREATE UNIQUE INDEX CONCURRENTLY many ON t (lower(b) COLLATE "C" DESC NULLS LAST, (a + 1), c) INCLUDE (a) NULLS NOT DISTINCT WHERE a > 0 AND b IS NOT NULL',
  'CREATE UNIQUE INDEX CONCURRENTLY many ON t (lower(b) COLLATE "C" text_pattern_ops DESC, (a + 1), c) INCLUDE (a) NULLS NOT DISTINCT WHERE a > 0 AND b IS NOT NULL',
  'CREATE UNIQUE INDEX CONCURRENTLY many ON t (lower(b) COLLATE "C" text_pattern_ops DESC NULLS LAST, (a + 2), c) INCLUDE (a) NULLS NOT DISTINCT WHERE a > 0 AND b IS NOT NULL',
  'CREATE UNIQUE INDEX CONCURRENTLY many ON t (lower(b) COLLATE "C" text_pattern_ops DESC NULLS LAST, (a + 1), c) INCLUDE (a) NULLS NOT DISTINCT WHERE a > 0']) AS statement, dbm_step_proof(statement) AS p;
CREATE INDEX ranges ON t USING brin (a int4_minmax_multi_ops (values_per_range = 20));
SELECT statement, p.verdict, p.evidence FROM unnest(ARRAY[
  'CREATE INDEX CONCURRENTLY ranges ON t USING brin (a int4_minmax_multi_ops (values_per_range = 20))',
  'CREATE INDEX CONCURRENTLY ranges ON t USING brin (a int4_minmax_multi_ops (values_per_range = 21))']) AS statement, dbm_step_proof(statement) AS p;
DROP INDEX ranges;
\x on

-- a unique build that meets duplicates leaves its index behind, which IF NOT EXISTS must not hide
CREATE UNIQUE INDEX CONCURRENTLY "T u""x" ON t (a);
SELECT * FROM dbm_step_proof('CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "T u""x" ON t (a)');
SELECT * FROM dbm_step_proof('DROP INDEX CONCURRENTLY "T u""x"');
SELECT cleanup FROM dbm_step_proof('CREATE UNIQUE INDEX CONCURRENTLY "T u""x" ON t (a)') \gset
:cleanup;
SELECT verdict, evidence FROM dbm_step_proof('CREATE UNIQUE INDEX CONCURRENTLY "T u""x" ON t (a)');

-- without a name: what the server would have chosen
SELECT verdict, evidence, cleanup FROM dbm_step_proof('CREATE UNIQUE INDEX CONCURRENTLY ON t (a)');
CREATE UNIQUE INDEX CONCURRENTLY ON t (a);
SELECT verdict, evidence, cleanup FROM dbm_step_proof('CREATE UNIQUE INDEX CONCURRENTLY ON t (a)');
SELECT verdict, evidence, cleanup FROM dbm_step_proof('CREATE INDEX CONCURRENTLY ON t (a)');
DROP INDEX t_a_idx;
CREATE INDEX CONCURRENTLY ON t (a);
SELECT verdict, evidence, cleanup FROM dbm_step_proof('CREATE INDEX CONCURRENTLY ON t (a)');

-- the name is another relation's
CREATE VIEW v AS SELECT 1;
CREATE TABLE other (a integer);
SELECT verdict, evidence, cleanup FROM dbm_step_proof('CREATE INDEX CONCURRENTLY v ON t (a)');
SELECT verdict, evidence, cleanup FROM dbm_step_proof('DROP INDEX CONCURRENTLY v');
SELECT verdict, evidence, cleanup FROM dbm_step_proof('CREATE INDEX CONCURRENTLY IF NOT EXISTS t_a ON other (a)');

-- an invalid index that cannot be dropped is rebuilt in place
CREATE TABLE p (a integer) PARTITION BY RANGE (a);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
INSERT INTO p VALUES (1), (1);
CREATE UNIQUE INDEX p_a ON ONLY p (a);
CREATE UNIQUE INDEX CONCURRENTLY p1_a ON p1 (a);
ALTER INDEX p_a ATTACH PARTITION p1_a;
SELECT * FROM dbm_step_proof('CREATE UNIQUE INDEX CONCURRENTLY p1_a ON p1 (a)');
DELETE FROM p;
SELECT finish FROM dbm_step_proof('CREATE UNIQUE INDEX CONCURRENTLY p1_a ON p1 (a)') \gset
:finish;
SELECT verdict, evidence FROM dbm_step_proof('CREATE UNIQUE INDEX CONCURRENTLY p1_a ON p1 (a)');

-- what a person may ask, and who
SELECT dbm_step_proof(NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_step_proof('');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_step_proof('VACUUM; VACUUM');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_step_proof('VACUUMS');
SELECT verdict, evidence FROM dbm_step_proof('CREATE TABLE anything (a integer)');
CREATE ROLE ledger_step_reader;
SET ROLE ledger_step_reader;
SELECT dbm_step_proof('VACUUM');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
SELECT dbm_grant('audit', 'ledger_step_reader');
SET SESSION AUTHORIZATION ledger_step_reader;
SELECT verdict, evidence FROM public.dbm_step_proof('CREATE INDEX CONCURRENTLY t_a ON app.t (a)');
RESET SESSION AUTHORIZATION;
\c :before
DROP DATABASE ledger_step_proof WITH (FORCE);
DROP ROLE ledger_step_reader;

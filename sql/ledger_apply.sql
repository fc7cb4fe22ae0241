-- dbm_apply: runs a change, records it, once
\set before :DBNAME
CREATE DATABASE ledger_apply;
\c ledger_apply
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
SELECT dbm_guard('enforce', preload => false);

-- applied, with its statements and objects
SELECT change, outcome, run, deployment, statements, duration, root_before, root_after
  FROM dbm_apply('20260101_000001_orders', $$-- Description: orders of customers
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text);

INSERT INTO orders (note)
SELECT 'order ' || g
  FROM generate_series(1, 7) AS g; UPDATE orders SET note = NULL WHERE id > 5;
CREATE INDEX orders_note ON orders (note);
DELETE FROM orders WHERE id = 1 RETURNING *;
SELECT count(*) FROM orders;
TRUNCATE orders;
COMMENT ON TABLE orders IS 'Orders';
DO $do$ BEGIN PERFORM 1; END $do$;
SET search_path = public;$$, 'DROP TABLE orders;', '{"commit": "4f2a", "author": "A. N. Other"}') \gset
SELECT :'change' AS change, :'outcome' AS outcome, :run AS run, :deployment AS deployment, :statements AS statements, :'duration'::interval > '0' AS took,
       length(:'root_before') AS root_before, :'root_after' <> :'root_before' AS changed;
SELECT ordinal, line, tag, rows, duration >= 0 AS took FROM dbmaestro.run_statement ORDER BY run, ordinal;
SELECT statement, action, kind, identity, tag FROM dbmaestro.run_object ORDER BY run, ordinal;
SELECT change, kind, state, encode(script, 'hex') AS script, tokens <> script AS tokens, rollback IS NOT NULL AS rollback, header, claims, recorded_by, applied_run
  FROM dbmaestro.change;
SELECT change, direction, outcome, environment, statements, executed_by, run_as, deployment, reason, failed_statement, sqlstate FROM dbmaestro.change_history;
SELECT s.length, s.length = octet_length(content) AS whole, encode(sha256(convert_to(content, 'UTF8')), 'hex') = encode(digest, 'hex') AS named
  FROM dbmaestro.script AS s ORDER BY length;
SELECT id, environment, single, manifest, claims, outcome, finished_at IS NOT NULL AS finished FROM dbmaestro.deployment;
SELECT kind, action, change, run, deployment, detail, transaction_id IS NOT NULL AS transaction FROM dbmaestro.audit_event WHERE kind = 'run';

-- a second time: nothing to do
SELECT change, outcome, run, deployment, statements, duration, root_before FROM dbm_apply('20260101_000001_orders', $$-- Description: orders of customers
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text);

INSERT INTO orders (note)
SELECT 'order ' || g
  FROM generate_series(1, 7) AS g; UPDATE orders SET note = NULL WHERE id > 5;
CREATE INDEX orders_note ON orders (note);
DELETE FROM orders WHERE id = 1 RETURNING *;
SELECT count(*) FROM orders;
TRUNCATE orders;
COMMENT ON TABLE orders IS 'Orders';
DO $do$ BEGIN PERFORM 1; END $do$;
SET search_path = public;$$, 'DROP TABLE orders;', '{"commit": "4f2b"}');
-- edits of an applied script: of white space and comments, of the header, of the content
SELECT outcome FROM dbm_apply('20260101_000002_edit', E'-- Issue: 7\nCREATE TABLE edit (i int);');
SELECT outcome FROM dbm_apply('20260101_000002_edit', E'-- Issue: 7\r\nCREATE  TABLE edit (i int); /* why */');
SELECT outcome FROM dbm_apply('20260101_000002_edit', E'-- Issue: 8\nCREATE TABLE edit (i int);');
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_apply('20260101_000002_edit', E'-- Issue: 7\nCREATE TABLE edit (i bigint);');
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_apply('20260101_000002_edit', '');
\echo :LAST_ERROR_SQLSTATE
-- and of its rollback script
SELECT outcome FROM dbm_apply('20260101_000002_edit', E'-- Issue: 7\nCREATE TABLE edit (i int);', 'DROP TABLE edit');

-- data lines, BEGIN ... COMMIT around it
SELECT outcome, statements FROM dbm_apply('20260101_000003_copy', $$BEGIN;
CREATE TABLE country (code text PRIMARY KEY, name text);
COPY country (code, name) FROM stdin;
de	Germany
fr	France; "quoted" \\ and ; more
xx	\N
\.
COPY country FROM STDIN (FORMAT csv, HEADER);
code,name
it,"Italy, with
a line break"
\.
INSERT INTO country VALUES ('es', 'Spain');
COMMIT;$$);
SELECT * FROM country ORDER BY code;
SELECT ordinal, line, tag, rows FROM dbmaestro.run_statement WHERE run = 3 ORDER BY ordinal;

-- objects through functions, cascades and other roads
SELECT outcome FROM dbm_apply('20260101_000004_roads', $$
CREATE SCHEMA s CREATE TABLE st (i int) CREATE VIEW sv AS SELECT * FROM st;
CREATE FUNCTION s.make(name text) RETURNS void LANGUAGE plpgsql AS $f$
BEGIN EXECUTE format('CREATE TABLE s.%I (i int)', name); END $f$;
SELECT s.make('made');
DO $f$ BEGIN ALTER TABLE s.made ADD COLUMN j int; BEGIN CREATE TABLE s.undone (i int); RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN NULL; END; END $f$;
CREATE TABLE s.as AS SELECT 1 AS one;
SELECT 1 AS one INTO s.into;
ALTER TABLE s.made RENAME TO renamed;
GRANT SELECT ON s.renamed TO PUBLIC;
COMMENT ON COLUMN s.renamed.j IS 'j';
DROP TABLE s.st CASCADE;
DROP SCHEMA s CASCADE;$$);
SELECT statement, action, kind, identity, tag FROM dbmaestro.run_object WHERE run = 4 ORDER BY ordinal;

-- temporary objects end with the run
SELECT outcome FROM dbm_apply('20260101_000005_temp', $$
CREATE TEMP TABLE scratch (i int); INSERT INTO scratch VALUES (1); CREATE TABLE kept AS SELECT * FROM scratch;
CREATE TEMP TABLE dropped ON COMMIT DROP AS SELECT 1; CREATE TEMP VIEW tv AS SELECT 1; CREATE TEMP SEQUENCE ts;$$);
SELECT count(*) FROM pg_class WHERE pg_table_is_visible(oid) AND relname IN ('scratch', 'dropped', 'tv', 'ts');
SELECT * FROM kept;

\c :before
DROP DATABASE ledger_apply WITH (FORCE);

-- Errors keep what the server said, and name change, statement and line
\set before :DBNAME
CREATE DATABASE ledger_errors;
\c ledger_errors
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
SELECT outcome FROM dbm_apply('20260101_000001_base', 'CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int REFERENCES parent); INSERT INTO parent VALUES (1);');
-- what analysis refuses has a place
SELECT dbm_apply('20260101_000002_a', E'SELECT 1;\n\nSELECT id,\n       nam\n  FROM parent;');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000002_a', E'CREATE TABLE x (i int);\nSELECT count(*) FROM x, nowhere;');
\echo :LAST_ERROR_SQLSTATE
-- detail and hint of the server's own
SELECT dbm_apply('20260101_000003_b', 'INSERT INTO child VALUES (7)');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000003_b', E'CREATE VIEW v AS SELECT * FROM parent;\nDROP TABLE parent;');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000003_b', E'\n\nSELECT 1 +\n  ''x'';');
SELECT dbm_apply('20260101_000003_b', 'SELECT nofunction(1)');
-- raised by code, with everything
SELECT dbm_apply('20260101_000004_c', $$SELECT 1;
DO $do$ BEGIN RAISE EXCEPTION 'the message' USING ERRCODE = 'XY123', DETAIL = 'the detail', HINT = 'the hint', TABLE = 'parent'; END $do$;
SELECT 2;$$);
\echo :LAST_ERROR_SQLSTATE
-- an error in a function called by the third statement, and in a trigger
SELECT outcome FROM dbm_apply('20260101_000005_d', $$
CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN RAISE EXCEPTION 'no %', TG_OP; END $f$;
CREATE TRIGGER fails BEFORE DELETE ON parent FOR EACH ROW EXECUTE FUNCTION fails();$$);
SELECT dbm_apply('20260101_000006_e', E'SELECT 1; SELECT 2;\nDELETE FROM parent;');
-- in data lines
SELECT dbm_apply('20260101_000007_f', E'SELECT 1;\nCOPY parent FROM stdin;\n2\nthree\n\\.\nSELECT 1;');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000007_f', E'COPY parent FROM stdin;\n1\n\\.\n');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000007_f', E'COPY nowhere FROM stdin;\n1\n\\.\n');
SELECT dbm_apply('20260101_000007_f', E'COPY parent (nocolumn) FROM stdin;\n1\n\\.\n');
SELECT dbm_apply('20260101_000007_f', E'COPY parent FROM stdin WHERE nocolumn > 1;\n1\n\\.\n');
\echo :LAST_ERROR_SQLSTATE
-- notices and warnings come through
SELECT outcome FROM dbm_apply('20260101_000008_g', $$DROP TABLE IF EXISTS nowhere; DO $do$ BEGIN RAISE WARNING 'careful'; END $do$;$$);

-- the record of it all
DO $$ BEGIN
    FOR attempt IN 1..600 LOOP
        EXIT WHEN (SELECT waiting FROM dbmaestro._dbm_durable_files()) = 0;
        PERFORM pg_sleep(0.1);
    END LOOP;
END $$;
SELECT change, outcome, statements, failed_statement AS failed, failed_line AS line, sqlstate, message FROM dbmaestro.change_history WHERE outcome = 'failed' ORDER BY run;
SELECT r.detail, r.hint, e.detail = r.detail AND e.hint = r.hint AND e.message = r.message AND e.run = r.id AND e.deployment = r.deployment AS same
  FROM dbmaestro.run AS r JOIN dbmaestro.audit_event AS e ON e.run = r.id WHERE r.change = '20260101_000004_c';
SELECT ordinal, line, tag FROM dbmaestro.run_statement JOIN dbmaestro.run ON run = id WHERE change = '20260101_000006_e' ORDER BY ordinal;
SELECT state, single, runs, failures, count(*) FROM dbmaestro.deployment_history GROUP BY 1, 2, 3, 4 ORDER BY 1, 3;
-- a failed change can be applied once it is mended: nothing of it is there
SELECT outcome FROM dbm_apply('20260101_000002_a', E'CREATE TABLE x (i int);\nSELECT count(*) FROM x;');
SELECT change, state FROM dbmaestro.change ORDER BY 1;
\c :before
DROP DATABASE ledger_errors WITH (FORCE);

-- dbm_rollback: restores what was there, or does not commit
\set before :DBNAME
CREATE DATABASE ledger_rollback;
\c ledger_rollback
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
SELECT dbm_guard('enforce', preload => false);

SELECT outcome FROM dbm_apply('20260101_000001_t', 'CREATE TABLE t (i int PRIMARY KEY); INSERT INTO t VALUES (1);', E'-- undo\nDROP TABLE t;');
SELECT change, outcome, run, statements FROM dbm_rollback('20260101_000001_t', 'wrong table');
SELECT to_regclass('t');
SELECT change, state, applied_run FROM dbmaestro.change;
SELECT run, change, direction, outcome, statements, reason FROM dbmaestro.change_history ORDER BY run;
SELECT statement, action, kind, identity FROM dbmaestro.run_object WHERE run = 2 AND identity !~ '^pg_toast' ORDER BY ordinal;
-- the schema has the same root as before
SELECT root_before AS "0", root_after AS "1" FROM dbm_apply('20260101_000002_u', 'CREATE TABLE u (i int)', 'DROP TABLE u') \gset
SELECT root_before AS "2", root_after AS "3" FROM dbm_rollback('20260101_000002_u') \gset
SELECT :'0' = :'3' AS restored, :'1' = :'2' AS untouched, :'0' <> :'1' AS changed;

-- again: not applied; then applied anew, with other content too
SELECT dbm_rollback('20260101_000001_t');
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_apply('20260101_000001_t', 'CREATE TABLE t (i bigint PRIMARY KEY);', 'DROP TABLE t;');
SELECT outcome FROM dbm_apply('20260101_000001_t', 'CREATE TABLE t (i bigint PRIMARY KEY);', 'DROP TABLE t;');

-- what cannot be
SELECT dbm_rollback('20260101_999999_none');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_rollback(NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_apply('20260101_000003_v', 'CREATE TABLE v (i int)');
SELECT dbm_rollback('20260101_000003_v');
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_apply('20260101_000004_w', E'-- Irreversible: rows are gone\nCREATE TABLE w (i int)', 'DROP TABLE w');
SELECT dbm_rollback('20260101_000004_w');
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_apply('20260101_000005_x', E'-- Irreversible: no\nCREATE TABLE x (i int)', 'DROP TABLE x');
SELECT outcome FROM dbm_rollback('20260101_000005_x');

-- a later change that touches the same objects, one that does not, one that requires it
SELECT outcome FROM dbm_apply('20260102_000001_base', 'CREATE TABLE base (i int)', 'DROP TABLE base');
SELECT outcome FROM dbm_apply('20260102_000002_other', 'CREATE TABLE other (i int)', 'DROP TABLE other');
SELECT outcome FROM dbm_apply('20260102_000003_more', 'ALTER TABLE base ADD COLUMN j int', 'ALTER TABLE base DROP COLUMN j');
SELECT outcome FROM dbm_apply('20260102_000004_needs', E'-- Requires: 20260101_000001_t, 20260102_000002_other\nSELECT 1', 'SELECT 1');
SELECT dbm_rollback('20260102_000001_base');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_rollback('20260102_000002_other');
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_rollback('20260102_000004_needs');
SELECT outcome FROM dbm_rollback('20260102_000002_other');
SELECT outcome FROM dbm_rollback('20260102_000003_more');
SELECT outcome FROM dbm_rollback('20260102_000001_base');
SELECT count(*) FROM pg_class WHERE relname IN ('base', 'other');

-- a script that leaves something, does nothing, or touches something else
SELECT outcome FROM dbm_apply('20260103_000001_two', 'CREATE TABLE two (i int); CREATE TABLE twin (i int)', 'DROP TABLE two');
SELECT dbm_rollback('20260103_000001_two', 'half of it');
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_apply('20260103_000002_none', 'CREATE TABLE none_ (i int)', '-- nothing');
SELECT dbm_rollback('20260103_000002_none');
SELECT outcome FROM dbm_apply('20260103_000003_else', 'CREATE TABLE else_ (i int)', 'DROP TABLE else_; DROP TABLE v');
SELECT dbm_rollback('20260103_000003_else');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM pg_class WHERE relname IN ('two', 'twin', 'none_', 'else_', 'v');
-- one that fails
SELECT outcome FROM dbm_apply('20260103_000004_fails', 'CREATE TABLE fails (i int)', E'DROP TABLE fails;\nSELECT 1/0');
SELECT dbm_rollback('20260103_000004_fails');
\echo :LAST_ERROR_SQLSTATE
-- all on record
DO $$ BEGIN
    FOR attempt IN 1..600 LOOP
        EXIT WHEN (SELECT waiting FROM dbmaestro._dbm_durable_files()) = 0;
        PERFORM pg_sleep(0.1);
    END LOOP;
END $$;
SELECT change, direction, outcome, statements, reason, failed_statement, failed_line, sqlstate, message FROM dbmaestro.change_history WHERE outcome = 'failed' ORDER BY run;
SELECT change, state FROM dbmaestro.change WHERE change LIKE '20260103%' ORDER BY 1;
SELECT action, change, sqlstate FROM dbmaestro.denied_attempt ORDER BY at;

-- without proof
SELECT dbm_configure('rollback_proof', 'off');
SELECT outcome FROM dbm_rollback('20260103_000001_two');
SELECT count(*) FROM pg_class WHERE relname IN ('two', 'twin');
-- proof needs snapshots: it takes its own, but not those from before
SELECT dbm_configure('snapshot', 'off');
SELECT root_before, root_after FROM dbm_apply('20260104_000001_blind', 'CREATE TABLE blind (i int)', 'DROP TABLE blind');
SELECT dbm_configure('rollback_proof', 'on');
SELECT dbm_rollback('20260104_000001_blind');
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_rollback('20260103_000004_fails');
SELECT dbm_rollback('20260103_000002_none');
\echo :LAST_ERROR_SQLSTATE

\c :before
DROP DATABASE ledger_rollback WITH (FORCE);

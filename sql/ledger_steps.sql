-- dbm_apply_in_steps, dbm_resume, dbm_rollback_in_steps: what cannot run in one transaction
\set before :DBNAME
CREATE DATABASE ledger_steps;
\c ledger_steps
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
SELECT dbm_guard('enforce', preload => false);
SELECT outcome FROM dbm_apply('20260101_000001_t', 'CREATE TABLE t (i int, j int); INSERT INTO t VALUES (1, 1), (2, 1)');
SELECT dbm_guard('off');
CREATE VIEW steps AS SELECT run, ordinal AS step, part, kind, first_statement AS first, last_statement AS last, line, subject, state, statement, sqlstate FROM dbmaestro.run_step;
CREATE VIEW runs AS SELECT run, change, direction, outcome, statements, reason, failed_statement, failed_line, sqlstate, message, finished_at IS NULL AS open FROM dbmaestro.change_history;
SELECT dbm_guard('enforce', preload => false);

-- four steps; settings of the script go with them, and end with them
\set script 'SET work_mem = ''3MB'';\nCREATE VIEW v AS SELECT current_setting(''work_mem'') AS w;\nCREATE INDEX CONCURRENTLY tj ON t (j);\nCREATE TABLE u AS SELECT current_setting(''work_mem'') AS w;\nVACUUM ANALYZE t;\n'
SELECT dbm_apply('20260101_000002_s', :'script');
\echo :LAST_ERROR_SQLSTATE
CALL dbm_apply_in_steps('20260101_000002_s', :'script', 'DROP TABLE u; DROP INDEX CONCURRENTLY tj; DROP VIEW v;') \gset
\echo :outcome :run :statements
SELECT w, current_setting('work_mem') = w AS here FROM u;
SELECT step, part, kind, first, last, line, subject, state, statement FROM steps WHERE run = 2 ORDER BY step, part;
SELECT ordinal, line, tag, rows FROM dbmaestro.run_statement WHERE run = 2 ORDER BY ordinal;
SELECT ordinal, statement, action, kind, identity FROM dbmaestro.run_object WHERE run = 2 ORDER BY ordinal;
SELECT change, state, applied_run FROM dbmaestro.change ORDER BY change;
CALL dbm_apply_in_steps('20260101_000002_s', :'script') \gset
\echo :outcome :run :statements
SELECT outcome FROM dbm_apply('20260101_000002_s', :'script');
CALL dbm_apply_in_steps('20260101_000002_s', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
CALL dbm_resume('20260101_000002_s') \gset
\echo :outcome :run :statements
-- a rollback script that cannot run in one transaction either
SELECT dbm_rollback('20260101_000002_s');
\echo :LAST_ERROR_SQLSTATE
CALL dbm_rollback_in_steps('20260101_000002_s', 'not needed') \gset
\echo :outcome :run :statements
SELECT to_regclass('u'), to_regclass('tj'), to_regclass('v');
SELECT * FROM runs WHERE run > 1 ORDER BY run;
-- the two roots are the same
SELECT a.root = b.root AS restored FROM dbmaestro.run AS r, dbmaestro.run AS s, dbmaestro.snapshot AS a, dbmaestro.snapshot AS b
 WHERE r.id = 2 AND s.id = 3 AND a.id = r.snapshot_before AND b.id = s.snapshot_after;

-- one transaction is one step: all or nothing
CALL dbm_apply_in_steps('20260101_000003_one', 'CREATE TABLE one (); SELECT 1/0;');
SELECT to_regclass('one'), (SELECT count(*) FROM dbmaestro.change WHERE change = '20260101_000003_one') AS changes;
SELECT outcome, statements, failed_statement, failed_line, sqlstate FROM runs WHERE change = '20260101_000003_one';
CALL dbm_apply_in_steps('20260101_000003_one', 'CREATE TABLE one (); SELECT 1;', 'SELECT 2') \gset
\echo :outcome :run :statements
-- its rollback proves nothing, and so did nothing
CALL dbm_rollback_in_steps('20260101_000003_one');
\echo :LAST_ERROR_SQLSTATE
SELECT change, state, applied_run = (SELECT max(run) FROM runs WHERE change = '20260101_000003_one' AND direction = 'deploy') AS as_before FROM dbmaestro.change WHERE change = '20260101_000003_one';

-- rows that are not unique: what the build leaves goes, what was done before stays
\set script 'CREATE VIEW v AS SELECT 1 AS one;\nCREATE UNIQUE INDEX CONCURRENTLY tu ON t (j);\nCOMMENT ON VIEW v IS ''done'';'
CALL dbm_apply_in_steps('20260101_000004_u', :'script', 'DROP INDEX CONCURRENTLY IF EXISTS tu; DROP VIEW v;');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) AS indexes FROM pg_index WHERE indrelid = 't'::regclass;
SELECT step, part, kind, state, statement, s.sqlstate FROM steps AS s JOIN runs AS r USING (run) WHERE change = '20260101_000004_u' ORDER BY step, part;
SELECT outcome, statements, failed_statement, failed_line, sqlstate, message FROM runs WHERE change = '20260101_000004_u';
SELECT partial, unfinished_change, unfinished_state, unfinished_at, unfinished_evidence FROM dbm_status();
SELECT health, finding, advice FROM dbm_doctor() WHERE check_name = 'steps';
SELECT ordinal, change, state, detail FROM dbm_plan('["20260101_000001_t", "20260101_000004_u"]');
-- neither anew, nor with other content, nor rolled back in one transaction
SELECT dbm_apply('20260101_000004_u', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
CALL dbm_apply_in_steps('20260101_000004_u', 'SELECT 1');
SELECT dbm_rollback('20260101_000004_u');
\echo :LAST_ERROR_SQLSTATE
-- what is submitted meanwhile changes nothing
SELECT * FROM dbm_submit('20260101_000004_u', 'SELECT 1') AS hash \gset
SELECT state FROM dbmaestro.change WHERE change = '20260101_000004_u';
CALL dbm_resume('20260101_000004_u');
UPDATE t SET j = i;
CALL dbm_apply_in_steps('20260101_000004_u', :'script') \gset
\echo :outcome :run :statements
SELECT outcome, statements, failed_statement, sqlstate FROM runs WHERE change = '20260101_000004_u';
SELECT obj_description('v'::regclass), indisvalid FROM pg_index WHERE indexrelid = 'tu'::regclass;
SELECT detail FROM dbmaestro.audit_event WHERE kind = 'run' AND change = '20260101_000004_u' ORDER BY id;
CALL dbm_rollback_in_steps('20260101_000004_u') \gset
\echo :outcome :run :statements

-- rolled back when a part of it is done
UPDATE t SET j = 1;
CALL dbm_apply_in_steps('20260101_000004_u', :'script', 'DROP INDEX CONCURRENTLY IF EXISTS tu; DROP VIEW v;');
CALL dbm_rollback_in_steps('20260101_000004_u', 'rows are not unique') \gset
\echo :outcome :run :statements
SELECT to_regclass('v'), state FROM dbmaestro.change WHERE change = '20260101_000004_u';

-- a partitioned table: one build for each partition
CALL dbm_apply_in_steps('20260101_000005_p', 'CREATE TABLE p (i int, j int) PARTITION BY LIST (i); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2); CREATE INDEX CONCURRENTLY pj ON p (j);') \gset
\echo :outcome :run :statements
SELECT step, part, kind, state, statement FROM steps WHERE run = (SELECT max(run) FROM runs) ORDER BY step, part;
SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indrelid IN ('p'::regclass, 'p1'::regclass, 'p2'::regclass) ORDER BY 1;

-- alone, and by the client itself
BEGIN;
CALL dbm_apply_in_steps('20260101_000006_b', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
CALL dbm_apply_in_steps(NULL, 'SELECT 1');
CALL dbm_resume('20260101_999999_none');
\echo :LAST_ERROR_SQLSTATE
CALL dbm_resume('20260101_000005_p', 'perhaps');
CALL dbm_rollback_in_steps('20260101_999999_none');
\echo :LAST_ERROR_SQLSTATE
\c :before
DROP DATABASE ledger_steps WITH (FORCE);

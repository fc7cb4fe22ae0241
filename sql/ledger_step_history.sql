-- step_history: how long each step has taken, whatever became of it
\set before :DBNAME
CREATE DATABASE ledger_step_history;
CREATE ROLE regress_history_auditor;
\c ledger_step_history
SET client_min_messages = warning;
CREATE EXTENSION dbmaestro;
SELECT dbm_init('prod') \g /dev/null
SELECT dbm_configure('change_name_pattern', '.');
SELECT dbm_grant('audit', 'regress_history_auditor') \g /dev/null
CREATE TABLE p (i int, j int) PARTITION BY LIST (i);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE TABLE t AS SELECT 1 AS i FROM generate_series(1, 2);
CALL dbm_apply_in_steps('parts', 'SELECT pg_sleep(0.05); CREATE INDEX CONCURRENTLY p_j ON p (j); VACUUM t; SELECT 1', 'DROP INDEX p_j') \gset
CALL dbm_apply_in_steps('fails', 'SELECT 1; CREATE UNIQUE INDEX CONCURRENTLY t_i ON t (i); SELECT 2');
CALL dbm_apply_in_steps('group', 'VACUUM t; SELECT pg_sleep(0.05); SELECT 1 / 0; VACUUM t');
SET ROLE regress_history_auditor;
SELECT change, direction, step, part, kind, subject, first_statement AS first, last_statement AS last, line, state, started_at <= finished_at AS ordered, duration = finished_at - started_at AS exact, sqlstate
  FROM dbmaestro.step_history ORDER BY run, step, kind = 'cleanup', part;
SELECT change, step, kind, duration >= interval '0.05 s' AS slept FROM dbmaestro.step_history WHERE (change, step) IN (('parts', 1), ('group', 2)) ORDER BY run, step;
SELECT statement FROM dbmaestro.step_history WHERE change = 'parts' AND statement IS NOT NULL ORDER BY step, part;
SELECT sqlstate, message FROM dbmaestro.step_history WHERE state = 'failed' ORDER BY run;
RESET ROLE;
\c :before
DROP DATABASE ledger_step_history WITH (FORCE);
DROP ROLE regress_history_auditor;

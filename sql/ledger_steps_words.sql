-- what is said of a run is what is known of it
\set before :DBNAME
CREATE DATABASE ledger_steps_words;
\c ledger_steps_words
SET client_min_messages = warning;
CREATE EXTENSION dbmaestro;
SELECT dbm_init('prod') \g /dev/null
SELECT dbm_configure('change_name_pattern', '.');
CREATE VIEW runs AS SELECT change, direction, outcome, statements, failed_statement, sqlstate FROM dbmaestro.change_history ORDER BY run;

-- a rollback whose last step is done, but does not prove what it should: its steps are done, none was interrupted
CALL dbm_apply_in_steps('a', 'CREATE TABLE t (i int); CREATE INDEX CONCURRENTLY t_i ON t (i)', 'COMMENT ON TABLE t IS NULL; DROP INDEX CONCURRENTLY t_i') \gset
CALL dbm_rollback_in_steps('a');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM runs;
SELECT ordinal, state, evidence FROM dbmaestro.run_step WHERE run = 2 AND kind = 'single';
SELECT unfinished_state, unfinished_at, unfinished_evidence FROM dbm_status();
CALL dbm_rollback_in_steps('a', rollback => 'COMMENT ON TABLE t IS NULL; DROP INDEX CONCURRENTLY t_i; DROP TABLE t') \gset
\echo :outcome :statements
SELECT ordinal, tag FROM dbmaestro.run_statement WHERE run IN (2, 3) ORDER BY run, ordinal;
\c :before
DROP DATABASE ledger_steps_words WITH (FORCE);

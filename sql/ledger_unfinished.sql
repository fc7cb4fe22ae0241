-- dbm_unfinished: each change of which some steps are done, and what goes on
\set before :DBNAME
CREATE DATABASE ledger_unfinished;
\c ledger_unfinished
CREATE EXTENSION dbmaestro;
SELECT * FROM dbm_unfinished();
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_init('prod');
SELECT dbm_configure('change_name_pattern', '.');
CREATE TABLE t (i int, j int);
CREATE TABLE p (i int) PARTITION BY LIST (i);
INSERT INTO t SELECT 1, g FROM generate_series(1, 2) AS g;
SELECT * FROM dbm_unfinished();

-- a step that failed, one that a person may know better about, and a rollback that came half way
CALL dbm_apply_in_steps('failed', 'CREATE VIEW a AS SELECT 1; CREATE UNIQUE INDEX CONCURRENTLY t_i ON t (i);');
CALL dbm_apply_in_steps('slip', 'CREATE VIEW b AS SELECT 1; ALTER TABLE p DETACH PARTITION p_1 CONCURRENTLY;', 'DROP VIEW b');
CALL dbm_apply_in_steps('back', 'CREATE INDEX CONCURRENTLY t_j ON t (j);', 'DROP INDEX CONCURRENTLY t_j; SELECT 1 / 0;') \gset
\echo :outcome
CALL dbm_rollback_in_steps('back');
\x on
SELECT change, direction, state, place, evidence, wants_word FROM dbm_unfinished();
\x off
SELECT unfinished_change, partial FROM dbm_status();
SELECT change, wants_word FROM dbm_unfinished('slip');
SELECT change FROM dbm_unfinished('t');
SELECT count(*) FROM dbm_unfinished() AS u JOIN dbmaestro.run AS r ON r.id = u.run AND r.change = u.change AND r.direction = u.direction AND r.outcome = u.state;

-- the same content in one transaction; another one; and one on its way back, whatever its content
SELECT dbm_apply('failed', 'CREATE VIEW a AS SELECT 1; CREATE UNIQUE INDEX CONCURRENTLY t_i ON t (i);');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('slip', 'CREATE VIEW b AS SELECT 1;', 'DROP VIEW b');
\echo :LAST_ERROR_SQLSTATE
CALL dbm_apply_in_steps('slip', 'CREATE VIEW b AS SELECT 1;', 'DROP VIEW b');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('slip', 'CREATE VIEW b AS SELECT 1; ALTER TABLE p DETACH PARTITION p_1 CONCURRENTLY;', 'DROP VIEW b');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('back', 'CREATE VIEW c AS SELECT 1;');
\echo :LAST_ERROR_SQLSTATE
-- the plan says the same
SELECT change, state, detail FROM dbm_plan('[{"change": "failed", "hash": "0000000000000000000000000000000000000000000000000000000000000000"}, {"change": "slip"}, {"change": "back", "hash": "0000000000000000000000000000000000000000000000000000000000000000"}]') WHERE state <> 'changed' OR detail ~ '^applied in part with SHA-256';

-- who has no capability is told nothing; any one will do
CREATE ROLE regress_unfinished;
SET SESSION AUTHORIZATION regress_unfinished;
SELECT * FROM dbm_unfinished();
\echo :LAST_ERROR_SQLSTATE
RESET SESSION AUTHORIZATION;
SELECT dbm_grant('audit', 'regress_unfinished');
SET SESSION AUTHORIZATION regress_unfinished;
SELECT count(*) FROM dbm_unfinished();
RESET SESSION AUTHORIZATION;

\c :before
DROP DATABASE ledger_unfinished;
DROP ROLE regress_unfinished;

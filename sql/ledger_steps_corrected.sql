-- a rollback script that fails half way is exchanged for a corrected one
\set before :DBNAME
CREATE DATABASE ledger_steps_corrected;
CREATE ROLE regress_corrected_deployer LOGIN;
CREATE ROLE regress_corrected_back LOGIN;
CREATE ROLE regress_corrected_owner;
\c ledger_steps_corrected
SET client_min_messages = warning;
CREATE EXTENSION dbmaestro;
SELECT dbm_init('prod', run_as => 'regress_corrected_owner') \g /dev/null
SELECT dbm_configure('change_name_pattern', '.');
SELECT dbm_grant('deploy', 'regress_corrected_deployer') \g /dev/null
SELECT dbm_grant('rollback', 'regress_corrected_deployer') \g /dev/null
SELECT dbm_grant('rollback', 'regress_corrected_back') \g /dev/null
GRANT CREATE, USAGE ON SCHEMA public TO regress_corrected_owner;
CREATE VIEW steps AS
SELECT r.id AS run, r.change, r.outcome, s.ordinal, s.kind, s.first_statement AS first, s.last_statement AS last, s.state, regexp_replace(s.evidence, 'transaction \d+', 'transaction N') AS evidence
  FROM dbmaestro.run_step AS s JOIN dbmaestro.run AS r ON r.id = s.run WHERE direction = 'rollback';
CREATE TABLE keep (); ALTER TABLE keep OWNER TO regress_corrected_owner;
SELECT dbm_schema_hash() AS root_before \gset

-- of four steps two are done when the third one fails
\set script 'CREATE TABLE t (i int, j int);\nCREATE INDEX CONCURRENTLY t_i ON t (i);\nCREATE INDEX CONCURRENTLY t_j ON t (j);'
\set failing 'COMMENT ON TABLE t IS NULL;\nDROP INDEX CONCURRENTLY t_i;\nALTER TABLE t DROP COLUMN k;\nDROP INDEX CONCURRENTLY t_j;\nDROP TABLE t;'
SELECT :'script' AS script, :'failing' AS failing \gset
CALL dbm_apply_in_steps('a', :'script', :'failing') \gset
-- while nothing is rolled back, the promise stands; the stored one is no other
\c - regress_corrected_deployer
CALL dbm_rollback_in_steps('a', rollback => 'DROP TABLE t');
\echo :LAST_ERROR_SQLSTATE
SET client_min_messages = error;
CALL dbm_rollback_in_steps('a', rollback => :'failing');
SET client_min_messages = notice;
\c - postgres
SELECT run, outcome, ordinal, kind, first, last, state, evidence FROM steps ORDER BY 1, 3;
-- what is done must be at its beginning, as it was
\c - regress_corrected_deployer
CALL dbm_rollback_in_steps('a', rollback => 'DROP INDEX CONCURRENTLY t_i; DROP INDEX CONCURRENTLY t_j; DROP TABLE t');
\echo :LAST_ERROR_SQLSTATE
CALL dbm_rollback_in_steps('a', rollback => 'COMMENT ON TABLE t IS NULL');
CALL dbm_rollback_in_steps('a', rollback => 'COMMENT ON TABLE t IS NULL;DROP INDEX CONCURRENTLY t_i;COMMIT;SELECT 1');
\echo :LAST_ERROR_SQLSTATE
-- it belongs to what was applied, and comes from those who may deploy
CALL dbm_rollback_in_steps('a', rollback => 'DROP TABLE t', script => 'CREATE TABLE t (i int)');
\echo :LAST_ERROR_SQLSTATE
\c - regress_corrected_back
CALL dbm_rollback_in_steps('a', rollback => 'DROP TABLE t');
\echo :LAST_ERROR_SQLSTATE
-- one that fails, too; then one that does it
\c - regress_corrected_deployer
CALL dbm_rollback_in_steps('a', 'second try', E'-- t_j first\nCOMMENT ON TABLE t IS NULL; DROP INDEX CONCURRENTLY t_i;\nDROP INDEX CONCURRENTLY t_j;\nALTER TABLE t DROP COLUMN k;\nDROP TABLE t;', :'script');
CALL dbm_resume('a');
\set good 'COMMENT ON TABLE t IS NULL;DROP INDEX CONCURRENTLY t_i;DROP INDEX CONCURRENTLY t_j;DROP TABLE t;'
CALL dbm_rollback_in_steps('a', 'third try', :'good', :'script') \gset
\echo :outcome :run :statements
\c - postgres
SELECT dbm_schema_hash() = :'root_before' AS as_before;
SELECT run, outcome, ordinal, kind, first, last, state, evidence FROM steps ORDER BY 1, 3;
SELECT r.id, r.outcome, r.reason, s.content = :'good' AS good, r.statements FROM dbmaestro.run AS r JOIN dbmaestro.script AS s ON s.digest = r.script WHERE r.direction = 'rollback' ORDER BY 1;
SELECT c.state, s.content = :'good' AS good FROM dbmaestro.change AS c JOIN dbmaestro.script AS s ON s.digest = c.rollback WHERE change = 'a';
SELECT encode(approval, 'hex') AS approval FROM dbmaestro.change WHERE change = 'a' \gset
SELECT dbm_submit('a', :'script', :'good') AS submitted \gset
SELECT :'approval' = :'submitted' AS approval_of_both;
SELECT kind, action, change, run, regexp_replace(detail, '[0-9a-f]{64}', 'H', 'g') AS detail, authenticated_role FROM dbmaestro.audit_event WHERE kind = 'submission' AND action <> 'dbm_submit' ORDER BY id;
SELECT action, sqlstate, message FROM dbmaestro.audit_event WHERE kind = 'refused' ORDER BY id;

-- applied in part, and the way back does not begin: it is corrected, or written at last
CALL dbm_apply_in_steps('b', 'CREATE TABLE u (i int); INSERT INTO u VALUES (1), (1); VACUUM u; CREATE UNIQUE INDEX u_i ON u (i)', 'DROP TABLE uu; VACUUM keep');
CALL dbm_rollback_in_steps('b');
SELECT state FROM dbmaestro.change WHERE change = 'b';
CALL dbm_rollback_in_steps('b', rollback => 'DROP TABLE u; VACUUM keep') \gset
\echo :outcome :statements
CALL dbm_apply_in_steps('c', 'CREATE TABLE u (i int); INSERT INTO u VALUES (1), (1); VACUUM u; CREATE UNIQUE INDEX u_i ON u (i)');
CALL dbm_rollback_in_steps('c');
\echo :LAST_ERROR_SQLSTATE
CALL dbm_rollback_in_steps('c', rollback => 'DROP TABLE u') \gset
\echo :outcome :statements
-- a way back that has not begun is no reason not to go on
CALL dbm_apply_in_steps('d', 'CREATE TABLE u (i int); VACUUM u; CREATE INDEX u_j ON u (j)', 'DROP TABLE uu; VACUUM keep');
CALL dbm_rollback_in_steps('d');
SELECT unfinished_state, unfinished_at FROM dbm_status();
DROP TABLE u;
CREATE TABLE u (i int, j int);
ALTER TABLE u OWNER TO regress_corrected_owner;
CALL dbm_resume('d') \gset
\echo :outcome :statements
SELECT outcome, direction FROM dbmaestro.change_history WHERE change = 'd' ORDER BY run;
\c :before
DROP DATABASE ledger_steps_corrected;
DROP ROLE regress_corrected_deployer, regress_corrected_back, regress_corrected_owner;

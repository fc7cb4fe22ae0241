-- Deferred triggers and constraints: queued before a run, and by it
\set before :DBNAME
CREATE ROLE deferred_owner;
CREATE ROLE deferred_deployer;
CREATE DATABASE ledger_deferred;
\c ledger_deferred
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
GRANT CREATE, USAGE ON SCHEMA public TO deferred_owner;
CREATE TABLE seen (what text, who text, run boolean);
GRANT ALL ON seen TO PUBLIC;
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES (NEW.what, current_user, to_regclass('made') IS NOT NULL); RETURN NULL; END $$;
CREATE TABLE queue (what text);
GRANT ALL ON queue TO PUBLIC;
CREATE CONSTRAINT TRIGGER note AFTER INSERT ON queue DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note();
SELECT dbm_configure('run_as', 'deferred_owner');
SELECT dbm_grant('deploy', 'deferred_deployer');

-- those of the run fire inside it, as its role
SELECT outcome FROM dbm_apply('20260101_000001_a', 'INSERT INTO queue VALUES (''run''); CREATE TABLE made (i int); DROP TABLE made; CREATE TABLE made (i int);');
SELECT * FROM seen;
-- and fail inside it, with the change named
SELECT outcome FROM dbm_apply('20260101_000002_tables', 'CREATE TABLE parent (i int PRIMARY KEY); CREATE TABLE child (i int REFERENCES parent DEFERRABLE INITIALLY DEFERRED, j int UNIQUE DEFERRABLE INITIALLY IMMEDIATE)');
SELECT dbm_apply('20260101_000003_c', 'INSERT INTO child VALUES (7); SELECT 1');
\echo :LAST_ERROR_SQLSTATE
SELECT change, outcome, statements, failed_statement, sqlstate FROM dbmaestro.change_history WHERE outcome = 'failed';
SELECT outcome FROM dbm_apply('20260101_000003_c', 'INSERT INTO child VALUES (7); INSERT INTO parent VALUES (7)');
-- several runs in one transaction: each finds constraints deferrable
BEGIN;
SELECT outcome FROM dbm_apply('20260101_000004_d', 'INSERT INTO child VALUES (8); INSERT INTO parent VALUES (8)');
SELECT outcome FROM dbm_apply('20260101_000005_e', 'INSERT INTO child VALUES (9); INSERT INTO parent VALUES (9)');
SAVEPOINT s;
SELECT outcome FROM dbm_apply('20260101_000006_f', 'INSERT INTO child VALUES (10)');
ROLLBACK TO s;
SELECT outcome FROM dbm_apply('20260101_000006_f', 'SET CONSTRAINTS ALL IMMEDIATE; INSERT INTO parent VALUES (10); INSERT INTO child VALUES (10)');
SELECT outcome FROM dbm_apply('20260101_000007_g', 'INSERT INTO child VALUES (11); INSERT INTO parent VALUES (11)');
COMMIT;
SELECT i FROM child ORDER BY i;
-- a constraint dropped with events queued for it
SELECT outcome FROM dbm_apply('20260101_000008_h', 'INSERT INTO child VALUES (12); SET CONSTRAINTS ALL IMMEDIATE');
SELECT outcome FROM dbm_apply('20260101_000008_h', 'INSERT INTO child VALUES (12); ALTER TABLE child DROP CONSTRAINT child_i_fkey');
\echo :LAST_ERROR_SQLSTATE

-- those queued before: the run is refused, or they fire before it, as whoever queued them
TRUNCATE seen;
SET ROLE deferred_deployer;
BEGIN;
INSERT INTO queue VALUES ('before');
SELECT outcome FROM dbm_apply('20260101_000009_i', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
RESET ROLE;
SELECT dbm_configure('allow_prior_writes', 'on');
SELECT outcome FROM dbm_apply('20260101_000010_j', 'DROP TABLE made');
SET ROLE deferred_deployer;
BEGIN;
INSERT INTO queue VALUES ('before');
SELECT outcome FROM dbm_apply('20260101_000009_i', 'CREATE TABLE made (i int); INSERT INTO queue VALUES (''run'')');
INSERT INTO queue VALUES ('after');
COMMIT;
RESET ROLE;
SELECT * FROM seen;
-- and their failure is not that of the change
BEGIN;
ALTER TABLE child ADD UNIQUE (i) DEFERRABLE INITIALLY DEFERRED;
INSERT INTO child VALUES (7);
SELECT outcome FROM dbm_apply('20260101_000011_k', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
SELECT count(*) FROM dbmaestro.change_history WHERE change = '20260101_000011_k';
\c :before
DROP DATABASE ledger_deferred WITH (FORCE);
DROP ROLE deferred_owner, deferred_deployer;

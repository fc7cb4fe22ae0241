-- The state a transaction must be in for a run
\set before :DBNAME
CREATE DATABASE ledger_state;
\c ledger_state
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
CREATE TABLE seen (what text, who text DEFAULT current_user);

-- isolation levels and read-only transactions
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT dbm_apply('20260101_000001_a', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT dbm_apply('20260101_000001_a', 'SELECT 1');
ROLLBACK;
BEGIN READ ONLY;
SELECT dbm_apply('20260101_000001_a', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
SET default_transaction_isolation = 'serializable';
SELECT dbm_rollback('20260101_000001_a');
RESET default_transaction_isolation;
SET session_replication_role = replica;
SELECT dbm_apply('20260101_000001_a', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
RESET session_replication_role;

-- what was written before
BEGIN;
INSERT INTO seen VALUES ('before');
SELECT dbm_apply('20260101_000001_a', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
CREATE TABLE before (i int);
SELECT dbm_apply('20260101_000001_a', 'SELECT 1');
ROLLBACK;
-- is not hidden by writes of ours in between
BEGIN;
INSERT INTO seen VALUES ('before');
SELECT dbm_deployment_start('[]');
SELECT dbm_apply('20260101_000001_a', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
INSERT INTO seen VALUES ('before');
SELECT dbm_submit('20260101_000001_a', 'SELECT 1');
SELECT dbm_apply('20260101_000001_a', 'SELECT 1');
ROLLBACK;
BEGIN;
SELECT dbm_deployment_start('["20260101_000001_a", "20260101_000002_b"]') AS d \gset
SELECT outcome FROM dbm_apply('20260101_000001_a', 'SELECT 1', deployment => :d);
INSERT INTO seen VALUES ('between');
SELECT dbm_deployment_finish(:d, 'succeeded');
SELECT dbm_apply('20260101_000002_b', 'SELECT 1');
ROLLBACK;
-- reading is fine, and so is what was done for a change
BEGIN;
SELECT count(*) FROM seen;
SELECT dbm_deployment_start('["20260101_000001_a", "20260101_000002_b"]') AS d \gset
SELECT dbm_submit('20260101_000001_a', 'SELECT 1') AS hash \gset
SELECT outcome FROM dbm_apply('20260101_000001_a', 'SELECT 1', deployment => :d);
SELECT outcome FROM dbm_apply('20260101_000002_b', 'SELECT 1', deployment => :d);
SELECT dbm_deployment_finish(:d, 'succeeded');
COMMIT;
SELECT change, state FROM dbmaestro.change ORDER BY 1;

-- cursors, prepared statements, temporary objects
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM seen;
SELECT dbm_apply('20260101_000003_c', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
DECLARE "held; cursor" CURSOR WITH HOLD FOR SELECT * FROM seen;
COMMIT;
SELECT dbm_apply('20260101_000003_c', 'SELECT 1');
CLOSE ALL;
PREPARE p AS SELECT 1;
SELECT dbm_apply('20260101_000003_c', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
DEALLOCATE ALL;
PREPARE deploy(text, text) AS SELECT outcome FROM dbm_apply($1, $2);
EXECUTE deploy('20260101_000003_c', 'SELECT 1');
EXECUTE deploy('20260101_000003_c', 'SELECT 1');
DEALLOCATE ALL;
CREATE TEMP TABLE seen (what text);
SELECT dbm_apply('20260101_000004_d', 'INSERT INTO seen VALUES (1)');
\echo :LAST_ERROR_SQLSTATE
DISCARD TEMP;
CREATE DOMAIN pg_temp.what AS text;
SELECT dbm_apply('20260101_000004_d', 'INSERT INTO seen VALUES (1)');
DISCARD TEMP;
SELECT outcome FROM dbm_apply('20260101_000004_d', 'INSERT INTO seen VALUES (1)');

-- several runs in one transaction; a savepoint takes one back, and its question at commit
BEGIN;
SELECT outcome FROM dbm_apply('20260101_000005_e', 'CREATE TABLE e (i int)');
SAVEPOINT s;
SELECT outcome FROM dbm_apply('20260101_000006_f', 'CREATE TABLE f (i int)');
SELECT dbm_apply('20260101_000007_g', 'SELECT 1/0');
ROLLBACK TO s;
SELECT outcome FROM dbm_apply('20260101_000008_h', 'CREATE TABLE h (i int)');
SELECT outcome FROM dbm_apply('20260101_000005_e', 'CREATE TABLE e (i int)');
COMMIT;
SELECT change, state FROM dbmaestro.change WHERE change > '20260101_000005' ORDER BY 1;
SELECT to_regclass('e'), to_regclass('f'), to_regclass('h');

-- a run cannot be prepared
BEGIN;
SELECT outcome FROM dbm_apply('20260101_000009_i', 'CREATE TABLE i (i int)');
PREPARE TRANSACTION 'run';
\echo :LAST_ERROR_SQLSTATE
SELECT to_regclass('i'), count(*) FROM pg_prepared_xacts;
BEGIN;
SELECT dbm_submit('20260101_000009_i', 'SELECT 1') AS hash \gset
ROLLBACK;

-- in a function, a DO block, a view: not the client's own statement
CREATE FUNCTION wrapped() RETURNS text LANGUAGE sql AS $$ SELECT outcome FROM dbm_apply('20260101_000009_i', 'SELECT 1') $$;
SELECT wrapped();
\echo :LAST_ERROR_SQLSTATE
\c :before
DROP DATABASE ledger_state WITH (FORCE);

-- What a script may not reach from inside its run
\set before :DBNAME
CREATE DATABASE ledger_nested;
\c ledger_nested
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
SELECT dbm_guard('enforce', preload => false);
CREATE FUNCTION pg_temp.nothing() RETURNS void LANGUAGE sql AS '';
DISCARD TEMP;

-- another run, the guard, capabilities, settings: directly and through functions
SELECT dbm_apply('20260101_000001_a', $$SELECT dbm_apply('20260101_000002_b', 'SELECT 1')$$);
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000001_a', $$SELECT dbm_rollback('20260101_000002_b')$$);
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000001_a', $$SELECT dbm_submit('20260101_000002_b', 'SELECT 1')$$);
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000001_a', $$SELECT dbm_guard('off')$$);
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000001_a', $$SELECT dbm_grant('deploy', 'postgres')$$);
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000001_a', $$SELECT dbm_configure('allow_secrets', 'on')$$);
SELECT dbm_apply('20260101_000001_a', $$SELECT dbm_deployment_finish(1, 'succeeded')$$);
SELECT dbm_apply('20260101_000001_a', $$DO $do$ BEGIN EXECUTE 'SELECT dbm_apply(''x'', ''y'')'; END $do$;$$);
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000001_a', $$SELECT * FROM (SELECT (dbm_apply('x', 'y')).*) AS inner_$$);
\echo :LAST_ERROR_SQLSTATE
-- reading is allowed
SELECT outcome FROM dbm_apply('20260101_000001_a', $$CREATE TABLE a AS SELECT applied, identity FROM dbm_status(); SELECT * FROM dbm_plan('[]');$$);
SELECT * FROM a;

-- dbmaestro itself
SELECT dbm_apply('20260101_000002_b', 'DROP EXTENSION dbmaestro');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000002_b', 'DROP SCHEMA public CASCADE');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000002_b', 'DROP SCHEMA dbmaestro CASCADE');
SELECT dbm_apply('20260101_000002_b', 'DROP FUNCTION dbm_apply');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000002_b', 'DELETE FROM dbmaestro.audit_event');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000002_b', 'ALTER TABLE dbmaestro.run DISABLE TRIGGER ALL');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000002_b', 'CREATE FUNCTION dbm_apply(text) RETURNS text LANGUAGE sql AS ''SELECT 1''');
\echo :LAST_ERROR_SQLSTATE
-- a failure that the script swallows is not the script's: what follows is still in the run
SELECT outcome FROM dbm_apply('20260101_000002_b', $script$DO $do$
BEGIN
    BEGIN
        DROP EXTENSION dbmaestro;
    EXCEPTION WHEN OTHERS THEN
        RAISE NOTICE 'caught %: %', SQLSTATE, SQLERRM;
    END;
    BEGIN
        PERFORM dbm_apply('20260101_000003_c', 'SELECT 1');
    EXCEPTION WHEN OTHERS THEN
        RAISE NOTICE 'caught %: %', SQLSTATE, SQLERRM;
        CREATE TABLE b (i int);
    END;
    BEGIN
        CREATE TABLE undone (i int);
        PERFORM 1/0;
    EXCEPTION WHEN division_by_zero THEN
        ALTER TABLE b ADD COLUMN j int;
    END;
END $do$;
CREATE TABLE c (i int);$script$);
SELECT ordinal, statement, action, identity, tag FROM dbmaestro.run_object AS o JOIN dbmaestro.run AS r ON r.id = o.run WHERE change = '20260101_000002_b' ORDER BY ordinal;
-- and after it nothing is
CREATE TABLE d (i int);
\echo :LAST_ERROR_SQLSTATE
BEGIN;
SELECT outcome FROM dbm_apply('20260101_000003_c', 'CREATE TABLE d (i int)');
CREATE TABLE e (i int);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT dbm_apply('20260101_000003_c', 'CREATE TABLE d (i int); SELECT 1/0');
ROLLBACK TO s;
CREATE TABLE e (i int);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;

-- all of the refusals are on the trail, with their change
DO $$ BEGIN
    FOR attempt IN 1..600 LOOP
        EXIT WHEN (SELECT waiting FROM dbmaestro._dbm_durable_files()) = 0;
        PERFORM pg_sleep(0.1);
    END LOOP;
END $$;
SELECT change, outcome, failed_statement, sqlstate, message FROM dbmaestro.change_history ORDER BY run;
SELECT sqlstate, count(*) FROM dbmaestro.audit_event WHERE sqlstate IS NOT NULL GROUP BY 1 ORDER BY 1;
SELECT dbm_guard('observe');
\c :before
DROP DATABASE ledger_nested WITH (FORCE);

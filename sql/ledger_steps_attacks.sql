-- steps: who may, what a worker runs, and what nobody can have it run
\set before :DBNAME
CREATE DATABASE ledger_steps_attacks;
\c ledger_steps_attacks
CREATE EXTENSION dbmaestro;
CREATE ROLE regress_steps_owner;
CREATE ROLE regress_steps_deployer;
CREATE ROLE regress_steps_attacker;
GRANT CREATE, USAGE ON SCHEMA public TO regress_steps_owner, regress_steps_attacker;
SELECT dbm_init('prod', run_as => 'regress_steps_owner');
SELECT dbm_configure('change_name_pattern', '.');
SELECT dbm_grant('deploy', 'regress_steps_deployer');
CREATE TABLE mine (i int);
ALTER TABLE mine OWNER TO regress_steps_attacker;
-- a function that is called by every build of an index on it
CREATE FUNCTION public.sneak() RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RAISE NOTICE 'as %, session %', current_user, session_user;
    BEGIN
        PERFORM set_config('session_authorization', 'regress_steps_attacker', false);
        RAISE NOTICE 'became %', session_user;
    EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', sqlerrm;
    END;
    BEGIN
        EXECUTE 'RESET SESSION AUTHORIZATION';
        RAISE NOTICE 'became %', session_user;
    EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', sqlerrm;
    END;
    BEGIN
        EXECUTE 'CREATE TABLE public.sneaked_in ()';
        RAISE NOTICE 'made it';
    EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', sqlerrm;
    END;
END $$;
CREATE FUNCTION public.greedy(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM public.sneak();
    RETURN i;
END $$;
INSERT INTO mine VALUES (1);
GRANT regress_steps_attacker TO regress_steps_owner;
SELECT dbm_guard('enforce', preload => false);

-- capabilities, of whoever calls
SET ROLE regress_steps_attacker;
CALL dbm_apply_in_steps('a', 'VACUUM mine');
\echo :LAST_ERROR_SQLSTATE
CALL dbm_rollback_in_steps('a');
CALL dbm_resume('a');
SET ROLE regress_steps_deployer;
CALL dbm_rollback_in_steps('a');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;

-- the client itself, and nobody in its name
DO $$ DECLARE outcome text; run bigint; BEGIN CALL dbm_apply_in_steps('a', 'VACUUM mine', NULL, '{}', NULL, outcome, run); END $$;
\echo :LAST_ERROR_SQLSTATE
CALL dbm_apply_in_steps('a', (SELECT 'VACUUM mine'::text));
CALL dbm_apply_in_steps('a', concat('VACUUM', ' mine'));
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_guard('off');
CREATE PROCEDURE public.helper(script text) LANGUAGE plpgsql AS $$
DECLARE outcome text; run bigint;
BEGIN
    CALL dbm_apply_in_steps('a', script, NULL, '{}', NULL, outcome, run);
END $$;
CREATE FUNCTION public.chosen() RETURNS text LANGUAGE sql AS $$ SELECT 'VACUUM mine' $$;
CREATE SCHEMA other;
CREATE PROCEDURE other.dbm_apply_in_steps(change text, script text) LANGUAGE sql AS 'SELECT 1';
SELECT dbm_guard('enforce', preload => false);
CALL helper('VACUUM mine');
CALL dbm_apply_in_steps('a', chosen());
\echo :LAST_ERROR_SQLSTATE
SET search_path = other, public;
CALL public.dbm_apply_in_steps('a', 'SELECT 1', deployment => NULL) \gset
\echo :outcome :run :statements
CALL dbm_apply_in_steps('a', 'SELECT 1', deployment => NULL);
\echo :LAST_ERROR_SQLSTATE
RESET search_path;

-- code that the build of an index calls gains nothing
CALL dbm_apply_in_steps('b', 'CREATE INDEX CONCURRENTLY mine_i ON mine (greedy(i))') \gset
\echo :outcome :run :statements
SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'mine_i';
-- what it made is on record, as it would be of any other run
SELECT action, identity FROM dbmaestro.run_object WHERE run = 2 AND kind IN ('index', 'table') AND identity !~ 'pg_toast' ORDER BY ordinal;

-- nor does code that is called at its end, in the last of its transactions, as by an event trigger
SELECT dbm_guard('off');
CREATE FUNCTION public.watch() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE '%', tg_event;
    PERFORM public.sneak();
    BEGIN
        EXECUTE format('SET ROLE %I', (SELECT rolname FROM pg_roles WHERE oid = 10));
        RAISE NOTICE 'became %', current_user;
    EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', sqlerrm;
    END;
END $$;
ALTER FUNCTION public.watch() OWNER TO regress_steps_attacker;
DROP TABLE public.sneaked_in;
CREATE EVENT TRIGGER regress_steps_watch ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION public.watch();
CREATE EVENT TRIGGER regress_steps_watch_drop ON sql_drop WHEN TAG IN ('DROP INDEX') EXECUTE FUNCTION public.watch();
SELECT dbm_guard('enforce', preload => false);
CALL dbm_apply_in_steps('b2', 'CREATE INDEX CONCURRENTLY mine_j ON mine (i)') \gset
\echo :outcome :run :statements
SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'sneaked_in';
CALL dbm_apply_in_steps('b3', 'DROP TABLE sneaked_in; DROP INDEX CONCURRENTLY mine_j') \gset
\echo :outcome :run :statements
SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'sneaked_in';
SELECT dbm_guard('off');
DROP EVENT TRIGGER regress_steps_watch;
DROP EVENT TRIGGER regress_steps_watch_drop;
SELECT dbm_guard('enforce', preload => false);

-- what would harm dbmaestro is refused there as everywhere
CALL dbm_apply_in_steps('c', 'CREATE INDEX CONCURRENTLY run_more ON dbmaestro.run (change)');
SELECT dbm_configure('run_as', NULL);
CALL dbm_apply_in_steps('c', 'CREATE INDEX CONCURRENTLY run_more ON dbmaestro.run (change)');
\echo :LAST_ERROR_SQLSTATE
CALL dbm_apply_in_steps('d', 'DROP INDEX CONCURRENTLY dbmaestro.submission_approval_key');
\echo :LAST_ERROR_SQLSTATE
CALL dbm_apply_in_steps('e', 'ALTER SYSTEM SET session_preload_libraries = ''''');
\echo :LAST_ERROR_SQLSTATE

-- one that has run out before the worker can take it
SELECT dbm_configure('permit_expiry', '0');
\set VERBOSITY terse
CALL dbm_apply_in_steps('g', 'VACUUM mine');
\set VERBOSITY default
SELECT state, sqlstate, message, detail ~ '^It has expired at ' AS expired FROM dbmaestro.run_step AS s WHERE sqlstate = 'MA035';
SELECT kind, action, change, statement, sqlstate, authenticated_role, backend_pid = pg_backend_pid() AS mine FROM dbmaestro.audit_event WHERE sqlstate = 'MA035' ORDER BY id;
SELECT dbm_configure('permit_expiry', NULL);
-- nobody writes the table
UPDATE dbmaestro.run_step SET state = 'done';
\echo :LAST_ERROR_SQLSTATE
\c :before
DROP DATABASE ledger_steps_attacks WITH (FORCE);
DROP ROLE regress_steps_owner, regress_steps_deployer, regress_steps_attacker;

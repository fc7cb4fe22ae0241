-- What is called while somebody looks at a step runs as nobody but the script's role, and leaves nothing behind
\set before :DBNAME
CREATE DATABASE ledger_steps_looks;
CREATE ROLE looks_deployer LOGIN;
CREATE ROLE looks_owner LOGIN;
CREATE ROLE looks_attacker;
\c ledger_steps_looks
SET client_min_messages = warning;
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev') \g /dev/null
SELECT dbm_configure('change_name_pattern', '.');
SELECT dbm_grant('deploy', 'looks_deployer') \g /dev/null
GRANT CREATE ON DATABASE ledger_steps_looks TO looks_deployer, looks_owner;
GRANT CREATE, USAGE ON SCHEMA public TO looks_owner, looks_attacker;

-- without run_as a deployer's function is never run by whoever calls dbm_status
\c - looks_deployer
SET client_min_messages = warning;
CREATE SCHEMA mine;
CREATE TABLE mine.d AS SELECT 1 AS i FROM generate_series(1, 2);
CREATE FUNCTION mine.g() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN IF current_setting('is_superuser')::boolean THEN ALTER ROLE looks_deployer SUPERUSER; END IF; RETURN false; END $$;
CREATE DOMAIN mine.dom AS integer CHECK (mine.g() IS NOT NULL);
CREATE TYPE mine.comp AS (a mine.dom);
CALL dbm_apply_in_steps('third', 'SELECT set_config(''a.b'', ''x'', mine.g()); CREATE UNIQUE INDEX CONCURRENTLY d_i ON mine.d (i); SELECT 1');
\c - postgres
SET client_min_messages = warning;
SELECT unfinished_change, unfinished_evidence FROM dbm_status();
SELECT rolsuper FROM pg_roles WHERE rolname = 'looks_deployer';
\c - looks_deployer
DELETE FROM mine.d;
CALL dbm_resume('third') \gset
\echo :outcome
INSERT INTO mine.d VALUES (1), (2);
CALL dbm_apply_in_steps('domain', 'SELECT 1; CREATE UNIQUE INDEX CONCURRENTLY d_k ON mine.d ((i / 3)) WHERE ''(1)''::mine.comp IS NOT NULL');
\c - postgres
SELECT unfinished_change FROM dbm_status();
SELECT rolsuper FROM pg_roles WHERE rolname = 'looks_deployer';

-- a deferred trigger of the script's role is not left for the end of the caller's transaction
\c - looks_owner
SET client_min_messages = warning;
CREATE SCHEMA own;
CREATE TABLE own.bomb (i integer);
CREATE TABLE own.d AS SELECT 1 AS i FROM generate_series(1, 2);
CREATE FUNCTION own.fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'deferred trigger as %', current_user; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER bomb AFTER INSERT ON own.bomb DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION own.fire();
CREATE FUNCTION own.h(i integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO own.bomb VALUES (1); RETURN true; END $$;
CREATE DOMAIN own.dom AS integer CHECK (own.h(VALUE));
CREATE TYPE own.comp AS (a own.dom);
\c - postgres
SET client_min_messages = warning;
SELECT dbm_configure('run_as', 'looks_owner');
CALL dbm_apply_in_steps('bomb', 'SELECT 1; CREATE UNIQUE INDEX CONCURRENTLY d_k ON own.d (i) WHERE ''(1)''::own.comp IS NOT NULL');
SELECT unfinished_change FROM dbm_status();
SELECT count(*) FROM own.bomb;

-- a query's parallel worker is authenticated as the step's was: it gets none
SELECT dbm_guard('off');
CREATE TABLE own.p (i integer);
ALTER TABLE own.p OWNER TO looks_owner;
SET ROLE looks_attacker;
CREATE FUNCTION public.becomes() RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET session_authorization = 'postgres' AS $$
BEGIN RAISE WARNING 'now %', current_user; RETURN 'x'; END $$;
CREATE FUNCTION public.calls() RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$ BEGIN RETURN public.becomes(); END $$;
RESET ROLE;
CREATE FUNCTION public.watch() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config(CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END, 'on', true);
    EXECUTE 'SELECT public.calls()';
EXCEPTION WHEN OTHERS THEN RAISE WARNING 'watch: %', sqlerrm; END $$;
ALTER FUNCTION public.watch() OWNER TO looks_attacker;
CREATE EVENT TRIGGER looks_watch ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION public.watch();
SELECT dbm_guard('enforce', preload => false);
CALL dbm_apply_in_steps('parallel', 'CREATE INDEX CONCURRENTLY p_i ON own.p (i)') \gset
\echo :outcome

\c :before
DROP DATABASE ledger_steps_looks;
DROP ROLE looks_deployer, looks_owner, looks_attacker;

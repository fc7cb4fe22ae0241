-- Whatever a script does to settings and roles ends with its run
\set before :DBNAME
CREATE ROLE settings_owner;
CREATE ROLE settings_other;
GRANT settings_other TO settings_owner;
CREATE DATABASE ledger_settings;
\c ledger_settings
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
SELECT dbm_configure('run_as', 'settings_owner');
GRANT ALL ON SCHEMA public TO settings_owner;
CREATE TABLE seen (what text, value text);
GRANT ALL ON seen TO PUBLIC;
CREATE FUNCTION look() RETURNS TABLE (name text, setting text) LANGUAGE sql AS $$
    SELECT s, current_setting(s) FROM unnest(ARRAY['search_path', 'statement_timeout', 'lock_timeout', 'client_min_messages', 'role', 'session_authorization', 'work_mem',
           'DateStyle', 'check_function_bodies', 'row_security', 'default_transaction_read_only', 'application_name']) AS s
$$;
SET search_path = public, pg_catalog;
SET statement_timeout = '1h';
SET work_mem = '5MB';
SET application_name = 'settings test';
CREATE TABLE before AS SELECT * FROM look();
GRANT SELECT ON before TO PUBLIC;

-- changed by SET, SET LOCAL, set_config and a function: seen by the script, put back after it
SELECT outcome FROM dbm_apply('20260101_000001_a', $$
INSERT INTO seen VALUES ('search_path', current_setting('search_path')), ('current_user', current_user), ('session_user', session_user);
SET statement_timeout = 0;
SET LOCAL lock_timeout = '5s';
SET client_min_messages = error;
SET DateStyle = 'German';
SET work_mem = '64kB';
SELECT pg_catalog.set_config('search_path', '', false);
SELECT pg_catalog.set_config('check_function_bodies', 'off', false), pg_catalog.set_config('row_security', 'off', true);
SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY;
DO $do$ BEGIN PERFORM pg_catalog.set_config('application_name', 'fooled', false); END $do$;
CREATE FUNCTION public.resets() RETURNS void LANGUAGE sql SET work_mem = '1MB' AS 'RESET statement_timeout';
SELECT public.resets();
INSERT INTO public.seen SELECT name, setting FROM public.look() AS l (name, setting);
$$);
SELECT * FROM seen;
SELECT * FROM look() EXCEPT SELECT * FROM before;
-- also after a failure
SELECT dbm_apply('20260101_000002_b', 'SET search_path = pg_catalog; SET work_mem = ''64kB''; SET statement_timeout = 0; SELECT 1/0');
SELECT * FROM look() EXCEPT SELECT * FROM before;
SELECT current_user, session_user;

-- roles: refused before the first statement, and in functions
SELECT dbm_apply('20260101_000003_c', E'SELECT 1;\nSET ROLE settings_other');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000003_c', 'SET LOCAL SESSION AUTHORIZATION settings_other');
SELECT dbm_apply('20260101_000003_c', 'RESET ROLE');
SELECT dbm_apply('20260101_000003_c', 'RESET ALL');
SELECT dbm_apply('20260101_000003_c', 'DISCARD ALL');
SELECT dbm_apply('20260101_000003_c', 'SET session_replication_role = replica');
SELECT dbm_apply('20260101_000003_c', 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE');
SELECT dbm_apply('20260101_000003_c', $$SELECT set_config('role', 'settings_other', true)$$);
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000003_c', $script$DO $do$ BEGIN SET ROLE settings_other; END $do$$script$);
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000003_c', $script$DO $do$ BEGIN PERFORM set_config('ro' || 'le', 'none', false); END $do$$script$);
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000003_c', $script$DO $do$ BEGIN EXECUTE 'SET SESSION AUTHORIZATION DEFAULT'; END $do$$script$);
\echo :LAST_ERROR_SQLSTATE
-- swallowing the refusal changes nothing
SELECT outcome FROM dbm_apply('20260101_000003_c', $script$DO $do$ BEGIN SET ROLE settings_other; EXCEPTION WHEN OTHERS THEN CREATE TABLE mine (i int); END $do$$script$);
SELECT tableowner, current_user FROM pg_tables WHERE tablename = 'mine';

-- triggers fire: a superuser's function may not see to it that they do not
SELECT dbm_configure('run_as', 'postgres');
SELECT dbm_apply('20260101_000003_d', E'SELECT 1;\nDO $do$ BEGIN PERFORM set_config(''session_'' || ''replication_role'', ''replica'', true); END $do$;\nDROP TABLE mine');
\echo :LAST_ERROR_SQLSTATE
SHOW session_replication_role;
SELECT dbm_configure('run_as', 'settings_owner');

-- statement_timeout: the script's own fires, the client's counts for each statement
RESET statement_timeout;
SELECT dbm_apply('20260101_000004_d', E'SET statement_timeout = ''50ms'';\nSELECT 1;\nSELECT pg_sleep(30);');
\echo :LAST_ERROR_SQLSTATE
SHOW statement_timeout;
SELECT pg_sleep(0.1);
SET statement_timeout = '1500ms';
SELECT outcome, statements FROM dbm_apply('20260101_000005_e', 'SELECT pg_sleep(0.6); SELECT pg_sleep(0.6); SELECT pg_sleep(0.6)');
SELECT outcome, statements FROM dbm_apply('20260101_000006_f', 'SET statement_timeout = 0; SELECT pg_sleep(1.7)');
SELECT dbm_apply('20260101_000007_g', 'SELECT pg_sleep(30)');
\echo :LAST_ERROR_SQLSTATE
SHOW statement_timeout;
SELECT pg_sleep(30);
RESET statement_timeout;
SELECT change, outcome, statements, failed_statement, failed_line, sqlstate FROM dbmaestro.change_history WHERE outcome = 'failed' ORDER BY run;

-- search_path is the environment's
SELECT dbm_configure('search_path', 'app, public');
SELECT outcome FROM dbm_apply('20260101_000008_h', 'INSERT INTO seen VALUES (''search_path'', current_setting(''search_path''))');
SELECT value FROM seen WHERE what = 'search_path' AND value LIKE 'app%';
\c :before
DROP DATABASE ledger_settings WITH (FORCE);
DROP ROLE settings_owner, settings_other;

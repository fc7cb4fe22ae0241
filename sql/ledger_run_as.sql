-- run_as: scripts run as the owner of the objects, whoever deploys
\set before :DBNAME
CREATE ROLE run_as_owner;
CREATE ROLE run_as_deployer LOGIN;
CREATE ROLE run_as_super SUPERUSER;
CREATE DATABASE ledger_run_as;
\c ledger_run_as
CREATE EXTENSION dbmaestro;
SELECT dbm_init('prod', run_as => 'run_as_owner');
SELECT dbm_grant('deploy', 'run_as_deployer');
SELECT dbm_grant('rollback', 'run_as_deployer');
CREATE SCHEMA app AUTHORIZATION run_as_owner;
SELECT dbm_configure('search_path', 'app');
SELECT dbm_guard('enforce', preload => false);

-- the deployer has no right on the schema at all
\c - run_as_deployer
SELECT has_schema_privilege('app', 'USAGE') AS usage, has_schema_privilege('app', 'CREATE') AS create, pg_has_role('run_as_owner', 'MEMBER') AS member;
SELECT outcome FROM dbm_apply('20260101_000001_a', $$CREATE TABLE a (i int); CREATE VIEW v AS SELECT * FROM a; CREATE FUNCTION f() RETURNS name LANGUAGE sql AS 'SELECT current_user';
CREATE TABLE who AS SELECT current_user AS cur, session_user AS ses, f();$$, 'DROP TABLE a, who CASCADE; DROP FUNCTION f()');
SELECT * FROM app.a;
CREATE TABLE app.b (i int);
DROP TABLE app.a;
SELECT current_user;
\c - postgres
SELECT relname, relowner::regrole FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relkind IN ('r', 'v') ORDER BY 1;
SELECT * FROM app.who;
SELECT executed_by, run_as FROM dbmaestro.change_history;

-- what the owner may not, the script may not
\c - run_as_deployer
SELECT dbm_apply('20260101_000002_b', 'CREATE TABLE public.b (i int)');
\echo :LAST_ERROR_SQLSTATE
-- the server words it in its own way in every major
\set VERBOSITY sqlstate
SELECT dbm_apply('20260101_000002_b', 'CREATE ROLE run_as_more SUPERUSER');
\set VERBOSITY default
SELECT dbm_apply('20260101_000002_b', 'DELETE FROM dbmaestro.run');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000002_b', 'SET ROLE run_as_deployer');
-- a trap of the deployer's own: temporary objects that stand before the owner's
CREATE TEMP TABLE a (i int);
CREATE FUNCTION pg_temp.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'CREATE TABLE app.trapped AS SELECT current_user AS who'; RETURN NEW; END $$;
CREATE TRIGGER trap BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION pg_temp.trap();
GRANT ALL ON a TO PUBLIC;
SELECT dbm_apply('20260101_000002_b', 'INSERT INTO a VALUES (1)');
\echo :LAST_ERROR_SQLSTATE
DISCARD TEMP;
SELECT outcome FROM dbm_apply('20260101_000002_b', 'INSERT INTO a VALUES (1)');
SELECT to_regclass('app.trapped');

-- a superuser only if a superuser said so; and then the run is one
\c - postgres
SELECT dbm_grant('configure', 'run_as_deployer');
\c - run_as_deployer
SELECT dbm_configure('run_as', 'run_as_super');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('run_as', 'run_as_deployer');
\c - postgres
SELECT dbm_configure('run_as', 'run_as_super');
\c - run_as_deployer
SELECT outcome FROM dbm_apply('20260101_000003_c', 'CREATE TABLE public.c AS SELECT rolname, rolsuper FROM pg_roles WHERE rolname = current_user', 'DROP TABLE public.c');
\c - postgres
SELECT * FROM c;

-- the role recreated under that name runs nothing, in neither direction
SELECT dbm_guard('observe');
DROP OWNED BY run_as_super CASCADE;
DROP ROLE run_as_super;
CREATE ROLE run_as_super SUPERUSER;
SELECT dbm_apply('20260101_000004_d', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('rollback_proof', 'off');
SELECT dbm_rollback('20260101_000001_a');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('run_as', NULL);

-- without run_as: as whoever calls
SELECT dbm_grant('deploy', 'run_as_owner');
SET ROLE run_as_owner;
SELECT outcome FROM dbm_apply('20260101_000005_e', 'CREATE TABLE app.e (i int)');
RESET ROLE;
SELECT relowner::regrole FROM pg_class WHERE relname = 'e';
SELECT executed_by, run_as FROM dbmaestro.change_history WHERE change = '20260101_000005_e';

-- truth at commit: who lost the capability since does not commit
\c - run_as_deployer
BEGIN;
SELECT outcome FROM dbm_apply('20260101_000006_f', 'SELECT 1');
\! psql -X -q -U postgres ledger_run_as -c "SELECT dbm_revoke('deploy', 'run_as_deployer')" >/dev/null
COMMIT;
\echo :LAST_ERROR_SQLSTATE
\c - postgres
SELECT count(*) FROM dbmaestro.run WHERE change = '20260101_000006_f';
SELECT action, change, sqlstate, message, detail, authenticated_role FROM dbmaestro.denied_attempt WHERE action = 'COMMIT';
DROP SCHEMA app CASCADE;
\c :before
DROP DATABASE ledger_run_as WITH (FORCE);
DROP ROLE run_as_owner, run_as_deployer, run_as_super;

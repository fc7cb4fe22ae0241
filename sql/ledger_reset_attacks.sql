-- dbm_reset where it must not: the wrong people, moments, objects and names
\set before :DBNAME
SET client_min_messages = error;
CREATE ROLE regress_admin;
CREATE ROLE regress_deployer;
CREATE ROLE regress_owner;
CREATE ROLE regress_other;
CREATE DATABASE ledger_reset_attacks;
\c ledger_reset_attacks
SET client_min_messages = error;
CREATE SCHEMA functions AUTHORIZATION regress_other;
GRANT USAGE ON SCHEMA functions TO PUBLIC;
GRANT CREATE ON DATABASE ledger_reset_attacks TO regress_owner, regress_other;
GRANT CREATE ON SCHEMA public TO regress_owner, regress_other;
CREATE EXTENSION dbmaestro SCHEMA functions;
SET search_path = public, functions;
SELECT dbm_init('dev', run_as => 'regress_owner');
SELECT dbm_grant('admin', 'regress_admin');
SELECT dbm_grant('deploy', 'regress_deployer');
SELECT outcome FROM dbm_apply('20260101_000001_a', 'CREATE TABLE a (i int); CREATE SCHEMA s; CREATE TABLE s.b (i int)');
SELECT dbm_schema_hash() AS hash_before \gset

-- nobody without the setting; the setting is not for everybody
SELECT dbm_reset();
SET ROLE regress_admin;
SELECT dbm_reset();
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('allow_reset', 'on');
RESET ROLE;
SELECT dbm_configure('allow_reset', 'on');
SELECT health, finding FROM dbm_doctor() WHERE check_name = 'setting' AND finding LIKE 'allow_reset%';
-- a deployer, whoever owns the schema of the functions
SET ROLE regress_deployer;
SELECT dbm_reset();
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_other;
SELECT dbm_reset();
RESET ROLE;
-- not where somebody has to approve
SELECT dbm_grant('approve', 'regress_other');
SELECT dbm_reset();
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_revoke('approve', 'regress_other');
SELECT dbm_grant('override_window', 'regress_other');
SELECT dbm_reset();
SELECT dbm_revoke('override_window', 'regress_other');

-- nobody but the client itself
CREATE FUNCTION trap() RETURNS text LANGUAGE sql AS 'SELECT functions.dbm_reset()::text';
SELECT trap();
\echo :LAST_ERROR_SQLSTATE
DO 'BEGIN PERFORM functions.dbm_reset(); END';
SELECT 1 FROM dbm_reset();
SELECT count(*) FROM dbm_reset();
PREPARE hidden AS SELECT dbm_reset();
EXECUTE hidden;
\echo :LAST_ERROR_SQLSTATE
DEALLOCATE hidden;
SELECT dbm_apply('20260101_000002_b', 'SELECT functions.dbm_reset()');
\echo :LAST_ERROR_SQLSTATE

-- the wrong moment
BEGIN;
CREATE TABLE written_before (i int);
SELECT dbm_reset();
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT dbm_reset();
ROLLBACK;
BEGIN READ ONLY;
SELECT dbm_reset();
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM a;
SELECT dbm_reset();
ROLLBACK;
CREATE TEMPORARY TABLE t AS SELECT NULL::a;
SELECT dbm_reset();
DISCARD TEMP;
-- all or nothing: rolled back, everything is as it was
DROP FUNCTION trap();
BEGIN;
SELECT changes, objects FROM dbm_reset('regretted');
SELECT to_regclass('a'), to_regnamespace('s');
ROLLBACK;
SELECT to_regclass('a'), to_regnamespace('s'), dbm_schema_hash() = :'hash_before' AS same;
SELECT change, state FROM dbmaestro.change;
SELECT count(*) FROM dbmaestro.audit_event WHERE kind = 'reset';
-- a capability that is lost before the commit
BEGIN;
SET LOCAL ROLE regress_admin;
SELECT changes FROM dbm_reset();
RESET ROLE;
SELECT dbm_revoke('admin', 'regress_admin');
COMMIT;
\echo :LAST_ERROR_SQLSTATE
SELECT to_regclass('a');

-- objects that neither the caller nor run_as owns
SET ROLE regress_other;
CREATE TABLE "x""; DROP SCHEMA dbmaestro CASCADE; --" (i int);
CREATE FUNCTION public.dbm_reset(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
SELECT lo_create(4712);
RESET ROLE;
CREATE CAST (bigint AS point) WITH INOUT;
SET ROLE regress_admin;
SELECT functions.dbm_reset();
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
SELECT to_regclass('a'), dbm_schema_hash() = :'hash_before' AS same;
DROP CAST (bigint AS point);
-- as for DROP, the owner of a schema may throw away what others have in it
SET ROLE regress_owner;
CREATE SCHEMA mine;
GRANT CREATE ON SCHEMA mine TO regress_other;
SET ROLE regress_other;
CREATE TABLE mine.theirs (i int);
DROP TABLE "x""; DROP SCHEMA dbmaestro CASCADE; --";
SELECT lo_unlink(4712);
SET ROLE regress_admin;
SELECT functions.dbm_reset();
SET ROLE regress_other;
DROP FUNCTION public.dbm_reset(text);
SET ROLE regress_admin;
SELECT changes, objects FROM dbm_reset();
RESET ROLE;
SELECT to_regclass('a'), to_regnamespace('mine'), to_regnamespace('functions');

-- names and objects that are out for more; a subscription has a part elsewhere
CREATE SCHEMA "s""; DROP SCHEMA dbmaestro CASCADE; --";
CREATE TABLE "s""; DROP SCHEMA dbmaestro CASCADE; --"."functions.dbm_apply" (i int);
CREATE TYPE public.dbmaestro AS ENUM ('x');
CREATE VIEW public.run AS SELECT * FROM dbmaestro.run;
CREATE FUNCTION public.calls() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT functions.dbm_schema_hash(); END;
CREATE FUNCTION trap() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'event trigger % fired', tg_event; END $$;
CREATE SUBSCRIPTION regress_subscription CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE);
SELECT dbm_reset();
\echo :LAST_ERROR_SQLSTATE
DROP SUBSCRIPTION regress_subscription;
CREATE EVENT TRIGGER regress_start ON ddl_command_start EXECUTE FUNCTION trap();
CREATE EVENT TRIGGER regress_drop ON sql_drop EXECUTE FUNCTION trap();
SELECT changes, objects FROM dbm_reset();
SELECT nspname FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_' ORDER BY 1;
SELECT check_name, finding FROM dbm_doctor() WHERE health = 'error';
SELECT count(*) > 30 AS functions FROM pg_depend WHERE refobjid = (SELECT oid FROM pg_extension WHERE extname = 'dbmaestro') AND classid = 'pg_proc'::regclass;
SELECT action, message, authenticated_role, current_role_name FROM dbmaestro.audit_event WHERE kind = 'refused' AND action IN ('dbm_reset', 'COMMIT') AND sqlstate IN ('MA003', 'MA010') ORDER BY id;
-- a copy
\c :before
CREATE DATABASE ledger_reset_copy TEMPLATE ledger_reset_attacks;
\c ledger_reset_copy
SELECT functions.dbm_reset();
\echo :LAST_ERROR_SQLSTATE
\c :before
DROP DATABASE ledger_reset_attacks WITH (FORCE);
DROP DATABASE ledger_reset_copy WITH (FORCE);
DROP ROLE regress_admin, regress_deployer, regress_owner, regress_other;

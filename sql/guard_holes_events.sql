-- Without the library preloaded, event triggers are all there is.  These are the holes of that
-- tier, each to be closed by the hook (see guard_hook); drift and dbm_doctor() show them.
\set before :DBNAME
CREATE ROLE regress_holes;
CREATE ROLE regress_heir;
CREATE DATABASE guard_holes;
\c guard_holes
SET client_min_messages = warning;
CREATE EXTENSION dbmaestro;
SELECT dbm_init('prod');
CREATE TABLE t (id integer);
ALTER TABLE t OWNER TO regress_holes;
SELECT dbm_guard('enforce', preload => false);
SELECT tier FROM dbm_status();

-- hole: EXPLAIN ANALYZE creates
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) CREATE TABLE hole AS SELECT 1 AS id \g /dev/null
-- hole: owners are changed
REASSIGN OWNED BY regress_holes TO regress_heir;
SELECT tablename, tableowner FROM pg_tables WHERE schemaname = 'public' ORDER BY 1;
-- hole: a superuser silences our own event triggers
ALTER EVENT TRIGGER dbmaestro_10_start DISABLE;
CREATE TABLE unseen (id integer);
ALTER EVENT TRIGGER dbmaestro_20_end DISABLE;
ALTER EVENT TRIGGER dbmaestro_30_drop DISABLE;
CREATE TABLE unseen (id integer);
DROP TABLE unseen;
ALTER EVENT TRIGGER dbmaestro_10_start ENABLE ALWAYS;
ALTER EVENT TRIGGER dbmaestro_20_end ENABLE ALWAYS;
ALTER EVENT TRIGGER dbmaestro_30_drop ENABLE ALWAYS;
-- hole: the cluster's commands are not seen at all
ALTER ROLE regress_holes SET session_replication_role = replica;
SET session_replication_role = replica;
RESET session_replication_role;
-- no hole: inside a run, what the script room cannot read
SELECT outcome FROM dbm_apply('20261122_101500_switch', 'DO $d$ BEGIN EXECUTE ''SET session_replication_role = replica''; END $d$');
SELECT kind, action, object FROM dbmaestro.audit_event WHERE kind IN ('observed', 'denied', 'guard_bypassed') AND action <> 'CREATE TABLE' AND object <> 'public.t' ORDER BY id;

-- the way to the next tier: new sessions of this database load the library
RESET client_min_messages;
SELECT dbm_guard('enforce');
SELECT dbm_guard('enforce');
SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) AND setrole = 0;
SELECT tier FROM dbm_status();
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) CREATE TABLE hole2 AS SELECT 1 AS id \g /dev/null
\c -
SELECT tier FROM dbm_status();
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) CREATE TABLE hole3 AS SELECT 1 AS id \g /dev/null
SELECT dbm_guard('off');
SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database());
-- other libraries are left as they are
ALTER DATABASE guard_holes SET session_preload_libraries = plpgsql, '$libdir/plpgsql';
\c -
SELECT dbm_guard('enforce');
SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) AND setrole = 0;
\c -
SELECT tier FROM dbm_status();
SELECT dbm_guard('off');
SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) AND setrole = 0;
\c :before
DROP DATABASE guard_holes WITH (FORCE);
DROP ROLE regress_holes, regress_heir;

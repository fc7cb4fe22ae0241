-- What only the hook on utility statements sees, in the tiers that have it.
\set before :DBNAME
CREATE ROLE regress_hook;
CREATE ROLE regress_heir;
CREATE DATABASE guard_hook;
\c guard_hook
SET client_min_messages = warning;
CREATE EXTENSION dbmaestro;
SELECT dbm_init('prod');
CREATE TABLE t (id integer);
ALTER TABLE t OWNER TO regress_hook;
CREATE FUNCTION event_function() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER theirs ON ddl_command_end EXECUTE FUNCTION event_function();
ALTER EVENT TRIGGER theirs DISABLE;
CREATE TABLE seen AS SELECT max(id) AS id FROM dbmaestro.audit_event;
CREATE VIEW news AS SELECT kind, action, object_kind, object, statement FROM dbmaestro.audit_event WHERE id > (SELECT id FROM seen) AND kind IN ('observed', 'guard_bypassed') ORDER BY id;
SELECT dbm_guard('enforce', preload => false);
TRUNCATE seen;
INSERT INTO seen SELECT max(id) FROM dbmaestro.audit_event;

-- creating under EXPLAIN ANALYZE, which fires no event trigger
EXPLAIN ANALYZE CREATE TABLE hidden AS SELECT 1;
EXPLAIN (ANALYZE) SELECT 1 AS one INTO hidden;
EXPLAIN (ANALYZE, VERBOSE) CREATE MATERIALIZED VIEW hidden AS SELECT 1;
EXPLAIN (ANALYZE OFF, ANALYZE) CREATE TABLE hidden AS SELECT 1;
PREPARE p AS SELECT 1;
EXPLAIN ANALYZE CREATE TABLE hidden AS EXECUTE p;
DO $$ BEGIN EXECUTE 'EXPLAIN ANALYZE CREATE TABLE hidden AS SELECT 1'; END $$;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) CREATE TEMPORARY TABLE open AS SELECT 1 \g /dev/null
EXPLAIN (COSTS OFF) CREATE TABLE hidden AS SELECT 1;
DEALLOCATE p;
SELECT relname FROM pg_class WHERE relname IN ('hidden', 'open');
-- giving everything away
REASSIGN OWNED BY regress_hook TO regress_heir;
-- event triggers, ours and others
CREATE EVENT TRIGGER more ON ddl_command_start EXECUTE FUNCTION event_function();
ALTER EVENT TRIGGER theirs ENABLE;
ALTER EVENT TRIGGER theirs RENAME TO other;
COMMENT ON EVENT TRIGGER theirs IS 'x';
DROP EVENT TRIGGER theirs;
ALTER EVENT TRIGGER dbmaestro_10_start DISABLE;
ALTER EVENT TRIGGER dbmaestro_10_start RENAME TO other;
ALTER EVENT TRIGGER dbmaestro_10_start OWNER TO regress_hook;
COMMENT ON EVENT TRIGGER dbmaestro_10_start IS 'x';
DROP EVENT TRIGGER dbmaestro_10_start;
-- settings that would unload or silence the guard
ALTER DATABASE guard_hook SET session_preload_libraries = '';
ALTER DATABASE guard_hook SET session_replication_role = replica;
ALTER DATABASE guard_hook RESET ALL;
ALTER ROLE regress_hook SET local_preload_libraries = 'x';
ALTER ROLE ALL IN DATABASE guard_hook SET dbmaestro.instance = 'x';
ALTER ROLE ALL RESET ALL;
ALTER SYSTEM SET shared_preload_libraries = '';
ALTER SYSTEM RESET ALL;
ALTER DATABASE guard_hook OWNER TO regress_hook;
SELECT * FROM news;

-- the cluster is not this database's schema: allowed, and remembered
CREATE ROLE regress_made PASSWORD 'unseen';
ALTER ROLE regress_made NOLOGIN;
GRANT regress_made TO regress_hook;
ALTER ROLE regress_made SET work_mem = '8MB';
ALTER DATABASE guard_hook SET work_mem = '8MB';
COMMENT ON ROLE regress_made IS 'x';
GRANT CONNECT ON DATABASE guard_hook TO regress_made;
REVOKE CONNECT ON DATABASE guard_hook FROM regress_made;
DROP ROLE regress_made;
CREATE DATABASE guard_hook_made;
DROP DATABASE guard_hook_made;
SET session_replication_role = replica;
RESET session_replication_role;
SELECT * FROM news;

-- inside a run
DISCARD TEMP;
SELECT outcome FROM dbm_apply('20261122_101500_event_trigger', 'ALTER EVENT TRIGGER theirs ENABLE REPLICA; REASSIGN OWNED BY regress_hook TO regress_heir; EXPLAIN ANALYZE CREATE TABLE hidden AS SELECT 1;');
SELECT tableowner FROM pg_tables WHERE tablename = 't';
SELECT action, kind, identity, tag FROM dbmaestro.run_object ORDER BY identity;
SELECT dbm_apply('20261122_101501_own', 'ALTER EVENT TRIGGER dbmaestro_10_start DISABLE');
SELECT dbm_apply('20261122_101502_setting', 'ALTER DATABASE guard_hook SET session_preload_libraries = ''''');
SELECT dbm_apply('20261122_101503_switch', 'DO $d$ BEGIN EXECUTE ''SET session_replication_role = replica''; END $d$');
SELECT dbm_apply('20261122_101504_execute', 'DO $d$ BEGIN EXECUTE ''PREPARE p AS SELECT 1''; EXECUTE ''EXECUTE p''; END $d$');
SELECT dbm_apply('20261122_101505_fetch', 'DO $d$ BEGIN EXECUTE ''DECLARE c CURSOR FOR SELECT 1''; EXECUTE ''FETCH c''; END $d$');

-- a silenced event trigger is noticed, and the hook refuses on its own
TRUNCATE seen;
INSERT INTO seen SELECT max(id) FROM dbmaestro.audit_event;
UPDATE pg_event_trigger SET evtenabled = 'D' WHERE evtname LIKE 'dbmaestro%';
CREATE TABLE unseen (id integer);
CREATE TEMPORARY TABLE temporary (id integer);
DISCARD TEMP;
SELECT outcome FROM dbm_apply('20261122_101506_bypassed', 'CREATE TABLE unseen (id integer)');
SELECT dbm_guard('observe');
DROP TABLE unseen;
SELECT * FROM news;
UPDATE pg_event_trigger SET evtenabled = 'A' WHERE evtname LIKE 'dbmaestro%';
\c :before
DROP DATABASE guard_hook WITH (FORCE);
DROP ROLE regress_hook, regress_heir;

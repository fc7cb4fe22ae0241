-- Mode observe lets everything pass and remembers it; mode off only protects dbmaestro itself.
\set before :DBNAME
CREATE ROLE regress_admin LOGIN;
CREATE ROLE regress_nobody LOGIN;
CREATE DATABASE guard_observe;
\c guard_observe
SET client_min_messages = warning;
CREATE EXTENSION dbmaestro;
-- before dbm_init: nothing to observe, no mode to set
CREATE TABLE early (id integer);
SELECT dbm_guard('enforce');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_init('dev');
SELECT guard, guard_in_force FROM dbm_status();

-- one event per command that changed something, in the command's own transaction
CREATE TABLE t (id serial PRIMARY KEY, note text UNIQUE);
CREATE TABLE IF NOT EXISTS t (id integer);
ALTER TABLE t ADD COLUMN more integer, DROP COLUMN note;
ALTER TABLE t RENAME TO t2;
CREATE VIEW v AS SELECT id FROM t2;
CREATE TABLE u AS SELECT 1 AS id;
CREATE INDEX CONCURRENTLY u_id ON u (id);
DROP INDEX CONCURRENTLY u_id;
GRANT SELECT ON u TO regress_nobody;
COMMENT ON TABLE u IS 'x';
CREATE SCHEMA s CREATE TABLE x (id integer) CREATE VIEW y AS SELECT 1;
DROP SCHEMA s CASCADE;
DROP TABLE IF EXISTS nothing;
DROP TABLE t2, u CASCADE;
BEGIN;
CREATE TABLE gone (id integer);
ROLLBACK;
CREATE TEMPORARY TABLE temporary (id integer);
DROP TABLE temporary;
SELECT kind, action, object_kind, object, statement FROM dbmaestro.audit_event WHERE kind <> 'init' ORDER BY id;
-- what stands in functions is seen too
CREATE TEMPORARY TABLE mark AS SELECT max(id) AS id FROM dbmaestro.audit_event;
DO $$
BEGIN
    CREATE TABLE inner_one (id integer);
    EXECUTE 'DROP TABLE inner_one';
END
$$;
SELECT kind, action, object_kind, object FROM dbmaestro.audit_event WHERE id > (SELECT id FROM mark) ORDER BY id;
-- no refusal so far
SELECT count(*) FROM dbmaestro.denied_attempt WHERE action <> 'dbm_guard';
SELECT count(*) FROM dbmaestro.audit_event WHERE kind = 'guard_bypassed';

-- the switch: a capability, and for off a superuser; the client's own statement
SET ROLE regress_nobody;
SELECT dbm_guard('enforce');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
SELECT dbm_grant('admin', 'regress_admin');
\c - regress_admin
SELECT dbm_guard('off');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_guard('enforce');
CREATE TABLE t (id integer);
SELECT dbm_guard(mode => 'observe');
DO $$ BEGIN PERFORM dbm_guard('enforce'); END $$;
\echo :LAST_ERROR_SQLSTATE
\c - postgres
SET client_min_messages = warning;
SELECT dbm_guard('disabled');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_guard(NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT 1 AS one, dbm_guard('off');
\echo :LAST_ERROR_SQLSTATE
BEGIN;
SELECT dbm_guard('enforce', preload => false);
CREATE TABLE t (id integer);
ROLLBACK;
SELECT guard FROM dbm_status();
SELECT dbm_guard('off');
CREATE TABLE unseen (id integer);
DROP TABLE unseen;
ALTER TABLE dbmaestro.run ADD COLUMN x integer;
SELECT kind, action, message FROM dbmaestro.audit_event WHERE action = 'dbm_guard' ORDER BY id;
SELECT count(*) FROM dbmaestro.audit_event WHERE object LIKE '%unseen%';
\c :before
DROP DATABASE guard_observe WITH (FORCE);
DROP ROLE regress_admin, regress_nobody;

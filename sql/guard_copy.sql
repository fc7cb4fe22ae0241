-- A byte copy of a database says that it is one, observes, and becomes an environment of its own.
\set before :DBNAME
CREATE DATABASE guard_copy_source;
\c guard_copy_source
SET client_min_messages = error;
CREATE EXTENSION dbmaestro;
SELECT dbm_init('prod');
CREATE TABLE t (id integer);
SELECT dbm_guard('enforce', preload => false);
\c :before
CREATE DATABASE guard_copy TEMPLATE guard_copy_source;
\c guard_copy
SELECT environment, guard, guard_in_force FROM dbm_status();
-- temporary objects are not worth the warning; the first change of the schema is, once
CREATE TEMPORARY TABLE a (id integer);
ALTER TABLE t ADD COLUMN one integer;
ALTER TABLE t ADD COLUMN two integer;
\c -
ALTER TABLE t ADD COLUMN three integer;
-- dbmaestro still protects itself, and nothing makes the copy enforce but dbm_attach
DROP SCHEMA public CASCADE;
SELECT dbm_guard('enforce');
\echo :LAST_ERROR_SQLSTATE
SELECT kind, action, object FROM dbmaestro.audit_event WHERE action IN ('ALTER TABLE', 'DROP SCHEMA') ORDER BY id;
SELECT dbm_attach('a copy for stage', 'stage');
ALTER TABLE t ADD COLUMN four integer;
\d t
-- the original knows nothing of this
\c guard_copy_source
SELECT environment, guard_in_force FROM dbm_status();
ALTER TABLE t ADD COLUMN one integer;
\c :before
DROP DATABASE guard_copy WITH (FORCE);
DROP DATABASE guard_copy_source WITH (FORCE);

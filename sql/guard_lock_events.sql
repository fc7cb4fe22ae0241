-- LOCK TABLE fires no event trigger: without the hook it passes, and dbm_doctor says so.
\set before :DBNAME
CREATE ROLE regress_locker;
CREATE DATABASE guard_lock_events;
\c guard_lock_events
SET client_min_messages = warning;
CREATE EXTENSION dbmaestro;
SELECT dbm_init('prod');
SELECT dbm_guard('enforce', preload => false);
GRANT pg_write_all_data TO regress_locker;
BEGIN;
LOCK TABLE dbmaestro.change;
ROLLBACK;
SELECT check_name, health, finding, advice FROM dbm_doctor() WHERE check_name = 'hook on utility statements';
SELECT check_name, health, finding ~ 'regress_locker' AS named, advice FROM dbm_doctor() WHERE check_name = 'write all data';
\c :before
DROP DATABASE guard_lock_events WITH (FORCE);
DROP ROLE regress_locker;

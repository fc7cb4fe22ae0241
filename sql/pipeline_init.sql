-- dbm_init: which environment a database is, and who may say so
\set before :DBNAME
CREATE DATABASE pipeline_init;
\c pipeline_init
CREATE EXTENSION dbmaestro;
CREATE ROLE pipeline_init_plain;
CREATE ROLE pipeline_init_owner;
CREATE ROLE pipeline_init_super SUPERUSER;

-- before it: nothing but status and doctor
SELECT environment, guard, guard_in_force, identity, applied FROM dbm_status();
SELECT health, finding, advice FROM dbm_doctor() WHERE check_name = 'identity';
SELECT dbm_apply('20260101_000001_a', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_grant('deploy', 'pipeline_init_plain');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('snapshot', 'off');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_attach('why not', 'dev');
\echo :LAST_ERROR_SQLSTATE

-- only the owner of the extension, with the rights of a superuser
SET ROLE pipeline_init_plain;
SELECT dbm_init('dev');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;

-- names
SELECT dbm_init(NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_init('');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_init('prod; DROP TABLE x');
SELECT dbm_init(E'pr\nod');
SELECT dbm_init('größe');
SELECT dbm_init(repeat('x', 64));
SELECT dbm_init('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx');
SELECT dbm_init('prod', '''');
SELECT dbm_init('prod', 'prod');
\echo :LAST_ERROR_SQLSTATE

-- the role that scripts run as
SELECT dbm_init('dev', run_as => 'pipeline_init_nobody');
\echo :LAST_ERROR_SQLSTATE
-- not from within something else
DO $$ BEGIN PERFORM dbm_init('dev'); END $$;
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM dbmaestro.environment;

-- a publication of all tables would publish ours
SET client_min_messages = error;
CREATE PUBLICATION pipeline_init_all FOR ALL TABLES;
RESET client_min_messages;
SELECT dbm_init('dev');
\echo :LAST_ERROR_SQLSTATE
BEGIN;
SELECT dbm_init('dev', accept_publication => true);
SELECT environment FROM dbm_status();
ROLLBACK;
SELECT environment, identity FROM dbm_status();
DROP PUBLICATION pipeline_init_all;

-- done, once
SELECT dbm_init('Prod.eu-1_a', 'stage', 'pipeline_init_owner');
SELECT environment, follows, guard, guard_in_force, identity, run_as, library_version = extension_version AS same_version FROM dbm_status();
SELECT single, name, follows, run_as = 'pipeline_init_owner'::regrole AS run_as, run_as_name, guard, initialised_by FROM dbmaestro.environment;
SELECT database = (SELECT oid FROM pg_database WHERE datname = current_database()) AS here,
       system_identifier = (SELECT system_identifier::text FROM pg_control_system()) AS this_server, timelines ~ '^1' AS timelines, reason
  FROM dbmaestro.binding;
SELECT dbm_init('dev');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_attach('again', 'dev');
\echo :LAST_ERROR_SQLSTATE
SELECT kind, action, object_kind, object, detail, authenticated_role FROM dbmaestro.audit_event WHERE kind = 'init';

-- what was refused is on the trail
DO $$ BEGIN
    FOR attempt IN 1..600 LOOP
        EXIT WHEN (SELECT waiting FROM dbmaestro._dbm_durable_files()) = 0;
        PERFORM pg_sleep(0.1);
    END LOOP;
END $$;
SELECT action, sqlstate, message FROM dbmaestro.denied_attempt ORDER BY at;

-- in a read-only transaction
BEGIN READ ONLY;
SELECT dbm_configure('snapshot', 'off');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;

\c :before
DROP DATABASE pipeline_init WITH (FORCE);
DROP ROLE pipeline_init_plain, pipeline_init_owner, pipeline_init_super;

-- dbm_configure: every setting, good and bad and back
\set before :DBNAME
CREATE DATABASE pipeline_configure;
\c pipeline_configure
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
CREATE ROLE configure_may;
CREATE ROLE configure_owner;
CREATE ROLE configure_super SUPERUSER;
SELECT dbm_grant('configure', 'configure_may');

SELECT dbm_configure('allow_empty', 'yes');
SELECT dbm_configure('allow_prior_writes', 'on');
SELECT dbm_configure('allow_secrets', 'true');
SELECT dbm_configure('change_name_pattern', '^[a-z]+$');
SELECT dbm_configure('denied_wait', '500ms');
SELECT dbm_configure('rollback_proof', 'off');
SELECT dbm_configure('search_path', 'app, "Quoted", public');
SELECT dbm_configure('snapshot', '0');
SELECT key, value, set_by FROM dbmaestro.setting ORDER BY key;
-- what weakens shows
SELECT check_name, health, finding, advice FROM dbm_doctor() WHERE check_name = 'setting';
-- in force at once
SELECT outcome FROM dbm_apply('abc', '-- nothing');
-- back
SELECT dbm_configure('allow_empty', NULL);
SELECT dbm_configure('allow_empty', NULL);
SELECT dbm_apply('abd', '-- nothing');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('allow_prior_writes', NULL);
SELECT dbm_configure('allow_secrets', NULL);
SELECT dbm_configure('change_name_pattern', NULL);
SELECT dbm_configure('denied_wait', NULL);
SELECT dbm_configure('rollback_proof', NULL);
SELECT dbm_configure('search_path', NULL);
SELECT dbm_configure('snapshot', NULL);
SELECT count(*) FROM dbmaestro.setting;
SELECT dbm_apply('abc2', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE

-- bad values
SELECT dbm_configure('allow_empty', 'perhaps');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('allow_empty', '');
SELECT dbm_configure('change_name_pattern', '([a-z');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('denied_wait', '-1');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('denied_wait', '2 parsecs');
SELECT dbm_configure('denied_wait', '99999999999');
SELECT dbm_configure('denied_wait', '10001ms');
SELECT dbm_configure('denied_wait', '1h');
SELECT dbm_configure('denied_wait', '10s');
SELECT dbm_configure('denied_wait', NULL);
SELECT dbm_configure('search_path', 'a,,b');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('search_path', '"unfinished');
SELECT dbm_configure('no_such_setting', '1');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('guard', 'off');
SELECT dbm_configure(NULL, '1');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM dbmaestro.setting;

-- follows and run_as are part of the environment
SELECT dbm_configure('follows', 'stage');
SELECT dbm_configure('follows', 'dev');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('follows', 'no such; name');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('run_as', 'configure_owner');
SELECT environment, follows, run_as FROM dbm_status();
SELECT dbm_configure('run_as', 'configure_nobody');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('run_as', 'configure_super');
SELECT health, finding, advice FROM dbm_doctor() WHERE check_name = 'run_as';
SELECT dbm_configure('run_as', NULL);
SELECT dbm_configure('follows', NULL);
SELECT environment, follows, run_as FROM dbm_status();

-- configuring is no way up: only roles that one is a member of, and no superuser
SET ROLE configure_may;
SELECT dbm_configure('snapshot', 'off');
SELECT dbm_configure('run_as', 'configure_owner');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('run_as', 'configure_super');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('run_as', 'pg_read_all_data');
RESET ROLE;
GRANT configure_owner TO configure_may;
SET ROLE configure_may;
SELECT dbm_configure('run_as', 'configure_owner');
RESET ROLE;
SELECT run_as FROM dbm_status();
-- a superuser who acts as somebody else is somebody else
SET ROLE configure_owner;
SELECT dbm_configure('run_as', 'configure_super');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;

-- run_as dropped and recreated is nobody
SELECT dbm_configure('run_as', 'configure_super');
DROP ROLE configure_super;
CREATE ROLE configure_super;
SELECT health, finding, advice FROM dbm_doctor() WHERE check_name = 'run_as';
SELECT dbm_apply('20260101_000001_a', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('run_as', NULL);

-- a transaction that is rolled back configures nothing, for this session too
BEGIN;
SELECT dbm_configure('allow_secrets', 'on');
SAVEPOINT s;
SELECT dbm_configure('rollback_proof', 'off');
SELECT finding FROM dbm_doctor() WHERE check_name = 'setting';
ROLLBACK TO s;
SELECT finding FROM dbm_doctor() WHERE check_name = 'setting';
ROLLBACK;
SELECT finding FROM dbm_doctor() WHERE check_name = 'setting';

SELECT object, detail, authenticated_role, current_role_name FROM dbmaestro.audit_event WHERE kind = 'setting' AND object IN ('snapshot', 'run_as') ORDER BY id;
\c :before
DROP DATABASE pipeline_configure WITH (FORCE);
DROP ROLE configure_may, configure_owner, configure_super;

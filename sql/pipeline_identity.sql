-- A copy knows that it is one: it observes, applies nothing, and says so once per session
\set before :DBNAME
CREATE ROLE identity_admin;
CREATE ROLE identity_owner;
CREATE DATABASE identity_prod;
\c identity_prod
CREATE EXTENSION dbmaestro;
SELECT dbm_init('prod', 'stage', 'identity_owner');
SELECT dbm_grant('admin', 'identity_admin');
GRANT CREATE ON SCHEMA public TO identity_owner;
SELECT outcome FROM dbm_apply('20260101_000001_a', 'CREATE TABLE a (i int)', 'DROP TABLE a');
SELECT dbm_guard('enforce', preload => false);
\c :before
-- a session or worker may still be there for a moment, or be gone when its turn comes
SET client_min_messages = error;
SELECT count(pg_terminate_backend(pid, 5000)) >= 0 AS gone FROM pg_stat_activity WHERE datname = 'identity_prod';
RESET client_min_messages;
CREATE DATABASE identity_copy TEMPLATE identity_prod;

\c identity_copy
SELECT environment, guard, guard_in_force, identity, applied FROM dbm_status();
SELECT health, finding, advice FROM dbm_doctor() WHERE check_name IN ('identity', 'guard') ORDER BY check_name;
-- the guard observes: the warning comes once
CREATE TABLE b (i int);
CREATE TABLE c (i int);
SELECT count(*) FROM dbmaestro.audit_event WHERE kind = 'observed' AND object = 'public.b';
\c
CREATE TABLE d (i int);
-- nothing is applied
SELECT dbm_apply('20260101_000002_b', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000001_a', 'CREATE TABLE a (i int)');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_rollback('20260101_000001_a');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_submit('20260101_000002_b', 'SELECT 1');
SELECT dbm_deployment_start('[]');
\echo :LAST_ERROR_SQLSTATE
-- what only looks goes on
SELECT change, state FROM dbm_plan('["20260101_000001_a", "20260101_000002_b"]');

-- it is not made an environment in passing
SELECT dbm_attach('', 'test');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_attach(NULL, 'test');
SELECT dbm_attach('a copy to test with', NULL);
SELECT dbm_attach('a copy to test with', 'no name!');
SELECT dbm_attach('a copy to test with', 'stage');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_init('test');
\echo :LAST_ERROR_SQLSTATE
SET ROLE identity_owner;
SELECT dbm_attach('a copy to test with', 'test');
\echo :LAST_ERROR_SQLSTATE
-- but by an administrator, who says why
SET ROLE identity_admin;
SELECT dbm_attach('a copy to test with', 'test');
RESET ROLE;
SELECT environment, follows, guard, guard_in_force, identity, run_as FROM dbm_status();
SELECT kind, object, detail, environment, current_role_name FROM dbmaestro.audit_event WHERE kind = 'attach';
SELECT incarnation <> '00000000-0000-0000-0000-000000000000' AS named, reason FROM dbmaestro.binding;
-- with the guard as it was configured
CREATE TABLE e (i int);
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_apply('20260101_000001_a', 'CREATE TABLE a (i int)');
SELECT outcome FROM dbm_apply('20260101_000002_b', 'CREATE TABLE e (i int)');

-- and the one it was copied from never noticed
\c identity_prod
SELECT environment, guard_in_force, identity FROM dbm_status();
SELECT outcome FROM dbm_apply('20260101_000002_b', 'SELECT 1');
\c :before
DROP DATABASE identity_copy WITH (FORCE);
DROP DATABASE identity_prod WITH (FORCE);
DROP ROLE identity_admin, identity_owner;

-- dbm_grant, dbm_revoke: who may do what in this database
\set before :DBNAME
CREATE DATABASE pipeline_capability;
\c pipeline_capability
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
CREATE ROLE capability_none;
CREATE ROLE capability_may;
CREATE ROLE "capability_o'neil";
GRANT CREATE ON SCHEMA public TO PUBLIC;

-- every capability can be granted, and seen
SELECT capability, dbm_grant(capability, 'capability_may') FROM unnest(ARRAY['admin']) AS capability;
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_grant('admin', 'capability_may');
SELECT dbm_grant('configure', 'capability_may');
SELECT dbm_grant('deploy', 'capability_may');
SELECT dbm_grant('approve', 'capability_may');
SELECT dbm_grant('rollback', 'capability_may');
SELECT dbm_grant('override_window', 'capability_may');
SELECT dbm_grant('break_glass', 'capability_may');
SELECT dbm_grant('checkout', 'capability_may');
SELECT dbm_grant('audit', 'capability_may');
SELECT dbm_grant('backup', 'capability_may');
-- again: no harm
SELECT dbm_grant('deploy', 'capability_may');
SELECT capability, role_name, role = 'capability_may'::regrole AS role, granted_by FROM dbmaestro.capability ORDER BY 1;
SELECT count(*), count(DISTINCT detail) FROM dbmaestro.audit_event WHERE kind = 'grant';

-- what each is for: as the role that may
SET ROLE capability_may;
SELECT dbm_configure('allow_empty', 'on');
SELECT outcome FROM dbm_apply('20260101_000001_a', 'CREATE TABLE a (i int)', 'DROP TABLE a');
SELECT outcome FROM dbm_rollback('20260101_000001_a');
SELECT dbm_submit('20260101_000002_b', 'CREATE TABLE b (i int)');
SELECT dbm_deployment_start('[]');
SELECT dbm_deployment_finish(3, 'succeeded');
SELECT count(*) FROM dbmaestro.run;
SELECT count(*) FROM dbmaestro.deployment_history;
SELECT last_value > 0 FROM dbmaestro.run_id_seq;
SELECT dbm_grant('deploy', 'capability_none');
SELECT dbm_revoke('deploy', 'capability_none');
SELECT applied FROM dbm_status();
SELECT count(*) > 10 FROM dbm_doctor();
SELECT count(*) FROM dbm_plan('[]');
RESET ROLE;

-- as the role that may not
SET ROLE capability_none;
SELECT dbm_configure('allow_empty', 'off');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000003_c', 'CREATE TABLE c (i int)');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_rollback('20260101_000001_a');
SELECT dbm_submit('20260101_000003_c', 'CREATE TABLE c (i int)');
SELECT dbm_deployment_start('[]');
SELECT dbm_deployment_finish(3, 'failed');
SELECT dbm_grant('admin', 'capability_none');
SELECT dbm_revoke('admin', 'capability_may');
SELECT dbm_attach('mine', 'dev');
SELECT * FROM dbm_status();
SELECT * FROM dbm_doctor();
SELECT * FROM dbm_plan('[]');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM dbmaestro.run;
RESET ROLE;
SET ROLE "capability_o'neil";
SELECT * FROM dbm_status();
RESET ROLE;

-- one capability is not another
SELECT dbm_grant('audit', 'capability_none');
SET ROLE capability_none;
SELECT count(*) > 0 AS reads FROM dbmaestro.audit_event;
SELECT state, count(*) FROM dbmaestro.deployment_history GROUP BY 1 ORDER BY 1;
SELECT applied FROM dbm_status();
SELECT dbm_apply('20260101_000003_c', 'CREATE TABLE c (i int)');
INSERT INTO dbmaestro.setting VALUES ('a', 'b', now(), 'c');
RESET ROLE;
-- SELECT goes with the last of audit and backup
SELECT dbm_grant('backup', 'capability_none');
SELECT dbm_revoke('audit', 'capability_none');
SELECT has_table_privilege('capability_none', 'dbmaestro.run', 'SELECT'), has_schema_privilege('capability_none', 'dbmaestro', 'USAGE');
SELECT dbm_revoke('backup', 'capability_none');
SELECT has_table_privilege('capability_none', 'dbmaestro.run', 'SELECT'), has_schema_privilege('capability_none', 'dbmaestro', 'USAGE');
SELECT dbm_revoke('backup', 'capability_none');
\echo :LAST_ERROR_SQLSTATE

-- members have it, also through two steps; not the other way round
CREATE ROLE capability_group;
CREATE ROLE capability_member IN ROLE capability_group;
SELECT dbm_grant('configure', 'capability_group');
SET ROLE capability_member;
SELECT dbm_configure('allow_empty', NULL);
RESET ROLE;
REVOKE capability_group FROM capability_member;
SET ROLE capability_member;
SELECT dbm_configure('allow_empty', NULL);
RESET ROLE;

-- a role recreated under the name, and one renamed to it, inherit nothing
SELECT dbm_grant('configure', 'capability_member');
DROP ROLE capability_member;
CREATE ROLE capability_member;
SET ROLE capability_member;
SELECT dbm_configure('allow_empty', NULL);
RESET ROLE;
ALTER ROLE capability_group RENAME TO capability_renamed;
SET ROLE capability_renamed;
SELECT dbm_configure('allow_empty', NULL);
RESET ROLE;
-- the row left behind is replaced by a new grant
SELECT dbm_grant('configure', 'capability_member');
SELECT role = 'capability_member'::regrole AS current FROM dbmaestro.capability WHERE role_name = 'capability_member';
DROP ROLE capability_member;
SELECT dbm_revoke('configure', 'capability_member');

-- bad arguments
SELECT dbm_grant('everything', 'capability_none');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_grant('deploy', 'capability_nobody');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_grant(NULL, 'capability_none');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_revoke('deploy', NULL);

-- switching roles wins nothing: the authenticated role and the current one both count
CREATE ROLE capability_login LOGIN;
SET SESSION AUTHORIZATION capability_none;
SELECT dbm_grant('admin', 'capability_none');
RESET SESSION AUTHORIZATION;
GRANT capability_may TO capability_login;
\c - capability_login
SELECT current_user, applied FROM dbm_status();
\set VERBOSITY sqlstate
REVOKE capability_may FROM capability_login;
\set VERBOSITY default
SET ROLE capability_may;
SELECT dbm_configure('allow_empty', NULL);
\c - postgres
REVOKE capability_may FROM capability_login;
\c - capability_login
SELECT dbm_configure('allow_empty', NULL);
\c - postgres

DROP OWNED BY capability_may;
\c :before
DROP DATABASE pipeline_capability WITH (FORCE);
DROP ROLE capability_none, capability_may, "capability_o'neil", capability_renamed, capability_login;

-- dbm_snapshot writes to the record, so it takes a capability; the hash alone does not
\set before :DBNAME
CREATE DATABASE pipeline_snapshot;
\c pipeline_snapshot
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
CREATE ROLE snapshot_none;
CREATE ROLE snapshot_deploy;
SELECT dbm_grant('deploy', 'snapshot_deploy');

SET ROLE snapshot_none;
SELECT dbm_schema_hash() ~ '^[0-9a-f]{64}$' AS hash;
SELECT dbm_snapshot('mine');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
SELECT count(*) FROM dbmaestro.snapshot;
SELECT kind, action, current_role_name, sqlstate FROM dbmaestro.denied_attempt;

SET ROLE snapshot_deploy;
SELECT dbm_snapshot() AS first \gset
SELECT dbm_snapshot('release 1') AS named \gset
SELECT dbm_snapshot() AS again \gset
SELECT :first < :named AS another, :named = :again AS not_again;
RESET ROLE;
SELECT label FROM dbmaestro.snapshot ORDER BY id;
SELECT encode(root, 'hex') = dbm_schema_hash() AS root FROM dbmaestro.snapshot ORDER BY id;
SELECT count(*) FROM dbmaestro.audit_event WHERE kind = 'snapshot' AND current_role_name = 'snapshot_deploy';

\c :before
DROP DATABASE pipeline_snapshot;
DROP ROLE snapshot_none, snapshot_deploy;

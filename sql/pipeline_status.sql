-- dbm_status: one row that says how things stand
\set before :DBNAME
CREATE DATABASE pipeline_status;
\c pipeline_status
CREATE EXTENSION dbmaestro;
SELECT * FROM (SELECT 1) AS one, LATERAL (SELECT environment, applied, submitted, last_change, last_applied_at, open_deployments FROM dbm_status()) AS status;
SELECT dbm_init('dev');
SELECT dbm_configure('rollback_proof', 'off');
SELECT environment, follows, guard, guard_in_force, identity, run_as, applied, submitted, last_change, last_applied_at, open_deployments, records_waiting, records_lost FROM dbm_status();
SELECT tier IN ('events', 'session', 'server') AS tier, library_version, extension_version FROM dbm_status();

SELECT outcome FROM dbm_apply('20260101_000002_b', 'SELECT 2', 'SELECT 1');
SELECT outcome FROM dbm_apply('20260101_000001_a', 'SELECT 1', 'SELECT 1');
SELECT dbm_submit('20260101_000003_c', 'SELECT 3');
SELECT dbm_deployment_start('["20260101_000003_c"]');
-- the last one applied, not the greatest
SELECT applied, submitted, last_change, last_applied_at > now() - interval '1 hour' AS lately, open_deployments FROM dbm_status();
SELECT outcome FROM dbm_rollback('20260101_000001_a');
SELECT applied, submitted, last_change, open_deployments FROM dbm_status();
SELECT dbm_deployment_finish(3, 'cancelled');
SELECT deployment, state FROM dbmaestro.deployment_history ORDER BY 1;
SELECT open_deployments FROM dbm_status();
-- reads on a transaction that may not write
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT applied FROM dbm_status();
COMMIT;
\c :before
DROP DATABASE pipeline_status WITH (FORCE);

-- dbm_status for those who deploy: what failed, what was interrupted, who runs a change
\set before :DBNAME
CREATE DATABASE ledger_status;
\c ledger_status
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
SELECT dbm_configure('rollback_proof', 'off');
SELECT applied, failed, open_deployments, interrupted_deployments, lock_pid, lock_role, lock_application, lock_since, deployment, deployment_state FROM dbm_status();
-- a change counts as failed while its last run is
SELECT dbm_apply('20260101_000001_a', 'SELECT 1/0');
SELECT dbm_apply('20260101_000001_a', 'SELECT 1/0');
SELECT dbm_apply('20260101_000002_b', 'SELECT 1/0');
CREATE VIEW how_many AS SELECT applied, failed FROM dbm_status();
DO $$ BEGIN
    FOR attempt IN 1..600 LOOP
        EXIT WHEN (SELECT waiting FROM dbmaestro._dbm_durable_files()) = 0;
        PERFORM pg_sleep(0.1);
    END LOOP;
END $$;
TABLE how_many;
SELECT outcome FROM dbm_apply('20260101_000001_a', 'SELECT 1', 'SELECT 1/0');
TABLE how_many;
-- of a rollback too
SELECT dbm_rollback('20260101_000001_a');
TABLE how_many;
SELECT outcome FROM dbm_apply('20260101_000002_b', 'SELECT 2');
TABLE how_many;

-- one that was interrupted, until the next one starts
SELECT dbm_deployment_start('["20260101_000003_c"]', '{"commit": "4f2a90", "ref": "main"}') AS d \gset
SELECT outcome FROM dbm_apply('20260101_000003_c', 'SELECT 3', deployment => :d);
SELECT open_deployments, interrupted_deployments FROM dbm_status();
\c
DO $$ BEGIN
    FOR attempt IN 1..600 LOOP
        EXIT WHEN (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend') = 1;
        PERFORM pg_stat_clear_snapshot(), pg_sleep(0.1);
    END LOOP;
END $$;
SELECT open_deployments, interrupted_deployments FROM dbm_status();
-- what a client needs that wants to go on
SELECT deployment, commit, ref, started_by, state, runs, last_change, last_outcome, finished_at FROM dbmaestro.deployment_history WHERE NOT single ORDER BY deployment DESC LIMIT 1;
CREATE ROLE regress_deployer;
SELECT dbm_grant('deploy', 'regress_deployer');
SET ROLE regress_deployer;
SELECT deployment, deployment_state, deployment_started_at < now() AS before, deployment_started_by, deployment_commit, deployment_ref, deployment_followed, deployment_last_change FROM dbm_status();
RESET ROLE;
SELECT dbm_deployment_start('["20260101_000004_d"]') AS next \gset
SELECT deployment, deployment_state, deployment_commit FROM dbm_status();
SELECT open_deployments, interrupted_deployments FROM dbm_status();
SELECT deployment, state, finished_at >= started_at AS finished FROM dbmaestro.deployment_history WHERE NOT single ORDER BY deployment;
SELECT dbm_apply('20260101_000004_d', 'SELECT 4', deployment => :d);
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_deployment_finish(:d, 'succeeded');
SELECT deployment = :d AS that_one, action, detail FROM dbmaestro.audit_event WHERE kind = 'deployment' ORDER BY id;

-- where it was to end: behind the last change of its manifest, whatever its name, unless a fingerprint says that it was the whole
SELECT dbm_deployment_start('["20260101_000009_i", "20260101_000008_h", "20260101_000005_e"]') AS d \gset
SELECT dbm_deployment_finish(:d, 'failed');
-- what dbm_apply makes for a single change is none that somebody started
SELECT outcome FROM dbm_apply('20260101_000006_f', 'SELECT 6');
SET ROLE regress_deployer;
SELECT deployment = :d AS that_one, deployment_state, deployment_followed, deployment_last_change FROM dbm_status();
RESET ROLE;
SELECT dbm_deployment_start('{"changes": ["20260101_000005_e"], "fingerprint": "all of it"}') AS d \gset
SELECT deployment = :d AS that_one, deployment_followed, deployment_last_change FROM dbm_status();
SELECT dbm_deployment_finish(:d, 'cancelled');
SELECT dbm_deployment_start('[]') AS d \gset
SELECT deployment = :d AS that_one, deployment_followed, deployment_last_change FROM dbm_status();
SELECT dbm_deployment_finish(:d, 'cancelled');
-- in one transaction, as the client says
SELECT deployment_single_transaction FROM dbm_status();
SELECT dbm_deployment_start('["20260101_000005_e"]', '{"single_transaction": true}') AS d \gset
SELECT deployment = :d AS that_one, deployment_single_transaction FROM dbm_status();
SELECT dbm_deployment_finish(:d, 'failed');
-- and where it came from, whatever is followed by now
SELECT dbm_configure('follows', 'lab');
SELECT jsonb_build_object('format', 1, 'environment', 'lab', 'identity', 'attached', 'changes', '[]'::jsonb) AS lab \gset
SELECT dbm_deployment_start('["20260101_000009_i", "20260101_000005_e"]', followed => :'lab') AS d \gset
SELECT dbm_deployment_finish(:d, 'failed');
SELECT dbm_configure('follows', NULL);
SET ROLE regress_deployer;
SELECT deployment = :d AS that_one, deployment_state, deployment_followed, deployment_last_change FROM dbm_status();
RESET ROLE;

-- who runs a change, as far as the caller may see
CREATE ROLE regress_auditor;
CREATE ROLE regress_monitor IN ROLE pg_monitor;
SELECT dbm_grant('audit', 'regress_auditor');
SELECT dbm_grant('audit', 'regress_monitor');
SET application_name = 'the deployer';
BEGIN;
SELECT outcome FROM dbm_apply('20260101_000004_d', 'SELECT 4', deployment => :next);
SELECT lock_pid = pg_backend_pid() AS pid, lock_role = session_user AS role, lock_application, lock_since = now() AS since FROM dbm_status();
SET LOCAL ROLE regress_auditor;
SELECT lock_pid IS NOT NULL AS pid, lock_role = session_user AS role, lock_application, lock_since FROM dbm_status();
SET LOCAL ROLE regress_deployer;
SELECT lock_pid IS NOT NULL AS pid, lock_role = session_user AS role, lock_application, lock_since = now() AS since FROM dbm_status();
SET LOCAL ROLE regress_monitor;
SELECT lock_application, lock_since = now() AS since FROM dbm_status();
RESET ROLE;
COMMIT;
SELECT lock_pid, lock_role, lock_application, lock_since FROM dbm_status();
DROP OWNED BY regress_auditor, regress_monitor;
\c :before
DROP DATABASE ledger_status WITH (FORCE);
DROP ROLE regress_auditor, regress_deployer, regress_monitor;

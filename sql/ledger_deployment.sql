-- dbm_deployment_start, dbm_deployment_finish
\set before :DBNAME
CREATE DATABASE ledger_deployment;
\c ledger_deployment
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
SELECT dbm_deployment_start('[{"change": "20260101_000001_a"}, {"change": "20260101_000002_b"}]', '{"commit": "4f2a90", "ref": "main"}');
SELECT outcome, deployment FROM dbm_apply('20260101_000001_a', 'CREATE TABLE a (i int)', deployment => 1);
SELECT outcome, deployment FROM dbm_apply('20260101_000001_a', 'CREATE TABLE a (i int)', deployment => 1);
SELECT dbm_apply('20260101_000002_b', 'SELECT 1/0', deployment => 1);
SELECT deployment, state, single, commit, runs, failures, started_by FROM dbmaestro.deployment_history;
SELECT dbm_deployment_finish(1, 'failed');
SELECT deployment, state, finished_at >= started_at AS ended FROM dbmaestro.deployment_history;
SELECT change, outcome, deployment, commit FROM dbmaestro.change_history ORDER BY run;
-- closed is closed
SELECT dbm_deployment_finish(1, 'succeeded');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000002_b', 'SELECT 1', deployment => 1);
\echo :LAST_ERROR_SQLSTATE
-- what is applied is applied, whatever the deployment
SELECT outcome, deployment FROM dbm_apply('20260101_000001_a', 'CREATE TABLE a (i int)', deployment => 1);
-- not there
SELECT dbm_deployment_finish(99, 'succeeded');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000002_b', 'SELECT 1', deployment => 99);
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000002_b', 'SELECT 1', deployment => 0);
SELECT dbm_apply('20260101_000002_b', 'SELECT 1', deployment => -1);
-- one that was rolled back is not there either
BEGIN;
SELECT dbm_deployment_start('[]');
ROLLBACK;
SELECT dbm_deployment_finish(2, 'succeeded');
-- bad arguments
SELECT dbm_deployment_start('{}');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_deployment_start('"x"');
SELECT dbm_deployment_start('[]', '[]');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_deployment_start('[]', '3');
SELECT dbm_deployment_start('[');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_deployment_start('["20260101_000002_b"]', NULL);
SELECT dbm_deployment_start('["20260101_000002_b", {"change": "20260101_000002_b"}]');
SELECT dbm_deployment_start('[""]');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_deployment_start('["xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"]');
SELECT dbm_deployment_start('["a\nb"]');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_deployment_start('[{"change": "20260101_000002_b", "hash": "4f2a"}]');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_deployment_finish(NULL, 'succeeded');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_deployment_finish(4, 'finished');
\echo :LAST_ERROR_SQLSTATE
SELECT id, manifest, claims FROM dbmaestro.deployment WHERE NOT single ORDER BY id;
SELECT dbm_deployment_finish(max(id), 'cancelled') FROM dbmaestro.deployment;
\echo :LAST_ERROR_SQLSTATE
-- a session that is gone leaves its deployment interrupted; somebody else may finish it
\c
DO $$ BEGIN
    FOR attempt IN 1..600 LOOP
        EXIT WHEN (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend') = 1;
        PERFORM pg_stat_clear_snapshot(), pg_sleep(0.1);
    END LOOP;
END $$;
SELECT deployment, state FROM dbmaestro.deployment_history WHERE NOT single ORDER BY 1;
SELECT id FROM dbmaestro.deployment WHERE outcome IS NULL \gset
SELECT outcome FROM dbm_apply('20260101_000002_b', 'SELECT 1', deployment => :id);
SELECT dbm_deployment_finish(:id, 'succeeded');
SELECT state, runs, failures FROM dbmaestro.deployment_history WHERE deployment = :id;
-- one for a single change comes and goes by itself
SELECT deployment AS single FROM dbm_apply('20260101_000003_c', 'SELECT 1') \gset
SELECT state, single, runs, failures FROM dbmaestro.deployment_history WHERE deployment = :single;
SELECT kind, action, deployment, detail FROM dbmaestro.audit_event WHERE kind = 'deployment' ORDER BY id;
\c :before
DROP DATABASE ledger_deployment WITH (FORCE);

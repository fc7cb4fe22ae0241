-- A manifest that names the environment it is for is refused in every other one
\set before :DBNAME
CREATE DATABASE ledger_environment;
\c ledger_environment
CREATE EXTENSION dbmaestro;
-- before dbm_init no name is compared
SELECT dbm_plan('{"environment": "stage", "changes": []}');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_init('stage');
SELECT dbm_configure('change_name_pattern', '^\w+$');
SELECT outcome FROM dbm_apply('V1', 'SELECT 1');
\set good '{"environment": "stage", "fingerprint": "tree", "changes": ["V1"]}'
\set bad '{"environment": "prod", "fingerprint": "tree", "changes": ["V1", "V2"]}'
-- its own, and one that names none
SELECT ordinal, change, state, detail, last_run FROM dbm_plan(:'good');
SELECT ordinal, change, state, detail, last_run FROM dbm_plan('{"environment": null, "changes": ["V2"]}');
SELECT dbm_deployment_start(:'good') AS d \gset
SELECT dbm_deployment_finish(:d, 'succeeded');
-- another one
SELECT * FROM dbm_plan(:'bad');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_deployment_start(:'bad', '{"commit": "4f2a90"}');
\echo :LAST_ERROR_SQLSTATE
-- a fingerprint that is known does not let it pass, nor does anything that is else wrong with it
SELECT * FROM dbm_plan('{"environment": "stage", "fingerprint": "tree"}');
SELECT * FROM dbm_plan('{"environment": "prod", "fingerprint": "tree"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM dbm_plan('{"environment": "prod", "fingerprint": "", "changes": 7}');
\echo :LAST_ERROR_SQLSTATE
-- names are compared byte by byte
SELECT * FROM dbm_plan('{"environment": "Stage", "changes": []}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM dbm_plan('{"environment": "stag", "changes": []}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM dbm_plan('{"environment": "", "changes": []}');
\echo :LAST_ERROR_SQLSTATE
-- not a name
SELECT * FROM dbm_plan('{"environment": 7, "changes": []}');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_deployment_start('{"environment": ["stage"], "changes": []}');
\echo :LAST_ERROR_SQLSTATE
-- the manifest of another environment is no manifest for this one, whoever mixes up the arguments
SELECT jsonb_set(dbm_manifest(), '{environment}', '"test"') AS test \gset
SELECT dbm_deployment_start(:'test');
\echo :LAST_ERROR_SQLSTATE
-- nothing was opened by any of them, and the trail has the refusals
SELECT deployment, state FROM dbmaestro.deployment_history WHERE NOT single ORDER BY 1;
SELECT count(*), min(message) FROM dbmaestro.denied_attempt WHERE sqlstate = 'MA017';
-- a copy is told how it becomes the one that is meant
\c :before
CREATE DATABASE ledger_environment_copy TEMPLATE ledger_environment;
\c ledger_environment_copy
SELECT * FROM dbm_plan('{"environment": "test", "changes": ["V1"]}');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_attach('a rehearsal', 'test');
SELECT ordinal, change, state FROM dbm_plan('{"environment": "test", "changes": ["V1"]}');
\c :before
DROP DATABASE ledger_environment_copy WITH (FORCE);
DROP DATABASE ledger_environment WITH (FORCE);

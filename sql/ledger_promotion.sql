-- Promotion: the manifest of the environment that is followed decides what may run here
\set before :DBNAME
CREATE DATABASE ledger_promotion_stage;
CREATE DATABASE ledger_promotion_prod;
\c ledger_promotion_stage
CREATE EXTENSION dbmaestro;
SELECT dbm_init('stage');
SELECT outcome FROM dbm_apply('20260101_000001_a', 'SELECT 1');
SELECT outcome FROM dbm_apply('20260101_000002_b', 'SELECT 2');
SELECT outcome FROM dbm_apply('20260101_000004_d', 'SELECT 4');
SELECT outcome FROM dbm_apply('view_v', E'-- Repeatable: yes\nCREATE VIEW v AS SELECT 1 AS one');
SELECT dbm_manifest() AS stage \gset
SELECT encode(tokens, 'hex') AS b_tokens FROM dbmaestro.change WHERE change LIKE '%_b' \gset
\c ledger_promotion_prod
CREATE EXTENSION dbmaestro;
SELECT dbm_init('prod');
SELECT outcome FROM dbm_apply('20260101_000002_z', 'SELECT 0');
SELECT jsonb_build_array(jsonb_build_object('change', '20260101_000001_a', 'hash', encode(sha256('SELECT 1'), 'hex')),
    jsonb_build_object('change', '20260101_000002_b', 'hash', encode(sha256('SELECT  2'), 'hex'), 'tokens', :'b_tokens'),
    '"20260101_000002_z"'::jsonb,
    jsonb_build_object('change', '20260101_000003_c', 'hash', encode(sha256('SELECT 3'), 'hex')),
    jsonb_build_object('change', '20260101_000004_d', 'hash', encode(sha256('SELECT 44'), 'hex')),
    '"view_v"'::jsonb) AS manifest \gset

-- nobody is followed; another one is; a copy of it is
SELECT * FROM dbm_plan(:'manifest', :'stage');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_deployment_start(:'manifest', '{}', :'stage');
SELECT dbm_configure('follows', 'test');
SELECT dbm_deployment_start(:'manifest', followed => :'stage');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('follows', 'stage');
SELECT jsonb_set(:'stage', '{identity}', '"detached"') AS copy, jsonb_set(:'stage', '{identity}', '"unconfirmed"') AS promoted \gset
SELECT dbm_deployment_start(:'manifest', followed => :'copy');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM dbm_plan(:'manifest', :'promoted');
-- not well formed
SELECT count(*) FROM dbm_plan(:'manifest', '[]');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM dbm_plan(:'manifest', '{"format": 2}');
SELECT count(*) FROM dbm_plan(:'manifest', '{"format": "1"}');
SELECT count(*) FROM dbm_plan(:'manifest', '{"format": 1, "environment": "stage"}');
SELECT count(*) FROM dbm_plan(:'manifest', '{"format": 1, "environment": "stage", "identity": "attached", "changes": ["20260101_000001_a"]}');
SELECT count(*) FROM dbm_plan(:'manifest', '{"format": 1, "environment": "stage", "identity": "attached", "changes": [{"change": "a", "hash": "4f"}]}');
SELECT count(*) FROM dbm_plan(:'manifest', jsonb_set(:'stage', '{changes}', :'stage'::jsonb -> 'changes' || (:'stage'::jsonb -> 'changes')));
SELECT count(*) FROM dbm_plan(:'manifest', '{"format": 1, "environment": 7, "identity": "attached", "changes": []}');

-- what the plan says
SELECT ordinal, change, state, detail FROM dbm_plan(:'manifest', :'stage');
SELECT ordinal, change, state FROM dbm_plan(:'manifest') WHERE state <> 'pending';
-- what the deployment does
SELECT dbm_deployment_start(:'manifest', '{"commit": "4f2a90"}', :'stage') AS d \gset
SELECT outcome FROM dbm_apply('20260101_000001_a', 'SELECT 1', deployment => :d);
SELECT dbm_apply('20260101_000002_b', 'SELECT  2', deployment => :d);
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000003_c', 'SELECT 3', deployment => :d);
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000004_d', 'SELECT 44', deployment => :d);
-- content that stage has, but not the manifest
SELECT dbm_apply('20260101_000004_d', 'SELECT 4', deployment => :d);
\echo :LAST_ERROR_SQLSTATE
-- without a hash in the manifest, what is sent is compared
SELECT dbm_apply('view_v', E'-- Repeatable: yes\nCREATE VIEW v AS SELECT 2 AS two', deployment => :d);
SELECT outcome FROM dbm_apply('view_v', E'-- Repeatable: yes\nCREATE VIEW v AS SELECT 1 AS one', deployment => :d);
SELECT dbm_deployment_finish(:d, 'failed');
-- what the ledger says
SELECT change, outcome, provenance FROM dbmaestro.change_history ORDER BY run;
SELECT state, followed, provenance, runs, last_change FROM dbmaestro.deployment_history WHERE deployment = :d;
SELECT followed #- '{changes}' AS followed, (SELECT string_agg(e ->> 'change', ' ') FROM jsonb_array_elements(followed -> 'changes') AS e) AS changes FROM dbmaestro.deployment WHERE id = :d;
SELECT action, detail FROM dbmaestro.audit_event WHERE deployment = :d ORDER BY id;
SELECT change, message FROM dbmaestro.denied_attempt WHERE sqlstate = 'MA042' AND change IS NOT NULL ORDER BY id;
-- following is no duty: without the manifest the same change runs
SELECT outcome FROM dbm_apply('20260101_000003_c', 'SELECT 3');
-- in an environment whose settings have changed meanwhile, what was said when it started counts
SELECT dbm_deployment_start('["20260101_000009_i"]', followed => :'stage') AS d \gset
SELECT dbm_configure('follows', NULL);
SELECT dbm_apply('20260101_000009_i', 'SELECT 9', deployment => :d);
\c :before
DROP DATABASE ledger_promotion_stage WITH (FORCE);
DROP DATABASE ledger_promotion_prod WITH (FORCE);

-- dbm_manifest: what is applied here; the manifest of a deployment lets in what it names
\set before :DBNAME
CREATE DATABASE ledger_manifest;
\c ledger_manifest
CREATE EXTENSION dbmaestro;
SELECT dbm_manifest();
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_init('dev');
SELECT dbm_configure('rollback_proof', 'off');
SELECT dbm_manifest();
SELECT outcome FROM dbm_apply('20260101_000003_c', 'SELECT 3', 'SELECT 3');
SELECT outcome FROM dbm_apply('20260101_000001_a', 'SELECT 1', 'SELECT 1');
SELECT outcome FROM dbm_apply('20260101_000002_b', 'SELECT 2', 'SELECT 2');
SELECT outcome FROM dbm_rollback('20260101_000002_b');
SELECT dbm_submit('20260101_000004_d', 'SELECT 4');
-- in the order in which they were applied; neither submitted nor rolled back ones
SELECT m - 'changes' AS head FROM dbm_manifest() AS m;
SELECT ordinality, e ->> 'change' AS change, e ->> 'hash' = encode(script, 'hex') AS hash, e ->> 'tokens' = encode(tokens, 'hex') AS tokens,
       (e ->> 'applied_at')::timestamptz = recorded_at AS applied_at, (SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_object_keys(e) AS key) AS keys
  FROM dbm_manifest() AS m, jsonb_array_elements(m -> 'changes') WITH ORDINALITY AS e(e), dbmaestro.change AS c WHERE c.change = e ->> 'change' ORDER BY 1;
-- the same text in every session
SET TimeZone = 'Asia/Kolkata';
SELECT dbm_manifest()::text AS here \gset
SET TimeZone = 'America/Lima';
SELECT dbm_manifest()::text = :'here' AS same, :'here' LIKE '%+00:00"%' AS utc;
RESET TimeZone;
-- it is a manifest: of itself, all is applied
SELECT state, count(*) FROM dbm_plan(dbm_manifest() - 'format') GROUP BY 1;

-- who may
CREATE ROLE regress_deployer;
CREATE ROLE regress_auditor;
CREATE ROLE regress_undoer;
CREATE ROLE regress_admin;
SELECT dbm_grant('deploy', 'regress_deployer');
SELECT dbm_grant('audit', 'regress_auditor');
SELECT dbm_grant('rollback', 'regress_undoer');
SELECT dbm_grant('admin', 'regress_admin');
SET ROLE regress_deployer;
SELECT jsonb_array_length(dbm_manifest() -> 'changes') AS deployer;
SET ROLE regress_auditor;
SELECT jsonb_array_length(dbm_manifest() -> 'changes') AS auditor;
-- who may roll back sees what there is to roll back, and no more
SET ROLE regress_undoer;
SELECT jsonb_array_length(dbm_manifest() -> 'changes') AS undoer;
SELECT count(*) FROM dbmaestro.change;
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_admin;
SELECT dbm_manifest();
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
-- reading only
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT jsonb_array_length(dbm_manifest() -> 'changes') AS changes;
COMMIT;

-- a deployment brings what its manifest names, as the manifest has it
SELECT encode(sha256('SELECT 5'), 'hex') AS five, encode(sha256('SELECT 6'), 'hex') AS six \gset
SELECT '[{"change": "20260101_000005_e", "hash": "' || upper(:'five') || '"}, {"change": "20260101_000006_f", "hash": "' || :'six' || '"}, "20260101_000007_g"]' AS manifest \gset
SELECT dbm_deployment_start(:'manifest') AS d \gset
SELECT outcome FROM dbm_apply('20260101_000005_e', 'SELECT 5', deployment => :d);
-- one blank more, another change, and what the manifest leaves open
SELECT dbm_apply('20260101_000006_f', 'SELECT  6', deployment => :d);
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000008_h', 'SELECT 8', deployment => :d);
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_apply('20260101_000007_g', 'SELECT 7', deployment => :d);
SELECT change, ordinal, encode(hash, 'hex') AS hash, tokens, followed FROM dbmaestro.deployment_change WHERE deployment = :d ORDER BY ordinal;
-- what is applied is applied
SELECT outcome FROM dbm_apply('20260101_000001_a', 'SELECT 1', deployment => :d);
SELECT dbm_deployment_finish(:d, 'failed');
-- the hash of the tokens will do
SELECT (SELECT encode(tokens, 'hex') FROM dbmaestro.change WHERE change LIKE '%_e') AS tokens \gset
SELECT '[{"change": "20260101_000006_f", "tokens": "' || :'tokens' || '"}]' AS manifest \gset
SELECT dbm_deployment_start(:'manifest') AS d \gset
SELECT dbm_apply('20260101_000006_f', 'SELECT 6', deployment => :d);
SELECT outcome FROM dbm_apply('20260101_000006_f', E'SELECT\n  5 -- five', deployment => :d);
SELECT change, sqlstate, deployment FROM dbmaestro.denied_attempt JOIN dbmaestro.audit_event USING (id, change, sqlstate) WHERE audit_event.kind = 'refused' AND change IS NOT NULL ORDER BY id;
DROP OWNED BY regress_auditor;
\c :before
DROP DATABASE ledger_manifest WITH (FORCE);
DROP ROLE regress_deployer, regress_auditor, regress_undoer, regress_admin;

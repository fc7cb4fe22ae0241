-- A repository that is known to be applied is asked for by its name alone
\set before :DBNAME
CREATE DATABASE ledger_fingerprint;
\c ledger_fingerprint
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
SELECT dbm_configure('rollback_proof', 'off');
\set f1 '{"fingerprint": "tree 1"}'
\set f2 '{"fingerprint": "tree 2"}'
\set r1 '{"fingerprint": "tree 1", "changes": ["20260101_000001_a", "20260101_000002_b"]}'
\set r2 '{"fingerprint": "tree 2", "changes": ["20260101_000001_a", "20260101_000002_b", "20260101_000003_c"]}'
SELECT * FROM dbm_plan(:'f1');
-- a plan that finds something pending makes nothing known
SELECT change, state FROM dbm_plan(:'r1');
SELECT state FROM dbm_plan(:'f1');
-- a deployment that succeeds does, if it brought all of it
SELECT dbm_deployment_start(:'r1') AS d \gset
SELECT outcome FROM dbm_apply('20260101_000001_a', 'SELECT 1', 'SELECT 1', deployment => :d);
SELECT dbm_deployment_finish(:d, 'succeeded');
SELECT state AS incomplete FROM dbm_plan(:'f1');
SELECT dbm_deployment_start(:'r1') AS d \gset
SELECT outcome FROM dbm_apply('20260101_000002_b', 'SELECT 2', 'SELECT 2', deployment => :d);
SELECT state AS unfinished FROM dbm_plan(:'f1');
SELECT dbm_deployment_finish(:d, 'failed');
SELECT state AS failed FROM dbm_plan(:'f1');
SELECT dbm_deployment_start(:'r1') AS d \gset
SELECT dbm_deployment_finish(:d, 'succeeded');
SELECT state AS known FROM dbm_plan(:'f1');
SELECT change AS known, state AS other FROM dbm_plan(:'f2');
SELECT fingerprint, last_run, recorded_by FROM dbmaestro.fingerprint;
-- what changes nothing: a submission, a failed run, a plan of another repository, a deployment without a run
SELECT dbm_submit('20260101_000003_c', 'SELECT 3') AS submitted \gset
SELECT dbm_apply('20260101_000003_c', 'SELECT 1/0');
SELECT change, state FROM dbm_plan(:'r2');
SELECT state AS known FROM dbm_plan(:'f1');
-- what does: another change, a rollback
SELECT outcome FROM dbm_apply('20260101_000003_c', 'SELECT 3', 'SELECT 3');
SELECT state AS applied_since FROM dbm_plan(:'f1');
SELECT change, state FROM dbm_plan(:'r2');
SELECT state AS known FROM dbm_plan(:'f2');
SELECT outcome FROM dbm_rollback('20260101_000002_b');
SELECT state AS rolled_back_since FROM dbm_plan(:'f2');
-- only what all are applied: this one lacks a change, that one has it with other content
SELECT state FROM dbm_plan('{"fingerprint": "tree 3", "changes": [{"change": "20260101_000001_a", "hash": "0000000000000000000000000000000000000000000000000000000000000000"}]}');
SELECT state AS not_all FROM dbm_plan('{"fingerprint": "tree 3"}');
-- what is applied beyond the repository is none of its business
SELECT state FROM dbm_plan('{"fingerprint": "tree 4", "changes": ["20260101_000001_a"]}');
SELECT state AS known FROM dbm_plan('{"fingerprint": "tree 4"}');

-- what others did between the plan and the end of a deployment
SELECT last_run AS seen FROM dbm_plan(:'f2') \gset
SELECT outcome FROM dbm_rollback('20260101_000001_a');
SELECT format('{"fingerprint": "tree 2", "last_run": %s, "changes": ["20260101_000002_b"]}', :seen) AS pending \gset
SELECT dbm_deployment_start(:'pending') AS d \gset
SELECT outcome FROM dbm_apply('20260101_000002_b', 'SELECT 2', 'SELECT 2', deployment => :d);
SELECT dbm_deployment_finish(:d, 'succeeded');
SELECT state AS somebody_rolled_back FROM dbm_plan(:'f2');
SELECT last_run AS seen FROM dbm_plan(:'r2') LIMIT 1 \gset
SELECT format('{"fingerprint": "tree 2", "last_run": %s, "changes": ["20260101_000001_a"]}', :seen) AS pending \gset
SELECT dbm_deployment_start(:'pending') AS d \gset
SELECT outcome FROM dbm_apply('20260101_000001_a', 'SELECT 1', 'SELECT 1', deployment => :d);
SELECT dbm_deployment_finish(:d, 'succeeded');
SELECT state AS known FROM dbm_plan(:'f2');
SELECT fingerprint, last_run FROM dbmaestro.deployment WHERE id = :d;

-- a plan that is rolled back takes what it made known along
BEGIN;
SELECT outcome FROM dbm_rollback('20260101_000002_b');
SELECT change, state FROM dbm_plan('{"fingerprint": "tree 5", "changes": ["20260101_000001_a"]}');
SELECT state AS known_here FROM dbm_plan('{"fingerprint": "tree 5"}');
ROLLBACK;
SELECT state AS rolled_back FROM dbm_plan('{"fingerprint": "tree 5"}');
SELECT state AS known FROM dbm_plan(:'f2');
-- asking may not write where nothing may be written, and does not hinder a run
BEGIN READ ONLY;
SELECT state FROM dbm_plan('{"fingerprint": "tree 6", "changes": ["20260101_000001_a"]}');
COMMIT;
SELECT state AS read_only FROM dbm_plan('{"fingerprint": "tree 6"}');
BEGIN;
SELECT state FROM dbm_plan('{"fingerprint": "tree 6", "changes": ["20260101_000001_a"]}');
SELECT outcome FROM dbm_apply('20260101_000004_d', 'SELECT 4');
COMMIT;
SELECT state AS applied_since FROM dbm_plan('{"fingerprint": "tree 6"}');

-- no word but a deployer's own: not an auditor's, not that of code that a deployer trips over
CREATE ROLE regress_auditor;
SELECT dbm_grant('audit', 'regress_auditor');
SET ROLE regress_auditor;
SELECT state FROM dbm_plan('{"fingerprint": "tree 7", "changes": ["20260101_000001_a"]}');
RESET ROLE;
SELECT state AS auditor FROM dbm_plan('{"fingerprint": "tree 7"}');
CREATE FUNCTION trap() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM dbm_plan('{"fingerprint": "tree 8", "changes": []}') $$;
SELECT trap();
SELECT max(state) FROM dbm_plan('{"fingerprint": "tree 8", "changes": []}');
DO $$ BEGIN PERFORM * FROM dbm_plan('{"fingerprint": "tree 8", "changes": []}'); END $$;
SELECT outcome FROM dbm_apply('20260101_000005_e', $$SELECT * FROM dbm_plan('{"fingerprint": "tree 8", "changes": []}')$$);
SELECT state AS trapped FROM dbm_plan('{"fingerprint": "tree 8"}');
-- not well formed
SELECT * FROM dbm_plan('{"fingerprint": ""}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM dbm_plan('{"fingerprint": 7}');
SELECT * FROM dbm_plan('{"last_run": 7}');
SELECT * FROM dbm_plan('{"fingerprint": "tree 8", "last_run": "x"}');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_deployment_start('{"fingerprint": "tree 8"}');
\echo :LAST_ERROR_SQLSTATE
DROP OWNED BY regress_auditor;
\c :before
DROP DATABASE ledger_fingerprint WITH (FORCE);
DROP ROLE regress_auditor;

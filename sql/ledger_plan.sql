-- dbm_plan: a whole repository against the ledger
\set before :DBNAME
CREATE DATABASE ledger_plan;
\c ledger_plan
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
SELECT * FROM dbm_plan('[]');
SELECT * FROM dbm_plan('["20260101_000001_a", {"change": "20260101_000002_b", "hash": "abababababababababababababababababababababababababababababababab"}]');

SELECT outcome FROM dbm_apply('20260101_000001_a', 'SELECT 1', 'SELECT 1');
SELECT outcome FROM dbm_apply('20260101_000003_c', 'SELECT 3', 'SELECT 3');
SELECT outcome FROM dbm_apply('20260101_000005_e', 'SELECT 5', 'SELECT 5');
SELECT outcome FROM dbm_apply('view_v', E'-- Repeatable: yes\nCREATE VIEW v AS SELECT 1 AS one');
SELECT dbm_submit('20260101_000008_h', 'SELECT 8');
SELECT dbm_configure('rollback_proof', 'off');
SELECT outcome FROM dbm_rollback('20260101_000005_e');
SELECT encode(sha256('SELECT 1'), 'hex') AS a, encode(sha256('SELECT  3'), 'hex') AS c_edited, (SELECT encode(tokens, 'hex') FROM dbmaestro.change WHERE change LIKE '%c') AS c_tokens,
       (SELECT encode(script, 'hex') FROM dbmaestro.change WHERE change = 'view_v') AS v \gset
-- every state, in the order of the manifest; what is missing comes last
SELECT * FROM dbm_plan(('[{"change": "20260101_000001_a", "hash": "' || upper(:'a') || '"}, {"change": "20260101_000002_b", "hash": "0000000000000000000000000000000000000000000000000000000000000000"},
  {"change": "20260101_000003_c", "hash": "' || :'c_edited' || '", "tokens": "' || :'c_tokens' || '"}, {"change": "20260101_000005_e"},
  {"change": "20260101_000007_g"}, {"change": "20260101_000008_h", "note": {"more": "is ignored"}}, {"change": "view_v", "hash": "' || :'v' || '"}]')::jsonb);
SELECT * FROM dbm_plan(('["20260101_000007_g", {"change": "20260101_000003_c", "hash": "' || :'c_edited' || '"}, {"change": "view_v", "hash": "0000000000000000000000000000000000000000000000000000000000000000"}]')::jsonb);
-- the hash of the tokens alone will do
SELECT change, state FROM dbm_plan(('[{"change": "20260101_000003_c", "tokens": "' || :'c_tokens' || '"}]')::jsonb) WHERE ordinal = 1;
SELECT change, state, detail <> '' AS detail FROM dbm_plan('[{"change": "20260101_000003_c", "tokens": "0000000000000000000000000000000000000000000000000000000000000000"}]') WHERE ordinal = 1;

-- bad manifests
SELECT * FROM dbm_plan(NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM dbm_plan('{"change": "20260101_000001_a"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM dbm_plan('"20260101_000001_a"');
SELECT * FROM dbm_plan('[["20260101_000001_a"]]');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM dbm_plan('[1]');
SELECT * FROM dbm_plan('[null]');
SELECT * FROM dbm_plan('[{}]');
SELECT * FROM dbm_plan('[{"change": 7}]');
SELECT * FROM dbm_plan('[{"change": "20260101_000001_a", "hash": "ab"}]');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM dbm_plan('[{"change": "20260101_000001_a", "hash": "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"}]');
SELECT * FROM dbm_plan('[{"change": "20260101_000001_a", "tokens": 7}]');
SELECT * FROM dbm_plan('{"changes": {}}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM dbm_plan('{"changes": []}');
SELECT * FROM dbm_plan('["20260101_000001_a", {"change": "20260101_000001_a"}]');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM dbm_plan('["20260101_000009_new", "20260101_000009_new"]');
\echo :LAST_ERROR_SQLSTATE
-- a large one
SELECT state, count(*) FROM dbm_plan((SELECT jsonb_agg('20270101_' || lpad(g::text, 6, '0') || '_x') FROM generate_series(1, 10000) AS g)) GROUP BY 1 ORDER BY 1;
\c :before
DROP DATABASE ledger_plan WITH (FORCE);

-- dbm_plan: scripts in the manifest, of which the server computes both hashes
\set before :DBNAME
CREATE DATABASE ledger_plan_script;
\c ledger_plan_script
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
SELECT outcome FROM dbm_apply('20260101_000001_a', E'-- Description: A\nCREATE TABLE a (\n  t text DEFAULT $$x\ny$$);\n');
SELECT outcome FROM dbm_apply('view_v', E'-- Repeatable: yes\nCREATE VIEW v AS SELECT 1 AS one');
CREATE FUNCTION plan(script text, more jsonb = '{}', change text = '20260101_000001_a') RETURNS TABLE (change text, state text, detail text)
LANGUAGE sql AS $$ SELECT change, state, detail FROM dbm_plan(jsonb_build_array(jsonb_build_object('change', $3, 'script', $1) || $2)) WHERE ordinal = 1 $$;
-- the same bytes
SELECT * FROM plan(E'-- Description: A\nCREATE TABLE a (\n  t text DEFAULT $$x\ny$$);\n');
-- line ends, also in literals; white space; comments
SELECT * FROM plan(E'-- Description: A\r\nCREATE TABLE a (\r\n  t text DEFAULT $$x\r\ny$$);\r\n');
SELECT * FROM plan(E'-- Description: A\n\nCREATE   TABLE a (t text DEFAULT $$x\ny$$);');
SELECT * FROM plan(E'-- Description: A\n/* why */ CREATE TABLE a ( -- how\n  t text DEFAULT $$x\ny$$)');
-- what the header says, a literal and a name are content
SELECT change, state, detail ~ '^applied with SHA-256 [0-9a-f]{64}$' AS detail FROM plan(E'-- Description: B\nCREATE TABLE a (\n  t text DEFAULT $$x\ny$$);\n');
SELECT change, state FROM plan(E'-- Description: A\nCREATE TABLE a (\n  t text DEFAULT $$x y$$);\n');
SELECT change, state FROM plan(E'-- Description: A\nCREATE TABLE b (\n  t text DEFAULT $$x\ny$$);\n');
-- what cannot be read has only its bytes; nothing is left of the errors
SELECT change, state FROM plan('CREATE TABEL a');
SELECT change, state FROM plan(E'CREATE TABLE a (t text);\n\\d a\n');
SELECT change, state FROM plan('SELECT ''not closed');
SELECT change, state FROM plan('');
SET standard_conforming_strings = off;
SELECT change, state FROM plan(E'-- Description: A\nCREATE TABLE a (\n  t text DEFAULT $$x\ny$$)');
RESET standard_conforming_strings;
BEGIN;
SELECT count(*), count(*) FILTER (WHERE state = 'pending') AS pending FROM dbm_plan((SELECT jsonb_agg(jsonb_build_object('change', 'x' || g, 'script', 'SELEC ' || g)) FROM generate_series(1, 500) AS g)) WHERE ordinal IS NOT NULL;
COMMIT;
SHOW client_min_messages;
SELECT count(*) FROM dbmaestro.audit_event WHERE kind = 'refused';
-- repeatable ones run again only for another content
SELECT * FROM plan(E'-- Repeatable: yes\nCREATE VIEW v AS SELECT 1  AS one', '{}', 'view_v');
SELECT * FROM plan(E'-- Repeatable: yes\nCREATE VIEW v AS SELECT 2 AS one', '{}', 'view_v');
-- a hash beside it must be its hash; tokens beside it do not count, null is nothing
SELECT state FROM plan('SELECT 1', jsonb_build_object('hash', upper(encode(sha256('SELECT 1'), 'hex'))));
SELECT * FROM plan('SELECT 1', '{"hash": "0000000000000000000000000000000000000000000000000000000000000000"}');
\echo :LAST_ERROR_SQLSTATE
SELECT change, state FROM plan('SELECT 1', (SELECT jsonb_build_object('tokens', encode(c.tokens, 'hex')) FROM dbmaestro.change AS c WHERE c.change = '20260101_000001_a'));
SELECT * FROM plan(NULL);
SELECT * FROM plan('', '{"script": 7}');
\echo :LAST_ERROR_SQLSTATE
-- a deployment lets in what has these hashes
SELECT dbm_deployment_start('[{"change": "20260101_000002_b", "script": "CREATE TABLE b (i int)"}, {"change": "20260101_000003_c", "script": "CREATE TABEL"}]') AS d \gset
SELECT change, encode(hash, 'hex') = encode(sha256(CASE ordinal WHEN 1 THEN 'CREATE TABLE b (i int)'::bytea ELSE 'CREATE TABEL' END), 'hex') AS hash, tokens IS NOT NULL AS tokens
  FROM dbmaestro.deployment_change WHERE deployment = :d ORDER BY ordinal;
-- of which scripts, which nobody has searched for secrets, are no part
SELECT manifest FROM dbmaestro.deployment WHERE id = :d;
SELECT dbm_deployment_start('{"changes": [{"change": "e", "script": "CREATE ROLE r PASSWORD ''hush''", "note": {"script": ["kept"]}}, "f"], "commit": [1, null, {}]}') AS e \gset
SELECT manifest FROM dbmaestro.deployment WHERE id = :e;
SELECT count(*) FROM dbmaestro.audit_event WHERE audit_event::text LIKE '%hush%';
SELECT outcome FROM dbm_apply('20260101_000002_b', 'CREATE TABLE b (i bigint)', NULL, '{}', :d);
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_apply('20260101_000002_b', 'CREATE TABLE b (i int)', NULL, '{}', :d);
SELECT dbm_deployment_finish(:d, 'cancelled');
SELECT dbm_deployment_start('[{"change": "20260101_000004_d", "script": "SELECT 1", "hash": "0000000000000000000000000000000000000000000000000000000000000000"}]');
\echo :LAST_ERROR_SQLSTATE
\c :before
DROP DATABASE ledger_plan_script WITH (FORCE);

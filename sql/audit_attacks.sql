-- Against the trail: secrets in it, and records kept out of it
\set before :DBNAME
CREATE ROLE attack_role;
CREATE DATABASE audit_attacks;
\c audit_attacks
SET client_min_messages = warning;
CREATE EXTENSION dbmaestro;
SELECT dbm_init('prod');
SELECT dbm_guard('enforce', preload => false);

-- secrets behind a comment, in a URI, under another name
SELECT dbm_apply('bad', $$ALTER ROLE attack_role PASSWORD/* new */'hush1'$$);
SELECT dbm_apply('bad', $$ALTER ROLE attack_role PASSWORD -- new
 /**/ 'hush2'$$);
CREATE SUBSCRIPTION s CONNECTION 'postgresql://joe:hush3@host/db' PUBLICATION p;
CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (aws_secret_access_key 'hush4');
CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (url 'https://host:80/path', comment 'no secret');
CREATE TABLE password_hint (note text DEFAULT 'https://joe@host/x:y@z');
SELECT regexp_replace(statement, '\n', ' ', 'g') AS statement, statement_digest IS NULL AS no_digest FROM dbmaestro.denied_attempt JOIN dbmaestro.audit_event USING (id, statement) ORDER BY id;
SELECT count(*) AS leaks FROM dbmaestro.audit_event AS e WHERE e::text LIKE '%hush%';

-- setval is no command that the guard meets: numbers given out twice are passed over
SELECT count(*) AS denied FROM dbmaestro.denied_attempt;
SELECT setval('dbmaestro.audit_event_id_seq', 1);
CREATE TABLE refused (id integer);
SELECT setval('dbmaestro.audit_event_id_seq', 1);
SELECT dbm_grant('audit', 'attack_role');
SELECT count(*) AS denied FROM dbmaestro.denied_attempt;
SELECT setval('dbmaestro.run_id_seq', 1), setval('dbmaestro.deployment_id_seq', 1);
SELECT outcome FROM dbm_apply('20260101_000001_a', 'SELECT 1');
SELECT outcome FROM dbm_apply('20260101_000002_b', 'SELECT 1');
SELECT setval('dbmaestro.run_id_seq', 1), setval('dbmaestro.deployment_id_seq', 1);
SELECT outcome FROM dbm_apply('20260101_000003_c', 'SELECT 1/0');
SELECT outcome FROM dbm_apply('20260101_000003_c', 'SELECT 1');
SELECT change, outcome FROM dbmaestro.change_history ORDER BY run;
-- at its end, the sequence keeps records waiting and not out
SELECT dbm_configure('denied_wait', '100ms');
SELECT last_value AS last FROM dbmaestro.audit_event_id_seq \gset
SELECT setval('dbmaestro.audit_event_id_seq', 9223372036854775807);
CREATE TABLE refused (id integer);
SELECT waiting > 0 AS waits, broken FROM dbmaestro._dbm_durable_files();
SELECT setval('dbmaestro.audit_event_id_seq', :last);
SELECT dbm_configure('denied_wait', NULL);
CREATE TABLE refused (id integer);
SELECT object, count(*) FROM dbmaestro.denied_attempt WHERE object = 'public.refused' GROUP BY object;
SELECT * FROM dbmaestro._dbm_durable_files();

\c :before
DROP DATABASE audit_attacks;
DROP ROLE attack_role;

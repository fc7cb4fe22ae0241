-- dbm_submit: content for review, named by its approval hash
\set before :DBNAME
CREATE DATABASE ledger_submit;
\c ledger_submit
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
SELECT dbm_submit('20260101_000001_a', E'-- Issue: 12\nCREATE TABLE a (i int)', 'DROP TABLE a', '{"author": "somebody"}');
-- the same: no second submission, whatever the client claims
SELECT dbm_submit('20260101_000001_a', E'-- Issue: 12\nCREATE TABLE a (i int)', 'DROP TABLE a', '{"author": "somebody else"}');
SELECT to_regclass('a');
-- other content, other rollback, other name: other hashes
SELECT dbm_submit('20260101_000001_a', E'-- Issue: 13\nCREATE TABLE a (i int)', 'DROP TABLE a');
SELECT dbm_submit('20260101_000001_a', E'-- Issue: 12\nCREATE TABLE a (i int)', 'DROP TABLE IF EXISTS a');
SELECT dbm_submit('20260101_000001_a', E'-- Issue: 12\nCREATE TABLE a (i int)');
SELECT dbm_submit('20260101_000002_b', E'-- Issue: 12\nCREATE TABLE a (i int)', 'DROP TABLE a');
SELECT change, state, header, claims, rollback IS NULL AS no_rollback FROM dbmaestro.change ORDER BY 1;
SELECT id, change, header, claims, submitted_by FROM dbmaestro.submission ORDER BY id;
SELECT count(*) FROM dbmaestro.script;
SELECT kind, action, change, detail FROM dbmaestro.audit_event WHERE kind = 'submission' ORDER BY id;
-- back to what it was: no new row, but the change has it again
SELECT dbm_submit('20260101_000001_a', E'-- Issue: 12\nCREATE TABLE a (i int)', 'DROP TABLE a');
SELECT header, rollback IS NULL AS no_rollback FROM dbmaestro.change WHERE change = '20260101_000001_a';
SELECT count(*) FROM dbmaestro.submission;

-- what dbm_apply refuses, dbm_submit refuses
SELECT dbm_submit('a name', 'SELECT 1');
SELECT dbm_submit('20260101_000003_c', 'COMMIT');
SELECT dbm_submit('20260101_000003_c', 'SELECT 1', 'SELEC 1');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_submit('20260101_000003_c', '');
SELECT dbm_submit('20260101_000003_c', 'SELECT 1', header => '[]');
SELECT dbm_submit('20260101_000003_c', 'SELECT 1', header => '{"Requires": "x"}');
SELECT dbm_submit('20260101_000003_c', 'CREATE ROLE r PASSWORD ''secret''');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM dbmaestro.script WHERE content LIKE '%secret%';
-- what needs steps can be submitted; what would end the run cannot
SELECT dbm_submit('20260101_000005_e', 'CREATE INDEX CONCURRENTLY i ON a (i); VACUUM a', 'DROP INDEX CONCURRENTLY i');
SELECT state FROM dbmaestro.change WHERE change = '20260101_000005_e';
SELECT dbm_submit('20260101_000006_f', 'CREATE INDEX CONCURRENTLY i ON a (i); DO $$ BEGIN COMMIT; END $$');
\echo :LAST_ERROR_SQLSTATE

-- once applied it stays what it is
SELECT outcome FROM dbm_apply('20260101_000001_a', E'-- Issue: 12\nCREATE TABLE a (i int)', 'DROP TABLE a');
SELECT dbm_submit('20260101_000001_a', E'-- Issue: 12\nCREATE  TABLE a (i int)', 'DROP TABLE a');
SELECT dbm_submit('20260101_000001_a', 'CREATE TABLE a (i bigint)');
\echo :LAST_ERROR_SQLSTATE
SELECT state FROM dbmaestro.change WHERE change = '20260101_000001_a';
-- a repeatable that is applied stays so until its new content has run
SELECT outcome FROM dbm_apply('view_v', E'-- Repeatable: yes\nCREATE OR REPLACE VIEW v AS SELECT 1 AS one');
SELECT dbm_submit('view_v', E'-- Repeatable: yes\nCREATE OR REPLACE VIEW v AS SELECT 2 AS one');
SELECT dbm_submit('view_v', E'-- Repeatable: yes\nCREATE OR REPLACE VIEW v AS SELECT 2 AS one');
SELECT state FROM dbmaestro.change WHERE change = 'view_v';
SELECT count(*) FROM dbmaestro.submission WHERE change = 'view_v';
SELECT outcome FROM dbm_apply('view_v', E'-- Repeatable: yes\nCREATE OR REPLACE VIEW v AS SELECT 2 AS one');

-- in a transaction that is rolled back nothing is submitted; submit and apply go together
BEGIN;
SELECT dbm_submit('20260101_000004_d', 'CREATE TABLE d (i int)');
ROLLBACK;
SELECT count(*) FROM dbmaestro.change WHERE change = '20260101_000004_d';
BEGIN;
SELECT dbm_submit('20260101_000004_d', 'CREATE TABLE d (i int)');
SELECT outcome FROM dbm_apply('20260101_000004_d', 'CREATE TABLE d (i int)');
COMMIT;
SELECT state FROM dbmaestro.change WHERE change = '20260101_000004_d';
\c :before
DROP DATABASE ledger_submit WITH (FORCE);

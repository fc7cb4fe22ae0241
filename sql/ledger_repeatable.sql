-- Repeatable changes run again whenever their content changes
\set before :DBNAME
CREATE DATABASE ledger_repeatable;
\c ledger_repeatable
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
SELECT outcome, statements FROM dbm_apply('totals', E'-- Repeatable: yes\nCREATE OR REPLACE VIEW totals AS SELECT 1 AS total;', 'DROP VIEW totals');
SELECT outcome, run FROM dbm_apply('totals', E'-- Repeatable: yes\nCREATE OR REPLACE VIEW totals AS SELECT 1 AS total;', 'DROP VIEW totals');
-- white space and comments alone are no reason
SELECT outcome, run FROM dbm_apply('totals', E'-- Repeatable: yes\n\n/* v1 */ CREATE OR REPLACE VIEW totals AS SELECT 1 AS total;', 'DROP VIEW totals');
SELECT outcome, run FROM dbm_apply('totals', E'-- Repeatable: yes\nCREATE OR REPLACE VIEW totals AS SELECT 2 AS total;', 'DROP VIEW totals');
SELECT * FROM totals;
-- back to content that has run before: runs again
SELECT outcome, run FROM dbm_apply('totals', E'-- Repeatable: yes\nCREATE OR REPLACE VIEW totals AS SELECT 1 AS total;', 'DROP VIEW totals');
SELECT * FROM totals;
SELECT change, kind, state, applied_run FROM dbmaestro.change;
SELECT run, outcome FROM dbmaestro.change_history ORDER BY run;
-- a failure leaves what was there
SELECT dbm_apply('totals', E'-- Repeatable: yes\nCREATE OR REPLACE VIEW totals AS SELECT 1 AS total; SELECT 1/0');
SELECT outcome, run FROM dbm_apply('totals', E'-- Repeatable: yes\nCREATE OR REPLACE VIEW totals AS SELECT 1 AS total;');
-- the name need not follow the pattern, but not every name is one
SELECT dbm_apply('', E'-- Repeatable: yes\nSELECT 1');
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_apply('Größe: 100% "of" it''s', E'-- Repeatable: true\nSELECT 1');
SELECT dbm_apply('totals', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('other', E'-- Repeatable: no\nSELECT 1');
\echo :LAST_ERROR_SQLSTATE
-- kinds do not change into one another unseen
SELECT outcome FROM dbm_apply('20260101_000001_a', 'SELECT 1');
SELECT dbm_apply('20260101_000001_a', E'-- Repeatable: yes\nSELECT 1');
\echo :LAST_ERROR_SQLSTATE
SELECT change, kind FROM dbmaestro.change ORDER BY change;
-- rolled back, and applied again
SELECT dbm_configure('rollback_proof', 'off');
SELECT outcome FROM dbm_apply('again', E'-- Repeatable: yes\nCREATE VIEW again AS SELECT 1 AS one', 'DROP VIEW again');
SELECT outcome FROM dbm_rollback('again');
SELECT outcome FROM dbm_apply('again', E'-- Repeatable: yes\nCREATE VIEW again AS SELECT 1 AS one', 'DROP VIEW again');
\c :before
DROP DATABASE ledger_repeatable WITH (FORCE);

-- Header fields that decide, and claims of the client
\set before :DBNAME
CREATE ROLE header_owner;
CREATE DATABASE ledger_header;
\c ledger_header
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
SELECT outcome FROM dbm_apply('20260101_000001_a', 'SELECT 1', 'SELECT 1');
SELECT outcome FROM dbm_apply('20260101_000002_b', 'SELECT 1');
-- requires
SELECT outcome FROM dbm_apply('20260101_000003_c', E'-- Requires: 20260101_000001_a\nSELECT 1');
SELECT outcome FROM dbm_apply('20260101_000004_d', E'-- Requires: 20260101_000001_a, 20260101_000009_i\n--   20260101_000008_h\n-- Conflicts: 20260101_000002_b 20260101_000007_g\nSELECT 1');
\echo :LAST_ERROR_SQLSTATE
-- a field that is there twice counts twice
SELECT outcome FROM dbm_apply('20260101_000004_d', E'-- Requires: 20260101_000001_a\n-- Requires: 20260101_000009_i\nSELECT 1');
SELECT outcome FROM dbm_apply('20260101_000004_d', E'-- Requires: 20260101_000001_a\n-- Requires: 20260101_000003_c\n-- Conflicts:\nSELECT 1');
SELECT header FROM dbmaestro.change WHERE change = '20260101_000004_d';
-- submitted is not applied, and rolled back is not either
SELECT dbm_submit('20260101_000005_e', 'SELECT 1');
SELECT outcome FROM dbm_apply('20260101_000006_f', E'-- Requires: 20260101_000005_e\nSELECT 1');
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_apply('20260101_000006_f', E'-- Conflicts: 20260101_000005_e\nSELECT 1', 'SELECT 1');
SELECT outcome FROM dbm_rollback('20260101_000006_f');
SELECT outcome FROM dbm_apply('20260101_000007_g', E'-- Requires: 20260101_000006_f\nSELECT 1');
-- itself
SELECT outcome FROM dbm_apply('20260101_000007_g', E'-- Requires: 20260101_000007_g\nSELECT 1');
-- the role it runs as
SELECT outcome FROM dbm_apply('20260101_000007_g', E'-- Run-As: header_owner\nSELECT 1');
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_apply('20260101_000007_g', E'-- Run-As: postgres\nSELECT 1');
SELECT dbm_configure('run_as', 'header_owner');
SELECT outcome FROM dbm_apply('20260101_000008_h', E'-- Run-As: postgres\nSELECT 1');
SELECT outcome FROM dbm_apply('20260101_000008_h', E'-- Run-As: header_owner\nSELECT 1');
-- what is on record
SELECT change, header FROM dbmaestro.change WHERE header <> '{}' ORDER BY 1;

-- claims: kept as they are, but not in the name of the script
SELECT outcome FROM dbm_apply('20260101_000009_i', E'-- Issue: 9\nSELECT 1', header => '{"commit": "4f2a", "ref": null, "files": ["a", {"Requires": "inside is fine"}]}');
SELECT header, claims FROM dbmaestro.change WHERE change = '20260101_000009_i';
SELECT dbm_apply('20260101_000010_j', 'SELECT 1', header => '{"Requires": "x"}');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000010_j', 'SELECT 1', header => '{"commit": "4f2a", "Run-As": "postgres"}');
SELECT dbm_apply('20260101_000010_j', 'SELECT 1', header => '{"Irreversible": false}');
SELECT dbm_apply('20260101_000010_j', 'SELECT 1', header => '["commit"]');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000010_j', 'SELECT 1', header => '"commit"');
SELECT dbm_apply('20260101_000010_j', 'SELECT 1', header => '{');
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_apply('20260101_000010_j', 'SELECT 1', header => NULL);
SELECT claims FROM dbmaestro.change WHERE change = '20260101_000010_j';
\c :before
DROP DATABASE ledger_header WITH (FORCE);
DROP ROLE header_owner;

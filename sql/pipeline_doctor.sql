-- dbm_doctor: every door and every weakness, with what to do
\set before :DBNAME
CREATE ROLE doctor_owner;
CREATE ROLE doctor_creator CREATEROLE;
CREATE DATABASE pipeline_doctor OWNER doctor_owner;
\c pipeline_doctor
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
-- each row has words, and those that warn have advice
SELECT check_name, health FROM dbm_doctor()
 WHERE check_name = '' OR finding = '' OR health NOT IN ('ok', 'info', 'warning', 'error') OR (health IN ('warning', 'error') AND advice IS NULL);
SELECT check_name, health, advice IS NOT NULL AS advice FROM dbm_doctor()
 WHERE check_name IN ('version', 'identity', 'guard', 'run_as', 'setting', 'publication', 'backup', 'createrole', 'records waiting', 'records lost') ORDER BY 1;
-- each table of ours
SELECT relname FROM pg_class WHERE relnamespace = 'dbmaestro'::regnamespace AND relkind = 'r'
EXCEPT SELECT substr(check_name, 7) FROM dbm_doctor() WHERE check_name LIKE 'table %' AND finding = 'as made' ORDER BY 1;

-- what is done about a row makes it go
SELECT finding, advice FROM dbm_doctor() WHERE check_name = 'backup';
SELECT dbm_grant('backup', 'doctor_owner');
SELECT health, finding, advice FROM dbm_doctor() WHERE check_name = 'backup';
SET client_min_messages = error;
CREATE PUBLICATION doctor_all FOR ALL TABLES;
RESET client_min_messages;
SELECT health, finding, advice FROM dbm_doctor() WHERE check_name = 'publication';
DROP PUBLICATION doctor_all;
SELECT health FROM dbm_doctor() WHERE check_name = 'publication';
SELECT dbm_guard('enforce', preload => false);
SELECT health, finding, advice FROM dbm_doctor() WHERE check_name = 'guard';
SELECT finding LIKE '%doctor_creator%' AS named FROM dbm_doctor() WHERE check_name = 'createrole';
GRANT pg_write_all_data, pg_read_all_data TO doctor_creator;
SELECT check_name, health, finding LIKE '%doctor_creator%' AS named FROM dbm_doctor() WHERE check_name IN ('write all data', 'read all data', 'server files') ORDER BY 1;
SET log_statement = 'all';
SELECT health, advice FROM dbm_doctor() WHERE check_name = 'logging';
RESET log_statement;
\c :before
DROP DATABASE pipeline_doctor WITH (FORCE);
DROP ROLE doctor_owner, doctor_creator;

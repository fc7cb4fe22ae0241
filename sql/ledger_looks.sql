-- What a session knows of the schema is what there is, however its transactions end
\set before :DBNAME
CREATE DATABASE ledger_looks;
\c ledger_looks
SET client_min_messages = warning;
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev') \g /dev/null
SELECT dbm_configure('change_name_pattern', '.');
CREATE TABLE before_all (id integer PRIMARY KEY);
COMMENT ON SCHEMA public IS 'ours now';
CREATE FUNCTION agree() RETURNS boolean LANGUAGE sql AS
    'SELECT dbm_schema_hash() = dbmaestro._dbm_schema_hash_full()';

-- a new session, whose first look is in a transaction that writes
\c ledger_looks
SELECT outcome FROM dbm_apply('a', 'CREATE TABLE a (id integer)');
SELECT agree();
SELECT outcome FROM dbm_apply('b', 'ALTER TABLE a ADD b integer');
SELECT agree();

-- its first look is rolled back
\c ledger_looks
BEGIN;
SELECT outcome FROM dbm_apply('c', 'CREATE TABLE c (id integer); ALTER TABLE a ADD c integer');
ROLLBACK;
SELECT agree();
SELECT outcome FROM dbm_apply('c', 'CREATE TABLE c (id integer); ALTER TABLE a ADD c integer');
SELECT agree();

-- rolled back to a savepoint, and the transaction commits
\c ledger_looks
BEGIN;
SAVEPOINT before_d;
SELECT outcome FROM dbm_apply('d', 'CREATE TABLE d (id integer); ALTER TABLE a ADD d integer');
ROLLBACK TO before_d;
COMMIT;
SELECT agree();
SELECT outcome FROM dbm_apply('d', 'CREATE TABLE d (id integer); ALTER TABLE a DROP b');
SELECT agree();
BEGIN;
SELECT outcome FROM dbm_apply('e', 'CREATE TABLE e (id integer); ALTER TABLE a ADD e integer');
SAVEPOINT before_f;
SELECT outcome FROM dbm_apply('f', 'CREATE TABLE f (id integer); ALTER TABLE a ADD f integer');
ROLLBACK TO before_f;
SELECT agree();
COMMIT;
SELECT agree();
SELECT outcome FROM dbm_apply('f', 'CREATE TABLE f (id integer)');
SELECT agree();

-- the last thing the transaction does is to go back to before its last look
BEGIN;
SELECT outcome FROM dbm_apply('g', 'CREATE TABLE g (id integer)');
SAVEPOINT before_h;
SELECT outcome FROM dbm_apply('h', 'ALTER TABLE a RENAME TO h; DROP TABLE f');
ROLLBACK TO before_h;
COMMIT;
SELECT outcome FROM dbm_apply('i', 'CREATE TABLE i (id integer)');
SELECT agree();

-- what is done beside the runs, before and after a look, in the same transaction and not
BEGIN;
CREATE TABLE j (id integer);
SELECT agree();
ALTER TABLE j ADD j integer;
COMMIT;
SELECT outcome FROM dbm_apply('k', 'CREATE TABLE k (id integer)');
SELECT agree();
DROP TABLE j;
COMMENT ON TABLE a IS 'ours';
COMMENT ON SCHEMA public IS 'ours again';
SELECT outcome FROM dbm_apply('l', 'ALTER TABLE k ADD l integer');
SELECT agree();
SELECT outcome FROM dbm_apply('m', 'COMMENT ON SCHEMA public IS NULL; COMMENT ON TABLE a IS NULL');
SELECT agree();

-- what the server brought along is a schema's like anything else there
SELECT dbm_schema_hash() AS root \gset
ALTER FUNCTION pg_catalog.pi() SET SCHEMA public;
COMMENT ON FUNCTION public.pi() IS 'ours';
SELECT agree(), dbm_schema_hash() <> :'root' AS counts;
ALTER FUNCTION public.pi() SET SCHEMA pg_catalog;
SELECT agree();

\c :before
DROP DATABASE ledger_looks;

-- Bad input: a clear error, and nothing lost or half done
\set before :DBNAME
CREATE DATABASE ledger_bad_input;
\c ledger_bad_input
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
-- nothing in it
SELECT dbm_apply('20260101_000001_a', '');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000001_a', E' \n\t;;;\n');
SELECT dbm_apply('20260101_000001_a', E'-- Description: nothing\n/* at /* all */ */');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000001_a', 'BEGIN; COMMIT;');
-- syntax errors, with line and column
SELECT dbm_apply('20260101_000001_a', E'CREATE TABLE a (i int);\n\n  SELEC 1;');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000001_a', E'SELECT 1;\nCREATE TABLE größe (i int,);');
SELECT dbm_apply('20260101_000001_a', E'SELECT 1;\nSELECT ''unfinished');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000001_a', 'SELECT $tag$ unfinished');
SELECT dbm_apply('20260101_000001_a', 'SELECT "unfinished');
SELECT dbm_apply('20260101_000001_a', 'SELECT 1 /* unfinished');
SELECT dbm_apply('20260101_000001_a', 'SELECT (1');
SELECT dbm_apply('20260101_000001_a', E'COPY t FROM stdin;\n1\n2\n');
\echo :LAST_ERROR_SQLSTATE
SELECT to_regclass('a');
-- transaction control, meta-commands, what needs a transaction of its own, all of it told at once
SELECT dbm_apply('20260101_000001_a', E'CREATE TABLE a (i int);\nCOMMIT;\nCREATE TABLE b (i int);');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000001_a', E'SAVEPOINT s;\nROLLBACK TO s;\nLISTEN x;\nPREPARE p AS SELECT 1;\nDECLARE c CURSOR FOR SELECT 1;\nLOAD ''x'';\nCOPY a TO STDOUT;');
SELECT dbm_apply('20260101_000001_a', E'SELECT 1;\n\\d orders\n');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000001_a', E'SELECT 1 \\gset\n');
SELECT dbm_apply('20260101_000001_a', E'CREATE TABLE a (i int);\nCREATE INDEX CONCURRENTLY ON a (i);\nVACUUM a;');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000001_a', 'CREATE DATABASE x');
SELECT dbm_apply('20260101_000001_a', 'ALTER SYSTEM SET work_mem = 1');
-- what the server refuses inside: procedures that commit, the rest of a DO block
SELECT dbm_apply('20260101_000001_a', 'CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$; CALL p();');
\echo :LAST_ERROR_SQLSTATE
SELECT to_regclass('a'), to_regproc('p');

-- names
SELECT dbm_apply('a', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('', 'SELECT 1');
SELECT dbm_apply(E'20260101_000001_a\n', 'SELECT 1');
SELECT dbm_apply('20260101_000001_A', 'SELECT 1');
SELECT dbm_apply('20260101_000001_a''; DROP TABLE x; --', 'SELECT 1');
SELECT dbm_apply('20260101_000001_%s%n%x', 'SELECT 1');
-- also where the pattern lets everything through
SELECT dbm_configure('change_name_pattern', '');
SELECT dbm_apply(E'two\nlines', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply(E'escape \x1b[31mred', 'SELECT 1');
SELECT dbm_apply('', 'SELECT 1');
SELECT repeat('é', 100) AS longest, repeat('é', 101) AS too_long, repeat('x', 100000) AS huge \gset
SELECT outcome FROM dbm_apply(:'longest', 'SELECT 1');
SELECT dbm_apply(:'too_long', 'SELECT 1');
\set VERBOSITY sqlstate
SELECT dbm_apply(:'huge', 'SELECT 1');
\set VERBOSITY default
SELECT outcome FROM dbm_apply('''"$$%s%n\ <script>&amp; {"a": 1}', 'CREATE TABLE quoted (i int)', 'DROP TABLE quoted');
SELECT outcome FROM dbm_apply('''"$$%s%n\ <script>&amp; {"a": 1}', 'CREATE TABLE quoted (i int)', 'DROP TABLE quoted');
SELECT dbm_apply('100%s', 'SELECT 1/0');
SELECT change, state FROM dbmaestro.change WHERE change LIKE '%script%';
SELECT manifest FROM dbmaestro.deployment WHERE manifest::text LIKE '%script%';
SELECT dbm_configure('change_name_pattern', NULL);

-- missing arguments
SELECT dbm_apply(NULL, 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000001_a', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply();
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_apply('20260101_000001_a', 'CREATE TABLE a (i int)', NULL, NULL, NULL);
-- the rollback script is read before anything runs
SELECT dbm_apply('20260101_000002_b', 'CREATE TABLE b (i int)', 'DROP TABLE b; COMMIT; SELECT 1');
SELECT dbm_apply('20260101_000002_b', 'CREATE TABLE b (i int)', 'DROP TABLE b; DO $$BEGIN COMMIT; END$$');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_apply('20260101_000002_b', 'CREATE TABLE b (i int)', 'ALTER ROLE postgres PASSWORD ''x''');
\echo :LAST_ERROR_SQLSTATE
SELECT to_regclass('b');
-- nothing of all this is on record but that it was refused
SELECT change, outcome, failed_statement, sqlstate FROM dbmaestro.change_history ORDER BY run;
\c :before
DROP DATABASE ledger_bad_input WITH (FORCE);

-- Errors in a script: the server's message, and where in the script it is
SELECT dbmaestro._dbm_script_check(E'SELECT 1;\n\nCREATE TABLE t (\n    a integr,\n    b int nul\n);\nSELECT 2;', 'add_orders');
\echo :LAST_ERROR_SQLSTATE
SELECT dbmaestro._dbm_script_check('CREATE TABEL t (a int)', 'add_orders', rollback => true);
SELECT dbmaestro._dbm_script_check('SELECT (1');

-- the first error in the script is the one reported, not the first that the scanner trips over
SELECT dbmaestro._dbm_script_check(E'SELEC 1;\nSELECT ''abc;\n');

-- columns count characters
SELECT dbmaestro._dbm_script_check(E'SELECT 1; SELECT ''\u00e4\u20ac\U0001f600'' FRM t;', 'add_orders');

-- a position in a caller's own query is not ours to point into
DO $$ BEGIN PERFORM dbmaestro._dbm_script_check('SELECT 1 FRM t x', 'add_orders'); END $$;

-- a long statement is shown in part, a long line too
SELECT dbmaestro._dbm_script_check('CREATE TABLE t (' || (SELECT string_agg(format(E'\n    column_%s integer', n), ',') FROM generate_series(1, 1000) AS n)
                                   || E',\n    oops,\n    last integer' || repeat(E',\n    x integer', 100) || ')');
SELECT dbmaestro._dbm_script_check('SELECT ' || repeat(U&'''\20ac'', ', 500) || ' 1 FRM t x ' || repeat('y', 1000));

-- nothing that is not closed, and its message stays short
SELECT dbmaestro._dbm_script_check(E'SELECT 1;\n  SELECT ''abc' || repeat(' and so on', 100));
SELECT dbmaestro._dbm_script_check(E'SELECT 1;\n  SELECT "abc');
SELECT dbmaestro._dbm_script_check(E'SELECT 1;\n  SELECT $a$ $b$');
SELECT dbmaestro._dbm_script_check(E'SELECT 1;\n  SELECT 1 /* /* */');
SELECT dbmaestro._dbm_script_check(E'SELECT 1;\n  SELECT E''\\');
SELECT dbmaestro._dbm_script_check(E'SELECT ''abc\n\\.\nSELECT 1;\n');
SELECT dbmaestro._dbm_script_check('SELECT 1 ' || 'a ''' || repeat('x', 1000) || ''' y z');

-- what else the scanner refuses
SELECT dbmaestro._dbm_script_check(E'SELECT 1;\nSELECT 1a');
SELECT dbmaestro._dbm_script_check(E'SELECT 1;\nSELECT E''\\u00''');
SELECT dbmaestro._dbm_script_check(E'SELECT 1;\nSELECT ""');

-- variables of psql
SELECT dbmaestro._dbm_script_check(E'SELECT 1;\nSELECT * FROM :table;');
SELECT dbmaestro._dbm_script_check(E'SELECT * FROM :"table";');
SELECT dbmaestro._dbm_script_check(E'SELECT (ARRAY[1, 2])[1:2], 1::int;');

-- the parser's own limits
SELECT dbmaestro._dbm_script_check('SELECT ' || repeat('(', 20000) || '1' || repeat(')', 20000));

-- strings must mean what the reviewer sees
SET standard_conforming_strings = off;
SELECT dbmaestro._dbm_script_check('SELECT 1', 'add_orders');
\echo :LAST_ERROR_SQLSTATE
RESET standard_conforming_strings;

-- settings are as they were, after errors and without
SHOW client_min_messages;
DO $$ BEGIN PERFORM dbmaestro._dbm_script_check('SELEC 1'); EXCEPTION WHEN syntax_error THEN NULL; END $$;
SHOW client_min_messages;
SELECT dbmaestro._dbm_script_check('SELECT 1');
SHOW client_min_messages;

-- Where a script is cut because it holds what cannot run in a transaction
CREATE SCHEMA script_steps;
SET search_path = script_steps, public;
CREATE TABLE part (a int) PARTITION BY LIST (a);
CREATE INDEX part_a ON part (a);
CREATE TABLE plain (a int);

CREATE FUNCTION cut(script text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hint text;
    steps text;
BEGIN
    SELECT string_agg(coalesce(subject, first_statement || '-' || last_statement), ' | ' ORDER BY step)
      INTO steps FROM dbm_steps('SET search_path = script_steps; ' || script);
    RETURN steps;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN sqlstate || ' ' || sqlerrm || CASE WHEN hint = '' THEN ', without a hint' ELSE '' END;
END $$;

\x on
SELECT * FROM dbm_steps(E'SET lock_timeout = \'1s\';\nCREATE TABLE t (a int);\nCOPY t FROM STDIN;\n1\n\\.\n\nCREATE INDEX CONCURRENTLY t_a\n  ON t (a);\n\nCOMMENT ON TABLE t IS \'t\';\nSELECT 1;\nVACUUM t;\n');
\x off
SELECT step, kind, first_statement, last_statement, line, subject, reason
  FROM dbm_steps(E'CREATE TABLE t (e mood);\nALTER TYPE mood ADD VALUE \'calm\';\nCREATE TABLE u (a int);\nINSERT INTO t VALUES (\'calm\');\nSELECT 1;');
SELECT * FROM dbm_steps('SELECT 1; SELECT 2');
SELECT * FROM dbm_steps('-- nothing');
SELECT * FROM dbm_steps(NULL);

-- what depends on the catalogs, and on what the script has made and set
SELECT script, cut(script) FROM unnest(ARRAY[
    'REINDEX TABLE part', 'REINDEX INDEX part_a', 'REINDEX TABLE plain', 'CLUSTER part USING part_a', 'CLUSTER plain', 'REINDEX TABLE nothing.nowhere',
    'CREATE TABLE x (a int) PARTITION BY LIST (a); REINDEX TABLE x', 'CREATE TABLE x (a int); REINDEX TABLE x',
    'CREATE TABLE x (a int) PARTITION BY LIST (a); CREATE INDEX i ON x (a); REINDEX INDEX i', 'CREATE INDEX i ON part (a); REINDEX INDEX i', 'CREATE INDEX i ON plain (a); REINDEX INDEX i',
    'CREATE SCHEMA s CREATE TABLE y (a int) PARTITION BY LIST (a); REINDEX TABLE s.y', 'DROP TABLE part; CREATE TABLE part (a int); REINDEX TABLE part',
    'SET search_path = pg_catalog; REINDEX TABLE part', 'SET search_path = pg_catalog; REINDEX TABLE script_steps.part', 'SET LOCAL search_path = pg_catalog; REINDEX TABLE part',
    'SET LOCAL search_path = pg_catalog; VACUUM; REINDEX TABLE part', 'SELECT set_config(''search_path'', '''', false); REINDEX TABLE part',
    'DROP SUBSCRIPTION nowhere', 'CREATE SUBSCRIPTION s CONNECTION '''' PUBLICATION p WITH (connect = false); DROP SUBSCRIPTION s',
    'CREATE SUBSCRIPTION s CONNECTION '''' PUBLICATION p WITH (connect = false); ALTER SUBSCRIPTION s SET (slot_name = NONE); DROP SUBSCRIPTION s'
  ]) WITH ORDINALITY AS list (script, number) ORDER BY number;

-- new values: who uses them, who does not, and who may
SELECT script, cut('ALTER TYPE e ADD VALUE ''b''; ' || script) FROM unnest(ARRAY[
    'SELECT 1', 'SELECT ''b''::e', 'SELECT ''bc''::e', 'INSERT INTO t VALUES ($$b$$)', 'SELECT ''{a,b}''::e[]', 'SELECT enum_range(NULL::e)', 'SELECT "enum_last"(NULL::e)',
    'ALTER TYPE e ADD VALUE ''c'' AFTER ''b''', 'ALTER TYPE e ADD VALUE ''c''; CREATE TABLE t (a int); SELECT ''b''; SELECT ''c''', 'SELECT ''b''; ALTER TYPE e ADD VALUE ''c''; SELECT ''c''',
    'COMMENT ON TYPE e IS ''b''', 'CREATE TYPE f AS ENUM (''b'')', 'VACUUM; SELECT ''b''', 'CREATE VIEW v AS SELECT ''b''::e', 'ALTER TABLE t ALTER c SET DEFAULT ''b''', 'SELECT b',
    'DO $$BEGIN INSERT INTO t VALUES (''b''); END$$', 'CREATE FUNCTION f() RETURNS e LANGUAGE sql AS ''SELECT $$b$$::e''',
    'CREATE FUNCTION f() RETURNS e LANGUAGE plpgsql AS $$BEGIN RETURN ''b''; END$$; COMMENT ON FUNCTION f() IS ''''', 'CREATE FUNCTION f() RETURNS e LANGUAGE plpgsql AS $$BEGIN RETURN ''b''; END$$; SELECT f()',
    E'COPY t FROM STDIN;\n1\tb\n\\.\n', E'COPY t FROM STDIN;\n1\tbc\n\\.\n'
  ]) WITH ORDINALITY AS list (script, number) ORDER BY number;
SELECT script, cut(script) FROM unnest(ARRAY[
    'CREATE TYPE e AS ENUM (''a''); VACUUM; ALTER TYPE e ADD VALUE ''b''; SELECT ''b''::e',
    'DO $$BEGIN ALTER TYPE s.e ADD VALUE IF NOT EXISTS ''b''; END$$; SELECT ''b''', 'DO $$BEGIN EXECUTE ''ALTER TYPE e ADD VALUE ''''b''''''; END$$; SELECT ''b''',
    'ALTER TYPE e RENAME VALUE ''a'' TO ''b''; SELECT ''b''', 'BEGIN; ALTER TYPE e ADD VALUE ''b''; SELECT ''b''; COMMIT'
  ]) WITH ORDINALITY AS list (script, number) ORDER BY number;

-- code that ends transactions runs nowhere
CREATE PROCEDURE commits() LANGUAGE plpgsql AS 'BEGIN COMMIT; END';
CREATE PROCEDURE calls() LANGUAGE plpgsql AS 'BEGIN CALL commits(); END';
CREATE PROCEDURE overloaded() LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE PROCEDURE overloaded(a int) LANGUAGE plpgsql AS 'BEGIN ROLLBACK; END';
CREATE PROCEDURE variable() LANGUAGE plpgsql AS 'DECLARE commit int; BEGIN commit := 1; END';
CREATE PROCEDURE definer() LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN COMMIT; END';
CREATE PROCEDURE setting() LANGUAGE plpgsql SET work_mem = '1MB' AS 'BEGIN COMMIT; END';
SELECT script, cut(script) FROM unnest(ARRAY[
    'CALL commits()', 'CALL calls()', 'CALL script_steps.commits()', 'CALL nothing.commits()', 'CALL overloaded()', 'CALL variable()', 'CALL definer()', 'CALL setting()', 'CALL nowhere()',
    'DO $$BEGIN COMMIT; END$$', 'DO $$BEGIN ROLLBACK AND CHAIN; END$$', 'DO $$<<x>> BEGIN FOR i IN 1 .. 2 LOOP COMMIT; END LOOP; END$$', 'DO $$BEGIN CALL calls(); END$$',
    'DO $$BEGIN RAISE NOTICE ''COMMIT;''; /* COMMIT; */ END$$', 'DO LANGUAGE plpython3u $$plpy.commit()$$', 'DO LANGUAGE plpython3u $$pass$$', 'DO $$BEGIN ''COMMIT; END$$',
    'CREATE OR REPLACE PROCEDURE commits() LANGUAGE plpgsql AS ''BEGIN NULL; END''; CALL commits()', 'CREATE PROCEDURE p() LANGUAGE plpgsql AS ''BEGIN COMMIT; END''; CALL p()',
    'CREATE PROCEDURE p() LANGUAGE c AS ''x'', ''y''; CALL p()', 'CREATE PROCEDURE p() LANGUAGE sql AS ''SELECT 1''; CALL p()'
  ]) WITH ORDINALITY AS list (script, number) ORDER BY number;

-- what would have to hold from one step to the next
SELECT script, cut(script) FROM unnest(ARRAY[
    'CREATE TEMP TABLE x (a int); CREATE INDEX CONCURRENTLY i ON x (a)', 'CREATE TEMP TABLE x AS SELECT 1 AS a; VACUUM plain, x', 'SELECT 1 AS a INTO TEMP x; CREATE INDEX i ON x (a); DROP INDEX CONCURRENTLY i',
    'CREATE TABLE pg_temp.x (a int); REINDEX TABLE CONCURRENTLY x', 'CREATE TEMP TABLE x (a int); CREATE INDEX CONCURRENTLY i ON public.x (a)', 'CREATE TEMP TABLE x (a int); VACUUM plain; DROP TABLE IF EXISTS x',
    'CREATE TEMP TABLE x (a int); VACUUM plain; DROP TABLE x', 'CREATE TEMP TABLE x (a int); INSERT INTO x VALUES (1); VACUUM; SELECT 1', 'CREATE TEMP TABLE x (a int); VACUUM; INSERT INTO plain SELECT a FROM x',
    'CREATE TEMP TABLE x (a int); VACUUM; WITH y AS (DELETE FROM plain USING pg_temp.x RETURNING 1) SELECT 1', 'CREATE TEMP TABLE x (a int); VACUUM; CREATE TEMP TABLE x (a int); SELECT * FROM x',
    'CREATE TEMP TABLE x (a int); VACUUM; SELECT x.a FROM public.x', 'CREATE TEMP TABLE x (a int); VACUUM; DO $$BEGIN TRUNCATE x; END$$', 'CREATE TEMP TABLE x (a int); VACUUM; DO $$BEGIN TRUNCATE xx; END$$',
    E'CREATE TEMP TABLE x (a int); VACUUM; COPY x FROM STDIN;\n1\n\\.\n', 'CREATE TEMP TABLE x (a int); VACUUM; CREATE TABLE y (LIKE x)', 'CREATE TEMP TABLE x (a int); VACUUM; CREATE TABLE y AS SELECT * FROM x',
    'SELECT pg_advisory_lock(1); VACUUM', 'SELECT pg_try_advisory_lock_shared(1); VACUUM', 'SELECT pg_advisory_lock(1); SELECT 1', 'SELECT pg_advisory_lock(1); SELECT pg_advisory_unlock(1); VACUUM',
    'SELECT pg_advisory_xact_lock(1); VACUUM', 'VACUUM; SELECT pg_advisory_lock(1)', 'LISTEN a; VACUUM', 'DECLARE c CURSOR WITH HOLD FOR SELECT 1; VACUUM', 'PREPARE p AS SELECT 1; VACUUM',
    'VACUUM; COMMIT'
  ]) WITH ORDINALITY AS list (script, number) ORDER BY number;

-- settings that each step begins with: those of the session, as the script says them
SELECT * FROM dbmaestro._dbm_script_settings('SET lock_timeout = ''1s''; SET LOCAL work_mem = ''1MB''; RESET lock_timeout; SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE;
    SELECT pg_catalog.set_config(''search_path'', '''', false); SELECT set_config(''a.b'', ''c'', true); SELECT set_config(''a.b'', relname, false) FROM pg_class;
    SELECT set_config(''a.b'', ''c'', false), set_config(''a.c'', ''d'', true); SET TIME ZONE ''UTC''; SET CONSTRAINTS ALL DEFERRED; VACUUM; SET a.b = 1', 11);

-- anybody may ask
CREATE ROLE script_steps_nobody;
GRANT USAGE ON SCHEMA script_steps TO script_steps_nobody;
SET ROLE script_steps_nobody;
SELECT cut('REINDEX TABLE part'), cut('CALL commits()');
RESET ROLE;

-- the words of each refusal, with steps and without
SELECT * FROM dbm_steps(E'BEGIN;\nCREATE TABLE t (a int);\nVACUUM;\nCOMMIT;');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM dbm_steps(E'DO $$\nBEGIN\n  COMMIT;\nEND$$');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM dbm_steps('CREATE TEMP TABLE x (a int); CREATE INDEX CONCURRENTLY i ON x (a)');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM dbm_steps('CREATE TEMP TABLE x (a int); VACUUM; SELECT * FROM x');
SELECT * FROM dbm_steps('SELECT pg_advisory_lock(1); VACUUM');
\echo :LAST_ERROR_SQLSTATE
SELECT dbmaestro._dbm_script_check('SELECT 1; VACUUM', 'add_orders');
\echo :LAST_ERROR_SQLSTATE
SELECT dbmaestro._dbm_script_check('SELECT 1; VACUUM', 'add_orders', rollback => true);
SELECT dbmaestro._dbm_script_check('SELECT 1; VACUUM', 'add_orders', in_steps => true);
SELECT dbmaestro._dbm_script_check('ALTER TYPE e ADD VALUE ''it''''s''; SELECT ''it''''s''::e', 'add_orders');
\echo :LAST_ERROR_SQLSTATE

-- a name that is too long is told when the statement runs, not here
SELECT step FROM dbm_steps('ALTER TYPE e ADD VALUE ''b''; DO $$BEGIN CALL ' || repeat('x', 70) || '(); END$$; SELECT 1 AS ' || repeat('y', 70));

DROP SCHEMA script_steps CASCADE;
DROP ROLE script_steps_nobody;

-- What is refused before the first statement runs
CREATE TEMPORARY TABLE probe (number serial, script text);
INSERT INTO probe (script) VALUES
    ('BEGIN'), ('COMMIT; SELECT 1'), ('SELECT 1; ROLLBACK'), ('SAVEPOINT a'), ('RELEASE a'), ('ROLLBACK TO a'),
    ('PREPARE TRANSACTION ''a'''), ('COMMIT PREPARED ''a'''), ('BEGIN READ ONLY; SELECT 1; COMMIT'),
    ('SET TRANSACTION READ ONLY'), ('SET transaction_isolation = serializable'), ('SET LOCAL TRANSACTION READ ONLY'),
    ('SET ROLE postgres'), ('SET LOCAL role = a'), ('RESET ROLE'), ('SET SESSION AUTHORIZATION a'), ('RESET SESSION AUTHORIZATION'),
    ('SET "Role" TO a'), ('SELECT set_config(''role'', ''a'', false)'), ('SELECT "set_config"(''role'', ''a'', false)'),
    ('INSERT INTO t SELECT 1 WHERE pg_catalog.set_config(''ROLE''::text, ''a'', true) = ''a'''),
    ('SET session_replication_role = replica'), ('SET event_triggers = off'), ('SET dbmaestro.x = 1'),
    ('SET standard_conforming_strings = off'), ('RESET standard_conforming_strings'), ('SET standard_conforming_strings TO DEFAULT'),
    ('RESET ALL'), ('DISCARD ALL'), ('DISCARD TEMP'), ('LISTEN a'), ('UNLISTEN *'), ('LOAD ''plpgsql'''),
    ('PREPARE a AS SELECT 1'), ('EXECUTE a'), ('EXPLAIN ANALYZE EXECUTE a'), ('CREATE TABLE t AS EXECUTE a'), ('DEALLOCATE ALL'),
    ('DECLARE c CURSOR FOR SELECT 1'), ('FETCH c'), ('MOVE c'), ('CLOSE ALL'), ('COPY t TO STDOUT'), ('COPY (SELECT 1) TO STDOUT'),
    ('CREATE INDEX CONCURRENTLY ON t (a)'), ('DROP INDEX CONCURRENTLY i'), ('REINDEX TABLE CONCURRENTLY t'), ('REINDEX (CONCURRENTLY on) INDEX i'),
    ('REINDEX SCHEMA s'), ('REINDEX DATABASE d'), ('VACUUM'), ('VACUUM FULL t'), ('CLUSTER'), ('ALTER SYSTEM SET work_mem = 1'),
    ('CREATE DATABASE d'), ('DROP DATABASE d'), ('ALTER DATABASE d SET TABLESPACE s'), ('CREATE TABLESPACE s LOCATION ''/'''), ('DROP TABLESPACE s'),
    ('CREATE SUBSCRIPTION s CONNECTION '''' PUBLICATION p'), ('ALTER SUBSCRIPTION s REFRESH PUBLICATION'), ('ALTER SUBSCRIPTION s SET PUBLICATION p'),
    ('ALTER TABLE t DETACH PARTITION p CONCURRENTLY'), ('DO ''BEGIN COMMIT; END'''), ('ALTER TYPE e ADD VALUE ''b''; SELECT ''b''::e');

-- and what only looks like it
CREATE TEMPORARY TABLE harmless (number serial, script text);
INSERT INTO harmless (script) VALUES
    ('BEGIN; SELECT 1; END'), ('SET client_encoding = ''UTF8''; SET standard_conforming_strings = on'), ('SET standard_conforming_strings = TRUE'),
    ('SELECT pg_catalog.set_config(''search_path'', '''', false)'), ('SELECT set_config(''x.'' || ''role'', ''a'', true)'),
    ('SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE'), ('SET default_transaction_isolation = serializable'), ('SET CONSTRAINTS ALL IMMEDIATE'),
    ('SET default_with_oids = false; SET xmloption = content; SET row_security = off; SET default_tablespace = '''''),
    ('NOTIFY a'), ('CHECKPOINT'), ('LOCK t'), ('ANALYZE'), ('ANALYZE t'), ('CLUSTER t USING i'), ('REINDEX TABLE t'), ('REINDEX (CONCURRENTLY off) INDEX i'),
    ('CREATE INDEX ON t (a)'), ('DROP INDEX i'), ('ALTER TABLE t DETACH PARTITION p'), ('ALTER DATABASE d SET work_mem = 1'),
    ('CREATE SUBSCRIPTION s CONNECTION '''' PUBLICATION p WITH (connect = false)'), ('CREATE SUBSCRIPTION s CONNECTION '''' PUBLICATION p WITH (create_slot = false)'),
    ('ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = false)'), ('ALTER SUBSCRIPTION s DISABLE'), ('EXPLAIN SELECT 1'),
    ('COPY t TO ''/tmp/x'''), ('CREATE TABLE role (commit int, vacuum int)'), ('DO ''BEGIN NULL; END'''), ('CALL p()'),
    ('CREATE FUNCTION f() RETURNS int LANGUAGE sql SET role = a AS ''SELECT 1''');

CREATE FUNCTION pg_temp.verdict(script text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
    PERFORM dbmaestro._dbm_script_check(script, 'c');
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN sqlstate || ' ' || sqlerrm || CASE WHEN hint = '' THEN ', without a hint' ELSE '' END;
END $$;

SELECT script, pg_temp.verdict(script) FROM probe ORDER BY number;
SELECT script, pg_temp.verdict(script) FROM harmless WHERE pg_temp.verdict(script) <> 'accepted' ORDER BY number;

-- message, detail, hint, and the first of several
SELECT dbmaestro._dbm_script_check(E'SELECT 1;\n\nSET ROLE a;\nVACUUM;\nCOMMIT; SELECT 1; LISTEN a;', 'add_orders');
\echo :LAST_ERROR_SQLSTATE
SELECT dbmaestro._dbm_script_check(E'BEGIN;\nVACUUM;\nCOMMIT;', 'add_orders', rollback => true);
\echo :LAST_ERROR_SQLSTATE
SELECT dbmaestro._dbm_script_check('CREATE INDEX CONCURRENTLY ON t (a)', 'add_orders');
SELECT dbmaestro._dbm_script_check(repeat(E'LISTEN a;\n', 30));

-- nothing to run
SELECT dbmaestro._dbm_script_check(E'-- only\n;;/* words */', 'add_orders');
\echo :LAST_ERROR_SQLSTATE
SELECT dbmaestro._dbm_script_check('', 'add_orders', rollback => true);
SELECT dbmaestro._dbm_script_check('BEGIN; COMMIT');
SELECT dbmaestro._dbm_script_check('', allow_empty => true);

-- meta-commands of psql, in front, behind and in the middle
SELECT dbmaestro._dbm_script_check(E'SELECT 1;\n\\copy t from ''it''s''\n', 'add_orders');
\echo :LAST_ERROR_SQLSTATE
SELECT dbmaestro._dbm_script_check(E'SELECT 1 \\gexec\nSELECT 2;');
SELECT dbmaestro._dbm_script_check(E'SELECT 1\\;SELECT 2;');
SELECT dbmaestro._dbm_script_check(E'\\! rm -rf /');
SELECT dbmaestro._dbm_script_check(E'\\\u00e4\u20ac x');
SELECT dbmaestro._dbm_script_check(E'\\');

DROP TABLE probe, harmless;

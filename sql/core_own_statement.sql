-- Acts of a person must be the client's own statement: what passes, what does not.
\set VERBOSITY terse
CREATE SCHEMA own_statement;

-- ---- passes ----
SELECT dbmaestro._dbm_own_statement();
SELECT dbmaestro._dbm_own_statement('a', 1);
select dbmaestro . "_dbm_own_statement" ( 'a' ) as answer ; -- a comment
/* sqlcommenter */ SELECT dbmaestro._dbm_own_statement($$a$$, -1);
SELECT dbmaestro._dbm_own_statement(b => 7, a => 'x');
SELECT dbmaestro._dbm_own_statement('a'::text, CAST('1' AS integer)::integer);
SELECT dbmaestro._dbm_own_statement(NULL, NULL);
SELECT * FROM dbmaestro._dbm_own_statement('a');
SELECT answer FROM dbmaestro._dbm_own_statement('a') AS answer;
SELECT dbmaestro._dbm_own_statement('a') AS kept \gset
\echo :kept
SELECT 1 AS first\; SELECT dbmaestro._dbm_own_statement('second')\; SELECT 3 AS third;
BEGIN;
SELECT dbmaestro._dbm_own_statement('in a block');
COMMIT;
SET search_path = dbmaestro;
SELECT _dbm_own_statement('unqualified');
RESET search_path;
PREPARE own_statement(text, integer) AS SELECT dbmaestro._dbm_own_statement($1, $2::integer);
EXECUTE own_statement('a', 1);
EXECUTE own_statement('a'::text, -1);
PREPARE own_statement_from(text) AS SELECT * FROM dbmaestro._dbm_own_statement(a => $1);
EXECUTE own_statement_from('a');
PREPARE own_statement_block(text) AS SELECT dbmaestro._dbm_own_statement($1)\; EXECUTE own_statement_block('same string');
SET plan_cache_mode = force_generic_plan;
EXECUTE own_statement('generic', 1);
RESET plan_cache_mode;

-- ---- refused: more or other than the call ----
\set VERBOSITY default
SELECT dbmaestro._dbm_own_statement('a'), 1;
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY terse
SELECT dbmaestro._dbm_own_statement('a'), dbmaestro._dbm_own_statement('b');
SELECT dbmaestro._dbm_own_statement('a') || 'b';
SELECT length(dbmaestro._dbm_own_statement('a'));
SELECT dbmaestro._dbm_own_statement('a')::name;
SELECT CASE WHEN true THEN dbmaestro._dbm_own_statement('a') END;
SELECT (SELECT dbmaestro._dbm_own_statement('a'));
SELECT * FROM (SELECT dbmaestro._dbm_own_statement('a')) AS t;
WITH t AS (SELECT dbmaestro._dbm_own_statement('a')) SELECT * FROM t;
SELECT dbmaestro._dbm_own_statement('a') UNION ALL SELECT 'b';
VALUES (dbmaestro._dbm_own_statement('a'));
SELECT 1 WHERE dbmaestro._dbm_own_statement('a') = 'yes';
SELECT dbmaestro._dbm_own_statement('a') WHERE true;
SELECT dbmaestro._dbm_own_statement('a') ORDER BY 1;
SELECT dbmaestro._dbm_own_statement('a') LIMIT 1;
SELECT DISTINCT dbmaestro._dbm_own_statement('a');
SELECT dbmaestro._dbm_own_statement('a') GROUP BY 1;
SELECT dbmaestro._dbm_own_statement('a') FROM generate_series(1, 3);
SELECT * FROM dbmaestro._dbm_own_statement('a') WHERE true;
SELECT 1 FROM dbmaestro._dbm_own_statement('a');
SELECT * FROM dbmaestro._dbm_own_statement('a') WITH ORDINALITY;
SELECT * FROM ROWS FROM (dbmaestro._dbm_own_statement('a'), dbmaestro._dbm_own_statement('b'));
SELECT * FROM generate_series(1, 1), dbmaestro._dbm_own_statement('a');
SELECT * FROM generate_series(1, 1), LATERAL dbmaestro._dbm_own_statement('a');

-- ---- refused: arguments ----
SELECT dbmaestro._dbm_own_statement(current_user::text);
SELECT dbmaestro._dbm_own_statement('a' || 'b');
SELECT dbmaestro._dbm_own_statement((SELECT 'a'));
SELECT dbmaestro._dbm_own_statement(dbmaestro._dbm_own_statement('a'));
CREATE DOMAIN own_statement.text AS pg_catalog.text;
SET search_path = own_statement, pg_catalog;
SELECT dbmaestro._dbm_own_statement('a'::text);
RESET search_path;
PREPARE own_statement_constant(text) AS SELECT dbmaestro._dbm_own_statement('a');
EXECUTE own_statement_constant('b');
PREPARE own_statement_bare AS SELECT dbmaestro._dbm_own_statement();
EXECUTE own_statement_bare;
EXECUTE own_statement(lower('A'), 1);
EXECUTE own_statement((SELECT dbmaestro._dbm_own_statement('a')), 1);

-- ---- refused: statements around it ----
EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT dbmaestro._dbm_own_statement('a');
EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) EXECUTE own_statement('a', 1);
CREATE TABLE own_statement.made AS SELECT dbmaestro._dbm_own_statement('a');
CREATE TABLE own_statement.made AS EXECUTE own_statement('a', 1);
SELECT dbmaestro._dbm_own_statement('a') INTO own_statement.made;
CREATE MATERIALIZED VIEW own_statement.made AS SELECT dbmaestro._dbm_own_statement('a');
COPY (SELECT dbmaestro._dbm_own_statement('a')) TO STDOUT;
BEGIN;
DECLARE c CURSOR FOR SELECT dbmaestro._dbm_own_statement('a');
FETCH c;
ROLLBACK;
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT dbmaestro._dbm_own_statement('a');
COMMIT;
DECLARE c CURSOR WITH HOLD FOR SELECT dbmaestro._dbm_own_statement('a')\; SELECT 1 AS one;
CREATE TABLE own_statement.target (a text, answer text);
INSERT INTO own_statement.target SELECT 'a', dbmaestro._dbm_own_statement('a');
INSERT INTO own_statement.target VALUES ('a', 'b') RETURNING dbmaestro._dbm_own_statement('a');
SELECT query_to_xml($$SELECT dbmaestro._dbm_own_statement('a')$$, true, true, '');


-- ---- every refusal is on record, with the reason ----
DO $$
BEGIN
    FOR attempt IN 1..600 LOOP
        EXIT WHEN (SELECT waiting FROM dbmaestro._dbm_durable_files()) = 0;
        PERFORM pg_sleep(0.1);
    END LOOP;
END
$$;
SELECT sqlstate, left(regexp_replace(statement, '\s+', ' ', 'g'), 70) AS statement, detail
  FROM dbmaestro.audit_event
 WHERE backend_pid = pg_backend_pid()
 ORDER BY at;

SET client_min_messages = warning;
DROP SCHEMA own_statement CASCADE;
DEALLOCATE ALL;

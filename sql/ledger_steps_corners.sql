-- steps: what looks done and is not, and what is not to be done more than once
\set before :DBNAME
CREATE DATABASE ledger_steps_corners;
\c ledger_steps_corners
CREATE EXTENSION dbmaestro;
SELECT dbm_init('prod');
SELECT dbm_configure('change_name_pattern', '.');
CREATE VIEW states AS SELECT change, ordinal, s.state, s.sqlstate, evidence FROM dbmaestro.run_step AS s JOIN dbmaestro.run AS r ON r.id = s.run;
CREATE TABLE t (i int, j int);
CREATE TABLE p (i int) PARTITION BY LIST (i);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);

-- a database of that name was there before: the server has said so, and nothing has changed since
CREATE DATABASE ledger_steps_taken;
CALL dbm_apply_in_steps('taken', 'CREATE VIEW v AS SELECT 1; CREATE DATABASE ledger_steps_taken; COMMENT ON VIEW v IS ''done''');
CALL dbm_resume('taken');
\echo :LAST_ERROR_SQLSTATE
SELECT ordinal, state, sqlstate FROM states WHERE change = 'taken' ORDER BY ordinal;
DROP DATABASE ledger_steps_taken;
CALL dbm_resume('taken') \gset
\echo :outcome :run :statements
SELECT ordinal, state, evidence ~ 'ledger_steps_taken is there' AS there FROM states WHERE change = 'taken' AND ordinal = 2;
DROP DATABASE ledger_steps_taken;
-- of a change of which nothing is there, there is nothing that a word could be about
CREATE INDEX t_i ON t (i);
CALL dbm_apply_in_steps('first', 'CREATE INDEX CONCURRENTLY t_i ON t (i)');
SELECT outcome FROM dbmaestro.change_history WHERE change = 'first';
-- a slip of the pen: no partition of that name was ever detached
CALL dbm_apply_in_steps('slip', 'CREATE VIEW w AS SELECT 1; ALTER TABLE p DETACH PARTITION p_1 CONCURRENTLY; CREATE INDEX CONCURRENTLY t_i ON t (i)');
CALL dbm_resume('slip');
\echo :LAST_ERROR_SQLSTATE
-- a person may know better; one word is for one step
CALL dbm_resume('slip', interrupted => 'done');
\echo :LAST_ERROR_SQLSTATE
CALL dbm_resume('slip', interrupted => 'again');
CALL dbm_resume('slip', interrupted => 'done') \gset
\echo :outcome :run :statements
SELECT ordinal, state, evidence ~ ' said that it was done.$' AS said FROM states WHERE change = 'slip' ORDER BY ordinal;

-- a function that is called like the server's is run once, and nothing is set by it
CREATE SCHEMA own;
CREATE TABLE own.calls (value text);
CREATE FUNCTION own.set_config(name text, value text, is_local boolean) RETURNS text LANGUAGE sql AS $$ INSERT INTO own.calls VALUES (value) RETURNING value $$;
CREATE FUNCTION own.setting() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'a.b is %', current_setting('a.b', true); RETURN 1; END $$;
CALL dbm_apply_in_steps('config', 'SELECT own.set_config(''a.b'', ''own'', false); SET search_path = own, pg_catalog, public; SELECT set_config(''a.b'', ''server'', false); VACUUM t; SELECT own.setting()') \gset
\echo :outcome :run :statements
SELECT * FROM own.calls;

-- a role reindexes what it may, and leaves to others what they have left
CREATE ROLE regress_steps_reindex;
ALTER DATABASE ledger_steps_corners OWNER TO regress_steps_reindex;
CREATE SCHEMA theirs;
CREATE TABLE theirs.rows (i int);
CREATE UNIQUE INDEX rows_i ON theirs.rows (i);
INSERT INTO theirs.rows VALUES (1);
UPDATE pg_index SET indisunique = false WHERE indexrelid = 'theirs.rows_i'::regclass;
INSERT INTO theirs.rows VALUES (1);
UPDATE pg_index SET indisunique = true WHERE indexrelid = 'theirs.rows_i'::regclass;
REINDEX TABLE CONCURRENTLY theirs.rows;
DELETE FROM theirs.rows;
GRANT USAGE ON SCHEMA theirs TO regress_steps_reindex;
SELECT dbm_configure('run_as', 'regress_steps_reindex');
-- the server's warnings differ from major to major
SET client_min_messages = 'error';
CALL dbm_apply_in_steps('reindex', 'REINDEX DATABASE CONCURRENTLY ledger_steps_corners') \gset
\echo :outcome :run :statements
SELECT ordinal, state, evidence FROM states WHERE change = 'reindex';
\c :before
DROP DATABASE ledger_steps_corners WITH (FORCE);
DROP ROLE regress_steps_reindex;

-- REINDEX CONCURRENTLY that fails leaves an index for each of the table; all that is provably left of it goes, and nothing else
\set before :DBNAME
CREATE DATABASE ledger_steps_reindex;
\c ledger_steps_reindex
SET client_min_messages = error;
CREATE EXTENSION dbmaestro;
SELECT dbm_init('prod') \g /dev/null
SELECT dbm_configure('change_name_pattern', '.');
-- a unique index that cannot be built anew, among others
CREATE TABLE t (a integer, b text);
CREATE VIEW invalid AS
SELECT replace(c.relname, 't'::regclass::oid::text, 'N') AS index FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid WHERE NOT i.indisvalid;
CREATE VIEW steps AS
SELECT r.change, s.part / 1000000 AS repair, s.kind, s.state, replace(s.statement, 't'::regclass::oid::text, 'N') AS statement
  FROM dbmaestro.run_step AS s JOIN dbmaestro.run AS r ON r.id = s.run;
CREATE INDEX t_b ON t (b) WHERE a > 0;
CREATE UNIQUE INDEX t_a ON t (a);
CREATE INDEX t_lower ON t (lower(b));
\set long t_of_a_name_that_is_so_long_that_nothing_more_fits_behind_it_here
CREATE INDEX :long ON t (b, a DESC);
INSERT INTO t VALUES (1, 'one');
UPDATE pg_index SET indisunique = false WHERE indexrelid = 't_a'::regclass;
INSERT INTO t VALUES (1, 'uno');
UPDATE pg_index SET indisunique = true WHERE indexrelid = 't_a'::regclass;
-- somebody's own: no copy of any index, or not of the one whose name it has
CREATE UNIQUE INDEX CONCURRENTLY t_c_ccnew ON t (a);
CREATE UNIQUE INDEX CONCURRENTLY t_b_ccold ON t (a);
SELECT index FROM invalid ORDER BY 1;
-- what somebody else's left before is found, too
REINDEX TABLE CONCURRENTLY t;
SELECT index FROM invalid ORDER BY 1;
SELECT verdict, replace(evidence, 't'::regclass::oid::text, 'N') AS evidence, replace(cleanup, 't'::regclass::oid::text, 'N') AS cleanup FROM dbm_step_proof('REINDEX TABLE CONCURRENTLY t');
CALL dbm_apply_in_steps('all', 'REINDEX TABLE CONCURRENTLY t');
SELECT index FROM invalid ORDER BY 1;
SELECT repair, kind, state, statement FROM steps WHERE change = 'all' ORDER BY 1;
SELECT outcome FROM dbmaestro.change_history WHERE change = 'all';
DELETE FROM t WHERE b = 'uno';
CALL dbm_apply_in_steps('all', 'REINDEX TABLE CONCURRENTLY t') \gset
\echo :outcome
SELECT index FROM invalid ORDER BY 1;

-- one that may not be dropped hides none that may
CREATE ROLE regress_steps_owner;
ALTER TABLE t OWNER TO regress_steps_owner;
GRANT USAGE, CREATE ON SCHEMA public TO regress_steps_owner;
SELECT dbm_configure('run_as', 'regress_steps_owner');
UPDATE pg_index SET indisunique = false WHERE indexrelid = 't_a'::regclass;
INSERT INTO t VALUES (1, 'uno');
UPDATE pg_index SET indisunique = true WHERE indexrelid = 't_a'::regclass;
CALL dbm_apply_in_steps('owner', 'REINDEX TABLE CONCURRENTLY t');
SELECT index FROM invalid ORDER BY 1;
SELECT repair, kind, state, statement FROM steps WHERE change = 'owner' ORDER BY 1;
\c :before
DROP DATABASE ledger_steps_reindex WITH (FORCE);
DROP ROLE regress_steps_owner;

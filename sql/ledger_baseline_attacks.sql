-- dbm_baseline as somebody else's doing, at the wrong moment, and in a copy
\set before :DBNAME
CREATE ROLE baseline_trap;
CREATE ROLE baseline_none;
CREATE DATABASE baseline_attacks;
\c baseline_attacks
CREATE EXTENSION dbmaestro;
CREATE SCHEMA app AUTHORIZATION baseline_trap;
SELECT dbm_init('prod');
SELECT dbm_schema_hash() AS root \gset
\set SHOW_CONTEXT never

-- not the client's own statement: in a function that an administrator trips over
SET ROLE baseline_trap;
CREATE FUNCTION app.trap() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT outcome FROM public.dbm_baseline('20260101_000000_trap', 'SELECT 1', root => public.dbm_schema_hash()));
END $$;
RESET ROLE;
SELECT app.trap();
\echo :LAST_ERROR_SQLSTATE
-- nor with a call inside: the root is what the caller has seen before, not what is there
SELECT dbm_baseline('20260101_000000_baseline', 'SELECT 1', root => dbm_schema_hash());
\echo :LAST_ERROR_SQLSTATE

-- the root hash is compared with the schema as it is at this moment
SELECT dbm_schema_hash() AS root \gset
CREATE TABLE app.late (id int);
\set VERBOSITY terse
SELECT dbm_baseline('20260101_000000_baseline', 'SELECT 1', root => :'root');
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY default
-- also with what this transaction has not committed yet
BEGIN;
DROP TABLE app.late;
SELECT dbm_baseline('20260101_000000_baseline', 'SELECT 1', root => :'root');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
SELECT dbm_schema_hash() AS root \gset
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT dbm_baseline('20260101_000000_baseline', 'SELECT 1', root => :'root');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN READ ONLY;
SELECT dbm_baseline('20260101_000000_baseline', 'SELECT 1', root => :'root');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;

-- inside a script
SELECT dbm_apply('20260101_000001_inside', $$SELECT dbm_baseline('20260101_000000_baseline', 'SELECT 1', root => repeat('0', 64))$$);
\echo :LAST_ERROR_SQLSTATE

-- rolled back, it has not happened
BEGIN;
SELECT outcome FROM dbm_baseline('20260101_000000_baseline', 'SELECT 1', root => :'root');
ROLLBACK;
SELECT count(*) FROM dbmaestro.change WHERE state = 'applied';
SELECT count(*) FROM dbmaestro.snapshot WHERE label = 'baseline';
-- the capability must be there at the commit
SELECT dbm_grant('admin', 'baseline_none');
SET ROLE baseline_none;
BEGIN;
SELECT outcome FROM dbm_baseline('20260101_000000_baseline', 'SELECT 1', root => :'root');
RESET ROLE;
SELECT dbm_revoke('admin', 'baseline_none');
SET ROLE baseline_none;
COMMIT;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
SELECT count(*) FROM dbmaestro.change WHERE state = 'applied';

SELECT dbm_revoke('admin', 'baseline_none');

-- the objects of the schema, by their hashes, are for those who have something to do here
SET ROLE baseline_none;
SELECT count(*) FROM dbm_objects();
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
CREATE TABLE app.shape (a int DEFAULT 1 CHECK (a > 0), b varchar CHECK (b IN ('x', 'y')));
SELECT dbm_grant('backup', 'baseline_none');
SET ROLE baseline_none;
SELECT kind, identity, extra FROM dbm_objects() ORDER BY kind COLLATE "C", identity COLLATE "C";
CREATE TEMPORARY TABLE before AS SELECT * FROM dbm_objects();
RESET ROLE;
-- expressions are no part of an object's shape, all else is
ALTER TABLE app.shape ALTER a SET DEFAULT 2;
ALTER TABLE app.shape DROP CONSTRAINT shape_b_check, ADD CONSTRAINT shape_b_check CHECK ((b)::text = ANY (ARRAY[('x'::character varying)::text, ('y'::character varying)::text]));
ALTER TABLE app.shape DROP CONSTRAINT shape_a_check, ADD CONSTRAINT shape_a_check CHECK (a > 0) NOT VALID;
SELECT n.identity, n.shape = b.shape AS shape
  FROM dbm_objects() AS n JOIN before AS b USING (kind, identity) WHERE n.hash <> b.hash ORDER BY 1;
ALTER TABLE app.shape ALTER a SET NOT NULL;
SELECT n.identity, n.shape = b.shape AS shape
  FROM dbm_objects() AS n JOIN before AS b USING (kind, identity) WHERE n.hash <> b.hash AND n.kind = 'table';
DROP TABLE before;

-- in a copy nothing is recorded
SELECT dbm_schema_hash() AS root \gset
\c :before
ALTER DATABASE baseline_attacks RENAME TO baseline_original;
CREATE DATABASE baseline_attacks TEMPLATE baseline_original;
\c baseline_attacks
SELECT dbm_baseline('20260101_000000_baseline', 'SELECT 1', root => :'root');
\echo :LAST_ERROR_SQLSTATE

\c :before
DROP DATABASE baseline_attacks WITH (FORCE);
DROP DATABASE baseline_original WITH (FORCE);
DROP ROLE baseline_trap, baseline_none;

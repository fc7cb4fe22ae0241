-- Mode enforce: no schema change outside a run, for nobody, from nowhere, and each try on record.
\set before :DBNAME
CREATE ROLE regress_owner LOGIN;
CREATE DATABASE guard_enforce OWNER regress_owner;
\c guard_enforce
SET client_min_messages = warning;
CREATE EXTENSION dbmaestro;
SELECT dbm_init('prod');
CREATE TABLE orders (id integer PRIMARY KEY, note text);
CREATE TABLE audit (what text);
ALTER TABLE orders OWNER TO regress_owner;
GRANT ALL ON audit TO regress_owner;
CREATE FUNCTION sneak() RETURNS void LANGUAGE sql AS 'ALTER TABLE orders ADD COLUMN sneaked integer';
CREATE FUNCTION sneak_definer() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN DROP TABLE orders; END';
CREATE PROCEDURE sneak_commit() LANGUAGE plpgsql AS 'BEGIN COMMIT; CREATE TABLE late (id integer); END';
CREATE FUNCTION sneak_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN EXECUTE ''CREATE TABLE late (id integer)''; RETURN NULL; END';
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON audit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION sneak_trigger();
SELECT dbm_guard('enforce', preload => false);

-- superuser
ALTER TABLE orders ADD COLUMN urgent boolean;
\echo :LAST_ERROR_SQLSTATE
-- owner of table and database
\c - regress_owner
ALTER TABLE orders ADD COLUMN urgent boolean;
\echo :LAST_ERROR_SQLSTATE
BEGIN;
DROP TABLE orders;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
\c - postgres
-- nothing has to have a name
CREATE CAST (integer AS bytea) WITHOUT FUNCTION;
\echo :LAST_ERROR_SQLSTATE
-- every way in
SELECT sneak();
SELECT sneak_definer();
CALL sneak_commit();
DO $$ BEGIN ALTER TABLE orders DROP COLUMN note; END $$;
DO $$ BEGIN ALTER TABLE orders DROP COLUMN note; EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'swallowed %', SQLSTATE; END $$;
INSERT INTO audit VALUES ('x');
SELECT count(*) FROM audit;
WITH q AS (SELECT query_to_xml('SELECT sneak()', true, true, '')) SELECT FROM q;
PREPARE p AS SELECT sneak();
EXECUTE p;
DEALLOCATE p;
DECLARE c CURSOR WITH HOLD FOR SELECT sneak();
BEGIN;
DECLARE c CURSOR FOR SELECT sneak();
FETCH c;
ROLLBACK;
SET session_replication_role = replica;
ALTER TABLE orders DROP COLUMN note;
RESET session_replication_role;
-- what commits on its way leaves nothing half done
CREATE INDEX CONCURRENTLY orders_note ON orders (note);
DROP INDEX CONCURRENTLY orders_pkey;
SELECT relname, indisvalid FROM pg_index JOIN pg_class AS i ON i.oid = indexrelid WHERE indrelid = 'orders'::regclass;
-- several statements in one message
CREATE TABLE one (id integer)\; SELECT 1 AS one;
-- a refusal costs no more than the statement
BEGIN;
SAVEPOINT s;
DROP TABLE orders;
ROLLBACK TO s;
INSERT INTO orders VALUES (1, 'x');
COMMIT;
SELECT * FROM orders;

-- through a change it goes
SELECT outcome FROM dbm_apply('20261122_101500_urgent', 'ALTER TABLE orders ADD COLUMN urgent boolean; SELECT sneak();');
ALTER TABLE orders DROP COLUMN urgent;
-- a failed run leaves no door open
SELECT dbm_apply('20261122_101501_fails', 'ALTER TABLE orders ADD COLUMN more integer; SELECT 1/0;');
ALTER TABLE orders ADD COLUMN more integer;
BEGIN;
SAVEPOINT s;
SELECT outcome FROM dbm_apply('20261122_101502_undone', 'ALTER TABLE orders ADD COLUMN more integer');
ROLLBACK TO s;
ALTER TABLE orders ADD COLUMN more integer;
ROLLBACK;
BEGIN;
SELECT outcome FROM dbm_apply('20261122_101503_prepared', 'ALTER TABLE orders ADD COLUMN more integer');
PREPARE TRANSACTION 'guard';
\echo :LAST_ERROR_SQLSTATE

\d orders
-- every refusal has outlived its transaction, with the client's statement
SELECT authenticated_role, action, object_kind, object, count(*) FROM dbmaestro.denied_attempt
 WHERE kind = 'denied' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
SELECT authenticated_role, statement, sqlstate, message FROM dbmaestro.denied_attempt
 WHERE kind = 'denied' AND statement ~ 'urgent|CONCURRENTLY|one' ORDER BY id;
SELECT count(*) FROM dbmaestro.audit_event WHERE kind = 'guard_bypassed';
\c :before
DROP DATABASE guard_enforce WITH (FORCE);
DROP ROLE regress_owner;

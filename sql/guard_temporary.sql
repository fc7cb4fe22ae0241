-- Temporary objects are nobody's schema: allowed in every mode, and not recorded.
\set before :DBNAME
CREATE DATABASE guard_temporary;
\c guard_temporary
SET client_min_messages = warning;
CREATE EXTENSION dbmaestro;
SELECT dbm_init('prod');
CREATE TABLE lasting (id integer PRIMARY KEY);
CREATE VIEW lasting_view AS SELECT id FROM lasting;
CREATE FUNCTION lasting_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE ROLE regress_temporary;
CREATE TYPE pg_temp.held AS (x integer);
CREATE FUNCTION holder(pg_temp.held) RETURNS integer LANGUAGE sql AS 'SELECT 1';
SELECT dbm_guard('enforce', preload => false);

-- made in every way
CREATE TEMP TABLE a (id serial PRIMARY KEY, note text UNIQUE);
CREATE TEMPORARY TABLE b AS SELECT 1 AS id;
SELECT 1 AS id INTO TEMP c;
CREATE TABLE pg_temp.d (id integer);
CREATE TEMP TABLE e (LIKE lasting INCLUDING ALL);
CREATE TEMP TABLE f (id integer) ON COMMIT DROP;
CREATE TEMP TABLE g () INHERITS (lasting);
CREATE TEMP TABLE parted (id integer) PARTITION BY LIST (id);
CREATE TEMP TABLE part PARTITION OF parted DEFAULT;
CREATE TEMP SEQUENCE s;
CREATE TEMP VIEW v AS SELECT * FROM lasting;
CREATE TEMP TABLE h AS EXECUTE none;
PREPARE one AS SELECT 1 AS id;
CREATE TEMP TABLE h AS EXECUTE one;
-- temporary because of what they stand on
CREATE VIEW w AS SELECT * FROM a;
CREATE VIEW x AS WITH q AS (SELECT 1 AS id) SELECT 1 AS one WHERE EXISTS (SELECT FROM q JOIN b USING (id));
CREATE INDEX ON a (note);
CREATE INDEX CONCURRENTLY a_note ON a (lower(note));
CREATE TRIGGER t AFTER INSERT ON a EXECUTE FUNCTION lasting_trigger();
CREATE RULE r AS ON UPDATE TO a DO ALSO NOTHING;
CREATE POLICY p ON a;
CREATE STATISTICS pg_temp.st ON id, note FROM a;
-- routines and types of the temporary schema
CREATE FUNCTION pg_temp.fn(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1';
CREATE PROCEDURE pg_temp.pr() LANGUAGE sql AS '';
CREATE AGGREGATE pg_temp.ag (integer) (SFUNC = int4pl, STYPE = integer);
CREATE TYPE pg_temp.ty AS (x integer);
CREATE TYPE pg_temp.en AS ENUM ('x');
CREATE TYPE pg_temp.ra AS RANGE (SUBTYPE = integer);
CREATE DOMAIN pg_temp.dom AS integer;
SET search_path = pg_temp, public;
CREATE TABLE unqualified (id integer);
CREATE FUNCTION fn2() RETURNS void LANGUAGE sql AS '';
RESET search_path;

-- altered
ALTER TABLE a ADD COLUMN more integer DEFAULT 1 CHECK (more > 0);
ALTER TABLE a RENAME COLUMN more TO less;
ALTER TABLE a ALTER COLUMN less TYPE bigint;
ALTER TABLE a DISABLE TRIGGER t;
ALTER TABLE a OWNER TO regress_temporary;
INSERT INTO a (note) VALUES ('x');
ALTER TABLE b ADD FOREIGN KEY (id) REFERENCES a;
ALTER TABLE b RENAME TO b2;
ALTER SEQUENCE s RESTART WITH 10;
ALTER VIEW w RENAME TO w2;
ALTER FUNCTION pg_temp.fn(integer) STABLE;
ALTER FUNCTION pg_temp.fn(integer) RENAME TO fn3;
ALTER TYPE pg_temp.ty ADD ATTRIBUTE y integer;
ALTER TYPE pg_temp.en ADD VALUE 'y';
ALTER TRIGGER t ON a RENAME TO t2;
COMMENT ON TABLE a IS 'x';
COMMENT ON COLUMN a.less IS 'x';
COMMENT ON FUNCTION pg_temp.fn3(integer) IS 'x';
COMMENT ON TYPE pg_temp.ty IS 'x';
GRANT SELECT ON a TO regress_temporary;
GRANT EXECUTE ON FUNCTION pg_temp.fn3(integer) TO regress_temporary;

-- dropped
DROP TRIGGER t2 ON a;
DROP RULE r ON a;
DROP POLICY p ON a;
DROP STATISTICS pg_temp.st;
DROP FUNCTION pg_temp.fn3(integer);
DROP AGGREGATE pg_temp.ag (integer);
DROP TYPE pg_temp.ty, pg_temp.en;
DROP VIEW w2, x;
DROP TABLE a, c, d CASCADE;
DROP TABLE IF EXISTS b2, nothing;
DROP SEQUENCE s;
DISCARD TEMP;
-- by somebody else, in a function
SET ROLE regress_temporary;
DO $$
BEGIN
    FOR i IN 1..3 LOOP
        CREATE TEMP TABLE work (id integer);
        CREATE INDEX ON work (id);
        DROP TABLE work;
    END LOOP;
END
$$;
RESET ROLE;

-- none of this is worth an event
SELECT kind, action, object FROM dbmaestro.audit_event ORDER BY id DESC LIMIT 1;

-- what looks temporary and is not
CREATE TEMP TABLE a (id integer);
DROP TABLE a, lasting CASCADE;
DROP TABLE pg_temp.a, public.lasting CASCADE;
CREATE VIEW public.y AS WITH a AS (SELECT 1 AS id) SELECT * FROM a;
CREATE TYPE pg_temp.ty AS (x integer);
ALTER TABLE lasting ADD COLUMN more integer;
COMMENT ON COLUMN lasting.id IS 'x';
SELECT 1 AS id INTO fresh;
CREATE STATISTICS public_st ON id, ctid FROM a;
GRANT SELECT ON a, lasting TO regress_temporary;
DROP TYPE pg_temp.held CASCADE;
SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v');
\c :before
DROP DATABASE guard_temporary WITH (FORCE);
DROP ROLE regress_temporary;

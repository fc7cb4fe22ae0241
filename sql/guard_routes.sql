-- Every way to change a schema that can be tried in a function: allowed while the guard observes
-- (so the statement itself is sound), denied when it enforces.  Each try is rolled back.
\set before :DBNAME
CREATE DATABASE guard_routes;
\c guard_routes
SET client_min_messages = error;
CREATE EXTENSION dbmaestro;
SELECT dbm_init('prod');

-- what the statements work on
CREATE SCHEMA app;
SET search_path = app, public;
CREATE TABLE t (id integer PRIMARY KEY, note text, CONSTRAINT note_check CHECK (note <> ''));
CREATE TABLE parent (id integer) PARTITION BY RANGE (id);
CREATE TABLE child PARTITION OF parent FOR VALUES FROM (0) TO (10);
CREATE TABLE loose (id integer);
CREATE INDEX t_note ON t (note);
CREATE VIEW v AS SELECT id FROM t;
CREATE MATERIALIZED VIEW m AS SELECT id FROM t;
CREATE SEQUENCE s;
CREATE FUNCTION f(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1';
CREATE PROCEDURE p() LANGUAGE sql AS '';
CREATE AGGREGATE total (integer) (SFUNC = int4pl, STYPE = integer);
CREATE TYPE pair AS (x integer, y integer);
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN word AS text CONSTRAINT word_check CHECK (VALUE <> '');
CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER tr AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION tf();
CREATE RULE r AS ON UPDATE TO t DO ALSO NOTHING;
CREATE POLICY po ON t;
CREATE STATISTICS st ON id, note FROM t;
CREATE COLLATION co FROM "C";
CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = integer, RIGHTARG = integer);
CREATE OPERATOR FAMILY fa USING btree;
CREATE TEXT SEARCH DICTIONARY di (TEMPLATE = simple);
CREATE TEXT SEARCH CONFIGURATION cf (COPY = pg_catalog.simple);
CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER sv FOREIGN DATA WRAPPER w;
CREATE FOREIGN TABLE ft (id integer) SERVER sv;
CREATE PUBLICATION pu FOR TABLE t;
CREATE ROLE regress_routes;

CREATE TEMPORARY TABLE route (id serial, statement text, tag text);
INSERT INTO route (statement) VALUES
('CREATE SCHEMA more'),
('CREATE SCHEMA more CREATE TABLE x (id integer) CREATE VIEW y AS SELECT 1'),
('ALTER SCHEMA app RENAME TO more'),
('ALTER SCHEMA app OWNER TO regress_routes'),
('GRANT USAGE ON SCHEMA app TO regress_routes'),
('COMMENT ON SCHEMA app IS ''x'''),
('DROP SCHEMA app CASCADE'),
('CREATE TABLE more (id serial PRIMARY KEY)'),
('CREATE TABLE IF NOT EXISTS t (id integer)'),
('CREATE TABLE more PARTITION OF parent FOR VALUES FROM (10) TO (20)'),
('CREATE TABLE more AS SELECT 1 AS one'),
('ALTER TABLE t ADD COLUMN more integer'),
('ALTER TABLE t DROP COLUMN note CASCADE'),
('ALTER TABLE t ALTER COLUMN note TYPE varchar USING note'),
('ALTER TABLE t RENAME TO more'),
('ALTER TABLE t RENAME COLUMN note TO more'),
('ALTER TABLE t RENAME CONSTRAINT note_check TO more'),
('ALTER TABLE t OWNER TO regress_routes'),
('ALTER TABLE t DISABLE TRIGGER tr'),
('ALTER TABLE t ENABLE ROW LEVEL SECURITY'),
('ALTER TABLE parent DETACH PARTITION child'),
('ALTER TABLE parent ATTACH PARTITION loose FOR VALUES FROM (10) TO (20)'),
('ALTER TABLE ALL IN TABLESPACE pg_default SET TABLESPACE pg_default'),
('DROP TABLE t CASCADE'),
('DROP TABLE t, loose CASCADE'),
('CREATE INDEX more ON t (id)'),
('ALTER INDEX t_note RENAME TO more'),
('DROP INDEX t_note'),
('CREATE VIEW more AS SELECT 1'),
('CREATE OR REPLACE VIEW v AS SELECT id FROM t'),
('CREATE VIEW more AS WITH c AS (SELECT 1 AS id) SELECT FROM t JOIN c ON t.id = c.id JOIN (loose LEFT JOIN c AS d USING (id)) ON true'),
('CREATE RECURSIVE VIEW more (n) AS SELECT 1'),
('ALTER VIEW v RENAME TO more'),
('DROP VIEW v'),
('CREATE MATERIALIZED VIEW more AS SELECT 1'),
('DROP MATERIALIZED VIEW m'),
('CREATE SEQUENCE more'),
('ALTER SEQUENCE s RESTART'),
('DROP SEQUENCE s'),
('CREATE FUNCTION more() RETURNS void LANGUAGE sql AS '''''),
('CREATE OR REPLACE FUNCTION f(integer) RETURNS integer LANGUAGE sql AS ''SELECT 0'''),
('ALTER FUNCTION f(integer) STABLE'),
('ALTER FUNCTION f DEPENDS ON EXTENSION plpgsql'),
('ALTER ROUTINE f RENAME TO more'),
('DROP FUNCTION f'),
('CREATE PROCEDURE more() LANGUAGE sql AS '''''),
('DROP PROCEDURE p'),
('CREATE AGGREGATE more (integer) (SFUNC = int4pl, STYPE = integer)'),
('ALTER AGGREGATE total (integer) RENAME TO more'),
('DROP AGGREGATE total (integer)'),
('CREATE TYPE more AS (x integer)'),
('CREATE TYPE more AS ENUM ()'),
('CREATE TYPE more AS RANGE (SUBTYPE = integer)'),
('CREATE TYPE more'),
('ALTER TYPE pair ADD ATTRIBUTE more integer'),
('ALTER TYPE pair RENAME ATTRIBUTE x TO more'),
('ALTER TYPE mood ADD VALUE ''fair'''),
('ALTER TYPE mood RENAME VALUE ''good'' TO ''fair'''),
('DROP TYPE pair'),
('CREATE DOMAIN more AS integer'),
('ALTER DOMAIN word DROP CONSTRAINT word_check'),
('ALTER DOMAIN word RENAME CONSTRAINT word_check TO more'),
('DROP DOMAIN word'),
('CREATE TRIGGER more AFTER INSERT ON t EXECUTE FUNCTION tf()'),
('ALTER TRIGGER tr ON t RENAME TO more'),
('DROP TRIGGER tr ON t'),
('CREATE RULE more AS ON DELETE TO t DO ALSO NOTHING'),
('ALTER RULE r ON t RENAME TO more'),
('DROP RULE r ON t'),
('CREATE POLICY more ON t'),
('ALTER POLICY po ON t TO PUBLIC'),
('DROP POLICY po ON t'),
('CREATE STATISTICS more ON id, note FROM t'),
('ALTER STATISTICS st SET STATISTICS 10'),
('DROP STATISTICS st'),
('CREATE COLLATION more FROM "C"'),
('DROP COLLATION co'),
('CREATE OPERATOR !== (FUNCTION = int4ne, LEFTARG = integer, RIGHTARG = integer)'),
('ALTER OPERATOR === (integer, integer) SET (RESTRICT = eqsel)'),
('DROP OPERATOR === (integer, integer)'),
('CREATE OPERATOR CLASS more FOR TYPE pair USING hash AS STORAGE pair'),
('CREATE OPERATOR FAMILY more USING hash'),
('ALTER OPERATOR FAMILY fa USING btree RENAME TO more'),
('DROP OPERATOR FAMILY fa USING btree'),
('CREATE CAST (pair AS mood) WITH INOUT'),
('CREATE CONVERSION more FOR ''UTF8'' TO ''LATIN1'' FROM utf8_to_iso8859_1'),
('CREATE TEXT SEARCH DICTIONARY more (TEMPLATE = simple)'),
('ALTER TEXT SEARCH DICTIONARY di (accept = false)'),
('DROP TEXT SEARCH DICTIONARY di'),
('ALTER TEXT SEARCH CONFIGURATION cf DROP MAPPING FOR word'),
('CREATE LANGUAGE more HANDLER plpgsql_call_handler'),
('CREATE ACCESS METHOD more TYPE TABLE HANDLER heap_tableam_handler'),
('CREATE FOREIGN DATA WRAPPER more'),
('ALTER FOREIGN DATA WRAPPER w OPTIONS (ADD x ''y'')'),
('CREATE SERVER more FOREIGN DATA WRAPPER w'),
('ALTER SERVER sv VERSION ''2'''),
('CREATE USER MAPPING FOR PUBLIC SERVER sv OPTIONS (a ''b'')'),
('CREATE FOREIGN TABLE more (id integer) SERVER sv'),
('CREATE PUBLICATION more FOR TABLE t'),
('ALTER PUBLICATION pu ADD TABLE loose'),
('DROP PUBLICATION pu'),
('CREATE SUBSCRIPTION more CONNECTION ''dbname=none'' PUBLICATION pu WITH (connect = false, slot_name = NONE)'),
('GRANT SELECT ON t TO regress_routes'),
('REVOKE ALL ON ALL TABLES IN SCHEMA app FROM regress_routes'),
('GRANT EXECUTE ON FUNCTION f TO regress_routes'),
('ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO regress_routes'),
('DROP OWNED BY regress_routes'),
('COMMENT ON TABLE t IS ''x'''),
('COMMENT ON COLUMN t.note IS ''x'''),
('COMMENT ON FUNCTION f(integer) IS ''x'''),
('COMMENT ON CONSTRAINT note_check ON t IS ''x'''),
('COMMENT ON TRIGGER tr ON t IS ''x'''),
('COMMENT ON CONSTRAINT word_check ON DOMAIN word IS ''x'''),
('COMMENT ON OPERATOR === (integer, integer) IS ''x'''),
('ALTER EXTENSION plpgsql ADD TABLE loose'),
('COMMENT ON EXTENSION plpgsql IS ''x'''),
('DROP EXTENSION plpgsql CASCADE');

-- runs one statement and takes it back
CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    BEGIN
        EXECUTE statement;
        RAISE EXCEPTION 'done' USING ERRCODE = 'ZZZZZ';
    EXCEPTION
        WHEN SQLSTATE 'ZZZZZ' THEN RETURN 'allowed';
        WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS told = MESSAGE_TEXT;
            RETURN SQLSTATE || ' ' || told;
    END;
END
$$;

-- while observing: every one of them runs
SELECT statement, result FROM route, LATERAL pg_temp.try(statement) AS result
 WHERE result <> 'allowed' ORDER BY id;
SELECT dbm_guard('enforce', preload => false);
-- while enforcing: none of them
\pset format unaligned
\pset tuples_only on
SELECT replace(result, ' outside a recorded change', ' ...')
  FROM route, LATERAL pg_temp.try(statement) AS result ORDER BY id;
\pset format aligned
\pset tuples_only off
-- each left its trace, although all of it was rolled back; "more" is nowhere
SELECT count(*) = (SELECT count(*) FROM route) AS all_on_record
  FROM dbmaestro.denied_attempt WHERE kind = 'denied' AND sqlstate = 'MA001';
SELECT relname FROM pg_class WHERE relname = 'more';

SELECT dbm_guard('observe');
DROP OWNED BY regress_routes;
\c :before
DROP DATABASE guard_routes WITH (FORCE);
DROP ROLE regress_routes;

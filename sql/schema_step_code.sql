-- Schemas, functions, aggregates, types, domains, default privileges, event
-- triggers, extensions.
\getenv directory PG_ABS_SRCDIR
\set harness :directory '/test/lib/schema_steps.sql'
\set ECHO none
\i :harness
\set ECHO all
SET client_min_messages = warning;
CREATE ROLE regress_schema_a;
CREATE SCHEMA s;
CREATE FUNCTION s.f(a integer, b text DEFAULT 'x') RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION s.body(a integer) RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT a + 1; END;
CREATE FUNCTION s.rows() RETURNS SETOF integer LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE s.p(INOUT a integer) LANGUAGE plpgsql AS 'BEGIN a := 1; END';
CREATE FUNCTION s.told() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE AGGREGATE s.total (integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0');
CREATE TYPE s.color AS ENUM ('red', 'green');
CREATE TYPE s.pair AS (x integer, y text);
CREATE TYPE s.span AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = float8mi);
CREATE DOMAIN s.name AS varchar(20);

INSERT INTO steps.step (statement, undo) VALUES
-- schemas
('CREATE SCHEMA s2', 'DROP SCHEMA s2'),
('ALTER SCHEMA s OWNER TO regress_schema_a', 'ALTER SCHEMA s OWNER TO CURRENT_USER'),
('COMMENT ON SCHEMA s IS ''c''', 'COMMENT ON SCHEMA s IS NULL'),
('GRANT USAGE ON SCHEMA s TO PUBLIC', 'REVOKE USAGE ON SCHEMA s FROM PUBLIC'),
('GRANT CREATE ON SCHEMA public TO PUBLIC', 'REVOKE CREATE ON SCHEMA public FROM PUBLIC'),
('ALTER SCHEMA public OWNER TO regress_schema_a', 'ALTER SCHEMA public OWNER TO pg_database_owner'),
-- functions
('CREATE FUNCTION s.f() RETURNS integer LANGUAGE sql AS ''SELECT 2''', 'DROP FUNCTION s.f()'),
('CREATE OR REPLACE FUNCTION s.f(a integer, b text DEFAULT ''x'') RETURNS integer LANGUAGE sql AS ''SELECT 2''', 'CREATE OR REPLACE FUNCTION s.f(a integer, b text DEFAULT ''x'') RETURNS integer LANGUAGE sql AS ''SELECT 1'''),
('CREATE OR REPLACE FUNCTION s.f(a integer, b text DEFAULT ''y'') RETURNS integer LANGUAGE sql AS ''SELECT 1''', 'CREATE OR REPLACE FUNCTION s.f(a integer, b text DEFAULT ''x'') RETURNS integer LANGUAGE sql AS ''SELECT 1'''),
('CREATE OR REPLACE FUNCTION s.body(a integer) RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT a + 2; END', 'CREATE OR REPLACE FUNCTION s.body(a integer) RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT a + 1; END'),
('CREATE OR REPLACE FUNCTION s.body(a integer) RETURNS integer LANGUAGE sql AS ''SELECT a + 1''', 'CREATE OR REPLACE FUNCTION s.body(a integer) RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT a + 1; END'),
('ALTER FUNCTION s.f IMMUTABLE', 'ALTER FUNCTION s.f VOLATILE'),
('ALTER FUNCTION s.f STRICT', 'ALTER FUNCTION s.f CALLED ON NULL INPUT'),
('ALTER FUNCTION s.f SECURITY DEFINER', 'ALTER FUNCTION s.f SECURITY INVOKER'),
('ALTER FUNCTION s.f LEAKPROOF', 'ALTER FUNCTION s.f NOT LEAKPROOF'),
('ALTER FUNCTION s.f PARALLEL SAFE', 'ALTER FUNCTION s.f PARALLEL UNSAFE'),
('ALTER FUNCTION s.f COST 7.5', 'ALTER FUNCTION s.f COST 100'),
('ALTER FUNCTION s.rows ROWS 7', 'ALTER FUNCTION s.rows ROWS 1000'),
('ALTER FUNCTION s.f SET work_mem = ''5MB''', 'ALTER FUNCTION s.f RESET work_mem'),
('ALTER FUNCTION s.rows SUPPORT generate_series_int4_support', 'CREATE OR REPLACE FUNCTION s.rows() RETURNS SETOF integer LANGUAGE sql AS ''SELECT 1'''),
('ALTER FUNCTION s.f OWNER TO regress_schema_a', 'ALTER FUNCTION s.f OWNER TO CURRENT_USER'),
('ALTER FUNCTION s.f RENAME TO g', 'ALTER FUNCTION s.g RENAME TO f'),
('ALTER FUNCTION s.f DEPENDS ON EXTENSION plpgsql', 'ALTER FUNCTION s.f NO DEPENDS ON EXTENSION plpgsql'),
('COMMENT ON FUNCTION s.f IS ''c''', 'COMMENT ON FUNCTION s.f IS NULL'),
('REVOKE EXECUTE ON FUNCTION s.f FROM PUBLIC', 'GRANT EXECUTE ON FUNCTION s.f TO PUBLIC'),
('CREATE FUNCTION s.many(VARIADIC a integer[], OUT b integer, OUT c text) LANGUAGE sql AS ''SELECT 1, 2::text''', 'DROP FUNCTION s.many'),
('CREATE FUNCTION s.tab() RETURNS TABLE (a integer, b text) LANGUAGE sql AS ''SELECT 1, 2::text''', 'DROP FUNCTION s.tab'),
('CREATE FUNCTION s.lib() RETURNS integer LANGUAGE internal AS ''pg_backend_pid''', 'DROP FUNCTION s.lib'),
('CREATE OR REPLACE PROCEDURE s.p(INOUT a integer) LANGUAGE plpgsql AS ''BEGIN a := 2; END''', 'CREATE OR REPLACE PROCEDURE s.p(INOUT a integer) LANGUAGE plpgsql AS ''BEGIN a := 1; END'''),
('CREATE OR REPLACE AGGREGATE s.total (integer) (SFUNC = int4pl, STYPE = integer, INITCOND = ''1'')', 'CREATE OR REPLACE AGGREGATE s.total (integer) (SFUNC = int4pl, STYPE = integer, INITCOND = ''0'')'),
('CREATE OR REPLACE AGGREGATE s.total (integer) (SFUNC = int4pl, STYPE = integer, INITCOND = ''0'', COMBINEFUNC = int4pl, SSPACE = 5, PARALLEL = SAFE)', 'CREATE OR REPLACE AGGREGATE s.total (integer) (SFUNC = int4pl, STYPE = integer, INITCOND = ''0'')'),
('CREATE OR REPLACE AGGREGATE s.total (integer) (SFUNC = int4larger, STYPE = integer, INITCOND = ''0'', SORTOP = >)', 'CREATE OR REPLACE AGGREGATE s.total (integer) (SFUNC = int4pl, STYPE = integer, INITCOND = ''0'')'),
('CREATE AGGREGATE s.pct (float8 ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA)', 'DROP AGGREGATE s.pct (float8 ORDER BY anyelement)'),
('COMMENT ON AGGREGATE s.total (integer) IS ''c''', 'COMMENT ON AGGREGATE s.total (integer) IS NULL'),
-- types
('CREATE TYPE s.mood AS ENUM (''ok'')', 'DROP TYPE s.mood'),
('ALTER TYPE s.color RENAME VALUE ''red'' TO ''rot''', 'ALTER TYPE s.color RENAME VALUE ''rot'' TO ''red'''),
('ALTER TYPE s.color RENAME TO colour', 'ALTER TYPE s.colour RENAME TO color'),
('ALTER TYPE s.color OWNER TO regress_schema_a', 'ALTER TYPE s.color OWNER TO CURRENT_USER'),
('REVOKE USAGE ON TYPE s.color FROM PUBLIC', 'GRANT USAGE ON TYPE s.color TO PUBLIC'),
('COMMENT ON TYPE s.color IS ''c''', 'COMMENT ON TYPE s.color IS NULL'),
('ALTER TYPE s.pair ADD ATTRIBUTE z integer', 'ALTER TYPE s.pair DROP ATTRIBUTE z'),
('ALTER TYPE s.pair RENAME ATTRIBUTE y TO yy', 'ALTER TYPE s.pair RENAME ATTRIBUTE yy TO y'),
('ALTER TYPE s.pair ALTER ATTRIBUTE y TYPE text COLLATE "C"', 'ALTER TYPE s.pair ALTER ATTRIBUTE y TYPE text COLLATE "default"'),
('COMMENT ON COLUMN s.pair.x IS ''c''', 'COMMENT ON COLUMN s.pair.x IS NULL'),
('COMMENT ON TYPE s.pair IS ''c''', 'COMMENT ON TYPE s.pair IS NULL'),
('ALTER TYPE s.pair OWNER TO regress_schema_a', 'ALTER TYPE s.pair OWNER TO CURRENT_USER'),
('ALTER TYPE s.span_multirange RENAME TO spans', 'ALTER TYPE s.spans RENAME TO span_multirange'),
('CREATE TYPE s.tspan AS RANGE (SUBTYPE = text, COLLATION = "C")', 'DROP TYPE s.tspan'),
('CREATE TYPE s.shell', 'DROP TYPE s.shell'),
(E'CREATE TYPE s.base\nCREATE FUNCTION s.base_in(cstring) RETURNS s.base LANGUAGE internal IMMUTABLE STRICT AS ''int4in''\nCREATE FUNCTION s.base_out(s.base) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS ''int4out''\nCREATE TYPE s.base (INPUT = s.base_in, OUTPUT = s.base_out, INTERNALLENGTH = 4, PASSEDBYVALUE, CATEGORY = ''N'', DEFAULT = ''5'')', 'DROP TYPE s.base CASCADE'),
-- domains
('ALTER DOMAIN s.name SET NOT NULL', 'ALTER DOMAIN s.name DROP NOT NULL'),
('ALTER DOMAIN s.name SET DEFAULT ''x''', 'ALTER DOMAIN s.name DROP DEFAULT'),
('ALTER DOMAIN s.name ADD CONSTRAINT k CHECK (VALUE <> '''')', 'ALTER DOMAIN s.name DROP CONSTRAINT k'),
('ALTER DOMAIN s.name ADD CONSTRAINT k CHECK (VALUE <> '''') NOT VALID', 'ALTER DOMAIN s.name DROP CONSTRAINT k'),
(E'ALTER DOMAIN s.name ADD CONSTRAINT k CHECK (VALUE <> '''')\nCOMMENT ON CONSTRAINT k ON DOMAIN s.name IS ''c''', 'ALTER DOMAIN s.name DROP CONSTRAINT k'),
(E'DROP DOMAIN s.name\nCREATE DOMAIN s.name AS varchar(20) COLLATE "C"', E'DROP DOMAIN s.name\nCREATE DOMAIN s.name AS varchar(20)'),
(E'DROP DOMAIN s.name\nCREATE DOMAIN s.name AS varchar(21)', E'DROP DOMAIN s.name\nCREATE DOMAIN s.name AS varchar(20)'),
-- the rest
('ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO regress_schema_a', 'ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM regress_schema_a'),
('ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT EXECUTE ON FUNCTIONS TO regress_schema_a', 'ALTER DEFAULT PRIVILEGES IN SCHEMA s REVOKE EXECUTE ON FUNCTIONS FROM regress_schema_a'),
('ALTER DEFAULT PRIVILEGES FOR ROLE regress_schema_a GRANT USAGE ON SCHEMAS TO PUBLIC', 'ALTER DEFAULT PRIVILEGES FOR ROLE regress_schema_a REVOKE USAGE ON SCHEMAS FROM PUBLIC'),
('CREATE EVENT TRIGGER regress_told ON ddl_command_end EXECUTE FUNCTION s.told()', 'DROP EVENT TRIGGER regress_told'),
('CREATE EVENT TRIGGER regress_told ON ddl_command_end WHEN TAG IN (''DROP TABLE'', ''CREATE TABLE'') EXECUTE FUNCTION s.told()', 'DROP EVENT TRIGGER regress_told');
CALL steps.run();
SELECT statement, finding FROM steps.finding ORDER BY number;
SELECT count(*) > 60 AS many_steps FROM steps.step;

-- adding a label cannot be undone
SELECT dbm_schema_hash() AS before \gset
ALTER TYPE s.color ADD VALUE 'blue' BEFORE 'green';
SELECT dbm_schema_hash() <> :'before' AS changed, steps.agree();
CREATE EVENT TRIGGER regress_told ON ddl_command_start EXECUTE FUNCTION s.told();
SELECT dbm_schema_hash() AS before \gset
ALTER EVENT TRIGGER regress_told DISABLE;
SELECT dbm_schema_hash() <> :'before' AS changed, steps.agree();
ALTER EVENT TRIGGER regress_told ENABLE;
SELECT dbm_schema_hash() = :'before' AS same;
DROP EVENT TRIGGER regress_told;
DROP SCHEMA s, steps CASCADE;
DROP OWNED BY regress_schema_a;
DROP ROLE regress_schema_a;

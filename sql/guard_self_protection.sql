-- What would drop, alter or get round dbmaestro itself is refused in every mode, to everybody,
-- inside a run too.
\set before :DBNAME
CREATE ROLE regress_schema_owner LOGIN;
CREATE ROLE regress_database_owner LOGIN;
CREATE ROLE regress_run_as;
CREATE DATABASE guard_self OWNER regress_database_owner;
\c guard_self
SET client_min_messages = error;
CREATE SCHEMA functions AUTHORIZATION regress_schema_owner;
CREATE EXTENSION dbmaestro SCHEMA functions;
SET search_path = functions, public;
CREATE TABLE functions.theirs (id bigint PRIMARY KEY);
CREATE FUNCTION functions.theirs() RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION public.dbm_elsewhere() RETURNS void LANGUAGE sql AS '';
CREATE TYPE public.dbm_type AS ENUM ('x');
CREATE PUBLICATION pu;
GRANT ALL ON SCHEMA functions, public TO regress_run_as, regress_database_owner;

CREATE TABLE public.attempt (id serial, statement text);
GRANT SELECT ON public.attempt TO PUBLIC;
INSERT INTO public.attempt (statement) VALUES
('DROP EXTENSION dbmaestro CASCADE'),
('ALTER EXTENSION dbmaestro DROP TABLE dbmaestro.run'),
('ALTER EXTENSION dbmaestro ADD TABLE functions.theirs'),
('ALTER EXTENSION dbmaestro SET SCHEMA public'),
('COMMENT ON EXTENSION dbmaestro IS ''x'''),
('DROP SCHEMA dbmaestro CASCADE'),
('ALTER SCHEMA dbmaestro RENAME TO other'),
('ALTER SCHEMA dbmaestro OWNER TO regress_run_as'),
('GRANT USAGE ON SCHEMA dbmaestro TO regress_run_as'),
('DROP SCHEMA functions CASCADE'),
('DROP SCHEMA public, functions'),
('ALTER SCHEMA functions RENAME TO other'),
('DROP OWNED BY regress_schema_owner CASCADE'),
('DROP TABLE dbmaestro.run CASCADE'),
('ALTER TABLE dbmaestro.run ADD COLUMN x integer'),
('ALTER TABLE dbmaestro.run RENAME TO other'),
('ALTER TABLE dbmaestro.run RENAME COLUMN id TO other'),
('ALTER TABLE dbmaestro.run OWNER TO regress_run_as'),
('ALTER TABLE dbmaestro.run SET SCHEMA public'),
('ALTER TABLE dbmaestro.run DISABLE TRIGGER dbmaestro_refuse_row'),
('ALTER TABLE dbmaestro.run ENABLE ROW LEVEL SECURITY'),
('ALTER TABLE dbmaestro.run SET (fillfactor = 50)'),
('ALTER INDEX dbmaestro.run_pkey RENAME TO other'),
('ALTER SEQUENCE dbmaestro.run_id_seq RESTART'),
('DROP SEQUENCE dbmaestro.run_id_seq CASCADE'),
('DROP VIEW dbmaestro.denied_attempt'),
('CREATE OR REPLACE VIEW dbmaestro.denied_attempt AS SELECT 1 AS x'),
('ALTER VIEW dbmaestro.denied_attempt RENAME TO other'),
('DROP TRIGGER dbmaestro_refuse_row ON dbmaestro.run'),
('ALTER TRIGGER dbmaestro_refuse_row ON dbmaestro.run RENAME TO other'),
('CREATE TRIGGER x BEFORE INSERT ON dbmaestro.run FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()'),
('CREATE RULE x AS ON INSERT TO dbmaestro.run DO INSTEAD NOTHING'),
('CREATE POLICY x ON dbmaestro.run'),
('CREATE INDEX x ON dbmaestro.run (id)'),
('CREATE STATISTICS public.x ON id, change FROM dbmaestro.run'),
('CREATE TABLE public.x () INHERITS (dbmaestro.run)'),
('CREATE TABLE public.x (id bigint REFERENCES dbmaestro.run)'),
('CREATE TABLE public.x (id bigint, FOREIGN KEY (id) REFERENCES dbmaestro.run)'),
('ALTER TABLE functions.theirs ADD FOREIGN KEY (id) REFERENCES dbmaestro.run'),
('ALTER TABLE functions.theirs ADD COLUMN x bigint REFERENCES dbmaestro.run'),
('ALTER TABLE functions.theirs INHERIT dbmaestro.run'),
('CREATE SCHEMA x CREATE TABLE y (id bigint REFERENCES dbmaestro.run)'),
('CREATE SCHEMA x GRANT SELECT ON dbmaestro.run TO PUBLIC'),
('GRANT SELECT ON dbmaestro.run TO regress_run_as'),
('GRANT SELECT ON ALL TABLES IN SCHEMA dbmaestro TO regress_run_as'),
('REVOKE ALL ON FUNCTION functions.dbm_status() FROM PUBLIC'),
('ALTER DEFAULT PRIVILEGES IN SCHEMA dbmaestro GRANT ALL ON TABLES TO PUBLIC'),
('COMMENT ON TABLE dbmaestro.run IS ''x'''),
('COMMENT ON COLUMN dbmaestro.run.id IS ''x'''),
('COMMENT ON FUNCTION functions.dbm_status() IS ''x'''),
('DROP FUNCTION functions.dbm_status()'),
('DROP ROUTINE functions.dbm_status'),
('ALTER FUNCTION functions.dbm_status() RENAME TO other'),
('ALTER FUNCTION functions.dbm_status() OWNER TO regress_run_as'),
('ALTER FUNCTION functions.dbm_status() SET SCHEMA public'),
('ALTER FUNCTION functions.dbm_status() SET search_path = evil'),
('ALTER FUNCTION functions.dbm_status() DEPENDS ON EXTENSION plpgsql'),
('ALTER EXTENSION plpgsql ADD FUNCTION functions.dbm_status()'),
('ALTER EXTENSION plpgsql ADD SCHEMA functions'),
('DROP FUNCTION dbmaestro._dbm_ddl_start() CASCADE'),
('CREATE OR REPLACE FUNCTION dbmaestro._dbm_ddl_start() RETURNS event_trigger LANGUAGE plpgsql AS ''BEGIN END'''),
('CREATE OR REPLACE FUNCTION functions.dbm_status() RETURNS void LANGUAGE sql AS '''''),
('CREATE FUNCTION functions.dbm_apply(text) RETURNS void LANGUAGE sql AS '''''),
('CREATE PROCEDURE functions.dbm_anything() LANGUAGE sql AS '''''),
('CREATE AGGREGATE functions.dbm_guard (text) (SFUNC = textcat, STYPE = text)'),
('CREATE DOMAIN functions.dbm_guard AS text'),
('CREATE TYPE functions.dbm_guard AS ENUM ()'),
('CREATE TYPE functions.dbm_guard AS RANGE (SUBTYPE = text)'),
('CREATE TYPE public.x AS RANGE (SUBTYPE = text, MULTIRANGE_TYPE_NAME = functions.dbm_guard)'),
('ALTER FUNCTION functions.theirs() RENAME TO dbm_theirs'),
('ALTER FUNCTION public.dbm_elsewhere() SET SCHEMA functions'),
('ALTER TYPE public.dbm_type SET SCHEMA functions'),
('CREATE TABLE dbmaestro.x ()'),
('CREATE TABLE dbmaestro.x AS SELECT 1'),
('CREATE FUNCTION dbmaestro.x() RETURNS void LANGUAGE sql AS '''''),
('CREATE TYPE dbmaestro.x AS ENUM ()'),
('ALTER TABLE functions.theirs SET SCHEMA dbmaestro'),
('ALTER PUBLICATION pu ADD TABLE dbmaestro.run'),
('CREATE PUBLICATION x FOR TABLE functions.theirs, dbmaestro.run'),
('CREATE PUBLICATION x FOR TABLES IN SCHEMA dbmaestro');

CREATE FUNCTION public.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    BEGIN
        EXECUTE statement;
        RAISE EXCEPTION 'done' USING ERRCODE = 'ZZZZZ';
    EXCEPTION
        WHEN SQLSTATE 'ZZZZZ' THEN RETURN 'allowed';
        WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS told = PG_EXCEPTION_DETAIL;
            RETURN SQLSTATE || coalesce(' ' || nullif(told, ''), '');
    END;
END
$$;
CREATE VIEW public.not_refused AS
    SELECT statement, result FROM public.attempt, LATERAL public.try(statement) AS result
     WHERE result NOT LIKE 'MA002%' ORDER BY id;
GRANT SELECT ON public.not_refused TO PUBLIC;

-- before dbm_init: what a restored dump brings is let through, and the extension may go again
SELECT * FROM public.not_refused;
BEGIN;
DROP EXTENSION dbmaestro;
ROLLBACK;

-- what is said, one of each kind
SELECT dbm_init('prod');
\pset format unaligned
\pset tuples_only on
SELECT regexp_replace(result, '^MA002 ', '') FROM public.attempt, LATERAL public.try(statement) AS result ORDER BY id;
\pset format aligned
\pset tuples_only off
DROP EXTENSION dbmaestro;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE dbmaestro.run DROP COLUMN id;
DROP SCHEMA functions CASCADE;
CREATE DOMAIN functions.dbm_lint AS text;
CREATE TABLE dbmaestro.x ();

-- the owner of the functions' schema, the owner of the database, the role that scripts run as:
-- what the server lets them try, the guard refuses
CREATE VIEW public.by_sqlstate AS
    SELECT current_user, left(result, 5) AS result, count(*) > 1 AS several, min(statement COLLATE "C") AS such_as
      FROM (SELECT *, public.try(statement) AS result FROM public.attempt) AS tried
     GROUP BY left(result, 5) ORDER BY 1, 2;
ALTER VIEW public.by_sqlstate SET (security_invoker);
GRANT SELECT ON public.by_sqlstate TO PUBLIC;
SET ROLE regress_schema_owner;
DROP SCHEMA functions CASCADE;
ALTER SCHEMA functions RENAME TO other;
CREATE FUNCTION functions.dbm_apply(text) RETURNS void LANGUAGE sql AS '';
DROP OWNED BY CURRENT_USER CASCADE;
SELECT * FROM public.by_sqlstate;
RESET ROLE;
SET ROLE regress_database_owner;
CREATE FUNCTION functions.dbm_apply(text) RETURNS void LANGUAGE sql AS '';
SELECT * FROM public.by_sqlstate;
RESET ROLE;

-- inside a run, as superuser and as a role that scripts run as
SELECT outcome FROM dbm_apply('20260101_000000_try', 'SET search_path = functions, public; CREATE TABLE public.found AS SELECT statement, public.try(statement) AS result FROM public.attempt');
SELECT statement, result FROM public.found WHERE result NOT LIKE 'MA002%';
GRANT CREATE ON SCHEMA public TO regress_run_as;
GRANT EXECUTE ON FUNCTION public.try(text) TO regress_run_as;
SELECT dbm_configure('run_as', 'regress_run_as');
SELECT outcome FROM dbm_apply('20260101_000001_try', 'CREATE TABLE public.found_too AS SELECT * FROM public.by_sqlstate');
SELECT * FROM public.found_too;

-- switched off, only the way out is open, and only to superusers
SELECT dbm_guard('off');
SELECT * FROM public.not_refused;
SET ROLE regress_schema_owner;
DROP SCHEMA functions CASCADE;
DROP EXTENSION dbmaestro CASCADE;
RESET ROLE;
-- but not out of a run
SELECT dbm_apply('20260101_000002_drop', 'DROP EXTENSION dbmaestro CASCADE');
DROP EXTENSION dbmaestro;
SELECT count(*) FROM pg_namespace WHERE nspname = 'dbmaestro';
DROP SCHEMA functions CASCADE;
\c :before
DROP DATABASE guard_self WITH (FORCE);
DROP ROLE regress_schema_owner, regress_database_owner, regress_run_as;

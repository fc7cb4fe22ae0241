-- dbmaestro: install script, put together from the parts of every room.
\echo Use "CREATE EXTENSION dbmaestro" to load this file. \quit

-- What somebody prepared under our names in the schema of the functions would
-- be called in their place: f('x') may be another function, or a cast to a type.
DO LANGUAGE plpgsql $names$
DECLARE
    found pg_catalog.text;
BEGIN
    SELECT p.oid::pg_catalog.regprocedure::pg_catalog.text INTO found
      FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
     WHERE n.nspname OPERATOR(pg_catalog.=) pg_catalog.current_schema()
       AND pg_catalog.starts_with(p.proname::pg_catalog.text, 'dbm_')
     LIMIT 1;
    IF found IS NULL THEN
        SELECT t.oid::pg_catalog.regtype::pg_catalog.text INTO found
          FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) t.typnamespace
         WHERE n.nspname OPERATOR(pg_catalog.=) pg_catalog.current_schema()
           AND t.typrelid OPERATOR(pg_catalog.=) 0
           AND pg_catalog.starts_with(t.typname::pg_catalog.text, 'dbm_')
         LIMIT 1;
    END IF;
    IF found IS NOT NULL THEN
        RAISE EXCEPTION 'schema "%" holds "%" already', pg_catalog.current_schema(), found
              USING ERRCODE = 'MA002',
                    DETAIL = 'Names that begin with dbm_ belong to dbmaestro in the schema of its functions: calls could mean something else.',
                    HINT = 'Look at what it does, drop it, and run CREATE EXTENSION dbmaestro again; or name another schema.';
    END IF;
END
$names$;

-- Made here and never adopted: a schema that somebody prepared under this name
-- makes CREATE EXTENSION fail.
CREATE SCHEMA dbmaestro;
COMMENT ON SCHEMA dbmaestro IS 'dbmaestro: ledger, audit trail, snapshots and policy of this database; written by the dbm_ functions only';

-- Trigger on every table of ours: rows are written by C alone.
CREATE FUNCTION dbmaestro._dbm_refuse_write() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'dbm_refuse_write';
COMMENT ON FUNCTION dbmaestro._dbm_refuse_write() IS 'refuses INSERT, UPDATE, DELETE and TRUNCATE on the tables of dbmaestro; only a database that is being restored may load rows';

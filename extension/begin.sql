-- dbmaestro: install script, put together from the parts of every room.
\echo Use "CREATE EXTENSION dbmaestro" to load this file. \quit

-- Made here and never adopted: a schema that somebody prepared under this name
-- makes CREATE EXTENSION fail.
CREATE SCHEMA dbmaestro;
COMMENT ON SCHEMA dbmaestro IS 'dbmaestro: ledger, audit trail, snapshots and policy of this database; written by the dbm_ functions only';

-- Trigger on every table of ours: rows are written by C alone.
CREATE FUNCTION dbmaestro._dbm_refuse_write() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'dbm_refuse_write';
COMMENT ON FUNCTION dbmaestro._dbm_refuse_write() IS 'refuses INSERT, UPDATE, DELETE and TRUNCATE on the tables of dbmaestro; only a database that is being restored may load rows';

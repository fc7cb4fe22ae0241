
-- schema: the whole schema as objects with one hash

CREATE FUNCTION dbm_schema_hash() RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'dbm_schema_hash';
COMMENT ON FUNCTION dbm_schema_hash() IS 'Root hash of the live schema, in hex: equal for equal schemas, whatever their history';

CREATE FUNCTION dbmaestro._dbm_schema_hash_full() RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'dbm_schema_hash_full';
COMMENT ON FUNCTION dbmaestro._dbm_schema_hash_full() IS 'The same as dbm_schema_hash(), computed from nothing: what the quick way is compared with';

CREATE FUNCTION dbmaestro._dbm_schema_objects(OUT kind text, OUT identity text, OUT hash text, OUT extra boolean, OUT body text) RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'dbm_schema_objects';
COMMENT ON FUNCTION dbmaestro._dbm_schema_objects() IS 'Every object of the live schema with its hash and canonical body; extra: not part of a dump, counts for the second root';

-- Housekeeping is no change of the schema, also when it moves the catalogs.
SET client_min_messages = warning;
CREATE SCHEMA s;
CREATE TABLE s.kept (id integer PRIMARY KEY, a integer, b text);
CREATE INDEX kept_a ON s.kept (a) WHERE b <> '';
CREATE SEQUENCE s.numbers;
CREATE MATERIALIZED VIEW s.held AS SELECT * FROM s.kept;
INSERT INTO s.kept SELECT i, i, i::text FROM generate_series(1, 1000) AS i;
CREATE FUNCTION s.agree(root text) RETURNS boolean LANGUAGE sql AS
    'SELECT dbm_schema_hash() = root AND dbmaestro._dbm_schema_hash_full() = root';
SELECT dbm_schema_hash() AS root \gset

VACUUM s.kept;
ANALYZE;
VACUUM ANALYZE pg_class, pg_attribute, pg_depend;
SELECT s.agree(:'root') AS vacuum;
VACUUM FULL s.kept;
TRUNCATE s.kept;
REINDEX TABLE s.kept;
REINDEX TABLE CONCURRENTLY s.kept;
REFRESH MATERIALIZED VIEW s.held;
SELECT nextval('s.numbers'), setval('s.numbers', 50);
SELECT s.agree(:'root') AS own_tables;
SELECT dbm_schema_hash() AS before \gset
CLUSTER s.kept USING kept_pkey;
SELECT dbm_schema_hash() <> :'before' AS cluster_mark_is_schema;
CLUSTER s.kept;
ALTER TABLE s.kept SET WITHOUT CLUSTER;
SELECT s.agree(:'root') AS clustered;

-- catalogs get new files
VACUUM FULL pg_attribute;
SELECT s.agree(:'root') AS vacuum_full_pg_attribute;
VACUUM FULL pg_class;
VACUUM FULL pg_proc;
VACUUM FULL pg_depend;
VACUUM FULL pg_authid;
SELECT s.agree(:'root') AS vacuum_full;
REINDEX TABLE pg_class;
SELECT s.agree(:'root') AS reindex_pg_class;

-- and are changed right after
CREATE TABLE s.next (a integer);
SELECT dbm_schema_hash() = dbmaestro._dbm_schema_hash_full() AS agree, dbm_schema_hash() <> :'root' AS changed;
VACUUM FULL pg_attribute;
ALTER TABLE s.next ADD COLUMN b integer;
SELECT dbm_schema_hash() = dbmaestro._dbm_schema_hash_full() AS agree;
DROP TABLE s.next;
VACUUM FULL pg_attribute;
VACUUM pg_class;
SELECT s.agree(:'root') AS back;

-- rows that are vacuumed away between two looks
CREATE TABLE s.next (a integer);
SELECT dbm_schema_hash() AS with_next \gset
DROP TABLE s.next;
VACUUM pg_class;
VACUUM pg_attribute;
VACUUM pg_type;
VACUUM pg_depend;
SELECT s.agree(:'root') AS dropped_and_vacuumed;
COMMENT ON COLUMN s.kept.a IS 'a';
SELECT dbm_schema_hash() AS commented \gset
COMMENT ON COLUMN s.kept.a IS NULL;
VACUUM pg_description;
SELECT s.agree(:'root') AS comment_vacuumed;

-- an index that a failed concurrent build leaves is not in a dump, but is not overlooked
INSERT INTO s.kept VALUES (1, 7, 'x'), (2, 7, 'x');
CREATE UNIQUE INDEX CONCURRENTLY kept_broken ON s.kept (a);
SELECT s.agree(:'root') AS not_in_the_root;
SELECT kind, identity, extra FROM dbmaestro._dbm_schema_objects() WHERE identity = 's.kept_broken';
DROP INDEX s.kept_broken;
CREATE INDEX CONCURRENTLY kept_whole ON s.kept (a);
SELECT kind, identity, extra FROM dbmaestro._dbm_schema_objects() WHERE identity = 's.kept_whole';
SELECT dbm_schema_hash() = dbmaestro._dbm_schema_hash_full() AS agree;

-- savepoints: what was rolled back is gone, what stayed is there
BEGIN;
CREATE TABLE s.a (a integer);
SAVEPOINT one;
ALTER TABLE s.a ADD COLUMN b integer;
SELECT dbm_schema_hash() AS inside \gset
ROLLBACK TO one;
SELECT dbm_schema_hash() <> :'inside' AS rolled_back, dbm_schema_hash() = dbmaestro._dbm_schema_hash_full() AS agree;
SAVEPOINT two;
ALTER TABLE s.a RENAME TO b;
RELEASE two;
SELECT dbm_schema_hash() = dbmaestro._dbm_schema_hash_full() AS agree;
DO $$ BEGIN
    ALTER TABLE s.b ADD COLUMN c integer;
    PERFORM dbm_schema_hash();
    RAISE EXCEPTION 'back';
EXCEPTION WHEN raise_exception THEN
    PERFORM dbm_schema_hash();
END $$;
SELECT dbm_schema_hash() = dbmaestro._dbm_schema_hash_full() AS agree;
COMMIT;
SELECT dbm_schema_hash() = dbmaestro._dbm_schema_hash_full() AS agree;
DROP SCHEMA s CASCADE;


-- schema: the whole schema as objects with one hash, and its snapshots

CREATE TABLE dbmaestro.schema_object (
    hash     bytea NOT NULL,
    kind     text  NOT NULL COLLATE "C",
    identity text  NOT NULL COLLATE "C",
    body     bytea NOT NULL,
    CONSTRAINT schema_object_pkey PRIMARY KEY (hash)
);
COMMENT ON TABLE dbmaestro.schema_object IS 'Every state that an object of the schema was ever recorded in, once';
COMMENT ON COLUMN dbmaestro.schema_object.hash IS 'SHA-256 of format, kind, identity and body';
COMMENT ON COLUMN dbmaestro.schema_object.kind IS 'Kind of object: table, index, function ...';
COMMENT ON COLUMN dbmaestro.schema_object.identity IS 'Its name, qualified and quoted, as pg_identify_object() writes it';
COMMENT ON COLUMN dbmaestro.schema_object.body IS 'Its properties, each as tag, length and value; what is the default is left out';
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.schema_object', '');

CREATE SEQUENCE dbmaestro.snapshot_id_seq;
COMMENT ON SEQUENCE dbmaestro.snapshot_id_seq IS 'Source of snapshot.id; gaps are no evidence of anything';
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.snapshot_id_seq', '');

CREATE TABLE dbmaestro.snapshot (
    id                bigint      NOT NULL,
    parent            bigint,
    root              bytea       NOT NULL,
    extra_root        bytea       NOT NULL,
    objects           integer     NOT NULL,
    changed           integer     NOT NULL,
    label             text        COLLATE "C",
    deployment        bigint,
    taken_at          timestamptz NOT NULL,
    taken_by          text        NOT NULL COLLATE "C",
    format            text        NOT NULL COLLATE "C",
    server_version    integer     NOT NULL,
    system_identifier text        NOT NULL COLLATE "C",
    database          oid         NOT NULL,
    timeline          integer     NOT NULL,
    log_position      text        NOT NULL COLLATE "C",
    next_xid          bigint      NOT NULL,
    oldest_xid        bigint      NOT NULL,
    CONSTRAINT snapshot_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE dbmaestro.snapshot IS 'The whole schema at one moment; its root hash names it';
COMMENT ON COLUMN dbmaestro.snapshot.id IS 'Number of the snapshot; a later one has a greater number';
COMMENT ON COLUMN dbmaestro.snapshot.parent IS 'The snapshot before it; NULL for the first one';
COMMENT ON COLUMN dbmaestro.snapshot.root IS 'Hash of all that pg_dump --schema-only shows of the kinds that are covered';
COMMENT ON COLUMN dbmaestro.snapshot.extra_root IS 'Hash of what it does not show: versions of extensions, invalid indexes';
COMMENT ON COLUMN dbmaestro.snapshot.objects IS 'How many objects the schema has';
COMMENT ON COLUMN dbmaestro.snapshot.changed IS 'How many of them were created, altered or dropped since the parent';
COMMENT ON COLUMN dbmaestro.snapshot.label IS 'What the person who took it called it';
COMMENT ON COLUMN dbmaestro.snapshot.deployment IS 'Deployment that it was taken for';
COMMENT ON COLUMN dbmaestro.snapshot.taken_at IS 'When it was taken';
COMMENT ON COLUMN dbmaestro.snapshot.taken_by IS 'Authenticated role that took it';
COMMENT ON COLUMN dbmaestro.snapshot.format IS 'Version of the canonical form; hashes of different formats cannot be compared';
COMMENT ON COLUMN dbmaestro.snapshot.server_version IS 'Version of the server; expressions may read differently in another major version';
COMMENT ON COLUMN dbmaestro.snapshot.system_identifier IS 'Cluster that it was taken in';
COMMENT ON COLUMN dbmaestro.snapshot.database IS 'Database that it was taken in';
COMMENT ON COLUMN dbmaestro.snapshot.timeline IS 'Timeline of the server at that moment';
COMMENT ON COLUMN dbmaestro.snapshot.log_position IS 'Position in the write-ahead log before the schema was read';
COMMENT ON COLUMN dbmaestro.snapshot.next_xid IS 'Next transaction id at that moment';
COMMENT ON COLUMN dbmaestro.snapshot.oldest_xid IS 'No other transaction that was running then is older than this';
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.snapshot', '');

CREATE TABLE dbmaestro.snapshot_object (
    kind     text   NOT NULL COLLATE "C",
    identity text   NOT NULL COLLATE "C",
    snapshot bigint NOT NULL,
    hash     bytea,
    CONSTRAINT snapshot_object_pkey PRIMARY KEY (kind, identity, snapshot)
);
CREATE INDEX snapshot_object_snapshot_idx ON dbmaestro.snapshot_object (snapshot);
COMMENT ON TABLE dbmaestro.snapshot_object IS 'What changed with each snapshot: in snapshot n an object is as its newest row up to n says';
COMMENT ON COLUMN dbmaestro.snapshot_object.kind IS 'Kind of object';
COMMENT ON COLUMN dbmaestro.snapshot_object.identity IS 'Its name, qualified and quoted';
COMMENT ON COLUMN dbmaestro.snapshot_object.snapshot IS 'Snapshot that first saw it so';
COMMENT ON COLUMN dbmaestro.snapshot_object.hash IS 'Its state in schema_object; NULL: it was gone';
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.snapshot_object', '');

CREATE TABLE dbmaestro.schema_saved (
    id       bigint      NOT NULL,
    origin   text        NOT NULL COLLATE "C",
    snapshot bigint      NOT NULL,
    units    integer     NOT NULL,
    saved_at timestamptz NOT NULL,
    checksum bigint      NOT NULL,
    state    bytea       NOT NULL,
    CONSTRAINT schema_saved_pkey PRIMARY KEY (id)
);
-- hashes for the most part, which do not get smaller
ALTER TABLE dbmaestro.schema_saved ALTER COLUMN state SET STORAGE EXTERNAL;
COMMENT ON TABLE dbmaestro.schema_saved IS 'What one session found out about a large schema, for the next one to begin with; one row, of no use anywhere else, and in no dump';
COMMENT ON COLUMN dbmaestro.schema_saved.id IS 'Always 1';
COMMENT ON COLUMN dbmaestro.schema_saved.origin IS 'Where it is of use: formats, server, cluster and database';
COMMENT ON COLUMN dbmaestro.schema_saved.snapshot IS 'Snapshot that shows the same schema';
COMMENT ON COLUMN dbmaestro.schema_saved.units IS 'How many relations, functions and other units it holds';
COMMENT ON COLUMN dbmaestro.schema_saved.saved_at IS 'When it was saved';
COMMENT ON COLUMN dbmaestro.schema_saved.checksum IS 'CRC-32C of state';
COMMENT ON COLUMN dbmaestro.schema_saved.state IS 'Names and hashes of the objects, and which rows of the catalogs they were read from';

CREATE TRIGGER dbmaestro_refuse_row BEFORE INSERT OR UPDATE OR DELETE ON dbmaestro.schema_saved FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
CREATE TRIGGER dbmaestro_refuse_truncate BEFORE TRUNCATE ON dbmaestro.schema_saved FOR EACH STATEMENT EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
ALTER TABLE dbmaestro.schema_saved ENABLE ALWAYS TRIGGER dbmaestro_refuse_row;
ALTER TABLE dbmaestro.schema_saved ENABLE ALWAYS TRIGGER dbmaestro_refuse_truncate;
CREATE TRIGGER dbmaestro_refuse_row BEFORE INSERT OR UPDATE OR DELETE ON dbmaestro.schema_object FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
CREATE TRIGGER dbmaestro_refuse_truncate BEFORE TRUNCATE ON dbmaestro.schema_object FOR EACH STATEMENT EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
ALTER TABLE dbmaestro.schema_object ENABLE ALWAYS TRIGGER dbmaestro_refuse_row;
ALTER TABLE dbmaestro.schema_object ENABLE ALWAYS TRIGGER dbmaestro_refuse_truncate;
CREATE TRIGGER dbmaestro_refuse_row BEFORE INSERT OR UPDATE OR DELETE ON dbmaestro.snapshot FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
CREATE TRIGGER dbmaestro_refuse_truncate BEFORE TRUNCATE ON dbmaestro.snapshot FOR EACH STATEMENT EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
ALTER TABLE dbmaestro.snapshot ENABLE ALWAYS TRIGGER dbmaestro_refuse_row;
ALTER TABLE dbmaestro.snapshot ENABLE ALWAYS TRIGGER dbmaestro_refuse_truncate;
CREATE TRIGGER dbmaestro_refuse_row BEFORE INSERT OR UPDATE OR DELETE ON dbmaestro.snapshot_object FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
CREATE TRIGGER dbmaestro_refuse_truncate BEFORE TRUNCATE ON dbmaestro.snapshot_object FOR EACH STATEMENT EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
ALTER TABLE dbmaestro.snapshot_object ENABLE ALWAYS TRIGGER dbmaestro_refuse_row;
ALTER TABLE dbmaestro.snapshot_object ENABLE ALWAYS TRIGGER dbmaestro_refuse_truncate;

CREATE VIEW dbmaestro.object_history AS
SELECT o.kind,
       o.identity,
       o.snapshot,
       s.taken_at AS at,
       CASE WHEN o.hash IS NULL THEN 'dropped'
            WHEN pg_catalog.lag(o.hash) OVER history IS NULL THEN 'created'
            ELSE 'altered'
       END AS change,
       pg_catalog.encode(o.hash, 'hex') AS hash,
       s.deployment,
       s.label,
       s.taken_by
  FROM dbmaestro.snapshot_object AS o
  JOIN dbmaestro.snapshot AS s ON s.id OPERATOR(pg_catalog.=) o.snapshot
WINDOW history AS (PARTITION BY o.kind, o.identity ORDER BY o.snapshot);
COMMENT ON VIEW dbmaestro.object_history IS 'What happened to each object of the schema, snapshot by snapshot';
COMMENT ON COLUMN dbmaestro.object_history.kind IS 'Kind of object';
COMMENT ON COLUMN dbmaestro.object_history.identity IS 'Its name, qualified and quoted';
COMMENT ON COLUMN dbmaestro.object_history.snapshot IS 'Snapshot that first saw the change';
COMMENT ON COLUMN dbmaestro.object_history.at IS 'When that was taken';
COMMENT ON COLUMN dbmaestro.object_history.change IS 'created, altered or dropped (in the first snapshot of all: created)';
COMMENT ON COLUMN dbmaestro.object_history.hash IS 'Hash of the object from then on; NULL: it was gone';
COMMENT ON COLUMN dbmaestro.object_history.deployment IS 'Deployment that the snapshot was taken for';
COMMENT ON COLUMN dbmaestro.object_history.label IS 'Label of the snapshot';
COMMENT ON COLUMN dbmaestro.object_history.taken_by IS 'Authenticated role that took it';

CREATE FUNCTION dbm_schema_hash() RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'dbm_schema_hash';
COMMENT ON FUNCTION dbm_schema_hash() IS 'Root hash of the live schema, in hex: equal for equal schemas, whatever their history';

CREATE FUNCTION dbmaestro._dbm_schema_hash_full() RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'dbm_schema_hash_full';
COMMENT ON FUNCTION dbmaestro._dbm_schema_hash_full() IS 'The same as dbm_schema_hash(), computed from nothing: what the quick way is compared with';

CREATE FUNCTION dbmaestro._dbm_schema_objects(OUT kind text, OUT identity text, OUT hash text, OUT extra boolean, OUT body text) RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'dbm_schema_objects';
COMMENT ON FUNCTION dbmaestro._dbm_schema_objects() IS 'Every object of the live schema with its hash and canonical body; extra: not part of a dump, counts for the second root';

CREATE FUNCTION dbmaestro._dbm_snapshot_difference("from" bigint, "to" bigint, OUT kind text, OUT identity text, OUT before text, OUT after text) RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'dbm_snapshot_difference_rows';
COMMENT ON FUNCTION dbmaestro._dbm_snapshot_difference(bigint, bigint) IS 'Objects that differ between two snapshots, with their hashes; NULL: not there';

-- A snapshot holds what changed since the one before it; any past state can be
-- read, and each object has a history.
SET client_min_messages = warning;
CREATE SCHEMA snap;
CREATE TABLE snap.first (id integer PRIMARY KEY, a integer);
-- numbers differ from run to run: name snapshots by their order
CREATE TEMPORARY TABLE taken (name text, id bigint);
INSERT INTO taken VALUES ('start', dbm_snapshot());
SELECT id IS NOT NULL AS recorded, objects = (SELECT count(*) FROM dbmaestro._dbm_schema_objects()) AS counted,
       encode(root, 'hex') = dbm_schema_hash() AS root, format, server_version = current_setting('server_version_num')::integer AS version,
       database = (SELECT oid FROM pg_database WHERE datname = current_database()) AS database, taken_by = session_user AS taken_by, label
  FROM dbmaestro.snapshot WHERE id = (SELECT id FROM taken WHERE name = 'start');

-- the same schema is not recorded twice, unless somebody gives it a name
SELECT dbm_snapshot() = id AS same FROM taken WHERE name = 'start';
SELECT dbm_snapshot('release 1') > id AS named FROM taken WHERE name = 'start';
SELECT label, changed FROM dbmaestro.snapshot WHERE label = 'release 1';

ALTER TABLE snap.first ADD COLUMN b text;
CREATE INDEX first_b ON snap.first (b);
INSERT INTO taken VALUES ('altered', dbm_snapshot());
DROP INDEX snap.first_b;
INSERT INTO taken VALUES ('dropped', dbm_snapshot());
ALTER TABLE snap.first DROP COLUMN b;
INSERT INTO taken VALUES ('undone', dbm_snapshot());
SELECT t.name, CASE WHEN t.name <> 'start' THEN s.changed END AS changed, s.root = f.root AS root_of_start
  FROM taken t JOIN dbmaestro.snapshot s USING (id), dbmaestro.snapshot f
 WHERE f.id = (SELECT id FROM taken WHERE name = 'start') ORDER BY s.id;
SELECT count(*) = 2 AS once_per_state FROM dbmaestro.schema_object WHERE kind = 'table' AND identity = 'snap.first';
SELECT kind, identity, change, at IS NOT NULL AS dated FROM dbmaestro.object_history
 WHERE identity IN ('snap.first', 'snap.first_b') ORDER BY snapshot, kind;
SELECT convert_from(body, 'UTF8') AS body FROM dbmaestro.schema_object WHERE identity = 'snap.first_b';

-- differences between any two, in both directions
SELECT f.name AS from, t.name AS to, d.kind, d.identity, d.before IS NOT NULL AS before, d.after IS NOT NULL AS after
  FROM taken f, taken t, LATERAL dbmaestro._dbm_snapshot_difference(f.id, t.id) d
 WHERE (f.name, t.name) IN (('start', 'altered'), ('altered', 'start'), ('altered', 'dropped'), ('start', 'undone'))
 ORDER BY 1, 2, 3;

-- what is rolled back leaves no snapshot, and the next one is right again
BEGIN;
CREATE TABLE snap.second (a integer);
SELECT dbm_snapshot() > id AS recorded FROM taken WHERE name = 'undone';
SAVEPOINT one;
CREATE TABLE snap.third (a integer);
SELECT dbm_snapshot() > id AS recorded FROM taken WHERE name = 'undone';
ROLLBACK TO one;
CREATE VIEW snap.fourth AS SELECT 1 AS one;
INSERT INTO taken VALUES ('in savepoint', dbm_snapshot());
SELECT kind, identity, before IS NULL AS created
  FROM dbmaestro._dbm_snapshot_difference((SELECT id FROM taken WHERE name = 'undone'), (SELECT id FROM taken WHERE name = 'in savepoint'));
ROLLBACK;
SELECT dbm_snapshot() = id AS back FROM taken WHERE name = 'undone';
CREATE VIEW snap.fifth AS SELECT 5 AS five;
INSERT INTO taken VALUES ('after', dbm_snapshot());
SELECT kind, identity, before IS NULL AS created
  FROM dbmaestro._dbm_snapshot_difference((SELECT id FROM taken WHERE name = 'undone'), (SELECT id FROM taken WHERE name = 'after'));

-- another session knows nothing of the first one's journal
\c -
SET client_min_messages = warning;
SELECT dbm_snapshot() = max(id) AS same FROM dbmaestro.snapshot;
\c -
SET client_min_messages = warning;
DROP VIEW snap.fifth;
ALTER TABLE snap.first RENAME TO renamed;
SELECT dbm_snapshot() AS last \gset
SELECT kind, identity, before IS NOT NULL AS before, after IS NOT NULL AS after
  FROM dbmaestro._dbm_snapshot_difference((SELECT parent FROM dbmaestro.snapshot WHERE id = :last), :last);
-- what the tables say adds up to the live schema
SELECT count(*) AS wrong
  FROM (SELECT DISTINCT ON (kind, identity) kind, identity, encode(hash, 'hex') AS hash
          FROM dbmaestro.snapshot_object ORDER BY kind, identity, snapshot DESC) AS stored
  FULL JOIN dbmaestro._dbm_schema_objects() AS live USING (kind, identity)
 WHERE stored.hash IS DISTINCT FROM live.hash;
SELECT count(*) AS without_body FROM dbmaestro.snapshot_object o
 WHERE hash IS NOT NULL AND NOT EXISTS (SELECT FROM dbmaestro.schema_object b WHERE b.hash = o.hash);

BEGIN READ ONLY;
SELECT dbm_snapshot() = :last AS nothing_to_write;
SELECT dbm_snapshot('named');
ROLLBACK;
\echo :LAST_ERROR_SQLSTATE
DROP SCHEMA snap CASCADE;

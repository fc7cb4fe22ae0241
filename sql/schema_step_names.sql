-- A name that changes must reach everything that mentions it.
\getenv directory PG_ABS_SRCDIR
\set harness :directory '/test/lib/schema_steps.sql'
\set ECHO none
\i :harness
\set ECHO all
SET client_min_messages = warning;
CREATE ROLE regress_schema_a;
CREATE ROLE regress_schema_b;
CREATE SCHEMA s;
CREATE TYPE s.color AS ENUM ('red', 'green');
CREATE TYPE s.core AS (u integer, v text);
CREATE TYPE s.shell AS (i s.core, w integer);
CREATE DOMAIN s.small AS integer CHECK (VALUE < 100);
CREATE SEQUENCE s.numbers;
CREATE FUNCTION s.twice(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1';
CREATE FUNCTION s.make() RETURNS SETOF s.shell LANGUAGE sql AS 'SELECT NULL::s.shell';
CREATE FUNCTION s.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE COLLATION s.coll FROM "C";
CREATE OPERATOR s.=== (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq);
CREATE TEXT SEARCH CONFIGURATION s.words (COPY = simple);
CREATE TABLE s.base (
    id integer PRIMARY KEY DEFAULT nextval('s.numbers'),
    a integer CHECK (s.twice(a) > 0),
    c s.color DEFAULT 'red',
    d s.small,
    o s.shell,
    t text COLLATE s.coll,
    g integer GENERATED ALWAYS AS (s.twice(a)) STORED,
    CONSTRAINT same CHECK (id OPERATOR(s.===) id OR (o).w = 1 OR ((o).i).u = 2)
);
ALTER TABLE s.base OWNER TO regress_schema_a;
GRANT SELECT ON s.base TO regress_schema_b;
CREATE INDEX base_expr ON s.base (s.twice(a), (t COLLATE s.coll)) WHERE c = 'green';
CREATE INDEX base_words ON s.base USING gin (to_tsvector('s.words', t));
CREATE TABLE s.ref (id integer PRIMARY KEY, base_id integer REFERENCES s.base, arr s.color[]);
CREATE VIEW s.v1 AS SELECT b.id, b.a AS renamed, b.c FROM s.base b WHERE s.twice(b.a) > 1;
CREATE VIEW s.v2 AS SELECT * FROM s.v1 JOIN s.ref USING (id);
CREATE VIEW s.v3 AS SELECT m.i, m.w FROM s.make() m;
CREATE VIEW s.v4 AS SELECT b FROM s.base b;
CREATE FUNCTION s.uses(x s.base, y s.color DEFAULT 'green') RETURNS integer LANGUAGE sql
    BEGIN ATOMIC SELECT count(*)::integer FROM s.base WHERE a = (x).a AND c = y; END;
CREATE TRIGGER fires BEFORE UPDATE OF a ON s.base FOR EACH ROW WHEN (s.twice(new.a) > 1) EXECUTE FUNCTION s.fire();
CREATE RULE rules AS ON DELETE TO s.ref DO ALSO DELETE FROM s.base WHERE id = old.base_id;
CREATE POLICY allows ON s.ref TO regress_schema_b USING (EXISTS (SELECT FROM s.base WHERE base.id = ref.base_id));
CREATE STATISTICS s.stats ON (s.twice(a)), (c = 'red') FROM s.base;
CREATE TABLE s.list (c s.color, d s.small) PARTITION BY LIST (c);
CREATE TABLE s.list1 PARTITION OF s.list FOR VALUES IN ('red');
CREATE INDEX list_c ON s.list (c);

INSERT INTO steps.step (statement, undo) VALUES
('ALTER TABLE s.base RENAME TO base2', 'ALTER TABLE s.base2 RENAME TO base'),
('ALTER TABLE s.base RENAME COLUMN a TO a2', 'ALTER TABLE s.base RENAME COLUMN a2 TO a'),
('ALTER TABLE s.base RENAME COLUMN id TO id2', 'ALTER TABLE s.base RENAME COLUMN id2 TO id'),
('ALTER TABLE s.base ADD COLUMN base_id integer', 'ALTER TABLE s.base DROP COLUMN base_id'),
('ALTER TYPE s.shell ADD ATTRIBUTE x integer', 'ALTER TYPE s.shell DROP ATTRIBUTE x'),
('ALTER TABLE s.ref ADD COLUMN a integer DEFAULT 1', 'ALTER TABLE s.ref DROP COLUMN a'),
(E'ALTER TABLE s.base ADD COLUMN f1 integer\nALTER TABLE s.base RENAME COLUMN f1 TO f2', 'ALTER TABLE s.base DROP COLUMN f2'),
('CREATE OR REPLACE VIEW s.v1 AS SELECT b.id, b.a AS renamed, b.c, b.d AS base_id FROM s.base b', E'DROP VIEW s.v2\nDROP VIEW s.v1\nCREATE VIEW s.v1 AS SELECT b.id, b.a AS renamed, b.c FROM s.base b WHERE s.twice(b.a) > 1\nCREATE VIEW s.v2 AS SELECT * FROM s.v1 JOIN s.ref USING (id)'),
(E'CREATE FUNCTION s.of() RETURNS SETOF s.ref LANGUAGE sql AS ''TABLE s.ref''\nCREATE VIEW s.v5 AS SELECT * FROM s.of()\nALTER TABLE s.ref ADD COLUMN z integer', E'DROP VIEW s.v5\nDROP FUNCTION s.of\nALTER TABLE s.ref DROP COLUMN z'),
('ALTER VIEW s.v1 RENAME COLUMN renamed TO again', 'ALTER VIEW s.v1 RENAME COLUMN again TO renamed'),
('ALTER VIEW s.v1 RENAME TO v9', 'ALTER VIEW s.v9 RENAME TO v1'),
('ALTER TABLE s.ref RENAME COLUMN arr TO a', 'ALTER TABLE s.ref RENAME COLUMN a TO arr'),
('ALTER SEQUENCE s.numbers RENAME TO numbers2', 'ALTER SEQUENCE s.numbers2 RENAME TO numbers'),
('ALTER FUNCTION s.twice RENAME TO double', 'ALTER FUNCTION s.double RENAME TO twice'),
('ALTER FUNCTION s.fire RENAME TO fire2', 'ALTER FUNCTION s.fire2 RENAME TO fire'),
('ALTER FUNCTION s.make RENAME TO make2', 'ALTER FUNCTION s.make2 RENAME TO make'),
('ALTER TYPE s.color RENAME TO colour', 'ALTER TYPE s.colour RENAME TO color'),
('ALTER TYPE s.color RENAME VALUE ''green'' TO ''gruen''', 'ALTER TYPE s.color RENAME VALUE ''gruen'' TO ''green'''),
('ALTER TYPE s.color RENAME VALUE ''red'' TO ''rot''', 'ALTER TYPE s.color RENAME VALUE ''rot'' TO ''red'''),
('ALTER TYPE s.core RENAME TO core2', 'ALTER TYPE s.core2 RENAME TO core'),
('ALTER TYPE s.shell RENAME ATTRIBUTE w TO ww', 'ALTER TYPE s.shell RENAME ATTRIBUTE ww TO w'),
('ALTER TYPE s.core RENAME ATTRIBUTE u TO uu', 'ALTER TYPE s.core RENAME ATTRIBUTE uu TO u'),
('ALTER DOMAIN s.small RENAME TO little', 'ALTER DOMAIN s.little RENAME TO small'),
('ALTER COLLATION s.coll RENAME TO coll2', 'ALTER COLLATION s.coll2 RENAME TO coll'),
('ALTER OPERATOR s.=== (integer, integer) SET SCHEMA public', 'ALTER OPERATOR public.=== (integer, integer) SET SCHEMA s'),
('ALTER TEXT SEARCH CONFIGURATION s.words RENAME TO words2', 'ALTER TEXT SEARCH CONFIGURATION s.words2 RENAME TO words'),
('ALTER TABLE s.list RENAME TO list2', 'ALTER TABLE s.list2 RENAME TO list'),
('ALTER INDEX s.list_c RENAME TO list_cc', 'ALTER INDEX s.list_cc RENAME TO list_c'),
('ALTER TABLE s.base SET SCHEMA public', 'ALTER TABLE public.base SET SCHEMA s'),
('ALTER TYPE s.color SET SCHEMA public', 'ALTER TYPE public.color SET SCHEMA s'),
('ALTER FUNCTION s.twice SET SCHEMA public', 'ALTER FUNCTION public.twice SET SCHEMA s'),
('ALTER SCHEMA s RENAME TO s2', 'ALTER SCHEMA s2 RENAME TO s'),
('ALTER ROLE regress_schema_a RENAME TO regress_schema_c', 'ALTER ROLE regress_schema_c RENAME TO regress_schema_a'),
('ALTER ROLE regress_schema_b RENAME TO regress_schema_c', 'ALTER ROLE regress_schema_c RENAME TO regress_schema_b'),
('DROP TABLE s.list', 'CREATE TABLE s.list (c s.color, d s.small) PARTITION BY LIST (c)' || E'\nCREATE TABLE s.list1 PARTITION OF s.list FOR VALUES IN (''red'')\nCREATE INDEX list_c ON s.list (c)');
INSERT INTO steps.step (statement, undo, same) VALUES
('ALTER ROLE regress_schema_a PASSWORD NULL CONNECTION LIMIT 3', 'ALTER ROLE regress_schema_a CONNECTION LIMIT -1', true),
('CREATE ROLE regress_schema_d', 'DROP ROLE regress_schema_d', true),
(E'CREATE TEMPORARY TABLE base (a integer)\nCREATE TEMPORARY VIEW v AS SELECT * FROM s.base', E'DROP VIEW v\nDROP TABLE pg_temp.base', true);
CALL steps.run();
SELECT statement, finding FROM steps.finding ORDER BY number;
SELECT count(*) > 25 AS many_steps FROM steps.step;
DROP SCHEMA s, steps CASCADE;
DROP ROLE regress_schema_a, regress_schema_b;

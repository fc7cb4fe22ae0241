-- Every property of tables and columns moves the root, and back.
\getenv directory PG_ABS_SRCDIR
\set harness :directory '/test/lib/schema_steps.sql'
\set ECHO none
\i :harness
\set ECHO all
SET client_min_messages = warning;
CREATE ROLE regress_schema_a;
CREATE ROLE regress_schema_b;
CREATE SCHEMA s;
CREATE TYPE s.pair AS (x integer, y text);
CREATE TABLE s.parent (id integer PRIMARY KEY, name text DEFAULT 'n', note varchar(20));
CREATE TABLE s.child (id integer PRIMARY KEY, parent_id integer REFERENCES s.parent, amount numeric(10,2));
CREATE UNIQUE INDEX child_amount ON s.child (amount);
CREATE TABLE s.part (k integer NOT NULL, v text) PARTITION BY RANGE (k);
CREATE TABLE s.part1 PARTITION OF s.part FOR VALUES FROM (1) TO (10);
CREATE TABLE s.part2 (k integer NOT NULL, v text);
CREATE TABLE s.loose (a integer, b text);
CREATE TABLE s.gone (a integer, b integer, c integer);
ALTER TABLE s.gone DROP COLUMN b;
CREATE VIEW s.seen AS SELECT p.id, p.name, c.amount FROM s.parent p JOIN s.child c ON c.parent_id = p.id;

INSERT INTO steps.step (statement, undo) VALUES
-- tables
('CREATE TABLE s.new (id integer)', 'DROP TABLE s.new'),
('CREATE UNLOGGED TABLE s.new (id integer)', 'DROP TABLE s.new'),
('ALTER TABLE s.loose SET UNLOGGED', 'ALTER TABLE s.loose SET LOGGED'),
('ALTER TABLE s.parent RENAME TO parent2', 'ALTER TABLE s.parent2 RENAME TO parent'),
('ALTER TABLE s.parent SET SCHEMA public', 'ALTER TABLE public.parent SET SCHEMA s'),
('ALTER TABLE s.parent OWNER TO regress_schema_a', 'ALTER TABLE s.parent OWNER TO CURRENT_USER'),
(E'CREATE TYPE s.kind AS (a integer, b text)\nALTER TABLE s.loose OF s.kind', E'ALTER TABLE s.loose NOT OF\nDROP TYPE s.kind'),
('ALTER TABLE s.parent SET (fillfactor = 70, autovacuum_enabled = off)', 'ALTER TABLE s.parent RESET (fillfactor, autovacuum_enabled)'),
('ALTER TABLE s.parent SET (toast.autovacuum_enabled = off)', 'ALTER TABLE s.parent RESET (toast.autovacuum_enabled)'),
('ALTER TABLE s.parent REPLICA IDENTITY FULL', 'ALTER TABLE s.parent REPLICA IDENTITY DEFAULT'),
('ALTER TABLE s.parent REPLICA IDENTITY NOTHING', 'ALTER TABLE s.parent REPLICA IDENTITY DEFAULT'),
('ALTER TABLE s.parent REPLICA IDENTITY USING INDEX parent_pkey', 'ALTER TABLE s.parent REPLICA IDENTITY DEFAULT'),
('ALTER TABLE s.parent ENABLE ROW LEVEL SECURITY', 'ALTER TABLE s.parent DISABLE ROW LEVEL SECURITY'),
('ALTER TABLE s.parent FORCE ROW LEVEL SECURITY', 'ALTER TABLE s.parent NO FORCE ROW LEVEL SECURITY'),
('ALTER TABLE s.parent CLUSTER ON parent_pkey', 'ALTER TABLE s.parent SET WITHOUT CLUSTER'),
('COMMENT ON TABLE s.parent IS ''c''', 'COMMENT ON TABLE s.parent IS NULL'),
('GRANT SELECT ON s.parent TO regress_schema_a', 'REVOKE SELECT ON s.parent FROM regress_schema_a'),
('GRANT SELECT ON s.parent TO regress_schema_a WITH GRANT OPTION', 'REVOKE SELECT ON s.parent FROM regress_schema_a'),
('GRANT ALL ON s.parent TO PUBLIC', 'REVOKE ALL ON s.parent FROM PUBLIC'),
('REVOKE TRIGGER ON s.parent FROM CURRENT_USER', 'GRANT TRIGGER ON s.parent TO CURRENT_USER'),
('REVOKE ALL ON s.parent FROM CURRENT_USER', 'GRANT ALL ON s.parent TO CURRENT_USER'),
(E'CREATE ACCESS METHOD regress_heap TYPE TABLE HANDLER heap_tableam_handler\nALTER TABLE s.loose SET ACCESS METHOD regress_heap', E'ALTER TABLE s.loose SET ACCESS METHOD heap\nDROP ACCESS METHOD regress_heap'),
-- inheritance and partitions
(E'CREATE TABLE s.heir () INHERITS (s.loose)', 'DROP TABLE s.heir'),
(E'CREATE TABLE s.heir (a integer, b text)\nALTER TABLE s.heir INHERIT s.loose', 'DROP TABLE s.heir'),
('ALTER TABLE s.part ATTACH PARTITION s.part2 FOR VALUES FROM (10) TO (20)', 'ALTER TABLE s.part DETACH PARTITION s.part2'),
('ALTER TABLE s.part ATTACH PARTITION s.part2 DEFAULT', 'ALTER TABLE s.part DETACH PARTITION s.part2'),
(E'ALTER TABLE s.part DETACH PARTITION s.part1\nALTER TABLE s.part ATTACH PARTITION s.part1 FOR VALUES FROM (1) TO (11)', E'ALTER TABLE s.part DETACH PARTITION s.part1\nALTER TABLE s.part ATTACH PARTITION s.part1 FOR VALUES FROM (1) TO (10)'),
('CREATE TABLE s.hash (a integer, b text) PARTITION BY HASH (a, lower(b) COLLATE "C")', 'DROP TABLE s.hash'),
('CREATE INDEX part_v ON s.part (v)', 'DROP INDEX s.part_v'),
('CREATE INDEX part_v ON ONLY s.part (v)', 'DROP INDEX s.part_v'),
('ALTER TABLE s.part ADD PRIMARY KEY (k)', 'ALTER TABLE s.part DROP CONSTRAINT part_pkey'),
-- columns
('ALTER TABLE s.loose ADD COLUMN c integer', 'ALTER TABLE s.loose DROP COLUMN c'),
('ALTER TABLE s.parent ADD COLUMN c integer', 'ALTER TABLE s.parent DROP COLUMN c'),
('ALTER TABLE s.parent RENAME COLUMN name TO title', 'ALTER TABLE s.parent RENAME COLUMN title TO name'),
('ALTER TABLE s.gone RENAME COLUMN c TO d', 'ALTER TABLE s.gone RENAME COLUMN d TO c'),
('ALTER TABLE s.parent ALTER COLUMN note TYPE varchar(30)', 'ALTER TABLE s.parent ALTER COLUMN note TYPE varchar(20)'),
('ALTER TABLE s.parent ALTER COLUMN note TYPE text', 'ALTER TABLE s.parent ALTER COLUMN note TYPE varchar(20)'),
('ALTER TABLE s.loose ALTER COLUMN b TYPE text COLLATE "C"', 'ALTER TABLE s.loose ALTER COLUMN b TYPE text COLLATE "default"'),
('ALTER TABLE s.parent ALTER COLUMN note SET NOT NULL', 'ALTER TABLE s.parent ALTER COLUMN note DROP NOT NULL'),
('ALTER TABLE s.parent ALTER COLUMN note SET DEFAULT ''x''', 'ALTER TABLE s.parent ALTER COLUMN note DROP DEFAULT'),
('ALTER TABLE s.parent ALTER COLUMN name DROP DEFAULT', 'ALTER TABLE s.parent ALTER COLUMN name SET DEFAULT ''n'''),
('ALTER TABLE s.parent ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY', 'ALTER TABLE s.parent ALTER COLUMN id DROP IDENTITY'),
('ALTER TABLE s.loose ADD COLUMN g integer GENERATED ALWAYS AS (a * 2) STORED', 'ALTER TABLE s.loose DROP COLUMN g'),
('ALTER TABLE s.parent ALTER COLUMN name SET STORAGE EXTERNAL', 'ALTER TABLE s.parent ALTER COLUMN name SET STORAGE EXTENDED'),
('ALTER TABLE s.parent ALTER COLUMN name SET COMPRESSION pglz', 'ALTER TABLE s.parent ALTER COLUMN name SET COMPRESSION DEFAULT'),
('ALTER TABLE s.parent ALTER COLUMN name SET STATISTICS 100', 'ALTER TABLE s.parent ALTER COLUMN name SET STATISTICS -1'),
('ALTER TABLE s.parent ALTER COLUMN name SET (n_distinct = 5)', 'ALTER TABLE s.parent ALTER COLUMN name RESET (n_distinct)'),
('COMMENT ON COLUMN s.parent.name IS ''c''', 'COMMENT ON COLUMN s.parent.name IS NULL'),
('COMMENT ON COLUMN s.seen.amount IS ''c''', 'COMMENT ON COLUMN s.seen.amount IS NULL'),
('GRANT UPDATE (name) ON s.parent TO regress_schema_a', 'REVOKE UPDATE (name) ON s.parent FROM regress_schema_a'),
('GRANT SELECT (xmin) ON s.parent TO regress_schema_a', 'REVOKE SELECT (xmin) ON s.parent FROM regress_schema_a');
CALL steps.run();
SELECT statement, finding FROM steps.finding ORDER BY number;
SELECT count(*) > 45 AS many_steps FROM steps.step;

-- what differs in history but not in what a dump says
SELECT dbm_schema_hash() AS before \gset
GRANT SELECT ON s.loose TO regress_schema_a, regress_schema_b;
REVOKE ALL ON s.loose FROM regress_schema_a, regress_schema_b;
ALTER TABLE s.loose ADD COLUMN c integer, ALTER COLUMN a SET STATISTICS 5;
ALTER TABLE s.loose DROP COLUMN c, ALTER COLUMN a SET STATISTICS -1;
ALTER TABLE s.loose SET (fillfactor = 50);
ALTER TABLE s.loose RESET (fillfactor);
SELECT dbm_schema_hash() = :'before' AS same;
GRANT SELECT ON s.loose TO regress_schema_a;
GRANT SELECT ON s.loose TO regress_schema_b;
SELECT dbm_schema_hash() AS before \gset
REVOKE ALL ON s.loose FROM regress_schema_a;
GRANT SELECT ON s.loose TO regress_schema_a;
SELECT dbm_schema_hash() = :'before' AS same_whatever_the_order;

DROP SCHEMA s, steps CASCADE;
DROP ROLE regress_schema_a, regress_schema_b;

-- Indexes, constraints, triggers, rules, policies, statistics, sequences, views.
\getenv directory PG_ABS_SRCDIR
\set harness :directory '/test/lib/schema_steps.sql'
\set ECHO none
\i :harness
\set ECHO all
SET client_min_messages = warning;
CREATE ROLE regress_schema_a;
CREATE SCHEMA s;
CREATE FUNCTION s.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TABLE s.one (id integer PRIMARY KEY, a integer, b text, c int4range, UNIQUE (a, id));
CREATE TABLE s.two (id integer PRIMARY KEY, one_id integer, a integer);
CREATE TABLE s.part (k integer, v text) PARTITION BY RANGE (k);
CREATE TABLE s.part1 PARTITION OF s.part FOR VALUES FROM (1) TO (10);
CREATE TRIGGER t AFTER INSERT ON s.part FOR EACH ROW EXECUTE FUNCTION s.fire();
CREATE INDEX plain ON s.one (b);
CREATE SEQUENCE s.counter;
CREATE VIEW s.look AS SELECT id, a FROM s.one;
CREATE VIEW s.both AS SELECT id, a FROM s.one UNION ALL SELECT id, one_id FROM s.two ORDER BY 1;
CREATE MATERIALIZED VIEW s.held AS SELECT id, b FROM s.one;
CREATE POLICY p ON s.one;
CREATE RULE r AS ON UPDATE TO s.two DO ALSO NOTIFY told;
CREATE TRIGGER t AFTER UPDATE ON s.one FOR EACH ROW EXECUTE FUNCTION s.fire();
CREATE STATISTICS s.st ON a, b FROM s.one;
ALTER TABLE s.two ADD CONSTRAINT fk FOREIGN KEY (one_id) REFERENCES s.one;

INSERT INTO steps.step (statement, undo) VALUES
-- indexes
('CREATE INDEX i ON s.one (a)', 'DROP INDEX s.i'),
('CREATE UNIQUE INDEX i ON s.one (a) NULLS NOT DISTINCT', 'DROP INDEX s.i'),
(E'DROP INDEX s.plain\nCREATE INDEX plain ON s.one (b DESC)', E'DROP INDEX s.plain\nCREATE INDEX plain ON s.one (b)'),
(E'DROP INDEX s.plain\nCREATE INDEX plain ON s.one (b NULLS FIRST)', E'DROP INDEX s.plain\nCREATE INDEX plain ON s.one (b)'),
(E'DROP INDEX s.plain\nCREATE INDEX plain ON s.one (b text_pattern_ops)', E'DROP INDEX s.plain\nCREATE INDEX plain ON s.one (b)'),
(E'DROP INDEX s.plain\nCREATE INDEX plain ON s.one (b COLLATE "C")', E'DROP INDEX s.plain\nCREATE INDEX plain ON s.one (b)'),
(E'DROP INDEX s.plain\nCREATE INDEX plain ON s.one (b) INCLUDE (a)', E'DROP INDEX s.plain\nCREATE INDEX plain ON s.one (b)'),
(E'DROP INDEX s.plain\nCREATE INDEX plain ON s.one (b) WHERE a > 0', E'DROP INDEX s.plain\nCREATE INDEX plain ON s.one (b)'),
(E'DROP INDEX s.plain\nCREATE INDEX plain ON s.one (lower(b))', E'DROP INDEX s.plain\nCREATE INDEX plain ON s.one (b)'),
(E'DROP INDEX s.plain\nCREATE INDEX plain ON s.one USING hash (b)', E'DROP INDEX s.plain\nCREATE INDEX plain ON s.one (b)'),
('ALTER INDEX s.plain SET (fillfactor = 60)', 'ALTER INDEX s.plain RESET (fillfactor)'),
('ALTER INDEX s.plain RENAME TO plainer', 'ALTER INDEX s.plainer RENAME TO plain'),
(E'CREATE INDEX i ON s.one USING gist (c range_ops)\nCREATE INDEX e ON s.one ((a + 1))\nALTER INDEX s.e ALTER COLUMN 1 SET STATISTICS 7', 'DROP INDEX s.i, s.e'),
(E'CREATE INDEX i ON s.one USING gist (to_tsvector(''simple'', b) tsvector_ops (siglen = 100))', 'DROP INDEX s.i'),
('COMMENT ON INDEX s.plain IS ''c''', 'COMMENT ON INDEX s.plain IS NULL'),
('ALTER TABLE s.one CLUSTER ON plain', 'ALTER TABLE s.one SET WITHOUT CLUSTER'),
(E'ALTER INDEX s.plain DEPENDS ON EXTENSION plpgsql', 'ALTER INDEX s.plain NO DEPENDS ON EXTENSION plpgsql'),
-- constraints
('ALTER TABLE s.one ADD CONSTRAINT k CHECK (a > 0)', 'ALTER TABLE s.one DROP CONSTRAINT k'),
('ALTER TABLE s.one ADD CONSTRAINT k CHECK (a > 0) NOT VALID', 'ALTER TABLE s.one DROP CONSTRAINT k'),
('ALTER TABLE s.one ADD CONSTRAINT k CHECK (a > 0) NO INHERIT', 'ALTER TABLE s.one DROP CONSTRAINT k'),
('ALTER TABLE s.one ADD CONSTRAINT k UNIQUE (b) INCLUDE (a) WITH (fillfactor = 50) DEFERRABLE INITIALLY DEFERRED', 'ALTER TABLE s.one DROP CONSTRAINT k'),
('ALTER TABLE s.one ADD CONSTRAINT k EXCLUDE USING gist (c WITH &&) WHERE (a > 0)', 'ALTER TABLE s.one DROP CONSTRAINT k'),
('ALTER TABLE s.one RENAME CONSTRAINT one_a_id_key TO k', 'ALTER TABLE s.one RENAME CONSTRAINT k TO one_a_id_key'),
('COMMENT ON CONSTRAINT one_pkey ON s.one IS ''c''', 'COMMENT ON CONSTRAINT one_pkey ON s.one IS NULL'),
('COMMENT ON INDEX s.one_pkey IS ''c''', 'COMMENT ON INDEX s.one_pkey IS NULL'),
('ALTER TABLE s.two ALTER CONSTRAINT fk DEFERRABLE', 'ALTER TABLE s.two ALTER CONSTRAINT fk NOT DEFERRABLE'),
(E'ALTER TABLE s.two DROP CONSTRAINT fk\nALTER TABLE s.two ADD CONSTRAINT fk FOREIGN KEY (one_id) REFERENCES s.one ON DELETE CASCADE', E'ALTER TABLE s.two DROP CONSTRAINT fk\nALTER TABLE s.two ADD CONSTRAINT fk FOREIGN KEY (one_id) REFERENCES s.one'),
(E'ALTER TABLE s.two DROP CONSTRAINT fk\nALTER TABLE s.two ADD CONSTRAINT fk FOREIGN KEY (one_id) REFERENCES s.one ON UPDATE SET NULL NOT VALID', E'ALTER TABLE s.two DROP CONSTRAINT fk\nALTER TABLE s.two ADD CONSTRAINT fk FOREIGN KEY (one_id) REFERENCES s.one'),
('ALTER TABLE s.two ADD CONSTRAINT k FOREIGN KEY (a, one_id) REFERENCES s.one (a, id) MATCH FULL', 'ALTER TABLE s.two DROP CONSTRAINT k'),
('ALTER TABLE s.two ADD CONSTRAINT k FOREIGN KEY (a, one_id) REFERENCES s.one (a, id) ON DELETE SET NULL (a)', 'ALTER TABLE s.two DROP CONSTRAINT k'),
('ALTER TABLE s.part ADD CONSTRAINT k CHECK (k > 0)', 'ALTER TABLE s.part DROP CONSTRAINT k'),
('ALTER TABLE s.part ADD CONSTRAINT k FOREIGN KEY (k) REFERENCES s.one', 'ALTER TABLE s.part DROP CONSTRAINT k'),
-- triggers
('ALTER TABLE s.one DISABLE TRIGGER t', 'ALTER TABLE s.one ENABLE TRIGGER t'),
('ALTER TABLE s.one ENABLE ALWAYS TRIGGER t', 'ALTER TABLE s.one ENABLE TRIGGER t'),
('ALTER TABLE s.part1 DISABLE TRIGGER t', 'ALTER TABLE s.part1 ENABLE TRIGGER t'),
('ALTER TRIGGER t ON s.one RENAME TO u', 'ALTER TRIGGER u ON s.one RENAME TO t'),
('COMMENT ON TRIGGER t ON s.one IS ''c''', 'COMMENT ON TRIGGER t ON s.one IS NULL'),
('CREATE TRIGGER n BEFORE INSERT OR DELETE OR TRUNCATE ON s.one EXECUTE FUNCTION s.fire(''x'', '''')', 'DROP TRIGGER n ON s.one'),
('CREATE TRIGGER n BEFORE UPDATE OF a, b ON s.one FOR EACH ROW WHEN (old.a IS DISTINCT FROM new.a) EXECUTE FUNCTION s.fire()', 'DROP TRIGGER n ON s.one'),
('CREATE TRIGGER n AFTER UPDATE ON s.one FOR EACH ROW WHEN (old.ctid <> new.ctid OR old.* <> new.*) EXECUTE FUNCTION s.fire()', 'DROP TRIGGER n ON s.one'),
('CREATE TRIGGER n AFTER UPDATE ON s.one REFERENCING OLD TABLE AS o NEW TABLE AS n EXECUTE FUNCTION s.fire()', 'DROP TRIGGER n ON s.one'),
('CREATE TRIGGER n INSTEAD OF DELETE ON s.look FOR EACH ROW EXECUTE FUNCTION s.fire()', 'DROP TRIGGER n ON s.look'),
('CREATE CONSTRAINT TRIGGER n AFTER INSERT ON s.one FROM s.two DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION s.fire()', 'DROP TRIGGER n ON s.one'),
('ALTER TRIGGER t ON s.one DEPENDS ON EXTENSION plpgsql', 'ALTER TRIGGER t ON s.one NO DEPENDS ON EXTENSION plpgsql'),
-- rules and policies
('CREATE RULE n AS ON DELETE TO s.one WHERE old.a > 0 DO INSTEAD UPDATE s.two SET a = old.a WHERE one_id = old.id', 'DROP RULE n ON s.one'),
('ALTER TABLE s.two DISABLE RULE r', 'ALTER TABLE s.two ENABLE RULE r'),
('COMMENT ON RULE r ON s.two IS ''c''', 'COMMENT ON RULE r ON s.two IS NULL'),
('ALTER RULE r ON s.two RENAME TO r2', 'ALTER RULE r2 ON s.two RENAME TO r'),
(E'DROP POLICY p ON s.one\nCREATE POLICY p ON s.one AS RESTRICTIVE', E'DROP POLICY p ON s.one\nCREATE POLICY p ON s.one'),
(E'DROP POLICY p ON s.one\nCREATE POLICY p ON s.one FOR SELECT', E'DROP POLICY p ON s.one\nCREATE POLICY p ON s.one'),
('ALTER POLICY p ON s.one TO regress_schema_a, CURRENT_USER', 'ALTER POLICY p ON s.one TO PUBLIC'),
(E'DROP POLICY p ON s.one\nCREATE POLICY p ON s.one USING (a > 0 AND EXISTS (SELECT FROM s.two WHERE two.a = one.a))', E'DROP POLICY p ON s.one\nCREATE POLICY p ON s.one'),
(E'DROP POLICY p ON s.one\nCREATE POLICY p ON s.one WITH CHECK (tableoid > 0)', E'DROP POLICY p ON s.one\nCREATE POLICY p ON s.one'),
('COMMENT ON POLICY p ON s.one IS ''c''', 'COMMENT ON POLICY p ON s.one IS NULL'),
-- statistics
('CREATE STATISTICS s.sx (ndistinct) ON a, (lower(b)) FROM s.one', 'DROP STATISTICS s.sx'),
('ALTER STATISTICS s.st SET STATISTICS 5', 'ALTER STATISTICS s.st SET STATISTICS -1'),
('ALTER STATISTICS s.st RENAME TO st2', 'ALTER STATISTICS s.st2 RENAME TO st'),
('ALTER STATISTICS s.st OWNER TO regress_schema_a', 'ALTER STATISTICS s.st OWNER TO CURRENT_USER'),
('COMMENT ON STATISTICS s.st IS ''c''', 'COMMENT ON STATISTICS s.st IS NULL'),
-- sequences
('ALTER SEQUENCE s.counter INCREMENT 2', 'ALTER SEQUENCE s.counter INCREMENT 1'),
('ALTER SEQUENCE s.counter MAXVALUE 99', 'ALTER SEQUENCE s.counter NO MAXVALUE'),
('ALTER SEQUENCE s.counter START 3 CACHE 5 CYCLE', 'ALTER SEQUENCE s.counter START 1 CACHE 1 NO CYCLE'),
('ALTER SEQUENCE s.counter AS smallint', 'ALTER SEQUENCE s.counter AS bigint'),
('ALTER SEQUENCE s.counter OWNED BY s.one.a', 'ALTER SEQUENCE s.counter OWNED BY NONE'),
('ALTER SEQUENCE s.counter SET UNLOGGED', 'ALTER SEQUENCE s.counter SET LOGGED'),
('GRANT USAGE ON SEQUENCE s.counter TO regress_schema_a', 'REVOKE USAGE ON SEQUENCE s.counter FROM regress_schema_a'),
('COMMENT ON SEQUENCE s.counter IS ''c''', 'COMMENT ON SEQUENCE s.counter IS NULL'),
-- views
('CREATE OR REPLACE VIEW s.look AS SELECT id, a FROM s.one WHERE a > 0', 'CREATE OR REPLACE VIEW s.look AS SELECT id, a FROM s.one'),
('ALTER VIEW s.look RENAME COLUMN a TO renamed', 'ALTER VIEW s.look RENAME COLUMN renamed TO a'),
('ALTER VIEW s.both RENAME COLUMN a TO renamed', 'ALTER VIEW s.both RENAME COLUMN renamed TO a'),
('ALTER VIEW s.look SET (security_barrier, security_invoker = true)', 'ALTER VIEW s.look RESET (security_barrier, security_invoker)'),
('ALTER VIEW s.look SET (check_option = local)', 'ALTER VIEW s.look RESET (check_option)'),
('ALTER VIEW s.look ALTER COLUMN a SET DEFAULT 5', 'ALTER VIEW s.look ALTER COLUMN a DROP DEFAULT'),
('ALTER VIEW s.look OWNER TO regress_schema_a', 'ALTER VIEW s.look OWNER TO CURRENT_USER'),
('CREATE UNIQUE INDEX i ON s.held (id)', 'DROP INDEX s.i'),
('ALTER MATERIALIZED VIEW s.held ALTER COLUMN b SET STATISTICS 5', 'ALTER MATERIALIZED VIEW s.held ALTER COLUMN b SET STATISTICS -1'),
('ALTER MATERIALIZED VIEW s.held DEPENDS ON EXTENSION plpgsql', 'ALTER MATERIALIZED VIEW s.held NO DEPENDS ON EXTENSION plpgsql'),
('COMMENT ON MATERIALIZED VIEW s.held IS ''c''', 'COMMENT ON MATERIALIZED VIEW s.held IS NULL'),
('CREATE RECURSIVE VIEW s.deep (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM deep WHERE n < 9', 'DROP VIEW s.deep');
INSERT INTO steps.step (statement, undo, same) VALUES
('CREATE TEMPORARY TABLE short (a integer PRIMARY KEY, b serial)', 'DROP TABLE short', true),
('TRUNCATE s.one CASCADE', NULL, true),
('REFRESH MATERIALIZED VIEW s.held', NULL, true),
('REINDEX TABLE s.one', NULL, true),
('CLUSTER s.one USING one_pkey', 'ALTER TABLE s.one SET WITHOUT CLUSTER', false),
('ANALYZE s.one', NULL, true),
('SELECT nextval(''s.counter''), setval(''s.counter'', 77)', NULL, true);
CALL steps.run();
SELECT statement, finding FROM steps.finding ORDER BY number;
SELECT count(*) > 85 AS many_steps FROM steps.step;
DROP SCHEMA s, steps CASCADE;
DROP ROLE regress_schema_a;

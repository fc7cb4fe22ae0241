-- A constant that shows a name without depending on it; what is described of one table because of
-- another; what only a superuser's hand can have done.
\getenv directory PG_ABS_SRCDIR
\set harness :directory '/test/lib/schema_steps.sql'
\set ECHO none
\i :harness
\set ECHO all
SET client_min_messages = warning;
CREATE SCHEMA s;
CREATE SCHEMA away;

CREATE TABLE s.named (id integer CONSTRAINT named_pkey PRIMARY KEY);
CREATE SEQUENCE s.numbers;
CREATE TYPE s.color AS ENUM ('red');
CREATE FUNCTION s.call(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION s.takes(s.color) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE COLLATION s.coll FROM "C";
CREATE TEXT SEARCH CONFIGURATION s.words (COPY = simple);
CREATE TEXT SEARCH DICTIONARY s.lexicon (TEMPLATE = simple);

-- types that hold such numbers
CREATE TYPE s.pair AS (a integer, r regclass);
CREATE TYPE s.pot AS (p s.pair[]);
CREATE DOMAIN s.list AS regclass[];
CREATE TYPE s.span AS RANGE (subtype = regclass, subtype_opclass = oid_ops);

-- one object for each place that an expression may be in, each with its own way to hide the name
CREATE VIEW s.in_view AS SELECT '{s.named,s.numbers,s.named_pkey}'::regclass[] AS x;
CREATE TABLE s.in_default (x regclass[] DEFAULT '{s.named}', CHECK (x <> '{s.named,s.numbers}'));
CREATE TABLE s.in_index (x regclass[]);
CREATE INDEX ON s.in_index ((x || '{s.named}'::regclass[])) WHERE x <> '{s.named}';
CREATE FUNCTION s.in_argument(x s.pair DEFAULT '(1,s.named)') RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION s.in_body() RETURNS s.pot LANGUAGE sql RETURN '("{""(1,s.named)""}")'::s.pot;
CREATE RULE in_rule AS ON UPDATE TO s.in_index WHERE new.x = '{s.named}' DO ALSO SELECT '{s.named}'::s.list;
CREATE POLICY in_policy ON s.in_index USING (x = '{s.named}');
CREATE FUNCTION s.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER in_trigger BEFORE INSERT ON s.in_index FOR EACH ROW WHEN (new.x = '{s.named}') EXECUTE FUNCTION s.fire();
CREATE DOMAIN s.in_domain AS regclass[] DEFAULT '{s.named}' CHECK (VALUE <> '{s.named}');
CREATE VIEW s.in_range AS SELECT '[s.named,]'::s.span AS x;
CREATE STATISTICS s.in_statistics ON (x || '{s.named}'::regclass[]), (x || '{s.numbers}'::regclass[]) FROM s.in_index;
CREATE TABLE s.parted (x regclass) PARTITION BY LIST (x);
CREATE TABLE s.in_bound PARTITION OF s.parted FOR VALUES IN ('s.named');
CREATE VIEW s.of_others AS SELECT '{s.call}'::regproc[] AS a, '{s.call(integer),s.takes(s.color)}'::regprocedure[] AS b,
    '{s.color,s.named}'::regtype[] AS c, '{s.coll}'::regcollation[] AS d, '{s.words}'::regconfig[] AS e,
    '{s.lexicon}'::regdictionary[] AS f, '{s}'::regnamespace[] AS g;

-- a partition's copy of a trigger is described if it is switched otherwise than its parent's
CREATE TABLE s.whole (id integer) PARTITION BY RANGE (id);
CREATE TABLE s.part PARTITION OF s.whole FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (id);
CREATE TABLE s.leaf PARTITION OF s.part FOR VALUES FROM (0) TO (5);
CREATE TRIGGER copied BEFORE INSERT ON s.whole FOR EACH ROW EXECUTE FUNCTION s.fire();

-- what is described elsewhere than its row hangs
CREATE OPERATOR s.=== (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq);
CREATE OPERATOR CLASS s.class FOR TYPE integer USING btree AS OPERATOR 3 s.===;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON s.named DEFERRABLE FOR EACH ROW EXECUTE FUNCTION s.fire();
SET allow_system_table_mods = on;

INSERT INTO steps.step (statement, undo) VALUES
('ALTER TABLE s.named RENAME TO named2', 'ALTER TABLE s.named2 RENAME TO named'),
('ALTER TABLE s.named SET SCHEMA away', 'ALTER TABLE away.named SET SCHEMA s'),
('ALTER INDEX s.named_pkey RENAME TO other', 'ALTER INDEX s.other RENAME TO named_pkey'),
('ALTER SEQUENCE s.numbers RENAME TO figures', 'ALTER SEQUENCE s.figures RENAME TO numbers'),
('ALTER FUNCTION s.call(integer) RENAME TO ring', 'ALTER FUNCTION s.ring(integer) RENAME TO call'),
('ALTER TYPE s.color RENAME TO colour', 'ALTER TYPE s.colour RENAME TO color'),
('ALTER COLLATION s.coll RENAME TO ranked', 'ALTER COLLATION s.ranked RENAME TO coll'),
('ALTER TEXT SEARCH CONFIGURATION s.words RENAME TO terms', 'ALTER TEXT SEARCH CONFIGURATION s.terms RENAME TO words'),
('ALTER TEXT SEARCH DICTIONARY s.lexicon RENAME TO glossary', 'ALTER TEXT SEARCH DICTIONARY s.glossary RENAME TO lexicon'),
('ALTER SCHEMA s RENAME TO t', 'ALTER SCHEMA t RENAME TO s'),
('ALTER TABLE ONLY s.whole DISABLE TRIGGER copied', 'ALTER TABLE ONLY s.whole ENABLE TRIGGER copied'),
('ALTER TABLE ONLY s.part DISABLE TRIGGER copied', 'ALTER TABLE ONLY s.part ENABLE TRIGGER copied'),
('ALTER TABLE s.whole DISABLE TRIGGER copied', 'ALTER TABLE s.whole ENABLE TRIGGER copied'),
('UPDATE pg_amop SET amopstrategy = 4 WHERE amopopr = ''s.===(integer,integer)''::regoperator', 'UPDATE pg_amop SET amopstrategy = 3 WHERE amopopr = ''s.===(integer,integer)''::regoperator'),
('UPDATE pg_trigger SET tgdeferrable = false WHERE tgname = ''late''', 'UPDATE pg_trigger SET tgdeferrable = true WHERE tgname = ''late'''),
('UPDATE pg_trigger SET tginitdeferred = true WHERE tgname = ''late''', 'UPDATE pg_trigger SET tginitdeferred = false WHERE tgname = ''late'''),
('UPDATE pg_constraint SET condeferrable = true WHERE conname = ''named_pkey''', 'UPDATE pg_constraint SET condeferrable = false WHERE conname = ''named_pkey'''),
-- the numbers stay where they are
('DROP SEQUENCE s.numbers', NULL);
CALL steps.run();
SELECT statement, finding FROM steps.finding ORDER BY number;

DROP SCHEMA s, away, steps CASCADE;

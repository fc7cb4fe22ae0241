-- What shows the inside of a type or names an operator need not depend on it; and a commit may
-- drop things itself.
\getenv directory PG_ABS_SRCDIR
\set harness :directory '/test/lib/schema_steps.sql'
\set ECHO none
\i :harness
\set ECHO all
SET client_min_messages = warning;
CREATE SCHEMA s;

-- constants of a type that holds a type
CREATE TYPE s.color AS ENUM ('red', 'green');
CREATE TYPE s.paint AS (c s.color);
CREATE TYPE s.pot AS (p s.paint);
CREATE TABLE s.wall (c s.color);
CREATE VIEW s.of_paint AS SELECT '(red)'::s.paint::text AS x, '{(red)}'::s.paint[]::text AS y;
CREATE VIEW s.of_pot AS SELECT '("(red)")'::s.pot::text AS x;
CREATE VIEW s.of_wall AS SELECT '(red)'::s.wall::text AS x;
CREATE FUNCTION s.mix(s.paint DEFAULT '(red)') RETURNS integer LANGUAGE sql AS 'SELECT 1';

-- rows of a type that gets another column
CREATE TYPE s.pair AS (a integer, b integer);
CREATE TABLE s.pairs (p s.pair DEFAULT ROW(1, 2)::s.pair, n integer, CHECK (p <> ROW(1, 2)::s.pair));
CREATE INDEX ON s.pairs ((ROW(n, n)::s.pair));
CREATE DOMAIN s.good AS s.pair CHECK (VALUE <> ROW(3, 4)::s.pair);

-- columns that are named after those of a type
CREATE TABLE s.lists (l s.pair[], p s.pair);
CREATE FUNCTION s.same(x anyelement) RETURNS anyelement LANGUAGE sql AS 'SELECT x';
CREATE VIEW s.of_list AS SELECT u.a FROM s.lists, unnest(lists.l) u;
CREATE VIEW s.of_same AS SELECT u.a FROM s.lists, s.same(lists.p) u;

-- operators that name each other
CREATE FUNCTION s.is(integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2';
CREATE OPERATOR s.=== (LEFTARG = integer, RIGHTARG = integer, FUNCTION = s.is, COMMUTATOR = OPERATOR(s.====));
CREATE OPERATOR s.==== (LEFTARG = integer, RIGHTARG = integer, FUNCTION = s.is, COMMUTATOR = OPERATOR(s.===));

INSERT INTO steps.step (statement, undo) VALUES
('ALTER TYPE s.color RENAME VALUE ''red'' TO ''rot''', 'ALTER TYPE s.color RENAME VALUE ''rot'' TO ''red'''),
('ALTER TYPE s.pair RENAME ATTRIBUTE b TO c', 'ALTER TYPE s.pair RENAME ATTRIBUTE c TO b'),
('ALTER TYPE s.pair RENAME TO two', 'ALTER TYPE s.two RENAME TO pair'),
('ALTER OPERATOR s.=== (integer, integer) SET SCHEMA public', 'ALTER OPERATOR public.=== (integer, integer) SET SCHEMA s'),
('ALTER TYPE s.pair ADD ATTRIBUTE c integer', NULL);
CALL steps.run();
SELECT statement, finding FROM steps.finding ORDER BY number;

-- the table goes at the end of its transaction, and the function with it
SELECT dbm_schema_hash() AS before \gset
BEGIN;
CREATE TEMPORARY TABLE brief (a integer) ON COMMIT DROP;
CREATE FUNCTION s.lives_with(brief) RETURNS integer LANGUAGE sql AS 'SELECT 1';
SELECT dbm_schema_hash() <> :'before' AS seen;
COMMIT;
SELECT dbm_schema_hash() = :'before' AS gone;
SELECT steps.agree();

DROP SCHEMA s, steps CASCADE;

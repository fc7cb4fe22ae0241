-- Operators and their classes, casts, languages, collations, text search,
-- foreign servers, publications.
\getenv directory PG_ABS_SRCDIR
\set harness :directory '/test/lib/schema_steps.sql'
\set ECHO none
\i :harness
\set ECHO all
SET client_min_messages = error;
CREATE ROLE regress_schema_a;
CREATE SCHEMA s;
CREATE TYPE s.num AS (n integer);
CREATE FUNCTION s.num_eq(s.num, s.num) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1.n = $2.n';
CREATE FUNCTION s.num_int(s.num) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1.n';
CREATE OPERATOR s.=== (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq);
CREATE OPERATOR FAMILY s.fam USING btree;
CREATE OPERATOR CLASS s.cls FOR TYPE integer USING btree FAMILY s.fam AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(integer, integer);
CREATE COLLATION s.coll (LC_COLLATE = 'C', LC_CTYPE = 'POSIX');
CREATE CAST (s.num AS integer) WITH FUNCTION s.num_int(s.num);
CREATE LANGUAGE regress_lang HANDLER plpgsql_call_handler;
CREATE CONVERSION s.conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE TEXT SEARCH CONFIGURATION s.words (COPY = simple);
CREATE TEXT SEARCH DICTIONARY s.dict (TEMPLATE = simple, STOPWORDS = english);
CREATE TEXT SEARCH TEMPLATE s.tmpl (LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH PARSER s.pars (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
CREATE FOREIGN DATA WRAPPER regress_fdw;
CREATE SERVER regress_server FOREIGN DATA WRAPPER regress_fdw;
CREATE USER MAPPING FOR PUBLIC SERVER regress_server OPTIONS (name 'x', password 'secret');
CREATE FOREIGN TABLE s.far (a integer OPTIONS (b 'c')) SERVER regress_server OPTIONS (d 'e');
CREATE TABLE s.t (a integer PRIMARY KEY, b text);
CREATE TABLE s.u (a integer PRIMARY KEY, b text);
CREATE PUBLICATION regress_pub FOR TABLE s.t;

INSERT INTO steps.step (statement, undo) VALUES
-- operators
('CREATE OPERATOR s.<=> (LEFTARG = s.num, RIGHTARG = s.num, FUNCTION = s.num_eq, COMMUTATOR = OPERATOR(s.<=>), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES)', 'DROP OPERATOR s.<=> (s.num, s.num)'),
('ALTER OPERATOR s.=== (integer, integer) SET (RESTRICT = eqsel)', 'ALTER OPERATOR s.=== (integer, integer) SET (RESTRICT = NONE)'),
('ALTER OPERATOR s.=== (integer, integer) OWNER TO regress_schema_a', 'ALTER OPERATOR s.=== (integer, integer) OWNER TO CURRENT_USER'),
('COMMENT ON OPERATOR s.=== (integer, integer) IS ''c''', 'COMMENT ON OPERATOR s.=== (integer, integer) IS NULL'),
('ALTER OPERATOR FAMILY s.fam USING btree ADD OPERATOR 1 < (integer, bigint), FUNCTION 1 (integer, bigint) btint48cmp(integer, bigint)', 'ALTER OPERATOR FAMILY s.fam USING btree DROP OPERATOR 1 (integer, bigint), FUNCTION 1 (integer, bigint)'),
('ALTER OPERATOR FAMILY s.fam USING btree RENAME TO fam2', 'ALTER OPERATOR FAMILY s.fam2 USING btree RENAME TO fam'),
('ALTER OPERATOR CLASS s.cls USING btree RENAME TO cls2', 'ALTER OPERATOR CLASS s.cls2 USING btree RENAME TO cls'),
('ALTER OPERATOR CLASS s.cls USING btree OWNER TO regress_schema_a', 'ALTER OPERATOR CLASS s.cls USING btree OWNER TO CURRENT_USER'),
('CREATE ACCESS METHOD regress_am TYPE INDEX HANDLER bthandler', 'DROP ACCESS METHOD regress_am'),
-- casts, languages, collations, conversions
('CREATE CAST (integer AS s.num) WITH INOUT AS ASSIGNMENT', 'DROP CAST (integer AS s.num)'),
(E'DROP CAST (s.num AS integer)\nCREATE CAST (s.num AS integer) WITH FUNCTION s.num_int(s.num) AS IMPLICIT', E'DROP CAST (s.num AS integer)\nCREATE CAST (s.num AS integer) WITH FUNCTION s.num_int(s.num)'),
('COMMENT ON CAST (s.num AS integer) IS ''c''', 'COMMENT ON CAST (s.num AS integer) IS NULL'),
('ALTER LANGUAGE regress_lang RENAME TO regress_lang2', 'ALTER LANGUAGE regress_lang2 RENAME TO regress_lang'),
('ALTER LANGUAGE regress_lang OWNER TO regress_schema_a', 'ALTER LANGUAGE regress_lang OWNER TO CURRENT_USER'),
('CREATE OR REPLACE LANGUAGE regress_lang HANDLER plpgsql_call_handler VALIDATOR plpgsql_validator', 'CREATE OR REPLACE LANGUAGE regress_lang HANDLER plpgsql_call_handler'),
('CREATE TRUSTED LANGUAGE regress_lang2 HANDLER plpgsql_call_handler INLINE plpgsql_inline_handler', 'DROP LANGUAGE regress_lang2'),
('ALTER COLLATION s.coll OWNER TO regress_schema_a', 'ALTER COLLATION s.coll OWNER TO CURRENT_USER'),
(E'DROP COLLATION s.coll\nCREATE COLLATION s.coll (LC_COLLATE = ''POSIX'', LC_CTYPE = ''POSIX'')', E'DROP COLLATION s.coll\nCREATE COLLATION s.coll (LC_COLLATE = ''C'', LC_CTYPE = ''POSIX'')'),
('COMMENT ON COLLATION s.coll IS ''c''', 'COMMENT ON COLLATION s.coll IS NULL'),
('ALTER CONVERSION s.conv RENAME TO conv2', 'ALTER CONVERSION s.conv2 RENAME TO conv'),
('CREATE DEFAULT CONVERSION s.conv2 FOR ''LATIN1'' TO ''UTF8'' FROM iso8859_1_to_utf8', 'DROP CONVERSION s.conv2'),
('CREATE TRANSFORM FOR s.num LANGUAGE plpgsql (FROM SQL WITH FUNCTION prsd_lextype(internal))', 'DROP TRANSFORM FOR s.num LANGUAGE plpgsql'),
-- text search
('ALTER TEXT SEARCH CONFIGURATION s.words ALTER MAPPING FOR word WITH s.dict, simple', 'ALTER TEXT SEARCH CONFIGURATION s.words ALTER MAPPING FOR word WITH simple'),
('ALTER TEXT SEARCH CONFIGURATION s.words DROP MAPPING FOR url', 'ALTER TEXT SEARCH CONFIGURATION s.words ADD MAPPING FOR url WITH simple'),
('ALTER TEXT SEARCH DICTIONARY s.dict (STOPWORDS = german)', 'ALTER TEXT SEARCH DICTIONARY s.dict (STOPWORDS = english)'),
('ALTER TEXT SEARCH DICTIONARY s.dict OWNER TO regress_schema_a', 'ALTER TEXT SEARCH DICTIONARY s.dict OWNER TO CURRENT_USER'),
('ALTER TEXT SEARCH TEMPLATE s.tmpl RENAME TO tmpl2', 'ALTER TEXT SEARCH TEMPLATE s.tmpl2 RENAME TO tmpl'),
('ALTER TEXT SEARCH PARSER s.pars RENAME TO pars2', 'ALTER TEXT SEARCH PARSER s.pars2 RENAME TO pars'),
('COMMENT ON TEXT SEARCH PARSER s.pars IS ''c''', 'COMMENT ON TEXT SEARCH PARSER s.pars IS NULL'),
-- foreign
('ALTER FOREIGN DATA WRAPPER regress_fdw OPTIONS (ADD x ''1'')', 'ALTER FOREIGN DATA WRAPPER regress_fdw OPTIONS (DROP x)'),
('ALTER FOREIGN DATA WRAPPER regress_fdw RENAME TO regress_fdw2', 'ALTER FOREIGN DATA WRAPPER regress_fdw2 RENAME TO regress_fdw'),
('GRANT USAGE ON FOREIGN DATA WRAPPER regress_fdw TO regress_schema_a', 'REVOKE USAGE ON FOREIGN DATA WRAPPER regress_fdw FROM regress_schema_a'),
('ALTER SERVER regress_server VERSION ''2''', NULL),
('ALTER SERVER regress_server OPTIONS (ADD host ''h'')', 'ALTER SERVER regress_server OPTIONS (DROP host)'),
('ALTER SERVER regress_server RENAME TO regress_server2', 'ALTER SERVER regress_server2 RENAME TO regress_server'),
('GRANT USAGE ON FOREIGN SERVER regress_server TO regress_schema_a', 'REVOKE USAGE ON FOREIGN SERVER regress_server FROM regress_schema_a'),
('ALTER USER MAPPING FOR PUBLIC SERVER regress_server OPTIONS (SET name ''y'')', 'ALTER USER MAPPING FOR PUBLIC SERVER regress_server OPTIONS (SET name ''x'')'),
('ALTER USER MAPPING FOR PUBLIC SERVER regress_server OPTIONS (DROP password)', 'ALTER USER MAPPING FOR PUBLIC SERVER regress_server OPTIONS (ADD password ''other'')'),
('CREATE USER MAPPING FOR regress_schema_a SERVER regress_server', 'DROP USER MAPPING FOR regress_schema_a SERVER regress_server'),
('ALTER FOREIGN TABLE s.far OPTIONS (SET d ''f'')', 'ALTER FOREIGN TABLE s.far OPTIONS (SET d ''e'')'),
('ALTER FOREIGN TABLE s.far ALTER COLUMN a OPTIONS (DROP b)', 'ALTER FOREIGN TABLE s.far ALTER COLUMN a OPTIONS (ADD b ''c'')'),
-- publications
('ALTER PUBLICATION regress_pub ADD TABLE s.u (a) WHERE (a > 1)', 'ALTER PUBLICATION regress_pub DROP TABLE s.u'),
('ALTER PUBLICATION regress_pub ADD TABLES IN SCHEMA s', 'ALTER PUBLICATION regress_pub DROP TABLES IN SCHEMA s'),
('ALTER PUBLICATION regress_pub SET (publish = ''insert'', publish_via_partition_root)', 'ALTER PUBLICATION regress_pub SET (publish = ''insert, update, delete, truncate'', publish_via_partition_root = false)'),
('ALTER PUBLICATION regress_pub OWNER TO regress_schema_a', 'ALTER PUBLICATION regress_pub OWNER TO CURRENT_USER'),
('ALTER TABLE s.t RENAME TO t2', 'ALTER TABLE s.t2 RENAME TO t'),
('COMMENT ON PUBLICATION regress_pub IS ''c''', 'COMMENT ON PUBLICATION regress_pub IS NULL'),
('CREATE PUBLICATION regress_all FOR ALL TABLES', 'DROP PUBLICATION regress_all'),
('CREATE SUBSCRIPTION regress_sub CONNECTION ''dbname=none password=x'' PUBLICATION a, b WITH (connect = false, slot_name = NONE)', 'DROP SUBSCRIPTION regress_sub');
-- a password is no part of the schema, that there is one is
INSERT INTO steps.step (statement, undo, same) VALUES
('ALTER USER MAPPING FOR PUBLIC SERVER regress_server OPTIONS (SET password ''third'')', NULL, true);
CALL steps.run();
SELECT statement, finding FROM steps.finding ORDER BY number;
SELECT count(*) > 45 AS many_steps FROM steps.step;
SELECT identity, body FROM dbmaestro._dbm_schema_objects() WHERE kind = 'user mapping';
DROP OPERATOR FAMILY s.fam USING btree CASCADE;
DROP SCHEMA s, steps CASCADE;
DROP PUBLICATION regress_pub;
DROP LANGUAGE regress_lang;
DROP FOREIGN DATA WRAPPER regress_fdw CASCADE;
DROP ROLE regress_schema_a;

-- The root does not depend on who asks, how, and what hides the catalogs.
CREATE SCHEMA s;
CREATE SEQUENCE s.numbers;
CREATE TABLE s."Kept" (
    id       integer DEFAULT nextval('s.numbers'),
    at       timestamptz DEFAULT '2020-02-03 04:05:06+02',
    day      date DEFAULT '2020-02-03',
    span     interval DEFAULT '1 day 02:03:04',
    raw      bytea DEFAULT '\x0102ff',
    ratio    double precision DEFAULT 0.1,
    escaped  text DEFAULT E'back\\slash',
    "user"   text,
    money    money DEFAULT 12.34,
    CHECK (at > '2000-01-01 00:00+00')
);
CREATE VIEW s.shown AS SELECT at, '2021-01-01 00:00+03'::timestamptz AS moment, interval '2 months' AS length FROM s."Kept";
CREATE FUNCTION s.at(t timestamptz DEFAULT '2020-01-01 12:00+00') RETURNS date LANGUAGE sql AS 'SELECT t::date';
CREATE TABLE s.slices (at timestamptz) PARTITION BY RANGE (at);
CREATE TABLE s.slice PARTITION OF s.slices FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2021-01-01 00:00+00');
SELECT dbm_schema_hash() AS root \gset

-- the quick root does not look again at what did not change, so ask for the full one
SET DateStyle = 'SQL, DMY';
SET IntervalStyle = 'iso_8601';
SET TimeZone = 'Asia/Kolkata';
SET bytea_output = 'escape';
SET extra_float_digits = 0;
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET backslash_quote = off;
SET quote_all_identifiers = on;
SET lc_monetary = 'C';
SET xmloption = 'document';
SET array_nulls = off;
SET default_toast_compression = 'pglz';
SET row_security = off;
SET check_function_bodies = off;
SET enable_indexscan = off;
SELECT dbmaestro._dbm_schema_hash_full() = :'root' AS settings, dbm_schema_hash() = :'root' AS quick;
SET search_path = s;
SELECT dbmaestro._dbm_schema_hash_full() = :'root' AS search_path;
SET search_path = '';
SELECT dbmaestro._dbm_schema_hash_full() = :'root' AS no_search_path;
SET search_path = pg_temp, s, pg_catalog;
CREATE TEMPORARY TABLE pg_class (oid oid, relname name, relkind "char");
CREATE TEMPORARY TABLE timestamptz (a integer);
CREATE TEMPORARY TABLE "Kept" (a integer);
CREATE FUNCTION pg_temp.nextval(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
SELECT dbmaestro._dbm_schema_hash_full() = :'root' AS shadowed, public.dbm_schema_hash() = :'root' AS quick;
DISCARD TEMP;
RESET ALL;

-- settings are as they were
SET TimeZone = 'Asia/Kolkata';
SET search_path = s, public;
SELECT dbmaestro._dbm_schema_hash_full() = :'root' AS full_root;
SHOW TimeZone;
SHOW search_path;
BEGIN;
SET LOCAL DateStyle = 'SQL, DMY';
SELECT dbmaestro._dbm_schema_hash_full() = :'root' AS full_root;
SHOW DateStyle;
COMMIT;
RESET ALL;

-- another role, another isolation level, a read-only transaction
CREATE ROLE regress_schema_reader;
SET ROLE regress_schema_reader;
SELECT dbm_schema_hash() = :'root' AS other_role;
RESET ROLE;
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT dbm_schema_hash() = :'root' AS read_only;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT 1 AS one;
CREATE TABLE s.more (a integer);
SELECT dbm_schema_hash() = dbmaestro._dbm_schema_hash_full() AS agree, dbm_schema_hash() <> :'root' AS changed;
ROLLBACK;
SELECT dbm_schema_hash() = :'root' AS same;
DROP SCHEMA s CASCADE;
DROP ROLE regress_schema_reader;

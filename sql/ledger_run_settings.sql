-- A script means the same whoever deploys it: settings on which its meaning depends are those
-- of the database and of the role that runs it, not those of the session that deploys.
\set before :DBNAME
CREATE ROLE settings_app;
CREATE ROLE settings_deployer;
GRANT pg_read_all_settings TO settings_app;
CREATE DATABASE ledger_run_settings;
\c ledger_run_settings
SET client_min_messages = warning;
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev', run_as => 'settings_app');
SELECT dbm_configure('change_name_pattern', '.*');
SELECT dbm_grant('deploy', 'settings_deployer');
CREATE TABLE found (change text, name text, value text);
CREATE TABLE hostile (name text, value text);
INSERT INTO hostile VALUES
('DateStyle', 'German, DMY'), ('IntervalStyle', 'iso_8601'), ('TimeZone', 'Asia/Tokyo'), ('timezone_abbreviations', 'Australia'),
('array_nulls', 'off'), ('bytea_output', 'escape'), ('extra_float_digits', '-15'), ('lc_numeric', 'POSIX'), ('xmlbinary', 'hex'), ('xmloption', 'document'),
('backslash_quote', 'off'), ('default_text_search_config', 'pg_catalog.danish'), ('gin_fuzzy_search_limit', '1'), ('quote_all_identifiers', 'on'),
('row_security', 'off'), ('transform_null_equals', 'on'), ('check_function_bodies', 'off'), ('default_table_access_method', 'heap2'),
('default_tablespace', 'pg_global'), ('dynamic_library_path', '/nowhere:$libdir'), ('password_encryption', 'md5'), ('temp_tablespaces', 'pg_default'), ('allow_system_table_mods', 'on'), ('lo_compat_privileges', 'on'),
('plpgsql.check_asserts', 'off'), ('plpgsql.extra_errors', 'too_many_rows'), ('plpgsql.extra_warnings', 'all'), ('plpgsql.print_strict_params', 'on'), ('plpgsql.variable_conflict', 'use_column'),
('statement_timeout', '90s'), ('lock_timeout', '80s'), ('work_mem', '7MB'), ('application_name', 'settings'), ('my.own', 'kept'), ('enable_seqscan', 'off');
GRANT ALL ON found, hostile TO settings_app;
GRANT ALL ON SCHEMA public TO settings_app;
CREATE TABLE before (name text, value text);
CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
CREATE FUNCTION be_hostile() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config(name, value, false) FROM hostile; END $$;
CREATE FUNCTION all_now() RETURNS TABLE (name text, value text) LANGUAGE sql STABLE AS $$ SELECT h.name, current_setting(h.name, true) FROM hostile h ORDER BY h.name $$;
-- what is shown: settings that are hostile still, but for those that are to stay
CREATE FUNCTION still_hostile(of text) RETURNS TABLE (name text, value text) LANGUAGE sql STABLE AS $$ SELECT f.name, f.value FROM found f JOIN hostile h USING (name, value) WHERE f.change = of ORDER BY f.name $$;
\set look 'INSERT INTO found SELECT current_setting(''application_name''), name, value FROM all_now()'

-- a session that says nothing, to compare with
SET application_name = 'quiet';
SELECT outcome FROM dbm_apply('quiet', :'look');
SELECT be_hostile();
SET application_name = 'loud';
INSERT INTO before SELECT * FROM all_now();
SELECT outcome FROM dbm_apply('loud', :'look');
SELECT * FROM still_hostile('loud');
SELECT q.name, q.value, l.value FROM found q JOIN found l USING (name) WHERE q.change = 'quiet' AND l.change = 'loud' AND translate(q.value, '"', '') IS DISTINCT FROM translate(l.value, '"', '') ORDER BY 1;
-- put back, after a failure too
SELECT name FROM before b JOIN all_now() a USING (name) WHERE a.value IS DISTINCT FROM b.value;
SELECT dbm_apply('fails', 'SET DateStyle = ''SQL, YMD''; SELECT 1 / 0');
SELECT name FROM before b JOIN all_now() a USING (name) WHERE a.value IS DISTINCT FROM b.value;
-- what it would have meant
SELECT outcome FROM dbm_apply('meaning', $$
CREATE TABLE meaning (d date, t timestamptz, i text, n boolean, b text, p "char", EXCLUDE USING btree (d WITH =));
INSERT INTO meaning SELECT '02/01/2024', '2024-02-01 12:00', (interval '1 day')::text, NULL = NULL, '\x41'::bytea::text, relpersistence FROM pg_class WHERE relname = 'meaning';
DO $d$ BEGIN ASSERT current_setting('plpgsql.check_asserts') = 'on'; END $d$;
$$, 'DROP TABLE meaning');
SELECT to_char(d, 'YYYY-MM-DD') AS d, i, n, b FROM meaning;
SELECT amname, reltablespace FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE relname = 'meaning';
SELECT dbm_apply('body', 'CREATE FUNCTION broken() RETURNS integer LANGUAGE sql AS ''SELECT no_such_column''');
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_rollback('meaning');

-- the database, then the role, then the role in the database; half a DateStyle
ALTER ROLE ALL SET bytea_output = 'escape';
ALTER DATABASE ledger_run_settings SET "TimeZone" = 'Europe/Berlin';
ALTER DATABASE ledger_run_settings SET extra_float_digits = 2;
ALTER DATABASE ledger_run_settings SET datestyle = 'DMY';
ALTER DATABASE ledger_run_settings SET statement_timeout = '5s';
ALTER ROLE settings_app SET extra_float_digits = 3;
ALTER ROLE settings_app SET check_function_bodies = off;
ALTER ROLE settings_app SET xmlbinary = hex;
ALTER ROLE settings_app IN DATABASE ledger_run_settings SET check_function_bodies = on;
ALTER ROLE settings_app IN DATABASE ledger_run_settings SET plpgsql.variable_conflict = use_variable;
ALTER ROLE settings_app IN DATABASE template1 SET xmlbinary = base64;
ALTER ROLE settings_deployer SET xmloption = document;
SET application_name = 'layers';
SELECT outcome FROM dbm_apply('layers', :'look');
ALTER ROLE ALL RESET bytea_output;
SELECT name, value FROM found WHERE change = 'layers' AND name ~* 'TimeZone$|extra_float|DateStyle|check_function|xml|bytea|conflict|statement_timeout' ORDER BY name;
-- the client's encoding is its own, data within a script came with the script
SET client_encoding = LATIN1;
SELECT outcome FROM dbm_apply('copy', U&'CREATE TABLE copied (t text);\000ACOPY copied FROM stdin;\000Ah\00E9\000A\005C.\000ACOPY copied FROM stdin (ENCODING ''LATIN1'');\000Ah\00E9\000A\005C.\000A');
RESET client_encoding;
SELECT length(t), ascii(substr(t, 2)) FROM copied;
-- what the role says that cannot be
ALTER ROLE settings_app SET default_table_access_method = heap2;
DROP ACCESS METHOD heap2;
SET default_table_access_method = heap;
SET client_min_messages = notice;
SELECT outcome FROM dbm_apply('wrong', 'CREATE TABLE wrong (i integer)');
\c :before
DROP DATABASE ledger_run_settings WITH (FORCE);
DROP ROLE settings_app, settings_deployer;

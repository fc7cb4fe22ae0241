-- Names prepared under ours before CREATE EXTENSION: calls would mean something else
\set before :DBNAME
-- 18 adds the text of the script to the context
\set SHOW_CONTEXT never
CREATE DATABASE core_attacks;
\c core_attacks
SET client_min_messages = warning;
-- SELECT dbm_guard('enforce') is a cast then, which returns enforce and does nothing
CREATE DOMAIN public.dbm_guard AS text;
CREATE EXTENSION dbmaestro;
\echo :LAST_ERROR_SQLSTATE
DROP DOMAIN public.dbm_guard;
CREATE FUNCTION public.dbm_apply(text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'done' $$;
CREATE EXTENSION dbmaestro;
-- in another schema they are nobody's business, as are tables, which are no casts
CREATE SCHEMA release;
CREATE TABLE release.dbm_guard (id integer);
CREATE EXTENSION dbmaestro SCHEMA release;
DROP EXTENSION dbmaestro;
-- operators that fit better than the server's decide nothing
DROP FUNCTION public.dbm_apply(text, text);
CREATE FUNCTION public.yes(name, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR public.= (FUNCTION = public.yes, LEFTARG = name, RIGHTARG = text);
CREATE EXTENSION dbmaestro;
\c :before
DROP DATABASE core_attacks;

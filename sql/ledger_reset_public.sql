-- public stays, though somebody has made it anew; what is in it goes
\set before :DBNAME
CREATE DATABASE ledger_reset_public;
\c ledger_reset_public
CREATE SCHEMA tools;
CREATE EXTENSION dbmaestro SCHEMA tools;
SET search_path = public, tools;
SELECT dbm_init('dev');
SELECT dbm_configure('allow_reset', 'on');
DROP SCHEMA public;
CREATE SCHEMA public;
CREATE TABLE public.goes (a integer);
CREATE SCHEMA goes;
SELECT objects FROM dbm_reset();
SELECT nspname FROM pg_namespace WHERE nspname IN ('public', 'goes', 'tools') ORDER BY 1;
SELECT to_regclass('public.goes') IS NULL AS gone;
\c :before
DROP DATABASE ledger_reset_public WITH (FORCE);

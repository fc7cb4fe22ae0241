-- dbm_reset: everything goes that a fresh database does not have; the ledger stays
\set before :DBNAME
SET client_min_messages = error;
CREATE ROLE regress_reset_owner;
CREATE DATABASE ledger_reset;
\c ledger_reset
SET client_min_messages = error;
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev', run_as => 'regress_reset_owner');
GRANT CREATE ON DATABASE ledger_reset TO regress_reset_owner;
GRANT CREATE ON SCHEMA public TO regress_reset_owner;
-- what there is, by catalog
SELECT string_agg(format('SELECT %L AS catalog, count(*) AS objects FROM %s WHERE oid >= 16384', c.oid::regclass, c.oid::regclass), ' UNION ALL ' ORDER BY relname)
       || ' UNION ALL SELECT ''pg_depend'', count(*) FROM pg_depend UNION ALL SELECT ''pg_description'', count(*) FROM pg_description WHERE objoid >= 16384'
       || ' UNION ALL SELECT ''large objects'', count(*) FROM pg_largeobject_metadata UNION ALL SELECT ''pages of them'', count(*) FROM pg_largeobject' AS inventory
  FROM pg_class AS c JOIN pg_attribute ON attrelid = c.oid AND attname = 'oid'
 WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND NOT relisshared \gset
SELECT string_agg(catalog || ' ' || objects, E'\n' ORDER BY catalog) AS fresh, dbm_schema_hash() AS fresh_hash FROM (:inventory) AS i \gset
SELECT * FROM dbm_reset();
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('allow_reset', 'on');
SELECT * FROM dbm_reset() \gset
SELECT :changes AS changes, :objects AS objects, :'root_before' = :'root_after' AS nothing, :'root_after' = :'fresh_hash' AS fresh;

-- objects of a change, and of every other kind and way
SELECT outcome FROM dbm_apply('20260101_000001_base', $$
CREATE SCHEMA shop; CREATE TYPE shop.state AS ENUM ('new'); CREATE DOMAIN shop.name AS text CHECK (VALUE <> ''); CREATE TYPE shop.pair AS (a int, b shop.state);
CREATE TYPE shop.span AS RANGE (subtype = float8);
CREATE TABLE shop.customer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name shop.name, state shop.state DEFAULT 'new', pairs shop.pair[], s serial);
CREATE TABLE invoice (id int PRIMARY KEY, customer bigint REFERENCES shop.customer, during shop.span, note text) PARTITION BY RANGE (id);
CREATE TABLE invoice_1 PARTITION OF invoice FOR VALUES FROM (1) TO (10); CREATE INDEX ON invoice (customer);
CREATE TABLE child () INHERITS (shop.customer);
CREATE VIEW shop.names AS SELECT name FROM shop.customer; CREATE MATERIALIZED VIEW counts AS SELECT count(*) FROM shop.names; CREATE SEQUENCE numbers;
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE ON invoice FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE FUNCTION eq(shop.pair, shop.pair) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT ($1).a = ($2).a';
CREATE OPERATOR public.=== (LEFTARG = shop.pair, RIGHTARG = shop.pair, FUNCTION = eq);
CREATE AGGREGATE shop.total(int) (SFUNC = int4pl, STYPE = int); CREATE PROCEDURE shop.proc() LANGUAGE sql AS '';
CREATE STATISTICS shop.stats ON id, name FROM shop.customer; CREATE COLLATION shop.c (LC_COLLATE = 'C', LC_CTYPE = 'C');
CREATE TEXT SEARCH CONFIGURATION shop.words (COPY = simple); CREATE TEXT SEARCH DICTIONARY shop.dict (TEMPLATE = simple);
ALTER TABLE shop.customer ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON shop.customer USING (name = current_user);
CREATE RULE never AS ON DELETE TO invoice DO INSTEAD NOTHING; COMMENT ON TABLE invoice IS 'bills'; GRANT SELECT ON invoice TO PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO PUBLIC; SELECT lo_from_bytea(4711, '\x01'); SELECT lo_create(0);
INSERT INTO shop.customer (name) VALUES ('a'); INSERT INTO invoice VALUES (1, 1);$$);
SELECT outcome FROM dbm_apply('20260101_000002_more', 'CREATE TABLE more (i int)', 'DROP TABLE more');
SELECT outcome FROM dbm_apply('view_v', E'-- Repeatable: yes\nCREATE OR REPLACE VIEW v AS SELECT 1 AS one');
SELECT dbm_submit('20260101_000003_later', 'SELECT 3') AS submitted \gset
CREATE EXTENSION pg_trgm;
CREATE TABLE trigrams (t text);
CREATE INDEX ON trigrams USING gin (t gin_trgm_ops);
CREATE ACCESS METHOD other_heap TYPE TABLE HANDLER heap_tableam_handler;
CREATE TABLE in_other (i int) USING other_heap;
CREATE FUNCTION pair_int(shop.pair) RETURNS int LANGUAGE sql AS 'SELECT ($1).a';
CREATE CAST (shop.pair AS int) WITH FUNCTION pair_int(shop.pair);
CREATE LANGUAGE regress_lang HANDLER plpgsql_call_handler;
CREATE TRANSFORM FOR shop.pair LANGUAGE regress_lang (FROM SQL WITH FUNCTION prsd_lextype(internal));
CREATE CONVERSION shop.conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE TEXT SEARCH TEMPLATE shop.tmpl (LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH PARSER shop.pars (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
CREATE OPERATOR FAMILY shop.fam USING btree;
CREATE OPERATOR CLASS shop.cls FOR TYPE int USING btree FAMILY shop.fam AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(int, int);
CREATE FOREIGN DATA WRAPPER regress_fdw;
CREATE SERVER regress_server FOREIGN DATA WRAPPER regress_fdw;
CREATE USER MAPPING FOR PUBLIC SERVER regress_server;
CREATE FOREIGN TABLE shop.far (a int) SERVER regress_server;
CREATE PUBLICATION regress_pub FOR TABLE invoice, TABLES IN SCHEMA shop;
CREATE PUBLICATION regress_all FOR ALL TABLES;
CREATE FUNCTION trap() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'event trigger % fired', tg_event; END $$;
CREATE EVENT TRIGGER regress_start ON ddl_command_start EXECUTE FUNCTION trap();
\set r '{"fingerprint": "tree", "changes": ["20260101_000001_base", "20260101_000002_more", "view_v"]}'
SELECT state, count(*) FROM dbm_plan('["20260101_000001_base", "20260101_000002_more", "view_v"]') GROUP BY 1;
SELECT state FROM dbm_plan(:'r');
SELECT state AS known FROM dbm_plan('{"fingerprint": "tree"}');
SELECT count(*) > 10 AS much FROM (:inventory) AS i WHERE position(catalog || ' ' || objects in :'fresh') = 0;

SELECT * FROM dbm_reset('for the demo') \gset
SELECT :changes AS changes, :objects > 40 AS objects, :'root_before' = :'fresh_hash' AS before, :'root_after' = :'fresh_hash' AS fresh;
-- nothing is left, and what was there at first still is
SELECT catalog, objects FROM (:inventory) AS i WHERE position(E'\n' || catalog || ' ' || objects || E'\n' in E'\n' || :'fresh' || E'\n') = 0;
SELECT dbm_schema_hash() = :'fresh_hash' AS fresh, dbmaestro._dbm_schema_hash_full() = :'fresh_hash' AS full;
SELECT check_name, finding FROM dbm_doctor() WHERE health = 'error';
-- the ledger: history, and everything pending
SELECT change, state, applied_run FROM dbmaestro.change ORDER BY 1;
SELECT change, direction, outcome, statements, reason, snapshot_before < snapshot_after AS snapshots FROM dbmaestro.run ORDER BY id;
SELECT d.state, d.single, d.runs, d.last_outcome FROM dbmaestro.deployment_history AS d ORDER BY deployment DESC LIMIT 1;
SELECT action, detail, change FROM dbmaestro.audit_event WHERE kind = 'reset' ORDER BY id;
SELECT applied, submitted, failed, last_change FROM dbm_status();
SELECT jsonb_array_length(dbm_manifest() -> 'changes') AS changes;
SELECT change, state, detail FROM dbm_plan(:'r');
SELECT state AS known FROM dbm_plan('{"fingerprint": "tree"}');
SELECT dbm_rollback('20260101_000002_more');
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_apply('20260101_000002_more', 'CREATE TABLE more (i int)', 'DROP TABLE more');
SELECT outcome FROM dbm_apply('view_v', E'-- Repeatable: yes\nCREATE OR REPLACE VIEW v AS SELECT 1 AS one');
SELECT outcome FROM dbm_rollback('20260101_000002_more');
-- without snapshots, all the same
SELECT dbm_configure('snapshot', 'off');
SELECT changes, objects, root_before, root_after FROM dbm_reset();
SELECT change, state FROM dbmaestro.change ORDER BY 1;
\c :before
DROP DATABASE ledger_reset WITH (FORCE);
DROP ROLE regress_reset_owner;

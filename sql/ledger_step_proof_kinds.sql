-- dbm_step_proof: the other statements that cannot run in a transaction
\set before :DBNAME
\set SHOW_CONTEXT never
CREATE DATABASE ledger_step_proof_kinds;
\c ledger_step_proof_kinds
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
CREATE SCHEMA app;
SET search_path = app, public;
CREATE FUNCTION prove(statement text, OUT verdict text, OUT evidence text, OUT cleanup text, OUT finish text, OUT repeatable boolean)
LANGUAGE sql AS 'SELECT * FROM public.dbm_step_proof(statement)';
\x on
\pset footer off

-- VACUUM, CLUSTER, REINDEX: no trace
SELECT * FROM prove('VACUUM');
SELECT * FROM prove('CLUSTER');
SELECT * FROM prove('REINDEX SCHEMA CONCURRENTLY app');
SELECT * FROM prove('REINDEX SCHEMA CONCURRENTLY nowhere');
SELECT * FROM prove('REINDEX TABLE CONCURRENTLY nowhere');

-- what REINDEX CONCURRENTLY leaves: an index that cannot be built anew stays beside the old one
CREATE TABLE t (a integer, b text);
CREATE UNIQUE INDEX t_a ON t (a);
INSERT INTO t VALUES (1, 'one');
UPDATE pg_index SET indisunique = false WHERE indexrelid = 't_a'::regclass;
INSERT INTO t VALUES (1, 'uno');
UPDATE pg_index SET indisunique = true WHERE indexrelid = 't_a'::regclass;
REINDEX TABLE CONCURRENTLY t;
SELECT verdict, replace(evidence, 't'::regclass::oid::text, 'N') AS evidence, cleanup, repeatable FROM prove('REINDEX TABLE CONCURRENTLY t');
SELECT verdict, cleanup FROM prove('REINDEX INDEX CONCURRENTLY t_a');
SELECT verdict, cleanup FROM prove('REINDEX SCHEMA CONCURRENTLY app');
SELECT verdict, cleanup FROM prove('REINDEX DATABASE CONCURRENTLY ledger_step_proof_kinds');
SELECT verdict, cleanup FROM prove('REINDEX SCHEMA CONCURRENTLY public');
SELECT cleanup FROM prove('REINDEX TABLE CONCURRENTLY t') \gset
:cleanup;
-- and of the TOAST table, by number there
SELECT 't'::regclass::oid AS toast \gset
SELECT verdict, replace(evidence, :'toast', 'N') AS evidence, replace(cleanup, :'toast', 'N') AS cleanup FROM prove('REINDEX TABLE CONCURRENTLY t');
CREATE ROLE ledger_step_owner;
SELECT dbm_grant('deploy', 'ledger_step_owner');
GRANT USAGE ON SCHEMA app TO ledger_step_owner;
SET SESSION AUTHORIZATION ledger_step_owner;
SELECT verdict, replace(evidence, :'toast', 'N') AS evidence, cleanup, repeatable FROM public.dbm_step_proof('REINDEX TABLE CONCURRENTLY app.t');
-- nor may everybody ask what is in the configuration
SELECT verdict, evidence FROM public.dbm_step_proof('ALTER SYSTEM SET work_mem = ''5MB''');
RESET SESSION AUTHORIZATION;
SELECT cleanup FROM prove('REINDEX TABLE CONCURRENTLY t') \gset
:cleanup;
SELECT verdict, evidence FROM prove('REINDEX TABLE CONCURRENTLY t');

-- ALTER SYSTEM
SELECT verdict, evidence, repeatable FROM prove('ALTER SYSTEM SET dbm_test.step = ''no''''body''');
ALTER SYSTEM SET default_statistics_target = 101;
SELECT verdict, evidence FROM prove('ALTER SYSTEM SET Default_Statistics_Target = 101');
SELECT verdict, evidence FROM prove('ALTER SYSTEM SET default_statistics_target = ''102''');
SELECT verdict, evidence FROM prove('ALTER SYSTEM RESET default_statistics_target');
ALTER SYSTEM RESET default_statistics_target;
SELECT verdict, evidence FROM prove('ALTER SYSTEM RESET default_statistics_target');
SELECT verdict, evidence FROM prove('ALTER SYSTEM SET default_statistics_target TO DEFAULT');

-- databases and tablespaces
SELECT verdict, evidence FROM prove('CREATE DATABASE "Step db"');
SELECT verdict, evidence FROM prove('DROP DATABASE IF EXISTS "Step db"');
CREATE DATABASE "Step db";
SELECT verdict, evidence FROM prove('CREATE DATABASE "Step db"');
SELECT verdict, evidence FROM prove('DROP DATABASE "Step db"');
SELECT verdict, evidence FROM prove('ALTER DATABASE "Step db" SET TABLESPACE pg_default');
SELECT verdict, evidence FROM prove('ALTER DATABASE "Step db" SET TABLESPACE pg_global');
SELECT verdict, evidence FROM prove('ALTER DATABASE nowhere SET TABLESPACE pg_default');
SELECT verdict, evidence FROM prove('ALTER DATABASE "Step db" CONNECTION LIMIT 5');
UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'Step db';
SELECT * FROM prove('CREATE DATABASE "Step db"');
SELECT * FROM prove('DROP DATABASE "Step db"');
SELECT finish FROM prove('DROP DATABASE "Step db"') \gset
:finish;
SELECT verdict FROM prove('DROP DATABASE "Step db"');
SELECT verdict, evidence FROM prove('CREATE TABLESPACE pg_default LOCATION ''/nowhere''');
SELECT verdict, evidence FROM prove('CREATE TABLESPACE nowhere LOCATION ''/nowhere''');
SELECT verdict, evidence FROM prove('DROP TABLESPACE pg_default');
SELECT verdict, evidence FROM prove('DROP TABLESPACE nowhere');

-- subscriptions, as far as this side knows
SELECT verdict, evidence FROM prove('CREATE SUBSCRIPTION s CONNECTION '''' PUBLICATION p');
SELECT verdict, evidence FROM prove('ALTER SUBSCRIPTION s REFRESH PUBLICATION');
SELECT verdict, evidence FROM prove('DROP SUBSCRIPTION s');
SET client_min_messages = error;
CREATE SUBSCRIPTION s CONNECTION 'dbname=nowhere' PUBLICATION p, q WITH (connect = false, slot_name = NONE);
RESET client_min_messages;
SELECT verdict, evidence FROM prove('CREATE SUBSCRIPTION s CONNECTION '''' PUBLICATION p');
SELECT verdict, evidence, repeatable FROM prove('ALTER SUBSCRIPTION s REFRESH PUBLICATION');
SELECT verdict FROM prove('ALTER SUBSCRIPTION s SET PUBLICATION q, p');
SELECT verdict FROM prove('ALTER SUBSCRIPTION s SET PUBLICATION q');
SELECT verdict FROM prove('ALTER SUBSCRIPTION s ADD PUBLICATION q');
SELECT verdict FROM prove('ALTER SUBSCRIPTION s ADD PUBLICATION r');
SELECT verdict FROM prove('ALTER SUBSCRIPTION s DROP PUBLICATION q');
SELECT verdict FROM prove('ALTER SUBSCRIPTION s DROP PUBLICATION r');
SELECT verdict, evidence FROM prove('DROP SUBSCRIPTION s');
DROP SUBSCRIPTION s;

-- DETACH PARTITION CONCURRENTLY
CREATE TABLE p (a integer) PARTITION BY RANGE (a);
CREATE TABLE "P 1" PARTITION OF p FOR VALUES FROM (0) TO (10);
SELECT verdict, evidence FROM prove('ALTER TABLE p DETACH PARTITION "P 1" CONCURRENTLY');
UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = '"P 1"'::regclass;
SELECT * FROM prove('ALTER TABLE p DETACH PARTITION "P 1" CONCURRENTLY');
SELECT finish FROM prove('ALTER TABLE p DETACH PARTITION "P 1" CONCURRENTLY') \gset
:finish;
SELECT verdict, evidence FROM prove('ALTER TABLE p DETACH PARTITION "P 1" CONCURRENTLY');
SELECT verdict, evidence FROM prove('ALTER TABLE p DETACH PARTITION nowhere CONCURRENTLY');
SELECT verdict, evidence FROM prove('ALTER TABLE nowhere DETACH PARTITION p CONCURRENTLY');
CREATE TABLE q (a integer) PARTITION BY RANGE (a);
ALTER TABLE q ATTACH PARTITION "P 1" FOR VALUES FROM (0) TO (10);
SELECT verdict, evidence FROM prove('ALTER TABLE p DETACH PARTITION "P 1" CONCURRENTLY');
SELECT verdict, evidence FROM prove('ALTER TABLE nowhere DETACH PARTITION "P 1" FINALIZE');
-- anything else
SELECT verdict, evidence FROM prove('CALL anything()');
\c :before
DROP DATABASE ledger_step_proof_kinds WITH (FORCE);
DROP ROLE ledger_step_owner;

-- Rows of the trail are only ever added, and only by the extension itself.
\set VERBOSITY terse
CREATE ROLE append_only_plain;
CREATE ROLE append_only_owner;
-- in a database of its own, because it must know which database it is: one
-- that does not may be a dump that is being loaded
SELECT current_database() AS home \gset
CREATE DATABASE audit_append_only TEMPLATE template0 OWNER append_only_owner;
\c audit_append_only
SET client_min_messages = warning;
CREATE EXTENSION dbmaestro;
SELECT EXISTS (SELECT FROM pg_proc WHERE proname = 'dbm_init') AS can_init \gset
\if :can_init
SELECT dbm_init('dev') AS initialised \gset
\else
ALTER TABLE dbmaestro.binding DISABLE TRIGGER dbmaestro_refuse_row;
INSERT INTO dbmaestro.binding (single, system_identifier, database, timelines, incarnation, bound_at, bound_by)
    SELECT true, system_identifier::text, 1, '', gen_random_uuid(), now(), 'test' FROM pg_control_system();
ALTER TABLE dbmaestro.binding ENABLE ALWAYS TRIGGER dbmaestro_refuse_row;
\endif
SELECT dbmaestro._dbm_record_event('setting', false, 'append only');

CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    reached bigint;
BEGIN
    EXECUTE statement;
    GET DIAGNOSTICS reached = ROW_COUNT;
    RETURN format('DONE, %s rows', reached);
EXCEPTION WHEN OTHERS THEN
    RETURN format('%s %s', SQLSTATE, SQLERRM);
END
$$;
CREATE FUNCTION pg_temp.attacks() RETURNS TABLE (attack text, outcome text) LANGUAGE sql AS $$
    SELECT a, pg_temp.try(a) FROM unnest(ARRAY[
        $a$INSERT INTO dbmaestro.audit_event (id, event_id, at, kind) VALUES (-1, gen_random_uuid(), now(), 'run')$a$,
        $a$INSERT INTO dbmaestro.audit_event SELECT * FROM dbmaestro.audit_event LIMIT 1 $a$,
        $a$UPDATE dbmaestro.audit_event SET message = 'nothing happened' WHERE statement = 'append only'$a$,
        $a$DELETE FROM dbmaestro.audit_event WHERE statement = 'append only'$a$,
        $a$MERGE INTO dbmaestro.audit_event AS e USING (SELECT 1) AS s ON e.statement = 'append only' WHEN MATCHED THEN DELETE$a$,
        $a$TRUNCATE dbmaestro.audit_event$a$,
        $a$WITH gone AS (DELETE FROM dbmaestro.audit_event RETURNING 1) SELECT count(*) FROM gone$a$
    ]) AS a
$$;

-- as superuser
SELECT * FROM pg_temp.attacks();
COPY dbmaestro.audit_event (id, event_id, at, kind) FROM STDIN WITH (DELIMITER ',');
-2,00000000-0000-4000-8000-000000000001,2020-01-01,run
\.
SET session_replication_role = replica;
SELECT * FROM pg_temp.attacks();
RESET session_replication_role;

-- as somebody with nothing
SET ROLE append_only_plain;
SELECT * FROM pg_temp.attacks();
SELECT count(*) FROM dbmaestro.audit_event;
RESET ROLE;

-- as owner of the database
SET ROLE append_only_owner;
SELECT * FROM pg_temp.attacks();
RESET ROLE;

-- nor can a superuser make it otherwise while the guard is not off
\set VERBOSITY sqlstate
GRANT ALL ON dbmaestro.audit_event TO append_only_plain;
CREATE RULE swallow AS ON INSERT TO dbmaestro.audit_event DO INSTEAD NOTHING;
ALTER TABLE dbmaestro.audit_event DISABLE TRIGGER ALL;
ALTER TABLE dbmaestro.audit_event DISABLE TRIGGER dbmaestro_refuse_row;
ALTER TABLE dbmaestro.audit_event ADD COLUMN more text;
ALTER TABLE dbmaestro.audit_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE dbmaestro.audit_event OWNER TO append_only_owner;
DROP TRIGGER dbmaestro_refuse_row ON dbmaestro.audit_event;
DROP TABLE dbmaestro.audit_event CASCADE;
\set VERBOSITY terse

SELECT statement, count(*) FROM dbmaestro.audit_event WHERE statement = 'append only' OR id < 0 GROUP BY statement ORDER BY statement;
\c :home
DROP DATABASE audit_append_only;
DROP ROLE append_only_plain, append_only_owner;

-- Whoever could lock our tables could stop every deployment, and keep every refusal from
-- reaching the table.  Refused in every mode, to everybody, by the hook.
\set before :DBNAME
CREATE ROLE regress_locker LOGIN;
CREATE DATABASE guard_lock;
\c guard_lock
SET client_min_messages = warning;
CREATE EXTENSION dbmaestro;
CREATE TABLE theirs (id integer);
GRANT ALL ON theirs TO regress_locker;
GRANT USAGE ON SCHEMA dbmaestro TO regress_locker;
GRANT pg_write_all_data TO regress_locker;
-- before dbm_init too
BEGIN;
LOCK TABLE dbmaestro.change;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
SELECT dbm_init('prod');
-- a view that is locked locks what it reads, with the rights of its owner
CREATE VIEW over_ours AS SELECT id FROM dbmaestro.run;
CREATE VIEW over_over_ours AS SELECT o.id FROM theirs t JOIN over_ours o USING (id);
CREATE VIEW in_subquery AS SELECT id FROM theirs WHERE id IN (SELECT run FROM dbmaestro.run_statement);
CREATE VIEW over_theirs AS SELECT id FROM theirs;
GRANT ALL ON over_ours, over_over_ours, in_subquery, over_theirs TO regress_locker;
CREATE TABLE attempt (id serial, statement text);
INSERT INTO attempt (statement)
SELECT format('LOCK TABLE dbmaestro.run IN %s MODE', mode)
FROM unnest(ARRAY['ROW SHARE', 'ROW EXCLUSIVE', 'SHARE UPDATE EXCLUSIVE', 'SHARE', 'SHARE ROW EXCLUSIVE', 'EXCLUSIVE', 'ACCESS EXCLUSIVE']) AS mode;
INSERT INTO attempt (statement) VALUES
('LOCK dbmaestro.audit_event NOWAIT'),
('LOCK TABLE ONLY dbmaestro.environment'),
('LOCK TABLE theirs, dbmaestro.snapshot IN SHARE MODE'),
('LOCK TABLE dbmaestro.denied_attempt'),
('LOCK TABLE over_ours'),
('LOCK TABLE over_over_ours IN SHARE MODE'),
('LOCK TABLE in_subquery IN ROW SHARE MODE'),
('DO $d$ BEGIN LOCK TABLE dbmaestro.run; END $d$');
SELECT dbm_guard('enforce', preload => false);
CREATE FUNCTION pg_temp.try() RETURNS TABLE (of text, answer text) LANGUAGE plpgsql AS $$
DECLARE
    one record;
    detail text;
BEGIN
    FOR one IN SELECT a.statement FROM public.attempt a ORDER BY a.id LOOP
        of := one.statement;
        BEGIN
            EXECUTE one.statement;
            answer := 'passed';
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
            answer := SQLSTATE || ' ' || detail;
        END;
        RETURN NEXT;
    END LOOP;
END $$;
SELECT * FROM pg_temp.try();
-- none of it has taken a lock
BEGIN;
SELECT count(*) FILTER (WHERE answer NOT LIKE 'MA002%') AS passed FROM pg_temp.try();
SELECT count(*) FROM pg_locks JOIN pg_class c ON c.oid = relation WHERE c.relnamespace = 'dbmaestro'::regnamespace AND pid = pg_backend_pid() AND mode <> 'AccessShareLock';
ROLLBACK;
-- whatever the mode
SELECT dbm_guard('observe');
SELECT answer, count(*) FROM (SELECT left(answer, 5) AS answer FROM pg_temp.try()) AS t GROUP BY 1;
SELECT dbm_guard('off');
SELECT answer, count(*) FROM (SELECT left(answer, 5) AS answer FROM pg_temp.try()) AS t GROUP BY 1;
SELECT dbm_guard('enforce', preload => false);
DISCARD TEMP;

-- inside a run
SELECT dbm_apply('20261122_101501_lock', 'LOCK TABLE dbmaestro.change IN EXCLUSIVE MODE');
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_apply('20261122_101502_lock', 'LOCK TABLE theirs; LOCK TABLE over_theirs; LOCK TABLE dbmaestro.change IN ACCESS SHARE MODE');

-- as a role that may write to all tables, and as the view's user
SET ROLE regress_locker;
BEGIN;
LOCK TABLE dbmaestro.change IN ROW EXCLUSIVE MODE;
ROLLBACK;
BEGIN;
LOCK TABLE over_over_ours;
ROLLBACK;
BEGIN;
LOCK TABLE theirs, over_theirs;
ROLLBACK;
RESET ROLE;

-- what pg_dump does, and upkeep, pass
BEGIN;
LOCK TABLE dbmaestro.change, dbmaestro.run, over_ours IN ACCESS SHARE MODE;
COMMIT;
VACUUM (ANALYZE) dbmaestro.change;
SELECT object, statement, sqlstate, message, hint FROM dbmaestro.denied_attempt ORDER BY id DESC LIMIT 3;
\c :before
DROP DATABASE guard_lock WITH (FORCE);
DROP ROLE regress_locker;

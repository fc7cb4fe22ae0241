-- Tables of ours that somebody altered are not used at all, and dbm_doctor says which.  Only without
-- the library loaded beforehand: then a superuser gets past the guard by disabling its event triggers.
\set before :DBNAME
CREATE DATABASE core_altered;
\c core_altered
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
ALTER EVENT TRIGGER dbmaestro_10_start DISABLE;
ALTER EVENT TRIGGER dbmaestro_20_end DISABLE;
ALTER EVENT TRIGGER dbmaestro_30_drop DISABLE;
CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION found() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(check_name || ': ' || finding, E'\n' ORDER BY check_name) FROM dbm_doctor() WHERE check_name LIKE 'table %' AND health <> 'ok'
$$;
\set VERBOSITY terse
CREATE PROCEDURE try(alteration text, undo text) LANGUAGE plpgsql AS $$
DECLARE
    message text := 'nothing noticed';
BEGIN
    EXECUTE alteration;
    BEGIN
        PERFORM * FROM dbm_status();
    EXCEPTION WHEN SQLSTATE 'MA016' THEN
        GET STACKED DIAGNOSTICS message = PG_EXCEPTION_DETAIL;
    END;
    RAISE INFO E'%\n  status: %\n  doctor: %', alteration, message, coalesce(found(), '-');
    EXECUTE undo;
    PERFORM * FROM dbm_status();
END $$;
CALL try('ALTER TABLE dbmaestro.change DISABLE TRIGGER dbmaestro_refuse_row', 'ALTER TABLE dbmaestro.change ENABLE ALWAYS TRIGGER dbmaestro_refuse_row');
CALL try('ALTER TABLE dbmaestro.change ENABLE TRIGGER dbmaestro_refuse_truncate', 'ALTER TABLE dbmaestro.change ENABLE ALWAYS TRIGGER dbmaestro_refuse_truncate');
CALL try('CREATE TRIGGER a BEFORE INSERT ON dbmaestro.change FOR EACH ROW EXECUTE FUNCTION swallow()', 'DROP TRIGGER a ON dbmaestro.change');
-- the same function, but not for the same events
CALL try($$DROP TRIGGER dbmaestro_refuse_row ON dbmaestro.change;
    CREATE TRIGGER dbmaestro_refuse_row BEFORE DELETE ON dbmaestro.change FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
    ALTER TABLE dbmaestro.change ENABLE ALWAYS TRIGGER dbmaestro_refuse_row$$,
 $$DROP TRIGGER dbmaestro_refuse_row ON dbmaestro.change;
    CREATE TRIGGER dbmaestro_refuse_row BEFORE INSERT OR UPDATE OR DELETE ON dbmaestro.change FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
    ALTER TABLE dbmaestro.change ENABLE ALWAYS TRIGGER dbmaestro_refuse_row$$);
CALL try('CREATE RULE r AS ON INSERT TO dbmaestro.change DO INSTEAD NOTHING', 'DROP RULE r ON dbmaestro.change');
CALL try('ALTER TABLE dbmaestro.change ENABLE ROW LEVEL SECURITY', 'ALTER TABLE dbmaestro.change DISABLE ROW LEVEL SECURITY');
CALL try('ALTER TABLE dbmaestro.change RENAME COLUMN state TO condition', 'ALTER TABLE dbmaestro.change RENAME COLUMN condition TO state');
CALL try('CREATE TABLE child () INHERITS (dbmaestro.change)', 'DROP TABLE child');
CALL try('GRANT INSERT ON dbmaestro.change TO PUBLIC', 'REVOKE INSERT ON dbmaestro.change FROM PUBLIC');
CALL try('CREATE INDEX i ON dbmaestro.change (lower(change))', 'DROP INDEX dbmaestro.i');
CALL try('ALTER TABLE dbmaestro.change SET UNLOGGED', 'ALTER TABLE dbmaestro.change SET LOGGED');
CALL try('ALTER TABLE dbmaestro.change RENAME TO changes', 'ALTER TABLE dbmaestro.changes RENAME TO change');
-- what every answer is read from: the doctor answers, and only it
CALL try('ALTER TABLE dbmaestro.setting DISABLE TRIGGER dbmaestro_refuse_row', 'ALTER TABLE dbmaestro.setting ENABLE ALWAYS TRIGGER dbmaestro_refuse_row');
CALL try('CREATE RULE r AS ON UPDATE TO dbmaestro.environment DO INSTEAD NOTHING', 'DROP RULE r ON dbmaestro.environment');
-- a column more has no way back
ALTER TABLE dbmaestro.change ADD COLUMN more text;
SELECT dbm_apply('20260101_000001_a', 'SELECT 1');
\set VERBOSITY default
SELECT * FROM dbm_status();
\echo :LAST_ERROR_SQLSTATE
\c :before
DROP DATABASE core_altered WITH (FORCE);

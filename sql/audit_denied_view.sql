-- View denied_attempt: one row per refused attempt, readable by whoever is granted it.
CREATE ROLE denied_view_auditor;
GRANT USAGE ON SCHEMA dbmaestro TO denied_view_auditor;
GRANT SELECT ON dbmaestro.denied_attempt TO denied_view_auditor;
SELECT coalesce(max(id), 0) AS before FROM dbmaestro.audit_event \gset
SELECT dbmaestro._dbm_record_event('denied', true, 'ALTER TABLE orders ADD COLUMN x int');
SELECT dbmaestro._dbm_record_event('observed', true, 'not an attempt that was refused');
SELECT dbmaestro._dbm_record_event('setting', false, 'nor this');
SELECT lower(dbmaestro._dbm_own_statement('20260101_000000_x'));
\echo :LAST_ERROR_SQLSTATE
DO $$
BEGIN
    FOR attempt IN 1..600 LOOP
        EXIT WHEN (SELECT waiting FROM dbmaestro._dbm_durable_files()) = 0;
        PERFORM pg_sleep(0.1);
    END LOOP;
END
$$;
\d dbmaestro.denied_attempt
SET ROLE denied_view_auditor;
SELECT kind, action, change, statement, sqlstate, message, detail, hint FROM dbmaestro.denied_attempt WHERE id > :before ORDER BY at;
-- reading is all
DELETE FROM dbmaestro.denied_attempt;
SELECT count(*) FROM dbmaestro.audit_event;
RESET ROLE;
UPDATE dbmaestro.denied_attempt SET message = NULL;
DELETE FROM dbmaestro.denied_attempt;

-- every column of the room's tables and views is explained
SELECT c.relname, a.attname
  FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
 WHERE c.relnamespace = 'dbmaestro'::regnamespace AND c.relname IN ('audit_event', 'denied_attempt') AND a.attnum > 0 AND col_description(c.oid, a.attnum) IS NULL;
REVOKE ALL ON dbmaestro.denied_attempt FROM denied_view_auditor;
REVOKE ALL ON SCHEMA dbmaestro FROM denied_view_auditor;
DROP ROLE denied_view_auditor;

-- The trail: what a row says, what is cut, what stands or falls with the transaction.
CREATE FUNCTION pg_temp.wait_for_writer() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR attempt IN 1..600 LOOP
        EXIT WHEN (SELECT waiting FROM dbmaestro._dbm_durable_files()) = 0;
        PERFORM pg_sleep(0.1);
    END LOOP;
END
$$;
CREATE FUNCTION pg_temp.mine() RETURNS SETOF dbmaestro.audit_event LANGUAGE sql AS $$
    SELECT * FROM dbmaestro.audit_event WHERE backend_pid = pg_backend_pid() AND backend_start = (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()) ORDER BY at
$$;
SET application_name = 'audit test';

-- in the transaction: stands with it
SELECT dbmaestro._dbm_record_event('setting', false, 'one');
BEGIN;
SELECT dbmaestro._dbm_record_event('setting', false, 'two');
SELECT statement, transaction_id = pg_current_xact_id()::text::bigint AS this_transaction FROM pg_temp.mine() WHERE statement = 'two';
ROLLBACK;
-- durably: outlives it
BEGIN;
SELECT dbmaestro._dbm_record_event('denied', true, 'three');
ROLLBACK;
SELECT pg_temp.wait_for_writer();
SELECT kind, action, statement, statement_length, encode(statement_digest, 'hex') AS digest FROM pg_temp.mine();
-- what the server knows
SELECT kind, authenticated_role = session_user AS authenticated, authenticated_oid = authenticated_role::regrole AS authenticated_oid,
       session_role = session_user AS session, current_role_name = current_user AS current, current_oid = current_role_name::regrole AS current_oid,
       client_address = 'local' OR client_address LIKE '%:%' AS address, application_name, at BETWEEN now() - interval '1 hour' AND clock_timestamp() AS recent,
       substr(event_id::text, 15, 1) AS uuid_version, transaction_id IS NOT NULL AS wrote
  FROM pg_temp.mine();

-- roles: the authenticated one stays
CREATE ROLE audit_trail_role;
GRANT USAGE ON SCHEMA dbmaestro TO audit_trail_role;
GRANT EXECUTE ON FUNCTION dbmaestro._dbm_own_statement(text, integer) TO audit_trail_role;
SET ROLE audit_trail_role;
SELECT upper(dbmaestro._dbm_own_statement('as role'));
RESET ROLE;
SET SESSION AUTHORIZATION audit_trail_role;
SELECT upper(dbmaestro._dbm_own_statement('as session'));
RESET SESSION AUTHORIZATION;
SELECT pg_temp.wait_for_writer();
SELECT change, authenticated_role = session_user AS authenticated, session_role = session_user AS session, current_role_name FROM pg_temp.mine() WHERE kind = 'refused';
REVOKE ALL ON FUNCTION dbmaestro._dbm_own_statement(text, integer) FROM audit_trail_role;
REVOKE ALL ON SCHEMA dbmaestro FROM audit_trail_role;
DROP ROLE audit_trail_role;

-- long texts are cut at a character; length and digest are those of the whole
SELECT dbmaestro._dbm_record_event('denied', true, repeat('€', 30000));
SELECT dbmaestro._dbm_record_event('setting', false, repeat('x', 65536));
SELECT pg_temp.wait_for_writer();
SELECT octet_length(statement) AS kept, length(statement) AS characters, statement_length, statement_digest = sha256(convert_to(repeat('€', 30000), 'UTF8')) AS whole FROM pg_temp.mine() WHERE statement_length = 90000;
SELECT octet_length(statement) AS kept, statement_length FROM pg_temp.mine() WHERE statement_length = 65536;

-- passwords stay out, and no digest lets one guess them
SELECT dbmaestro._dbm_record_event('denied', true, $$ALTER ROLE x PASSWORD 'geheim' VALID UNTIL 'infinity'$$);
SELECT dbmaestro._dbm_record_event('denied', true, $$ALTER ROLE x Password  E'geheim'$$);
SELECT dbmaestro._dbm_record_event('denied', true, $$CREATE SUBSCRIPTION s CONNECTION 'host=h password=geheim' PUBLICATION p$$);
SELECT dbmaestro._dbm_record_event('denied', true, $$CREATE USER MAPPING FOR x SERVER s OPTIONS (user 'u', password 'geheim')$$);
SELECT dbmaestro._dbm_record_event('denied', true, $$CREATE TABLE t (password text)$$);
SELECT dbmaestro._dbm_record_event('denied', true, repeat(' ', 65530) || $$PASSWORD 'geheim'$$);
SELECT pg_temp.wait_for_writer();
SELECT right(statement, 60) AS statement, statement_length, statement_digest IS NULL AS no_digest FROM pg_temp.mine() WHERE kind = 'denied' AND statement ILIKE '%password%';
SELECT count(*) AS leaks FROM dbmaestro.audit_event WHERE statement LIKE '%geheim%';
SELECT right(statement, 8) AS kept, statement_digest IS NULL AS no_digest FROM pg_temp.mine() WHERE statement_length = 65547;

-- a kind that is not in the list
\set VERBOSITY terse
SELECT dbmaestro._dbm_record_event('nonsense', false);
\echo :LAST_ERROR_SQLSTATE

-- a caught refusal is on record, and so is the next one with another text
CREATE FUNCTION pg_temp.catch(text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN dbmaestro._dbm_own_statement($1);
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' caught';
END
$$;
SELECT pg_temp.catch('caught 1'), pg_temp.catch('caught 2'), pg_temp.catch('caught 2');
-- an error that is not ours is no refusal
SELECT dbmaestro._dbm_record_event(NULL, true);
SELECT pg_temp.wait_for_writer();
SELECT change, sqlstate, count(*) FROM pg_temp.mine() WHERE change LIKE 'caught%' GROUP BY 1, 2 ORDER BY 1;

-- read-only: the refusal is recorded all the same
BEGIN READ ONLY;
SELECT upper(dbmaestro._dbm_own_statement('read only'));
ROLLBACK;
SELECT pg_temp.wait_for_writer();
SELECT count(*) FROM pg_temp.mine() WHERE change = 'read only';
SELECT * FROM dbmaestro._dbm_durable_files();

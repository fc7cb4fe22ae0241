-- Advisory locks and channels outlive transactions: a run leaves none of its own in the session,
-- and takes none of the session's
\set before :DBNAME
CREATE DATABASE ledger_session;
\c ledger_session
SET client_min_messages = notice;
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
SELECT dbm_configure('change_name_pattern', '.*');
CREATE VIEW locks AS SELECT objid AS key, objsubid AS keys, mode FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() ORDER BY 1, 2, 3;
CREATE FUNCTION listen_to(channel text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('LISTEN %I', channel); END $$;
\set lock 'SELECT pg_advisory_lock(1), pg_advisory_lock(1), pg_advisory_lock_shared(2), pg_advisory_lock(3, 4); SELECT pg_advisory_xact_lock(5);'
\set lock_and_fail :lock ' SELECT 1 / 0'
\set lock_more :lock ' SELECT pg_advisory_lock(11), pg_advisory_xact_lock_shared(10)'

SELECT outcome FROM dbm_apply('00', :'lock');
SELECT * FROM locks;
SELECT dbm_apply('01', :'lock_and_fail');
SELECT * FROM locks;
-- the transaction's last as long as the transaction
BEGIN;
SELECT outcome FROM dbm_apply('02', :'lock');
SELECT * FROM locks;
COMMIT;
SELECT * FROM locks;
-- what the session held before it holds afterwards
SELECT pg_advisory_lock(10), pg_advisory_lock(10), pg_advisory_lock_shared(11);
BEGIN;
SELECT pg_advisory_xact_lock(12);
SELECT outcome FROM dbm_apply('03', :'lock_more');
SELECT * FROM locks;
COMMIT;
SELECT * FROM locks;
SELECT dbm_apply('04', :'lock_and_fail');
SELECT * FROM locks;
SELECT pg_advisory_unlock(10), pg_advisory_unlock(10), pg_advisory_unlock(10), pg_advisory_unlock_shared(11);
SHOW client_min_messages;
-- a rollback script too
SELECT outcome FROM dbm_apply('05', 'SELECT 1', 'SELECT pg_advisory_lock(1)');
SELECT outcome FROM dbm_rollback('05');
SELECT * FROM locks;

-- channels
SELECT outcome FROM dbm_apply('10', 'SELECT listen_to(''of_script''); NOTIFY of_script, ''unheard''');
SELECT pg_listening_channels();
NOTIFY of_script, 'unheard';
LISTEN of_session;
LISTEN "Of Session";
SELECT outcome FROM dbm_apply('11', 'SELECT listen_to(''of_script''); DO $d$ BEGIN UNLISTEN of_session; END $d$; NOTIFY of_script, ''unheard''');
SELECT pg_listening_channels() ORDER BY 1;
SELECT outcome FROM dbm_apply('12', 'DO $d$ BEGIN UNLISTEN *; END $d$');
SELECT pg_listening_channels() ORDER BY 1;
SELECT dbm_apply('13', 'SELECT listen_to(''of_script''); SELECT 1 / 0');
SELECT pg_listening_channels() ORDER BY 1;
-- what is asked for behind a run counts
BEGIN;
SELECT outcome FROM dbm_apply('15', 'SELECT listen_to(''of_script'')');
LISTEN afterwards;
COMMIT;
SELECT pg_listening_channels() ORDER BY 1;
UNLISTEN *;
SELECT outcome FROM dbm_apply('16', 'SELECT 1');
SELECT pg_listening_channels() ORDER BY 1;
\c :before
DROP DATABASE ledger_session WITH (FORCE);

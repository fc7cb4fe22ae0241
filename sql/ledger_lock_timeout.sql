-- How long a change waits for a lock, what is done about who holds it, and who may say so
\set before :DBNAME
CREATE ROLE lock_deployer LOGIN;
CREATE ROLE lock_operator LOGIN;
CREATE ROLE lock_owner;
CREATE DATABASE ledger_lock_timeout;
\c ledger_lock_timeout
CREATE EXTENSION dbmaestro;
SELECT dbm_init('prod', run_as => 'lock_owner');
SELECT dbm_grant('deploy', 'lock_deployer');
SELECT dbm_grant('configure', 'lock_operator');
CREATE TABLE orders (id integer);
ALTER TABLE orders OWNER TO lock_owner;
CREATE TABLE seen (what text, value text);
GRANT ALL ON seen TO PUBLIC;
GRANT CREATE ON SCHEMA public TO lock_owner;

-- a statement waits as long as the environment says, or as the session, if that is less
SELECT outcome FROM dbm_apply('20260101_000001_a', 'INSERT INTO seen VALUES (''initially'', current_setting(''lock_timeout''))');
SET lock_timeout = '700ms';
SELECT outcome FROM dbm_apply('20260101_000002_b', 'INSERT INTO seen VALUES (''shorter in the session'', current_setting(''lock_timeout''))');
SET lock_timeout = '1h';
SELECT outcome FROM dbm_apply('20260101_000003_c', 'INSERT INTO seen VALUES (''longer in the session'', current_setting(''lock_timeout''))');
SELECT dbm_configure('lock_timeout', '3 s');
SELECT outcome FROM dbm_apply('20260101_000004_d', $$
INSERT INTO seen VALUES ('configured', current_setting('lock_timeout'));
SET lock_timeout = '9s';
INSERT INTO seen VALUES ('what the script says itself', current_setting('lock_timeout'));
RESET lock_timeout;
INSERT INTO seen VALUES ('and takes back', current_setting('lock_timeout'));
$$);
SHOW lock_timeout;
SELECT dbm_configure('lock_timeout', 'off');
SELECT outcome FROM dbm_apply('20260101_000005_e', 'INSERT INTO seen VALUES (''off: what the session says'', current_setting(''lock_timeout''))');
RESET lock_timeout;
SELECT * FROM seen;
SELECT health, finding, advice FROM dbm_doctor() WHERE finding ~ 'lock_timeout';

-- values
SELECT dbm_configure('lock_timeout', 'soon');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('lock_timeout', '-1');
SELECT dbm_configure('lock_timeout', '2d');
SELECT dbm_configure('lock_timeout', 'on');
SELECT dbm_configure('lock_retries', '1001');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('lock_retries', 'many');
SELECT dbm_configure('cancel_autovacuum', '2s');
SELECT dbm_configure('lock_retries', '3');
SELECT dbm_configure('lock_retry_delay', '10');
SELECT dbm_configure('lock_retry_deadline', '1min');
SELECT dbm_configure('lock_timeout', '20ms');
SELECT lock_timeout, lock_retries, lock_retry_delay, lock_retry_deadline, lock_pid, lock_queue, lock_blockers FROM dbm_status();

-- the server's own pause between two attempts
SELECT dbmaestro._dbm_lock_retry(1, now(), 'Somebody.');
SELECT dbmaestro._dbm_lock_retry(3, now());
SELECT dbmaestro._dbm_lock_retry(4, now());
SELECT dbmaestro._dbm_lock_retry(1, now() - interval '2 minutes');
SELECT dbm_configure('lock_retry_deadline', 'off');
SELECT dbmaestro._dbm_lock_retry(1, now() - interval '2 minutes');
SELECT dbm_configure('lock_retry_delay', '1h');
SET client_min_messages = warning;
SET statement_timeout = '100ms';
SELECT dbmaestro._dbm_lock_retry(1, now());
\echo :LAST_ERROR_SQLSTATE
RESET statement_timeout;
RESET client_min_messages;

-- who may: capability configure, and to have sessions terminated whoever may do that himself
SET SESSION AUTHORIZATION lock_deployer;
SELECT dbm_configure('lock_timeout', 'off');
SELECT dbm_configure('cancel_autovacuum', 'on');
SELECT dbm_configure('cancel_idle_in_transaction', '1s');
SET SESSION AUTHORIZATION lock_operator;
SELECT dbm_configure('cancel_autovacuum', 'on');
SELECT dbm_configure('cancel_idle_in_transaction', '1s');
\echo :LAST_ERROR_SQLSTATE
RESET SESSION AUTHORIZATION;
GRANT pg_signal_backend TO lock_operator;
SET SESSION AUTHORIZATION lock_operator;
SELECT dbm_configure('cancel_idle_in_transaction', '10min');
RESET SESSION AUTHORIZATION;
REVOKE pg_signal_backend FROM lock_operator;
SET SESSION AUTHORIZATION lock_operator;
-- to end it nobody needs more
SELECT dbm_configure('cancel_idle_in_transaction', 'off');
SELECT dbm_configure('cancel_idle_in_transaction', NULL);
RESET SESSION AUTHORIZATION;

-- a prepared transaction in the way
BEGIN;
SELECT * FROM orders;
PREPARE TRANSACTION 'of somebody';
SET SESSION AUTHORIZATION lock_deployer;
-- what they say has an age in it
\set VERBOSITY terse
SELECT * FROM dbm_apply('20260101_000006_f', 'SELECT 1; ALTER TABLE orders ADD COLUMN note text');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM dbm_apply('20260101_000006_f', 'LOCK TABLE orders NOWAIT');
SELECT outcome FROM dbm_apply('20260101_000006_f', 'LOCK TABLE orders IN ROW EXCLUSIVE MODE NOWAIT');
RESET SESSION AUTHORIZATION;
SELECT outcome, failed_statement, sqlstate, jsonb_array_length(blockers) AS blockers, blockers #- '{0,transaction_start}' AS blocker,
       abs(extract(epoch FROM (blockers #>> '{0,transaction_start}')::timestamptz - started_at)) < 600 AS of_now FROM dbmaestro.change_history WHERE change ~ '6_f$';
SELECT detail ~ '^Prepared transaction "of somebody", role "[^"]+", holds AccessShareLock on table public.orders, prepared [0-9.]+ s ago.$' FROM dbmaestro.run WHERE outcome = 'failed';
ROLLBACK PREPARED 'of somebody';

\set VERBOSITY default

-- an error of that kind which is nobody's doing
SELECT * FROM dbm_apply('20260101_000007_g', 'DO $do$ BEGIN RAISE EXCEPTION ''mine'' USING ERRCODE = ''55P03''; END $do$');
SELECT * FROM dbm_apply('20260101_000007_g', 'DO $do$ BEGIN RAISE EXCEPTION ''mine'' USING ERRCODE = ''40P01'', DETAIL = ''Process 1 and 2.''; END $do$');
-- after the last statement, which was one of NOWAIT
SELECT * FROM dbm_apply('20260101_000007_g', $$
CREATE FUNCTION public.raises() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION USING ERRCODE = ''55P03'', MESSAGE = ''deferred''; END';
CREATE TABLE public.deferred (id integer);
CREATE CONSTRAINT TRIGGER raises AFTER INSERT ON public.deferred DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.raises();
INSERT INTO public.deferred VALUES (1);
LOCK TABLE public.seen IN ACCESS SHARE MODE NOWAIT;
$$);
SELECT sqlstate, detail, blockers FROM dbmaestro.run WHERE change ~ '7_g$' ORDER BY id;

SELECT dbm_guard('off');
\c :before
DROP DATABASE ledger_lock_timeout;
DROP ROLE lock_deployer, lock_operator, lock_owner;

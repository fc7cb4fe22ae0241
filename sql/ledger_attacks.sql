-- What a run leaves behind must not execute as the deployer, here a superuser: a trigger of
-- somebody who owns a mere table fires in the run.
\set before :DBNAME
CREATE ROLE attack_app;
CREATE ROLE attack_plain;
CREATE DATABASE ledger_attacks;
\c ledger_attacks
SET client_min_messages = warning;
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev', run_as => 'attack_app');
CREATE TABLE public.seen (what text, who text);
GRANT ALL ON public.seen TO PUBLIC;
CREATE SCHEMA plain AUTHORIZATION attack_plain;
SET ROLE attack_plain;
GRANT USAGE ON SCHEMA plain TO PUBLIC;
CREATE FUNCTION plain.note(what text) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES (what, current_user); RETURN 1; END $$;
CREATE TABLE plain.queue (n integer);
GRANT ALL ON plain.queue TO PUBLIC;
CREATE FUNCTION plain.fire() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM plain.note('event ' || NEW.n);
    IF NEW.n < 3 THEN
        SET CONSTRAINTS ALL DEFERRED;
        INSERT INTO plain.queue VALUES (NEW.n + 1);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fire AFTER INSERT ON plain.queue DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION plain.fire();
CREATE TABLE plain.door (n integer);
GRANT ALL ON plain.door TO PUBLIC;
CREATE FUNCTION plain.enter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'DECLARE later CURSOR WITH HOLD FOR SELECT plain.note(''cursor'')';
    EXECUTE 'PREPARE later AS SELECT plain.note(''prepared'')';
    PERFORM 1 / NEW.n;
    RETURN NULL;
END $$;
CREATE TRIGGER enter AFTER INSERT ON plain.door FOR EACH ROW EXECUTE FUNCTION plain.enter();
RESET ROLE;

-- events that a deferred trigger defers once more
SELECT outcome FROM dbm_apply('20260101_000001_a', 'INSERT INTO plain.queue VALUES (1)');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM public.seen;
SELECT change, outcome, sqlstate FROM dbmaestro.change_history;
SELECT outcome FROM dbm_apply('20260101_000001_a', 'INSERT INTO plain.queue VALUES (3)');
SELECT * FROM public.seen;
-- those queued before a run, where that is allowed, would fire inside it
SELECT dbm_configure('allow_prior_writes', 'on');
BEGIN;
INSERT INTO plain.queue VALUES (2);
SELECT outcome FROM dbm_apply('20260101_000002_b', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
SELECT dbm_configure('allow_prior_writes', NULL);

-- a holdable cursor is run at the commit, a prepared statement whenever its name is called
TRUNCATE public.seen;
SELECT outcome FROM dbm_apply('20260101_000003_c', 'INSERT INTO plain.door VALUES (1)');
SELECT name FROM pg_cursors;
SELECT name FROM pg_prepared_statements;
-- prepared statements outlive a failure
SELECT outcome FROM dbm_apply('20260101_000004_d', 'INSERT INTO plain.door VALUES (0)');
SELECT name FROM pg_prepared_statements;
-- one by which the client called stays
PREPARE deploy(text, text) AS SELECT outcome FROM dbm_apply($1, $2);
EXECUTE deploy('20260101_000005_e', 'INSERT INTO plain.door VALUES (1)');
SELECT name FROM pg_prepared_statements;
DEALLOCATE deploy;
SELECT * FROM public.seen;

-- a snapshot would lock out every run until the end of its transaction
SET ROLE attack_plain;
SELECT dbm_snapshot('mine');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
SELECT outcome FROM dbm_apply('20260101_000006_f', 'SELECT public.dbm_snapshot()');
SELECT dbm_grant('deploy', 'attack_plain');
SET SESSION AUTHORIZATION attack_plain;
SELECT dbm_snapshot('mine') > 0 AS taken;
RESET SESSION AUTHORIZATION;
SELECT kind, action, authenticated_role = current_user AS mine, current_role_name, sqlstate FROM dbmaestro.audit_event WHERE action = 'dbm_snapshot' ORDER BY id;

\c :before
DROP DATABASE ledger_attacks;
DROP ROLE attack_app, attack_plain;

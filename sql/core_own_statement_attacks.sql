-- Acts of a person: code that somebody else left for the client to trip over.
-- Each attack ends in a call that the client did not write: all are refused.
\set VERBOSITY terse
CREATE SCHEMA trap;
CREATE SCHEMA trap_first;

-- ---- functions ----
CREATE FUNCTION trap.in_plpgsql() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN dbmaestro._dbm_own_statement('evil'); END$$;
CREATE FUNCTION trap.dynamic() RETURNS text LANGUAGE plpgsql AS $$DECLARE answer text; BEGIN EXECUTE 'SELECT dbmaestro._dbm_own_statement(''evil'')' INTO answer; RETURN answer; END$$;
CREATE FUNCTION trap.in_sql() RETURNS text LANGUAGE sql VOLATILE AS $$SELECT 1; SELECT dbmaestro._dbm_own_statement('evil')$$;
CREATE FUNCTION trap.inlined() RETURNS text LANGUAGE sql VOLATILE AS $$SELECT dbmaestro._dbm_own_statement('evil')$$;
CREATE FUNCTION trap.definer() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$SELECT dbmaestro._dbm_own_statement('evil')$$;
CREATE FUNCTION trap.as_set() RETURNS SETOF text LANGUAGE sql STABLE AS $$SELECT dbmaestro._dbm_own_statement('evil')$$;
SELECT trap.in_plpgsql();
SELECT trap.dynamic();
SELECT trap.in_sql();
SELECT trap.inlined();
SELECT trap.definer();
SELECT * FROM trap.as_set();
DO $$BEGIN PERFORM dbmaestro._dbm_own_statement('evil'); END$$;
CREATE PROCEDURE trap.committing() LANGUAGE plpgsql AS $$BEGIN COMMIT; PERFORM dbmaestro._dbm_own_statement('evil'); END$$;
CALL trap.committing();

-- ---- relations ----
CREATE TABLE trap.target (a text);
CREATE VIEW trap.view AS SELECT dbmaestro._dbm_own_statement('evil');
SELECT * FROM trap.view;
CREATE FUNCTION trap.trigger() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM dbmaestro._dbm_own_statement('evil'); RETURN NEW; END$$;
CREATE TRIGGER tripped BEFORE INSERT ON trap.target FOR EACH ROW EXECUTE FUNCTION trap.trigger();
INSERT INTO trap.target VALUES ('a');
DROP TRIGGER tripped ON trap.target;
CREATE CONSTRAINT TRIGGER tripped AFTER INSERT ON trap.target DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION trap.trigger();
BEGIN;
INSERT INTO trap.target VALUES ('a');
COMMIT;
-- at the end of an implicit transaction, right after the client's own call
INSERT INTO trap.target VALUES ('a')\; SELECT dbmaestro._dbm_own_statement('mine');
CREATE RULE tripped AS ON DELETE TO trap.target DO INSTEAD SELECT dbmaestro._dbm_own_statement('evil');
DELETE FROM trap.target;
CREATE FUNCTION trap.joined(text, text) RETURNS text LANGUAGE sql AS $$SELECT dbmaestro._dbm_own_statement($1 || $2)$$;
CREATE OPERATOR trap.+ (FUNCTION = trap.joined, LEFTARG = text, RIGHTARG = text);
SELECT 'a'::text OPERATOR(trap.+) 'b'::text;

-- ---- somebody else's function of the same name, earlier in the search path ----
SET search_path = trap_first, dbmaestro;
CREATE FUNCTION trap_first._dbm_own_statement(a text DEFAULT NULL, b integer DEFAULT 0) RETURNS text LANGUAGE sql VOLATILE AS $$SELECT dbmaestro._dbm_own_statement('evil', 1)$$;
SELECT _dbm_own_statement('mine', 1);
-- inlined, and the body puts the search path right before anybody looks
CREATE FUNCTION trap.hide(text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$BEGIN PERFORM pg_catalog.set_config('search_path', 'dbmaestro', true); RETURN 'evil'; END$$;
CREATE OR REPLACE FUNCTION trap_first._dbm_own_statement(a text DEFAULT NULL, b integer DEFAULT 0) RETURNS text LANGUAGE sql VOLATILE AS $$SELECT dbmaestro._dbm_own_statement(trap.hide($1), $2)$$;
SELECT _dbm_own_statement('mine', 1);
-- the same, computed by the planner so that the plan holds a constant
ALTER FUNCTION trap.hide(text) IMMUTABLE;
SELECT _dbm_own_statement('mine', 1);
PREPARE trapped(text, integer) AS SELECT _dbm_own_statement($1, $2);
EXECUTE trapped('mine', 1);
-- a cursor with the very text of the client, where the name means ours
CREATE OR REPLACE FUNCTION trap_first._dbm_own_statement(a text DEFAULT NULL, b integer DEFAULT 0) RETURNS text LANGUAGE plpgsql SET search_path = dbmaestro AS $$
DECLARE c refcursor; answer text;
BEGIN
    OPEN c FOR EXECUTE 'SELECT _dbm_own_statement(''mine'', 1);';
    FETCH c INTO answer;
    RETURN answer;
END$$;
SELECT _dbm_own_statement('mine', 1);
DROP FUNCTION trap_first._dbm_own_statement(text, integer);
-- an overload alone already makes the name ambiguous: write the schema
CREATE FUNCTION trap_first._dbm_own_statement(boolean) RETURNS text LANGUAGE sql AS $$SELECT 'other'$$;
SELECT _dbm_own_statement('mine', 1);
SELECT dbmaestro._dbm_own_statement('mine', 1);
-- a type that stands for text and runs code when it is checked
CREATE FUNCTION trap.check(text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN PERFORM dbmaestro._dbm_own_statement('evil', 1); RETURN true; END$$;
CREATE DOMAIN trap_first.text AS pg_catalog.text CHECK (trap.check(VALUE));
SET search_path = trap_first, pg_catalog, dbmaestro;
SELECT dbmaestro._dbm_own_statement('mine'::text, 1);
RESET search_path;

-- ---- a statement that was prepared for the client ----
CREATE FUNCTION trap.prepare() RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE 'PREPARE mine AS SELECT dbmaestro._dbm_own_statement(''evil'')'; END$$;
SELECT trap.prepare();
EXECUTE mine;
CREATE FUNCTION trap.execute() RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE 'EXECUTE yours(''evil'')'; END$$;
PREPARE yours(text) AS SELECT dbmaestro._dbm_own_statement($1);
SELECT trap.execute();
-- swapped for another one while it runs
CREATE FUNCTION trap.swap(text) RETURNS text LANGUAGE plpgsql AS $$BEGIN EXECUTE 'DEALLOCATE swapped'; EXECUTE 'PREPARE swapped(text) AS SELECT dbmaestro._dbm_own_statement($1)'; EXECUTE 'EXECUTE swapped(''evil'')'; RETURN 'done'; END$$;
PREPARE swapped(text) AS SELECT trap.swap($1);
EXECUTE swapped('mine');

-- ---- every refusal is on record, with the reason ----
DO $$
BEGIN
    FOR attempt IN 1..600 LOOP
        EXIT WHEN (SELECT waiting FROM dbmaestro._dbm_durable_files()) = 0;
        PERFORM pg_sleep(0.1);
    END LOOP;
END
$$;
SELECT sqlstate, left(regexp_replace(statement, '\s+', ' ', 'g'), 70) AS statement, detail
  FROM dbmaestro.audit_event
 WHERE backend_pid = pg_backend_pid()
 ORDER BY at;

SET client_min_messages = warning;
DROP SCHEMA trap, trap_first CASCADE;
DEALLOCATE ALL;

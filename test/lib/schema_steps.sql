-- Harness of the tests schema_step_*: does the root follow every statement?
--
-- A step is a statement and the one that undoes it.  It is run and rolled
-- back, run and committed, then undone; after each of these the quick root is
-- compared with the one that is computed from nothing.  The root must change
-- with the statement (unless the step says "same") and come back with its
-- undoing.  Steps that break a rule are listed; there must be none.
CREATE SCHEMA steps;
CREATE TABLE steps.step (
    number    integer GENERATED ALWAYS AS IDENTITY,
    statement text NOT NULL,
    undo      text,
    same      boolean NOT NULL DEFAULT false
);
CREATE TABLE steps.finding (number integer, statement text, finding text);

CREATE PROCEDURE steps.note(step steps.step, holds boolean, finding text) LANGUAGE sql AS $$
    INSERT INTO steps.finding SELECT step.number, step.statement, finding WHERE holds IS NOT TRUE
$$;

CREATE FUNCTION steps.agree() RETURNS boolean LANGUAGE sql AS
    'SELECT dbm_schema_hash() = dbmaestro._dbm_schema_hash_full()';

-- statements of one step are separated by a line feed
CREATE PROCEDURE steps.execute(statements text) LANGUAGE plpgsql AS $$
DECLARE
    statement text;
BEGIN
    FOREACH statement IN ARRAY string_to_array(statements, E'\n') LOOP
        EXECUTE statement;
    END LOOP;
END
$$;

CREATE PROCEDURE steps.run() LANGUAGE plpgsql AS $$
DECLARE
    step   steps.step;
    before text;
    after  text;
    agreed boolean;
BEGIN
    FOR step IN SELECT * FROM steps.step ORDER BY number LOOP
        before := dbm_schema_hash();
        CALL steps.execute(step.statement);
        after := dbm_schema_hash();
        agreed := steps.agree();
        ROLLBACK;
        -- noted only now, or it would be rolled back as well
        CALL steps.note(step, agreed, 'quick root is wrong in the transaction');
        CALL steps.note(step, (before = after) = step.same, 'root changed, or did not');
        CALL steps.note(step, dbm_schema_hash() = before, 'root is wrong after rolling back');
        CALL steps.execute(step.statement);
        COMMIT;
        CALL steps.note(step, dbm_schema_hash() = after, 'root is wrong after commit');
        CALL steps.note(step, steps.agree(), 'quick root is wrong after commit');
        CONTINUE WHEN step.undo IS NULL;
        CALL steps.execute(step.undo);
        COMMIT;
        CALL steps.note(step, dbm_schema_hash() = before, 'undoing does not bring the root back');
        CALL steps.note(step, steps.agree(), 'quick root is wrong after undoing');
        COMMIT;
    END LOOP;
END
$$;

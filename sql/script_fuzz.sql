-- Random damage to tricky scripts: never a crash, never an unknown error, and
-- nothing lost.  Joining the pieces again must give the same tokens.
CREATE TEMPORARY TABLE seen (outcome text, script text);
DO $fuzz$
DECLARE
    original CONSTANT text := $script$-- Issue: 1
SELECT 'a;b', "c;d", E'\';', $x$;$x$; -- ;
CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END;
CREATE RULE r AS ON INSERT TO a DO (SELECT 1; SELECT 2); /* ; /* */ */
DO $$BEGIN NULL; END$$;
\restrict x
INSERT INTO t VALUES (1, U&'\0061', B'1', .5e1, a$b$c);
SELECT 'x
\.
y'; SELECT 1
$script$;
    pieces CONSTANT text[] := ARRAY['''', '"', '$$', '$x$', ';', '(', ')', '/*', '*/', '--', E'\n', E'\r\n', '\', E'\n\\.\n',
        E'\n\\restrict ', ' begin ', ' end ', ' case ', 'create function begin ', 'commit;', 'begin;', E';COPY t FROM stdin;\n',
        E'\\N\n', 'U&"', 'E''', ':', E'\u20ac', E'\ufeff', '1', 'or replace procedure', 'password ''x'''];
    script text;
    place int;
    again text;
BEGIN
    PERFORM setseed(0.25);
    FOR round IN 1..4000 LOOP
        script := original;
        FOR damage IN 1..1 + floor(random() * 4)::int LOOP
            place := floor(random() * length(script))::int;
            script := CASE floor(random() * 3)::int
                WHEN 0 THEN left(script, place) || substr(script, place + 2 + floor(random() * 20)::int)
                WHEN 1 THEN left(script, place) || pieces[1 + floor(random() * cardinality(pieces))::int] || substr(script, place + 1)
                ELSE left(script, place) || substr(script, floor(random() * length(script))::int, 30) || substr(script, place + 1) END;
        END LOOP;
        BEGIN
            SELECT string_agg(statement, E';\n' ORDER BY ordinal) INTO again
              FROM dbmaestro._dbm_script(script) HAVING count(copy_bytes) = 0;
            SELECT string_agg(format('-- %s: %s', key, replace(value, E'\n', E'\n--   ')) || E'\n', '' ORDER BY line) || coalesce(again, '') INTO again
              FROM dbmaestro._dbm_script_header(script) WHERE again IS NOT NULL HAVING count(*) > 0;
            IF again IS NULL THEN
                INSERT INTO seen VALUES ('cut, not joined', script);
            ELSIF (dbmaestro._dbm_script_digests(again)).tokens = (dbmaestro._dbm_script_digests(script)).tokens THEN
                INSERT INTO seen VALUES ('cut and joined', script);
            ELSE
                INSERT INTO seen VALUES ('lost', script);
            END IF;
        EXCEPTION WHEN OTHERS THEN
            INSERT INTO seen VALUES (CASE WHEN sqlstate ~ '^(42601|22|MA021)' THEN 'refused' ELSE sqlstate || ' ' || sqlerrm END, script);
        END;
    END LOOP;
END
$fuzz$;
SELECT outcome, count(*) > 100 AS often FROM seen WHERE outcome IN ('cut and joined', 'refused') GROUP BY 1 ORDER BY 1;
SELECT outcome, script FROM seen WHERE outcome NOT IN ('cut and joined', 'cut, not joined', 'refused');
DROP TABLE seen;

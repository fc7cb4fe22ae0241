-- Passwords written into a script
CREATE FUNCTION pg_temp.verdict(script text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text; place text;
BEGIN
    PERFORM dbmaestro._dbm_script_check(script, 'c');
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, place = PG_EXCEPTION_CONTEXT;
    RETURN sqlstate || CASE WHEN concat(sqlerrm, detail, hint, split_part(place, E'\nSQL statement', 1)) ~ 'hunter2'
                            THEN ', and shown' ELSE '' END;
END $$;

SELECT script, pg_temp.verdict(script) FROM (VALUES
    (1, 'CREATE ROLE a PASSWORD ''hunter2'''),
    (2, 'CREATE USER a WITH LOGIN ENCRYPTED PASSWORD ''hunter2'' CREATEDB'),
    (3, 'alter role a password /* x */ $$hunter2$$'),
    (4, 'ALTER USER a PASSWORD E''hunter2'''),
    (5, 'ALTER USER a PASSWORD U&''hunter2'''),
    (6, 'CREATE GROUP a PASSWORD ''SCRAM-SHA-256$4096:hunter2'''),
    (7, 'CREATE USER MAPPING FOR a SERVER s OPTIONS (user ''a'', password ''hunter2'')'),
    (8, 'ALTER USER MAPPING FOR a SERVER s OPTIONS (SET password ''hunter2'')'),
    (9, 'CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host ''x'', "passwd" ''hunter2'')'),
    (10, 'ALTER FOREIGN DATA WRAPPER w OPTIONS (ADD Secret_Access_Key ''hunter2'')'),
    (11, 'CREATE SUBSCRIPTION s CONNECTION ''host=x password=hunter2'' PUBLICATION p WITH (connect = false)'),
    (12, 'ALTER SUBSCRIPTION s CONNECTION ''host=x PassWord = hunter2'''),
    (13, 'ALTER SUBSCRIPTION s CONNECTION ''postgresql://a:hunter2@x/d'''),
    (14, 'ALTER SUBSCRIPTION s CONNECTION ''postgres://x/d?user=a&password=hunter2'''),
    (15, 'SELECT * FROM dblink(''host=x password=hunter2'', ''SELECT 1'') AS t (a int)'),
    (16, 'DO $do$ BEGIN CREATE ROLE a PASSWORD ''hunter2''; END $do$'),
    (17, 'DO ''BEGIN EXECUTE ''''ALTER ROLE a PASSWORD ''''''''hunter2''''''''''''; END'''),
    (18, 'CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN EXECUTE $q$ CREATE ROLE a PASSWORD $p$hunter2$p$ $q$; END $f$'),
    (19, 'CREATE PROCEDURE f() LANGUAGE sql BEGIN ATOMIC SELECT dblink_connect(''host=x password=hunter2''); END'),
    (20, 'CREATE FUNCTION f() RETURNS void LANGUAGE plpython3u AS $f$ plpy.execute("CREATE ROLE a PASSWORD ''hunter2''") $f$')
    ) AS v (number, script) ORDER BY number;

-- none of these is one
SELECT script, pg_temp.verdict(script) FROM (VALUES
    (1, 'CREATE ROLE a PASSWORD NULL'),
    (2, 'CREATE ROLE a PASSWORD '''''),
    (3, 'CREATE TABLE account (password text NOT NULL DEFAULT ''x'', token text DEFAULT ''y'')'),
    (4, 'COMMENT ON COLUMN account.password IS ''password = hash of it'''),
    (5, 'INSERT INTO account (password) VALUES (''x'')'),
    (6, 'UPDATE account SET password = ''x'''),
    (7, 'CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (password_required ''false'', host ''x'')'),
    (8, 'ALTER USER MAPPING FOR a SERVER s OPTIONS (DROP password)'),
    (9, 'CREATE SUBSCRIPTION s CONNECTION ''service=x passfile=/etc/p'' PUBLICATION p WITH (connect = false)'),
    (10, 'ALTER SUBSCRIPTION s CONNECTION ''postgresql://a@x:5432/d'''),
    (11, 'DO $$ BEGIN EXECUTE format(''ALTER ROLE a PASSWORD %L'', current_setting(''x.y'')); END $$'),
    (12, 'CREATE FUNCTION f() RETURNS void LANGUAGE plpython3u AS $$ password = "it''s" $$'),
    (13, 'SELECT ''CREATE ROLE a PASSWORD ''''x'''''''),
    (14, 'CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.password := crypt(NEW.password, ''bf''); END $$'),
    (15, 'COMMENT ON FUNCTION f() IS ''for ALTER ROLE a PASSWORD ''''x'''''''),
    (16, 'INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = ''CREATE ROLE a PASSWORD ''''x''''''')
    ) AS v (number, script) WHERE pg_temp.verdict(script) <> 'accepted' ORDER BY number;

-- message, detail, hint; lines inside of dollar quotes are told
SELECT dbmaestro._dbm_script_check(
    E'SELECT 1;\n\nCREATE ROLE a\n  PASSWORD ''hunter2'';\nDO $$\nBEGIN\n  EXECUTE $q$\n  ALTER ROLE a PASSWORD ''hunter2''$q$;\nEND $$;', 'add_roles');
\echo :LAST_ERROR_SQLSTATE

-- a secret comes before what else is wrong, and may be allowed
SELECT dbmaestro._dbm_script_check('COMMIT; CREATE ROLE a PASSWORD ''hunter2''', 'add_roles', rollback => true);
SELECT dbmaestro._dbm_script_check('COMMIT; CREATE ROLE a PASSWORD ''hunter2''', 'add_roles', allow_secrets => true);
SELECT dbmaestro._dbm_script_check('CREATE ROLE a PASSWORD ''hunter2''', 'add_roles', allow_secrets => true);

-- an error near a secret does not quote it, an error near the word does quote
SELECT dbmaestro._dbm_script_check('CREATE ROLE a PASSWORD ''hunter2'' LOGN NOW', 'add_roles');
SELECT dbmaestro._dbm_script_check('CREATE ROLE a PASSWORD ''hunter2', 'add_roles');
SELECT dbmaestro._dbm_script_check('CREATE ROLE a PASSWORD = ''hunter2''', 'add_roles');
SELECT dbmaestro._dbm_script_check('CREATE TABLE account (password text DEFALT ''x'')', 'add_roles');

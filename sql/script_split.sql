-- Where statements start and end, as psql cuts them
\pset null -
\pset format unaligned
\pset fieldsep ' | '
\pset footer off

-- the plainest; no final semicolon, no final newline
SELECT * FROM dbmaestro._dbm_script('SELECT 1; SELECT 2');

-- empty statements and comments are no statements
SELECT * FROM dbmaestro._dbm_script(E';; -- a;b\n /* ; /* ; */ ; */ ; SELECT 1 ;;\n-- the end');
SELECT count(*) FROM dbmaestro._dbm_script('');
SELECT count(*) FROM dbmaestro._dbm_script(E' \n\t-- nothing\n/* at all */;;');

-- comments inside belong to the statement, those around it do not
SELECT * FROM dbmaestro._dbm_script(E'-- before\nSELECT /* in ; side */ 1 -- and;\n + 2 /* behind */ ; -- it\n');

-- every kind of quoting
SELECT ordinal, line, "column", statement FROM dbmaestro._dbm_script($script$
SELECT 'a;b', 'it''s;', E'\';\\', "odd;""name", U&"\0061;", U&'d!0061;' UESCAPE '!', B'0', X'1F', N'n;';
SELECT $$ ; $$, $tag$ $$ ; $other$ ; $tag$, $1, 'one;'
    'two;';
SELECT a$b$c;d$b$ FROM t;
$script$);

-- semicolons in parentheses do not count: rules
SELECT line, tag, statement FROM dbmaestro._dbm_script(
    'CREATE RULE r AS ON INSERT TO a DO ALSO (INSERT INTO b VALUES (1); DELETE FROM c); SELECT 2');

-- BEGIN ATOMIC ... END, CASE inside it, and names that only look like it
SELECT line, tag, statement FROM dbmaestro._dbm_script($script$
CREATE FUNCTION f(a int DEFAULT (CASE WHEN true THEN 1 END)) RETURNS int
BEGIN ATOMIC
    SELECT CASE a WHEN 1 THEN 2 END;
    SELECT (CASE a WHEN 1 THEN 2 END);
END;
create or replace procedure p() begin atomic insert into t values (1); end; SELECT 3;
CREATE TABLE begin_of (function int);
SELECT CASE 1 WHEN 1 THEN 2 END;
CREATE FUNCTION g() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'; SELECT 4;
$script$);

-- where counting joins too much, the parser parts it again
SELECT ordinal, line, "column", tag, statement FROM dbmaestro._dbm_script(
    E'SELECT 1;\nCREATE FUNCTION begin() RETURNS int LANGUAGE sql AS \'SELECT 1\';\n  /* ; */ SELECT 2; SELECT 3;');

-- one pair of BEGIN and COMMIT around everything is left out, in any spelling
SELECT * FROM dbmaestro._dbm_script(E'BEGIN;\nSELECT 1;\nCOMMIT;\n');
SELECT * FROM dbmaestro._dbm_script('start transaction; SELECT 1; end work');
SELECT * FROM dbmaestro._dbm_script('SET a.b = 1; BEGIN WORK; SELECT 1; COMMIT TRANSACTION; RESET a.b');
-- so is a COMMIT at the end alone, but nothing else
SELECT * FROM dbmaestro._dbm_script('SELECT 1; COMMIT');
SELECT * FROM dbmaestro._dbm_script('BEGIN; SELECT 1');
SELECT * FROM dbmaestro._dbm_script('BEGIN; SELECT 1; COMMIT; SELECT 2');
SELECT * FROM dbmaestro._dbm_script('SELECT 1; BEGIN; SELECT 2; COMMIT');
SELECT * FROM dbmaestro._dbm_script('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1; COMMIT AND CHAIN');

-- lines of dumps that mean something to psql only
SELECT * FROM dbmaestro._dbm_script(E'\\restrict abc\n\nSELECT 1;\n\\unrestrict abc\n');
SELECT * FROM dbmaestro._dbm_script(E'SELECT 1; \\restrict it''s\nSELECT\n2;\n\\unrestrict');

-- backslashes at the start of lines inside literals and comments
SELECT * FROM dbmaestro._dbm_script(E'SELECT ''\n\\.\n\\copy\n'', $$\n\\.\n$$ /*\n\\x\n*/;\n\\restrict x\nSELECT ''\n\\.\n'';');

-- line ends of Windows, old Macs, and characters of more than one byte
SELECT * FROM dbmaestro._dbm_script(E'SELECT 1;\r\n\r\n  SELECT\r\n2;\r\n');
SELECT * FROM dbmaestro._dbm_script(E'SELECT 1;\r-- a\rSELECT 2;');
SELECT * FROM dbmaestro._dbm_script(E'SELECT ''\u00e4\u20ac\U0001f600''; SELECT "\u00fc";');

-- the mark that editors on Windows put at the start
SELECT * FROM dbmaestro._dbm_script(E'\ufeffSELECT 1;\nSELECT 2');

-- what the server says about a name it says once
SELECT tag FROM dbmaestro._dbm_script('SELECT 1 AS ' || repeat('long', 20));

-- The hash of the bytes, and the hash of what they say
CREATE TEMPORARY TABLE variant (name text, script text);
INSERT INTO variant VALUES
    ('as written',      E'-- Description: adds it\nCREATE TABLE t (a int DEFAULT 1, "B" text);\nSELECT ''x  y'';\n'),
    ('line ends',       E'-- Description: adds it\r\nCREATE TABLE t (a int DEFAULT 1, "B" text);\r\nSELECT ''x  y'';\r\n'),
    ('white space',     E'-- Description: adds it\n\n\nCREATE  TABLE\tt(a int\n  DEFAULT 1,"B" text) ;SELECT ''x  y'''),
    ('comments',        E'-- some words\n--  Description: no, indented\n-- Description:  adds it \n-- x\nCREATE /* a; */ TABLE t (a int DEFAULT 1, "B" text); -- b\nSELECT ''x  y'';'),
    ('case',            E'-- Description: adds it\ncreate table T (A INT default 1, "B" TEXT);\nselect ''x  y'';\n'),
    ('quoting',         E'-- Description: adds it\nCREATE TABLE t (a int DEFAULT 1, "B" text);\nSELECT $q$x  y$q$;\n'),
    ('more semicolons', E'-- Description: adds it\n;CREATE TABLE t (a int DEFAULT 1, "B" text);;\nSELECT ''x  y'';;'),
    ('BEGIN ... COMMIT', E'-- Description: adds it\nBEGIN;\nCREATE TABLE t (a int DEFAULT 1, "B" text);\nSELECT ''x  y'';\nCOMMIT;\n'),
    ('COMMIT',          E'-- Description: adds it\nCREATE TABLE t (a int DEFAULT 1, "B" text);\nSELECT ''x  y'';\nCOMMIT;\n'),
    ('mark',            E'\ufeff-- Description: adds it\nCREATE TABLE t (a int DEFAULT 1, "B" text);\nSELECT ''x  y'';\n'),
    ('\restrict',       E'-- Description: adds it\n\\restrict x\nCREATE TABLE t (a int DEFAULT 1, "B" text);\nSELECT ''x  y'';\n\\unrestrict x\n'),
    ('other key',       E'-- Description: adds it\n-- Owner: somebody\nCREATE TABLE t (a int DEFAULT 1, "B" text);\nSELECT ''x  y'';\n'),
    ('! header value',  E'-- Description: adds this\nCREATE TABLE t (a int DEFAULT 1, "B" text);\nSELECT ''x  y'';\n'),
    ('! header key',    E'-- Impact: adds it\nCREATE TABLE t (a int DEFAULT 1, "B" text);\nSELECT ''x  y'';\n'),
    ('! one more key',  E'-- Description: adds it\n-- Run-As: postgres\nCREATE TABLE t (a int DEFAULT 1, "B" text);\nSELECT ''x  y'';\n'),
    ('! no header',     E'CREATE TABLE t (a int DEFAULT 1, "B" text);\nSELECT ''x  y'';\n'),
    ('! number',        E'-- Description: adds it\nCREATE TABLE t (a int DEFAULT 2, "B" text);\nSELECT ''x  y'';\n'),
    ('! quoted name',   E'-- Description: adds it\nCREATE TABLE t (a int DEFAULT 1, "b" text);\nSELECT ''x  y'';\n'),
    ('! literal',       E'-- Description: adds it\nCREATE TABLE t (a int DEFAULT 1, "B" text);\nSELECT ''x y'';\n'),
    ('! literal case',  E'-- Description: adds it\nCREATE TABLE t (a int DEFAULT 1, "B" text);\nSELECT ''X  y'';\n'),
    ('! kind',          E'-- Description: adds it\nCREATE TABLE t (a int DEFAULT 1, "B" text);\nSELECT "x  y";\n'),
    ('! order',         E'-- Description: adds it\nSELECT ''x  y'';\nCREATE TABLE t (a int DEFAULT 1, "B" text);\n'),
    ('! one statement', E'-- Description: adds it\nCREATE TABLE t (a int DEFAULT 1, "B" text);\n'),
    ('! commented out', E'-- Description: adds it\nCREATE TABLE t (a int DEFAULT 1, "B" text);\n--SELECT ''x  y'';\n');

-- all bytes differ; tokens are the same but where the name starts with !
SELECT count(DISTINCT d.bytes) = count(*) AS bytes_differ,
       count(DISTINCT d.tokens) FILTER (WHERE name !~ '^!') AS same,
       count(DISTINCT d.tokens) FILTER (WHERE name ~ '^!') = count(*) FILTER (WHERE name ~ '^!') AS others_differ
  FROM variant, dbmaestro._dbm_script_digests(script) AS d;
SELECT name, d.tokens = (SELECT (dbmaestro._dbm_script_digests(script)).tokens
                           FROM variant WHERE name = 'as written') AS same
  FROM variant, dbmaestro._dbm_script_digests(script) AS d WHERE name <> 'as written' ORDER BY 1;

-- bytes: the same as sha256sum
SELECT d.bytes = encode(sha256(convert_to(script, 'UTF8')), 'hex') AS bytes
  FROM variant, dbmaestro._dbm_script_digests(script) AS d GROUP BY 1;

-- tokens: the documented format, written down by hand
SELECT (dbmaestro._dbm_script_digests(E'-- Issue: 17\nSELECT "A"+ 1.50;\nCOPY t FROM stdin;\n1\r\n\\.\n')).tokens = encode(sha256(
       int8send(12) || 'dbm-tokens-1'
       || 'h' || int8send(5) || 'Issue' || 'h' || int8send(2) || '17'
       || 'w' || int8send(6) || 'select' || 'q' || int8send(1) || 'A' || 'o' || int8send(1) || '+'
       || 'o' || int8send(4) || '1.50' || ';' || int8send(0)
       || 'w' || int8send(4) || 'copy' || 'w' || int8send(1) || 't'
       || 'w' || int8send(4) || 'from' || 'w' || int8send(5) || 'stdin' || ';' || int8send(0)
       || 'd' || int8send(2) || E'1\\012'), 'hex') AS as_documented;

-- code in dollar quotes and COPY data count to the last blank, but for line ends
CREATE TEMPORARY VIEW body AS
    SELECT name, (dbmaestro._dbm_script_digests(format(E'DO $b$%s$b$;\nCOPY t FROM stdin;\n%s\\.\n', code, data))).tokens
      FROM (VALUES ('a', E'BEGIN\n  NULL; -- x\nEND', E'1\t2\n'),
                   ('a, CR LF', E'BEGIN\r\n  NULL; -- x\r\nEND', E'1\t2\r\n'),
                   ('b, comment', E'BEGIN\n  NULL; -- y\nEND', E'1\t2\n'),
                   ('c, blank', E'BEGIN\n NULL; -- x\nEND', E'1\t2\n'),
                   ('d, lone CR', E'BEGIN\r  NULL; -- x\nEND', E'1\t2\n'),
                   ('e, data', E'BEGIN\n  NULL; -- x\nEND', E'1\t3\n'),
                   ('f, no data', E'BEGIN\n  NULL; -- x\nEND', E'')) AS v (name, code, data);
SELECT count(DISTINCT tokens), string_agg(name, '; ' ORDER BY name) FROM body GROUP BY left(name, 1) ORDER BY 2;
SELECT count(DISTINCT tokens) FROM body;

-- a literal longer than what is fed at once, with and without CR LF
SELECT count(DISTINCT (dbmaestro._dbm_script_digests('SELECT ''' || repeat('0123456789' || e, 100) || '''')).tokens)
  FROM unnest(ARRAY[E'\n', E'\r\n']) AS e;

DROP VIEW body;
DROP TABLE variant;

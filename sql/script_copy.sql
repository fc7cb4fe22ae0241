-- Data lines behind COPY ... FROM STDIN
\pset null -
\pset format unaligned
\pset fieldsep ' | '
\pset footer off

SELECT ordinal, line, "column", tag, statement, copy_bytes FROM dbmaestro._dbm_script($script$
COPY t (a, b) FROM stdin;
1	it's; not SQL (
\N	\\.
 \.
\.x
\.

COPY t FROM STDIN WITH (FORMAT csv);
\.
select 2;
copy t from stdin;
a
\.
$script$);

-- with line ends of Windows, and at the very end of the script
SELECT line, tag, copy_bytes FROM dbmaestro._dbm_script(E'COPY t FROM stdin;\r\n1\r\n2\r\n\\.\r\nSELECT 2;\r\n');
SELECT line, tag, copy_bytes FROM dbmaestro._dbm_script(E'COPY t FROM stdin;\n1\n2\n\\.');

SELECT line, tag, copy_bytes FROM dbmaestro._dbm_script(E'COPY t FROM stdin; \t \n1\n\\.\n');

-- what looks like it and is not
SELECT line, tag, copy_bytes FROM dbmaestro._dbm_script($script$
COPY t FROM '/tmp/stdin';
COPY t FROM PROGRAM 'stdin';
SELECT 'COPY t FROM stdin;';
-- COPY t FROM stdin;
DO 'BEGIN EXECUTE ''COPY t FROM stdin''; END';
$script$);

-- inside BEGIN ... COMMIT
SELECT ordinal, line, tag, copy_bytes FROM dbmaestro._dbm_script(E'BEGIN;\nCOPY t FROM stdin;\n1\n\\.\nCOMMIT;');

-- no end, no data at all, no semicolon
SELECT * FROM dbmaestro._dbm_script(E'SELECT 1;\nCOPY t FROM stdin;\n1\n2\n\\.x\n');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM dbmaestro._dbm_script('COPY t FROM stdin;');
SELECT * FROM dbmaestro._dbm_script(E'COPY t FROM stdin\n1\n\\.\n');

-- anything behind the semicolon
SELECT * FROM dbmaestro._dbm_script(E'COPY t FROM stdin; SELECT 1;\n1\n\\.\n');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM dbmaestro._dbm_script(E'COPY t FROM stdin; -- data\n1\n\\.\n');

-- the end of data that never started
SELECT * FROM dbmaestro._dbm_script(E'SELECT 1;\n\\.\n');
\echo :LAST_ERROR_SQLSTATE

-- many blocks and many lines that start with a backslash are no trouble
SELECT count(*), sum(copy_bytes) FROM dbmaestro._dbm_script(
    repeat(E'COPY t FROM stdin;\n' || repeat(E'\\N\t\\N\n', 50) || E'\\.\n', 2000));

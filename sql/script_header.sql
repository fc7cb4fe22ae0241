-- The fields at the top of a script
\pset format unaligned
\pset fieldsep ' | '
\pset footer off

SELECT * FROM dbmaestro._dbm_script_header($script$
-- Description: creates orders
-- Rationale:   why, in one line
--   and a second
--     and a third, indented more
-- Requires: 20261122_101500_create_customers
-- Requires: 20261122_101600_create_products

--Issue: 17
-- Lint-Ignore: drop-column because nobody reads it
-- Downtime:
-- Run-As: shop_owner
-- This is prose: it has a colon, and no key.
--   so this continues nothing
-- Owner: not a key of ours
-- requires: nor is this, sqitch writes it so
-- LABELS: spelled otherwise
-- X-Y-z: kept, it looks like one
-- http://example.com
-- Labels:a
--    Impact: indented, so it is prose
   -- Conflicts: white space before the dashes
CREATE TABLE t (a int); -- Issue: not at the top
-- Irreversible: yes
$script$);

-- ends at the first thing that is not a comment of this kind
SELECT * FROM dbmaestro._dbm_script_header(E'/* -- Issue: 1 */\n-- Issue: 2\nSELECT 1');
SELECT * FROM dbmaestro._dbm_script_header(E'SELECT 1;\n-- Issue: 2\n');
SELECT * FROM dbmaestro._dbm_script_header(E'-- Issue: 1\n;-- Issue: 2\n');
SELECT * FROM dbmaestro._dbm_script_header('');
SELECT * FROM dbmaestro._dbm_script_header('--');
SELECT * FROM dbmaestro._dbm_script_header('-- Issue:');
SELECT * FROM dbmaestro._dbm_script_header('-- :');

-- a value that starts on the line after its key
SELECT * FROM dbmaestro._dbm_script_header(E'-- Description:\n--   first\n--   second\n--\n--   third\n');

-- line ends of Windows and the mark before the first line
SELECT line, key, octet_length(value) FROM dbmaestro._dbm_script_header(E'\ufeff-- Issue: 1\r\n-- Impact: none \r\n');

-- a header is not SQL, and what follows it is read all the same
SELECT * FROM dbmaestro._dbm_script_header(E'-- Issue: ''; $$ /*\nSELECT 1');
SELECT * FROM dbmaestro._dbm_script_header(E'-- Issue: 1\nSELEC 1');

-- dbm_plan: what is out of order, the order of the manifest tells, whatever the names
\set before :DBNAME
CREATE DATABASE ledger_plan_order;
\c ledger_plan_order
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
SELECT dbm_configure('change_name_pattern', '^\w+$');
-- numbers: byte by byte V10 and V11 would stand before V9
SELECT outcome FROM dbm_apply('V9__nine', 'SELECT 9');
SELECT ordinal, change, state, detail FROM dbm_plan('["V9__nine", "V10__ten", "V11__eleven"]');
SELECT outcome FROM dbm_apply('V11__eleven', 'SELECT 11');
SELECT ordinal, change, state, detail FROM dbm_plan('["V8__eight", "V9__nine", "V10__ten", "V11__eleven", "V100__hundred"]');
-- a plan in which names follow no order at all
SELECT outcome FROM dbm_apply('users', 'SELECT 1');
SELECT ordinal, change, state, detail FROM dbm_plan('["V9__nine", "V11__eleven", "users", "flips", "appschema"]');
SELECT ordinal, change, state, detail FROM dbm_plan('["V9__nine", "V11__eleven", "appschema", "users", "flips"]');
-- the same changes in another order are another answer
SELECT ordinal, change, state, detail FROM dbm_plan('["flips", "users", "V11__eleven", "V9__nine"]');
-- what is applied here but not in the manifest has no place there
SELECT ordinal, change, state, detail FROM dbm_plan('["V1__one", "V2__two"]');
-- applied with other content: it stands where it stands
SELECT ordinal, change, state FROM dbm_plan('["V8__eight", {"change": "V9__nine", "hash": "0000000000000000000000000000000000000000000000000000000000000000"}, "V11__eleven", "users"]');
-- repeatable changes overtake nobody, and nobody overtakes them
SELECT outcome FROM dbm_apply('R__view', E'-- Repeatable: yes\nCREATE VIEW v AS SELECT 1 AS one', 'DROP VIEW v');
SELECT dbm_submit('R__later', E'-- Repeatable: yes\nCREATE VIEW w AS SELECT 1 AS one');
SELECT ordinal, change, state, detail FROM dbm_plan('[{"change": "R__view", "hash": "0000000000000000000000000000000000000000000000000000000000000000"}, "R__later", "V9__nine", "V11__eleven", "users", "flips", "R__view2"]');
SELECT ordinal, change, state, detail FROM dbm_plan('["V9__nine", "V11__eleven", "users", "flips", "R__view"]');
-- one that was rolled back waits again
SELECT outcome FROM dbm_apply('V12__twelve', 'CREATE TABLE t (i int)', 'DROP TABLE t');
SELECT outcome FROM dbm_apply('V13__thirteen', 'SELECT 13');
SELECT outcome FROM dbm_rollback('V12__twelve');
SELECT ordinal, change, state, detail FROM dbm_plan('["V9__nine", "V11__eleven", "users", "V12__twelve", "V13__thirteen", "R__view"]');
-- dbm_apply asks for no order: Requires and the deployment do
SELECT outcome FROM dbm_apply('V10__ten', 'SELECT 10');
-- a large one: all but the last are overtaken
SELECT outcome FROM dbm_apply('0_last', 'SELECT 0');
SELECT state, count(*), min(detail) FROM dbm_plan((SELECT jsonb_agg('x' || g ORDER BY g) || '["0_last", "y"]' FROM generate_series(1, 10000) AS g)) WHERE ordinal IS NOT NULL GROUP BY 1 ORDER BY 1;
\c :before
DROP DATABASE ledger_plan_order WITH (FORCE);

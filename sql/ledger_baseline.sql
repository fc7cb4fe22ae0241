-- dbm_baseline: a schema that was there before becomes the first change, which is never run
\set before :DBNAME
CREATE ROLE baseline_admin;
CREATE ROLE baseline_deploy;
CREATE ROLE baseline_owner;
CREATE DATABASE ledger_baseline;
\c ledger_baseline
CREATE EXTENSION dbmaestro;
CREATE TABLE orders (id bigint PRIMARY KEY);
CREATE TABLE other (id bigint);
SELECT dbm_schema_hash() AS root \gset
\set zeros 0000000000000000000000000000000000000000000000000000000000000000
-- which environment is it?
SELECT dbm_baseline('20260101_000000_baseline', 'CREATE TABLE orders (id bigint)', root => :'root');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_init('prod');
SELECT dbm_grant('admin', 'baseline_admin');
SELECT dbm_grant('deploy', 'baseline_deploy');

-- who may
SET ROLE baseline_deploy;
SELECT dbm_baseline('20260101_000000_baseline', 'CREATE TABLE orders (id bigint)', root => :'root');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;

-- what it needs to know
SELECT dbm_baseline('20260101_000000_baseline', 'CREATE TABLE orders (id bigint)');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_baseline('20260101_000000_baseline', 'CREATE TABLE orders (id bigint)', root => 'none');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_baseline(NULL, 'CREATE TABLE orders (id bigint)', root => :'root');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_baseline('20260101_000000_baseline', NULL, root => :'root');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_baseline('20260101_000000_baseline', 'CREATE TABLE orders (id bigint)', header => '{"baseline": "x"}', root => :'root');
\echo :LAST_ERROR_SQLSTATE

-- the script is held to the same rules as any
SELECT dbm_baseline('baseline', 'CREATE TABLE orders (id bigint)', root => :'root');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_baseline('20260101_000000_baseline', '-- nothing', root => :'root');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_baseline('20260101_000000_baseline', 'SET ROLE postgres; CREATE TABLE orders (id bigint)', root => :'root');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_baseline('20260101_000000_baseline', $$CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (password 'x')$$, root => :'root');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_baseline('20260101_000000_baseline', E'-- Repeatable: yes\nCREATE TABLE orders (id bigint)', root => :'root');
\echo :LAST_ERROR_SQLSTATE

-- another schema than the one meant
\set SHOW_CONTEXT never
\set VERBOSITY terse
SELECT dbm_baseline('20260101_000000_baseline', 'CREATE TABLE orders (id bigint)', root => :'zeros');
\set VERBOSITY default
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM dbmaestro.snapshot;
SELECT count(*) FROM dbmaestro.change;

-- it is recorded, and nothing runs
SET ROLE baseline_admin;
SELECT change, outcome, run, deployment, statements, root_before, root_after
  FROM dbm_baseline('20260101_000000_baseline', E'-- Baseline: x\nCREATE TABLE orders (id bigint PRIMARY KEY); CREATE TABLE other (id bigint)',
      header => '{"commit": "4f2a90c"}', root => :'root') \gset
RESET ROLE;
SELECT :'change' AS change, :'outcome' AS outcome, :run AS run, :deployment AS deployment, :statements AS statements, :'root_after' = :'root' AS root;
SELECT change, direction, outcome, statements, run_as, commit, reason FROM dbmaestro.change_history;
SELECT state, single FROM dbmaestro.deployment_history;
SELECT change, kind, state, header, claims FROM dbmaestro.change;
SELECT label, encode(root, 'hex') = :'root' AS root, deployment FROM dbmaestro.snapshot;
SELECT kind, action, change, regexp_replace(detail, '[0-9a-f]{64}', 'HASH') FROM dbmaestro.audit_event WHERE kind = 'run';
SELECT state, detail FROM dbm_plan('["20260101_000000_baseline", "20260102_000000_more"]');
SELECT applied, last_change, failed FROM dbm_status();

-- again: the same is done already, other content is an error, another change comes too late
SELECT outcome, run FROM dbm_baseline('20260101_000000_baseline', E'-- Baseline: x\nCREATE TABLE orders (id bigint PRIMARY KEY); CREATE TABLE other (id bigint)', root => :'zeros');
SELECT outcome, run FROM dbm_apply('20260101_000000_baseline', E'-- Baseline: x\nCREATE TABLE orders (id bigint PRIMARY KEY); CREATE TABLE other (id bigint)');
SELECT dbm_baseline('20260101_000000_baseline', 'CREATE TABLE orders (id bigint PRIMARY KEY)', root => :'root');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_baseline('20260102_000000_second', 'CREATE TABLE orders (id bigint PRIMARY KEY)', root => :'root');
\echo :LAST_ERROR_SQLSTATE

-- changes go on from there; it cannot be rolled back itself
SELECT outcome FROM dbm_apply('20260102_000000_more', 'ALTER TABLE orders ADD note text', 'ALTER TABLE orders DROP note');
SELECT outcome FROM dbm_rollback('20260102_000000_more');
SELECT dbm_schema_hash() = :'root' AS restored;
SELECT dbm_rollback('20260101_000000_baseline');
\echo :LAST_ERROR_SQLSTATE
DO $$ BEGIN
    FOR attempt IN 1..600 LOOP
        EXIT WHEN (SELECT waiting FROM dbmaestro._dbm_durable_files()) = 0;
        PERFORM pg_sleep(0.1);
    END LOOP;
END $$;
SELECT change, action, sqlstate, count(*) FROM dbmaestro.denied_attempt GROUP BY 1, 2, 3 ORDER BY 2, 3;

\c :before
DROP DATABASE ledger_baseline WITH (FORCE);

-- with a rollback script, and where nothing stands any more of what was applied
CREATE DATABASE ledger_baseline;
\c ledger_baseline
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev', run_as => 'baseline_owner');
GRANT CREATE ON SCHEMA public TO baseline_owner;
SELECT dbm_submit('20260101_000000_submitted', 'SELECT 1');
SELECT outcome FROM dbm_apply('20260101_000001_undone', 'CREATE TABLE t (id int)', 'DROP TABLE t');
SELECT dbm_schema_hash() AS root \gset
SELECT dbm_baseline('20260101_000002_baseline', 'CREATE TABLE t (id int)', 'DROP TABLE t', root => :'root');
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM dbm_rollback('20260101_000001_undone');
SELECT dbm_schema_hash() AS root \gset
SELECT outcome FROM dbm_baseline('20260101_000002_baseline', 'SELECT 1', 'SELECT 2', root => :'root');
SELECT change, state FROM dbmaestro.change ORDER BY change;
SELECT dbm_rollback('20260101_000002_baseline');
\echo :LAST_ERROR_SQLSTATE
SELECT dbm_configure('allow_reset', 'on');
SELECT changes FROM dbm_reset('again');
SELECT outcome FROM dbm_baseline('20260101_000003_baseline', 'SELECT 1', root => :'root');

\c :before
DROP DATABASE ledger_baseline WITH (FORCE);
DROP ROLE baseline_admin, baseline_deploy, baseline_owner;

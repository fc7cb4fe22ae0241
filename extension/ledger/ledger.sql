
-- ledger: changes, deployments and runs

CREATE TABLE dbmaestro.script (
    digest    bytea       NOT NULL,
    content   text        NOT NULL,
    length    bigint      NOT NULL,
    stored_at timestamptz NOT NULL,
    CONSTRAINT script_pkey PRIMARY KEY (digest)
);
COMMENT ON TABLE dbmaestro.script IS 'Content of scripts, each text once, named by its SHA-256';
COMMENT ON COLUMN dbmaestro.script.digest IS 'SHA-256 of the bytes';
COMMENT ON COLUMN dbmaestro.script.content IS 'The script as it was sent';
COMMENT ON COLUMN dbmaestro.script.length IS 'Its length in bytes';
COMMENT ON COLUMN dbmaestro.script.stored_at IS 'When it was first stored';
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.script', '');
CREATE TRIGGER dbmaestro_refuse_row BEFORE INSERT OR UPDATE OR DELETE ON dbmaestro.script FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
CREATE TRIGGER dbmaestro_refuse_truncate BEFORE TRUNCATE ON dbmaestro.script FOR EACH STATEMENT EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
ALTER TABLE dbmaestro.script ENABLE ALWAYS TRIGGER dbmaestro_refuse_row;
ALTER TABLE dbmaestro.script ENABLE ALWAYS TRIGGER dbmaestro_refuse_truncate;

CREATE TABLE dbmaestro.change (
    change      text        NOT NULL COLLATE "C",
    kind        text        NOT NULL COLLATE "C",
    state       text        NOT NULL COLLATE "C",
    script      bytea       NOT NULL,
    tokens      bytea       NOT NULL,
    rollback    bytea,
    approval    bytea       NOT NULL,
    header      jsonb       NOT NULL,
    claims      jsonb       NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by text        NOT NULL COLLATE "C",
    applied_run bigint,
    CONSTRAINT change_pkey PRIMARY KEY (change),
    CONSTRAINT change_kind_check CHECK (kind IN ('versioned', 'repeatable')),
    CONSTRAINT change_state_check CHECK (state IN ('submitted', 'partial', 'applied', 'rolled back', 'reset'))
);
COMMENT ON TABLE dbmaestro.change IS 'Changes known to this environment: submitted, partly applied, applied, rolled back or reset';
COMMENT ON COLUMN dbmaestro.change.change IS 'Name of the change';
COMMENT ON COLUMN dbmaestro.change.kind IS 'versioned: runs once; repeatable: runs again whenever its content changes';
COMMENT ON COLUMN dbmaestro.change.state IS 'submitted, partial (some of its steps are done, or a run is under way), applied, rolled back or reset';
COMMENT ON COLUMN dbmaestro.change.script IS 'SHA-256 of the bytes of the script';
COMMENT ON COLUMN dbmaestro.change.tokens IS 'SHA-256 of the script without white space and comments';
COMMENT ON COLUMN dbmaestro.change.rollback IS 'SHA-256 of the bytes of the rollback script, or NULL if there is none';
COMMENT ON COLUMN dbmaestro.change.approval IS 'Approval hash: over format, name, script, rollback and environment';
COMMENT ON COLUMN dbmaestro.change.header IS 'Header fields of the script';
COMMENT ON COLUMN dbmaestro.change.claims IS 'Facts the client claims: commit, author, committed_at, ref';
COMMENT ON COLUMN dbmaestro.change.recorded_at IS 'When this row was last written';
COMMENT ON COLUMN dbmaestro.change.recorded_by IS 'Authenticated role that submitted or applied it last';
COMMENT ON COLUMN dbmaestro.change.applied_run IS 'Run that applied it, or is about to; NULL unless applied or partial';
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.change', '');
CREATE TRIGGER dbmaestro_refuse_row BEFORE INSERT OR UPDATE OR DELETE ON dbmaestro.change FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
CREATE TRIGGER dbmaestro_refuse_truncate BEFORE TRUNCATE ON dbmaestro.change FOR EACH STATEMENT EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
ALTER TABLE dbmaestro.change ENABLE ALWAYS TRIGGER dbmaestro_refuse_row;
ALTER TABLE dbmaestro.change ENABLE ALWAYS TRIGGER dbmaestro_refuse_truncate;

CREATE SEQUENCE dbmaestro.submission_id_seq;
COMMENT ON SEQUENCE dbmaestro.submission_id_seq IS 'Numbers of table submission';
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.submission_id_seq', '');

CREATE TABLE dbmaestro.submission (
    id               bigint      NOT NULL,
    change           text        NOT NULL COLLATE "C",
    approval         bytea       NOT NULL,
    script           bytea       NOT NULL,
    rollback         bytea,
    header           jsonb       NOT NULL,
    claims           jsonb       NOT NULL,
    submitted_at     timestamptz NOT NULL,
    submitted_by     text        NOT NULL COLLATE "C",
    submitted_by_oid oid         NOT NULL,
    CONSTRAINT submission_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX submission_approval_key ON dbmaestro.submission (change, approval);
COMMENT ON TABLE dbmaestro.submission IS 'Every content that was submitted for a change, for review and approval';
COMMENT ON COLUMN dbmaestro.submission.id IS 'Number of the submission';
COMMENT ON COLUMN dbmaestro.submission.change IS 'Name of the change';
COMMENT ON COLUMN dbmaestro.submission.approval IS 'Approval hash';
COMMENT ON COLUMN dbmaestro.submission.script IS 'SHA-256 of the bytes of the script';
COMMENT ON COLUMN dbmaestro.submission.rollback IS 'SHA-256 of the bytes of the rollback script, or NULL';
COMMENT ON COLUMN dbmaestro.submission.header IS 'Header fields of the script';
COMMENT ON COLUMN dbmaestro.submission.claims IS 'Facts the client claims: commit, author, committed_at, ref';
COMMENT ON COLUMN dbmaestro.submission.submitted_at IS 'When it was submitted';
COMMENT ON COLUMN dbmaestro.submission.submitted_by IS 'Authenticated role that submitted it';
COMMENT ON COLUMN dbmaestro.submission.submitted_by_oid IS 'Oid of that role';
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.submission', '');
CREATE TRIGGER dbmaestro_refuse_row BEFORE INSERT OR UPDATE OR DELETE ON dbmaestro.submission FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
CREATE TRIGGER dbmaestro_refuse_truncate BEFORE TRUNCATE ON dbmaestro.submission FOR EACH STATEMENT EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
ALTER TABLE dbmaestro.submission ENABLE ALWAYS TRIGGER dbmaestro_refuse_row;
ALTER TABLE dbmaestro.submission ENABLE ALWAYS TRIGGER dbmaestro_refuse_truncate;

CREATE SEQUENCE dbmaestro.deployment_id_seq;
COMMENT ON SEQUENCE dbmaestro.deployment_id_seq IS 'Numbers of table deployment';
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.deployment_id_seq', '');

CREATE TABLE dbmaestro.deployment (
    id               bigint      NOT NULL,
    environment      text        NOT NULL COLLATE "C",
    single           boolean     NOT NULL,
    manifest         jsonb       NOT NULL,
    claims           jsonb       NOT NULL,
    fingerprint      text        COLLATE "C",
    last_run         bigint,
    followed         jsonb,
    provenance       text        COLLATE "C",
    started_at       timestamptz NOT NULL,
    started_by       text        NOT NULL COLLATE "C",
    started_by_oid   oid         NOT NULL,
    application_name text,
    client_address   text,
    backend_pid      integer     NOT NULL,
    backend_start    timestamptz NOT NULL,
    finished_at      timestamptz,
    outcome          text        COLLATE "C",
    CONSTRAINT deployment_pkey PRIMARY KEY (id),
    CONSTRAINT deployment_outcome_check CHECK (outcome IN ('succeeded', 'failed', 'cancelled', 'interrupted'))
);
-- those that are open: few, however many there are
CREATE INDEX deployment_outcome_idx ON dbmaestro.deployment (outcome);
COMMENT ON TABLE dbmaestro.deployment IS 'One run of the pipeline into this environment';
COMMENT ON COLUMN dbmaestro.deployment.id IS 'Number of the deployment; never a permission';
COMMENT ON COLUMN dbmaestro.deployment.environment IS 'Environment it goes to';
COMMENT ON COLUMN dbmaestro.deployment.single IS 'True for one that dbm_apply or dbm_rollback made for a single change';
COMMENT ON COLUMN dbmaestro.deployment.manifest IS 'Changes it is to bring, as the client sent them, but without scripts';
COMMENT ON COLUMN dbmaestro.deployment.claims IS 'Facts the client claims: about the commit, and whether all changes go into a single transaction';
COMMENT ON COLUMN dbmaestro.deployment.fingerprint IS 'What the client calls the repository that it deploys, or NULL';
COMMENT ON COLUMN dbmaestro.deployment.last_run IS 'Newest run that the plan of this deployment had seen, NULL without a fingerprint';
COMMENT ON COLUMN dbmaestro.deployment.followed IS 'What dbm_manifest() of the environment that is followed says about these changes; NULL: it was not asked';
COMMENT ON COLUMN dbmaestro.deployment.provenance IS 'How that is known: unverified, as the client claims; NULL where nothing is followed';
COMMENT ON COLUMN dbmaestro.deployment.started_at IS 'When it was started';
COMMENT ON COLUMN dbmaestro.deployment.started_by IS 'Authenticated role that started it';
COMMENT ON COLUMN dbmaestro.deployment.started_by_oid IS 'Oid of that role';
COMMENT ON COLUMN dbmaestro.deployment.application_name IS 'application_name of that session';
COMMENT ON COLUMN dbmaestro.deployment.client_address IS 'Address of the client';
COMMENT ON COLUMN dbmaestro.deployment.backend_pid IS 'Backend that started it';
COMMENT ON COLUMN dbmaestro.deployment.backend_start IS 'When that backend started';
COMMENT ON COLUMN dbmaestro.deployment.finished_at IS 'When it was finished, or found interrupted; NULL while open';
COMMENT ON COLUMN dbmaestro.deployment.outcome IS 'succeeded, failed, cancelled or interrupted; NULL while open';
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.deployment', '');
CREATE TRIGGER dbmaestro_refuse_row BEFORE INSERT OR UPDATE OR DELETE ON dbmaestro.deployment FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
CREATE TRIGGER dbmaestro_refuse_truncate BEFORE TRUNCATE ON dbmaestro.deployment FOR EACH STATEMENT EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
ALTER TABLE dbmaestro.deployment ENABLE ALWAYS TRIGGER dbmaestro_refuse_row;
ALTER TABLE dbmaestro.deployment ENABLE ALWAYS TRIGGER dbmaestro_refuse_truncate;

CREATE TABLE dbmaestro.deployment_change (
    deployment bigint  NOT NULL,
    change     text    NOT NULL COLLATE "C",
    ordinal    integer NOT NULL,
    hash       bytea,
    tokens     bytea,
    followed   bytea,
    CONSTRAINT deployment_change_pkey PRIMARY KEY (deployment, change)
);
COMMENT ON TABLE dbmaestro.deployment_change IS 'What a deployment is to bring: the changes of its manifest';
COMMENT ON COLUMN dbmaestro.deployment_change.deployment IS 'Deployment it belongs to';
COMMENT ON COLUMN dbmaestro.deployment_change.change IS 'Name of the change';
COMMENT ON COLUMN dbmaestro.deployment_change.ordinal IS 'Place in the manifest, from 1';
COMMENT ON COLUMN dbmaestro.deployment_change.hash IS 'SHA-256 of the bytes of its script, NULL if the manifest does not say';
COMMENT ON COLUMN dbmaestro.deployment_change.tokens IS 'SHA-256 of its tokens, NULL if the manifest does not say';
COMMENT ON COLUMN dbmaestro.deployment_change.followed IS 'SHA-256 of the script that is applied in the environment that is followed, NULL if none is';
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.deployment_change', '');
CREATE TRIGGER dbmaestro_refuse_row BEFORE INSERT OR UPDATE OR DELETE ON dbmaestro.deployment_change FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
CREATE TRIGGER dbmaestro_refuse_truncate BEFORE TRUNCATE ON dbmaestro.deployment_change FOR EACH STATEMENT EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
ALTER TABLE dbmaestro.deployment_change ENABLE ALWAYS TRIGGER dbmaestro_refuse_row;
ALTER TABLE dbmaestro.deployment_change ENABLE ALWAYS TRIGGER dbmaestro_refuse_truncate;

CREATE TABLE dbmaestro.fingerprint (
    single      boolean     NOT NULL,
    fingerprint text        NOT NULL COLLATE "C",
    last_run    bigint      NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by text        NOT NULL COLLATE "C",
    CONSTRAINT fingerprint_pkey PRIMARY KEY (single),
    CONSTRAINT fingerprint_single_check CHECK (single)
);
COMMENT ON TABLE dbmaestro.fingerprint IS 'The repository that is known to be applied as a whole; one row, which counts as long as nothing has run since';
COMMENT ON COLUMN dbmaestro.fingerprint.single IS 'Always true: there is one row';
COMMENT ON COLUMN dbmaestro.fingerprint.fingerprint IS 'What the client calls it';
COMMENT ON COLUMN dbmaestro.fingerprint.last_run IS 'Newest run that changed anything when it was known, 0 for none';
COMMENT ON COLUMN dbmaestro.fingerprint.recorded_at IS 'When it became known';
COMMENT ON COLUMN dbmaestro.fingerprint.recorded_by IS 'Authenticated role whose plan or deployment it was';
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.fingerprint', '');
CREATE TRIGGER dbmaestro_refuse_row BEFORE INSERT OR UPDATE OR DELETE ON dbmaestro.fingerprint FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
CREATE TRIGGER dbmaestro_refuse_truncate BEFORE TRUNCATE ON dbmaestro.fingerprint FOR EACH STATEMENT EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
ALTER TABLE dbmaestro.fingerprint ENABLE ALWAYS TRIGGER dbmaestro_refuse_row;
ALTER TABLE dbmaestro.fingerprint ENABLE ALWAYS TRIGGER dbmaestro_refuse_truncate;

CREATE SEQUENCE dbmaestro.run_id_seq;
COMMENT ON SEQUENCE dbmaestro.run_id_seq IS 'Numbers of table run';
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.run_id_seq', '');

CREATE TABLE dbmaestro.run (
    id               bigint      NOT NULL,
    deployment       bigint      NOT NULL,
    change           text        NOT NULL COLLATE "C",
    direction        text        NOT NULL COLLATE "C",
    outcome          text        NOT NULL COLLATE "C",
    environment      text        NOT NULL COLLATE "C",
    script           bytea       NOT NULL,
    started_at       timestamptz NOT NULL,
    finished_at      timestamptz,
    duration         bigint      NOT NULL,
    statements       integer     NOT NULL,
    run_as           text        NOT NULL COLLATE "C",
    executed_by      text        NOT NULL COLLATE "C",
    executed_by_oid  oid         NOT NULL,
    application_name text,
    client_address   text,
    transaction_id   bigint,
    snapshot_before  bigint,
    snapshot_after   bigint,
    provenance       text        COLLATE "C",
    reason           text,
    failed_statement integer,
    failed_line      integer,
    sqlstate         text        COLLATE "C",
    message          text,
    detail           text,
    hint             text,
    blockers         jsonb,
    backend_pid      integer,
    backend_start    timestamptz,
    CONSTRAINT run_pkey PRIMARY KEY (id),
    CONSTRAINT run_direction_check CHECK (direction IN ('deploy', 'rollback', 'reset')),
    CONSTRAINT run_outcome_check CHECK (outcome IN (
        'running', 'applied', 'adopted', 'rolled back', 'reset', 'failed', 'partial', 'interrupted'))
);
COMMENT ON TABLE dbmaestro.run IS 'One execution of one change in one direction';
COMMENT ON COLUMN dbmaestro.run.id IS 'Number of the run';
COMMENT ON COLUMN dbmaestro.run.deployment IS 'Deployment it belongs to';
COMMENT ON COLUMN dbmaestro.run.change IS 'Name of the change';
COMMENT ON COLUMN dbmaestro.run.direction IS 'deploy, rollback or reset';
COMMENT ON COLUMN dbmaestro.run.outcome IS 'running, applied, adopted (its schema was there before it), rolled back, reset, failed (nothing of it is left), partial (some steps are done) or interrupted';
COMMENT ON COLUMN dbmaestro.run.environment IS 'Environment it ran in';
COMMENT ON COLUMN dbmaestro.run.script IS 'SHA-256 of the bytes of the script that ran';
COMMENT ON COLUMN dbmaestro.run.started_at IS 'When it started';
COMMENT ON COLUMN dbmaestro.run.finished_at IS 'When it ended, NULL while it is running';
COMMENT ON COLUMN dbmaestro.run.duration IS 'Microseconds from the first statement to the last';
COMMENT ON COLUMN dbmaestro.run.statements IS 'Statements that were run to their end';
COMMENT ON COLUMN dbmaestro.run.run_as IS 'Role that the script ran as';
COMMENT ON COLUMN dbmaestro.run.executed_by IS 'Authenticated role that asked for it';
COMMENT ON COLUMN dbmaestro.run.executed_by_oid IS 'Oid of that role';
COMMENT ON COLUMN dbmaestro.run.application_name IS 'application_name of that session';
COMMENT ON COLUMN dbmaestro.run.client_address IS 'Address of the client';
COMMENT ON COLUMN dbmaestro.run.transaction_id IS 'Transaction that it ran in, as pg_current_xact_id() gives it';
COMMENT ON COLUMN dbmaestro.run.snapshot_before IS 'Snapshot of the schema before';
COMMENT ON COLUMN dbmaestro.run.snapshot_after IS 'Snapshot of the schema after';
COMMENT ON COLUMN dbmaestro.run.provenance IS 'How it is known that this content ran in the environment that is followed: unverified, as the client claims; NULL: nobody asked';
COMMENT ON COLUMN dbmaestro.run.reason IS 'Why it was rolled back, reset or adopted, or what was known when it was resumed';
COMMENT ON COLUMN dbmaestro.run.failed_statement IS 'Ordinal of the statement that failed';
COMMENT ON COLUMN dbmaestro.run.failed_line IS 'Its line in the script';
COMMENT ON COLUMN dbmaestro.run.sqlstate IS 'SQLSTATE of the failure';
COMMENT ON COLUMN dbmaestro.run.message IS 'Message of the failure, as the server wrote it';
COMMENT ON COLUMN dbmaestro.run.detail IS 'Detail of the failure';
COMMENT ON COLUMN dbmaestro.run.hint IS 'Hint of the failure';
COMMENT ON COLUMN dbmaestro.run.blockers IS 'Who kept a lock from it, as far as whoever deployed could see; NULL if it did not fail for a lock';
COMMENT ON COLUMN dbmaestro.run.backend_pid IS 'Backend that runs it or ran it last, NULL unless it runs in steps';
COMMENT ON COLUMN dbmaestro.run.backend_start IS 'When that backend started';
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.run', '');
CREATE TRIGGER dbmaestro_refuse_row BEFORE INSERT OR UPDATE OR DELETE ON dbmaestro.run FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
CREATE TRIGGER dbmaestro_refuse_truncate BEFORE TRUNCATE ON dbmaestro.run FOR EACH STATEMENT EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
ALTER TABLE dbmaestro.run ENABLE ALWAYS TRIGGER dbmaestro_refuse_row;
ALTER TABLE dbmaestro.run ENABLE ALWAYS TRIGGER dbmaestro_refuse_truncate;

CREATE TABLE dbmaestro.run_statement (
    run      bigint  NOT NULL,
    ordinal  integer NOT NULL,
    line     integer NOT NULL,
    tag      text    NOT NULL COLLATE "C",
    duration bigint  NOT NULL,
    rows     bigint,
    CONSTRAINT run_statement_pkey PRIMARY KEY (run, ordinal)
);
COMMENT ON TABLE dbmaestro.run_statement IS 'Statements of a run, in order';
COMMENT ON COLUMN dbmaestro.run_statement.run IS 'Run it belongs to';
COMMENT ON COLUMN dbmaestro.run_statement.ordinal IS 'Position in the script, from 1';
COMMENT ON COLUMN dbmaestro.run_statement.line IS 'Line of its first word in the script';
COMMENT ON COLUMN dbmaestro.run_statement.tag IS 'Command tag';
COMMENT ON COLUMN dbmaestro.run_statement.duration IS 'Microseconds it took';
COMMENT ON COLUMN dbmaestro.run_statement.rows IS 'Rows it processed, NULL where that means nothing';
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.run_statement', '');
CREATE TRIGGER dbmaestro_refuse_row BEFORE INSERT OR UPDATE OR DELETE ON dbmaestro.run_statement FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
CREATE TRIGGER dbmaestro_refuse_truncate BEFORE TRUNCATE ON dbmaestro.run_statement FOR EACH STATEMENT EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
ALTER TABLE dbmaestro.run_statement ENABLE ALWAYS TRIGGER dbmaestro_refuse_row;
ALTER TABLE dbmaestro.run_statement ENABLE ALWAYS TRIGGER dbmaestro_refuse_truncate;

CREATE TABLE dbmaestro.run_object (
    run       bigint  NOT NULL,
    ordinal   integer NOT NULL,
    statement integer NOT NULL,
    action    text    NOT NULL COLLATE "C",
    kind      text    NOT NULL COLLATE "C",
    identity  text    COLLATE "C",
    tag       text    NOT NULL COLLATE "C",
    CONSTRAINT run_object_pkey PRIMARY KEY (run, ordinal)
);
COMMENT ON TABLE dbmaestro.run_object IS 'Objects that the statements of a run created, altered and dropped, also through functions and cascades';
COMMENT ON COLUMN dbmaestro.run_object.run IS 'Run it belongs to';
COMMENT ON COLUMN dbmaestro.run_object.ordinal IS 'Order of events within the run, from 1';
COMMENT ON COLUMN dbmaestro.run_object.statement IS 'Ordinal of the statement that caused it';
COMMENT ON COLUMN dbmaestro.run_object.action IS 'created, altered or dropped';
COMMENT ON COLUMN dbmaestro.run_object.kind IS 'Kind of object, as the server names it';
COMMENT ON COLUMN dbmaestro.run_object.identity IS 'Identity, as the server prints it; NULL for privileges';
COMMENT ON COLUMN dbmaestro.run_object.tag IS 'Command tag of the command that did it';
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.run_object', '');
CREATE TRIGGER dbmaestro_refuse_row BEFORE INSERT OR UPDATE OR DELETE ON dbmaestro.run_object FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
CREATE TRIGGER dbmaestro_refuse_truncate BEFORE TRUNCATE ON dbmaestro.run_object FOR EACH STATEMENT EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
ALTER TABLE dbmaestro.run_object ENABLE ALWAYS TRIGGER dbmaestro_refuse_row;
ALTER TABLE dbmaestro.run_object ENABLE ALWAYS TRIGGER dbmaestro_refuse_truncate;

CREATE TABLE dbmaestro.run_step (
    run             bigint  NOT NULL,
    ordinal         integer NOT NULL,
    part            integer NOT NULL,
    kind            text    NOT NULL COLLATE "C",
    first_statement integer NOT NULL,
    last_statement  integer NOT NULL,
    line            integer NOT NULL,
    subject         text    COLLATE "C",
    reason          text,
    statement       text,
    digest          bytea,
    state           text    NOT NULL COLLATE "C",
    permit          uuid,
    expires_at      timestamptz,
    backend_pid     integer,
    backend_start   timestamptz,
    worker_pid      integer,
    started_at      timestamptz,
    finished_at     timestamptz,
    sqlstate        text    COLLATE "C",
    message         text,
    detail          text,
    evidence        text,
    CONSTRAINT run_step_pkey PRIMARY KEY (run, ordinal, part),
    CONSTRAINT run_step_kind_check CHECK (kind IN ('transaction', 'single', 'cleanup', 'finish')),
    CONSTRAINT run_step_state_check CHECK (state IN (
        'planned', 'intended', 'running', 'done', 'failed', 'interrupted', 'adopted'))
);
COMMENT ON TABLE dbmaestro.run_step IS 'Steps of a run that is more than one transaction, and what is known of each';
COMMENT ON COLUMN dbmaestro.run_step.run IS 'Run it belongs to';
COMMENT ON COLUMN dbmaestro.run_step.ordinal IS 'Place of the step in the run, from 1';
COMMENT ON COLUMN dbmaestro.run_step.part IS 'Place in the step of one of the statements that it was expanded to, from 1';
COMMENT ON COLUMN dbmaestro.run_step.kind IS 'transaction: its statements run in one; single: one statement outside of any; cleanup, finish: what is to be done about a single one that was left half done';
COMMENT ON COLUMN dbmaestro.run_step.first_statement IS 'First statement of the script that it holds, from 1';
COMMENT ON COLUMN dbmaestro.run_step.last_statement IS 'Last one';
COMMENT ON COLUMN dbmaestro.run_step.line IS 'Line of the first one in the script';
COMMENT ON COLUMN dbmaestro.run_step.subject IS 'What cannot run in a transaction, NULL for what can';
COMMENT ON COLUMN dbmaestro.run_step.reason IS 'Why the script was cut before it';
COMMENT ON COLUMN dbmaestro.run_step.statement IS 'The statement that the permit is for, or that the step was expanded to';
COMMENT ON COLUMN dbmaestro.run_step.digest IS 'SHA-256 of that statement';
COMMENT ON COLUMN dbmaestro.run_step.state IS 'planned, intended (permit given), running (permit taken), done, failed, interrupted, or adopted (a person vouches for it)';
COMMENT ON COLUMN dbmaestro.run_step.permit IS 'Permit to run this statement once';
COMMENT ON COLUMN dbmaestro.run_step.expires_at IS 'When the permit ends if nobody has taken it';
COMMENT ON COLUMN dbmaestro.run_step.backend_pid IS 'Backend that the permit was given to';
COMMENT ON COLUMN dbmaestro.run_step.backend_start IS 'When that backend started';
COMMENT ON COLUMN dbmaestro.run_step.worker_pid IS 'Process that took the permit and ran the statement';
COMMENT ON COLUMN dbmaestro.run_step.started_at IS 'When it was intended, or its transaction began';
COMMENT ON COLUMN dbmaestro.run_step.finished_at IS 'When its outcome was recorded';
COMMENT ON COLUMN dbmaestro.run_step.sqlstate IS 'SQLSTATE of its failure';
COMMENT ON COLUMN dbmaestro.run_step.message IS 'Message of its failure';
COMMENT ON COLUMN dbmaestro.run_step.detail IS 'Detail of its failure';
COMMENT ON COLUMN dbmaestro.run_step.evidence IS 'What the catalog says about it';
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.run_step', '');
CREATE TRIGGER dbmaestro_refuse_row BEFORE INSERT OR UPDATE OR DELETE ON dbmaestro.run_step FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
CREATE TRIGGER dbmaestro_refuse_truncate BEFORE TRUNCATE ON dbmaestro.run_step FOR EACH STATEMENT EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
ALTER TABLE dbmaestro.run_step ENABLE ALWAYS TRIGGER dbmaestro_refuse_row;
ALTER TABLE dbmaestro.run_step ENABLE ALWAYS TRIGGER dbmaestro_refuse_truncate;

CREATE FUNCTION dbmaestro._dbm_backend_alive(pid integer, backend_start timestamptz)
RETURNS boolean LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_backend_alive';
COMMENT ON FUNCTION dbmaestro._dbm_backend_alive(integer, timestamptz) IS 'whether the backend of that pid and start still exists';

CREATE FUNCTION dbmaestro._dbm_run_outcome(outcome text, pid integer, backend_start timestamptz)
RETURNS text LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_run_outcome';
COMMENT ON FUNCTION dbmaestro._dbm_run_outcome(text, integer, timestamptz) IS 'outcome of a run as of now: one that is running in a backend that does not deploy any more was interrupted';

CREATE FUNCTION dbmaestro._dbm_lock_retry(attempt integer, began timestamptz, detail text DEFAULT NULL)
RETURNS boolean LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_lock_retry';
COMMENT ON FUNCTION dbmaestro._dbm_lock_retry(integer, timestamptz, text) IS 'waits as after that attempt at a change which could not get a lock, and tells whether another one is due; for tests';

-- not inlined, so that the record can be read without the library but for runs that have not ended
CREATE FUNCTION dbmaestro._dbm_running_outcome(pid integer, backend_start timestamptz)
RETURNS text LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path TO pg_catalog, pg_temp
AS $$ SELECT dbmaestro._dbm_run_outcome('running', $1, $2) $$;
COMMENT ON FUNCTION dbmaestro._dbm_running_outcome(integer, timestamptz) IS 'outcome as of now of a run that has not ended: running or interrupted';

CREATE VIEW dbmaestro.change_history AS
SELECT r.id AS run, r.change, r.direction,
       CASE WHEN r.outcome OPERATOR(pg_catalog.=) 'running' THEN dbmaestro._dbm_running_outcome(r.backend_pid, r.backend_start)
            ELSE r.outcome END COLLATE "C" AS outcome, r.environment, r.started_at, r.finished_at,
       pg_catalog.make_interval(secs => r.duration OPERATOR(pg_catalog./) 1000000.0::double precision) AS duration,
       r.statements, r.executed_by, r.run_as, r.deployment,
       d.claims OPERATOR(pg_catalog.->>) 'commit' AS commit,
       r.provenance, r.reason, r.failed_statement, r.failed_line, r.sqlstate, r.message,
       r.blockers
  FROM ONLY dbmaestro.run AS r
  LEFT JOIN ONLY dbmaestro.deployment AS d ON d.id OPERATOR(pg_catalog.=) r.deployment;
COMMENT ON VIEW dbmaestro.change_history IS 'One row per run of a change: who, when, how long, with what outcome';
COMMENT ON COLUMN dbmaestro.change_history.run IS 'Number of the run';
COMMENT ON COLUMN dbmaestro.change_history.change IS 'Name of the change';
COMMENT ON COLUMN dbmaestro.change_history.direction IS 'deploy, rollback or reset';
COMMENT ON COLUMN dbmaestro.change_history.outcome IS 'running, applied, adopted (its schema was there before it), rolled back, reset, failed (nothing of it is left), partial (some steps are done) or interrupted';
COMMENT ON COLUMN dbmaestro.change_history.environment IS 'Environment it ran in';
COMMENT ON COLUMN dbmaestro.change_history.started_at IS 'When it started';
COMMENT ON COLUMN dbmaestro.change_history.finished_at IS 'When it ended, NULL if it did not';
COMMENT ON COLUMN dbmaestro.change_history.duration IS 'Time from the first statement to the last';
COMMENT ON COLUMN dbmaestro.change_history.statements IS 'Statements that were run to their end';
COMMENT ON COLUMN dbmaestro.change_history.executed_by IS 'Authenticated role that asked for it';
COMMENT ON COLUMN dbmaestro.change_history.run_as IS 'Role that the script ran as';
COMMENT ON COLUMN dbmaestro.change_history.deployment IS 'Deployment it belongs to';
COMMENT ON COLUMN dbmaestro.change_history.commit IS 'Git commit, as the client claims';
COMMENT ON COLUMN dbmaestro.change_history.provenance IS 'How it is known that this content ran in the environment that is followed: unverified; NULL: nobody asked';
COMMENT ON COLUMN dbmaestro.change_history.reason IS 'Why it was rolled back, reset or adopted, or what was known when it was resumed';
COMMENT ON COLUMN dbmaestro.change_history.failed_statement IS 'Ordinal of the statement that failed';
COMMENT ON COLUMN dbmaestro.change_history.failed_line IS 'Its line in the script';
COMMENT ON COLUMN dbmaestro.change_history.sqlstate IS 'SQLSTATE of the failure';
COMMENT ON COLUMN dbmaestro.change_history.message IS 'Message of the failure, as the server wrote it';
COMMENT ON COLUMN dbmaestro.change_history.blockers IS 'Who kept a lock from it, as far as whoever deployed could see';

CREATE VIEW dbmaestro.step_history AS
SELECT s.run, r.change, r.direction, s.ordinal AS step, s.part OPERATOR(pg_catalog.%) 1000000 AS part, s.kind, s.subject,
       s.first_statement, s.last_statement, s.line, s.statement,
       CASE WHEN s.state OPERATOR(pg_catalog.=) 'running' THEN dbmaestro._dbm_running_outcome(r.backend_pid, r.backend_start)
            ELSE s.state END COLLATE "C" AS state,
       s.started_at, s.finished_at, s.finished_at OPERATOR(pg_catalog.-) s.started_at AS duration,
       s.sqlstate, s.message, s.evidence
  FROM ONLY dbmaestro.run_step AS s
  JOIN ONLY dbmaestro.run AS r ON r.id OPERATOR(pg_catalog.=) s.run;
COMMENT ON VIEW dbmaestro.step_history IS 'One row per step of a run that is more than one transaction, and per thing that was done about one: when, how long, with what outcome';
COMMENT ON COLUMN dbmaestro.step_history.run IS 'Number of the run';
COMMENT ON COLUMN dbmaestro.step_history.change IS 'Name of the change';
COMMENT ON COLUMN dbmaestro.step_history.direction IS 'deploy or rollback';
COMMENT ON COLUMN dbmaestro.step_history.step IS 'Place among the steps of the script, from 1';
COMMENT ON COLUMN dbmaestro.step_history.part IS 'Place in the step of one of the statements that it was expanded to, from 1';
COMMENT ON COLUMN dbmaestro.step_history.kind IS 'transaction: its statements run in one; single: one statement outside of any; cleanup, finish: what was done about a single one that was left half done';
COMMENT ON COLUMN dbmaestro.step_history.subject IS 'What cannot run in a transaction, NULL for what can';
COMMENT ON COLUMN dbmaestro.step_history.first_statement IS 'First statement of the script that it holds, from 1';
COMMENT ON COLUMN dbmaestro.step_history.last_statement IS 'Last one';
COMMENT ON COLUMN dbmaestro.step_history.line IS 'Line of the first one in the script';
COMMENT ON COLUMN dbmaestro.step_history.statement IS 'Statement that was run by itself, or that the step was expanded to';
COMMENT ON COLUMN dbmaestro.step_history.state IS 'planned, intended, running, done, failed, interrupted, or adopted (a person vouches for it)';
COMMENT ON COLUMN dbmaestro.step_history.started_at IS 'When it was intended, or its transaction began, the last time';
COMMENT ON COLUMN dbmaestro.step_history.finished_at IS 'When its outcome was recorded';
COMMENT ON COLUMN dbmaestro.step_history.duration IS 'Time between the two, NULL if one of them is not known';
COMMENT ON COLUMN dbmaestro.step_history.sqlstate IS 'SQLSTATE of its failure';
COMMENT ON COLUMN dbmaestro.step_history.message IS 'Message of its failure';
COMMENT ON COLUMN dbmaestro.step_history.evidence IS 'What the catalog says about it';

CREATE VIEW dbmaestro.deployment_history AS
SELECT d.id AS deployment, d.environment,
       CASE WHEN d.outcome IS NOT NULL THEN d.outcome
            WHEN dbmaestro._dbm_backend_alive(d.backend_pid, d.backend_start) THEN 'running'
            ELSE 'interrupted' END COLLATE "C" AS state,
       d.single, d.started_at, d.finished_at, d.started_by, d.application_name, d.client_address,
       d.claims OPERATOR(pg_catalog.->>) 'commit' AS commit,
       d.claims OPERATOR(pg_catalog.->>) 'ref' AS ref,
       d.fingerprint,
       d.followed OPERATOR(pg_catalog.->>) 'environment' AS followed,
       d.provenance,
       coalesce(s.runs, 0) AS runs,
       coalesce(s.failures, 0) AS failures,
       l.change AS last_change,
       l.outcome AS last_outcome
  FROM ONLY dbmaestro.deployment AS d
  LEFT JOIN (SELECT r.deployment,
                    pg_catalog.count(*) FILTER (WHERE r.outcome OPERATOR(pg_catalog.<>) ALL (ARRAY['running', 'failed', 'partial', 'interrupted'])) AS runs,
                    pg_catalog.count(*) FILTER (WHERE r.outcome OPERATOR(pg_catalog.=) ANY (ARRAY['failed', 'partial', 'interrupted'])) AS failures,
                    pg_catalog.max(r.id) AS last_run
               FROM ONLY dbmaestro.run AS r GROUP BY r.deployment) AS s ON s.deployment OPERATOR(pg_catalog.=) d.id
  LEFT JOIN ONLY dbmaestro.run AS l ON l.id OPERATOR(pg_catalog.=) s.last_run;
COMMENT ON VIEW dbmaestro.deployment_history IS 'One row per deployment: running, succeeded, failed, cancelled, or interrupted when its session went and nobody finished it';
COMMENT ON COLUMN dbmaestro.deployment_history.deployment IS 'Number of the deployment';
COMMENT ON COLUMN dbmaestro.deployment_history.environment IS 'Environment it goes to';
COMMENT ON COLUMN dbmaestro.deployment_history.state IS 'running, interrupted, succeeded, failed or cancelled';
COMMENT ON COLUMN dbmaestro.deployment_history.single IS 'True for one made for a single change';
COMMENT ON COLUMN dbmaestro.deployment_history.started_at IS 'When it was started';
COMMENT ON COLUMN dbmaestro.deployment_history.finished_at IS 'When it was finished';
COMMENT ON COLUMN dbmaestro.deployment_history.started_by IS 'Authenticated role that started it';
COMMENT ON COLUMN dbmaestro.deployment_history.application_name IS 'application_name of that session';
COMMENT ON COLUMN dbmaestro.deployment_history.client_address IS 'Address of the client';
COMMENT ON COLUMN dbmaestro.deployment_history.commit IS 'Git commit, as the client claims';
COMMENT ON COLUMN dbmaestro.deployment_history.ref IS 'Git branch or tag, as the client claims';
COMMENT ON COLUMN dbmaestro.deployment_history.fingerprint IS 'What the client calls the repository that it deploys';
COMMENT ON COLUMN dbmaestro.deployment_history.followed IS 'Environment whose manifest came with it';
COMMENT ON COLUMN dbmaestro.deployment_history.provenance IS 'How that manifest is known: unverified';
COMMENT ON COLUMN dbmaestro.deployment_history.runs IS 'Runs that ended well';
COMMENT ON COLUMN dbmaestro.deployment_history.failures IS 'Runs that failed';
COMMENT ON COLUMN dbmaestro.deployment_history.last_change IS 'Change that ran last';
COMMENT ON COLUMN dbmaestro.deployment_history.last_outcome IS 'Outcome of that run';

CREATE FUNCTION dbm_deployment_start(manifest jsonb, commit jsonb DEFAULT '{}', followed jsonb DEFAULT NULL)
RETURNS bigint LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_deployment_start';
COMMENT ON FUNCTION dbm_deployment_start(jsonb, jsonb, jsonb) IS 'opens a deployment of the changes in manifest and returns its number; commit carries what the client claims about Git, followed is dbm_manifest() of the environment that this one follows';

CREATE FUNCTION dbm_deployment_finish(deployment bigint, outcome text)
RETURNS void LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_deployment_finish';
COMMENT ON FUNCTION dbm_deployment_finish(bigint, text) IS 'closes a deployment: succeeded, failed or cancelled';

CREATE FUNCTION dbm_submit(change text, script text, rollback text DEFAULT NULL, header jsonb DEFAULT '{}')
RETURNS text LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_submit';
COMMENT ON FUNCTION dbm_submit(text, text, text, jsonb) IS 'stores the content of a change for review and returns its approval hash';

CREATE FUNCTION dbm_apply(change text, script text, rollback text DEFAULT NULL, header jsonb DEFAULT '{}', deployment bigint DEFAULT NULL,
    OUT change text, OUT outcome text, OUT run bigint, OUT deployment bigint, OUT statements integer, OUT duration interval,
    OUT root_before text, OUT root_after text)
RETURNS record LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_apply';
COMMENT ON FUNCTION dbm_apply(text, text, text, jsonb, bigint) IS 'runs a change and records it in the same transaction; outcome is applied or already applied';

CREATE FUNCTION dbm_baseline(change text, script text, rollback text DEFAULT NULL, header jsonb DEFAULT '{}', root text DEFAULT NULL,
    OUT change text, OUT outcome text, OUT run bigint, OUT deployment bigint, OUT statements integer, OUT duration interval,
    OUT root_before text, OUT root_after text)
RETURNS record LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_baseline';
COMMENT ON FUNCTION dbm_baseline(text, text, text, jsonb, text) IS 'records the live schema, if root is its hash, as what the script makes, and the change as applied, without running it; outcome is adopted or already applied';

CREATE FUNCTION dbm_rollback(change text, reason text DEFAULT NULL,
    OUT change text, OUT outcome text, OUT run bigint, OUT deployment bigint, OUT statements integer, OUT duration interval,
    OUT root_before text, OUT root_after text)
RETURNS record LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_rollback';
COMMENT ON FUNCTION dbm_rollback(text, text) IS 'runs the rollback script stored with an applied change; commits only if the schema is as it was before the change';

CREATE PROCEDURE dbm_apply_in_steps(change text, script text, rollback text DEFAULT NULL, header jsonb DEFAULT '{}', deployment bigint DEFAULT NULL,
    INOUT outcome text DEFAULT NULL, INOUT run bigint DEFAULT NULL,
    INOUT statements integer DEFAULT NULL, INOUT duration interval DEFAULT NULL)
LANGUAGE C AS 'MODULE_PATHNAME', 'dbm_apply_in_steps';
COMMENT ON PROCEDURE dbm_apply_in_steps(text, text, text, jsonb, bigint, text, bigint, integer, interval) IS 'runs a change of which not everything can run in one transaction, step by step; outcome is applied or already applied';

CREATE PROCEDURE dbm_rollback_in_steps(change text, reason text DEFAULT NULL, rollback text DEFAULT NULL, script text DEFAULT NULL,
    INOUT outcome text DEFAULT NULL, INOUT run bigint DEFAULT NULL,
    INOUT statements integer DEFAULT NULL, INOUT duration interval DEFAULT NULL)
LANGUAGE C AS 'MODULE_PATHNAME', 'dbm_rollback_in_steps';
COMMENT ON PROCEDURE dbm_rollback_in_steps(text, text, text, text, text, bigint, integer, interval) IS 'runs the rollback script of a change that is applied, or partly applied, step by step; of one that is partly applied or rolled back, a corrected one that is sent anew, if script, where it is given, is what was applied';

CREATE PROCEDURE dbm_resume(change text, interrupted text DEFAULT NULL, reason text DEFAULT NULL, INOUT outcome text DEFAULT NULL, INOUT run bigint DEFAULT NULL,
    INOUT statements integer DEFAULT NULL, INOUT duration interval DEFAULT NULL)
LANGUAGE C AS 'MODULE_PATHNAME', 'dbm_resume';
COMMENT ON PROCEDURE dbm_resume(text, text, text, text, bigint, integer, interval) IS 'goes on with a change that was interrupted or failed half way; interrupted is the word of a person, done or again, about a step that the catalog cannot prove';

CREATE FUNCTION dbm_reset(reason text DEFAULT NULL,
    OUT changes bigint, OUT objects bigint, OUT deployment bigint, OUT root_before text, OUT root_after text)
RETURNS record LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_reset';
COMMENT ON FUNCTION dbm_reset(text) IS 'drops everything that a fresh database does not have, except dbmaestro, where allow_reset is on; all changes are pending again';

CREATE FUNCTION dbm_plan(manifest jsonb, followed jsonb DEFAULT NULL,
    OUT ordinal integer, OUT change text, OUT state text, OUT detail text, OUT last_run bigint)
RETURNS SETOF record LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_plan';
COMMENT ON FUNCTION dbm_plan(jsonb, jsonb) IS 'compares a repository with the ledger, and with what the environment that is followed has: pending, applied, changed, out of order, not promoted, missing, unknown';

CREATE FUNCTION dbm_step_proof(statement text,
    OUT verdict text, OUT evidence text, OUT cleanup text, OUT finish text, OUT repeatable boolean)
RETURNS record LANGUAGE C STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_step_proof';
COMMENT ON FUNCTION dbm_step_proof(text) IS 'tells what the catalogs prove about a statement that cannot run in a transaction: done, not done, partial or unknown, and what to do about it';

CREATE FUNCTION dbm_step_parts(statement text, OUT part integer, OUT kind text, OUT statement text)
RETURNS SETOF record LANGUAGE C STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_step_parts_of';
COMMENT ON FUNCTION dbm_step_parts(text) IS 'tells which statements run in place of one that cannot run in a transaction; no rows: it runs as it is';

CREATE FUNCTION dbmaestro._dbm_step_whole(statement text, kept text[],
    OUT verdict text, OUT evidence text, OUT statements text[])
RETURNS record LANGUAGE C STABLE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_step_whole';
COMMENT ON FUNCTION dbmaestro._dbm_step_whole(text, text[]) IS 'what is proven of a statement of many parts as a whole and what is left to do, given the parts that it had';
REVOKE ALL ON FUNCTION dbmaestro._dbm_step_whole(text, text[]) FROM PUBLIC;

CREATE FUNCTION dbm_manifest()
RETURNS jsonb LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_manifest';
COMMENT ON FUNCTION dbm_manifest() IS 'tells what is applied in this environment, in the order in which it was, for environments that follow it and for those who roll back';

CREATE FUNCTION dbm_status(OUT environment text, OUT follows text, OUT guard text, OUT guard_in_force text, OUT tier text,
    OUT identity text, OUT run_as text, OUT library_version text, OUT extension_version text, OUT applied bigint,
    OUT submitted bigint, OUT last_change text, OUT last_applied_at timestamptz, OUT open_deployments bigint,
    OUT records_waiting integer, OUT records_lost bigint, OUT failed bigint, OUT interrupted_deployments bigint,
    OUT lock_pid integer, OUT lock_role text, OUT lock_application text, OUT lock_since timestamptz,
    OUT deployment bigint, OUT deployment_state text, OUT deployment_started_at timestamptz, OUT deployment_started_by text,
    OUT deployment_commit text, OUT deployment_ref text, OUT deployment_followed text, OUT deployment_last_change text,
    OUT deployment_single_transaction boolean,
    OUT lock_blockers jsonb, OUT lock_queue integer,
    OUT lock_timeout interval, OUT lock_retries integer, OUT lock_retry_delay interval, OUT lock_retry_deadline interval,
    OUT partial bigint, OUT unfinished_change text, OUT unfinished_run bigint, OUT unfinished_state text, OUT unfinished_at text,
    OUT unfinished_evidence text)
RETURNS record LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_status';
COMMENT ON FUNCTION dbm_status() IS 'says in one row which environment this is, how it is guarded, what was applied last, and where the newest deployment came from and was to end';

CREATE FUNCTION dbm_unfinished(wanted text DEFAULT NULL, OUT change text, OUT run bigint, OUT direction text, OUT state text, OUT place text,
    OUT evidence text, OUT wants_word boolean)
RETURNS SETOF record LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_unfinished';
COMMENT ON FUNCTION dbm_unfinished(text) IS 'lists the changes, or shows the wanted one, of which some steps are done, the one begun last first: at which step each of them stands, what the catalogs prove about that, and whether only a person can tell';

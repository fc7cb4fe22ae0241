
-- audit: the trail

CREATE SEQUENCE dbmaestro.audit_event_id_seq;
COMMENT ON SEQUENCE dbmaestro.audit_event_id_seq IS 'Source of audit_event.id; gaps are no evidence of anything';

CREATE TABLE dbmaestro.audit_event (
    id                 bigint      NOT NULL,
    event_id           uuid        NOT NULL,
    at                 timestamptz NOT NULL,
    kind               text        NOT NULL COLLATE "C",
    action             text        COLLATE "C",
    object_kind        text        COLLATE "C",
    object             text        COLLATE "C",
    statement          text        COLLATE "C",
    statement_length   bigint,
    statement_digest   bytea,
    change             text        COLLATE "C",
    run                bigint,
    deployment         bigint,
    environment        text        COLLATE "C",
    sqlstate           text        COLLATE "C",
    message            text        COLLATE "C",
    detail             text        COLLATE "C",
    hint               text        COLLATE "C",
    authenticated_role text        COLLATE "C",
    authenticated_oid  oid,
    session_role       text        COLLATE "C",
    session_oid        oid,
    current_role_name  text        COLLATE "C",
    current_oid        oid,
    system_user_name   text        COLLATE "C",
    client_address     text        COLLATE "C",
    application_name   text        COLLATE "C",
    backend_pid        integer,
    backend_start      timestamptz,
    transaction_id     bigint,
    CONSTRAINT audit_event_pkey PRIMARY KEY (id),
    CONSTRAINT audit_event_kind_check CHECK (kind IN (
        'denied', 'refused', 'observed', 'guard_bypassed',
        'init', 'attach', 'setting', 'grant', 'person', 'guard', 'reset',
        'deployment', 'submission', 'run', 'snapshot',
        'approval', 'gate', 'window', 'break_glass', 'exemption', 'checkout',
        'receipt', 'key', 'seal', 'purge', 'lost', 'cancel'))
);
-- an index, not a constraint: scripts that rename all constraints by pattern leave it alone
CREATE UNIQUE INDEX audit_event_event_id_key ON dbmaestro.audit_event (event_id);
CREATE INDEX audit_event_at_idx ON dbmaestro.audit_event (at);
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.audit_event', '');
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.audit_event_id_seq', '');

COMMENT ON TABLE dbmaestro.audit_event IS 'The trail: one row per refusal, run, setting, grant and switch of the guard; rows are only ever added';
COMMENT ON COLUMN dbmaestro.audit_event.id IS 'Number of the event; numbers have gaps and need not follow the order of commits';
COMMENT ON COLUMN dbmaestro.audit_event.event_id IS 'Random name of the event, given before it is written: one event is entered once';
COMMENT ON COLUMN dbmaestro.audit_event.at IS 'When it happened, by the server''s clock (of a refusal: before its row was written)';
COMMENT ON COLUMN dbmaestro.audit_event.kind IS 'denied (by the guard), refused (by a function), observed, run, setting, grant, guard ...';
COMMENT ON COLUMN dbmaestro.audit_event.action IS 'Command, function or setting: ALTER TABLE, dbm_apply';
COMMENT ON COLUMN dbmaestro.audit_event.object_kind IS 'Kind of the object concerned: table, function, role';
COMMENT ON COLUMN dbmaestro.audit_event.object IS 'The object concerned, with its schema';
COMMENT ON COLUMN dbmaestro.audit_event.statement IS 'Text of the statement, at most 64 kB of it and nothing from a password on';
COMMENT ON COLUMN dbmaestro.audit_event.statement_length IS 'Bytes of the whole text';
COMMENT ON COLUMN dbmaestro.audit_event.statement_digest IS 'SHA-256 of the whole text; none where a password was left out';
COMMENT ON COLUMN dbmaestro.audit_event.change IS 'The change concerned';
COMMENT ON COLUMN dbmaestro.audit_event.run IS 'The run concerned';
COMMENT ON COLUMN dbmaestro.audit_event.deployment IS 'The deployment concerned';
COMMENT ON COLUMN dbmaestro.audit_event.environment IS 'Name of this environment at that time';
COMMENT ON COLUMN dbmaestro.audit_event.sqlstate IS 'SQLSTATE of the error that the client saw';
COMMENT ON COLUMN dbmaestro.audit_event.message IS 'Its message, or what happened in words';
COMMENT ON COLUMN dbmaestro.audit_event.detail IS 'Its detail';
COMMENT ON COLUMN dbmaestro.audit_event.hint IS 'Its hint';
COMMENT ON COLUMN dbmaestro.audit_event.authenticated_role IS 'Role that connected, whatever SET ROLE says';
COMMENT ON COLUMN dbmaestro.audit_event.authenticated_oid IS 'Its oid';
COMMENT ON COLUMN dbmaestro.audit_event.session_role IS 'session_user';
COMMENT ON COLUMN dbmaestro.audit_event.session_oid IS 'Its oid';
COMMENT ON COLUMN dbmaestro.audit_event.current_role_name IS 'current_user';
COMMENT ON COLUMN dbmaestro.audit_event.current_oid IS 'Its oid';
COMMENT ON COLUMN dbmaestro.audit_event.system_user_name IS 'system_user, from PostgreSQL 16 on';
COMMENT ON COLUMN dbmaestro.audit_event.client_address IS 'Address and port of the client, or local';
COMMENT ON COLUMN dbmaestro.audit_event.application_name IS 'What the client calls itself';
COMMENT ON COLUMN dbmaestro.audit_event.backend_pid IS 'Process of the session';
COMMENT ON COLUMN dbmaestro.audit_event.backend_start IS 'Start of that process; together they name the session';
COMMENT ON COLUMN dbmaestro.audit_event.transaction_id IS 'Transaction in which it happened, if it had a number; of a refusal: one that was rolled back';

CREATE TRIGGER dbmaestro_refuse_row BEFORE INSERT OR UPDATE OR DELETE ON dbmaestro.audit_event FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
CREATE TRIGGER dbmaestro_refuse_truncate BEFORE TRUNCATE ON dbmaestro.audit_event FOR EACH STATEMENT EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
ALTER TABLE dbmaestro.audit_event ENABLE ALWAYS TRIGGER dbmaestro_refuse_row;
ALTER TABLE dbmaestro.audit_event ENABLE ALWAYS TRIGGER dbmaestro_refuse_truncate;

CREATE VIEW dbmaestro.denied_attempt AS
SELECT id,
       at,
       environment,
       authenticated_role,
       current_role_name,
       client_address,
       application_name,
       kind,
       action,
       object_kind,
       object,
       change,
       statement,
       sqlstate,
       message,
       detail,
       hint
  FROM dbmaestro.audit_event
 WHERE kind OPERATOR(pg_catalog.=) 'denied' OR kind OPERATOR(pg_catalog.=) 'refused';
COMMENT ON VIEW dbmaestro.denied_attempt IS 'One row per attempt that was refused, by the guard (denied) or by a function (refused)';
COMMENT ON COLUMN dbmaestro.denied_attempt.id IS 'Number of the event in audit_event';
COMMENT ON COLUMN dbmaestro.denied_attempt.at IS 'When it was refused';
COMMENT ON COLUMN dbmaestro.denied_attempt.environment IS 'Name of this environment at that time';
COMMENT ON COLUMN dbmaestro.denied_attempt.authenticated_role IS 'Role that connected';
COMMENT ON COLUMN dbmaestro.denied_attempt.current_role_name IS 'Role it acted as';
COMMENT ON COLUMN dbmaestro.denied_attempt.client_address IS 'Address and port of the client, or local';
COMMENT ON COLUMN dbmaestro.denied_attempt.application_name IS 'What the client calls itself';
COMMENT ON COLUMN dbmaestro.denied_attempt.kind IS 'denied (by the guard) or refused (by a function)';
COMMENT ON COLUMN dbmaestro.denied_attempt.action IS 'Command or function';
COMMENT ON COLUMN dbmaestro.denied_attempt.object_kind IS 'Kind of the object concerned';
COMMENT ON COLUMN dbmaestro.denied_attempt.object IS 'The object concerned, with its schema';
COMMENT ON COLUMN dbmaestro.denied_attempt.change IS 'The change concerned';
COMMENT ON COLUMN dbmaestro.denied_attempt.statement IS 'Text of the statement, at most 64 kB of it and nothing from a password on';
COMMENT ON COLUMN dbmaestro.denied_attempt.sqlstate IS 'SQLSTATE of the error that the client saw';
COMMENT ON COLUMN dbmaestro.denied_attempt.message IS 'Its message';
COMMENT ON COLUMN dbmaestro.denied_attempt.detail IS 'Its detail';
COMMENT ON COLUMN dbmaestro.denied_attempt.hint IS 'Its hint';

-- Functions that only the tests call; nobody but the owner may.
CREATE FUNCTION dbmaestro._dbm_own_statement(a text DEFAULT NULL, b integer DEFAULT 0) RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_own_statement';
COMMENT ON FUNCTION dbmaestro._dbm_own_statement(text, integer) IS 'says yes if it is the client''s own statement, and refuses otherwise; for tests';
CREATE FUNCTION dbmaestro._dbm_record_event(kind text, durable boolean, statement text DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_record_event';
COMMENT ON FUNCTION dbmaestro._dbm_record_event(text, boolean, text) IS 'records an event of this kind, in or outside the transaction; for tests';
CREATE FUNCTION dbmaestro._dbm_durable_files(OUT waiting integer, OUT broken integer, OUT lost bigint) RETURNS record
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_durable_files';
COMMENT ON FUNCTION dbmaestro._dbm_durable_files() IS 'counts the records that wait to be entered, that could not be read, and that could not be kept';

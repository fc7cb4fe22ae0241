
-- pipeline: environments and who may do what

CREATE TABLE dbmaestro.capability (
    capability text        NOT NULL COLLATE "C",
    role_name  text        NOT NULL COLLATE "C",
    role       oid         NOT NULL,
    granted_at timestamptz NOT NULL,
    granted_by text        NOT NULL COLLATE "C",
    CONSTRAINT capability_pkey PRIMARY KEY (capability, role_name)
);
COMMENT ON TABLE dbmaestro.capability IS 'Who may do what in this database; written by dbm_grant and dbm_revoke';
COMMENT ON COLUMN dbmaestro.capability.capability IS 'admin, configure, deploy, approve, rollback, override_window, break_glass, checkout, audit or backup';
COMMENT ON COLUMN dbmaestro.capability.role_name IS 'Name of the role when it was granted';
COMMENT ON COLUMN dbmaestro.capability.role IS 'Oid of the role; the row counts only while oid and name agree';
COMMENT ON COLUMN dbmaestro.capability.granted_at IS 'When it was granted';
COMMENT ON COLUMN dbmaestro.capability.granted_by IS 'Authenticated role that granted it';
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.capability', '');
CREATE TRIGGER dbmaestro_refuse_row BEFORE INSERT OR UPDATE OR DELETE ON dbmaestro.capability FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
CREATE TRIGGER dbmaestro_refuse_truncate BEFORE TRUNCATE ON dbmaestro.capability FOR EACH STATEMENT EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
ALTER TABLE dbmaestro.capability ENABLE ALWAYS TRIGGER dbmaestro_refuse_row;
ALTER TABLE dbmaestro.capability ENABLE ALWAYS TRIGGER dbmaestro_refuse_truncate;

CREATE FUNCTION dbm_init(environment text, follows text DEFAULT NULL, run_as name DEFAULT NULL, accept_publication boolean DEFAULT false)
RETURNS void LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_init';
COMMENT ON FUNCTION dbm_init(text, text, name, boolean) IS 'says which environment this database is, which one it follows and as which role scripts run; the guard starts in mode observe';

CREATE FUNCTION dbm_attach(reason text, environment text)
RETURNS void LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_attach';
COMMENT ON FUNCTION dbm_attach(text, text) IS 'makes a detached copy, or a server after a promotion, an environment of its own again';

CREATE FUNCTION dbm_configure(setting text, value text)
RETURNS void LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_configure';
COMMENT ON FUNCTION dbm_configure(text, text) IS 'sets a setting of this environment; NULL puts it back to its initial value';

CREATE FUNCTION dbm_grant(capability text, role name)
RETURNS void LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_grant';
COMMENT ON FUNCTION dbm_grant(text, name) IS 'gives a role a capability in this database; audit and backup include SELECT on the tables of dbmaestro';

CREATE FUNCTION dbm_revoke(capability text, role name)
RETURNS void LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_revoke';
COMMENT ON FUNCTION dbm_revoke(text, name) IS 'takes a capability away from a role';

CREATE FUNCTION dbm_doctor(OUT check_name text, OUT health text, OUT finding text, OUT advice text)
RETURNS SETOF record LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_doctor';
COMMENT ON FUNCTION dbm_doctor() IS 'looks at every door and every weakness: ok, info, warning or error, with what to do';

CREATE FUNCTION dbm_snapshot(label text DEFAULT NULL)
RETURNS bigint LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_snapshot';
COMMENT ON FUNCTION dbm_snapshot(text) IS 'records the live schema and returns the number of the snapshot; without a label an unchanged schema is not recorded again';

CREATE FUNCTION dbm_objects(OUT kind text, OUT identity text, OUT hash text, OUT shape text, OUT extra boolean)
RETURNS SETOF record LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_objects';
COMMENT ON FUNCTION dbm_objects() IS 'every object of the live schema with its hash, and with one (shape) of all but the text of its expressions; extra: what no dump shows, which the root hash does not count';

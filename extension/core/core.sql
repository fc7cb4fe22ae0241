
-- core: what this database is

CREATE TABLE dbmaestro.environment (
    single         boolean     NOT NULL,
    name           text        NOT NULL COLLATE "C",
    follows        text        COLLATE "C",
    run_as         oid,
    run_as_name    text        COLLATE "C",
    guard          text        NOT NULL COLLATE "C",
    initialised_at timestamptz NOT NULL,
    initialised_by text        NOT NULL COLLATE "C",
    CONSTRAINT environment_pkey PRIMARY KEY (single),
    CONSTRAINT environment_single_check CHECK (single),
    CONSTRAINT environment_guard_check CHECK (guard IN ('off', 'observe', 'enforce'))
);
COMMENT ON TABLE dbmaestro.environment IS 'Which environment of the pipeline this database is; one row after dbm_init';
COMMENT ON COLUMN dbmaestro.environment.single IS 'Always true: there is one row';
COMMENT ON COLUMN dbmaestro.environment.name IS 'Name of the environment: dev, test, stage, prod';
COMMENT ON COLUMN dbmaestro.environment.follows IS 'Environment that changes come from, or NULL for the first one';
COMMENT ON COLUMN dbmaestro.environment.run_as IS 'Role that scripts run as; NULL: the caller';
COMMENT ON COLUMN dbmaestro.environment.run_as_name IS 'Name of that role when it was configured; counts only while oid and name agree';
COMMENT ON COLUMN dbmaestro.environment.guard IS 'Mode of the guard: off, observe or enforce';
COMMENT ON COLUMN dbmaestro.environment.initialised_at IS 'When dbm_init was called';
COMMENT ON COLUMN dbmaestro.environment.initialised_by IS 'Authenticated role that called dbm_init';
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.environment', '');

CREATE TABLE dbmaestro.binding (
    single            boolean     NOT NULL,
    system_identifier text        NOT NULL COLLATE "C",
    database          oid         NOT NULL,
    timelines         text        NOT NULL COLLATE "C",
    instance          text        COLLATE "C",
    incarnation       uuid        NOT NULL,
    reason            text,
    bound_at          timestamptz NOT NULL,
    bound_by          text        NOT NULL COLLATE "C",
    CONSTRAINT binding_pkey PRIMARY KEY (single),
    CONSTRAINT binding_single_check CHECK (single)
);
COMMENT ON TABLE dbmaestro.binding IS 'Which database the environment is bound to; pg_dump leaves it out, so that a copy knows it is one';
COMMENT ON COLUMN dbmaestro.binding.single IS 'Always true: there is one row';
COMMENT ON COLUMN dbmaestro.binding.system_identifier IS 'System identifier of the cluster';
COMMENT ON COLUMN dbmaestro.binding.database IS 'Oid of the database';
COMMENT ON COLUMN dbmaestro.binding.timelines IS 'Timelines the server has come through, oldest first, each with the position where it began';
COMMENT ON COLUMN dbmaestro.binding.instance IS 'Value of the server setting dbmaestro.instance at that time';
COMMENT ON COLUMN dbmaestro.binding.incarnation IS 'Random name of this life of the environment';
COMMENT ON COLUMN dbmaestro.binding.reason IS 'Why it was attached';
COMMENT ON COLUMN dbmaestro.binding.bound_at IS 'When it was bound';
COMMENT ON COLUMN dbmaestro.binding.bound_by IS 'Authenticated role that bound it';

CREATE TABLE dbmaestro.setting (
    key    text        NOT NULL COLLATE "C",
    value  text        NOT NULL,
    since  timestamptz NOT NULL,
    set_by text        NOT NULL COLLATE "C",
    CONSTRAINT setting_pkey PRIMARY KEY (key)
);
COMMENT ON TABLE dbmaestro.setting IS 'Settings of this environment that differ from their initial value; written by dbm_configure';
COMMENT ON COLUMN dbmaestro.setting.key IS 'Name of the setting';
COMMENT ON COLUMN dbmaestro.setting.value IS 'Its value';
COMMENT ON COLUMN dbmaestro.setting.since IS 'When it was set';
COMMENT ON COLUMN dbmaestro.setting.set_by IS 'Authenticated role that set it';
SELECT pg_catalog.pg_extension_config_dump('dbmaestro.setting', '');

CREATE TRIGGER dbmaestro_refuse_row BEFORE INSERT OR UPDATE OR DELETE ON dbmaestro.environment FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
CREATE TRIGGER dbmaestro_refuse_truncate BEFORE TRUNCATE ON dbmaestro.environment FOR EACH STATEMENT EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
ALTER TABLE dbmaestro.environment ENABLE ALWAYS TRIGGER dbmaestro_refuse_row;
ALTER TABLE dbmaestro.environment ENABLE ALWAYS TRIGGER dbmaestro_refuse_truncate;
CREATE TRIGGER dbmaestro_refuse_row BEFORE INSERT OR UPDATE OR DELETE ON dbmaestro.binding FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
CREATE TRIGGER dbmaestro_refuse_truncate BEFORE TRUNCATE ON dbmaestro.binding FOR EACH STATEMENT EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
ALTER TABLE dbmaestro.binding ENABLE ALWAYS TRIGGER dbmaestro_refuse_row;
ALTER TABLE dbmaestro.binding ENABLE ALWAYS TRIGGER dbmaestro_refuse_truncate;
CREATE TRIGGER dbmaestro_refuse_row BEFORE INSERT OR UPDATE OR DELETE ON dbmaestro.setting FOR EACH ROW EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
CREATE TRIGGER dbmaestro_refuse_truncate BEFORE TRUNCATE ON dbmaestro.setting FOR EACH STATEMENT EXECUTE FUNCTION dbmaestro._dbm_refuse_write();
ALTER TABLE dbmaestro.setting ENABLE ALWAYS TRIGGER dbmaestro_refuse_row;
ALTER TABLE dbmaestro.setting ENABLE ALWAYS TRIGGER dbmaestro_refuse_truncate;

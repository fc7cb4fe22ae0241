
-- guard: the switch and the functions behind the event triggers.

CREATE FUNCTION dbm_guard(mode text, preload boolean DEFAULT true) RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_guard';
COMMENT ON FUNCTION dbm_guard(text, boolean) IS 'switches the guard of this environment to off, observe or enforce and returns the mode in force; for a superuser, enforce also makes new sessions load the library unless preload is false';

CREATE FUNCTION dbmaestro._dbm_ddl_start() RETURNS event_trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_ddl_start';
COMMENT ON FUNCTION dbmaestro._dbm_ddl_start() IS 'event trigger: refuses schema changes that are not part of a run, before they start';

CREATE FUNCTION dbmaestro._dbm_ddl_end() RETURNS event_trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_ddl_end';
COMMENT ON FUNCTION dbmaestro._dbm_ddl_end() IS 'event trigger: notes what a command of a run has created or altered; outside a run, records what is only observed';

CREATE FUNCTION dbmaestro._dbm_ddl_drop() RETURNS event_trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dbm_ddl_drop';
COMMENT ON FUNCTION dbmaestro._dbm_ddl_drop() IS 'event trigger: the same for what a command has dropped, by cascade too';

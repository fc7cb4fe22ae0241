
-- script: scripts as the server sees them, for tests and tools

CREATE FUNCTION dbmaestro._dbm_script(
    script text,
    OUT ordinal integer,
    OUT line integer,
    OUT "column" integer,
    OUT tag text,
    OUT statement text,
    OUT copy_bytes bigint
) RETURNS SETOF record
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'dbm_script';
COMMENT ON FUNCTION dbmaestro._dbm_script(text) IS 'statements of a script with their positions, as dbm_apply would run them';
REVOKE ALL ON FUNCTION dbmaestro._dbm_script(text) FROM PUBLIC;

CREATE FUNCTION dbmaestro._dbm_script_header(
    script text,
    OUT line integer,
    OUT key text,
    OUT value text,
    OUT known boolean
) RETURNS SETOF record
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'dbm_script_header_fields';
COMMENT ON FUNCTION dbmaestro._dbm_script_header(text) IS 'fields of the header of a script';
REVOKE ALL ON FUNCTION dbmaestro._dbm_script_header(text) FROM PUBLIC;

CREATE FUNCTION dbmaestro._dbm_script_digests(
    script text,
    OUT bytes text,
    OUT tokens text
) RETURNS record
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'dbm_script_digests';
COMMENT ON FUNCTION dbmaestro._dbm_script_digests(text) IS 'SHA-256 of the bytes of a script, and of its tokens without white space and comments';
REVOKE ALL ON FUNCTION dbmaestro._dbm_script_digests(text) FROM PUBLIC;

CREATE FUNCTION dbmaestro._dbm_script_check(
    script text,
    change text DEFAULT '',
    rollback boolean DEFAULT false,
    allow_secrets boolean DEFAULT false,
    allow_empty boolean DEFAULT false,
    in_steps boolean DEFAULT false
) RETURNS void
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'dbm_script_check_text';
COMMENT ON FUNCTION dbmaestro._dbm_script_check(text, text, boolean, boolean, boolean, boolean) IS 'reads a script and raises for what dbm_apply would refuse before its first statement';
REVOKE ALL ON FUNCTION dbmaestro._dbm_script_check(text, text, boolean, boolean, boolean, boolean) FROM PUBLIC;

CREATE FUNCTION dbm_steps(
    script text,
    OUT step integer,
    OUT kind text,
    OUT first_statement integer,
    OUT last_statement integer,
    OUT line integer,
    OUT subject text,
    OUT reason text,
    OUT statements text
) RETURNS SETOF record
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'dbm_steps';
COMMENT ON FUNCTION dbm_steps(text) IS 'shows how dbm_apply_in_steps would cut a script: into transactions, and single statements that cannot run in one';

CREATE FUNCTION dbmaestro._dbm_script_settings(
    script text,
    before_statement integer,
    OUT ordinal integer,
    OUT statement text
) RETURNS SETOF record
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'dbm_script_settings_before';
COMMENT ON FUNCTION dbmaestro._dbm_script_settings(text, integer) IS 'the statements above another one whose settings each step of a script begins with';
REVOKE ALL ON FUNCTION dbmaestro._dbm_script_settings(text, integer) FROM PUBLIC;

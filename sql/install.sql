-- What CREATE EXTENSION leaves behind, checked as rules that hold for every
-- object: each query lists what breaks its rule, so none may return a row.
CREATE EXTENSION dbmaestro;
SELECT extname, extrelocatable FROM pg_extension WHERE extname = 'dbmaestro';
CREATE EXTENSION dbmaestro;

CREATE TEMPORARY VIEW member AS
    SELECT classid, objid, objid::regclass AS relation, objid::regprocedure AS routine
      FROM pg_depend
     WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
       AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'dbmaestro');
CREATE TEMPORARY VIEW relation AS
    SELECT c.*, c.oid::regclass::text AS name
      FROM pg_class AS c
     WHERE relnamespace = 'dbmaestro'::regnamespace AND relkind IN ('r', 'v', 'S', 'p', 'm');
CREATE TEMPORARY VIEW routine AS
    SELECT p.*, p.oid::regprocedure::text AS name
      FROM pg_proc AS p JOIN member AS m ON m.objid = p.oid AND m.classid = 'pg_proc'::regclass;

-- the rules below would be kept by an empty extension too
SELECT (SELECT count(*) > 2 FROM relation WHERE relkind = 'r') AS tables,
       (SELECT count(*) > 0 FROM routine) AS functions;

-- everything carries a comment
SELECT 'relation' AS kind, name FROM relation
 WHERE relkind IN ('r', 'v') AND obj_description(oid, 'pg_class') IS NULL
UNION ALL
SELECT 'column', r.name || '.' || attname FROM relation AS r JOIN pg_attribute ON attrelid = r.oid
 WHERE relkind IN ('r', 'v') AND attnum > 0 AND NOT attisdropped AND col_description(attrelid, attnum) IS NULL
UNION ALL
SELECT 'function', name FROM routine WHERE obj_description(oid, 'pg_proc') IS NULL
UNION ALL
SELECT 'schema', nspname FROM pg_namespace
 WHERE nspname = 'dbmaestro' AND obj_description(oid, 'pg_namespace') IS NULL
 ORDER BY 1, 2;

-- everything in the schema belongs to the extension, and has its owner
SELECT name FROM relation WHERE oid NOT IN (SELECT objid FROM member WHERE classid = 'pg_class'::regclass)
UNION ALL
SELECT oid::regprocedure::text FROM pg_proc
 WHERE pronamespace = 'dbmaestro'::regnamespace AND oid NOT IN (SELECT oid FROM routine)
UNION ALL
SELECT name FROM relation WHERE relowner <> (SELECT extowner FROM pg_extension WHERE extname = 'dbmaestro');

-- each table refuses writes by two triggers that fire always
SELECT r.name, count(t.oid) FROM relation AS r
  LEFT JOIN pg_trigger AS t ON tgrelid = r.oid AND tgenabled = 'A' AND NOT tgisinternal
       AND tgfoid = 'dbmaestro._dbm_refuse_write()'::regprocedure
       AND (tgname, tgtype) IN (('dbmaestro_refuse_row', 31), ('dbmaestro_refuse_truncate', 34))
 WHERE relkind = 'r' GROUP BY r.name HAVING count(t.oid) <> 2 ORDER BY 1;

-- rows are written by C: no defaults, identities, rules, row security, foreign keys or
-- expression indexes, and no column of a type that C does not write
SELECT r.name, attname, atttypid::regtype FROM relation AS r JOIN pg_attribute ON attrelid = r.oid
 WHERE relkind = 'r' AND attnum > 0
   AND (atthasdef OR attidentity <> '' OR attgenerated <> '' OR attisdropped OR atttypid NOT IN (
        'bigint'::regtype, 'integer'::regtype, 'boolean'::regtype, 'text'::regtype, 'timestamptz'::regtype,
        'oid'::regtype, 'bytea'::regtype, 'uuid'::regtype, 'jsonb'::regtype, 'double precision'::regtype,
        'name'::regtype))
 ORDER BY 1, 2;
SELECT name FROM relation WHERE relkind = 'r' AND (relhasrules OR relrowsecurity) ORDER BY 1;
SELECT conname FROM pg_constraint JOIN relation AS r ON conrelid = r.oid
 WHERE contype NOT IN ('p', 'u', 'c', 'n') OR NOT convalidated OR conname !~ ('^' || r.relname || '_')
 ORDER BY 1;
SELECT indexrelid::regclass FROM pg_index JOIN relation AS r ON indrelid = r.oid
 WHERE indexprs IS NOT NULL OR NOT indisvalid ORDER BY 1;
SELECT name FROM relation AS r WHERE relkind = 'r'
   AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = r.oid AND contype = 'p') ORDER BY 1;

-- keys of type text compare byte by byte
SELECT r.name, attname FROM relation AS r
  JOIN pg_index ON indrelid = r.oid JOIN pg_attribute ON attrelid = r.oid AND attnum = ANY (indkey)
 WHERE relkind = 'r' AND atttypid = 'text'::regtype AND attcollation <> '"C"'::regcollation
 ORDER BY 1, 2;

-- pg_dump keeps everything but what identifies this very database and its private key
SELECT name FROM relation
 WHERE relkind IN ('r', 'S') AND relname NOT IN ('binding', 'private_key', 'schema_saved')
   AND NOT oid = ANY (SELECT unnest(extconfig) FROM pg_extension WHERE extname = 'dbmaestro')
 ORDER BY 1;
SELECT name FROM relation
 WHERE relname IN ('binding', 'private_key', 'schema_saved')
   AND oid = ANY (SELECT unnest(extconfig) FROM pg_extension WHERE extname = 'dbmaestro')
 ORDER BY 1;

-- nobody but the owner has rights on the schema and what is in it
SELECT name, relacl FROM relation, aclexplode(relacl) WHERE grantee <> relowner ORDER BY 1;
SELECT r.name, attname FROM relation AS r JOIN pg_attribute ON attrelid = r.oid WHERE attacl IS NOT NULL;
SELECT nspname FROM pg_namespace, aclexplode(nspacl) WHERE nspname = 'dbmaestro' AND grantee <> nspowner;

-- the internal functions are for the owner, unless a view calls them as whoever reads it, itself
-- or through such a function; the public ones decide by themselves who may
SELECT name FROM routine AS r
 WHERE pronamespace = 'dbmaestro'::regnamespace
   AND EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee <> proowner)
   AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = r.oid
                       AND d.classid = 'pg_rewrite'::regclass)
   AND proname <> '_dbm_run_outcome'
 ORDER BY 1;

-- names, languages and labels of the functions: nothing runs in a parallel worker, nothing is
-- SECURITY DEFINER, nothing is IMMUTABLE, nothing of ours is in a language that a user could trap
SELECT name, l.lanname, proparallel, prosecdef, provolatile
  FROM routine AS r JOIN pg_language AS l ON l.oid = prolang
 WHERE proparallel <> 'u' OR prosecdef OR provolatile = 'i'
    OR (lanname <> 'c' AND NOT coalesce(proconfig::text ~ 'search_path=pg_catalog', false))
    OR proname !~ CASE WHEN pronamespace = 'dbmaestro'::regnamespace THEN '^_dbm_' ELSE '^dbm_' END
 ORDER BY 1;
SELECT proname, count(*) FROM routine GROUP BY proname HAVING count(*) > 1;

-- every event trigger of ours fires always
SELECT evtname, evtenabled FROM pg_event_trigger
 WHERE oid IN (SELECT objid FROM member WHERE classid = 'pg_event_trigger'::regclass) AND evtenabled <> 'A';
DROP VIEW member CASCADE;

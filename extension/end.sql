
-- Privileges: nobody but the owner, whatever ALTER DEFAULT PRIVILEGES slipped in.
DO LANGUAGE plpgsql $revoke$
DECLARE
    target record;
BEGIN
    FOR target IN
        SELECT DISTINCT 'TABLE' AS kind, c.oid::pg_catalog.regclass::pg_catalog.text AS name,
               CASE WHEN a.grantee OPERATOR(pg_catalog.=) 0 THEN 'PUBLIC'
                    ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END AS grantee
          FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(c.relacl) AS a
         WHERE c.relnamespace OPERATOR(pg_catalog.=) 'dbmaestro'::pg_catalog.regnamespace
           AND c.relkind::pg_catalog.text OPERATOR(pg_catalog.=) ANY (ARRAY['r', 'v', 'S'])
           AND a.grantee OPERATOR(pg_catalog.<>) c.relowner
        UNION ALL
        SELECT DISTINCT 'ROUTINE', p.oid::pg_catalog.regprocedure::pg_catalog.text,
               CASE WHEN a.grantee OPERATOR(pg_catalog.=) 0 THEN 'PUBLIC'
                    ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END
          FROM pg_catalog.pg_depend AS d
          JOIN pg_catalog.pg_proc AS p ON p.oid OPERATOR(pg_catalog.=) d.objid,
               pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a
         WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
           AND d.deptype OPERATOR(pg_catalog.=) 'e'
           AND d.refobjid OPERATOR(pg_catalog.=) (SELECT e.oid FROM pg_catalog.pg_extension AS e WHERE e.extname OPERATOR(pg_catalog.=) 'dbmaestro')
           AND a.grantee OPERATOR(pg_catalog.<>) p.proowner
           AND (a.grantee OPERATOR(pg_catalog.<>) 0 OR p.pronamespace OPERATOR(pg_catalog.=) 'dbmaestro'::pg_catalog.regnamespace)
        UNION ALL
        SELECT DISTINCT 'SCHEMA', 'dbmaestro',
               CASE WHEN a.grantee OPERATOR(pg_catalog.=) 0 THEN 'PUBLIC'
                    ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END
          FROM pg_catalog.pg_namespace AS n, pg_catalog.aclexplode(n.nspacl) AS a
         WHERE n.nspname OPERATOR(pg_catalog.=) 'dbmaestro'
           AND a.grantee OPERATOR(pg_catalog.<>) n.nspowner
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON %s %s FROM %s CASCADE', target.kind, target.name, target.grantee);
    END LOOP;
END
$revoke$;

-- A function in a view is called as whoever reads the view.
GRANT EXECUTE ON FUNCTION dbmaestro._dbm_backend_alive(integer, timestamptz) TO PUBLIC;
GRANT EXECUTE ON FUNCTION dbmaestro._dbm_running_outcome(integer, timestamptz) TO PUBLIC;
GRANT EXECUTE ON FUNCTION dbmaestro._dbm_run_outcome(text, integer, timestamptz) TO PUBLIC;

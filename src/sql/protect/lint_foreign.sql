
-- Findings about triggers and foreign keys that other roles attached to the extension's own tables. Functions of the extension write
-- these tables with the rights of its owner, and attached code would run with the same rights.

CREATE FUNCTION bastion_internal.is_own(catalog regclass, object oid) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_bastion'
                   WHERE d.classid = catalog AND d.objid = object AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')
$$;
COMMENT ON FUNCTION bastion_internal.is_own(regclass, oid) IS 'Whether an object is a member of the extension.';

-- The functions in the triggers, constraints, defaults, indexes and rules of a table.
CREATE FUNCTION bastion_internal.attached_functions(relation regclass) RETURNS TABLE (catalog regclass, object oid, function regprocedure)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT DISTINCT d.classid::regclass, d.objid, d.refobjid::regprocedure
    FROM (SELECT 'pg_trigger'::regclass, t.oid FROM pg_trigger t WHERE t.tgrelid = relation AND NOT t.tgisinternal AND t.tgenabled <> 'D'
          UNION ALL SELECT 'pg_constraint'::regclass, c.oid FROM pg_constraint c WHERE c.conrelid = relation
          UNION ALL SELECT 'pg_attrdef'::regclass, a.oid FROM pg_attrdef a WHERE a.adrelid = relation
          UNION ALL SELECT 'pg_class'::regclass, i.indexrelid FROM pg_index i WHERE i.indrelid = relation
          UNION ALL SELECT 'pg_rewrite'::regclass, r.oid FROM pg_rewrite r WHERE r.ev_class = relation) o (catalog, object)
    JOIN pg_depend d ON d.classid = o.catalog AND d.objid = o.object AND d.refclassid = 'pg_proc'::regclass
$$;
COMMENT ON FUNCTION bastion_internal.attached_functions(regclass) IS
'Lists the functions that run when rows of a table are written, and the objects that call them.';

CREATE FUNCTION bastion_internal.lint_foreign_code() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'error', pg_describe_object(a.catalog, a.object, 0),
           format('function %s looks at temporary tables first, with the rights of the extension', a.function),
           format('ALTER FUNCTION %s SET search_path = %s, pg_temp;', a.function, p.pronamespace::regnamespace)
    FROM pg_class c, bastion_internal.attached_functions(c.oid) a JOIN pg_proc p ON p.oid = a.function
    WHERE c.relnamespace = 'bastion'::regnamespace AND c.relkind = 'r' AND bastion_internal.is_own('pg_class', c.oid)
      AND p.oid >= 16384 AND NOT bastion_internal.is_own('pg_proc', p.oid)
      AND NOT EXISTS (SELECT FROM unnest(p.proconfig) s WHERE s ~ E'^search_path=(.*,)?\\s*"?pg_temp"?\\s*$')
$$;
COMMENT ON FUNCTION bastion_internal.lint_foreign_code() IS
'Findings about foreign triggers, and foreign functions in constraints, defaults, indexes and rules, on the tables of the extension.';

CREATE FUNCTION bastion_internal.lint_references() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT f.severity, format('constraint %I on %s', f.conname, f.conrelid::regclass), f.problem,
           format('ALTER TABLE %s DROP CONSTRAINT %I;', f.conrelid::regclass, f.conname)
    FROM (SELECT k.*, CASE WHEN k.foreign_operator THEN 'error' ELSE 'warning' END AS severity,
                 CASE WHEN k.foreign_operator THEN 'compares with code that is not the server''s, with the rights of the extension'
                      WHEN k.confrelid NOT IN ('bastion.users'::regclass, 'bastion.tenants'::regclass, 'bastion.units'::regclass)
                      THEN 'has an action, so functions of the extension refuse to change ' || k.confrelid::regclass
                      ELSE 'has an action for UPDATE, so functions of the extension refuse to change that column' END AS problem
          FROM (SELECT c.*, EXISTS (SELECT FROM unnest(c.conpfeqop || c.conppeqop || c.conffeqop) o WHERE o >= 16384)
                            OR EXISTS (SELECT FROM unnest(c.conkey) n JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = n
                                       WHERE a.atttypid >= 16384) AS foreign_operator
                FROM pg_constraint c WHERE c.contype = 'f' AND c.conparentid = 0) k
          WHERE bastion_internal.is_own('pg_class', k.confrelid) AND NOT bastion_internal.is_own('pg_class', k.conrelid)
            AND (k.foreign_operator OR k.confupdtype IN ('c', 'n', 'd')
                 OR k.confdeltype IN ('c', 'n', 'd') AND k.confrelid NOT IN (
                        'bastion.users'::regclass, 'bastion.tenants'::regclass, 'bastion.units'::regclass))) f
    UNION ALL
    SELECT 'error', f.object, format('%s granted to %s: a column of a hostile type runs code with the rights of the extension',
                                     'REFERENCES', f.grantee),
           format('REVOKE REFERENCES%s ON %s FROM %s;', f.columns, f.object, f.grantee)
    FROM (SELECT c.oid::regclass::text AS object, '' AS columns, a.grantee, a.privilege_type, c.oid, c.relowner
          FROM pg_class c, aclexplode(c.relacl) a
          UNION ALL
          SELECT c.oid::regclass::text, format(' (%I)', t.attname), a.grantee, a.privilege_type, c.oid, c.relowner
          FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a) g,
         LATERAL (SELECT g.object, g.columns, CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END AS grantee) f
    WHERE g.privilege_type = 'REFERENCES' AND g.grantee <> g.relowner AND bastion_internal.is_own('pg_class', g.oid)
$$;
COMMENT ON FUNCTION bastion_internal.lint_references() IS
'Findings about other roles'' foreign keys to the tables of the extension, and about the privilege to create them.';

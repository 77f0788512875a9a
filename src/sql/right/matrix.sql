
-- The matrix of roles and permissions. A role gives what a member who has it in the whole tenant holds, with inheritance, and with
-- patterns expanded to existing permissions. SECURITY INVOKER: row-level security shows the caller the roles of its own tenant.

CREATE FUNCTION bastion.permission_matrix(tenant text DEFAULT NULL)
RETURNS TABLE (role_id uuid, role text, system boolean, permission text, held boolean, level text, max_age interval)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE place AS (
        SELECT t.id, t.mfa FROM bastion.tenants t
        WHERE CASE WHEN permission_matrix.tenant IS NULL THEN t.id = (SELECT bastion.tenant_id())
                   ELSE t.slug = permission_matrix.tenant OR t.id::text = lower(permission_matrix.tenant) END
    ), usable AS (
        SELECT r.* FROM bastion.roles r, place p WHERE r.tenant_id IS NULL OR r.tenant_id = p.id
    ), line AS (
        SELECT u.id AS role_id, u.id AS source FROM usable u
        UNION
        SELECT l.role_id, rp.parent_id FROM line l JOIN bastion.role_parents rp ON rp.role_id = l.source
    ), granted AS MATERIALIZED (
        SELECT l.role_id, array_agg(rp.pattern) AS patterns FROM line l JOIN bastion.role_permissions rp ON rp.role_id = l.source GROUP BY l.role_id
    ), rules AS (
        SELECT r.permission AS pattern, r.level, r.max_age FROM bastion.step_up_rules r, place p WHERE r.tenant_id IS NULL OR r.tenant_id = p.id
        UNION ALL
        SELECT NULL, CASE p.mfa WHEN 'required' THEN 'aal2' ELSE 'phr' END, NULL FROM place p WHERE p.mfa <> 'off'
    ), needed AS MATERIALIZED (
        SELECT p.name, max(r.level COLLATE "C") AS level, min(r.max_age) AS max_age
        FROM bastion.permissions p JOIN rules r ON r.pattern IS NULL OR r.pattern = ANY (p.patterns) GROUP BY p.name
    )
    SELECT u.id, u.name, u.system, p.name, coalesce(p.patterns && g.patterns, false), n.level, n.max_age
    FROM usable u CROSS JOIN bastion.permissions p LEFT JOIN granted g ON g.role_id = u.id LEFT JOIN needed n ON n.name = p.name
    WHERE p.resource NOT LIKE 'own.%'
    ORDER BY u.system DESC, u.tenant_id NULLS FIRST, u.name, u.id, p.system, p.name
$$;
COMMENT ON FUNCTION bastion.permission_matrix(text) IS
'Lists every role that a tenant can use, the extension''s first, with every permission. held says whether a holder of the role in the whole tenant holds the permission, including inheritance and patterns. level and max_age are what step-up rules ask for before it counts, NULL without a rule.
It omits the permissions own...., which every user holds over what is their own. tenant is a uuid or slug; NULL means that of the context. An application sees its own tenant and no rows for another; an operator sees every tenant.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.permission_matrix(text)', 'application');

CREATE FUNCTION bastion.permission_matrix_text(tenant text DEFAULT NULL) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
    WITH cells AS MATERIALIZED (
        SELECT m.* FROM bastion.permission_matrix(permission_matrix_text.tenant) WITH ORDINALITY
            AS m (role_id, role, system, permission, held, level, max_age, place)
    ), roles AS (
        SELECT c.role_id, c.role, min(c.place) AS place, length(c.role) AS width FROM cells c GROUP BY c.role_id, c.role
    ), lines AS (
        SELECT c.permission, min(c.place) AS place,
               string_agg(rpad(CASE WHEN NOT c.held THEN '.' WHEN c.level IS NULL THEN 'x' ELSE 's' END, r.width), ' ' ORDER BY r.place) AS line
        FROM cells c JOIN roles r ON r.role_id = c.role_id GROUP BY c.permission
    ), width AS (
        SELECT max(length(l.permission)) AS name FROM lines l
    )
    (SELECT repeat(' ', w.name) || '  ' || string_agg(r.role, ' ' ORDER BY r.place) FROM roles r, width w GROUP BY w.name)
    UNION ALL
    (SELECT rtrim(rpad(l.permission, w.name) || '  ' || l.line) FROM lines l, width w ORDER BY l.place)
$$;
COMMENT ON FUNCTION bastion.permission_matrix_text(text) IS
'permission_matrix() as text: a line per permission, a column per role, x where the role holds it. It is s where a step-up rule asks for more.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.permission_matrix_text(text)', 'application');

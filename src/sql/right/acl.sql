
-- Computes the rows on which a user may act in a tenant: the sets that the library caches beside the permissions. The result has
-- groups of permissions and ACLs, not every pair. PL/pgSQL caches the plans here; planning costs more than execution.

CREATE FUNCTION bastion.own_acl() RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion_internal.member_acl(bastion.user_id(), bastion.tenant_id()) $$;
COMMENT ON FUNCTION bastion.own_acl() IS
'The ACL of the rows that the user of this transaction owns in its tenant; NULL when anonymous. A member has one; for a holder of a platform role, the first call creates it.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.own_acl()', 'application');

CREATE FUNCTION bastion_internal.share_subjects(user_id uuid, tenant_id uuid)
RETURNS TABLE (subject_kind text, subject_id uuid, everywhere boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH RECURSIVE held AS (
        SELECT r.role_id FROM bastion_internal.roles_in_force(share_subjects.user_id, share_subjects.tenant_id, NULL) r
        UNION
        SELECT p.parent_id FROM held h JOIN bastion.role_parents p ON p.role_id = h.role_id
    )
    SELECT 'user'::text, share_subjects.user_id, true
    UNION ALL
    SELECT 'tenant', share_subjects.tenant_id, true
    UNION ALL
    SELECT DISTINCT 'unit', c.ancestor_id, true
    FROM bastion.memberships_in_force m JOIN bastion.unit_closure c ON c.descendant_id = m.unit_id
    WHERE m.user_id = share_subjects.user_id AND m.tenant_id = share_subjects.tenant_id
    UNION ALL
    SELECT 'role', r.id, r.tenant_id IS NOT NULL FROM held h JOIN bastion.roles r ON r.id = h.role_id;
END
$$;
COMMENT ON FUNCTION bastion_internal.share_subjects(uuid, uuid) IS
'The subjects through which shares reach a user in a tenant: the user, the tenant, the units of memberships and the units above them, the roles held in the whole tenant and the roles that these inherit.
everywhere: whether the subject also counts for rows of other tenants; a role that every tenant can use does not.';

CREATE FUNCTION bastion_internal.denied_in_tenant(user_id uuid, tenant_id uuid) RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN ARRAY(
        SELECT DISTINCT k.permission
        FROM bastion_internal.user_permissions_in_force d JOIN bastion_internal.permission_patterns k ON k.pattern = d.pattern
        WHERE d.user_id = denied_in_tenant.user_id AND d.tenant_id = denied_in_tenant.tenant_id
          AND d.unit_id IS NULL AND d.effect = 'deny');
END
$$;
COMMENT ON FUNCTION bastion_internal.denied_in_tenant(uuid, uuid) IS
'The permissions that are denied to a user in a whole tenant.';

CREATE FUNCTION bastion_internal.denied_in_units(user_id uuid, tenant_id uuid) RETURNS TABLE (unit_id uuid, permissions text[])
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT c.descendant_id, array_agg(DISTINCT k.permission)
    FROM bastion_internal.user_permissions_in_force d JOIN bastion.unit_closure c ON c.ancestor_id = d.unit_id
    JOIN bastion_internal.permission_patterns k ON k.pattern = d.pattern
    WHERE d.user_id = denied_in_units.user_id AND d.tenant_id = denied_in_units.tenant_id AND d.effect = 'deny'
    GROUP BY c.descendant_id;
END
$$;
COMMENT ON FUNCTION bastion_internal.denied_in_units(uuid, uuid) IS
'The permissions that are denied to a user in single units of a tenant, and in the units below these.';

-- PL/pgSQL, because the table of protections is created later. A table that was dropped counts until its record is removed.
CREATE FUNCTION bastion_internal.resources_by_role() RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN ARRAY(SELECT DISTINCT p.resource FROM bastion.protected_tables p WHERE p.options ->> 'owner_rights' = 'role');
END
$$;
COMMENT ON FUNCTION bastion_internal.resources_by_role() IS
'The resources whose owners do with their own rows what their roles allow: those of protect(owner_rights => ''role'').';

-- A separate statement for each source, planned when the first user has rights of that kind. STABLE, so that all of them read one
-- snapshot. Only the permission itself gives create: neither a share nor ownership of other rows lets a user add a row.
CREATE FUNCTION bastion_internal.acl_places(user_id uuid, tenant_id uuid)
RETURNS TABLE (allowed text[], forbidden text[], acl_ids bigint[], bases bigint[], of_tenant uuid, by_manage boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    for_user uuid := acl_places.user_id;
    for_tenant uuid := acl_places.tenant_id;
    wide text[];
    held text[];
    denied text[];
    in_units boolean;
    denied_user uuid;  -- NULL unless the user is denied permissions in units; then the strict function is not evaluated
    giveable text[];
    levels integer[];
    owned text[];
    by_role text[] := bastion_internal.resources_by_role();
    manageable text[];
BEGIN
    SELECT coalesce(array_agg(x.permission) FILTER (WHERE x.wide AND NOT x.denied), '{}'),
           coalesce(array_agg(x.permission) FILTER (WHERE (x.wide OR x.in_unit) AND NOT x.denied), '{}'),
           coalesce(array_agg(x.permission) FILTER (WHERE x.denied), '{}'),
           coalesce(bool_or(x.in_unit), false), CASE WHEN bool_or(x.denied_in_unit) THEN for_user END
    INTO wide, held, denied, in_units, denied_user
    FROM (SELECT k.permission, bool_or(r.effect = 'grant' AND r.unit_id IS NULL) AS wide,
                 bool_or(r.effect = 'grant' AND r.unit_id IS NOT NULL) AS in_unit,
                 bool_or(r.effect = 'deny' AND r.unit_id IS NULL) AS denied,
                 bool_or(r.effect = 'deny' AND r.unit_id IS NOT NULL) AS denied_in_unit
          FROM bastion_internal.rights_in_force(for_user, for_tenant) r JOIN bastion_internal.permission_patterns k ON k.pattern = r.pattern
          WHERE NOT k.system GROUP BY k.permission) x;

    SELECT coalesce(array_agg(p.name), '{}'), array_agg(coalesce(l.level, 4)),
           array_agg(p.name) FILTER (WHERE p.resource || '.manage' = ANY (wide)),
           coalesce(array_agg(p.name) FILTER (WHERE p.resource <> ALL (by_role) OR p.name = ANY (wide) OR p.resource || '.manage_own' = ANY (wide)), '{}')
    INTO giveable, levels, manageable, owned
    FROM bastion.permissions p LEFT JOIN bastion.level_actions l ON l.action = p.action
    WHERE NOT p.system AND p.name <> ALL (denied) AND (p.action <> 'create' OR p.name = ANY (held));

    RETURN QUERY
    SELECT owned, NULL::text[], ARRAY[a.id], ARRAY[a.id], for_tenant, false
    FROM bastion.acls a WHERE a.user_id = for_user AND a.tenant_id = for_tenant;

    IF wide <> '{}' THEN
        RETURN QUERY
        SELECT wide, NULL::text[], ARRAY[t.acl_id], ARRAY[t.acl_id], for_tenant, false FROM bastion.tenants t WHERE t.id = for_tenant
        UNION ALL
        SELECT wide, d.permissions, array_agg(u.acl_id), array_agg(u.acl_id), for_tenant, false
        FROM bastion.units u LEFT JOIN bastion_internal.denied_in_units(denied_user, for_tenant) d ON d.unit_id = u.id
        WHERE u.tenant_id = for_tenant GROUP BY d.permissions;
    END IF;

    -- Units with the same patterns form one group, so that a member of a thousand teams has one.
    IF in_units THEN
        RETURN QUERY
        SELECT ARRAY(SELECT DISTINCT k.permission FROM bastion_internal.permission_patterns k
                     WHERE k.pattern = ANY (alike.patterns) AND k.permission = ANY (held) AND k.permission <> ALL (wide)),
               l.forbidden, l.acl_ids, l.acl_ids, for_tenant, false
        FROM (
            SELECT x.patterns, array_agg(x.unit_id) AS unit_ids
            FROM (SELECT r.unit_id, array_agg(r.pattern ORDER BY r.pattern) AS patterns
                  FROM bastion_internal.rights_in_force(for_user, for_tenant) r
                  WHERE r.effect = 'grant' AND r.unit_id IS NOT NULL GROUP BY r.unit_id) x
            GROUP BY x.patterns) alike, LATERAL (
            SELECT d.permissions AS forbidden, array_agg(u.acl_id) AS acl_ids
            FROM bastion.units u LEFT JOIN bastion_internal.denied_in_units(denied_user, for_tenant) d ON d.unit_id = u.id
            WHERE u.id = ANY (ARRAY(SELECT c.descendant_id
                                    FROM unnest(alike.unit_ids) place JOIN bastion.unit_closure c ON c.ancestor_id = place))
            GROUP BY d.permissions) l;
    END IF;

    IF manageable <> '{}' THEN
        RETURN QUERY
        SELECT manageable, NULL::text[], array_agg(a.id), array_agg(a.id), for_tenant, true
        FROM bastion.acls a
        WHERE a.tenant_id = for_tenant AND (a.kind IN ('user', 'nobody') OR a.kind = 'unit' AND a.unit_id IS NULL);
    END IF;

    -- OFFSET 0 prevents a plan that reads the whole table, of which a user needs only a small part.
    RETURN QUERY
    SELECT ARRAY(SELECT v.name FROM unnest(giveable, levels) v (name, level) WHERE v.level <= e.level),
           CASE WHEN e.tenant_id <> for_tenant THEN bastion_internal.denied_in_tenant(for_user, e.tenant_id) END,
           e.acl_ids, e.bases, e.tenant_id, false
    FROM bastion_internal.share_subjects(for_user, for_tenant) s, LATERAL (
        SELECT x.tenant_id, x.level, array_agg(x.acl_id) AS acl_ids,
               coalesce(array_agg(x.acl_id) FILTER (WHERE x.acl_kind <> 'row'), '{}') AS bases
        FROM bastion.acl_entries x
        WHERE x.subject_kind = s.subject_kind AND x.subject_id = s.subject_id AND (x.tenant_id = for_tenant OR s.everywhere)
          AND (x.valid_until IS NULL OR x.valid_until > statement_timestamp())
        GROUP BY x.tenant_id, x.level OFFSET 0) e;
END
$$;
COMMENT ON FUNCTION bastion_internal.acl_places(uuid, uuid) IS
'The ACLs on which a user may act in a tenant, in groups: the permissions, those of them that are denied there (NULL: none), the ACLs, those of them that can be the base of other ACLs, their tenant, and whether each permission counts only with resource.manage. See acl_grants().';

CREATE FUNCTION bastion_internal.acl_grants(user_id uuid, tenant_id uuid)
RETURNS TABLE (permissions text[], acl_ids bigint[], cross_tenant boolean, of_tenant uuid, by_manage boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT a.list, p.acl_ids || coalesce(based.list, '{}'), p.of_tenant <> acl_grants.tenant_id, p.of_tenant, p.by_manage
    FROM bastion_internal.acl_places(acl_grants.user_id, acl_grants.tenant_id) p,
         LATERAL (SELECT CASE WHEN p.forbidden IS NULL THEN p.allowed
                              ELSE ARRAY(SELECT unnest(p.allowed) EXCEPT SELECT unnest(p.forbidden)) END AS list) a,
         LATERAL (SELECT array_agg(x.id) AS list FROM bastion.acls x WHERE x.base_acl_id = ANY (p.bases)) based
    WHERE cardinality(a.list) > 0;
END
$$;
COMMENT ON FUNCTION bastion_internal.acl_grants(uuid, uuid) IS
'The permissions of a user on rows in a tenant, as groups of permissions and ACLs.
Sources: permissions held in the tenant or in units and not denied there; the user''s own rows, under owner_rights role as far as permissions held in the tenant allow, and all of it with resource.manage_own; with resource.manage in the whole tenant, the rows of every user, of deleted units and without an owner; rows shared with the user. of_tenant: the tenant of the ACLs; cross_tenant: it is another one, and they are shared with the user. by_manage: the group counts for a session that also holds resource.manage. The same pair may occur more than once. Does not check whether the user and the tenant are active.';

CREATE FUNCTION bastion_internal.unit_lists(unit_id uuid) RETURNS bigint[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (WITH lists AS MATERIALIZED (
                SELECT u.acl_id FROM bastion.unit_closure c JOIN bastion.units u ON u.id = c.descendant_id
                WHERE c.ancestor_id = unit_lists.unit_id)
            SELECT coalesce(array_agg(x.acl_id), '{}') FROM (
                SELECT l.acl_id FROM lists l
                UNION ALL SELECT a.id FROM bastion.acls a WHERE a.base_acl_id IN (SELECT l.acl_id FROM lists l)) x);
END
$$;
COMMENT ON FUNCTION bastion_internal.unit_lists(uuid) IS
'The ACLs of the rows in a unit and in the units below it, including rows that were shared individually.';

CREATE FUNCTION bastion_internal.tenant_grants(user_id uuid) RETURNS TABLE (permissions text[], tenant_ids uuid[])
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 5
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    for_user uuid := tenant_grants.user_id;
BEGIN
    RETURN QUERY
    -- Permissions are expanded for each set of roles and own permissions, and not for each tenant: of hundreds, most have the same.
    WITH RECURSIVE member AS MATERIALIZED (
        SELECT m.tenant_id AS id, array_agg(DISTINCT m.role_id) FILTER (WHERE m.unit_id IS NULL) AS roles
        FROM bastion.memberships_in_force m JOIN bastion.tenants t ON t.id = m.tenant_id
        WHERE m.user_id = for_user AND t.status = 'active' GROUP BY m.tenant_id
    ), own AS MATERIALIZED (
        SELECT u.tenant_id AS id, array_agg(DISTINCT u.effect || ' ' || u.pattern) AS own
        FROM bastion_internal.user_permissions_in_force u WHERE u.user_id = for_user AND u.unit_id IS NULL GROUP BY u.tenant_id
    ), platform AS (
        SELECT p.role_id FROM bastion_internal.platform_roles_in_force p WHERE p.user_id = for_user
        UNION
        SELECT rp.parent_id FROM platform x JOIN bastion.role_parents rp ON rp.role_id = x.role_id
    ), everywhere AS MATERIALIZED (
        SELECT DISTINCT p.permission
        FROM platform x JOIN bastion.role_permissions rp ON rp.role_id = x.role_id
        JOIN bastion_internal.permission_patterns p ON p.pattern = rp.pattern
    ), special AS MATERIALIZED (
        SELECT m.id, m.roles, o.own FROM member m LEFT JOIN own o ON o.id = m.id
        UNION ALL
        SELECT o.id, NULL, o.own FROM own o JOIN bastion.tenants t ON t.id = o.id AND t.status = 'active'
        WHERE EXISTS (SELECT FROM everywhere) AND o.id NOT IN (SELECT m.id FROM member m)
    ), kinds AS MATERIALIZED (
        SELECT row_number() OVER () AS kind, s.roles, s.own, array_agg(s.id) AS ids FROM special s GROUP BY s.roles, s.own
    ), held AS (
        SELECT k.kind, unnest(k.roles) AS role_id FROM kinds k
        UNION
        SELECT h.kind, rp.parent_id FROM held h JOIN bastion.role_parents rp ON rp.role_id = h.role_id
    ), granted AS (
        SELECT h.kind, p.permission
        FROM held h JOIN bastion.role_permissions rp ON rp.role_id = h.role_id
        JOIN bastion_internal.permission_patterns p ON p.pattern = rp.pattern
    ), added AS MATERIALIZED (
        SELECT o.kind, split_part(o.own, ' ', 1) AS effect, p.permission
        FROM (SELECT k.kind, unnest(k.own) AS own FROM kinds k) o
        JOIN bastion_internal.permission_patterns p ON p.pattern = split_part(o.own, ' ', 2)
    ), per_kind AS (
        SELECT x.kind, array_agg(x.permission ORDER BY x.permission) AS list
        FROM (
            (SELECT g.kind, g.permission FROM granted g
             UNION
             SELECT k.kind, e.permission FROM kinds k, everywhere e
             UNION
             SELECT a.kind, a.permission FROM added a WHERE a.effect = 'grant')
            EXCEPT
            SELECT a.kind, a.permission FROM added a WHERE a.effect = 'deny') x
        GROUP BY x.kind
    )
    SELECT p.list, k.ids FROM per_kind p JOIN kinds k ON k.kind = p.kind
    UNION ALL
    SELECT e.list, array_agg(t.id) FROM (SELECT array_agg(x.permission) AS list FROM everywhere x) e, bastion.tenants t
    WHERE e.list IS NOT NULL AND t.status = 'active' AND t.id NOT IN (SELECT s.id FROM special s)
    GROUP BY e.list;
END
$$;
COMMENT ON FUNCTION bastion_internal.tenant_grants(uuid) IS
'The permissions that a user holds in whole tenants, as groups of permissions and active tenants. Sources: memberships in force, platform roles and the user''s own grants, without what is denied there.';

CREATE FUNCTION bastion_internal.rights_valid_until(user_id uuid, tenant_id uuid) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT coalesce(min(b.at), 'infinity') FROM (
        SELECT unnest(ARRAY[m.valid_from, m.valid_until]) AS at FROM bastion.memberships m
        WHERE m.user_id = rights_valid_until.user_id AND (m.valid_from IS NOT NULL OR m.valid_until IS NOT NULL)
        UNION ALL
        SELECT unnest(ARRAY[p.valid_from, p.valid_until]) FROM bastion.user_permissions p
        WHERE p.user_id = rights_valid_until.user_id AND (p.valid_from IS NOT NULL OR p.valid_until IS NOT NULL)
        UNION ALL
        SELECT unnest(ARRAY[p.valid_from, p.valid_until]) FROM bastion.platform_roles p
        WHERE p.user_id = rights_valid_until.user_id AND (p.valid_from IS NOT NULL OR p.valid_until IS NOT NULL)
        UNION ALL
        SELECT (SELECT min(e.valid_until) FROM bastion.acl_entries e
                WHERE e.subject_kind = s.subject_kind AND e.subject_id = s.subject_id AND e.valid_until > statement_timestamp())
        FROM bastion_internal.share_subjects(rights_valid_until.user_id, rights_valid_until.tenant_id) s
    ) b
    WHERE b.at > statement_timestamp());
END
$$;
COMMENT ON FUNCTION bastion_internal.rights_valid_until(uuid, uuid) IS
'The earliest time at which the rights of a user in a tenant change without a write: the next beginning or end of a membership, grant, deny, platform role or share; infinity for none.';

CREATE FUNCTION bastion_internal.rule_scopes(user_id uuid, tenant_id uuid) RETURNS TABLE (scope uuid)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 5
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- One look at the index for each subject and tenant, since thousands of rows may be shared.
    RETURN QUERY
    WITH RECURSIVE sharing AS (
        SELECT s.subject_kind, s.subject_id, '00000000-0000-0000-0000-000000000000'::uuid AS owner_id
        FROM bastion_internal.share_subjects(rule_scopes.user_id, rule_scopes.tenant_id) s WHERE s.everywhere
        UNION ALL
        SELECT h.subject_kind, h.subject_id, e.tenant_id
        FROM sharing h, LATERAL (
            SELECT x.tenant_id FROM bastion.acl_entries x
            WHERE x.subject_kind = h.subject_kind AND x.subject_id = h.subject_id AND x.tenant_id > h.owner_id
            ORDER BY x.tenant_id LIMIT 1) e
    )
    SELECT rule_scopes.tenant_id
    UNION SELECT m.tenant_id FROM bastion.memberships m WHERE m.user_id = rule_scopes.user_id
    UNION SELECT h.owner_id FROM sharing h;
END
$$;
COMMENT ON FUNCTION bastion_internal.rule_scopes(uuid, uuid) IS
'The scopes of the step-up rules that count for a user who works in a tenant, unless the user holds a platform role: then all count.
They are the zero uuid (the rules of every tenant), this tenant, those of memberships, and those that share rows with the user.';

-- The dependencies of cached rights and sets. The triggers of the tables send messages that name them; the comment beside each
-- trigger says why its message suffices. Memberships and roles that are not in force now are included: rights_valid_until() covers
-- the time.
--
-- A refusal is not cached. So a message must name a dependency that existed before the change; a new dependency is recorded when the
-- rights are read again. Example: a membership gives a role that inherits from another. A change of the inherited role names that
-- role, a change of the inheritance names the first role, and the end of the membership names the user. The first change on the path
-- from the user is always a change of a known dependency.
CREATE FUNCTION bastion_internal.rights_dependencies(user_id uuid, tenant_id uuid) RETURNS TABLE (scope text, key text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    for_user uuid := rights_dependencies.user_id;
    for_tenant uuid := rights_dependencies.tenant_id;
BEGIN
    RETURN QUERY
    WITH RECURSIVE places AS MATERIALIZED (
        SELECT DISTINCT m.role_id FROM bastion.memberships m WHERE m.user_id = for_user
    ), platform AS MATERIALIZED (
        SELECT p.role_id FROM bastion.platform_roles p WHERE p.user_id = for_user
    ), roles AS (
        (SELECT p.role_id FROM places p UNION SELECT p.role_id FROM platform p)
        UNION
        SELECT rp.parent_id FROM roles r JOIN bastion.role_parents rp ON rp.role_id = r.role_id
    ), subjects AS MATERIALIZED (
        SELECT * FROM bastion_internal.share_subjects(for_user, for_tenant)
    ), bases AS MATERIALIZED (
        SELECT e.acl_id, e.tenant_id AS place FROM subjects s
        JOIN bastion.acl_entries e ON e.subject_kind = s.subject_kind AND e.subject_id = s.subject_id AND e.acl_kind <> 'row'
    )
    SELECT 'role'::text, r.role_id::text FROM roles r
    UNION ALL SELECT 'tenant', s.scope::text FROM bastion_internal.rule_scopes(for_user, for_tenant) s
    UNION ALL SELECT 'place', x.place::text FROM (SELECT b.place FROM bases b UNION SELECT for_tenant) x
    UNION ALL SELECT 'list', b.acl_id::text FROM bases b
    UNION ALL SELECT 'list', a.id::text FROM bastion.acls a WHERE a.user_id = for_user AND a.tenant_id = for_tenant
    UNION ALL SELECT CASE WHEN s.everywhere THEN 'subject' ELSE 'subject_in' END,
                     s.subject_id::text || CASE WHEN s.everywhere THEN '' ELSE for_tenant::text END FROM subjects s
    UNION ALL SELECT 'platform', '' WHERE EXISTS (SELECT FROM platform)
    UNION ALL SELECT 'managers', for_tenant::text WHERE EXISTS (
        SELECT FROM bastion_internal.rights_in_force(for_user, for_tenant) r JOIN bastion_internal.permission_patterns k ON k.pattern = r.pattern
        WHERE r.unit_id IS NULL AND r.effect = 'grant' AND k.action = 'manage' AND NOT k.system);
END
$$;
COMMENT ON FUNCTION bastion_internal.rights_dependencies(uuid, uuid) IS
'The dependencies of the rights and sets of a user in a tenant, other than the scopes user and all: scopes of bastion_internal.invalidate() and their ids.
role: roles held anywhere and the roles they inherit; tenant: the rows and step-up rules of rule_scopes(); place: the units and ACLs of this tenant, and of other tenants one of whose default ACLs is shared with the user; list: the user''s own ACL and such default ACLs; subject, subject_in: the subjects through which shares reach the user; platform: for holders of a role in every tenant; managers: for users who manage everybody''s rows.';

CREATE FUNCTION bastion_internal.keep_acl() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_keep_acl';
COMMENT ON FUNCTION bastion_internal.keep_acl() IS
'Trigger: refuses an UPDATE that changes the ACL or tenant of a row in a table under sharing, by its owner too; only share() may do so.
Arguments: the columns of the ACL and the tenant.
SQLSTATE 42501.';
SELECT bastion_internal.callable_by('bastion_internal.keep_acl()', 'migration');

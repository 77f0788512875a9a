
-- From a user and a tenant to the rows that they may act on: the sets that the library caches beside the permissions. They
-- come in groups, some permissions beside some lists, not as every pair. PL/pgSQL here keeps its plans, which cost more than
-- running them.

CREATE FUNCTION bastion.own_acl() RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion_internal.member_acl(bastion.user_id(), bastion.tenant_id()) $$;
COMMENT ON FUNCTION bastion.own_acl() IS
'The access control list of the rows that the user of this transaction owns in its tenant; NULL when anonymous. A member has one; for the holder of a platform role it is made at the first call. SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.own_acl()', 'application');

CREATE FUNCTION bastion_internal.share_subjects(user_id uuid, tenant_id uuid)
RETURNS TABLE (subject_kind text, subject_id uuid, everywhere boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
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
'As whom a user meets shares in a tenant: the user, the tenant, the units of memberships and those above them, the roles held in the whole tenant and what these inherit. everywhere: also for the rows of other tenants, which a role that every tenant can use is not.';

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

-- A statement for each source, planned when a first user has rights of that kind; stable, so that all read one snapshot.
-- create is given by the permission alone: neither a share nor ownership of other rows lets anybody add a row.
CREATE FUNCTION bastion_internal.acl_places(user_id uuid, tenant_id uuid)
RETURNS TABLE (allowed text[], forbidden text[], acl_ids bigint[], bases bigint[], of_tenant uuid)
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
    denied_user uuid;  -- who is denied something in units; nobody is looked up in vain, as the function is strict
    giveable text[];
    levels integer[];
    managed text[];
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
           array_agg(p.name) FILTER (WHERE p.resource || '.manage' = ANY (wide))
    INTO giveable, levels, managed
    FROM bastion.permissions p LEFT JOIN bastion.level_actions l ON l.action = p.action
    WHERE NOT p.system AND p.name <> ALL (denied) AND (p.action <> 'create' OR p.name = ANY (held));

    RETURN QUERY
    SELECT giveable, NULL::text[], ARRAY[a.id], ARRAY[a.id], for_tenant
    FROM bastion.acls a WHERE a.user_id = for_user AND a.tenant_id = for_tenant;

    IF wide <> '{}' THEN
        RETURN QUERY
        SELECT wide, NULL::text[], ARRAY[t.acl_id], ARRAY[t.acl_id], for_tenant FROM bastion.tenants t WHERE t.id = for_tenant
        UNION ALL
        SELECT wide, d.permissions, array_agg(u.acl_id), array_agg(u.acl_id), for_tenant
        FROM bastion.units u LEFT JOIN bastion_internal.denied_in_units(denied_user, for_tenant) d ON d.unit_id = u.id
        WHERE u.tenant_id = for_tenant GROUP BY d.permissions;
    END IF;

    -- Units of the same patterns together: a member of a thousand teams has one group.
    IF in_units THEN
        RETURN QUERY
        SELECT ARRAY(SELECT DISTINCT k.permission FROM bastion_internal.permission_patterns k
                     WHERE k.pattern = ANY (alike.patterns) AND k.permission = ANY (held) AND k.permission <> ALL (wide)),
               l.forbidden, l.acl_ids, l.acl_ids, for_tenant
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

    IF managed <> '{}' THEN
        RETURN QUERY
        SELECT managed, NULL::text[], array_agg(a.id), array_agg(a.id), for_tenant
        FROM bastion.acls a
        WHERE a.tenant_id = for_tenant AND (a.kind = 'user' OR a.kind = 'unit' AND a.unit_id IS NULL);
    END IF;

    -- OFFSET 0 keeps the planner from reading the whole table: a user's part of it is small.
    RETURN QUERY
    SELECT ARRAY(SELECT v.name FROM unnest(giveable, levels) v (name, level) WHERE v.level <= e.level),
           CASE WHEN e.tenant_id <> for_tenant THEN bastion_internal.denied_in_tenant(for_user, e.tenant_id) END,
           e.acl_ids, e.bases, e.tenant_id
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
'Where a user may act in a tenant: permissions, those of them that are forbidden there (NULL: none), the access control lists, those of them on which other lists may be based, and their tenant. See acl_grants().';

CREATE FUNCTION bastion_internal.acl_grants(user_id uuid, tenant_id uuid)
RETURNS TABLE (permissions text[], acl_ids bigint[], cross_tenant boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT a.list, p.acl_ids || coalesce(based.list, '{}'), p.of_tenant <> acl_grants.tenant_id
    FROM bastion_internal.acl_places(acl_grants.user_id, acl_grants.tenant_id) p,
         LATERAL (SELECT CASE WHEN p.forbidden IS NULL THEN p.allowed
                              ELSE ARRAY(SELECT unnest(p.allowed) EXCEPT SELECT unnest(p.forbidden)) END AS list) a,
         LATERAL (SELECT array_agg(x.id) AS list FROM bastion.acls x WHERE x.base_acl_id = ANY (p.bases)) based
    WHERE cardinality(a.list) > 0;
END
$$;
COMMENT ON FUNCTION bastion_internal.acl_grants(uuid, uuid) IS
'What a user may do with which rows in a tenant, as groups of permissions beside access control lists: held in the tenant or in units and not denied there; the user''s own rows; with resource.manage in the whole tenant, those of every user and of units that are gone; what is shared with the user. cross_tenant: lists of other tenants, shared with the user. The same pair may come more than once. Asks neither whether the user nor whether the tenant is active.';

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
'The access control lists of the rows that lie in a unit or in the units below it, those that were shared one by one included.';

CREATE FUNCTION bastion_internal.tenant_grants(user_id uuid) RETURNS TABLE (permissions text[], tenant_ids uuid[])
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    for_user uuid := tenant_grants.user_id;
BEGIN
    RETURN QUERY
    WITH RECURSIVE member AS MATERIALIZED (
        SELECT DISTINCT t.id FROM bastion.tenants t JOIN bastion.memberships_in_force m ON m.tenant_id = t.id
        WHERE m.user_id = for_user AND t.status = 'active'
    ), held AS (
        (SELECT m.tenant_id, m.role_id FROM bastion.memberships_in_force m JOIN member t ON t.id = m.tenant_id
         WHERE m.user_id = for_user AND m.unit_id IS NULL
         UNION
         SELECT NULL::uuid, p.role_id FROM bastion_internal.platform_roles_in_force p WHERE p.user_id = for_user)
        UNION
        SELECT h.tenant_id, rp.parent_id FROM held h JOIN bastion.role_parents rp ON rp.role_id = h.role_id
    ), granted AS MATERIALIZED (
        SELECT h.tenant_id, p.permission
        FROM held h JOIN bastion.role_permissions rp ON rp.role_id = h.role_id
        JOIN bastion_internal.permission_patterns p ON p.pattern = rp.pattern
    ), own AS MATERIALIZED (
        SELECT u.tenant_id, u.effect, p.permission
        FROM bastion_internal.user_permissions_in_force u JOIN bastion_internal.permission_patterns p ON p.pattern = u.pattern
        WHERE u.user_id = for_user AND u.unit_id IS NULL
    ), special AS MATERIALIZED (
        SELECT id FROM member UNION SELECT o.tenant_id FROM own o JOIN bastion.tenants t ON t.id = o.tenant_id AND t.status = 'active'
        WHERE EXISTS (SELECT FROM granted g WHERE g.tenant_id IS NULL)
    ), per_tenant AS (
        SELECT s.id, ARRAY(
            SELECT g.permission FROM granted g WHERE g.tenant_id = s.id OR g.tenant_id IS NULL
            UNION SELECT o.permission FROM own o WHERE o.tenant_id = s.id AND o.effect = 'grant'
            EXCEPT SELECT o.permission FROM own o WHERE o.tenant_id = s.id AND o.effect = 'deny'
            ORDER BY 1) AS list
        FROM special s
    ), everywhere AS (
        SELECT array_agg(DISTINCT g.permission ORDER BY g.permission) AS list FROM granted g WHERE g.tenant_id IS NULL
    )
    SELECT p.list, array_agg(p.id) FROM per_tenant p WHERE cardinality(p.list) > 0 GROUP BY p.list
    UNION ALL
    SELECT e.list, array_agg(t.id) FROM everywhere e, bastion.tenants t
    WHERE e.list IS NOT NULL AND t.status = 'active' AND t.id NOT IN (SELECT s.id FROM special s)
    GROUP BY e.list;
END
$$;
COMMENT ON FUNCTION bastion_internal.tenant_grants(uuid) IS
'What a user holds in which whole tenants, as groups of permissions beside active tenants: through memberships in force, platform roles and grants of the user''s own, less what is denied there.';

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
'When, at the earliest, time alone changes what a user may do in a tenant: the next beginning or end of a membership, grant, deny, platform role or share; infinity when none is ahead.';

-- What a message must name to make cached rights and sets stale. The triggers of the tables send them, and the text beside each tells why
-- these suffice. Memberships and roles count whether in force or not: time is rights_valid_until()'s.
CREATE FUNCTION bastion_internal.rights_concerns(user_id uuid, tenant_id uuid) RETURNS TABLE (scope text, key text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    for_user uuid := rights_concerns.user_id;
    for_tenant uuid := rights_concerns.tenant_id;
BEGIN
    RETURN QUERY
    WITH RECURSIVE places AS MATERIALIZED (
        SELECT DISTINCT m.tenant_id AS place, m.role_id FROM bastion.memberships m WHERE m.user_id = for_user
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
    UNION ALL SELECT 'tenant', x.place::text FROM (SELECT p.place FROM places p UNION SELECT for_tenant) x
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
COMMENT ON FUNCTION bastion_internal.rights_concerns(uuid, uuid) IS
'What the rights and sets of a user in a tenant depend on, beside the user''s own rows: scopes of bastion_internal.invalidate() and the ids that it would name. role: held anywhere, and what it inherits; tenant: this one, and those of memberships; place: the units and lists of this tenant, and of others one of whose default lists is shared with the user; list: the user''s own and such default lists; subject, subject_in: whom shares reach; platform: of who holds a role in every tenant; managers: of who manages everybody''s rows.';


-- Explains why a user has or does not have a permission. The verdict comes from the functions that decide (resolve_identity(),
-- effective_permissions(), acl_grants()); the steps show the path to it. Effects: grants; denies; overruled (would grant, but a deny
-- wins); ignored (would grant or deny, but does not count now or here); nothing.

CREATE FUNCTION bastion_internal.period_note(valid_from timestamptz, valid_until timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN valid_until <= statement_timestamp() THEN 'expired ' || to_char(valid_until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC'
                WHEN valid_from > statement_timestamp() THEN 'begins ' || to_char(valid_from AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC' END
$$;
COMMENT ON FUNCTION bastion_internal.period_note(timestamptz, timestamptz) IS
'The reason why a period is not in force: expired or begins, with the time; NULL if it is in force.';

CREATE FUNCTION bastion_internal.place_note(unit_id uuid) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce((SELECT format('in unit %s and below', u.name) FROM bastion.units u WHERE u.id = place_note.unit_id), 'in the whole tenant') $$;
COMMENT ON FUNCTION bastion_internal.place_note(uuid) IS 'The text for the unit, or the whole tenant, where a right holds.';

CREATE FUNCTION bastion_internal.covers(permission text) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce((SELECT p.patterns FROM bastion.permissions p WHERE p.name = covers.permission), '{}') $$;
COMMENT ON FUNCTION bastion_internal.covers(text) IS 'The patterns that cover a permission; none for one that does not exist.';

-- The roles that a user has in a tenant, and those that they inherit, numbered by id; `targets` has the inherited roles of number n
-- between ends[n - 1] and ends[n], last one first. leads: whether it, or a role that it inherits, holds one of the patterns.
CREATE FUNCTION bastion_internal.explained_roles(user_id uuid, tenant_id uuid, patterns text[],
                                        OUT ids uuid[], OUT names text[], OUT details text[], OUT leads boolean[], OUT ends integer[], OUT targets integer[])
RETURNS record
LANGUAGE sql STABLE PARALLEL SAFE
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE reached AS (
        (SELECT m.role_id AS id FROM bastion.memberships m
         WHERE m.user_id = explained_roles.user_id AND m.tenant_id = explained_roles.tenant_id
         UNION
         SELECT p.role_id FROM bastion.platform_roles p WHERE p.user_id = explained_roles.user_id)
        UNION
        SELECT p.parent_id FROM reached h JOIN bastion.role_parents p ON p.role_id = h.id
    ), known AS MATERIALIZED (
        SELECT r.id, r.name, row_number() OVER (ORDER BY r.id)::integer AS number, ARRAY(
            SELECT rp.pattern FROM bastion.role_permissions rp
            WHERE rp.role_id = r.id AND rp.pattern = ANY (explained_roles.patterns) ORDER BY 1) AS held
        FROM reached h JOIN bastion.roles r ON r.id = h.id
    ), useful AS (
        SELECT k.id FROM known k WHERE k.held <> '{}'
        UNION
        SELECT k.id FROM useful l JOIN bastion.role_parents p ON p.parent_id = l.id JOIN known k ON k.id = p.role_id
    ), edges AS MATERIALIZED (
        SELECT k.number, x.number AS target
        FROM known k JOIN bastion.role_parents p ON p.role_id = k.id JOIN known x ON x.id = p.parent_id
    ), counted AS (
        SELECT k.*, k.id IN (SELECT l.id FROM useful l) AS leads,
               (sum(coalesce(e.edges, 0)) OVER (ORDER BY k.number))::integer AS last
        FROM known k LEFT JOIN (SELECT x.number, count(*) AS edges FROM edges x GROUP BY x.number) e ON e.number = k.number
    )
    SELECT array_agg(c.id ORDER BY c.number), array_agg(c.name::text ORDER BY c.number),
           array_agg(coalesce('holds ' || nullif(array_to_string(c.held, ', '), ''), 'holds nothing that covers it') ORDER BY c.number),
           array_agg(c.leads ORDER BY c.number), array_agg(c.last ORDER BY c.number),
           (SELECT array_agg(e.target ORDER BY e.number, e.target DESC) FROM edges e)
    FROM counted c
$$;
COMMENT ON FUNCTION bastion_internal.explained_roles(uuid, uuid, text[]) IS
'The roles of a user in a tenant and those that they inherit, as arrays: one place for each role and one for each inheritance.';

-- places: the units whose roles and denies count, beside those of the whole tenant. Below each membership, a role is followed by
-- those that it inherits once: the number of paths through a few layers of roles is beyond any bound.
CREATE FUNCTION bastion_internal.explain_roles(user_id uuid, permission text, tenant_id uuid, places uuid[], denied boolean)
RETURNS TABLE (depth integer, kind text, subject text, detail text, effect text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    source record;
    -- Variables, whose elements are found without a search.
    ids uuid[];
    names text[];
    details text[];
    leads boolean[];
    ends integer[];
    targets integer[];
    listed boolean[];
    roles integer[];
    levels integer[];
    waiting integer;
    role integer;
    level integer;
    elsewhere boolean;
    outcome text;
BEGIN
    SELECT g.ids, g.names, g.details, g.leads, g.ends, g.targets INTO ids, names, details, leads, ends, targets
    FROM bastion_internal.explained_roles(explain_roles.user_id, explain_roles.tenant_id, bastion_internal.covers(permission)) g;
    FOR source IN
        SELECT 'membership' AS kind, m.role_id, r.name, m.unit_id, bastion_internal.place_note(m.unit_id) AS place, bastion_internal.period_note(m.valid_from, m.valid_until) AS note
        FROM bastion.memberships m JOIN bastion.roles r ON r.id = m.role_id
        WHERE m.user_id = explain_roles.user_id AND m.tenant_id = explain_roles.tenant_id
        UNION ALL
        SELECT 'platform role', p.role_id, r.name, NULL, 'in every tenant', bastion_internal.period_note(p.valid_from, p.valid_until)
        FROM bastion.platform_roles p JOIN bastion.roles r ON r.id = p.role_id WHERE p.user_id = explain_roles.user_id
        ORDER BY 1, 5 DESC, 3
    LOOP
        elsewhere := source.unit_id IS NOT NULL AND source.unit_id <> ALL (places);
        outcome := CASE WHEN source.note IS NOT NULL OR elsewhere THEN 'ignored' WHEN denied THEN 'overruled' ELSE 'grants' END;
        role := array_position(ids, source.role_id);
        depth := 0;
        kind := source.kind;
        subject := source.name;
        detail := concat_ws(', ', source.place, source.note,
                            CASE WHEN elsewhere THEN 'does not hold where it is asked for' END);
        effect := CASE WHEN leads[role] THEN outcome ELSE 'nothing' END;
        RETURN NEXT;
        listed := array_fill(false, ARRAY[cardinality(ids)]);
        roles := ARRAY[role];
        levels := ARRAY[1];
        waiting := 1;
        WHILE waiting > 0 LOOP
            role := roles[waiting];
            level := levels[waiting];
            waiting := waiting - 1;
            depth := level;
            kind := CASE level WHEN 1 THEN 'role' ELSE 'inherited role' END;
            subject := names[role];
            detail := CASE WHEN listed[role] THEN 'as above' ELSE details[role] END;
            effect := CASE WHEN leads[role] THEN outcome ELSE 'nothing' END;
            RETURN NEXT;
            IF listed[role] THEN
                CONTINUE;
            END IF;
            listed[role] := true;
            FOR place IN coalesce(ends[role - 1], 0) + 1 .. ends[role] LOOP
                waiting := waiting + 1;
                roles[waiting] := targets[place];
                levels[waiting] := level + 1;
            END LOOP;
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION bastion_internal.explain_roles(uuid, text, uuid, uuid[], boolean) IS
'The steps from memberships and platform roles of a user to a permission, each with its role and the roles it inherits. A role that is inherited in several ways has its own inherited roles below its first place, and "as above" in the others.';

-- Grants and denies count in different units: on a row without an ACL, a grant in the chosen unit only does not count.
CREATE FUNCTION bastion_internal.explain_own(user_id uuid, permission text, tenant_id uuid, grant_places uuid[], deny_places uuid[], denied boolean)
RETURNS TABLE (depth integer, kind text, subject text, detail text, effect text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 0, p.effect, p.pattern,
           concat_ws(', ', bastion_internal.place_note(p.unit_id), p.note, CASE WHEN p.elsewhere THEN 'does not hold where it is asked for' END),
           CASE WHEN p.note IS NOT NULL OR p.elsewhere THEN 'ignored' WHEN p.effect = 'deny' THEN 'denies'
                WHEN explain_own.denied THEN 'overruled' ELSE 'grants' END
    FROM (SELECT x.*, bastion_internal.period_note(x.valid_from, x.valid_until) AS note,
                 x.unit_id IS NOT NULL AND x.unit_id <> ALL (CASE x.effect WHEN 'deny' THEN deny_places ELSE grant_places END) AS elsewhere
          FROM bastion.user_permissions x
          WHERE x.user_id = explain_own.user_id AND x.tenant_id = explain_own.tenant_id
            AND x.pattern = ANY (bastion_internal.covers(explain_own.permission))) p
    ORDER BY p.effect DESC, p.pattern
$$;
COMMENT ON FUNCTION bastion_internal.explain_own(uuid, text, uuid, uuid[], uuid[], boolean) IS
'The steps for the user''s own grants and denies that cover a permission.';

-- Whether a deny counts in the whole tenant, or in one of the units.
CREATE FUNCTION bastion_internal.is_denied(user_id uuid, permission text, tenant_id uuid, places uuid[]) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM bastion_internal.user_permissions_in_force p
                   WHERE p.user_id = is_denied.user_id AND p.tenant_id = is_denied.tenant_id AND p.effect = 'deny'
                     AND (p.unit_id IS NULL OR p.unit_id = ANY (is_denied.places))
                     AND p.pattern = ANY (bastion_internal.covers(is_denied.permission)))
$$;
COMMENT ON FUNCTION bastion_internal.is_denied(uuid, text, uuid, uuid[]) IS
'Whether a user is denied a permission in a tenant, or in one of these units.';

-- Lists only the shares that reach the user, and counts the others, which the caller may not see.
CREATE FUNCTION bastion_internal.explain_shares(user_id uuid, permission text, tenant_id uuid, lists bigint[], anywhere boolean)
RETURNS TABLE (depth integer, kind text, subject text, detail text, effect text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    WITH met AS (
        SELECT e.*, (SELECT bool_or(s.everywhere OR e.tenant_id = explain_shares.tenant_id)
                     FROM bastion_internal.share_subjects(explain_shares.user_id, explain_shares.tenant_id) s
                     WHERE s.subject_kind = e.subject_kind AND s.subject_id = e.subject_id) AS reaches,
               coalesce(n.name, r.name, t.name) AS name
        FROM bastion.acl_entries e
        LEFT JOIN bastion.units n ON e.subject_kind = 'unit' AND n.id = e.subject_id
        LEFT JOIN bastion.roles r ON e.subject_kind = 'role' AND r.id = e.subject_id
        LEFT JOIN bastion.tenants t ON e.subject_kind = 'tenant' AND t.id = e.subject_id
        WHERE e.acl_id = ANY (explain_shares.lists)
    ), judged AS (
        SELECT m.*, bastion_internal.period_note(NULL, m.valid_until) AS note, regexp_replace(explain_shares.permission, '^.*[.]', '') AS action,
               m.tenant_id <> explain_shares.tenant_id AS crosses
        FROM met m WHERE m.reaches
    )
    SELECT 0, 'share', concat_ws(' ', 'with', CASE j.subject_kind WHEN 'user' THEN 'the' END, j.subject_kind, j.name),
           concat_ws(', ', 'level ' || bastion_internal.level_name(j.level), j.note,
                     CASE WHEN j.action = 'create' THEN 'no share lets anybody create'
                          WHEN j.level < bastion_internal.action_level(j.action) THEN 'too low for ' || j.action END,
                     CASE WHEN j.crosses AND NOT explain_shares.anywhere THEN 'the table is not shared across tenants' END),
           CASE WHEN j.note IS NOT NULL OR j.action = 'create' OR j.level < bastion_internal.action_level(j.action)
                     OR j.crosses AND NOT explain_shares.anywhere THEN 'ignored'
                WHEN bastion_internal.is_denied(explain_shares.user_id, explain_shares.permission, explain_shares.tenant_id, '{}')
                     OR bastion_internal.is_denied(explain_shares.user_id, explain_shares.permission, j.tenant_id, '{}') THEN 'overruled'
                ELSE 'grants' END
    FROM judged j
    UNION ALL
    SELECT 0, 'share', format('%s more', count(*)), 'with others', 'nothing' FROM met m WHERE m.reaches IS NOT TRUE HAVING count(*) > 0
$$;
COMMENT ON FUNCTION bastion_internal.explain_shares(uuid, text, uuid, bigint[], boolean) IS
'The steps for the shares of a row that reach a user.';

CREATE FUNCTION bastion_internal.explained_row(spec bastion.protected_tables, key text, tenant_id uuid, OUT tenant uuid, OUT acl_id bigint)
RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_row jsonb;
    query text := format('SELECT pg_catalog.jsonb_build_array(%I::pg_catalog.text, %s)::pg_catalog.text FROM %s WHERE ', spec.tenant_column,
                         CASE WHEN bastion_internal.acl_column(spec) IS NULL THEN 'NULL' ELSE quote_ident(bastion_internal.acl_column(spec)) || '::pg_catalog.text' END,
                         spec.relation);
BEGIN
    found_row := bastion_internal.as_table_owner(spec.relation, query || bastion_internal.tenant_condition(spec) || ' AND ' || bastion_internal.key_condition(spec),
                                        key, bastion_internal.tenant_value(spec, tenant_id));
    IF found_row IS NULL THEN
        found_row := bastion_internal.as_table_owner(spec.relation, query || bastion_internal.key_condition(spec) || ' ORDER BY 1 LIMIT 1', key);
    END IF;
    SELECT t.id, (found_row ->> 1)::bigint INTO explained_row.tenant, explained_row.acl_id FROM bastion.tenants t
    WHERE t.id = bastion_internal.uuid_or_null(found_row ->> 0) OR t.number::text = found_row ->> 0;
END
$$;
COMMENT ON FUNCTION bastion_internal.explained_row(bastion.protected_tables, text, uuid) IS
'Finds the tenant and ACL of a row, first in one tenant and then in the others; NULL for none. For operators.';

CREATE FUNCTION bastion_internal.list_note(list bastion.acls, user_id uuid, by_role boolean) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE list.kind
        WHEN 'tenant' THEN 'what everybody in the tenant may by role'
        WHEN 'unit' THEN coalesce(format('what the members of unit %s may', (SELECT u.name FROM bastion.units u WHERE u.id = list.unit_id)),
                                  'of a unit that is gone')
        WHEN 'user' THEN CASE WHEN list.user_id = list_note.user_id THEN 'the user''s own rows' || CASE WHEN by_role THEN ', as far as roles in the tenant allow' ELSE '' END
                         WHEN list.user_id IS NULL THEN 'of an owner who is gone'
                              ELSE 'the rows of another user' END
        WHEN 'nobody' THEN 'of rows without an owner'
        WHEN 'row' THEN 'of this row alone'
        ELSE 'unknown to the extension' END
$$;
COMMENT ON FUNCTION bastion_internal.list_note(bastion.acls, uuid, boolean) IS 'The text that describes an ACL; by_role: on its own rows, a user may do what roles allow.';

-- The rights that an ACL adds to roles: those of its owner, the right to manage everybody's rows, and shares.
CREATE FUNCTION bastion_internal.explain_list(user_id uuid, permission text, tenant_id uuid, acl_id bigint, anywhere boolean)
RETURNS TABLE (depth integer, kind text, subject text, detail text, effect text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    list bastion.acls;
    base bastion.acls;
    manage text := regexp_replace(permission, '[.][^.]*$', '') || '.manage';
    held_wide boolean := EXISTS (SELECT FROM bastion_internal.rights_in_force(explain_list.user_id, explain_list.tenant_id) r
                                 WHERE r.unit_id IS NULL AND r.effect = 'grant' AND r.pattern = ANY (bastion_internal.covers(permission)));
    manages boolean := EXISTS (SELECT FROM bastion_internal.rights_in_force(explain_list.user_id, explain_list.tenant_id) r
                               WHERE r.unit_id IS NULL AND r.effect = 'grant' AND r.pattern = ANY (bastion_internal.covers(manage)))
                       AND NOT bastion_internal.is_denied(explain_list.user_id, manage, explain_list.tenant_id, '{}');
    own_outcome text;
    outcome text := CASE WHEN bastion_internal.is_denied(explain_list.user_id, permission, explain_list.tenant_id, '{}') THEN 'overruled' ELSE 'grants' END;
    manage_own text := regexp_replace(permission, '[.][^.]*$', '') || '.manage_own';
    by_role boolean := regexp_replace(permission, '[.][^.]*$', '') = ANY (bastion_internal.resources_by_role());
BEGIN
    SELECT * INTO list FROM bastion.acls a WHERE a.id = explain_list.acl_id;
    SELECT * INTO base FROM bastion.acls a WHERE a.id = list.base_acl_id;
    IF permission LIKE '%.create' AND NOT EXISTS (
        SELECT FROM bastion_internal.rights_in_force(explain_list.user_id, explain_list.tenant_id) r WHERE r.effect = 'grant' AND r.pattern = ANY (bastion_internal.covers(permission))) THEN
        outcome := 'nothing';
    END IF;
    own_outcome := outcome;
    IF by_role AND NOT held_wide AND NOT (
            EXISTS (SELECT FROM bastion_internal.rights_in_force(explain_list.user_id, explain_list.tenant_id) r
                    WHERE r.unit_id IS NULL AND r.effect = 'grant' AND r.pattern = ANY (bastion_internal.covers(manage_own)))
            AND NOT bastion_internal.is_denied(explain_list.user_id, manage_own, explain_list.tenant_id, '{}')) THEN
        own_outcome := 'ignored';
    END IF;
    RETURN QUERY SELECT 0, 'list', format('%s list %s', coalesce(list.kind, 'no'), explain_list.acl_id), bastion_internal.list_note(list, explain_list.user_id, by_role),
                        CASE WHEN list.user_id = explain_list.user_id AND list.tenant_id = explain_list.tenant_id THEN own_outcome ELSE 'nothing' END;
    IF base.id IS NOT NULL THEN
        RETURN QUERY SELECT 1, 'list', format('%s list %s before', base.kind, base.id), bastion_internal.list_note(base, explain_list.user_id, by_role),
                            CASE WHEN base.user_id = explain_list.user_id AND base.tenant_id = explain_list.tenant_id THEN own_outcome ELSE 'nothing' END;
    END IF;
    IF manages AND list.tenant_id = explain_list.tenant_id AND coalesce(base.kind, list.kind) IN ('user', 'unit', 'nobody') AND coalesce(base.unit_id, list.unit_id) IS NULL THEN
        RETURN QUERY SELECT 0, 'manage', manage, 'held in the whole tenant: everybody''s rows', outcome;
    END IF;
    RETURN QUERY SELECT * FROM bastion_internal.explain_shares(explain_list.user_id, permission, explain_list.tenant_id,
                                                      array_remove(ARRAY[list.id, base.id], NULL), anywhere);
END
$$;
COMMENT ON FUNCTION bastion_internal.explain_list(uuid, text, uuid, bigint, boolean) IS
'The steps for the ACL of a row: rights of its owner, of users who manage everybody''s rows, and of shares.';

-- Roles in units reach only the ACL of a unit; other ACLs need a role in the whole tenant.
CREATE FUNCTION bastion_internal.list_places(acl_id bigint) RETURNS uuid[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(c.ancestor_id), '{}')
    FROM bastion.acls a LEFT JOIN bastion.acls b ON b.id = a.base_acl_id
    JOIN bastion.unit_closure c ON c.descendant_id = coalesce(b.unit_id, a.unit_id)
    WHERE a.id = list_places.acl_id
$$;
COMMENT ON FUNCTION bastion_internal.list_places(bigint) IS
'The units whose roles reach the rows with this ACL: its unit and the units above it.';

CREATE FUNCTION bastion_internal.list_by_role(acl_id bigint, tenant_id uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM bastion.acls a LEFT JOIN bastion.acls b ON b.id = a.base_acl_id
                   WHERE a.id = list_by_role.acl_id AND a.tenant_id = list_by_role.tenant_id
                     AND (coalesce(b.kind, a.kind) = 'tenant' OR coalesce(b.unit_id, a.unit_id) IS NOT NULL))
$$;
COMMENT ON FUNCTION bastion_internal.list_by_role(bigint, uuid) IS
'Whether roles in a tenant reach the rows with this ACL: it is the ACL of the tenant or of a unit.';

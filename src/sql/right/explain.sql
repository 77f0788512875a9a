
-- explain_access() and its variants. The verdict is the decision of a policy for the user working in the tenant and unit. Without a
-- table, it is that of has_permission(). On a table without sharing, the rights in the whole tenant and the tenant of the row decide;
-- on a table under sharing, the ACL of the row does.

CREATE FUNCTION bastion_internal.access_verdict(user_id uuid, permission text, tenant_id uuid, unit_id uuid, spec bastion.protected_tables,
                                       row_tenant uuid, acl_id bigint, manages boolean)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN (bastion_internal.resolve_identity(access_verdict.user_id, access_verdict.tenant_id::text, access_verdict.unit_id::text)).status <> 'ok' THEN false
        WHEN acl_id IS NOT NULL THEN
            (row_tenant = tenant_id OR spec.options ->> 'sharing' = 'cross_tenant') AND EXISTS (
                SELECT FROM bastion_internal.acl_grants(access_verdict.user_id, access_verdict.tenant_id) g
                WHERE access_verdict.permission = ANY (g.permissions) AND access_verdict.acl_id = ANY (g.acl_ids)
                  AND (NOT g.cross_tenant OR spec.options ->> 'sharing' = 'cross_tenant') AND (manages OR NOT g.by_manage))
        ELSE row_tenant = tenant_id AND EXISTS (
            SELECT FROM bastion_internal.effective_permissions(access_verdict.user_id, access_verdict.tenant_id, access_verdict.unit_id) p
            WHERE p.permission = access_verdict.permission AND (p.tenant_wide OR spec.relation IS NULL)) END
$$;
COMMENT ON FUNCTION bastion_internal.access_verdict(uuid, text, uuid, uuid, bastion.protected_tables, uuid, bigint, boolean) IS
'The decision of a policy, computed with the functions whose results the library caches. Without sharing, acl_id is NULL. manages: what resource.manage opens counts.';

CREATE FUNCTION bastion_internal.access_obstacles(user_id uuid, permission text, tenant_id uuid, unit_id uuid)
RETURNS TABLE (depth integer, kind text, subject text, detail text, effect text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 0, 'user', coalesce(u.email, access_obstacles.user_id::text, 'none'), coalesce(u.status, 'does not exist'),
           CASE WHEN u.status = 'active' THEN 'nothing' ELSE 'denies' END
    FROM (SELECT) x LEFT JOIN bastion.users u ON u.id = access_obstacles.user_id
    UNION ALL
    SELECT 0, 'tenant', coalesce(t.slug, 'none'), coalesce(t.status, 'does not exist'), CASE WHEN t.status = 'active' THEN 'nothing' ELSE 'denies' END
    FROM (SELECT) x LEFT JOIN bastion.tenants t ON t.id = access_obstacles.tenant_id
    UNION ALL
    SELECT 0, 'permission', coalesce(access_obstacles.permission, 'none'), CASE WHEN p.name IS NULL THEN 'does not exist, so nobody holds it'
                 WHEN starts_with(p.name, 'own.') THEN 'held by everybody over what is their own' ELSE 'exists' END,
           CASE WHEN p.name IS NULL THEN 'denies' WHEN starts_with(p.name, 'own.') THEN 'grants' ELSE 'nothing' END
    FROM (SELECT) x LEFT JOIN bastion.permissions p ON p.name = access_obstacles.permission
    UNION ALL
    SELECT 0, 'unit', coalesce(n.name, 'none'), CASE WHEN n.id IS NULL THEN 'not in the tenant' ELSE 'no role holds in it' END, 'denies'
    FROM (SELECT) x LEFT JOIN bastion.units n ON n.id = access_obstacles.unit_id AND n.tenant_id = access_obstacles.tenant_id
    WHERE access_obstacles.unit_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM bastion_internal.roles_in_force(access_obstacles.user_id, access_obstacles.tenant_id, access_obstacles.unit_id) WHERE n.id IS NOT NULL)
    UNION ALL
    SELECT 0, 'membership', 'none', 'no membership in force in the tenant, and no role in every tenant', 'denies'
    WHERE NOT EXISTS (SELECT FROM bastion.memberships_in_force m WHERE m.user_id = access_obstacles.user_id AND m.tenant_id = access_obstacles.tenant_id)
      AND NOT EXISTS (SELECT FROM bastion_internal.platform_roles_in_force p WHERE p.user_id = access_obstacles.user_id)
$$;
COMMENT ON FUNCTION bastion_internal.access_obstacles(uuid, text, uuid, uuid) IS
'The steps for the conditions of every access: an active user and tenant, a membership in force, a permission that exists. They show the user''s name: explain_member_access() shows it to users who manage members, explain_access() to operators.';

-- What takes a right away in a transaction, and leaves the user's rights as they are. Scopes and the state of a session are known of the
-- credential that asks alone; the rules are known of every user.
CREATE FUNCTION bastion_internal.access_masks(user_id uuid, permission text, tenant_id uuid, places uuid[])
RETURNS TABLE (depth integer, kind text, subject text, detail text, effect text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 5
SET search_path = pg_catalog, pg_temp
AS $$
    WITH asks AS MATERIALIZED (
        SELECT (access_masks.user_id, access_masks.tenant_id) IS NOT DISTINCT FROM (bastion.user_id(), bastion.tenant_id()) AS itself
    ), credentials AS (
        SELECT 'API key' AS kind, k.name AS subject, k.scopes, k.unit_id FROM bastion.api_keys k WHERE k.id = bastion.api_key_id()
        UNION ALL
        SELECT 'delegation', coalesce(u.email, d.actor_id::text), d.scopes, d.unit_id
        FROM bastion.delegations d LEFT JOIN bastion.users u ON u.id = d.actor_id WHERE d.id = bastion.delegation_id()
    )
    SELECT 0, 'step-up rule', CASE r.pattern WHEN '' THEN 'second factor in the tenant' ELSE r.pattern END,
           concat_ws(', ', 'needs level ' || r.level, 'proved within ' || extract(epoch FROM r.max_age)::bigint || ' s', CASE WHEN u.unmet THEN 'which this transaction has not' END),
           CASE WHEN u.unmet THEN 'denies' ELSE 'nothing' END
    FROM asks, bastion_internal.step_up_rules_of(access_masks.user_id, access_masks.tenant_id) r,
         LATERAL (SELECT asks.itself AND EXISTS (SELECT FROM bastion_internal.step_up_unmet() n
                  WHERE (n.pattern, n.level, n.max_age) IS NOT DISTINCT FROM (r.pattern, r.level, r.max_age))) u (unmet)
    WHERE (r.rule_tenant_id IS NULL OR r.rule_tenant_id = access_masks.tenant_id)
      AND CASE r.pattern WHEN '' THEN NOT starts_with(access_masks.permission, 'own.') ELSE r.pattern = ANY (bastion_internal.covers(access_masks.permission)) END
    UNION ALL
    SELECT 0, c.kind, c.subject, concat_ws(', ', CASE WHEN v.scoped THEN 'its scopes cover it' ELSE 'its scopes do not cover it' END,
                                           CASE WHEN NOT v.placed THEN 'it reaches another unit alone' END),
           CASE WHEN v.scoped AND v.placed THEN 'nothing' ELSE 'denies' END
    FROM asks, credentials c,
         LATERAL (SELECT c.scopes && bastion_internal.covers(access_masks.permission), c.unit_id IS NULL OR c.unit_id = ANY (access_masks.places)) v (scoped, placed)
    WHERE asks.itself
    UNION ALL
    SELECT 0, 'impersonation', coalesce(bastion.whoami() ->> 'actor', 'an operator'), 'gives nothing that belongs to the user', 'denies'
    FROM asks WHERE asks.itself AND starts_with(access_masks.permission, 'own.') AND bastion.whoami() ->> 'method' = 'impersonation'
$$;
COMMENT ON FUNCTION bastion_internal.access_masks(uuid, text, uuid, uuid[]) IS
'The steps for step-up rules that cover the permission, and for the scopes of the API key or delegation of this transaction if it is the user''s own. Only a rule that the user''s own transaction does not meet denies.';

CREATE FUNCTION bastion_internal.protected_spec(relation regclass) RETURNS bastion.protected_tables
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    spec bastion.protected_tables;
BEGIN
    SELECT n.* INTO spec FROM bastion.protected_tables p, bastion_internal.protection_now(p) n
    WHERE p.relation = bastion_internal.protect_root(protected_spec.relation);
    IF NOT FOUND AND relation IS NOT NULL THEN
        RAISE EXCEPTION 'table is not protected' USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Its owner calls bastion.protect().';
    END IF;
    RETURN spec;
END
$$;
COMMENT ON FUNCTION bastion_internal.protected_spec(regclass) IS
'The protection of a table; NULL for NULL. SQLSTATE 55000 for a table that is not protected.';

-- found_tenant and found_acl are the tenant and ACL of the row with this key, NULL for none.
-- Many small statements: compiling one costs more than all of them.
CREATE FUNCTION bastion_internal.access_steps(user_id uuid, permission text, spec bastion.protected_tables, key text, tenant_id uuid,
                                     unit_id uuid, found_tenant uuid, found_acl bigint)
RETURNS TABLE (step integer, depth integer, kind text, subject text, detail text, effect text, decisive boolean)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    row_tenant uuid := access_steps.tenant_id;
    list bigint;
    anywhere boolean;
    places uuid[] := ARRAY(SELECT c.ancestor_id FROM bastion.unit_closure c WHERE c.descendant_id = access_steps.unit_id);
    grant_places uuid[];
    denied boolean;
    by_role boolean;
    manages boolean;
    verdict boolean;
BEGIN
    IF spec.relation IS NOT NULL THEN
        anywhere := spec.options ->> 'sharing' = 'cross_tenant';
        IF key IS NOT NULL THEN
            row_tenant := found_tenant;
            list := found_acl;
        ELSIF spec.options ? 'sharing' AND permission NOT LIKE '%.create' THEN
            list := (SELECT t.acl_id FROM bastion.tenants t WHERE t.id = access_steps.tenant_id);
        END IF;
        places := CASE WHEN list IS NOT NULL THEN bastion_internal.list_places(list) ELSE places END;
    END IF;
    -- on rows without ACLs the chosen unit grants nothing, but its denies count
    grant_places := CASE WHEN list IS NULL AND spec.relation IS NOT NULL THEN '{}' ELSE places END;
    by_role := coalesce(CASE WHEN list IS NULL THEN row_tenant = access_steps.tenant_id ELSE bastion_internal.list_by_role(list, access_steps.tenant_id) END, false);
    denied := bastion_internal.is_denied(access_steps.user_id, permission, access_steps.tenant_id, places);
    manages := NOT EXISTS (SELECT FROM bastion_internal.access_masks(access_steps.user_id, regexp_replace(permission, '[.][^.]*$', '') || '.manage', access_steps.tenant_id, places) m WHERE m.effect = 'denies');
    verdict := coalesce(bastion_internal.access_verdict(access_steps.user_id, permission, access_steps.tenant_id, access_steps.unit_id, spec, row_tenant, list, manages), false)
        AND NOT EXISTS (SELECT FROM bastion_internal.access_masks(access_steps.user_id, permission, access_steps.tenant_id, places) m WHERE m.effect = 'denies');
    RETURN QUERY
    WITH steps AS (
        SELECT 1 AS part, o.* FROM bastion_internal.access_obstacles(access_steps.user_id, permission, access_steps.tenant_id, access_steps.unit_id) o
        UNION ALL
        SELECT 2, 0, 'row', format('%s %s', spec.relation, key),
               CASE WHEN row_tenant IS NULL THEN 'does not exist' WHEN row_tenant <> access_steps.tenant_id THEN 'is in another tenant' ELSE 'is in the tenant' END,
               CASE WHEN row_tenant IS NULL OR row_tenant <> access_steps.tenant_id AND anywhere IS NOT TRUE THEN 'denies' ELSE 'nothing' END
        WHERE spec.relation IS NOT NULL AND key IS NOT NULL
        UNION ALL
        SELECT 3, r.depth, r.kind, r.subject, r.detail, CASE WHEN r.effect IN ('grants', 'overruled') AND NOT by_role THEN 'ignored' ELSE r.effect END
        FROM bastion_internal.explain_roles(access_steps.user_id, permission, access_steps.tenant_id, grant_places, denied) r
        UNION ALL
        SELECT 4, o.depth, o.kind, o.subject, o.detail, CASE WHEN o.effect IN ('grants', 'overruled') AND NOT by_role THEN 'ignored' ELSE o.effect END
        FROM bastion_internal.explain_own(access_steps.user_id, permission, access_steps.tenant_id, grant_places, places, denied) o
        UNION ALL
        SELECT 5, l.depth, l.kind, l.subject, l.detail, CASE WHEN l.kind = 'manage' AND NOT manages THEN 'ignored' ELSE l.effect END
        FROM bastion_internal.explain_list(access_steps.user_id, permission, access_steps.tenant_id, list, anywhere) l WHERE list IS NOT NULL
        UNION ALL
        SELECT 6, m.* FROM bastion_internal.access_masks(access_steps.user_id, permission, access_steps.tenant_id, places) m
    ), decided AS (
        SELECT s.*, s.effect = CASE WHEN verdict THEN 'grants' ELSE 'denies' END AS decisive,
               row_number() OVER (ORDER BY s.part) AS place
        FROM steps s
    )
    SELECT d.place::integer, d.depth, d.kind, d.subject, d.detail, d.effect, d.decisive FROM decided d
    UNION ALL
    SELECT (count(*) + 1)::integer, 0, 'verdict', CASE WHEN verdict THEN 'granted' ELSE 'denied' END,
           CASE WHEN bool_or(d.decisive) THEN 'by what is marked' ELSE 'nothing grants it' END,
           CASE WHEN verdict THEN 'grants' ELSE 'denies' END, bool_or(d.decisive) IS NOT TRUE
    FROM decided d
    ORDER BY 1;
END
$$;
COMMENT ON FUNCTION bastion_internal.access_steps(uuid, text, bastion.protected_tables, text, uuid, uuid, uuid, bigint) IS
'The steps of explain_access(), about a table and the row that was found for a key, if any.';

CREATE FUNCTION bastion_internal.access_picture(step integer, depth integer, kind text, subject text, detail text, effect text, decisive boolean)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT repeat('  ', least(depth, 100)) || CASE WHEN decisive THEN '* ' ELSE '  ' END || kind || ' ' || subject || ': ' || detail
        || CASE WHEN effect = 'nothing' THEN '' ELSE ' -> ' || effect END
$$;
COMMENT ON FUNCTION bastion_internal.access_picture(integer, integer, text, text, text, text, boolean) IS
'One step of explain_access() as a line.';
SELECT bastion_internal.callable_by('bastion_internal.access_picture(integer, integer, text, text, text, text, boolean)', 'application');

CREATE FUNCTION bastion_internal.explained_tenant(user_id uuid, tenant text) RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    places uuid[];
BEGIN
    IF tenant IS NOT NULL OR bastion.tenant_id() IS NOT NULL THEN
        RETURN CASE WHEN tenant IS NULL THEN bastion.tenant_id() ELSE bastion_internal.find_tenant(tenant) END;
    END IF;
    SELECT array_agg(DISTINCT m.tenant_id) INTO places FROM bastion.memberships m WHERE m.user_id = explained_tenant.user_id;
    IF cardinality(places) IS DISTINCT FROM 1 THEN
        RAISE EXCEPTION 'a tenant must be specified' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'The user is a member of several tenants, or of none.';
    END IF;
    RETURN places[1];
END
$$;
COMMENT ON FUNCTION bastion_internal.explained_tenant(uuid, text) IS
'The tenant to explain: the named one, that of the context, or the user''s only one. SQLSTATE 22023 otherwise.';

CREATE FUNCTION bastion.explain_access(user_id uuid, permission text, relation regclass DEFAULT NULL, key text DEFAULT NULL,
                                       tenant text DEFAULT NULL, unit text DEFAULT NULL)
RETURNS TABLE (step integer, depth integer, kind text, subject text, detail text, effect text, decisive boolean)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place uuid := bastion_internal.explained_tenant(user_id, tenant);
    place_unit uuid := bastion_internal.require_unit(place, unit);
    spec bastion.protected_tables := bastion_internal.protected_spec(relation);
    found_row record;
BEGIN
    SELECT r.* INTO found_row FROM bastion_internal.explained_row(spec, key, place) r WHERE spec.relation IS NOT NULL AND key IS NOT NULL;
    RETURN QUERY SELECT * FROM bastion_internal.access_steps(explain_access.user_id, permission, spec, key, place, place_unit,
                                                    found_row.tenant, found_row.acl_id);
END
$$;
COMMENT ON FUNCTION bastion.explain_access(uuid, text, regclass, text, text, text) IS
'Explains why a user has or does not have a permission in a tenant (uuid or slug; NULL: that of the context, or the user''s only one) and unit.
Without a table, it explains has_permission(); with a table, access to rows that everybody reaches by role; with a key (the primary key as text), access to that row.
A step-up rule shows what a session must have proved. For the user of this transaction, in its tenant, the verdict is that of this transaction: an unmet rule, the scopes and unit of its API key or delegation, and impersonation deny.
Returns a row per step; the last is the verdict, which is the decision of the policies. kind: user, tenant, permission, unit, membership, role, inherited role, platform role, grant, deny, row, list, manage, share, step-up rule, API key, delegation, impersonation, verdict. effect: grants, denies, overruled (would grant, but a deny wins), ignored (does not count now or here) or nothing. decisive marks the steps that decided.
For operators: EXECUTE is granted to nobody.
SQLSTATE 0A000 for a key in a table without a simple primary key, 22023 when no tenant can be determined, 22P02 for a malformed key, 42704 for an unknown unit, 55000 for a table that is not protected, 28000 when a token was presented and refused.';

CREATE FUNCTION bastion.explain_access(for_user text, permission text, relation regclass DEFAULT NULL, key text DEFAULT NULL,
                                       tenant text DEFAULT NULL, unit text DEFAULT NULL)
RETURNS TABLE (step integer, depth integer, kind text, subject text, detail text, effect text, decisive boolean)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT * FROM bastion.explain_access(bastion_internal.any_user_named(for_user), permission, relation, key, tenant, unit)
$$;
COMMENT ON FUNCTION bastion.explain_access(text, text, regclass, text, text, text) IS
'explain_access() for a user who is named by uuid, e-mail address or user name.
For operators: EXECUTE is granted to nobody.
SQLSTATE 0A000 for a key in a table without a simple primary key, 22023 when no tenant can be determined, 22P02 for a malformed key, 42704 for an unknown unit, 55000 for a table that is not protected, 28000 when a token was presented and refused.';

CREATE FUNCTION bastion.explain_access_text(user_id uuid, permission text, relation regclass DEFAULT NULL, key text DEFAULT NULL,
                                            tenant text DEFAULT NULL, unit text DEFAULT NULL)
RETURNS SETOF text
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.access_picture(s.step, s.depth, s.kind, s.subject, s.detail, s.effect, s.decisive)
    FROM bastion.explain_access(user_id, permission, relation, key, tenant, unit) s ORDER BY s.step
$$;
COMMENT ON FUNCTION bastion.explain_access_text(uuid, text, regclass, text, text, text) IS
'explain_access() as indented text, a line per step; * marks the steps that decided.
For operators: EXECUTE is granted to nobody.
SQLSTATE 0A000 for a key in a table without a simple primary key, 22023 when no tenant can be determined, 22P02 for a malformed key, 42704 for an unknown unit, 55000 for a table that is not protected, 28000 when a token was presented and refused.';

CREATE FUNCTION bastion.explain_access_text(for_user text, permission text, relation regclass DEFAULT NULL, key text DEFAULT NULL,
                                            tenant text DEFAULT NULL, unit text DEFAULT NULL)
RETURNS SETOF text
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT * FROM bastion.explain_access_text(bastion_internal.any_user_named(for_user), permission, relation, key, tenant, unit)
$$;
COMMENT ON FUNCTION bastion.explain_access_text(text, text, regclass, text, text, text) IS
'explain_access_text() for a user who is named by uuid, e-mail address or user name.
For operators: EXECUTE is granted to nobody.
SQLSTATE 0A000 for a key in a table without a simple primary key, 22023 when no tenant can be determined, 22P02 for a malformed key, 42704 for an unknown unit, 55000 for a table that is not protected, 28000 when a token was presented and refused.';

-- explain_member_access() reads the row as the caller: see share.sql.
CREATE FUNCTION bastion_internal.explained_member_row(user_id uuid, permission text, relation regclass, key text, unit text,
                                             OUT root oid, OUT query text, OUT tenant_value text, OUT acl_column text, OUT tenant_column text)
RETURNS record
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    spec bastion.protected_tables;
BEGIN
    PERFORM bastion_internal.require_permission('tenant.members.manage', NULL);
    IF NOT EXISTS (SELECT FROM bastion.memberships m WHERE m.user_id = explained_member_row.user_id AND m.tenant_id = tenant) THEN
        RAISE EXCEPTION 'member does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    PERFORM bastion_internal.require_unit(tenant, unit);
    spec := bastion_internal.protected_spec(relation);
    SELECT s.* INTO root, query, tenant_value, acl_column, tenant_column
    FROM bastion_internal.row_search(spec, tenant, '') s WHERE spec.relation IS NOT NULL AND key IS NOT NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.explained_member_row(uuid, text, regclass, text, text) IS
'The first step of explain_member_access(): checks the caller, and returns how to find the row; NULL without a key.';

CREATE FUNCTION bastion_internal.explain_member_row(user_id uuid, permission text, relation regclass, key text, unit text, found_row boolean,
                                           found_acl bigint)
RETURNS TABLE (step integer, depth integer, kind text, subject text, detail text, effect text, decisive boolean)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
BEGIN
    PERFORM bastion_internal.require_permission('tenant.members.manage', NULL);
    RETURN QUERY SELECT * FROM bastion_internal.access_steps(explain_member_row.user_id, permission, bastion_internal.protected_spec(relation), key, tenant,
        bastion_internal.require_unit(tenant, unit), CASE WHEN found_row THEN tenant END, found_acl);
END
$$;
COMMENT ON FUNCTION bastion_internal.explain_member_row(uuid, text, regclass, text, text, boolean, bigint) IS
'The last step of explain_member_access().';

CREATE FUNCTION bastion.explain_member_access(user_id uuid, permission text, relation regclass DEFAULT NULL, key text DEFAULT NULL,
                                              unit text DEFAULT NULL)
RETURNS TABLE (step integer, depth integer, kind text, subject text, detail text, effect text, decisive boolean)
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'bastion_explain_member_access';
COMMENT ON FUNCTION bastion.explain_member_access(uuid, text, regclass, text, text) IS
'explain_access() for the administrators of a tenant: about its members, in the tenant of the context.
It does not find rows of other tenants, even if they are shared with the member.
Needs tenant.members.manage in the whole tenant.
SQLSTATE 0A000 for a key in a table without a simple primary key, 22P02 for a malformed key, 42501, 42704 for a user who is not a member and for an unknown unit, 55000 for a table that is not protected, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.explain_member_access(uuid, text, regclass, text, text)', 'application');

CREATE FUNCTION bastion.explain_member_access(for_user text, permission text, relation regclass DEFAULT NULL, key text DEFAULT NULL,
                                              unit text DEFAULT NULL)
RETURNS TABLE (step integer, depth integer, kind text, subject text, detail text, effect text, decisive boolean)
LANGUAGE sql VOLATILE PARALLEL UNSAFE ROWS 10
BEGIN ATOMIC
    SELECT * FROM bastion.explain_member_access(bastion_internal.user_named(for_user), permission, relation, key, unit);
END;
COMMENT ON FUNCTION bastion.explain_member_access(text, text, regclass, text, text) IS
'explain_member_access() for a user who is named by uuid, e-mail address or user name.
An address or user name finds only users whom the caller may see; all others are unknown, whether they exist or not.
SQLSTATE 0A000 for a key in a table without a simple primary key, 22P02 for a malformed key, 42501, 42704 for a user who is not a member and for an unknown unit, 55000 for a table that is not protected, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.explain_member_access(text, text, regclass, text, text)', 'application');

-- Without a pinned search_path, because code of the table runs with the caller's. Names in a body of this form are resolved once, when
-- the function is created, so that the caller needs no USAGE on bastion_internal.
CREATE FUNCTION bastion.explain_member_access_text(user_id uuid, permission text, relation regclass DEFAULT NULL, key text DEFAULT NULL,
                                                   unit text DEFAULT NULL)
RETURNS SETOF text
LANGUAGE sql VOLATILE PARALLEL UNSAFE ROWS 10
BEGIN ATOMIC
    SELECT bastion_internal.access_picture(s.step, s.depth, s.kind, s.subject, s.detail, s.effect, s.decisive)
    FROM bastion.explain_member_access(user_id, permission, relation, key, unit) s ORDER BY s.step;
END;
COMMENT ON FUNCTION bastion.explain_member_access_text(uuid, text, regclass, text, text) IS
'explain_member_access() as indented text, a line per step; * marks the steps that decided.
SQLSTATE 0A000 for a key in a table without a simple primary key, 22P02 for a malformed key, 42501, 42704 for a user who is not a member and for an unknown unit, 55000 for a table that is not protected, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.explain_member_access_text(uuid, text, regclass, text, text)', 'application');

CREATE FUNCTION bastion.explain_member_access_text(for_user text, permission text, relation regclass DEFAULT NULL, key text DEFAULT NULL,
                                                   unit text DEFAULT NULL)
RETURNS SETOF text
LANGUAGE sql VOLATILE PARALLEL UNSAFE ROWS 10
BEGIN ATOMIC
    SELECT * FROM bastion.explain_member_access_text(bastion_internal.user_named(for_user), permission, relation, key, unit);
END;
COMMENT ON FUNCTION bastion.explain_member_access_text(text, text, regclass, text, text) IS
'explain_member_access_text() for a user who is named by uuid, e-mail address or user name.
An address or user name finds only users whom the caller may see; all others are unknown, whether they exist or not.
SQLSTATE 0A000 for a key in a table without a simple primary key, 22P02 for a malformed key, 42501, 42704 for a user who is not a member and for an unknown unit, 55000 for a table that is not protected, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.explain_member_access_text(text, text, regclass, text, text)', 'application');

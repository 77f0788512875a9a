
-- Only members who could set a deny again may lift it. Four things lift a deny: permission_remove(), a grant in its place, an earlier
-- end, and changes of the tree of units after which it no longer holds where it held. No other action of a member affects a deny: it
-- wins over every membership and role, and stays when the user leaves the tenant.

CREATE FUNCTION bastion_internal.require_lift(deny bastion.user_permissions) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    obstacle text := CASE WHEN bastion_internal.may_in('tenant.members.manage', deny.unit_id)
                          THEN (bastion_internal.uncovered(ARRAY[deny.pattern], deny.unit_id, deny.valid_until)).sentence
                          ELSE 'You do not hold "tenant.members.manage" there.' END;
BEGIN
    IF obstacle IS NOT NULL THEN
        RAISE EXCEPTION 'permission denied to lift a deny' USING ERRCODE = 'insufficient_privilege',
            DETAIL = format('"%s" is denied to %s in %s. %s', deny.pattern,
                            CASE WHEN deny.user_id = bastion.user_id() THEN 'you' ELSE 'another member' END,
                            coalesce((SELECT 'unit ' || u.name FROM bastion.units u WHERE u.id = deny.unit_id), 'the whole tenant'), obstacle);
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_lift(bastion.user_permissions) IS
'Raises SQLSTATE 42501 unless the user of this transaction may lift a deny: manages members where it holds, and holds what it denies until its end, so that users cannot lift their own denies.';

-- Rights that begin later count: the deny would have applied to them.
CREATE FUNCTION bastion_internal.manages_rows(user_id uuid, tenant_id uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM (
            SELECT unnest(bastion_internal.role_patterns(m.role_id)), m.valid_until FROM bastion.memberships m
            WHERE m.user_id = manages_rows.user_id AND m.tenant_id = manages_rows.tenant_id AND m.unit_id IS NULL
            UNION ALL
            SELECT unnest(bastion_internal.role_patterns(r.role_id)), r.valid_until FROM bastion.platform_roles r
            WHERE r.user_id = manages_rows.user_id
            UNION ALL
            SELECT p.pattern, p.valid_until FROM bastion.user_permissions p
            WHERE p.user_id = manages_rows.user_id AND p.tenant_id = manages_rows.tenant_id AND p.unit_id IS NULL
              AND p.effect = 'grant') g (pattern, ends)
        WHERE coalesce(g.ends, 'infinity') > statement_timestamp() AND bastion_internal.patterns_overlap(g.pattern, '*.manage'))
$$;
COMMENT ON FUNCTION bastion_internal.manages_rows(uuid, uuid) IS
'Whether a user manages rows of a resource in the whole tenant, now or later, by a role or grant that has not ended.';

CREATE FUNCTION bastion_internal.require_lifts(units uuid[], of_managers boolean) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- In the inner query, so that the first of several errors does not depend on the plan.
    PERFORM bastion_internal.require_lift(d.p) FROM (
        SELECT p FROM bastion.user_permissions p
        WHERE p.tenant_id = bastion.tenant_id() AND p.unit_id = ANY (units) AND p.effect = 'deny'
          AND coalesce(p.valid_until, 'infinity') > statement_timestamp()
          AND (NOT of_managers OR bastion_internal.manages_rows(p.user_id, p.tenant_id))
        ORDER BY p.pattern COLLATE "C", p.id OFFSET 0) d;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_lifts(uuid[], boolean) IS
'Raises SQLSTATE 42501 unless the user of this transaction may lift every deny in these units, or with of_managers every deny there of users who manage rows in the whole tenant, now or later.';

CREATE FUNCTION bastion_internal.require_denies_kept(unit_id uuid, new_parent uuid) RETURNS void
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.require_lifts(ARRAY(
        SELECT c.ancestor_id FROM bastion.unit_closure c
        WHERE c.descendant_id = require_denies_kept.unit_id AND c.depth > 0
        EXCEPT
        SELECT c.ancestor_id FROM bastion.unit_closure c WHERE c.descendant_id = require_denies_kept.new_parent), false)
$$;
COMMENT ON FUNCTION bastion_internal.require_denies_kept(uuid, uuid) IS
'Raises SQLSTATE 42501 unless the user of this transaction may lift every deny that no longer holds in a unit when it is put under another parent, or at the top (NULL).';

-- Users who manage rows in the whole tenant reach the rows of a deleted unit, even if they are denied that in a unit above it.
CREATE FUNCTION bastion_internal.require_denies_ended(unit_id uuid) RETURNS void
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.require_lifts(ARRAY[unit_id], false);
    SELECT bastion_internal.require_lifts(ARRAY(SELECT c.ancestor_id FROM bastion.unit_closure c
                                       WHERE c.descendant_id = require_denies_ended.unit_id AND c.depth > 0), true)
$$;
COMMENT ON FUNCTION bastion_internal.require_denies_ended(uuid) IS
'Raises SQLSTATE 42501 unless the user of this transaction may lift every deny that ends, or no longer holds for the rows of a unit, when that unit is deleted.';

-- A user who moves a unit passes on the rights that others gain in it.
CREATE FUNCTION bastion_internal.require_gains_held(unit_id uuid, new_parent uuid) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    gained uuid[] := ARRAY(
        SELECT c.ancestor_id FROM bastion.unit_closure c WHERE c.descendant_id = require_gains_held.new_parent
        EXCEPT
        SELECT c.ancestor_id FROM bastion.unit_closure c WHERE c.descendant_id = require_gains_held.unit_id);
BEGIN
    PERFORM bastion_internal.require_cover(bastion_internal.role_patterns(m.role_id), require_gains_held.unit_id, max(coalesce(m.valid_until, 'infinity')))
    FROM bastion.memberships m
    WHERE m.tenant_id = bastion.tenant_id() AND m.unit_id = ANY (gained) AND coalesce(m.valid_until, 'infinity') > statement_timestamp()
    GROUP BY m.role_id;
    PERFORM bastion_internal.require_cover(ARRAY[p.pattern], require_gains_held.unit_id, max(coalesce(p.valid_until, 'infinity')))
    FROM bastion.user_permissions p
    WHERE p.tenant_id = bastion.tenant_id() AND p.unit_id = ANY (gained) AND p.effect = 'grant'
      AND coalesce(p.valid_until, 'infinity') > statement_timestamp()
    GROUP BY p.pattern;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_gains_held(uuid, uuid) IS
'Raises SQLSTATE 42501 unless the user of this transaction holds in a unit, until it ends, everything that members and grants of the units above get there when it is put under another parent.';

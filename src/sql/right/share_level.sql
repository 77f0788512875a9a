
-- The rights of a user on one ACL, and their ends. Sharing checks these, for one row, and not the sets that policies use. The sources
-- are those of acl_places(), each with its end. share() may pass on a level only if the caller holds every action of the level until
-- the end of the share.

CREATE FUNCTION bastion_internal.list_held(user_id uuid, tenant_id uuid, resource text, acl_id bigint, patterns text[], manages boolean)
RETURNS TABLE (pattern text, held_until timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 3
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan  -- planning takes six times as long as execution
AS $$
DECLARE
    list bastion.acls;
    root bastion.acls;  -- the default ACL that decides what roles give on the row
    of_nobody boolean;  -- reached by holders of resource.manage in the whole tenant
    manage text[] := bastion_internal.covering_patterns(resource, 'manage');
    by_role boolean := resource = ANY (bastion_internal.resources_by_role());
    manage_own text[] := bastion_internal.covering_patterns(resource, 'manage_own');
    everything text[] := array_remove(array_remove(manage, resource || '.manage'), '*.manage');
BEGIN
    SELECT * INTO list FROM bastion.acls a WHERE a.id = list_held.acl_id AND a.tenant_id = list_held.tenant_id;
    root := list;
    IF list.base_acl_id IS NOT NULL THEN
        SELECT * INTO root FROM bastion.acls a WHERE a.id = list.base_acl_id;
    END IF;
    of_nobody := manages AND root.kind IN ('user', 'unit', 'nobody') AND root.unit_id IS NULL;
    RETURN QUERY
    WITH RECURSIVE given AS MATERIALIZED (
        SELECT m.unit_id, m.role_id, coalesce(m.valid_until, 'infinity') AS until FROM bastion.memberships_in_force m
        WHERE m.user_id = list_held.user_id AND m.tenant_id = list_held.tenant_id
        UNION ALL
        SELECT NULL, p.role_id, coalesce(p.valid_until, 'infinity') FROM bastion_internal.platform_roles_in_force p
        WHERE p.user_id = list_held.user_id
    ), roles AS (
        SELECT g.unit_id, g.role_id, g.until FROM given g
        UNION
        SELECT r.unit_id, p.parent_id, r.until FROM roles r JOIN bastion.role_parents p ON p.role_id = r.role_id
    ), stay AS MATERIALIZED (
        SELECT max(g.until) AS until FROM given g HAVING max(g.until) IS NOT NULL
    ), above AS MATERIALIZED (
        SELECT c.ancestor_id AS id FROM bastion.unit_closure c WHERE c.descendant_id = root.unit_id
    ), wanted AS MATERIALIZED (
        SELECT w AS pattern, CASE WHEN right(w, 2) = '.*' THEN everything
                                  ELSE bastion_internal.covering_patterns(list_held.resource, regexp_replace(w, '^.*[.]', '')) END AS covering,
               coalesce((SELECT l.level FROM bastion.level_actions l WHERE l.action = regexp_replace(w, '^.*[.]', '')), 4) AS level
        FROM unnest(list_held.patterns) w
    ), own AS MATERIALIZED (
        SELECT p.unit_id, p.pattern, p.effect, p.valid_from, p.valid_until FROM bastion.user_permissions p
        WHERE p.user_id = list_held.user_id AND p.tenant_id = list_held.tenant_id
          AND coalesce(p.valid_until, 'infinity') > statement_timestamp()
          AND (p.unit_id IS NULL OR p.unit_id IN (SELECT a.id FROM above a))
    ), grants AS MATERIALIZED (
        SELECT r.unit_id, rp.pattern, r.until FROM roles r JOIN bastion.role_permissions rp ON rp.role_id = r.role_id
        WHERE r.unit_id IS NULL OR r.unit_id IN (SELECT a.id FROM above a)
        UNION ALL
        SELECT o.unit_id, o.pattern, least(o.valid_until, s.until) FROM own o, stay s
        WHERE o.effect = 'grant' AND coalesce(o.valid_from, '-infinity') <= statement_timestamp()
    ), denies AS MATERIALIZED (
        -- No share allows create, so denies of it do not matter.
        SELECT w.pattern, min(coalesce(o.valid_from, '-infinity')) AS here,
               min(coalesce(o.valid_from, '-infinity')) FILTER (WHERE o.unit_id IS NULL) AS everywhere
        FROM own o, wanted w
        WHERE o.effect = 'deny' AND o.pattern NOT IN ('*.create', list_held.resource || '.create')
          AND bastion_internal.patterns_overlap(o.pattern, w.pattern)
        GROUP BY w.pattern
    ), sources AS (
        SELECT w.pattern, least(g.until, d.here) AS until FROM wanted w
        JOIN grants g ON g.pattern = ANY (w.covering) LEFT JOIN denies d ON d.pattern = w.pattern
        WHERE root.kind = 'tenant' OR root.unit_id IS NOT NULL
        UNION ALL
        SELECT w.pattern, s.until FROM wanted w, stay s WHERE root.user_id = list_held.user_id AND NOT by_role
        UNION ALL
        SELECT w.pattern, g.until FROM wanted w JOIN grants g ON g.pattern = ANY (w.covering)
        WHERE root.user_id = list_held.user_id AND by_role AND g.unit_id IS NULL
        UNION ALL
        SELECT w.pattern, least(g.until, (SELECT min(coalesce(o.valid_from, '-infinity')) FROM own o
                                          WHERE o.effect = 'deny' AND o.unit_id IS NULL AND o.pattern = ANY (manage_own)))
        FROM wanted w, grants g WHERE root.user_id = list_held.user_id AND by_role AND g.unit_id IS NULL AND g.pattern = ANY (manage_own)
        UNION ALL
        SELECT w.pattern, least(g.until, (SELECT min(coalesce(o.valid_from, '-infinity')) FROM own o
                                          WHERE o.effect = 'deny' AND o.unit_id IS NULL AND o.pattern = ANY (manage)))
        FROM wanted w, grants g WHERE of_nobody AND g.unit_id IS NULL AND g.pattern = ANY (manage)
        UNION ALL
        SELECT w.pattern, least(e.valid_until, m.until)
        FROM bastion.acl_entries e JOIN wanted w ON w.level <= e.level, LATERAL (
            SELECT s.until FROM stay s WHERE e.subject_kind IN ('user', 'tenant') AND e.subject_id IN (list_held.user_id, list_held.tenant_id)
            UNION ALL
            SELECT g.until FROM given g JOIN bastion.unit_closure c ON c.descendant_id = g.unit_id
            WHERE e.subject_kind = 'unit' AND c.ancestor_id = e.subject_id
            UNION ALL
            SELECT r.until FROM roles r WHERE e.subject_kind = 'role' AND r.role_id = e.subject_id AND r.unit_id IS NULL) m
        WHERE e.acl_id IN (list.id, root.id)
    )
    SELECT w.pattern, (SELECT max(least(s.until, d.everywhere)) FROM sources s
                       WHERE s.pattern = w.pattern HAVING max(least(s.until, d.everywhere)) > statement_timestamp())
    FROM wanted w LEFT JOIN denies d ON d.pattern = w.pattern;
END
$$;
COMMENT ON FUNCTION bastion_internal.list_held(uuid, uuid, text, bigint, text[], boolean) IS
'The time until which a user holds permissions on a resource, or all of them (resource.*), on an ACL of the tenant: infinity without an end, NULL if not held now. manages: what resource.manage gives on the rows of others counts.';

CREATE FUNCTION bastion_internal.lent_on(acl_id bigint, pattern text) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN bastion_internal.lent_in((SELECT coalesce(b.unit_id, a.unit_id) FROM bastion.acls a
                                      LEFT JOIN bastion.acls b ON b.id = a.base_acl_id WHERE a.id = lent_on.acl_id))
                THEN bastion_internal.lent_until(lent_on.pattern) END
$$;
COMMENT ON FUNCTION bastion_internal.lent_on(bigint, text) IS
'The time until which the credential of this transaction covers everything that a pattern can cover on an ACL; NULL if it does not.';

CREATE FUNCTION bastion_internal.level_patterns(resource text, level smallint) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN level_patterns.level = 4 THEN ARRAY[resource || '.*'] ELSE ARRAY(
        SELECT resource || '.' || l.action FROM bastion.level_actions l
        WHERE l.level <= level_patterns.level AND l.action <> 'create' ORDER BY 1) END
$$;
COMMENT ON FUNCTION bastion_internal.level_patterns(text, smallint) IS
'The patterns that a share at a level gives on rows of a resource, including permissions that are registered later. create is not included in resource.*: no share allows it.';

CREATE FUNCTION bastion_internal.require_level(resource text, acl_id bigint, level smallint, valid_until timestamptz) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    missing text := (
        SELECT min(bastion_internal.shortfall(h.pattern, h.held_until, bastion_internal.lent_on(require_level.acl_id, h.pattern), require_level.valid_until) COLLATE "C")
        FROM bastion_internal.list_held(bastion.user_id(), bastion.tenant_id(), require_level.resource, require_level.acl_id,
                               bastion_internal.level_patterns(require_level.resource, require_level.level),
                               bastion_internal.lent_until(require_level.resource || '.manage') IS NOT NULL) h);
BEGIN
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'permission denied to grant or revoke rights that you do not hold' USING ERRCODE = 'insufficient_privilege', DETAIL = missing;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_level(text, bigint, smallint, timestamptz) IS
'Raises SQLSTATE 42501 unless the user of this transaction, with its credential, holds everything that a share at this level gives on rows of the resource with this ACL, until a time (NULL: without an end).';

CREATE FUNCTION bastion_internal.require_share(resource text, acl_id bigint, subject_kind text, subject_id uuid, level smallint,
                                      valid_until timestamptz)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_level(resource, acl_id, level, valid_until);
    -- A higher level includes the lower ones.
    PERFORM bastion_internal.require_level(require_share.resource, e.acl_id, e.level, '-infinity') FROM bastion.acl_entries e
    WHERE e.acl_id = require_share.acl_id AND e.acl_kind = 'row' AND e.subject_kind = require_share.subject_kind
      AND e.subject_id = require_share.subject_id AND e.level > require_share.level
      AND coalesce(e.valid_until, 'infinity') > statement_timestamp();
END
$$;
COMMENT ON FUNCTION bastion_internal.require_share(text, bigint, text, uuid, smallint, timestamptz) IS
'Raises SQLSTATE 42501 unless the user of this transaction may share a row with this ACL: holds what the share gives, until its end, and what a share that it changes gives, now.';

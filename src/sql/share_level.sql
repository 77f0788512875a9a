
-- What share() may pass on: at a level, every action of the level that the sharer holds on the row's list, until the end of the
-- share. The same sources as in acl_places(), for one list, each with its end.

CREATE FUNCTION bastion.subjects_ahead(user_id uuid, tenant_id uuid)
RETURNS TABLE (subject_kind text, subject_id uuid, ends timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH RECURSIVE given AS MATERIALIZED (
        SELECT m.unit_id, m.role_id, coalesce(m.valid_until, 'infinity') AS until FROM bastion.memberships_in_force m
        WHERE m.user_id = subjects_ahead.user_id AND m.tenant_id = subjects_ahead.tenant_id
        UNION ALL
        SELECT NULL, p.role_id, coalesce(p.valid_until, 'infinity') FROM bastion.platform_roles_in_force p
        WHERE p.user_id = subjects_ahead.user_id
    ), roles AS (
        SELECT g.role_id, g.until FROM given g WHERE g.unit_id IS NULL
        UNION
        SELECT p.parent_id, r.until FROM roles r JOIN bastion.role_parents p ON p.role_id = r.role_id
    )
    SELECT s.kind, s.id, max(g.until)
    FROM given g, (VALUES ('user', subjects_ahead.user_id), ('tenant', subjects_ahead.tenant_id)) s (kind, id) GROUP BY 1, 2
    UNION ALL
    SELECT 'unit', c.ancestor_id, max(g.until) FROM given g JOIN bastion.unit_closure c ON c.descendant_id = g.unit_id GROUP BY 2
    UNION ALL
    SELECT 'role', r.role_id, max(r.until) FROM roles r GROUP BY 2;
END
$$;
COMMENT ON FUNCTION bastion.subjects_ahead(uuid, uuid) IS
'share_subjects() for lists of the tenant itself, and until when the user is each of them; infinity without an end. Internal.';

CREATE FUNCTION bastion.level_patterns(resource text, level smallint) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN level_patterns.level = 4 THEN ARRAY[resource || '.*'] ELSE ARRAY(
        SELECT resource || '.' || l.action FROM bastion.level_actions l
        WHERE l.level <= level_patterns.level AND l.action <> 'create' ORDER BY 1) END
$$;
COMMENT ON FUNCTION bastion.level_patterns(text, smallint) IS
'What a share at a level gives on rows of a resource, now or once it is registered. Only create is no part of resource.*: no share lets anybody create. Internal.';

CREATE FUNCTION bastion.level_held(user_id uuid, tenant_id uuid, resource text, acl_id bigint, level smallint)
RETURNS TABLE (pattern text, held_until timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 3
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    list bastion.acls;
    root bastion.acls;  -- the default list that decides what roles give on the row
BEGIN
    SELECT * INTO list FROM bastion.acls a WHERE a.id = level_held.acl_id AND a.tenant_id = level_held.tenant_id;
    SELECT * INTO root FROM bastion.acls a WHERE a.id = coalesce(list.base_acl_id, list.id);
    RETURN QUERY
    WITH rights AS MATERIALIZED (
        SELECT r.* FROM bastion.rights_ahead(level_held.user_id, level_held.tenant_id) r
    ), above AS MATERIALIZED (
        SELECT c.ancestor_id AS id FROM bastion.unit_closure c WHERE c.descendant_id = root.unit_id
    ), subjects AS MATERIALIZED (
        SELECT s.* FROM bastion.subjects_ahead(level_held.user_id, level_held.tenant_id) s
    ), wanted AS (
        SELECT w AS pattern FROM unnest(bastion.level_patterns(level_held.resource, level_held.level)) w
    ), denied AS MATERIALIZED (
        SELECT w.pattern, min(r.begins) FILTER (WHERE r.unit_id IS NULL) AS everywhere, min(r.begins) AS here
        FROM wanted w JOIN rights r ON r.effect = 'deny' AND (r.unit_id IS NULL OR r.unit_id IN (SELECT id FROM above))
        WHERE bastion.patterns_overlap(r.pattern, w.pattern) AND r.pattern NOT IN ('*.create', level_held.resource || '.create')
        GROUP BY w.pattern
    ), sources AS (
        SELECT w.pattern, least(max(r.ends), d.here) AS ends
        FROM wanted w JOIN rights r ON r.effect = 'grant' AND bastion.pattern_covers(r.pattern, w.pattern)
             AND (r.unit_id IS NULL OR r.unit_id IN (SELECT id FROM above))
        LEFT JOIN denied d ON d.pattern = w.pattern
        WHERE root.kind = 'tenant' OR root.unit_id IS NOT NULL GROUP BY w.pattern, d.here
        UNION ALL
        SELECT w.pattern, s.ends FROM wanted w, subjects s
        WHERE root.user_id = level_held.user_id AND s.subject_kind = 'user'
        UNION ALL
        SELECT w.pattern, least(max(r.ends) FILTER (WHERE r.effect = 'grant'), min(r.begins) FILTER (WHERE r.effect = 'deny'))
        FROM wanted w JOIN rights r ON r.unit_id IS NULL AND bastion.pattern_covers(r.pattern, level_held.resource || '.manage')
        WHERE root.kind IN ('user', 'unit') AND root.unit_id IS NULL
        GROUP BY w.pattern HAVING bool_or(r.effect = 'grant')
        UNION ALL
        SELECT w.pattern, max(least(e.valid_until, s.ends))
        FROM wanted w, subjects s JOIN bastion.acl_entries e ON e.subject_kind = s.subject_kind AND e.subject_id = s.subject_id
        WHERE e.acl_id IN (list.id, root.id) AND e.level >= level_held.level GROUP BY w.pattern
    )
    SELECT w.pattern, (SELECT max(least(s.ends, d.everywhere)) FROM sources s WHERE s.pattern = w.pattern
                       HAVING max(least(s.ends, d.everywhere)) > statement_timestamp())
    FROM wanted w LEFT JOIN denied d ON d.pattern = w.pattern;
END
$$;
COMMENT ON FUNCTION bastion.level_held(uuid, uuid, text, bigint, smallint) IS
'Until when a user holds each thing that a share at a level gives, on the rows of a resource with an access control list of the tenant; NULL for what is not held now. Internal.';

CREATE FUNCTION bastion.require_level(resource text, acl_id bigint, level smallint, valid_until timestamptz) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    missing text := (
        SELECT min(bastion.shortfall(h.pattern, h.held_until, bastion.lent_until(h.pattern), require_level.valid_until) COLLATE "C")
        FROM bastion.level_held(bastion.user_id(), bastion.tenant_id(), require_level.resource, require_level.acl_id, require_level.level) h);
BEGIN
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'nobody gives or takes what they do not hold' USING ERRCODE = 'insufficient_privilege', DETAIL = missing;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion.require_level(text, bigint, smallint, timestamptz) IS
'Raises SQLSTATE 42501 unless the user of this transaction, with its credential, holds everything that a share at this level gives on rows of the resource with this access control list, until a time (NULL: without an end). Internal.';

CREATE FUNCTION bastion.require_share(resource text, acl_id bigint, subject_kind text, subject_id uuid, level smallint,
                                      valid_until timestamptz)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion.require_level(resource, acl_id, level, valid_until);
    PERFORM bastion.require_level(require_share.resource, e.acl_id, e.level, '-infinity') FROM bastion.acl_entries e
    WHERE e.acl_id = require_share.acl_id AND e.acl_kind = 'row' AND e.subject_kind = require_share.subject_kind
      AND e.subject_id = require_share.subject_id AND coalesce(e.valid_until, 'infinity') > statement_timestamp();
END
$$;
COMMENT ON FUNCTION bastion.require_share(text, bigint, text, uuid, smallint, timestamptz) IS
'Raises SQLSTATE 42501 unless the user of this transaction may share a row with this list: holds what the share gives until its end, and now what the share gives that it changes. Internal.';

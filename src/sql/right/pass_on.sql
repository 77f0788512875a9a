
-- Nobody passes on more than they hold, in permission, place and time. Every function that gives a right calls require_cover(), and
-- every function that takes one calls require_held(). A right that is given until a time must be held until then: one grant in force
-- now must cover all of it, and no deny may apply before that time. Grants that begin later do not count; denies that begin later do.
-- Checks read the tables, not the sets of the statement, so that a statement with several changes sees each of them.

CREATE FUNCTION bastion_internal.pattern_covers(held text, wanted text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT held = wanted
        OR held = '*' AND NOT bastion_internal.is_reserved_resource(wanted)
        OR starts_with(held, '*.') AND wanted <> '*' AND NOT bastion_internal.is_reserved_resource(wanted)
           AND regexp_replace(wanted, '^.*[.]', '') = substr(held, 3)
        OR right(held, 2) = '.*' AND starts_with(wanted, rtrim(held, '*'))
$$;
COMMENT ON FUNCTION bastion_internal.pattern_covers(text, text) IS
'Whether the first pattern covers every permission, registered or not, that the second covers.';

CREATE FUNCTION bastion_internal.patterns_overlap(a text, b text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.pattern_covers(a, b) OR bastion_internal.pattern_covers(b, a)
        OR starts_with(a, '*.') AND right(b, 2) = '.*' AND NOT bastion_internal.is_reserved_resource(b)
        OR starts_with(b, '*.') AND right(a, 2) = '.*' AND NOT bastion_internal.is_reserved_resource(a)
$$;
COMMENT ON FUNCTION bastion_internal.patterns_overlap(text, text) IS
'Whether there could be a permission, registered yet or not, that both patterns cover.';

CREATE FUNCTION bastion_internal.rights_ahead(user_id uuid, tenant_id uuid)
RETURNS TABLE (unit_id uuid, pattern text, effect text, begins timestamptz, ends timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 50
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH RECURSIVE held AS (
        (SELECT m.unit_id, m.role_id, coalesce(m.valid_until, 'infinity') AS ends FROM bastion.memberships_in_force m
         WHERE m.user_id = rights_ahead.user_id AND m.tenant_id = rights_ahead.tenant_id
         UNION
         SELECT NULL::uuid, p.role_id, coalesce(p.valid_until, 'infinity') FROM bastion_internal.platform_roles_in_force p
         WHERE p.user_id = rights_ahead.user_id)
        UNION
        SELECT h.unit_id, rp.parent_id, h.ends FROM held h JOIN bastion.role_parents rp ON rp.role_id = h.role_id
    ), stay AS (
        -- Without a membership or a role in every tenant, the user's own grants have no effect.
        SELECT max(h.ends) AS ends FROM held h HAVING max(h.ends) IS NOT NULL
    )
    SELECT h.unit_id, rp.pattern, 'grant'::text, '-infinity'::timestamptz, h.ends
    FROM held h JOIN bastion.role_permissions rp ON rp.role_id = h.role_id
    UNION ALL
    SELECT p.unit_id, p.pattern, 'grant', '-infinity', least(coalesce(p.valid_until, 'infinity'), s.ends)
    FROM bastion_internal.user_permissions_in_force p, stay s
    WHERE p.user_id = rights_ahead.user_id AND p.tenant_id = rights_ahead.tenant_id AND p.effect = 'grant'
    UNION ALL
    SELECT p.unit_id, p.pattern, 'deny', coalesce(p.valid_from, '-infinity'), coalesce(p.valid_until, 'infinity')
    FROM bastion.user_permissions p
    WHERE p.user_id = rights_ahead.user_id AND p.tenant_id = rights_ahead.tenant_id AND p.effect = 'deny'
      AND coalesce(p.valid_until, 'infinity') > statement_timestamp();
END
$$;
COMMENT ON FUNCTION bastion_internal.rights_ahead(uuid, uuid) IS
'rights_in_force() with their ends (infinity for none), and also the denies that begin later. The user''s own grants end with the last membership or platform role at the latest.';

CREATE FUNCTION bastion_internal.patterns_held(user_id uuid, tenant_id uuid, unit_id uuid, patterns text[])
RETURNS TABLE (pattern text, held_until timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan  -- planning takes longer than execution
AS $$
BEGIN
    RETURN QUERY
    WITH rights AS MATERIALIZED (
        SELECT r.* FROM bastion_internal.rights_ahead(patterns_held.user_id, patterns_held.tenant_id) r
    ), above AS MATERIALIZED (
        SELECT c.ancestor_id AS id FROM bastion.unit_closure c WHERE c.descendant_id = patterns_held.unit_id
    ), below AS MATERIALIZED (
        SELECT c.descendant_id AS id FROM bastion.unit_closure c WHERE c.ancestor_id = patterns_held.unit_id
    )
    SELECT w.pattern, CASE WHEN coalesce(d.begins, 'infinity') > statement_timestamp() AND g.ends IS NOT NULL
                           THEN least(g.ends, d.begins) END
    FROM unnest(patterns) w (pattern), LATERAL (
        SELECT max(r.ends) AS ends FROM rights r
        WHERE r.effect = 'grant' AND bastion_internal.pattern_covers(r.pattern, w.pattern)
          AND (r.unit_id IS NULL OR r.unit_id IN (SELECT a.id FROM above a))) g, LATERAL (
        SELECT min(r.begins) AS begins FROM rights r
        WHERE r.effect = 'deny' AND bastion_internal.patterns_overlap(r.pattern, w.pattern)
          AND (r.unit_id IS NULL OR patterns_held.unit_id IS NULL
               OR r.unit_id IN (SELECT a.id FROM above a UNION ALL SELECT b.id FROM below b))) d
    WHERE w.pattern IS NOT NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.patterns_held(uuid, uuid, uuid, text[]) IS
'The time until which a user holds everything that each of these patterns can cover, in a unit and everything below it or in the whole tenant: infinity without an end, NULL if not held now.';

CREATE FUNCTION bastion_internal.scopes_cover(held text[], wanted text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT NOT EXISTS (SELECT FROM unnest(wanted) w
                       WHERE NOT EXISTS (SELECT FROM unnest(held) h WHERE bastion_internal.pattern_covers(h, w)))
$$;
COMMENT ON FUNCTION bastion_internal.scopes_cover(text[], text[]) IS
'Whether each of the wanted patterns is covered by one of those held.';

-- The part of its user's rights that the credential of this transaction allows.
CREATE FUNCTION bastion_internal.lent_until(pattern text) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM bastion_internal.step_up_unmet() u
               WHERE bastion_internal.rule_concerns(u.pattern, lent_until.pattern)) THEN
        RETURN NULL;
    END IF;
    RETURN CASE WHEN coalesce(bastion.api_key_id(), bastion.delegation_id()) IS NULL THEN 'infinity' ELSE (
        SELECT l.expires_at FROM (
            SELECT k.scopes, coalesce(k.expires_at, 'infinity') FROM bastion.api_keys k WHERE k.id = bastion.api_key_id()
            UNION ALL
            SELECT d.scopes, d.expires_at FROM bastion.delegations d WHERE d.id = bastion.delegation_id()) l (scopes, expires_at)
        WHERE bastion_internal.scopes_cover(l.scopes, ARRAY[lent_until.pattern])) END;
END
$$;
COMMENT ON FUNCTION bastion_internal.lent_until(text) IS
'The time until which the credential of this transaction covers everything that a pattern can cover. A session covers everything; an API key or a delegation does so by its scopes, until it expires. NULL if it does not, and where a step-up rule withholds part of it.';

CREATE FUNCTION bastion_internal.unit_is_inside(inner_id uuid, outer_id uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT outer_id IS NULL OR EXISTS (
        SELECT FROM bastion.unit_closure c WHERE c.descendant_id = inner_id AND c.ancestor_id = outer_id)
$$;
COMMENT ON FUNCTION bastion_internal.unit_is_inside(uuid, uuid) IS
'Whether a unit is another one or below it. NULL stands for the whole tenant.';

CREATE FUNCTION bastion_internal.lent_in(unit_id uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion_internal.unit_is_inside(lent_in.unit_id, bastion_internal.credential_unit()) $$;
COMMENT ON FUNCTION bastion_internal.lent_in(uuid) IS
'Whether the credential of this transaction allows changes in a unit, or in the whole tenant. An API key or delegation that is limited to a unit allows them in that unit and the units below.';

CREATE FUNCTION bastion_internal.credential_name() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE WHEN bastion.delegation_id() IS NULL THEN 'API key' ELSE 'delegation' END $$;
COMMENT ON FUNCTION bastion_internal.credential_name() IS 'The word for the credential of this transaction that lends a part of its user''s rights.';

CREATE FUNCTION bastion_internal.shortfall(pattern text, held_until timestamptz, lent_until timestamptz, valid_until timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN held_until IS NULL THEN format('You do not hold "%s" there.', pattern)
        WHEN lent_until IS NULL AND coalesce(bastion.api_key_id(), bastion.delegation_id()) IS NULL
            THEN format('A step-up rule withholds part of "%s": confirm with a second factor, or log in again.', pattern)
        WHEN lent_until IS NULL THEN format('The %s does not cover "%s" there.', bastion_internal.credential_name(), pattern)
        WHEN least(held_until, lent_until) >= coalesce(valid_until, 'infinity') THEN NULL
        ELSE format(CASE WHEN lent_until < held_until THEN 'The ' || bastion_internal.credential_name() || ' covers "%s" there only until %s.'
                         ELSE 'You hold "%s" there only until %s.' END,
                    pattern, to_char(least(held_until, lent_until) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) END
$$;
COMMENT ON FUNCTION bastion_internal.shortfall(text, timestamptz, timestamptz, timestamptz) IS
'The sentence that says why a pattern cannot be given until a time (NULL: without an end); NULL if it can. held_until and lent_until are the times until which user and credential cover it. A time in the sentence is in UTC and truncated to seconds, so that the caller can use it instead.';

CREATE FUNCTION bastion_internal.uncovered(patterns text[], unit_id uuid, valid_until timestamptz, OUT sentence text, OUT by_rule boolean)
RETURNS record
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH held AS MATERIALIZED (
        SELECT h.pattern, h.held_until, CASE WHEN bastion_internal.lent_in(uncovered.unit_id) THEN bastion_internal.lent_until(h.pattern) END AS lent_until
        FROM bastion_internal.patterns_held(bastion.user_id(), bastion.tenant_id(), uncovered.unit_id, uncovered.patterns) h
    )
    SELECT s.sentence, s.by_rule
    FROM held h, LATERAL (SELECT bastion_internal.shortfall(h.pattern, h.held_until, h.lent_until, uncovered.valid_until) AS sentence,
        h.held_until IS NOT NULL AND coalesce(h.lent_until::text, bastion.api_key_id()::text, bastion.delegation_id()::text) IS NULL AS by_rule) s
    -- What a step up gives comes last.
    WHERE s.sentence IS NOT NULL ORDER BY s.by_rule, h.pattern COLLATE "C" LIMIT 1
$$;
COMMENT ON FUNCTION bastion_internal.uncovered(text[], uuid, timestamptz) IS
'Finds the first of these patterns that the user of this transaction, with its credential, does not hold entirely in a unit and below, or in the whole tenant, until a time (NULL: without an end).
Returns a sentence about it, NULL if all are held. by_rule is whether step-up rules withhold each that is missing, and nothing else does.';

CREATE FUNCTION bastion_internal.require_cover(patterns text[], unit_id uuid, valid_until timestamptz) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    missing record;
BEGIN
    SELECT * INTO missing FROM bastion_internal.uncovered(patterns, unit_id, valid_until);
    IF missing.by_rule THEN
        PERFORM bastion_internal.raise_step_up('rights that are granted or revoked need a stronger or fresher login', bastion_internal.step_up_needed(patterns));
    ELSIF missing.sentence IS NOT NULL THEN
        RAISE EXCEPTION 'permission denied to grant or revoke rights that you do not hold' USING ERRCODE = 'insufficient_privilege', DETAIL = missing.sentence;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_cover(text[], uuid, timestamptz) IS
'Raises SQLSTATE 42501 unless the user of this transaction may give these patterns in a unit, or in the whole tenant, until a time (NULL: without an end): holds them entirely until then. BA005 where step-up rules withhold what is missing.';

CREATE FUNCTION bastion_internal.require_held(patterns text[], unit_id uuid) RETURNS void
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion_internal.require_cover(patterns, unit_id, '-infinity') $$;
COMMENT ON FUNCTION bastion_internal.require_held(text[], uuid) IS
'Raises SQLSTATE 42501 unless the user of this transaction may take these patterns from another user in a unit, or in the whole tenant: holds them entirely now. BA005 as require_cover().';

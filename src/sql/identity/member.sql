
-- Members and units of a tenant, for front doors. The functions of the schema bastion decide and change; here are lists, and refusals
-- in place of errors.

CREATE FUNCTION bastion_internal.refuse_unknown() RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion_internal.refusal('unknown_object', 'there is no such user, role or unit here') $$;
COMMENT ON FUNCTION bastion_internal.refuse_unknown() IS 'The refusal of a user, role or unit that the caller does not see.';

CREATE FUNCTION bastion_internal.refuse_last_owner() RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion_internal.refusal('last_owner', 'a tenant must keep an owner') $$;
COMMENT ON FUNCTION bastion_internal.refuse_last_owner() IS 'The refusal of a change that would leave a tenant without an owner.';

CREATE FUNCTION bastion_internal.page_of(ids uuid[], after uuid, max integer, OUT page uuid[], OUT next uuid)
RETURNS record
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ids[b.begin : b.begin + b.size - 1], CASE WHEN cardinality(ids) >= b.begin + b.size THEN ids[b.begin + b.size - 1] END
    FROM (SELECT CASE WHEN after IS NULL THEN 1 ELSE array_position(ids, after) + 1 END AS begin,
                 least(greatest(coalesce(max, 50), 1), 100) AS size) b
$$;
COMMENT ON FUNCTION bastion_internal.page_of(uuid[], uuid, integer) IS
'The part of a list that follows the object after (NULL: from its beginning), as long as the client asks: max is 50, and 1 to 100. next is the last object of the page, or NULL at the end of the list.
page is NULL when after is not in the list.';

CREATE FUNCTION bastion_internal.memberships_of(user_id uuid, tenant_id uuid) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_agg(jsonb_build_object('role', r.name, 'unit', bastion_internal.unit_object(m.unit_id), 'valid_from', m.valid_from,
                                        'valid_until', m.valid_until, 'assigned_by', m.assigned_by, 'created_at', m.created_at) ORDER BY m.unit_id IS NOT NULL, m.created_at, m.id)
    FROM bastion.memberships m JOIN bastion.roles r ON r.id = m.role_id
    WHERE m.user_id = memberships_of.user_id AND m.tenant_id = memberships_of.tenant_id
$$;
COMMENT ON FUNCTION bastion_internal.memberships_of(uuid, uuid) IS
'The memberships of a user in a tenant as JSON, ended and future ones too, that in the whole tenant first.';

CREATE FUNCTION bastion_api.members(search text DEFAULT NULL, unit text DEFAULT NULL, after uuid DEFAULT NULL, max integer DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_tenant => true);
    word text := lower(members.search);
    tenant uuid;
    place uuid;
    part record;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    tenant := bastion.tenant_id();
    place := bastion_internal.find_unit(tenant, unit);
    refused := bastion_internal.permission_refusal('{tenant.members.read,tenant.members.manage}', place);
    IF refused IS NOT NULL THEN
        RETURN refused;
    ELSIF unit IS NOT NULL AND place IS NULL THEN
        RETURN bastion_internal.refuse_unknown();
    END IF;
    part := bastion_internal.page_of(ARRAY(
        SELECT u.id FROM bastion.users u
        WHERE u.id IN (SELECT m.user_id FROM bastion.memberships m
                       WHERE m.tenant_id = tenant
                         AND (place IS NULL OR m.unit_id IN (SELECT c.descendant_id FROM bastion.unit_closure c WHERE c.ancestor_id = place)))
          AND (word IS NULL OR strpos(u.email, word) > 0 OR strpos(u.username, word) > 0 OR strpos(lower(u.display_name), word) > 0)
        ORDER BY u.email, u.id), members.after, members.max);
    IF part.page IS NULL THEN
        RETURN bastion_internal.refuse_unknown();
    END IF;
    RETURN bastion_internal.answer(jsonb_build_object(
        'members', (SELECT coalesce(jsonb_agg(jsonb_build_object('user', bastion_internal.user_object(p.id), 'memberships', bastion_internal.memberships_of(p.id, tenant))
                                              ORDER BY p.position), '[]')
                    FROM unnest(part.page) WITH ORDINALITY AS p (id, position)),
        'next', part.next));
END
$$;
COMMENT ON FUNCTION bastion_api.members(text, text, uuid, integer) IS
'Lists the members of this tenant, or of one unit (slug or uuid) and those below, by e-mail address: {"members": [{"user": {id, email, username, display_name}, "memberships": [{role, unit, valid_from, valid_until, assigned_by, created_at}]}], "next"}. memberships has those in all units, ended ones too.
search finds a part of the address or of a name, in upper or lower case. max is 50, and 1 to 100. next is null at the end; otherwise pass it as after for the next page.
Needs tenant.members.read or tenant.members.manage there. Refusals: unknown_object for an unknown unit, and for after that is not in the list; unauthenticated, invalid_token, insufficient_scope, insufficient_user_authentication with acr_values and max_age (RFC 9470).
SQLSTATE 25000 when the transaction has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.members(text, text, uuid, integer)', 'application');

CREATE FUNCTION bastion_internal.member_assign(for_user text, role text, unit text, valid_from timestamptz, valid_until timestamptz, alone boolean)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_tenant => true);
    explained text;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('a change of a member');
    RETURN bastion_internal.answer('{"membership": null, "invitation": null, "expires_at": null}'
                                   || CASE WHEN alone THEN bastion.membership_set(for_user, role, unit, valid_from, valid_until)
                                           ELSE bastion.membership_add(for_user, role, unit, valid_from, valid_until) END);
EXCEPTION WHEN SQLSTATE 'BA005' OR insufficient_privilege OR undefined_object OR invalid_parameter_value OR check_violation THEN
    GET STACKED DIAGNOSTICS explained = PG_EXCEPTION_DETAIL;
    RETURN bastion_internal.refusal_of(SQLSTATE, explained);
END
$$;
COMMENT ON FUNCTION bastion_internal.member_assign(text, text, text, timestamptz, timestamptz, boolean) IS 'member_set() (alone) or member_add().';

CREATE FUNCTION bastion_api.member_set(for_user text, role text, unit text DEFAULT NULL, valid_from timestamptz DEFAULT NULL,
                                       valid_until timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.member_assign(for_user, role, unit, valid_from, valid_until, true);
END
$$;
COMMENT ON FUNCTION bastion_api.member_set(text, text, text, timestamptz, timestamptz) IS
'bastion.membership_set() for front doors: gives a member one role in place of the others, or one in a unit, and invites a user who is no member.
Returns {"membership", "invitation", "expires_at"}, the former null for an invitation, the others null for a member. Refusals: insufficient_scope, insufficient_user_authentication with acr_values and max_age (RFC 9470), unknown_object, invalid_request, last_owner, unauthenticated, invalid_token.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.member_set(text, text, text, timestamptz, timestamptz)', 'application');

CREATE FUNCTION bastion_api.member_add(for_user text, role text, unit text DEFAULT NULL, valid_from timestamptz DEFAULT NULL,
                                       valid_until timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.member_assign(for_user, role, unit, valid_from, valid_until, false);
END
$$;
COMMENT ON FUNCTION bastion_api.member_add(text, text, text, timestamptz, timestamptz) IS
'bastion.membership_add() for front doors: gives a member a further role, or one in a unit, and invites a user who is no member.
Returns {"membership", "invitation", "expires_at"}, the former null for an invitation, the others null for a member. Refusals: insufficient_scope, insufficient_user_authentication with acr_values and max_age (RFC 9470), unknown_object, invalid_request, last_owner, unauthenticated, invalid_token.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.member_add(text, text, text, timestamptz, timestamptz)', 'application');

CREATE FUNCTION bastion_api.member_remove(for_user text, unit text DEFAULT NULL, role text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_tenant => true);
    explained text;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('a change of a member');
    RETURN bastion_internal.answer(jsonb_build_object('removed', bastion.membership_remove(for_user, unit, role)));
EXCEPTION WHEN SQLSTATE 'BA005' OR insufficient_privilege OR undefined_object OR check_violation THEN
    GET STACKED DIAGNOSTICS explained = PG_EXCEPTION_DETAIL;
    RETURN bastion_internal.refusal_of(SQLSTATE, explained);
END
$$;
COMMENT ON FUNCTION bastion_api.member_remove(text, text, text) IS
'bastion.membership_remove() for front doors: ends the membership of a user (uuid, e-mail address or user name) in this tenant, or in one unit. All roles there end, or one (name or uuid).
Returns {"removed": whether there was one}. Refusals: insufficient_scope, insufficient_user_authentication with acr_values and max_age (RFC 9470), unknown_object, last_owner, unauthenticated, invalid_token.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.member_remove(text, text, text)', 'application');

-- Units

CREATE FUNCTION bastion_api.units(search text DEFAULT NULL, after uuid DEFAULT NULL, max integer DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_tenant => true);
    word text := lower(units.search);
    tenant uuid;
    part record;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    tenant := bastion.tenant_id();
    part := bastion_internal.page_of(ARRAY(
        SELECT u.id FROM bastion.units u
        WHERE u.tenant_id = tenant AND (word IS NULL OR strpos(lower(u.name), word) > 0 OR strpos(u.slug, word) > 0)
        ORDER BY u.name COLLATE "C", u.id), units.after, units.max);
    IF part.page IS NULL THEN
        RETURN bastion_internal.refuse_unknown();
    END IF;
    RETURN bastion_internal.answer(jsonb_build_object(
        'units', (SELECT coalesce(jsonb_agg(jsonb_build_object('unit', bastion_internal.unit_object(p.id),
                      'parent', (SELECT a.parent_id FROM bastion.unit_parents a WHERE a.unit_id = p.id)) ORDER BY p.position), '[]')
                  FROM unnest(part.page) WITH ORDINALITY AS p (id, position)),
        'next', part.next));
END
$$;
COMMENT ON FUNCTION bastion_api.units(text, uuid, integer) IS
'Lists the units of this tenant by name: {"units": [{"unit": {id, slug, kind, name}, "parent"}], "next"}. parent is the id of the unit above, or null.
search finds a part of the name or slug, in upper or lower case; max and next are as in members(). Every member sees all units.
Refusals: unknown_object for after that is not in the list, unauthenticated, invalid_token, insufficient_scope without a tenant.
SQLSTATE 25000 when the transaction has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.units(text, uuid, integer)', 'application');

CREATE FUNCTION bastion_api.unit_create(kind text, name text, slug text DEFAULT NULL, parent text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_tenant => true);
    made uuid;
    explained text;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('a new unit');
    made := bastion.unit_create(kind, name, slug, parent);
    RETURN bastion_internal.answer(jsonb_build_object('unit', bastion_internal.unit_object(made)));
EXCEPTION WHEN SQLSTATE 'BA005' OR insufficient_privilege OR undefined_object OR invalid_parameter_value OR unique_violation THEN
    GET STACKED DIAGNOSTICS explained = PG_EXCEPTION_DETAIL;
    RETURN bastion_internal.refusal_of(SQLSTATE, explained);
END
$$;
COMMENT ON FUNCTION bastion_api.unit_create(text, text, text, text) IS
'bastion.unit_create() for front doors. Returns {"unit": {id, slug, kind, name}}.
Refusals: insufficient_scope, insufficient_user_authentication with acr_values and max_age (RFC 9470), unknown_object, invalid_request, slug_taken, unauthenticated, invalid_token.
SQLSTATE BA006 where the plan allows no more units, 40001 where another transaction made one meanwhile, 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.unit_create(text, text, text, text)', 'application');

CREATE FUNCTION bastion_api.unit_rename(unit text, name text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_tenant => true);
    tenant uuid;
    renamed uuid;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('a change of a unit');
    tenant := bastion.tenant_id();
    renamed := bastion_internal.find_unit(tenant, unit);
    IF renamed IS NULL THEN
        RETURN bastion_internal.refuse_unknown();
    END IF;
    refused := bastion_internal.permission_refusal('{tenant.units.manage}', renamed);
    IF refused IS NOT NULL THEN
        RETURN refused;
    ELSIF bastion_internal.is_label(name) IS NOT TRUE THEN
        RETURN bastion_internal.refusal_of('22023', NULL);
    END IF;
    UPDATE bastion.units u SET name = unit_rename.name WHERE u.id = renamed;
    PERFORM bastion_internal.record_event('unit_renamed', 'success', NULL, tenant, jsonb_build_object('unit', renamed, 'name', unit_rename.name));
    RETURN bastion_internal.answer(jsonb_build_object('unit', bastion_internal.unit_object(renamed)));
END
$$;
COMMENT ON FUNCTION bastion_api.unit_rename(text, text) IS
'Gives a unit (slug or uuid) of this tenant another name; its slug stays. Returns {"unit": {id, slug, kind, name}}.
Needs tenant.units.manage in the unit. Refusals: insufficient_scope, insufficient_user_authentication with acr_values and max_age (RFC 9470), unknown_object, invalid_request, unauthenticated, invalid_token.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.unit_rename(text, text)', 'application');
SELECT bastion_internal.event_kind('unit_renamed');

CREATE FUNCTION bastion_internal.unit_delete_begin(unit text, OUT answer jsonb, OUT unit_id uuid) RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    explained text;
BEGIN
    answer := bastion_internal.caller_refusal(in_tenant => true);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM bastion_internal.require_writable('a change of a unit');
    unit_id := bastion_internal.unit_to_delete(unit);
    answer := bastion_internal.answer(jsonb_build_object('deleted', bastion_internal.unit_object(unit_id)));
EXCEPTION WHEN SQLSTATE 'BA005' OR insufficient_privilege OR undefined_object OR null_value_not_allowed OR foreign_key_violation THEN
    GET STACKED DIAGNOSTICS explained = PG_EXCEPTION_DETAIL;
    answer := bastion_internal.refusal_of(SQLSTATE, explained);
END
$$;
COMMENT ON FUNCTION bastion_internal.unit_delete_begin(text) IS
'The first step of bastion_api.unit_delete(): the unit, if the user of this transaction may delete it, and the answer; or a refusal alone.';

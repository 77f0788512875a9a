
-- Delegation (RFC 8693): an actor acts for a user, with a part of the rights of that user. Each hop is covered by the one before in
-- scopes, unit and time, so the last one alone is checked when it is used, together with the rights that the user has then.
--
-- A transaction that makes a hop holds the user, the actor, the session, the first hop and the hop before in share mode, and then
-- reads them again. Code that ends any of these locks it first, in a statement of its own, and then ends what it finds. So one of the two
-- waits and sees the other. A backend also reads all hops above a delegation (delegation_read.cpp): under REPEATABLE READ, where
-- neither may see the other, a hop below a revoked one is refused all the same.
--
-- Tokens appear in assignments only, as in session.sql.

-- What ends delegations

CREATE FUNCTION bastion_internal.delegations_end(ids uuid[], reason text) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ended bigint;
BEGIN
    PERFORM FROM bastion.delegations r
    WHERE r.id IN (SELECT d.root_id FROM bastion.delegations d WHERE d.id = ANY (ids)) ORDER BY r.id FOR UPDATE;
    -- In a statement of its own, which sees the hops that were made meanwhile.
    WITH RECURSIVE below AS (
        SELECT unnest(ids) AS id
        UNION
        SELECT d.id FROM below b JOIN bastion.delegations d ON d.parent_id = b.id
    )
    UPDATE bastion.delegations d SET revoked_at = clock_timestamp(), revoked_reason = delegations_end.reason
    WHERE d.id IN (SELECT b.id FROM below b) AND d.revoked_at IS NULL;
    GET DIAGNOSTICS ended = ROW_COUNT;
    RETURN ended;
END
$$;
COMMENT ON FUNCTION bastion_internal.delegations_end(uuid[], text) IS
'Ends delegations with everything that was derived from them; returns how many that were. Checks no permission and records nothing.
SQLSTATE 40001 when another transaction ended one and the isolation level is not READ COMMITTED.';

CREATE FUNCTION bastion_internal.delegations_with(user_id uuid) RETURNS SETOF bastion.delegations
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT d.* FROM bastion.delegations d
    WHERE (d.subject_id = delegations_with.user_id OR d.actors @> ARRAY[delegations_with.user_id]) AND d.revoked_at IS NULL
$$;
COMMENT ON FUNCTION bastion_internal.delegations_with(uuid) IS
'The delegations in which a user lets others act, or is an actor of any hop, and that were not revoked.';

CREATE FUNCTION bastion_internal.delegations_of_user_end(user_id uuid, reason text, tenant_id uuid DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.delegations_end(ARRAY(
        SELECT d.id FROM bastion_internal.delegations_with(delegations_of_user_end.user_id) d
        WHERE d.tenant_id = coalesce(delegations_of_user_end.tenant_id, d.tenant_id)), reason);
END
$$;
COMMENT ON FUNCTION bastion_internal.delegations_of_user_end(uuid, text, uuid) IS
'Ends what a user lets others do, and does for others, in a tenant or in all; returns how many delegations that were. Checks no permission and records nothing.
SQLSTATE 40001 when another transaction ended one and the isolation level is not READ COMMITTED.';

CREATE FUNCTION bastion_internal.delegation_end(delegation bastion.delegations, reason text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ended bigint := bastion_internal.delegations_end(ARRAY[delegation.id], reason);
BEGIN
    IF ended > 0 THEN
        PERFORM bastion_internal.record_event('delegation_revoked', 'success', delegation.subject_id, delegation.tenant_id,
            jsonb_build_object('delegation', delegation.id, 'by', reason, 'ended', ended));
    END IF;
    RETURN ended > 0;
END
$$;
COMMENT ON FUNCTION bastion_internal.delegation_end(bastion.delegations, text) IS
'Ends a delegation with everything that was derived from it, and records it; false if all had ended already. Checks no permission.
SQLSTATE 40001 when another transaction ended one and the isolation level is not READ COMMITTED.';
SELECT bastion_internal.event_kind('delegation_revoked');

CREATE FUNCTION bastion_internal.end_delegations_of_session() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.delegations_end(ARRAY(
        SELECT d.id FROM bastion.delegations d WHERE d.session_id = NEW.id AND d.revoked_at IS NULL), 'session');
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.end_delegations_of_session() IS 'Trigger: ends the delegations of a session that ends.';

CREATE TRIGGER sessions_end_delegations AFTER UPDATE ON bastion.sessions
FOR EACH ROW WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION bastion_internal.end_delegations_of_session();
COMMENT ON TRIGGER sessions_end_delegations ON bastion.sessions IS 'Ends the delegations of a session that ends';

-- When the account is enabled again too: a REPEATABLE READ transaction that disabled it may have missed one.
CREATE FUNCTION bastion_internal.end_delegations_of_user() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.delegations_of_user_end(NEW.id, 'user');
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.end_delegations_of_user() IS
'Trigger: ends the delegations of a user who is disabled or enabled, those in which the user acts for others too.';

-- Its name sorts after users_end_sessions: like a logout, it locks sessions before delegations.
CREATE TRIGGER users_stop_delegations AFTER UPDATE ON bastion.users
FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION bastion_internal.end_delegations_of_user();
COMMENT ON TRIGGER users_stop_delegations ON bastion.users IS 'Ends what a disabled user lets others do, and does for others';

-- New delegations

CREATE FUNCTION bastion_internal.delegation_refusal(in_tenant boolean) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_tenant => in_tenant);
BEGIN
    IF refused IS NULL AND bastion_internal.person_obstacle(NULL) IS DISTINCT FROM 'delegation' THEN
        refused := bastion_internal.caller_refusal(in_person => true);
    END IF;
    RETURN refused;
END
$$;
COMMENT ON FUNCTION bastion_internal.delegation_refusal(boolean) IS
'The refusal of a caller who may have nothing to do with delegations, an API key or an impersonator; NULL for a login and for an actor.
SQLSTATE 25000 when the transaction has another identity already.';

CREATE FUNCTION bastion_internal.delegation_hold(made bastion.delegations) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- In the order of hold_user() and of logout().
    PERFORM FROM bastion.tenants t WHERE t.id = made.tenant_id FOR KEY SHARE;
    PERFORM FROM bastion.units u WHERE u.id = made.unit_id FOR KEY SHARE;
    PERFORM FROM bastion.users u WHERE u.id IN (made.subject_id, made.actor_id) ORDER BY u.id FOR SHARE;
    PERFORM FROM bastion.sessions s WHERE s.id = made.session_id FOR SHARE;
    PERFORM FROM bastion.delegations d WHERE d.id IN (made.root_id, made.parent_id) ORDER BY d.depth FOR SHARE;
    -- An older snapshot would not show the end of a membership: this lock fails instead.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        PERFORM FROM bastion.memberships m
        WHERE m.user_id IN (made.subject_id, made.actor_id) AND m.tenant_id = made.tenant_id FOR SHARE;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.delegation_hold(bastion.delegations) IS
'Locks what a new delegation depends on until the transaction ends, so that everything that ends delegations waits for it.
SQLSTATE 40001 when another transaction changed that and the isolation level is not READ COMMITTED.';

CREATE FUNCTION bastion_internal.delegation_obstacle(made bastion.delegations) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_actor text := (SELECT i.status FROM bastion_internal.resolve_identity(made.actor_id, made.tenant_id::text, NULL) i);
    of_subject text := (SELECT i.status FROM bastion_internal.resolve_identity(made.subject_id, made.tenant_id::text, made.unit_id::text) i);
    above bastion.delegations;
BEGIN
    IF of_actor <> 'ok' THEN
        RETURN bastion_internal.refuse_unknown();
    ELSIF of_subject <> 'ok' THEN
        RETURN bastion_internal.refusal('insufficient_scope', 'no membership in the unit');
    ELSIF made.session_id IS NOT NULL AND NOT EXISTS (SELECT FROM bastion.sessions s WHERE s.id = made.session_id AND s.revoked_at IS NULL) THEN
        RETURN bastion_internal.refusal('invalid_token', 'the session has ended');
    ELSIF made.depth = 1 THEN
        RETURN NULL;
    END IF;
    SELECT * INTO above FROM bastion.delegations d WHERE d.id = made.parent_id AND d.revoked_at IS NULL AND d.expires_at > clock_timestamp();
    IF NOT FOUND THEN
        RETURN bastion_internal.refusal('invalid_token', 'the delegation has ended');
    ELSIF made.depth > 8 THEN
        RETURN bastion_internal.refusal('invalid_request', 'a delegation has at most 8 hops');
    ELSIF NOT bastion_internal.scopes_cover(above.scopes, made.scopes) THEN
        RETURN bastion_internal.refusal('invalid_scope', 'the scopes go beyond those of the delegation');
    ELSIF NOT bastion_internal.unit_is_inside(made.unit_id, above.unit_id) THEN
        RETURN bastion_internal.refusal('invalid_request', 'the unit does not exist');
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.delegation_obstacle(bastion.delegations) IS
'The refusal of a delegation that its user, actor and session, or the hop before, do not allow; NULL if they do. A unit outside that of the hop before is an unknown one.';

CREATE FUNCTION bastion_internal.delegation_token(made bastion.delegations) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    act jsonb;
    actor uuid;
BEGIN
    FOREACH actor IN ARRAY made.actors LOOP
        act := jsonb_strip_nulls(jsonb_build_object('sub', actor, 'act', act));
    END LOOP;
    RETURN bastion_internal.access_token(made.subject_id, made.tenant_id, made.unit_id, made.session_id,
        floor(extract(epoch FROM made.created_at))::bigint, extract(epoch FROM made.expires_at)::bigint, gen_random_uuid(), NULL, 'aal1', NULL,
        jsonb_build_object('act', act, 'dlg', made.id));
END
$$;
COMMENT ON FUNCTION bastion_internal.delegation_token(bastion.delegations) IS
'Signs the access token of a delegation: with the claims act, which has the actors (RFC 8693 section 4.1), and dlg. SQLSTATE BA001 without a root key.';

CREATE FUNCTION bastion_internal.delegation_begin(actor_id uuid, scopes text[], unit_id uuid, valid_for interval, offline boolean)
RETURNS bastion.delegations
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    above bastion.delegations;
    made bastion.delegations;
BEGIN
    SELECT * INTO above FROM bastion.delegations d WHERE d.id = bastion.delegation_id();
    made.id := gen_random_uuid();
    made.parent_id := above.id;
    made.root_id := coalesce(above.root_id, made.id);
    made.depth := coalesce(above.depth, 0) + 1;
    made.subject_id := bastion.user_id();
    made.actor_id := delegation_begin.actor_id;
    made.actors := coalesce(above.actors, '{}') || made.actor_id;
    made.tenant_id := bastion.tenant_id();
    made.unit_id := coalesce(delegation_begin.unit_id, above.unit_id);
    made.scopes := ARRAY(SELECT DISTINCT s FROM unnest(delegation_begin.scopes) s ORDER BY s);
    made.session_id := CASE WHEN above.id IS NOT NULL THEN above.session_id WHEN NOT offline THEN bastion.session_id() END;
    made.created_at := clock_timestamp();
    -- Whole seconds, as in tokens.
    made.expires_at := date_trunc('second', least(made.created_at + valid_for, above.expires_at,
        (SELECT bastion_internal.session_deadline(s) FROM bastion.sessions s WHERE s.id = made.session_id)));
    RETURN made;
END
$$;
COMMENT ON FUNCTION bastion_internal.delegation_begin(uuid, text[], uuid, interval, boolean) IS
'The row of a new delegation by the caller, with what it takes over from the hop before or from the session. Checks nothing.';

CREATE FUNCTION bastion_api.delegate(actor text, scopes text[], unit text DEFAULT NULL, valid_for interval DEFAULT '1 hour',
                                     offline boolean DEFAULT false)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.delegation_refusal(in_tenant => true);
    made bastion.delegations;
    place uuid;
    token text;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('a delegation');
    refused := bastion_internal.check_scopes(scopes, 'a delegation');
    place := bastion_internal.find_unit(bastion.tenant_id(), unit);
    IF refused IS NOT NULL THEN
        RETURN refused;
    ELSIF bastion.session_id() IS NULL AND bastion.delegation_id() IS NULL THEN
        RETURN bastion_internal.refusal('insufficient_scope', 'only a session of a login here can delegate');
    ELSIF valid_for IS NULL OR NOT bastion_internal.lasts(valid_for, '10 s', '30 days') OR offline IS NULL THEN
        RETURN bastion_internal.refusal('invalid_request', 'a delegation lasts 10 seconds to 30 days; offline is true or false');
    ELSIF unit IS NOT NULL AND place IS NULL THEN
        RETURN bastion_internal.refusal('invalid_request', 'the unit does not exist');
    END IF;
    made := bastion_internal.delegation_begin(bastion_internal.user_named(actor), scopes, place, valid_for, offline);
    IF offline AND made.depth = 1 AND NOT bastion_internal.is_fresh('aal2', '24 hours') THEN
        RETURN bastion_internal.refuse_step_up('{"acr": "aal2", "max_age": 86400}');
    ELSIF offline AND made.session_id IS NOT NULL THEN
        RETURN bastion_internal.refusal('insufficient_scope', 'only the user can let a delegation outlive the session');
    END IF;
    PERFORM bastion_internal.delegation_hold(made);
    -- In a statement of its own, which sees what was committed while the locks were awaited.
    refused := bastion_internal.delegation_obstacle(made);
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    INSERT INTO bastion.delegations SELECT made.*;
    token := bastion_internal.delegation_token(made);
    PERFORM bastion_internal.record_event('delegated', 'success', made.subject_id, made.tenant_id, jsonb_build_object(
        'delegation', made.id, 'parent', made.parent_id, 'actors', made.actors, 'unit', made.unit_id, 'scopes', made.scopes, 'expires_at', made.expires_at));
    RETURN bastion_internal.answer(jsonb_build_object(
        'access_token', token, 'issued_token_type', 'urn:ietf:params:oauth:token-type:access_token', 'token_type', 'Bearer',
        'expires_in', greatest(0, floor(extract(epoch FROM made.expires_at - clock_timestamp()))), 'delegation', made.id));
END
$$;
COMMENT ON FUNCTION bastion_api.delegate(text, text[], text, interval, boolean) IS
'Lets a member of this tenant, the actor, act for the user of this transaction with a part of the user''s rights (RFC 8693).
actor is a uuid, an e-mail address or a user name. scopes are permissions or patterns (documents.read, documents.*, *.read, *): the actor may do what they cover and what the user may do at the time of use. With unit (slug or uuid), the actor reaches only rows in that unit and the units below it. It ends after valid_for (10 seconds to 30 days), and with the session; with offline, which needs a session of level aal2, it may outlive the session.
A caller who acts by a delegation passes a part of it on: scopes covered by its own, a unit inside its own, not longer, at most 8 hops.
Returns {"access_token", "issued_token_type", "token_type": "Bearer", "expires_in" in seconds, "delegation": id}. The token is shown only once.
Refusals: invalid_request for malformed arguments, an unknown unit, one outside that of the caller and a ninth hop; invalid_scope; unknown_object for an actor who is no active member; insufficient_user_authentication with acr_values and max_age (RFC 9470); unauthenticated, invalid_token; insufficient_scope with an API key, under impersonation, without a session or a tenant.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, 40001 when another transaction changed what it depends on and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.delegate(text, text[], text, interval, boolean)', 'application');
SELECT bastion_internal.event_kind('delegated');

-- The caller's own

CREATE FUNCTION bastion_internal.delegation_line(id uuid) RETURNS SETOF bastion.delegations
LANGUAGE sql STABLE PARALLEL SAFE ROWS 3
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE line AS (
        SELECT d AS hop FROM bastion.delegations d WHERE d.id = delegation_line.id
        UNION ALL
        SELECT d FROM line l JOIN bastion.delegations d ON d.id = (l.hop).parent_id
    )
    SELECT (l.hop).* FROM line l
$$;
COMMENT ON FUNCTION bastion_internal.delegation_line(uuid) IS 'A delegation and all hops above it.';

CREATE FUNCTION bastion_internal.is_own_delegation(delegation bastion.delegations) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN bastion.delegation_id() IS NULL THEN bastion.user_id() = ANY (delegation.subject_id || delegation.actors)
                ELSE EXISTS (SELECT FROM bastion_internal.delegation_line(delegation.id) l WHERE l.id = bastion.delegation_id()) END
$$;
COMMENT ON FUNCTION bastion_internal.is_own_delegation(bastion.delegations) IS
'Whether the caller takes part in a delegation: as its user or an actor, and where the caller acts by a delegation, when it is that one or derived from it.';

CREATE FUNCTION bastion_internal.delegation_object(delegation bastion.delegations) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object(
        'id', delegation.id, 'parent', delegation.parent_id, 'user', bastion_internal.shown_user(delegation.subject_id),
        'actor', bastion_internal.shown_user(delegation.actor_id), 'actors', delegation.actors, 'tenant', delegation.tenant_id,
        'unit', bastion_internal.unit_object(delegation.unit_id), 'scopes', delegation.scopes, 'offline', delegation.session_id IS NULL,
        'created_at', delegation.created_at, 'expires_at', delegation.expires_at)
$$;
COMMENT ON FUNCTION bastion_internal.delegation_object(bastion.delegations) IS 'A delegation as JSON for front doors.';

CREATE FUNCTION bastion_api.delegations() RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.delegation_refusal(in_tenant => false);
    own uuid;
    acting uuid;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    own := bastion.user_id();
    acting := bastion.delegation_id();
    RETURN bastion_internal.answer((
        WITH live AS MATERIALIZED (
            SELECT d.id, CASE WHEN acting IS NULL THEN d.actor_id = own ELSE d.id = acting END AS is_held,
                   CASE WHEN acting IS NULL THEN d.subject_id = own ELSE d.id <> acting END AS is_given,
                   d.created_at, bastion_internal.delegation_object(d) AS object
            FROM bastion_internal.delegations_with(own) d
            WHERE bastion_internal.is_own_delegation(d)
              AND NOT EXISTS (SELECT FROM bastion_internal.delegation_line(d.id) l
                              WHERE l.revoked_at IS NOT NULL OR l.expires_at <= statement_timestamp())
        )
        SELECT jsonb_build_object(
            'given', coalesce(jsonb_agg(l.object ORDER BY l.created_at, l.id) FILTER (WHERE l.is_given), '[]'),
            'held', coalesce(jsonb_agg(l.object ORDER BY l.created_at, l.id) FILTER (WHERE l.is_held), '[]'))
        FROM live l));
END
$$;
COMMENT ON FUNCTION bastion_api.delegations() IS
'Lists the delegations that have not ended: "given", in which others act for the user of this transaction, and "held", in which that user acts for others, in every tenant: {"given": [{id, parent, user, actor, actors (ids, the first hop first), tenant (id), unit, scopes, offline, created_at, expires_at}], "held": [...]}. user and actor are users as in login(). A caller who acts by a delegation gets that one as held, and those derived from it as given.
The address and names of another user are null without tenant.members.read or tenant.members.manage.
Refusals: unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25000 when the transaction has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.delegations()', 'application');

CREATE FUNCTION bastion_api.delegation_revoke(id uuid) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.delegation_refusal(in_tenant => false);
    found_delegation bastion.delegations;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('the end of a delegation');
    SELECT * INTO found_delegation FROM bastion.delegations d WHERE d.id = delegation_revoke.id AND bastion_internal.is_own_delegation(d);
    RETURN bastion_internal.answer(jsonb_build_object('revoked',
        found_delegation.id IS NOT NULL AND bastion_internal.delegation_end(found_delegation, 'revoked')));
END
$$;
COMMENT ON FUNCTION bastion_api.delegation_revoke(uuid) IS
'Ends a delegation and everything that was derived from it, at the next statement of every backend. The user for whom it acts may, and each of its actors; a caller who acts by a delegation may end that one and those derived from it.
Returns {"revoked": whether this ended one}. Refusals: unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, 40001 when another transaction ended it and the isolation level is not READ COMMITTED.';
SELECT bastion_internal.callable_by('bastion_api.delegation_revoke(uuid)', 'application');

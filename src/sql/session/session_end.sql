
-- The end of sessions: by logout(), by an administrator, by age, or when the account, the membership or the tenant ends. API keys and
-- delegations end with a membership, too.

-- Code that ends sessions must also find sessions of logins that have not committed yet. A login locks the row of its user until it
-- ends, and then checks again whether it is allowed (hold_for_login()). Code that ends sessions locks that row too, before it reads
-- the sessions. It waits for an earlier login and then sees its session; a later login sees the change. Under REPEATABLE READ,
-- where neither could see the other, the later of them fails with 40001.

CREATE FUNCTION bastion_internal.await_logins(user_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM bastion.users u WHERE u.id = await_logins.user_id FOR NO KEY UPDATE;
END
$$;
COMMENT ON FUNCTION bastion_internal.await_logins(uuid) IS
'Waits for logins of a user that have not committed yet, and blocks new ones until this transaction ends. SQLSTATE 40001 when one was first and the isolation level is not READ COMMITTED.';

CREATE FUNCTION bastion_internal.end_logins(user_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE bastion.users u SET login_epoch = u.login_epoch + 1 WHERE u.id = end_logins.user_id;
END
$$;
COMMENT ON FUNCTION bastion_internal.end_logins(uuid) IS
'await_logins(), and ends the logins of the user whose next step is open: their challenges are refused. SQLSTATE 40001 when one was first and the isolation level is not READ COMMITTED.';

-- The user's own sessions

CREATE FUNCTION bastion_api.logout(scope text DEFAULT 'this') RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb;
    owner uuid;
    own_session uuid;
    tenant uuid;
    ended bigint;
BEGIN
    PERFORM bastion_internal.require_writable('a logout');
    IF scope IS NULL OR scope NOT IN ('this', 'others', 'all') THEN
        RETURN bastion_internal.refusal('invalid_scope', 'the scope of a logout is this, others or all');
    END IF;
    -- A session that ended meanwhile ends no other ones.
    refused := CASE WHEN scope = 'this' THEN bastion_internal.caller_refusal(in_person => true) ELSE bastion_internal.held_caller_refusal() END;
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    owner := bastion.user_id();
    own_session := bastion.session_id();
    -- The identity may end with the session: nothing reads it after the update.
    tenant := bastion.tenant_id();
    PERFORM bastion_internal.end_logins(owner) WHERE scope <> 'this';
    PERFORM bastion_internal.devices_revoke(owner) WHERE scope = 'all';
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = 'logout'
    WHERE s.user_id = owner AND s.revoked_at IS NULL
      AND CASE scope WHEN 'this' THEN s.id = own_session WHEN 'others' THEN s.id IS DISTINCT FROM own_session ELSE true END;
    GET DIAGNOSTICS ended = ROW_COUNT;
    PERFORM bastion_internal.record_event('logout', 'success', owner, tenant,
                                 jsonb_build_object('scope', scope, 'sessions', ended));
    RETURN bastion_internal.answer(jsonb_build_object('ended', ended));
END
$$;
COMMENT ON FUNCTION bastion_api.logout(text) IS
'Ends sessions of the user of this transaction, in every tenant.
scope is this, others or all, which makes the devices of the user unknown, too. Every backend refuses their tokens from the next statement on.
Returns {"ended": number of sessions}. Refusals: invalid_scope, unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, 40001 when another transaction changed the user and the isolation level is not READ COMMITTED.';
SELECT bastion_internal.callable_by('bastion_api.logout(text)', 'application');
SELECT bastion_internal.event_kind('logout');

CREATE FUNCTION bastion_api.sessions() RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    owner uuid;
    own_session uuid;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    owner := bastion.user_id();
    own_session := bastion.session_id();
    RETURN bastion_internal.answer((SELECT jsonb_build_object('sessions', coalesce(jsonb_agg(jsonb_build_object(
                'id', s.id, 'current', s.id IS NOT DISTINCT FROM own_session, 'device', s.device, 'ip', host(s.ip),
                'user_agent', s.user_agent, 'tenant', bastion_internal.tenant_object(s.tenant_id, owner), 'level', s.level, 'amr', s.amr,
                'phishing_resistant', s.phishing_resistant_at IS NOT NULL,
                'created_at', s.created_at, 'last_seen_at', s.last_seen_at, 'expires_at', bastion_internal.session_deadline(s))
                ORDER BY s.last_seen_at DESC, s.id), '[]'))
            FROM bastion.sessions s
            WHERE s.user_id = owner AND s.revoked_at IS NULL AND bastion_internal.session_deadline(s) > statement_timestamp()));
END
$$;
COMMENT ON FUNCTION bastion_api.sessions() IS
'Lists the sessions of the user of this transaction that have not ended, in every tenant, the one seen last first: {"sessions": [{id, current, device, ip, user_agent, tenant, level, amr, phishing_resistant: whether a passkey was presented in it and the level aal2 has not ended since, created_at, last_seen_at (login or last refresh), expires_at (unless refreshed)}]}.
Refusals: unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25000 when the transaction has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.sessions()', 'application');

CREATE FUNCTION bastion_api.session_rename(id uuid, device text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    owner uuid;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('a change of a session');
    IF NOT bastion_internal.is_label(device) THEN
        RETURN bastion_internal.refusal('invalid_request', 'the name of a device has 1 to 200 printable characters');
    END IF;
    owner := bastion.user_id();
    UPDATE bastion.sessions s SET device = session_rename.device
    WHERE s.id = session_rename.id AND s.user_id = owner AND s.revoked_at IS NULL;
    RETURN bastion_internal.answer(jsonb_build_object('changed', FOUND));
END
$$;
COMMENT ON FUNCTION bastion_api.session_rename(uuid, text) IS
'Names the device of a session of the user of this transaction, as sessions() shows it; NULL removes the name.
Returns {"changed": whether there is such a session}. Refusals: invalid_request for a name that is no label, unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.session_rename(uuid, text)', 'application');

CREATE FUNCTION bastion_api.session_revoke(id uuid) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    owner uuid;
    own_tenant uuid;
    ended boolean;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('a logout');
    owner := bastion.user_id();
    -- The identity may end with the session: nothing reads it after the update.
    own_tenant := bastion.tenant_id();
    ended := EXISTS (SELECT FROM bastion.sessions s WHERE s.id = session_revoke.id AND s.user_id = owner)
             AND bastion_internal.session_end(session_revoke.id, 'logout');
    IF ended THEN
        PERFORM bastion_internal.record_event('session_revoked', 'success', owner, own_tenant, jsonb_build_object('session', session_revoke.id));
    END IF;
    RETURN bastion_internal.answer(jsonb_build_object('revoked', ended));
END
$$;
COMMENT ON FUNCTION bastion_api.session_revoke(uuid) IS
'Ends one session of the user of this transaction, in whatever tenant: one of sessions(). bastion.session_revoke() ends those of members.
Returns {"revoked": whether this ended it}. Refusals: unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.session_revoke(uuid)', 'application');

CREATE FUNCTION bastion_api.token_revoke(token text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    token_hash bytea := bastion_internal.refresh_token_hash(token);
    found_session bastion.sessions;
    found_key bastion.api_keys;
    found_id uuid;
BEGIN
    PERFORM bastion_internal.require_writable('the revocation of a token');
    found_id := bastion_internal.api_key_of(token);
    IF found_id IS NOT NULL THEN
        SELECT * INTO found_key FROM bastion.api_keys k WHERE k.id = found_id;
        PERFORM bastion_internal.api_key_end(found_key, 'token');
        RETURN bastion_internal.answer('{}');
    END IF;
    found_id := bastion_internal.token_delegation(token);
    IF found_id IS NOT NULL THEN
        PERFORM bastion_internal.delegation_end(d, 'token') FROM bastion.delegations d WHERE d.id = found_id;
        RETURN bastion_internal.answer('{}');
    END IF;
    found_id := CASE WHEN token_hash IS NULL THEN bastion_internal.token_session(token)
                     ELSE (SELECT r.session_id FROM bastion.refresh_tokens r WHERE r.hash = token_hash) END;
    SELECT * INTO found_session FROM bastion.sessions s WHERE s.id = found_id;
    IF bastion_internal.session_end(found_session.id, 'token') THEN
        PERFORM bastion_internal.record_event('session_revoked', 'success', found_session.user_id, found_session.tenant_id,
                                     jsonb_build_object('session', found_session.id, 'by', 'token'));
    END IF;
    RETURN bastion_internal.answer('{}');
END
$$;
COMMENT ON FUNCTION bastion_api.token_revoke(text) IS
'Ends the session of a token (RFC 7009), which is a valid access token or any refresh token, used ones too; or ends an API key, or the delegation of an access token. Possession of the token suffices. Always returns {}, even if nothing was ended.
SQLSTATE 25006 in a READ ONLY transaction, BA001 for an API key without a root key.';
SELECT bastion_internal.callable_by('bastion_api.token_revoke(text)', 'application');
SELECT bastion_internal.event_kind('session_revoked');

-- Administration

CREATE FUNCTION bastion_internal.require_other(user_id uuid) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF require_other.user_id = bastion.user_id() AND bastion.delegation_id() IS NOT NULL THEN
        PERFORM bastion_internal.require_person(NULL, false);
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_other(uuid) IS
'Refuses an actor who would end a session of the user for whom it acts. SQLSTATE 42501.';

CREATE FUNCTION bastion.session_revoke(session_id uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    found_session bastion.sessions;
BEGIN
    SELECT * INTO found_session FROM bastion.sessions s WHERE s.id = session_revoke.session_id;
    IF found_session.user_id IS DISTINCT FROM bastion_internal.session_owner() OR found_session.user_id IS NULL THEN
        PERFORM bastion_internal.require_other(found_session.user_id);
        PERFORM bastion_internal.require_permission('tenant.members.manage', NULL);
        IF found_session.tenant_id IS DISTINCT FROM tenant OR found_session.id IS NULL THEN
            RETURN false;
        END IF;
        PERFORM bastion_internal.require_rank(found_session.user_id);
    END IF;
    IF NOT bastion_internal.session_end(found_session.id, 'admin') THEN
        RETURN false;
    END IF;
    PERFORM bastion_internal.record_event('session_revoked', 'success', found_session.user_id, found_session.tenant_id,
                                 jsonb_build_object('session', found_session.id));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.session_revoke(uuid) IS
'Ends a session of the user, or of a member who logged in to this tenant; false if it had ended already or does not exist.
Every backend refuses its tokens from the next statement on.
Needs, for another member, tenant.members.manage in the whole tenant and everything that the roles of that member hold.
SQLSTATE 42501, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.session_revoke(uuid)', 'application');

CREATE FUNCTION bastion.sessions_revoke(user_id uuid) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    ended bigint;
    delegations bigint;
BEGIN
    IF user_id IS DISTINCT FROM bastion_internal.session_owner() OR user_id IS NULL THEN
        PERFORM bastion_internal.require_other(sessions_revoke.user_id);
        PERFORM bastion_internal.require_permission('tenant.members.manage', NULL);
        PERFORM bastion_internal.require_rank(sessions_revoke.user_id);
    END IF;
    -- Only members and holders of platform roles log in here. Logins of other users, to other tenants, must not have to wait.
    IF EXISTS (SELECT FROM bastion.memberships m WHERE m.user_id = sessions_revoke.user_id AND m.tenant_id = tenant)
       OR EXISTS (SELECT FROM bastion.platform_roles p WHERE p.user_id = sessions_revoke.user_id) THEN
        PERFORM bastion_internal.await_logins(sessions_revoke.user_id);
    END IF;
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = 'admin'
    WHERE s.user_id = sessions_revoke.user_id AND s.tenant_id = tenant AND s.revoked_at IS NULL;
    GET DIAGNOSTICS ended = ROW_COUNT;
    -- Also those that may outlive the session, and what the user does for others.
    delegations := bastion_internal.delegations_of_user_end(sessions_revoke.user_id, 'admin', tenant);
    IF ended + delegations > 0 THEN
        PERFORM bastion_internal.record_event('session_revoked', 'success', sessions_revoke.user_id, tenant,
                                     jsonb_build_object('sessions', ended, 'delegations', delegations));
    END IF;
    RETURN ended;
END
$$;
COMMENT ON FUNCTION bastion.sessions_revoke(uuid) IS
'Ends every session of a user in this tenant, and every delegation there by and to the user; returns the number of sessions. Needs what session_revoke() needs.
SQLSTATE 42501, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.sessions_revoke(uuid)', 'application');

CREATE FUNCTION bastion.sessions_revoke(for_user text)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT bastion.sessions_revoke(bastion_internal.user_named(for_user));
END;
COMMENT ON FUNCTION bastion.sessions_revoke(text) IS
'sessions_revoke() for a user who is named by uuid, e-mail address or user name. An address or user name finds only users whom the caller may see; all others are unknown, whether they exist or not.
SQLSTATE 42501, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.sessions_revoke(text)', 'application');

CREATE FUNCTION bastion.user_sessions_revoke(user_id uuid) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ended bigint;
    delegations bigint;
BEGIN
    PERFORM bastion_internal.end_logins(user_sessions_revoke.user_id);
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = 'admin'
    WHERE s.user_id = user_sessions_revoke.user_id AND s.revoked_at IS NULL;
    GET DIAGNOSTICS ended = ROW_COUNT;
    delegations := bastion_internal.delegations_of_user_end(user_sessions_revoke.user_id, 'admin');
    IF ended + delegations > 0 THEN
        PERFORM bastion_internal.record_event('session_revoked', 'success', user_sessions_revoke.user_id, NULL,
                                     jsonb_build_object('sessions', ended, 'delegations', delegations, 'by', session_user));
    END IF;
    RETURN ended;
END
$$;
COMMENT ON FUNCTION bastion.user_sessions_revoke(uuid) IS
'Ends every session of a user in every tenant, and every delegation by and to the user; returns the number of sessions. For operators: EXECUTE is granted to nobody.';

CREATE FUNCTION bastion.user_sessions_revoke(for_user text)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT bastion.user_sessions_revoke(bastion_internal.any_user_named(for_user));
END;
COMMENT ON FUNCTION bastion.user_sessions_revoke(text) IS
'user_sessions_revoke() for a user who is named by uuid, e-mail address or user name. For operators: EXECUTE is granted to nobody.';

CREATE FUNCTION bastion.session_prune(ended_before interval DEFAULT '30 days') RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    deleted bigint;
BEGIN
    IF ended_before IS NULL OR NOT bastion_internal.lasts(ended_before, '0', '100 years') THEN
        RAISE EXCEPTION 'invalid session age' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    DELETE FROM bastion.sessions s
    WHERE coalesce(s.revoked_at, bastion_internal.session_deadline(s)) < clock_timestamp() - ended_before;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    DELETE FROM bastion.spent_tokens t WHERE t.expires_at < clock_timestamp() - ended_before;
    DELETE FROM bastion.delegations d WHERE least(d.revoked_at, d.expires_at) < clock_timestamp() - ended_before;
    RETURN deleted;
END
$$;
COMMENT ON FUNCTION bastion.session_prune(interval) IS
'Deletes sessions that ended longer ago than this, with their refresh tokens, and delegations and used challenges that ended before; returns the number of sessions. Tokens of a deleted session are refused.
For operators, to be called regularly: EXECUTE is granted to nobody.
SQLSTATE 22023 for NULL, a negative interval or one over 100 years.';

-- Sessions end with the account, the membership or the tenant. SECURITY DEFINER, so that roles that may change those need no
-- privilege on this table. Under logical replication, the publisher's rows bring the same changes.

CREATE FUNCTION bastion_internal.end_sessions_of_user() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.end_logins(NEW.id);
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = 'user_disabled'
    WHERE s.user_id = NEW.id AND s.revoked_at IS NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.end_sessions_of_user() IS 'Trigger: ends the sessions of a user who is disabled.';

CREATE TRIGGER users_end_sessions AFTER UPDATE ON bastion.users
FOR EACH ROW WHEN (OLD.status = 'active' AND NEW.status <> 'active') EXECUTE FUNCTION bastion_internal.end_sessions_of_user();
COMMENT ON TRIGGER users_end_sessions ON bastion.users IS 'Ends the sessions of a disabled user, who logs in again when enabled';

CREATE FUNCTION bastion_internal.end_sessions_of_tenant() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM bastion.users u
    WHERE u.id IN (SELECT m.user_id FROM bastion.memberships m WHERE m.tenant_id = NEW.id
                   UNION SELECT p.user_id FROM bastion.platform_roles p)
    ORDER BY u.id FOR NO KEY UPDATE;
    -- A sign-up by invitation holds this lock.
    PERFORM FROM bastion.invitations i
    WHERE i.tenant_id = NEW.id AND i.accepted_at IS NULL AND i.revoked_at IS NULL ORDER BY i.id FOR UPDATE;
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = 'tenant_suspended'
    WHERE s.tenant_id = NEW.id AND s.revoked_at IS NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.end_sessions_of_tenant() IS 'Trigger: ends the sessions in a tenant that is suspended.';

CREATE TRIGGER tenants_end_sessions AFTER UPDATE ON bastion.tenants
FOR EACH ROW WHEN (OLD.status = 'active' AND NEW.status <> 'active') EXECUTE FUNCTION bastion_internal.end_sessions_of_tenant();
COMMENT ON TRIGGER tenants_end_sessions ON bastion.tenants IS 'Ends the sessions in a suspended tenant, whose members log in again when it is active';

CREATE FUNCTION bastion_internal.delegations_without_place_end(user_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.delegations_end(ARRAY(
        SELECT d.id FROM bastion_internal.delegations_with(delegations_without_place_end.user_id) d
        -- Not resolve_identity(): a suspended tenant has members, too.
        WHERE NOT EXISTS (SELECT FROM bastion.memberships_in_force m
                          WHERE m.user_id = delegations_without_place_end.user_id AND m.tenant_id = d.tenant_id)
          AND NOT EXISTS (SELECT FROM bastion_internal.platform_roles_in_force p WHERE p.user_id = delegations_without_place_end.user_id)), 'membership');
END
$$;
COMMENT ON FUNCTION bastion_internal.delegations_without_place_end(uuid) IS
'Ends what a user does for others, and lets others do, in the tenants where no membership or platform role of the user is left.';

-- A membership that begins later is no end: an administrator may let a member pause, and import keys in advance.
CREATE FUNCTION bastion_internal.has_place(user_id uuid, tenant_id uuid, unit_id uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM bastion.memberships m
                   WHERE m.user_id = has_place.user_id AND m.tenant_id = has_place.tenant_id AND coalesce(m.valid_until, 'infinity') > statement_timestamp()
                     AND (has_place.unit_id IS NULL OR bastion_internal.unit_is_inside(has_place.unit_id, m.unit_id)))
        OR EXISTS (SELECT FROM bastion.platform_roles p WHERE p.user_id = has_place.user_id AND coalesce(p.valid_until, 'infinity') > statement_timestamp())
$$;
COMMENT ON FUNCTION bastion_internal.has_place(uuid, uuid, uuid) IS
'Whether a user has a membership that has not ended, in a tenant or there for a unit, or a platform role. The tenant may be suspended.';

CREATE FUNCTION bastion_internal.credentials_without_place_end(user_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.api_key_end(k, 'membership') FROM bastion.api_keys k
    WHERE k.user_id = credentials_without_place_end.user_id AND k.revoked_at IS NULL
      AND NOT bastion_internal.has_place(k.user_id, k.tenant_id, k.unit_id);
    PERFORM bastion_internal.delegations_without_place_end(credentials_without_place_end.user_id);
END
$$;
COMMENT ON FUNCTION bastion_internal.credentials_without_place_end(uuid) IS
'Ends the API keys of a user whose place in their tenant, or in their unit, is gone, and delegations_without_place_end().';

CREATE FUNCTION bastion_internal.end_sessions_of_member() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Deleting a tenant deletes its sessions.
    PERFORM bastion_internal.await_logins(OLD.user_id) FROM bastion.tenants t WHERE t.id = OLD.tenant_id;
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = 'membership'
    WHERE s.user_id = OLD.user_id AND s.tenant_id = OLD.tenant_id AND s.revoked_at IS NULL
      AND (SELECT i.status FROM bastion_internal.resolve_identity(s.user_id, s.tenant_id::text, s.unit_id::text) i) = 'membership';
    PERFORM bastion_internal.credentials_without_place_end(OLD.user_id);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.end_sessions_of_member() IS
'Trigger: ends the sessions and API keys of a user in a tenant, or in a unit, where no membership is left, and in the tenant what the user does for others, and lets others do.';

CREATE TRIGGER memberships_end_sessions AFTER DELETE ON bastion.memberships
FOR EACH ROW EXECUTE FUNCTION bastion_internal.end_sessions_of_member();
CREATE TRIGGER memberships_end_sessions_update AFTER UPDATE ON bastion.memberships
FOR EACH ROW WHEN (ROW(OLD.user_id, OLD.tenant_id, OLD.unit_id, OLD.valid_from, OLD.valid_until) IS DISTINCT FROM
                   ROW(NEW.user_id, NEW.tenant_id, NEW.unit_id, NEW.valid_from, NEW.valid_until))
EXECUTE FUNCTION bastion_internal.end_sessions_of_member();
COMMENT ON TRIGGER memberships_end_sessions ON bastion.memberships IS 'Ends the sessions of a former member, who logs in again after a return';
COMMENT ON TRIGGER memberships_end_sessions_update ON bastion.memberships IS 'Ends the sessions of a former member, who logs in again after a return';

CREATE FUNCTION bastion_internal.end_credentials_of_platform_role() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.await_logins(OLD.user_id);
    PERFORM bastion_internal.credentials_without_place_end(OLD.user_id);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.end_credentials_of_platform_role() IS
'Trigger: ends the API keys of a user, what the user does for others, and lets others do, in tenants where the user has no place any more.';

CREATE TRIGGER platform_roles_end_credentials AFTER UPDATE OR DELETE ON bastion.platform_roles
FOR EACH ROW EXECUTE FUNCTION bastion_internal.end_credentials_of_platform_role();
COMMENT ON TRIGGER platform_roles_end_credentials ON bastion.platform_roles IS 'Ends API keys and delegations of a user who loses a place in every tenant';

-- Nothing runs when a membership ends by its date. What it was for is refused from then on, and ends before the user returns.

CREATE FUNCTION bastion_internal.end_lapsed_credentials() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off  -- a statement that adds members plans when there are few
AS $$
BEGIN
    -- What was deleted ended its credentials then.
    IF NOT EXISTS (SELECT FROM bastion.memberships m WHERE m.user_id = NEW.user_id AND m.valid_until <= statement_timestamp())
       AND NOT EXISTS (SELECT FROM bastion.platform_roles p WHERE p.user_id = NEW.user_id AND p.valid_until <= statement_timestamp()) THEN
        RETURN NEW;
    END IF;
    PERFORM bastion_internal.await_logins(NEW.user_id);
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = 'membership'
    WHERE s.user_id = NEW.user_id AND s.revoked_at IS NULL AND s.tenant_id IS NOT NULL
      AND NOT bastion_internal.has_place(s.user_id, s.tenant_id, s.unit_id);
    PERFORM bastion_internal.credentials_without_place_end(NEW.user_id);
    DELETE FROM bastion.user_permissions p
    WHERE p.user_id = NEW.user_id AND p.effect = 'grant' AND NOT bastion_internal.has_place(p.user_id, p.tenant_id, NULL);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION bastion_internal.end_lapsed_credentials() IS
'Trigger: ends the sessions, API keys, delegations and grants of a user in tenants where each membership has ended by its date, before another one begins.';

-- A row that a dump restores is older than the transaction, and its user has API keys already.
CREATE TRIGGER memberships_end_lapsed BEFORE INSERT ON bastion.memberships
FOR EACH ROW WHEN (NEW.created_at = transaction_timestamp()) EXECUTE FUNCTION bastion_internal.end_lapsed_credentials();
CREATE TRIGGER memberships_end_lapsed_update BEFORE UPDATE OF user_id, tenant_id, unit_id, valid_until ON bastion.memberships
FOR EACH ROW EXECUTE FUNCTION bastion_internal.end_lapsed_credentials();
CREATE TRIGGER platform_roles_end_lapsed BEFORE INSERT ON bastion.platform_roles
FOR EACH ROW WHEN (NEW.created_at = transaction_timestamp()) EXECUTE FUNCTION bastion_internal.end_lapsed_credentials();
CREATE TRIGGER platform_roles_end_lapsed_update BEFORE UPDATE OF user_id, valid_until ON bastion.platform_roles
FOR EACH ROW EXECUTE FUNCTION bastion_internal.end_lapsed_credentials();
COMMENT ON TRIGGER memberships_end_lapsed ON bastion.memberships IS 'Ends what a former member held until the membership ended by its date';
COMMENT ON TRIGGER memberships_end_lapsed_update ON bastion.memberships IS 'Ends what a former member held until the membership ended by its date';
COMMENT ON TRIGGER platform_roles_end_lapsed ON bastion.platform_roles IS 'Ends what a user held until a role in every tenant ended by its date';
COMMENT ON TRIGGER platform_roles_end_lapsed_update ON bastion.platform_roles IS 'Ends what a user held until a role in every tenant ended by its date';

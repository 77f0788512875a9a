
-- Continues a session with a refresh token, in its tenant or in another one, and ends it when a token is reused too late. Tokens appear in assignments only, as in
-- session.sql.

CREATE FUNCTION bastion_internal.refuse_refresh(session bastion.sessions, reason text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.record_event('refresh_refused', 'refused', session.user_id, session.tenant_id,
                                 jsonb_strip_nulls(jsonb_build_object('reason', reason, 'session', session.id)));
    -- Only the holder of a token of this session learns that it has ended.
    RETURN bastion_internal.refusal(CASE WHEN reason IN ('revoked', 'expired', 'idle', 'refresh_reuse') THEN 'session_ended'
                                         ELSE 'invalid_grant' END, 'the refresh token is not accepted; log in again');
END
$$;
COMMENT ON FUNCTION bastion_internal.refuse_refresh(bastion.sessions, text) IS
'Records why a refresh was refused, and returns the answer: session_ended where the session has ended, else invalid_grant.';
SELECT bastion_internal.event_kind('refresh_refused');

CREATE FUNCTION bastion_internal.session_end(session_id uuid, reason text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = session_end.reason
    WHERE s.id = session_end.session_id AND s.revoked_at IS NULL;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION bastion_internal.session_end(uuid, text) IS
'Ends a session; false if it had ended already or does not exist. Checks no permission and records nothing.';

CREATE FUNCTION bastion_internal.refresh_obstacle(session bastion.sessions, used_at timestamptz) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    place record;
BEGIN
    IF session.revoked_at IS NOT NULL THEN
        RETURN 'revoked';
    ELSIF session.expires_at <= moment THEN
        RETURN 'expired';
    ELSIF session.last_seen_at + session.idle_limit <= moment THEN
        RETURN 'idle';
    ELSIF moment > used_at + (bastion_internal.session_limits(session.tenant_id)).reuse_window THEN
        RETURN 'refresh_reuse';
    END IF;
    place := bastion_internal.resolve_identity(session.user_id, session.tenant_id::text, session.unit_id::text);
    RETURN nullif(place.status, 'ok');
END
$$;
COMMENT ON FUNCTION bastion_internal.refresh_obstacle(bastion.sessions, timestamptz) IS
'The reason why a session cannot be continued with a token that was used at this time (NULL: never): revoked, expired, idle, refresh_reuse, or a status of resolve_identity(). NULL if it can.';

CREATE FUNCTION bastion_internal.session_move(session bastion.sessions, tenant_id uuid, unit_id uuid) RETURNS bastion.sessions
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    limits record;
    moved bastion.sessions;
BEGIN
    limits := bastion_internal.session_limits(session_move.tenant_id);
    UPDATE bastion.sessions s SET tenant_id = session_move.tenant_id, unit_id = session_move.unit_id, idle_limit = limits.idle_limit,
        expires_at = least(s.expires_at, s.created_at + limits.session_lifetime)
    WHERE s.id = session.id RETURNING s.* INTO moved;
    PERFORM bastion_internal.record_event('tenant_switched', 'success', moved.user_id, moved.tenant_id,
                                          jsonb_build_object('session', moved.id, 'unit', moved.unit_id, 'from', session.tenant_id));
    RETURN moved;
END
$$;
COMMENT ON FUNCTION bastion_internal.session_move(bastion.sessions, uuid, uuid) IS
'Moves a session into another tenant and unit, with the limits of that tenant; it never lasts longer than before.';
SELECT bastion_internal.event_kind('tenant_switched');

CREATE FUNCTION bastion_internal.session_lower(session bastion.sessions, moment timestamptz) RETURNS bastion.sessions
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lower bastion.sessions := session;
BEGIN
    -- What ends level aal3 leaves a session whose user presented two factors, for the limits of those.
    lower.level := 'aal2';
    IF session.level <> 'aal3' OR moment >= bastion_internal.confirmed_until(lower) THEN
        lower.level := 'aal1';
        lower.amr := array_remove(lower.amr, 'mfa');
        lower.phishing_resistant_at := NULL;
    END IF;
    UPDATE bastion.sessions s SET level = lower.level, amr = lower.amr, phishing_resistant_at = lower.phishing_resistant_at
    WHERE s.id = lower.id RETURNING s.* INTO lower;
    RETURN lower;
END
$$;
COMMENT ON FUNCTION bastion_internal.session_lower(bastion.sessions, timestamptz) IS
'Gives a session of level aal2 or aal3 whose time is over the level that it still has at this moment, aal2 or aal1, and returns it.';

CREATE FUNCTION bastion_internal.session_continue(token text, moves boolean, tenant text, unit text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment timestamptz;
    token_hash bytea := bastion_internal.refresh_token_hash(token);
    family bastion.sessions;
    place record;
    presented bastion.refresh_tokens;
    obstacle text;
    next_token text;
    next_hash bytea;
BEGIN
    PERFORM bastion_internal.require_writable('a refresh');
    IF moves THEN
        SELECT s.* INTO family FROM bastion.sessions s
        WHERE s.id = (SELECT r.session_id FROM bastion.refresh_tokens r WHERE r.hash = token_hash);
        place := bastion_internal.resolve_identity(family.user_id, tenant, unit);
        PERFORM bastion_internal.hold_user(family.user_id, place.tenant_id, place.unit_id);
        -- With the locks held, check again.
        place := bastion_internal.resolve_identity(family.user_id, tenant, unit);
    END IF;
    -- Concurrent requests wait here; all but the first then see what it wrote.
    SELECT s.* INTO family FROM bastion.sessions s
    WHERE s.id = (SELECT r.session_id FROM bastion.refresh_tokens r WHERE r.hash = token_hash) FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN bastion_internal.refuse_refresh(NULL, 'unknown');
    END IF;
    SELECT * INTO presented FROM bastion.refresh_tokens r WHERE r.hash = token_hash;
    obstacle := bastion_internal.refresh_obstacle(family, presented.used_at);
    IF obstacle IN ('expired', 'idle', 'refresh_reuse') THEN
        PERFORM bastion_internal.session_end(family.id, obstacle);
    END IF;
    IF moves AND obstacle IS NULL THEN
        obstacle := CASE WHEN tenant IS NULL THEN 'tenant'
                         WHEN place.status <> 'ok' THEN place.status
                         WHEN family.remembered_at IS NOT NULL AND family.level = 'aal1'
                             AND EXISTS (SELECT FROM bastion.tenants t WHERE t.id = place.tenant_id AND t.mfa = 'off') THEN 'factor'
                         WHEN presented.used_at IS NOT NULL AND ROW (family.tenant_id, family.unit_id) IS DISTINCT FROM ROW (place.tenant_id, place.unit_id) THEN 'used'
                         WHEN family.created_at + (bastion_internal.session_limits(place.tenant_id)).session_lifetime <= clock_timestamp() THEN 'too_old' END;
    END IF;
    IF obstacle IS NOT NULL THEN
        RETURN bastion_internal.refuse_refresh(family, obstacle);
    END IF;
    IF presented.used_at IS NULL THEN
        presented.successor_pepper := bastion_internal.pepper();
        IF moves THEN
            family := bastion_internal.session_move(family, place.tenant_id, place.unit_id);
        END IF;
    END IF;
    next_token := bastion_internal.refresh_token_next(token, presented.successor_pepper);
    next_hash := bastion_internal.refresh_token_hash(next_token);
    IF presented.used_at IS NULL THEN
        moment := clock_timestamp();
        UPDATE bastion.refresh_tokens r SET used_at = moment, successor_pepper = presented.successor_pepper
        WHERE r.hash = token_hash;
        INSERT INTO bastion.refresh_tokens (hash, session_id, issued_at) VALUES (next_hash, family.id, moment);
        -- The time before this refresh counts for the limits of a confirmed session.
        IF moment >= bastion_internal.confirmed_until(family) THEN
            family := bastion_internal.session_lower(family, moment);
        END IF;
        UPDATE bastion.sessions s SET last_seen_at = moment, ip = bastion.client_address(), user_agent = bastion_internal.request_user_agent()
        WHERE s.id = family.id RETURNING s.* INTO family;
    END IF;
    RETURN bastion_internal.answer(bastion_internal.session_answer(family, next_token, next_hash));
END
$$;
COMMENT ON FUNCTION bastion_internal.session_continue(text, boolean, text, text) IS
'refresh(), and tenant_switch() where the session moves into a tenant and unit. SQLSTATE as these.';

CREATE FUNCTION bastion_api.refresh(token text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.session_continue(token, false, NULL, NULL);
END
$$;
COMMENT ON FUNCTION bastion_api.refresh(text) IS
'Continues a session: exchanges a refresh token for a new access token and the next refresh token (RFC 6749 section 6). Tokens rotate as RFC 9700 section 4.14.2 requires.
Returns what login() returns. For bastion.refresh_reuse_window (10 s) after its first use, a used token gives the same tokens again: a client may repeat a request whose answer was lost, and two tabs may ask at the same time. A later use ends the session, even if the answer was lost: it could be a thief with a copy of the token. A tenant sets its own time with session_settings_set().
Refusals are returned and recorded: {"error": "session_ended", "error_description"} for a token of a session that was ended, is idle or has expired, or that this use ends; {"error": "invalid_grant", "error_description"} for an unknown token, and where the user may no longer work. After both, the user logs in again.
SQLSTATE 25006 in a READ ONLY transaction, 40001 when another request was first and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.refresh(text)', 'application');

CREATE FUNCTION bastion_api.tenant_switch(token text, tenant text, unit text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.session_continue(token, true, tenant, unit);
END
$$;
COMMENT ON FUNCTION bastion_api.tenant_switch(text, text, text) IS
'Takes a session into another tenant of the user (uuid or slug), or another unit (slug or uuid): exchanges a refresh token as refresh() does. The session goes on there, with the limits of that tenant, and never longer than before.
Access tokens that were issued before stay valid until they expire, in the tenant that they name. A repeated request gets the same tokens, as with refresh().
Returns what login() returns. Refusals are returned and recorded: those of refresh(); and invalid_grant for a tenant or unit without membership, for a token that was used otherwise, and for a session too old for that tenant. A session that a remembered device began is refused alike where the tenant requires no second factor: step_up() first. After the latter four the token is still good.
SQLSTATE 25006 in a READ ONLY transaction, 40001 when another request was first and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.tenant_switch(text, text, text)', 'application');

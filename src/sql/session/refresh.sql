
-- Continues a session with a refresh token, and ends it when a token is reused too late. Tokens appear in assignments only, as in
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
    SELECT * INTO place FROM bastion_internal.resolve_identity(session.user_id, session.tenant_id::text, session.unit_id::text);
    RETURN nullif(place.status, 'ok');
END
$$;
COMMENT ON FUNCTION bastion_internal.refresh_obstacle(bastion.sessions, timestamptz) IS
'The reason why a session cannot be continued with a token that was used at this time (NULL: never): revoked, expired, idle, refresh_reuse, or a status of resolve_identity(). NULL if it can.';

CREATE FUNCTION bastion_api.refresh(token text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment timestamptz;
    token_hash bytea := bastion_internal.refresh_token_hash(token);
    family bastion.sessions;
    presented bastion.refresh_tokens;
    obstacle text;
    next_token text;
    next_hash bytea;
BEGIN
    PERFORM bastion_internal.require_writable('a refresh');
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
    IF obstacle IS NOT NULL THEN
        RETURN bastion_internal.refuse_refresh(family, obstacle);
    END IF;
    IF presented.used_at IS NULL THEN
        presented.successor_pepper := bastion_internal.pepper();
    END IF;
    next_token := bastion_internal.refresh_token_next(token, presented.successor_pepper);
    next_hash := bastion_internal.refresh_token_hash(next_token);
    IF presented.used_at IS NULL THEN
        moment := clock_timestamp();
        UPDATE bastion.refresh_tokens r SET used_at = moment, successor_pepper = presented.successor_pepper
        WHERE r.hash = token_hash;
        INSERT INTO bastion.refresh_tokens (hash, session_id, issued_at) VALUES (next_hash, family.id, moment);
        UPDATE bastion.sessions s SET last_seen_at = moment, ip = bastion.client_address(), user_agent = bastion_internal.request_user_agent()
        WHERE s.id = family.id RETURNING s.* INTO family;
    END IF;
    RETURN bastion_internal.answer(bastion_internal.session_answer(family, next_token, next_hash));
END
$$;
COMMENT ON FUNCTION bastion_api.refresh(text) IS
'Continues a session: exchanges a refresh token for a new access token and the next refresh token (RFC 6749 section 6). Tokens rotate as RFC 9700 section 4.14.2 requires.
Returns what login() returns. For bastion.refresh_reuse_window (10 s) after its first use, a used token gives the same tokens again: a client may repeat a request whose answer was lost, and two tabs may ask at the same time. A later use ends the session, even if the answer was lost: it could be a thief with a copy of the token. A tenant sets its own time with session_settings_set().
Refusals are returned and recorded: {"error": "session_ended", "error_description"} for a token of a session that was ended, is idle or has expired, or that this use ends; {"error": "invalid_grant", "error_description"} for an unknown token, and where the user may no longer work. After both, the user logs in again.
SQLSTATE 25006 in a READ ONLY transaction, 40001 when another request was first and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.refresh(text)', 'application');


-- Sessions, which login and sign-up begin: limits, tokens and the answers to clients. refresh.sql continues a session,
-- session_end.sql ends it.
--
-- Tokens appear in assignments only, which PL/pgSQL evaluates without a plan that auto_explain could log; tables store their
-- hashes. A transaction that continues or ends a session locks its row; this lock covers its refresh tokens too.

CREATE FUNCTION bastion_internal.refresh_token_make() RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_refresh_token_make';
COMMENT ON FUNCTION bastion_internal.refresh_token_make() IS 'Makes a random refresh token, 256 bits.';

CREATE FUNCTION bastion_internal.refresh_token_hash(token text) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_refresh_token_hash';
COMMENT ON FUNCTION bastion_internal.refresh_token_hash(text) IS
'The stored hash of a refresh token, SHA-256; NULL for any other text.';

CREATE FUNCTION bastion_internal.refresh_token_next(token text, pepper integer) RETURNS text
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_refresh_token_next';
COMMENT ON FUNCTION bastion_internal.refresh_token_next(text, integer) IS
'The successor of a refresh token: its HMAC-SHA-256 under a pepper, so that a repeated request gets the same token.
SQLSTATE 22P02 for any other text, BA001 without a root key, BA003 for an unknown pepper.';

-- Limits

CREATE FUNCTION bastion_internal.setting_seconds(name text) RETURNS interval
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    value text := bastion_internal.setting(name);
BEGIN
    RETURN CASE WHEN value ~ '^[0-9]+$' THEN make_interval(secs => value::integer) ELSE value::interval END;
END
$$;
COMMENT ON FUNCTION bastion_internal.setting_seconds(text) IS 'The value of a setting that is a time, as an interval.';

CREATE FUNCTION bastion_internal.session_limits(tenant_id uuid, OUT access_lifetime interval, OUT session_lifetime interval,
                                       OUT idle_limit interval, OUT reuse_window interval)
RETURNS record
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT s.access_lifetime, s.session_lifetime, s.idle_limit, s.reuse_window INTO access_lifetime, session_lifetime, idle_limit, reuse_window
    FROM bastion.session_settings s WHERE s.tenant_id = session_limits.tenant_id;
    access_lifetime := coalesce(access_lifetime, bastion_internal.setting_seconds('bastion.access_token_lifetime'));
    session_lifetime := coalesce(session_lifetime, bastion_internal.setting_seconds('bastion.session_lifetime'));
    idle_limit := coalesce(idle_limit, bastion_internal.setting_seconds('bastion.session_idle_limit'));
    reuse_window := coalesce(reuse_window, bastion_internal.setting_seconds('bastion.refresh_reuse_window'));
END
$$;
COMMENT ON FUNCTION bastion_internal.session_limits(uuid) IS
'The limits of sessions in a tenant: its own settings, else those of the server.';

CREATE FUNCTION bastion.session_settings_set(access_lifetime interval DEFAULT NULL, session_lifetime interval DEFAULT NULL,
                                             idle_limit interval DEFAULT NULL, reuse_window interval DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
BEGIN
    PERFORM bastion_internal.require_permission('tenant.update', NULL);
    IF NOT bastion_internal.lasts(access_lifetime, '10 s', '30 days') OR NOT bastion_internal.lasts(session_lifetime, '10 s', '366 days')
       OR NOT bastion_internal.lasts(idle_limit, '10 s', '366 days') OR NOT bastion_internal.lasts(reuse_window, '0', '5 minutes') THEN
        RAISE EXCEPTION 'session limit out of range' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'access_lifetime lasts 10 seconds to 30 days, session_lifetime and idle_limit 10 seconds to 366 days, reuse_window up to 5 minutes.';
    END IF;
    INSERT INTO bastion.session_settings
    VALUES (tenant, session_settings_set.access_lifetime, session_settings_set.session_lifetime,
            session_settings_set.idle_limit, session_settings_set.reuse_window)
    ON CONFLICT ON CONSTRAINT session_settings_pkey DO UPDATE
        SET access_lifetime = excluded.access_lifetime, session_lifetime = excluded.session_lifetime,
            idle_limit = excluded.idle_limit, reuse_window = excluded.reuse_window;
    PERFORM bastion_internal.record_event('session_settings_changed', 'success', NULL, tenant, jsonb_strip_nulls(jsonb_build_object(
        'access_lifetime', session_settings_set.access_lifetime, 'session_lifetime', session_settings_set.session_lifetime,
        'idle_limit', session_settings_set.idle_limit, 'reuse_window', session_settings_set.reuse_window)));
END
$$;
COMMENT ON FUNCTION bastion.session_settings_set(interval, interval, interval, interval) IS
'Sets the limits of sessions in this tenant: access_lifetime is that of access tokens (10 s to 30 days). session_lifetime limits a session in all, idle_limit one without a refresh (10 s to 366 days). In reuse_window, a used refresh token is answered again (up to 5 minutes).
NULL means the setting of the server. New sessions get all of them, existing ones the first and the last.
Needs tenant.update in the whole tenant.
SQLSTATE 22023 out of range, 42501, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.session_settings_set(interval, interval, interval, interval)', 'application');
SELECT bastion_internal.event_kind('session_settings_changed');

-- The answers of login, sign-up and refresh

CREATE FUNCTION bastion_internal.session_deadline(session bastion.sessions) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN least(session.expires_at, session.last_seen_at + session.idle_limit);
END
$$;
COMMENT ON FUNCTION bastion_internal.session_deadline(bastion.sessions) IS
'When a session ends if it is not refreshed before.';

-- A confirmed session counts as such for 24 hours and, without a refresh, for one (NIST SP 800-63B-4 section 2.2.3); one of level aal3 for
-- 12 hours and 15 minutes (section 2.3.3). Then it goes on with the next lower level. Its access tokens end before, so that readers of a token need not know the limits.

CREATE FUNCTION bastion_internal.confirmed_until(session bastion.sessions) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE session.level
        WHEN 'aal3' THEN least(session.phishing_resistant_at + interval '12 hours', greatest(session.last_seen_at, session.phishing_resistant_at) + interval '15 minutes')
        WHEN 'aal2' THEN least(session.authenticated_at + interval '24 hours', greatest(session.last_seen_at, session.authenticated_at) + interval '1 hour') END;
END
$$;
COMMENT ON FUNCTION bastion_internal.confirmed_until(bastion.sessions) IS
'Until when a session has its level, aal2 or aal3, if it is not refreshed before; NULL for one of a lower level.';

CREATE FUNCTION bastion_internal.session_acr(session bastion.sessions) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN session.level = 'aal3' THEN 'phrh' WHEN session.phishing_resistant_at IS NOT NULL THEN 'phr' ELSE session.level END;
END
$$;
COMMENT ON FUNCTION bastion_internal.session_acr(bastion.sessions) IS
'The claim acr of the tokens of a session: its level, or phr (OpenID Connect EAP ACR Values 1.0) for one of level aal2 whose user presented a passkey, and phrh for one of level aal3.';

CREATE FUNCTION bastion_internal.access_expires_at(session bastion.sessions, issued_at bigint) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN least(issued_at + extract(epoch FROM (bastion_internal.session_limits(session.tenant_id)).access_lifetime),
                 floor(extract(epoch FROM bastion_internal.session_deadline(session))),
                 floor(extract(epoch FROM bastion_internal.confirmed_until(session))))::bigint;
END
$$;
COMMENT ON FUNCTION bastion_internal.access_expires_at(bastion.sessions, bigint) IS
'When an access token of a session ends that is issued at this time, in Unix seconds.';

CREATE FUNCTION bastion_internal.session_answer(session bastion.sessions, refresh_token text, token_hash bytea) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    issued bastion.refresh_tokens;
    issued_at bigint;
    expires_at bigint;
    now_at numeric := extract(epoch FROM clock_timestamp());
    access_token text;
BEGIN
    SELECT * INTO issued FROM bastion.refresh_tokens r WHERE r.hash = session_answer.token_hash;
    issued_at := floor(extract(epoch FROM issued.issued_at));
    expires_at := bastion_internal.access_expires_at(session, issued_at);
    access_token := bastion_internal.access_token(session.user_id, session.tenant_id, session.unit_id, session.id, issued_at, expires_at,
                                         issued.access_jti, session.amr, bastion_internal.session_acr(session), session.authenticated_at);
    RETURN jsonb_build_object(
        'access_token', access_token,
        'token_type', 'Bearer',
        'expires_in', expires_at - issued_at,
        'expires_at', to_timestamp(expires_at),
        'refresh_token', session_answer.refresh_token,
        'refresh_expires_in', greatest(0, floor(extract(epoch FROM bastion_internal.session_deadline(session)) - now_at)),
        'user', bastion_internal.user_object(session.user_id),
        'tenant', bastion_internal.tenant_object(session.tenant_id, session.user_id));
END
$$;
COMMENT ON FUNCTION bastion_internal.session_answer(bastion.sessions, text, bytea) IS
'The answer of login, sign-up and refresh() on success: access_token, token_type, expires_in in seconds from its issue and refresh_token (RFC 6749 section 5.1), expires_at, refresh_expires_in in seconds, user, tenant (null without one). One refresh token always has the same access token.';

CREATE FUNCTION bastion_internal.session_start(user_id uuid, tenant_id uuid, unit_id uuid, device text, amr text[] DEFAULT '{pwd}',
                                      level text DEFAULT 'aal1', remembered_at timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    limits record;
    new_session bastion.sessions;
    new_token text;
    new_hash bytea;
BEGIN
    limits := bastion_internal.session_limits(session_start.tenant_id);
    INSERT INTO bastion.sessions (user_id, tenant_id, unit_id, created_at, last_seen_at, authenticated_at, expires_at, idle_limit, device, ip,
                                  user_agent, level, amr, phishing_resistant_at, remembered_at)
    VALUES (session_start.user_id, session_start.tenant_id, session_start.unit_id, moment, moment, moment,
            moment + limits.session_lifetime, limits.idle_limit,
            bastion_internal.label_or_null(session_start.device), bastion.client_address(),
            bastion_internal.request_user_agent(), session_start.level, session_start.amr,
            CASE WHEN '{pop,hwk}' && session_start.amr AND session_start.level IN ('aal2', 'aal3') THEN moment END, session_start.remembered_at)
    RETURNING * INTO new_session;
    new_token := bastion_internal.refresh_token_make();
    new_hash := bastion_internal.refresh_token_hash(new_token);
    INSERT INTO bastion.refresh_tokens (hash, session_id, issued_at) VALUES (new_hash, new_session.id, moment);
    RETURN bastion_internal.session_answer(new_session, new_token, new_hash);
END
$$;
COMMENT ON FUNCTION bastion_internal.session_start(uuid, uuid, uuid, text, text[], text, timestamptz) IS
'Begins a session for a user who was just authenticated; returns what session_answer() returns. A device name that is not a valid label is ignored. Checks no permission.
SQLSTATE BA001 without a root key.';

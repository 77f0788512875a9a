
-- The life of a session: begun by login and sign-up, continued by refresh(), ended by logout(), by an administrator, by its
-- limits, or with the account, the membership or the tenant.
--
-- Tokens appear in assignments only, which PL/pgSQL evaluates without a plan that auto_explain could log; tables get their
-- hashes. Whoever continues or ends a session locks its row, the refresh tokens of a session follow that lock.

CREATE FUNCTION bastion.pepper_make(data_key integer, version integer) RETURNS bytea
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_pepper_make';
COMMENT ON FUNCTION bastion.pepper_make(integer, integer) IS
'A new random pepper, sealed under the data encryption key. Internal. SQLSTATE BA001 without a root key, BA003 when there is no such data key.';

CREATE FUNCTION bastion.refresh_token_make() RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_refresh_token_make';
COMMENT ON FUNCTION bastion.refresh_token_make() IS 'A new random refresh token, 256 bits. Internal.';

CREATE FUNCTION bastion.refresh_token_hash(token text) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_refresh_token_hash';
COMMENT ON FUNCTION bastion.refresh_token_hash(text) IS
'What is stored of a refresh token, SHA-256; NULL for a text that is none. Internal.';

CREATE FUNCTION bastion.refresh_token_next(token text, pepper integer) RETURNS text
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_refresh_token_next';
COMMENT ON FUNCTION bastion.refresh_token_next(text, integer) IS
'The successor of a refresh token: HMAC-SHA-256 over it under a pepper, so that a repeated request gets the same. Internal. SQLSTATE 22P02 for a text that is none, BA001 without a root key, BA003 without such a pepper.';

CREATE FUNCTION bastion.active_pepper() RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT p.version FROM bastion.peppers p WHERE p.state = 'active' $$;
COMMENT ON FUNCTION bastion.active_pepper() IS 'The version of the pepper for what is new; NULL when there is none yet. Internal.';

CREATE FUNCTION bastion.pepper_create() RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key integer;
    next_version integer;
BEGIN
    PERFORM bastion.lock_vault();
    key := bastion.data_key('pepper');
    SELECT coalesce(max(p.version), 0) + 1 INTO next_version FROM bastion.peppers p;
    UPDATE bastion.peppers p SET state = 'verifying' WHERE p.state = 'active';
    INSERT INTO bastion.peppers (version, sealed, data_key_id)
    VALUES (next_version, bastion.pepper_make(key, next_version), key);
    PERFORM bastion.record_event('key_created', 'success', NULL, NULL,
                                 jsonb_build_object('key', 'pepper', 'version', next_version));
    RETURN next_version;
END
$$;
COMMENT ON FUNCTION bastion.pepper_create() IS
'Makes a new pepper the active one, for refresh tokens and API keys from now on; the one before stays for what it was used for. Returns its version. For operators: EXECUTE is granted to nobody. SQLSTATE BA001 without a root key.';

CREATE FUNCTION bastion.pepper() RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    active integer := bastion.active_pepper();
BEGIN
    IF active IS NULL THEN
        PERFORM bastion.lock_vault();
        active := coalesce(bastion.active_pepper(), bastion.pepper_create());
    END IF;
    RETURN active;
END
$$;
COMMENT ON FUNCTION bastion.pepper() IS
'The version of the active pepper, made at first need. Internal. SQLSTATE BA001 without a root key.';

-- Limits

CREATE FUNCTION bastion.setting_seconds(name text) RETURNS interval
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE WHEN v.value ~ '^[0-9]+$' THEN make_interval(secs => v.value::integer) ELSE v.value::interval END
      FROM bastion.setting(name) AS v (value) $$;
COMMENT ON FUNCTION bastion.setting_seconds(text) IS 'A setting of the extension that is a time. Internal.';

CREATE FUNCTION bastion.session_limits(tenant_id uuid, OUT access_lifetime interval, OUT session_lifetime interval,
                                       OUT idle_limit interval, OUT reuse_window interval)
RETURNS record
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(s.access_lifetime, bastion.setting_seconds('bastion.access_token_lifetime')),
           coalesce(s.session_lifetime, bastion.setting_seconds('bastion.session_lifetime')),
           coalesce(s.idle_limit, bastion.setting_seconds('bastion.session_idle_limit')),
           coalesce(s.reuse_window, bastion.setting_seconds('bastion.refresh_reuse_window'))
    FROM (SELECT) one LEFT JOIN bastion.session_settings s ON s.tenant_id = session_limits.tenant_id
$$;
COMMENT ON FUNCTION bastion.session_limits(uuid) IS
'The limits of sessions in a tenant: the tenant''s own, else those of the server. Internal.';

CREATE FUNCTION bastion.session_settings_set(access_lifetime interval DEFAULT NULL, session_lifetime interval DEFAULT NULL,
                                             idle_limit interval DEFAULT NULL, reuse_window interval DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion.require_tenant();
BEGIN
    PERFORM bastion.require_permission('tenant.update', NULL);
    IF access_lifetime NOT BETWEEN '10 s' AND '30 days' OR session_lifetime NOT BETWEEN '10 s' AND '366 days'
       OR idle_limit NOT BETWEEN '10 s' AND '366 days' OR reuse_window NOT BETWEEN '0' AND '5 minutes' THEN
        RAISE EXCEPTION 'limit of sessions out of range' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'access_lifetime lasts 10 seconds to 30 days, session_lifetime and idle_limit 10 seconds to 366 days, reuse_window up to 5 minutes.';
    END IF;
    INSERT INTO bastion.session_settings
    VALUES (tenant, session_settings_set.access_lifetime, session_settings_set.session_lifetime,
            session_settings_set.idle_limit, session_settings_set.reuse_window)
    ON CONFLICT ON CONSTRAINT session_settings_pkey DO UPDATE
        SET access_lifetime = excluded.access_lifetime, session_lifetime = excluded.session_lifetime,
            idle_limit = excluded.idle_limit, reuse_window = excluded.reuse_window;
    PERFORM bastion.record_event('session_settings_changed', 'success', NULL, tenant, jsonb_strip_nulls(jsonb_build_object(
        'access_lifetime', session_settings_set.access_lifetime, 'session_lifetime', session_settings_set.session_lifetime,
        'idle_limit', session_settings_set.idle_limit, 'reuse_window', session_settings_set.reuse_window)));
END
$$;
COMMENT ON FUNCTION bastion.session_settings_set(interval, interval, interval, interval) IS
'Sets what this tenant''s sessions get from now on: life of access tokens (10 s to 30 days), of sessions in all and without a refresh (10 s to 366 days), and how long a used refresh token is answered again (up to 5 minutes); NULL leaves what the server sets. The first and the last count for sessions that there are. Needs tenant.update in the whole tenant. SQLSTATE 22023 out of range, 42501, 28000 when a token was presented and refused.';

-- What login, sign-up and refresh answer

CREATE FUNCTION bastion.session_deadline(session bastion.sessions) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT least(session.expires_at, session.last_seen_at + session.idle_limit) $$;
COMMENT ON FUNCTION bastion.session_deadline(bastion.sessions) IS
'When a session ends unless it is refreshed before. Internal.';

CREATE FUNCTION bastion.session_answer(session bastion.sessions, refresh_token text, token_hash bytea) RETURNS jsonb
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
    expires_at := least(issued_at + extract(epoch FROM (bastion.session_limits(session.tenant_id)).access_lifetime),
                        floor(extract(epoch FROM bastion.session_deadline(session))));
    access_token := bastion.access_token(session.user_id, session.tenant_id, session.unit_id, session.id, issued_at, expires_at,
                                         issued.access_jti, session.amr, session.level);
    RETURN jsonb_build_object(
        'access_token', access_token,
        'token_type', 'Bearer',
        'expires_in', expires_at - issued_at,
        'refresh_token', session_answer.refresh_token,
        'refresh_expires_in', greatest(0, floor(extract(epoch FROM bastion.session_deadline(session)) - now_at)),
        'user', bastion.user_object(session.user_id),
        'tenant', bastion.tenant_object(session.tenant_id)
            || jsonb_build_object('role', bastion.tenant_role(session.user_id, session.tenant_id)));
END
$$;
COMMENT ON FUNCTION bastion.session_answer(bastion.sessions, text, bytea) IS
'What login, sign-up and refresh() return on success: access_token, token_type, expires_in in seconds from its issue and refresh_token (RFC 6749 section 5.1), refresh_expires_in in seconds, user, tenant (null without one). The access token of a refresh token is always the same. Internal.';

CREATE FUNCTION bastion.session_start(user_id uuid, tenant_id uuid, unit_id uuid, device text, amr text[] DEFAULT '{pwd}',
                                      level text DEFAULT 'aal1')
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
    SELECT * INTO limits FROM bastion.session_limits(session_start.tenant_id);
    INSERT INTO bastion.sessions (user_id, tenant_id, unit_id, created_at, last_seen_at, expires_at, idle_limit, device, ip,
                                  user_agent, level, amr)
    VALUES (session_start.user_id, session_start.tenant_id, session_start.unit_id, moment, moment,
            moment + limits.session_lifetime, limits.idle_limit,
            CASE WHEN bastion.is_label(session_start.device) THEN session_start.device END, bastion.client_address(),
            bastion.request_user_agent(), session_start.level, session_start.amr)
    RETURNING * INTO new_session;
    new_token := bastion.refresh_token_make();
    new_hash := bastion.refresh_token_hash(new_token);
    INSERT INTO bastion.refresh_tokens (hash, session_id, issued_at) VALUES (new_hash, new_session.id, moment);
    RETURN bastion.session_answer(new_session, new_token, new_hash);
END
$$;
COMMENT ON FUNCTION bastion.session_start(uuid, uuid, uuid, text, text[], text) IS
'Begins a session for a user who was just authenticated and returns its tokens, as session_answer() does. A device name that is no label is left out. Internal: it asks nothing. SQLSTATE BA001 without a root key.';

-- Refresh

CREATE FUNCTION bastion.refuse_refresh(session bastion.sessions, reason text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion.record_event('refresh_refused', 'refused', session.user_id, session.tenant_id,
                                 jsonb_strip_nulls(jsonb_build_object('reason', reason, 'session', session.id)));
    RETURN bastion.refusal('invalid_grant', 'the refresh token is not accepted; log in again');
END
$$;
COMMENT ON FUNCTION bastion.refuse_refresh(bastion.sessions, text) IS
'Records why a refresh was refused and returns the one answer that every refused refresh gets. Internal.';

CREATE FUNCTION bastion.session_end(session_id uuid, reason text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = session_end.reason
    WHERE s.id = session_end.session_id AND s.revoked_at IS NULL;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION bastion.session_end(uuid, text) IS
'Ends a session; false when it had ended or there is none. Internal: it asks and records nothing.';

CREATE FUNCTION bastion.refresh_obstacle(session bastion.sessions, used_at timestamptz) RETURNS text
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
    ELSIF moment > used_at + (bastion.session_limits(session.tenant_id)).reuse_window THEN
        RETURN 'refresh_reuse';
    END IF;
    SELECT * INTO place FROM bastion.resolve_identity(session.user_id, session.tenant_id::text, session.unit_id::text);
    RETURN nullif(place.status, 'ok');
END
$$;
COMMENT ON FUNCTION bastion.refresh_obstacle(bastion.sessions, timestamptz) IS
'Why a session cannot be continued with a token that was used then (NULL: never): revoked, expired, idle, refresh_reuse, or a status of resolve_identity(); NULL when it can. Internal.';

CREATE FUNCTION bastion_api.refresh(token text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment timestamptz;
    token_hash bytea := bastion.refresh_token_hash(token);
    family bastion.sessions;
    presented bastion.refresh_tokens;
    obstacle text;
    next_token text;
    next_hash bytea;
BEGIN
    PERFORM bastion.require_writable('a refresh');
    -- Of many at the same time, one goes first; the others then see what it wrote.
    SELECT s.* INTO family FROM bastion.sessions s
    WHERE s.id = (SELECT r.session_id FROM bastion.refresh_tokens r WHERE r.hash = token_hash) FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN bastion.refuse_refresh(NULL, 'unknown');
    END IF;
    SELECT * INTO presented FROM bastion.refresh_tokens r WHERE r.hash = token_hash;
    obstacle := bastion.refresh_obstacle(family, presented.used_at);
    IF obstacle IN ('expired', 'idle', 'refresh_reuse') THEN
        PERFORM bastion.session_end(family.id, obstacle);
    END IF;
    IF obstacle IS NOT NULL THEN
        RETURN bastion.refuse_refresh(family, obstacle);
    END IF;
    IF presented.used_at IS NULL THEN
        presented.successor_pepper := bastion.pepper();
    END IF;
    next_token := bastion.refresh_token_next(token, presented.successor_pepper);
    next_hash := bastion.refresh_token_hash(next_token);
    IF presented.used_at IS NULL THEN
        moment := clock_timestamp();
        UPDATE bastion.refresh_tokens r SET used_at = moment, successor_pepper = presented.successor_pepper
        WHERE r.hash = token_hash;
        INSERT INTO bastion.refresh_tokens (hash, session_id, issued_at) VALUES (next_hash, family.id, moment);
        UPDATE bastion.sessions s SET last_seen_at = moment, ip = bastion.client_address(), user_agent = bastion.request_user_agent()
        WHERE s.id = family.id RETURNING s.* INTO family;
    END IF;
    RETURN bastion.session_answer(family, next_token, next_hash);
END
$$;
COMMENT ON FUNCTION bastion_api.refresh(text) IS
'Continues a session: takes a refresh token and answers as login does, with a new access token and the next refresh token (RFC 6749 section 6, rotated as RFC 9700 section 4.14.2 asks). A used token is answered again, with the same tokens, for bastion.refresh_reuse_window (10 s) after its first use, so that a client may repeat a request whose answer was lost and two tabs may ask at the same time; later its use ends the session. Every refusal is returned and recorded and looks the same: {"error": "invalid_grant", "message"}, for a token that is unknown, used too long ago, or of a session that was ended, is idle or over, or whose user may not work there any more. SQLSTATE 25006 in a READ ONLY transaction, 40001 when another request was first and the isolation level is not READ COMMITTED, BA001 without a root key.';

-- One's own sessions

CREATE FUNCTION bastion.session_owner() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN bastion.actor_id() = bastion.user_id() AND bastion.api_key_id() IS NULL THEN bastion.user_id() END
    WHERE bastion.whoami() ->> 'method' <> 'impersonation'
$$;
COMMENT ON FUNCTION bastion.session_owner() IS
'The user who acts for himself by a token of a login; NULL under impersonation, with an API key, and when anonymous. Internal.';

CREATE FUNCTION bastion_api.logout(scope text DEFAULT 'this') RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner uuid := bastion.session_owner();
    own_session uuid := bastion.session_id();
    ended bigint;
BEGIN
    PERFORM bastion.require_writable('a logout');
    IF scope IS NULL OR scope NOT IN ('this', 'others', 'all') THEN
        RETURN bastion.refusal('invalid_scope', 'the scope of a logout is this, others or all');
    ELSIF owner IS NULL THEN
        RETURN bastion.refusal('unauthenticated', 'present the token of a login first');
    END IF;
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = 'logout'
    WHERE s.user_id = owner AND s.revoked_at IS NULL
      AND CASE scope WHEN 'this' THEN s.id = own_session WHEN 'others' THEN s.id IS DISTINCT FROM own_session ELSE true END;
    GET DIAGNOSTICS ended = ROW_COUNT;
    PERFORM bastion.record_event('logout', 'success', owner, bastion.tenant_id(),
                                 jsonb_build_object('scope', scope, 'sessions', ended));
    RETURN jsonb_build_object('ended', ended);
END
$$;
COMMENT ON FUNCTION bastion_api.logout(text) IS
'Ends sessions of the user of this transaction, in every tenant: this one, the others, or all; their tokens are refused from the next statement on, everywhere. Returns {"ended": how many}. Refusals: {"error": "unauthenticated"} without the token of a login, also under impersonation and with an API key; {"error": "invalid_scope"}. SQLSTATE 25006 in a READ ONLY transaction, 28000 when a token was presented and refused.';

CREATE FUNCTION bastion_api.sessions() RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner uuid := bastion.session_owner();
    own_session uuid := bastion.session_id();
BEGIN
    IF owner IS NULL THEN
        RETURN bastion.refusal('unauthenticated', 'present the token of a login first');
    END IF;
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'id', s.id, 'current', s.id IS NOT DISTINCT FROM own_session, 'device', s.device, 'ip', host(s.ip),
                'user_agent', s.user_agent, 'tenant', bastion.tenant_object(s.tenant_id), 'level', s.level, 'amr', s.amr,
                'created_at', s.created_at, 'last_seen_at', s.last_seen_at, 'expires_at', bastion.session_deadline(s))
                ORDER BY s.last_seen_at DESC, s.id), '[]')
            FROM bastion.sessions s
            WHERE s.user_id = owner AND s.revoked_at IS NULL AND bastion.session_deadline(s) > statement_timestamp());
END
$$;
COMMENT ON FUNCTION bastion_api.sessions() IS
'The sessions of the user of this transaction that last, in every tenant, the one seen last first: [{id, current, device, ip, user_agent, tenant, level, amr, created_at, last_seen_at (login or last refresh), expires_at (unless refreshed)}]. {"error": "unauthenticated"} without the token of a login, also under impersonation and with an API key. SQLSTATE 28000 when a token was presented and refused.';

CREATE FUNCTION bastion_api.token_revoke(token text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    token_hash bytea := bastion.refresh_token_hash(token);
    found_session bastion.sessions;
    found_key bastion.api_keys;
    found_id uuid;
BEGIN
    PERFORM bastion.require_writable('the revocation of a token');
    found_id := bastion.api_key_of(token);
    IF found_id IS NOT NULL THEN
        SELECT * INTO found_key FROM bastion.api_keys k WHERE k.id = found_id;
        PERFORM bastion.api_key_end(found_key, 'token');
        RETURN '{}';
    END IF;
    found_id := CASE WHEN token_hash IS NULL THEN bastion.token_session(token)
                     ELSE (SELECT r.session_id FROM bastion.refresh_tokens r WHERE r.hash = token_hash) END;
    SELECT * INTO found_session FROM bastion.sessions s WHERE s.id = found_id;
    IF bastion.session_end(found_session.id, 'token') THEN
        PERFORM bastion.record_event('session_revoked', 'success', found_session.user_id, found_session.tenant_id,
                                     jsonb_build_object('session', found_session.id, 'by', 'token'));
    END IF;
    RETURN '{}';
END
$$;
COMMENT ON FUNCTION bastion_api.token_revoke(text) IS
'Ends the session that a token belongs to (RFC 7009): an access token that is valid, or any refresh token of it, used ones too; or ends an API key. Whoever has the token may. Always answers {}, also when there is nothing to end. SQLSTATE 25006 in a READ ONLY transaction, BA001 for an API key without a root key.';

CREATE FUNCTION bastion.token_session(token text) RETURNS uuid
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_token_session';
COMMENT ON FUNCTION bastion.token_session(text) IS
'The session of an access token, whose signature, issuer and dates are verified; NULL for any other text. Internal.';

-- Administration

CREATE FUNCTION bastion.session_revoke(session_id uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion.require_tenant();
    found_session bastion.sessions;
BEGIN
    SELECT * INTO found_session FROM bastion.sessions s WHERE s.id = session_revoke.session_id;
    IF found_session.user_id IS DISTINCT FROM bastion.session_owner() OR found_session.user_id IS NULL THEN
        PERFORM bastion.require_permission('tenant.members.manage', NULL);
        IF found_session.tenant_id IS DISTINCT FROM tenant OR found_session.id IS NULL THEN
            RETURN false;
        END IF;
        PERFORM bastion.require_rank(found_session.user_id);
    END IF;
    IF NOT bastion.session_end(found_session.id, 'admin') THEN
        RETURN false;
    END IF;
    PERFORM bastion.record_event('session_revoked', 'success', found_session.user_id, found_session.tenant_id,
                                 jsonb_build_object('session', found_session.id));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.session_revoke(uuid) IS
'Ends a session: one of one''s own, or of a member of this tenant who logged in to it, for which tenant.members.manage in the whole tenant is needed and everything that the roles of that member hold. false when there is none or it had ended. Its tokens are refused from the next statement on, everywhere. SQLSTATE 42501, 28000 when a token was presented and refused.';

CREATE FUNCTION bastion.sessions_revoke(user_id uuid) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion.require_tenant();
    ended bigint;
BEGIN
    IF user_id IS DISTINCT FROM bastion.session_owner() OR user_id IS NULL THEN
        PERFORM bastion.require_permission('tenant.members.manage', NULL);
        PERFORM bastion.require_rank(sessions_revoke.user_id);
    END IF;
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = 'admin'
    WHERE s.user_id = sessions_revoke.user_id AND s.tenant_id = tenant AND s.revoked_at IS NULL;
    GET DIAGNOSTICS ended = ROW_COUNT;
    IF ended > 0 THEN
        PERFORM bastion.record_event('session_revoked', 'success', sessions_revoke.user_id, tenant,
                                     jsonb_build_object('sessions', ended));
    END IF;
    RETURN ended;
END
$$;
COMMENT ON FUNCTION bastion.sessions_revoke(uuid) IS
'Ends every session of a user in this tenant; returns how many. Needs what session_revoke() needs. SQLSTATE 42501, 28000 when a token was presented and refused.';

CREATE FUNCTION bastion.user_sessions_end(user_id uuid) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ended bigint;
BEGIN
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = 'admin'
    WHERE s.user_id = user_sessions_end.user_id AND s.revoked_at IS NULL;
    GET DIAGNOSTICS ended = ROW_COUNT;
    IF ended > 0 THEN
        PERFORM bastion.record_event('session_revoked', 'success', user_sessions_end.user_id, NULL,
                                     jsonb_build_object('sessions', ended, 'by', session_user));
    END IF;
    RETURN ended;
END
$$;
COMMENT ON FUNCTION bastion.user_sessions_end(uuid) IS
'Ends every session of a user in every tenant; returns how many. For operators: EXECUTE is granted to nobody.';

CREATE FUNCTION bastion.session_prune(ended_before interval DEFAULT '30 days') RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    deleted bigint;
BEGIN
    IF ended_before IS NULL OR ended_before NOT BETWEEN '0' AND '100 years' THEN
        RAISE EXCEPTION 'invalid age of sessions' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    DELETE FROM bastion.sessions s
    WHERE coalesce(s.revoked_at, bastion.session_deadline(s)) < clock_timestamp() - ended_before;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;
COMMENT ON FUNCTION bastion.session_prune(interval) IS
'Deletes sessions that ended longer ago than this, with their refresh tokens; returns how many. Tokens of a deleted session are refused. For operators, now and then: EXECUTE is granted to nobody. SQLSTATE 22023 for NULL, a negative interval or one over 100 years.';

-- Sessions end with the account, the membership, the tenant. SECURITY DEFINER, so that whoever may change those need not be
-- granted this table. Under logical replication the publisher's rows tell the same.

CREATE FUNCTION bastion.end_sessions_of_user() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = 'user_disabled'
    WHERE s.user_id = NEW.id AND s.revoked_at IS NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion.end_sessions_of_user() IS 'Trigger: ends the sessions of a user who is disabled.';

CREATE TRIGGER users_end_sessions AFTER UPDATE ON bastion.users
FOR EACH ROW WHEN (OLD.status = 'active' AND NEW.status <> 'active') EXECUTE FUNCTION bastion.end_sessions_of_user();
COMMENT ON TRIGGER users_end_sessions ON bastion.users IS 'A disabled user who is enabled again logs in again';

CREATE FUNCTION bastion.end_sessions_of_tenant() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = 'tenant_suspended'
    WHERE s.tenant_id = NEW.id AND s.revoked_at IS NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion.end_sessions_of_tenant() IS 'Trigger: ends the sessions in a tenant that is suspended.';

CREATE TRIGGER tenants_end_sessions AFTER UPDATE ON bastion.tenants
FOR EACH ROW WHEN (OLD.status = 'active' AND NEW.status <> 'active') EXECUTE FUNCTION bastion.end_sessions_of_tenant();
COMMENT ON TRIGGER tenants_end_sessions ON bastion.tenants IS 'Members of a tenant that is active again log in again';

CREATE FUNCTION bastion.end_sessions_of_member() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = 'membership'
    WHERE s.user_id = OLD.user_id AND s.tenant_id = OLD.tenant_id AND s.revoked_at IS NULL
      AND (SELECT i.status FROM bastion.resolve_identity(s.user_id, s.tenant_id::text, s.unit_id::text) i) = 'membership';
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion.end_sessions_of_member() IS
'Trigger: ends the sessions of a user in a tenant, or in a unit, where no membership is left.';

CREATE TRIGGER memberships_end_sessions AFTER UPDATE OR DELETE ON bastion.memberships
FOR EACH ROW EXECUTE FUNCTION bastion.end_sessions_of_member();
COMMENT ON TRIGGER memberships_end_sessions ON bastion.memberships IS 'A member who comes back logs in again';

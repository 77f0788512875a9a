
-- Login, with JSON answers as in signup.sql. Here too, passwords appear in assignments only.

CREATE FUNCTION bastion_internal.accept_password(user_id uuid, password text, OUT accepted boolean, OUT hash text) RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    old_hash text;
    old_format jsonb;
    new_hash text;
    matched text;
    known_bytes integer;
BEGIN
    -- For an unknown user, or one without a password, old_hash stays NULL and the check costs as much as a wrong password. So does a
    -- password that is too long for sign-up.
    SELECT p.hash INTO old_hash FROM bastion.user_passwords p WHERE p.user_id = accept_password.user_id;
    matched := bastion_internal.password_check(accept_password.password, old_hash);
    accepted := matched <> 'none';
    IF NOT accepted THEN
        RETURN;
    END IF;
    hash := old_hash;
    -- A hash that does not know the whole password proves too little to store all of it.
    old_format := bastion.password_format(old_hash);
    known_bytes := coalesce((old_format ->> 'password_bytes')::integer, 4096);
    IF (matched = 'bytes' OR (old_format ->> 'needs_rehash')::boolean)
       AND bastion_internal.password_length(accept_password.password, true) <= known_bytes THEN
        new_hash := bastion.password_hash(accept_password.password);
        -- Another transaction may have changed the password meanwhile.
        UPDATE bastion.user_passwords p SET hash = new_hash
        WHERE p.user_id = accept_password.user_id AND p.hash = old_hash;
        IF FOUND THEN
            hash := new_hash;
        ELSE
            -- It did: another login stored a better hash, or the password is another one.
            SELECT p.hash INTO hash FROM bastion.user_passwords p WHERE p.user_id = accept_password.user_id;
            accepted := bastion_internal.password_check(accept_password.password, hash) <> 'none';
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.accept_password(uuid, text) IS
'Checks the password of a user.
Returns whether it is right, and its hash, which another transaction may still change (see hold_for_login()). A hash weaker than the current default is replaced, and one of a password that was not prepared, unless it covers only the beginning of a password that is longer. An unknown user, or one without a password, costs the same time.';

CREATE FUNCTION bastion_internal.refuse_login(user_id uuid, reason text, not_before timestamptz) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- On record before the wait: a client that cancels it has learned the answer.
    PERFORM bastion_internal.record_event('login_refused', 'refused', refuse_login.user_id, NULL,
                                 jsonb_build_object('reason', reason));
    PERFORM pg_sleep_until(not_before);
    RETURN bastion_internal.refusal('invalid_grant', 'wrong user name or password, or no access');
END
$$;
COMMENT ON FUNCTION bastion_internal.refuse_login(uuid, text, timestamptz) IS
'Records why a login was refused, and returns the answer that is the same for every reason, and not before this time.';
SELECT bastion_internal.event_kind('login_refused');

CREATE FUNCTION bastion_internal.login_tenants(user_id uuid) RETURNS uuid[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(t.id ORDER BY t.name, t.number), '{}') FROM bastion.tenants t
    WHERE t.status = 'active'
      AND t.id IN (SELECT m.tenant_id FROM bastion.memberships_in_force m JOIN bastion.users u ON u.id = m.user_id
                   WHERE u.id = login_tenants.user_id AND u.status = 'active')
$$;
COMMENT ON FUNCTION bastion_internal.login_tenants(uuid) IS
'The active tenants of which an active user is a member, by name.';

CREATE FUNCTION bastion_internal.tenant_required(user_id uuid, tenants uuid[]) RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.refusal('tenant_required', 'name the tenant to log in to')
        || jsonb_build_object('tenants', jsonb_agg(bastion_internal.tenant_object(t.id, tenant_required.user_id) ORDER BY t.position))
    FROM unnest(tenants) WITH ORDINALITY AS t (id, position)
$$;
COMMENT ON FUNCTION bastion_internal.tenant_required(uuid, uuid[]) IS
'The answer to a right password of a member of several tenants who names none.';

CREATE FUNCTION bastion_internal.hold_user(user_id uuid, tenant_id uuid, unit_id uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Locks rows in the same order as deletions do, so that the two cannot deadlock.
    PERFORM FROM bastion.tenants t WHERE t.id = hold_user.tenant_id FOR KEY SHARE;
    PERFORM FROM bastion.units u WHERE u.id = hold_user.unit_id FOR KEY SHARE;
    PERFORM FROM bastion.users u WHERE u.id = hold_user.user_id AND u.status = 'active' FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    -- An older snapshot would not show changes that committed before the user was locked: these locks fail instead.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        PERFORM FROM bastion.tenants t WHERE t.id = hold_user.tenant_id FOR SHARE;
        PERFORM FROM bastion.memberships m
        WHERE m.user_id = hold_user.user_id AND m.tenant_id = hold_user.tenant_id FOR SHARE;
        PERFORM FROM bastion.user_passwords p WHERE p.user_id = hold_user.user_id FOR SHARE;
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion_internal.hold_user(uuid, uuid, uuid) IS
'Locks the user of a login until the transaction ends, so that everything that ends sessions waits for it.
False if the user was deleted or disabled meanwhile.
SQLSTATE 40001 when another transaction changed what the login depends on and the isolation level is not READ COMMITTED.';

CREATE FUNCTION bastion_internal.hold_for_login(user_id uuid, tenant_id uuid, unit_id uuid, hash text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.hold_user(user_id, tenant_id, unit_id)
       AND EXISTS (SELECT FROM bastion.user_passwords p WHERE p.user_id = hold_for_login.user_id AND p.hash = hold_for_login.hash);
END
$$;
COMMENT ON FUNCTION bastion_internal.hold_for_login(uuid, uuid, uuid, text) IS
'hold_user() for a login with a password; false too if the password was changed meanwhile.
SQLSTATE 40001 when another transaction changed what the login depends on and the isolation level is not READ COMMITTED.';

CREATE FUNCTION bastion_api.login(identifier text, password text, tenant text DEFAULT NULL, unit text DEFAULT NULL,
                                  device text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused_at timestamptz := clock_timestamp() + bastion_internal.setting('bastion.refused_login_duration')::interval;
    found_user uuid;
    proof record;
    tenants uuid[];
    place record;
BEGIN
    PERFORM bastion_internal.require_writable('a login');
    found_user := bastion_internal.find_user(login.identifier);
    BEGIN
        proof := bastion_internal.accept_password(found_user, login.password);
    EXCEPTION WHEN configuration_limit_exceeded THEN
        RETURN bastion_internal.refuse_busy();
    END;
    IF NOT proof.accepted THEN
        RETURN bastion_internal.refuse_login(found_user, CASE WHEN found_user IS NULL THEN 'user' ELSE 'password' END, refused_at);
    END IF;
    IF login.tenant IS NULL THEN
        tenants := bastion_internal.login_tenants(found_user);
        IF cardinality(tenants) > 1 THEN
            RETURN bastion_internal.tenant_required(found_user, tenants);
        END IF;
    END IF;
    SELECT * INTO place
    FROM bastion_internal.resolve_identity(found_user, coalesce(login.tenant, tenants[1]::text), login.unit);
    IF place.status <> 'ok' THEN
        RETURN bastion_internal.refuse_login(found_user, place.status, refused_at);
    ELSIF NOT bastion_internal.hold_for_login(found_user, place.tenant_id, place.unit_id, proof.hash) THEN
        RETURN bastion_internal.refuse_login(found_user, 'changed', refused_at);
    END IF;
    -- With the locks held, check again.
    SELECT * INTO place FROM bastion_internal.resolve_identity(found_user, place.tenant_id::text, place.unit_id::text);
    IF place.status <> 'ok' THEN
        RETURN bastion_internal.refuse_login(found_user, place.status, refused_at);
    END IF;
    UPDATE bastion.users u SET last_login_at = now() WHERE u.id = found_user;
    PERFORM bastion_internal.record_event('login', 'success', found_user, place.tenant_id);
    RETURN bastion_internal.answer(bastion_internal.session_start(found_user, place.tenant_id, place.unit_id, login.device));
END
$$;
COMMENT ON FUNCTION bastion_api.login(text, text, text, text, text) IS
'Logs in by e-mail address or user name, in upper or lower case, and begins a session.
tenant and unit (uuid or slug) choose where to work; device is a name for sessions(), ignored unless it is a label of 1 to 200 characters.
Returns access_token, token_type "Bearer", expires_in in seconds and refresh_token (RFC 6749 section 5.1), expires_at, refresh_expires_in in seconds, user {id, email, username, display_name} and tenant {id, number, slug, name, role}, null for a user without a tenant.
Refusals are returned and recorded: {"error": "invalid_grant", "error_description"}, the same for an unknown user, a wrong password, a disabled user and a tenant or unit without membership. A right password of a member of several tenants who names none gives {"error": "tenant_required", "error_description", "tenants": [...]}, and too many logins at the same time temporarily_unavailable (bastion.max_concurrent_hashes).
SQLSTATE 25006 in a READ ONLY transaction, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.login(text, text, text, text, text)', 'application');
SELECT bastion_internal.event_kind('login');

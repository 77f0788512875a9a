
-- Login, with JSON answers as in signup.sql. Here too, passwords appear in assignments only.

CREATE FUNCTION bastion_internal.password_attempt(account text, password text, hash text, device uuid, OUT outcome text, OUT retry_after integer,
                                                  OUT refusals integer)
RETURNS record
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100000
AS 'MODULE_PATHNAME', 'bastion_password_attempt';
COMMENT ON FUNCTION bastion_internal.password_attempt(text, text, text, uuid) IS
'password_check() for a login, after it was charged to the account, to the network of the client and to both together; from a known device of the user, which has failed less than ten times in a row, to that device alone. No rollback takes a charge back, only a success does.
Returns what password_check() returns, or throttled: then nothing was checked, retry_after says in how many seconds an attempt is, and refusals how many there were since the last report, at most one in a minute, else 0.
SQLSTATE 25006 in a READ ONLY transaction, before anything is evaluated.';

CREATE FUNCTION bastion_internal.accept_password(user_id uuid, password text, typed text DEFAULT NULL, device uuid DEFAULT NULL, OUT outcome text, OUT hash text,
                                                 OUT retry_after integer)
RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account text := bastion_internal.throttled_account(accept_password.user_id, typed);
    old_hash text;
    old_format jsonb;
    new_hash text;
    attempt record;
    matched text;
    known_bytes integer;
BEGIN
    -- For an unknown user, or one without a password, old_hash stays NULL and the check costs as much as a wrong password. So does a
    -- password that is too long for sign-up.
    IF accept_password.user_id IS NOT NULL THEN
        SELECT p.hash INTO old_hash FROM bastion.user_passwords p WHERE p.user_id = accept_password.user_id;
    END IF;
    attempt := bastion_internal.password_attempt(account, accept_password.password, old_hash, device);
    matched := attempt.outcome;
    retry_after := attempt.retry_after;
    outcome := CASE WHEN matched IN ('none', 'busy', 'throttled') THEN matched ELSE 'accepted' END;
    IF attempt.refusals > 0 THEN
        PERFORM bastion_internal.record_event('login_throttled', 'refused', accept_password.user_id, NULL,
                                              jsonb_build_object('attempts', attempt.refusals));
    END IF;
    IF outcome <> 'accepted' THEN
        RETURN;
    END IF;
    hash := old_hash;
    -- A hash that does not know the whole password proves too little to store all of it.
    old_format := bastion.password_format(old_hash);
    known_bytes := coalesce((old_format ->> 'password_bytes')::integer, 4096);
    IF (matched = 'bytes' OR (old_format ->> 'needs_rehash')::boolean)
       AND bastion_internal.password_length(accept_password.password, true) <= known_bytes THEN
        new_hash := bastion_internal.password_hash_if_free(accept_password.password);
        IF new_hash IS NULL THEN
            RETURN;
        END IF;
        -- Another transaction may have changed the password meanwhile.
        UPDATE bastion.user_passwords p SET hash = new_hash
        WHERE p.user_id = accept_password.user_id AND p.hash = old_hash;
        IF FOUND THEN
            hash := new_hash;
        ELSE
            -- It did: another login stored a better hash, or the password is another one.
            SELECT p.hash INTO hash FROM bastion.user_passwords p WHERE p.user_id = accept_password.user_id;
            matched := bastion_internal.password_check(accept_password.password, hash);
            outcome := CASE WHEN matched IN ('none', 'busy') THEN matched ELSE 'accepted' END;
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.accept_password(uuid, text, text, uuid) IS
'Checks the password of a user, or of nobody, by the name that was typed, from a known device of the user if there is one.
Returns accepted, none for another password, busy when bastion.max_concurrent_hashes are running, or throttled and in how many seconds an attempt is evaluated; and the hash of an accepted one, which another transaction may still change (see hold_for_login()). A hash weaker than the current default is replaced, and one of a password that was not prepared, unless it covers only the beginning of a password that is longer or no other hash can be made at the moment. An unknown user, or one without a password, costs the same time.
SQLSTATE 25006 in a READ ONLY transaction.';
SELECT bastion_internal.event_kind('login_throttled');

CREATE FUNCTION bastion_internal.refuse_unchecked(outcome text, retry_after integer, kind text, user_id uuid) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE outcome WHEN 'busy' THEN bastion_internal.refuse_busy(kind, refuse_unchecked.user_id)
                        WHEN 'throttled' THEN bastion_internal.refuse_throttled(retry_after) END;
END
$$;
COMMENT ON FUNCTION bastion_internal.refuse_unchecked(text, integer, text, uuid) IS
'The answer when accept_password() checked nothing: refuse_busy() with an event of this kind, or refuse_throttled(); else NULL.';

CREATE FUNCTION bastion_internal.attempts_forget(user_id uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.throttle_clear('account', bastion_internal.throttled_account(attempts_forget.user_id, NULL));
END
$$;
COMMENT ON FUNCTION bastion_internal.attempts_forget(uuid) IS
'Forgets the attempts to log in with passwords to an account; whether there were any. SQLSTATE 25006 in a READ ONLY transaction.';

CREATE FUNCTION bastion_internal.attempts_forget_at_commit(user_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.throttle_clear_at_commit('account', bastion_internal.throttled_account(attempts_forget_at_commit.user_id, NULL));
END
$$;
COMMENT ON FUNCTION bastion_internal.attempts_forget_at_commit(uuid) IS
'attempts_forget() when the transaction commits. SQLSTATE 25006 in a READ ONLY transaction.';

CREATE FUNCTION bastion.login_unlock(for_user text) RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner uuid := bastion_internal.any_user_named(for_user);
BEGIN
    IF owner IS NULL OR NOT bastion_internal.attempts_forget(owner) THEN
        RETURN false;
    END IF;
    PERFORM bastion_internal.record_event('login_unlocked', 'success', owner, NULL, jsonb_build_object('by', session_user));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.login_unlock(text) IS
'Lets a user (uuid, e-mail address or user name) log in with the password again after too many attempts. At once, also when the transaction rolls back. The limits of addresses stay.
Returns whether there is such a user with attempts to forget.
For operators: EXECUTE is granted to nobody.
SQLSTATE 25006 in a READ ONLY transaction.';
SELECT bastion_internal.event_kind('login_unlocked');

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
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT coalesce(array_agg(t.id ORDER BY t.name, t.number), '{}') FROM bastion.tenants t
        WHERE t.status = 'active'
          AND t.id IN (SELECT m.tenant_id FROM bastion.memberships_in_force m JOIN bastion.users u ON u.id = m.user_id
                       WHERE u.id = login_tenants.user_id AND u.status = 'active')
    );
END
$$;
COMMENT ON FUNCTION bastion_internal.login_tenants(uuid) IS
'The active tenants of which an active user is a member, by name.';

CREATE FUNCTION bastion_internal.tenant_required(user_id uuid, tenants uuid[], challenge text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.refusal('tenant_required', 'name the tenant to log in to') || jsonb_build_object(
        'challenge', challenge, 'expires_in', CASE WHEN challenge IS NOT NULL THEN bastion_internal.challenge_lifetime() END,
        'tenants', (SELECT jsonb_agg(bastion_internal.tenant_object(t.id, tenant_required.user_id) ORDER BY t.position)
                    FROM unnest(tenants) WITH ORDINALITY AS t (id, position)));
END
$$;
COMMENT ON FUNCTION bastion_internal.tenant_required(uuid, uuid[], text) IS
'The answer to a member of several tenants who logs in and names none. The challenge is for login_tenant(); without one, the client repeats its request.';

CREATE FUNCTION bastion_internal.login_challenge(purpose text, user_id uuid, state text, amr text[], tenant text, unit text, device text,
                                                 remember boolean DEFAULT false)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- What is longer is no slug and no uuid, and neither is its beginning.
    body jsonb := jsonb_build_object('user', user_id, 'amr', amr, 'tenant', left(tenant, 64), 'unit', left(unit, 64),
                                     'device', bastion_internal.label_or_null(device))
        || CASE WHEN remember THEN '{"remember": true}' ELSE '{}' END::jsonb;
BEGIN
    RETURN bastion_internal.challenge_make(purpose, body, state, bastion_internal.challenge_lifetime(), bastion_internal.pepper('challenge'));
END
$$;
COMMENT ON FUNCTION bastion_internal.login_challenge(text, uuid, text, text[], text, text, text, boolean) IS
'The challenge for the next step of a login: mfa for login_mfa(), tenant for login_tenant(). It says how the user was authenticated (amr, RFC 8176), what the login asked for, and whether to remember the device. SQLSTATE BA001 without a root key.';

CREATE FUNCTION bastion_internal.lacks_factor(user_id uuid, amr text[]) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN 'mfa' <> ALL (amr) AND bastion_internal.has_factor(lacks_factor.user_id);
END
$$;
COMMENT ON FUNCTION bastion_internal.lacks_factor(uuid, text[]) IS
'Whether a user who was authenticated like this (amr) has a second factor and did not present it.';

CREATE FUNCTION bastion_internal.mfa_required(user_id uuid, state text, amr text[], tenant text, unit text, device text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    challenge text := bastion_internal.login_challenge('mfa', user_id, state, amr, tenant, unit, device);
BEGIN
    -- Somebody knows the password, or reads the mail, of a user: on record even if the factor never comes.
    PERFORM bastion_internal.record_event('factor_asked', 'success', mfa_required.user_id);
    RETURN bastion_internal.refusal('mfa_required', 'confirm with a second factor') || jsonb_build_object(
        'challenge', challenge, 'expires_in', bastion_internal.challenge_lifetime(),
        'factors', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', f.id, 'kind', f.kind, 'name', f.name) ORDER BY f.created_at, f.id), '[]')
                    FROM bastion.user_factors f WHERE f.user_id = mfa_required.user_id AND f.state = 'active'),
        'recovery_codes', EXISTS (SELECT FROM bastion.recovery_codes r WHERE r.user_id = mfa_required.user_id AND r.used_at IS NULL),
        'passkeys', bastion_internal.passkey_requests(mfa_required.user_id, challenge));
END
$$;
COMMENT ON FUNCTION bastion_internal.mfa_required(uuid, text, text[], text, text, text) IS
'The answer to a user with a second factor who did not present it, with the challenge for login_mfa(). A suspended factor is asked for and not listed: nobody can present it. SQLSTATE BA001 without a root key.';
SELECT bastion_internal.event_kind('factor_asked');

CREATE FUNCTION bastion_internal.session_begin(user_id uuid, tenant_id uuid, unit_id uuid, device text, amr text[], known uuid DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    state text;
    remembered_at timestamptz;
BEGIN
    IF bastion_internal.lacks_factor(session_begin.user_id, amr) THEN
        -- Who makes the device unknown waits, and finds the session.
        PERFORM FROM bastion.user_devices d WHERE d.id = known FOR NO KEY UPDATE;
        remembered_at := bastion_internal.device_remembered_at(known, session_begin.user_id, session_begin.tenant_id);
        IF remembered_at IS NULL THEN
            state := bastion_internal.login_state(session_begin.user_id);
            RETURN bastion_internal.mfa_required(session_begin.user_id, state, amr, tenant_id::text, unit_id::text, device);
        END IF;
    END IF;
    RETURN bastion_internal.answer(bastion_internal.session_start(session_begin.user_id, session_begin.tenant_id, session_begin.unit_id, session_begin.device, session_begin.amr,
                                                                  CASE WHEN '{hwk,mfa}' <@ amr THEN 'aal3' WHEN 'mfa' = ANY (amr) THEN 'aal2' WHEN amr = '{}' THEN 'aal0' ELSE 'aal1' END, remembered_at));
END
$$;
COMMENT ON FUNCTION bastion_internal.session_begin(uuid, uuid, uuid, text, text[], uuid) IS
'Begins a session for a user who was authenticated like this (amr; empty for an anonymous one), or asks for the second factor, unless the known device of this login stands in for it (device_remembered_at()). The only function that calls session_start(): no way to log in passes by the second factor. The caller has locked the user, or just made it.
SQLSTATE BA001 without a root key.';

CREATE FUNCTION bastion_internal.login_finish(user_id uuid, tenant_id uuid, unit_id uuid, device text, amr text[], detail jsonb DEFAULT '{}',
                                              known uuid DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    told jsonb := jsonb_build_object('user', user_id, 'tenant', tenant_id, 'unit', unit_id, 'amr', amr);
    answer jsonb;
BEGIN
    IF bastion_internal.hook_refuses('before_login', told) THEN
        RETURN bastion_internal.refuse_login(login_finish.user_id, 'hook', clock_timestamp());
    END IF;
    answer := bastion_internal.session_begin(user_id, tenant_id, unit_id, device, amr, known);
    IF answer ? 'access_token' THEN
        UPDATE bastion.users u SET last_login_at = now() WHERE u.id = login_finish.user_id;
        PERFORM bastion_internal.record_event('login', 'success', login_finish.user_id, login_finish.tenant_id, detail);
        PERFORM bastion_internal.hook_call('after_login', told);
    END IF;
    RETURN answer;
END
$$;
COMMENT ON FUNCTION bastion_internal.login_finish(uuid, uuid, uuid, text, text[], jsonb, uuid) IS
'session_begin() for a login, which it records, and of which hooks are told before and after. SQLSTATE 55000 when the hook for claims fails.';
SELECT bastion_internal.event_kind('login');

CREATE FUNCTION bastion_internal.hold_user(user_id uuid, tenant_id uuid, unit_id uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Locks rows in the same order as deletions do, so that the two cannot deadlock.
    PERFORM FROM bastion.tenants t WHERE t.id = hold_user.tenant_id FOR KEY SHARE;
    IF hold_user.unit_id IS NOT NULL THEN
        PERFORM FROM bastion.units u WHERE u.id = hold_user.unit_id FOR KEY SHARE;
    END IF;
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

CREATE FUNCTION bastion_internal.hold_place(user_id uuid, tenant text, unit text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenants uuid[] := bastion_internal.login_tenants(hold_place.user_id);
    place record;
BEGIN
    place := bastion_internal.resolve_identity(hold_place.user_id,
        coalesce(hold_place.tenant, CASE cardinality(tenants) WHEN 1 THEN tenants[1]::text END), hold_place.unit);
    RETURN bastion_internal.hold_user(hold_place.user_id, place.tenant_id, place.unit_id);
END
$$;
COMMENT ON FUNCTION bastion_internal.hold_place(uuid, text, text) IS
'hold_user() for the place to which login_place() will log in: so both lock in the same order, and what comes between can lock more.';

CREATE FUNCTION bastion_internal.hold_for_login(user_id uuid, tenant_id uuid, unit_id uuid, hash text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT bastion_internal.hold_user(user_id, tenant_id, unit_id) THEN
        RETURN false;
    END IF;
    -- In a statement of its own, which sees what was committed while the user was locked.
    RETURN EXISTS (SELECT FROM bastion.user_passwords p WHERE p.user_id = hold_for_login.user_id AND p.hash = hold_for_login.hash);
END
$$;
COMMENT ON FUNCTION bastion_internal.hold_for_login(uuid, uuid, uuid, text) IS
'hold_user() for a login with a password; false too if the password was changed meanwhile.
SQLSTATE 40001 when another transaction changed what the login depends on and the isolation level is not READ COMMITTED.';

CREATE FUNCTION bastion_internal.login_place(user_id uuid, hash text, tenant text, unit text, device text, challenge text, amr text[],
                                             refused_at timestamptz, known uuid DEFAULT NULL, remember boolean DEFAULT false)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Read once: a challenge that is over does not become one of a later state.
    state text := bastion_internal.login_state(login_place.user_id, hash);
    tenants uuid[] := CASE WHEN tenant IS NULL THEN bastion_internal.login_tenants(login_place.user_id) END;
    made text;
    place record;
    status text := 'ok';
    -- Members of one tenant log in there. Every place is checked again when it can no longer change.
    tenant_id uuid := CASE cardinality(tenants) WHEN 1 THEN tenants[1] END;
    unit_id uuid;
    remembered boolean;
BEGIN
    IF tenant_id IS NULL OR login_place.unit IS NOT NULL THEN
        place := bastion_internal.resolve_identity(login_place.user_id, coalesce(login_place.tenant, tenant_id::text), login_place.unit);
        status := place.status;
        tenant_id := place.tenant_id;
        unit_id := place.unit_id;
    END IF;
    remembered := known IS NOT NULL AND status = 'ok' AND bastion_internal.device_remembered_at(known, login_place.user_id, tenant_id) IS NOT NULL;
    IF challenge IS NOT NULL AND NOT bastion_internal.challenge_is_open(challenge, state) THEN
        RETURN bastion_internal.refuse_login(login_place.user_id, 'challenge', refused_at);
    ELSIF bastion_internal.lacks_factor(login_place.user_id, amr) AND NOT remembered THEN
        RETURN bastion_internal.mfa_required(login_place.user_id, state, amr, tenant, unit, device);
    ELSIF tenant IS NULL THEN
        IF cardinality(tenants) > 1 THEN
            IF challenge IS NOT NULL AND NOT bastion_internal.challenge_use(challenge, login_place.user_id) THEN
                RETURN bastion_internal.refuse_login(login_place.user_id, 'challenge', refused_at);
            END IF;
            made := bastion_internal.login_challenge('tenant', login_place.user_id, state, amr, NULL, unit, device, remember);
            RETURN bastion_internal.tenant_required(login_place.user_id, tenants, made);
        END IF;
    END IF;
    IF status <> 'ok' THEN
        RETURN bastion_internal.refuse_login(login_place.user_id, status, refused_at);
    ELSIF NOT (CASE WHEN challenge IS NULL THEN bastion_internal.hold_for_login(login_place.user_id, tenant_id, unit_id, hash)
                    ELSE bastion_internal.hold_user(login_place.user_id, tenant_id, unit_id) END) THEN
        RETURN bastion_internal.refuse_login(login_place.user_id, 'changed', refused_at);
    END IF;
    -- With the locks held, check again.
    place := bastion_internal.resolve_identity(login_place.user_id, tenant_id::text, unit_id::text);
    IF place.status <> 'ok' THEN
        RETURN bastion_internal.refuse_login(login_place.user_id, place.status, refused_at);
    ELSIF challenge IS NOT NULL AND NOT bastion_internal.challenge_use(challenge, login_place.user_id) THEN
        RETURN bastion_internal.refuse_login(login_place.user_id, 'challenge', refused_at);
    END IF;
    RETURN bastion_internal.login_finish(login_place.user_id, place.tenant_id, place.unit_id, login_place.device, amr,
        CASE WHEN bastion_internal.lacks_factor(login_place.user_id, amr) THEN '{"factor": "remembered device"}' ELSE '{}' END::jsonb, known);
END
$$;
COMMENT ON FUNCTION bastion_internal.login_place(uuid, text, text, text, text, text, text[], timestamptz, uuid, boolean) IS
'A login after the password whose hash this is, or after the challenge, which it uses up: asks for the second factor, finds where the user may work, and begins a session. amr says how the user was authenticated (RFC 8176). A refusal is returned not before refused_at.';

CREATE FUNCTION bastion_api.login(identifier text, password text, tenant text DEFAULT NULL, unit text DEFAULT NULL,
                                  device text DEFAULT NULL, device_token text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    started_at timestamptz := clock_timestamp();
    refused_at timestamptz;
    found_user uuid;
    proof record;
    unchecked jsonb;
    known bastion.user_devices;
    answer jsonb;
BEGIN
    PERFORM bastion_internal.require_writable('a login');
    found_user := bastion_internal.find_user(login.identifier);
    IF login.device_token IS NOT NULL THEN
        known := bastion_internal.device_find(login.device_token, found_user);
    END IF;
    proof := bastion_internal.accept_password(found_user, login.password, login.identifier, known.id);
    unchecked := bastion_internal.refuse_unchecked(proof.outcome, proof.retry_after, 'login_refused', found_user);
    IF unchecked IS NOT NULL THEN
        RETURN unchecked;
    END IF;
    refused_at := started_at + bastion_internal.setting('bastion.refused_login_duration')::interval;
    IF proof.outcome <> 'accepted' THEN
        RETURN bastion_internal.refuse_login(found_user, CASE WHEN found_user IS NULL THEN 'user' ELSE 'password' END, refused_at);
    END IF;
    answer := bastion_internal.login_place(found_user, proof.hash, login.tenant, login.unit, login.device, NULL, '{pwd}', refused_at, known.id);
    RETURN bastion_internal.device_keep(answer, known, login.device_token, found_user, bastion_internal.label_or_null(login.device));
END
$$;
COMMENT ON FUNCTION bastion_api.login(text, text, text, text, text, text) IS
'Logs in by e-mail address or user name, in upper or lower case, and begins a session.
tenant and unit (uuid or slug) choose where to work; device is a name for sessions(), ignored unless it is a label of 1 to 200 characters.
Returns access_token, token_type "Bearer", expires_in in seconds and refresh_token (RFC 6749 section 5.1), expires_at, refresh_expires_in in seconds, user {id, email, username, display_name} and tenant {id, number, slug, name, role}, null for a user without a tenant.
With device_token, an empty text the first time, it returns the token of this device for the next login, which replaces it. Attempts from a known device are counted apart, so that those of strangers do not lock it out. For bastion.refresh_reuse_window (10 s), a token that was replaced is good too and gets the same next one: two logins may come at once. After that it makes the device unknown. login_mfa() may have it remembered: then it stands in for the second factor in a tenant that allows it.
Refusals are returned and recorded: {"error": "invalid_grant", "error_description"}, the same for an unknown user, a wrong password, a disabled user and a tenant or unit without membership; temporarily_unavailable for too many logins at the same time (bastion.max_concurrent_hashes); and too_many_attempts with retry_after in seconds, when nothing was checked because of earlier attempts on the account or from the network. That is the same for known and unknown users, and a ROLLBACK takes no attempt back.
A right password of a user with a second factor gives {"error": "mfa_required", "error_description", "challenge", "expires_in", "factors": [{id, kind, name}], "recovery_codes": whether any is left}: login_mfa() takes the challenge and a code. Without a second factor, and after it, a member of several tenants who names none gets {"error": "tenant_required", "error_description", "tenants": [...], "challenge", "expires_in"}: login_tenant() takes the challenge.
SQLSTATE 25006 in a READ ONLY transaction, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.login(text, text, text, text, text, text)', 'application');

CREATE FUNCTION bastion_internal.challenge_amr(terms jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT ARRAY(SELECT jsonb_array_elements_text(terms -> 'amr')) $$;
COMMENT ON FUNCTION bastion_internal.challenge_amr(jsonb) IS 'How the user was authenticated before the challenge with these terms was made.';

CREATE FUNCTION bastion_api.login_mfa(challenge text, factor uuid, response jsonb, device_token text DEFAULT NULL, remember boolean DEFAULT false)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    terms jsonb := bastion_internal.challenge_open(challenge, 'mfa');
    known_user uuid := (terms ->> 'user')::uuid;
    refused_at timestamptz := clock_timestamp();
    state text;
    proof record;
    known bastion.user_devices;
    answer jsonb;
BEGIN
    PERFORM bastion_internal.require_writable('a login');
    -- The user is locked before a factor, as by everything that changes factors.
    IF NOT bastion_internal.hold_place(known_user, terms ->> 'tenant', terms ->> 'unit') THEN
        RETURN bastion_internal.refuse_login(known_user, 'challenge', refused_at);
    END IF;
    state := bastion_internal.login_state(known_user);
    -- Only the holder of an open challenge may try, and so use up the tries of the user.
    IF NOT bastion_internal.challenge_is_open(challenge, state) THEN
        RETURN bastion_internal.refuse_login(known_user, 'challenge', refused_at);
    END IF;
    proof := bastion_internal.factor_accept(known_user, factor, response, challenge);
    IF proof.outcome <> 'accepted' THEN
        RETURN bastion_internal.refuse_factor(known_user, NULL, factor, coalesce(proof.reason, proof.outcome), proof.retry_after);
    END IF;
    known := bastion_internal.device_find(device_token, known_user);
    answer := bastion_internal.login_place(known_user, NULL, terms ->> 'tenant', terms ->> 'unit', terms ->> 'device', challenge,
                                           bastion_internal.amr_confirmed(bastion_internal.challenge_amr(terms), proof.method), refused_at,
                                           remember => coalesce(login_mfa.remember, false));
    RETURN bastion_internal.device_keep(answer, known, device_token, known_user, terms ->> 'device', coalesce(login_mfa.remember, false));
END
$$;
COMMENT ON FUNCTION bastion_api.login_mfa(text, uuid, jsonb, text, boolean) IS
'Continues a login that was answered with mfa_required: takes its challenge, in place of the password, link or code before, and a second factor: one of factors, or NULL for a recovery code, and response {"code": "123456"}. The session has level aal2, as after step_up(). device_token is as in login(). With remember, that device stands in for the second factor of later logins with a password. Tenants allow it (mfa_remember of tenant_settings()).
A challenge is good for one login and for five minutes. It ends when the user changes the password or the second factors, is disabled or ends other sessions (logout()). Tries are limited as for step_up(), which counts them too.
Returns what login() returns, tenant_required included. Refusals are returned and recorded: {"error": "invalid_grant", "error_description"}, the same for a challenge that is unknown, used, expired or ended and for a tenant or unit without membership; invalid_code, after which the challenge is still good; too_many_tries with retry_after in seconds (null: an operator must unlock).
SQLSTATE 25006 in a READ ONLY transaction, 40001 when another login used the challenge or the code meanwhile and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.login_mfa(text, uuid, jsonb, text, boolean)', 'application');

CREATE FUNCTION bastion_api.login_tenant(challenge text, tenant text, device_token text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    terms jsonb := bastion_internal.challenge_open(challenge, 'tenant');
    known_user uuid := (terms ->> 'user')::uuid;
    refused_at timestamptz := clock_timestamp();
    known bastion.user_devices;
    answer jsonb;
BEGIN
    PERFORM bastion_internal.require_writable('a login');
    IF terms IS NULL OR tenant IS NULL THEN
        RETURN bastion_internal.refuse_login(known_user, 'challenge', refused_at);
    END IF;
    known := bastion_internal.device_find(device_token, known_user);
    answer := bastion_internal.login_place(known_user, NULL, tenant, terms ->> 'unit', terms ->> 'device', challenge,
                                           bastion_internal.challenge_amr(terms), refused_at);
    RETURN bastion_internal.device_keep(answer, known, device_token, known_user, terms ->> 'device', terms -> 'remember' = 'true');
END
$$;
COMMENT ON FUNCTION bastion_api.login_tenant(text, text, text) IS
'Ends a login that was answered with tenant_required: takes its challenge, in place of what came before, and the tenant (uuid or slug) to log in to; device_token as in login().
A challenge is good once and for five minutes. It ends when the user changes the password or the second factors, is disabled or ends other sessions (logout()).
Returns what login() returns. Refusals are returned and recorded: {"error": "invalid_grant", "error_description"}, the same for a challenge that is unknown, used, expired or ended and for a tenant without membership. After such a tenant the challenge is still good.
SQLSTATE 25006 in a READ ONLY transaction, 40001 when another login used it meanwhile and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.login_tenant(text, text, text)', 'application');

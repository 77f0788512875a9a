
-- Anonymous accounts: users without address, user name and password, whom their session alone lets in. account_convert() makes an
-- ordinary account of one: the same user, with the same tenants and rows. Passwords appear in assignments only, as in signup.sql.

CREATE FUNCTION bastion_internal.signup_try() RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_signup_try';
COMMENT ON FUNCTION bastion_internal.signup_try() IS
'Charges an anonymous sign-up to the network of the client, which no rollback takes back: 20 at once and then one in a minute. Returns 0, else in how many seconds one is possible. SQLSTATE 25006 in a READ ONLY transaction.';

CREATE FUNCTION bastion_internal.is_anonymous(user_id uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT FROM bastion.users u WHERE u.id = is_anonymous.user_id AND u.anonymous) $$;
COMMENT ON FUNCTION bastion_internal.is_anonymous(uuid) IS 'Whether a user has neither address nor user name yet.';

CREATE FUNCTION bastion_internal.refuse_anonymous() RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion_internal.refusal('anonymous_account', 'an anonymous account is converted first') $$;
COMMENT ON FUNCTION bastion_internal.refuse_anonymous() IS 'The refusal of what an anonymous account cannot do.';

CREATE FUNCTION bastion_api.signup_anonymous(tenant_name text, display_name text DEFAULT NULL, device text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb;
    wait integer;
    made uuid;
    new_tenant uuid;
BEGIN
    PERFORM bastion_internal.require_writable('a sign-up');
    IF bastion_internal.setting('bastion.signup_mode') <> 'open' OR bastion_internal.setting('bastion.anonymous_signup') <> 'on' THEN
        RETURN bastion_internal.refusal('signup_closed', 'sign-up is closed');
    ELSIF bastion_internal.is_label(tenant_name) IS NOT TRUE THEN
        RETURN bastion_internal.refuse_tenant_name();
    ELSIF NOT bastion_internal.is_label(display_name) THEN
        RETURN bastion_internal.refuse_display_name();
    END IF;
    wait := bastion_internal.signup_try();
    IF wait > 0 THEN
        RETURN bastion_internal.refuse_throttled(wait);
    END IF;
    refused := bastion_internal.signup_hook_refusal(NULL, NULL, signup_anonymous.display_name);
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    INSERT INTO bastion.users (display_name, anonymous) VALUES (signup_anonymous.display_name, true) RETURNING id INTO made;
    new_tenant := bastion_internal.tenant_create(btrim(tenant_name), made);
    PERFORM bastion_internal.record_event('signup', 'success', made, new_tenant, '{"anonymous": true}');
    RETURN bastion_internal.session_begin(made, new_tenant, NULL, signup_anonymous.device, '{}');
END
$$;
COMMENT ON FUNCTION bastion_api.signup_anonymous(text, text, text) IS
'Creates a user without address, user name and password, and a tenant with a default team whose owner the user is, and logs in. Its level is aal0, because nothing is proved. Only its session lets the user in: a client that loses the refresh token loses the account. account_convert() makes an ordinary account of it.
An anonymous user is not invited, has no second factors, and gets no mail. users_purge() deletes one 30 days after its last session, with the tenants in which nobody else is a member.
Returns what login() returns. Refusals: signup_closed unless bastion.anonymous_signup is on and bastion.signup_mode open; invalid_tenant_name, invalid_display_name, signup_refused (a hook of the operator). After many from the network of the client: too_many_attempts with retry_after in seconds.
SQLSTATE 25006 in a READ ONLY transaction, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.signup_anonymous(text, text, text)', 'application');

-- An unknown person may have made the session, and wait for its user to convert the account: nothing of before lets in.
CREATE FUNCTION bastion_internal.account_claim(user_id uuid, hash text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.credentials_drop(account_claim.user_id);
    PERFORM bastion_internal.password_store(account_claim.user_id, account_claim.hash);
    UPDATE bastion.users u SET anonymous = false WHERE u.id = account_claim.user_id;
END
$$;
COMMENT ON FUNCTION bastion_internal.account_claim(uuid, text) IS
'Makes an ordinary account of an anonymous one, with the password of this hash, and ends its sessions, API keys and open links. The caller has locked the user and gives the address or user name.';

CREATE FUNCTION bastion_internal.convert_verified(token bastion.one_time_tokens, hash text, OUT tenant_id uuid, OUT unit_id uuid) RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted text := token.payload ->> 'username';
BEGIN
    PERFORM bastion_internal.account_claim(token.user_id, hash);
    BEGIN
        UPDATE bastion.users u SET username = wanted WHERE u.id = token.user_id AND wanted IS NOT NULL;
    EXCEPTION WHEN unique_violation THEN
        -- Somebody took it meanwhile. The user chooses another one with profile_update().
    END;
    PERFORM bastion_internal.record_event('account_converted', 'success', token.user_id);
    SELECT i.tenant_id, i.unit_id INTO convert_verified.tenant_id, convert_verified.unit_id
    FROM bastion_internal.resolve_identity(token.user_id, token.payload ->> 'tenant', token.payload ->> 'unit') i WHERE i.status = 'ok';
END
$$;
COMMENT ON FUNCTION bastion_internal.convert_verified(bastion.one_time_tokens, text) IS
'Completes account_convert() under bastion.signup_verification, for a user who has the address of the token already; returns where the user worked, if the user may still work there.';

CREATE FUNCTION bastion_api.account_convert(email text, password text, username text DEFAULT NULL, device text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    is_pending boolean := bastion_internal.setting('bastion.signup_verification') = 'required';
    new_email text := lower(btrim(account_convert.email) COLLATE "C");
    new_username text := lower(btrim(account_convert.username) COLLATE "C");
    owner uuid;
    tenant uuid;
    place uuid;
    account record;
    new_hash text;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('a conversion');
    PERFORM bastion_internal.require_outbox('a conversion with verification') WHERE is_pending;
    owner := bastion.user_id();
    tenant := bastion.tenant_id();
    place := bastion.unit_id();
    IF NOT bastion_internal.is_anonymous(owner) THEN
        RETURN bastion_internal.refusal('not_anonymous', 'the account is no anonymous one');
    ELSIF bastion.is_email(new_email) IS NOT TRUE AND (new_email IS NOT NULL OR new_username IS NULL OR is_pending) THEN
        RETURN bastion_internal.refuse_email();
    ELSIF NOT bastion.is_username(new_username) THEN
        RETURN bastion_internal.refuse_username();
    END IF;
    account := bastion_internal.account_words(owner);
    refused := bastion_internal.signup_hook_refusal(new_email, new_username, (SELECT u.display_name FROM bastion.users u WHERE u.id = owner));
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    refused := bastion_internal.password_refusal(account_convert.password, concat_ws(E'\n', new_email, new_username, account.words), account.least_length);
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    new_hash := bastion_internal.password_hash_if_free(account_convert.password);
    IF new_hash IS NULL THEN
        RETURN bastion_internal.refuse_busy('account_converted', owner);
    END IF;
    refused := bastion_internal.held_caller_refusal();
    IF refused IS NOT NULL THEN
        RETURN refused;
    ELSIF is_pending THEN
        IF EXISTS (SELECT FROM bastion.users u WHERE u.username = new_username) THEN
            RETURN bastion_internal.refuse_taken('account_converted', owner, NULL);
        END IF;
        PERFORM bastion_internal.one_time_end(owner, '{verify_email}');
        PERFORM bastion_internal.password_store(owner, new_hash);
        RETURN bastion_internal.verification_wait(owner, new_email, jsonb_build_object('tenant', tenant, 'unit', place, 'username', new_username));
    END IF;
    BEGIN
        UPDATE bastion.users u SET email = new_email, username = new_username WHERE u.id = owner;
    EXCEPTION WHEN unique_violation THEN
        RETURN bastion_internal.refuse_taken('account_converted', owner, new_email);
    END;
    PERFORM bastion_internal.account_claim(owner, new_hash);
    PERFORM bastion_internal.record_event('account_converted', 'success', owner, tenant);
    IF new_email IS NOT NULL AND bastion_internal.has_outbox() THEN
        PERFORM bastion_internal.mail_request('verify_email', new_email, owner, '1 day');
    END IF;
    RETURN bastion_internal.session_begin(owner, tenant, place, account_convert.device, '{pwd}');
END
$$;
COMMENT ON FUNCTION bastion_api.account_convert(text, text, text, text) IS
'Makes an ordinary account of the anonymous one of this transaction: gives it a password, and an address, a user name or both. The user keeps id, tenants, memberships and rows. Every session and API key of before ends, this session too, and a new session begins.
With bastion.outbox, a link for verify_email() is mailed. With bastion.signup_verification = required, an address is needed, and nothing changes before verify_email() takes the mailed token with this password; the answer is {"verification": "required"}, for a taken address too. A later call replaces an earlier one. A user name that another user takes meanwhile is left out.
Returns what login() returns. Refusals: not_anonymous for any other account; invalid_email, invalid_username, invalid_password, weak_password, email_taken, username_taken, signup_refused and temporarily_unavailable as signup(), with the least length of the user''s tenants too; unauthenticated, invalid_token, insufficient_scope with an API key, for a delegation and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, 40001 when another transaction changed the user and the isolation level is not READ COMMITTED, 55000 when bastion.signup_verification needs bastion.outbox and that is off, BA001 without a root key, 58030 when a file of the password policy cannot be used.';
SELECT bastion_internal.callable_by('bastion_api.account_convert(text, text, text, text)', 'application');
SELECT bastion_internal.event_kind('account_converted');


-- What a person does with a link or code that was mailed: reset the password, or log in. A mailed token is one factor: it gives the
-- level aal1. A link is opened by a POST after a confirmation, because scanners of mail fetch every link.

CREATE FUNCTION bastion_internal.hold_for_mail(token bastion.one_time_tokens, tenant_id uuid, unit_id uuid, made_by_owner boolean DEFAULT false)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT bastion_internal.hold_user(token.user_id, tenant_id, unit_id) THEN
        RETURN false;
    END IF;
    -- In a statement of its own, as in hold_for_login().
    PERFORM FROM bastion.users u WHERE u.id = token.user_id AND u.email = token.address;
    RETURN FOUND AND bastion_internal.one_time_use(token)
       AND bastion_internal.address_prove(token.user_id, token.address, made_by_owner);
END
$$;
COMMENT ON FUNCTION bastion_internal.hold_for_mail(bastion.one_time_tokens, uuid, uuid, boolean) IS
'Locks the user of a mailed token, uses it up, and marks the address as verified. False if the user has another address by now, or another transaction was first. made_by_owner as in address_prove().
SQLSTATE 40001 when another transaction changed what this depends on and the isolation level is not READ COMMITTED.';

CREATE FUNCTION bastion_api.reset_password(token text, password text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_row bastion.one_time_tokens;
    refused jsonb;
    new_hash text;
    is_short boolean;
BEGIN
    PERFORM bastion_internal.require_writable('a reset of a password');
    found_row := bastion_internal.one_time_find(reset_password.token, 'reset_password');
    IF found_row.user_id IS NULL THEN
        RETURN bastion_internal.refuse_one_time(NULL, 'reset_password');
    END IF;
    refused := bastion_internal.check_password(found_row.user_id, reset_password.password);
    IF refused IS NULL AND NOT bastion_internal.is_address_verified(found_row.address) THEN
        -- The factors of such an account go in hold_for_mail(), so that the password stands alone.
        refused := bastion_internal.password_refusal(reset_password.password, NULL, NULL);
    END IF;
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    new_hash := bastion_internal.password_hash_if_free(reset_password.password);
    IF new_hash IS NULL THEN
        RETURN bastion_internal.refuse_busy('password_reset', found_row.user_id);
    END IF;
    IF NOT bastion_internal.hold_for_mail(found_row, NULL, NULL) THEN
        RETURN bastion_internal.refuse_one_time(found_row.user_id, 'reset_password');
    END IF;
    is_short := bastion_internal.is_short_password(reset_password.password);
    PERFORM bastion_internal.password_store(found_row.user_id, new_hash, is_short);
    PERFORM bastion_internal.attempts_forget_at_commit(found_row.user_id), bastion_internal.devices_revoke(found_row.user_id);
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = 'password'
    WHERE s.user_id = found_row.user_id AND s.revoked_at IS NULL;
    PERFORM bastion_internal.delegations_of_user_end(found_row.user_id, 'password');
    PERFORM bastion_internal.record_event('password_reset', 'success', found_row.user_id);
    PERFORM bastion_internal.mail_notice('password_changed', found_row.user_id);
    RETURN bastion_internal.answer('{}');
END
$$;
COMMENT ON FUNCTION bastion_api.reset_password(text, text) IS
'Sets a new password with the token that request_password_reset() mailed, and ends the sessions and delegations of the user, and the other links and codes; devices become unknown. API keys stay. The user gets mail about it, and logs in next.
An account whose address was never verified loses its API keys too: a stranger may have made it.
Returns {}.
Refusals: invalid_link, the same for an unknown, used, replaced or expired token, and one for another purpose; recorded. invalid_password and weak_password as password_change(), which do not use up the token. temporarily_unavailable (bastion.max_concurrent_hashes).
SQLSTATE 25006 in a READ ONLY transaction, 40001 when another transaction used the token and the isolation level is not READ COMMITTED, BA001 without a root key, 58030 when a file of the password policy cannot be used.';
SELECT bastion_internal.callable_by('bastion_api.reset_password(text, text)', 'application');
SELECT bastion_internal.event_kind('password_reset');

CREATE FUNCTION bastion_internal.mail_login(token bastion.one_time_tokens, purpose text, tenant text, unit text, device text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- An account whose address was never verified loses its factors in hold_for_mail().
    needs_factor boolean := bastion_internal.lacks_factor(token.user_id, '{otp}') AND bastion_internal.is_address_verified(token.address);
    tenants uuid[];
    place record;
    state text;
BEGIN
    IF token.user_id IS NULL THEN
        RETURN bastion_internal.refuse_one_time(NULL, purpose);
    ELSIF needs_factor THEN
        -- The challenge takes the place of the token, which is used up.
        IF NOT bastion_internal.hold_for_mail(token, NULL, NULL) THEN
            RETURN bastion_internal.refuse_one_time(token.user_id, purpose);
        END IF;
        state := bastion_internal.login_state(token.user_id);
        RETURN bastion_internal.mfa_required(token.user_id, state, '{otp}', mail_login.tenant, mail_login.unit, mail_login.device);
    ELSIF mail_login.tenant IS NULL THEN
        tenants := bastion_internal.login_tenants(token.user_id);
        IF cardinality(tenants) > 1 THEN
            RETURN bastion_internal.tenant_required(token.user_id, tenants);
        END IF;
    END IF;
    place := bastion_internal.resolve_identity(token.user_id, coalesce(mail_login.tenant, tenants[1]::text), mail_login.unit);
    IF place.status <> 'ok' OR NOT bastion_internal.hold_for_mail(token, place.tenant_id, place.unit_id) THEN
        RETURN bastion_internal.refuse_one_time(token.user_id, purpose);
    END IF;
    -- With the locks held, check again.
    place := bastion_internal.resolve_identity(token.user_id, place.tenant_id::text, place.unit_id::text);
    IF place.status <> 'ok' THEN
        RETURN bastion_internal.refuse_one_time(token.user_id, purpose);
    END IF;
    PERFORM bastion_internal.attempts_forget_at_commit(token.user_id);
    RETURN bastion_internal.login_finish(token.user_id, place.tenant_id, place.unit_id, mail_login.device, '{otp}', jsonb_build_object('by', purpose));
END
$$;
COMMENT ON FUNCTION bastion_internal.mail_login(bastion.one_time_tokens, text, text, text, text) IS
'Logs in the user of a mailed token, asks for the second factor, or refuses. An answer that asks for the tenant does not use up the token.';

CREATE FUNCTION bastion_api.login_link(token text, tenant text DEFAULT NULL, unit text DEFAULT NULL, device text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_row bastion.one_time_tokens;
BEGIN
    PERFORM bastion_internal.require_writable('a login');
    found_row := bastion_internal.one_time_find(login_link.token, 'magic_link');
    RETURN bastion_internal.mail_login(found_row, 'magic_link', login_link.tenant, login_link.unit, login_link.device);
END
$$;
COMMENT ON FUNCTION bastion_api.login_link(text, text, text, text) IS
'Logs in with the token that request_login_link() mailed, and begins a session of level aal1. tenant, unit and device are those of login().
The address counts as verified from then on. An account whose address was never verified loses its password, sessions and API keys: a stranger may have made it.
Returns what login() returns. After mfa_required the token is used up: login_mfa() takes the challenge. After tenant_required, the same token works again, with a tenant.
Refusal: invalid_link, the same for an unknown, used, replaced or expired token, one for another purpose, and a tenant or unit without membership; recorded.
SQLSTATE 25006 in a READ ONLY transaction, 40001 when another transaction used the token and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.login_link(text, text, text, text)', 'application');

CREATE FUNCTION bastion_api.login_code(request uuid, code text, tenant text DEFAULT NULL, unit text DEFAULT NULL, device text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tried record;
BEGIN
    PERFORM bastion_internal.require_writable('a login');
    tried := bastion_internal.one_time_try(login_code.request, login_code.code);
    IF tried.retry_after > 0 THEN
        RETURN bastion_internal.refuse_throttled(tried.retry_after);
    END IF;
    RETURN bastion_internal.mail_login(tried.token, 'code', login_code.tenant, login_code.unit, login_code.device);
END
$$;
COMMENT ON FUNCTION bastion_api.login_code(uuid, text, text, text, text) IS
'login_link() with the request that request_login_code() answered and the code that it mailed. Each call is a try, which ROLLBACK does not take back: five for a code. A user has five at once and then one in ten minutes, and thirty in a day without a right one.
Returns what login() returns. Refusals: invalid_link, the same for a wrong, used or expired code and one with five wrong tries, recorded; too_many_attempts with retry_after in seconds, when nothing was compared.
SQLSTATE 25006 in a READ ONLY transaction, 40001 when another transaction used the code and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.login_code(uuid, text, text, text, text)', 'application');

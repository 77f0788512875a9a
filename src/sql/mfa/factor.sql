
-- Second factors: who may change them, their list, and the step up of a session.

-- Who may change factors

CREATE FUNCTION bastion_internal.has_factor(user_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT EXISTS (SELECT FROM bastion.user_factors f WHERE f.user_id = has_factor.user_id AND f.state <> 'pending')
    );
END
$$;
COMMENT ON FUNCTION bastion_internal.has_factor(uuid) IS
'Whether a user has a second factor, a suspended one included: otherwise its suspension would let the password alone in.';

CREATE FUNCTION bastion_internal.has_active_factor(user_id uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT FROM bastion.user_factors f WHERE f.user_id = has_active_factor.user_id AND f.state = 'active') $$;
COMMENT ON FUNCTION bastion_internal.has_active_factor(uuid) IS 'Whether a user has a second factor that lets in.';

CREATE FUNCTION bastion_internal.has_short_password(user_id uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT FROM bastion.user_passwords p WHERE p.user_id = has_short_password.user_id AND p.is_short) $$;
COMMENT ON FUNCTION bastion_internal.has_short_password(uuid) IS 'Whether the password of a user was accepted beside a second factor alone.';

CREATE FUNCTION bastion_internal.is_fresh(level text, max_age interval) RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion.auth_level() IN (is_fresh.level, 'aal2', 'aal3') AND bastion.auth_time() > clock_timestamp() - max_age IS TRUE $$;
COMMENT ON FUNCTION bastion_internal.is_fresh(text, interval) IS
'Whether the user of this transaction proved at this level (aal1 or aal2) or a higher one, and not longer ago than max_age, who they are.';

CREATE FUNCTION bastion_internal.factor_change_refusal() RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Two changes at once, and a login, wait for each other.
    refused jsonb := bastion_internal.held_caller_refusal();
    level text;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    level := CASE WHEN bastion_internal.has_factor(bastion.user_id()) THEN 'aal2' ELSE 'aal1' END;
    IF NOT bastion_internal.is_fresh(level, '10 minutes') THEN
        RETURN bastion_internal.refuse_step_up(jsonb_build_object('acr', level, 'max_age', 600));
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.factor_change_refusal() IS
'The refusal of a caller who may not change the second factors of the user: an API key, an impersonator, and a session whose user did not log in within ten minutes, or confirm with a second factor where there is one. NULL for all others.
SQLSTATE 25000 when the transaction has another identity already, 40001 when another transaction changed the user and the isolation level is not READ COMMITTED.';

CREATE FUNCTION bastion_internal.factors_changed(kind text, user_id uuid, detail jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.end_logins(factors_changed.user_id);
    PERFORM bastion_internal.devices_revoke(factors_changed.user_id), bastion_internal.recovery_end(factors_changed.user_id);
    PERFORM bastion_internal.one_time_end(factors_changed.user_id, '{reset_password,magic_link,code}');
    PERFORM bastion_internal.record_event(kind, 'success', factors_changed.user_id, NULL, detail);
    PERFORM bastion_internal.mail_notice(kind, factors_changed.user_id);
END
$$;
COMMENT ON FUNCTION bastion_internal.factors_changed(text, uuid, jsonb) IS
'After a change of the second factors of a user: ends the logins whose next step is open, and the links and codes that could begin one, ends a recovery, makes the devices unknown, records the change, and mails a notice of this kind to the user.
SQLSTATE 40001 when another transaction changed the user and the isolation level is not READ COMMITTED.';

CREATE FUNCTION bastion_internal.factor_added(added bastion.user_factors, is_first boolean) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    codes jsonb := '[]';
BEGIN
    IF is_first THEN
        codes := bastion_internal.recovery_codes_replace(added.user_id);
    END IF;
    PERFORM bastion_internal.factors_changed('factor_added', added.user_id, jsonb_build_object('factor', added.id, 'kind', added.kind));
    RETURN bastion_internal.answer(jsonb_build_object('factor', bastion_internal.factor_object(added), 'recovery_codes', codes));
END
$$;
COMMENT ON FUNCTION bastion_internal.factor_added(bastion.user_factors, boolean) IS
'The answer to a user who confirmed a second factor, with recovery codes if it is the first one, and what follows its addition: factors_changed().';

-- Use

CREATE FUNCTION bastion_internal.factor_try(user_id uuid) RETURNS integer
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_factor_try';
COMMENT ON FUNCTION bastion_internal.factor_try(uuid) IS
'Charges a try of a second factor, which no rollback takes back: 5 at once and then one in ten minutes, 30 without a success. Returns 0, else how many seconds later the next one is evaluated, -1 for never, and NULL for a user without a row. SQLSTATE 25006 in a READ ONLY transaction.';

CREATE FUNCTION bastion_internal.factor_refund(user_id uuid) RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_factor_refund';
COMMENT ON FUNCTION bastion_internal.factor_refund(uuid) IS 'Takes the charge of a successful try back, and forgets the failures.';

CREATE FUNCTION bastion_internal.factor_tries_reset(user_id uuid) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_factor_unlock';
COMMENT ON FUNCTION bastion_internal.factor_tries_reset(uuid) IS 'Forgets every try of a user; false for a user without a row.';

CREATE FUNCTION bastion_internal.factor_accept(user_id uuid, factor uuid, response jsonb, challenge text DEFAULT NULL,
                                              OUT outcome text, OUT retry_after integer, OUT method text, OUT reason text)
RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    code text := CASE jsonb_typeof(response -> 'code') WHEN 'string' THEN response ->> 'code' ELSE '' END;
    used_step bigint;
    held bastion.user_factors;
BEGIN
    SELECT * INTO held FROM bastion.user_factors f
    WHERE f.id = factor AND f.user_id = factor_accept.user_id AND f.state = 'active';
    -- A signature cannot be guessed: no try is charged, so that wrong codes do not lock a passkey out.
    IF held.kind = 'webauthn' THEN
        SELECT a.method, a.reason INTO method, reason FROM bastion_internal.passkey_accept(factor_accept.user_id, factor, response, challenge) a;
        outcome := CASE WHEN reason IS NULL THEN 'accepted' ELSE 'none' END;
        PERFORM bastion_internal.recovery_end(factor_accept.user_id) WHERE reason IS NULL;
        RETURN;
    END IF;
    method := 'otp';
    outcome := 'none';
    retry_after := bastion_internal.factor_try(factor_accept.user_id);
    IF retry_after <> 0 THEN
        outcome := 'throttled';
        RETURN;
    ELSIF retry_after IS NULL THEN
        RETURN;
    ELSIF factor IS NULL THEN
        outcome := CASE WHEN bastion_internal.recovery_code_use(factor_accept.user_id, code) THEN 'accepted' ELSE 'none' END;
    ELSE
        used_step := bastion_internal.totp_step(held.id, held.sealed, code, floor(extract(epoch FROM clock_timestamp()))::bigint, held.totp_step);
        UPDATE bastion.user_factors f SET totp_step = used_step, last_used_at = clock_timestamp()
        WHERE f.id = held.id AND f.state = 'active' AND f.totp_step < used_step;
        outcome := CASE WHEN FOUND THEN 'accepted' ELSE 'none' END;
    END IF;
    IF outcome = 'accepted' THEN
        PERFORM bastion_internal.factor_refund(factor_accept.user_id), bastion_internal.recovery_end(factor_accept.user_id);
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.factor_accept(uuid, uuid, jsonb, text) IS
'Checks what a user presents as second factor: {"code"} of an authenticator, or of the recovery codes where factor is NULL, or {"credential"} of a passkey for the challenge of a login, which the caller uses up; without one, response has a "challenge" of passkey_options(). What is accepted is used up, and ends a recovery of the account.
Returns its method (RFC 8176: otp, pop for a passkey, or hwk for an attested one that verified the user) and accepted, none, or throttled with the seconds to wait (-1: until factor_unlock()); for a passkey the reason too, which the caller must not learn.
SQLSTATE 25006 in a READ ONLY transaction, before anything is evaluated; 40001 when another transaction used the code and the isolation level is not READ COMMITTED; BA001 without a root key.';

CREATE FUNCTION bastion_internal.refuse_factor(user_id uuid, tenant_id uuid, factor uuid, reason text, retry_after integer) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.record_event('factor_refused', 'refused', refuse_factor.user_id, refuse_factor.tenant_id,
                                          jsonb_build_object('factor', factor, 'reason', reason));
    IF reason = 'throttled' THEN
        RETURN bastion_internal.refusal('too_many_tries', 'too many wrong codes; try again later')
            || jsonb_build_object('retry_after', nullif(retry_after, -1));
    END IF;
    RETURN bastion_internal.refusal('invalid_code', 'wrong code, or it was used');
END
$$;
COMMENT ON FUNCTION bastion_internal.refuse_factor(uuid, uuid, uuid, text, integer) IS
'Records why a second factor was not accepted (an outcome or reason of factor_accept(), or session), and returns the answer.';
SELECT bastion_internal.event_kind('factor_refused');

CREATE FUNCTION bastion_internal.amr_confirmed(amr text[], method text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT array_remove(array_remove(amr, method), 'mfa') || ARRAY[method, 'mfa'] $$;
COMMENT ON FUNCTION bastion_internal.amr_confirmed(text[], text) IS 'The methods of an authentication (RFC 8176), and that of a second factor.';

CREATE FUNCTION bastion_api.step_up(factor uuid, response jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb;
    owner uuid;
    proof record;
    stepped bastion.sessions;
    issued_at bigint := floor(extract(epoch FROM clock_timestamp()));
    expires_at bigint;
    token text;
BEGIN
    PERFORM bastion_internal.require_writable('a second factor');
    -- A code of a user who is being disabled is not used up.
    refused := bastion_internal.held_caller_refusal();
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    owner := bastion.user_id();
    proof := bastion_internal.factor_accept(owner, factor, response);
    IF proof.outcome = 'accepted' THEN
        UPDATE bastion.sessions s
        -- Another factor than an attested passkey does not prolong level aal3.
        SET level = CASE WHEN proof.method = 'hwk' OR s.level = 'aal3' AND bastion_internal.confirmed_until(s) > clock_timestamp() THEN 'aal3' ELSE 'aal2' END,
            authenticated_at = clock_timestamp(),
            amr = bastion_internal.amr_confirmed(s.amr, proof.method),
            phishing_resistant_at = CASE WHEN proof.method = 'hwk' OR proof.method = 'pop' AND (s.level <> 'aal3' OR bastion_internal.confirmed_until(s) <= clock_timestamp())
                                         THEN clock_timestamp() ELSE s.phishing_resistant_at END
        WHERE s.id = bastion.session_id() AND s.revoked_at IS NULL RETURNING s.* INTO stepped;
    END IF;
    IF stepped.id IS NULL THEN
        RETURN bastion_internal.refuse_factor(owner, bastion.tenant_id(), factor, coalesce(proof.reason, nullif(proof.outcome, 'accepted'), 'session'), proof.retry_after);
    END IF;
    expires_at := bastion_internal.access_expires_at(stepped, issued_at);
    token := bastion_internal.access_token(stepped.user_id, stepped.tenant_id, stepped.unit_id, stepped.id, issued_at, expires_at,
                                           gen_random_uuid(), stepped.amr, bastion_internal.session_acr(stepped), stepped.authenticated_at);
    PERFORM bastion_internal.record_event('stepped_up', 'success', owner, stepped.tenant_id,
                                          jsonb_build_object('factor', factor, 'session', stepped.id));
    RETURN bastion_internal.answer(jsonb_build_object('access_token', token, 'token_type', 'Bearer', 'expires_in', expires_at - issued_at,
                                                      'expires_at', to_timestamp(expires_at)));
END
$$;
COMMENT ON FUNCTION bastion_api.step_up(uuid, jsonb) IS
'Confirms the session of this transaction with a second factor: an active factor of factors(), or NULL for a recovery code, and response {"code": "123456"}. A code counts once, and one step of 30 seconds early or late. For a passkey, response is {"challenge", "credential"}: see passkey_options().
The session has level aal2 from then on, for 24 hours and as long as it is refreshed each hour (NIST SP 800-63B-4); then it goes on with aal1. With an attested passkey it has level aal3, for 12 hours and as long as it is refreshed every 15 minutes; then it goes on with aal2. Returns a new access token that says so (RFC 6749 section 5.1): access_token, token_type, expires_in, expires_at. A refresh gives one, too.
A try counts before it is evaluated, and ROLLBACK does not take it back: 5 at once and then one in ten minutes; after 30 without a success only an operator helps (factor_unlock()).
Refusals: invalid_code, too_many_tries with retry_after in seconds (null: an operator must unlock), unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, 40001 when another transaction used the code or changed the user and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.step_up(uuid, jsonb)', 'application');
SELECT bastion_internal.event_kind('stepped_up');

-- The user's own factors

CREATE FUNCTION bastion_internal.factor_object(factor bastion.user_factors) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('id', factor.id, 'kind', factor.kind, 'name', factor.name, 'state', factor.state,
                              'phishing_resistant', factor.kind = 'webauthn',
                              'created_at', factor.created_at, 'last_used_at', factor.last_used_at)
$$;
COMMENT ON FUNCTION bastion_internal.factor_object(bastion.user_factors) IS 'A second factor in an answer, without its secret.';

CREATE FUNCTION bastion_api.factors() RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    owner uuid;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    owner := bastion.user_id();
    RETURN bastion_internal.answer(jsonb_build_object(
        'factors', (SELECT coalesce(jsonb_agg(bastion_internal.factor_object(f) ORDER BY f.created_at, f.id), '[]')
                    FROM bastion.user_factors f WHERE f.user_id = owner),
        'recovery_codes', (SELECT count(*) FROM bastion.recovery_codes r WHERE r.user_id = owner AND r.used_at IS NULL),
        'recovery_at', (SELECT bastion_internal.recovery_at(t) FROM bastion.one_time_tokens t
                        WHERE t.user_id = owner AND t.purpose = 'account_recovery' AND bastion_internal.one_time_is_open(t))));
END
$$;
COMMENT ON FUNCTION bastion_api.factors() IS
'Lists the second factors of the user of this transaction: {"factors": [{id, kind, name, state (pending, active, suspended), phishing_resistant: whether it is a passkey, created_at, last_used_at}], "recovery_codes": how many are left, "recovery_at"}. recovery_at is when an open recovery of the account removes them, else null: account_recovery_cancel() ends one that another person began.
Refusals: unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25000 when the transaction has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.factors()', 'application');

CREATE FUNCTION bastion_api.factor_rename(factor uuid, name text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb;
    renamed bastion.user_factors;
BEGIN
    PERFORM bastion_internal.require_writable('a change of second factors');
    refused := bastion_internal.caller_refusal(in_person => true);
    IF refused IS NOT NULL THEN
        RETURN refused;
    ELSIF bastion_internal.is_label(factor_rename.name) IS NOT TRUE THEN
        RETURN bastion_internal.refusal('invalid_request', 'the name has 1 to 200 characters, none of them a control character');
    END IF;
    UPDATE bastion.user_factors f SET name = factor_rename.name WHERE f.id = factor AND f.user_id = bastion.user_id()
    RETURNING f.* INTO renamed;
    IF NOT FOUND THEN
        RETURN bastion_internal.refusal('unknown_factor', 'there is no such factor');
    END IF;
    RETURN bastion_internal.answer(bastion_internal.factor_object(renamed));
END
$$;
COMMENT ON FUNCTION bastion_api.factor_rename(uuid, text) IS
'Gives a second factor of the user of this transaction another name, of 1 to 200 characters. Returns it as in factors().
Refusals: invalid_request, unknown_factor, unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.factor_rename(uuid, text)', 'application');

CREATE FUNCTION bastion_internal.factor_delete(owner uuid, factor uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    removed bastion.user_factors;
BEGIN
    DELETE FROM bastion.user_factors f WHERE f.id = factor AND f.user_id = owner RETURNING f.* INTO removed;
    IF removed.id IS NULL THEN
        RETURN false;
    END IF;
    -- Codes without a factor would let in by themselves.
    IF NOT bastion_internal.has_factor(owner) THEN
        DELETE FROM bastion.recovery_codes r WHERE r.user_id = owner;
        -- So would a password that was accepted beside a factor alone.
        DELETE FROM bastion.user_passwords p WHERE p.user_id = owner AND p.is_short;
    END IF;
    PERFORM bastion_internal.factors_changed('factor_removed', owner, jsonb_build_object('factor', factor, 'kind', removed.kind));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion_internal.factor_delete(uuid, uuid) IS
'Removes a second factor of a user, with the recovery codes and a short password when it was the last; false for an unknown one.';
SELECT bastion_internal.event_kind('factor_removed');

CREATE FUNCTION bastion_api.factor_remove(factor uuid) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb;
BEGIN
    PERFORM bastion_internal.require_writable('a change of second factors');
    refused := bastion_internal.factor_change_refusal();
    IF refused IS NOT NULL THEN
        RETURN refused;
    ELSIF bastion_internal.has_short_password(bastion.user_id())
          AND NOT EXISTS (SELECT FROM bastion.user_factors f WHERE f.user_id = bastion.user_id() AND f.state = 'active' AND f.id <> factor) THEN
        RETURN bastion_internal.refusal('short_password', format('the password needs a second factor beside it: choose one of at least %s characters first',
                                                                 bastion_internal.setting('bastion.password_min_length')));
    ELSIF EXISTS (SELECT FROM bastion.user_factors f WHERE f.id = factor AND f.user_id = bastion.user_id() AND f.state <> 'pending') THEN
        refused := bastion_internal.last_login_refusal(bastion.user_id(), factor => factor);
    END IF;
    IF refused IS NOT NULL THEN
        RETURN refused;
    ELSIF NOT bastion_internal.factor_delete(bastion.user_id(), factor) THEN
        RETURN bastion_internal.refusal('unknown_factor', 'there is no such factor');
    END IF;
    RETURN bastion_internal.answer(jsonb_build_object('removed', factor));
END
$$;
COMMENT ON FUNCTION bastion_api.factor_remove(uuid) IS
'Removes a second factor of the user of this transaction; the recovery codes go with the last.
The session must have been confirmed with a second factor within ten minutes (step_up()); without an active factor, a login within ten minutes suffices.
Returns {"removed": id}. Refusals: unknown_factor, short_password for the last one beside a password that is too short to stand alone, last_login when nothing else lets the user in (see identity_unlink()), insufficient_user_authentication with acr_values and max_age (RFC 9470), unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, 40001 when another transaction changed the user and the isolation level is not READ COMMITTED.';
SELECT bastion_internal.callable_by('bastion_api.factor_remove(uuid)', 'application');

CREATE FUNCTION bastion_api.recovery_codes_renew() RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb;
    codes jsonb;
BEGIN
    PERFORM bastion_internal.require_writable('a change of second factors');
    refused := bastion_internal.factor_change_refusal();
    IF refused IS NOT NULL THEN
        RETURN refused;
    ELSIF NOT bastion_internal.has_factor(bastion.user_id()) THEN
        RETURN bastion_internal.refusal('unknown_factor', 'recovery codes belong to a second factor');
    END IF;
    codes := bastion_internal.recovery_codes_replace(bastion.user_id());
    PERFORM bastion_internal.factors_changed('recovery_codes_renewed', bastion.user_id(), '{}');
    RETURN bastion_internal.answer(jsonb_build_object('recovery_codes', codes));
END
$$;
COMMENT ON FUNCTION bastion_api.recovery_codes_renew() IS
'Makes ten recovery codes for the user of this transaction, in place of all earlier ones. The session must be as for factor_remove().
Returns {"recovery_codes": [...]}, shown once. Refusals: unknown_factor without a second factor, insufficient_user_authentication with acr_values and max_age (RFC 9470), unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, 40001 when another transaction changed the user and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.recovery_codes_renew()', 'application');
SELECT bastion_internal.event_kind('recovery_codes_renewed');

-- Operators

CREATE FUNCTION bastion.factors_remove(for_user text) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner uuid := bastion_internal.any_user_named(for_user);
BEGIN
    PERFORM bastion_internal.await_logins(owner);
    RETURN (SELECT count(*) FROM bastion.user_factors f WHERE f.user_id = owner AND bastion_internal.factor_delete(owner, f.id));
END
$$;
COMMENT ON FUNCTION bastion.factors_remove(text) IS
'Removes every second factor and the recovery codes of a user (uuid, e-mail address or user name) who lost them. Prove first who asks: the password alone suffices afterwards. One that is too short to stand alone goes with them: the user resets it by mail, or user_password_set() gives another.
Returns how many factors were removed, 0 for an unknown user.
For operators: EXECUTE is granted to nobody.';

CREATE FUNCTION bastion_internal.end_attestation() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE bastion.passkeys p SET attested_at = NULL, attested_note = NULL WHERE p.factor_id = OLD.id AND p.attested_at IS NOT NULL;
    IF FOUND THEN
        UPDATE bastion.sessions s SET level = 'aal2' WHERE s.user_id = OLD.user_id AND s.level = 'aal3';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
COMMENT ON FUNCTION bastion_internal.end_attestation() IS
'A passkey that is removed or suspended proves nothing any more: its attestation ends, and sessions of its user with level aal3 go on with aal2.';
CREATE TRIGGER user_factors_end_attestation BEFORE DELETE ON bastion.user_factors
FOR EACH ROW WHEN (OLD.kind = 'webauthn') EXECUTE FUNCTION bastion_internal.end_attestation();
COMMENT ON TRIGGER user_factors_end_attestation ON bastion.user_factors IS 'Ends level aal3 with the passkey that proved it';
CREATE TRIGGER user_factors_suspend_attestation BEFORE UPDATE ON bastion.user_factors
FOR EACH ROW WHEN (OLD.kind = 'webauthn' AND OLD.state = 'active' AND NEW.state <> 'active') EXECUTE FUNCTION bastion_internal.end_attestation();
COMMENT ON TRIGGER user_factors_suspend_attestation ON bastion.user_factors IS 'Ends level aal3 when the passkey that proved it is suspended';

CREATE FUNCTION bastion.passkey_attest(factor uuid, note text) RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner uuid := (SELECT f.user_id FROM bastion.user_factors f WHERE f.id = factor AND f.kind = 'webauthn');
    held bastion.passkeys;
BEGIN
    IF bastion_internal.is_label(note) IS FALSE THEN
        RAISE EXCEPTION 'invalid note' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'A note has 1 to 200 characters, none of them a control character.';
    END IF;
    PERFORM bastion_internal.await_logins(owner);
    SELECT * INTO held FROM bastion.passkeys p WHERE p.factor_id = factor FOR NO KEY UPDATE;
    IF held.factor_id IS NULL THEN
        RETURN false;
    ELSIF note IS NOT NULL AND (held.backup_eligible OR NOT held.user_verified OR (SELECT f.state <> 'active' FROM bastion.user_factors f WHERE f.id = factor)) THEN
        RAISE EXCEPTION 'this passkey cannot be attested' USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = 'Its authenticator may copy the key to other devices, or has never verified the user, or it is suspended.';
    END IF;
    UPDATE bastion.passkeys p SET attested_at = CASE WHEN note IS NOT NULL THEN clock_timestamp() END, attested_note = note WHERE p.factor_id = factor;
    IF note IS NULL THEN
        -- Logins whose next step is open would begin a session of level aal3.
        PERFORM bastion_internal.end_logins(owner);
        UPDATE bastion.sessions s SET level = 'aal2' WHERE s.user_id = owner AND s.level = 'aal3';
    END IF;
    PERFORM bastion_internal.record_event('passkey_attested', 'success', owner, NULL,
                                          jsonb_build_object('factor', factor, 'attested', note IS NOT NULL, 'by', session_user));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.passkey_attest(uuid, text) IS
'Vouches for the authenticator of a passkey: it is a device of which the operator knows, by a note of 1 to 200 characters, that its key cannot leave it. A session that its user begins or steps up with it has level aal3 (NIST SP 800-63B-4), if the authenticator verified the user. It keeps the level for 12 hours, while it is refreshed every 15 minutes.
Only for passkeys that may not be copied (flag BE of WebAuthn) and whose authenticator verified the user before. note NULL ends it, and so does its removal or suspension; sessions of the user with level aal3 go on with aal2. Returns whether there is such a passkey.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for the note, 55000 for a passkey that cannot be attested.';
SELECT bastion_internal.event_kind('passkey_attested');

CREATE FUNCTION bastion.factor_unlock(for_user text) RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner uuid := bastion_internal.any_user_named(for_user);
BEGIN
    IF bastion_internal.factor_tries_reset(owner) IS NOT TRUE THEN
        RETURN false;
    END IF;
    PERFORM bastion_internal.record_event('factor_unlocked', 'success', owner, NULL, jsonb_build_object('by', session_user));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.factor_unlock(text) IS
'Lets a user (uuid, e-mail address or user name) try second factors again after too many wrong codes. At once, also when the transaction rolls back.
Returns whether there is such a user who ever added a second factor.
For operators: EXECUTE is granted to nobody.
SQLSTATE 25006 in a READ ONLY transaction.';
SELECT bastion_internal.event_kind('factor_unlocked');

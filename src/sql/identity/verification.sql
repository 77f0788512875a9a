
-- Verification of the address of an account: after sign-up, or, with bastion.signup_verification = 'required', before the account
-- exists for anyone. Then an account waits, without an address, for the person who has both the mail and the password of the sign-up.
-- Strangers who sign up with somebody's address have the password alone, the owner of the address has the mail alone.

CREATE FUNCTION bastion_internal.verification_wait(user_id uuid, email text, payload jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    is_taken boolean := bastion_internal.is_address_verified(email);
    opened record := bastion_internal.one_time_open('verify_email', user_id, email, '1 day', payload);
BEGIN
    -- The same for a taken address, but for the kind of the mail: its owner learns of the attempt, and no link is mailed.
    PERFORM bastion_internal.mail_queue(CASE WHEN is_taken THEN 'signup_existing' ELSE 'verify_email' END, user_id, NULL, email,
                               CASE WHEN NOT is_taken THEN opened.id END);
    RETURN bastion_internal.answer('{"verification": "required"}');
END
$$;
COMMENT ON FUNCTION bastion_internal.verification_wait(uuid, text, jsonb) IS
'Mails the link for verify_email() to a user who waits for it, and returns the answer.';

CREATE FUNCTION bastion_internal.signup_pending(email text, password text, tenant_name text, display_name text, username text)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made record;
BEGIN
    PERFORM bastion_internal.require_outbox('a sign-up with verification');
    made := bastion_internal.user_create(NULL, signup_pending.password, signup_pending.display_name, signup_pending.username);
    IF made.user_id IS NULL THEN
        RETURN made.answer;
    END IF;
    UPDATE bastion.users u SET status = 'pending', delete_at = now() + interval '7 days' WHERE u.id = made.user_id;
    PERFORM bastion_internal.record_event('signup', 'success', made.user_id);
    RETURN bastion_internal.verification_wait(made.user_id, email, jsonb_build_object('tenant_name', tenant_name));
END
$$;
COMMENT ON FUNCTION bastion_internal.signup_pending(text, text, text, text, text) IS
'The sign-up under bastion.signup_verification: makes an account that waits for verify_email(), and answers the same for a free address and a taken one.';

CREATE FUNCTION bastion_api.resend_verification(email text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted text := lower(btrim(email) COLLATE "C");
    refused jsonb := bastion_internal.mail_refusal(wanted);
    waiting bastion.one_time_tokens;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    SELECT t.* INTO waiting FROM bastion.one_time_tokens t JOIN bastion.users u ON u.id = t.user_id
    WHERE t.address = wanted AND t.purpose = 'verify_email' AND t.used_at IS NULL
      AND (u.status = 'pending' OR (u.status = 'active' AND (u.email = t.address OR u.anonymous)))
      AND NOT bastion_internal.is_address_verified(t.address)
    ORDER BY u.created_at DESC, u.id LIMIT 1;
    PERFORM bastion_internal.mail_request('verify_email', wanted, waiting.user_id, '1 day', coalesce(waiting.payload, '{}'));
    RETURN bastion_internal.answer('{}');
END
$$;
COMMENT ON FUNCTION bastion_api.resend_verification(text) IS
'Mails the link of the last sign-up with this address again, at most once a minute.
Returns {}, whether an account waits or not. Refusals: invalid_email, and too_many_attempts with retry_after in seconds after many requests from the network of the client.
SQLSTATE 55000 when bastion.outbox is off, 25006 in a READ ONLY transaction, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.resend_verification(text)', 'application');

CREATE FUNCTION bastion_internal.verify_pending(token bastion.one_time_tokens, password text, device text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    proof record;
    unchecked jsonb;
    account bastion.users;
    place record;
BEGIN
    proof := bastion_internal.accept_password(token.user_id, verify_pending.password);
    unchecked := bastion_internal.refuse_unchecked(proof.outcome, proof.retry_after, 'proof_refused', token.user_id);
    IF unchecked IS NOT NULL THEN
        RETURN unchecked;
    ELSIF proof.outcome <> 'accepted' THEN
        PERFORM bastion_internal.record_event('proof_refused', 'refused', token.user_id);
        RETURN bastion_internal.refusal('invalid_grant', 'this is not the password of the sign-up');
    END IF;
    SELECT * INTO account FROM bastion.users u
    WHERE u.id = token.user_id AND (u.status = 'pending' OR (u.anonymous AND u.status = 'active')) FOR NO KEY UPDATE;
    -- In a statement of its own, as in hold_for_login().
    IF account.id IS NULL OR NOT EXISTS (SELECT FROM bastion.user_passwords p WHERE p.user_id = account.id AND p.hash = proof.hash)
       OR NOT bastion_internal.one_time_use(token) OR NOT bastion_internal.address_prove(token.user_id, token.address, true) THEN
        RETURN bastion_internal.refuse_one_time(token.user_id, 'verify_email');
    END IF;
    IF account.anonymous THEN
        place := bastion_internal.convert_verified(token, proof.hash);
    ELSE
        UPDATE bastion.users u SET status = 'active', delete_at = NULL WHERE u.id = token.user_id;
        SELECT bastion_internal.tenant_create(btrim(token.payload ->> 'tenant_name'), token.user_id) AS tenant_id, NULL::uuid AS unit_id INTO place;
    END IF;
    PERFORM bastion_internal.attempts_forget_at_commit(token.user_id);
    RETURN bastion_internal.login_finish(token.user_id, place.tenant_id, place.unit_id, verify_pending.device, '{pwd}', '{"by": "verify_email"}');
END
$$;
COMMENT ON FUNCTION bastion_internal.verify_pending(bastion.one_time_tokens, text, text) IS
'Completes a sign-up or a conversion under bastion.signup_verification with the mailed token and the password of then, and logs in.';

CREATE FUNCTION bastion_api.verify_email(token text, password text DEFAULT NULL, device text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_row bastion.one_time_tokens;
    refused jsonb;
BEGIN
    PERFORM bastion_internal.require_writable('a verification');
    found_row := bastion_internal.one_time_find(verify_email.token, 'verify_email');
    IF found_row.user_id IS NULL THEN
        RETURN bastion_internal.refuse_one_time(NULL, 'verify_email');
    ELSIF EXISTS (SELECT FROM bastion.users u WHERE u.id = found_row.user_id AND (u.status = 'pending' OR u.anonymous)) THEN
        RETURN bastion_internal.verify_pending(found_row, verify_email.password, verify_email.device);
    END IF;
    refused := bastion_internal.caller_refusal(in_person => true);
    IF refused IS NOT NULL THEN
        RETURN refused;
    ELSIF bastion.user_id() <> found_row.user_id OR NOT bastion_internal.hold_for_mail(found_row, NULL, NULL, true) THEN
        RETURN bastion_internal.refuse_one_time(bastion.user_id(), 'verify_email');
    END IF;
    RETURN bastion_internal.answer(jsonb_build_object('email', found_row.address));
END
$$;
COMMENT ON FUNCTION bastion_api.verify_email(text, text, text) IS
'Shows that mail to the address of an account arrives, with the token that sign-up or resend_verification() mailed. The token alone proves nothing about who made the account, so it needs one thing more.
After an ordinary sign-up it needs the login of the user: returns {"email"}. With bastion.signup_verification it needs the password of the sign-up: makes the account and its tenant, and returns what login() returns; device as there. After account_convert() it needs the password of that and completes it, likewise.
An unverified account that another person made with the same address loses it.
Refusals: invalid_link, the same for an unknown, used, replaced or expired token, one for another purpose or user, and an address that another user has verified; recorded. invalid_grant for a wrong password, unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation, temporarily_unavailable (bastion.max_concurrent_hashes), too_many_attempts as login().
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, 40001 when another transaction used the token and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.verify_email(text, text, text)', 'application');

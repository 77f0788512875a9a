
-- Change of the address of an account. The new address gets a link, which only the logged-in user can use: otherwise a stranger could
-- have somebody else confirm that person's own address for the stranger's account. The old address, if verified, gets a link that
-- takes the change back for 7 days, even if the account was stolen meanwhile.

CREATE FUNCTION bastion_api.email_change(email text, password text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted text := lower(btrim(email_change.email) COLLATE "C");
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    person uuid;
    opened record;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_outbox('a change of address');
    IF bastion_internal.is_anonymous(bastion.user_id()) THEN
        RETURN bastion_internal.refuse_anonymous();
    ELSIF bastion.is_email(wanted) IS NOT TRUE THEN
        RETURN bastion_internal.refuse_email();
    END IF;
    refused := (bastion_internal.stale_person(email_change.password)).refused;
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    person := bastion.user_id();
    -- The last request counts.
    UPDATE bastion.one_time_tokens t SET used_at = clock_timestamp()
    WHERE t.user_id = person AND t.purpose = 'email_change' AND t.used_at IS NULL AND t.address <> wanted;
    opened := bastion_internal.one_time_open('email_change', person, wanted, '1 day');
    PERFORM bastion_internal.record_event('mail_requested', 'success', person, NULL, '{"purpose": "email_change"}');
    PERFORM bastion_internal.mail_queue('email_change', person, NULL, wanted, opened.id,
                               is_sent => opened.is_due AND NOT bastion_internal.is_address_verified(wanted));
    RETURN bastion_internal.answer('{}');
END
$$;
COMMENT ON FUNCTION bastion_api.email_change(text, text) IS
'Mails a link to a new address, with which the user of this transaction confirms it (email_change_confirm()). The link is good for a day; a later request replaces it. Nothing changes before.
Needs the password; a user without one has logged in within the last 10 minutes.
Returns {}, and mails nothing to an address that another user has verified. Refusals: invalid_email, anonymous_account, invalid_grant for a wrong password, unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation, temporarily_unavailable (bastion.max_concurrent_hashes), too_many_attempts as login().
SQLSTATE 55000 when bastion.outbox is off, 25006 in a READ ONLY transaction, 25000 when it has another identity already, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.email_change(text, text)', 'application');

CREATE FUNCTION bastion_api.email_change_confirm(token text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    found_row bastion.one_time_tokens;
    earlier bastion.users;
    opened record;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('a change of address');
    refused := bastion_internal.held_caller_refusal();
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    found_row := bastion_internal.one_time_find(email_change_confirm.token, 'email_change');
    IF found_row.user_id IS DISTINCT FROM bastion.user_id() OR NOT bastion_internal.one_time_use(found_row) THEN
        RETURN bastion_internal.refuse_one_time(bastion.user_id(), 'email_change');
    END IF;
    SELECT * INTO earlier FROM bastion.users u WHERE u.id = found_row.user_id;
    IF NOT bastion_internal.address_prove(found_row.user_id, found_row.address, true) THEN
        RETURN bastion_internal.refuse_one_time(found_row.user_id, 'email_change');
    END IF;
    PERFORM bastion_internal.one_time_end(found_row.user_id, '{verify_email,reset_password,magic_link,code}');
    IF earlier.email_verified_at IS NOT NULL AND earlier.email <> found_row.address THEN
        opened := bastion_internal.one_time_open('email_undo', found_row.user_id, earlier.email, '7 days');
        PERFORM bastion_internal.mail_queue('email_undo', found_row.user_id, NULL, earlier.email, opened.id);
    END IF;
    PERFORM bastion_internal.record_event('email_changed', 'success', found_row.user_id);
    RETURN bastion_internal.answer(jsonb_build_object('email', found_row.address));
END
$$;
COMMENT ON FUNCTION bastion_api.email_change_confirm(text) IS
'Gives the user of this transaction the address to which email_change() mailed this token. An unverified account that had the address loses it. The earlier address, if it was verified, gets mail with a link for email_undo().
Returns {"email"}.
Refusals: invalid_link, the same for an unknown, used, replaced or expired token, one for another purpose or user, and an address that another user has verified meanwhile; recorded. Others: unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, 40001 when another transaction used the token or changed the user and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.email_change_confirm(text)', 'application');
SELECT bastion_internal.event_kind('email_changed');

CREATE FUNCTION bastion_api.email_undo(token text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_row bastion.one_time_tokens;
BEGIN
    PERFORM bastion_internal.require_outbox('a change of address');
    found_row := bastion_internal.one_time_find(email_undo.token, 'email_undo');
    -- A thief may have closed the account, too.
    PERFORM FROM bastion.users u WHERE u.id = found_row.user_id AND u.status IN ('active', 'deleting') FOR NO KEY UPDATE;
    IF NOT FOUND OR NOT bastion_internal.one_time_use(found_row) THEN
        RETURN bastion_internal.refuse_one_time(found_row.user_id, 'email_undo');
    END IF;
    IF NOT bastion_internal.address_prove(found_row.user_id, found_row.address, true) THEN
        RETURN bastion_internal.refuse_one_time(found_row.user_id, 'email_undo');
    END IF;
    UPDATE bastion.users u SET status = 'active', delete_at = NULL WHERE u.id = found_row.user_id AND u.status = 'deleting';
    PERFORM bastion_internal.credentials_drop(found_row.user_id);
    PERFORM bastion_internal.one_time_end(found_row.user_id, '{delete_cancel}');
    -- A thief who changed the address twice has the link to undo the second change.
    UPDATE bastion.one_time_tokens t SET used_at = clock_timestamp()
    WHERE t.user_id = found_row.user_id AND t.purpose = 'email_undo' AND t.used_at IS NULL AND t.created_at > found_row.created_at;
    PERFORM bastion_internal.record_event('email_change_undone', 'success', found_row.user_id);
    PERFORM bastion_internal.mail_request('reset_password', found_row.address, found_row.user_id, '1 hour');
    RETURN bastion_internal.answer('{}');
END
$$;
COMMENT ON FUNCTION bastion_api.email_undo(text) IS
'Gives an account back the address to which this token was mailed, within 7 days after the change. Ends the sessions and API keys of the user and takes the password away, which a thief may know, and mails a link for reset_password(). It takes back account_delete(), too.
Returns {}. Refusal: invalid_link, the same for an unknown, used or expired token, one for another purpose, and an address that another user has verified meanwhile; recorded.
SQLSTATE 55000 when bastion.outbox is off, 25006 in a READ ONLY transaction, 40001 when another transaction used the token and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.email_undo(text)', 'application');
SELECT bastion_internal.event_kind('email_change_undone');

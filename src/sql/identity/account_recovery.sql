
-- Recovery of an account whose second factor is lost, recovery codes included. It begins after the first factor, goes on by mail to the
-- verified address, and takes 72 hours. Meanwhile a session of the owner, the mailed link, a use of a second factor or a new password
-- ends it.
-- Nobody else recovers an account: it may be a member of tenants that an administrator has no say in.

CREATE FUNCTION bastion_internal.recovery_at(token bastion.one_time_tokens) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT token.created_at + interval '72 hours' $$;
COMMENT ON FUNCTION bastion_internal.recovery_at(bastion.one_time_tokens) IS 'From when the token of a recovery removes the second factors.';

CREATE FUNCTION bastion_internal.recovery_end(user_id uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    was_open boolean;
BEGIN
    UPDATE bastion.one_time_tokens t SET used_at = clock_timestamp()
    WHERE t.user_id = recovery_end.user_id AND t.purpose = 'account_recovery' AND t.used_at IS NULL;
    was_open := FOUND;
    IF was_open THEN
        PERFORM bastion_internal.record_event('account_recovery_cancelled', 'success', recovery_end.user_id);
        PERFORM bastion_internal.mail_notice('recovery_cancelled', recovery_end.user_id);
    END IF;
    RETURN was_open;
END
$$;
COMMENT ON FUNCTION bastion_internal.recovery_end(uuid) IS
'Ends the recovery of a user, records that, and mails a notice; false if there was none. Checks no permission.';
SELECT bastion_internal.event_kind('account_recovery_cancelled');

CREATE FUNCTION bastion_api.account_recovery_start(challenge text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    terms jsonb := bastion_internal.challenge_open(challenge, 'mfa');
    account bastion.users;
    opened record;
    made bastion.one_time_tokens;
BEGIN
    PERFORM bastion_internal.require_outbox('a recovery');
    IF NOT bastion_internal.hold_user((terms ->> 'user')::uuid, NULL, NULL)
       OR NOT bastion_internal.challenge_is_open(challenge, bastion_internal.login_state((terms ->> 'user')::uuid)) THEN
        RETURN bastion_internal.refuse_login((terms ->> 'user')::uuid, 'challenge', clock_timestamp());
    END IF;
    SELECT * INTO account FROM bastion.users u WHERE u.id = (terms ->> 'user')::uuid;
    -- Mail alone would be the only factor of an account with a password.
    IF account.email_verified_at IS NULL OR ('pwd' <> ALL (bastion_internal.challenge_amr(terms))
                                             AND EXISTS (SELECT FROM bastion.user_passwords p WHERE p.user_id = account.id)) THEN
        RETURN bastion_internal.refusal('recovery_unavailable', 'this needs a verified address, and the password of an account that has one');
    END IF;
    opened := bastion_internal.one_time_open('account_recovery', account.id, account.email, '10 days');
    SELECT * INTO made FROM bastion.one_time_tokens t WHERE t.id = opened.id;
    PERFORM bastion_internal.mail_queue('account_recovery', account.id, NULL, account.email, opened.id, is_sent => opened.is_due);
    PERFORM bastion_internal.record_event('account_recovery_started', 'success', account.id);
    RETURN bastion_internal.answer(jsonb_build_object('ready_at', bastion_internal.recovery_at(made)));
END
$$;
COMMENT ON FUNCTION bastion_api.account_recovery_start(text) IS
'Begins the recovery of an account whose second factor and recovery codes are lost: takes the challenge of mfa_required, which proves the first factor. Mails a link to the verified address of the user. From 72 hours later account_recovery_finish() takes it; the link is good for 10 days. A repeated call in the first 5 days goes on with the same recovery, and mails the link again, at most once a minute.
Returns {"ready_at": time}. Refusals: invalid_grant for a challenge that is unknown, used, expired or ended, recorded; recovery_unavailable for a user without a verified address, and after a mailed link or code where the user has a password.
SQLSTATE 55000 when bastion.outbox is off, 25006 in a READ ONLY transaction, 40001 when another transaction changed the user and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.account_recovery_start(text)', 'application');
SELECT bastion_internal.event_kind('account_recovery_started');

CREATE FUNCTION bastion_api.account_recovery_finish(token text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_row bastion.one_time_tokens;
BEGIN
    PERFORM bastion_internal.require_writable('a recovery');
    found_row := bastion_internal.one_time_find(account_recovery_finish.token, 'account_recovery');
    IF bastion_internal.recovery_at(found_row) > clock_timestamp() THEN
        RETURN bastion_internal.refusal('recovery_pending', 'the recovery is not ready yet')
            || jsonb_build_object('ready_at', bastion_internal.recovery_at(found_row));
    ELSIF found_row.user_id IS NULL OR NOT bastion_internal.hold_for_mail(found_row, NULL, NULL) THEN
        RETURN bastion_internal.refuse_one_time(found_row.user_id, 'account_recovery');
    END IF;
    PERFORM bastion_internal.factor_delete(f.user_id, f.id) FROM bastion.user_factors f WHERE f.user_id = found_row.user_id;
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = 'recovery'
    WHERE s.user_id = found_row.user_id AND s.revoked_at IS NULL;
    PERFORM bastion_internal.delegations_of_user_end(found_row.user_id, 'recovery');
    PERFORM bastion_internal.record_event('account_recovered', 'success', found_row.user_id);
    RETURN bastion_internal.answer('{}');
END
$$;
COMMENT ON FUNCTION bastion_api.account_recovery_finish(text) IS
'Removes every second factor and the recovery codes of a user with the token that account_recovery_start() mailed. It ends the sessions and delegations of the user, and makes the devices unknown. A password that is too short to stand alone goes, too. The user gets mail about it, and logs in next with the first factor, or resets the password.
Returns {}. Refusals: recovery_pending with ready_at before 72 hours have passed, which does not use the token up; invalid_link, the same for an unknown, used or expired token, one for another purpose, and a recovery that was cancelled; recorded.
SQLSTATE 25006 in a READ ONLY transaction, 40001 when another transaction used the token and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.account_recovery_finish(text)', 'application');
SELECT bastion_internal.event_kind('account_recovered');

CREATE FUNCTION bastion_api.account_recovery_cancel(token text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb;
    person uuid;
    was_open boolean;
BEGIN
    PERFORM bastion_internal.require_writable('a recovery');
    IF token IS NOT NULL THEN
        person := (bastion_internal.one_time_find(account_recovery_cancel.token, 'account_recovery')).user_id;
        IF person IS NULL THEN
            RETURN bastion_internal.refuse_one_time(NULL, 'account_recovery');
        END IF;
    ELSE
        refused := bastion_internal.caller_refusal(in_person => true);
        IF refused IS NOT NULL THEN
            RETURN refused;
        END IF;
        person := bastion.user_id();
    END IF;
    was_open := bastion_internal.recovery_end(person);
    -- Another transaction used the link meanwhile, to finish perhaps.
    IF token IS NOT NULL AND NOT was_open THEN
        RETURN bastion_internal.refuse_one_time(person, 'account_recovery');
    END IF;
    RETURN bastion_internal.answer(jsonb_build_object('cancelled', was_open));
END
$$;
COMMENT ON FUNCTION bastion_api.account_recovery_cancel(text) IS
'Ends the recovery of an account: that of the user of this transaction, or, with the token that account_recovery_start() mailed, that of its user. factors() shows whether there is one. Any use of a second factor and a new password end it, too.
Returns {"cancelled": whether this ended one}. Refusals: invalid_link for a token as in account_recovery_finish(), recorded; without a token unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, BA001 for a token without a root key.';
SELECT bastion_internal.callable_by('bastion_api.account_recovery_cancel(text)', 'application');

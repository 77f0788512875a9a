
-- What users change of their own account. Passwords appear in assignments only.

CREATE FUNCTION bastion_internal.unknown_member(object jsonb, VARIADIC known text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT jsonb_typeof(object) IS DISTINCT FROM 'object' OR object - known <> '{}' $$;
COMMENT ON FUNCTION bastion_internal.unknown_member(jsonb, text[]) IS
'Whether a JSON argument is no object, or has a member beside the known ones.';

CREATE FUNCTION bastion_api.profile_update(profile jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    owner uuid;
    new_name text := profile ->> 'display_name';
    new_username text := lower(btrim(profile ->> 'username') COLLATE "C");
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('a change of the profile');
    IF bastion_internal.unknown_member(profile, 'display_name', 'username') THEN
        RETURN bastion_internal.refusal('invalid_request', 'a profile is an object with display_name and username');
    ELSIF jsonb_typeof(profile -> 'display_name') NOT IN ('string', 'null') OR NOT bastion_internal.is_label(new_name) THEN
        RETURN bastion_internal.refuse_display_name();
    ELSIF jsonb_typeof(profile -> 'username') NOT IN ('string', 'null') OR NOT bastion.is_username(new_username) THEN
        RETURN bastion_internal.refuse_username();
    END IF;
    owner := bastion.user_id();
    IF new_username IS NOT NULL AND bastion_internal.is_anonymous(owner) THEN
        RETURN bastion_internal.refuse_anonymous();
    ELSIF profile -> 'username' = 'null' AND EXISTS (SELECT FROM bastion.users u WHERE u.id = owner AND u.username IS NOT NULL) THEN
        refused := bastion_internal.held_caller_refusal();
        IF refused IS NULL THEN
            refused := bastion_internal.last_login_refusal(owner, username => true);
        END IF;
        IF refused IS NOT NULL THEN
            RETURN refused;
        END IF;
    END IF;
    BEGIN
        UPDATE bastion.users u SET display_name = CASE WHEN profile ? 'display_name' THEN new_name ELSE u.display_name END,
                                   username = CASE WHEN profile ? 'username' THEN new_username ELSE u.username END
        WHERE u.id = owner;
    EXCEPTION WHEN unique_violation THEN
        RETURN bastion_internal.refusal('username_taken', 'this user name is taken');
    END;
    PERFORM bastion_internal.record_event('profile_changed', 'success', owner, bastion.tenant_id(),
                                          jsonb_build_object('members', (SELECT jsonb_agg(k ORDER BY k) FROM jsonb_object_keys(profile) k)));
    RETURN bastion_internal.answer(jsonb_build_object('user', bastion_internal.user_object(owner)));
END
$$;
COMMENT ON FUNCTION bastion_api.profile_update(jsonb) IS
'Changes the display name and the user name of the user of this transaction: {"display_name", "username"}. A member that is absent stays as it is, null removes the name.
Returns {"user": {id, email, username, display_name}}. Refusals: invalid_request for another value or member, invalid_display_name, invalid_username, username_taken, anonymous_account for the user name of one, last_login for null when nothing else lets the user in (see identity_unlink()); unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, 40001 when the user name is removed, another transaction changed the user and the isolation level is not READ COMMITTED.';
SELECT bastion_internal.callable_by('bastion_api.profile_update(jsonb)', 'application');
SELECT bastion_internal.event_kind('profile_changed');

CREATE FUNCTION bastion_internal.refuse_password_change(user_id uuid, reason text, not_before timestamptz) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.record_event('password_changed', 'refused', refuse_password_change.user_id, bastion.tenant_id(),
                                          jsonb_build_object('reason', reason));
    -- On record before the wait, as in refuse_login().
    PERFORM pg_sleep_until(not_before);
    RETURN bastion_internal.refusal('wrong_password', 'the old password is another one');
END
$$;
COMMENT ON FUNCTION bastion_internal.refuse_password_change(uuid, text, timestamptz) IS
'Records why a password was not changed, and returns the answer, not before this time.';

CREATE FUNCTION bastion_api.password_change(old_password text, new_password text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused_at timestamptz := clock_timestamp() + bastion_internal.setting('bastion.refused_login_duration')::interval;
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    owner uuid;
    own_session uuid;
    proof record;
    new_hash text;
    is_short boolean;
    ended bigint;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('a change of the password');
    owner := bastion.user_id();
    own_session := bastion.session_id();
    proof := bastion_internal.accept_password(owner, old_password);
    refused := bastion_internal.refuse_unchecked(proof.outcome, proof.retry_after, 'password_changed', owner);
    IF refused IS NOT NULL THEN
        RETURN refused;
    ELSIF proof.outcome <> 'accepted' THEN
        RETURN bastion_internal.refuse_password_change(owner, 'password', refused_at);
    END IF;
    refused := bastion_internal.check_password(owner, new_password);
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    new_hash := bastion_internal.password_hash_if_free(new_password);
    IF new_hash IS NULL THEN
        RETURN bastion_internal.refuse_busy('password_changed', owner);
    END IF;
    refused := bastion_internal.held_caller_refusal();
    IF refused IS NOT NULL THEN
        RETURN refused;
    ELSIF NOT EXISTS (SELECT FROM bastion.user_passwords p WHERE p.user_id = owner AND p.hash = proof.hash) THEN
        RETURN bastion_internal.refuse_password_change(owner, 'changed', refused_at);
    END IF;
    PERFORM bastion_internal.end_logins(owner);
    is_short := bastion_internal.is_short_password(new_password);
    PERFORM bastion_internal.password_store(owner, new_hash, is_short);
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = 'password'
    WHERE s.user_id = owner AND s.revoked_at IS NULL AND s.id IS DISTINCT FROM own_session;
    GET DIAGNOSTICS ended = ROW_COUNT;
    PERFORM bastion_internal.record_event('password_changed', 'success', owner, bastion.tenant_id(), jsonb_build_object('sessions', ended));
    PERFORM bastion_internal.mail_notice('password_changed', owner);
    RETURN bastion_internal.answer(jsonb_build_object('ended', ended));
END
$$;
COMMENT ON FUNCTION bastion_api.password_change(text, text) IS
'Gives the user of this transaction another password, and ends all other sessions of the user, in every tenant. This session goes on, and API keys stay. The user gets mail about it, if bastion.outbox is on.
Returns {"ended": number of sessions}. Refusals: wrong_password, recorded, when the old password is another one or the user has none; invalid_password and weak_password as in signup(), temporarily_unavailable (bastion.max_concurrent_hashes), too_many_attempts as login(), unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, 40001 when the password was changed or the last second factor removed meanwhile and the isolation level is not READ COMMITTED, 58030 when a file of the policy cannot be used.';
SELECT bastion_internal.callable_by('bastion_api.password_change(text, text)', 'application');
SELECT bastion_internal.event_kind('password_changed');


-- Who holds an e-mail address. An account that was made with an address proves nothing about it. A token that was mailed there does:
-- then the address belongs to the person who presents the token. An unverified account does not hold its address against that person.
-- So an account that a stranger prepared for somebody's address is worth nothing to the stranger.

CREATE FUNCTION bastion_internal.credentials_drop(user_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM bastion.user_passwords p WHERE p.user_id = credentials_drop.user_id;
    DELETE FROM bastion.password_history p WHERE p.user_id = credentials_drop.user_id;
    PERFORM bastion_internal.factor_delete(f.user_id, f.id) FROM bastion.user_factors f WHERE f.user_id = credentials_drop.user_id;
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = 'address'
    WHERE s.user_id = credentials_drop.user_id AND s.revoked_at IS NULL;
    PERFORM bastion_internal.api_key_end(k, 'address') FROM bastion.api_keys k
    WHERE k.user_id = credentials_drop.user_id AND k.revoked_at IS NULL;
    PERFORM bastion_internal.delegations_of_user_end(credentials_drop.user_id, 'address');
    PERFORM bastion_internal.devices_revoke(credentials_drop.user_id), bastion_internal.end_logins(credentials_drop.user_id);
    PERFORM bastion_internal.one_time_end(credentials_drop.user_id, '{verify_email,reset_password,magic_link,code,email_change}');
END
$$;
COMMENT ON FUNCTION bastion_internal.credentials_drop(uuid) IS
'Takes from an account its password, second factors, sessions, API keys, delegations, known devices, open logins and links: somebody else may have made them. The caller has locked the user.';

CREATE FUNCTION bastion_internal.address_prove(user_id uuid, address text, made_by_owner boolean) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    holder bastion.users;
BEGIN
    LOOP
        SELECT * INTO holder FROM bastion.users u WHERE u.email = address_prove.address FOR NO KEY UPDATE;
        IF holder.email_verified_at IS NOT NULL THEN
            RETURN holder.id = address_prove.user_id;
        END IF;
        IF holder.id <> address_prove.user_id OR (holder.id = address_prove.user_id AND NOT made_by_owner) THEN
            PERFORM bastion_internal.credentials_drop(holder.id);
            PERFORM bastion_internal.record_event('address_taken', 'success', holder.id);
        END IF;
        IF holder.id <> address_prove.user_id THEN
            UPDATE bastion.users u SET email = NULL WHERE u.id = holder.id;
        END IF;
        BEGIN
            UPDATE bastion.users u SET email = address_prove.address, email_verified_at = clock_timestamp()
            WHERE u.id = address_prove.user_id;
            PERFORM bastion_internal.record_event('address_verified', 'success', address_prove.user_id);
            RETURN true;
        EXCEPTION WHEN unique_violation THEN
            -- Another transaction gave the address to somebody meanwhile: look again. An older snapshot would not show it.
            IF current_setting('transaction_isolation') <> 'read committed' THEN
                RAISE EXCEPTION 'could not give the address to a user because of a concurrent change' USING ERRCODE = 'serialization_failure', HINT = 'Try again.';
            END IF;
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION bastion_internal.address_prove(uuid, text, boolean) IS
'Gives an address to the user who presented a token that was mailed there; false if another user has verified it.
An unverified account that has the address loses it, with its password, sessions and API keys. So does the user''s own account, except for the address, unless made_by_owner: the person has shown to be the one who made it.
SQLSTATE 40001 when another transaction gave the address to another user and the isolation level is not READ COMMITTED.';
SELECT bastion_internal.event_kind('address_taken');
SELECT bastion_internal.event_kind('address_verified');

CREATE FUNCTION bastion_internal.is_address_verified(address text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT FROM bastion.users u WHERE u.email = address AND u.email_verified_at IS NOT NULL) $$;
COMMENT ON FUNCTION bastion_internal.is_address_verified(text) IS 'Whether a user has verified this address.';

CREATE FUNCTION bastion_internal.refuse_proof(user_id uuid) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.record_event('proof_refused', 'refused', refuse_proof.user_id);
    RETURN bastion_internal.refusal('invalid_grant', 'wrong password; without a password, log in again');
END
$$;
COMMENT ON FUNCTION bastion_internal.refuse_proof(uuid) IS 'Records that a user did not prove again who they are, and returns the answer.';

CREATE FUNCTION bastion_internal.stale_person(password text, OUT refused jsonb, OUT hash text) RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    person uuid := bastion.user_id();
    proof record;
BEGIN
    IF EXISTS (SELECT FROM bastion.user_passwords p WHERE p.user_id = person) THEN
        proof := bastion_internal.accept_password(person, stale_person.password);
        hash := proof.hash;
        refused := bastion_internal.refuse_unchecked(proof.outcome, proof.retry_after, 'proof_refused', person);
        IF refused IS NULL AND proof.outcome <> 'accepted' THEN
            refused := bastion_internal.refuse_proof(person);
        END IF;
    ELSIF NOT EXISTS (SELECT FROM bastion.sessions s WHERE s.id = bastion.session_id() AND s.created_at > clock_timestamp() - interval '10 minutes') THEN
        refused := bastion_internal.refuse_proof(person);
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.stale_person(text) IS
'The refusal of a user of this transaction who does not give the right password, or, without a password, whose login is over 10 minutes old; NULL if it does. And the hash of the right password, which another transaction may still change.';
SELECT bastion_internal.event_kind('proof_refused');

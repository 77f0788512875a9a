
-- Passkeys (WebAuthn level 3): how a user adds one, what a browser is asked, and what it answers. Challenges appear in assignments
-- only, as in challenge.sql. A browser gets the hash of the challenge, and its page brings the challenge itself back.

CREATE FUNCTION bastion_internal.passkey_challenge(challenge text) RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_passkey_challenge';
COMMENT ON FUNCTION bastion_internal.passkey_challenge(text) IS
'What an authenticator signs for a challenge: its SHA-256, in base64url.';

CREATE FUNCTION bastion_internal.passkey_new(credential text, rp_id text, origins text[], challenge text, needs_verified boolean,
                                             OUT accepted boolean, OUT reason text, OUT credential_id bytea, OUT public_key bytea,
                                             OUT algorithm integer, OUT sign_count bigint, OUT backup_eligible boolean,
                                             OUT backed_up boolean, OUT user_verified boolean, OUT aaguid uuid,
                                             OUT attestation text, OUT transports text)
RETURNS record
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_passkey_new';
COMMENT ON FUNCTION bastion_internal.passkey_new(text, text, text[], text, boolean) IS
'Checks a registration (WebAuthn section 7.1): PublicKeyCredential.toJSON() of navigator.credentials.create(). Returns whether it is accepted, and the passkey, its transports with commas between; else why not, which the caller must not learn.';

CREATE FUNCTION bastion_internal.passkey_credential_id(credential text) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_passkey_credential_id';
COMMENT ON FUNCTION bastion_internal.passkey_credential_id(text) IS
'The id of the passkey in the JSON of a browser; NULL for any other text.';

CREATE FUNCTION bastion_internal.passkey_use(credential text, rp_id text, origins text[], challenge text, needs_verified boolean,
                                             credential_id bytea, public_key bytea, last_count bigint, backup_eligible boolean,
                                             handle bytea, needs_handle boolean,
                                             OUT accepted boolean, OUT reason text, OUT cloned boolean, OUT sign_count bigint,
                                             OUT backed_up boolean, OUT user_verified boolean)
RETURNS record
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_passkey_use';
COMMENT ON FUNCTION bastion_internal.passkey_use(text, text, text[], text, boolean, bytea, bytea, bigint, boolean, bytea, boolean) IS
'Checks an assertion (WebAuthn section 7.2): PublicKeyCredential.toJSON() of navigator.credentials.get(), with a stored passkey. Returns whether it is accepted, and its new state; cloned when its counter did not rise: two authenticators hold the key. Else why not, which the caller must not learn.';

-- Relying parties

CREATE FUNCTION bastion.relying_party_set(rp_id text, name text, origins text[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wrong bigint;
BEGIN
    IF bastion_internal.is_rp_id(relying_party_set.rp_id) IS NOT TRUE THEN
        RAISE invalid_parameter_value USING MESSAGE = 'a relying party is a domain name in lower case';
    ELSIF bastion_internal.is_label(relying_party_set.name) IS NOT TRUE THEN
        RAISE invalid_parameter_value USING MESSAGE = 'the name has 1 to 200 characters, none of them a control character';
    ELSIF coalesce(cardinality(relying_party_set.origins), 0) NOT BETWEEN 1 AND 32 OR array_ndims(relying_party_set.origins) <> 1 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'a relying party has 1 to 32 origins';
    END IF;
    wrong := (SELECT min(o.place) FROM unnest(relying_party_set.origins) WITH ORDINALITY o (origin, place)
              WHERE bastion_internal.is_rp_origin(o.origin, relying_party_set.rp_id) IS NOT TRUE);
    IF wrong IS NOT NULL THEN
        RAISE invalid_parameter_value USING MESSAGE = format('origin %s does not belong to the relying party', wrong),
            HINT = 'An origin is https:// and the domain or one below it, without a path, or android:apk-key-hash: and a hash.';
    END IF;
    INSERT INTO bastion.relying_parties AS r (rp_id, name, origins)
    VALUES (relying_party_set.rp_id, relying_party_set.name, relying_party_set.origins)
    ON CONFLICT ON CONSTRAINT relying_parties_pkey DO UPDATE SET name = excluded.name, origins = excluded.origins;
    PERFORM bastion_internal.record_event('relying_party_set', 'success', NULL, NULL,
        jsonb_build_object('rp_id', relying_party_set.rp_id, 'origins', relying_party_set.origins));
END
$$;
COMMENT ON FUNCTION bastion.relying_party_set(text, text, text[]) IS
'Adds a domain for which users can make passkeys (a relying party of WebAuthn), or changes its name and origins.
rp_id is the domain in lower case: browsers offer its passkeys there and below it, and it cannot change later. origins are those of the pages that use them, compared as they are: https://app.example.com, with the port unless it is 443; http://localhost for tests; android:apk-key-hash:... for an application.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for what is no domain, no label of 1 to 200 characters or no origin of this domain.';
SELECT bastion_internal.event_kind('relying_party_set');

CREATE FUNCTION bastion.relying_party_remove(rp_id text) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    held record;
    removed integer := 0;
BEGIN
    PERFORM FROM bastion.relying_parties r WHERE r.rp_id = relying_party_remove.rp_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    FOR held IN SELECT f.user_id, f.id FROM bastion.passkeys p JOIN bastion.user_factors f ON f.id = p.factor_id
                WHERE p.rp_id = relying_party_remove.rp_id ORDER BY f.user_id, f.id LOOP
        PERFORM bastion_internal.await_logins(held.user_id);
        removed := removed + bastion_internal.factor_delete(held.user_id, held.id)::integer;
    END LOOP;
    DELETE FROM bastion.relying_parties r WHERE r.rp_id = relying_party_remove.rp_id;
    PERFORM bastion_internal.record_event('relying_party_removed', 'success', NULL, NULL,
        jsonb_build_object('rp_id', relying_party_remove.rp_id, 'passkeys', removed));
    RETURN removed;
END
$$;
COMMENT ON FUNCTION bastion.relying_party_remove(text) IS
'Removes a domain with the passkeys that users made for it. A user whose only second factor was one of them logs in with the password alone afterwards.
Returns how many passkeys were removed, NULL for an unknown domain.
For operators: EXECUTE is granted to nobody.';
SELECT bastion_internal.event_kind('relying_party_removed');

CREATE FUNCTION bastion_internal.relying_party_named(rp text) RETURNS bastion.relying_parties
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r FROM bastion.relying_parties r
    WHERE r.rp_id = coalesce(relying_party_named.rp, (SELECT min(s.rp_id) FROM bastion.relying_parties s HAVING count(*) = 1))
$$;
COMMENT ON FUNCTION bastion_internal.relying_party_named(text) IS
'A relying party by its domain; without one, the only relying party. NULL for none.';

CREATE FUNCTION bastion_internal.refuse_relying_party() RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion_internal.refusal('unknown_relying_party', 'passkeys are made for no such domain; name one of relying_party_set()') $$;
COMMENT ON FUNCTION bastion_internal.refuse_relying_party() IS 'The answer to a domain without passkeys, or to none where there are several.';

-- What browsers are asked

CREATE FUNCTION bastion_internal.base64url(value bytea) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT translate(encode(value, 'base64'), '+/=' || chr(10), '-_') $$;
COMMENT ON FUNCTION bastion_internal.base64url(bytea) IS 'Bytes in base64url without padding (RFC 4648 section 5), as WebAuthn writes them.';

CREATE FUNCTION bastion_internal.passkey_descriptors(user_id uuid, rp text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('type', 'public-key', 'id', bastion_internal.base64url(p.credential_id), 'transports', p.transports)
                              ORDER BY f.created_at, f.id), '[]')
    FROM bastion.passkeys p JOIN bastion.user_factors f ON f.id = p.factor_id
    WHERE f.user_id = passkey_descriptors.user_id AND f.state = 'active' AND p.rp_id = rp
$$;
COMMENT ON FUNCTION bastion_internal.passkey_descriptors(uuid, text) IS
'The active passkeys of a user for a domain, as PublicKeyCredentialDescriptorJSON.';

CREATE FUNCTION bastion_internal.passkey_request(challenge text, rp text, allowed jsonb, verification text) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('challenge', bastion_internal.passkey_challenge(challenge), 'rpId', rp, 'allowCredentials', allowed,
                              'userVerification', verification, 'timeout', 1000 * bastion_internal.challenge_lifetime())
$$;
COMMENT ON FUNCTION bastion_internal.passkey_request(text, text, jsonb, text) IS
'What navigator.credentials.get() is asked: PublicKeyCredentialRequestOptionsJSON.';

CREATE FUNCTION bastion_internal.passkey_handle(user_id uuid) RETURNS bytea
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made bytea := bastion.random_bytes(32);
BEGIN
    INSERT INTO bastion.passkey_owners (user_id, handle) VALUES (passkey_handle.user_id, made)
    ON CONFLICT ON CONSTRAINT passkey_owners_pkey DO NOTHING;
    RETURN (SELECT o.handle FROM bastion.passkey_owners o WHERE o.user_id = passkey_handle.user_id);
END
$$;
COMMENT ON FUNCTION bastion_internal.passkey_handle(uuid) IS 'The user handle of a user, made at the first call. The user is locked.';

CREATE FUNCTION bastion_internal.passkey_answer(challenge text, options jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.answer(jsonb_build_object('challenge', challenge, 'expires_in', bastion_internal.challenge_lifetime(),
                                                      'publicKey', options))
$$;
COMMENT ON FUNCTION bastion_internal.passkey_answer(text, jsonb) IS
'The answer with options for a browser and the challenge that its page brings back.';

CREATE FUNCTION bastion_api.passkey_add(rp text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb;
    owner bastion.users;
    party bastion.relying_parties;
    handle bytea;
    challenge text;
BEGIN
    PERFORM bastion_internal.require_writable('a change of second factors');
    refused := bastion_internal.factor_change_refusal();
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    party := bastion_internal.relying_party_named(passkey_add.rp);
    IF party.rp_id IS NULL THEN
        RETURN bastion_internal.refuse_relying_party();
    END IF;
    SELECT * INTO owner FROM bastion.users u WHERE u.id = bastion.user_id();
    handle := bastion_internal.passkey_handle(owner.id);
    challenge := bastion_internal.challenge_make('passkey_add', jsonb_build_object('user', owner.id, 'rp', party.rp_id),
        bastion_internal.login_state(owner.id), bastion_internal.challenge_lifetime(), bastion_internal.pepper('challenge'));
    RETURN bastion_internal.passkey_answer(challenge, jsonb_build_object(
        'rp', jsonb_build_object('id', party.rp_id, 'name', party.name),
        'user', jsonb_build_object('id', bastion_internal.base64url(handle), 'name', coalesce(owner.email, owner.username, ''),
                                   'displayName', coalesce(owner.display_name, owner.username, owner.email, '')),
        'challenge', bastion_internal.passkey_challenge(challenge),
        'pubKeyCredParams', '[{"type": "public-key", "alg": -8}, {"type": "public-key", "alg": -7}, {"type": "public-key", "alg": -257}]'::jsonb,
        'timeout', 1000 * bastion_internal.challenge_lifetime(),
        'excludeCredentials', bastion_internal.passkey_descriptors(owner.id, party.rp_id),
        'authenticatorSelection', '{"residentKey": "preferred", "requireResidentKey": false, "userVerification": "preferred"}'::jsonb,
        'attestation', 'none',
        'extensions', '{"credProps": true}'::jsonb));
END
$$;
COMMENT ON FUNCTION bastion_api.passkey_add(text) IS
'Begins to add a passkey for a domain of relying_party_set(), or for the only one, to the second factors of the user of this transaction.
Returns {"publicKey": what PublicKeyCredential.parseCreationOptionsFromJSON() takes, "challenge": for passkey_confirm(), "expires_in": 300}. The session must be as for totp_add().
Refusals: unknown_relying_party, insufficient_user_authentication with acr_values and max_age (RFC 9470), unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, 40001 when another transaction changed the user and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.passkey_add(text)', 'application');

CREATE FUNCTION bastion_internal.refuse_passkey(user_id uuid, reason text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.record_event('factor_refused', 'refused', refuse_passkey.user_id, bastion.tenant_id(),
                                          jsonb_build_object('kind', 'webauthn', 'reason', reason));
    RETURN bastion_internal.refusal('invalid_passkey', 'the passkey is not accepted');
END
$$;
COMMENT ON FUNCTION bastion_internal.refuse_passkey(uuid, text) IS
'Records why a passkey was refused, and returns the answer that is the same for every reason.';

CREATE FUNCTION bastion_api.passkey_confirm(challenge text, credential jsonb, name text DEFAULT 'Passkey') RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb;
    owner uuid;
    terms jsonb;
    party bastion.relying_parties;
    made record;
    added bastion.user_factors;
    is_first boolean;
BEGIN
    PERFORM bastion_internal.require_writable('a change of second factors');
    refused := bastion_internal.factor_change_refusal();
    IF refused IS NOT NULL THEN
        RETURN refused;
    ELSIF bastion_internal.is_label(passkey_confirm.name) IS NOT TRUE THEN
        RETURN bastion_internal.refusal('invalid_request', 'the name has 1 to 200 characters, none of them a control character');
    END IF;
    owner := bastion.user_id();
    terms := bastion_internal.challenge_open(passkey_confirm.challenge, 'passkey_add');
    party := bastion_internal.relying_party_named(coalesce(terms ->> 'rp', ''));
    IF terms IS NULL OR credential IS NULL OR (terms ->> 'user')::uuid <> owner OR party.rp_id IS NULL THEN
        RETURN bastion_internal.refuse_passkey(owner, 'challenge');
    END IF;
    made := bastion_internal.passkey_new(credential::text, party.rp_id, party.origins, passkey_confirm.challenge, false);
    IF made.accepted IS NOT TRUE THEN
        RETURN bastion_internal.refuse_passkey(owner, coalesce(made.reason, 'missing'));
    END IF;
    IF (SELECT count(*) FROM bastion.user_factors f WHERE f.user_id = owner AND f.state <> 'pending') >= 10 THEN
        RETURN bastion_internal.refusal('too_many_factors', 'at most ten factors; remove one first');
    ELSIF NOT bastion_internal.challenge_use(passkey_confirm.challenge, owner) THEN
        RETURN bastion_internal.refuse_passkey(owner, 'challenge');
    END IF;
    is_first := NOT bastion_internal.has_factor(owner);
    INSERT INTO bastion.user_factors (user_id, kind, name, state) VALUES (owner, 'webauthn', passkey_confirm.name, 'active')
    RETURNING * INTO added;
    INSERT INTO bastion.passkeys (rp_id, credential_id, factor_id, public_key, algorithm, sign_count, backup_eligible, backed_up,
                                  user_verified, aaguid, attestation, transports)
    VALUES (party.rp_id, made.credential_id, added.id, made.public_key, made.algorithm, made.sign_count, made.backup_eligible,
            made.backed_up, made.user_verified, made.aaguid, made.attestation, string_to_array(made.transports, ','))
    ON CONFLICT ON CONSTRAINT passkeys_pkey DO NOTHING;
    IF NOT FOUND THEN
        -- An authenticator that repeats an id of another one: WebAuthn section 7.1 step 26.
        DELETE FROM bastion.user_factors f WHERE f.id = added.id;
        RETURN bastion_internal.refuse_passkey(owner, 'known');
    END IF;
    INSERT INTO bastion.factor_tries (user_id) VALUES (owner) ON CONFLICT ON CONSTRAINT factor_tries_pkey DO NOTHING;
    RETURN bastion_internal.factor_added(added, is_first);
END
$$;
COMMENT ON FUNCTION bastion_api.passkey_confirm(text, jsonb, text) IS
'Adds the passkey that a browser made: challenge of passkey_add(), and credential, PublicKeyCredential.toJSON() of navigator.credentials.create(). It is a second factor from then on, and lets in by itself where its authenticator verifies the user.
The public key may be ES256, EdDSA or RS256; an attestation is none or by the passkey itself, and who made the authenticator is not checked.
Returns {"factor": as in factors(), "recovery_codes": ten with the first factor, shown once, else []}. The session must be as for totp_add().
Refusals: invalid_passkey, the same for every reason, which is recorded; invalid_request for the name, too_many_factors, insufficient_user_authentication with acr_values and max_age (RFC 9470), unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, 40001 when another transaction changed the user and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.passkey_confirm(text, jsonb, text)', 'application');

-- Use

CREATE FUNCTION bastion_internal.passkey_owner(rp text, credential jsonb) RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    presented bytea := bastion_internal.passkey_credential_id(credential::text);
BEGIN
    RETURN (SELECT f.user_id FROM bastion.passkeys p JOIN bastion.user_factors f ON f.id = p.factor_id
            WHERE p.rp_id = rp AND p.credential_id = presented AND f.state = 'active');
END
$$;
COMMENT ON FUNCTION bastion_internal.passkey_owner(text, jsonb) IS
'The user whose passkey a browser presents, before anything is checked; NULL for an unknown or suspended one.';

CREATE FUNCTION bastion_internal.passkey_assert(user_id uuid, rp text, challenge text, credential jsonb, alone boolean,
                                                OUT factor uuid, OUT reason text, OUT attested boolean)
RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    party bastion.relying_parties := bastion_internal.relying_party_named(coalesce(rp, ''));
    presented bytea := bastion_internal.passkey_credential_id(credential::text);
    held bastion.passkeys;
    handle bytea;
    used record;
BEGIN
    SELECT p.* INTO held FROM bastion.passkeys p JOIN bastion.user_factors f ON f.id = p.factor_id
    WHERE p.rp_id = party.rp_id AND p.credential_id = presented AND f.user_id = passkey_assert.user_id AND f.state = 'active';
    handle := (SELECT o.handle FROM bastion.passkey_owners o WHERE o.user_id = passkey_assert.user_id);
    IF held.factor_id IS NULL OR challenge IS NULL THEN
        reason := 'unknown';
        RETURN;
    ELSIF alone AND NOT held.user_verified THEN
        -- Another may have given this authenticator its PIN. A login with another factor makes that of the user count.
        reason := 'unverified';
        RETURN;
    END IF;
    used := bastion_internal.passkey_use(credential::text, party.rp_id, party.origins, challenge, alone, held.credential_id,
                                         held.public_key, held.sign_count, held.backup_eligible, handle, alone);
    IF used.accepted IS NOT TRUE THEN
        reason := coalesce(used.reason, 'missing');
    ELSIF used.cloned THEN
        reason := 'cloned';
        UPDATE bastion.user_factors f SET state = 'suspended' WHERE f.id = held.factor_id;
        PERFORM bastion_internal.record_event('passkey_cloned', 'refused', passkey_assert.user_id, NULL, jsonb_build_object('factor', held.factor_id));
    ELSE
        factor := held.factor_id;
        attested := held.attested_at IS NOT NULL AND used.user_verified;
        UPDATE bastion.passkeys p
        SET sign_count = used.sign_count, backed_up = used.backed_up, user_verified = p.user_verified OR used.user_verified
        WHERE p.factor_id = held.factor_id;
        UPDATE bastion.user_factors f SET last_used_at = clock_timestamp() WHERE f.id = held.factor_id;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.passkey_assert(uuid, text, text, jsonb, boolean) IS
'Checks what a browser answered for a challenge, with a passkey of this user. The caller has locked the user, and uses the challenge up. alone: the passkey is the only factor, so that its authenticator must have verified the user and must name it.
Returns the factor, and whether an operator vouches for its authenticator, which verified the user; else a reason, which the client must not learn. A passkey whose counter did not rise is suspended: two authenticators hold its key.';
SELECT bastion_internal.event_kind('passkey_cloned');

CREATE FUNCTION bastion_api.passkey_options(rp text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    owner uuid;
    party bastion.relying_parties;
    challenge text;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    party := bastion_internal.relying_party_named(passkey_options.rp);
    IF party.rp_id IS NULL THEN
        RETURN bastion_internal.refuse_relying_party();
    END IF;
    owner := bastion.user_id();
    challenge := bastion_internal.challenge_make('passkey_step_up', jsonb_build_object('user', owner),
        bastion_internal.login_state(owner), bastion_internal.challenge_lifetime(), bastion_internal.pepper('challenge'));
    RETURN bastion_internal.passkey_answer(challenge, bastion_internal.passkey_request(
        challenge, party.rp_id, bastion_internal.passkey_descriptors(owner, party.rp_id), 'preferred'));
END
$$;
COMMENT ON FUNCTION bastion_api.passkey_options(text) IS
'What a browser is asked for a step_up() with a passkey of the user of this transaction. rp is a domain of relying_party_set(), or NULL for the only one.
Returns {"publicKey": what PublicKeyCredential.parseRequestOptionsFromJSON() takes, "challenge", "expires_in": 300}. step_up() takes {"challenge", "credential": PublicKeyCredential.toJSON()} as the response of the factor.
Refusals: unknown_relying_party, unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25000 when the transaction has another identity already, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.passkey_options(text)', 'application');

CREATE FUNCTION bastion_internal.passkey_requests(user_id uuid, challenge text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(jsonb_agg(bastion_internal.passkey_request(challenge, d.rp_id,
               bastion_internal.passkey_descriptors(passkey_requests.user_id, d.rp_id), 'preferred') ORDER BY d.rp_id), '[]')
    FROM (SELECT DISTINCT p.rp_id FROM bastion.passkeys p JOIN bastion.user_factors f ON f.id = p.factor_id
          WHERE f.user_id = passkey_requests.user_id AND f.state = 'active') d
$$;
COMMENT ON FUNCTION bastion_internal.passkey_requests(uuid, text) IS
'What a browser is asked for a passkey of a user as second factor: for each domain with active passkeys.';

CREATE FUNCTION bastion_internal.passkey_accept(user_id uuid, factor uuid, response jsonb, login_challenge text, OUT reason text, OUT method text)
RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    challenge text := login_challenge;
    terms jsonb;
    rp text;
    used record;
BEGIN
    IF challenge IS NULL THEN
        challenge := CASE jsonb_typeof(response -> 'challenge') WHEN 'string' THEN response ->> 'challenge' END;
        terms := bastion_internal.challenge_open(challenge, 'passkey_step_up');
        IF terms IS NULL OR (terms ->> 'user')::uuid <> passkey_accept.user_id THEN
            reason := 'challenge';
            RETURN;
        END IF;
    END IF;
    PERFORM bastion_internal.await_logins(passkey_accept.user_id);
    -- As in passkey_login(): a request that is sent twice is no copy of the passkey. That of a login was checked before.
    IF login_challenge IS NULL AND NOT bastion_internal.challenge_is_open(challenge, bastion_internal.login_state(passkey_accept.user_id)) THEN
        reason := 'challenge';
        RETURN;
    END IF;
    rp := (SELECT p.rp_id FROM bastion.passkeys p WHERE p.factor_id = factor);
    used := bastion_internal.passkey_assert(passkey_accept.user_id, rp, challenge, response -> 'credential', false);
    reason := CASE WHEN used.reason IS NOT NULL THEN used.reason
                   WHEN used.factor <> passkey_accept.factor THEN 'another'
                   WHEN login_challenge IS NULL AND NOT bastion_internal.challenge_use(challenge, passkey_accept.user_id) THEN 'challenge' END;
    method := CASE WHEN used.attested THEN 'hwk' ELSE 'pop' END;
END
$$;
COMMENT ON FUNCTION bastion_internal.passkey_accept(uuid, uuid, jsonb, text) IS
'Checks a passkey as the second factor of a user: its answer to the challenge of a login, which the caller uses up, or to one of passkey_options() in the response. Returns why it is refused, which the client must not learn, NULL when it is accepted; and its method of RFC 8176: pop, or hwk where an operator vouches for the authenticator, which verified the user.
SQLSTATE 40001 when another transaction used the passkey or the challenge and the isolation level is not READ COMMITTED.';


-- Login with a passkey alone. Its authenticator names the user and has verified them, so that it is two factors.

CREATE FUNCTION bastion_api.passkey_login_options(rp text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    party bastion.relying_parties := bastion_internal.relying_party_named(passkey_login_options.rp);
    challenge text;
BEGIN
    IF party.rp_id IS NULL THEN
        RETURN bastion_internal.refuse_relying_party();
    END IF;
    challenge := bastion_internal.challenge_make('passkey_login', jsonb_build_object('rp', party.rp_id), '',
                                                 bastion_internal.challenge_lifetime(), bastion_internal.pepper('challenge'));
    RETURN bastion_internal.passkey_answer(challenge, bastion_internal.passkey_request(challenge, party.rp_id, '[]', 'required'));
END
$$;
COMMENT ON FUNCTION bastion_api.passkey_login_options(text) IS
'What a browser is asked for a login with a passkey alone, without a user name, for a domain of relying_party_set() or the only one. It reads nothing of any user, and stores nothing.
Returns {"publicKey": what PublicKeyCredential.parseRequestOptionsFromJSON() takes, "challenge": for passkey_login(), "expires_in": 300}.
Refusal: unknown_relying_party.
SQLSTATE BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.passkey_login_options(text)', 'application');

CREATE FUNCTION bastion_api.passkey_login(challenge text, credential jsonb, tenant text DEFAULT NULL, unit text DEFAULT NULL,
                                          device text DEFAULT NULL, device_token text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    terms jsonb := bastion_internal.challenge_open(passkey_login.challenge, 'passkey_login');
    owner uuid := bastion_internal.passkey_owner(terms ->> 'rp', passkey_login.credential);
    refused_at timestamptz := clock_timestamp();
    used record;
    methods text[];
    next_challenge text;
    known bastion.user_devices;
    answer jsonb;
BEGIN
    PERFORM bastion_internal.require_writable('a login');
    -- Before the passkey is changed.
    IF NOT bastion_internal.hold_place(owner, passkey_login.tenant, passkey_login.unit) THEN
        RETURN bastion_internal.refuse_login(owner, CASE WHEN terms IS NULL THEN 'challenge' ELSE 'passkey' END, refused_at);
    END IF;
    -- A request that is sent twice has a counter that did not rise, and is no copy of the passkey.
    IF bastion_internal.challenge_is_spent(passkey_login.challenge) THEN
        RETURN bastion_internal.refuse_login(owner, 'challenge', refused_at);
    END IF;
    used := bastion_internal.passkey_assert(owner, terms ->> 'rp', passkey_login.challenge, passkey_login.credential, true);
    IF used.factor IS NULL THEN
        RETURN bastion_internal.refuse_login(owner, used.reason, refused_at);
    ELSIF NOT bastion_internal.challenge_spend(passkey_login.challenge) THEN
        RETURN bastion_internal.refuse_login(owner, 'challenge', refused_at);
    END IF;
    methods := ARRAY[CASE WHEN used.attested THEN 'hwk' ELSE 'pop' END, 'user', 'mfa'];
    next_challenge := bastion_internal.login_challenge('tenant', owner, bastion_internal.login_state(owner), methods, NULL,
                                                       passkey_login.unit, passkey_login.device);
    PERFORM bastion_internal.recovery_end(owner);
    known := bastion_internal.device_find(passkey_login.device_token, owner);
    answer := bastion_internal.login_place(owner, NULL, passkey_login.tenant, passkey_login.unit, passkey_login.device, next_challenge,
                                           methods, refused_at);
    RETURN bastion_internal.device_keep(answer, known, passkey_login.device_token, owner, bastion_internal.label_or_null(passkey_login.device));
END
$$;
COMMENT ON FUNCTION bastion_api.passkey_login(text, jsonb, text, text, text, text) IS
'Logs in with a passkey alone: challenge of passkey_login_options(), and credential, PublicKeyCredential.toJSON() of navigator.credentials.get(). Its authenticator names the user and must have verified them, by a PIN or biometrics; so the session has level aal2, or aal3 with an attested one (passkey_attest()). tenant, unit, device and device_token are those of login().
A passkey whose counter did not rise is refused and suspended: two authenticators hold its key (event passkey_cloned).
Returns what login() returns, tenant_required included. Refusals are returned and recorded: {"error": "invalid_grant", "error_description"}, the same for a challenge that is unknown, used or expired, an unknown, suspended or wrong passkey, a disabled user, and a tenant or unit without membership.
SQLSTATE 25006 in a READ ONLY transaction, 40001 when another transaction changed what the login depends on and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.passkey_login(text, jsonb, text, text, text, text)', 'application');

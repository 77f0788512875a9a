
-- Authenticators: apps that show codes by time (RFC 6238). Secrets appear in assignments only, which PL/pgSQL evaluates without a
-- plan that auto_explain could log.

CREATE FUNCTION bastion_internal.totp_make(factor uuid, data_key integer, issuer text, account text, OUT sealed bytea, OUT secret text,
                                           OUT uri text, OUT qr_svg text, OUT qr_text text)
RETURNS record
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_totp_make';
COMMENT ON FUNCTION bastion_internal.totp_make(uuid, integer, text, text) IS
'Makes a random secret of a factor, sealed under the data encryption key, in base32, as otpauth URI, and as QR code of that: as SVG and as text for a terminal.
SQLSTATE 22023 for an issuer or account that is empty or has a colon, BA001 without a root key, BA003 for an unknown data key.';

CREATE FUNCTION bastion_internal.totp_step(factor uuid, sealed bytea, code text, unix_seconds bigint, last_step bigint) RETURNS bigint
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_totp_step';
COMMENT ON FUNCTION bastion_internal.totp_step(uuid, bytea, text, bigint, bigint) IS
'The step of a code of a factor: at that time, one before or one after, and later than last_step; NULL for any other text.
SQLSTATE BA001 without a root key, BA003 when the secret cannot be opened.';

CREATE FUNCTION bastion_api.totp_add(name text DEFAULT 'Authenticator') RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb;
    owner bastion.users;
    factor uuid := gen_random_uuid();
    data_key integer;
    -- Short enough for a QR code.
    issuer text := left(translate(coalesce(nullif(bastion_internal.setting('bastion.totp_issuer'), ''), current_database()), ':', ' '), 40);
    made record;
BEGIN
    PERFORM bastion_internal.require_writable('a change of second factors');
    refused := bastion_internal.factor_change_refusal();
    IF refused IS NOT NULL THEN
        RETURN refused;
    ELSIF bastion_internal.is_label(totp_add.name) IS NOT TRUE THEN
        RETURN bastion_internal.refusal('invalid_request', 'the name has 1 to 200 characters, none of them a control character');
    END IF;
    SELECT * INTO owner FROM bastion.users u WHERE u.id = bastion.user_id();
    IF (SELECT count(*) FROM bastion.user_factors f WHERE f.user_id = owner.id AND f.state <> 'pending') >= 10 THEN
        RETURN bastion_internal.refusal('too_many_factors', 'at most ten factors; remove one first');
    END IF;
    DELETE FROM bastion.user_factors f WHERE f.user_id = owner.id AND f.state = 'pending';
    data_key := bastion_internal.data_key_here('factor');
    made := bastion_internal.totp_make(factor, data_key, issuer, left(translate(coalesce(owner.email, owner.username, owner.id::text), ':', ' '), 60));
    INSERT INTO bastion.user_factors (id, user_id, kind, name, sealed)
    VALUES (factor, owner.id, 'totp', totp_add.name, made.sealed);
    INSERT INTO bastion.factor_tries (user_id) VALUES (owner.id) ON CONFLICT ON CONSTRAINT factor_tries_pkey DO NOTHING;
    RETURN bastion_internal.answer(jsonb_build_object('factor', factor, 'secret', made.secret, 'uri', made.uri,
                                                      'qr_svg', made.qr_svg, 'qr_text', made.qr_text));
END
$$;
COMMENT ON FUNCTION bastion_api.totp_add(text) IS
'Adds an authenticator to the second factors of the user of this transaction. It counts when totp_confirm() has taken a code of it; another call replaces one that was not confirmed.
For the first factor, the user must have logged in within ten minutes; for further ones the session must have been confirmed with a second factor within ten minutes (step_up()).
Returns {"factor": id, "secret": base32, "uri": "otpauth://...", "qr_svg": the URI as QR code, "qr_text": the same as text for a terminal}, shown once. bastion.totp_issuer names the application.
Refusals: invalid_request for the name, too_many_factors, insufficient_user_authentication with acr_values and max_age (RFC 9470), unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, 40001 when another transaction changed the user and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.totp_add(text)', 'application');

CREATE FUNCTION bastion_api.totp_confirm(factor uuid, code text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb;
    owner uuid;
    is_first boolean;
    pending bastion.user_factors;
    used_step bigint;
BEGIN
    PERFORM bastion_internal.require_writable('a change of second factors');
    refused := bastion_internal.factor_change_refusal();
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    owner := bastion.user_id();
    is_first := NOT bastion_internal.has_factor(owner);
    SELECT * INTO pending FROM bastion.user_factors f WHERE f.id = factor AND f.user_id = owner AND f.state = 'pending';
    IF NOT FOUND THEN
        RETURN bastion_internal.refusal('unknown_factor', 'there is no such factor to confirm');
    END IF;
    used_step := bastion_internal.totp_step(pending.id, pending.sealed, code, floor(extract(epoch FROM clock_timestamp()))::bigint, pending.totp_step);
    IF used_step IS NULL THEN
        RETURN bastion_internal.refusal('invalid_code', 'wrong code; the clocks of server and device may differ');
    END IF;
    UPDATE bastion.user_factors f SET state = 'active', totp_step = used_step WHERE f.id = pending.id RETURNING f.* INTO pending;
    RETURN bastion_internal.factor_added(pending, is_first);
END
$$;
COMMENT ON FUNCTION bastion_api.totp_confirm(uuid, text) IS
'Confirms an authenticator of totp_add() with a code that it shows: from then on it is a second factor.
Returns {"factor": as in factors(), "recovery_codes": ten with the first factor, shown once, else []}. The session must be as for totp_add().
Refusals: invalid_code, unknown_factor, insufficient_user_authentication with acr_values and max_age (RFC 9470), unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, 40001 when another transaction changed the user and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.totp_confirm(uuid, text)', 'application');
SELECT bastion_internal.event_kind('factor_added');


-- The keys that sign the extension's own tokens, and the functions that make those tokens.

CREATE TABLE bastion.signing_keys (
    kid text COLLATE "C" NOT NULL,
    algorithm text NOT NULL,
    state text NOT NULL,
    public_jwk jsonb NOT NULL,
    private_sealed bytea NOT NULL,
    data_key_id integer NOT NULL GENERATED ALWAYS AS (bastion_internal.sealed_bytes_key(private_sealed)) STORED,
    created_at timestamptz NOT NULL DEFAULT now(),
    verifies_until timestamptz,
    CONSTRAINT signing_keys_pkey PRIMARY KEY (kid),
    CONSTRAINT signing_keys_algorithm_check CHECK (algorithm IN ('EdDSA', 'ES256', 'HS256')),
    CONSTRAINT signing_keys_state_check CHECK (state IN ('next', 'active', 'retiring', 'retired')),
    CONSTRAINT signing_keys_data_key_id_fkey FOREIGN KEY (data_key_id) REFERENCES bastion.data_keys (id)
);
CREATE UNIQUE INDEX signing_keys_active_idx ON bastion.signing_keys (state) WHERE state = 'active';
CREATE UNIQUE INDEX signing_keys_next_idx ON bastion.signing_keys (state) WHERE state = 'next';
COMMENT ON TABLE bastion.signing_keys IS 'Keys that sign access tokens, the private half sealed; granted to nobody';
COMMENT ON COLUMN bastion.signing_keys.kid IS 'The key id in the header of tokens: the thumbprint of RFC 7638; random for HS256';
COMMENT ON COLUMN bastion.signing_keys.algorithm IS 'The JWS algorithm: EdDSA, ES256 or HS256';
COMMENT ON COLUMN bastion.signing_keys.state IS
'next (published, not used yet), active (the one that signs), retiring (verifies what it signed), retired (verifies nothing)';
COMMENT ON COLUMN bastion.signing_keys.public_jwk IS 'The public half, RFC 7517; for HS256 without the secret';
COMMENT ON COLUMN bastion.signing_keys.private_sealed IS 'The private half or secret, sealed under data_key_id';
COMMENT ON COLUMN bastion.signing_keys.data_key_id IS 'The data encryption key in its header, which seals it';
COMMENT ON COLUMN bastion.signing_keys.created_at IS 'When the key was created';
COMMENT ON COLUMN bastion.signing_keys.verifies_until IS
'For a retiring key, when the last token that it signed expires; for a retired one, when it stopped verifying';
SELECT pg_extension_config_dump('bastion.signing_keys', '');
ALTER TABLE bastion.signing_keys ENABLE ROW LEVEL SECURITY;
CREATE TRIGGER signing_keys_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.signing_keys
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('keys');
CREATE TRIGGER signing_keys_invalidate_truncate AFTER TRUNCATE ON bastion.signing_keys
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('keys');
ALTER TABLE bastion.signing_keys ENABLE ALWAYS TRIGGER signing_keys_invalidate;
ALTER TABLE bastion.signing_keys ENABLE ALWAYS TRIGGER signing_keys_invalidate_truncate;

CREATE FUNCTION bastion_internal.signing_key_make(data_key integer, algorithm text, OUT kid text, OUT public_jwk jsonb, OUT private_sealed bytea)
RETURNS record
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_signing_key_make';
COMMENT ON FUNCTION bastion_internal.signing_key_make(integer, text) IS
'Generates a key for a JWS algorithm, its private half or secret sealed under the data encryption key. SQLSTATE 0A000 for an unknown algorithm, BA001 without a root key, BA002 when the data key needs another one, BA003 for an unknown data key.';

CREATE FUNCTION bastion_internal.token_sign(claims jsonb) RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_token_sign';
COMMENT ON FUNCTION bastion_internal.token_sign(jsonb) IS
'Signs the claims as a JWT with the active signing key; header typ at+jwt (RFC 9068).
SQLSTATE 22023 and 54000 as jwt_sign(), 55000 before the first signing key, BA001 without a root key, BA002 when the key needs another one, BA003 when it cannot be opened.';

CREATE FUNCTION bastion_internal.active_signing_key() RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT k.kid FROM bastion.signing_keys k WHERE k.state = 'active');
END
$$;
COMMENT ON FUNCTION bastion_internal.active_signing_key() IS 'The id of the active signing key; NULL if there is none yet.';

CREATE FUNCTION bastion_internal.signing_key_add(state text, algorithm text) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    data_key integer := bastion_internal.data_key_here('signing');
    kid text;
BEGIN
    INSERT INTO bastion.signing_keys (kid, algorithm, state, public_jwk, private_sealed)
    SELECT k.kid, signing_key_add.algorithm, signing_key_add.state, k.public_jwk, k.private_sealed
    FROM bastion_internal.signing_key_make(data_key, signing_key_add.algorithm) k
    RETURNING signing_keys.kid INTO kid;
    PERFORM bastion_internal.record_event('key_created', 'success', NULL, NULL,
        jsonb_build_object('key', 'signing', 'kid', kid, 'algorithm', signing_key_add.algorithm, 'state', signing_key_add.state));
    RETURN kid;
END
$$;
COMMENT ON FUNCTION bastion_internal.signing_key_add(text, text) IS
'Creates a signing key for an algorithm in this state; returns its id. The caller has locked the vault. SQLSTATE BA001 without a root key.';

CREATE FUNCTION bastion_internal.signing_key_create() RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kid text := bastion_internal.active_signing_key();
BEGIN
    IF kid IS NOT NULL THEN
        RETURN kid;
    END IF;
    PERFORM bastion_internal.lock_vault();
    kid := bastion_internal.active_signing_key();
    IF kid IS NOT NULL THEN
        RETURN kid;
    END IF;
    RETURN bastion_internal.signing_key_add('active', 'EdDSA');
END
$$;
COMMENT ON FUNCTION bastion_internal.signing_key_create() IS
'The id of the active signing key, created lazily. SQLSTATE BA001 without a root key.';

CREATE FUNCTION bastion_internal.longest_token_lifetime() RETURNS interval
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT greatest(bastion_internal.setting('bastion.access_token_lifetime')::interval,
                    (SELECT max(s.access_lifetime) FROM bastion.session_settings s),
                    (SELECT max(d.expires_at) FROM bastion.delegations d WHERE d.revoked_at IS NULL) - clock_timestamp())
$$;
COMMENT ON FUNCTION bastion_internal.longest_token_lifetime() IS
'The longest lifetime of an access token issued now in any tenant, or the remaining one of a delegation.';

CREATE FUNCTION bastion_internal.signing_keys_retire(immediately boolean, algorithm text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    retired text;
BEGIN
    UPDATE bastion.signing_keys k SET state = 'retiring',
        verifies_until = clock_timestamp() + bastion_internal.longest_token_lifetime()
    WHERE k.state = 'active';
    FOR retired IN
        UPDATE bastion.signing_keys k SET state = 'retired', verifies_until = least(k.verifies_until, clock_timestamp())
        WHERE k.state = 'retiring' AND (immediately OR k.verifies_until <= clock_timestamp())
           OR k.state = 'next' AND k.algorithm <> signing_keys_retire.algorithm
        RETURNING k.kid
    LOOP
        PERFORM bastion_internal.record_event('key_retired', 'success', NULL, NULL,
            jsonb_build_object('key', 'signing', 'kid', retired, 'immediately', immediately));
    END LOOP;
END
$$;
COMMENT ON FUNCTION bastion_internal.signing_keys_retire(boolean, text) IS
'Changes the active signing key to retiring, and retiring keys whose last token has expired, or with immediately all of them, to retired; and a next key for another algorithm, which has signed nothing.';
SELECT bastion_internal.event_kind('key_retired');

CREATE FUNCTION bastion.signing_key_rotate(immediately boolean DEFAULT false, algorithm text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kid text;
    -- RFC 9864 names this signature of EdDSA anew; a key of it has the older name, which more verifiers know.
    wanted text := CASE algorithm WHEN 'Ed25519' THEN 'EdDSA' ELSE algorithm END;
BEGIN
    IF immediately IS NULL THEN
        RETURN NULL;
    ELSIF wanted NOT IN ('EdDSA', 'ES256', 'HS256') THEN
        RAISE EXCEPTION 'tokens cannot be signed with this algorithm'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Algorithms are EdDSA (or Ed25519), ES256 and HS256.';
    END IF;
    PERFORM bastion_internal.lock_vault();
    wanted := coalesce(wanted, (SELECT k.algorithm FROM bastion.signing_keys k WHERE k.state = 'active'), 'EdDSA');
    PERFORM bastion_internal.signing_keys_retire(immediately, wanted);
    UPDATE bastion.signing_keys k SET state = 'active' WHERE k.state = 'next' RETURNING k.kid INTO kid;
    IF kid IS NULL THEN
        kid := bastion_internal.signing_key_add('active', wanted);
    END IF;
    PERFORM bastion_internal.signing_key_add('next', wanted);
    PERFORM bastion_internal.record_event('key_rotated', 'success', NULL, NULL,
        jsonb_build_object('key', 'signing', 'kid', kid, 'algorithm', wanted, 'immediately', immediately));
    RETURN kid;
END
$$;
COMMENT ON FUNCTION bastion.signing_key_rotate(boolean, text) IS
'Activates the next signing key for access tokens; returns its id.
The previous key verifies as long as the tokens that it signed may last (bastion.access_token_lifetime, or the longest lifetime of a tenant). The first rotation after that retires it. A new next key is created and published in jwks() before it is used. With immediately => true, for a key that leaked, every earlier key stops verifying when this commits: access tokens are refused, and sessions continue with their refresh tokens.
algorithm is EdDSA (or its name Ed25519 of RFC 9864), ES256 or HS256; NULL keeps that of the active key. A change of the algorithm replaces the next key, so verifiers outside learn the new key only when it signs already. HS256 is for systems that know no other: its secret stays sealed here and is absent from jwks(), so nobody outside can verify. NULL for immediately gives NULL and changes nothing.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for another algorithm, BA001 without a root key.';
SELECT bastion_internal.event_kind('key_rotated');

CREATE FUNCTION bastion_internal.token_lifetime() RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT extract(epoch FROM bastion_internal.setting('bastion.access_token_lifetime')::interval)::integer $$;
COMMENT ON FUNCTION bastion_internal.token_lifetime() IS
'The lifetime of an access token issued now, in seconds (bastion.access_token_lifetime).';

CREATE FUNCTION bastion_internal.access_token(user_id uuid, tenant_id uuid, unit_id uuid, session_id uuid, issued_at bigint,
                                     expires_at bigint, token_id uuid, amr text[], level text, authenticated_at timestamptz,
                                     more jsonb DEFAULT '{}')
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    added jsonb := bastion_internal.hook_claims(jsonb_build_object('user', user_id, 'tenant', tenant_id, 'unit', unit_id, 'session', session_id, 'amr', amr, 'acr', level));
BEGIN
    PERFORM bastion_internal.signing_key_create();
    RETURN bastion_internal.token_sign(added || jsonb_strip_nulls(jsonb_build_object(
        'iss', bastion_internal.setting('bastion.issuer'),
        'aud', 'pg_bastion',
        'sub', access_token.user_id,
        'client_id', nullif(bastion_internal.setting('bastion.client_id'), ''),
        'tenant', access_token.tenant_id,
        'unit', access_token.unit_id,
        'sid', access_token.session_id,
        'iat', issued_at,
        'exp', expires_at,
        'jti', token_id,
        'amr', to_jsonb(amr),
        'acr', level,
        'auth_time', floor(extract(epoch FROM authenticated_at)))) || more);
END
$$;
COMMENT ON FUNCTION bastion_internal.access_token(uuid, uuid, uuid, uuid, bigint, bigint, uuid, text[], text, timestamptz, jsonb) IS
'Signs an access token (RFC 9068; amr of RFC 8176) with these claims and more, and those of the hook for claims; times are Unix seconds. Checks no permission. SQLSTATE 55000 when that hook fails, BA001 without a root key.';

CREATE FUNCTION bastion.token_issue(user_id uuid, tenant_id uuid, unit_id uuid DEFAULT NULL) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    issued_at bigint := floor(extract(epoch FROM clock_timestamp()));
BEGIN
    RETURN bastion_internal.access_token(user_id, tenant_id, unit_id, NULL, issued_at, issued_at + bastion_internal.token_lifetime(),
                                gen_random_uuid(), '{pwd}', 'aal1', NULL);
END
$$;
COMMENT ON FUNCTION bastion.token_issue(uuid, uuid, uuid) IS
'Issues an access token without a session, for jobs and tests inside the database. It cannot be refreshed or revoked by itself: it ends when it expires, or with its user, membership or tenant. Checks no permission.
For operators: EXECUTE is granted to nobody.
SQLSTATE 55000 when the hook for claims fails, BA001 without a root key.';

CREATE FUNCTION bastion.jwks() RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('keys', coalesce(jsonb_agg(k.public_jwk ORDER BY k.created_at, k.kid), '[]'))
    FROM bastion.signing_keys k WHERE k.state <> 'retired' AND k.algorithm <> 'HS256'
$$;
COMMENT ON FUNCTION bastion.jwks() IS
'The public keys that verify access tokens, as a JWK Set (RFC 7517), for verifiers outside the database. Secrets of HS256 are not among them.';
SELECT bastion_internal.callable_by('bastion.jwks()', 'application');

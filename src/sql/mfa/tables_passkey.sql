
-- Passkeys: the domains for which they are made, and their public keys.

CREATE FUNCTION bastion_internal.is_rp_id(rp_id text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT octet_length(rp_id) <= 253 AND rp_id COLLATE "C" ~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' $$;
COMMENT ON FUNCTION bastion_internal.is_rp_id(text) IS
'Whether a text is a domain name in lower case, in ASCII, as browsers write it; NULL for NULL.';

CREATE FUNCTION bastion_internal.is_rp_origin(origin text, rp_id text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT origin COLLATE "C" ~ '^android:apk-key-hash:[A-Za-z0-9_-]{43}$'
        OR origin COLLATE "C" ~ '^https://[a-z0-9.-]+(:[1-9][0-9]{0,4})?$' AND ('.' || split_part(substr(origin, 9), ':', 1)) LIKE ('%.' || rp_id)
        OR origin COLLATE "C" ~ '^http://localhost(:[1-9][0-9]{0,4})?$' AND rp_id = 'localhost'
$$;
COMMENT ON FUNCTION bastion_internal.is_rp_origin(text, text) IS
'Whether a relying party may have this origin: https of its domain or one below it, http of localhost, or an Android application. NULL for NULL.';

CREATE TABLE bastion.relying_parties (
    rp_id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    origins text[] COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT relying_parties_pkey PRIMARY KEY (rp_id),
    CONSTRAINT relying_parties_rp_id_check CHECK (bastion_internal.is_rp_id(rp_id)),
    CONSTRAINT relying_parties_name_check CHECK (bastion_internal.is_label(name)),
    CONSTRAINT relying_parties_origins_check CHECK (cardinality(origins) BETWEEN 1 AND 32 AND array_ndims(origins) = 1)
);
COMMENT ON TABLE bastion.relying_parties IS 'The domains for which passkeys are made (relying parties of WebAuthn); written by relying_party_set()';
COMMENT ON COLUMN bastion.relying_parties.rp_id IS 'The domain, in lower case: browsers offer a passkey there and below it';
COMMENT ON COLUMN bastion.relying_parties.name IS 'The name that browsers may show';
COMMENT ON COLUMN bastion.relying_parties.origins IS 'The origins of the pages that use the passkeys, compared as they are';
COMMENT ON COLUMN bastion.relying_parties.created_at IS 'When it was added';
SELECT pg_extension_config_dump('bastion.relying_parties', '');
ALTER TABLE bastion.relying_parties ENABLE ROW LEVEL SECURITY;

CREATE TABLE bastion.passkey_owners (
    user_id uuid NOT NULL,
    handle bytea NOT NULL,
    CONSTRAINT passkey_owners_pkey PRIMARY KEY (user_id),
    CONSTRAINT passkey_owners_handle_check CHECK (octet_length(handle) = 32),
    CONSTRAINT passkey_owners_user_id_fkey FOREIGN KEY (user_id) REFERENCES bastion.users (id) ON DELETE CASCADE
);
COMMENT ON TABLE bastion.passkey_owners IS 'By which bytes authenticators know users; granted to nobody';
COMMENT ON COLUMN bastion.passkey_owners.user_id IS 'The user';
COMMENT ON COLUMN bastion.passkey_owners.handle IS 'The user handle of WebAuthn: random, so that a lost authenticator tells no id';
SELECT pg_extension_config_dump('bastion.passkey_owners', '');
ALTER TABLE bastion.passkey_owners ENABLE ROW LEVEL SECURITY;

CREATE TABLE bastion.passkeys (
    rp_id text COLLATE "C" NOT NULL,
    credential_id bytea NOT NULL,
    factor_id uuid NOT NULL,
    public_key bytea NOT NULL,
    algorithm integer NOT NULL,
    sign_count bigint NOT NULL,
    backup_eligible boolean NOT NULL,
    backed_up boolean NOT NULL,
    user_verified boolean NOT NULL,
    aaguid uuid NOT NULL,
    attestation text NOT NULL,
    transports text[] NOT NULL,
    attested_at timestamptz,
    attested_note text,
    CONSTRAINT passkeys_pkey PRIMARY KEY (rp_id, credential_id),
    CONSTRAINT passkeys_factor_id_key UNIQUE (factor_id),
    CONSTRAINT passkeys_attested_at_check CHECK (attested_at IS NULL OR NOT backup_eligible AND user_verified),
    CONSTRAINT passkeys_attested_note_check CHECK (bastion_internal.is_label(attested_note) AND (attested_note IS NULL) = (attested_at IS NULL)),
    CONSTRAINT passkeys_rp_id_fkey FOREIGN KEY (rp_id) REFERENCES bastion.relying_parties (rp_id),
    CONSTRAINT passkeys_factor_id_fkey FOREIGN KEY (factor_id) REFERENCES bastion.user_factors (id) ON DELETE CASCADE
);
COMMENT ON TABLE bastion.passkeys IS 'The passkeys of users: what a second factor of kind webauthn stores; granted to nobody';
COMMENT ON COLUMN bastion.passkeys.rp_id IS 'The relying party for which it was made';
COMMENT ON COLUMN bastion.passkeys.credential_id IS 'By which browsers and authenticators know it';
COMMENT ON COLUMN bastion.passkeys.factor_id IS 'The second factor whose passkey it is';
COMMENT ON COLUMN bastion.passkeys.public_key IS 'The public key, as COSE (RFC 9052)';
COMMENT ON COLUMN bastion.passkeys.algorithm IS 'The COSE algorithm: -7 (ES256), -8 (EdDSA) or -257 (RS256)';
COMMENT ON COLUMN bastion.passkeys.sign_count IS 'The counter of the last use; 0 for authenticators without one';
COMMENT ON COLUMN bastion.passkeys.backup_eligible IS 'Whether it may be copied to other devices; never changes';
COMMENT ON COLUMN bastion.passkeys.backed_up IS 'Whether it was copied, at the last use';
COMMENT ON COLUMN bastion.passkeys.user_verified IS 'Whether the authenticator ever verified its user, by a PIN or biometrics';
COMMENT ON COLUMN bastion.passkeys.aaguid IS 'The model of the authenticator, which nobody certifies';
COMMENT ON COLUMN bastion.passkeys.attestation IS 'none, or packed: signed by the passkey itself';
COMMENT ON COLUMN bastion.passkeys.transports IS 'How browsers reach the authenticator, a hint for them';
COMMENT ON COLUMN bastion.passkeys.attested_at IS 'Since when an operator vouches for its authenticator, by passkey_attest(); NULL: nobody does';
COMMENT ON COLUMN bastion.passkeys.attested_note IS 'How the operator knows the authenticator';
SELECT pg_extension_config_dump('bastion.passkeys', '');
ALTER TABLE bastion.passkeys ENABLE ROW LEVEL SECURITY;

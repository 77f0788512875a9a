
-- The second factors of users, their recovery codes, and how often they were tried.

CREATE TABLE bastion.user_factors (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    state text NOT NULL DEFAULT 'pending',
    sealed bytea,
    data_key_id integer GENERATED ALWAYS AS (bastion_internal.sealed_bytes_key(sealed)) STORED,
    totp_step bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    CONSTRAINT user_factors_pkey PRIMARY KEY (id),
    CONSTRAINT user_factors_kind_check CHECK (kind IN ('totp', 'webauthn')),
    CONSTRAINT user_factors_name_check CHECK (bastion_internal.is_label(name)),
    CONSTRAINT user_factors_state_check CHECK (state IN ('pending', 'active', 'suspended')),
    CONSTRAINT user_factors_sealed_check CHECK (CASE kind WHEN 'totp' THEN sealed IS NOT NULL OR state = 'suspended' ELSE sealed IS NULL END),
    CONSTRAINT user_factors_data_key_id_fkey FOREIGN KEY (data_key_id) REFERENCES bastion.data_keys (id),
    CONSTRAINT user_factors_user_id_fkey FOREIGN KEY (user_id) REFERENCES bastion.users (id) ON DELETE CASCADE
);
CREATE INDEX user_factors_user_id_idx ON bastion.user_factors (user_id);
COMMENT ON TABLE bastion.user_factors IS 'Second factors of users, their secrets sealed; granted to nobody';
COMMENT ON COLUMN bastion.user_factors.id IS 'Identifier of the factor';
COMMENT ON COLUMN bastion.user_factors.user_id IS 'The user';
COMMENT ON COLUMN bastion.user_factors.kind IS 'totp: an authenticator that shows codes (RFC 6238); webauthn: a passkey, in bastion.passkeys';
COMMENT ON COLUMN bastion.user_factors.name IS 'The name that the user gave it';
COMMENT ON COLUMN bastion.user_factors.state IS 'pending (not confirmed by a code yet), active, or suspended: it is no longer accepted, and still asked for';
COMMENT ON COLUMN bastion.user_factors.sealed IS 'The secret of codes, sealed under data_key_id; NULL when keys_discard() took it away, and for passkeys';
COMMENT ON COLUMN bastion.user_factors.data_key_id IS 'The data encryption key in its header, which seals it';
COMMENT ON COLUMN bastion.user_factors.totp_step IS 'The last step of 30 seconds whose code was used: it and all before are used up';
COMMENT ON COLUMN bastion.user_factors.created_at IS 'When it was added';
COMMENT ON COLUMN bastion.user_factors.last_used_at IS 'When it was last accepted';
SELECT pg_extension_config_dump('bastion.user_factors', '');
ALTER TABLE bastion.user_factors ENABLE ROW LEVEL SECURITY;

CREATE TABLE bastion.recovery_codes (
    user_id uuid NOT NULL,
    mac bytea NOT NULL,
    pepper integer NOT NULL,
    used_at timestamptz,
    CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, mac),
    CONSTRAINT recovery_codes_mac_check CHECK (octet_length(mac) = 32),
    CONSTRAINT recovery_codes_pepper_fkey FOREIGN KEY (pepper) REFERENCES bastion.peppers (version),
    CONSTRAINT recovery_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES bastion.users (id) ON DELETE CASCADE
);
COMMENT ON TABLE bastion.recovery_codes IS 'The recovery codes of users, each good once; granted to nobody';
COMMENT ON COLUMN bastion.recovery_codes.user_id IS 'The user';
COMMENT ON COLUMN bastion.recovery_codes.mac IS 'HMAC-SHA-256 of user and code, which itself is not stored';
COMMENT ON COLUMN bastion.recovery_codes.pepper IS 'The pepper with which it is hashed';
COMMENT ON COLUMN bastion.recovery_codes.used_at IS 'When it was used';
SELECT pg_extension_config_dump('bastion.recovery_codes', '');
ALTER TABLE bastion.recovery_codes ENABLE ROW LEVEL SECURITY;

-- Only factor_tries_fn.cpp changes a row, in place: the columns have a fixed size and are never NULL.
CREATE TABLE bastion.factor_tries (
    user_id uuid NOT NULL,
    paid_until timestamptz NOT NULL DEFAULT now(),
    failures integer NOT NULL DEFAULT 0,
    CONSTRAINT factor_tries_pkey PRIMARY KEY (user_id),
    CONSTRAINT factor_tries_user_id_fkey FOREIGN KEY (user_id) REFERENCES bastion.users (id) ON DELETE CASCADE
);
COMMENT ON TABLE bastion.factor_tries IS
'How often the second factors of users were tried. Written in place, so that a rollback takes no try back; granted to nobody';
COMMENT ON COLUMN bastion.factor_tries.user_id IS 'The user';
COMMENT ON COLUMN bastion.factor_tries.paid_until IS 'Each try adds ten minutes to it; one that would be more than fifty minutes ahead of the clock is not evaluated';
COMMENT ON COLUMN bastion.factor_tries.failures IS 'Tries since the last success; at 30 only factor_unlock() helps';
SELECT pg_extension_config_dump('bastion.factor_tries', '');
ALTER TABLE bastion.factor_tries ENABLE ROW LEVEL SECURITY;


-- API keys with their users and scopes, and in a separate table the secrets that authenticate them. Secrets that another system made
-- name the scheme by which it hashed them.

CREATE TABLE bastion.api_keys (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    unit_id uuid,
    name text NOT NULL,
    scopes text[] COLLATE "C" NOT NULL,
    cidrs cidr[] NOT NULL DEFAULT '{}',
    limits jsonb NOT NULL DEFAULT '{}',
    expires_at timestamptz,
    disabled boolean NOT NULL DEFAULT false,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    last_used_at timestamptz,
    last_used_ip inet,
    CONSTRAINT api_keys_pkey PRIMARY KEY (id),
    CONSTRAINT api_keys_name_check CHECK (bastion_internal.is_label(name)),
    CONSTRAINT api_keys_scopes_check CHECK (cardinality(scopes) BETWEEN 1 AND 100 AND array_position(scopes, NULL) IS NULL),
    CONSTRAINT api_keys_cidrs_check CHECK (cardinality(cidrs) <= 100 AND array_position(cidrs, NULL) IS NULL),
    CONSTRAINT api_keys_limits_check CHECK (jsonb_typeof(limits) = 'object'),
    CONSTRAINT api_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES bastion.users (id) ON DELETE CASCADE,
    CONSTRAINT api_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id) ON DELETE CASCADE,
    CONSTRAINT api_keys_unit_id_fkey FOREIGN KEY (tenant_id, unit_id) REFERENCES bastion.units (tenant_id, id)
        ON DELETE CASCADE
);
CREATE INDEX api_keys_user_id_idx ON bastion.api_keys (user_id);
CREATE INDEX api_keys_tenant_id_unit_id_idx ON bastion.api_keys (tenant_id, unit_id);
COMMENT ON TABLE bastion.api_keys IS 'Keys for machines, each acting for its user in one tenant; granted to nobody';
COMMENT ON COLUMN bastion.api_keys.id IS 'Identifier in the text of the key and in contexts';
COMMENT ON COLUMN bastion.api_keys.user_id IS 'The user for whom it acts';
COMMENT ON COLUMN bastion.api_keys.tenant_id IS 'The only tenant in which it works';
COMMENT ON COLUMN bastion.api_keys.unit_id IS 'The only unit in which it works; NULL for all';
COMMENT ON COLUMN bastion.api_keys.name IS 'Display name';
COMMENT ON COLUMN bastion.api_keys.scopes IS
'Patterns of permissions: the key may do what these cover and what its user may do at the time of use';
COMMENT ON COLUMN bastion.api_keys.cidrs IS 'The networks from which it is accepted, mapped IPv4 as IPv4; none for all';
COMMENT ON COLUMN bastion.api_keys.limits IS 'How often it may be used: {"rate": {"per_second", "burst"}, "concurrent", "cost": {"meter", "amount", "period"}}; other members are for the application to enforce';
COMMENT ON COLUMN bastion.api_keys.expires_at IS 'When it expires; NULL for never';
COMMENT ON COLUMN bastion.api_keys.disabled IS 'Whether it is refused for now';
COMMENT ON COLUMN bastion.api_keys.revoked_at IS 'When it was permanently ended';
COMMENT ON COLUMN bastion.api_keys.created_at IS 'When it was created';
COMMENT ON COLUMN bastion.api_keys.created_by IS 'The user who created it';
COMMENT ON COLUMN bastion.api_keys.last_used_at IS
'The last recorded use; written at most every bastion.last_used_interval, not on a standby and, unless the library is preloaded, not in READ ONLY transactions';
COMMENT ON COLUMN bastion.api_keys.last_used_ip IS 'The address of the client at last_used_at';
SELECT pg_extension_config_dump('bastion.api_keys', '');
ALTER TABLE bastion.api_keys ENABLE ROW LEVEL SECURITY;
-- A new key is in no cache. A new secret of an existing key is read when it is used.
CREATE TRIGGER api_keys_invalidate AFTER DELETE ON bastion.api_keys
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('api_key', 'id');
CREATE TRIGGER api_keys_invalidate_update AFTER UPDATE ON bastion.api_keys
FOR EACH ROW WHEN (ROW(OLD.id, OLD.user_id, OLD.tenant_id, OLD.unit_id, OLD.scopes, OLD.cidrs, OLD.limits, OLD.expires_at, OLD.disabled,
                       OLD.revoked_at) IS DISTINCT FROM
                   ROW(NEW.id, NEW.user_id, NEW.tenant_id, NEW.unit_id, NEW.scopes, NEW.cidrs, NEW.limits, NEW.expires_at, NEW.disabled,
                       NEW.revoked_at))
EXECUTE FUNCTION bastion_internal.invalidate('api_key', 'id');
CREATE TRIGGER api_keys_invalidate_truncate AFTER TRUNCATE ON bastion.api_keys
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('api_keys');
ALTER TABLE bastion.api_keys ENABLE ALWAYS TRIGGER api_keys_invalidate;
ALTER TABLE bastion.api_keys ENABLE ALWAYS TRIGGER api_keys_invalidate_update;
ALTER TABLE bastion.api_keys ENABLE ALWAYS TRIGGER api_keys_invalidate_truncate;

CREATE TABLE bastion.api_key_schemes (
    id integer NOT NULL,
    name text NOT NULL,
    separator text,
    other_pepper integer,
    pepper integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT api_key_schemes_pkey PRIMARY KEY (id),
    CONSTRAINT api_key_schemes_id_check CHECK (id > 0),
    CONSTRAINT api_key_schemes_name_key UNIQUE (name),
    CONSTRAINT api_key_schemes_name_check CHECK (bastion_internal.is_label(name)),
    CONSTRAINT api_key_schemes_separator_check CHECK (octet_length(separator) BETWEEN 1 AND 16),
    CONSTRAINT api_key_schemes_other_pepper_fkey FOREIGN KEY (other_pepper) REFERENCES bastion.peppers (version),
    CONSTRAINT api_key_schemes_pepper_fkey FOREIGN KEY (pepper) REFERENCES bastion.peppers (version)
);
COMMENT ON TABLE bastion.api_key_schemes IS 'How other systems hashed the API keys that were imported; granted to nobody';
COMMENT ON COLUMN bastion.api_key_schemes.id IS 'Number of the scheme, which the stored hashes cover';
COMMENT ON COLUMN bastion.api_key_schemes.name IS 'Name, for import_api_keys()';
COMMENT ON COLUMN bastion.api_key_schemes.separator IS 'What ends the part of a key that is not hashed; NULL when all of it is hashed';
COMMENT ON COLUMN bastion.api_key_schemes.other_pepper IS 'The pepper that holds the key of HMAC-SHA-256 of the other system; NULL for SHA-256';
COMMENT ON COLUMN bastion.api_key_schemes.pepper IS 'The pepper under which the hashes are stored';
COMMENT ON COLUMN bastion.api_key_schemes.created_at IS 'When it was added';
SELECT pg_extension_config_dump('bastion.api_key_schemes', '');
ALTER TABLE bastion.api_key_schemes ENABLE ROW LEVEL SECURITY;
-- The list is cached as a whole, so a new row changes it too.
CREATE TRIGGER api_key_schemes_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.api_key_schemes
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('api_key_schemes');
CREATE TRIGGER api_key_schemes_invalidate_truncate AFTER TRUNCATE ON bastion.api_key_schemes
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('api_key_schemes');
ALTER TABLE bastion.api_key_schemes ENABLE ALWAYS TRIGGER api_key_schemes_invalidate;
ALTER TABLE bastion.api_key_schemes ENABLE ALWAYS TRIGGER api_key_schemes_invalidate_truncate;

CREATE TABLE bastion.api_key_secrets (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    key_id uuid NOT NULL,
    pepper integer NOT NULL,
    mac bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    scheme integer,
    CONSTRAINT api_key_secrets_pkey PRIMARY KEY (id),
    CONSTRAINT api_key_secrets_mac_check CHECK (octet_length(mac) = 32),
    CONSTRAINT api_key_secrets_key_id_fkey FOREIGN KEY (key_id) REFERENCES bastion.api_keys (id) ON DELETE CASCADE,
    CONSTRAINT api_key_secrets_pepper_fkey FOREIGN KEY (pepper) REFERENCES bastion.peppers (version),
    CONSTRAINT api_key_secrets_scheme_fkey FOREIGN KEY (scheme) REFERENCES bastion.api_key_schemes (id)
);
CREATE INDEX api_key_secrets_key_id_idx ON bastion.api_key_secrets (key_id);
CREATE UNIQUE INDEX api_key_secrets_imported_idx ON bastion.api_key_secrets (mac) WHERE scheme IS NOT NULL;
COMMENT ON TABLE bastion.api_key_secrets IS
'The secrets of API keys, several during a rotation; granted to nobody';
COMMENT ON COLUMN bastion.api_key_secrets.id IS 'Identifier of the secret';
COMMENT ON COLUMN bastion.api_key_secrets.key_id IS 'The API key';
COMMENT ON COLUMN bastion.api_key_secrets.pepper IS 'The pepper with which it is hashed';
COMMENT ON COLUMN bastion.api_key_secrets.mac IS 'HMAC-SHA-256 of the secret, or of the hash that another system stored; neither is stored itself';
COMMENT ON COLUMN bastion.api_key_secrets.created_at IS 'When it was created';
COMMENT ON COLUMN bastion.api_key_secrets.expires_at IS 'When it expires because another secret replaced it; NULL for never';
COMMENT ON COLUMN bastion.api_key_secrets.scheme IS 'How another system hashed it; NULL for a secret that the extension made';
SELECT pg_extension_config_dump('bastion.api_key_secrets', '');
ALTER TABLE bastion.api_key_secrets ENABLE ROW LEVEL SECURITY;
CREATE TRIGGER api_key_secrets_invalidate AFTER UPDATE OR DELETE ON bastion.api_key_secrets
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('api_key', 'key_id');
CREATE TRIGGER api_key_secrets_invalidate_truncate AFTER TRUNCATE ON bastion.api_key_secrets
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('api_keys');
ALTER TABLE bastion.api_key_secrets ENABLE ALWAYS TRIGGER api_key_secrets_invalidate;
ALTER TABLE bastion.api_key_secrets ENABLE ALWAYS TRIGGER api_key_secrets_invalidate_truncate;

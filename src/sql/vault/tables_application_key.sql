
-- Managed keys, of a tenant or of the installation, with which applications sign, authenticate and wrap data keys. Secret and private
-- halves are in the versions, sealed. Both tables are granted to nobody: key_list() and key_public() show what may be seen.

CREATE TABLE bastion.application_keys (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    tenant_id uuid,
    name text NOT NULL,
    algorithm text NOT NULL,
    bits integer,
    purpose text COLLATE "C",
    version integer NOT NULL DEFAULT 1,
    min_version integer NOT NULL DEFAULT 1,
    rotate_every interval,
    rotated_at timestamptz NOT NULL DEFAULT now(),
    exportable boolean NOT NULL DEFAULT false,
    deletable boolean NOT NULL DEFAULT false,
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT application_keys_pkey PRIMARY KEY (id),
    CONSTRAINT application_keys_tenant_id_name_key UNIQUE NULLS NOT DISTINCT (tenant_id, name),
    CONSTRAINT application_keys_name_check CHECK (bastion_internal.is_name(name)),
    CONSTRAINT application_keys_purpose_check CHECK (bastion_internal.is_resource(purpose) AND NOT bastion_internal.is_reserved_resource(purpose)),
    CONSTRAINT application_keys_version_check CHECK (min_version BETWEEN 1 AND version),
    CONSTRAINT application_keys_rotate_every_check CHECK (bastion_internal.lasts(rotate_every, '1 hour', '100 years')),
    CONSTRAINT application_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id) ON DELETE CASCADE
);
COMMENT ON TABLE bastion.application_keys IS 'Managed keys of applications, without their versions; granted to nobody';
COMMENT ON COLUMN bastion.application_keys.id IS 'Identifier; each version is bound to it';
COMMENT ON COLUMN bastion.application_keys.tenant_id IS 'The tenant; NULL for a key of the installation';
COMMENT ON COLUMN bastion.application_keys.name IS 'Unique in the tenant, or in the installation';
COMMENT ON COLUMN bastion.application_keys.algorithm IS 'A JWS algorithm, XAES-256-GCM, or RSA-OAEP-256';
COMMENT ON COLUMN bastion.application_keys.bits IS 'Size of an RSA key; NULL for the default and for other keys';
COMMENT ON COLUMN bastion.application_keys.purpose IS 'The resource whose permissions sign, verify, mac, wrap and unwrap allow the use; NULL for a key under which others are imported';
COMMENT ON COLUMN bastion.application_keys.version IS 'The newest version, which signs and wraps';
COMMENT ON COLUMN bastion.application_keys.min_version IS 'The oldest version that still verifies and unwraps';
COMMENT ON COLUMN bastion.application_keys.rotate_every IS 'The age of the newest version after which the next use makes another; NULL: never';
COMMENT ON COLUMN bastion.application_keys.rotated_at IS 'When the newest version was made';
COMMENT ON COLUMN bastion.application_keys.exportable IS 'Whether key_export() returns it, wrapped; decided at creation';
COMMENT ON COLUMN bastion.application_keys.deletable IS 'Whether key_delete() deletes it';
COMMENT ON COLUMN bastion.application_keys.created_by IS 'The user who made it';
COMMENT ON COLUMN bastion.application_keys.created_at IS 'When it was made';
SELECT pg_extension_config_dump('bastion.application_keys', '');
ALTER TABLE bastion.application_keys ENABLE ROW LEVEL SECURITY;

CREATE TABLE bastion.application_key_versions (
    key_id uuid NOT NULL,
    version integer NOT NULL,
    value bastion.sealed NOT NULL,
    public_jwk jsonb,
    created_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT application_key_versions_pkey PRIMARY KEY (key_id, version),
    CONSTRAINT application_key_versions_version_check CHECK (version > 0),
    CONSTRAINT application_key_versions_key_id_fkey FOREIGN KEY (key_id) REFERENCES bastion.application_keys (id) ON DELETE CASCADE
);
COMMENT ON TABLE bastion.application_key_versions IS 'The versions of managed keys, sealed; granted to nobody';
COMMENT ON COLUMN bastion.application_key_versions.key_id IS 'The key';
COMMENT ON COLUMN bastion.application_key_versions.version IS 'Number of the version, from 1';
COMMENT ON COLUMN bastion.application_key_versions.value IS
'The private JWK, or the 32 bytes of a key that wraps; sealed for the tenant under the purpose bastion.keys, bound to id and version of the key';
COMMENT ON COLUMN bastion.application_key_versions.public_jwk IS 'The public half, RFC 7517; NULL for a symmetric key';
COMMENT ON COLUMN bastion.application_key_versions.created_in IS 'The transaction that made it, which signs with the version before it';
COMMENT ON COLUMN bastion.application_key_versions.created_by IS 'The user who made it';
COMMENT ON COLUMN bastion.application_key_versions.created_at IS 'When it was made';
SELECT pg_extension_config_dump('bastion.application_key_versions', '');
ALTER TABLE bastion.application_key_versions ENABLE ROW LEVEL SECURITY;
-- A new version is in no cache.
CREATE TRIGGER application_key_versions_invalidate AFTER UPDATE OR DELETE ON bastion.application_key_versions
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('keys');
CREATE TRIGGER application_key_versions_invalidate_truncate AFTER TRUNCATE ON bastion.application_key_versions
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('keys');
ALTER TABLE bastion.application_key_versions ENABLE ALWAYS TRIGGER application_key_versions_invalidate;
ALTER TABLE bastion.application_key_versions ENABLE ALWAYS TRIGGER application_key_versions_invalidate_truncate;


-- Secrets for outside services, of a tenant or of one user in it. Their sealed values are in a separate table that is granted to
-- nobody. The log of accesses has no foreign keys, because it outlives the secrets.

CREATE TABLE bastion.secrets (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    owner_id uuid,
    name text NOT NULL,
    provider text,
    type text,
    tags text[] NOT NULL DEFAULT '{}',
    active boolean NOT NULL DEFAULT true,
    expires_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT secrets_pkey PRIMARY KEY (id),
    CONSTRAINT secrets_tenant_id_owner_id_name_key UNIQUE NULLS NOT DISTINCT (tenant_id, owner_id, name),
    CONSTRAINT secrets_name_check CHECK (bastion_internal.is_label(name)),
    CONSTRAINT secrets_provider_check CHECK (bastion_internal.is_label(provider)),
    CONSTRAINT secrets_type_check CHECK (bastion_internal.is_label(type)),
    CONSTRAINT secrets_tags_check CHECK (cardinality(tags) <= 50 AND array_position(tags, NULL) IS NULL
                                         AND octet_length(array_to_string(tags, ',')) <= 4000),
    CONSTRAINT secrets_version_check CHECK (version > 0),
    CONSTRAINT secrets_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id) ON DELETE CASCADE,
    CONSTRAINT secrets_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES bastion.users (id) ON DELETE CASCADE
);
CREATE INDEX secrets_owner_id_idx ON bastion.secrets (owner_id) WHERE owner_id IS NOT NULL;
COMMENT ON TABLE bastion.secrets IS
'Secrets, without their values. Users see their own, and with tenant.secrets.read the tenant''s';
COMMENT ON COLUMN bastion.secrets.id IS 'Identifier; each value is bound to it';
COMMENT ON COLUMN bastion.secrets.tenant_id IS 'The tenant';
COMMENT ON COLUMN bastion.secrets.owner_id IS 'The user who owns it; NULL for a secret of the tenant';
COMMENT ON COLUMN bastion.secrets.name IS 'Unique among the tenant''s secrets, and among the own secrets of each user';
COMMENT ON COLUMN bastion.secrets.provider IS 'The service that it is for; the application chooses the name';
COMMENT ON COLUMN bastion.secrets.type IS 'The kind of secret; the application chooses the name';
COMMENT ON COLUMN bastion.secrets.tags IS 'Words that the application chooses, at most 50';
COMMENT ON COLUMN bastion.secrets.active IS 'Whether it can be opened';
COMMENT ON COLUMN bastion.secrets.expires_at IS 'When it can no longer be opened; NULL for never';
COMMENT ON COLUMN bastion.secrets.version IS 'The newest version, which is opened by default';
COMMENT ON COLUMN bastion.secrets.created_by IS 'The user who stored it first';
COMMENT ON COLUMN bastion.secrets.created_at IS 'When it was stored first';
COMMENT ON COLUMN bastion.secrets.updated_at IS 'When it was last stored or changed';
SELECT pg_extension_config_dump('bastion.secrets', '');
ALTER TABLE bastion.secrets ENABLE ROW LEVEL SECURITY;
CREATE POLICY secrets_own ON bastion.secrets FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_if_allowed('own.secrets.read')) AND owner_id = (SELECT bastion.user_id()));
COMMENT ON POLICY secrets_own ON bastion.secrets IS 'The user''s own secrets; not for impersonators, nor for API keys whose scopes do not name them';
CREATE POLICY secrets_of_tenant ON bastion.secrets FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_if_allowed('tenant.secrets.read')) AND owner_id IS NULL);
COMMENT ON POLICY secrets_of_tenant ON bastion.secrets IS 'The tenant''s own secrets, for members who may see that they exist';
CREATE POLICY secrets_of_others ON bastion.secrets FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_if_allowed('tenant.secrets.read')) AND owner_id <> (SELECT bastion.user_id()));
COMMENT ON POLICY secrets_of_others ON bastion.secrets IS 'Secrets of other users, for the same members; the user''s own secrets need own.secrets.read, with an API key too';
SELECT bastion_internal.readable_by('bastion.secrets', 'application');

CREATE TABLE bastion.secret_versions (
    secret_id uuid NOT NULL,
    version integer NOT NULL,
    value bastion.sealed NOT NULL,
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT secret_versions_pkey PRIMARY KEY (secret_id, version),
    CONSTRAINT secret_versions_secret_id_fkey FOREIGN KEY (secret_id) REFERENCES bastion.secrets (id) ON DELETE CASCADE
);
COMMENT ON TABLE bastion.secret_versions IS 'The values of secrets, sealed; granted to nobody';
COMMENT ON COLUMN bastion.secret_versions.secret_id IS 'The secret';
COMMENT ON COLUMN bastion.secret_versions.version IS 'Number of the value, from 1';
COMMENT ON COLUMN bastion.secret_versions.value IS
'The value, sealed for the tenant under the purpose bastion.secrets, bound to id and version of the secret';
COMMENT ON COLUMN bastion.secret_versions.created_by IS 'The user who stored it';
COMMENT ON COLUMN bastion.secret_versions.created_at IS 'When it was stored';
SELECT pg_extension_config_dump('bastion.secret_versions', '');
ALTER TABLE bastion.secret_versions ENABLE ROW LEVEL SECURITY;

CREATE TABLE bastion.secret_access_log (
    id bigint GENERATED ALWAYS AS IDENTITY,
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    action text NOT NULL,
    secret_id uuid NOT NULL,
    name text NOT NULL,
    version integer,
    tenant_id uuid NOT NULL,
    user_id uuid,
    actor_id uuid,
    session_id uuid,
    ip inet,
    user_agent text,
    purpose text,
    CONSTRAINT secret_access_log_pkey PRIMARY KEY (id),
    CONSTRAINT secret_access_log_action_check CHECK (action IN ('get', 'put', 'change', 'delete'))
);
CREATE INDEX secret_access_log_secret_id_idx ON bastion.secret_access_log (secret_id, occurred_at);
CREATE INDEX secret_access_log_tenant_id_idx ON bastion.secret_access_log (tenant_id, occurred_at);
COMMENT ON TABLE bastion.secret_access_log IS
'The log of accesses to secrets.
Append-only and without foreign keys. Members with tenant.events.read see the rows of their tenant. The row of a put, change or delete belongs to its transaction. When the library is preloaded, a background worker writes the row of a get, even if the transaction rolls back; otherwise that row belongs to its transaction too, and a read-only transaction writes none. The server log has a line for every access';
COMMENT ON COLUMN bastion.secret_access_log.id IS 'Order of writing';
COMMENT ON COLUMN bastion.secret_access_log.occurred_at IS 'When it happened';
COMMENT ON COLUMN bastion.secret_access_log.action IS 'get, put, change or delete';
COMMENT ON COLUMN bastion.secret_access_log.secret_id IS 'The secret';
COMMENT ON COLUMN bastion.secret_access_log.name IS 'The name of the secret at that time';
COMMENT ON COLUMN bastion.secret_access_log.version IS 'The version; NULL for all versions';
COMMENT ON COLUMN bastion.secret_access_log.tenant_id IS 'The tenant';
COMMENT ON COLUMN bastion.secret_access_log.user_id IS 'The user of the context';
COMMENT ON COLUMN bastion.secret_access_log.actor_id IS 'The user who acted; differs from user_id under impersonation';
COMMENT ON COLUMN bastion.secret_access_log.session_id IS 'The session of the context, if any';
COMMENT ON COLUMN bastion.secret_access_log.ip IS 'The address of the database client; NULL on a Unix socket';
COMMENT ON COLUMN bastion.secret_access_log.user_agent IS 'The user agent of the HTTP client (request.headers)';
COMMENT ON COLUMN bastion.secret_access_log.purpose IS 'The purpose that the caller gave';
SELECT pg_extension_config_dump('bastion.secret_access_log', '');
SELECT pg_extension_config_dump('bastion.secret_access_log_id_seq', '');
ALTER TABLE bastion.secret_access_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY secret_access_log_of_tenant ON bastion.secret_access_log FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_if_allowed('tenant.events.read')));
COMMENT ON POLICY secret_access_log_of_tenant ON bastion.secret_access_log IS 'Accesses to secrets of the context''s tenant';
SELECT bastion_internal.readable_by('bastion.secret_access_log', 'application');

CREATE FUNCTION bastion_internal.keep_secret_access_log() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'bastion.secret_access_log is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
COMMENT ON FUNCTION bastion_internal.keep_secret_access_log() IS
'Trigger: refuses UPDATE and TRUNCATE, by the owner too. DELETE is allowed, to remove old rows. SQLSTATE 42501.';
CREATE TRIGGER secret_access_log_append_only BEFORE UPDATE OR TRUNCATE ON bastion.secret_access_log
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.keep_secret_access_log();
ALTER TABLE bastion.secret_access_log ENABLE ALWAYS TRIGGER secret_access_log_append_only;
COMMENT ON TRIGGER secret_access_log_append_only ON bastion.secret_access_log IS 'Keeps rows as they were written';

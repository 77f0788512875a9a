
-- Secrets for outside services: of a tenant, of a unit, of one user in the tenant, or of the installation. Their sealed values are in a
-- separate table that is granted to nobody. The log of accesses has no foreign keys, because it outlives the secrets.

CREATE TABLE bastion.secret_folders (
    folder text COLLATE "C" NOT NULL,
    resource text COLLATE "C" NOT NULL,
    CONSTRAINT secret_folders_pkey PRIMARY KEY (folder),
    CONSTRAINT secret_folders_folder_check CHECK (bastion_internal.is_name(folder) AND right(folder, 1) = '/' AND length(folder) > 1),
    CONSTRAINT secret_folders_resource_check CHECK (bastion_internal.is_resource(resource))
);
COMMENT ON TABLE bastion.secret_folders IS 'The folders of secrets that have permissions of their own; granted to nobody';
COMMENT ON COLUMN bastion.secret_folders.folder IS 'How the names begin, with the slash at its end';
COMMENT ON COLUMN bastion.secret_folders.resource IS 'The resource whose actions read, open and manage stand for those of tenant.secrets';
SELECT pg_extension_config_dump('bastion.secret_folders', '');
ALTER TABLE bastion.secret_folders ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION bastion_internal.secret_resource(name text) RETURNS text
LANGUAGE C STABLE PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'bastion_secret_resource';
COMMENT ON FUNCTION bastion_internal.secret_resource(text) IS
'The resource whose permissions a secret of this name needs: that of the longest folder that contains it, else tenant.secrets.';
SELECT bastion_internal.callable_by('bastion_internal.secret_resource(text)', 'application');

CREATE TABLE bastion.secrets (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    tenant_id uuid,
    owner_id uuid,
    unit_id uuid,
    left_at timestamptz,
    name text NOT NULL,
    provider text,
    type text,
    tags text[] NOT NULL DEFAULT '{}',
    metadata jsonb NOT NULL DEFAULT '{}',
    active boolean NOT NULL DEFAULT true,
    expires_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    max_versions integer,
    max_version_age interval,
    rotate_every interval,
    reminded_version integer,
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT secrets_pkey PRIMARY KEY (id),
    CONSTRAINT secrets_place_key UNIQUE NULLS NOT DISTINCT (tenant_id, owner_id, unit_id, name, left_at),
    CONSTRAINT secrets_place_check CHECK ((tenant_id IS NOT NULL OR owner_id IS NULL AND unit_id IS NULL)
                                          AND (owner_id IS NULL OR unit_id IS NULL) AND (left_at IS NULL OR owner_id IS NOT NULL)),
    CONSTRAINT secrets_name_check CHECK (bastion_internal.is_name(name)),
    CONSTRAINT secrets_provider_check CHECK (bastion_internal.is_label(provider)),
    CONSTRAINT secrets_type_check CHECK (bastion_internal.is_label(type)),
    CONSTRAINT secrets_tags_check CHECK (cardinality(tags) <= 50 AND array_position(tags, NULL) IS NULL
                                         AND octet_length(array_to_string(tags, ',')) <= 4000),
    CONSTRAINT secrets_metadata_check CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384),
    CONSTRAINT secrets_version_check CHECK (version > 0),
    CONSTRAINT secrets_limits_check CHECK (max_versions > 0 AND bastion_internal.lasts(max_version_age, '1 microsecond', '100 years')
                                           AND bastion_internal.lasts(rotate_every, '1 microsecond', '100 years')),
    CONSTRAINT secrets_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id) ON DELETE CASCADE,
    CONSTRAINT secrets_unit_id_fkey FOREIGN KEY (tenant_id, unit_id) REFERENCES bastion.units (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT secrets_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES bastion.users (id) ON DELETE CASCADE
);
CREATE INDEX secrets_owner_id_idx ON bastion.secrets (owner_id) WHERE owner_id IS NOT NULL;
CREATE INDEX secrets_unit_id_idx ON bastion.secrets (unit_id) WHERE unit_id IS NOT NULL;
COMMENT ON TABLE bastion.secrets IS
'Secrets, without their values. Users see their own, and with tenant.secrets.read those of the tenant that are in no unit and in no folder of secret_folders; secret_list() shows these too';
COMMENT ON COLUMN bastion.secrets.id IS 'Identifier; each value is bound to it';
COMMENT ON COLUMN bastion.secrets.tenant_id IS 'The tenant; NULL for a secret of the installation';
COMMENT ON COLUMN bastion.secrets.owner_id IS 'The user who owns it; NULL for a secret of the tenant';
COMMENT ON COLUMN bastion.secrets.unit_id IS 'The unit that it belongs to; NULL for the whole tenant';
COMMENT ON COLUMN bastion.secrets.left_at IS 'When its owner left the tenant; from then on it can only be deleted';
COMMENT ON COLUMN bastion.secrets.name IS 'Unique among the secrets of the tenant, of each unit, and of each user; slashes make folders';
COMMENT ON COLUMN bastion.secrets.provider IS 'The service that it is for; the application chooses the name';
COMMENT ON COLUMN bastion.secrets.type IS 'The kind of secret; the application chooses the name';
COMMENT ON COLUMN bastion.secrets.tags IS 'Words that the application chooses, at most 50';
COMMENT ON COLUMN bastion.secrets.metadata IS 'What the application notes about it: a JSON object of at most 16 KiB';
COMMENT ON COLUMN bastion.secrets.active IS 'Whether it can be opened';
COMMENT ON COLUMN bastion.secrets.expires_at IS 'When it can no longer be opened; NULL for never';
COMMENT ON COLUMN bastion.secrets.version IS 'The newest version, which is opened by default';
COMMENT ON COLUMN bastion.secrets.max_versions IS 'How many versions are kept; NULL for all';
COMMENT ON COLUMN bastion.secrets.max_version_age IS 'How long a version that is not the newest is kept; NULL for ever';
COMMENT ON COLUMN bastion.secrets.rotate_every IS 'How old the newest version may become before secrets_due() lists the secret; NULL for never';
COMMENT ON COLUMN bastion.secrets.reminded_version IS 'The version about which secrets_remind() wrote an event';
COMMENT ON COLUMN bastion.secrets.created_by IS 'The user who stored it first';
COMMENT ON COLUMN bastion.secrets.created_at IS 'When it was stored first';
COMMENT ON COLUMN bastion.secrets.updated_at IS 'When it was last stored or changed';
SELECT pg_extension_config_dump('bastion.secrets', '');
ALTER TABLE bastion.secrets ENABLE ROW LEVEL SECURITY;
CREATE POLICY secrets_own ON bastion.secrets FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_if_allowed('own.secrets.read')) AND owner_id = (SELECT bastion.user_id())
           AND left_at IS NULL);
COMMENT ON POLICY secrets_own ON bastion.secrets IS 'The user''s own secrets; not for impersonators, nor for API keys whose scopes do not name them';
CREATE POLICY secrets_of_tenant ON bastion.secrets FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_if_allowed('tenant.secrets.read')) AND owner_id IS NULL AND unit_id IS NULL
           AND bastion_internal.secret_resource(name) = 'tenant.secrets');
COMMENT ON POLICY secrets_of_tenant ON bastion.secrets IS 'The tenant''s own secrets, for members who may see that they exist';
CREATE POLICY secrets_of_others ON bastion.secrets FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_if_allowed('tenant.secrets.read')) AND owner_id <> (SELECT bastion.user_id()));
COMMENT ON POLICY secrets_of_others ON bastion.secrets IS 'Secrets of other users, for the same members; the user''s own secrets need own.secrets.read, with an API key too';
SELECT bastion_internal.readable_by('bastion.secrets', 'application');

CREATE TABLE bastion.secret_versions (
    secret_id uuid NOT NULL,
    version integer NOT NULL,
    value bastion.sealed,
    format text NOT NULL DEFAULT 'text',
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    destroyed_at timestamptz,
    CONSTRAINT secret_versions_pkey PRIMARY KEY (secret_id, version),
    CONSTRAINT secret_versions_format_check CHECK (format IN ('text', 'bytea', 'jsonb')),
    CONSTRAINT secret_versions_destroyed_check CHECK ((value IS NULL) = (destroyed_at IS NOT NULL)),
    CONSTRAINT secret_versions_secret_id_fkey FOREIGN KEY (secret_id) REFERENCES bastion.secrets (id) ON DELETE CASCADE
);
COMMENT ON TABLE bastion.secret_versions IS 'The values of secrets, sealed; granted to nobody';
COMMENT ON COLUMN bastion.secret_versions.secret_id IS 'The secret';
COMMENT ON COLUMN bastion.secret_versions.version IS 'Number of the value, from 1';
COMMENT ON COLUMN bastion.secret_versions.value IS
'The value, sealed for the tenant under the purpose bastion.secrets, bound to id and version of the secret; NULL when it was destroyed';
COMMENT ON COLUMN bastion.secret_versions.format IS 'The type that it was stored as: text, bytea or jsonb';
COMMENT ON COLUMN bastion.secret_versions.created_by IS 'The user who stored it';
COMMENT ON COLUMN bastion.secret_versions.created_at IS 'When it was stored';
COMMENT ON COLUMN bastion.secret_versions.deleted_at IS 'When it was deleted; it can be restored until it is destroyed';
COMMENT ON COLUMN bastion.secret_versions.destroyed_at IS 'When its value was destroyed';
SELECT pg_extension_config_dump('bastion.secret_versions', '');
ALTER TABLE bastion.secret_versions ENABLE ROW LEVEL SECURITY;

CREATE TABLE bastion.secret_access_log (
    id bigint GENERATED ALWAYS AS IDENTITY,
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    action text NOT NULL,
    secret_id uuid,
    name text,
    version integer,
    tenant_id uuid,
    user_id uuid,
    actor_id uuid,
    delegation_id uuid,
    session_id uuid,
    ip inet,
    user_agent text,
    purpose text,
    bound_to text,
    CONSTRAINT secret_access_log_pkey PRIMARY KEY (id),
    CONSTRAINT secret_access_log_action_check CHECK (action IN ('get', 'put', 'change', 'rename', 'delete', 'undelete', 'destroy', 'open')),
    CONSTRAINT secret_access_log_secret_check CHECK (CASE WHEN action = 'open' THEN secret_id IS NULL AND purpose IS NOT NULL
                                                          ELSE secret_id IS NOT NULL AND name IS NOT NULL AND bound_to IS NULL END)
);
CREATE INDEX secret_access_log_secret_id_idx ON bastion.secret_access_log (secret_id, action, occurred_at);
CREATE INDEX secret_access_log_tenant_id_idx ON bastion.secret_access_log (tenant_id, occurred_at);
COMMENT ON TABLE bastion.secret_access_log IS
'The log of accesses to secrets, and of openings of sealed values whose purpose is recorded (purpose_update()).
Append-only and without foreign keys. Members with tenant.events.read see the rows of their tenant. The row of a change belongs to its transaction. When the library is preloaded, a background worker writes the row of a get or open, even if the transaction rolls back; otherwise that row belongs to its transaction too, and a read-only transaction writes none. The server log has a line for every access';
COMMENT ON COLUMN bastion.secret_access_log.id IS 'Order of writing';
COMMENT ON COLUMN bastion.secret_access_log.occurred_at IS 'When it happened';
COMMENT ON COLUMN bastion.secret_access_log.action IS 'get, put, change, rename, delete, undelete or destroy of a secret; open of a sealed value';
COMMENT ON COLUMN bastion.secret_access_log.secret_id IS 'The secret; NULL for a sealed value';
COMMENT ON COLUMN bastion.secret_access_log.name IS 'The name of the secret at that time; for open that of the managed key which wrapped the value, if any';
COMMENT ON COLUMN bastion.secret_access_log.version IS 'The version; NULL for all versions';
COMMENT ON COLUMN bastion.secret_access_log.tenant_id IS 'The tenant; NULL for a secret of the installation';
COMMENT ON COLUMN bastion.secret_access_log.user_id IS 'The user of the context';
COMMENT ON COLUMN bastion.secret_access_log.actor_id IS 'The user who acted; differs from user_id by a delegation and under impersonation';
COMMENT ON COLUMN bastion.secret_access_log.delegation_id IS 'The delegation by which the actor acted, if any';
COMMENT ON COLUMN bastion.secret_access_log.session_id IS 'The session of the context, if any';
COMMENT ON COLUMN bastion.secret_access_log.ip IS 'The address of the database client; NULL on a Unix socket';
COMMENT ON COLUMN bastion.secret_access_log.user_agent IS 'The user agent of the HTTP client (request.headers)';
COMMENT ON COLUMN bastion.secret_access_log.purpose IS 'The purpose that the caller gave; for open that of seal(), or of the managed key';
COMMENT ON COLUMN bastion.secret_access_log.bound_to IS 'The place to which an opened value is bound, such as the key of its row; of more than 200 characters, or with control characters, its beginning and an MD5';
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

-- A unit that is deleted would take its secrets along.
CREATE FUNCTION bastion_internal.keep_unit_of_secrets() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM bastion.secrets s WHERE s.unit_id = OLD.id) AND EXISTS (SELECT FROM bastion.tenants t WHERE t.id = OLD.tenant_id) THEN
        RAISE EXCEPTION 'the unit has secrets' USING ERRCODE = 'foreign_key_violation', HINT = 'Delete them first.';
    END IF;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION bastion_internal.keep_unit_of_secrets() IS 'Trigger: refuses the deletion of a unit with secrets, unless its tenant is deleted. SQLSTATE 23503.';
CREATE TRIGGER units_keep_secrets BEFORE DELETE ON bastion.units FOR EACH ROW EXECUTE FUNCTION bastion_internal.keep_unit_of_secrets();
ALTER TABLE bastion.units ENABLE ALWAYS TRIGGER units_keep_secrets;
COMMENT ON TRIGGER units_keep_secrets ON bastion.units IS 'Secrets do not vanish with their unit';

-- A user who leaves a tenant leaves the own secrets there behind: they come back with no later membership.
CREATE FUNCTION bastion_internal.leave_secrets() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE bastion.secrets s SET left_at = clock_timestamp()
    FROM (SELECT DISTINCT l.user_id, l.tenant_id FROM left_members l) l
    WHERE s.owner_id = l.user_id AND s.tenant_id = l.tenant_id AND s.left_at IS NULL
      AND NOT EXISTS (SELECT FROM bastion.memberships m WHERE m.user_id = l.user_id AND m.tenant_id = l.tenant_id);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.leave_secrets() IS 'Trigger: closes the own secrets of users whose last membership in a tenant ended.';
CREATE TRIGGER memberships_leave_secrets AFTER DELETE ON bastion.memberships REFERENCING OLD TABLE AS left_members
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.leave_secrets();
ALTER TABLE bastion.memberships ENABLE ALWAYS TRIGGER memberships_leave_secrets;
COMMENT ON TRIGGER memberships_leave_secrets ON bastion.memberships IS 'Own secrets of users who left open no more';

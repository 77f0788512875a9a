
-- Settings of the installation and of tenants, each in an environment or in all: versions as in Vault's KV engine, a history that nobody
-- rewrites, and requests for changes that another person approves. Values are granted to nobody: functions check who reads them.

CREATE TABLE bastion.settings (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    tenant_id uuid,
    environment text COLLATE "C" NOT NULL DEFAULT '*',
    key text COLLATE "C" NOT NULL,
    category text,
    sensitive boolean NOT NULL DEFAULT false,
    validator jsonb,
    four_eyes boolean NOT NULL DEFAULT false,
    overridable boolean NOT NULL DEFAULT true,
    metadata jsonb NOT NULL DEFAULT '{}',
    max_versions integer,
    version integer NOT NULL DEFAULT 1,
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT settings_pkey PRIMARY KEY (id),
    CONSTRAINT settings_place_key UNIQUE NULLS NOT DISTINCT (tenant_id, environment, key),
    CONSTRAINT settings_environment_check CHECK (bastion_internal.is_environment(environment)),
    CONSTRAINT settings_key_check CHECK (bastion_internal.is_resource(key)),
    CONSTRAINT settings_category_check CHECK (bastion_internal.is_label(category)),
    CONSTRAINT settings_overridable_check CHECK (overridable OR tenant_id IS NULL),
    CONSTRAINT settings_metadata_check CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384),
    CONSTRAINT settings_max_versions_check CHECK (max_versions > 0),
    CONSTRAINT settings_version_check CHECK (version > 0),
    CONSTRAINT settings_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id) ON DELETE CASCADE
);
CREATE INDEX settings_key_idx ON bastion.settings (key);
COMMENT ON TABLE bastion.settings IS 'Settings, without their values; granted to nobody';
COMMENT ON COLUMN bastion.settings.id IS 'Identifier; each sealed value is bound to it';
COMMENT ON COLUMN bastion.settings.tenant_id IS 'The tenant; NULL for a setting of the installation';
COMMENT ON COLUMN bastion.settings.environment IS 'The environment that it is for (bastion.environment); * for all';
COMMENT ON COLUMN bastion.settings.key IS 'What functions call it: words joined by dots';
COMMENT ON COLUMN bastion.settings.category IS 'A word of the application, by which settings are listed';
COMMENT ON COLUMN bastion.settings.sensitive IS 'Whether its values are sealed: setting_seal() and setting_open()';
COMMENT ON COLUMN bastion.settings.validator IS 'What each new value must meet, in a subset of JSON Schema; one of the installation counts for the tenants too';
COMMENT ON COLUMN bastion.settings.four_eyes IS 'Whether each change of this key in a tenant needs the approval of another person; one of the installation counts for all tenants';
COMMENT ON COLUMN bastion.settings.overridable IS 'Whether tenants may have a value of their own; false for settings of the installation alone';
COMMENT ON COLUMN bastion.settings.metadata IS 'What the application notes about it: a JSON object of at most 16 KiB';
COMMENT ON COLUMN bastion.settings.max_versions IS 'How many versions are kept; NULL for all';
COMMENT ON COLUMN bastion.settings.version IS 'The newest version, which counts';
COMMENT ON COLUMN bastion.settings.created_by IS 'The user who made it; NULL for an operator';
COMMENT ON COLUMN bastion.settings.created_at IS 'When it was made';
COMMENT ON COLUMN bastion.settings.updated_at IS 'When it was last changed';
SELECT pg_extension_config_dump('bastion.settings', '');
ALTER TABLE bastion.settings ENABLE ROW LEVEL SECURITY;
-- A cached answer depends on the settings of one key, of its tenant and of the installation, whether they exist or not.
CREATE TRIGGER settings_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.settings
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('setting', 'key');
CREATE TRIGGER settings_invalidate_truncate AFTER TRUNCATE ON bastion.settings
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('settings');
ALTER TABLE bastion.settings ENABLE ALWAYS TRIGGER settings_invalidate;
ALTER TABLE bastion.settings ENABLE ALWAYS TRIGGER settings_invalidate_truncate;

CREATE TABLE bastion.setting_versions (
    setting_id uuid NOT NULL,
    version integer NOT NULL,
    value jsonb,
    sealed bastion.sealed,
    from_version integer,
    reason text,
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    destroyed_at timestamptz,
    CONSTRAINT setting_versions_pkey PRIMARY KEY (setting_id, version),
    CONSTRAINT setting_versions_value_check CHECK (num_nonnulls(value, sealed) = CASE WHEN destroyed_at IS NULL THEN 1 ELSE 0 END),
    CONSTRAINT setting_versions_size_check CHECK (octet_length(value::text) <= 65536),
    CONSTRAINT setting_versions_setting_id_fkey FOREIGN KEY (setting_id) REFERENCES bastion.settings (id) ON DELETE CASCADE
);
COMMENT ON TABLE bastion.setting_versions IS 'The values of settings; granted to nobody';
COMMENT ON COLUMN bastion.setting_versions.setting_id IS 'The setting';
COMMENT ON COLUMN bastion.setting_versions.version IS 'Number of the value, from 1';
COMMENT ON COLUMN bastion.setting_versions.value IS 'The value as JSON, at most 64 KiB; NULL for a sealed or destroyed one';
COMMENT ON COLUMN bastion.setting_versions.sealed IS
'The value of a sensitive setting, sealed for the tenant under the purpose bastion.settings, bound to id and version of the setting';
COMMENT ON COLUMN bastion.setting_versions.from_version IS 'The version that a rollback took the value of';
COMMENT ON COLUMN bastion.setting_versions.reason IS 'Why it was stored, as its author said';
COMMENT ON COLUMN bastion.setting_versions.created_by IS 'The user who acted; NULL for an operator';
COMMENT ON COLUMN bastion.setting_versions.created_at IS 'When it was stored';
COMMENT ON COLUMN bastion.setting_versions.deleted_at IS 'When it was deleted; it can be restored until it is destroyed';
COMMENT ON COLUMN bastion.setting_versions.destroyed_at IS 'When its value was destroyed';
SELECT pg_extension_config_dump('bastion.setting_versions', '');
ALTER TABLE bastion.setting_versions ENABLE ROW LEVEL SECURITY;
-- A new version comes with a change of the setting.
CREATE TRIGGER setting_versions_invalidate AFTER UPDATE OR DELETE ON bastion.setting_versions
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('setting_id', 'setting_id');
CREATE TRIGGER setting_versions_invalidate_truncate AFTER TRUNCATE ON bastion.setting_versions
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('settings');
ALTER TABLE bastion.setting_versions ENABLE ALWAYS TRIGGER setting_versions_invalidate;
ALTER TABLE bastion.setting_versions ENABLE ALWAYS TRIGGER setting_versions_invalidate_truncate;

CREATE TABLE bastion.setting_changes (
    id bigint GENERATED ALWAYS AS IDENTITY,
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tenant_id uuid,
    setting_id uuid NOT NULL,
    environment text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    action text NOT NULL,
    version integer,
    from_version integer,
    reason text,
    request_id uuid,
    user_id uuid,
    actor_id uuid,
    api_key_id uuid,
    delegation_id uuid,
    role_name text NOT NULL DEFAULT session_user,
    CONSTRAINT setting_changes_pkey PRIMARY KEY (id),
    CONSTRAINT setting_changes_action_check CHECK (action IN ('put', 'rollback', 'update', 'version_delete', 'version_undelete', 'version_destroy', 'delete')),
    CONSTRAINT setting_changes_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id) ON DELETE CASCADE
);
CREATE INDEX setting_changes_tenant_id_idx ON bastion.setting_changes (tenant_id, key, id);
COMMENT ON TABLE bastion.setting_changes IS
'What was done to settings, when, by whom and why, also to those that are deleted. Nobody changes or deletes a row; those of a tenant end with it. Granted to nobody: setting_history() reads it';
COMMENT ON COLUMN bastion.setting_changes.id IS 'Order of writing';
COMMENT ON COLUMN bastion.setting_changes.occurred_at IS 'When it happened';
COMMENT ON COLUMN bastion.setting_changes.tenant_id IS 'The tenant; NULL for a setting of the installation';
COMMENT ON COLUMN bastion.setting_changes.setting_id IS 'The setting';
COMMENT ON COLUMN bastion.setting_changes.environment IS 'Its environment';
COMMENT ON COLUMN bastion.setting_changes.key IS 'Its key';
COMMENT ON COLUMN bastion.setting_changes.action IS 'put, rollback, update, version_delete, version_undelete, version_destroy or delete';
COMMENT ON COLUMN bastion.setting_changes.version IS 'The version; NULL for all';
COMMENT ON COLUMN bastion.setting_changes.from_version IS 'The version that a rollback took the value of';
COMMENT ON COLUMN bastion.setting_changes.reason IS 'Why, as the author said';
COMMENT ON COLUMN bastion.setting_changes.request_id IS 'The request that was approved, if any';
COMMENT ON COLUMN bastion.setting_changes.user_id IS 'The user of the context; NULL for an operator';
COMMENT ON COLUMN bastion.setting_changes.actor_id IS 'The user who acted; differs from user_id by a delegation and under impersonation';
COMMENT ON COLUMN bastion.setting_changes.api_key_id IS 'The API key, if any';
COMMENT ON COLUMN bastion.setting_changes.delegation_id IS 'The delegation, if any';
COMMENT ON COLUMN bastion.setting_changes.role_name IS 'The database role that had logged in';
SELECT pg_extension_config_dump('bastion.setting_changes', '');
SELECT pg_extension_config_dump('bastion.setting_changes_id_seq', '');
ALTER TABLE bastion.setting_changes ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION bastion_internal.keep_setting_changes() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.tenant_id IS NOT NULL AND NOT EXISTS (SELECT FROM bastion.tenants t WHERE t.id = OLD.tenant_id) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'bastion.setting_changes is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
COMMENT ON FUNCTION bastion_internal.keep_setting_changes() IS
'Trigger: refuses UPDATE, TRUNCATE and DELETE, by the owner too, but for the rows of a tenant that is deleted. SQLSTATE 42501.';
CREATE TRIGGER setting_changes_append_only BEFORE UPDATE OR DELETE ON bastion.setting_changes
FOR EACH ROW EXECUTE FUNCTION bastion_internal.keep_setting_changes();
CREATE TRIGGER setting_changes_append_only_truncate BEFORE TRUNCATE ON bastion.setting_changes
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.keep_setting_changes();
ALTER TABLE bastion.setting_changes ENABLE ALWAYS TRIGGER setting_changes_append_only;
ALTER TABLE bastion.setting_changes ENABLE ALWAYS TRIGGER setting_changes_append_only_truncate;
COMMENT ON TRIGGER setting_changes_append_only ON bastion.setting_changes IS 'Keeps rows as they were written';
COMMENT ON TRIGGER setting_changes_append_only_truncate ON bastion.setting_changes IS 'Keeps rows as they were written';

CREATE TABLE bastion.change_requests (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    target text NOT NULL,
    environment text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    action text NOT NULL,
    payload jsonb NOT NULL DEFAULT '{}',
    sealed bastion.sealed,
    target_id uuid,
    base_version integer NOT NULL,
    reason text,
    requested_by uuid NOT NULL,
    requesters uuid[] NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now(),
    state text NOT NULL DEFAULT 'open',
    decided_by uuid,
    decided_at timestamptz,
    decision_reason text,
    expires_at timestamptz NOT NULL,
    CONSTRAINT change_requests_pkey PRIMARY KEY (id),
    CONSTRAINT change_requests_action_check CHECK (CASE target
        WHEN 'setting' THEN action IN ('put', 'seal', 'rollback', 'update', 'version_delete', 'version_undelete', 'version_destroy', 'delete')
        WHEN 'flag' THEN action IN ('set', 'rollout', 'disable', 'delete', 'rollback', 'cancel', 'update') ELSE false END),
    CONSTRAINT change_requests_state_check CHECK (state IN ('open', 'applied', 'rejected')),
    CONSTRAINT change_requests_decided_check CHECK ((state = 'open') = (decided_at IS NULL)),
    CONSTRAINT change_requests_payload_check CHECK (jsonb_typeof(payload) = 'object' AND octet_length(payload::text) <= 1048576),
    CONSTRAINT change_requests_sealed_check CHECK (sealed IS NULL OR target = 'setting' AND action = 'seal'),
    CONSTRAINT change_requests_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id) ON DELETE CASCADE
);
CREATE INDEX change_requests_tenant_id_idx ON bastion.change_requests (tenant_id, requested_at);
COMMENT ON TABLE bastion.change_requests IS 'Requests for changes of settings and flags, which another person approves; granted to nobody: setting_request_list() and flag_request_list() read them';
COMMENT ON COLUMN bastion.change_requests.id IS 'Identifier; a sealed value is bound to it';
COMMENT ON COLUMN bastion.change_requests.tenant_id IS 'The tenant';
COMMENT ON COLUMN bastion.change_requests.target IS 'What is to be changed: setting or flag';
COMMENT ON COLUMN bastion.change_requests.environment IS 'The environment of the setting or flag';
COMMENT ON COLUMN bastion.change_requests.key IS 'Its key';
COMMENT ON COLUMN bastion.change_requests.action IS 'What is to be done, as setting_request() and flag_request() name it';
COMMENT ON COLUMN bastion.change_requests.payload IS 'The arguments of that, without a value to be sealed; for a flag also the definition that it gets';
COMMENT ON COLUMN bastion.change_requests.sealed IS 'The value to be sealed, sealed under the purpose bastion.settings; NULL once decided, or found expired';
COMMENT ON COLUMN bastion.change_requests.target_id IS 'The setting or flag at that time; NULL for a new one';
COMMENT ON COLUMN bastion.change_requests.base_version IS 'Its version at that time, which must still be the newest; 0 for a new one';
COMMENT ON COLUMN bastion.change_requests.reason IS 'Why, as the requester said';
COMMENT ON COLUMN bastion.change_requests.requested_by IS 'The user who acted';
COMMENT ON COLUMN bastion.change_requests.requesters IS 'All persons behind the request: the user, and who acted for that user';
COMMENT ON COLUMN bastion.change_requests.requested_at IS 'When it was made';
COMMENT ON COLUMN bastion.change_requests.state IS 'open, applied or rejected';
COMMENT ON COLUMN bastion.change_requests.decided_by IS 'The user who approved or rejected it';
COMMENT ON COLUMN bastion.change_requests.decided_at IS 'When';
COMMENT ON COLUMN bastion.change_requests.decision_reason IS 'Why, as that user said';
COMMENT ON COLUMN bastion.change_requests.expires_at IS 'Until when it can be approved';
SELECT pg_extension_config_dump('bastion.change_requests', '');
ALTER TABLE bastion.change_requests ENABLE ROW LEVEL SECURITY;


-- Feature flags: each change is a version with the time from which it holds, so that a scheduled change needs no process that makes it.
-- Versions are never changed or deleted, except with the tenant.

CREATE FUNCTION bastion_internal.require_flag(definition jsonb) RETURNS void
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_require_flag';
COMMENT ON FUNCTION bastion_internal.require_flag(jsonb) IS
'Raises unless it is the definition of a flag: state, variants, defaultVariant, targeting and metadata, as flagd has them.
SQLSTATE 22023, 22P02 for numbers beyond a double, 54000 for one that is too large or nested too deeply.';

CREATE TABLE bastion.flags (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    tenant_id uuid,
    environment text COLLATE "C" NOT NULL DEFAULT '*',
    key text COLLATE "C" NOT NULL,
    version integer NOT NULL DEFAULT 0,
    four_eyes boolean NOT NULL DEFAULT false,
    CONSTRAINT flags_pkey PRIMARY KEY (id),
    CONSTRAINT flags_key_key UNIQUE NULLS NOT DISTINCT (key, tenant_id, environment),
    CONSTRAINT flags_environment_check CHECK (bastion_internal.is_environment(environment)),
    CONSTRAINT flags_key_check CHECK (bastion_internal.is_name(key)),
    CONSTRAINT flags_version_check CHECK (version >= 0),
    CONSTRAINT flags_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id) ON DELETE CASCADE
);
CREATE INDEX flags_tenant_id_idx ON bastion.flags (tenant_id);
COMMENT ON TABLE bastion.flags IS 'Feature flags by key, of a tenant or of the installation, for one environment or all; granted to nobody';
COMMENT ON COLUMN bastion.flags.id IS 'Identifier';
COMMENT ON COLUMN bastion.flags.tenant_id IS 'The tenant; NULL for a flag of the installation, which holds where the tenant has none';
COMMENT ON COLUMN bastion.flags.environment IS 'The environment, or * for every one that has none of its own';
COMMENT ON COLUMN bastion.flags.key IS 'What applications call it';
COMMENT ON COLUMN bastion.flags.version IS 'The newest version';
COMMENT ON COLUMN bastion.flags.four_eyes IS 'Whether each change of this key in a tenant needs the approval of another person; one of the installation counts for all tenants';
SELECT pg_extension_config_dump('bastion.flags', '');
ALTER TABLE bastion.flags ENABLE ROW LEVEL SECURITY;
CREATE TRIGGER flags_invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON bastion.flags
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('flags');
ALTER TABLE bastion.flags ENABLE ALWAYS TRIGGER flags_invalidate;

CREATE TABLE bastion.flag_versions (
    flag_id uuid NOT NULL,
    version integer NOT NULL,
    definition jsonb,
    effective_at timestamptz NOT NULL,
    cancelled_at timestamptz,
    reason text,
    request_id uuid,
    created_by uuid,
    created_at timestamptz NOT NULL,
    CONSTRAINT flag_versions_pkey PRIMARY KEY (flag_id, version),
    CONSTRAINT flag_versions_version_check CHECK (version > 0),
    CONSTRAINT flag_versions_definition_check CHECK (jsonb_typeof(definition) = 'object'),
    CONSTRAINT flag_versions_reason_check CHECK (bastion_internal.is_label(reason)),
    CONSTRAINT flag_versions_flag_id_fkey FOREIGN KEY (flag_id) REFERENCES bastion.flags (id) ON DELETE CASCADE
);
COMMENT ON TABLE bastion.flag_versions IS 'What each flag was, is and will be; of those whose time has come, the last counts. Granted to nobody';
COMMENT ON COLUMN bastion.flag_versions.flag_id IS 'The flag';
COMMENT ON COLUMN bastion.flag_versions.version IS 'Number of the version, from 1';
COMMENT ON COLUMN bastion.flag_versions.definition IS 'State, variants, defaultVariant, targeting and metadata, in the form of flagd; NULL: the flag is deleted';
COMMENT ON COLUMN bastion.flag_versions.effective_at IS 'From when it holds';
COMMENT ON COLUMN bastion.flag_versions.cancelled_at IS 'When it was cancelled, before it held';
COMMENT ON COLUMN bastion.flag_versions.reason IS 'Why, in the words of the user who changed it';
COMMENT ON COLUMN bastion.flag_versions.request_id IS 'The request that was approved, if any';
COMMENT ON COLUMN bastion.flag_versions.created_by IS 'The user who changed it; NULL for an operator';
COMMENT ON COLUMN bastion.flag_versions.created_at IS 'When it was changed';
SELECT pg_extension_config_dump('bastion.flag_versions', '');
ALTER TABLE bastion.flag_versions ENABLE ROW LEVEL SECURITY;
CREATE TRIGGER flag_versions_invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON bastion.flag_versions
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('flags');
ALTER TABLE bastion.flag_versions ENABLE ALWAYS TRIGGER flag_versions_invalidate;

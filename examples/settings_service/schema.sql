-- A service for settings, flags and logins. Users, sessions and API keys are the extension's; settings with their history, feature
-- flags and profiles are tables. Run as a superuser in a database that has pg_bastion.

SELECT to_regrole('settings_service_owner') IS NULL AS no_owner, to_regrole('settings_service_app') IS NULL AS no_app \gset
\if :no_owner
CREATE ROLE settings_service_owner;
\endif
\if :no_app
CREATE ROLE settings_service_app LOGIN;
\endif
SELECT bastion.allow_migration_role('settings_service_owner');
SELECT bastion.allow_app_role('settings_service_app');

CREATE SCHEMA settings_service AUTHORIZATION settings_service_owner;
GRANT USAGE ON SCHEMA settings_service TO settings_service_app;
-- Triggers below ask for permissions and the user, in the name of the owner or of the application.
GRANT EXECUTE ON FUNCTION bastion.user_id(), bastion.has_permission(text) TO settings_service_owner;
SET ROLE settings_service_owner;
SET search_path = settings_service;

CREATE TABLE settings (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    environment text NOT NULL DEFAULT 'production' CHECK (environment IN ('development', 'staging', 'production')),
    category text NOT NULL CHECK (category ~ '^[a-z][a-z0-9_]{0,62}$'),
    key text NOT NULL CHECK (key ~ '^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$' AND length(key) <= 200),
    value jsonb,
    sealed_value bastion.sealed,
    description text,
    version integer NOT NULL DEFAULT 1,
    updated_by uuid,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK (num_nonnulls(value, sealed_value) = 1),
    UNIQUE (tenant_id, environment, key)
);

-- What every version was. It outlives the setting, hence no foreign key.
CREATE TABLE settings_history (
    tenant_id uuid NOT NULL,
    setting_id uuid NOT NULL,
    version integer NOT NULL,
    action text NOT NULL CHECK (action IN ('insert', 'update', 'delete')),
    environment text NOT NULL,
    key text NOT NULL,
    old_value jsonb,
    old_sealed bastion.sealed,
    new_value jsonb,
    new_sealed bastion.sealed,
    changed_by uuid,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (setting_id, version)
);
CREATE INDEX settings_history_tenant_id_key_idx ON settings_history (tenant_id, key, changed_at);

CREATE TABLE profiles (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    full_name text NOT NULL CHECK (full_name <> ''),
    department text,
    phone text CHECK (phone ~ '^\+[0-9 ]{4,20}$'),
    locale text NOT NULL DEFAULT 'en' CHECK (locale ~ '^[a-z]{2}(-[A-Z]{2})?$'),
    PRIMARY KEY (tenant_id, user_id)
);

-- The thirteen permissions are resource × read, write, delete and admin, and audit.read. Two more are what this database asks:
-- settings.open to open a sealed value, and audit.append, with which the trigger below writes history in the writer's name.
SELECT count(*) AS statements FROM (
    SELECT bastion.protect('settings', owner_column => 'updated_by', actions => '{"create": "write", "update": "write"}') UNION ALL
    SELECT bastion.protect('settings_history', owner_column => 'changed_by', resource => 'audit',
                           actions => '{"create": "append", "update": "append", "delete": "append"}') UNION ALL
    SELECT bastion.protect('profiles', owner_column => 'user_id', resource => 'users', actions => '{"create": "write", "update": "write"}')
) s;
SELECT bastion_internal.protect_resource('settings', '{admin, open}'), bastion_internal.protect_resource('feature_flags', '{read, write, delete, admin}'),
       bastion_internal.protect_resource('users', '{admin}');

GRANT SELECT, INSERT, UPDATE, DELETE ON settings, profiles TO settings_service_app;
GRANT SELECT ON settings_history TO settings_service_app;

CREATE FUNCTION require(permission text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Operators, who load data past every policy, have no identity.
    IF bastion.user_id() IS NOT NULL AND NOT bastion.has_permission(permission) THEN
        RAISE EXCEPTION 'permission denied: "%" is needed', permission USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;
COMMENT ON FUNCTION require(text) IS 'Raises SQLSTATE 42501 unless the user of this transaction holds a permission.';

CREATE FUNCTION before_setting() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.sealed_value IS NOT NULL OR TG_OP <> 'DELETE' AND NEW.sealed_value IS NOT NULL THEN
        PERFORM settings_service.require('settings.admin');
    END IF;
    IF TG_OP = 'DELETE' OR bastion.user_id() IS NULL THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    ELSIF TG_OP = 'INSERT' THEN
        NEW.version := 1;
    ELSE
        IF (NEW.id, NEW.environment, NEW.key) IS DISTINCT FROM (OLD.id, OLD.environment, OLD.key) THEN
            RAISE EXCEPTION 'a setting keeps its name' USING ERRCODE = 'insufficient_privilege';
        END IF;
        NEW.version := OLD.version + 1;
    END IF;
    NEW.updated_by := bastion.user_id();
    NEW.updated_at := now();
    RETURN NEW;
END
$$;
CREATE TRIGGER before_setting BEFORE INSERT OR UPDATE OR DELETE ON settings FOR EACH ROW EXECUTE FUNCTION before_setting();

-- As the owner of the table, because the application may not write history; the policies still ask what its user may. Without a
-- user, in rewrap_all() and tenant_delete(), nothing is recorded; who loads settings takes an identity with impersonate().
CREATE FUNCTION record_setting() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion.user_id() IS NULL THEN
        RETURN NULL;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO settings_service.settings_history (tenant_id, setting_id, version, action, environment, key, old_value, old_sealed)
        VALUES (OLD.tenant_id, OLD.id, OLD.version + 1, 'delete', OLD.environment, OLD.key, OLD.value, OLD.sealed_value);
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO settings_service.settings_history
            (tenant_id, setting_id, version, action, environment, key, old_value, old_sealed, new_value, new_sealed)
        VALUES (NEW.tenant_id, NEW.id, NEW.version, 'update', NEW.environment, NEW.key, OLD.value, OLD.sealed_value, NEW.value, NEW.sealed_value);
    ELSE
        INSERT INTO settings_service.settings_history (tenant_id, setting_id, version, action, environment, key, new_value, new_sealed)
        VALUES (NEW.tenant_id, NEW.id, NEW.version, 'insert', NEW.environment, NEW.key, NEW.value, NEW.sealed_value);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER record_setting AFTER INSERT OR UPDATE OR DELETE ON settings FOR EACH ROW EXECUTE FUNCTION record_setting();

CREATE FUNCTION before_profile() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.user_id IS DISTINCT FROM bastion.user_id() OR TG_OP = 'UPDATE' AND OLD.user_id IS DISTINCT FROM NEW.user_id THEN
        PERFORM settings_service.require('users.admin');
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER before_profile BEFORE INSERT OR UPDATE ON profiles FOR EACH ROW EXECUTE FUNCTION before_profile();

-- What the service answers. All of it runs with the rights of its caller.

CREATE FUNCTION put_setting(key text, value jsonb, category text DEFAULT 'general', environment text DEFAULT 'production') RETURNS integer
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO settings_service.settings AS s (environment, category, key, value)
    VALUES (put_setting.environment, put_setting.category, put_setting.key, put_setting.value)
    ON CONFLICT ON CONSTRAINT settings_tenant_id_environment_key_key DO UPDATE SET value = excluded.value, sealed_value = NULL
    RETURNING s.version
$$;
COMMENT ON FUNCTION put_setting(text, jsonb, text, text) IS 'Makes or changes a setting; returns its version. Needs settings.write.';

CREATE FUNCTION put_sensitive_setting(key text, value text, category text DEFAULT 'general', environment text DEFAULT 'production')
RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    setting uuid := coalesce((SELECT s.id FROM settings_service.settings s
                              WHERE s.environment = put_sensitive_setting.environment AND s.key = put_sensitive_setting.key), gen_random_uuid());
    sealed bastion.sealed := bastion.seal(put_sensitive_setting.value, 'settings', setting::text);
    new_version integer;
BEGIN
    INSERT INTO settings_service.settings AS s (id, environment, category, key, sealed_value)
    VALUES (setting, put_sensitive_setting.environment, put_sensitive_setting.category, put_sensitive_setting.key, sealed)
    ON CONFLICT (id) DO UPDATE SET value = NULL, sealed_value = excluded.sealed_value
    RETURNING s.version INTO new_version;
    RETURN new_version;
END
$$;
COMMENT ON FUNCTION put_sensitive_setting(text, text, text, text) IS
'Makes or changes a setting whose value is sealed, bound to the setting; returns its version. Needs settings.write and settings.admin. Send the value as a parameter.';

CREATE FUNCTION setting(key text, environment text DEFAULT 'production') RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN s.sealed_value IS NULL THEN s.value #>> '{}' ELSE bastion.open_text(s.sealed_value, s.id::text) END
    FROM settings_service.settings s WHERE s.environment = setting.environment AND s.key = setting.key
$$;
COMMENT ON FUNCTION setting(text, text) IS 'The value of a setting; NULL when there is none. Needs settings.read, and settings.open for a sealed one (42501).';

CREATE FUNCTION roll_back_setting(key text, version integer, environment text DEFAULT 'production') RETURNS integer
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE settings_service.settings s SET value = h.new_value, sealed_value = h.new_sealed
    FROM settings_service.settings_history h
    WHERE s.environment = roll_back_setting.environment AND s.key = roll_back_setting.key
      AND h.tenant_id = s.tenant_id AND h.setting_id = s.id AND h.version = roll_back_setting.version
    RETURNING s.version
$$;
COMMENT ON FUNCTION roll_back_setting(text, integer, text) IS
'Gives a setting the value that it had in an earlier version, as a new version, which it returns; NULL when there is none. A sealed value stays sealed on the way. Needs settings.write and audit.read.';

RESET search_path;
RESET ROLE;

-- Flags are the extension's. Of a superuser, because the extension lets only members with tenant.flags.manage change them, and this
-- system has permissions of its own: write, and for production admin.
CREATE FUNCTION settings_service.require_flags(permission text, environment text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion.tenant_id() IS NULL OR environment IS NULL OR environment NOT IN ('development', 'staging', 'production') THEN
        RAISE EXCEPTION 'no environment of flags' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM settings_service.require('feature_flags.' || permission);
    IF permission <> 'read' AND environment = 'production' THEN
        PERFORM settings_service.require('feature_flags.admin');
    END IF;
    RETURN bastion.tenant_id()::text;
END
$$;
COMMENT ON FUNCTION settings_service.require_flags(text, text) IS 'The tenant, in whose environment the user holds the permission on flags. SQLSTATE 42501.';

CREATE FUNCTION settings_service.put_flag(key text, enabled boolean, rollout_percentage numeric DEFAULT 100, target_users text[] DEFAULT '{}',
                                          target_roles text[] DEFAULT '{}', environment text DEFAULT 'production') RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant text := settings_service.require_flags('write', environment);
BEGIN
    PERFORM bastion.flag_set_for(tenant, key, jsonb_build_object('state', CASE WHEN enabled THEN 'ENABLED' ELSE 'DISABLED' END,
        'variants', '{"on": true, "off": false}'::jsonb, 'defaultVariant', 'off'), environment);
    RETURN bastion.flag_rollout_for(tenant, key, 'on', rollout_percentage, target_users, target_roles, environment);
END
$$;
COMMENT ON FUNCTION settings_service.put_flag(text, boolean, numeric, text[], text[], text) IS
'Makes or changes a flag; returns its version. Needs feature_flags.write, and for production feature_flags.admin.';

CREATE FUNCTION settings_service.drop_flag(key text, environment text DEFAULT 'production') RETURNS integer
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion.flag_delete_for(settings_service.require_flags('delete', drop_flag.environment), drop_flag.key, drop_flag.environment) $$;
COMMENT ON FUNCTION settings_service.drop_flag(text, text) IS 'Deletes a flag. Needs feature_flags.delete, and for production feature_flags.admin.';

CREATE FUNCTION settings_service.flags(environment text DEFAULT 'production') RETURNS TABLE (key text, definition jsonb)
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT f.key, f.definition FROM bastion.flag_list_for(settings_service.require_flags('read', flags.environment), flags.environment) f $$;
COMMENT ON FUNCTION settings_service.flags(text) IS 'Lists the flags of an environment. Needs feature_flags.read.';

-- One database serves all environments here, so that each request says which one it means.
CREATE FUNCTION settings_service.flag(key text, environment text DEFAULT 'production') RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    before text := current_setting('bastion.environment');
    answer boolean;
BEGIN
    PERFORM set_config('bastion.environment', environment, true);
    answer := bastion.flag_boolean(key, false);
    PERFORM set_config('bastion.environment', before, true);
    RETURN answer;
END
$$;
COMMENT ON FUNCTION settings_service.flag(text, text) IS
'Whether a flag is on for the user of this transaction: enabled, and the user or a role of theirs is targeted, or the user is in the share of the rollout, always the same for a key and user. False for an unknown flag.';

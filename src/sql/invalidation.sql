
-- Tells every backend which cached rights and keys are stale. ENABLE ALWAYS, so that rows applied by logical replication
-- count too. Where a new row cannot change what anybody holds (a tenant, unit or role without members) it says nothing,
-- and neither does a login: a sign-up would otherwise empty the caches of all backends.

CREATE FUNCTION bastion.invalidate() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_invalidate';
COMMENT ON FUNCTION bastion.invalidate() IS
'Trigger: when the transaction commits, cached rights or keys are dropped everywhere. Arguments: ''user'' and the column that names the user, ''all'', or ''keys''.';

CREATE TRIGGER users_invalidate AFTER INSERT OR DELETE ON bastion.users
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('user', 'id');
CREATE TRIGGER users_invalidate_update AFTER UPDATE ON bastion.users
FOR EACH ROW WHEN (ROW(OLD.id, OLD.status) IS DISTINCT FROM ROW(NEW.id, NEW.status))
EXECUTE FUNCTION bastion.invalidate('user', 'id');
CREATE TRIGGER users_invalidate_truncate AFTER TRUNCATE ON bastion.users
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.users ENABLE ALWAYS TRIGGER users_invalidate;
ALTER TABLE bastion.users ENABLE ALWAYS TRIGGER users_invalidate_update;
ALTER TABLE bastion.users ENABLE ALWAYS TRIGGER users_invalidate_truncate;

CREATE TRIGGER memberships_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.memberships
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('user', 'user_id');
CREATE TRIGGER memberships_invalidate_truncate AFTER TRUNCATE ON bastion.memberships
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.memberships ENABLE ALWAYS TRIGGER memberships_invalidate;
ALTER TABLE bastion.memberships ENABLE ALWAYS TRIGGER memberships_invalidate_truncate;

CREATE TRIGGER tenants_invalidate AFTER DELETE ON bastion.tenants
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('all');
CREATE TRIGGER tenants_invalidate_update AFTER UPDATE ON bastion.tenants
FOR EACH ROW WHEN (ROW(OLD.id, OLD.number, OLD.slug, OLD.status) IS DISTINCT FROM
                   ROW(NEW.id, NEW.number, NEW.slug, NEW.status))
EXECUTE FUNCTION bastion.invalidate('all');
CREATE TRIGGER tenants_invalidate_truncate AFTER TRUNCATE ON bastion.tenants
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.tenants ENABLE ALWAYS TRIGGER tenants_invalidate;
ALTER TABLE bastion.tenants ENABLE ALWAYS TRIGGER tenants_invalidate_update;
ALTER TABLE bastion.tenants ENABLE ALWAYS TRIGGER tenants_invalidate_truncate;

CREATE TRIGGER units_invalidate AFTER DELETE ON bastion.units
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('all');
CREATE TRIGGER units_invalidate_update AFTER UPDATE ON bastion.units
FOR EACH ROW WHEN (ROW(OLD.id, OLD.tenant_id, OLD.slug) IS DISTINCT FROM
                   ROW(NEW.id, NEW.tenant_id, NEW.slug))
EXECUTE FUNCTION bastion.invalidate('all');
CREATE TRIGGER units_invalidate_truncate AFTER TRUNCATE ON bastion.units
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.units ENABLE ALWAYS TRIGGER units_invalidate;
ALTER TABLE bastion.units ENABLE ALWAYS TRIGGER units_invalidate_update;
ALTER TABLE bastion.units ENABLE ALWAYS TRIGGER units_invalidate_truncate;

CREATE TRIGGER unit_parents_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.unit_parents
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('all');
CREATE TRIGGER unit_parents_invalidate_truncate AFTER TRUNCATE ON bastion.unit_parents
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.unit_parents ENABLE ALWAYS TRIGGER unit_parents_invalidate;
ALTER TABLE bastion.unit_parents ENABLE ALWAYS TRIGGER unit_parents_invalidate_truncate;

CREATE TRIGGER roles_invalidate AFTER UPDATE OR DELETE ON bastion.roles
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('all');
CREATE TRIGGER roles_invalidate_truncate AFTER TRUNCATE ON bastion.roles
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.roles ENABLE ALWAYS TRIGGER roles_invalidate;
ALTER TABLE bastion.roles ENABLE ALWAYS TRIGGER roles_invalidate_truncate;

CREATE TRIGGER role_permissions_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.role_permissions
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('all');
CREATE TRIGGER role_permissions_invalidate_truncate AFTER TRUNCATE ON bastion.role_permissions
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.role_permissions ENABLE ALWAYS TRIGGER role_permissions_invalidate;
ALTER TABLE bastion.role_permissions ENABLE ALWAYS TRIGGER role_permissions_invalidate_truncate;

CREATE TRIGGER role_parents_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.role_parents
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('all');
CREATE TRIGGER role_parents_invalidate_truncate AFTER TRUNCATE ON bastion.role_parents
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.role_parents ENABLE ALWAYS TRIGGER role_parents_invalidate;
ALTER TABLE bastion.role_parents ENABLE ALWAYS TRIGGER role_parents_invalidate_truncate;

CREATE TRIGGER user_permissions_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.user_permissions
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('user', 'user_id');
CREATE TRIGGER user_permissions_invalidate_truncate AFTER TRUNCATE ON bastion.user_permissions
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.user_permissions ENABLE ALWAYS TRIGGER user_permissions_invalidate;
ALTER TABLE bastion.user_permissions ENABLE ALWAYS TRIGGER user_permissions_invalidate_truncate;

CREATE TRIGGER platform_roles_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.platform_roles
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('user', 'user_id');
CREATE TRIGGER platform_roles_invalidate_truncate AFTER TRUNCATE ON bastion.platform_roles
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.platform_roles ENABLE ALWAYS TRIGGER platform_roles_invalidate;
ALTER TABLE bastion.platform_roles ENABLE ALWAYS TRIGGER platform_roles_invalidate_truncate;

-- Who holds a role in every tenant holds it in a new one, which may have been asked for in vain.
CREATE FUNCTION bastion.has_platform_roles() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT FROM bastion.platform_roles) $$;
COMMENT ON FUNCTION bastion.has_platform_roles() IS 'Whether any user holds a role in every tenant. Internal.';

CREATE TRIGGER tenants_invalidate_insert AFTER INSERT ON bastion.tenants
FOR EACH ROW WHEN (bastion.has_platform_roles()) EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.tenants ENABLE ALWAYS TRIGGER tenants_invalidate_insert;

-- A new default list concerns everybody who holds something in the whole tenant. A sign-up makes its lists before its first
-- member.
CREATE FUNCTION bastion.tenant_in_use(tenant_id uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion.has_platform_roles()
        OR EXISTS (SELECT FROM bastion.memberships m WHERE m.tenant_id = tenant_in_use.tenant_id)
$$;
COMMENT ON FUNCTION bastion.tenant_in_use(uuid) IS 'Whether anybody may have rights in a tenant. Internal.';

CREATE TRIGGER acls_invalidate AFTER UPDATE OR DELETE ON bastion.acls
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('all');
CREATE TRIGGER acls_invalidate_insert AFTER INSERT ON bastion.acls
FOR EACH ROW WHEN (bastion.tenant_in_use(NEW.tenant_id)) EXECUTE FUNCTION bastion.invalidate('all');
CREATE TRIGGER acls_invalidate_insert_user AFTER INSERT ON bastion.acls
FOR EACH ROW WHEN (NEW.kind = 'user') EXECUTE FUNCTION bastion.invalidate('user', 'user_id');
CREATE TRIGGER acls_invalidate_truncate AFTER TRUNCATE ON bastion.acls
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.acls ENABLE ALWAYS TRIGGER acls_invalidate;
ALTER TABLE bastion.acls ENABLE ALWAYS TRIGGER acls_invalidate_insert;
ALTER TABLE bastion.acls ENABLE ALWAYS TRIGGER acls_invalidate_insert_user;
ALTER TABLE bastion.acls ENABLE ALWAYS TRIGGER acls_invalidate_truncate;

-- A share with one user concerns that one.
CREATE TRIGGER acl_entries_invalidate_insert AFTER INSERT ON bastion.acl_entries
FOR EACH ROW WHEN (NEW.subject_kind <> 'user') EXECUTE FUNCTION bastion.invalidate('all');
CREATE TRIGGER acl_entries_invalidate_insert_user AFTER INSERT ON bastion.acl_entries
FOR EACH ROW WHEN (NEW.subject_kind = 'user') EXECUTE FUNCTION bastion.invalidate('user', 'subject_id');
CREATE TRIGGER acl_entries_invalidate_update AFTER UPDATE ON bastion.acl_entries
FOR EACH ROW WHEN (OLD.subject_kind <> 'user' OR NEW.subject_kind <> 'user') EXECUTE FUNCTION bastion.invalidate('all');
CREATE TRIGGER acl_entries_invalidate_update_user AFTER UPDATE ON bastion.acl_entries
FOR EACH ROW WHEN (OLD.subject_kind = 'user' AND NEW.subject_kind = 'user')
EXECUTE FUNCTION bastion.invalidate('user', 'subject_id');
CREATE TRIGGER acl_entries_invalidate_delete AFTER DELETE ON bastion.acl_entries
FOR EACH ROW WHEN (OLD.subject_kind <> 'user') EXECUTE FUNCTION bastion.invalidate('all');
CREATE TRIGGER acl_entries_invalidate_delete_user AFTER DELETE ON bastion.acl_entries
FOR EACH ROW WHEN (OLD.subject_kind = 'user') EXECUTE FUNCTION bastion.invalidate('user', 'subject_id');
CREATE TRIGGER acl_entries_invalidate_truncate AFTER TRUNCATE ON bastion.acl_entries
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.acl_entries ENABLE ALWAYS TRIGGER acl_entries_invalidate_insert;
ALTER TABLE bastion.acl_entries ENABLE ALWAYS TRIGGER acl_entries_invalidate_insert_user;
ALTER TABLE bastion.acl_entries ENABLE ALWAYS TRIGGER acl_entries_invalidate_update;
ALTER TABLE bastion.acl_entries ENABLE ALWAYS TRIGGER acl_entries_invalidate_update_user;
ALTER TABLE bastion.acl_entries ENABLE ALWAYS TRIGGER acl_entries_invalidate_delete;
ALTER TABLE bastion.acl_entries ENABLE ALWAYS TRIGGER acl_entries_invalidate_delete_user;
ALTER TABLE bastion.acl_entries ENABLE ALWAYS TRIGGER acl_entries_invalidate_truncate;

CREATE TRIGGER level_actions_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.level_actions
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('all');
CREATE TRIGGER level_actions_invalidate_truncate AFTER TRUNCATE ON bastion.level_actions
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.level_actions ENABLE ALWAYS TRIGGER level_actions_invalidate;
ALTER TABLE bastion.level_actions ENABLE ALWAYS TRIGGER level_actions_invalidate_truncate;

CREATE TRIGGER permissions_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.permissions
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('all');
CREATE TRIGGER permissions_invalidate_truncate AFTER TRUNCATE ON bastion.permissions
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.permissions ENABLE ALWAYS TRIGGER permissions_invalidate;
ALTER TABLE bastion.permissions ENABLE ALWAYS TRIGGER permissions_invalidate_truncate;

CREATE TRIGGER signing_keys_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.signing_keys
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('keys');
CREATE TRIGGER signing_keys_invalidate_truncate AFTER TRUNCATE ON bastion.signing_keys
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('keys');
ALTER TABLE bastion.signing_keys ENABLE ALWAYS TRIGGER signing_keys_invalidate;
ALTER TABLE bastion.signing_keys ENABLE ALWAYS TRIGGER signing_keys_invalidate_truncate;

CREATE TRIGGER data_keys_invalidate AFTER UPDATE OR DELETE ON bastion.data_keys
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('keys');
CREATE TRIGGER data_keys_invalidate_truncate AFTER TRUNCATE ON bastion.data_keys
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('keys');
ALTER TABLE bastion.data_keys ENABLE ALWAYS TRIGGER data_keys_invalidate;
ALTER TABLE bastion.data_keys ENABLE ALWAYS TRIGGER data_keys_invalidate_truncate;

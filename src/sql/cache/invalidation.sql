
-- Tells every backend which cached rights and keys are stale. ENABLE ALWAYS, so that rows applied by logical replication
-- count too, and unconditional wherever a condition would read other tables: what it finds may change before it commits.
--
-- What is cached are the rights and sets of a user in a tenant, under the concerns that bastion.rights_concerns() lists when
-- they are read. A refusal is not cached. So a change must name something that was on the list before it; what is new
-- comes on it when the rights are read again. A membership that leads to a role that inherits from another: whoever changes
-- the last names the last, whoever unlinks it names the second, whoever ends the membership names the user, and the first
-- change on the way from the user is always of something listed. The text beside each table says why its scope suffices.

CREATE FUNCTION bastion.invalidate() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_invalidate';
COMMENT ON FUNCTION bastion.invalidate() IS
'Trigger: when the transaction commits, what is cached of the rights that the row concerns is dropped everywhere. Arguments: a scope and the columns that name its ids, then the next scope. With one column: user; role (who holds it, in any tenant); tenant (what the tenant itself is, for its members); place (the units and lists of a tenant, for who works in it); list (an access control list, for its user); managers (who manages the rows of everybody in a tenant); subject (with whom rows are shared). With two: subject_in (a role that every tenant can use, and the tenant of the rows). Without: platform (who holds a role in every tenant), all, keys. Beside rights: session and api_key with one column, sessions and api_keys without. NULL in a column names nothing.';

-- Rights depend on the status of their own user and of no other. A deleted user takes memberships, grants and shares along,
-- which speak for themselves, and leaves the own lists behind, which is an UPDATE of acls. A login changes nothing.
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

-- A membership gives its user a role and nobody else anything. The list that it brings along is an INSERT into acls.
CREATE TRIGGER memberships_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.memberships
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('user', 'user_id');
CREATE TRIGGER memberships_invalidate_truncate AFTER TRUNCATE ON bastion.memberships
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.memberships ENABLE ALWAYS TRIGGER memberships_invalidate;
ALTER TABLE bastion.memberships ENABLE ALWAYS TRIGGER memberships_invalidate_truncate;

-- Status and number concern who works there and who is a member, in whatever tenant they work: can_in_tenant() asks over all
-- memberships. The slug is how the tenant was asked for; one that was refused was not cached. Who holds a role in every tenant
-- holds it in a new one. Another tenant cannot see the change: its users have no more than shares of lists, and these are apart.
CREATE TRIGGER tenants_invalidate AFTER INSERT OR DELETE ON bastion.tenants
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('tenant', 'id', 'platform');
CREATE TRIGGER tenants_invalidate_update AFTER UPDATE ON bastion.tenants
FOR EACH ROW WHEN (ROW(OLD.id, OLD.number, OLD.slug, OLD.status, OLD.acl_id) IS DISTINCT FROM
                   ROW(NEW.id, NEW.number, NEW.slug, NEW.status, NEW.acl_id))
EXECUTE FUNCTION bastion.invalidate('tenant', 'id', 'platform');
CREATE TRIGGER tenants_invalidate_truncate AFTER TRUNCATE ON bastion.tenants
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.tenants ENABLE ALWAYS TRIGGER tenants_invalidate;
ALTER TABLE bastion.tenants ENABLE ALWAYS TRIGGER tenants_invalidate_update;
ALTER TABLE bastion.tenants ENABLE ALWAYS TRIGGER tenants_invalidate_truncate;

-- Who may something in the whole tenant may it on the list of each unit, so a new one concerns them. Units of other tenants
-- matter to nobody: a share of rows with a unit reaches those who work in the tenant of that unit.
CREATE TRIGGER units_invalidate AFTER INSERT OR DELETE ON bastion.units
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('place', 'tenant_id');
CREATE TRIGGER units_invalidate_update AFTER UPDATE ON bastion.units
FOR EACH ROW WHEN (ROW(OLD.id, OLD.tenant_id, OLD.slug, OLD.acl_id) IS DISTINCT FROM
                   ROW(NEW.id, NEW.tenant_id, NEW.slug, NEW.acl_id))
EXECUTE FUNCTION bastion.invalidate('place', 'tenant_id');
CREATE TRIGGER units_invalidate_truncate AFTER TRUNCATE ON bastion.units
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.units ENABLE ALWAYS TRIGGER units_invalidate;
ALTER TABLE bastion.units ENABLE ALWAYS TRIGGER units_invalidate_update;
ALTER TABLE bastion.units ENABLE ALWAYS TRIGGER units_invalidate_truncate;

-- Both units are of one tenant.
CREATE TRIGGER unit_parents_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.unit_parents
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('place', 'tenant_id');
CREATE TRIGGER unit_parents_invalidate_truncate AFTER TRUNCATE ON bastion.unit_parents
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.unit_parents ENABLE ALWAYS TRIGGER unit_parents_invalidate;
ALTER TABLE bastion.unit_parents ENABLE ALWAYS TRIGGER unit_parents_invalidate_truncate;

-- What is read of the tree. It follows units and unit_parents, and an operator may build it anew.
CREATE TRIGGER unit_closure_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.unit_closure
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('place', 'tenant_id');
CREATE TRIGGER unit_closure_invalidate_truncate AFTER TRUNCATE ON bastion.unit_closure
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.unit_closure ENABLE ALWAYS TRIGGER unit_closure_invalidate;
ALTER TABLE bastion.unit_closure ENABLE ALWAYS TRIGGER unit_closure_invalidate_truncate;

-- A new role is held by nobody. A role stays in its tenant.
CREATE TRIGGER roles_invalidate AFTER UPDATE OR DELETE ON bastion.roles
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('role', 'id');
CREATE TRIGGER roles_invalidate_truncate AFTER TRUNCATE ON bastion.roles
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.roles ENABLE ALWAYS TRIGGER roles_invalidate;
ALTER TABLE bastion.roles ENABLE ALWAYS TRIGGER roles_invalidate_truncate;

-- Who holds the role has it, and every role on the way to it, on the list: through any membership, in whatever tenant, because
-- can_in_tenant() asks over all, or in every tenant.
CREATE TRIGGER role_permissions_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.role_permissions
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('role', 'role_id');
CREATE TRIGGER role_permissions_invalidate_truncate AFTER TRUNCATE ON bastion.role_permissions
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.role_permissions ENABLE ALWAYS TRIGGER role_permissions_invalidate;
ALTER TABLE bastion.role_permissions ENABLE ALWAYS TRIGGER role_permissions_invalidate_truncate;

-- Who holds the role that inherits. What is inherited comes on the list with the next reading.
CREATE TRIGGER role_parents_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.role_parents
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('role', 'role_id');
CREATE TRIGGER role_parents_invalidate_truncate AFTER TRUNCATE ON bastion.role_parents
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.role_parents ENABLE ALWAYS TRIGGER role_parents_invalidate;
ALTER TABLE bastion.role_parents ENABLE ALWAYS TRIGGER role_parents_invalidate_truncate;

-- Of one user.
CREATE TRIGGER user_permissions_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.user_permissions
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('user', 'user_id');
CREATE TRIGGER user_permissions_invalidate_truncate AFTER TRUNCATE ON bastion.user_permissions
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.user_permissions ENABLE ALWAYS TRIGGER user_permissions_invalidate;
ALTER TABLE bastion.user_permissions ENABLE ALWAYS TRIGGER user_permissions_invalidate_truncate;

-- Of one user.
CREATE TRIGGER platform_roles_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.platform_roles
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('user', 'user_id');
CREATE TRIGGER platform_roles_invalidate_truncate AFTER TRUNCATE ON bastion.platform_roles
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.platform_roles ENABLE ALWAYS TRIGGER platform_roles_invalidate;
ALTER TABLE bastion.platform_roles ENABLE ALWAYS TRIGGER platform_roles_invalidate_truncate;

CREATE FUNCTION bastion.is_list_of_user(acl_id bigint) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT FROM bastion.acls a WHERE a.id = is_list_of_user.acl_id AND a.kind = 'user') $$;
COMMENT ON FUNCTION bastion.is_list_of_user(bigint) IS 'Whether this is the default access control list of a user. Internal.';

-- A list of a tenant or unit, and that of a row which had one of these before, concern everybody who works there.
CREATE TRIGGER acls_invalidate_insert AFTER INSERT ON bastion.acls
FOR EACH ROW WHEN (NEW.kind IN ('tenant', 'unit') OR NEW.base_acl_id IS NOT NULL AND NOT bastion.is_list_of_user(NEW.base_acl_id))
EXECUTE FUNCTION bastion.invalidate('place', 'tenant_id');
-- The list of a user concerns that user, and that of a row which had it before, whoever the user's list concerns: the user,
-- and with whom it is shared. Both concern who manages the rows of everybody. The kind of a list never changes, so that
-- reading it here cannot be outrun.
CREATE TRIGGER acls_invalidate_insert_own AFTER INSERT ON bastion.acls
FOR EACH ROW WHEN (NEW.kind IN ('user', 'row'))
EXECUTE FUNCTION bastion.invalidate('user', 'user_id', 'list', 'base_acl_id', 'managers', 'tenant_id');
-- Rare. Of another tenant than the own, sets hold lists of rows that are shared, and their shares go with them, and those of
-- rows whose default list is shared: who has such a share has the place on the list.
CREATE TRIGGER acls_invalidate AFTER UPDATE OR DELETE ON bastion.acls
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('place', 'tenant_id', 'user', 'user_id');
CREATE TRIGGER acls_invalidate_truncate AFTER TRUNCATE ON bastion.acls
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.acls ENABLE ALWAYS TRIGGER acls_invalidate_insert;
ALTER TABLE bastion.acls ENABLE ALWAYS TRIGGER acls_invalidate_insert_own;
ALTER TABLE bastion.acls ENABLE ALWAYS TRIGGER acls_invalidate;
ALTER TABLE bastion.acls ENABLE ALWAYS TRIGGER acls_invalidate_truncate;

-- Whom it reaches, and in whatever tenant they work, with the tenant of the rows for a role that every tenant can use: its
-- holders elsewhere have nothing of it. A new subject of somebody, a membership for one, comes with that one's own message;
-- a unit moved above theirs, with that of the tree. Its end is in rights_valid_until(), read with the concerns.
CREATE TRIGGER acl_entries_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.acl_entries
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('subject', 'subject_id', 'subject_in', 'subject_id', 'tenant_id');
CREATE TRIGGER acl_entries_invalidate_truncate AFTER TRUNCATE ON bastion.acl_entries
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.acl_entries ENABLE ALWAYS TRIGGER acl_entries_invalidate;
ALTER TABLE bastion.acl_entries ENABLE ALWAYS TRIGGER acl_entries_invalidate_truncate;

-- What every share means.
CREATE TRIGGER level_actions_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.level_actions
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('all');
CREATE TRIGGER level_actions_invalidate_truncate AFTER TRUNCATE ON bastion.level_actions
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('all');
ALTER TABLE bastion.level_actions ENABLE ALWAYS TRIGGER level_actions_invalidate;
ALTER TABLE bastion.level_actions ENABLE ALWAYS TRIGGER level_actions_invalidate_truncate;

-- What every pattern covers.
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

CREATE TRIGGER peppers_invalidate AFTER UPDATE OR DELETE ON bastion.peppers
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('keys');
CREATE TRIGGER peppers_invalidate_truncate AFTER TRUNCATE ON bastion.peppers
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('keys');
ALTER TABLE bastion.peppers ENABLE ALWAYS TRIGGER peppers_invalidate;
ALTER TABLE bastion.peppers ENABLE ALWAYS TRIGGER peppers_invalidate_truncate;

-- A new session is in no cache, and a refresh changes nothing that is.
CREATE TRIGGER sessions_invalidate AFTER DELETE ON bastion.sessions
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('session', 'id');
CREATE TRIGGER sessions_invalidate_update AFTER UPDATE ON bastion.sessions
FOR EACH ROW WHEN (ROW(OLD.id, OLD.user_id, OLD.expires_at, OLD.revoked_at) IS DISTINCT FROM
                   ROW(NEW.id, NEW.user_id, NEW.expires_at, NEW.revoked_at))
EXECUTE FUNCTION bastion.invalidate('session', 'id');
CREATE TRIGGER sessions_invalidate_truncate AFTER TRUNCATE ON bastion.sessions
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('sessions');
ALTER TABLE bastion.sessions ENABLE ALWAYS TRIGGER sessions_invalidate;
ALTER TABLE bastion.sessions ENABLE ALWAYS TRIGGER sessions_invalidate_update;
ALTER TABLE bastion.sessions ENABLE ALWAYS TRIGGER sessions_invalidate_truncate;

-- A new key is in no cache; a new secret of an old one is found when it is used.
CREATE TRIGGER api_keys_invalidate AFTER DELETE ON bastion.api_keys
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('api_key', 'id');
CREATE TRIGGER api_keys_invalidate_update AFTER UPDATE ON bastion.api_keys
FOR EACH ROW WHEN (ROW(OLD.id, OLD.user_id, OLD.tenant_id, OLD.unit_id, OLD.scopes, OLD.cidrs, OLD.expires_at, OLD.disabled,
                       OLD.revoked_at) IS DISTINCT FROM
                   ROW(NEW.id, NEW.user_id, NEW.tenant_id, NEW.unit_id, NEW.scopes, NEW.cidrs, NEW.expires_at, NEW.disabled,
                       NEW.revoked_at))
EXECUTE FUNCTION bastion.invalidate('api_key', 'id');
CREATE TRIGGER api_keys_invalidate_truncate AFTER TRUNCATE ON bastion.api_keys
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('api_keys');
ALTER TABLE bastion.api_keys ENABLE ALWAYS TRIGGER api_keys_invalidate;
ALTER TABLE bastion.api_keys ENABLE ALWAYS TRIGGER api_keys_invalidate_update;
ALTER TABLE bastion.api_keys ENABLE ALWAYS TRIGGER api_keys_invalidate_truncate;

CREATE TRIGGER api_key_secrets_invalidate AFTER UPDATE OR DELETE ON bastion.api_key_secrets
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('api_key', 'key_id');
CREATE TRIGGER api_key_secrets_invalidate_truncate AFTER TRUNCATE ON bastion.api_key_secrets
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('api_keys');
ALTER TABLE bastion.api_key_secrets ENABLE ALWAYS TRIGGER api_key_secrets_invalidate;
ALTER TABLE bastion.api_key_secrets ENABLE ALWAYS TRIGGER api_key_secrets_invalidate_truncate;

CREATE TRIGGER issuers_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.issuers
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('keys');
CREATE TRIGGER issuers_invalidate_truncate AFTER TRUNCATE ON bastion.issuers
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('keys');
ALTER TABLE bastion.issuers ENABLE ALWAYS TRIGGER issuers_invalidate;
ALTER TABLE bastion.issuers ENABLE ALWAYS TRIGGER issuers_invalidate_truncate;

-- A subject that is not known is not remembered, so a new one sends nothing.
CREATE TRIGGER user_identities_invalidate AFTER UPDATE OR DELETE ON bastion.user_identities
FOR EACH ROW EXECUTE FUNCTION bastion.invalidate('keys');
CREATE TRIGGER user_identities_invalidate_truncate AFTER TRUNCATE ON bastion.user_identities
FOR EACH STATEMENT EXECUTE FUNCTION bastion.invalidate('keys');
ALTER TABLE bastion.user_identities ENABLE ALWAYS TRIGGER user_identities_invalidate;
ALTER TABLE bastion.user_identities ENABLE ALWAYS TRIGGER user_identities_invalidate_truncate;

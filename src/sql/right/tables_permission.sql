
-- Permissions, the roles that hold them, and the memberships that give roles to users.

CREATE FUNCTION bastion_internal.covering_patterns(resource text, action text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH words AS (SELECT string_to_array(resource, '.') AS list)
    SELECT ARRAY[resource || '.' || action]
        || ARRAY(SELECT array_to_string(list[1:n], '.') || '.*' FROM words, generate_series(1, cardinality(list)) n)
        || CASE WHEN bastion_internal.is_reserved_resource(resource) THEN '{}' ELSE ARRAY['*', '*.' || action] END
$$;
COMMENT ON FUNCTION bastion_internal.covering_patterns(text, text) IS
'The patterns that cover a permission: its name, the patterns for each part of the resource and, unless it belongs to the extension, * and *.action.';

CREATE TABLE bastion.permissions (
    name text COLLATE "C" GENERATED ALWAYS AS (resource || '.' || action) STORED,
    resource text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL,
    system boolean NOT NULL DEFAULT false,
    description text,
    patterns text[] COLLATE "C" GENERATED ALWAYS AS (bastion_internal.covering_patterns(resource, action)) STORED,
    CONSTRAINT permissions_pkey PRIMARY KEY (name),
    CONSTRAINT permissions_resource_check CHECK (bastion_internal.is_resource(resource)),
    CONSTRAINT permissions_action_check CHECK (bastion_internal.is_word(action)),
    CONSTRAINT permissions_system_check CHECK (system = bastion_internal.is_reserved_resource(resource))
);
COMMENT ON TABLE bastion.permissions IS 'Every permission; no user holds a permission without a row here';
COMMENT ON COLUMN bastion.permissions.name IS 'resource.action';
COMMENT ON COLUMN bastion.permissions.resource IS 'The resource: documents, tenant.members';
COMMENT ON COLUMN bastion.permissions.action IS 'The last word of the name: create, read, update, delete, execute, manage';
COMMENT ON COLUMN bastion.permissions.system IS
'Belongs to the extension; held only by a pattern that names its first word, never by * or *.action';
COMMENT ON COLUMN bastion.permissions.description IS 'Description for display';
COMMENT ON COLUMN bastion.permissions.patterns IS 'The patterns that cover it, including its own name';
SELECT pg_extension_config_dump('bastion.permissions', 'WHERE NOT system');
ALTER TABLE bastion.permissions ENABLE ROW LEVEL SECURITY;
CREATE POLICY permissions_all ON bastion.permissions FOR SELECT USING (true);
COMMENT ON POLICY permissions_all ON bastion.permissions IS 'All permissions; their names are the same for every tenant';
SELECT bastion_internal.readable_by('bastion.permissions', 'application');
-- A change affects what every pattern covers.
CREATE TRIGGER permissions_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.permissions
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('all');
CREATE TRIGGER permissions_invalidate_truncate AFTER TRUNCATE ON bastion.permissions
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('all');
ALTER TABLE bastion.permissions ENABLE ALWAYS TRIGGER permissions_invalidate;
ALTER TABLE bastion.permissions ENABLE ALWAYS TRIGGER permissions_invalidate_truncate;

CREATE TABLE bastion.roles (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    tenant_id uuid,
    name text NOT NULL,
    description text,
    system boolean NOT NULL DEFAULT false,
    scope uuid NOT NULL GENERATED ALWAYS AS (coalesce(tenant_id, '00000000-0000-0000-0000-000000000000')) STORED,
    CONSTRAINT roles_pkey PRIMARY KEY (id),
    CONSTRAINT roles_scope_name_key UNIQUE (scope, name),
    CONSTRAINT roles_id_scope_key UNIQUE (id, scope),
    CONSTRAINT roles_name_check CHECK (bastion_internal.is_label(name)),
    CONSTRAINT roles_system_check CHECK (NOT system OR tenant_id IS NULL),
    CONSTRAINT roles_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id) ON DELETE CASCADE
);
-- The deletion of a tenant finds its roles by it.
CREATE INDEX roles_tenant_id_idx ON bastion.roles (tenant_id) WHERE tenant_id IS NOT NULL;
COMMENT ON TABLE bastion.roles IS 'Named sets of permissions: the extension''s own, the application''s, and each tenant''s';
COMMENT ON COLUMN bastion.roles.id IS 'Identifier in memberships; constant for the extension''s own roles';
COMMENT ON COLUMN bastion.roles.tenant_id IS 'The only tenant that can use the role; NULL: every tenant can';
COMMENT ON COLUMN bastion.roles.name IS 'Unique in the tenant';
COMMENT ON COLUMN bastion.roles.description IS 'Description for display';
COMMENT ON COLUMN bastion.roles.system IS 'Belongs to the extension; cannot be changed';
COMMENT ON COLUMN bastion.roles.scope IS 'tenant_id, or the zero uuid for NULL; policies and the unique key compare it';
SELECT pg_extension_config_dump('bastion.roles', 'WHERE NOT system');
ALTER TABLE bastion.roles ENABLE ROW LEVEL SECURITY;
CREATE POLICY roles_of_tenant ON bastion.roles FOR SELECT
    USING (scope = ANY (ARRAY['00000000-0000-0000-0000-000000000000'::uuid, (SELECT bastion.tenant_id())]));
COMMENT ON POLICY roles_of_tenant ON bastion.roles IS 'Roles that every tenant can use, and those of the context''s tenant';
SELECT bastion_internal.readable_by('bastion.roles', 'application');
-- No user holds a new role. A role cannot move to another tenant.
CREATE TRIGGER roles_invalidate AFTER UPDATE OR DELETE ON bastion.roles
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('role', 'id');
CREATE TRIGGER roles_invalidate_truncate AFTER TRUNCATE ON bastion.roles
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('all');
ALTER TABLE bastion.roles ENABLE ALWAYS TRIGGER roles_invalidate;
ALTER TABLE bastion.roles ENABLE ALWAYS TRIGGER roles_invalidate_truncate;

CREATE TABLE bastion.role_permissions (
    role_id uuid NOT NULL,
    pattern text COLLATE "C" NOT NULL,
    system boolean NOT NULL DEFAULT false,
    scope uuid NOT NULL,
    CONSTRAINT role_permissions_pkey PRIMARY KEY (role_id, pattern),
    CONSTRAINT role_permissions_pattern_check CHECK (bastion.is_permission_pattern(pattern)),
    CONSTRAINT role_permissions_role_id_fkey FOREIGN KEY (role_id, scope) REFERENCES bastion.roles (id, scope)
        ON DELETE CASCADE
);
CREATE INDEX role_permissions_scope_idx ON bastion.role_permissions (scope);
COMMENT ON TABLE bastion.role_permissions IS 'The permissions of each role';
COMMENT ON COLUMN bastion.role_permissions.role_id IS 'The role';
COMMENT ON COLUMN bastion.role_permissions.pattern IS
'A permission, or a pattern: * for all, *.read for one action on every resource, documents.* for everything below a resource';
COMMENT ON COLUMN bastion.role_permissions.system IS 'Granted by the extension; cannot be changed';
COMMENT ON COLUMN bastion.role_permissions.scope IS 'The scope of the role, filled in by a trigger; the policy compares it';
SELECT pg_extension_config_dump('bastion.role_permissions', 'WHERE NOT system');
ALTER TABLE bastion.role_permissions ENABLE ROW LEVEL SECURITY;
CREATE POLICY role_permissions_of_tenant ON bastion.role_permissions FOR SELECT
    USING (scope = ANY (ARRAY['00000000-0000-0000-0000-000000000000'::uuid, (SELECT bastion.tenant_id())]));
COMMENT ON POLICY role_permissions_of_tenant ON bastion.role_permissions IS
'The permissions of roles that every tenant can use and of those of the context''s tenant';
SELECT bastion_internal.readable_by('bastion.role_permissions', 'application');
-- The dependencies of a holder include the role and every role on the path to it: through a membership in any tenant, because
-- can_in_tenant() covers all memberships, or through a platform role.
CREATE TRIGGER role_permissions_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.role_permissions
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('role', 'role_id');
CREATE TRIGGER role_permissions_invalidate_truncate AFTER TRUNCATE ON bastion.role_permissions
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('all');
ALTER TABLE bastion.role_permissions ENABLE ALWAYS TRIGGER role_permissions_invalidate;
ALTER TABLE bastion.role_permissions ENABLE ALWAYS TRIGGER role_permissions_invalidate_truncate;

CREATE TABLE bastion.memberships (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    unit_id uuid,
    role_id uuid NOT NULL,
    valid_from timestamptz,
    valid_until timestamptz,
    assigned_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT memberships_pkey PRIMARY KEY (id),
    CONSTRAINT memberships_user_id_tenant_id_unit_id_role_id_key UNIQUE NULLS NOT DISTINCT (user_id, tenant_id, unit_id, role_id),
    CONSTRAINT memberships_valid_check CHECK (valid_until > valid_from),
    CONSTRAINT memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES bastion.users (id) ON DELETE CASCADE,
    CONSTRAINT memberships_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id) ON DELETE CASCADE,
    CONSTRAINT memberships_unit_id_fkey FOREIGN KEY (tenant_id, unit_id) REFERENCES bastion.units (tenant_id, id)
        ON DELETE CASCADE,
    CONSTRAINT memberships_role_id_fkey FOREIGN KEY (role_id) REFERENCES bastion.roles (id)
);
CREATE INDEX memberships_tenant_id_idx ON bastion.memberships (tenant_id, unit_id);
CREATE INDEX memberships_role_id_idx ON bastion.memberships (role_id);
COMMENT ON TABLE bastion.memberships IS 'Which user has which roles, in a tenant or in one unit of it: a row each';
COMMENT ON COLUMN bastion.memberships.id IS 'Identifier';
COMMENT ON COLUMN bastion.memberships.user_id IS 'The member';
COMMENT ON COLUMN bastion.memberships.tenant_id IS 'The tenant';
COMMENT ON COLUMN bastion.memberships.unit_id IS
'The role holds in this unit and the units below it; NULL: in the whole tenant and all its units';
COMMENT ON COLUMN bastion.memberships.role_id IS 'A role of this tenant, or one that every tenant can use';
COMMENT ON COLUMN bastion.memberships.valid_from IS 'When it begins; NULL: immediately';
COMMENT ON COLUMN bastion.memberships.valid_until IS 'When it ends; NULL: never';
COMMENT ON COLUMN bastion.memberships.assigned_by IS
'The user who assigned the role last, or who invited the member; NULL for the system and for an operator. The user may have been deleted since';
COMMENT ON COLUMN bastion.memberships.created_at IS 'When the user got the role';
SELECT pg_extension_config_dump('bastion.memberships', '');
ALTER TABLE bastion.memberships ENABLE ROW LEVEL SECURITY;
CREATE POLICY memberships_of_tenant ON bastion.memberships FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_id()));
COMMENT ON POLICY memberships_of_tenant ON bastion.memberships IS 'The memberships in the context''s tenant';
SELECT bastion_internal.readable_by('bastion.memberships', 'application');
-- A membership affects only its user. A new ACL for the member is an INSERT into acls, with a message of its own.
CREATE TRIGGER memberships_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.memberships
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('user', 'user_id');
CREATE TRIGGER memberships_invalidate_truncate AFTER TRUNCATE ON bastion.memberships
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('all');
ALTER TABLE bastion.memberships ENABLE ALWAYS TRIGGER memberships_invalidate;
ALTER TABLE bastion.memberships ENABLE ALWAYS TRIGGER memberships_invalidate_truncate;

-- Guards. They accept the rows that a restore loads, which are not the extension's own.

CREATE FUNCTION bastion_internal.fill_role_scope() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.scope := (SELECT r.scope FROM bastion.roles r WHERE r.id = NEW.role_id);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION bastion_internal.fill_role_scope() IS 'Trigger: copies the scope of the role.';

CREATE TRIGGER role_permissions_fill_scope BEFORE INSERT OR UPDATE ON bastion.role_permissions
FOR EACH ROW EXECUTE FUNCTION bastion_internal.fill_role_scope();
COMMENT ON TRIGGER role_permissions_fill_scope ON bastion.role_permissions IS 'Fills scope';

CREATE FUNCTION bastion_internal.check_membership_role() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- No concurrent change can invalidate this check: the foreign key locks the role, and keep_role_tenant() refuses another tenant.
    IF EXISTS (SELECT FROM bastion.roles r WHERE r.id = NEW.role_id AND r.tenant_id <> NEW.tenant_id) THEN
        RAISE EXCEPTION 'the role belongs to another tenant' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_membership_role() IS
'Trigger: refuses a membership whose role belongs to another tenant. SQLSTATE 23503.';

CREATE TRIGGER memberships_check_role BEFORE INSERT OR UPDATE OF role_id, tenant_id ON bastion.memberships
FOR EACH ROW EXECUTE FUNCTION bastion_internal.check_membership_role();
COMMENT ON TRIGGER memberships_check_role ON bastion.memberships IS 'Refuses roles of another tenant';

CREATE FUNCTION bastion_internal.keep_role_tenant() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'a role cannot move to another tenant' USING ERRCODE = 'insufficient_privilege';
END
$$;
COMMENT ON FUNCTION bastion_internal.keep_role_tenant() IS
'Trigger: refuses a change of the tenant of a role, on which memberships depend. SQLSTATE 42501.';

CREATE TRIGGER roles_keep_tenant BEFORE UPDATE ON bastion.roles
FOR EACH ROW WHEN (OLD.tenant_id IS DISTINCT FROM NEW.tenant_id) EXECUTE FUNCTION bastion_internal.keep_role_tenant();
COMMENT ON TRIGGER roles_keep_tenant ON bastion.roles IS 'Keeps a role in its tenant';

CREATE FUNCTION bastion_internal.guard_system_rows() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- A dump does not include these rows, because the install script creates them again; a change would be lost silently.
    IF coalesce(OLD.system, false) OR coalesce(NEW.system, false) THEN
        RAISE EXCEPTION 'cannot change a row of bastion.% that belongs to the extension', TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Create another role, or grant further permissions to this one.';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$;
COMMENT ON FUNCTION bastion_internal.guard_system_rows() IS
'Trigger: refuses to insert, change or delete rows that belong to the extension. SQLSTATE 42501.';

-- The extension's own roles and permissions. The uuids are constant, so that a restored membership finds its role.

INSERT INTO bastion.roles (id, name, system, description) VALUES
    ('ba571000-0000-4000-8000-000000000001', 'owner', true, 'Everything, including the tenant itself'),
    ('ba571000-0000-4000-8000-000000000002', 'admin', true, 'Everything except deleting the tenant'),
    ('ba571000-0000-4000-8000-000000000003', 'developer', true, 'Creates, reads, updates, deletes and executes'),
    ('ba571000-0000-4000-8000-000000000004', 'member', true, 'Creates, reads and updates'),
    ('ba571000-0000-4000-8000-000000000005', 'operator', true, 'Reads and executes'),
    ('ba571000-0000-4000-8000-000000000006', 'viewer', true, 'Reads');

INSERT INTO bastion.permissions (resource, action, system, description) VALUES
    ('tenant', 'read', true, 'See the tenant''s own data'),
    ('tenant', 'update', true, 'Change name, slug and settings of the tenant'),
    ('tenant', 'delete', true, 'Delete the tenant and everything in it'),
    ('tenant.members', 'read', true, 'See who is a member'),
    ('tenant.members', 'manage', true, 'Invite and remove members, change their roles'),
    ('tenant.roles', 'read', true, 'See the tenant''s roles and their permissions'),
    ('tenant.roles', 'manage', true, 'Make, change and delete roles of the tenant'),
    ('tenant.units', 'read', true, 'See the units'),
    ('tenant.units', 'manage', true, 'Make, change and delete units'),
    ('tenant.api_keys', 'manage', true, 'See, disable and revoke the API keys of everybody'),
    ('tenant.secrets', 'read', true, 'See which secrets the tenant has'),
    ('tenant.secrets', 'open', true, 'Open the tenant''s secrets'),
    ('tenant.secrets', 'manage', true, 'Put, change and delete the tenant''s secrets'),
    ('tenant.keys', 'read', true, 'See which keys the tenant has for its applications'),
    ('tenant.keys', 'manage', true, 'Create, rotate, change and delete these keys'),
    ('tenant.keys', 'export', true, 'Export those that were created as exportable, wrapped'),
    ('tenant.flags', 'read', true, 'See the feature flags of the tenant and their history'),
    ('tenant.flags', 'manage', true, 'Change the feature flags of the tenant'),
    ('tenant.events', 'read', true, 'See logins, refusals and other recorded events of the tenant'),
    ('tenant.settings', 'read', true, 'See the tenant''s settings, their versions and history'),
    ('tenant.settings', 'open', true, 'Open the sealed ones'),
    ('tenant.settings', 'manage', true, 'Store, change and delete the tenant''s settings, and approve changes of others'),
    ('own.secrets', 'read', true, 'Open and list the secrets of one''s own'),
    ('own.secrets', 'manage', true, 'Put, change and delete the secrets of one''s own');

INSERT INTO bastion.role_permissions (role_id, pattern, system)
SELECT r.id, unnest(g.patterns), true
FROM (VALUES
        ('owner', ARRAY['*', 'tenant.*']),
        ('admin', ARRAY['*', 'tenant.read', 'tenant.update', 'tenant.members.*', 'tenant.roles.*', 'tenant.units.*',
                        'tenant.api_keys.*', 'tenant.events.*', 'tenant.secrets.read', 'tenant.secrets.manage',
                        'tenant.keys.read', 'tenant.keys.manage', 'tenant.flags.*', 'tenant.settings.read', 'tenant.settings.manage']),
        ('developer', ARRAY['*.create', '*.read', '*.update', '*.delete', '*.execute']),
        ('member', ARRAY['*.create', '*.read', '*.update']),
        ('operator', ARRAY['*.read', '*.execute']),
        ('viewer', ARRAY['*.read'])
     ) AS g (name, patterns)
JOIN bastion.roles r ON r.name = g.name;

CREATE TRIGGER roles_guard_system BEFORE INSERT OR UPDATE OR DELETE ON bastion.roles
FOR EACH ROW EXECUTE FUNCTION bastion_internal.guard_system_rows();
COMMENT ON TRIGGER roles_guard_system ON bastion.roles IS 'Keeps the extension''s own roles as they are';

CREATE TRIGGER permissions_guard_system BEFORE INSERT OR UPDATE OR DELETE ON bastion.permissions
FOR EACH ROW EXECUTE FUNCTION bastion_internal.guard_system_rows();
COMMENT ON TRIGGER permissions_guard_system ON bastion.permissions IS 'Keeps the extension''s own permissions as they are';

CREATE TRIGGER role_permissions_guard_system BEFORE INSERT OR UPDATE OR DELETE ON bastion.role_permissions
FOR EACH ROW EXECUTE FUNCTION bastion_internal.guard_system_rows();
COMMENT ON TRIGGER role_permissions_guard_system ON bastion.role_permissions IS
'Keeps the extension''s own grants as they are';


-- Additions to memberships and roles: inheritance, grants and denies of single users, roles in every tenant. Views show the rows that
-- are in force now; every decision reads these views.

CREATE TABLE bastion.role_parents (
    role_id uuid NOT NULL,
    parent_id uuid NOT NULL,
    scope uuid NOT NULL,
    CONSTRAINT role_parents_pkey PRIMARY KEY (role_id, parent_id),
    CONSTRAINT role_parents_role_id_fkey FOREIGN KEY (role_id, scope) REFERENCES bastion.roles (id, scope) ON DELETE CASCADE,
    CONSTRAINT role_parents_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES bastion.roles (id)
);
CREATE INDEX role_parents_parent_id_idx ON bastion.role_parents (parent_id);
CREATE INDEX role_parents_scope_idx ON bastion.role_parents (scope);
COMMENT ON TABLE bastion.role_parents IS 'Inheritance of roles: a holder of the role holds the inherited roles too';
COMMENT ON COLUMN bastion.role_parents.role_id IS 'The role that inherits; never one of the extension''s own';
COMMENT ON COLUMN bastion.role_parents.parent_id IS 'The inherited role: one of the same tenant, or one that every tenant can use';
COMMENT ON COLUMN bastion.role_parents.scope IS 'The scope of the role, filled in by a trigger; the policy compares it';
SELECT pg_extension_config_dump('bastion.role_parents', '');
ALTER TABLE bastion.role_parents ENABLE ROW LEVEL SECURITY;
CREATE POLICY role_parents_of_tenant ON bastion.role_parents FOR SELECT
    USING (scope = ANY (ARRAY['00000000-0000-0000-0000-000000000000'::uuid, (SELECT bastion.tenant_id())]));
COMMENT ON POLICY role_parents_of_tenant ON bastion.role_parents IS
'The inheritance of roles that every tenant can use and of those of the context''s tenant';
SELECT bastion_internal.readable_by('bastion.role_parents', 'application');
-- A change affects the holders of the inheriting role. The inherited role becomes a dependency when rights are read again.
CREATE TRIGGER role_parents_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.role_parents
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('role', 'role_id');
CREATE TRIGGER role_parents_invalidate_truncate AFTER TRUNCATE ON bastion.role_parents
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('all');
ALTER TABLE bastion.role_parents ENABLE ALWAYS TRIGGER role_parents_invalidate;
ALTER TABLE bastion.role_parents ENABLE ALWAYS TRIGGER role_parents_invalidate_truncate;

CREATE TRIGGER role_parents_fill_scope BEFORE INSERT OR UPDATE ON bastion.role_parents
FOR EACH ROW EXECUTE FUNCTION bastion_internal.fill_role_scope();
COMMENT ON TRIGGER role_parents_fill_scope ON bastion.role_parents IS 'Fills scope';

CREATE FUNCTION bastion_internal.check_role_parent() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Two concurrent changes may form a cycle together, so they wait for each other.
    PERFORM FROM bastion.roles r WHERE r.scope = NEW.scope ORDER BY r.id FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM bastion.roles r WHERE r.id = NEW.role_id AND r.system) THEN
        RAISE EXCEPTION 'a role of the extension cannot inherit' USING ERRCODE = 'insufficient_privilege';
    ELSIF EXISTS (SELECT FROM bastion.roles r WHERE r.id = NEW.parent_id AND r.tenant_id IS NOT NULL
                  AND r.scope <> NEW.scope) THEN
        RAISE EXCEPTION 'the inherited role belongs to another tenant' USING ERRCODE = 'foreign_key_violation';
    ELSIF EXISTS (
        WITH RECURSIVE above AS (
            SELECT NEW.parent_id AS id
            UNION
            SELECT p.parent_id FROM above JOIN bastion.role_parents p ON p.role_id = above.id
        )
        SELECT FROM above WHERE id = NEW.role_id
    ) THEN
        RAISE EXCEPTION 'a role cannot inherit from itself' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_role_parent() IS
'Trigger: refuses inheritance of the extension''s own roles (42501), from another tenant (23503) and in a cycle (23514).';

CREATE TRIGGER role_parents_check AFTER INSERT OR UPDATE ON bastion.role_parents
FOR EACH ROW EXECUTE FUNCTION bastion_internal.check_role_parent();
COMMENT ON TRIGGER role_parents_check ON bastion.role_parents IS 'Keeps inheritance free of cycles and inside a tenant';

-- Deleting a tenant deletes its roles one after the other, while the next may still inherit from a deleted one.
CREATE FUNCTION bastion_internal.forget_inheritance() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM bastion.role_parents p WHERE p.scope = OLD.id;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION bastion_internal.forget_inheritance() IS 'Trigger: deletes the inheritance between the roles of a tenant before the tenant is deleted.';

CREATE TRIGGER tenants_forget_inheritance BEFORE DELETE ON bastion.tenants
FOR EACH ROW EXECUTE FUNCTION bastion_internal.forget_inheritance();
COMMENT ON TRIGGER tenants_forget_inheritance ON bastion.tenants IS 'Allows deletion of the roles of a tenant with it';

CREATE TABLE bastion.user_permissions (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    unit_id uuid,
    pattern text COLLATE "C" NOT NULL,
    effect text NOT NULL,
    valid_from timestamptz,
    valid_until timestamptz,
    granted_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT user_permissions_pkey PRIMARY KEY (id),
    CONSTRAINT user_permissions_user_id_tenant_id_unit_id_pattern_key
        UNIQUE NULLS NOT DISTINCT (user_id, tenant_id, unit_id, pattern),
    CONSTRAINT user_permissions_pattern_check CHECK (bastion.is_permission_pattern(pattern)),
    CONSTRAINT user_permissions_effect_check CHECK (effect IN ('grant', 'deny')),
    CONSTRAINT user_permissions_valid_check CHECK (valid_until > valid_from),
    CONSTRAINT user_permissions_user_id_fkey FOREIGN KEY (user_id) REFERENCES bastion.users (id) ON DELETE CASCADE,
    CONSTRAINT user_permissions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id) ON DELETE CASCADE,
    CONSTRAINT user_permissions_unit_id_fkey FOREIGN KEY (tenant_id, unit_id) REFERENCES bastion.units (tenant_id, id)
        ON DELETE CASCADE
);
CREATE INDEX user_permissions_tenant_id_idx ON bastion.user_permissions (tenant_id, unit_id);
COMMENT ON TABLE bastion.user_permissions IS
'Permissions of single users beside their roles: grants, and denies, which win over every grant and role';
COMMENT ON COLUMN bastion.user_permissions.id IS 'Identifier';
COMMENT ON COLUMN bastion.user_permissions.user_id IS 'The user';
COMMENT ON COLUMN bastion.user_permissions.tenant_id IS 'The tenant';
COMMENT ON COLUMN bastion.user_permissions.unit_id IS
'Only in this unit and the units below it; NULL: in the whole tenant and all its units';
COMMENT ON COLUMN bastion.user_permissions.pattern IS 'A permission or a pattern, as in role_permissions';
COMMENT ON COLUMN bastion.user_permissions.effect IS 'grant or deny';
COMMENT ON COLUMN bastion.user_permissions.valid_from IS 'When it begins; NULL: immediately';
COMMENT ON COLUMN bastion.user_permissions.valid_until IS 'When it ends; NULL: never';
COMMENT ON COLUMN bastion.user_permissions.granted_by IS 'The user who wrote it, if there was a context';
COMMENT ON COLUMN bastion.user_permissions.created_at IS 'When it was written';
SELECT pg_extension_config_dump('bastion.user_permissions', '');
ALTER TABLE bastion.user_permissions ENABLE ROW LEVEL SECURITY;
CREATE POLICY user_permissions_of_tenant ON bastion.user_permissions FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_id()));
COMMENT ON POLICY user_permissions_of_tenant ON bastion.user_permissions IS 'Grants and denies in the context''s tenant';
SELECT bastion_internal.readable_by('bastion.user_permissions', 'application');
-- A row affects one user.
CREATE TRIGGER user_permissions_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.user_permissions
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('user', 'user_id');
CREATE TRIGGER user_permissions_invalidate_truncate AFTER TRUNCATE ON bastion.user_permissions
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('all');
ALTER TABLE bastion.user_permissions ENABLE ALWAYS TRIGGER user_permissions_invalidate;
ALTER TABLE bastion.user_permissions ENABLE ALWAYS TRIGGER user_permissions_invalidate_truncate;

CREATE TABLE bastion.platform_roles (
    user_id uuid NOT NULL,
    role_id uuid NOT NULL,
    valid_from timestamptz,
    valid_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT platform_roles_pkey PRIMARY KEY (user_id, role_id),
    CONSTRAINT platform_roles_valid_check CHECK (valid_until > valid_from),
    CONSTRAINT platform_roles_user_id_fkey FOREIGN KEY (user_id) REFERENCES bastion.users (id) ON DELETE CASCADE,
    CONSTRAINT platform_roles_role_id_fkey FOREIGN KEY (role_id) REFERENCES bastion.roles (id)
);
CREATE INDEX platform_roles_role_id_idx ON bastion.platform_roles (role_id);
COMMENT ON TABLE bastion.platform_roles IS 'Roles that users hold in every tenant, for the operators'' own staff. Granted to nobody';
COMMENT ON COLUMN bastion.platform_roles.user_id IS 'The user';
COMMENT ON COLUMN bastion.platform_roles.role_id IS 'A role that every tenant can use';
COMMENT ON COLUMN bastion.platform_roles.valid_from IS 'When it begins; NULL: immediately';
COMMENT ON COLUMN bastion.platform_roles.valid_until IS 'When it ends; NULL: never';
COMMENT ON COLUMN bastion.platform_roles.created_at IS 'When it was written';
SELECT pg_extension_config_dump('bastion.platform_roles', '');
ALTER TABLE bastion.platform_roles ENABLE ROW LEVEL SECURITY;
-- A row affects one user.
CREATE TRIGGER platform_roles_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.platform_roles
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('user', 'user_id');
CREATE TRIGGER platform_roles_invalidate_truncate AFTER TRUNCATE ON bastion.platform_roles
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('all');
ALTER TABLE bastion.platform_roles ENABLE ALWAYS TRIGGER platform_roles_invalidate;
ALTER TABLE bastion.platform_roles ENABLE ALWAYS TRIGGER platform_roles_invalidate_truncate;

CREATE FUNCTION bastion_internal.check_platform_role() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM bastion.roles r WHERE r.id = NEW.role_id AND r.tenant_id IS NOT NULL) THEN
        RAISE EXCEPTION 'the role belongs to one tenant' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_platform_role() IS
'Trigger: refuses a role of one tenant as a role in every tenant. SQLSTATE 23503.';

CREATE TRIGGER platform_roles_check BEFORE INSERT OR UPDATE ON bastion.platform_roles
FOR EACH ROW EXECUTE FUNCTION bastion_internal.check_platform_role();
COMMENT ON TRIGGER platform_roles_check ON bastion.platform_roles IS 'Refuses roles of one tenant';

-- Under row-level security like their tables. statement_timestamp(), not now(): each statement of a client has its own decision, even
-- in an old transaction.

CREATE VIEW bastion.memberships_in_force WITH (security_invoker = true) AS
SELECT * FROM bastion.memberships m
WHERE coalesce(m.valid_from, '-infinity') <= statement_timestamp() AND statement_timestamp() < coalesce(m.valid_until, 'infinity');
COMMENT ON VIEW bastion.memberships_in_force IS 'The memberships that are in force now';

CREATE VIEW bastion_internal.user_permissions_in_force WITH (security_invoker = true) AS
SELECT * FROM bastion.user_permissions p
WHERE coalesce(p.valid_from, '-infinity') <= statement_timestamp() AND statement_timestamp() < coalesce(p.valid_until, 'infinity');
COMMENT ON VIEW bastion_internal.user_permissions_in_force IS 'The grants and denies that are in force now';

CREATE VIEW bastion_internal.platform_roles_in_force WITH (security_invoker = true) AS
SELECT * FROM bastion.platform_roles p
WHERE coalesce(p.valid_from, '-infinity') <= statement_timestamp() AND statement_timestamp() < coalesce(p.valid_until, 'infinity');
COMMENT ON VIEW bastion_internal.platform_roles_in_force IS 'The platform roles that are in force now';

CREATE VIEW bastion_internal.permission_patterns WITH (security_invoker = true) AS
SELECT p.name AS permission, p.resource, p.action, p.system, pattern
FROM bastion.permissions p, unnest(p.patterns) pattern;
COMMENT ON VIEW bastion_internal.permission_patterns IS 'Every pair of a registered permission and a pattern that covers it';
COMMENT ON COLUMN bastion_internal.permission_patterns.permission IS 'The name of the permission';
COMMENT ON COLUMN bastion_internal.permission_patterns.pattern IS 'A pattern that covers it';

-- The last owner. An owner has the role without an end; otherwise the tenant would have no owner when the membership ends.

CREATE FUNCTION bastion_internal.owner_role() RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT 'ba571000-0000-4000-8000-000000000001'::uuid $$;
COMMENT ON FUNCTION bastion_internal.owner_role() IS 'The id of the system role owner.';

CREATE FUNCTION bastion_internal.is_lasting_owner(membership bastion.memberships) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT membership.unit_id IS NULL AND membership.role_id = bastion_internal.owner_role() AND membership.valid_until IS NULL
       AND coalesce(membership.valid_from, '-infinity') <= statement_timestamp()
$$;
COMMENT ON FUNCTION bastion_internal.is_lasting_owner(bastion.memberships) IS
'Whether a membership makes its user an owner of the tenant, now and without an end.';

CREATE FUNCTION bastion_internal.keep_last_owner() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT bastion_internal.is_lasting_owner(OLD) THEN
        RETURN NULL;
    END IF;
    -- The row is updated, not only locked. If two owners leave at the same time, one waits and then sees that the other has left or,
    -- with an older snapshot, fails. If there is no row, the tenant itself is being deleted.
    UPDATE bastion.tenants t SET status = t.status WHERE t.id = OLD.tenant_id;
    IF FOUND AND NOT EXISTS (
        SELECT FROM bastion.memberships m JOIN bastion.users u ON u.id = m.user_id AND u.status = 'active'
        WHERE m.tenant_id = OLD.tenant_id AND m.unit_id IS NULL AND m.role_id = bastion_internal.owner_role()
          AND bastion_internal.is_lasting_owner(m)
    ) THEN
        RAISE EXCEPTION 'a tenant must keep an owner' USING ERRCODE = 'check_violation',
            DETAIL = 'This would remove the last active user who has the role owner in the whole tenant and without an end.',
            HINT = 'Make another user an owner first.';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.keep_last_owner() IS
'Trigger: refuses to remove or demote the last owner of a tenant, or to limit that membership in time. SQLSTATE 23514.';

CREATE CONSTRAINT TRIGGER memberships_keep_last_owner AFTER UPDATE OR DELETE ON bastion.memberships
DEFERRABLE FOR EACH ROW EXECUTE FUNCTION bastion_internal.keep_last_owner();
COMMENT ON TRIGGER memberships_keep_last_owner ON bastion.memberships IS
'Keeps an owner in each tenant; SET CONSTRAINTS bastion.memberships_keep_last_owner DEFERRED lets a transaction replace the owner';

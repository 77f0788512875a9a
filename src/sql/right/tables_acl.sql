
-- Rights on single rows. A row of a table under sharing refers to an access control list (ACL); rows with the same access share one.
-- Each tenant, unit and member has a default ACL, and the first share of a row gives the row its own ACL.

CREATE TABLE bastion.acls (
    id bigint NOT NULL DEFAULT nextval('bastion.acls_id_seq'),
    tenant_id uuid NOT NULL,
    kind text NOT NULL,
    unit_id uuid,
    user_id uuid,
    base_acl_id bigint,
    relation text,
    row_key text,
    CONSTRAINT acls_pkey PRIMARY KEY (id),
    CONSTRAINT acls_kind_check CHECK (kind IN ('tenant', 'unit', 'user', 'nobody', 'row')),
    CONSTRAINT acls_place_check CHECK ((unit_id IS NULL OR kind = 'unit') AND (user_id IS NULL OR kind = 'user')
                                       AND (base_acl_id IS NULL OR kind = 'row')),
    CONSTRAINT acls_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id) ON DELETE CASCADE,
    -- Rows may still refer to the ACL of a deleted unit or user; then only users who manage the whole tenant see them.
    CONSTRAINT acls_unit_id_fkey FOREIGN KEY (tenant_id, unit_id) REFERENCES bastion.units (tenant_id, id)
        ON DELETE SET NULL (unit_id),
    CONSTRAINT acls_user_id_fkey FOREIGN KEY (user_id) REFERENCES bastion.users (id) ON DELETE SET NULL
);
CREATE UNIQUE INDEX acls_of_tenant_idx ON bastion.acls (tenant_id) WHERE kind = 'tenant';
CREATE UNIQUE INDEX acls_of_unit_idx ON bastion.acls (unit_id) WHERE unit_id IS NOT NULL;
CREATE UNIQUE INDEX acls_of_user_idx ON bastion.acls (user_id, tenant_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX acls_of_nobody_idx ON bastion.acls (tenant_id) WHERE kind = 'nobody';
CREATE INDEX acls_tenant_id_kind_idx ON bastion.acls (tenant_id, kind) INCLUDE (id);
CREATE INDEX acls_base_acl_id_idx ON bastion.acls (base_acl_id) INCLUDE (id) WHERE base_acl_id IS NOT NULL;
COMMENT ON TABLE bastion.acls IS 'Access control lists, to which rows of tables under sharing refer. Granted to nobody';
COMMENT ON COLUMN bastion.acls.id IS 'Identifier; the value in the ACL column of rows';
COMMENT ON COLUMN bastion.acls.tenant_id IS 'The tenant of those rows';
COMMENT ON COLUMN bastion.acls.kind IS 'tenant, unit, user: the default ACL of one of these; nobody: that of rows without an owner; row: created by the first share of a row';
COMMENT ON COLUMN bastion.acls.unit_id IS 'For kind unit: the unit; NULL if it was deleted';
COMMENT ON COLUMN bastion.acls.user_id IS 'For kind user: the user; NULL if deleted';
COMMENT ON COLUMN bastion.acls.base_acl_id IS 'For kind row: the former default ACL of the row, whose rights still apply';
COMMENT ON COLUMN bastion.acls.relation IS 'For kind row: the table, for display';
COMMENT ON COLUMN bastion.acls.row_key IS 'For kind row: the key in the table, for display';
-- Not dumped for tenants and units: triggers create their ACLs again.
SELECT pg_extension_config_dump('bastion.acls', $$WHERE kind IN ('user', 'nobody', 'row') OR kind = 'unit' AND unit_id IS NULL$$);
SELECT pg_extension_config_dump('bastion.acls_id_seq', '');
ALTER TABLE bastion.acls ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION bastion_internal.is_list_of_user(acl_id bigint) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT FROM bastion.acls a WHERE a.id = is_list_of_user.acl_id AND a.kind IN ('user', 'nobody')) $$;
COMMENT ON FUNCTION bastion_internal.is_list_of_user(bigint) IS 'Whether this is the default ACL of a user, or of rows without an owner.';

-- The ACL of a tenant or unit, and that of a row whose base is one of these, affect everybody who works there.
CREATE TRIGGER acls_invalidate_insert AFTER INSERT ON bastion.acls
FOR EACH ROW WHEN (NEW.kind IN ('tenant', 'unit') OR NEW.base_acl_id IS NOT NULL AND NOT bastion_internal.is_list_of_user(NEW.base_acl_id))
EXECUTE FUNCTION bastion_internal.invalidate('place', 'tenant_id');
-- The ACL of a user affects that user. The ACL of a row whose base is such an ACL affects the same user, and the users with whom the
-- base is shared. Both affect the users who manage everybody's rows. The kind of an ACL never changes, so the condition cannot be
-- outdated when the transaction commits.
CREATE TRIGGER acls_invalidate_insert_own AFTER INSERT ON bastion.acls
FOR EACH ROW WHEN (NEW.kind IN ('user', 'nobody', 'row'))
EXECUTE FUNCTION bastion_internal.invalidate('user', 'user_id', 'list', 'base_acl_id', 'managers', 'tenant_id');
-- Such changes are rare. The sets of a user hold two kinds of ACLs of another tenant. Those of shared rows are deleted together with
-- their shares, which send messages. For those of rows whose default ACL is shared, the user has the place of that tenant as a
-- dependency.
CREATE TRIGGER acls_invalidate AFTER UPDATE OR DELETE ON bastion.acls
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('place', 'tenant_id', 'user', 'user_id');
CREATE TRIGGER acls_invalidate_truncate AFTER TRUNCATE ON bastion.acls
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('all');
ALTER TABLE bastion.acls ENABLE ALWAYS TRIGGER acls_invalidate_insert;
ALTER TABLE bastion.acls ENABLE ALWAYS TRIGGER acls_invalidate_insert_own;
ALTER TABLE bastion.acls ENABLE ALWAYS TRIGGER acls_invalidate;
ALTER TABLE bastion.acls ENABLE ALWAYS TRIGGER acls_invalidate_truncate;

CREATE TABLE bastion.level_actions (
    action text COLLATE "C" NOT NULL,
    level smallint NOT NULL,
    system boolean NOT NULL DEFAULT false,
    CONSTRAINT level_actions_pkey PRIMARY KEY (action),
    CONSTRAINT level_actions_action_check CHECK (bastion_internal.is_word(action)),
    CONSTRAINT level_actions_level_check CHECK (level BETWEEN 1 AND 4)
);
COMMENT ON TABLE bastion.level_actions IS
'The lowest level of a share that allows each action; an action without a row needs manage';
COMMENT ON COLUMN bastion.level_actions.action IS 'The last word of a permission';
COMMENT ON COLUMN bastion.level_actions.level IS '1 read, 2 write, 3 deploy, 4 manage; each includes those below';
COMMENT ON COLUMN bastion.level_actions.system IS 'Belongs to the extension; cannot be changed';
SELECT pg_extension_config_dump('bastion.level_actions', 'WHERE NOT system');
ALTER TABLE bastion.level_actions ENABLE ROW LEVEL SECURITY;
-- A change affects what every share allows.
CREATE TRIGGER level_actions_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.level_actions
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('all');
CREATE TRIGGER level_actions_invalidate_truncate AFTER TRUNCATE ON bastion.level_actions
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('all');
ALTER TABLE bastion.level_actions ENABLE ALWAYS TRIGGER level_actions_invalidate;
ALTER TABLE bastion.level_actions ENABLE ALWAYS TRIGGER level_actions_invalidate_truncate;
INSERT INTO bastion.level_actions (action, level, system) VALUES
    ('read', 1, true), ('update', 2, true), ('execute', 3, true), ('deploy', 3, true), ('publish', 3, true),
    ('delete', 4, true), ('manage', 4, true);

CREATE TRIGGER level_actions_guard_system BEFORE INSERT OR UPDATE OR DELETE ON bastion.level_actions
FOR EACH ROW EXECUTE FUNCTION bastion_internal.guard_system_rows();
COMMENT ON TRIGGER level_actions_guard_system ON bastion.level_actions IS 'Keeps the extension''s own levels as they are';

CREATE FUNCTION bastion_internal.action_level(action text) RETURNS smallint
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce((SELECT l.level FROM bastion.level_actions l WHERE l.action = action_level.action), 4::smallint) $$;
COMMENT ON FUNCTION bastion_internal.action_level(text) IS
'The lowest level of a share that allows an action: 1 read, 2 write, 3 deploy, 4 manage.';

CREATE FUNCTION bastion_internal.level_number(level text) RETURNS smallint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT array_position(ARRAY['read', 'write', 'deploy', 'manage'], level)::smallint $$;
COMMENT ON FUNCTION bastion_internal.level_number(text) IS 'The number of a level, 1 to 4; NULL for another word.';

CREATE FUNCTION bastion_internal.level_name(level smallint) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT (ARRAY['read', 'write', 'deploy', 'manage'])[level] $$;
COMMENT ON FUNCTION bastion_internal.level_name(smallint) IS 'The name of a level: read, write, deploy or manage.';

CREATE TABLE bastion.acl_entries (
    acl_id bigint NOT NULL,
    subject_kind text NOT NULL,
    subject_id uuid NOT NULL,
    level smallint NOT NULL,
    valid_until timestamptz,
    granted_by uuid,
    granted_at timestamptz NOT NULL DEFAULT now(),
    tenant_id uuid NOT NULL,
    acl_kind text NOT NULL,
    CONSTRAINT acl_entries_pkey PRIMARY KEY (acl_id, subject_kind, subject_id),
    CONSTRAINT acl_entries_subject_kind_check CHECK (subject_kind IN ('user', 'unit', 'role', 'tenant')),
    CONSTRAINT acl_entries_level_check CHECK (level BETWEEN 1 AND 4),
    CONSTRAINT acl_entries_acl_id_fkey FOREIGN KEY (acl_id) REFERENCES bastion.acls (id) ON DELETE CASCADE
);
CREATE INDEX acl_entries_subject_idx ON bastion.acl_entries (subject_kind, subject_id, tenant_id, level, acl_id)
    INCLUDE (acl_kind, valid_until);
CREATE INDEX acl_entries_default_list_idx ON bastion.acl_entries (subject_kind, subject_id) WHERE acl_kind <> 'row';
CREATE INDEX acl_entries_ending_idx ON bastion.acl_entries (subject_kind, subject_id, valid_until) WHERE valid_until IS NOT NULL;
COMMENT ON TABLE bastion.acl_entries IS 'Shares: the subjects, and their levels, of the rows with an ACL. Granted to nobody';
COMMENT ON COLUMN bastion.acl_entries.acl_id IS 'The ACL';
COMMENT ON COLUMN bastion.acl_entries.subject_kind IS
'The kind of subject: a user; a unit (its members and those of units below it); a role (its holders in the whole tenant); a tenant (its members)';
COMMENT ON COLUMN bastion.acl_entries.subject_id IS 'The user, unit, role or tenant; the entry is deleted with it';
COMMENT ON COLUMN bastion.acl_entries.level IS '1 read, 2 write, 3 deploy, 4 manage; see level_actions';
COMMENT ON COLUMN bastion.acl_entries.valid_until IS 'When it ends; NULL: never';
COMMENT ON COLUMN bastion.acl_entries.granted_by IS 'The user who shared, if there was a context; may have been deleted';
COMMENT ON COLUMN bastion.acl_entries.granted_at IS 'When the level was given';
COMMENT ON COLUMN bastion.acl_entries.tenant_id IS 'The tenant of the ACL, filled in by a trigger';
COMMENT ON COLUMN bastion.acl_entries.acl_kind IS 'The kind of the ACL, filled in by a trigger';
SELECT pg_extension_config_dump('bastion.acl_entries', '');
ALTER TABLE bastion.acl_entries ENABLE ROW LEVEL SECURITY;
-- The message names the subject, so it affects the users that the share reaches in whatever tenant they work. For a role that every
-- tenant can use, it also names the tenant of the rows, because the share gives its holders in other tenants nothing. A change that
-- gives a user a new subject, such as a membership, sends its own message; a unit that moves above the user's unit, that of the tree.
-- rights_valid_until(), read together with the dependencies, includes the end of a share.
CREATE TRIGGER acl_entries_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.acl_entries
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('subject', 'subject_id', 'subject_in', 'subject_id', 'tenant_id');
CREATE TRIGGER acl_entries_invalidate_truncate AFTER TRUNCATE ON bastion.acl_entries
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('all');
ALTER TABLE bastion.acl_entries ENABLE ALWAYS TRIGGER acl_entries_invalidate;
ALTER TABLE bastion.acl_entries ENABLE ALWAYS TRIGGER acl_entries_invalidate_truncate;

CREATE FUNCTION bastion_internal.fill_acl_entry() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT a.tenant_id, a.kind INTO NEW.tenant_id, NEW.acl_kind FROM bastion.acls a WHERE a.id = NEW.acl_id;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION bastion_internal.fill_acl_entry() IS 'Trigger: copies tenant and kind of the ACL.';

CREATE TRIGGER acl_entries_fill BEFORE INSERT OR UPDATE ON bastion.acl_entries
FOR EACH ROW EXECUTE FUNCTION bastion_internal.fill_acl_entry();
COMMENT ON TRIGGER acl_entries_fill ON bastion.acl_entries IS 'Fills tenant_id and acl_kind';

-- Subjects are in four tables, so no foreign key can delete an entry.
CREATE FUNCTION bastion_internal.forget_subject() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM bastion.acl_entries e WHERE e.subject_kind = TG_ARGV[0] AND e.subject_id = OLD.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.forget_subject() IS 'Trigger: deletes the shares with a deleted user, unit, role or tenant.';

CREATE TRIGGER users_forget_shares AFTER DELETE ON bastion.users
FOR EACH ROW EXECUTE FUNCTION bastion_internal.forget_subject('user');
CREATE TRIGGER units_forget_shares AFTER DELETE ON bastion.units
FOR EACH ROW EXECUTE FUNCTION bastion_internal.forget_subject('unit');
CREATE TRIGGER roles_forget_shares AFTER DELETE ON bastion.roles
FOR EACH ROW EXECUTE FUNCTION bastion_internal.forget_subject('role');
CREATE TRIGGER tenants_forget_shares AFTER DELETE ON bastion.tenants
FOR EACH ROW EXECUTE FUNCTION bastion_internal.forget_subject('tenant');
ALTER TABLE bastion.users ENABLE ALWAYS TRIGGER users_forget_shares;
ALTER TABLE bastion.units ENABLE ALWAYS TRIGGER units_forget_shares;
ALTER TABLE bastion.roles ENABLE ALWAYS TRIGGER roles_forget_shares;
ALTER TABLE bastion.tenants ENABLE ALWAYS TRIGGER tenants_forget_shares;
COMMENT ON TRIGGER users_forget_shares ON bastion.users IS 'Deletes the shares with a deleted user';
COMMENT ON TRIGGER units_forget_shares ON bastion.units IS 'Deletes the shares with a deleted unit';
COMMENT ON TRIGGER roles_forget_shares ON bastion.roles IS 'Deletes the shares with a deleted role';
COMMENT ON TRIGGER tenants_forget_shares ON bastion.tenants IS 'Deletes the shares with a deleted tenant';

-- Default ACLs. Those of tenants and units are derived: their ids are in the rows of tenants and units, so restoring a dump creates them
-- again with the same ids. The membership refers to the default ACL of a member, so a dump restores that ACL first.

CREATE FUNCTION bastion_internal.make_default_acl() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_RELID = 'bastion.tenants'::regclass THEN
        INSERT INTO bastion.acls (id, tenant_id, kind) VALUES (NEW.acl_id, NEW.id, 'tenant');
    ELSE
        INSERT INTO bastion.acls (id, tenant_id, kind, unit_id) VALUES (NEW.acl_id, NEW.tenant_id, 'unit', NEW.id);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.make_default_acl() IS 'Trigger: creates the default ACL of a tenant or unit.';

CREATE TRIGGER tenants_default_acl AFTER INSERT ON bastion.tenants
FOR EACH ROW EXECUTE FUNCTION bastion_internal.make_default_acl();
CREATE TRIGGER units_default_acl AFTER INSERT ON bastion.units
FOR EACH ROW EXECUTE FUNCTION bastion_internal.make_default_acl();
ALTER TABLE bastion.tenants ENABLE ALWAYS TRIGGER tenants_default_acl;
ALTER TABLE bastion.units ENABLE ALWAYS TRIGGER units_default_acl;
COMMENT ON TRIGGER tenants_default_acl ON bastion.tenants IS 'Creates the default ACL';
COMMENT ON TRIGGER units_default_acl ON bastion.units IS 'Creates the default ACL';

CREATE FUNCTION bastion_internal.keep_default_acl() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'cannot replace the default access control list' USING ERRCODE = 'insufficient_privilege',
        DETAIL = 'Rows of protected tables refer to it.';
END
$$;
COMMENT ON FUNCTION bastion_internal.keep_default_acl() IS 'Trigger: refuses another default ACL for a tenant or unit. SQLSTATE 42501.';

CREATE TRIGGER tenants_keep_acl BEFORE UPDATE ON bastion.tenants
FOR EACH ROW WHEN (OLD.acl_id <> NEW.acl_id) EXECUTE FUNCTION bastion_internal.keep_default_acl();
CREATE TRIGGER units_keep_acl BEFORE UPDATE ON bastion.units
FOR EACH ROW WHEN (OLD.acl_id <> NEW.acl_id) EXECUTE FUNCTION bastion_internal.keep_default_acl();
COMMENT ON TRIGGER tenants_keep_acl ON bastion.tenants IS 'Refuses another default ACL';
COMMENT ON TRIGGER units_keep_acl ON bastion.units IS 'Refuses another default ACL';

CREATE FUNCTION bastion_internal.skip_derived_acl() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM bastion.acls a WHERE a.id = NEW.id) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION bastion_internal.skip_derived_acl() IS
'Trigger: skips a default ACL that exists already, because logical replication brings it beside its tenant or unit.';

CREATE TRIGGER acls_skip_derived BEFORE INSERT ON bastion.acls
FOR EACH ROW EXECUTE FUNCTION bastion_internal.skip_derived_acl();
ALTER TABLE bastion.acls ENABLE REPLICA TRIGGER acls_skip_derived;
COMMENT ON TRIGGER acls_skip_derived ON bastion.acls IS 'Skips a replicated row that exists already';

CREATE FUNCTION bastion_internal.member_acl(user_id uuid, tenant_id uuid) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off  -- a statement that adds members plans when there are few
AS $$
DECLARE
    found_acl bigint;
BEGIN
    SELECT a.id INTO found_acl FROM bastion.acls a
    WHERE a.user_id = member_acl.user_id AND a.tenant_id = member_acl.tenant_id;
    IF found_acl IS NULL THEN
        INSERT INTO bastion.acls (tenant_id, kind, user_id)
        SELECT t.id, 'user', u.id FROM bastion.tenants t, bastion.users u
        WHERE t.id = member_acl.tenant_id AND u.id = member_acl.user_id
        ON CONFLICT DO NOTHING RETURNING id INTO found_acl;
        -- Another transaction may have created it first.
        found_acl := coalesce(found_acl, (SELECT a.id FROM bastion.acls a
                                          WHERE a.user_id = member_acl.user_id AND a.tenant_id = member_acl.tenant_id));
    END IF;
    RETURN found_acl;
END
$$;
COMMENT ON FUNCTION bastion_internal.member_acl(uuid, uuid) IS
'The ACL of the rows that a user owns in a tenant, created lazily; NULL for an unknown user or tenant.';

CREATE FUNCTION bastion_internal.nobody_acl(tenant_id uuid) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_acl bigint := (SELECT a.id FROM bastion.acls a WHERE a.tenant_id = nobody_acl.tenant_id AND a.kind = 'nobody');
BEGIN
    IF found_acl IS NULL THEN
        INSERT INTO bastion.acls (tenant_id, kind) VALUES (nobody_acl.tenant_id, 'nobody')
        ON CONFLICT DO NOTHING RETURNING id INTO found_acl;
        -- Another transaction may have created it first.
        found_acl := coalesce(found_acl, (SELECT a.id FROM bastion.acls a WHERE a.tenant_id = nobody_acl.tenant_id AND a.kind = 'nobody'));
    END IF;
    RETURN found_acl;
END
$$;
COMMENT ON FUNCTION bastion_internal.nobody_acl(uuid) IS
'The ACL of the rows of a tenant that have no owner, created lazily: holders of resource.manage in the whole tenant alone reach them.';

ALTER TABLE bastion.memberships ADD COLUMN acl_id bigint,
    ADD CONSTRAINT memberships_acl_id_fkey FOREIGN KEY (acl_id) REFERENCES bastion.acls (id);
CREATE INDEX memberships_acl_id_idx ON bastion.memberships (acl_id);
COMMENT ON COLUMN bastion.memberships.acl_id IS
'The ACL of the rows that the user owns in the tenant, filled in by a trigger';

CREATE FUNCTION bastion_internal.fill_member_acl() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.acl_id := bastion_internal.member_acl(NEW.user_id, NEW.tenant_id);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION bastion_internal.fill_member_acl() IS 'Trigger: gives a new member an ACL for the rows that the member will own.';

CREATE TRIGGER memberships_fill_acl BEFORE INSERT OR UPDATE OF user_id, tenant_id, acl_id ON bastion.memberships
FOR EACH ROW EXECUTE FUNCTION bastion_internal.fill_member_acl();
ALTER TABLE bastion.memberships ENABLE ALWAYS TRIGGER memberships_fill_acl;
COMMENT ON TRIGGER memberships_fill_acl ON bastion.memberships IS 'Fills acl_id';


-- Who may do what with single rows. A row of a table under sharing names an access control list; rows with the same access
-- share one. Each tenant, unit and member has a default list, and the first share of a row gives it a list of its own.

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
    CONSTRAINT acls_kind_check CHECK (kind IN ('tenant', 'unit', 'user', 'row')),
    CONSTRAINT acls_place_check CHECK ((unit_id IS NULL OR kind = 'unit') AND (user_id IS NULL OR kind = 'user')
                                       AND (base_acl_id IS NULL OR kind = 'row')),
    CONSTRAINT acls_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id) ON DELETE CASCADE,
    -- Rows may still name the list of a unit or user that is gone: then only who manages the whole tenant sees them.
    CONSTRAINT acls_unit_id_fkey FOREIGN KEY (tenant_id, unit_id) REFERENCES bastion.units (tenant_id, id)
        ON DELETE SET NULL (unit_id),
    CONSTRAINT acls_user_id_fkey FOREIGN KEY (user_id) REFERENCES bastion.users (id) ON DELETE SET NULL
);
CREATE UNIQUE INDEX acls_of_tenant_idx ON bastion.acls (tenant_id) WHERE kind = 'tenant';
CREATE UNIQUE INDEX acls_of_unit_idx ON bastion.acls (unit_id) WHERE unit_id IS NOT NULL;
CREATE UNIQUE INDEX acls_of_user_idx ON bastion.acls (user_id, tenant_id) WHERE user_id IS NOT NULL;
CREATE INDEX acls_tenant_id_kind_idx ON bastion.acls (tenant_id, kind) INCLUDE (id);
CREATE INDEX acls_base_acl_id_idx ON bastion.acls (base_acl_id) INCLUDE (id) WHERE base_acl_id IS NOT NULL;
COMMENT ON TABLE bastion.acls IS 'Access control lists, which rows of tables under sharing name. Granted to nobody';
COMMENT ON COLUMN bastion.acls.id IS 'What the rows hold';
COMMENT ON COLUMN bastion.acls.tenant_id IS 'The tenant of those rows';
COMMENT ON COLUMN bastion.acls.kind IS 'tenant, unit, user: the default list of one of these; row: made by the first share of a row';
COMMENT ON COLUMN bastion.acls.unit_id IS 'Of kind unit: whose list it is; NULL when the unit is gone';
COMMENT ON COLUMN bastion.acls.user_id IS 'Of kind user: whose list it is; NULL when the user is gone';
COMMENT ON COLUMN bastion.acls.base_acl_id IS 'Of kind row: the default list that the row had before; who may through that one still may';
COMMENT ON COLUMN bastion.acls.relation IS 'Of kind row: the table, for people';
COMMENT ON COLUMN bastion.acls.row_key IS 'Of kind row: the key in the table, for people';
-- Triggers make the lists of tenants and units again.
SELECT pg_extension_config_dump('bastion.acls', $$WHERE kind IN ('user', 'row') OR kind = 'unit' AND unit_id IS NULL$$);
SELECT pg_extension_config_dump('bastion.acls_id_seq', '');
ALTER TABLE bastion.acls ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION bastion_internal.is_list_of_user(acl_id bigint) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT FROM bastion.acls a WHERE a.id = is_list_of_user.acl_id AND a.kind = 'user') $$;
COMMENT ON FUNCTION bastion_internal.is_list_of_user(bigint) IS 'Whether this is the default access control list of a user.';

-- A list of a tenant or unit, and that of a row which had one of these before, concern everybody who works there.
CREATE TRIGGER acls_invalidate_insert AFTER INSERT ON bastion.acls
FOR EACH ROW WHEN (NEW.kind IN ('tenant', 'unit') OR NEW.base_acl_id IS NOT NULL AND NOT bastion_internal.is_list_of_user(NEW.base_acl_id))
EXECUTE FUNCTION bastion_internal.invalidate('place', 'tenant_id');
-- The list of a user concerns that user, and that of a row which had it before, whoever the user's list concerns: the user,
-- and with whom it is shared. Both concern who manages the rows of everybody. The kind of a list never changes, so that
-- reading it here cannot be outrun.
CREATE TRIGGER acls_invalidate_insert_own AFTER INSERT ON bastion.acls
FOR EACH ROW WHEN (NEW.kind IN ('user', 'row'))
EXECUTE FUNCTION bastion_internal.invalidate('user', 'user_id', 'list', 'base_acl_id', 'managers', 'tenant_id');
-- Rare. Of another tenant than the own, sets hold lists of rows that are shared, and their shares go with them, and those of
-- rows whose default list is shared: who has such a share has the place on the list.
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
'The least level of a share that allows each action; an action that is not here needs manage';
COMMENT ON COLUMN bastion.level_actions.action IS 'The last word of a permission';
COMMENT ON COLUMN bastion.level_actions.level IS '1 read, 2 write, 3 deploy, 4 manage; each includes those below';
COMMENT ON COLUMN bastion.level_actions.system IS 'Made by the extension; cannot be changed';
SELECT pg_extension_config_dump('bastion.level_actions', 'WHERE NOT system');
ALTER TABLE bastion.level_actions ENABLE ROW LEVEL SECURITY;
-- What every share means.
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
'The least level of a share that allows an action: 1 read, 2 write, 3 deploy, 4 manage.';

CREATE FUNCTION bastion_internal.level_number(level text) RETURNS smallint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT array_position(ARRAY['read', 'write', 'deploy', 'manage'], level)::smallint $$;
COMMENT ON FUNCTION bastion_internal.level_number(text) IS 'The number of a level, 1 to 4; NULL for another word.';

CREATE FUNCTION bastion_internal.level_name(level smallint) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT (ARRAY['read', 'write', 'deploy', 'manage'])[level] $$;
COMMENT ON FUNCTION bastion_internal.level_name(smallint) IS 'The word of a level: read, write, deploy or manage.';

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
COMMENT ON TABLE bastion.acl_entries IS 'Shares: who may do what with the rows that name an access control list. Granted to nobody';
COMMENT ON COLUMN bastion.acl_entries.acl_id IS 'The list';
COMMENT ON COLUMN bastion.acl_entries.subject_kind IS
'With whom: a user; the members of a unit or of a unit below it; who holds a role in the whole tenant; the members of a tenant';
COMMENT ON COLUMN bastion.acl_entries.subject_id IS 'The user, unit, role or tenant; the entry goes when that is deleted';
COMMENT ON COLUMN bastion.acl_entries.level IS '1 read, 2 write, 3 deploy, 4 manage; see level_actions';
COMMENT ON COLUMN bastion.acl_entries.valid_until IS 'When it ends; NULL: never';
COMMENT ON COLUMN bastion.acl_entries.granted_by IS 'The user who shared, when a context named one; may be gone';
COMMENT ON COLUMN bastion.acl_entries.granted_at IS 'When the level was given';
COMMENT ON COLUMN bastion.acl_entries.tenant_id IS 'The tenant of the list, filled in by a trigger';
COMMENT ON COLUMN bastion.acl_entries.acl_kind IS 'The kind of the list, filled in by a trigger';
SELECT pg_extension_config_dump('bastion.acl_entries', '');
ALTER TABLE bastion.acl_entries ENABLE ROW LEVEL SECURITY;
-- Whom it reaches, and in whatever tenant they work, with the tenant of the rows for a role that every tenant can use: its
-- holders elsewhere have nothing of it. A new subject of somebody, a membership for one, comes with that one's own message;
-- a unit moved above theirs, with that of the tree. Its end is in rights_valid_until(), read with the concerns.
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
COMMENT ON FUNCTION bastion_internal.fill_acl_entry() IS 'Trigger: copies tenant and kind of the list.';

CREATE TRIGGER acl_entries_fill BEFORE INSERT OR UPDATE ON bastion.acl_entries
FOR EACH ROW EXECUTE FUNCTION bastion_internal.fill_acl_entry();
COMMENT ON TRIGGER acl_entries_fill ON bastion.acl_entries IS 'Fills tenant_id and acl_kind';

-- Subjects are of four tables, so no foreign key removes an entry.
CREATE FUNCTION bastion_internal.forget_subject() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM bastion.acl_entries e WHERE e.subject_kind = TG_ARGV[0] AND e.subject_id = OLD.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.forget_subject() IS 'Trigger: removes the shares with a user, unit, role or tenant that is deleted.';

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
COMMENT ON TRIGGER users_forget_shares ON bastion.users IS 'Leaves no share with a user who is gone';
COMMENT ON TRIGGER units_forget_shares ON bastion.units IS 'Leaves no share with a unit that is gone';
COMMENT ON TRIGGER roles_forget_shares ON bastion.roles IS 'Leaves no share with a role that is gone';
COMMENT ON TRIGGER tenants_forget_shares ON bastion.tenants IS 'Leaves no share with a tenant that is gone';

-- Default lists. Those of tenants and units are derived: their ids stand in the tenant and in the unit, so a restored dump,
-- whose tables name these ids, makes them again. That of a member is referenced by the membership, so a dump restores it first.

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
COMMENT ON FUNCTION bastion_internal.make_default_acl() IS 'Trigger: makes the default list of a tenant or unit.';

CREATE TRIGGER tenants_default_acl AFTER INSERT ON bastion.tenants
FOR EACH ROW EXECUTE FUNCTION bastion_internal.make_default_acl();
CREATE TRIGGER units_default_acl AFTER INSERT ON bastion.units
FOR EACH ROW EXECUTE FUNCTION bastion_internal.make_default_acl();
ALTER TABLE bastion.tenants ENABLE ALWAYS TRIGGER tenants_default_acl;
ALTER TABLE bastion.units ENABLE ALWAYS TRIGGER units_default_acl;
COMMENT ON TRIGGER tenants_default_acl ON bastion.tenants IS 'Makes the default access control list';
COMMENT ON TRIGGER units_default_acl ON bastion.units IS 'Makes the default access control list';

CREATE FUNCTION bastion_internal.keep_default_acl() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'the default access control list cannot be exchanged' USING ERRCODE = 'insufficient_privilege',
        DETAIL = 'Rows of protected tables name it.';
END
$$;
COMMENT ON FUNCTION bastion_internal.keep_default_acl() IS 'Trigger: refuses another default list for a tenant or unit, SQLSTATE 42501.';

CREATE TRIGGER tenants_keep_acl BEFORE UPDATE ON bastion.tenants
FOR EACH ROW WHEN (OLD.acl_id <> NEW.acl_id) EXECUTE FUNCTION bastion_internal.keep_default_acl();
CREATE TRIGGER units_keep_acl BEFORE UPDATE ON bastion.units
FOR EACH ROW WHEN (OLD.acl_id <> NEW.acl_id) EXECUTE FUNCTION bastion_internal.keep_default_acl();
COMMENT ON TRIGGER tenants_keep_acl ON bastion.tenants IS 'Keeps the default access control list';
COMMENT ON TRIGGER units_keep_acl ON bastion.units IS 'Keeps the default access control list';

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
'Trigger: where the lists are replicated beside tenants and units, a default list comes twice.';

CREATE TRIGGER acls_skip_derived BEFORE INSERT ON bastion.acls
FOR EACH ROW EXECUTE FUNCTION bastion_internal.skip_derived_acl();
ALTER TABLE bastion.acls ENABLE REPLICA TRIGGER acls_skip_derived;
COMMENT ON TRIGGER acls_skip_derived ON bastion.acls IS 'Takes a replicated row once';

CREATE FUNCTION bastion_internal.member_acl(user_id uuid, tenant_id uuid) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
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
        -- Another transaction may have been faster.
        found_acl := coalesce(found_acl, (SELECT a.id FROM bastion.acls a
                                          WHERE a.user_id = member_acl.user_id AND a.tenant_id = member_acl.tenant_id));
    END IF;
    RETURN found_acl;
END
$$;
COMMENT ON FUNCTION bastion_internal.member_acl(uuid, uuid) IS
'The list of the rows that a user owns in a tenant, made when there is none; NULL without such a user or tenant.';

ALTER TABLE bastion.memberships ADD COLUMN acl_id bigint,
    ADD CONSTRAINT memberships_acl_id_fkey FOREIGN KEY (acl_id) REFERENCES bastion.acls (id);
CREATE INDEX memberships_acl_id_idx ON bastion.memberships (acl_id);
COMMENT ON COLUMN bastion.memberships.acl_id IS
'The access control list of the rows that the user owns in the tenant, filled in by a trigger';

CREATE FUNCTION bastion_internal.fill_member_acl() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.acl_id := bastion_internal.member_acl(NEW.user_id, NEW.tenant_id);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION bastion_internal.fill_member_acl() IS 'Trigger: gives a new member a list for the rows that they will own.';

CREATE TRIGGER memberships_fill_acl BEFORE INSERT OR UPDATE OF user_id, tenant_id, acl_id ON bastion.memberships
FOR EACH ROW EXECUTE FUNCTION bastion_internal.fill_member_acl();
ALTER TABLE bastion.memberships ENABLE ALWAYS TRIGGER memberships_fill_acl;
COMMENT ON TRIGGER memberships_fill_acl ON bastion.memberships IS 'Fills acl_id';


-- Tenants, the units inside them, users and their passwords.

-- Ids of ACLs, whose table tables_acl.sql creates. The rows of tenants and units hold the ids of their default ACLs.
CREATE SEQUENCE bastion.acls_id_seq AS bigint;
COMMENT ON SEQUENCE bastion.acls_id_seq IS 'Ids of bastion.acls';

CREATE TABLE bastion.tenants (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    number bigint GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    slug text COLLATE "C" NOT NULL,
    plan text NOT NULL DEFAULT 'free',
    status text NOT NULL DEFAULT 'active',
    acl_id bigint NOT NULL DEFAULT nextval('bastion.acls_id_seq'),
    password_min_length integer,
    mfa text NOT NULL DEFAULT 'off',
    mfa_remember interval,
    created_at timestamptz NOT NULL DEFAULT now(),
    delete_at timestamptz,
    CONSTRAINT tenants_pkey PRIMARY KEY (id),
    CONSTRAINT tenants_number_key UNIQUE (number),
    CONSTRAINT tenants_slug_key UNIQUE (slug),
    CONSTRAINT tenants_name_check CHECK (bastion_internal.is_label(name)),
    CONSTRAINT tenants_slug_check CHECK (bastion.is_slug(slug)),
    CONSTRAINT tenants_plan_check CHECK (bastion_internal.is_label(plan)),
    CONSTRAINT tenants_status_check CHECK (status IN ('active', 'suspended', 'deleting')),
    CONSTRAINT tenants_delete_at_check CHECK ((status = 'deleting') = (delete_at IS NOT NULL)),
    CONSTRAINT tenants_mfa_check CHECK (mfa IN ('off', 'required', 'phishing_resistant')),
    CONSTRAINT tenants_mfa_remember_check CHECK (mfa_remember IS NULL OR (mfa = 'required' AND bastion_internal.lasts(mfa_remember, '1 hour', '90 days'))),
    CONSTRAINT tenants_password_min_length_check CHECK (password_min_length BETWEEN 8 AND 128)
);
COMMENT ON TABLE bastion.tenants IS 'The isolation boundary: an organization or a workspace';
COMMENT ON COLUMN bastion.tenants.id IS 'Identifier in contexts, tokens and protected tables';
COMMENT ON COLUMN bastion.tenants.number IS 'A short stable number for tables that keep a bigint instead of the uuid';
COMMENT ON COLUMN bastion.tenants.name IS 'Display name; need not be unique';
COMMENT ON COLUMN bastion.tenants.slug IS 'Unique name in URLs and arguments; never a uuid';
COMMENT ON COLUMN bastion.tenants.plan IS 'The plan that the tenant has subscribed to, which rate limits and quotas may depend on';
COMMENT ON COLUMN bastion.tenants.status IS 'active; suspended: no user can work in it; deleting: likewise, a member asked for it, and an owner can cancel until delete_at';
COMMENT ON COLUMN bastion.tenants.acl_id IS 'The default ACL of its rows';
COMMENT ON COLUMN bastion.tenants.password_min_length IS
'Fewest characters of a new password of a member, where that is more than bastion.password_min_length; NULL: no rule of its own';
COMMENT ON COLUMN bastion.tenants.mfa IS
'off; required: a session of level aal1 holds nothing in the tenant but what belongs to the person (see step_up_rules); phishing_resistant: so does one without a passkey';
COMMENT ON COLUMN bastion.tenants.mfa_remember IS
'Where mfa is required: how long after a second factor a device that the user had remembered stands in for it; NULL: not at all';
COMMENT ON COLUMN bastion.tenants.created_at IS 'When the tenant was created';
COMMENT ON COLUMN bastion.tenants.delete_at IS 'When tenants_purge() deletes a tenant whose status is deleting';
SELECT pg_extension_config_dump('bastion.tenants', '');
SELECT pg_extension_config_dump('bastion.tenants_number_seq', '');
ALTER TABLE bastion.tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenants_of_context ON bastion.tenants FOR SELECT
    USING (id = (SELECT bastion.tenant_id()));
COMMENT ON POLICY tenants_of_context ON bastion.tenants IS 'The tenant of the context';
SELECT bastion_internal.readable_by('bastion.tenants', 'application');
-- Status and number affect the users who work in the tenant, and its members in whatever tenant they work: can_in_tenant() covers
-- all memberships. The slug may be the name by which the tenant was chosen; a refused one was not cached. Holders of a role in every
-- tenant hold it in a new tenant. Whether a second factor is required also affects users of other tenants with whom rows are shared.
CREATE TRIGGER tenants_invalidate AFTER INSERT OR DELETE ON bastion.tenants
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('tenant', 'id', 'platform');
CREATE TRIGGER tenants_invalidate_update AFTER UPDATE ON bastion.tenants
FOR EACH ROW WHEN (ROW(OLD.id, OLD.number, OLD.slug, OLD.status, OLD.acl_id, OLD.mfa, OLD.mfa_remember) IS DISTINCT FROM
                   ROW(NEW.id, NEW.number, NEW.slug, NEW.status, NEW.acl_id, NEW.mfa, NEW.mfa_remember))
EXECUTE FUNCTION bastion_internal.invalidate('tenant', 'id', 'platform');
-- Rights do not depend on the plan, and rate limits and quotas on nothing else.
CREATE TRIGGER tenants_invalidate_plan AFTER UPDATE ON bastion.tenants
FOR EACH ROW WHEN (OLD.plan IS DISTINCT FROM NEW.plan) EXECUTE FUNCTION bastion_internal.invalidate('rate_limits', 'quotas');
CREATE TRIGGER tenants_invalidate_truncate AFTER TRUNCATE ON bastion.tenants
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('all');
ALTER TABLE bastion.tenants ENABLE ALWAYS TRIGGER tenants_invalidate;
ALTER TABLE bastion.tenants ENABLE ALWAYS TRIGGER tenants_invalidate_update;
ALTER TABLE bastion.tenants ENABLE ALWAYS TRIGGER tenants_invalidate_truncate;
ALTER TABLE bastion.tenants ENABLE ALWAYS TRIGGER tenants_invalidate_plan;

CREATE TABLE bastion.units (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    slug text COLLATE "C",
    acl_id bigint NOT NULL DEFAULT nextval('bastion.acls_id_seq'),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT units_pkey PRIMARY KEY (id),
    CONSTRAINT units_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT units_tenant_id_slug_key UNIQUE (tenant_id, slug),
    CONSTRAINT units_kind_check CHECK (bastion_internal.is_word(kind)),
    CONSTRAINT units_name_check CHECK (bastion_internal.is_label(name)),
    CONSTRAINT units_slug_check CHECK (bastion.is_slug(slug)),
    CONSTRAINT units_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id) ON DELETE CASCADE
);
COMMENT ON TABLE bastion.units IS 'Teams, projects and the like: with unit_parents a tree inside a tenant';
COMMENT ON COLUMN bastion.units.id IS 'Identifier in contexts';
COMMENT ON COLUMN bastion.units.tenant_id IS 'The tenant it belongs to';
COMMENT ON COLUMN bastion.units.kind IS 'One word that the application chooses: team, project, department';
COMMENT ON COLUMN bastion.units.name IS 'Display name';
COMMENT ON COLUMN bastion.units.slug IS 'Optional name in URLs and arguments, unique in the tenant; never a uuid';
COMMENT ON COLUMN bastion.units.acl_id IS 'The default ACL of its rows';
COMMENT ON COLUMN bastion.units.created_at IS 'When the unit was created';
SELECT pg_extension_config_dump('bastion.units', '');
ALTER TABLE bastion.units ENABLE ROW LEVEL SECURITY;
CREATE POLICY units_of_tenant ON bastion.units FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_id()));
COMMENT ON POLICY units_of_tenant ON bastion.units IS 'The units of the context''s tenant';
SELECT bastion_internal.readable_by('bastion.units', 'application');
-- A user who holds a permission in the whole tenant holds it on the ACL of each unit, so that a new unit affects that user. Units of
-- other tenants affect no one: a share of rows with a unit reaches only users who work in the tenant of that unit.
CREATE TRIGGER units_invalidate AFTER INSERT OR DELETE ON bastion.units
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('place', 'tenant_id');
CREATE TRIGGER units_invalidate_update AFTER UPDATE ON bastion.units
FOR EACH ROW WHEN (ROW(OLD.id, OLD.tenant_id, OLD.slug, OLD.acl_id) IS DISTINCT FROM
                   ROW(NEW.id, NEW.tenant_id, NEW.slug, NEW.acl_id))
EXECUTE FUNCTION bastion_internal.invalidate('place', 'tenant_id');
CREATE TRIGGER units_invalidate_truncate AFTER TRUNCATE ON bastion.units
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('all');
ALTER TABLE bastion.units ENABLE ALWAYS TRIGGER units_invalidate;
ALTER TABLE bastion.units ENABLE ALWAYS TRIGGER units_invalidate_update;
ALTER TABLE bastion.units ENABLE ALWAYS TRIGGER units_invalidate_truncate;

-- A separate table: if units referred to itself, pg_dump would see a cycle, warn, and be unable to order the rows.
CREATE TABLE bastion.unit_parents (
    unit_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    parent_id uuid NOT NULL,
    CONSTRAINT unit_parents_pkey PRIMARY KEY (unit_id),
    -- The keys include the tenant, so that a parent is always in the same one. A unit with children cannot be deleted. Deleting the
    -- tenant deletes all of them, because its own reference cascades before the references of the units are checked.
    CONSTRAINT unit_parents_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id) ON DELETE CASCADE,
    CONSTRAINT unit_parents_unit_id_fkey FOREIGN KEY (tenant_id, unit_id) REFERENCES bastion.units (tenant_id, id)
        ON DELETE CASCADE,
    CONSTRAINT unit_parents_parent_id_fkey FOREIGN KEY (tenant_id, parent_id) REFERENCES bastion.units (tenant_id, id)
);
CREATE INDEX unit_parents_tenant_id_parent_id_idx ON bastion.unit_parents (tenant_id, parent_id);
COMMENT ON TABLE bastion.unit_parents IS 'The unit above each unit; a unit without a row is at the top';
COMMENT ON COLUMN bastion.unit_parents.unit_id IS 'The unit';
COMMENT ON COLUMN bastion.unit_parents.tenant_id IS 'The tenant of both units';
COMMENT ON COLUMN bastion.unit_parents.parent_id IS 'The unit above it';
SELECT pg_extension_config_dump('bastion.unit_parents', '');
ALTER TABLE bastion.unit_parents ENABLE ROW LEVEL SECURITY;
CREATE POLICY unit_parents_of_tenant ON bastion.unit_parents FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_id()));
COMMENT ON POLICY unit_parents_of_tenant ON bastion.unit_parents IS 'The tree of units of the context''s tenant';
SELECT bastion_internal.readable_by('bastion.unit_parents', 'application');
-- Both units are in one tenant, so one message suffices.
CREATE TRIGGER unit_parents_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.unit_parents
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('place', 'tenant_id');
CREATE TRIGGER unit_parents_invalidate_truncate AFTER TRUNCATE ON bastion.unit_parents
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('all');
ALTER TABLE bastion.unit_parents ENABLE ALWAYS TRIGGER unit_parents_invalidate;
ALTER TABLE bastion.unit_parents ENABLE ALWAYS TRIGGER unit_parents_invalidate_truncate;

CREATE FUNCTION bastion_internal.check_unit_tree() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Two concurrent moves may form a cycle together, so they wait for each other.
    PERFORM FROM bastion.tenants t WHERE t.id = NEW.tenant_id FOR NO KEY UPDATE;
    IF EXISTS (
        WITH RECURSIVE above AS (
            SELECT NEW.parent_id AS id
            UNION
            SELECT p.parent_id FROM above JOIN bastion.unit_parents p ON p.unit_id = above.id
        )
        SELECT FROM above WHERE id = NEW.unit_id
    ) THEN
        RAISE EXCEPTION 'a unit cannot be below itself' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_unit_tree() IS
'Trigger: refuses a unit that would be its own ancestor. SQLSTATE 23514.';

CREATE TRIGGER unit_parents_check_tree AFTER INSERT OR UPDATE ON bastion.unit_parents
FOR EACH ROW EXECUTE FUNCTION bastion_internal.check_unit_tree();
COMMENT ON TRIGGER unit_parents_check_tree ON bastion.unit_parents IS 'Keeps units a tree';

CREATE TABLE bastion.users (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    email text COLLATE "C",
    email_verified_at timestamptz,
    username text COLLATE "C",
    display_name text,
    plan text NOT NULL DEFAULT 'free',
    status text NOT NULL DEFAULT 'active',
    created_at timestamptz NOT NULL DEFAULT now(),
    last_login_at timestamptz,
    delete_at timestamptz,
    login_epoch integer NOT NULL DEFAULT 0,
    anonymous boolean NOT NULL DEFAULT false,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    -- Checks keep both in lower case, so they are unique regardless of the case that a user types.
    CONSTRAINT users_email_key UNIQUE (email),
    CONSTRAINT users_username_key UNIQUE (username),
    CONSTRAINT users_email_check CHECK (bastion.is_email(email)),
    CONSTRAINT users_email_verified_at_check CHECK (email IS NOT NULL OR email_verified_at IS NULL),
    CONSTRAINT users_username_check CHECK (bastion.is_username(username)),
    CONSTRAINT users_display_name_check CHECK (bastion_internal.is_label(display_name)),
    CONSTRAINT users_plan_check CHECK (bastion_internal.is_label(plan)),
    CONSTRAINT users_status_check CHECK (status IN ('active', 'disabled', 'pending', 'deleting')),
    CONSTRAINT users_delete_at_check CHECK ((status IN ('pending', 'deleting')) = (delete_at IS NOT NULL))
);
COMMENT ON TABLE bastion.users IS 'People and machines that can log in; they are global and can be members of several tenants';
COMMENT ON COLUMN bastion.users.id IS 'Identifier in contexts, tokens and protected tables';
COMMENT ON COLUMN bastion.users.email IS 'E-mail address in lower case; identifies the user at login. NULL while nobody has shown that mail to it arrives, under bastion.signup_verification, and after somebody else has';
COMMENT ON COLUMN bastion.users.email_verified_at IS 'When the user showed, by a token that was mailed there, that mail to the address arrives; NULL: never. Others may still take the address';
COMMENT ON COLUMN bastion.users.username IS 'Optional short name in lower case; identifies the user at login';
COMMENT ON COLUMN bastion.users.display_name IS 'Display name';
COMMENT ON COLUMN bastion.users.plan IS 'The plan that the user has subscribed to, for quotas of scope account';
COMMENT ON COLUMN bastion.users.status IS 'active; disabled: cannot log in, and tokens issued before are refused; pending: the address is not verified yet; deleting: the user asked for it, and can cancel until delete_at';
COMMENT ON COLUMN bastion.users.created_at IS 'When the account was created';
COMMENT ON COLUMN bastion.users.last_login_at IS 'When the user last logged in';
COMMENT ON COLUMN bastion.users.delete_at IS 'When users_purge() deletes a pending or deleting account';
COMMENT ON COLUMN bastion.users.login_epoch IS 'How often the sessions of the user were ended: the challenges of a login of before are refused';
COMMENT ON COLUMN bastion.users.anonymous IS 'Whether the user has neither address nor user name yet, and only sessions let in: see bastion_api.account_convert()';
SELECT pg_extension_config_dump('bastion.users', '');
ALTER TABLE bastion.users ENABLE ROW LEVEL SECURITY;
CREATE POLICY users_self ON bastion.users FOR SELECT
    USING (id = (SELECT bastion.user_id()));
COMMENT ON POLICY users_self ON bastion.users IS 'The user of the context';
SELECT bastion_internal.readable_by('bastion.users', 'application');
-- Rights depend on the status of their own user only. Deleting a user also deletes memberships, grants and shares, whose triggers
-- send messages of their own; the ACLs of the user stay, changed by an UPDATE of acls. A login changes no rights.
CREATE TRIGGER users_invalidate AFTER INSERT OR DELETE ON bastion.users
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('user', 'id');
CREATE TRIGGER users_invalidate_update AFTER UPDATE ON bastion.users
FOR EACH ROW WHEN (ROW(OLD.id, OLD.status) IS DISTINCT FROM ROW(NEW.id, NEW.status))
EXECUTE FUNCTION bastion_internal.invalidate('user', 'id');
-- Rights do not depend on the plan, and quotas alone do.
CREATE TRIGGER users_invalidate_plan AFTER UPDATE ON bastion.users
FOR EACH ROW WHEN (OLD.plan IS DISTINCT FROM NEW.plan) EXECUTE FUNCTION bastion_internal.invalidate('quotas');
CREATE TRIGGER users_invalidate_truncate AFTER TRUNCATE ON bastion.users
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('all');
ALTER TABLE bastion.users ENABLE ALWAYS TRIGGER users_invalidate;
ALTER TABLE bastion.users ENABLE ALWAYS TRIGGER users_invalidate_update;
ALTER TABLE bastion.users ENABLE ALWAYS TRIGGER users_invalidate_plan;
ALTER TABLE bastion.users ENABLE ALWAYS TRIGGER users_invalidate_truncate;

CREATE TABLE bastion.user_passwords (
    user_id uuid NOT NULL,
    hash text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    is_short boolean NOT NULL DEFAULT false,
    CONSTRAINT user_passwords_pkey PRIMARY KEY (user_id),
    CONSTRAINT user_passwords_hash_check CHECK (bastion_internal.is_password_hash(hash)),
    CONSTRAINT user_passwords_user_id_fkey FOREIGN KEY (user_id) REFERENCES bastion.users (id) ON DELETE CASCADE
);
COMMENT ON TABLE bastion.user_passwords IS
'Password hashes, apart from users so that no grant on users ever reaches them; granted to nobody';
COMMENT ON COLUMN bastion.user_passwords.user_id IS 'The user; one without a row has no password';
COMMENT ON COLUMN bastion.user_passwords.hash IS 'A hash that bastion.password_verify() can verify; bastion.password_format() explains';
COMMENT ON COLUMN bastion.user_passwords.changed_at IS
'When the password was chosen; not changed when the same password is hashed again';
COMMENT ON COLUMN bastion.user_passwords.is_short IS
'Whether it has fewer characters than bastion.password_min_length, so that it was accepted beside a second factor alone';
SELECT pg_extension_config_dump('bastion.user_passwords', '');
ALTER TABLE bastion.user_passwords ENABLE ROW LEVEL SECURITY;


-- Users and tenants as JSON for front doors, the identity of the caller (me()), and impersonation.

CREATE FUNCTION bastion_internal.require_writable(activity text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION '% needs a read-write transaction', activity USING ERRCODE = 'read_only_sql_transaction',
            DETAIL = 'It is recorded in bastion.events.',
            HINT = 'Connect to the primary server; over PostgREST send POST.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_writable(text) IS
'Raises SQLSTATE 25006 in a READ ONLY transaction and on a standby.';

CREATE FUNCTION bastion_internal.new_slug(name text) RETURNS text
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH base AS (
        SELECT btrim(left(regexp_replace(lower(name COLLATE "C"), '[^a-z0-9]+', '-', 'g'), 31), '-') AS slug
    ), named AS (
        SELECT coalesce(nullif(slug, ''), 'tenant') AS slug FROM base
    )
    SELECT CASE WHEN EXISTS (SELECT FROM bastion.tenants t WHERE t.slug = named.slug)
                THEN named.slug || '-' || left(gen_random_uuid()::text, 6)
                ELSE named.slug END
    FROM named
$$;
COMMENT ON FUNCTION bastion_internal.new_slug(text) IS
'A slug made from the ASCII letters and digits of a name, with a random suffix if the plain slug is taken. Another transaction may still take it before the INSERT.';

CREATE FUNCTION bastion_internal.tenant_create(name text, owner uuid) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    new_id uuid;
BEGIN
    WHILE new_id IS NULL LOOP
        INSERT INTO bastion.tenants (name, slug) VALUES (tenant_create.name, bastion_internal.new_slug(tenant_create.name))
        ON CONFLICT (slug) DO NOTHING RETURNING id INTO new_id;
    END LOOP;
    INSERT INTO bastion.units (tenant_id, kind, name, slug) VALUES (new_id, 'team', 'Default', 'default');
    INSERT INTO bastion.memberships (user_id, tenant_id, role_id) VALUES (owner, new_id, bastion_internal.owner_role());
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION bastion_internal.tenant_create(text, uuid) IS
'Creates a tenant with its default team and its owner, under a free slug made from the name.';

CREATE FUNCTION bastion_internal.user_object(user_id uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT jsonb_build_object('id', u.id, 'email', u.email, 'username', u.username, 'display_name', u.display_name)
        FROM bastion.users u WHERE u.id = user_object.user_id
    );
END
$$;
COMMENT ON FUNCTION bastion_internal.user_object(uuid) IS 'A user as JSON for front doors: id, email, username, display_name.';

CREATE FUNCTION bastion_internal.tenant_role(user_id uuid, tenant_id uuid) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT r.name FROM bastion.memberships_in_force m JOIN bastion.roles r ON r.id = m.role_id
        WHERE m.user_id = tenant_role.user_id AND m.tenant_id = tenant_role.tenant_id AND m.unit_id IS NULL
        ORDER BY m.role_id = bastion_internal.owner_role() DESC, m.created_at, m.id LIMIT 1
    );
END
$$;
COMMENT ON FUNCTION bastion_internal.tenant_role(uuid, uuid) IS
'The name of the role that a user has in the whole tenant: owner, else the first one; NULL for a member of single units only.';

CREATE FUNCTION bastion_internal.tenant_object(tenant_id uuid, user_id uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT jsonb_build_object('id', t.id, 'number', t.number, 'slug', t.slug, 'name', t.name,
                                  'role', bastion_internal.tenant_role(tenant_object.user_id, t.id))
        FROM bastion.tenants t WHERE t.id = tenant_object.tenant_id
    );
END
$$;
COMMENT ON FUNCTION bastion_internal.tenant_object(uuid, uuid) IS
'A tenant as JSON for front doors: id, number, slug, name, and the role of the user in the whole tenant.';

CREATE FUNCTION bastion_internal.unit_object(unit_id uuid) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('id', u.id, 'slug', u.slug, 'kind', u.kind, 'name', u.name)
    FROM bastion.units u WHERE u.id = unit_object.unit_id
$$;
COMMENT ON FUNCTION bastion_internal.unit_object(uuid) IS 'A unit as JSON for front doors: id, slug, kind, name.';

CREATE FUNCTION bastion_internal.role_names(user_id uuid, tenant_id uuid, unit_id uuid) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(DISTINCT r.name), '{}')
    FROM bastion_internal.roles_in_force(role_names.user_id, role_names.tenant_id, role_names.unit_id) f
    JOIN bastion.roles r ON r.id = f.role_id
$$;
COMMENT ON FUNCTION bastion_internal.role_names(uuid, uuid, uuid) IS
'The names of the roles that a user has in a tenant and unit, sorted.';

-- The identity of the caller

CREATE FUNCTION bastion_api.me() RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal();
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    RETURN bastion_internal.answer(jsonb_build_object(
        'user', bastion_internal.user_object(bastion.user_id()),
        'actor_id', bastion.actor_id(),
        'tenant', bastion_internal.tenant_object(bastion.tenant_id(), bastion.user_id()),
        'unit', bastion_internal.unit_object(bastion.unit_id()),
        'roles', to_jsonb(bastion_internal.role_names(bastion.user_id(), bastion.tenant_id(), bastion.unit_id())),
        'permissions', to_jsonb(ARRAY(SELECT p FROM bastion.permissions() p ORDER BY p COLLATE "C")),
        'level', bastion.auth_level()));
END
$$;
COMMENT ON FUNCTION bastion_api.me() IS
'The identity of this transaction as JSON: user, actor_id (differs under impersonation), tenant, unit, names of the roles, effective permissions, level. tenant and unit are null where none was chosen.
Refusals: unauthenticated, invalid_token.
SQLSTATE 25000 when the transaction has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.me()', 'application');

-- Impersonation

CREATE FUNCTION bastion.impersonate(for_user text, tenant text, reason text, read_only boolean DEFAULT true)
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_user uuid := bastion_internal.any_user_named(for_user);
    found_tenant uuid := bastion_internal.find_tenant(tenant);
BEGIN
    IF bastion_internal.is_label(reason) IS NOT TRUE THEN
        RAISE EXCEPTION 'impersonation needs a reason' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'The reason has 1 to 200 printable characters and is recorded.';
    END IF;
    IF num_nulls(for_user, tenant, read_only) > 0 THEN
        RAISE EXCEPTION 'for_user, tenant and read_only must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM bastion_internal.require_writable('impersonation');
    PERFORM bastion_internal.record_event('impersonation', 'success', found_user, found_tenant,
        jsonb_build_object('reason', reason, 'read_only', read_only, 'role', session_user));
    -- A ROLLBACK removes the event, but not this line.
    RAISE LOG 'role % impersonates user % in tenant %', session_user, found_user, found_tenant USING DETAIL = reason;
    RETURN bastion_internal.context_impersonate(found_user, coalesce(found_tenant, '00000000-0000-0000-0000-000000000000'), read_only);
END
$$;
COMMENT ON FUNCTION bastion.impersonate(text, text, text, boolean) IS
'Makes another user (uuid, e-mail address or user name) the identity of this transaction, in one tenant (uuid or slug), and keeps the actor.
The transaction is read-only unless read_only is false. Recorded in bastion.events with the reason, and in the server log.
For support: EXECUTE is granted to nobody.
SQLSTATE 22023 without a reason, 22004 for another NULL argument, 28000 when the user may not work there, 25000 when the transaction has another identity already, 25006 in a READ ONLY transaction.';
SELECT bastion_internal.event_kind('impersonation');

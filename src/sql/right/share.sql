
-- Sharing of single rows of tables that are protected with sharing. share() and its variants are in C and run as the caller. A SECURITY
-- DEFINER function returns how to find the row. The library reads and changes it with the privileges of the table's owner, but runs code
-- as the caller. Another SECURITY DEFINER function checks what was found. None of these is granted to a role, because they trust their
-- arguments.

CREATE FUNCTION bastion_internal.require_sharing(relation regclass) RETURNS bastion.protected_tables
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    spec bastion.protected_tables;
BEGIN
    SELECT n.* INTO spec FROM bastion.protected_tables p, bastion_internal.protection_now(p) n
    WHERE p.relation = bastion_internal.protect_root(require_sharing.relation) AND p.options ->> 'sharing' IN ('tenant', 'cross_tenant');
    IF NOT FOUND THEN
        RAISE EXCEPTION 'rows of this table cannot be shared' USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Its owner calls bastion.protect() with sharing => ''tenant'' or ''cross_tenant''.';
    END IF;
    RETURN spec;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_sharing(regclass) IS
'The protection of a table whose rows can be shared. SQLSTATE 55000 otherwise.';

-- Uses the operator of the key's index, and the internal name of the type: "character" would mean character(1).
CREATE FUNCTION bastion_internal.share_key(spec bastion.protected_tables, OUT name name, OUT equality text, OUT type text)
RETURNS record
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    columns integer;
BEGIN
    SELECT count(*) OVER (), a.attname, format('OPERATOR(%I.%s)', n.nspname, o.oprname), format('%I.%I', tn.nspname, t.typname)
    INTO columns, share_key.name, share_key.equality, share_key.type
    FROM pg_index i
    JOIN pg_class x ON x.oid = i.indexrelid
    JOIN pg_am m ON m.oid = x.relam AND m.amname = 'btree'
    CROSS JOIN generate_series(0, i.indnkeyatts - 1) place
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[place] AND a.attname <> spec.tenant_column
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_namespace tn ON tn.oid = t.typnamespace
    JOIN pg_opclass c ON c.oid = i.indclass[place]
    JOIN pg_amop p ON p.amopfamily = c.opcfamily AND p.amoplefttype = c.opcintype AND p.amoprighttype = c.opcintype
                  AND p.amopstrategy = 3
    JOIN pg_operator o ON o.oid = p.amopopr
    JOIN pg_namespace n ON n.oid = o.oprnamespace
    WHERE i.indrelid = spec.relation AND i.indisprimary;
    IF columns IS DISTINCT FROM 1 THEN
        RAISE EXCEPTION 'cannot share rows of table %', spec.relation USING ERRCODE = 'feature_not_supported',
            DETAIL = 'Its primary key must be one column, beside which there may be the tenant.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.share_key(bastion.protected_tables) IS
'The key column that identifies a row within its tenant, its equality operator and its type, as SQL. SQLSTATE 0A000 without one.';

-- PL/pgSQL caches the plans of these functions.
CREATE FUNCTION bastion_internal.key_condition(spec bastion.protected_tables) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT format('%I %s $1::%s', k.name, k.equality, k.type) FROM bastion_internal.share_key(spec) k);
END
$$;
COMMENT ON FUNCTION bastion_internal.key_condition(bastion.protected_tables) IS 'The SQL condition that finds a row by its key, $1 of type text.';

CREATE FUNCTION bastion_internal.tenant_condition(spec bastion.protected_tables) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT format('%I OPERATOR(pg_catalog.=) $2::pg_catalog.%I', spec.tenant_column, t.typname)
    FROM bastion_internal.column_state(spec.relation, spec.tenant_column) c JOIN pg_type t ON t.oid = c.base_type);
END
$$;
COMMENT ON FUNCTION bastion_internal.tenant_condition(bastion.protected_tables) IS
'The SQL condition for the rows of a tenant, $2 of type text from tenant_value().';

CREATE FUNCTION bastion_internal.row_search(spec bastion.protected_tables, tenant uuid, lock text,
                                   OUT relation oid, OUT query text, OUT tenant_value text, OUT acl_column text, OUT tenant_column text)
RETURNS record
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    relation := spec.relation;
    tenant_value := bastion_internal.tenant_value(spec, tenant);
    acl_column := quote_ident(bastion_internal.acl_column(spec));
    tenant_column := quote_ident(spec.tenant_column);
    -- The tenant condition comes first: the library evaluates it before any other condition sees a row.
    query := format('SELECT tableoid, ctid, %s, %s::pg_catalog.text FROM %s WHERE %s AND %s %s', coalesce(acl_column, 'NULL::pg_catalog.int8'),
                    tenant_column, spec.relation, bastion_internal.tenant_condition(spec), bastion_internal.key_condition(spec), lock);
END
$$;
COMMENT ON FUNCTION bastion_internal.row_search(bastion.protected_tables, uuid, text) IS
'Describes how the library finds a row of a tenant by its key ($1, text): the table, the statement, its $2, and the columns of the ACL and the tenant.';

CREATE FUNCTION bastion_internal.tenant_value(spec bastion.protected_tables, tenant_id uuid) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT CASE WHEN c.base_type IN ('bigint'::regtype, 'integer'::regtype) THEN t.number::text ELSE t.id::text END
    FROM bastion.tenants t, bastion_internal.column_state(spec.relation, spec.tenant_column) c WHERE t.id = tenant_value.tenant_id);
END
$$;
COMMENT ON FUNCTION bastion_internal.tenant_value(bastion.protected_tables, uuid) IS
'The value of a tenant in the tenant column of a table, as text.';

CREATE FUNCTION bastion_internal.acl_allows(permission text, acl_id bigint) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM (SELECT regexp_replace(permission, '[.][^.]*$', '') AS name) r, LATERAL bastion_internal.list_held(
            bastion.user_id(), bastion.tenant_id(), r.name, acl_allows.acl_id, ARRAY[permission],
            bastion_internal.lent_until(r.name || '.manage') IS NOT NULL) h
        WHERE h.held_until IS NOT NULL AND bastion_internal.lent_on(acl_allows.acl_id, h.pattern) IS NOT NULL
          AND EXISTS (SELECT FROM bastion.permissions p WHERE p.name = h.pattern));
END
$$;
COMMENT ON FUNCTION bastion_internal.acl_allows(text, bigint) IS
'Whether the user of this transaction holds a permission on an ACL of the tenant, read from the tables, and its API key, if any, covers it.';

-- For a caller who may neither manage nor read a row, the row does not exist.
CREATE FUNCTION bastion_internal.check_managed(spec bastion.protected_tables, found_acl bigint) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF found_acl IS NULL OR NOT (bastion_internal.acl_allows(spec.resource || '.manage', found_acl)
                                 OR bastion_internal.acl_allows(spec.resource || '.' || bastion_internal.protect_action(spec, 'read'), found_acl)) THEN
        RAISE EXCEPTION 'row does not exist' USING ERRCODE = 'no_data_found';
    ELSIF NOT bastion_internal.acl_allows(spec.resource || '.manage', found_acl) THEN
        RAISE EXCEPTION 'permission denied: "%" is needed', spec.resource || '.manage' USING ERRCODE = 'insufficient_privilege',
            DETAIL = 'The owner of the row holds it, and subjects of a share at the level manage.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_managed(bastion.protected_tables, bigint) IS
'Refuses the ACL of a row that the user of this transaction may not share: SQLSTATE P0002 for a row that does not exist or that the user cannot read, 42501 for another row.';

CREATE FUNCTION bastion_internal.row_acl(spec bastion.protected_tables, key text, acl_id bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    old_acl bastion.acls;
    new_acl bigint;
BEGIN
    SELECT * INTO old_acl FROM bastion.acls a WHERE a.id = row_acl.acl_id;
    IF old_acl.kind = 'row' AND old_acl.relation = spec.relation::text AND old_acl.row_key = key THEN
        RETURN acl_id;
    END IF;
    INSERT INTO bastion.acls (tenant_id, kind, base_acl_id, relation, row_key)
    VALUES (bastion.tenant_id(), 'row', CASE old_acl.kind WHEN 'row' THEN old_acl.base_acl_id ELSE acl_id END,
            spec.relation::text, key)
    RETURNING id INTO new_acl;
    -- Copies the shares of an ACL that several rows had in common; shares of a default ACL reach the row through its base.
    INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level, valid_until, granted_by, granted_at)
    SELECT new_acl, e.subject_kind, e.subject_id, e.level, e.valid_until, e.granted_by, e.granted_at
    FROM bastion.acl_entries e WHERE e.acl_id = row_acl.acl_id AND e.acl_kind = 'row';
    RETURN new_acl;
END
$$;
COMMENT ON FUNCTION bastion_internal.row_acl(bastion.protected_tables, text, bigint) IS
'The ACL of one row only, created unless the row has one already. The caller must then write a new ACL to the row.';

CREATE FUNCTION bastion_internal.share_subject(sharing text, with_user uuid, with_unit uuid, with_role uuid, with_tenant uuid,
                                      OUT kind text, OUT id uuid)
RETURNS record
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    anywhere boolean := sharing = 'cross_tenant';
BEGIN
    IF num_nonnulls(with_user, with_unit, with_role, with_tenant) <> 1 THEN
        RAISE EXCEPTION 'a share needs exactly one user, unit, role or tenant' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    kind := CASE WHEN with_user IS NOT NULL THEN 'user' WHEN with_unit IS NOT NULL THEN 'unit'
                 WHEN with_role IS NOT NULL THEN 'role' ELSE 'tenant' END;
    SELECT s.id INTO share_subject.id FROM (
        SELECT u.id FROM bastion.users u WHERE u.id = with_user AND (anywhere OR EXISTS (
            SELECT FROM bastion.memberships m WHERE m.user_id = u.id AND m.tenant_id = tenant))
        UNION ALL
        SELECT u.id FROM bastion.units u WHERE u.id = with_unit AND (anywhere OR u.tenant_id = tenant)
        UNION ALL
        SELECT r.id FROM bastion.roles r WHERE r.id = with_role AND (anywhere OR coalesce(r.tenant_id = tenant, true))
        UNION ALL
        SELECT t.id FROM bastion.tenants t WHERE t.id = with_tenant AND (anywhere OR t.id = tenant)
    ) s;
    IF share_subject.id IS NULL THEN
        RAISE EXCEPTION 'cannot share with this %', kind USING ERRCODE = 'undefined_object',
            DETAIL = CASE WHEN anywhere THEN 'It does not exist.'
                          ELSE 'It must belong to this tenant: the table is not protected with sharing => ''cross_tenant''.' END;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.share_subject(text, uuid, uuid, uuid, uuid) IS
'Checks the subject of a share: a user, unit, role or tenant. SQLSTATE 22023 for none or several, 42704 for one that is not of the tenant.';

CREATE FUNCTION bastion_internal.share_find(relation regclass, key text, with_user uuid, with_unit uuid, with_role uuid, with_tenant uuid,
                                   level text, valid_until timestamptz,
                                   OUT root oid, OUT query text, OUT tenant_value text, OUT acl_column text, OUT tenant_column text)
RETURNS record
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    spec bastion.protected_tables := bastion_internal.require_sharing(relation);
BEGIN
    PERFORM bastion_internal.share_subject(spec.options ->> 'sharing', with_user, with_unit, with_role, with_tenant);
    IF bastion_internal.level_number(level) IS NULL THEN
        RAISE EXCEPTION 'level must be read, write, deploy or manage' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM bastion_internal.require_period(now(), valid_until);
    SELECT s.* INTO root, query, tenant_value, acl_column, tenant_column FROM bastion_internal.row_search(spec, tenant, 'FOR NO KEY UPDATE') s;
END
$$;
COMMENT ON FUNCTION bastion_internal.share_find(regclass, text, uuid, uuid, uuid, uuid, text, timestamptz) IS
'The first step of share(): checks its arguments, and returns how to find and lock the row.';

CREATE FUNCTION bastion_internal.share_grant(relation regclass, key text, with_user uuid, with_unit uuid, with_role uuid, with_tenant uuid,
                                    level text, valid_until timestamptz, found_acl bigint)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    spec bastion.protected_tables := bastion_internal.require_sharing(relation);
    subject record := bastion_internal.share_subject(spec.options ->> 'sharing', with_user, with_unit, with_role, with_tenant);
    own_acl bigint;
BEGIN
    PERFORM bastion_internal.check_managed(spec, found_acl);
    own_acl := bastion_internal.row_acl(spec, key, found_acl);
    PERFORM bastion_internal.require_share(spec.resource, own_acl, subject.kind, subject.id, bastion_internal.level_number(share_grant.level), share_grant.valid_until);
    INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level, valid_until, granted_by)
    VALUES (own_acl, subject.kind, subject.id, bastion_internal.level_number(share_grant.level), share_grant.valid_until, bastion.actor_id())
    ON CONFLICT ON CONSTRAINT acl_entries_pkey DO UPDATE SET level = excluded.level, valid_until = excluded.valid_until,
        granted_by = excluded.granted_by, granted_at = now();
    PERFORM bastion_internal.record_event('shared', 'success', with_user, tenant, jsonb_build_object(
        'table', spec.relation::text, 'key', key, subject.kind, subject.id, 'level', level, 'valid_until', valid_until));
    RETURN own_acl;
END
$$;
COMMENT ON FUNCTION bastion_internal.share_grant(regclass, text, uuid, uuid, uuid, uuid, text, timestamptz, bigint) IS
'The last step of share(): checks the right to manage the ACL that was found, and adds the share to the ACL of this row only, which it returns.';
SELECT bastion_internal.event_kind('shared');

CREATE FUNCTION bastion.share(relation regclass, key text, with_user uuid DEFAULT NULL, with_unit uuid DEFAULT NULL,
                              with_role uuid DEFAULT NULL, with_tenant uuid DEFAULT NULL, level text DEFAULT 'read',
                              valid_until timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_share';
COMMENT ON FUNCTION bastion.share(regclass, text, uuid, uuid, uuid, uuid, text, timestamptz) IS
'Shares a row with one user, unit (its members and those of the units below), role (its holders in the whole tenant) or tenant.
key is the primary key as text. level is read, write (read and update), deploy (also execute, deploy, publish) or manage (everything); level_actions lists the actions. Another call changes level and valid_until. Everybody who could use the row before still can. Triggers and other code of the table run as the caller.
Needs resource.manage on the row, which its owner has. Also needs, on the row, every action of the level until the share ends (for level manage, resource.*); to change a share, also every action of its old level.
SQLSTATE 0A000 for a table without a simple primary key, 22023 for an invalid level or end, and for no subject or several, 22P02 for a malformed key, 42501, 42704 for an unknown subject, 55000 for a table that is not under sharing, P0002 for a row that does not exist or that the caller cannot read, 27000 when a trigger or rule of the table prevents the change of the row, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.share(regclass, text, uuid, uuid, uuid, uuid, text, timestamptz)', 'application');

CREATE FUNCTION bastion_internal.share_subject_named(kind text, name text) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(bastion_internal.uuid_or_null(name), CASE kind
        WHEN 'user' THEN bastion_internal.user_named(name)
        WHEN 'unit' THEN bastion_internal.find_unit(bastion.tenant_id(), name)
        WHEN 'role' THEN bastion_internal.find_role(bastion.tenant_id(), name)
        WHEN 'tenant' THEN bastion_internal.find_tenant(name) END,
        '00000000-0000-0000-0000-000000000000')
    WHERE name IS NOT NULL
$$;
COMMENT ON FUNCTION bastion_internal.share_subject_named(text, text) IS
'The subject of a share (kind user, unit, role or tenant) that the caller names by uuid.
Or by the e-mail address or user name of a user whom may_name() allows, the slug of a unit of this tenant, the name of a role of this tenant or of every tenant, or the slug of a tenant. The zero uuid for an unknown one, NULL for NULL. SECURITY DEFINER, because applications cannot read the tables of users and tenants.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion_internal.share_subject_named(text, text)', 'application');

CREATE FUNCTION bastion.share(relation regclass, key text, with_user text DEFAULT NULL, with_unit text DEFAULT NULL,
                              with_role text DEFAULT NULL, with_tenant text DEFAULT NULL, level text DEFAULT 'read',
                              valid_until timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT bastion.share(relation, key, bastion_internal.share_subject_named('user', with_user),
                         bastion_internal.share_subject_named('unit', with_unit), bastion_internal.share_subject_named('role', with_role),
                         bastion_internal.share_subject_named('tenant', with_tenant), level, valid_until);
END;
COMMENT ON FUNCTION bastion.share(regclass, text, text, text, text, text, text, timestamptz) IS
'share() for a subject that is named: a user by uuid, e-mail address or user name, a unit or tenant by uuid or slug, a role by uuid or name.
An address or user name finds only users whom the caller may see; all others are unknown, whether they exist or not. Units and roles of another tenant have no name here: use their uuid.
SQLSTATE as share() of uuids: 0A000, 22023, 22P02, 42501, 42704, 55000, P0002, 27000, 28000; 42725 for a call without a subject.';
SELECT bastion_internal.callable_by('bastion.share(regclass, text, text, text, text, text, text, timestamptz)', 'application');

CREATE FUNCTION bastion_internal.shared_row(relation regclass, lock boolean,
                                   OUT root oid, OUT query text, OUT tenant_value text, OUT acl_column text, OUT tenant_column text)
RETURNS record
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
BEGIN
    SELECT s.* INTO root, query, tenant_value, acl_column, tenant_column
    FROM bastion_internal.row_search(bastion_internal.require_sharing(relation), tenant, CASE WHEN lock THEN 'FOR NO KEY UPDATE' ELSE '' END) s;
END
$$;
COMMENT ON FUNCTION bastion_internal.shared_row(regclass, boolean) IS
'The first step of unshare() and shares_of(): returns how to find a row, and to lock it for unshare().';

CREATE FUNCTION bastion_internal.unshare_end(relation regclass, key text, with_user uuid, with_unit uuid, with_role uuid, with_tenant uuid,
                                    found_acl bigint)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    spec bastion.protected_tables := bastion_internal.require_sharing(relation);
    ended bastion.acl_entries;
BEGIN
    PERFORM bastion_internal.check_managed(spec, found_acl);
    IF num_nonnulls(with_user, with_unit, with_role, with_tenant) <> 1 THEN
        RAISE EXCEPTION 'a share needs exactly one user, unit, role or tenant' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    DELETE FROM bastion.acl_entries e
    WHERE e.acl_id = found_acl AND e.acl_kind = 'row'
      AND (e.subject_kind, e.subject_id) IN (('user', with_user), ('unit', with_unit), ('role', with_role), ('tenant', with_tenant))
    RETURNING * INTO ended;
    IF ended.acl_id IS NULL THEN
        RETURN false;
    END IF;
    PERFORM bastion_internal.record_event('unshared', 'success', with_user, tenant, jsonb_build_object(
        'table', spec.relation::text, 'key', key, ended.subject_kind, ended.subject_id));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion_internal.unshare_end(regclass, text, uuid, uuid, uuid, uuid, bigint) IS
'The last step of unshare(): checks the right to manage the ACL that was found, and ends the share.';
SELECT bastion_internal.event_kind('unshared');

CREATE FUNCTION bastion.unshare(relation regclass, key text, with_user uuid DEFAULT NULL, with_unit uuid DEFAULT NULL,
                                with_role uuid DEFAULT NULL, with_tenant uuid DEFAULT NULL)
RETURNS boolean
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_unshare';
COMMENT ON FUNCTION bastion.unshare(regclass, text, uuid, uuid, uuid, uuid) IS
'Ends the share of a row with one user, unit, role or tenant; false if there was none.
Needs resource.manage on the row.
SQLSTATE 0A000 for a table without a simple primary key, 22023 for no subject or several, 22P02 for a malformed key, 42501, 55000 for a table that is not under sharing, P0002 for a row that does not exist or that the caller cannot read, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.unshare(regclass, text, uuid, uuid, uuid, uuid)', 'application');

CREATE FUNCTION bastion.unshare(relation regclass, key text, with_user text DEFAULT NULL, with_unit text DEFAULT NULL,
                                with_role text DEFAULT NULL, with_tenant text DEFAULT NULL)
RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT bastion.unshare(relation, key, bastion_internal.share_subject_named('user', with_user),
                           bastion_internal.share_subject_named('unit', with_unit), bastion_internal.share_subject_named('role', with_role),
                           bastion_internal.share_subject_named('tenant', with_tenant));
END;
COMMENT ON FUNCTION bastion.unshare(regclass, text, text, text, text, text) IS
'unshare() for a subject that is named, as for share(). shares_of() has the uuid of a subject that has no name for the caller.
SQLSTATE as unshare() of uuids: 0A000, 22023, 22P02, 42501, 55000, P0002, 28000; 42725 for a call without a subject.';
SELECT bastion_internal.callable_by('bastion.unshare(regclass, text, text, text, text, text)', 'application');

CREATE FUNCTION bastion_internal.shares_on(relation regclass, key text, found_acl bigint)
RETURNS TABLE (subject_kind text, subject_id uuid, subject_name text, level text, valid_until timestamptz, granted_by uuid,
               granted_at timestamptz, cross_tenant boolean)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    spec bastion.protected_tables := bastion_internal.require_sharing(relation);
BEGIN
    PERFORM bastion_internal.check_managed(spec, found_acl);
    RETURN QUERY
        SELECT e.subject_kind, e.subject_id, bastion_internal.subject_label(e.subject_kind, e.subject_id), bastion_internal.level_name(e.level), e.valid_until,
               e.granted_by, e.granted_at,
               CASE e.subject_kind
                   WHEN 'user' THEN NOT EXISTS (SELECT FROM bastion.memberships m
                                                WHERE m.user_id = e.subject_id AND m.tenant_id = tenant)
                   ELSE coalesce(n.tenant_id, r.tenant_id, t.id, tenant) <> tenant END
        FROM bastion.acl_entries e
        LEFT JOIN bastion.units n ON e.subject_kind = 'unit' AND n.id = e.subject_id
        LEFT JOIN bastion.roles r ON e.subject_kind = 'role' AND r.id = e.subject_id
        LEFT JOIN bastion.tenants t ON e.subject_kind = 'tenant' AND t.id = e.subject_id
        WHERE e.acl_id = found_acl
        ORDER BY e.subject_kind, 3, e.subject_id;
END
$$;
COMMENT ON FUNCTION bastion_internal.shares_on(regclass, text, bigint) IS
'The last step of shares_of().';

CREATE FUNCTION bastion.shares_of(relation regclass, key text)
RETURNS TABLE (subject_kind text, subject_id uuid, subject_name text, level text, valid_until timestamptz, granted_by uuid,
               granted_at timestamptz, cross_tenant boolean)
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'bastion_shares_of';
COMMENT ON FUNCTION bastion.shares_of(regclass, text) IS
'Lists the shares of a row, including expired ones: the subject, the level, when it ends, who granted it and when.
cross_tenant: the subject is in another tenant. subject_name is the e-mail address or name of a member, which needs tenant.members.read or tenant.members.manage. For a unit, a role or this tenant, it is the name; for any other subject it is the uuid.
Needs resource.manage on the row.
SQLSTATE 0A000 for a table without a simple primary key, 22P02 for a malformed key, 42501, 55000 for a table that is not under sharing, P0002 for a row that does not exist or that the caller cannot read, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.shares_of(regclass, text)', 'application');

-- The trigger move_acl() moves the ACL; row_transfer() brings the row there with the privileges of the table's owner, because the
-- former owner may not see the result.
CREATE FUNCTION bastion_internal.row_transfer_find(relation regclass, to_user text,
    OUT root oid, OUT query text, OUT tenant_value text, OUT acl_column text, OUT tenant_column text,
    OUT owner_column text, OUT owner_type text, OUT new_owner text)
RETURNS record
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    spec bastion.protected_tables := bastion_internal.require_sharing(relation);
BEGIN
    IF spec.owner_column IS NULL OR spec.options ->> 'visibility' <> 'owner' THEN
        RAISE EXCEPTION 'rows of this table have no owner' USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Its owner calls bastion.protect() with owner_column and visibility => ''owner''.';
    ELSIF to_user IS NULL THEN
        RAISE EXCEPTION 'to_user must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT m.user_id::text INTO new_owner FROM bastion.memberships m
    WHERE m.tenant_id = tenant AND m.user_id = bastion_internal.share_subject_named('user', to_user) LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'user is not a member of the tenant' USING ERRCODE = 'undefined_object',
            HINT = 'An e-mail address or user name finds those whom you may see; a uuid finds every member.';
    END IF;
    owner_column := quote_ident(spec.owner_column);
    owner_type := (SELECT format('pg_catalog.%I', t.typname)
                   FROM bastion_internal.column_state(spec.relation, spec.owner_column) c JOIN pg_type t ON t.oid = c.base_type);
    SELECT s.* INTO root, query, tenant_value, acl_column, tenant_column FROM bastion_internal.row_search(spec, tenant, 'FOR NO KEY UPDATE') s;
END
$$;
COMMENT ON FUNCTION bastion_internal.row_transfer_find(regclass, text) IS
'The first step of row_transfer(): checks its arguments, and returns how to find, lock and change the row.';

CREATE FUNCTION bastion_internal.row_transfer_check(relation regclass, found_acl bigint) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.check_managed(bastion_internal.require_sharing(relation), found_acl);
END
$$;
COMMENT ON FUNCTION bastion_internal.row_transfer_check(regclass, bigint) IS
'The second step of row_transfer(): refuses a row that does not exist, or that the caller may not manage.';

CREATE FUNCTION bastion_internal.acl_is_of(acl_id bigint, owner text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM bastion.acls a LEFT JOIN bastion.acls b ON b.id = a.base_acl_id
                   WHERE a.id = acl_is_of.acl_id AND coalesce(b.user_id, a.user_id) = acl_is_of.owner::uuid)
$$;
COMMENT ON FUNCTION bastion_internal.acl_is_of(bigint, text) IS
'The last step of row_transfer(): whether the ACL that the row has now is that of its owner.';

CREATE FUNCTION bastion.row_transfer(relation regclass, key text, to_user text) RETURNS void
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_row_transfer';
COMMENT ON FUNCTION bastion.row_transfer(regclass, text, text) IS
'Gives a row of a table with visibility owner to another member of the tenant: its owner column, and what the owner may do with it. Its shares stay.
key is the primary key as text, to_user a uuid, e-mail address or user name, as for share(). The former owner keeps what roles and shares give. UPDATE of the owner column does the same for callers who may still update the row afterwards; an owner that is no member of the tenant leaves the row to those who hold resource.manage in the whole tenant. Triggers and other code of the table run as the caller.
Needs resource.manage on the row, which its owner has, and without an end every action on it (resource.*), as share() at the level manage.
SQLSTATE 0A000 for a table without a simple primary key, 22004, 22P02 for a malformed key, 27000 when a trigger or rule of the table prevents the change, 28000 when a token was presented and refused, 42501, 42704 for a user who is no member, 55000 for a table whose rows have no owner, P0002 for a row that does not exist or that the caller cannot read.';
SELECT bastion_internal.callable_by('bastion.row_transfer(regclass, text, text)', 'application');

-- A deleted row leaves its own ACL behind. A trigger on every protected table would cost each DELETE a search, and an unused ACL gives
-- no rights. This function deletes such ACLs.
CREATE FUNCTION bastion.acl_prune(tenant text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place uuid := bastion_internal.require_tenant_or_null(tenant);
    spec bastion.protected_tables;
    unused bigint[];
    deleted bigint;
BEGIN
    -- Reads the ACLs under an older snapshot than the rows, so that the ACL of a row that is being shared is not included.
    unused := ARRAY(SELECT a.id FROM bastion.acls a WHERE a.kind = 'row' AND (place IS NULL OR a.tenant_id = place));
    FOR spec IN SELECT n.* FROM bastion.protected_tables p JOIN pg_class c ON c.oid = p.relation, bastion_internal.protection_now(p) n
                WHERE bastion_internal.acl_column(p) IS NOT NULL LOOP
        unused := bastion_internal.as_table_owner(spec.relation, format(
            'SELECT ARRAY(SELECT l FROM pg_catalog.unnest($1::bigint[]) l '
            'WHERE NOT EXISTS (SELECT FROM %s t WHERE t.%I OPERATOR(pg_catalog.=) l))::text',
            spec.relation, bastion_internal.acl_column(spec)), unused::text);
    END LOOP;
    DELETE FROM bastion.acls a WHERE a.id = ANY (unused);
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;
COMMENT ON FUNCTION bastion.acl_prune(text) IS
'Deletes the ACLs of deleted rows, with their shares, in one tenant (uuid or slug) or all; returns their number.
Reads every table under sharing; after unprotect(), the shares of that table count as unused.
For operators, to be called regularly: EXECUTE is granted to nobody.
SQLSTATE 42704 for an unknown tenant.';

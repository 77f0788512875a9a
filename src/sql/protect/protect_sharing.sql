-- The additions of protect(sharing => ...) to a table: a column with the ACL of each row, the source of its value, and the triggers
-- that protect it. The policies that check it are in protect_state.sql.

CREATE FUNCTION bastion_internal.acl_column(spec bastion.protected_tables) RETURNS name
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT (spec.options ->> 'acl_column')::name
$$;
COMMENT ON FUNCTION bastion_internal.acl_column(bastion.protected_tables) IS
'The ACL column; NULL without sharing.';
SELECT bastion_internal.callable_by('bastion_internal.acl_column(bastion.protected_tables)', 'migration');

CREATE FUNCTION bastion_internal.protect_columns(spec bastion.protected_tables) RETURNS name[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT array_remove(ARRAY[spec.tenant_column, spec.owner_column, bastion_internal.acl_column(spec)], NULL)
$$;
COMMENT ON FUNCTION bastion_internal.protect_columns(bastion.protected_tables) IS 'The columns that protect() changes.';
SELECT bastion_internal.callable_by('bastion_internal.protect_columns(bastion.protected_tables)', 'migration');

CREATE FUNCTION bastion_internal.key_columns(spec bastion.protected_tables) RETURNS name[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT array_remove(ARRAY[spec.tenant_column, bastion_internal.acl_column(spec)], NULL)
$$;
COMMENT ON FUNCTION bastion_internal.key_columns(bastion.protected_tables) IS
'The columns that policies compare, each NOT NULL and the first column of an index.';
SELECT bastion_internal.callable_by('bastion_internal.key_columns(bastion.protected_tables)', 'migration');

-- A comment marks a column that protect() created, so that unprotect() may drop it.
CREATE FUNCTION bastion_internal.made_column(relation regclass, column_name name) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM pg_attribute a
                   WHERE a.attrelid = made_column.relation AND a.attname = made_column.column_name AND a.attnum > 0
                     AND col_description(a.attrelid, a.attnum) = 'made by bastion.protect()')
$$;
COMMENT ON FUNCTION bastion_internal.made_column(regclass, name) IS 'Whether protect() created this column.';
SELECT bastion_internal.callable_by('bastion_internal.made_column(regclass, name)', 'migration');

-- The source of an ACL

CREATE FUNCTION bastion_internal.acl_kind(visibility text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE visibility WHEN 'owner' THEN 'user' ELSE visibility END
$$;
COMMENT ON FUNCTION bastion_internal.acl_kind(text) IS 'The kind of the default ACL for a visibility.';
SELECT bastion_internal.callable_by('bastion_internal.acl_kind(text)', 'migration');

-- Tenant and owner are passed as text, regardless of the type of their columns.
CREATE FUNCTION bastion_internal.acl_of_row(tenant text, owner text, visibility text) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    uuid_shape text := '^[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}$';
    found_tenant uuid;
    tenant_acl bigint;
BEGIN
    IF tenant ~ uuid_shape THEN
        SELECT t.id, t.acl_id INTO found_tenant, tenant_acl FROM bastion.tenants t WHERE t.id = tenant::uuid;
    ELSIF tenant ~ '^[0-9]{1,18}$' THEN
        SELECT t.id, t.acl_id INTO found_tenant, tenant_acl FROM bastion.tenants t WHERE t.number = tenant::bigint;
    END IF;
    IF found_tenant IS NULL THEN
        RAISE EXCEPTION 'cannot determine the access control list of a row: its tenant does not exist'
            USING ERRCODE = 'foreign_key_violation', HINT = 'Create the tenant, or delete the rows of deleted tenants.';
    END IF;
    IF visibility = 'owner' THEN
        RETURN coalesce(CASE WHEN owner ~ uuid_shape THEN bastion_internal.member_acl(owner::uuid, found_tenant) END,
                        bastion_internal.nobody_acl(found_tenant));
    END IF;
    RETURN tenant_acl;
END
$$;
COMMENT ON FUNCTION bastion_internal.acl_of_row(text, text, text) IS
'The ACL of a row that was written outside a context. With visibility owner it is that of its owner, or that of rows without an owner, which only holders of resource.manage in the whole tenant reach. Else it is that of its tenant, because the row does not name its unit.
SQLSTATE 23503 for a tenant that does not exist.';
SELECT bastion_internal.callable_by('bastion_internal.acl_of_row(text, text, text)', 'migration');

-- SECURITY DEFINER, because the caller of an INSERT may not have been admitted by allow_app_role().
CREATE FUNCTION bastion_internal.acl_of_context(visibility text) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE visibility WHEN 'owner' THEN bastion.own_acl() ELSE bastion.default_acl(visibility) END $$;
COMMENT ON FUNCTION bastion_internal.acl_of_context(text) IS
'The ACL that a new row of this transaction gets. SQLSTATE 28000 when a token was presented and refused.';

CREATE FUNCTION bastion_internal.fill_acl() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_fill_acl';
COMMENT ON FUNCTION bastion_internal.fill_acl() IS
'Trigger: gives a row without an ACL, in a table under sharing, the ACL of the context. Without a context, if row security does not apply to the caller, it gives the ACL of the tenant or owner of the row.
Arguments: the columns of the ACL, tenant and owner; visibility.
SQLSTATE 23503, 39P01, 42501, 42703, 42804.';
SELECT bastion_internal.callable_by('bastion_internal.fill_acl()', 'migration');

-- A row with an ACL of its own keeps that ACL, under another base; so its shares stay. An ACL that several rows have in common is copied.
CREATE FUNCTION bastion_internal.acl_of_next_owner(relation regclass, key text, tenant text, owner text, old_acl bigint, checked boolean)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    spec bastion.protected_tables := bastion_internal.require_sharing(relation);
    next_owner text := owner;
    list bastion.acls;
    base bigint;
BEGIN
    IF checked THEN
        next_owner := (SELECT m.user_id::text FROM bastion.memberships m
                       WHERE m.tenant_id = bastion_internal.require_tenant() AND m.user_id = bastion_internal.uuid_or_null(owner) LIMIT 1);
        PERFORM bastion_internal.check_managed(spec, old_acl);
        PERFORM bastion_internal.require_level(spec.resource, old_acl, 4::smallint, NULL);
        PERFORM bastion_internal.record_event('row_transferred', 'success', next_owner::uuid, bastion.tenant_id(),
                                              jsonb_build_object('table', spec.relation::text, 'key', key));
    END IF;
    base := bastion_internal.acl_of_row(tenant, next_owner, 'owner');
    SELECT * INTO list FROM bastion.acls a WHERE a.id = old_acl;
    IF list.kind IS DISTINCT FROM 'row' OR list.tenant_id <> (SELECT a.tenant_id FROM bastion.acls a WHERE a.id = base) THEN
        RETURN base;
    ELSIF list.relation = spec.relation::text AND list.row_key = key THEN
        UPDATE bastion.acls a SET base_acl_id = base WHERE a.id = list.id;
        RETURN list.id;
    END IF;
    INSERT INTO bastion.acls (tenant_id, kind, base_acl_id, relation, row_key)
    VALUES (list.tenant_id, 'row', base, spec.relation::text, key) RETURNING id INTO list.id;
    INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level, valid_until, granted_by, granted_at)
    SELECT list.id, e.subject_kind, e.subject_id, e.level, e.valid_until, e.granted_by, e.granted_at
    FROM bastion.acl_entries e WHERE e.acl_id = old_acl;
    RETURN list.id;
END
$$;
COMMENT ON FUNCTION bastion_internal.acl_of_next_owner(regclass, text, text, text, bigint, boolean) IS
'The step of move_acl() with the rights of the extension: the ACL of a row whose owner changes. checked: the caller is bound by row security, so it must hold what share() at the level manage needs, and only a member of the tenant is a valid owner.
SQLSTATE 23503, 28000, 42501, 55000, P0002.';
SELECT bastion_internal.event_kind('row_transferred');

CREATE FUNCTION bastion_internal.move_acl() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_move_acl';
COMMENT ON FUNCTION bastion_internal.move_acl() IS
'Trigger: moves a row with its owner, in a table under sharing with visibility owner. A caller who is bound by row security needs resource.manage on the row, and everything that it allows.
Arguments: the columns of the ACL, tenant and owner.
SQLSTATE 23503, 28000, 39P01, 42501, 42703, 42804, 55000, P0002.';
SELECT bastion_internal.callable_by('bastion_internal.move_acl()', 'migration');

CREATE FUNCTION bastion_internal.is_our_trigger(name name) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT name IN ('bastion_acl_fill', 'bastion_acl_keep', 'bastion_acl_move', 'bastion_quota_delete', 'bastion_quota_insert', 'bastion_quota_lock',
                    'bastion_quota_move', 'bastion_quota_truncate')
$$;
COMMENT ON FUNCTION bastion_internal.is_our_trigger(name) IS 'Whether protect() writes triggers of this name.';
SELECT bastion_internal.callable_by('bastion_internal.is_our_trigger(name)', 'migration');

CREATE FUNCTION bastion_internal.protect_triggers(spec bastion.protected_tables, member regclass)
RETURNS TABLE (name name, definition text, state text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 2
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    acl name := bastion_internal.acl_column(spec);
    wanted boolean := acl IS NOT NULL AND NOT (SELECT c.relispartition FROM pg_class c WHERE c.oid = member);
    head text := 'CREATE TRIGGER %I BEFORE %s ON %s FOR EACH ROW WHEN (%s) EXECUTE FUNCTION bastion_internal.%s';
BEGIN
    RETURN QUERY
        SELECT coalesce(w.name, t.tgname), w.definition,
               CASE WHEN w.name IS NULL THEN 'unwanted'
                    WHEN t.oid IS NULL THEN 'missing'
                    WHEN t.tgenabled IN ('O', 'A') AND bastion_internal.protect_normal(pg_get_triggerdef(t.oid))
                                                       = bastion_internal.protect_normal(w.definition) THEN 'ok'
                    ELSE 'altered' END
        FROM (SELECT 'bastion_acl_fill'::name,
                     format(head, 'bastion_acl_fill', 'INSERT', member, format('new.%I IS NULL', acl),
                            format('fill_acl(%L, %L, %L, %L)', acl, spec.tenant_column, coalesce(spec.owner_column, ''),
                                   spec.options ->> 'visibility'))
              WHERE wanted
              UNION ALL
              SELECT 'bastion_acl_keep',
                     format(head, 'bastion_acl_keep', 'UPDATE', member,
                            format('old.%1$I IS NOT NULL AND new.%1$I IS DISTINCT FROM old.%1$I '
                                   'OR new.%2$I IS DISTINCT FROM old.%2$I', acl, spec.tenant_column),
                            format('keep_acl(%L, %L)', acl, spec.tenant_column))
              WHERE wanted
              UNION ALL
              -- After bastion_acl_keep in the order of names: it changes what the caller may not.
              SELECT 'bastion_acl_move',
                     format(head, 'bastion_acl_move', 'UPDATE', member, format('new.%1$I IS DISTINCT FROM old.%1$I', spec.owner_column),
                            format('move_acl(%L, %L, %L)', acl, spec.tenant_column, spec.owner_column))
              WHERE wanted AND spec.owner_column IS NOT NULL AND spec.options ->> 'visibility' = 'owner'
              UNION ALL
              SELECT q.name, q.definition FROM bastion_internal.quota_triggers(spec, member) q) AS w (name, definition)
        FULL JOIN (SELECT g.* FROM pg_trigger g
                   WHERE g.tgrelid = member AND g.tgparentid = 0 AND bastion_internal.is_our_trigger(g.tgname)) t
            ON t.tgname = w.name;
END
$$;
COMMENT ON FUNCTION bastion_internal.protect_triggers(bastion.protected_tables, regclass) IS
'Compares the triggers that a table should have for sharing and quotas with those that it has: each is ok, missing, altered or unwanted. Partitions inherit those of sharing from their root.';
SELECT bastion_internal.callable_by('bastion_internal.protect_triggers(bastion.protected_tables, regclass)', 'migration');

-- Checks and statements

CREATE FUNCTION bastion_internal.check_sharing(sharing text, visibility text, acl name, existing text, columns name[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF sharing NOT IN ('tenant', 'cross_tenant') THEN
        RAISE EXCEPTION 'sharing must be ''tenant'' or ''cross_tenant''' USING ERRCODE = 'invalid_parameter_value';
    ELSIF visibility IS NULL OR visibility NOT IN ('tenant', 'unit', 'owner') THEN
        RAISE EXCEPTION 'visibility must be ''tenant'', ''unit'' or ''owner''' USING ERRCODE = 'invalid_parameter_value';
    ELSIF acl IS NULL THEN
        RAISE EXCEPTION 'acl_column must not be null' USING ERRCODE = 'null_value_not_allowed';
    ELSIF sharing IS NULL AND visibility <> 'tenant' THEN
        RAISE EXCEPTION 'visibility needs sharing' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Say sharing => ''tenant''.';
    ELSIF sharing IS NOT NULL AND existing = 'keep' THEN
        RAISE EXCEPTION 'cannot keep other policies with sharing' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'An additional permissive policy would show rows that are not shared.';
    ELSIF sharing IS NOT NULL AND acl = ANY (columns) THEN
        RAISE EXCEPTION 'acl, tenant and owner must be three columns' USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_sharing(text, text, name, text, name[]) IS
'Refuses arguments of protect() about sharing: 22004, 22023.';
SELECT bastion_internal.callable_by('bastion_internal.check_sharing(text, text, name, text, name[])', 'migration');

CREATE FUNCTION bastion_internal.check_owner_rights(owner_rights text, visibility text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF owner_rights IS NULL OR owner_rights NOT IN ('all', 'role') THEN
        RAISE EXCEPTION 'owner_rights must be ''all'' or ''role''' USING ERRCODE = 'invalid_parameter_value';
    ELSIF owner_rights = 'role' AND visibility <> 'owner' THEN
        RAISE EXCEPTION 'owner_rights needs visibility ''owner''' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Say visibility => ''owner''.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_owner_rights(text, text) IS
'Refuses the argument of protect() about the rights of owners: 22023.';
SELECT bastion_internal.callable_by('bastion_internal.check_owner_rights(text, text)', 'migration');

CREATE FUNCTION bastion_internal.check_acl_column(relation regclass, acl name) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    state record;
    refusal text := format('cannot use column "%s" of table %s for access control lists', acl, relation);
BEGIN
    SELECT * INTO state FROM bastion_internal.column_state(relation, acl);
    IF state.generated THEN
        RAISE EXCEPTION '%: its value is generated', refusal USING ERRCODE = 'invalid_column_definition';
    ELSIF state.base_type <> 'bigint'::regtype THEN
        RAISE EXCEPTION '%: its type is %', refusal, state.base_type USING ERRCODE = 'datatype_mismatch',
            HINT = 'The type must be bigint; acl_column => ''name'' names another column.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_acl_column(regclass, name) IS
'Refuses an existing column that cannot hold ACLs: 42611, 42804.';
SELECT bastion_internal.callable_by('bastion_internal.check_acl_column(regclass, name)', 'migration');

CREATE FUNCTION bastion_internal.has_rows_without(relation regclass, column_name name) RETURNS boolean
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_has_rows_without';
COMMENT ON FUNCTION bastion_internal.has_rows_without(regclass, name) IS
'Whether a table has a row with NULL in this column, or any row if no column is given, as its owner sees it if that is another role.
SQLSTATE 42501 for another role''s table, 42601 and 42703 for an unknown column, 42809, 42P01.';
SELECT bastion_internal.callable_by('bastion_internal.has_rows_without(regclass, name)', 'migration');

CREATE FUNCTION bastion_internal.has_rows_to_fill(relation regclass, acl name) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_row boolean := true;
    missing boolean := NOT EXISTS (SELECT FROM bastion_internal.column_state(relation, acl));
BEGIN
    IF NOT missing AND NOT bastion_internal.tenant_may_be_null(relation, acl) THEN
        RETURN false;
    ELSIF NOT EXISTS (SELECT FROM bastion_internal.protect_tree(relation) t WHERE row_security_active(t.member)) THEN
        found_row := bastion_internal.has_rows_without(relation, CASE WHEN NOT missing THEN acl END);
    END IF;
    RETURN found_row;
END
$$;
COMMENT ON FUNCTION bastion_internal.has_rows_to_fill(regclass, name) IS
'Whether a table has rows without an ACL; true if row security hides them from the caller.';
SELECT bastion_internal.callable_by('bastion_internal.has_rows_to_fill(regclass, name)', 'migration');

-- ALTER TYPE ... USING, not UPDATE: it fills every row in one pass with the rights of the table's owner, fires no trigger, and is not
-- subject to row security, which may apply to that owner too. It comes before policies and triggers, which would forbid it.
CREATE FUNCTION bastion_internal.plan_acl_column(spec bastion.protected_tables) RETURNS SETOF text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    acl name := bastion_internal.acl_column(spec);
BEGIN
    IF acl IS NULL THEN
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM bastion_internal.column_state(spec.relation, acl)) THEN
        RETURN NEXT format('ALTER TABLE %s ADD COLUMN %I bigint;', spec.relation, acl);
        RETURN NEXT format('COMMENT ON COLUMN %s.%I IS %L;', spec.relation, acl, 'made by bastion.protect()');
    END IF;
    IF bastion_internal.has_rows_to_fill(spec.relation, acl) AND NOT EXISTS (
            SELECT FROM pg_trigger t WHERE t.tgrelid = spec.relation AND t.tgname = 'bastion_acl_keep') THEN
        PERFORM bastion_internal.check_owner_may_fill(spec.relation);
        RETURN NEXT format('ALTER TABLE %s ALTER COLUMN %I TYPE bigint USING coalesce(%2$I, bastion_internal.acl_of_row(%I::text, %s, %L));',
                           spec.relation, acl, spec.tenant_column, coalesce(quote_ident(spec.owner_column) || '::text', 'NULL'),
                           spec.options ->> 'visibility');
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.plan_acl_column(bastion.protected_tables) IS
'The statements that give a table its ACL column, and every row an ACL.';
SELECT bastion_internal.callable_by('bastion_internal.plan_acl_column(bastion.protected_tables)', 'migration');

CREATE FUNCTION bastion_internal.plan_triggers(spec bastion.protected_tables, member regclass) RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place record;
BEGIN
    FOR place IN SELECT * FROM bastion_internal.protect_triggers(spec, member) t WHERE t.state <> 'ok' ORDER BY t.name LOOP
        IF place.state <> 'missing' THEN
            RETURN NEXT format('DROP TRIGGER %I ON %s;', place.name, member);
        END IF;
        IF place.state <> 'unwanted' THEN
            RETURN NEXT place.definition || ';';
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION bastion_internal.plan_triggers(bastion.protected_tables, regclass) IS
'The statements for the triggers of sharing and quotas on one table.';
SELECT bastion_internal.callable_by('bastion_internal.plan_triggers(bastion.protected_tables, regclass)', 'migration');

CREATE FUNCTION bastion_internal.old_acl_column(spec bastion.protected_tables) RETURNS name
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.acl_column(p) FROM bastion.protected_tables p
    WHERE p.relation = spec.relation AND bastion_internal.acl_column(p) IS DISTINCT FROM bastion_internal.acl_column(spec)
$$;
COMMENT ON FUNCTION bastion_internal.old_acl_column(bastion.protected_tables) IS
'The ACL column that a table has and should no longer have.';
SELECT bastion_internal.callable_by('bastion_internal.old_acl_column(bastion.protected_tables)', 'migration');

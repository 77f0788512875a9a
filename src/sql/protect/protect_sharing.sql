-- What protect(sharing => …) adds to a table: a column that names the access control list of each row, where its value comes
-- from, and the triggers that keep it. The policies that ask for it stand in protect_state.sql.

CREATE FUNCTION bastion_internal.acl_column(spec bastion.protected_tables) RETURNS name
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT (spec.options ->> 'acl_column')::name
$$;
COMMENT ON FUNCTION bastion_internal.acl_column(bastion.protected_tables) IS
'The column that holds the access control list; NULL without sharing.';
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
'The columns that policies compare, each NOT NULL and first in an index.';
SELECT bastion_internal.callable_by('bastion_internal.key_columns(bastion.protected_tables)', 'migration');

-- The comment says that protect() made the column, so that unprotect() may drop it.
CREATE FUNCTION bastion_internal.made_column(relation regclass, column_name name) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM pg_attribute a
                   WHERE a.attrelid = made_column.relation AND a.attname = made_column.column_name AND a.attnum > 0
                     AND col_description(a.attrelid, a.attnum) = 'made by bastion.protect()')
$$;
COMMENT ON FUNCTION bastion_internal.made_column(regclass, name) IS 'Whether protect() made this column.';
SELECT bastion_internal.callable_by('bastion_internal.made_column(regclass, name)', 'migration');

-- Where a list comes from

CREATE FUNCTION bastion_internal.acl_kind(visibility text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE visibility WHEN 'owner' THEN 'user' ELSE visibility END
$$;
COMMENT ON FUNCTION bastion_internal.acl_kind(text) IS 'The kind of the default list for a visibility.';
SELECT bastion_internal.callable_by('bastion_internal.acl_kind(text)', 'migration');

-- Tenant and owner come as text, whatever the type of their columns.
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
        RAISE EXCEPTION 'cannot tell the access control list of a row: its tenant does not exist'
            USING ERRCODE = 'foreign_key_violation', HINT = 'Create the tenant, or delete the rows of tenants that are gone.';
    END IF;
    RETURN coalesce(CASE WHEN visibility = 'owner' AND owner ~ uuid_shape
                         THEN bastion_internal.member_acl(owner::uuid, found_tenant) END, tenant_acl);
END
$$;
COMMENT ON FUNCTION bastion_internal.acl_of_row(text, text, text) IS
'The access control list of a row that was written outside a context: of its owner with visibility owner, else of its tenant, because the row does not say which unit it is of. SQLSTATE 23503 for a tenant that does not exist.';
SELECT bastion_internal.callable_by('bastion_internal.acl_of_row(text, text, text)', 'migration');

-- SECURITY INVOKER: to_jsonb() runs casts that the owner of a column's type wrote.
CREATE FUNCTION bastion_internal.fill_acl() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    line jsonb := to_jsonb(NEW);
    found_acl bigint;
BEGIN
    IF bastion.user_id() IS NULL THEN
        -- Where row security binds the caller, no row passes without a context, and what looks lists up is not theirs to call.
        IF NOT row_security_active(TG_RELID) THEN
            found_acl := bastion_internal.acl_of_row(line ->> TG_ARGV[1], line ->> TG_ARGV[2], TG_ARGV[3]);
        END IF;
    ELSIF TG_ARGV[3] = 'owner' THEN
        found_acl := bastion.own_acl();
    ELSE
        found_acl := bastion.default_acl(TG_ARGV[3]);
    END IF;
    IF found_acl IS NULL THEN
        RAISE EXCEPTION 'cannot tell the access control list of a new row of table %', TG_RELID::regclass
            USING ERRCODE = 'insufficient_privilege', HINT = CASE
                WHEN bastion.user_id() IS NULL THEN 'Present a token first.'
                WHEN TG_ARGV[3] = 'unit' THEN 'Choose a unit: bastion.authenticate(token, tenant, unit).'
                ELSE 'Choose a tenant.' END;
    END IF;
    RETURN jsonb_populate_record(NEW, jsonb_build_object(TG_ARGV[0], found_acl));
END
$$;
COMMENT ON FUNCTION bastion_internal.fill_acl() IS
'Trigger: gives a row of a table under sharing that has no access control list that of the context; without a context, and where row security does not bind the caller, that of the row''s tenant or owner. Arguments: columns of the list, tenant and owner, visibility. SQLSTATE 23503, 42501.';
SELECT bastion_internal.callable_by('bastion_internal.fill_acl()', 'migration');

CREATE FUNCTION bastion_internal.keep_acl() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_keep_acl';
COMMENT ON FUNCTION bastion_internal.keep_acl() IS
'Trigger: refuses every UPDATE of a table under sharing that changes a row''s access control list or tenant, of its owner too, but the one that share() makes; SQLSTATE 42501. Arguments: columns of the list and the tenant.';
SELECT bastion_internal.callable_by('bastion_internal.keep_acl()', 'migration');

CREATE FUNCTION bastion_internal.protect_triggers(spec bastion.protected_tables, member regclass)
RETURNS TABLE (name name, definition text, state text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 2
SET search_path = pg_catalog, pg_temp
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
              WHERE wanted) AS w (name, definition)
        FULL JOIN (SELECT g.* FROM pg_trigger g
                   WHERE g.tgrelid = member AND g.tgparentid = 0 AND g.tgname IN ('bastion_acl_fill', 'bastion_acl_keep')) t
            ON t.tgname = w.name;
END
$$;
COMMENT ON FUNCTION bastion_internal.protect_triggers(bastion.protected_tables, regclass) IS
'The triggers that a table should have for sharing and those that it has, and whether each is ok, missing, altered or unwanted. A partition has those of its root.';
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
            DETAIL = 'A permissive policy beside those of sharing shows rows that are shared with nobody.';
    ELSIF sharing IS NOT NULL AND acl = ANY (columns) THEN
        RAISE EXCEPTION 'acl, tenant and owner must be three columns' USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_sharing(text, text, name, text, name[]) IS
'Refuses arguments of protect() about sharing: 22004, 22023.';
SELECT bastion_internal.callable_by('bastion_internal.check_sharing(text, text, name, text, name[])', 'migration');

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
'Refuses a column that exists and cannot hold access control lists: 42611, 42804.';
SELECT bastion_internal.callable_by('bastion_internal.check_acl_column(regclass, name)', 'migration');

CREATE FUNCTION bastion_internal.has_rows_without(relation regclass, column_name name) RETURNS boolean
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_has_rows_without';
COMMENT ON FUNCTION bastion_internal.has_rows_without(regclass, name) IS
'Whether a table has a row with NULL in this column, or any row where no column is named, as its owner sees it where that is another role. SQLSTATE 42501 for a table of somebody else, 42601 and 42703 for no such column, 42809, 42P01.';
SELECT bastion_internal.callable_by('bastion_internal.has_rows_without(regclass, name)', 'migration');

CREATE FUNCTION bastion_internal.has_rows_to_fill(relation regclass, acl name) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
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
'Whether a table has rows without an access control list; true when row security hides them from the caller.';
SELECT bastion_internal.callable_by('bastion_internal.has_rows_to_fill(regclass, name)', 'migration');

-- ALTER TYPE … USING, not UPDATE: it fills every row in one pass with the rights of the table's owner, fires no trigger and is
-- not subject to row security, which binds that owner too. It comes before policies and triggers, which would forbid it.
CREATE FUNCTION bastion_internal.plan_acl_column(spec bastion.protected_tables) RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL SAFE
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
'Statements that give a table its column for access control lists, and every row a list.';
SELECT bastion_internal.callable_by('bastion_internal.plan_acl_column(bastion.protected_tables)', 'migration');

CREATE FUNCTION bastion_internal.plan_triggers(spec bastion.protected_tables, member regclass) RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL SAFE
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
'Statements for the triggers of sharing on one table.';
SELECT bastion_internal.callable_by('bastion_internal.plan_triggers(bastion.protected_tables, regclass)', 'migration');

CREATE FUNCTION bastion_internal.old_acl_column(spec bastion.protected_tables) RETURNS name
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.acl_column(p) FROM bastion.protected_tables p
    WHERE p.relation = spec.relation AND bastion_internal.acl_column(p) IS DISTINCT FROM bastion_internal.acl_column(spec)
$$;
COMMENT ON FUNCTION bastion_internal.old_acl_column(bastion.protected_tables) IS
'The column for access control lists that a table has and should no longer have.';
SELECT bastion_internal.callable_by('bastion_internal.old_acl_column(bastion.protected_tables)', 'migration');

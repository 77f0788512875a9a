-- The checks of protect(). Each raises an error with a hint, or returns.

CREATE FUNCTION bastion_internal.kind_of_relation(kind "char") RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE kind WHEN 'v' THEN 'a view' WHEN 'm' THEN 'a materialized view' WHEN 'f' THEN 'a foreign table'
                     WHEN 'S' THEN 'a sequence' WHEN 'i' THEN 'an index' WHEN 'I' THEN 'an index' WHEN 'c' THEN 'a type'
                     ELSE 'a system object' END
$$;
COMMENT ON FUNCTION bastion_internal.kind_of_relation("char") IS 'The name of pg_class.relkind for relations other than tables.';
SELECT bastion_internal.callable_by('bastion_internal.kind_of_relation("char")', 'migration');

CREATE FUNCTION bastion_internal.check_protectable(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_class pg_class;
    extension name := (SELECT e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                       WHERE d.classid = 'pg_class'::regclass AND d.objid = relation
                         AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e');
BEGIN
    IF relation IS NULL THEN
        RAISE EXCEPTION 'table must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT * INTO found_class FROM pg_class c WHERE c.oid = relation;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'table with OID % does not exist', relation::oid USING ERRCODE = 'undefined_table';
    ELSIF found_class.relkind NOT IN ('r', 'p') THEN
        RAISE EXCEPTION '% is %, not a table', relation, bastion_internal.kind_of_relation(found_class.relkind)
            USING ERRCODE = 'wrong_object_type', HINT = CASE found_class.relkind
                WHEN 'v' THEN 'Protect the tables that it reads, and give the view security_invoker = true.'
                WHEN 'm' THEN 'A materialized view has no row security: grant it to nobody and read it through a function.'
                ELSE 'Only ordinary and partitioned tables have row security.' END;
    ELSIF found_class.relpersistence = 't' THEN
        RAISE EXCEPTION '% is a temporary table', relation USING ERRCODE = 'wrong_object_type',
            HINT = 'Only its own session sees a temporary table.';
    ELSIF found_class.oid < 16384 OR found_class.relnamespace IN (
            'pg_catalog'::regnamespace, 'pg_toast'::regnamespace, 'information_schema'::regnamespace) THEN
        RAISE EXCEPTION '% is a system table', relation USING ERRCODE = 'wrong_object_type';
    ELSIF extension IS NOT NULL THEN
        RAISE EXCEPTION 'table % belongs to the extension "%"', relation, extension USING ERRCODE = 'wrong_object_type';
    ELSIF NOT bastion_internal.owns_relation(relation) THEN
        RAISE EXCEPTION 'must be owner of table %', relation USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_protectable(regclass) IS
'Refuses relations that cannot have row security (42809) and another role''s table (42501).';
SELECT bastion_internal.callable_by('bastion_internal.check_protectable(regclass)', 'migration');

CREATE FUNCTION bastion_internal.check_member(root regclass, member regclass) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    stranger regclass := (SELECT p FROM bastion_internal.protect_line(member) l, bastion_internal.protect_root(l) p WHERE p <> root LIMIT 1);
BEGIN
    IF (SELECT c.relkind FROM pg_class c WHERE c.oid = member) NOT IN ('r', 'p') THEN
        RAISE EXCEPTION 'cannot protect %: its partition or child % is a foreign table', root, member
            USING ERRCODE = 'wrong_object_type', HINT = 'A foreign table has no row security: detach it first.';
    ELSIF NOT bastion_internal.owns_relation(member) THEN
        RAISE EXCEPTION 'must be owner of table %, a partition or child of %', member, root
            USING ERRCODE = 'insufficient_privilege';
    ELSIF stranger IS NOT NULL THEN
        RAISE EXCEPTION 'cannot protect %: its child % has the protection of %', root, member, stranger
            USING ERRCODE = 'wrong_object_type';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_member(regclass, regclass) IS
'Refuses a partition or child that cannot have the protection of its root: 42501, 42809.';
SELECT bastion_internal.callable_by('bastion_internal.check_member(regclass, regclass)', 'migration');

-- While the tree is changed, code in one table runs as the owner of another, so there must be only one owner. A superuser's code may
-- run as a superuser.
CREATE FUNCTION bastion_internal.check_one_owner(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owners text[] := ARRAY(SELECT DISTINCT quote_ident(r.rolname) FROM bastion_internal.protect_tree(relation) t
                           JOIN pg_class c ON c.oid = t.member JOIN pg_roles r ON r.oid = c.relowner ORDER BY 1);
BEGIN
    IF cardinality(owners) > 1 AND EXISTS (SELECT FROM pg_roles r WHERE quote_ident(r.rolname) = ANY (owners) AND NOT r.rolsuper) THEN
        RAISE EXCEPTION 'table %, its partitions and children have several owners', relation
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('They are %s.', array_to_string(owners, ', ')),
                  HINT = 'Give them one owner: ALTER TABLE ... OWNER TO.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_one_owner(regclass) IS
'Refuses a table whose partitions or children belong to other roles, unless all are superusers: 55000.';
SELECT bastion_internal.callable_by('bastion_internal.check_one_owner(regclass)', 'migration');

CREATE FUNCTION bastion_internal.check_tree(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    top regclass := (SELECT l FROM bastion_internal.protect_line(relation) l
                     WHERE NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = l) LIMIT 1);
BEGIN
    IF top <> relation THEN
        RAISE EXCEPTION 'cannot protect % alone: it is a partition or child of %', relation, top
            USING ERRCODE = 'wrong_object_type',
                  HINT = format('Protect %s: its partitions and children get the same protection.', top);
    END IF;
    PERFORM bastion_internal.check_member(relation, t.member) FROM bastion_internal.protect_tree(relation) t WHERE t.depth > 0;
    PERFORM bastion_internal.check_one_owner(relation);
END
$$;
COMMENT ON FUNCTION bastion_internal.check_tree(regclass) IS
'Refuses a partition without its root (42809), and partitions that cannot have the protection of their root.';
SELECT bastion_internal.callable_by('bastion_internal.check_tree(regclass)', 'migration');

CREATE FUNCTION bastion_internal.check_column(relation regclass, column_name name, purpose text) RETURNS regtype
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    state record;
    allowed regtype[] := CASE purpose WHEN 'tenant' THEN '{uuid,text,character varying,bigint,integer}'
                                      ELSE '{uuid,text,character varying}' END;
    refusal text := format('cannot use column "%s" of table %s for the %s', column_name, relation, purpose);
BEGIN
    SELECT * INTO state FROM bastion_internal.column_state(relation, column_name);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'column "%" of relation "%" does not exist', column_name, relation USING ERRCODE = 'undefined_column',
            HINT = format('Name the column that holds the %s: %s => ''column''.', purpose, purpose);
    ELSIF state.generated THEN
        RAISE EXCEPTION '%: its value is generated', refusal USING ERRCODE = 'invalid_column_definition',
            HINT = 'Use a column that INSERT can set.';
    ELSIF state.base_type <> ALL (allowed) THEN
        RAISE EXCEPTION '%: its type is %', refusal, state.base_type USING ERRCODE = 'datatype_mismatch',
            HINT = format('The type must be one of %s.', array_to_string(allowed, ', '));
    ELSIF state.base_type = 'character varying'::regtype AND state.type_modifier BETWEEN 4 AND 39 THEN
        RAISE EXCEPTION '%: it is too short', refusal USING ERRCODE = 'datatype_mismatch',
            HINT = 'A uuid has 36 characters.';
    END IF;
    RETURN state.base_type;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_column(regclass, name, text) IS
'Returns the type of a column that can hold the tenant or the owner; refuses other columns: 42703, 42611, 42804.';
SELECT bastion_internal.callable_by('bastion_internal.check_column(regclass, name, text)', 'migration');

-- The ACL column of existing rows is filled in with the rights of the table's owner.
CREATE FUNCTION bastion_internal.check_owner_may_fill(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner regrole := (SELECT c.relowner FROM pg_class c WHERE c.oid = relation);
BEGIN
    IF NOT (has_schema_privilege(owner, 'bastion', 'USAGE')
            AND has_function_privilege(owner, 'bastion_internal.acl_of_row(text, text, text)', 'EXECUTE')) THEN
        RAISE EXCEPTION 'the owner of table % may not fill in access control lists', relation USING ERRCODE = 'insufficient_privilege',
            HINT = format('SELECT bastion.allow_migration_role(%L);', owner);
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_owner_may_fill(regclass) IS
'Refuses a table whose owner may not call acl_of_row(): 42501.';
SELECT bastion_internal.callable_by('bastion_internal.check_owner_may_fill(regclass)', 'migration');

CREATE FUNCTION bastion_internal.count_nulls(relation regclass, column_name name) RETURNS bigint
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_count_nulls';
COMMENT ON FUNCTION bastion_internal.count_nulls(regclass, name) IS
'Counts the rows of a table with NULL in this column, as the owner of the table if that is another role.
SQLSTATE 42501 for another role''s table, 42601 and 42703 for an unknown column, 42809, 42P01.';
SELECT bastion_internal.callable_by('bastion_internal.count_nulls(regclass, name)', 'migration');

-- Counts with the rights of the table's owner, which the caller has: even planning runs functions of its indexes and checks. If row
-- security hides rows from the owner, SET NOT NULL still finds them and fails.
CREATE FUNCTION bastion_internal.check_no_nulls(relation regclass, column_name name) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    nulls bigint := 0;
BEGIN
    IF bastion_internal.tenant_may_be_null(relation, column_name) THEN
        nulls := bastion_internal.count_nulls(relation, column_name);
    END IF;
    IF nulls > 0 THEN
        RAISE EXCEPTION 'column "%" of relation "%" contains null values in % row(s)', column_name, relation, nulls
            USING ERRCODE = 'not_null_violation', HINT = 'Give every row a tenant first.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_no_nulls(regclass, name) IS 'Counts and refuses rows without a tenant: 23502.';
SELECT bastion_internal.callable_by('bastion_internal.check_no_nulls(regclass, name)', 'migration');

CREATE FUNCTION bastion_internal.check_foreign_policies(relation regclass, citus boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    names text := (SELECT string_agg(format('"%s" on %s', p, t.member), ', ' ORDER BY t.depth, t.member::text, p)
                   FROM bastion_internal.protect_tree(relation) t, bastion_internal.foreign_policies(t.member, citus) p);
BEGIN
    IF names IS NOT NULL THEN
        RAISE EXCEPTION 'cannot protect %: it has % policies: %', relation, CASE WHEN citus THEN 'other' ELSE 'permissive' END, names
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = CASE WHEN citus THEN 'existing => ''drop'' drops them. Citus makes all of them permissive on shards.'
                              ELSE 'existing => ''drop'' drops them; existing => ''keep'' lets them decide inside each tenant.' END;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_foreign_policies(regclass, boolean) IS
'Lists and refuses permissive policies that protect() did not write, and for Citus the others too: 55000.';
SELECT bastion_internal.callable_by('bastion_internal.check_foreign_policies(regclass, boolean)', 'migration');

-- Citus gives each of its tables this trigger. Its own catalog exists only with it.
CREATE FUNCTION bastion_internal.is_distributed(relation regclass) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                   WHERE t.tgrelid = relation AND p.proname = 'citus_truncate_trigger' AND p.pronamespace = 'pg_catalog'::regnamespace)
$$;
COMMENT ON FUNCTION bastion_internal.is_distributed(regclass) IS 'Whether Citus distributes the table.';
SELECT bastion_internal.callable_by('bastion_internal.is_distributed(regclass)', 'migration');

CREATE FUNCTION bastion_internal.check_citus(relation regclass, tenant_column name, citus boolean, existing text, sharing text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    distributed boolean := EXISTS (SELECT FROM bastion_internal.protect_tree(relation) t WHERE bastion_internal.is_distributed(t.member));
BEGIN
    IF citus AND existing = 'keep' THEN
        RAISE EXCEPTION 'cannot keep other policies with citus' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'On shards each of them would show its rows to every tenant.';
    ELSIF citus AND sharing = 'cross_tenant' THEN
        RAISE EXCEPTION 'cannot share across tenants with citus' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'Rows of other tenants are in other shards.';
    ELSIF distributed AND NOT citus THEN
        RAISE EXCEPTION 'cannot protect %: Citus distributes it', relation USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Say citus => true: Citus makes other policies again as permissive ones.';
    ELSIF distributed AND (SELECT c.default_value FROM bastion_internal.column_state(relation, tenant_column) c) IS NULL THEN
        RAISE EXCEPTION 'cannot protect %: Citus distributes it, and column "%" has no default', relation, tenant_column
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = 'Citus refuses a default for the column by which it distributes a table.',
                  HINT = 'Undistribute the table, protect it with citus => true, and distribute it again.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_citus(regclass, name, boolean, text, text) IS
'Refuses arguments of protect() that do not isolate tenants on the shards of Citus: 22023, and 55000 for a table that is distributed already.';
SELECT bastion_internal.callable_by('bastion_internal.check_citus(regclass, name, boolean, text, text)', 'migration');

CREATE FUNCTION bastion_internal.check_actions(actions jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    entry record;
BEGIN
    IF jsonb_typeof(actions) <> 'object' THEN
        RAISE EXCEPTION 'actions must be a JSON object' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'For example {"update": "edit"}.';
    END IF;
    FOR entry IN SELECT * FROM jsonb_each(actions) LOOP
        IF entry.key NOT IN ('create', 'read', 'update', 'delete') THEN
            RAISE EXCEPTION 'unknown action "%"', left(entry.key, 63) USING ERRCODE = 'invalid_parameter_value',
                HINT = 'The actions are create, read, update and delete.';
        ELSIF jsonb_typeof(entry.value) <> 'string' OR NOT bastion_internal.is_word(entry.value #>> '{}') THEN
            RAISE EXCEPTION 'invalid name for the action "%"', entry.key USING ERRCODE = 'invalid_parameter_value',
                HINT = 'An action is one word of lower-case letters, digits and underscores.';
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_actions(jsonb) IS
'Refuses anything but an object whose keys are create, read, update or delete and whose values are words: 22023.';
SELECT bastion_internal.callable_by('bastion_internal.check_actions(jsonb)', 'migration');

CREATE FUNCTION bastion_internal.resource_of_table(table_name name) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN word = '' THEN 'table_' || left(md5(table_name), 8)
                WHEN word ~ '^[0-9]' THEN 'table_' || word
                ELSE word END
    FROM btrim(regexp_replace(lower(table_name::text COLLATE "C"), '[^a-z0-9_]+', '_', 'g'), '_') word
$$;
COMMENT ON FUNCTION bastion_internal.resource_of_table(name) IS
'Makes a resource name from the name of a table: lower case, with a single _ for any characters other than a-z, 0-9 and _.';
SELECT bastion_internal.callable_by('bastion_internal.resource_of_table(name)', 'migration');

CREATE FUNCTION bastion_internal.check_resource(relation regclass, resource text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    table_name name := (SELECT c.relname FROM pg_class c WHERE c.oid = relation);
    chosen text := coalesce(resource, bastion_internal.resource_of_table(table_name));
BEGIN
    IF NOT bastion_internal.is_resource(chosen) THEN
        RAISE EXCEPTION 'invalid resource name' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'A resource is words of lower-case letters, digits and underscores, joined by dots.';
    ELSIF bastion_internal.is_reserved_resource(chosen) THEN
        RAISE EXCEPTION 'the resource name "%" is reserved', chosen USING ERRCODE = 'reserved_name',
            DETAIL = 'Names that begin with tenant, platform, bastion or own belong to pg_bastion.',
            HINT = 'Choose another one: resource => ''name''.';
    ELSIF resource IS NULL AND chosen <> table_name
          AND NOT EXISTS (SELECT FROM bastion.protected_tables p
                          WHERE p.relation = check_resource.relation AND p.resource = chosen) THEN
        RAISE NOTICE 'the resource of table % is "%"', relation, chosen;
    END IF;
    RETURN chosen;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_resource(regclass, text) IS
'Returns the given resource name, or one made from the name of the table; refuses malformed (22023) and reserved (42939) names.';
SELECT bastion_internal.callable_by('bastion_internal.check_resource(regclass, text)', 'migration');

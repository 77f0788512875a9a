-- bastion.adopt_plan(): how the tables of an application come under protect(). It reads the catalog alone, with the rights of its caller,
-- and changes nothing. What it cannot tell from keys and names it leaves to people, with no statement.

CREATE FUNCTION bastion_internal.adopt_relations(schema name) RETURNS SETOF regclass
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.oid::regclass
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = adopt_relations.schema AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
      AND (bastion_internal.owns_relation(c.oid) OR has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE')
           OR has_any_column_privilege(c.oid, 'SELECT'))
    ORDER BY c.relname COLLATE "C"
$$;
COMMENT ON FUNCTION bastion_internal.adopt_relations(name) IS
'The tables of a schema that the current role owns or has privileges on, without partitions, temporary tables and those of extensions.';
SELECT bastion_internal.callable_by('bastion_internal.adopt_relations(name)', 'migration');

CREATE FUNCTION bastion_internal.adopt_edges(relations regclass[])
RETURNS TABLE (child regclass, parent regclass, key name, columns name[], parent_columns name[], required boolean)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT k.conrelid::regclass, k.confrelid::regclass, k.conname, c.names, c.parent_names, c.required
    FROM pg_constraint k,
         LATERAL (SELECT array_agg(a.attname ORDER BY u.place) AS names, array_agg(f.attname ORDER BY u.place) AS parent_names, bool_and(a.attnotnull) AS required
                  FROM unnest(k.conkey, k.confkey) WITH ORDINALITY u (number, parent_number, place)
                  JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number
                  JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = u.parent_number) c
    WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid <> k.confrelid AND k.conrelid = ANY (relations::oid[])
$$;
COMMENT ON FUNCTION bastion_internal.adopt_edges(regclass[]) IS
'The foreign keys of these tables to others; required: none of the columns may be NULL.';
SELECT bastion_internal.callable_by('bastion_internal.adopt_edges(regclass[])', 'migration');

CREATE FUNCTION bastion_internal.adopt_named(relations regclass[], names text[]) RETURNS regclass
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.oid::regclass
    FROM pg_class c
    WHERE c.oid = ANY (relations::oid[]) AND lower(c.relname::text) = ANY (names)
    ORDER BY (SELECT count(DISTINCT e.child) FROM bastion_internal.adopt_edges(relations) e WHERE e.parent = c.oid) DESC,
             array_position(names, lower(c.relname::text))
    LIMIT 1
$$;
COMMENT ON FUNCTION bastion_internal.adopt_named(regclass[], text[]) IS
'The table with one of these names that most others refer to.';
SELECT bastion_internal.callable_by('bastion_internal.adopt_named(regclass[], text[])', 'migration');

CREATE FUNCTION bastion_internal.adopt_tenant_names() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT '{tenants,tenant,organizations,organization,organisations,organisation,orgs,org,companies,company,workspaces,workspace}'::text[] $$;
COMMENT ON FUNCTION bastion_internal.adopt_tenant_names() IS 'Names of tables of tenants.';
SELECT bastion_internal.callable_by('bastion_internal.adopt_tenant_names()', 'migration');

-- Without a foreign key, the name of a column alone says that it holds a tenant: tenant_id, and that of the table of tenants. Where the
-- tables have none, the usual names of one, but not company_id: other people's customers are companies too.
CREATE FUNCTION bastion_internal.adopt_column_names(tenants regclass) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN tenants IS NULL OR tenants = 'bastion.tenants'::regclass
                THEN '{tenant_id,organization_id,organisation_id,org_id,workspace_id}'::text[]
                ELSE ARRAY['tenant_id', regexp_replace(regexp_replace(lower(c.relname::text), 'ies$', 'y'), 's$', '') || '_id'] END
    FROM (SELECT) x LEFT JOIN pg_class c ON c.oid = tenants
$$;
COMMENT ON FUNCTION bastion_internal.adopt_column_names(regclass) IS 'Names of columns that hold the tenant, those before others first.';
SELECT bastion_internal.callable_by('bastion_internal.adopt_column_names(regclass)', 'migration');

-- A plan goes on where an earlier one was left: the trigger of adopt_fill() tells which column was added.
CREATE FUNCTION bastion_internal.adopt_filled(relation regclass) RETURNS name
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT a.attname FROM pg_trigger t JOIN pg_attribute a ON a.attrelid = t.tgrelid AND a.attnum = t.tgattr[0]
    WHERE t.tgrelid = adopt_filled.relation AND t.tgname = 'bastion_adopt' AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION bastion_internal.adopt_filled(regclass) IS 'The column that the trigger of adopt_plan() fills; NULL for a table without it.';
SELECT bastion_internal.callable_by('bastion_internal.adopt_filled(regclass)', 'migration');

-- The column of a table that holds the tenant already. Names count only for the type of the tenants' key.
CREATE FUNCTION bastion_internal.adopt_own_columns(relations regclass[], tenants regclass) RETURNS TABLE (relation regclass, name name, type regtype, key name)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
    WITH direct AS (
        SELECT DISTINCT ON (e.child) e.child, e.columns[1] AS name, s.base_type, e.parent_columns[1] AS key
        FROM bastion_internal.adopt_edges(relations) e, bastion_internal.column_state(e.child, e.columns[1]) s
        WHERE e.parent = tenants AND cardinality(e.columns) = 1
        ORDER BY e.child, e.required DESC, bastion_internal.column_number(e.child, e.columns[1])
    ), named AS (
        SELECT bastion_internal.adopt_column_names(tenants) AS names,
               coalesce((SELECT s.base_type FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1],
                         bastion_internal.column_state(k.conrelid, a.attname) s
                         WHERE k.conrelid = tenants AND k.contype = 'p' AND cardinality(k.conkey) = 1), 'uuid'::regtype) AS key_type
    )
    SELECT d.child, d.name, d.base_type, d.key FROM direct d
    UNION ALL
    (SELECT DISTINCT ON (r.oid) r.oid::regclass, a.attname, s.base_type, NULL::name
     FROM named, unnest(relations) r (oid) JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped,
          bastion_internal.column_state(r.oid, a.attname) s
     WHERE r.oid <> ALL (ARRAY(SELECT d.child FROM direct d)) AND r.oid IS DISTINCT FROM tenants
       AND (a.attname = 'tenant_id' AND s.base_type = ANY ('{uuid,bigint,integer}'::regtype[])
            OR lower(a.attname::text) = ANY (named.names) AND s.base_type = named.key_type
            OR EXISTS (SELECT FROM direct d WHERE d.name = a.attname AND d.base_type = s.base_type AND a.attname <> 'id'))
       AND a.attname IS DISTINCT FROM bastion_internal.adopt_filled(r.oid)
       AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = r.oid AND k.contype IN ('p', 'f') AND k.conkey = ARRAY[a.attnum])
     ORDER BY r.oid, array_position(named.names, lower(a.attname::text)), a.attname)
    ORDER BY 1, 2
$$;
COMMENT ON FUNCTION bastion_internal.adopt_own_columns(regclass[], regclass) IS
'The columns that hold a tenant: those with a foreign key to the table of tenants, with the column that it refers to, and others with their name and type, or with one of adopt_column_names().';
SELECT bastion_internal.callable_by('bastion_internal.adopt_own_columns(regclass[], regclass)', 'migration');

-- Tables are placed in rounds: first those that hold the tenant, then those that refer to a placed table.
CREATE FUNCTION bastion_internal.adopt_places(relations regclass[], tenants regclass) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    placed jsonb;
    found jsonb;
BEGIN
    SELECT coalesce(jsonb_agg(jsonb_build_object('relation', o.relation::oid, 'depth', 1, 'column', CASE WHEN slug.held THEN 'tenant_id' ELSE o.name END,
                                                 'type', CASE WHEN slug.held THEN 'uuid' ELSE o.type::text END, 'made', slug.held,
                                                 'parent', CASE WHEN slug.held THEN 'bastion.tenants'::regclass::oid END, 'parent_column', 'id',
                                                 'columns', ARRAY[o.name], 'parent_columns', ARRAY['slug'])), '[]') INTO placed
    FROM bastion_internal.adopt_own_columns(relations, tenants) o,
         LATERAL (SELECT o.type IN ('text'::regtype, 'character varying'::regtype) AS held) slug;
    LOOP
        SELECT jsonb_agg(f.place) INTO found FROM (
            SELECT DISTINCT ON (e.child) jsonb_build_object(
                       'relation', e.child::oid, 'depth', p.depth + 1, 'type', p.type, 'made', own.name IS NULL, 'parent', e.parent::oid,
                       'parent_column', p."column", 'columns', e.columns, 'parent_columns', e.parent_columns,
                       'column', coalesce(own.name, bastion_internal.adopt_filled(e.child), free.name)) AS place
            FROM bastion_internal.adopt_edges(relations) e
            JOIN jsonb_to_recordset(placed) p (relation oid, depth integer, "column" name, type text) ON p.relation = e.parent,
                 LATERAL (SELECT e.columns[array_position(e.parent_columns, p."column")] AS name) own,
                 LATERAL (SELECT n AS name FROM unnest(ARRAY[p."column", 'tenant_id', 'bastion_tenant_id']::name[]) WITH ORDINALITY w (n, place)
                          WHERE NOT EXISTS (SELECT FROM bastion_internal.column_state(e.child, n)) ORDER BY place LIMIT 1) free
            WHERE e.child IS DISTINCT FROM tenants AND NOT EXISTS (SELECT FROM jsonb_to_recordset(placed) q (relation oid) WHERE q.relation = e.child)
            ORDER BY e.child, own.name IS NULL, e.required DESC, p.depth, e.key) f;
        EXIT WHEN found IS NULL;
        placed := placed || found;
    END LOOP;
    RETURN placed;
END
$$;
COMMENT ON FUNCTION bastion_internal.adopt_places(regclass[], regclass) IS
'The tables that belong to tenants: the column that holds the tenant, or that has to be made and from which parent it is filled, and the number of steps to the table of tenants.';
SELECT bastion_internal.callable_by('bastion_internal.adopt_places(regclass[], regclass)', 'migration');

-- In a circle of foreign keys, the table nearest to the tenants comes first.
CREATE FUNCTION bastion_internal.adopt_order(places jsonb) RETURNS oid[]
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    waiting regclass[] := ARRAY(SELECT p.relation::regclass FROM jsonb_to_recordset(places) p (relation oid, depth integer) JOIN pg_class c ON c.oid = p.relation
                                ORDER BY p.depth, c.relname COLLATE "C");
    ready regclass[];
    ordered regclass[] := '{}';
BEGIN
    WHILE waiting <> '{}' LOOP
        ready := ARRAY(SELECT w FROM unnest(waiting) WITH ORDINALITY u (w, place)
                       WHERE NOT EXISTS (SELECT FROM bastion_internal.adopt_edges(ARRAY[w]) e WHERE e.parent = ANY (waiting)) ORDER BY place);
        IF ready = '{}' THEN
            ready := waiting[1:1];
        END IF;
        ordered := ordered || ready;
        waiting := ARRAY(SELECT w FROM unnest(waiting) WITH ORDINALITY u (w, place) WHERE w <> ALL (ready) ORDER BY place);
    END LOOP;
    RETURN ordered;
END
$$;
COMMENT ON FUNCTION bastion_internal.adopt_order(jsonb) IS 'The tables of adopt_places(), each after those that it refers to.';
SELECT bastion_internal.callable_by('bastion_internal.adopt_order(jsonb)', 'migration');

CREATE FUNCTION bastion_internal.adopt_owner_column(relation regclass, users regclass) RETURNS name
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT e.columns[1]
    FROM bastion_internal.adopt_edges(ARRAY[relation]) e, bastion_internal.column_state(relation, e.columns[1]) s,
         array_position('{created_by,owner_id,owner,author_id,creator_id,user_id}'::name[], e.columns[1]) p
    WHERE e.parent IN (users, 'bastion.users'::regclass) AND cardinality(e.columns) = 1 AND p IS NOT NULL
      AND s.base_type IN ('uuid'::regtype, 'text'::regtype, 'character varying'::regtype) AND NOT s.generated
      AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = relation AND k.contype = 'p' AND bastion_internal.column_number(relation, e.columns[1]) = ANY (k.conkey))
    ORDER BY p LIMIT 1
$$;
COMMENT ON FUNCTION bastion_internal.adopt_owner_column(regclass, regclass) IS
'The column that refers to the user who made the row, by its foreign key and its name; NULL for none.';
SELECT bastion_internal.callable_by('bastion_internal.adopt_owner_column(regclass, regclass)', 'migration');

-- The statements are literals of literals, so that no name ends one of them.
CREATE FUNCTION bastion_internal.adopt_fill(relation regclass, column_name name, parent regclass, parent_column name, columns name[], parent_columns name[])
RETURNS TABLE (trigger text, batches text, release text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT format('CREATE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS %L; '
                  'CREATE TRIGGER bastion_adopt BEFORE INSERT OR UPDATE %s ON %s FOR EACH ROW WHEN (NEW.%I IS NULL) EXECUTE FUNCTION %s();',
                  f.name, format('BEGIN NEW.%I := (SELECT p.%I FROM %s p WHERE %s); RETURN NEW; END', column_name, parent_column, parent, j.new),
                  j.names, relation, column_name, f.name),
           format('DO %L;', format(
               'DECLARE page bigint := 0; pages bigint := (SELECT pg_catalog.max(pg_catalog.pg_relation_size(m.member) OPERATOR(pg_catalog./) %1$s) FROM bastion_internal.protect_tree(%2$L) m); '
               'BEGIN WHILE page OPERATOR(pg_catalog.<=) pages LOOP UPDATE %2$s c SET %3$I = p.%4$I FROM %5$s p WHERE %6$s AND c.%3$I IS NULL '
               'AND c.ctid OPERATOR(pg_catalog.>=) pg_catalog.format(%7$L, page)::pg_catalog.tid AND c.ctid OPERATOR(pg_catalog.<) pg_catalog.format(%7$L, page OPERATOR(pg_catalog.+) 200)::pg_catalog.tid; '
               'COMMIT; page := page OPERATOR(pg_catalog.+) 200; END LOOP; END',
               current_setting('block_size'), relation, column_name, parent_column, parent, j.old, '(%s,0)')),
           format('DROP TRIGGER bastion_adopt ON %s; DROP FUNCTION %s();', relation, f.name)
    FROM (SELECT format('%s.%I', c.relnamespace::regnamespace, 'bastion_adopt_' || CASE WHEN octet_length(c.relname) < 50 THEN c.relname ELSE md5(c.relname) END) AS name FROM pg_class c WHERE c.oid = relation) f,
         (SELECT 'OF ' || concat_ws(', ', quote_ident(column_name), string_agg(quote_ident(u.here), ', ' ORDER BY u.place)) AS names,
                 string_agg(format('p.%I OPERATOR(pg_catalog.=) NEW.%I', u.there, u.here), ' AND ' ORDER BY u.place) AS new,
                 string_agg(format('p.%I OPERATOR(pg_catalog.=) c.%I', u.there, u.here), ' AND ' ORDER BY u.place) AS old
          FROM unnest(columns, parent_columns) WITH ORDINALITY u (here, there, place)) j
$$;
COMMENT ON FUNCTION bastion_internal.adopt_fill(regclass, name, regclass, name, name[], name[]) IS
'The statements that fill a tenant column from the parent: for new rows, for rows that exist, in batches, and the end of the former.';
SELECT bastion_internal.callable_by('bastion_internal.adopt_fill(regclass, name, regclass, name, name[], name[])', 'migration');

CREATE FUNCTION bastion_internal.adopt_protect_call(relation regclass, tenant_column name, owner_column name) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT format('SELECT bastion.protect(%L%s%s%s%s);', relation, ', tenant_column => ' || quote_literal(nullif(tenant_column, 'tenant_id')),
                  ', owner_column => ' || quote_literal(owner_column),
                  CASE WHEN bastion_internal.is_reserved_resource(r) THEN ', resource => ' || quote_literal('app_' || replace(r, '.', '_')) END,
                  CASE WHEN EXISTS (SELECT FROM bastion_internal.protect_tree(relation) t, bastion_internal.foreign_policies(t.member)) THEN ', existing => ''keep''' END)
    FROM pg_class c, bastion_internal.resource_of_table(c.relname) r WHERE c.oid = relation
$$;
COMMENT ON FUNCTION bastion_internal.adopt_protect_call(regclass, name, name) IS 'The call of protect() that adopt_plan() proposes for a table.';
SELECT bastion_internal.callable_by('bastion_internal.adopt_protect_call(regclass, name, name)', 'migration');

CREATE FUNCTION bastion_internal.adopt_remarks(relation regclass, besides regclass[]) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT concat(
        CASE WHEN cardinality(k.keys) > 1 AND (SELECT count(DISTINCT e.parent) = cardinality(k.keys) FROM bastion_internal.adopt_edges(ARRAY[relation]) e
                   WHERE e.columns <@ k.keys AND (e.parent = ANY (besides)) IS NOT TRUE)
             THEN ' It links rows of two tables: composite keys keep both in one tenant.'
             WHEN cardinality(k.keys) > 1 AND (SELECT count(DISTINCT e.parent) = cardinality(k.keys) FROM bastion_internal.adopt_edges(ARRAY[relation]) e
                   WHERE e.columns <@ k.keys AND e.parent = ANY (besides))
             THEN ' It says who belongs to which tenant: import_users() takes that as memberships.' END,
        CASE WHEN EXISTS (SELECT FROM bastion_internal.protect_tree(relation) t, bastion_internal.foreign_policies(t.member))
             THEN ' It has permissive policies: existing => ''keep'' lets them decide inside each tenant, ''drop'' removes them.'
             WHEN c.relrowsecurity THEN ' Row security is on already.' END,
        CASE WHEN EXISTS (SELECT FROM bastion_internal.column_state(relation, 'deleted_at')) THEN ' For soft delete by deleted_at, docs/TABLES.md has a recipe.' END,
        CASE WHEN NOT bastion_internal.owns_relation(relation) THEN format(' Call it as %s, who owns the table.', c.relowner::regrole) END)
    FROM pg_class c,
         LATERAL (SELECT ARRAY(SELECT a.attname FROM pg_constraint p JOIN pg_attribute a ON a.attrelid = p.conrelid AND a.attnum = ANY (p.conkey)
                               WHERE p.conrelid = relation AND p.contype = 'p') AS keys) k
    WHERE c.oid = relation
$$;
COMMENT ON FUNCTION bastion_internal.adopt_remarks(regclass, regclass[]) IS 'What else there is to say about a table that adopt_plan() proposes to protect.';
SELECT bastion_internal.callable_by('bastion_internal.adopt_remarks(regclass, regclass[])', 'migration');

CREATE FUNCTION bastion_internal.adopt_table_rows(place jsonb, tenants regclass, users regclass, OUT open text[], OUT call text, OUT release text, OUT reason text)
RETURNS record
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    p record;
    fill record;
    owner_column name;
BEGIN
    SELECT r.relation::oid::regclass AS relation, r."column" AS name, r.type, r.made, r.depth, r.parent::regclass AS parent, r.parent_column, r.columns, r.parent_columns
    INTO p FROM jsonb_to_record(place) r (relation oid, "column" name, type text, made boolean, depth integer, parent oid, parent_column name, columns name[], parent_columns name[]);
    owner_column := bastion_internal.adopt_owner_column(p.relation, users);
    IF p.type <> ALL ('{uuid,bigint,integer}'::text[]) THEN
        reason := format('Column "%s" has the type %s, which holds neither the id nor the number of a tenant: add a column of the type uuid.', p.name, p.type);
        RETURN;
    END IF;
    reason := CASE WHEN p.parent = 'bastion.tenants'::regclass THEN format('Column "%s" holds the slug of the tenant, which may change; the new column holds its id.', p.columns[1])
                   WHEN p.made THEN format('The tenant stands in %s.', p.parent)
                   WHEN p.parent IS NOT NULL THEN format('Its foreign key to %s carries the tenant.', p.parent)
                   WHEN EXISTS (SELECT FROM bastion_internal.adopt_edges(ARRAY[p.relation]) e WHERE e.parent = tenants AND e.columns = ARRAY[p.name])
                   THEN format('Column "%s" refers to the table of tenants.', p.name)
                   ELSE format('Column "%s" has the name and the type of a column that holds the tenant.', p.name) END
              || coalesce(' Column "' || owner_column || '" holds the user who made the row.', '')
              || bastion_internal.adopt_remarks(p.relation, ARRAY[tenants, users]);
    call := bastion_internal.adopt_protect_call(p.relation, p.name, owner_column);
    IF p.made THEN
        SELECT * INTO fill FROM bastion_internal.adopt_fill(p.relation, p.name, p.parent, p.parent_column, p.columns, p.parent_columns);
        open := ARRAY[CASE WHEN NOT EXISTS (SELECT FROM bastion_internal.column_state(p.relation, p.name)) THEN format('ALTER TABLE %s ADD COLUMN %I %s;', p.relation, p.name, p.type) END,
                      CASE WHEN p.parent <> 'bastion.tenants'::regclass AND bastion_internal.adopt_filled(p.relation) IS NULL THEN fill.trigger END, fill.batches];
        release := CASE WHEN p.parent <> 'bastion.tenants'::regclass THEN fill.release END;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.adopt_table_rows(jsonb, regclass, regclass) IS
'The statements of adopt_plan() for one place of adopt_places(): those that add and fill a tenant column, the call of protect() and what follows it; and the reason.';
SELECT bastion_internal.callable_by('bastion_internal.adopt_table_rows(jsonb, regclass, regclass)', 'migration');

-- The table of tenants itself: a member sees the row of the own tenant.
CREATE FUNCTION bastion_internal.adopt_tenant_rows(tenants regclass, key name) RETURNS TABLE (statement text, reason text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 2
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT format('ALTER TABLE %s ALTER COLUMN %I DROP IDENTITY;', tenants, key), 'protect() gives the column a default, and sign-up makes new tenants.'
    FROM pg_attribute a WHERE a.attrelid = tenants AND a.attname = key AND a.attidentity <> ''
    UNION ALL
    SELECT bastion_internal.adopt_protect_call(tenants, key, NULL),
           'A user sees the row of the tenant that they work in. Queries without an identity, such as a search by slug before the login, see none.' || bastion_internal.adopt_remarks(tenants, NULL)
    FROM bastion_internal.column_state(tenants, key) s WHERE s.base_type = ANY ('{uuid,bigint,integer}'::regtype[])
$$;
COMMENT ON FUNCTION bastion_internal.adopt_tenant_rows(regclass, name) IS 'The rows of adopt_plan() that protect the table of tenants.';
SELECT bastion_internal.callable_by('bastion_internal.adopt_tenant_rows(regclass, name)', 'migration');

-- A table that belongs to no tenant. Only a table that others refer to, and that refers to neither tenants nor users, is a look-up.
CREATE FUNCTION bastion_internal.adopt_other_row(relation regclass, relations regclass[], users regclass, OUT statement text, OUT reason text)
RETURNS record
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    to_user record;
BEGIN
    SELECT e.columns[1] AS name, s.base_type INTO to_user
    FROM bastion_internal.adopt_edges(ARRAY[relation]) e, bastion_internal.column_state(relation, e.columns[1]) s
    WHERE e.parent IN (users, 'bastion.users'::regclass) AND cardinality(e.columns) = 1 ORDER BY e.required DESC, e.key LIMIT 1;
    IF relation = users THEN
        reason := 'The table of users: import them with import_users_from(), with their password hashes and memberships. Their rows belong to no tenant, so grant the application a view of what it needs. '
                  'reference_add() makes foreign keys to bastion.users.';
    ELSIF to_user.name IS NOT NULL THEN
        reason := format('Its rows belong to users, not to tenants: column "%s".', to_user.name)
                  || CASE to_user.base_type WHEN 'uuid'::regtype THEN ' A user sees the own rows, in each tenant.'
                                            ELSE format(' Its type %s cannot hold the id of a user: add a column of the type uuid.', to_user.base_type) END;
        IF to_user.base_type = 'uuid'::regtype AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = relation) THEN
            statement := format('ALTER TABLE %1$s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY own_rows ON %1$s USING (%2$I = (SELECT bastion.user_id()));',
                                relation, to_user.name);
        END IF;
    ELSIF EXISTS (SELECT FROM bastion_internal.adopt_edges(ARRAY[relation])) THEN
        reason := 'It reaches neither tenants nor users, and refers to other tables: people must decide whose rows these are.';
    ELSIF EXISTS (SELECT FROM bastion_internal.adopt_edges(relations) e WHERE e.parent = relation) THEN
        statement := format('SELECT bastion.global_table_add(%L, %L);', relation, 'all tenants share it');
        reason := 'A look-up: other tables refer to it, and it refers to none. Look that no row is of one tenant alone, and revoke INSERT, UPDATE and DELETE on it from the application.';
    ELSE
        reason := 'No foreign key connects it: people must decide whose rows these are. global_table_add() is for tables that all tenants share.';
    END IF;
    reason := reason || CASE WHEN relation <> users OR users IS NULL THEN bastion_internal.adopt_remarks(relation, ARRAY[users]) ELSE '' END;
END
$$;
COMMENT ON FUNCTION bastion_internal.adopt_other_row(regclass, regclass[], regclass) IS 'What adopt_plan() proposes for a table that belongs to no tenant.';
SELECT bastion_internal.callable_by('bastion_internal.adopt_other_row(regclass, regclass[], regclass)', 'migration');

CREATE FUNCTION bastion_internal.check_adoptable(schema name, given regclass) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    space pg_namespace;
BEGIN
    IF schema IS NULL THEN
        RAISE EXCEPTION 'schema must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT * INTO space FROM pg_namespace n WHERE n.nspname = schema;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'schema "%" does not exist', schema USING ERRCODE = 'invalid_schema_name';
    ELSIF schema ~ '^pg_' OR schema IN ('information_schema', 'bastion', 'bastion_api', 'bastion_internal', 'bastion_test') THEN
        RAISE EXCEPTION 'schema "%" holds no tables of an application', schema USING ERRCODE = 'invalid_parameter_value';
    ELSIF NOT has_schema_privilege(space.oid, 'USAGE') THEN
        RAISE EXCEPTION 'permission denied for schema %', schema USING ERRCODE = 'insufficient_privilege';
    ELSIF given IS NOT NULL AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = given) THEN
        RAISE EXCEPTION 'table with OID % does not exist', given::oid USING ERRCODE = 'undefined_table';
    ELSIF given IS NOT NULL AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = given AND c.relkind IN ('r', 'p')) THEN
        RAISE EXCEPTION '% is not a table', given USING ERRCODE = 'wrong_object_type';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_adoptable(name, regclass) IS
'Refuses arguments of adopt_plan(): 22004, 22023 and 42501 for schemas, 3F000, 42809 and 42P01.';
SELECT bastion_internal.callable_by('bastion_internal.check_adoptable(name, regclass)', 'migration');

CREATE FUNCTION bastion.adopt_plan(schema name DEFAULT 'public', tenants regclass DEFAULT NULL, users regclass DEFAULT NULL)
RETURNS TABLE (step integer, relation regclass, statement text, reason text)
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    relations regclass[];
    places jsonb;
    key name;
    key_type text;
BEGIN
    PERFORM bastion_internal.check_adoptable(schema, tenants), bastion_internal.check_adoptable(schema, users);
    relations := ARRAY(SELECT r FROM bastion_internal.adopt_relations(schema) r);
    tenants := coalesce(tenants, bastion_internal.adopt_named(relations, bastion_internal.adopt_tenant_names()));
    users := coalesce(users, bastion_internal.adopt_named(array_remove(relations, tenants), '{users,user,app_users,accounts,account,profiles,people}'));
    tenants := coalesce(tenants, (SELECT e.parent FROM bastion_internal.adopt_edges(relations) e WHERE e.parent = 'bastion.tenants'::regclass LIMIT 1));
    key := coalesce((SELECT o.key FROM bastion_internal.adopt_own_columns(relations, tenants) o WHERE o.key IS NOT NULL LIMIT 1),
                    (SELECT a.attname FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
                     WHERE k.conrelid = tenants AND k.contype = 'p' AND cardinality(k.conkey) = 1));
    key_type := (SELECT s.base_type::text FROM bastion_internal.column_state(tenants, key) s);
    places := (SELECT coalesce(jsonb_agg(p ORDER BY array_position(o.ordered, (p ->> 'relation')::oid)), '[]')
               FROM (SELECT bastion_internal.adopt_places(relations, tenants) AS all_places) f, bastion_internal.adopt_order(f.all_places) o (ordered), jsonb_array_elements(f.all_places) p);
    RETURN QUERY
        WITH planned AS MATERIALIZED (
            SELECT t.place, (t.p ->> 'relation')::oid::regclass AS relation, t.p AS item, s.*
            FROM jsonb_array_elements(places) WITH ORDINALITY t (p, place), bastion_internal.adopt_table_rows(t.p, tenants, users) s
            WHERE bastion_internal.protect_root((t.p ->> 'relation')::oid) IS NULL AND NOT bastion_internal.is_global((t.p ->> 'relation')::oid)
        ), lines (phase, place, line, relation, statement, reason) AS (
            SELECT 1, 0::bigint, 0, tenants, NULL::text, CASE
                       WHEN tenants IS NULL THEN 'No table of tenants is found: name it in a second call, tenants => ''table''.'
                       WHEN key_type = 'uuid' THEN format('The table of tenants: import each of them with its id (tenant_id in import_users()). Its key is column "%s".', key)
                       WHEN key_type IN ('bigint', 'integer') THEN format('The table of tenants: import each of them with its number (tenant_number in import_users()). Its key is column "%s".', key)
                       WHEN key_type IN ('text', 'character varying') THEN format('The table of tenants: import each of them with its slug, column "%s". Protected tables hold the id of the tenant.', key)
                       ELSE 'The table of tenants: its key is neither a uuid nor a number of the type bigint or integer, so protected tables cannot hold it. Import each of them with its slug.' END
            WHERE tenants IS DISTINCT FROM 'bastion.tenants'::regclass
            UNION ALL SELECT 1, 1, 0, users, o.statement, o.reason FROM bastion_internal.adopt_other_row(users, relations, users) o WHERE users IS NOT NULL
            UNION ALL SELECT 2, p.place, u.line::integer, p.relation, u.statement,
                             CASE u.line WHEN 1 THEN p.reason || CASE WHEN (p.item ->> 'parent')::oid = 'bastion.tenants'::regclass THEN '' ELSE ' A new column holds it here, too.' END WHEN 2 THEN 'Fills the column in new rows, until protect() gives it a default.'
                                         ELSE 'Fills the column in the rows that exist, 200 pages in a transaction. Outside a transaction block.' || CASE
                                             WHEN EXISTS (SELECT FROM jsonb_array_elements_text(p.item -> 'columns') n, bastion_internal.column_state(p.relation, n::name) s WHERE NOT s.is_not_null)
                                             THEN ' Rows without a parent stay without a tenant: protect() refuses them, with their number.' ELSE '' END END
                      FROM planned p, unnest(p.open) WITH ORDINALITY u (statement, line) WHERE u.statement IS NOT NULL
            UNION ALL SELECT 3, array_position(relations, r), 0, r, o.statement, o.reason
                      FROM unnest(relations) r, bastion_internal.adopt_other_row(r, relations, users) o
                      WHERE r IS DISTINCT FROM tenants AND r IS DISTINCT FROM users AND r::oid <> ALL (ARRAY(SELECT (p ->> 'relation')::oid FROM jsonb_array_elements(places) p))
                        AND bastion_internal.protect_root(r) IS NULL AND NOT bastion_internal.is_global(r)
            UNION ALL SELECT 4, 0, 0, tenants, o.statement, o.reason FROM bastion_internal.adopt_tenant_rows(tenants, key) o
                      WHERE tenants = ANY (relations) AND bastion_internal.protect_root(tenants) IS NULL
            UNION ALL SELECT 4, p.place, u.line::integer, p.relation, u.statement, CASE u.line WHEN 1 THEN p.reason ELSE 'The default of protect() does this from now on.' END
                      FROM planned p, unnest(ARRAY[p.call, p.release]) WITH ORDINALITY u (statement, line) WHERE u.statement IS NOT NULL OR u.line = 1
            UNION ALL SELECT 4, 100000, 0, r, f.release, 'The default of protect() does this from now on.'
                      FROM unnest(relations) r, bastion_internal.adopt_fill(r, 'x', r, 'x', '{x}', '{x}') f WHERE bastion_internal.protect_root(r) IS NOT NULL AND bastion_internal.adopt_filled(r) IS NOT NULL
            UNION ALL SELECT 5, -q.place, 0, q.relation, format('SELECT bastion.composite_keys_create(%L);', q.relation), 'Keys of this protected table reach across tenants.'
                      FROM jsonb_array_elements(places) WITH ORDINALITY t (p, place), LATERAL (SELECT t.place, (t.p ->> 'relation')::oid::regclass AS relation) q
                      WHERE bastion_internal.protect_root(q.relation) IS NOT NULL AND EXISTS (SELECT FROM bastion_internal.plan_composite_keys(q.relation))
            UNION ALL SELECT 5, -p.place, 0, p.relation, format('SELECT bastion.composite_keys_create(%L);', p.relation),
                             'Its keys begin with the tenant afterwards: no row refers to another tenant, and no error tells what another tenant has.'
                      FROM planned p
                      WHERE p.call IS NOT NULL AND (EXISTS (SELECT FROM pg_index i WHERE i.indrelid = p.relation AND i.indisunique AND NOT i.indisprimary)
                            OR EXISTS (SELECT FROM bastion_internal.adopt_edges(ARRAY[p.relation]) e, jsonb_array_elements(places) q WHERE e.parent = (q ->> 'relation')::oid))
            UNION ALL SELECT 6, 0, 0, r, NULL, CASE WHEN bastion_internal.is_global(r) THEN 'It is a global table already.' ELSE 'It is protected already: bastion.protection shows its status.' END
                      FROM unnest(relations) r WHERE bastion_internal.is_global(r) OR bastion_internal.protect_root(r) IS NOT NULL
            UNION ALL SELECT 7, 0, 0, NULL, format('SELECT bastion.schema_guard(%L);', schema), 'A new table is closed until somebody protects it or says that all tenants share it. For superusers.'
            UNION ALL SELECT 7, 1, 0, NULL, 'SELECT * FROM bastion.lint(''mine'');', 'What is still wrong.'
        )
        SELECT row_number() OVER (ORDER BY l.phase, l.place, l.line, l.relation::text COLLATE "C", l.statement COLLATE "C")::integer, l.relation, l.statement,
               regexp_replace(l.reason, '[[:cntrl:]]+', ' ', 'g')
        FROM lines l ORDER BY 1;
END
$$;
COMMENT ON FUNCTION bastion.adopt_plan(name, regclass, regclass) IS
'Proposes how the tables of a schema come under protect(): a script with a reason for each step, parents first. It reads the catalog and changes nothing.
Foreign keys lead to the table of tenants. Its name is such as tenants, organizations or companies, or tenants names it; users names the table of users. Rows of the result: columns to add where the tenant stands in a parent, with what fills them in new and old rows; look-ups for global_table_add(); the calls of protect(), with the owner where a column such as created_by refers to a user; composite_keys_create(), children first; and schema_guard(). A row without a statement is for people to decide. For tables of other roles the reason names the owner.
Only tables that the caller owns or has privileges on are in the result. Reasons are one line each; docs/ADOPTING.md shows the way.
For migration roles.
SQLSTATE 22004 for NULL, 22023 for a schema of the system, 3F000 for an unknown one, 42501 without USAGE on it, 42809 and 42P01 for tenants and users that are no tables.';
SELECT bastion_internal.callable_by('bastion.adopt_plan(name, regclass, regclass)', 'migration');

-- The statements of protect() and unprotect(). Every plan compares with the catalog and returns only missing statements, each with
-- its semicolon, so that a dry run is a script. Rows of other tenants stay hidden between two of these statements: policies come
-- before ENABLE and are altered in place, and unprotect() drops bastion_access first.

CREATE FUNCTION bastion_internal.plan_policies(spec bastion.protected_tables, member regclass) RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    policy record;
    tests text;
BEGIN
    FOR policy IN
        SELECT s.* FROM bastion_internal.protect_policy_state(spec, member) s WHERE s.state <> 'ok'
        ORDER BY s.name = 'bastion_access' AND s.state = 'missing' AND EXISTS (
                     SELECT FROM pg_policy p WHERE p.polrelid = member AND bastion_internal.is_our_policy(p.polname)), s.name
    LOOP
        tests := concat(' USING (' || policy.using_test || ')', ' WITH CHECK (' || policy.check_test || ')');
        IF policy.state = 'altered' THEN
            RETURN NEXT format('ALTER POLICY %I ON %s TO PUBLIC%s;', policy.name, member, tests);
            CONTINUE;
        END IF;
        IF policy.state <> 'missing' THEN
            RETURN NEXT format('DROP POLICY %I ON %s;', policy.name, member);
        END IF;
        IF policy.state <> 'unwanted' THEN
            RETURN NEXT format('CREATE POLICY %I ON %s AS %s FOR %s TO PUBLIC%s;', policy.name, member,
                               CASE WHEN policy.permissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, policy.command, tests);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION bastion_internal.plan_policies(bastion.protected_tables, regclass) IS
'The statements for the policies of one table.';
SELECT bastion_internal.callable_by('bastion_internal.plan_policies(bastion.protected_tables, regclass)', 'migration');

-- ENABLE and FORCE in one statement, so that the guard's event trigger, which fires for every ALTER TABLE, has nothing to add.
CREATE FUNCTION bastion_internal.plan_member(spec bastion.protected_tables, member regclass) RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changes text;
BEGIN
    RETURN QUERY SELECT bastion_internal.plan_policies(spec, member);
    RETURN QUERY SELECT bastion_internal.plan_triggers(spec, member);
    SELECT string_agg(w.change, ', ') INTO changes FROM (
        SELECT v.change FROM pg_class c, LATERAL (VALUES
            (c.relrowsecurity, 'ENABLE ROW LEVEL SECURITY'),
            (c.relforcerowsecurity, 'FORCE ROW LEVEL SECURITY')) AS v (done, change)
        WHERE c.oid = member AND NOT v.done
        UNION ALL
        SELECT format('ALTER COLUMN %I SET DEFAULT %s', d.column_name, d.wanted)
        FROM bastion_internal.protect_defaults(spec, member) d WHERE NOT d.is_set) AS w;
    IF changes IS NOT NULL THEN
        RETURN NEXT format('ALTER TABLE ONLY %s %s;', member, changes);
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.plan_member(bastion.protected_tables, regclass) IS
'The statements that give one table, partition or child its policies, triggers, row security and defaults.';
SELECT bastion_internal.callable_by('bastion_internal.plan_member(bastion.protected_tables, regclass)', 'migration');

CREATE FUNCTION bastion_internal.plan_remember(spec bastion.protected_tables) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('SELECT bastion_internal.protect_remember(%L, %L);', spec.relation, c.names)
    FROM (SELECT bastion_internal.protect_columns(spec) AS names) c
    WHERE EXISTS (SELECT FROM bastion_internal.protect_tree(spec.relation) t, unnest(c.names) n
                  WHERE NOT EXISTS (SELECT FROM bastion.protected_columns o
                                    WHERE o.relation = t.member AND o.column_name = n))
$$;
COMMENT ON FUNCTION bastion_internal.plan_remember(bastion.protected_tables) IS
'The statement that saves what unprotect() will restore.';
SELECT bastion_internal.callable_by('bastion_internal.plan_remember(bastion.protected_tables)', 'migration');

CREATE FUNCTION bastion_internal.plan_not_null(spec bastion.protected_tables) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL;', spec.relation, n)
    FROM unnest(bastion_internal.key_columns(spec)) WITH ORDINALITY AS k (n, place)
    WHERE bastion_internal.tenant_may_be_null(spec.relation, n) OR NOT EXISTS (SELECT FROM bastion_internal.column_state(spec.relation, n))
    ORDER BY k.place
$$;
COMMENT ON FUNCTION bastion_internal.plan_not_null(bastion.protected_tables) IS
'The statements for NOT NULL on the columns that policies compare.';
SELECT bastion_internal.callable_by('bastion_internal.plan_not_null(bastion.protected_tables)', 'migration');

-- Partitions inherit the foreign keys of their root; children of an ordinary table do not.
CREATE FUNCTION bastion_internal.plan_foreign_keys(spec bastion.protected_tables) RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    wanted boolean := (spec.options ->> 'tenant_fk')::boolean;
    key record;
BEGIN
    FOR key IN
        SELECT t.member, k.oid IS NOT NULL AS present, coalesce(a.attname = spec.tenant_column, false) AS fits,
               coalesce(k.convalidated, false) AS validated
        FROM bastion_internal.protect_tree(spec.relation) t
        LEFT JOIN pg_constraint k ON k.conrelid = t.member AND k.conname = 'bastion_tenant_fkey'
        LEFT JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
        WHERE t.depth = 0 OR t.inherits
        ORDER BY t.depth, t.member::text
    LOOP
        IF key.present AND NOT (wanted AND key.fits) THEN
            RETURN NEXT format('ALTER TABLE %s DROP CONSTRAINT bastion_tenant_fkey;', key.member);
        END IF;
        IF wanted AND NOT (key.fits AND key.validated) THEN
            RETURN NEXT format('SELECT bastion.reference_add(%L, %L, ''tenants'', name => ''bastion_tenant_fkey'');',
                               key.member, spec.tenant_column);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION bastion_internal.plan_foreign_keys(bastion.protected_tables) IS
'The statements for the foreign key of tenant_fk => true.';
SELECT bastion_internal.callable_by('bastion_internal.plan_foreign_keys(bastion.protected_tables)', 'migration');

CREATE FUNCTION bastion_internal.free_index_name(relation regclass, column_name name) RETURNS name
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN octet_length(n.readable) < 64
                     AND NOT EXISTS (SELECT FROM pg_class o WHERE o.relnamespace = c.relnamespace AND o.relname = n.readable)
                THEN n.readable ELSE 'bastion_tenant_' || md5(n.readable) END
    FROM pg_class c, LATERAL (SELECT c.relname || '_' || free_index_name.column_name || '_idx' AS readable) n
    WHERE c.oid = free_index_name.relation
$$;
COMMENT ON FUNCTION bastion_internal.free_index_name(regclass, name) IS 'A free name for the index on a column.';
SELECT bastion_internal.callable_by('bastion_internal.free_index_name(regclass, name)', 'migration');

-- An existing index of a partition becomes part of the new index and would be dropped with it. In that case the new index gets no
-- comment, and unprotect() does not drop it.
CREATE FUNCTION bastion_internal.plan_indexes(spec bastion.protected_tables) RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    place record;
BEGIN
    FOR place IN
        SELECT t.member, k.column_name, c.relnamespace::regnamespace AS schema_name,
               bastion_internal.free_index_name(t.member, k.column_name) AS index_name,
               EXISTS (SELECT FROM bastion_internal.protect_tree(t.member) p
                       WHERE NOT p.inherits AND bastion_internal.has_tenant_index(p.member, k.column_name)) AS adopts
        FROM bastion_internal.protect_tree(spec.relation) t JOIN pg_class c ON c.oid = t.member,
             unnest(bastion_internal.key_columns(spec)) WITH ORDINALITY AS k (column_name, place)
        WHERE (t.depth = 0 OR t.inherits) AND NOT bastion_internal.has_tenant_index(t.member, k.column_name)
        ORDER BY t.depth, t.member::text, k.place
    LOOP
        RETURN NEXT format('CREATE INDEX %I ON %s (%I);', place.index_name, place.member, place.column_name);
        IF NOT place.adopts THEN
            RETURN NEXT format('COMMENT ON INDEX %s.%I IS %L;', place.schema_name, place.index_name, 'made by bastion.protect()');
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION bastion_internal.plan_indexes(bastion.protected_tables) IS
'The statements for indexes that begin with the columns that policies compare.';
SELECT bastion_internal.callable_by('bastion_internal.plan_indexes(bastion.protected_tables)', 'migration');

-- DROP NOT NULL also changes partitions and children; those that had it before protect() get it back.
CREATE FUNCTION bastion_internal.plan_release(relation regclass, column_name name) RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    loosen boolean := EXISTS (
        SELECT FROM bastion.protected_columns o, bastion_internal.column_state(o.relation, o.column_name) c
        WHERE o.relation = plan_release.relation AND o.column_name = plan_release.column_name
          AND NOT o.old_not_null AND c.is_not_null
          AND NOT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
                          WHERE i.indrelid = o.relation AND i.indisprimary AND a.attname = o.column_name));
    place record;
BEGIN
    IF bastion_internal.made_column(relation, column_name) THEN
        RETURN NEXT format('ALTER TABLE %s DROP COLUMN %I;', relation, column_name);
        RETURN;
    END IF;
    IF loosen THEN
        RETURN NEXT format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL;', relation, column_name);
    END IF;
    FOR place IN
        SELECT t.member, o.old_default, o.old_not_null, bastion_internal.is_context_default(c.default_value) AS ours
        FROM bastion_internal.protect_tree(plan_release.relation) t
        JOIN bastion.protected_columns o ON o.relation = t.member AND o.column_name = plan_release.column_name,
        LATERAL bastion_internal.column_state(t.member, o.column_name) c
        ORDER BY t.depth, t.member::text
    LOOP
        IF place.ours THEN
            RETURN NEXT format('ALTER TABLE ONLY %s ALTER COLUMN %I %s;', place.member, column_name,
                               coalesce('SET DEFAULT ' || place.old_default, 'DROP DEFAULT'));
        END IF;
        IF loosen AND place.old_not_null THEN
            RETURN NEXT format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL;', place.member, column_name);
        END IF;
        RETURN QUERY SELECT format('DROP INDEX %s;', i) FROM bastion_internal.made_indexes(place.member, column_name) i;
    END LOOP;
END
$$;
COMMENT ON FUNCTION bastion_internal.plan_release(regclass, name) IS
'The statements that restore a column as protect() found it: default, NOT NULL, index; they drop a column that protect() created.';
SELECT bastion_internal.callable_by('bastion_internal.plan_release(regclass, name)', 'migration');

CREATE FUNCTION bastion_internal.plan_record(spec bastion.protected_tables) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('SELECT bastion_internal.protect_resource(%L, %L);', spec.resource, bastion_internal.protect_actions(spec))
    WHERE NOT bastion_internal.resource_registered(spec.resource, bastion_internal.protect_actions(spec))
    UNION ALL
    SELECT format('SELECT bastion_internal.protect_record(%L, %L, %L, %L, %L);',
                  spec.relation, spec.tenant_column, spec.owner_column, spec.resource, spec.options)
    WHERE NOT EXISTS (SELECT FROM bastion.protected_tables p
                      WHERE p.relation = spec.relation AND p.tenant_column = spec.tenant_column
                        AND p.owner_column IS NOT DISTINCT FROM spec.owner_column
                        AND p.resource = spec.resource AND p.options = spec.options)
$$;
COMMENT ON FUNCTION bastion_internal.plan_record(bastion.protected_tables) IS
'The statements that register the permissions and record the protection.';
SELECT bastion_internal.callable_by('bastion_internal.plan_record(bastion.protected_tables)', 'migration');

-- Partitions come before their root, and the record after them: see guard_tree(). A column is dropped when the record no longer names
-- it: see keep_columns().
CREATE FUNCTION bastion_internal.plan_protect(spec bastion.protected_tables) RETURNS SETOF text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
BEGIN
    RETURN QUERY SELECT bastion_internal.plan_acl_column(spec);
    RETURN QUERY SELECT bastion_internal.plan_remember(spec);
    RETURN QUERY SELECT s.statement
                 FROM bastion.protected_columns o,
                      bastion_internal.plan_release(o.relation, o.column_name) WITH ORDINALITY AS s (statement, place)
                 WHERE o.relation = spec.relation AND o.column_name <> ALL (bastion_internal.protect_columns(spec))
                   AND o.column_name IS DISTINCT FROM bastion_internal.old_acl_column(spec)
                 ORDER BY o.column_name, s.place;
    IF spec.options ->> 'existing' = 'drop' THEN
        RETURN QUERY SELECT format('DROP POLICY %I ON %s;', p, t.member)
                     FROM bastion_internal.protect_tree(spec.relation) t, bastion_internal.foreign_policies(t.member, (spec.options ->> 'citus')::boolean) p
                     ORDER BY t.depth, t.member::text, p;
    END IF;
    RETURN QUERY SELECT s.statement
                 FROM bastion_internal.protect_tree(spec.relation) t,
                      bastion_internal.plan_member(spec, t.member) WITH ORDINALITY AS s (statement, place)
                 ORDER BY t.depth DESC, t.member::text, s.place;
    RETURN QUERY SELECT bastion_internal.plan_not_null(spec);
    RETURN QUERY SELECT bastion_internal.plan_indexes(spec);
    RETURN QUERY SELECT bastion_internal.plan_foreign_keys(spec);
    RETURN QUERY SELECT bastion_internal.plan_record(spec);
    RETURN QUERY SELECT bastion_internal.plan_quota(spec);
    RETURN QUERY SELECT bastion_internal.plan_release(spec.relation, bastion_internal.old_acl_column(spec));
END
$$;
COMMENT ON FUNCTION bastion_internal.plan_protect(bastion.protected_tables) IS
'Every statement that is still needed to protect a table.';
SELECT bastion_internal.callable_by('bastion_internal.plan_protect(bastion.protected_tables)', 'migration');

CREATE FUNCTION bastion_internal.plan_open(member regclass) RETURNS SETOF text
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    WITH policies AS (
        SELECT p.polname AS name, bastion_internal.is_our_policy(p.polname) AS ours FROM pg_policy p WHERE p.polrelid = member
    )
    (SELECT format('DROP POLICY %I ON %s;', p.name, member) FROM policies p WHERE p.ours ORDER BY p.name)
    UNION ALL
    (SELECT format('DROP TRIGGER %I ON %s;', t.tgname, member) FROM pg_trigger t
     WHERE t.tgrelid = member AND t.tgparentid = 0 AND bastion_internal.is_our_trigger(t.tgname) ORDER BY t.tgname)
    UNION ALL
    SELECT format('ALTER TABLE ONLY %s NO FORCE ROW LEVEL SECURITY%s;', member,
                  CASE WHEN EXISTS (SELECT FROM policies p WHERE NOT p.ours) THEN '' ELSE ', DISABLE ROW LEVEL SECURITY' END)
    FROM pg_class c WHERE c.oid = member AND (c.relrowsecurity OR c.relforcerowsecurity)
$$;
COMMENT ON FUNCTION bastion_internal.plan_open(regclass) IS
'The statements that drop our policies and triggers of a table, and disable row security unless other policies remain.';
SELECT bastion_internal.callable_by('bastion_internal.plan_open(regclass)', 'migration');

CREATE FUNCTION bastion_internal.plan_unprotect(spec bastion.protected_tables) RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
BEGIN
    RETURN NEXT format('SELECT bastion_internal.protect_forget(%L);', spec.relation);
    RETURN QUERY SELECT s.statement
                 FROM bastion_internal.protect_tree(spec.relation) t,
                      bastion_internal.plan_open(t.member) WITH ORDINALITY AS s (statement, place)
                 ORDER BY t.depth, t.member::text, s.place;
    spec.options := spec.options - 'quota' || '{"tenant_fk": false}';
    RETURN QUERY SELECT bastion_internal.plan_foreign_keys(spec);
    RETURN QUERY SELECT bastion_internal.plan_quota(spec);
    RETURN QUERY SELECT s.statement
                 FROM bastion.protected_columns o,
                      bastion_internal.plan_release(o.relation, o.column_name) WITH ORDINALITY AS s (statement, place)
                 WHERE o.relation = spec.relation ORDER BY o.column_name, s.place;
END
$$;
COMMENT ON FUNCTION bastion_internal.plan_unprotect(bastion.protected_tables) IS
'Every statement that removes a protection.';
SELECT bastion_internal.callable_by('bastion_internal.plan_unprotect(bastion.protected_tables)', 'migration');

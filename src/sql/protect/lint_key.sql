-- The findings of lint() about keys that reach into other tenants. composite_keys_create() runs their fixes.

CREATE FUNCTION bastion_internal.is_key_of_tenants(relation regclass, column_name name) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = is_key_of_tenants.relation AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
                   AND i.indnkeyatts = 1 AND i.indkey[0] = bastion_internal.column_number(is_key_of_tenants.relation, is_key_of_tenants.column_name))
$$;
COMMENT ON FUNCTION bastion_internal.is_key_of_tenants(regclass, name) IS
'Whether a table has at most one row for each tenant: its tenant column alone is unique. Its other keys name tenants, so they are unique across them.';
SELECT bastion_internal.callable_by('bastion_internal.is_key_of_tenants(regclass, name)', 'migration');

CREATE FUNCTION bastion_internal.lint_unique() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT 'warning', i.indexrelid::regclass::text, 'unique across tenants: an error tells what another tenant has',
           CASE WHEN k.oid IS NOT NULL
                THEN format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I UNIQUE (%I, %s);',
                            m.member, k.conname, (m.spec).tenant_column, l.columns)
                ELSE format('DROP INDEX %s; CREATE UNIQUE INDEX %I ON %s (%I, %s)%s;', i.indexrelid::regclass, c.relname, m.member,
                            (m.spec).tenant_column, l.columns, ' WHERE ' || pg_get_expr(i.indpred, i.indrelid)) END
    FROM bastion_internal.protected_members() m
    JOIN pg_index i ON i.indrelid = m.member AND i.indisunique AND NOT i.indisprimary
    JOIN pg_class c ON c.oid = i.indexrelid AND NOT c.relispartition
    LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype = 'u',
    LATERAL (SELECT string_agg(pg_get_indexdef(i.indexrelid, n, false), ', ' ORDER BY n) AS columns
             FROM generate_series(1, i.indnkeyatts) n) l
    -- values that no one can guess or choose reveal nothing
    WHERE c.relname <> ALL (bastion_internal.global_keys(m.spec)) AND NOT bastion_internal.is_key_of_tenants(m.member, (m.spec).tenant_column)
      AND NOT EXISTS (SELECT FROM pg_attribute a
                      WHERE a.attrelid = m.member AND a.attnum = ANY (i.indkey)
                        AND (a.attname = (m.spec).tenant_column OR a.atttypid = 'uuid'::regtype OR a.attidentity <> ''))
$$;
COMMENT ON FUNCTION bastion_internal.lint_unique() IS 'Findings about unique indexes without the tenant.';
SELECT bastion_internal.callable_by('bastion_internal.lint_unique()', 'migration');

-- An operator who runs CREATE INDEX parses its expressions, and so the input functions of their types. composite_keys_create()
-- parses them as the owner of the table.
CREATE FUNCTION bastion_internal.fix_of_unique(index regclass, fix text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((SELECT format('SELECT bastion.composite_keys_create(%L);', bastion_internal.protect_root(i.indrelid)) FROM pg_index i
                     WHERE i.indexrelid = index AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)), fix)
$$;
COMMENT ON FUNCTION bastion_internal.fix_of_unique(regclass, text) IS
'The fix of a finding of lint_unique(): a call, where the statements would hold expressions of the owner of the table.';

CREATE FUNCTION bastion_internal.foreign_key_action(code "char", columns text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE code WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN concat('SET NULL', ' (' || columns || ')')
                     WHEN 'd' THEN concat('SET DEFAULT', ' (' || columns || ')') ELSE 'NO ACTION' END
$$;
COMMENT ON FUNCTION bastion_internal.foreign_key_action("char", text) IS
'The SQL text of pg_constraint.confdeltype or confupdtype, for these columns.';
SELECT bastion_internal.callable_by('bastion_internal.foreign_key_action("char", text)', 'migration');

CREATE FUNCTION bastion_internal.has_unique_columns(relation regclass, columns name[]) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM pg_index i
        WHERE i.indrelid = relation AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indisvalid AND i.indimmediate
          AND i.indnkeyatts = cardinality(columns)
          AND columns @> ARRAY(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum = ANY (i.indkey)))
$$;
COMMENT ON FUNCTION bastion_internal.has_unique_columns(regclass, name[]) IS
'Whether a foreign key may refer to these columns of a table.';
SELECT bastion_internal.callable_by('bastion_internal.has_unique_columns(regclass, name[])', 'migration');

CREATE FUNCTION bastion_internal.same_type(relation regclass, column_name name, target regclass, target_column name) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT a.base_type = b.base_type
    FROM bastion_internal.column_state(relation, column_name) a, bastion_internal.column_state(target, target_column) b
$$;
COMMENT ON FUNCTION bastion_internal.same_type(regclass, name, regclass, name) IS 'Whether two columns have one type, so that a foreign key can compare them.';
SELECT bastion_internal.callable_by('bastion_internal.same_type(regclass, name, regclass, name)', 'migration');

CREATE FUNCTION bastion_internal.lint_foreign_keys() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'warning', format('constraint %I on %s', k.conname, m.member),
           format('a row may name one of another tenant in %s', t.member),
           CASE WHEN NOT bastion_internal.same_type(m.member, (m.spec).tenant_column, t.member, (t.spec).tenant_column)
                THEN NULL
                WHEN bastion_internal.has_unique_columns(t.member, ARRAY[(t.spec).tenant_column] || l.target_names) THEN ''
                ELSE format('ALTER TABLE %s ADD UNIQUE (%I, %s); ', t.member, (t.spec).tenant_column, l.target) END
           || format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I FOREIGN KEY (%I, %s) REFERENCES %s (%I, %s)'
                     ' ON UPDATE %s ON DELETE %s%s;', m.member, k.conname, (m.spec).tenant_column, l.source, t.member,
                     (t.spec).tenant_column, l.target, bastion_internal.foreign_key_action(k.confupdtype, NULL),
                     bastion_internal.foreign_key_action(k.confdeltype, l.source),
                     CASE WHEN k.condeferred THEN ' DEFERRABLE INITIALLY DEFERRED' WHEN k.condeferrable THEN ' DEFERRABLE' ELSE '' END)
    FROM bastion_internal.protected_members() m
    JOIN pg_constraint k ON k.conrelid = m.member AND k.contype = 'f' AND k.conparentid = 0
    JOIN bastion_internal.protected_members() t ON t.member = k.confrelid,
    LATERAL (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY c.place) AS source,
                    string_agg(quote_ident(b.attname), ', ' ORDER BY c.place) AS target,
                    array_agg(b.attname ORDER BY c.place) AS target_names,
                    bool_or(b.attname = (t.spec).tenant_column) AS same_tenant
             FROM unnest(k.conkey, k.confkey) WITH ORDINALITY AS c (source, target, place)
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.source
             JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = c.target) l
    WHERE NOT l.same_tenant
$$;
COMMENT ON FUNCTION bastion_internal.lint_foreign_keys() IS
'Findings about foreign keys between protected tables that do not compare the tenant.';
SELECT bastion_internal.callable_by('bastion_internal.lint_foreign_keys()', 'migration');

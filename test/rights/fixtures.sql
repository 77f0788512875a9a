-- The data of each run: rights.prepare(fixture, numbers) makes it for all runs of that fixture at once.
CREATE FUNCTION rights.prepare(fixture text, numbers integer[]) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    ann rights.people;
    spare text := $c$, 'title', ROW(n, n)::shop.pair, ARRAY[ROW(1, 1)::shop.pair], ROW(n, n)::shop.span FROM unnest($1) n$c$;
    head text := 'INSERT INTO shop.%I (tenant_id, owner_id, id, title, pair, pairs, span) SELECT $2, $3, %s' || spare;
    one integer;
    made regclass;
BEGIN
    SELECT * INTO ann FROM rights.people p WHERE p.name = 'ann';
    IF fixture IN ('rows', 'ruled', 'parts') THEN
        EXECUTE format(head, fixture, 'n') USING numbers, ann.tenant_id, ann.user_id;
    ELSIF fixture = 'neighbours' THEN
        EXECUTE format(head, 'parts', '1000000000 + n') USING numbers, ann.tenant_id, ann.user_id;
    ELSIF fixture = 'typed' THEN
        EXECUTE format(head, fixture, 'ROW(ROW(n, 0)::shop.pair)::shop.code') USING numbers, ann.tenant_id, ann.user_id;
    ELSIF fixture = 'labelled' THEN
        EXECUTE format(head, fixture, 'ROW(n::text, '''')::shop.label') USING numbers, ann.tenant_id, ann.user_id;
    ELSIF fixture = 'domained' THEN
        EXECUTE format(head, fixture, 'n::text') USING numbers, ann.tenant_id, ann.user_id;
    ELSIF fixture = 'unit' THEN
        INSERT INTO bastion.units (tenant_id, kind, name, slug) SELECT ann.tenant_id, 'team', 'Unit ' || n, 'u' || n FROM unnest(numbers) n;
        PERFORM rights.give_children('unit', 'SELECT u.id, n FROM unnest($1) n JOIN bastion.units u ON u.slug = ''u'' || n', numbers);
    ELSIF fixture = 'tenant' THEN
        INSERT INTO bastion.tenants (name, slug) SELECT 'Tenant ' || n, 't' || n FROM unnest(numbers) n;
        INSERT INTO bastion.units (tenant_id, kind, name, slug) SELECT t.id, 'team', 'Unit ' || n, 'of-tenant' FROM unnest(numbers) n JOIN bastion.tenants t ON t.slug = 't' || n;
        PERFORM rights.give_children('tenant', 'SELECT t.id, n FROM unnest($1) n JOIN bastion.tenants t ON t.slug = ''t'' || n', numbers);
        PERFORM rights.give_children('unit', 'SELECT u.id, n FROM unnest($1) n JOIN bastion.tenants t ON t.slug = ''t'' || n JOIN bastion.units u ON u.tenant_id = t.id', numbers);
        INSERT INTO shop.rows (tenant_id, id, title, pair, pairs, span)
        SELECT t.id, n, 'title', ROW(n, n)::shop.pair, ARRAY[ROW(1, 1)::shop.pair], ROW(n, n)::shop.span FROM unnest(numbers) n JOIN bastion.tenants t ON t.slug = 't' || n;
    ELSIF fixture = 'guest' THEN
        PERFORM rights.prepare('tenant', numbers);
        INSERT INTO bastion.users (display_name, anonymous) SELECT 'guest ' || n, true FROM unnest(numbers) n;
        INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
        SELECT u.id, t.id, r.id FROM unnest(numbers) n JOIN bastion.users u ON u.display_name = 'guest ' || n JOIN bastion.tenants t ON t.slug = 't' || n
        JOIN bastion.roles r ON r.system AND r.name = 'owner';
    ELSIF fixture = 'sealed' THEN
        PERFORM rights.prepare('rows', numbers);
        FOREACH one IN ARRAY numbers LOOP
            PERFORM bastion.resource_register('p' || one, '{open}');
            UPDATE shop.rows r SET sealed = bastion.seal_for(ann.tenant_id, 'value', 'p' || one, r.id::text) WHERE r.id = one;
            PERFORM bastion.data_key_rotate('p' || one, 'acme');
        END LOOP;
    ELSIF fixture = 'attached' THEN
        FOREACH one IN ARRAY numbers LOOP
            made := rights.make_table('one_' || one, 'bigint');
            PERFORM rights.decorate(made, 'acl_id', '{before_row,in_check,in_folded_check,in_index,pair_compare}');
            EXECUTE format('ALTER TABLE %s ALTER tenant_id SET NOT NULL, ALTER acl_id SET NOT NULL', made);
            EXECUTE format('ALTER TABLE %s OWNER TO %I', made, current_setting('rights.owner'));
        END LOOP;
    ELSIF fixture IN ('one', 'protected', 'global', 'guarded', 'audited') THEN
        FOREACH one IN ARRAY numbers LOOP
            PERFORM rights.make_one(one, CASE WHEN fixture IN ('guarded', 'global') THEN 'guarded' ELSE 'shop' END);
            PERFORM bastion.protect(format('shop.one_%s', one), owner_column => 'owner_id', sharing => 'tenant') WHERE fixture = 'protected';
            PERFORM bastion.global_table_add(format('guarded.one_%s', one), 'a test') WHERE fixture = 'global';
            PERFORM bastion.audit_table(format('shop.one_%s', one)) WHERE fixture = 'audited';
        END LOOP;
    ELSIF fixture IN ('schema', 'guarded schema') THEN
        FOREACH one IN ARRAY numbers LOOP
            EXECUTE format('CREATE SCHEMA schema_%s', one);
            PERFORM bastion.schema_guard('schema_' || one) WHERE fixture = 'guarded schema';
        END LOOP;
    END IF;
END
$$;

-- A separate table for one run, with every place and some rows.
CREATE FUNCTION rights.make_one(n integer, schema name) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    ann rights.people;
    made regclass := rights.make_table('one_' || n, 'bigint');
BEGIN
    SELECT * INTO ann FROM rights.people p WHERE p.name = 'ann';
    EXECUTE format('ALTER TABLE %s DROP acl_id', made);
    EXECUTE format('INSERT INTO %s SELECT g, $1, $2, ''title'', ROW(g, g)::shop.pair, ARRAY[ROW(1, 1)::shop.pair], ROW(g, g)::shop.span FROM generate_series(1, 3) g', made)
        USING ann.tenant_id, ann.user_id;
    EXECUTE format('ALTER TABLE %s ADD UNIQUE (title, id), ADD PRIMARY KEY (id)', made);
    PERFORM rights.decorate(made, 'tenant_id');
    EXECUTE format('DROP POLICY in_policy ON %s', made);
    EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', made);
    EXECUTE format('ALTER TABLE %s OWNER TO %I', made, current_setting('rights.owner'));
    IF schema <> 'shop' THEN
        EXECUTE format('ALTER TABLE %s SET SCHEMA %I', made, schema);
    END IF;
END
$$;

CREATE FUNCTION rights.give_children(prefix text, parents text, numbers integer[]) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    suffix text;
BEGIN
    FOREACH suffix IN ARRAY ARRAY['_null', '_default', '_cascade'] LOOP
        EXECUTE format('INSERT INTO shop.%I (parent, title, pair, pairs, span) SELECT x.id, ''title'', ROW(x.n, x.n)::shop.pair, '
                       'ARRAY[ROW(1, 1)::shop.pair], ROW(x.n, x.n)::shop.span FROM (%s) x (id, n)', prefix || suffix, parents) USING numbers;
    END LOOP;
    EXECUTE format('INSERT INTO shop.%I (parent) SELECT c.id FROM shop.%I c WHERE NOT EXISTS (SELECT FROM shop.%1$I g WHERE g.parent = c.id)',
                   prefix || '_grand', prefix || '_cascade');
    EXECUTE format('INSERT INTO shop.%I (parent) SELECT x.id FROM (%s) x (id, n)', prefix || '_ruled', parents) USING numbers;
END
$$;

-- Warms caches: runs the same code by PostgreSQL's own means in a SECURITY DEFINER function, and bypasses the
-- protection against that.
CREATE FUNCTION rights.warm(fixture text, n integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
AS $$
BEGIN
    IF fixture = 'unit' THEN
        ALTER TABLE bastion.units DISABLE TRIGGER "!foreign_code";
        DELETE FROM bastion.units u WHERE u.slug OPERATOR(pg_catalog.=) pg_catalog.concat('u', 100000 OPERATOR(pg_catalog.+) n);
        ALTER TABLE bastion.units ENABLE TRIGGER "!foreign_code";
    ELSIF fixture OPERATOR(pg_catalog.=) ANY ('{tenant,guest}') THEN
        DELETE FROM shop.rows r WHERE r.id OPERATOR(pg_catalog.=) (100000 OPERATOR(pg_catalog.+) n);
        ALTER TABLE bastion.tenants DISABLE TRIGGER "!foreign_code";
        ALTER TABLE bastion.units DISABLE TRIGGER "!foreign_code";
        DELETE FROM bastion.tenants t WHERE t.slug OPERATOR(pg_catalog.=) pg_catalog.concat('t', 100000 OPERATOR(pg_catalog.+) n);
        ALTER TABLE bastion.units ENABLE TRIGGER "!foreign_code";
        ALTER TABLE bastion.tenants ENABLE TRIGGER "!foreign_code";
    ELSIF fixture OPERATOR(pg_catalog.=) ANY ('{rows,typed,labelled,domained,ruled,parts,neighbours}') THEN
        EXECUTE pg_catalog.format('UPDATE shop.%I SET title = title', CASE fixture WHEN 'neighbours' THEN 'parts' ELSE fixture END) || pg_catalog.format(' WHERE id::pg_catalog.text LIKE %L', '%' || n || '%');
    END IF;
END
$$;

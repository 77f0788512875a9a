
-- Rewrapping: the registered sealed columns, and a procedure that seals their values again under newer keys. For operators: EXECUTE
-- on all functions here is granted to nobody.

CREATE TABLE bastion.sealed_columns (
    table_name bastion_internal.named_table NOT NULL,
    column_name name NOT NULL,
    bound_to text,
    relation regclass GENERATED ALWAYS AS (bastion_internal.table_of(table_name)) STORED,
    CONSTRAINT sealed_columns_pkey PRIMARY KEY (table_name, column_name),
    CONSTRAINT sealed_columns_relation_key UNIQUE (relation, column_name)
);
COMMENT ON TABLE bastion.sealed_columns IS 'The columns whose values rewrap_all() seals again; granted to nobody';
COMMENT ON COLUMN bastion.sealed_columns.table_name IS 'The table, by name in dumps';
COMMENT ON COLUMN bastion.sealed_columns.relation IS 'The table; NULL if a dump was restored without it';
COMMENT ON COLUMN bastion.sealed_columns.column_name IS 'The column, of type bastion.sealed or bytea';
COMMENT ON COLUMN bastion.sealed_columns.bound_to IS
'The expression over a row to which its value is bound; NULL if values are bound to nothing';
SELECT pg_extension_config_dump('bastion.sealed_columns',
    'WHERE relation IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation)');
ALTER TABLE bastion.sealed_columns ENABLE ROW LEVEL SECURITY;

CREATE TABLE bastion.rewrap_failures (
    relation text NOT NULL,
    column_name name NOT NULL,
    row_key text NOT NULL,
    problem text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT rewrap_failures_pkey PRIMARY KEY (relation, column_name, row_key)
);
COMMENT ON TABLE bastion.rewrap_failures IS 'The values that the last rewrap_all() could not seal again; granted to nobody';
COMMENT ON COLUMN bastion.rewrap_failures.relation IS 'The table with the row';
COMMENT ON COLUMN bastion.rewrap_failures.column_name IS 'The column of the value';
COMMENT ON COLUMN bastion.rewrap_failures.row_key IS 'The primary key of the row as JSON, its ctid without one; null in JSON if the whole table failed';
COMMENT ON COLUMN bastion.rewrap_failures.problem IS 'SQLSTATE and message of the error';
COMMENT ON COLUMN bastion.rewrap_failures.failed_at IS 'When it failed';
ALTER TABLE bastion.rewrap_failures ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION bastion.sealed_column_add(relation regclass, column_name name, bound_to text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                   WHERE a.attrelid = relation AND a.attname = column_name AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
                     AND c.relnamespace <> 'bastion'::regnamespace
                     AND a.atttypid IN ('bastion.sealed'::regtype, 'bytea'::regtype)) THEN
        RAISE EXCEPTION 'sealed column does not exist' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Name a column of type bastion.sealed or bytea of one of your tables.';
    ELSIF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = column_name AND a.attgenerated <> '') THEN
        RAISE EXCEPTION 'sealed column is generated' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Its value comes from other columns: register these.';
    END IF;
    DELETE FROM bastion.sealed_columns c WHERE c.relation IS NOT NULL AND NOT EXISTS (SELECT FROM pg_class p WHERE p.oid = c.relation);
    INSERT INTO bastion.sealed_columns (table_name, column_name, bound_to) VALUES (relation, column_name, bound_to)
    ON CONFLICT ON CONSTRAINT sealed_columns_pkey DO UPDATE SET bound_to = EXCLUDED.bound_to;
    -- Raises the error of an invalid expression now, not in rewrap_all().
    PERFORM * FROM bastion_internal.sealed_batch(relation, column_name, bound_to, '{}', 0, 0, NULL);
END
$$;
COMMENT ON FUNCTION bastion.sealed_column_add(regclass, name, text) IS
'Registers a sealed column for rewrap_all() and key_usage().
bound_to is the SQL expression over the row that gives the argument bound_to of seal(), such as id::text; it runs as the owner of the table. Another call replaces it.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for an unknown column, a generated one or one of another type, and the errors of the expression: 42601, 42703, 42883.';

CREATE FUNCTION bastion.sealed_column_remove(relation regclass, column_name name) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM bastion.sealed_columns c
    WHERE c.relation = sealed_column_remove.relation AND c.column_name = sealed_column_remove.column_name
$$;
COMMENT ON FUNCTION bastion.sealed_column_remove(regclass, name) IS
'Removes the registration of sealed_column_add(). For operators: EXECUTE is granted to nobody.';

CREATE FUNCTION bastion_internal.sealed_places() RETURNS TABLE (relation regclass, column_name name, bound_to text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'bastion.secret_versions'::regclass, 'value'::name, 'secret_id || ''/'' || version'
    UNION ALL
    SELECT c.relation, c.column_name, c.bound_to
    FROM bastion.sealed_columns c JOIN pg_attribute a ON a.attrelid = c.relation AND a.attname = c.column_name AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION bastion_internal.sealed_places() IS 'The columns of sealed values: the registered ones and the column of secrets.';

CREATE FUNCTION bastion_internal.sealed_batch(relation regclass, column_name name, bound_to text, keys text, first bigint, past bigint, only_place tid)
RETURNS TABLE (place tid, old text, bound text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE ROWS 500
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.place, r.old, r.bound
    FROM jsonb_to_recordset(bastion_internal.as_table_owner(relation, format(
            'SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(x)) FROM ('
            'SELECT ctid::text AS place, pg_catalog.encode(%1$I::bytea, ''hex'') AS old, (%2$s)::text AS bound FROM %3$s '
            'WHERE ctid OPERATOR(pg_catalog.>=) ''(%4$s,0)'' AND ctid OPERATOR(pg_catalog.<) ''(%5$s,0)'' %6$s'
            'AND pg_catalog.substr(%1$I::bytea, 5, 4) OPERATOR(pg_catalog.=) ANY ($1::bytea[]) FOR UPDATE SKIP LOCKED) x',
            column_name, coalesce(bound_to, 'NULL'), relation, first, past,
            CASE WHEN only_place IS NULL THEN '' ELSE format('AND ctid OPERATOR(pg_catalog.=) %L ', only_place) END), keys)::jsonb)
         r (place tid, old text, bound text)
$$;
COMMENT ON FUNCTION bastion_internal.sealed_batch(regclass, name, text, text, bigint, bigint, tid) IS
'Reads and locks the values in some pages of a table, or in one place there, that are sealed under one of the keys; skips rows that another transaction has locked.';

CREATE FUNCTION bastion_internal.rewrap_batch(relation regclass, column_name name, bound_to text, keys text, first bigint, past bigint, only_place tid)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changed jsonb;
BEGIN
    SELECT jsonb_agg(jsonb_build_object('place', b.place, 'old', b.old, 'new', encode(
               bastion.rewrap_for(k.tenant_id, decode(b.old, 'hex')::bastion.sealed, b.bound)::bytea, 'hex'))) INTO changed
    FROM bastion_internal.sealed_batch(relation, column_name, bound_to, keys, first, past, only_place) b
    JOIN bastion.data_keys k ON k.id = bastion_internal.sealed_key(decode(b.old, 'hex')::bastion.sealed);
    IF changed IS NULL THEN
        RETURN 0;
    END IF;
    -- PostgreSQL refuses deferred triggers in a security-restricted operation.
    SET CONSTRAINTS ALL IMMEDIATE;
    RETURN bastion_internal.as_table_owner(relation, format(
        'WITH n AS (SELECT * FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS r (place tid, old text, new text)), '
        'u AS (UPDATE ONLY %1$s t SET %2$I = pg_catalog.concat(pg_catalog.chr(92), ''x'', n.new)::%3$s FROM n WHERE t.ctid OPERATOR(pg_catalog.=) n.place '
        'AND pg_catalog.encode(t.%2$I::bytea, ''hex'') OPERATOR(pg_catalog.=) n.old RETURNING 1) '
        'SELECT pg_catalog.count(*) FROM u', relation, column_name,
        (SELECT a.atttypid::regtype FROM pg_attribute a WHERE a.attrelid = rewrap_batch.relation AND a.attname = rewrap_batch.column_name)),
        changed::text)::bigint;
END
$$;
COMMENT ON FUNCTION bastion_internal.rewrap_batch(regclass, name, text, text, bigint, bigint, tid) IS
'Seals again the values in some pages of a table, or in one place there, that are under one of the keys; returns their number. A value that was changed meanwhile is not replaced. Fails with the first value that fails.';

CREATE FUNCTION bastion_internal.rewrap_pages(relation regclass, column_name name, bound_to text, first bigint, past bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    keys text := (SELECT array_agg(decode(lpad(to_hex(k.id), 8, '0'), 'hex'))::text FROM bastion.data_keys k WHERE k.state = 'decrypt_only');
    done bigint := 0;
    places tid[];
    place tid;
    row_key text;
BEGIN
    IF keys IS NULL THEN
        RETURN 0;
    END IF;
    BEGIN
        RETURN bastion_internal.rewrap_batch(relation, column_name, bound_to, keys, first, past, NULL);
    EXCEPTION WHEN OTHERS THEN
        NULL;
    END;
    -- One value after the other, so that one that fails does not keep the others from their new key.
    BEGIN
        places := bastion_internal.as_table_owner(relation, format(
            'SELECT pg_catalog.array_agg(ctid) FROM ONLY %1$s WHERE ctid OPERATOR(pg_catalog.>=) ''(%2$s,0)'' AND ctid OPERATOR(pg_catalog.<) ''(%3$s,0)'' '
            'AND pg_catalog.substr(%4$I::bytea, 5, 4) OPERATOR(pg_catalog.=) ANY ($1::bytea[])', relation, first, past, column_name), keys)::tid[];
        FOREACH place IN ARRAY coalesce(places, '{}') LOOP
            BEGIN
                done := done + bastion_internal.rewrap_batch(relation, column_name, bound_to, keys, first, past, place);
            EXCEPTION WHEN OTHERS THEN
                row_key := bastion_internal.as_table_owner(relation, format('SELECT %s FROM ONLY %s r WHERE r.ctid OPERATOR(pg_catalog.=) %L',
                                                                            bastion_internal.row_name(relation), relation, place));
                -- A row that is gone has no key.
                IF row_key IS NOT NULL THEN
                    INSERT INTO bastion.rewrap_failures (relation, column_name, row_key, problem)
                    VALUES (rewrap_pages.relation::text, rewrap_pages.column_name, row_key, SQLSTATE || ' ' || left(SQLERRM, 1000)) ON CONFLICT DO NOTHING;
                END IF;
            END;
        END LOOP;
    EXCEPTION WHEN OTHERS THEN
        INSERT INTO bastion.rewrap_failures (relation, column_name, row_key, problem)
        VALUES (rewrap_pages.relation::text, rewrap_pages.column_name, 'null', SQLSTATE || ' ' || left(SQLERRM, 1000)) ON CONFLICT DO NOTHING;
    END;
    RETURN done;
END
$$;
COMMENT ON FUNCTION bastion_internal.rewrap_pages(regclass, name, text, bigint, bigint) IS
'Seals again the values in some pages of a table that are under older keys; returns their number. A value that fails, for whatever reason, is recorded in rewrap_failures, and the others go on: the owner of a table chooses what its triggers raise.';

CREATE FUNCTION bastion_internal.rewrap_begin(batch integer) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF batch IS NULL OR batch < 1 THEN
        RAISE EXCEPTION 'batch must be at least 1' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM bastion.root_key_id();
    DELETE FROM bastion.rewrap_failures;
END
$$;
COMMENT ON FUNCTION bastion_internal.rewrap_begin(integer) IS 'Checks the argument of rewrap_all(), and forgets the failures of the last call. SQLSTATE 22023, BA001 without a root key.';

CREATE FUNCTION bastion_internal.rewrap_end() RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    failures bigint := (SELECT count(*) FROM bastion.rewrap_failures);
BEGIN
    IF failures > 0 THEN
        RAISE WARNING 'values that could not be sealed again: %', failures USING ERRCODE = 'BA003', HINT = 'SELECT * FROM bastion.rewrap_failures;';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.rewrap_end() IS 'Warns of the failures of rewrap_all().';

-- A procedure with a pinned search_path could not commit, so every name here is qualified or SQL syntax.
CREATE PROCEDURE bastion.rewrap_all(batch integer DEFAULT 1000)
LANGUAGE plpgsql
AS $$
DECLARE
    relation pg_catalog.regclass;
    column_name pg_catalog.name;
    bound_to pg_catalog.text;
    member pg_catalog.regclass;
    pages bigint;
    step bigint;
    page bigint;
BEGIN
    PERFORM bastion_internal.rewrap_begin(batch);
    COMMIT;
    FOR relation, column_name, bound_to IN SELECT * FROM bastion_internal.sealed_places() LOOP
        FOR member, pages, step IN SELECT * FROM bastion_internal.backfill_steps(relation, batch) LOOP
            page := 0;
            WHILE page OPERATOR(pg_catalog.<) pages LOOP
                PERFORM bastion_internal.rewrap_pages(member, column_name, bound_to, page, page OPERATOR(pg_catalog.+) step);
                COMMIT;
                page := page OPERATOR(pg_catalog.+) step;
            END LOOP;
        END LOOP;
    END LOOP;
    PERFORM bastion_internal.rewrap_end();
END
$$;
COMMENT ON PROCEDURE bastion.rewrap_all(integer) IS
'Seals again, under the active key of its tenant, every value of the registered columns and every secret that is under a key in state decrypt_only.
Commits after every batch of about this many rows and skips rows that other transactions have locked. It may be interrupted and called again: it does not repeat work. Triggers of the tables fire. A value that cannot be opened, or whose row a trigger or constraint refuses, is recorded in bastion.rewrap_failures, and the others go on; a warning tells their number. key_usage() shows what is left. Cannot run inside a transaction block.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for a batch below 1, 2D000 in a transaction block, BA001 without a root key.';

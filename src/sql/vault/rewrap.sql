
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
    pid integer NOT NULL DEFAULT pg_backend_pid(),
    relation text NOT NULL,
    column_name name NOT NULL,
    row_key text NOT NULL,
    problem text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT rewrap_failures_pkey PRIMARY KEY (pid, relation, column_name, row_key)
);
COMMENT ON TABLE bastion.rewrap_failures IS 'The values that the last rewrap_all(), and any that runs beside it, could not seal again; granted to nobody';
COMMENT ON COLUMN bastion.rewrap_failures.pid IS 'The process that ran it';
COMMENT ON COLUMN bastion.rewrap_failures.relation IS 'The table with the row';
COMMENT ON COLUMN bastion.rewrap_failures.column_name IS 'The column of the value';
COMMENT ON COLUMN bastion.rewrap_failures.row_key IS 'The primary key of the row as JSON, its ctid without one; null in JSON if the whole table failed';
COMMENT ON COLUMN bastion.rewrap_failures.problem IS 'SQLSTATE and message of the error';
COMMENT ON COLUMN bastion.rewrap_failures.failed_at IS 'When it failed';
ALTER TABLE bastion.rewrap_failures ENABLE ROW LEVEL SECURITY;

CREATE TABLE bastion.rewrap_runs (
    pid integer NOT NULL,
    backend_start timestamptz NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    columns bigint NOT NULL,
    columns_done bigint NOT NULL DEFAULT 0,
    relation text,
    column_name name,
    pages bigint,
    pages_done bigint,
    sealed_values bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT rewrap_runs_pkey PRIMARY KEY (pid)
);
COMMENT ON TABLE bastion.rewrap_runs IS 'How far each running rewrap_all() is; bastion.rewrap_progress shows it. Granted to nobody';
COMMENT ON COLUMN bastion.rewrap_runs.pid IS 'The process that runs it';
COMMENT ON COLUMN bastion.rewrap_runs.backend_start IS 'When that process started';
COMMENT ON COLUMN bastion.rewrap_runs.started_at IS 'When the call began';
COMMENT ON COLUMN bastion.rewrap_runs.columns IS 'How many columns it goes through';
COMMENT ON COLUMN bastion.rewrap_runs.columns_done IS 'How many of them are done';
COMMENT ON COLUMN bastion.rewrap_runs.relation IS 'The table that it is in';
COMMENT ON COLUMN bastion.rewrap_runs.column_name IS 'The column there';
COMMENT ON COLUMN bastion.rewrap_runs.pages IS 'Pages of that table';
COMMENT ON COLUMN bastion.rewrap_runs.pages_done IS 'How many of them are done';
COMMENT ON COLUMN bastion.rewrap_runs.sealed_values IS 'Values that were sealed again';
COMMENT ON COLUMN bastion.rewrap_runs.updated_at IS 'When this row was last written';
ALTER TABLE bastion.rewrap_runs ENABLE ROW LEVEL SECURITY;

CREATE VIEW bastion.rewrap_progress WITH (security_invoker = true) AS
SELECT r.pid, r.started_at, r.columns, r.columns_done, r.relation, r.column_name, r.pages, r.pages_done, r.sealed_values,
       (SELECT count(*) FROM bastion.rewrap_failures f WHERE f.pid = r.pid) AS failures, r.updated_at
FROM bastion.rewrap_runs r JOIN pg_catalog.pg_stat_activity a ON a.pid = r.pid AND a.backend_start = r.backend_start AND a.query_start <= r.started_at;
COMMENT ON VIEW bastion.rewrap_progress IS 'How far each running rewrap_all() is, as of its last commit; granted to nobody';
COMMENT ON COLUMN bastion.rewrap_progress.pid IS 'The process that runs it';
COMMENT ON COLUMN bastion.rewrap_progress.started_at IS 'When the call began';
COMMENT ON COLUMN bastion.rewrap_progress.columns IS 'How many columns it goes through';
COMMENT ON COLUMN bastion.rewrap_progress.columns_done IS 'How many of them are done';
COMMENT ON COLUMN bastion.rewrap_progress.relation IS 'The table that it is in';
COMMENT ON COLUMN bastion.rewrap_progress.column_name IS 'The column there';
COMMENT ON COLUMN bastion.rewrap_progress.pages IS 'Pages of that table';
COMMENT ON COLUMN bastion.rewrap_progress.pages_done IS 'How many of them are done';
COMMENT ON COLUMN bastion.rewrap_progress.sealed_values IS 'Values that were sealed again';
COMMENT ON COLUMN bastion.rewrap_progress.failures IS 'Values that could not be sealed again so far';
COMMENT ON COLUMN bastion.rewrap_progress.updated_at IS 'When it last committed';

CREATE FUNCTION bastion_internal.column_type(relation regclass, column_name name) RETURNS regtype
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = column_type.relation AND a.attname = column_type.column_name AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION bastion_internal.column_type(regclass, name) IS 'The type of a column; NULL if there is none of this name.';

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
    PERFORM * FROM bastion_internal.sealed_batch(relation, column_name, bound_to, '{}', 0, 0);
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

-- sql/catalogue.sql finds a column with sealed values that is not among these.
CREATE FUNCTION bastion_internal.own_sealed_places() RETURNS TABLE (relation regclass, column_name name, bound_to text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $$
    VALUES ('bastion.secret_versions'::regclass, 'value'::name, 'secret_id || ''/'' || version'),
           ('bastion.audit_subject_keys', 'sealed', 'id'),
           ('bastion.application_key_versions', 'value', 'key_id || ''/'' || version'),
           ('bastion.signing_keys', 'private_sealed', 'kid'),
           ('bastion.audit_keys', 'private_sealed', 'id'),
           ('bastion.peppers', 'sealed', 'version'),
           ('bastion.user_factors', 'sealed', 'id'),
           ('bastion.setting_versions', 'sealed', 'setting_id || ''/'' || version'),
           ('bastion.change_requests', 'sealed', 'id')
$$;
COMMENT ON FUNCTION bastion_internal.own_sealed_places() IS
'The columns of sealed values in the tables of the extension, with the expressions over a row to which the values are bound.';

CREATE FUNCTION bastion_internal.sealed_places() RETURNS TABLE (relation regclass, column_name name, bound_to text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT o.* FROM bastion_internal.own_sealed_places() o
    UNION ALL
    SELECT c.relation, c.column_name, c.bound_to
    FROM bastion.sealed_columns c JOIN pg_attribute a ON a.attrelid = c.relation AND a.attname = c.column_name AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION bastion_internal.sealed_places() IS 'The columns of sealed values: the registered ones, and the extension''s own.';

-- Values of up to 16 KiB travel together, so that a batch of a thousand takes some 50 MB; a larger one travels alone.
CREATE FUNCTION bastion_internal.sealed_in_pages(column_name name, first bigint, past bigint, large boolean) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('ctid OPERATOR(pg_catalog.>=) ''(%2$s,0)'' AND ctid OPERATOR(pg_catalog.<) ''(%3$s,0)'' '
                  'AND pg_catalog.substr(%1$I::bytea, 5, 4) OPERATOR(pg_catalog.=) ANY ($1::bytea[])',
                  column_name, first, past)
        || CASE WHEN large IS NULL THEN ''
                ELSE format(' AND pg_catalog.octet_length(%I::bytea) OPERATOR(pg_catalog.%s) 16384', column_name, CASE WHEN large THEN '>' ELSE '<=' END) END
$$;
COMMENT ON FUNCTION bastion_internal.sealed_in_pages(name, bigint, bigint, boolean) IS
'The condition for the values in some pages of a table that are sealed under one of the keys in $1, and are above 16 KiB or not; large NULL for all.';

CREATE FUNCTION bastion_internal.sealed_values(relation regclass, statement text, ids text, OUT places tid[], OUT olds bytea[], OUT bounds text[]) RETURNS record
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_sealed_values';
COMMENT ON FUNCTION bastion_internal.sealed_values(regclass, text, text) IS
'Runs a statement as as_table_owner() does, with one parameter of type text, whose one row has these three columns.
SQLSTATE 42804 for columns of other types, 42P01, 42601, 42809 and others as as_table_owner().';

CREATE FUNCTION bastion_internal.sealed_values_replace(relation regclass, statement text, places tid[], olds bytea[], news bytea[], column_type oid) RETURNS bigint
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_sealed_values_replace';
COMMENT ON FUNCTION bastion_internal.sealed_values_replace(regclass, text, tid[], bytea[], bytea[], oid) IS
'Runs a statement as as_table_owner() does, with three parameters, the last an array of this type, which is bytea or bastion.sealed; its one column has a number as text.
SQLSTATE 0A000 for a type of fixed size, 42804 for a column of another type, 42P01, 42601, 42809 and others as as_table_owner().';

CREATE FUNCTION bastion_internal.sealed_batch(relation regclass, column_name name, bound_to text, ids text, first bigint, past bigint,
                                              OUT places tid[], OUT olds bytea[], OUT bounds text[]) RETURNS record
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT v.places, v.olds, v.bounds
    FROM bastion_internal.sealed_values(relation, format(
            'SELECT pg_catalog.array_agg(x.place), pg_catalog.array_agg(x.old), pg_catalog.array_agg(x.bound) FROM ('
            'SELECT ctid AS place, %1$I::bytea AS old, (%2$s)::text AS bound FROM ONLY %3$s WHERE %4$s FOR UPDATE SKIP LOCKED) x',
            column_name, coalesce(bound_to, 'NULL'), relation, bastion_internal.sealed_in_pages(column_name, first, past, false)), ids) v
$$;
COMMENT ON FUNCTION bastion_internal.sealed_batch(regclass, name, text, text, bigint, bigint) IS
'Reads and locks the values of up to 16 KiB in some pages of a table that are sealed under one of the keys; skips rows that another transaction has locked. NULL for none.';

CREATE FUNCTION bastion_internal.change_suppressed() RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'code of the table suppressed the change' USING ERRCODE = 'triggered_data_change_violation';
END
$$;
COMMENT ON FUNCTION bastion_internal.change_suppressed() IS 'Raises SQLSTATE 27000.';

CREATE FUNCTION bastion_internal.rewrap_batch(relation regclass, column_name name, bound_to text, ids text, first bigint, past bigint)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    batch record;
    done bigint;
BEGIN
    SELECT array_agg(v.place) AS places, array_agg(v.old) AS olds, array_agg(bastion.rewrap_for(k.tenant_id, v.old::bastion.sealed, v.bound)::bytea) AS news INTO batch
    FROM bastion_internal.sealed_batch(relation, column_name, bound_to, ids, first, past) b,
         LATERAL unnest(b.places, b.olds, b.bounds) v (place, old, bound)
    JOIN bastion.data_keys k ON k.id = bastion_internal.sealed_key(v.old::bastion.sealed);
    IF batch.places IS NULL THEN
        RETURN 0;
    END IF;
    -- PostgreSQL refuses deferred triggers in a security-restricted operation.
    SET CONSTRAINTS ALL IMMEDIATE;
    done := bastion_internal.sealed_values_replace(relation, format(
        'WITH n AS (SELECT pg_catalog.unnest($1) AS place, pg_catalog.unnest($2) AS old, pg_catalog.unnest($3) AS new), '
        'u AS (UPDATE ONLY %1$s t SET %2$I = n.new FROM n '
        'WHERE t.ctid OPERATOR(pg_catalog.=) n.place AND t.%2$I::bytea OPERATOR(pg_catalog.=) n.old RETURNING 1) '
        'SELECT pg_catalog.count(*)::pg_catalog.text FROM u', relation, column_name),
        batch.places, batch.olds, batch.news, bastion_internal.column_type(relation, column_name));
    IF done < cardinality(batch.places) THEN
        PERFORM bastion_internal.change_suppressed();
    END IF;
    RETURN done;
END
$$;
COMMENT ON FUNCTION bastion_internal.rewrap_batch(regclass, name, text, text, bigint, bigint) IS
'Seals again the values of up to 16 KiB in some pages of a table that are under one of the keys; returns their number. Fails with the first value that fails, and when code of the table suppresses a change.';

CREATE FUNCTION bastion_internal.rewrap_value(relation regclass, column_name name, bound_to text, place tid) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    value bytea := bastion_internal.bytes_as_table_owner(relation, format(
        'SELECT %I::bytea FROM ONLY %s WHERE ctid OPERATOR(pg_catalog.=) %L FOR UPDATE SKIP LOCKED', column_name, relation, place));
    bound text;
    tenant uuid;
BEGIN
    IF value IS NULL THEN
        RETURN 0;
    END IF;
    bound := bastion_internal.as_table_owner(relation, format('SELECT (%s)::text FROM ONLY %s WHERE ctid OPERATOR(pg_catalog.=) %L',
                                                              coalesce(bound_to, 'NULL'), relation, place));
    SELECT k.tenant_id INTO STRICT tenant FROM bastion.data_keys k WHERE k.id = bastion_internal.sealed_key(value::bastion.sealed);
    value := bastion.rewrap_for(tenant, value::bastion.sealed, bound)::bytea;
    -- PostgreSQL refuses deferred triggers in a security-restricted operation.
    SET CONSTRAINTS ALL IMMEDIATE;
    -- The row is locked: it is what it was, unless code of the table has changed it, and then it is at another place.
    IF bastion_internal.bytes_as_table_owner(relation, format(
        'UPDATE ONLY %1$s SET %2$I = $1 WHERE ctid OPERATOR(pg_catalog.=) %3$L RETURNING pg_catalog.substr($1::pg_catalog.bytea, 1, 0)',
        relation, column_name, place), value, bastion_internal.column_type(relation, column_name)) IS NULL THEN
        PERFORM bastion_internal.change_suppressed();
    END IF;
    RETURN 1;
END
$$;
COMMENT ON FUNCTION bastion_internal.rewrap_value(regclass, name, text, tid) IS
'Seals again one value of a table, of any size; returns 1, or 0 if another transaction has locked the row. SQLSTATE 27000 when code of the table suppresses the change.';

CREATE FUNCTION bastion_internal.rewrap_pages(relation regclass, column_name name, bound_to text, first bigint, past bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    keys text := (SELECT array_agg(decode(lpad(to_hex(k.id), 8, '0'), 'hex'))::text FROM bastion.data_keys k WHERE k.state = 'decrypt_only');
    done bigint := 0;
    batch_done bigint;
    left_over boolean := true;
    place tid;
    row_key text;
BEGIN
    IF keys IS NULL THEN
        RETURN 0;
    END IF;
    BEGIN
        done := bastion_internal.rewrap_batch(relation, column_name, bound_to, keys, first, past);
    EXCEPTION WHEN OTHERS OR assert_failure THEN
        left_over := NULL;
    END;
    batch_done := done;
    -- One value after the other: large ones, or all where one failed, so that it does not keep the others from their new key.
    BEGIN
        FOREACH place IN ARRAY coalesce(bastion_internal.as_table_owner(relation, format(
                'SELECT pg_catalog.array_agg(ctid) FROM ONLY %s WHERE %s', relation, bastion_internal.sealed_in_pages(column_name, first, past, left_over)), keys)::tid[], '{}') LOOP
            BEGIN
                done := done + bastion_internal.rewrap_value(relation, column_name, bound_to, place);
            EXCEPTION WHEN OTHERS OR assert_failure THEN
                row_key := bastion_internal.as_table_owner(relation, format('SELECT %s FROM ONLY %s r WHERE r.ctid OPERATOR(pg_catalog.=) %L',
                                                                            bastion_internal.row_name(relation), relation, place));
                -- A longer key does not fit into the index of the failures.
                row_key := CASE WHEN octet_length(row_key) <= 1000 THEN row_key ELSE left(row_key, 200) || '... md5 ' || md5(row_key) END;
                -- A row that is gone has no key.
                IF row_key IS NOT NULL THEN
                    INSERT INTO bastion.rewrap_failures (relation, column_name, row_key, problem)
                    VALUES (rewrap_pages.relation::text, rewrap_pages.column_name, row_key, SQLSTATE || ' ' || left(SQLERRM, 1000)) ON CONFLICT DO NOTHING;
                END IF;
            END;
        END LOOP;
    EXCEPTION WHEN OTHERS OR assert_failure THEN
        done := batch_done;
        INSERT INTO bastion.rewrap_failures (relation, column_name, row_key, problem)
        VALUES (rewrap_pages.relation::text, rewrap_pages.column_name, 'null', SQLSTATE || ' ' || left(SQLERRM, 1000)) ON CONFLICT DO NOTHING;
    END;
    UPDATE bastion.rewrap_runs r SET sealed_values = r.sealed_values + done, pages_done = least(past, r.pages), updated_at = clock_timestamp()
    WHERE r.pid = pg_backend_pid();
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
    DELETE FROM bastion.rewrap_runs r
    WHERE r.pid = pg_backend_pid() OR NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = r.pid AND a.backend_start = r.backend_start);
    DELETE FROM bastion.rewrap_failures f WHERE NOT EXISTS (SELECT FROM bastion.rewrap_runs r WHERE r.pid = f.pid);
    INSERT INTO bastion.rewrap_runs (pid, backend_start, columns)
    SELECT a.pid, a.backend_start, (SELECT count(*) FROM bastion_internal.sealed_places()) FROM pg_stat_activity a WHERE a.pid = pg_backend_pid();
END
$$;
COMMENT ON FUNCTION bastion_internal.rewrap_begin(integer) IS 'Checks the argument of rewrap_all(), forgets the failures of calls that ended, and begins its progress. SQLSTATE 22023, BA001 without a root key.';

CREATE FUNCTION bastion_internal.rewrap_table(relation regclass, column_name name, pages bigint, columns_done bigint) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    UPDATE bastion.rewrap_runs r
    SET relation = rewrap_table.relation::text, column_name = rewrap_table.column_name, pages = rewrap_table.pages, pages_done = 0,
        columns_done = rewrap_table.columns_done, updated_at = clock_timestamp()
    WHERE r.pid = pg_backend_pid()
$$;
COMMENT ON FUNCTION bastion_internal.rewrap_table(regclass, name, bigint, bigint) IS 'Records that rewrap_all() begins a table.';

CREATE FUNCTION bastion_internal.rewrap_end() RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    failures bigint := (SELECT count(*) FROM bastion.rewrap_failures f WHERE f.pid = pg_backend_pid());
BEGIN
    DELETE FROM bastion.rewrap_runs r WHERE r.pid = pg_backend_pid();
    IF failures > 0 THEN
        RAISE WARNING 'values that could not be sealed again: %', failures USING ERRCODE = 'BA003', HINT = 'SELECT * FROM bastion.rewrap_failures;';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.rewrap_end() IS 'Ends the progress of rewrap_all(), and warns of its failures.';

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
    columns_done bigint := 0;
BEGIN
    PERFORM bastion_internal.rewrap_begin(batch);
    COMMIT;
    FOR relation, column_name, bound_to IN SELECT * FROM bastion_internal.sealed_places() LOOP
        FOR member, pages, step IN SELECT * FROM bastion_internal.backfill_steps(relation, batch) LOOP
            page := 0;
            PERFORM bastion_internal.rewrap_table(member, column_name, pages, columns_done);
            WHILE page OPERATOR(pg_catalog.<) pages LOOP
                PERFORM bastion_internal.rewrap_pages(member, column_name, bound_to, page, page OPERATOR(pg_catalog.+) step);
                COMMIT;
                page := page OPERATOR(pg_catalog.+) step;
            END LOOP;
        END LOOP;
        columns_done := columns_done OPERATOR(pg_catalog.+) 1;
    END LOOP;
    PERFORM bastion_internal.rewrap_end();
END
$$;
COMMENT ON PROCEDURE bastion.rewrap_all(integer) IS
'Seals again, under the active key of its tenant, each value of a registered column, and each of the extension''s own (secrets, keys for applications, signing keys, peppers and secrets of authenticators), under a key in state decrypt_only.
Commits after every batch of about this many rows and skips rows that other transactions have locked. It may be interrupted and called again: it does not repeat work. Triggers of the tables fire. A value that cannot be opened, or whose row a trigger or constraint refuses, is recorded in bastion.rewrap_failures, and the others go on; a warning tells their number. Values above 16 KiB are sealed again one by one. bastion.rewrap_progress shows how far it is, key_usage() what is left. Cannot run inside a transaction block.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for a batch below 1, 2D000 in a transaction block, BA001 without a root key.';

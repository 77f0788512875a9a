
-- What data keys are needed for: every sealed value of the database, in whatever column. The columns come from the catalog, registered
-- or not; a column may be an array, a domain, a composite type or a range. A header alone proves nothing, because every user who may write
-- a column may write one: a value counts when its commitment shows that the key sealed it.

CREATE FUNCTION bastion_internal.sealed_types() RETURNS SETOF oid
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE holds AS MATERIALIZED (
        SELECT t.oid AS outside, t.typelem AS inside FROM pg_type t WHERE t.typelem <> 0
        UNION ALL
        SELECT t.oid, t.typbasetype FROM pg_type t WHERE t.typbasetype <> 0
        UNION ALL
        SELECT c.reltype, a.atttypid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.reltype <> 0 AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT x.outside, r.rngsubtype FROM pg_range r, unnest(ARRAY[r.rngtypid, r.rngmultitypid]) x (outside)
    ), found AS (
        SELECT 'bastion.sealed'::regtype::oid AS type
        UNION
        SELECT h.outside FROM holds h JOIN found f ON f.type = h.inside
    )
    SELECT f.type FROM found f
$$;
COMMENT ON FUNCTION bastion_internal.sealed_types() IS
'bastion.sealed, and the types that contain it: arrays, domains, composite types, ranges and multiranges, in any depth.';

CREATE FUNCTION bastion_internal.inside_sealed_type(type oid, expression text, depth integer, types oid[]) RETURNS TABLE (part oid, part_expression text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN t.typbasetype <> 0 THEN t.typbasetype WHEN t.typelem <> 0 THEN t.typelem ELSE r.rngtypid END,
           CASE WHEN t.typbasetype <> 0 THEN inside_sealed_type.expression ELSE 'e' || inside_sealed_type.depth END
    FROM pg_type t LEFT JOIN pg_range r ON r.rngmultitypid = t.oid
    WHERE t.oid = inside_sealed_type.type AND (t.typbasetype <> 0 OR t.typelem <> 0 OR t.typtype = 'm')
    UNION ALL
    SELECT r.rngsubtype, format('pg_catalog.%s(%s)', b, inside_sealed_type.expression)
    FROM pg_range r, unnest('{lower,upper}'::text[]) b WHERE r.rngtypid = inside_sealed_type.type
    UNION ALL
    (SELECT a.atttypid, format('(%s).%I', inside_sealed_type.expression, a.attname)
     FROM pg_type t JOIN pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE t.oid = inside_sealed_type.type AND t.typtype = 'c' AND a.atttypid = ANY (types) ORDER BY a.attnum)
$$;
COMMENT ON FUNCTION bastion_internal.inside_sealed_type(oid, text, integer, oid[]) IS
'The types with sealed values that such a type consists of, and an SQL expression for each: over the value of a domain, a range or a composite type, over one element e0, e1, ... of an array or a multirange. types is sealed_types().';

-- Types of a hostile user may double at each level, so the length of the whole is bounded, and the first excess ends the recursion.
CREATE FUNCTION bastion_internal.sealed_heads(type oid, expression text, depth integer, types oid[]) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    inside record;
    heads text;
    parts text;
BEGIN
    IF type IN ('bastion.sealed'::regtype, 'bytea'::regtype) THEN
        RETURN format('ARRAY[pg_catalog.substr((%s)::pg_catalog.bytea, 1, 64)]', expression);
    ELSIF depth > 20 THEN
        RETURN NULL;
    END IF;
    FOR inside IN SELECT * FROM bastion_internal.inside_sealed_type(type, expression, depth, types) LOOP
        heads := bastion_internal.sealed_heads(inside.part, inside.part_expression, depth + 1, types);
        IF heads IS NULL OR length(heads) + coalesce(length(parts), 0) > 100000 THEN
            RETURN NULL;
        END IF;
        parts := concat_ws(' OPERATOR(pg_catalog.||) ', parts, format('coalesce(%s, ''{}'')', heads));
    END LOOP;
    IF EXISTS (SELECT FROM pg_type t WHERE t.oid = type AND t.typbasetype = 0 AND (t.typelem <> 0 OR t.typtype = 'm')) THEN
        RETURN format('ARRAY(SELECT h%1$s FROM pg_catalog.unnest(%2$s) e%1$s, pg_catalog.unnest(%3$s) h%1$s)', depth, expression, parts);
    END IF;
    RETURN format('(%s)', parts);
END
$$;
COMMENT ON FUNCTION bastion_internal.sealed_heads(oid, text, integer, oid[]) IS
'An SQL expression of type bytea[]: the first 64 bytes, which are header, nonce and commitment, of every sealed value inside an expression of a type that contains some. NULL for a type that is nested in more than 20 others, or whose expression would be too long. types is sealed_types().';

CREATE FUNCTION bastion_internal.sealed_everywhere() RETURNS TABLE (relation regclass, column_name name, member regclass, heads text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE types AS MATERIALIZED (SELECT bastion_internal.sealed_types() AS type), columns AS MATERIALIZED (
        SELECT c.oid AS member, a.attname, a.atttypid
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'm') AND c.relispopulated AND NOT pg_is_other_temp_schema(c.relnamespace)
          AND (a.atttypid IN (SELECT t.type FROM types t) AND c.relnamespace <> 'bastion'::regnamespace
               OR EXISTS (SELECT FROM bastion_internal.own_sealed_places() o WHERE o.relation = c.oid AND o.column_name = a.attname)
               OR a.atttypid = 'bytea'::regtype AND EXISTS (
                   SELECT FROM bastion.sealed_columns s, LATERAL bastion_internal.protect_tree(s.relation) m
                   WHERE m.member = c.oid AND s.column_name = a.attname))
    ), up AS (
        SELECT c.member, c.attname, c.member AS ancestor, 0 AS height FROM columns c
        UNION ALL
        SELECT u.member, u.attname, i.inhparent, u.height + 1 FROM up u JOIN pg_inherits i ON i.inhrelid = u.ancestor
        JOIN pg_attribute a ON a.attrelid = i.inhparent AND a.attname = u.attname AND NOT a.attisdropped
    )
    SELECT (SELECT u.ancestor FROM up u WHERE u.member = c.member AND u.attname = c.attname ORDER BY u.height DESC, u.ancestor LIMIT 1)::regclass,
           c.attname, c.member::regclass, bastion_internal.sealed_heads(c.atttypid, format('r.%I', c.attname), 0, ARRAY(SELECT t.type FROM types t))
    FROM columns c ORDER BY 1, 2, 3
$$;
COMMENT ON FUNCTION bastion_internal.sealed_everywhere() IS
'Every column of this database that holds sealed values: those whose type is or contains bastion.sealed, registered columns of type bytea, and the extension''s own. member is the table with the rows, relation the topmost of its partitioned or inherited tables; heads as sealed_heads(), NULL for a column that cannot be read.';

CREATE FUNCTION bastion_internal.key_committed(key_id integer, head bytea) RETURNS boolean
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_key_committed';
COMMENT ON FUNCTION bastion_internal.key_committed(integer, bytea) IS
'Whether a data key made a sealed value, from its first 64 bytes; NULL for a key that does not exist or may not open. SQLSTATE BA001 and BA002 without the right root key.';

CREATE FUNCTION bastion_internal.head_problem(head bytea) RETURNS TABLE (key_id integer, problem text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT h.key_id, CASE
        WHEN octet_length(head_problem.head) < 64 OR substr(head_problem.head, 1, 4) <> decode('b7010000', 'hex') THEN 'is not a sealed value'
        WHEN k.id IS NULL THEN 'its key does not exist'
        WHEN k.state NOT IN ('active', 'decrypt_only') THEN 'its key is ' || k.state
        ELSE CASE bastion_internal.key_committed(k.id, head_problem.head)
            WHEN true THEN NULL
            WHEN false THEN 'the key in its header did not seal it'
            -- retired since the statement began
            ELSE 'its key is disabled or shredded' END END
    FROM (SELECT CASE WHEN octet_length(head_problem.head) >= 8 THEN ('x' || encode(substr(head_problem.head, 5, 4), 'hex'))::bit(32)::integer END) h (key_id)
    LEFT JOIN bastion.data_keys k ON k.id = h.key_id
$$;
COMMENT ON FUNCTION bastion_internal.head_problem(bytea) IS
'The key in the first 64 bytes of a sealed value, and why it does not open the value; NULL if it made it.';

CREATE FUNCTION bastion_internal.sealed_rows(member regclass, heads text, first bigint, past bigint) RETURNS TABLE (place tid, head bytea)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 500
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF heads IS NULL THEN
        RAISE EXCEPTION 'type of the column nests too deeply' USING ERRCODE = 'statement_too_complex';
    END IF;
    RETURN QUERY
    SELECT v.place, decode(v.head, 'hex')
    FROM jsonb_to_recordset(bastion_internal.as_table_owner(member, format(
            'SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(''place'', r.ctid::pg_catalog.text, ''head'', pg_catalog.encode(v.head, ''hex''))) '
            'FROM ONLY %s r, pg_catalog.unnest(%s) v (head) WHERE v.head IS NOT NULL '
            'AND r.ctid OPERATOR(pg_catalog.>=) ''(%s,0)'' AND r.ctid OPERATOR(pg_catalog.<) ''(%s,0)''', member, heads, first, past))::jsonb)
         v (place tid, head text);
END
$$;
COMMENT ON FUNCTION bastion_internal.sealed_rows(regclass, text, bigint, bigint) IS
'The first 64 bytes of the sealed values in some pages of a table, read as its owner. SQLSTATE 54001 for a column that sealed_heads() cannot read, and those of as_table_owner(): 42501 where the owner may not read the table.';

CREATE FUNCTION bastion_internal.sealed_pages(member regclass) RETURNS TABLE (first bigint, past bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p, p + 1000 FROM generate_series(0, pg_relation_size(member) / current_setting('block_size')::integer, 1000) p
$$;
COMMENT ON FUNCTION bastion_internal.sealed_pages(regclass) IS 'The pages of a table, a thousand at a time.';

CREATE FUNCTION bastion.key_usage() RETURNS TABLE (
    relation regclass, column_name name, tenant_id uuid, purpose text, version integer, state text, sealed_values bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    place record;
    pages record;
    counts jsonb := '{}';
BEGIN
    FOR place IN SELECT * FROM bastion_internal.sealed_everywhere() LOOP
        BEGIN
            FOR pages IN SELECT * FROM bastion_internal.sealed_pages(place.member) LOOP
                counts := (
                    SELECT coalesce(jsonb_object_agg(c.key, c.n), '{}') FROM (
                        SELECT x.key, sum(x.n) AS n FROM (
                            SELECT o.key, o.value::bigint FROM jsonb_each_text(counts) o
                            UNION ALL
                            SELECT place.relation::oid || ' ' || p.key_id || ' ' || place.column_name, count(*)
                            FROM bastion_internal.sealed_rows(place.member, place.heads, pages.first, pages.past) r, LATERAL bastion_internal.head_problem(r.head) p
                            WHERE p.problem IS NULL OR p.problem LIKE 'its key%' GROUP BY p.key_id) x (key, n)
                        GROUP BY x.key) c);
            END LOOP;
        EXCEPTION
            WHEN SQLSTATE 'BA001' OR SQLSTATE 'BA002' THEN
                RAISE;
            WHEN OTHERS THEN
                RETURN QUERY SELECT place.member::regclass, place.column_name::name, NULL::uuid, NULL::text, NULL::integer, NULL::text, NULL::bigint;
        END;
    END LOOP;
    RETURN QUERY
    SELECT c.relation, c.column_name, k.tenant_id, k.purpose, k.version, k.state, sum(c.n)::bigint
    FROM (SELECT split_part(e.key, ' ', 1)::oid::regclass, split_part(e.key, ' ', 2)::integer, regexp_replace(e.key, '^[^ ]+ [^ ]+ ', '')::name, e.value::bigint
          FROM jsonb_each_text(counts) e) c (relation, key_id, column_name, n)
    LEFT JOIN bastion.data_keys k ON k.id = c.key_id
    GROUP BY c.relation, c.column_name, k.id, k.tenant_id, k.purpose, k.version, k.state
    ORDER BY c.relation::text, c.column_name, k.tenant_id, k.purpose, k.version;
END
$$;
COMMENT ON FUNCTION bastion.key_usage() IS
'Counts the sealed values under each data key in every column of the database, registered or not: those of type bastion.sealed, arrays, domains, composite types and ranges with it, registered columns of type bytea, and the extension''s own: secrets, keys for applications, signing keys, peppers and secrets of authenticators. Reads all of them.
A value counts for a key that made it; sealed_problems() lists the others. tenant and purpose are NULL for values whose key was deleted.
A row whose sealed_values is NULL names a column that could not be read, as where the owner of the table may not. sealed_problems() has the reason.
For operators: EXECUTE is granted to nobody.
SQLSTATE BA001 and BA002 without the right root key.';

CREATE FUNCTION bastion_internal.row_name(member regclass) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((
        SELECT format('pg_catalog.jsonb_build_object(%s)::pg_catalog.text', string_agg(format('%L, r.%I', a.attname, a.attname), ', ' ORDER BY k.n))
        FROM pg_constraint c, unnest(c.conkey) WITH ORDINALITY k (attnum, n) JOIN pg_attribute a ON a.attnum = k.attnum
        WHERE c.conrelid = member AND c.contype = 'p' AND a.attrelid = member HAVING count(*) > 0),
        'pg_catalog.jsonb_build_object(''ctid'', r.ctid::pg_catalog.text)::pg_catalog.text')
$$;
COMMENT ON FUNCTION bastion_internal.row_name(regclass) IS
'An SQL expression that names a row r of a table: its primary key as JSON; its ctid without one.';

CREATE FUNCTION bastion.sealed_problems() RETURNS TABLE (relation regclass, column_name name, row_key text, problem text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place record;
    pages record;
BEGIN
    FOR place IN SELECT * FROM bastion_internal.sealed_everywhere() LOOP
        BEGIN
            FOR pages IN SELECT * FROM bastion_internal.sealed_pages(place.member) LOOP
                RETURN QUERY
                SELECT place.member::regclass, place.column_name::name, bastion_internal.as_table_owner(place.member, format(
                           'SELECT %s FROM ONLY %s r WHERE r.ctid OPERATOR(pg_catalog.=) %L', bastion_internal.row_name(place.member), place.member, r.place)), p.problem
                FROM bastion_internal.sealed_rows(place.member, place.heads, pages.first, pages.past) r, LATERAL bastion_internal.head_problem(r.head) p
                WHERE p.problem IS NOT NULL;
            END LOOP;
        EXCEPTION
            WHEN SQLSTATE 'BA001' OR SQLSTATE 'BA002' THEN
                RAISE;
            WHEN OTHERS THEN
                RETURN QUERY SELECT place.member::regclass, place.column_name::name, NULL::text, format('could not be read: %s %s', SQLSTATE, left(SQLERRM, 1000));
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION bastion.sealed_problems() IS
'Lists the values in columns of sealed values that cannot be opened: the table, the column, the primary key of the row (ctid without one) and the reason: the key does not exist, is disabled or shredded, or did not seal the value. row_key is NULL for a column that could not be read; its problem then has the SQLSTATE and the message.
It does not find a value that was moved to a row to which it is not bound.
For operators: EXECUTE is granted to nobody.
SQLSTATE BA001 and BA002 without the right root key.';

CREATE FUNCTION bastion_internal.lint_sealed() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT DISTINCT 'warning', format('%s.%I', u.relation, u.column_name),
           CASE WHEN a.atttypid = 'bastion.sealed'::regtype THEN 'holds sealed values and is not registered: rewrap_all() does not renew them'
                ELSE 'holds sealed values inside another type: rewrap_all() does not renew them' END,
           -- Without a fix, lint() offers to accept the finding.
           CASE WHEN a.atttypid = 'bastion.sealed'::regtype THEN format('SELECT bastion.sealed_column_add(%L, %L);', u.relation, u.column_name) END
    FROM bastion_internal.sealed_everywhere() u JOIN pg_class c ON c.oid = u.member AND c.relkind = 'r' AND c.relpersistence <> 't'
    JOIN pg_attribute a ON a.attrelid = u.relation AND a.attname = u.column_name AND NOT a.attisdropped
    WHERE NOT EXISTS (SELECT FROM bastion_internal.sealed_places() s WHERE s.relation = u.relation AND s.column_name = u.column_name)
    UNION ALL
    SELECT 'warning', format('%s.%I', s.relation, s.column_name), 'is registered as a sealed column and does not exist: renamed or dropped',
           format('SELECT bastion.sealed_column_remove(%L, %L);', s.relation, s.column_name)
    FROM bastion.sealed_columns s JOIN pg_class c ON c.oid = s.relation
    WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = s.relation AND a.attname = s.column_name AND NOT a.attisdropped)
$$;
COMMENT ON FUNCTION bastion_internal.lint_sealed() IS 'Findings about columns with sealed values that rewrap_all() does not reach.';

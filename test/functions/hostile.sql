-- Objects that capture names without a schema: a schema evil, first in some search paths, and temporary objects. Each
-- reports its use: fz.captured() raises and, because a caller may catch that, counts.
CREATE SEQUENCE fz.captures MINVALUE 0 START 0;
GRANT USAGE, SELECT ON SEQUENCE fz.captures TO PUBLIC;
CREATE FUNCTION fz.captured(what text) RETURNS boolean LANGUAGE plpgsql VOLATILE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('transaction_read_only') = 'off' THEN
        PERFORM nextval('fz.captures');
    END IF;
    RAISE EXCEPTION 'captured by % as %', what, current_user USING ERRCODE = 'FZ001';
END
$$;

CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;

-- The functions of pg_catalog that the extension's functions call, and their operators.
DO $$
DECLARE
    words text[] := ARRAY(
        SELECT DISTINCT lower(w[1]) FROM pg_proc p, regexp_matches(p.prosrc, '([a-zA-Z_][a-zA-Z0-9_]*)\s*\(', 'g') w
        WHERE p.pronamespace IN ('bastion'::regnamespace, 'bastion_api'::regnamespace, 'bastion_internal'::regnamespace, 'bastion_test'::regnamespace));
    found_one record;
BEGIN
    FOR found_one IN
        SELECT p.proname, p.oid::regprocedure AS name, format_type(p.prorettype, NULL) AS result, p.proretset,
               (SELECT string_agg(format_type(t, NULL), ', ' ORDER BY n) FROM unnest(p.proargtypes) WITH ORDINALITY a (t, n)) AS arguments
        FROM pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = ANY (words) AND p.prokind = 'f'
          AND NOT EXISTS (SELECT FROM pg_type t WHERE t.typtype = 'p' AND (t.oid = p.prorettype OR t.oid = ANY (p.proargtypes)))
    LOOP
        EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE sql AS %L', found_one.proname, found_one.arguments,
                       CASE WHEN found_one.proretset THEN 'SETOF ' ELSE '' END || found_one.result,
                       format('SELECT NULL::%s WHERE fz.captured(%L)', found_one.result, found_one.name));
    END LOOP;
    FOR found_one IN
        SELECT o.oprname, o.oprleft::regtype AS l, o.oprright::regtype AS r, o.oprresult::regtype AS result, row_number() OVER () AS n
        FROM pg_operator o
        WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprleft <> 0
          AND o.oprleft = ANY ('{text,name,uuid,int4,int8,bool,jsonb,oid,timestamptz,interval,bytea}'::regtype[])
          AND (o.oprright = ANY ('{text,name,uuid,int4,int8,bool,jsonb,oid,timestamptz,interval,bytea}'::regtype[]))
    LOOP
        EXECUTE format('CREATE FUNCTION evil.operator_%s(%s, %s) RETURNS %s LANGUAGE sql AS %L', found_one.n, found_one.l,
                       found_one.r, found_one.result, format('SELECT NULL::%s WHERE fz.captured(%L)', found_one.result,
                                                             'operator ' || found_one.oprname));
        EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.operator_%s)', found_one.oprname,
                       found_one.l, found_one.r, found_one.n);
    END LOOP;
END
$$;

-- Relations and types in any schema, the caller's temporary one included, with the names of those of the extension and
-- of those of pg_catalog that it reads.
CREATE FUNCTION fz.lie_in_wait(place text) RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $f$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['text', 'uuid', 'name', 'jsonb', 'bytea', 'regclass', 'regtype', 'regprocedure', 'regnamespace', 'oid', 'cidr',
                                'timestamptz', 'int8', 'int4', 'bool', 'interval'] LOOP
        EXECUTE format('CREATE DOMAIN %s.%I AS pg_catalog.%2$I CHECK (fz.captured(%L))', place, name, 'the type ' || name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['pg_class', 'pg_proc', 'pg_roles', 'pg_policy', 'pg_index', 'pg_namespace', 'pg_type',
                                'pg_depend', 'pg_trigger', 'pg_constraint', 'pg_extension'] LOOP
        EXECUTE format('CREATE VIEW %s.%I AS SELECT * FROM pg_catalog.%2$I WHERE fz.captured(%L)', place, name, 'the view ' || name);
    END LOOP;
    FOR name IN SELECT c.relname FROM pg_class c
                WHERE c.relnamespace = 'bastion'::regnamespace AND c.relkind IN ('r', 'v', 'S') AND c.relname NOT LIKE '%\_seq'
                ORDER BY c.relname LOOP
        EXECUTE format('CREATE TABLE %s.%I (id integer DEFAULT CASE WHEN fz.captured(%L) THEN 1 END)', place, name, 'the table ' || name);
        EXECUTE format('GRANT ALL ON %s.%I TO PUBLIC', place, name);
    END LOOP;
END
$f$;
GRANT EXECUTE ON FUNCTION fz.lie_in_wait(text) TO PUBLIC;
SELECT fz.lie_in_wait('evil');

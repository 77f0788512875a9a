-- For the layer regress: a search_path whose second schema, before pg_catalog, has the functions and operators of pg_catalog that our
-- functions use, and relations and types of the names of ours. The functions and operators do what those of pg_catalog do, because
-- the files of sql/ run with them, and raise when one of our functions calls them. Using the others raises.
CREATE SCHEMA hostile;
GRANT USAGE ON SCHEMA hostile TO PUBLIC;
CREATE FUNCTION hostile.capture(what text) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RAISE EXCEPTION 'captured % as %', what, current_user USING ERRCODE = 'ZZ001'; END $$;

-- Raises when the caller of the function whose stack this is belongs to us. PostgreSQL names functions of SQL without their schema.
CREATE FUNCTION hostile.serve(what text, stack text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    caller text := substring(stack FROM E'\n((?:PL/pgSQL|SQL) function "?[a-z_0-9.]+)');
BEGIN
    IF caller LIKE 'PL/pgSQL function bastion%' OR caller LIKE 'SQL function%' AND (
        SELECT bool_and(p.pronamespace::regnamespace::text LIKE 'bastion%') FROM pg_proc p WHERE p.proname = split_part(caller, '"', 2)) THEN
        PERFORM hostile.capture(what);
    END IF;
END
$$;

-- The statement that makes a wrapper of a function of pg_catalog; its value is an expression of $1 and so on.
CREATE FUNCTION hostile.wrapper(of pg_proc, name text, value text) RETURNS text LANGUAGE sql STABLE
AS $$
    SELECT format('CREATE FUNCTION hostile.%I(%s) RETURNS %s LANGUAGE plpgsql %s %s %s AS %L', name, oidvectortypes(of.proargtypes),
                  of.prorettype::regtype, CASE of.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END,
                  CASE WHEN of.proisstrict THEN 'STRICT' END, CASE of.proparallel WHEN 's' THEN 'PARALLEL SAFE' END,
                  format($body$
                      DECLARE
                          stack pg_catalog.text;
                      BEGIN
                          GET DIAGNOSTICS stack = PG_CONTEXT;
                          IF pg_catalog.strpos(stack, E'\n') OPERATOR(pg_catalog.>) 0 THEN
                              PERFORM hostile.serve(%L, stack);
                          END IF;
                          RETURN %s;
                      END $body$, of.oid::regprocedure, value))
$$;
DO $$
DECLARE
    types regtype[] := '{text,name,uuid,int4,int8,jsonb,oid,timestamptz}';
    statement text;
BEGIN
    FOR statement IN
        WITH source AS (
            SELECT string_agg(p.prosrc, E'\n') AS text FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
            WHERE p.pronamespace IN ('bastion'::regnamespace, 'bastion_api'::regnamespace, 'bastion_internal'::regnamespace) AND l.lanname <> 'c'
        ), word AS MATERIALIZED (
            SELECT DISTINCT m[1] AS name FROM source s, regexp_matches(s.text, '([a-z_0-9]+)[(]', 'g') m
        )
        SELECT hostile.wrapper(p, p.proname, format('pg_catalog.%I(%s)', p.proname, (SELECT string_agg('$' || n, ', ') FROM generate_series(1, p.pronargs) n)))
        FROM pg_proc p JOIN word w ON w.name = p.proname
        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND NOT p.proretset AND p.provariadic = 0
          AND NOT EXISTS (SELECT FROM pg_type t WHERE t.typtype = 'p' AND (t.oid = p.prorettype OR t.oid = ANY (p.proargtypes)))
        UNION ALL
        SELECT hostile.wrapper(p, 'operator_' || o.oid, format('$1 OPERATOR(pg_catalog.%s) $2', o.oprname))
               || format('; CREATE OPERATOR hostile.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = hostile.operator_%s%s)',
                         o.oprname, o.oprleft::regtype, o.oprright::regtype, o.oid,
                         CASE WHEN o.oprname = '=' AND o.oprleft = o.oprright THEN ', HASHES, MERGES, COMMUTATOR = OPERATOR(hostile.=), RESTRICT = eqsel, JOIN = eqjoinsel' END)
        FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode
        WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprleft = ANY (types) AND o.oprright = ANY (types)
        UNION ALL
        -- for comparisons of rows, and joins that compare not each with each
        SELECT format('CREATE OPERATOR CLASS hostile.%I FOR TYPE %s USING %s AS %s, FUNCTION 1 %s', c.opcname, c.opcintype::regtype, m.amname,
                      string_agg(format('OPERATOR %s hostile.%s', a.amopstrategy, o.oprname), ', '), f.amproc::regprocedure)
        FROM pg_opclass c JOIN pg_am m ON m.oid = c.opcmethod JOIN pg_amop a ON (a.amopfamily, a.amoplefttype, a.amoprighttype) = (c.opcfamily, c.opcintype, c.opcintype)
        JOIN pg_operator o ON o.oid = a.amopopr
        JOIN pg_amproc f ON (f.amprocfamily, f.amproclefttype, f.amprocrighttype, f.amprocnum) = (c.opcfamily, c.opcintype, c.opcintype, 1)
        WHERE m.amname IN ('btree', 'hash') AND c.opcdefault AND c.opcintype = ANY (types)
        GROUP BY c.opcname, c.opcintype, m.amname, f.amproc
        UNION ALL
        SELECT format('CREATE VIEW hostile.%I AS SELECT hostile.capture(%L); GRANT SELECT ON hostile.%1$I TO PUBLIC', c.relname, c.relname)
        FROM pg_class c WHERE c.relnamespace = 'bastion'::regnamespace AND c.relkind IN ('r', 'v')
        UNION ALL
        SELECT format('CREATE DOMAIN hostile.%I AS text CHECK (hostile.capture(%L))', t.typname, t.typname)
        FROM pg_type t WHERE t.typnamespace = 'bastion'::regnamespace AND t.typtype IN ('b', 'e', 'd') AND t.typelem = 0
    LOOP
        EXECUTE statement;
    END LOOP;
END
$$;
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, hostile, pg_catalog', current_database()); END $$;

-- Proves that our functions are captured.
BEGIN;
SET LOCAL search_path = public, hostile, pg_catalog;
CREATE FUNCTION bastion.planted() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN lower('X'); END $$;
DO $$
BEGIN
    PERFORM bastion.planted();
    RAISE EXCEPTION 'a function of the extension without a path was not captured';
EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
    NULL;
END
$$;
ROLLBACK;

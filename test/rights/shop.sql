-- The code and the tables of an owner (:owner) in the schema shop, with every place attached, and the objects that the
-- application's role prepares in the schema rogue. Runs in each database of the matrix after the extension, probe.sql and
-- places.sql.
CREATE SCHEMA shop AUTHORIZATION :owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
CREATE SCHEMA rogue AUTHORIZATION rights_app;
GRANT USAGE ON SCHEMA rogue TO PUBLIC;

CREATE FUNCTION rights.make_code(schema name, code_owner name, name text, arguments text, result text, kind text, body text, more text DEFAULT '')
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('CREATE FUNCTION %I.%I(%s) RETURNS %s LANGUAGE plpgsql %s AS %L', schema, name, arguments, result, kind || more, body);
    EXECUTE format('ALTER FUNCTION %I.%I(%s) OWNER TO %I', schema, name, arguments, code_owner);
END
$$;

-- The functions of all places but those whose signature is custom, rogue or inlined.
CREATE FUNCTION rights.make_places(owner name) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    p rights.places;
    writer name;
    careless text := $c$
        DECLARE
            a uuid := gen_random_uuid();
            b timestamptz := now();
            n bigint;
        BEGIN
            INSERT INTO audit_log (what) VALUES (TG_OP);
            SELECT count(*) INTO n FROM codes WHERE c = 'x';
        END;$c$;
BEGIN
    FOR p IN SELECT * FROM rights.places LOOP
        writer := CASE p.code WHEN 'neighbour' THEN 'rights_neighbour' ELSE owner END;
        CASE p.signature
            WHEN 'trigger' THEN
                PERFORM rights.make_code('shop', writer, p.code, '', 'trigger', 'VOLATILE', rights.probe_body(p.place, writer, 'coalesce(NEW, OLD)',
                    CASE p.code WHEN 'careless' THEN careless
                                WHEN 'definer' THEN 'PERFORM shop.helper();'
                                WHEN 'catching' THEN 'BEGIN PERFORM 1 OPERATOR(pg_catalog./) 0; EXCEPTION WHEN division_by_zero THEN '
                                                     'IF pg_catalog.length(pg_catalog.current_setting(''rights.phase'', true)) OPERATOR(pg_catalog.>) 0 THEN '
                                                     || rights.probe_report(p.place, writer, '''''') || ' END IF; END;'
                                ELSE '' END),
                    CASE p.code WHEN 'definer' THEN ' SECURITY DEFINER' ELSE '' END);
            WHEN 'event_trigger' THEN
                EXECUTE format('CREATE FUNCTION shop.%I() RETURNS event_trigger LANGUAGE plpgsql AS %L', p.code,
                               replace(rights.probe_body(p.place, 'postgres', '', 
                               'IF pg_catalog.length(pg_catalog.current_setting(''rights.phase'', true)) OPERATOR(pg_catalog.>) 0 THEN INSERT INTO audit_log (what) VALUES (tg_tag); END IF;'), 'RETURN ;', ''));
            WHEN 'text' THEN
                PERFORM rights.make_code('shop', writer, p.code, 'text', 'boolean', 'IMMUTABLE', rights.probe_body(p.place, writer, 'true'));
            WHEN 'texttext' THEN
                PERFORM rights.make_code('shop', writer, p.code, 'text', 'text', 'IMMUTABLE', rights.probe_body(p.place, writer, '$1'));
            WHEN 'uuid' THEN
                PERFORM rights.make_code('shop', writer, p.code, '', 'uuid', 'VOLATILE', rights.probe_body(p.place, writer, 'NULL'));
            WHEN 'inlined' THEN
                PERFORM rights.make_code('shop', writer, p.code || '_frame', 'text, current_user_there text', 'boolean', 'STABLE',
                    replace(rights.probe_body(p.place, writer, 'true'), 'current_user, session_user', 'current_user_there, session_user'));
                EXECUTE format('CREATE FUNCTION shop.%I(text) RETURNS boolean LANGUAGE sql STABLE AS %L', p.code,
                               format('SELECT shop.%I($1, current_user::text)', p.code || '_frame'));
                EXECUTE format('ALTER FUNCTION shop.%I(text) OWNER TO %I', p.code, owner);
            ELSE NULL;
        END CASE;
    END LOOP;
END
$$;

-- A composite type with custom comparisons.
CREATE FUNCTION rights.make_type(owner name, name text, fields text, first text, equal_place text, compare_place text, equal_sign text) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    pairwise text := format('shop.%I, shop.%1$I', name);
BEGIN
    EXECUTE format('CREATE TYPE shop.%I AS (%s)', name, fields);
    EXECUTE format('ALTER TYPE shop.%I OWNER TO %I', name, owner);
    PERFORM rights.make_code('shop', owner, name || '_equal', pairwise, 'boolean', 'IMMUTABLE',
                             rights.probe_body(equal_place, owner, format('$1.%1$I OPERATOR(pg_catalog.=) $2.%1$I', first), '', false));
    PERFORM rights.make_code('shop', owner, name || '_less', pairwise, 'boolean', 'IMMUTABLE',
                             rights.probe_body(equal_place, owner, format('$1.%1$I OPERATOR(pg_catalog.<) $2.%1$I', first), '', false));
    PERFORM rights.make_code('shop', owner, name || '_compare', pairwise, 'integer', 'IMMUTABLE', rights.probe_body(compare_place, owner,
        format('CASE WHEN $1.%1$I OPERATOR(pg_catalog.<) $2.%1$I THEN -1 WHEN $1.%1$I OPERATOR(pg_catalog.=) $2.%1$I THEN 0 ELSE 1 END', first), '', false));
    EXECUTE format('CREATE OPERATOR shop.%s (LEFTARG = shop.%I, RIGHTARG = shop.%2$I, FUNCTION = shop.%I, COMMUTATOR = OPERATOR(shop.%1$s), RESTRICT = eqsel, JOIN = eqjoinsel, MERGES)',
                   equal_sign, name, name || '_equal');
    EXECUTE format('CREATE OPERATOR shop.<#< (LEFTARG = shop.%I, RIGHTARG = shop.%1$I, FUNCTION = shop.%I)', name, name || '_less');
    EXECUTE format('CREATE OPERATOR CLASS shop.%I DEFAULT FOR TYPE shop.%I USING btree AS OPERATOR 1 shop.<#<, OPERATOR 3 shop.%s, FUNCTION 1 shop.%I(%s)',
                   name || '_ops', name, equal_sign, name || '_compare', pairwise);
END
$$;

CREATE FUNCTION shop.quiet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN coalesce(NEW, OLD); END $$;
SELECT rights.make_code('shop', :'owner', 'helper', '', 'void', 'VOLATILE', replace(rights.probe_body('helper of a definer trigger', :'owner', ''), 'RETURN ;', ''));
SELECT rights.make_places(:'owner');
SELECT rights.make_type(:'owner', 'pair', 'a integer, b integer', 'a', 'operator of an element', 'operator class of an index', '=#=');
SELECT rights.make_type(:'owner', 'span', 'a bigint, b bigint', 'a', 'exclusion constraint', 'exclusion constraint', '=#=');
SELECT rights.make_type(:'owner', 'label', 'a text, b text', 'a', 'operator of the key', 'operator class of the key', '=#=');
CREATE TYPE shop.code AS (part shop.pair);
SELECT rights.make_code('shop', :'owner', 'text_to_code', 'text', 'shop.code', 'IMMUTABLE',
                        rights.probe_body('cast of the key', :'owner', 'ROW(ROW($1::pg_catalog.int4, 0)::shop.pair)::shop.code'));
CREATE CAST (text AS shop.code) WITH FUNCTION shop.text_to_code(text);
SELECT rights.make_code('shop', :'owner', 'text_to_label', 'text', 'shop.label', 'IMMUTABLE',
                        rights.probe_body('cast of the key', :'owner', 'ROW($1, '''')::shop.label'));
CREATE CAST (text AS shop.label) WITH FUNCTION shop.text_to_label(text);
CREATE DOMAIN shop.word AS text CHECK (shop.in_domain(VALUE));
SELECT rights.make_code('shop', :'owner', 'part_compare', 'bigint, bigint', 'integer', 'IMMUTABLE',
                        rights.probe_body('operator class of a partition key', :'owner', 'pg_catalog.btint8cmp($1, $2)', '', false));
CREATE OPERATOR CLASS shop.part_ops FOR TYPE bigint USING btree AS OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=,
    OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>, FUNCTION 1 shop.part_compare(bigint, bigint);

-- The honest table, view and types that unqualified names mean.
CREATE TABLE shop.audit_log (what text);
GRANT INSERT ON shop.audit_log TO PUBLIC;
CREATE VIEW shop.codes AS SELECT 'x'::text AS c;
GRANT SELECT ON shop.codes TO PUBLIC;
ALTER TABLE shop.audit_log OWNER TO :owner;
ALTER VIEW shop.codes OWNER TO :owner;

CREATE FUNCTION rights.decorate(relation regclass, changed name, chosen text[] DEFAULT NULL) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    p rights.places;
BEGIN
    FOR p IN SELECT * FROM rights.places WHERE decorate IS NOT NULL AND (chosen IS NULL OR code = ANY (chosen)) ORDER BY code LOOP
        EXECUTE replace(replace(replace(p.decorate, '{table}', relation::text), '{code}', format('shop.%I()', p.code)), '{changed}', quote_ident(changed));
    END LOOP;
END
$$;

-- The objects that the application's role prepares: the functions, the schema that is first in its path, and objects in
-- pg_temp.
DO $$
DECLARE
    t text;
    writer name := 'rights_app';
BEGIN
    PERFORM rights.make_code('rogue', writer, 'temp_default', '', 'text', 'VOLATILE', rights.probe_body('DEFAULT of a temporary table', writer, '''x'''));
    PERFORM rights.make_code('rogue', writer, 'temp_view', '', 'text', 'VOLATILE', rights.probe_body('temporary view', writer, '''x'''));
    PERFORM rights.make_code('rogue', writer, 'temp_domain', 'pg_catalog.uuid', 'boolean', 'VOLATILE', rights.probe_body('temporary domain', writer, 'true'));
    PERFORM rights.make_code('rogue', writer, 'path_type', 'pg_catalog.timestamptz', 'boolean', 'VOLATILE', rights.probe_body('type first in the path', writer, 'true'));
    PERFORM rights.make_code('rogue', writer, 'now', '', 'pg_catalog.timestamptz', 'VOLATILE', rights.probe_body('function first in the path', writer, 'pg_catalog.now()'));
    PERFORM rights.make_code('rogue', writer, 'lower', 'text', 'text', 'VOLATILE', rights.probe_body('function first in the path', writer, 'pg_catalog.lower($1)'));
    FOREACH t IN ARRAY ARRAY['uuid', 'text', 'int8', 'int4', 'name', 'oid', 'bool'] LOOP
        PERFORM rights.make_code('rogue', writer, 'same', format('pg_catalog.%I, pg_catalog.%1$I', t), 'boolean', 'IMMUTABLE',
                                 rights.probe_body('operator first in the path', writer, '$1 OPERATOR(pg_catalog.=) $2'));
        EXECUTE format('CREATE OPERATOR rogue.= (LEFTARG = pg_catalog.%I, RIGHTARG = pg_catalog.%1$I, FUNCTION = rogue.same)', t);
    END LOOP;
END
$$;
CREATE DOMAIN rogue.timestamptz AS pg_catalog.timestamptz CHECK (rogue.path_type(VALUE));

CREATE FUNCTION rights.hostile() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CREATE TEMPORARY TABLE audit_log (what text, x text DEFAULT rogue.temp_default());
    CREATE TEMPORARY VIEW codes AS SELECT rogue.temp_view() AS c;
    CREATE DOMAIN pg_temp.uuid AS pg_catalog.uuid CHECK (rogue.temp_domain(VALUE));
    GRANT ALL ON audit_log, codes TO PUBLIC;
    GRANT USAGE ON TYPE pg_temp.uuid TO PUBLIC;
END
$$;

-- For each low role: a SECURITY DEFINER function, a materialized view and an index, which a stronger role calls, refreshes and
-- builds.
DO $$
DECLARE
    role name;
    run text := 'BEGIN IF pg_catalog.length(pg_catalog.current_setting(''rights.call'', true)) OPERATOR(pg_catalog.>) 0 THEN '
                'EXECUTE pg_catalog.current_setting(''rights.call''); END IF; RETURN 1; END';
BEGIN
    FOREACH role IN ARRAY ARRAY['rights_app', 'rights_mig', 'rights_operator'] LOOP
        PERFORM rights.make_code('rogue', role, 'definer_of_' || role, '', 'integer', 'VOLATILE', run, ' SECURITY DEFINER');
        PERFORM rights.make_code('rogue', role, 'indexed_by_' || role, 'integer', 'integer', 'IMMUTABLE', run);
        EXECUTE format('CREATE MATERIALIZED VIEW rogue.view_of_%s AS SELECT rogue.indexed_by_%1$s(1) AS n WITH NO DATA', role);
        EXECUTE format('CREATE TABLE rogue.table_of_%s AS SELECT 1 AS n', role);
        EXECUTE format('ALTER MATERIALIZED VIEW rogue.view_of_%s OWNER TO %1$s', role);
        EXECUTE format('ALTER TABLE rogue.table_of_%s OWNER TO %1$s', role);
    END LOOP;
END
$$;

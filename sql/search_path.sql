-- The names in the extension's functions mean what they meant when they were written, whatever the search_path and the
-- temporary schema of the caller hold. The path of every function is pg_catalog, pg_temp (catalogue.sql), so a name without
-- a schema is one of pg_catalog; another one would be looked for in pg_temp.
\set VERBOSITY terse
SET client_min_messages = warning;
SET jit = off;

-- The code of our functions as tokens: bodies, and the statements that they build from literals.
CREATE VIEW test.path_functions AS
SELECT p.oid::regprocedure::text COLLATE "C" AS function, n.nspname || '.' || p.proname AS name, p.prosecdef,
       p.proconfig IS NOT NULL OR p.prosqlbody IS NOT NULL AS is_pinned,
       regexp_replace(regexp_replace(p.prosrc, '--[^\n]*', '', 'g'), '''\s*\n\s*''', '', 'g') AS source
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
WHERE n.nspname IN ('bastion', 'bastion_api', 'bastion_internal', 'bastion_test') AND l.lanname <> 'c';
CREATE VIEW test.path_sources AS
SELECT function, 0 AS part, source FROM test.path_functions
UNION ALL
SELECT function, m.part, replace(substr(m.literal[1], 2, length(m.literal[1]) - 2), '''''', '''')
FROM test.path_functions, regexp_matches(source, '''(?:[^'']|'''')*''', 'g') WITH ORDINALITY m (literal, part)
WHERE m.literal[1] ~* '^''\s*(SELECT|INSERT|UPDATE|DELETE|WITH|ALTER|CREATE|DROP|COMMENT|LOCK|GRANT|REVOKE|CALL|TABLE)\M';
CREATE VIEW test.path_tokens AS
SELECT s.function, t.token, lower(t.token) AS word, t.token ~ '^[[:alpha:]_]' AS is_word,
       upper(lag(t.token) OVER w) AS prev, upper(lag(t.token, 2) OVER w) AS prev2, lower(lag(t.token, 4) OVER w) AS prev4,
       lead(t.token) OVER w AS next, lead(t.token, 2) OVER w AS next2, lead(t.token, 3) OVER w AS next3
FROM test.path_sources s,
     regexp_matches(s.source, '''(?:[^'']|'''')*''|"(?:[^"]|"")*"|[[:alpha:]_][[:alnum:]_$]*|::|:=|=>|[0-9.]+|\S', 'g') WITH ORDINALITY m (found, place),
     LATERAL (SELECT m.found[1] AS token) t
WINDOW w AS (PARTITION BY s.function, s.part ORDER BY m.place);

CREATE TABLE test.path_keywords AS SELECT k.word FROM pg_get_keywords() k;
CREATE UNIQUE INDEX ON test.path_keywords (word);

-- Names that are neither of pg_catalog nor written with their schema. Words of the grammar, names of WITH, of columns and of
-- variables stand in the same places.
CREATE VIEW test.path_lint AS
WITH suspects AS MATERIALIZED (
    SELECT t.*, CASE
        WHEN next = '(' AND prev IS DISTINCT FROM '.' AND NOT EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = word)
             AND (NOT EXISTS (SELECT FROM test.path_keywords k WHERE k.word = t.word) OR EXISTS (SELECT FROM test.path_functions f WHERE f.name IN ('bastion.' || t.word, 'bastion_internal.' || t.word)))
             AND NOT (prev IN ('AS', ')', 'OVER', 'ORDINALITY', '%') OR prev ~ '^[[:alpha:]_]' AND prev NOT IN ('PERFORM', 'ELSIF', 'WHILE', 'LOOP', 'ASSERT')
                      AND NOT EXISTS (SELECT FROM test.path_keywords k WHERE k.word = lower(prev)))
        THEN 'function'
        WHEN (prev IN ('FROM', 'JOIN', 'ONLY') OR prev = 'INTO' AND prev2 IN ('INSERT', 'MERGE') OR prev = 'UPDATE' AND prev2 NOT IN ('FOR', 'DO', 'ON', 'KEY'))
             AND (next IN ('.', '(')) IS NOT TRUE AND prev2 IS DISTINCT FROM 'DISTINCT' AND prev4 NOT IN ('extract', 'substring', 'trim', 'overlay') AND word NOT IN ('only', 'lateral')
             AND NOT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relname = word)
        THEN 'relation'
        WHEN prev = ',' AND next ~ '^[[:alpha:]_]' AND next2 IN (',', 'WHERE', 'JOIN', 'ON', ')', 'LEFT', 'CROSS', ';') AND next NOT IN ('AND', 'OR', 'IS')
             AND NOT EXISTS (SELECT FROM test.path_keywords k WHERE k.word = lower(next)) AND to_regtype(next) IS NULL
             AND NOT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relname = word)
        THEN 'relation'
        WHEN next IS DISTINCT FROM '.' AND (prev = '::' OR prev2 IN (';', 'DECLARE') AND next IN (';', ':=', '[') AND prev ~ '^[[:alpha:]_]' AND prev NOT IN ('BEGIN', 'IF', 'ELSIF', 'THEN', 'ELSE', 'LOOP', 'RETURN', 'NULL', 'END', 'EXIT', 'COMMIT', 'PERFORM', 'EXECUTE', 'RAISE'))
             AND NOT EXISTS (SELECT FROM pg_type y WHERE y.typnamespace = 'pg_catalog'::regnamespace AND y.typname = word)
             AND word NOT IN ('bigint', 'boolean', 'integer', 'smallint', 'character', 'double', 'decimal', 'real', 'timestamp', 'time', 'bit')
        THEN 'type' END AS kind
    FROM test.path_tokens t WHERE is_word)
SELECT DISTINCT 'name without its schema: ' || s.kind AS problem, s.function AS object, s.token AS detail
FROM suspects s JOIN test.path_functions f ON f.function = s.function
WHERE s.kind IS NOT NULL
  AND NOT (s.kind <> 'type' AND f.source ~* ('\m' || s.word || '\s*(\([^()]*\)\s*)?\mAS\s+((NOT\s+)?MATERIALIZED\s+)?\('))
  -- a transition table comes before those of every schema
  AND NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgfoid::regprocedure::text = s.function::text AND s.word IN (g.tgoldtable, g.tgnewtable))
UNION ALL
-- Where the path is the caller's, everything that is not syntax has its schema.
SELECT DISTINCT 'name without its schema and without a path', t.function, t.token FROM test.path_tokens t JOIN test.path_functions f USING (function)
WHERE NOT f.is_pinned AND (
    token ~ '^[-+*/<>=~!@#%^&|`?]+$' AND prev <> '.' AND NOT (token = '*' AND prev = 'SELECT')
    OR is_word AND prev IS DISTINCT FROM '.' AND next IS DISTINCT FROM '.' AND word NOT IN ('operator', 'values', 'exists', 'in')
       AND (next = '(' OR prev = '::' OR prev2 IN (';', 'DECLARE') AND next IN (';', ':=')
            AND prev ~ '^[[:alpha:]_]' AND prev NOT IN ('BEGIN', 'IF', 'ELSIF', 'THEN', 'ELSE', 'LOOP', 'END', 'RETURN'))
       AND word NOT IN ('bigint', 'boolean', 'integer', 'smallint', 'character', 'double', 'decimal', 'real', 'timestamp', 'time', 'bit'))
UNION ALL
-- What stored expressions and signatures name, by its oid.
SELECT 'dependency on what is neither of pg_catalog nor the extension''s', pg_describe_object(d.classid, d.objid, d.objsubid),
       pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
FROM pg_depend d,
     LATERAL (SELECT coalesce(
         (SELECT p.pronamespace FROM pg_proc p WHERE d.classid = 'pg_proc'::regclass AND p.oid = d.objid),
         (SELECT c.relnamespace FROM pg_class c WHERE d.classid = 'pg_class'::regclass AND c.oid = d.objid),
         (SELECT c.relnamespace FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid),
         (SELECT c.relnamespace FROM pg_policy r JOIN pg_class c ON c.oid = r.polrelid WHERE d.classid = 'pg_policy'::regclass AND r.oid = d.objid),
         (SELECT c.relnamespace FROM pg_attrdef r JOIN pg_class c ON c.oid = r.adrelid WHERE d.classid = 'pg_attrdef'::regclass AND r.oid = d.objid),
         (SELECT c.connamespace FROM pg_constraint c WHERE d.classid = 'pg_constraint'::regclass AND c.oid = d.objid),
         (SELECT c.relnamespace FROM pg_trigger r JOIN pg_class c ON c.oid = r.tgrelid WHERE d.classid = 'pg_trigger'::regclass AND r.oid = d.objid),
         (SELECT t.typnamespace FROM pg_type t WHERE d.classid = 'pg_type'::regclass AND t.oid = d.objid)) AS oid) place,
     LATERAL (SELECT coalesce(
         (SELECT p.pronamespace FROM pg_proc p WHERE d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid),
         (SELECT c.relnamespace FROM pg_class c WHERE d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid),
         (SELECT o.oprnamespace FROM pg_operator o WHERE d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid),
         (SELECT t.typnamespace FROM pg_type t WHERE d.refclassid = 'pg_type'::regclass AND t.oid = d.refobjid)) AS oid) named
WHERE place.oid IN ('bastion'::regnamespace, 'bastion_api'::regnamespace, 'bastion_internal'::regnamespace, 'bastion_test'::regnamespace)
  AND named.oid NOT IN ('bastion'::regnamespace, 'bastion_api'::regnamespace, 'bastion_internal'::regnamespace, 'bastion_test'::regnamespace, 'pg_catalog'::regnamespace);
SELECT * FROM test.path_lint ORDER BY problem COLLATE "C", object COLLATE "C", detail COLLATE "C";

-- each rule bites
BEGIN;
SET LOCAL check_function_bodies = off;
CREATE FUNCTION test.path_elsewhere(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION bastion.planted() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_value sealed;
BEGIN
    PERFORM user_id() FROM users u, units t WHERE u.id = 'x'::label;
    WITH fine AS (SELECT 1 AS n), other (n) AS MATERIALIZED (SELECT 2) UPDATE memberships SET role_id = now() FROM fine, other o (m) WHERE n = extract(day FROM n);
    INSERT INTO events (kind) SELECT substr(kind, 1) FROM bastion.events e (kind) WHERE e.kind IS DISTINCT FROM kind;
    EXECUTE format('SELECT has_permission(%L) FROM '
                   'secrets', 'text of a message (share)');
END
$$;
CREATE PROCEDURE bastion.planted_procedure() LANGUAGE plpgsql AS $$
DECLARE
    value text := 'x'::name;
BEGIN
    value := lower(value || 'x');
    PERFORM 1 FROM bastion.protection p WHERE p.relation OPERATOR(pg_catalog.=) 0;
END
$$;
CREATE VIEW bastion.planted_view AS SELECT test.path_elsewhere('x');
ALTER TABLE bastion.vault ADD CONSTRAINT planted CHECK (test.path_elsewhere('x') = 'x');
SELECT * FROM test.path_lint ORDER BY problem COLLATE "C", object COLLATE "C", detail COLLATE "C";
ROLLBACK;

-- Statements that are built at run time may name tables and types of others. These functions, which have rights of their own,
-- run one or call what does. A new one here needs the reason why no code of others comes to run with those rights.
CREATE VIEW test.path_dynamic AS
WITH RECURSIVE code AS MATERIALIZED (
    SELECT function, name, prosecdef, regexp_replace(source, '''(?:[^'']|'''')*''', '''''', 'g') AS source FROM test.path_functions
), calls AS MATERIALIZED (
    SELECT DISTINCT c.function, m[1] AS callee FROM code c, regexp_matches(c.source, '\m(bastion(?:_api|_internal)?\.[a-z_0-9]+)\s*\(', 'g') m
), reached AS (
    SELECT c.function AS definer, c.function, c.name FROM code c WHERE c.prosecdef
    UNION
    SELECT r.definer, k.function, k.name FROM reached r JOIN calls ON calls.function = r.function JOIN code k ON k.name = calls.callee
)
SELECT r.definer, r.name AS builder FROM reached r JOIN code k ON k.function = r.function
WHERE k.source ~ '\mEXECUTE\M' OR EXISTS (SELECT FROM calls WHERE calls.function = r.function AND calls.callee = 'bastion_internal.as_table_owner');
SELECT * FROM test.path_dynamic ORDER BY definer COLLATE "C", builder COLLATE "C";
BEGIN;
CREATE FUNCTION bastion.planted() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN PERFORM bastion.planted_cast('x', 'y'); END $$;
CREATE FUNCTION bastion.planted_cast(value text, type text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('SELECT %L::%s', value, type); END $$;
SELECT * FROM test.path_dynamic WHERE definer ~ 'planted';
ROLLBACK;

-- Two schemas, first in the path, that hold everything that our functions name: the temporary one the types and relations, another
-- one the functions and operators, which are never looked for in the temporary one. Using any of it raises.
CREATE SCHEMA path_trap AUTHORIZATION regress_app;
GRANT USAGE ON SCHEMA path_trap TO PUBLIC;
-- test.error(), whose operators would be the trap's
CREATE FUNCTION test.path_error(statement text) RETURNS text LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    RETURN pg_catalog.concat_ws(' ', SQLSTATE, SQLERRM);
END
$$;
CREATE FUNCTION test.captured(what text) RETURNS boolean LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RAISE EXCEPTION 'captured by % as %', what, current_user USING ERRCODE = 'ZZ001'; END $$;
CREATE TABLE test.path_names AS
SELECT DISTINCT 'type' AS kind, t.typname::text AS name FROM test.path_tokens k JOIN pg_type t ON t.typname = k.word AND t.typnamespace = 'pg_catalog'::regnamespace
WHERE k.is_word AND t.typtype = 'b' AND (k.prev = '::' OR k.prev2 IN (';', 'DECLARE'))
UNION
SELECT 'view', c.relname FROM test.path_tokens k JOIN pg_class c ON c.relname = k.word AND c.relnamespace = 'pg_catalog'::regnamespace
WHERE k.is_word AND c.relkind IN ('r', 'v') AND c.relname <> 'pg_attribute'
UNION
SELECT 'table', c.relname FROM pg_class c WHERE c.relnamespace = 'bastion'::regnamespace AND c.relkind IN ('r', 'v')
UNION
SELECT 'function', p.oid::regprocedure::text FROM test.path_tokens k JOIN pg_proc p ON p.proname = k.word AND p.pronamespace = 'pg_catalog'::regnamespace
WHERE k.is_word AND k.next = '(' AND p.prokind = 'f' AND NOT p.proretset
  AND NOT EXISTS (SELECT FROM pg_type t WHERE t.typtype = 'p' AND (t.oid = p.prorettype OR t.oid = ANY (p.proargtypes)))
UNION
SELECT 'operator', o.oid::regoperator::text FROM pg_operator o
WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND (o.oprleft, o.oprright) IN (
    SELECT t, u FROM unnest('{text,name,uuid,int4,int8,jsonb,oid,timestamptz}'::regtype[]) t, unnest('{text,name,uuid,int4,int8,jsonb,oid,timestamptz}'::regtype[]) u);
GRANT SELECT ON test.path_names TO PUBLIC;
CREATE FUNCTION test.lie_in_wait() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    trap record;
    p pg_proc;
    o pg_operator;
BEGIN
    FOR trap IN SELECT n.kind, n.name, quote_literal(n.kind || ' ' || n.name) AS what FROM test.path_names n ORDER BY n.kind, n.name LOOP
        CASE trap.kind
            WHEN 'type' THEN EXECUTE format('CREATE DOMAIN pg_temp.%I AS pg_catalog.%1$I CHECK (test.captured(%s))', trap.name, trap.what);
            WHEN 'view' THEN EXECUTE format('CREATE TEMP VIEW %I AS SELECT * FROM pg_catalog.%1$I WHERE test.captured(%s)', trap.name, trap.what);
            WHEN 'table' THEN
                EXECUTE format('CREATE TEMP TABLE %I (id integer DEFAULT CASE WHEN test.captured(%s) THEN 1 END)', trap.name, trap.what);
                EXECUTE format('GRANT ALL ON pg_temp.%I TO PUBLIC', trap.name);
            WHEN 'function' THEN
                SELECT * INTO p FROM pg_proc f WHERE f.oid = trap.name::regprocedure;
                EXECUTE format('CREATE FUNCTION path_trap.%I(%s) RETURNS %s LANGUAGE sql AS %L', p.proname, oidvectortypes(p.proargtypes),
                               p.prorettype::regtype, format('SELECT NULL::%s WHERE test.captured(%s)', p.prorettype::regtype, trap.what));
            WHEN 'operator' THEN
                SELECT * INTO o FROM pg_operator f WHERE f.oid = trap.name::regoperator;
                EXECUTE format('CREATE FUNCTION path_trap.operator_%s(%s, %s) RETURNS %s LANGUAGE sql AS %L', o.oid, o.oprleft::regtype, o.oprright::regtype,
                               o.oprresult::regtype, format('SELECT NULL::%s WHERE test.captured(%s)', o.oprresult::regtype, trap.what));
                EXECUTE format('CREATE OPERATOR path_trap.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = path_trap.operator_%s)', o.oprname, o.oprleft::regtype,
                               o.oprright::regtype, o.oid);
        END CASE;
    END LOOP;
END
$$;
SELECT kind, count(*) > CASE kind WHEN 'function' THEN 100 WHEN 'operator' THEN 50 ELSE 10 END AS many FROM test.path_names GROUP BY kind ORDER BY kind;

-- A tenant with everything in it, and tables that are protected in each way.
SELECT a ->> 'access_token' AS ann, a #>> '{user,id}' AS ann_id FROM bastion_api.signup('ann@path.example', 'correct horse', 'Path', username => 'ann.path') a \gset
SELECT a #>> '{user,id}' AS ben_id FROM bastion_api.signup('ben@path.example', 'correct horse', 'Path of Ben') a \gset
CREATE TABLE public.path_docs (id bigint PRIMARY KEY, tenant_id uuid, owner_id uuid, title text, sealed_title bastion.sealed);
CREATE TABLE public.path_plain (id bigint PRIMARY KEY, tenant_id bigint, title text UNIQUE);
GRANT SELECT, INSERT, UPDATE, DELETE ON public.path_docs, public.path_plain TO regress_app;
SELECT count(*) > 0 AS protected FROM bastion.protect('public.path_docs', owner_column => 'owner_id', sharing => 'cross_tenant', visibility => 'owner');
SELECT bastion.meter_set('path_rows', 'gauge'), bastion.meter_set('path_uses'), bastion.meter_set('units', 'gauge'), bastion.plan_limit_set('path_rows', 'tenant', 'total', 10, soft_amount => 1), bastion.plan_limit_set('path_uses', 'tenant', 'total', 10, soft_amount => 1, stripes => 2), bastion.plan_limit_set('units', 'tenant', 'total', 100, soft_amount => 1);
SELECT bastion.rate_limit_set('path_limit', 'user', 5, concurrent => 5), bastion.rate_limit_set('path_gone', 'user', 5), bastion.rate_limit_remove('path_gone');
SELECT bastion.meter_set('path_meter', 'cost', 2), bastion.plan_limit_set('path_meter', 'tenant', 'month', 1000, soft_amount => 1), bastion.plan_limit_set('path_meter', 'account', 'day', 1000), bastion.limit_override_set('path_meter', 'week', 10, tenant => 'path', for_user => 'ann.path'), bastion.plan_limit_remove('path_meter', 'user', 'day'),
       bastion.limit_override_remove('path_meter', 'day', 'path'), bastion.quota_calendar_set('path', time_zone => 'Europe/Vienna'), bastion.meter_remove('path_gone');
SELECT bastion.resource_register('path.purpose', '{open}'), bastion.resource_register('path.keys', '{sign,verify,mac,wrap,unwrap}');
SELECT bastion.sealed_column_add('public.path_docs', 'sealed_title', 'id::pg_catalog.text');

SET track_functions = 'all';
SELECT bastion.relying_party_set('app.example', 'App', '{https://app.example}');
SET ROLE regress_app;
SELECT test.lie_in_wait();
-- the traps work
SET search_path = path_trap, pg_temp, pg_catalog;
SELECT test.path_error($$SELECT 'x'::text$$), test.path_error('SELECT count(*) FROM pg_class'), test.path_error('INSERT INTO users DEFAULT VALUES'),
       test.path_error($$SELECT lower('X')$$), test.path_error('SELECT 1 = 1'), test.path_error($$SELECT '{"a": 1}'::pg_catalog.jsonb -> 'a'$$),
       test.path_error($$SELECT bastion.user_id() = bastion.user_id()$$);
-- every kind of function, as an application
BEGIN;
SELECT bastion.authenticate(:'ann', 'path') IS NOT NULL AS ann;
INSERT INTO public.path_docs (id, title, sealed_title) VALUES (1, 'one', bastion.seal('one', 'path.purpose', '1')), (2, 'two', NULL);
INSERT INTO public.path_docs AS d (id) VALUES (2) ON CONFLICT (id) DO UPDATE SET title = 'again' WHERE d.title OPERATOR(pg_catalog.=) 'two';
INSERT INTO public.path_docs (id, acl_id) VALUES (3, NULL) RETURNING acl_id IS NOT NULL AS filled;
SELECT id, title FROM public.path_docs ORDER BY id;
SELECT bastion.whoami() OPERATOR(pg_catalog.->>) 'state', bastion_api.me() OPERATOR(pg_catalog.#>>) '{user,email}', bastion_api.schema() OPERATOR(pg_catalog.?) 'login', bastion.has_permission('path_docs.read'), bastion.claims() OPERATOR(pg_catalog.->>) 'iss';
SELECT bastion.role_create('path role', 'text') IS NOT NULL, bastion.role_permission_add('path role', 'path_docs.*'), bastion.role_parent_add('path role', 'viewer'),
       bastion.role_parent_remove('path role', 'viewer'), bastion.role_permission_remove('path role', 'path_docs.*');
SELECT bastion.unit_create('team', 'Path unit', 'path-unit') IS NOT NULL AS made, bastion.unit_create('team', 'Other', 'path-other', 'path-unit') IS NOT NULL AS made_below,
       bastion.unit_move('path-other', NULL), bastion.unit_delete('path-other');
SELECT test.path_error(pg_catalog.format('SELECT bastion.membership_set(%L, ''path role'', ''path-unit'')', :'ann_id')), bastion.permission_grant(:'ann_id', 'path_docs.read', 'path-unit'),
       bastion.permission_remove(:'ann_id', 'path_docs.read', 'path-unit'), bastion.membership_remove(:'ann_id', 'path-unit');
SELECT bastion.share('public.path_docs', '1', with_user => :'ben_id', level => 'write'), bastion.unshare('public.path_docs', '2', with_user => :'ben_id');
SELECT count(*) OPERATOR(pg_catalog.>=) 0 AS plan_notes FROM bastion.plan_notes();
SELECT count(*) FROM bastion.shares_of('public.path_docs', '1');
SELECT count(*) OPERATOR(pg_catalog.>) 0 AS steps FROM bastion.explain_member_access(:'ann_id', 'path_docs.update', 'public.path_docs', '1');
SELECT (SELECT count(*) OPERATOR(pg_catalog.>) 10 FROM bastion.permission_matrix_text()) AS matrix, (SELECT count(*) OPERATOR(pg_catalog.>) 1 FROM bastion.explain_member_access_text(:'ann_id', 'path_docs.read')) AS explained;
SELECT bastion.setting_put('path.a', '1', category => 'path', reason => 'test'), bastion.setting_put('path.a', '2', expected_version => 1), bastion.setting_rollback('path.a', 1), bastion.setting_update('path.a', validator => '{"type": ["integer", "object"], "minimum": 0, "properties": {"a": {"pattern": "^a"}}}', metadata => '{"a": 1}');
SELECT bastion.setting_text('path.a'), bastion.setting_integer('path.a'), bastion.setting_numeric('path.a'), bastion.setting_boolean('path.b', true), bastion.setting_json('path.a'), bastion.setting_seal('path.sealed', 'value'), bastion.setting_open('path.sealed');
SELECT bastion.setting_version_delete('path.a'), bastion.setting_version_undelete('path.a'), bastion.setting_version_destroy('path.a', '{1}'), bastion.setting_request('path.a', 'put', '{"value": 3}') AS request \gset path_
SELECT (SELECT count(*) OPERATOR(pg_catalog.>) 1 FROM bastion.setting_list('path')) IS NOT NULL AS listed, (SELECT count(*) FROM bastion.setting_version_list('path.a')) AS versions, (SELECT count(*) OPERATOR(pg_catalog.>) 5 FROM bastion.setting_history('path.a')) AS history,
       (SELECT count(*) FROM bastion.setting_request_list()) AS requests, bastion.setting_import(bastion.setting_export()) AS imported;
SELECT bastion.setting_reject(:'path_request'), bastion.setting_delete('path.sealed');
SELECT bastion.secret_put('path secret', 'value', tags => '{a,b}'), bastion.secret_get('path secret', 'test'), bastion.secret_update('path secret', tags => '{c}');
SELECT name, tags FROM bastion.secret_list();
SELECT id AS secret_id FROM bastion.secret_list() WHERE name OPERATOR(pg_catalog.=) 'path secret' \gset
SELECT bastion.secret_get(:'secret_id'::pg_catalog.uuid), bastion.secret_get_bytea('path secret'), bastion.secret_get_bytea(:'secret_id'::pg_catalog.uuid);
SELECT bastion.secret_put('path bytes', 'x'::pg_catalog.bytea), bastion.secret_put('path json', '{"a": 1}'::pg_catalog.jsonb), bastion.secret_get_jsonb('path json');
SELECT bastion.secret_get_jsonb(id) FROM bastion.secrets WHERE name OPERATOR(pg_catalog.=) 'path json';
SELECT bastion.secret_version_delete('path secret'), bastion.secret_version_undelete('path secret'), bastion.secret_rename('path json', 'path renamed');
SELECT bastion.secret_version_destroy('path renamed', 1);
SELECT version, format, destroyed_at IS NOT NULL AS destroyed FROM bastion.secret_version_list('path renamed');
SELECT name, value FROM bastion.opened_secrets WHERE name OPERATOR(pg_catalog.=) 'path secret';
SELECT bastion.secret_delete('path secret'), bastion.secret_delete('path renamed');
SELECT bastion.secret_delete(id) FROM bastion.secrets WHERE name OPERATOR(pg_catalog.=) 'path bytes';
SELECT bastion.flag_set('path flag', '{"variants": {"on": true, "off": false}, "defaultVariant": "off"}'), bastion.flag_rollout('path flag', 'on', 100, '{}', '{owner}'), bastion.flag_boolean('path flag', NULL) AS flag, bastion.flag_disable('path flag'),
       bastion.flag_rollback('path flag', 1), bastion.flag_set('path flag', '{"variants": {"on": true}}', effective_at => 'tomorrow'), bastion.flag_cancel('path flag', 5), bastion.flag_evaluate('path flag') OPERATOR(pg_catalog.->>) 'reason' AS reason;
SELECT (SELECT pg_catalog.count(*) FROM bastion.flag_history('path flag')) AS versions, (SELECT pg_catalog.count(*) FROM bastion.flag_list() WHERE of_tenant) AS flags, (SELECT pg_catalog.count(*) FROM bastion.flag_import('{"flags": {"path two": {"variants": {"a": "x"}, "defaultVariant": "a"}}}')) AS imported,
       bastion.flag_text('path two', ''), bastion.flag_numeric('path two', 1), bastion.flag_json('path two', '[]'), pg_catalog.jsonb_typeof(bastion.flag_export()), bastion.flag_delete('path two');
SELECT bastion.key_create('path pen', 'EdDSA', 'path.keys', exportable => true), bastion.key_create('path mac', 'HS256', 'path.keys'), bastion.key_create('path box', 'XAES-256-GCM', 'path.keys', '1 day'),
       bastion.key_create('path transport', 'RSA-OAEP-256');
SELECT bastion.key_verify('path pen', 'x', bastion.key_sign('path pen', 'x')), bastion.key_mac_verify('path mac', 'x', bastion.key_mac('path mac', 'x')), pg_catalog.octet_length(bastion.random_bytes(8)),
       (SELECT pg_catalog.octet_length(bastion.wrapped_key_open('path box', w.wrapped)) FROM bastion.wrapped_key_create('path box') w) AS data_key;
SELECT bastion.key_import('path copy', 'EdDSA', bastion.key_export('path pen', p.pem), 'path transport', 'path.keys') FROM bastion.key_public('path transport') p;
SELECT bastion.key_rotate('path pen'), bastion.key_update('path copy', deletable => true), bastion.key_delete('path copy');
SELECT name, version FROM bastion.key_list();
SELECT bastion.open_text(sealed_title, '1'), pg_catalog.length(bastion.blind_index('one', 'path.purpose')) FROM public.path_docs WHERE id OPERATOR(pg_catalog.=) 1;
SELECT k OPERATOR(pg_catalog.->>) 'key' AS key, k OPERATOR(pg_catalog.->>) 'id' AS key_id FROM bastion_api.api_key_create('path key', '{path_docs.read}', cidrs => '{10.0.0.0/8}') k \gset
SELECT bastion_api.totp_add() OPERATOR(pg_catalog.->>) 'factor' AS factor \gset
SELECT bastion_api.totp_confirm(:'factor', 'x') OPERATOR(pg_catalog.->>) 'error', pg_catalog.jsonb_array_length(bastion_api.factors() OPERATOR(pg_catalog.->) 'factors'), bastion_api.factor_rename(:'factor', 'Phone') OPERATOR(pg_catalog.->>) 'name',
       bastion_api.step_up(:'factor', '{}') OPERATOR(pg_catalog.->>) 'error', bastion_api.step_up(NULL, '{}') OPERATOR(pg_catalog.->>) 'error', bastion_api.recovery_codes_renew() OPERATOR(pg_catalog.->>) 'error', bastion_api.factor_remove(:'factor') OPERATOR(pg_catalog.?) 'removed';
SELECT bastion.audit_log('path.seen', 'path', '1', true, '{"a": 1}'), (SELECT pg_catalog.count(*) FROM bastion.audit_history('public.path_plain', '{}')) AS changes, (SELECT pg_catalog.count(*) FROM bastion.audit_as_of('public.path_plain', pg_catalog.now())) AS were, (SELECT pg_catalog.count(*) FROM bastion.audit_picture('public.path_plain', '{}')) AS lines,
       (SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 FROM bastion.audit_json_lines()) AS json, (SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 FROM bastion.audit_csv_lines()) AS csv, (SELECT pg_catalog.count(*) FROM bastion.audit WHERE op OPERATOR(pg_catalog.=) 'path.seen') AS actions;
SELECT bastion_api.passkey_add('app.example') OPERATOR(pg_catalog.?) 'challenge', bastion_api.passkey_options('app.example') OPERATOR(pg_catalog.?) 'challenge', bastion_api.passkey_confirm('x', '{}') OPERATOR(pg_catalog.->>) 'error',
       bastion_api.passkey_login_options() OPERATOR(pg_catalog.?) 'challenge', bastion_api.passkey_login('x', '{}') OPERATOR(pg_catalog.->>) 'error';
SELECT bastion_api.id_token_options('x') OPERATOR(pg_catalog.->>) 'error', bastion_api.login_id_token('x', 'x') OPERATOR(pg_catalog.->>) 'error', bastion_api.identity_link('x') OPERATOR(pg_catalog.->>) 'error', bastion_api.identity_links() OPERATOR(pg_catalog.?) 'identities', bastion_api.identity_unlink('x', 'x') OPERATOR(pg_catalog.->>) 'error';
SELECT bastion_api.api_key_rotate(:'key_id') OPERATOR(pg_catalog.?) 'key', pg_catalog.jsonb_array_length(bastion_api.api_keys() OPERATOR(pg_catalog.->) 'api_keys'), bastion_api.api_key_disable(:'key_id'), bastion_api.api_key_revoke(:'key_id');
SELECT d OPERATOR(pg_catalog.->>) 'delegation' AS delegation FROM bastion_api.delegate(bastion.user_id()::pg_catalog.text, '{path_docs.read}', 'default') d \gset
SELECT pg_catalog.cardinality(bastion.actors()), bastion.delegation_id(), pg_catalog.jsonb_array_length(bastion_api.delegations() OPERATOR(pg_catalog.->) 'given'), bastion_api.delegation_revoke(:'delegation');
SELECT bastion.invite('cat@path.example', 'member') OPERATOR(pg_catalog.->>) 'token' AS invitation \gset
SELECT pg_catalog.jsonb_array_length(bastion_api.invitations() OPERATOR(pg_catalog.->) 'invitations'), bastion_api.invitation_accept('x') OPERATOR(pg_catalog.->>) 'error', bastion.session_settings_set(idle_limit => '1 day'), bastion.require_permission('tenant.update'), bastion.rate_limit_require('path_limit'), bastion.rate_limit_state('path_limit') OPERATOR(pg_catalog.->) 'limit', bastion.concurrency_limit('path_limit'), bastion.quota_consume('path_meter', 2, 'k') OPERATOR(pg_catalog.->) 'granted', bastion.quota_require('path_meter'), bastion.quota_consume_many('{"path_meter": 1}') OPERATOR(pg_catalog.->) 'granted',
       bastion.quota_reserve('{"path_meter": 1}', 'r') OPERATOR(pg_catalog.->) 'granted', bastion.quota_settle('r') OPERATOR(pg_catalog.->) 'state', bastion.quota_reserve('{"path_meter": 1}', 's') OPERATOR(pg_catalog.->) 'granted', bastion.quota_cancel('s') OPERATOR(pg_catalog.->) 'state', (SELECT pg_catalog.count(*) FROM bastion.quota_usage()), bastion.step_up_rule_set('path.nothing', 'aal1', '1 day'), bastion.step_up_rule_remove('path.other'),
       pg_catalog.jsonb_array_length(bastion_api.sessions() OPERATOR(pg_catalog.->) 'sessions'), bastion_api.logout('others') OPERATOR(pg_catalog.->>) 'ended', bastion.sessions_revoke(:'ben_id');
COMMIT;
SELECT bastion_api.signup_invited(:'invitation', 'correct horse', 'Cat', 'cat.path') OPERATOR(pg_catalog.->>) 'token_type';
SELECT a OPERATOR(pg_catalog.->>) 'refresh_token' AS refresh FROM bastion_api.login('ann.path', 'correct horse', 'path') a \gset
SELECT bastion_api.login('ann@path.example', 'wrong') OPERATOR(pg_catalog.->>) 'error', bastion_api.refresh(:'refresh') OPERATOR(pg_catalog.->>) 'token_type', bastion_api.token_revoke(:'refresh'), pg_catalog.jsonb_typeof(bastion.jwks());
SELECT bastion_api.signup('dan@path.example', 'correct horse', 'Path of Dan') OPERATOR(pg_catalog.->>) 'access_token' AS dan \gset
SELECT bastion_api.token_revoke(:'dan'), bastion.password_verify('correct horse', bastion.password_hash('correct horse', 'bcrypt', '{"cost": 4}')),
       bastion.jwt_verify(bastion.jwt_sign('{"sub": "x"}', k), k, '{"allow_missing_exp": true}') OPERATOR(pg_catalog.->>) 'sub', bastion.jws_verify(bastion.jwt_sign('{"sub": "x"}', k), k) IS NOT NULL,
       pg_catalog.length(bastion.jwk_thumbprint(bastion.jwk_public(bastion.jwk_generate('EdDSA'))))
FROM bastion.jwk_generate('HS256', 'k') k;
SELECT bastion.password_needs_rehash('x');
-- what an application calls less often
SELECT bastion_api.login('ben@path.example', 'correct horse') OPERATOR(pg_catalog.->>) 'access_token' AS ben \gset
BEGIN;
SELECT bastion.authenticate(:'ann', 'path') IS NOT NULL AS ann;
SELECT bastion.own_acl() IS NOT NULL, bastion.acl_in_tenant('path_docs.read', bastion.own_acl(), bastion.tenant_id()::pg_catalog.text), bastion.can_in_tenant('path_docs.read', bastion.tenant_id()),
       bastion.tenant_number() IS NOT NULL, bastion.tenant_number_if_allowed('path_docs.read') IS NOT NULL, bastion.cache_stats() IS NOT NULL;
SELECT bastion.acl_set(p) IS NOT NULL, bastion.acl_set_anywhere(p) IS NOT NULL, bastion.tenant_set(p) IS NOT NULL FROM (VALUES ('path_docs.read'), ('path_docs.update')) v (p);
SELECT bastion.acl_set('path_docs.read') IS NOT NULL, bastion.acl_set_anywhere('path_docs.read') IS NOT NULL, bastion.tenant_set('path_docs.read') IS NOT NULL;
SELECT bastion.open_bytea(v, '1'), bastion.is_sealed(v::pg_catalog.bytea), bastion.sealed(v::pg_catalog.bytea) IS NOT NULL, bastion.rewrap(v, '1') IS NOT NULL,
       v::pg_catalog.text::bastion.sealed IS NOT NULL, bastion.blind_index('\x01'::pg_catalog.bytea, 'path.purpose') IS NOT NULL
FROM bastion.seal('\x01'::pg_catalog.bytea, 'path.purpose', '1') v;
SELECT bastion.role_create('path gone') IS NOT NULL, bastion.role_delete('path gone'), bastion.session_revoke(pg_catalog.gen_random_uuid()), bastion.invitation_revoke(pg_catalog.gen_random_uuid());
SELECT bastion.membership_add(:'ben_id'::pg_catalog.uuid, 'viewer') OPERATOR(pg_catalog.->>) 'invitation' AS invited \gset
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ben') IS NOT NULL AS ben;
SELECT pg_catalog.jsonb_array_length(bastion_api.my_invitations() OPERATOR(pg_catalog.->) 'invitations'), bastion_api.invitation_decline(:'invited') OPERATOR(pg_catalog.?) 'error', bastion.context_drop();
ROLLBACK;
BEGIN;
SELECT bastion.authenticate(:'ben') IS NOT NULL AS ben;
SELECT bastion_api.invitation_accept(id => :'invited') OPERATOR(pg_catalog.?) 'error';
COMMIT;
SELECT bastion_api.login_tenant(bastion_api.login('ben@path.example', 'correct horse') OPERATOR(pg_catalog.->>) 'challenge', 'path') OPERATOR(pg_catalog.->>) 'token_type';
SELECT bastion_api.login_mfa('x', NULL, '{}') OPERATOR(pg_catalog.->>) 'error';
SELECT bastion_api.token('password', 'ben@path.example', 'correct horse', scope => 'tenant:path') OPERATOR(pg_catalog.->>) 'refresh_token' AS refresh \gset
SELECT bastion_api.tenant_switch(:'refresh', 'path') OPERATOR(pg_catalog.->>) 'access_token' AS ben \gset
BEGIN;
SELECT bastion.authenticate(:'ben') IS NOT NULL AS ben;
SELECT bastion_api.profile_update('{"display_name": "Ben"}') OPERATOR(pg_catalog.?) 'user', bastion_api.session_rename(bastion.session_id(), 'a device') OPERATOR(pg_catalog.?) 'changed', bastion_api.devices() OPERATOR(pg_catalog.?) 'devices', bastion_api.device_rename(pg_catalog.gen_random_uuid(), 'a device') OPERATOR(pg_catalog.?) 'changed', bastion_api.device_revoke(pg_catalog.gen_random_uuid()) OPERATOR(pg_catalog.?) 'revoked', bastion_api.session_revoke(pg_catalog.gen_random_uuid()) OPERATOR(pg_catalog.?) 'revoked',
       bastion_api.password_change('correct horse', 'correct horse') OPERATOR(pg_catalog.?) 'ended', bastion_api.tenant_create('Path of nobody') OPERATOR(pg_catalog.?) 'tenant', pg_catalog.jsonb_array_length(bastion_api.tenants() OPERATOR(pg_catalog.->) 'tenants'),
       bastion_api.tenant_leave() OPERATOR(pg_catalog.?) 'left';
ROLLBACK;
BEGIN;
SELECT bastion.authenticate(:'ann', 'path') IS NOT NULL AS ann;
SELECT bastion_api.tenant_rename('Path') OPERATOR(pg_catalog.?) 'tenant', bastion_api.tenant_settings() OPERATOR(pg_catalog.?) 'settings', bastion_api.step_up_rules() OPERATOR(pg_catalog.?) 'rules' AS rules, bastion_api.tenant_settings_set('{"idle_limit": 3600}') OPERATOR(pg_catalog.?) 'settings',
       bastion_api.member_set(:'ben_id', 'viewer') OPERATOR(pg_catalog.?) 'membership', bastion_api.member_add(:'ben_id', 'viewer') OPERATOR(pg_catalog.?) 'membership', pg_catalog.jsonb_array_length(bastion_api.members('@path', max => 3) OPERATOR(pg_catalog.->) 'members'), bastion_api.unit_create('team', 'Lane', 'lane') OPERATOR(pg_catalog.?) 'unit',
       bastion_api.tenant_delete_cancel('path') OPERATOR(pg_catalog.->>) 'error' AS not_deleting, bastion_api.tenant_delete('nowhere') OPERATOR(pg_catalog.->>) 'error' AS other_slug, bastion_api.unit_delete('nowhere') OPERATOR(pg_catalog.->>) 'error' AS no_unit,
       bastion_api.unit_rename('lane', 'Alley') OPERATOR(pg_catalog.?) 'unit', bastion_api.units('alley') OPERATOR(pg_catalog.?) 'units', bastion_api.tenant_transfer(:'ben_id') OPERATOR(pg_catalog.?) 'owner', bastion_api.member_remove(:'ben_id') OPERATOR(pg_catalog.?) 'error';
ROLLBACK;
BEGIN;
SELECT bastion.authenticate(:'ann', 'path') IS NOT NULL AS ann;
SELECT bastion.row_transfer('public.path_docs', '2', :'ben_id');
SELECT bastion.permission_deny(:'ben_id'::pg_catalog.uuid, 'path_docs.delete'), bastion.permission_remove(:'ben_id'::pg_catalog.uuid, 'path_docs.delete');
COMMIT;
-- and as an operator
RESET ROLE;
SET bastion.anonymous_signup = on;
BEGIN;
SELECT bastion_api.signup_anonymous('Path of a guest') OPERATOR(pg_catalog.->>) 'access_token' AS guest \gset
SELECT bastion.authenticate(:'guest') IS NOT NULL AS guest, bastion_api.account_convert(NULL, 'correct horse', 'guest.path') OPERATOR(pg_catalog.->>) 'token_type';
ROLLBACK;
RESET bastion.anonymous_signup;
SELECT count(*) OPERATOR(pg_catalog.>) 0 AS planned FROM bastion.protect('public.path_plain', dry_run => true);
SELECT count(*) OPERATOR(pg_catalog.>) 0 AS protected FROM bastion.protect('public.path_plain', sharing => 'tenant', tenant_fk => true, quota => 'path_rows');
SELECT bastion.quota_recount('path_rows') OPERATOR(pg_catalog.>=) 0 AS counted;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
SELECT bastion_internal.charge_rows('path_uses', 1), bastion_internal.rows_crossed(bastion.tenant_id(), 'path_rows', 'total', 1, 10, NULL);
COMMIT;
SELECT status FROM bastion.protection WHERE relation OPERATOR(pg_catalog.=) 'public.path_docs'::pg_catalog.regclass;
SELECT count(*) OPERATOR(pg_catalog.>) 0 AS keys FROM bastion.composite_keys_create('public.path_plain');
CALL bastion.acl_backfill('public.path_plain');
CALL bastion.rewrap_all(10);
SELECT count(*) OPERATOR(pg_catalog.>=) 0 AS linted FROM bastion.lint();
SELECT count(*) OPERATOR(pg_catalog.>) 0 AS planned FROM bastion.adopt_plan('public');
SELECT bastion.install_supabase_auth();
SELECT auth.uid() IS NULL AND auth.jwt() IS NULL AS nobody, auth.role();
DROP SCHEMA auth CASCADE;
SELECT count(*) OPERATOR(pg_catalog.>) 0 AS search_operators FROM bastion.search_operators();
SELECT count(*) OPERATOR(pg_catalog.>) 0 AS used FROM bastion.key_usage();
SELECT count(*) OPERATOR(pg_catalog.>=) 0 AS listed FROM bastion.sealed_problems();
SELECT bastion_internal.key_committed(k.id, '\x'::pg_catalog.bytea) AS committed FROM bastion.data_keys k WHERE k.state OPERATOR(pg_catalog.=) 'active' LIMIT 1;
SELECT count(*) OPERATOR(pg_catalog.>) 0 AS rotated FROM bastion.data_key_rotate('path.purpose');
SELECT count(*) OPERATOR(pg_catalog.>) 0 AS steps FROM bastion.explain_access(:'ann_id', 'path_docs.read', 'public.path_docs', '1', 'path');
SELECT bastion.authzen_evaluations('{"subject": {"type": "user", "id": "x"}, "resource": {"type": "path_docs", "id": "1"}, "action": {"name": "can_read"}, "evaluations": [{}]}') OPERATOR(pg_catalog.#>>) '{evaluations,0,decision}' AS decision;
SELECT bastion.acl_prune() OPERATOR(pg_catalog.>=) 0 AS swept, bastion.unprotect('public.path_plain', dry_run => true) IS NOT NULL AS planned LIMIT 1;
SELECT (SELECT count(*) OPERATOR(pg_catalog.>) 0 FROM bastion.explain_access_text(:'ann_id'::pg_catalog.uuid, 'path_docs.read', tenant => 'path')) AS by_uuid,
       (SELECT count(*) OPERATOR(pg_catalog.>) 0 FROM bastion.explain_access_text('ann.path', 'path_docs.read', tenant => 'path')) AS by_name;
SELECT bastion.open_bytea_for(t, v, '1'), bastion.rewrap_for(t, v, '1') IS NOT NULL, bastion.blind_index_for(t, 'x'::pg_catalog.text, 'path.purpose') IS NOT NULL,
       bastion.blind_index_for(t, '\x01'::pg_catalog.bytea, 'path.purpose') IS NOT NULL
FROM (SELECT t.id, bastion.seal_for(t.id, '\x01'::pg_catalog.bytea, 'path.purpose', '1') FROM bastion.tenants t WHERE t.slug OPERATOR(pg_catalog.=) 'path') x (t, v);
SELECT bastion.purpose_update('path.purpose', true, '1 day');
UPDATE bastion.data_keys SET created_at = created_at OPERATOR(pg_catalog.-) '2 days'::pg_catalog.interval WHERE purpose OPERATOR(pg_catalog.=) 'path.purpose';
SELECT count(*) OPERATOR(pg_catalog.>) 0 AS due FROM bastion.data_keys_due();
SELECT bastion.open_text_for(t.id, bastion.seal_for(t.id, 'x'::pg_catalog.text, 'path.purpose', '1'), '1') FROM bastion.tenants t WHERE t.slug OPERATOR(pg_catalog.=) 'path';
SELECT count(*) AS due FROM bastion.data_keys_due() d JOIN bastion.tenants t ON t.id OPERATOR(pg_catalog.=) d.tenant_id WHERE t.slug OPERATOR(pg_catalog.=) 'path';
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
SELECT bastion.setting_request('path.approved', 'put', '{"value": 1}') AS request \gset path_
UPDATE bastion.change_requests SET requesters = '{}';
SELECT bastion.setting_approve(:'path_request');
SELECT bastion.flag_set('path approved', '{"variants": {"on": true, "off": false}, "defaultVariant": "off"}'), bastion.flag_update('path approved', four_eyes => true), bastion.flag_reject(bastion.flag_request('path approved', 'delete'));
SELECT bastion.flag_request('path approved', 'rollout', '{"variant": "on", "percent": 5, "users": ["ann@path.example"]}') AS request \gset path_
UPDATE bastion.change_requests SET requesters = '{}';
SELECT bastion.flag_approve(:'path_request'), (SELECT pg_catalog.count(*) FROM bastion.flag_request_list(false)) AS requests;
COMMIT;
SELECT bastion.setting_put_for('path', 'path.for', '1'), bastion.setting_update_for('path', 'path.for', category => 'x'), bastion.setting_seal_for('path', 'path.secret', 'x'), bastion.setting_open_for('path', 'path.secret'), bastion.setting_import_for('path', bastion.setting_export_for('path')), bastion.setting_delete_for('path', 'path.for');
SELECT bastion.secret_put_for('path', 'path for', 'value'), bastion.secret_get_for('path', 'path for'), bastion_internal.opening_record(NULL, 'path.purpose', '1');
SELECT bastion_internal.data_key_guard(NULL, 'path.purpose') IS NULL AS unguarded, bastion_internal.request_user_agent() IS NULL AS unknown, bastion_internal.auth_phishing_resistant_at() IS NULL AS no_passkey, bastion_internal.request_languages() IS NULL AS no_language;
SELECT bastion_internal.data_keys_lock('{1}') IS NOT NULL, bastion_internal.data_keys_take('{1}') IS NOT NULL;
SELECT bastion_internal.sealed_in(bastion_internal.sealed_out(v)) IS NOT NULL, bastion_internal.sealed_send(v) IS NOT NULL, bastion_internal.sealed_lt(v, v) IS NOT NULL, bastion_internal.sealed_le(v, v) IS NOT NULL, bastion_internal.sealed_eq(v, v) IS NOT NULL, bastion_internal.sealed_ge(v, v) IS NOT NULL, bastion_internal.sealed_gt(v, v) IS NOT NULL,
       bastion_internal.sealed_ne(v, v) IS NOT NULL, bastion_internal.sealed_cmp(v, v) IS NOT NULL, bastion_internal.sealed_hash(v) IS NOT NULL, bastion_internal.sealed_hash_extended(v, 1) IS NOT NULL, bastion_internal.sealed_key(v) IS NOT NULL,
       bastion.open_text_for(t, bastion.import_aes_gcm(t, 'AAAAAAAAAAAAAAAAUw+K+8dFNrmpY7TxxMtziw==', pg_catalog.decode(pg_catalog.repeat('00', 32), 'hex'), 'path.purpose', '1'), '1') IS NOT NULL
FROM (SELECT t.id, bastion.seal_for(t.id, '\x01'::pg_catalog.bytea, 'path.purpose', '1') FROM bastion.tenants t WHERE t.slug OPERATOR(pg_catalog.=) 'path') x (t, v);
SELECT count(*) OPERATOR(pg_catalog.>=) 0 AS findings FROM bastion_internal.lint_mine();
SELECT bastion_internal.root_keys_of(d.oid) IS NULL FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) 'template0';
SELECT bastion_internal.table_of(bastion_internal.named_table('public.path_docs'::pg_catalog.regclass)) IS NOT NULL,
       bastion_internal.named_table_out(bastion_internal.named_table_in('public.path_docs')) IS NOT NULL;
SELECT bastion_internal.acl_set_unfolded(p) IS NULL, bastion_internal.acl_set_anywhere_unfolded(p) IS NULL, bastion_internal.tenant_set_unfolded(p) IS NULL FROM (VALUES ('path_docs.read')) v (p);
SELECT bastion.key_status() IS NOT NULL AS keys LIMIT 1;
CREATE TABLE public.path_filled (id pg_catalog.int4 PRIMARY KEY, tenant_id pg_catalog.uuid);
INSERT INTO public.path_filled SELECT 1, t.id FROM bastion.tenants t WHERE t.slug OPERATOR(pg_catalog.=) 'path';
CALL bastion.acl_backfill('public.path_filled', tenant_column => 'tenant_id');
ALTER TABLE public.path_filled ALTER COLUMN id TYPE pg_catalog.int8;
SELECT bastion.protect_rename('public.path_plain', 'tenant_id', 'company_id');
SELECT statement FROM bastion.audit_table('public.path_filled', redact => '{tenant_id}');
ALTER TABLE public.path_filled ADD COLUMN more pg_catalog.int4;
ALTER TABLE public.path_filled DISABLE TRIGGER bastion_audit_truncate;
DROP TRIGGER bastion_audit_truncate ON public.path_filled;
SELECT relation, problem FROM bastion.audit_drift() WHERE relation IS NOT NULL;
DELETE FROM public.path_filled;
SELECT statement FROM bastion.audit_untable('public.path_filled');
SELECT relation, op, key FROM bastion.audit a WHERE a.relation OPERATOR(pg_catalog.=) 'public.path_filled';
DROP TABLE public.path_filled;
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO bastion.unit_closure SELECT * FROM bastion.unit_closure;
INSERT INTO bastion.acls SELECT * FROM bastion.acls a WHERE a.kind OPERATOR(pg_catalog.<>) 'row';
ROLLBACK;
BEGIN;
SELECT bastion.signing_key_rotate() IS NOT NULL AS rotated, bastion.pepper_create() IS NOT NULL AS made;
SELECT bastion.hook_remove('claims'), bastion_internal.hook_run('pg_catalog.jsonb_strip_nulls'::pg_catalog.regproc, 'regress_app'::pg_catalog.regrole, '{}') IS NOT NULL AS ran,
       bastion_internal.imported_api_key_mac(1, bastion_internal.pepper(), 'x', 'x') IS NOT NULL AS mac;
SELECT bastion.issuer_add('https://path.example', '{"kty":"OKP","crv":"Ed25519","kid":"e1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}', '{a}', '{EdDSA}');
SELECT bastion.allow_loader_role(CURRENT_USER::pg_catalog.text::pg_catalog.regrole);
SET LOCAL bastion.request_audit = 'all';
SELECT bastion.pre_request(), bastion.setup_roles('regress_app', 'regress_stranger', 'regress_path_door');
SELECT bastion.allow_app_role('regress_stranger'), bastion.disallow_app_role('regress_stranger'), bastion.allow_migration_role('regress_stranger'), bastion.allow_monitoring_role('regress_stranger'), bastion.allow_mailer_role('regress_stranger');
CREATE TABLE public.path_global (id pg_catalog.int4);
SELECT bastion.global_table_add('public.path_global', 'a list'), bastion.global_table_remove('public.path_global');
CREATE SCHEMA path_guarded;
SELECT bastion.schema_guard('path_guarded');
SELECT test.path_error('CREATE TABLE path_guarded.t (id pg_catalog.int4)') AS guarded;
SELECT bastion_internal.password_flaw('correct horse', 'ann@path.example', 8) IS NULL AS accepted, bastion_internal.password_length('x') AS length, bastion_internal.password_files() IS NOT NULL AS files;
SELECT bastion.platform_role_set(:'ben_id'::pg_catalog.uuid, 'viewer') IS NOT NULL AS platform, bastion.platform_role_remove(:'ben_id'::pg_catalog.uuid, 'viewer') AS removed;
UPDATE bastion.users SET status = 'disabled' WHERE id OPERATOR(pg_catalog.=) :'ben_id';
UPDATE bastion.tenants SET status = 'suspended', name = 'Path again' WHERE slug OPERATOR(pg_catalog.=) 'path';
UPDATE bastion.units SET name = 'Again';
UPDATE bastion.roles SET description = 'x' WHERE NOT system;
ROLLBACK;
BEGIN;
SELECT bastion.impersonate(:'ben_id', 'path', 'a test') IS NOT NULL AS impersonated;
ROLLBACK;
BEGIN;
SELECT bastion.authenticate(:'ann', 'path') IS NOT NULL AS ann;
SELECT bastion_internal.secret_require('path secret', NULL, 'open');
ROLLBACK;
-- mail: each flow to its end, with the tokens that the sender would get
BEGIN;
SET LOCAL bastion.outbox = on;
CREATE FUNCTION test.path_mail(wanted pg_catalog.text) RETURNS pg_catalog.text LANGUAGE plpgsql AS $$
DECLARE
    mail record;
    found pg_catalog.text;
BEGIN
    FOR mail IN SELECT * FROM bastion.outbox_claim('path') LOOP
        found := coalesce(found, CASE WHEN mail.kind OPERATOR(pg_catalog.=) wanted THEN coalesce(mail.token, mail.code) END);
        PERFORM bastion.outbox_done(mail.id, 'path');
    END LOOP;
    RETURN found;
END
$$;
SELECT bastion_api.signup('eve@path.example', 'correct horse', 'Path of Eve') OPERATOR(pg_catalog.->>) 'access_token' AS eve \gset
SELECT test.path_mail('verify_email') AS token \gset
SELECT bastion.authenticate(:'eve') IS NOT NULL AS eve;
SELECT bastion_api.verify_email(:'token') OPERATOR(pg_catalog.->>) 'email', bastion_api.resend_verification('eve@path.example'), bastion_api.email_change('eva@path.example', 'correct horse');
SELECT test.path_mail('email_change') AS token \gset
SELECT bastion_api.email_change_confirm(:'token') OPERATOR(pg_catalog.->>) 'email' AS email;
SELECT bastion.invite('fay@path.example', 'owner') OPERATOR(pg_catalog.->>) 'id' AS invited \gset
SELECT test.path_mail('email_undo') AS token \gset
SELECT bastion.invitation_resend(:'invited') AS again, bastion_api.account_delete('correct horse') OPERATOR(pg_catalog.->>) 'error' AS last;
SELECT bastion_api.email_undo(:'token');
INSERT INTO bastion.user_factors (user_id, kind, name, state) SELECT u.id, 'totp', 'x', 'suspended' FROM bastion.users u WHERE u.email OPERATOR(pg_catalog.=) 'eve@path.example';
SELECT bastion_api.request_login_link('eve@path.example');
SELECT bastion_api.account_recovery_start(bastion_api.login_link(test.path_mail('magic_link')) OPERATOR(pg_catalog.->>) 'challenge') OPERATOR(pg_catalog.?) 'ready_at' AS starts;
SELECT test.path_mail('account_recovery') AS token \gset
UPDATE bastion.one_time_tokens SET created_at = created_at OPERATOR(pg_catalog.-) interval '73 hours';
SELECT bastion_api.account_recovery_finish(:'token'), bastion_api.account_recovery_cancel(:'token') OPERATOR(pg_catalog.->>) 'error' AS finished;
SELECT bastion_api.request_password_reset('eve@path.example');
SELECT test.path_mail('reset_password') AS token \gset
SELECT bastion_api.reset_password(:'token', 'correct horse'), bastion_api.request_login_link('eve@path.example');
SELECT bastion_api.login_link(test.path_mail('magic_link')) OPERATOR(pg_catalog.->>) 'token_type' AS type;
SELECT bastion_api.request_login_code('eve@path.example') OPERATOR(pg_catalog.->>) 'request' AS request \gset
SELECT bastion_api.login_code(:'request', test.path_mail('code')) OPERATOR(pg_catalog.->>) 'token_type';
SELECT bastion_api.account_delete_cancel('bst_ot_00000000000000000000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA') OPERATOR(pg_catalog.->>) 'error', bastion_api.invitation_decline_link('bst_ot_00000000000000000000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA') OPERATOR(pg_catalog.->>) 'error';
SELECT bastion.outbox_retry(0, 'path'), bastion.outbox_revive(0), bastion.outbox_clear() IS NOT NULL AS cleared, bastion.outbox_prune() IS NOT NULL AS pruned, bastion.tenants_purge(), bastion.users_purge();
SELECT o.dead FROM bastion.outbox_counts() o;
INSERT INTO bastion.user_factors (user_id, kind, name, state) SELECT u.id, 'webauthn', 'y', 'active' FROM bastion.users u WHERE u.email OPERATOR(pg_catalog.=) 'eve@path.example';
DELETE FROM bastion.user_factors WHERE kind OPERATOR(pg_catalog.=) 'webauthn';
DELETE FROM bastion.users WHERE email IS NULL;
DELETE FROM bastion.tenants WHERE slug OPERATOR(pg_catalog.=) 'path-of-eve';
DELETE FROM bastion.users WHERE email OPERATOR(pg_catalog.=) 'eve@path.example';
ROLLBACK;
SELECT * FROM bastion.tenant_delete('path') ORDER BY 1;
SELECT bastion.status() IS NOT NULL AS status;
SELECT pg_catalog.strpos(bastion.metrics(), 'bastion_info') OPERATOR(pg_catalog.>) 0 AS metrics, bastion.stats_reset() AS reset, bastion_internal.count_refusal('step_up') AS counted,
       bastion_internal.statistics_mode() IS NOT NULL AS mode, bastion_internal.event_queue_counts() IS NULL AS no_queue, (SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 FROM bastion_internal.counters()) AS counters;
INSERT INTO bastion.audit_rows (era, xid, seq, occurred_at, op, entry)
SELECT p.era, pg_catalog.pg_current_xact_id(), 1, pg_catalog.now(), 'INSERT', 'an entry' FROM bastion_internal.audit_place() p;
SELECT bastion.audit_seal() OPERATOR(pg_catalog.>) 0 AS sealed;
SELECT bastion.audit_new_era('a reason') AS new_era;
SELECT bastion.audit_key_rotate() AS key;
SELECT pg_catalog.length(bastion.audit_checkpoint()) OPERATOR(pg_catalog.>) 0 AS checkpoint, pg_catalog.length(bastion.audit_verifier_key()) OPERATOR(pg_catalog.>) 0 AS verifier_key,
       pg_catalog.octet_length(bastion.audit_tile('tile/0/000.p/1')) AS tile, pg_catalog.octet_length(bastion.audit_tile('tile/entries/000.p/1')) OPERATOR(pg_catalog.>) 0 AS entries,
       pg_catalog.length(bastion.audit_inclusion_proof(0)) OPERATOR(pg_catalog.>) 0 AS inclusion, bastion.audit_consistency_proof(1) AS consistency,
       bastion_internal.audit_tile_hash(pg_catalog.convert_to(pg_catalog.repeat('x', 8192), 'UTF8')) IS NOT NULL AS tile_hash;
SELECT pg_catalog.count(*) AS entries FROM bastion.audit_rows r, LATERAL bastion.audit_entry_index(r.era, r.xid, r.seq) WHERE r.entry OPERATOR(pg_catalog.=) 'an entry';
SELECT bastion.audit_witness_add('witness.example/w1+32913b6f+BBpc39BxQ8OExB6DDFvOEqqIF+xWSaqr8sMTiLNbLXRN') AS witness;
SELECT pg_catalog.length(bastion.audit_witness_request('witness.example/w1')) OPERATOR(pg_catalog.>) 0 AS request;
SELECT bastion.audit_cosignature_add(pg_catalog.concat(pg_catalog.chr(8212), E' witness.example/w1 AAAAAAAAAAA=\n'));
SELECT bastion.audit_partitions_create(1) OPERATOR(pg_catalog.>) 0 AS partitions;
SELECT bastion.audit_hold_lift(bastion.audit_hold_place('a case', pg_catalog.gen_random_uuid()), 'closed') AS lifted;
SELECT pg_catalog.octet_length(bastion_internal.audit_subject_key_make(bastion_internal.data_key('audit_subject'), 1)) AS sealed_key;
SELECT bastion.audit_shred('33333333-1111-4111-8111-111111111111') AS shredded;
SELECT bastion.audit_seal() OPERATOR(pg_catalog.>) 0 AS sealed;
SELECT bastion.audit_drop_before(pg_catalog.now()) OPERATOR(pg_catalog.>) 0 AS dropped;
SELECT bastion.audit_witness_remove('witness.example/w1') AS removed;
BEGIN;
INSERT INTO bastion.events (occurred_at, kind, outcome) VALUES ('2001-01-01', 'login', 'success');
SELECT bastion.events_prune('2001-01-02') AS pruned;
SELECT count(*) OPERATOR(pg_catalog.>) 0 AS records FROM bastion.events_pruned();
SELECT count(*) OPERATOR(pg_catalog.>) 0 AS kinds FROM bastion.event_counts();
SELECT count(*) OPERATOR(pg_catalog.>=) 0 AS findings FROM bastion.lint_summary();
ROLLBACK;
SELECT bastion_internal.setting_accepts('bastion.issuer', 'x') AS accepts, bastion_internal.audit_emptied('public.path_plain', pg_catalog.now()) AS emptied;
SELECT pg_catalog.length(bastion_internal.passkey_challenge('x')) AS challenge, n.reason AS registration, u.reason AS assertion
FROM bastion_internal.passkey_new('{}', 'app.example', '{https://app.example}', 'x', true) n,
     bastion_internal.passkey_use('{}', 'app.example', '{https://app.example}', 'x', true, 'one', 'key', 7, false, 'user', true) u;
SELECT bastion.relying_party_remove('app.example');
SELECT bastion_internal.secret_call('SELECT bastion.seal(1, 2)') AS call;
SELECT bastion_internal.bytes_as_table_owner('public.path_plain', 'SELECT $1', 'x') AS bytes;
SELECT bastion_internal.recovery_code_mac(bastion_internal.recovery_code_make(), u.id, bastion_internal.pepper()) IS NOT NULL AS mac, bastion_internal.factor_tries_reset(u.id) AS reset, bastion_internal.factor_refund(u.id)
FROM (SELECT pg_catalog.gen_random_uuid()) u (id);
SELECT bastion_internal.meter_kind('path_rows') AS kind, bastion_internal.expire_rows('5e1ad0c7-6f0b-4a7e-9d4b-0a4c4c2f9b11') AS expired, bastion_internal.quota_gather('5e1ad0c7-6f0b-4a7e-9d4b-0a4c4c2f9b11', '5e1ad0c7-6f0b-4a7e-9d4b-0a4c4c2f9b11', 'path_uses', 'total', '-infinity'), bastion_internal.check_meter_owner('public.path_plain', 'path_uses');
SELECT bastion_internal.quota_lock('5e1ad0c7-6f0b-4a7e-9d4b-0a4c4c2f9b11', false, true), bastion_internal.quota_window('2026-01-01 00:00:00Z', 'total', 'UTC', '2020-01-01') IS NULL AS no_window;
SELECT bastion_internal.throttle_try('account', 'path') AS try, bastion_internal.throttle_refund('account', 'path') AS refund, bastion_internal.throttle_clear('account', 'path') AS clear, bastion_internal.throttle_clear_at_commit('account', 'path') AS later, bastion_internal.mail_try() AS mail, bastion_internal.signup_try() AS signup,
       bastion_internal.throttle_unsaved('x') AS unsaved, (bastion_internal.password_attempt('path', 'x', NULL, NULL)).outcome AS attempt, bastion_internal.password_check('x', NULL) AS checked;
SELECT bastion_internal.sealed_values('public.path_plain', 'SELECT NULL::pg_catalog.tid[], NULL::pg_catalog.bytea[], ARRAY[$1]', 'x') AS read,
       bastion_internal.sealed_values_replace('public.path_plain', 'SELECT pg_catalog.cardinality($3)::pg_catalog.text', '{}', '{}', '{}', 17) AS written;
DISCARD TEMP;
RESET search_path;
RESET track_functions;
-- Nothing that runs with more rights than its caller was left out.
SELECT pg_stat_force_next_flush();
SELECT p.oid::regprocedure AS not_called FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace IN ('bastion'::regnamespace, 'bastion_api'::regnamespace, 'bastion_internal'::regnamespace, 'bastion_test'::regnamespace) AND (p.prosecdef OR l.lanname = 'c')
  AND coalesce(pg_stat_get_function_calls(p.oid), 0) = 0
  -- the server alone calls these
  AND 'internal'::regtype <> ALL (p.proargtypes::oid[])
  -- these do nothing but raise, and a call that raises is not counted
  AND p.proname NOT IN ('keep_events', 'keep_secret_access_log', 'keep_role_tenant', 'keep_default_acl')
  -- this server allows no test identities
  AND p.proname NOT IN ('act_as', 'context_reopen')
  -- these need another root key
  AND p.proname NOT IN ('root_key_create', 'data_key_rewrap')
ORDER BY p.oid::regprocedure::text COLLATE "C";
DROP TABLE public.path_docs, public.path_plain;
SELECT bastion_internal.forget_dropped_tables();
DROP VIEW test.path_dynamic, test.path_lint, test.path_tokens, test.path_sources, test.path_functions;
DROP TABLE test.path_names, test.path_keywords;
SET client_min_messages = error;
DROP SCHEMA path_trap CASCADE;
SET client_min_messages = warning;
DROP FUNCTION test.lie_in_wait, test.captured, test.path_error;

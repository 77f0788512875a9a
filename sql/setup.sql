-- What the other files share: the extension, a root key, an application role, and the helpers of the schema test.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_bastion;
DO $$
BEGIN
    PERFORM bastion.root_key_id();
EXCEPTION WHEN SQLSTATE 'BA001' THEN
    PERFORM bastion.init();
END
$$;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['regress_app', 'regress_stranger'] LOOP
        IF to_regrole(name) IS NULL THEN
            EXECUTE format('CREATE ROLE %I', name);
        END IF;
    END LOOP;
END
$$;
SELECT bastion.allow_app_role('regress_app');

CREATE SCHEMA test;
GRANT USAGE ON SCHEMA test TO PUBLIC;
-- A statement's error, its SQLSTATE beside its message.
CREATE FUNCTION test.error(statement text) RETURNS text
LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;

-- The same, for functions of bastion_api, whose refusals are answers.
CREATE FUNCTION test.refusal(statement text) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    answer text;
BEGIN
    IF statement NOT LIKE 'SELECT bastion_api.%' THEN
        RETURN test.error(statement);
    END IF;
    EXECUTE statement INTO answer;
    RETURN coalesce(concat_ws(': ', answer::jsonb ->> 'error', answer::jsonb ->> 'error_description'), 'no answer');
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;

-- A text with one character changed, for certain: a fixed one in its place is now and then what stood there.
CREATE FUNCTION test.mistyped(value text, place integer) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT overlay(value PLACING translate(substr(value, place, 1), 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
                                                                      'BADCFEHGJILKNMPORQTSVUXWZYbadcfehgjilknmporqtsvuxwzy1032547698_-') FROM place FOR 1) $$;

-- Who signed up in a file: each file fills it, and empties it at its end.
CREATE TABLE test.people (name text PRIMARY KEY, id uuid, tenant uuid, number bigint, token text);
GRANT SELECT ON test.people TO regress_app;
CREATE FUNCTION test.id_of(who text) RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT id FROM test.people WHERE name = who $$;
CREATE FUNCTION test.tenant_of(who text) RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT tenant FROM test.people WHERE name = who $$;
-- A role by its name, a system role before one of a tenant.
CREATE FUNCTION test.role_of(wanted text) RETURNS uuid LANGUAGE sql STABLE
AS $$ SELECT id FROM bastion.roles WHERE name = wanted ORDER BY system DESC LIMIT 1 $$;

-- One statement of the application with a token, in a tenant and a unit, or without an identity: what it returned, or its error.
CREATE FUNCTION test.as_app(token text, tenant text, unit text, statement text,
                            OUT answer text, OUT error text, OUT detail text, OUT hint text) LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_config('bastion.allow_identity_switch', 'on', true);
    SET LOCAL ROLE regress_app;
    BEGIN
        IF token IS NULL THEN
            PERFORM bastion.context_drop();
        ELSE
            PERFORM bastion.authenticate(token, tenant, unit);
        END IF;
        EXECUTE statement INTO answer;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
        error := SQLSTATE || ' ' || SQLERRM;
        detail := nullif(detail, '');
        hint := nullif(hint, '');
    END;
    RESET ROLE;
END
$$;

-- The result of an expression for the bearer of a token, or the error; and for a person.
CREATE FUNCTION test.answer(token text, expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r record := test.as_app(token, NULL, NULL, 'SELECT (' || expression || ')::text');
BEGIN
    RETURN coalesce(r.error, r.answer);
END
$$;
CREATE FUNCTION test.answer_to(who text, expression text) RETURNS text LANGUAGE sql AS $$ SELECT test.answer((SELECT p.token FROM test.people p WHERE p.name = who), expression) $$;

-- Sessions that a file begins: it fills this, and empties it at its end.
CREATE TABLE test.sessions (name text PRIMARY KEY, token text, sid uuid);
-- The result of an expression for one of these, or for the bearer of a token; or its SQLSTATE with DETAIL.
CREATE FUNCTION test.value(who text, expression text, tenant text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
    explained text;
BEGIN
    PERFORM set_config('bastion.token', coalesce((SELECT t.token FROM test.sessions t WHERE t.name = who), who), true), set_config('bastion.tenant', coalesce(tenant, ''), true),
            set_config('bastion.allow_identity_switch', 'on', true);
    SET LOCAL ROLE regress_app;
    EXECUTE 'SELECT (' || expression || ')::text' INTO answer;
    RESET ROLE;
    PERFORM set_config('bastion.tenant', '', true);
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS explained = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', SQLSTATE, explained);
END
$$;

-- What the backend knows of the caller, without ids.
CREATE FUNCTION test.state() RETURNS text LANGUAGE sql VOLATILE
AS $$
    SELECT concat_ws(' ', w ->> 'state', w ->> 'reason', w ->> 'method', w ->> 'level', w ->> 'hint') FROM bastion.whoami() w
$$;
-- Presents a token for the rest of the transaction.
CREATE FUNCTION test.present(token text) RETURNS text LANGUAGE sql VOLATILE
AS $$ SELECT set_config('bastion.token', token, true); SELECT test.state() $$;
CREATE FUNCTION test.claims(token text) RETURNS jsonb LANGUAGE sql
AS $$ SELECT convert_from(decode(rpad(translate(part, '-_', '+/'), (length(part) + 3) / 4 * 4, '='), 'base64'), 'UTF8')::jsonb
      FROM split_part(token, '.', 2) part $$;

-- whether parallel workers run a query
CREATE FUNCTION test.gathers(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
        IF line ~ 'Gather' THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END
$$;
-- How often the backend loaded a cache, and what a statement makes it load and invalidate.
CREATE FUNCTION test.loads(cache text) RETURNS bigint LANGUAGE sql VOLATILE AS $$ SELECT (bastion.cache_stats() -> cache ->> 'loads')::bigint $$;
CREATE FUNCTION test.counted(cache text, statement text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    before jsonb := bastion.cache_stats();
    after jsonb;
    answer text := test.error(statement);
BEGIN
    after := bastion.cache_stats();
    RETURN format('%s: %s loads, %s messages', answer, (after -> cache ->> 'loads')::int - (before -> cache ->> 'loads')::int,
                  (after ->> 'invalidations')::int - (before ->> 'invalidations')::int);
END
$$;

-- A plan, the same in every version of the server.
CREATE FUNCTION test.plan(query text) RETURNS SETOF text
LANGUAGE plpgsql
AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        RETURN NEXT regexp_replace(regexp_replace(line, E'InitPlan \\d+ \\(returns.*|InitPlan \\d+$', 'InitPlan'),
                                   E'\\$\\d+|\\(InitPlan \\d+\\)\\.col\\d+', 'initplan', 'g');
    END LOOP;
END
$$;

-- Everything that protect() may change about a table, its partitions and children.
CREATE FUNCTION test.protection_of(relation regclass) RETURNS text
LANGUAGE sql
AS $$
    SELECT string_agg(concat_ws(E'\n', t.member, c.relrowsecurity, c.relforcerowsecurity,
        (SELECT string_agg(concat_ws(' ', attname, attnotnull, pg_get_expr(adbin, adrelid), col_description(attrelid, attnum)),
                           E'\n' ORDER BY attnum)
         FROM pg_attribute a LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum
         WHERE attrelid = t.member AND attnum > 0 AND NOT attisdropped),
        (SELECT string_agg(concat_ws(' ', polname, polcmd, polpermissive, polroles, pg_get_expr(polqual, polrelid), '/',
                                     pg_get_expr(polwithcheck, polrelid)), E'\n' ORDER BY polname)
         FROM pg_policy WHERE polrelid = t.member),
        (SELECT string_agg(concat_ws(' ', tgenabled, g.text), E'\n' ORDER BY g.text)
         FROM pg_trigger, regexp_replace(pg_get_triggerdef(oid), E'(RI_ConstraintTrigger_._)\\d+', E'\\1#') g (text) WHERE tgrelid = t.member),
        (SELECT string_agg(concat_ws(' ', pg_get_indexdef(indexrelid), obj_description(indexrelid)), E'\n' ORDER BY pg_get_indexdef(indexrelid))
         FROM pg_index WHERE indrelid = t.member),
        (SELECT string_agg(conname || pg_get_constraintdef(k.oid), E'\n' ORDER BY conname) FROM pg_constraint k
         WHERE conrelid = t.member AND contype <> 'n'),
        (SELECT to_jsonb(p) - 'protected_at' FROM bastion.protected_tables p WHERE p.relation = t.member),
        (SELECT string_agg(o::text, E'\n' ORDER BY o) FROM bastion.protected_columns o WHERE o.relation = t.member)),
        E'\n\n' ORDER BY t.depth, t.member::text)
    FROM bastion_internal.protect_tree(relation) t JOIN pg_class c ON c.oid = t.member
$$;
-- The answer of a function of bastion_api to one of test.people, or to the bearer of a token, as the application calls it.
CREATE FUNCTION test.api(who text, call text) RETURNS jsonb LANGUAGE plpgsql AS
$$
DECLARE
    answer jsonb;
BEGIN
    PERFORM set_config('bastion.token', coalesce((SELECT token FROM test.people WHERE name = who), who), true), set_config('bastion.allow_identity_switch', 'on', true);
    SET LOCAL ROLE regress_app;
    EXECUTE 'SELECT bastion_api.' || call INTO answer;
    RESET ROLE;
    PERFORM set_config('bastion.token', '', true);
    RETURN answer;
END
$$;
SELECT test.error('SELECT 1/0');

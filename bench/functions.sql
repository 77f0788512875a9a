-- What one call costs, per call: a loop over the call against the same loop over a constant.
\ir lib/compare.sql
SELECT bastion.allow_app_role('app') \gset _
\o /dev/null
SELECT bastion_api.signup('owner@bench.test', 'correct horse battery', 'Tenant 1');
SELECT bastion.resource_register('docs');
\o
SELECT bastion.token_issue(u.id, t.id) AS token FROM bastion.users u, bastion.tenants t \gset
SELECT id AS tenant FROM bastion.tenants \gset
CREATE FUNCTION bench.plpgsql_tenant() RETURNS uuid LANGUAGE plpgsql STABLE AS
$$ BEGIN RETURN current_setting('app.tenant')::uuid; END $$;
CREATE EXTENSION pgcrypto;

-- Nanoseconds a call of `expression` adds to a loop.
CREATE FUNCTION bench.per_call(label text, expression text, calls integer, rounds integer DEFAULT 9)
RETURNS TABLE (call text, nanoseconds numeric) LANGUAGE sql AS
$$ SELECT * FROM bench.added(label, expression, 'i', format('generate_series(1, %s) i', calls), calls, 'none', rounds) $$;

\echo a context read per row: at most 30 ns, and the common alternatives
SET app.tenant = :'tenant';
SET request.jwt.claims = '{"sub":"c3517380-1e7d-4ef0-a4d8-c43ea1b035a0","role":"app","tenant":"097dcad5-363d-47a6-a757-1352672b9e11"}';
BEGIN;
SELECT FROM bastion.authenticate(:'token') \gset _
SELECT * FROM bench.per_call('bastion.tenant_id()', 'bastion.tenant_id()', 2000000)
UNION ALL SELECT * FROM bench.per_call('bastion.user_id()', 'bastion.user_id()', 2000000)
UNION ALL SELECT * FROM bench.per_call('bastion.has_permission(''docs.read'')', 'bastion.has_permission(''docs.read'')', 2000000)
UNION ALL SELECT * FROM bench.per_call('current_setting()::uuid', 'current_setting(''app.tenant'')::uuid', 1000000)
UNION ALL SELECT * FROM bench.per_call('(claims JSON in a setting ->> )::uuid',
                                       '(current_setting(''request.jwt.claims'')::json->>''tenant'')::uuid', 300000)
UNION ALL SELECT * FROM bench.per_call('PL/pgSQL over current_setting()', 'bench.plpgsql_tenant()', 300000);
ROLLBACK;

\echo verification of a 250-byte HS256 token inside the server, every claim returned as jsonb
SELECT bastion.jwt_sign('{"sub":"c3517380-1e7d-4ef0-a4d8-c43ea1b035a0","iss":"https://issuer.example","exp":4000000000,"iat":1700000000,"role":"app"}',
                        '{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}') AS hs256 \gset
SELECT split_part(:'hs256', '.', 1) || '.' || split_part(:'hs256', '.', 2) AS input \gset
SELECT length(:'hs256') AS token_bytes;
SELECT * FROM bench.per_call('bastion.jwt_verify()',
    format('bastion.jwt_verify(%L || left(i::text, 0), ''{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}'')', :'hs256'), 50000)
UNION ALL SELECT * FROM bench.per_call('pgcrypto hmac() alone, over the same input',
    format('public.hmac(%L || left(i::text, 0), ''0123456789012345678901234567890123456789012345678901234567890123'', ''sha256'')', :'input'), 50000);

\echo authenticate() of a warm token or API key, revocation included: at most 6000 ns; beside the verification by pgcrypto in SQL
SELECT bastion_api.login('owner@bench.test', 'correct horse battery') ->> 'access_token' AS session_token \gset
BEGIN;
SELECT FROM bastion.authenticate(:'session_token') \gset _
SELECT bastion_api.api_key_create('bench', '{docs.*}') ->> 'key' AS api_key \gset
COMMIT;
CREATE FUNCTION bench.pgcrypto_verify(token text, secret text) RETURNS jsonb LANGUAGE sql STABLE AS
$$
    SELECT CASE WHEN translate(encode(public.hmac(p[1] || '.' || p[2], secret, 'sha256'), 'base64'), E'+/=\n', '-_') = p[3]
                THEN convert_from(decode(rpad(translate(p[2], '-_', '+/'), (length(p[2]) + 3) / 4 * 4, '='), 'base64'), 'UTF8')::jsonb END
    FROM string_to_array(token, '.') p
$$;
SELECT bastion.cache_stats() AS before \gset
BEGIN;
SELECT * FROM bench.per_call('bastion.authenticate(token of a session)', format('bastion.authenticate(%L || left(i::text, 0))', :'session_token'), 5000, 3);
COMMIT;
BEGIN;
SELECT * FROM bench.per_call('bastion.authenticate(API key)', format('bastion.authenticate(%L || left(i::text, 0))', :'api_key'), 20000, 3)
UNION ALL SELECT * FROM bench.per_call('HS256 verified with pgcrypto in SQL, no session looked up',
    format('bench.pgcrypto_verify(%L || left(i::text, 0), ''secret'')', :'hs256'), 5000, 3);
COMMIT;
SELECT s.kind, (now #>> ARRAY[s.kind, 'loads'])::int - (:'before'::jsonb #>> ARRAY[s.kind, 'loads'])::int AS reads_of_tables
FROM bastion.cache_stats() now, unnest(ARRAY['rights', 'sessions', 'api_keys']) AS s (kind);

\echo pre_request() in transactions of a front door, with ten headers, the tenant from the path and a header, and a role: adds at most 40 us
CREATE ROLE bench_anon;
SELECT bastion.allow_app_role('bench_anon') \gset _
SET bastion.tenant_from = 'header:x-organization, path:/organizations/{tenant}/projects/{unit}';
SET bastion.authenticated_role = 'app';
CREATE TABLE bench.requests (does boolean, us double precision);
CREATE PROCEDURE bench.front_door(headers text, does boolean, calls integer) LANGUAGE plpgsql AS $$
DECLARE
    had double precision := bench.processor_time();
BEGIN
    FOR i IN 1 .. calls LOOP
        PERFORM set_config('search_path', 'public', true), set_config('role', 'bench_anon', true), set_config('request.jwt.claims', '{}', true), set_config('request.method', 'GET', true),
                set_config('request.path', '/organizations/tenant-1/documents', true), set_config('request.headers', headers, true), set_config('request.cookies', '{}', true);
        IF does THEN
            PERFORM bastion.pre_request();
        END IF;
        COMMIT;
    END LOOP;
    had := (bench.processor_time() - had) * 1000 / calls;
    INSERT INTO bench.requests VALUES (does, had);
    COMMIT;
END
$$;
SELECT jsonb_build_object('authorization', 'Bearer ' || :'session_token', 'x-organization', 'tenant-1', 'host', 'api.example.com', 'user-agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36', 'accept', 'application/json',
    'accept-language', 'en-GB,en;q=0.9', 'accept-encoding', 'gzip, deflate, br', 'origin', 'https://app.example.com', 'referer', 'https://app.example.com/documents', 'x-forwarded-for', '203.0.113.7')::text AS headers \gset
SELECT format('CALL bench.front_door(%L, %L, 2000)', :'headers', does) FROM generate_series(1, 7), unnest(ARRAY[false, true]) does \gexec
SELECT round(bench.median(array_agg(us) FILTER (WHERE does))::numeric, 1) AS with_us, round(bench.median(array_agg(us) FILTER (WHERE NOT does))::numeric, 1) AS without_us,
       round((bench.median(array_agg(us) FILTER (WHERE does)) - bench.median(array_agg(us) FILTER (WHERE NOT does)))::numeric, 1) AS added_us, 40 AS at_most FROM bench.requests;
RESET bastion.tenant_from;
RESET bastion.authenticated_role;
DROP OWNED BY bench_anon;
DROP ROLE bench_anon;

\echo a refused login against an unknown user (medians of 200, within 10 %)
SELECT c.* FROM bastion.users u, bench.compare('wrong password against unknown user',
    'SELECT bastion_api.login(''owner@bench.test'', ''wrong password'')',
    'SELECT bastion_api.login(''nobody@bench.test'', ''wrong password'')', 200, 1.10,
    format('SELECT bastion_internal.throttle_clear(''account'', a) FROM unnest(ARRAY[%L, ''name nobody@bench.test'']) a', 'user ' || u.id), 'app') c;

\echo a throttled login, which takes no hash: at most 50000 ns where others in the transaction were before; in a transaction of its own; and the attempt alone
\o /dev/null
SELECT bastion_internal.password_attempt(n, 'wrong', NULL, NULL) FROM unnest(ARRAY['user x', 'name nobody']) n, generate_series(1, 10);
\o
CREATE TABLE bench.spent (logins boolean, milliseconds double precision);
CREATE PROCEDURE bench.log_in_each(logins boolean, transactions integer) LANGUAGE plpgsql AS $$
DECLARE
    began double precision := bench.processor_time();
BEGIN
    FOR i IN 1 .. transactions LOOP
        IF logins THEN
            PERFORM bastion_api.login('nobody', i::text);
        END IF;
        COMMIT;
    END LOOP;
    INSERT INTO bench.spent VALUES (logins, bench.processor_time() - began);
END
$$;
CALL bench.log_in_each(true, 100);
TRUNCATE bench.spent;
CALL bench.log_in_each(true, 4000);
CALL bench.log_in_each(false, 4000);
SELECT * FROM bench.per_call('password_attempt()', '(bastion_internal.password_attempt(''user x'', left(i::text, 0), NULL, NULL)).retry_after', 20000)
UNION ALL SELECT * FROM bench.per_call('throttled login', 'bastion_api.login(''nobody'', left(i::text, 0)) IS NULL', 2000)
UNION ALL SELECT 'throttled login, each in a transaction', round((sum(CASE WHEN logins THEN milliseconds ELSE -milliseconds END) / 4000 * 1e6)::numeric, 1) FROM bench.spent;

-- Rate limits: what is counted for whom, limits of a plan, of a transaction at once, and of API keys. Rates are so low that nothing is
-- refilled while this runs.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA rate;
INSERT INTO test.people (name, id, tenant, number, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, (a #>> '{tenant,number}')::bigint, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'ben']) n, LATERAL bastion_api.signup(n || '@rate.example', 'correct horse battery', 'Rates of ' || n) a;
SELECT token AS ann FROM test.people WHERE name = 'ann' \gset
SELECT token AS ben FROM test.people WHERE name = 'ben' \gset
-- the answer of an expression to a holder of a token, or its error
CREATE FUNCTION rate.run(token text, expression text) RETURNS text LANGUAGE sql AS
$$ SELECT coalesce(nullif(concat_ws(': ', a.error, a.detail), ''), a.answer, 'NULL') FROM test.as_app(token, NULL, NULL, 'SELECT ' || expression) a $$;
-- how many of ten calls are allowed
CREATE FUNCTION rate.allowed(token text, expression text, calls int DEFAULT 10) RETURNS bigint LANGUAGE sql AS
$$ SELECT count(*) FILTER (WHERE rate.run(token, expression) = 'true') FROM generate_series(1, calls) $$;

-- what operators define
SELECT bastion.rate_limit_set('by_user', 'user', 0.001, 3), bastion.rate_limit_set('by_tenant', 'tenant', 0.001, 4), bastion.rate_limit_set('by_key', 'api_key', 0.001, 2),
       bastion.rate_limit_set('by_address', 'address', 0.001, 5), bastion.rate_limit_set('by_route', 'route', 0.001, 6), bastion.rate_limit_set('at_once', 'user', concurrent => 2);
SELECT bastion.rate_limit_set('by_tenant', 'tenant', 0.001, 6, plan => 'pro');
SELECT bastion.rate_limit_set('of_a_second', 'user', 7.5);
SELECT * FROM bastion.rate_limits ORDER BY name, plan;
SELECT label, test.error(format('SELECT bastion.rate_limit_set(%s)', arguments)) FROM (VALUES
    (1, 'no name', 'NULL, ''user'', 1'), (2, 'no word', '''a b'', ''user'', 1'), (3, 'long', 'repeat(''x'', 64), ''user'', 1'), (4, 'no scope', '''x'', NULL, 1'), (5, 'other scope', '''x'', ''planet'', 1'),
    (6, 'no rate', '''x'', ''user'''), (7, 'burst alone', '''x'', ''user'', burst => 3'), (8, 'zero', '''x'', ''user'', 0'), (9, 'negative', '''x'', ''user'', -1'), (10, 'NaN', '''x'', ''user'', ''NaN'''),
    (11, 'infinity', '''x'', ''user'', ''Infinity'''), (12, 'too many', '''x'', ''user'', 1000001'), (13, 'tiny', '''x'', ''user'', 1e-300'), (14, 'no burst', '''x'', ''user'', 1, 0'), (15, 'a burst of years', '''x'', ''user'', 1, 2592001'),
    (16, 'no place', '''x'', ''user'', concurrent => 0'), (17, 'many places', '''x'', ''user'', concurrent => 65'), (18, 'empty plan', '''x'', ''user'', 1, plan => '''''), (19, 'no label', '''x'', ''user'', 1, plan => chr(10)'),
    (20, 'the most', '''most'', ''user'', 1000000, 1000000000'), (21, 'the least', '''least'', ''user'', 0.000001, 2')) t (n, label, arguments) ORDER BY n;
SELECT bastion.rate_limit_remove('most') AS removed, bastion.rate_limit_remove('most') AS again, bastion.rate_limit_remove('least', 'pro') AS of_a_plan, bastion.rate_limit_remove(NULL) AS none;
SELECT test.error($$INSERT INTO bastion.rate_limits (name, scope, per_second, burst) VALUES ('x', 'user', 'NaN', 1)$$), test.error($$INSERT INTO bastion.rate_limits (name, scope) VALUES ('x', 'user')$$);

-- each counts for itself
SELECT rate.allowed(:'ann', $$bastion.rate_limit('by_user')$$) AS ann, rate.allowed(:'ben', $$bastion.rate_limit('by_user')$$) AS ben, rate.allowed(NULL, $$bastion.rate_limit('by_user')$$) AS nobody;
SELECT rate.allowed(:'ann', $$bastion.rate_limit('by_tenant')$$) AS ann, rate.allowed(:'ben', $$bastion.rate_limit('by_tenant')$$) AS ben, rate.allowed(NULL, $$bastion.rate_limit('by_tenant')$$) AS nobody;
SELECT rate.allowed(:'ann', $$bastion.rate_limit('by_route')$$) + rate.allowed(:'ben', $$bastion.rate_limit('by_route')$$) + rate.allowed(NULL, $$bastion.rate_limit('by_route')$$) AS together;
SELECT rate.allowed(:'ann', $$bastion.rate_limit('by_key')$$) AS without_a_key, rate.run(:'ann', $$bastion.rate_limit_state('by_key')$$) AS state;
-- what a key tells apart, and what a request costs
SELECT rate.allowed(:'ann', $$bastion.rate_limit('by_user', '/items')$$) AS items, rate.allowed(:'ann', $$bastion.rate_limit('by_user', '/users')$$) AS users, rate.allowed(:'ann', $$bastion.rate_limit('by_user', '')$$) AS empty;
SELECT rate.run(:'ann', $$bastion.rate_limit('by_user', 'dear', 2)$$) AS two, rate.run(:'ann', $$bastion.rate_limit('by_user', 'dear', 2)$$) AS two_more, rate.run(:'ann', $$bastion.rate_limit('by_user', 'dear', 1)$$) AS one,
       rate.run(:'ann', $$bastion.rate_limit('by_user', 'never', 4)$$) AS above, rate.run(:'ann', $$bastion.rate_limit('by_user', 'never', 2147483647)$$) AS most;
SELECT rate.run(:'ann', format('bastion.rate_limit(%s)', a)) FROM unnest(ARRAY['''by_user'', NULL, 0', '''by_user'', NULL, -1', '''by_user'', NULL, NULL', 'NULL', '''unknown''', ''''' ', 'repeat(''x'', 1000000)']) a;
SELECT rate.allowed(:'ann', $$bastion.rate_limit('by_user', repeat('x', 100000))$$) AS long_key;
-- a refused token, and a rollback, which takes nothing back
SELECT rate.run('nonsense', $$bastion.rate_limit('by_user')$$);
SELECT test.error($$SELECT CASE WHEN bastion.rate_limit('by_route', 'rolled back', 6) THEN 1 / (random() * 0)::int END$$), bastion.rate_limit('by_route', 'rolled back');
-- addresses: /64 in IPv6, and all that are not known together
CREATE FUNCTION rate.from(address text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('bastion.trusted_hops', '1', true), set_config('request.headers', jsonb_build_object('x-forwarded-for', address)::text, true);
    RETURN bastion.rate_limit('by_address');
END $$;
SELECT a.address, count(*) FILTER (WHERE rate.from(a.address)) AS allowed FROM unnest(ARRAY['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2', '2001:db8:0:1::1', 'none', '']) WITH ORDINALITY a (address, n), generate_series(1, 10) GROUP BY a.address, a.n ORDER BY a.n;
-- what is left, and the headers that say so
SELECT rate.run(:'ann', $$bastion.rate_limit_state('by_user', 'fresh')$$);
SELECT rate.allowed(:'ann', $$bastion.rate_limit('by_user', 'fresh')$$) AS allowed;
SELECT a - 'headers' - 'retry_after' - 'reset' AS state, (a ->> 'retry_after')::int BETWEEN 900 AND 1000 AS retry_after, (a ->> 'reset')::int BETWEEN 2900 AND 3000 AS reset,
       (SELECT string_agg(regexp_replace(concat(k, ': ', a -> 'headers' ->> k), '[0-9]{3,4}', 'N', 'g'), ', ' ORDER BY k) FROM jsonb_object_keys(a -> 'headers') k) AS headers
FROM (SELECT rate.run(:'ann', $$bastion.rate_limit_state('by_user', 'fresh')$$)::jsonb) x (a);
SELECT rate.run(NULL, $$bastion.rate_limit_state('by_user')$$) AS nobody, rate.run(:'ann', $$bastion.rate_limit_state('at_once')$$) AS any_rate, rate.run(:'ann', $$bastion.rate_limit_state('unknown')$$) AS unknown;
SELECT rate.run(:'ann', $$bastion.rate_limit_require('by_user', 'required')$$) AS allowed FROM generate_series(1, 3);
SELECT regexp_replace(rate.run(:'ann', $$bastion.rate_limit_require('by_user', 'required')$$), '(?<!A)[0-9]{3,4}', 'N', 'g');
SELECT rate.run(NULL, $$bastion.rate_limit_require('by_user')$$);

-- the plan of the tenant, at once
UPDATE bastion.tenants SET plan = 'pro' WHERE id = test.tenant_of('ann');
SELECT rate.allowed(:'ann', $$bastion.rate_limit('by_tenant')$$) AS two_more, rate.allowed(:'ann', $$bastion.rate_limit('by_tenant', 'pro')$$) AS ann, rate.allowed(:'ben', $$bastion.rate_limit('by_tenant', 'pro')$$) AS ben;
UPDATE bastion.tenants SET plan = 'free' WHERE id = test.tenant_of('ann');
SELECT rate.allowed(:'ann', $$bastion.rate_limit('by_tenant', 'free')$$) AS ann;
-- another rule, at once; what was counted stays
SELECT bastion.rate_limit_set('by_user', 'user', 0.001, 8);
SELECT rate.allowed(:'ann', $$bastion.rate_limit('by_user')$$) AS five_more;
SELECT test.counted('rate_limits', $$SELECT bastion.rate_limit('by_route', 'cached')$$), test.counted('rate_limits', $$SELECT bastion.rate_limit('by_route', 'cached')$$);
BEGIN;
SELECT bastion.rate_limit_set('by_route', 'route', 0.001, 1);
SELECT bastion.rate_limit('by_route', 'uncommitted') AS one, bastion.rate_limit('by_route', 'uncommitted') AS two;
ROLLBACK;
SELECT bastion.rate_limit('by_route', 'uncommitted') AS two, bastion.rate_limit('by_route', 'uncommitted') AS three;
SELECT bastion.rate_limit_remove('by_route'), test.error($$SELECT bastion.rate_limit('by_route')$$);

-- at once: a place is kept until the end of the transaction, whatever a savepoint does
BEGIN;
SELECT set_config('bastion.token', :'ann', true) IS NOT NULL AS presented;
SELECT bastion.concurrency_limit('at_once') AS one, bastion.concurrency_limit('at_once') AS the_same, bastion.concurrency_limit('at_once', 'other') AS another;
SAVEPOINT s;
SELECT bastion.concurrency_limit('at_once', 'third') AS third;
ROLLBACK TO s;
SELECT count(*) AS places FROM pg_locks WHERE locktype = 'userlock' AND pid = pg_backend_pid();
SELECT bastion.concurrency_limit('by_user') AS any_number, bastion.concurrency_limit('at_once', n::text) FROM generate_series(1, 5) n;
SELECT bastion.concurrency_limit('at_once', 'ninth');
ROLLBACK;
SELECT count(*) AS places FROM pg_locks WHERE locktype = 'userlock' AND pid = pg_backend_pid();
SELECT rate.run(NULL, $$bastion.concurrency_limit('at_once')$$) AS nobody, rate.run(:'ann', $$bastion.concurrency_limit('unknown')$$) AS unknown, rate.run(:'ann', 'bastion.concurrency_limit(NULL)') AS no_name;

-- API keys: a transaction is a request
BEGIN;
SELECT set_config('bastion.token', :'ann', true) IS NOT NULL AS presented;
SELECT bastion_api.api_key_create('twice', '{*}', limits => '{"rate": {"per_second": 0.001, "burst": 2}, "colour": "red"}') ->> 'key' AS twice, bastion_api.api_key_create('free', '{*}', limits => '{"colour": "red"}') ->> 'key' AS free \gset
SELECT limits, bastion_api.api_key_create('x', '{*}', limits => limits) ->> 'error_description' AS refused FROM unnest(ARRAY['{"rate": 5}', '{"rate": {}}', '{"rate": {"per_second": 1}}', '{"rate": {"per_second": 0, "burst": 1}}',
    '{"rate": {"per_second": 1, "burst": 1.5}}', '{"rate": {"per_second": 1, "burst": 0}}', '{"rate": {"per_second": "1", "burst": 1}}', '{"rate": {"per_second": 1e20, "burst": 1}}', '{"rate": {"per_second": 1e-20, "burst": 1}}', '{"rate": {"per_second": 1, "burst": 99999999999999999999}}', '{"rate": null}',
    '{"concurrent": 0}', '{"concurrent": 65}', '{"concurrent": 1.5}', '{"concurrent": "1"}', '{"concurrent": null}', '{"concurrent": [1]}']::jsonb[]) WITH ORDINALITY l (limits, n) ORDER BY n;
COMMIT;
SELECT rate.run(:'twice', 'bastion.user_id() IS NOT NULL') AS first, rate.run(:'twice', 'bastion.user_id() IS NOT NULL') AS the_same_transaction;
BEGIN;
SELECT set_config('bastion.token', :'twice', true) IS NOT NULL AS presented;
SELECT bastion.user_id() IS NOT NULL AS second, bastion.rate_limit('by_key') AS one;
SELECT bastion.user_id() IS NOT NULL AS still, bastion.rate_limit('by_key') AS two, bastion.rate_limit('by_key') AS three;
COMMIT;
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'twice'));
BEGIN;
SELECT set_config('bastion.token', :'twice', true) IS NOT NULL AS presented;
SELECT regexp_replace(bastion.whoami()::text, '[0-9]{3,4}', 'N') AS whoami, regexp_replace(bastion_api.me()::text, '[0-9]{3,4}', 'N') AS me, regexp_replace(current_setting('response.headers'), '[0-9]{3,4}', 'N') AS headers, current_setting('response.status') AS status;
SELECT bastion.user_id();
ROLLBACK;
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'free')) FROM generate_series(1, 3);
-- numbers that double precision does not have
BEGIN;
SELECT set_config('bastion.token', :'ann', true) IS NOT NULL AS presented;
SELECT bastion_api.api_key_create('x', '{*}', limits => format('{"rate": {"per_second": %s, "burst": 1}}', n)::jsonb) ->> 'error' FROM unnest('{1e400,1e-400,-1e400}'::text[]) n;
ROLLBACK;
-- limits that an operator writes, at once: those that are none make the key unusable
UPDATE bastion.api_keys SET limits = '{}' WHERE name = 'twice';
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'twice'));
UPDATE bastion.api_keys SET limits = '{"rate": 5}' WHERE name = 'twice';
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'twice'));
UPDATE bastion.api_keys SET limits = '{"concurrent": 100}' WHERE name = 'twice';
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'twice'));
SELECT kind, detail - 'scope' AS detail FROM bastion.events WHERE kind ~ '^rate_limit' ORDER BY id;
-- who may
SELECT has_function_privilege('regress_app', f::regprocedure, 'EXECUTE') AS may, f FROM unnest(ARRAY['bastion.rate_limit_set(text, text, double precision, integer, integer, text)', 'bastion.rate_limit_remove(text, text)', 'bastion.rate_limit(text, text, integer)']) f;
DELETE FROM bastion.rate_limits;
TRUNCATE test.people;
DROP SCHEMA rate CASCADE;

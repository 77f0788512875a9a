-- Stripes of quotas: a limit whose use is counted in several rows stays exact, whatever lies in which of them.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA stripes;
SELECT coalesce(max(id), 0) AS first_event FROM bastion.events \gset
INSERT INTO test.people (name, id, tenant, number, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, (a #>> '{tenant,number}')::bigint, a ->> 'access_token'
FROM unnest(ARRAY['stan']) n, LATERAL bastion_api.signup(n || '@stripes.example', 'correct horse battery', 'Stripes of ' || n) a;
SELECT token AS stan FROM test.people WHERE name = 'stan' \gset
CREATE FUNCTION stripes.run(token text, expression text, tenant text DEFAULT NULL, unit text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(coalesce(nullif(concat_ws(': ', a.error, a.detail), ''), a.answer, 'NULL'), '"20[0-9][0-9]-[^"]*"', '"T"', 'g')
    FROM test.as_app(token, tenant, unit, 'SELECT ' || expression) a
$$;
-- uses, each in a transaction of its own; how many were granted
CREATE TABLE stripes.uses (granted bigint);
CREATE PROCEDURE stripes.use(token text, meter text, uses int, amount numeric DEFAULT 1) LANGUAGE plpgsql AS $$
DECLARE
    granted bigint := 0;
BEGIN
    FOR n IN 1 .. uses LOOP
        IF stripes.run(token, format('bastion.quota_consume(%L, %s) -> ''granted''', meter, amount)) = 'true' THEN
            granted := granted + 1;
        END IF;
        COMMIT;
    END LOOP;
    DELETE FROM stripes.uses;
    INSERT INTO stripes.uses VALUES (granted);
END
$$;
CREATE FUNCTION stripes.usage(token text, meter text) RETURNS text LANGUAGE sql AS
$$ SELECT stripes.run(token, format('string_agg(concat_ws('' '', u.scope, u.used, ''held'', u.held, ''of'', u.amount, ''left'', u.remaining), ''; '' ORDER BY u.scope) FROM bastion.quota_usage(%L) u', meter)) $$;
-- what lies where; the process of this session says the number of its stripe
CREATE VIEW stripes.now AS
SELECT w.meter, w.scope, w.used, w.held, w.allotted, count(s.stripe) AS stripes, sum(s.used) AS used_there, sum(s.allotted) AS allotted_there,
       w.allotted IS NOT DISTINCT FROM nullif(sum(s.allotted), 0) AS agree
FROM bastion.usage_windows w LEFT JOIN bastion.usage_stripes s USING (owner_id, scope_id, meter, period, window_key)
WHERE w.owner_id = test.tenant_of('stan') GROUP BY w.meter, w.scope, w.used, w.held, w.allotted;
-- as if another process had used them
CREATE FUNCTION stripes.set_aside() RETURNS bigint LANGUAGE sql AS $$
    WITH moved AS (UPDATE bastion.usage_stripes s SET stripe = 100 + (SELECT count(*) FROM bastion.usage_stripes) WHERE s.stripe < 100 RETURNING 1)
    SELECT count(*) FROM moved
$$;

-- what operators define
SELECT bastion.meter_set('calls'), bastion.meter_set('cents', 'cost', 2), bastion.meter_set('things', 'gauge');
SELECT label, test.error(format('SELECT bastion.plan_limit_set(%s)', arguments)) FROM (VALUES
    (1, 'none', '''calls'', ''tenant'', ''total'', 100, stripes => 0'), (2, 'NULL', '''calls'', ''tenant'', ''total'', 100, stripes => NULL'), (3, 'too many', '''calls'', ''tenant'', ''total'', 100, stripes => 65'),
    (4, 'negative', '''calls'', ''tenant'', ''total'', 100, stripes => -1'), (5, 'of a user', '''calls'', ''user'', ''total'', 100, stripes => 2'), (6, 'of an account', '''calls'', ''account'', ''total'', 100, stripes => 2'),
    (7, 'of a gauge', '''things'', ''tenant'', ''total'', 100, stripes => 2')) t (n, label, arguments) ORDER BY n;
SELECT test.error($$INSERT INTO bastion.plan_limits (meter, scope, period, amount, stripes) VALUES ('calls', 'user', 'hour', 1, 2)$$), test.error($$INSERT INTO bastion.plan_limits (meter, scope, period, amount, stripes) VALUES ('calls', 'tenant', 'hour', 1, 65)$$);
SELECT bastion.plan_limit_set('calls', 'tenant', 'total', 100, soft_amount => 50, stripes => 4), bastion.plan_limit_set('cents', 'tenant', 'month', 10, stripes => 64);

-- the first use fills a stripe, the next ones count there alone
SELECT stripes.run(:'stan', $$bastion.quota_consume('calls')$$) AS first;
SELECT * FROM stripes.now;
SELECT stripes.run(:'stan', $$bastion.quota_consume('calls')$$) AS next, stripes.usage(:'stan', 'calls');
SELECT * FROM stripes.now;
-- all of the limit and not more, and the soft limit once
CALL stripes.use(:'stan', 'calls', 110);
SELECT granted AS ninety_eight FROM stripes.uses;
SELECT stripes.usage(:'stan', 'calls'), stripes.run(:'stan', $$bastion.quota_consume('calls')$$) AS refused;
SELECT * FROM stripes.now;
SELECT detail FROM bastion.events WHERE kind = 'quota_soft_crossed' AND id > :first_event;
-- amounts with a part, of which a stripe gets the smallest at least
CALL stripes.use(:'stan', 'cents', 100, 0.13);
SELECT granted AS seventy_six, stripes.usage(:'stan', 'cents') FROM stripes.uses;
SELECT stripes.run(:'stan', $$bastion.quota_consume('cents', 0.12)$$) AS the_rest;

-- what other stripes have left is gathered before a use is refused
SELECT bastion.meter_set('wide'), bastion.plan_limit_set('wide', 'tenant', 'total', 1000, stripes => 2);
CALL stripes.use(:'stan', 'wide', 3);
SELECT stripes.set_aside() AS moved;
CALL stripes.use(:'stan', 'wide', 3);
SELECT stripes.set_aside() AS moved;
SELECT * FROM stripes.now WHERE meter = 'wide';
SELECT stripes.run(:'stan', $$bastion.quota_consume('wide', 995) -> 'granted'$$) AS more_than_there_is, stripes.usage(:'stan', 'wide');
SELECT stripes.run(:'stan', $$bastion.quota_consume('wide', 994)$$) AS all_of_it, stripes.usage(:'stan', 'wide');
SELECT * FROM stripes.now WHERE meter = 'wide';

-- another limit counts at once: what a stripe has is for the old one
SELECT bastion.plan_limit_set('wide', 'tenant', 'total', 2000, stripes => 2);
CALL stripes.use(:'stan', 'wide', 2);
SELECT bastion.plan_limit_set('wide', 'tenant', 'total', 1003, stripes => 2);
CALL stripes.use(:'stan', 'wide', 5);
SELECT granted AS one, stripes.usage(:'stan', 'wide') FROM stripes.uses;
SELECT bastion.plan_limit_set('wide', 'tenant', 'total', 10, stripes => 2);
SELECT stripes.run(:'stan', $$bastion.quota_consume('wide')$$) AS beyond;
SELECT bastion.plan_limit_set('wide', 'tenant', 'total', 3000, soft_amount => 1010, stripes => 2);
CALL stripes.use(:'stan', 'wide', 10);
SELECT granted AS ten, stripes.usage(:'stan', 'wide'), (SELECT count(*) FROM bastion.events WHERE kind = 'quota_soft_crossed' AND detail ->> 'meter' = 'wide' AND id > :first_event) AS crossed FROM stripes.uses;
-- any amount
SELECT bastion.plan_limit_set('wide', 'tenant', 'total', NULL, stripes => 2);
CALL stripes.use(:'stan', 'wide', 3, 1e17);
SELECT granted, stripes.usage(:'stan', 'wide') FROM stripes.uses;
-- an override has the stripes of the plan
SELECT bastion.limit_override_set('wide', 'total', 3e17 + 2000, tenant => test.tenant_of('stan')::text);
CALL stripes.use(:'stan', 'wide', 3, 500);
SELECT granted AS one, stripes.usage(:'stan', 'wide') FROM stripes.uses;
SELECT bastion.limit_override_remove('wide', 'total', tenant => test.tenant_of('stan')::text);

-- another number of stripes, none, and some again
SELECT bastion.meter_set('varied'), bastion.plan_limit_set('varied', 'tenant', 'total', 300, stripes => 64);
CALL stripes.use(:'stan', 'varied', 5);
SELECT stripes.set_aside() > 0 AS moved, bastion.plan_limit_set('varied', 'tenant', 'total', 300, stripes => 3);
CALL stripes.use(:'stan', 'varied', 5);
SELECT stripes.set_aside() > 0 AS moved, bastion.plan_limit_set('varied', 'tenant', 'total', 300);
CALL stripes.use(:'stan', 'varied', 5);
SELECT stripes.usage(:'stan', 'varied'), (SELECT agree FROM stripes.now WHERE meter = 'varied');
SELECT stripes.run(:'stan', $$bastion.quota_consume('varied', 286) -> 'granted'$$) AS more_than_there_is;
SELECT stripes.run(:'stan', $$bastion.quota_consume('varied', 200) -> 'granted'$$) AS without_stripes, bastion.plan_limit_set('varied', 'tenant', 'total', 300, stripes => 5);
CALL stripes.use(:'stan', 'varied', 100);
SELECT granted AS the_rest, stripes.usage(:'stan', 'varied') FROM stripes.uses;

-- keys, reservations and several meters at once take the tenant, and see what stripes used
SELECT bastion.meter_set('mixed'), bastion.plan_limit_set('mixed', 'tenant', 'total', 100, stripes => 2), bastion.plan_limit_set('mixed', 'user', 'total', 1000);
CALL stripes.use(:'stan', 'mixed', 10);
SELECT stripes.set_aside() > 0 AS moved, stripes.run(:'stan', $$bastion.quota_consume('mixed', 1, 'k') -> 'granted'$$) AS key, stripes.run(:'stan', $$bastion.quota_consume('mixed', 1, 'k') -> 'granted'$$) AS again;
SELECT stripes.run(:'stan', $$bastion.quota_reserve('{"mixed": 80}', 'r') -> 'granted'$$) AS reserved, stripes.run(:'stan', $$bastion.quota_reserve('{"mixed": 10}', 'q') -> 'granted'$$) AS too_much;
SELECT stripes.usage(:'stan', 'mixed');
-- an overrun reaches the limit, though a stripe had an allotment
SELECT bastion.plan_limit_set('mixed', 'tenant', 'total', 200, stripes => 2);
CALL stripes.use(:'stan', 'mixed', 2);
SELECT stripes.run(:'stan', $$bastion.quota_settle('r', '{"mixed": 187}')$$) AS settled, stripes.usage(:'stan', 'mixed');
SELECT stripes.run(:'stan', $$bastion.quota_consume('mixed') -> 'granted'$$) AS refused, stripes.run(:'stan', $$bastion.quota_consume_many('{"mixed": 1, "cents": 0.01}') -> 'refused_by'$$) AS many;
-- an expired reservation makes room
SELECT bastion.meter_set('mixed', on_expire => 'release'), bastion.plan_limit_set('mixed', 'tenant', 'total', 300, stripes => 2), stripes.run(:'stan', $$bastion.quota_reserve('{"mixed": 99}', 'e') -> 'granted'$$) AS reserved;
UPDATE bastion.quota_holds SET expires_at = now() - interval '1 second' WHERE key = 'e';
CALL stripes.use(:'stan', 'mixed', 3);
SELECT granted AS three, stripes.usage(:'stan', 'mixed') FROM stripes.uses;

-- a unit with stripes beside a tenant with stripes; a tenant without has none
SELECT bastion.meter_set('nested'), bastion.plan_limit_set('nested', 'tenant', 'total', 100, stripes => 4), bastion.plan_limit_set('nested', 'unit', 'total', 30, stripes => 4);
INSERT INTO bastion.units (tenant_id, kind, slug, name) VALUES (test.tenant_of('stan'), 'team', 'striped', 'Striped') RETURNING id AS unit \gset
SELECT count(*) FILTER (WHERE stripes.run(:'stan', $$bastion.quota_consume('nested') -> 'granted'$$, NULL, 'striped') = 'true') AS thirty FROM generate_series(1, 35);
SELECT stripes.usage(:'stan', 'nested');
SELECT stripes.run(:'stan', $$bastion.quota_consume('nested') -> 'refused_by'$$, NULL, 'striped');
SELECT bastion.plan_limit_set('nested', 'unit', 'total', 40);
CALL stripes.use(:'stan', 'nested', 3);
SELECT stripes.run(:'stan', $$bastion.quota_consume('nested') -> 'granted'$$, NULL, 'striped'), stripes.usage(:'stan', 'nested');

-- locks: a stripe and the account of a user whose own limit counts; the tenant is shared
SELECT bastion.meter_set('locked'), bastion.plan_limit_set('locked', 'tenant', 'total', 1000, stripes => 4);
CALL stripes.use(:'stan', 'locked', 1);
BEGIN;
SELECT set_config('bastion.token', :'stan', true) IS NOT NULL AS presented;
SELECT bastion.quota_consume('locked') -> 'granted' AS granted, bastion.quota_consume('locked') -> 'granted' AS again;
SELECT mode, count(*) FROM pg_locks WHERE locktype = 'userlock' AND pid = pg_backend_pid() GROUP BY 1 ORDER BY 1;
SAVEPOINT s;
SELECT bastion.quota_consume('locked', 500) -> 'granted' AS takes_the_tenant;
SELECT mode, count(*) FROM pg_locks WHERE locktype = 'userlock' AND pid = pg_backend_pid() GROUP BY 1 ORDER BY 1;
ROLLBACK TO s;
SELECT bastion.quota_consume('locked') -> 'granted' AS in_the_stripe;
SELECT mode, count(*) FROM pg_locks WHERE locktype = 'userlock' AND pid = pg_backend_pid() GROUP BY 1 ORDER BY 1;
COMMIT;
SELECT stripes.usage(:'stan', 'locked');
-- a rollback takes back what was counted in a stripe, and what a stripe got
BEGIN;
SELECT set_config('bastion.token', :'stan', true) IS NOT NULL AS presented;
SELECT count(bastion.quota_consume('locked', 5)) FROM generate_series(1, 100);
ROLLBACK;
SELECT stripes.usage(:'stan', 'locked'), agree FROM stripes.now WHERE meter = 'locked';
-- a transaction that keeps its snapshot
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT set_config('bastion.token', :'stan', true) IS NOT NULL AS presented;
SELECT bastion.quota_consume('locked') -> 'granted' AS granted, bastion.quota_consume('locked', 990) -> 'granted' AS gathered;
SELECT bastion.quota_consume('locked', 3) -> 'remaining' AS left;
COMMIT;
SELECT stripes.usage(:'stan', 'locked');
-- a transaction uses one stripe, of every meter, whatever number of stripes that has: the next one finds it filled, and shares the tenant
SELECT bastion.meter_set('few'), bastion.plan_limit_set('few', 'tenant', 'total', 1000, stripes => 2), bastion.meter_set('many'), bastion.plan_limit_set('many', 'tenant', 'total', 1000, stripes => 64);
CREATE FUNCTION stripes.of_both(token text) RETURNS text LANGUAGE sql AS $$
    SELECT stripes.run(token, 'concat_ws('' '', bastion.quota_consume(''many'') -> ''granted'', bastion.quota_consume(''few'') -> ''granted'')')
$$;
SELECT stripes.of_both(:'stan') AS fills;
SELECT stripes.of_both(:'stan') AS fills_that_of_the_transaction;
BEGIN;
SELECT stripes.of_both(:'stan') AS shares;
SELECT mode, count(*) FROM pg_locks WHERE locktype = 'userlock' AND pid = pg_backend_pid() GROUP BY 1 ORDER BY 1;
COMMIT;
-- how many of the last two depends on the process: now and then the first use filled the same stripe
SELECT m.meter, sum(s.used) FILTER (WHERE s.stripe = l.stripe) IN (1, 2) AS in_the_same, coalesce(sum(s.used) FILTER (WHERE s.stripe <> l.stripe), 0) AS elsewhere
FROM unnest('{few,many}'::text[]) m (meter) JOIN bastion.usage_stripes s USING (meter), (SELECT stripe FROM bastion.usage_stripes WHERE meter = 'many') l GROUP BY 1 ORDER BY 1;
-- a meter with stripes, or with another limit that no gauge has, becomes none
SELECT test.error('SELECT bastion.meter_set(''few'', ''gauge'')') AS stripes;
SELECT bastion.meter_set('hourly'), bastion.plan_limit_set('hourly', 'tenant', 'hour', 10), bastion.meter_set('of_users'), bastion.plan_limit_set('of_users', 'user', 'total', 10), bastion.meter_set('fine', 'cost', 2), bastion.plan_limit_set('fine', 'tenant', 'total', 0.25);
SELECT m, test.error(format('SELECT bastion.meter_set(%L, %L)', m, k)) FROM (VALUES ('hourly', 'gauge'), ('of_users', 'gauge'), ('fine', 'count'), ('hourly', 'cost')) t (m, k);

-- what ends with its windows
SELECT count(*) > 0 AS some FROM bastion.usage_stripes WHERE owner_id = test.tenant_of('stan');
DELETE FROM bastion.units WHERE id = :'unit';
SELECT count(*) AS of_unit FROM bastion.usage_stripes WHERE scope_id = :'unit';
SELECT sum(e.amount) = 10 AS ledger FROM bastion.usage_entries e WHERE e.meter = 'cents' AND e.owner_id = test.tenant_of('stan');
SELECT count(*) AS tables FROM bastion.tenant_delete(test.tenant_of('stan')::text) \gset
SELECT count(*) AS stripes FROM bastion.usage_stripes;
DELETE FROM bastion.meters;
DELETE FROM test.people WHERE name = 'stan';
DELETE FROM bastion.users WHERE email LIKE '%@stripes.example';
DROP SCHEMA stripes CASCADE;

-- Quotas: meters, limits of plans and of one subject, windows, use with and without keys, reservations, soft limits, the ledger.
\set VERBOSITY terse
-- a part of the time zones, which are many
\set parts 40
SET client_min_messages = warning;
CREATE SCHEMA quota;
SELECT coalesce(max(id), 0) AS first_event FROM bastion.events \gset
INSERT INTO test.people (name, id, tenant, number, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, (a #>> '{tenant,number}')::bigint, a ->> 'access_token'
FROM unnest(ARRAY['amy', 'bea']) n, LATERAL bastion_api.signup(n || '@quota.example', 'correct horse battery', 'Quotas of ' || n) a;
SELECT token AS amy FROM test.people WHERE name = 'amy' \gset
SELECT token AS bea FROM test.people WHERE name = 'bea' \gset
-- the answer of an expression to a holder of a token, or its error, without the times
CREATE FUNCTION quota.run(token text, expression text, tenant text DEFAULT NULL, unit text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(coalesce(nullif(concat_ws(': ', a.error, a.detail), ''), a.answer, 'NULL'), '"20[0-9][0-9]-[^"]*"', '"T"', 'g')
    FROM test.as_app(token, tenant, unit, 'SELECT ' || expression) a
$$;
-- how many of ten calls are granted
CREATE FUNCTION quota.granted(token text, expression text, calls int DEFAULT 10) RETURNS bigint LANGUAGE sql AS
$$ SELECT count(*) FILTER (WHERE quota.run(token, expression || ' -> ''granted''') = 'true') FROM generate_series(1, calls) $$;
CREATE FUNCTION quota.usage(token text, meter text) RETURNS text LANGUAGE sql AS
$$ SELECT quota.run(token, format('string_agg(concat_ws('' '', u.scope, u.period, u.used, ''held'', u.held, ''of'', u.amount, ''left'', u.remaining), ''; '' ORDER BY u.scope, u.period) FROM bastion.quota_usage(%L) u', meter)) $$;

-- what operators define
SELECT bastion.meter_set('runs'), bastion.meter_set('tokens', on_expire => 'release'), bastion.meter_set('usd', 'cost', 6), bastion.meter_set('rows', 'gauge'), bastion.meter_set('free');
SELECT label, test.error(format('SELECT bastion.meter_set(%s)', arguments)) FROM (VALUES
    (1, 'no name', 'NULL'), (2, 'no word', '''a b'''), (3, 'other kind', '''x'', ''planet'''), (4, 'no kind', '''x'', NULL'), (5, 'scale of a count', '''x'', ''count'', 2'), (6, 'scale', '''x'', ''cost'', 10'),
    (7, 'negative scale', '''x'', ''cost'', -1'), (8, 'on_expire', '''x'', on_expire => ''keep''')) t (n, label, arguments) ORDER BY n;
SELECT bastion.plan_limit_set('runs', 'user', 'week', 3), bastion.plan_limit_set('runs', 'tenant', 'month', 5, soft_amount => 4), bastion.plan_limit_set('runs', 'tenant', 'month', 9, plan => 'pro', soft_amount => 4),
       bastion.plan_limit_set('usd', 'tenant', 'month', 10.5), bastion.plan_limit_set('tokens', 'tenant', 'billing', 100);
SELECT label, test.error(format('SELECT bastion.plan_limit_set(%s)', arguments)) FROM (VALUES
    (1, 'no meter', 'NULL, ''user'', ''day'', 1'), (2, 'unknown meter', '''x'', ''user'', ''day'', 1'), (3, 'no scope', '''runs'', NULL, ''day'', 1'), (4, 'other scope', '''runs'', ''planet'', ''day'', 1'),
    (5, 'no period', '''runs'', ''user'', NULL, 1'), (6, 'other period', '''runs'', ''user'', ''year'', 1'), (7, 'negative', '''runs'', ''user'', ''day'', -1'), (8, 'NaN', '''runs'', ''user'', ''day'', ''NaN'''),
    (9, 'infinity', '''runs'', ''user'', ''day'', ''infinity'''), (10, 'minus infinity', '''runs'', ''user'', ''day'', ''-infinity'''), (11, 'too many', '''runs'', ''user'', ''day'', 1e30'), (12, 'a part', '''runs'', ''user'', ''day'', 1.5'),
    (13, 'too fine', '''usd'', ''user'', ''day'', 0.0000001'), (14, 'soft above', '''runs'', ''user'', ''day'', 1, NULL, 2'), (15, 'soft NaN', '''runs'', ''user'', ''day'', 1, NULL, ''NaN'''), (16, 'empty plan', '''runs'', ''user'', ''day'', 1, '''''),
    (17, 'no label', '''runs'', ''user'', ''day'', 1, chr(10)'), (18, 'a gauge of a day', '''rows'', ''tenant'', ''day'', 1'), (19, 'a gauge of a user', '''rows'', ''user'', ''total'', 1')) t (n, label, arguments) ORDER BY n;
SELECT test.error($$INSERT INTO bastion.plan_limits (meter, scope, period, amount) VALUES ('runs', 'user', 'hour', 'NaN')$$), test.error($$INSERT INTO bastion.plan_limits (meter, scope, period, amount) VALUES ('runs', 'user', 'hour', 'infinity')$$);
SELECT plan, meter, scope, period, amount, soft_amount FROM bastion.plan_limits WHERE meter IN ('runs', 'tokens', 'usd') ORDER BY meter, scope, period, plan;

-- use: a limit without room refuses, and nothing is counted
SELECT quota.run(:'amy', $$bastion.quota_consume('runs')$$);
SELECT quota.granted(:'amy', $$bastion.quota_consume('runs')$$) AS two_more, quota.usage(:'amy', 'runs');
SELECT quota.run(:'amy', $$bastion.quota_consume('runs')$$);
SELECT quota.granted(:'bea', $$bastion.quota_consume('runs')$$) AS of_another_tenant, quota.usage(:'bea', 'runs');
SELECT quota.run(:'amy', $$bastion.quota_consume('free', 1000)$$) AS without_a_limit, quota.run(:'amy', $$bastion.quota_consume('usd', 10.500001)$$) AS money;
SELECT quota.run(NULL, $$bastion.quota_consume('runs')$$) AS nobody, quota.run('nonsense', $$bastion.quota_consume('runs')$$) AS refused, quota.run(NULL, $$count(*) FROM bastion.quota_usage()$$) AS usage_of_nobody;
SELECT label, quota.run(:'amy', format('bastion.quota_consume(%s)', arguments)) FROM (VALUES
    (1, 'no meter', 'NULL'), (2, 'unknown', '''x'''), (3, 'long', 'repeat(''x'', 1000000)'), (4, 'no amount', '''runs'', NULL'), (5, 'zero', '''runs'', 0'), (6, 'negative', '''runs'', -1'), (7, 'NaN', '''runs'', ''NaN'''),
    (8, 'infinity', '''runs'', ''infinity'''), (9, 'minus infinity', '''runs'', ''-infinity'''), (10, '10^30', '''runs'', 1e30'), (11, 'a part', '''runs'', 0.5'), (12, 'too fine', '''usd'', 0.0000001'), (13, 'a gauge', '''rows'''),
    (14, 'the most', '''free'', 1e18'), (15, 'empty key', '''free'', 1, '''''), (16, 'long key', '''free'', 1, repeat(''x'', 256)')) t (n, label, arguments) ORDER BY n;
SELECT quota.run(:'bea', $$bastion.quota_require('usd', 10)$$) AS granted, quota.run(:'bea', $$bastion.quota_require('usd', 0.6)$$) AS refused;
SELECT test.error(format($$SELECT set_config('bastion.token', %L, true), set_config('transaction_read_only', 'on', true), bastion.quota_consume('runs')$$, :'amy')) AS read_only;

-- very many uses in a transaction: the row of a window moves to other pages, and is found there
BEGIN;
SELECT set_config('bastion.token', :'amy', true) IS NOT NULL AS presented;
SELECT bastion.limit_override_set('usd', 'month', 10000, test.tenant_of('amy')::text);
SELECT count(bastion.quota_consume('usd', 0.5)) FROM generate_series(1, 1000);
SET LOCAL enable_seqscan = off;
SELECT count(*), sum(w.used) AS used FROM bastion.usage_windows w WHERE w.owner_id = test.tenant_of('amy') AND w.scope = 'tenant' AND w.meter = 'usd' AND w.scope_id = test.tenant_of('amy');
ROLLBACK;

-- several meters: all or none
SELECT quota.run(:'amy', $$bastion.quota_consume_many('{"tokens": 60, "usd": 1.25}')$$);
SELECT quota.run(:'amy', $$bastion.quota_consume_many('{"usd": 1, "tokens": 60}')$$);
SELECT quota.usage(:'amy', 'usd') AS usd, quota.usage(:'amy', 'tokens') AS tokens;
SELECT a, quota.run(:'amy', format('bastion.quota_consume_many(%L)', a)) FROM unnest(ARRAY['{}', '[]', '1', '{"tokens": "1"}', '{"tokens": null}', '{"tokens": 0}', '{"tokens": -1}', '{"tokens": 1e400}', '{"unknown": 1}', NULL]) WITH ORDINALITY t (a, n) ORDER BY n;

-- a key counts once
SELECT quota.run(:'amy', $$bastion.quota_consume('tokens', 10, 'k1')$$) AS first, quota.run(:'amy', $$bastion.quota_consume('tokens', 10, 'k1')$$) AS again, quota.run(:'amy', $$bastion.quota_consume('tokens', 11, 'k1')$$) AS other;
SELECT quota.run(:'amy', $$bastion.quota_consume('tokens', 90, 'k2') -> 'granted'$$) AS refused, quota.run(:'amy', $$bastion.quota_consume('tokens', 5, 'k2') -> 'granted'$$) AS smaller, quota.usage(:'amy', 'tokens');
SELECT quota.run(:'bea', $$bastion.quota_consume('tokens', 11, 'k1') -> 'granted'$$) AS of_another;

-- reservations
SELECT quota.run(:'bea', $$bastion.quota_reserve('{"tokens": 50}', 'r1')$$) AS reserved, quota.run(:'bea', $$bastion.quota_reserve('{"tokens": 50}', 'r1')$$) AS again;
SELECT quota.run(:'bea', $$bastion.quota_reserve('{"tokens": 51}', 'r1')$$) AS other, quota.run(:'bea', $$bastion.quota_consume('tokens', 50, 'r1')$$) AS consumed, quota.run(:'bea', $$bastion.quota_consume('tokens', 40) -> 'refused_by'$$) AS no_room, quota.usage(:'bea', 'tokens');
SELECT quota.run(:'bea', $$bastion.quota_settle('r1', '{"tokens": 20}')$$) AS settled, quota.run(:'bea', $$bastion.quota_settle('r1', '{"tokens": 20}')$$) AS again, quota.run(:'bea', $$bastion.quota_settle('r1', '{"tokens": 21}')$$) AS otherwise, quota.run(:'bea', $$bastion.quota_cancel('r1')$$) AS cancelled, quota.usage(:'bea', 'tokens');
SELECT quota.run(:'bea', $$bastion.quota_reserve('{"tokens": 50, "usd": 0.25}', 'r2') -> 'granted'$$) AS reserved, quota.run(:'bea', $$bastion.quota_cancel('r2')$$) AS cancelled, quota.run(:'bea', $$bastion.quota_cancel('r2')$$) AS again, quota.run(:'bea', $$bastion.quota_settle('r2')$$) AS settled, quota.usage(:'bea', 'tokens');
-- and nothing is held under its key any more
SELECT quota.run(:'bea', $$bastion.quota_reserve('{"tokens": 50, "usd": 0.25}', 'r2')$$) AS cancelled, quota.run(:'bea', $$bastion.quota_reserve('{"tokens": 50}', 'r1') -> 'granted'$$) AS settled;
SELECT quota.run(:'bea', $$bastion.quota_reserve('{"tokens": 50}', 'r3') -> 'granted'$$) AS reserved, quota.run(:'bea', $$bastion.quota_settle('r3', '{"tokens": 90}')$$) AS overrun, quota.usage(:'bea', 'tokens'), quota.run(:'bea', $$bastion.quota_consume('tokens') -> 'remaining'$$) AS refused;
SELECT quota.run(:'amy', $$bastion.quota_settle('r3')$$) AS of_another, quota.run(:'amy', $$bastion.quota_cancel('k1')$$) AS consumed, quota.run(:'amy', $$bastion.quota_settle('none')$$) AS none, quota.run(NULL, $$bastion.quota_settle('r3')$$) AS nobody;
SELECT quota.run(:'amy', format('bastion.quota_reserve(%s)', a)) FROM unnest(ARRAY['''{"tokens": 1}'', NULL', '''{"tokens": 1}'', ''x'', ''-1 hour''', '''{"tokens": 1}'', ''x'', ''31 days''', '''{"tokens": 1}'', ''x'', NULL', '''{"rows": 1}'', ''x''']) a;
SELECT quota.run(:'amy', $$bastion.quota_reserve('{"free": 5}', 'r4') -> 'granted'$$), quota.run(:'amy', format('bastion.quota_settle(''r4'', %L)', a)) FROM unnest(ARRAY['{"free": -1}', '{"free": 0.5}', '{"free": 1e30}', '{"tokens": 1}', '[]']) a;

-- one that expired: released or charged, when somebody needs the room; and corrected after that
SELECT bastion.plan_limit_set('tokens', 'tenant', 'total', 1000), bastion.plan_limit_remove('tokens', 'tenant', 'billing'), bastion.plan_limit_set('runs', 'tenant', 'total', 50);
SELECT quota.run(:'amy', $$bastion.quota_reserve('{"tokens": 900}', 'e1') -> 'granted'$$) AS tokens, quota.run(:'amy', $$bastion.quota_consume('tokens', 900) -> 'granted'$$) AS no_room;
UPDATE bastion.quota_holds SET expires_at = now() - interval '1 minute' WHERE key = 'e1';
SELECT quota.run(:'amy', $$bastion.quota_consume('tokens', 900) -> 'granted'$$) AS released, quota.usage(:'amy', 'tokens'), quota.run(:'amy', $$bastion.quota_settle('e1', '{"tokens": 30}')$$) AS late;
SELECT quota.usage(:'amy', 'tokens');
SELECT bastion.meter_set('jobs'), bastion.plan_limit_set('jobs', 'tenant', 'total', 10);
SELECT quota.run(:'amy', $$bastion.quota_reserve('{"jobs": 8}', 'e2') -> 'granted'$$) AS jobs;
UPDATE bastion.quota_holds SET expires_at = now() - interval '1 minute' WHERE key = 'e2';
SELECT quota.run(:'amy', $$bastion.quota_consume('jobs', 3) -> 'granted'$$) AS charged, quota.usage(:'amy', 'jobs'), quota.run(:'amy', $$bastion.quota_reserve('{"jobs": 8}', 'e2')$$) AS expired, quota.run(:'amy', $$bastion.quota_cancel('e2')$$) AS late;
SELECT quota.usage(:'amy', 'jobs');

-- a soft limit is crossed once, whatever is given back
SELECT quota.run(:'bea', $$bastion.quota_consume('runs') -> 'soft_crossed'$$) AS third;
DELETE FROM bastion.plan_limits WHERE meter = 'runs' AND (scope = 'user' OR period = 'total');
SELECT quota.run(:'bea', $$bastion.quota_reserve('{"runs": 1}', 's1') -> 'soft_crossed'$$) AS fourth, quota.run(:'bea', $$bastion.quota_cancel('s1') -> 'state'$$) AS back, quota.run(:'bea', $$bastion.quota_consume('runs') -> 'soft_crossed'$$) AS again;
SELECT user_id IS NOT NULL AS has_user, tenant_id = test.tenant_of('bea') AS tenant, detail - 'resets_at' AS detail FROM bastion.events WHERE kind = 'quota_soft_crossed' AND id > :first_event;
-- a use without a key crosses one too, and once
BEGIN;
SELECT bastion.meter_set('softly'), bastion.plan_limit_set('softly', 'tenant', 'total', 5, soft_amount => 2);
SELECT n, quota.run(:'bea', $$bastion.quota_consume('softly') -> 'soft_crossed'$$) AS crossed FROM generate_series(1, 3) n;
SELECT count(*) AS events FROM bastion.events WHERE kind = 'quota_soft_crossed' AND detail ->> 'meter' = 'softly';
ROLLBACK;

-- the plan of the tenant, and a limit of its own, at once
UPDATE bastion.tenants SET plan = 'pro' WHERE id = test.tenant_of('bea');
SELECT quota.usage(:'bea', 'runs');
SELECT bastion.limit_override_set('runs', 'month', 20, tenant => test.tenant_of('bea')::text, reason => 'a friend'), bastion.limit_override_set('runs', 'week', 6, tenant => test.tenant_of('bea')::text, for_user => 'bea@quota.example', valid_until => now() + interval '1 day');
SELECT quota.usage(:'bea', 'runs'), quota.usage(:'amy', 'runs');
UPDATE bastion.limit_overrides SET valid_until = now() WHERE scope = 'user';
SELECT quota.usage(:'bea', 'runs');
-- one that ends while it is cached
SELECT bastion.limit_override_set('free', 'total', 5, tenant => test.tenant_of('bea')::text, valid_until => clock_timestamp() + interval '3 seconds');
SELECT quota.usage(:'bea', 'free') AS holds;
DO $$ BEGIN PERFORM pg_sleep(extract(epoch FROM valid_until - clock_timestamp())) FROM bastion.limit_overrides WHERE meter = 'free'; END $$;
SELECT quota.usage(:'bea', 'free') AS has_ended;
SELECT bastion.limit_override_remove('runs', 'month', test.tenant_of('bea')::text) AS removed, bastion.limit_override_remove('runs', 'month', test.tenant_of('bea')::text) AS again;
UPDATE bastion.tenants SET plan = 'free' WHERE id = test.tenant_of('bea');
SELECT quota.usage(:'bea', 'runs');
BEGIN;
SELECT bastion.plan_limit_set('runs', 'tenant', 'month', 7);
SELECT quota.usage(:'bea', 'runs') AS uncommitted;
ROLLBACK;
SELECT quota.usage(:'bea', 'runs') AS rolled_back;
SELECT label, test.error(format('SELECT bastion.limit_override_set(''runs'', ''month'', 1, %s)', arguments)) FROM (VALUES
    (1, 'nobody', 'NULL'), (2, 'unknown tenant', '''nowhere'''), (3, 'unknown uuid', '''00000000-0000-0000-0000-000000000001'''), (4, 'unknown user', 'for_user => ''x@y.example'''), (5, 'unit without tenant', 'unit => ''x'''),
    (6, 'unit and user', format('%L, ''x'', ''bea@quota.example''', test.tenant_of('bea'))), (7, 'unknown unit', format('%L, ''x''', test.tenant_of('bea'))), (8, 'reason', format('%L, reason => ''''', test.tenant_of('bea')))) t (n, label, arguments) ORDER BY n;

-- the account of a user, over all tenants, by the plan of the user
SELECT bastion_internal.tenant_create('Other of amy', (SELECT id FROM test.people WHERE name = 'amy')) AS other \gset
SELECT bastion.meter_set('images'), bastion.plan_limit_set('images', 'account', 'month', 4), bastion.plan_limit_set('images', 'account', 'month', 6, plan => 'plus');
SELECT quota.granted(:'amy', $$bastion.quota_consume('images')$$, 3) AS here, quota.run(:'amy', $$bastion.quota_consume('images') -> 'granted'$$, :'other') AS there, quota.run(:'amy', $$bastion.quota_consume('images') -> 'refused_by'$$, :'other') AS there_too;
SELECT bastion.limit_override_set('free', 'total', 9, tenant => test.tenant_of('amy')::text, for_user => 'amy@quota.example');
SELECT quota.usage(:'amy', 'free') AS here, quota.run(:'amy', $$count(*) FROM bastion.quota_usage('free')$$, :'other') AS there;
UPDATE bastion.users SET plan = 'plus' WHERE email = 'amy@quota.example';
SELECT quota.granted(:'amy', $$bastion.quota_consume('images')$$, 3) AS two, quota.usage(:'amy', 'images'), quota.granted(:'bea', $$bastion.quota_consume('images')$$) AS bea;

-- units, with those below them
SELECT bastion.meter_set('exports'), bastion.plan_limit_set('exports', 'unit', 'week', 3);
INSERT INTO bastion.units (tenant_id, kind, name, slug) SELECT test.tenant_of('amy'), 'team', s, s FROM unnest(ARRAY['upper', 'lower', 'aside']) s;
INSERT INTO bastion.unit_parents (unit_id, tenant_id, parent_id) SELECT l.id, l.tenant_id, u.id FROM bastion.units l, bastion.units u WHERE l.slug = 'lower' AND u.slug = 'upper' AND l.tenant_id = test.tenant_of('amy') AND u.tenant_id = l.tenant_id;
SELECT quota.run(:'amy', $$bastion.quota_consume('exports') -> 'granted'$$) AS no_unit, quota.run(:'amy', $$bastion.quota_consume('exports', 2) -> 'remaining'$$, NULL, 'lower') AS lower, quota.run(:'amy', $$bastion.quota_consume('exports', 2) -> 'refused_by'$$, NULL, 'upper') AS upper, quota.run(:'amy', $$bastion.quota_consume('exports', 3) -> 'granted'$$, NULL, 'aside') AS aside;
SELECT u.slug, sum(e.amount) AS used FROM bastion.usage_entries e LEFT JOIN bastion.units u ON u.id = e.unit_id WHERE e.meter = 'exports' GROUP BY 1 ORDER BY 1;
-- one that moves, there and back
SELECT quota.run(:'amy', $$count(*) FROM bastion.quota_usage('exports')$$, NULL, 'aside') AS alone;
INSERT INTO bastion.unit_parents (unit_id, tenant_id, parent_id) SELECT a.id, a.tenant_id, u.id FROM bastion.units a JOIN bastion.units u ON u.tenant_id = a.tenant_id AND u.slug = 'upper' WHERE a.slug = 'aside' AND a.tenant_id = test.tenant_of('amy');
SELECT quota.run(:'amy', $$count(*) FROM bastion.quota_usage('exports')$$, NULL, 'aside') AS below_another;
DELETE FROM bastion.unit_parents p USING bastion.units a WHERE a.id = p.unit_id AND a.slug = 'aside' AND a.tenant_id = test.tenant_of('amy');
SELECT quota.run(:'amy', $$count(*) FROM bastion.quota_usage('exports')$$, NULL, 'aside') AS alone_again;
-- API keys: a limit of the key, beside those of its user and tenant
BEGIN;
SELECT set_config('bastion.token', :'amy', true) IS NOT NULL AS presented;
SELECT bastion_api.api_key_create('two', '{*}', limits => '{"cost": {"meter": "usd", "amount": 2.5, "period": "week"}}') ->> 'key' AS two, bastion_api.api_key_create('free', '{*}') ->> 'key' AS free \gset
SELECT limits, bastion_api.api_key_create('x', '{*}', limits => limits) ->> 'error_description' AS refused FROM unnest(ARRAY['{"cost": 5}', '{"cost": {}}', '{"cost": {"meter": "usd", "amount": 1}}', '{"cost": {"meter": "usd", "amount": "1", "period": "day"}}',
    '{"cost": {"meter": "usd", "amount": -1, "period": "day"}}', '{"cost": {"meter": "usd", "amount": 1e30, "period": "day"}}', '{"cost": {"meter": "x y", "amount": 1, "period": "day"}}', '{"cost": {"meter": "usd", "amount": 1, "period": "year"}}', '{"cost": {"meter": "unknown", "amount": 1, "period": "day"}}', '{"cost": null}']::jsonb[]) WITH ORDINALITY l (limits, n) ORDER BY n;
COMMIT;
SELECT quota.run(:'two', $$bastion.quota_consume('usd', 2) - 'resets_at'$$) AS two, quota.run(:'two', $$bastion.quota_consume('usd') -> 'refused_by'$$) AS three, quota.run(:'free', $$bastion.quota_consume('usd') -> 'granted'$$) AS another, quota.usage(:'two', 'usd');
UPDATE bastion.api_keys SET limits = '{"cost": {"meter": "usd", "amount": 4, "period": "week"}}' WHERE name = 'two';
SELECT quota.run(:'two', $$bastion.quota_consume('usd') -> 'granted'$$) AS now;
-- the ledger names the key that reserved, and not the one that settled
SELECT quota.run(:'two', $$bastion.quota_reserve('{"usd": 0.5}', 'a1') -> 'granted'$$) AS reserved, quota.run(:'free', $$bastion.quota_settle('a1') -> 'state'$$) AS settled;
SELECT k.name FROM bastion.usage_entries e JOIN bastion.api_keys k ON k.id = e.api_key_id WHERE e.key = 'a1';

-- calendars: the next time zone counts from the next month
SELECT bastion.quota_calendar_set(test.tenant_of('bea')::text, time_zone => 'Pacific/Kiritimati', billing_anchor => '2024-01-31'), bastion.quota_calendar_set(for_user => 'bea@quota.example', time_zone => 'America/Havana');
SELECT time_zone, billing_anchor, next_time_zone, next_from = date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month' AS next_month FROM bastion.quota_calendars ORDER BY next_time_zone;
UPDATE bastion.quota_calendars SET next_from = (now() AT TIME ZONE 'UTC')::date WHERE next_time_zone = 'Pacific/Kiritimati';
SELECT bastion.meter_set('calendar'), bastion.plan_limit_set('calendar', 'tenant', 'day', 1), bastion.plan_limit_set('calendar', 'tenant', 'billing', 1);
SELECT quota.run(:'bea', $$string_agg(concat(u.period, ' ', (u.resets_at AT TIME ZONE 'Pacific/Kiritimati')::time), '; ' ORDER BY u.period) FROM bastion.quota_usage('calendar') u$$) AS midnight_there;
SELECT bastion.quota_calendar_set(test.tenant_of('bea')::text, billing_anchor => '2024-02-29');
SELECT time_zone, billing_anchor, next_time_zone IS NULL AS no_next FROM bastion.quota_calendars WHERE owner_id = test.tenant_of('bea');
-- a zone that is behind is in the last month yet, whose days do not come back
SELECT bastion.quota_calendar_set(test.tenant_of('bea')::text, time_zone => 'Pacific/Pago_Pago');
UPDATE bastion.quota_calendars SET next_from = (now() AT TIME ZONE 'Pacific/Kiritimati')::date WHERE owner_id = test.tenant_of('bea');
SELECT quota.run(:'bea', $$bastion.quota_consume('calendar') -> 'granted'$$) AS granted;
SELECT w.window_key = c.next_from AS first_day FROM bastion.usage_windows w JOIN bastion.quota_calendars c ON c.owner_id = w.owner_id WHERE w.meter = 'calendar' AND w.period = 'day';
-- an account has the calendar of its user, also when it changes
SELECT bastion.meter_set('bills', 'cost'), bastion.plan_limit_set('bills', 'account', 'billing', 5), bastion.plan_limit_set('bills', 'tenant', 'billing', 5);
CREATE FUNCTION quota.days() RETURNS text LANGUAGE sql AS
$$ SELECT quota.run(p.token, $q$string_agg(concat(u.scope, ' ', extract(day FROM u.resets_at AT TIME ZONE 'UTC')), '; ' ORDER BY u.scope) FROM bastion.quota_usage('bills') u$q$) FROM test.people p WHERE p.name = 'amy' $$;
SELECT quota.days() AS the_same, bastion.quota_calendar_set(for_user => 'amy@quota.example', billing_anchor => '2024-01-10');
SELECT quota.days() AS of_the_account;
-- a meter counts finer at once
SELECT quota.run(:'amy', $$bastion.quota_consume('bills', 0.5)$$) AS too_fine, bastion.meter_set('bills', 'cost', 1);
SELECT quota.run(:'amy', $$bastion.quota_consume('bills', 0.5) -> 'granted'$$) AS finer;
SELECT label, test.error(format('SELECT bastion.quota_calendar_set(%s)', arguments)) FROM (VALUES
    (1, 'nobody', 'time_zone => ''UTC'''), (2, 'both', format('%L, ''bea@quota.example''', test.tenant_of('bea'))), (3, 'unknown zone', format('%L, time_zone => ''Mars/Olympus''', test.tenant_of('bea'))), (4, 'no zone', format('%L, time_zone => ''''', test.tenant_of('bea'))),
    (5, 'rules', format('%L, time_zone => ''CET-1CEST''', test.tenant_of('bea'))), (6, 'infinity', format('%L, billing_anchor => ''infinity''', test.tenant_of('bea'))), (7, 'long ago', format('%L, billing_anchor => ''0001-01-01''', test.tenant_of('bea')))) t (n, label, arguments) ORDER BY n;
SET timezone = 'UTC';
SELECT p, (bastion_internal.quota_window('2026-03-15 12:34:56Z', p, 'Europe/Vienna', '2020-01-31')).* FROM unnest('{hour,day,week,month,billing,total,year}'::text[]) p;
SELECT test.error($$SELECT bastion_internal.quota_window(now(), 'day', 'Mars/Olympus', '2020-01-31')$$), test.error($$SELECT bastion_internal.quota_window('infinity', 'day', 'UTC', '2020-01-31')$$);

-- every zone, at seconds around each change of its clocks from 1970 to 2037: a window begins before the moment and ends after it, what
-- ends has ended, and a day is the local day
CREATE FUNCTION quota.shift(zone text, moment timestamptz) RETURNS interval LANGUAGE sql AS $$ SELECT moment AT TIME ZONE zone - moment AT TIME ZONE 'UTC' $$;
CREATE FUNCTION quota.changes(zone text) RETURNS SETOF timestamptz LANGUAGE plpgsql AS $$
DECLARE
    before timestamptz := '1970-01-01Z';
    low timestamptz;
    high timestamptz;
    middle timestamptz;
BEGIN
    WHILE before < '2038-01-01Z' LOOP
        low := before;
        high := low + interval '7 days';
        before := high;
        CONTINUE WHEN quota.shift(zone, low) = quota.shift(zone, high);
        WHILE high - low > interval '1 second' LOOP
            middle := date_trunc('second', low + (high - low) / 2);
            IF quota.shift(zone, middle) = quota.shift(zone, low) THEN low := middle; ELSE high := middle; END IF;
        END LOOP;
        RETURN NEXT high;
        before := high;
    END LOOP;
END
$$;
CREATE FUNCTION quota.wrong(zone text, moment timestamptz, period text) RETURNS boolean LANGUAGE sql AS $$
    SELECT NOT (w.resets_at > moment AND n.window_key > w.window_key
                AND CASE period WHEN 'hour' THEN w.window_key = date_trunc('hour', moment AT TIME ZONE 'UTC') WHEN 'day' THEN w.window_key = l.today ELSE w.window_key <= l.today END
                AND w.resets_at < moment + CASE period WHEN 'hour' THEN interval '1 hour 1 second' WHEN 'day' THEN interval '50 hours' WHEN 'week' THEN interval '8 days 2 hours' ELSE interval '33 days' END)
    FROM bastion_internal.quota_window(moment, period, zone, '1999-12-31') w, bastion_internal.quota_window(w.resets_at, period, zone, '1999-12-31') n, (SELECT (moment AT TIME ZONE zone)::date AS today) l
$$;
CREATE TABLE quota.zones AS SELECT name FROM pg_timezone_names WHERE name !~ '^posix' AND name NOT IN ('localtime', 'Factory') AND (:parts = 1 OR abs(hashtext(name)) % :parts = 0 OR name IN ('America/Havana', 'Atlantic/Azores', 'America/St_Johns', 'Pacific/Apia', 'Europe/Vienna', 'Antarctica/Troll'));
CREATE TABLE quota.moments AS SELECT z.name, c AS moment FROM quota.zones z, quota.changes(z.name) c;
SELECT count(*) > 500 AS many, count(DISTINCT name) > 15 AS zones FROM quota.moments;
SELECT m.name, m.moment + make_interval(secs => s) AS moment, p AS wrong
FROM quota.moments m, unnest('{-86400,-3601,-3600,-1800,-1,0,1,1799,3600,86400}'::int[]) s, unnest('{hour,day,week,month,billing}'::text[]) p
WHERE quota.wrong(m.name, m.moment + make_interval(secs => s), p) ORDER BY 1, 2, 3 LIMIT 20;
RESET timezone;

-- the ledger: what was used, each entry once in the sums of the days
SELECT (SELECT count(*) FROM bastion.usage_entries) = bastion.usage_roll_up() AS all_once, bastion.usage_roll_up() AS again;
SELECT quota.run(:'amy', $$bastion.quota_consume('free', 7) -> 'granted'$$) AS seven, bastion.usage_roll_up() AS one;
SELECT count(*) AS differ FROM (SELECT owner_id, day, meter, user_id, sum(amount) AS amount, count(*) AS entries FROM bastion.usage_entries GROUP BY 1, 2, 3, 4) e FULL JOIN bastion.usage_daily d USING (owner_id, day, meter, user_id)
WHERE e.amount IS DISTINCT FROM d.amount OR e.entries IS DISTINCT FROM d.entries;
SELECT meter, sum(amount) AS amount FROM bastion.usage_daily WHERE owner_id = test.tenant_of('bea') GROUP BY 1 ORDER BY 1;
SELECT test.error(format('SELECT bastion.usage_prune(%s)', a)) FROM unnest(ARRAY['NULL', '''infinity''', '''-infinity''', 'now() + interval ''1 hour''']) a;
SELECT bastion.usage_prune(now() - interval '1 day') AS none_so_old, bastion.usage_prune(clock_timestamp()) > 0 AS removed, (SELECT count(*) FROM bastion.usage_entries WHERE occurred_at < now() - interval '1 day') AS old;
-- what no run has added yet stays, and what is reserved, whatever its age, and what never begins again
SELECT bastion.meter_set('old'), bastion.plan_limit_set('old', 'tenant', 'day', 10), bastion.plan_limit_set('old', 'tenant', 'total', 10);
SELECT quota.run(:'amy', $$bastion.quota_reserve('{"old": 3}', 'o1') -> 'granted'$$) AS reserved, quota.run(:'amy', $$bastion.quota_reserve('{"old": 1}', 'o2') -> 'granted'$$) AS too, quota.run(:'amy', $$bastion.quota_cancel('o2') -> 'state'$$) AS ended;
UPDATE bastion.usage_windows SET window_key = window_key - interval '100 days' WHERE meter = 'old' AND period = 'day';
UPDATE bastion.quota_holds SET lines = replace(lines::text, to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T00:00:00"'), to_char(now() AT TIME ZONE 'UTC' - interval '100 days', 'YYYY-MM-DD"T00:00:00"'))::jsonb, expires_at = now() - interval '1 day' WHERE key IN ('o1', 'o2');
SELECT quota.run(:'amy', $$bastion.quota_consume('old') -> 'granted'$$) AS granted, bastion.usage_prune(clock_timestamp()) AS pruned, (SELECT count(*) FROM bastion.usage_entries WHERE meter = 'old') AS entries;
SELECT period, window_key < now() - interval '99 days' AS old, used, held FROM bastion.usage_windows WHERE meter = 'old' ORDER BY 1, 2;
SELECT key, state FROM bastion.quota_holds WHERE key IN ('o1', 'o2');
SELECT quota.run(:'amy', $$bastion.quota_settle('o1') -> 'state'$$) AS settled, quota.usage(:'amy', 'old'), bastion.usage_roll_up() AS added;
SELECT bastion.usage_prune(clock_timestamp()) AS pruned;
SELECT quota.usage(:'amy', 'old') AS stays;
-- a key is of one user
SELECT bastion.membership_force('bea@quota.example', test.tenant_of('amy')::text, 'viewer') IS NULL AS joined;
SELECT quota.run(:'amy', $$bastion.quota_consume('free', 1, 'mine') -> 'granted'$$) AS amy, quota.run(:'bea', $$bastion.quota_consume('free', 2, 'mine') -> 'granted'$$, test.tenant_of('amy')::text) AS bea;

-- savepoints and rollbacks take back what was counted, and the locks end with the transaction
BEGIN;
SELECT set_config('bastion.token', :'amy', true) IS NOT NULL AS presented;
SAVEPOINT s;
SELECT bastion.quota_consume('jobs') -> 'remaining' AS left;
ROLLBACK TO s;
SELECT bastion.quota_consume('jobs') -> 'remaining' AS the_same;
SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'userlock' AND mode = 'ExclusiveLock' AND pid = pg_backend_pid();
SELECT array_agg(bastion.quota_consume('jobs') -> 'remaining') AS each_sees_the_last FROM generate_series(1, 3);
ROLLBACK;
SELECT quota.usage(:'amy', 'jobs'), (SELECT count(*) FROM pg_locks WHERE locktype = 'userlock' AND mode = 'ExclusiveLock' AND pid = pg_backend_pid()) AS locks;

-- what ends with its owner, and what stays
SELECT bastion.quota_calendar_set(:'other', billing_anchor => '2020-01-01'), bastion.limit_override_set('jobs', 'day', 1, :'other'), quota.run(:'amy', $$bastion.quota_consume('jobs', 1, 'last') -> 'granted'$$, :'other') AS counted;
SELECT (SELECT count(*) FROM bastion.usage_windows WHERE owner_id = :'other') AS windows, (SELECT count(*) FROM bastion.quota_holds WHERE owner_id = :'other') AS keys,
       (SELECT count(*) FROM bastion.quota_calendars WHERE owner_id = :'other') AS calendars, (SELECT count(*) FROM bastion.limit_overrides WHERE owner_id = :'other') AS limits;
SELECT count(*) AS tables FROM bastion.tenant_delete(:'other') \gset
SELECT (SELECT count(*) FROM bastion.usage_windows WHERE owner_id = :'other') AS windows, (SELECT count(*) FROM bastion.quota_holds WHERE owner_id = :'other') AS keys,
       (SELECT count(*) FROM bastion.quota_calendars WHERE owner_id = :'other') AS calendars, (SELECT count(*) FROM bastion.limit_overrides WHERE owner_id = :'other') AS limits,
       (SELECT count(*) FROM bastion.usage_entries WHERE owner_id = :'other') AS entries_that_stay;
DELETE FROM bastion.units WHERE slug = 'aside' AND tenant_id = test.tenant_of('amy');
SELECT count(*) AS of_unit FROM bastion.usage_windows w WHERE w.scope = 'unit' AND NOT EXISTS (SELECT FROM bastion.units u WHERE u.id = w.scope_id);
-- a user who is deleted: limits and windows in tenants too, and what was reserved there is charged later to the tenant alone
INSERT INTO bastion.users (email) VALUES ('gone@quota.example') RETURNING id AS gone \gset
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT :'gone', test.tenant_of('bea'), r.id FROM bastion.roles r WHERE r.name = 'member' AND r.tenant_id IS NULL;
SELECT bastion.meter_set('visits'), bastion.plan_limit_set('visits', 'tenant', 'total', 100), bastion.plan_limit_set('visits', 'user', 'total', 50), bastion.limit_override_set('visits', 'total', 9, tenant => test.tenant_of('bea')::text, for_user => 'gone@quota.example');
INSERT INTO bastion.usage_windows (owner_id, scope, scope_id, meter, period, window_key, used, held)
SELECT test.tenant_of('bea'), w.scope, w.id, 'visits', 'total', '-infinity', 3, 2 FROM (VALUES ('user', :'gone'::uuid), ('tenant', test.tenant_of('bea'))) w (scope, id);
INSERT INTO bastion.quota_holds (owner_id, user_id, key, state, request, lines, answer, expires_at)
SELECT test.tenant_of('bea'), :'gone', 'left', 'open', '{"reserves": true, "amounts": {"visits": 2}}', jsonb_agg(jsonb_build_object('owner_id', w.owner_id, 'scope', w.scope, 'scope_id', w.scope_id, 'meter', 'visits', 'period', 'total', 'window_key', '-infinity', 'wanted', 2)), '{}', now() - interval '1 minute'
FROM bastion.usage_windows w WHERE w.meter = 'visits';
DELETE FROM bastion.users WHERE id = :'gone';
SELECT (SELECT count(*) FROM bastion.limit_overrides WHERE scope_id = :'gone') AS limits, (SELECT count(*) FROM bastion.usage_windows WHERE scope_id = :'gone') AS windows, quota.usage(:'bea', 'visits');
SELECT quota.run(:'bea', $$bastion.quota_consume('visits', 97) -> 'granted'$$) AS no_room, quota.run(:'bea', $$bastion.quota_consume('visits', 95) -> 'granted'$$) AS limit_of_a_user;
SELECT quota.usage(:'bea', 'visits'), (SELECT count(*) FROM bastion.usage_windows WHERE scope_id = :'gone') AS windows;
-- windows without their subject, of a use beside the deletion
INSERT INTO bastion.usage_windows (owner_id, scope, scope_id, meter, period, window_key) SELECT o, s, i, 'visits', 'total', '-infinity' FROM (VALUES (test.tenant_of('bea'), 'user', :'gone'::uuid), (:'gone', 'tenant', :'gone'), (:'gone', 'user', (SELECT id FROM test.people WHERE name = 'bea'))) v (o, s, i);
SELECT bastion.usage_prune(now() - interval '1 hour') AS entries;
SELECT (SELECT count(*) FROM bastion.usage_windows WHERE :'gone' IN (owner_id, scope_id)) AS windows, quota.usage(:'bea', 'visits');
-- an expired amount is charged on the day of its owner, not on that of UTC
UPDATE bastion.quota_calendars SET time_zone = 'Pacific/Kiritimati', next_time_zone = NULL, next_from = NULL WHERE owner_id = test.tenant_of('bea');
INSERT INTO bastion.quota_calendars (owner_id, time_zone) VALUES (test.tenant_of('bea'), 'Pacific/Kiritimati') ON CONFLICT DO NOTHING;
SELECT bastion_internal.quota_day(test.tenant_of('bea'), '2026-03-15 12:00Z') AS there;
SELECT quota.run(:'bea', $$bastion.quota_reserve('{"visits": 1}', 'far') -> 'granted'$$) AS reserved;
UPDATE bastion.quota_holds SET expires_at = date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '1 hour' WHERE key = 'far';
UPDATE bastion.plan_limits SET amount = 0 WHERE meter = 'visits' AND scope = 'tenant';
SELECT quota.run(:'bea', $$bastion.quota_consume('visits') -> 'granted'$$) AS refused;
SELECT (SELECT e.day - (e.occurred_at AT TIME ZONE 'UTC')::date FROM bastion.usage_entries e WHERE e.key = 'far') AS days;
-- the account is locked as long as something is reserved for it, also when its limit was removed
SELECT bastion.plan_limit_set('visits', 'tenant', 'total', NULL), bastion.plan_limit_set('visits', 'account', 'total', 500), quota.run(:'amy', $$bastion.quota_reserve('{"visits": 1}', 'account') -> 'granted'$$) AS reserved;
SELECT bastion.plan_limit_remove('visits', 'account', 'total');
DELETE FROM bastion.limit_overrides WHERE scope = 'account';
DELETE FROM bastion.plan_limits WHERE scope = 'account';
BEGIN;
SELECT set_config('bastion.token', :'amy', true) IS NOT NULL AS presented;
SELECT bastion.quota_consume('visits') -> 'granted' AS tenant_alone;
SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'userlock' AND mode = 'ExclusiveLock' AND pid = pg_backend_pid();
ROLLBACK;
BEGIN;
SELECT set_config('bastion.token', :'amy', true) IS NOT NULL AS presented;
SELECT bastion.quota_settle('account') -> 'state' AS state;
SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'userlock' AND mode = 'ExclusiveLock' AND pid = pg_backend_pid();
COMMIT;
SELECT bastion.plan_limit_remove('visits', 'user', 'total'), bastion.plan_limit_remove('visits', 'tenant', 'total');
SELECT bastion.meter_remove('free') AS removed, bastion.meter_remove('free') AS again, quota.run(:'amy', $$bastion.quota_consume('free')$$) AS gone;
SELECT kind, detail - 'resets_at' - 'before' - 'entries' - 'valid_until' AS detail FROM bastion.events WHERE kind ~ '^(meter|plan_limit|limit_override|quota_calendar|usage)_' AND id > :first_event ORDER BY id;
-- who may
SELECT has_function_privilege('regress_app', p.oid, 'EXECUTE') AS may, p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'bastion'::regnamespace AND p.proname ~ '^(meter|plan_limit|limit_override|quota|usage)_' ORDER BY p.proname COLLATE "C";
SELECT relname, relrowsecurity, has_table_privilege('regress_app', oid, 'SELECT') AS may FROM pg_class WHERE relnamespace = 'bastion'::regnamespace AND relkind = 'r' AND relname ~ '^(meters|plan_limits|limit_overrides|quota_|usage_)' ORDER BY relname COLLATE "C";
DELETE FROM bastion.meters;
DROP SCHEMA quota CASCADE;

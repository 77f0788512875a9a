-- Quotas
-- How much may be used in a period, by the plan of a tenant or a user: things that happen, money, rows of a table. The counters are rows, which
-- a rollback takes back. [LIMITS.md](LIMITS.md) has a session.
-- functions: meter_set meter_remove plan_limit_set plan_limit_remove limit_override_set limit_override_remove quota_calendar_set quota_consume quota_consume_many quota_require quota_reserve quota_settle quota_cancel quota_usage usage_roll_up usage_prune quota_recount

SELECT bastion.meter_set('runs'), bastion.meter_set('usd', 'cost', 6);
SELECT bastion.plan_limit_set('runs', 'tenant', 'total', 2), bastion.plan_limit_set('usd', 'user', 'total', 5);
SET ROLE app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT a -> 'granted' AS granted, a -> 'remaining' AS remaining, a #>> '{refused_by,scope}' AS refused_by FROM generate_series(1, 3) n, LATERAL (SELECT bastion.quota_consume('runs', n - n + 1)) q (a);
SELECT bastion.quota_reserve('{"usd": 2}', 'answer 42') -> 'granted' AS reserved, bastion.quota_settle('answer 42', '{"usd": 1.25}') -> 'state' AS state;
SELECT meter, scope, period, used, held, amount, remaining FROM bastion.quota_usage();
COMMIT;
RESET ROLE;

-- Rate limits
-- How often something may happen, and how many at once: for a user, a tenant, an API key, an address or a route, by the plan of the tenant.
-- The counters are in memory, and a rollback takes nothing back. [LIMITS.md](LIMITS.md) has a session.
-- functions: rate_limit_set rate_limit_remove rate_limit rate_limit_state rate_limit_require concurrency_limit

SELECT bastion.rate_limit_set('search', 'user', per_second => 0.1, burst => 2);
SET ROLE app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT n AS request, bastion.rate_limit('search') AS allowed FROM generate_series(1, 3) n;
SELECT s -> 'limit' AS "limit", s -> 'remaining' AS remaining, s #>> '{headers,RateLimit-Policy}' AS policy FROM bastion.rate_limit_state('search') s;
COMMIT;
RESET ROLE;

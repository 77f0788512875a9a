
-- What the server has counted since it started, for monitoring roles (pg/base/statistics.hpp). Nothing here names a user, tenant, key or row,
-- nor a limit or permission of an application: the words are those of the extension.

CREATE FUNCTION bastion_internal.counters() RETURNS TABLE (topic text, subject text, detail text, count bigint, stats_reset timestamptz)
LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 150
AS 'MODULE_PATHNAME', 'bastion_counters';
COMMENT ON FUNCTION bastion_internal.counters() IS 'Every counter of this database, and when it was last reset.';
SELECT bastion_internal.callable_by('bastion_internal.counters()', 'monitoring');

CREATE FUNCTION bastion_internal.statistics_mode() RETURNS text
LANGUAGE C VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_statistics_mode';
COMMENT ON FUNCTION bastion_internal.statistics_mode() IS 'Where this connection counts: shared memory, or connection.';

-- STABLE, as those that call it are: no answer depends on what was counted.
CREATE FUNCTION bastion_internal.count_refusal(counter text) RETURNS void
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_count_refusal';
COMMENT ON FUNCTION bastion_internal.count_refusal(text) IS
'Counts one more: step_up or quota_refused. No rollback takes it back. SQLSTATE 22023 for another counter.';

CREATE FUNCTION bastion.stats_reset() RETURNS void
LANGUAGE C VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_stats_reset';
COMMENT ON FUNCTION bastion.stats_reset() IS
'Sets the counters of this database, which the views bastion.stat_* and metrics() show, to 0. Other databases and the queue of events keep theirs. No rollback takes it back.
For operators: EXECUTE is granted to nobody.';

CREATE VIEW bastion.stat_verifications WITH (security_invoker = true) AS
SELECT c.subject AS kind, c.detail AS outcome, c.count, c.stats_reset FROM bastion_internal.counters() c WHERE c.topic = 'verification';
COMMENT ON VIEW bastion.stat_verifications IS
'How often tokens and passwords were accepted, and how often refused and why; for monitoring roles. A transaction decides about its token once, and again when rights change; a refused token counts in each statement';
COMMENT ON COLUMN bastion.stat_verifications.kind IS 'token, which includes API keys, delegations and impersonations; or password';
COMMENT ON COLUMN bastion.stat_verifications.outcome IS 'accepted, or why not: for a token the reason that whoami() gives; for a password wrong, throttled, or busy without a free slot';
COMMENT ON COLUMN bastion.stat_verifications.count IS 'How often, rollbacks included';
COMMENT ON COLUMN bastion.stat_verifications.stats_reset IS 'Since when it counts';
SELECT bastion_internal.readable_by('bastion.stat_verifications', 'monitoring');

CREATE VIEW bastion.stat_denials WITH (security_invoker = true) AS
SELECT c.subject AS reason, c.count, c.stats_reset FROM bastion_internal.counters() c WHERE c.topic = 'denial';
COMMENT ON VIEW bastion.stat_denials IS 'How often a caller lacked what was asked for; for monitoring roles';
COMMENT ON COLUMN bastion.stat_denials.reason IS 'permission: a policy or function asked for one that the caller does not hold, each once in a statement; step_up: a login was not strong or fresh enough; no_identity: there was no identity, or none in a tenant, and an error said so';
COMMENT ON COLUMN bastion.stat_denials.count IS 'How often, rollbacks included';
COMMENT ON COLUMN bastion.stat_denials.stats_reset IS 'Since when it counts';
SELECT bastion_internal.readable_by('bastion.stat_denials', 'monitoring');

CREATE VIEW bastion.stat_throttles WITH (security_invoker = true) AS
SELECT c.subject AS kind, c.count AS refused, c.stats_reset FROM bastion_internal.counters() c WHERE c.topic = 'throttle';
COMMENT ON VIEW bastion.stat_throttles IS 'How many attempts were refused because too many came before; for monitoring roles';
COMMENT ON COLUMN bastion.stat_throttles.kind IS 'What had been tried too often: account, address (/24, or /64 of IPv6), network (/48 of IPv6), pair of account and address, device, code, code_of_user, mail, signup or second_factor';
COMMENT ON COLUMN bastion.stat_throttles.refused IS 'How many attempts, rollbacks included';
COMMENT ON COLUMN bastion.stat_throttles.stats_reset IS 'Since when it counts';
SELECT bastion_internal.readable_by('bastion.stat_throttles', 'monitoring');

CREATE VIEW bastion.stat_limits WITH (security_invoker = true) AS
SELECT c.topic AS kind, c.subject AS scope, sum(c.count) FILTER (WHERE c.detail = 'granted')::bigint AS granted,
       sum(c.count) FILTER (WHERE c.detail = 'refused')::bigint AS refused, max(c.stats_reset) AS stats_reset
FROM bastion_internal.counters() c WHERE c.topic IN ('rate', 'concurrency', 'quota') GROUP BY c.topic, c.subject;
COMMENT ON VIEW bastion.stat_limits IS 'Requests that limits granted and refused; for monitoring roles. Those of the limits that API keys have themselves count with scope api_key';
COMMENT ON COLUMN bastion.stat_limits.kind IS 'rate, concurrency or quota';
COMMENT ON COLUMN bastion.stat_limits.scope IS 'What the limit counts: api_key, user, tenant, address or route; all for quotas';
COMMENT ON COLUMN bastion.stat_limits.granted IS 'Granted requests, rollbacks included';
COMMENT ON COLUMN bastion.stat_limits.refused IS 'Refused requests, rollbacks included';
COMMENT ON COLUMN bastion.stat_limits.stats_reset IS 'Since when it counts';
SELECT bastion_internal.readable_by('bastion.stat_limits', 'monitoring');

CREATE VIEW bastion.stat_caches WITH (security_invoker = true) AS
SELECT c.subject AS cache, sum(c.count) FILTER (WHERE c.detail = 'hits')::bigint AS hits, sum(c.count) FILTER (WHERE c.detail = 'misses')::bigint AS misses,
       sum(c.count) FILTER (WHERE c.detail = 'dropped')::bigint AS dropped, max(c.stats_reset) AS stats_reset
FROM bastion_internal.counters() c WHERE c.topic = 'cache' GROUP BY c.subject;
COMMENT ON VIEW bastion.stat_caches IS 'The caches of all backends together; for monitoring roles. cache_stats() has those of one backend, with their size';
COMMENT ON COLUMN bastion.stat_caches.cache IS 'Name of the cache';
COMMENT ON COLUMN bastion.stat_caches.hits IS 'Values that were found';
COMMENT ON COLUMN bastion.stat_caches.misses IS 'Values that were not, and were read or computed';
COMMENT ON COLUMN bastion.stat_caches.dropped IS 'Values that left because something changed';
COMMENT ON COLUMN bastion.stat_caches.stats_reset IS 'Since when it counts';
SELECT bastion_internal.readable_by('bastion.stat_caches', 'monitoring');

CREATE VIEW bastion.stat_queues WITH (security_invoker = true) AS
SELECT 'events' AS queue, e.waiting, e.oldest, e.dropped + e.discarded AS dead FROM bastion_internal.event_queue_counts() e WHERE e.waiting IS NOT NULL
UNION ALL
SELECT 'outbox', o.waiting + o.claimed, o.oldest, o.dead FROM bastion.outbox_counts() o;
COMMENT ON VIEW bastion.stat_queues IS 'What waits to be written or sent; for monitoring roles. events is the queue of this server for all databases, and is missing without preload';
COMMENT ON COLUMN bastion.stat_queues.queue IS 'events or outbox';
COMMENT ON COLUMN bastion.stat_queues.waiting IS 'How many wait, claimed mail included';
COMMENT ON COLUMN bastion.stat_queues.oldest IS 'When the oldest of these was queued';
COMMENT ON COLUMN bastion.stat_queues.dead IS 'Events that were lost since the server started, or mail whose last attempt failed';
SELECT bastion_internal.readable_by('bastion.stat_queues', 'monitoring');

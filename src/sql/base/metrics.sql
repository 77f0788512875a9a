
-- The same numbers for Prometheus: its text format, version 0.0.4.

CREATE FUNCTION bastion_internal.metric_sample(value numeric, labels text[] DEFAULT '{}') RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    -- In SQL_ASCII nobody knows what the bytes mean, and the format is UTF-8.
    SELECT coalesce('{' || string_agg(format('%s="%s"', labels[n], replace(replace(replace(
               CASE WHEN getdatabaseencoding() = 'SQL_ASCII' THEN regexp_replace(labels[n + 1] COLLATE "C", '[^ -~]', '?', 'g') ELSE labels[n + 1] END,
               chr(92), repeat(chr(92), 2)), chr(34), chr(92) || chr(34)), chr(10), chr(92) || 'n')), ',' ORDER BY n) || '}', '') || ' ' || value
    FROM generate_series(1, cardinality(labels) - 1, 2) n
$$;
COMMENT ON FUNCTION bastion_internal.metric_sample(numeric, text[]) IS
'The labels, names and values by turns, and the value of a metric as Prometheus reads them. A backslash, a quotation mark and a line feed in the value of a label are escaped.';

CREATE FUNCTION bastion_internal.metric(name text, type text, help text, samples text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format(E'# HELP %1$s %2$s\n# TYPE %1$s %3$s\n', name, help, type) || string_agg(name || s.sample || E'\n', '' ORDER BY s.place)
    FROM unnest(samples) WITH ORDINALITY s (sample, place)
$$;
COMMENT ON FUNCTION bastion_internal.metric(text, text, text, text[]) IS 'A metric as Prometheus reads it; NULL without samples.';

-- It reads the counters once: those of one answer are of one moment.
CREATE FUNCTION bastion.metrics() RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    status jsonb := bastion_internal.library_status();
BEGIN
    RETURN concat(
        bastion_internal.metric('bastion_info', 'gauge', 'The running library, this database, and whether counters are in shared memory or those of this connection alone.',
            ARRAY[bastion_internal.metric_sample(1, ARRAY['version', status ->> 'library_version', 'database', current_database(), 'preloaded', status ->> 'preloaded',
                                                          'statistics', bastion_internal.statistics_mode()])]),
        bastion_internal.metric('bastion_root_key_loaded', 'gauge', 'Whether the server has its root key.',
            ARRAY[bastion_internal.metric_sample(CASE WHEN status #>> '{root_key,loaded}' IS NULL THEN 0 ELSE 1 END)]),
        (SELECT concat(
                bastion_internal.metric('bastion_verifications_total', 'counter', 'Tokens and passwords by outcome.',
                    array_agg(bastion_internal.metric_sample(c.count, ARRAY['kind', c.subject, 'outcome', c.detail]) ORDER BY c.place) FILTER (WHERE c.topic = 'verification')),
                bastion_internal.metric('bastion_denials_total', 'counter', 'Requests for something that the caller lacked.',
                    array_agg(bastion_internal.metric_sample(c.count, ARRAY['reason', c.subject]) ORDER BY c.place) FILTER (WHERE c.topic = 'denial')),
                bastion_internal.metric('bastion_throttled_total', 'counter', 'Attempts that were refused because too many came before.',
                    array_agg(bastion_internal.metric_sample(c.count, ARRAY['kind', c.subject]) ORDER BY c.place) FILTER (WHERE c.topic = 'throttle')),
                bastion_internal.metric('bastion_limit_requests_total', 'counter', 'Requests that rate limits, concurrency limits and quotas granted or refused.',
                    array_agg(bastion_internal.metric_sample(c.count, ARRAY['kind', c.topic, 'scope', c.subject, 'result', c.detail]) ORDER BY c.topic, c.subject, c.detail)
                        FILTER (WHERE c.topic IN ('rate', 'concurrency', 'quota'))),
                bastion_internal.metric('bastion_cache_hits_total', 'counter', 'Values that the caches of all backends found.',
                    array_agg(bastion_internal.metric_sample(c.count, ARRAY['cache', c.subject]) ORDER BY c.subject) FILTER (WHERE c.topic = 'cache' AND c.detail = 'hits')),
                bastion_internal.metric('bastion_cache_misses_total', 'counter', 'Values that they did not find, and read or computed.',
                    array_agg(bastion_internal.metric_sample(c.count, ARRAY['cache', c.subject]) ORDER BY c.subject) FILTER (WHERE c.topic = 'cache' AND c.detail = 'misses')),
                bastion_internal.metric('bastion_cache_dropped_total', 'counter', 'Values that left them because something changed.',
                    array_agg(bastion_internal.metric_sample(c.count, ARRAY['cache', c.subject]) ORDER BY c.subject) FILTER (WHERE c.topic = 'cache' AND c.detail = 'dropped')),
                bastion_internal.metric('bastion_statistics_reset_timestamp_seconds', 'gauge', 'Since when the counters of this database count.',
                    ARRAY[bastion_internal.metric_sample(extract(epoch FROM min(c.stats_reset)))]))
         FROM bastion_internal.counters() WITH ORDINALITY c (topic, subject, detail, count, stats_reset, place)),
        (SELECT concat(
                bastion_internal.metric('bastion_queue_waiting', 'gauge', 'What waits to be written or sent.',
                    array_agg(bastion_internal.metric_sample(q.waiting, ARRAY['queue', q.queue]))),
                bastion_internal.metric('bastion_queue_oldest_age_seconds', 'gauge', 'Age of the oldest of these; 0 without any.',
                    array_agg(bastion_internal.metric_sample(coalesce(greatest(0, extract(epoch FROM clock_timestamp() - q.oldest)), 0), ARRAY['queue', q.queue]))),
                bastion_internal.metric('bastion_outbox_dead', 'gauge', 'Mail whose last attempt failed.',
                    array_agg(bastion_internal.metric_sample(q.dead)) FILTER (WHERE q.queue = 'outbox')))
         FROM bastion.stat_queues q),
        (SELECT concat(
                bastion_internal.metric('bastion_events_written_total', 'counter', 'Events that the queue of this server has written.',
                    array_agg(bastion_internal.metric_sample(e.written))),
                bastion_internal.metric('bastion_events_lost_total', 'counter', 'Events that were dropped because the queue was full, or discarded because no table took them.',
                    array_agg(bastion_internal.metric_sample(e.dropped, ARRAY['reason', 'dropped'])) || array_agg(bastion_internal.metric_sample(e.discarded, ARRAY['reason', 'discarded']))))
         FROM bastion_internal.event_queue_counts() e WHERE e.waiting IS NOT NULL));
END
$$;
COMMENT ON FUNCTION bastion.metrics() IS
'The numbers of the views bastion.stat_*, and the state of root key and queues, in the text format of Prometheus (version 0.0.4). It names no user, tenant or key. For superusers, the owner of the extension and monitoring roles.';
SELECT bastion_internal.callable_by('bastion.metrics()', 'monitoring');

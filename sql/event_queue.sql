-- The queue of events where the library is not preloaded: there is none; what the worker would call; who may call it. The
-- queue itself is tested in test/tap/t/event_queue.pl.
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT bastion.library_version() IS NOT NULL AS loaded;
SELECT name, setting, unit FROM pg_settings WHERE name IN ('bastion.event_queue_size', 'bastion.secret_log') ORDER BY name;
SELECT bastion.status() -> 'events' AS events, bastion.status() ->> 'weaker' ~ 'rolls back' AS weaker;
SELECT bastion_internal.queue_event('s', '{}', false) AS without_queue, bastion_internal.queue_event('s', '{}', true) AS nobody_waits,
       bastion_internal.queue_event(NULL, '{}', false) AS null;
-- nobody else may
SET ROLE regress_app;
SELECT test.error($$SELECT bastion_internal.queue_event('s', '{}', false)$$), test.error($$SELECT bastion_internal.event_write('s', '{}')$$);
SELECT test.error($$SELECT bastion_internal.events_write('{s}', '{"{}"}')$$), test.error($$SELECT bastion_internal.secret_access_write('{}')$$);
SELECT test.error('SET bastion.event_queue_size = 0');
RESET ROLE;
SELECT test.error('SET bastion.event_queue_size = 0');
SELECT test.error('ALTER ROLE regress_app SET bastion.event_queue_size = 0');

-- what the worker calls
CREATE TABLE test.entries AS
SELECT jsonb_build_object('occurred_at', '2001-02-03 04:05:06+00', 'action', 'get', 'secret', gen_random_uuid(), 'name', 'queued ' || n,
    'version', 1, 'tenant', gen_random_uuid(), 'user', gen_random_uuid(), 'ip', '192.0.2.1', 'purpose', E'quo\\ted "text"')::text AS entry
FROM generate_series(1, 3) n;
SELECT bastion_internal.events_write(array_agg('s'::"char"), array_agg(entry ORDER BY entry)) AS refused FROM test.entries;
SELECT name, occurred_at = '2001-02-03 04:05:06+00' AS then, action, version, ip, purpose, user_id IS NOT NULL AS known, session_id
FROM bastion.secret_access_log WHERE name ~ '^queued' ORDER BY id;
-- what fits nowhere is left out, and the rest stays
SET client_min_messages = error;
SELECT bastion_internal.events_write('{s,s,x,s,s}', ARRAY['{"action": "get"}', (SELECT min(entry) FROM test.entries), '{}', 'no JSON',
                                               (SELECT replace(min(entry), '"get"', '"take"') FROM test.entries)]) AS refused;
SELECT count(*) FROM bastion.secret_access_log WHERE name ~ '^queued';
SELECT bastion_internal.events_write('{}', '{}') AS nothing, bastion_internal.events_write(NULL, '{}') AS null;
SELECT test.error($$SELECT bastion_internal.event_write('x', '{}')$$), test.error($$SELECT bastion_internal.event_write(NULL, NULL)$$);
DROP TABLE test.entries;

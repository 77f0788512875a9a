-- A monitoring role sees the state of the extension and numbers, and no user, tenant, key or row.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_monitor;
SELECT test.error('SELECT bastion.allow_monitoring_role(0)');
SELECT bastion.allow_monitoring_role('regress_monitor');
CREATE VIEW test.monitoring AS
SELECT p.oid::regprocedure::text AS held FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname ~ '^bastion' AND has_schema_privilege('regress_monitor', n.oid, 'USAGE') AND has_function_privilege('regress_monitor', p.oid, 'EXECUTE')
UNION ALL
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname ~ '^bastion' AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
  AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege('regress_monitor', c.oid, 'USAGE, SELECT, UPDATE')
           ELSE has_any_column_privilege('regress_monitor', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES') OR has_table_privilege('regress_monitor', c.oid, 'DELETE, TRUNCATE, TRIGGER') END;
SELECT * FROM test.monitoring ORDER BY held COLLATE "C";

CREATE TABLE monitored (id int PRIMARY KEY, tenant_id uuid NOT NULL);
GRANT SELECT ON monitored TO regress_app;
SELECT bastion_api.login('somebody@monitoring.example', 'wrong horse') ->> 'error';
SET ROLE regress_monitor;
SELECT bastion.status() ? 'root_key' AS status, bastion.cache_stats() ? 'sessions' AS caches, bastion.library_version() IS NOT NULL AS version;
SELECT (SELECT count(*) > 0 FROM bastion.stat_verifications) AS verifications, (SELECT count(*) > 0 FROM bastion.stat_denials) AS denials, (SELECT count(*) > 0 FROM bastion.stat_throttles) AS throttles,
       (SELECT count(*) > 0 FROM bastion.stat_limits) AS limits, (SELECT count(*) > 0 FROM bastion.stat_caches) AS caches, (SELECT count(*) > 0 FROM bastion.stat_queues) AS queues;
-- each metric has its HELP and TYPE before its samples, and no sample twice; a counter ends in _total
CREATE TEMP TABLE lines AS SELECT line, place, substring(line FROM '^(?:# [A-Z]+ )?([a-z_]+)') AS metric FROM string_to_table(bastion.metrics(), E'\n') WITH ORDINALITY l (line, place) WHERE line <> '';
SELECT count(*) > 100 AS many,
       bool_and(line ~ '^# HELP [a-z_]+ [A-Z].*[.]$|^# TYPE [a-z_]+ (counter|gauge)$|^[a-z_]+([{]([a-z]+="[^"]*",?)+[}])? [0-9]+([.][0-9]+)?$') AS well_formed,
       bool_and((line ~ '_total counter$') = (line ~ ' counter$')) AS counters
FROM lines;
SELECT line FROM lines l WHERE line !~ '^#' AND EXISTS (SELECT FROM lines o WHERE o.place <> l.place AND regexp_replace(o.line, ' [^ ]+$', '') = regexp_replace(l.line, ' [^ ]+$', ''));
SELECT metric FROM lines GROUP BY metric
HAVING string_agg(left(line, 6), ' ' ORDER BY place) !~ '^# HELP # TYPE' OR count(*) FILTER (WHERE line ~ '^#') <> 2 OR max(place) - min(place) <> count(*) - 1;
DROP TABLE lines;
SELECT kind, outcome, events > 0 AS some, last_at > now() - interval '1 hour' AS lately FROM bastion.event_counts() WHERE kind = 'login_refused';
SELECT test.error(format('SELECT * FROM bastion.event_counts(%L)', v)) FROM unnest(ARRAY[NULL, '-1 s', '101 years']) v;
SELECT count(*) FROM bastion.events_pruned() WHERE NOT genuine;
SELECT severity, findings > 0 AS some FROM bastion.lint_summary() WHERE problem = 'row security is off';
SELECT count(*) FROM bastion.lint_summary() s WHERE s::text ~ 'monitored|regress_';
SELECT test.error(statement) FROM unnest(ARRAY['SELECT * FROM bastion.lint()', 'SELECT * FROM bastion.events', 'SELECT * FROM bastion.users', 'SELECT bastion.events_prune(now())',
    'SELECT bastion_internal.library_status()', 'SELECT bastion.stats_reset()', 'SELECT bastion_internal.count_refusal(''step_up'')', 'SELECT * FROM bastion.outbox', 'SELECT bastion.init()', $$SELECT bastion_test.act_as('ann')$$]) statement;
RESET ROLE;
-- it reads the counters once, so that they are of one moment
BEGIN;
SET LOCAL track_functions = 'all';
SELECT bastion.metrics() IS NOT NULL AS metrics;
SELECT f.calls FROM pg_stat_xact_user_functions f WHERE f.funcname = 'counters';
COMMIT;
-- the same numbers as lint()
SELECT sum(s.findings) = (SELECT count(*) FROM bastion.lint() l WHERE l.problem !~ 'whose tenant does not exist') AS all_of_them FROM bastion.lint_summary() s;
SELECT bastion.disallow_app_role('regress_monitor');
SELECT count(*) FROM test.monitoring;
DROP VIEW test.monitoring;
DROP TABLE monitored;
DROP ROLE regress_monitor;

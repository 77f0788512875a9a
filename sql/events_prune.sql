-- events_prune(): old events go in one way alone, which leaves a record with a MAC.
\set VERBOSITY terse
SET client_min_messages = warning;
SET timezone = 'UTC';
INSERT INTO bastion.events (occurred_at, kind, outcome)
SELECT '2001-01-01'::timestamptz + day * interval '1 day', 'login', 'success' FROM generate_series(0, 9) day;
SELECT min(id) AS first FROM bastion.events WHERE occurred_at < '2002-01-01' \gset
SELECT count(*) AS recent FROM bastion.events WHERE occurred_at >= '2002-01-01' \gset

SELECT test.error(format('SELECT bastion.events_prune(%L)', moment))
FROM unnest(ARRAY[NULL, 'infinity', '-infinity', 'tomorrow']) moment;
SELECT bastion.events_prune('2000-01-01') AS none, (SELECT count(*) FROM bastion.pruned_events) AS records;
SELECT bastion.events_prune('2001-01-04') AS removed;
SET timezone = 'Asia/Tokyo';
SET extra_float_digits = 0;
SET DateStyle = 'German';
SELECT bastion.events_prune('01.01.2002 00:00:00 UTC') AS removed, bastion.events_prune('01.01.2002 00:00:00 UTC') AS again;
RESET ALL;
SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT pruned_by = session_user AS by_me, pruned_at > now() - interval '1 hour' AS now, before, events, first_event - :first AS first, last_event - :first AS last, genuine
FROM bastion.events_pruned();
SELECT count(*) - :recent AS added, count(*) FILTER (WHERE occurred_at < '2002-01-01') AS old FROM bastion.events;
SELECT kind, outcome, detail ->> 'events' AS events, to_timestamp((detail ->> 'before')::bigint) AS before, detail ->> 'role' = session_user AS by_me
FROM bastion.events WHERE kind = 'events_pruned' ORDER BY id DESC LIMIT 2;

-- records stay, and what changes them shows
SELECT test.error(statement) FROM unnest(ARRAY['UPDATE bastion.pruned_events SET events = 1', 'DELETE FROM bastion.pruned_events', 'TRUNCATE bastion.pruned_events']) statement;
BEGIN;
ALTER TABLE bastion.pruned_events DISABLE TRIGGER pruned_events_append_only;
UPDATE bastion.pruned_events SET events = events - 1 WHERE before = '2001-01-04';
SELECT string_agg(genuine::text, ' ') AS changed FROM bastion.events_pruned();
ROLLBACK;
BEGIN;
ALTER TABLE bastion.pruned_events DISABLE TRIGGER pruned_events_append_only;
UPDATE bastion.pruned_events SET pruned_by = 'nobody', mac = decode(repeat('00', 16), 'hex') WHERE before = '2001-01-04';
SELECT string_agg(genuine::text, ' ') AS forged FROM bastion.events_pruned();
ROLLBACK;
BEGIN;
ALTER TABLE bastion.pruned_events DISABLE TRIGGER pruned_events_append_only;
DELETE FROM bastion.pruned_events WHERE before = '2001-01-04';
SELECT string_agg(genuine::text, ' ') AS gone FROM bastion.events_pruned();
ROLLBACK;

-- a delete by other means is refused, also with a record that nobody can compute, or of another delete
INSERT INTO bastion.events (occurred_at, kind, outcome) VALUES ('2001-01-01', 'login', 'success') RETURNING id AS victim \gset
SELECT test.error(format('DELETE FROM bastion.events WHERE id = %s', :victim));
BEGIN;
INSERT INTO bastion.pruned_events (pruned_at, pruned_by, before, events, first_event, last_event, mac)
VALUES (now(), session_user, now(), 1, :victim, :victim, decode(repeat('00', 16), 'hex'));
SELECT test.error(format('DELETE FROM bastion.events WHERE id = %s', :victim));
ROLLBACK;
SELECT bastion.events_prune('2002-01-01') AS removed;
-- a rollback undoes both
BEGIN;
INSERT INTO bastion.events (occurred_at, kind, outcome) VALUES ('2001-01-01', 'login', 'success');
SAVEPOINT s;
SELECT bastion.events_prune('2002-01-01') AS removed;
ROLLBACK TO s;
SELECT count(*) AS old, (SELECT count(*) FROM bastion.pruned_events) AS records FROM bastion.events WHERE occurred_at < '2002-01-01';
ROLLBACK;

-- for operators: a role of a job, and no application
SET ROLE regress_app;
SELECT test.error('SELECT bastion.events_prune(now())'), test.error('SELECT * FROM bastion.events_pruned()'), test.error('SELECT * FROM bastion.pruned_events');
RESET ROLE;
INSERT INTO bastion.events (occurred_at, kind, outcome) VALUES ('2001-01-01', 'login', 'success');
GRANT EXECUTE ON FUNCTION bastion.events_prune TO regress_stranger;
GRANT USAGE ON SCHEMA bastion TO regress_stranger;
SET ROLE regress_stranger;
SELECT bastion.events_prune('2002-01-01') AS removed;
RESET ROLE;
REVOKE EXECUTE ON FUNCTION bastion.events_prune FROM regress_stranger;
REVOKE USAGE ON SCHEMA bastion FROM regress_stranger;


-- Old events are removed in one way alone, which leaves a record: how many, which, when and by whom. The record has a MAC under a
-- data key of the installation, over its values and the MAC of the record before it.

CREATE TABLE bastion.pruned_events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    pruned_at timestamptz NOT NULL,
    pruned_by text NOT NULL,
    before timestamptz NOT NULL,
    events bigint NOT NULL,
    first_event bigint NOT NULL,
    last_event bigint NOT NULL,
    mac bytea NOT NULL,
    CONSTRAINT pruned_events_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE bastion.pruned_events IS 'What events_prune() removed; append-only. Granted to nobody';
COMMENT ON COLUMN bastion.pruned_events.id IS 'Order of writing';
COMMENT ON COLUMN bastion.pruned_events.pruned_at IS 'When the events were removed';
COMMENT ON COLUMN bastion.pruned_events.pruned_by IS 'The role that logged in and removed them';
COMMENT ON COLUMN bastion.pruned_events.before IS 'All events of before this moment were removed';
COMMENT ON COLUMN bastion.pruned_events.events IS 'How many events were removed';
COMMENT ON COLUMN bastion.pruned_events.first_event IS 'The lowest id of a removed event';
COMMENT ON COLUMN bastion.pruned_events.last_event IS 'The highest id of a removed event';
COMMENT ON COLUMN bastion.pruned_events.mac IS 'MAC over the other values and the MAC of the previous record';
ALTER TABLE bastion.pruned_events ENABLE ROW LEVEL SECURITY;
SELECT pg_extension_config_dump('bastion.pruned_events', '');
SELECT pg_extension_config_dump('bastion.pruned_events_id_seq', '');

CREATE TRIGGER pruned_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bastion.pruned_events
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.keep_events();
ALTER TABLE bastion.pruned_events ENABLE ALWAYS TRIGGER pruned_events_append_only;
COMMENT ON TRIGGER pruned_events_append_only ON bastion.pruned_events IS 'Keeps records as they were written';

-- Numbers, because texts of times depend on settings of the caller.
CREATE FUNCTION bastion_internal.prune_mac(record bastion.pruned_events, previous bytea) RETURNS bytea
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion.blind_index_for(NULL, concat_ws('|', extract(epoch FROM record.pruned_at), extract(epoch FROM record.before), record.events,
                                                   record.first_event, record.last_event, encode(previous, 'hex'), record.pruned_by),
                                   'pruned_events')
$$;
COMMENT ON FUNCTION bastion_internal.prune_mac(bastion.pruned_events, bytea) IS
'The MAC of a record of events_prune(). SQLSTATE BA001, BA002.';

CREATE FUNCTION bastion_internal.keep_unpruned_events() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM gone) OR EXISTS (
            SELECT FROM (SELECT count(*) AS events, min(g.id) AS first_event, max(g.id) AS last_event FROM gone g) d
            JOIN bastion_internal.pruned_genuinely() p USING (events, first_event, last_event) WHERE p.genuine) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'bastion.events is append-only' USING ERRCODE = 'insufficient_privilege',
        HINT = 'bastion.events_prune() removes old events and leaves a record.';
END
$$;
COMMENT ON FUNCTION bastion_internal.keep_unpruned_events() IS
'Trigger: refuses DELETE, by the owner too, unless a genuine record says that these events were removed. SQLSTATE 42501.';

CREATE FUNCTION bastion_internal.pruned_genuinely() RETURNS TABLE (id bigint, pruned_at timestamptz, pruned_by text, before timestamptz,
                                                                   events bigint, first_event bigint, last_event bigint, genuine boolean)
LANGUAGE sql VOLATILE PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.id, p.pruned_at, p.pruned_by, p.before, p.events, p.first_event, p.last_event,
           p.mac = bastion_internal.prune_mac(p, lag(p.mac, 1, ''::bytea) OVER (ORDER BY p.id))
    FROM bastion.pruned_events p ORDER BY p.id
$$;
COMMENT ON FUNCTION bastion_internal.pruned_genuinely() IS
'The records of events_prune(), and whether the MAC of each is right. SQLSTATE BA001, BA002.';

CREATE TRIGGER events_keep_unpruned AFTER DELETE ON bastion.events
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.keep_unpruned_events();
ALTER TABLE bastion.events ENABLE ALWAYS TRIGGER events_keep_unpruned;
COMMENT ON TRIGGER events_keep_unpruned ON bastion.events IS 'Lets events_prune() alone remove events';

CREATE FUNCTION bastion.events_prune(before timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    previous bytea;
    removed bigint;
BEGIN
    IF before IS NULL OR before > now() OR NOT isfinite(before) THEN
        RAISE EXCEPTION 'events are pruned before a moment of the past' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- One at a time: each record has the MAC of the one before it.
    LOCK TABLE bastion.pruned_events IN SHARE ROW EXCLUSIVE MODE;
    previous := coalesce((SELECT p.mac FROM bastion.pruned_events p ORDER BY p.id DESC LIMIT 1), '');
    WITH gone AS (
        DELETE FROM bastion.events e WHERE e.occurred_at < events_prune.before RETURNING e.id
    ), added AS (
        INSERT INTO bastion.pruned_events (pruned_at, pruned_by, before, events, first_event, last_event, mac)
        SELECT (n.r).pruned_at, (n.r).pruned_by, (n.r).before, (n.r).events, (n.r).first_event, (n.r).last_event,
               bastion_internal.prune_mac(n.r, previous)
        FROM (SELECT ROW (NULL, moment, session_user, events_prune.before, count(*), min(g.id), max(g.id), NULL)::bastion.pruned_events AS r
              FROM gone g HAVING count(*) > 0) n
        RETURNING pruned_events.events
    )
    SELECT a.events INTO removed FROM added a;
    IF removed IS NOT NULL THEN
        PERFORM bastion_internal.record_event('events_pruned', 'success', NULL, NULL,
            jsonb_build_object('events', removed, 'before', extract(epoch FROM events_prune.before)::bigint, 'role', session_user));
    END IF;
    RETURN coalesce(removed, 0);
END
$$;
COMMENT ON FUNCTION bastion.events_prune(timestamptz) IS
'Removes all events of before a moment, which is not in the future; returns their number.
A record stays in bastion.pruned_events, and events_pruned() shows it: how many events, up to when, by which role, with a MAC. Without any such event, nothing is written. PostgreSQL''s VACUUM makes the space free for new events.
For operators: EXECUTE is granted to nobody, and may be granted to the role of a job.
SQLSTATE 22023 for NULL, infinity or a moment in the future, BA001 without a root key, 25006 in a READ ONLY transaction.';
SELECT bastion_internal.event_kind('events_pruned');

CREATE FUNCTION bastion.events_pruned() RETURNS TABLE (pruned_at timestamptz, pruned_by text, before timestamptz, events bigint,
                                                       first_event bigint, last_event bigint, genuine boolean)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.pruned_at, p.pruned_by, p.before, p.events, p.first_event, p.last_event, p.genuine FROM bastion_internal.pruned_genuinely() p
$$;
COMMENT ON FUNCTION bastion.events_pruned() IS
'Lists what events_prune() removed: how many events, their lowest and highest ids, up to when, when and by which role. genuine is false where a record was changed, added by other means, or removed before this one.
For superusers, the owner of the extension and monitoring roles.
SQLSTATE BA001 without a root key, BA002 without the one that the records need.';
SELECT bastion_internal.callable_by('bastion.events_pruned()', 'monitoring');

CREATE FUNCTION bastion.event_counts(since interval DEFAULT '1 hour') RETURNS TABLE (kind text, outcome text, events bigint, last_at timestamptz)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF since IS NULL OR NOT bastion_internal.lasts(since, '0', '100 years') THEN
        RAISE EXCEPTION 'invalid age of events' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY SELECT e.kind, e.outcome, count(*), max(e.occurred_at) FROM bastion.events e
                 WHERE e.occurred_at >= clock_timestamp() - since
                 GROUP BY e.kind, e.outcome ORDER BY e.kind COLLATE "C", e.outcome;
END
$$;
COMMENT ON FUNCTION bastion.event_counts(interval) IS
'Counts the events of the last hour, or of another time, by kind and outcome, with the time of the last one.
For superusers, the owner of the extension and monitoring roles.
SQLSTATE 22023 for NULL, a negative interval or one over 100 years.';
SELECT bastion_internal.callable_by('bastion.event_counts(interval)', 'monitoring');

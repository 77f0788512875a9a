
-- What was used: for callers, and the daily sums of the ledger.

CREATE FUNCTION bastion.quota_usage(for_meter text DEFAULT NULL)
RETURNS TABLE (meter text, scope text, unit_id uuid, period text, used numeric, held numeric, amount numeric, soft_amount numeric, remaining numeric, resets_at timestamptz)
LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.meter, l.scope, CASE WHEN l.scope = 'unit' THEN l.scope_id END, l.period, u.used, l.held, l.amount, l.soft_amount,
           greatest(l.amount - u.used - l.held, 0), l.resets_at
    FROM unnest(bastion_internal.quota_lines(NULL, NULL)) l, LATERAL (
        SELECT CASE WHEN l.meter = 'units' AND bastion_internal.meter_kind('units') = 'gauge'
                    THEN (SELECT count(*) FROM bastion.units n WHERE n.tenant_id = l.owner_id)::numeric ELSE l.used END AS used) u
    WHERE for_meter IS NULL OR l.meter = for_meter
    ORDER BY l.meter, l.scope, l.scope_id, l.resets_at NULLS LAST
$$;
COMMENT ON FUNCTION bastion.quota_usage(text) IS
'Lists the limits that concern the caller, of one meter or of all: of the user (account: in all tenants together), of the unit and those above it (unit_id), of the tenant and of the API key, with what is used and reserved of each in the present period, what remains, and when the next period begins.
Counts nothing. For the user, unit and tenant of this transaction.
SQLSTATE 42501 when anonymous, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.quota_usage(text)', 'application');

CREATE FUNCTION bastion.usage_roll_up(at_most bigint DEFAULT 100000) RETURNS bigint
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    rolled bigint;
BEGIN
    -- An entry that commits later is in the next run, whatever its number.
    WITH entries AS (
        UPDATE bastion.usage_entries e SET rolled_up = true
        WHERE e.id IN (SELECT n.id FROM bastion.usage_entries n WHERE NOT n.rolled_up ORDER BY n.id LIMIT at_most FOR UPDATE SKIP LOCKED)
        RETURNING e.owner_id, e.day, e.meter, e.user_id, e.amount
    ), sums AS (
        SELECT e.owner_id, e.day, e.meter, e.user_id, sum(e.amount) AS amount, count(*) AS entries FROM entries e GROUP BY 1, 2, 3, 4
    ), added AS (
        INSERT INTO bastion.usage_daily AS d (owner_id, day, meter, user_id, amount, entries)
        SELECT s.owner_id, s.day, s.meter, s.user_id, s.amount, s.entries FROM sums s ORDER BY 1, 2, 3, 4
        ON CONFLICT ON CONSTRAINT usage_daily_pkey DO UPDATE SET amount = d.amount + excluded.amount, entries = d.entries + excluded.entries
    )
    SELECT count(*) INTO rolled FROM entries;
    RETURN rolled;
END
$$;
COMMENT ON FUNCTION bastion.usage_roll_up(bigint) IS
'Adds the entries of the ledger (usage_entries) that are new to the sums of each day (usage_daily), at most so many; returns their number. Each entry is added once, also when several calls run at once.
For operators, to be called regularly until it returns 0: EXECUTE is granted to nobody, and may be granted to the role of a job.
SQLSTATE 2201W for a negative number.';

CREATE FUNCTION bastion.usage_prune(before timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    removed bigint;
BEGIN
    IF before IS NULL OR before > clock_timestamp() OR NOT isfinite(before) THEN
        RAISE EXCEPTION 'usage is pruned before a moment of the past' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    DELETE FROM bastion.usage_entries e WHERE e.rolled_up AND e.occurred_at < usage_prune.before;
    GET DIAGNOSTICS removed = ROW_COUNT;
    DELETE FROM bastion.quota_holds h WHERE h.state <> 'open' AND h.expires_at < usage_prune.before;
    -- A use that ran beside the deletion may have counted after it.
    DELETE FROM bastion.usage_windows w
    WHERE w.held = 0 AND NOT (bastion_internal.quota_subject_exists(w.scope, w.scope_id)
                              AND (w.scope = 'account' OR bastion_internal.quota_subject_exists('tenant', w.owner_id)));
    -- A month and the days of a time zone after a window began, it has ended.
    DELETE FROM bastion.usage_windows w
    WHERE w.period <> 'total' AND w.held = 0 AND w.window_key < usage_prune.before AT TIME ZONE 'UTC' - interval '33 days';
    IF removed > 0 THEN
        PERFORM bastion_internal.record_event('usage_pruned', 'success', NULL, NULL, jsonb_build_object(
            'entries', removed, 'before', extract(epoch FROM usage_prune.before)::bigint, 'role', session_user));
    END IF;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION bastion.usage_prune(timestamptz) IS
'Removes the entries of the ledger of before a moment that usage_roll_up() has added to the daily sums; returns their number. Also keys of requests that ended before it, and counters of periods that did, or whose user, unit or tenant was deleted. The daily sums stay.
For operators: EXECUTE is granted to nobody, and may be granted to the role of a job.
SQLSTATE 22023 for NULL, infinity or a moment in the future.';
SELECT bastion_internal.event_kind('usage_pruned');

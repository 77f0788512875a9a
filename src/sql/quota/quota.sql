
-- Use of a quota. Every limit that concerns a caller has a window, a row of usage_windows. Before anything is counted, a transaction locks
-- the account of its user, if a limit counts that in all tenants, and then its tenant. It has one of each, so that transactions that use several
-- meters in any order wait for each other and never in a circle.

CREATE TYPE bastion_internal.quota_line AS (
    owner_id uuid, scope text, scope_id uuid, meter text, period text, window_key timestamp, resets_at timestamptz, amount numeric, soft_amount numeric,
    wanted numeric, used numeric, held numeric, soft_crossed boolean
);
COMMENT ON TYPE bastion_internal.quota_line IS 'A limit that concerns a caller, its window, how much of it is wanted, and how much is used and reserved';
REVOKE USAGE ON TYPE bastion_internal.quota_line FROM PUBLIC;
COMMENT ON COLUMN bastion_internal.quota_line.owner_id IS 'The tenant; for scope account the user';
COMMENT ON COLUMN bastion_internal.quota_line.scope IS 'account, user, unit, tenant or api_key';
COMMENT ON COLUMN bastion_internal.quota_line.scope_id IS 'The user, unit, tenant or API key';
COMMENT ON COLUMN bastion_internal.quota_line.meter IS 'What is counted';
COMMENT ON COLUMN bastion_internal.quota_line.period IS 'The period of the limit';
COMMENT ON COLUMN bastion_internal.quota_line.window_key IS 'The window, as in usage_windows';
COMMENT ON COLUMN bastion_internal.quota_line.resets_at IS 'When the next window begins; NULL for total';
COMMENT ON COLUMN bastion_internal.quota_line.amount IS 'The most; NULL for any amount';
COMMENT ON COLUMN bastion_internal.quota_line.soft_amount IS 'The amount whose first crossing is an event';
COMMENT ON COLUMN bastion_internal.quota_line.wanted IS 'What the caller wants';
COMMENT ON COLUMN bastion_internal.quota_line.used IS 'What was used';
COMMENT ON COLUMN bastion_internal.quota_line.held IS 'What is reserved';
COMMENT ON COLUMN bastion_internal.quota_line.soft_crossed IS 'Whether the soft limit was crossed';

CREATE FUNCTION bastion_internal.quota_lock(owner_id uuid, is_account boolean, waits boolean) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_quota_lock';
COMMENT ON FUNCTION bastion_internal.quota_lock(uuid, boolean, boolean) IS
'Locks the counters of a tenant, or of the account of a user, until the transaction ends. Without waits, false when another transaction has the lock.';

CREATE FUNCTION bastion_internal.quota_enter(with_account boolean) RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_quota_enter';
COMMENT ON FUNCTION bastion_internal.quota_enter(boolean) IS
'Takes the locks of this user and tenant: that of the account where a limit counts it, or with_account.
SQLSTATE 42501 when anonymous, 40001 when a limit of the account was set during the wait, 28000 when a token was presented and refused.';

CREATE FUNCTION bastion_internal.quota_lines(meters text[], wanted numeric[]) RETURNS bastion_internal.quota_line[]
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_quota_lines';
COMMENT ON FUNCTION bastion_internal.quota_lines(text[], numeric[]) IS
'The limits that concern the caller who wants these amounts of meters, with what is used of each; with NULL those of all meters.
SQLSTATE 42704 for an unknown meter, 42809 for a gauge, 22023 for an amount that is none, 22004 for NULL among them, 42501 when anonymous, 28000 when a token was presented and refused.';

CREATE FUNCTION bastion_internal.quota_try(meters text[], wanted numeric[], reserves boolean, key text, OUT answer jsonb, OUT lines bastion_internal.quota_line[])
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_quota_try';
COMMENT ON FUNCTION bastion_internal.quota_try(text[], numeric[], boolean, text) IS
'Uses or reserves amounts of meters, or none of them if a limit has no room. Returns the answer of quota_consume_many(), and for a key, or where a soft limit is crossed, the limits in whose windows it counted them: they may be others a moment later.
SQLSTATE 42704 for an unknown meter, 42809 for a gauge, 22023 for an amount that is none, 22004, 42501 when anonymous, 25006 in a READ ONLY transaction, 40001 when others used the quota since a REPEATABLE READ transaction began, 28000 when a token was presented and refused.';

CREATE FUNCTION bastion_internal.quota_day(owner_id uuid, moment timestamptz) RETURNS date
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_quota_day';
COMMENT ON FUNCTION bastion_internal.quota_day(uuid, timestamptz) IS
'The day of a moment in the calendar of a tenant or user. SQLSTATE 22008 for a moment out of range.';

CREATE FUNCTION bastion_internal.quota_window(moment timestamptz, period text, time_zone text, billing_anchor date, OUT window_key timestamp, OUT resets_at timestamptz)
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_quota_window';
COMMENT ON FUNCTION bastion_internal.quota_window(timestamptz, text, text, date) IS
'The window of a period at a moment: its first day in local time (the hour in UTC), and when the next one has begun. Where clocks go back over midnight, that is up to the repeated hour late, never early. NULL for an unknown period.
SQLSTATE 22023 for an unknown time zone, 22008 for a moment out of range.';

CREATE FUNCTION bastion_internal.quota_rules(this_user uuid, this_tenant uuid, this_unit uuid, this_api_key uuid)
RETURNS TABLE (scope text, owner_id uuid, scope_id uuid, meter text, period text, amount numeric, soft_amount numeric,
                                                             valid_until timestamptz, stripes integer)
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 10
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant_plan text := (SELECT t.plan FROM bastion.tenants t WHERE t.id = this_tenant);
    user_plan text := (SELECT u.plan FROM bastion.users u WHERE u.id = this_user);
BEGIN
    RETURN QUERY
        WITH subjects (scope, owner_id, scope_id, plan) AS (
            VALUES ('tenant', this_tenant, this_tenant, tenant_plan), ('user', this_tenant, this_user, tenant_plan), ('account', this_user, this_user, user_plan)
            UNION ALL
            SELECT 'unit', this_tenant, c.ancestor_id, tenant_plan FROM bastion.unit_closure c WHERE c.descendant_id = this_unit
        ), limits AS (
            SELECT s.scope, s.owner_id, s.scope_id, p.meter, p.period, p.amount, p.soft_amount, 'infinity'::timestamptz AS valid_until, p.plan = '' AS is_default, false AS is_own, p.stripes
            FROM subjects s JOIN bastion.plan_limits p ON p.scope = s.scope AND p.plan IN ('', s.plan)
            WHERE s.owner_id IS NOT NULL AND s.scope_id IS NOT NULL
            UNION ALL
            SELECT s.scope, s.owner_id, s.scope_id, o.meter, o.period, o.amount, o.soft_amount, o.valid_until, false, true, NULL
            FROM subjects s JOIN bastion.limit_overrides o ON o.owner_id = s.owner_id AND o.scope_id = s.scope_id AND o.scope = s.scope
            WHERE o.valid_until > statement_timestamp()
        )
        (SELECT DISTINCT ON (l.meter, l.scope, l.scope_id, l.period)
                l.scope, l.owner_id, l.scope_id, l.meter, l.period, l.amount, l.soft_amount, l.valid_until,
                coalesce(first_value(l.stripes) OVER (PARTITION BY l.meter, l.scope, l.scope_id, l.period ORDER BY l.is_own, l.is_default), 1)
         FROM limits l
         ORDER BY l.meter, l.scope, l.scope_id, l.period, l.is_own DESC, l.is_default)
        UNION ALL
        SELECT 'api_key', this_tenant, k.id, k.limits #>> '{cost,meter}', k.limits #>> '{cost,period}', (k.limits #>> '{cost,amount}')::numeric, NULL, 'infinity', 1
        FROM bastion.api_keys k WHERE k.id = this_api_key AND k.limits ? 'cost';
END
$$;
COMMENT ON FUNCTION bastion_internal.quota_rules(uuid, uuid, uuid, uuid) IS
'The limits that concern a user, tenant, unit and API key, or those of them that are not NULL. One of its own (limit_override_set()) counts before that of the plan, and that before the limit of every plan. The plan says how many stripes there are.';

CREATE FUNCTION bastion_internal.quota_crossed(line bastion_internal.quota_line) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.record_event('quota_soft_crossed', 'success', CASE WHEN line.scope IN ('user', 'account') THEN line.scope_id END,
        CASE WHEN line.scope <> 'account' THEN line.owner_id END, jsonb_strip_nulls(jsonb_build_object(
            'meter', line.meter, 'scope', line.scope, 'unit', CASE WHEN line.scope = 'unit' THEN line.scope_id END, 'period', line.period,
            'soft_amount', line.soft_amount, 'amount', line.amount, 'resets_at', line.resets_at)));
    PERFORM pg_notify('bastion_quota', '');
END
$$;
COMMENT ON FUNCTION bastion_internal.quota_crossed(bastion_internal.quota_line) IS
'Records that a soft limit was crossed, and notifies the channel bastion_quota, without a payload, which every role could read.';
SELECT bastion_internal.event_kind('quota_soft_crossed');

-- Adds to what is used and reserved of a window, and looks whether that crosses the soft limit for the first time.
CREATE FUNCTION bastion_internal.quota_add(line bastion_internal.quota_line, used numeric, held numeric) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    crosses timestamptz := CASE WHEN line.soft_amount IS NOT NULL THEN clock_timestamp() END;
    old_crossed timestamptz;
    new_crossed timestamptz;
BEGIN
    -- What grows here must not reach a limit beside what stripes may still use.
    IF quota_add.used + quota_add.held > 0 THEN
        PERFORM bastion_internal.quota_gather(line.owner_id, line.scope_id, line.meter, line.period, line.window_key);
    END IF;
    UPDATE bastion.usage_windows w
    SET used = w.used + quota_add.used, held = w.held + quota_add.held,
        soft_crossed_at = CASE WHEN w.used + w.held + quota_add.used + quota_add.held >= line.soft_amount THEN coalesce(w.soft_crossed_at, crosses) ELSE w.soft_crossed_at END
    WHERE w.owner_id = line.owner_id AND w.scope_id = line.scope_id AND w.meter = line.meter AND w.period = line.period AND w.window_key = line.window_key
    RETURNING w.soft_crossed_at INTO new_crossed;
    IF NOT FOUND THEN
        IF NOT bastion_internal.quota_subject_exists(line.scope, line.scope_id) THEN
            RETURN false;
        END IF;
        INSERT INTO bastion.usage_windows AS w (owner_id, scope, scope_id, meter, period, window_key, used, held, soft_crossed_at)
        VALUES (line.owner_id, line.scope, line.scope_id, line.meter, line.period, line.window_key, quota_add.used, quota_add.held,
                CASE WHEN quota_add.used + quota_add.held >= line.soft_amount THEN crosses END)
        ON CONFLICT ON CONSTRAINT usage_windows_pkey DO UPDATE SET used = w.used + excluded.used, held = w.held + excluded.held
        RETURNING w.soft_crossed_at INTO new_crossed;
    END IF;
    IF new_crossed IS DISTINCT FROM crosses OR crosses IS NULL THEN
        RETURN false;
    END IF;
    PERFORM bastion_internal.quota_crossed(line);
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion_internal.quota_add(bastion_internal.quota_line, numeric, numeric) IS
'Adds to what is used and reserved of a window, unless that ended with its user, unit or tenant; true when that crosses its soft limit for the first time.';

CREATE FUNCTION bastion_internal.usage_record(hold bastion.quota_holds, meter text, amount numeric, day date) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO bastion.usage_entries (occurred_at, day, owner_id, user_id, unit_id, api_key_id, meter, amount, key)
    VALUES (clock_timestamp(), usage_record.day, hold.owner_id, hold.user_id, hold.unit_id, hold.api_key_id, usage_record.meter, usage_record.amount, hold.key);
END
$$;
COMMENT ON FUNCTION bastion_internal.usage_record(bastion.quota_holds, text, numeric, date) IS
'Adds an entry of a reservation to the ledger, in the place where it was made.';

CREATE FUNCTION bastion_internal.quota_request(meters text[], amounts numeric[], valid_for interval) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('reserves', valid_for IS NOT NULL, 'amounts', (SELECT jsonb_object_agg(m.meter, m.amount) FROM unnest(meters, amounts) m (meter, amount)))
$$;
COMMENT ON FUNCTION bastion_internal.quota_request(text[], numeric[], interval) IS 'What a request with a key asks for: the same key must ask for the same.';

CREATE FUNCTION bastion_internal.quota_take(meters text[], amounts numeric[], key text, valid_for interval) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    this_user uuid := bastion.user_id();
    this_owner uuid := coalesce(bastion.tenant_id(), this_user);
    earlier bastion.quota_holds;
    taken record;
    answer jsonb;
BEGIN
    IF key IS NOT NULL THEN
        IF octet_length(key) NOT BETWEEN 1 AND 255 THEN
            RAISE EXCEPTION 'a key has 1 to 255 bytes' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        PERFORM bastion_internal.quota_enter(false);
        SELECT * INTO earlier FROM bastion.quota_holds h WHERE h.owner_id = this_owner AND h.user_id = this_user AND h.key = quota_take.key;
        IF FOUND AND earlier.request <> bastion_internal.quota_request(meters, amounts, valid_for) THEN
            RAISE EXCEPTION 'the key was used for another request' USING ERRCODE = 'invalid_parameter_value';
        ELSIF FOUND AND earlier.state IN ('cancelled', 'expired') THEN
            RAISE EXCEPTION 'the reservation has ended' USING ERRCODE = 'object_not_in_prerequisite_state';
        ELSIF FOUND THEN
            RETURN earlier.answer;
        END IF;
    END IF;
    taken := bastion_internal.quota_try(meters, amounts, valid_for IS NOT NULL, key);
    WHILE NOT (taken.answer -> 'granted')::boolean LOOP
        IF NOT bastion_internal.quota_expire(this_owner, this_user) THEN
            PERFORM bastion_internal.count_refusal('quota_refused');
            RETURN taken.answer;
        END IF;
        taken := bastion_internal.quota_try(meters, amounts, valid_for IS NOT NULL, key);
    END LOOP;
    answer := taken.answer;
    IF answer ? 'crossed' THEN
        PERFORM bastion_internal.quota_crossed(l) FROM unnest(taken.lines) l
        WHERE answer -> 'crossed' ? concat_ws(' ', l.meter, l.scope_id, l.period);
        answer := answer - 'crossed';
    END IF;
    IF key IS NOT NULL THEN
        -- Under the lock of the tenant there is a conflict only with what a REPEATABLE READ transaction does not see: 40001.
        INSERT INTO bastion.quota_holds (owner_id, user_id, unit_id, api_key_id, key, state, request, lines, answer, expires_at)
        VALUES (this_owner, this_user, bastion.unit_id(), bastion.api_key_id(), quota_take.key, CASE WHEN valid_for IS NULL THEN 'consumed' ELSE 'open' END,
                bastion_internal.quota_request(meters, amounts, valid_for), to_jsonb(taken.lines), answer,
                clock_timestamp() + coalesce(valid_for, interval '30 days'))
        ON CONFLICT ON CONSTRAINT quota_holds_pkey DO NOTHING;
    END IF;
    RETURN answer;
END
$$;
COMMENT ON FUNCTION bastion_internal.quota_take(text[], numeric[], text, interval) IS
'Uses amounts of meters, or with valid_for reserves them; all or none. Returns the answer of quota_consume_many().';

CREATE FUNCTION bastion_internal.require_amounts(amounts jsonb, OUT meters text[], OUT wanted numeric[])
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF amounts IS NULL OR jsonb_typeof(amounts) <> 'object' OR amounts = '{}' OR (SELECT count(*) FROM jsonb_object_keys(amounts)) > 100
       OR EXISTS (SELECT FROM jsonb_each(amounts) a WHERE jsonb_typeof(a.value) <> 'number') THEN
        RAISE EXCEPTION 'invalid amounts' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'They are a JSON object of at most 100 meters, each with a number.';
    END IF;
    SELECT array_agg(a.key ORDER BY a.key), array_agg((a.value #>> '{}')::numeric ORDER BY a.key) INTO meters, wanted FROM jsonb_each(amounts) a;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_amounts(jsonb) IS 'The meters and amounts of a JSON object, {"meter": amount}. SQLSTATE 22023.';

CREATE FUNCTION bastion_internal.quota_consume_recorded(meter text, amount numeric, key text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    answer jsonb := bastion_internal.quota_take(ARRAY[meter], ARRAY[amount], key, NULL);
BEGIN
    RETURN (answer - 'meters') || coalesce(answer -> 'meters' -> meter, '{"remaining": null, "resets_at": null}');
END
$$;
COMMENT ON FUNCTION bastion_internal.quota_consume_recorded(text, numeric, text) IS
'quota_consume() of what has a key, and of what crosses a soft limit: both leave a record.
SQLSTATE 42704 for an unknown meter, 42809 for a gauge, 22023 for an amount that is none and for a key of another request, 22004, 42501 when anonymous, 25006 in a READ ONLY transaction, 40001 when others used the quota since a REPEATABLE READ transaction began, 28000 when a token was presented and refused.';

-- In C, with no rights but those of its caller: a SECURITY DEFINER function in another language costs a tenth of a use.
CREATE FUNCTION bastion.quota_consume(meter text, amount numeric DEFAULT 1, key text DEFAULT NULL) RETURNS jsonb
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_quota_consume';
COMMENT ON FUNCTION bastion.quota_consume(text, numeric, text) IS
'Uses an amount of a meter for the user, the unit with those above it, and the tenant of this transaction. If any limit has no room, nothing is counted. With a key, the same request counts once, for 30 days; it has the same answer again. A rollback takes it back. Other transactions of the tenant that use quotas wait until this one ends.
Returns {"granted", "remaining": what is left of the limit that has least room, "resets_at": when that begins again, "soft_crossed": whether this use was the first to reach a soft limit, "refused_by": {"meter", "scope", "period"} or null}. remaining and resets_at are null without a limit.
SQLSTATE 42704 for an unknown meter, 42809 for a gauge, 22023 for an amount that is none and for a key of another request, 22004, 42501 when anonymous, 25006 in a READ ONLY transaction, 40001 when others used the quota since a REPEATABLE READ transaction began, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.quota_consume(text, numeric, text)', 'application');

CREATE FUNCTION bastion.quota_consume_many(amounts jsonb, key text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted record := bastion_internal.require_amounts(amounts);
BEGIN
    RETURN bastion_internal.quota_take(wanted.meters, wanted.wanted, key, NULL);
END
$$;
COMMENT ON FUNCTION bastion.quota_consume_many(jsonb, text) IS
'Uses amounts of several meters, {"meter": amount}, as quota_consume() does; all or none.
Returns {"granted", "soft_crossed", "refused_by", "meters": {meter: {"remaining", "resets_at"}}}, without meters that have no limit.
SQLSTATE 42704 for an unknown meter, 42809 for a gauge, 22023 for an amount that is none and for a key of another request, 22004, 42501 when anonymous, 25006 in a READ ONLY transaction, 40001 when others used the quota since a REPEATABLE READ transaction began, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.quota_consume_many(jsonb, text)', 'application');

CREATE FUNCTION bastion.quota_require(meter text, amount numeric DEFAULT 1, key text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    answer jsonb := bastion.quota_consume(meter, amount, key);
BEGIN
    IF NOT (answer -> 'granted')::boolean THEN
        RAISE EXCEPTION 'quota exceeded' USING ERRCODE = 'BA006', DETAIL = answer::text;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion.quota_require(text, numeric, text) IS
'Raises unless quota_consume() grants the amount: for functions and triggers of the application.
SQLSTATE BA006 with the answer of quota_consume() as DETAIL, 42704 for an unknown meter, 42809 for a gauge, 22023 for an amount that is none and for a key of another request, 22004, 42501 when anonymous, 25006 in a READ ONLY transaction, 40001 when others used the quota since a REPEATABLE READ transaction began, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.quota_require(text, numeric, text)', 'application');


-- Amounts that are reserved before the use is known: held in the windows until they are settled, cancelled or expire.

CREATE FUNCTION bastion_internal.quota_settle_hold(hold bastion.quota_holds, amounts jsonb, state text, day date) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    charged jsonb := coalesce(hold.settlement, '{}');  -- what an expired one was charged
    is_open boolean := hold.state = 'open';
    line bastion_internal.quota_line;
    meter text;
    amount numeric;
    overrun boolean := false;
BEGIN
    FOR line IN SELECT * FROM jsonb_populate_recordset(NULL::bastion_internal.quota_line, hold.lines) LOOP
        amount := (amounts ->> line.meter)::numeric - coalesce((charged ->> line.meter)::numeric, 0);
        PERFORM bastion_internal.quota_add(line, amount, CASE WHEN is_open THEN -line.wanted ELSE 0 END);
    END LOOP;
    FOR meter, amount IN SELECT a.key, (a.value #>> '{}')::numeric FROM jsonb_each(amounts) a LOOP
        overrun := overrun OR amount > (hold.request #>> ARRAY['amounts', meter])::numeric;
        amount := amount - coalesce((charged ->> meter)::numeric, 0);
        IF amount <> 0 THEN
            PERFORM bastion_internal.usage_record(hold, meter, amount, day);
        END IF;
    END LOOP;
    UPDATE bastion.quota_holds h SET state = quota_settle_hold.state, settlement = amounts,
                                     expires_at = CASE WHEN is_open THEN clock_timestamp() + interval '30 days' ELSE h.expires_at END
    WHERE h.owner_id = hold.owner_id AND h.user_id = hold.user_id AND h.key = hold.key;
    RETURN overrun;
END
$$;
COMMENT ON FUNCTION bastion_internal.quota_settle_hold(bastion.quota_holds, jsonb, text, date) IS
'Ends a reservation with the amounts that were used, or corrects one that expired; true when more was used than reserved, which counts all the same.';

-- What expired counts until somebody needs the room. Reservations of others are ended where their locks are free: waiting for a second lock
-- could go in a circle.
CREATE FUNCTION bastion_internal.quota_expire(this_owner uuid, this_user uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    hold bastion.quota_holds;
    expired boolean := false;
BEGIN
    FOR hold IN
        SELECT * FROM bastion.quota_holds h
        WHERE (h.owner_id = this_owner OR h.user_id = this_user AND h.lines @> '[{"scope": "account"}]') AND h.state = 'open' AND h.expires_at <= clock_timestamp()
        ORDER BY h.expires_at LIMIT 100
    LOOP
        CONTINUE WHEN hold.owner_id <> this_owner AND NOT bastion_internal.quota_lock(hold.owner_id, hold.owner_id = hold.user_id, false);
        CONTINUE WHEN hold.lines @> '[{"scope": "account"}]' AND NOT bastion_internal.quota_lock(hold.user_id, true, false);
        -- Another transaction may have ended it before.
        CONTINUE WHEN NOT EXISTS (SELECT FROM bastion.quota_holds h WHERE h.owner_id = hold.owner_id AND h.user_id = hold.user_id AND h.key = hold.key AND h.state = 'open');
        PERFORM bastion_internal.quota_settle_hold(hold, (
            SELECT jsonb_object_agg(a.key, CASE WHEN m.on_expire = 'release' THEN '0' ELSE a.value END)
            FROM jsonb_each(hold.request -> 'amounts') a LEFT JOIN bastion.meters m ON m.name = a.key), 'expired', bastion_internal.quota_day(hold.owner_id, hold.expires_at));
        expired := true;
    END LOOP;
    RETURN expired;
END
$$;
COMMENT ON FUNCTION bastion_internal.quota_expire(uuid, uuid) IS
'Ends reservations of a tenant or user that have expired: charges them in full, or releases them where their meter says so. True if there were any.';

CREATE FUNCTION bastion.quota_reserve(amounts jsonb, key text, valid_for interval DEFAULT '1 hour') RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted record := bastion_internal.require_amounts(amounts);
BEGIN
    IF key IS NULL THEN
        RAISE EXCEPTION 'a key is needed' USING ERRCODE = 'null_value_not_allowed';
    ELSIF bastion_internal.lasts(valid_for, '1 second', '30 days') IS NOT TRUE THEN
        RAISE EXCEPTION 'a reservation is for 1 second to 30 days' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN bastion_internal.quota_take(wanted.meters, wanted.wanted, key, valid_for);
END
$$;
COMMENT ON FUNCTION bastion.quota_reserve(jsonb, text, interval) IS
'Reserves amounts of meters, {"meter": amount}, for a use whose amount is known later; all or none. quota_settle() with the same key says what was used, quota_cancel() that nothing was. What is neither settled nor cancelled in time is charged in full, or released (meter_set(on_expire)). Commit before you spend: then a crash loses nothing.
Returns the answer of quota_consume_many(); the same request with the same key reserves once, and is an error once that was cancelled or has expired. Keys are those of the user in this tenant.
SQLSTATE 22004 without a key, 22023 also for a time that is none, 42704 for an unknown meter, 42809 for a gauge, 22023 for an amount that is none and for a key of another request, 55000 for one that was cancelled or has expired, 42501 when anonymous, 25006 in a READ ONLY transaction, 40001 when others used the quota since a REPEATABLE READ transaction began, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.quota_reserve(jsonb, text, interval)', 'application');

CREATE FUNCTION bastion_internal.quota_end(key text, amounts jsonb, state text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    this_user uuid := bastion.user_id();
    this_owner uuid := coalesce(bastion.tenant_id(), this_user);
    hold bastion.quota_holds;
    overrun boolean;
BEGIN
    -- The limit of the account may have been removed since.
    PERFORM bastion_internal.quota_enter(EXISTS (
        SELECT FROM bastion.quota_holds h
        WHERE h.owner_id = this_owner AND h.user_id = this_user AND h.key = quota_end.key AND h.lines @> '[{"scope": "account"}]'));
    SELECT * INTO hold FROM bastion.quota_holds h WHERE h.owner_id = this_owner AND h.user_id = this_user AND h.key = quota_end.key FOR UPDATE;
    IF NOT FOUND OR hold.state = 'consumed' THEN
        RAISE EXCEPTION 'nothing is reserved under this key' USING ERRCODE = 'undefined_object';
    ELSIF EXISTS (SELECT FROM jsonb_object_keys(amounts) k WHERE NOT hold.request -> 'amounts' ? k) THEN
        RAISE EXCEPTION 'invalid amounts' USING ERRCODE = 'invalid_parameter_value', DETAIL = 'A meter of which nothing was reserved is among them.';
    END IF;
    amounts := (SELECT jsonb_object_agg(a.key, CASE quota_end.state WHEN 'cancelled' THEN '0' ELSE coalesce(quota_end.amounts -> a.key, a.value) END)
                FROM jsonb_each(hold.request -> 'amounts') a);
    IF hold.state IN ('settled', 'cancelled') THEN
        IF hold.state <> quota_end.state OR hold.settlement <> amounts THEN
            RAISE EXCEPTION 'the reservation has ended otherwise' USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
    ELSIF EXISTS (SELECT FROM jsonb_each(amounts) a LEFT JOIN bastion.meters m ON m.name = a.key
                  WHERE bastion_internal.is_quota_amount((a.value #>> '{}')::numeric) IS NOT TRUE OR scale((a.value #>> '{}')::numeric) > m.scale) THEN
        RAISE EXCEPTION 'invalid amount' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'An amount that was used is from 0 to 10^18, with as many digits after the point as its meter has.';
    ELSE
        PERFORM bastion_internal.quota_settle_hold(hold, amounts, quota_end.state, bastion_internal.quota_day(this_owner, clock_timestamp()));
    END IF;
    RETURN jsonb_build_object('state', state, 'amounts', amounts, 'overrun', (
        SELECT bool_or((a.value #>> '{}')::numeric > (hold.request #>> ARRAY['amounts', a.key])::numeric) FROM jsonb_each(amounts) a));
END
$$;
COMMENT ON FUNCTION bastion_internal.quota_end(text, jsonb, text) IS
'Ends a reservation of this user: settled with amounts, or cancelled. SQLSTATE 42704, 55000, 22023, and those of quota_enter().';

CREATE FUNCTION bastion.quota_settle(key text, amounts jsonb DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF amounts IS NOT NULL THEN
        PERFORM bastion_internal.require_amounts(amounts);
    END IF;
    RETURN bastion_internal.quota_end(key, coalesce(amounts, '{}'), 'settled');
END
$$;
COMMENT ON FUNCTION bastion.quota_settle(text, jsonb) IS
'Says what was used of a reservation of quota_reserve(), {"meter": amount}; what is not named was used as reserved. The rest is free again. More than was reserved counts too, above the limit if need be, and is marked as overrun. One that has expired is corrected. It counts in the periods in which it was reserved.
Returns {"state": "settled", "amounts", "overrun"}, the same again for the same call.
SQLSTATE 42704 for a key under which this user reserved nothing, 55000 when it was settled otherwise or cancelled, 22023, 42501 when anonymous, 25006 in a READ ONLY transaction, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.quota_settle(text, jsonb)', 'application');

CREATE FUNCTION bastion.quota_cancel(key text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.quota_end(key, '{}', 'cancelled');
END
$$;
COMMENT ON FUNCTION bastion.quota_cancel(text) IS
'Says that nothing was used of a reservation of quota_reserve(): all of it is free again, also when it had expired.
Returns {"state": "cancelled", "amounts", "overrun"}, the same again for the same call.
SQLSTATE 42704 for a key under which this user reserved nothing, 55000 when it was settled, 42501 when anonymous, 25006 in a READ ONLY transaction, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.quota_cancel(text)', 'application');

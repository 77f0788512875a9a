
-- What operators define: meters, the limits of plans, those of one tenant, unit or user, and calendars.

CREATE FUNCTION bastion.meter_set(name text, kind text DEFAULT 'count', scale integer DEFAULT 0, on_expire text DEFAULT 'charge') RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion_internal.is_word(name) IS NOT TRUE OR kind IS NULL OR kind NOT IN ('count', 'cost', 'gauge')
       OR scale IS NULL OR scale NOT BETWEEN 0 AND 9 OR (kind <> 'cost' AND scale > 0)
       OR on_expire IS NULL OR on_expire NOT IN ('charge', 'release') THEN
        RAISE EXCEPTION 'invalid meter' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'The name is a word of lower-case letters, digits and underscores; the kind is count, cost or gauge; scale is from 0 to 9, above 0 for cost alone; on_expire is charge or release.';
    END IF;
    IF EXISTS (SELECT FROM bastion.meters m JOIN bastion.protected_tables p ON p.meter = m.name WHERE m.name = meter_set.name AND m.kind <> meter_set.kind) THEN
        RAISE EXCEPTION 'meter "%" counts the rows of a table', name USING ERRCODE = 'object_not_in_prerequisite_state';
    ELSIF EXISTS (SELECT FROM (SELECT l.scope, l.period, l.amount, l.soft_amount, l.stripes FROM bastion.plan_limits l WHERE l.meter = name
                               UNION ALL
                               SELECT o.scope, o.period, o.amount, o.soft_amount, 1 FROM bastion.limit_overrides o WHERE o.meter = name) l
                  WHERE (kind = 'gauge' AND (l.scope <> 'tenant' OR l.period <> 'total' OR l.stripes > 1))
                     OR greatest(scale(l.amount), scale(l.soft_amount)) > meter_set.scale) THEN
        RAISE EXCEPTION 'a limit does not fit the meter "%"', name USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = 'A gauge has limits of a tenant in total without stripes. An amount has at most as many digits after the point as its meter.',
            HINT = 'Set or remove the limits of the meter first.';
    END IF;
    INSERT INTO bastion.meters (name, kind, scale, on_expire) VALUES (meter_set.name, meter_set.kind, meter_set.scale, meter_set.on_expire)
    ON CONFLICT ON CONSTRAINT meters_pkey DO UPDATE SET (kind, scale, on_expire) = (excluded.kind, excluded.scale, excluded.on_expire);
    PERFORM bastion_internal.record_event('meter_set', 'success', NULL, NULL,
                                          jsonb_build_object('name', name, 'kind', kind, 'scale', scale, 'on_expire', on_expire));
END
$$;
COMMENT ON FUNCTION bastion.meter_set(text, text, integer, text) IS
'Defines or replaces a meter, which quota_consume() and protect() count on. kind count is for what happens, cost for money and other amounts with up to scale digits after the point, gauge for rows that exist. A gauge with the name units is for the units of each tenant. on_expire says what becomes of an amount of quota_reserve() that was neither settled nor cancelled in time: charge, or release.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023, 55000 for another kind while it counts the rows of a table, or while it has a limit that does not fit.';
SELECT bastion_internal.event_kind('meter_set');

CREATE FUNCTION bastion.meter_remove(name text) RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM bastion.protected_tables p WHERE p.meter = meter_remove.name) THEN
        RAISE EXCEPTION 'meter "%" counts the rows of a table', name USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Call bastion.protect() for the table without quota first.';
    END IF;
    DELETE FROM bastion.meters m WHERE m.name = meter_remove.name;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM bastion_internal.record_event('meter_removed', 'success', NULL, NULL, jsonb_build_object('name', name));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.meter_remove(text) IS
'Removes a meter with its limits; false if there is none. What was counted stays. For operators: EXECUTE is granted to nobody.
SQLSTATE 55000 for one that counts the rows of a table.';
SELECT bastion_internal.event_kind('meter_removed');

CREATE FUNCTION bastion_internal.require_meter(name text) RETURNS bastion.meters
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_meter bastion.meters;
BEGIN
    SELECT * INTO found_meter FROM bastion.meters m WHERE m.name = require_meter.name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'unknown meter' USING ERRCODE = 'undefined_object', HINT = 'bastion.meter_set() defines one.';
    END IF;
    RETURN found_meter;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_meter(text) IS 'The meter of this name. SQLSTATE 42704 for an unknown one.';

CREATE FUNCTION bastion_internal.require_limit(meter text, scope text, period text, amount numeric, soft_amount numeric) RETURNS void
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    its_meter bastion.meters := bastion_internal.require_meter(meter);
BEGIN
    IF scope IS NULL OR scope NOT IN ('account', 'user', 'unit', 'tenant') OR bastion_internal.is_quota_period(period) IS NOT TRUE
       OR (its_meter.kind = 'gauge' AND (period <> 'total' OR scope <> 'tenant')) THEN
        RAISE EXCEPTION 'invalid limit' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'The scope is account, user, unit or tenant; the period is hour, day, week, month, billing or total. A gauge has limits of a tenant in total.';
    ELSIF bastion_internal.is_quota_amount(amount) IS FALSE OR bastion_internal.is_quota_amount(soft_amount) IS FALSE OR soft_amount > amount
          OR scale(amount) > its_meter.scale OR scale(soft_amount) > its_meter.scale THEN
        RAISE EXCEPTION 'invalid limit' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'An amount is from 0 to 10^18, with as many digits after the point as its meter has; soft_amount is at most amount.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_limit(text, text, text, numeric, numeric) IS
'Refuses a limit that is none: 22023, 42704 for an unknown meter.';

CREATE FUNCTION bastion.plan_limit_set(meter text, scope text, period text, amount numeric, plan text DEFAULT NULL, soft_amount numeric DEFAULT NULL,
                                       stripes integer DEFAULT 1)
RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_limit(meter, scope, period, amount, soft_amount);
    IF plan = '' OR bastion_internal.is_label(plan) IS FALSE THEN
        RAISE EXCEPTION 'invalid limit' USING ERRCODE = 'invalid_parameter_value', DETAIL = 'A plan has 1 to 200 printable characters.';
    ELSIF stripes IS NULL OR stripes NOT BETWEEN 1 AND 64
          OR (stripes > 1 AND (scope NOT IN ('unit', 'tenant') OR bastion_internal.meter_kind(meter) = 'gauge')) THEN
        RAISE EXCEPTION 'invalid limit' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'There are 1 to 64 stripes; more than one for a unit or tenant, and for no gauge.';
    END IF;
    INSERT INTO bastion.plan_limits (plan, meter, scope, period, amount, soft_amount, stripes)
    VALUES (coalesce(plan_limit_set.plan, ''), plan_limit_set.meter, plan_limit_set.scope, plan_limit_set.period, plan_limit_set.amount, plan_limit_set.soft_amount,
            plan_limit_set.stripes)
    ON CONFLICT ON CONSTRAINT plan_limits_pkey DO UPDATE SET (amount, soft_amount, stripes) = (excluded.amount, excluded.soft_amount, excluded.stripes);
    PERFORM bastion_internal.record_event('plan_limit_set', 'success', NULL, NULL, jsonb_strip_nulls(jsonb_build_object(
        'plan', plan, 'meter', meter, 'scope', scope, 'period', period, 'amount', amount, 'soft_amount', soft_amount,
        'stripes', nullif(stripes, 1))));
END
$$;
COMMENT ON FUNCTION bastion.plan_limit_set(text, text, text, numeric, text, numeric, integer) IS
'Defines or replaces how much of a meter may be used in a period: hour, day, week (from Monday), month, billing (a month from the billing anchor) or total. amount NULL allows any amount and counts it. scope says whose use is counted: each account (a user in all tenants together, by users.plan), user (in one tenant), unit (with the units below it) or tenant. With plan, it counts for that plan in place of the limit without. The first use in a period that reaches soft_amount is an event.
stripes, up to 64, lets so many uses of one tenant or unit commit at once, where one after the other is too slow; every limit of a meter for units and tenants must have them. quota_consume() without a key counts in stripes. The limit stays exact: as it comes near, uses follow each other again, and none is refused before all of it is used.
It counts at once. Earlier use counts where a limit of the same scope and period was there, one with amount NULL too. For operators: EXECUTE is granted to nobody.
SQLSTATE 22023, 42704 for an unknown meter.';
SELECT bastion_internal.event_kind('plan_limit_set');

CREATE FUNCTION bastion.plan_limit_remove(meter text, scope text, period text, plan text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM bastion.plan_limits l
    WHERE l.meter = plan_limit_remove.meter AND l.scope = plan_limit_remove.scope AND l.period = plan_limit_remove.period AND l.plan = coalesce(plan_limit_remove.plan, '');
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM bastion_internal.record_event('plan_limit_removed', 'success', NULL, NULL, jsonb_strip_nulls(jsonb_build_object(
        'plan', plan, 'meter', meter, 'scope', scope, 'period', period)));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.plan_limit_remove(text, text, text, text) IS
'Removes a limit of plan_limit_set(); false if there is none. For operators: EXECUTE is granted to nobody.';
SELECT bastion_internal.event_kind('plan_limit_removed');

-- Its row is locked: a limit does not outlive a tenant, unit or user that is deleted meanwhile.
CREATE FUNCTION bastion_internal.quota_subject(tenant text, unit text, for_user text, OUT owner_id uuid, OUT scope text, OUT scope_id uuid)
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_tenant uuid;
    found_user uuid;
BEGIN
    SELECT t.id INTO found_tenant FROM bastion.tenants t WHERE t.id = bastion_internal.find_tenant(tenant) FOR KEY SHARE;
    SELECT u.id INTO found_user FROM bastion.users u WHERE u.id = bastion_internal.any_user_named(for_user) FOR KEY SHARE;
    IF num_nonnulls(tenant, for_user) = 0 OR (unit IS NOT NULL AND (tenant IS NULL OR for_user IS NOT NULL)) THEN
        RAISE EXCEPTION 'a limit is of a tenant, of a unit or user in a tenant, or of a user in all tenants' USING ERRCODE = 'invalid_parameter_value';
    ELSIF tenant IS NOT NULL AND found_tenant IS NULL THEN
        RAISE EXCEPTION 'unknown tenant' USING ERRCODE = 'undefined_object';
    ELSIF for_user IS NOT NULL AND found_user IS NULL THEN
        RAISE EXCEPTION 'unknown user' USING ERRCODE = 'undefined_object';
    END IF;
    owner_id := coalesce(found_tenant, found_user);
    scope := CASE WHEN tenant IS NULL THEN 'account' WHEN unit IS NOT NULL THEN 'unit' WHEN for_user IS NOT NULL THEN 'user' ELSE 'tenant' END;
    scope_id := CASE scope WHEN 'unit' THEN bastion_internal.require_unit(found_tenant, unit) WHEN 'tenant' THEN found_tenant ELSE found_user END;
    IF scope = 'unit' THEN
        PERFORM FROM bastion.units u WHERE u.id = scope_id FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'unknown unit' USING ERRCODE = 'undefined_object';
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.quota_subject(text, text, text) IS
'Whom a limit concerns: a tenant, a unit or user in it, or a user in all tenants. SQLSTATE 22023 for none, 42704 for an unknown one.';

CREATE FUNCTION bastion.limit_override_set(meter text, period text, amount numeric, tenant text DEFAULT NULL, unit text DEFAULT NULL, for_user text DEFAULT NULL,
                                           soft_amount numeric DEFAULT NULL, valid_until timestamptz DEFAULT NULL, reason text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    subject record;
BEGIN
    SELECT * INTO subject FROM bastion_internal.quota_subject(tenant, unit, for_user);
    PERFORM bastion_internal.require_limit(meter, subject.scope, period, amount, soft_amount);
    IF bastion_internal.is_label(reason) IS FALSE OR valid_until = '-infinity' THEN
        RAISE EXCEPTION 'invalid limit' USING ERRCODE = 'invalid_parameter_value', DETAIL = 'A reason has 1 to 200 printable characters; valid_until is a time.';
    END IF;
    INSERT INTO bastion.limit_overrides (owner_id, scope, scope_id, meter, period, amount, soft_amount, valid_until, reason)
    VALUES (subject.owner_id, subject.scope, subject.scope_id, limit_override_set.meter, limit_override_set.period, limit_override_set.amount,
            limit_override_set.soft_amount, coalesce(limit_override_set.valid_until, 'infinity'), limit_override_set.reason)
    ON CONFLICT ON CONSTRAINT limit_overrides_pkey DO UPDATE
    SET (amount, soft_amount, valid_until, reason, set_by, set_at) =
        (excluded.amount, excluded.soft_amount, excluded.valid_until, excluded.reason, excluded.set_by, excluded.set_at);
    PERFORM bastion_internal.record_event('limit_override_set', 'success', CASE WHEN subject.scope IN ('user', 'account') THEN subject.scope_id END,
        CASE WHEN subject.scope <> 'account' THEN subject.owner_id END, jsonb_strip_nulls(jsonb_build_object(
            'meter', meter, 'scope', subject.scope, 'unit', CASE WHEN subject.scope = 'unit' THEN subject.scope_id END, 'period', period, 'amount', amount,
            'soft_amount', soft_amount, 'valid_until', valid_until, 'reason', reason, 'by', session_user)));
END
$$;
COMMENT ON FUNCTION bastion.limit_override_set(text, text, numeric, text, text, text, numeric, timestamptz, text) IS
'Gives a tenant (uuid or slug), a unit in it (uuid or slug), a user in it, or, without a tenant, a user in all tenants together (scope account) a limit of its own in place of that of the plan, until valid_until. This is a budget, where the meter counts money. period, amount and soft_amount are those of plan_limit_set().
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023, 42704 for an unknown meter, tenant, unit or user.';
SELECT bastion_internal.event_kind('limit_override_set');

CREATE FUNCTION bastion.limit_override_remove(meter text, period text, tenant text DEFAULT NULL, unit text DEFAULT NULL, for_user text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    subject record;
BEGIN
    SELECT * INTO subject FROM bastion_internal.quota_subject(tenant, unit, for_user);
    DELETE FROM bastion.limit_overrides o
    WHERE o.owner_id = subject.owner_id AND o.scope = subject.scope AND o.scope_id = subject.scope_id
      AND o.meter = limit_override_remove.meter AND o.period = limit_override_remove.period;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM bastion_internal.record_event('limit_override_removed', 'success', CASE WHEN subject.scope IN ('user', 'account') THEN subject.scope_id END,
        CASE WHEN subject.scope <> 'account' THEN subject.owner_id END, jsonb_strip_nulls(jsonb_build_object(
            'meter', meter, 'scope', subject.scope, 'unit', CASE WHEN subject.scope = 'unit' THEN subject.scope_id END, 'period', period, 'by', session_user)));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.limit_override_remove(text, text, text, text, text) IS
'Removes a limit of limit_override_set(), so that the plan counts again; false if there is none. For operators: EXECUTE is granted to nobody.
SQLSTATE 22023, 42704 for an unknown tenant, unit or user.';
SELECT bastion_internal.event_kind('limit_override_removed');

CREATE FUNCTION bastion.quota_calendar_set(tenant text DEFAULT NULL, for_user text DEFAULT NULL, time_zone text DEFAULT NULL, billing_anchor date DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    subject record;
    calendar bastion.quota_calendars;
    today date;
BEGIN
    SELECT * INTO subject FROM bastion_internal.quota_subject(tenant, NULL, for_user);
    IF num_nonnulls(tenant, for_user) <> 1 OR bastion_internal.is_time_zone(time_zone) IS FALSE
       OR billing_anchor NOT BETWEEN '1970-01-01' AND '2100-01-01' THEN
        RAISE EXCEPTION 'invalid calendar' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'A calendar is of a tenant or of a user; time_zone is one of pg_timezone_names; billing_anchor is from 1970 to 2100.';
    END IF;
    INSERT INTO bastion.quota_calendars (owner_id) VALUES (subject.owner_id) ON CONFLICT DO NOTHING;
    SELECT * INTO calendar FROM bastion.quota_calendars c WHERE c.owner_id = subject.owner_id FOR UPDATE;
    IF calendar.next_from <= (clock_timestamp() AT TIME ZONE calendar.time_zone)::date THEN
        calendar.time_zone := calendar.next_time_zone;
    END IF;
    today := (clock_timestamp() AT TIME ZONE calendar.time_zone)::date;
    UPDATE bastion.quota_calendars c
    SET time_zone = calendar.time_zone, billing_anchor = coalesce(quota_calendar_set.billing_anchor, c.billing_anchor),
        next_time_zone = coalesce(quota_calendar_set.time_zone, CASE WHEN c.next_from > today THEN c.next_time_zone END),
        next_from = CASE WHEN quota_calendar_set.time_zone IS NOT NULL THEN (date_trunc('month', today::timestamp) + interval '1 month')::date
                         WHEN c.next_from > today THEN c.next_from END
    WHERE c.owner_id = subject.owner_id;
    PERFORM bastion_internal.record_event('quota_calendar_set', 'success', CASE WHEN subject.scope = 'account' THEN subject.scope_id END,
        CASE WHEN subject.scope = 'tenant' THEN subject.owner_id END, jsonb_strip_nulls(jsonb_build_object(
            'time_zone', time_zone, 'billing_anchor', billing_anchor)));
END
$$;
COMMENT ON FUNCTION bastion.quota_calendar_set(text, text, text, date) IS
'Sets when the periods of limits begin for a tenant (uuid or slug), or for a user in all tenants together (scope account): at midnight in time_zone, and for billing on the day of billing_anchor, on the last day of months that have no such day. What is NULL stays. Without this, it is UTC and the first of the month.
Another time zone counts from the next month on, so that no day or month begins twice. For operators: EXECUTE is granted to nobody.
SQLSTATE 22023, 42704 for an unknown tenant or user.';
SELECT bastion_internal.event_kind('quota_calendar_set');

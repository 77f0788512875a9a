
-- Quotas: how much may be used in a period. The counters are rows (usage_windows), which a rollback takes back with what was done. Plans are
-- those of rate limits: the labels tenants.plan and users.plan, and '' for every other plan.

CREATE FUNCTION bastion_internal.is_quota_amount(amount numeric) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT amount >= 0 AND amount <= 1e18 AND scale(amount) <= 9 $$;
COMMENT ON FUNCTION bastion_internal.is_quota_amount(numeric) IS
'Whether a limit may be this amount: from 0 to 10^18, with at most 9 digits after the point. NaN and infinity are above.';

CREATE FUNCTION bastion_internal.is_quota_period(period text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT period IN ('hour', 'day', 'week', 'month', 'billing', 'total') $$;
COMMENT ON FUNCTION bastion_internal.is_quota_period(text) IS 'Whether the value is a period of a limit.';

CREATE TABLE bastion.meters (
    name text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    scale integer NOT NULL DEFAULT 0,
    on_expire text NOT NULL DEFAULT 'charge',
    CONSTRAINT meters_pkey PRIMARY KEY (name),
    CONSTRAINT meters_name_check CHECK (bastion_internal.is_word(name)),
    CONSTRAINT meters_kind_check CHECK (kind IN ('count', 'cost', 'gauge')),
    CONSTRAINT meters_scale_check CHECK (scale BETWEEN 0 AND 9 AND (kind = 'cost' OR scale = 0)),
    CONSTRAINT meters_on_expire_check CHECK (on_expire IN ('charge', 'release'))
);
COMMENT ON TABLE bastion.meters IS 'What is counted; granted to nobody';
COMMENT ON COLUMN bastion.meters.name IS 'What functions call it';
COMMENT ON COLUMN bastion.meters.kind IS 'count: things that happen; cost: money and other amounts with decimals; gauge: rows that exist, which protect() counts';
COMMENT ON COLUMN bastion.meters.scale IS 'Digits after the point that an amount may have';
COMMENT ON COLUMN bastion.meters.on_expire IS 'What happens to a reserved amount that was neither settled nor cancelled in time: charge it, or release it';
SELECT pg_extension_config_dump('bastion.meters', '');
ALTER TABLE bastion.meters ENABLE ROW LEVEL SECURITY;
CREATE TRIGGER meters_invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON bastion.meters
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('quotas');
ALTER TABLE bastion.meters ENABLE ALWAYS TRIGGER meters_invalidate;

CREATE TABLE bastion.plan_limits (
    plan text COLLATE "C" NOT NULL DEFAULT '',
    meter text COLLATE "C" NOT NULL,
    scope text NOT NULL,
    period text NOT NULL,
    amount numeric,
    soft_amount numeric,
    stripes integer NOT NULL DEFAULT 1,
    CONSTRAINT plan_limits_pkey PRIMARY KEY (meter, scope, period, plan),
    CONSTRAINT plan_limits_plan_check CHECK (plan = '' OR bastion_internal.is_label(plan)),
    CONSTRAINT plan_limits_scope_check CHECK (scope IN ('account', 'user', 'unit', 'tenant')),
    CONSTRAINT plan_limits_period_check CHECK (bastion_internal.is_quota_period(period)),
    CONSTRAINT plan_limits_amount_check CHECK (bastion_internal.is_quota_amount(amount) IS NOT FALSE),
    CONSTRAINT plan_limits_soft_amount_check CHECK (bastion_internal.is_quota_amount(soft_amount) IS NOT FALSE AND soft_amount > amount IS NOT TRUE),
    CONSTRAINT plan_limits_stripes_check CHECK (stripes BETWEEN 1 AND 64 AND (stripes = 1 OR scope IN ('unit', 'tenant'))),
    CONSTRAINT plan_limits_meter_fkey FOREIGN KEY (meter) REFERENCES bastion.meters (name) ON DELETE CASCADE
);
COMMENT ON TABLE bastion.plan_limits IS 'How much a plan allows; granted to nobody';
COMMENT ON COLUMN bastion.plan_limits.plan IS 'The plan of the tenants that have it, for scope account the plan of the users; empty: those of every other plan';
COMMENT ON COLUMN bastion.plan_limits.meter IS 'What is counted';
COMMENT ON COLUMN bastion.plan_limits.scope IS 'For whom: each account (a user in all tenants together), user (in one tenant), unit (with those below it) or tenant';
COMMENT ON COLUMN bastion.plan_limits.period IS 'In what time: hour, day, week, month, billing (month from the billing anchor of quota_calendars) or total';
COMMENT ON COLUMN bastion.plan_limits.amount IS 'The most; NULL for any amount, which is counted all the same';
COMMENT ON COLUMN bastion.plan_limits.soft_amount IS 'The amount whose first crossing in a period is an event; NULL for none';
COMMENT ON COLUMN bastion.plan_limits.stripes IS 'In how many stripes a use may be counted at once, for a tenant or unit with very many uses; 1 for one after the other';
SELECT pg_extension_config_dump('bastion.plan_limits', '');
ALTER TABLE bastion.plan_limits ENABLE ROW LEVEL SECURITY;
CREATE TRIGGER plan_limits_invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON bastion.plan_limits
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('quotas');
ALTER TABLE bastion.plan_limits ENABLE ALWAYS TRIGGER plan_limits_invalidate;

CREATE FUNCTION bastion_internal.is_cost_object(cost jsonb) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN jsonb_typeof(cost -> 'amount') = 'number' AND jsonb_typeof(cost -> 'period') = 'string'
                THEN bastion_internal.is_quota_amount((cost -> 'amount')::numeric) AND bastion_internal.is_quota_period(cost ->> 'period')
                     AND EXISTS (SELECT FROM bastion.meters m WHERE m.name = cost ->> 'meter' AND m.kind <> 'gauge') ELSE false END
$$;
COMMENT ON FUNCTION bastion_internal.is_cost_object(jsonb) IS 'Whether the cost of an API key is {"meter", "amount", "period"} with a meter that exists and no gauge.';

-- The owner of what is counted is the tenant, for accounts the user: usage has no foreign keys, which would lock their rows at every use.
CREATE TABLE bastion.limit_overrides (
    owner_id uuid NOT NULL,
    scope text NOT NULL,
    scope_id uuid NOT NULL,
    meter text COLLATE "C" NOT NULL,
    period text NOT NULL,
    amount numeric,
    soft_amount numeric,
    valid_until timestamptz NOT NULL DEFAULT 'infinity',
    reason text,
    set_by text NOT NULL DEFAULT session_user,
    set_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT limit_overrides_pkey PRIMARY KEY (owner_id, scope_id, scope, meter, period),
    CONSTRAINT limit_overrides_scope_check CHECK (scope IN ('account', 'user', 'unit', 'tenant')),
    CONSTRAINT limit_overrides_period_check CHECK (bastion_internal.is_quota_period(period)),
    CONSTRAINT limit_overrides_amount_check CHECK (bastion_internal.is_quota_amount(amount) IS NOT FALSE),
    CONSTRAINT limit_overrides_soft_amount_check CHECK (bastion_internal.is_quota_amount(soft_amount) IS NOT FALSE AND soft_amount > amount IS NOT TRUE),
    CONSTRAINT limit_overrides_reason_check CHECK (bastion_internal.is_label(reason)),
    CONSTRAINT limit_overrides_meter_fkey FOREIGN KEY (meter) REFERENCES bastion.meters (name) ON DELETE CASCADE
);
COMMENT ON TABLE bastion.limit_overrides IS 'Limits of one tenant, unit or user, in place of those of the plan; granted to nobody';
COMMENT ON COLUMN bastion.limit_overrides.owner_id IS 'The tenant; for scope account the user';
COMMENT ON COLUMN bastion.limit_overrides.scope IS 'account, user, unit or tenant, as in plan_limits';
COMMENT ON COLUMN bastion.limit_overrides.scope_id IS 'The user, unit or tenant';
COMMENT ON COLUMN bastion.limit_overrides.meter IS 'What is counted';
COMMENT ON COLUMN bastion.limit_overrides.period IS 'In what time, as in plan_limits';
COMMENT ON COLUMN bastion.limit_overrides.amount IS 'The most; NULL for any amount';
COMMENT ON COLUMN bastion.limit_overrides.soft_amount IS 'The amount whose first crossing in a period is an event; NULL for none';
COMMENT ON COLUMN bastion.limit_overrides.valid_until IS 'When the limit of the plan counts again';
COMMENT ON COLUMN bastion.limit_overrides.reason IS 'Why';
COMMENT ON COLUMN bastion.limit_overrides.set_by IS 'The role that logged in and set it';
COMMENT ON COLUMN bastion.limit_overrides.set_at IS 'When it was set';
SELECT pg_extension_config_dump('bastion.limit_overrides', '');
ALTER TABLE bastion.limit_overrides ENABLE ROW LEVEL SECURITY;
CREATE TRIGGER limit_overrides_invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON bastion.limit_overrides
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('quotas');
ALTER TABLE bastion.limit_overrides ENABLE ALWAYS TRIGGER limit_overrides_invalidate;

CREATE FUNCTION bastion_internal.is_time_zone(value text) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = value) $$;
COMMENT ON FUNCTION bastion_internal.is_time_zone(text) IS 'Whether the server knows a time zone of this name, such as Europe/Vienna.';

CREATE TABLE bastion.quota_calendars (
    owner_id uuid NOT NULL,
    time_zone text NOT NULL DEFAULT 'UTC',
    billing_anchor date NOT NULL DEFAULT '2000-01-01',
    next_time_zone text,
    next_from date,
    CONSTRAINT quota_calendars_pkey PRIMARY KEY (owner_id),
    CONSTRAINT quota_calendars_billing_anchor_check CHECK (billing_anchor BETWEEN '1970-01-01' AND '2100-01-01'),
    CONSTRAINT quota_calendars_next_check CHECK ((next_time_zone IS NULL) = (next_from IS NULL))
);
COMMENT ON TABLE bastion.quota_calendars IS 'When the periods of a tenant or user begin; without a row: at midnight UTC and on the first of a month. Granted to nobody';
COMMENT ON COLUMN bastion.quota_calendars.owner_id IS 'The tenant; for scope account the user';
COMMENT ON COLUMN bastion.quota_calendars.time_zone IS 'The time zone whose midnight begins a day, week or month';
COMMENT ON COLUMN bastion.quota_calendars.billing_anchor IS 'The first day of a billing month; each later one begins so many months after it, or on the last day of a shorter month';
COMMENT ON COLUMN bastion.quota_calendars.next_time_zone IS 'The time zone that counts next';
COMMENT ON COLUMN bastion.quota_calendars.next_from IS 'The first of the month from which it counts';
SELECT pg_extension_config_dump('bastion.quota_calendars', '');
ALTER TABLE bastion.quota_calendars ENABLE ROW LEVEL SECURITY;
CREATE TRIGGER quota_calendars_invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON bastion.quota_calendars
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('quotas');
ALTER TABLE bastion.quota_calendars ENABLE ALWAYS TRIGGER quota_calendars_invalidate;

-- quota_store.cpp writes these rows, and knows the columns by number. Room for new versions of a row beside it, and no index of what an update
-- changes: it writes none. No checks, which would be parsed at each use.
CREATE TABLE bastion.usage_windows (
    owner_id uuid NOT NULL,
    scope text NOT NULL,
    scope_id uuid NOT NULL,
    meter text COLLATE "C" NOT NULL,
    period text NOT NULL,
    window_key timestamp NOT NULL,
    used numeric NOT NULL DEFAULT 0,
    held numeric NOT NULL DEFAULT 0,
    soft_crossed_at timestamptz,
    allotted numeric,
    CONSTRAINT usage_windows_pkey PRIMARY KEY (owner_id, scope_id, meter, period, window_key)
) WITH (fillfactor = 30);
COMMENT ON TABLE bastion.usage_windows IS 'What was used in each period; granted to nobody';
COMMENT ON COLUMN bastion.usage_windows.owner_id IS 'The tenant; for scope account the user';
COMMENT ON COLUMN bastion.usage_windows.scope IS 'account, user, unit, tenant, or api_key for the cost of an API key';
COMMENT ON COLUMN bastion.usage_windows.scope_id IS 'The user, unit, tenant or API key';
COMMENT ON COLUMN bastion.usage_windows.meter IS 'What is counted';
COMMENT ON COLUMN bastion.usage_windows.period IS 'The period of the limit, as in plan_limits';
COMMENT ON COLUMN bastion.usage_windows.window_key IS 'The local day on which the period began, in UTC the hour; -infinity for total';
COMMENT ON COLUMN bastion.usage_windows.used IS 'What was used';
COMMENT ON COLUMN bastion.usage_windows.held IS 'What is reserved';
COMMENT ON COLUMN bastion.usage_windows.soft_crossed_at IS 'When the soft limit was crossed';
COMMENT ON COLUMN bastion.usage_windows.allotted IS 'What its stripes (usage_stripes) may use without asking here; used does not have what they used. NULL without stripes';
CREATE INDEX usage_windows_scope_id_idx ON bastion.usage_windows (scope_id);
SELECT pg_extension_config_dump('bastion.usage_windows', '');
ALTER TABLE bastion.usage_windows ENABLE ROW LEVEL SECURITY;

CREATE TABLE bastion.quota_holds (
    owner_id uuid NOT NULL,
    user_id uuid NOT NULL,
    unit_id uuid,
    api_key_id uuid,
    key text COLLATE "C" NOT NULL,
    state text NOT NULL,
    request jsonb NOT NULL,
    settlement jsonb,
    lines jsonb NOT NULL,
    answer jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT quota_holds_pkey PRIMARY KEY (owner_id, user_id, key),
    CONSTRAINT quota_holds_state_check CHECK (state IN ('consumed', 'open', 'settled', 'cancelled', 'expired')),
    CONSTRAINT quota_holds_key_check CHECK (octet_length(key) BETWEEN 1 AND 255)
);
CREATE INDEX quota_holds_owner_id_expires_at_idx ON bastion.quota_holds (owner_id, expires_at) WHERE state = 'open';
CREATE INDEX quota_holds_user_id_expires_at_idx ON bastion.quota_holds (user_id, expires_at) WHERE state = 'open';
CREATE INDEX quota_holds_expires_at_idx ON bastion.quota_holds (expires_at);
COMMENT ON TABLE bastion.quota_holds IS 'Amounts that are reserved, and requests with a key, which count once; granted to nobody';
COMMENT ON COLUMN bastion.quota_holds.owner_id IS 'The tenant in which it was asked; without one, the user';
COMMENT ON COLUMN bastion.quota_holds.user_id IS 'The user for whom it was asked';
COMMENT ON COLUMN bastion.quota_holds.unit_id IS 'The unit in which it was asked';
COMMENT ON COLUMN bastion.quota_holds.api_key_id IS 'The API key by which it was asked';
COMMENT ON COLUMN bastion.quota_holds.key IS 'The key that the application chose';
COMMENT ON COLUMN bastion.quota_holds.state IS 'consumed at once; open, then settled, cancelled or expired';
COMMENT ON COLUMN bastion.quota_holds.request IS 'What was asked: the same key with another request is an error';
COMMENT ON COLUMN bastion.quota_holds.settlement IS 'The amounts of quota_settle()';
COMMENT ON COLUMN bastion.quota_holds.lines IS 'The windows in which it counts, with what is charged there now';
COMMENT ON COLUMN bastion.quota_holds.answer IS 'The answer to the request';
COMMENT ON COLUMN bastion.quota_holds.created_at IS 'When it was asked';
COMMENT ON COLUMN bastion.quota_holds.expires_at IS 'When an open one expires, and when usage_prune() may forget another';
SELECT pg_extension_config_dump('bastion.quota_holds', '');
ALTER TABLE bastion.quota_holds ENABLE ROW LEVEL SECURITY;

CREATE SEQUENCE bastion.usage_entries_id_seq AS bigint;
COMMENT ON SEQUENCE bastion.usage_entries_id_seq IS 'Ids of bastion.usage_entries';
-- quota_store.cpp writes these rows too. The only index finds those that usage_roll_up() has not added yet.
CREATE TABLE bastion.usage_entries (
    id bigint NOT NULL DEFAULT nextval('bastion.usage_entries_id_seq'),
    occurred_at timestamptz NOT NULL,
    day date NOT NULL,
    owner_id uuid NOT NULL,
    user_id uuid NOT NULL,
    unit_id uuid,
    api_key_id uuid,
    meter text COLLATE "C" NOT NULL,
    amount numeric NOT NULL,
    key text COLLATE "C",
    rolled_up boolean NOT NULL DEFAULT false,
    CONSTRAINT usage_entries_pkey PRIMARY KEY (rolled_up, id)
);
COMMENT ON TABLE bastion.usage_entries IS 'The ledger: what was used, when and by whom. Granted to nobody';
COMMENT ON COLUMN bastion.usage_entries.id IS 'Order of writing';
COMMENT ON COLUMN bastion.usage_entries.occurred_at IS 'When it was used';
COMMENT ON COLUMN bastion.usage_entries.day IS 'The day in the calendar of the owner';
COMMENT ON COLUMN bastion.usage_entries.owner_id IS 'The tenant in which it was used; without one, the user';
COMMENT ON COLUMN bastion.usage_entries.user_id IS 'The user who used it';
COMMENT ON COLUMN bastion.usage_entries.unit_id IS 'The unit in which it was used';
COMMENT ON COLUMN bastion.usage_entries.api_key_id IS 'The API key by which it was used';
COMMENT ON COLUMN bastion.usage_entries.meter IS 'What was used';
COMMENT ON COLUMN bastion.usage_entries.amount IS 'How much; below 0 for a correction';
COMMENT ON COLUMN bastion.usage_entries.key IS 'The key of the request, if it had one';
COMMENT ON COLUMN bastion.usage_entries.rolled_up IS 'Whether usage_daily has it';
SELECT pg_extension_config_dump('bastion.usage_entries', '');
SELECT pg_extension_config_dump('bastion.usage_entries_id_seq', '');
ALTER TABLE bastion.usage_entries ENABLE ROW LEVEL SECURITY;

CREATE TABLE bastion.usage_daily (
    owner_id uuid NOT NULL,
    day date NOT NULL,
    meter text COLLATE "C" NOT NULL,
    user_id uuid NOT NULL,
    amount numeric NOT NULL,
    entries bigint NOT NULL,
    CONSTRAINT usage_daily_pkey PRIMARY KEY (owner_id, day, meter, user_id)
);
COMMENT ON TABLE bastion.usage_daily IS 'What each user used on each day; usage_roll_up() writes it from usage_entries. Granted to nobody';
COMMENT ON COLUMN bastion.usage_daily.owner_id IS 'The tenant in which it was used; without one, the user';
COMMENT ON COLUMN bastion.usage_daily.day IS 'The day in the calendar of the owner';
COMMENT ON COLUMN bastion.usage_daily.meter IS 'What was used';
COMMENT ON COLUMN bastion.usage_daily.user_id IS 'The user who used it';
COMMENT ON COLUMN bastion.usage_daily.amount IS 'How much';
COMMENT ON COLUMN bastion.usage_daily.entries IS 'How many entries of the ledger';
SELECT pg_extension_config_dump('bastion.usage_daily', '');
ALTER TABLE bastion.usage_daily ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION bastion_internal.quota_subject_exists(scope text, scope_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE scope WHEN 'tenant' THEN EXISTS (SELECT FROM bastion.tenants t WHERE t.id = scope_id)
                      WHEN 'unit' THEN EXISTS (SELECT FROM bastion.units u WHERE u.id = scope_id)
                      WHEN 'api_key' THEN EXISTS (SELECT FROM bastion.api_keys k WHERE k.id = scope_id)
                      ELSE EXISTS (SELECT FROM bastion.users u WHERE u.id = scope_id) END;
END
$$;
COMMENT ON FUNCTION bastion_internal.quota_subject_exists(text, uuid) IS 'Whether the user, unit, tenant or API key of a window exists.';

-- The ledger stays, as what a bill stands on; the rest ends with its owner. What a user reserved in a tenant is still charged there.
CREATE FUNCTION bastion_internal.forget_quotas() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_TABLE_NAME = 'units' THEN
        DELETE FROM bastion.limit_overrides o WHERE o.owner_id = OLD.tenant_id AND o.scope_id = OLD.id;
        DELETE FROM bastion.usage_windows w WHERE w.owner_id = OLD.tenant_id AND w.scope_id = OLD.id;
        RETURN NULL;
    END IF;
    DELETE FROM bastion.limit_overrides o WHERE o.owner_id = OLD.id OR o.scope_id = OLD.id;
    DELETE FROM bastion.quota_calendars c WHERE c.owner_id = OLD.id;
    DELETE FROM bastion.usage_windows w WHERE w.owner_id = OLD.id OR w.scope_id = OLD.id;
    DELETE FROM bastion.quota_holds h WHERE h.owner_id = OLD.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.forget_quotas() IS
'Trigger: deletes the limits, calendar, counters and reserved amounts of a tenant, unit or user that is deleted.';
CREATE TRIGGER tenants_forget_quotas AFTER DELETE ON bastion.tenants FOR EACH ROW EXECUTE FUNCTION bastion_internal.forget_quotas();
COMMENT ON TRIGGER tenants_forget_quotas ON bastion.tenants IS 'Deletes what quotas keep of the tenant';
CREATE TRIGGER units_forget_quotas AFTER DELETE ON bastion.units FOR EACH ROW EXECUTE FUNCTION bastion_internal.forget_quotas();
COMMENT ON TRIGGER units_forget_quotas ON bastion.units IS 'Deletes what quotas keep of the unit';
CREATE TRIGGER users_forget_quotas AFTER DELETE ON bastion.users FOR EACH ROW EXECUTE FUNCTION bastion_internal.forget_quotas();
COMMENT ON TRIGGER users_forget_quotas ON bastion.users IS 'Deletes what quotas keep of the user';

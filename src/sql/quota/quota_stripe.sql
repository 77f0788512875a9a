
-- Stripes of a window: for a tenant with so many uses that each cannot wait for the commit of the one before. A stripe is a row, which has an
-- allotment of the limit and counts on it alone. A use that finds too little there locks the tenant, and takes more from the window; when that
-- has no more, it gathers what all stripes have left. So no use is refused before the whole limit is used, and none is granted above it.

-- quota_stripe.cpp writes these rows, and knows the columns by number.
CREATE TABLE bastion.usage_stripes (
    owner_id uuid NOT NULL,
    scope_id uuid NOT NULL,
    meter text COLLATE "C" NOT NULL,
    period text NOT NULL,
    window_key timestamp NOT NULL,
    stripe integer NOT NULL,
    used numeric NOT NULL,
    allotted numeric NOT NULL,
    room numeric,
    basis text COLLATE "C" NOT NULL,
    CONSTRAINT usage_stripes_pkey PRIMARY KEY (owner_id, scope_id, meter, period, window_key, stripe),
    CONSTRAINT usage_stripes_window_fkey FOREIGN KEY (owner_id, scope_id, meter, period, window_key)
        REFERENCES bastion.usage_windows (owner_id, scope_id, meter, period, window_key) ON DELETE CASCADE
) WITH (fillfactor = 30);
COMMENT ON TABLE bastion.usage_stripes IS 'What the stripes of a window used since they were gathered, and may use; granted to nobody';
COMMENT ON COLUMN bastion.usage_stripes.owner_id IS 'The tenant';
COMMENT ON COLUMN bastion.usage_stripes.scope_id IS 'The unit or tenant';
COMMENT ON COLUMN bastion.usage_stripes.meter IS 'What is counted';
COMMENT ON COLUMN bastion.usage_stripes.period IS 'The period of the limit, as in plan_limits';
COMMENT ON COLUMN bastion.usage_stripes.window_key IS 'The window, as in usage_windows';
COMMENT ON COLUMN bastion.usage_stripes.stripe IS 'The number of the stripe, from 0';
COMMENT ON COLUMN bastion.usage_stripes.used IS 'What it used of its allotment';
COMMENT ON COLUMN bastion.usage_stripes.allotted IS 'Its allotment';
COMMENT ON COLUMN bastion.usage_stripes.room IS 'What the window had left beside all allotments when this one was made; NULL for any amount';
COMMENT ON COLUMN bastion.usage_stripes.basis IS 'The limits for which the allotment was made: for others it does not count';
SELECT pg_extension_config_dump('bastion.usage_stripes', '');
ALTER TABLE bastion.usage_stripes ENABLE ROW LEVEL SECURITY;

-- SECURITY DEFINER, because triggers that count rows run as the role that writes them. EXECUTE is granted to nobody. Under the lock of the
-- tenant nobody uses a stripe.
CREATE FUNCTION bastion_internal.quota_gather(owner uuid, subject uuid, meter text, period text, window_key timestamp) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE bastion.usage_windows w
    SET allotted = NULL, used = w.used + (
        SELECT coalesce(sum(s.used), 0) FROM bastion.usage_stripes s
        WHERE s.owner_id = w.owner_id AND s.scope_id = w.scope_id AND s.meter = w.meter AND s.period = w.period AND s.window_key = w.window_key)
    WHERE w.owner_id = owner AND w.scope_id = subject AND w.meter = quota_gather.meter AND w.period = quota_gather.period AND w.window_key = quota_gather.window_key
      AND w.allotted IS NOT NULL;
    IF FOUND THEN
        UPDATE bastion.usage_stripes s SET used = 0, allotted = 0
        WHERE s.owner_id = owner AND s.scope_id = subject AND s.meter = quota_gather.meter AND s.period = quota_gather.period AND s.window_key = quota_gather.window_key
          AND s.allotted > 0;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.quota_gather(uuid, uuid, text, text, timestamp) IS
'Under the lock of the tenant: adds what the stripes of a window used to the window, and takes back what they may use.';

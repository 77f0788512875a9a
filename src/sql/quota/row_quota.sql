
-- Rows of protected tables as a quota: protect(quota => ...). A gauge counts the rows that exist. Its number is the window of each tenant in
-- total, also where no limit asks for it. Another meter counts each new row as a use, by the user who writes it. Triggers count after each
-- statement, from its transition tables. A statement fires those of the table that it names alone, so each partition and child has its own.

CREATE FUNCTION bastion_internal.meter_kind(meter text) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT m.kind FROM bastion.meters m WHERE m.name = meter $$;
COMMENT ON FUNCTION bastion_internal.meter_kind(text) IS 'The kind of a meter; NULL for an unknown one.';
SELECT bastion_internal.callable_by('bastion_internal.meter_kind(text)', 'migration');

-- SECURITY DEFINER, to read the records of all owners. It says only whether there is one.
CREATE FUNCTION bastion_internal.check_meter_owner(relation regclass, meter text) RETURNS void
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM bastion.protected_tables p JOIN pg_class c ON c.oid = p.relation
               WHERE p.meter = check_meter_owner.meter AND p.relation <> check_meter_owner.relation
                 AND c.relowner <> (SELECT o.relowner FROM pg_class o WHERE o.oid = check_meter_owner.relation)) THEN
        RAISE EXCEPTION 'meter "%" counts the rows of a table of another owner', meter USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Use another meter, or give the tables one owner.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_meter_owner(regclass, text) IS
'Refuses a meter that counts the rows of a table of another owner: each of them could change the number of the other. SQLSTATE 55000.';
SELECT bastion_internal.callable_by('bastion_internal.check_meter_owner(regclass, text)', 'migration');

-- The owner of this table, who restores a dump, is trusted.
CREATE FUNCTION bastion_internal.keep_meter_owner() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT bastion_internal.owns_relation(TG_RELID) THEN
        PERFORM bastion_internal.check_meter_owner(bastion_internal.table_of(NEW.table_name), NEW.options ->> 'quota');
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION bastion_internal.keep_meter_owner() IS 'Trigger: refuses the record of a table that counts on the meter of another owner. SQLSTATE 55000.';
CREATE TRIGGER protected_tables_meter BEFORE INSERT OR UPDATE ON bastion.protected_tables
FOR EACH ROW EXECUTE FUNCTION bastion_internal.keep_meter_owner();
COMMENT ON TRIGGER protected_tables_meter ON bastion.protected_tables IS 'Keeps the meters of several owners apart';

CREATE FUNCTION bastion_internal.check_quota(relation regclass, meter text) RETURNS void
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kind text := bastion_internal.meter_kind(meter);
BEGIN
    IF kind IS NULL THEN
        RAISE EXCEPTION 'unknown meter' USING ERRCODE = 'undefined_object', HINT = 'bastion.meter_set() defines one.';
    ELSIF meter = 'units' THEN
        RAISE EXCEPTION 'meter "units" counts units' USING ERRCODE = 'reserved_name';
    ELSIF kind = 'cost' THEN
        RAISE EXCEPTION 'meter "%" counts amounts, not rows', meter USING ERRCODE = 'wrong_object_type',
            HINT = 'A meter of the kind gauge counts rows that exist, one of the kind count each new row.';
    END IF;
    PERFORM bastion_internal.check_meter_owner(relation, meter);
END
$$;
COMMENT ON FUNCTION bastion_internal.check_quota(regclass, text) IS
'Refuses a meter that cannot count the rows of a table: 42704, 42809, 42939, 55000.';
SELECT bastion_internal.callable_by('bastion_internal.check_quota(regclass, text)', 'migration');

-- Triggers

CREATE FUNCTION bastion_internal.count_rows() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_count_rows';
COMMENT ON FUNCTION bastion_internal.count_rows() IS
'Trigger: counts the rows that a statement adds, removes, or gives to another tenant. Before the statement it takes the locks of quotas, and before TRUNCATE it counts the rows that are there. For a table whose record does not name the meter it does nothing.
Arguments: the meter, and the column of the tenant.
SQLSTATE BA006 with the answer of quota_consume() as DETAIL, 39P01, 40001, 42703, 42704, 42804.';
SELECT bastion_internal.callable_by('bastion_internal.count_rows()', 'migration');

-- SECURITY DEFINER, because the role that writes the row needs no privilege in the extension. EXECUTE is granted to nobody.
CREATE FUNCTION bastion_internal.charge_rows(meter text, added bigint) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion.quota_require(meter, added);
END
$$;
COMMENT ON FUNCTION bastion_internal.charge_rows(text, bigint) IS
'The step of count_rows() for a meter of uses: charges the user of this transaction for new rows. SQLSTATE BA006, and those of quota_require().';

CREATE FUNCTION bastion_internal.expire_rows(tenant uuid) RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion_internal.quota_expire(tenant, tenant) $$;
COMMENT ON FUNCTION bastion_internal.expire_rows(uuid) IS
'The step of count_rows() before it refuses rows that no user of the tenant writes: ends reservations that have expired. True if there were any.';

CREATE FUNCTION bastion_internal.rows_crossed(tenant uuid, meter text, period text, soft_amount numeric, amount numeric, resets_at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    line bastion_internal.quota_line;
BEGIN
    line.owner_id := tenant;
    line.scope := 'tenant';
    line.scope_id := tenant;
    line.meter := meter;
    line.period := period;
    line.soft_amount := soft_amount;
    line.amount := amount;
    line.resets_at := resets_at;
    PERFORM bastion_internal.quota_crossed(line);
END
$$;
COMMENT ON FUNCTION bastion_internal.rows_crossed(uuid, text, text, numeric, numeric, timestamptz) IS
'The step of count_rows() that records that a soft limit of the tenant was crossed.';

-- An UPDATE that moves a row between partitions fires no trigger of rows for it, so partitioned tables pay for transition tables.
CREATE FUNCTION bastion_internal.quota_triggers(spec bastion.protected_tables, member regclass) RETURNS TABLE (name name, definition text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    meter text := spec.options ->> 'quota';
    is_use boolean := bastion_internal.meter_kind(meter) = 'count';
    of_partitions boolean := (SELECT c.relispartition OR c.relkind = 'p' FROM pg_class c WHERE c.oid = member);
    action text := format('FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.count_rows(%L, %L)', meter, spec.tenant_column);
BEGIN
    IF meter IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
        SELECT v.name::name, format('CREATE TRIGGER %s %s', v.name, replace(v.definition, '$', action))
        FROM (VALUES
            ('bastion_quota_insert', true, format('AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows $', member)),
            ('bastion_quota_lock', true, format('BEFORE INSERT%s ON %s $', CASE WHEN is_use THEN '' ELSE ' OR DELETE' END, member)),
            ('bastion_quota_delete', false, format('AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows $', member)),
            ('bastion_quota_truncate', false, format('BEFORE TRUNCATE ON %s $', member)),
            ('bastion_quota_move', false, CASE
                WHEN of_partitions THEN format('AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows $', member)
                ELSE format('AFTER UPDATE ON %s FOR EACH ROW WHEN (old.%2$I IS DISTINCT FROM new.%2$I) %3$s', member, spec.tenant_column,
                            replace(action, 'FOR EACH STATEMENT ', '')) END)) AS v (name, counts_uses, definition)
        WHERE v.counts_uses OR is_use IS NOT TRUE;
END
$$;
COMMENT ON FUNCTION bastion_internal.quota_triggers(bastion.protected_tables, regclass) IS
'The triggers that a protected table, partition or child should have to count its rows.';
SELECT bastion_internal.callable_by('bastion_internal.quota_triggers(bastion.protected_tables, regclass)', 'migration');

-- Counting again

-- SECURITY DEFINER, to read the records of all owners. Callers of recount_rows() own the tables; EXECUTE is granted to nobody.
CREATE FUNCTION bastion_internal.counted_tables(meter text, OUT relations oid[], OUT columns text[])
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kind text;
BEGIN
    -- A snapshot of before the locks would not have the tables that count now.
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        RAISE EXCEPTION 'rows are counted again in READ COMMITTED transactions alone' USING ERRCODE = 'active_sql_transaction';
    END IF;
    SELECT m.kind INTO kind FROM bastion.meters m WHERE m.name = counted_tables.meter FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'unknown meter' USING ERRCODE = 'undefined_object', HINT = 'bastion.meter_set() defines one.';
    ELSIF kind <> 'gauge' OR meter = 'units' THEN
        RAISE EXCEPTION 'meter "%" counts no rows of tables', meter USING ERRCODE = 'wrong_object_type';
    END IF;
    SELECT coalesce(array_agg(c.oid ORDER BY c.oid), '{}'), coalesce(array_agg(n.tenant_column::text ORDER BY c.oid), '{}') INTO relations, columns
    FROM bastion.protected_tables p, bastion_internal.protection_now(p) n, bastion_internal.protect_tree(p.relation) t
    JOIN pg_class c ON c.oid = t.member AND c.relkind = 'r'
    WHERE p.meter = counted_tables.meter;
END
$$;
COMMENT ON FUNCTION bastion_internal.counted_tables(text) IS
'The tables, partitions and children whose rows a gauge counts, each with its column of the tenant. Until the transaction ends, no other one counts the rows of this gauge again.
SQLSTATE 25001, 42704 for an unknown meter, 42809 for another kind.';

CREATE FUNCTION bastion_internal.store_rows(meter text, tenants uuid[], counts bigint[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changed bigint;
BEGIN
    PERFORM FROM bastion.tenants t WHERE t.id = ANY (tenants) ORDER BY t.id FOR KEY SHARE;
    WITH counted AS (
        SELECT c.tenant, sum(c.added) AS used FROM unnest(tenants, counts) c (tenant, added) JOIN bastion.tenants t ON t.id = c.tenant GROUP BY c.tenant
    ), present AS (
        INSERT INTO bastion.usage_windows AS w (owner_id, scope, scope_id, meter, period, window_key, used)
        SELECT c.tenant, 'tenant', c.tenant, store_rows.meter, 'total', '-infinity', c.used FROM counted c
        ON CONFLICT ON CONSTRAINT usage_windows_pkey DO UPDATE SET used = excluded.used WHERE w.used <> excluded.used
        RETURNING w.owner_id
    ), absent AS (
        UPDATE bastion.usage_windows w SET used = 0
        WHERE w.meter = store_rows.meter AND w.scope = 'tenant' AND w.period = 'total' AND w.used <> 0
          AND NOT EXISTS (SELECT FROM counted c WHERE c.tenant = w.owner_id)
        RETURNING w.owner_id
    )
    SELECT (SELECT count(*) FROM present) + (SELECT count(*) FROM absent) INTO changed;
    RETURN changed;
END
$$;
COMMENT ON FUNCTION bastion_internal.store_rows(text, uuid[], bigint[]) IS
'Makes these the numbers of rows of a gauge, and 0 those of other tenants; returns how many were others. EXECUTE is granted to nobody.';

CREATE FUNCTION bastion_internal.recount_rows(meter text) RETURNS bigint
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_recount_rows';
COMMENT ON FUNCTION bastion_internal.recount_rows(text) IS
'quota_recount() for the owner of the tables. protect(dry_run => true) returns this call. SQLSTATE 25001, 42501 for tables of another role, 42704 for an unknown meter, 42809 for a meter that is no gauge.';
SELECT bastion_internal.callable_by('bastion_internal.recount_rows(text)', 'migration');

CREATE FUNCTION bastion.quota_recount(meter text) RETURNS bigint
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_quota_recount';
COMMENT ON FUNCTION bastion.quota_recount(text) IS
'Counts the rows of every table again that counts on a gauge (protect(quota => ...)), and makes that the number of each tenant; returns how many tenants had another number. For what fires no trigger: ATTACH and DETACH PARTITION, DROP TABLE, logical replication, a disabled trigger, a restore of data alone, a crash for an unlogged table. Nobody writes to these tables until the transaction ends.
For operators: EXECUTE is granted to nobody, and may be granted to the role of a job.
SQLSTATE 25001 in a REPEATABLE READ or SERIALIZABLE transaction, 42704 for an unknown meter, 42809 for a meter that is no gauge, and for units.';

CREATE FUNCTION bastion_internal.plan_quota(spec bastion.protected_tables) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE ROWS 2
SET search_path = pg_catalog, pg_temp
AS $$
    WITH meters AS (
        SELECT spec.options ->> 'quota' AS wanted, (SELECT p.options ->> 'quota' FROM bastion.protected_tables p WHERE p.relation = spec.relation) AS recorded
    )
    SELECT format('SELECT bastion_internal.recount_rows(%L);', m.recorded) FROM meters m
    WHERE m.recorded IS DISTINCT FROM m.wanted AND bastion_internal.meter_kind(m.recorded) = 'gauge'
    UNION ALL
    SELECT format('SELECT bastion_internal.recount_rows(%L);', m.wanted) FROM meters m
    WHERE bastion_internal.meter_kind(m.wanted) = 'gauge'
      AND (m.recorded IS DISTINCT FROM m.wanted
           OR EXISTS (SELECT FROM bastion_internal.protect_tree(spec.relation) t, bastion_internal.protect_triggers(spec, t.member) g
                      WHERE g.state <> 'ok' AND starts_with(g.name, 'bastion_quota_')))
$$;
COMMENT ON FUNCTION bastion_internal.plan_quota(bastion.protected_tables) IS
'The statements that count the rows of a table whose triggers did not count them all.';
SELECT bastion_internal.callable_by('bastion_internal.plan_quota(bastion.protected_tables)', 'migration');

-- Units: the gauge of their name. They are few, so they are counted when one is made. What is stored is for transactions that keep their
-- snapshot, which fail with 40001 where another one made a unit meanwhile.
CREATE FUNCTION bastion_internal.add_counted_row(tenant uuid, meter text, counted bigint) RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_add_counted_row';
COMMENT ON FUNCTION bastion_internal.add_counted_row(uuid, text, bigint) IS
'Under the lock of the tenant: stores how many rows it has with a new one, unless its limit of the gauge allows no more. SQLSTATE BA006 with the answer of quota_consume() as DETAIL, 40001.';

CREATE FUNCTION bastion_internal.require_unit_room(tenant uuid) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion_internal.meter_kind('units') = 'gauge' THEN
        PERFORM bastion_internal.quota_enter(false);
        PERFORM bastion_internal.add_counted_row(tenant, 'units', (SELECT count(*) FROM bastion.units u WHERE u.tenant_id = tenant));
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_unit_room(uuid) IS
'Refuses a new unit, which is there already, beyond what the gauge units allows its tenant. SQLSTATE BA006, and those of quota_enter().';


-- Rate limits: how often, and how many at once. The counters are in memory (pg/throttle/rate_store.hpp), and no rollback takes a request
-- back.

CREATE FUNCTION bastion_internal.is_rate(per_second double precision, burst double precision) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT per_second > 0 AND per_second <= 1000000 AND burst BETWEEN 1 AND 1000000000 AND burst = floor(burst) AND burst / per_second <= 2592000
$$;
COMMENT ON FUNCTION bastion_internal.is_rate(double precision, double precision) IS
'Whether a limit may have this rate: as many requests per second, and as many at once as 30 days allow.';

CREATE FUNCTION bastion_internal.is_rate_object(rate jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN jsonb_typeof(rate -> 'per_second') = 'number' AND jsonb_typeof(rate -> 'burst') = 'number' AND rate ->> 'burst' ~ '^[0-9]{1,10}$'
                     AND (rate -> 'per_second')::numeric BETWEEN 1e-9 AND 1000000
                THEN bastion_internal.is_rate((rate -> 'per_second')::float8, (rate -> 'burst')::float8) ELSE false END
$$;
COMMENT ON FUNCTION bastion_internal.is_rate_object(jsonb) IS 'Whether the rate of an API key is {"per_second", "burst"} with numbers that is_rate() takes.';

CREATE TABLE bastion.rate_limits (
    name text COLLATE "C" NOT NULL,
    plan text COLLATE "C" NOT NULL DEFAULT '',
    scope text NOT NULL,
    per_second double precision,
    burst integer,
    concurrent integer,
    CONSTRAINT rate_limits_pkey PRIMARY KEY (name, plan),
    CONSTRAINT rate_limits_name_check CHECK (bastion_internal.is_word(name)),
    CONSTRAINT rate_limits_plan_check CHECK (plan = '' OR bastion_internal.is_label(plan)),
    CONSTRAINT rate_limits_scope_check CHECK (scope IN ('api_key', 'user', 'tenant', 'address', 'route')),
    CONSTRAINT rate_limits_rate_check CHECK ((per_second IS NULL) = (burst IS NULL) AND bastion_internal.is_rate(per_second, burst) IS NOT FALSE),
    CONSTRAINT rate_limits_concurrent_check CHECK (concurrent BETWEEN 1 AND 64),
    CONSTRAINT rate_limits_limit_check CHECK (num_nonnulls(burst, concurrent) > 0)
);
COMMENT ON TABLE bastion.rate_limits IS 'How often, and how many at once; granted to nobody';
COMMENT ON COLUMN bastion.rate_limits.name IS 'What functions and front doors call it';
COMMENT ON COLUMN bastion.rate_limits.plan IS 'The plan of the tenants that have it; empty: those of every other plan';
COMMENT ON COLUMN bastion.rate_limits.scope IS 'What is counted: each api_key, user, tenant or address (IPv6: /64) of a caller, or route: all callers together';
COMMENT ON COLUMN bastion.rate_limits.per_second IS 'Requests per second in the long run; NULL for any number';
COMMENT ON COLUMN bastion.rate_limits.burst IS 'Requests at once, after a time without any';
COMMENT ON COLUMN bastion.rate_limits.concurrent IS 'Transactions at once; NULL for any number';
SELECT pg_extension_config_dump('bastion.rate_limits', '');
ALTER TABLE bastion.rate_limits ENABLE ROW LEVEL SECURITY;
CREATE TRIGGER rate_limits_invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON bastion.rate_limits
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('rate_limits');
ALTER TABLE bastion.rate_limits ENABLE ALWAYS TRIGGER rate_limits_invalidate;

CREATE FUNCTION bastion.rate_limit_set(name text, scope text, per_second double precision DEFAULT NULL, burst integer DEFAULT NULL,
                                       concurrent integer DEFAULT NULL, plan text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion_internal.is_word(name) IS NOT TRUE OR scope IS NULL OR scope NOT IN ('api_key', 'user', 'tenant', 'address', 'route')
       OR plan = '' OR bastion_internal.is_label(plan) IS FALSE THEN
        RAISE EXCEPTION 'invalid rate limit' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'The name is a word of lower-case letters, digits and underscores; the scope is api_key, user, tenant, address or route.';
    ELSIF num_nonnulls(per_second, concurrent) = 0 OR concurrent NOT BETWEEN 1 AND 64 OR (per_second IS NULL AND burst IS NOT NULL)
          OR bastion_internal.is_rate(per_second, coalesce(burst, 1)) IS FALSE THEN
        RAISE EXCEPTION 'invalid rate limit' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'per_second is above 0 and at most 1,000,000; burst is from 1 to 1,000,000,000, and what 30 days allow; concurrent is from 1 to 64.';
    END IF;
    LOCK TABLE bastion.rate_limits IN SHARE ROW EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM bastion.rate_limits r
               WHERE r.name = rate_limit_set.name AND r.plan <> coalesce(rate_limit_set.plan, '') AND r.scope <> rate_limit_set.scope) THEN
        RAISE EXCEPTION 'the rate limit has another scope in another plan' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'A limit counts the same in every plan.', HINT = 'bastion.rate_limit_remove() removes it in another plan.';
    END IF;
    INSERT INTO bastion.rate_limits (name, plan, scope, per_second, burst, concurrent)
    VALUES (rate_limit_set.name, coalesce(rate_limit_set.plan, ''), rate_limit_set.scope, rate_limit_set.per_second,
            CASE WHEN per_second IS NOT NULL THEN coalesce(burst, greatest(1, ceil(per_second)::integer)) END, rate_limit_set.concurrent)
    ON CONFLICT ON CONSTRAINT rate_limits_pkey DO UPDATE
    SET (scope, per_second, burst, concurrent) = (excluded.scope, excluded.per_second, excluded.burst, excluded.concurrent);
    PERFORM bastion_internal.record_event('rate_limit_set', 'success', NULL, NULL, jsonb_strip_nulls(jsonb_build_object(
        'name', name, 'plan', plan, 'scope', scope, 'per_second', per_second, 'burst', burst, 'concurrent', concurrent)));
END
$$;
COMMENT ON FUNCTION bastion.rate_limit_set(text, text, double precision, integer, integer, text) IS
'Defines or replaces a rate limit. In the long run it allows per_second requests, and burst of them at once (unless given, those of a second). concurrent is how many transactions may hold it at once (concurrency_limit()). scope is what is counted: each api_key, user, tenant or address of a caller, or route, all callers together. With plan, it counts for tenants of that plan (tenants.plan) in place of the one without, and has the same scope.
What was counted stays. For operators: EXECUTE is granted to nobody.
SQLSTATE 22023, also for a scope other than that of the limit in another plan.';
SELECT bastion_internal.event_kind('rate_limit_set');

CREATE FUNCTION bastion.rate_limit_remove(name text, plan text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM bastion.rate_limits r WHERE r.name = rate_limit_remove.name AND r.plan = coalesce(rate_limit_remove.plan, '');
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM bastion_internal.record_event('rate_limit_removed', 'success', NULL, NULL, jsonb_strip_nulls(jsonb_build_object('name', name, 'plan', plan)));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.rate_limit_remove(text, text) IS
'Removes a rate limit, or that of a plan; false if there is none. For operators: EXECUTE is granted to nobody.';
SELECT bastion_internal.event_kind('rate_limit_removed');

CREATE FUNCTION bastion.rate_limit(name text, key text DEFAULT NULL, cost integer DEFAULT 1) RETURNS boolean
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_rate_limit';
COMMENT ON FUNCTION bastion.rate_limit(text, text, integer) IS
'Whether a request is within a limit of rate_limit_set(); then it counts, as cost requests. A refused one costs nothing. key tells apart what is counted for one caller, such as a route. A limit by api_key allows everything to callers without one. A limit by user or tenant allows nothing without that.
Works in READ ONLY transactions and on standbys, each of which counts for itself. ROLLBACK does not take it back.
SQLSTATE 42704 for an unknown limit, 22004 without a name, 22023 for a cost below 1, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.rate_limit(text, text, integer)', 'application');

CREATE FUNCTION bastion.concurrency_limit(name text, key text DEFAULT NULL) RETURNS boolean
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_concurrency_limit';
COMMENT ON FUNCTION bastion.concurrency_limit(text, text) IS
'Takes one of the places that a limit of rate_limit_set() has at once, until the transaction ends. Returns false when others have all. A second call in a transaction keeps the first place. key and scope are those of rate_limit(). A rollback to a savepoint gives no place back; the end of the connection does. A prepared transaction keeps its places.
SQLSTATE 42704 for an unknown limit, 22004 without a name, 54000 for a ninth limit in a transaction, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.concurrency_limit(text, text)', 'application');

CREATE FUNCTION bastion_internal.rate_limit_peek(name text, key text, OUT burst bigint, OUT period bigint, OUT remaining bigint, OUT reset bigint, OUT retry_after bigint)
RETURNS record
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_rate_limit_peek';
COMMENT ON FUNCTION bastion_internal.rate_limit_peek(text, text) IS
'What a limit has left for the caller: requests at once, seconds until all of them are allowed again after they were used, requests that remain, seconds until all remain, and seconds until a refused one is allowed. NULL where nothing is counted.
SQLSTATE 42704 for an unknown limit, 22004 without a name, 28000 when a token was presented and refused.';

CREATE FUNCTION bastion.rate_limit_state(name text, key text DEFAULT NULL) RETURNS jsonb
LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('limit', p.burst, 'remaining', p.remaining, 'reset', p.reset, 'retry_after', p.retry_after, 'headers', jsonb_strip_nulls(jsonb_build_object(
        'RateLimit-Policy', format('"%s";q=%s;w=%s', rate_limit_state.name, p.burst, p.period),
        'RateLimit', format('"%s";r=%s;t=%s', rate_limit_state.name, p.remaining, p.reset),
        'Retry-After', nullif(p.retry_after, 0)::text)))
    FROM bastion_internal.rate_limit_peek(rate_limit_state.name, rate_limit_state.key) p WHERE p.burst IS NOT NULL
$$;
COMMENT ON FUNCTION bastion.rate_limit_state(text, text) IS
'What a rate limit has left for the caller, and the headers that tell an HTTP client (the RateLimit fields of the IETF, and Retry-After): {"limit": requests at once, "remaining", "reset": seconds until all remain, "retry_after": seconds, 0 when a request is allowed now, "headers": {"RateLimit-Policy", "RateLimit", "Retry-After"}}. Counts nothing. NULL where nothing is counted.
SQLSTATE 42704 for an unknown limit, 22004 without a name, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.rate_limit_state(text, text)', 'application');

CREATE FUNCTION bastion.rate_limit_require(name text, key text DEFAULT NULL, cost integer DEFAULT 1) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT bastion.rate_limit(name, key, cost) THEN
        RAISE EXCEPTION 'too many requests' USING ERRCODE = 'BA007', DETAIL = coalesce(bastion.rate_limit_state(name, key), '{}')::text;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion.rate_limit_require(text, text, integer) IS
'Raises unless rate_limit() allows the request: for functions of the application.
SQLSTATE BA007 with rate_limit_state() as DETAIL; 42704 for an unknown limit, 22004 without a name, 22023 for a cost below 1, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.rate_limit_require(text, text, integer)', 'application');

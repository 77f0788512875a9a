-- What rate_limit(), the getters of settings (at most 150 ns over a row that calls nothing) and a flag cost (500 ns, with a percentage and a rule 1,000 ns), for a user and for all callers together, beside current_setting(),
-- and beside the limiter that applications write: one UPDATE of a row, which ROLLBACK takes back and which makes others wait. Processor
-- time of the session, in turn; the least of each counts.
SET client_min_messages = warning;
CREATE SCHEMA bench;
SELECT bastion.rate_limit_set('route', 'route', 1000000, 1000000000), bastion.rate_limit_set('user', 'user', 1000000, 1000000000),
       bastion.rate_limit_set('full', 'route', 0.001, 1), bastion.rate_limit_set('places', 'route', concurrent => 8),
       bastion.setting_put_for(NULL, 'bench.retries', '3'), bastion.setting_put_for(NULL, 'bench.sender', '"hello@example.com"') \gset _
SELECT bastion.flag_set_for(NULL, 'plain', '{"variants": {"on": true}, "defaultVariant": "on"}'), bastion.flag_set_for(NULL, 'share', '{"variants": {"on": true, "off": false}, "defaultVariant": "off"}'),
       bastion.flag_rollout_for(NULL, 'share', 'on', 50),
       bastion.flag_set_for(NULL, 'rule', '{"variants": {"on": true, "off": false}, "defaultVariant": "off", "targeting": {"if": [{"==": [{"var": "plan"}, "pro"]}, {"fractional": [["on", 50], ["off", 50]]}]}}') \gset _
CREATE TABLE bench.limits (name text PRIMARY KEY, tokens double precision, filled_at timestamptz);
INSERT INTO bench.limits VALUES ('x', 1000000000, now());
CREATE FUNCTION bench.table_limit(wanted text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    UPDATE bench.limits l SET tokens = least(1000000000, l.tokens + 1000000 * extract(epoch FROM clock_timestamp() - l.filled_at)) - 1, filled_at = clock_timestamp()
    WHERE l.name = wanted AND l.tokens >= 1;
    RETURN FOUND;
END
$$;
CREATE FUNCTION bench.processor_time() RETURNS double precision LANGUAGE sql AS
$$ SELECT split_part(pg_catalog.pg_read_file('/proc/self/schedstat'), ' ', 1)::double precision $$;
CREATE FUNCTION bench.compare(rounds integer) RETURNS TABLE (what text, nanoseconds numeric, over_nothing numeric) LANGUAGE plpgsql AS $$
DECLARE
    kinds text[] := ARRAY['nothing', 'current_setting()', 'rate_limit(), of all', 'rate_limit(), of a user', 'rate_limit(), with a key', 'rate_limit(), refused', 'concurrency_limit(), held',
                          'setting_integer()', 'setting_text()', 'setting_text(), none', 'flag_boolean()', 'flag_boolean(), a percentage', 'flag_boolean(), a rule with a context', 'a row of a table'];
    calls text[] := ARRAY['g > 0', 'current_setting(''work_mem'') IS NOT NULL', 'bastion.rate_limit(''route'')', 'bastion.rate_limit(''user'')', 'bastion.rate_limit(''route'', ''/items'')', 'bastion.rate_limit(''full'')',
                          'bastion.concurrency_limit(''places'')', 'bastion.setting_integer(''bench.retries'') > 0', 'bastion.setting_text(''bench.sender'') IS NOT NULL', 'bastion.setting_text(''bench.none'') IS NULL',
                          'bastion.flag_boolean(''plain'', false)', 'bastion.flag_boolean(''share'', NULL) IS NOT NULL', 'bastion.flag_boolean(''rule'', false, ''{"plan": "pro"}'')', 'bench.table_limit(''x'')'];
    best double precision[] := array_fill('Infinity'::double precision, ARRAY[14]);
    had double precision;
    count integer;
BEGIN
    FOR round IN 1 .. rounds LOOP
        FOR i IN 1 .. 14 LOOP
            count := CASE i WHEN 14 THEN 2000 ELSE 200000 END;
            had := bench.processor_time();
            EXECUTE format('SELECT count(*) FILTER (WHERE %s) FROM generate_series(1, %s) g', calls[i], count);
            best[i] := least(best[i], (bench.processor_time() - had) / count);
        END LOOP;
    END LOOP;
    RETURN QUERY SELECT kinds[i], round(best[i]::numeric, 1), round((best[i] - best[1])::numeric, 1) FROM generate_series(1, 14) i;
END
$$;
SELECT bastion_api.signup('ann@bench.example', 'correct horse battery', 'Bench') ->> 'access_token' AS ann \gset
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS authenticated \gset
SELECT * FROM bench.compare(7);
COMMIT;

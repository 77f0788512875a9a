-- Interleaved measurement: runs two statements in turn, in one session, and prints the ratio of their medians.
\set QUIET on
\pset footer off
\set ON_ERROR_STOP on
SET client_min_messages = warning;
DROP ROLE IF EXISTS app, plain;
CREATE ROLE app;
CREATE ROLE plain BYPASSRLS;
CREATE SCHEMA bench;
GRANT USAGE ON SCHEMA bench TO PUBLIC;

-- Milliseconds that the session has had a processor. Other work on the machine counts less there than in elapsed time.
CREATE FUNCTION bench.processor_time() RETURNS double precision LANGUAGE sql AS
$$ SELECT split_part(pg_catalog.pg_read_file('/proc/self/schedstat'), ' ', 1)::double precision / 1e6 $$;

-- One statement's time in milliseconds, planning included, run as `as_role`; `reset` runs before it, untimed. On the processor of the
-- session alone, or elapsed.
CREATE FUNCTION bench.time_of(statement text, as_role name, reset text, on_processor boolean DEFAULT false) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz;
    ended timestamptz;
    had double precision := bench.processor_time();
BEGIN
    IF reset IS NOT NULL THEN
        EXECUTE reset;
    END IF;
    PERFORM pg_catalog.set_config('role', as_role, true);
    began := pg_catalog.clock_timestamp();
    EXECUTE statement;
    ended := pg_catalog.clock_timestamp();
    PERFORM pg_catalog.set_config('role', 'none', true);
    RETURN CASE WHEN on_processor THEN bench.processor_time() - had ELSE extract(epoch FROM ended - began) * 1000 END;
END
$$;

CREATE FUNCTION bench.median(samples double precision[]) RETURNS double precision LANGUAGE sql AS
$$ SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY s) FROM unnest(samples) s $$;

-- `ours` runs as `app` with the identity of the transaction, `theirs` as `plain`, which has the same grants and whom
-- policies do not bind.
-- The order alternates from round to round; the first round of each warms up and does not count.
CREATE FUNCTION bench.compare(label text, ours text, theirs text, rounds integer, goal double precision,
                              reset text DEFAULT NULL, theirs_as name DEFAULT 'plain')
RETURNS TABLE (measurement text, ours_ms numeric, theirs_ms numeric, ratio numeric, at_most numeric)
LANGUAGE plpgsql AS $$
DECLARE
    first double precision[] := '{}';
    second double precision[] := '{}';
    x double precision;
    y double precision;
BEGIN
    FOR round IN 0 .. rounds LOOP
        IF round % 2 = 0 THEN
            x := bench.time_of(ours, 'app', reset);
            y := bench.time_of(theirs, theirs_as, reset);
        ELSE
            y := bench.time_of(theirs, theirs_as, reset);
            x := bench.time_of(ours, 'app', reset);
        END IF;
        IF round > 0 THEN
            first := first || x;
            second := second || y;
        END IF;
    END LOOP;
    RETURN QUERY SELECT label, round(bench.median(first)::numeric, 3), round(bench.median(second)::numeric, 3),
                        round((bench.median(first) / bench.median(second))::numeric, 3), goal::numeric;
END
$$;

-- Nanoseconds of the processor that counting `expression` over `source`, of so many `items`, takes more than counting `baseline`; the median of
-- interleaved rounds, of which the first does not count.
CREATE FUNCTION bench.added(label text, expression text, baseline text, source text, items integer, as_role name, rounds integer)
RETURNS TABLE (call text, nanoseconds numeric) LANGUAGE plpgsql AS $$
DECLARE
    samples double precision[] := '{}';
    x double precision;
    y double precision;
BEGIN
    FOR round IN 0 .. rounds LOOP
        x := bench.time_of(format('SELECT count(%s) FROM %s', expression, source), as_role, NULL, true);
        y := bench.time_of(format('SELECT count(%s) FROM %s', baseline, source), as_role, NULL, true);
        IF round > 0 THEN
            samples := samples || (x - y) * 1e6 / items;
        END IF;
    END LOOP;
    RETURN QUERY SELECT label, round(bench.median(samples)::numeric, 1);
END
$$;

-- What a login and a refresh cost, each in a transaction of its own: medians of 400, in turn.
\ir lib/compare.sql
SELECT bastion.allow_app_role('app') \gset _
\o /dev/null
SELECT bastion_api.signup('owner@bench.test', 'correct horse battery', 'Tenant 1');
\o
CREATE TABLE bench.spent (round integer PRIMARY KEY, hash double precision, login double precision, refresh double precision, nothing double precision);
CREATE PROCEDURE bench.spend(rounds integer) LANGUAGE plpgsql AS $$
DECLARE
    hash text := (SELECT p.hash FROM bastion.user_passwords p);
    token text := bastion_api.login('owner@bench.test', 'correct horse battery') ->> 'refresh_token';
    ends timestamptz[];
BEGIN
    COMMIT;
    FOR i IN 1 .. rounds LOOP
        ends := ARRAY[clock_timestamp()];
        PERFORM bastion.password_verify('correct horse battery', hash);
        COMMIT;
        ends := ends || clock_timestamp();
        PERFORM bastion_api.login('owner@bench.test', 'correct horse battery');
        COMMIT;
        ends := ends || clock_timestamp();
        token := bastion_api.refresh(token) ->> 'refresh_token';
        COMMIT;
        ends := ends || clock_timestamp();
        PERFORM 1;
        COMMIT;
        ends := ends || clock_timestamp();
        INSERT INTO bench.spent SELECT i, t[1], t[2], t[3], t[4]
        FROM (SELECT array_agg(extract(epoch FROM ends[n + 1] - ends[n]) * 1000 ORDER BY n) FROM generate_series(1, 4) n) x (t) WHERE i > 10;
        COMMIT;
    END LOOP;
    IF token IS NULL THEN
        RAISE 'a refresh was refused';
    END IF;
END
$$;
CALL bench.spend(410);

\echo a login against the default hash: at most 1.5 ms more than the hash before it; a refresh: at most 1 ms
SELECT 'a login' AS call, round(bench.median(array_agg(login))::numeric, 2) AS ms, round(bench.median(array_agg(hash))::numeric, 2) AS hash_ms,
       round(bench.median(array_agg(login - hash))::numeric, 2) AS more_ms, 1.5 AS at_most FROM bench.spent
UNION ALL
SELECT 'a refresh', round(bench.median(array_agg(refresh))::numeric, 2), NULL, round(bench.median(array_agg(refresh - nothing))::numeric, 2), 1.0 FROM bench.spent;

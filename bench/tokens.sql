-- What verifying a token costs inside the server, for each algorithm: without the cache (at most 2.5 µs for HS256 of
-- 250 bytes; for the others, core_bench has the library calls to compare), from the cache (at most 1.5 µs), and what
-- people write in SQL over pgcrypto for HS256.
\ir lib/compare.sql
CREATE EXTENSION pgcrypto;
CREATE FUNCTION bench.base64url(bytes bytea) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT translate(replace(encode(bytes, 'base64'), E'\n', ''), '+/=', '-_') $$;
CREATE FUNCTION bench.unbase64url(part text) RETURNS bytea LANGUAGE sql IMMUTABLE AS
$$ SELECT decode(rpad(translate(part, '-_', '+/'), (length(part) + 3) / 4 * 4, '='), 'base64') $$;
CREATE FUNCTION bench.verify_in_sql(token text, secret bytea) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN bench.base64url(public.hmac(convert_to(p[1] || '.' || p[2], 'UTF8'), secret, 'sha256')) = p[3]
                THEN convert_from(bench.unbase64url(p[2]), 'UTF8')::jsonb END
    FROM string_to_array(token, '.') p
$$;
CREATE TABLE bench.tokens AS
SELECT algorithm, key, bastion.jwt_sign('{"sub":"c3517380-1e7d-4ef0-a4d8-c43ea1b035a0","iss":"https://issuer.example","exp":4000000000,"iat":1700000000}', key) AS token
FROM unnest(ARRAY['HS256', 'RS256', 'PS256', 'ES256', 'ES384', 'EdDSA']) algorithm,
     LATERAL (SELECT bastion.jwk_generate(algorithm) - CASE algorithm WHEN 'HS256' THEN 'kid' ELSE '' END) k (key);

CREATE FUNCTION bench.verifying(entries integer, calls integer) RETURNS TABLE (call text, nanoseconds numeric) LANGUAGE plpgsql AS $$
DECLARE
    one bench.tokens;
    n integer;
BEGIN
    PERFORM set_config('bastion.token_cache_entries', entries::text, false);
    FOR one IN SELECT * FROM bench.tokens LOOP
        n := CASE WHEN entries = 0 AND one.algorithm <> 'HS256' THEN calls / 20 ELSE calls END;
        RETURN QUERY SELECT * FROM bench.added(format('%s, %s bytes, %s', one.algorithm, length(one.token),
                CASE WHEN entries = 0 THEN 'verified' ELSE 'cached' END),
            format('bastion.jwt_verify(%L || left(i::text, 0), %L)', one.token,
                   CASE WHEN one.algorithm = 'HS256' THEN one.key ELSE bastion.jwk_public(one.key) END),
            format('%L || left(i::text, 0)', one.token), format('generate_series(1, %s) i', n), n, 'none', 5);
    END LOOP;
END
$$;
\echo bastion.jwt_verify(), every claim returned as jsonb
SELECT * FROM bench.verifying(0, 20000) UNION ALL SELECT * FROM bench.verifying(1024, 20000);
\echo the same for HS256 in SQL over pgcrypto, without a look at any claim
SELECT bench.added('SQL over pgcrypto', format('bench.verify_in_sql(%L || left(i::text, 0), %L)', token, bench.unbase64url(key ->> 'k')),
                   format('%L || left(i::text, 0)', token), 'generate_series(1, 20000) i', 20000, 'none', 5)
FROM bench.tokens WHERE algorithm = 'HS256';

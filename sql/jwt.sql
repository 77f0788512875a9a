-- jwt_sign and jwt_verify as an application role sees them. Formats and vectors are tested in the unit tests.
SET ROLE regress_app;
\set key '{"kty":"oct","alg":"HS256","kid":"k1","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}'
\set private '{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"e1","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'
\set public '{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"e1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}'
\set claims '{"sub":"alice","aud":"app","iss":"me","iat":1000,"exp":2000}'

-- both ways, symmetric and public
SELECT bastion.jwt_sign(:'claims', :'key') AS token, bastion.jwt_sign(:'claims', :'private') AS signed \gset
SELECT :'token' AS token, :'signed' AS signed;
SELECT bastion.jwt_verify(:'token', :'key', '{"now": 1500, "aud": "app"}');
SELECT bastion.jwt_verify(:'signed', :'public', '{"now": 1500, "iss": "me", "aud": ["app", "web"], "typ": "JWT", "max_age": 600, "algorithms": ["EdDSA"]}');
SELECT bastion.jwt_verify(bastion.jwt_sign('{"a": 1}', :'key', '{"typ": "x+jwt"}'), :'key', '{"allow_missing_exp": true}');

-- jsonb of the claims is the one that PostgreSQL makes of the text: every type, order of names, offsets past 32, numbers
SELECT count(*) AS same FROM (VALUES
    (E'{"b":1,"a":[1,[],{},null,true,false,"",{"x":{"y":[0,-1,10000,99999999,9223372036854775807,-9223372036854775808]}}],"aa":"\\n\\"","":0}'),
    ('{"n":[0,1,9,10,9999,10000,10001,100000000,4000000000,12345678901234567,1000000000000000000],"f":[0.5,-1e3,18446744073709551615]}'),
    ((SELECT json_object_agg('k' || i, i)::text FROM generate_series(1, 100) i)),
    ((SELECT json_build_object('list', json_agg(repeat('x', i)))::text FROM generate_series(0, 100) i))) c (claims),
LATERAL bastion.jwt_verify(bastion.jwt_sign(claims::jsonb, :'key'), :'key', '{"allow_missing_exp": true}') got
WHERE got = claims::jsonb AND got::text = claims::jsonb::text AND jsonb_hash(got) = jsonb_hash(claims::jsonb)
  AND pg_column_size(got) = pg_column_size(claims::jsonb);

-- jws_verify: any payload, all algorithms, keys also as PEM and as a set
SELECT convert_from(bastion.jws_verify('eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg', :'public'), 'UTF8');
SELECT algorithm, bastion.jws_verify(token, bastion.jwk_public(key)) IS NOT NULL AS public,
       bastion.jws_verify(token, jsonb_build_object('keys', jsonb_build_array(bastion.jwk_public(key))), ARRAY[algorithm]) IS NOT NULL AS in_a_set,
       bastion.jwt_verify(token, bastion.jwk_public(key) - 'alg', jsonb_build_object('now', 1500, 'aud', 'app', 'algorithms', jsonb_build_array(algorithm))) ->> 'sub' AS claims,
       key ->> 'kid' = bastion.jwk_thumbprint(key) AS named_by_thumbprint
FROM unnest(ARRAY['RS256', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']) algorithm,
     LATERAL (SELECT bastion.jwk_generate(algorithm)) k (key), LATERAL bastion.jwt_sign(:'claims', key) token;
SELECT bastion.jwk_generate('HS512', 'mine') - 'k', length(bastion.jwk_generate('HS512') ->> 'k');
\set pem '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----'
SELECT bastion.jwk_public(to_jsonb(:'pem'::text)), bastion.jwk_public(jsonb_build_object('pem', :'pem', 'kid', 'e1', 'alg', 'EdDSA'));
SELECT bastion.jwt_verify(:'signed', jsonb_build_object('pem', :'pem', 'kid', 'e1', 'alg', 'EdDSA'), '{"now": 1500, "aud": "app"}') ->> 'sub' AS sub;
SELECT test.error(format('SELECT bastion.jws_verify(%L, %L, %L)', token, keys, algorithms))
FROM (VALUES
    (:'token', :'key', '{HS384}'), (:'token', :'public', NULL), ('x', :'key', NULL), ('', :'key', NULL),
    (:'token', (:'key'::jsonb - 'alg')::text, NULL), (:'token', :'key', '{}'), (:'token', :'key', '{none}'), (:'token', :'key', '{HS256,NULL}'),
    (:'token', '"x"', NULL), (:'token', '{"pem": "x"}', NULL), (:'token', '{"kty":"RSA","n":"AQAB","e":"AQAB"}', NULL),
    (:'token', format('{"keys": [%s, %s]}', :'key', :'key'), NULL), (:'token', format('{"keys": [%s, %s]}', :'key', :'public'::jsonb -> 'keys' -> 0), NULL)
) c (token, keys, algorithms);
SELECT test.error(format('SELECT bastion.jwk_generate(%L, NULL, %s)', algorithm, bits))
FROM (VALUES ('none', 'NULL'), ('', 'NULL'), ('RS256', '1024'), ('RS256', '0'), ('RS256', '8192'), ('ES256', '256')) c (algorithm, bits);
SELECT test.error(format('SELECT bastion.jwk_public(%L)', :'key')), test.error(format('SELECT bastion.jwk_thumbprint(%L)', :'key')),
       test.error(format('SELECT bastion.jwk_thumbprint(%L)', :'public'));
SELECT bastion.jws_verify(NULL, :'key') IS NULL, bastion.jws_verify('x', NULL) IS NULL, bastion.jwk_generate(NULL) IS NULL,
       bastion.jwk_public(NULL) IS NULL, bastion.jwk_thumbprint(NULL) IS NULL;

-- X.509 certificates: the key and the dates count
\set signer '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----'
\set certificate '-----BEGIN CERTIFICATE-----\nMIHFMHmgAwIBAgIBATAFBgMrZXAwDDEKMAgGA1UEAwwBdDAgFw0yMDAxMDEwMDAw\nMDBaGA8yMTAwMDEwMTAwMDAwMFowDDEKMAgGA1UEAwwBdDAqMAUGAytlcAMhAAOh\nB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4MAUGAytlcANBADWd6RP2ox99\nWuCkyGpXUFyyvKzx8fxfTZ+f060a0ICLSMldYMRq+fUZo3uBSDalKf5+LHKWtCci\n9sgjEH3DlAo=\n-----END CERTIFICATE-----'
\set old '-----BEGIN CERTIFICATE-----\nMIHDMHegAwIBAgIBATAFBgMrZXAwDDEKMAgGA1UEAwwBdDAeFw0xOTAxMDEwMDAw\nMDBaFw0yMDAxMDEwMDAwMDBaMAwxCjAIBgNVBAMMAXQwKjAFBgMrZXADIQADoQe/\n884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuDAFBgMrZXADQQB2ptBoeKrb3i42\nqfEs4gUdRNIlIrdQMR0PgEH7h+4tBhakwdxd+geIN7n0HSsWbg82i5QCZ0DCsgXb\nl2JeaJ0L\n-----END CERTIFICATE-----'
\set future '-----BEGIN CERTIFICATE-----\nMIHHMHugAwIBAgIBATAFBgMrZXAwDDEKMAgGA1UEAwwBdDAiGA8yMDkwMDEwMTAw\nMDAwMFoYDzIxMDAwMTAxMDAwMDAwWjAMMQowCAYDVQQDDAF0MCowBQYDK2VwAyEA\nA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbgwBQYDK2VwA0EAq3W7X+Yt\n+GQxzamofJ6Cfqf8HL0Wl7jnaxk1Fs1EjppquHF8ZZ2qgZfwv7eQuyeGw5C6OweH\nRqgxXcVgz9hBBQ==\n-----END CERTIFICATE-----'
SELECT bastion.jwt_sign('{"sub": "x", "exp": 4000000000}', jsonb_build_object('pem', :'signer', 'alg', 'EdDSA')) AS certified \gset
SELECT bastion.jwk_public(to_jsonb(:'certificate'::text));
SELECT name, test.error(format('SELECT bastion.jwt_verify(%L, %L, %L)', :'certified', jsonb_build_object('pem', pem), options)) AS jwt,
       test.error(format('SELECT bastion.jws_verify(%L, %L, %L)', :'certified', jsonb_build_object('pem', pem), '{EdDSA}')) AS jws
FROM (VALUES ('valid', :'certificate', '{"algorithms": ["EdDSA"]}'), ('expired', :'old', '{"algorithms": ["EdDSA"], "leeway": 3600}'),
             ('at that time', :'old', '{"algorithms": ["EdDSA"], "now": 1560000000}'), ('not yet', :'future', '{"algorithms": ["EdDSA"]}')) c (name, pem, options);
-- the dates hold for a verified token that is cached, and for a JSON Web Key
SELECT test.error(format('SELECT bastion.jwt_verify(%L, %L, %L)', :'certified', bastion.jwk_public(jsonb_build_object('pem', :'certificate', 'alg', 'EdDSA')) || further, '{}'))
FROM unnest(ARRAY['{}', '{}', '{"exp": 1700000000}', '{"nbf": 4000000000}']::jsonb[]) further;

-- a token with kid and an only key without, audiences that nobody asked about, and numbers of any size
SELECT bastion.jwt_verify(bastion.jwt_sign('{"exp": 4000000000}', :'key'), :'key'::jsonb - 'kid') AS unnamed_key;
SELECT options, test.error(format('SELECT bastion.jwt_verify(%L, %L, %L)', bastion.jwt_sign('{"exp": 4000000000, "aud": "web"}', :'key'), :'key', options))
FROM unnest(ARRAY['{}', '{"aud": "web"}', '{"aud": "other"}', '{"allow_any_aud": true}', '{"allow_any_aud": true, "aud": "web"}']) options;
SELECT bastion.jwt_verify(bastion.jwt_sign(claims, :'key'), :'key') = claims AS kept
FROM (VALUES ('{"exp": 4000000000, "a": 18446744073709551616, "b": [-123456789012345678901234567890.50, 0.10, 1e-300]}'::jsonb)) c (claims);
SELECT bastion.jwt_verify(bastion.jwt_sign('{"exp": 4000000000, "a": 1e400}', :'key'), :'key') ->> 'a' = '1' || repeat('0', 400) AS kept;

-- cached tokens: the same token, with other keys, options and algorithms, and after it expired
SELECT count(*) FROM generate_series(1, 3), LATERAL bastion.jwt_verify(:'token', :'key', '{"now": 1500, "aud": "app"}') v;
SELECT test.error(format('SELECT bastion.jwt_verify(%L, %L, %L)', :'token', keys, options))
FROM (VALUES (:'key', '{"now": 2000, "aud": "app"}'), (:'key', '{"now": 1500, "aud": "web"}'), (:'public', '{"now": 1500, "aud": "app"}')) c (keys, options);
SELECT bastion.jwt_sign(jsonb_build_object('exp', extract(epoch FROM clock_timestamp()) + 1), :'key') AS brief \gset
SET test.brief = :'brief';
SELECT bastion.jwt_verify(:'brief', :'key') IS NOT NULL AS first, bastion.jwt_verify(:'brief', :'key') IS NOT NULL AS again;
DO $$
BEGIN
    -- until the clock has passed the date, however slow the machine
    WHILE extract(epoch FROM clock_timestamp()) < (convert_from(decode(rpad(translate(split_part(current_setting('test.brief'), '.', 2), '-_', '+/'), (length(split_part(current_setting('test.brief'), '.', 2)) + 3) / 4 * 4, '='), 'base64'), 'UTF8')::json ->> 'exp')::float8 LOOP
    END LOOP;
END $$;
SELECT test.error(format('SELECT bastion.jwt_verify(%L, %L)', :'brief', :'key'));

-- keys and options of a column: those of each row
SELECT who, bastion.jwt_verify(token, key, options) ->> 'sub' AS sub
FROM (VALUES (1, :'token', :'key'::jsonb, '{"now": 1500, "aud": "app"}'::jsonb), (2, :'signed', :'public', '{"now": 1600, "aud": "app"}'), (3, :'token', :'key', '{"now": 1600, "aud": "app"}')) r (who, token, key, options);
SELECT test.error(format('SELECT count(bastion.jwt_verify(%L, %L, options)) FROM (VALUES (%L::jsonb), (%L)) o (options)', :'token', :'key', '{"now": 1500, "aud": "app"}', '{"now": 2000, "aud": "app"}'));

-- NULL in, NULL out
SELECT bastion.jwt_sign(NULL, :'key') IS NULL, bastion.jwt_sign('{}', NULL) IS NULL, bastion.jwt_sign('{}', :'key', NULL) IS NULL,
       bastion.jwt_verify(NULL, :'key') IS NULL, bastion.jwt_verify('x', NULL) IS NULL, bastion.jwt_verify('x', :'key', NULL) IS NULL;

-- every refusal looks the same
SELECT refused, test.error(format('SELECT bastion.jwt_verify(%L, %L, %L)', token, keys, options))
FROM (VALUES
    ('expired', :'token', :'key', '{"now": 2001}'),
    ('expired now', :'token', :'key', '{}'),
    ('issued in the future', :'token', :'key', '{"now": 900, "max_age": 600}'),
    ('too old', :'token', :'key', '{"now": 1500, "max_age": 60, "aud": "app"}'),
    ('other issuer', :'token', :'key', '{"now": 1500, "iss": "you", "aud": "app"}'),
    ('other audience', :'token', :'key', '{"now": 1500, "aud": "web"}'),
    ('other type', :'token', :'key', '{"now": 1500, "typ": "at+jwt", "aud": "app"}'),
    ('other algorithm', :'token', :'key', '{"now": 1500, "algorithms": ["HS512"], "aud": "app"}'),
    ('other key', :'token', :'public', '{"now": 1500, "aud": "app"}'),
    ('no signature', split_part(:'token', '.', 1) || '.' || split_part(:'token', '.', 2) || '.', :'key', '{"now": 1500, "aud": "app"}'),
    ('changed claims', replace(:'token', '.eyJ', '.eyK'), :'key', '{"now": 1500, "aud": "app"}'),
    ('algorithm none', 'eyJhbGciOiJub25lIn0.e30.', :'key', '{"allow_missing_exp": true}'),
    ('no token', '', :'key', '{}'),
    ('garbage', 'a.b.c', :'key', '{}'),
    ('too long', repeat('x', 1000000), :'key', '{}')) r (refused, token, keys, options);
SELECT test.error(format('SELECT bastion.jwt_verify(%L, %L)', bastion.jwt_sign('{"sub": "x"}', :'key'), :'key'));

-- mistakes of the caller are named, and never show a key
SELECT test.error(format('SELECT bastion.jwt_verify(%L, %L, %L)', :'token', keys, options))
FROM (VALUES
    (:'key', '{"leewya": 1}'), (:'key', '{"leeway": -1}'), (:'key', '{"leeway": "1"}'), (:'key', '{"algorithms": []}'),
    (:'key', '{"algorithms": ["none"]}'), (:'key', '{"aud": []}'), (:'key', '[]'), ('[]', '{}'), ('{}', '{}'),
    ('{"kty":"oct","alg":"HS256","k":"c2hvcnQ"}', '{}'), ('{"kty":"oct","alg":"HS256","k":"not base64url!"}', '{}'),
    ('{"keys": 1}', '{}')) o (keys, options);
SELECT test.error(format('SELECT bastion.jwt_sign(%L, %L, %L)', claims, key, header))
FROM (VALUES
    ('[]', :'key', '{}'), ('1', :'key', '{}'), ('{"exp": "soon"}', :'key', '{}'), ('{}', '{"kty":"oct"}', '{}'),
    ('{}', :'public', '{}'), ('{}', :'key', '{"alg": "none"}'), ('{}', :'key', '{"crit": ["b64"]}'),
    ('{}', :'key', '{"kid": "other"}'), ('{}', :'key', '[]')) o (claims, key, header);
SELECT test.error(format('SELECT bastion.jwt_sign(jsonb_build_object(%L, repeat(%L, 1000000)), %L)', 'a', 'x', :'key'));

-- what only the extension calls
SELECT test.error($$SELECT bastion_internal.token_sign('{}')$$);
SELECT test.error($$SELECT bastion.token_issue(NULL, NULL)$$);
SELECT test.error('SELECT * FROM bastion.signing_keys');
SET ROLE regress_stranger;
SELECT test.error(format('SELECT bastion.jwt_sign(%L, %L)', '{}', :'key'));
RESET ROLE;

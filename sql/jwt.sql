-- jwt_sign and jwt_verify as an application role sees them. Formats and vectors are tested in the unit tests.
SET ROLE regress_app;
\set key '{"kty":"oct","alg":"HS256","kid":"k1","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}'
\set private '{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"e1","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'
\set public '{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"e1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}'
\set claims '{"sub":"alice","aud":"app","iss":"me","iat":1000,"exp":2000}'

-- both ways, symmetric and public
SELECT bastion.jwt_sign(:'claims', :'key') AS token, bastion.jwt_sign(:'claims', :'private') AS signed \gset
SELECT :'token' AS token, :'signed' AS signed;
SELECT bastion.jwt_verify(:'token', :'key', '{"now": 1500}');
SELECT bastion.jwt_verify(:'signed', :'public', '{"now": 1500, "iss": "me", "aud": ["app", "web"], "typ": "JWT", "max_age": 600, "algorithms": ["EdDSA"]}');
SELECT bastion.jwt_verify(bastion.jwt_sign('{"a": 1}', :'key', '{"typ": "x+jwt"}'), :'key', '{"allow_missing_exp": true}');

-- NULL in, NULL out
SELECT bastion.jwt_sign(NULL, :'key') IS NULL, bastion.jwt_sign('{}', NULL) IS NULL, bastion.jwt_sign('{}', :'key', NULL) IS NULL,
       bastion.jwt_verify(NULL, :'key') IS NULL, bastion.jwt_verify('x', NULL) IS NULL, bastion.jwt_verify('x', :'key', NULL) IS NULL;

-- every refusal looks the same
SELECT refused, test.error(format('SELECT bastion.jwt_verify(%L, %L, %L)', token, keys, options))
FROM (VALUES
    ('expired', :'token', :'key', '{"now": 2001}'),
    ('expired now', :'token', :'key', '{}'),
    ('issued in the future', :'token', :'key', '{"now": 900}'),
    ('too old', :'token', :'key', '{"now": 1500, "max_age": 60}'),
    ('other issuer', :'token', :'key', '{"now": 1500, "iss": "you"}'),
    ('other audience', :'token', :'key', '{"now": 1500, "aud": "web"}'),
    ('other type', :'token', :'key', '{"now": 1500, "typ": "at+jwt"}'),
    ('other algorithm', :'token', :'key', '{"now": 1500, "algorithms": ["HS512"]}'),
    ('other key', :'token', :'public', '{"now": 1500}'),
    ('no signature', split_part(:'token', '.', 1) || '.' || split_part(:'token', '.', 2) || '.', :'key', '{"now": 1500}'),
    ('changed claims', replace(:'token', '.eyJ', '.eyK'), :'key', '{"now": 1500}'),
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
SELECT test.error($$SELECT bastion.token_sign('{}')$$);
SELECT test.error($$SELECT bastion.token_issue(NULL, NULL)$$);
SELECT test.error('SELECT * FROM bastion.signing_keys');
SET ROLE regress_stranger;
SELECT test.error(format('SELECT bastion.jwt_sign(%L, %L)', '{}', :'key'));
RESET ROLE;

-- Passkeys: the domains for which they are made, their registration, the step up with one, and every reason to refuse. The browser and
-- its authenticator are a module of the tests.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA passkeys;
GRANT USAGE ON SCHEMA passkeys TO regress_app;
CREATE FUNCTION passkeys.authenticator(wanted bytea) RETURNS bytea LANGUAGE C STRICT AS 'authenticator_test', 'bastion_test_authenticator';
-- what a browser answers, with changes
CREATE FUNCTION passkeys.answer(options jsonb, creates boolean, seed text, changes jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT convert_from(passkeys.authenticator(convert_to((jsonb_build_object('creates', creates, 'seed', seed, 'rp', 'app.example',
        'challenge', options #>> '{publicKey,challenge}', 'handle', options #>> '{publicKey,user,id}') || changes)::text, 'UTF8')), 'UTF8')::jsonb
$$;
SELECT bastion_api.signup('ann@passkeys.example', 'correct horse', 'Passkeys') AS ann, bastion_api.signup('bob@passkeys.example', 'correct horse', 'Other keys') AS bob \gset
SELECT :'ann'::jsonb ->> 'access_token' AS ann_token, :'bob'::jsonb ->> 'access_token' AS bob_token, :'ann'::jsonb #>> '{user,id}' AS ann_id, :'bob'::jsonb #>> '{user,id}' AS bob_id \gset

-- a relying party is a domain with origins of its own
SELECT test.api(:'ann_token', 'passkey_add()') - 'error_description' AS none_yet, test.api(:'ann_token', 'passkey_options()') ->> 'error' AS options;
SELECT r, test.error(format('SELECT bastion.relying_party_set(%L, ''App'', ARRAY[''https://app.example''])', r)) AS error
FROM unnest(ARRAY['', 'App.example', 'app.example.', '-app.example', 'app..example', 'https://app.example', 'app.example:443', repeat('a', 64) || '.example', 'other.example', NULL]) r;
SELECT o, test.error(format('SELECT bastion.relying_party_set(''app.example'', ''App'', %L)', o)) AS error
FROM unnest(ARRAY['{}', NULL, '{NULL}', '{{https://app.example}}', '{http://app.example}', '{https://app.example/}', '{https://evilapp.example}', '{https://app.example.evil}', '{https://*.app.example}', '{https://user@app.example}',
                  '{https://app.example:0}', '{https://app.example:123456}', '{android:apk-key-hash:short}', '{http://localhost}', '{HTTPS://app.example}']) o;
SELECT test.error(format('SELECT bastion.relying_party_set(''app.example'', %L, ARRAY[''https://app.example''])', n)) FROM unnest(ARRAY['', NULL, E'a\nb', repeat('x', 201)]) n;
SELECT bastion.relying_party_set('app.example', 'Old', ARRAY['https://old.app.example']);
SELECT bastion.relying_party_set('app.example', 'App', ARRAY['https://app.example', 'https://www.app.example:8443', 'android:apk-key-hash:' || repeat('x', 43)]);
SELECT bastion.relying_party_set('localhost', 'Here', ARRAY['http://localhost:3000']);
SELECT rp_id, name, origins FROM bastion.relying_parties ORDER BY rp_id;
-- with two, a client names one
SELECT test.api(:'ann_token', format('passkey_add(%L)', r)) ->> 'error' AS error FROM unnest(ARRAY[NULL, '', 'www.app.example', 'APP.example']) r;
SELECT bastion.relying_party_remove('localhost'), bastion.relying_party_remove('unknown.example');

-- what the browser of a new passkey is asked
SELECT test.api(:'ann_token', 'passkey_add()') AS options \gset
SELECT jsonb_pretty((:'options'::jsonb -> 'publicKey') #- '{challenge}' #- '{user,id}') AS options, length(:'options'::jsonb #>> '{publicKey,challenge}') AS challenge,
       length(:'options'::jsonb #>> '{publicKey,user,id}') AS user_id, :'options'::jsonb -> 'expires_in' AS expires_in;
-- every check of a registration, violated once
SELECT c, test.api(:'ann_token', format('passkey_confirm(%L, %L)', :'options'::jsonb ->> 'challenge', passkeys.answer(:'options', true, 'one', c::jsonb))) ->> 'error' AS error
FROM unnest(ARRAY['{"creates": false}', '{"challenge": "AAAA"}', '{"origin": "https://old.app.example"}', '{"rp": "other.example"}', '{"flags": 68}', '{"flags": 85}']) c;
SELECT detail ->> 'reason' AS reason FROM bastion.events WHERE kind = 'factor_refused' AND user_id = :'ann_id' ORDER BY id;
SELECT test.api(:'ann_token', format('passkey_confirm(%L, %L)', :'options'::jsonb ->> 'challenge', c)) ->> 'error' AS error
FROM unnest(ARRAY['null', '{}', '[]', '"x"', '{"id": 1, "type": "public-key", "response": {}}', NULL]) c;
SELECT test.api(:'ann_token', format('passkey_confirm(%L, %L)', c, passkeys.answer(:'options', true, 'one'))) ->> 'error' AS error
FROM unnest(ARRAY['', 'x', NULL, left(:'options'::jsonb ->> 'challenge', -1), 'bst_ch_' || repeat('A', 200)]) c;
SELECT test.api(:'ann_token', format('passkey_confirm(%L, %L, %L)', :'options'::jsonb ->> 'challenge', passkeys.answer(:'options', true, 'one'), n)) ->> 'error' AS error FROM unnest(ARRAY['', NULL, E'a\nb']) n;
-- the challenge is of one user, and none of this used it up
SELECT test.api(:'bob_token', format('passkey_confirm(%L, %L)', :'options'::jsonb ->> 'challenge', passkeys.answer(:'options', true, 'one'))) ->> 'error' AS of_another;
SELECT test.api(:'ann_token', format('passkey_confirm(%L, %L, ''Key'')', :'options'::jsonb ->> 'challenge', passkeys.answer(:'options', true, 'one'))) AS added \gset
SELECT :'added'::jsonb -> 'factor' ->> 'kind' AS kind, :'added'::jsonb -> 'factor' ->> 'state' AS state, :'added'::jsonb -> 'factor' ->> 'name' AS name,
       jsonb_array_length(:'added'::jsonb -> 'recovery_codes') AS codes, :'added'::jsonb -> 'factor' ->> 'id' AS factor \gset
\echo :kind :state :name :codes
SELECT rp_id, convert_from(credential_id, 'UTF8') AS credential_id, octet_length(public_key) AS public_key, algorithm, sign_count, backup_eligible, backed_up, user_verified, aaguid, attestation, transports
FROM bastion.passkeys;
SELECT test.api(:'ann_token', format('passkey_confirm(%L, %L)', :'options'::jsonb ->> 'challenge', passkeys.answer(:'options', true, 'two'))) ->> 'error' AS used;
-- the next passkey needs a step up, and excludes the first
SELECT test.api(:'ann_token', 'passkey_add()') - 'error_description' AS not_confirmed;

-- a step up with the passkey
SELECT test.api(:'ann_token', 'passkey_options()') AS options \gset
SELECT jsonb_pretty((:'options'::jsonb -> 'publicKey') #- '{challenge}') AS options;
CREATE FUNCTION passkeys.step_up(token text, factor uuid, options jsonb, seed text, changes jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT test.api(token, format('step_up(%L, %L)', factor, jsonb_build_object('challenge', options -> 'challenge', 'credential', passkeys.answer(options, false, seed, '{"count": 8}' || changes))))
$$;
SELECT c, passkeys.step_up(:'ann_token', :'factor', :'options', 'one', c::jsonb) ->> 'error' AS error
FROM unnest(ARRAY['{"creates": true}', '{"challenge": "AAAA"}', '{"origin": "https://old.app.example"}', '{"rp": "other.example"}', '{"flags": 4}', '{"flags": 21}', '{"flags": 13}', '{"seed": "two"}', '{"handle": "AAAA"}']) c;
SELECT r.reason FROM (SELECT id, detail ->> 'reason' AS reason FROM bastion.events WHERE kind = 'factor_refused' ORDER BY id DESC LIMIT 9) r ORDER BY r.id;
SELECT test.api(:'ann_token', format('step_up(%L, %L)', :'factor', r)) ->> 'error' AS error FROM unnest(ARRAY['null', '{}', '[]', '{"challenge": 1}', '{"code": "000000"}',
    jsonb_build_object('challenge', :'options'::jsonb -> 'challenge')::text, jsonb_build_object('challenge', :'options'::jsonb -> 'challenge', 'credential', '{}')::text]) r;
SELECT passkeys.step_up(:'bob_token', :'factor', :'options', 'one') ->> 'error' AS of_another, passkeys.step_up(:'ann_token', :'bob_id', :'options', 'one') ->> 'error' AS unknown_factor;
-- a passkey without a verified user suffices as second factor
SELECT passkeys.step_up(:'ann_token', :'factor', :'options', 'one', '{"flags": 1}') AS stepped \gset
SELECT test.claims(:'stepped'::jsonb ->> 'access_token') ->> 'acr' AS acr, test.claims(:'stepped'::jsonb ->> 'access_token') -> 'amr' AS amr, (SELECT sign_count FROM bastion.passkeys) AS sign_count;
SELECT passkeys.step_up(:'ann_token', :'factor', :'options', 'one', '{"count": 9}') ->> 'error' AS used;
SELECT :'stepped'::jsonb ->> 'access_token' AS ann_token \gset

-- as second factor of a login, for its challenge alone; a factor that is added ends open logins
SELECT bastion_api.login('ann@passkeys.example', 'correct horse') AS asked, bastion_api.login('ann@passkeys.example', 'correct horse') AS open \gset
SELECT :'asked'::jsonb ->> 'error' AS error, :'asked'::jsonb #> '{factors,0,kind}' AS kind, jsonb_array_length(:'asked'::jsonb -> 'passkeys') AS passkeys, :'asked'::jsonb #>> '{passkeys,0,rpId}' AS rp;
CREATE FUNCTION passkeys.login(asked jsonb, factor uuid, options jsonb, seed text, changes jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT bastion_api.login_mfa(asked ->> 'challenge', factor, jsonb_build_object('challenge', asked -> 'challenge', 'credential',
        passkeys.answer(jsonb_build_object('publicKey', options), false, seed, '{"count": 20}' || changes)))
$$;
SELECT passkeys.login(:'asked', :'factor', :'open'::jsonb #> '{passkeys,0}', 'one') ->> 'error' AS of_another_login, passkeys.login(:'asked', :'factor', :'options'::jsonb -> 'publicKey', 'one') ->> 'error' AS of_a_step_up,
       passkeys.login(:'asked', NULL, :'asked'::jsonb #> '{passkeys,0}', 'one') ->> 'error' AS as_recovery_code, passkeys.login(:'asked', :'factor', :'asked'::jsonb #> '{passkeys,0}', 'two') ->> 'error' AS of_another_passkey;
SELECT passkeys.login(:'asked', :'factor', :'asked'::jsonb #> '{passkeys,0}', 'one', '{"flags": 1}') AS entered \gset
SELECT test.claims(:'entered'::jsonb ->> 'access_token') ->> 'acr' AS acr, test.claims(:'entered'::jsonb ->> 'access_token') -> 'amr' AS amr;
SELECT passkeys.login(:'asked', :'factor', :'asked'::jsonb #> '{passkeys,0}', 'one', '{"count": 21}') ->> 'error' AS used;
-- alone: the authenticator names the user and has verified them
SELECT bastion_api.passkey_login_options() AS options \gset
SELECT jsonb_pretty((:'options'::jsonb -> 'publicKey') #- '{challenge}') AS options;
SELECT passkeys.handle AS handle FROM (SELECT bastion_internal.base64url(handle) FROM bastion.passkey_owners WHERE user_id = :'ann_id') passkeys (handle) \gset
CREATE FUNCTION passkeys.alone(options jsonb, seed text, handle text, changes jsonb DEFAULT '{}', tenant text DEFAULT NULL, unit text DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT bastion_api.passkey_login(options ->> 'challenge', passkeys.answer(options, false, seed, jsonb_build_object('handle', handle, 'count', 30) || changes), tenant, unit, 'Phone')
$$;
SELECT c, passkeys.alone(:'options', 'one', :'handle', c::jsonb) ->> 'error' AS error
FROM unnest(ARRAY['{"handle": null}', '{"handle": "AAAA"}', '{"flags": 1}', '{"flags": 4}', '{"origin": "https://old.app.example"}', '{"rp": "other.example"}', '{"challenge": "AAAA"}', '{"creates": true}', '{"seed": "two"}']) c;
SELECT passkeys.alone(:'options', 'one', :'handle', '{}', 'other-keys') ->> 'error' AS foreign_tenant;
SELECT bastion_api.passkey_login_options() AS options \gset
SELECT passkeys.alone(:'options', 'one', :'handle', '{"count": 31}', NULL, 'nowhere') ->> 'error' AS unknown_unit;
SELECT r.reason FROM (SELECT id, detail ->> 'reason' AS reason FROM bastion.events WHERE kind = 'login_refused' ORDER BY id DESC LIMIT 11) r ORDER BY r.id;
SELECT bastion_api.passkey_login(c, '{}') ->> 'error' AS error FROM unnest(ARRAY['', NULL, 'x', :'asked'::jsonb ->> 'challenge', :'options'::jsonb ->> 'challenge']) c;
SELECT bastion_api.passkey_login(:'options'::jsonb ->> 'challenge', c) ->> 'error' AS error FROM unnest(ARRAY['null', NULL, '[]', '"x"']::jsonb[]) c;
SELECT bastion_api.passkey_login_options() AS options \gset
SELECT passkeys.alone(:'options', 'one', :'handle', '{"count": 33}') AS entered \gset
SELECT :'entered'::jsonb #>> '{user,email}' AS who, test.claims(:'entered'::jsonb ->> 'access_token') ->> 'acr' AS acr, test.claims(:'entered'::jsonb ->> 'access_token') -> 'amr' AS amr,
       (SELECT device FROM bastion.sessions WHERE id = (test.claims(:'entered'::jsonb ->> 'access_token') ->> 'sid')::uuid) AS device;
SELECT passkeys.alone(:'options', 'one', :'handle', '{"count": 34}') ->> 'error' AS used;
-- the login forgets the wrong passwords of before: those for the account, and from a known device those of the device
CREATE FUNCTION passkeys.guesses(times integer, device text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(DISTINCT bastion_api.login('ann@passkeys.example', 'wrong', device_token => device) ->> 'error', ' ') FROM generate_series(1, times)
$$;
CREATE FUNCTION passkeys.enter(handle text, count integer, device text DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT bastion_api.passkey_login(o ->> 'challenge', passkeys.answer(o, false, 'one', jsonb_build_object('handle', handle, 'count', count)), device_token => device)
    FROM bastion_api.passkey_login_options() o
$$;
SET bastion.refused_login_duration = 0;
SELECT passkeys.guesses(9) AS guesses;
BEGIN;
SELECT passkeys.enter(:'handle', 35) ? 'access_token' AS entered;
ROLLBACK;
SELECT passkeys.guesses(2) AS still_counted;
SELECT passkeys.enter(:'handle', 35, '') ->> 'device_token' AS device \gset
SELECT passkeys.guesses(9) AS forgotten;
SELECT passkeys.guesses(9, :'device') AS guesses;
SELECT passkeys.enter(:'handle', 36, :'device') ->> 'device_token' AS device \gset
SELECT passkeys.guesses(9, :'device') AS forgotten, passkeys.guesses(2) AS of_strangers;
SELECT passkeys.enter(:'handle', 37) ? 'device_token' AS not_wanted;
RESET bastion.refused_login_duration;
-- a member of several tenants chooses, and a disabled user does not enter
SELECT bastion.membership_force('ann@passkeys.example', 'other-keys', 'viewer') IS NOT NULL AS member;
SELECT bastion_api.passkey_login_options('app.example') AS options \gset
SELECT passkeys.alone(:'options', 'one', :'handle', '{"count": 38}') AS asked \gset
SELECT :'asked'::jsonb ->> 'error' AS error, bastion_api.login_tenant(:'asked'::jsonb ->> 'challenge', 'other-keys') #>> '{tenant,slug}' AS chosen, bastion_api.login_tenant(:'asked'::jsonb ->> 'challenge', 'other-keys') ->> 'error' AS used;
SELECT bastion_api.passkey_login_options() AS options \gset
UPDATE bastion.users SET status = 'disabled' WHERE id = :'ann_id';
SELECT passkeys.alone(:'options', 'one', :'handle', '{"count": 39}') ->> 'error' AS disabled;
UPDATE bastion.users SET status = 'active' WHERE id = :'ann_id';
SELECT passkeys.alone(:'options', 'one', :'handle', '{"count": 39}', 'passkeys') AS entered \gset
SELECT :'entered'::jsonb ->> 'access_token' AS ann_token \gset
-- which factors and sessions resist phishing
INSERT INTO bastion.user_factors (user_id, kind, name, state) VALUES (:'ann_id', 'totp', 'Codes', 'suspended');
SELECT f ->> 'kind' AS kind, f -> 'phishing_resistant' AS phishing_resistant FROM jsonb_array_elements(test.api(:'ann_token', 'factors()') -> 'factors') f ORDER BY 1;
DELETE FROM bastion.user_factors WHERE user_id = :'ann_id' AND kind = 'totp';
SELECT bastion_internal.session_start(:'ann_id', NULL, NULL, 'by password') ? 'access_token' AS by_password;
SELECT DISTINCT s -> 'amr' AS amr, s -> 'phishing_resistant' AS phishing_resistant FROM jsonb_array_elements(test.api(:'ann_token', 'sessions()') -> 'sessions') s ORDER BY 1;
-- another passkey, and the id of a known one
SELECT test.api(:'ann_token', 'passkey_add(''app.example'')') AS options \gset
SELECT :'options'::jsonb #> '{publicKey,excludeCredentials}' AS excluded;
SELECT test.api(:'ann_token', format('passkey_confirm(%L, %L)', :'options'::jsonb ->> 'challenge', passkeys.answer(:'options', true, 'one'))) ->> 'error' AS known;
SELECT count(*) AS factors FROM bastion.user_factors WHERE user_id = :'ann_id';
SELECT test.api(:'ann_token', 'passkey_add(''app.example'')') AS options \gset
SELECT test.api(:'ann_token', format('passkey_confirm(%L, %L)', :'options'::jsonb ->> 'challenge', passkeys.answer(:'options', true, 'two', '{"flags": 77, "count": 0}'))) AS added \gset
SELECT :'added'::jsonb -> 'recovery_codes' AS codes, :'added'::jsonb -> 'factor' ->> 'id' AS synced \gset
SELECT backup_eligible, backed_up, sign_count FROM bastion.passkeys WHERE factor_id = :'synced';
-- one without a counter: it stays 0; whether it may be copied never changes, and whether it was copied does
SELECT test.api(:'ann_token', 'passkey_options()') AS options \gset
SELECT c, passkeys.step_up(:'ann_token', :'synced', :'options', 'two', c::jsonb) ->> 'error' AS error FROM unnest(ARRAY['{"count": 0}', '{"count": 0, "flags": 29}']) c;
SELECT backup_eligible, backed_up, sign_count FROM bastion.passkeys WHERE factor_id = :'synced';

-- another passkey of the user than the factor that is named
SELECT test.api(:'ann_token', 'passkey_options()') AS options \gset
SELECT passkeys.step_up(:'ann_token', :'factor', :'options', 'two', '{"count": 0, "flags": 29}') ->> 'error' AS of_another_factor;

-- a request that is sent twice is refused, and is no copy
SELECT test.api(:'ann_token', 'passkey_options()') AS options \gset
SELECT passkeys.step_up(:'ann_token', :'factor', :'options', 'one', '{"count": 40}') ? 'access_token' AS accepted;
SELECT passkeys.step_up(:'ann_token', :'factor', :'options', 'one', '{"count": 40}') ->> 'error' AS again;
SELECT bastion_api.passkey_login_options() AS options \gset
SELECT passkeys.alone(:'options', 'one', :'handle', '{"count": 41}', 'passkeys') ? 'access_token' AS accepted;
SELECT passkeys.alone(:'options', 'one', :'handle', '{"count": 41}', 'passkeys') ->> 'error' AS again, (SELECT state FROM bastion.user_factors WHERE id = :'factor') AS state;
-- an authenticator that has never verified its user does not let in alone: its finder could give it a PIN
SELECT test.api(:'ann_token', 'passkey_add(''app.example'')') AS options \gset
SELECT test.api(:'ann_token', format('passkey_confirm(%L, %L)', :'options'::jsonb ->> 'challenge', passkeys.answer(:'options', true, 'touch', '{"flags": 65}'))) #>> '{factor,id}' AS touch \gset
SELECT bastion_api.passkey_login_options() AS options \gset
SELECT passkeys.alone(:'options', 'touch', :'handle', '{"count": 10}', 'passkeys') ->> 'error' AS alone;
SELECT detail ->> 'reason' AS reason FROM bastion.events WHERE kind = 'login_refused' ORDER BY id DESC LIMIT 1;
-- beside another factor it does, and lets in alone from then on
SELECT test.api(:'ann_token', 'passkey_options()') AS options \gset
SELECT passkeys.step_up(:'ann_token', :'touch', :'options', 'touch', '{"count": 11}') ? 'access_token' AS accepted;
SELECT bastion_api.passkey_login_options() AS options \gset
SELECT passkeys.alone(:'options', 'touch', :'handle', '{"count": 12}', 'passkeys') ? 'access_token' AS alone;
SELECT test.api(:'ann_token', format('factor_remove(%L)', :'touch')) ? 'removed' AS removed;

-- a counter that does not rise: the passkey is suspended, and still asked for
SELECT test.api(:'ann_token', 'passkey_options()') AS options \gset
SELECT passkeys.step_up(:'ann_token', :'factor', :'options', 'one', '{"count": 41}') ->> 'error' AS cloned;
SELECT state, (SELECT kind FROM bastion.events WHERE kind = 'passkey_cloned' AND user_id = :'ann_id') AS event FROM bastion.user_factors WHERE id = :'factor';
SELECT test.api(:'ann_token', 'passkey_options()') AS options \gset
SELECT passkeys.step_up(:'ann_token', :'factor', :'options', 'one', '{"count": 100}') ->> 'error' AS suspended, jsonb_array_length(:'options'::jsonb #> '{publicKey,allowCredentials}') AS offered;

-- wrong codes do not lock a passkey out
SELECT test.api(:'ann_token', 'step_up(NULL, ''{"code": "x"}'')') ->> 'error' AS error FROM generate_series(1, 6);
SELECT passkeys.step_up(:'ann_token', :'synced', :'options', 'two', '{"count": 0, "flags": 29}') ? 'access_token' AS accepted;

-- the domain goes with its passkeys
SELECT bastion.relying_party_remove('app.example') AS removed;
SELECT count(*) AS passkeys FROM bastion.passkeys;
SELECT test.api(:'ann_token', 'factors()');
DELETE FROM bastion.tenants WHERE slug IN ('passkeys', 'other-keys');
DELETE FROM bastion.users WHERE id IN (:'ann_id', :'bob_id');
DROP SCHEMA passkeys CASCADE;

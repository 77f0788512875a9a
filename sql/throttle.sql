-- Throttled logins: what is charged and what a success takes back, ROLLBACK and cancelled statements, addresses, the answer, and the end
-- of a count. The limits over time are tested in test/unit/throttle.
\set VERBOSITY terse
SET client_min_messages = warning;
SET bastion.refused_login_duration = 0;
CREATE SCHEMA throttle;
GRANT USAGE ON SCHEMA throttle TO regress_app;
INSERT INTO test.people SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, NULL, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'bob']) n, bastion_api.signup(n || '@throttle.example', 'correct horse of ' || n, 'Throttle of ' || n, username => n || '-throttle') a;
-- cheap hashes, for many guesses
UPDATE bastion.user_passwords p SET hash = bastion.password_hash('correct horse of ' || t.name, 'bcrypt', '{"cost": 4}') FROM test.people t WHERE t.id = p.user_id;
CREATE FUNCTION throttle.login(name text, password text, address text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb;
BEGIN
    PERFORM set_config('bastion.trusted_hops', CASE WHEN address IS NULL THEN '0' ELSE '1' END, true),
            set_config('request.headers', jsonb_build_object('x-forwarded-for', address)::text, true);
    answer := bastion_api.login(name, password);
    RETURN coalesce(answer ->> 'error', 'tokens');
END
$$;
-- guesses with a wrong password: how many had which answer
CREATE FUNCTION throttle.guesses(count integer, name text, address text DEFAULT NULL) RETURNS TABLE (answer text, times bigint) LANGUAGE sql AS $$
    SELECT throttle.login(name, 'wrong', address), count(*) FROM generate_series(1, count) GROUP BY 1 ORDER BY 1
$$;

-- an account has ten attempts, by whatever name; then the right password is not evaluated either
SELECT * FROM throttle.guesses(6, 'ann@throttle.example');
SELECT * FROM throttle.guesses(6, ' ANN-throttle ');
SELECT throttle.login('ann-throttle', 'correct horse of ann');
SELECT a - 'retry_after' AS answer, (a ->> 'retry_after')::int BETWEEN 350 AND 360 AS six_minutes FROM bastion_api.login('ann-throttle', 'correct horse of ann') a;
-- other accounts do not notice
SELECT throttle.login('bob-throttle', 'correct horse of bob');
-- an unknown name gets the same answers
SELECT * FROM throttle.guesses(6, 'nobody@throttle.example');
SELECT * FROM throttle.guesses(6, ' NOBODY@throttle.example');
-- status and headers for PostgREST
BEGIN;
SELECT throttle.login('ann-throttle', 'wrong');
SELECT current_setting('response.status') AS status, regexp_replace(current_setting('response.headers'), '3[56][0-9]', '#') AS headers;
SELECT a ->> 'error' AS error FROM bastion_api.token('password', 'ann-throttle', 'wrong') a;
SELECT current_setting('response.status') AS status;
COMMIT;
-- one event for the refusals of a minute
SELECT e.outcome, e.detail FROM bastion.events e WHERE e.kind = 'login_throttled' AND e.user_id = test.id_of('ann');
-- the old password of a change, and other proofs, count with it
BEGIN;
SELECT bastion.authenticate((SELECT t.token FROM test.people t WHERE t.name = 'ann')) IS NOT NULL AS ann;
SELECT a ->> 'error' AS change FROM bastion_api.password_change('correct horse of ann', 'another correct horse') a;
SELECT a ->> 'error' AS deletion FROM bastion_api.account_delete('correct horse of ann') a;
COMMIT;
-- an operator ends it, at once and for good
BEGIN;
SELECT bastion.login_unlock('ann-throttle') AS ann, bastion.login_unlock('bob-throttle') AS nothing_to_forget, bastion.login_unlock('nobody@throttle.example') AS unknown, bastion.login_unlock(NULL) AS none;
ROLLBACK;
SELECT throttle.login('ann-throttle', 'correct horse of ann');
SELECT * FROM throttle.guesses(12, 'ann-throttle');
SELECT bastion.login_unlock('ann@throttle.example');

-- no rollback takes a charge back, nor a savepoint, nor a statement that ends in an error
BEGIN;
SELECT * FROM throttle.guesses(3, 'ann-throttle');
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT * FROM throttle.guesses(3, 'ann-throttle');
ROLLBACK TO s;
COMMIT;
SELECT test.error($$SELECT 1 / length(throttle.login('ann-throttle', 'wrong')) * 0 / 0$$) FROM generate_series(1, 3);
SELECT * FROM throttle.guesses(3, 'ann-throttle');
SELECT bastion.login_unlock('ann-throttle');

-- a login forgets the failures when it commits, not before: a password alone, in a transaction that rolls back, does not
SELECT * FROM throttle.guesses(8, 'ann-throttle');
BEGIN;
SELECT throttle.login('ann-throttle', 'correct horse of ann');
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT throttle.login('ann-throttle', 'correct horse of ann');
ROLLBACK TO s;
COMMIT;
SELECT * FROM throttle.guesses(3, 'ann-throttle');
SELECT bastion.login_unlock('ann-throttle');
SELECT * FROM throttle.guesses(8, 'ann-throttle');
BEGIN;
SAVEPOINT s;
SELECT throttle.login('ann-throttle', 'correct horse of ann');
RELEASE s;
COMMIT;
SELECT * FROM throttle.guesses(11, 'ann-throttle');
SELECT bastion.login_unlock('ann-throttle');

-- A known device is counted apart. The first login from it, with an empty token, gets one; each next login replaces it.
CREATE TABLE throttle.devices (name text PRIMARY KEY, token text);
CREATE FUNCTION throttle.from_device(name text, who text, password text, presented text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb;
BEGIN
    answer := bastion_api.login(who, password, device => name, device_token => coalesce(presented, (SELECT d.token FROM throttle.devices d WHERE d.name = from_device.name), ''));
    IF answer ? 'access_token' THEN
        INSERT INTO throttle.devices VALUES (name, answer ->> 'device_token') ON CONFLICT ON CONSTRAINT devices_pkey DO UPDATE SET token = excluded.token;
    END IF;
    RETURN coalesce(answer ->> 'error', 'tokens');
END
$$;
CREATE FUNCTION throttle.as_ann(call text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb;
BEGIN
    PERFORM set_config('bastion.token', (SELECT t.token FROM test.people t WHERE t.name = 'ann'), true), set_config('bastion.allow_identity_switch', 'on', true);
    SET LOCAL ROLE regress_app;
    EXECUTE 'SELECT bastion_api.' || call INTO answer;
    RESET ROLE;
    RETURN answer;
END
$$;
SELECT bastion_api.login('ann-throttle', 'correct horse of ann') ? 'device_token' AS not_wanted;
SELECT throttle.from_device('phone', 'ann-throttle', 'correct horse of ann');
SELECT (SELECT d.token ~ '^bst_dv_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$' FROM throttle.devices d) AS token;
-- strangers lock the account; its owner logs in forty times from the device, which unlocks nothing for them
SELECT * FROM throttle.guesses(12, 'ann-throttle');
SELECT throttle.from_device('phone', 'ann@throttle.example', 'correct horse of ann') AS answer, count(*) FROM generate_series(1, 40) GROUP BY 1;
SELECT throttle.login('ann-throttle', 'correct horse of ann') AS elsewhere;
-- it is known for its user alone, and by its token alone
SELECT throttle.from_device('forged', 'ann-throttle', 'correct horse of ann', t) FROM (SELECT d.token FROM throttle.devices d WHERE d.name = 'phone') d,
    unnest(ARRAY[' ' || d.token, upper(d.token), left(d.token, 82), 'bst_dv_' || repeat('0', 32) || '_' || repeat('A', 43), 'x', repeat('x', 100000)]) t;
SELECT throttle.from_device('of bob', 'bob-throttle', 'correct horse of bob', d.token) AS first_from_it FROM throttle.devices d WHERE d.name = 'phone';
SELECT count(*) AS of_ann, count(*) FILTER (WHERE revoked_at IS NULL) AS known FROM bastion.user_devices d WHERE d.user_id = test.id_of('ann');
-- ten failures in a row, then it is known no longer; a success in between forgets them
SELECT throttle.from_device('phone', 'ann-throttle', 'wrong') AS answer, count(*) FROM generate_series(1, 9) GROUP BY 1;
SELECT throttle.from_device('phone', 'ann-throttle', 'correct horse of ann');
BEGIN;
SELECT throttle.from_device('phone', 'ann-throttle', 'wrong') AS answer, count(*) FROM generate_series(1, 12) GROUP BY 1 ORDER BY 1;
ROLLBACK;
SELECT throttle.from_device('phone', 'ann-throttle', 'correct horse of ann') AS account_locked;
SELECT bastion.login_unlock('ann-throttle');
-- it counts like a stranger, until a login from it commits
BEGIN;
SELECT throttle.from_device('phone', 'ann-throttle', 'correct horse of ann') AS like_a_stranger;
ROLLBACK;
SELECT * FROM throttle.guesses(12, 'ann-throttle');
SELECT throttle.from_device('phone', 'ann-throttle', 'correct horse of ann') AS account_locked;
SELECT bastion.login_unlock('ann-throttle');
SELECT throttle.from_device('phone', 'ann-throttle', 'correct horse of ann') AS like_a_stranger;
SELECT * FROM throttle.guesses(12, 'ann-throttle');
SELECT throttle.from_device('phone', 'ann-throttle', 'correct horse of ann') AS known_again;
SELECT bastion.login_unlock('ann-throttle');
-- a token that was replaced a moment ago gets the same next one; the time does not begin anew
SELECT throttle.from_device('laptop', 'ann-throttle', 'correct horse of ann');
SELECT d.token AS stolen FROM throttle.devices d WHERE d.name = 'laptop' \gset
SELECT throttle.from_device('laptop', 'ann-throttle', 'correct horse of ann');
SELECT d.token AS next FROM throttle.devices d WHERE d.name = 'laptop' \gset
UPDATE bastion.user_devices SET last_used_at = last_used_at - interval '8 seconds' WHERE user_id = test.id_of('ann') AND name = 'laptop';
SELECT bastion_api.login('ann-throttle', 'correct horse of ann', device_token => :'stolen') ->> 'device_token' = :'next' AS same_next;
SELECT count(*) AS devices, max(clock_timestamp() - last_used_at) > interval '7 seconds' AS not_anew FROM bastion.user_devices WHERE user_id = test.id_of('ann') AND name = 'laptop' AND revoked_at IS NULL;
SELECT throttle.from_device('laptop', 'ann-throttle', 'correct horse of ann');
SELECT count(*) AS devices FROM bastion.user_devices WHERE user_id = test.id_of('ann') AND name = 'laptop' AND revoked_at IS NULL;
-- later, or after another one, it makes the device unknown: a thief has it, or the owner after a thief
BEGIN;
SELECT throttle.from_device('thief', 'ann-throttle', 'wrong', :'stolen');
SELECT revoked_at IS NOT NULL AS revoked FROM bastion.user_devices WHERE user_id = test.id_of('ann') AND name = 'laptop';
ROLLBACK;
SELECT d.token AS stolen FROM throttle.devices d WHERE d.name = 'laptop' \gset
SELECT throttle.from_device('laptop', 'ann-throttle', 'correct horse of ann');
UPDATE bastion.user_devices SET last_used_at = last_used_at - interval '11 seconds' WHERE user_id = test.id_of('ann') AND name = 'laptop';
SELECT throttle.from_device('thief', 'ann-throttle', 'wrong', :'stolen');
SELECT name, revoked_at IS NOT NULL AS revoked FROM bastion.user_devices WHERE user_id = test.id_of('ann') AND name = 'laptop';
SELECT e.outcome, e.detail ? 'device' AS device FROM bastion.events e WHERE e.kind = 'device_refused' AND e.user_id = test.id_of('ann');
SELECT bastion.login_unlock('ann-throttle');
-- the user lists, names and revokes them; at most 20
SELECT throttle.from_device('device ' || n, 'ann-throttle', 'correct horse of ann') AS answer, count(*) FROM generate_series(1, 22) n GROUP BY 1;
SELECT jsonb_array_length(throttle.as_ann('devices()') -> 'devices') AS devices, throttle.as_ann('devices()') #>> '{devices,0,name}' AS newest;
SELECT throttle.as_ann('devices()') #>> '{devices,0,id}' AS device \gset
SELECT throttle.as_ann(format('device_rename(%L, ''tablet'')', :'device')) AS renamed, throttle.as_ann(format('device_rename(%L, '''')', :'device')) ->> 'error' AS no_label,
       throttle.as_ann(format('device_rename(%L, ''x'')', (SELECT d.id FROM bastion.user_devices d WHERE d.user_id = test.id_of('bob')))) AS of_bob, throttle.as_ann('device_rename(NULL, ''x'')') AS none;
SELECT (throttle.as_ann('devices()') #> '{devices,0}') - '{id,created_at,last_used_at}'::text[] AS device;
SELECT throttle.as_ann(format('device_revoke(%L)', d.id)) FROM (SELECT :'device'::uuid UNION ALL SELECT :'device'::uuid UNION ALL (SELECT b.id FROM bastion.user_devices b WHERE b.user_id = test.id_of('bob') LIMIT 1)) d (id);
SELECT jsonb_array_length(throttle.as_ann('devices()') -> 'devices') AS devices;
-- they stay known when the keys are discarded, by their current tokens alone
BEGIN;
SELECT throttle.from_device('device 21', 'ann-throttle', 'correct horse of ann');
SELECT bastion.keys_discard() ? 'data_keys' AS discarded, count(*) FILTER (WHERE d.previous_hash IS NOT NULL) > 0 AS had_previous FROM bastion.user_devices d WHERE d.user_id = test.id_of('ann');
SELECT count(*) > 0 AS known, count(d.previous_hash) AS previous, count(d.pepper) AS peppers FROM bastion.user_devices d WHERE d.user_id = test.id_of('ann') AND d.revoked_at IS NULL;
ROLLBACK;
-- what makes all of them unknown
CREATE VIEW throttle.known AS SELECT count(*) AS known FROM bastion.user_devices d WHERE d.user_id = test.id_of('ann') AND d.revoked_at IS NULL;
BEGIN;
SELECT throttle.as_ann('logout(''others'')') ? 'ended' AS others;
TABLE throttle.known;
SELECT throttle.as_ann('logout(''all'')') ? 'ended' AS "all";
TABLE throttle.known;
ROLLBACK;
BEGIN;
INSERT INTO bastion.user_factors (user_id, kind, name, state) VALUES (test.id_of('ann'), 'totp', 'x', 'suspended');
SELECT bastion.factors_remove('ann-throttle') AS removed;
TABLE throttle.known;
ROLLBACK;
SET bastion.outbox = on;
BEGIN;
UPDATE bastion.users SET email_verified_at = now() WHERE id = test.id_of('ann'); -- else the link takes everything away
SELECT bastion_api.request_password_reset('ann@throttle.example') AS asked;
SELECT c.token AS link FROM bastion.outbox_claim('throttle', 100) c WHERE c.kind = 'reset_password' \gset
SELECT bastion_api.reset_password(:'link', 'another horse of ann') AS reset;
TABLE throttle.known;
ROLLBACK;
RESET bastion.outbox;

-- an account has five attempts from a network, and a network twenty in all; its right passwords cost nothing
SELECT * FROM throttle.guesses(6, 'ann-throttle', '203.0.113.7');
SELECT throttle.login('ann-throttle', 'correct horse of ann', '203.0.113.200') AS same_network, throttle.login('ann-throttle', 'correct horse of ann', '203.0.114.7') AS another;
SELECT throttle.login('bob-throttle', 'correct horse of bob', '203.0.113.7') AS answer, count(*) FROM generate_series(1, 30) GROUP BY 1;
SELECT throttle.login('nobody' || n, 'wrong', '203.0.113.' || n) AS answer, count(*) FROM generate_series(1, 20) n GROUP BY 1 ORDER BY 1;
SELECT throttle.login('bob-throttle', 'correct horse of bob', '203.0.113.7') AS same_network, throttle.login('bob-throttle', 'correct horse of bob', '203.0.114.7') AS another;
-- IPv6: a /64 has twenty, the /48 around it ten times as many
SELECT throttle.login('nobody' || n, 'wrong', '2001:db8:1:1::' || n) AS answer, count(*) FROM generate_series(1, 22) n GROUP BY 1 ORDER BY 1;
SELECT count(*) AS evaluated FROM generate_series(1, 250) WHERE bastion_internal.throttle_try('network', '2001:db8:3::/48') = 0;
SELECT throttle.login('bob-throttle', 'correct horse of bob', '2001:db8:3:ff::1') AS same_48, throttle.login('bob-throttle', 'correct horse of bob', '2001:db8:4::1') AS another;
-- not counted: an address that is not known, the server itself, exempt networks
SELECT a AS address, (SELECT count(*) FROM generate_series(1, 25) n WHERE throttle.login(a || n, 'wrong', a) = 'too_many_attempts') AS throttled
FROM unnest(ARRAY['', 'unknown', '127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', '198.51.100.1']) a;
SET bastion.throttle_exempt_networks = '198.51.100.0/24, 2001:db8::/32';
SELECT throttle.login('bob-throttle', 'correct horse of bob', a) FROM unnest(ARRAY['198.51.100.1', '2001:db8:1:1::1', '203.0.113.7']) a;
SELECT test.error($$SET bastion.throttle_exempt_networks = '198.51.100.0/24; x'$$), test.error($$SET bastion.throttle_exempt_networks = '198.51.100.0/33'$$), test.error($$SET bastion.throttle_exempt_networks = ''$$);
RESET bastion.throttle_exempt_networks;
SET ROLE regress_app;
SELECT test.error($$SET bastion.throttle_exempt_networks = '0.0.0.0/0'$$);
RESET ROLE;
-- requests for mail from a network
SET bastion.outbox = on;
CREATE FUNCTION throttle.mail(address text, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb;
BEGIN
    PERFORM set_config('bastion.trusted_hops', '1', true), set_config('request.headers', jsonb_build_object('x-forwarded-for', address)::text, true);
    EXECUTE 'SELECT bastion_api.' || call INTO answer;
    RETURN coalesce(answer ->> 'error', 'done');
END
$$;
BEGIN;
SELECT throttle.mail('192.0.2.1', format('request_login_link(%L)', n || '@throttle.example')) AS answer, count(*) FROM generate_series(1, 15) n GROUP BY 1 ORDER BY 1;
ROLLBACK;
SELECT throttle.mail('192.0.2.2', format('request_password_reset(%L)', n || '@throttle.example')) AS answer, count(*) FROM generate_series(1, 7) n GROUP BY 1 ORDER BY 1;
SELECT throttle.mail('192.0.2.3', c) FROM unnest(ARRAY['resend_verification(''a@throttle.example'')', 'request_login_code(''a@throttle.example'')', 'request_login_code(''x'')']) c;
SELECT throttle.mail('192.0.3.1', 'request_login_code(''a@throttle.example'')');

-- nothing is evaluated where no attempt can be counted
BEGIN READ ONLY;
SELECT test.error($$SELECT bastion_api.login('ann-throttle', 'correct horse of ann')$$), test.error($$SELECT bastion_internal.password_attempt('x', 'x', NULL, NULL)$$),
       test.error($$SELECT bastion_internal.throttle_try('account', 'x')$$), test.error($$SELECT bastion_internal.mail_try()$$), test.error($$SELECT bastion.login_unlock('ann-throttle')$$);
COMMIT;
SELECT test.error($$SELECT bastion_internal.throttle_try('none', 'x')$$);
-- a damaged table counts nothing, so nothing is evaluated
BEGIN;
DELETE FROM bastion.throttle_sets WHERE id = -1;
SELECT test.error($$SELECT bastion_api.login('ann-throttle', 'correct horse of ann')$$);
ROLLBACK;
BEGIN;
DELETE FROM bastion.throttle_sets WHERE id >= 0;
SELECT test.error($$SELECT bastion_api.login('ann-throttle', 'correct horse of ann')$$);
ROLLBACK;
-- a counter that is saved already, or gave way, when the worker comes to it
SELECT bastion_internal.throttle_save(repeat('0', 32));
SELECT bastion.status() ->> 'throttle' AS throttle;
DELETE FROM bastion.one_time_tokens WHERE address ~ '@throttle.example$';
DELETE FROM bastion.outbox WHERE address ~ '@throttle.example$';
DELETE FROM bastion.tenants t USING test.people p WHERE t.id = p.tenant;
DELETE FROM bastion.users u USING test.people p WHERE u.id = p.id;
DELETE FROM test.people;
DROP SCHEMA throttle CASCADE;

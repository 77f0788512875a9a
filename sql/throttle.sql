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
SELECT test.error($$SELECT bastion_api.login('ann-throttle', 'correct horse of ann')$$), test.error($$SELECT bastion_internal.password_attempt('x', 'x', NULL)$$),
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
SELECT bastion.status() ->> 'throttle' AS throttle;
DELETE FROM bastion.one_time_tokens WHERE address ~ '@throttle.example$';
DELETE FROM bastion.outbox WHERE address ~ '@throttle.example$';
DELETE FROM bastion.tenants t USING test.people p WHERE t.id = p.tenant;
DELETE FROM bastion.users u USING test.people p WHERE u.id = p.id;
DELETE FROM test.people;
DROP SCHEMA throttle CASCADE;

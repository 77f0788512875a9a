-- Second factors: authenticators, recovery codes, who may change them, the step up of a session, and the limit of tries. Codes come
-- from a TOTP of another implementation, Perl's Digest::SHA.
\set VERBOSITY terse
SET client_min_messages = warning;
SET bastion.totp_issuer = 'Zoo: the app';
\set totp 'use Digest::SHA "hmac_sha1"; my ($s, $n) = @ARGV; my %v; @v{"A".."Z", 2..7} = 0..31; my $k = pack("B*", join "", map { sprintf "%05b", $v{$_} } split //, $s); my $h = hmac_sha1(pack("Q>", int(time / 30) + $n), $k); printf "%06d", (unpack("N", substr($h, ord(substr($h, 19)) & 15, 4)) & 0x7fffffff) % 1000000'
CREATE SCHEMA factors;
GRANT USAGE ON SCHEMA factors TO regress_app;
SELECT bastion_api.signup('ann@factors.example', 'correct horse', 'Factors') AS ann, bastion_api.signup('bob@factors.example', 'correct horse', 'Others') AS bob \gset
SELECT :'ann'::jsonb ->> 'access_token' AS ann_token, :'bob'::jsonb ->> 'access_token' AS bob_token, :'ann'::jsonb #>> '{user,id}' AS ann_id, :'bob'::jsonb #>> '{user,id}' AS bob_id \gset

-- none yet
SELECT test.api(:'ann_token', 'factors()'), test.api(:'ann_token', 'recovery_codes_renew()') ->> 'error' AS renew;
-- an authenticator is added, and counts when a code confirms it
SELECT test.api(:'ann_token', 'totp_add(''Phone'')') AS added \gset
SELECT k, CASE k WHEN 'secret' THEN (v ~ '^[A-Z2-7]{32}$')::text WHEN 'uri' THEN replace(v, :'added'::jsonb ->> 'secret', '.') WHEN 'qr_svg' THEN left(v, 39)
            WHEN 'qr_text' THEN (array_length(string_to_array(v, E'\n'), 1) > 20)::text ELSE 'id' END AS v
FROM jsonb_each_text(:'added') e (k, v) ORDER BY k COLLATE "C";
SELECT :'added'::jsonb ->> 'factor' AS factor, :'added'::jsonb ->> 'secret' AS secret \gset
SELECT f.state, f.name, position(:'secret' IN encode(f.sealed, 'escape')) AS plain FROM bastion.user_factors f WHERE f.id = :'factor';
SELECT test.api(:'ann_token', format('totp_confirm(%L, %L)', :'factor', c)) FROM unnest(ARRAY['', 'x', '12345', '1234567']) c;
SELECT test.api(:'bob_token', format('totp_confirm(%L, ''000000'')', :'factor')) AS other_user;
-- another call replaces one that was not confirmed
SELECT test.api(:'ann_token', 'totp_add(''Tablet'')') AS added \gset
SELECT test.api(:'ann_token', format('totp_confirm(%L, ''000000'')', :'factor')) AS replaced;
SELECT :'added'::jsonb ->> 'factor' AS factor, :'added'::jsonb ->> 'secret' AS secret \gset
\set code `perl -e :'totp' :'secret' 0`
SELECT test.api(:'ann_token', format('totp_confirm(%L, %L)', :'factor', :'code')) AS confirmed \gset
SELECT :'confirmed'::jsonb #>> '{factor,state}' AS state, jsonb_array_length(:'confirmed'::jsonb -> 'recovery_codes') AS codes,
       (SELECT bool_and(c ~ '^([A-Z2-7]{4}-){3}[A-Z2-7]{4}$') FROM jsonb_array_elements_text(:'confirmed'::jsonb -> 'recovery_codes') c) AS well_formed;
SELECT test.api(:'ann_token', format('totp_confirm(%L, %L)', :'factor', :'code')) AS again;
SELECT test.api(:'ann_token', format('step_up(%L, %L)', :'factor', jsonb_build_object('code', :'code'))) ->> 'error' AS used_up;
SELECT :'confirmed'::jsonb #>> '{recovery_codes,0}' AS first_code, :'confirmed'::jsonb #>> '{recovery_codes,1}' AS second_code \gset
SELECT jsonb_array_length(x -> 'factors') AS factors, x #>> '{factors,0,name}' AS name, x -> 'recovery_codes' AS codes FROM test.api(:'ann_token', 'factors()') x;

-- a sealed secret is of one factor alone
SELECT test.error(format('SELECT bastion_internal.totp_step(gen_random_uuid(), f.sealed, ''000000'', 1, 0) FROM bastion.user_factors f WHERE f.id = %L', :'factor')) AS of_another;
-- the session is not confirmed: no change, but for the name
SELECT left(c, 12) AS call, test.api(:'ann_token', c) - 'error_description' AS answer FROM unnest(ARRAY['totp_add()', format('totp_confirm(%L, ''000000'')', :'factor'), format('factor_remove(%L)', :'factor'), 'recovery_codes_renew()']) c
ORDER BY 1;
SELECT test.api(:'ann_token', format('factor_rename(%L, %L)', :'factor', n)) - 'id' - 'created_at' AS answer FROM unnest(ARRAY['My phone', '', E'a\nb']) n;
SELECT test.api(:'bob_token', format('factor_rename(%L, ''mine'')', :'factor')) ->> 'error' AS other_user;

-- a step up takes the next code, and each code once
\set code `perl -e :'totp' :'secret' 1`
SELECT test.api(:'ann_token', format('step_up(%L, %L)', :'factor', jsonb_build_object('code', :'code'))) AS stepped \gset
SELECT :'stepped'::jsonb ->> 'token_type' AS type, test.claims(:'stepped'::jsonb ->> 'access_token') ->> 'acr' AS acr, test.claims(:'stepped'::jsonb ->> 'access_token') -> 'amr' AS amr,
       (SELECT s.level FROM bastion.sessions s WHERE s.user_id = :'ann_id') AS level;
SELECT :'stepped'::jsonb ->> 'access_token' AS strong_token \gset
SELECT test.api(:'ann_token', format('step_up(%L, %L)', :'factor', jsonb_build_object('code', :'code'))) AS twice;
-- the older token gains nothing, and the new one only for ten minutes
SELECT test.api(:'ann_token', 'recovery_codes_renew()') ->> 'error' AS older_token;
BEGIN;
UPDATE bastion.sessions s SET authenticated_at = now() - interval '11 minutes' WHERE s.user_id = :'ann_id';
SELECT test.api(:'strong_token', 'recovery_codes_renew()') ->> 'error' AS late;
ROLLBACK;
-- a step up that was rolled back mints nothing
BEGIN;
UPDATE bastion.sessions s SET level = 'aal1' WHERE s.user_id = :'ann_id';
SELECT test.api(:'strong_token', 'recovery_codes_renew()') ->> 'error' AS rolled_back;
ROLLBACK;

-- recovery codes: each once, whatever its case and hyphens, of this user alone
SELECT test.api(:'ann_token', format('step_up(NULL, %L)', jsonb_build_object('code', lower(replace(:'first_code', '-', ' '))))) ? 'access_token' AS accepted;
SELECT test.api(:'ann_token', format('step_up(NULL, %L)', jsonb_build_object('code', :'first_code'))) ->> 'error' AS twice;
SELECT test.api(:'bob_token', format('step_up(NULL, %L)', jsonb_build_object('code', :'second_code'))) ->> 'error' AS other_user;
SELECT test.api(:'ann_token', 'factors()') -> 'recovery_codes' AS left;
SELECT jsonb_array_length(test.api(:'strong_token', 'recovery_codes_renew()') -> 'recovery_codes') AS renewed;
SELECT test.api(:'ann_token', format('step_up(NULL, %L)', jsonb_build_object('code', :'second_code'))) ->> 'error' AS replaced;
-- hostile responses
SELECT bastion.factor_unlock(:'ann_id');
SELECT test.api(:'ann_token', format('step_up(%L, %L)', :'factor', r)) ->> 'error' AS error FROM unnest(ARRAY['{}', '[]', '{"code": 123456}', '{"code": {"code": "1"}}', NULL]) r;

-- tries: five at once, and no rollback takes one back
SELECT bastion.factor_unlock('ann@factors.example');
BEGIN;
SELECT test.api(:'ann_token', format('step_up(%L, ''{"code": "x"}'')', :'factor')) ->> 'error' AS error FROM generate_series(1, 3);
ROLLBACK;
DO $$
BEGIN
    PERFORM bastion_internal.factor_try((SELECT u.id FROM bastion.users u WHERE u.email = 'ann@factors.example'));
    RAISE EXCEPTION 'undone';
EXCEPTION WHEN OTHERS THEN
END
$$;
SELECT test.api(:'ann_token', format('step_up(%L, ''{"code": "x"}'')', :'factor')) ->> 'error' AS error;
SELECT x ->> 'error' AS error, (x ->> 'retry_after')::int BETWEEN 590 AND 600 AS ten_minutes FROM test.api(:'ann_token', format('step_up(%L, ''{"code": "x"}'')', :'factor')) x;
SELECT t.failures, t.paid_until - now() BETWEEN '49 minutes' AND '50 minutes' AS paid FROM bastion.factor_tries t WHERE t.user_id = :'ann_id';
-- the right code is not evaluated either
SELECT test.api(:'ann_token', format('step_up(NULL, %L)', jsonb_build_object('code', :'second_code'))) ->> 'error' AS error;
-- ten minutes later one is
UPDATE bastion.factor_tries t SET paid_until = paid_until - interval '10 minutes' WHERE t.user_id = :'ann_id';
SELECT test.api(:'ann_token', format('step_up(%L, ''{"code": "x"}'')', :'factor')) ->> 'error' AS error FROM generate_series(1, 2);
-- a clock that was set back
UPDATE bastion.factor_tries t SET paid_until = now() + interval '1 year' WHERE t.user_id = :'ann_id';
SELECT (test.api(:'ann_token', format('step_up(%L, ''{"code": "x"}'')', :'factor')) ->> 'retry_after')::int BETWEEN 590 AND 600 AS ten_minutes;
-- the hard stop
UPDATE bastion.factor_tries t SET paid_until = now() - interval '1 day', failures = 29 WHERE t.user_id = :'ann_id';
SELECT test.api(:'ann_token', format('step_up(%L, ''{"code": "x"}'')', :'factor')) - 'error_description' AS answer FROM generate_series(1, 2);
SELECT bastion.factor_unlock('nobody@factors.example') AS unknown, bastion.factor_unlock(NULL) AS none, bastion.factor_unlock('ann@factors.example') AS ann;
-- a success takes its charge back and forgets the failures
SELECT test.api(:'strong_token', 'recovery_codes_renew()') #>> '{recovery_codes,0}' AS first_code \gset
SELECT test.api(:'ann_token', format('step_up(%L, ''{"code": "x"}'')', :'factor')) ->> 'error' AS error;
SELECT test.api(:'ann_token', format('step_up(NULL, %L)', jsonb_build_object('code', :'first_code'))) ? 'access_token' AS accepted;
SELECT t.failures, t.paid_until - now() BETWEEN '9 minutes' AND '10 minutes' AS paid FROM bastion.factor_tries t WHERE t.user_id = :'ann_id';
-- nothing is evaluated where no try can be counted
BEGIN READ ONLY;
SELECT test.error(format('SELECT test.api(%L, ''step_up(NULL, NULL)'')', :'ann_token'));
ROLLBACK;
SELECT test.error(format('SELECT bastion_internal.factor_try(%L) IS NULL', gen_random_uuid())) AS unknown_user;

-- at most ten
BEGIN;
INSERT INTO bastion.user_factors (user_id, kind, name, state) SELECT :'ann_id', 'totp', 'old', 'suspended' FROM generate_series(1, 9);
SELECT test.api(:'strong_token', 'totp_add()') ->> 'error' AS eleventh;
ROLLBACK;
-- a further factor, and its removal: the recovery codes go with the last
SELECT test.api(:'strong_token', 'totp_add()') AS added \gset
SELECT :'added'::jsonb ->> 'factor' AS further, :'added'::jsonb ->> 'secret' AS secret \gset
\set code `perl -e :'totp' :'secret' 0`
SELECT test.api(:'strong_token', format('totp_confirm(%L, %L)', :'further', :'code')) -> 'recovery_codes' AS further;
SELECT test.api(:'strong_token', format('factor_remove(%L)', :'factor')) ? 'removed' AS removed, test.api(:'strong_token', format('factor_remove(%L)', :'factor')) ->> 'error' AS again;
SELECT x -> 'recovery_codes' AS codes, x #>> '{factors,0,name}' AS name FROM test.api(:'strong_token', 'factors()') x;
SELECT test.api(:'strong_token', format('factor_remove(%L)', :'further')) ? 'removed' AS removed;
SELECT test.api(:'strong_token', 'factors()');

-- a factor of a lost key is still asked for, and only an operator removes it
BEGIN;
SELECT test.api(:'bob_token', 'totp_add()') AS added \gset
SELECT :'added'::jsonb ->> 'factor' AS factor, :'added'::jsonb ->> 'secret' AS secret \gset
\set code `perl -e :'totp' :'secret' 0`
SELECT test.api(:'bob_token', format('totp_confirm(%L, %L)', :'factor', :'code')) #>> '{factor,state}' AS state;
SELECT bastion.keys_discard() IS NOT NULL AS discarded;
SELECT f.state, f.sealed, bastion_internal.has_factor(f.user_id) FROM bastion.user_factors f WHERE f.id = :'factor';
SELECT outcome FROM bastion_internal.factor_accept(:'bob_id', :'factor', jsonb_build_object('code', :'code'));
SELECT bastion.factors_remove('bob@factors.example') AS removed, bastion.factors_remove('nobody@factors.example') AS unknown, bastion.factors_remove(NULL) AS none;
ROLLBACK;

-- an API key, an impersonator and a stranger change nothing
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ann;
SELECT bastion_api.api_key_create('a key', '{*}') ->> 'key' AS key \gset
COMMIT;
SELECT c.call, test.api(:'key', c.call) ->> 'error' AS api_key, test.api('', c.call) ->> 'error' AS nobody, test.api('x', c.call) ->> 'error' AS refused_token
FROM unnest(ARRAY['factors()', 'totp_add()', 'totp_confirm(gen_random_uuid(), ''x'')', 'factor_rename(gen_random_uuid(), ''x'')', 'factor_remove(gen_random_uuid())', 'recovery_codes_renew()', 'step_up(NULL, ''{}'')']) c (call);
-- and a session whose login is older
BEGIN;
UPDATE bastion.sessions s SET authenticated_at = now() - interval '11 minutes' WHERE s.user_id = :'bob_id';
SELECT test.api(:'bob_token', 'totp_add()') - 'error_description' AS old_login;
ROLLBACK;
-- names
SELECT test.api(:'bob_token', format('totp_add(%L)', n)) ->> 'error' AS error FROM unnest(ARRAY['', NULL, E'a\tb', repeat('x', 201)]) n;
-- the longest names fit into a QR code
BEGIN;
SET LOCAL bastion.totp_issuer = 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx';
UPDATE bastion.users u SET email = repeat('%', 64) || '@' || repeat('x', 60) || '.example' WHERE u.id = :'bob_id';
SELECT length(test.api(:'bob_token', 'totp_add()') ->> 'uri') AS uri;
ROLLBACK;
-- what was recorded
SELECT e.kind, e.outcome, e.detail - 'factor' - 'session' AS detail, count(*) FROM bastion.events e
WHERE e.user_id IN (:'ann_id', :'bob_id') AND e.kind ~ 'factor|recovery|stepped' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
DELETE FROM bastion.tenants WHERE slug IN ('factors', 'others');
DELETE FROM bastion.users WHERE id IN (:'ann_id', :'bob_id');
DROP SCHEMA factors CASCADE;

-- The second factor of a login: each way to log in asks for it before anything else, and no challenge or link of before passes by it.
-- Codes of authenticators come from another implementation, as in second_factors.sql.
\set VERBOSITY terse
SET client_min_messages = warning;
SET bastion.outbox = on;
SET bastion.refused_login_duration = 0;
\set totp 'use Digest::SHA "hmac_sha1"; my ($s, $n) = @ARGV; my %v; @v{"A".."Z", 2..7} = 0..31; my $k = pack("B*", join "", map { sprintf "%05b", $v{$_} } split //, $s); my $h = hmac_sha1(pack("Q>", int(time / 30) + $n), $k); printf "%06d", (unpack("N", substr($h, ord(substr($h, 19)) & 15, 4)) & 0x7fffffff) % 1000000'
CREATE SCHEMA mfa;
-- what an answer says: the error, or its members
CREATE FUNCTION mfa.told(answer jsonb) RETURNS text LANGUAGE sql AS
$$ SELECT coalesce(answer ->> 'error', (SELECT string_agg(k, ' ' ORDER BY k COLLATE "C") FROM jsonb_object_keys(answer) k)) $$;
CREATE FUNCTION mfa.sessions(who text) RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM bastion.sessions s WHERE s.user_id = test.id_of(who) AND s.revoked_at IS NULL $$;
CREATE FUNCTION mfa.last_refusal() RETURNS text LANGUAGE sql AS
$$ SELECT concat_ws(' ', kind, detail ->> 'reason', (SELECT name FROM test.people WHERE id = user_id)) FROM bastion.events WHERE outcome = 'refused' ORDER BY id DESC LIMIT 1 $$;
-- the next recovery code
CREATE TABLE mfa.codes (n integer GENERATED ALWAYS AS IDENTITY, who text, code text);
CREATE FUNCTION mfa.code(whose text) RETURNS jsonb LANGUAGE sql AS
$$ DELETE FROM mfa.codes WHERE n = (SELECT min(n) FROM mfa.codes WHERE who = whose) RETURNING jsonb_build_object('code', code) $$;
CREATE FUNCTION mfa.new_codes(whose text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM mfa.codes WHERE who = whose;
    INSERT INTO mfa.codes (who, code) SELECT whose, jsonb_array_elements_text(bastion_internal.recovery_codes_replace(test.id_of(whose)));
    RETURN (SELECT count(*) FROM mfa.codes WHERE who = whose);
END
$$;
-- the newest link or code in the mail
CREATE TABLE mfa.mailed (id bigint, kind text, address text, token text, code text);
CREATE FUNCTION mfa.link(k text, who text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO mfa.mailed SELECT o.id, o.kind, o.address, o.token, o.code FROM bastion.outbox_claim('mfa', 100) o;
    PERFORM bastion.outbox_done(o.id, 'mfa') FROM bastion.outbox o WHERE o.claimed_by = 'mfa';
    RETURN (SELECT coalesce(m.token, m.code) FROM mfa.mailed m WHERE m.kind = k AND m.address = who || '@mfa.example' ORDER BY m.id DESC LIMIT 1);
END
$$;
-- a login, with the tenant named unless it is null
CREATE FUNCTION mfa.login(who text, tenant text DEFAULT 'mfa-of-ann', unit text DEFAULT NULL, device text DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS
$$ SELECT bastion_api.login(who || '@mfa.example', 'correct horse battery', tenant, unit, device) $$;
CREATE FUNCTION mfa.challenge(who text, tenant text DEFAULT 'mfa-of-ann', unit text DEFAULT NULL, device text DEFAULT NULL) RETURNS text LANGUAGE sql AS
$$ SELECT mfa.login(who, tenant, unit, device) ->> 'challenge' $$;
INSERT INTO test.people (name, id, tenant, number, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, (a #>> '{tenant,number}')::bigint, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'ben']) n, LATERAL bastion_api.signup(n || '@mfa.example', 'correct horse battery', 'Mfa of ' || n) a;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of('ann'), test.tenant_of('ben'), test.role_of('viewer');
SELECT mfa.told(test.api('ann', format('verify_email(%L)', mfa.link('verify_email', 'ann'))));

-- before there is a factor
SELECT mfa.told(mfa.login('ann')), mfa.told(mfa.login('ann', NULL));
SELECT mfa.challenge('ann', NULL) AS old_challenge \gset
SELECT bastion_api.request_login_link('ann@mfa.example');
SELECT mfa.link('magic_link', 'ann') AS old_link \gset
-- one that is not confirmed yet changes nothing
SELECT a ->> 'factor' AS factor, a ->> 'secret' AS secret FROM test.api('ann', 'totp_add(''Phone'')') a \gset
SELECT mfa.told(mfa.login('ann'));
\set code `perl -e :'totp' :'secret' 0`
SELECT mfa.told(test.api('ann', format('totp_confirm(%L, %L)', :'factor', :'code'))) AS confirmed, mfa.new_codes('ann') AS codes;
-- what was open before the factor is over
SELECT mfa.told(bastion_api.login_tenant(:'old_challenge', 'mfa-of-ben')) AS challenge, mfa.last_refusal(), mfa.told(bastion_api.login_link(:'old_link')) AS link;

-- the password is right, and there is no session
SELECT mfa.sessions('ann') AS sessions \gset
SELECT a - 'challenge' - 'factors' AS answer, a ->> 'challenge' ~ '^bst_ch_[A-Za-z0-9_-]+$' AS challenge, jsonb_path_query_array(a, '$.factors[*].kind') AS kinds, jsonb_path_query_array(a, '$.factors[*].name') AS names,
       a #>> '{factors,0,id}' = :'factor' AS id, (SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(a #> '{factors,0}') k) AS members FROM mfa.login('ann') a;
SELECT mfa.told(mfa.login('ann', NULL)) AS no_tenant, mfa.told(mfa.login('ann', 'nowhere')) AS not_a_member, mfa.told(bastion_api.login('ann@mfa.example', 'wrong')) AS wrong, mfa.sessions('ann') - :sessions AS sessions;
SELECT kind, outcome FROM bastion.events WHERE user_id = test.id_of('ann') ORDER BY id DESC LIMIT 2;
SELECT a -> 'error' AS error, current_setting('response.status') AS status FROM bastion_api.token('password', 'ann@mfa.example', 'correct horse battery', scope => 'tenant:mfa-of-ben') a;

-- the second step, with a code of the authenticator
SELECT mfa.challenge('ann', 'mfa-of-ben', 'default', 'a phone') AS challenge \gset
\set code `perl -e :'totp' :'secret' 1`
SELECT a AS answer FROM bastion_api.login_mfa(:'challenge', :'factor', jsonb_build_object('code', :'code')) a \gset
SELECT mfa.told(:'answer'), :'answer'::jsonb #>> '{tenant,slug}' AS tenant, test.claims(:'answer'::jsonb ->> 'access_token') -> 'amr' AS amr, test.claims(:'answer'::jsonb ->> 'access_token') ->> 'acr' AS acr;
SELECT s.device, u.slug, s.level, s.amr FROM bastion.sessions s JOIN bastion.units u ON u.id = s.unit_id WHERE s.id = (test.claims(:'answer'::jsonb ->> 'access_token') ->> 'sid')::uuid;
-- the challenge once, and the code once
SELECT mfa.told(bastion_api.login_mfa(:'challenge', NULL, mfa.code('ann'))) AS challenge, mfa.last_refusal(),
       mfa.told(bastion_api.login_mfa(mfa.challenge('ann'), :'factor', jsonb_build_object('code', :'code'))) AS code, mfa.last_refusal();
-- which used no recovery code up
SELECT count(*) FROM bastion.recovery_codes WHERE user_id = test.id_of('ann') AND used_at IS NOT NULL;

-- the tenant is chosen after the factor, with another challenge
SELECT mfa.challenge('ann', NULL, device => 'tablet') AS challenge \gset
SELECT mfa.told(bastion_api.login_tenant(:'challenge', 'mfa-of-ann')) AS as_challenge_for_the_tenant;
SELECT a ->> 'challenge' AS next, mfa.told(a), jsonb_path_query_array(a, '$.tenants[*].slug') AS tenants FROM bastion_api.login_mfa(:'challenge', NULL, mfa.code('ann')) a \gset next_
SELECT :'next_told' AS told, :'next_tenants' AS tenants, mfa.told(bastion_api.login_mfa(:'challenge', NULL, mfa.code('ann'))) AS first_again, mfa.told(bastion_api.login_mfa(:'next_next', NULL, mfa.code('ann'))) AS as_challenge_for_the_factor;
SELECT mfa.told(a), test.claims(a ->> 'access_token') ->> 'acr' AS acr FROM bastion_api.login_tenant(:'next_next', 'mfa-of-ben') a;
SELECT mfa.told(bastion_api.login_tenant(:'next_next', 'mfa-of-ben')) AS again, (SELECT device FROM bastion.sessions WHERE user_id = test.id_of('ann') ORDER BY created_at DESC LIMIT 1) AS device;
-- a tenant without membership
SELECT mfa.told(bastion_api.login_mfa(mfa.challenge('ann', 'nowhere'), NULL, mfa.code('ann'))) AS told, mfa.last_refusal();

-- wrong codes do not use the challenge up; the factor of another user, and other responses
SELECT mfa.new_codes('ann'), mfa.challenge('ann') AS challenge, bastion.factor_unlock('ann@mfa.example') \gset
SELECT mfa.told(bastion_api.login_mfa(:'challenge', f, r::jsonb)) AS told, mfa.last_refusal()
FROM (VALUES (:'factor'::uuid, '{"code": "x"}'), (NULL, '{"code": "x"}'), (gen_random_uuid(), '{"code": "000000"}'), (:'factor', NULL)) v (f, r);
SELECT mfa.told(bastion_api.login_mfa(:'challenge', NULL, mfa.code('ann'))) AS told;
SELECT bastion.factor_unlock('ann@mfa.example');
-- tries are those of the user, for each challenge
SELECT mfa.told(bastion_api.login_mfa(mfa.challenge('ann'), NULL, '{}')) AS told FROM generate_series(1, 5);
SELECT a - 'error_description' - 'retry_after' AS answer, (a ->> 'retry_after')::integer BETWEEN 590 AND 600 AS ten_minutes, mfa.last_refusal() FROM bastion_api.login_mfa(mfa.challenge('ann'), NULL, mfa.code('ann')) a;
SELECT bastion.factor_unlock('ann@mfa.example');
-- a challenge that is over, another's or none makes no try
SELECT mfa.told(bastion_api.login_mfa(c, NULL, mfa.code('ann'))) AS told FROM unnest(ARRAY[:'challenge', :'old_challenge', :'next_next', 'bst_ch_' || repeat('A', 200), '', NULL]) c;
SELECT failures FROM bastion.factor_tries WHERE user_id = test.id_of('ann');
-- a change of a challenge is noticed
SELECT count(*) FILTER (WHERE mfa.told(a) = 'invalid_grant') AS refused, count(*) AS tried FROM (SELECT mfa.challenge('ann') AS challenge) c, generate_series(8, 200, 7) n,
    LATERAL bastion_api.login_mfa(test.mistyped(c.challenge, n), NULL, '{}') a;

-- what ends a challenge: each is undone again
SELECT mfa.new_codes('ann') AS codes;
CREATE FUNCTION mfa.after(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    challenge text := mfa.challenge('ann');
    told text;
BEGIN
    IF change LIKE 'bastion_api.%' THEN
        PERFORM test.api('ann', substr(change, 13));
    ELSE
        EXECUTE change;
    END IF;
    told := concat_ws(', ', mfa.told(bastion_api.login_mfa(challenge, NULL, mfa.code('ann'))), CASE WHEN mfa.sessions('ann') > 0 THEN 'session' END);
    RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = told;
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    RETURN SQLERRM;
END
$$;
UPDATE test.people SET token = test.api('ann', format('step_up(NULL, %L)', mfa.code('ann'))) ->> 'access_token' WHERE name = 'ann';
SELECT replace(c, :'factor', '...') AS change, mfa.after(c) AS challenge FROM unnest(ARRAY['SELECT 1', 'bastion_api.logout(''others'')', 'bastion_api.password_change(''correct horse battery'', ''a longer horse battery'')',
    'bastion_api.recovery_codes_renew()', format('bastion_api.factor_remove(%L)', :'factor'), 'SELECT bastion.factors_remove(''ann@mfa.example'')', 'SELECT bastion.user_sessions_revoke(test.id_of(''ann''))',
    'SELECT bastion.user_password_set(''ann@mfa.example'', ''a longer horse battery'')', 'UPDATE bastion.users SET status = ''disabled'' WHERE id = test.id_of(''ann'')']) c;
-- and a challenge for the tenant
CREATE FUNCTION mfa.before_tenant(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told text := bastion_api.login_mfa(mfa.challenge('ann', NULL), NULL, mfa.code('ann')) ->> 'challenge';
BEGIN
    PERFORM test.api('ann', change);
    told := mfa.told(bastion_api.login_tenant(told, 'mfa-of-ben'));
    RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = told;
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    RETURN SQLERRM;
END
$$;
SELECT mfa.before_tenant('factors()') AS nothing, mfa.before_tenant('recovery_codes_renew()') AS recovery_codes;

-- mail: the link or code is used up by the question
SELECT mfa.new_codes('ann') AS codes, bastion_api.request_login_link('ann@mfa.example'), mfa.told(bastion_api.request_login_code('ann@mfa.example'));
SELECT mfa.link('magic_link', 'ann') AS link, mfa.link('code', 'ann') AS code, (SELECT id FROM bastion.one_time_tokens WHERE purpose = 'code' AND user_id = test.id_of('ann') AND used_at IS NULL) AS request \gset
SELECT a ->> 'challenge' AS challenge, mfa.told(a) FROM bastion_api.login_link(:'link', device => 'by link') a \gset link_
SELECT :'link_told' AS told, mfa.told(bastion_api.login_link(:'link')) AS again;
SELECT mfa.told(a), test.claims(mfa.answer ->> 'access_token') -> 'amr' AS amr FROM bastion_api.login_mfa(:'link_challenge', NULL, mfa.code('ann')) a, LATERAL bastion_api.login_tenant(a ->> 'challenge', 'mfa-of-ann') mfa (answer);
SELECT a ->> 'challenge' AS challenge, mfa.told(a) FROM bastion_api.login_code(:'request', :'code', 'mfa-of-ben') a \gset code_
SELECT s.device, s.level FROM bastion.sessions s WHERE s.user_id = test.id_of('ann') ORDER BY s.created_at DESC LIMIT 1;
SELECT :'code_told' AS told, mfa.told(bastion_api.login_code(:'request', :'code', 'mfa-of-ben')) AS again, mfa.told(a) AS factor, a #>> '{tenant,slug}' AS tenant FROM bastion_api.login_mfa(:'code_challenge', NULL, mfa.code('ann')) a;
-- a reset leaves the factors
BEGIN;
SELECT bastion_api.request_password_reset('ann@mfa.example');
SELECT mfa.told(bastion_api.reset_password(mfa.link('reset_password', 'ann'), 'correct horse battery')), mfa.told(mfa.login('ann')) AS login;
ROLLBACK;
-- an unverified account loses them with the rest: a stranger may have added them
SELECT a ->> 'factor' AS bens, a ->> 'secret' AS secret FROM test.api('ben', 'totp_add()') a \gset
\set code `perl -e :'totp' :'secret' 0`
SELECT mfa.told(test.api('ben', format('totp_confirm(%L, %L)', :'bens', :'code'))) AS confirmed, mfa.told(mfa.login('ben', NULL)) AS login, bastion_api.request_login_link('ben@mfa.example');
SELECT mfa.told(bastion_api.login_mfa(mfa.challenge('ann'), :'bens', jsonb_build_object('code', :'code'))) AS factor_of_another;
SELECT mfa.told(bastion_api.login_link(mfa.link('magic_link', 'ben')));
SELECT count(*) AS factors FROM bastion.user_factors WHERE user_id = test.id_of('ben');

-- a factor whose key was lost is asked for, and nobody can present it
BEGIN;
UPDATE bastion.user_factors SET state = 'suspended', sealed = NULL WHERE user_id = test.id_of('ann');
UPDATE bastion.recovery_codes SET used_at = now() WHERE user_id = test.id_of('ann');
SELECT a -> 'error' AS error, a -> 'factors' AS factors, a -> 'recovery_codes' AS codes FROM mfa.login('ann') a;
ROLLBACK;
-- a session never begins without it, whatever the way
SELECT mfa.told(bastion_internal.session_begin(test.id_of('ann'), test.tenant_of('ann'), NULL, NULL, amr)) FROM unnest(ARRAY['{pwd}', '{otp}', '{}', '{pwd,otp}']) a (t), LATERAL (SELECT t::text[]) x (amr);
BEGIN READ ONLY;
SELECT test.error($$SELECT bastion_api.login_mfa('x', NULL, NULL)$$);
ROLLBACK;

-- levels: the lower one of token and session counts, and the earlier time
SELECT mfa.new_codes('ann') AS codes, bastion.factor_unlock('ann@mfa.example');
CREATE FUNCTION mfa.level(token text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('bastion.token', token, true), set_config('bastion.allow_identity_switch', 'on', true);
    RETURN concat_ws(' ', bastion.auth_level(), bastion.whoami() ->> 'level', bastion_api.me() ->> 'level',
        (date_trunc('minute', now() - bastion.auth_time() + interval '1 minute') - interval '1 minute')::text, bastion.whoami() ? 'auth_time');
END
$$;
SELECT a ->> 'access_token' AS token, a ->> 'refresh_token' AS refresh, test.claims(a ->> 'access_token') ->> 'sid' AS sid FROM bastion_api.login_mfa(mfa.challenge('ann'), NULL, mfa.code('ann')) a \gset
SELECT (test.claims(:'token') ->> 'auth_time')::numeric - (test.claims(:'token') ->> 'iat')::numeric AS since_the_login;
SELECT mfa.level(:'token');
BEGIN;
UPDATE bastion.sessions SET level = 'aal1' WHERE id = :'sid';
SELECT mfa.level(:'token') AS session_of_one_factor;
ROLLBACK;
BEGIN;
UPDATE bastion.sessions SET authenticated_at = now() - interval '7 minutes' WHERE id = :'sid';
SELECT mfa.level(:'token') AS older_session;
ROLLBACK;
-- a token of before a step up
BEGIN;
UPDATE bastion.sessions SET level = 'aal1', authenticated_at = now() - interval '5 minutes' WHERE id = :'sid';
SELECT a ->> 'access_token' AS older, a ->> 'refresh_token' AS next FROM bastion_api.refresh(:'refresh') a \gset
UPDATE test.people SET token = :'older' WHERE name = 'ann';
SELECT test.api('ann', format('step_up(NULL, %L)', mfa.code('ann'))) ->> 'access_token' AS newer \gset
SELECT mfa.level(:'older') AS older, mfa.level(:'newer') AS newer, mfa.level(bastion_api.refresh(:'next') ->> 'access_token') AS refreshed;
ROLLBACK;
-- a confirmed session ends its tokens within the hour, and an idle or old one is refreshed to one factor
BEGIN;
INSERT INTO bastion.session_settings (tenant_id, access_lifetime) VALUES (test.tenant_of('ann'), '1 day');
SELECT a ->> 'expires_in' AS confirmed, a ->> 'refresh_token' AS next FROM bastion_api.refresh(:'refresh') a \gset
UPDATE bastion.sessions SET level = 'aal1' WHERE id = :'sid';
SELECT :'confirmed' AS confirmed, bastion_api.refresh(:'next') ->> 'expires_in' AS other;
ROLLBACK;
-- a refresh of the session as it would be after these times; nothing of it stays
CREATE FUNCTION mfa.refreshed(refresh text, sid uuid, age interval, idle interval) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    a jsonb;
BEGIN
    UPDATE bastion.sessions SET authenticated_at = now() - greatest(age, idle), last_seen_at = now() - idle WHERE id = sid;
    a := bastion_api.refresh(refresh);
    RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = a::text;
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    RETURN SQLERRM;
END
$$;
SELECT age, idle, c ->> 'acr' AS acr, c -> 'amr' AS amr, round((c ->> 'exp')::integer - (c ->> 'iat')::integer, -1) AS lasts
FROM (VALUES (interval '0', interval '59 minutes'), ('0', '61 minutes'), ('23 hours 50 minutes', '1 minute'), ('24 hours', '1 minute')) v (age, idle), LATERAL test.claims(mfa.refreshed(:'refresh', :'sid', age, idle) ->> 'access_token') c;
-- without the factor, the password suffices again
SELECT bastion.factors_remove('ann@mfa.example');
SELECT mfa.told(mfa.login('ann'));
-- the user had mail about each change
SELECT mfa.link('factor_added', 'ann') IS NOT NULL AS has_a_link, string_agg(DISTINCT o.kind, ' ') AS notices FROM bastion.outbox o WHERE o.user_id = test.id_of('ann') AND o.kind ~ 'factor|recovery' AND o.token_id IS NULL;
RESET bastion.outbox;
DELETE FROM bastion.tenants WHERE slug IN ('mfa-of-ann', 'mfa-of-ben');
DELETE FROM bastion.users WHERE id IN (test.id_of('ann'), test.id_of('ben'));
DELETE FROM test.people;
DELETE FROM bastion.spent_tokens;
DROP SCHEMA mfa CASCADE;

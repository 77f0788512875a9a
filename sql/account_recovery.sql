-- Recovery of an account whose second factor is lost: who begins it, how long it takes, who ends it, and what is left.
\set VERBOSITY terse
SET client_min_messages = warning;
SET bastion.refused_login_duration = 0;
CREATE FUNCTION test.ask(who text, call text) RETURNS text LANGUAGE sql AS
$$ SELECT coalesce(a ->> 'error', (SELECT string_agg(k, ' ' ORDER BY k COLLATE "C") FROM jsonb_object_keys(a) k)) FROM test.api(who, call) a $$;
CREATE FUNCTION test.challenge(who text) RETURNS text LANGUAGE sql AS
$$ SELECT bastion_api.login(who || '@recovery.example', 'correct horse battery') ->> 'challenge' $$;
CREATE FUNCTION test.begin(who text) RETURNS text LANGUAGE sql AS $$ SELECT test.ask('', format('account_recovery_start(%L)', test.challenge(who))) $$;
CREATE FUNCTION test.mailed(wanted text) RETURNS text LANGUAGE sql AS
$$ SELECT coalesce(c.token, c.code, 'a notice') FROM bastion.outbox_claim('recovery', 100) c WHERE c.kind = wanted AND c.address ~ '@recovery.example$' ORDER BY c.id DESC LIMIT 1 $$;
-- ann's second factor and its recovery codes are lost; bob and eve have none
INSERT INTO test.people (name, id, tenant, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'bob', 'eve']) n, LATERAL bastion_api.signup(n || '@recovery.example', 'correct horse battery', 'Recovery of ' || n) a;
INSERT INTO bastion.user_factors (user_id, kind, name, state) VALUES (test.id_of('ann'), 'totp', 'Phone', 'suspended'), (test.id_of('ann'), 'totp', 'Tablet', 'suspended');
INSERT INTO bastion.factor_tries (user_id) VALUES (test.id_of('ann'));
SELECT bastion_internal.recovery_codes_replace(test.id_of('ann')) AS codes \gset
SELECT bastion.membership_force(test.id_of('ann'), 'recovery-of-eve', 'viewer') IS NOT NULL AS member_of_two;

-- It begins with the first factor, and needs mail and a verified address.
SELECT test.error($$SELECT test.begin('ann')$$) AS no_outbox;
SET bastion.outbox = on;
SELECT test.begin('ann') AS not_verified;
UPDATE bastion.users SET email_verified_at = now() WHERE id IN (SELECT id FROM test.people);
SELECT c, test.ask('', format('account_recovery_start(%L)', c)) AS told FROM unnest(ARRAY[NULL, '', 'x', 'bst_ch_' || repeat('A', 200)]) c;
SELECT test.ask('', format('account_recovery_start(%L)', test.mistyped(test.challenge('ann'), 40))) AS mistyped;
SELECT test.begin('bob') AS without_a_factor;
-- a challenge that was used, and one whose login was ended
SELECT test.challenge('ann') AS used, test.challenge('ann') AS ended \gset
BEGIN;
SELECT bastion_internal.challenge_spend(:'used') AS spent, test.ask('', format('account_recovery_start(%L)', :'used')) AS used;
SELECT test.ask('ann', 'logout(''others'')') AS "others", test.ask('', format('account_recovery_start(%L)', :'ended')) AS ended;
ROLLBACK;
-- an administrator or an owner of a tenant cannot: nobody but the user has the challenge
SELECT test.ask('eve', format('account_recovery_start(%L)', test.id_of('ann'))) AS by_an_owner, test.ask('eve', 'account_recovery_cancel()') AS of_eve_alone;
BEGIN READ ONLY;
SELECT test.error($$SELECT bastion_api.account_recovery_start('x')$$), test.error($$SELECT bastion_api.account_recovery_finish('x')$$), test.error($$SELECT bastion_api.account_recovery_cancel()$$);
ROLLBACK;
-- a mailed link does not suffice for an account with a password: mail would be its only factor
SELECT bastion_api.request_login_link('ann@recovery.example') AS asked;
SELECT test.mailed('magic_link') AS link \gset
SELECT test.ask('', format('account_recovery_start(%L)', bastion_api.login_link(:'link') ->> 'challenge')) AS by_mail_alone;
SELECT count(*) AS none_yet FROM bastion.one_time_tokens WHERE purpose = 'account_recovery';
BEGIN;
DELETE FROM bastion.user_passwords WHERE user_id = test.id_of('ann');
SELECT bastion_api.request_login_link('ann@recovery.example') AS asked;
UPDATE bastion.one_time_tokens SET mailed_at = mailed_at - interval '2 minutes';
SELECT test.mailed('magic_link') AS link \gset
SELECT test.ask('', format('account_recovery_start(%L)', bastion_api.login_link(:'link') ->> 'challenge')) AS without_a_password;
ROLLBACK;

-- 72 hours, counted from the first call
SELECT (a ->> 'ready_at')::timestamptz BETWEEN now() + interval '71 hours' AND now() + interval '73 hours' AS in_72_hours FROM bastion_api.account_recovery_start(test.challenge('ann')) a;
SELECT test.mailed('account_recovery') AS token \gset
SELECT :'token' ~ '^bst_ot_' AS link, (test.api('ann', 'factors()') ->> 'recovery_at')::timestamptz BETWEEN now() + interval '71 hours' AND now() + interval '73 hours' AS shown;
SELECT a - 'ready_at' AS too_early, (a ->> 'ready_at')::timestamptz > now() AS ready_at FROM bastion_api.account_recovery_finish(:'token') a;
UPDATE bastion.one_time_tokens SET created_at = created_at - interval '71 hours', mailed_at = mailed_at - interval '71 hours' WHERE purpose = 'account_recovery';
SELECT (a ->> 'ready_at')::timestamptz < now() + interval '1 hour' AS not_anew FROM bastion_api.account_recovery_start(test.challenge('ann')) a;
SELECT test.mailed('account_recovery') = :'token' AS the_same_link;
SELECT bastion_api.account_recovery_finish(:'token') ->> 'error' AS too_early;
SELECT count(*) AS factors FROM bastion.user_factors WHERE user_id = test.id_of('ann');

-- Who ends it: the owner by a session or by the link, any use of a second factor, a change of the factors by an operator
CREATE FUNCTION test.after(change text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
    told text;
BEGIN
    EXECUTE change INTO told;
    told := concat_ws(', ', told, (SELECT count(*) FILTER (WHERE used_at IS NULL) || ' open' FROM bastion.one_time_tokens WHERE purpose = 'account_recovery'),
                      (SELECT string_agg(kind, ' ' ORDER BY id) FROM bastion.outbox WHERE kind = 'recovery_cancelled'),
                      (SELECT count(*) || ' recorded' FROM bastion.events WHERE kind = 'account_recovery_cancelled'));
    RAISE EXCEPTION USING MESSAGE = told, ERRCODE = 'TEST1';
EXCEPTION WHEN SQLSTATE 'TEST1' THEN
    RETURN told;
END
$$;
SELECT c.change, test.after(c.statement) FROM (VALUES
    (1, 'nothing', 'SELECT '''''),
    (2, 'a session', 'SELECT test.api(''ann'', ''account_recovery_cancel()'')'),
    (3, 'the link', format('SELECT bastion_api.account_recovery_cancel(%L)', :'token')),
    (4, 'another user', 'SELECT test.api(''bob'', ''account_recovery_cancel()'')'),
    (5, 'nobody', 'SELECT test.ask('''', ''account_recovery_cancel()'')'),
    (6, 'a wrong link', 'SELECT test.ask(''bob'', ''account_recovery_cancel(''''x'''')'')'),
    (7, 'a login with a recovery code', format('SELECT bastion_api.login_mfa(test.challenge(''ann''), NULL, %L) ->> ''error''', jsonb_build_object('code', :'codes'::jsonb -> 0))),
    (8, 'a wrong code', 'SELECT bastion_api.login_mfa(test.challenge(''ann''), NULL, ''{"code": "x"}'') ->> ''error'''),
    (9, 'a step up', format('SELECT test.ask(''ann'', %L)', format('step_up(NULL, %L)', jsonb_build_object('code', :'codes'::jsonb -> 1)))),
    (10, 'the password alone', 'SELECT test.challenge(''ann'') IS NOT NULL'),
    (11, 'a new password', 'SELECT test.ask(''ann'', ''password_change(''''correct horse battery'''', ''''another horse battery'''')'')'),
    (12, 'an operator', 'SELECT bastion.factors_remove(''ann@recovery.example'')')) c (n, change, statement) ORDER BY n;
-- an API key, and a delegate
SELECT test.api('ann', 'api_key_create(''Key'', ''{*}'')') ->> 'key' AS key \gset
SELECT test.ask(:'key', 'account_recovery_cancel()') AS by_a_key;
-- what was cancelled finishes no more, and a new one takes its time
BEGIN;
SELECT test.api('ann', 'account_recovery_cancel()') AS cancelled, test.api('ann', 'account_recovery_cancel()') AS again;
UPDATE bastion.one_time_tokens SET created_at = created_at - interval '2 hours' WHERE purpose = 'account_recovery';
SELECT bastion_api.account_recovery_finish(:'token') ->> 'error' AS cancelled, test.api('ann', 'factors()') -> 'recovery_at' AS shown;
SELECT (a ->> 'ready_at')::timestamptz > now() + interval '71 hours' AS takes_its_time FROM bastion_api.account_recovery_start(test.challenge('ann')) a;
ROLLBACK;

-- It removes every factor, ends sessions, and the password lets in.
UPDATE bastion.one_time_tokens SET created_at = created_at - interval '2 hours' WHERE purpose = 'account_recovery';
SELECT bastion_api.account_recovery_finish(t) ->> 'error' AS refused FROM unnest(ARRAY[NULL, '', 'x', test.mistyped(:'token', 50)]) t;
BEGIN;
UPDATE bastion.users SET email = 'another@recovery.example' WHERE id = test.id_of('ann');
SELECT bastion_api.account_recovery_finish(:'token') ->> 'error' AS another_address;
ROLLBACK;
BEGIN;
UPDATE bastion.users SET status = 'disabled' WHERE id = test.id_of('ann');
SELECT bastion_api.account_recovery_finish(:'token') ->> 'error' AS disabled;
ROLLBACK;
SELECT bastion_api.account_recovery_finish(:'token') AS recovered, bastion_api.account_recovery_finish(:'token') ->> 'error' AS twice;
SELECT (SELECT count(*) FROM bastion.user_factors WHERE user_id = p.id) AS factors, (SELECT count(*) FROM bastion.recovery_codes WHERE user_id = p.id) AS codes,
       (SELECT string_agg(DISTINCT revoked_reason, ' ') FROM bastion.sessions WHERE user_id = p.id) AS sessions, test.ask('ann', 'me()') AS old_token, test.ask(:'key', 'me()') AS key
FROM test.people p WHERE p.name = 'ann';
SELECT bastion_api.login('ann@recovery.example', 'correct horse battery', 'recovery-of-ann') ? 'access_token' AS by_password;
SELECT e.kind, e.outcome, count(*) FROM bastion.events e WHERE e.kind ~ 'recover' AND e.user_id = test.id_of('ann') GROUP BY 1, 2 ORDER BY 1;
SELECT o.kind, count(*) FROM bastion.outbox o WHERE o.user_id = test.id_of('ann') AND o.kind ~ 'factor|recovery' GROUP BY 1 ORDER BY 1;
RESET bastion.outbox;
DELETE FROM bastion.one_time_tokens WHERE address ~ '@recovery.example$';
DELETE FROM bastion.outbox WHERE address ~ '@recovery.example$';
DELETE FROM bastion.tenants t USING test.people p WHERE t.id = p.tenant;
DELETE FROM bastion.users u USING test.people p WHERE u.id = p.id;
DELETE FROM test.people;
DROP FUNCTION test.ask, test.challenge, test.begin, test.mailed, test.after;

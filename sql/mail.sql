-- Mail: one-time tokens, the outbox, and what people do with links and codes. Tokens never appear in this file's output.
\set VERBOSITY terse
SET client_min_messages = warning;
SET bastion.outbox = on;
SET bastion.refused_login_duration = 0;
CREATE VIEW test.tokens AS
SELECT t.purpose, t.address, u.email IS NOT NULL AS known, t.generation, t.used_at IS NULL AS open
FROM bastion.one_time_tokens t LEFT JOIN bastion.users u ON u.id = t.user_id ORDER BY t.created_at, t.id;
CREATE TABLE test.mailed (id bigint, kind text, address text, locale text, payload jsonb, token text, code text, at timestamptz DEFAULT clock_timestamp());
-- The sender takes everything; the newest link or code of a kind for an address.
CREATE FUNCTION test.post() RETURNS TABLE (kind text, address text, what text, payload text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY WITH taken AS (INSERT INTO test.mailed SELECT * FROM bastion.outbox_claim('post', 100) RETURNING *)
        SELECT t.kind, t.address, CASE WHEN t.token ~ '^bst_ot_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$' THEN 'link' WHEN t.code ~ '^\d{6}$' THEN 'code' ELSE 'nothing' END,
               regexp_replace(t.payload::text, '\d{4}-\d\d-\d\dT[^"]*', '#') FROM taken t ORDER BY t.id;
    PERFORM bastion.outbox_done(o.id, 'post') FROM bastion.outbox o WHERE o.claimed_by = 'post';
END
$$;
CREATE FUNCTION test.link(k text, who text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(m.token, m.code) FROM test.mailed m WHERE m.kind = k AND m.address = who || '@mail.example' ORDER BY m.id DESC LIMIT 1 $$;
-- The answer of a function of bastion_api, for a person or without one: the code of its refusal, or the names of its members.
CREATE FUNCTION test.call(who text, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    a jsonb;
BEGIN
    PERFORM set_config('bastion.token', coalesce((SELECT p.token FROM test.people p WHERE p.name = who), ''), true), set_config('bastion.allow_identity_switch', 'on', true);
    EXECUTE 'SELECT bastion_api.' || call INTO a;
    RETURN coalesce(a ->> 'error', (SELECT string_agg(k, ' ' ORDER BY k COLLATE "C") FROM jsonb_object_keys(a) k), a::text);
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE FUNCTION test.signs_up(who text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO test.people (name, id, tenant, token) SELECT who, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, a ->> 'access_token'
    FROM bastion_api.signup(who || '@mail.example', 'correct horse of ' || who, 'Mail of ' || who) a $$;
SELECT test.signs_up(n) FROM unnest(ARRAY['ann', 'ben', 'cat', 'eve']) n;
SELECT * FROM test.post();

-- without an outbox, there is no mail
SET bastion.outbox = off;
SELECT test.call(NULL, c) FROM unnest(ARRAY[$$request_password_reset('ann@mail.example')$$, $$request_login_link('ann@mail.example')$$, $$request_login_code('ann@mail.example')$$,
    $$resend_verification('ann@mail.example')$$, $$email_undo('x')$$]) c;
SELECT test.call('ann', $$email_change('x@mail.example', 'correct horse of ann')$$);
SET bastion.outbox = on;

-- an address is verified by who has both the mail and the login
SELECT test.call(NULL, format('verify_email(%L)', test.link('verify_email', 'ann'))) AS mail_alone, test.call('eve', format('verify_email(%L)', test.link('verify_email', 'ann'))) AS somebody_else,
       test.call('ann', $$verify_email('x')$$) AS login_alone;
SELECT test.call('ann', format('verify_email(%L)', test.link('verify_email', 'ann'))) AS both, test.call('ann', format('verify_email(%L)', test.link('verify_email', 'ann'))) AS again;
SELECT email, email_verified_at IS NOT NULL AS verified FROM bastion.users WHERE email ~ '@mail.example' ORDER BY email;
-- mail goes out once a minute, with the same link; a new one when half of its time has passed
SELECT test.call(NULL, format('resend_verification(%L)', a)) FROM unnest(ARRAY['ben@mail.example', ' BEN@mail.example', 'ann@mail.example', 'nobody@mail.example', 'x', NULL]) a;
SELECT count(*) FROM test.post();
SELECT test.link('verify_email', 'ben') AS first \gset
UPDATE bastion.one_time_tokens SET mailed_at = mailed_at - interval '61 s' WHERE address = 'ben@mail.example';
SELECT test.call(NULL, 'resend_verification(''ben@mail.example'')');
SELECT * FROM test.post();
SELECT test.link('verify_email', 'ben') = :'first' AS same;
UPDATE bastion.one_time_tokens SET expires_at = clock_timestamp() + interval '11 h' WHERE address = 'ben@mail.example';
SELECT test.call(NULL, 'resend_verification(''ben@mail.example'')');
SELECT * FROM test.post();
SELECT test.link('verify_email', 'ben') = :'first' AS same, test.call('ben', format('verify_email(%L)', :'first')) AS old;
SELECT * FROM test.tokens;

-- known and unknown addresses: the same answer and the same writes
CREATE FUNCTION test.writes(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    before text;
    counts text := 'SELECT concat_ws('' '', (SELECT count(*) FROM bastion.one_time_tokens), (SELECT count(*) FROM bastion.outbox), (SELECT count(*) FROM bastion.events))';
    after text;
    answer text;
BEGIN
    EXECUTE counts INTO before;
    answer := test.call(NULL, call);
    EXECUTE counts INTO after;
    RETURN concat_ws(': ', answer, (SELECT string_agg((a::int - b::int)::text, ' ' ORDER BY o) FROM unnest(string_to_array(before, ' '), string_to_array(after, ' ')) WITH ORDINALITY x (b, a, o)));
END
$$;
INSERT INTO bastion.users (email, status) VALUES ('issued@mail.example', 'active'), ('off@mail.example', 'disabled');
SELECT f, string_agg(DISTINCT test.writes(format('%s(%L)', f, a)), ' / ') AS first, string_agg(DISTINCT test.writes(format('%s(%L)', f, a)), ' / ') AS again
FROM unnest(ARRAY['request_password_reset', 'request_login_link', 'request_login_code']) f,
     unnest(ARRAY['ann@mail.example', 'nobody@mail.example', 'issued@mail.example', 'off@mail.example']) a GROUP BY f ORDER BY f;
SELECT test.writes(format('%s(%L)', f, a)) FROM unnest(ARRAY['request_password_reset', 'request_login_link', 'request_login_code', 'resend_verification']) f,
     unnest(ARRAY[NULL, '', 'ann', 'ann@', E'ann@mail.example\nBcc: x@y.example', 'änn@mail.example', repeat('a', 100000) || '@mail.example']) a GROUP BY 1;
SELECT * FROM test.post();

-- a reset: the old password and the sessions end, API keys of a verified account stay
BEGIN;
SELECT bastion.authenticate((SELECT token FROM test.people WHERE name = 'ann')) IS NOT NULL AS ann;
SELECT bastion_api.api_key_create('of ann', '{*}') ? 'key' AS made;
COMMIT;
SELECT test.link('reset_password', 'ann') AS reset, test.link('magic_link', 'ann') AS link, test.link('code', 'ann') AS code \gset
-- everything that is no such token looks alike
SELECT DISTINCT test.call(NULL, format('%s(%L, %L)', f.f, t.t, 'correct horse of ann')) FROM unnest(ARRAY['reset_password', 'login_link']) f (f),
    unnest(ARRAY[NULL, '', 'x', test.mistyped(:'reset', 80), substr(:'reset', 1, 82), :'reset' || 'A', upper(:'reset'), repeat('x', 1000000),
                 test.link('verify_email', 'ann'), 'bst_ot_' || repeat('0', 32) || '_' || repeat('A', 43), 'bsi_' || repeat('A', 43)]) t (t);
SELECT test.call(NULL, format('reset_password(%L, %L)', :'link', 'a new horse')) AS other_purpose, test.call(NULL, format('login_link(%L)', :'reset')) AS other_purpose;
-- a refused password does not use up the link
SELECT test.call(NULL, format('reset_password(%L, %L)', :'reset', p)) FROM unnest(ARRAY['short', NULL, E'a new \n horse']) p;
SELECT test.call(NULL, format('reset_password(%L, %L)', :'reset', 'a new horse of ann')) AS done, test.call(NULL, format('reset_password(%L, %L)', :'reset', 'a new horse of ann')) AS again,
       test.call(NULL, format('login_link(%L)', :'link')) AS its_other_links_ended;
SELECT test.call(NULL, $$login('ann@mail.example', 'correct horse of ann')$$) AS old, test.call(NULL, $$login('ann@mail.example', 'a new horse of ann')$$) AS new;
UPDATE test.people SET token = bastion_api.login('ann@mail.example', 'a new horse of ann') ->> 'access_token' WHERE name = 'ann';
SELECT count(*) FILTER (WHERE revoked_at IS NULL) AS open, count(*) FILTER (WHERE revoked_reason = 'password') AS ended FROM bastion.sessions WHERE user_id = test.id_of('ann');
SELECT revoked_at IS NULL AS key_stays FROM bastion.api_keys WHERE name = 'of ann';
SELECT * FROM test.post();
-- every new password ends the open links
SELECT test.call(NULL, $$request_password_reset('ben@mail.example')$$) AS asked;
SELECT kind, address FROM test.post();
SELECT test.call('ben', $$password_change('correct horse of ben', 'another horse of ben')$$) AS changed, test.call(NULL, format('reset_password(%L, %L)', test.link('reset_password', 'ben'), 'a third horse of ben')) AS by_the_link;
SET bastion.outbox = off;
SELECT test.call('ben', $$password_change('another horse of ben', 'correct horse of ben')$$) AS changed_back;
SET bastion.outbox = on;
SELECT kind, address FROM test.post();

-- expired, and under another pepper
SELECT test.call(NULL, 'request_login_link(''ann@mail.example'')'), count(*) FROM test.post();
UPDATE bastion.one_time_tokens SET mailed_at = mailed_at - interval '61 s';
SELECT test.call(NULL, 'request_login_link(''ann@mail.example'')');
SELECT * FROM test.post();
SELECT test.link('magic_link', 'ann') AS link \gset
UPDATE bastion.one_time_tokens SET expires_at = clock_timestamp(), created_at = clock_timestamp() - interval '1 h' WHERE used_at IS NULL AND purpose = 'magic_link';
SELECT test.call(NULL, format('login_link(%L)', :'link')) AS expired;
SELECT bastion_internal.one_time_derive(t.id, t.purpose, t.user_id, t.address, t.generation, t.expires_at, t.pepper, false) AS link FROM bastion.one_time_tokens t WHERE used_at IS NULL AND purpose = 'magic_link' AND user_id = test.id_of('ann') \gset
SELECT test.call(NULL, format('login_link(%L)', :'link')) AS expired_as_it_is;
SELECT test.call(NULL, 'request_login_link(''ann@mail.example'')');
BEGIN;
SELECT bastion.pepper_create('one_time') > 0 AS made;
SELECT * FROM test.post();
ROLLBACK;
SELECT * FROM test.post();
BEGIN;
SELECT bastion.pepper_create('one_time') > 0 AS made;
SELECT test.call(NULL, format('login_link(%L)', test.link('magic_link', 'ann'))) AS other_pepper;
ROLLBACK;
SELECT test.call(NULL, format('login_link(%L, device => %L)', test.link('magic_link', 'ann'), 'tablet')) AS same_pepper, test.call(NULL, format('login_link(%L)', test.link('magic_link', 'ann'))) AS again;
SELECT level, amr, device FROM bastion.sessions WHERE user_id = test.id_of('ann') ORDER BY created_at DESC LIMIT 1;

-- a member of several tenants names one; the link stays good meanwhile, and a right code is no try
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of('ann'), test.tenant_of('ben'), test.role_of('viewer');
UPDATE bastion.one_time_tokens SET mailed_at = mailed_at - interval '61 s';
SELECT bastion_api.request_login_code('ann@mail.example') ->> 'request' AS request \gset
SELECT count(*) FROM test.post();
SELECT test.link('code', 'ann') AS code, CASE test.link('code', 'ann') WHEN '000000' THEN '000001' ELSE '000000' END AS wrong \gset
SELECT test.call(NULL, format('login_code(%L, %L)', :'request', :'code')), test.call(NULL, format('login_code(%L, %L, %L)', :'request', :'code', 'mail-of-eve')) AS no_member;
SELECT test.call(NULL, format('login_code(%L, %L, %L)', :'request', :'code', 'mail-of-ben'));
DELETE FROM bastion.memberships WHERE user_id = test.id_of('ann') AND tenant_id = test.tenant_of('ben');
-- five tries, which no rollback takes back, then the right code is refused too
SELECT bastion_api.request_login_code('cat@mail.example') ->> 'request' AS request \gset
SELECT count(*) FROM test.post();
SELECT test.link('code', 'cat') AS code, CASE test.link('code', 'cat') WHEN '000000' THEN '000001' ELSE '000000' END AS wrong \gset
SELECT test.call(NULL, format('login_code(%L, %L)', r, c)) FROM unnest(ARRAY[NULL, gen_random_uuid()]) r, unnest(ARRAY[:'code', NULL]) c GROUP BY 1;
BEGIN;
SELECT n, test.call(NULL, format('login_code(%L, %L)', :'request', c)) FROM unnest(ARRAY[:'wrong', '', NULL]) WITH ORDINALITY x (c, n);
ROLLBACK;
SELECT n, test.call(NULL, format('login_code(%L, %L)', :'request', c)) FROM unnest(ARRAY[' ' || :'code', :'code' || '0', :'code']) WITH ORDINALITY x (c, n);
-- another request makes another code, of which nothing is compared before ten minutes have passed
UPDATE bastion.one_time_tokens SET created_at = created_at - interval '1 h', expires_at = clock_timestamp() - interval '1 s', mailed_at = mailed_at - interval '61 s'
WHERE address = 'cat@mail.example' AND purpose = 'code';
SELECT bastion_api.request_login_code('cat@mail.example') ->> 'request' = :'request' AS same_request;
SELECT count(*) FROM test.post();
SELECT test.link('code', 'cat') <> :'code' AS other_code;
SELECT a - 'retry_after' - 'error_description' AS answer, (a ->> 'retry_after')::int BETWEEN 590 AND 600 AS ten_minutes
FROM bastion_api.login_code(:'request', test.link('code', 'cat')) a;
SELECT bastion_internal.throttle_clear('code_of_user', 'user ' || test.id_of('cat')) AS later;
-- An unverified account loses what somebody else may have made: here its password, session, second factor and API key.
BEGIN;
SELECT bastion.authenticate((SELECT token FROM test.people WHERE name = 'cat')) IS NOT NULL AS cat;
SELECT bastion_api.api_key_create('of cat', '{*}') ? 'key' AS made;
COMMIT;
INSERT INTO bastion.user_factors (user_id, kind, name, state) SELECT p.id, 'totp', 'of a stranger', 'suspended' FROM test.people p WHERE p.name = 'cat';
SELECT test.call(NULL, format('login_code(%L, %L)', :'request', test.link('code', 'cat'))) AS later, test.call('cat', 'me()') AS session, test.call(NULL, $$login('cat@mail.example', 'correct horse of cat')$$) AS password;
SELECT revoked_at IS NULL AS key_stays FROM bastion.api_keys WHERE name = 'of cat';
SELECT count(*) AS factors FROM bastion.user_factors f JOIN test.people p ON p.id = f.user_id WHERE p.name = 'cat';

-- A stranger signed up with the address of somebody who is then invited: the account loses the address.
BEGIN;
SELECT bastion.authenticate((SELECT token FROM test.people WHERE name = 'ben')) IS NOT NULL AS ben;
SELECT bastion.invite('Eve@mail.example', 'viewer') ? 'token' AS shown, bastion.invite('fay@mail.example', 'viewer', valid_for => '2 days') ->> 'id' AS fay \gset
SELECT bastion.invite('gil@mail.example', 'viewer') ->> 'id' AS gil \gset
SELECT bastion.invitation_resend(:'fay') AS too_soon, bastion.invitation_resend(gen_random_uuid()) AS unknown;
COMMIT;
SELECT * FROM test.post();
SELECT test.call('ann', format('invitation_accept(token => %L)', test.link('invitation', 'fay'))) AS for_another_address, test.call(NULL, format('reset_password(%L, %L)', test.link('invitation', 'fay'), 'correct horse')) AS other_purpose,
       test.call(NULL, format('signup_invited(%L, %L)', test.link('verify_email', 'eve'), 'correct horse')) AS no_invitation;
SELECT test.call(NULL, format('signup_invited(%L, %L)', test.link('invitation', 'eve'), 'correct horse of the real eve')) AS joins, test.call(NULL, format('signup_invited(%L, %L)', test.link('invitation', 'eve'), 'correct horse')) AS again;
SELECT test.call('eve', 'me()') AS session, test.call(NULL, $$login('eve@mail.example', 'correct horse of eve')$$) AS stranger, test.call(NULL, $$login('eve@mail.example', 'correct horse of the real eve')$$) AS real_eve;
SELECT email, email_verified_at IS NOT NULL AS verified, id = test.id_of('eve') AS stranger FROM bastion.users WHERE email = 'eve@mail.example' OR id = test.id_of('eve') ORDER BY 3;
-- declined by mail, revoked, resent
SELECT test.call(NULL, format('invitation_decline_link(%L)', test.link('invitation', 'gil'))) AS declines, test.call(NULL, format('invitation_decline_link(%L)', test.link('invitation', 'gil'))) AS again;
UPDATE bastion.one_time_tokens SET mailed_at = mailed_at - interval '61 s';
BEGIN;
SELECT bastion.authenticate((SELECT token FROM test.people WHERE name = 'ben')) IS NOT NULL AS ben;
SELECT bastion.invitation_resend(:'fay') AS fay, bastion.invitation_resend(:'gil') AS gil;
COMMIT;
SELECT (test.as_app((SELECT token FROM test.people WHERE name = 'ann'), NULL, NULL, format('SELECT bastion.invitation_resend(%L)', :'fay'))).*;
BEGIN;
SELECT bastion.authenticate((SELECT token FROM test.people WHERE name = 'ben')) IS NOT NULL AS ben;
SELECT bastion.invitation_revoke(:'fay') AS revoked;
COMMIT;
SELECT * FROM test.post();

-- another address: with the password, and confirmed by the same user
SELECT test.call('ben', format('verify_email(%L)', test.link('verify_email', 'ben')));
SELECT test.call('ben', $$email_change('ben2@mail.example', 'wrong')$$) AS wrong, test.call(NULL, $$email_change('ben2@mail.example', 'x')$$) AS nobody, test.call('ben', $$email_change('x', 'correct horse of ben')$$) AS invalid,
       test.call('ben', $$email_change('ben1@mail.example', 'correct horse of ben')$$) AS first, test.call('ben', $$email_change('ann@mail.example', 'correct horse of ben')$$) AS taken;
SELECT * FROM test.post();
SELECT test.call('ben', $$email_change('ben2@mail.example', 'correct horse of ben')$$) AS second;
SELECT * FROM test.post();
SELECT test.call('ben', format('email_change_confirm(%L)', test.link('email_change', 'ben1'))) AS replaced, test.call('ann', format('email_change_confirm(%L)', test.link('email_change', 'ben2'))) AS somebody_else,
       test.call(NULL, format('email_change_confirm(%L)', test.link('email_change', 'ben2'))) AS nobody;
SELECT test.call('ben', format('email_change_confirm(%L)', test.link('email_change', 'ben2'))) AS done, test.call('ben', format('email_change_confirm(%L)', test.link('email_change', 'ben2'))) AS again;
SELECT * FROM test.post();
-- A thief changes it twice, closes the account, and undoes the second change: the owner's link is still good, and the thief's is not.
SELECT test.call('ben', $$email_change('thief@mail.example', 'correct horse of ben')$$);
SELECT count(*) FROM test.post();
SELECT test.call('ben', format('email_change_confirm(%L)', test.link('email_change', 'thief')));
SELECT * FROM test.post();
UPDATE bastion.users SET status = 'deleting', delete_at = now() + interval '30 days' WHERE id = test.id_of('ben');
BEGIN;
SELECT test.call(NULL, format('email_undo(%L)', test.link('email_undo', 'ben2'))) AS second_change, test.call(NULL, format('email_undo(%L)', test.link('email_undo', 'ben'))) AS first_change;
ROLLBACK;
SELECT test.call(NULL, format('email_undo(%L)', test.link('email_undo', 'ben'))) AS first_change, test.call(NULL, format('email_undo(%L)', test.link('email_undo', 'ben2'))) AS second_change,
       test.call(NULL, format('email_undo(%L)', test.link('email_undo', 'ben'))) AS again;
SELECT email, email_verified_at IS NOT NULL AS verified, status, delete_at FROM bastion.users WHERE id = test.id_of('ben');
SELECT test.call('ben', 'me()') AS session, test.call(NULL, $$login('ben@mail.example', 'correct horse of ben')$$) AS password;
SELECT * FROM test.post();
SELECT test.call(NULL, format('reset_password(%L, %L)', test.link('reset_password', 'ben'), 'correct horse of ben')) AS reset;
UPDATE test.people SET token = bastion_api.login('ben@mail.example', 'correct horse of ben') ->> 'access_token' WHERE name = 'ben';

-- the end of an account
SELECT test.call('ben', $$account_delete('wrong')$$) AS wrong, test.call('ben', $$account_delete('correct horse of ben')$$) AS last_owner, test.call(NULL, $$account_delete('x')$$) AS nobody;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of('ann'), test.tenant_of('ben'), test.role_of('owner');
SELECT test.call('ben', $$account_delete('correct horse of ben')$$) AS ben, test.call('ben', 'me()') AS session, test.call(NULL, $$login('ben@mail.example', 'correct horse of ben')$$) AS login;
SELECT * FROM test.post();
SELECT test.call(NULL, format('account_delete_cancel(%L)', test.link('delete_cancel', 'ben'))) AS cancelled, test.call(NULL, format('account_delete_cancel(%L)', test.link('delete_cancel', 'ben'))) AS again,
       test.call(NULL, $$login('ben@mail.example', 'correct horse of ben')$$) AS login;
UPDATE test.people SET token = bastion_api.login('ben@mail.example', 'correct horse of ben') ->> 'access_token' WHERE name = 'ben';
SELECT test.call('ben', $$account_delete('correct horse of ben')$$) AS ben, bastion.users_purge() AS none_due;
UPDATE bastion.users SET delete_at = now() WHERE id = test.id_of('ben');
SELECT bastion.users_purge() AS due;
SELECT (SELECT count(*) FROM bastion.users WHERE id = test.id_of('ben')) AS ben,
       (SELECT count(*) FROM bastion.one_time_tokens WHERE user_id = test.id_of('ben')) + (SELECT count(*) FROM bastion.outbox WHERE user_id = test.id_of('ben')) AS mail;

-- sign-up that makes an account only when the address is verified: the same answer for a taken address, whose owner gets mail
SET bastion.signup_verification = 'required';
SELECT test.writes(format('signup(%L, %L, %L)', a, 'correct horse', 'Required')) FROM unnest(ARRAY['ann@mail.example', 'new@mail.example', 'new@mail.example']) a;
SELECT test.call(NULL, $$signup('new@mail.example', 'short', 'Required')$$), test.call(NULL, $$signup('other@mail.example', 'correct horse', 'Required', 'Name', 'named')$$), test.call(NULL, $$signup('more@mail.example', 'correct horse', 'Required', 'Name', 'named')$$);
SELECT * FROM test.post();
SELECT test.call(NULL, $$login('named', 'correct horse')$$) AS by_name, test.call(NULL, $$login('new@mail.example', 'correct horse')$$) AS by_address;
SELECT test.call(NULL, format('verify_email(%L, %L)', test.link('verify_email', 'new'), p)) FROM unnest(ARRAY['wrong', NULL]) p;
SELECT test.call(NULL, format('verify_email(%L, %L, %L)', test.link('verify_email', 'new'), 'correct horse', 'phone')) AS second_signup, test.call(NULL, $$login('new@mail.example', 'correct horse')$$) AS login;
SELECT test.call(NULL, format('verify_email(%L, %L)', (SELECT token FROM test.mailed WHERE address = 'new@mail.example' ORDER BY id LIMIT 1), 'correct horse')) AS first_signup;
SELECT status, email, username FROM bastion.users u WHERE delete_at IS NOT NULL ORDER BY created_at;
SET bastion.outbox = off;
SELECT test.call(NULL, $$signup('last@mail.example', 'correct horse', 'Required')$$);
SET bastion.outbox = on;
RESET bastion.signup_verification;
UPDATE bastion.users SET delete_at = now() WHERE status = 'pending';
SELECT bastion.users_purge() AS purged;

-- The outbox: leases, retries with growing pauses, the end, and another sender.
SELECT bastion.outbox_clear() >= 0 AS cleared;
UPDATE bastion.one_time_tokens SET mailed_at = mailed_at - interval '61 s';
BEGIN;
SET LOCAL request.headers = '{"accept-language": "pt-BR,pt;q=0.9"}';
SELECT test.call(NULL, 'request_login_link(''ann@mail.example'')');
SET LOCAL request.headers = '{"accept-language": "<b>"}';
SELECT test.call(NULL, 'request_login_code(''ann@mail.example'')');
COMMIT;
SELECT kind, locale, token IS NOT NULL AS token, code IS NOT NULL AS code FROM bastion.outbox_claim('one', 1);
SELECT kind, locale, token IS NOT NULL AS token, code IS NOT NULL AS code FROM bastion.outbox_claim('two');
SELECT kind FROM bastion.outbox_claim('three');
SELECT waiting, claimed, dead, oldest IS NOT NULL AS oldest FROM bastion.outbox_counts();
SELECT o.kind, bastion.outbox_done(o.id, 'two') AS two, bastion.outbox_retry(o.id, 'three', 'x') AS three FROM bastion.outbox o WHERE o.claimed_by = 'one';
SELECT r.again BETWEEN '119 s' AND '2 min' AS one FROM (SELECT bastion.outbox_retry(o.id, 'one', E'450 try\nagain ' || repeat('x', 1000)) - clock_timestamp() AS again FROM bastion.outbox o WHERE o.claimed_by = 'one' OFFSET 0) r;
SELECT attempts, claimed_by, length(error), left(error, 13) FROM bastion.outbox WHERE error IS NOT NULL;
-- the lease of a sender that died
UPDATE bastion.outbox SET claimed_until = now() WHERE claimed_by = 'two';
SELECT kind FROM bastion.outbox_claim('three');
SELECT bastion.outbox_done(o.id, 'two') AS two, bastion.outbox_done(o.id, 'three') AS three, bastion.outbox_done(o.id, 'three') AS again FROM bastion.outbox o WHERE o.claimed_by = 'three';
-- nine failures more
DO $$
DECLARE
    mail bigint := (SELECT id FROM bastion.outbox WHERE done_at IS NULL);
BEGIN
    FOR n IN 2..10 LOOP
        UPDATE bastion.outbox SET available_at = now() WHERE id = mail;
        PERFORM bastion.outbox_claim('one');
        RAISE WARNING '% after %', bastion.outbox_retry(mail, 'one', 'no') - clock_timestamp() > make_interval(mins => (1 << n) - 1), n;
    END LOOP;
END
$$;
SELECT kind FROM bastion.outbox_claim('one');
SELECT waiting, claimed, dead, oldest FROM bastion.outbox_counts();
SELECT bastion.outbox_revive(id) AS revived, bastion.outbox_revive(id) AS again FROM bastion.outbox WHERE dead_at IS NOT NULL;
SELECT kind, token IS NOT NULL AS token FROM bastion.outbox_claim('one');
-- ten leases without an answer
UPDATE bastion.outbox SET attempts = 10, claimed_until = now() WHERE claimed_by = 'one';
SELECT kind FROM bastion.outbox_claim('one');
SELECT dead_at IS NOT NULL AS dead, error FROM bastion.outbox WHERE error IS NOT NULL;
SELECT bastion.outbox_clear() AS cleared, bastion.outbox_clear() AS again;
SELECT test.error(format('SELECT * FROM bastion.outbox_claim(%L, %s, %L)', w, n, l)) FROM (VALUES (NULL, 1, '1 min'), ('', 1, '1 min'), (E'a\nb', 1, '1 min'), ('a', 0, '1 min'), ('a', 101, '1 min'), ('a', 1, '0 s'), ('a', 1, '2 days')) v (w, n, l);
BEGIN READ ONLY;
SELECT test.error(s) FROM unnest(ARRAY['SELECT bastion.outbox_claim(''a'')', 'SELECT bastion.outbox_clear()', 'SELECT bastion_api.request_password_reset(''ann@mail.example'')', 'SELECT bastion_api.reset_password(''x'', ''y'')',
    'SELECT bastion_api.login_code(NULL, NULL)', 'SELECT bastion_api.login_link(NULL)', 'SELECT bastion_api.verify_email(NULL)', 'SELECT bastion_api.account_delete_cancel(NULL)', 'SELECT bastion_api.email_undo(NULL)']) s;
ROLLBACK;
-- the role of the sender holds these and nothing else
CREATE ROLE regress_sender;
SELECT bastion.allow_mailer_role('regress_sender');
SELECT held FROM (SELECT p.oid::regprocedure::text AS held FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname ~ '^bastion' AND has_schema_privilege('regress_sender', n.oid, 'USAGE') AND has_function_privilege('regress_sender', p.oid, 'EXECUTE')) x ORDER BY held COLLATE "C";
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname ~ '^bastion' AND c.relkind IN ('r', 'p', 'v') AND has_any_column_privilege('regress_sender', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES');
SET ROLE regress_sender;
SELECT count(*) FROM bastion.outbox_claim('sender');
SELECT test.error(s) FROM unnest(ARRAY['TABLE bastion.outbox', 'TABLE bastion.one_time_tokens', 'SELECT bastion.outbox_prune()', 'SELECT bastion.users_purge()', 'SELECT bastion_api.request_login_link(''ann@mail.example'')',
    'SELECT bastion_internal.pepper(''one_time'')', 'SET bastion.outbox = off', 'SELECT * FROM bastion.outbox_counts()']) s;
RESET ROLE;
SELECT bastion.disallow_app_role('regress_sender');
DROP ROLE regress_sender;
-- pruning
SELECT test.error(format('SELECT bastion.outbox_prune(%L)', i)) FROM unnest(ARRAY[NULL, '1 h', '-1 d', '101 years']) i;
SELECT bastion.outbox_prune() AS young;
UPDATE bastion.outbox SET done_at = done_at - interval '8 days';
UPDATE bastion.one_time_tokens SET created_at = created_at - interval '60 days', expires_at = expires_at - interval '60 days', used_at = used_at - interval '60 days';
SELECT bastion.outbox_prune() > 0 AS old;
SELECT (SELECT count(*) FROM bastion.outbox) + (SELECT count(*) FROM bastion.one_time_tokens) AS rest;
-- keys that are discarded end every link
SELECT test.call(NULL, 'request_login_link(''ann@mail.example'')');
BEGIN;
SELECT bastion.keys_discard() ? 'data_keys' AS discarded;
SELECT kind, token FROM bastion.outbox_claim('one');
ROLLBACK;
SELECT bastion.outbox_clear();
DELETE FROM bastion.one_time_tokens;
DELETE FROM bastion.tenants WHERE slug ~ '^(mail-of|required)';
DELETE FROM bastion.users WHERE email ~ '@mail.example$' OR email IS NULL;
DROP VIEW test.tokens;
DROP TABLE test.mailed;
DROP FUNCTION test.post, test.link, test.call, test.signs_up, test.writes;
TRUNCATE test.people;

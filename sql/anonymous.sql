-- Anonymous accounts: sign-up, what they cannot do, the conversion in both modes of verification, and their end.
\set VERBOSITY terse
SET client_min_messages = warning;
SET bastion.refused_login_duration = 0;
CREATE FUNCTION test.told(answer jsonb) RETURNS text LANGUAGE sql AS
$$ SELECT coalesce(answer ->> 'error', (SELECT string_agg(k, ' ' ORDER BY k COLLATE "C") FROM jsonb_object_keys(answer) k)) $$;
CREATE FUNCTION test.ask(who text, call text) RETURNS text LANGUAGE sql AS $$ SELECT CASE WHEN a ? 'access_token' THEN 'tokens' ELSE test.told(a) END FROM test.api(who, call) a $$;
CREATE FUNCTION test.anonymous(who text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
    a jsonb := bastion_api.signup_anonymous('Guest ' || who, device => 'phone');
BEGIN
    DELETE FROM test.people WHERE name = who;
    INSERT INTO test.people (name, id, tenant, token) VALUES (who, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, a ->> 'access_token');
    RETURN a ->> 'refresh_token';
END
$$;
INSERT INTO test.people (name, id, tenant, token)
SELECT 'ann', (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, a ->> 'access_token'
FROM bastion_api.signup('ann@anonymous.example', 'correct horse battery', 'Anonymous of Ann', username => 'ann-anonymous') a;

-- off unless it is set, and closed with sign-up
SELECT test.told(bastion_api.signup_anonymous('Guest')) AS off;
SET bastion.anonymous_signup = on;
SET bastion.signup_mode = closed;
SELECT test.told(bastion_api.signup_anonymous('Guest')) AS closed;
RESET bastion.signup_mode;
SELECT test.told(bastion_api.signup_anonymous(t, d)) AS refused FROM (VALUES ('', NULL), (NULL, NULL), (E'a\nb', NULL), (repeat('x', 201), NULL), ('Guest', ''), ('Guest', E'a\nb')) x (t, d);
BEGIN READ ONLY;
SELECT test.error($$SELECT bastion_api.signup_anonymous('Guest')$$), test.error($$SELECT bastion_internal.signup_try()$$);
ROLLBACK;
SET ROLE regress_app;
SELECT test.error('SET bastion.anonymous_signup = off');
SELECT a - '{access_token,refresh_token,expires_at,refresh_expires_in,expires_in}'::text[] #- '{user,id}' #- '{tenant,id}' #- '{tenant,number}' AS guest, a ->> 'access_token' AS token FROM bastion_api.signup_anonymous('Guest of the house', 'Gus', 'phone') a \gset
RESET ROLE;
SELECT :'guest'::jsonb AS guest, test.claims(:'token') ->> 'acr' AS acr, test.claims(:'token') -> 'amr' AS amr;
SELECT anonymous, status, email, username, display_name FROM bastion.users WHERE display_name = 'Gus';
SELECT e.outcome, e.detail FROM bastion.events e JOIN bastion.users u ON u.id = e.user_id WHERE e.kind = 'signup' AND u.display_name = 'Gus';

-- the session has level aal0, which meets no rule, and goes on
SELECT test.anonymous('gus') AS refresh \gset
SELECT test.api('gus', 'me()') ->> 'level' AS level, test.api('gus', 'me()') #>> '{tenant,role}' AS role;
SELECT bastion_api.refresh(:'refresh') AS next \gset
SELECT test.claims(:'next'::jsonb ->> 'access_token') ->> 'acr' AS acr;
-- the lower level of token and session counts
BEGIN;
UPDATE bastion.sessions SET level = 'aal2' WHERE user_id = test.id_of('gus');
SELECT test.api('gus', 'me()') ->> 'level' AS of_the_token;
SELECT set_config('bastion.token', token, true) IS NOT NULL AS ann FROM test.people WHERE name = 'ann';
UPDATE bastion.sessions SET level = 'aal0' WHERE user_id = test.id_of('ann');
SELECT bastion.auth_level() AS of_the_session;
ROLLBACK;
BEGIN;
SELECT bastion.platform_step_up_rule_set('tenant.update', 'aal1', '1 day');
SELECT test.ask('gus', 'tenant_rename(''Other'')') AS by_gus, test.ask('ann', 'tenant_rename(''Other'')') AS by_ann;
ROLLBACK;
SELECT test.ask('gus', 'tenant_rename(''Guest gus'')') AS without_a_rule;

-- what an anonymous user cannot do: second factors, a user name, another address, a password of before, mail
SET bastion.outbox = on;
SELECT c, test.ask('gus', c) AS told FROM unnest(ARRAY['totp_add(''Phone'')', 'profile_update(''{"username": "gus"}'')', 'profile_update(''{"display_name": "Gus"}'')', 'email_change(''gus@anonymous.example'')',
    'password_change(''x'', ''correct horse battery'')', 'request_password_reset(''gus@anonymous.example'')']) c;
SELECT count(*) AS mails_to_gus FROM bastion.outbox WHERE user_id = test.id_of('gus');
RESET bastion.outbox;
-- nobody invites one, by id either
SELECT test.ask('ann', format('member_set(%L, ''viewer'')', test.id_of('gus'))) AS by_id, test.ask('ann', format('member_add(%L, ''viewer'')', test.id_of('gus'))) AS beside, test.ask('ann', format('member_set(%L, ''viewer'')', gen_random_uuid())) AS unknown;
SELECT count(*) AS invitations FROM bastion.invitations WHERE user_id = test.id_of('gus');

-- Conversion: who may not, and with what.
SELECT bastion_api.account_convert('x@anonymous.example', 'correct horse battery') ->> 'error' AS nobody, test.ask('x.y.z', 'account_convert(''x@anonymous.example'', ''correct horse battery'')') AS no_token,
       test.ask('ann', 'account_convert(''x@anonymous.example'', ''correct horse battery'')') AS of_an_account;
SELECT test.api('gus', 'api_key_create(''Key'', ''{*}'')') ->> 'key' AS key \gset
SELECT test.ask(:'key', 'account_convert(''x@anonymous.example'', ''correct horse battery'')') AS by_a_key;
SELECT test.api('gus', format('delegate(%L, ''{*}'')', test.id_of('gus'))) ->> 'access_token' AS delegated \gset
SELECT test.ask(:'delegated', 'account_convert(''x@anonymous.example'', ''correct horse battery'')') AS by_a_delegate;
BEGIN;
SELECT bastion.impersonate(test.id_of('gus')::text, test.tenant_of('gus')::text, 'test', false) IS NOT NULL AS impersonated;
SELECT bastion_api.account_convert('x@anonymous.example', 'correct horse battery') ->> 'error' AS by_an_impersonator;
ROLLBACK;
BEGIN READ ONLY;
SELECT test.error($$SELECT test.api('gus', 'account_convert(''x@anonymous.example'', ''correct horse battery'')')$$);
ROLLBACK;
SELECT e, p, u, test.ask('gus', format('account_convert(%L, %L, %L)', e, p, u)) AS told FROM (VALUES
    ('no address', 'correct horse battery', NULL), ('', 'correct horse battery', 'gus'), (NULL, 'correct horse battery', NULL), (NULL, 'correct horse battery', 'g'), ('g@anonymous.example', 'correct horse battery', 'a b'),
    ('g@anonymous.example', NULL, NULL), ('g@anonymous.example', 'short', NULL), ('g@anonymous.example', E'correct\nhorse battery', NULL), ('g@anonymous.example', 'guest gus guest gus', NULL), ('g@anonymous.example', 'anonymous.example', NULL),
    (' ANN@anonymous.example', 'correct horse battery', NULL), (NULL, 'correct horse battery', 'Ann-Anonymous'), ('g@anonymous.example', 'correct horse battery', 'ann-anonymous')) x (e, p, u);
UPDATE bastion.tenants SET password_min_length = 40 WHERE id = test.tenant_of('gus');
SELECT test.api('gus', 'account_convert(''g@anonymous.example'', ''correct horse battery'')') ->> 'error_description' AS strict_tenant;
UPDATE bastion.tenants SET password_min_length = NULL WHERE id = test.tenant_of('gus');
SET bastion.password_min_length = 15;
SELECT test.api('gus', 'account_convert(''g@anonymous.example'', ''ten chars!'')') ->> 'error_description' AS as_beside_a_factor;
RESET bastion.password_min_length;
SELECT anonymous, email, username, EXISTS (SELECT FROM bastion.user_passwords p WHERE p.user_id = u.id) AS password FROM bastion.users u WHERE id = test.id_of('gus');

-- The same user, tenant and rows; nothing of before lets in, and a session begins. By user name alone:
SELECT test.api('gus', 'account_convert(NULL, ''correct horse battery'', ''Gus'', ''laptop'')') AS answer \gset
SELECT (:'answer'::jsonb #>> '{user,id}')::uuid = test.id_of('gus') AS same_user, (:'answer'::jsonb #>> '{tenant,id}')::uuid = test.tenant_of('gus') AS same_tenant, :'answer'::jsonb #>> '{tenant,role}' AS role,
       :'answer'::jsonb #>> '{user,username}' AS username, test.claims(:'answer'::jsonb ->> 'access_token') ->> 'acr' AS acr;
SELECT revoked_reason, level, device, count(*) FROM bastion.sessions WHERE user_id = test.id_of('gus') GROUP BY 1, 2, 3 ORDER BY 1;
SELECT test.ask('gus', 'me()') AS old_token, bastion_api.refresh(:'next'::jsonb ->> 'refresh_token') ->> 'error' AS old_refresh_token, test.ask(:'key', 'me()') AS old_key, test.ask(:'delegated', 'me()') AS old_delegation;
SELECT test.ask('gus', 'account_convert(''x@anonymous.example'', ''correct horse battery'')') AS twice, test.ask(:'answer'::jsonb ->> 'access_token', 'account_convert(''x@anonymous.example'', ''correct horse battery'')') AS by_the_new_session;
SELECT bastion_api.login('gus', 'correct horse battery') ? 'access_token' AS logged_in, test.ask(:'answer'::jsonb ->> 'access_token', 'totp_add(''Phone'')') AS factor;
SELECT e.outcome, count(*) FROM bastion.events e WHERE e.kind = 'account_converted' AND e.user_id = test.id_of('gus') GROUP BY 1 ORDER BY 1;
-- by address, with a link where there is an outbox
SELECT test.anonymous('hal') IS NOT NULL AS hal;
SET bastion.outbox = on;
SELECT test.ask('hal', 'account_convert(''Hal@anonymous.example'', ''correct horse battery'')') AS told;
SELECT u.email, u.email_verified_at, o.kind FROM bastion.users u LEFT JOIN bastion.outbox o ON o.user_id = u.id WHERE u.id = test.id_of('hal');
-- a ROLLBACK leaves it anonymous
SELECT test.anonymous('ida') IS NOT NULL AS ida;
BEGIN;
SELECT test.ask('ida', 'account_convert(NULL, ''correct horse battery'', ''ida-anonymous'')') AS told;
ROLLBACK;
SELECT test.api('ida', 'me()') ->> 'level' AS level;

-- With bastion.signup_verification, nothing changes before mail has shown the address. The answer is the same for a taken one.
SET bastion.signup_verification = required;
UPDATE bastion.users SET email_verified_at = now() WHERE id = test.id_of('ann');
SELECT test.ask('ida', 'account_convert(NULL, ''correct horse battery'', ''ida-anonymous'')') AS without_address, test.ask('ida', 'account_convert(''ida@anonymous.example'', ''correct horse battery'', ''gus'')') AS taken_name;
SELECT test.api('ida', 'account_convert(''ann@anonymous.example'', ''correct horse battery'')') = test.api('ida', 'account_convert(''ida@anonymous.example'', ''correct horse battery'', ''ida-anonymous'')') AS same_answer;
SELECT c.kind, c.address, c.token IS NOT NULL AS link FROM bastion.outbox_claim('anonymous', 100) c WHERE c.address IN ('ann@anonymous.example', 'ida@anonymous.example') ORDER BY 1;
SELECT test.api('ida', 'me()') ->> 'level' AS level, anonymous, email, username FROM bastion.users WHERE id = test.id_of('ida');
SELECT bastion_api.login('ida-anonymous', 'correct horse battery') ->> 'error' AS by_name, bastion_api.login('ida@anonymous.example', 'correct horse battery') ->> 'error' AS by_address;
-- the last request counts, with its password; the link alone lets nobody in
SELECT test.api('ida', 'account_convert(''ida@anonymous.example'', ''another horse battery'', ''ida-anonymous'')') AS again;
UPDATE bastion.one_time_tokens SET mailed_at = mailed_at - interval '2 minutes' WHERE user_id = test.id_of('ida');
SELECT bastion_api.resend_verification('ida@anonymous.example') AS resent;
SELECT c.token AS link FROM bastion.outbox_claim('anonymous', 100) c WHERE c.address = 'ida@anonymous.example' ORDER BY c.id DESC LIMIT 1 \gset
SELECT bastion_api.verify_email(:'link', p) ->> 'error' AS refused FROM unnest(ARRAY[NULL, '', 'correct horse battery']) p;
SELECT test.ask('ida', format('verify_email(%L)', :'link')) AS with_the_session, test.ask('gus', format('verify_email(%L, ''x'')', :'link')) AS another_user;
-- another user takes the user name meanwhile
BEGIN;
UPDATE bastion.users SET username = 'ida-anonymous' WHERE id = test.id_of('ann');
SELECT bastion_api.verify_email(:'link', 'another horse battery') #> '{user,username}' AS left_out;
ROLLBACK;
-- another user has the address verified meanwhile
BEGIN;
UPDATE bastion.users SET email = 'ida@anonymous.example' WHERE id = test.id_of('ann');
SELECT bastion_api.verify_email(:'link', 'another horse battery') ->> 'error' AS verified_by_another;
SELECT anonymous, email FROM bastion.users WHERE id = test.id_of('ida');
ROLLBACK;
-- the user is disabled meanwhile
BEGIN;
UPDATE bastion.users SET status = 'disabled' WHERE id = test.id_of('ida');
SELECT bastion_api.verify_email(:'link', 'another horse battery') ->> 'error' AS disabled;
ROLLBACK;
-- the user no longer works in the tenant
BEGIN;
UPDATE bastion.tenants SET status = 'suspended' WHERE id = test.tenant_of('ida');
SELECT bastion_api.verify_email(:'link', 'another horse battery') -> 'tenant' AS no_tenant;
ROLLBACK;
SELECT bastion_api.verify_email(:'link', 'another horse battery', 'laptop') AS answer \gset
SELECT (:'answer'::jsonb #>> '{user,id}')::uuid = test.id_of('ida') AS same_user, (:'answer'::jsonb #>> '{tenant,id}')::uuid = test.tenant_of('ida') AS same_tenant, (:'answer'::jsonb -> 'user') - 'id' AS "user";
SELECT test.ask('ida', 'me()') AS old_token, bastion_api.verify_email(:'link', 'another horse battery') ->> 'error' AS twice, bastion_api.login('ida-anonymous', 'another horse battery') ? 'access_token' AS logged_in;
SELECT email_verified_at IS NOT NULL AS verified, anonymous FROM bastion.users WHERE id = test.id_of('ida');
SET bastion.outbox = off;
SELECT test.anonymous('joe') IS NOT NULL AS joe;
SELECT test.error($$SELECT test.api('joe', 'account_convert(''joe@anonymous.example'', ''correct horse battery'')')$$) AS no_outbox;
RESET bastion.signup_verification;
RESET bastion.outbox;

-- sign-ups are counted by network, and no rollback takes one back
BEGIN;
SELECT count(*) FILTER (WHERE bastion_internal.signup_try() = 0) AS accepted FROM (SELECT set_config('bastion.trusted_hops', '1', true), set_config('request.headers', '{"x-forwarded-for": "203.0.113.77"}', true)) s, generate_series(1, 15);
ROLLBACK;
BEGIN;
SELECT set_config('bastion.trusted_hops', '1', true) AS hops, set_config('request.headers', '{"x-forwarded-for": "203.0.113.78"}', true) IS NOT NULL AS address;
SELECT coalesce(bastion_api.signup_anonymous('Guest ' || n) ->> 'error', 'tokens') AS answer, count(*) FROM generate_series(1, 7) n GROUP BY 1 ORDER BY 1;
SELECT a - 'retry_after' AS answer, (a ->> 'retry_after')::int BETWEEN 50 AND 60 AS a_minute FROM bastion_api.signup_anonymous('Guest') a;
ROLLBACK;

-- The end: one whom no session lets in, 30 days after the last one, with the tenants of its own alone
SELECT bastion.users_purge() AS purged;
UPDATE bastion.users SET created_at = now() - interval '31 days' WHERE anonymous;
SELECT bastion.users_purge() AS sessions_let_in;
UPDATE bastion.sessions s SET revoked_at = now(), revoked_reason = 'logout' FROM bastion.users u WHERE u.id = s.user_id AND u.anonymous;
SELECT bastion.users_purge() AS seen_lately;
UPDATE bastion.sessions s SET last_seen_at = now() - interval '31 days', created_at = now() - interval '31 days' FROM bastion.users u WHERE u.id = s.user_id AND u.anonymous;
SELECT count(*) AS anonymous FROM bastion.users WHERE anonymous;
SELECT bastion.membership_force(test.id_of('ann'), test.tenant_of('joe')::text, 'owner') IS NOT NULL AS shared;
SELECT bastion.users_purge() AS purged;
SELECT count(*) AS anonymous FROM bastion.users WHERE anonymous;
SELECT p.name, EXISTS (SELECT FROM bastion.users u WHERE u.id = p.id) AS "user", EXISTS (SELECT FROM bastion.tenants t WHERE t.id = p.tenant) AS tenant FROM test.people p ORDER BY 1;
SELECT count(*) AS recorded FROM bastion.events WHERE kind = 'user_purged' AND user_id = (SELECT id FROM test.people WHERE name = 'joe');
RESET bastion.anonymous_signup;
DELETE FROM bastion.one_time_tokens WHERE address ~ '@anonymous.example$';
DELETE FROM bastion.outbox WHERE address ~ '@anonymous.example$';
DELETE FROM bastion.tenants t USING test.people p WHERE t.id = p.tenant;
DELETE FROM bastion.users u USING test.people p WHERE u.id = p.id;
DELETE FROM test.people;
DROP FUNCTION test.told, test.ask, test.anonymous;

-- Devices that stand in for a second factor: where the tenant lets them, for as long as it says, after a right password, and never for a
-- step-up rule. A session that began like this reaches no other tenant.
\set VERBOSITY terse
SET client_min_messages = warning;
SET bastion.refused_login_duration = 0;
CREATE SCHEMA remember;
INSERT INTO test.people (name, id, tenant, number, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, (a #>> '{tenant,number}')::bigint, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'ben', 'cid']) n, LATERAL bastion_api.signup(n || '@remember.example', 'correct horse battery', 'Remember of ' || n) a;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of('ann'), test.tenant_of(n), test.role_of('owner') FROM unnest(ARRAY['ben', 'cid']) n;
SELECT bastion.resource_register('remember_notes', '{read,write,delete}');
CREATE TABLE remember.notes (id int PRIMARY KEY, tenant_id uuid NOT NULL);
INSERT INTO remember.notes SELECT 1, test.tenant_of('ann') UNION ALL SELECT 2, test.tenant_of('ben');
SELECT count(*) > 0 AS protected FROM bastion.protect('remember.notes', resource => 'remember_notes');
GRANT USAGE ON SCHEMA remember TO regress_app;
GRANT SELECT ON remember.notes TO regress_app;
UPDATE bastion.tenants SET mfa = 'required' WHERE id IN (test.tenant_of('ann'), test.tenant_of('cid'));
INSERT INTO bastion.user_factors (id, user_id, kind, name, state) SELECT '00000000-0000-0000-0000-00000000d001', test.id_of('ann'), 'webauthn', 'Key', 'active';
INSERT INTO bastion.factor_tries (user_id) SELECT test.id_of('ann');
CREATE TABLE remember.codes AS SELECT c FROM jsonb_array_elements_text(bastion_internal.recovery_codes_replace(test.id_of('ann'))) c;
CREATE FUNCTION remember.code() RETURNS jsonb LANGUAGE sql AS $$
    WITH one AS (DELETE FROM remember.codes WHERE c = (SELECT min(c) FROM remember.codes) RETURNING c) SELECT jsonb_build_object('code', c) FROM one
$$;
CREATE FUNCTION remember.login(tenant text, device text, password text DEFAULT 'correct horse battery', who text DEFAULT 'ann') RETURNS jsonb LANGUAGE sql AS
$$ SELECT bastion_api.login(who || '@remember.example', password, tenant, device => 'Laptop', device_token => device) $$;
-- a login with the second factor
CREATE FUNCTION remember.confirm(tenant text, device text, remember boolean) RETURNS jsonb LANGUAGE sql AS
$$ SELECT bastion_api.login_mfa(remember.login(tenant, device) ->> 'challenge', NULL, remember.code(), device, remember) $$;
CREATE FUNCTION remember.told(answer jsonb) RETURNS text LANGUAGE sql AS $$ SELECT coalesce(answer ->> 'error', test.claims(answer ->> 'access_token') ->> 'acr') $$;
CREATE FUNCTION remember.error(token text, call text) RETURNS text LANGUAGE sql AS
$$ SELECT test.value(token, format('SELECT coalesce(x ->> ''error'' || coalesce('' '' || (x ->> ''acr_values''), ''''), ''done'') FROM bastion_api.%s x', call)) $$;
SELECT count(*) AS codes FROM remember.codes;

-- no tenant remembers unless it says so
SELECT remember.confirm('remember-of-ann', '', true) AS answer \gset
SELECT remember.told(:'answer') AS told, :'answer'::jsonb ->> 'device_token' AS device, :'answer'::jsonb ->> 'access_token' AS strong \gset
\echo :told
SELECT remember.told(remember.login('remember-of-ann', :'device')) AS login;
-- who may say so, and for how long
SELECT s, remember.error(:'strong', format('tenant_settings_set(%L)', s)) AS told
FROM unnest(ARRAY['{"mfa_remember": 3599}', '{"mfa_remember": 7776001}', '{"mfa_remember": 0}', '{"mfa_remember": -1}', '{"mfa_remember": "86400"}', '{"mfa_remember": true}', '{"mfa": "off", "mfa_remember": 86400}', '{"mfa": "phishing_resistant", "mfa_remember": 86400}']) s;
SELECT test.value(:'strong', 'bastion_api.api_key_create(''k'', ''{*,tenant.*}'') ->> ''key''') AS key \gset
SELECT remember.error(:'key', 'tenant_settings_set(''{"mfa_remember": 86400}'')') AS by_key;
SELECT test.error(format('UPDATE bastion.tenants SET mfa_remember = ''1 day'' WHERE id = %L', test.tenant_of('ben'))) AS without_mfa;
SELECT test.value(:'strong', 'bastion_api.tenant_settings_set(''{"mfa_remember": 86400}'') #> ''{settings,mfa_remember}''') AS remembers;

-- the password and the device let in, into this tenant
SELECT remember.login('remember-of-ann', :'device') AS answer \gset
SELECT remember.told(:'answer') AS told, test.claims(:'answer'::jsonb ->> 'access_token') -> 'amr' AS amr, s.level, s.remembered_at = d.confirmed_at AS remembered, (SELECT detail FROM bastion.events WHERE kind = 'login' ORDER BY id DESC LIMIT 1) AS event
FROM bastion.sessions s, bastion.user_devices d WHERE s.id = (test.claims(:'answer'::jsonb ->> 'access_token') ->> 'sid')::uuid AND d.user_id = s.user_id;
SELECT :'answer'::jsonb ->> 'device_token' AS device, :'answer'::jsonb ->> 'access_token' AS weak, :'answer'::jsonb ->> 'refresh_token' AS refresh \gset
SELECT remember.told(remember.login(t, :'device')) AS elsewhere, t AS tenant FROM unnest(ARRAY['remember-of-ben', 'remember-of-cid', 'nowhere', NULL]) t;
SELECT remember.told(remember.login('remember-of-ann', :'device', 'wrong')) AS wrong_password, remember.told(remember.login('remember-of-ann', NULL)) AS no_device, remember.told(remember.login('remember-of-ann', '')) AS new_device;
BEGIN;
SELECT remember.told(remember.login('remember-of-ann', left(:'device', -1) || 'x')) AS forged, remember.told(remember.login('remember-of-ann', :'device')) AS unknown_from_then_on;
ROLLBACK;
SELECT bastion_api.login('ben@remember.example', 'correct horse battery', device_token => '') ->> 'device_token' AS device_of_ben \gset
UPDATE bastion.user_devices SET confirmed_at = now() WHERE user_id = test.id_of('ben');
SELECT remember.told(remember.login('remember-of-ann', :'device_of_ben')) AS of_another;

-- what such a session holds, here and elsewhere
CREATE FUNCTION remember.holds(token text, OUT here text, OUT rows text, OUT of_ben text, OUT in_ben text, OUT in_cid text, OUT own text) LANGUAGE sql AS $$
    SELECT test.value(token, 'bastion.has_permission(''remember_notes.read'')'), test.value(token, 'SELECT string_agg(id::text, '' '') FROM remember.notes'), test.value(token, format('bastion.can_in_tenant(''remember_notes.read'', %L)', test.tenant_of('ben'))),
           test.value(token, 'bastion.has_permission(''remember_notes.read'')', 'remember-of-ben'), test.value(token, 'bastion.has_permission(''remember_notes.read'')', 'remember-of-cid'), test.value(token, 'bastion.has_permission(''own.secrets.read'')', 'remember-of-ben')
$$;
SELECT 'strong' AS session, h.* FROM remember.holds(:'strong') h UNION ALL SELECT 'weak', h.* FROM remember.holds(:'weak') h;
SELECT test.value(:'weak', 'bastion.require_permission(''remember_notes.read'')', t) AS told FROM unnest(ARRAY['remember-of-ann', 'remember-of-ben', 'remember-of-cid']) t;
SELECT t, test.value(:'weak', 'SELECT string_agg(e.kind || '' '' || e.subject || '' -> '' || e.effect, ''; '' ORDER BY e.step) FROM bastion.explain_member_access((SELECT bastion.user_id()), ''remember_notes.read'') e WHERE e.kind IN (''step-up rule'', ''verdict'')', t) AS explained FROM unnest(ARRAY['remember-of-ann', 'remember-of-ben', 'remember-of-cid']) t;
-- no step-up rule is met by it, and it makes nothing that outlives it
SELECT bastion.platform_step_up_rule_set('remember_notes.write'), bastion.platform_step_up_rule_set('remember_notes.delete', 'aal1', '1 hour');
SELECT test.value(:'weak', 'bastion.require_permission(''remember_notes.write'')') AS aal2, test.value(:'weak', 'bastion.require_permission(''remember_notes.delete'')') AS aal1, test.value(:'strong', 'bastion.require_permission(''remember_notes.write'')') AS confirmed;
SELECT bastion.platform_step_up_rule_set('remember_notes.*', 'aal2');
SELECT test.value(:'weak', 'bastion.has_permission(''remember_notes.read'')') AS covered_by_a_pattern;
SELECT count(bastion.platform_step_up_rule_remove('remember_notes.' || p)) AS rules FROM unnest(ARRAY['write', 'delete', '*']) p;
SELECT split_part(c, '(', 1) AS function, remember.error(:'weak', c) AS told FROM unnest(ARRAY['api_key_create(''k'', ''{*}'')', 'tenant_settings_set(''{"mfa": "off"}'')', 'tenant_settings_set(''{"mfa_remember": 7776000}'')', 'tenant_settings_set(''{"idle_limit": 3600}'')',
    'totp_add()', 'factor_remove(''00000000-0000-0000-0000-00000000d001'')', 'recovery_codes_renew()', format('delegate(%L, ''{*}'', offline => true)', test.id_of('ben'))]) c;
SELECT test.value(test.value(:'weak', format('bastion_api.delegate(%L, ''{*}'') ->> ''access_token''', test.id_of('ben'))), 'bastion.has_permission(''remember_notes.read'')') AS delegated;
-- in another tenant it is the same session
SELECT bastion_api.tenant_switch(:'refresh', 'remember-of-ben') ->> 'error' AS without_a_rule;
SELECT bastion_api.tenant_switch(:'refresh', 'remember-of-cid') AS answer \gset
SELECT :'answer'::jsonb ->> 'access_token' AS switched \gset
SELECT test.value(:'switched', 'bastion.has_permission(''remember_notes.read'')') AS switched, test.value(:'switched', 'SELECT count(*) FROM remember.notes') AS rows, test.value(:'switched', 'bastion.require_permission(''remember_notes.read'')') AS told;
SELECT bastion_api.refresh(:'answer'::jsonb ->> 'refresh_token') ->> 'access_token' AS refreshed \gset
SELECT test.value(:'refreshed', 'bastion.has_permission(''remember_notes.read'')') AS refreshed;
SELECT x ->> 'access_token' AS stepped FROM (SELECT test.value(:'refreshed', format('bastion_api.step_up(NULL, %L)', remember.code()))::jsonb) s (x) \gset
SELECT bastion_api.tenant_switch(r, 'remember-of-ben') ? 'access_token' AS switched_then FROM (SELECT bastion_api.refresh(:'answer'::jsonb ->> 'refresh_token') ->> 'refresh_token') s (r);
SELECT test.value(:'stepped', 'bastion.has_permission(''remember_notes.read'')') AS stepped_up, test.value(:'refreshed', 'bastion.has_permission(''remember_notes.read'')') AS older_token;

-- how long
SELECT remember.login('remember-of-ann', :'device') AS answer \gset
SELECT :'answer'::jsonb ->> 'device_token' AS device, :'answer'::jsonb ->> 'access_token' AS weak \gset
SELECT test.value(:'weak', 'bastion.has_permission(''remember_notes.read'')') AS held;
UPDATE bastion.tenants SET mfa_remember = '1 hour' WHERE id = test.tenant_of('ann');
SELECT test.value(:'weak', 'bastion.has_permission(''remember_notes.read'')') AS within_an_hour;
UPDATE bastion.sessions SET remembered_at = remembered_at - interval '61 minutes' WHERE id = (test.claims(:'weak') ->> 'sid')::uuid;
SELECT test.value(:'weak', 'bastion.require_permission(''remember_notes.read'')') AS after_an_hour;
UPDATE bastion.tenants SET mfa_remember = '2 hours' WHERE id = test.tenant_of('ann');
SELECT test.value(:'weak', 'bastion.has_permission(''remember_notes.read'')') AS within_two;
UPDATE bastion.user_devices SET confirmed_at = confirmed_at - interval '121 minutes' WHERE user_id = test.id_of('ann');
SELECT remember.told(remember.login('remember-of-ann', :'device')) AS after_two;
UPDATE bastion.user_devices SET confirmed_at = confirmed_at + interval '121 minutes' WHERE user_id = test.id_of('ann');
-- the tenant changes its mind: at once, also for sessions that began before
BEGIN;
SELECT test.value(:'strong', 'bastion_api.tenant_settings_set(''{"mfa_remember": null}'') #> ''{settings,mfa_remember}''') AS remembers;
SELECT test.value(:'weak', 'bastion.has_permission(''remember_notes.read'')') AS held, remember.told(remember.login('remember-of-ann', :'device')) AS login;
ROLLBACK;
BEGIN;
SELECT test.value(:'strong', 'bastion_api.tenant_settings_set(''{"mfa": "off"}'') -> ''settings'' ->> ''mfa_remember''') AS remembers;
SELECT test.value(:'weak', 'bastion.require_permission(''remember_notes.read'')') AS without_mfa, remember.told(remember.login('remember-of-ann', :'device')) AS login;
ROLLBACK;
BEGIN;
UPDATE bastion.tenants SET mfa = 'phishing_resistant', mfa_remember = NULL WHERE id = test.tenant_of('ann');
SELECT test.value(:'weak', 'bastion.require_permission(''remember_notes.read'')') AS with_passkeys, remember.told(remember.login('remember-of-ann', :'device')) AS login;
ROLLBACK;
SELECT test.value(:'weak', 'bastion.has_permission(''remember_notes.read'')') AS still;

-- what makes the device unknown ends it, in the sessions too
CREATE FUNCTION remember.after(token text, device text, call text, OUT told text, OUT held text, OUT elsewhere text, OUT login text) LANGUAGE plpgsql AS $$
BEGIN
    told := remember.error((SELECT t FROM remember.strong), call);
    held := test.value(token, 'bastion.has_permission(''remember_notes.read'')');
    elsewhere := test.value(token, 'bastion.has_permission(''remember_notes.read'')', 'remember-of-ben');
    login := remember.told(remember.login('remember-of-ann', device));
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN NULL;
END
$$;
CREATE TABLE remember.strong AS SELECT :'strong' AS t;
SELECT id AS device_id FROM bastion.user_devices WHERE user_id = test.id_of('ann') AND confirmed_at IS NOT NULL \gset
SELECT n.what, a.* FROM (VALUES (1, 'this device', format('device_revoke(%L)', :'device_id')), (2, 'no device', 'device_revoke(NULL)'), (3, 'an unknown one', format('device_revoke(%L)', gen_random_uuid())), (4, 'other factors', 'recovery_codes_renew()'), (5, 'nothing', 'devices()'), (6, 'other sessions', 'logout(''others'')')) n (i, what, c), LATERAL remember.after(:'weak', :'device', c) a ORDER BY i;
SELECT jsonb_agg(d ? 'confirmed_at' AND d -> 'confirmed_at' <> 'null') AS shown FROM jsonb_array_elements(test.value(:'strong', 'bastion_api.devices()')::jsonb -> 'devices') d;
BEGIN;
-- a thief used the token before its owner
SET LOCAL bastion.refresh_reuse_window = 0;
SELECT remember.login('remember-of-ann', :'device') ->> 'device_token' AS next \gset
SELECT remember.told(remember.login('remember-of-ann', :'device')) AS replayed, remember.told(remember.login('remember-of-ann', :'next')) AS owner, test.value(:'weak', 'bastion.has_permission(''remember_notes.read'')') AS held;
ROLLBACK;
-- of more than 20 devices the one used longest ago goes: if it was remembered, like a revoked one
BEGIN;
INSERT INTO bastion.user_devices (user_id, hash, last_used_at) SELECT test.id_of('ann'), sha256(n::text::bytea), now() - interval '1 day' FROM generate_series(1, 30) n;
SELECT remember.told(remember.confirm('remember-of-ann', '', false)) AS another_one, (SELECT count(*) FROM bastion.user_devices WHERE user_id = test.id_of('ann')) AS devices, test.value(:'weak', 'bastion.has_permission(''remember_notes.read'')') AS held;
UPDATE bastion.user_devices SET last_used_at = now() - interval '2 days' WHERE id = :'device_id';
SELECT remember.told(remember.confirm('remember-of-ann', '', false)) AS another_one, (SELECT count(*) FROM bastion.user_devices WHERE user_id = test.id_of('ann')) AS devices, test.value(:'weak', 'bastion.has_permission(''remember_notes.read'')') AS held,
       remember.told(remember.login('remember-of-ann', :'device')) AS login;
ROLLBACK;

-- only what was asked for is remembered, also where the tenant is chosen after the factor
SELECT remember.confirm('remember-of-ann', '', false) ->> 'device_token' AS plain \gset
SELECT remember.told(remember.login('remember-of-ann', :'plain')) AS not_wanted;
SELECT bastion_api.login_mfa(remember.login(NULL, '') ->> 'challenge', NULL, remember.code(), '', r) AS answer FROM unnest(ARRAY[NULL::boolean]) r \gset
SELECT remember.told(:'answer') AS told, bastion_api.login_tenant(:'answer'::jsonb ->> 'challenge', 'remember-of-ann', '') ->> 'device_token' AS chosen \gset
\echo :told
SELECT remember.told(remember.login('remember-of-ann', :'chosen')) AS not_wanted;
SELECT bastion_api.login_mfa(remember.login(NULL, '') ->> 'challenge', NULL, remember.code(), '', true) AS answer \gset
SELECT bastion_api.login_tenant(:'answer'::jsonb ->> 'challenge', 'remember-of-ann', '') ->> 'device_token' AS chosen \gset
SELECT remember.told(remember.login('remember-of-ann', :'chosen')) AS wanted;
-- without a device there is nothing to remember, and a second factor that is presented is not skipped
SELECT remember.told(bastion_api.login_mfa(remember.login('remember-of-ann', NULL) ->> 'challenge', NULL, remember.code(), NULL, true)) AS no_device;
SELECT remember.told(bastion_api.login_mfa(remember.login('remember-of-ann', NULL) ->> 'challenge', NULL, '{"code": "wrong"}', :'device', true)) AS wrong_code;
-- a user without a factor has a session of one factor, which the tenant's rule withholds from
SELECT bastion_internal.session_begin(test.id_of('ben'), test.tenant_of('ann'), NULL, NULL, '{pwd}', (SELECT id FROM bastion.user_devices WHERE user_id = test.id_of('ben'))) ? 'access_token' AS entered, (SELECT count(*) FROM bastion.sessions WHERE user_id = test.id_of('ben') AND remembered_at IS NOT NULL) AS remembered;
SELECT bastion_internal.session_begin(test.id_of('ann'), test.tenant_of('ann'), NULL, NULL, '{pwd}', (SELECT id FROM bastion.user_devices WHERE user_id = test.id_of('ben'))) ->> 'error' AS device_of_another;
DELETE FROM bastion.tenants t USING test.people p WHERE t.id = p.tenant;
DELETE FROM bastion.users u USING test.people p WHERE u.id = p.id;
DELETE FROM bastion.permissions WHERE resource = 'remember_notes';
TRUNCATE test.people;
DROP SCHEMA remember CASCADE;

-- Rules that only a passkey meets: step-up rules of the level phr, and tenants whose mfa is phishing_resistant. No code of an
-- authenticator or of recovery meets them, and neither does an API key or a delegation.
\set VERBOSITY terse
SET client_min_messages = warning;
SET bastion.refused_login_duration = 0;
CREATE SCHEMA phr;
INSERT INTO test.people (name, id, tenant, number, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, (a #>> '{tenant,number}')::bigint, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'ben']) n, LATERAL bastion_api.signup(n || '@phr.example', 'correct horse battery', 'Phr of ' || n) a;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of('ben'), test.tenant_of('ann'), test.role_of('owner');
SELECT bastion.resource_register('phr_papers', '{read,write}');
CREATE TABLE phr.papers (id int PRIMARY KEY, tenant_id uuid NOT NULL);
INSERT INTO phr.papers SELECT 1, test.tenant_of('ann');
SELECT count(*) > 0 AS protected FROM bastion.protect('phr.papers', resource => 'phr_papers');
GRANT USAGE ON SCHEMA phr TO regress_app;
GRANT SELECT ON phr.papers TO regress_app;
-- sessions by the methods of their logins
CREATE FUNCTION phr.login(name text, amr text[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO test.sessions SELECT name, a ->> 'access_token', (test.claims(a ->> 'access_token') ->> 'sid')::uuid
    FROM bastion_internal.session_begin(test.id_of('ann'), test.tenant_of('ann'), NULL, NULL, amr) a;
$$;
SELECT phr.login('password', '{pwd}'), phr.login('code', '{pwd,otp,mfa}'), phr.login('issuer', '{fed,mfa}'), phr.login('second', '{pwd,pop,mfa}'), phr.login('passkey', '{pop,user,mfa}');
SELECT t.name, test.claims(t.token) ->> 'acr' AS acr, s.level, s.phishing_resistant_at = s.authenticated_at AS phishing_resistant FROM test.sessions t JOIN bastion.sessions s ON s.id = t.sid ORDER BY t.name;
CREATE FUNCTION phr.all(expression text, OUT password text, OUT code text, OUT issuer text, OUT second text, OUT passkey text) LANGUAGE sql AS $$
    SELECT test.value('password', expression), test.value('code', expression), test.value('issuer', expression), test.value('second', expression), test.value('passkey', expression)
$$;
SELECT * FROM phr.all('bastion.auth_level()');
SELECT test.value('passkey', 'bastion_api.api_key_create(''before'', ''{*,tenant.*}'') ->> ''key''') AS key, test.value('passkey', format('bastion_api.delegate(%L, ''{*}'') ->> ''access_token''', test.id_of('ben'))) AS delegated \gset

-- a rule of the tenant
SELECT test.value('passkey', format('bastion.step_up_rule_set(''phr_papers.read'', %L)', l)) AS error FROM unnest(ARRAY['PHR', 'phrhx', 'aal3', 'aal2 phr', '']) l;
SELECT test.value('password', 'bastion.step_up_rule_set(''phr_papers.read'', ''phr'')');
SELECT * FROM phr.all('bastion.has_permission(''phr_papers.read'')');
SELECT * FROM phr.all('bastion.require_permission(''phr_papers.read'')');
SELECT * FROM phr.all('SELECT count(*) FROM phr.papers');
SELECT * FROM phr.all('bastion.has_permission(''phr_papers.write'')');
SELECT test.value(:'key', 'bastion.has_permission(''phr_papers.read'')') AS key, test.value(:'key', 'bastion.require_permission(''phr_papers.read'')') AS key_told, test.value(:'delegated', 'bastion.has_permission(''phr_papers.read'')') AS delegated, test.value(:'delegated', 'bastion.require_permission(''phr_papers.read'')') AS delegated_told;
SELECT * FROM phr.all('(bastion_api.step_up_rules() #> ''{rules,0}'') - ''of_operator''::text');
SELECT * FROM phr.all('SELECT string_agg(e.detail || '' -> '' || e.effect, ''; '') FROM bastion.explain_member_access((SELECT bastion.user_id()), ''phr_papers.read'') e WHERE e.kind IN (''step-up rule'', ''verdict'')');
SELECT DISTINCT m.permission, m.level, m.max_age FROM bastion.permission_matrix('phr-of-ann') m WHERE m.permission ~ '^phr_' ORDER BY 1;
-- those who do not meet it change nothing
SELECT test.value(w, 'bastion.step_up_rule_set(''phr_papers.read'', ''aal2'', ''1 hour'')') AS weaker, test.value(w, 'bastion.step_up_rule_remove(''phr_papers.read'')') AS removed FROM unnest(ARRAY['password', 'code', 'issuer']) w;
-- two rules: the client is asked for what meets both
SELECT test.value('passkey', 'bastion.step_up_rule_set(''phr_papers.*'', ''aal2'', ''30 minutes'')'), test.value('code', 'bastion.require_permission(''phr_papers.read'')') AS read, test.value('password', 'bastion.require_permission(''phr_papers.write'')') AS write;
SELECT test.api(t.token, 'tenant_settings()') ? 'settings' AS other_permissions FROM test.sessions t WHERE t.name = 'password';
SELECT test.value('passkey', 'bastion.step_up_rule_remove(''phr_papers.*'')') AS removed;

-- how fresh: a code after a passkey does not renew what the passkey proved
SELECT test.value('passkey', 'bastion.step_up_rule_set(''phr_papers.read'', ''phr'', ''5 minutes'')'), test.value('passkey', 'bastion.step_up_rule_set(''phr_papers.write'', ''aal2'', ''5 minutes'')');
SELECT test.value('passkey', 'bastion.has_permission(''phr_papers.read'')') AS read, test.value('passkey', 'bastion.has_permission(''phr_papers.write'')') AS write;
UPDATE bastion.sessions SET phishing_resistant_at = now() - interval '6 minutes' WHERE id = (SELECT sid FROM test.sessions WHERE name = 'passkey');
SELECT test.value('passkey', 'bastion.has_permission(''phr_papers.read'')') AS read, test.value('passkey', 'bastion.has_permission(''phr_papers.write'')') AS write, test.value('passkey', 'bastion.require_permission(''phr_papers.read'')') AS told;
UPDATE bastion.sessions SET phishing_resistant_at = now() - interval '4 minutes' WHERE id = (SELECT sid FROM test.sessions WHERE name = 'passkey');
SELECT test.value('passkey', 'bastion.has_permission(''phr_papers.read'')') AS read;
-- an older token gains nothing, and a token alone proves nothing
UPDATE bastion.sessions SET phishing_resistant_at = now() WHERE id = (SELECT sid FROM test.sessions WHERE name = 'code');
SELECT test.value('code', 'bastion.has_permission(''phr_papers.read'')') AS older_token;
UPDATE bastion.sessions SET phishing_resistant_at = NULL WHERE id IN (SELECT sid FROM test.sessions WHERE name IN ('code', 'second'));
SELECT test.value('second', 'bastion.has_permission(''phr_papers.read'')') AS without_session, test.value('second', 'bastion.auth_level()') AS level;
UPDATE bastion.sessions SET phishing_resistant_at = authenticated_at WHERE id = (SELECT sid FROM test.sessions WHERE name = 'second');
-- the level of two factors ends, and this with it
SELECT test.error(format('UPDATE bastion.sessions SET level = ''aal1'' WHERE id = %L', sid)) AS together FROM test.sessions WHERE name = 'passkey';
SELECT a ->> 'refresh_token' AS refresh FROM bastion_internal.session_begin(test.id_of('ann'), test.tenant_of('ann'), NULL, NULL, '{pop,user,mfa}') a \gset
SELECT a ->> 'refresh_token' AS refresh, test.claims(a ->> 'access_token') ->> 'acr' AS acr FROM bastion_api.refresh(:'refresh') a \gset
\echo :acr
UPDATE bastion.sessions SET authenticated_at = now() - interval '25 hours', phishing_resistant_at = now() - interval '25 hours' WHERE id = (SELECT session_id FROM bastion.refresh_tokens WHERE hash = bastion_internal.refresh_token_hash(:'refresh'));
SELECT a ->> 'access_token' AS token FROM bastion_api.refresh(:'refresh') a \gset
SELECT test.claims(:'token') ->> 'acr' AS acr, test.claims(:'token') -> 'amr' AS amr, test.value(:'token', 'bastion.has_permission(''phr_papers.read'')') AS read;
SELECT test.value('passkey', 'bastion.step_up_rule_remove(''phr_papers.read'')') AS removed, test.value('passkey', 'bastion.step_up_rule_remove(''phr_papers.write'')') AS removed_too;

-- a tenant that requires it of everybody
SELECT test.value('passkey', format('bastion_api.tenant_settings_set(%L) ->> ''error''', s)) AS error FROM unnest(ARRAY['{"mfa": "phr"}', '{"mfa": "PHISHING_RESISTANT"}', '{"mfa": ["phishing_resistant"]}', '{"mfa": true}']) s;
SELECT test.value(:'key', 'bastion_api.tenant_settings_set(''{"mfa": "phishing_resistant"}'') ->> ''error''') AS by_key;
SELECT test.value('code', 'bastion_api.tenant_settings_set(''{"mfa": "phishing_resistant"}'') #>> ''{settings,mfa}''') AS mfa;
SELECT * FROM phr.all('bastion.has_permission(''phr_papers.read'')');
SELECT * FROM phr.all('SELECT count(*) FROM phr.papers');
SELECT * FROM phr.all('bastion.has_permission(''own.secrets.read'')');
SELECT * FROM phr.all('bastion.require_permission(''phr_papers.read'')');
SELECT test.value(w, 'bastion_api.tenant_settings_set(''{"mfa": "off"}'') - ''error_description''') AS off, test.value(w, 'bastion_api.api_key_create(''k'', ''{*}'') - ''error_description''') AS made, test.value(w, 'bastion.step_up_rule_set(''phr_papers.read'', ''aal1'', ''1 day'')') AS rule FROM unnest(ARRAY['password', 'code', 'issuer']) w;
SELECT test.value(:'key', 'bastion.has_permission(''phr_papers.read'')') AS key_of_before, test.value(:'delegated', 'bastion.has_permission(''phr_papers.read'')') AS delegated;
SELECT DISTINCT m.level FROM bastion.permission_matrix('phr-of-ann') m;
-- of a member who works in another tenant, too
SELECT test.value((SELECT token FROM test.people WHERE name = 'ben'), format('bastion.can_in_tenant(''phr_papers.read'', %L)', test.tenant_of('ann'))) AS from_elsewhere;
SELECT test.value('passkey', 'bastion_api.tenant_settings_set(''{"mfa": "required"}'') #>> ''{settings,mfa}''') AS mfa, test.value('code', 'bastion.has_permission(''phr_papers.read'')') AS code, test.value('password', 'bastion.has_permission(''phr_papers.read'')') AS password;
SELECT test.error(format('UPDATE bastion.tenants SET mfa = ''phr'' WHERE id = %L', test.tenant_of('ann')));
UPDATE bastion.tenants SET mfa = 'off' WHERE id = test.tenant_of('ann');
SELECT bastion.platform_step_up_rule_set('phr_papers.write', 'phr');
SELECT * FROM phr.all('bastion.has_permission(''phr_papers.write'')');
SELECT bastion.platform_step_up_rule_remove('phr_papers.write');
DELETE FROM bastion.tenants t USING test.people p WHERE t.id = p.tenant;
DELETE FROM bastion.users u USING test.people p WHERE u.id = p.id;
DELETE FROM bastion.permissions WHERE resource = 'phr_papers';
TRUNCATE test.people, test.sessions;
DROP SCHEMA phr CASCADE;

-- Step-up rules: a permission whose rule is not met is not held, wherever it is asked for; and tenants that require a second factor.
\set VERBOSITY terse
SET client_min_messages = warning;
SET bastion.refused_login_duration = 0;
CREATE SCHEMA rules;
INSERT INTO test.people (name, id, tenant, number, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, (a #>> '{tenant,number}')::bigint, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'ben', 'cid', 'dan']) n, LATERAL bastion_api.signup(n || '@rules.example', 'correct horse battery', 'Rules of ' || n) a;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of('ann'), test.tenant_of('ben'), test.role_of('owner');
SELECT bastion.resource_register('rule_docs', '{read,write,delete}');
CREATE TABLE rules.docs (id int PRIMARY KEY, tenant_id uuid NOT NULL);
INSERT INTO rules.docs SELECT 1, test.tenant_of('ann') UNION ALL SELECT 2, test.tenant_of('ben');
SELECT count(*) > 0 AS protected FROM bastion.protect('rules.docs', resource => 'rule_docs');
GRANT USAGE ON SCHEMA rules TO regress_app;
-- a session of one factor, and one of two
INSERT INTO test.sessions SELECT 'aal1', p.token, (test.claims(p.token) ->> 'sid')::uuid FROM test.people p WHERE p.name = 'ann';
INSERT INTO test.sessions SELECT 'aal2', a ->> 'access_token', (test.claims(a ->> 'access_token') ->> 'sid')::uuid
FROM bastion_internal.session_begin(test.id_of('ann'), test.tenant_of('ann'), NULL, NULL, '{pwd,otp,mfa}') a;
CREATE FUNCTION rules.both(expression text) RETURNS TABLE (aal1 text, aal2 text) LANGUAGE sql AS $$ SELECT test.value('aal1', expression), test.value('aal2', expression) $$;
GRANT SELECT ON rules.docs TO regress_app;
CREATE VIEW rules.asked AS
SELECT a.n, a.what, b.* FROM (VALUES
    (1, 'has_permission(write)', 'bastion.has_permission(''rule_docs.write'')'), (2, 'has_permission(read)', 'bastion.has_permission(''rule_docs.read'')'),
    (3, 'require_permission(write)', 'bastion.require_permission(''rule_docs.write'')'), (4, 'permissions()', 'SELECT string_agg(p, '' '' ORDER BY p COLLATE "C") FROM bastion.permissions() p WHERE p ~ ''^rule_docs'''),
    (5, 'rows', 'SELECT string_agg(d.id::text, '' '') FROM rules.docs d'), (6, 'tenant_set(read)', 'cardinality(bastion.tenant_set(''rule_docs.read''))'), (7, 'tenant_set(write)', 'cardinality(bastion.tenant_set(''rule_docs.write''))'),
    (8, 'can_in_tenant(write)', format('bastion.can_in_tenant(''rule_docs.write'', %L)', test.tenant_of('ann'))), (9, 'can_in_tenant(write), elsewhere', format('bastion.can_in_tenant(''rule_docs.write'', %L)', test.tenant_of('ben'))),
    (11, 'acl_set(delete)', 'cardinality(bastion.acl_set(''rule_docs.delete'')) > 0'), (12, 'acl_set(write)', 'cardinality(bastion.acl_set(''rule_docs.write'')) > 0'), (13, 'can_by_acl(write)', format('bastion.can_by_acl(''rule_docs.write'', (SELECT t.acl_id FROM bastion.tenants t WHERE t.id = %L))', test.tenant_of('ann'))),
    (10, 'own.secrets.read', 'bastion.has_permission(''own.secrets.read'')')) a (n, what, expression), LATERAL rules.both(a.expression) b;
SELECT * FROM rules.asked ORDER BY n;

-- a rule of the tenant
SELECT test.value('aal1', 'bastion.step_up_rule_set(''rule_docs.write'')');
SELECT * FROM rules.asked ORDER BY n;
-- it is taken away by those who meet it
SELECT test.value('aal1', 'bastion.step_up_rule_remove(''rule_docs.write'')') AS removed, test.value('aal1', 'bastion.step_up_rule_set(''rule_docs.write'', ''aal1'', ''1 day'')') AS weaker;
-- what is not held is not passed on, and one who never had it is told so
SELECT * FROM rules.both(format('bastion.permission_grant(%L, ''rule_docs.write'')', test.id_of('ann')));
SELECT * FROM rules.both('bastion.role_create(''writers'') IS NOT NULL');
SELECT * FROM rules.both('bastion.role_permission_add(''writers'', ''rule_docs.*'')');
SELECT test.value('aal2', format('bastion.permission_remove(%L, ''rule_docs.write'')', test.id_of('ann'))), test.value('aal2', format('bastion.permission_deny(%L, ''rule_docs.write'')', test.id_of('ann')));
SELECT * FROM rules.both('bastion.require_permission(''rule_docs.write'')');
DELETE FROM bastion.user_permissions WHERE user_id = test.id_of('ann');
SELECT * FROM rules.both('bastion.require_permission(''nothing.read'')');
-- an API key holds nothing that a rule covers
INSERT INTO test.sessions SELECT 'key', test.value('aal2', 'SELECT bastion_api.api_key_create(''a key'', ''{*,tenant.*}'') ->> ''key''');
SELECT test.value('key', 'bastion.has_permission(''rule_docs.write'')') AS write, test.value('key', 'bastion.has_permission(''rule_docs.read'')') AS read, test.value('key', 'bastion.require_permission(''rule_docs.write'')') AS required;
SELECT test.value('aal2', 'bastion.step_up_rule_remove(''rule_docs.write'')') AS removed, test.value('aal2', 'bastion.step_up_rule_remove(''rule_docs.write'')') AS again, test.value('key', 'bastion.has_permission(''rule_docs.write'')') AS key_again;

-- what is read is a permission as others
SELECT test.value('aal1', 'bastion.step_up_rule_set(''rule_docs.read'')'), test.value('aal2', 'bastion.step_up_rule_set(''rule_docs.read'', ''aal2'', ''1 day'')');
SELECT * FROM rules.asked WHERE n IN (2, 5) ORDER BY n;
SELECT test.value('aal2', 'bastion.step_up_rule_remove(''rule_docs.read'')') AS removed;

-- a rule of every tenant, with an age
SELECT bastion.platform_step_up_rule_set('rule_docs.*', 'aal1', '10 minutes');
SELECT * FROM rules.asked WHERE n IN (1, 2, 5) ORDER BY n;
BEGIN;
UPDATE bastion.sessions s SET authenticated_at = now() - interval '11 minutes' WHERE s.user_id = test.id_of('ann');
SELECT * FROM rules.asked ORDER BY n;
-- the tenant adds to it, and the strictest of all counts
SELECT test.value('aal2', 'bastion.step_up_rule_set(''*.write'', ''aal2'', ''2 minutes'')');
SELECT * FROM rules.asked WHERE n = 3;
ROLLBACK;
SELECT test.value('aal2', 'bastion.step_up_rule_remove(''rule_docs.*'')') AS rule_of_the_operator, bastion.platform_step_up_rule_remove('rule_docs.*'), bastion.platform_step_up_rule_remove('rule_docs.*') AS again;
-- functions of bastion_api say what they need
BEGIN;
SELECT bastion.platform_step_up_rule_set('tenant.update', 'aal2', '5 minutes');
SELECT * FROM rules.both('bastion_api.tenant_rename(''New name'') - ''tenant''');
SELECT * FROM rules.both('bastion.session_settings_set()');
ROLLBACK;
-- another tenant's rule counts there
BEGIN;
INSERT INTO bastion.step_up_rules (tenant_id, permission, level) VALUES (test.tenant_of('ben'), 'rule_docs.write', 'aal2');
SELECT * FROM rules.asked ORDER BY n;
ROLLBACK;

-- private rows of other members, which resource.manage opens, and rows that other tenants share: with a member, and with a stranger
CREATE TABLE rules.files (id int PRIMARY KEY, tenant_id uuid NOT NULL, owner_id uuid);
SELECT count(*) > 0 AS protected FROM bastion.protect('rules.files', resource => 'rule_files', owner_column => 'owner_id', sharing => 'cross_tenant', visibility => 'owner');
GRANT SELECT ON rules.files TO regress_app;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of('ben'), test.tenant_of('ann'), test.role_of('viewer');
INSERT INTO rules.files (id, tenant_id, owner_id, acl_id)
SELECT f.id, test.tenant_of(f.tenant), test.id_of(f.owner), bastion_internal.member_acl(test.id_of(f.owner), test.tenant_of(f.tenant))
FROM (VALUES (1, 'ann', 'ann'), (2, 'ann', 'ben'), (3, 'ben', 'ben'), (4, 'cid', 'cid')) f (id, tenant, owner);
INSERT INTO test.sessions SELECT p.name, p.token FROM test.people p WHERE p.name IN ('ben', 'cid');
SELECT test.value(s.owner, format('bastion.share(''rules.files'', %L, with_user => %L::uuid, level => ''write'')', s.key, test.id_of('ann'))) AS shared FROM (VALUES ('ben', 3), ('cid', 4)) s (owner, key);
INSERT INTO test.sessions SELECT 'reader', test.value('aal2', 'SELECT bastion_api.api_key_create(''a reader'', ''{rule_files.read,rule_files.update}'') ->> ''key''');
INSERT INTO test.sessions SELECT 'manager', test.value('aal2', 'SELECT bastion_api.api_key_create(''a manager'', ''{rule_files.read,rule_files.manage}'') ->> ''key''');
INSERT INTO test.sessions SELECT 'actor', test.value('aal1', format('bastion_api.delegate(%L, ''{rule_files.read}'') ->> ''access_token''', test.id_of('ben')));
CREATE VIEW rules.reached AS
SELECT w.who, test.value(w.who, 'bastion.has_permission(''rule_files.manage'')') AS manages, test.value(w.who, 'SELECT string_agg(f.id::text, '' '' ORDER BY f.id) FROM rules.files f') AS files,
       test.value(w.who, 'SELECT string_agg(f.id::text, '' '' ORDER BY f.id) FROM rules.files f WHERE bastion.can_by_acl_anywhere(''rule_files.update'', f.acl_id)') AS updates
FROM unnest(ARRAY['aal1', 'aal2', 'reader', 'manager', 'actor']) w (who);
-- a key or delegation reaches rows of its tenant, and those of others where it covers manage
SELECT * FROM rules.reached;
-- a rule for manage: who does not hold it reaches their own rows, and shares those of others no more
SELECT test.value('aal1', 'bastion.step_up_rule_set(''rule_files.manage'')');
SELECT * FROM rules.reached WHERE who IN ('aal1', 'aal2', 'manager');
SELECT b.* FROM rules.both(format('SELECT string_agg(concat_ws('' '', e.kind, e.effect), '', '' ORDER BY e.step) FROM bastion.explain_member_access(%L::uuid, ''rule_files.read'', ''rules.files'', ''2'') e WHERE e.kind IN (''manage'', ''verdict'')', test.id_of('ann'))) b;
SELECT * FROM rules.both(format('bastion.share(''rules.files'', ''2'', with_user => %L::uuid)', test.id_of('cid')));
-- one for reading, of the tenant of the session: it counts for every row
SELECT test.value('aal1', 'bastion.step_up_rule_set(''rule_files.read'')');
SELECT * FROM rules.reached WHERE who IN ('aal1', 'aal2', 'reader');
SELECT test.value('aal2', 'bastion.step_up_rule_remove(''rule_files.read'')') AS read, test.value('aal2', 'bastion.step_up_rule_remove(''rule_files.manage'')') AS manage;
-- those of the tenants that share rows, the stranger's first, and a second factor that they require
INSERT INTO bastion.step_up_rules (tenant_id, permission, level) VALUES (test.tenant_of('cid'), 'rule_files.*', 'aal2');
SELECT * FROM rules.reached WHERE who IN ('aal1', 'aal2');
INSERT INTO bastion.step_up_rules (tenant_id, permission, level) VALUES (test.tenant_of('ben'), 'rule_files.update', 'aal2');
SELECT * FROM rules.reached WHERE who IN ('aal1', 'aal2');
DELETE FROM bastion.step_up_rules WHERE permission ~ '^rule_files';
UPDATE bastion.tenants SET mfa = 'required' WHERE id IN (test.tenant_of('ben'), test.tenant_of('cid'));
SELECT * FROM rules.reached WHERE who IN ('aal1', 'aal2');
-- in a parallel worker, with a rule for manage too
SELECT test.value('aal1', 'bastion.step_up_rule_set(''rule_files.manage'')');
BEGIN;
SELECT test.present(t.token) FROM test.sessions t WHERE t.name = 'aal1';
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL enable_indexscan = off;
SET LOCAL enable_bitmapscan = off;
SET LOCAL ROLE regress_app;
SELECT test.gathers('SELECT f.id FROM rules.files f');
SELECT string_agg(f.id::text, ' ' ORDER BY f.id) AS files FROM rules.files f;
ROLLBACK;
SELECT test.value('aal2', 'bastion.step_up_rule_remove(''rule_files.manage'')') AS manage;
UPDATE bastion.tenants SET mfa = 'off' WHERE id IN (test.tenant_of('ben'), test.tenant_of('cid'));
SELECT * FROM rules.reached WHERE who IN ('aal1', 'aal2');

-- a role in every tenant: the rules of each count there, from the moment that they exist
INSERT INTO bastion.roles (name) VALUES ('rules_support');
INSERT INTO bastion.role_permissions SELECT r.id, 'rule_docs.read' FROM bastion.roles r WHERE r.name = 'rules_support';
SELECT bastion.platform_role_set(test.id_of('ann'), 'rules_support');
CREATE VIEW rules.elsewhere AS
SELECT b.* FROM unnest(ARRAY['bastion.can_in_tenant(''rule_docs.read'', %1$L)', '%1$L::uuid = ANY (bastion.tenant_set(''rule_docs.read''))']) e, LATERAL rules.both(format(e, test.tenant_of('dan'))) b;
SELECT * FROM rules.elsewhere;
INSERT INTO bastion.step_up_rules (tenant_id, permission, level) VALUES (test.tenant_of('dan'), 'rule_docs.read', 'aal2');
SELECT * FROM rules.elsewhere;
DELETE FROM bastion.step_up_rules WHERE tenant_id = test.tenant_of('dan');
SELECT * FROM rules.elsewhere;
UPDATE bastion.tenants SET mfa = 'required' WHERE id = test.tenant_of('dan');
SELECT * FROM rules.elsewhere;
DELETE FROM bastion.platform_roles WHERE user_id = test.id_of('ann');
DELETE FROM bastion.roles WHERE name = 'rules_support';

-- a tenant that requires a second factor
SELECT test.value('aal1', 'bastion_api.tenant_settings_set(''{"mfa": "required"}'') #> ''{settings,mfa}''') AS set;
SELECT * FROM rules.asked ORDER BY n;
SELECT test.value('key', 'bastion.has_permission(''rule_docs.write'')') AS key, test.value('aal1', '(SELECT jsonb_agg(p) FROM jsonb_array_elements_text(bastion_api.me() -> ''permissions'') p WHERE p ~ ''^(rule_docs|own|tenant)[.]'')') AS permissions;
SELECT * FROM rules.both('bastion_api.tenant_settings_set(''{"mfa": "off"}'') - ''settings''');
-- a member enrols, and confirms
SELECT test.value('aal1', 'bastion_api.totp_add() ? ''secret''') AS enrols, test.value('aal1', 'bastion_api.tenants() ? ''tenants''') AS tenants;
UPDATE bastion.tenants SET mfa = 'required' WHERE id = test.tenant_of('ann');
SELECT * FROM rules.asked WHERE n = 3;
UPDATE bastion.sessions SET level = 'aal2' WHERE user_id = test.id_of('ann');
SELECT test.value('aal1', 'bastion.has_permission(''rule_docs.write'')') AS older_token_of_a_confirmed_session;
UPDATE bastion.tenants SET mfa = 'off' WHERE id = test.tenant_of('ann');
SELECT * FROM rules.asked WHERE n = 1;
SELECT test.value('aal2', format('bastion_api.tenant_settings_set(%L) ->> ''error''', s)) AS error FROM unnest(ARRAY['{"mfa": "x"}', '{"mfa": 1}', '{"mfa": true}', '{"mfa": null}']) s;

-- who may manage the tenant sees its rules and those of the operator, and which the session meets
BEGIN;
SELECT test.value('aal2', 'bastion.step_up_rule_set(''rule_docs.write'', ''aal2'', ''1 hour'')'), bastion.platform_step_up_rule_set('rule_docs.*', 'aal1', '1 day'), test.value('aal2', 'bastion.step_up_rule_set(''rule_docs.*'')');
INSERT INTO bastion.step_up_rules (tenant_id, permission, level) VALUES (test.tenant_of('ben'), 'rule_docs.read', 'aal2');
SELECT w, r.* FROM unnest(ARRAY['aal1', 'aal2']) w, LATERAL jsonb_to_recordset(test.value(w, 'bastion_api.step_up_rules()')::jsonb -> 'rules') r (permission text, level text, max_age integer, of_operator boolean, met boolean);
SELECT test.value(w, 'bastion_api.step_up_rules() ->> ''error''') FROM unnest(ARRAY['nobody', 'key']) w;
SELECT test.value('aal2', 'bastion.step_up_rule_set(''tenant.update'')'), test.value('aal1', 'bastion_api.step_up_rules() ->> ''error''') AS withheld;
ROLLBACK;

-- Every function of bastion_api, called by an owner whose session proves too little for anything: each answers, and none raises.
CREATE TABLE rules.calls (call text PRIMARY KEY);
INSERT INTO rules.calls SELECT format(c, test.id_of('ben'), gen_random_uuid()) FROM unnest(ARRAY[
    'account_convert(NULL, NULL)', 'account_delete(NULL)', 'account_delete_cancel(NULL)', 'account_recovery_cancel(NULL)', 'account_recovery_finish(NULL)', 'account_recovery_start(NULL)',
    'api_key_create(''a key'', ''{rule_docs.read}'')', 'api_key_disable(%2$L)', 'api_key_revoke(%2$L)', 'api_key_rotate(%2$L)', 'api_keys()', 'delegate(%1$L, ''{rule_docs.read}'', offline => true)',
    'delegation_revoke(%2$L)', 'delegations()', 'device_rename(%2$L, ''x'')', 'device_revoke(%2$L)', 'devices()', 'email_change(NULL, NULL)', 'email_change_confirm(NULL)', 'email_undo(NULL)',
    'factor_remove(%2$L)', 'factor_rename(%2$L, ''x'')', 'factors()', 'id_token_options(NULL)', 'identity_link(NULL)', 'identity_links()', 'identity_unlink(NULL, NULL)', 'invitation_accept(%2$L::uuid)', 'invitation_accept(''x''::text)', 'invitation_decline(%2$L)', 'invitation_decline_link(NULL)',
    'invitations()', 'login(NULL, NULL)', 'login_code(NULL, NULL)', 'login_id_token(NULL, NULL)', 'login_link(NULL)', 'login_mfa(NULL, NULL, NULL)', 'login_tenant(NULL, NULL)', 'logout()', 'me()',
    'member_add(%1$L, ''admin'')', 'member_remove(%1$L)', 'member_set(%1$L, ''admin'')', 'members()', 'my_invitations()', 'passkey_add()', 'passkey_confirm(NULL, NULL)', 'passkey_login(NULL, NULL)', 'passkey_login_options()', 'passkey_options()',
    'password_change(NULL, NULL)', 'profile_update(''{}'')', 'recovery_codes_renew()', 'refresh(NULL)', 'request_login_code(NULL)', 'request_login_link(NULL)', 'request_password_reset(NULL)', 'resend_verification(NULL)', 'reset_password(NULL, NULL)', 'schema()',
    'session_rename(%2$L, ''x'')', 'session_revoke(%2$L)', 'sessions()', 'signup(NULL, NULL, NULL)', 'signup_anonymous(NULL)', 'signup_invited(NULL, NULL)', 'step_up(NULL, ''{}'')', 'step_up_rules()', 'tenant_create(NULL)', 'tenant_delete(''x'')', 'tenant_delete_cancel(NULL)',
    'tenant_leave()', 'tenant_rename(''x'')', 'tenant_settings()', 'tenant_settings_set(''{}'')', 'tenant_switch(NULL, NULL)', 'tenant_transfer(%1$L)', 'tenants()', 'token(NULL)', 'token_revoke(NULL)', 'totp_add()', 'totp_confirm(%2$L, ''x'')',
    'unit_create(''team'', ''x'')', 'unit_delete(''rules-north'')', 'unit_rename(''rules-north'', ''x'')', 'units()', 'verify_email(NULL)']) c;
CREATE VIEW rules.uncalled AS
SELECT coalesce(p.name, c.name) AS name, p.functions, c.calls FROM (SELECT proname::text AS name, count(*) AS functions FROM pg_proc WHERE pronamespace = 'bastion_api'::regnamespace GROUP BY 1) p
FULL JOIN (SELECT split_part(c.call, '(', 1) AS name, count(*) AS calls FROM rules.calls c GROUP BY 1) c USING (name) WHERE p.functions IS DISTINCT FROM c.calls;
TABLE rules.uncalled;
-- what a call answers, in a subtransaction that is rolled back, and what the schema of its function says
CREATE FUNCTION rules.answers(who text, call text, OUT error text, OUT needs text, OUT status text, OUT header text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('response.status', '', true);
    needs := test.value(who, 'bastion_api.' || call);
    IF needs ~ '^[{]' THEN
        error := needs::jsonb ->> 'error';
        needs := nullif(concat_ws(' ', needs::jsonb ->> 'acr_values', needs::jsonb ->> 'max_age'), '');
    END IF;
    status := current_setting('response.status');
    header := jsonb_path_query_first(current_setting('response.headers')::jsonb, '$[*]."WWW-Authenticate"') #>> '{}';
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN NULL;
END
$$;
CREATE VIEW rules.asked_for_more AS
SELECT c.call, a.* FROM rules.calls c, LATERAL rules.answers('stale', c.call) a WHERE a.error = 'insufficient_user_authentication' OR a.needs ~ '^[A-Z0-9]{5} ?';
CREATE VIEW rules.otherwise_in_schema AS
SELECT coalesce(a.name, s.name) AS name, a.name IS NULL AS only_in_schema FROM (SELECT split_part(a.call, '(', 1) AS name FROM rules.asked_for_more a) a
FULL JOIN (SELECT s.key AS name FROM jsonb_each(bastion_api.schema()) s WHERE s.value::text ~ 'insufficient_user_authentication') s USING (name) WHERE a.name IS NULL OR s.name IS NULL;
BEGIN;
SET LOCAL bastion.outbox = on;
INSERT INTO test.sessions SELECT 'stale', a ->> 'access_token', (test.claims(a ->> 'access_token') ->> 'sid')::uuid
FROM bastion_internal.session_begin(test.id_of('ann'), test.tenant_of('ann'), NULL, NULL, '{pwd}') a;
INSERT INTO bastion.units (tenant_id, kind, name, slug) SELECT test.tenant_of('ann'), 'team', 'North', 'rules-north';
UPDATE bastion.sessions SET authenticated_at = now() - interval '1 day' WHERE id = (SELECT sid FROM test.sessions WHERE name = 'stale');
UPDATE bastion.tenants SET mfa = 'required' WHERE id = test.tenant_of('ann');
INSERT INTO bastion.step_up_rules (tenant_id, permission, level, max_age) VALUES (test.tenant_of('ann'), 'tenant.*', 'aal2', '5 minutes');
SELECT split_part(a.call, '(', 1) AS name, a.error, a.needs, a.status, a.header FROM rules.asked_for_more a ORDER BY a.call COLLATE "C";
TABLE rules.otherwise_in_schema;
-- the checks bite
CREATE FUNCTION bastion_api.planted() RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN PERFORM bastion.require_permission('tenant.update'); RETURN '{}'; END $$;
GRANT EXECUTE ON FUNCTION bastion_api.planted() TO regress_app;
TABLE rules.uncalled;
INSERT INTO rules.calls VALUES ('planted()');
SELECT * FROM rules.asked_for_more WHERE call = 'planted()';
ROLLBACK;
-- a right that is passed on and that a rule withholds in part; one that is not held either is missing first
BEGIN;
INSERT INTO bastion.step_up_rules (tenant_id, permission, level) VALUES (test.tenant_of('ann'), 'rule_docs.write', 'aal2');
SELECT a.* FROM rules.answers('aal1', format('member_set(%L, ''admin'')', test.id_of('ben'))) a;
SELECT test.value('aal1', 'bastion.role_create(''rule_readers'') IS NOT NULL') AS made, test.value('aal1', 'bastion.role_permission_add(''rule_readers'', ''rule_docs.write'')') AS withheld,
       test.value('aal2', format('bastion.permission_deny(%L, ''rule_files.read'')', test.id_of('ann'))) AS denied;
INSERT INTO bastion.role_permissions SELECT r.id, p FROM bastion.roles r, unnest(ARRAY['rule_docs.write', 'rule_files.read']) p WHERE r.name = 'rule_readers' AND r.tenant_id = test.tenant_of('ann');
SELECT a.* FROM rules.answers('aal1', format('member_set(%L, ''rule_readers'')', test.id_of('ben'))) a;
SELECT test.value('aal1', format('bastion.membership_set(%L::uuid, ''rule_readers'')', test.id_of('ben')));
ROLLBACK;

-- invalid rules, and who may make them
SELECT test.value('aal2', 'bastion.step_up_rule_set(' || a || ')') FROM unnest(ARRAY['''x''', 'NULL', '''rule_docs.read'', ''aal3''', '''rule_docs.read'', NULL', '''rule_docs.read'', ''aal1''', '''rule_docs.read'', ''aal2'', ''59 s''', '''rule_docs.read'', ''aal2'', ''367 days''']) a;
SELECT test.value('nobody', 'bastion.step_up_rule_set(''rule_docs.read'')') AS nobody, test.value('key', 'bastion.step_up_rule_set(''rule_docs.read'')') AS key, test.value('aal2', 'bastion.platform_step_up_rule_set(''rule_docs.read'')') AS of_every_tenant;
BEGIN;
INSERT INTO bastion.step_up_rules (tenant_id, permission, level) SELECT test.tenant_of('ann'), 'r' || n || '.read', 'aal2' FROM generate_series(1, 100) n;
SELECT test.value('aal2', 'bastion.step_up_rule_set(''rule_docs.read'')') AS too_many;
ROLLBACK;
SELECT kind, detail, tenant_id IS NULL AS everywhere FROM bastion.events WHERE kind ~ 'step_up_rule' AND (tenant_id = test.tenant_of('ann') OR tenant_id IS NULL AND detail ->> 'permission' ~ '^rule_') ORDER BY id;
DROP TABLE rules.docs, rules.files;
DELETE FROM bastion.tenants WHERE slug IN ('rules-of-ann', 'rules-of-ben', 'rules-of-cid', 'rules-of-dan');
SELECT count(*) AS rules_left FROM bastion.step_up_rules;
DELETE FROM bastion.users WHERE id IN (test.id_of('ann'), test.id_of('ben'), test.id_of('cid'), test.id_of('dan'));
DELETE FROM test.people;
DELETE FROM test.sessions;
DROP SCHEMA rules CASCADE;

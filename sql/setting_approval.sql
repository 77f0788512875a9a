-- Changes of settings that another person approves, and settings as JSON.
\set VERBOSITY terse
SET client_min_messages = warning;
INSERT INTO test.people (name, id, tenant, token)
SELECT n, (a -> 'user' ->> 'id')::uuid, (a -> 'tenant' ->> 'id')::uuid, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'ben', 'cat']) n, LATERAL bastion_api.signup(n || '@approval.example', 'correct horse', 'Approval of ' || n, initcap(n)) a;
SELECT count(bastion.membership_force(test.id_of(n), test.tenant_of('ann')::text, 'admin')) FROM unnest(ARRAY['ben', 'cat']) n;
UPDATE test.people SET token = bastion_api.login(name || '@approval.example', 'correct horse', test.tenant_of('ann')::text) ->> 'access_token' WHERE name IN ('ben', 'cat');
CREATE SCHEMA appr;
CREATE FUNCTION appr.request(who text, arguments text) RETURNS uuid LANGUAGE sql AS $$ SELECT test.answer_to(who, 'bastion.setting_request(' || arguments || ')')::uuid $$;
SELECT test.answer(test.people.token, $$bastion_api.api_key_create('key', '{tenant.settings.*}') ->> 'key'$$) AS ann_key FROM test.people WHERE name = 'ann' \gset
SELECT test.answer_to('ben', format($$bastion_api.delegate('%s', '{tenant.settings.*}') ->> 'access_token'$$, test.id_of('ann'))) AS ann_for_ben,
       test.answer_to('ann', format($$bastion_api.delegate('%s', '{tenant.settings.*}') ->> 'access_token'$$, test.id_of('ben'))) AS ben_for_ann \gset

-- four eyes, in each environment of the key
SELECT test.answer_to('ann', $$bastion.setting_put('pay.limit', '100')$$), test.answer_to('ann', $$bastion.setting_update('pay.limit', four_eyes => true)$$);
SELECT c, test.answer_to('ann', 'bastion.' || c) FROM unnest(ARRAY[$$setting_put('pay.limit', '200')$$, $$setting_put('pay.limit', '200', environment => 'production')$$, $$setting_seal('pay.limit', 'x')$$, $$setting_rollback('pay.limit', 1)$$,
    $$setting_update('pay.limit', four_eyes => false)$$, $$setting_version_delete('pay.limit')$$, $$setting_version_destroy('pay.limit', '{1}')$$, $$setting_delete('pay.limit')$$,
    $$setting_import('{"format": "pg_bastion.settings/1", "settings": [{"key": "pay.limit", "value": 200}]}')$$]) c;
SELECT test.error($$SELECT bastion.setting_put_for(test.tenant_of('ann')::text, 'pay.limit', '200')$$) AS operator;
SELECT appr.request('ann', $$'pay.limit', 'put', '{"value": 200}', reason => 'a larger customer'$$) AS request \gset
-- not by the requester: in person, by an API key, by a delegation in either way, under impersonation
SELECT test.answer_to('ann', format('bastion.setting_approve(%L)', :'request')) AS person, test.answer(:'ann_key', format('bastion.setting_approve(%L)', :'request')) AS key,
       test.answer(:'ann_for_ben', format('bastion.setting_approve(%L)', :'request')) AS ann_for_ben, test.answer(:'ben_for_ann', format('bastion.setting_approve(%L)', :'request')) AS ben_for_ann;
BEGIN;
SELECT bastion.authenticate(token) IS NOT NULL AS ann FROM test.people WHERE name = 'ann';
SELECT bastion.impersonate(test.id_of('ben')::text, test.tenant_of('ann')::text, 'a test', false) IS NOT NULL AS impersonates;
SELECT test.error(format('SELECT bastion.setting_approve(%L)', :'request'));
ROLLBACK;
BEGIN;
SELECT bastion.impersonate(test.id_of('ben')::text, test.tenant_of('ann')::text, 'a test', false) IS NOT NULL AS by_nobody_known;
SELECT test.error(format('SELECT bastion.setting_approve(%L)', :'request'));
ROLLBACK;
SELECT test.answer_to('ann', $$bastion.setting_integer('pay.limit')$$) AS still;
-- but by another person
SELECT test.answer_to('ben', format('bastion.setting_approve(%L, %L)', :'request', 'checked')) AS version;
SELECT test.answer_to('ann', $$bastion.setting_integer('pay.limit')$$) AS now;
SELECT test.answer_to('cat', format('bastion.setting_approve(%L)', :'request')) AS again, test.answer_to('cat', format('bastion.setting_reject(%L)', :'request')) AS reject, test.answer_to('cat', 'bastion.setting_approve(gen_random_uuid())') AS unknown, test.answer_to('cat', 'bastion.setting_approve(NULL)') AS nothing;
SELECT action, reason, request_id = :'request' AS approved, actor_id = test.id_of('ben') AS by_ben FROM bastion.setting_changes c WHERE c.key = 'pay.limit' AND c.version = 2;
SELECT state, decided_by = test.id_of('ben') AS by_ben, decision_reason, requested_by = test.id_of('ann') AS of_ann FROM bastion.change_requests WHERE id = :'request';
-- who requests by a key, by a delegation or under impersonation is the same person afterwards
SELECT test.answer(:'ann_key', $$bastion.setting_request('pay.limit', 'put', '{"value": 300}')$$) AS by_key, test.answer(:'ann_for_ben', $$bastion.setting_request('pay.limit', 'put', '{"value": 300}')$$) AS by_delegation \gset
BEGIN;
SELECT bastion.authenticate(token) IS NOT NULL AS ann FROM test.people WHERE name = 'ann';
SELECT bastion.impersonate(test.id_of('ben')::text, test.tenant_of('ann')::text, 'a test', false) IS NOT NULL AS impersonates;
SELECT bastion.setting_request('pay.limit', 'put', '{"value": 300}') AS impersonated \gset
COMMIT;
SELECT test.answer_to('ann', format('bastion.setting_approve(%L)', :'by_key')) AS key, test.answer_to('ann', format('bastion.setting_approve(%L)', :'by_delegation')) AS delegation, test.answer_to('ben', format('bastion.setting_approve(%L)', :'by_delegation')) AS delegator,
       test.answer_to('ann', format('bastion.setting_approve(%L)', :'impersonated')) AS impersonator, test.answer_to('ben', format('bastion.setting_approve(%L)', :'impersonated')) AS impersonated;
SELECT test.answer_to('cat', format('bastion.setting_approve(%L)', :'by_delegation')) AS cat;
-- what was asked of an older version is not done
SELECT test.answer_to('cat', format('bastion.setting_approve(%L)', :'by_key')) AS outdated;
SELECT test.answer_to('ann', format('bastion.setting_reject(%L)', :'by_key')) AS withdrawn, test.answer_to('ben', format('bastion.setting_reject(%L, %L)', :'impersonated', 'no')) AS rejected;
-- the other actions
SELECT a, test.answer_to('ben', format('bastion.setting_approve(%L)', appr.request('ann', a)))
FROM unnest(ARRAY[$$'pay.limit', 'rollback', '{"version": 1}'$$, $$'pay.limit', 'version_delete', '{"versions": [1, 2]}'$$, $$'pay.limit', 'version_undelete', '{"versions": [1]}'$$, $$'pay.limit', 'version_destroy', '{"versions": [1]}'$$,
    $$'pay.limit', 'update', '{"category": "money", "validator": {"maximum": 1000}}'$$, $$'pay.limit', 'put', '{"value": 1000}', 'production'$$, $$'pay.limit', 'seal', '{"value": "attack at dawn"}', 'staging'$$]) a;
SELECT test.answer_to('ann', $$bastion.setting_integer('pay.limit')$$) AS production;
SELECT bastion.setting_open_for(test.tenant_of('ann')::text, 'pay.limit', 'staging');
SELECT count(*) FROM bastion.change_requests c WHERE c::text ~ 'attack' OR c.sealed IS NOT NULL;
-- of an older version, whatever the action
CREATE TEMP TABLE outdated AS SELECT a, appr.request('ann', a) AS id FROM unnest(ARRAY[$$'pay.limit', 'put', '{"value": 1}'$$, $$'pay.limit', 'seal', '{"value": "x"}'$$, $$'pay.limit', 'rollback', '{"version": 2}'$$, $$'pay.limit', 'version_delete', '{"versions": [2]}'$$,
    $$'pay.limit', 'version_destroy', '{"versions": [2]}'$$, $$'pay.limit', 'update', '{"four_eyes": false}'$$, $$'pay.limit', 'delete'$$]) a;
SELECT test.answer_to('ben', format('bastion.setting_approve(%L)', appr.request('ann', $$'pay.limit', 'put', '{"value": 900}'$$))) IS NOT NULL AS meanwhile;
SELECT o.a, test.answer_to('ben', format('bastion.setting_approve(%L)', o.id)) FROM outdated o;
DROP TABLE outdated;
-- turning it off needs four eyes too
SELECT appr.request('ann', $$'pay.limit', 'update', '{"four_eyes": false}'$$) AS off \gset
SELECT test.answer_to('ann', format('bastion.setting_approve(%L)', :'off')) AS ann, test.answer_to('ben', format('bastion.setting_approve(%L)', :'off')) AS ben;
SELECT test.answer_to('ann', $$bastion.setting_put('pay.limit', '5')$$) AS alone;
-- an installation asks it of every tenant
SELECT bastion.setting_put_for(NULL, 'pay.currency', '"EUR"'), bastion.setting_update_for(NULL, 'pay.currency', four_eyes => true), bastion.setting_put_for(NULL, 'pay.currency', '"USD"');
SELECT test.answer_to('ann', $$bastion.setting_put('pay.currency', '"CHF"')$$) AS alone, test.answer_to('ben', format('bastion.setting_approve(%L)', appr.request('ann', $$'pay.currency', 'put', '{"value": "CHF"}'$$))) AS approved;
SELECT bastion.setting_update_for(NULL, 'pay.currency', four_eyes => false);
-- malformed, expired, without the right, in another tenant
SELECT a, test.answer_to('ann', 'bastion.setting_request(' || a || ')') FROM unnest(ARRAY[$$'pay.limit', 'buy'$$, $$'pay.limit', NULL$$, $$'pay.limit', 'put'$$, $$'pay.limit', 'put', '[]'$$, $$'pay.limit', 'put', NULL$$, $$'pay.limit', 'put', '{"value": 1, "more": 2}'$$, $$'pay.limit', 'put', '{"value": 1001}'$$,
    $$'pay.limit', 'seal', '{"value": 5}'$$, $$'pay.limit', 'rollback', '{"version": "x"}'$$, $$'pay.limit', 'version_delete', '{"versions": []}'$$, $$'pay.limit', 'version_delete', '{"versions": [1.5]}'$$, $$'pay.limit', 'version_delete', '{"versions": [null]}'$$, $$'pay.limit', 'update', '{"four_eyes": "off"}'$$,
    $$'pay.limit', 'delete', '{"x": 1}'$$, $$'no.such', 'delete'$$, $$'pay.limit', 'delete', valid_for => '91 days'$$, $$'pay.limit', 'delete', valid_for => '0'$$]) a;
SELECT appr.request('ann', $$'pay.limit', 'delete'$$) AS late \gset
UPDATE bastion.change_requests SET expires_at = now() WHERE id = :'late';
SELECT test.answer_to('ben', format('bastion.setting_approve(%L)', :'late')) AS late, test.answer_to('ben', $$(SELECT count(*) FROM bastion.setting_request_list())$$) AS open, test.answer_to('ben', $$(SELECT count(*) FROM bastion.setting_request_list(false))$$) AS all;
-- the sealed value of one that nobody can approve any more goes with the next request of the tenant, or with secrets_prune()
SELECT appr.request('ann', $$'pay.limit', 'seal', '{"value": "attack at six"}', 'staging'$$) AS old_one, appr.request('ann', $$'pay.limit', 'seal', '{"value": "attack at two"}', 'staging'$$) AS open_one \gset
UPDATE bastion.change_requests SET expires_at = now() WHERE id = :'old_one';
SELECT appr.request('ann', $$'pay.limit', 'delete'$$) AS deletion \gset
SELECT id = :'open_one' AS open_one, sealed IS NOT NULL AS sealed FROM bastion.change_requests WHERE id IN (:'old_one', :'open_one') ORDER BY 1;
UPDATE bastion.change_requests SET expires_at = now() WHERE id = :'open_one';
SELECT bastion.secrets_prune() >= 0 AS pruned, (SELECT count(*) FROM bastion.change_requests c WHERE c.sealed IS NOT NULL AND c.id = :'open_one') AS sealed;
UPDATE bastion.memberships SET role_id = test.role_of('viewer') WHERE user_id = test.id_of('cat') AND tenant_id = test.tenant_of('ann');
SELECT test.answer_to('cat', format('bastion.setting_approve(%L)', :'deletion')) AS viewer, test.answer(bastion_api.login('ben@approval.example', 'correct horse', test.tenant_of('ben')::text) ->> 'access_token', format('bastion.setting_approve(%L)', :'deletion')) AS elsewhere,
       test.error(format('SELECT bastion.setting_approve(%L)', :'deletion')) AS nobody, test.answer_to('ben', format('bastion.setting_approve(%L)', :'deletion')) AS ben;
SELECT test.answer(bastion_api.login('ben@approval.example', 'correct horse', test.tenant_of('ben')::text) ->> 'access_token', $$(SELECT count(*) FROM bastion.setting_request_list(false))$$) AS of_another_tenant;
-- two at once: the second waits, and finds the request decided (isolation setting_approve)
SELECT kind, detail - 'request' FROM bastion.events WHERE kind LIKE E'change\\_%' AND detail ->> 'action' = 'delete' AND detail ->> 'target' = 'setting' ORDER BY id;

-- as JSON
SELECT test.answer_to('ann', $$bastion.setting_put('app.name', '"Zoo"', category => 'app')$$), test.answer_to('ann', $$bastion.setting_put('app.size', '3', environment => 'staging')$$), test.answer_to('ann', $$bastion.setting_seal('app.password', 'attack at noon')$$),
       test.answer_to('ann', $$bastion.setting_update('app.name', validator => '{"type": "string"}', metadata => '{"team": "core"}', max_versions => 5)$$);
SELECT test.answer_to('ann', $$bastion.setting_export()$$)::jsonb AS document \gset
SELECT jsonb_pretty(:'document');
SELECT test.answer_to('ann', format('bastion.setting_import(%L)', :'document')) AS unchanged, bastion.setting_import_for(test.tenant_of('ben')::text, :'document', 'copied') AS elsewhere, bastion.setting_import_for(test.tenant_of('ben')::text, :'document') AS again;
SELECT jsonb_path_query_array(bastion.setting_export_for(test.tenant_of('ben')::text), '$.settings[*].key') AS keys, jsonb_array_length(bastion.setting_export_for(test.tenant_of('ann')::text, 'staging') -> 'settings') AS staging, bastion.setting_export_for(NULL) #> '{settings,0,key}' AS installation;
SELECT bastion.setting_import_for(test.tenant_of('ben')::text, '{"format": "pg_bastion.settings/1", "settings": [{"key": "app.password", "sensitive": true, "value": "attack at night"}, {"key": "app.name", "value": "Farm"}]}');
SELECT bastion.setting_open_for(test.tenant_of('ben')::text, 'app.password');
-- all or none, and nothing that is not known
SELECT d, test.error(format('SELECT bastion.setting_import_for(%L, %L)', test.tenant_of('ben'), d)) FROM unnest(ARRAY['1', '{}', '{"format": "other", "settings": []}', '{"format": "pg_bastion.settings/1", "settings": [], "x": 1}',
    '{"format": "pg_bastion.settings/1", "settings": [1]}', '{"format": "pg_bastion.settings/1", "settings": [{"value": 1}]}', '{"format": "pg_bastion.settings/1", "settings": [{"key": "a", "value": 1, "x": 1}]}',
    '{"format": "pg_bastion.settings/1", "settings": [{"key": "a", "value": 1}, {"key": "A", "value": 1}]}', '{"format": "pg_bastion.settings/1", "settings": [{"key": "a", "sensitive": true, "value": 1}]}',
    '{"format": "pg_bastion.settings/1", "settings": [{"key": "a", "value": 1, "validator": {"nope": 1}}]}', '{"format": "pg_bastion.settings/1", "settings": [{"key": "app.password", "value": "x"}]}']) d;
SELECT count(*) FROM bastion.settings s WHERE s.key = 'a';
-- who may not open a sealed value learns nothing of it from what compares: a validator, a rollback, an import
SELECT test.answer_to('ann', $$bastion.setting_seal('app.code', 'attack at ten')$$), test.answer_to('ben', $$bastion.setting_open('app.code')$$);
SELECT v, test.answer_to('ben', format('bastion.setting_update(%L, validator => %L)', 'app.code', v)) FROM unnest(ARRAY['{"const": "attack at ten"}', '{"const": "attack at one"}', '{"pattern": "^a"}', '{"pattern": "^b"}']) v;
SELECT test.answer_to('ben', $$bastion.setting_rollback('app.code', 1)$$), test.answer_to('ben', $$bastion.setting_seal('app.code', 'attack at ten')$$), test.answer_to('ben', $$bastion.setting_update('app.code', validator => 'null')$$);
SELECT v, test.answer_to('ben', format('bastion.setting_import(%L)', jsonb_build_object('format', 'pg_bastion.settings/1', 'settings', jsonb_build_array(v::jsonb || '{"key": "app.code"}'))))
FROM unnest(ARRAY['{"sensitive": true, "value": "attack at ten"}', '{"sensitive": true, "value": "attack at ten"}', '{"sensitive": true, "value": "attack at two"}', '{"value": "attack at two"}', '{"value": "attack at ten"}', '{"sensitive": true}']) v;
SELECT test.answer_to('ann', $$bastion.setting_open('app.code')$$);
SELECT test.answer_to('ann', format('bastion.permission_grant(%L::uuid, ''tenant.settings.read'')', test.id_of('cat'))) AS granted;
SELECT test.answer_to('cat', $$(SELECT count(*) FROM bastion.setting_list('app'))$$) AS lists, test.answer_to('cat', $$bastion.setting_open('app.code')$$) AS opens;
-- nor does a request keep one in plain text; too long, it is refused without a word of it
SELECT test.answer_to('ann', $$bastion.setting_request('app.code', 'put', '{"value": "attack"}')$$) AS plain, test.answer_to('ann', $$bastion.setting_request('app.long', 'put', jsonb_build_object('value', repeat('x', 131072)))$$) AS long;
DELETE FROM bastion.tenants t WHERE t.id IN (SELECT p.tenant FROM test.people p);
DELETE FROM bastion.settings;
DELETE FROM bastion.users WHERE email LIKE '%@approval.example';
DROP SCHEMA appr CASCADE;
TRUNCATE test.people;

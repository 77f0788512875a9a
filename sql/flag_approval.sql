-- Flags whose changes another person approves: by which function, by whom, of which version, and what the approval stores.
\set VERBOSITY terse
SET client_min_messages = warning;
INSERT INTO test.people (name, id, tenant, number, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, (a #>> '{tenant,number}')::bigint, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'ben', 'cat']) n, LATERAL bastion_api.signup(n || '@flagged.example', 'correct horse battery', 'Flags of ' || n, initcap(n)) a;
SELECT count(bastion.membership_force(test.id_of(n), test.tenant_of('ann')::text, 'admin')) FROM unnest(ARRAY['ben', 'cat']) n;
UPDATE test.people SET token = bastion_api.login(name || '@flagged.example', 'correct horse battery', test.tenant_of('ann')::text) ->> 'access_token' WHERE name IN ('ben', 'cat');
CREATE SCHEMA fappr;
CREATE FUNCTION fappr.request(who text, arguments text) RETURNS uuid LANGUAGE sql AS $$ SELECT test.answer_to(who, 'bastion.flag_request(' || arguments || ')')::uuid $$;
CREATE FUNCTION fappr.approve(who text, request text) RETURNS text LANGUAGE sql AS $$ SELECT test.answer_to(who, format('bastion.flag_approve(%L)', request)) $$;
CREATE FUNCTION fappr.state(of_key text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', f.version, h.version, h.definition ->> 'state', h.definition ->> 'defaultVariant', h.definition -> 'targeting')
    FROM bastion.flags f, LATERAL bastion_internal.version_in_force(f.id) h WHERE f.tenant_id = test.tenant_of('ann') AND f.key = of_key AND f.environment = '*'
$$;
SELECT test.answer(test.people.token, $$bastion_api.api_key_create('key', '{tenant.flags.*}') ->> 'key'$$) AS ann_key FROM test.people WHERE name = 'ann' \gset
SELECT test.answer_to('ben', format($$bastion_api.delegate('%s', '{tenant.flags.*}') ->> 'access_token'$$, test.id_of('ann'))) AS ann_for_ben,
       test.answer_to('ann', format($$bastion_api.delegate('%s', '{tenant.flags.*}') ->> 'access_token'$$, test.id_of('ben'))) AS ben_for_ann \gset
\set on '{"variants": {"on": true, "off": false}, "defaultVariant": "on"}'
\set off '{"variants": {"on": true, "off": false}, "defaultVariant": "off"}'

-- four eyes, in each environment of the key, by each function, and to turn it off
SELECT test.answer_to('ann', format('bastion.flag_set(%L, %L)', 'pay', :'off')) AS set, test.answer_to('ann', $$bastion.flag_set('pay', '{"variants": {"on": true}}', effective_at => clock_timestamp() + interval '1 day')$$) AS scheduled,
       test.answer_to('ann', $$bastion.flag_update('pay', four_eyes => true, reason => 'money')$$);
SELECT c, test.answer_to('ann', 'bastion.' || c) FROM unnest(ARRAY[format('flag_set(%L, %L)', 'pay', :'on'), format('flag_set(%L, %L, %L)', 'pay', :'on', 'staging'), $$flag_rollout('pay', 'on', 50)$$, $$flag_disable('pay')$$, $$flag_disable('pay', false)$$, $$flag_delete('pay')$$, $$flag_rollback('pay', 1)$$,
    $$flag_cancel('pay', 2)$$, $$flag_update('pay', four_eyes => false)$$, $$flag_update('pay')$$, format('flag_import(%L)', jsonb_build_object('flags', jsonb_build_object('other', :'on'::jsonb, 'pay', :'on'::jsonb)))]) c;
SELECT test.error(format('SELECT bastion.flag_set_for(%L, %L, %L)', test.tenant_of('ann'), 'pay', :'on')) AS operator, fappr.state('pay'), (SELECT count(*) FROM bastion.flags f WHERE f.key = 'other') AS others;
SELECT l.key, l.of_tenant, l.four_eyes FROM bastion.flag_list_for(test.tenant_of('ann')::text) l WHERE l.key = 'pay';
-- a flag that stays as it is can be imported
SELECT test.answer_to('ann', format('(SELECT count(*) FROM bastion.flag_import(%L))', jsonb_build_object('flags', jsonb_build_object('pay', :'off'::jsonb)))) AS unchanged;

-- not by the requester: in person, by an API key, by a delegation in either way, under impersonation
SELECT fappr.request('ann', format('%L, %L, %L, reason => %L', 'pay', 'set', jsonb_build_object('definition', :'on'::jsonb), 'ready')) AS request \gset
SELECT fappr.approve('ann', :'request') AS person, test.answer(:'ann_key', format('bastion.flag_approve(%L)', :'request')) AS key,
       test.answer(:'ann_for_ben', format('bastion.flag_approve(%L)', :'request')) AS ann_for_ben, test.answer(:'ben_for_ann', format('bastion.flag_approve(%L)', :'request')) AS ben_for_ann;
BEGIN;
SELECT bastion.authenticate(token) IS NOT NULL AS ann FROM test.people WHERE name = 'ann';
SELECT bastion.impersonate(test.id_of('ben')::text, test.tenant_of('ann')::text, 'a test', false) IS NOT NULL AS impersonates;
SELECT test.error(format('SELECT bastion.flag_approve(%L)', :'request'));
ROLLBACK;
BEGIN;
SELECT bastion.impersonate(test.id_of('ben')::text, test.tenant_of('ann')::text, 'a test', false) IS NOT NULL AS by_nobody_known;
SELECT test.error(format('SELECT bastion.flag_approve(%L)', :'request'));
ROLLBACK;
SELECT test.answer_to('ann', $$bastion.flag_boolean('pay', NULL)$$) AS still, test.answer_to('ben', format('bastion.setting_approve(%L)', :'request')) AS as_a_setting, test.answer_to('ben', format('bastion.setting_reject(%L)', :'request')) AS nor_that;
-- but by another person
SELECT test.answer_to('ben', format('bastion.flag_approve(%L, %L)', :'request', 'checked')) AS version, test.answer_to('ann', $$bastion.flag_boolean('pay', NULL)$$) AS now;
SELECT fappr.approve('cat', :'request') AS again, test.answer_to('cat', format('bastion.flag_reject(%L)', :'request')) AS reject, fappr.approve('cat', gen_random_uuid()::text) AS unknown, test.answer_to('cat', 'bastion.flag_approve(NULL)') AS nothing;
SELECT h.version, h.reason, h.created_by = test.id_of('ben') AS by_ben, h.request_id = :'request' AS approved FROM bastion.flag_history_for(test.tenant_of('ann')::text, 'pay') h;
SELECT c.target, c.state, c.decided_by = test.id_of('ben') AS by_ben, c.decision_reason, c.requested_by = test.id_of('ann') AS of_ann FROM bastion.change_requests c WHERE c.id = :'request';
-- who requests by a key, by a delegation or under impersonation is the same person afterwards
SELECT test.answer(:'ann_key', $$bastion.flag_request('pay', 'disable')$$) AS by_key, test.answer(:'ann_for_ben', $$bastion.flag_request('pay', 'disable')$$) AS by_delegation \gset
BEGIN;
SELECT bastion.authenticate(token) IS NOT NULL AS ann FROM test.people WHERE name = 'ann';
SELECT bastion.impersonate(test.id_of('ben')::text, test.tenant_of('ann')::text, 'a test', false) IS NOT NULL AS impersonates;
SELECT bastion.flag_request('pay', 'disable') AS impersonated \gset
COMMIT;
SELECT fappr.approve('ann', :'by_key') AS key, fappr.approve('ann', :'by_delegation') AS delegation, fappr.approve('ben', :'by_delegation') AS delegator, fappr.approve('ann', :'impersonated') AS impersonator, fappr.approve('ben', :'impersonated') AS impersonated;
SELECT fappr.approve('cat', :'by_delegation') AS cat, fappr.state('pay');
-- what was asked of an older version is not done
SELECT fappr.approve('cat', :'by_key') AS outdated, test.answer_to('ann', format('bastion.flag_reject(%L)', :'by_key')) AS withdrawn, test.answer_to('ben', format('bastion.flag_reject(%L, %L)', :'impersonated', 'no')) AS rejected;

-- each action; the request shows the definition that the approval stores
CREATE FUNCTION fappr.change(arguments text) RETURNS TABLE (proposed jsonb, answer text, now text) LANGUAGE plpgsql AS $$
DECLARE
    request uuid := fappr.request('ann', arguments);
BEGIN
    proposed := (SELECT c.payload - 'in_force' FROM bastion.change_requests c WHERE c.id = request);
    answer := fappr.approve('ben', request::text);
    now := fappr.state('pay');
    RETURN NEXT;
END
$$;
SELECT a, c.* FROM unnest(ARRAY[$$'pay', 'disable', '{"disabled": false}'$$, $$'pay', 'rollback', '{"version": 1}'$$, format('%L, %L, %L', 'pay', 'rollout', jsonb_build_object('variant', 'on', 'percent', 12.5, 'users', jsonb_build_array('ann@flagged.example'), 'roles', '["beta"]'::jsonb)),
    $$'pay', 'cancel', '{"version": 2}'$$, $$'pay', 'delete'$$, $$'pay', 'rollback', '{"version": 1}'$$, $$'pay', 'update', '{"four_eyes": true}'$$]) a, LATERAL (SELECT replace((c.proposed)::text, test.id_of('ann')::text, 'ANN') AS proposed, c.answer, replace(c.now, test.id_of('ann')::text, 'ANN') AS now FROM fappr.change(a) c) c;
SELECT fappr.approve('ben', fappr.request('ann', format('%L, %L, %L, %L', 'pay', 'set', jsonb_build_object('definition', :'on'::jsonb), 'staging'))::text) AS another_environment;
-- scheduled
SELECT fappr.approve('ben', fappr.request('ann', format('%L, %L, %L', 'pay', 'set', jsonb_build_object('definition', :'on'::jsonb, 'effective_at', clock_timestamp() + interval '1 hour')))::text) AS scheduled, fappr.state('pay');
SELECT fappr.request('ann', $$'pay', 'disable'$$) AS before \gset
UPDATE bastion.flag_versions v SET effective_at = now() FROM bastion.flags f WHERE f.id = v.flag_id AND f.key = 'pay' AND f.environment = '*' AND v.version = f.version;
SELECT fappr.approve('ben', :'before') AS it_holds_meanwhile, fappr.state('pay');
SELECT fappr.request('ann', format('%L, %L, %L', 'pay', 'set', jsonb_build_object('definition', :'off'::jsonb, 'effective_at', clock_timestamp() + interval '1 hour'))) AS late \gset
UPDATE bastion.change_requests SET payload = payload || jsonb_build_object('effective_at', now()) WHERE id = :'late';
SELECT fappr.approve('ben', :'late') AS too_late;
SELECT fappr.request('ann', $$'pay', 'cancel', '{"version": 1}'$$) AS cancels \gset
SELECT fappr.approve('ben', :'cancels') AS holds_already;
-- a flag that does not exist yet: of two requests one makes it
SELECT fappr.request('ann', format('%L, %L, %L', 'new', 'set', jsonb_build_object('definition', :'on'::jsonb))) AS one, fappr.request('ann', format('%L, %L, %L', 'new', 'set', jsonb_build_object('definition', :'off'::jsonb))) AS two \gset
SELECT fappr.approve('ben', :'one') AS one, fappr.approve('ben', :'two') AS two, fappr.state('new');
-- an installation asks it of every tenant, and changes its own alone
SELECT bastion.flag_set_for(NULL, 'everyone', :'off'), bastion.flag_update_for(NULL, 'everyone', four_eyes => true), bastion.flag_set_for(NULL, 'everyone', :'on');
SELECT test.answer_to('ann', format('bastion.flag_set(%L, %L)', 'everyone', :'off')) AS alone, fappr.approve('ben', fappr.request('ann', format('%L, %L, %L', 'everyone', 'set', jsonb_build_object('definition', :'off'::jsonb)))::text) AS approved;
SELECT bastion.flag_update_for(NULL, 'everyone', four_eyes => false), test.answer_to('ann', $$bastion.flag_delete('everyone')$$) AS alone;
-- turning it off needs four eyes too
SELECT fappr.request('ann', $$'pay', 'update', '{"four_eyes": false}'$$) AS off_request \gset
SELECT fappr.approve('ann', :'off_request') AS ann, fappr.approve('ben', :'off_request') AS ben, test.answer_to('ann', $$bastion.flag_disable('pay')$$) IS NOT NULL AS alone;

-- malformed, expired, without the right, in another tenant
SELECT a, test.answer_to('ann', 'bastion.flag_request(' || a || ')') FROM unnest(ARRAY[$$'pay', 'buy'$$, $$'pay', NULL$$, $$'pay', 'set'$$, $$'pay', 'set', '[]'$$, $$'pay', 'set', NULL$$, $$'pay', 'set', '{"definition": null}'$$, $$'pay', 'set', '{"definition": 1}'$$, $$'pay', 'set', '{"definition": {"variants": {}}}'$$,
    $$'pay', 'set', '{"definition": {"variants": {"a": 1}}, "in_force": 1}'$$, $$'pay', 'set', '{"definition": {"variants": {"a": 1}}, "effective_at": 5}'$$, $$'pay', 'set', '{"definition": {"variants": {"a": 1}}, "effective_at": "soon"}'$$,
    $$'pay', 'set', '{"definition": {"variants": {"a": 1}}, "effective_at": "2020-01-01"}'$$, $$'pay', 'set', '{"definition": {"variants": {"a": 1}}, "effective_at": "infinity"}'$$, $$'pay', 'rollout', '{"variant": "on"}'$$, $$'pay', 'rollout', '{"percent": 5}'$$,
    $$'pay', 'rollout', '{"variant": "on", "percent": 101}'$$, $$'pay', 'rollout', '{"variant": "on", "percent": 1, "users": "ann"}'$$, $$'pay', 'rollout', '{"variant": "on", "percent": 1, "users": [1]}'$$, $$'pay', 'rollout', '{"variant": "on", "percent": 1, "roles": [null]}'$$,
    $$'pay', 'rollout', '{"variant": "on", "percent": 1, "users": ["nobody@x.example"]}'$$, $$'pay', 'disable', '{"disabled": "yes"}'$$, $$'pay', 'disable', '{"definition": {}}'$$, $$'pay', 'rollback'$$, $$'pay', 'rollback', '{"version": "x"}'$$, $$'pay', 'rollback', '{"version": 99}'$$,
    $$'pay', 'cancel', '{"version": 1.5}'$$, $$'pay', 'update'$$, $$'pay', 'update', '{"four_eyes": null}'$$, $$'pay', 'delete', '{"x": 1}'$$, $$'none', 'delete'$$, $$'none', 'update', '{"four_eyes": true}'$$, $$'none', 'cancel', '{"version": 1}'$$, $$'none', 'disable'$$, $$NULL, 'delete'$$, $$'', 'delete'$$,
    $$'pay', 'delete', environment => 'Two'$$, $$'pay', 'delete', reason => ''$$, $$'pay', 'delete', valid_for => '91 days'$$, $$'pay', 'delete', valid_for => '0'$$, $$'pay', 'delete', valid_for => NULL$$, $$'pay', 'set', jsonb_build_object('definition', jsonb_build_object('variants', jsonb_build_object('a', repeat('x', 600000))))$$]) a;
SELECT fappr.request('ann', $$'pay', 'delete'$$) AS late \gset
UPDATE bastion.change_requests SET expires_at = now() WHERE id = :'late';
SELECT fappr.approve('ben', :'late') AS late, test.answer_to('ben', $$(SELECT count(*) FROM bastion.flag_request_list())$$) AS open, test.answer_to('ben', $$(SELECT count(*) FROM bastion.flag_request_list(false))$$) AS all, test.answer_to('ben', $$(SELECT count(*) FROM bastion.setting_request_list(false))$$) AS of_settings;
SELECT fappr.request('ann', $$'pay', 'delete'$$) AS deletion \gset
UPDATE bastion.memberships SET role_id = test.role_of('viewer') WHERE user_id = test.id_of('cat') AND tenant_id = test.tenant_of('ann');
SELECT bastion_api.login('ben@flagged.example', 'correct horse battery', test.tenant_of('ben')::text) ->> 'access_token' AS elsewhere \gset
SELECT fappr.approve('cat', :'deletion') AS viewer, test.answer_to('cat', $$bastion.flag_update('pay', four_eyes => true)$$) AS viewer_updates, test.answer_to('cat', $$bastion.flag_request('pay', 'delete')$$) AS viewer_asks, test.answer_to('cat', format('bastion.flag_reject(%L)', :'deletion')) AS viewer_rejects,
       test.answer(:'elsewhere', format('bastion.flag_approve(%L)', :'deletion')) AS elsewhere, test.answer(:'elsewhere', format('bastion.flag_reject(%L)', :'deletion')) AS nor_rejects, test.error(format('SELECT bastion.flag_approve(%L)', :'deletion')) AS nobody, test.answer(:'elsewhere', $$(SELECT count(*) FROM bastion.flag_request_list(false))$$) AS lists;
SELECT fappr.approve('ben', :'deletion') AS ben;
SELECT kind, detail - 'request' FROM bastion.events WHERE kind LIKE E'change\\_%' AND detail ->> 'key' = 'everyone' ORDER BY id;
SELECT detail - 'request' FROM bastion.events WHERE kind = 'flag_updated' AND tenant_id = test.tenant_of('ann') ORDER BY id;
SELECT count(bastion.flag_delete_for(NULL, f.key, f.environment)) AS deleted FROM bastion.flags f WHERE f.tenant_id IS NULL AND (bastion_internal.version_in_force(f.id)).definition IS NOT NULL;
DELETE FROM bastion.tenants t WHERE t.id IN (SELECT p.tenant FROM test.people p);
DELETE FROM bastion.flags;
DELETE FROM bastion.users WHERE email LIKE '%@flagged.example';
DROP SCHEMA fappr CASCADE;
TRUNCATE test.people;

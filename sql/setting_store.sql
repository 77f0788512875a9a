-- Settings: versions, check-and-set, environments, categories, values of the installation, sealed values, validators, getters and history.
\set VERBOSITY terse
SET client_min_messages = warning;
INSERT INTO test.people (name, token, tenant, id)
SELECT name, answer ->> 'access_token', (answer #>> '{tenant,id}')::uuid, (answer #>> '{user,id}')::uuid
FROM unnest(ARRAY['setann', 'setbob']) name, LATERAL bastion_api.signup(name || '@settings.example', 'correct horse', initcap(name), initcap(name), name) answer;
SELECT token AS ann, tenant AS ann_tenant, id AS ann_id FROM test.people WHERE name = 'setann' \gset
SELECT token AS bob FROM test.people WHERE name = 'setbob' \gset
CREATE SCHEMA conf;
-- an expression, as a user
CREATE FUNCTION conf.run(who text, expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    PERFORM set_config('bastion.token', (SELECT p.token FROM test.people p WHERE p.name = 'set' || who), true), set_config('bastion.allow_identity_switch', 'on', true);
    SET LOCAL ROLE regress_app;
    EXECUTE 'SELECT (' || expression || ')::text' INTO answer;
    RESET ROLE;
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE FUNCTION conf.told(who text, call text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('bastion.token', (SELECT p.token FROM test.people p WHERE p.name = 'set' || who), true), set_config('bastion.allow_identity_switch', 'on', true);
    RETURN QUERY EXECUTE 'SELECT s::text FROM ' || call || ' s';
END
$$;

-- versions, with check-and-set
SELECT conf.run('ann', $$bastion.setting_put('mail.sender', '"hello@acme.example"', category => 'mail', reason => 'first')$$);
SELECT conf.run('ann', $$bastion.setting_put('mail.sender', '"hi@acme.example"', expected_version => 0)$$);
SELECT conf.run('ann', $$bastion.setting_put('mail.sender', '"hi@acme.example"', expected_version => 1, reason => 'shorter')$$);
SELECT conf.run('ann', $$bastion.setting_put('mail.retries', '3', expected_version => 1)$$);
SELECT conf.run('ann', $$bastion.setting_put('mail.retries', '3', expected_version => 0, category => 'mail')$$);
SELECT conf.run('ann', $$bastion.setting_text('mail.sender')$$);
SELECT conf.run('ann', $$bastion.setting_rollback('mail.sender', 1, reason => 'back')$$);
SELECT conf.run('ann', $$bastion.setting_text('mail.sender')$$);
SELECT v.version, v.value, v.from_version, v.reason, v.created_by = :'ann_id' AS by_ann FROM bastion.setting_versions v JOIN bastion.settings s ON s.id = v.setting_id WHERE s.key = 'mail.sender' AND s.tenant_id = :'ann_tenant' ORDER BY 1;
SELECT conf.run('ann', $$bastion.setting_rollback('mail.sender', 99)$$), conf.run('ann', $$bastion.setting_rollback('no.such', 1)$$), conf.run('ann', $$bastion.setting_rollback('mail.sender', 1, expected_version => 2)$$);
-- deleted: the fallback counts until it is restored; destroyed for good
SELECT conf.run('ann', $$bastion.setting_version_delete('mail.sender')$$);
SELECT conf.run('ann', $$bastion.setting_text('mail.sender', 'none')$$);
SELECT conf.run('ann', $$bastion.setting_rollback('mail.sender', 3)$$);
SELECT conf.run('ann', $$bastion.setting_version_undelete('mail.sender', '{3}')$$);
SELECT conf.run('ann', $$bastion.setting_text('mail.sender', 'none')$$);
SELECT conf.run('ann', $$bastion.setting_version_destroy('mail.sender', '{1,2}', reason => 'typing mistake')$$);
SELECT conf.run('ann', $$bastion.setting_version_undelete('mail.sender', '{2}')$$), conf.run('ann', $$bastion.setting_rollback('mail.sender', 2)$$),
       conf.run('ann', $$bastion.setting_version_destroy('mail.sender', NULL)$$), conf.run('ann', $$bastion.setting_version_delete('mail.sender', '{}')$$),
       conf.run('ann', $$bastion.setting_version_delete('mail.sender', '{4}')$$);
SELECT * FROM conf.told('ann', $$(SELECT version, value, from_version, reason, deleted_at IS NOT NULL, destroyed_at IS NOT NULL FROM bastion.setting_version_list('mail.sender'))$$);
-- at most two
SELECT conf.run('ann', $$bastion.setting_update('mail.retries', max_versions => 2, metadata => '{"team": "mail", "old": 1}', reason => 'few')$$);
SELECT conf.run('ann', $$bastion.setting_put('mail.retries', '4')$$), conf.run('ann', $$bastion.setting_put('mail.retries', '5')$$);
SELECT conf.run('ann', $$bastion.setting_update('mail.retries', metadata => '{"old": null}')$$);
SELECT * FROM conf.told('ann', $$(SELECT version, value FROM bastion.setting_version_list('mail.retries'))$$);

-- environments, the installation's values, and what tenants may have
SELECT conf.run('ann', $$bastion.setting_put('mail.retries', '9', environment => 'staging', category => 'tests')$$);
SELECT conf.run('ann', $$bastion.setting_integer('mail.retries')$$);
SET bastion.environment = 'staging';
SELECT conf.run('ann', $$bastion.setting_integer('mail.retries')$$), conf.run('bob', $$bastion.setting_integer('mail.retries', 1)$$);
SELECT bastion.setting_put_for(NULL, 'mail.retries', '20'), bastion.setting_put_for(NULL, 'mail.retries', '21', environment => 'staging'), bastion.setting_put_for('setbob', 'mail.host', '"localhost"');
SELECT conf.run('ann', $$bastion.setting_integer('mail.retries')$$), conf.run('bob', $$bastion.setting_integer('mail.retries', 1)$$), conf.run('bob', $$bastion.setting_text('mail.host')$$);
RESET bastion.environment;
SELECT conf.run('ann', $$bastion.setting_integer('mail.retries')$$), conf.run('bob', $$bastion.setting_integer('mail.retries', 1)$$);
-- nobody's is the installation's
SELECT bastion.setting_integer('mail.retries');
SELECT bastion.setting_update_for(NULL, 'mail.retries', overridable => false);
SELECT conf.run('ann', $$bastion.setting_integer('mail.retries')$$), conf.run('ann', $$bastion.setting_put('mail.retries', '1')$$), conf.run('ann', $$bastion.setting_put('mail.retries', '1', environment => 'other')$$);
SELECT bastion.setting_update_for(NULL, 'mail.retries', overridable => true);
SELECT conf.run('ann', $$bastion.setting_integer('mail.retries')$$);
-- an application cannot choose another environment
SET ROLE regress_app;
SELECT test.error($$SET bastion.environment = 'staging'$$);
RESET ROLE;
-- listed by category and environment
SELECT * FROM conf.told('ann', $$(SELECT key, environment, of_installation, category, version, value, metadata FROM bastion.setting_list())$$);
SELECT * FROM conf.told('ann', $$(SELECT key, environment, of_installation FROM bastion.setting_list('mail', 'production'))$$);

-- getters
SELECT conf.run('ann', format('bastion.setting_put(%L, %L)', 'a.' || k, v)) FROM (VALUES ('text', '"x"'), ('number', '3.50'), ('whole', '4.00'), ('large', '1e30'), ('yes', 'true'), ('nothing', 'null'), ('object', '{"a": [1, "x"]}')) x (k, v);
SELECT k, conf.run('ann', format('bastion.setting_text(%L)', 'a.' || k)) AS text, conf.run('ann', format('bastion.setting_integer(%L)', 'a.' || k)) AS "integer", conf.run('ann', format('bastion.setting_numeric(%L)', 'a.' || k)) AS "numeric",
       conf.run('ann', format('bastion.setting_boolean(%L)', 'a.' || k)) AS "boolean", conf.run('ann', format('bastion.setting_json(%L)', 'a.' || k)) AS json
FROM unnest('{text,number,whole,large,yes,nothing,object,absent}'::text[]) k;
SELECT conf.run('ann', $$bastion.setting_text(NULL, 'x')$$), conf.run('ann', $$bastion.setting_numeric('a.absent', 2.5)$$), conf.run('ann', $$bastion.setting_boolean('a.absent', true)$$), conf.run('ann', $$bastion.setting_json('a.absent', '[]')$$),
       conf.run('ann', format('bastion.setting_text(%L, %L)', repeat('a', 300), 'too long'));
-- one value in a statement, the new one in the next
SELECT conf.run('ann', $$bastion.setting_text('a.text')$$) AS before, conf.run('ann', $$bastion.setting_put('a.text', '"y"')$$) AS version, conf.run('ann', $$bastion.setting_text('a.text')$$) AS frozen;
SELECT conf.run('ann', $$bastion.setting_text('a.text')$$);
-- a rollback takes it back
BEGIN;
SELECT conf.run('ann', $$bastion.setting_put('a.text', '"z"')$$);
SELECT conf.run('ann', $$bastion.setting_text('a.text')$$);
ROLLBACK;
SELECT conf.run('ann', $$bastion.setting_text('a.text')$$);
-- an operator writes the table
UPDATE bastion.setting_versions v SET value = '"w"' FROM bastion.settings s WHERE s.id = v.setting_id AND s.version = v.version AND s.key = 'a.text' AND s.tenant_id = :'ann_tenant';
SELECT conf.run('ann', $$bastion.setting_text('a.text')$$);
UPDATE bastion.setting_versions v SET value = '"y"' FROM bastion.settings s WHERE s.id = v.setting_id AND s.version = v.version AND s.key = 'a.text' AND s.tenant_id = :'ann_tenant';
SELECT conf.run('ann', $$bastion.setting_text('a.text')$$);
-- from the cache
SELECT conf.run('ann', $$bastion.setting_text('a.text')$$), conf.run('ann', $$bastion.setting_text('a.absent')$$);
SELECT bastion.cache_stats() #> '{settings,loads}' AS loads \gset
SELECT conf.run('ann', $$bastion.setting_text('a.text')$$), conf.run('ann', $$bastion.setting_text('a.absent')$$);
SELECT (bastion.cache_stats() #> '{settings,loads}')::int - :loads AS loads;

-- sealed
SELECT conf.run('ann', $$bastion.setting_seal('mail.password', 'attack at dawn', category => 'mail')$$), conf.run('ann', $$bastion.setting_seal('mail.password', 'attack at noon', expected_version => 1)$$);
SELECT conf.run('ann', $$bastion.setting_open('mail.password')$$), conf.run('ann', $$bastion.setting_text('mail.password')$$), conf.run('ann', $$bastion.setting_put('mail.password', '"plain"')$$), conf.run('ann', $$bastion.setting_open('mail.retries')$$),
       conf.run('ann', $$bastion.setting_open('no.such')$$), conf.run('bob', $$bastion.setting_open('mail.password')$$);
SELECT action, purpose, bound_to, user_id = :'ann_id' AS by_ann FROM bastion.secret_access_log WHERE tenant_id = :'ann_tenant';
SELECT conf.run('ann', $$bastion.setting_rollback('mail.password', 1)$$);
SELECT conf.run('ann', $$bastion.setting_open('mail.password')$$);
SELECT count(*) FROM bastion.setting_versions v WHERE v::text ~ 'attack';
SELECT bastion.setting_seal_for(NULL, 'mail.api_key', 'of the installation'), bastion.setting_open_for(NULL, 'mail.api_key'), bastion.setting_open_for('setann', 'mail.password');
SELECT conf.run('ann', $$bastion.setting_open('mail.api_key')$$), conf.run('ann', $$bastion.setting_text('mail.api_key')$$);
-- bound to its version
BEGIN;
UPDATE bastion.setting_versions v SET sealed = o.sealed FROM bastion.settings s, bastion.setting_versions o WHERE s.id = v.setting_id AND s.key = 'mail.password' AND v.version = 3 AND o.setting_id = v.setting_id AND o.version = 2;
SELECT conf.run('ann', $$bastion.setting_open('mail.password')$$);
ROLLBACK;
-- its key rotates
SELECT bastion.data_key_rotate('bastion.settings', 'setann');
CALL bastion.rewrap_all();
SELECT u.relation, u.state, u.sealed_values FROM bastion.key_usage() u WHERE u.tenant_id = :'ann_tenant' AND u.purpose = 'bastion.settings';
SELECT conf.run('ann', $$bastion.setting_open('mail.password')$$);

-- validators
SELECT conf.run('ann', $$bastion.setting_update('mail.retries', validator => '{"type": "integer", "minimum": 0, "maximum": 10}')$$);
SELECT v, conf.run('ann', format('bastion.setting_put(%L, %L)', 'mail.retries', v)) FROM unnest(ARRAY['7', '11', '-1', '7.5', '7.0', '"7"', NULL, '1e400']) v;
SELECT conf.run('ann', $$bastion.setting_rollback('mail.retries', 1)$$), conf.run('ann', $$bastion.setting_put('mail.retries', '99', environment => 'staging')$$);
SELECT conf.run('ann', $$bastion.setting_update('mail.retries', validator => '{"maximum": 1}')$$), conf.run('ann', $$bastion.setting_update('mail.retries', validator => 'null')$$), conf.run('ann', $$bastion.setting_put('mail.retries', '11')$$);
SELECT v, coalesce(bastion_internal.validator_flaw(v::jsonb, 1), 'good') FROM (VALUES
    ('{}'), ('[]'), ('1'), ('{"$ref": "#"}'), ('{"format": "email"}'), ('{"type": "text"}'), ('{"type": []}'), ('{"type": ["string", "null"]}'), ('{"enum": []}'), ('{"minimum": "1"}'), ('{"minLength": -1}'), ('{"maxItems": 1.5}'),
    ('{"pattern": "^[a-z]+$"}'), ('{"pattern": "("}'), (E'{"pattern": "(a)\\\\1"}'), (E'{"pattern": "\\\\\\\\1"}'), ('{"pattern": "(?i)a"}'), ('{"pattern": "***=a"}'), ('{"pattern": 1}'), ('{"properties": {"a": {"nope": 1}}}'), ('{"properties": []}'),
    ('{"required": ["a", 1]}'), ('{"additionalProperties": {"type": "none"}}'), ('{"additionalProperties": 1}'), ('{"items": {"items": {"minimum": true}}}'), ('{"const": null}')) x (v);
SELECT bastion_internal.validator_flaw((repeat('{"items": ', 9) || '{}' || repeat('}', 9))::jsonb, 1);
SELECT r, v, coalesce(bastion_internal.value_flaw(r::jsonb, v::jsonb, ''), 'good') FROM (VALUES
    ('{"type": "string"}', '1'), ('{"type": ["string", "null"]}', 'null'), ('{"type": "integer"}', '1e3'), ('{"type": "number"}', '1.5'), ('{"enum": [1, "a", null]}', 'null'), ('{"enum": [[1]]}', '[1]'), ('{"enum": [[1, 2]]}', '[1]'), ('{"enum": [[1]]}', '1'), ('{"const": {"a": 1}}', '{"a": 1.0}'), ('{"const": 1}', '2'),
    ('{"minLength": 2, "maxLength": 3}', '"a"'), ('{"minLength": 2, "maxLength": 3}', '"abc"'), ('{"minLength": 2}', '5'), ('{"pattern": "^a"}', '"ba"'), ('{"pattern": "b"}', '"aba"'),
    ('{"required": ["a"]}', '{"b": 1}'), ('{"properties": {"a": {"type": "string"}}}', '{"a": 1}'), ('{"properties": {"a": {}}, "additionalProperties": false}', '{"a": 1, "b": 2}'), ('{"additionalProperties": {"minimum": 2}}', '{"x": 1}'),
    ('{"items": {"minimum": 2}}', '[2, 1]'), ('{"maxItems": 1}', '[1, 2]'), ('{"items": {"properties": {"n": {"maximum": 1}}}}', '[{"n": 5}]')) x (r, v);
-- a rollback meets the validator too; a deleted version has no value in the list
SELECT conf.run('ann', $$bastion.setting_put('a.text', '"long"')$$) AS long, conf.run('ann', $$bastion.setting_put('a.text', '"y"')$$) AS short, conf.run('ann', $$bastion.setting_update('a.text', validator => '{"maxLength": 1}')$$) AS validator;
SELECT conf.run('ann', $$bastion.setting_rollback('a.text', 3)$$) AS to_long, conf.run('ann', $$bastion.setting_rollback('a.text', 1)$$) AS to_short, conf.run('ann', $$bastion.setting_version_delete('a.text', '{3}')$$) AS deleted;
SELECT * FROM conf.told('ann', $$(SELECT version, value FROM bastion.setting_version_list('a.text'))$$);
-- the installation's counts for tenants, and for sealed values
SELECT bastion.setting_put_for(NULL, 'ui.theme', '"light"'), bastion.setting_update_for(NULL, 'ui.theme', validator => '{"enum": ["light", "dark"]}');
SELECT conf.run('ann', $$bastion.setting_put('ui.theme', '"blue"')$$), conf.run('ann', $$bastion.setting_put('ui.theme', '"dark"')$$), conf.run('ann', $$bastion.setting_seal('ui.theme', 'blue')$$);

-- the wrong tenant, the wrong role, malformed input
SELECT * FROM conf.told('bob', $$(SELECT DISTINCT key FROM bastion.setting_history())$$);
SELECT * FROM conf.told('bob', $$(SELECT key, value FROM bastion.setting_list() WHERE NOT of_installation)$$);
SELECT conf.run('bob', $$bastion.setting_text('mail.sender', 'none of ann')$$), conf.run('bob', $$bastion.setting_rollback('mail.sender', 3)$$);
SELECT a, conf.run('ann', format('bastion.setting_put(%s)', a)) FROM unnest(ARRAY[$$NULL, '1'$$, $$'a', NULL$$, $$'A', '1'$$, $$'a b', '1'$$, $$'a', '1', 'Prod'$$, $$'a', '1', NULL$$, $$'a', '1', reason => ''$$, $$'a', '1', category => E'a\n'$$,
    $$'a', to_jsonb(repeat('x', 65535))$$, $$'a', '1', expected_version => -1$$]) a;
SELECT test.error($$SELECT bastion.setting_put('a', '1')$$), test.error($$SELECT bastion.setting_put_for('nobody', 'a', '1')$$), test.error($$SELECT bastion.setting_update_for('setann', 'mail.sender', overridable => false)$$),
       test.error($$SELECT * FROM bastion.setting_list()$$), test.error($$SELECT * FROM bastion.setting_history()$$);
BEGIN READ ONLY;
SELECT conf.run('ann', $$bastion.setting_put('a.text', '1')$$), conf.run('ann', $$bastion.setting_text('a.text')$$);
COMMIT;
SET ROLE regress_app;
SELECT test.error('SELECT * FROM bastion.settings'), test.error('SELECT * FROM bastion.setting_versions'), test.error('SELECT * FROM bastion.setting_changes'), test.error($$SELECT bastion.setting_put_for(NULL, 'a', '1')$$), test.error($$SELECT bastion.setting_open_for(NULL, 'mail.api_key')$$);
RESET ROLE;
-- statements of one message: what was rolled back does not count
BEGIN \; SELECT bastion.setting_put_for(NULL, 'rolled.back', '1') AS version \; SELECT bastion.setting_integer('rolled.back') AS within \; ROLLBACK \; SELECT bastion.setting_integer('rolled.back') AS after;
BEGIN \; SAVEPOINT s \; SELECT bastion.setting_put_for(NULL, 'rolled.back', '1') AS version \; SELECT bastion.setting_integer('rolled.back') AS within \; ROLLBACK TO s \; SELECT bastion.setting_integer('rolled.back') AS after \; COMMIT;
-- the history tells of what is gone, and nobody rewrites it
SELECT conf.run('ann', $$bastion.setting_delete('mail.sender', reason => 'moved')$$), conf.run('ann', $$bastion.setting_delete('mail.sender')$$);
SELECT * FROM conf.told('ann', $$(SELECT environment, action, version, from_version, reason, actor_id IS NOT NULL FROM bastion.setting_history('mail.sender'))$$);
-- a new setting in its place counts on: who read a version of the deleted one overwrites nothing
SELECT conf.run('ann', $$bastion.setting_put('mail.sender', '"new"', expected_version => 4)$$) AS gone, conf.run('ann', $$bastion.setting_put('mail.sender', '"new"', expected_version => 0)$$) AS anew,
       conf.run('ann', $$bastion.setting_put('mail.sender', '"old"', expected_version => 1)$$) AS of_before, conf.run('ann', $$bastion.setting_rollback('mail.sender', 1)$$) AS back_then, conf.run('ann', $$bastion.setting_put('mail.sender', '"x"', 'qa')$$) AS elsewhere;
SELECT bastion.setting_put_for(NULL, 'again', '1'), bastion.setting_put_for(NULL, 'again', '2'), bastion.setting_delete_for(NULL, 'again'), bastion.setting_put_for(NULL, 'again', '3'), bastion.setting_put_for(NULL, 'again', '4', expected_version => 3);
-- as many as bastion.settings_per_tenant allows, in all environments; the installation has more
BEGIN;
SELECT count(*) AS had FROM bastion.settings WHERE tenant_id = :'ann_tenant' \gset
SELECT set_config('bastion.settings_per_tenant', (:had + 2)::text, true)::int - :had AS more;
SELECT conf.run('ann', $$bastion.setting_put('many.a', '1')$$) AS a, conf.run('ann', $$bastion.setting_seal('many.a', '1', 'qa')$$) AS b, conf.run('ann', $$bastion.setting_put('many.b', '1')$$) AS c, conf.run('ann', $$bastion.setting_put('many.a', '2')$$) AS changed,
       conf.run('ann', $$bastion.setting_import('{"format": "pg_bastion.settings/1", "settings": [{"key": "many.c", "value": 1}]}')$$) AS imported, conf.run('ann', $$bastion.setting_request('many.d', 'put', '{"value": 1}') IS NOT NULL$$) AS asked,
       conf.run('ann', $$bastion.setting_delete('many.a')$$) AS one_less, conf.run('ann', $$bastion.setting_put('many.b', '1')$$) AS then;
SELECT set_config('bastion.settings_per_tenant', '1', true), bastion.setting_put_for(NULL, 'many.a', '1') AS installation, test.error(format('SELECT bastion.setting_put_for(%L, %L, %L)', :'ann_tenant', 'many.e', '1')) AS operator;
ROLLBACK;
SELECT test.error($$UPDATE bastion.setting_changes SET reason = 'x'$$), test.error('DELETE FROM bastion.setting_changes'), test.error('TRUNCATE bastion.setting_changes');
-- a tenant takes its settings along
SELECT count(*) > 0 AS some FROM bastion.setting_changes WHERE tenant_id = :'ann_tenant';
DELETE FROM bastion.tenants WHERE slug IN ('setann', 'setbob');
SELECT (SELECT count(*) FROM bastion.settings WHERE tenant_id IS NOT NULL) AS settings, (SELECT count(*) FROM bastion.setting_versions v WHERE NOT EXISTS (SELECT FROM bastion.settings s WHERE s.id = v.setting_id)) AS versions, (SELECT count(*) FROM bastion.setting_changes WHERE tenant_id = :'ann_tenant') AS changes;
DELETE FROM bastion.settings;
DELETE FROM bastion.users WHERE email LIKE '%@settings.example';
DROP SCHEMA conf CASCADE;
DELETE FROM test.people WHERE name IN ('setann', 'setbob');

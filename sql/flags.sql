-- Feature flags: whose flag counts, what a rule may ask for, roll-outs, scheduled changes, history, files of flagd.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA flag;
INSERT INTO test.people (name, id, tenant, number, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, (a #>> '{tenant,number}')::bigint, a ->> 'access_token'
FROM unnest(ARRAY['fay', 'gus']) n, LATERAL bastion_api.signup(n || '@flag.example', 'correct horse battery', 'Flags of ' || n) a;
SELECT token AS fay, id AS fay_id, tenant AS of_fay FROM test.people WHERE name = 'fay' \gset
SELECT token AS gus, tenant AS of_gus FROM test.people WHERE name = 'gus' \gset
-- the answer of an expression to a holder of a token, or its error
CREATE FUNCTION flag.run(token text, expression text) RETURNS text LANGUAGE sql AS
$$ SELECT coalesce(nullif(concat_ws(': ', a.error, a.detail), ''), a.answer, 'NULL') FROM test.as_app(token, NULL, NULL, 'SELECT ' || expression) a $$;
-- what flag_evaluate() says of a flag of the installation with this rule
CREATE FUNCTION flag.verdict(targeting text, context text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE a jsonb;
BEGIN
    PERFORM bastion.flag_set_for(NULL, 'rule', jsonb_build_object('variants', '{"on": true, "off": false, "true": true, "1": true}'::jsonb, 'defaultVariant', 'off', 'targeting', targeting::jsonb));
    a := bastion.flag_evaluate('rule', NULL, context::jsonb);
    RETURN concat_ws(' ', a ->> 'variant', a ->> 'reason', a ->> 'errorCode');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS context := PG_EXCEPTION_DETAIL;
    RETURN concat_ws(': ', SQLSTATE, SQLERRM, context);
END $$;

-- each type, and what holds without a flag
SELECT bastion.flag_set_for(NULL, 'b', '{"variants": {"on": true, "off": false}, "defaultVariant": "on"}'), bastion.flag_set_for(NULL, 't', E'{"variants": {"hi": "Grüße \\"x\\"", "no": ""}, "defaultVariant": "hi"}'),
       bastion.flag_set_for(NULL, 'n', '{"variants": {"a": 0.1, "b": 9007199254740993}, "defaultVariant": "a"}'), bastion.flag_set_for(NULL, 'j', '{"variants": {"a": {"x": [1, null]}, "b": []}, "defaultVariant": "a", "metadata": {"owner": "team"}}');
SELECT bastion.flag_boolean('b', false), bastion.flag_text('t', 'x'), bastion.flag_numeric('n', 7), bastion.flag_json('j', '1');
SELECT bastion.flag_boolean('none', true), bastion.flag_text('none', 'x'), bastion.flag_numeric('none', 7), bastion.flag_json('none', '1'), bastion.flag_boolean('none', NULL) IS NULL AS nothing, bastion.flag_boolean(NULL, true) AS without_key;
SELECT bastion.flag_boolean('t', true), bastion.flag_text('b', 'x'), bastion.flag_numeric('b', 7), bastion.flag_json('b', '1');
SELECT k, d, bastion.flag_evaluate(k, d::jsonb) FROM (VALUES ('b', 'false'), ('b', '1'), ('b', NULL), ('t', '"x"'), ('n', '1'), ('n', '"1"'), ('j', '{}'), ('j', 'null'), ('none', '[1]'), ('none', NULL)) v (k, d);
SELECT bastion.flag_set_for(NULL, 'ruled', '{"variants": {"on": true}, "targeting": {"if": [true, "on"]}}');
SELECT k, c, bastion.flag_evaluate(k, 'false', t::jsonb) FROM unnest(ARRAY['b', 'ruled']) k, unnest(ARRAY['{}', '[]', '1', 'null', '{"x": "' || repeat('x', 65536) || '"}']) WITH ORDINALITY v (t, n), LATERAL (SELECT CASE n WHEN 5 THEN 'long' ELSE t END) l (c) WHERE k = 'ruled' OR n < 5 ORDER BY k, n;
SELECT bastion.flag_disable_for(NULL, 'b'), bastion.flag_boolean('b', false), bastion.flag_evaluate('b', 'null');
SELECT bastion.flag_disable_for(NULL, 'b', false), bastion.flag_boolean('b', false);

-- definitions that flagd would not evaluate
SELECT test.refusal(format('SELECT bastion.flag_set_for(NULL, ''bad'', %L)', d)) FROM unnest(ARRAY[
    NULL, '1', '[]', '{}', '{"variants": {}}', '{"variants": []}', '{"variants": {"": 1}}', '{"variants": {"a": null}}', '{"variants": {"a": 1, "b": "x"}}', '{"variants": {"a": 1}, "other": 1}',
    '{"variants": {"a": 1}, "state": "on"}', '{"variants": {"a": 1}, "state": true}', '{"variants": {"a": 1}, "defaultVariant": "b"}', '{"variants": {"a": 1}, "defaultVariant": 1}',
    '{"variants": {"a": 1}, "metadata": []}', '{"variants": {"a": 1}, "targeting": []}', '{"variants": {"a": 1}, "targeting": {"if": []}}', '{"variants": {"a": 1}, "targeting": {"if": [true, "a"], "or": [1]}}',
    '{"variants": {"a": 1}, "targeting": {"===": [1, 1]}}', '{"variants": {"a": 1}, "targeting": {"==": [1]}}', '{"variants": {"a": 1}, "targeting": {"==": 1}}', '{"variants": {"a": 1}, "targeting": {"var": {"var": "x"}}}',
    '{"variants": {"a": 1}, "targeting": {"map": [1]}}', '{"variants": {"a": 1}, "targeting": {"$ref": "x"}}', '{"variants": {"a": 1}, "targeting": {"fractional": "a"}}']) d;
SELECT test.refusal(format('SELECT bastion.flag_set_for(NULL, %s)', a)) FROM unnest(ARRAY['NULL, d', ''''', d', 'repeat(''x'', 201), d', 'chr(7), d', '''x'', d, NULL', '''x'', d, ''''', '''x'', d, ''Prod''', '''x'', d, repeat(''e'', 64)',
    '''x'', d, reason => ''''', '''x'', d, effective_at => ''infinity''', '''x'', d, effective_at => ''2020-01-01''', '''x'', jsonb_build_object(''variants'', jsonb_build_object(''a'', repeat(''x'', 300000)))']) t,
    LATERAL replace(replace(t, ', d', ', ''{"variants": {"a": 1}}'''), 'd, ', '') a;
SELECT test.refusal(format('SELECT bastion.flag_set_for(NULL, ''deep'', %L)', '{"variants": {"a": 1}, "targeting": ' || repeat('{"!": ', 100) || 'true' || repeat('}', 100) || '}'));

-- rules
SELECT r, c, flag.verdict(r, c) FROM (VALUES
    ('{"if": [{"==": [{"var": "plan"}, "pro"]}, "on", "off"]}', '{"plan": "pro"}'), ('{"if": [{"==": [{"var": "plan"}, "pro"]}, "on"]}', '{"plan": "free"}'), ('{"if": [{"==": [{"var": "plan"}, "pro"]}, "on"]}', NULL),
    ('{"in": ["x", {"var": "list"}]}', '{"list": ["x"]}'), ('{"in": [{"var": "n"}, [1, "2"]]}', '{"n": 2}'), ('{">": [{"var": "age"}, "x"]}', '{"age": 1}'), ('{"<": [1, {"var": "age"}, 9]}', '{"age": "5"}'),
    ('{"fractional": [["on", 1]]}', NULL), ('{"fractional": [["on", 1]]}', '{"targetingKey": "k"}'), ('{"fractional": [["on", 1]]}', '{"targetingKey": ""}'), ('{"fractional": [{"var": "x"}, ["on", 1]]}', '{"x": "k"}'), ('{"fractional": [{"var": "x"}, ["on", 1]]}', NULL),
    ('{"fractional": [["on", 0]]}', '{"targetingKey": "k"}'), ('{"fractional": [["on", 2147483647], ["off", 1]]}', '{"targetingKey": "k"}'), ('{"fractional": [["on", 1.5]]}', '{"targetingKey": "k"}'),
    ('{"if": [{"sem_ver": [{"var": "v"}, "^", "2"]}, "on"]}', '{"v": "v2.9.1-rc.1"}'), ('{"if": [{"starts_with": [{"var": "v"}, "a"]}, "on"]}', '{"v": "abc"}'), ('{"if": [{"ends_with": [{"var": "v"}, "c"]}, "on"]}', '{"v": 1}'),
    ('{"if": [{"==": [{"cat": ["a", {"var": "v"}]}, "a1"]}, "on"]}', '{"v": 1}'), ('{"var": "which"}', '{"which": "none"}'), ('{"var": "which"}', '{"which": [1]}'), ('{"var": ["which", "on"]}', '{}'), ('{"!": {"var": "x"}}', '{}'), ('{}', NULL), ('null', NULL),
    ('{"var": "$bastion.user_id"}', '{"$bastion": {"user_id": "on"}}'), ('{"var": "$bastion.other"}', NULL), ('{"==": [{"var": "$flagd.flagKey"}, "rule"]}', NULL), ('{">": [{"var": "$flagd.timestamp"}, 1700000000]}', NULL), ('{"<": [{"var": "$flagd.timestamp"}, 4000000000]}', NULL)) v (r, c);

-- the identity of the caller, which a context cannot claim
SELECT bastion.flag_set_for(NULL, 'who', jsonb_build_object('variants', jsonb_build_object('a', 'user', 'b', 'tenant', 'c', 'role', 'd', 'none', 'e', 'key'), 'defaultVariant', 'd', 'targeting', jsonb_build_object('if', jsonb_build_array(
    jsonb_build_object('==', jsonb_build_array('{"var": "ask"}'::jsonb, 'user')), jsonb_build_object('if', jsonb_build_array(jsonb_build_object('==', jsonb_build_array('{"var": "$bastion.user_id"}'::jsonb, :'fay_id')), 'a')),
    jsonb_build_object('==', jsonb_build_array('{"var": "ask"}'::jsonb, 'tenant')), jsonb_build_object('if', jsonb_build_array(jsonb_build_object('==', jsonb_build_array('{"var": "$bastion.tenant_id"}'::jsonb, :'of_fay')), 'b')),
    jsonb_build_object('==', jsonb_build_array('{"var": "ask"}'::jsonb, 'key')), jsonb_build_object('if', jsonb_build_array(jsonb_build_object('==', jsonb_build_array('{"var": "targetingKey"}'::jsonb, :'fay_id')), 'e')),
    '{"in": ["owner", {"var": "$bastion.roles"}]}'::jsonb, 'c'))));
SELECT ask, flag.run(:'fay', format('bastion.flag_text(''who'', NULL, %L)', c)) AS fay, flag.run(:'gus', format('bastion.flag_text(''who'', NULL, %L)', c)) AS gus, flag.run(NULL, format('bastion.flag_text(''who'', NULL, %L)', c)) AS nobody
FROM unnest(ARRAY['user', 'tenant', 'key', 'role']) ask, LATERAL jsonb_build_object('ask', ask, '$bastion', jsonb_build_object('user_id', :'fay_id', 'tenant_id', :'of_fay', 'roles', '["owner"]'::jsonb)) c;
SELECT flag.run('nonsense', $$bastion.flag_boolean('b', true)$$);

-- whose flag counts: tenant before installation, environment before every one
SELECT bastion.flag_set_for(t, 'place', jsonb_build_object('variants', jsonb_build_object('x', concat(coalesce(n, 'all'), ' ', e)), 'defaultVariant', 'x'), e) FROM (VALUES (NULL, NULL, '*'), (NULL, NULL, 'staging'), (:'of_fay', 'fay', '*'), (:'of_fay', 'fay', 'staging')) v (t, n, e);
CREATE FUNCTION flag.place(token text, environment text) RETURNS text LANGUAGE plpgsql AS
$$ BEGIN PERFORM set_config('bastion.environment', environment, true); RETURN flag.run(token, $q$bastion.flag_text('place', 'none')$q$); END $$;
SELECT e, flag.place(:'fay', e) AS fay, flag.place(:'gus', e) AS gus, flag.place(NULL, e) AS nobody FROM unnest(ARRAY['*', 'staging', 'production']) e;
SELECT flag.run(:'fay', $$bastion.flag_delete('place', 'staging')$$), flag.place(:'fay', 'staging') AS tenant, bastion.flag_delete_for(:'of_fay', 'place') AS version, flag.place(:'fay', 'staging') AS installation;
SELECT bastion.flag_delete_for(NULL, 'place', 'staging'), flag.place(:'fay', 'staging'), bastion.flag_delete_for(NULL, 'place'), flag.place(:'fay', 'staging') AS gone;
SELECT test.error('SET bastion.environment = ''Two words'''), test.error('SET bastion.environment = '''''), test.error('SET bastion.environment = ''pre-prod'''), test.error('SET bastion.environment = ''pre_prod_2''');

-- who may change them
SELECT flag.run(:'fay', $$bastion.flag_set('mine', '{"variants": {"on": true, "off": false}, "defaultVariant": "off"}', reason => 'a first try')$$) AS set, flag.run(:'fay', $$bastion.flag_boolean('mine', NULL)$$) AS fay, flag.run(:'gus', $$bastion.flag_boolean('mine', NULL)$$) AS gus;
SELECT bastion.membership_force('gus@flag.example', :'of_fay', 'member') IS NULL AS joined;
SELECT call, (SELECT concat_ws(': ', a.error, a.detail) FROM test.as_app(:'gus', :'of_fay', NULL, 'SELECT bastion.flag_' || call) a) FROM unnest(ARRAY['set(''mine'', ''{"variants": {"on": true}}'')', 'rollout(''mine'', ''on'', 50)', 'disable(''mine'')', 'delete(''mine'')',
    'rollback(''mine'', 1)', 'cancel(''mine'', 1)', 'list()', 'history(''mine'')', 'import(''{"flags": {}}'')', 'export()']) call;
SELECT (SELECT a.answer FROM test.as_app(:'gus', :'of_fay', NULL, $$SELECT bastion.flag_boolean('mine', NULL)$$) a) AS but_gets_it, test.error('SET LOCAL ROLE regress_app; SELECT * FROM bastion.flags') AS flags, flag.run(NULL, $$bastion.flag_list()$$) AS nobody;

-- roll-outs: who has it keeps it
SELECT flag.run(:'fay', $$bastion.flag_rollout('mine', 'on', 0.001, users => '{fay@flag.example}', roles => '{beta}', reason => 'for the first')$$), flag.run(:'fay', $$bastion.flag_boolean('mine', NULL)$$) AS named, (SELECT a.answer FROM test.as_app(:'gus', :'of_fay', NULL, $$SELECT bastion.flag_boolean('mine', NULL)$$) a) AS other;
SELECT definition -> 'targeting' = jsonb_build_object('if', jsonb_build_array(jsonb_build_object('or', jsonb_build_array(jsonb_build_object('in', jsonb_build_array('{"var": "$bastion.user_id"}'::jsonb, jsonb_build_array(:'fay_id'))), '{"in": ["beta", {"var": "$bastion.roles"}]}'::jsonb)),
    'on', '{"fractional": [["on", 1], ["off", 99999]]}'::jsonb)) AS rule FROM bastion.flag_history_for(:'of_fay', 'mine') WHERE in_force;
SELECT bastion.flag_set_for(NULL, 'grow', '{"variants": {"on": true, "off": false}, "defaultVariant": "off"}');
CREATE FUNCTION flag.chosen(percent numeric) RETURNS int[] LANGUAGE plpgsql AS $$
BEGIN
    PERFORM bastion.flag_rollout_for(NULL, 'grow', 'on', percent);
    RETURN ARRAY(SELECT n FROM generate_series(1, 2000) n WHERE bastion.flag_boolean('grow', NULL, jsonb_build_object('targetingKey', 'user-' || n)));
END $$;
SELECT cardinality(a) BETWEEN 140 AND 260 AS tenth, cardinality(b) BETWEEN 900 AND 1100 AS half, cardinality(c) AS whole, cardinality(d) AS none, a <@ b AND b <@ c AS stay FROM flag.chosen(10) a, flag.chosen(50) b, flag.chosen(100) c, flag.chosen(0) d;
SELECT test.refusal(format('SELECT bastion.flag_rollout_for(NULL, %s)', a)) FROM unnest(ARRAY['''grow'', ''on'', -1', '''grow'', ''on'', 100.1', '''grow'', ''on'', ''NaN''', '''grow'', ''on'', NULL', '''grow'', ''off'', 1', '''grow'', ''other'', 1', '''grow'', NULL, 1', '''other'', ''on'', 1',
    '''grow'', ''on'', 1, ''{nobody@x.example}''', '''grow'', ''on'', 1, NULL', '''grow'', ''on'', 1, ARRAY[NULL::text]', '''grow'', ''on'', 1, roles => ARRAY[NULL::text]', '''grow'', ''on'', 1, roles => array_fill(''r''::text, ''{1001}'')']) a;
SELECT bastion_api.signup('hal@flag.example', 'correct horse battery', 'Flags of hal') ? 'user' AS is_somewhere_else;
SELECT flag.run(:'fay', $$bastion.flag_rollout('mine', 'on', 1, users => '{gus@flag.example}')$$) AS a_member, flag.run(:'fay', $$bastion.flag_rollout('mine', 'on', 1, users => '{hal@flag.example}')$$) AS a_stranger;

-- who rolled out takes it back, and what is to come
SELECT flag.run(:'fay', $$bastion.flag_rollback('mine', 1, reason => 'as at first')$$) AS back, flag.run(:'fay', $$bastion.flag_boolean('mine', NULL)$$) AS as_at_first, flag.run(:'fay', $$bastion.flag_set('mine', '{"variants": {"on": true}}', effective_at => clock_timestamp() + interval '1 hour')$$) AS next;
SELECT flag.run(:'fay', format('bastion.flag_cancel(''mine'', %s)', f.version)) AS cancelled, flag.run(:'fay', format('bastion.flag_cancel(''mine'', %s)', f.version)) AS again FROM bastion.flags f WHERE f.key = 'mine' AND f.tenant_id = :'of_fay';

-- roles of the caller: inherited, of a unit, and after a change
SELECT bastion.flag_set_for(:'of_fay', 'by_role', '{"variants": {"on": true, "off": false}, "defaultVariant": "off", "targeting": {"if": [{"in": ["beta", {"var": "$bastion.roles"}]}, "on"]}}');
CREATE FUNCTION flag.by_role(unit text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$ SELECT a.answer FROM test.people p, test.as_app(p.token, test.tenant_of('fay')::text, unit, $q$SELECT bastion.flag_boolean('by_role', NULL)$q$) a WHERE p.name = 'gus' $$;
SELECT flag.run(:'fay', $$bastion.role_create('beta')$$) <> '' AS made, flag.run(:'fay', $$bastion.role_create('early')$$) <> '' AS too, flag.run(:'fay', $$bastion.role_parent_add('early', 'beta')$$) AS inherits, flag.by_role() AS before;
SELECT bastion.membership_force('gus@flag.example', :'of_fay', 'early') IS NULL AS given, flag.by_role() AS inherited;
SELECT flag.run(:'fay', $$bastion.role_parent_remove('early', 'beta')$$) AS removed, flag.by_role() AS after;
SELECT flag.run(:'fay', $$bastion.unit_create('team', 'Lab', 'lab')$$) <> '' AS made, bastion.membership_force('gus@flag.example', :'of_fay', 'beta', 'lab') IS NULL AS given, flag.by_role() AS outside, flag.by_role('lab') AS inside;
UPDATE bastion.memberships m SET valid_from = '2020-01-01', valid_until = '2020-01-02' FROM bastion.roles r WHERE r.id = m.role_id AND r.name = 'beta' AND m.tenant_id = :'of_fay';
SELECT flag.by_role('lab') AS expired, (SELECT a.answer FROM test.as_app(:'gus', :'of_fay', NULL, $$SELECT bastion.flag_text('who', NULL, '{"ask": "role"}')$$) a) AS owner_elsewhere;

-- versions: check-and-set, history, rollback, what was deleted
CREATE FUNCTION flag.put(value text, expected int DEFAULT NULL, at timestamptz DEFAULT NULL) RETURNS int LANGUAGE sql AS $$ SELECT bastion.flag_set_for(NULL, 'cas', jsonb_build_object('variants', jsonb_build_object('v', value), 'defaultVariant', 'v'), expected_version => expected, effective_at => at) $$;
SELECT test.refusal('SELECT flag.put(''x'', 1)'), flag.put('one', 0), test.refusal('SELECT flag.put(''x'', 0)'), flag.put('two', 1), test.refusal('SELECT flag.put(''x'', 1)');
SELECT bastion.flag_text('cas', ''), bastion.flag_rollback_for(NULL, 'cas', 1), bastion.flag_text('cas', ''), bastion.flag_delete_for(NULL, 'cas', reason => 'not needed'), bastion.flag_text('cas', 'gone'), flag.put('again', 0), bastion.flag_text('cas', '');
SELECT version, definition #>> '{variants,v}' AS value, in_force, reason, created_by IS NULL AS by_operator FROM bastion.flag_history_for(NULL, 'cas');
SELECT test.refusal(format('SELECT bastion.flag_rollback_for(NULL, %s)', a)) FROM unnest(ARRAY['''cas'', 4', '''cas'', 99', '''cas'', NULL', '''other'', 1']) a;
SELECT version, in_force, reason, created_by = :'fay_id' AS by_fay FROM bastion.flag_history_for(:'of_fay', 'mine');
SELECT test.refusal('SELECT bastion.flag_delete_for(NULL, ''other'')'), test.refusal('SELECT bastion.flag_disable_for(NULL, ''other'')'), test.refusal('SELECT bastion.flag_set_for(''no-such-tenant'', ''x'', ''{"variants": {"a": 1}}'')');

-- scheduled: it holds when its time has come, in the backend that has it cached too
CREATE FUNCTION flag.at(value text, at interval) RETURNS int LANGUAGE sql AS $$ SELECT flag.put(value, at => clock_timestamp() + at) $$;
SELECT flag.at('soon', '1 hour') AS soon, flag.at('later', '2 hours') AS later, flag.at('never', '3 hours') AS never, bastion.flag_text('cas', '');
SELECT bastion.flag_cancel_for(NULL, 'cas', 8) AS cancelled, bastion.flag_cancel_for(NULL, 'cas', 8) AS again, bastion.flag_cancel_for(NULL, 'cas', 5) AS holds, bastion.flag_cancel_for(NULL, 'cas', 99) AS unknown, bastion.flag_cancel_for(NULL, 'other', 1) AS other;
SELECT flag.put('between') AS version, bastion.flag_text('cas', '');
-- an hour passes
UPDATE bastion.flag_versions v SET effective_at = v.effective_at - interval '1 hour' FROM bastion.flags f WHERE f.id = v.flag_id AND f.key = 'cas' AND v.version IN (6, 7, 8);
SELECT bastion.flag_text('cas', '');
UPDATE bastion.flag_versions v SET effective_at = v.effective_at - interval '2 hours' FROM bastion.flags f WHERE f.id = v.flag_id AND f.key = 'cas' AND v.version IN (7, 8);
UPDATE bastion.flag_versions v SET effective_at = now() FROM bastion.flags f WHERE f.id = v.flag_id AND f.key = 'cas' AND v.version = 8;
SELECT bastion.flag_text('cas', '') AS not_the_cancelled;
SELECT bastion.flag_text('cas', '') AS not_after_the_newest, flag.put('last') AS version, bastion.flag_text('cas', '');
DO $$
BEGIN
    PERFORM bastion.flag_set_for(NULL, 'tick', '{"variants": {"a": 1}, "defaultVariant": "a"}', effective_at => clock_timestamp() + interval '300 milliseconds');
    PERFORM bastion.flag_set_for(NULL, 'tick', '{"variants": {"a": 2}, "defaultVariant": "a"}', effective_at => clock_timestamp() + interval '1 hour');
END $$;
SELECT bastion.flag_numeric('tick', 0) AS before, bastion.cache_stats() -> 'flags' -> 'loads' AS loads \gset
DO $$ BEGIN WHILE clock_timestamp() < (SELECT min(effective_at) FROM bastion.flag_history_for(NULL, 'tick')) LOOP END LOOP; END $$;
SELECT :before AS before, bastion.flag_numeric('tick', 0) AS after, bastion.flag_numeric('tick', 0) AS again, (bastion.cache_stats() -> 'flags' -> 'loads')::int - :loads AS loads;

-- cached, and dropped by every change; a savepoint that is rolled back leaves nothing
SELECT test.counted('flags', $$SELECT bastion.flag_boolean('b', false) FROM generate_series(1, 100)$$);
BEGIN;
SAVEPOINT s;
SELECT bastion.flag_set_for(NULL, 'b', '{"variants": {"x": "other type"}, "defaultVariant": "x"}'), bastion.flag_boolean('b', NULL) IS NULL AS changed;
ROLLBACK TO s;
SELECT bastion.flag_boolean('b', NULL) AS as_before;
COMMIT;

-- in a policy and in a view
CREATE TABLE flag.things (id int, beta boolean);
INSERT INTO flag.things VALUES (1, false), (2, true);
ALTER TABLE flag.things ENABLE ROW LEVEL SECURITY;
CREATE POLICY things_beta ON flag.things USING (NOT beta OR (SELECT bastion.flag_boolean('show_beta', false)));
CREATE VIEW flag.seen WITH (security_invoker = true) AS SELECT id FROM flag.things WHERE bastion.flag_boolean('show_view', false);
GRANT USAGE ON SCHEMA flag TO regress_app;
GRANT SELECT ON flag.things, flag.seen TO regress_app;
SELECT flag.run(:'fay', '(SELECT count(*) FROM flag.things)') AS hidden, flag.run(:'fay', '(SELECT count(*) FROM flag.seen)') AS view;
SELECT flag.run(:'fay', $$(SELECT count(bastion.flag_set(k, '{"variants": {"on": true}, "defaultVariant": "on"}')) FROM unnest('{show_beta,show_view}'::text[]) k)$$) AS set, flag.run(:'fay', '(SELECT count(*) FROM flag.things)') AS fay, flag.run(:'fay', '(SELECT count(*) FROM flag.seen)') AS view, flag.run(:'gus', '(SELECT count(*) FROM flag.things)') AS gus;
SELECT p.provolatile, p.proparallel, count(*) FROM pg_proc p WHERE p.pronamespace = 'bastion'::regnamespace AND p.proname IN ('flag_boolean', 'flag_text', 'flag_numeric', 'flag_json', 'flag_evaluate') GROUP BY 1, 2;

-- files of flagd, with references
SELECT bastion.flag_import_for(:'of_gus', '{"$schema": "x", "flags": {"f1": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off", "targeting": {"if": [{"$ref": "staff"}, "on"]}}, "f2": {"state": "DISABLED", "variants": {"a": 1}, "defaultVariant": "a"}},
    "$evaluators": {"staff": {"ends_with": [{"var": "email"}, "@example.com"]}}}', reason => 'moved here');
SELECT flag.run(:'gus', $$bastion.flag_boolean('f1', NULL, '{"email": "a@example.com"}')$$) AS staff, flag.run(:'gus', $$bastion.flag_boolean('f1', NULL, '{"email": "a@example.org"}')$$) AS other, flag.run(:'gus', $$bastion.flag_numeric('f2', 5)$$) AS disabled;
SELECT flag.run(:'gus', $$(SELECT jsonb_object_agg(key, value) FROM jsonb_each(bastion.flag_export() -> 'flags') WHERE key LIKE 'f_')$$);
SELECT flag.run(:'gus', $$(SELECT count(*) FROM bastion.flag_import(bastion.flag_export()))$$) AS of_others_too, flag.run(:'gus', $$(SELECT count(*) FROM bastion.flag_import(bastion.flag_export()))$$) AS again;
SELECT flag.run(:'gus', $$(SELECT string_agg(concat_ws(' ', key, of_environment, of_tenant, version), ', ') FROM bastion.flag_list() WHERE key IN ('f1', 'f2', 'b'))$$);
SELECT test.refusal(format('SELECT bastion.flag_import_for(NULL, %L)', a)) FROM unnest(ARRAY[NULL, '1', '{}', '{"flags": []}', '{"flags": {"x": 1}}', '{"flags": {"x": {"variants": {"a": 1}, "targeting": {"$ref": "y"}}}}', '{"flags": {}, "$evaluators": []}', '{"flags": {"": {"variants": {"a": 1}}}}']) a;

-- many references to a long rule: refused before it is made
SELECT test.refusal(format('SELECT bastion.flag_import_for(NULL, %L)', jsonb_build_object('flags', jsonb_build_object('big', jsonb_build_object('variants', '{"a": 1}'::jsonb, 'targeting', jsonb_build_object('or', (SELECT jsonb_agg('{"$ref": "x"}'::jsonb) FROM generate_series(1, 20000))))),
    '$evaluators', jsonb_build_object('x', jsonb_build_object('==', jsonb_build_array(repeat('x', 100000), 1))))));
-- on record
SELECT kind, detail - 'effective_at' FROM bastion.events WHERE kind LIKE 'flag%' AND tenant_id = :'of_fay' ORDER BY id LIMIT 4;
-- for tests that follow
SELECT count(bastion.flag_delete_for(NULL, f.key, f.environment)) > 5 AS deleted FROM bastion.flags f WHERE f.tenant_id IS NULL AND (bastion_internal.version_in_force(f.id)).definition IS NOT NULL;
DROP SCHEMA flag CASCADE;

-- The Authorization API 1.0 of OpenID AuthZEN: the examples of the specification, each decision beside that of the policies, and requests
-- that are malformed or about what does not exist.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA zen;
GRANT USAGE ON SCHEMA zen TO regress_app;
SELECT bastion.resource_register('account', '{can_read,close}'), bastion.resource_register('document', '{create,read,edit,update,delete}');
INSERT INTO test.people (name, id, tenant, number, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, (a #>> '{tenant,number}')::bigint, a ->> 'access_token'
FROM unnest(ARRAY['alice', 'carol']) n, LATERAL bastion_api.signup(n || '@acmecorp.example', 'correct horse battery', 'Zen of ' || n) a;
SELECT token AS alice, tenant AS alice_tenant FROM test.people WHERE name = 'alice' \gset
CREATE TABLE zen.documents (name text PRIMARY KEY, tenant_id uuid, title text);
GRANT SELECT, INSERT, UPDATE, DELETE ON zen.documents TO regress_app;
SELECT count(*) > 0 AS protected FROM bastion.protect('zen.documents', resource => 'document');
INSERT INTO zen.documents SELECT n, p.tenant, n FROM (VALUES ('boxcarring.md', 'alice'), ('subject-search.md', 'carol'), ('resource-search.md', 'alice'), ('1', 'alice'), ('2', 'carol'), ('3', 'alice')) d (n, who) JOIN test.people p ON p.name = d.who;

-- a single evaluation (section 6)
SELECT jsonb_pretty(bastion.authzen_evaluation('{"subject": {"type": "user", "id": "alice@acmecorp.example"}, "resource": {"type": "account", "id": "123"},
    "action": {"name": "can_read", "properties": {"method": "GET"}}, "context": {"time": "1985-10-26T01:22-07:00"}}')) AS response;
SELECT jsonb_pretty(bastion.authzen_evaluation('{"subject": {"type": "user", "id": "alice@acmecorp.example"}, "resource": {"type": "document", "id": "subject-search.md"}, "action": {"name": "can_read"}}')) AS response;

-- several, with and without defaults (section 7)
CREATE FUNCTION zen.decisions(request jsonb) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT coalesce((SELECT string_agg(e ->> 'decision', ' ' ORDER BY n) FROM jsonb_array_elements(r -> 'evaluations') WITH ORDINALITY u (e, n)), 'one: ' || (r ->> 'decision')) FROM bastion.authzen_evaluations(request) r
$$;
SELECT zen.decisions('{"evaluations": [
    {"subject": {"type": "user", "id": "alice@acmecorp.example"}, "action": {"name": "can_read"}, "resource": {"type": "document", "id": "boxcarring.md"}, "context": {"time": "2024-05-31T15:22-07:00"}},
    {"subject": {"type": "user", "id": "alice@acmecorp.example"}, "action": {"name": "can_read"}, "resource": {"type": "document", "id": "subject-search.md"}, "context": {"time": "2024-05-31T15:22-07:00"}},
    {"subject": {"type": "user", "id": "carol@acmecorp.example"}, "action": {"name": "can_read"}, "resource": {"type": "document", "id": "resource-search.md"}, "context": {"time": "2024-05-31T15:22-07:00"}}]}') AS no_defaults;
SELECT zen.decisions('{"subject": {"type": "user", "id": "alice@acmecorp.example"}, "context": {"time": "2024-05-31T15:22-07:00"}, "evaluations": [
    {"action": {"name": "can_read"}, "resource": {"type": "document", "id": "boxcarring.md"}}, {"action": {"name": "can_read"}, "resource": {"type": "document", "id": "subject-search.md"}},
    {"action": {"name": "can_read"}, "resource": {"type": "document", "id": "resource-search.md"}}]}') AS default_subject;
SELECT zen.decisions('{"subject": {"type": "user", "id": "alice@acmecorp.example"}, "context": {"time": "2024-05-31T15:22-07:00"}, "action": {"name": "can_read"}, "evaluations": [
    {"resource": {"type": "document", "id": "boxcarring.md"}}, {"resource": {"type": "document", "id": "subject-search.md"}},
    {"action": {"name": "can_edit"}, "resource": {"type": "document", "id": "resource-search.md"}}]}') AS default_action;
SELECT semantic, zen.decisions(jsonb_build_object('options', jsonb_build_object('evaluations_semantic', semantic)) || '{"subject": {"type": "user", "id": "alice@acmecorp.example"}, "action": {"name": "read"},
    "evaluations": [{"resource": {"type": "document", "id": "1"}}, {"resource": {"type": "document", "id": "2"}}, {"resource": {"type": "document", "id": "3"}}]}')
FROM unnest(ARRAY['execute_all', 'deny_on_first_deny', 'permit_on_first_permit']) WITH ORDINALITY u (semantic, n) ORDER BY n;
SELECT zen.decisions('{"subject": {"type": "user", "id": "alice@acmecorp.example"}, "action": {"name": "read"}, "resource": {"type": "document", "id": "1"}}') AS without_evaluations,
       zen.decisions('{"subject": {"type": "user", "id": "alice@acmecorp.example"}, "action": {"name": "read"}, "resource": {"type": "document", "id": "1"}, "evaluations": []}') AS of_none;

-- each decision is the one of the policies
SELECT p.name AS who, d.name AS document, a.action,
       bastion.authzen_evaluation(jsonb_build_object('subject', jsonb_build_object('type', 'user', 'id', p.id), 'resource', jsonb_build_object('type', 'document', 'id', d.name), 'action', jsonb_build_object('name', a.action))) -> 'decision' AS decision,
       (test.as_app(p.token, NULL, NULL, CASE a.action WHEN 'read' THEN format('SELECT count(*) FROM zen.documents WHERE name = %L', d.name)
           ELSE format('WITH u AS (UPDATE zen.documents SET title = title WHERE name = %L RETURNING 1) SELECT count(*) FROM u', d.name) END)).answer AS rows
FROM test.people p, zen.documents d, unnest(ARRAY['read', 'update']) a (action) WHERE d.name IN ('1', '2') ORDER BY p.name, d.name, a.action;

-- tenants, by id and by the place that a request names
SELECT what, r ->> 'decision' AS decision, r #>> '{context,reason_admin,en}' AS reason FROM (VALUES
    (1, 'a tenant by slug', '{"resource": {"type": "tenant", "id": "zen-of-alice"}, "action": {"name": "members.manage"}}'), (2, 'another tenant', '{"resource": {"type": "tenant", "id": "zen-of-carol"}, "action": {"name": "members.manage"}}'),
    (3, 'no such tenant', '{"resource": {"type": "tenant", "id": "no-such-zen"}, "action": {"name": "members.manage"}}'), (4, 'the tenant of the resource', '{"resource": {"type": "account", "id": "1", "properties": {"tenant": "zen-of-carol"}}, "action": {"name": "close"}}'),
    (5, 'the tenant of the context', '{"resource": {"type": "account", "id": "1"}, "action": {"name": "close"}, "context": {"tenant": "zen-of-alice"}}'), (6, 'no such unit', '{"resource": {"type": "account", "id": "1"}, "action": {"name": "close"}, "context": {"unit": "none"}}'),
    (7, 'no such row', '{"resource": {"type": "document", "id": "9"}, "action": {"name": "read"}}'), (8, 'no such action', '{"resource": {"type": "document", "id": "1"}, "action": {"name": "fly"}}'), (9, 'no such type', '{"resource": {"type": "planet", "id": "1"}, "action": {"name": "read"}}'),
    (10, 'no such user', '{"subject": {"type": "user", "id": "nobody@acmecorp.example"}, "resource": {"type": "document", "id": "1"}, "action": {"name": "read"}}'),
    (11, 'a group', '{"subject": {"type": "group", "id": "staff"}, "resource": {"type": "document", "id": "1"}, "action": {"name": "read"}}'),
    (12, 'SQL', '{"resource": {"type": "document", "id": "1'' OR true --"}, "action": {"name": "read"}}'), (13, 'nothing', '{"resource": {"type": "", "id": ""}, "action": {"name": ""}}')) v (n, what, request),
    LATERAL (SELECT bastion.authzen_evaluation('{"subject": {"type": "user", "id": "alice@acmecorp.example"}}'::jsonb || request::jsonb) AS r) a ORDER BY n;
CREATE TABLE zen.second (id int PRIMARY KEY, tenant_id uuid);
SELECT count(*) > 0 AS protected FROM bastion.protect('zen.second', resource => 'document');
SELECT bastion.authzen_evaluation('{"subject": {"type": "user", "id": "alice@acmecorp.example"}, "resource": {"type": "document", "id": "1"}, "action": {"name": "read"}}') #>> '{context,reason_admin,en}' AS two_tables;
DROP TABLE zen.documents;
SELECT bastion.authzen_evaluation('{"subject": {"type": "user", "id": "alice@acmecorp.example"}, "resource": {"type": "document", "id": "x"}, "action": {"name": "read"}}') #>> '{context,reason_admin,en}' AS no_number;

-- the service that asks has an identity of its own, which changes nothing; null is no place
CREATE FUNCTION zen.asks(request jsonb) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT concat_ws(': ', r ->> 'decision', r #>> '{context,reason_admin,en}') FROM bastion.authzen_evaluation('{"resource": {"type": "account", "id": "1"}, "action": {"name": "close"}}' || request) r
$$;
SELECT zen.asks('{"subject": {"type": "user", "id": "carol@acmecorp.example"}}') AS in_the_only_tenant;
BEGIN;
SELECT bastion.authenticate(:'alice') IS NOT NULL AS alice;
SELECT zen.asks('{"subject": {"type": "user", "id": "carol@acmecorp.example"}}') AS in_the_only_tenant, zen.asks('{"subject": {"type": "user", "id": "unknown@acmecorp.example"}}') AS unknown;
COMMIT;
SELECT bastion.membership_force((SELECT id FROM test.people WHERE name = 'alice'), 'zen-of-carol', 'member') IS NULL AS also_there;
BEGIN;
SELECT bastion.authenticate(:'alice') IS NOT NULL AS alice;
SELECT zen.asks('{"subject": {"type": "user", "id": "alice@acmecorp.example"}}') AS in_one_of_two;
COMMIT;
SELECT zen.asks('{"subject": {"type": "user", "id": "alice@acmecorp.example"}, "context": {"tenant": "zen-of-alice"}, "resource": {"type": "account", "id": "1", "properties": {"tenant": null, "unit": null}}}') AS of_the_context,
       zen.asks('{"subject": {"type": "user", "id": "carol@acmecorp.example"}, "context": {"tenant": null}}') AS null_is_none;

-- malformed requests
SELECT request, test.error(format('SELECT bastion.authzen_evaluation(%L)', request)) FROM unnest(ARRAY['{}', '[]', 'null', '1', '{"subject": "alice", "resource": {"type": "a", "id": "b"}, "action": {"name": "c"}}',
    '{"subject": {"type": "user"}, "resource": {"type": "a", "id": "b"}, "action": {"name": "c"}}', '{"subject": {"type": "user", "id": 1}, "resource": {"type": "a", "id": "b"}, "action": {"name": "c"}}',
    '{"subject": {"type": "user", "id": "a"}, "resource": {"type": "a", "id": "b", "properties": []}, "action": {"name": "c"}}', '{"subject": {"type": "user", "id": "a"}, "resource": {"type": "a", "id": "b"}, "action": "c"}',
    '{"subject": {"type": "user", "id": "a"}, "resource": {"type": "a", "id": "b"}, "action": {"name": "c"}, "context": 1}']) WITH ORDINALITY u (request, n) ORDER BY n;
SELECT request, test.error(format('SELECT bastion.authzen_evaluations(%L)', request)) FROM unnest(ARRAY['{}', '[]', '"x"', '1', 'null', '["evaluations"]', '{"evaluations": 1}', '{"evaluations": [1]}', '{"evaluations": [{}]}', '{"evaluations": [{}], "options": {"evaluations_semantic": "any"}}', '{"evaluations": [{}], "options": 1}']) WITH ORDINALITY u (request, n) ORDER BY n;
SELECT test.error(format('SELECT bastion.authzen_evaluations(%L)', jsonb_build_object('evaluations', (SELECT jsonb_agg('{}'::jsonb) FROM generate_series(1, 1001))))) AS many,
       test.error(format('SELECT bastion.authzen_evaluation(%L)', jsonb_build_object('subject', jsonb_build_object('type', 'user', 'id', repeat('x', 2000)), 'resource', '{"type": "a", "id": "b"}'::jsonb, 'action', '{"name": "c"}'::jsonb))) AS long,
       bastion.authzen_evaluation(NULL) IS NULL AND bastion.authzen_evaluations(NULL) IS NULL AS of_null;

-- for operators
SET ROLE regress_app;
SELECT test.error('SELECT bastion.authzen_evaluation(''{}'')') AS evaluation, test.error('SELECT bastion.authzen_evaluations(''{}'')') AS evaluations;
RESET ROLE;
TRUNCATE test.people;
DROP SCHEMA zen CASCADE;

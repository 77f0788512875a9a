-- bastion.events: what is recorded, and that nobody changes it.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE TABLE test.before AS SELECT coalesce(max(id), 0) AS id FROM bastion.events;
GRANT SELECT ON test.before TO PUBLIC;
SET ROLE regress_app;
SELECT bastion_api.signup('eve@events.example', 'correct horse', 'Events') ? 'access_token' AS signed_up;
SELECT bastion_api.signup('eve@events.example', 'correct horse', 'Events') ->> 'error';
SELECT bastion_api.login('eve@events.example', 'wrong horse') ->> 'error';
SELECT bastion_api.login('my password by mistake', 'eve@events.example') ->> 'error';
SELECT bastion_api.login('eve@events.example', 'correct horse') ->> 'access_token' AS token \gset

-- an application role neither reads nor writes them
SELECT test.error('SELECT * FROM bastion.events');
SELECT test.error($$INSERT INTO bastion.events (kind, outcome) VALUES ('login', 'success')$$);
SELECT test.error($$SELECT bastion_internal.record_event('login', 'success')$$);
SELECT test.error($$SELECT bastion.impersonate(gen_random_uuid()::text, gen_random_uuid()::text, 'curious')$$);
RESET ROLE;

SELECT kind, outcome, e.user_id = u.id AS eve, actor_id IS NULL AS anonymous, e.tenant_id = m.tenant_id AS tenant, ip, detail
FROM bastion.events e, test.before b, bastion.users u JOIN bastion.memberships m ON m.user_id = u.id
WHERE e.id > b.id AND u.email = 'eve@events.example' AND kind <> 'key_created' ORDER BY e.id;
-- nothing of what was typed
SELECT count(*) FROM bastion.events e WHERE e::text ~ 'horse|mistake|example';
-- the keys of the first sign-up
SELECT DISTINCT kind, outcome, detail ->> 'key' AS key FROM bastion.events WHERE kind = 'key_created' AND detail ->> 'key' NOT IN ('pepper', 'application') ORDER BY 3;

-- nobody changes them, the owner included
SELECT test.error(statement)
FROM unnest(ARRAY['UPDATE bastion.events SET outcome = ''success''', 'UPDATE bastion.events SET id = DEFAULT WHERE false',
                  'DELETE FROM bastion.events', 'TRUNCATE bastion.events',
                  'SET session_replication_role = replica; DELETE FROM bastion.events']) statement;
RESET session_replication_role;
SELECT test.error($$INSERT INTO bastion.events (kind, outcome) VALUES ('login', 'maybe')$$);

-- who acts, and from which program
BEGIN;
SELECT bastion.authenticate(:'token') IS NOT NULL AS authenticated;
SELECT set_config('request.headers', '{"user-agent": "curl/8"}', true);
SELECT bastion_internal.record_event('login', 'refused');
SELECT actor_id = bastion.user_id() AS actor_is_eve, user_agent FROM bastion.events ORDER BY id DESC LIMIT 1;
SELECT set_config('request.headers', '{"user-agent', true);
SELECT bastion_internal.record_event('login', 'refused');
SELECT user_agent FROM bastion.events ORDER BY id DESC LIMIT 1;
ROLLBACK;
-- a refused token does not keep a refusal from being recorded
BEGIN;
SELECT set_config('bastion.token', 'no token at all', true);
SELECT bastion_api.login('eve@events.example', 'wrong horse') ->> 'error';
SELECT kind, actor_id FROM bastion.events ORDER BY id DESC LIMIT 1;
COMMIT;

-- impersonation is recorded with its reason, before it takes effect
SELECT u.id AS eve, m.tenant_id AS tenant FROM bastion.users u JOIN bastion.memberships m ON m.user_id = u.id
WHERE u.email = 'eve@events.example' \gset
BEGIN;
SELECT bastion.impersonate(:'eve', :'tenant', 'ticket 4711') = :'eve' AS impersonated;
SELECT bastion.user_id() = :'eve' AS user, bastion.whoami() ->> 'method' AS method, current_setting('transaction_read_only');
COMMIT;
SELECT kind, outcome, user_id = :'eve' AS eve, actor_id, tenant_id = :'tenant' AS tenant, detail - 'role' AS detail,
       detail ->> 'role' = session_user AS role
FROM bastion.events ORDER BY id DESC LIMIT 1;
-- with an account of one's own, read-write, and no event names the impersonated as actor
SELECT bastion_api.signup('support@events.example', 'correct horse', 'Support') ->> 'access_token' AS support \gset
SELECT id AS support_id FROM bastion.users WHERE email = 'support@events.example' \gset
CREATE ROLE regress_support;
GRANT USAGE ON SCHEMA bastion TO regress_support;
GRANT EXECUTE ON FUNCTION bastion.impersonate(text, text, text, boolean), bastion.authenticate(text, text, text),
    bastion.user_id(), bastion.actor_id() TO regress_support;
SET bastion.allow_identity_switch = on;
SET ROLE regress_support;
BEGIN;
SELECT bastion.authenticate(:'support') = :'support_id' AS authenticated;
SELECT bastion.impersonate(:'eve', :'tenant', 'ticket 4712', read_only => false) = :'eve' AS impersonated;
SELECT bastion.user_id() = :'eve' AS user, bastion.actor_id() = :'support_id' AS actor, current_setting('transaction_read_only');
RESET ROLE;
SELECT bastion_internal.record_event('login', 'refused');
SELECT kind, actor_id = :'support_id' AS actor FROM bastion.events ORDER BY id DESC LIMIT 2;
COMMIT;
RESET bastion.allow_identity_switch;
DROP OWNED BY regress_support;
DROP ROLE regress_support;
SELECT test.error(format('SELECT bastion.impersonate(%s)', arguments))
FROM unnest(ARRAY[format('%L, %L, NULL', :'eve', :'tenant'), format('%L, %L, %L', :'eve', :'tenant', ' '),
                  format('%L, %L, %L', :'eve', :'tenant', repeat('x', 201)), format('%L, %L, %L, NULL', :'eve', :'tenant', 'x'),
                  format('NULL, %L, %L', :'tenant', 'x'), format('%L, NULL, %L', :'eve', 'x'),
                  format('gen_random_uuid()::text, %L, %L', :'tenant', 'x'), format('%L, gen_random_uuid()::text, %L', :'eve', 'x')]) arguments;
BEGIN READ ONLY;
SELECT test.error(format('SELECT bastion.impersonate(%L, %L, %L)', :'eve', :'tenant', 'ticket 4713'));
ROLLBACK;
DROP TABLE test.before;

-- the comment names every kind that was recorded
SELECT DISTINCT kind AS not_named FROM bastion.events
WHERE kind NOT IN (SELECT unnest(string_to_array(col_description('bastion.events'::regclass, a.attnum), ', ')) FROM pg_attribute a
                   WHERE a.attrelid = 'bastion.events'::regclass AND a.attname = 'kind');

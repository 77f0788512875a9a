-- explain_access() and permission_matrix() about what takes a right away for a while: step-up rules, scopes of API keys and delegations,
-- impersonation. What they tell about the user of the transaction is what has_permission() decides there.
\set VERBOSITY terse
SET client_min_messages = warning;
INSERT INTO test.people (name, id, token, tenant)
SELECT n AS name, (a -> 'user' ->> 'id')::uuid AS id, a ->> 'access_token' AS token, (a -> 'tenant' ->> 'id')::uuid AS tenant
FROM unnest(ARRAY['ann', 'bob']) n, LATERAL bastion_api.signup(n || '@masks.example', 'correct horse', 'Masks of ' || n) a;
SELECT test.tenant_of('ann') AS tenant, test.id_of('ann') AS ann, p.token FROM test.people p WHERE p.name = 'ann' \gset
SELECT bastion.resource_register('masks', '{read,update}');
INSERT INTO bastion.units (id, tenant_id, kind, name, slug) VALUES ('00000000-0000-4000-8000-0000000a5001', :'tenant', 'team', 'North', 'north');
SELECT (bastion.membership_force(test.id_of('bob'), 'masks-of-ann', 'viewer')) IS NOT NULL AS member;
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'token') IS NOT NULL AS ok;
SELECT bastion_api.api_key_create('reader', '{masks.read,tenant.*}') ->> 'key' AS reader, bastion_api.api_key_create('of north', '{*,tenant.*}', unit => 'north') ->> 'key' AS north,
       bastion_api.delegate(:'ann', '{masks.update,tenant.*}') ->> 'access_token' AS delegated \gset
COMMIT;
RESET ROLE;
-- what is told of a permission in a transaction with this credential, and whether the verdict is the decision of has_permission()
CREATE FUNCTION test.masked(token text, permission text, unit text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told text;
    held boolean;
BEGIN
    PERFORM set_config('bastion.token', token, true);
    SELECT string_agg(format('%s %s: %s -> %s', e.kind, e.subject, e.detail, e.effect), '; ' ORDER BY e.step) FILTER (WHERE e.kind IN ('step-up rule', 'API key', 'delegation', 'impersonation')),
           bool_or(e.effect = 'grants') FILTER (WHERE e.kind = 'verdict') INTO told, held
    FROM bastion.explain_member_access((SELECT bastion.user_id()), permission, unit => unit) e;
    RETURN concat_ws('; ', told, CASE WHEN held THEN 'granted' ELSE 'denied' END, CASE WHEN unit IS NULL AND held <> bastion.has_permission(permission) THEN 'has_permission() differs' END);
END
$$;
GRANT EXECUTE ON FUNCTION test.masked TO regress_app;
SET ROLE regress_app;
\t on
\set ECHO none
\set all '(VALUES (''masks.read''), (''masks.update''), (''tenant.update''), (''own.secrets.read''), (''nothing.read''))'
SELECT format('SELECT %L, %L, test.masked(%L, %L)', c.name, p.p, c.token, p.p) FROM (VALUES ('login', :'token'), ('reader', :'reader'), ('delegated', :'delegated')) c (name, token), :all p (p)
\gexec
RESET ROLE;
-- a key that reaches one unit, in that and elsewhere
SELECT format('BEGIN; SELECT %L WHERE set_config(''bastion.token'', %L, true) IS NULL; SELECT %1$L, kind, detail, effect FROM bastion.explain_access(%3$L::uuid, ''masks.read'', unit => %1$L) WHERE kind IN (''API key'', ''verdict''); COMMIT', u, :'north', :'ann')
FROM unnest(ARRAY['north', 'default', NULL]) u
\gexec
SELECT bastion.platform_step_up_rule_set('masks.*', 'aal1', '1 hour');
INSERT INTO bastion.step_up_rules (tenant_id, permission, level, max_age) VALUES (:'tenant', 'masks.update', 'aal2', NULL), (test.tenant_of('bob'), 'masks.read', 'aal2', NULL);
SET ROLE regress_app;
SELECT format('SELECT %L, %L, test.masked(%L, %L)', c.name, p.p, c.token, p.p) FROM (VALUES ('login', :'token'), ('reader', :'reader'), ('delegated', :'delegated')) c (name, token), :all p (p)
\gexec
\set ECHO all
\t off
-- about somebody else, the rules are told and deny nothing
BEGIN;
SELECT bastion.authenticate(:'token') IS NOT NULL AS ok;
SELECT t FROM bastion.explain_member_access_text('bob@masks.example', 'masks.read') t;
SELECT t FROM bastion.permission_matrix_text() t WHERE t ~ 'masks|owner' AND t !~ 'keyed_owners';
SELECT DISTINCT permission, level, extract(epoch FROM max_age) AS seconds FROM bastion.permission_matrix() WHERE level IS NOT NULL ORDER BY 1;
SELECT permission, level, tenant_id = :'tenant' AS own FROM bastion.step_up_rules ORDER BY 1;
COMMIT;
SELECT count(*) AS of_nobody FROM bastion.step_up_rules;
RESET ROLE;
UPDATE bastion.tenants SET mfa = 'required' WHERE id = :'tenant';
SET ROLE regress_app;
\t on
\set ECHO none
SELECT format('SELECT %L, %L, test.masked(%L, %L)', c.name, p.p, c.token, p.p) FROM (VALUES ('reader', :'reader')) c (name, token), :all p (p)
\gexec
\set ECHO all
\t off
RESET ROLE;
SELECT count(*) FILTER (WHERE level = 'aal2') = count(*) AS everything FROM bastion.permission_matrix('masks-of-ann');
-- an operator without a context, and one who impersonates
SELECT kind, subject, detail, effect FROM bastion.explain_access(:'ann'::uuid, 'masks.update', tenant => 'masks-of-ann') WHERE kind IN ('step-up rule', 'verdict');
UPDATE bastion.tenants SET mfa = 'off' WHERE id = :'tenant';
BEGIN;
SELECT bastion.impersonate('ann@masks.example', 'masks-of-ann', 'a test') IS NOT NULL AS ok;
SELECT kind, subject, detail, effect FROM bastion.explain_access(:'ann'::uuid, 'own.secrets.read') WHERE kind IN ('impersonation', 'verdict');
ROLLBACK;
SELECT bastion.platform_step_up_rule_remove('masks.*');
DROP FUNCTION test.masked;
DELETE FROM bastion.tenants t USING test.people p WHERE t.id = p.tenant;
DELETE FROM bastion.users u USING test.people p WHERE u.id = p.id;
DELETE FROM bastion.permissions WHERE resource = 'masks';
TRUNCATE test.people;

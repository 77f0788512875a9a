-- What a user had left behind ends with what it was made by: keys and delegations of a session without the factor that a tenant requires,
-- of a stranger who had the address before, of a user or an actor without a place in the tenant. And durations whose parts have two signs.
\set VERBOSITY terse
SET client_min_messages = warning;
SET bastion.refused_login_duration = 0;
CREATE SCHEMA ends;
INSERT INTO test.people (name, id, tenant, number, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, (a #>> '{tenant,number}')::bigint, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'act', 'pat']) n, LATERAL bastion_api.signup(n || '@ends.example', 'correct horse battery', 'Ends of ' || n) a;
SELECT bastion.resource_register('lapsing_papers', '{read,write}');
CREATE FUNCTION ends.run(token text, expression text) RETURNS text LANGUAGE sql AS
$$ SELECT coalesce(a.error, a.answer, 'NULL') FROM test.as_app(token, NULL, NULL, 'SELECT ' || expression) a $$;
CREATE FUNCTION ends.told(token text, call text) RETURNS text LANGUAGE sql AS
$$ SELECT CASE WHEN left(t, 1) = '{' THEN coalesce(t::jsonb ->> 'error', 'done') ELSE t END FROM ends.run(token, 'bastion_api.' || call) t $$;
CREATE FUNCTION ends.state(token text) RETURNS text LANGUAGE sql AS $$ SELECT ends.run(token, $s$(bastion.user_id() IS NOT NULL)::text$s$) $$;
CREATE FUNCTION ends.factors_of(who text, factors text[]) RETURNS text LANGUAGE sql AS
$$ SELECT a ->> 'access_token' FROM bastion_internal.session_begin(test.id_of(who), test.tenant_of(who), NULL, NULL, factors) a $$;
SELECT ends.factors_of('ann', '{pwd}') AS aal1, ends.factors_of('ann', '{pwd,otp,mfa}') AS aal2 \gset

-- a tenant requires a second factor: a session without one makes nothing that needs none
SELECT ends.run(:'aal1', $$bastion_api.api_key_create('before', '{*}') ->> 'key'$$) AS before \gset
SELECT id AS key_id FROM bastion.api_keys WHERE user_id = test.id_of('ann') \gset
UPDATE bastion.tenants SET mfa = 'required' WHERE id = test.tenant_of('ann');
SELECT ends.run(:'aal1', $$bastion_api.api_key_create('k', '{*}')$$) AS made, ends.run(:'aal1', format('bastion_api.api_key_rotate(%L)', :'key_id')) AS rotated;
SELECT ends.told(:'aal2', $$api_key_create('k', '{*,tenant.*}')$$) AS made, ends.told(:'aal2', format('api_key_rotate(%L)', :'key_id')) AS rotated;
SELECT ends.run(:'aal2', $$bastion_api.api_key_create('all', '{*,tenant.*}') ->> 'key'$$) AS all_key \gset
SELECT ends.state(:'before') AS goes_on, ends.run(:'all_key', $$bastion.has_permission('lapsing_papers.read')$$) AS holds, ends.told(:'all_key', $$tenant_settings_set('{"mfa": "off"}')$$) AS switched_off, ends.told(:'all_key', $$tenant_settings_set('{"password_min_length": 20}')$$) AS another;
SELECT mfa FROM bastion.tenants WHERE id = test.tenant_of('ann');
SELECT ends.told(:'aal2', $$tenant_settings_set('{"mfa": "off"}')$$);

-- a stranger who signed up with the address leaves nothing
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of('act'), test.tenant_of('ann'), test.role_of('viewer');
SELECT ends.run(:'aal2', format('bastion_api.delegate(%L, ''{*}'', offline => true) ->> ''access_token''', test.id_of('act'))) AS offline, ends.run(:'aal2', format('bastion_api.delegate(%L, ''{*}'') ->> ''access_token''', test.id_of('act'))) AS online \gset
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of('ann'), test.tenant_of('act'), test.role_of('viewer');
SELECT ends.run((SELECT token FROM test.people WHERE name = 'act'), format('bastion_api.delegate(%L, ''{*}'') ->> ''access_token''', test.id_of('ann'))) AS for_act \gset
SELECT bastion_api.login('ann@ends.example', 'correct horse battery', tenant => 'ends-of-ann', device => 'laptop', device_token => '') ? 'device_token' AS device;
SELECT ends.state(:'offline') AS offline, ends.state(:'online') AS online, ends.state(:'for_act') AS for_act, ends.state(:'all_key') AS key;
SELECT bastion_internal.address_prove(test.id_of('ann'), 'ann@ends.example', false) AS proved;
SELECT ends.state(:'offline') AS offline, ends.state(:'online') AS online, ends.state(:'for_act') AS for_act, ends.state(:'all_key') AS key, ends.state(:'aal2') AS session;
SELECT count(*) FILTER (WHERE revoked_at IS NULL) AS delegations FROM bastion.delegations WHERE subject_id = test.id_of('ann') OR actors @> ARRAY[test.id_of('ann')];
SELECT count(*) FILTER (WHERE revoked_at IS NULL) AS devices FROM bastion.user_devices WHERE user_id = test.id_of('ann');

-- no place in the tenant is left, of the actor or of the user; a return brings nothing back
SELECT ends.factors_of('ann', '{pwd,otp,mfa}') AS aal2 \gset
SELECT bastion.platform_role_set(test.id_of('pat'), 'viewer');
CREATE FUNCTION ends.delegated(who text, token text) RETURNS text LANGUAGE sql AS $$ SELECT ends.run(token, format('bastion_api.delegate(%L, ''{lapsing_papers.*}'', offline => true) ->> ''access_token''', test.id_of(who))) $$;
SELECT ends.delegated('act', :'aal2') AS to_act, ends.delegated('pat', :'aal2') AS to_pat \gset
SELECT ends.state(:'to_act') AS to_act, ends.state(:'to_pat') AS to_pat;
UPDATE bastion.tenants SET status = 'suspended' WHERE id = test.tenant_of('ann');
DELETE FROM bastion.memberships WHERE user_id = test.id_of('act') AND tenant_id = test.tenant_of('ann');
UPDATE bastion.tenants SET status = 'active' WHERE id = test.tenant_of('ann');
SELECT ends.state(:'to_act') AS left_while_suspended, ends.state(:'to_pat') AS to_pat;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of('pat'), test.tenant_of('ann'), test.role_of('viewer');
SELECT bastion.platform_role_remove(test.id_of('pat'), 'viewer'), ends.state(:'to_pat') AS still_a_member;
SELECT bastion.platform_role_set(test.id_of('pat'), 'viewer');
DELETE FROM bastion.memberships WHERE user_id = test.id_of('pat') AND tenant_id = test.tenant_of('ann');
SELECT ends.state(:'to_pat') AS still_everywhere;
SELECT bastion.platform_role_remove(test.id_of('pat'), 'viewer'), ends.state(:'to_pat') AS nowhere;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of(n), test.tenant_of('ann'), test.role_of('viewer') FROM unnest('{act,pat}'::text[]) n;
SELECT ends.state(:'to_act') AS act_is_back, ends.state(:'to_pat') AS pat_is_back;
-- the user leaves, and is a member again
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of('pat'), test.tenant_of('ann'), test.role_of('admin');
SELECT bastion_internal.session_begin(test.id_of('pat'), test.tenant_of('ann'), NULL, NULL, '{pwd,otp,mfa}') ->> 'access_token' AS pat \gset
SELECT ends.delegated('act', :'pat') AS of_pat \gset
SELECT ends.state(:'of_pat') AS made;
DELETE FROM bastion.memberships WHERE user_id = test.id_of('pat') AND tenant_id = test.tenant_of('ann');
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of('pat'), test.tenant_of('ann'), test.role_of('admin');
SELECT ends.state(:'of_pat') AS the_user_is_back;
-- who manages members ends them, by the user and by the actor
SELECT bastion_internal.session_begin(test.id_of('pat'), test.tenant_of('ann'), NULL, NULL, '{pwd,otp,mfa}') ->> 'access_token' AS pat, ends.factors_of('ann', '{pwd,otp,mfa}') AS aal2 \gset
SELECT ends.delegated('act', :'pat') AS one, ends.delegated('act', :'pat') AS two \gset
SELECT ends.run(:'aal2', format('bastion.sessions_revoke(%L::uuid)', test.id_of('pat'))) AS sessions, ends.state(:'one') AS by_pat;
SELECT bastion_internal.session_begin(test.id_of('pat'), test.tenant_of('ann'), NULL, NULL, '{pwd,otp,mfa}') ->> 'access_token' AS pat \gset
SELECT ends.delegated('act', :'pat') AS one, ends.delegated('act', :'pat') AS two \gset
SELECT ends.run(:'aal2', format('bastion.sessions_revoke(%L::uuid)', test.id_of('act'))) AS sessions, ends.state(:'one') AS to_act;
SELECT ends.delegated('act', :'pat') AS one \gset
SELECT bastion.user_sessions_revoke(test.id_of('act')) AS sessions, ends.state(:'one') AS to_act;

-- so does a new password by mail
SELECT ends.delegated('act', :'aal2') AS one \gset
SELECT ends.state(:'one') AS made, bastion_internal.delegations_of_user_end(test.id_of('pat'), 'x') AS others, ends.state(:'one') AS still;
SET bastion.outbox = on;
SELECT bastion_api.request_password_reset('ann@ends.example');
SELECT token AS link FROM bastion.outbox_claim('w', 50, '1 minute') WHERE address = 'ann@ends.example' AND kind = 'reset_password' \gset
SELECT bastion_api.reset_password(:'link', 'another horse of ann') AS reset, ends.state(:'one') AS after;
RESET bastion.outbox;
SELECT ends.factors_of('ann', '{pwd,otp,mfa}') AS aal2 \gset

-- an API key ends with the place of its user in the tenant, and a return brings nothing back
CREATE FUNCTION ends.key_of(who text, unit text) RETURNS text LANGUAGE sql AS $$
    SELECT ends.run(bastion_internal.session_begin(test.id_of(who), test.tenant_of('ann'), NULL, NULL, '{pwd,otp,mfa}') ->> 'access_token', format('bastion_api.api_key_create(''k'', ''{*}'', unit => %L) ->> ''key''', unit)) $$;
CREATE FUNCTION ends.places(units text[] DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
    DELETE FROM bastion.memberships WHERE user_id = test.id_of('pat') AND tenant_id = test.tenant_of('ann');
    INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
    SELECT test.id_of('pat'), test.tenant_of('ann'), (SELECT t.id FROM bastion.units t WHERE t.tenant_id = test.tenant_of('ann') AND t.slug = u), test.role_of('viewer') FROM unnest(units) u $$;
INSERT INTO bastion.units (tenant_id, kind, name, slug) SELECT test.tenant_of('ann'), 'team', u, u FROM unnest('{ends-north,ends-south}'::text[]) u;
-- done by a user, and an error if refused
CREATE FUNCTION ends.does(who text, call text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    told text := ends.run(bastion_internal.session_begin(test.id_of(who), test.tenant_of('ann'), NULL, NULL, '{pwd,otp,mfa}') ->> 'access_token', call);
BEGIN
    IF told ~ '^[0-9A-Z]{5} |"error"' THEN
        RAISE EXCEPTION '%', told;
    END IF;
END
$$;
-- what statements that end a place, or do not, leave of keys for the whole tenant and for a unit: after the end, and after a return
CREATE FUNCTION ends.way(places text[], ends text, returns text, OUT after_end text, OUT after_return text, OUT ended_by text) LANGUAGE plpgsql AS $$
DECLARE
    whole text;
    north text;
    newest bigint;
BEGIN
    PERFORM ends.places(places);
    whole := ends.key_of('pat', NULL);
    north := ends.key_of('pat', 'ends-north');
    newest := (SELECT max(id) FROM bastion.events);
    EXECUTE ends;
    after_end := concat_ws(' ', ends.state(whole), ends.state(north));
    EXECUTE returns;
    after_return := concat_ws(' ', ends.state(whole), ends.state(north));
    ended_by := (SELECT string_agg(e.detail ->> 'by', ' ') FROM bastion.events e WHERE e.id > newest AND e.kind = 'api_key_revoked');
END
$$;
-- time that passes: nothing runs then
CREATE FUNCTION ends.pass(relation regclass, unit uuid DEFAULT NULL) RETURNS void LANGUAGE plpgsql SET session_replication_role = replica AS $$
BEGIN
    EXECUTE format('UPDATE %s SET valid_from = ''2020-01-01'', valid_until = ''2020-01-02'' WHERE user_id = %L', relation, test.id_of('pat')) || CASE WHEN relation = 'bastion.memberships'::regclass THEN format(' AND tenant_id = %L', test.tenant_of('ann')) ELSE '' END;
END
$$;
CREATE TABLE ends.ways (n int, way text, places text[], ends text, returns text);
INSERT INTO ends.ways SELECT w.n, w.way, w.places, format(w.ends, test.id_of('pat'), test.tenant_of('ann')), format(w.returns, test.id_of('pat'), test.tenant_of('ann')) FROM (VALUES
    (1, 'removed', ARRAY[NULL], $$SELECT ends.does('ann', 'bastion.membership_remove(''%1$s''::uuid)')$$, 'SELECT ends.places(ARRAY[NULL])'),
    (2, 'leaves', ARRAY[NULL], $$SELECT ends.does('pat', 'bastion_api.tenant_leave()')$$, 'SELECT ends.places(ARRAY[NULL])'),
    (3, 'deleted by an operator', ARRAY[NULL], 'DELETE FROM bastion.memberships WHERE user_id = %1$L AND tenant_id = %2$L', 'SELECT ends.places(ARRAY[NULL])'),
    (4, 'the operator sets an end', ARRAY[NULL], $$UPDATE bastion.memberships SET valid_from = '2020-01-01', valid_until = '2020-01-02' WHERE user_id = %1$L AND tenant_id = %2$L$$, 'SELECT ends.places(ARRAY[NULL])'),
    (5, 'expires, and is renewed', ARRAY[NULL], $$SELECT ends.pass('bastion.memberships')$$, $$SELECT ends.does('ann', 'bastion.membership_set(''%1$s''::uuid, ''viewer'')')$$),
    (6, 'expires, and is given another role', ARRAY[NULL], $$SELECT ends.pass('bastion.memberships')$$, $$SELECT ends.does('ann', 'bastion.membership_add(''%1$s''::uuid, ''admin'')')$$),
    (7, 'expires, and is deleted', ARRAY[NULL], $$SELECT ends.pass('bastion.memberships')$$, 'SELECT ends.places(ARRAY[NULL])'),
    (8, 'tenant suspended', ARRAY[NULL], $$UPDATE bastion.tenants SET status = 'suspended' WHERE id = %2$L$$, $$UPDATE bastion.tenants SET status = 'active' WHERE id = %2$L$$),
    (9, 'removed while suspended', ARRAY[NULL], $$UPDATE bastion.tenants SET status = 'suspended' WHERE id = %2$L; DELETE FROM bastion.memberships WHERE user_id = %1$L AND tenant_id = %2$L$$,
        $$UPDATE bastion.tenants SET status = 'active' WHERE id = %2$L; SELECT ends.places(ARRAY[NULL])$$),
    (10, 'one unit of two', '{ends-north,ends-south}', $$DELETE FROM bastion.memberships WHERE user_id = %1$L AND unit_id = (SELECT id FROM bastion.units WHERE tenant_id = %2$L AND slug = 'ends-north')$$,
        $$INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id) SELECT %1$L, %2$L, (SELECT id FROM bastion.units WHERE tenant_id = %2$L AND slug = 'ends-north'), test.role_of('viewer')$$),
    (11, 'every unit', '{ends-north}', 'SELECT ends.places()', $$SELECT ends.places('{ends-north}')$$),
    (12, 'pauses', ARRAY[NULL], $$UPDATE bastion.memberships SET valid_from = '2100-01-01' WHERE user_id = %1$L AND tenant_id = %2$L$$, 'UPDATE bastion.memberships SET valid_from = NULL WHERE user_id = %1$L AND tenant_id = %2$L'),
    (13, 'changes role', ARRAY[NULL], $$SELECT ends.does('ann', 'bastion.membership_set(''%1$s''::uuid, ''admin'')')$$, $$SELECT ends.does('ann', 'bastion.membership_set(''%1$s''::uuid, ''viewer'')')$$),
    (14, 'a new role in place of the first', ARRAY[NULL], $$SELECT ends.does('ann', 'bastion.membership_add(''%1$s''::uuid, ''admin'')')$$, $$SELECT ends.does('ann', 'bastion.membership_remove(''%1$s''::uuid, role => ''viewer'')')$$),
    (15, 'account disabled', ARRAY[NULL], $$UPDATE bastion.users SET status = 'disabled' WHERE id = %1$L$$, $$UPDATE bastion.users SET status = 'active' WHERE id = %1$L$$),
    (16, 'member of another tenant', ARRAY[NULL], $$INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT %1$L, test.tenant_of('act'), test.role_of('viewer')$$, $$DELETE FROM bastion.memberships WHERE user_id = %1$L AND tenant_id = test.tenant_of('act')$$),
    (17, 'restored after the key', ARRAY[NULL], $$SELECT ends.pass('bastion.memberships')$$, $$INSERT INTO bastion.memberships (user_id, tenant_id, role_id, created_at) SELECT %1$L, %2$L, test.role_of('admin'), '2020-01-01'$$)) w (n, way, places, ends, returns);
CREATE FUNCTION ends.factors_in(who text, tenant uuid) RETURNS text LANGUAGE sql AS $$ SELECT bastion_internal.session_begin(test.id_of(who), tenant, NULL, NULL, '{pwd,otp,mfa}') ->> 'access_token' $$;
SELECT w.n, w.way, r.* FROM ends.ways w, LATERAL ends.way(w.places, w.ends, w.returns) r ORDER BY w.n;
-- a role in every tenant, taken back and expired
SELECT ends.places(), bastion.platform_role_set(test.id_of('pat'), 'viewer'), ends.key_of('pat', NULL) AS key \gset
SELECT ends.state(:'key') AS made, bastion.platform_role_remove(test.id_of('pat'), 'viewer'), bastion.platform_role_set(test.id_of('pat'), 'viewer'), ends.state(:'key') AS after;
SELECT ends.key_of('pat', NULL) AS key \gset
SELECT ends.pass('bastion.platform_roles'), ends.state(:'key') AS expired, bastion.platform_role_set(test.id_of('pat'), 'viewer'), ends.state(:'key') AS after;
SELECT bastion.platform_role_remove(test.id_of('pat'), 'viewer');
-- one that has expired keeps no key of a former member
SELECT ends.places(ARRAY[NULL]), ends.key_of('pat', NULL) AS key, bastion.platform_role_set(test.id_of('pat'), 'viewer'), ends.pass('bastion.platform_roles') \gset
SELECT ends.state(:'key') AS made, ends.places(), bastion.platform_role_set(test.id_of('pat'), 'viewer'), ends.state(:'key') AS after;
SELECT bastion.platform_role_remove(test.id_of('pat'), 'viewer');
-- sessions, delegations and grants, too, when a membership expired; what is denied stays so
SELECT ends.factors_of('ann', '{pwd,otp,mfa}') AS aal2 \gset
SELECT ends.places(ARRAY[NULL]), ends.factors_in('pat', test.tenant_of('ann')) AS pat, ends.run(:'aal2', format('bastion.permission_grant(%L::uuid, ''lapsing_papers.write'')', test.id_of('pat'))),
       ends.run(:'aal2', format('bastion.permission_deny(%L::uuid, ''lapsing_papers.read'')', test.id_of('pat'))) \gset
SELECT ends.delegated('act', :'pat') AS of_pat, ends.delegated('pat', :'aal2') AS to_pat \gset
SELECT ends.state(:'pat') AS session, ends.state(:'of_pat') AS of_pat, ends.state(:'to_pat') AS to_pat, ends.run(:'pat', $$bastion.has_permission('lapsing_papers.write')$$) AS granted;
SELECT ends.pass('bastion.memberships');
UPDATE bastion.memberships SET valid_until = NULL WHERE user_id = test.id_of('pat') AND tenant_id = test.tenant_of('ann');
SELECT ends.state(:'pat') AS session, ends.state(:'of_pat') AS of_pat, ends.state(:'to_pat') AS to_pat, ends.run(ends.factors_in('pat', test.tenant_of('ann')), $$bastion.has_permission('lapsing_papers.write')$$) AS granted;
SELECT effect, pattern FROM bastion.user_permissions WHERE user_id = test.id_of('pat') AND tenant_id = test.tenant_of('ann');

-- an actor neither ends the sessions of its user nor is told to step up
SELECT ends.run(:'aal2', format('bastion_api.delegate(%L, ''{*,tenant.*}'') ->> ''access_token''', test.id_of('act'))) AS actor \gset
SELECT ends.run(:'actor', 'bastion.session_revoke(bastion.session_id())') AS session, ends.run(:'actor', 'bastion.sessions_revoke(bastion.user_id())') AS sessions, ends.run(:'actor', format('bastion.sessions_revoke(%L::uuid)', test.id_of('pat'))) AS of_another;
SELECT ends.run(:'aal2', $$bastion.step_up_rule_set('lapsing_papers.write')$$), ends.run(:'actor', $$bastion.require_permission('lapsing_papers.write')$$) AS actor, ends.run(ends.factors_of('ann', '{pwd}'), $$bastion.require_permission('lapsing_papers.write')$$) AS login;

-- months less days are any time
SELECT (ends.run(:'aal2', $$bastion_api.api_key_create('rotated', '{*}')$$)::jsonb) ->> 'id' AS new_key \gset
SELECT v AS duration, ends.told(:'aal2', format('delegate(%L, ''{lapsing_papers.read}'', valid_for => %L)', test.id_of('act'), v)) AS delegate, ends.run(:'aal2', format('bastion.session_settings_set(access_lifetime => %L)', v)) AS settings,
       ends.told(:'aal2', format('api_key_rotate(%L, %L)', :'new_key', v)) AS rotate, ends.run(:'aal2', format('bastion.step_up_rule_set(''lapsing_papers.read'', ''aal1'', %L)', v)) AS rule, ends.run(:'aal2', format('bastion.invite(''x@ends.example'', ''viewer'', valid_for => %L) IS NOT NULL', v)) AS invite
FROM unnest('{12000 months -359970 days,-12 months 360 days 1 minute,1 month -20 days,10 days -1 minute,1 day 1 hour}'::interval[]) v;
SELECT bastion_internal.lasts(v, '1 day', '30 days') AS lasts, v FROM unnest('{23:59,24:00,1 day,1 mon,30 days,30 days 1 second,-1 days 48:00,1 mon -1 days,1 year -335 days,-1 days}'::interval[]) v;
SELECT ends.run(:'aal2', $$bastion.step_up_rule_remove('lapsing_papers.write')$$);
DELETE FROM bastion.outbox WHERE address LIKE '%@ends.example';
DELETE FROM bastion.tenants WHERE slug LIKE 'ends-of-%';
DELETE FROM bastion.users WHERE email LIKE '%@ends.example';
TRUNCATE test.people;
DROP SCHEMA ends CASCADE;

-- The verified identity of a transaction: how it is established, what the readers say in each of the three states, what
-- fixes it and what ends it.
\set VERBOSITY terse
SET client_min_messages = warning;
SET bastion.token_leeway = 0; -- tokens end here
CREATE SCHEMA ctx;
GRANT USAGE ON SCHEMA ctx TO regress_app;
CREATE TABLE ctx.notes (id int PRIMARY KEY, tenant_id uuid NOT NULL, title text);
GRANT SELECT, INSERT, UPDATE, DELETE ON ctx.notes TO regress_app;
SELECT count(*) > 0 AS protected FROM bastion.protect('ctx.notes', tenant_column => 'tenant_id', resource => 'ctx_notes');

SET ROLE regress_app;
SELECT bastion_api.signup('ann@context.example', 'correct horse', 'Context A') AS ann \gset
SELECT bastion_api.signup('bob@context.example', 'correct horse', 'Context B') AS bob \gset
RESET ROLE;
SELECT :'ann'::jsonb ->> 'access_token' AS ann_token, :'ann'::jsonb #>> '{user,id}' AS ann_id,
       :'ann'::jsonb #>> '{tenant,id}' AS ann_tenant, :'ann'::jsonb #>> '{tenant,number}' AS ann_number,
       :'bob'::jsonb ->> 'access_token' AS bob_token, :'bob'::jsonb #>> '{user,id}' AS bob_id,
       :'bob'::jsonb #>> '{tenant,id}' AS bob_tenant, :'bob'::jsonb #>> '{tenant,slug}' AS bob_slug \gset
INSERT INTO ctx.notes VALUES (1, :'ann_tenant', 'of a'), (2, :'bob_tenant', 'of b');
-- what the readers say, with the ids written as names
CREATE FUNCTION ctx.named(id uuid) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
AS $$
    SELECT coalesce((SELECT split_part(u.email, '@', 1) FROM bastion.users u WHERE u.id = named.id),
                    (SELECT t.slug FROM bastion.tenants t WHERE t.id = named.id),
                    (SELECT u.slug FROM bastion.units u WHERE u.id = named.id))
$$;
CREATE FUNCTION ctx.readers() RETURNS text
LANGUAGE sql VOLATILE
AS $$
    SELECT format('user %s, actor %s, tenant %s, unit %s, level %s, reads %s, sees %s',
                  coalesce(ctx.named(bastion.user_id()), '-'), coalesce(ctx.named(bastion.actor_id()), '-'),
                  coalesce(ctx.named(bastion.tenant_id()), '-'), coalesce(ctx.named(bastion.unit_id()), '-'),
                  bastion.auth_level(), bastion.has_permission('ctx_notes.read'),
                  (SELECT coalesce(string_agg(title, ' and '), 'nothing') FROM ctx.notes))
$$;

SET ROLE regress_app;

-- anonymous
SELECT ctx.readers();
SELECT bastion.tenant_number(), bastion.session_id(), bastion.api_key_id(), bastion.claims(),
       bastion.tenant_if_allowed('ctx_notes.read'), bastion.tenant_number_if_allowed('ctx_notes.read');
SELECT count(*) FROM bastion.permissions();
SELECT test.state();

-- authenticate()
BEGIN;
SELECT bastion.authenticate(:'ann_token') = :'ann_id' AS is_ann;
SELECT ctx.readers();
SELECT bastion.tenant_number() = :ann_number AS number,
       bastion.tenant_if_allowed('ctx_notes.read') = :'ann_tenant' AS tenant,
       bastion.tenant_number_if_allowed('ctx_notes.read') = :ann_number AS tenant_number,
       bastion.session_id() IS NOT NULL AS session, bastion.api_key_id(), bastion.claims() ->> 'aud' AS audience;
SELECT p FROM bastion.permissions() p WHERE p LIKE 'ctx%' ORDER BY p COLLATE "C";
SELECT test.state();
SELECT bastion.whoami() ->> 'user' = :'ann_id' AS user, bastion.whoami() ->> 'tenant' = :'ann_tenant' AS tenant,
       (bastion.whoami() ->> 'expires_at')::timestamptz > now() AS expires;
SELECT current_setting('bastion.context') = format('user %s, tenant %s, method jwt', :'ann_id', :'ann_tenant') AS shown;
COMMIT;
SELECT ctx.readers();
-- in an anonymous block, which is one statement
DO $$ BEGIN PERFORM bastion.has_permission('ctx_notes.read'); END $$;

-- outside a transaction block it is of no use, and says so
SELECT bastion.authenticate(:'ann_token') = :'ann_id' AS is_ann;
SELECT ctx.readers();

-- the settings, for any driver
BEGIN;
SELECT set_config('bastion.token', :'bob_token', true);
SELECT ctx.readers();
SELECT current_setting('bastion.token'), current_setting('bastion.context') LIKE 'user %, method jwt' AS context;
SHOW bastion.token;
COMMIT;
SELECT ctx.readers();
BEGIN READ ONLY;
SELECT set_config('bastion.token', :'bob_token', true), set_config('bastion.tenant', :'bob_slug', true) = :'bob_slug' AS tenant;
SELECT ctx.readers();
COMMIT;
-- both ways at once, by the same person
BEGIN;
SELECT bastion.authenticate(:'bob_token') IS NOT NULL AS authenticated;
SELECT set_config('bastion.token', :'bob_token', true);
SELECT ctx.readers();
COMMIT;

-- tenants and units: what one is a member of
RESET ROLE;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT :'ann_id', :'bob_tenant', r.id FROM bastion.roles r WHERE r.name = 'viewer' AND r.tenant_id IS NULL;
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'ann_token', :'bob_slug') IS NOT NULL AS by_slug;
SELECT ctx.readers(), bastion.has_permission('ctx_notes.delete') AS deletes;
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ann_token', :'bob_tenant', 'default') IS NOT NULL AS by_id;
SELECT ctx.readers();
COMMIT;
BEGIN;
SELECT set_config('bastion.token', :'ann_token', true), set_config('bastion.tenant', :'bob_slug', true),
       set_config('bastion.unit', 'default', true);
SELECT ctx.readers();
COMMIT;
-- a login may choose, and its token keeps the unit
SELECT bastion_api.login('ann@context.example', 'correct horse', :'bob_slug', 'default') ->> 'access_token' AS unit_token \gset
BEGIN;
SELECT bastion.authenticate(:'unit_token') IS NOT NULL AS authenticated;
SELECT ctx.readers();
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'unit_token', :'ann_tenant') IS NOT NULL AS other_tenant;
SELECT ctx.readers();
COMMIT;
BEGIN;
SELECT set_config('bastion.token', :'unit_token', true);
SELECT ctx.readers();
COMMIT;
-- and what one is not
\set VERBOSITY sqlstate
SELECT bastion.authenticate(:'bob_token', :'ann_tenant');
SELECT bastion.authenticate(:'bob_token', 'no-such-tenant');
SELECT bastion.authenticate(:'bob_token', NULL, 'no-such-unit');
SELECT bastion.authenticate(:'bob_token', :'bob_tenant', :'ann_tenant');
SELECT bastion.authenticate(:'bob_token', repeat('x', 1000000));
SELECT bastion.authenticate(:'bob_token', '');
\set VERBOSITY terse
BEGIN;
SELECT set_config('bastion.token', :'bob_token', true), set_config('bastion.tenant', :'ann_tenant', true) IS NOT NULL;
SELECT test.state();
SELECT ctx.readers();
ROLLBACK;
-- also when it is chosen after the first question
BEGIN;
SELECT set_config('bastion.token', :'bob_token', true) IS NOT NULL AS presented;
SELECT test.state();
SELECT set_config('bastion.tenant', :'ann_tenant', true) IS NOT NULL AS chosen;
SELECT test.state();
ROLLBACK;
BEGIN;
SELECT set_config('bastion.token', :'bob_token', true) IS NOT NULL AS presented;
SELECT test.state();
SELECT set_config('bastion.unit', 'no-such-unit', true) IS NOT NULL AS chosen;
SELECT test.state();
ROLLBACK;
-- whoami() tells nobody whether a tenant exists
BEGIN;
SELECT set_config('bastion.token', :'bob_token', true), set_config('bastion.tenant', 'no-such-tenant', true);
SELECT test.state();
ROLLBACK;
-- a refusal is forgotten with its cause
SELECT test.error(format('SELECT bastion.authenticate(%L, NULL, %L)', :'bob_token', 'late'));
RESET ROLE;
INSERT INTO bastion.units (tenant_id, kind, name, slug) VALUES (:'bob_tenant', 'team', 'Late', 'late');
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'bob_token', NULL, 'late') IS NOT NULL AS authenticated;
SELECT ctx.readers();
COMMIT;

-- refused: whoami() explains, every reader raises, what needs no identity works
BEGIN;
SELECT set_config('bastion.token', 'no token', true);
SELECT test.state();
SELECT reader, test.refusal('SELECT ' || reader)
FROM unnest(ARRAY['bastion.user_id()', 'bastion.actor_id()', 'bastion.tenant_id()', 'bastion.tenant_number()',
                  'bastion.unit_id()', 'bastion.session_id()', 'bastion.api_key_id()', 'bastion.auth_level()', 'bastion.auth_time()',
                  'bastion.claims()', $$bastion.has_permission('ctx_notes.read')$$,
                  $$bastion.tenant_if_allowed('ctx_notes.read')$$,
                  $$bastion.tenant_number_if_allowed('ctx_notes.read')$$, 'bastion.permissions()', 'bastion_api.me()',
                  '* FROM ctx.notes']) reader;
SELECT bastion_api.login('ann@context.example', 'correct horse', :'bob_slug') ? 'access_token' AS login_works;
COMMIT;
SELECT test.error('SELECT bastion.authenticate(NULL)');
SELECT test.error('SELECT bastion.authenticate('''')');

-- NULL and odd arguments of the checks
BEGIN;
SELECT bastion.authenticate(:'bob_token') IS NOT NULL AS authenticated;
SELECT bastion.has_permission(NULL), bastion.has_permission(''), bastion.has_permission('ctx_notes.fly'),
       bastion.has_permission('*'), bastion.has_permission('ctx_notes.*'), bastion.has_permission(repeat('x', 1000000)),
       bastion.tenant_if_allowed(NULL), bastion.tenant_if_allowed('ctx_notes.fly');
COMMIT;

-- the latch: the first identity of a transaction is its only one
BEGIN;
SELECT bastion.authenticate(:'bob_token') IS NOT NULL AS authenticated;
SELECT bastion.authenticate(:'bob_token') IS NOT NULL AS again;
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'ann_token'));
SELECT ctx.readers();
SAVEPOINT s;
SELECT set_config('bastion.token', :'ann_token', true);
SELECT test.state();
SELECT ctx.readers();
ROLLBACK TO s;
SELECT ctx.readers();
COMMIT;
BEGIN;
SAVEPOINT s;
SELECT bastion.authenticate(:'bob_token') IS NOT NULL AS authenticated;
ROLLBACK TO s;
SELECT ctx.readers();
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'ann_token'));
SELECT bastion.authenticate(:'bob_token') IS NOT NULL AS the_same_again;
SELECT ctx.readers();
COMMIT;
BEGIN;
SELECT set_config('bastion.token', :'bob_token', true);
SELECT ctx.readers();
SELECT set_config('bastion.token', :'ann_token', true);
SELECT test.state();
SELECT ctx.readers();
ROLLBACK;
-- the same person in another tenant, or in another session, is another identity
SELECT bastion_api.login('ann@context.example', 'correct horse', :'ann_tenant') ->> 'access_token' AS other_token \gset
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
SELECT test.error(format('SELECT bastion.authenticate(%L, %L)', :'ann_token', :'bob_slug'));
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'other_token'));
COMMIT;
-- also for a token beside it
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
SELECT set_config('bastion.token', :'ann_token', true), set_config('bastion.tenant', :'bob_slug', true) = :'bob_slug' AS tenant;
SELECT test.state();
COMMIT;
-- a one-transaction test suite may switch, by leave of a superuser
RESET ROLE;
SET bastion.allow_identity_switch = on;
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'bob_token') IS NOT NULL AS authenticated;
SELECT ctx.readers();
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS switched;
SELECT ctx.readers();
COMMIT;
RESET ROLE;
RESET bastion.allow_identity_switch;
SET ROLE regress_app;

-- context_drop() fixes nobody
BEGIN;
SELECT bastion.authenticate(:'bob_token') IS NOT NULL AS authenticated;
SAVEPOINT s;
SELECT bastion.context_drop();
SELECT test.state();
SELECT ctx.readers();
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'bob_token'));
SELECT set_config('bastion.token', :'bob_token', true);
SELECT ctx.readers();
ROLLBACK TO s;
SELECT ctx.readers();
COMMIT;
BEGIN;
SELECT bastion.context_drop();
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'bob_token'));
COMMIT;

-- settings of functions, exception blocks and savepoints neither lose nor change the identity
RESET ROLE;
CREATE FUNCTION ctx.authenticate_inside(token text) RETURNS void
LANGUAGE plpgsql SET work_mem = '8MB'
AS $$ BEGIN PERFORM bastion.authenticate(token); END $$;
CREATE FUNCTION ctx.authenticate_and_fail(token text) RETURNS text
LANGUAGE plpgsql
AS $$
BEGIN
    BEGIN
        PERFORM bastion.authenticate(token);
        RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN
    END;
    RETURN ctx.readers();
END
$$;
CREATE FUNCTION ctx.without_context() RETURNS text LANGUAGE plpgsql SET bastion.context = ''
AS $$ BEGIN RETURN ctx.readers(); END $$;
CREATE PROCEDURE ctx.commits(token text)
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM bastion.authenticate(token);
    RAISE WARNING '%', ctx.readers();
    COMMIT;
    RAISE WARNING '%', ctx.readers();
    PERFORM bastion.authenticate(token);
    ROLLBACK;
    RAISE WARNING '%', ctx.readers();
END
$$;
SET ROLE regress_app;
BEGIN;
SELECT ctx.authenticate_inside(:'bob_token');
SELECT ctx.readers();
SELECT ctx.without_context();
SELECT ctx.readers();
COMMIT;
BEGIN;
SELECT ctx.authenticate_and_fail(:'bob_token');
SELECT ctx.readers();
COMMIT;
CALL ctx.commits(:'bob_token');
BEGIN;
SELECT bastion.authenticate(:'bob_token') IS NOT NULL AS authenticated;
COMMIT AND CHAIN;
SELECT ctx.readers();
ROLLBACK;

-- a role is not an identity
RESET ROLE;
BEGIN;
SELECT bastion.authenticate(:'bob_token') IS NOT NULL AS authenticated;
SET LOCAL ROLE regress_app;
SELECT ctx.readers();
COMMIT;

-- expiry in mid-transaction: the statement that runs is not disturbed, the next one is refused
CREATE FUNCTION ctx.sign(user_id text, tenant_id text, seconds numeric) RETURNS text
LANGUAGE sql VOLATILE
AS $$
    SELECT bastion_internal.token_sign(jsonb_build_object('iss', 'pg_bastion', 'aud', 'pg_bastion', 'sub', user_id,
        'tenant', tenant_id, 'iat', floor(extract(epoch FROM clock_timestamp())),
        'exp', extract(epoch FROM clock_timestamp()) + seconds))
$$;
CREATE FUNCTION ctx.wait_for(moment timestamptz) RETURNS void
LANGUAGE plpgsql
AS $$ BEGIN WHILE clock_timestamp() <= moment LOOP END LOOP; END $$;
CREATE FUNCTION ctx.still_there_after_expiry() RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    expires timestamptz := (bastion.whoami() ->> 'expires_at')::timestamptz;
BEGIN
    PERFORM ctx.wait_for(expires);
    RETURN clock_timestamp() > expires AND bastion.user_id() IS NOT NULL;
END
$$;
BEGIN;
SELECT bastion.authenticate(ctx.sign(:'bob_id', :'bob_tenant', 3)) IS NOT NULL AS authenticated;
SELECT ctx.still_there_after_expiry();
SELECT test.state();
SELECT test.error('SELECT count(*) FROM ctx.notes, bastion.user_id()');
COMMIT;
BEGIN;
SELECT set_config('bastion.token', ctx.sign(:'bob_id', :'bob_tenant', 3), true);
SELECT ctx.still_there_after_expiry();
SELECT test.state();
COMMIT;
SELECT test.error(format('SELECT bastion.authenticate(%L)', ctx.sign(:'bob_id', :'bob_tenant', -1)));

-- rights follow the tables at the next statement
BEGIN;
SELECT bastion.authenticate(:'ann_token', :'bob_slug') IS NOT NULL AS authenticated;
SELECT bastion.has_permission('ctx_notes.delete');
UPDATE bastion.memberships SET role_id = (SELECT r.id FROM bastion.roles r WHERE r.name = 'admin' AND r.tenant_id IS NULL)
WHERE user_id = :'ann_id' AND tenant_id = :'bob_tenant';
SELECT bastion.has_permission('ctx_notes.delete');
SAVEPOINT s;
DELETE FROM bastion.memberships WHERE user_id = :'ann_id' AND tenant_id = :'bob_tenant';
SELECT test.state();
ROLLBACK TO s;
SELECT test.state();
UPDATE bastion.users SET status = 'disabled' WHERE id = :'ann_id';
SELECT test.state();
UPDATE bastion.users SET status = 'active' WHERE id = :'ann_id';
UPDATE bastion.tenants SET status = 'suspended' WHERE id = :'bob_tenant';
SELECT test.state();
ROLLBACK;
BEGIN;
SELECT bastion.authenticate(:'ann_token', :'bob_slug') IS NOT NULL AS authenticated;
SELECT bastion.has_permission('ctx_notes.delete') AS as_before;
COMMIT;
-- and end at their time, in the middle of a transaction too
BEGIN;
SELECT bastion.authenticate(:'ann_token', :'bob_slug') IS NOT NULL AS authenticated;
UPDATE bastion.memberships SET valid_until = clock_timestamp() + interval '3 seconds' WHERE user_id = :'ann_id' AND tenant_id = :'bob_tenant'
RETURNING valid_until AS ends \gset
SELECT test.state();
SELECT ctx.wait_for(:'ends');
SELECT test.state();
ROLLBACK;

-- a key that is retired takes its tokens along, at the next statement; the new one signs
SELECT bastion_internal.active_signing_key() AS kid \gset
BEGIN;
SELECT bastion.authenticate(:'bob_token') IS NOT NULL AS authenticated;
SELECT test.state();
UPDATE bastion.signing_keys SET state = 'retiring' WHERE kid = :'kid';
SELECT test.state();
SAVEPOINT s;
UPDATE bastion.signing_keys SET state = 'retired' WHERE kid = :'kid';
SELECT test.state();
ROLLBACK TO s;
SELECT test.state();
COMMIT;
BEGIN;
SELECT set_config('bastion.token', :'bob_token', true);
SELECT test.state();
UPDATE bastion.signing_keys SET state = 'retired' WHERE kid = :'kid';
SELECT test.state();
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'bob_token'));
COMMIT;
SELECT bastion_internal.signing_key_create() <> :'kid' AS another_key;
SET ROLE regress_app;
SELECT bastion_api.login('ann@context.example', 'correct horse', :'ann_tenant') ->> 'access_token' AS ann_token,
       bastion_api.login('bob@context.example', 'correct horse') ->> 'access_token' AS bob_token \gset
BEGIN;
SELECT bastion.authenticate(:'bob_token') IS NOT NULL AS new_key_works;
COMMIT;

-- require_context, for developers
SET bastion.require_context = 'error';
SELECT test.error('SELECT * FROM ctx.notes');
SELECT test.error($$SELECT bastion.has_permission('ctx_notes.read')$$);
SELECT test.error('SELECT bastion.user_id()');
BEGIN;
SELECT bastion.authenticate(:'bob_token') IS NOT NULL AS authenticated;
SELECT ctx.readers();
COMMIT;
RESET bastion.require_context;

-- impersonation: for whom it is granted to, recorded, read-only, the actor stays known
SELECT test.error(format('SELECT bastion.impersonate(%L, %L, %L)', :'bob_id', :'bob_tenant', 'curious'));
SELECT test.error(format('SELECT bastion_internal.context_impersonate(%L, %L, false)', :'bob_id', :'bob_tenant'));
RESET ROLE;
CREATE ROLE regress_support;
SELECT bastion.allow_app_role('regress_support');
GRANT EXECUTE ON FUNCTION bastion.impersonate(text, text, text, boolean) TO regress_support;
GRANT USAGE ON SCHEMA ctx TO regress_support;
GRANT ALL ON ctx.notes TO regress_support;
SET ROLE regress_support;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
SELECT bastion.impersonate(:'bob_id', :'bob_tenant', 'ticket 1') = :'bob_id' AS impersonates;
SELECT ctx.readers();
SELECT test.state();
SELECT test.error($$UPDATE ctx.notes SET title = 'changed'$$);
SELECT test.error('SET LOCAL transaction_read_only = off');
-- the operator's token may stay beside it, another one not
SELECT set_config('bastion.token', :'ann_token', true);
SELECT ctx.readers();
SELECT set_config('bastion.token', :'bob_token', true);
SELECT test.state();
SELECT set_config('bastion.token', '', true);
-- not again, not back, no further
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'ann_token'));
SELECT test.error(format('SELECT bastion.impersonate(%L, %L, %L)', :'ann_id', :'ann_tenant', 'ticket 2'));
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
SAVEPOINT s;
SELECT bastion.impersonate(:'bob_id', :'bob_tenant', 'ticket 3', read_only => false) IS NOT NULL AS impersonates;
UPDATE ctx.notes SET title = 'of b' RETURNING title;
ROLLBACK TO s;
SELECT test.state();
COMMIT;
-- who impersonates themself does not go on from there
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
SELECT bastion.impersonate(:'ann_id', :'ann_tenant', 'ticket A', read_only => false) IS NOT NULL AS impersonates;
SELECT test.error(format('SELECT bastion.impersonate(%L, %L, %L)', :'bob_id', :'bob_tenant', 'ticket B'));
ROLLBACK;
-- an operator without an account, one without a reason, in a tenant that the user is no member of
BEGIN;
SELECT bastion.impersonate(:'bob_id', :'bob_tenant', 'ticket 4') IS NOT NULL AS impersonates;
SELECT ctx.readers();
COMMIT;
SELECT test.error(format('SELECT bastion.impersonate(%L, %L, %L)', :'bob_id', :'bob_tenant', ''));
SELECT test.error(format('SELECT bastion.impersonate(%L, %L, %L)', :'bob_id', :'ann_tenant', 'ticket 5'));
SELECT test.error(format('SELECT bastion.impersonate(%L, %L, NULL)', :'bob_id', :'bob_tenant'));
SELECT test.error(format('SELECT bastion.impersonate(NULL, %L, %L)', :'bob_tenant', 'ticket 6'));
BEGIN READ ONLY;
SELECT test.error(format('SELECT bastion.impersonate(%L, %L, %L)', :'bob_id', :'bob_tenant', 'ticket 7'));
COMMIT;
BEGIN;
SELECT set_config('bastion.token', 'no token', true);
SELECT test.error(format('SELECT bastion.impersonate(%L, %L, %L)', :'bob_id', :'bob_tenant', 'ticket 8'));
COMMIT;
RESET ROLE;
-- an impersonation gives nothing of the person, and ends with the token of the impersonator
BEGIN;
SELECT bastion.authenticate(ctx.sign(:'ann_id', :'ann_tenant', 5)) IS NOT NULL AS authenticated;
SELECT bastion.has_permission('own.secrets.read') AS own;
SELECT bastion.impersonate(:'bob_id', :'bob_tenant', 'ticket C', read_only => false) IS NOT NULL AS impersonates;
SELECT bastion.has_permission('own.secrets.read') AS own, bastion.has_permission('tenant.members.read') AS of_the_tenant;
SELECT ctx.still_there_after_expiry();
SELECT test.state();
ROLLBACK;
-- a token of the session counts as long as a superuser allows it, and no longer in the same transaction
SELECT set_config('bastion.token', :'ann_token', false);
BEGIN;
SET LOCAL bastion.allow_session_token = on;
SELECT test.state();
SET LOCAL bastion.allow_session_token = off;
SELECT test.state();
COMMIT;
RESET bastion.token;
-- who impersonates loses it with the own account
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
SELECT bastion.impersonate(:'bob_id', :'bob_tenant', 'ticket 9', read_only => false) IS NOT NULL AS impersonates;
SELECT test.state();
UPDATE bastion.users SET status = 'disabled' WHERE id = :'ann_id';
SELECT test.state();
ROLLBACK;
SELECT outcome, ctx.named(user_id) AS user, ctx.named(actor_id) AS actor, ctx.named(tenant_id) AS tenant,
       detail ->> 'reason' AS reason, detail ->> 'read_only' AS read_only
FROM bastion.events WHERE kind = 'impersonation' AND detail ->> 'reason' LIKE 'ticket _' ORDER BY id;

DROP OWNED BY regress_support;
DROP ROLE regress_support;
SELECT count(*) > 0 AS unprotected FROM bastion.unprotect('ctx.notes');
DELETE FROM bastion.permissions WHERE resource = 'ctx_notes';
DROP SCHEMA ctx CASCADE;

-- Sessions: what a login answers, refresh tokens and their reuse, limits, logout, revocation by user, by session and by
-- token, what ends sessions, and how they are cached.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA ses;
SELECT clock_timestamp() AS begun \gset
GRANT USAGE ON SCHEMA ses TO regress_app;
SELECT bastion_api.signup('ann@sessions.example', 'correct horse', 'Sessions', device => 'laptop') AS ann \gset
SELECT bastion_api.signup('bob@sessions.example', 'correct horse', 'Others') AS bob \gset
SELECT :'ann'::jsonb #>> '{user,id}' AS ann_id, :'ann'::jsonb #>> '{tenant,id}' AS ann_tenant,
       :'bob'::jsonb #>> '{user,id}' AS bob_id \gset

-- what a login answers
SELECT (:'ann'::jsonb ->> 'refresh_token') ~ '^bsr_[A-Za-z0-9_-]{43}$' AS refresh_token,
       (:'ann'::jsonb ->> 'refresh_expires_in')::int BETWEEN 604700 AND 604800 AS seven_days_idle,
       test.claims(:'ann'::jsonb ->> 'access_token') ->> 'sid' = (SELECT id::text FROM bastion.sessions WHERE user_id = :'ann_id') AS sid;
SELECT device, ip, user_agent, level, amr, expires_at - created_at = '30 days' AS thirty_days, idle_limit, revoked_at
FROM bastion.sessions WHERE user_id = :'ann_id';
-- the token itself is nowhere
SELECT count(*) AS tokens, bool_and(octet_length(hash) = 32) AS hashed FROM bastion.refresh_tokens r
JOIN bastion.sessions s ON s.id = r.session_id WHERE s.user_id = :'ann_id' AND r.hash = bastion_internal.refresh_token_hash(:'ann'::jsonb ->> 'refresh_token');

-- a refresh: a new access token, the next refresh token, the same session
SET ROLE regress_app;
SELECT bastion_api.refresh(:'ann'::jsonb ->> 'refresh_token') AS ann2 \gset
SELECT :'ann2'::jsonb ->> 'refresh_token' <> :'ann'::jsonb ->> 'refresh_token' AS rotated,
       :'ann2'::jsonb ->> 'access_token' <> :'ann'::jsonb ->> 'access_token' AS new_token,
       test.claims(:'ann2'::jsonb ->> 'access_token') ->> 'sid' = test.claims(:'ann'::jsonb ->> 'access_token') ->> 'sid' AS same_session,
       :'ann2'::jsonb -> 'user' = :'ann'::jsonb -> 'user' AS same_user, :'ann2'::jsonb ->> 'expires_in' AS expires_in;
-- again within the window: the very same tokens
SELECT bastion_api.refresh(:'ann'::jsonb ->> 'refresh_token') - 'refresh_expires_in' = :'ann2'::jsonb - 'refresh_expires_in' AS repeated;
SELECT bastion_api.refresh(:'ann2'::jsonb ->> 'refresh_token') AS ann3 \gset
BEGIN;
SELECT test.present(:'ann3'::jsonb ->> 'access_token');
COMMIT;
-- refusals: all alike, each recorded
SELECT count(*), answer FROM unnest(ARRAY[NULL, '', 'x', :'ann'::jsonb ->> 'access_token', 'bsr_' || repeat('A', 43), repeat('x', 1000000),
    (:'ann3'::jsonb ->> 'refresh_token') || 'A', left(:'ann3'::jsonb ->> 'refresh_token', 46), upper(:'ann3'::jsonb ->> 'refresh_token')]) token,
    LATERAL bastion_api.refresh(token) answer GROUP BY answer;
BEGIN READ ONLY;
SELECT test.error($$SELECT bastion_api.refresh('x')$$), test.error($$SELECT bastion_api.logout()$$), test.error($$SELECT bastion_api.token_revoke('x')$$);
COMMIT;
RESET ROLE;
SELECT detail ->> 'reason' AS reason, count(*) FROM bastion.events WHERE kind = 'refresh_refused' AND user_id IS NULL AND occurred_at > :'begun' GROUP BY 1;

-- after the window: the whole family ends, and it is recorded
BEGIN;
SELECT test.present(:'ann3'::jsonb ->> 'access_token');
SET LOCAL bastion.refresh_reuse_window = 0;
SELECT bastion_api.refresh(:'ann'::jsonb ->> 'refresh_token');
SELECT test.state();
COMMIT;
SELECT bastion_api.refresh(:'ann3'::jsonb ->> 'refresh_token') ->> 'error' AS newest_token;
SELECT revoked_reason FROM bastion.sessions WHERE user_id = :'ann_id';
SELECT kind, outcome, detail ->> 'reason' AS reason FROM bastion.events WHERE user_id = :'ann_id' AND kind = 'refresh_refused' ORDER BY id;

-- limits: absolute, idle, and neither outlived by an access token
SELECT bastion_api.login('ann@sessions.example', 'correct horse', device => repeat('x', 201)) AS ann \gset
SELECT device FROM bastion.sessions WHERE user_id = :'ann_id' AND revoked_at IS NULL;
CREATE FUNCTION ses.refuses(change text, token text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE 'UPDATE bastion.sessions SET ' || change || ' WHERE revoked_at IS NULL AND user_id = '
        || quote_literal((SELECT id FROM bastion.users WHERE email = 'ann@sessions.example'));
    answer := coalesce(bastion_api.refresh(token) ->> 'error', 'continued');
    answer := concat_ws(' ', answer, (SELECT detail ->> 'reason' FROM bastion.events WHERE kind = 'refresh_refused' ORDER BY id DESC LIMIT 1));
    RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = answer;
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    RETURN answer;
END
$$;
SELECT change, ses.refuses(change, :'ann'::jsonb ->> 'refresh_token') FROM unnest(ARRAY['expires_at = now()',
    'last_seen_at = now() - idle_limit', 'revoked_at = now(), revoked_reason = ''logout''']) change;
BEGIN;
SELECT bastion.session_settings_set();
ROLLBACK;
BEGIN;
SELECT test.present(:'ann'::jsonb ->> 'access_token');
SELECT bastion.session_settings_set(access_lifetime => '5 minutes', session_lifetime => '1 hour', idle_limit => '90 seconds', reuse_window => '0');
SELECT test.error(format('SELECT bastion.session_settings_set(%s => %L)', name, value))
FROM (VALUES ('access_lifetime', '9 s'), ('access_lifetime', '31 days'), ('session_lifetime', '0'), ('idle_limit', '-1 s'), ('reuse_window', '6 min')) x (name, value);
SELECT x ->> 'expires_in' AS expires_in, (x ->> 'refresh_expires_in')::int BETWEEN 80 AND 90 AS idle
FROM bastion_api.login('ann@sessions.example', 'correct horse') x;
SELECT bastion_api.login('ann@sessions.example', 'correct horse') ->> 'refresh_token' AS used \gset
SELECT bastion_api.refresh(:'used') ? 'access_token' AS refreshed;
SELECT bastion_api.refresh(:'used') ->> 'error' AS repeated;
ROLLBACK;
-- every tenant for itself; a member without tenant.update may not
SELECT count(*) FROM bastion.session_settings;

-- one's own sessions
SET ROLE regress_app;
SELECT bastion_api.login('ann@sessions.example', 'correct horse', device => 'phone') AS phone \gset
SELECT bastion_api.login('ann@sessions.example', 'correct horse', device => 'tablet') AS tablet \gset
SELECT bastion_api.sessions(), bastion_api.logout();
BEGIN;
SELECT set_config('request.headers', '{"user-agent": "Test/1"}', true);
SELECT test.present(:'phone'::jsonb ->> 'access_token');
SELECT x ->> 'device' AS device, x ->> 'current' AS current, x ->> 'user_agent' AS user_agent, x -> 'tenant' ->> 'slug' AS tenant,
       x ->> 'level' AS level, x -> 'amr' AS amr FROM jsonb_array_elements(bastion_api.sessions() -> 'sessions') x ORDER BY x ->> 'created_at';
SELECT bastion_api.logout(scope) FROM unnest(ARRAY[NULL, '', 'everything']) scope;
SELECT bastion_api.logout('others');
SELECT test.state(), jsonb_array_length(bastion_api.sessions() -> 'sessions');
SELECT bastion_api.logout();
SELECT test.state();
SELECT test.refusal('SELECT bastion_api.sessions()');
COMMIT;
SELECT bastion_api.refresh(x ->> 'refresh_token') ->> 'error' FROM unnest(ARRAY[:'ann'::jsonb, :'phone'::jsonb, :'tablet'::jsonb]) x;
-- a logout as the first call of a connection
SELECT bastion_api.login('ann@sessions.example', 'correct horse') ->> 'access_token' AS first \gset
\c -
SET client_min_messages = warning;
SET ROLE regress_app;
BEGIN;
SELECT set_config('bastion.token', :'first', true) IS NOT NULL AS presented;
SELECT bastion_api.logout();
COMMIT;
-- of a logout that is rolled back nothing stays
SELECT bastion_api.login('ann@sessions.example', 'correct horse') AS ann \gset
BEGIN;
SELECT test.present(:'ann'::jsonb ->> 'access_token');
SAVEPOINT s;
SELECT bastion_api.logout('all');
SELECT test.state();
ROLLBACK TO s;
SELECT test.state();
ROLLBACK;

-- administration
RESET ROLE;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT :'bob_id', :'ann_tenant', r.id FROM bastion.roles r WHERE r.name = 'viewer' AND r.system;
SELECT bastion_api.login('bob@sessions.example', 'correct horse', :'ann_tenant') AS guest \gset
SELECT test.claims(:'guest'::jsonb ->> 'access_token') ->> 'sid' AS guest_session,
       test.claims(:'bob'::jsonb ->> 'access_token') ->> 'sid' AS bob_session,
       test.claims(:'ann'::jsonb ->> 'access_token') ->> 'sid' AS ann_session \gset
SET ROLE regress_app;
SELECT test.error('SELECT bastion.session_revoke(gen_random_uuid())'), test.error('SELECT bastion.sessions_revoke(gen_random_uuid())');
BEGIN;
SELECT test.present(:'guest'::jsonb ->> 'access_token');
-- a viewer: own sessions alone
SELECT test.error(format('SELECT bastion.session_revoke(%L)', :'ann_session')), test.error(format('SELECT bastion.sessions_revoke(%L)', :'ann_id')),
       test.error('SELECT bastion.sessions_revoke(NULL)'), test.error('SELECT bastion.session_revoke(NULL)'),
       test.error($$SELECT bastion.session_settings_set('1 hour')$$);
SELECT bastion.session_revoke(:'bob_session');
COMMIT;
BEGIN;
SELECT test.present(:'bob'::jsonb ->> 'access_token');
COMMIT;
BEGIN;
SELECT test.present(:'ann'::jsonb ->> 'access_token');
-- an owner: those of members who logged in to this tenant
SELECT bastion.session_revoke(:'bob_session') AS of_another_tenant, bastion.session_revoke(gen_random_uuid()) AS unknown;
SELECT bastion.session_revoke(:'guest_session') AS first, bastion.session_revoke(:'guest_session') AS again;
COMMIT;
BEGIN;
SELECT test.present(:'guest'::jsonb ->> 'access_token');
COMMIT;
RESET ROLE;
SELECT bastion_api.login('bob@sessions.example', 'correct horse', :'ann_tenant') AS guest \gset
SELECT bastion_api.login('bob@sessions.example', 'correct horse', 'others') AS bob \gset
SET ROLE regress_app;
BEGIN;
SELECT test.present(:'ann'::jsonb ->> 'access_token');
SELECT bastion.session_revoke((test.claims(:'bob'::jsonb ->> 'access_token') ->> 'sid')::uuid) AS of_another_tenant;
SELECT bastion.sessions_revoke(:'bob_id') AS in_this_tenant;
COMMIT;
SELECT bastion_api.refresh(x ->> 'refresh_token') ->> 'error' FROM unnest(ARRAY[:'guest'::jsonb, :'bob'::jsonb]) x;
-- an administrator does not end those of an owner, who holds more
RESET ROLE;
UPDATE bastion.memberships SET role_id = (SELECT r.id FROM bastion.roles r WHERE r.name = 'admin' AND r.system)
WHERE user_id = :'bob_id' AND tenant_id = :'ann_tenant';
SELECT bastion_api.login('bob@sessions.example', 'correct horse', :'ann_tenant') AS guest \gset
SET ROLE regress_app;
BEGIN;
SELECT test.present(:'guest'::jsonb ->> 'access_token');
SELECT test.error(format('SELECT bastion.session_revoke(%L)', :'ann_session')), test.error(format('SELECT bastion.sessions_revoke(%L)', :'ann_id'));
COMMIT;
RESET ROLE;
UPDATE bastion.memberships SET role_id = (SELECT r.id FROM bastion.roles r WHERE r.name = 'viewer' AND r.system)
WHERE user_id = :'bob_id' AND tenant_id = :'ann_tenant';
SET ROLE regress_app;
-- by token, by any holder of it
SELECT bastion_api.login('bob@sessions.example', 'correct horse', 'others') AS bob \gset
SELECT DISTINCT bastion_api.token_revoke(token) FROM unnest(ARRAY[NULL, 'x', :'bob'::jsonb ->> 'access_token']) token;
SELECT bastion_api.refresh(:'bob'::jsonb ->> 'refresh_token') ->> 'error' AS after_revocation;
SELECT bastion_api.login('bob@sessions.example', 'correct horse', 'others') AS bob \gset
SELECT bastion_api.token_revoke(:'bob'::jsonb ->> 'refresh_token');
BEGIN;
SELECT test.present(:'bob'::jsonb ->> 'access_token');
COMMIT;
SELECT test.error('SELECT bastion.user_sessions_revoke(NULL)'), test.error('SELECT bastion.session_prune()'), test.error('SELECT bastion.pepper_create()'),
       test.error('TABLE bastion.sessions'), test.error('TABLE bastion.refresh_tokens'), test.error('TABLE bastion.peppers');
RESET ROLE;
-- under impersonation nobody ends or lists the sessions of the other
BEGIN;
SELECT bastion.impersonate(:'bob_id', :'ann_tenant', 'support', false) IS NOT NULL;
SELECT bastion_api.logout('all'), bastion_api.sessions();
ROLLBACK;
-- and who impersonates loses it with the own session
BEGIN;
SELECT bastion.authenticate(:'ann'::jsonb ->> 'access_token') IS NOT NULL;
SELECT bastion.impersonate(:'bob_id', :'ann_tenant', 'support', false) IS NOT NULL;
SELECT test.state();
SELECT bastion.user_sessions_revoke(:'ann_id');
SELECT test.state();
ROLLBACK;

-- what ends sessions, for good
CREATE FUNCTION ses.after(change text, undo text, email text, tenant text, unit text DEFAULT NULL) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    answer jsonb := bastion_api.login(email, 'correct horse', tenant, unit);
    report text;
BEGIN
    EXECUTE change;
    EXECUTE undo;
    SET LOCAL bastion.allow_identity_switch = on;
    report := concat_ws(' ', test.present(answer ->> 'access_token'), bastion_api.refresh(answer ->> 'refresh_token') ->> 'error',
        (SELECT s.revoked_reason FROM bastion.sessions s WHERE s.id::text = test.claims(answer ->> 'access_token') ->> 'sid'));
    RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = report;
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    RETURN report;
END
$$;
SELECT change, ses.after(format(change, :'bob_id', :'ann_tenant'), format(undo, :'bob_id', :'ann_tenant'), 'bob@sessions.example', :'ann_tenant')
FROM (VALUES
    ('SELECT %1$L, %2$L', 'SELECT'),
    ('UPDATE bastion.users SET status = ''disabled'' WHERE id = %1$L', 'UPDATE bastion.users SET status = ''active'' WHERE id = %1$L'),
    ('UPDATE bastion.tenants SET status = ''suspended'' WHERE id = %2$L', 'UPDATE bastion.tenants SET status = ''active'' WHERE id = %2$L'),
    ('DELETE FROM bastion.memberships WHERE user_id = %1$L AND tenant_id = %2$L',
     'INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT %1$L, %2$L, bastion_internal.owner_role()'),
    ('UPDATE bastion.memberships SET valid_until = now() WHERE user_id = %1$L AND tenant_id = %2$L',
     'UPDATE bastion.memberships SET valid_until = NULL WHERE user_id = %1$L AND tenant_id = %2$L'),
    ('UPDATE bastion.memberships SET role_id = bastion_internal.owner_role() WHERE user_id = %1$L AND tenant_id = %2$L', 'SELECT'),
    ('DELETE FROM bastion.sessions', 'SELECT'), ('TRUNCATE bastion.sessions CASCADE', 'SELECT'),
    ('UPDATE bastion.sessions SET expires_at = now()', 'SELECT')) x (change, undo);
-- in a unit: while a membership there is left
INSERT INTO bastion.units (tenant_id, kind, name, slug) VALUES (:'ann_tenant', 'team', 'Team', 'team') RETURNING id AS team \gset
DELETE FROM bastion.memberships WHERE user_id = :'bob_id' AND tenant_id = :'ann_tenant';
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
SELECT :'bob_id', :'ann_tenant', u.id, r.id FROM bastion.units u, bastion.roles r
WHERE u.tenant_id = :'ann_tenant' AND r.name = 'viewer' AND r.system;
SELECT slug, ses.after(format('DELETE FROM bastion.memberships m USING bastion.units u WHERE m.user_id = %L AND u.id = m.unit_id AND u.slug = %L',
                              :'bob_id', slug), 'SELECT', 'bob@sessions.example', :'ann_tenant', 'team')
FROM unnest(ARRAY['default', 'team']) slug;
SELECT ses.after(format('DELETE FROM bastion.units WHERE id = %L', :'team'), 'SELECT', 'bob@sessions.example', :'ann_tenant', 'team');

-- tokens without a session end with the account
SELECT bastion.token_issue(:'ann_id', :'ann_tenant') AS token \gset
BEGIN;
SELECT test.present(:'token');
SELECT bastion_api.logout('this'), bastion.session_id();
SELECT bastion_api.logout('all') ->> 'ended' >= '1' AS ended;
SELECT test.state();
UPDATE bastion.users SET status = 'disabled' WHERE id = :'ann_id';
SELECT test.state();
ROLLBACK;

-- a session that is given to another user serves no token of the first
SELECT bastion_api.login('ann@sessions.example', 'correct horse') ->> 'access_token' AS token \gset
BEGIN;
SELECT test.present(:'token');
UPDATE bastion.sessions SET user_id = :'bob_id' WHERE id::text = test.claims(:'token') ->> 'sid';
SELECT test.state();
ROLLBACK;
-- the end of an account ends its sessions for good
BEGIN;
UPDATE bastion.users SET status = 'disabled' WHERE id = :'ann_id';
SELECT count(*) AS sessions FROM bastion.sessions WHERE user_id = :'ann_id' AND revoked_at IS NULL;
UPDATE bastion.users SET status = 'active' WHERE id = :'ann_id';
SELECT test.present(:'token');
ROLLBACK;

-- the cache: one read a session, none a statement; a new session tells nobody
SELECT bastion_api.login('ann@sessions.example', 'correct horse') AS ann \gset
SELECT test.claims(:'ann'::jsonb ->> 'access_token') ->> 'sid' AS ann_session \gset
SELECT test.counted('sessions', format('SELECT bastion.authenticate(%L)', :'ann'::jsonb ->> 'access_token'));
SELECT test.counted('sessions', format('SELECT bastion.authenticate(%L)', :'ann'::jsonb ->> 'access_token'));
SELECT test.counted('sessions', format('INSERT INTO bastion.sessions (user_id, expires_at, idle_limit) VALUES (%L, ''infinity'', ''1 day'')', :'ann_id'));
SELECT test.counted('sessions', format('UPDATE bastion.sessions SET last_seen_at = now(), ip = ''10.0.0.1'' WHERE id = %L', :'ann_session'));
SELECT test.counted('sessions', format('SELECT bastion_api.refresh(%L)', :'ann'::jsonb ->> 'refresh_token'));
SELECT test.counted('sessions', format('SELECT bastion.authenticate(%L)', :'ann'::jsonb ->> 'access_token'));
-- more sessions than there is room for
CREATE FUNCTION ses.many(OUT all_good boolean, OUT loads bigint, OUT again bigint) LANGUAGE plpgsql
AS $$
DECLARE
    one record;
    before bigint;
BEGIN
    all_good := true;
    FOR turn IN 1 .. 2 LOOP
        before := (bastion.cache_stats() #>> '{sessions,loads}')::bigint;
        FOR one IN SELECT t.token FROM ses.tokens t LOOP
            SET LOCAL bastion.allow_identity_switch = on;
            PERFORM bastion.authenticate(one.token);
        END LOOP;
        again := (bastion.cache_stats() #>> '{sessions,loads}')::bigint - before;
        loads := coalesce(loads, again);
    END LOOP;
END
$$;
CREATE TABLE ses.tokens AS
SELECT bastion_internal.access_token(s.user_id, NULL, NULL, s.id, 1, 4000000000, gen_random_uuid(), '{pwd}', 'aal1', NULL) AS token
FROM generate_series(1, 1500) i, LATERAL (SELECT gen_random_uuid() AS id, :'ann_id'::uuid AS user_id, i) s;
INSERT INTO bastion.sessions (id, user_id, expires_at, idle_limit)
SELECT (test.claims(token) ->> 'sid')::uuid, :'ann_id', 'infinity', '1 day' FROM ses.tokens;
SELECT all_good, loads >= 1500 AS every_session_once, again BETWEEN 476 AND 1500 AS bounded FROM ses.many();
-- of a login that is rolled back nothing stays, and of an API key, though this backend used them
SET bastion.allow_identity_switch = on;
BEGIN;
SELECT bastion_api.login('ann@sessions.example', 'correct horse') ->> 'access_token' AS undone \gset
SELECT bastion.authenticate(:'undone') IS NOT NULL AS good;
SELECT bastion_api.api_key_create('undone', '{*}') ->> 'key' AS key \gset
SELECT bastion.authenticate(:'key') IS NOT NULL AS good;
ROLLBACK;
SELECT test.error(format('SELECT bastion.authenticate(%L)', t)) FROM unnest(ARRAY[:'undone', :'key']) t;
RESET bastion.allow_identity_switch;
-- prune
SELECT bastion.session_prune('100 years'), test.error($$SELECT bastion.session_prune('-1 s')$$), test.error('SELECT bastion.session_prune(NULL)');
SELECT bastion.session_prune('0') > 10 AS ended_ones;
SELECT count(*) AS left FROM bastion.sessions WHERE revoked_at IS NOT NULL;

-- a new pepper leaves what was derived under the old one
SET bastion.refresh_reuse_window = 300; -- the first use may be a while ago
SELECT bastion_api.refresh(:'ann'::jsonb ->> 'refresh_token') AS before \gset
SELECT bastion.pepper_create() - version AS next, state FROM bastion.peppers WHERE version = (SELECT max(version) FROM bastion.peppers);
SELECT :'before'::jsonb ->> 'refresh_token' = bastion_api.refresh(:'ann'::jsonb ->> 'refresh_token') ->> 'refresh_token' AS the_same;
SELECT bastion_api.refresh(:'before'::jsonb ->> 'refresh_token') ? 'refresh_token' AS under_the_new;

DELETE FROM bastion.tenants WHERE slug IN ('sessions', 'others');
DELETE FROM bastion.users WHERE email LIKE '%@sessions.example';
DROP SCHEMA ses CASCADE;

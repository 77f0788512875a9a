-- Passkeys that an operator vouches for: which can be, the level aal3 of their sessions, its rules and limits, and how it ends.
\set VERBOSITY terse
SET client_min_messages = warning;
SET bastion.refused_login_duration = 0;
CREATE SCHEMA attested;
CREATE FUNCTION attested.authenticator(wanted bytea) RETURNS bytea LANGUAGE C STRICT AS 'authenticator_test', 'bastion_test_authenticator';
CREATE FUNCTION attested.answer(options jsonb, creates boolean, seed text, changes jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT convert_from(attested.authenticator(convert_to((jsonb_build_object('creates', creates, 'seed', seed, 'rp', 'attested.test',
        'challenge', options #>> '{publicKey,challenge}', 'handle', options #>> '{publicKey,user,id}') || changes)::text, 'UTF8')), 'UTF8')::jsonb
$$;
INSERT INTO test.people (name, id, tenant, number, token)
SELECT 'ann', (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, (a #>> '{tenant,number}')::bigint, a ->> 'access_token'
FROM bastion_api.signup('ann@attested.example', 'correct horse battery', 'Attested') a;
SELECT bastion.relying_party_set('attested.test', 'Attested', ARRAY['https://attested.test']);
CREATE TABLE attested.factors (name text PRIMARY KEY, id uuid);
CREATE FUNCTION attested.add(name text, changes jsonb DEFAULT '{}') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    held text := (SELECT p.token FROM test.people p WHERE p.name = 'ann');
    options jsonb := test.api(held, 'passkey_add()');
    changed jsonb := changes || '{"origin": "https://attested.test"}';
    added jsonb := test.api(held, format('passkey_confirm(%L, %L, %L)', options ->> 'challenge', attested.answer(options, true, name, changed), name));
BEGIN
    INSERT INTO attested.factors VALUES (name, (added #>> '{factor,id}')::uuid);
    UPDATE bastion.sessions SET level = 'aal2', phishing_resistant_at = now() WHERE id = (test.claims(held) ->> 'sid')::uuid;
    UPDATE test.people p SET token = bastion_internal.access_token(s.user_id, s.tenant_id, s.unit_id, s.id, extract(epoch FROM now())::bigint,
        extract(epoch FROM now())::bigint + 3600, gen_random_uuid(), s.amr, 'phr', s.authenticated_at)
    FROM bastion.sessions s WHERE p.name = 'ann' AND s.id = (test.claims(held) ->> 'sid')::uuid;
END
$$;
SELECT attested.add('key'), attested.add('plain'), attested.add('synced', '{"flags": 77, "count": 0}'), attested.add('touch', '{"flags": 65}');
SELECT count(id) AS factors FROM attested.factors;
INSERT INTO bastion.user_factors (user_id, kind, name, state) SELECT id, 'totp', 'Codes', 'suspended' FROM test.people;
INSERT INTO attested.factors SELECT 'totp', id FROM bastion.user_factors WHERE kind = 'totp' AND user_id = test.id_of('ann');
CREATE FUNCTION attested.id(name text) RETURNS uuid LANGUAGE sql AS $$ SELECT id FROM attested.factors f WHERE f.name = id.name $$;

-- which can be: a passkey that stays on its device and whose authenticator verified the user; and for whom
SELECT name, test.error(format('SELECT bastion.passkey_attest(%L, ''serial 1'')', id)) AS error FROM attested.factors WHERE name <> 'key' AND name <> 'plain' ORDER BY name;
SELECT bastion.passkey_attest(attested.id('totp'), 'serial 1') AS totp, bastion.passkey_attest('00000000-0000-0000-0000-000000000001', 'serial 1') AS unknown, bastion.passkey_attest(NULL, 'serial 1') AS none;
SELECT left(n, 3) AS note, test.error(format('SELECT bastion.passkey_attest(%L, %L)', attested.id('key'), n)) AS error FROM unnest(ARRAY['', ' ', E'a\nb', repeat('x', 201)]) n;
SELECT test.value('ann', format('bastion.passkey_attest(%L, ''mine'')', attested.id('key'))) AS by_its_user;
SELECT test.error(format('UPDATE bastion.passkeys SET attested_at = now(), attested_note = ''x'' WHERE factor_id = %L', attested.id(n))) AS by_row FROM unnest(ARRAY['synced', 'touch']) n;
SELECT bastion.passkey_attest(attested.id('key'), 'YubiKey 5, serial 4711') AS attested;
SELECT f.name, p.attested_at IS NOT NULL AS attested, p.attested_note FROM attested.factors f JOIN bastion.passkeys p ON p.factor_id = f.id ORDER BY 1;
SELECT detail - 'factor' - 'by' AS detail FROM bastion.events WHERE kind = 'passkey_attested' AND user_id = test.id_of('ann');

-- a login with one: level aal3, if it verified the user
CREATE FUNCTION attested.login(seed text, count integer, tenant text DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT bastion_api.passkey_login(o ->> 'challenge', attested.answer(o, false, seed, jsonb_build_object('origin', 'https://attested.test', 'count', count, 'flags', 5,
        'handle', translate((SELECT encode(handle, 'base64') FROM bastion.passkey_owners WHERE user_id = test.id_of('ann')), '+/=', '-_'))), tenant)
    FROM bastion_api.passkey_login_options() o
$$;
CREATE FUNCTION attested.seen(name text, answer jsonb) RETURNS TABLE (acr text, amr jsonb, level text, phr boolean, brief boolean) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO test.sessions VALUES (name, answer ->> 'access_token', (test.claims(answer ->> 'access_token') ->> 'sid')::uuid)
    ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT test.claims(answer ->> 'access_token') ->> 'acr', test.claims(answer ->> 'access_token') -> 'amr', s.level, s.phishing_resistant_at IS NOT NULL,
                        (answer ->> 'expires_in')::int <= 900
                 FROM bastion.sessions s WHERE s.id = (test.claims(answer ->> 'access_token') ->> 'sid')::uuid;
END
$$;
SELECT attested.login('key', 20) AS hard, attested.login('plain', 20) AS soft \gset
SELECT * FROM attested.seen('hard', :'hard');
SELECT * FROM attested.seen('soft', :'soft');
SELECT test.value('hard', 'bastion.auth_level()') AS hard, test.value('soft', 'bastion.auth_level()') AS soft;
SELECT bastion_internal.access_expires_at(s, extract(epoch FROM s.authenticated_at)::bigint) - extract(epoch FROM s.authenticated_at)::bigint BETWEEN 850 AND 900 AS ends
FROM test.sessions t JOIN bastion.sessions s ON s.id = t.sid WHERE t.name = 'hard' AND set_config('bastion.access_token_lifetime', '1h', false) <> '';
RESET bastion.access_token_lifetime;
-- beside a password: a step up; a touch alone does not say who touched
CREATE FUNCTION attested.step_up(name text, factor text, count integer, flags integer) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    token text := (SELECT s.token FROM test.sessions s WHERE s.name = step_up.name);
    options jsonb := test.api(token, 'passkey_options()');
BEGIN
    RETURN test.api(token, format('step_up(%L, %L)', attested.id(factor), jsonb_build_object('challenge', options -> 'challenge', 'credential',
        attested.answer(options, false, factor, jsonb_build_object('origin', 'https://attested.test', 'count', count, 'flags', flags)))));
END
$$;
INSERT INTO test.sessions SELECT n, a ->> 'access_token', (test.claims(a ->> 'access_token') ->> 'sid')::uuid
FROM unnest(ARRAY['touched', 'verified']) n, LATERAL bastion_internal.session_start(test.id_of('ann'), test.tenant_of('ann'), NULL, n) a;
SELECT attested.step_up('touched', 'key', 21, 1) AS touched \gset
SELECT * FROM attested.seen('touched', :'touched');
UPDATE test.sessions SET token = :'touched'::jsonb ->> 'access_token' WHERE name = 'touched';
SELECT attested.step_up('touched', 'key', 22, 5) ? 'access_token' AS accepted;
SELECT test.value('touched', 'bastion.auth_level()') AS older_token_of_a_passkey;
SELECT attested.step_up('verified', 'key', 23, 5) AS verified \gset
SELECT * FROM attested.seen('verified', :'verified');
-- the older token gains nothing
SELECT test.value('verified', 'bastion.auth_level()') AS older_token;
UPDATE test.sessions SET token = :'verified'::jsonb ->> 'access_token' WHERE name = 'verified';
SELECT test.value('verified', 'bastion.auth_level()') AS new_token;
-- it is fresh enough for what asks for two factors
SELECT test.api(token, 'totp_add(''Other'')') ? 'secret' AS may_change_factors FROM test.sessions WHERE name = 'hard';
DELETE FROM bastion.user_factors WHERE user_id = test.id_of('ann') AND kind = 'totp' AND state = 'pending';

-- rules of the level phrh, and those of the lower levels
SELECT bastion.resource_register('attested_papers', '{read,write}');
CREATE FUNCTION attested.both(expression text, OUT hard text, OUT soft text) LANGUAGE sql AS $$ SELECT test.value('hard', expression), test.value('soft', expression) $$;
SELECT test.value('hard', 'bastion.step_up_rule_set(''attested_papers.read'', ''aal2'')') AS aal2;
SELECT * FROM attested.both('bastion.has_permission(''attested_papers.read'')');
SELECT test.value('hard', 'bastion.step_up_rule_set(''attested_papers.read'', ''phr'')') AS phr;
SELECT * FROM attested.both('bastion.has_permission(''attested_papers.read'')');
SELECT test.value('hard', 'bastion.step_up_rule_set(''attested_papers.read'', ''phrh'')') AS phrh;
SELECT * FROM attested.both('bastion.has_permission(''attested_papers.read'')');
SELECT * FROM attested.both('bastion.require_permission(''attested_papers.read'')');
SELECT * FROM attested.both('SELECT string_agg(e.detail || '' -> '' || e.effect, ''; '') FROM bastion.explain_member_access((SELECT bastion.user_id()), ''attested_papers.read'') e WHERE e.kind IN (''step-up rule'', ''verdict'')');
SELECT test.value('soft', 'bastion.step_up_rule_remove(''attested_papers.read'')') AS removed_by_less;
SELECT test.value('hard', 'bastion.step_up_rule_set(''attested_papers.read'', ''phrh'', ''5 minutes'')') AS within;
SELECT * FROM attested.both('bastion.has_permission(''attested_papers.read'')');
UPDATE bastion.sessions SET phishing_resistant_at = now() - interval '6 minutes' WHERE id = (SELECT sid FROM test.sessions WHERE name = 'hard');
SELECT * FROM attested.both('bastion.has_permission(''attested_papers.read'')');
-- another passkey does not renew what the attested one proved, and does not end the level
SELECT attested.step_up('hard', 'plain', 23, 5) AS other \gset
SELECT * FROM attested.seen('hard', :'other');
UPDATE test.sessions SET token = :'other'::jsonb ->> 'access_token' WHERE name = 'hard';
SELECT * FROM attested.both('bastion.has_permission(''attested_papers.read'')');
SELECT attested.step_up('hard', 'key', 25, 5) ->> 'access_token' AS token \gset
UPDATE test.sessions SET token = :'token' WHERE name = 'hard';
SELECT * FROM attested.both('bastion.has_permission(''attested_papers.read'')');
-- a tenant that asks for what resists phishing
UPDATE bastion.tenants SET mfa = 'phishing_resistant' WHERE id = test.tenant_of('ann');
SELECT * FROM attested.both('bastion.has_permission(''attested_papers.write'')');
UPDATE bastion.tenants SET mfa = 'off' WHERE id = test.tenant_of('ann');
-- an API key and an actor never have it
SELECT test.value('hard', 'bastion_api.api_key_create(''k'', ''{*}'') ->> ''key''') AS key \gset
SELECT test.value(:'key', 'bastion.auth_level()') AS level, test.value(:'key', 'bastion.has_permission(''attested_papers.read'')') AS read;

-- its limits: 15 minutes without a refresh, and 12 hours; then the session goes on with aal2, and after the limits of that with aal1
CREATE FUNCTION attested.later(seen interval, proved interval, authenticated interval) RETURNS TABLE (acr text, amr jsonb, level text) LANGUAGE plpgsql AS $$
DECLARE
    begun jsonb := bastion_internal.session_begin(test.id_of('ann'), test.tenant_of('ann'), NULL, NULL, '{hwk,user,mfa}');
    sid uuid := (test.claims(begun ->> 'access_token') ->> 'sid')::uuid;
    answer jsonb;
BEGIN
    UPDATE bastion.sessions s SET last_seen_at = now() - seen, phishing_resistant_at = now() - proved, authenticated_at = now() - authenticated, created_at = now() - interval '2 days' WHERE s.id = sid;
    answer := bastion_api.refresh(begun ->> 'refresh_token');
    RETURN QUERY SELECT test.claims(answer ->> 'access_token') ->> 'acr', test.claims(answer ->> 'access_token') -> 'amr', s.level FROM bastion.sessions s WHERE s.id = sid;
END
$$;
SELECT i, l.* FROM (VALUES (1, '14 min', '11 h', '11 h'), (2, '16 min', '1 h', '1 h'), (3, '1 min', '12 h 1 min', '12 h 1 min'), (4, '1 min', '12 h 1 min', '1 h'), (5, '61 min', '2 h', '2 h'), (6, '1 min', '25 h', '25 h'))
    v (i, seen, proved, authenticated), LATERAL attested.later(seen::interval, proved::interval, authenticated::interval) l ORDER BY i;
SELECT test.error(format('UPDATE bastion.sessions SET phishing_resistant_at = NULL WHERE id = %L', sid)) AS without_a_passkey FROM test.sessions WHERE name = 'hard';
-- a login that waits for the choice of a tenant when the operator ends it
SELECT bastion_api.signup('ben@attested.example', 'correct horse battery', 'Second') AS ben \gset
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of('ann'), (:'ben'::jsonb #>> '{tenant,id}')::uuid, test.role_of('member');
SELECT attested.login('key', 26) AS asked \gset
SELECT attested.login('key', 27) AS open \gset
SELECT * FROM attested.seen('chosen', bastion_api.login_tenant(:'asked'::jsonb ->> 'challenge', 'attested'));
SELECT bastion.passkey_attest(attested.id('key'), NULL) AS ended;
SELECT bastion_api.login_tenant(:'open'::jsonb ->> 'challenge', 'attested') ->> 'error' AS open;
-- its sessions go on with aal2, and so does the next
SELECT test.value('hard', 'bastion.auth_level()') AS level, test.value('hard', 'bastion.has_permission(''attested_papers.read'')') AS read, (SELECT count(*) FROM bastion.sessions WHERE user_id = test.id_of('ann') AND level = 'aal3') AS left;
SELECT * FROM attested.seen('next', attested.login('key', 28, 'attested'));
SELECT attested_at, attested_note FROM bastion.passkeys WHERE factor_id = attested.id('key');
-- what else ends it: a copy of the passkey, its suspension and its removal, by the user, by an operator and with its domain
CREATE FUNCTION attested.after(what text, statement text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    done text;
BEGIN
    PERFORM bastion_internal.session_begin(test.id_of('ann'), test.tenant_of('ann'), NULL, NULL, '{hwk,user,mfa}');
    EXECUTE statement INTO done;
    RAISE SQLSTATE 'P0099' USING MESSAGE = format('%s: %s, %s sessions with aal3, %s attested', what, done, (SELECT count(*) FROM bastion.sessions WHERE user_id = test.id_of('ann') AND level = 'aal3'),
                                                  (SELECT count(*) FROM bastion.passkeys WHERE attested_at IS NOT NULL));
END
$$;
SELECT bastion.passkey_attest(attested.id('key'), 'again') AS again;
SELECT test.error(format('SELECT attested.after(%L, %L)', w, s)) FROM (VALUES ('nothing', 'SELECT 1'),
    ('copy', $$SELECT attested.login('key', 1, 'attested') ->> 'error'$$), ('suspension', format('UPDATE bastion.user_factors SET state = ''suspended'' WHERE id = %L RETURNING state', attested.id('key'))),
    ('of another', format('UPDATE bastion.user_factors SET state = ''suspended'' WHERE id = %L RETURNING state', attested.id('plain'))),
    ('by the user', format('SELECT bastion_internal.factor_delete(test.id_of(''ann''), %L)', attested.id('key'))), ('by an operator', $$SELECT bastion.factors_remove('ann@attested.example')$$),
    ('with its domain', $$SELECT bastion.relying_party_remove('attested.test')$$)) c (w, s);
UPDATE bastion.user_factors SET state = 'suspended' WHERE id = attested.id('plain');
SELECT test.error(format('SELECT bastion.passkey_attest(%L, ''x'')', attested.id('plain'))) AS suspended;
DELETE FROM bastion.tenants WHERE slug IN ('attested', 'second');
DELETE FROM bastion.users WHERE email LIKE '%@attested.example';
SELECT bastion.relying_party_remove('attested.test') AS removed;
DELETE FROM bastion.permissions WHERE resource = 'attested_papers';
TRUNCATE test.people, test.sessions;
DROP SCHEMA attested CASCADE;

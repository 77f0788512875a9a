-- Which new passwords are accepted: at sign-up, by invitation, and when an operator sets one.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SELECT bastion.library_version() IS NOT NULL AS loaded;
SELECT name, boot_val, min_val, max_val, context FROM pg_settings WHERE name LIKE E'bastion.password\\_%' ORDER BY 1;
SET bastion.password_min_length = 15;
CREATE FUNCTION test.tries(password text, least_length integer DEFAULT NULL, with_factor boolean DEFAULT false) RETURNS text LANGUAGE sql
AS $$ SELECT coalesce(bastion_internal.password_flaw(password, E'pia@policy.example\npia.policy\nPia Münster\nPolicy Works', least_length, with_factor), 'accepted') $$;
SELECT p, test.tries(p), test.tries(p, 8) AS with_less, test.tries(p, 20) AS with_more
FROM unnest(ARRAY['fourteen chars', 'fifteen of them', NULL, '', 'qwertyuiop12345', 'PASSWORDpassword', 'dragondragondragondragon', 'xyxyxyxyxyxyxyxyxyxyxyxy', 'abcdefghijklmnopqrstuv',
                  'pia.policy@policy.example', 'Münster-MÜNSTER-2026-ms', 'policy works for all of us', E'a tab\tis in this password']) p;
SET bastion.password_min_length = 8;
SELECT test.tries('sevench') AS seven, test.tries('eight ch') AS eight, test.tries('password') AS common;
SELECT test.error($$SET bastion.password_min_length = 7$$), test.error($$SET bastion.password_min_length = 129$$);
SET ROLE regress_app;
SELECT test.error($$SET bastion.password_min_length = 8$$), test.error($$SET bastion.password_blocklist = ''$$), test.error($$SET bastion.password_history = 0$$),
       test.error($$SELECT bastion.user_password_set('x', 'x')$$), test.error($$TABLE bastion.password_history$$),
       test.error($$SELECT bastion_internal.password_flaw('x', 'x', 8)$$);
SELECT left(test.error($$SHOW bastion.password_blocklist$$), 5) AS shown;
RESET ROLE;
SET bastion.password_min_length = 15;

-- sign-up
SET ROLE regress_app;
SELECT p, bastion_api.signup('pia@policy.example', p, 'Policy Works', 'Pia', 'pia.policy')
FROM unnest(ARRAY['correct horse', 'qwertyuiop12345', 'pia.policy-works', 'aaaaaaaaaaaaaaaa', E'with a tab\there too']) p;
SELECT bastion_api.signup('pia@policy.example', 'correct horse battery', 'Policy Works', 'Pia', 'pia.policy') AS pia \gset
SELECT :'pia'::jsonb ->> 'token_type' AS token_type;
RESET ROLE;
SELECT count(*) FROM bastion.users WHERE email LIKE '%@policy.example';

-- a tenant may be stricter for those who join it
SELECT test.error($$UPDATE bastion.tenants SET password_min_length = 7 WHERE slug = 'policy-works'$$), test.error($$UPDATE bastion.tenants SET password_min_length = 129 WHERE slug = 'policy-works'$$);
UPDATE bastion.tenants SET password_min_length = 20 WHERE slug = 'policy-works';
BEGIN;
SELECT bastion.authenticate(:'pia'::jsonb ->> 'access_token') IS NOT NULL AS known \gset
SELECT bastion.invite('quin@policy.example', 'viewer') ->> 'token' AS invitation \gset
COMMIT;
SELECT p, coalesce(a ->> 'error_description', a ->> 'token_type') AS answer
FROM unnest(ARRAY['nineteen characters', 'policy-works policy-works', 'twenty characters it is']) WITH ORDINALITY x (p, n), LATERAL bastion_api.signup_invited(:'invitation', p) a ORDER BY n;

-- an operator sets one: it must differ from former ones where the history is on, and ends the sessions
SELECT test.error(format('SELECT bastion.user_password_set(%L, %L)', u, p))
FROM (VALUES ('nobody@policy.example', 'correct horse battery'), (NULL, 'correct horse battery'), ('pia.policy', NULL), ('pia.policy', 'correct horse'),
             ('pia.policy', 'nineteen characters'), ('pia.policy', 'policy-works-munster')) v (u, p);
\set VERBOSITY default
SELECT bastion.user_password_set('pia.policy', 'policy-works policy-works');
\set VERBOSITY terse
SELECT bastion.user_password_set('pia.policy', 'correct horse battery');
SELECT count(*) AS kept FROM bastion.password_history;
SELECT count(*) FILTER (WHERE revoked_at IS NULL) AS open, array_agg(DISTINCT revoked_reason) FROM bastion.sessions s WHERE s.user_id = (:'pia'::jsonb #>> '{user,id}')::uuid;
SET bastion.password_history = 3;
SELECT test.error(format('SELECT bastion.user_password_set(''pia@policy.example'', %L)', p))
FROM unnest(ARRAY['correct horse battery', 'the first of several', 'correct horse battery', 'the second of several', 'THE FIRST OF SEVERAL', 'the third of several',
                  'the second of several', 'correct horse battery']) WITH ORDINALITY x (p, n) ORDER BY n;
SELECT count(*) AS kept, bool_and(hash LIKE '$argon2id$%') AS hashed FROM bastion.password_history;
SELECT bastion_api.login('pia.policy', 'correct horse battery') ->> 'token_type' AS latest, bastion_api.login('pia.policy', 'the third of several') ->> 'error' AS former;
SET bastion.password_history = 0;
SELECT bastion.user_password_set('pia.policy', 'the third of several');
-- beside a second factor eight characters suffice, and the last factor stays until the password stands alone
SELECT test.tries('sevench', NULL, true) AS seven, test.tries('eight ch', NULL, true) AS eight, test.tries('eight ch', NULL, false) AS alone, test.tries('eight ch', 20, true) AS in_a_strict_tenant, test.tries('password', NULL, true) AS common;
SET bastion.password_min_length_with_factor = 12;
SELECT test.tries('eleven char', NULL, true) AS eleven, test.tries('twelve chars', NULL, true) AS twelve;
SET bastion.password_min_length_with_factor = 128;
SELECT test.tries('fourteen chars', NULL, true) AS fourteen, test.tries('fifteen of them', NULL, true) AS fifteen;
RESET bastion.password_min_length_with_factor;
SELECT test.error($$SET bastion.password_min_length_with_factor = 7$$);
UPDATE bastion.tenants SET password_min_length = NULL WHERE slug = 'policy-works';
SELECT u.id AS pia_id FROM bastion.users u WHERE u.username = 'pia.policy' \gset
CREATE FUNCTION test.as_pia(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told jsonb;
BEGIN
    PERFORM set_config('bastion.token', bastion_internal.session_begin(u.id, NULL, NULL, NULL, '{pwd,otp,mfa}') ->> 'access_token', true), set_config('bastion.allow_identity_switch', 'on', true)
    FROM bastion.users u WHERE u.username = 'pia.policy';
    EXECUTE 'SELECT bastion_api.' || call INTO told;
    RETURN coalesce(told ->> 'error_description', 'done');
END
$$;
CREATE FUNCTION test.factor_of_pia(state text) RETURNS uuid LANGUAGE sql AS $$
    INSERT INTO bastion.user_factors (user_id, kind, name, state) SELECT u.id, 'webauthn', 'Key', factor_of_pia.state FROM bastion.users u WHERE u.username = 'pia.policy' RETURNING id $$;
CREATE VIEW test.pia_has AS SELECT coalesce((SELECT p.is_short::text FROM bastion.user_passwords p JOIN bastion.users u ON u.id = p.user_id WHERE u.username = 'pia.policy'), 'no password') AS short;
SELECT test.as_pia($$password_change('the third of several', 'eight ch')$$) AS alone, test.factor_of_pia('suspended') AS suspended \gset
SELECT :'alone' AS alone, test.as_pia($$password_change('the third of several', 'eight ch')$$) AS beside_a_suspended_one, test.factor_of_pia('active') AS one \gset
SELECT :'alone' AS alone, :'beside_a_suspended_one' AS beside_a_suspended_one;
DELETE FROM bastion.user_factors WHERE id = :'suspended';
BEGIN;
UPDATE bastion.user_factors SET state = 'pending' WHERE id = :'one';
SELECT test.as_pia($$password_change('the third of several', 'eight ch')$$) AS beside_a_pending_one;
ROLLBACK;
SELECT test.as_pia($$password_change('the third of several', 'sevench')$$) AS seven, test.as_pia($$password_change('the third of several', 'eight ch')$$) AS eight;
TABLE test.pia_has;
SELECT test.factor_of_pia('active') AS two \gset
SELECT test.as_pia(format('factor_remove(%L)', gen_random_uuid())) AS unknown, test.as_pia(format('factor_remove(%L)', :'two')) AS one_of_two, test.as_pia(format('factor_remove(%L)', :'one')) AS last, count(*) AS factors FROM bastion.user_factors WHERE user_id = :'pia_id';
SELECT test.factor_of_pia('suspended') AS three \gset
SELECT test.as_pia(format('factor_remove(%L)', :'one')) AS beside_a_suspended_one;
DELETE FROM bastion.user_factors WHERE id = :'three';
-- so with a password that an operator sets, and with one by mail
BEGIN;
SELECT bastion.user_password_set('pia.policy', 'a longer one of several');
TABLE test.pia_has;
SELECT bastion.user_password_set('pia.policy', 'nine char');
TABLE test.pia_has;
SET LOCAL bastion.outbox = on;
SELECT bastion.user_password_set('pia.policy', 'a longer one of several'), bastion_api.request_password_reset('pia@policy.example') ->> 'error' AS error;
SELECT token AS link FROM bastion.outbox_claim('w', 50, '1 minute') WHERE address = 'pia@policy.example' AND kind = 'reset_password' \gset
-- the factors of an account whose address was never verified go with the use of the link
SELECT bastion_api.reset_password(:'link', 'ten chars!') ->> 'error_description' AS unverified;
UPDATE bastion.users SET email_verified_at = now() WHERE id = :'pia_id';
SELECT bastion_api.reset_password(:'link', 'ten chars!') ->> 'error' AS error;
TABLE test.pia_has;
ROLLBACK;
-- an operator takes the password with the factor
BEGIN;
SELECT bastion.factors_remove('pia.policy') AS removed;
SELECT short, bastion_api.login('pia.policy', 'eight ch') ->> 'error' AS login FROM test.pia_has;
ROLLBACK;
-- a longer one stands alone
SELECT test.as_pia($$password_change('eight ch', 'the fourth of several')$$) AS longer;
TABLE test.pia_has;
SELECT test.as_pia(format('factor_remove(%L)', :'one')) AS last;
TABLE test.pia_has;
-- the factor went meanwhile
SELECT test.error(format('SELECT bastion_internal.password_store(%L, bastion.password_hash(''eight ch''), true)', :'pia_id'));
SELECT test.error($$SELECT bastion.user_password_set('pia.policy', 'eight ch')$$);
DROP VIEW test.pia_has;
DROP FUNCTION test.as_pia, test.factor_of_pia;
SELECT bastion.user_password_set('pia.policy', 'the third of several');
SELECT count(*) AS kept FROM bastion.password_history;
SELECT kind, outcome, detail - 'role' AS detail FROM bastion.events WHERE kind = 'password_set' AND user_id = (:'pia'::jsonb #>> '{user,id}')::uuid LIMIT 1;

-- a list of the operator's own: read anew each time; none is accepted without it
SELECT current_setting('data_directory') || '/bastion_blocklist' AS file \gset
SELECT test.error($$SET bastion.password_blocklist = 'relative'$$);
COPY (SELECT * FROM (VALUES ('Summer in Our Office'), (''), ('grüner Hügel im Sommer')) v) TO :'file';
SET bastion.password_blocklist = :'file';
SELECT p, test.tries(p) FROM unnest(ARRAY['summer in our office', 'GRÜNER HÜGEL IM SOMMER', 'winter in our office']) p;
SELECT bastion_api.signup('rolf@policy.example', 'summer in our office', 'Rolf');
COPY (SELECT 'winter in our office') TO :'file';
SELECT p, test.tries(p) FROM unnest(ARRAY['summer in our office', 'winter in our office']) p;
SELECT count(*) FROM bastion.lint() WHERE object LIKE 'file of new passwords%';
SELECT format('COPY (SELECT %L) TO PROGRAM ''xargs rm -f''', :'file') AS remove \gset
:remove;
SELECT test.error($$SELECT bastion_api.signup('rolf@policy.example', 'summer in our office', 'Rolf')$$), test.error($$SELECT bastion.user_password_set('pia.policy', 'summer in our office')$$);
SELECT severity, object, problem, fix FROM bastion.lint() WHERE object LIKE 'file of new passwords%';
SELECT bastion.status() -> 'password_files';
SET ROLE regress_app;
SELECT test.error($$SELECT bastion_api.signup('rolf@policy.example', 'summer in our office', 'Rolf')$$);
RESET ROLE;
RESET bastion.password_blocklist;
SELECT bastion.status() -> 'password_files';
SELECT count(*) FROM bastion.users WHERE email = 'rolf@policy.example';

SELECT FROM bastion.tenant_delete('policy-works');
DELETE FROM bastion.users WHERE email LIKE '%@policy.example';
DROP FUNCTION test.tries;

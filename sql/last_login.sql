-- The last way to log in: users cannot remove it, whichever kind it has and whichever function removes it. Operators can.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA last_login;
SELECT bastion_api.signup('ann@last.example', 'correct horse', 'Last login') ->> 'access_token' AS ann \gset
SELECT id AS ann_id FROM bastion.users WHERE email = 'ann@last.example' \gset
UPDATE bastion.users SET email = NULL, username = 'last.ann' WHERE id = :'ann_id';
SELECT bastion.relying_party_set('ends.last.example', 'Ways', ARRAY['https://ends.last.example']);
SELECT bastion.issuer_add('https://ends.last.example', bastion.jwk_public(bastion.jwk_generate('ES256', 'k1')), '{api}', '{ES256}');
SELECT bastion.issuer_login_set('https://ends.last.example', '{web}');
SELECT bastion_internal.pepper() > 0 AS pepper;
-- users without anything, and what may let them in
CREATE TABLE last_login.parts (part text, makes text);
INSERT INTO last_login.parts VALUES
    ('name', $$UPDATE bastion.users SET username = 'ways.user' WHERE id = %1$L$$),
    ('address', $$UPDATE bastion.users SET email = 'ways@ends.last.example' WHERE id = %1$L$$),
    ('verified', $$UPDATE bastion.users SET email = 'ways@ends.last.example', email_verified_at = now() WHERE id = %1$L$$),
    ('mail', $$SELECT set_config('bastion.outbox', 'on', true)$$),
    ('password', $$INSERT INTO bastion.user_passwords (user_id, hash) VALUES (%1$L, '$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')$$),
    ('short', $$INSERT INTO bastion.user_passwords (user_id, hash, is_short) VALUES (%1$L, '$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', true)$$),
    ('link', $$INSERT INTO bastion.user_identities (issuer, subject, user_id) VALUES ('https://ends.last.example', 'one', %1$L)$$),
    ('link2', $$INSERT INTO bastion.user_identities (issuer, subject, user_id) VALUES ('https://ends.last.example', 'two', %1$L)$$),
    ('disabled', $$SELECT bastion.issuer_disable('https://ends.last.example')$$),
    ('tokens', $$UPDATE bastion.issuers SET login = NULL WHERE issuer = 'https://ends.last.example'$$),
    ('totp', $$SELECT last_login.authenticator(%1$L, '00000000-0000-0000-0000-00000000000a', 'active')$$),
    ('passkey', $$SELECT last_login.passkey(%1$L, '00000000-0000-0000-0000-00000000000b', 'active', true)$$),
    ('passkey2', $$SELECT last_login.passkey(%1$L, '00000000-0000-0000-0000-00000000000c', 'active', true)$$),
    ('unverified', $$SELECT last_login.passkey(%1$L, '00000000-0000-0000-0000-00000000000d', 'active', false)$$),
    ('suspended', $$SELECT last_login.passkey(%1$L, '00000000-0000-0000-0000-00000000000e', 'suspended', true)$$),
    ('pending', $$SELECT last_login.authenticator(%1$L, '00000000-0000-0000-0000-00000000000f', 'pending')$$),
    ('codes', $$INSERT INTO bastion.recovery_codes SELECT %1$L, sha256('x'), min(p.version) FROM bastion.peppers p$$),
    ('spent', $$INSERT INTO bastion.recovery_codes SELECT %1$L, sha256('x'), min(p.version), now() FROM bastion.peppers p$$);
CREATE FUNCTION last_login.passkey(person uuid, factor uuid, state text, verified boolean) RETURNS void LANGUAGE sql AS $$
    INSERT INTO bastion.user_factors (id, user_id, kind, name, state) VALUES (factor, person, 'webauthn', 'Key', state);
    INSERT INTO bastion.passkeys VALUES ('ends.last.example', uuid_send(factor), factor, 'x'::bytea, -7, 0, false, false, verified, gen_random_uuid(), 'none', '{}');
$$;
CREATE FUNCTION last_login.authenticator(person uuid, factor uuid, state text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO bastion.user_factors (id, user_id, kind, name, state, sealed)
    SELECT factor, person, 'totp', 'Phone', state, (bastion_internal.totp_make(factor, bastion_internal.data_key_here('factor'), 'Last', 'login')).sealed;
$$;
-- each function by which users remove something
CREATE TABLE last_login.removals (removal text, call text);
INSERT INTO last_login.removals VALUES ('totp', $$factor_remove('00000000-0000-0000-0000-00000000000a')$$), ('passkey', $$factor_remove('00000000-0000-0000-0000-00000000000b')$$),
    ('unverified', $$factor_remove('00000000-0000-0000-0000-00000000000d')$$), ('suspended', $$factor_remove('00000000-0000-0000-0000-00000000000e')$$), ('pending', $$factor_remove('00000000-0000-0000-0000-00000000000f')$$),
    ('link', $$identity_unlink('https://ends.last.example', 'one')$$), ('name', $$profile_update('{"username": null}')$$);
-- what a user is told who has these parts and removes one of them, and what is left then; all of it is taken back
CREATE FUNCTION last_login.removes(parts text, removal text, OUT told text, OUT lets_in boolean) LANGUAGE plpgsql AS $$
DECLARE
    person uuid := gen_random_uuid();
    called text := 'SELECT bastion_api.' || (SELECT r.call FROM last_login.removals r WHERE r.removal = removes.removal);
    made text;
    answer jsonb;
BEGIN
    INSERT INTO bastion.users (id) VALUES (person);
    FOR made IN SELECT format(p.makes, person) FROM unnest(string_to_array(parts, ' ')) WITH ORDINALITY w (part, n) JOIN last_login.parts p USING (part) ORDER BY w.n LOOP
        EXECUTE made;
    END LOOP;
    PERFORM set_config('bastion.token', bastion_internal.session_begin(person, NULL, NULL, NULL, '{pop,user,mfa}') ->> 'access_token', true), set_config('bastion.allow_identity_switch', 'on', true);
    SET LOCAL ROLE regress_app;
    EXECUTE called INTO answer;
    RESET ROLE;
    told := coalesce(answer ->> 'error', 'removed');
    lets_in := bastion_internal.logs_in_without(person);
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    RESET ROLE;
END
$$;
SELECT c.parts, c.removal, r.told, r.lets_in FROM (VALUES
    -- a passkey that is all there is, and beside everything that lets in
    (1, 'passkey', 'passkey'), (2, 'name passkey', 'passkey'), (3, 'passkey passkey2', 'passkey'), (4, 'passkey unverified', 'passkey'), (5, 'passkey suspended', 'passkey'), (6, 'passkey codes', 'passkey'), (7, 'passkey totp', 'passkey'),
    (8, 'name password passkey', 'passkey'), (9, 'address password passkey', 'passkey'), (10, 'password passkey', 'passkey'), (11, 'link passkey', 'passkey'), (12, 'link passkey disabled', 'passkey'), (13, 'link passkey tokens', 'passkey'),
    (14, 'verified passkey', 'passkey'), (15, 'verified mail passkey', 'passkey'), (16, 'address mail passkey', 'passkey'), (17, 'passkey pending', 'pending'), (18, 'name password passkey passkey2', 'passkey'),
    -- a short password counts beside a factor alone
    (20, 'name short passkey', 'passkey'), (21, 'name short passkey totp', 'passkey'), (22, 'name short suspended passkey', 'passkey'),
    -- a factor without which only a suspended one is asked for
    (30, 'name password totp suspended', 'totp'), (31, 'name password totp suspended codes', 'totp'), (32, 'name password totp suspended spent', 'totp'), (33, 'link totp suspended', 'totp'), (34, 'name password unverified suspended', 'unverified'),
    (35, 'name password suspended', 'suspended'), (36, 'verified mail password totp suspended', 'totp'), (37, 'name password totp', 'totp'), (38, 'name password totp pending', 'totp'),
    -- a link
    (40, 'link', 'link'), (41, 'link passkey', 'link'), (42, 'link unverified', 'link'), (43, 'link link2', 'link'), (44, 'link name password', 'link'), (45, 'link password', 'link'), (46, 'link name short totp', 'link'), (47, 'link name password suspended', 'link'),
    (48, 'link verified mail', 'link'),
    -- a name, which a password needs
    (50, 'name password', 'name'), (51, 'name address password', 'name'), (52, 'name password passkey', 'name'), (53, 'name password link', 'name'), (54, 'name password verified mail', 'name'), (55, 'address password', 'name'), (56, 'passkey', 'name')) c (n, parts, removal),
    LATERAL last_login.removes(c.parts, c.removal) r ORDER BY c.n;
SELECT count(*) AS users_left FROM bastion.users WHERE username = 'ways.user' OR email = 'ways@ends.last.example';

-- another member of the profile needs no proof, and a name may be replaced
SELECT test.api(:'ann', format('profile_update(%L)', p)) #- '{user,id}' AS told FROM unnest(ARRAY['{"username": null}', '{"username": null, "display_name": "Ann"}', '{"username": ""}', '{"username": " "}', '{"display_name": "Ann"}', '{"username": "last.anna"}']) p;
-- what an operator takes away, the user has no more
SELECT bastion.identity_add('https://ends.last.example', 'ann', :'ann_id'), last_login.passkey(:'ann_id', gen_random_uuid(), 'active', true);
DELETE FROM bastion.user_passwords WHERE user_id = :'ann_id';
SELECT bastion_internal.logs_in_without(:'ann_id') AS lets_in, bastion.factors_remove('last.anna') AS factors, bastion_internal.logs_in_without(:'ann_id') AS by_link, bastion.identity_remove('https://ends.last.example', 'ann') AS removed;
SELECT bastion_internal.logs_in_without(:'ann_id') AS lets_in, bastion_internal.logs_in_without(gen_random_uuid()) AS unknown_user, bastion_internal.logs_in_without(NULL) AS no_user;
SELECT bastion.user_password_set('last.anna', 'correct horse battery');
SELECT bastion_internal.logs_in_without(:'ann_id') AS lets_in;

-- every function that takes such a thing away, by what its source does: it refuses the last way, or somebody decided that it must not
SELECT f.name, coalesce(d.why, CASE WHEN f.asks THEN 'refuses the last way' ELSE 'UNDECIDED' END) AS why
FROM (SELECT n.nspname || '.' || p.proname AS name, p.prosrc ~ 'bastion_internal[.]last_login_refusal[(]' AS asks
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE p.pronamespace IN ('bastion'::regnamespace, 'bastion_api'::regnamespace, 'bastion_internal'::regnamespace)
        AND (p.prosrc ~ 'DELETE FROM bastion[.](users|user_passwords|user_factors|passkeys|user_identities|issuers|relying_parties|recovery_codes)[ ;]'
             OR p.prosrc ~ 'UPDATE bastion[.](users|user_passwords|user_factors|passkeys|user_identities|issuers|relying_parties|recovery_codes)[^;]*[[:space:]]SET((?!WHERE)[^;])*[[:space:]](username|email|email_verified_at|state|enabled|login|user_id|used_at|is_short) ='
             OR p.prosrc ~ '(factor_delete|credentials_drop|address_prove|factors_remove)[(]')) f
LEFT JOIN (VALUES
    ('bastion.factors_remove', 'operator'), ('bastion.identity_remove', 'operator'), ('bastion.issuer_disable', 'operator'), ('bastion.issuer_login_set', 'operator'),
    ('bastion.issuer_remove', 'operator'), ('bastion.relying_party_remove', 'operator'), ('bastion.keys_discard', 'operator'), ('bastion.users_purge', 'the account goes'),
    ('bastion_internal.factor_delete', 'a part of others'), ('bastion_internal.credentials_drop', 'a part of others'),
    ('bastion_api.email_undo', 'mails a link for a new password'), ('bastion_api.account_recovery_finish', 'the first factor stays, or mail'),
    ('bastion_internal.account_claim', 'gives a password'), ('bastion_api.email_change_confirm', 'a verified address in place of another'), ('bastion_api.account_convert', 'gives a name'),
    ('bastion_internal.address_prove', 'the address is of another person'), ('bastion_internal.id_token_user', 'the address is of another person'),
    ('bastion_internal.hold_for_mail', 'the address is of another person'), ('bastion_internal.convert_verified', 'the address is of another person'),
    ('bastion_internal.verify_pending', 'the address is of another person'), ('bastion_api.invitation_accept', 'the address is of another person'), ('bastion_api.signup_invited', 'the address is of another person'),
    ('bastion_api.totp_add', 'not confirmed'), ('bastion_api.totp_confirm', 'adds a factor'), ('bastion_api.passkey_confirm', 'adds a factor'),
    ('bastion_internal.recovery_code_use', 'counts once'), ('bastion_internal.recovery_codes_replace', 'gives others'), ('bastion_internal.passkey_assert', 'suspends a copied passkey')) d (name, why) USING (name)
ORDER BY f.name COLLATE "C";
SELECT bastion.relying_party_remove('ends.last.example'), bastion.issuer_remove('https://ends.last.example');
UPDATE bastion.users SET email = 'ann@last.example' WHERE id = :'ann_id';

-- Real ids of strangers, given to every function that takes an id or a name: a thing of another tenant, of another member, of
-- the past, and one that never was. The calls are made from the catalogue. A stranger's thing looks like an unknown one, nothing
-- of it is in an answer, and no table changes. Ann owns a tenant, Max is a plain member of it, Bob owns another tenant, Zoe a third one.
\set VERBOSITY terse
SET client_min_messages = warning;
SET jit = off;
SET max_parallel_workers_per_gather = 0; -- later versions would start workers for many small statements
DO $$ BEGIN PERFORM bastion_internal.pepper(p) FROM unnest(ARRAY['credential', 'one_time', 'challenge']) p; END $$; -- else the first calls make them
INSERT INTO test.people (name, id, tenant, token)
SELECT n, (a -> 'user' ->> 'id')::uuid, (a -> 'tenant' ->> 'id')::uuid, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'max', 'bob', 'zoe', 'gone']) n,
     LATERAL bastion_api.signup(CASE n WHEN 'bob' THEN 'quarry' ELSE n END || '@strangers.example', 'correct horse of ' || n,
                                CASE n WHEN 'bob' THEN 'Quarry' ELSE 'Strangers of ' || n END, initcap(n),
                                CASE n WHEN 'bob' THEN 'quarry_bob' ELSE n || '_strange' END) a;
CREATE TABLE test.stranger_docs (id integer PRIMARY KEY, tenant_id uuid, owner_id uuid, title text);
SELECT count(*) > 0 AS protected
FROM bastion.protect('test.stranger_docs', owner_column => 'owner_id', resource => 'stranger_docs', sharing => 'cross_tenant', visibility => 'owner');
SELECT bastion.meter_set('stranger_meter');
SELECT bastion.resource_register('stranger_mail', '{open}'), bastion.resource_register('stranger_keys', '{sign,verify}');
GRANT SELECT, INSERT, UPDATE, DELETE ON test.stranger_docs TO regress_app;

-- Things by kind, by what they are to the caller, and by the form of their name. Names of Bob's things hold the word quarry, names
-- and contents of what belongs to Ann alone the word velvet.
CREATE TABLE test.things (kind text, whose text, form text, value text, caller text);
CREATE FUNCTION test.as_person(who text, statement text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    r record := test.as_app((SELECT p.token FROM test.people p WHERE p.name = who),
                            CASE WHEN who IN ('ann', 'max') THEN 'strangers-of-ann' END, NULL, statement);
BEGIN
    IF r.error IS NOT NULL THEN
        RAISE EXCEPTION '%: % in %', who, r.error, statement;
    END IF;
    RETURN r.answer;
END
$$;
-- One statement of a person makes a thing, whose id it returns.
CREATE FUNCTION test.make(kind text, whose text, form text, who text, statement text, caller text DEFAULT NULL) RETURNS void LANGUAGE sql
AS $$ INSERT INTO test.things VALUES (kind, whose, form, test.as_person(who, statement), caller) $$;
CREATE FUNCTION test.thing(kind text, whose text, form text) RETURNS text LANGUAGE sql STABLE
AS $$ SELECT t.value FROM test.things t WHERE (t.kind, t.whose, t.form) = ($1, $2, $3) $$;

DO $$
BEGIN
    PERFORM test.as_person('ann', 'SELECT bastion.role_create(''plain'')');
    PERFORM test.as_person('ann', format('SELECT bastion.role_permission_add(''plain'', ''stranger_docs.%s'')', a))
    FROM unnest(ARRAY['create', 'read', 'update', 'delete']) a;
    PERFORM bastion.membership_force(test.id_of(n), 'strangers-of-ann', 'plain') FROM unnest(ARRAY['max', 'gone']) n;
    INSERT INTO test.things
    SELECT 'user', whose, form, value FROM (VALUES ('own', 'max'), ('beside', 'ann'), ('elsewhere', 'bob'), ('deleted', 'gone')) v (whose, who),
           LATERAL (SELECT u.id::text, u.email, u.username FROM bastion.users u WHERE u.id = test.id_of(who)) u,
           LATERAL (VALUES ('uuid', u.id), ('address', u.email), ('username', u.username)) f (form, value);
    INSERT INTO test.things
    SELECT 'tenant', whose, form, value FROM (VALUES ('own', 'ann'), ('elsewhere', 'bob'), ('deleted', 'gone')) v (whose, who),
           LATERAL (SELECT t.id::text, t.slug, t.number::text FROM bastion.tenants t WHERE t.id = test.tenant_of(who)) t,
           LATERAL (VALUES ('uuid', t.id), ('slug', t.slug), ('number', t.number)) f (form, value);
    PERFORM test.make('unit', whose, 'uuid', who, format('SELECT bastion.unit_create(''team'', %L, %L)', initcap(slug), slug)),
            test.make('unit', whose, 'slug', who, format('SELECT %L', slug))
    FROM (VALUES ('own', 'ann', 'east'), ('elsewhere', 'bob', 'quarry-pit'), ('deleted', 'ann', 'west')) v (whose, who, slug);
    PERFORM test.as_person('ann', 'SELECT bastion.unit_create(''team'', ''North'', ''north'')'),
            test.as_person('ann', format('SELECT bastion.permission_grant(%L::uuid, ''stranger_docs.read'')', test.id_of('max')));
    PERFORM test.make('role', whose, 'uuid', who, format('SELECT bastion.role_create(%L)', name)),
            test.make('role', whose, 'slug', who, format('SELECT %L', name))
    FROM (VALUES ('own', 'ann', 'reader'), ('elsewhere', 'bob', 'quarry foreman'), ('deleted', 'ann', 'digger')) v (whose, who, name);
    -- secrets and sealed values
    PERFORM test.as_person(who, format('SELECT bastion.secret_put(%L, %L, own => %L)', name, name, own)),
            test.make('secret', whose, 'slug', who, format('SELECT %L', name), caller),
            test.make('secret id', whose, 'uuid', who, format('SELECT id FROM bastion.secret_list() WHERE name = %L', name), caller)
    FROM (VALUES ('own', 'ann', 'of the tenant', 'owner', false), ('own', 'max', 'of max', 'member', true), ('beside', 'ann', 'velvet', NULL, true),
                 ('elsewhere', 'bob', 'quarry secret', NULL, false), ('deleted', 'ann', 'burnt', NULL, false)) v (whose, who, name, caller, own);
    PERFORM test.as_person('ann', 'SELECT bastion.secret_delete(''burnt'')'), test.as_person('ann', 'SELECT bastion.secret_put(''velvet of all'', ''velvet'')');
    PERFORM test.as_person(who, format('SELECT bastion.key_create(%L, ''EdDSA'', ''stranger_keys'')', name)),
            test.make('application key', whose, 'slug', who, format('SELECT %L', name), caller)
    FROM (VALUES ('own', 'ann', 'ledger', 'owner'), ('elsewhere', 'bob', 'quarry ledger', NULL), ('deleted', 'ann', 'burnt ledger', NULL)) v (whose, who, name, caller);
    PERFORM test.as_person('ann', 'SELECT bastion.key_update(''burnt ledger'', deletable => true)'), test.as_person('ann', 'SELECT bastion.key_delete(''burnt ledger'')');
    PERFORM test.as_person(who, format('SELECT bastion.setting_put(%L, to_jsonb(%L::text))', name, name)),
            test.make('setting', whose, 'slug', who, format('SELECT %L', name), caller),
            test.make('change request', whose, 'uuid', who, format('SELECT bastion.setting_request(%L, ''put'', ''{"value": 1}'')', name), caller)
    FROM (VALUES ('own', 'ann', 'ledger.limit', 'owner'), ('elsewhere', 'bob', 'quarry.limit', NULL), ('deleted', 'ann', 'burnt.limit', NULL)) v (whose, who, name, caller);
    PERFORM test.as_person('ann', 'SELECT bastion.setting_delete(''burnt.limit'')'),
            test.as_person('ann', format('SELECT bastion.setting_reject(%L)', test.thing('change request', 'deleted', 'uuid')));
    PERFORM test.as_person(who, format('SELECT bastion.flag_set(%L, ''{"variants": {"on": true}, "defaultVariant": "on"}'')', name)), test.make('flag', whose, 'slug', who, format('SELECT %L', name))
    FROM (VALUES ('own', 'ann', 'shine'), ('elsewhere', 'bob', 'quarry shine'), ('deleted', 'ann', 'burnt shine')) v (whose, who, name);
    PERFORM test.make('flag request', whose, 'uuid', who, format('SELECT bastion.flag_request(%L, ''disable'')', name), caller)
    FROM (VALUES ('own', 'ann', 'shine', 'owner'), ('elsewhere', 'bob', 'quarry shine', NULL), ('deleted', 'ann', 'burnt shine', NULL)) v (whose, who, name, caller);
    PERFORM test.as_person('ann', 'SELECT bastion.flag_delete(''burnt shine'')'), test.as_person('ann', format('SELECT bastion.flag_reject(%L)', test.thing('flag request', 'deleted', 'uuid')));
    PERFORM test.make('sealed', whose, 'sealed', who, format('SELECT bastion.seal(%L::text, ''stranger_mail'')', who || ' quarry velvet'))
    FROM (VALUES ('own', 'ann'), ('elsewhere', 'bob'), ('deleted', 'gone')) v (whose, who);
    -- the same value under a key that never was
    INSERT INTO test.things SELECT 'sealed', 'unknown', 'sealed', overlay(test.thing('sealed', 'elsewhere', 'sealed')::bytea PLACING '\x7fffff00' FROM 5)::text;
    PERFORM test.as_person(who, format('SELECT bastion.quota_reserve(''{"stranger_meter": 1}'', %L)', name)), test.make('reservation', whose, 'slug', who, format('SELECT %L', name), caller)
    FROM (VALUES ('own', 'ann', 'of ann', 'owner'), ('own', 'max', 'of max', 'member'), ('beside', 'ann', 'velvet hold', NULL), ('elsewhere', 'bob', 'quarry hold', NULL), ('deleted', 'gone', 'burnt hold', NULL)) v (whose, who, name, caller);
    -- rows and ACLs
    PERFORM test.as_person(who, format('INSERT INTO test.stranger_docs VALUES (%s, DEFAULT, DEFAULT, %L) RETURNING id', key, title)),
            test.make('row', whose, 'key', who, format('SELECT %s', key), caller)
    FROM (VALUES ('own', 'ann', 41, 'velvet', 'owner'), ('own', 'max', 42, 'max', 'member'), ('beside', 'ann', 43, 'velvet', NULL),
                 ('elsewhere', 'bob', 44, 'quarry', NULL), ('deleted', 'ann', 45, 'gone', NULL)) v (whose, who, key, title, caller);
    PERFORM test.make('acl', whose, 'number', who, 'SELECT bastion.own_acl()', caller)
    FROM (VALUES ('own', 'ann', 'owner'), ('own', 'max', 'member'), ('beside', 'ann', NULL), ('elsewhere', 'bob', NULL)) v (whose, who, caller);
    PERFORM test.as_person(who, format('SELECT bastion.share(''test.stranger_docs'', %L, with_%s => %L::uuid)', key, subject, test.thing(subject, 'own', 'uuid')))
    FROM (VALUES ('ann', '41'), ('max', '42')) v (who, key), unnest(ARRAY['user', 'unit', 'role', 'tenant']) subject;
    INSERT INTO test.things SELECT 'acl', 'deleted', 'number', u.acl_id FROM bastion.units u WHERE u.id::text = test.thing('unit', 'deleted', 'uuid');
    PERFORM test.as_person('ann', 'DELETE FROM test.stranger_docs WHERE id = 45 RETURNING id'), test.as_person('ann', 'SELECT bastion.unit_delete(''west'')'),
            test.as_person('ann', 'SELECT bastion.role_delete(''digger'')');
    -- sessions and API keys
    UPDATE bastion.sessions s SET tenant_id = test.tenant_of('ann') WHERE s.user_id = test.id_of('max');
    PERFORM test.make('session', whose, 'uuid', who, 'SELECT bastion.session_id()', caller)
    FROM (VALUES ('own', 'ann', 'owner'), ('own', 'max', 'member'), ('beside', 'ann', NULL), ('elsewhere', 'bob', NULL)) v (whose, who, caller);
    PERFORM test.make('API key', whose, 'uuid', who, format('SELECT bastion_api.api_key_create(%L, ''{*}'') ->> ''id''', name), caller)
    FROM (VALUES ('own', 'ann', 'a key', 'owner'), ('own', 'max', 'a key', 'member'), ('beside', 'ann', 'velvet key', NULL), ('elsewhere', 'bob', 'quarry key', NULL),
                 ('deleted', 'ann', 'a key', NULL)) v (whose, who, name, caller);
    PERFORM test.as_person('ann', format('SELECT bastion_api.api_key_revoke(%L)', test.thing('API key', 'deleted', 'uuid')));
    -- delegations
    PERFORM test.make('delegation', whose, 'uuid', who, format('SELECT bastion_api.delegate(%L, ''{*.read}'') ->> ''delegation''', test.id_of(who)), caller)
    FROM (VALUES ('own', 'ann', 'owner'), ('own', 'max', 'member'), ('beside', 'ann', NULL), ('elsewhere', 'bob', NULL), ('deleted', 'ann', NULL)) v (whose, who, caller);
    PERFORM test.as_person('ann', format('SELECT bastion_api.delegation_revoke(%L)', test.thing('delegation', 'deleted', 'uuid')));
    -- second factors
    PERFORM test.make('factor', whose, 'uuid', who, 'SELECT bastion_api.totp_add() ->> ''factor''', caller)
    FROM (VALUES ('deleted', 'ann', NULL), ('own', 'ann', 'owner'), ('own', 'max', 'member'), ('elsewhere', 'bob', NULL)) v (whose, who, caller);
    -- devices
    WITH made AS (
        INSERT INTO bastion.user_devices (user_id, hash, name, revoked_at)
        SELECT test.id_of(v.who), sha256(v.whose::bytea), v.whose, CASE v.whose WHEN 'deleted' THEN now() END
        FROM (VALUES ('deleted', 'ann'), ('own', 'ann'), ('own', 'max'), ('elsewhere', 'bob')) v (whose, who) RETURNING id, user_id, name)
    INSERT INTO test.things (kind, whose, form, value, caller)
    SELECT 'device', m.name, 'uuid', m.id::text, CASE WHEN m.name = 'own' THEN CASE m.user_id WHEN test.id_of('ann') THEN 'owner' ELSE 'member' END END FROM made m;
    -- requests for a code by mail; everybody who asks for the same address gets the same one
    PERFORM set_config('bastion.outbox', 'on', true);
    PERFORM test.make('code request', whose, 'uuid', who, format('SELECT bastion_api.request_login_code(%L) ->> ''request''', (SELECT u.email FROM bastion.users u WHERE u.id = test.id_of(who))), caller)
    FROM (VALUES ('own', 'max', 'member'), ('elsewhere', 'zoe', NULL)) v (whose, who, caller);
    PERFORM set_config('bastion.outbox', 'off', true);
    -- invitations: to a caller, and from a tenant
    PERFORM test.make('invitation to', whose, 'uuid', who, format('SELECT bastion.membership_set(%L::uuid, ''viewer'') ->> ''invitation''', test.id_of(guest)), caller)
    FROM (VALUES ('own', 'bob', 'ann', 'owner'), ('own', 'bob', 'max', 'member'), ('elsewhere', 'bob', 'zoe', NULL), ('beside', 'ann', 'zoe', NULL)) v (whose, who, guest, caller);
    INSERT INTO test.things
    SELECT 'invitation from', v.whose, 'uuid', test.thing('invitation to', v.of, 'uuid')
    FROM (VALUES ('own', 'beside'), ('beside', 'beside'), ('elsewhere', 'elsewhere')) v (whose, of);
    PERFORM test.make('invitation from', 'deleted', 'uuid', 'ann', 'SELECT bastion.invite(''late@strangers.example'', ''viewer'') ->> ''id''');
    PERFORM test.as_person('ann', format('SELECT bastion.invitation_revoke(%L)', test.thing('invitation from', 'deleted', 'uuid')));
    INSERT INTO test.things VALUES ('invitation to', 'deleted', 'uuid', test.thing('invitation from', 'deleted', 'uuid'));
    -- credentials that have ended
    INSERT INTO test.things
    SELECT v.* FROM bastion_api.login('ann@strangers.example', 'correct horse of ann') a,
         LATERAL (VALUES ('access token', 'deleted', 'token', a ->> 'access_token'), ('refresh token', 'deleted', 'token', a ->> 'refresh_token')) v;
    INSERT INTO test.things SELECT 'session', 'deleted', 'uuid', test.claims(test.thing('access token', 'deleted', 'token')) ->> 'sid';
    PERFORM bastion_api.token_revoke(test.thing('refresh token', 'deleted', 'token'));
    INSERT INTO test.things
    SELECT 'invitation token', 'deleted', 'token', test.as_person('ann', 'SELECT bastion.invite(''later@strangers.example'', ''viewer'') ->> ''token''');
    UPDATE bastion.invitations SET revoked_at = now() WHERE email = 'later@strangers.example';
    INSERT INTO test.things (kind, whose, form, value, caller)
    SELECT 'refresh token', 'own', 'token', l.answer ->> 'refresh_token', c.caller
    FROM (VALUES ('ann', 'owner'), ('max', 'member')) c (who, caller), LATERAL (SELECT bastion_api.login(c.who || '@strangers.example', 'correct horse of ' || c.who, test.tenant_of('ann')::text)) l (answer);
    INSERT INTO test.things (kind, whose, form, value, caller)
    SELECT k.kind, 'own', 'token', bastion_internal.challenge_make(k.purpose, jsonb_build_object('user', p.id), bastion_internal.login_state(p.id), 300, bastion_internal.pepper('challenge')), c.caller
    FROM (VALUES ('ann', 'owner'), ('max', 'member')) c (who, caller) JOIN test.people p ON p.name = c.who, (VALUES ('challenge', 'tenant'), ('mfa challenge', 'mfa')) k (kind, purpose);
    INSERT INTO test.things SELECT k.kind, 'deleted', 'token', bastion_internal.challenge_make(k.purpose, jsonb_build_object('user', test.id_of('ann')), 'before', 300, bastion_internal.pepper('challenge'))
    FROM (VALUES ('challenge', 'tenant'), ('mfa challenge', 'mfa')) k (kind, purpose);
    -- ids that never were, and names near those of strangers
    INSERT INTO test.things (kind, whose, form, value)
    SELECT DISTINCT t.kind, v.whose, t.form, CASE t.form WHEN 'uuid' THEN v.id WHEN 'slug' THEN v.slug WHEN 'address' THEN v.slug || '@strangers.example'
                                             WHEN 'username' THEN v.slug || '_x' WHEN 'key' THEN v.key WHEN 'number' THEN v.key END
    FROM test.things t, (VALUES ('unknown', '5e1ad0c7-6f0b-4a7e-9d4b-0a4c4c2f9b11', 'nowhere', '1000000007'), ('near', NULL, 'quarrys', NULL)) v (whose, id, slug, key)
    WHERE t.form NOT IN ('sealed', 'token') AND NOT (v.whose = 'near' AND t.form NOT IN ('slug', 'address', 'username'));
    INSERT INTO test.things VALUES ('access token', 'unknown', 'token', 'e30.e30.AAAA'), ('refresh token', 'unknown', 'token', 'bsr_' || repeat('A', 43)),
        ('invitation token', 'unknown', 'token', 'bsi_' || repeat('A', 43)), ('challenge', 'unknown', 'token', 'bst_ch_' || repeat('A', 200)), ('mfa challenge', 'unknown', 'token', 'bst_ch_' || repeat('A', 200));
    DELETE FROM bastion.tenants WHERE id = test.tenant_of('gone');
    DELETE FROM bastion.users WHERE id = test.id_of('gone');
END
$$;
SELECT kind, string_agg(DISTINCT whose, ' ' ORDER BY whose) AS whose, string_agg(DISTINCT form, ' ' ORDER BY form) AS forms FROM test.things
WHERE value IS NOT NULL GROUP BY kind ORDER BY kind COLLATE "C";

-- Arguments by name and type, for all functions or for one: the kind of thing that the argument names, or NULL; and the value that it
-- has while another argument is tried: an expression, or the caller's own thing of that kind; except beside arguments "unless".
CREATE TABLE test.arguments (function text, name text, type regtype, kind text, value text, "unless" text, UNIQUE NULLS NOT DISTINCT (function, name, type));
INSERT INTO test.arguments (function, name, type, kind, value) VALUES
    (NULL, 'user_id', 'uuid', 'user', 'own'), (NULL, 'for_user', 'text', 'user', 'own'), (NULL, 'with_user', 'uuid', 'user', 'own'),
    (NULL, 'with_user', 'text', 'user', 'own'), (NULL, 'to_user', 'text', 'user', 'own'), (NULL, 'email', 'text', 'user', '''new@strangers.example'''), (NULL, 'username', 'text', 'user', NULL),
    ('login', 'identifier', 'text', 'user', '''max_strange'''), ('login', 'tenant', 'text', 'tenant', 'own'), ('login_tenant', 'tenant', 'text', 'tenant', 'own'), ('login_tenant', 'challenge', 'text', 'challenge', 'own'), ('login_mfa', 'challenge', 'text', 'mfa challenge', 'own'), ('account_recovery_start', 'challenge', 'text', 'mfa challenge', NULL), ('login_mfa', 'factor', 'uuid', 'factor', 'NULL'), ('login_mfa', 'response', 'jsonb', NULL, '''{"code": "123456"}'''), ('token', 'username', 'text', 'user', '''max_strange'''), ('token', 'grant_type', 'text', NULL, '''password'''),
    ('token', 'scope', 'text', NULL, 'NULL'), ('token', 'refresh_token', 'text', 'refresh token', NULL), ('tenant_switch', 'token', 'text', 'refresh token', 'own'), ('tenant_switch', 'tenant', 'text', 'tenant', 'own'),
    (NULL, 'after', 'uuid', 'user', NULL), ('units', 'after', 'uuid', 'unit', NULL), ('unit_rename', 'unit', 'text', 'unit', 'own'), ('session_rename', 'id', 'uuid', 'session', NULL), ('device_rename', 'id', 'uuid', 'device', NULL), ('device_revoke', 'id', 'uuid', 'device', NULL), (NULL, 'device_token', 'text', NULL, 'NULL'), ('session_revoke', 'id', 'uuid', 'session', NULL), ('delegation_revoke', 'id', 'uuid', 'delegation', NULL), (NULL, 'actor', 'text', 'user', 'own'), (NULL, 'offline', 'boolean', NULL, 'false'), (NULL, 'profile', 'jsonb', NULL, '''{}'''),
    (NULL, 'settings', 'jsonb', NULL, '''{}'''), (NULL, 'search', 'text', NULL, 'NULL'), (NULL, 'max', 'integer', NULL, 'NULL'), ('session_rename', 'device', 'text', NULL, '''a device'''), ('device_rename', 'device', 'text', NULL, '''a device'''), ('tenant_create', 'name', 'text', NULL, '''A tenant'''), ('tenant_rename', 'name', 'text', NULL, '''A tenant'''), ('unit_rename', 'name', 'text', NULL, '''A unit'''), (NULL, 'old_password', 'text', NULL, '''wrong'''), (NULL, 'new_password', 'text', NULL, '''correct horse'''), (NULL, 'tenant', 'text', 'tenant', NULL), (NULL, 'tenant_id', 'uuid', 'tenant', 'own'),
    ('acl_in_tenant', 'tenant', 'text', 'tenant', 'own'), (NULL, 'with_tenant', 'uuid', 'tenant', NULL), (NULL, 'with_tenant', 'text', 'tenant', NULL),
    (NULL, 'unit', 'text', 'unit', NULL), ('unit_delete', 'unit', 'text', 'unit', 'own'), ('tenant_delete', 'slug', 'text', 'tenant', NULL), ('tenant_delete_cancel', 'tenant', 'text', 'tenant', NULL), ('unit_move', 'unit', 'text', 'unit', '''north'''), (NULL, 'parent', 'text', 'unit', NULL),
    (NULL, 'with_unit', 'uuid', 'unit', NULL), (NULL, 'with_unit', 'text', 'unit', NULL), ('unit_create', 'slug', 'text', 'unit', NULL),
    (NULL, 'role', 'text', 'role', 'own'), ('membership_remove', 'role', 'text', 'role', 'NULL'), ('member_remove', 'role', 'text', 'role', 'NULL'), ('role_parent_add', 'parent', 'text', 'role', '''plain'''), ('role_parent_remove', 'parent', 'text', 'role', '''plain'''),
    ('role_parent_add', 'role', 'text', 'role', '''plain'''), ('role_parent_remove', 'role', 'text', 'role', '''plain'''),
    (NULL, 'with_role', 'uuid', 'role', NULL), (NULL, 'with_role', 'text', 'role', NULL), ('role_create', 'name', 'text', 'role', NULL),
    (NULL, 'session_id', 'uuid', 'session', NULL), ('api_key_disable', 'key', 'uuid', 'API key', NULL), ('api_key_revoke', 'key', 'uuid', 'API key', NULL),
    ('api_key_rotate', 'key', 'uuid', 'API key', NULL), ('secret_get', 'name', 'text', 'secret', 'own'), ('secret_get_bytea', 'name', 'text', 'secret', 'own'), ('secret_get_jsonb', 'name', 'text', 'secret', 'own'), ('secret_put', 'name', 'text', 'secret', 'own'),
    ('secret_update', 'name', 'text', 'secret', 'own'), ('secret_delete', 'name', 'text', 'secret', 'own'), ('secret_rename', 'name', 'text', 'secret', 'own'), ('secret_version_list', 'name', 'text', 'secret', 'own'),
    ('secret_version_delete', 'name', 'text', 'secret', 'own'), ('secret_version_undelete', 'name', 'text', 'secret', 'own'), ('secret_version_destroy', 'name', 'text', 'secret', 'own'),
    (NULL, 'secret', 'uuid', 'secret id', NULL), (NULL, 'new_name', 'text', NULL, '''a new name'''),
    ('key_create', 'name', 'text', 'application key', NULL), ('key_rotate', 'name', 'text', 'application key', NULL), ('key_update', 'name', 'text', 'application key', NULL), ('key_delete', 'name', 'text', 'application key', NULL),
    ('key_sign', 'name', 'text', 'application key', NULL), ('key_verify', 'name', 'text', 'application key', NULL), ('key_mac', 'name', 'text', 'application key', NULL), ('key_mac_verify', 'name', 'text', 'application key', NULL), ('key_public', 'name', 'text', 'application key', NULL),
    ('key_export', 'name', 'text', 'application key', NULL), ('wrapped_key_create', 'name', 'text', 'application key', NULL), ('wrapped_key_open', 'name', 'text', 'application key', NULL), ('key_import', 'name', 'text', 'application key', '''new'''), ('key_import', 'under', 'text', 'application key', '''ledger'''),
    (NULL, 'factor', 'uuid', 'factor', NULL), ('totp_confirm', 'code', 'text', NULL, '''123456'''), ('step_up', 'response', 'jsonb', NULL, '''{"code": "123456"}'''), ('login_mfa', 'remember', 'boolean', NULL, 'true'), ('factor_rename', 'name', 'text', NULL, '''Phone'''), ('passkey_confirm', 'name', 'text', NULL, '''Phone'''), ('passkey_confirm', 'challenge', 'text', NULL, '''bst_ch_'''), (NULL, 'credential', 'jsonb', NULL, '''{}'''), (NULL, 'rp', 'text', NULL, '''strange.example'''), ('passkey_login', 'challenge', 'text', NULL, '''bst_ch_'''), ('passkey_login', 'tenant', 'text', 'tenant', 'own'), ('id_token_options', 'issuer', 'text', NULL, '''https://strange.example'''), ('login_id_token', 'challenge', 'text', NULL, '''bst_ch_'''), ('login_id_token', 'id_token', 'text', NULL, '''a.b.c'''), ('login_id_token', 'tenant', 'text', 'tenant', 'own'), ('identity_link', 'challenge', 'text', NULL, '''bst_ch_'''), ('identity_unlink', 'issuer', 'text', NULL, '''https://strange.example'''), ('identity_unlink', 'subject', 'text', NULL, '''strange'''), ('totp_add', 'name', 'text', NULL, '''Phone'''),
    ('invitation_revoke', 'id', 'uuid', 'invitation from', NULL), ('invitation_accept', 'id', 'uuid', 'invitation to', NULL),
    ('invitation_decline', 'id', 'uuid', 'invitation to', NULL), (NULL, 'acl', 'bigint', 'acl', 'own'), (NULL, 'key', 'text', 'row', 'own'),
    (NULL, 'value', 'bastion.sealed', 'sealed', NULL), ('invitation_accept', 'token', 'text', 'invitation token', NULL),
    ('signup_invited', 'invitation', 'text', 'invitation token', '''bsi_'''), ('invitation_decline_link', 'token', 'text', 'invitation token', NULL), ('invitation_resend', 'id', 'uuid', 'invitation from', NULL),
    ('login_code', 'request', 'uuid', 'code request', 'gen_random_uuid()'), ('login_code', 'code', 'text', NULL, '''123456'''), ('login_link', 'token', 'text', NULL, '''x'''), ('refresh', 'token', 'text', 'refresh token', NULL),
    ('token_revoke', 'token', 'text', 'refresh token', NULL), ('authenticate', 'token', 'text', 'access token', 'own'),
    -- names of the database, words and values that name nothing
    (NULL, 'relation', 'regclass', NULL, '''test.stranger_docs'''), (NULL, 'pattern', 'text', NULL, '''stranger_docs.read'''), (NULL, 'permission', 'text', NULL, '''stranger_docs.read'''),
    (NULL, 'purpose', 'text', NULL, '''stranger_mail'''), ('secret_get', 'purpose', 'text', NULL, NULL), ('secret_get_bytea', 'purpose', 'text', NULL, NULL), ('secret_get_jsonb', 'purpose', 'text', NULL, NULL), (NULL, 'value', 'jsonb', NULL, '''{}'''), ('secret_version_destroy', 'version', 'integer', NULL, '1'), (NULL, 'kind', 'text', NULL, '''team'''), ('default_acl', 'kind', 'text', NULL, '''tenant'''),
    ('key_create', 'purpose', 'text', NULL, '''stranger_keys'''), ('key_import', 'purpose', 'text', NULL, '''stranger_keys'''), ('key_create', 'algorithm', 'text', NULL, '''EdDSA'''),
    ('key_import', 'algorithm', 'text', NULL, '''EdDSA'''), (NULL, 'data', 'bytea', NULL, '''x'''), (NULL, 'signature', 'text', NULL, '''v1.AA'''), (NULL, 'mac', 'text', NULL, '''v1.AA'''),
    (NULL, 'wrapped', 'text', NULL, '''v1.AA'''), (NULL, 'wrapped', 'bytea', NULL, '''x'''), (NULL, 'public_key', 'text', NULL, '''x'''),
    ('unit_create', 'name', 'text', NULL, '''North'''), ('api_key_create', 'name', 'text', NULL, '''another key'''), (NULL, 'scopes', 'text[]', NULL, '''{*.read}'''),
    (NULL, 'password', 'text', NULL, '''correct horse of max'''), (NULL, 'tenant_name', 'text', NULL, '''A new tenant'''), (NULL, 'plaintext', 'text', NULL, '''x'''),
    (NULL, 'plaintext', 'bytea', NULL, '''x'''), (NULL, 'value', 'text', NULL, '''x'''), (NULL, 'value', 'bytea', NULL, '''x'''),
    ('secret_update', 'active', 'boolean', NULL, 'false'), (NULL, 'own', 'boolean', NULL, 'own of a member');
UPDATE test.arguments SET "unless" = 'with_.*' WHERE name = 'with_user';
INSERT INTO test.arguments (function, name, type, value) SELECT f, a.name, 'text', a.value FROM unnest('{rate_limit,rate_limit_state,rate_limit_require,concurrency_limit}'::text[]) f, (VALUES ('name', '''stranger_limit'''), ('key', NULL)) a (name, value);
INSERT INTO test.arguments (function, name, type, kind, value)
SELECT f, 'key', 'text', 'setting', 'own' FROM unnest('{setting_text,setting_integer,setting_numeric,setting_boolean,setting_json,setting_put,setting_seal,setting_open,setting_rollback,setting_update,setting_version_delete,setting_version_undelete,setting_version_destroy,
    setting_delete,setting_version_list,setting_request}'::text[]) f;
INSERT INTO test.arguments (function, name, type, kind) VALUES ('setting_history', 'of_key', 'text', 'setting'), ('setting_approve', 'request', 'uuid', 'change request'), ('setting_reject', 'request', 'uuid', 'change request'),
    ('flag_approve', 'request', 'uuid', 'flag request'), ('flag_reject', 'request', 'uuid', 'flag request');
INSERT INTO test.arguments (function, name, type, value) VALUES
    ('setting_rollback', 'version', 'integer', '1'), ('setting_version_destroy', 'versions', 'integer[]', '''{1}'''), ('setting_version_delete', 'versions', 'integer[]', NULL), ('setting_version_undelete', 'versions', 'integer[]', NULL),
    ('flag_request', 'action', 'text', '''disable'''), ('flag_request', 'payload', 'jsonb', '''{}'''), ('setting_request', 'action', 'text', '''put'''), ('setting_request', 'payload', 'jsonb', '''{"value": 1}'''), ('setting_import', 'document', 'jsonb', '''{}'''), ('setting_text', 'fallback', 'text', NULL), ('setting_integer', 'fallback', 'bigint', NULL),
    ('setting_numeric', 'fallback', 'numeric', NULL), ('setting_boolean', 'fallback', 'boolean', NULL), ('setting_json', 'fallback', 'jsonb', NULL);
INSERT INTO test.arguments (function, name, type, kind, value) VALUES ('quota_settle', 'key', 'text', 'reservation', NULL), ('quota_cancel', 'key', 'text', 'reservation', NULL), ('quota_consume', 'key', 'text', NULL, NULL), ('quota_consume_many', 'key', 'text', NULL, NULL),
    ('quota_require', 'key', 'text', NULL, NULL), ('quota_reserve', 'key', 'text', NULL, '''a key'''), (NULL, 'meter', 'text', NULL, '''stranger_meter'''), (NULL, 'for_meter', 'text', NULL, NULL), (NULL, 'amount', 'numeric', NULL, NULL), (NULL, 'amounts', 'jsonb', NULL, '''{"stranger_meter": 1}''');
INSERT INTO test.arguments (function, name, type, value) VALUES ('audit_history', 'key', 'jsonb', '''{}'''), ('audit_history', 'at_most', 'integer', NULL), ('audit_history', 'before_time', 'timestamptz', NULL), ('audit_history', 'before_xid', 'xid8', NULL), ('audit_history', 'before_seq', 'bigint', NULL),
    ('audit_as_of', 'moment', 'timestamptz', 'now()'), ('audit_picture', 'key', 'jsonb', '''{}'''), ('audit_picture', 'at_most', 'integer', NULL), ('audit_json_lines', 'since', 'timestamptz', 'now()'), ('audit_json_lines', 'until', 'timestamptz', NULL),
    ('audit_csv_lines', 'since', 'timestamptz', 'now()'), ('audit_csv_lines', 'until', 'timestamptz', NULL), ('audit_log', 'action', 'text', '''seen'''),
    ('audit_log', 'resource_type', 'text', NULL), ('audit_log', 'resource_id', 'text', NULL), ('audit_log', 'success', 'boolean', NULL), ('audit_log', 'details', 'jsonb', NULL);
UPDATE test.arguments SET "unless" = 'unit' WHERE name = 'own';
INSERT INTO test.arguments (function, name, type, kind, value)
SELECT f, a.name, a.type::regtype, a.kind, a.value FROM unnest('{flag_set,flag_rollout,flag_disable,flag_delete,flag_rollback,flag_cancel,flag_update,flag_request,flag_list,flag_history,flag_import,flag_export,flag_boolean,flag_text,flag_numeric,flag_json,flag_evaluate}'::text[]) f,
    (VALUES ('key', 'text', 'flag', 'own'), ('environment', 'text', NULL, '''*'''), ('reason', 'text', NULL, 'NULL'), ('definition', 'jsonb', NULL, '''{"variants": {"on": true}}'''), ('effective_at', 'timestamptz', NULL, 'NULL'), ('expected_version', 'integer', NULL, 'NULL'),
            ('variant', 'text', NULL, '''on'''), ('percent', 'numeric', NULL, '1'), ('users', 'text[]', NULL, '''{}'''), ('roles', 'text[]', NULL, '''{}'''), ('version', 'integer', NULL, '1'), ('file', 'jsonb', NULL, '''{"flags": {}}'''), ('disabled', 'boolean', NULL, 'true'),
            ('default_value', 'boolean', NULL, 'true'), ('default_value', 'text', NULL, '''x'''), ('default_value', 'numeric', NULL, '1'), ('default_value', 'jsonb', NULL, '''1'''), ('context', 'jsonb', NULL, '''{}''')) a (name, type, kind, value)
WHERE EXISTS (SELECT FROM pg_proc p, generate_subscripts(p.proargtypes, 1) i WHERE p.pronamespace = 'bastion'::regnamespace AND p.proname = f AND p.proargtypes[i] = a.type::regtype AND p.proargnames[i + 1] = a.name);
INSERT INTO test.arguments (name, type)
SELECT unnest(names), type FROM (VALUES
    ('{environment,for_environment,category,in_category,reason,algorithm,bound_to,description,device,display_name,hash,kid,level,provider,scope,token,type}'::text[], 'text'::regtype),
    ('{valid_from,valid_until,expires_at}', 'timestamptz'), ('{max_age,max_version_age,rotate_every,access_lifetime,session_lifetime,idle_limit,reuse_window,overlap,valid_for}', 'interval'),
    ('{version,bits,expected_version,max_versions,min_version,bytes,cost}', 'integer'), ('{disabled,exportable,deletable,four_eyes,only_open}', 'boolean'), ('{cidrs,tags,algorithms}', 'text[]'), ('{validator,limits,options,header,claims,key,keys,metadata}', 'jsonb')) v (names, type);

CREATE VIEW test.parameters AS
SELECT p.oid, format('%s.%I', p.pronamespace::regnamespace, p.proname) AS function, p.proname, i.place, p.proargnames[i.place] AS name, t.type::regtype AS type,
       i.place <= p.pronargs - p.pronargdefaults AS is_required, a.known, a.kind, a.value, a."unless"
FROM bastion_internal.routines_of('application') r JOIN pg_proc p ON p.oid = r CROSS JOIN LATERAL generate_series(1, p.pronargs) i (place)
CROSS JOIN LATERAL (SELECT p.proargtypes[i.place - 1] AS type) t
LEFT JOIN LATERAL (SELECT true AS known, a.* FROM test.arguments a
                   WHERE a.name = p.proargnames[i.place] AND a.type = t.type AND coalesce(a.function, p.proname) = p.proname
                   ORDER BY a.function NULLS LAST LIMIT 1) a ON true
WHERE p.pronamespace IN ('bastion'::regnamespace, 'bastion_api'::regnamespace, 'bastion_test'::regnamespace);
CREATE VIEW test.unknown_arguments AS
SELECT format('no id known for argument %s of function %s', p.name, p.oid::regprocedure) AS problem FROM test.parameters p WHERE p.known IS NULL
UNION ALL
SELECT format('%s of %s is required and has no value', p.name, p.oid::regprocedure) FROM test.parameters p
WHERE p.kind IS NULL AND p.value IS NULL AND p.is_required AND EXISTS (SELECT FROM test.parameters o WHERE o.oid = p.oid AND o.kind IS NOT NULL)
UNION ALL
SELECT format('no function has the argument %s %s', concat_ws('.', a.function, a.name), a.type) FROM test.arguments a
WHERE NOT EXISTS (SELECT FROM test.parameters p WHERE p.name = a.name AND p.type = a.type AND coalesce(a.function, p.proname) = p.proname)
UNION ALL
SELECT format('nothing is of the kind %s', a.kind) FROM test.arguments a WHERE a.kind NOT IN (SELECT t.kind FROM test.things t);
SELECT * FROM test.unknown_arguments ORDER BY problem COLLATE "C";
-- the check bites
BEGIN;
CREATE FUNCTION bastion.planted(parcel uuid) RETURNS text LANGUAGE sql AS $$ SELECT $1 $$;
SELECT bastion_internal.callable_by('bastion.planted(uuid)', 'application');
SELECT * FROM test.unknown_arguments;
ROLLBACK;

-- Each caller, function, argument, thing and form: the tried argument, those that are required, and those that have a value.
CREATE TABLE test.tried (id int GENERATED ALWAYS AS IDENTITY, caller text, function regprocedure, argument text, whose text, form text, passed text,
                         call text, outcome text, told text, changes text, lost text);
CREATE FUNCTION test.given(p test.parameters, tried test.parameters, caller text, form text) RETURNS text LANGUAGE sql STABLE
AS $$
    SELECT format('%I => (%s)::%s', p.name, CASE p.value WHEN 'own of a member' THEN (caller = 'member')::text ELSE coalesce(quote_literal(o.value), p.value) END, p.type)
    FROM (SELECT) one
    LEFT JOIN LATERAL (
        SELECT CASE p.kind WHEN 'access token' THEN (SELECT token FROM test.people WHERE name = CASE caller WHEN 'owner' THEN 'ann' ELSE 'max' END)
                           ELSE (SELECT t.value FROM test.things t
                                 WHERE t.kind = p.kind AND t.whose = 'own' AND coalesce(t.caller, $3) = $3 AND (p.type <> 'uuid'::regtype OR t.form = 'uuid')
                                 ORDER BY t.form COLLATE "C" DESC LIMIT 1) END AS value
        WHERE p.value = 'own') o ON true
    WHERE p.value IS NOT NULL AND coalesce(tried.name !~ ('^' || p."unless" || '$'), true)
$$;
CREATE VIEW test.calls_of_strangers AS
SELECT c.caller, p.oid AS function, p.name AS argument, t.whose, t.form, t.value AS passed,
       format('%s(%s)', p.function, concat_ws(', ', format('%I => %L::%s', p.name, t.value, p.type),
              (SELECT string_agg(test.given(o, p, c.caller, t.form), ', ' ORDER BY o.place) FROM test.parameters o WHERE o.oid = p.oid AND o.place <> p.place))) AS call, p.place
FROM test.parameters p JOIN test.things t ON t.kind = p.kind CROSS JOIN (VALUES ('owner'), ('member')) c (caller)
WHERE coalesce(t.caller, c.caller) = c.caller AND t.value IS NOT NULL AND (p.type <> 'uuid'::regtype OR t.form = 'uuid')
  AND NOT (t.whose = 'beside' AND c.caller = 'owner')
  -- nobody calls these as somebody, and they hash passwords, which takes long
  AND NOT (p.proname IN ('login', 'signup', 'signup_invited') AND c.caller = 'owner')
  -- these are new names, or addresses, and not references
  AND (p.name NOT IN ('email', 'username', 'slug') AND p.proname <> 'role_create' OR t.form = CASE p.name WHEN 'email' THEN 'address' WHEN 'username' THEN 'username' ELSE 'slug' END);
INSERT INTO test.tried (caller, function, argument, whose, form, passed, call)
SELECT c.caller, c.function, c.argument, c.whose, c.form, c.passed, c.call FROM test.calls_of_strangers c
ORDER BY c.function::regprocedure::text COLLATE "C", c.place, c.caller DESC, c.whose COLLATE "C", c.form COLLATE "C";

-- The rows of every table of the extension, but for the logs of events and changes, which record refusals.
CREATE TABLE test.stranger_tables AS
SELECT c.oid::regclass AS relation, c.relname::text AS name FROM pg_class c
WHERE c.relnamespace IN ('bastion'::regnamespace, 'bastion_internal'::regnamespace, 'bastion_test'::regnamespace) AND c.relkind IN ('r', 'p')
  -- What these hold outlives a rollback.
  AND c.relname NOT IN ('events', 'factor_tries', 'throttle_sets') AND c.relname NOT LIKE 'audit_rows%'
UNION ALL SELECT 'test.stranger_docs', 'stranger_docs';
DO $do$
BEGIN
    EXECUTE (SELECT format('CREATE FUNCTION test.stranger_sums() RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RETURN jsonb_object(ARRAY[%s]); END $$',
                           string_agg(format('ARRAY[%L, (SELECT md5(string_agg(t::text, %L ORDER BY t::text COLLATE "C")) FROM %s t)]', s.name, ',', s.relation), ', '))
             FROM test.stranger_tables s);
    EXECUTE (SELECT format('CREATE TABLE test.rows_before AS %s',
                           string_agg(format('SELECT %L AS name, t::text AS content FROM %s t', s.name, s.relation), ' UNION ALL ')) FROM test.stranger_tables s);
END
$do$;
CREATE TABLE test.sums_before AS SELECT test.stranger_sums() AS sums;
-- Tables with other rows than before, and those that lack a row of before.
CREATE FUNCTION test.stranger_changes(OUT changes text, OUT lost text) LANGUAGE plpgsql
AS $$
DECLARE
    s test.stranger_tables;
    is_lost boolean;
BEGIN
    FOR s IN SELECT t.* FROM test.sums_before b, jsonb_each_text(b.sums) o JOIN jsonb_each_text(test.stranger_sums()) n ON n.key = o.key
                    JOIN test.stranger_tables t ON t.name = o.key WHERE o.value IS DISTINCT FROM n.value ORDER BY t.name COLLATE "C" LOOP
        EXECUTE format('SELECT EXISTS (SELECT b.content FROM test.rows_before b WHERE b.name = %L EXCEPT SELECT t::text FROM %s t)', s.name, s.relation)
        INTO is_lost;
        changes := concat_ws(' ', changes, s.name);
        lost := nullif(concat_ws(' ', lost, CASE WHEN is_lost THEN s.name END), '');
    END LOOP;
END
$$;
-- One call as the application, what it changed, and nothing of it stays.
CREATE FUNCTION test.try_stranger(t test.tried, OUT outcome text, OUT told text, OUT changes text, OUT lost text) LANGUAGE plpgsql
AS $$
DECLARE
    r record;
    refusal text;
BEGIN
    r := test.as_app((SELECT p.token FROM test.people p WHERE p.name = CASE t.caller WHEN 'owner' THEN 'ann' ELSE 'max' END),
                     'strangers-of-ann', NULL, format('SELECT jsonb_agg(to_jsonb(f)) FROM %s f', t.call));
    -- What has no transaction id wrote nothing.
    IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
        SELECT c.* INTO changes, lost FROM test.stranger_changes() c;
    END IF;
    told := concat_ws(E'\n', r.answer, r.error, r.detail, r.hint);
    refusal := r.answer::jsonb #>> '{0,error}';
    outcome := CASE WHEN r.error IS NOT NULL THEN left(r.error, 5) WHEN refusal IS NOT NULL THEN refusal WHEN r.answer IS NULL THEN 'no rows'
                    WHEN r.answer IN ('[null]', '[false]', '[true]', '[0]', '[[]]') THEN btrim(r.answer, '[]')
                    WHEN r.answer ~ '^\[\{"[a-z]+": (true|false)\}\]$' THEN btrim(r.answer, '[]')
                    WHEN r.answer IN ('[""]', '[{}]') THEN 'done' ELSE 'a value' END;
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION
    WHEN SQLSTATE 'ZZ000' THEN
        RESET ROLE;
END
$$;
CREATE PROCEDURE test.run_strangers() LANGUAGE plpgsql
AS $$
DECLARE
    t test.tried;
    r record;
BEGIN
    FOR t IN SELECT * FROM test.tried WHERE outcome IS NULL ORDER BY id LOOP
        -- each call may try a second factor
        PERFORM bastion_internal.factor_tries_reset(test.id_of(CASE t.caller WHEN 'owner' THEN 'ann' ELSE 'max' END));
        COMMIT;
        r := test.try_stranger(t);
        COMMIT;
        UPDATE test.tried SET outcome = r.outcome, told = r.told, changes = r.changes, lost = r.lost WHERE id = t.id;
        COMMIT;
    END LOOP;
END
$$;
SET bastion.outbox = on;
CALL test.run_strangers();
SELECT * FROM test.stranger_changes();

\pset format unaligned
\pset tuples_only on
-- What each function makes of each thing. "own" shows that the call is a good one.
CREATE VIEW test.outcomes AS
SELECT t.*, regexp_replace(replace(replace(t.function::text, 'bastion.', ''), 'timestamp with time zone', 'timestamptz'), '^bastion_', '') AS name FROM test.tried t;
SELECT o.name, o.argument, c.outcome, string_agg(c.things, '; ' ORDER BY c.caller DESC)
FROM (SELECT DISTINCT name, argument FROM test.outcomes) o,
     LATERAL (SELECT w.outcome, w.caller, w.caller || ': ' || string_agg(w.whose || w.forms, ', ' ORDER BY w.id) AS things, min(w.id) AS id
              FROM (SELECT t.outcome, t.caller, t.whose, min(t.id) AS id,
                           CASE WHEN count(*) = (SELECT count(*) FROM test.outcomes a WHERE (a.name, a.argument, a.caller, a.whose) = (o.name, o.argument, t.caller, t.whose)) THEN ''
                                ELSE ' by ' || string_agg(t.form, ' and ' ORDER BY t.form COLLATE "C") END AS forms
                    FROM test.outcomes t WHERE (t.name, t.argument) = (o.name, o.argument) GROUP BY t.outcome, t.caller, t.whose) w
              GROUP BY w.outcome, w.caller) c
GROUP BY o.name, o.argument, c.outcome ORDER BY min(c.id);

-- What differs from the answer to an id that never was, by the kind of thing. What was passed, ids, times and credentials are left out.
CREATE FUNCTION test.plain(told text, passed text) RETURNS text LANGUAGE sql IMMUTABLE
AS $$
    SELECT regexp_replace(regexp_replace(regexp_replace(regexp_replace(told, '[0-9a-f]{8}-[0-9a-f-]{27}', '#', 'g'), '\d{4}-\d\d-\d\dT[^"]*|[A-Za-z0-9_.-]{40,}', '#', 'g'),
                                  '(?<="number": |"version": |expires_in": )\d+', '#', 'g'),
                          '\m' || regexp_replace(passed, '(\W)', '\\\1', 'g') || '\M', '<it>', 'g')
$$;
CREATE VIEW test.differing AS
SELECT t.*, a.kind, u.changes AS changes_of_unknown,
       CASE t.outcome WHEN 'a value' THEN t.outcome ELSE replace(test.plain(t.told, t.passed), E'\n', ' / ') END AS answer,
       CASE u.outcome WHEN 'a value' THEN u.outcome ELSE replace(test.plain(u.told, u.passed), E'\n', ' / ') END AS answer_to_unknown
FROM test.outcomes t JOIN test.parameters a ON a.oid = t.function AND a.name = t.argument
JOIN test.outcomes u ON (u.function, u.argument, u.caller, u.form, u.whose) = (t.function, t.argument, t.caller, t.form, 'unknown')
WHERE t.whose NOT IN ('own', 'unknown')
  AND (test.plain(t.told, t.passed) IS DISTINCT FROM test.plain(u.told, u.passed) OR t.changes IS DISTINCT FROM u.changes OR t.lost IS DISTINCT FROM u.lost);
SELECT d.whose, d.kind, d.answer, d.answer_to_unknown, string_agg(DISTINCT (d.name || ' ' || d.argument) COLLATE "C", ', ')
FROM test.differing d GROUP BY d.whose, d.kind, d.answer, d.answer_to_unknown
ORDER BY d.whose COLLATE "C", d.kind COLLATE "C", d.answer COLLATE "C", d.answer_to_unknown COLLATE "C";

-- What changes: what makes a thing of that name for the caller, or shares a row of the caller's. Then where that differs from an id that
-- never was, and the tables in which a row of before is gone or other.
SELECT t.whose, t.changes, string_agg(DISTINCT (t.name || ' ' || t.argument) COLLATE "C", ', ') FROM test.outcomes t
WHERE t.whose NOT IN ('own', 'unknown') AND t.changes IS NOT NULL GROUP BY t.whose, t.changes ORDER BY t.whose COLLATE "C", t.changes COLLATE "C";
SELECT d.whose, d.changes, d.changes_of_unknown, string_agg(DISTINCT (d.name || ' ' || d.argument) COLLATE "C", ', ')
FROM test.differing d WHERE d.changes IS DISTINCT FROM d.changes_of_unknown GROUP BY d.whose, d.changes, d.changes_of_unknown
ORDER BY d.whose COLLATE "C", d.changes COLLATE "C", d.changes_of_unknown COLLATE "C";
SELECT t.name, t.argument, t.caller, t.whose, t.form, t.lost FROM test.outcomes t WHERE t.lost IS NOT NULL AND t.whose <> 'own' ORDER BY t.id;

-- An answer has nothing that the caller did not pass: no id or name of Bob's things, nor, to Max, of what Ann alone has. The checks bite.
CREATE VIEW test.leaks AS
SELECT t.name, t.argument, t.caller, t.whose, t.form FROM test.outcomes t, replace(t.told, CASE WHEN t.form NOT IN ('key', 'number') THEN t.passed ELSE '' END, '') x (rest)
WHERE t.whose <> 'own'
  AND (x.rest ~* 'quarry' OR t.caller = 'member' AND x.rest ~* 'velvet'
       OR EXISTS (SELECT FROM test.things o WHERE o.form IN ('uuid', 'sealed') AND strpos(x.rest, o.value) > 0
                  AND (o.whose = 'elsewhere' OR o.whose = 'beside' AND t.caller = 'member' AND o.kind NOT IN ('user', 'unit', 'role'))));
SELECT * FROM test.leaks;
BEGIN;
CREATE FUNCTION bastion.planted_leak(session_id uuid) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
AS $$ SELECT u.email FROM bastion.users u JOIN bastion.sessions s ON s.user_id = u.id WHERE s.id = session_id $$;
CREATE FUNCTION bastion.planted_end(session_id uuid) RETURNS bigint LANGUAGE sql SECURITY DEFINER
AS $$ WITH e AS (UPDATE bastion.sessions s SET revoked_at = now(), revoked_reason = 'admin' WHERE s.id = session_id AND revoked_at IS NULL RETURNING 1) SELECT count(*) FROM e $$;
SELECT bastion_internal.callable_by(f, 'application') FROM unnest('{bastion.planted_leak(uuid),bastion.planted_end(uuid)}'::regprocedure[]) f;
GRANT EXECUTE ON FUNCTION bastion.planted_leak, bastion.planted_end TO regress_app;
INSERT INTO test.tried (caller, function, argument, whose, form, passed, call)
SELECT c.caller, c.function, c.argument, c.whose, c.form, c.passed, c.call FROM test.calls_of_strangers c
WHERE c.function::regprocedure::text ~ 'planted' ORDER BY c.function::regprocedure::text COLLATE "C", c.caller, c.whose;
UPDATE test.tried t SET outcome = r.outcome, told = r.told, changes = r.changes, lost = r.lost
FROM test.tried o, test.try_stranger(o) r WHERE o.id = t.id AND t.outcome IS NULL;
SELECT l.* FROM test.leaks l ORDER BY l.name, l.caller, l.whose;
SELECT d.name, d.caller, d.whose, d.answer, d.answer_to_unknown, d.changes, d.lost FROM test.differing d WHERE d.name ~ 'planted' ORDER BY d.name, d.caller, d.whose;
ROLLBACK;
\pset format aligned
\pset tuples_only off

DELETE FROM bastion.tenants WHERE id IN (SELECT tenant FROM test.people);
DELETE FROM bastion.users WHERE id IN (SELECT id FROM test.people);
TRUNCATE test.people;
DROP TABLE test.stranger_docs;
SELECT bastion_internal.forget_dropped_tables();
DELETE FROM bastion.permissions WHERE resource IN ('stranger_docs', 'stranger_mail');
DROP VIEW test.leaks, test.differing, test.outcomes, test.calls_of_strangers, test.unknown_arguments;
DROP PROCEDURE test.run_strangers;
DROP FUNCTION test.given, test.try_stranger, test.stranger_changes, test.stranger_sums, test.plain, test.as_person, test.make, test.thing;
DROP VIEW test.parameters;
DROP TABLE test.tried, test.things, test.arguments, test.stranger_tables, test.rows_before, test.sums_before;

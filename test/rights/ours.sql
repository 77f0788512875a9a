-- A superuser's triggers on the extension's own tables, and every function of an application that writes there. Such code runs
-- as the owner of the extension, who created it: it must not use the caller's objects. In this database every table of the
-- extension has the triggers. Their function names a table without a schema, so the function that writes is refused if the
-- session has a temporary schema; in the state "pinned" the function has a search_path that ends in pg_temp, and no call is
-- refused. Other databases of the matrix have only the tables of calls.
CREATE FUNCTION rights.put_triggers() RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    t regclass;
BEGIN
    EXECUTE format('CREATE FUNCTION shop.on_ours() RETURNS trigger LANGUAGE plpgsql AS %L', rights.probe_body('foreign trigger on our table', 'postgres', 'coalesce(NEW, OLD)',
        'IF pg_catalog.to_regclass(''audit_log'') IS NOT NULL THEN INSERT INTO audit_log (what) VALUES (TG_OP); END IF;'));
    FOR t IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'bastion'::regnamespace AND c.relkind = 'r' LOOP
        EXECUTE format('CREATE TRIGGER zz_before BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION shop.on_ours()', t);
        EXECUTE format('CREATE TRIGGER zz_after AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION shop.on_ours()', t);
    END LOOP;
    DELETE FROM rights.functions WHERE world = 'planted';
    INSERT INTO rights.functions (label, signatures, callers, call, world, setup, cleanup) VALUES
        ('planted change of our table', '{}', 'app', 'SELECT rights.planted(''INSERT INTO bastion.roles (tenant_id, name) VALUES (''''{ann_tenant_id}'''', ''''planted'''')'')',
         'planted', 'ALTER TABLE bastion.roles DISABLE TRIGGER "!foreign_code"', 'ALTER TABLE bastion.roles ENABLE TRIGGER "!foreign_code"');
END
$$;

-- The data of the runs, with ids that a statement can name.
CREATE TABLE rights.made (n integer PRIMARY KEY, refresh text, invitation text, issued text, api_key text, challenge text);
CREATE TABLE rights.issuer AS SELECT bastion.jwk_generate('ES256', 'k1') AS key;
SELECT bastion.issuer_add('https://idp.example', i.key, '{app}', '{ES256}', create_users => true) FROM rights.issuer i;
SELECT bastion.relying_party_set('rights.example', 'Rights', '{https://rights.example}');
GRANT SELECT ON rights.made TO PUBLIC;
CREATE FUNCTION rights.made_id(head text, n integer) RETURNS uuid LANGUAGE sql IMMUTABLE
AS $$ SELECT pg_catalog.format('%s-0000-4000-8000-%s', head, pg_catalog.lpad(n::text, 12, '0'))::pg_catalog.uuid $$;

CREATE FUNCTION rights.prepare_ours(fixture text, numbers integer[]) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    ann rights.people;
    n integer;
BEGIN
    SELECT * INTO ann FROM rights.people p WHERE p.name = 'ann';
    FOREACH n IN ARRAY numbers LOOP
        CASE fixture
        WHEN 'member' THEN
            INSERT INTO bastion.users (id, email) VALUES (rights.made_id('a0000000', n), 'm' || n || '@rights.example');
            INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
            SELECT rights.made_id('a0000000', n), ann.tenant_id, r.id FROM bastion.roles r WHERE r.name = 'viewer' AND r.tenant_id IS NULL;
            INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect) VALUES (rights.made_id('a0000000', n), ann.tenant_id, 'rows.read', 'grant');
        WHEN 'session' THEN
            PERFORM rights.prepare_ours('member', ARRAY[n]);
            INSERT INTO bastion.sessions (id, user_id, tenant_id, expires_at, idle_limit)
            SELECT s.id, s.user_id, ann.tenant_id, now() + interval '1 day', '1 day'
            FROM (VALUES (rights.made_id('b0000000', n), ann.user_id), (rights.made_id('b1000000', n), rights.made_id('a0000000', n))) s (id, user_id);
        WHEN 'role' THEN
            INSERT INTO bastion.roles (id, tenant_id, name) VALUES (rights.made_id('c0000000', n), ann.tenant_id, 'role ' || n);
            INSERT INTO bastion.role_permissions (role_id, pattern) VALUES (rights.made_id('c0000000', n), 'rows.read');
        WHEN 'invitation' THEN
            INSERT INTO bastion.invitations (id, tenant_id, role_id, email, token_hash, invited_by, expires_at)
            SELECT rights.made_id('d0000000', n), ann.tenant_id, r.id, 'i' || n || '@rights.example', sha256(('i' || n)::bytea), ann.user_id, now() + interval '1 day'
            FROM bastion.roles r WHERE r.name = 'viewer' AND r.tenant_id IS NULL;
        WHEN 'key' THEN
            INSERT INTO bastion.api_keys (id, user_id, tenant_id, name, scopes) VALUES (rights.made_id('e0000000', n), ann.user_id, ann.tenant_id, 'key ' || n, '{rows.read}');
        WHEN 'delegation' THEN
            INSERT INTO bastion.delegations (id, root_id, depth, subject_id, actor_id, actors, tenant_id, scopes, expires_at)
            SELECT i, i, 1, ann.user_id, ann.user_id, ARRAY[ann.user_id], ann.tenant_id, '{rows.read}', now() + interval '1 hour' FROM rights.made_id('de000000', n) i;
        WHEN 'unit' THEN
            INSERT INTO bastion.units (tenant_id, kind, name, slug) VALUES (ann.tenant_id, 'team', 'Unit ' || n, 'u' || n);
        WHEN 'secret' THEN
            INSERT INTO rights.made (n) VALUES (n);
            PERFORM bastion.authenticate(ann.token);
            PERFORM bastion.secret_put('s' || n, 'value');
        WHEN 'application keys' THEN
            PERFORM bastion.resource_register('rights_keys', '{sign,verify,mac,wrap,unwrap}');
            PERFORM bastion.key_create_for(ann.tenant_id::text, k.letter || n, k.algorithm, 'rights_keys', '1 hour', true)
            FROM (VALUES ('k', 'EdDSA'), ('m', 'HS256'), ('b', 'XAES-256-GCM')) k (letter, algorithm);
            PERFORM bastion.key_create_for(ann.tenant_id::text, 'transport', 'RSA-OAEP-256')
            WHERE NOT EXISTS (SELECT FROM bastion.application_keys k WHERE k.tenant_id = ann.tenant_id AND k.name = 'transport');
            UPDATE bastion.application_keys k SET deletable = true, rotated_at = now() - interval '1 day' WHERE k.tenant_id = ann.tenant_id AND k.rotate_every IS NOT NULL;
        WHEN 'device' THEN
            INSERT INTO bastion.user_devices (id, user_id, hash) VALUES (rights.made_id('b2000000', n), ann.user_id, sha256(n::text::bytea));
        WHEN 'login' THEN
            INSERT INTO rights.made (n, refresh) SELECT n, bastion_api.login('bob@rights.example', 'correct horse battery', 'bert') ->> 'refresh_token';
        WHEN 'bob challenged', 'bob asked for a factor' THEN
            INSERT INTO rights.made (n, challenge) SELECT n, bastion_internal.challenge_make(CASE fixture WHEN 'bob challenged' THEN 'tenant' ELSE 'mfa' END, jsonb_build_object('user', u.id, 'amr', '{pwd}'::text[]), bastion_internal.login_state(u.id), 300, bastion_internal.pepper('challenge'))
            FROM bastion.users u WHERE u.email = 'bob@rights.example';
            UPDATE bastion.users SET email_verified_at = now() WHERE email = 'bob@rights.example' AND email_verified_at IS NULL;
        WHEN 'invited' THEN
            PERFORM bastion.authenticate(ann.token);
            INSERT INTO rights.made (n, invitation) SELECT n, bastion.invite('i' || n || '@rights.example', 'viewer') ->> 'token';
        WHEN 'bob invited' THEN
            PERFORM rights.prepare_ours('unit', ARRAY[n]);
            PERFORM bastion.authenticate(ann.token);
            INSERT INTO rights.made (n, invitation) SELECT n, bastion.invite('bob@rights.example', 'viewer', 'u' || n) ->> 'token';
        WHEN 'bob asked' THEN
            PERFORM rights.prepare_ours('unit', ARRAY[n]);
            INSERT INTO bastion.invitations (id, tenant_id, unit_id, role_id, user_id, invited_by, expires_at)
            SELECT rights.made_id('d1000000', n), u.tenant_id, u.id, r.id, p.user_id, ann.user_id, now() + interval '1 day'
            FROM bastion.units u, bastion.roles r, rights.people p WHERE u.slug = 'u' || n AND r.name = 'viewer' AND r.tenant_id IS NULL AND p.name = 'bob';
        WHEN 'issued' THEN
            INSERT INTO rights.made (n, issued)
            SELECT n, bastion.jwt_sign(jsonb_build_object('iss', 'https://idp.example', 'aud', 'app', 'sub', 'subject ' || n, 'exp', floor(extract(epoch FROM now())) + 3600), i.key)
            FROM rights.issuer i;
        WHEN 'api key' THEN
            PERFORM bastion.authenticate(ann.token);
            INSERT INTO rights.made (n, api_key) SELECT n, bastion_api.api_key_create('used ' || n, '{rows.read}') ->> 'key';
        WHEN 'resource' THEN
            PERFORM bastion.resource_register('p' || n, '{open}');
        WHEN 'dropped' THEN
            INSERT INTO bastion.protected_tables (table_name, tenant_column, resource, options)
            VALUES ((4000000 + n)::oid::regclass, 'tenant_id', 'dropped', '{"actions": {}, "existing": "refuse", "tenant_fk": false, "citus": false}');
        WHEN 'row' THEN
            PERFORM rights.prepare('rows', ARRAY[n]);
        END CASE;
    END LOOP;
END
$$;

INSERT INTO rights.functions (label, signatures, callers, fixture, call, world)
SELECT l, string_to_array(s, '; '), 'app', f, c, 'ours'
FROM (VALUES
    ('signup', 'bastion_api.signup(text,text,text,text,text,text)', NULL, 'SELECT bastion_api.signup(''n{n}@rights.example'', ''correct horse battery'', ''Tenant {n}'', ''Name {n}'')'),
    ('anonymous signup', 'bastion_api.signup_anonymous(text,text,text)', NULL, 'SELECT bastion_api.signup_anonymous(''Tenant {n}'')'),
    ('account_convert', 'bastion_api.account_convert(text,text,text,text)', NULL, 'SELECT bastion_api.account_convert(''ann@rights.example'', ''correct horse battery'')'),
    ('login', 'bastion_api.login(text,text,text,text,text,text)', NULL, 'SELECT bastion_api.login(''bob@rights.example'', ''correct horse battery'', ''bert'')'),
    ('login with a wrong password', 'bastion_api.login(text,text,text,text,text,text)', NULL, 'SELECT bastion_api.login(''nobody{n}@rights.example'', ''incorrect horse battery'')'),
    ('login_mfa', 'bastion_api.login_mfa(text,uuid,jsonb,text,boolean)', 'bob asked for a factor', 'SELECT bastion_api.login_mfa((SELECT m.challenge FROM rights.made m WHERE m.n OPERATOR(pg_catalog.=) {n}), NULL, ''{"code": "x"}'')'),
    ('login_tenant', 'bastion_api.login_tenant(text,text,text)', 'bob challenged', 'SELECT bastion_api.login_tenant((SELECT m.challenge FROM rights.made m WHERE m.n OPERATOR(pg_catalog.=) {n}), ''bert'')'),
    ('token', 'bastion_api.token(text,text,text,text,text)', NULL, 'SELECT bastion_api.token(''password'', ''bob@rights.example'', ''correct horse battery'', scope => ''tenant:bert'')'),
    ('tenant_switch', 'bastion_api.tenant_switch(text,text,text)', 'login', 'SELECT bastion_api.tenant_switch((SELECT m.refresh FROM rights.made m WHERE m.n OPERATOR(pg_catalog.=) {n}), ''bert'')'),
    ('profile_update', 'bastion_api.profile_update(jsonb)', NULL, 'SELECT bastion_api.profile_update(''{"display_name": "Name {n}"}'')'),
    ('password_change', 'bastion_api.password_change(text,text)', NULL, 'SELECT bastion_api.password_change(''correct horse battery'', ''correct horse battery'')'),
    ('device_rename', 'bastion_api.device_rename(uuid,text)', 'device', 'SELECT bastion_api.device_rename(rights.made_id(''b2000000'', {n}), ''device {n}'')'),
    ('device_revoke', 'bastion_api.device_revoke(uuid)', 'device', 'SELECT bastion_api.device_revoke(rights.made_id(''b2000000'', {n}))'),
    ('session_rename', 'bastion_api.session_rename(uuid,text)', 'session', 'SELECT bastion_api.session_rename(rights.made_id(''b0000000'', {n}), ''device {n}'')'),
    ('session_revoke of an own one', 'bastion_api.session_revoke(uuid)', 'session', 'SELECT bastion_api.session_revoke(rights.made_id(''b0000000'', {n}))'),
    ('tenant_create', 'bastion_api.tenant_create(text)', NULL, 'SELECT bastion_api.tenant_create(''Tenant {n}'')'),
    ('tenant_rename', 'bastion_api.tenant_rename(text)', NULL, 'SELECT bastion_api.tenant_rename(''Ann {n}'')'),
    ('tenant_settings_set', 'bastion_api.tenant_settings_set(jsonb)', NULL, 'SELECT bastion_api.tenant_settings_set(''{"idle_limit": 3600}'')'),
    ('tenant_leave', 'bastion_api.tenant_leave()', 'member', 'SELECT bastion.membership_set(rights.made_id(''a0000000'', {n}), ''owner''), bastion_api.tenant_leave()'),
    ('tenant_transfer', 'bastion_api.tenant_transfer(text,text)', 'member', 'SELECT bastion_api.tenant_transfer(rights.made_id(''a0000000'', {n})::text)'),
    ('end of a tenant', 'bastion_api.tenant_delete(text)', NULL, 'SELECT bastion_api.tenant_delete(''acme'')'),
    ('end of a tenant that is cancelled', 'bastion_api.tenant_delete_cancel(text)', NULL, 'SELECT bastion_api.tenant_delete_cancel(''ending'')'),
    ('unit_delete of the front door on our tables', 'bastion_api.unit_delete(text)', 'unit', 'SELECT bastion_api.unit_delete(''u{n}'')'),
    ('member_set', 'bastion_api.member_set(text,text,text,timestamp with time zone,timestamp with time zone)', 'member', 'SELECT bastion_api.member_set(rights.made_id(''a0000000'', {n})::text, ''admin'')'),
    ('member_add', 'bastion_api.member_add(text,text,text,timestamp with time zone,timestamp with time zone)', 'member', 'SELECT bastion_api.member_add(rights.made_id(''a0000000'', {n})::text, ''admin'')'),
    ('member_remove', 'bastion_api.member_remove(text,text,text)', 'member', 'SELECT bastion_api.member_remove(rights.made_id(''a0000000'', {n})::text)'),
    ('unit_create of the front door', 'bastion_api.unit_create(text,text,text,text)', NULL, 'SELECT bastion_api.unit_create(''team'', ''Unit'', ''new-{n}'')'),
    ('unit_rename', 'bastion_api.unit_rename(text,text)', 'unit', 'SELECT bastion_api.unit_rename(''u{n}'', ''Unit of {n}'')'),
    ('refresh', 'bastion_api.refresh(text)', 'login', 'SELECT bastion_api.refresh((SELECT m.refresh FROM rights.made m WHERE m.n OPERATOR(pg_catalog.=) {n}))'),
    ('token_revoke', 'bastion_api.token_revoke(text)', 'login', 'SELECT bastion_api.token_revoke((SELECT m.refresh FROM rights.made m WHERE m.n OPERATOR(pg_catalog.=) {n}))'),
    ('logout', 'bastion_api.logout(text)', 'session', 'SELECT bastion_api.logout(''others'')'),
    ('session_revoke', 'session_revoke(uuid)', 'session', 'SELECT bastion.session_revoke(rights.made_id(''b1000000'', {n}))'),
    ('sessions_revoke', 'sessions_revoke(uuid); sessions_revoke(text)', 'session', 'SELECT bastion.sessions_revoke(rights.made_id(''a0000000'', {n}))'),
    ('step_up_rule_set', 'step_up_rule_set(text,text,interval)', NULL, 'SELECT bastion.step_up_rule_set(''rows.read'', ''aal2'', ''1 h'')'),
    ('step_up_rule_remove', 'step_up_rule_remove(text)', NULL, 'SELECT bastion.step_up_rule_set(''rows.read''), bastion.step_up_rule_remove(''nothing.read'')'),
    ('session_settings_set', 'session_settings_set(interval,interval,interval,interval)', NULL, 'SELECT bastion.session_settings_set(''1 h'', ''2 h'', ''3 h'', NULL)'),
    ('invite', 'invite(text,text,text,interval,timestamptz)', NULL, 'SELECT bastion.invite(''x{n}@rights.example'', ''viewer'')'),
    ('invitation_revoke', 'invitation_revoke(uuid)', 'invitation', 'SELECT bastion.invitation_revoke(rights.made_id(''d0000000'', {n}))'),
    ('signup_invited', 'bastion_api.signup_invited(text,text,text,text,text)', 'invited', 'SELECT bastion_api.signup_invited((SELECT m.invitation FROM rights.made m WHERE m.n OPERATOR(pg_catalog.=) {n}), ''correct horse battery'', ''Name {n}'')'),
    ('role_create', 'role_create(text,text)', NULL, 'SELECT bastion.role_create(''new {n}'')'),
    ('role_delete', 'role_delete(text)', 'role', 'SELECT bastion.role_delete(''role {n}'')'),
    ('role_permission_add', 'role_permission_add(text,text)', 'role', 'SELECT bastion.role_permission_add(''role {n}'', ''rows.update'')'),
    ('role_permission_remove', 'role_permission_remove(text,text)', 'role', 'SELECT bastion.role_permission_remove(''role {n}'', ''rows.read'')'),
    ('role_parent_add', 'role_parent_add(text,text)', 'role', 'SELECT bastion.role_parent_add(''role {n}'', ''viewer'')'),
    ('role_parent_remove', 'role_parent_remove(text,text)', 'role', 'SELECT bastion.role_parent_add(''role {n}'', ''viewer''), bastion.role_parent_remove(''role {n}'', ''viewer'')'),
    ('membership_set', 'membership_set(uuid,text,text,timestamp with time zone,timestamp with time zone); membership_set(text,text,text,timestamp with time zone,timestamp with time zone)', 'member', 'SELECT bastion.membership_set(rights.made_id(''a0000000'', {n}), ''admin'')'),
    ('membership_add', 'membership_add(uuid,text,text,timestamp with time zone,timestamp with time zone); membership_add(text,text,text,timestamp with time zone,timestamp with time zone)', 'member', 'SELECT bastion.membership_add(rights.made_id(''a0000000'', {n}), ''admin'')'),
    ('membership_remove', 'membership_remove(uuid,text,text); membership_remove(text,text,text)', 'member', 'SELECT bastion.membership_remove(rights.made_id(''a0000000'', {n}))'),
    ('permission_grant', 'permission_grant(uuid,text,text,timestamp with time zone); permission_grant(text,text,text,timestamp with time zone)', 'member', 'SELECT bastion.permission_grant(rights.made_id(''a0000000'', {n}), ''rows.update'')'),
    ('permission_deny', 'permission_deny(uuid,text,text,timestamp with time zone); permission_deny(text,text,text,timestamp with time zone)', 'member', 'SELECT bastion.permission_deny(rights.made_id(''a0000000'', {n}), ''rows.update'')'),
    ('permission_remove', 'permission_remove(uuid,text,text); permission_remove(text,text,text)', 'member', 'SELECT bastion.permission_remove(rights.made_id(''a0000000'', {n}), ''rows.read'')'),
    ('unit_create', 'unit_create(text,text,text,text)', NULL, 'SELECT bastion.unit_create(''team'', ''Unit'', ''new-{n}'')'),
    ('unit_move', 'unit_move(text,text)', 'unit', 'SELECT bastion.unit_create(''team'', ''Above'', ''above-{n}''), bastion.unit_move(''u{n}'', ''above-{n}'')'),
    ('unit_delete on our tables', 'unit_delete(text)', 'unit', 'SELECT bastion.unit_delete(''u{n}'')'),
    ('share on our tables', 'share(regclass,text,uuid,uuid,uuid,uuid,text,timestamp with time zone); share(regclass,text,text,text,text,text,text,timestamp with time zone)', 'row', 'SELECT bastion.share(''shop.rows'', ''{n}'', with_tenant => bastion.tenant_id())'),
    ('unshare on our tables', 'unshare(regclass,text,uuid,uuid,uuid,uuid); unshare(regclass,text,text,text,text,text)', 'row', 'SELECT bastion.share(''shop.rows'', ''{n}'', with_tenant => bastion.tenant_id()), bastion.unshare(''shop.rows'', ''{n}'', with_tenant => bastion.tenant_id())'),
    ('protect_follow', 'bastion_internal.protect_follow(regclass)', NULL, 'SELECT bastion_internal.protect_follow(''shop.rows'')'),
    ('row_transfer on our tables', 'row_transfer(regclass,text,text)', 'row', 'SELECT bastion.row_transfer(''shop.rows'', ''{n}'', ''{bob_user_id}'')'),
    ('own_acl', 'own_acl()', NULL, 'SELECT bastion.own_acl()'),
    ('settings', 'setting_put(text,jsonb,text,integer,text,text); setting_seal(text,text,text,integer,text,text); setting_open(text); setting_rollback(text,integer,text,integer,text); setting_update(text,text,text,jsonb,jsonb,boolean,integer,text); setting_version_delete(text,integer[],text,text); setting_version_undelete(text,integer[],text,text); setting_version_destroy(text,integer[],text,text); setting_delete(text,text,text); setting_request(text,text,jsonb,text,text,interval); setting_reject(uuid,text); setting_import(jsonb,text)', NULL,
     'SELECT bastion.setting_put(''s{n}.a'', ''1''), bastion.setting_put(''s{n}.a'', ''2''), bastion.setting_rollback(''s{n}.a'', 1), bastion.setting_update(''s{n}.a'', max_versions => 2), bastion.setting_version_delete(''s{n}.a''), bastion.setting_version_undelete(''s{n}.a''), bastion.setting_version_destroy(''s{n}.a'', ''{2}''), bastion.setting_seal(''s{n}.b'', ''x''), bastion.setting_open(''s{n}.b''), bastion.setting_reject(bastion.setting_request(''s{n}.a'', ''put'', ''{"value": 1}'')), bastion.setting_import(''{"format": "pg_bastion.settings/1", "settings": []}''), bastion.setting_delete(''s{n}.a'')'),
    ('secret_put', 'secret_put(text,text,text,text,text[],timestamp with time zone,boolean,jsonb,integer,text)', NULL, 'SELECT bastion.secret_put(''new{n}'', ''value'')'),
    ('secret_get', 'secret_get(text,text,integer,boolean,text)', 'secret', 'SELECT bastion.secret_get(''s{n}'')'),
    ('secret_update', 'secret_update(text,boolean,timestamp with time zone,text[],boolean,text,text,text,jsonb,integer,interval,interval)', 'secret', 'SELECT bastion.secret_update(''s{n}'', active => false)'),
    ('secret_delete', 'secret_delete(text,boolean,text)', 'secret', 'SELECT bastion.secret_delete(''s{n}'')'),
    ('secret_put of bytes and JSON', 'secret_put(text,bytea,text,text,text[],timestamp with time zone,boolean,jsonb,integer,text); secret_put(text,jsonb,text,text,text[],timestamp with time zone,boolean,jsonb,integer,text)', NULL, 'SELECT bastion.secret_put(''new{n}'', ''x''::pg_catalog.bytea), bastion.secret_put(''json{n}'', ''1''::pg_catalog.jsonb)'),
    ('secret_get of bytes', 'secret_get_bytea(text,text,integer,boolean,text); secret_get_bytea(uuid,text,integer); secret_get(uuid,text,integer)', 'secret', 'SELECT bastion.secret_get_bytea(''s{n}'')'),
    ('secret_rename', 'secret_rename(text,text,boolean,text)', 'secret', 'SELECT bastion.secret_rename(''s{n}'', ''renamed{n}'')'),
    ('secret_delete by its id', 'secret_delete(uuid)', 'secret', 'SELECT bastion.secret_delete((SELECT s.id FROM bastion.secrets s WHERE s.name OPERATOR(pg_catalog.=) ''s{n}''))'),
    ('secret_version_delete', 'secret_version_delete(text,integer,boolean,text); secret_version_undelete(text,integer,boolean,text)', 'secret', 'SELECT bastion.secret_version_delete(''s{n}''), bastion.secret_version_undelete(''s{n}'')'),
    ('secret_version_destroy', 'secret_version_destroy(text,integer,boolean,text)', 'secret', 'SELECT bastion.secret_version_destroy(''s{n}'', 1)'),
    ('key_create', 'key_create(text,text,text,interval,boolean,integer)', 'application keys', 'SELECT bastion.key_create(''new {n}'', ''EdDSA'', ''rights_keys'')'),
    ('key_rotate', 'key_rotate(text)', 'application keys', 'SELECT bastion.key_rotate(''k{n}'')'),
    ('key_update', 'key_update(text,interval,integer,boolean)', 'application keys', 'SELECT bastion.key_update(''k{n}'', deletable => false)'),
    ('key_delete', 'key_delete(text)', 'application keys', 'SELECT bastion.key_delete(''k{n}'')'),
    ('key_sign with a rotation', 'key_sign(text,bytea)', 'application keys', 'SELECT bastion.key_sign(''k{n}'', ''data'')'),
    ('key_mac with a rotation', 'key_mac(text,bytea)', 'application keys', 'SELECT bastion.key_mac(''m{n}'', ''data'')'),
    ('wrapped_key_create with a rotation', 'wrapped_key_create(text,text,integer)', 'application keys', 'SELECT bastion.wrapped_key_create(''b{n}'')'),
    ('key_export and key_import', 'key_export(text,text,integer); key_import(text,text,bytea,text,text,boolean)', 'application keys',
     'SELECT bastion.key_import(''new {n}'', ''EdDSA'', bastion.key_export(''k{n}'', p.pem), ''transport'', ''rights_keys'') FROM bastion.key_public(''transport'') p'),
    ('second factors', 'bastion_api.totp_add(text); bastion_api.totp_confirm(uuid,text); bastion_api.factor_rename(uuid,text); bastion_api.factor_remove(uuid); bastion_api.recovery_codes_renew(); bastion_api.step_up(uuid,jsonb)', NULL,
     'SELECT bastion_api.totp_confirm(f.id, ''x''), bastion_api.factor_rename(f.id, ''new {n}''), bastion_api.step_up(f.id, ''{}''), bastion_api.recovery_codes_renew(), bastion_api.factor_remove(f.id) FROM (SELECT (bastion_api.totp_add() OPERATOR(pg_catalog.->>) ''factor'')::pg_catalog.uuid) f (id)'),
    ('passkeys', 'bastion_api.passkey_add(text); bastion_api.passkey_options(text); bastion_api.passkey_confirm(text,jsonb,text); bastion_api.passkey_login(text,jsonb,text,text,text,text)', NULL,
     'SELECT bastion_api.passkey_add(''rights.example''), bastion_api.passkey_options(''rights.example''), bastion_api.passkey_confirm(''x'', ''{}''), bastion_api.passkey_login(''x'', ''{}'')'),
    ('ID tokens', 'bastion_api.id_token_options(text); bastion_api.login_id_token(text,text,text,text,text); bastion_api.identity_link(text); bastion_api.identity_unlink(text,text)', NULL,
     'SELECT bastion_api.id_token_options(''x''), bastion_api.login_id_token(''x'', ''x''), bastion_api.identity_link(''x''), bastion_api.identity_unlink(''x'', ''y'')'),
    ('api_key_create', 'bastion_api.api_key_create(text,text[],timestamp with time zone,text[],text,jsonb)', NULL, 'SELECT bastion_api.api_key_create(''new {n}'', ''{rows.read}'')'),
    ('api_key_rotate', 'bastion_api.api_key_rotate(uuid,interval)', 'key', 'SELECT bastion_api.api_key_rotate(rights.made_id(''e0000000'', {n}), ''1 h'')'),
    ('delegate', 'bastion_api.delegate(text,text[],text,interval,boolean)', NULL, 'SELECT bastion_api.delegate(bastion.user_id()::text, ''{rows.read}'')'),
    ('delegation_revoke', 'bastion_api.delegation_revoke(uuid)', 'delegation', 'SELECT bastion_api.delegation_revoke(rights.made_id(''de000000'', {n}))'),
    ('api_key_revoke', 'bastion_api.api_key_revoke(uuid)', 'key', 'SELECT bastion_api.api_key_revoke(rights.made_id(''e0000000'', {n}))'),
    ('events_prune', 'events_prune(timestamp with time zone)', NULL, 'SELECT bastion.events_prune(pg_catalog.now())'),
    ('impersonate', 'impersonate(text,text,text,boolean)', NULL, 'SELECT bastion.impersonate(''{bob_user_id}'', ''{bob_tenant_id}'', ''a test'', read_only => false)'),
    ('protect_resource', 'bastion_internal.protect_resource(text,text[])', NULL, 'SELECT bastion_internal.protect_resource(''new{n}'', ''{read}'')'),
    ('forget_dropped_tables', 'bastion_internal.forget_dropped_tables()', 'dropped', 'SELECT bastion_internal.forget_dropped_tables()'),
    ('acl_of_row', 'bastion_internal.acl_of_row(text,text,text)', NULL, 'SELECT bastion_internal.acl_of_row(''{bob_tenant_id}'', ''{ann_user_id}'', ''owner'')'),
    ('api_key_disable', 'bastion_api.api_key_disable(uuid,boolean)', 'key', 'SELECT bastion_api.api_key_disable(rights.made_id(''e0000000'', {n}), true)'),
    ('mail requested by strangers', 'bastion_api.request_password_reset(text); bastion_api.request_login_link(text); bastion_api.request_login_code(text); bastion_api.resend_verification(text)', NULL,
     'SELECT bastion_api.request_password_reset(''bob@rights.example'')'),
    ('mail of a recovery', 'bastion_api.account_recovery_start(text)', 'bob asked for a factor', 'SELECT bastion_api.account_recovery_start((SELECT m.challenge FROM rights.made m WHERE m.n OPERATOR(pg_catalog.=) {n}))'),
    ('mail of a change of address', 'bastion_api.email_change(text,text)', NULL, 'SELECT bastion_api.email_change(''x{n}@rights.example'', ''correct horse battery'')'),
    ('mail of an invitation', 'invitation_resend(uuid)', 'invitation', 'SELECT bastion.invitation_resend(rights.made_id(''d0000000'', {n}))'),
    ('mail that is sent', 'outbox_claim(text,integer,interval); outbox_done(bigint,text); outbox_retry(bigint,text,text); outbox_revive(bigint); outbox_clear()', NULL,
     'SELECT bastion_api.request_login_link(''bob@rights.example''), bastion.outbox_claim(''sender''), bastion.outbox_clear()'),
    ('account_delete', 'bastion_api.account_delete(text)', NULL, 'SELECT bastion_api.account_delete(''correct horse battery'')'),
    ('links that nobody mailed', 'bastion_api.reset_password(text,text); bastion_api.login_link(text,text,text,text); bastion_api.login_code(uuid,text,text,text,text); bastion_api.verify_email(text,text,text); bastion_api.email_change_confirm(text); bastion_api.email_undo(text); bastion_api.account_delete_cancel(text); bastion_api.account_recovery_finish(text); bastion_api.account_recovery_cancel(text); bastion_api.invitation_decline_link(text)', NULL,
     'SELECT bastion_api.reset_password(''x'', ''correct horse battery'')')
) v (l, s, f, c);
-- A record whose name of a column is old: its number says which column it means.
UPDATE rights.functions SET setup = 'SET session_replication_role = replica; '
    'UPDATE bastion.protected_tables SET owner_column = ''title'' WHERE relation = ''shop.rows''::pg_catalog.regclass; RESET session_replication_role'
WHERE label = 'protect_follow';
UPDATE rights.functions SET setup = format('ALTER DATABASE %I SET bastion.outbox = on', current_database()), cleanup = format('ALTER DATABASE %I RESET bastion.outbox', current_database())
WHERE label ~ '^mail ';
UPDATE rights.functions SET setup = 'SET session_replication_role = replica; '
    'UPDATE bastion.users SET email = NULL, anonymous = true WHERE email OPERATOR(pg_catalog.=) ''ann@rights.example''; RESET session_replication_role'
WHERE label = 'account_convert';
UPDATE rights.functions SET setup = format('ALTER DATABASE %I SET bastion.anonymous_signup = on', current_database()), cleanup = format('ALTER DATABASE %I RESET bastion.anonymous_signup', current_database())
WHERE label = 'anonymous signup';
-- What ends sessions or the role of ann, whom later cells need.
CREATE FUNCTION rights.restore_ann() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    ann rights.people;
BEGIN
    SELECT * INTO ann FROM rights.people p WHERE p.name = 'ann';
    PERFORM set_config('session_replication_role', 'replica', true);
    DELETE FROM bastion.memberships m WHERE m.user_id = ann.user_id AND m.tenant_id = ann.tenant_id AND m.unit_id IS NULL;
    INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT ann.user_id, ann.tenant_id, r.id FROM bastion.roles r WHERE r.system AND r.name = 'owner';
    UPDATE bastion.sessions SET revoked_at = NULL, revoked_reason = NULL WHERE ann.user_id = user_id OR ann.tenant_id = tenant_id;
    UPDATE bastion.api_keys SET revoked_at = NULL WHERE user_id = ann.user_id;
    UPDATE bastion.user_devices SET revoked_at = NULL WHERE user_id = ann.user_id;
    UPDATE bastion.tenants SET status = 'active', delete_at = NULL WHERE id = ann.tenant_id;
    UPDATE bastion.users SET email = 'ann@rights.example', anonymous = false WHERE id = ann.user_id;
    UPDATE bastion.delegations SET revoked_at = NULL, revoked_reason = NULL WHERE subject_id = ann.user_id;
    DELETE FROM bastion.step_up_rules;
END
$$;
UPDATE rights.functions SET cleanup = 'SELECT rights.restore_ann()' WHERE label IN ('logout', 'tenant_leave', 'tenant_transfer', 'password_change', 'account_convert', 'end of a tenant', 'step_up_rule_set', 'step_up_rule_remove');
INSERT INTO rights.functions (label, signatures, callers, fixture, call, world, person)
SELECT l, ARRAY[s], 'app', f, c, 'ours', p
FROM (VALUES
    ('invitation_accept', 'bastion_api.invitation_accept(text)', 'bob invited', 'bob', 'SELECT bastion_api.invitation_accept((SELECT m.invitation FROM rights.made m WHERE m.n OPERATOR(pg_catalog.=) {n}))'),
    ('invitation_accept by its id', 'bastion_api.invitation_accept(uuid)', 'bob asked', 'bob', 'SELECT bastion_api.invitation_accept(rights.made_id(''d1000000'', {n}))'),
    ('invitation_decline', 'bastion_api.invitation_decline(uuid)', 'bob asked', 'bob', 'SELECT bastion_api.invitation_decline(rights.made_id(''d1000000'', {n}))'),
    ('authenticate of a new subject', 'authenticate(text,text,text)', 'issued', NULL, 'SELECT bastion.authenticate((SELECT m.issued FROM rights.made m WHERE m.n OPERATOR(pg_catalog.=) {n}))'),
    ('pre_request with a token of a new subject', 'pre_request()', 'issued', NULL, 'SELECT pg_catalog.set_config(''request.headers'', pg_catalog.json_build_object(''authorization'', pg_catalog.concat(''Bearer '', (SELECT m.issued FROM rights.made m WHERE m.n OPERATOR(pg_catalog.=) {n})))::pg_catalog.text, true), bastion.pre_request()'),
    ('authenticate with an API key', 'authenticate(text,text,text)', 'api key', NULL, 'SELECT bastion.authenticate((SELECT m.api_key FROM rights.made m WHERE m.n OPERATOR(pg_catalog.=) {n}))'),
    ('seal under a first key', 'seal(text,text,text)', 'resource', 'ann', 'SELECT bastion.seal(''value'', ''p{n}'')'),
    ('seal of bytes under a first key', 'seal(bytea,text,text)', 'resource', 'ann', 'SELECT bastion.seal(''\x01''::bytea, ''p{n}'')'),
    ('blind_index under a first key', 'blind_index(text,text)', 'resource', 'ann', 'SELECT bastion.blind_index(''value'', ''p{n}'')'),
    ('blind_index of bytes under a first key', 'blind_index(bytea,text)', 'resource', 'ann', 'SELECT bastion.blind_index(''\x01''::bytea, ''p{n}'')')
) v (l, s, f, p, c);

UPDATE rights.functions SET fires = '{foreign trigger on our table}' WHERE world = 'ours';
-- These write only once, or leave the write to a process of the server.
UPDATE rights.functions SET fires = '{}', refused = '00000|55000' WHERE label ~ 'under a first key' OR label IN ('own_acl', 'secret_get', 'secret_get of bytes', 'acl_of_row', 'forget_dropped_tables',
                                                                                         'login with a wrong password', 'login_mfa', 'passkeys', 'ID tokens', 'end of a tenant that is cancelled', 'authenticate with an API key', 'links that nobody mailed');

SELECT format('GRANT EXECUTE ON ROUTINE %s TO rights_app', CASE WHEN s ~ '^bastion_' THEN s ELSE 'bastion.' || s END)
FROM rights.functions f, unnest(f.signatures) s WHERE f.world = 'ours' \gexec
SELECT rights.put_triggers() WHERE :'world' = 'ours';

# Two calls at once, in both orders: what they answer and what is left is what they would answer and leave one after the other.
# Each pair has people and a tenant of its own. The first call waits before its COMMIT until the second has answered or waits.
# RACES_ONLY=flag,.delete selects pairs by a regular expression without spaces.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = new_server('races', "bastion.allow_identity_switch = on\nbastion.max_concurrent_hashes = 100\n");
# Hashes that take no time: no race is about them.
$server->safe_psql('postgres', q{CREATE OR REPLACE FUNCTION bastion_internal.password_hash_if_free(password text) RETURNS text LANGUAGE sql VOLATILE STRICT
                                 AS $$ SELECT bastion.password_hash(password, 'bcrypt', '{"cost": 4}') $$;
                                 CREATE OR REPLACE FUNCTION bastion.password_needs_rehash(hash text) RETURNS boolean LANGUAGE sql VOLATILE STRICT AS 'SELECT false'});
$server->safe_psql('postgres', <<'SQL');
-- try(), whose effects are rolled back
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE statement INTO answer;
    RAISE EXCEPTION '%', coalesce(answer, 'nothing') USING ERRCODE = 'ZZ999';
EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
    RETURN SQLERRM;
WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
SELECT bastion.resource_register('races', '{open}');
CREATE TABLE files (tenant_id uuid NOT NULL, id int, owner_id uuid NOT NULL, PRIMARY KEY (tenant_id, id));
SELECT bastion.protect('files', owner_column => 'owner_id', sharing => 'tenant', visibility => 'owner');
GRANT SELECT, INSERT, UPDATE, DELETE ON files TO app;
CREATE TABLE notes (world int, body bastion.sealed);
GRANT SELECT, INSERT ON notes TO app;
CREATE TABLE world (n int PRIMARY KEY, tenant uuid, ann uuid, bob uuid, cat uuid, by_ann text, by_bob text, by_cat text, refresh text, key_id uuid, key text,
                    invitation text, invitation_id uuid, reset text, link text, change text, factor uuid, code text, ann_elsewhere text,
                    delegation uuid, agent text, recovery text, device text, device_id uuid, guest uuid, by_guest text, guest_refresh text,
                    dan uuid, dan_tenant uuid, by_dan text, dan_device text, dan_device_id uuid);
CREATE TABLE counted (tenant_id uuid NOT NULL, id int);
SELECT bastion.meter_set('races_rows', 'gauge'), bastion.plan_limit_set('races_rows', 'tenant', 'total', 2), bastion.meter_set('races_uses'), bastion.plan_limit_set('races_uses', 'tenant', 'total', 1);
SELECT bastion.protect('counted', quota => 'races_rows', tenant_fk => true);
GRANT SELECT, INSERT, DELETE ON counted TO app;
-- The people ann, bob and cat, and the tenant of ann, where bob is an editor with a session, an API key, an authenticator, mail with three
-- links and one that is ready to recover the account, and ann acts for him; cat is invited, and has a known device. A guest is anonymous.
-- In the tenant of dan, who is in the worlds that need him, his device stands in for his second factor.
CREATE FUNCTION make_world(n int, has_dan boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    w world;
    made jsonb;
    codes jsonb;
BEGIN
    w.n := n;
    made := bastion_api.signup('ann' || n || '@races.example', 'correct horse', 'W' || n);
    w.tenant := made #>> '{tenant,id}'; w.ann := made #>> '{user,id}'; w.by_ann := made ->> 'access_token';
    made := bastion_api.signup('bob' || n || '@races.example', 'correct horse', 'Bob ' || n);
    w.bob := made #>> '{user,id}';
    -- Who could leave: ann owns his tenant too.
    INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT w.ann, (made #>> '{tenant,id}')::uuid, id FROM bastion.roles WHERE name = 'owner' AND system;
    w.ann_elsewhere := bastion_api.login('ann' || n || '@races.example', 'correct horse', made #>> '{tenant,id}') ->> 'access_token';
    made := bastion_api.signup('cat' || n || '@races.example', 'correct horse', 'Cat ' || n);
    w.cat := made #>> '{user,id}'; w.by_cat := made ->> 'access_token';
    w.device := bastion_api.login('cat' || n || '@races.example', 'correct horse', device_token => '') ->> 'device_token';
    SELECT id INTO w.device_id FROM bastion.user_devices WHERE user_id = w.cat;
    -- as signup_anonymous() does, of which a network has a few
    INSERT INTO bastion.users (display_name, anonymous) VALUES ('Guest', true) RETURNING id INTO w.guest;
    made := bastion_internal.session_begin(w.guest, bastion_internal.tenant_create('Guest ' || n, w.guest), NULL, 'guest', '{}');
    w.by_guest := made ->> 'access_token'; w.guest_refresh := made ->> 'refresh_token';
    INSERT INTO bastion.roles (tenant_id, name) VALUES (w.tenant, 'editor');
    INSERT INTO bastion.role_permissions (role_id, pattern) SELECT id, p FROM bastion.roles, unnest(ARRAY['files.*', 'counted.*', 'races.open', 'tenant.api_keys.manage']) p WHERE tenant_id = w.tenant AND name = 'editor';
    INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT w.bob, w.tenant, id FROM bastion.roles WHERE tenant_id = w.tenant AND name = 'editor';
    made := bastion_api.login('bob' || n || '@races.example', 'correct horse', 'w' || n);
    w.by_bob := made ->> 'access_token'; w.refresh := made ->> 'refresh_token';
    PERFORM bastion.authenticate(w.by_bob);
    w.factor := bastion_api.totp_add() ->> 'factor';
    UPDATE bastion.user_factors SET state = 'active' WHERE id = w.factor;
    codes := bastion_internal.recovery_codes_replace(w.bob);
    w.code := codes ->> 1;
    w.by_bob := bastion_api.step_up(NULL, jsonb_build_object('code', codes ->> 0)) ->> 'access_token';
    PERFORM bastion.authenticate(w.by_bob);
    PERFORM set_config('bastion.outbox', 'on', true);
    PERFORM bastion_api.request_password_reset('bob' || n || '@races.example'), bastion_api.request_login_link('bob' || n || '@races.example'),
            bastion_api.email_change('rob' || n || '@races.example', 'correct horse');
    SELECT max(token) FILTER (WHERE kind = 'reset_password'), max(token) FILTER (WHERE kind = 'magic_link'), max(token) FILTER (WHERE kind = 'email_change')
    INTO w.reset, w.link, w.change FROM bastion.outbox_claim('races', 100);
    UPDATE bastion.users SET email_verified_at = now() WHERE id = w.bob;
    PERFORM bastion_api.account_recovery_start(bastion_api.login('bob' || n || '@races.example', 'correct horse') ->> 'challenge');
    UPDATE bastion.one_time_tokens SET created_at = created_at - interval '3 days' WHERE user_id = w.bob AND purpose = 'account_recovery';
    SELECT token INTO w.recovery FROM bastion.outbox_claim('races', 100) WHERE kind = 'account_recovery';
    PERFORM set_config('bastion.outbox', 'off', true);
    made := bastion_api.api_key_create('a key', '{files.read}');
    w.key := made ->> 'key'; w.key_id := made ->> 'id';
    made := bastion_api.delegate(w.ann::text, '{files.read}');
    w.agent := made ->> 'access_token'; w.delegation := made ->> 'delegation';
    PERFORM bastion.authenticate(w.by_ann);
    made := bastion.invite('cat' || n || '@races.example', 'viewer');
    w.invitation := made ->> 'token'; w.invitation_id := made ->> 'id';
    INSERT INTO files VALUES (w.tenant, 1, w.ann);
    INSERT INTO counted VALUES (w.tenant, 1);
    INSERT INTO notes SELECT n, bastion.seal_for(w.tenant, 'a note', 'races');
    PERFORM bastion.setting_put_for(w.tenant::text, 'races.key', '1'), bastion.flag_set_for(w.tenant::text, 'races_flag', '{"variants": {"one": 1, "two": 2, "three": 3}, "defaultVariant": "one"}');
    IF has_dan THEN
        made := bastion_api.signup('dan' || n || '@races.example', 'correct horse', 'Dan ' || n);
        w.dan := made #>> '{user,id}'; w.dan_tenant := made #>> '{tenant,id}'; w.by_dan := made ->> 'access_token';
        w.dan_device := bastion_api.login('dan' || n || '@races.example', 'correct horse', device_token => '') ->> 'device_token';
        UPDATE bastion.user_devices SET confirmed_at = now() WHERE user_id = w.dan RETURNING id INTO w.dan_device_id;
        INSERT INTO bastion.user_factors (user_id, kind, name, state) VALUES (w.dan, 'webauthn', 'Key', 'active');
        UPDATE bastion.tenants SET mfa = 'required', mfa_remember = '1 day' WHERE id = w.dan_tenant;
    END IF;
    INSERT INTO world SELECT (w).*;
END
$$;
-- What is left of a world, as each of its people meets it.
CREATE FUNCTION facts(n int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    w world := (SELECT w FROM world w WHERE w.n = facts.n);
BEGIN
    RETURN concat_ws(', ',
        'login ' || attempt(format('SELECT coalesce(l ->> ''error'', ''ok'') FROM bastion_api.login(%L, %L, %L) l', 'bob' || n || '@races.example', 'correct horse', 'w' || n)),
        'refresh ' || attempt(format('SELECT coalesce(l ->> ''error'', ''ok'') FROM bastion_api.refresh(%L) l', w.refresh)),
        'token ' || attempt(format('SELECT bastion.authenticate(%L) IS NOT NULL', w.by_bob)),
        'key ' || attempt(format('SELECT bastion.authenticate(%L) IS NOT NULL', w.key)),
        'reads ' || attempt(format('WITH a AS MATERIALIZED (SELECT bastion.authenticate(%L)) SELECT bastion.has_permission(''files.read'') FROM a', w.by_bob)),
        'invited ' || attempt(format('WITH a AS MATERIALIZED (SELECT bastion.authenticate(%L)) SELECT coalesce(i ->> ''error'', ''ok'') FROM a, bastion_api.invitation_accept(%L) i', w.by_cat, w.invitation)),
        'note ' || attempt(format('SELECT string_agg(bastion.open_text_for(%L, body), '' '') FROM notes WHERE world = %s', w.tenant, n)),
        'roles ' || (SELECT string_agg(left(u.email, 3) || ' ' || r.name, ' ' ORDER BY u.email COLLATE "C", r.name) FROM bastion.memberships m JOIN bastion.users u ON u.id = m.user_id JOIN bastion.roles r ON r.id = m.role_id WHERE m.tenant_id = w.tenant),
        'sessions ' || (SELECT count(*) FROM bastion.sessions s WHERE s.user_id = w.bob AND s.tenant_id = w.tenant AND s.revoked_at IS NULL),
        'keys ' || (SELECT count(*) FROM bastion.api_keys k WHERE k.user_id = w.bob AND k.revoked_at IS NULL AND NOT k.disabled),
        'shares ' || (SELECT string_agg(e.level::text, ' ' ORDER BY e.level) FROM files f JOIN bastion.acl_entries e ON e.acl_id = f.acl_id AND e.subject_id = w.bob WHERE f.tenant_id = w.tenant),
        'tenant ' || (SELECT t.status FROM bastion.tenants t WHERE t.id = w.tenant),
        'new password ' || attempt(format('SELECT coalesce(l ->> ''error'', ''ok'') FROM bastion_api.login(%L, %L, %L) l', (SELECT u.email FROM bastion.users u WHERE u.id = w.bob), 'another horse', 'w' || n)),
        'reset ' || attempt(format('SELECT coalesce(l ->> ''error'', ''ok'') FROM bastion_api.reset_password(%L, %L) l', w.reset, 'third horse of all')),
        'link ' || attempt(format('SELECT coalesce(l ->> ''error'', ''ok'') FROM bastion_api.login_link(%L, %L) l', w.link, 'w' || n)),
        'bob ' || (SELECT concat_ws(' ', u.status, left(u.email, 3)) FROM bastion.users u WHERE u.id = w.bob),
        'factors ' || (SELECT count(*) FROM bastion.user_factors f WHERE f.user_id = w.bob),
        'codes ' || (SELECT count(*) FILTER (WHERE r.used_at IS NULL) FROM bastion.recovery_codes r WHERE r.user_id = w.bob),
        'delegations ' || (SELECT count(*) FROM bastion.delegations d WHERE d.subject_id = w.bob AND d.revoked_at IS NULL),
        'agent ' || attempt(format('SELECT bastion.authenticate(%L) IS NOT NULL', w.agent)),
        'recovery ' || (SELECT count(*) FROM bastion.one_time_tokens t WHERE t.user_id = w.bob AND t.purpose = 'account_recovery' AND t.used_at IS NULL),
        'devices ' || (SELECT count(*) FROM bastion.user_devices d WHERE d.user_id = w.cat AND d.revoked_at IS NULL),
        'rules ' || (SELECT string_agg(concat_ws(' ', r.permission, r.level, r.max_age), ' ') FROM bastion.step_up_rules r WHERE r.tenant_id = w.tenant),
        'mfa ' || (SELECT t.mfa FROM bastion.tenants t WHERE t.id = w.tenant),
        'guest ' || (SELECT concat_ws(' ', u.status, u.username, CASE WHEN u.anonymous THEN 'anonymous' END) FROM bastion.users u WHERE u.id = w.guest),
        'rows ' || (SELECT count(*) FROM counted c WHERE c.tenant_id = w.tenant),
        'used ' || (SELECT string_agg(concat_ws(' ', u.meter, u.used), ' ' ORDER BY u.meter) FROM bastion.usage_windows u WHERE u.owner_id = w.tenant),
        'limits ' || (SELECT string_agg(concat_ws(' ', o.meter, o.amount), ' ' ORDER BY o.meter) FROM bastion.limit_overrides o WHERE o.owner_id = w.tenant),
        'setting ' || (SELECT string_agg(concat_ws(' ', s.version, v.value #>> '{}'), ' ') FROM bastion.settings s LEFT JOIN bastion.setting_versions v ON v.setting_id = s.id AND v.version = s.version WHERE s.tenant_id = w.tenant),
        'flag ' || attempt(format('SELECT concat_ws('' '', f.version, f.definition ->> ''defaultVariant'') FROM bastion.flag_list_for(%L) f WHERE f.of_tenant', w.tenant)),
        CASE WHEN w.dan IS NOT NULL THEN
            'device ' || attempt(format('SELECT coalesce(l ->> ''error'', ''ok'') FROM bastion_api.login(%L, %L, device_token => %L) l', 'dan' || n || '@races.example', 'correct horse', w.dan_device))
            || ' sessions ' || (SELECT concat_ws(' ', count(*) FILTER (WHERE s.remembered_at > '-infinity'), count(*) FILTER (WHERE s.remembered_at = '-infinity'), count(*) FILTER (WHERE s.revoked_at IS NULL))
                                FROM bastion.sessions s WHERE s.user_id = w.dan) END,
        'refresh of the guest ' || attempt(format('SELECT coalesce(l ->> ''error'', ''ok'') FROM bastion_api.refresh(%L) l', w.guest_refresh)));
END
$$;
SQL

# Who calls (nobody: an operator), and the call, with the columns of its world in braces.
my %call = (
    'login' => [ undef, q{SELECT coalesce(l ->> 'error', 'ok') FROM bastion_api.login('bob{n}@races.example', 'correct horse', 'w{n}') l} ],
    'refresh' => [ undef, q{SELECT coalesce(l ->> 'error', 'ok') FROM bastion_api.refresh('{refresh}') l} ],
    'disable' => [ undef, q{UPDATE bastion.users SET status = 'disabled' WHERE id = '{bob}' RETURNING 'ok'} ],
    'suspend' => [ undef, q{UPDATE bastion.tenants SET status = 'suspended' WHERE id = '{tenant}' RETURNING 'ok'} ],
    'end sessions' => [ 'by_ann', q{SELECT 'ok' FROM bastion.sessions_revoke('{bob}'::uuid)} ],
    'remove member' => [ 'by_ann', q{SELECT 'ok' FROM bastion.membership_remove('{bob}'::uuid)} ],
    'change role' => [ 'by_ann', q{SELECT 'ok' FROM bastion.membership_set('{bob}'::uuid, 'viewer')} ],
    'delete role' => [ 'by_ann', q{SELECT 'ok' FROM bastion.role_delete('editor')} ],
    'take permission' => [ 'by_ann', q{SELECT 'ok' FROM bastion.role_permission_remove('editor', 'files.*')} ],
    'deny' => [ 'by_ann', q{SELECT 'ok' FROM bastion.permission_deny('{bob}'::uuid, 'files.read')} ],
    'create key' => [ 'by_bob', q{SELECT coalesce(k ->> 'error', 'ok') FROM bastion_api.api_key_create('another', '{files.read}') k} ],
    'rotate key' => [ 'by_bob', q{SELECT coalesce(k ->> 'error', 'ok') FROM bastion_api.api_key_rotate('{key_id}') k} ],
    'revoke key' => [ 'by_bob', q{SELECT coalesce(k ->> 'error', 'ok') FROM bastion_api.api_key_revoke('{key_id}') k} ],
    'disable key' => [ 'by_ann', q{SELECT coalesce(k ->> 'error', 'ok') FROM bastion_api.api_key_disable('{key_id}') k} ],
    'accept' => [ 'by_cat', q{SELECT coalesce(i ->> 'error', 'ok') FROM bastion_api.invitation_accept('{invitation}') i} ],
    'take back' => [ 'by_ann', q{SELECT bastion.invitation_revoke('{invitation_id}')} ],
    'share' => [ 'by_ann', q{SELECT 'ok' FROM bastion.share('files', '1', with_user => '{bob}'::uuid, level => 'write')} ],
    'share more' => [ 'by_ann', q{SELECT 'ok' FROM bastion.share('files', '1', with_user => '{bob}'::uuid, level => 'manage')} ],
    'unshare' => [ 'by_ann', q{SELECT bastion.unshare('files', '1', with_user => '{bob}'::uuid)} ],
    'seal' => [ 'by_bob', q{INSERT INTO notes SELECT {n}, bastion.seal('a note', 'races') RETURNING 'ok'} ],
    'rotate' => [ undef, q{SELECT bastion.data_key_rotate('races', '{tenant}')} ],
    'reset password' => [ undef, q{SELECT coalesce(r ->> 'error', 'ok') FROM bastion_api.reset_password('{reset}', 'another horse') r} ],
    'login link' => [ undef, q{SELECT coalesce(l ->> 'error', 'ok') FROM bastion_api.login_link('{link}', 'w{n}') l} ],
    'confirm address' => [ 'by_bob', q{SELECT coalesce(c ->> 'error', 'ok') FROM bastion_api.email_change_confirm('{change}') c} ],
    'change password' => [ 'by_bob', q{SELECT coalesce(c ->> 'error', 'ok') FROM bastion_api.password_change('correct horse', 'another horse') c} ],
    'delete account' => [ 'by_bob', q{SELECT coalesce(d ->> 'error', 'ok') FROM bastion_api.account_delete('correct horse') d} ],
    'step up' => [ 'by_bob', q{SELECT coalesce(s ->> 'error', 'ok') FROM bastion_api.step_up(NULL, '{"code": "{code}"}') s} ],
    'renew codes' => [ 'by_bob', q{SELECT coalesce(c ->> 'error', 'ok') FROM bastion_api.recovery_codes_renew() c} ],
    'remove factor' => [ 'by_bob', q{SELECT coalesce(f ->> 'error', 'ok') FROM bastion_api.factor_remove('{factor}') f} ],
    'drop factors' => [ undef, q{SELECT bastion.factors_remove('{bob}')} ],
    'delegate' => [ 'by_bob', q{SELECT coalesce(d ->> 'error', 'ok') FROM bastion_api.delegate('{ann}', '{files.read}') d} ],
    'end delegation' => [ 'by_bob', q{SELECT coalesce(d ->> 'error', 'ok') FROM bastion_api.delegation_revoke('{delegation}') d} ],
    # A logout that waited for the end of the session ends none.
    'log out' => [ 'by_bob', q{SELECT coalesce(l ->> 'error', CASE l ->> 'ended' WHEN '0' THEN 'invalid_token' ELSE 'ok' END) FROM bastion_api.logout() l} ],
    'recover' => [ undef, q{SELECT coalesce(r ->> 'error', 'ok') FROM bastion_api.account_recovery_finish('{recovery}') r} ],
    'cancel recovery' => [ undef, q{SELECT coalesce(r ->> 'error', 'ok') FROM bastion_api.account_recovery_cancel('{recovery}') r} ],
    'login on device' => [ undef, q{SELECT coalesce(l ->> 'error', 'ok') FROM bastion_api.login('cat{n}@races.example', 'correct horse', device_token => '{device}') l} ],
    'forget device' => [ 'by_cat', q{SELECT coalesce(d ->> 'error', 'ok') FROM bastion_api.device_revoke('{device_id}') d} ],
    'change password of cat' => [ 'by_cat', q{SELECT coalesce(c ->> 'error', 'ok') FROM bastion_api.password_change('correct horse', 'another horse') c} ],
    'set strong rule' => [ 'by_ann', q{SELECT 'ok' FROM bastion.step_up_rule_set('files.delete', 'aal2')} ],
    'set weak rule' => [ 'by_ann', q{SELECT 'ok' FROM bastion.step_up_rule_set('files.delete', 'aal1', '1 day')} ],
    'remove rule' => [ 'by_ann', q{SELECT 'ok' FROM bastion.step_up_rule_remove('files.delete')} ],
    'require factor' => [ 'by_ann', q{SELECT coalesce(s ->> 'error', 'ok') FROM bastion_api.tenant_settings_set('{"mfa": "required"}') s} ],
    'require no factor' => [ 'by_ann', q{SELECT coalesce(s ->> 'error', 'ok') FROM bastion_api.tenant_settings_set('{"mfa": "off"}') s} ],
    'ask for deletion' => [ 'by_ann', q{SELECT coalesce(d ->> 'error', 'ok') FROM bastion_api.tenant_delete('w{n}') d} ],
    'cancel deletion' => [ 'ann_elsewhere', q{SELECT coalesce(d ->> 'error', 'ok') FROM bastion_api.tenant_delete_cancel('w{n}') d} ],
    'convert' => [ 'by_guest', q{SELECT coalesce(c ->> 'error', 'ok') FROM bastion_api.account_convert(NULL, 'correct horse', 'guest{n}') c} ],
    'refresh of the guest' => [ undef, q{SELECT coalesce(l ->> 'error', 'ok') FROM bastion_api.refresh('{guest_refresh}') l} ],
    'disable the guest' => [ undef, q{UPDATE bastion.users SET status = 'disabled' WHERE id = '{guest}' RETURNING 'ok'} ],
    'use quota' => [ 'by_bob', q{SELECT bastion.quota_consume('races_uses') ->> 'granted'} ],
    'use quota once' => [ 'by_bob', q{SELECT bastion.quota_consume('races_uses', 1, 'one use') ->> 'granted'} ],
    'limit uses' => [ undef, q{SELECT 'ok' FROM bastion.limit_override_set('races_uses', 'total', 0, tenant => '{tenant}', reason => 'a test')} ],
    'add row' => [ 'by_bob', q{INSERT INTO counted (id) VALUES (2) RETURNING 'ok'} ],
    'delete row' => [ 'by_bob', q{DELETE FROM counted WHERE id = 1 RETURNING 'ok'} ],
    'limit rows' => [ undef, q{SELECT 'ok' FROM bastion.limit_override_set('races_rows', 'total', 1, tenant => '{tenant}', reason => 'a test')} ],
    'put setting' => [ 'by_ann', q{SELECT bastion.setting_put('races.key', '2')} ],
    'put unchanged setting' => [ 'by_ann', q{SELECT bastion.setting_put('races.key', '3', expected_version => 1)} ],
    'delete setting' => [ 'by_ann', q{SELECT 'ok' FROM bastion.setting_delete('races.key')} ],
    'set flag' => [ 'by_ann', q{SELECT bastion.flag_set('races_flag', '{"variants": {"one": 1, "two": 2, "three": 3}, "defaultVariant": "two"}')} ],
    'set unchanged flag' => [ 'by_ann', q{SELECT bastion.flag_set('races_flag', '{"variants": {"one": 1, "two": 2, "three": 3}, "defaultVariant": "three"}', expected_version => 1)} ],
    'delete flag' => [ 'by_ann', q{SELECT bastion.flag_delete('races_flag')} ],
    'login on remembered device' => [ undef, q{SELECT coalesce(l ->> 'error', 'ok') FROM bastion_api.login('dan{n}@races.example', 'correct horse', device_token => '{dan_device}') l} ],
    'forget remembered device' => [ undef, q{SELECT bastion_internal.devices_revoke('{dan}', '{dan_device_id}')} ],
    'remember no devices' => [ undef, q{UPDATE bastion.tenants SET mfa_remember = NULL WHERE id = '{dan_tenant}' RETURNING 'ok'} ],
    'drop factors of dan' => [ undef, q{SELECT bastion.factors_remove('{dan}')} ],
    'delete tenant' => [ undef, q{SELECT 'ok' FROM bastion.tenant_delete('{tenant}') LIMIT 1} ],
);
# The calls that touch the same rows.
my @groups = (
    [ 'login', 'refresh', 'disable', 'suspend', 'end sessions', 'remove member', 'change role', 'create key', 'delete tenant' ],
    [ 'change role', 'delete role', 'take permission', 'deny', 'remove member' ],
    [ 'rotate key', 'revoke key', 'disable key', 'disable', 'remove member', 'delete tenant' ],
    [ 'accept', 'take back', 'suspend', 'delete tenant' ],
    [ 'share', 'share more', 'unshare', 'remove member', 'delete tenant' ],
    [ 'seal', 'rotate', 'delete tenant' ],
    [ 'login', 'reset password', 'login link', 'confirm address', 'change password', 'delete account', 'disable' ],
    [ 'step up', 'renew codes', 'remove factor', 'drop factors', 'disable' ],
    [ 'confirm address', 'change password', 'end sessions' ],
    [ 'delegate', 'end delegation', 'log out', 'end sessions', 'remove member', 'disable' ],
    [ 'recover', 'cancel recovery', 'change password', 'step up', 'disable' ],
    [ 'login on device', 'forget device', 'change password of cat' ],
    [ 'set strong rule', 'set weak rule', 'remove rule' ],
    [ 'require factor', 'require no factor' ],
    [ 'ask for deletion', 'cancel deletion', 'suspend', 'delete tenant' ],
    [ 'convert', 'refresh of the guest', 'disable the guest' ],
    [ 'use quota', 'use quota once', 'limit uses' ],
    [ 'add row', 'delete row', 'limit rows' ],
    [ 'add row', 'delete row', 'delete tenant' ],
    [ 'limit uses', 'delete tenant' ],
    [ 'limit rows', 'delete tenant' ],
    [ 'put setting', 'put unchanged setting', 'delete setting', 'delete tenant' ],
    [ 'set flag', 'set unchanged flag', 'delete flag', 'delete tenant' ],
    [ 'login on remembered device', 'forget remembered device', 'remember no devices', 'drop factors of dan' ],
);
my %pairs;
foreach my $group (@groups) {
    foreach my $first (@$group) { $pairs{"$first, $_"} = [ $first, $_ ] foreach @$group }
}

# Both rotate the same key: two rotations at once are one.
my %as_one = ('rotate, rotate' => '1 | 0');

sub admin { return $server->safe_psql('postgres', $_[0]) }
# A refusal says where the caller was when it was refused, which depends on the time; an internal error or a deadlock is none.
sub outcome { return last_line($_[0]) =~ s/^(?:(?!XX|40)[0-9A-Z]{5}|unauthenticated|invalid_token|insufficient_scope|unknown_api_key|wrong_password|invalid_grant|invalid_link|invalid_request|insufficient_user_authentication)$/refused/r }
sub steps {
    my ($name, $world) = @_;
    my ($who, $call) = @{ $call{$name} };
    # A caller whose token is refused is nobody, and not the caller before.
    $call =~ s/\{(\w+)\}(?!\.)/exists $world->{$1} ? $world->{$1} : die "no column $1"/ge;
    return 'SELECT bastion.context_drop(); ' . (defined $who ? "SELECT try(\$\$SELECT bastion.authenticate('$world->{$who}')\$\$)" : 'SELECT 1') . '; SET LOCAL ROLE ' . (defined $who ? 'app' : 'NONE'), "SELECT try(\$call\$$call\$call\$)";
}

my @columns = split /, /, admin(q{SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'world'::regclass AND attnum > 0});
my ($one, $two) = map { $server->background_psql('postgres', on_error_stop => 0) } 1 .. 2;
$_->query_safe('SET client_min_messages = error') foreach $one, $two;
my ($pid) = $two->query('SELECT pg_backend_pid()') =~ /(\d+)/;
my $number = 0;
my %succeeds;
my $only = $ENV{RACES_ONLY} // '';
foreach my $name (grep { /(?:$only)/ } sort keys %pairs) {
    my ($first, $second) = @{ $pairs{$name} };
    my $n = ++$number;
    $_->{stderr} = '' foreach $one, $two;  # of calls that were refused
    my $has_dan = join(' ', $call{$first}[1], $call{$second}[1]) =~ /\{dan/ ? 'true' : 'false';
    $one->query_safe("SELECT make_world($n, $has_dan)");
    my %world;
    @world{@columns} = split /\|/, admin("SELECT * FROM world WHERE n = $n");
    my ($enter_first, $call_first) = steps($first, \%world);
    my ($enter_second, $call_second) = steps($second, \%world);
    my $facts = "RESET ROLE; SELECT facts($n)";

    my @in_turn = map {
        my ($a, $b) = $_ ? ("$enter_first; $call_first", "$enter_second; $call_second") : ("$enter_second; $call_second", "$enter_first; $call_first");
        $one->query('BEGIN');
        my @answers = (outcome($one->query($a)));
        $one->query('RESET ROLE');
        push @answers, outcome($one->query($b));
        my $left = outcome($one->query($facts));
        $one->query('ROLLBACK');
        join ' | ', ($_ ? @answers : reverse @answers), $left;
    } 1, 0;

    $one->query("BEGIN; $enter_first");
    $two->query("BEGIN; $enter_second");
    my @answers = (outcome($one->query($call_first)));
    $two->query_until(qr/calls/, "\\echo calls\n$call_second AS answer \\gset\n");
    $server->poll_query_until('postgres', "SELECT state = 'idle in transaction' OR wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $pid") or die 'it neither answers nor waits';
    $one->query('COMMIT');
    push @answers, outcome($two->query('\echo :answer'));
    $two->query('COMMIT');
    my $at_once = join ' | ', @answers, outcome($one->query("BEGIN; $facts; ROLLBACK") =~ s/\n?ROLLBACK$//r);
    $succeeds{$first} = 1 if $answers[0] =~ /^(?:ok|true|t|mfa_required|[1-9]\d*)$/;  # bob has a second factor
    push @in_turn, $as_one{$name} . ($in_turn[0] =~ s/^[^|]+ \| [^|]+(?= \|)//r) if defined $as_one{$name};
    ok($at_once =~ /login .*guest/ && (grep { $_ eq $at_once } @in_turn), $name) or diag("at once:  $at_once\nin turn:  $in_turn[0]\nreversed: $in_turn[1]");
}

# The role is in use, nothing is shared, and no deletion can be cancelled yet.
is_deeply([ sort keys %succeeds ], [ grep { !/^(?:delete role|unshare|cancel deletion)$/ } sort keys %call ], 'each call succeeds when it is the first') if $only eq '';
$_->quit foreach $one, $two;
$server->stop;
done_testing();

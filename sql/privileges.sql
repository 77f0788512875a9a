-- What an application role holds, against a written list.
\set VERBOSITY terse
SET client_min_messages = warning;

-- The written list. A function, table or privilege that is not here shows up as "more".
CREATE TABLE test.written (object text, privilege text);
INSERT INTO test.written
SELECT f, 'EXECUTE' FROM unnest(ARRAY[
    'bastion.audit_log(text,text,text,boolean,jsonb)', 'bastion.audit_history(regclass,jsonb,integer,timestamp with time zone,xid8,bigint)', 'bastion.audit_as_of(regclass,timestamp with time zone)', 'bastion.audit_picture(regclass,jsonb,integer)',
    'bastion.audit_json_lines(timestamp with time zone,timestamp with time zone)', 'bastion.audit_csv_lines(timestamp with time zone,timestamp with time zone)', 'bastion_internal.audited_name(regclass)', 'bastion_internal.audit_emptied(regclass,timestamp with time zone)', 'bastion_internal.audit_shown(jsonb)', 'bastion_internal.audit_time(timestamp with time zone)',
    'bastion_internal.audit_entry(bytea)',
    'bastion.library_version()', 'bastion.password_hash(text,text,jsonb)', 'bastion.password_verify(text,text)',
    'bastion.password_format(text)', 'bastion.password_needs_rehash(text)', 'bastion.jwt_sign(jsonb,jsonb,jsonb)', 'bastion.jwt_verify(text,jsonb,jsonb)',
    'bastion.jws_verify(text,jsonb,text[])', 'bastion.jwk_generate(text,text,integer)', 'bastion.jwk_public(jsonb)',
    'bastion.jwk_thumbprint(jsonb)',
    'bastion.jwks()', 'bastion.authenticate(text,text,text)', 'bastion.context_drop()', 'bastion.pre_request()', 'bastion.whoami()', 'bastion.plan_notes()',
    'bastion.user_id()', 'bastion.actor_id()', 'bastion.tenant_id()', 'bastion.tenant_number()', 'bastion.unit_id()',
    'bastion.session_id()', 'bastion.api_key_id()', 'bastion.auth_level()', 'bastion.auth_time()', 'bastion.claims()',
    'bastion.has_permission(text)', 'bastion.tenant_if_allowed(text)', 'bastion.tenant_number_if_allowed(text)',
    'bastion.permissions()', 'bastion.tenant_acl()', 'bastion.unit_acl()', 'bastion.own_acl()',
    'bastion.role_create(text,text)', 'bastion.role_delete(text)', 'bastion.role_permission_add(text,text)',
    'bastion.role_permission_remove(text,text)', 'bastion.role_parent_add(text,text)', 'bastion.role_parent_remove(text,text)',
    'bastion.membership_set(uuid,text,text,timestamp with time zone,timestamp with time zone)', 'bastion.membership_add(uuid,text,text,timestamp with time zone,timestamp with time zone)',
    'bastion.membership_set(text,text,text,timestamp with time zone,timestamp with time zone)', 'bastion.membership_add(text,text,text,timestamp with time zone,timestamp with time zone)', 'bastion.membership_remove(text,text,text)',
    'bastion.permission_grant(text,text,text,timestamp with time zone)', 'bastion.permission_deny(text,text,text,timestamp with time zone)',
    'bastion.permission_remove(text,text,text)', 'bastion.sessions_revoke(text)', 'bastion_internal.user_named(text)',
    'bastion.explain_member_access(text,text,regclass,text,text)', 'bastion.explain_member_access_text(text,text,regclass,text,text)',
    'bastion.membership_remove(uuid,text,text)', 'bastion.permission_grant(uuid,text,text,timestamp with time zone)',
    'bastion.permission_deny(uuid,text,text,timestamp with time zone)', 'bastion.permission_remove(uuid,text,text)',
    'bastion.unit_create(text,text,text,text)', 'bastion.unit_move(text,text)', 'bastion.unit_delete(text)',
    'bastion.share(regclass,text,uuid,uuid,uuid,uuid,text,timestamp with time zone)',
    'bastion.share(regclass,text,text,text,text,text,text,timestamp with time zone)',
    'bastion.unshare(regclass,text,text,text,text,text)', 'bastion_internal.share_subject_named(text,text)',
    'bastion.unshare(regclass,text,uuid,uuid,uuid,uuid)', 'bastion.shares_of(regclass,text)', 'bastion.row_transfer(regclass,text,text)',
    'bastion.explain_member_access(uuid,text,regclass,text,text)', 'bastion.explain_member_access_text(uuid,text,regclass,text,text)',
    'bastion_internal.access_picture(integer,integer,text,text,text,text,boolean)',
    'bastion.permission_matrix(text)', 'bastion.permission_matrix_text(text)',
    'bastion.acl_set(text)', 'bastion_internal.acl_set_unfolded(text)', 'bastion.acl_set_anywhere(text)',
    'bastion_internal.acl_set_anywhere_unfolded(text)', 'bastion.tenant_set(text)', 'bastion_internal.tenant_set_unfolded(text)',
    'bastion.can_by_acl(text,bigint)', 'bastion.can_by_acl_anywhere(text,bigint)', 'bastion.can_in_tenant(text,uuid)',
    'bastion.acl_in_tenant(text,bigint,text)', 'bastion.default_acl(text)', 'bastion.cache_stats()',
    'bastion.setting_text(text,text)', 'bastion.setting_integer(text,bigint)', 'bastion.setting_numeric(text,numeric)',
    'bastion.setting_boolean(text,boolean)', 'bastion.setting_json(text,jsonb)', 'bastion.setting_put(text,jsonb,text,integer,text,text)',
    'bastion.setting_seal(text,text,text,integer,text,text)', 'bastion.setting_rollback(text,integer,text,integer,text)', 'bastion.setting_update(text,text,text,jsonb,jsonb,boolean,integer,text)',
    'bastion.setting_version_delete(text,integer[],text,text)', 'bastion.setting_version_undelete(text,integer[],text,text)', 'bastion.setting_version_destroy(text,integer[],text,text)',
    'bastion.setting_delete(text,text,text)', 'bastion.setting_open(text)', 'bastion.setting_list(text,text)',
    'bastion.setting_version_list(text,text)', 'bastion.setting_history(text)', 'bastion.setting_request(text,text,jsonb,text,text,interval)',
    'bastion.setting_approve(uuid,text)', 'bastion.setting_reject(uuid,text)', 'bastion.setting_request_list(boolean)',
    'bastion.setting_export(text)', 'bastion.setting_import(jsonb,text)',
    'bastion.flag_boolean(text,boolean,jsonb)', 'bastion.flag_text(text,text,jsonb)', 'bastion.flag_numeric(text,numeric,jsonb)', 'bastion.flag_json(text,jsonb,jsonb)', 'bastion.flag_evaluate(text,jsonb,jsonb)',
    'bastion.flag_update(text,text,boolean,text)', 'bastion.flag_request(text,text,jsonb,text,text,interval)', 'bastion.flag_approve(uuid,text)', 'bastion.flag_reject(uuid,text)', 'bastion.flag_request_list(boolean)',
    'bastion.flag_cancel(text,integer,text)', 'bastion.flag_delete(text,text,text)', 'bastion.flag_disable(text,boolean,text,text)', 'bastion.flag_export(text)', 'bastion.flag_history(text,text)', 'bastion.flag_import(jsonb,text,text)', 'bastion.flag_list(text)', 'bastion.flag_rollback(text,integer,text,text)', 'bastion.flag_rollout(text,text,numeric,text[],text[],text,text)', 'bastion.flag_set(text,jsonb,text,integer,timestamp with time zone,text)',
    'bastion.rate_limit(text,text,integer)', 'bastion.rate_limit_state(text,text)', 'bastion.rate_limit_require(text,text,integer)', 'bastion.concurrency_limit(text,text)',
    'bastion.quota_consume(text,numeric,text)', 'bastion.quota_consume_many(jsonb,text)', 'bastion.quota_require(text,numeric,text)', 'bastion.quota_reserve(jsonb,text,interval)',
    'bastion.quota_settle(text,jsonb)', 'bastion.quota_cancel(text)', 'bastion.quota_usage(text)',
    'bastion.require_permission(text)', 'bastion.step_up_rule_set(text,text,interval)', 'bastion.step_up_rule_remove(text)',
    'bastion.session_settings_set(interval,interval,interval,interval)', 'bastion.session_revoke(uuid)',
    'bastion.sessions_revoke(uuid)',
    'bastion.invite(text,text,text,interval,timestamp with time zone)', 'bastion.invitation_revoke(uuid)', 'bastion_api.invitations()',
    'bastion_api.my_invitations()', 'bastion_api.invitation_accept(text)', 'bastion_api.invitation_accept(uuid)',
    'bastion_api.invitation_decline(uuid)', 'bastion_api.signup_invited(text,text,text,text,text)',
    'bastion_api.request_password_reset(text)', 'bastion_api.reset_password(text,text)', 'bastion_api.request_login_link(text)',
    'bastion_api.login_link(text,text,text,text)', 'bastion_api.request_login_code(text)', 'bastion_api.login_code(uuid,text,text,text,text)',
    'bastion_api.resend_verification(text)', 'bastion_api.verify_email(text,text,text)', 'bastion_api.email_change(text,text)',
    'bastion_api.email_change_confirm(text)', 'bastion_api.email_undo(text)', 'bastion_api.account_delete(text)',
    'bastion_api.account_delete_cancel(text)', 'bastion_api.invitation_decline_link(text)', 'bastion.invitation_resend(uuid)',
    'bastion_api.signup(text,text,text,text,text,text)', 'bastion_api.login(text,text,text,text,text,text)', 'bastion_api.login_mfa(text,uuid,jsonb,text,boolean)', 'bastion_api.login_tenant(text,text,text)',
    'bastion_api.token(text,text,text,text,text)', 'bastion_api.profile_update(jsonb)', 'bastion_api.password_change(text,text)', 'bastion_api.tenant_switch(text,text,text)',
    'bastion_api.devices()', 'bastion_api.device_rename(uuid,text)', 'bastion_api.device_revoke(uuid)', 'bastion_api.session_rename(uuid,text)', 'bastion_api.session_revoke(uuid)', 'bastion_api.tenants()', 'bastion_api.tenant_create(text)',
    'bastion_api.tenant_rename(text)', 'bastion_api.tenant_settings()', 'bastion_api.tenant_settings_set(jsonb)', 'bastion_api.tenant_leave()',
    'bastion_api.tenant_transfer(text,text)', 'bastion_api.members(text,text,uuid,integer)', 'bastion_api.member_set(text,text,text,timestamp with time zone,timestamp with time zone)', 'bastion_api.member_add(text,text,text,timestamp with time zone,timestamp with time zone)', 'bastion_api.member_remove(text,text,text)',
    'bastion_api.units(text,uuid,integer)', 'bastion_api.unit_create(text,text,text,text)', 'bastion_api.unit_rename(text,text)',
    'bastion_api.refresh(text)', 'bastion_api.logout(text)', 'bastion_api.sessions()', 'bastion_api.token_revoke(text)',
    'bastion.secret_put(text,text,text,text,text[],timestamp with time zone,boolean,jsonb,integer,text)', 'bastion.secret_put(text,bytea,text,text,text[],timestamp with time zone,boolean,jsonb,integer,text)', 'bastion.secret_put(text,jsonb,text,text,text[],timestamp with time zone,boolean,jsonb,integer,text)',
    'bastion.secret_get(text,text,integer,boolean,text)', 'bastion.secret_get(uuid,text,integer)', 'bastion.secret_get_bytea(text,text,integer,boolean,text)', 'bastion.secret_get_bytea(uuid,text,integer)',
    'bastion.secret_get_jsonb(text,text,integer,boolean,text)', 'bastion.secret_get_jsonb(uuid,text,integer)', 'bastion.secret_list()', 'bastion.secret_version_list(text,boolean,text)', 'bastion_internal.secret_resource(text)', 'bastion_internal.openable_secrets()',
    'bastion.secret_update(text,boolean,timestamp with time zone,text[],boolean,text,text,text,jsonb,integer,interval,interval)', 'bastion.secret_rename(text,text,boolean,text)',
    'bastion.secret_delete(text,boolean,text)', 'bastion.secret_delete(uuid)', 'bastion.secret_version_delete(text,integer,boolean,text)',
    'bastion.secret_version_undelete(text,integer,boolean,text)', 'bastion.secret_version_destroy(text,integer,boolean,text)',
    'bastion.key_create(text,text,text,interval,boolean,integer)', 'bastion.key_rotate(text)', 'bastion.key_update(text,interval,integer,boolean)',
    'bastion.key_delete(text)', 'bastion.key_list()', 'bastion.key_sign(text,bytea)',
    'bastion.key_verify(text,bytea,text)', 'bastion.key_mac(text,bytea)', 'bastion.key_mac_verify(text,bytea,text)',
    'bastion.key_public(text)', 'bastion.wrapped_key_create(text,text,integer)', 'bastion.wrapped_key_open(text,text,text)',
    'bastion.key_export(text,text,integer)', 'bastion.key_import(text,text,bytea,text,text,boolean)', 'bastion.random_bytes(integer)',
    'bastion_internal.sealed_in(cstring)', 'bastion_internal.sealed_out(bastion.sealed)', 'bastion_internal.sealed_recv(internal)',
    'bastion_internal.sealed_lt(bastion.sealed,bastion.sealed)', 'bastion_internal.sealed_le(bastion.sealed,bastion.sealed)', 'bastion_internal.sealed_eq(bastion.sealed,bastion.sealed)',
    'bastion_internal.sealed_ge(bastion.sealed,bastion.sealed)', 'bastion_internal.sealed_gt(bastion.sealed,bastion.sealed)', 'bastion_internal.sealed_ne(bastion.sealed,bastion.sealed)',
    'bastion_internal.sealed_cmp(bastion.sealed,bastion.sealed)', 'bastion_internal.sealed_hash(bastion.sealed)', 'bastion_internal.sealed_hash_extended(bastion.sealed,bigint)',
    'bastion_internal.sealed_send(bastion.sealed)', 'bastion.sealed(bytea)', 'bastion.is_sealed(bytea)', 'bastion.seal(text,text,text)',
    'bastion.seal(bytea,text,text)', 'bastion.open_text(bastion.sealed,text)', 'bastion.open_bytea(bastion.sealed,text)',
    'bastion.rewrap(bastion.sealed,text)', 'bastion.blind_index(text,text)', 'bastion.blind_index(bytea,text)',
    'bastion_api.api_key_create(text,text[],timestamp with time zone,text[],text,jsonb)', 'bastion_api.api_keys()',
    'bastion_api.api_key_rotate(uuid,interval)', 'bastion_api.api_key_revoke(uuid)',
    'bastion_api.api_key_disable(uuid,boolean)', 'bastion.client_address()', 'bastion.delegation_id()', 'bastion.actors()',
    'bastion_api.delegate(text,text[],text,interval,boolean)', 'bastion_api.delegations()', 'bastion_api.delegation_revoke(uuid)',
    'bastion_api.passkey_add(text)', 'bastion_api.passkey_confirm(text,jsonb,text)', 'bastion_api.passkey_options(text)', 'bastion_api.passkey_login_options(text)', 'bastion_api.passkey_login(text,jsonb,text,text,text,text)',
    'bastion_api.id_token_options(text)', 'bastion_api.login_id_token(text,text,text,text,text)', 'bastion_api.identity_link(text)', 'bastion_api.identity_links()', 'bastion_api.identity_unlink(text,text)',
    'bastion_api.totp_add(text)', 'bastion_api.totp_confirm(uuid,text)', 'bastion_api.factors()', 'bastion_api.factor_rename(uuid,text)',
    'bastion_api.factor_remove(uuid)', 'bastion_api.recovery_codes_renew()', 'bastion_api.step_up(uuid,jsonb)',
    'bastion_api.step_up_rules()', 'bastion_api.account_recovery_start(text)', 'bastion_api.account_recovery_finish(text)', 'bastion_api.account_recovery_cancel(text)', 'bastion_api.tenant_delete(text)', 'bastion_api.tenant_delete_cancel(text)', 'bastion_api.unit_delete(text)', 'bastion_api.signup_anonymous(text,text,text)', 'bastion_api.account_convert(text,text,text,text)',
    'bastion_api.me()', 'bastion_api.schema()']) f;
INSERT INTO test.written
SELECT t, 'SELECT' FROM unnest(ARRAY['bastion.tenants', 'bastion.units', 'bastion.unit_parents',
    'bastion.unit_closure', 'bastion.users', 'bastion.memberships', 'bastion.user_permissions', 'bastion.roles',
    'bastion.role_parents', 'bastion.permissions', 'bastion.role_permissions', 'bastion.secrets', 'bastion.opened_secrets',
    'bastion.secret_access_log', 'bastion.step_up_rules', 'bastion.audit_rows', 'bastion.audit']) t;
INSERT INTO test.written VALUES ('bastion', 'USAGE'), ('bastion_api', 'USAGE');

CREATE VIEW test.own_schemas AS SELECT oid, nspname FROM pg_namespace WHERE nspname IN ('bastion', 'bastion_api', 'bastion_internal', 'bastion_test');
CREATE FUNCTION test.held(role regrole) RETURNS SETOF test.written LANGUAGE sql
AS $$
    SELECT p.oid::regprocedure::text, 'EXECUTE' FROM pg_proc p JOIN test.own_schemas n ON n.oid = p.pronamespace
    WHERE has_function_privilege(role, p.oid, 'EXECUTE')
    UNION ALL
    SELECT c.oid::regclass::text, x.privilege FROM pg_class c JOIN test.own_schemas n ON n.oid = c.relnamespace,
           unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) x (privilege)
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND
          (has_table_privilege(role, c.oid, x.privilege)
           OR x.privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege(role, c.oid, x.privilege))
    UNION ALL
    SELECT c.oid::regclass::text, x.privilege FROM pg_class c JOIN test.own_schemas n ON n.oid = c.relnamespace,
           unnest(ARRAY['SELECT', 'UPDATE', 'USAGE']) x (privilege)
    WHERE c.relkind = 'S' AND has_sequence_privilege(role, c.oid, x.privilege)
    UNION ALL
    SELECT n.nspname, x.privilege FROM test.own_schemas n, unnest(ARRAY['USAGE', 'CREATE']) x (privilege)
    WHERE has_schema_privilege(role, n.oid, x.privilege)
$$;
CREATE FUNCTION test.differences(role regrole) RETURNS TABLE (difference text, object text, privilege text) LANGUAGE sql
AS $$
    SELECT 'more', h.* FROM (SELECT * FROM test.held(role) EXCEPT SELECT * FROM test.written) h
    UNION ALL
    SELECT 'less', w.* FROM (SELECT * FROM test.written EXCEPT SELECT * FROM test.held(role)) w
    ORDER BY 1, 2, 3
$$;
SELECT * FROM test.differences('regress_app');
-- again changes nothing; a stranger holds nothing
SELECT bastion.allow_app_role('regress_app');
SELECT * FROM test.differences('regress_app');
SELECT * FROM test.held('regress_stranger');
-- the check bites
BEGIN;
GRANT UPDATE (name) ON bastion.tenants TO regress_app;
GRANT EXECUTE ON FUNCTION bastion_internal.token_sign(jsonb) TO PUBLIC;
REVOKE SELECT ON bastion.users FROM regress_app;
SELECT * FROM test.differences('regress_app');
ROLLBACK;
-- taken back, with an odd name
CREATE ROLE "regress ""odd"" App";
SELECT bastion.allow_app_role('"regress ""odd"" App"');
SELECT * FROM test.differences('"regress ""odd"" App"');
SELECT bastion.disallow_app_role('"regress ""odd"" App"');
SELECT * FROM test.held('"regress ""odd"" App"');
DROP ROLE "regress ""odd"" App";
-- refused
CREATE ROLE regress_bypass BYPASSRLS;
SELECT test.error($$SELECT bastion.allow_app_role('regress_bypass')$$);
SELECT test.error('SELECT bastion.allow_app_role(current_user::regrole)') ~ '^22023 ';
SELECT test.error('SELECT bastion.allow_app_role(0)'), test.error('SELECT bastion.allow_app_role(NULL)'),
       test.error('SELECT bastion.disallow_app_role(4294967295)');
DROP ROLE regress_bypass;
SET ROLE regress_app;
SELECT test.error($$SELECT bastion.allow_app_role('regress_stranger')$$);
RESET ROLE;

DROP FUNCTION test.differences, test.held;
DROP VIEW test.own_schemas;
DROP TABLE test.written;

-- A member of pg_read_all_data, whom no privilege binds, reads no secret either.
CREATE ROLE regress_reader IN ROLE pg_read_all_data;
SET ROLE regress_reader;
SELECT (SELECT count(*) FROM bastion.user_passwords) AS passwords, (SELECT count(*) FROM bastion.data_keys) AS data_keys,
       (SELECT count(*) FROM bastion.signing_keys) AS signing_keys, (SELECT count(*) FROM bastion.events) AS events;
RESET ROLE;
DROP ROLE regress_reader;

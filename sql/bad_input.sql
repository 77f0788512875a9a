-- What every public function makes of bad input: each argument in turn takes each bad value of its type while the others
-- are good. An error shows its SQLSTATE; a result is NULL, false, or {"error": …} as documented. No message may hold what
-- was passed, and no table may change except where the last column says so. In a database of its own, because sequences
-- do not roll back.
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT current_database() AS previous \gset
CREATE DATABASE regress_bad_input TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
\c regress_bad_input
SET client_min_messages = error;
SET bastion.outbox = on;
SET max_parallel_workers_per_gather = 0; -- later versions would start workers for many small statements
CREATE EXTENSION pg_bastion;
SELECT bastion.allow_app_role('regress_app');
CREATE SCHEMA test;
GRANT USAGE ON SCHEMA test TO regress_app;
-- what the planner and the types of the extension call for an application is called by it here, too
GRANT USAGE ON SCHEMA bastion_internal TO regress_app;
CREATE TABLE test.documents (id int PRIMARY KEY, tenant_id uuid, owner_id uuid);
CREATE TABLE test.sealed_documents (id int, value bastion.sealed);
CREATE VIEW test.documents_view AS SELECT * FROM test.documents;
CREATE MATERIALIZED VIEW test.documents_matview AS SELECT * FROM test.documents;
CREATE SEQUENCE test.numbers;
CREATE TABLE test.facts (name text, value text);
GRANT SELECT ON test.facts TO regress_app;
INSERT INTO test.facts
SELECT x.name, x.value
FROM bastion_api.signup('good@bad.example', 'correct horse', 'Good', 'Good', 'good') answer,
     LATERAL (VALUES ('token', answer ->> 'access_token'), ('refresh_token', answer ->> 'refresh_token'), ('user', answer -> 'user' ->> 'id'),
                     ('tenant', answer -> 'tenant' ->> 'id')) x (name, value);
SELECT bastion.issuer_add('https://idp.bad.example', '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}', '{a}', '{EdDSA}');
CREATE FUNCTION test.fact(name text) RETURNS text LANGUAGE sql STABLE
AS $$ SELECT value FROM test.facts f WHERE f.name = fact.name $$;
SELECT bastion.rate_limit_set('good_limit', 'route', 1000000, 1000000000);
SELECT bastion.meter_set('good_meter', 'cost', 2), bastion.meter_set('good_gauge', 'gauge');
SELECT bastion.flag_set_for(NULL, 'good_flag', '{"variants": {"on": true, "off": false}, "defaultVariant": "off"}');
SELECT bastion.resource_register('smtp', '{open}');
SELECT bastion.setting_put_for('good', 'a.b', '"x"'), bastion.setting_put_for('good', 'a.c', '1', category => 'words'), bastion.setting_seal_for('good', 'a.sealed', 'attack at dawn');
INSERT INTO test.facts SELECT 'sealed', bastion.seal_for(test.fact('tenant')::uuid, 'attack at dawn', 'smtp', '1');
INSERT INTO test.facts SELECT 'sealed elsewhere', bastion.seal_for(test.fact('tenant')::uuid, 'attack at dawn', 'smtp', '2');
INSERT INTO test.facts SELECT 'sealed for the house', bastion.seal_for(NULL, 'attack at dawn', 'house');
CREATE FUNCTION test.sealed() RETURNS bastion.sealed LANGUAGE sql STABLE AS $$ SELECT test.fact('sealed')::bastion.sealed $$;
SELECT bastion.resource_register('bills', '{sign,verify,mac,wrap,unwrap}');
SELECT count(bastion.key_create_for(test.fact('tenant'), k.name, k.algorithm, k.purpose, exportable => k.purpose IS NOT NULL)) AS keys
FROM (VALUES ('pen', 'EdDSA', 'bills'), ('stamp', 'HS256', 'bills'), ('box', 'XAES-256-GCM', 'bills'), ('transport', 'RSA-OAEP-256', NULL)) k (name, algorithm, purpose);
CREATE FUNCTION test.key_place(name text) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
AS $$ SELECT k.id || '/1' FROM bastion.application_keys k WHERE k.tenant_id = test.fact('tenant')::uuid AND k.name = key_place.name $$;
CREATE FUNCTION test.key_value(name text) RETURNS bastion.sealed LANGUAGE sql STABLE SECURITY DEFINER
AS $$ SELECT v.value FROM bastion.application_key_versions v WHERE v.key_id || '/' || v.version = test.key_place(name) $$;
INSERT INTO test.facts
SELECT v.* FROM (SELECT test.fact('tenant')) t (tenant), bastion.key_public_for(tenant, 'transport') p, bastion.wrapped_key_create_for(tenant, 'box', 'row 7') w,
       LATERAL (VALUES ('of pen', bastion.key_sign_for(tenant, 'pen', 'x')), ('of stamp', bastion.key_mac_for(tenant, 'stamp', 'x')), ('of box', w.wrapped), ('transport', p.pem),
                       ('exported', bastion_internal.application_key_export(tenant::uuid, test.key_place('pen'), 'EdDSA', test.key_value('pen'), p.pem)::text)) v;
-- Put together at run time, so that no statement text holds it.
CREATE FUNCTION test.marker() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'secret' || 'marker' $$;

-- The lists and what reads them are not echoed.
\set ECHO none
-- A good value for each argument. Below, a function that is missing here is an error.
CREATE TABLE test.functions (name regprocedure PRIMARY KEY, arguments text[] NOT NULL);
INSERT INTO test.functions
SELECT name, '{}' FROM unnest(ARRAY['bastion.library_version()', 'bastion.status()', 'bastion_internal.password_files()', 'bastion_internal.library_status()', 'bastion.whoami()', 'bastion.plan_notes()', 'bastion.search_operators()', 'bastion_internal.built_in_search_operators()', 'bastion.user_id()',
    'bastion.actor_id()', 'bastion.tenant_id()', 'bastion.tenant_number()', 'bastion.unit_id()', 'bastion.session_id()',
    'bastion.api_key_id()', 'bastion.delegation_id()', 'bastion.actors()', 'bastion_api.delegations()', 'bastion_internal.credential_unit()', 'bastion_internal.auth_phishing_resistant_at()', 'bastion_internal.auth_remembered_at()', 'bastion.auth_level()', 'bastion.auth_time()', 'bastion.claims()', 'bastion.permissions()', 'bastion.context_drop()',
    'bastion.jwks()', 'bastion.tenant_acl()', 'bastion.unit_acl()', 'bastion.own_acl()', 'bastion_internal.request_user_agent()', 'bastion.root_key_id()', 'bastion_api.me()', 'bastion_api.schema()',
    'bastion_internal.context_reopen()', 'bastion.install_supabase_auth()', 'bastion.audit_seal()', 'bastion.audit_key_rotate()', 'bastion_internal.audit_seal_begin()', 'bastion_internal.audit_place()', 'bastion_internal.audit_eras()', 'bastion_internal.audit_eras_unsealed()', 'bastion_internal.audit_seal_problems()', 'bastion_internal.lint_sealing()', 'bastion_internal.audit_partitions()', 'bastion_internal.audit_partition_problems()', 'bastion_internal.audit_last_log()', 'bastion.events_pruned()', 'bastion.lint_summary()', 'bastion.metrics()', 'bastion.stats_reset()', 'bastion_internal.counters()', 'bastion_internal.statistics_mode()', 'bastion_internal.event_queue_counts()',
    'bastion.cache_stats()', 'bastion.secret_list()', 'bastion.secrets_due()', 'bastion.data_keys_due()', 'bastion.secrets_remind()', 'bastion.secrets_prune()', 'bastion.key_list()', 'bastion.key_usage()', 'bastion.sealed_problems()', 'bastion.key_status()',
    'bastion.records_bind()', 'bastion.root_key_rotate()', 'bastion.root_key_check()', 'bastion_internal.root_key_ids()', 'bastion_internal.invalidate()', 'bastion_internal.keep_acl()', 'bastion_internal.fill_acl()', 'bastion_internal.move_acl()', 'bastion_internal.count_rows()', 'bastion_internal.audit_change()', 'bastion_internal.audit_ddl()', 'bastion.audit_drift()', 'bastion_internal.keep_columns()', 'bastion_internal.guard_foreign_code()', 'bastion_internal.refresh_token_make()', 'bastion.outbox_clear()', 'bastion.outbox_counts()', 'bastion.users_purge()', 'bastion.tenants_purge()', 'bastion_internal.request_languages()', 'bastion_api.sessions()', 'bastion_api.devices()', 'bastion_api.invitations()', 'bastion.keys_discard()', 'bastion_api.api_keys()', 'bastion.client_address()', 'bastion.pre_request()',
    'bastion_internal.invitation_token_make()']::regprocedure[]) name;
INSERT INTO test.functions VALUES
    ('bastion.password_hash(text,text,jsonb)', ARRAY['''correct horse''', '''bcrypt''', '''{"cost": 4}''']),
    ('bastion.password_verify(text,text)',
     ARRAY['''U*U''', '''$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW''']),
    ('bastion_internal.password_length(text,boolean)', ARRAY['''correct horse''', 'true']),
    ('bastion_internal.password_check(text,text)',
     ARRAY['''U*U''', '''$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW''']),
    ('bastion_internal.password_flaw(text,text,integer,boolean)', ARRAY['''correct horse''', '''good@bad.example''', '8', 'false']),
    ('bastion.import_users(jsonb,boolean)', ARRAY['''[]''', 'true']), ('bastion.import_users_from(regclass,boolean)', ARRAY['''test.documents''::regclass', 'true']),
    ('bastion.import_secrets(jsonb,boolean)', ARRAY['''[]''', 'true']), ('bastion.import_secrets_from(regclass,boolean)', ARRAY['''test.documents''::regclass', 'true']),
    ('bastion.import_api_keys(jsonb,boolean)', ARRAY['''[]''', 'true']), ('bastion.import_api_keys_from(regclass,boolean)', ARRAY['''test.documents''::regclass', 'true']),
    ('bastion.user_password_set(text,text)', ARRAY['''good@bad.example''', '''correct horse''']),
    ('bastion.password_format(text)', ARRAY['''$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW''']),
    ('bastion.password_needs_rehash(text)', ARRAY['''$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW''']),
    ('bastion.jwt_sign(jsonb,jsonb,jsonb)', ARRAY['''{"sub": "x"}''', 'test.key()', '''{}''']),
    ('bastion.jwt_verify(text,jsonb,jsonb)',
     ARRAY['bastion.jwt_sign(''{"sub": "x"}'', test.key())', 'test.key()', '''{"allow_missing_exp": true}''']),
    ('bastion.jws_verify(text,jsonb,text[])',
     ARRAY['bastion.jwt_sign(''{"sub": "x"}'', test.key())', 'test.key()', '''{HS256}''']),
    ('bastion.jwk_generate(text,text,integer)', ARRAY['''ES256''', '''k1''', 'NULL']),
    ('bastion.jwk_public(jsonb)',
     ARRAY['''{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"e1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}''']),
    ('bastion.jwk_thumbprint(jsonb)',
     ARRAY['''{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"e1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}''']),
    ('bastion_internal.issuer_key_set(jsonb)',
     ARRAY['''{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"e1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}''']),
    ('bastion_internal.issuer_check(text,jsonb,jsonb,jsonb,jsonb)',
     ARRAY['''i''', '''{"kty":"OKP","crv":"Ed25519","kid":"e1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}''', '''{"aud": "a", "algorithms": ["EdDSA"]}''', '''{}''', '''{}''']),
    ('bastion.issuer_add(text,jsonb,text[],text[],integer,integer,jsonb,text,jsonb,boolean)',
     ARRAY['''i2''', '''{"kty":"OKP","crv":"Ed25519","kid":"e1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}''', '''{a}''', '''{EdDSA}''', '60', '600', '''{}''', '''JWT''', '''{}''', 'false']),
    ('bastion.issuer_keys_set(text,jsonb)', ARRAY['''https://idp.bad.example''', '''{"kty":"OKP","crv":"Ed25519","kid":"e1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}''']),
    ('bastion.issuer_login_set(text,text[],text[],text[])', ARRAY['''https://idp.bad.example''', '''{web}''', '''{bad.example}''', '''{mfa}''']),
    ('bastion.issuer_disable(text,boolean)', ARRAY['''https://idp.bad.example''', 'true']),
    ('bastion.issuer_remove(text)', ARRAY['''https://idp.bad.example''']),
    ('bastion.identity_add(text,text,uuid)', ARRAY['''https://idp.bad.example''', '''subject''', 'test.fact(''user'')::uuid']),
    ('bastion.identity_add(text,text,text)', ARRAY['''https://idp.bad.example''', '''subject''', 'test.fact(''user'')']),
    ('bastion.identity_remove(text,text)', ARRAY['''https://idp.bad.example''', '''subject''']),
    ('bastion.signing_key_rotate(boolean,text)', ARRAY['false', '''EdDSA''']),
    ('bastion.authenticate(text,text,text)', ARRAY['test.fact(''token'')', '''good''', '''default''']),
    ('bastion_internal.context_impersonate(uuid,uuid,boolean)', ARRAY['test.fact(''user'')::uuid', 'test.fact(''tenant'')::uuid', 'false']),
    ('bastion.token_issue(uuid,uuid,uuid)', ARRAY['test.fact(''user'')::uuid', 'test.fact(''tenant'')::uuid', 'NULL']),
    ('bastion_internal.user_named(text)', ARRAY['test.fact(''user'')']),
    ('bastion_internal.any_user_named(text)', ARRAY['test.fact(''user'')']),
    ('bastion.impersonate(text,text,text,boolean)',
     ARRAY['test.fact(''user'')', 'test.fact(''tenant'')', '''support''', 'false']),
    ('bastion.has_permission(text)', ARRAY['''documents.read''']),
    ('bastion.tenant_if_allowed(text)', ARRAY['''documents.read''']),
    ('bastion.tenant_number_if_allowed(text)', ARRAY['''documents.read''']),
    ('bastion.acl_set(text)', ARRAY['''documents.read''']),
    ('bastion_internal.acl_set_unfolded(text)', ARRAY['''documents.read''']),
    ('bastion.acl_set_anywhere(text)', ARRAY['''documents.read''']),
    ('bastion_internal.acl_set_anywhere_unfolded(text)', ARRAY['''documents.read''']),
    ('bastion.tenant_set(text)', ARRAY['''documents.read''']),
    ('bastion_internal.tenant_set_unfolded(text)', ARRAY['''documents.read''']),
    ('bastion.can_by_acl(text,bigint)', ARRAY['''documents.read''', '1']),
    ('bastion.can_by_acl_anywhere(text,bigint)', ARRAY['''documents.read''', '1']),
    ('bastion.acl_in_tenant(text,bigint,text)', ARRAY['''documents.read''', '1', 'test.fact(''tenant'')']),
    ('bastion.can_in_tenant(text,uuid)', ARRAY['''documents.read''', 'test.fact(''tenant'')::uuid']),
    ('bastion.default_acl(text)', ARRAY['''tenant''']),
    ('bastion_internal.setting(text)', ARRAY['''bastion.issuer''']),
    ('bastion_internal.secret_call(text)', ARRAY['''SELECT bastion.seal(1, 2)''']),
    ('bastion_internal.setting_accepts(text,text)', ARRAY['''bastion.issuer''', '''x''']),
    ('bastion.is_email(text)', ARRAY['''a@b''']),
    ('bastion.is_username(text)', ARRAY['''ab''']),
    ('bastion_internal.is_label(text)', ARRAY['''A b''']), ('bastion_internal.is_name(text)', ARRAY['''A b''']),
    ('bastion.is_slug(text)', ARRAY['''a-b''']),
    ('bastion_internal.is_resource(text)', ARRAY['''a.b''']),
    ('bastion_internal.is_reserved_resource(text)', ARRAY['''tenant.x''']),
    ('bastion_internal.is_word(text)', ARRAY['''a''']),
    ('bastion.is_permission_pattern(text)', ARRAY['''a.*''']),
    ('bastion_internal.uuid_or_null(text)', ARRAY['''00000000-0000-0000-0000-000000000000''']),
    ('bastion_api.signup(text,text,text,text,text,text)',
     ARRAY['''new@bad.example''', '''correct horse''', '''New''', '''New''', '''new''', '''laptop''']),
    ('bastion_api.step_up_rules()', '{}'),
    ('bastion_api.account_recovery_start(text)', ARRAY['''bst_ch_x''']), ('bastion_api.account_recovery_finish(text)', ARRAY['''bst_ot_00000000000000000000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA''']), ('bastion_api.account_recovery_cancel(text)', ARRAY['''bst_ot_00000000000000000000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA''']),
    ('bastion_api.tenant_delete(text)', ARRAY['''good''']), ('bastion_api.tenant_delete_cancel(text)', ARRAY['''good''']), ('bastion_api.unit_delete(text)', ARRAY['''north''']),
    ('bastion_api.signup_anonymous(text,text,text)', ARRAY['''New''', '''New''', '''laptop''']), ('bastion_api.account_convert(text,text,text,text)', ARRAY['''new@bad.example''', '''correct horse''', '''new''', '''laptop''']),
    ('bastion.invite(text,text,text,interval,timestamp with time zone)', ARRAY['''guest@bad.example''', '''viewer''', '''default''', '''1 day''', 'NULL']),
    ('bastion.invitation_revoke(uuid)', ARRAY['gen_random_uuid()']),
    ('bastion_api.my_invitations()', '{}'),
    ('bastion_api.invitation_accept(text)', ARRAY['''bsi_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA''']),
    ('bastion_api.invitation_accept(uuid)', ARRAY['test.fact(''user'')::uuid']),
    ('bastion_api.invitation_decline(uuid)', ARRAY['test.fact(''user'')::uuid']),
    ('bastion_api.signup_invited(text,text,text,text,text)',
     ARRAY['''bsi_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA''', '''correct horse''', '''New''', '''new''', '''laptop''']),
    ('bastion_api.request_password_reset(text)', ARRAY['''good@bad.example''']),
    ('bastion_api.request_login_link(text)', ARRAY['''good@bad.example''']),
    ('bastion_api.request_login_code(text)', ARRAY['''good@bad.example''']),
    ('bastion_api.resend_verification(text)', ARRAY['''good@bad.example''']),
    ('bastion_api.reset_password(text,text)', ARRAY['''bst_ot_00000000000000000000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA''', '''correct horse''']),
    ('bastion_api.login_link(text,text,text,text)', ARRAY['''bst_ot_00000000000000000000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA''', '''good''', '''default''', '''laptop''']),
    ('bastion_api.login_code(uuid,text,text,text,text)', ARRAY['gen_random_uuid()', '''123456''', '''good''', '''default''', '''laptop''']),
    ('bastion_api.verify_email(text,text,text)', ARRAY['''bst_ot_00000000000000000000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA''', '''correct horse''', '''laptop''']),
    ('bastion_api.email_change(text,text)', ARRAY['''other@bad.example''', '''correct horse''']),
    ('bastion_api.email_change_confirm(text)', ARRAY['''bst_ot_00000000000000000000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA''']),
    ('bastion_api.email_undo(text)', ARRAY['''bst_ot_00000000000000000000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA''']),
    ('bastion_api.account_delete(text)', ARRAY['''incorrect horse''']),
    ('bastion_api.account_delete_cancel(text)', ARRAY['''bst_ot_00000000000000000000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA''']),
    ('bastion_api.invitation_decline_link(text)', ARRAY['''bst_ot_00000000000000000000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA''']),
    ('bastion.invitation_resend(uuid)', ARRAY['gen_random_uuid()']),
    ('bastion_internal.one_time_id(text)', ARRAY['''bst_ot_00000000000000000000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA''']),
    ('bastion_internal.one_time_derive(uuid,text,uuid,text,integer,timestamptz,integer,boolean)', ARRAY['gen_random_uuid()', '''code''', 'gen_random_uuid()', '''good@bad.example''', '1', '''infinity''', 'bastion_internal.pepper(''one_time'')', 'true']),
    ('bastion_internal.one_time_matches(text,uuid,text,uuid,text,integer,timestamptz,integer,boolean)', ARRAY['''123456''', 'gen_random_uuid()', '''code''', 'gen_random_uuid()', '''good@bad.example''', '1', '''infinity''', 'bastion_internal.pepper(''one_time'')', 'true']),
    ('bastion.outbox_claim(text,integer,interval)', ARRAY['''sender''', '1', '''1 minute''']),
    ('bastion.outbox_done(bigint,text)', ARRAY['1', '''sender''']),
    ('bastion.outbox_retry(bigint,text,text)', ARRAY['1', '''sender''', '''no''']),
    ('bastion.outbox_revive(bigint)', ARRAY['1']),
    ('bastion.outbox_prune(interval)', ARRAY['''1 year''']),
    ('bastion_internal.invitation_token_hash(text)', ARRAY['''bsi_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA''']),
    ('bastion_api.login(text,text,text,text,text,text)',
     ARRAY['''good@bad.example''', '''correct horse''', '''good''', '''default''', '''laptop''', '''bst_dv_00000000000000000000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA''']),
    ('bastion_api.login_mfa(text,uuid,jsonb,text,boolean)', ARRAY['''bst_ch_x''', 'gen_random_uuid()', '''{"code": "123456"}''', '''''', 'true']),
    ('bastion_api.login_tenant(text,text,text)', ARRAY['''bst_ch_x''', '''good''', '''x''']),
    ('bastion_internal.challenge_make(text,jsonb,text,integer,integer)', ARRAY['''tenant''', '''{}''', '''state''', '300', 'bastion_internal.pepper(''challenge'')']),
    ('bastion_internal.challenge_open(text,text)', ARRAY['''bst_ch_x''', '''tenant''']), ('bastion_internal.challenge_is_of_state(text,text)', ARRAY['''bst_ch_x''', '''state''']),
    ('bastion_internal.challenge_hash(text)', ARRAY['''bst_ch_x''']), ('bastion_internal.password_hash_if_free(text)', ARRAY['''correct horse''']),
    ('bastion_api.token(text,text,text,text,text)', ARRAY['''password''', '''good@bad.example''', '''correct horse''', '''x''', '''tenant:good''']),
    ('bastion_api.profile_update(jsonb)', ARRAY['''{"display_name": "Good"}''']),
    ('bastion_api.password_change(text,text)', ARRAY['''correct horse''', '''correct horses''']),
    ('bastion_api.tenant_switch(text,text,text)', ARRAY['test.fact(''refresh_token'')', '''good''', '''default''']),
    ('bastion_api.device_rename(uuid,text)', ARRAY['gen_random_uuid()', '''laptop''']), ('bastion_api.device_revoke(uuid)', ARRAY['gen_random_uuid()']),
    ('bastion_api.session_rename(uuid,text)', ARRAY['bastion.session_id()', '''laptop''']), ('bastion_api.session_revoke(uuid)', ARRAY['bastion.session_id()']),
    ('bastion_api.tenants()', '{}'), ('bastion_api.tenant_create(text)', ARRAY['''Another''']), ('bastion_api.tenant_rename(text)', ARRAY['''Another''']), ('bastion_api.tenant_settings()', '{}'),
    ('bastion_api.tenant_settings_set(jsonb)', ARRAY['''{"idle_limit": 3600}''']), ('bastion_api.tenant_leave()', '{}'), ('bastion_api.tenant_transfer(text,text)', ARRAY['test.fact(''user'')', '''admin''']),
    ('bastion_api.members(text,text,uuid,integer)', ARRAY['''good''', '''default''', 'NULL', '10']),
    ('bastion_api.member_set(text,text,text,timestamptz,timestamptz)', ARRAY['test.fact(''user'')', '''viewer''', '''default''', 'NULL', '''infinity''']), ('bastion_api.member_add(text,text,text,timestamptz,timestamptz)', ARRAY['test.fact(''user'')', '''viewer''', '''default''', 'NULL', '''infinity''']), ('bastion_api.member_remove(text,text,text)', ARRAY['test.fact(''user'')', '''default''', '''viewer''']),
    ('bastion_api.units(text,uuid,integer)', ARRAY['''team''', 'NULL', '10']), ('bastion_api.unit_create(text,text,text,text)', ARRAY['''team''', '''South''', '''south''', '''default''']), ('bastion_api.unit_rename(text,text)', ARRAY['''default''', '''South''']),
    ('bastion_api.refresh(text)', ARRAY['test.fact(''refresh_token'')']),
    ('bastion_api.api_key_create(text,text[],timestamptz,text[],text,jsonb)',
     ARRAY['''job''', '''{*.read}''', '''infinity''', '''{10.0.0.0/8}''', '''default''', '''{}''']),
    ('bastion_api.api_key_rotate(uuid,interval)', ARRAY['gen_random_uuid()', '''1 hour''']),
    ('bastion_api.api_key_revoke(uuid)', ARRAY['gen_random_uuid()']),
    ('bastion_api.api_key_disable(uuid,boolean)', ARRAY['gen_random_uuid()', 'true']),
    ('bastion_api.delegate(text,text[],text,interval,boolean)', ARRAY['test.fact(''user'')', '''{*.read}''', '''default''', '''1 hour''', 'false']), ('bastion_api.delegation_revoke(uuid)', ARRAY['gen_random_uuid()']),
    ('bastion_internal.token_delegation(text)', ARRAY['''x''']), ('bastion_api.totp_add(text)', ARRAY['''Phone''']), ('bastion_api.totp_confirm(uuid,text)', ARRAY['gen_random_uuid()', '''123456''']), ('bastion_api.factors()', '{}'),
    ('bastion_api.factor_rename(uuid,text)', ARRAY['gen_random_uuid()', '''Phone''']), ('bastion_api.factor_remove(uuid)', ARRAY['gen_random_uuid()']),
    ('bastion_api.recovery_codes_renew()', '{}'), ('bastion_api.step_up(uuid,jsonb)', ARRAY['gen_random_uuid()', '''{"code": "123456"}''']),
    ('bastion.relying_party_set(text,text,text[])', ARRAY['''app.example''', '''App''', '''{https://app.example}''']), ('bastion.relying_party_remove(text)', ARRAY['''other.example''']),
    ('bastion_api.passkey_add(text)', ARRAY['''app.example''']), ('bastion_api.passkey_confirm(text,jsonb,text)', ARRAY['''bst_ch_x''', '''{}''', '''Key''']), ('bastion_api.passkey_options(text)', ARRAY['''app.example''']),
    ('bastion_api.id_token_options(text)', ARRAY['''https://idp.bad.example''']), ('bastion_api.identity_link(text)', ARRAY['''bst_ch_x''']), ('bastion_api.identity_links()', '{}'), ('bastion_api.identity_unlink(text,text)', ARRAY['''https://idp.bad.example''', '''subject''']),
    ('bastion_api.login_id_token(text,text,text,text,text)', ARRAY['''bst_ch_x''', '''a.b.c''', 'NULL', 'NULL', '''Phone''']),
    ('bastion_api.passkey_login_options(text)', ARRAY['''app.example''']), ('bastion_api.passkey_login(text,jsonb,text,text,text,text)', ARRAY['''bst_ch_x''', '''{}''', 'NULL', 'NULL', '''Phone''', '''''']),
    ('bastion_internal.is_rp_id(text)', ARRAY['''app.example''']), ('bastion_internal.is_rp_origin(text,text)', ARRAY['''https://app.example''', '''app.example''']),
    ('bastion_internal.passkey_challenge(text)', ARRAY['''bst_ch_x''']), ('bastion_internal.passkey_credential_id(text)', ARRAY['''{"id": "b25l", "rawId": "b25l", "type": "public-key", "response": {"clientDataJSON": "e30"}}''']),
    ('bastion_internal.passkey_new(text,text,text[],text,boolean)', ARRAY['''{}''', '''app.example''', '''{https://app.example}''', '''bst_ch_x''', 'true']),
    ('bastion_internal.passkey_use(text,text,text[],text,boolean,bytea,bytea,bigint,boolean,bytea,boolean)',
     ARRAY['''{}''', '''app.example''', '''{https://app.example}''', '''bst_ch_x''', 'true', '''one''', '''key''', '7', 'false', '''user''', 'true']),
    ('bastion.factors_remove(text)', ARRAY['''good@bad.example''']), ('bastion.passkey_attest(uuid,text)', ARRAY['''00000000-0000-0000-0000-000000000001''', '''serial 1''']), ('bastion.factor_unlock(text)', ARRAY['''good@bad.example''']), ('bastion.login_unlock(text)', ARRAY['''good@bad.example''']),
    ('bastion_internal.mail_try()', '{}'), ('bastion_internal.signup_try()', '{}'), ('bastion_internal.throttle_unsaved(text)', ARRAY['''000102030405060708090a0b0c0d0e0f''']),
    ('bastion_internal.throttle_try(text,text)', ARRAY['''account''', '''good@bad.example''']), ('bastion_internal.throttle_refund(text,text)', ARRAY['''account''', '''good@bad.example''']),
    ('bastion_internal.throttle_clear_at_commit(text,text)', ARRAY['''account''', '''good@bad.example''']), ('bastion_internal.throttle_clear(text,text)', ARRAY['''account''', '''never@bad.example''']),
    ('bastion_internal.password_attempt(text,text,text,uuid)', ARRAY['''user x''', '''U*U''', '''$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW''', 'gen_random_uuid()']),
    ('bastion_internal.factor_try(uuid)', ARRAY['test.fact(''user'')::uuid']), ('bastion_internal.factor_refund(uuid)', ARRAY['test.fact(''user'')::uuid']),
    ('bastion_internal.factor_tries_reset(uuid)', ARRAY['test.fact(''user'')::uuid']), ('bastion_internal.recovery_code_make()', '{}'),
    ('bastion_internal.recovery_code_mac(text,uuid,integer)', ARRAY['''ABCD-2345-EFGH-6723''', 'test.fact(''user'')::uuid', 'bastion_internal.pepper()']),
    ('bastion_internal.totp_make(uuid,integer,text,text)', ARRAY['gen_random_uuid()', 'bastion_internal.data_key_here(''factor'')', '''App''', '''good@bad.example''']),
    ('bastion_internal.totp_step(uuid,bytea,text,bigint,bigint)', ARRAY['''f0000000-0000-0000-0000-000000000001''',
     '(SELECT m.sealed FROM bastion_internal.totp_make(''f0000000-0000-0000-0000-000000000001'', bastion_internal.data_key_here(''factor''), ''App'', ''x'') m)', '''123456''', '1800000000', '0']),
    ('bastion_internal.api_key_make(uuid,integer)', ARRAY['gen_random_uuid()', 'bastion_internal.pepper()']),
    ('bastion_internal.api_key_of(text)', ARRAY['''bst_live_''']),
    ('bastion_internal.network_or_null(text)', ARRAY['''10.0.0.0/8''']),
    ('bastion_api.logout(text)', ARRAY['''this''']),
    ('bastion_api.token_revoke(text)', ARRAY['test.fact(''token'')']),
    ('bastion_internal.token_session(text)', ARRAY['test.fact(''token'')']),
    ('bastion_internal.refresh_token_hash(text)', ARRAY['test.fact(''refresh_token'')']),
    ('bastion_internal.refresh_token_next(text,integer)', ARRAY['test.fact(''refresh_token'')', 'bastion_internal.pepper()']),
    ('bastion.pepper_create(text)', ARRAY['''credential''']),
    ('bastion.hook_set(text,regprocedure,regrole)', ARRAY['''claims''', '''lower(text)''::regprocedure', '''regress_app''']), ('bastion.hook_remove(text)', ARRAY['''claims''']),
    ('bastion_internal.hook_run(oid,oid,jsonb)', ARRAY['''pg_catalog.jsonb_strip_nulls''::regproc', '''regress_app''::regrole', '''{}''']),
    ('bastion_internal.pepper_make(integer,integer,bytea)', ARRAY['(SELECT max(id) FROM bastion.data_keys)', '1', '''secret''::bytea']),
    ('bastion.api_key_scheme_add(text,text,bytea,text)', ARRAY['''scheme''', '''hmac-sha256''', '''secret''::bytea', '''.''']), ('bastion.api_key_scheme_delete(text)', ARRAY['''old''']),
    ('bastion_internal.imported_api_key_mac(integer,integer,text,bytea)', ARRAY['1', 'bastion_internal.pepper()', '''''', 'sha256(''secret'')']),
    ('bastion.require_permission(text)', ARRAY['''good.read''']), ('bastion.step_up_rule_remove(text)', ARRAY['''good.read''']), ('bastion.platform_step_up_rule_remove(text)', ARRAY['''good.read''']),
    ('bastion.step_up_rule_set(text,text,interval)', ARRAY['''good.read''', '''aal2''', '''1 day''']), ('bastion.platform_step_up_rule_set(text,text,interval)', ARRAY['''good.read''', '''aal2''', '''1 day''']),
    ('bastion.flag_set(text,jsonb,text,integer,timestamp with time zone,text)', ARRAY['''good_flag''', '''{"variants": {"on": true, "off": false}, "defaultVariant": "off"}''', '''*''', 'NULL', 'NULL', '''why''']),
    ('bastion.flag_set_for(text,text,jsonb,text,integer,timestamp with time zone,text)', ARRAY['NULL', '''good_flag''', '''{"variants": {"on": true, "off": false}, "defaultVariant": "off"}''', '''*''', 'NULL', 'NULL', '''why''']),
    ('bastion.flag_rollout(text,text,numeric,text[],text[],text,text)', ARRAY['''good_flag''', '''on''', '5', '''{}''', '''{beta}''', '''*''', '''why''']),
    ('bastion.flag_rollout_for(text,text,text,numeric,text[],text[],text,text)', ARRAY['NULL', '''good_flag''', '''on''', '5', '''{}''', '''{beta}''', '''*''', '''why''']),
    ('bastion.flag_disable(text,boolean,text,text)', ARRAY['''good_flag''', 'true', '''*''', '''why''']),
    ('bastion.flag_disable_for(text,text,boolean,text,text)', ARRAY['NULL', '''good_flag''', 'true', '''*''', '''why''']),
    ('bastion.flag_delete(text,text,text)', ARRAY['''good_flag''', '''*''', '''why''']),
    ('bastion.flag_delete_for(text,text,text,text)', ARRAY['NULL', '''good_flag''', '''*''', '''why''']),
    ('bastion.flag_rollback(text,integer,text,text)', ARRAY['''good_flag''', '1', '''*''', '''why''']),
    ('bastion.flag_rollback_for(text,text,integer,text,text)', ARRAY['NULL', '''good_flag''', '1', '''*''', '''why''']),
    ('bastion.flag_cancel(text,integer,text)', ARRAY['''good_flag''', '1', '''*''']),
    ('bastion.flag_cancel_for(text,text,integer,text)', ARRAY['NULL', '''good_flag''', '1', '''*''']),
    ('bastion.flag_update(text,text,boolean,text)', ARRAY['''good_flag''', '''*''', 'true', '''why''']),
    ('bastion.flag_update_for(text,text,text,boolean,text)', ARRAY['NULL', '''good_flag''', '''*''', 'false', '''why''']),
    ('bastion.flag_request(text,text,jsonb,text,text,interval)', ARRAY['''good_flag''', '''disable''', '''{"disabled": true}''', '''*''', '''why''', '''1 day''']),
    ('bastion.flag_approve(uuid,text)', ARRAY['gen_random_uuid()', '''why''']),
    ('bastion.flag_reject(uuid,text)', ARRAY['gen_random_uuid()', '''why''']),
    ('bastion.flag_request_list(boolean)', ARRAY['true']),
    ('bastion.flag_list(text)', ARRAY['''*''']),
    ('bastion.flag_list_for(text,text)', ARRAY['NULL', '''*''']),
    ('bastion.flag_history(text,text)', ARRAY['''good_flag''', '''*''']),
    ('bastion.flag_history_for(text,text,text)', ARRAY['NULL', '''good_flag''', '''*''']),
    ('bastion.flag_import(jsonb,text,text)', ARRAY['''{"flags": {}}''', '''*''', '''why''']),
    ('bastion.flag_import_for(text,jsonb,text,text)', ARRAY['NULL', '''{"flags": {}}''', '''*''', '''why''']),
    ('bastion.flag_export(text)', ARRAY['''*''']),
    ('bastion.flag_export_for(text,text)', ARRAY['NULL', '''*''']),
    ('bastion.flag_boolean(text,boolean,jsonb)', ARRAY['''good_flag''', 'true', '''{}''']),
    ('bastion.flag_text(text,text,jsonb)', ARRAY['''good_flag''', '''x''', '''{}''']),
    ('bastion.flag_numeric(text,numeric,jsonb)', ARRAY['''good_flag''', '1', '''{}''']),
    ('bastion.flag_json(text,jsonb,jsonb)', ARRAY['''good_flag''', '''{}''', '''{}''']),
    ('bastion.flag_evaluate(text,jsonb,jsonb)', ARRAY['''good_flag''', '''{}''', '''{}''']),
    ('bastion_internal.require_room_for_setting(uuid)', ARRAY['NULL']),
    ('bastion_internal.quota_consume_recorded(text,numeric,text)', ARRAY['''good_meter''', '1', '''key''']), ('bastion_internal.quota_gather(uuid,uuid,text,text,timestamp without time zone)', ARRAY['''00000000-0000-4000-8000-0000000000a1''', '''00000000-0000-4000-8000-0000000000a1''', '''good_meter''', '''total''', '''-infinity''']),
    ('bastion_internal.flag_check(text,text,text)', ARRAY['''good_flag''', '''*''', '''why''']),
    ('bastion_internal.require_given(jsonb)', ARRAY['''{"variants": {"on": true, "off": false}, "defaultVariant": "off"}''']),
    ('bastion_internal.require_flag(jsonb)', ARRAY['''{"variants": {"on": true, "off": false}, "defaultVariant": "off"}''']),
    ('bastion_internal.is_environment(text)', ARRAY['''*''']),
    ('bastion_internal.flag_locked(uuid,text,text)', ARRAY['NULL', '''good_flag''', '''*''']),
    ('bastion_internal.flag_store(uuid,text,jsonb,text,integer,timestamp with time zone,text,uuid)', ARRAY['NULL', '''good_flag''', '''{"variants": {"on": true, "off": false}, "defaultVariant": "off"}''', '''*''', 'NULL', 'NULL', '''why''', 'NULL']),
    ('bastion_internal.require_flag_definition(uuid,text,text)', ARRAY['NULL', '''good_flag''', '''*''']),
    ('bastion_internal.flag_rollout_rule(text,text,numeric,uuid[],text[])', ARRAY['''on''', '''off''', '5', '''{}''', '''{}''']),
    ('bastion_internal.flag_users(text[],boolean)', ARRAY['''{}''', 'true']),
    ('bastion_internal.flag_rollout_store(uuid,text,text,numeric,uuid[],text[],text,text)', ARRAY['NULL', '''good_flag''', '''on''', '5', '''{}''', '''{}''', '''*''', '''why''']),
    ('bastion_internal.flag_disable_store(uuid,text,boolean,text,text)', ARRAY['NULL', '''good_flag''', 'true', '''*''', '''why''']),
    ('bastion_internal.flag_delete_store(uuid,text,text,text)', ARRAY['NULL', '''good_flag''', '''*''', '''why''']),
    ('bastion_internal.flag_rollback_store(uuid,text,integer,text,text)', ARRAY['NULL', '''good_flag''', '1', '''*''', '''why''']),
    ('bastion_internal.flag_cancel_store(uuid,text,integer,text,uuid)', ARRAY['NULL', '''good_flag''', '1', '''*''', 'NULL']),
    ('bastion_internal.flag_describe(uuid,text,boolean,text,text,uuid)', ARRAY['NULL', '''good_flag''', 'false', '''*''', '''why''', 'NULL']),
    ('bastion_internal.flag_needs_approval(uuid,text)', ARRAY['gen_random_uuid()', '''good_flag''']),
    ('bastion_internal.flag_guard(uuid,text,uuid)', ARRAY['gen_random_uuid()', '''good_flag''', 'NULL']),
    ('bastion_internal.flag_rolled_out(uuid,text,text,numeric,uuid[],text[],text)', ARRAY['NULL', '''good_flag''', '''on''', '5', '''{}''', '''{}''', '''*''']),
    ('bastion_internal.flag_disabled(uuid,text,boolean,text)', ARRAY['NULL', '''good_flag''', 'true', '''*''']),
    ('bastion_internal.flag_as_of(uuid,text,integer,text)', ARRAY['NULL', '''good_flag''', '1', '''*''']),
    ('bastion_internal.flag_payload_check(text,jsonb)', ARRAY['''rollout''', '''{"variant": "on", "percent": 5, "users": []}''']),
    ('bastion_internal.flag_texts(jsonb)', ARRAY['''["a"]''']),
    ('bastion_internal.flag_proposed(uuid,text,text,text,jsonb)', ARRAY['NULL', '''good_flag''', '''*''', '''disable''', '''{}''']),
    ('bastion_internal.flags_of(uuid,text)', ARRAY['NULL', '''*''']),
    ('bastion_internal.flag_history_of(uuid,text,text)', ARRAY['NULL', '''good_flag''', '''*''']),
    ('bastion_internal.version_in_force(uuid)', ARRAY['gen_random_uuid()']),
    ('bastion_internal.flag_candidates(text,uuid,text)', ARRAY['''good_flag''', 'NULL', '''*''']),
    ('bastion_internal.flag_in_force(text,uuid,text)', ARRAY['''good_flag''', 'NULL', '''*''']),
    ('bastion_internal.role_names_of(uuid,uuid,uuid)', ARRAY['test.fact(''user'')::uuid', 'test.fact(''tenant'')::uuid', 'NULL']),
    ('bastion_internal.flags_in_file(jsonb)', ARRAY['''{"flags": {}}''']),
    ('bastion_internal.flag_import_store(uuid,jsonb,text,text)', ARRAY['NULL', '''{"flags": {}}''', '''*''', '''why''']),
    ('bastion_internal.flag_file(uuid,text)', ARRAY['NULL', '''*''']),
    ('bastion.rate_limit(text,text,integer)', ARRAY['''good_limit''', '''x''', '1']), ('bastion.rate_limit_require(text,text,integer)', ARRAY['''good_limit''', '''x''', '1']),
    ('bastion.rate_limit_state(text,text)', ARRAY['''good_limit''', '''x''']), ('bastion_internal.rate_limit_peek(text,text)', ARRAY['''good_limit''', '''x''']), ('bastion.concurrency_limit(text,text)', ARRAY['''good_limit''', '''x''']),
    ('bastion.rate_limit_set(text,text,double precision,integer,integer,text)', ARRAY['''good_limit''', '''route''', '1000', '1000000', '5', '''pro''']), ('bastion.rate_limit_remove(text,text)', ARRAY['''another_limit''', '''pro''']),
    ('bastion.meter_set(text,text,integer,text)', ARRAY['''good_meter''', '''cost''', '2', '''charge''']), ('bastion.meter_remove(text)', ARRAY['''another_meter''']),
    ('bastion.plan_limit_set(text,text,text,numeric,text,numeric,integer)', ARRAY['''good_meter''', '''tenant''', '''month''', '1000000', '''pro''', '1000', '4']), ('bastion.plan_limit_remove(text,text,text,text)', ARRAY['''good_meter''', '''user''', '''month''', '''pro''']),
    ('bastion.limit_override_set(text,text,numeric,text,text,text,numeric,timestamptz,text)', ARRAY['''good_meter''', '''month''', '1000000', '''good''', 'NULL', '''good@bad.example''', '1000', '''infinity''', '''a reason''']),
    ('bastion.limit_override_remove(text,text,text,text,text)', ARRAY['''good_meter''', '''week''', '''good''', 'NULL', 'test.fact(''user'')']), ('bastion.quota_calendar_set(text,text,text,date)', ARRAY['''good''', 'NULL', '''Europe/Vienna''', '''2020-01-31''']),
    ('bastion.quota_consume(text,numeric,text)', ARRAY['''good_meter''', '1', '''k''']), ('bastion.quota_require(text,numeric,text)', ARRAY['''good_meter''', '1', '''k''']), ('bastion.quota_consume_many(jsonb,text)', ARRAY['''{"good_meter": 1}''', '''m''']),
    ('bastion.quota_reserve(jsonb,text,interval)', ARRAY['''{"good_meter": 1}''', '''r''', '''1 hour''']), ('bastion.quota_settle(text,jsonb)', ARRAY['''good_hold''', '''{"good_meter": 1}''']), ('bastion.quota_cancel(text)', ARRAY['''good_hold''']),
    ('bastion.quota_usage(text)', ARRAY['''good_meter''']), ('bastion.usage_roll_up(bigint)', ARRAY['10']), ('bastion.usage_prune(timestamptz)', ARRAY['''2000-01-01''']),
    ('bastion_internal.quota_day(uuid,timestamptz)', ARRAY['''00000000-0000-4000-8000-0000000000a1''', 'now()']), ('bastion_internal.quota_enter(boolean)', ARRAY['false']), ('bastion_internal.add_counted_row(uuid,text,bigint)', ARRAY['''00000000-0000-4000-8000-0000000000a1''', '''good_gauge''', '1']),
    ('bastion.quota_recount(text)', ARRAY['''good_gauge''']), ('bastion_internal.recount_rows(text)', ARRAY['''good_gauge''']),
    ('bastion_internal.quota_lock(uuid,boolean,boolean)', ARRAY['gen_random_uuid()', 'true', 'false']), ('bastion_internal.quota_lines(text[],numeric[])', ARRAY['''{good_meter}''', '''{1}''']),
    ('bastion_internal.quota_try(text[],numeric[],boolean,text)', ARRAY['''{good_meter}''', '''{1}''', 'true', '''x''']), ('bastion_internal.quota_window(timestamptz,text,text,date)', ARRAY['now()', '''day''', '''Europe/Vienna''', '''2020-01-31''']),
    ('bastion_internal.is_quota_amount(numeric)', ARRAY['1']), ('bastion_internal.is_quota_period(text)', ARRAY['''day''']), ('bastion_internal.is_cost_object(jsonb)', ARRAY['''{"meter": "good_meter", "amount": 1, "period": "day"}''']), ('bastion_internal.is_time_zone(text)', ARRAY['''UTC''']),
    ('bastion_internal.is_rate(double precision,double precision)', ARRAY['1', '5']), ('bastion_internal.is_rate_object(jsonb)', ARRAY['''{"per_second": 1, "burst": 2}''']),
    ('bastion.session_settings_set(interval,interval,interval,interval)',
     ARRAY['''5 minutes''', '''1 day''', '''1 hour''', '''5 seconds''']),
    ('bastion.session_revoke(uuid)', ARRAY['bastion.session_id()']),
    ('bastion.sessions_revoke(uuid)', ARRAY['test.fact(''user'')::uuid']),
    ('bastion.sessions_revoke(text)', ARRAY['test.fact(''user'')']),
    ('bastion.user_sessions_revoke(uuid)', ARRAY['test.fact(''user'')::uuid']),
    ('bastion.user_sessions_revoke(text)', ARRAY['test.fact(''user'')']),
    ('bastion.session_prune(interval)', ARRAY['''1 day''']), ('bastion.events_prune(timestamptz)', ARRAY['''2000-01-01''']),
    ('bastion_internal.count_refusal(text)', ARRAY['''step_up''']), ('bastion_internal.metric_sample(numeric,text[])', ARRAY['1', '''{kind,x}''::text[]']), ('bastion_internal.metric(text,text,text,text[])', ARRAY['''bastion_x''', '''gauge''', '''What it is.''', '''{1}''::text[]']),
    ('bastion.event_counts(interval)', ARRAY['''1 hour''']),
    ('bastion.audit_hold_place(text,uuid,uuid)', ARRAY['''a reason''', '''11111111-1111-4111-8111-111111111111''', 'NULL']), ('bastion.audit_hold_lift(uuid,text)', ARRAY['''11111111-1111-4111-8111-111111111111''', '''a reason''']),
    ('bastion.audit_shred(uuid)', ARRAY['''33333333-1111-4111-8111-111111111111''']), ('bastion_internal.audit_subject_key_make(integer,integer)', ARRAY['1', '1']),
    ('bastion.audit_drop_before(timestamp with time zone)', ARRAY['''2020-01-01 00:00+00''']), ('bastion_internal.audit_drop_point(timestamp with time zone)', ARRAY['''2020-01-01 00:00+00''']),
    ('bastion_internal.audit_drop_rows(timestamp with time zone)', ARRAY['''2020-01-01 00:00+00''']),
    ('bastion.audit_partitions_create(integer)', ARRAY['2']), ('bastion_internal.audit_months_missing(integer)', ARRAY['2']), ('bastion_internal.audit_partition_mends(regclass)', ARRAY['''test.documents''']),
    ('bastion_internal.audit_partition_make(timestamp with time zone)', ARRAY['''2020-02-01 00:00+00''']),
    ('bastion.audit_new_era(text)', ARRAY['''a reason''']), ('bastion.audit_checkpoint(bigint,bigint)', ARRAY['1', '1']), ('bastion.audit_verifier_key(bigint)', ARRAY['1']), ('bastion.audit_tile(text,bigint)', ARRAY['''tile/0/000''', '1']),
    ('bastion.audit_inclusion_proof(bigint,bigint,bigint)', ARRAY['1', '2', '1']), ('bastion.audit_consistency_proof(bigint,bigint,bigint)', ARRAY['1', '2', '1']), ('bastion.audit_entry_index(bigint,xid8,bigint)', ARRAY['1', '''1''', '1']),
    ('bastion.audit_witness_add(text)', ARRAY['''witness.example/w1+32913b6f+BBpc39BxQ8OExB6DDFvOEqqIF+xWSaqr8sMTiLNbLXRN''']), ('bastion.audit_witness_remove(text)', ARRAY['''x''']), ('bastion.audit_witness_request(text,bigint)', ARRAY['''x''', '1']),
    ('bastion.audit_cosignature_add(text)', ARRAY['''x''']), ('bastion_internal.audit_leaf_hash(bytea)', ARRAY['''x''::bytea']), ('bastion_internal.audit_tile_hash(bytea)', ARRAY['convert_to(repeat(''x'', 8192), ''UTF8'')']),
    ('bastion_internal.audit_root(bigint,bigint)', ARRAY['1', '0']), ('bastion_internal.audit_inclusion(bigint,bigint,bigint)', ARRAY['1', '0', '1']), ('bastion_internal.audit_consistency(bigint,bigint,bigint)', ARRAY['1', '0', '5']),
    ('bastion_internal.audit_key_make(integer,integer)', ARRAY['1', '1']), ('bastion_internal.audit_log_opened(bastion.audit_logs,text)', ARRAY['NULL::bastion.audit_logs', '''x''']), ('bastion_internal.audit_unsealed_since(bastion.audit_logs)', ARRAY['NULL::bastion.audit_logs']), ('bastion_internal.audit_uncosigned_since(bastion.audit_logs,bigint)', ARRAY['NULL::bastion.audit_logs', '1']), ('bastion_internal.audit_levels_add(bigint,bigint,bigint)', ARRAY['1', '0', '1']),
    ('bastion_internal.audit_seal_write(text,boolean)', ARRAY['''x''', 'false']), ('bastion_internal.audit_key_here(boolean)', ARRAY['false']), ('bastion_internal.audit_note_sign(text,text,integer,bytea,bytea)', ARRAY['''x''', '''y''', '1', 'convert_to(repeat(''x'', 32), ''UTF8'')', '''z''::bytea']),
    ('bastion_internal.audit_verifier_key(text,bytea)', ARRAY['''x''', 'convert_to(repeat(''x'', 32), ''UTF8'')']), ('bastion_internal.audit_tile_path(text)', ARRAY['''tile/0/000''']), ('bastion_internal.audit_log_of(bigint)', ARRAY['1']),
    ('bastion_internal.audit_size_of(bastion.audit_logs,bigint)', ARRAY['NULL::bastion.audit_logs', '1']), ('bastion_internal.audit_checkpoint_text(bastion.audit_logs,bigint)', ARRAY['NULL::bastion.audit_logs', '0']),
    ('bastion_internal.audit_entries(bastion.audit_logs,bigint,bigint)', ARRAY['NULL::bastion.audit_logs', '0', '1']), ('bastion_internal.audit_witness_key(text)', ARRAY['''x''']), ('bastion_internal.audit_witness_of(text)', ARRAY['''x''']),
    ('bastion_internal.audit_checkpoint_parts(text)', ARRAY['''x''']), ('bastion_internal.audit_cosignature(text,text,text,bytea)', ARRAY['''x''', '''x''', '''x''', 'convert_to(repeat(''x'', 32), ''UTF8'')']), ('bastion_test.act_as(text,text,text)', ARRAY['test.fact(''user'')', '''good''', '''default''']),
    ('bastion.init(text,boolean)', ARRAY['''/nonexistent/key''', 'false']), ('bastion_internal.root_key_create(text,boolean)', ARRAY['''/nonexistent/key''', 'true']),
    ('bastion_internal.data_key_make(uuid,integer,uuid,text,integer)',
     ARRAY['gen_random_uuid()', '7', 'gen_random_uuid()', '''signing''', '1']),
    ('bastion.setting_text(text,text)', ARRAY['''a.b''', '''x''']),
    ('bastion.setting_integer(text,bigint)', ARRAY['''a.c''', '1']),
    ('bastion.setting_numeric(text,numeric)', ARRAY['''a.c''', '1']),
    ('bastion.setting_boolean(text,boolean)', ARRAY['''a.c''', 'true']),
    ('bastion.setting_json(text,jsonb)', ARRAY['''a.b''', '''{}''']),
    ('bastion.setting_put(text,jsonb,text,integer,text,text)', ARRAY['''a.b''', '''{}''', '''staging''', '0', '''why''', '''words''']),
    ('bastion.setting_seal(text,text,text,integer,text,text)', ARRAY['''a.s''', '''attack at dawn''', '''staging''', '0', '''why''', '''words''']),
    ('bastion.setting_rollback(text,integer,text,integer,text)', ARRAY['''a.b''', '1', '''*''', '1', '''why''']),
    ('bastion.setting_update(text,text,text,jsonb,jsonb,boolean,integer,text)', ARRAY['''a.b''', '''*''', '''words''', '''{}''', '''{}''', 'false', '5', '''why''']),
    ('bastion.setting_version_delete(text,integer[],text,text)', ARRAY['''a.b''', '''{1}''', '''*''', '''why''']),
    ('bastion.setting_version_undelete(text,integer[],text,text)', ARRAY['''a.b''', '''{1}''', '''*''', '''why''']),
    ('bastion.setting_version_destroy(text,integer[],text,text)', ARRAY['''a.b''', '''{1}''', '''*''', '''why''']),
    ('bastion.setting_delete(text,text,text)', ARRAY['''a.b''', '''*''', '''why''']),
    ('bastion.setting_open(text)', ARRAY['''a.sealed''']),
    ('bastion.setting_list(text,text)', ARRAY['''words''', '''staging''']),
    ('bastion.setting_version_list(text,text)', ARRAY['''a.b''', '''*''']),
    ('bastion.setting_history(text)', ARRAY['''a.b''']),
    ('bastion.setting_request(text,text,jsonb,text,text,interval)', ARRAY['''a.b''', '''put''', '''{"value": 1}''', '''*''', '''why''', '''1 day''']),
    ('bastion.setting_approve(uuid,text)', ARRAY['gen_random_uuid()', '''why''']),
    ('bastion.setting_reject(uuid,text)', ARRAY['gen_random_uuid()', '''why''']),
    ('bastion.setting_request_list(boolean)', ARRAY['true']),
    ('bastion.setting_export(text)', ARRAY['''staging''']),
    ('bastion.setting_import(jsonb,text)', ARRAY['''{"format": "pg_bastion.settings/1", "settings": []}''', '''why''']),
    ('bastion.setting_put_for(text,text,jsonb,text,integer,text,text)', ARRAY['''good''', '''a.b''', '''{}''', '''staging''', '0', '''why''', '''words''']),
    ('bastion.setting_seal_for(text,text,text,text,integer,text,text)', ARRAY['''good''', '''a.s''', '''attack at dawn''', '''staging''', '0', '''why''', '''words''']),
    ('bastion.setting_open_for(text,text,text)', ARRAY['''good''', '''a.sealed''', '''staging''']),
    ('bastion.setting_update_for(text,text,text,text,jsonb,jsonb,boolean,integer,boolean,text)', ARRAY['''good''', '''a.b''', '''*''', '''words''', '''{}''', '''{}''', 'false', '5', 'NULL', '''why''']),
    ('bastion.setting_delete_for(text,text,text,text)', ARRAY['''good''', '''a.b''', '''*''', '''why''']),
    ('bastion.setting_export_for(text,text)', ARRAY['''good''', '''staging''']),
    ('bastion.setting_import_for(text,jsonb,text)', ARRAY['''good''', '''{"format": "pg_bastion.settings/1", "settings": []}''', '''why''']),
    ('bastion.secret_put(text,text,text,text,text[],timestamptz,boolean,jsonb,integer,text)', ARRAY['''mail''', '''attack at dawn''', '''smtp''', '''password''', '''{}''', 'now()', 'true', '''{}''', '0', 'NULL']),
    ('bastion.secret_put(text,bytea,text,text,text[],timestamptz,boolean,jsonb,integer,text)', ARRAY['''mail''', '''x''::bytea', '''smtp''', '''password''', '''{}''', 'now()', 'true', '''{}''', '0', 'NULL']),
    ('bastion.secret_put(text,jsonb,text,text,text[],timestamptz,boolean,jsonb,integer,text)', ARRAY['''mail''', '''{}''::jsonb', '''smtp''', '''password''', '''{}''', 'now()', 'true', '''{}''', '0', 'NULL']),
    ('bastion.secret_get(text,text,integer,boolean,text)', ARRAY['''mail''', '''test''', '1', 'false', 'NULL']), ('bastion.secret_get(uuid,text,integer)', ARRAY['gen_random_uuid()', '''test''', '1']),
    ('bastion.secret_get_bytea(text,text,integer,boolean,text)', ARRAY['''mail''', '''test''', '1', 'false', 'NULL']), ('bastion.secret_get_bytea(uuid,text,integer)', ARRAY['gen_random_uuid()', '''test''', '1']),
    ('bastion.secret_get_jsonb(text,text,integer,boolean,text)', ARRAY['''mail''', '''test''', '1', 'false', 'NULL']), ('bastion.secret_get_jsonb(uuid,text,integer)', ARRAY['gen_random_uuid()', '''test''', '1']),
    ('bastion.secret_update(text,boolean,timestamptz,text[],boolean,text,text,text,jsonb,integer,interval,interval)',
     ARRAY['''mail''', 'true', 'now()', '''{}''', 'false', 'NULL', '''smtp''', '''password''', '''{}''', '3', '''1 day''', '''1 day''']),
    ('bastion.secret_delete(text,boolean,text)', ARRAY['''mail''', 'false', 'NULL']), ('bastion.secret_delete(uuid)', ARRAY['gen_random_uuid()']),
    ('bastion.secret_rename(text,text,boolean,text)', ARRAY['''mail''', '''post''', 'false', 'NULL']), ('bastion.secret_version_list(text,boolean,text)', ARRAY['''mail''', 'false', 'NULL']),
    ('bastion.secret_version_delete(text,integer,boolean,text)', ARRAY['''mail''', '1', 'false', 'NULL']), ('bastion.secret_version_undelete(text,integer,boolean,text)', ARRAY['''mail''', '1', 'false', 'NULL']),
    ('bastion.secret_version_destroy(text,integer,boolean,text)', ARRAY['''mail''', '1', 'false', 'NULL']),
    ('bastion.secret_put_for(text,text,text,text,text,text[],timestamptz,jsonb,integer)', ARRAY['NULL', '''mail''', '''attack at dawn''', '''smtp''', '''password''', '''{}''', 'now()', '''{}''', '0']),
    ('bastion.secret_get_for(text,text,text,integer)', ARRAY['NULL', '''mail''', '''test''', '1']),
    ('bastion.secret_folder_register(text,text)', ARRAY['''payments/''', '''payments''']), ('bastion.secret_folder_remove(text)', ARRAY['''payments/''']),
    ('bastion.purpose_update(text,boolean,interval)', ARRAY['''smtp''', 'true', '''1 day''']), ('bastion_internal.data_key_guard(uuid,text)', ARRAY['NULL', '''smtp''']),
    ('bastion.data_key_guard_set(text,text,text)', ARRAY['''evidence''', '''smtp''', 'NULL']), ('bastion.data_key_guard_remove(text,text)', ARRAY['''smtp''', 'NULL']),
    ('bastion_internal.secret_resource(text)', ARRAY['''payments/x''']),
    ('bastion_internal.may_secret(text,uuid,text)', ARRAY['''mail''', 'gen_random_uuid()', '''open''']), ('bastion_internal.secret_require(text,uuid,text)', ARRAY['''mail''', 'NULL', '''open''']),
    ('bastion_internal.secret_location(text,boolean,text,text)', ARRAY['''mail''', 'false', 'NULL', '''manage''']), ('bastion_internal.secret_find(text,boolean,text,text)', ARRAY['''mail''', 'false', 'NULL', '''read''']),
    ('bastion_internal.secret_by_id(uuid,text)', ARRAY['gen_random_uuid()', '''open''']), ('bastion_internal.secret_record(text,bastion.secrets,integer,text)', ARRAY['''put''', 'jsonb_populate_record(NULL::bastion.secrets, ''{"id": "00000000-0000-0000-0000-000000000001", "name": "x"}'')', '1', '''test''']),
    ('bastion_internal.opening_record(uuid,text,text,text)', ARRAY['gen_random_uuid()', '''mail.password''', '''1''', '''a key''']),
    ('bastion_internal.sealed_values(regclass,text,text)', ARRAY['''test.sealed_documents''', '''SELECT NULL::tid[], NULL::bytea[], ARRAY[$1]''', '''{}''']),
    ('bastion_internal.sealed_values_replace(regclass,text,tid[],bytea[],bytea[],oid)', ARRAY['''test.sealed_documents''', '''SELECT cardinality($3)::text''', '''{}''', '''{}''', '''{}''', '17']),
    ('bastion.search_operator_trust(regoperator,text)', ARRAY['''~~(text,text)''', '''short texts''']), ('bastion.search_operator_distrust(regoperator)', ARRAY['''~~(text,text)''']),
    ('bastion_internal.operator_body(regoperator)', ARRAY['''~~(text,text)''']), ('bastion_internal.may_search(regprocedure)', ARRAY['''lower(text)''']), ('bastion_internal.require_superuser(text)', ARRAY['''pass''']),
    ('bastion.key_create(text,text,text,interval,boolean,integer)', ARRAY['''new''', '''EdDSA''', '''bills''', '''1 day''', 'true', 'NULL']),
    ('bastion.key_create_for(text,text,text,text,interval,boolean,integer)', ARRAY['test.fact(''tenant'')', '''new''', '''EdDSA''', '''bills''', '''1 day''', 'true', 'NULL']),
    ('bastion.key_delete(text)', ARRAY['''pen''']),
    ('bastion.key_delete_for(text,text)', ARRAY['test.fact(''tenant'')', '''pen''']),
    ('bastion.key_rotate(text)', ARRAY['''pen''']),
    ('bastion.key_rotate_for(text,text)', ARRAY['test.fact(''tenant'')', '''pen''']),
    ('bastion.key_update(text,interval,integer,boolean)', ARRAY['''pen''', '''1 day''', '1', 'true']),
    ('bastion.key_update_for(text,text,interval,integer,boolean)', ARRAY['test.fact(''tenant'')', '''pen''', '''1 day''', '1', 'true']),
    ('bastion.key_sign(text,bytea)', ARRAY['''pen''', '''x''']),
    ('bastion.key_sign_for(text,text,bytea)', ARRAY['test.fact(''tenant'')', '''pen''', '''x''']),
    ('bastion.key_mac(text,bytea)', ARRAY['''stamp''', '''x''']),
    ('bastion.key_mac_for(text,text,bytea)', ARRAY['test.fact(''tenant'')', '''stamp''', '''x''']),
    ('bastion.key_verify(text,bytea,text)', ARRAY['''pen''', '''x''', 'test.fact(''of pen'')']),
    ('bastion.key_verify_for(text,text,bytea,text)', ARRAY['test.fact(''tenant'')', '''pen''', '''x''', 'test.fact(''of pen'')']),
    ('bastion.key_mac_verify(text,bytea,text)', ARRAY['''stamp''', '''x''', 'test.fact(''of stamp'')']),
    ('bastion.key_mac_verify_for(text,text,bytea,text)', ARRAY['test.fact(''tenant'')', '''stamp''', '''x''', 'test.fact(''of stamp'')']),
    ('bastion.key_public(text)', ARRAY['''pen''']),
    ('bastion.key_public_for(text,text)', ARRAY['test.fact(''tenant'')', '''pen''']),
    ('bastion.wrapped_key_create(text,text,integer)', ARRAY['''box''', '''row 7''', '32']),
    ('bastion.wrapped_key_create_for(text,text,text,integer)', ARRAY['test.fact(''tenant'')', '''box''', '''row 7''', '32']),
    ('bastion.wrapped_key_open(text,text,text)', ARRAY['''box''', 'test.fact(''of box'')', '''row 7''']),
    ('bastion.wrapped_key_open_for(text,text,text,text)', ARRAY['test.fact(''tenant'')', '''box''', 'test.fact(''of box'')', '''row 7''']),
    ('bastion.key_export(text,text,integer)', ARRAY['''pen''', 'test.fact(''transport'')', '1']),
    ('bastion.key_import(text,text,bytea,text,text,boolean)', ARRAY['''new''', '''EdDSA''', 'test.fact(''exported'')::bytea', '''transport''', '''bills''', 'false']),
    ('bastion.random_bytes(integer)', ARRAY['16']),
    ('bastion_internal.application_key_make(uuid,text,text,integer)', ARRAY['test.fact(''tenant'')::uuid', '''0/1''', '''EdDSA''', 'NULL']),
    ('bastion_internal.application_key_sign(uuid,text,text,bastion.sealed,integer,bytea)', ARRAY['test.fact(''tenant'')::uuid', 'test.key_place(''pen'')', '''EdDSA''', 'test.key_value(''pen'')', '1', '''x''']),
    ('bastion_internal.application_key_verify(uuid,text,text,bastion.sealed,bytea,text)', ARRAY['test.fact(''tenant'')::uuid', 'test.key_place(''pen'')', '''EdDSA''', 'test.key_value(''pen'')', '''x''', 'test.fact(''of pen'')']),
    ('bastion_internal.wrapped_key_make(uuid,text,text,bastion.sealed,integer,text,integer)', ARRAY['test.fact(''tenant'')::uuid', 'test.key_place(''box'')', '''XAES-256-GCM''', 'test.key_value(''box'')', '1', '''row 7''', '32']),
    ('bastion_internal.wrapped_key_unwrap(uuid,text,text,bastion.sealed,text,text)', ARRAY['test.fact(''tenant'')::uuid', 'test.key_place(''box'')', '''XAES-256-GCM''', 'test.key_value(''box'')', '''row 7''', 'test.fact(''of box'')']),
    ('bastion_internal.application_key_export(uuid,text,text,bastion.sealed,text)', ARRAY['test.fact(''tenant'')::uuid', 'test.key_place(''pen'')', '''EdDSA''', 'test.key_value(''pen'')', 'test.fact(''transport'')']),
    ('bastion_internal.application_key_import(uuid,text,text,bastion.sealed,bytea,text,text)', ARRAY['test.fact(''tenant'')::uuid', 'test.key_place(''transport'')', '''RSA-OAEP-256''', 'test.key_value(''transport'')', 'test.fact(''exported'')::bytea', '''EdDSA''', '''0/1''']),
    ('bastion_internal.key_actions(text)', ARRAY['''EdDSA''']),
    ('bastion_internal.public_key_pem(jsonb)', ARRAY['''{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"e1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}''']),
    ('bastion_internal.log_refusal(inet,text)', ARRAY['NULL', '''a line''']), ('bastion_internal.request_record(integer,text,boolean)', ARRAY['401', '''expired''', 'true']),
    ('bastion_internal.queue_event("char",text,boolean)', ARRAY['''s''', '''{}''', 'false']),
    ('bastion.sealed_column_add(regclass,name,text)', ARRAY['''test.sealed_documents''', '''value''', '''id::text''']),
    ('bastion.sealed_column_remove(regclass,name)', ARRAY['''test.sealed_documents''', '''value''']),
    ('bastion_internal.data_key_rewrap(uuid,integer,uuid,text,integer,bytea,text)',
     ARRAY['(SELECT id FROM bastion.vault)', '(SELECT max(id) FROM bastion.data_keys WHERE purpose = ''smtp'')', 'test.fact(''tenant'')::uuid',
           '''smtp''', '1', '(SELECT wrapped FROM bastion.data_keys WHERE purpose = ''smtp'')', 'bastion.root_key_id()']),
    ('bastion.data_key_rotate(text,text)', ARRAY['''smtp''', '''good''']),
    ('bastion.min_decryption_version_set(text,integer,text,boolean)', ARRAY['''smtp''', '1', '''good''', 'false']),
    ('bastion.tenant_shred(text)', ARRAY['''good''']),
    ('bastion_internal.aes_gcm_open(text,bytea)', ARRAY['encode(decode(repeat(''00'', 28), ''hex''), ''base64'')', 'decode(repeat(''00'', 32), ''hex'')']),
    ('bastion.import_aes_gcm(uuid,text,bytea,text,text)',
     ARRAY['test.fact(''tenant'')::uuid', '''AAAAAAAAAAAAAAAAUw+K+8dFNrmpY7TxxMtziw==''', 'decode(repeat(''00'', 32), ''hex'')', '''smtp''', '''1''']),
    ('bastion.import_pgp_sym(uuid,bytea,text,text,text)',
     ARRAY['test.fact(''tenant'')::uuid', '''\x00''', '''correct horse''', '''smtp''', '''1''']),
    ('bastion_internal.key_committed(integer,bytea)', ARRAY['(SELECT max(id) FROM bastion.data_keys WHERE purpose = ''smtp'')', 'substr(test.sealed()::bytea, 1, 64)']), ('bastion_internal.data_keys_lock(integer[])', ARRAY['''{1}''']), ('bastion_internal.active_data_key(text,uuid)', ARRAY['''signing''', 'NULL']),
    ('bastion_internal.sealed_in(cstring)', ARRAY['test.sealed()::text::cstring']),
    ('bastion_internal.root_keys_of(oid)', ARRAY['(SELECT oid FROM pg_database WHERE datname = ''postgres'')']),
    ('bastion_internal.named_table_in(cstring)', ARRAY['''test.documents''']),
    ('bastion_internal.named_table_out(bastion_internal.named_table)', ARRAY['''test.documents''::bastion_internal.named_table']),
    ('bastion_internal.named_table(regclass)', ARRAY['''test.documents''']),
    ('bastion_internal.table_of(bastion_internal.named_table)', ARRAY['''test.documents''::bastion_internal.named_table']),
    ('bastion_internal.sealed_out(bastion.sealed)', ARRAY['test.sealed()']),
    ('bastion_internal.sealed_lt(bastion.sealed,bastion.sealed)', ARRAY['test.sealed()', 'test.sealed()']),
    ('bastion_internal.sealed_le(bastion.sealed,bastion.sealed)', ARRAY['test.sealed()', 'test.sealed()']),
    ('bastion_internal.sealed_eq(bastion.sealed,bastion.sealed)', ARRAY['test.sealed()', 'test.sealed()']),
    ('bastion_internal.sealed_ge(bastion.sealed,bastion.sealed)', ARRAY['test.sealed()', 'test.sealed()']),
    ('bastion_internal.sealed_gt(bastion.sealed,bastion.sealed)', ARRAY['test.sealed()', 'test.sealed()']),
    ('bastion_internal.sealed_ne(bastion.sealed,bastion.sealed)', ARRAY['test.sealed()', 'test.sealed()']),
    ('bastion_internal.sealed_cmp(bastion.sealed,bastion.sealed)', ARRAY['test.sealed()', 'test.sealed()']),
    ('bastion_internal.sealed_hash(bastion.sealed)', ARRAY['test.sealed()']),
    ('bastion_internal.sealed_hash_extended(bastion.sealed,bigint)', ARRAY['test.sealed()', '1']),
    ('bastion_internal.sealed_send(bastion.sealed)', ARRAY['test.sealed()']),
    ('bastion.sealed(bytea)', ARRAY['test.sealed()::bytea']),
    ('bastion.is_sealed(bytea)', ARRAY['test.sealed()::bytea']),
    ('bastion_internal.sealed_key(bastion.sealed)', ARRAY['test.sealed()']), ('bastion_internal.sealed_bytes_key(bytea)', ARRAY['test.sealed()::bytea']),
    ('bastion.seal(text,text,text)', ARRAY['''attack at dawn''', '''smtp''', '''1''']),
    ('bastion.seal(bytea,text,text)', ARRAY['''attack at dawn''::bytea', '''smtp''', '''1''']),
    ('bastion.open_text(bastion.sealed,text)', ARRAY['test.sealed()', '''1''']),
    ('bastion.open_bytea(bastion.sealed,text)', ARRAY['test.sealed()', '''1''']),
    ('bastion.rewrap(bastion.sealed,text)', ARRAY['test.sealed()', '''1''']),
    ('bastion.blind_index(text,text)', ARRAY['''attack at dawn''', '''smtp''']),
    ('bastion.blind_index(bytea,text)', ARRAY['''attack at dawn''::bytea', '''smtp''']),
    ('bastion.seal_for(uuid,text,text,text)', ARRAY['test.fact(''tenant'')::uuid', '''attack at dawn''', '''smtp''', '''1''']),
    ('bastion.seal_for(uuid,bytea,text,text)', ARRAY['test.fact(''tenant'')::uuid', '''attack at dawn''::bytea', '''smtp''', '''1''']),
    ('bastion.open_text_for(uuid,bastion.sealed,text)', ARRAY['test.fact(''tenant'')::uuid', 'test.sealed()', '''1''']),
    ('bastion.open_bytea_for(uuid,bastion.sealed,text)', ARRAY['test.fact(''tenant'')::uuid', 'test.sealed()', '''1''']),
    ('bastion.rewrap_for(uuid,bastion.sealed,text)', ARRAY['test.fact(''tenant'')::uuid', 'test.sealed()', '''1''']),
    ('bastion.blind_index_for(uuid,text,text)', ARRAY['test.fact(''tenant'')::uuid', '''attack at dawn''', '''smtp''']),
    ('bastion.blind_index_for(uuid,bytea,text)', ARRAY['test.fact(''tenant'')::uuid', '''attack at dawn''::bytea', '''smtp''']),
    ('bastion_internal.unit_closure_rebuild(uuid)', ARRAY['test.fact(''tenant'')::uuid']),
    ('bastion_internal.signing_key_make(integer,text)', ARRAY['(SELECT max(id) FROM bastion.data_keys)', '''ES256''']),
    ('bastion_internal.token_sign(jsonb)', ARRAY['''{"sub": "x"}''']),
    ('bastion.resource_register(text,text[])', ARRAY['''documents''', '''{read}''']),
    ('bastion_internal.protect_resource(text,text[])', ARRAY['''documents''', '''{read}''']),
    ('bastion.protect(regclass,name,name,text,jsonb,text,boolean,boolean,boolean,text,text,name,text,name[],text,boolean,text)',
     ARRAY['''test.documents''', '''tenant_id''', '''owner_id''', '''documents''', '''{}''', '''refuse''', 'false', 'false', 'false',
           'NULL', '''tenant''', '''acl_id''', '''refuse''', '''{}''', 'NULL', 'false', '''all''']),
    ('bastion_internal.check_owner_rights(text,text)', ARRAY['''role''', '''owner''']),
    ('bastion_internal.audit_triggers(regclass,text,text[])', ARRAY['''test.documents''', '''tenant_id''', '''{x:owner_id}''']), ('bastion_internal.plan_audit(regclass,text,text[])', ARRAY['''test.documents''', '''tenant_id''', '''{x:owner_id}''']),
    ('bastion_internal.plan_unaudit(regclass)', ARRAY['''test.documents''']), ('bastion_internal.audit_tenant_column(regclass)', ARRAY['''test.documents''']), ('bastion_internal.audit_columns_now(regclass,text[])', ARRAY['''test.documents''', '''{x:owner_id}''']),
    ('bastion_internal.records_forget(regclass,text,name[])', ARRAY['''test.documents''', '''audited''', '''{x}''']), ('bastion_internal.records_delete(regclass,text,name[])', ARRAY['''test.documents''', '''audited''', '''{x}''']),
    ('bastion_internal.tenant_event_details(text)', ARRAY['''login''']), ('bastion_internal.audit_dropped_object(regclass,oid)', ARRAY['''pg_index''', '1']),
    ('bastion_internal.audit_event(boolean,text,text,text,text,text,uuid,uuid,uuid[],uuid,uuid,uuid,uuid,uuid,text,text,text,text,text)', ARRAY['true', '''login''', '''success''', '''{}''', '''2026''', '''x''', 'gen_random_uuid()', 'gen_random_uuid()', 'ARRAY[gen_random_uuid()]', 'gen_random_uuid()', 'NULL', 'NULL', 'NULL', 'NULL', '''jwt''', '''role''', '''psql''', '''10.0.0.1''', '''agent''']),
    ('bastion_internal.audit_table_entry(text,text,text[],text[],text[],text[])', ARRAY['''a.b''', '''ALTER TABLE''', '''{a}''', '''{b}''', '''{c}''', '''{d}''']), ('bastion_internal.audit_ddl_write(text)', ARRAY['''ADD COLUMN x''']),
    ('bastion_internal.audit_record(regclass,text[])', ARRAY['''test.documents''', '''{}''']), ('bastion_internal.audit_forget(regclass)', ARRAY['''test.documents''']),
    ('bastion.audit_table(regclass,name[],name[],name[],name[],name,boolean)', ARRAY['''test.documents''', 'NULL', '''{owner_id}''', '''{}''', '''{tenant_id}''', '''owner_id''', 'false']), ('bastion.audit_untable(regclass,boolean)', ARRAY['''test.documents''', 'false']),
    ('bastion_internal.audit_table_statements(regclass,name[],name[],name[],name[],name,boolean)', ARRAY['''test.documents''', 'NULL', '''{owner_id}''', '''{}''', '''{tenant_id}''', '''owner_id''', 'true']), ('bastion_internal.audit_untable_statements(regclass,boolean)', ARRAY['''test.documents''', 'true']),
    ('bastion_internal.check_audit_columns(regclass,name[],name[],name[],name[],name)', ARRAY['''test.documents''', 'NULL', '''{owner_id}''', '''{}''', '''{tenant_id}''', '''owner_id''']), ('bastion_internal.audit_entry(bytea)', ARRAY['decode(''010000000000000000000000000000000000000000000000000000000000000000030000000178000000000000000000000000000000000000'', ''hex'')']),
    ('bastion_internal.audit_action(text,text,text,boolean,jsonb)', ARRAY['''seen''', '''thing''', '''1''', 'true', '''{}''']), ('bastion.audit_log(text,text,text,boolean,jsonb)', ARRAY['''seen''', '''thing''', '''1''', 'true', '''{}''']),
    ('bastion.audit_history(regclass,jsonb,integer,timestamp with time zone,xid8,bigint)', ARRAY['''test.documents''', '''{}''', '10', 'now()', '''5''', '1']),
    ('bastion.audit_as_of(regclass,timestamp with time zone)', ARRAY['''test.documents''', 'now()']), ('bastion.audit_picture(regclass,jsonb,integer)', ARRAY['''test.documents''', '''{}''', '10']),
    ('bastion.audit_json_lines(timestamp with time zone,timestamp with time zone)', ARRAY['now()', 'now()']), ('bastion.audit_csv_lines(timestamp with time zone,timestamp with time zone)', ARRAY['now()', 'now()']), ('bastion_internal.audited_name(regclass)', ARRAY['''test.documents''']),
    ('bastion_internal.audit_emptied(regclass,timestamp with time zone)', ARRAY['''test.documents''', 'now()']), ('bastion_internal.audit_shown(jsonb)', ARRAY['''{}''']), ('bastion_internal.audit_time(timestamp with time zone)', ARRAY['now()']),
    ('bastion.unknown_tenants(regclass,boolean)', ARRAY['''test.documents''', 'false']),
    ('bastion_internal.column_values(regclass,name,integer)', ARRAY['''test.documents''', '''tenant_id''', '1000000']),
    ('bastion.unprotect(regclass,boolean)', ARRAY['''test.documents''', 'false']),
    ('bastion.protect_rename(regclass,name,name)', ARRAY['''test.documents''', '''tenant_id''', '''org_id''']),
    ('bastion_internal.protect_follow(regclass)', ARRAY['''test.documents''']),
    ('bastion.composite_keys_create(regclass,boolean)', ARRAY['''test.documents''', 'false']),
    ('bastion_internal.protect_remember(regclass,name[])', ARRAY['''test.documents''', '''{tenant_id}''']),
    ('bastion_internal.protect_record(regclass,name,name,text,jsonb)',
     ARRAY['''test.documents''', '''tenant_id''', '''owner_id''', '''documents''',
           '''{"actions": {}, "existing": "keep", "tenant_fk": false, "citus": false}''']),
    ('bastion_internal.protect_forget(regclass)', ARRAY['''test.documents''']),
    ('bastion.adopt_plan(name,regclass,regclass)', ARRAY['''test''', '''test.documents''', '''test.documents''']),
    ('bastion.lint(text)', ARRAY['''all''']),
    ('bastion.lint_accept(text,text,text)', ARRAY['''test.documents''', '''row security is off''', '''reviewed''']),
    ('bastion.operator_role_declare(regrole,text)', ARRAY['''regress_app''', '''dumps''']),
    ('bastion.global_table_add(regclass,text)', ARRAY['''test.documents''', '''a list of countries''']),
    ('bastion.global_table_remove(regclass)', ARRAY['''test.documents''']),
    ('bastion.schema_guard(name)', ARRAY['''test''']),
    ('bastion.schema_unguard(name)', ARRAY['''test''']),
    ('bastion.role_create(text,text)', ARRAY['''auditor''', '''Reads''']),
    ('bastion.role_delete(text)', ARRAY['''auditor''']),
    ('bastion.role_permission_add(text,text)', ARRAY['''auditor''', '''*.read''']),
    ('bastion.role_permission_remove(text,text)', ARRAY['''auditor''', '''*.read''']),
    ('bastion.role_parent_add(text,text)', ARRAY['''auditor''', '''viewer''']),
    ('bastion.role_parent_remove(text,text)', ARRAY['''auditor''', '''viewer''']),
    ('bastion.membership_set(uuid,text,text,timestamptz,timestamptz)',
     ARRAY['test.fact(''user'')::uuid', '''viewer''', '''default''', 'now()', 'now() + interval ''1 day''']),
    ('bastion.membership_add(uuid,text,text,timestamptz,timestamptz)',
     ARRAY['test.fact(''user'')::uuid', '''viewer''', '''default''', 'now()', 'now() + interval ''1 day''']),
    ('bastion.membership_set(text,text,text,timestamptz,timestamptz)',
     ARRAY['test.fact(''user'')', '''viewer''', '''default''', 'now()', 'now() + interval ''1 day''']),
    ('bastion.membership_add(text,text,text,timestamptz,timestamptz)',
     ARRAY['test.fact(''user'')', '''viewer''', '''default''', 'now()', 'now() + interval ''1 day''']),
    ('bastion.membership_force(uuid,text,text,text,timestamptz,timestamptz)',
     ARRAY['test.fact(''user'')::uuid', '''good''', '''viewer''', '''default''', 'now()', 'now() + interval ''1 day''']),
    ('bastion.membership_force(text,text,text,text,timestamptz,timestamptz)',
     ARRAY['test.fact(''user'')', '''good''', '''viewer''', '''default''', 'now()', 'now() + interval ''1 day''']),
    ('bastion.membership_remove(uuid,text,text)', ARRAY['test.fact(''user'')::uuid', '''default''', '''viewer''']),
    ('bastion.membership_remove(text,text,text)', ARRAY['test.fact(''user'')', '''default''', '''viewer''']),
    ('bastion.permission_grant(uuid,text,text,timestamptz)',
     ARRAY['test.fact(''user'')::uuid', '''*.read''', '''default''', 'now()']),
    ('bastion.permission_grant(text,text,text,timestamptz)',
     ARRAY['test.fact(''user'')', '''*.read''', '''default''', 'now()']),
    ('bastion.permission_deny(uuid,text,text,timestamptz)',
     ARRAY['test.fact(''user'')::uuid', '''*.read''', '''default''', 'now()']),
    ('bastion.permission_deny(text,text,text,timestamptz)',
     ARRAY['test.fact(''user'')', '''*.read''', '''default''', 'now()']),
    ('bastion.permission_remove(uuid,text,text)', ARRAY['test.fact(''user'')::uuid', '''*.read''', '''default''']),
    ('bastion.permission_remove(text,text,text)', ARRAY['test.fact(''user'')', '''*.read''', '''default''']),
    ('bastion.unit_create(text,text,text,text)', ARRAY['''team''', '''Sales''', '''sales''', '''default''']),
    ('bastion.unit_move(text,text)', ARRAY['''default''', 'NULL']),
    ('bastion.unit_delete(text)', ARRAY['''default''']),
    ('bastion.platform_role_set(uuid,text,timestamptz,timestamptz)',
     ARRAY['test.fact(''user'')::uuid', '''viewer''', 'now()', 'now() + interval ''1 day''']),
    ('bastion.platform_role_set(text,text,timestamptz,timestamptz)',
     ARRAY['test.fact(''user'')', '''viewer''', 'now()', 'now() + interval ''1 day''']),
    ('bastion.platform_role_remove(uuid,text)', ARRAY['test.fact(''user'')::uuid', '''viewer''']),
    ('bastion.platform_role_remove(text,text)', ARRAY['test.fact(''user'')', '''viewer''']),
    ('bastion_internal.bytes_as_table_owner(regclass,text,bytea,oid)', ARRAY['''test.sealed_documents''', '''SELECT $1''', '''x''', '17']),
    ('bastion_internal.openable_secrets()', '{}'), 
    ('bastion_internal.as_table_owner(regclass,text,text,text,text)',
     ARRAY['''test.documents''', '''SELECT $1 || $2''', '''a''', '''b''', 'NULL']),
    ('bastion.share(regclass,text,uuid,uuid,uuid,uuid,text,timestamptz)',
     ARRAY['''test.documents''', '''1''', 'test.fact(''user'')::uuid', 'NULL', 'NULL', 'NULL', '''read''', '''infinity''']),
    ('bastion.unshare(regclass,text,uuid,uuid,uuid,uuid)',
     ARRAY['''test.documents''', '''1''', 'test.fact(''user'')::uuid', 'NULL', 'NULL', 'NULL']),
    ('bastion_internal.share_subject_named(text,text)', ARRAY['''user''', 'test.fact(''user'')']),
    ('bastion.share(regclass,text,text,text,text,text,text,timestamptz)',
     ARRAY['''test.documents''', '''1''', 'test.fact(''user'')', 'NULL', 'NULL', 'NULL', '''read''', '''infinity''']),
    ('bastion.unshare(regclass,text,text,text,text,text)',
     ARRAY['''test.documents''', '''1''', 'test.fact(''user'')', 'NULL', 'NULL', 'NULL']),
    ('bastion.row_transfer(regclass,text,text)', ARRAY['''test.documents''', '''1''', 'test.fact(''user'')']),
    ('bastion.shares_of(regclass,text)', ARRAY['''test.documents''', '''1''']),
    ('bastion.authzen_evaluation(jsonb)', ARRAY['''{"subject": {"type": "user", "id": "x"}, "resource": {"type": "documents", "id": "1"}, "action": {"name": "read"}}''']), ('bastion.authzen_evaluations(jsonb)', ARRAY['''{"subject": {"type": "user", "id": "x"}, "resource": {"type": "documents", "id": "1"}, "action": {"name": "read"}}''']), ('bastion_internal.authzen_decide(jsonb)', ARRAY['''{"subject": {"type": "user", "id": "x"}, "resource": {"type": "documents", "id": "1"}, "action": {"name": "read"}}''']),
    ('bastion_internal.authzen_permission(text,text)', ARRAY['''documents''', '''can_read''']), ('bastion_internal.authzen_entity(jsonb,text[])', ARRAY['''{"name": "read"}''', '''{name}''']), ('bastion_internal.authzen_answer(boolean,text)', ARRAY['true', '''a reason''']),
    ('bastion.explain_access(uuid,text,regclass,text,text,text)',
     ARRAY['test.fact(''user'')::uuid', '''documents.read''', '''test.documents''', '''1''', '''good''', '''default''']),
    ('bastion.explain_access(text,text,regclass,text,text,text)',
     ARRAY['test.fact(''user'')', '''documents.read''', '''test.documents''', '''1''', '''good''', '''default''']),
    ('bastion.explain_access_text(uuid,text,regclass,text,text,text)',
     ARRAY['test.fact(''user'')::uuid', '''documents.read''', '''test.documents''', '''1''', '''good''', '''default''']),
    ('bastion.explain_access_text(text,text,regclass,text,text,text)',
     ARRAY['test.fact(''user'')', '''documents.read''', '''test.documents''', '''1''', '''good''', '''default''']),
    ('bastion.explain_member_access(uuid,text,regclass,text,text)',
     ARRAY['test.fact(''user'')::uuid', '''documents.read''', '''test.documents''', '''1''', '''default''']),
    ('bastion.explain_member_access(text,text,regclass,text,text)',
     ARRAY['test.fact(''user'')', '''documents.read''', '''test.documents''', '''1''', '''default''']),
    ('bastion.explain_member_access_text(uuid,text,regclass,text,text)',
     ARRAY['test.fact(''user'')::uuid', '''documents.read''', '''test.documents''', '''1''', '''default''']),
    ('bastion.explain_member_access_text(text,text,regclass,text,text)',
     ARRAY['test.fact(''user'')', '''documents.read''', '''test.documents''', '''1''', '''default''']),
    ('bastion_internal.access_picture(integer,integer,text,text,text,text,boolean)',
     ARRAY['1', '0', '''role''', '''owner''', '''holds *''', '''grants''', 'true']),
    ('bastion.permission_matrix(text)', ARRAY['''good''']),
    ('bastion.permission_matrix_text(text)', ARRAY['''good''']),
    ('bastion.acl_prune(text)', ARRAY['''good''']),
    ('bastion.tenant_delete(text)', ARRAY['''good''']),
    ('bastion_internal.run_unseen(text)', ARRAY['''COMMENT ON TABLE test.documents IS NULL''']),
    ('bastion_internal.count_nulls(regclass,name)', ARRAY['''test.documents''', '''tenant_id''']),
    ('bastion_internal.has_rows_without(regclass,name)', ARRAY['''test.documents''', '''tenant_id''']),
    ('bastion_internal.fill_pages(regclass,name,name,text,name,bigint,bigint)',
     ARRAY['''test.documents''', '''tenant_id''', 'NULL', '''tenant''', '''acl_id''', '0', '1']),
    ('bastion_internal.open_acl_column(regclass,name,name,text,name,integer)',
     ARRAY['''test.documents''', '''tenant_id''', 'NULL', '''tenant''', '''acl_id''', '10']),
    ('bastion.reference_add(regclass,name,text,text,name)',
     ARRAY['''test.documents''', '''tenant_id''', '''tenants''', '''cascade''', 'NULL']),
    ('bastion.allow_app_role(regrole)', ARRAY['''regress_stranger''']),
    ('bastion.setup_roles(name,name,name)', ARRAY['''regress_app''', '''regress_stranger''', '''regress_new_door''']),
    ('bastion.allow_loader_role(regrole)', ARRAY['''regress_stranger''']),
    ('bastion.disallow_app_role(regrole)', ARRAY['''regress_stranger''']),
    ('bastion.allow_migration_role(regrole)', ARRAY['''regress_stranger''']), ('bastion.allow_monitoring_role(regrole)', ARRAY['''regress_stranger''']),
    ('bastion.allow_mailer_role(regrole)', ARRAY['''regress_stranger''']);
CREATE FUNCTION test.key() RETURNS jsonb LANGUAGE sql IMMUTABLE
AS $$ SELECT '{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}'::jsonb $$;

-- The settings of a token, and the first reader after them.
CREATE FUNCTION test.read_with(token text, tenant text, unit text) RETURNS uuid LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_config('bastion.token', read_with.token, true), set_config('bastion.tenant', read_with.tenant, true),
            set_config('bastion.unit', read_with.unit, true);
    RETURN bastion.user_id();
END
$$;
COMMENT ON FUNCTION test.read_with(text, text, text) IS 'SQLSTATE 28000 when a token was presented and refused.';
INSERT INTO test.functions VALUES ('test.read_with(text,text,text)', ARRAY['test.fact(''token'')', '''good''', '''default''']);

\set ECHO all
-- Every function that the application role may execute, every one outside bastion_internal, every one in C.
CREATE VIEW test.missing AS
SELECT p.oid::regprocedure AS name FROM pg_proc p
WHERE p.pronamespace IN ('bastion'::regnamespace, 'bastion_api'::regnamespace, 'bastion_internal'::regnamespace, 'bastion_test'::regnamespace)
  AND (has_function_privilege('regress_app', p.oid, 'EXECUTE') OR p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'c')
       OR p.pronamespace <> 'bastion_internal'::regnamespace)
  -- procedures are called, not selected
  AND p.prokind = 'f'
  AND 'internal'::regtype <> ALL (p.proargtypes::oid[]) -- SQL cannot call it
  AND NOT EXISTS (SELECT FROM test.functions f WHERE f.name = p.oid);
SELECT * FROM test.missing;
BEGIN;
CREATE FUNCTION bastion.planted(text) RETURNS text LANGUAGE sql AS $$ SELECT $1 $$;
GRANT EXECUTE ON FUNCTION bastion.planted TO regress_app;
SELECT * FROM test.missing;
ROLLBACK;
SELECT name, cardinality(arguments) FROM test.functions WHERE cardinality(arguments) <>
    (SELECT pronargs FROM pg_proc WHERE oid = name::oid);

\set ECHO none
-- "arguments" are the only ones that a value is for.
CREATE TABLE test.values (id int GENERATED ALWAYS AS IDENTITY, type regtype, label text, expression text, arguments text[]);
INSERT INTO test.values (type, label, expression, arguments)
SELECT 'text', v.*, ARRAY['token', 'hash', 'password', 'purpose', 'value', 'algorithm'] FROM (VALUES
    ('not base64', 'test.marker() || ''%%.==.@'''),
    ('three parts', '''e30.e30.'' || test.marker()'),
    ('API key', '''bst_live_0000000000000000000000_'' || repeat(test.marker(), 3)'),
    ('digits', 'repeat(''9'', 400)'),
    ('hash of no algorithm', '''$argon2x$v=19$m=8,t=1,p=1$'' || test.marker()'),
    ('hash of huge cost', '''$argon2id$v=19$m=4294967295,t=4294967295,p=1$c2VjcmV0bWFya2Vy$c2VjcmV0bWFya2VyYWJjZGVm''')) v;
INSERT INTO test.values (type, label, expression) VALUES
    ('text', 'NULL', 'NULL'),
    ('text', 'empty', ''''''),
    ('text', 'spaces', '''  '''),
    ('text', '1 MB', 'repeat(test.marker(), 87382)'),
    ('text', 'control characters', 'E''\x01\x02\r\n'' || test.marker() || E''\x7f'''),
    ('text', 'outside ASCII', 'U&''\00e9\4e2d\d83d\de00'' || test.marker()'),
    ('text', 'quotes', '$$''"\;--%s%n$$ || test.marker()'),
    ('text', 'word', 'test.marker()'),
    ('bastion.secrets', 'NULL', 'NULL'), ('bastion.secrets', 'empty', 'jsonb_populate_record(NULL::bastion.secrets, ''{}'')'),
    ('tid[]', 'NULL', 'NULL'), ('tid[]', 'a place', '''{"(0,1)"}'''), ('bytea[]', 'NULL', 'NULL'), ('bytea[]', 'null', '''{NULL}'''), ('bytea[]', 'nested', '''{{a,b},{c,d}}'''),
    ('jsonb', 'NULL', 'NULL'),
    ('jsonb', 'null', '''null'''),
    ('jsonb', 'true', '''true'''),
    ('jsonb', 'huge number', '''1e10000'''),
    ('jsonb', 'text', 'to_jsonb(test.marker())'),
    ('jsonb', 'array', '''[]'''),
    ('jsonb', 'array of text', 'jsonb_build_array(test.marker())'),
    ('jsonb', 'unknown member', 'jsonb_build_object(test.marker(), test.marker())'),
    ('jsonb', 'member of 1 MB', 'jsonb_build_object(''k'', repeat(test.marker(), 87382))'),
    ('jsonb', 'deep', '(repeat(''['', 3000) || repeat('']'', 3000))::jsonb'),
    ('jsonb', 'deep member', '(''{"k": '' || repeat(''['', 3000) || repeat('']'', 3000) || ''}'')::jsonb'),
    ('jsonb', 'members that are text', '''{"kty": "x", "alg": "x", "k": "x", "now": "x", "exp": "x", "cost": "x", "keys": "x", "typ": "x", "read": "x"}'''),
    ('jsonb', 'members that are numbers', '''{"kty": 1, "alg": 1, "k": 1, "now": 1, "exp": 1e400, "cost": 1e400, "keys": 1, "typ": 1, "read": 1}'''),
    ('jsonb', 'negative numbers', '''{"exp": -1e300, "cost": -1, "leeway": -1, "iterations": -1}'''),
    ('bytea', 'NULL', 'NULL'),
    ('bytea', 'empty', ''''''),
    ('bytea', 'one byte', '''\xb7'''),
    ('bytea', 'zeros', 'decode(repeat(''00'', 200), ''hex'')'),
    ('bytea', '1 MB', 'convert_to(repeat(test.marker(), 87382), ''UTF8'')'),
    ('oid', 'NULL', 'NULL'),
    ('oid', 'nothing', '4294967295'),
    ('bastion_internal.named_table', 'NULL', 'NULL'),
    ('bastion_internal.named_table', 'no table', '''test.gone'''),
    ('bastion_internal.named_table', 'dropped', '''4294967295''::regclass::bastion_internal.named_table'),
    ('bastion.sealed', 'NULL', 'NULL'),
    ('bastion.sealed', 'of no key', '''\xb701000000000000'' || repeat(''00'', 100)'),
    ('bastion.sealed', 'without contents', '''\xb701000000000001'' || repeat(''00'', 72)'),
    ('bastion.sealed', 'changed', 'set_bit(test.sealed()::bytea, 700, 1 - get_bit(test.sealed()::bytea, 700))'),
    ('bastion.sealed', 'of another place', 'test.fact(''sealed elsewhere'')::bastion.sealed'),
    ('bastion.sealed', 'of the house', 'test.fact(''sealed for the house'')::bastion.sealed'),
    ('cstring', 'NULL', 'NULL'),
    ('cstring', 'plaintext', 'test.marker()'),
    ('cstring', 'hexadecimal', '''\x'' || test.marker()'),
    ('cstring', '1 MB', 'repeat(test.marker(), 87382)'),
    ('"char"', 'NULL', 'NULL'),
    ('"char"', 'zero byte', ''''''),
    ('"char"', 'unknown', '''?'''),
    ('uuid[]', 'NULL', 'NULL'), ('uuid[]', 'of NULL', '''{NULL}'''), ('uuid[]', 'of one', 'ARRAY[gen_random_uuid()]'),
    ('uuid', 'NULL', 'NULL'),
    ('uuid', 'zeros', '''00000000-0000-0000-0000-000000000000'''),
    ('uuid', 'ones', '''ffffffff-ffff-ffff-ffff-ffffffffffff'''),
    ('timestamp', 'NULL', 'NULL'),
    ('timestamp', 'infinity', '''infinity'''),
    ('timestamptz', 'NULL', 'NULL'),
    ('timestamptz', 'infinity', '''infinity'''),
    ('timestamptz', 'minus infinity', '''-infinity'''),
    ('boolean', 'NULL', 'NULL'),
    ('numeric', 'NULL', 'NULL'),
    ('numeric', 'not a number', '''NaN'''),
    ('numeric', 'infinite', '''infinity'''),
    ('xid8', 'NULL', 'NULL'), ('xid8', 'zero', '''0'''), ('xid8', 'huge', '''18446744073709551615'''),
    ('bastion.audit_logs', 'NULL', 'NULL'), ('bastion.audit_logs', 'empty', 'jsonb_populate_record(NULL::bastion.audit_logs, ''{}'')'),
    ('bigint', 'NULL', 'NULL'),
    ('bigint', 'zero', '0'),
    ('bigint', 'negative', '-9223372036854775808'),
    ('bigint', 'huge', '9223372036854775807'),
    ('integer', 'NULL', 'NULL'),
    ('inet', 'NULL', 'NULL'),
    ('inet', 'IPv4', '''192.0.2.1'''),
    ('inet', 'IPv6', '''2001:db8::1/64'''),
    ('interval', 'NULL', 'NULL'),
    ('interval', 'zero', '''0'''),
    ('interval', 'negative', '''-1 year'''),
    ('double precision', 'zero', '0'), ('double precision', 'negative', '-1'), ('double precision', 'huge', '1e308'), ('double precision', 'NaN', '''NaN'''), ('double precision', 'infinity', '''Infinity'''),
    ('numeric', 'zero', '0'), ('numeric', 'negative', '-1'), ('numeric', 'huge', '1e30'), ('numeric', 'fine', '0.0000000001'), ('numeric', 'minus infinity', '''-Infinity'''),
    ('numeric[]', 'empty', '''{}'''), ('numeric[]', 'with NULL', '''{NULL}'''), ('numeric[]', 'NaN', '''{NaN}'''), ('numeric[]', 'two', '''{1,2}'''), ('numeric[]', 'of two dimensions', '''{{1},{2}}'''), ('date', 'infinity', '''infinity'''), ('date', 'long ago', '''0001-01-01'''),
    ('interval', 'months less days', '''12000 months -359970 days'''),
    ('interval', 'huge', '''178000000 years'''),
    ('integer', 'zero', '0'),
    ('integer', 'negative', '-2147483648'),
    ('integer', 'huge', '2147483647'),
    ('regoperator', 'NULL', 'NULL'),
    ('regoperator', 'no operator', '0'),
    ('regprocedure', 'NULL', 'NULL'),
    ('regprocedure', 'no function', '0'),
    ('regclass', 'NULL', 'NULL'),
    ('regclass', 'no table', '0'),
    ('regclass', 'dropped', '4294967295'),
    ('regclass', 'system table', '''pg_catalog.pg_class'''),
    ('regclass', 'table of the extension', '''bastion.users'''),
    ('regclass', 'view', '''test.documents_view'''),
    ('regclass', 'materialized view', '''test.documents_matview'''),
    ('regclass', 'sequence', '''test.numbers'''),
    ('regclass', 'index', '''test.documents_pkey'''),
    ('regrole', 'NULL', 'NULL'),
    ('regrole', 'no role', '0'),
    ('regrole', 'dropped', '4294967295'),
    ('name', 'NULL', 'NULL'),
    ('name', 'empty', ''''''),
    ('name', 'unknown', '''nowhere'''),
    ('name', 'quotes', '$$''";--$$'),
    ('name', 'control characters', 'E''a\nb'''),
    ('name', 'outside ASCII', '''é中'''),
    ('name', 'too long', 'repeat(''x'', 1000)::name'),
    ('name', 'of the system', '''pg_catalog'''),
    ('name', 'system column', '''ctid'''),
    ('name[]', 'NULL', 'NULL'),
    ('name[]', 'empty', '''{}'''),
    ('name[]', 'of NULL', '''{NULL}'''),
    ('name[]', 'unknown', '''{nowhere}'''),
    ('integer[]', 'NULL', 'NULL'),
    ('integer[]', 'empty', '''{}'''),
    ('integer[]', 'of NULL', '''{NULL}'''),
    ('integer[]', 'negative', '''{-1}'''),
    ('integer[]', 'two dimensions', '''{{1,2},{3,4}}'''),
    ('integer[]', 'many', 'array_fill(1, ARRAY[1000])'),
    ('text[]', 'NULL', 'NULL'),
    ('text[]', 'empty', '''{}'''),
    ('text[]', 'of NULL', '''{NULL}'''),
    ('text[]', 'of 1 MB', 'ARRAY[repeat(test.marker(), 87382)]'),
    ('text[]', 'in two dimensions', '''{{read,update},{read,""}}''');

CREATE TABLE test.calls (
    id int GENERATED ALWAYS AS IDENTITY, function regprocedure, argument text, label text, call text,
    outcome text, message text, changes text);
INSERT INTO test.calls (function, argument, label, call)
SELECT f.name, p.proargnames[i], coalesce(v.label, 'good'),
       format('%s.%I(%s)', p.pronamespace::regnamespace, p.proname,
              array_to_string(CASE WHEN v.id IS NULL THEN f.arguments
                                   ELSE f.arguments[:i - 1] || format('(%s)::%s', v.expression, v.type) || f.arguments[i + 1:]
                              END, ', '))
FROM test.functions f JOIN pg_proc p ON p.oid = f.name CROSS JOIN generate_series(0, p.pronargs) i
LEFT JOIN test.values v ON v.type = p.proargtypes[i - 1] AND (v.arguments IS NULL OR p.proargnames[i] = ANY (v.arguments))
ORDER BY f.name::text COLLATE "C", i, v.id;

CREATE FUNCTION test.contents() RETURNS jsonb LANGUAGE plpgsql
AS $$
DECLARE
    answer jsonb;
BEGIN
    EXECUTE (SELECT 'SELECT jsonb_object_agg(name, ARRAY[rows::text, sum]) FROM (' || string_agg(
                    format('SELECT %L AS name, count(*) AS rows, md5(string_agg(t::text, '','' ORDER BY t::text)) AS sum FROM %s t',
                           c.relname, c.oid::regclass), ' UNION ALL ') || ') x'
             -- Every attempt changes the latter.
             FROM pg_class c WHERE c.relnamespace = 'bastion'::regnamespace AND c.relkind = 'r' AND c.relname <> 'throttle_sets')
    INTO answer;
    RETURN answer;
END
$$;
CREATE FUNCTION test.changes(before jsonb, after jsonb) RETURNS text LANGUAGE sql
AS $$
    SELECT string_agg(format('%s %s', to_char((a.value ->> 0)::int - (before -> a.key ->> 0)::int, 'SG0'), a.key), ', ' ORDER BY a.key)
    FROM jsonb_each(after) a WHERE a.value <> before -> a.key
$$;
-- Makes one call and takes back what it wrote, which is compared with the contents before the first call. What has no transaction id wrote nothing.
CREATE FUNCTION test.try(statement text, as_app boolean, OUT outcome text, OUT message text, OUT changes text) LANGUAGE plpgsql
AS $$
DECLARE
    is_null boolean;
    detail text;
    hint text;
    context text;
BEGIN
    BEGIN
        IF as_app THEN
            SET LOCAL ROLE regress_app;
        END IF;
        EXECUTE format('SELECT f IS NULL, format(''%%s'', f) FROM %s f', statement) INTO is_null, message;
        RESET ROLE;
        IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
            changes := test.changes(test.fact('contents')::jsonb, test.contents());
        END IF;
        RAISE EXCEPTION USING ERRCODE = 'ZZ000';
    EXCEPTION
        WHEN SQLSTATE 'ZZ000' THEN
            outcome := CASE WHEN is_null IS NULL THEN 'no rows' WHEN is_null THEN 'NULL' WHEN message = '' THEN 'done'
                            -- the order of ciphertexts is that of their nonces
                            WHEN statement ~ 'sealed_(lt|le|ge|gt)\(' THEN 'a value'
                            WHEN message IN ('t', 'f') THEN message::boolean::text
                            WHEN message LIKE '{"error": %' THEN 'returned ' || (message::jsonb ->> 'error')
                            ELSE 'a value' END;
            message := NULL;
        WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT,
                                    context = PG_EXCEPTION_CONTEXT;
            outcome := concat(SQLSTATE, ' ', left(regexp_replace(message, '"/[^"]*"', '"…"'), 110));
            message := concat_ws(E'\n', message, detail, hint, context);
    END;
END
$$;
-- Each call in a transaction of its own, because a transaction keeps its first identity.
CREATE PROCEDURE test.run() LANGUAGE plpgsql
AS $$
DECLARE
    c test.calls;
    result record;
BEGIN
    INSERT INTO test.facts VALUES ('contents', test.contents());
    FOR c IN SELECT * FROM test.calls WHERE outcome IS NULL ORDER BY id LOOP
        -- It finds no attempts of the calls before, which outlive their rollback.
        PERFORM bastion_internal.throttle_clear('account', a) FROM unnest(ARRAY['user ' || test.fact('user'), 'user x']) a;
        COMMIT;
        result := test.try(c.call, has_function_privilege('regress_app', c.function, 'EXECUTE'));
        COMMIT;
        UPDATE test.calls SET outcome = result.outcome, message = result.message, changes = result.changes WHERE id = c.id;
        COMMIT;
    END LOOP;
END
$$;
\set ECHO all
SELECT p.oid::regprocedure AS name, t::regtype AS type_without_values
FROM test.functions f JOIN pg_proc p ON p.oid = f.name, unnest(p.proargtypes) t
WHERE t NOT IN (SELECT type FROM test.values);
-- A slow run must not find mail that is due again where a quick one finds none.
UPDATE bastion.one_time_tokens SET mailed_at = mailed_at - interval '61 s';
CALL test.run();

\pset format unaligned
SELECT function, outcome, string_agg(concat_ws(' ', nullif(argument, ''), label), ', ' ORDER BY id) AS calls, changes
FROM test.calls GROUP BY function, outcome, changes ORDER BY function::text COLLATE "C", min(id);
\pset format aligned

-- Nothing that was passed comes back in a message, except the names of things where these are the argument. The check bites.
CREATE FUNCTION test.leaky(password text) RETURNS void LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION 'no' USING DETAIL = password; END $$;
SELECT (test.try('test.leaky(test.marker())', false)).message ~ test.marker() AS seen;
SELECT function, argument, label FROM test.calls
WHERE message ~* test.marker() AND function <> 'bastion_internal.setting(text)'::regprocedure
ORDER BY id;
SELECT function, argument, label FROM test.calls WHERE length(message) > 2000 ORDER BY id;
-- The comment of the function names every SQLSTATE and every returned error. A trigger function cannot be called at all.
SELECT DISTINCT function, code
FROM test.calls, coalesce(substring(outcome from '^([0-9A-Z]{5}) '), substring(outcome from '^returned (.*)$')) code
WHERE strpos(coalesce(obj_description(function, 'pg_proc'), ''), code) = 0 AND function NOT IN ('bastion_internal.invalidate()'::regprocedure, 'bastion_internal.keep_acl()', 'bastion_internal.fill_acl()', 'bastion_internal.move_acl()', 'bastion_internal.count_rows()', 'bastion_internal.audit_change()', 'bastion_internal.audit_ddl()', 'bastion_internal.keep_columns()', 'bastion_internal.guard_foreign_code()')
ORDER BY function, code;

-- What a function does with good values depends on no setting of its caller. Values are compared in their binary form, and
-- under quote_all_identifiers in their text form without quotes. Each call is parsed before the settings are made, as an owner of a
-- tenant.
\set ECHO none
CREATE FUNCTION test.result(statement text, as_app boolean, settings text[]) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION test.called() RETURNS text LANGUAGE sql BEGIN ATOMIC '
                   'SELECT concat(md5(string_agg(encode(record_send(ROW(f)), ''hex''), '','')), '' '', '
                   'md5(string_agg(translate(format(''%%s'', f), ''"'', ''''), '',''))) FROM %s f; END', statement);
    PERFORM bastion.authenticate(test.fact('token'));
    IF as_app THEN
        SET LOCAL ROLE regress_app;
    END IF;
    PERFORM set_config(split_part(s, '=', 1), split_part(s, '=', 2), true) FROM unnest(settings) s;
    answer := test.called();
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION
    WHEN SQLSTATE 'ZZ000' THEN
        RETURN answer;
    WHEN OTHERS THEN
        RETURN SQLSTATE;
END
$$;
CREATE TABLE test.settings (name text PRIMARY KEY, settings text[]);
INSERT INTO test.settings VALUES ('none', '{}'), ('none, again', '{}'),
    ('words', '{standard_conforming_strings=off,array_nulls=off,transform_null_equals=on,xmloption=document,search_path=nowhere}'),
    ('quotes', '{quote_all_identifiers=on}'),
    ('forms', '{bytea_output=escape,datestyle=German,intervalstyle=sql_standard,timezone=Asia/Kathmandu,extra_float_digits=-15}'),
    ('read only', '{transaction_read_only=on}'), ('no row security', '{row_security=off}');
CREATE TABLE test.results (call text, function regprocedure, settings text, result text, PRIMARY KEY (call, settings));
CREATE PROCEDURE test.run_settings() LANGUAGE plpgsql
AS $$
DECLARE
    c record;
    result text;
BEGIN
    FOR c IN SELECT DISTINCT f.function, f.call, s.name, s.settings FROM test.calls f, test.settings s WHERE f.label = 'good' LOOP
        -- However long this takes, the login is recent in each call.
        UPDATE bastion.sessions s SET authenticated_at = clock_timestamp() WHERE s.authenticated_at < clock_timestamp() - interval '1 minute';
        COMMIT;
        result := test.result(c.call, has_function_privilege('regress_app', c.function, 'EXECUTE'), c.settings);
        ROLLBACK;
        INSERT INTO test.results VALUES (c.call, c.function, c.name, result);
        COMMIT;
    END LOOP;
END
$$;
\set ECHO all
CALL test.run_settings();
-- Errors and answers alike; of answers that are the same each time, the value too. A time in JSON has the offset of the session, and
-- plan_notes() is about the statement before.
SELECT r.function, r.settings, length(a.result) = 5 AS failed_before, length(r.result) = 5 AS fails
FROM test.results r JOIN test.results a ON a.call = r.call AND a.settings = 'none' JOIN test.results b ON b.call = r.call AND b.settings = 'none, again',
     LATERAL (VALUES (CASE r.settings WHEN 'quotes' THEN 2 ELSE 1 END)) form (number)
WHERE split_part(r.result, ' ', form.number) <> split_part(a.result, ' ', form.number) AND r.settings NOT IN ('read only', 'no row security')
  AND (a.result = b.result OR length(r.result) = 5 OR length(a.result) = 5) AND r.function NOT IN ('bastion.plan_notes()'::regprocedure, 'bastion.login_unlock(text)'::regprocedure)
ORDER BY r.function::text COLLATE "C", r.settings;
-- in a read-only transaction each write has the same SQLSTATE; without row security, what reads as its caller has one
SELECT r.settings, r.result, count(*) > 20 AS many FROM test.results r JOIN test.results a ON a.call = r.call AND a.settings = 'none'
WHERE r.settings IN ('read only', 'no row security') AND length(r.result) = 5 AND r.result <> a.result
GROUP BY r.settings, r.result ORDER BY r.settings, r.result;
-- most of them answer, and answer the same each time; the check bites
SELECT count(*) FILTER (WHERE length(a.result) > 5) > 150 AS answers, count(*) FILTER (WHERE length(a.result) > 5 AND a.result = b.result) > 100 AS the_same
FROM test.results a JOIN test.results b USING (call) WHERE a.settings = 'none' AND b.settings = 'none, again';
CREATE FUNCTION test.depends() RETURNS text LANGUAGE sql AS $$ SELECT concat(now(), '\\'::bytea, '{NULL}'::text[]) $$;
SELECT name, test.result('test.depends()', false, '{}') <> test.result('test.depends()', false, settings) AS seen FROM test.settings WHERE name IN ('words', 'forms');

-- What is PARALLEL SAFE answers in a worker what it answers to its leader, for an owner of a tenant and without an identity.
-- The check bites: test.reaches() hides what it calls.
\set ECHO none
SELECT format('ALTER FUNCTION %s PARALLEL SAFE', oid::regprocedure) FROM pg_proc WHERE pronamespace = 'test'::regnamespace AND provolatile <> 'v' AND prokind = 'f' \gexec
CREATE TABLE test.rows WITH (parallel_workers = 2) AS SELECT n FROM generate_series(1, 4) n;
GRANT SELECT ON test.rows TO regress_app;
CREATE FUNCTION test.answer(call text, as_app boolean, token text, workers int) RETURNS text LANGUAGE plpgsql
AS $$
BEGIN
    IF token IS NOT NULL THEN
        PERFORM bastion.authenticate(token);
    END IF;
    IF as_app THEN
        SET LOCAL ROLE regress_app;
    END IF;
    SET LOCAL parallel_setup_cost = 0;
    SET LOCAL parallel_tuple_cost = 0;
    SET LOCAL min_parallel_table_scan_size = 0;
    SET LOCAL parallel_leader_participation = off;
    PERFORM set_config('max_parallel_workers_per_gather', workers::text, true);
    EXECUTE format('SELECT max(format(''%%s'', f)) FROM test.rows CROSS JOIN %s f', call);
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION
    WHEN SQLSTATE 'ZZ000' THEN
        RETURN 'answers';
    WHEN OTHERS THEN
        RETURN SQLSTATE;
END
$$;
CREATE TABLE test.answers (call text, token text, leader text, worker text);
CREATE FUNCTION test.reaches() RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$ BEGIN RETURN bastion.can_by_acl('own.profile.read', 1); END $$;
CREATE PROCEDURE test.run_answers() LANGUAGE plpgsql
AS $$
DECLARE
    c record;
    leader text;
    worker text;
BEGIN
    FOR c IN SELECT DISTINCT f.call, has_function_privilege('regress_app', f.function, 'EXECUTE') AS as_app, t.token
             FROM test.calls f JOIN pg_proc p ON p.oid = f.function, (VALUES (test.fact('token')), (NULL)) t (token)
             WHERE f.label = 'good' AND p.proparallel = 's' UNION ALL SELECT 'test.reaches()', false, test.fact('token') LOOP
        leader := test.answer(c.call, c.as_app, c.token, 0);
        ROLLBACK;
        -- what the leader has read, its workers would be sent
        UPDATE bastion.memberships SET valid_until = valid_until;
        COMMIT;
        worker := test.answer(c.call, c.as_app, c.token, 2);
        ROLLBACK;
        INSERT INTO test.answers VALUES (c.call, c.token, leader, worker);
        COMMIT;
    END LOOP;
END
$$;
\set ECHO all
CALL test.run_answers();
SELECT call, token IS NOT NULL AS identity, leader, worker FROM test.answers WHERE leader <> worker ORDER BY call COLLATE "C", identity;
SELECT count(*) FILTER (WHERE worker = 'answers' AND token IS NOT NULL) > 100 AS many_answer FROM test.answers;

-- What the server itself keeps out: no text and no jsonb ever holds these.
SELECT call, left((test.try(call, true)).outcome, 5) FROM unnest(ARRAY[
    $$convert_from('\xff', 'UTF8')$$, $$convert_from('\xeda080', 'UTF8')$$, $$convert_from('\xc080', 'UTF8')$$, $$chr(0)$$,
    $$jsonb_in('{"a": "\u0000"}')$$, $$jsonb_in('{"a": "\ud800"}')$$, $$jsonb_in('{"a": NaN}')$$, $$jsonb_in('{"a": 1,}')$$]) call;

-- Tokens with a right signature over wrong text, which jsonb never saw.
CREATE FUNCTION test.padded(pad int) RETURNS bytea LANGUAGE sql
AS $$
    SELECT decode(string_agg(lpad(to_hex(get_byte(key, i) # pad), 2, '0'), '' ORDER BY i), 'hex')
    FROM decode(rpad(translate(test.key() ->> 'k', '-_', '+/'), 88, '='), 'base64') key, generate_series(0, 63) i
$$;
CREATE FUNCTION test.base64url(bytes bytea) RETURNS text LANGUAGE sql AS $$ SELECT translate(encode(bytes, 'base64'), E'+/=\n', '-_') $$;
CREATE FUNCTION test.token(header bytea, payload bytea) RETURNS text LANGUAGE sql
AS $$
    SELECT concat(message, '.', test.base64url(sha256(test.padded(92) || sha256(test.padded(54) || message::bytea))))
    FROM concat(test.base64url(header), '.', test.base64url(payload)) message
$$;
CREATE FUNCTION test.verify(header bytea, payload bytea, tail text DEFAULT '') RETURNS jsonb LANGUAGE sql
AS $$ SELECT bastion.jwt_verify(test.token(header, payload) || tail, test.key(), '{"now": 1000, "allow_missing_exp": true}') $$;
SELECT label, payload, (test.try(format('test.verify(%L, %L)', '{"alg":"HS256"}', payload), true)).outcome
FROM (VALUES
    ('good', '{"exp":1001}'), ('empty', ''), ('no object', '[]'), ('no object', '1'), ('no object', 'null'),
    ('rest', '{} {}'), ('rest', '{}x'), ('unfinished', '{"a":'), ('duplicate', '{"exp":1001,"exp":1002}'),
    ('duplicate below', '{"a":[{"b":1,"b":1}]}'), ('duplicate in disguise', '{"exp":1,"\\u0065xp":1001}'),
    ('no UTF-8', '{"a":"\377"}'), ('overlong', '{"a":"\300\257"}'), ('surrogate', '{"a":"\355\240\200"}'),
    ('byte order mark', '\357\273\277{}'), ('UTF-16', '\377\376{\000}\000'), ('NUL', '{}\000'), ('escaped NUL', '{"a":"\\u0000"}'),
    ('escaped half', '{"a":"\\ud800"}'), ('control character', '{"a":"\001"}'), ('no number', '{"exp":NaN}'),
    ('no number', '{"exp":Infinity}'), ('no number', '{"exp":0x10}'), ('too large', '{"exp":1e400}'),
    ('too large', '{"a":1e999999}'), ('too large', '{"a":-1e999999}'), ('large', '{"exp":99999999999999999999999}'), ('text', '{"exp":"1001"}'),
    ('null', '{"exp":null}'), ('text', '{"nbf":"0"}'), ('no text', '{"sub":1}'), ('no text', '{"iss":[]}'), ('comment', '{/**/}')) t (label, payload);
SELECT depth, (test.try(format('test.verify(%L, %L)', '{"alg":"HS256"}', '{"a":' || repeat('[', depth) || repeat(']', depth) || '}'), true)).outcome
FROM unnest(ARRAY[10, 1000, 6000]) depth;
SELECT header, (test.try(format('test.verify(%L, %L)', header, '{}'), true)).outcome
FROM unnest(ARRAY['{"alg":"HS256"}', '', '[]', '{}', '{"alg":"HS256","alg":"HS256"}', '{"alg":"none"}', '{"alg":["HS256"]}', '{"alg":"hs256"}',
    '{"alg":"HS256","crit":["x"]}', '{"alg":"HS256","crit":[]}', '{"alg":"HS256","b64":false}', '{"alg":"HS256","kid":1}',
    '{"alg":"HS256","typ":1}', '{"alg":"HS256","a":"\377"}', '{"alg":"HS256"} ', '{"alg":"HS384"}', '{"alg":"HS256","zip":"DEF"}']) header;
SELECT tail, (test.try(format('test.verify(%L, %L, %L)', '{"alg":"HS256"}', '{}', tail), true)).outcome
FROM unnest(ARRAY['', '=', ' ', E'\n', '.', '.e30', 'A', '%']) tail;
\c :previous
DROP DATABASE regress_bad_input;

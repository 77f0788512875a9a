-- What every object of the extension has, asked of the catalog, so that nothing new is forgotten. Each rule names the objects that
-- break it; test.allowed holds the few that may, each with its reason.
\set VERBOSITY terse
SET client_min_messages = warning;
SET jit = off;

CREATE VIEW test.members AS
SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
WHERE d.deptype = 'e' AND e.extname = 'pg_bastion';
CREATE VIEW test.own_schemas AS SELECT n.oid, n.nspname, n.nspowner, n.nspacl FROM pg_namespace n JOIN test.members m ON m.classid = 'pg_namespace'::regclass AND m.objid = n.oid;
CREATE VIEW test.own_relations AS SELECT c.*, c.oid::regclass AS name FROM pg_class c JOIN test.own_schemas n ON n.oid = c.relnamespace;
-- Types but for those of tables and arrays.
CREATE VIEW test.own_types AS
SELECT t.*, t.oid::regtype AS name FROM pg_type t JOIN test.own_schemas n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE t.typelem = 0 AND (c.oid IS NULL OR c.relkind = 'c');
-- Functions with their code: without comments; and without literals too.
CREATE VIEW test.own_functions AS
SELECT p.*, p.oid::regprocedure AS name, n.nspname || '.' || p.proname AS called, l.lanname, s.source, regexp_replace(s.source, '''(?:[^'']|'''')*''', '''''', 'g') AS code
FROM pg_proc p JOIN test.own_schemas n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang,
     LATERAL (SELECT CASE WHEN l.lanname = 'c' THEN '' ELSE regexp_replace(coalesce(pg_get_function_sqlbody(p.oid), p.prosrc), '--[^\n]*', '', 'g') END) s (source);
CREATE VIEW test.own_triggers AS
SELECT t.*, c.name AS relation, c.name || ': ' || t.tgname AS name FROM pg_trigger t JOIN test.own_relations c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal;
-- Calls of own functions by own functions, unless an overload does with less.
CREATE VIEW test.own_calls AS
SELECT f.oid, f.name, f.provolatile, f.proparallel, c.called, c.volatile, c.parallel
FROM (SELECT DISTINCT f.oid, m.called[1] AS called FROM test.own_functions f, regexp_matches(f.code, '\m(bastion(?:_api|_internal)?\.[a-z_0-9]+)\s*\(', 'g') m (called)) k
JOIN test.own_functions f ON f.oid = k.oid
JOIN (SELECT o.called, bool_and(o.provolatile = 'v') AS volatile, CASE WHEN bool_and(o.proparallel = 'u') THEN 'u' WHEN bool_and(o.proparallel <> 's') THEN 'r' ELSE 's' END AS parallel
      FROM test.own_functions o GROUP BY o.called) c ON c.called = k.called;
-- Grants of everything that has an ACL; an own ACL is the owner's where none is stored.
CREATE VIEW test.own_grants AS
SELECT o.kind || ' ' || o.name AS object, a.grantee, a.privilege_type, o.owner
FROM (SELECT 'function' AS kind, p.name::text, p.proowner AS owner, coalesce(p.proacl, acldefault('f', p.proowner)) AS acl FROM test.own_functions p
      UNION ALL
      SELECT CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' ELSE 'table' END, c.name::text, c.relowner, c.relacl FROM test.own_relations c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S')
      UNION ALL
      SELECT 'table', c.name::text, c.relowner, t.attacl FROM test.own_relations c JOIN pg_attribute t ON t.attrelid = c.oid
      UNION ALL
      SELECT 'schema', n.nspname, n.nspowner, n.nspacl FROM test.own_schemas n
      UNION ALL
      SELECT 'type', t.name::text, t.typowner, coalesce(t.typacl, acldefault('T', t.typowner)) FROM test.own_types t
      UNION ALL
      SELECT 'default of schema', coalesce(n.nspname, 'any'), d.defaclrole, d.defaclacl FROM pg_default_acl d LEFT JOIN test.own_schemas n ON n.oid = d.defaclnamespace
      WHERE d.defaclnamespace = 0 OR n.oid IS NOT NULL) o, aclexplode(o.acl) a;

-- Kinds of events: literals where a function passes a kind, to record_event() or to what passes its own argument on.
CREATE VIEW test.recorded_kinds AS
SELECT DISTINCT l.kind[1] AS kind
FROM test.own_functions f,
     regexp_matches(f.source, '\m(\w+)\(\s*(CASE .*? END|''\w+'')', 'g') c (call),
     regexp_matches(CASE WHEN c.call[2] ~ '^CASE' THEN c.call[2] ELSE 'THEN ' || c.call[2] END, '(?:THEN|ELSE) ''(\w+)''', 'g') l (kind)
WHERE c.call[1] IN (SELECT unnest('{record_event,event_of}'::text[]) UNION ALL SELECT h.proname FROM test.own_functions h WHERE h.source ~ 'record_event\(\s*kind,' AND h.proname <> 'record_event');
CREATE VIEW test.named_kinds AS
SELECT unnest(string_to_array(col_description(a.attrelid, a.attnum), ', ')) AS kind FROM pg_attribute a WHERE a.attrelid = 'bastion.events'::regclass AND a.attname = 'kind';

CREATE VIEW test.catalogue AS
-- functions
SELECT 'function without the pinned search_path' AS problem, f.name::text AS object FROM test.own_functions f
WHERE f.lanname <> 'c' AND ARRAY(SELECT s FROM unnest(f.proconfig) s WHERE s NOT IN ('jit=off', 'DateStyle=ISO', 'TimeZone=UTC', 'quote_all_identifiers=off', 'enable_seqscan=off', 'lock_timeout=100ms', 'lock_timeout=10s', 'plan_cache_mode=force_generic_plan'))
      IS DISTINCT FROM ARRAY['search_path=pg_catalog, pg_temp']
  -- looked up when it is made
  AND (f.prosqlbody IS NULL OR f.prosecdef)
UNION ALL
SELECT 'SECURITY DEFINER outside the written list', f.name::text FROM test.own_functions f
WHERE f.prosecdef
  -- triggers of our own tables, which a caller may fire
  AND NOT (f.prorettype = 'trigger'::regtype AND EXISTS (SELECT FROM test.own_triggers t WHERE t.tgfoid = f.oid))
  AND f.name::text NOT IN (
    'bastion_api.signup(text,text,text,text,text,text)', 'bastion_api.login(text,text,text,text,text,text)', 'bastion_api.login_mfa(text,uuid,jsonb,text,boolean)', 'bastion_api.login_tenant(text,text,text)', 'bastion_api.me()', 'bastion_api.schema()', 'bastion.jwks()',
    'bastion.invite(text,text,text,interval,timestamp with time zone)', 'bastion.invitation_revoke(uuid)', 'bastion_api.invitations()',
    'bastion_api.my_invitations()', 'bastion_api.invitation_accept(text)', 'bastion_api.invitation_accept(uuid)',
    'bastion_api.invitation_decline(uuid)', 'bastion_api.signup_invited(text,text,text,text,text)',
    'bastion_api.request_password_reset(text)', 'bastion_api.reset_password(text,text)', 'bastion_api.request_login_link(text)',
    'bastion_api.login_link(text,text,text,text)', 'bastion_api.request_login_code(text)', 'bastion_api.login_code(uuid,text,text,text,text)',
    'bastion_api.resend_verification(text)', 'bastion_api.verify_email(text,text,text)', 'bastion_api.email_change(text,text)',
    'bastion_api.email_change_confirm(text)', 'bastion_api.email_undo(text)', 'bastion_api.account_delete(text)',
    'bastion_api.account_delete_cancel(text)', 'bastion_api.invitation_decline_link(text)', 'bastion.invitation_resend(uuid)',
    'bastion_api.token(text,text,text,text,text)', 'bastion_api.profile_update(jsonb)', 'bastion_api.password_change(text,text)', 'bastion_api.tenant_switch(text,text,text)',
    'bastion_api.step_up_rules()', 'bastion_api.account_recovery_start(text)', 'bastion_api.account_recovery_finish(text)', 'bastion_api.account_recovery_cancel(text)', 'bastion_api.tenant_delete(text)', 'bastion_api.tenant_delete_cancel(text)', 'bastion_internal.unit_delete_begin(text)', 'bastion_api.signup_anonymous(text,text,text)', 'bastion_api.account_convert(text,text,text,text)',
    'bastion_api.devices()', 'bastion_api.device_rename(uuid,text)', 'bastion_api.device_revoke(uuid)', 'bastion_api.session_rename(uuid,text)', 'bastion_api.session_revoke(uuid)', 'bastion_api.tenants()', 'bastion_api.tenant_create(text)',
    'bastion_api.tenant_rename(text)', 'bastion_api.tenant_settings()', 'bastion_api.tenant_settings_set(jsonb)', 'bastion_api.tenant_leave()',
    'bastion_api.tenant_transfer(text,text)', 'bastion_api.members(text,text,uuid,integer)', 'bastion_api.member_set(text,text,text,timestamp with time zone,timestamp with time zone)', 'bastion_api.member_add(text,text,text,timestamp with time zone,timestamp with time zone)', 'bastion_api.member_remove(text,text,text)',
    'bastion_api.units(text,uuid,integer)', 'bastion_api.unit_create(text,text,text,text)', 'bastion_api.unit_rename(text,text)',
    'bastion_api.refresh(text)', 'bastion_api.logout(text)', 'bastion_api.sessions()', 'bastion_api.token_revoke(text)',
    'bastion.rate_limit_state(text,text)', 'bastion.rate_limit_require(text,text,integer)', 'bastion_internal.request_record(integer,text,boolean)', 'bastion_internal.authzen_decide(jsonb)', 'bastion.authzen_evaluation(jsonb)', 'bastion.authzen_evaluations(jsonb)',
    'bastion.setting_put(text,jsonb,text,integer,text,text)', 'bastion.setting_seal(text,text,text,integer,text,text)', 'bastion.setting_rollback(text,integer,text,integer,text)',
    'bastion.setting_update(text,text,text,jsonb,jsonb,boolean,integer,text)', 'bastion.setting_version_delete(text,integer[],text,text)', 'bastion.setting_version_undelete(text,integer[],text,text)',
    'bastion.setting_version_destroy(text,integer[],text,text)', 'bastion.setting_delete(text,text,text)', 'bastion.setting_open(text)',
    'bastion.setting_list(text,text)', 'bastion.setting_version_list(text,text)', 'bastion.setting_history(text)',
    'bastion.setting_request(text,text,jsonb,text,text,interval)', 'bastion.setting_approve(uuid,text)', 'bastion.setting_reject(uuid,text)',
    'bastion.setting_request_list(boolean)', 'bastion.setting_export(text)', 'bastion.setting_import(jsonb,text)',
    'bastion.quota_consume_many(jsonb,text)', 'bastion.quota_require(text,numeric,text)', 'bastion.quota_reserve(jsonb,text,interval)',
    'bastion.quota_settle(text,jsonb)', 'bastion.quota_cancel(text)', 'bastion.quota_usage(text)', 'bastion_internal.forget_quotas()', 'bastion_internal.meter_kind(text)', 'bastion_internal.check_meter_owner(regclass,text)',
    'bastion_internal.charge_rows(text,bigint)', 'bastion_internal.expire_rows(uuid)', 'bastion_internal.quota_consume_recorded(text,numeric,text)', 'bastion_internal.quota_expire(uuid,uuid)', 'bastion_internal.quota_gather(uuid,uuid,text,text,timestamp without time zone)', 'bastion_internal.rows_crossed(uuid,text,text,numeric,numeric,timestamp with time zone)',
    'bastion_internal.counted_tables(text)', 'bastion_internal.store_rows(text,uuid[],bigint[])',
    'bastion.flag_update(text,text,boolean,text)', 'bastion.flag_request(text,text,jsonb,text,text,interval)', 'bastion.flag_approve(uuid,text)', 'bastion.flag_reject(uuid,text)', 'bastion.flag_request_list(boolean)',
    'bastion.flag_cancel(text,integer,text)', 'bastion.flag_delete(text,text,text)', 'bastion.flag_disable(text,boolean,text,text)', 'bastion.flag_export(text)', 'bastion.flag_history(text,text)', 'bastion.flag_import(jsonb,text,text)', 'bastion.flag_list(text)', 'bastion.flag_rollback(text,integer,text,text)', 'bastion.flag_rollout(text,text,numeric,text[],text[],text,text)', 'bastion.flag_set(text,jsonb,text,integer,timestamp with time zone,text)',
    'bastion.audit_log(text,text,text,boolean,jsonb)', 'bastion_internal.audit_emptied(regclass,timestamp with time zone)',
    'bastion.require_permission(text)', 'bastion.step_up_rule_set(text,text,interval)', 'bastion.step_up_rule_remove(text)',
    'bastion.session_settings_set(interval,interval,interval,interval)', 'bastion.session_revoke(uuid)',
    'bastion_api.api_key_create(text,text[],timestamp with time zone,text[],text,jsonb)', 'bastion_api.api_keys()',
    'bastion_api.api_key_rotate(uuid,interval)', 'bastion_api.api_key_revoke(uuid)',
    'bastion_api.api_key_disable(uuid,boolean)', 'bastion_api.delegate(text,text[],text,interval,boolean)', 'bastion_api.delegations()',
    'bastion_api.delegation_revoke(uuid)', 'bastion_internal.delete_below()', 'bastion_internal.end_credentials_of_platform_role()', 'bastion_internal.end_delegations_of_session()', 'bastion_internal.end_delegations_of_user()',
    'bastion_api.totp_add(text)', 'bastion_api.totp_confirm(uuid,text)', 'bastion_api.factors()', 'bastion_api.factor_rename(uuid,text)',
    'bastion_api.factor_remove(uuid)', 'bastion_api.recovery_codes_renew()', 'bastion_api.step_up(uuid,jsonb)',
    'bastion_api.passkey_add(text)', 'bastion_api.passkey_confirm(text,jsonb,text)', 'bastion_api.passkey_options(text)', 'bastion_api.passkey_login_options(text)', 'bastion_api.passkey_login(text,jsonb,text,text,text,text)',
    'bastion_api.id_token_options(text)', 'bastion_api.login_id_token(text,text,text,text,text)', 'bastion_api.identity_link(text)', 'bastion_api.identity_links()', 'bastion_api.identity_unlink(text,text)',
    'bastion.sessions_revoke(uuid)', 'bastion_internal.end_sessions_of_user()', 'bastion_internal.end_sessions_of_tenant()',
    'bastion_internal.end_sessions_of_member()',
    'bastion_internal.user_named(text)', 'bastion_internal.share_subject_named(text,text)', 'bastion.explain_access(text,text,regclass,text,text,text)',
    'bastion.explain_access_text(text,text,regclass,text,text,text)', 'bastion.impersonate(text,text,text,boolean)', 'bastion.acl_in_tenant(text,bigint,text)', 'bastion.tenant_acl()', 'bastion.unit_acl()', 'bastion.own_acl()',
    'bastion.role_create(text,text)', 'bastion.role_delete(text)', 'bastion.role_permission_add(text,text)',
    'bastion.role_permission_remove(text,text)', 'bastion.role_parent_add(text,text)', 'bastion.role_parent_remove(text,text)',
    'bastion.membership_set(uuid,text,text,timestamp with time zone,timestamp with time zone)', 'bastion.membership_add(uuid,text,text,timestamp with time zone,timestamp with time zone)',
    'bastion.membership_remove(uuid,text,text)', 'bastion.permission_grant(uuid,text,text,timestamp with time zone)',
    'bastion.permission_deny(uuid,text,text,timestamp with time zone)', 'bastion.permission_remove(uuid,text,text)',
    'bastion.unit_create(text,text,text,text)', 'bastion.unit_move(text,text)', 'bastion_internal.unit_to_delete(text)',
    'bastion_internal.share_find(regclass,text,uuid,uuid,uuid,uuid,text,timestamp with time zone)',
    'bastion_internal.share_grant(regclass,text,uuid,uuid,uuid,uuid,text,timestamp with time zone,bigint)',
    'bastion_internal.shared_row(regclass,boolean)', 'bastion_internal.unshare_end(regclass,text,uuid,uuid,uuid,uuid,bigint)', 'bastion_internal.shares_on(regclass,text,bigint)',
    'bastion.secret_put(text,text,text,text,text[],timestamp with time zone,boolean,jsonb,integer,text)', 'bastion.secret_put(text,bytea,text,text,text[],timestamp with time zone,boolean,jsonb,integer,text)', 'bastion.secret_put(text,jsonb,text,text,text[],timestamp with time zone,boolean,jsonb,integer,text)',
    'bastion.secret_list()', 'bastion.secret_version_list(text,boolean,text)', 'bastion_internal.openable_secrets()',
    'bastion_internal.keep_unit_of_secrets()', 'bastion_internal.keep_guarded_key()', 'bastion_internal.leave_secrets()',
    'bastion.secret_update(text,boolean,timestamp with time zone,text[],boolean,text,text,text,jsonb,integer,interval,interval)', 'bastion.secret_rename(text,text,boolean,text)',
    'bastion.secret_delete(text,boolean,text)', 'bastion.secret_delete(uuid)', 'bastion.secret_version_delete(text,integer,boolean,text)',
    'bastion.secret_version_undelete(text,integer,boolean,text)', 'bastion.secret_version_destroy(text,integer,boolean,text)',
    'bastion.key_create(text,text,text,interval,boolean,integer)', 'bastion.key_rotate(text)', 'bastion.key_update(text,interval,integer,boolean)',
    'bastion.key_delete(text)', 'bastion.key_list()', 'bastion.key_sign(text,bytea)',
    'bastion.key_verify(text,bytea,text)', 'bastion.key_mac(text,bytea)', 'bastion.key_mac_verify(text,bytea,text)',
    'bastion.key_public(text)', 'bastion.wrapped_key_create(text,text,integer)', 'bastion.wrapped_key_open(text,text,text)',
    'bastion.key_export(text,text,integer)', 'bastion.key_import(text,text,bytea,text,text,boolean)',
    'bastion.explain_access(uuid,text,regclass,text,text,text)', 'bastion.explain_access_text(uuid,text,regclass,text,text,text)',
    'bastion_internal.explained_member_row(uuid,text,regclass,text,text)', 'bastion_internal.explain_member_row(uuid,text,regclass,text,text,boolean,bigint)',
    'bastion_internal.acl_is_of(bigint,text)', 'bastion_internal.acl_of_context(text)', 'bastion_internal.row_transfer_check(regclass,bigint)',
    'bastion_internal.acl_of_next_owner(regclass,text,text,text,bigint,boolean)', 'bastion_internal.row_transfer_find(regclass,text)',
    'bastion_internal.tenant_to_delete(text)', 'bastion_internal.tenant_rows_delete(uuid)', 'bastion.acl_prune(text)',
    -- for the sender of mail
    'bastion.outbox_claim(text,integer,interval)', 'bastion.outbox_done(bigint,text)', 'bastion.outbox_retry(bigint,text,text)',
    'bastion.outbox_revive(bigint)', 'bastion.outbox_clear()',
    -- for monitoring roles, jobs of operators, and tests
    'bastion.outbox_counts()', 'bastion.metrics()',
    'bastion.status()', 'bastion.lint_summary()', 'bastion.event_counts(interval)', 'bastion.events_pruned()', 'bastion.events_prune(timestamp with time zone)',
    'bastion.audit_seal()', 'bastion.audit_partitions_create(integer)', 'bastion.audit_drop_before(timestamp with time zone)', 'bastion.audit_shred(uuid)', 'bastion.audit_new_era(text)', 'bastion.audit_key_rotate()', 'bastion.audit_checkpoint(bigint,bigint)', 'bastion.audit_verifier_key(bigint)', 'bastion.audit_tile(text,bigint)',
    'bastion.audit_inclusion_proof(bigint,bigint,bigint)', 'bastion.audit_consistency_proof(bigint,bigint,bigint)', 'bastion.audit_entry_index(bigint,xid8,bigint)',
    'bastion_test.act_as(text,text,text)',
    -- for migration roles and the event triggers
    'bastion_internal.check_column_change(regclass,name,text,name)', 'bastion_internal.keep_dropped_columns()', 'bastion_internal.guard_unseen_tables()',
    'bastion_internal.lint_mine()', 'bastion_internal.protect_follow(regclass)', 'bastion_internal.values_without_tenant(jsonb,boolean)',
    'bastion_internal.protect_resource(text,text[])', 'bastion_internal.forget_dropped_tables()', 'bastion_internal.records_delete(regclass,text,name[])', 'bastion_internal.guard_ddl()', 'bastion_internal.audit_ddl_write(text)', 'bastion_internal.audit_dropped()', 'bastion_internal.audit_record_change()', 'bastion.audit_drift()',
    'bastion_internal.is_global(regclass)', 'bastion_internal.must_be_guarded(regclass)', 'bastion_internal.protection_report()',
    'bastion_internal.resource_registered(text,text[])', 'bastion_internal.acl_of_row(text,text,text)')
UNION ALL
SELECT 'C function that is not bastion_*', f.name::text FROM test.own_functions f
WHERE f.lanname = 'c' AND (f.prosrc !~ '^bastion_' OR f.probin <> '$libdir/pg_bastion')
UNION ALL
SELECT 'function in another language', f.name::text FROM test.own_functions f WHERE f.lanname NOT IN ('c', 'sql', 'plpgsql')
UNION ALL
-- The default makes joins look so expensive that the server compiles them, which takes a hundred times as long as they run.
SELECT 'function that returns a set without ROWS', f.name::text FROM test.own_functions f WHERE f.proretset AND f.prorows = 1000
UNION ALL
SELECT 'recursive query that may be compiled', f.name::text FROM test.own_functions f
WHERE f.code ~ '\mWITH RECURSIVE\M' AND NOT 'jit=off' = ANY (coalesce(f.proconfig, '{}'))
UNION ALL
SELECT 'function whose names depend on a setting of the caller', f.name::text FROM test.own_functions f
WHERE f.code ~ 'pg_get_(expr|[a-z]+def)[(]|(regclass|[.]relation|[.]member)[)]?::text' AND NOT 'quote_all_identifiers=off' = ANY (coalesce(f.proconfig, '{}'))
UNION ALL
SELECT 'function that is LEAKPROOF', f.name::text FROM test.own_functions f WHERE f.proleakproof
UNION ALL
SELECT 'reader of the context that is not STABLE PARALLEL SAFE', f.name::text FROM test.own_functions f
WHERE f.prosrc ~ '^bastion_(user_id|actor_id|tenant|unit_id|session_id|api_key_id|auth_level|auth_time|claims|has_permission|permissions)' AND f.proname !~ '_unfolded$|^tenant_delete$'
  AND (f.provolatile, f.proparallel) IS DISTINCT FROM ('s'::"char", 's'::"char")
UNION ALL
SELECT 'function that draws or tells the time and is not VOLATILE', f.name::text FROM test.own_functions f
WHERE f.provolatile <> 'v' AND f.code ~* '\m(gen_random_uuid|random|clock_timestamp|timeofday)\M'
UNION ALL
SELECT 'function that writes or locks and is not VOLATILE PARALLEL UNSAFE', f.name::text FROM test.own_functions f
WHERE (f.provolatile, f.proparallel) IS DISTINCT FROM ('v'::"char", 'u'::"char")
  AND f.code ~* '\m(INSERT INTO|MERGE INTO|UPDATE bastion|DELETE FROM|TRUNCATE|nextval|setval|set_config|NO KEY UPDATE|FOR UPDATE|FOR SHARE|FOR KEY SHARE|LOCK TABLE|EXECUTE|pg_advisory_\w+|pg_notify)\M'
UNION ALL
-- PostgreSQL starts a command for each statement of such a function, which a parallel operation refuses
SELECT 'function in SQL or PL/pgSQL that is VOLATILE and not PARALLEL UNSAFE', f.name::text FROM test.own_functions f
WHERE f.lanname IN ('sql', 'plpgsql') AND f.provolatile = 'v' AND f.proparallel <> 'u'
UNION ALL
SELECT 'function that is not VOLATILE and calls what is', concat(c.name, ' calls ', c.called) FROM test.own_calls c WHERE c.provolatile <> 'v' AND c.volatile
  -- these set response.* and write lines of the server log, and no table: PostgREST calls the readers of bastion_api with GET
  AND c.called NOT IN ('bastion_internal.answer', 'bastion_internal.caller_refusal', 'bastion_internal.delegation_refusal', 'bastion_internal.permission_refusal', 'bastion_internal.refusal', 'bastion_internal.refuse_unknown')
UNION ALL
SELECT 'function that is safer in parallel than what it calls', concat(c.name, ' calls ', c.called) FROM test.own_calls c
WHERE position(c.proparallel::text IN 'sru') < position(c.parallel IN 'sru')
UNION ALL
SELECT 'function that begins a session and does not ask for the second factor', f.name::text FROM test.own_functions f
WHERE f.code ~ '\msession_start\(|INTO bastion[.]sessions\M' AND f.proname NOT IN ('session_begin', 'session_start')
UNION ALL
-- rights
SELECT 'granted to PUBLIC', concat_ws(' ', g.privilege_type, 'on', g.object) FROM test.own_grants g WHERE g.grantee = 0
UNION ALL
SELECT 'table that is granted and has no row security', r.name::text FROM test.own_relations r JOIN test.own_grants g ON g.object = 'table ' || r.name AND g.grantee <> g.owner
WHERE r.relkind IN ('r', 'p') AND NOT r.relrowsecurity
UNION ALL
SELECT 'table without row security', r.name::text FROM test.own_relations r WHERE r.relkind IN ('r', 'p') AND NOT r.relrowsecurity
UNION ALL
SELECT 'policy with OR, EXISTS or IN', polrelid::regclass || ': ' || polname
FROM pg_policy JOIN test.own_relations r ON r.oid = polrelid,
     concat_ws(' ', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) expression
WHERE expression ~ '\m(OR|EXISTS|IN)\M'
UNION ALL
-- comments; the column describes the sequence of an identity column
SELECT 'no comment', pg_describe_object(m.classid, m.objid, 0) FROM test.members m
WHERE NOT EXISTS (SELECT FROM pg_description d WHERE (d.classoid, d.objoid, d.objsubid) = (m.classid, m.objid, 0))
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE (d.classid, d.objid, d.deptype) = (m.classid, m.objid, 'i'))
UNION ALL
SELECT 'no comment', 'function ' || f.name FROM test.own_functions f WHERE obj_description(f.oid, 'pg_proc') IS NULL
UNION ALL
-- a view describes the columns that it does not take from a table
SELECT 'no comment', 'column ' || r.name || '.' || a.attname FROM test.own_relations r JOIN pg_attribute a ON a.attrelid = r.oid
WHERE r.relkind IN ('r', 'p', 'v', 'm', 'c') AND a.attnum > 0 AND NOT a.attisdropped AND NOT r.relispartition AND col_description(r.oid, a.attnum) IS NULL
  AND NOT EXISTS (SELECT FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.oid
                  JOIN pg_attribute o ON o.attrelid = d.refobjid AND o.attnum = d.refobjsubid
                  WHERE w.ev_class = r.oid AND o.attname = a.attname AND col_description(o.attrelid, o.attnum) IS NOT NULL)
UNION ALL
-- each table has these two, which the comments on their functions describe
SELECT 'no comment', 'trigger ' || t.name FROM test.own_triggers t
WHERE obj_description(t.oid, 'pg_trigger') IS NULL AND t.tgfoid NOT IN ('bastion_internal.invalidate()'::regprocedure, 'bastion_internal.guard_foreign_code()'::regprocedure)
UNION ALL
-- members
SELECT 'no member of the extension', pg_describe_object(o.classid, o.oid, 0)
FROM (SELECT 'pg_class'::regclass AS classid, r.oid FROM test.own_relations r WHERE r.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
      UNION ALL SELECT 'pg_proc'::regclass, f.oid FROM test.own_functions f
      UNION ALL SELECT 'pg_type'::regclass, t.oid FROM test.own_types t
      UNION ALL SELECT 'pg_operator'::regclass, o.oid FROM pg_operator o JOIN test.own_schemas n ON n.oid = o.oprnamespace) o
WHERE NOT EXISTS (SELECT FROM test.members m WHERE (m.classid, m.objid) = (o.classid, o.oid))
UNION ALL
SELECT 'member outside the schemas of the extension', pg_describe_object(m.classid, m.objid, 0) FROM test.members m
WHERE NOT EXISTS (SELECT FROM test.own_relations r WHERE (m.classid, m.objid) = ('pg_class'::regclass, r.oid))
  AND NOT EXISTS (SELECT FROM test.own_functions f WHERE (m.classid, m.objid) = ('pg_proc'::regclass, f.oid))
  -- later versions count row types and arrays among the members
  AND NOT EXISTS (SELECT FROM pg_type t JOIN test.own_schemas n ON n.oid = t.typnamespace WHERE (m.classid, m.objid) = ('pg_type'::regclass, t.oid))
  AND NOT EXISTS (SELECT FROM (SELECT oid, opcnamespace, 'pg_opclass'::regclass FROM pg_opclass UNION ALL SELECT oid, opfnamespace, 'pg_opfamily'::regclass FROM pg_opfamily) o (oid, schema, catalog)
                  JOIN test.own_schemas n ON n.oid = o.schema WHERE (m.classid, m.objid) = (o.catalog, o.oid))
  AND m.classid NOT IN ('pg_namespace'::regclass, 'pg_cast'::regclass, 'pg_event_trigger'::regclass)
UNION ALL
SELECT 'not of the owner of the extension', o.name FROM (
    SELECT 'function ' || f.name AS name, f.proowner AS owner FROM test.own_functions f UNION ALL SELECT 'relation ' || r.name, r.relowner FROM test.own_relations r
    UNION ALL SELECT 'schema ' || n.nspname, n.nspowner FROM test.own_schemas n UNION ALL SELECT 'type ' || t.name, t.typowner FROM test.own_types t) o
WHERE o.owner <> (SELECT e.extowner FROM pg_extension e WHERE e.extname = 'pg_bastion')
UNION ALL
-- dumps, constraints, indexes, triggers
SELECT 'table or sequence that no dump takes along', r.name::text FROM test.own_relations r
WHERE r.relkind IN ('r', 'p', 'S') AND NOT EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'pg_bastion' AND r.oid = ANY (e.extconfig))
UNION ALL
SELECT 'foreign key that closes a cycle', c.conname FROM pg_constraint c JOIN test.own_relations r ON r.oid = c.conrelid
WHERE c.contype = 'f' AND EXISTS (
    WITH RECURSIVE reached AS (
        SELECT c.confrelid AS oid UNION
        SELECT f.confrelid FROM reached JOIN pg_constraint f ON f.contype = 'f' AND f.conrelid = reached.oid)
    SELECT FROM reached WHERE oid = c.conrelid)
UNION ALL
SELECT 'constraint that is not validated', c.conrelid::regclass || ': ' || c.conname FROM pg_constraint c JOIN test.own_relations r ON r.oid = c.conrelid WHERE NOT c.convalidated
UNION ALL
SELECT 'index that is not valid', i.indexrelid::regclass::text FROM pg_index i JOIN test.own_relations r ON r.oid = i.indrelid WHERE NOT (i.indisvalid AND i.indisready AND i.indislive)
UNION ALL
SELECT 'table without a primary key', r.name::text FROM test.own_relations r
WHERE r.relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = r.oid AND i.indisprimary)
UNION ALL
SELECT 'foreign key without an index that finds its rows', c.conrelid::regclass || ': ' || c.conname FROM pg_constraint c JOIN test.own_relations r ON r.oid = c.conrelid
WHERE c.contype = 'f' AND NOT EXISTS (
    SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = ANY (c.conkey))
UNION ALL
SELECT 'invalidation that replication skips', t.name FROM test.own_triggers t WHERE t.tgfoid = 'bastion_internal.invalidate()'::regprocedure AND t.tgenabled <> 'A'
UNION ALL
SELECT 'table without the trigger that keeps foreign code away', r.name::text FROM test.own_relations r
WHERE r.relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM test.own_triggers t WHERE t.tgrelid = r.oid AND t.tgfoid = 'bastion_internal.guard_foreign_code()'::regprocedure)
UNION ALL
SELECT 'column that may hold sealed values, which rewrap_all() does not reach', c.name || '.' || a.attname FROM test.own_relations c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p', 'm') AND a.attnum > 0 AND NOT a.attisdropped
  AND (a.atttypid IN (SELECT bastion_internal.sealed_types()) OR a.atttypid IN ('bytea'::regtype, 'bytea[]'::regtype))
  AND NOT EXISTS (SELECT FROM bastion_internal.own_sealed_places() o WHERE o.relation = c.oid AND o.column_name = a.attname)
UNION ALL
SELECT 'table that no backend caches', r.name::text FROM test.own_relations r
WHERE r.relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM test.own_triggers t WHERE t.tgrelid = r.oid AND t.tgfoid = 'bastion_internal.invalidate()'::regprocedure)
UNION ALL
SELECT 'table that invalidates only in part', t.relation::text FROM test.own_triggers t WHERE t.tgfoid = 'bastion_internal.invalidate()'::regprocedure
GROUP BY t.relation HAVING NOT bool_or(t.tgtype & 32 > 0) OR NOT bool_or(t.tgtype & 8 > 0) OR NOT bool_or(t.tgtype & 16 > 0)
UNION ALL
SELECT 'kind of event that the comment on bastion.events.kind does not name', k.kind FROM test.recorded_kinds k WHERE k.kind NOT IN (SELECT n.kind FROM test.named_kinds n)
UNION ALL
SELECT 'kind of event that nothing records', n.kind FROM test.named_kinds n
WHERE n.kind NOT IN (SELECT k.kind FROM test.recorded_kinds k);

CREATE TABLE test.allowed (problem text, object text, reason text NOT NULL, PRIMARY KEY (problem, object));
INSERT INTO test.allowed
SELECT a.problem, object, a.reason FROM (VALUES
    ('function that is LEAKPROOF', 'what these raise depends on the identity alone, never on the row',
     '{"bastion.can_by_acl(text,bigint)","bastion.can_by_acl_anywhere(text,bigint)","bastion.can_in_tenant(text,uuid)"}'::text[]),
    ('function without the pinned search_path', 'these commit, and so cannot pin it; search_path.sql reads them',
     '{"bastion.acl_backfill(regclass,name,name,text,name,integer)",bastion.rewrap_all(integer)}'),
    ('function that is safer in parallel than what it calls', 'of whoami() it reads the method alone, which is the same in a worker',
     '{"bastion_internal.person_obstacle(text) calls bastion.whoami"}'),
    ('function that is safer in parallel than what it calls', 'in a parallel plan the record writes no row',
     '{"bastion_internal.application_key_open_wrapped(bastion.application_keys,text,text) calls bastion_internal.opening_record"}'),
    ('function that is not VOLATILE and calls what is', 'the record changes nothing that the query reads: open_text() is STABLE too',
     '{"bastion_internal.application_key_open_wrapped(bastion.application_keys,text,text) calls bastion_internal.opening_record"}'),
    ('member outside the schemas of the extension', 'an equality sign is found without a search_path, and before all others',
     '{"operator <(bastion.sealed,bastion.sealed)","operator <=(bastion.sealed,bastion.sealed)","operator <>(bastion.sealed,bastion.sealed)",
       "operator =(bastion.sealed,bastion.sealed)","operator >(bastion.sealed,bastion.sealed)","operator >=(bastion.sealed,bastion.sealed)"}'),
    ('granted to PUBLIC', 'columns of every table may have the type', '{"USAGE on type bastion.sealed"}'),
    ('table without row security', 'names of relations and roles, and no rows of tenants',
     '{bastion.guarded_schemas,bastion.operator_roles,bastion.unguarded_tables,bastion_internal.callers}'),
    ('table or sequence that no dump takes along', 'the install script fills it again', '{bastion_internal.callers}'),
    ('table or sequence that no dump takes along', 'a dump takes its partitions along', '{bastion.audit_rows}'),
    ('table without a primary key', 'its partitions have one', '{bastion.audit_rows}'),
    ('table or sequence that no dump takes along', 'the next rewrap_all() fills it again', '{bastion.rewrap_failures,bastion.rewrap_runs}'),
    ('table or sequence that no dump takes along', 'attempts to log in to another server do not count', '{bastion.login_throttle,bastion.throttle_sets}'),
    ('table without the trigger that keeps foreign code away', 'nobody but the install script writes it', '{bastion_internal.callers}'),
    ('foreign key without an index that finds its rows', 'what it refers to is hardly ever deleted, and then with every row of this table',
     '{"bastion.api_key_schemes: api_key_schemes_other_pepper_fkey","bastion.limit_overrides: limit_overrides_meter_fkey","bastion.api_key_schemes: api_key_schemes_pepper_fkey","bastion.api_key_secrets: api_key_secrets_scheme_fkey",
       "bastion.api_key_secrets: api_key_secrets_pepper_fkey","bastion.one_time_tokens: one_time_tokens_pepper_fkey","bastion.peppers: peppers_data_key_id_fkey",
       "bastion.recovery_codes: recovery_codes_pepper_fkey","bastion.user_factors: user_factors_data_key_id_fkey",
       "bastion.refresh_tokens: refresh_tokens_successor_pepper_fkey","bastion.signing_keys: signing_keys_data_key_id_fkey","bastion.audit_keys: audit_keys_data_key_id_fkey","bastion.audit_logs: audit_logs_key_id_fkey","bastion.user_devices: user_devices_pepper_fkey"}'),
    ('column that may hold sealed values, which rewrap_all() does not reach', 'hashes and MACs, which nothing opens',
     '{bastion.api_key_secrets.mac,bastion.invitations.token_hash,bastion.login_throttle.key,bastion.pruned_events.mac,bastion.recovery_codes.mac,bastion.refresh_tokens.hash,
       bastion.spent_tokens.hash,bastion.user_devices.hash,bastion.user_devices.previous_hash}'),
    ('column that may hold sealed values, which rewrap_all() does not reach', 'no secrets', '{bastion.audit_keys.public_key,bastion.audit_logs.opening,bastion.audit_logs.root,bastion.audit_tiles.data,bastion.audit_witnesses.public_key,bastion.audit_rows.entry,bastion.audit_rows_default.entry,bastion.passkey_owners.handle,bastion.passkeys.credential_id,bastion.passkeys.public_key,bastion.throttle_sets.entries}'),
    ('column that may hold sealed values, which rewrap_all() does not reach', 'root_key_rotate() wraps it again: it is sealed under the root key', '{bastion.data_keys.wrapped}'),
    ('table that no backend caches', 'read where it is used, each time',
     '{bastion.audit_cosignatures,bastion.audit_holds,bastion.audit_keys,bastion.audit_logs,bastion.audit_seals,bastion.audit_tiles,bastion.audit_witnesses,bastion.audit_rows,bastion.audit_rows_default,bastion.audited_tables,bastion.quota_holds,bastion.usage_daily,bastion.usage_entries,bastion.usage_stripes,bastion.usage_windows,bastion.accepted_findings,bastion.application_keys,bastion.events,bastion.factor_tries,bastion.login_throttle,bastion.throttle_sets,bastion.passkey_owners,bastion.passkeys,bastion.recovery_codes,bastion.relying_parties,bastion.user_factors,bastion.user_devices,bastion.global_tables,bastion.guarded_schemas,bastion.hooks,bastion.invitations,bastion.one_time_tokens,bastion.operator_roles,bastion.outbox,bastion.protected_columns,
       bastion.pruned_events,bastion.refresh_tokens,bastion.spent_tokens,bastion.rewrap_failures,bastion.rewrap_runs,bastion.data_key_guards,bastion.sealed_columns,bastion.secret_access_log,bastion.secret_folders,bastion.secret_versions,bastion.secrets,
       bastion.session_settings,bastion.setting_changes,bastion.change_requests,bastion.unguarded_tables,bastion.password_history,bastion.user_passwords,bastion.vault,bastion_internal.callers}')) a (problem, reason, objects),
     unnest(a.objects) object;
CREATE VIEW test.wrong AS
SELECT c.problem, c.object FROM test.catalogue c EXCEPT SELECT a.problem, a.object FROM test.allowed a;
SELECT * FROM test.wrong w ORDER BY w.problem COLLATE "C", w.object COLLATE "C";
-- allowed, and not there
SELECT a.problem, a.object FROM test.allowed a EXCEPT SELECT c.problem, c.object FROM test.catalogue c;

-- each rule bites
BEGIN;
SET LOCAL check_function_bodies = off;
CREATE FUNCTION bastion.planted() RETURNS float8 LANGUAGE sql STABLE LEAKPROOF SECURITY DEFINER SET search_path = 'pg_catalog, pg_temp'
AS 'SELECT random()';
CREATE FUNCTION bastion.planted_set() RETURNS SETOF integer LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS 'WITH RECURSIVE x AS (SELECT 1 AS n UNION SELECT n + 1 FROM x WHERE n < 9) SELECT n FROM x';
CREATE FUNCTION bastion.planted_reader() RETURNS uuid LANGUAGE c VOLATILE AS '$libdir/pg_bastion', 'bastion_user_id';
CREATE FUNCTION bastion.planted_symbol() RETURNS void LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_inline_handler';
CREATE FUNCTION bastion.planted_language() RETURNS int LANGUAGE internal AS 'pg_backend_pid';
CREATE FUNCTION bastion.planted_writer() RETURNS void LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS 'DELETE FROM bastion.tenants';
CREATE FUNCTION bastion.planted_caller() RETURNS void LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_get_viewdef(0); SELECT bastion_internal.record_event('planted_kind', 'success') $$;
CREATE FUNCTION bastion.planted_atomic() RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER BEGIN ATOMIC SELECT bastion.planted_caller(); END;
CREATE FUNCTION bastion.planted_command() RETURNS int LANGUAGE sql VOLATILE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS 'SELECT 1';
CREATE FUNCTION bastion.planted_login() RETURNS jsonb LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion_internal.session_start(gen_random_uuid(), NULL, NULL, NULL) $$;
CREATE TYPE bastion.planted_type AS ENUM ('a');
CREATE TABLE bastion.planted (id int PRIMARY KEY, parent int REFERENCES bastion.planted, sealed bytea);
CREATE TABLE bastion.planted_keyless (n int);
ALTER TABLE bastion.planted_keyless ADD CONSTRAINT planted_check CHECK (n > 0) NOT VALID;
CREATE SEQUENCE bastion.planted_seq;
CREATE INDEX planted_index ON bastion.tenants (name);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'bastion.planted_index'::regclass;
CREATE VIEW bastion.planted_view AS SELECT 1 AS n, t.name FROM bastion.tenants t;
GRANT SELECT (id) ON bastion.planted TO regress_app;
GRANT SELECT (slug) ON bastion.tenants TO PUBLIC;
GRANT USAGE ON SCHEMA bastion_internal TO PUBLIC;
ALTER TABLE bastion.planted_keyless OWNER TO regress_app;
ALTER EXTENSION pg_bastion ADD FUNCTION test.error(text);
ALTER EXTENSION pg_bastion DROP VIEW bastion.memberships_in_force;
ALTER DEFAULT PRIVILEGES IN SCHEMA bastion GRANT SELECT ON TABLES TO PUBLIC;
CREATE POLICY planted ON bastion.tenants USING (bastion.user_id() IS NULL OR id IN (SELECT tenant_id FROM bastion.memberships));
CREATE TRIGGER planted AFTER DELETE ON bastion.planted FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('all');
CREATE TRIGGER planted_other AFTER DELETE ON bastion.planted FOR EACH ROW EXECUTE FUNCTION bastion_internal.keep_events();
COMMENT ON COLUMN bastion.users.email IS NULL;
COMMENT ON SCHEMA bastion_api IS NULL;
SELECT bastion_internal.event_kind('planted_name');
SELECT w.* FROM test.wrong w ORDER BY w.problem COLLATE "C", w.object COLLATE "C";
SELECT DISTINCT r.rule[1] AS rule_that_nothing_planted_breaks
FROM regexp_matches(pg_get_viewdef('test.catalogue'::regclass), 'SELECT (?:DISTINCT )?''((?:[^'']|'''')+)''::text', 'g') r (rule)
WHERE r.rule[1] NOT IN (SELECT w.problem FROM test.wrong w);
ROLLBACK;

-- every table of rights and keys tells the caches, in each way it can change
SELECT tgrelid::regclass::text COLLATE "C" AS relation, string_agg(DISTINCT w.way, ' ' ORDER BY w.way) AS ways
FROM pg_trigger, (VALUES (4, 'insert'), (8, 'delete'), (16, 'update'), (32, 'truncate')) w (bit, way)
WHERE tgfoid = 'bastion_internal.invalidate'::regproc AND tgtype & w.bit <> 0 GROUP BY 1 ORDER BY 1;

-- The settings: who may set which, and where. An application role sets those of the context "user" and no other.
SELECT bastion.library_version() IS NOT NULL AS loaded;
CREATE TABLE test.settings AS
SELECT s.name, s.context, CASE s.vartype WHEN 'bool' THEN CASE s.setting WHEN 'on' THEN 'off' ELSE 'on' END WHEN 'string' THEN 'x'
                                         WHEN 'enum' THEN (SELECT e FROM unnest(s.enumvals) e WHERE e <> s.setting LIMIT 1)
                                         ELSE CASE s.setting WHEN s.max_val THEN s.min_val ELSE s.max_val END END AS value
FROM pg_settings s WHERE s.name LIKE 'bastion.%'
UNION ALL
-- hidden ones, which pg_settings leaves out
SELECT name, 'identity', 'x' FROM unnest('{bastion.context,bastion.grants,bastion.token,bastion.tenant,bastion.unit}'::text[]) name;
-- What comes of a statement; nothing of it stays.
CREATE FUNCTION test.set_somewhere(as_app boolean, statement text) RETURNS text LANGUAGE plpgsql
AS $$
BEGIN
    IF as_app THEN
        SET LOCAL ROLE regress_app;
    END IF;
    EXECUTE statement;
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION
    WHEN SQLSTATE 'ZZ000' THEN
        RETURN 'set';
    WHEN OTHERS THEN
        RETURN SQLSTATE;
END
$$;
CREATE TABLE test.set AS
SELECT s.name, s.context, p.place, p.as_app, test.set_somewhere(p.as_app, format(p.statement, s.name, s.value, current_database())) AS outcome
FROM test.settings s,
     (VALUES ('SET', true, 'SET %s = %L'), ('SET LOCAL', true, 'SET LOCAL %s = %L'), ('set_config', true, 'SELECT set_config(%L, %L, false)'),
             ('set_config local', true, 'SELECT set_config(%L, %L, true)'), ('function', true, 'CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql SET %s = %L AS ''SELECT 1'''),
             ('ALTER ROLE', true, 'ALTER ROLE CURRENT_USER SET %s = %L'), ('ALTER DATABASE', true, 'ALTER DATABASE %3$I SET %1$s = %2$L'),
             ('SET', false, 'SET %s = %L'), ('function', false, 'CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql SET %s = %L AS ''SELECT 1'''),
             ('ALTER ROLE', false, 'ALTER ROLE regress_app SET %s = %L'), ('ALTER DATABASE', false, 'ALTER DATABASE %3$I SET %1$s = %2$L')) p (place, as_app, statement);
-- as a superuser, in the file of the server too, which it does not read meanwhile
\set VERBOSITY sqlstate
SELECT format('ALTER SYSTEM SET %s = %L', s.name, s.value) FROM test.settings s ORDER BY s.name COLLATE "C" \gexec
INSERT INTO test.set
SELECT s.name, s.context, 'ALTER SYSTEM', false, CASE WHEN f.name IS NULL THEN 'refused' ELSE 'set' END
FROM test.settings s LEFT JOIN (SELECT DISTINCT name FROM pg_file_settings WHERE sourcefile ~ 'postgresql\.auto\.conf$') f ON f.name = s.name;
SELECT format('ALTER SYSTEM RESET %s', s.name) FROM test.set s WHERE s.place = 'ALTER SYSTEM' AND s.outcome = 'set' ORDER BY s.name COLLATE "C" \gexec
\set VERBOSITY terse
\pset format unaligned
SELECT o.context, o.application, o.superuser, string_agg(replace(o.name, 'bastion.', ''), ' ' ORDER BY o.name COLLATE "C") AS settings
FROM (SELECT p.name, p.context, string_agg(p.outcome || ': ' || p.places, '; ' ORDER BY p.outcome COLLATE "C") FILTER (WHERE p.as_app) AS application,
             string_agg(p.outcome || ': ' || p.places, '; ' ORDER BY p.outcome COLLATE "C") FILTER (WHERE NOT p.as_app) AS superuser
      FROM (SELECT s.name, s.context, s.as_app, s.outcome, string_agg(s.place, ', ' ORDER BY s.place COLLATE "C") AS places FROM test.set s GROUP BY 1, 2, 3, 4) p
      GROUP BY p.name, p.context) o
GROUP BY o.context, o.application, o.superuser ORDER BY o.context COLLATE "C", min(o.name COLLATE "C");
\pset format aligned
SELECT s.name, s.context, s.place AS set_by_an_application FROM test.set s
WHERE s.as_app AND s.outcome = 'set' AND s.context <> 'user' AND NOT (s.context = 'identity' AND s.place ~ '^(SET|SET LOCAL|set_config.*)$')
ORDER BY s.name COLLATE "C", s.place COLLATE "C";
-- every setting says what it does
SELECT s.name AS setting_without_description FROM pg_settings s WHERE s.name LIKE 'bastion.%' AND coalesce(s.short_desc, '') !~ '\S{3}.*\.$';
-- an argument tenant, unit or for_user takes a name too; tenant_id, unit_id and user_id are uuids
SELECT p.oid::regprocedure AS function, a.name AS argument, a.type::regtype AS of_the_wrong_type
FROM pg_proc p, unnest(p.proargnames[1:p.pronargs], p.proargtypes::oid[]) a (name, type)
WHERE p.pronamespace IN ('bastion'::regnamespace, 'bastion_api'::regnamespace)
  AND (a.name IN ('tenant', 'unit', 'for_user') AND a.type <> 'text'::regtype OR a.name IN ('tenant_id', 'unit_id', 'user_id') AND a.type <> 'uuid'::regtype);
-- the errors of a public function are the last line of its comment
SELECT p.oid::regprocedure AS errors_elsewhere
FROM pg_proc p WHERE p.pronamespace IN ('bastion'::regnamespace, 'bastion_api'::regnamespace)
 AND obj_description(p.oid, 'pg_proc') ~ 'SQLSTATE [0-9A-Z]{5}' AND obj_description(p.oid, 'pg_proc') !~ E'\nSQLSTATE [^\n]*$';

DROP FUNCTION test.set_somewhere;
DROP TABLE test.set, test.settings;
DROP VIEW test.wrong;
DROP TABLE test.allowed;
DROP VIEW test.catalogue, test.recorded_kinds, test.named_kinds, test.own_grants, test.own_calls, test.own_triggers, test.own_functions, test.own_types, test.own_relations,
     test.own_schemas, test.members;

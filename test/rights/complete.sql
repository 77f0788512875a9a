-- The functions that touch no foreign code, each with a reason; and a check that they and the matrix cover all callable
-- functions: those that application and migration roles may execute, and those for operators, which is every function whose
-- comment does not say that it is internal.
CREATE TABLE rights.nothing_foreign (reason text PRIMARY KEY, names text[] NOT NULL);
INSERT INTO rights.nothing_foreign VALUES
    ('computes from its arguments, which are of built-in types, and from the vault',
     '{library_version,password_hash,password_verify,password_format,password_needs_rehash,jwt_sign,jwt_verify,jws_verify,jwk_generate,jwk_public,jwk_thumbprint,random_bytes,
       is_sealed,sealed,sealed_in,sealed_out,sealed_recv,sealed_send,sealed_lt,sealed_le,sealed_eq,sealed_ge,sealed_gt,sealed_ne,sealed_cmp,sealed_hash,sealed_hash_extended,named_table,named_table_in,named_table_out,table_of,open_text,open_bytea,open_text_for,open_bytea_for,rewrap,rewrap_for,seal_for,
       blind_index_for,import_aes_gcm,import_pgp_sym,client_address,
       is_email,is_permission_pattern,is_slug,is_username,is_word,is_resource,is_reserved_resource,access_picture,status,root_key_id,plan_notes,counters,stats_reset,event_queue_counts,metrics}'),
    ('reads the context, and rights by statements that the library has pinned',
     '{actor_id,user_id,tenant_id,tenant_number,unit_id,session_id,api_key_id,delegation_id,actors,auth_level,auth_time,claims,whoami,context_drop,has_permission,
       tenant_if_allowed,tenant_number_if_allowed,permissions,acl_set,acl_set_unfolded,acl_set_anywhere,acl_set_anywhere_unfolded,
       tenant_set,tenant_set_unfolded,can_by_acl,can_by_acl_anywhere,can_in_tenant,default_acl,acl_in_tenant,cache_stats,tenant_acl,unit_acl}'),
    ('reads the extension''s own tables alone',
     '{jwks,audit_drift,bastion_api.identity_links,flag_set,flag_rollout,flag_disable,flag_delete,flag_rollback,flag_cancel,flag_update,flag_request,flag_approve,flag_reject,flag_request_list,flag_list,flag_list_for,flag_history,flag_history_for,flag_import,flag_export,flag_export_for,flag_boolean,flag_text,flag_numeric,flag_json,flag_evaluate,setting_text,setting_integer,setting_numeric,setting_boolean,setting_json,setting_list,setting_version_list,setting_history,setting_request_list,setting_export,setting_export_for,rate_limit,rate_limit_state,rate_limit_require,concurrency_limit,bastion_api.factors,bastion_api.passkey_login_options,search_operators,user_named,share_subject_named,secret_list,key_list,key_public,key_public_for,key_verify,key_verify_for,key_mac_verify,key_mac_verify_for,wrapped_key_open,wrapped_key_open_for,secret_version_list,secret_resource,openable_secrets,secret_get_jsonb,secrets_due,data_keys_due,permission_matrix,permission_matrix_text,require_permission,bastion_api.me,bastion_api.schema,bastion_api.sessions,bastion_api.devices,bastion_api.tenants,bastion_api.tenant_settings,bastion_api.step_up_rules,bastion_api.members,bastion_api.units,bastion_api.api_keys,bastion_api.delegations,bastion_api.invitations,bastion_api.my_invitations,key_status,event_counts,events_pruned,lint_summary,outbox_counts,audit_checkpoint,audit_verifier_key,audit_tile,audit_inclusion_proof,audit_consistency_proof,audit_entry_index}'),
    ('changes the extension''s own tables with the rights of the operator who calls it',
     '{init,audit_seal,audit_partitions_create,audit_hold_place,audit_hold_lift,audit_new_era,audit_key_rotate,audit_witness_add,audit_witness_remove,audit_witness_request,audit_cosignature_add,relying_party_set,relying_party_remove,factors_remove,factor_unlock,passkey_attest,login_unlock,search_operator_trust,search_operator_distrust,token_issue,operator_role_declare,lint_accept,records_bind,membership_force,keys_discard,tenant_shred,user_password_set,import_users,import_users_from,import_secrets,import_secrets_from,hook_set,hook_remove,import_api_keys,import_api_keys_from,api_key_scheme_add,api_key_scheme_delete,data_key_rotate,root_key_rotate,root_key_check,signing_key_rotate,key_create_for,key_rotate_for,key_update_for,key_delete_for,key_sign_for,key_mac_for,wrapped_key_create_for,pepper_create,session_prune,outbox_prune,user_sessions_revoke,
       setting_put_for,setting_seal_for,setting_open_for,setting_update_for,setting_delete_for,setting_import_for,identity_add,identity_remove,flag_set_for,flag_rollout_for,flag_disable_for,flag_delete_for,flag_rollback_for,flag_cancel_for,flag_update_for,flag_import_for,rate_limit_set,rate_limit_remove,meter_set,meter_remove,plan_limit_set,plan_limit_remove,limit_override_set,limit_override_remove,quota_calendar_set,usage_roll_up,usage_prune,issuer_add,issuer_login_set,issuer_disable,issuer_remove,issuer_keys_set,platform_role_set,platform_role_remove,platform_step_up_rule_set,platform_step_up_rule_remove,resource_register,sealed_column_remove,secret_folder_register,purpose_update,secret_folder_remove,secret_put_for,secret_get_for,secrets_prune,secrets_remind,data_key_guard_set,data_key_guard_remove}'),
    ('changes the extension''s own tables, as setting_put() does, for a request of another person', '{setting_approve}'),
    ('counts in the extension''s own tables alone', '{quota_consume,quota_consume_many,quota_require,quota_reserve,quota_settle,quota_cancel,quota_usage,audit_log,audit_history,audit_as_of,audit_picture,audit_json_lines,audit_csv_lines,audited_name,audit_emptied,audit_shown,audit_time,audit_entry}'),
    ('begins a session as login() does, where the configuration of the server allows it', '{bastion_test.act_as}'),
    ('a trigger of the extension''s own tables, which nobody else can make a trigger of',
     '{invalidate,check_membership_role,check_platform_role,check_role_parent,check_unit_tree,end_sessions_of_member,end_sessions_of_tenant,end_sessions_of_user,end_delegations_of_session,end_delegations_of_user,end_credentials_of_platform_role,end_lapsed_credentials,end_attestation,delete_below,forget_mail_of_user,
       fill_acl_entry,fill_member_acl,fill_role_scope,follow_unit_parents,follow_units,forget_inheritance,forget_subject,forget_quotas,guard_foreign_code,guard_system_rows,keep_default_acl,
       audit_record_change,keep_events,keep_unpruned_events,keep_last_owner,read_column_numbers,read_audited_columns,keep_meter_owner,keep_role_tenant,keep_secret_access_log,keep_setting_changes,keep_unit_of_secrets,keep_guarded_key,leave_secrets,make_default_acl,skip_derived_acl,skip_derived_row,read_column_memory}'),
    ('a step of protect(), unprotect(), acl_backfill(), composite_keys_create(), reference_add() or global_table_add(), which are in the matrix; alone it has the rights of its caller',
     '{backfill_steps,check_acl_column,check_actions,check_citus,check_column,check_foreign_policies,check_member,check_no_nulls,check_one_owner,check_owner_may_fill,check_protectable,check_reference,check_resource,
       check_sharing,check_owner_rights,check_tree,check_tenants,check_quota,check_audit_columns,audit_triggers,audit_tenant_column,audit_columns_now,records_forget,audit_record,audit_forget,plan_audit,plan_audit_of,plan_unaudit,check_meter_owner,meter_kind,is_our_trigger,quota_triggers,plan_quota,recount_rows,check_global_keys,global_keys,holds_number,is_key_of_tenants,same_type,column_state,fill_pages,guard_table,has_rows_to_fill,offer_composite_keys,open_acl_column,open_global,plan_acl_column,
       plan_foreign_keys,plan_indexes,plan_member,plan_policies,plan_protect,plan_release,plan_triggers,plan_unprotect,policy_command,protect_defaults,
       protect_normal,protect_policies,protect_policy_state,protect_record,protect_test,protect_triggers,sharing_test,acl_column,acl_kind,
       column_memory,create_in_unit_test,default_acl_test,foreign_key_action,foreign_policies,free_index_name,has_tenant_index,has_unique_columns,
       is_context_default,is_distributed,is_our_policy,citus_policies,key_columns,kind_of_relation,lint_foreign_keys,lint_unique,made_column,made_indexes,old_acl_column,owns_relation,
       plan_composite_keys,plan_not_null,plan_open,plan_record,plan_remember,protect_action,protect_actions,protect_columns,protect_forget,protect_line,
       protect_remember,column_number,protection_now,protect_root,protect_tree,protected_members,placed_test,reference_key,references_of,resource_of_table,same_tenant_test,tenant_may_be_null}'),
    ('makes objects with the rights of the operator who calls it, whose bodies name no object of others', '{install_supabase_auth}'),
    ('reads the catalog with the rights of its caller, and writes statements that it does not run',
     '{adopt_plan,adopt_relations,adopt_edges,adopt_named,adopt_column_names,adopt_own_columns,adopt_filled,adopt_places,adopt_order,adopt_owner_column,adopt_fill,adopt_protect_call,adopt_remarks,
       adopt_table_rows,adopt_tenant_names,adopt_tenant_rows,adopt_other_row,check_adoptable}'),
    ('tells yes or no about a table, from the catalog and the extension''s own tables', '{is_global,must_be_guarded,resource_registered,values_without_tenant}');

CREATE FUNCTION rights.callable() RETURNS TABLE (callable regprocedure, name text, writes boolean)
LANGUAGE sql
AS $$
    SELECT p.oid, CASE WHEN n.nspname IN ('bastion', 'bastion_internal') THEN '' ELSE n.nspname || '.' END || p.proname,
           p.prosecdef AND p.prorettype <> 'trigger'::regtype AND p.prosrc ~ '\m(EXECUTE|INSERT INTO|UPDATE|DELETE FROM|as_table_owner)\M'
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_bastion'
    WHERE n.nspname <> 'bastion_internal' OR p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype)
       OR p.oid IN (SELECT bastion_internal.routines_of('application') UNION SELECT bastion_internal.routines_of('migration')
                    UNION SELECT bastion_internal.routines_of('monitoring') UNION SELECT bastion_internal.routines_of('mailer'))
$$;

CREATE FUNCTION rights.incomplete() RETURNS TABLE (problem text)
LANGUAGE sql SET search_path = public, pg_temp
AS $$
    WITH listed AS (
        SELECT DISTINCT CASE WHEN s ~ '^bastion_' THEN s ELSE 'bastion.' || s END::regprocedure AS callable
        FROM rights.functions f, unnest(f.signatures) s
    ), said AS (
        SELECT unnest(n.names) AS name FROM rights.nothing_foreign n
    )
    SELECT c.callable || ' is neither in calls.sql or ours.sql nor said to touch nothing foreign in complete.sql'
    FROM rights.callable() c WHERE c.callable NOT IN (SELECT l.callable FROM listed l) AND c.name NOT IN (SELECT s.name FROM said s)
    UNION ALL
    SELECT 'nobody may call ' || s.name || ', which complete.sql names' FROM said s WHERE s.name NOT IN (SELECT c.name FROM rights.callable() c)
    UNION ALL
    SELECT c.callable || ' is a definer that writes or runs text that it made: it belongs into the matrix'
    FROM rights.callable() c WHERE c.writes AND c.name IN (SELECT s.name FROM said s)
      AND c.callable NOT IN (SELECT l.callable FROM listed l)
    ORDER BY 1
$$;

-- A foreign key that refers to a table of the extension, or a trigger there, makes the extension run foreign code.
CREATE FUNCTION rights.code_on_ours() RETURNS TABLE ("grant" text)
LANGUAGE sql
AS $$
    SELECT format('%s: %s on %s%s', a.grantee::regrole, a.privilege_type, o.relation, '.' || o.attname)
    FROM (SELECT c.oid::regclass AS relation, NULL::name AS attname, c.relowner, c.relacl AS acl FROM pg_class c
          UNION ALL
          SELECT c.oid, t.attname, c.relowner, t.attacl FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid) o,
         aclexplode(o.acl) a
    WHERE (SELECT c.relnamespace::regnamespace::text FROM pg_class c WHERE c.oid = o.relation) IN ('bastion', 'bastion_api', 'bastion_internal', 'bastion_test')
      AND a.privilege_type IN ('REFERENCES', 'TRIGGER') AND a.grantee <> o.relowner
    ORDER BY 1
$$;

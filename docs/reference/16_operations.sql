-- Operations
-- What an operator calls: the first root key, grants to the roles of the application and of migrations, and what is wrong with a
-- database.
-- functions: init allow_app_role disallow_app_role allow_migration_role allow_loader_role allow_monitoring_role allow_mailer_role operator_role_declare
-- search_operators search_operator_trust search_operator_distrust plan_notes status lint lint_summary lint_accept records_bind cache_stats metrics stats_reset event_counts events_prune events_pruned library_version tenant_delete act_as import_users import_users_from import_api_keys import_api_keys_from
-- hook_set hook_remove install_supabase_auth import_secrets import_secrets_from api_key_scheme_add api_key_scheme_delete

CREATE TABLE forgotten (id bigint PRIMARY KEY, tenant_id uuid);
GRANT SELECT ON forgotten TO app;
SELECT severity, object, problem, fix FROM bastion.lint() WHERE object ~ 'forgotten' \gx
SELECT bastion.protect('forgotten');
SELECT count(*) AS problems FROM bastion.lint() WHERE object ~ 'forgotten';
SELECT operator, needs, reason FROM bastion.search_operators() WHERE symbol = 'textlike';
SELECT bastion.root_key_id() IS NOT NULL AS has_root_key;
SELECT kind, outcome FROM bastion.stat_verifications WHERE kind = 'password';
SELECT line FROM string_to_table(bastion.metrics(), E'\n') line WHERE line ~ 'bastion_outbox_dead';
SELECT status ? 'events' AS events, status ? 'key_memory' AS key_memory FROM bastion.status() status;

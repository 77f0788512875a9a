-- Feature flags
-- What is switched on, for which users, roles, tenants and shares of all, in the form of flagd. A flag of a tenant counts before one of the
-- installation. Each change is a version that stays. [FLAGS.md](FLAGS.md) has the rules and a session.
-- functions: flag_boolean flag_text flag_numeric flag_json flag_evaluate flag_set flag_rollout flag_disable flag_delete flag_rollback flag_cancel flag_update flag_request flag_approve flag_reject flag_request_list flag_list flag_history flag_import flag_export flag_set_for flag_rollout_for flag_disable_for flag_delete_for flag_rollback_for flag_cancel_for flag_update_for flag_list_for flag_history_for flag_import_for flag_export_for

SET ROLE app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT bastion.flag_set('new_editor', '{"variants": {"on": true, "off": false}, "defaultVariant": "off"}') AS version;
SELECT bastion.flag_rollout('new_editor', 'on', 25, roles => '{owner}', reason => 'owners first') AS version;
SELECT bastion.flag_boolean('new_editor', false), bastion.flag_evaluate('new_editor') ->> 'reason' AS reason;
SELECT version, definition #> '{targeting,if,2,fractional}' AS others, reason FROM bastion.flag_history('new_editor');
ROLLBACK;
RESET ROLE;

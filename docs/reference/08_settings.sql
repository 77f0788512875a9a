-- Settings of applications
-- Values of the installation and of tenants, for all environments or one, with versions, validators, approvals and a history. Some are
-- sealed. [SETTINGS.md](SETTINGS.md) has a session.
-- functions: setting_text setting_integer setting_numeric setting_boolean setting_json setting_put setting_rollback setting_seal setting_open setting_update setting_version_delete setting_version_undelete setting_version_destroy setting_delete setting_list setting_version_list setting_history setting_request setting_approve setting_reject setting_request_list setting_export setting_import setting_put_for setting_seal_for setting_open_for setting_update_for setting_delete_for setting_export_for setting_import_for

SELECT bastion.setting_put_for(NULL, 'mail.retries', '3'), bastion.setting_update_for(NULL, 'mail.retries', validator => '{"type": "integer", "maximum": 10}');
SET ROLE app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT bastion.setting_integer('mail.retries') AS of_installation;
SELECT bastion.setting_put('mail.retries', '5', reason => 'a slow server') AS version;
SELECT bastion.setting_integer('mail.retries') AS of_tenant, bastion.setting_text('mail.footer', 'none') AS footer;
COMMIT;
RESET ROLE;

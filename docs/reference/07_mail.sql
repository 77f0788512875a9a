-- Mail: links and codes
-- The database queues mail, and a sender outside sends it: MAIL.md has every flow with its answers. Tokens are stored nowhere; the
-- sender gets them when it claims the mail.
-- functions: request_password_reset reset_password request_login_link login_link request_login_code login_code verify_email
-- resend_verification email_change email_change_confirm email_undo account_delete account_delete_cancel users_purge invitation_resend
-- invitation_decline_link account_recovery_start account_recovery_finish account_recovery_cancel outbox_claim outbox_done outbox_retry outbox_revive outbox_clear outbox_counts outbox_prune

SET bastion.outbox = on;
-- The answer does not tell whether there is such a user.
SELECT bastion_api.request_login_link('ann@acme.example') AS known, bastion_api.request_login_link('nobody@acme.example') AS unknown;
SELECT kind, token FROM bastion.outbox_claim('sender') WHERE kind = 'magic_link' \gset
SELECT bastion_api.login_link(:'token') ->> 'token_type' AS type;
-- It is good once.
SELECT bastion_api.login_link(:'token') ->> 'error' AS again;
SELECT waiting, dead FROM bastion.outbox_counts();

-- Second factors
-- An authenticator shows codes by time (RFC 6238), and recovery codes replace a lost one. `step_up()` confirms a session, and each
-- login asks for a factor (`login_mfa()`, [ACCOUNTS.md](ACCOUNTS.md#second-factors)). In psql, `SELECT bastion_api.totp_add() ->> 'qr_text'` shows a QR code that a phone reads from a dark terminal.
-- functions: totp_add totp_confirm passkey_add passkey_confirm passkey_options passkey_login_options passkey_login relying_party_set relying_party_remove factors factor_rename factor_remove recovery_codes_renew step_up factors_remove passkey_attest factor_unlock

SET ROLE app;
SELECT a ->> 'access_token' AS ann FROM bastion_api.login('ann@acme.example', 'correct horse battery') a \gset
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT f ->> 'uri' ~ '^otpauth://totp/' AS for_a_phone, f ->> 'qr_svg' ~ '^<svg' AS for_a_page, f ->> 'factor' AS factor
FROM bastion_api.totp_add('My phone') f \gset
SELECT bastion_api.totp_confirm(:'factor', 'mistyped') ->> 'error' AS refused;
SELECT f ->> 'name' AS name, f ->> 'state' AS state FROM jsonb_array_elements(bastion_api.factors() -> 'factors') f;
COMMIT;

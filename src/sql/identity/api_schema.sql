
-- The shapes of the answers of bastion_api, as JSON Schema. clients/bastion_api.d.ts is made of them (tools/api-types).

CREATE FUNCTION bastion_internal.api_definitions() RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    definitions jsonb := '{
        "User": {
            "description": "A user. Address and names are null where the caller may not see them.",
            "id": "uuid", "email": "string?", "username": "string?", "display_name": "string?"},
        "Tenant": {
            "description": "A tenant, with the role of the user in the whole of it; null for a member of single units, and for no member.",
            "id": "uuid", "number": "integer", "slug": "string", "name": "string", "role": "string?"},
        "Unit": {
            "description": "A unit of a tenant: a team, a project.",
            "id": "uuid", "slug": "string?", "kind": "string", "name": "string"},
        "Tokens": {
            "description": "A session has begun or goes on (RFC 6749 section 5.1). expires_in and refresh_expires_in are seconds.",
            "access_token": "string", "token_type": "=Bearer", "expires_in": "integer", "expires_at": "time",
            "refresh_token": "string", "refresh_expires_in": "integer", "user": "User", "tenant": "Tenant?"},
        "TenantRequired": {
            "description": "The password is right, and the user is a member of several tenants: login_tenant() takes the challenge and one of them. After a mailed link or code there is none, and the client repeats its request.",
            "error": "=tenant_required", "error_description": "string", "tenants": "Tenant[]", "challenge": "string?", "expires_in": "integer?"},
        "LinkRequired": {
            "description": "The ID token is right, its subject is unknown, and a user has verified its address. The user logs in as before, and identity_link() takes the challenge.",
            "error": "=link_required", "error_description": "string", "challenge": "string", "expires_in": "integer"},
        "IdTokenRequest": {
            "description": "A login with an issuer begins: the nonce goes into the request to the issuer, the challenge stays with the client until login_id_token().",
            "challenge": "string", "nonce": "string", "expires_in": "integer"},
        "Identity": {"description": "An account at an issuer that logs in to that of the user. subject is its identifier there.", "issuer": "string", "subject": "string", "enabled": "boolean", "created_at": "time"},
        "Identities": {"description": "The accounts at issuers that are linked to the user.", "identities": "Identity[]"},
        "IdentityUnlinked": {"description": "The link is removed.", "unlinked": "boolean"},
        "IdentityLinked": {"description": "Whether this linked the subject of the issuer to the user.", "linked": "boolean"},
        "MfaRequired": {
            "description": "What was presented is right, and the user has a second factor: login_mfa() takes the challenge with one of the factors, or with a recovery code if any is left. passkeys has PublicKeyCredentialRequestOptionsJSON for each domain with passkeys of the user.",
            "error": "=mfa_required", "error_description": "string", "challenge": "string", "expires_in": "integer", "factors": "LoginFactor[]", "recovery_codes": "boolean", "passkeys": "object[]"},
        "LoginFactor": {"description": "A second factor that login_mfa() takes.", "id": "uuid", "kind": "string", "name": "string"},
        "Me": {
            "description": "The identity of the transaction.",
            "user": "User", "actor_id": "uuid", "tenant": "Tenant?", "unit": "Unit?", "roles": "string[]", "permissions": "string[]",
            "level": "string"},
        "Session": {
            "description": "A session that has not ended.",
            "id": "uuid", "current": "boolean", "device": "string?", "ip": "string?", "user_agent": "string?", "tenant": "Tenant?",
            "level": "string", "amr": "string[]", "phishing_resistant": "boolean", "created_at": "time", "last_seen_at": "time", "expires_at": "time"},
        "Sessions": {"description": "The sessions of the user.", "sessions": "Session[]"},
        "Requested": {"description": "Mail goes out if the address has an account; nothing is said about that."},
        "CodeRequested": {
            "description": "A code goes out if the address has an account; login_code() takes it together with the request.",
            "request": "uuid"},
        "VerificationRequired": {
            "description": "The account waits for verify_email(), with the mailed token and the password.", "verification": "=required"},
        "Address": {"description": "The address that the user now has, verified.", "email": "string"},
        "Done": {"description": "It is done."},
        "RecoveryStarted": {"description": "From when account_recovery_finish() takes the mailed token.", "ready_at": "time"},
        "RecoveryPending": {
            "description": "The mailed token is right, and 72 hours have not passed yet.",
            "error": "=recovery_pending", "error_description": "string", "ready_at": "time"},
        "RecoveryCancelled": {"description": "Whether this ended a recovery.", "cancelled": "boolean"},
        "StepUpRule": {
            "description": "What a session must prove to hold a permission or pattern. max_age is in seconds, null for any age; of_operator is a rule of every tenant; met is whether this session meets it.",
            "permission": "string", "level": "string", "max_age": "integer?", "of_operator": "boolean", "met": "boolean"},
        "StepUpRules": {"description": "The step-up rules of the tenant.", "rules": "StepUpRule[]"},
        "UnitDeleted": {"description": "The unit that was deleted.", "deleted": "Unit"},
        "Deleting": {"description": "When the account or the tenant will be deleted.", "delete_at": "time"},
        "LoggedOut": {"description": "How many sessions were ended.", "ended": "integer"},
        "SessionChanged": {"description": "Whether this changed the session.", "changed": "boolean"},
        "SessionRevoked": {"description": "Whether this ended the session.", "revoked": "boolean"},
        "Tenants": {"description": "The active tenants of the user.", "tenants": "Tenant[]"},
        "OneTenant": {"description": "The tenant after the change.", "tenant": "Tenant"},
        "TenantLeft": {"description": "The tenant that the user left, with the role that the user had.", "left": "Tenant"},
        "TenantTransferred": {"description": "The tenant, with the new role of the user, and its new owner.", "tenant": "Tenant", "owner": "User"},
        "TenantSettings": {
            "description": "Limits of sessions in the tenant, in seconds, and the fewest characters of a password; null is the setting of the server. mfa is off, required or phishing_resistant. mfa_remember is for how many seconds a remembered device stands in for a second factor; null is never.",
            "access_lifetime": "integer?", "session_lifetime": "integer?", "idle_limit": "integer?", "reuse_window": "integer?", "password_min_length": "integer?", "mfa": "string", "mfa_remember": "integer?"},
        "SettingsOfTenant": {"description": "The settings of the tenant.", "settings": "TenantSettings"},
        "Membership": {
            "description": "A role of a member in the whole tenant, or in a unit and those below.",
            "role": "string", "unit": "Unit?", "valid_from": "time?", "valid_until": "time?", "assigned_by": "uuid?", "created_at": "time"},
        "Member": {"description": "A member with all memberships in the tenant.", "user": "User", "memberships": "Membership[]"},
        "Members": {"description": "A page of members; next is the argument after for the next page, null at the end.", "members": "Member[]", "next": "uuid?"},
        "MemberSet": {
            "description": "The membership that was changed, or the invitation of a user who is no member.",
            "membership": "uuid?", "invitation": "uuid?", "expires_at": "time?"},
        "MemberRemoved": {"description": "Whether there was such a membership.", "removed": "boolean"},
        "PlacedUnit": {"description": "A unit, and the id of the unit above it.", "unit": "Unit", "parent": "uuid?"},
        "Units": {"description": "A page of units; next is the argument after for the next page, null at the end.", "units": "PlacedUnit[]", "next": "uuid?"},
        "OneUnit": {"description": "The unit after the change.", "unit": "Unit"},
        "Profile": {"description": "The user after the change.", "user": "User"},
        "Revoked": {"description": "Nothing is said about the token (RFC 7009 section 2.2)."},
        "ApiKeySecret": {"description": "When a secret of an API key was made, and until when it is good.", "created_at": "time", "expires_at": "time?"},
        "ApiKey": {
            "description": "An API key, without its text.",
            "id": "uuid", "name": "string", "user": "User", "unit": "Unit?", "scopes": "string[]", "cidrs": "string[]", "limits": "object",
            "expires_at": "time?", "disabled": "boolean", "created_at": "time", "created_by": "User?", "last_used_at": "time?",
            "last_used_ip": "string?", "secrets": "ApiKeySecret[]"},
        "ApiKeys": {"description": "API keys of the tenant.", "api_keys": "ApiKey[]"},
        "ApiKeyRevoked": {"description": "Whether this ended the key.", "revoked": "boolean"},
        "ApiKeyDisabled": {"description": "Whether this changed the key.", "changed": "boolean"},
        "Invitation": {
            "description": "An open invitation into the tenant, by address or of a user.",
            "id": "uuid", "email": "string?", "user": "User?", "role": "string", "unit": "Unit?", "invited_by": "User", "created_at": "time",
            "expires_at": "time", "valid_from": "time?", "valid_until": "time?"},
        "Invitations": {"description": "The open invitations into the tenant.", "invitations": "Invitation[]"},
        "MyInvitation": {
            "description": "An open invitation of the user, with the role that it offers.",
            "id": "uuid", "tenant": "Tenant", "role": "string", "created_at": "time", "expires_at": "time"},
        "MyInvitations": {"description": "The open invitations of the user.", "invitations": "MyInvitation[]"},
        "Joined": {"description": "Where the user has become a member, and logs in next.", "tenant": "Tenant", "unit": "Unit?"},
        "StepUpRequired": {
            "description": "The session does not prove enough, or not freshly enough (RFC 9470): acr_values is the level, max_age is in seconds.",
            "error": "=insufficient_user_authentication", "error_description": "string", "acr_values": "string", "max_age": "integer?"},
        "TooManyTries": {
            "description": "Nothing was checked. retry_after is in seconds, null when only an operator helps.",
            "error": "=too_many_tries", "error_description": "string", "retry_after": "integer?"},
        "Device": {"description": "A known device of the user.", "id": "uuid", "name": "string?", "created_at": "time", "last_used_at": "time", "confirmed_at": "time?"},
        "Devices": {"description": "The known devices of the user.", "devices": "Device[]"},
        "DeviceChanged": {"description": "Whether this changed a device.", "changed": "boolean"},
        "DeviceRevoked": {"description": "Whether this made the device unknown.", "revoked": "boolean"},
        "TooManyRequests": {
            "description": "The API key has reached a limit. retry_after is in seconds.",
            "error": "=too_many_requests", "error_description": "string", "retry_after": "integer"},
        "TooManyAttempts": {
            "description": "Nothing was checked, because of earlier attempts. retry_after is in seconds.",
            "error": "=too_many_attempts", "error_description": "string", "retry_after": "integer"},
        "Factor": {
            "description": "A second factor of the user. state is pending, active or suspended. phishing_resistant is whether it is a passkey.",
            "id": "uuid", "kind": "string", "name": "string", "state": "string", "phishing_resistant": "boolean", "created_at": "time", "last_used_at": "time?"},
        "Factors": {"description": "The second factors of the user, and how many recovery codes are left. recovery_at is when an open recovery of the account removes all of them.", "factors": "Factor[]", "recovery_codes": "integer", "recovery_at": "time?"},
        "NewTotp": {
            "description": "An authenticator to be confirmed: its secret in base32, as otpauth URI, and as QR code. Shown once.",
            "factor": "uuid", "secret": "string", "uri": "string", "qr_svg": "string", "qr_text": "string"},
        "PasskeyCreation": {
            "description": "What a browser is asked for a new passkey, and the challenge for passkey_confirm(). publicKey is PublicKeyCredentialCreationOptionsJSON (WebAuthn level 3).",
            "publicKey": "object", "challenge": "string", "expires_in": "integer"},
        "PasskeyRequest": {
            "description": "What a browser is asked for the use of a passkey, and its challenge. publicKey is PublicKeyCredentialRequestOptionsJSON (WebAuthn level 3).",
            "publicKey": "object", "challenge": "string", "expires_in": "integer"},
        "FactorAdded": {
            "description": "The factor that was confirmed, and with the first one recovery codes, shown once.",
            "factor": "Factor", "recovery_codes": "string[]"},
        "FactorRemoved": {"description": "The factor that was removed.", "removed": "uuid"},
        "RecoveryCodes": {"description": "New recovery codes, shown once.", "recovery_codes": "string[]"},
        "SteppedUp": {
            "description": "A new access token of the same session, confirmed with a second factor.",
            "access_token": "string", "token_type": "=Bearer", "expires_in": "integer", "expires_at": "time"},
        "Delegated": {
            "description": "An access token with which an actor acts for the user (RFC 8693 section 2.2.1). expires_in is in seconds.",
            "access_token": "string", "issued_token_type": "=urn:ietf:params:oauth:token-type:access_token", "token_type": "=Bearer",
            "expires_in": "integer", "delegation": "uuid"},
        "Delegation": {
            "description": "A delegation that has not ended: actor acts for user, the last of actors. tenant is its id.",
            "id": "uuid", "parent": "uuid?", "user": "User", "actor": "User", "actors": "string[]", "tenant": "uuid", "unit": "Unit?",
            "scopes": "string[]", "offline": "boolean", "created_at": "time", "expires_at": "time"},
        "Delegations": {"description": "The delegations in which others act for the user, and those in which the user acts for others.", "given": "Delegation[]", "held": "Delegation[]"},
        "DelegationRevoked": {"description": "Whether this ended the delegation.", "revoked": "boolean"},
        "Declined": {"description": "The invitation that was declined.", "declined": "uuid"}
    }';
BEGIN
    definitions := definitions || jsonb_build_object('NewApiKey',
        definitions -> 'ApiKey' || '{"description": "A new API key or secret; key is the text of the key, shown once.", "key": "string"}',
        'LoggedIn', definitions -> 'Tokens' || '{"description": "Tokens after a login that asked for a device_token, which is for the next login from this device.", "device_token": "string"}');
    RETURN (SELECT jsonb_object_agg(d.key, bastion_internal.api_object(d.value)) FROM jsonb_each(definitions) d)
        || '{"Schemas": {"description": "The JSON Schema of the answers of each function.", "type": "object", "additionalProperties": {"type": "object"}}}';
END
$$;
COMMENT ON FUNCTION bastion_internal.api_definitions() IS
'The objects in the answers of bastion_api, as JSON Schema by name. The body writes a property as its type: a name of the list, uuid, time or a JSON type, with ? for null, [] for an array, or = before a constant.';

CREATE FUNCTION bastion_internal.api_property(type text) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN starts_with(type, '=') THEN jsonb_build_object('const', substr(type, 2))
        WHEN type LIKE '%[]' THEN jsonb_build_object('type', 'array', 'items', bastion_internal.api_property(rtrim(type, '[]')))
        WHEN type ~ '^[A-Z].*[?]$' THEN jsonb_build_object('anyOf',
            jsonb_build_array(bastion_internal.api_property(rtrim(type, '?')), '{"type": "null"}'::jsonb))
        WHEN type LIKE '%?' THEN jsonb_set(bastion_internal.api_property(rtrim(type, '?')), '{type}',
            jsonb_build_array(bastion_internal.api_property(rtrim(type, '?')) -> 'type', 'null'))
        WHEN type ~ '^[A-Z]' THEN jsonb_build_object('$ref', '#/$defs/' || type)
        WHEN type = 'uuid' THEN '{"type": "string", "format": "uuid"}'
        WHEN type = 'time' THEN '{"type": "string", "format": "date-time"}'
        ELSE jsonb_build_object('type', type) END
$$;
COMMENT ON FUNCTION bastion_internal.api_property(text) IS 'The JSON Schema of a property, from its type as api_definitions() writes it.';

CREATE FUNCTION bastion_internal.api_object(properties jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('type', 'object', 'description', properties -> 'description',
        'required', coalesce(jsonb_agg(p.key ORDER BY p.key), '[]'),
        'properties', coalesce(jsonb_object_agg(p.key, bastion_internal.api_property(p.value)) FILTER (WHERE p.key IS NOT NULL), '{}'))
    FROM jsonb_each_text(properties - 'description') p
$$;
COMMENT ON FUNCTION bastion_internal.api_object(jsonb) IS
'The JSON Schema of an object whose properties are all present, from their types by name. Clients ignore properties that they do not know.';

CREATE FUNCTION bastion_internal.api_answer(name text, answers text[], errors text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE definitions (name, body) AS MATERIALIZED (
        SELECT d.key, d.value FROM jsonb_each(bastion_internal.api_definitions()) d
    ), used (name) AS (
        SELECT a FROM unnest(answers) a
        UNION
        SELECT m[1] FROM used u JOIN definitions d ON d.name = u.name, regexp_matches(d.body::text, '#/[$]defs/([A-Za-z]+)', 'g') m
    )
    SELECT jsonb_build_object(
        '$schema', 'https://json-schema.org/draft/2020-12/schema',
        'title', 'bastion_api.' || api_answer.name,
        'anyOf', (SELECT jsonb_agg(jsonb_build_object('$ref', '#/$defs/' || a) ORDER BY place) FROM unnest(answers) WITH ORDINALITY x (a, place))
            || CASE WHEN errors = '{}' THEN '[]' ELSE '[{"$ref": "#/$defs/Refusal"}]'::jsonb END,
        '$defs', (SELECT jsonb_object_agg(d.name, d.body) FROM definitions d WHERE d.name IN (SELECT u.name FROM used u))
            || CASE WHEN errors = '{}' THEN '{}' ELSE jsonb_build_object('Refusal', jsonb_build_object(
                'type', 'object', 'description', 'A refusal (RFC 6749 section 5.2). error_description is a text for the user.',
                'required', '["error", "error_description"]'::jsonb, 'properties', jsonb_build_object(
                    'error', jsonb_build_object('enum', to_jsonb(errors)), 'error_description', '{"type": "string"}'::jsonb))) END)
$$;
COMMENT ON FUNCTION bastion_internal.api_answer(text, text[], text[]) IS
'The JSON Schema of a function of bastion_api: the names of its answers in api_definitions(), and the codes of its refusals.';

CREATE FUNCTION bastion_internal.api_schemas() RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    busy constant text[] := '{temporarily_unavailable}';
    account constant text[] := '{invalid_password,weak_password,invalid_display_name,invalid_username,email_taken,username_taken,signup_refused}';
    caller constant text[] := '{unauthenticated,invalid_token}';
    limited constant text[] := caller || 'insufficient_scope'::text;
BEGIN
    RETURN (SELECT jsonb_object_agg(f.name, bastion_internal.api_answer(f.name,
            -- Every function that a caller needs an identity for refuses an API key beyond its limits.
            f.answers || CASE WHEN f.errors @> caller THEN '{TooManyRequests}' ELSE '{}' END::text[], f.errors)) FROM (VALUES
        ('signup', ARRAY['Tokens', 'VerificationRequired'], account || busy || '{signup_closed,invalid_tenant_name,invalid_email}'::text[]),
        ('signup_invited', ARRAY['Tokens'], account || busy || 'invalid_invitation'::text),
        ('signup_anonymous', ARRAY['Tokens', 'TooManyAttempts'], '{signup_closed,signup_refused,invalid_tenant_name,invalid_display_name}'::text[]),
        ('account_convert', ARRAY['Tokens', 'VerificationRequired'], limited || busy || '{not_anonymous,invalid_email,invalid_username,invalid_password,weak_password,email_taken,username_taken,signup_refused}'::text[]),
        ('login', ARRAY['Tokens', 'MfaRequired', 'LoggedIn', 'TenantRequired', 'TooManyAttempts'], busy || 'invalid_grant'::text),
        ('request_password_reset', ARRAY['Requested', 'TooManyAttempts'], ARRAY['invalid_email']),
        ('reset_password', ARRAY['Done'], busy || '{invalid_link,invalid_password,weak_password}'::text[]),
        ('request_login_link', ARRAY['Requested', 'TooManyAttempts'], ARRAY['invalid_email']),
        ('login_link', ARRAY['Tokens', 'MfaRequired', 'TenantRequired'], ARRAY['invalid_link']),
        ('request_login_code', ARRAY['CodeRequested', 'TooManyAttempts'], ARRAY['invalid_email']),
        ('login_code', ARRAY['Tokens', 'MfaRequired', 'TenantRequired', 'TooManyAttempts'], ARRAY['invalid_link']),
        ('resend_verification', ARRAY['Requested', 'TooManyAttempts'], ARRAY['invalid_email']),
        ('verify_email', ARRAY['Tokens', 'Address', 'TooManyAttempts'], limited || busy || '{invalid_link,invalid_grant}'::text[]),
        ('email_change', ARRAY['Requested', 'TooManyAttempts'], limited || busy || '{invalid_email,invalid_grant,anonymous_account}'::text[]),
        ('email_change_confirm', ARRAY['Address'], limited || 'invalid_link'::text),
        ('email_undo', ARRAY['Done'], ARRAY['invalid_link']),
        ('account_delete', ARRAY['Deleting', 'TooManyAttempts'], limited || busy || '{invalid_grant,last_owner}'::text[]),
        ('account_delete_cancel', ARRAY['Done'], ARRAY['invalid_link']),
        ('account_recovery_start', ARRAY['RecoveryStarted'], '{invalid_grant,recovery_unavailable}'::text[]),
        ('account_recovery_finish', ARRAY['Done', 'RecoveryPending'], ARRAY['invalid_link']),
        ('account_recovery_cancel', ARRAY['RecoveryCancelled'], limited || 'invalid_link'::text),
        ('login_mfa', ARRAY['Tokens', 'TenantRequired', 'TooManyTries'], '{invalid_grant,invalid_code}'::text[]),
        ('login_tenant', ARRAY['Tokens', 'LoggedIn'], '{invalid_grant}'::text[]),
        ('tenants', ARRAY['Tenants'], limited),
        ('tenant_create', ARRAY['OneTenant'], limited || '{signup_closed,invalid_tenant_name}'::text[]),
        ('tenant_rename', ARRAY['OneTenant', 'StepUpRequired'], limited || 'invalid_tenant_name'::text),
        ('tenant_settings', ARRAY['SettingsOfTenant', 'StepUpRequired'], limited),
        ('tenant_settings_set', ARRAY['SettingsOfTenant', 'StepUpRequired'], limited || 'invalid_request'::text),
        ('tenant_leave', ARRAY['TenantLeft'], limited || 'last_owner'::text),
        ('tenant_transfer', ARRAY['TenantTransferred', 'StepUpRequired'], limited || 'unknown_object'::text),
        ('tenant_delete', ARRAY['Deleting', 'StepUpRequired'], limited || 'invalid_request'::text),
        ('tenant_delete_cancel', ARRAY['OneTenant'], limited || 'unknown_object'::text),
        ('members', ARRAY['Members', 'StepUpRequired'], limited || 'unknown_object'::text),
        ('member_set', ARRAY['MemberSet', 'StepUpRequired'], limited || '{unknown_object,invalid_request,last_owner}'::text[]),
        ('member_add', ARRAY['MemberSet', 'StepUpRequired'], limited || '{unknown_object,invalid_request,last_owner}'::text[]),
        ('member_remove', ARRAY['MemberRemoved', 'StepUpRequired'], limited || '{unknown_object,last_owner}'::text[]),
        ('units', ARRAY['Units'], limited || 'unknown_object'::text),
        ('unit_create', ARRAY['OneUnit', 'StepUpRequired'], limited || '{unknown_object,invalid_request,slug_taken}'::text[]),
        ('unit_rename', ARRAY['OneUnit', 'StepUpRequired'], limited || '{unknown_object,invalid_request}'::text[]),
        ('step_up_rules', ARRAY['StepUpRules', 'StepUpRequired'], limited),
        ('unit_delete', ARRAY['UnitDeleted', 'StepUpRequired'], limited || '{unknown_object,invalid_request,unit_in_use}'::text[]),
        ('token', ARRAY['Tokens', 'MfaRequired', 'TenantRequired', 'TooManyAttempts'], busy || '{invalid_grant,invalid_request,invalid_scope,unsupported_grant_type}'::text[]),
        ('profile_update', ARRAY['Profile'], limited || '{invalid_request,invalid_display_name,invalid_username,username_taken,anonymous_account,last_login}'::text[]),
        ('password_change', ARRAY['LoggedOut', 'TooManyAttempts'], limited || busy || '{invalid_password,weak_password,wrong_password}'::text[]),
        ('tenant_switch', ARRAY['Tokens'], ARRAY['invalid_grant', 'session_ended']),
        ('devices', ARRAY['Devices'], limited),
        ('device_rename', ARRAY['DeviceChanged'], limited || 'invalid_request'::text),
        ('device_revoke', ARRAY['DeviceRevoked'], limited),
        ('session_rename', ARRAY['SessionChanged'], limited || 'invalid_request'::text),
        ('session_revoke', ARRAY['SessionRevoked'], limited),
        ('refresh', ARRAY['Tokens'], ARRAY['invalid_grant', 'session_ended']),
        ('logout', ARRAY['LoggedOut'], limited || 'invalid_scope'::text),
        ('sessions', ARRAY['Sessions'], limited),
        ('token_revoke', ARRAY['Revoked'], '{}'::text[]),
        ('me', ARRAY['Me'], caller),
        ('api_key_create', ARRAY['NewApiKey', 'StepUpRequired'], limited || '{invalid_request,invalid_scope}'::text[]),
        ('api_keys', ARRAY['ApiKeys'], limited),
        ('api_key_rotate', ARRAY['NewApiKey', 'StepUpRequired'], limited || '{invalid_request,unknown_api_key,too_many_secrets}'::text[]),
        ('api_key_revoke', ARRAY['ApiKeyRevoked', 'StepUpRequired'], limited),
        ('api_key_disable', ARRAY['ApiKeyDisabled', 'StepUpRequired'], limited || 'invalid_request'::text),
        ('delegate', ARRAY['Delegated', 'StepUpRequired'], limited || '{invalid_request,invalid_scope,unknown_object}'::text[]),
        ('delegations', ARRAY['Delegations'], limited),
        ('delegation_revoke', ARRAY['DelegationRevoked'], limited),
        ('invitations', ARRAY['Invitations', 'StepUpRequired'], limited),
        ('my_invitations', ARRAY['MyInvitations'], limited),
        ('invitation_accept', ARRAY['Joined'], limited || 'invalid_invitation'::text),
        ('invitation_decline', ARRAY['Declined'], limited || 'invalid_invitation'::text),
        ('invitation_decline_link', ARRAY['Declined'], ARRAY['invalid_invitation']),
        ('factors', ARRAY['Factors'], limited),
        ('factor_rename', ARRAY['Factor'], limited || '{invalid_request,unknown_factor}'::text[]),
        ('factor_remove', ARRAY['FactorRemoved', 'StepUpRequired'], limited || '{unknown_factor,short_password,last_login}'::text[]),
        ('recovery_codes_renew', ARRAY['RecoveryCodes', 'StepUpRequired'], limited || 'unknown_factor'::text),
        ('step_up', ARRAY['SteppedUp', 'TooManyTries'], limited || 'invalid_code'::text),
        ('totp_add', ARRAY['NewTotp', 'StepUpRequired'], limited || '{invalid_request,too_many_factors}'::text[]),
        ('totp_confirm', ARRAY['FactorAdded', 'StepUpRequired'], limited || '{invalid_code,unknown_factor}'::text[]),
        ('passkey_add', ARRAY['PasskeyCreation', 'StepUpRequired'], limited || 'unknown_relying_party'::text),
        ('passkey_confirm', ARRAY['FactorAdded', 'StepUpRequired'], limited || '{invalid_request,invalid_passkey,too_many_factors}'::text[]),
        ('passkey_options', ARRAY['PasskeyRequest'], limited || 'unknown_relying_party'::text),
        ('passkey_login_options', ARRAY['PasskeyRequest'], ARRAY['unknown_relying_party']),
        ('passkey_login', ARRAY['Tokens', 'LoggedIn', 'TenantRequired'], ARRAY['invalid_grant']),
        ('id_token_options', ARRAY['IdTokenRequest'], ARRAY['unknown_issuer']),
        ('login_id_token', ARRAY['Tokens', 'MfaRequired', 'TenantRequired', 'LinkRequired'], ARRAY['invalid_grant']),
        ('identity_link', ARRAY['IdentityLinked', 'StepUpRequired'], limited || 'invalid_request'::text),
        ('identity_links', ARRAY['Identities'], limited),
        ('identity_unlink', ARRAY['IdentityUnlinked', 'StepUpRequired'], limited || '{unknown_identity,last_login}'::text[]),
        ('schema', ARRAY['Schemas'], '{}'::text[])) f (name, answers, errors));
END
$$;
COMMENT ON FUNCTION bastion_internal.api_schemas() IS
'The JSON Schema of the answers of each function of bastion_api, by its name. A new function and a new code of a refusal are added here.';

CREATE FUNCTION bastion_api.schema() RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.answer(bastion_internal.api_schemas());
END
$$;
COMMENT ON FUNCTION bastion_api.schema() IS
'The JSON Schema (2020-12) of the answers of each function of bastion_api, refusals included, by its name. clients/bastion_api.d.ts has the same as types of TypeScript.';
SELECT bastion_internal.callable_by('bastion_api.schema()', 'application');

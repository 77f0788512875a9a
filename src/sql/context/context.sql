
-- The verified identity of the transaction. Readers are STABLE and never IMMUTABLE: an identity folded into a cached plan
-- would show the next tenant's transaction the rows of this one.

CREATE FUNCTION bastion.authenticate(token text, tenant text DEFAULT NULL, unit text DEFAULT NULL) RETURNS uuid
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_authenticate';
COMMENT ON FUNCTION bastion.authenticate(text, text, text) IS
'Verifies an access token or an API key and makes its user the identity of this transaction; returns the user''s id.
tenant (uuid or slug) and unit (uuid or slug) choose where to work and require a membership; without tenant, the one in the token is used.
SQLSTATE 28000 "invalid token" for every refusal, 25000 when the transaction has another identity already.';
SELECT bastion_internal.callable_by('bastion.authenticate(text, text, text)', 'application');

CREATE FUNCTION bastion.context_drop() RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_context_drop';
COMMENT ON FUNCTION bastion.context_drop() IS
'Makes this transaction anonymous until it ends.';
SELECT bastion_internal.callable_by('bastion.context_drop()', 'application');

CREATE FUNCTION bastion_internal.context_impersonate(user_id uuid, tenant_id uuid, read_only boolean) RETURNS uuid
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_context_impersonate';
COMMENT ON FUNCTION bastion_internal.context_impersonate(uuid, uuid, boolean) IS
'Sets the context of another user and keeps the actor, without recording an event.
SQLSTATE 28000 when the user may not work there, 25000 when the transaction has another identity already. Called by bastion.impersonate().';

CREATE FUNCTION bastion_internal.context_reopen() RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_context_reopen';
COMMENT ON FUNCTION bastion_internal.context_reopen() IS
'Makes this transaction anonymous, and lets it change its identity until it ends. Called by bastion_test.act_as().
SQLSTATE 42501 unless bastion.allow_test_identities is on.';

CREATE FUNCTION bastion.whoami() RETURNS jsonb
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_whoami';
COMMENT ON FUNCTION bastion.whoami() IS
'Explains the identity of this transaction and never raises: state (anonymous, authenticated, refused), reason and hint, user, actor and actors (who acts for the user), tenant, unit, session, api_key, delegation, method (jwt, api_key, delegation, impersonation), level, auth_time (when the user last proved who they are), expires_at.';
SELECT bastion_internal.callable_by('bastion.whoami()', 'application');

CREATE FUNCTION bastion.user_id() RETURNS uuid
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_user_id';
COMMENT ON FUNCTION bastion.user_id() IS
'The user for whom this transaction acts; NULL when anonymous.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.user_id()', 'application', 'migration');

CREATE FUNCTION bastion.actor_id() RETURNS uuid
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_actor_id';
COMMENT ON FUNCTION bastion.actor_id() IS
'The user who acts: under a delegation the last actor, under impersonation the impersonator, else user_id(). It is user_id() too when the impersonator has no account, and NULL when anonymous.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.actor_id()', 'application');

CREATE FUNCTION bastion.tenant_id() RETURNS uuid
LANGUAGE C STABLE PARALLEL SAFE SUPPORT bastion_internal.reader_support
AS 'MODULE_PATHNAME', 'bastion_tenant_id';
COMMENT ON FUNCTION bastion.tenant_id() IS
'The tenant in which this transaction works; NULL when anonymous or when no tenant was chosen.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.tenant_id()', 'application', 'migration');

CREATE FUNCTION bastion.tenant_number() RETURNS bigint
LANGUAGE C STABLE PARALLEL SAFE SUPPORT bastion_internal.reader_support
AS 'MODULE_PATHNAME', 'bastion_tenant_number';
COMMENT ON FUNCTION bastion.tenant_number() IS
'The number of the tenant in which this transaction works, for tables that keep a bigint; NULL like tenant_id().
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.tenant_number()', 'application', 'migration');

CREATE FUNCTION bastion.unit_id() RETURNS uuid
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_unit_id';
COMMENT ON FUNCTION bastion.unit_id() IS
'The unit in which this transaction works; NULL when anonymous or when none was chosen.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.unit_id()', 'application');

CREATE FUNCTION bastion.session_id() RETURNS uuid
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_session_id';
COMMENT ON FUNCTION bastion.session_id() IS
'The session of the token; NULL when there is none.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.session_id()', 'application');

CREATE FUNCTION bastion.api_key_id() RETURNS uuid
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_api_key_id';
COMMENT ON FUNCTION bastion.api_key_id() IS
'The API key that authenticated this transaction; NULL without one.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.api_key_id()', 'application');

CREATE FUNCTION bastion.delegation_id() RETURNS uuid
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_delegation_id';
COMMENT ON FUNCTION bastion.delegation_id() IS
'The delegation by which this transaction acts for its user; NULL without one.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.delegation_id()', 'application');

CREATE FUNCTION bastion.actors() RETURNS uuid[]
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_actors';
COMMENT ON FUNCTION bastion.actors() IS
'The users who act for the user of this transaction: one for each hop of its delegation, the last of whom acts, or the impersonator. Empty when the user acts in person, NULL when anonymous.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.actors()', 'application');

CREATE FUNCTION bastion_internal.credential_unit() RETURNS uuid
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_credential_unit';
COMMENT ON FUNCTION bastion_internal.credential_unit() IS
'The unit to which the credential of this transaction, an API key or a delegation, is limited; NULL without such a limit. Read from the decision of the statement, not from the table.
SQLSTATE 28000 when a token was presented and refused.';

CREATE FUNCTION bastion.auth_level() RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_auth_level';
COMMENT ON FUNCTION bastion.auth_level() IS
'The assurance level of the identity (NIST SP 800-63B): none (no identity), aal0 (an anonymous user), aal1 (one factor), aal2 (two factors) or aal3 (a passkey that an operator vouches for, by passkey_attest()). It is the lower one of token and session. API keys, impersonators and tokens of external issuers have aal1.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.auth_level()', 'application');

CREATE FUNCTION bastion.auth_time() RETURNS timestamptz
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_auth_time';
COMMENT ON FUNCTION bastion.auth_time() IS
'When the user of this transaction last proved who they are, by a login or step_up(): the earlier one of token and session. NULL when that is not known: for API keys, impersonators and tokens without a session, and when anonymous.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.auth_time()', 'application');

CREATE FUNCTION bastion_internal.auth_phishing_resistant_at() RETURNS timestamptz
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_auth_phishing_resistant_at';
COMMENT ON FUNCTION bastion_internal.auth_phishing_resistant_at() IS
'When the user of this transaction last proved who they are with a passkey: the earlier one of token and session. NULL for an identity that a passkey did not prove, and when anonymous.
SQLSTATE 28000 when a token was presented and refused.';

CREATE FUNCTION bastion_internal.auth_remembered_at() RETURNS timestamptz
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_auth_remembered_at';
COMMENT ON FUNCTION bastion_internal.auth_remembered_at() IS
'For a session that began without the second factor of its user, because the device is remembered: when that factor was last presented there. NULL for every other identity, and when anonymous.
SQLSTATE 28000 when a token was presented and refused.';

CREATE FUNCTION bastion.claims() RETURNS jsonb
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_claims';
COMMENT ON FUNCTION bastion.claims() IS
'The claims of the verified token; NULL when anonymous.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.claims()', 'application');

CREATE FUNCTION bastion.has_permission(permission text) RETURNS boolean
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_has_permission';
COMMENT ON FUNCTION bastion.has_permission(text) IS
'Whether the identity of this transaction holds the permission (resource.action) in its tenant and unit. False when anonymous and for a name that is not registered.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.has_permission(text)', 'application', 'migration');

CREATE FUNCTION bastion.tenant_if_allowed(permission text) RETURNS uuid
LANGUAGE C STABLE STRICT PARALLEL SAFE SUPPORT bastion_internal.reader_support
AS 'MODULE_PATHNAME', 'bastion_tenant_if_allowed';
COMMENT ON FUNCTION bastion.tenant_if_allowed(text) IS
'The tenant of this transaction if the permission is held there, else NULL. Policies use it as tenant_id = (SELECT bastion.tenant_if_allowed(''documents.read'')): one index key, and without the permission no row is read.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.tenant_if_allowed(text)', 'application', 'migration');

CREATE FUNCTION bastion.tenant_number_if_allowed(permission text) RETURNS bigint
LANGUAGE C STABLE STRICT PARALLEL SAFE SUPPORT bastion_internal.reader_support
AS 'MODULE_PATHNAME', 'bastion_tenant_number_if_allowed';
COMMENT ON FUNCTION bastion.tenant_number_if_allowed(text) IS
'tenant_if_allowed() for tables that keep the number of the tenant.';
SELECT bastion_internal.callable_by('bastion.tenant_number_if_allowed(text)', 'application', 'migration');

CREATE FUNCTION bastion.permissions() RETURNS SETOF text
LANGUAGE C STABLE PARALLEL SAFE ROWS 50
AS 'MODULE_PATHNAME', 'bastion_permissions';
COMMENT ON FUNCTION bastion.permissions() IS
'Lists the permissions that the identity of this transaction holds in its tenant and unit; no row when anonymous.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.permissions()', 'application');

CREATE FUNCTION bastion_internal.token_session(token text) RETURNS uuid
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_token_session';
COMMENT ON FUNCTION bastion_internal.token_session(text) IS
'Verifies signature, issuer and dates of an access token, and returns its session; NULL for any other text.';

CREATE FUNCTION bastion_internal.token_delegation(token text) RETURNS uuid
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_token_delegation';
COMMENT ON FUNCTION bastion_internal.token_delegation(text) IS
'Verifies signature, issuer and dates of an access token, and returns its delegation; NULL without one, and for any other text.';


-- The token endpoint of OAuth 2.0 for clients that know no other way: login() and refresh() with the arguments and errors of RFC 6749.

CREATE FUNCTION bastion_internal.scope_member(scope text, name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT substr(s, length(name) + 2) FROM unnest(string_to_array(scope, ' ')) s WHERE starts_with(s, name || ':') $$;
COMMENT ON FUNCTION bastion_internal.scope_member(text, text) IS 'What a scope says behind name and a colon; NULL if it does not.';

CREATE FUNCTION bastion_internal.is_login_scope(scope text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT octet_length(scope) <= 200 AND scope ~ '^((tenant:[!-~]+)( unit:[!-~]+)?|(unit:[!-~]+)( tenant:[!-~]+)?)?$'
$$;
COMMENT ON FUNCTION bastion_internal.is_login_scope(text) IS
'Whether a scope (RFC 6749 section 3.3) names nothing, or a tenant, a unit or both, each once.';

CREATE FUNCTION bastion_api.token(grant_type text, username text DEFAULT NULL, password text DEFAULT NULL, refresh_token text DEFAULT NULL,
                                  scope text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given text := coalesce(scope, '');
    answer jsonb;
BEGIN
    PERFORM bastion_internal.require_writable('a login');
    IF grant_type = 'password' THEN
        IF token.username IS NULL OR token.password IS NULL THEN
            RETURN bastion_internal.refusal('invalid_request', 'username and password are needed');
        ELSIF NOT bastion_internal.is_login_scope(given) THEN
            RETURN bastion_internal.refusal('invalid_scope', 'a scope is tenant:NAME, unit:NAME or both');
        END IF;
        answer := bastion_api.login(token.username, token.password, bastion_internal.scope_member(given, 'tenant'),
                                    bastion_internal.scope_member(given, 'unit'));
    ELSIF grant_type = 'refresh_token' THEN
        IF token.refresh_token IS NULL THEN
            RETURN bastion_internal.refusal('invalid_request', 'refresh_token is needed');
        ELSIF given <> '' THEN
            RETURN bastion_internal.refusal('invalid_scope', 'a session keeps its tenant and unit; tenant_switch() changes them');
        END IF;
        answer := bastion_api.refresh(token.refresh_token);
    ELSIF grant_type IS NULL THEN
        RETURN bastion_internal.refusal('invalid_request', 'grant_type is needed');
    ELSE
        RETURN bastion_internal.refusal('unsupported_grant_type', 'grant_type is password or refresh_token');
    END IF;
    -- RFC 6749 section 5.2: one code, and 400, since no access token was presented.
    IF answer ->> 'error' IN ('invalid_grant', 'session_ended') THEN
        PERFORM bastion_internal.respond('400', '[{"Cache-Control": "no-store"}]');
        answer := answer || '{"error": "invalid_grant"}';
    END IF;
    RETURN answer;
END
$$;
COMMENT ON FUNCTION bastion_api.token(text, text, text, text, text) IS
'The token endpoint of OAuth 2.0 for the grant types password (RFC 6749 section 4.3) and refresh_token (section 6). For clients that know no other way to log in; others call login() and refresh().
username is an e-mail address or a user name. scope may choose where to work: tenant:SLUG, unit:SLUG or both, with a space between; with refresh_token it must be empty.
Returns what login() returns, tenant_required included. Refusals with status 400, as section 5.2 says: invalid_request without an argument that is needed, unsupported_grant_type, invalid_scope, invalid_grant; and temporarily_unavailable and too_many_attempts as login().
SQLSTATE 25006 in a READ ONLY transaction, 40001 as refresh(), BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.token(text, text, text, text, text)', 'application');

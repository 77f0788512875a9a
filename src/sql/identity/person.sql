
-- Access to what belongs to a user. This is the only code that decides whether the identity of this transaction reaches what
-- belongs to its user. Every function that acts on such things calls it; those for members and sharing do so through
-- require_permission(). A new way to act for a user must be handled here.
--
--   permission     a login of the user    an API key or delegation     an impersonator
--   NULL           yes                    no                           no, nor bastion.development_user, who would make credentials that stay
--   own....          yes                    when its scopes name it      no
--   any other      when the user holds it, and for an API key or a delegation when its scopes cover it too
--
-- NULL stands for actions that only a login allows: sessions, API keys, invitations, leaving a tenant. Every user holds the
-- permissions own.... over what is their own. No role gives them, and neither * nor *.read covers them: an API key reaches nothing of
-- this kind unless its scopes name it. has_permission() and the policies that call it decide the same for own.....

CREATE FUNCTION bastion_internal.person_obstacle(permission text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    is_own boolean := permission IS NULL OR starts_with(permission, 'own.');
BEGIN
    IF bastion.user_id() IS NULL THEN
        RETURN 'anonymous';
    ELSIF is_own AND bastion.whoami() ->> 'method' = 'impersonation' THEN
        RETURN 'impersonation';
    ELSIF permission IS NULL THEN
        RETURN CASE WHEN bastion.api_key_id() IS NOT NULL THEN 'api_key' WHEN bastion.delegation_id() IS NOT NULL THEN 'delegation'
                    WHEN bastion.whoami() ->> 'method' = 'development' THEN 'development' END;
    END IF;
    RETURN CASE WHEN NOT bastion.has_permission(permission) THEN 'permission' END;
END
$$;
COMMENT ON FUNCTION bastion_internal.person_obstacle(text) IS
'Why the identity of this transaction does not reach what belongs to its user: anonymous, impersonation, api_key, delegation, development or permission; NULL when it does. permission NULL asks about what only a login of the user may do.
SQLSTATE 28000 when a token was presented and refused.';

CREATE FUNCTION bastion_internal.require_person(permission text, writes boolean) RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    obstacle text := bastion_internal.person_obstacle(permission);
BEGIN
    IF obstacle = 'anonymous' THEN
        RAISE EXCEPTION 'no identity in this transaction' USING ERRCODE = 'insufficient_privilege',
            HINT = 'Present a token first; SELECT bastion.whoami(); explains.';
    ELSIF obstacle = 'api_key' THEN
        RAISE EXCEPTION 'not allowed with an API key' USING ERRCODE = 'insufficient_privilege', HINT = 'The user of the key logs in for this.';
    ELSIF obstacle = 'delegation' THEN
        RAISE EXCEPTION 'not allowed with a delegation' USING ERRCODE = 'insufficient_privilege', HINT = 'The user for whom it acts logs in for this.';
    ELSIF obstacle = 'development' THEN
        RAISE EXCEPTION 'not allowed without a login' USING ERRCODE = 'insufficient_privilege', HINT = 'What bastion.development_user names acts without a token; log in for this.';
    ELSIF obstacle = 'impersonation' THEN
        RAISE EXCEPTION 'not allowed under impersonation' USING ERRCODE = 'insufficient_privilege',
            DETAIL = 'What belongs to a user alone is not lent with the identity.';
    ELSIF obstacle = 'permission' THEN
        RAISE EXCEPTION 'permission denied: "%" is needed', permission USING ERRCODE = 'insufficient_privilege',
            DETAIL = CASE WHEN bastion.api_key_id() IS NOT NULL THEN 'The user of the API key must hold it, and a scope of the key must cover it.'
                          WHEN bastion.delegation_id() IS NOT NULL THEN 'The user of the delegation must hold it, and one of its scopes must cover it.'
                          ELSE 'You do not hold it here.' END;
    ELSIF writes AND current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'this needs a read-write transaction' USING ERRCODE = 'read_only_sql_transaction';
    END IF;
    RETURN bastion.user_id();
END
$$;
COMMENT ON FUNCTION bastion_internal.require_person(text, boolean) IS
'The user of this transaction, if its identity reaches what belongs to that user (see person_obstacle()).
SQLSTATE 42501, with the reason, otherwise; 25006 when the function writes and the transaction cannot; 28000 when a token was presented and refused.';

CREATE FUNCTION bastion_internal.session_owner() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE WHEN bastion_internal.person_obstacle(NULL) IS NULL THEN bastion.user_id() END $$;
COMMENT ON FUNCTION bastion_internal.session_owner() IS
'The user who acts in person, by a token of a login; NULL under impersonation, with an API key, and when anonymous.';

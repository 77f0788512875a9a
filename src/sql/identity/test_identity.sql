
-- Identities without a token, for tests of policies. The switch is a setting of the server's configuration, so that no role but a
-- superuser turns it on, and no dump carries it to another server.

CREATE FUNCTION bastion_test.act_as(for_user text, tenant text DEFAULT NULL, unit text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    acting uuid;
    tenants uuid[];
    place record;
    token text;
BEGIN
    PERFORM bastion_internal.context_reopen();
    IF for_user IS NULL THEN
        RETURN NULL;
    END IF;
    acting := bastion_internal.any_user_named(for_user);
    tenants := bastion_internal.login_tenants(acting);
    IF act_as.tenant IS NULL AND cardinality(tenants) > 1 THEN
        RAISE EXCEPTION 'user % is a member of several tenants', for_user USING ERRCODE = 'invalid_parameter_value', HINT = 'Name one.';
    END IF;
    place := bastion_internal.resolve_identity(acting, coalesce(act_as.tenant, tenants[1]::text), act_as.unit);
    IF place.status <> 'ok' THEN
        RAISE EXCEPTION 'user % cannot log in there', for_user USING ERRCODE = 'invalid_authorization_specification',
            DETAIL = format('Refused because of: %s.', place.status);
    END IF;
    PERFORM bastion_internal.record_event('test_identity', 'success', acting, place.tenant_id, jsonb_build_object('role', session_user));
    -- A ROLLBACK removes the event, but not this line.
    RAISE LOG 'role % acts as user % in tenant %, for a test', session_user, acting, place.tenant_id;
    token := bastion_internal.session_begin(acting, place.tenant_id, place.unit_id, 'test',
        CASE WHEN bastion_internal.has_factor(acting) THEN '{pwd,otp,mfa}'::text[] ELSE '{pwd}' END) ->> 'access_token';
    RETURN bastion.authenticate(token);
END
$$;
COMMENT ON FUNCTION bastion_test.act_as(text, text, text) IS
'Makes a user (uuid, e-mail address or user name) the identity of this transaction, as a login and its token would. It asks for no password and no second factor. Returns the user''s id. For tests.
tenant and unit (uuid or slug) choose where to work, as in login(). A transaction may call it several times; the last call counts. NULL makes the transaction anonymous. It begins a session, recorded in bastion.events and in the server log, which a ROLLBACK ends.
Works only where bastion.allow_test_identities is on in the configuration of the server. For superusers: EXECUTE is granted to nobody.
SQLSTATE 42501 where test identities are not allowed, 22023 for a member of several tenants who names none, 28000 when the user may not work there, 25006 in a READ ONLY transaction, BA001 without a root key.';
SELECT bastion_internal.event_kind('test_identity');


-- Hooks: functions of the operator that sign-ups and logins call at named moments. One runs as a role that the operator names and that
-- its owner is, never with the rights of the extension. Those before a moment decide, and fail closed; those after it are told.

CREATE TABLE bastion.hooks (
    event text COLLATE "C" NOT NULL,
    function text NOT NULL,
    runs_as name NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT hooks_pkey PRIMARY KEY (event),
    CONSTRAINT hooks_event_check CHECK (event IN ('before_signup', 'before_login', 'after_login', 'claims'))
);
COMMENT ON TABLE bastion.hooks IS 'Functions that sign-ups and logins call, as hook_set() says; granted to nobody';
COMMENT ON COLUMN bastion.hooks.event IS 'When it is called: before_signup, before_login, after_login or claims';
COMMENT ON COLUMN bastion.hooks.function IS 'The function with its schema, in quotes where it needs them; it takes and returns jsonb';
COMMENT ON COLUMN bastion.hooks.runs_as IS 'The name of the role as which it runs, so that a dump is restored where there is none';
COMMENT ON COLUMN bastion.hooks.created_at IS 'When it was set';
SELECT pg_extension_config_dump('bastion.hooks', '');
ALTER TABLE bastion.hooks ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION bastion_internal.hook_run(hook oid, runs_as oid, argument jsonb, OUT result jsonb, OUT failure text) RETURNS record
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_hook_run';
COMMENT ON FUNCTION bastion_internal.hook_run(oid, oid, jsonb) IS
'Calls a function from jsonb to jsonb as a role, in a subtransaction and a security-restricted operation, for bastion.hook_timeout. failure is the SQLSTATE of its error, which rolls back what it did; the message goes to the server log. Checks no right.
SQLSTATE 55000 in a hook, 57014 when somebody else cancels the statement.';

CREATE FUNCTION bastion_internal.hook_flaw(hook regprocedure, runs_as regrole) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN f.oid IS NULL OR f.prokind <> 'f' OR f.proretset OR f.prorettype <> 'jsonb'::regtype OR f.pronargs <> 1 OR f.proargtypes[0] <> 'jsonb'::regtype
            THEN 'a hook is a function that takes and returns jsonb'
        WHEN r.oid IS NULL THEN 'the role does not exist'
        WHEN r.rolsuper OR EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'pg_bastion' AND e.extowner = r.oid)
            THEN 'a hook does not run as a superuser or the owner of the extension'
        WHEN f.prosecdef THEN 'a hook is not SECURITY DEFINER'
        WHEN f.proowner <> r.oid AND NOT o.rolsuper THEN 'the function does not belong to the role, nor to a superuser'
        WHEN NOT has_function_privilege(r.oid, f.oid, 'EXECUTE') OR NOT has_schema_privilege(r.oid, f.pronamespace, 'USAGE') THEN 'the role may not execute the function' END
    FROM (VALUES (hook, runs_as)) g (hook, runs_as) LEFT JOIN pg_proc f ON f.oid = g.hook LEFT JOIN pg_roles r ON r.oid = g.runs_as LEFT JOIN pg_roles o ON o.oid = f.proowner
$$;
COMMENT ON FUNCTION bastion_internal.hook_flaw(regprocedure, regrole) IS 'Why a function cannot be a hook that runs as this role; NULL if it can.';

CREATE FUNCTION bastion.hook_set(event text, hook regprocedure, runs_as regrole) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    flaw text := bastion_internal.hook_flaw(hook, runs_as);
BEGIN
    IF event IS NULL OR event NOT IN ('before_signup', 'before_login', 'after_login', 'claims') THEN
        RAISE EXCEPTION 'unknown event of a hook' USING ERRCODE = 'invalid_parameter_value', HINT = 'Use before_signup, before_login, after_login or claims.';
    ELSIF flaw IS NOT NULL THEN
        RAISE EXCEPTION '%', flaw USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO bastion.hooks AS h (event, function, runs_as)
    SELECT hook_set.event, format('%I.%I', n.nspname, p.proname), r.rolname
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, pg_roles r WHERE p.oid = hook AND r.oid = hook_set.runs_as
    ON CONFLICT ON CONSTRAINT hooks_pkey DO UPDATE SET function = excluded.function, runs_as = excluded.runs_as, created_at = now();
    PERFORM bastion_internal.record_event('hook_set', 'success', NULL, NULL, jsonb_build_object('event', event,
        'function', (SELECT concat(n.nspname, '.', p.proname) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.oid = hook),
        'runs_as', (SELECT r.rolname FROM pg_roles r WHERE r.oid = hook_set.runs_as), 'by', session_user));
END
$$;
COMMENT ON FUNCTION bastion.hook_set(text, regprocedure, regrole) IS
'Lets sign-ups and logins call a function, in the place of one that was set for the event before. The function takes and returns jsonb, and belongs to the role runs_as or to a superuser.
It runs as runs_as in a security-restricted operation, with search_path pg_catalog, and in a subtransaction. It has bastion.hook_timeout, can change no identity, role or setting of the caller, and never sees a password or token. An error takes back what it did.
before_signup: {"email", "username", "display_name"} of signup(), signup_invited(), signup_anonymous() and account_convert(), with "issuer" of a user whom an issuer brings; before_login: {"user", "tenant", "unit", "amr"}, when everything else is right. They answer NULL or an object; {"refuse": true} or an error refuses: with signup_refused, or with invalid_grant as for a wrong password.
claims: {"user", "tenant", "unit", "session", "amr", "acr"}; the object that it answers joins the claims of the access token, up to 4096 bytes and none of the registered names. An error ends the request with SQLSTATE 55000.
after_login: {"user", "tenant", "unit", "amr"}; an error changes nothing. A failure of a hook is recorded (hook_failed).
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for an unknown event and a function or role that cannot be taken.';
SELECT bastion_internal.event_kind('hook_set');

CREATE FUNCTION bastion.hook_remove(event text) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM bastion.hooks h WHERE h.event = hook_remove.event;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM bastion_internal.record_event('hook_removed', 'success', NULL, NULL, jsonb_build_object('event', event, 'by', session_user));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.hook_remove(text) IS
'Ends hook_set() for an event; whether there was a hook.
For operators: EXECUTE is granted to nobody.';
SELECT bastion_internal.event_kind('hook_removed');

CREATE FUNCTION bastion_internal.hook_call(event text, argument jsonb, OUT result jsonb, OUT failed boolean) RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    hook bastion.hooks;
    function_id regprocedure;
    role_id oid;
    ran record;
    failure text;
BEGIN
    failed := false;
    SELECT * INTO hook FROM bastion.hooks h WHERE h.event = hook_call.event;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    function_id := to_regprocedure(hook.function || '(pg_catalog.jsonb)');
    role_id := (SELECT r.oid FROM pg_roles r WHERE r.rolname = hook.runs_as);
    -- What hook_set() found may have changed.
    IF function_id IS NULL OR role_id IS NULL OR bastion_internal.hook_flaw(function_id, role_id) IS NOT NULL THEN
        failure := '42883';
    ELSE
        ran := bastion_internal.hook_run(function_id, role_id, argument);
        result := ran.result;
        failure := CASE WHEN ran.failure IS NOT NULL THEN ran.failure WHEN jsonb_typeof(result) NOT IN ('object', 'null') THEN '22023' END;
    END IF;
    IF failure IS NOT NULL THEN
        result := NULL;
        failed := true;
        PERFORM bastion_internal.record_event('hook_failed', 'refused', (argument ->> 'user')::uuid, (argument ->> 'tenant')::uuid,
                                              jsonb_build_object('event', event, 'sqlstate', failure));
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.hook_call(text, jsonb) IS
'Calls the hook of an event, if there is one: its answer, an object or NULL, or whether it failed, which is recorded.';
SELECT bastion_internal.event_kind('hook_failed');

CREATE FUNCTION bastion_internal.hook_refuses(event text, argument jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    called record := bastion_internal.hook_call(event, argument);
BEGIN
    RETURN called.failed OR coalesce(called.result -> 'refuse', 'false') NOT IN ('false', 'null');
END
$$;
COMMENT ON FUNCTION bastion_internal.hook_refuses(text, jsonb) IS 'Whether the hook of an event refuses, or fails.';

CREATE FUNCTION bastion_internal.hook_claims(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    called record := bastion_internal.hook_call('claims', argument);
    claims jsonb := coalesce(nullif(called.result, 'null'), '{}');
BEGIN
    IF called.failed OR octet_length(claims::text) > 4096 THEN
        RAISE EXCEPTION 'the hook for claims failed' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN claims - '{iss,sub,aud,exp,nbf,iat,jti,client_id,scope,tenant,unit,sid,amr,acr,auth_time,act,dlg,azp,nonce,cnf}'::text[];
END
$$;
COMMENT ON FUNCTION bastion_internal.hook_claims(jsonb) IS
'The further claims of an access token, without registered names. SQLSTATE 55000 when the hook fails, or answers more than 4096 bytes.';

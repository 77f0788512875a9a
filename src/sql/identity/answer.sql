
-- The answers of bastion_api. Each function there returns a JSON object through answer() or refusal(), and calls caller_refusal()
-- before it acts for a user. Refusals are returned and not raised, because an error would roll back their record; errors are for
-- outages and for mistakes of the program. schema() (api_schema.sql) describes every answer.
--
-- The two functions also set what PostgREST makes of the answer: response.status and response.headers, until the transaction or
-- its savepoint ends. Both hold constants, numbers and the codes below, and nothing that a client sent.

CREATE FUNCTION bastion_internal.respond(status text, headers jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Assignments, which need no executor.
    status := set_config('response.status', status, true);
    headers := set_config('response.headers', headers::text, true);
END
$$;
COMMENT ON FUNCTION bastion_internal.respond(text, jsonb) IS
'Sets response.status and response.headers, which PostgREST reads, until the transaction ends. An empty status is PostgREST''s own.';

CREATE FUNCTION bastion_internal.answer(body jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ignored text;
BEGIN
    -- As respond(), without the executor, which takes longer than all else here.
    ignored := set_config('response.status', '', true);
    ignored := set_config('response.headers', '[{"Cache-Control": "no-store"}]', true);
    RETURN body;
END
$$;
COMMENT ON FUNCTION bastion_internal.answer(jsonb) IS
'Returns the answer of a front door function that succeeds, and sets the response.* settings for it: no status and no-store.';

CREATE FUNCTION bastion_internal.refusal(error text, description text, retry_after integer DEFAULT NULL, needed jsonb DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    status text := CASE WHEN error IN ('unauthenticated', 'invalid_token', 'invalid_grant', 'session_ended', 'insufficient_user_authentication') THEN '401'
                        WHEN error IN ('insufficient_scope', 'signup_closed') THEN '403'
                        WHEN error IN ('temporarily_unavailable', 'too_many_tries', 'too_many_attempts', 'too_many_requests') THEN '429'
                        ELSE '400' END;
    header jsonb := CASE
        WHEN retry_after IS NOT NULL THEN jsonb_build_object('Retry-After', retry_after::text)
        -- Without a token no code is named (RFC 6750 section 3.1).
        WHEN error = 'unauthenticated' THEN '{"WWW-Authenticate": "Bearer"}'
        WHEN error IN ('invalid_token', 'invalid_grant', 'session_ended', 'insufficient_scope', 'insufficient_user_authentication')
            THEN jsonb_build_object('WWW-Authenticate', concat_ws(', ',
                -- RFC 6750 has one code for all tokens that no longer count.
                format('Bearer error="%s"', CASE error WHEN 'session_ended' THEN 'invalid_token' ELSE error END),
                -- RFC 9470 section 3.
                'acr_values="' || (needed ->> 'acr') || '"', 'max_age="' || (needed ->> 'max_age') || '"'))
        WHEN error = 'temporarily_unavailable' THEN '{"Retry-After": "1"}'
        WHEN error = 'too_many_tries' THEN '{"Retry-After": "600"}' END;
BEGIN
    -- As in answer().
    status := set_config('response.status', status, true);
    status := set_config('response.headers', ('[{"Cache-Control": "no-store"}]' || coalesce(header, '[]'))::text, true);
    RETURN jsonb_build_object('error', error, 'error_description', description);
END
$$;
COMMENT ON FUNCTION bastion_internal.refusal(text, text, integer, jsonb) IS
'The answer of a front door function that refuses (RFC 6749 section 5.2): error is a code, description a text for the user that holds nothing of the request, retry_after a number of seconds for the header of that name, needed what step_up_needed() says. Sets the HTTP status and headers for it.';

CREATE FUNCTION bastion_internal.refuse_step_up(needed jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.refusal('insufficient_user_authentication',
            CASE needed ->> 'acr' WHEN 'aal1' THEN 'log in again first' ELSE 'confirm with a second factor first, or log in again' END, needed => needed)
        || jsonb_build_object('acr_values', needed -> 'acr', 'max_age', needed -> 'max_age')
$$;
COMMENT ON FUNCTION bastion_internal.refuse_step_up(jsonb) IS
'The refusal of a session that does not prove what step_up_needed() says (RFC 9470).';

CREATE FUNCTION bastion_internal.refusal_of(sqlstate text, detail text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CASE sqlstate
        WHEN 'BA005' THEN RETURN bastion_internal.refuse_step_up(detail::jsonb);
        WHEN '42501' THEN RETURN bastion_internal.refusal('insufficient_scope', 'this needs a permission that you do not hold here');
        WHEN '42704' THEN RETURN bastion_internal.refuse_unknown();
        WHEN '23503' THEN RETURN bastion_internal.refusal('unit_in_use', 'the unit has units below it');
        WHEN '23505' THEN RETURN bastion_internal.refusal('slug_taken', 'this slug is taken');
        WHEN '23514' THEN RETURN bastion_internal.refuse_last_owner();
        ELSE RETURN bastion_internal.refusal('invalid_request', 'an argument is malformed');
    END CASE;
END
$$;
COMMENT ON FUNCTION bastion_internal.refusal_of(text, text) IS
'The refusal in place of an error, with its DETAIL, of a function of the schema bastion that a front door function calls: SQLSTATE BA005, 42501, 42704, 23503, 23505, 23514, 22023 or 22004.';

CREATE FUNCTION bastion_internal.permission_refusal(permissions text[], unit_id uuid) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    needed jsonb;
BEGIN
    IF EXISTS (SELECT FROM unnest(permissions) p WHERE bastion_internal.may_in(p, unit_id)) THEN
        RETURN NULL;
    END IF;
    needed := (SELECT w FROM unnest(permissions) p, LATERAL bastion_internal.step_up_withheld(p, unit_id) w WHERE w IS NOT NULL LIMIT 1);
    IF needed IS NOT NULL THEN
        RETURN bastion_internal.refuse_step_up(needed);
    END IF;
    RETURN bastion_internal.refusal('insufficient_scope', format('the permission %s is needed in the %s', array_to_string(permissions, ' or '),
                                                                 CASE WHEN unit_id IS NULL THEN 'whole tenant' ELSE 'unit' END));
END
$$;
COMMENT ON FUNCTION bastion_internal.permission_refusal(text[], uuid) IS
'The refusal of a caller who holds none of these permissions in a unit, or in the whole tenant, or from whom step-up rules withhold them; NULL for all others.';

CREATE FUNCTION bastion_internal.caller_refusal(in_person boolean DEFAULT false, in_tenant boolean DEFAULT false,
                                                permission text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    caller jsonb := bastion.whoami();
BEGIN
    IF caller ->> 'reason' = 'too_many_requests' THEN
        RETURN bastion_internal.refusal('too_many_requests', 'the API key has reached a limit; try again later', (caller ->> 'retry_after')::integer)
            || jsonb_build_object('retry_after', caller -> 'retry_after');
    ELSIF caller ->> 'state' = 'refused' AND caller ->> 'reason' <> 'identity_fixed' THEN
        PERFORM bastion_internal.log_refusal(bastion.client_address(),
            format('refused: {"kind": "token_refused", "reason": "%s"}', caller ->> 'reason'));
        RETURN bastion_internal.refusal('invalid_token', 'the token is not accepted; refresh it or log in again');
    ELSIF bastion.user_id() IS NULL THEN
        RETURN bastion_internal.refusal('unauthenticated', 'present a token first');
    ELSIF in_person AND bastion_internal.person_obstacle(NULL) IS NOT NULL THEN
        RETURN bastion_internal.refusal('insufficient_scope', 'only a login of the user may do this, no API key and no impersonator');
    ELSIF in_tenant AND bastion.tenant_id() IS NULL THEN
        RETURN bastion_internal.refusal('insufficient_scope', 'this needs a token of a member of a tenant');
    ELSIF permission IS NOT NULL THEN
        RETURN bastion_internal.permission_refusal(ARRAY[permission], NULL);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.caller_refusal(boolean, boolean, text) IS
'The refusal of a caller who may not do what a front door function does: one whose token was refused (a line of the server log says why) or who presented none; with in_person, an API key or an impersonator; with in_tenant, a user without a tenant; with a permission, one who does not hold it in the whole tenant, or from whom a step-up rule withholds it. NULL for all others.
SQLSTATE 25000 when the transaction has another identity already.';

CREATE FUNCTION bastion_internal.mfa_refusal() RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    needed text := (SELECT max(u.level COLLATE "C") FROM bastion_internal.step_up_unmet(in_person => true) u WHERE u.pattern = '');
BEGIN
    IF needed IS NULL THEN
        RETURN NULL;
    ELSIF bastion.delegation_id() IS NOT NULL THEN
        RETURN bastion_internal.refusal('insufficient_scope', 'the tenant requires a second factor');
    END IF;
    RETURN bastion_internal.refuse_step_up(jsonb_build_object('acr', needed));
END
$$;
COMMENT ON FUNCTION bastion_internal.mfa_refusal() IS
'The refusal of a user whose tenant requires a second factor that this session lacks, for what would outlive the session without one; NULL for all others. An actor cannot step up.';

CREATE FUNCTION bastion_internal.held_caller_refusal() RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    caller uuid;
    own_session uuid;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    caller := bastion.user_id();
    own_session := bastion.session_id();
    PERFORM bastion_internal.await_logins(caller);
    -- In statements of their own, which see what was committed while the user was locked. The identity may have ended: nothing reads it.
    PERFORM FROM bastion.users u WHERE u.id = caller AND u.status = 'active';
    IF NOT FOUND OR EXISTS (SELECT FROM bastion.sessions s WHERE s.id = own_session AND s.revoked_at IS NOT NULL) THEN
        RETURN bastion_internal.refusal('invalid_token', 'the token is not accepted; refresh it or log in again');
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.held_caller_refusal() IS
'caller_refusal(in_person => true), and locks the user as await_logins() does: the refusal, too, of a user who was disabled meanwhile, or whose session ended.
SQLSTATE 25000 when the transaction has another identity already, 40001 when another transaction changed the user and the isolation level is not READ COMMITTED.';

CREATE FUNCTION bastion_internal.refuse_busy(kind text, user_id uuid) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.record_event(kind, 'refused', refuse_busy.user_id, NULL, '{"reason": "busy"}');
    RETURN bastion_internal.refusal('temporarily_unavailable', 'too many passwords are being checked; try again');
END
$$;
COMMENT ON FUNCTION bastion_internal.refuse_busy(text, uuid) IS
'The answer when bastion.max_concurrent_hashes passwords are being hashed already, and its record: an event of this kind, of this user if there is one.';

CREATE FUNCTION bastion_internal.refuse_throttled(retry_after integer) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.refusal('too_many_attempts', 'too many attempts; try again later', retry_after) || jsonb_build_object('retry_after', retry_after);
END
$$;
COMMENT ON FUNCTION bastion_internal.refuse_throttled(integer) IS
'The answer to an attempt that was not evaluated because of earlier ones: after so many seconds the next one is.';


-- What a front door such as PostgREST calls at the beginning of the transaction of a request.

CREATE FUNCTION bastion_internal.request_record(status integer, reason text, kept boolean) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    caller jsonb := bastion.whoami();
    -- What an unknown user typed is in no event.
    detail jsonb := jsonb_strip_nulls(jsonb_build_object('status', status, 'reason', reason,
        'method', CASE WHEN caller ? 'user' THEN nullif(left(current_setting('request.method', true), 20), '') END,
        'path', CASE WHEN caller ? 'user' THEN nullif(left(split_part(current_setting('request.path', true), '?', 1), 200), '') END));
    event jsonb := bastion_internal.event_of('request', CASE WHEN status IS NULL THEN 'success' ELSE 'refused' END, NULL, (caller ->> 'tenant')::uuid, detail);
BEGIN
    IF status IS NOT NULL THEN
        PERFORM bastion_internal.log_refusal((event ->> 'ip')::inet,
                                             'refused: ' || jsonb_strip_nulls(event - '{outcome,occurred_at,user_agent}'::text[])::text);
    END IF;
    -- The transaction rolls back or only reads, so the queue alone can keep it.
    IF kept AND bastion_internal.queue_event('e', event::text, false) IS NOT TRUE AND status IS NULL THEN
        IF current_setting('transaction_read_only')::boolean THEN
            RAISE EXCEPTION 'the request cannot be recorded' USING ERRCODE = 'object_not_in_prerequisite_state',
                HINT = 'Add pg_bastion to shared_preload_libraries: READ ONLY transactions leave their events to its worker.';
        END IF;
        PERFORM bastion_internal.event_insert(event);
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.request_record(integer, text, boolean) IS
'Records a request of a front door: a refused one, with the status of its response, as a line of the server log; with kept, a refused or admitted one as an event. pre_request() calls it.
SQLSTATE 55000 for an admitted request in a READ ONLY transaction, when there is no queue of events or a full one.';
SELECT bastion_internal.event_kind('request');

CREATE FUNCTION bastion.pre_request() RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_pre_request';
COMMENT ON FUNCTION bastion.pre_request() IS
'Takes the identity of an HTTP request. PostgREST calls it as db-pre-request. Another server calls it at the beginning of a transaction, after the settings request.headers, request.cookies, request.path and request.method. It sets them with SET LOCAL: a value of an earlier transaction is emptied, unless bastion.allow_session_token is on. It takes the credentials out of request.headers and request.cookies, so that functions and triggers cannot read them.
The token is where bastion.token_from says, the tenant and unit are where bastion.tenant_from says, else in the token; the user must be a member. With bastion.trusted_hops, the headers X-Original-URI and X-Forwarded-Host of the proxy name path and host. A request without a token is anonymous; at one of bastion.open_paths, a refused token counts as none, also one without access to the tenant. Each request is charged to bastion.request_limits. A request with an identity gets the role bastion.authenticated_role.
A refusal is an error of which PostgREST makes the response: SQLSTATE PT401 (the token is refused), PT403 (no access to the tenant or unit, or a cookie of another site), PT400 (malformed, two tokens, or two tenants), PT405 (a new user of an issuer in a READ ONLY transaction), PT429 (a limit), with {"status", "headers"} as DETAIL. With bastion.request_errors = pgrst, it is SQLSTATE PGRST with the body as message. Each is a line of the server log, and an event by bastion.request_audit.
SQLSTATE 25000 when the transaction has another identity already, or any and the request none, 42704 for an unknown rate limit, F0000 when the stored value of a setting is invalid, 55000 when the request cannot be recorded.';
SELECT bastion_internal.callable_by('bastion.pre_request()', 'application');

-- What the builder offers on top of its tables. With the rights of the caller, but for create_api_key().

SET ROLE workflow_builder_owner;
SET search_path = workflow_builder;

-- Deployments: numbered snapshots, of which one is active.

CREATE FUNCTION deploy(workflow uuid, message text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    source workflow_builder.workflows;
    new_version integer;
BEGIN
    -- Two deployments of a workflow wait for each other; a share to deploy does not allow to lock the workflow.
    PERFORM pg_advisory_xact_lock(hashtextextended('workflow_builder.deploy', 0) # hashtextextended(workflow::text, 0));
    SELECT * INTO source FROM workflow_builder.workflows w WHERE w.id = deploy.workflow;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such workflow' USING ERRCODE = 'no_data_found';
    END IF;
    UPDATE workflow_builder.deployments d SET status = 'inactive' WHERE d.workflow_id = source.id AND d.status = 'active';
    INSERT INTO workflow_builder.deployments AS d (workflow_id, version, snapshot, message)
    SELECT source.id, coalesce(max(o.version), 0) + 1,
           jsonb_build_object('name', source.name, 'nodes', source.nodes, 'edges', source.edges), deploy.message
    FROM workflow_builder.deployments o WHERE o.workflow_id = source.id
    RETURNING d.version INTO new_version;
    RETURN new_version;
END
$$;
COMMENT ON FUNCTION deploy(uuid, text) IS
'Makes the workflow as it is now its active deployment; returns the version. Needs workflows.deploy on the workflow (42501); P0002 for a workflow that one cannot read.';

CREATE FUNCTION roll_back(workflow uuid) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    current workflow_builder.deployments;
    previous workflow_builder.deployments;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('workflow_builder.deploy', 0) # hashtextextended(workflow::text, 0));
    SELECT * INTO current FROM workflow_builder.deployments d WHERE d.workflow_id = workflow AND d.status = 'active';
    SELECT * INTO previous FROM workflow_builder.deployments d
    WHERE d.workflow_id = workflow AND d.status = 'inactive' AND d.version < current.version ORDER BY d.version DESC LIMIT 1;
    IF previous.id IS NULL THEN
        RAISE EXCEPTION 'no earlier deployment' USING ERRCODE = 'no_data_found';
    END IF;
    UPDATE workflow_builder.deployments d SET status = 'rolled_back' WHERE d.id = current.id;
    UPDATE workflow_builder.deployments d SET status = 'active' WHERE d.id = previous.id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'permission denied: "workflows.deploy" is needed' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN previous.version;
END
$$;
COMMENT ON FUNCTION roll_back(uuid) IS
'Takes the active deployment back and makes the one before it active, whose version it returns. Needs workflows.deploy on the workflow (42501); P0002 where there is nothing to go back to.';

CREATE FUNCTION record_query(workflow uuid, succeeded boolean, duration_ms integer, tokens integer DEFAULT 0, cost numeric DEFAULT 0) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE workflow_builder.deployments d
    SET query_count = d.query_count + 1, failed_count = d.failed_count + (NOT record_query.succeeded)::integer,
        total_ms = d.total_ms + record_query.duration_ms, last_query_at = now()
    WHERE d.workflow_id = record_query.workflow AND d.status = 'active';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no active deployment to count on' USING ERRCODE = 'no_data_found';
    END IF;
    INSERT INTO workflow_builder.usage_logs (workflow_id, action, succeeded, duration_ms, tokens, cost)
    VALUES (record_query.workflow, 'query', record_query.succeeded, record_query.duration_ms, record_query.tokens, record_query.cost);
END
$$;
COMMENT ON FUNCTION record_query(uuid, boolean, integer, integer, numeric) IS
'Counts a query to the active deployment of a workflow, and writes it to the usage of the caller. Needs workflows.deploy on the workflow. P0002 where there is none.';

-- Webhooks: a caller proves to know the secret of one by an HMAC-SHA-256 of the body. The receiver works with an API key of the
-- webhook's owner.

CREATE FUNCTION create_webhook(workflow uuid, name text, secret text) RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    new_id uuid := gen_random_uuid();
    sealed bastion.sealed := bastion.seal(secret, 'webhooks', new_id::text);
BEGIN
    IF octet_length(secret) < 16 THEN
        RAISE EXCEPTION 'secret is too short' USING ERRCODE = 'invalid_parameter_value', DETAIL = 'It has at least 16 bytes.';
    END IF;
    INSERT INTO workflow_builder.webhooks (id, workflow_id, name, secret) VALUES (new_id, create_webhook.workflow, create_webhook.name, sealed);
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION create_webhook(uuid, text, text) IS
'Makes a webhook of a workflow that one may execute; its secret is sealed for this webhook. Returns its id. SQLSTATE 22023 for a secret under 16 bytes. Send the secret as a parameter.';

CREATE FUNCTION receive_webhook(webhook uuid, body bytea, signature text) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    target workflow_builder.webhooks;
    nonce bytea := public.gen_random_bytes(32);
    accepted boolean;
BEGIN
    SELECT * INTO target FROM workflow_builder.webhooks w WHERE w.id = webhook AND w.enabled;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    -- Compared under a key that nobody knows, so that the time tells nothing.
    accepted := coalesce(public.hmac(convert_to(signature, 'UTF8'), nonce, 'sha256') = public.hmac(convert_to(
        'sha256=' || encode(public.hmac(body, convert_to(bastion.open_text(target.secret, webhook::text), 'UTF8'), 'sha256'), 'hex'), 'UTF8'),
        nonce, 'sha256'), false);
    UPDATE workflow_builder.webhooks w
    SET delivered_count = w.delivered_count + accepted::integer, refused_count = w.refused_count + (NOT accepted)::integer,
        last_delivered_at = CASE WHEN accepted THEN now() ELSE w.last_delivered_at END
    WHERE w.id = webhook;
    IF accepted THEN
        INSERT INTO workflow_builder.usage_logs (workflow_id, action) VALUES (target.workflow_id, 'webhook');
    END IF;
    RETURN accepted;
END
$$;
COMMENT ON FUNCTION receive_webhook(uuid, bytea, text) IS
'Whether a call of a webhook is genuine: signature is sha256= and the HMAC-SHA-256 of the body under the secret, in hexadecimal. Counts it either way, for COMMIT. False for a webhook that is disabled or that one cannot see. Needs webhooks.open and webhooks.update.';

-- API keys, which viewers have not. As the owner of this function, who alone may call what it calls.

CREATE FUNCTION create_api_key(name text, scopes text[], expires_at timestamptz DEFAULT NULL,
                               rate_limit integer DEFAULT NULL, cost_limit numeric DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT bastion.has_permission('api_keys.create') THEN
        RAISE EXCEPTION 'permission denied: "api_keys.create" is needed' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN bastion_api.api_key_create(name, scopes, expires_at, limits => jsonb_strip_nulls(
        jsonb_build_object('rate', jsonb_build_object('per_second', rate_limit / 60.0, 'burst', rate_limit),
                           'cost', jsonb_build_object('meter', 'usd', 'amount', cost_limit, 'period', 'month'))
        - ARRAY[CASE WHEN rate_limit IS NULL THEN 'rate' END, CASE WHEN cost_limit IS NULL THEN 'cost' END]::text[]));
END
$$;
COMMENT ON FUNCTION create_api_key(text, text[], timestamptz, integer, numeric) IS
'bastion_api.api_key_create() for who holds api_keys.create. rate_limit is in requests a minute, cost_limit in dollars a month.';
REVOKE EXECUTE ON FUNCTION create_api_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION create_api_key TO workflow_builder_app;

RESET ROLE;

-- What models cost, which API keys have limits of.
SELECT bastion.meter_set('usd', 'cost', 6);

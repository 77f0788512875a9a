
-- Changes of settings and flags that another person approves; flag/flag_request.sql has what flags alone need. A person is more than a user of a context: the user who acts through an API key, a
-- delegation or an impersonation is one of the persons behind it, and so is the user that they act for.

CREATE FUNCTION bastion_internal.acting_persons() RETURNS uuid[]
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion.user_id() IS NULL OR bastion.whoami() ->> 'method' = 'impersonation' AND cardinality(bastion.actors()) = 0 THEN
        RAISE EXCEPTION 'the person who acts is not known' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN ARRAY(SELECT DISTINCT p FROM unnest(bastion.actors() || bastion.user_id()) p ORDER BY p);
END
$$;
COMMENT ON FUNCTION bastion_internal.acting_persons() IS
'The persons behind this transaction: its user, and everybody who acts for that user by a delegation or under impersonation. SQLSTATE 28000, 42501 when nobody does, or an impersonator without an account.';

CREATE FUNCTION bastion_internal.change_payload_check(action text, payload jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    allowed text[] := CASE action WHEN 'put' THEN '{value,category}' WHEN 'seal' THEN '{value,category}' WHEN 'rollback' THEN '{version}' WHEN 'delete' THEN '{}'
                                  WHEN 'update' THEN '{category,metadata,validator,four_eyes,max_versions}'
                                  WHEN 'version_delete' THEN '{versions}' WHEN 'version_undelete' THEN '{versions}' WHEN 'version_destroy' THEN '{versions}' END;
BEGIN
    IF allowed IS NULL OR jsonb_typeof(payload) IS DISTINCT FROM 'object' OR payload - allowed <> '{}'
       OR octet_length(payload::text) > 131072 OR action IN ('put', 'seal') AND NOT payload ? 'value' OR action = 'seal' AND jsonb_typeof(payload -> 'value') <> 'string'
       OR action = 'rollback' AND coalesce(payload ->> 'version', '') !~ '^[0-9]{1,9}$'
       OR jsonb_typeof(payload -> 'four_eyes') <> 'boolean' OR payload ->> 'max_versions' !~ '^[0-9]{1,9}$' OR jsonb_typeof(payload -> 'category') <> 'string'
       OR payload ? 'versions' AND NOT jsonb_path_exists(payload, 'strict $.versions ? (@.type() == "array" && @.size() > 0)')
       OR jsonb_path_exists(payload, '$.versions[*] ? (@.type() != "number" || @ < 1 || @ > 999999999 || @ != @.floor())') THEN
        RAISE EXCEPTION 'invalid change of a setting' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'put and seal take value and category, rollback version, version_delete, version_undelete and version_destroy versions, update what setting_update() takes, delete nothing.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.change_payload_check(text, jsonb) IS 'Raises SQLSTATE 22023 unless these are an action of a request and its arguments.';

CREATE FUNCTION bastion_internal.change_request_add(change bastion.change_requests, valid_for interval) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion_internal.lasts(valid_for, '1 minute', '90 days') IS NOT TRUE THEN
        RAISE EXCEPTION 'a request is valid from 1 minute to 90 days' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Nobody can approve these any more.
    UPDATE bastion.change_requests c SET sealed = NULL
    WHERE c.tenant_id = change.tenant_id AND c.sealed IS NOT NULL AND c.expires_at <= clock_timestamp();
    INSERT INTO bastion.change_requests (id, tenant_id, target, environment, key, action, payload, sealed, target_id, base_version, reason, requested_by, requesters, expires_at)
    VALUES (change.id, change.tenant_id, change.target, change.environment, change.key, change.action, change.payload, change.sealed, change.target_id, change.base_version,
            change.reason, bastion.actor_id(), bastion_internal.acting_persons(), clock_timestamp() + valid_for);
    PERFORM bastion_internal.record_event('change_requested', 'success', bastion.user_id(), change.tenant_id, jsonb_build_object(
        'request', change.id, 'target', change.target, 'key', change.key, 'environment', change.environment, 'action', change.action));
END
$$;
COMMENT ON FUNCTION bastion_internal.change_request_add(bastion.change_requests, interval) IS
'Keeps a request of the persons behind this transaction, and records it; drops the sealed values of requests of the tenant that have expired. SQLSTATE 22023 for an invalid time, 28000, 42501.';
SELECT bastion_internal.event_kind('change_requested');

CREATE FUNCTION bastion.setting_request(key text, action text, payload jsonb DEFAULT '{}', environment text DEFAULT '*', reason text DEFAULT NULL, valid_for interval DEFAULT '7 days') RETURNS uuid
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place bastion.settings := bastion_internal.setting_place_managed(key, environment, reason);
    change bastion.change_requests;
BEGIN
    PERFORM bastion_internal.change_payload_check(action, payload);
    IF place.id IS NULL AND action NOT IN ('put', 'seal') THEN
        PERFORM bastion_internal.setting_missing();
    ELSIF action = 'put' AND place.sensitive THEN
        RAISE EXCEPTION 'setting is sensitive' USING ERRCODE = 'wrong_object_type', HINT = 'The action seal stores its values.';
    ELSIF action IN ('put', 'seal') THEN
        PERFORM bastion_internal.setting_validate(place, payload -> 'value');
    END IF;
    change.id := gen_random_uuid();
    change.tenant_id := place.tenant_id;
    change.target := 'setting';
    change.environment := place.environment;
    change.key := place.key;
    change.action := setting_request.action;
    change.payload := setting_request.payload;
    change.target_id := place.id;
    change.base_version := coalesce(place.version, 0);
    change.reason := setting_request.reason;
    IF action = 'seal' THEN
        PERFORM bastion_internal.data_key('bastion.settings', place.tenant_id);
        change.sealed := bastion.seal_for(place.tenant_id, payload ->> 'value', 'bastion.settings', change.id::text);
        change.payload := change.payload - 'value';
    END IF;
    PERFORM bastion_internal.change_request_add(change, valid_for);
    RETURN change.id;
END
$$;
COMMENT ON FUNCTION bastion.setting_request(text, text, jsonb, text, text, interval) IS
'Asks for a change of a setting of the tenant, which another person approves with setting_approve(); returns the id of the request. Where four_eyes of a setting is on (setting_update()), this is the only way to change it.
action and payload: put and seal {"value", "category"}, rollback {"version"}, update {"category", "metadata", "validator", "four_eyes", "max_versions"}, version_delete, version_undelete and version_destroy {"versions": [...]}, delete {}. A value for seal is stored sealed meanwhile. Needs tenant.settings.manage in the whole tenant.
SQLSTATE 22023 for invalid arguments and a value that does not meet the validator, 25006 in a READ ONLY transaction, 28000, 42501 without a tenant or the permission, 42704 for no such setting, 42809 for put of a sensitive setting, BA001, BA002, BA003, BA005.';
SELECT bastion_internal.callable_by('bastion.setting_request(text, text, jsonb, text, text, interval)', 'application');

CREATE FUNCTION bastion_internal.change_open(target text, request uuid) RETURNS bastion.change_requests
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    change bastion.change_requests;
BEGIN
    PERFORM bastion_internal.require_in_tenant(CASE target WHEN 'flag' THEN 'tenant.flags.manage' ELSE 'tenant.settings.manage' END);
    SELECT c.* INTO change FROM bastion.change_requests c
    WHERE c.id = request AND c.target = change_open.target AND c.tenant_id = bastion.tenant_id() FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'request does not exist' USING ERRCODE = 'undefined_object';
    ELSIF change.state <> 'open' OR change.expires_at <= clock_timestamp() THEN
        RAISE EXCEPTION 'request is %', CASE WHEN change.state = 'open' THEN 'expired' ELSE change.state END USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN change;
END
$$;
COMMENT ON FUNCTION bastion_internal.change_open(text, uuid) IS
'Finds and locks an open request of the tenant that concerns a setting or a flag, for a caller who may change these. SQLSTATE 28000, 42501, 42704 for none, 55000 for one that is decided or expired, BA005.';

CREATE FUNCTION bastion_internal.change_decide(change bastion.change_requests, state text, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion_internal.is_label(reason) IS FALSE THEN
        RAISE EXCEPTION 'invalid reason' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE bastion.change_requests c
    SET state = change_decide.state, decided_by = bastion.actor_id(), decided_at = clock_timestamp(), decision_reason = change_decide.reason, sealed = NULL WHERE c.id = change.id;
    PERFORM bastion_internal.record_event('change_decided', 'success', bastion.user_id(), change.tenant_id,
                                          jsonb_build_object('request', change.id, 'target', change.target, 'key', change.key, 'environment', change.environment,
                                                             'action', change.action, 'state', state));
END
$$;
COMMENT ON FUNCTION bastion_internal.change_decide(bastion.change_requests, text, text) IS 'Closes a request, and records it. SQLSTATE 22023 for an invalid reason.';
SELECT bastion_internal.event_kind('change_decided');

CREATE FUNCTION bastion_internal.change_approve(target text, request uuid, reason text) RETURNS bastion.change_requests
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    change bastion.change_requests := bastion_internal.change_open(target, request);
BEGIN
    IF change.requesters && bastion_internal.acting_persons() THEN
        RAISE EXCEPTION 'another person must approve the request' USING ERRCODE = 'insufficient_privilege',
            DETAIL = 'API keys, delegations and impersonation count as the persons behind them.';
    END IF;
    PERFORM bastion_internal.change_decide(change, 'applied', reason);
    RETURN change;
END
$$;
COMMENT ON FUNCTION bastion_internal.change_approve(text, uuid, text) IS
'Closes a request of other persons as applied, and returns it as it was; the caller makes the change. SQLSTATE as change_open(), 22023 for an invalid reason, 42501 for the requester.';

CREATE FUNCTION bastion_internal.change_requests_of(target text, only_open boolean) RETURNS TABLE (
    id uuid, key text, environment text, action text, payload jsonb, base_version integer, reason text, requested_by uuid, requested_at timestamptz,
    state text, decided_by uuid, decided_at timestamptz, decision_reason text, expires_at timestamptz)
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.id, c.key, c.environment, c.action, c.payload, c.base_version, c.reason, c.requested_by, c.requested_at, c.state, c.decided_by, c.decided_at, c.decision_reason, c.expires_at
    FROM bastion.change_requests c
    WHERE c.tenant_id = bastion.tenant_id() AND c.target = change_requests_of.target
      AND (only_open IS NOT TRUE OR c.state = 'open' AND c.expires_at > now()) ORDER BY c.requested_at, c.id
$$;
COMMENT ON FUNCTION bastion_internal.change_requests_of(text, boolean) IS
'The requests of the tenant that concern settings or flags and can be approved, or all; a value to be sealed is left out.';

CREATE FUNCTION bastion_internal.setting_apply(change bastion.change_requests) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place bastion.settings := bastion_internal.setting_place(change.tenant_id, change.key, change.environment, change.reason);
    versions integer[] := CASE WHEN change.payload ? 'versions' THEN ARRAY(SELECT v::integer FROM jsonb_array_elements_text(change.payload -> 'versions') v) END;
BEGIN
    PERFORM FROM bastion.settings s WHERE s.id = place.id FOR NO KEY UPDATE;
    place := bastion_internal.setting_place(change.tenant_id, change.key, change.environment, change.reason);
    IF place.id IS DISTINCT FROM change.target_id OR coalesce(place.version, 0) <> change.base_version THEN
        RAISE EXCEPTION 'setting has another version' USING ERRCODE = 'BA008',
            DETAIL = jsonb_build_object('version', coalesce(place.version, 0), 'expected_version', change.base_version)::text, HINT = 'Make a new request.';
    END IF;
    CASE change.action
    WHEN 'put' THEN
        RETURN bastion_internal.setting_write(place, change.payload -> 'value', change.base_version, change.reason, change.payload ->> 'category', change.id);
    WHEN 'seal' THEN
        RETURN bastion_internal.setting_write_sealed(place, bastion.open_text_for(change.tenant_id, change.sealed, change.id::text), change.base_version, change.reason,
                                                     change.payload ->> 'category', change.id);
    WHEN 'rollback' THEN
        RETURN bastion_internal.setting_roll_back(place, (change.payload ->> 'version')::integer, change.base_version, change.reason, change.id);
    WHEN 'update' THEN
        PERFORM bastion_internal.setting_describe(place, change.payload, change.reason, change.id);
    WHEN 'delete' THEN
        PERFORM bastion_internal.setting_remove(place, change.reason, change.id);
    ELSE
        PERFORM bastion_internal.setting_versions_set(place, versions, change.action, change.reason, change.id);
    END CASE;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.setting_apply(bastion.change_requests) IS
'Does what a request asks for, if the setting is what it was; returns the new version, if there is one. SQLSTATE as setting_put(), and BA008.';

CREATE FUNCTION bastion.setting_approve(request uuid, reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.setting_apply(bastion_internal.change_approve('setting', request, reason));
END
$$;
COMMENT ON FUNCTION bastion.setting_approve(uuid, text) IS
'Approves a request of another person, and makes the change in this transaction; returns the new version of the setting, NULL for a change without one.
Needs tenant.settings.manage in the whole tenant. None of the persons behind this transaction may be behind the request: the user, the owner of the API key, who acts by the delegation or impersonates. The setting must have the version that it had.
SQLSTATE 22023 for a value that no longer meets the validator, 25006 in a READ ONLY transaction, 28000, 42501 without the permission, and for the requester, 42704 for no such request, 55000 for one that is decided or expired, BA001, BA002, BA003, BA005, BA008 when the setting has another version.';
SELECT bastion_internal.callable_by('bastion.setting_approve(uuid, text)', 'application');

CREATE FUNCTION bastion.setting_reject(request uuid, reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.change_decide(bastion_internal.change_open('setting', request), 'rejected', reason);
END
$$;
COMMENT ON FUNCTION bastion.setting_reject(uuid, text) IS
'Rejects a request, or withdraws one''s own.
Needs tenant.settings.manage in the whole tenant.
SQLSTATE 22023 for an invalid reason, 25006 in a READ ONLY transaction, 28000, 42501, 42704 for no such request, 55000 for one that is decided or expired, BA005.';
SELECT bastion_internal.callable_by('bastion.setting_reject(uuid, text)', 'application');

CREATE FUNCTION bastion.setting_request_list(only_open boolean DEFAULT true) RETURNS TABLE (
    id uuid, key text, environment text, action text, payload jsonb, base_version integer, reason text, requested_by uuid, requested_at timestamptz,
    state text, decided_by uuid, decided_at timestamptz, decision_reason text, expires_at timestamptz)
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.settings.read');
    RETURN QUERY SELECT * FROM bastion_internal.change_requests_of('setting', only_open);
END
$$;
COMMENT ON FUNCTION bastion.setting_request_list(boolean) IS
'Lists the requests for changes of settings of the tenant that can be approved, or all; a value to be sealed is left out.
Needs tenant.settings.read in the whole tenant.
SQLSTATE 28000, 42501, BA005.';
SELECT bastion_internal.callable_by('bastion.setting_request_list(boolean)', 'application');

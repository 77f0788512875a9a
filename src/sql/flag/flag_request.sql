
-- Changes of flags that another person approves, in the requests of setting/change_request.sql. A request keeps the definition that the flag
-- gets, so that the approval stores what it showed.

CREATE FUNCTION bastion_internal.flag_payload_check(action text, payload jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    allowed text[] := CASE action WHEN 'set' THEN '{definition,effective_at}' WHEN 'rollout' THEN '{variant,percent,users,roles}' WHEN 'disable' THEN '{disabled}'
                                  WHEN 'rollback' THEN '{version}' WHEN 'cancel' THEN '{version}' WHEN 'update' THEN '{four_eyes}' WHEN 'delete' THEN '{}' END;
BEGIN
    IF allowed IS NULL OR jsonb_typeof(payload) IS DISTINCT FROM 'object' OR payload - allowed <> '{}' OR octet_length(payload::text) > 524288
       OR action = 'set' AND NOT payload ? 'definition' OR jsonb_typeof(payload -> 'effective_at') <> 'string'
       OR action = 'rollout' AND (jsonb_typeof(payload -> 'variant') = 'string' AND jsonb_typeof(payload -> 'percent') = 'number') IS NOT TRUE
       OR action IN ('rollback', 'cancel') AND coalesce(payload ->> 'version', '') !~ '^[0-9]{1,9}$'
       OR jsonb_typeof(payload -> 'disabled') <> 'boolean' OR action = 'update' AND jsonb_typeof(payload -> 'four_eyes') IS DISTINCT FROM 'boolean'
       OR jsonb_typeof(payload -> 'users') <> 'array' OR jsonb_typeof(payload -> 'roles') <> 'array'
       OR jsonb_path_exists(payload, '$.users[*] ? (@.type() != "string")') OR jsonb_path_exists(payload, '$.roles[*] ? (@.type() != "string")') THEN
        RAISE EXCEPTION 'invalid change of a flag' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'set takes definition and effective_at, rollout variant, percent, users and roles, disable disabled, rollback and cancel version, update four_eyes, delete nothing.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.flag_payload_check(text, jsonb) IS 'Raises SQLSTATE 22023 unless these are an action of a request and its arguments.';

CREATE FUNCTION bastion_internal.flag_texts(list jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT ARRAY(SELECT t.t FROM jsonb_array_elements_text(list) WITH ORDINALITY t (t, place) ORDER BY t.place) $$;
COMMENT ON FUNCTION bastion_internal.flag_texts(jsonb) IS 'The texts of a JSON array; of NULL none. SQLSTATE 22023 for other JSON.';

CREATE FUNCTION bastion_internal.flag_proposed(tenant_id uuid, key text, environment text, action text, payload jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CASE action
    WHEN 'set' THEN
        PERFORM bastion_internal.require_flag(payload -> 'definition');
        RETURN payload -> 'definition';
    WHEN 'rollout' THEN
        RETURN bastion_internal.flag_rolled_out(tenant_id, key, payload ->> 'variant', (payload ->> 'percent')::numeric,
            bastion_internal.flag_users(bastion_internal.flag_texts(payload -> 'users'), false), bastion_internal.flag_texts(payload -> 'roles'), environment);
    WHEN 'disable' THEN
        RETURN bastion_internal.flag_disabled(tenant_id, key, (payload ->> 'disabled')::boolean, environment);
    WHEN 'rollback' THEN
        RETURN bastion_internal.flag_as_of(tenant_id, key, (payload ->> 'version')::integer, environment);
    WHEN 'delete' THEN
        PERFORM bastion_internal.require_flag_definition(tenant_id, key, environment);
    ELSE
        IF (bastion_internal.flag_locked(tenant_id, key, environment)).id IS NULL THEN
            RAISE EXCEPTION 'flag does not exist' USING ERRCODE = 'undefined_object', HINT = 'bastion.flag_set() makes one; flag_list() shows them.';
        END IF;
    END CASE;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.flag_proposed(uuid, text, text, text, jsonb) IS
'The definition that an action gives a flag; NULL for actions that give it none. Locks the flag, if there is one.
SQLSTATE 22023 for an invalid argument, 22P02 and 54000 as require_flag(), 42704 for an unknown flag, version or user.';

CREATE FUNCTION bastion.flag_request(key text, action text, payload jsonb DEFAULT '{}', environment text DEFAULT '*', reason text DEFAULT NULL, valid_for interval DEFAULT '7 days') RETURNS uuid
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    change bastion.change_requests;
    flag bastion.flags;
    definition jsonb;
    effective_at timestamptz;
    in_force integer;
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.flags.manage');
    PERFORM bastion_internal.flag_check(key, environment, reason);
    PERFORM bastion_internal.flag_payload_check(action, payload);
    change.tenant_id := bastion.tenant_id();
    definition := bastion_internal.flag_proposed(change.tenant_id, key, environment, action, payload);
    effective_at := payload ->> 'effective_at';
    IF effective_at <= clock_timestamp() OR NOT isfinite(effective_at) THEN
        RAISE EXCEPTION 'invalid time of a scheduled change' USING ERRCODE = 'invalid_parameter_value', DETAIL = 'The time lies in the future.';
    END IF;
    flag := bastion_internal.flag_locked(change.tenant_id, key, environment);
    in_force := (bastion_internal.version_in_force(flag.id)).version;
    change.id := gen_random_uuid();
    change.target := 'flag';
    change.environment := flag_request.environment;
    change.key := flag_request.key;
    change.action := flag_request.action;
    change.payload := flag_request.payload || CASE WHEN definition IS NULL THEN '{}' ELSE jsonb_build_object('definition', definition) END
        || CASE WHEN effective_at IS NULL THEN '{}' ELSE jsonb_build_object('effective_at', effective_at) END
        || CASE WHEN in_force IS NULL THEN '{}' ELSE jsonb_build_object('in_force', in_force) END;
    change.target_id := flag.id;
    change.base_version := coalesce(flag.version, 0);
    change.reason := flag_request.reason;
    PERFORM bastion_internal.change_request_add(change, valid_for);
    RETURN change.id;
END
$$;
COMMENT ON FUNCTION bastion.flag_request(text, text, jsonb, text, text, interval) IS
'Asks for a change of a flag of the tenant, which another person approves with flag_approve(); returns the id of the request. Where four_eyes of a flag is on (flag_update()), this is the only way to change it.
action and payload are the functions of that name and their arguments: set {"definition", "effective_at"}, rollout {"variant", "percent", "users", "roles"}, disable {"disabled"}, rollback {"version"}, cancel {"version"}, update {"four_eyes"}, delete {}. The request keeps the definition that the flag gets. Needs tenant.flags.manage in the whole tenant.
SQLSTATE 22007 and 22008 for a text that is no time, 22023 for invalid arguments, 22P02 for numbers beyond a double, 54000 for a definition that is too large, 42704 for an unknown flag, version or user; 25006 in a READ ONLY transaction, 42501 without a tenant or the permission, BA005 where a step-up rule withholds it, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.flag_request(text, text, jsonb, text, text, interval)', 'application');

CREATE FUNCTION bastion_internal.flag_apply(change bastion.change_requests) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    flag bastion.flags := bastion_internal.flag_locked(change.tenant_id, change.key, change.environment);
    in_force integer := (bastion_internal.version_in_force(flag.id)).version;
BEGIN
    IF flag.id IS DISTINCT FROM change.target_id OR coalesce(flag.version, 0) <> change.base_version OR in_force IS DISTINCT FROM (change.payload ->> 'in_force')::integer THEN
        RAISE EXCEPTION 'flag has another version' USING ERRCODE = 'BA008', DETAIL = jsonb_build_object('version', coalesce(flag.version, 0))::text, HINT = 'Make a new request.';
    END IF;
    CASE change.action
    WHEN 'cancel' THEN
        IF NOT bastion_internal.flag_cancel_store(change.tenant_id, change.key, (change.payload ->> 'version')::integer, change.environment, change.id) THEN
            RAISE EXCEPTION 'version of the flag is not scheduled' USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'flag_history() lists the versions.';
        END IF;
        RETURN NULL;
    WHEN 'update' THEN
        PERFORM bastion_internal.flag_describe(change.tenant_id, change.key, (change.payload ->> 'four_eyes')::boolean, change.environment, change.reason, change.id);
        RETURN NULL;
    ELSE
        -- A flag that was not there is expected not to be there still.
        RETURN bastion_internal.flag_store(change.tenant_id, change.key, change.payload -> 'definition', change.environment, CASE WHEN change.target_id IS NULL THEN 0 END,
                                           (change.payload ->> 'effective_at')::timestamptz, change.reason, change.id);
    END CASE;
END
$$;
COMMENT ON FUNCTION bastion_internal.flag_apply(bastion.change_requests) IS
'Does what a request asks for, if the flag is what it was; returns the new version, if there is one. SQLSTATE as flag_store(), and 55000 for a version that cannot be cancelled, BA008.';

CREATE FUNCTION bastion.flag_approve(request uuid, reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.flag_apply(bastion_internal.change_approve('flag', request, reason));
END
$$;
COMMENT ON FUNCTION bastion.flag_approve(uuid, text) IS
'Approves a request of another person, and makes the change in this transaction; returns the new version of the flag, NULL for a change without one.
Needs tenant.flags.manage in the whole tenant. None of the persons behind this transaction may be behind the request: the user, the owner of the API key, who acts by the delegation or impersonates. The flag must have the version that it had, and no scheduled one may hold since.
SQLSTATE 22023 for an invalid reason, and when the time of a scheduled change has passed, 25006 in a READ ONLY transaction, 28000, 42501 without the permission, and for the requester, 42704 for no such request, 55000 for one that is decided or expired, BA005, BA008 when the flag has another version.';
SELECT bastion_internal.callable_by('bastion.flag_approve(uuid, text)', 'application');

CREATE FUNCTION bastion.flag_reject(request uuid, reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.change_decide(bastion_internal.change_open('flag', request), 'rejected', reason);
END
$$;
COMMENT ON FUNCTION bastion.flag_reject(uuid, text) IS
'Rejects a request of flag_request(), or withdraws one''s own.
Needs tenant.flags.manage in the whole tenant.
SQLSTATE 22023 for an invalid reason, 25006 in a READ ONLY transaction, 28000, 42501, 42704 for no such request, 55000 for one that is decided or expired, BA005.';
SELECT bastion_internal.callable_by('bastion.flag_reject(uuid, text)', 'application');

CREATE FUNCTION bastion.flag_request_list(only_open boolean DEFAULT true) RETURNS TABLE (
    id uuid, key text, environment text, action text, payload jsonb, base_version integer, reason text, requested_by uuid, requested_at timestamptz,
    state text, decided_by uuid, decided_at timestamptz, decision_reason text, expires_at timestamptz)
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.flags.read');
    RETURN QUERY SELECT * FROM bastion_internal.change_requests_of('flag', only_open);
END
$$;
COMMENT ON FUNCTION bastion.flag_request_list(boolean) IS
'Lists the requests for changes of flags of the tenant that can be approved, or all. payload has the definition that the flag gets, and in_force, the version that holds.
Needs tenant.flags.read in the whole tenant.
SQLSTATE 28000, 42501, BA005.';
SELECT bastion_internal.callable_by('bastion.flag_request_list(boolean)', 'application');

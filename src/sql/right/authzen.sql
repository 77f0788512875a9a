
-- The Authorization API 1.0 of OpenID AuthZEN, for services outside the database: explain_access() with its request and response.

CREATE FUNCTION bastion_internal.authzen_permission(resource text, action text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((SELECT p.name FROM bastion.permissions p
                     JOIN (VALUES (1, concat(authzen_permission.resource, '.', authzen_permission.action)),
                                  (2, concat(authzen_permission.resource, '.', substr(authzen_permission.action, 5)))) n (place, name) ON n.name = p.name
                     WHERE n.place = 1 OR starts_with(authzen_permission.action, 'can_') ORDER BY n.place LIMIT 1),
                    concat(authzen_permission.resource, '.', authzen_permission.action))
$$;
COMMENT ON FUNCTION bastion_internal.authzen_permission(text, text) IS
'The permission for an action of AuthZEN on a resource: read and can_read are the action read, unless there is an action can_read.';

CREATE FUNCTION bastion_internal.authzen_entity(entity jsonb, members text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(jsonb_typeof(entity) = 'object'
        AND (SELECT bool_and(coalesce(jsonb_typeof(entity -> m) = 'string' AND octet_length(entity ->> m) <= 1000, false)) FROM unnest(members) m)
        AND coalesce(jsonb_typeof(entity -> 'properties'), 'object') = 'object', false)
$$;
COMMENT ON FUNCTION bastion_internal.authzen_entity(jsonb, text[]) IS
'Whether a part of a request is an object with texts in these members, and with an object in properties if it has any.';

CREATE FUNCTION bastion_internal.authzen_answer(decision boolean, admin_reason text) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('decision', decision, 'context', jsonb_build_object('id', CASE WHEN decision THEN 'granted' ELSE 'denied' END,
        'reason_admin', jsonb_build_object('en', admin_reason),
        'reason_user', jsonb_build_object('en', CASE WHEN decision THEN 'You have the permission.' ELSE 'You do not have the permission.' END)))
$$;
COMMENT ON FUNCTION bastion_internal.authzen_answer(boolean, text) IS
'A response of AuthZEN, with a reason for administrators and one for the user, which does not depend on it.';

CREATE FUNCTION bastion_internal.authzen_decide(request jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kind text := request #>> '{resource,type}';
    id text := request #>> '{resource,id}';
    place jsonb := jsonb_strip_nulls(coalesce(request -> 'context', '{}')) || jsonb_strip_nulls(coalesce(request #> '{resource,properties}', '{}'));
    tables regclass[] := ARRAY(SELECT p.relation FROM bastion.protected_tables p WHERE p.resource = kind AND EXISTS (SELECT FROM pg_class c WHERE c.oid = p.relation) ORDER BY p.table_name::text COLLATE "C");
    subject uuid;
    tenant text := CASE WHEN kind = 'tenant' THEN id ELSE place ->> 'tenant' END;
    tenants uuid[];
    decision boolean;
    reasons text;
    wrong text;
BEGIN
    IF request #>> '{subject,type}' <> 'user' THEN
        RETURN bastion_internal.authzen_answer(false, 'the type of the subject is not user');
    ELSIF cardinality(tables) > 1 THEN
        RETURN bastion_internal.authzen_answer(false, 'several tables have this type of resource');
    END IF;
    BEGIN
        subject := bastion_internal.any_user_named(request #>> '{subject,id}');
        -- Not the tenant of the service that asks, which explain_access() would take.
        IF tenant IS NULL THEN
            tenants := ARRAY(SELECT DISTINCT m.tenant_id FROM bastion.memberships m WHERE m.user_id = subject LIMIT 2);
            IF cardinality(tenants) <> 1 THEN
                RETURN bastion_internal.authzen_answer(false, 'a tenant must be specified');
            END IF;
            tenant := tenants[1];
        END IF;
        SELECT bool_and(s.effect = 'grants') FILTER (WHERE s.kind = 'verdict'),
               string_agg(concat_ws(' ', s.kind, s.subject || ':', s.detail), '; ' ORDER BY s.step) FILTER (WHERE s.decisive AND s.kind <> 'verdict')
        INTO decision, reasons
        FROM bastion.explain_access(subject, bastion_internal.authzen_permission(kind, request #>> '{action,name}'), tables[1],
                                    CASE WHEN cardinality(tables) = 1 THEN id END,
                                    tenant, place ->> 'unit') s;
    EXCEPTION WHEN data_exception OR undefined_object OR object_not_in_prerequisite_state OR feature_not_supported THEN
        GET STACKED DIAGNOSTICS wrong := MESSAGE_TEXT;
        RETURN bastion_internal.authzen_answer(false, wrong);
    END;
    RETURN bastion_internal.authzen_answer(coalesce(decision, false), coalesce(reasons, 'nothing grants it'));
END
$$;
COMMENT ON FUNCTION bastion_internal.authzen_decide(jsonb) IS
'The decision about a request that authzen_evaluation() has checked. What cannot be decided is denied.';

CREATE FUNCTION bastion.authzen_evaluation(request jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT (bastion_internal.authzen_entity(request -> 'subject', '{type,id}') AND bastion_internal.authzen_entity(request -> 'resource', '{type,id}')
            AND bastion_internal.authzen_entity(request -> 'action', '{name}') AND coalesce(jsonb_typeof(request -> 'context'), 'object') = 'object') THEN
        RAISE EXCEPTION 'invalid access evaluation request' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'A request has subject {"type", "id"}, resource {"type", "id"}, action {"name"}, and optionally context.';
    END IF;
    RETURN bastion_internal.authzen_decide(request);
END
$$;
COMMENT ON FUNCTION bastion.authzen_evaluation(jsonb) IS
'An access evaluation of the Authorization API 1.0 (OpenID AuthZEN): {"subject": {"type": "user", "id"}, "resource": {"type", "id"}, "action": {"name"}, "context"} gives {"decision": boolean, "context": {"id", "reason_admin", "reason_user"}}, as explain_access() decides and explains.
The subject is a user by id, e-mail address or user name. type is a resource; where a protected table has it, id is the primary key of a row; a tenant is named by id or slug; for other types the permission alone decides, whatever the id. The action is that of the permission, or has can_ before it. tenant and unit may stand in the properties of the resource or in the context; else the tenant is the only one of the user, never that of the service that asks. Where the service has the identity of the user itself in the transaction, what its credential withholds is denied, as in explain_access(). What cannot be decided, an unknown thing included, is denied with the reason.
For operators: EXECUTE is granted to nobody; grant it to the role of a service that enforces decisions, which learns from it what every user may do.
SQLSTATE 22023 for a malformed request. NULL for NULL.';

CREATE FUNCTION bastion.authzen_evaluations(request jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    semantic text := coalesce(request #>> '{options,evaluations_semantic}', 'execute_all');
    defaults jsonb;
    one jsonb;
    answer jsonb;
    answers jsonb := '[]';
BEGIN
    IF jsonb_typeof(request) <> 'object' OR coalesce(jsonb_typeof(request -> 'options'), 'object') <> 'object' THEN
        RAISE EXCEPTION 'invalid access evaluations request' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'A request is an object, and options in it another one.';
    ELSIF coalesce(request -> 'evaluations', '[]') = '[]' THEN
        RETURN bastion.authzen_evaluation(request - '{evaluations,options}'::text[]);
    ELSIF jsonb_typeof(request -> 'evaluations') <> 'array' OR jsonb_array_length(request -> 'evaluations') > 1000
          OR semantic NOT IN ('execute_all', 'deny_on_first_deny', 'permit_on_first_permit') THEN
        RAISE EXCEPTION 'invalid access evaluations request' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'evaluations is an array of at most 1000 requests; options.evaluations_semantic is execute_all, deny_on_first_deny or permit_on_first_permit.';
    END IF;
    defaults := request - '{evaluations,options}'::text[];
    FOR one IN SELECT e.value FROM jsonb_array_elements(request -> 'evaluations') WITH ORDINALITY e (value, place) ORDER BY e.place LOOP
        IF jsonb_typeof(one) <> 'object' THEN
            RAISE EXCEPTION 'invalid access evaluation request' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        answer := bastion.authzen_evaluation(defaults || one);
        answers := answers || jsonb_build_array(answer);
        EXIT WHEN semantic = CASE WHEN (answer -> 'decision')::boolean THEN 'permit_on_first_permit' ELSE 'deny_on_first_deny' END;
    END LOOP;
    RETURN jsonb_build_object('evaluations', answers);
END
$$;
COMMENT ON FUNCTION bastion.authzen_evaluations(jsonb) IS
'Several access evaluations of the Authorization API 1.0 (OpenID AuthZEN): {"evaluations": [request, ...], "options": {"evaluations_semantic"}} gives {"evaluations": [response, ...]}. subject, resource, action and context beside evaluations are the defaults of each. With deny_on_first_deny and permit_on_first_permit, the response ends with that decision. Without evaluations, it is authzen_evaluation().
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for a malformed request, for more than 1000, and for another semantic. NULL for NULL.';

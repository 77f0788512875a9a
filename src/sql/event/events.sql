
-- The log of events: sign-ups, logins, refusals, impersonation, new keys, changes of rights. Rows are added and never changed.

CREATE TABLE bastion.events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text COLLATE "C" NOT NULL,
    outcome text NOT NULL,
    user_id uuid,
    actor_id uuid,
    subject_id uuid,
    actors uuid[],
    delegation_id uuid,
    tenant_id uuid,
    ip inet,
    user_agent text,
    detail jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT events_pkey PRIMARY KEY (id),
    CONSTRAINT events_kind_check CHECK (bastion_internal.is_word(kind)),
    CONSTRAINT events_outcome_check CHECK (outcome IN ('success', 'refused'))
);
CREATE INDEX events_kind_occurred_at_idx ON bastion.events (kind, occurred_at);
CREATE INDEX events_user_id_occurred_at_idx ON bastion.events (user_id, occurred_at) WHERE user_id IS NOT NULL;
CREATE INDEX events_tenant_id_occurred_at_idx ON bastion.events (tenant_id, occurred_at) WHERE tenant_id IS NOT NULL;
COMMENT ON TABLE bastion.events IS
'Sign-ups, logins, refusals, impersonation, new keys and changes of rights by function. Append-only and without foreign keys: an event outlives the user and tenant in it. Granted to nobody';
COMMENT ON COLUMN bastion.events.id IS 'Order of writing';
COMMENT ON COLUMN bastion.events.occurred_at IS 'When it happened';
COMMENT ON COLUMN bastion.events.outcome IS 'success or refused';
COMMENT ON COLUMN bastion.events.user_id IS 'The user affected, if any';
COMMENT ON COLUMN bastion.events.actor_id IS 'The user who acted, if there is a context';
COMMENT ON COLUMN bastion.events.subject_id IS 'The user for whom the actor acted, by a delegation or impersonation; NULL for the actor alone';
COMMENT ON COLUMN bastion.events.actors IS 'The actors of that delegation, the first hop first';
COMMENT ON COLUMN bastion.events.delegation_id IS 'That delegation';
COMMENT ON COLUMN bastion.events.tenant_id IS 'The tenant affected, if any';
COMMENT ON COLUMN bastion.events.ip IS 'The address of the client, from client_address()';
COMMENT ON COLUMN bastion.events.user_agent IS 'The user agent of the HTTP client (request.headers)';
COMMENT ON COLUMN bastion.events.detail IS 'Details of the event; never a secret, never text that an unknown user typed';
SELECT pg_extension_config_dump('bastion.events', '');
SELECT pg_extension_config_dump('bastion.events_id_seq', '');
ALTER TABLE bastion.events ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION bastion_internal.keep_events() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'bastion.% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
COMMENT ON FUNCTION bastion_internal.keep_events() IS
'Trigger: refuses UPDATE, TRUNCATE and, except by events_prune(), DELETE, by the owner too. SQLSTATE 42501.';

CREATE TRIGGER events_append_only BEFORE UPDATE OR TRUNCATE ON bastion.events
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.keep_events();
ALTER TABLE bastion.events ENABLE ALWAYS TRIGGER events_append_only;
COMMENT ON TRIGGER events_append_only ON bastion.events IS 'Keeps events as they were written';

-- A piece that records a new kind of event names it below the function that does.
CREATE FUNCTION bastion_internal.event_kind(VARIADIC kinds text[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE (SELECT format('COMMENT ON COLUMN bastion.events.kind IS %L',
                           concat_ws(', ', col_description(a.attrelid, a.attnum), array_to_string(kinds, ', ')))
             FROM pg_attribute a WHERE a.attrelid = 'bastion.events'::regclass AND a.attname = 'kind');
END
$$;
COMMENT ON FUNCTION bastion_internal.event_kind(text[]) IS
'Adds kinds of events to the comment on bastion.events.kind. For the install script.';

CREATE FUNCTION bastion_internal.event_actor(identity jsonb) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN identity ->> 'method' = 'impersonation' THEN identity ->> 'actor'
                ELSE coalesce(identity ->> 'actor', identity ->> 'user') END::uuid;
END
$$;
COMMENT ON FUNCTION bastion_internal.event_actor(jsonb) IS
'The user who acts, from whoami(); NULL when anonymous, never the impersonated user.';

-- Members with tenant.events.read read the entries of their tenant, and events may say what belongs to others: the tenant that a session
-- was in before, the reason that an operator typed. So a kind and its details are for operators alone until they are named here.
CREATE FUNCTION bastion_internal.tenant_event_details(kind text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE
        WHEN kind IN ('shared', 'unshared', 'row_transferred') THEN '{table,key,user,unit,role,tenant,level,valid_until}'::text[]
        WHEN kind IN ('unit_created', 'unit_moved', 'unit_renamed', 'unit_deleted') THEN '{unit,kind,name,parent,old_parent}'
        WHEN kind IN ('role_created', 'role_changed', 'role_deleted') THEN '{role,name,granted,revoked,inherits,no_longer_inherits}'
        WHEN kind IN ('membership_changed', 'membership_removed') THEN '{role,unit,valid_from,valid_until}'
        WHEN kind IN ('permission_granted', 'permission_denied_set', 'permission_removed') THEN '{pattern,unit,valid_until,effect}'
        WHEN kind IN ('step_up_rule_set', 'step_up_rule_removed') THEN '{permission,level,max_age}'
        WHEN kind IN ('tenant_created', 'tenant_changed', 'tenant_deleting', 'tenant_restored') THEN '{name,settings,slug,delete_at}'
        WHEN kind IN ('invitation_created', 'invitation_resent', 'invitation_revoked', 'invitation_accepted', 'invitation_declined')
            THEN '{invitation,role,unit,expires_at,valid_until}'
        WHEN kind IN ('signup', 'login', 'logout', 'stepped_up', 'refresh_refused', 'tenant_switched', 'session_revoked', 'session_settings_changed')
            THEN '{anonymous,issuer,by,factor,scope,sessions,delegations,session,unit,reason,access_lifetime,session_lifetime,idle_limit,reuse_window}'
        WHEN kind IN ('account_converted', 'password_changed', 'profile_changed', 'factor_refused', 'device_revoked') THEN '{members,sessions,reason,factor,kind,device}'
        WHEN kind IN ('api_key_created', 'api_key_rotated', 'api_key_revoked', 'api_key_disabled') THEN '{api_key,name,scopes,overlap,by,disabled}'
        WHEN kind IN ('delegated', 'delegation_revoked') THEN '{delegation,parent,actors,unit,scopes,expires_at,by,ended}'
        WHEN kind IN ('key_created', 'key_rotated', 'key_changed', 'key_deleted', 'key_exported', 'keys_shredded')
            THEN '{key,id,name,purpose,version,keys,algorithm,exportable,imported,rotate_every}'
        WHEN kind IN ('flag_set', 'flag_deleted', 'flag_cancelled', 'flag_updated') THEN '{key,environment,version,effective_at,four_eyes,reason,request}'
        WHEN kind IN ('change_requested', 'change_decided') THEN '{request,target,key,environment,action,state}'
        WHEN starts_with(kind, 'setting_') THEN '{setting,environment,key,version,from_version,reason,request}'
        WHEN starts_with(kind, 'secret_') THEN '{secret,name,version,purpose,bound_to,due_since}'
        WHEN kind IN ('quota_soft_crossed', 'limit_override_set', 'limit_override_removed', 'quota_calendar_set')
            THEN '{meter,scope,unit,period,soft_amount,amount,resets_at,valid_until,time_zone,billing_anchor}'
        WHEN kind = 'request' THEN '{status,reason,method,path}'
        WHEN kind = 'impersonation' THEN '{read_only}'
        WHEN kind = 'test_identity' THEN '{}' END;
END
$$;
COMMENT ON FUNCTION bastion_internal.tenant_event_details(text) IS
'The details of a kind of events that members of the tenant of the event may read; NULL for a kind whose entries are for operators alone.';

-- Also called by the worker, whose session says nothing about who acted.
CREATE FUNCTION bastion_internal.event_entry(event jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    e record;
    told text[];
BEGIN
    SELECT * INTO e FROM jsonb_to_record(event) r (
        occurred_at timestamptz, kind text, outcome text, "user" uuid, actor uuid, subject uuid, actors uuid[], delegation uuid, tenant uuid,
        ip inet, user_agent text, detail jsonb, unit uuid, session uuid, api_key uuid, method text, role text, application text, elsewhere boolean);
    told := CASE WHEN e.tenant IS NOT NULL THEN bastion_internal.tenant_event_details(e.kind) END;
    IF told IS NULL THEN
        e.tenant := NULL;
    ELSE
        e.detail := e.detail - ARRAY(SELECT k FROM jsonb_object_keys(e.detail) k WHERE k <> ALL (told));
    END IF;
    -- Of a user who is at work in another tenant, that of the event learns who, and not from where.
    IF e.elsewhere THEN
        e.unit := NULL; e.session := NULL; e.api_key := NULL; e.delegation := NULL; e.ip := NULL; e.user_agent := NULL;
    END IF;
    -- Leaf 0 of a sealed log says that it was opened; an entry in that transaction would always be the first that is not sealed.
    PERFORM bastion_internal.audit_event(
        e.kind <> 'audit_log_opened' AND (e.kind IN ('audit_dropped', 'audit_shredded', 'audit_hold_placed', 'audit_hold_lifted') OR EXISTS (SELECT FROM bastion.audited_tables)), e.kind, e.outcome, e.detail::text,
        to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'), e."user"::text, e.tenant, coalesce(e.subject, e.actor),
        coalesce(e.actors, CASE WHEN e.subject <> e.actor THEN ARRAY[e.actor] END), e.actor, e.unit, e.session,
        e.api_key, e.delegation, e.method, coalesce(e.role, session_user), e.application, host(e.ip), e.user_agent);
END
$$;
COMMENT ON FUNCTION bastion_internal.event_entry(jsonb) IS
'Adds an entry about an event to the log of changes, while a table is under audit or bastion.audit_events is on, and about what is dropped from the log and held there. Of the details, it has what the tenant may read: tenant_event_details(); an event of another kind belongs to no tenant.';

-- The one place where events are written.
CREATE FUNCTION bastion_internal.event_insert(event jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO bastion.events (occurred_at, kind, outcome, user_id, actor_id, subject_id, actors, delegation_id, tenant_id, ip, user_agent, detail)
    SELECT e.occurred_at, e.kind, e.outcome, e."user", e.actor, e.subject, e.actors, e.delegation, e.tenant, e.ip, e.user_agent, e.detail
    FROM jsonb_to_record(event) e (occurred_at timestamptz, kind text, outcome text, "user" uuid, actor uuid, subject uuid, actors uuid[],
                                   delegation uuid, tenant uuid, ip inet, user_agent text, detail jsonb);
    PERFORM bastion_internal.event_entry(event);
END
$$;
COMMENT ON FUNCTION bastion_internal.event_insert(jsonb) IS 'Adds a row to bastion.events, and event_entry().';

CREATE FUNCTION bastion_internal.log_refusal(address inet, message text) RETURNS void
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_log_refusal';
COMMENT ON FUNCTION bastion_internal.log_refusal(inet, text) IS
'Writes a line to the server log, at most 10 a minute for each address (/64 of IPv6); the next line says how many were left out.';

CREATE FUNCTION bastion_internal.event_of(kind text, outcome text, user_id uuid DEFAULT NULL, tenant_id uuid DEFAULT NULL,
                                          detail jsonb DEFAULT '{}')
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    identity jsonb := bastion.whoami();
    actor uuid := bastion_internal.event_actor(identity);
BEGIN
    RETURN jsonb_build_object('kind', kind, 'outcome', outcome, 'occurred_at', clock_timestamp(), 'user', user_id,
                              'actor', actor, 'tenant', tenant_id, 'ip', host(bastion.client_address()),
                              'user_agent', bastion_internal.request_user_agent(), 'detail', detail)
        || CASE WHEN identity ->> 'method' IN ('delegation', 'impersonation') THEN jsonb_build_object('subject', identity -> 'user') ELSE '{}' END
        || CASE WHEN identity ->> 'method' = 'delegation'
                THEN jsonb_build_object('actors', identity -> 'actors', 'delegation', identity -> 'delegation') ELSE '{}' END
        || CASE WHEN identity ->> 'user' IS NOT NULL AND (identity ->> 'tenant')::uuid IS DISTINCT FROM tenant_id THEN '{"elsewhere": true}' ELSE '{}'::jsonb END
        || jsonb_strip_nulls(jsonb_build_object(
               'unit', identity -> 'unit', 'session', identity -> 'session', 'api_key', identity -> 'api_key', 'method', identity -> 'method',
               'role', session_user, 'application', CASE WHEN identity -> 'user' IS NULL THEN current_setting('application_name') END));
END
$$;
COMMENT ON FUNCTION bastion_internal.event_of(text, text, uuid, uuid, jsonb) IS
'An event for event_insert(), with the time, the actor (by a delegation or impersonation also the user for whom, and the chain of actors), the credential, the role and the client of now. The actor comes from whoami(), which never raises.';

CREATE FUNCTION bastion_internal.record_event(kind text, outcome text, user_id uuid DEFAULT NULL, tenant_id uuid DEFAULT NULL,
                                     detail jsonb DEFAULT '{}')
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    event jsonb := bastion_internal.event_of(kind, outcome, user_id, tenant_id, detail);
BEGIN
    -- What was refused stays on record when its transaction rolls back.
    IF outcome = 'refused' THEN
        PERFORM bastion_internal.log_refusal((event ->> 'ip')::inet,
                                             'refused: ' || jsonb_strip_nulls(event - '{outcome,occurred_at,user_agent,unit,session,api_key,method,role,application,elsewhere}'::text[])::text);
        IF bastion_internal.queue_event('e', event::text, false) THEN
            RETURN;
        END IF;
    END IF;
    PERFORM bastion_internal.event_insert(event);
END
$$;
COMMENT ON FUNCTION bastion_internal.record_event(text, text, uuid, uuid, jsonb) IS
'Adds a row to bastion.events. The actor comes from whoami(), which never raises: a refused login is recorded even when the token is refused too.
A refusal is also a line of the server log (log_refusal()). When the library is preloaded, its row goes through the queue of events, shortly after, and stays when the transaction rolls back.';

CREATE FUNCTION bastion_internal.secret_call(statement text) RETURNS text
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_secret_call';
COMMENT ON FUNCTION bastion_internal.secret_call(text) IS
'The function, setting or token for which the server log leaves out a statement, bastion.redacted_names if that names one; NULL without.';

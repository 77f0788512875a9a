
-- Tenants, as their members see and change them. A user makes, lists, leaves and hands over tenants in person; names and settings need
-- tenant.update.

CREATE FUNCTION bastion_api.tenants() RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    owner uuid;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    owner := bastion.user_id();
    RETURN bastion_internal.answer((SELECT jsonb_build_object('tenants',
            coalesce(jsonb_agg(bastion_internal.tenant_object(t.id, owner) ORDER BY t.position), '[]'))
        FROM unnest(bastion_internal.login_tenants(owner)) WITH ORDINALITY AS t (id, position)));
END
$$;
COMMENT ON FUNCTION bastion_api.tenants() IS
'Lists the active tenants of the user of this transaction, by name: {"tenants": [{id, number, slug, name, role}]}. tenant_switch() takes a session into another one.
Refusals: unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25000 when the transaction has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.tenants()', 'application');

CREATE FUNCTION bastion_api.tenant_create(name text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    new_name text := btrim(tenant_create.name);
    owner uuid;
    new_tenant uuid;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('a new tenant');
    IF bastion_internal.setting('bastion.signup_mode') <> 'open' THEN
        RETURN bastion_internal.refusal('signup_closed', 'sign-up is closed');
    ELSIF bastion_internal.is_label(new_name) IS NOT TRUE THEN
        RETURN bastion_internal.refuse_tenant_name();
    END IF;
    owner := bastion.user_id();
    PERFORM bastion_internal.lock_user(owner);
    new_tenant := bastion_internal.tenant_create(new_name, owner);
    PERFORM bastion_internal.record_event('tenant_created', 'success', owner, new_tenant);
    RETURN bastion_internal.answer(jsonb_build_object('tenant', bastion_internal.tenant_object(new_tenant, owner)));
END
$$;
COMMENT ON FUNCTION bastion_api.tenant_create(text) IS
'Makes a tenant with a default team, whose owner is the user of this transaction. tenant_switch() takes the session into it.
Returns {"tenant": {id, number, slug, name, role}}; the slug is made from the name. Refusals: signup_closed (bastion.signup_mode), invalid_tenant_name, unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.tenant_create(text)', 'application');
SELECT bastion_internal.event_kind('tenant_created');

CREATE FUNCTION bastion_api.tenant_rename(name text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_tenant => true, permission => 'tenant.update');
    new_name text := btrim(tenant_rename.name);
    tenant uuid;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('a change of the tenant');
    IF bastion_internal.is_label(new_name) IS NOT TRUE THEN
        RETURN bastion_internal.refuse_tenant_name();
    END IF;
    tenant := bastion.tenant_id();
    UPDATE bastion.tenants t SET name = new_name WHERE t.id = tenant;
    PERFORM bastion_internal.record_event('tenant_changed', 'success', NULL, tenant, jsonb_build_object('name', new_name));
    RETURN bastion_internal.answer(jsonb_build_object('tenant', bastion_internal.tenant_object(tenant, bastion.user_id())));
END
$$;
COMMENT ON FUNCTION bastion_api.tenant_rename(text) IS
'Gives this tenant another name; its slug stays.
Returns {"tenant": {id, number, slug, name, role}}. Needs tenant.update in the whole tenant. Refusals: invalid_tenant_name, unauthenticated, invalid_token, insufficient_scope.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.tenant_rename(text)', 'application');
SELECT bastion_internal.event_kind('tenant_changed');

CREATE FUNCTION bastion_internal.tenant_settings_object(tenant_id uuid) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object(
        'access_lifetime', extract(epoch FROM s.access_lifetime)::integer, 'session_lifetime', extract(epoch FROM s.session_lifetime)::integer,
        'idle_limit', extract(epoch FROM s.idle_limit)::integer, 'reuse_window', extract(epoch FROM s.reuse_window)::integer,
        'password_min_length', t.password_min_length, 'mfa', t.mfa,
        'mfa_remember', extract(epoch FROM t.mfa_remember)::integer)
    FROM bastion.tenants t LEFT JOIN bastion.session_settings s ON s.tenant_id = t.id WHERE t.id = tenant_settings_object.tenant_id
$$;
COMMENT ON FUNCTION bastion_internal.tenant_settings_object(uuid) IS
'The settings of a tenant as JSON, times in seconds; null is the setting of the server.';

CREATE FUNCTION bastion_api.tenant_settings() RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN coalesce(bastion_internal.caller_refusal(in_tenant => true, permission => 'tenant.update'), bastion_internal.answer(
        jsonb_build_object('settings', bastion_internal.tenant_settings_object(bastion.tenant_id()))));
END
$$;
COMMENT ON FUNCTION bastion_api.tenant_settings() IS
'The settings of this tenant, null for the setting of the server: {"settings": {access_lifetime, session_lifetime, idle_limit, reuse_window, password_min_length, mfa, mfa_remember}}. The first four are in seconds, and bastion.session_settings_set() explains them; the fifth is the fewest characters of a new password of a member. mfa is off; required: then a session of level aal1 holds no permission in the tenant, but those on what belongs to the user; or phishing_resistant: then neither does a session of level aal2 without a passkey. The user adds a second factor or confirms with it (step_up()). API keys, which members with a second factor made, go on. mfa_remember, 1 hour to 90 days and only with mfa required, is how long a device that login_mfa() remembered stands in for a second factor; null for never. Such a session holds its permissions in this tenant, but for what step-up rules ask, and makes no API keys and changes no settings.
Needs tenant.update in the whole tenant. Refusals: unauthenticated, invalid_token, insufficient_scope, insufficient_user_authentication with acr_values and max_age where a step-up rule withholds it.
SQLSTATE 25000 when the transaction has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.tenant_settings()', 'application');

CREATE FUNCTION bastion_internal.settings_interval(settings jsonb, name text) RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT make_interval(secs => (settings ->> name)::integer) $$;
COMMENT ON FUNCTION bastion_internal.settings_interval(jsonb, text) IS 'A member of a JSON object that is a number of seconds, or null.';

CREATE FUNCTION bastion_api.tenant_settings_set(settings jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_tenant => true, permission => 'tenant.update');
    merged jsonb;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('a change of the tenant');
    IF bastion_internal.unknown_member(settings, 'access_lifetime', 'session_lifetime', 'idle_limit', 'reuse_window', 'password_min_length', 'mfa', 'mfa_remember')
       OR EXISTS (SELECT FROM jsonb_each(settings) s WHERE s.key <> 'mfa' AND s.value <> 'null' AND s.value::text !~ '^[0-9]{1,9}$')
       OR coalesce(settings -> 'mfa', 'null') NOT IN ('null', '"off"', '"required"', '"phishing_resistant"') THEN
        RETURN bastion_internal.refusal('invalid_request', 'the settings of a tenant are an object of whole numbers, and of mfa, which is off, required or phishing_resistant');
    END IF;
    -- A key needs no second factor, so it does not decide who does.
    IF settings ?| '{mfa,mfa_remember}' AND bastion.api_key_id() IS NOT NULL THEN
        RETURN bastion_internal.refusal('insufficient_scope', 'whether a second factor is required is no setting for an API key');
    END IF;
    -- Changes of members that are absent here wait. The next statement sees a second factor that was required meanwhile.
    PERFORM FROM bastion.tenants t WHERE t.id = bastion.tenant_id() FOR NO KEY UPDATE;
    refused := bastion_internal.mfa_refusal();
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    merged := bastion_internal.tenant_settings_object(bastion.tenant_id()) || settings;
    IF NOT settings ? 'mfa_remember' AND merged ->> 'mfa' IS DISTINCT FROM 'required' THEN
        merged := merged || '{"mfa_remember": null}';
    END IF;
    BEGIN
        PERFORM bastion.session_settings_set(
            bastion_internal.settings_interval(merged, 'access_lifetime'), bastion_internal.settings_interval(merged, 'session_lifetime'),
            bastion_internal.settings_interval(merged, 'idle_limit'), bastion_internal.settings_interval(merged, 'reuse_window'));
        UPDATE bastion.tenants t SET password_min_length = (merged ->> 'password_min_length')::integer, mfa = coalesce(merged ->> 'mfa', 'off'),
            mfa_remember = bastion_internal.settings_interval(merged, 'mfa_remember') WHERE t.id = bastion.tenant_id();
    EXCEPTION WHEN invalid_parameter_value OR check_violation THEN
        RETURN bastion_internal.refusal('invalid_request', 'access_lifetime lasts 10 seconds to 30 days, session_lifetime and idle_limit 10 seconds to 366 days, reuse_window up to 5 minutes; a password has at least 8 to 128 characters; mfa_remember lasts 1 hour to 90 days, where mfa is required');
    END;
    PERFORM bastion_internal.record_event('tenant_changed', 'success', NULL, bastion.tenant_id(), jsonb_build_object('settings', settings));
    RETURN bastion_internal.answer(jsonb_build_object('settings', bastion_internal.tenant_settings_object(bastion.tenant_id())));
END
$$;
COMMENT ON FUNCTION bastion_api.tenant_settings_set(jsonb) IS
'Changes the settings of this tenant: an object with members of tenant_settings(). A member that is absent stays as it is, null means the setting of the server, of mfa off, of mfa_remember never. mfa_remember ends with mfa.
Returns what tenant_settings() returns. Needs tenant.update in the whole tenant. Refusals: invalid_request for another member, no whole number, and out of range; unauthenticated, invalid_token, insufficient_scope, also for mfa and mfa_remember with an API key; insufficient_user_authentication as tenant_settings().
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.tenant_settings_set(jsonb)', 'application');

CREATE FUNCTION bastion_api.tenant_leave() RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true, in_tenant => true);
    leaving uuid;
    tenant uuid;
    left_tenant jsonb;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('leaving a tenant');
    -- The identity ends with the memberships: nothing reads it after that.
    leaving := bastion.user_id();
    tenant := bastion.tenant_id();
    left_tenant := bastion_internal.tenant_object(tenant, leaving);
    PERFORM bastion_internal.lock_user(leaving);
    BEGIN
        PERFORM bastion_internal.membership_end(leaving, tenant, p.unit_id)
        FROM (SELECT DISTINCT m.unit_id FROM bastion.memberships m WHERE m.user_id = leaving AND m.tenant_id = tenant) p;
    EXCEPTION WHEN check_violation THEN
        RETURN bastion_internal.refuse_last_owner();
    END;
    RETURN bastion_internal.answer(jsonb_build_object('left', left_tenant));
END
$$;
COMMENT ON FUNCTION bastion_api.tenant_leave() IS
'Ends all memberships of the user of this transaction in this tenant and its units, with grants and sessions.
Returns {"left": {id, number, slug, name, role}}: the tenant, with the role that the user had. Refusals: last_owner for the last owner, who calls tenant_transfer() first; unauthenticated, invalid_token, insufficient_scope with an API key, under impersonation and without a tenant.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.tenant_leave()', 'application');

CREATE FUNCTION bastion_internal.is_owner(user_id uuid, tenant_id uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM bastion.memberships m
                   WHERE m.user_id = is_owner.user_id AND m.tenant_id = is_owner.tenant_id AND bastion_internal.is_lasting_owner(m))
$$;
COMMENT ON FUNCTION bastion_internal.is_owner(uuid, uuid) IS 'Whether a user is an owner of a tenant, now and without an end.';

CREATE FUNCTION bastion_api.tenant_transfer(to_user text, role text DEFAULT 'admin') RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true, in_tenant => true);
    old_owner uuid;
    tenant uuid;
    new_owner uuid;
    explained text;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('a change of the tenant');
    old_owner := bastion.user_id();
    tenant := bastion.tenant_id();
    new_owner := bastion_internal.user_named(to_user);
    PERFORM FROM bastion.users u WHERE u.id IN (old_owner, new_owner) ORDER BY u.id FOR NO KEY UPDATE;
    IF NOT bastion_internal.is_owner(old_owner, tenant) THEN
        RETURN bastion_internal.refusal('insufficient_scope', 'an owner of the tenant may do this');
    END IF;
    -- From an owner whom a step-up rule keeps from seeing members, an address is not unknown.
    refused := bastion_internal.permission_refusal('{tenant.members.manage}', NULL);
    IF refused IS NOT NULL THEN
        RETURN refused;
    ELSIF new_owner = old_owner OR NOT EXISTS (SELECT FROM bastion.memberships_in_force m JOIN bastion.users u ON u.id = m.user_id AND u.status = 'active'
                                              WHERE m.user_id = new_owner AND m.tenant_id = tenant) THEN
        RETURN bastion_internal.refuse_unknown();
    END IF;
    PERFORM bastion.membership_set(new_owner, bastion_internal.owner_role()::text);
    PERFORM bastion.membership_set(old_owner, role);
    RETURN bastion_internal.answer(jsonb_build_object('tenant', bastion_internal.tenant_object(tenant, old_owner),
                                                      'owner', bastion_internal.user_object(new_owner)));
EXCEPTION WHEN SQLSTATE 'BA005' OR insufficient_privilege OR undefined_object THEN
    GET STACKED DIAGNOSTICS explained = PG_EXCEPTION_DETAIL;
    RETURN bastion_internal.refusal_of(SQLSTATE, explained);
END
$$;
COMMENT ON FUNCTION bastion_api.tenant_transfer(text, text) IS
'Makes another member (uuid, e-mail address or user name) an owner of this tenant. The user of this transaction gets another role instead: admin, or a name or uuid. Other owners stay.
Returns {"tenant": {id, number, slug, name, role}, "owner": {id, email, username, display_name}}. Refusals: unknown_object for a user who is no active member and for an unknown role; insufficient_scope for a user who is no owner or lacks a right of an owner, with an API key, under impersonation and without a tenant; insufficient_user_authentication with acr_values and max_age (RFC 9470); unauthenticated, invalid_token.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.tenant_transfer(text, text)', 'application');

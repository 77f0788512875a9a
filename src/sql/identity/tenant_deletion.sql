
-- The end of a tenant: a member who may delete it asks for it, an owner can cancel for 30 days, and then tenants_purge() deletes it. So
-- the code that the deletion of rows fires runs for an operator alone, and a stolen session destroys nothing.

CREATE FUNCTION bastion_api.tenant_delete(slug text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true, in_tenant => true, permission => 'tenant.delete');
    asking uuid;
    ending bastion.tenants;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('the deletion of a tenant');
    -- The identity ends with the tenant: nothing reads it after the update.
    asking := bastion.user_id();
    UPDATE bastion.tenants t SET status = 'deleting', delete_at = clock_timestamp() + interval '30 days'
    WHERE t.id = bastion.tenant_id() AND t.slug = tenant_delete.slug AND t.status = 'active' RETURNING * INTO ending;
    IF NOT FOUND THEN
        RETURN bastion_internal.refusal('invalid_request', 'the slug of this tenant confirms its deletion');
    END IF;
    PERFORM bastion_internal.record_event('tenant_deleting', 'success', asking, ending.id, jsonb_build_object('slug', ending.slug, 'delete_at', ending.delete_at));
    RETURN bastion_internal.answer(jsonb_build_object('delete_at', ending.delete_at));
END
$$;
COMMENT ON FUNCTION bastion_api.tenant_delete(text) IS
'Ends this tenant, confirmed by its slug: the sessions in it end, nobody works in it, and tenants_purge() deletes it after 30 days with everything in it. Until then tenant_delete_cancel() takes it back.
Returns {"delete_at": time}. Needs tenant.delete in the whole tenant, as its owners have it, and a session that meets the step-up rules for it. Refusals: invalid_request for another slug, insufficient_user_authentication with acr_values and max_age (RFC 9470), unauthenticated, invalid_token, insufficient_scope without the permission, with an API key, under impersonation and without a tenant.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.tenant_delete(text)', 'application');
SELECT bastion_internal.event_kind('tenant_deleting');

CREATE FUNCTION bastion_api.tenant_delete_cancel(tenant text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    owner uuid;
    kept uuid;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('the deletion of a tenant');
    owner := bastion.user_id();
    UPDATE bastion.tenants t SET status = 'active', delete_at = NULL
    WHERE t.id = bastion_internal.find_tenant(tenant) AND t.status = 'deleting' AND bastion_internal.is_owner(owner, t.id) RETURNING t.id INTO kept;
    IF NOT FOUND THEN
        RETURN bastion_internal.refuse_unknown();
    END IF;
    PERFORM bastion_internal.record_event('tenant_restored', 'success', owner, kept);
    RETURN bastion_internal.answer(jsonb_build_object('tenant', bastion_internal.tenant_object(kept, owner)));
END
$$;
COMMENT ON FUNCTION bastion_api.tenant_delete_cancel(text) IS
'Takes back tenant_delete() of a tenant (uuid or slug) of which the user of this transaction is an owner; its members log in next. An owner logs in without a tenant for this, or to another one.
Returns {"tenant": {id, number, slug, name, role}}. Refusals: unknown_object, the same for an unknown tenant, one that is not to be deleted, and one of which the user is no owner; unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.tenant_delete_cancel(text)', 'application');
SELECT bastion_internal.event_kind('tenant_restored');

CREATE FUNCTION bastion.tenants_purge() RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    due uuid;
    deleted bigint := 0;
BEGIN
    FOR due IN SELECT t.id FROM bastion.tenants t WHERE t.delete_at <= clock_timestamp() ORDER BY t.delete_at, t.id LOOP
        BEGIN
            PERFORM bastion_internal.quota_lock(due, false, true);
            -- An owner who cancels meanwhile was first.
            PERFORM FROM bastion.tenants t WHERE t.id = due AND t.delete_at <= clock_timestamp() FOR UPDATE;
            IF FOUND THEN
                PERFORM bastion.tenant_delete(due::text);
                deleted := deleted + 1;
            END IF;
        EXCEPTION WHEN foreign_key_violation OR object_in_use THEN
            RAISE WARNING 'could not delete tenant %', due USING DETAIL = SQLERRM;
        END;
    END LOOP;
    RETURN deleted;
END
$$;
COMMENT ON FUNCTION bastion.tenants_purge() IS
'Deletes the tenants whose deletion a member asked for 30 days ago, as tenant_delete() does; returns their number. One to whose rows other rows refer, and one with a guard over its data keys (data_key_guard_set()), is left with a warning.
For operators, to be called regularly, before users_purge(): EXECUTE is granted to nobody.
SQLSTATE 27000, 42501 and 55000 as tenant_delete().';

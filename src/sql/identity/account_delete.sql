
-- The end of an account: its user asks for it, can cancel for 30 days, and then users_purge() deletes it.

CREATE FUNCTION bastion_internal.is_last_owner(user_id uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owned uuid[] := ARRAY(SELECT m.tenant_id FROM bastion.memberships m
                          WHERE m.user_id = is_last_owner.user_id AND bastion_internal.is_lasting_owner(m));
BEGIN
    -- As in keep_last_owner(): of two owners who leave at the same time, one waits.
    PERFORM FROM bastion.tenants t WHERE t.id = ANY (owned) ORDER BY t.id FOR NO KEY UPDATE;
    UPDATE bastion.tenants t SET status = t.status WHERE t.id = ANY (owned);
    RETURN EXISTS (
        SELECT FROM unnest(owned) o (tenant_id)
        WHERE EXISTS (SELECT FROM bastion.tenants t WHERE t.id = o.tenant_id AND t.status <> 'deleting') AND NOT EXISTS (
            SELECT FROM bastion.memberships m JOIN bastion.users u ON u.id = m.user_id AND u.status = 'active'
            WHERE m.tenant_id = o.tenant_id AND m.user_id <> is_last_owner.user_id AND bastion_internal.is_lasting_owner(m)));
END
$$;
COMMENT ON FUNCTION bastion_internal.is_last_owner(uuid) IS
'Whether a tenant that is not to be deleted has no other active and lasting owner than this user. Locks the tenants of the user until the transaction ends.';

CREATE FUNCTION bastion_api.account_delete(password text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    account bastion.users;
    proof record;
    opened record;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('the deletion of an account');
    proof := bastion_internal.stale_person(account_delete.password);
    IF proof.refused IS NOT NULL THEN
        RETURN proof.refused;
    END IF;
    SELECT * INTO account FROM bastion.users u WHERE u.id = bastion.user_id();
    IF bastion_internal.is_last_owner(account.id) THEN
        RETURN bastion_internal.refuse_last_owner();
    END IF;
    refused := bastion_internal.held_caller_refusal();
    IF refused IS NOT NULL THEN
        RETURN refused;
    ELSIF proof.hash IS DISTINCT FROM (SELECT p.hash FROM bastion.user_passwords p WHERE p.user_id = account.id) THEN
        RETURN bastion_internal.refuse_proof(account.id);
    END IF;
    UPDATE bastion.users u SET status = 'deleting', delete_at = clock_timestamp() + interval '30 days'
    WHERE u.id = account.id RETURNING * INTO account;
    PERFORM bastion_internal.record_event('account_deleting', 'success', account.id);
    IF bastion_internal.has_outbox() AND account.email IS NOT NULL THEN
        opened := bastion_internal.one_time_open('delete_cancel', account.id, account.email, '30 days');
        PERFORM bastion_internal.mail_queue('delete_cancel', account.id, NULL, account.email, opened.id);
    END IF;
    RETURN bastion_internal.answer(jsonb_build_object('delete_at', account.delete_at));
END
$$;
COMMENT ON FUNCTION bastion_api.account_delete(text) IS
'Ends the account of the user of this transaction: its sessions end, it cannot log in, and users_purge() deletes it after 30 days. Until then account_delete_cancel() takes it back, with a token that is mailed if bastion.outbox is on.
Needs the password; a user without one has logged in within the last 10 minutes.
Returns {"delete_at": time}. Refusals: last_owner when a tenant would have no active owner, invalid_grant for a wrong password, unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation, temporarily_unavailable (bastion.max_concurrent_hashes), too_many_attempts as login().
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, 40001 when another owner left or another transaction changed the user at the same time, and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.account_delete(text)', 'application');
SELECT bastion_internal.event_kind('account_deleting');

CREATE FUNCTION bastion_api.account_delete_cancel(token text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_row bastion.one_time_tokens;
BEGIN
    PERFORM bastion_internal.require_writable('the deletion of an account');
    found_row := bastion_internal.one_time_find(account_delete_cancel.token, 'delete_cancel');
    PERFORM FROM bastion.users u
    WHERE u.id = found_row.user_id AND u.status = 'deleting' AND u.email = found_row.address FOR NO KEY UPDATE;
    IF NOT FOUND OR NOT bastion_internal.one_time_use(found_row) THEN
        RETURN bastion_internal.refuse_one_time(found_row.user_id, 'delete_cancel');
    END IF;
    UPDATE bastion.users u SET status = 'active', delete_at = NULL WHERE u.id = found_row.user_id;
    PERFORM bastion_internal.record_event('account_restored', 'success', found_row.user_id);
    RETURN bastion_internal.answer('{}');
END
$$;
COMMENT ON FUNCTION bastion_api.account_delete_cancel(text) IS
'Takes back account_delete() with the token that it mailed; the user logs in next.
Returns {}. Refusal: invalid_link, the same for an unknown, used or expired token, one for another purpose, and an account that is not to be deleted; recorded.
SQLSTATE 25006 in a READ ONLY transaction, 40001 when another transaction used the token and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.account_delete_cancel(text)', 'application');
SELECT bastion_internal.event_kind('account_restored');

CREATE FUNCTION bastion_internal.users_due() RETURNS TABLE (id uuid, anonymous boolean)
LANGUAGE sql VOLATILE PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT u.id, u.anonymous FROM bastion.users u
    WHERE u.delete_at <= clock_timestamp()
       OR (u.anonymous AND u.created_at < clock_timestamp() - interval '30 days' AND NOT EXISTS (
            SELECT FROM bastion.sessions s WHERE s.user_id = u.id
              AND (s.last_seen_at > clock_timestamp() - interval '30 days'
                   OR (s.revoked_at IS NULL AND bastion_internal.session_deadline(s) > clock_timestamp()))))
    ORDER BY u.delete_at, u.id
$$;
COMMENT ON FUNCTION bastion_internal.users_due() IS
'The users whom users_purge() deletes: those whose time has come, and anonymous ones whom no session lets in and none has let in for 30 days.';

CREATE FUNCTION bastion_internal.own_tenants(user_id uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT DISTINCT m.tenant_id FROM bastion.memberships m
    WHERE m.user_id = own_tenants.user_id
      AND NOT EXISTS (SELECT FROM bastion.memberships o WHERE o.tenant_id = m.tenant_id AND o.user_id <> own_tenants.user_id)
$$;
COMMENT ON FUNCTION bastion_internal.own_tenants(uuid) IS 'The tenants whose only member is this user.';

CREATE FUNCTION bastion.users_purge() RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    due record;
    deleted bigint := 0;
BEGIN
    FOR due IN SELECT d.id, d.anonymous FROM bastion_internal.users_due() d LOOP
        BEGIN
            -- A user who comes back meanwhile is not due any more, or waits for the lock of this and then is gone.
            PERFORM FROM bastion.users u WHERE u.id = due.id FOR UPDATE;
            IF EXISTS (SELECT FROM bastion_internal.users_due() d WHERE d.id = due.id AND d.anonymous = due.anonymous) THEN
                PERFORM bastion.tenant_delete(t::text) FROM bastion_internal.own_tenants(due.id) t WHERE due.anonymous;
                DELETE FROM bastion.users u WHERE u.id = due.id;
                deleted := deleted + 1;
                PERFORM bastion_internal.record_event('user_purged', 'success', due.id);
            END IF;
        EXCEPTION WHEN check_violation OR foreign_key_violation THEN
            -- The other owners of a tenant have left meanwhile, or a table of the application still refers to the user or tenant.
            RAISE WARNING 'could not delete user %', due.id USING DETAIL = SQLERRM;
        END;
    END LOOP;
    RETURN deleted;
END
$$;
COMMENT ON FUNCTION bastion.users_purge() IS
'Deletes accounts whose user asked for it 30 days ago, and sign-ups whose address was not verified within 7 days; returns their number. It deletes anonymous users whom no session lets in and none has let in for 30 days. Tenants in which nobody else is a member go with them: see tenant_delete().
A user who has become the last owner of a tenant, or to whom a table of the application refers, is left with a warning.
For operators, to be called regularly: EXECUTE is granted to nobody.
SQLSTATE 27000, 42501, 55000 and 55006 as tenant_delete().';
SELECT bastion_internal.event_kind('user_purged');

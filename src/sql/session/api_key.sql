
-- API keys. Users create, rotate and revoke their own; holders of tenant.api_keys.manage can list, disable and revoke them too. A
-- key acts for its user, so only that user ever sees one of its secrets.
--
-- Secrets appear in assignments only, which PL/pgSQL evaluates without a plan that auto_explain could log.

CREATE FUNCTION bastion_internal.api_key_make(key_id uuid, pepper integer, OUT key text, OUT mac bytea) RETURNS record
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_api_key_make';
COMMENT ON FUNCTION bastion_internal.api_key_make(uuid, integer) IS
'Makes a random secret of an API key: the text of the key, and the MAC to store. SQLSTATE BA001 without a root key, BA003 for an unknown pepper.';

CREATE FUNCTION bastion_internal.api_key_of(token text) RETURNS uuid
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_api_key_of';
COMMENT ON FUNCTION bastion_internal.api_key_of(text) IS
'The id of the API key with this text, also if it is revoked or expired; NULL for any other text. SQLSTATE BA001 without a root key.';

-- Best effort: it runs at commit, and code that other roles attached to the table must not be able to stop the commit.
CREATE FUNCTION bastion_internal.api_key_used(key_id uuid, used_at timestamptz, ip inet) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE bastion.api_keys k SET last_used_at = api_key_used.used_at, last_used_ip = api_key_used.ip
    WHERE k.id = (SELECT i.id FROM bastion.api_keys i
                  WHERE i.id = api_key_used.key_id
                    AND coalesce(i.last_used_at, '-infinity')
                        <= api_key_used.used_at - bastion_internal.setting_seconds('bastion.last_used_interval')
                  FOR NO KEY UPDATE SKIP LOCKED)
$$;
COMMENT ON FUNCTION bastion_internal.api_key_used(uuid, timestamptz, inet) IS
'Writes when and from where an API key was used, unless another transaction did so within bastion.last_used_interval before or is about to. When a transaction commits, the library calls it, or lets the background worker do so.';

-- Bookkeeping may get lost. It must not keep the events behind it waiting.
CREATE FUNCTION bastion_internal.api_key_use_write(use jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms'
AS $$
BEGIN
    PERFORM bastion_internal.api_key_used((use ->> 'key')::uuid, to_timestamp((use ->> 'used_at')::double precision), (use ->> 'ip')::inet);
EXCEPTION WHEN OTHERS THEN
    RAISE LOG 'could not record the use of API key %: %', use ->> 'key', SQLERRM USING ERRCODE = SQLSTATE;
END
$$;
COMMENT ON FUNCTION bastion_internal.api_key_use_write(jsonb) IS
'api_key_used() of a queued event. Errors go to the server log. The background worker calls it.';

CREATE FUNCTION bastion_internal.own_api_key(key_id uuid) RETURNS bastion.api_keys
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT k FROM bastion.api_keys k
    WHERE k.id = own_api_key.key_id AND k.user_id = bastion.user_id() AND k.tenant_id = bastion.tenant_id()
      AND k.revoked_at IS NULL FOR NO KEY UPDATE
$$;
COMMENT ON FUNCTION bastion_internal.own_api_key(uuid) IS
'Finds and locks an API key of the user in this tenant that is not revoked; else NULL.';

CREATE FUNCTION bastion_internal.api_key_object(key bastion.api_keys) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object(
        'id', key.id, 'name', key.name, 'user', bastion_internal.shown_user(key.user_id), 'unit', bastion_internal.unit_object(key.unit_id),
        'scopes', key.scopes, 'cidrs', key.cidrs::text[], 'limits', key.limits, 'expires_at', nullif(key.expires_at, 'infinity'),
        'disabled', key.disabled, 'created_at', key.created_at, 'created_by', CASE WHEN key.created_by IS NOT NULL THEN bastion_internal.shown_user(key.created_by) END,
        'last_used_at', key.last_used_at, 'last_used_ip', host(key.last_used_ip),
        'secrets', (SELECT coalesce(jsonb_agg(jsonb_build_object('created_at', s.created_at, 'expires_at', s.expires_at)
                                              ORDER BY s.created_at, s.id), '[]')
                    FROM bastion.api_key_secrets s
                    WHERE s.key_id = key.id AND coalesce(s.expires_at, 'infinity') > statement_timestamp()))
$$;
COMMENT ON FUNCTION bastion_internal.api_key_object(bastion.api_keys) IS 'An API key as JSON for front doors, without its secrets.';

CREATE FUNCTION bastion_internal.api_key_add_secret(key_id uuid) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    pepper integer := bastion_internal.pepper();
    made record;
    mac bytea;
BEGIN
    made := bastion_internal.api_key_make(key_id, pepper);
    mac := made.mac;
    INSERT INTO bastion.api_key_secrets (key_id, pepper, mac) VALUES (api_key_add_secret.key_id, pepper, mac);
    RETURN made.key;
END
$$;
COMMENT ON FUNCTION bastion_internal.api_key_add_secret(uuid) IS
'Adds a secret to an API key; returns the text of the key with this secret. SQLSTATE BA001 without a root key.';

CREATE FUNCTION bastion_internal.networks(cidrs text[]) RETURNS cidr[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    parsed cidr[] := ARRAY(SELECT DISTINCT bastion_internal.network_or_null(c) FROM unnest(cidrs) c ORDER BY 1);
BEGIN
    IF array_position(parsed, NULL) IS NOT NULL OR cardinality(cidrs) > 100 THEN
        RETURN NULL;
    END IF;
    RETURN parsed;
END
$$;
COMMENT ON FUNCTION bastion_internal.networks(text[]) IS
'Networks in the form that API keys store; NULL for malformed text and for more than 100.';

CREATE FUNCTION bastion_internal.check_scopes(scopes text[], holder text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    unknown text;
BEGIN
    IF coalesce(cardinality(scopes), 0) NOT BETWEEN 1 AND 100 OR array_ndims(scopes) <> 1 THEN
        RETURN bastion_internal.refusal('invalid_scope', holder || ' has 1 to 100 scopes');
    ELSIF EXISTS (SELECT FROM unnest(scopes) s WHERE bastion.is_permission_pattern(s) IS NOT TRUE) THEN
        RETURN bastion_internal.refusal('invalid_scope', 'a scope is a permission such as documents.read, or *, *.read or documents.*');
    END IF;
    SELECT s INTO unknown FROM unnest(scopes) s WHERE NOT bastion_internal.covers_permission(s) LIMIT 1;
    IF unknown IS NOT NULL THEN
        RETURN bastion_internal.refusal('invalid_scope',
            concat_ws('; ', 'a scope covers no permission', 'the nearest names are: ' || bastion_internal.nearest_permissions(unknown)));
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_scopes(text[], text) IS
'The refusal of scopes that are none; NULL if they are valid. holder names what has them.';

CREATE FUNCTION bastion_internal.check_api_key(name text, scopes text[], expires_at timestamptz, networks cidr[], limits jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion_internal.is_label(name) IS NOT TRUE THEN
        RETURN bastion_internal.refusal('invalid_request', 'the name of an API key has 1 to 200 printable characters');
    ELSIF expires_at <= clock_timestamp() THEN
        RETURN bastion_internal.refusal('invalid_request', 'expires_at must be in the future');
    ELSIF networks IS NULL THEN
        RETURN bastion_internal.refusal('invalid_request',
            'a network is an IPv4 or IPv6 address, alone or with the length of a prefix; an API key has at most 100');
    ELSIF limits IS NULL OR jsonb_typeof(limits) <> 'object' OR octet_length(limits::text) > 10000 THEN
        RETURN bastion_internal.refusal('invalid_request', 'limits must be a JSON object of at most 10000 bytes');
    ELSIF limits ? 'rate' AND bastion_internal.is_rate_object(limits -> 'rate') IS NOT TRUE THEN
        RETURN bastion_internal.refusal('invalid_request', 'the rate of an API key is {"per_second", "burst"}, as in rate_limit_set()');
    ELSIF limits ? 'concurrent' AND (limits -> 'concurrent' IN (SELECT to_jsonb(n) FROM generate_series(1, 64) n)) IS NOT TRUE THEN
        RETURN bastion_internal.refusal('invalid_request', 'the transactions of an API key at once are from 1 to 64');
    ELSIF limits ? 'cost' AND bastion_internal.is_cost_object(limits -> 'cost') IS NOT TRUE THEN
        RETURN bastion_internal.refusal('invalid_request', 'the cost of an API key is {"meter", "amount", "period"}, as in plan_limit_set()');
    END IF;
    RETURN bastion_internal.check_scopes(scopes, 'an API key');
END
$$;
COMMENT ON FUNCTION bastion_internal.check_api_key(text, text[], timestamptz, cidr[], jsonb) IS
'The refusal of an API key with these properties; NULL if they are valid.';

CREATE FUNCTION bastion_api.api_key_create(name text, scopes text[], expires_at timestamptz DEFAULT NULL,
                                           cidrs text[] DEFAULT '{}', unit text DEFAULT NULL, limits jsonb DEFAULT '{}')
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true, in_tenant => true);
    networks cidr[] := bastion_internal.networks(coalesce(cidrs, '{}'));
    owner uuid;
    tenant uuid;
    place uuid;
    new_key bastion.api_keys;
    key_text text;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('an API key');
    refused := bastion_internal.mfa_refusal();
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    owner := bastion.user_id();
    tenant := bastion.tenant_id();
    place := bastion_internal.find_unit(tenant, unit);
    refused := bastion_internal.check_api_key(name, scopes, expires_at, networks, limits);
    IF refused IS NOT NULL THEN
        RETURN refused;
    ELSIF unit IS NOT NULL AND place IS NULL THEN
        RETURN bastion_internal.refusal('invalid_request', 'the unit does not exist');
    END IF;
    -- The end of a membership waits for the key, or is seen here, in a statement of its own.
    PERFORM FROM bastion.users u WHERE u.id = owner FOR SHARE;
    IF (SELECT i.status FROM bastion_internal.resolve_identity(owner, tenant::text, place::text) i) <> 'ok' THEN
        RETURN bastion_internal.refusal('insufficient_scope', CASE WHEN place IS NULL THEN 'no membership in the tenant' ELSE 'no membership in the unit' END);
    END IF;
    INSERT INTO bastion.api_keys (user_id, tenant_id, unit_id, name, scopes, cidrs, limits, expires_at, created_by)
    SELECT owner, tenant, place, api_key_create.name, ARRAY(SELECT DISTINCT s FROM unnest(api_key_create.scopes) s ORDER BY s),
           networks, api_key_create.limits, api_key_create.expires_at, owner
    RETURNING * INTO new_key;
    key_text := bastion_internal.api_key_add_secret(new_key.id);
    PERFORM bastion_internal.record_event('api_key_created', 'success', owner, tenant,
        jsonb_build_object('api_key', new_key.id, 'name', new_key.name, 'scopes', new_key.scopes));
    RETURN bastion_internal.answer(bastion_internal.api_key_object(new_key) || jsonb_build_object('key', key_text));
END
$$;
COMMENT ON FUNCTION bastion_api.api_key_create(text, text[], timestamptz, text[], text, jsonb) IS
'Creates an API key that acts for the user of this transaction in this tenant.
scopes are permissions or patterns (documents.read, documents.*, *.read, *): the key may do what they cover and what the user may do at the time of use. It ends with the user''s place in the tenant, or in its unit. With unit (slug or uuid), the key reaches only rows in that unit and the units below it, even if its user reaches others. cidrs are the networks from which the key is accepted; none means all. limits says how often it may be used: {"rate": {"per_second", "burst"}, "concurrent": transactions at once, "cost": {"meter", "amount", "period"} of a quota}, each optional; other members are for the application.
Returns the key as api_keys() does, and its text as "key", which is shown only once.
Refusals: invalid_request for malformed arguments and an unknown unit, invalid_scope, insufficient_user_authentication with acr_values (RFC 9470) where the tenant requires a second factor and the session has none, unauthenticated, invalid_token, insufficient_scope without the user''s own login (with an API key or under impersonation), without a tenant or a membership in the unit.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.api_key_create(text, text[], timestamptz, text[], text, jsonb)', 'application');
SELECT bastion_internal.event_kind('api_key_created');

CREATE FUNCTION bastion_api.api_keys() RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_tenant => true);
    everybodys boolean;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    everybodys := bastion_internal.may_in('tenant.api_keys.manage', NULL);
    RETURN bastion_internal.answer((
        SELECT jsonb_build_object('api_keys', coalesce(jsonb_agg(bastion_internal.api_key_object(k) ORDER BY k.created_at, k.id), '[]'))
        FROM bastion.api_keys k
        WHERE k.tenant_id = bastion.tenant_id() AND k.revoked_at IS NULL
          AND (everybodys OR k.user_id = bastion_internal.session_owner())));
END
$$;
COMMENT ON FUNCTION bastion_api.api_keys() IS
'Lists the user''s own API keys in this tenant that are not revoked, with tenant.api_keys.manage those of every user: {"api_keys": [{id, name, user, unit, scopes, cidrs, limits, expires_at, disabled, created_at, created_by, last_used_at, last_used_ip, secrets: [{created_at, expires_at}]}]}. user and created_by are users as in login().
The address and names of another user are null without tenant.members.read or tenant.members.manage.
Refusals: unauthenticated, invalid_token, insufficient_scope without a tenant.
SQLSTATE 25000 when the transaction has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.api_keys()', 'application');

CREATE FUNCTION bastion_api.api_key_rotate(key uuid, overlap interval DEFAULT '24 hours') RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true, in_tenant => true);
    found_key bastion.api_keys;
    key_text text;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('an API key');
    found_key := bastion_internal.own_api_key(key);
    refused := bastion_internal.mfa_refusal();
    IF refused IS NOT NULL THEN
        RETURN refused;
    ELSIF found_key.id IS NULL THEN
        RETURN bastion_internal.refusal('unknown_api_key', 'the user has no such API key in this tenant');
    ELSIF overlap IS NULL OR NOT bastion_internal.lasts(overlap, '0', '90 days') THEN
        RETURN bastion_internal.refusal('invalid_request', 'old secrets stay good for up to 90 days');
    END IF;
    UPDATE bastion.api_key_secrets s SET expires_at = clock_timestamp() + overlap
    WHERE s.key_id = found_key.id AND coalesce(s.expires_at, 'infinity') > clock_timestamp() + overlap;
    -- An imported secret stays, so that another import does not bring it back.
    DELETE FROM bastion.api_key_secrets s WHERE s.key_id = found_key.id AND s.expires_at <= clock_timestamp() AND s.scheme IS NULL;
    IF (SELECT count(*) FROM bastion.api_key_secrets s WHERE s.key_id = found_key.id AND coalesce(s.expires_at, 'infinity') > clock_timestamp()) >= 5 THEN
        RETURN bastion_internal.refusal('too_many_secrets', 'five secrets of one API key are good at the same time at most; rotate with a shorter overlap');
    END IF;
    key_text := bastion_internal.api_key_add_secret(found_key.id);
    PERFORM bastion_internal.record_event('api_key_rotated', 'success', found_key.user_id, found_key.tenant_id,
                                 jsonb_build_object('api_key', found_key.id, 'overlap', overlap));
    RETURN bastion_internal.answer(bastion_internal.api_key_object(found_key) || jsonb_build_object('key', key_text));
END
$$;
COMMENT ON FUNCTION bastion_api.api_key_rotate(uuid, interval) IS
'Gives one of the user''s own API keys a new secret.
Earlier secrets stay valid for the overlap (up to 90 days). The key keeps its id, scopes and limits.
Returns what api_key_create() returns.
Refusals: invalid_request for an overlap out of range, too_many_secrets when five are valid already, unknown_api_key, insufficient_user_authentication as api_key_create(), unauthenticated, invalid_token, insufficient_scope without the user''s own login or a tenant.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.api_key_rotate(uuid, interval)', 'application');
SELECT bastion_internal.event_kind('api_key_rotated');

CREATE FUNCTION bastion_internal.managed_api_key(key_id uuid, OUT found_key bastion.api_keys, OUT refused jsonb) RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    refused := bastion_internal.caller_refusal(in_tenant => true);
    IF refused IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM bastion_internal.require_writable('an API key');
    SELECT * INTO found_key FROM bastion.api_keys k
    WHERE k.id = managed_api_key.key_id AND k.tenant_id = bastion.tenant_id() AND k.revoked_at IS NULL FOR NO KEY UPDATE;
    IF found_key.id IS NULL OR found_key.user_id IS DISTINCT FROM bastion_internal.session_owner() THEN
        refused := bastion_internal.caller_refusal(permission => 'tenant.api_keys.manage');
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.managed_api_key(uuid) IS
'Finds and locks an API key in this tenant that is not revoked and that the caller may end: the user''s own, or any with tenant.api_keys.manage; NULL for none. A caller who may not gets a refusal.';

CREATE FUNCTION bastion_api.api_key_revoke(key uuid) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    managed record := bastion_internal.managed_api_key(key);
BEGIN
    IF managed.refused IS NOT NULL THEN
        RETURN managed.refused;
    END IF;
    RETURN bastion_internal.answer(jsonb_build_object('revoked', bastion_internal.api_key_end(managed.found_key, NULL)));
END
$$;
COMMENT ON FUNCTION bastion_api.api_key_revoke(uuid) IS
'Ends an API key permanently: the user''s own, or any in this tenant with tenant.api_keys.manage. Every backend refuses the key from the next statement on.
Returns {"revoked": boolean}; false if there is no such key, or it had ended already.
Refusals: unauthenticated, invalid_token, insufficient_scope, insufficient_user_authentication with acr_values and max_age (RFC 9470).
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.api_key_revoke(uuid)', 'application');

CREATE FUNCTION bastion_internal.api_key_end(key bastion.api_keys, revoked_by text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE bastion.api_keys k SET revoked_at = clock_timestamp() WHERE k.id = key.id AND k.revoked_at IS NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM bastion_internal.record_event('api_key_revoked', 'success', key.user_id, key.tenant_id,
                                 jsonb_strip_nulls(jsonb_build_object('api_key', key.id, 'by', revoked_by)));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion_internal.api_key_end(bastion.api_keys, text) IS
'Revokes an API key and records it; false if it was revoked already or does not exist. Checks no permission.';
SELECT bastion_internal.event_kind('api_key_revoked');

CREATE FUNCTION bastion_api.api_key_disable(key uuid, disabled boolean DEFAULT true) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    managed record := bastion_internal.managed_api_key(key);
    found_key bastion.api_keys;
BEGIN
    IF managed.refused IS NOT NULL THEN
        RETURN managed.refused;
    ELSIF disabled IS NULL THEN
        RETURN bastion_internal.refusal('invalid_request', 'disabled is true or false');
    END IF;
    found_key := managed.found_key;
    UPDATE bastion.api_keys k SET disabled = api_key_disable.disabled
    WHERE k.id = found_key.id AND k.disabled <> api_key_disable.disabled;
    IF NOT FOUND THEN
        RETURN bastion_internal.answer('{"changed": false}');
    END IF;
    PERFORM bastion_internal.record_event('api_key_disabled', 'success', found_key.user_id, found_key.tenant_id,
                                 jsonb_build_object('api_key', found_key.id, 'disabled', disabled));
    RETURN bastion_internal.answer('{"changed": true}');
END
$$;
COMMENT ON FUNCTION bastion_api.api_key_disable(uuid, boolean) IS
'Disables an API key, or enables it again. Needs what api_key_revoke() needs.
Returns {"changed": boolean}; false if there is no such key, or it was so already.
Refusals: invalid_request for NULL, unauthenticated, invalid_token, insufficient_scope, insufficient_user_authentication with acr_values and max_age (RFC 9470).
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.api_key_disable(uuid, boolean)', 'application');
SELECT bastion_internal.event_kind('api_key_disabled');

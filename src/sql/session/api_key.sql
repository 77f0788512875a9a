
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
CREATE FUNCTION bastion_internal.api_key_used(key_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    reason text;
BEGIN
    UPDATE bastion.api_keys k SET last_used_at = clock_timestamp(), last_used_ip = bastion.client_address()
    WHERE k.id = (SELECT i.id FROM bastion.api_keys i
                  WHERE i.id = api_key_used.key_id
                    AND coalesce(i.last_used_at, '-infinity')
                        <= clock_timestamp() - bastion_internal.setting_seconds('bastion.last_used_interval')
                  FOR NO KEY UPDATE SKIP LOCKED);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS reason = PG_EXCEPTION_DETAIL;
    RAISE LOG 'could not record the use of API key %: %', key_id, concat_ws(': ', SQLERRM, nullif(reason, ''))
        USING ERRCODE = SQLSTATE;
END
$$;
COMMENT ON FUNCTION bastion_internal.api_key_used(uuid) IS
'Writes when an API key was used, unless another transaction did so within bastion.last_used_interval or is about to. Errors go to the server log. The library calls it when a transaction commits.';

CREATE FUNCTION bastion_internal.api_key_user() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_tenant();
    RETURN bastion_internal.require_person(NULL, true);
END
$$;
COMMENT ON FUNCTION bastion_internal.api_key_user() IS
'The user of this transaction, who may have API keys in its tenant. SQLSTATE 42501 without the user''s own login.';

CREATE FUNCTION bastion_internal.own_api_key(key_id uuid) RETURNS bastion.api_keys
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner uuid := bastion_internal.api_key_user();
    found_key bastion.api_keys;
BEGIN
    SELECT * INTO found_key FROM bastion.api_keys k
    WHERE k.id = own_api_key.key_id AND k.user_id = owner AND k.tenant_id = bastion.tenant_id()
      AND k.revoked_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'API key does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    RETURN found_key;
END
$$;
COMMENT ON FUNCTION bastion_internal.own_api_key(uuid) IS
'Finds and locks an API key of the user in this tenant that is not revoked. SQLSTATE 42704 otherwise.';

CREATE FUNCTION bastion_internal.api_key_object(key bastion.api_keys) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object(
        'id', key.id, 'name', key.name, 'user', bastion_internal.shown_user(key.user_id), 'unit', bastion_internal.unit_object(key.unit_id),
        'scopes', key.scopes, 'cidrs', key.cidrs::text[], 'limits', key.limits, 'expires_at', key.expires_at,
        'disabled', key.disabled, 'created_at', key.created_at, 'created_by', key.created_by,
        'last_used_at', key.last_used_at, 'last_used_ip', host(key.last_used_ip),
        'secrets', (SELECT jsonb_agg(jsonb_build_object('created_at', s.created_at, 'expires_at', s.expires_at) ORDER BY s.created_at, s.id)
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
        RAISE EXCEPTION 'invalid list of networks' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'A network is an IPv4 or IPv6 address, alone or with the length of a prefix: 10.0.0.0/8. There are at most 100.';
    END IF;
    RETURN parsed;
END
$$;
COMMENT ON FUNCTION bastion_internal.networks(text[]) IS
'Networks in the form that API keys store. SQLSTATE 22023 for malformed text.';

CREATE FUNCTION bastion_internal.require_api_key(name text, scopes text[], expires_at timestamptz, limits jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion_internal.is_label(name) IS NOT TRUE THEN
        RAISE EXCEPTION 'invalid API key name' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'A name has 1 to 200 printable characters.';
    ELSIF coalesce(cardinality(scopes), 0) NOT BETWEEN 1 AND 100 OR array_ndims(scopes) <> 1 THEN
        RAISE EXCEPTION 'an API key needs scopes' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'Scopes are 1 to 100 permissions, or patterns such as documents.* or *.read.';
    ELSIF expires_at <= clock_timestamp() THEN
        RAISE EXCEPTION 'expires_at must be in the future' USING ERRCODE = 'invalid_parameter_value';
    ELSIF limits IS NULL OR jsonb_typeof(limits) <> 'object' OR octet_length(limits::text) > 10000 THEN
        RAISE EXCEPTION 'limits must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM bastion_internal.require_pattern(s) FROM unnest(scopes) s;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_api_key(text, text[], timestamptz, jsonb) IS
'Raises SQLSTATE 22023 or 42704 for arguments that an API key cannot have.';

CREATE FUNCTION bastion_api.api_key_create(name text, scopes text[], expires_at timestamptz DEFAULT NULL,
                                           cidrs text[] DEFAULT '{}', unit text DEFAULT NULL, limits jsonb DEFAULT '{}')
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner uuid := bastion_internal.api_key_user();
    tenant uuid := bastion_internal.require_tenant();
    place uuid := bastion_internal.require_unit(tenant, unit);
    networks cidr[] := bastion_internal.networks(coalesce(cidrs, '{}'));
    new_key bastion.api_keys;
    key_text text;
BEGIN
    PERFORM bastion_internal.require_api_key(name, scopes, expires_at, limits);
    IF place IS NOT NULL AND (bastion_internal.resolve_identity(owner, tenant::text, place::text)).status <> 'ok' THEN
        RAISE EXCEPTION 'no membership in the unit' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO bastion.api_keys (user_id, tenant_id, unit_id, name, scopes, cidrs, limits, expires_at, created_by)
    SELECT owner, tenant, place, api_key_create.name, ARRAY(SELECT DISTINCT s FROM unnest(api_key_create.scopes) s ORDER BY s),
           networks, api_key_create.limits, api_key_create.expires_at, owner
    RETURNING * INTO new_key;
    key_text := bastion_internal.api_key_add_secret(new_key.id);
    PERFORM bastion_internal.record_event('api_key_created', 'success', owner, tenant,
        jsonb_build_object('api_key', new_key.id, 'name', new_key.name, 'scopes', new_key.scopes));
    RETURN bastion_internal.api_key_object(new_key) || jsonb_build_object('key', key_text);
END
$$;
COMMENT ON FUNCTION bastion_api.api_key_create(text, text[], timestamptz, text[], text, jsonb) IS
'Creates an API key that acts for the user of this transaction in this tenant.
scopes are permissions or patterns (documents.read, documents.*, *.read, *): the key may do what they cover and what the user may do at the time of use. With unit (slug or uuid), the key reaches only rows of the tenant in that unit and the units below it, even if its user reaches others. cidrs are the networks from which the key is accepted; none means all. limits is a JSON object that is stored with the key.
Returns the key as api_keys() does, and its text as "key", which is shown only once.
SQLSTATE 22023 for malformed arguments, 42704 for an unknown scope or unit, 42501 without the user''s own login (with an API key or under impersonation), BA001 without a root key, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion_api.api_key_create(text, text[], timestamptz, text[], text, jsonb)', 'application');
SELECT bastion_internal.event_kind('api_key_created');

CREATE FUNCTION bastion_api.api_keys() RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    everybodys boolean := bastion_internal.may_in('tenant.api_keys.manage', NULL);
BEGIN
    RETURN (SELECT coalesce(jsonb_agg(bastion_internal.api_key_object(k) ORDER BY k.created_at, k.id), '[]')
            FROM bastion.api_keys k
            WHERE k.tenant_id = tenant AND k.revoked_at IS NULL AND (everybodys OR k.user_id = bastion_internal.session_owner()));
END
$$;
COMMENT ON FUNCTION bastion_api.api_keys() IS
'Lists the user''s own API keys in this tenant that are not revoked, with tenant.api_keys.manage those of every user: [{id, name, user, unit, scopes, cidrs, limits, expires_at, disabled, created_at, created_by, last_used_at, last_used_ip, secrets: [{created_at, expires_at}]}].
The address and names of another user are null without tenant.members.read or tenant.members.manage.
SQLSTATE 42501 without a tenant, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion_api.api_keys()', 'application');

CREATE FUNCTION bastion_api.api_key_rotate(key uuid, overlap interval DEFAULT '24 hours') RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_key bastion.api_keys := bastion_internal.own_api_key(key);
    key_text text;
BEGIN
    IF overlap IS NULL OR overlap NOT BETWEEN '0' AND '90 days' THEN
        RAISE EXCEPTION 'overlap out of range' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'Old secrets stay good for up to 90 days.';
    END IF;
    UPDATE bastion.api_key_secrets s SET expires_at = clock_timestamp() + overlap
    WHERE s.key_id = found_key.id AND coalesce(s.expires_at, 'infinity') > clock_timestamp() + overlap;
    DELETE FROM bastion.api_key_secrets s WHERE s.key_id = found_key.id AND s.expires_at <= clock_timestamp();
    IF (SELECT count(*) FROM bastion.api_key_secrets s WHERE s.key_id = found_key.id) >= 5 THEN
        RAISE EXCEPTION 'too many secrets of one API key' USING ERRCODE = 'program_limit_exceeded',
            DETAIL = 'Five are good at the same time at most.', HINT = 'Rotate with a shorter overlap.';
    END IF;
    key_text := bastion_internal.api_key_add_secret(found_key.id);
    PERFORM bastion_internal.record_event('api_key_rotated', 'success', found_key.user_id, found_key.tenant_id,
                                 jsonb_build_object('api_key', found_key.id, 'overlap', overlap));
    RETURN bastion_internal.api_key_object(found_key) || jsonb_build_object('key', key_text);
END
$$;
COMMENT ON FUNCTION bastion_api.api_key_rotate(uuid, interval) IS
'Gives one of the user''s own API keys a new secret.
Earlier secrets stay valid for the overlap (up to 90 days). The key keeps its id, scopes and limits.
Returns what api_key_create() returns.
SQLSTATE 22023 for an overlap out of range, 54000 when five secrets are valid already, 42704 for an unknown key, 42501 without the user''s own login, BA001 without a root key, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion_api.api_key_rotate(uuid, interval)', 'application');
SELECT bastion_internal.event_kind('api_key_rotated');

CREATE FUNCTION bastion_internal.managed_api_key(key_id uuid) RETURNS bastion.api_keys
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    found_key bastion.api_keys;
BEGIN
    SELECT * INTO found_key FROM bastion.api_keys k
    WHERE k.id = managed_api_key.key_id AND k.tenant_id = tenant AND k.revoked_at IS NULL FOR NO KEY UPDATE;
    IF found_key.id IS NULL OR found_key.user_id IS DISTINCT FROM bastion_internal.session_owner() THEN
        PERFORM bastion_internal.require_permission('tenant.api_keys.manage', NULL);
    END IF;
    RETURN found_key;
END
$$;
COMMENT ON FUNCTION bastion_internal.managed_api_key(uuid) IS
'Finds and locks an API key in this tenant that is not revoked and that the caller may end: the user''s own, or any with tenant.api_keys.manage; NULL for none. SQLSTATE 42501.';

CREATE FUNCTION bastion_api.api_key_revoke(key uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_key bastion.api_keys := bastion_internal.managed_api_key(key);
BEGIN
    RETURN bastion_internal.api_key_end(found_key, NULL);
END
$$;
COMMENT ON FUNCTION bastion_api.api_key_revoke(uuid) IS
'Ends an API key permanently: the user''s own, or any in this tenant with tenant.api_keys.manage; false for none. Every backend refuses the key from the next statement on.
SQLSTATE 42501, 28000 when a token was presented and refused.';
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

CREATE FUNCTION bastion_api.api_key_disable(key uuid, disabled boolean DEFAULT true) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_key bastion.api_keys := bastion_internal.managed_api_key(key);
BEGIN
    IF disabled IS NULL THEN
        RAISE EXCEPTION 'disabled must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    UPDATE bastion.api_keys k SET disabled = api_key_disable.disabled
    WHERE k.id = found_key.id AND k.disabled <> api_key_disable.disabled;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM bastion_internal.record_event('api_key_disabled', 'success', found_key.user_id, found_key.tenant_id,
                                 jsonb_build_object('api_key', found_key.id, 'disabled', disabled));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion_api.api_key_disable(uuid, boolean) IS
'Disables an API key, or enables it again; false if nothing changed. Needs what api_key_revoke() needs. SQLSTATE 22004 for NULL, 42501, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion_api.api_key_disable(uuid, boolean)', 'application');
SELECT bastion_internal.event_kind('api_key_disabled');

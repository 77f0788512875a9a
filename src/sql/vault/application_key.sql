
-- Managed keys of applications: made, rotated, changed, deleted, exported and imported. In a tenant this needs tenant.keys.manage, and
-- for the export tenant.keys.export, held in the whole tenant. The functions that end in _for are for operators. Cryptography is in
-- application_key_fn.cpp; the functions in C are given a version of a key by tenant, place, algorithm and sealed value.

CREATE FUNCTION bastion_internal.application_key_make(tenant uuid, place text, algorithm text, bits integer, OUT public_jwk jsonb, OUT value bastion.sealed)
RETURNS record
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_application_key_make';
COMMENT ON FUNCTION bastion_internal.application_key_make(uuid, text, text, integer) IS
'Generates a key for an algorithm, sealed for its place; public_jwk is NULL for a symmetric key.
SQLSTATE 0A000 for an unknown algorithm, 22023 for bits of no RSA key, BA001 and BA002 without the right root key, BA003.';

CREATE FUNCTION bastion_internal.application_key_sign(tenant uuid, place text, algorithm text, value bastion.sealed, version integer, data bytea) RETURNS text
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'bastion_application_key_sign';
COMMENT ON FUNCTION bastion_internal.application_key_sign(uuid, text, text, bastion.sealed, integer, bytea) IS
'A signature or MAC of the data: v, the version, a dot and base64url. SQLSTATE 0A000 for an unknown algorithm, 22023 for a key of another use, BA001, BA002, BA003.';

CREATE FUNCTION bastion_internal.application_key_verify(tenant uuid, place text, algorithm text, value bastion.sealed, data bytea, signature text) RETURNS boolean
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'bastion_application_key_verify';
COMMENT ON FUNCTION bastion_internal.application_key_verify(uuid, text, text, bastion.sealed, bytea, text) IS
'Whether a signature or MAC, whose version is this one, is one of the data. SQLSTATE 0A000 for an unknown algorithm, 22023 for a key of another use, BA001, BA002, BA003.';

CREATE FUNCTION bastion_internal.wrapped_key_make(tenant uuid, place text, algorithm text, value bastion.sealed, version integer, bound_to text, bytes integer,
                                                  OUT plaintext bytea, OUT wrapped text)
RETURNS record
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_wrapped_key_make';
COMMENT ON FUNCTION bastion_internal.wrapped_key_make(uuid, text, text, bastion.sealed, integer, text, integer) IS
'A random data key, and the same wrapped under the key. SQLSTATE 0A000 for an unknown algorithm, 22023 for a key of another use or a size that is not from 16 to 64, BA001, BA002, BA003.';

CREATE FUNCTION bastion_internal.wrapped_key_unwrap(tenant uuid, place text, algorithm text, value bastion.sealed, bound_to text, wrapped text) RETURNS bytea
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_wrapped_key_unwrap';
COMMENT ON FUNCTION bastion_internal.wrapped_key_unwrap(uuid, text, text, bastion.sealed, text, text) IS
'The data key that wrapped_key_make() wrapped. SQLSTATE 0A000 for an unknown algorithm, 22023 for a key of another use, BA001, BA002, BA003.';

CREATE FUNCTION bastion_internal.application_key_export(tenant uuid, place text, algorithm text, value bastion.sealed, public_key text) RETURNS bytea
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_application_key_export';
COMMENT ON FUNCTION bastion_internal.application_key_export(uuid, text, text, bastion.sealed, text) IS
'The key, wrapped under an RSA public key: see key_export(). SQLSTATE 0A000 and 22023 for another public key, BA001, BA002, BA003.';

CREATE FUNCTION bastion_internal.application_key_import(tenant uuid, place text, algorithm text, value bastion.sealed, wrapped bytea, new_algorithm text, new_place text,
                                                        OUT public_jwk jsonb, OUT new_value bastion.sealed)
RETURNS record
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_application_key_import';
COMMENT ON FUNCTION bastion_internal.application_key_import(uuid, text, text, bastion.sealed, bytea, text, text) IS
'A key that was wrapped under the public half of this one, sealed for its new place. SQLSTATE 0A000 for an unknown algorithm, 22023 for what cannot be unwrapped, BA001, BA002, BA003.';

CREATE FUNCTION bastion_internal.public_key_pem(jwk jsonb) RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_public_key_pem';
COMMENT ON FUNCTION bastion_internal.public_key_pem(jsonb) IS
'The public half of a JSON Web Key as PEM (RFC 7468 section 13). SQLSTATE 22023 for what is no key pair, 54000 for JSON that is too long or nested too deeply.';

CREATE FUNCTION bastion_internal.application_key_place(key_id uuid, version integer) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT key_id || '/' || version $$;
COMMENT ON FUNCTION bastion_internal.application_key_place(uuid, integer) IS 'The text to which a version of a key is bound.';

CREATE FUNCTION bastion_internal.key_actions(algorithm text) RETURNS text[]
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_key_actions';
COMMENT ON FUNCTION bastion_internal.key_actions(text) IS
'The actions of a key of this algorithm: of two, the first makes and the second checks or opens; none of a key under which others are imported; NULL for an unknown algorithm.';

CREATE FUNCTION bastion_internal.application_key_find(tenant uuid, name text) RETURNS bastion.application_keys
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_key bastion.application_keys;
BEGIN
    SELECT * INTO found_key FROM bastion.application_keys k
    WHERE k.tenant_id IS NOT DISTINCT FROM application_key_find.tenant AND k.name = application_key_find.name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'key does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    RETURN found_key;
END
$$;
COMMENT ON FUNCTION bastion_internal.application_key_find(uuid, text) IS
'The key of this name, of a tenant or, with NULL, of the installation. SQLSTATE 42704.';

CREATE FUNCTION bastion_internal.application_key_require(key bastion.application_keys, action text) RETURNS bastion.application_keys
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF action IS NOT NULL AND action <> ALL (bastion_internal.key_actions(key.algorithm)) THEN
        RAISE EXCEPTION 'the key is not for this use' USING ERRCODE = 'wrong_object_type', DETAIL = format('It is one for %s.', key.algorithm);
    END IF;
    RETURN key;
END
$$;
COMMENT ON FUNCTION bastion_internal.application_key_require(bastion.application_keys, text) IS 'The key, if it is for this action; NULL: for any. SQLSTATE 42809.';

CREATE FUNCTION bastion_internal.application_key_of(tenant text, name text, action text DEFAULT NULL) RETURNS bastion.application_keys
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.application_key_require(bastion_internal.application_key_find(bastion_internal.require_tenant_or_null(tenant), name), action)
$$;
COMMENT ON FUNCTION bastion_internal.application_key_of(text, text, text) IS
'For operators: the key of this name of a tenant (uuid or slug) or, with NULL, of the installation, if it is for this action. SQLSTATE 42704, 42809.';

CREATE FUNCTION bastion_internal.application_key_managed(name text, permission text) RETURNS bastion.application_keys
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
BEGIN
    PERFORM bastion_internal.require_in_tenant(permission);
    RETURN bastion_internal.application_key_find(tenant, name);
END
$$;
COMMENT ON FUNCTION bastion_internal.application_key_managed(text, text) IS
'The key of this name in the tenant, for a caller who holds the permission in the whole tenant. SQLSTATE 42501, 42704.';

CREATE FUNCTION bastion_internal.application_key_check(name text, algorithm text, purpose text, rotate_every interval, exportable boolean) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    actions text[] := bastion_internal.key_actions(algorithm);
BEGIN
    IF bastion_internal.is_name(name) IS NOT TRUE THEN
        RAISE EXCEPTION 'invalid name of a key' USING ERRCODE = 'invalid_parameter_value', HINT = 'A name has at most 200 visible characters, in Unicode''s form NFC.';
    ELSIF actions IS NULL THEN
        RAISE EXCEPTION 'the algorithm is not supported' USING ERRCODE = 'feature_not_supported',
            HINT = 'Algorithms are EdDSA, ES256, ES384, ES512, RS256, RS384, RS512, PS256, PS384, PS512, HS256, HS384, HS512, XAES-256-GCM and RSA-OAEP-256.';
    ELSIF actions = '{}' THEN
        IF purpose IS NOT NULL OR rotate_every IS NOT NULL OR exportable THEN
            RAISE EXCEPTION 'a key for RSA-OAEP-256 has no purpose and no rotation, and is not exportable' USING ERRCODE = 'invalid_parameter_value',
                HINT = 'Other keys are imported under it, which needs tenant.keys.manage.';
        END IF;
    ELSIF bastion_internal.is_resource(purpose) IS NOT TRUE OR bastion_internal.is_reserved_resource(purpose) OR octet_length(purpose) > 100 THEN
        RAISE EXCEPTION 'invalid purpose' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'A purpose is a resource name of at most 100 bytes, such as invoices, whose first word is not tenant, platform, bastion or own.';
    ELSIF EXISTS (SELECT FROM unnest(actions) a WHERE NOT EXISTS (SELECT FROM bastion.permissions p WHERE p.name = purpose || '.' || a)) THEN
        RAISE EXCEPTION 'purpose is not registered' USING ERRCODE = 'invalid_parameter_value',
            HINT = format('SELECT bastion.resource_register(purpose, %L); makes the permissions to use the key.', actions);
    END IF;
    PERFORM bastion_internal.rotation_check(rotate_every);
END
$$;
COMMENT ON FUNCTION bastion_internal.application_key_check(text, text, text, interval, boolean) IS
'Checks the arguments of a new key. SQLSTATE 0A000 for an unknown algorithm, 22023.';

CREATE FUNCTION bastion_internal.application_key_event(kind text, key bastion.application_keys, details jsonb DEFAULT '{}') RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.record_event(kind, 'success', NULL, key.tenant_id,
        jsonb_build_object('key', 'application', 'id', key.id, 'name', key.name, 'version', key.version) || details)
$$;
COMMENT ON FUNCTION bastion_internal.application_key_event(text, bastion.application_keys, jsonb) IS 'Records an event of a key.';

CREATE FUNCTION bastion_internal.application_key_insert(tenant uuid, name text, algorithm text, purpose text, rotate_every interval, exportable boolean, bits integer)
RETURNS bastion.application_keys
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key bastion.application_keys;
BEGIN
    PERFORM bastion_internal.application_key_check(name, algorithm, purpose, rotate_every, exportable);
    PERFORM bastion_internal.data_key('bastion.keys', tenant);
    INSERT INTO bastion.application_keys AS k (tenant_id, name, algorithm, bits, purpose, rotate_every, rotated_at, exportable, created_by)
    VALUES (tenant, application_key_insert.name, application_key_insert.algorithm, application_key_insert.bits, application_key_insert.purpose,
            nullif(application_key_insert.rotate_every, '0'), clock_timestamp(), coalesce(application_key_insert.exportable, false), bastion.user_id())
    ON CONFLICT ON CONSTRAINT application_keys_tenant_id_name_key DO NOTHING RETURNING k.* INTO key;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'key "%" already exists', name USING ERRCODE = 'duplicate_object';
    END IF;
    RETURN key;
END
$$;
COMMENT ON FUNCTION bastion_internal.application_key_insert(uuid, text, text, text, interval, boolean, integer) IS
'Adds a key without a version. SQLSTATE 0A000, 22023, 42710, BA001.';

CREATE FUNCTION bastion_internal.application_key_version_make(key bastion.application_keys) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO bastion.application_key_versions (key_id, version, value, public_jwk, created_by)
    SELECT key.id, key.version, m.value, m.public_jwk, bastion.user_id()
    FROM bastion_internal.application_key_make(key.tenant_id, bastion_internal.application_key_place(key.id, key.version), key.algorithm, key.bits) m
$$;
COMMENT ON FUNCTION bastion_internal.application_key_version_make(bastion.application_keys) IS
'Generates the newest version of a key. SQLSTATE 22023, BA001, BA002, BA003.';

CREATE FUNCTION bastion_internal.application_key_renew(key bastion.application_keys) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.data_key('bastion.keys', key.tenant_id);
    UPDATE bastion.application_keys k SET version = k.version + 1, rotated_at = clock_timestamp() WHERE k.id = key.id RETURNING k.* INTO key;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'key does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    PERFORM bastion_internal.application_key_version_make(key);
    PERFORM bastion_internal.application_key_event('key_rotated', key);
    RETURN key.version;
END
$$;
COMMENT ON FUNCTION bastion_internal.application_key_renew(bastion.application_keys) IS
'Adds a version to a key; returns its number. SQLSTATE 42704 when the key was deleted meanwhile, BA001, BA002, BA003.';

CREATE FUNCTION bastion_internal.application_key_create(tenant uuid, name text, algorithm text, purpose text, rotate_every interval, exportable boolean, bits integer)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key bastion.application_keys := bastion_internal.application_key_insert(tenant, name, algorithm, purpose, rotate_every, exportable, bits);
BEGIN
    PERFORM bastion_internal.application_key_version_make(key);
    PERFORM bastion_internal.application_key_event('key_created', key, jsonb_build_object('algorithm', algorithm, 'exportable', key.exportable));
    RETURN key.version;
END
$$;
COMMENT ON FUNCTION bastion_internal.application_key_create(uuid, text, text, text, interval, boolean, integer) IS
'Creates a key and its first version. SQLSTATE 0A000, 22023, 42710, BA001, BA002, BA003.';

CREATE FUNCTION bastion_internal.application_key_change(key bastion.application_keys, rotate_every interval, min_version integer, deletable boolean) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.rotation_check(rotate_every);
    SELECT * INTO key FROM bastion.application_keys k WHERE k.id = key.id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'key does not exist' USING ERRCODE = 'undefined_object';
    ELSIF min_version NOT BETWEEN 1 AND key.version THEN
        RAISE EXCEPTION 'min_version must be from 1 to the newest version' USING ERRCODE = 'invalid_parameter_value';
    ELSIF rotate_every <> '0' AND bastion_internal.key_actions(key.algorithm) = '{}' THEN
        RAISE EXCEPTION 'a key for RSA-OAEP-256 has no rotation' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE bastion.application_keys k
    SET rotate_every = CASE WHEN application_key_change.rotate_every IS NULL THEN k.rotate_every ELSE nullif(application_key_change.rotate_every, '0') END,
        min_version = coalesce(application_key_change.min_version, k.min_version),
        deletable = coalesce(application_key_change.deletable, k.deletable)
    WHERE k.id = key.id RETURNING k.* INTO key;
    PERFORM bastion_internal.application_key_event('key_changed', key,
        jsonb_build_object('min_version', key.min_version, 'deletable', key.deletable, 'rotate_every', key.rotate_every));
END
$$;
COMMENT ON FUNCTION bastion_internal.application_key_change(bastion.application_keys, interval, integer, boolean) IS
'Changes a key; NULL changes nothing. SQLSTATE 22023, 42704.';
SELECT bastion_internal.event_kind('key_changed');

CREATE FUNCTION bastion_internal.application_key_remove(key bastion.application_keys) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- The row as it is now: a concurrent key_update() may have taken the mark away.
    DELETE FROM bastion.application_keys k WHERE k.id = key.id AND k.deletable;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'key is not marked as deletable' USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = 'What it signed cannot be verified without it, and what it wrapped can never be unwrapped.',
            HINT = 'Mark it first with bastion.key_update(name, deletable => true).';
    END IF;
    PERFORM bastion_internal.application_key_event('key_deleted', key);
END
$$;
COMMENT ON FUNCTION bastion_internal.application_key_remove(bastion.application_keys) IS
'Deletes a key that was marked as deletable. SQLSTATE 55000.';
SELECT bastion_internal.event_kind('key_deleted');

CREATE FUNCTION bastion.key_create(name text, algorithm text, purpose text DEFAULT NULL, rotate_every interval DEFAULT NULL, exportable boolean DEFAULT false,
                                   bits integer DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.keys.manage');
    RETURN bastion_internal.application_key_create(tenant, name, algorithm, purpose, rotate_every, exportable, bits);
END
$$;
COMMENT ON FUNCTION bastion.key_create(text, text, text, interval, boolean, integer) IS
'Creates a managed key of the tenant; returns its version, 1.
algorithm is one of JWS: EdDSA (Ed25519), ES256, ES384, ES512, RS256 to PS512 to sign, HS256, HS384, HS512 to authenticate (HMAC); XAES-256-GCM to wrap data keys; or RSA-OAEP-256, under which other keys are imported. purpose is a resource registered with the actions of the key: sign and verify, mac and verify, or wrap and unwrap; RSA-OAEP-256 has none. rotate_every, from 1 hour, makes another version at the first use after that time. Only a key created with exportable can ever be exported. bits is for RSA, 2048 to 4096.
It needs tenant.keys.manage in the whole tenant. The private half is sealed, as secrets are, and never leaves except by key_export().
SQLSTATE 0A000 for another algorithm, 22023 for invalid arguments or a purpose that is not registered, 25006 in a READ ONLY transaction, 28000 for a refused token, 42501 without a tenant or the permission, 42710 for a name that exists, BA001 and BA002 without the right root key, BA003 when the tenant''s keys are disabled.';
SELECT bastion_internal.callable_by('bastion.key_create(text, text, text, interval, boolean, integer)', 'application');

CREATE FUNCTION bastion.key_rotate(name text) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.application_key_renew(bastion_internal.application_key_managed(name, 'tenant.keys.manage'));
END
$$;
COMMENT ON FUNCTION bastion.key_rotate(text) IS
'Adds a version to a key, which signs, authenticates and wraps from the next transaction on; returns its number.
Earlier versions still verify and unwrap, down to the min_version of the key. It needs tenant.keys.manage in the whole tenant.
SQLSTATE 25006 in a READ ONLY transaction, 28000 for a refused token, 42501 without a tenant or the permission, 42704 for an unknown key, BA001 and BA002 without the right root key, BA003 when the tenant''s keys are disabled.';
SELECT bastion_internal.callable_by('bastion.key_rotate(text)', 'application');

CREATE FUNCTION bastion.key_update(name text, rotate_every interval DEFAULT NULL, min_version integer DEFAULT NULL, deletable boolean DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.application_key_change(bastion_internal.application_key_managed(name, 'tenant.keys.manage'), rotate_every, min_version, deletable);
END
$$;
COMMENT ON FUNCTION bastion.key_update(text, interval, integer, boolean) IS
'Changes a key: rotate_every (0: never), min_version, the oldest version that verifies and unwraps, and deletable, without which key_delete() refuses; NULL changes nothing.
It needs tenant.keys.manage in the whole tenant.
SQLSTATE 22023 for invalid arguments, 25006 in a READ ONLY transaction, 28000, 42501, 42704 as key_rotate().';
SELECT bastion_internal.callable_by('bastion.key_update(text, interval, integer, boolean)', 'application');

CREATE FUNCTION bastion.key_delete(name text) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.application_key_remove(bastion_internal.application_key_managed(name, 'tenant.keys.manage'));
END
$$;
COMMENT ON FUNCTION bastion.key_delete(text) IS
'Deletes a key with all its versions. It must be marked before: key_update(name, deletable => true).
What it signed can no longer be verified here, and what it wrapped can never be unwrapped. Backups and WAL keep the sealed key. It needs tenant.keys.manage in the whole tenant.
SQLSTATE 25006 in a READ ONLY transaction, 28000, 42501, 42704 as key_rotate(), 55000 for a key that is not marked.';
SELECT bastion_internal.callable_by('bastion.key_delete(text)', 'application');

CREATE FUNCTION bastion.key_list() RETURNS TABLE (
    name text, algorithm text, purpose text, version integer, min_version integer, rotate_every interval, rotated_at timestamptz, exportable boolean,
    deletable boolean, created_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT k.name, k.algorithm, k.purpose, k.version, k.min_version, k.rotate_every, k.rotated_at, k.exportable, k.deletable, k.created_at
    FROM bastion.application_keys k WHERE k.tenant_id = bastion.tenant_if_allowed('tenant.keys.read') ORDER BY k.name
$$;
COMMENT ON FUNCTION bastion.key_list() IS
'Lists the managed keys of the tenant, for callers with tenant.keys.read in the whole tenant; never a key itself.
SQLSTATE 28000 for a refused token.';
SELECT bastion_internal.callable_by('bastion.key_list()', 'application');

-- For operators: EXECUTE is granted to nobody.

CREATE FUNCTION bastion.key_create_for(tenant text, name text, algorithm text, purpose text DEFAULT NULL, rotate_every interval DEFAULT NULL,
                                       exportable boolean DEFAULT false, bits integer DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.application_key_create(bastion_internal.require_tenant_or_null(tenant), name, algorithm, purpose, rotate_every, exportable, bits);
END
$$;
COMMENT ON FUNCTION bastion.key_create_for(text, text, text, text, interval, boolean, integer) IS
'key_create() for a tenant (uuid or slug); NULL means the installation itself, whose keys no context can use.
For operators: EXECUTE is granted to nobody.
SQLSTATE 0A000, 22023, 25006, 42704 for an unknown tenant, 42710, BA001, BA002, BA003.';

CREATE FUNCTION bastion.key_rotate_for(tenant text, name text) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.application_key_renew(bastion_internal.application_key_of(tenant, name));
END
$$;
COMMENT ON FUNCTION bastion.key_rotate_for(text, text) IS
'key_rotate() for a tenant (uuid or slug; NULL: the installation itself).
For operators: EXECUTE is granted to nobody.
SQLSTATE 25006, 42704, BA001, BA002, BA003.';

CREATE FUNCTION bastion.key_update_for(tenant text, name text, rotate_every interval DEFAULT NULL, min_version integer DEFAULT NULL, deletable boolean DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.application_key_change(bastion_internal.application_key_of(tenant, name), rotate_every, min_version, deletable);
END
$$;
COMMENT ON FUNCTION bastion.key_update_for(text, text, interval, integer, boolean) IS
'key_update() for a tenant (uuid or slug; NULL: the installation itself).
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023, 25006, 42704.';

CREATE FUNCTION bastion.key_delete_for(tenant text, name text) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.application_key_remove(bastion_internal.application_key_of(tenant, name));
END
$$;
COMMENT ON FUNCTION bastion.key_delete_for(text, text) IS
'key_delete() for a tenant (uuid or slug; NULL: the installation itself).
For operators: EXECUTE is granted to nobody.
SQLSTATE 25006, 42704, 55000.';


-- Use of managed keys: signatures, MACs, wrapped data keys, public halves, transport. Each needs a permission of the key's purpose, held
-- in the whole tenant, because the key is the tenant's. Uses are not recorded, except an export, and an opening where purpose_update()
-- asks for it.
-- The newest version makes, if its transaction is over: what a transaction signs with a version that it made itself could never be
-- verified after a rollback. A rotation that is due happens at such a use, where it can neither wait nor fail.

CREATE FUNCTION bastion_internal.application_key_version_use(key bastion.application_keys) RETURNS bastion.application_key_versions
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    due bastion.application_keys;
    newest bastion.application_key_versions;
BEGIN
    IF key.rotated_at + key.rotate_every <= clock_timestamp() AND current_setting('transaction_isolation') = 'read committed'
       AND NOT current_setting('transaction_read_only')::boolean THEN
        SELECT * INTO due FROM bastion.application_keys k
        WHERE k.id = key.id AND k.rotated_at + k.rotate_every <= clock_timestamp() FOR UPDATE SKIP LOCKED;
        IF FOUND THEN
            PERFORM bastion_internal.application_key_renew(due);
        END IF;
    END IF;
    SELECT * INTO newest FROM bastion.application_key_versions v WHERE v.key_id = key.id AND v.version >= key.min_version
    ORDER BY v.created_in IS DISTINCT FROM pg_current_xact_id_if_assigned() DESC, v.version DESC LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'key does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    RETURN newest;
END
$$;
COMMENT ON FUNCTION bastion_internal.application_key_version_use(bastion.application_keys) IS
'The version of a key that now signs and wraps. Rotates the key first when that is due, in a READ COMMITTED transaction that may write. SQLSTATE 42704 when the key was deleted meanwhile.';

CREATE FUNCTION bastion_internal.application_key_version_of(key bastion.application_keys, made text) RETURNS bastion.application_key_versions
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT v.* FROM bastion.application_key_versions v
    WHERE v.key_id = key.id AND v.version >= key.min_version AND v.version = substring(made COLLATE "C" FROM '^v([1-9][0-9]{0,8})[.]')::integer
$$;
COMMENT ON FUNCTION bastion_internal.application_key_version_of(bastion.application_keys, text) IS
'The version that made a signature, a MAC or a wrapped key, from its text; NULL for one that does not exist, or is older than the key''s min_version.';

CREATE FUNCTION bastion_internal.application_key_usable(name text, permission text, action text) RETURNS bastion.application_keys
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    key bastion.application_keys;
BEGIN
    SELECT * INTO key FROM bastion.application_keys k WHERE k.tenant_id = tenant AND k.name = application_key_usable.name;
    IF key.id IS NOT NULL AND bastion.tenant_if_allowed(coalesce(key.purpose || '.' || permission, 'tenant.keys.manage')) IS NOT NULL THEN
        RETURN bastion_internal.application_key_require(key, action);
    ELSIF bastion.tenant_if_allowed('tenant.keys.read') IS NULL THEN
        -- Who may not see the keys does not learn which names exist.
        RAISE EXCEPTION 'permission denied for the key' USING ERRCODE = 'insufficient_privilege',
            DETAIL = format('The tenant has no key of this name, or the user lacks "%s" for its purpose in the whole tenant.', permission);
    ELSIF key.id IS NULL THEN
        PERFORM bastion_internal.application_key_find(tenant, name);
    END IF;
    PERFORM bastion_internal.require_in_tenant(coalesce(key.purpose || '.' || permission, 'tenant.keys.manage'));
    RETURN bastion_internal.application_key_require(key, action);
END
$$;
COMMENT ON FUNCTION bastion_internal.application_key_usable(text, text, text) IS
'The key of this name in the tenant, if it is for this action, for a caller who holds the permission of its purpose in the whole tenant. SQLSTATE 42501, also for an unknown name unless the caller holds tenant.keys.read, and then 42704; 42809.';

-- The same for the tenant of the context and for operators: they are given the key, whose use is permitted.

CREATE FUNCTION bastion_internal.application_key_make_signature(key bastion.application_keys, data bytea) RETURNS text
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.application_key_sign(key.tenant_id, bastion_internal.application_key_place(v.key_id, v.version), key.algorithm, v.value, v.version, data)
    FROM bastion_internal.application_key_version_use(key) v
$$;
COMMENT ON FUNCTION bastion_internal.application_key_make_signature(bastion.application_keys, bytea) IS
'A signature or MAC by the newest version of a key. SQLSTATE 42704, BA001, BA002, BA003.';

CREATE FUNCTION bastion_internal.application_key_check_signature(key bastion.application_keys, data bytea, signature text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((
        SELECT bastion_internal.application_key_verify(key.tenant_id, bastion_internal.application_key_place(v.key_id, v.version), key.algorithm, v.value, data, signature)
        FROM bastion_internal.application_key_version_of(key, signature) v WHERE v.key_id IS NOT NULL), false)
$$;
COMMENT ON FUNCTION bastion_internal.application_key_check_signature(bastion.application_keys, bytea, text) IS
'Whether a signature or MAC is one of the data by a version of the key that verifies. SQLSTATE BA001, BA002, BA003.';

CREATE FUNCTION bastion_internal.application_key_make_wrapped(key bastion.application_keys, bound_to text, bytes integer, OUT plaintext bytea, OUT wrapped text)
RETURNS record
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT w.plaintext, w.wrapped
    FROM bastion_internal.application_key_version_use(key) v,
         LATERAL bastion_internal.wrapped_key_make(key.tenant_id, bastion_internal.application_key_place(v.key_id, v.version), key.algorithm, v.value, v.version,
                                                   bound_to, coalesce(bytes, 32)) w
$$;
COMMENT ON FUNCTION bastion_internal.application_key_make_wrapped(bastion.application_keys, text, integer) IS
'A data key and its wrapped form, by the newest version of a key. SQLSTATE 22023, 42704, BA001, BA002, BA003.';

CREATE FUNCTION bastion_internal.application_key_open_wrapped(key bastion.application_keys, wrapped text, bound_to text) RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    version bastion.application_key_versions := bastion_internal.application_key_version_of(key, wrapped);
    plaintext bytea;
BEGIN
    IF version.key_id IS NULL AND wrapped IS NOT NULL THEN
        RAISE EXCEPTION 'sealed value cannot be opened' USING ERRCODE = 'BA003';
    END IF;
    plaintext := bastion_internal.wrapped_key_unwrap(key.tenant_id, bastion_internal.application_key_place(version.key_id, version.version), key.algorithm,
                                                     version.value, bound_to, wrapped);
    IF plaintext IS NOT NULL AND EXISTS (SELECT FROM bastion.purposes p WHERE p.purpose = key.purpose AND p.record) THEN
        PERFORM bastion_internal.opening_record(key.tenant_id, key.purpose, bound_to, key.name);
    END IF;
    RETURN plaintext;
END
$$;
COMMENT ON FUNCTION bastion_internal.application_key_open_wrapped(bastion.application_keys, text, text) IS
'The data key behind its wrapped form. SQLSTATE BA001, BA002, BA003.';

CREATE FUNCTION bastion_internal.application_key_public(key bastion.application_keys) RETURNS TABLE (version integer, jwk jsonb, pem text, created_at timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 2
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion_internal.key_actions(key.algorithm) && '{mac,wrap}' THEN
        RAISE EXCEPTION 'the key has no public half' USING ERRCODE = 'wrong_object_type', DETAIL = format('It is one for %s.', key.algorithm);
    END IF;
    RETURN QUERY
    SELECT v.version, v.public_jwk, bastion_internal.public_key_pem(v.public_jwk), v.created_at
    FROM bastion.application_key_versions v WHERE v.key_id = key.id AND v.version >= key.min_version ORDER BY v.version DESC;
END
$$;
COMMENT ON FUNCTION bastion_internal.application_key_public(bastion.application_keys) IS
'The public halves of the versions of a key that verify. SQLSTATE 42809 for a symmetric key.';

CREATE FUNCTION bastion.key_sign(name text, data bytea) RETURNS text
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.application_key_make_signature(bastion_internal.application_key_usable(name, 'sign', 'sign'), data);
END
$$;
COMMENT ON FUNCTION bastion.key_sign(text, bytea) IS
'Signs the data with the newest version of a key of the tenant: v, the number of the version, a dot and the signature in base64url.
The signature is that of RFC 7518 section 3.3 to 3.5 and RFC 8037 over the bytes themselves; of ECDSA it is r and s. It needs <purpose>.sign in the whole tenant. If rotate_every of the key has passed, another version is made, in a READ COMMITTED transaction that may write; signatures are made with it from the next transaction on. Uses are not recorded. NULL gives NULL.
SQLSTATE 28000 for a refused token, 42501 without a tenant or the permission, 42704 for an unknown key, but 42501 without tenant.keys.read, 42809 for a key that does not sign, BA001 and BA002 without the right root key, BA003 when the key cannot be opened.';
SELECT bastion_internal.callable_by('bastion.key_sign(text, bytea)', 'application');

CREATE FUNCTION bastion.key_verify(name text, data bytea, signature text) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.application_key_check_signature(bastion_internal.application_key_usable(name, 'verify', 'sign'), data, signature);
END
$$;
COMMENT ON FUNCTION bastion.key_verify(text, bytea, text) IS
'Whether key_sign() made the signature of these data, with a version of the key that is not older than its min_version. Malformed text gives false, NULL gives NULL.
It needs <purpose>.verify in the whole tenant.
SQLSTATE 28000, 42501, 42704 as key_sign(), 42809 for a key that does not sign, BA001, BA002, BA003.';
SELECT bastion_internal.callable_by('bastion.key_verify(text, bytea, text)', 'application');

CREATE FUNCTION bastion.key_mac(name text, data bytea) RETURNS text
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.application_key_make_signature(bastion_internal.application_key_usable(name, 'mac', 'mac'), data);
END
$$;
COMMENT ON FUNCTION bastion.key_mac(text, bytea) IS
'Makes an HMAC (RFC 2104) of the data with the newest version of a key of the tenant, in the form of key_sign(). NULL gives NULL.
It needs <purpose>.mac in the whole tenant.
SQLSTATE 28000, 42501, 42704 as key_sign(), 42809 for a key that makes no MAC, BA001, BA002, BA003.';
SELECT bastion_internal.callable_by('bastion.key_mac(text, bytea)', 'application');

CREATE FUNCTION bastion.key_mac_verify(name text, data bytea, mac text) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.application_key_check_signature(bastion_internal.application_key_usable(name, 'verify', 'mac'), data, mac);
END
$$;
COMMENT ON FUNCTION bastion.key_mac_verify(text, bytea, text) IS
'Whether key_mac() made this code of these data, as key_verify(); compared in constant time.
It needs <purpose>.verify in the whole tenant.
SQLSTATE 28000, 42501, 42704 as key_sign(), 42809 for a key that makes no MAC, BA001, BA002, BA003.';
SELECT bastion_internal.callable_by('bastion.key_mac_verify(text, bytea, text)', 'application');

CREATE FUNCTION bastion.key_public(name text) RETURNS TABLE (version integer, jwk jsonb, pem text, created_at timestamptz)
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER ROWS 2
SET search_path = pg_catalog, pg_temp
AS $$ SELECT * FROM bastion_internal.application_key_public(bastion_internal.application_key_usable(name, 'verify', NULL)) $$;
COMMENT ON FUNCTION bastion.key_public(text) IS
'Lists the public halves of a key''s versions, newest first, for verifiers outside the database: as a JSON Web Key (RFC 7517) and as PEM. Versions older than min_version are left out.
It needs <purpose>.verify in the whole tenant, and for a key of RSA-OAEP-256 tenant.keys.manage.
SQLSTATE 28000, 42501, 42704 as key_sign(), 42809 for a key without a public half.';
SELECT bastion_internal.callable_by('bastion.key_public(text)', 'application');

CREATE FUNCTION bastion.wrapped_key_create(name text, bound_to text DEFAULT NULL, bytes integer DEFAULT 32, OUT plaintext bytea, OUT wrapped text)
RETURNS record
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT w.plaintext, w.wrapped INTO plaintext, wrapped
    FROM bastion_internal.application_key_make_wrapped(
        bastion_internal.application_key_usable(name, 'wrap', 'wrap'), bound_to, bytes) w;
END
$$;
COMMENT ON FUNCTION bastion.wrapped_key_create(text, text, integer) IS
'Makes a random data key for a client that encrypts itself: once in plain, and wrapped, to be stored beside what it encrypts.
It is wrapped under the newest version of a key of the tenant (XAES-256-GCM with key commitment). The database keeps neither.
bound_to, if given, must be given again to open it. bytes is its size, from 16 to 64. It needs <purpose>.wrap in the whole tenant.
SQLSTATE 22023 for another size, 28000, 42501, 42704 as key_sign(), 42809 for a key that does not wrap, BA001, BA002, BA003.';
SELECT bastion_internal.callable_by('bastion.wrapped_key_create(text, text, integer)', 'application');

CREATE FUNCTION bastion.wrapped_key_open(name text, wrapped text, bound_to text DEFAULT NULL) RETURNS bytea
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.application_key_open_wrapped(bastion_internal.application_key_usable(name, 'unwrap', 'unwrap'), wrapped, bound_to);
END
$$;
COMMENT ON FUNCTION bastion.wrapped_key_open(text, text, text) IS
'Opens the data key that wrapped_key_create() wrapped, with the same bound_to. NULL gives NULL.
It needs <purpose>.unwrap in the whole tenant.
SQLSTATE 28000, 42501, 42704 as key_sign(), 42809 for a key that does not wrap, BA001 and BA002 without the right root key, BA003 for every other reason: a changed value, another key, another bound_to, a version older than min_version; 25006 and 53000 as secret_get(), where openings are recorded.';
SELECT bastion_internal.callable_by('bastion.wrapped_key_open(text, text, text)', 'application');

CREATE FUNCTION bastion.key_export(name text, public_key text, version integer DEFAULT NULL) RETURNS bytea
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key bastion.application_keys := bastion_internal.application_key_managed(name, 'tenant.keys.export');
    place text := bastion_internal.application_key_place(key.id, coalesce(key_export.version, key.version));
    exported bastion.sealed;
BEGIN
    IF NOT key.exportable THEN
        RAISE EXCEPTION 'key is not exportable' USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'A key is exportable only if it was created so.';
    END IF;
    SELECT v.value INTO exported FROM bastion.application_key_versions v WHERE v.key_id = key.id AND v.version = coalesce(key_export.version, key.version);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'version of the key does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    PERFORM bastion_internal.application_key_event('key_exported', key, jsonb_build_object('version', coalesce(key_export.version, key.version)));
    RETURN bastion_internal.application_key_export(key.tenant_id, place, key.algorithm, exported, public_key);
END
$$;
COMMENT ON FUNCTION bastion.key_export(text, text, integer) IS
'Returns a key that was created as exportable, wrapped for the holder of an RSA private key, and records that.
public_key is RSA of at least 2048 bits, as PEM or as a JSON Web Key that is not for signatures. A random AES key is wrapped under it (RSA-OAEP, SHA-256), and under that the key (AES-KWP, RFC 5649): RSA_AES_KEY_WRAP of PKCS#11. A key pair is PKCS#8, another key its bytes. version NULL means the newest.
It needs tenant.keys.export in the whole tenant, which of the system roles owner holds.
SQLSTATE 0A000 and 22023 for another public key, 25006 in a READ ONLY transaction, 28000, 42501, 42704 as key_rotate(), 55000 for a key that is not exportable, BA001 and BA002 without the right root key, BA003 when the key cannot be opened.';
SELECT bastion_internal.callable_by('bastion.key_export(text, text, integer)', 'application');
SELECT bastion_internal.event_kind('key_exported');

CREATE FUNCTION bastion.key_import(name text, algorithm text, wrapped bytea, under text, purpose text, exportable boolean DEFAULT false) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    transport bastion.application_keys := bastion_internal.application_key_managed(under, 'tenant.keys.manage');
    key bastion.application_keys;
BEGIN
    IF transport.algorithm <> 'RSA-OAEP-256' THEN
        RAISE EXCEPTION 'the key is not for this use' USING ERRCODE = 'wrong_object_type', DETAIL = format('It is one for %s.', transport.algorithm);
    ELSIF wrapped IS NULL THEN
        RAISE EXCEPTION 'wrapped must not be null' USING ERRCODE = 'null_value_not_allowed';
    ELSIF algorithm = 'RSA-OAEP-256' THEN
        RAISE EXCEPTION 'a key for RSA-OAEP-256 cannot be imported' USING ERRCODE = 'feature_not_supported';
    END IF;
    key := bastion_internal.application_key_insert(transport.tenant_id, name, algorithm, purpose, NULL, exportable, NULL);
    INSERT INTO bastion.application_key_versions (key_id, version, value, public_jwk, created_by)
    SELECT key.id, key.version, m.new_value, m.public_jwk, bastion.user_id()
    FROM bastion_internal.application_key_version_use(transport) v,
         LATERAL bastion_internal.application_key_import(transport.tenant_id, bastion_internal.application_key_place(v.key_id, v.version), transport.algorithm, v.value,
             wrapped, key.algorithm, bastion_internal.application_key_place(key.id, key.version)) m;
    -- Later versions have the size of this one, as far as such keys are made here.
    UPDATE bastion.application_keys k SET bits = least(length(v.public_jwk ->> 'n') * 3 / 4 * 8, 4096)
    FROM bastion.application_key_versions v WHERE k.id = key.id AND v.key_id = k.id AND v.public_jwk ? 'n';
    PERFORM bastion_internal.application_key_event('key_created', key, jsonb_build_object('algorithm', algorithm, 'exportable', key.exportable, 'imported', true));
    RETURN key.version;
END
$$;
COMMENT ON FUNCTION bastion.key_import(text, text, bytea, text, text, boolean) IS
'Creates a key of the tenant from one that was wrapped as key_export() wraps; returns its version, 1.
It was wrapped for the newest version of the key that under names, which is one for RSA-OAEP-256.
algorithm and purpose are those of key_create(); later versions are made here. It needs tenant.keys.manage in the whole tenant.
SQLSTATE 0A000 for another algorithm, 22004 for NULL, 22023 for invalid arguments and for bytes that are not such a key, 25006 in a READ ONLY transaction, 28000, 42501, 42704 as key_rotate(), 42710 for a name that exists, 42809 when under names another kind of key, BA001, BA002, BA003.';
SELECT bastion_internal.callable_by('bastion.key_import(text, text, bytea, text, text, boolean)', 'application');

CREATE FUNCTION bastion.random_bytes(bytes integer) RETURNS bytea
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_random_bytes';
COMMENT ON FUNCTION bastion.random_bytes(integer) IS
'Makes random bytes with the operating system''s generator (getrandom, through libsodium), for keys, salts and tokens; at most 1 MiB.
SQLSTATE 22023 for a negative number or more.';
SELECT bastion_internal.callable_by('bastion.random_bytes(integer)', 'application');

-- For operators: EXECUTE is granted to nobody.

CREATE FUNCTION bastion.key_sign_for(tenant text, name text, data bytea) RETURNS text
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.application_key_make_signature(bastion_internal.application_key_of(tenant, name, 'sign'), data);
END
$$;
COMMENT ON FUNCTION bastion.key_sign_for(text, text, bytea) IS
'key_sign() for a tenant (uuid or slug; NULL: the installation itself), without a permission.
For operators: EXECUTE is granted to nobody.
SQLSTATE 42704, 42809, BA001, BA002, BA003.';

CREATE FUNCTION bastion.key_verify_for(tenant text, name text, data bytea, signature text) RETURNS boolean
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.application_key_check_signature(bastion_internal.application_key_of(tenant, name, 'sign'), data, signature);
END
$$;
COMMENT ON FUNCTION bastion.key_verify_for(text, text, bytea, text) IS
'key_verify() for a tenant (uuid or slug; NULL: the installation itself), without a permission; NULL gives false.
For operators: EXECUTE is granted to nobody.
SQLSTATE 42704, 42809, BA001, BA002, BA003.';

CREATE FUNCTION bastion.key_mac_for(tenant text, name text, data bytea) RETURNS text
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.application_key_make_signature(bastion_internal.application_key_of(tenant, name, 'mac'), data);
END
$$;
COMMENT ON FUNCTION bastion.key_mac_for(text, text, bytea) IS
'key_mac() for a tenant (uuid or slug; NULL: the installation itself), without a permission.
For operators: EXECUTE is granted to nobody.
SQLSTATE 42704, 42809, BA001, BA002, BA003.';

CREATE FUNCTION bastion.key_mac_verify_for(tenant text, name text, data bytea, mac text) RETURNS boolean
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.application_key_check_signature(bastion_internal.application_key_of(tenant, name, 'mac'), data, mac);
END
$$;
COMMENT ON FUNCTION bastion.key_mac_verify_for(text, text, bytea, text) IS
'key_mac_verify() for a tenant (uuid or slug; NULL: the installation itself), without a permission; NULL gives false.
For operators: EXECUTE is granted to nobody.
SQLSTATE 42704, 42809, BA001, BA002, BA003.';

CREATE FUNCTION bastion.key_public_for(tenant text, name text) RETURNS TABLE (version integer, jwk jsonb, pem text, created_at timestamptz)
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 2
SET search_path = pg_catalog, pg_temp
AS $$ SELECT * FROM bastion_internal.application_key_public(bastion_internal.application_key_of(tenant, name)) $$;
COMMENT ON FUNCTION bastion.key_public_for(text, text) IS
'key_public() for a tenant (uuid or slug; NULL: the installation itself), without a permission.
For operators: EXECUTE is granted to nobody.
SQLSTATE 42704, 42809.';

CREATE FUNCTION bastion.wrapped_key_create_for(tenant text, name text, bound_to text DEFAULT NULL, bytes integer DEFAULT 32, OUT plaintext bytea, OUT wrapped text)
RETURNS record
LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT w.plaintext, w.wrapped
    FROM bastion_internal.application_key_make_wrapped(
        bastion_internal.application_key_of(tenant, name, 'wrap'), bound_to, bytes) w
$$;
COMMENT ON FUNCTION bastion.wrapped_key_create_for(text, text, text, integer) IS
'wrapped_key_create() for a tenant (uuid or slug; NULL: the installation itself), without a permission.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023, 42704, 42809, BA001, BA002, BA003.';

CREATE FUNCTION bastion.wrapped_key_open_for(tenant text, name text, wrapped text, bound_to text DEFAULT NULL) RETURNS bytea
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.application_key_open_wrapped(bastion_internal.application_key_of(tenant, name, 'unwrap'), wrapped, bound_to);
END
$$;
COMMENT ON FUNCTION bastion.wrapped_key_open_for(text, text, text, text) IS
'wrapped_key_open() for a tenant (uuid or slug; NULL: the installation itself), without a permission.
For operators: EXECUTE is granted to nobody.
SQLSTATE 42704, 42809, BA001, BA002, BA003.';

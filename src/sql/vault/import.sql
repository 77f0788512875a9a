
-- Seals values that other systems encrypted, without a plaintext in a table, a variable of the client or a log. For operators:
-- EXECUTE is granted to nobody.

CREATE FUNCTION bastion_internal.aes_gcm_open(value text, key bytea) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_aes_gcm_open';
COMMENT ON FUNCTION bastion_internal.aes_gcm_open(text, bytea) IS
'Decrypts base64 of nonce (12 bytes), ciphertext and tag (16), AES-256-GCM (NIST SP 800-38D). SQLSTATE 22023 for a key that does not have 32 bytes, BA003 for a value that cannot be opened.';

CREATE FUNCTION bastion.import_aes_gcm(tenant_id uuid, value text, key bytea, purpose text, bound_to text DEFAULT NULL)
RETURNS bastion.sealed
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion.seal_for(tenant_id, bastion_internal.aes_gcm_open(value, key), purpose, bound_to);
END
$$;
COMMENT ON FUNCTION bastion.import_aes_gcm(uuid, text, bytea, text, text) IS
'Seals for a tenant a value that an application encrypted with AES-256-GCM. value is base64 of nonce (12 bytes), ciphertext and tag (16); key has 32 bytes; the other arguments are those of seal_for().
A NULL value or key gives NULL.
For operators: EXECUTE is granted to nobody; send the key as a parameter.
SQLSTATE 22004, 22023, 23503, 25006, BA001 and BA002 as seal_for(), 22023 for a key of another length, BA003 for a value that the key does not open.';

CREATE FUNCTION bastion.import_pgp_sym(tenant_id uuid, value bytea, passphrase text, purpose text, bound_to text DEFAULT NULL)
RETURNS bastion.sealed
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Only a function that belongs to pgcrypto may receive the passphrase.
    decrypt regprocedure := (
        SELECT p.oid FROM pg_extension e
        JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
        JOIN pg_proc p ON p.oid = d.objid
        WHERE e.extname = 'pgcrypto' AND p.proname = 'pgp_sym_decrypt_bytea' AND p.pronargs = 2);
    plaintext bytea;
BEGIN
    IF decrypt IS NULL THEN
        RAISE EXCEPTION 'pgcrypto is not installed in this database' USING ERRCODE = 'feature_not_supported',
            HINT = 'CREATE EXTENSION pgcrypto;';
    END IF;
    BEGIN
        EXECUTE format('SELECT %s($1, $2)', decrypt::regproc) INTO plaintext USING value, passphrase;
    EXCEPTION WHEN external_routine_invocation_exception OR invalid_parameter_value THEN
        RAISE EXCEPTION 'sealed value cannot be opened' USING ERRCODE = 'BA003';
    END;
    RETURN bastion.seal_for(tenant_id, plaintext, purpose, bound_to);
END
$$;
COMMENT ON FUNCTION bastion.import_pgp_sym(uuid, bytea, text, text, text) IS
'Seals for a tenant a value that pgp_sym_encrypt of pgcrypto encrypted (RFC 4880).
pgcrypto decrypts it and must be installed in this database. The other arguments are those of seal_for(). In a UTF-8 database, text stays text. A NULL value or passphrase gives NULL.
For operators: EXECUTE is granted to nobody; send the passphrase as a parameter.
SQLSTATE 0A000 without pgcrypto, 22004, 22023, 23503, 25006, BA001 and BA002 as seal_for(), BA003 for a value that the passphrase does not open.';


-- Sealed values: the type, and the functions that seal, open and index. To seal for the tenant of the context, the purpose must be a
-- registered resource with the action open, so that a typing error cannot create a key that no one may use.

CREATE TYPE bastion.sealed;

CREATE FUNCTION bastion_internal.sealed_in(cstring) RETURNS bastion.sealed
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bastion_sealed_in';
COMMENT ON FUNCTION bastion_internal.sealed_in(cstring) IS E'Input of bastion.sealed: \\x and hexadecimal digits. SQLSTATE 22P02.';
CREATE FUNCTION bastion_internal.sealed_out(bastion.sealed) RETURNS cstring
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bastion_sealed_out';
COMMENT ON FUNCTION bastion_internal.sealed_out(bastion.sealed) IS 'Output of bastion.sealed: the sealed form in hexadecimal.';
CREATE FUNCTION bastion_internal.sealed_recv(internal) RETURNS bastion.sealed
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bastion_sealed_recv';
COMMENT ON FUNCTION bastion_internal.sealed_recv(internal) IS 'Binary input of bastion.sealed. SQLSTATE 22P03.';
CREATE FUNCTION bastion_internal.sealed_send(bastion.sealed) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bastion_sealed_send';
COMMENT ON FUNCTION bastion_internal.sealed_send(bastion.sealed) IS 'Binary output of bastion.sealed: the sealed form.';

-- A ciphertext does not compress.
CREATE TYPE bastion.sealed (
    INPUT = bastion_internal.sealed_in, OUTPUT = bastion_internal.sealed_out, RECEIVE = bastion_internal.sealed_recv, SEND = bastion_internal.sealed_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = external
);
COMMENT ON TYPE bastion.sealed IS
'A value that bastion.seal() encrypted: 80 bytes longer than the plaintext. Text and binary form show the sealed bytes. Operators compare these: the same text sealed twice is not equal; search with bastion.blind_index()';
SELECT bastion_internal.callable_by('bastion_internal.sealed_in(cstring)', 'application');
SELECT bastion_internal.callable_by('bastion_internal.sealed_out(bastion.sealed)', 'application');
SELECT bastion_internal.callable_by('bastion_internal.sealed_recv(internal)', 'application');
SELECT bastion_internal.callable_by('bastion_internal.sealed_send(bastion.sealed)', 'application');

CREATE FUNCTION bastion.sealed(value bytea) RETURNS bastion.sealed
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bastion_sealed_from_bytea';
COMMENT ON FUNCTION bastion.sealed(bytea) IS
'Converts sealed bytes to bastion.sealed.
SQLSTATE BA003 for other bytes.';
SELECT bastion_internal.callable_by('bastion.sealed(bytea)', 'application');
CREATE CAST (bytea AS bastion.sealed) WITH FUNCTION bastion.sealed(bytea);
CREATE CAST (bastion.sealed AS bytea) WITHOUT FUNCTION;
COMMENT ON CAST (bytea AS bastion.sealed) IS 'Accepts the bytes of a sealed value, as bastion.sealed() does';
COMMENT ON CAST (bastion.sealed AS bytea) IS 'The bytes of a sealed value, still sealed';

CREATE FUNCTION bastion.is_sealed(value bytea) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bastion_is_sealed';
COMMENT ON FUNCTION bastion.is_sealed(bytea) IS
'Whether the bytes have the form of a sealed value. For the CHECK constraint of a bytea column that must never hold plaintext. It does not test whether the value can be opened.';
SELECT bastion_internal.callable_by('bastion.is_sealed(bytea)', 'application');

CREATE FUNCTION bastion_internal.sealed_key(value bastion.sealed) RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bastion_sealed_key';
COMMENT ON FUNCTION bastion_internal.sealed_key(bastion.sealed) IS
'The id of the data key that sealed the value, from its header (bastion.data_keys.id).';

CREATE FUNCTION bastion_internal.sealing_key(purpose text, tenant uuid, for_index boolean) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion_internal.is_resource(purpose) IS NOT TRUE OR octet_length(purpose) > 100 OR bastion_internal.is_reserved_resource(purpose) THEN
        RAISE EXCEPTION 'invalid purpose' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'A purpose is a resource name of at most 100 bytes, such as smtp.password, whose first word is not tenant, platform, bastion or own.';
    END IF;
    IF tenant IS NOT NULL AND NOT EXISTS (SELECT FROM bastion.permissions p WHERE p.name = purpose || '.open') THEN
        RAISE EXCEPTION 'purpose is not registered' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'SELECT bastion.resource_register(purpose, ''{open}''); makes the permission that opens its values.';
    END IF;
    RETURN bastion_internal.data_key(CASE WHEN for_index THEN 'bastion.blind_index.' ELSE '' END || purpose, tenant);
END
$$;
COMMENT ON FUNCTION bastion_internal.sealing_key(text, uuid, boolean) IS
'The id of the data key for the values of a purpose, or for their blind index, created lazily.
SQLSTATE 22023 for an invalid purpose, or one that a tenant uses and that is not registered, BA001 without a root key.';

CREATE FUNCTION bastion.seal(plaintext text, purpose text, bound_to text DEFAULT NULL) RETURNS bastion.sealed
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 20 AS 'MODULE_PATHNAME', 'bastion_seal_text';
COMMENT ON FUNCTION bastion.seal(text, text, text) IS
'Encrypts the text for the tenant of this transaction (XAES-256-GCM with key commitment, 80 bytes longer).
purpose is a resource registered with the action open. bound_to, if given, must be given again to open the value, so that it cannot be moved to another row: the key of the row is a good choice. Checks no permission. NULL gives NULL.
SQLSTATE 22004 for a NULL purpose, 22023 for one that is invalid or not registered, 25006 when the first key of a purpose must be created in a read-only transaction, 42501 without a tenant, 54000 above 1 GB, BA001 and BA002 without the right root key.';
SELECT bastion_internal.callable_by('bastion.seal(text, text, text)', 'application');
CREATE FUNCTION bastion.seal(plaintext bytea, purpose text, bound_to text DEFAULT NULL) RETURNS bastion.sealed
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 20 AS 'MODULE_PATHNAME', 'bastion_seal_bytea';
COMMENT ON FUNCTION bastion.seal(bytea, text, text) IS
'seal() for bytes.
SQLSTATE 22004, 22023, 25006, 28000 for a refused token, 42501, 54000, BA001, BA002.';
SELECT bastion_internal.callable_by('bastion.seal(bytea, text, text)', 'application');

CREATE FUNCTION bastion.open_text(value bastion.sealed, bound_to text DEFAULT NULL) RETURNS text
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'bastion_open_text';
COMMENT ON FUNCTION bastion.open_text(bastion.sealed, text) IS
'Decrypts a sealed text.
The value must belong to the tenant of this transaction, and bound_to must be the one it was sealed with. The caller needs the permission <purpose>.open in the whole tenant, or in the chosen unit together with <purpose>.open_in_unit. Opening is recorded if purpose_update() asks for it. NULL gives NULL.
SQLSTATE 22021 for bytes that are not text, 42501 without a tenant or the permission, BA003 for every other reason (a changed or moved value, another tenant, an unknown or disabled key), which is only in the server log; BA001 and BA002 without the right root key; 25006 and 53000 as secret_get(), where openings are recorded.';
SELECT bastion_internal.callable_by('bastion.open_text(bastion.sealed, text)', 'application');
CREATE FUNCTION bastion.open_bytea(value bastion.sealed, bound_to text DEFAULT NULL) RETURNS bytea
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'bastion_open_bytea';
COMMENT ON FUNCTION bastion.open_bytea(bastion.sealed, text) IS
'Decrypts like open_text(), but returns bytea.
SQLSTATE 25006, 28000 for a refused token, 42501, 53000, BA001, BA002, BA003.';
SELECT bastion_internal.callable_by('bastion.open_bytea(bastion.sealed, text)', 'application');

CREATE FUNCTION bastion.rewrap(value bastion.sealed, bound_to text DEFAULT NULL) RETURNS bastion.sealed
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 20 AS 'MODULE_PATHNAME', 'bastion_rewrap';
COMMENT ON FUNCTION bastion.rewrap(bastion.sealed, text) IS
'Seals the value again under the active key of its purpose; returns it unchanged if it is under that key.
Returns no plaintext and checks no permission, only the tenant.
SQLSTATE 22023, 25006, 28000, 42501, BA001, BA002 and BA003 as seal() and open_text().';
SELECT bastion_internal.callable_by('bastion.rewrap(bastion.sealed, text)', 'application');

CREATE FUNCTION bastion.blind_index(value text, purpose text) RETURNS bytea
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'bastion_blind_index_text';
COMMENT ON FUNCTION bastion.blind_index(text, text) IS
'Computes 16 bytes that are equal for equal values in one tenant and purpose, and reveal nothing else without the key: truncated HMAC-SHA-256 (RFC 2104).
Store them beside a sealed value and index them to find it; normalize the text first (lower()). A reader of the column sees which rows are equal. The first call for a purpose creates the key. If it cannot (read-only transaction, standby), no value was indexed yet, and the result is NULL. NULL gives NULL.
SQLSTATE 22004, 22023, 28000, 42501, BA001 and BA002 as seal(), BA003 when the key is disabled.';
SELECT bastion_internal.callable_by('bastion.blind_index(text, text)', 'application');
CREATE FUNCTION bastion.blind_index(value bytea, purpose text) RETURNS bytea
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'bastion_blind_index_bytea';
COMMENT ON FUNCTION bastion.blind_index(bytea, text) IS
'blind_index() for bytes.
SQLSTATE 22004, 22023, 28000, 42501, BA001, BA002, BA003.';
SELECT bastion_internal.callable_by('bastion.blind_index(bytea, text)', 'application');

-- For operators, who give the tenant: EXECUTE is granted to nobody.

CREATE FUNCTION bastion.seal_for(tenant_id uuid, plaintext text, purpose text, bound_to text DEFAULT NULL) RETURNS bastion.sealed
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 20 AS 'MODULE_PATHNAME', 'bastion_seal_text_for';
COMMENT ON FUNCTION bastion.seal_for(uuid, text, text, text) IS
'seal() for a given tenant; NULL means the installation itself, whose values no context can open.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22004, 22023, 23503 for an unknown tenant, 25006, 54000, BA001, BA002.';
CREATE FUNCTION bastion.seal_for(tenant_id uuid, plaintext bytea, purpose text, bound_to text DEFAULT NULL) RETURNS bastion.sealed
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 20 AS 'MODULE_PATHNAME', 'bastion_seal_bytea_for';
COMMENT ON FUNCTION bastion.seal_for(uuid, bytea, text, text) IS
'seal_for() for bytes.
SQLSTATE 22004, 22023, 23503, 25006, 54000, BA001, BA002.';
CREATE FUNCTION bastion.open_text_for(tenant_id uuid, value bastion.sealed, bound_to text DEFAULT NULL) RETURNS text
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'bastion_open_text_for';
COMMENT ON FUNCTION bastion.open_text_for(uuid, bastion.sealed, text) IS
'open_text() for a given tenant (NULL: the installation itself), without a permission.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22021, 25006, 53000, BA001, BA002, BA003.';
CREATE FUNCTION bastion.open_bytea_for(tenant_id uuid, value bastion.sealed, bound_to text DEFAULT NULL) RETURNS bytea
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'bastion_open_bytea_for';
COMMENT ON FUNCTION bastion.open_bytea_for(uuid, bastion.sealed, text) IS
'Decrypts like open_text_for(), but returns bytea.
SQLSTATE 25006, 53000, BA001, BA002, BA003.';
CREATE FUNCTION bastion.rewrap_for(tenant_id uuid, value bastion.sealed, bound_to text DEFAULT NULL) RETURNS bastion.sealed
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 20 AS 'MODULE_PATHNAME', 'bastion_rewrap_for';
COMMENT ON FUNCTION bastion.rewrap_for(uuid, bastion.sealed, text) IS
'rewrap() for a given tenant (NULL: the installation itself).
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023, 25006, BA001, BA002, BA003.';
CREATE FUNCTION bastion.blind_index_for(tenant_id uuid, value text, purpose text) RETURNS bytea
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'bastion_blind_index_text_for';
COMMENT ON FUNCTION bastion.blind_index_for(uuid, text, text) IS
'blind_index() for a given tenant (NULL: the installation itself).
For operators: EXECUTE is granted to nobody.
SQLSTATE 22004, 22023, 23503, BA001, BA002, BA003.';
CREATE FUNCTION bastion.blind_index_for(tenant_id uuid, value bytea, purpose text) RETURNS bytea
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'bastion_blind_index_bytea_for';
COMMENT ON FUNCTION bastion.blind_index_for(uuid, bytea, text) IS
'blind_index_for() for bytes.
SQLSTATE 22004, 22023, 23503, BA001, BA002, BA003.';

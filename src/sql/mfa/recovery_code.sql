
-- Recovery codes: ten at a time, shown once. Codes appear in assignments only, which PL/pgSQL evaluates without a plan that
-- auto_explain could log.

CREATE FUNCTION bastion_internal.recovery_code_make() RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_recovery_code_make';
COMMENT ON FUNCTION bastion_internal.recovery_code_make() IS 'Makes a random recovery code, 80 bits in base32.';

CREATE FUNCTION bastion_internal.recovery_code_mac(code text, user_id uuid, pepper integer) RETURNS bytea
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_recovery_code_mac';
COMMENT ON FUNCTION bastion_internal.recovery_code_mac(text, uuid, integer) IS
'The stored value of a recovery code of a user: HMAC-SHA-256 under a pepper; NULL for a text that is no code.
SQLSTATE BA001 without a root key, BA003 for an unknown pepper.';

CREATE FUNCTION bastion_internal.recovery_codes_replace(user_id uuid) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    version integer := bastion_internal.pepper();
    code text;
    mac bytea;
    codes text[] := '{}';
BEGIN
    DELETE FROM bastion.recovery_codes r WHERE r.user_id = recovery_codes_replace.user_id;
    FOR i IN 1..10 LOOP
        code := bastion_internal.recovery_code_make();
        mac := bastion_internal.recovery_code_mac(code, recovery_codes_replace.user_id, version);
        codes := codes || code;
        INSERT INTO bastion.recovery_codes (user_id, mac, pepper) VALUES (recovery_codes_replace.user_id, mac, version);
    END LOOP;
    RETURN to_jsonb(codes);
END
$$;
COMMENT ON FUNCTION bastion_internal.recovery_codes_replace(uuid) IS
'Makes ten recovery codes for a user in place of all earlier ones; returns their texts. SQLSTATE BA001 without a root key.';

CREATE FUNCTION bastion_internal.recovery_code_use(user_id uuid, code text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    version integer;
    presented bytea;
BEGIN
    FOR version IN SELECT DISTINCT r.pepper FROM bastion.recovery_codes r WHERE r.user_id = recovery_code_use.user_id LOOP
        presented := bastion_internal.recovery_code_mac(code, recovery_code_use.user_id, version);
        UPDATE bastion.recovery_codes r SET used_at = clock_timestamp()
        WHERE r.user_id = recovery_code_use.user_id AND r.mac = presented AND r.used_at IS NULL;
        IF FOUND THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END
$$;
COMMENT ON FUNCTION bastion_internal.recovery_code_use(uuid, text) IS
'Uses up a recovery code of a user; false for one that is unknown or used. SQLSTATE 40001 when another transaction used it and the isolation level is not READ COMMITTED, BA001 without a root key.';

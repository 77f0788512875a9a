
-- Peppers: keys of HMAC. From those of purpose credential the next refresh tokens are derived, and API keys are stored under them. From
-- those of purpose one_time the tokens and codes are derived that leave by mail. Those of purpose challenge sign the challenges of logins.
-- Those of purpose import are no peppers of ours: with them other systems hashed the API keys that were imported.

CREATE TABLE bastion.peppers (
    version integer NOT NULL,
    purpose text NOT NULL DEFAULT 'credential',
    state text NOT NULL DEFAULT 'active',
    sealed bytea NOT NULL,
    data_key_id integer NOT NULL GENERATED ALWAYS AS (bastion_internal.sealed_bytes_key(sealed)) STORED,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT peppers_pkey PRIMARY KEY (version),
    CONSTRAINT peppers_version_check CHECK (version > 0),
    CONSTRAINT peppers_purpose_check CHECK (purpose IN ('credential', 'one_time', 'challenge', 'import')),
    CONSTRAINT peppers_state_check CHECK (state IN ('active', 'verifying')),
    CONSTRAINT peppers_data_key_id_fkey FOREIGN KEY (data_key_id) REFERENCES bastion.data_keys (id)
);
CREATE UNIQUE INDEX peppers_active_idx ON bastion.peppers (purpose) WHERE state = 'active';
COMMENT ON TABLE bastion.peppers IS
'Keys of HMAC-SHA-256 for refresh tokens, API keys, one-time tokens and challenges, sealed; granted to nobody';
COMMENT ON COLUMN bastion.peppers.version IS 'Number of the pepper';
COMMENT ON COLUMN bastion.peppers.purpose IS 'credential (refresh tokens and API keys), one_time (tokens and codes that leave by mail), challenge (challenges of logins) or import (API keys of another system)';
COMMENT ON COLUMN bastion.peppers.state IS 'active (one of each purpose, for new tokens and keys) or verifying (for credentials that it was used for)';
COMMENT ON COLUMN bastion.peppers.sealed IS 'The key, sealed under data_key_id';
COMMENT ON COLUMN bastion.peppers.data_key_id IS 'The data encryption key in its header, which seals it';
COMMENT ON COLUMN bastion.peppers.created_at IS 'When it was created';
SELECT pg_extension_config_dump('bastion.peppers', '');
ALTER TABLE bastion.peppers ENABLE ROW LEVEL SECURITY;
CREATE TRIGGER peppers_invalidate AFTER UPDATE OR DELETE ON bastion.peppers
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('keys');
CREATE TRIGGER peppers_invalidate_truncate AFTER TRUNCATE ON bastion.peppers
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('keys');
ALTER TABLE bastion.peppers ENABLE ALWAYS TRIGGER peppers_invalidate;
ALTER TABLE bastion.peppers ENABLE ALWAYS TRIGGER peppers_invalidate_truncate;

CREATE FUNCTION bastion_internal.pepper_make(data_key integer, version integer, given bytea) RETURNS bytea
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_pepper_make';
COMMENT ON FUNCTION bastion_internal.pepper_make(integer, integer, bytea) IS
'Seals a pepper under the data encryption key: the bytes given, or without any random ones. SQLSTATE BA001 without a root key, BA003 for an unknown data key.';

CREATE FUNCTION bastion_internal.active_pepper(purpose text) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT p.version FROM bastion.peppers p WHERE p.state = 'active' AND p.purpose = active_pepper.purpose $$;
COMMENT ON FUNCTION bastion_internal.active_pepper(text) IS 'The version of the active pepper of a purpose; NULL if there is none yet.';

CREATE FUNCTION bastion_internal.pepper_add(purpose text, state text, given bytea) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key integer;
    next_version integer;
BEGIN
    PERFORM bastion_internal.lock_vault();
    key := bastion_internal.data_key_here('pepper');
    SELECT coalesce(max(p.version), 0) + 1 INTO next_version FROM bastion.peppers p;
    INSERT INTO bastion.peppers (version, purpose, state, sealed)
    VALUES (next_version, pepper_add.purpose, pepper_add.state, bastion_internal.pepper_make(key, next_version, given));
    PERFORM bastion_internal.record_event('key_created', 'success', NULL, NULL,
                                 jsonb_build_object('key', 'pepper', 'version', next_version));
    RETURN next_version;
END
$$;
COMMENT ON FUNCTION bastion_internal.pepper_add(text, text, bytea) IS
'Adds a pepper; returns its version. Without bytes it is random. SQLSTATE BA001 without a root key.';

CREATE FUNCTION bastion.pepper_create(purpose text DEFAULT 'credential') RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF purpose IS NULL OR purpose NOT IN ('credential', 'one_time', 'challenge') THEN
        RAISE EXCEPTION 'unknown purpose of a pepper' USING ERRCODE = 'invalid_parameter_value', HINT = 'Use credential, one_time or challenge.';
    END IF;
    PERFORM bastion_internal.lock_vault();
    UPDATE bastion.peppers p SET state = 'verifying' WHERE p.state = 'active' AND p.purpose = pepper_create.purpose;
    RETURN bastion_internal.pepper_add(purpose, 'active', '');
END
$$;
COMMENT ON FUNCTION bastion.pepper_create(text) IS
'Creates a pepper and makes it the active one of its purpose; returns its version.
With credential, it is for new refresh tokens and API keys, and the previous pepper still verifies what it was used for. With challenge, it is for the challenges of logins, and the previous one still verifies those. With one_time, every open link and code that was mailed ends; mail that was not sent yet goes out without one.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for another purpose, BA001 without a root key.';

CREATE FUNCTION bastion_internal.pepper(purpose text DEFAULT 'credential') RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    active integer := bastion_internal.active_pepper(purpose);
BEGIN
    IF active IS NULL THEN
        PERFORM bastion_internal.lock_vault();
        active := coalesce(bastion_internal.active_pepper(purpose), bastion.pepper_create(purpose));
    END IF;
    RETURN active;
END
$$;
COMMENT ON FUNCTION bastion_internal.pepper(text) IS
'The version of the active pepper of a purpose, created lazily. SQLSTATE BA001 without a root key.';

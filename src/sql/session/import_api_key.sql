
-- API keys of another system, which stored their hashes. Stored is an HMAC of each hash, under a pepper. For operators: EXECUTE is
-- granted to nobody, and everything here runs with the rights of its caller.

CREATE FUNCTION bastion_internal.imported_api_key_mac(scheme integer, pepper integer, lookup text, hash bytea) RETURNS bytea
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_imported_api_key_mac';
COMMENT ON FUNCTION bastion_internal.imported_api_key_mac(integer, integer, text, bytea) IS
'The value to store for the hash of an API key of another system: an HMAC of scheme, the part of the key that is not hashed, and hash. SQLSTATE BA001 without a root key, BA003 for an unknown pepper.';

CREATE FUNCTION bastion.api_key_scheme_add(name text, algorithm text, key bytea DEFAULT NULL, separator text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    has_right_key boolean := CASE algorithm WHEN 'sha256' THEN key IS NULL ELSE coalesce(octet_length(key), 0) BETWEEN 1 AND 1024 END;
    scheme_id integer;
    key_pepper integer;
BEGIN
    IF bastion_internal.is_label(name) IS NOT TRUE THEN
        RAISE EXCEPTION 'the name of a scheme has 1 to 200 printable characters' USING ERRCODE = 'invalid_parameter_value';
    ELSIF algorithm IS NULL OR algorithm NOT IN ('sha256', 'hmac-sha256') THEN
        RAISE EXCEPTION 'unknown algorithm of API keys' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Use sha256 or hmac-sha256. A slow hash would be computed for every request.';
    ELSIF NOT has_right_key THEN
        RAISE EXCEPTION 'hmac-sha256 needs a key of 1 to 1024 bytes, sha256 none' USING ERRCODE = 'invalid_parameter_value';
    ELSIF octet_length(separator) NOT BETWEEN 1 AND 16 THEN
        RAISE EXCEPTION 'a separator has 1 to 16 bytes' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM bastion_internal.lock_vault();
    IF EXISTS (SELECT FROM bastion.api_key_schemes s WHERE s.name = api_key_scheme_add.name) THEN
        RAISE EXCEPTION 'scheme already exists' USING ERRCODE = 'duplicate_object';
    ELSIF 8 <= (SELECT count(*) FROM bastion.api_key_schemes s) THEN
        RAISE EXCEPTION 'there are at most 8 schemes' USING ERRCODE = 'program_limit_exceeded', DETAIL = 'Each is tried for every key that is presented.';
    END IF;
    IF key IS NOT NULL THEN
        key_pepper := bastion_internal.pepper_add('import', 'verifying', key);
    END IF;
    SELECT coalesce(max(s.id), 0) + 1 INTO scheme_id FROM bastion.api_key_schemes s;
    INSERT INTO bastion.api_key_schemes (id, name, separator, other_pepper, pepper)
    VALUES (scheme_id, api_key_scheme_add.name, api_key_scheme_add.separator, key_pepper, bastion_internal.pepper());
    PERFORM bastion_internal.record_event('api_key_scheme_added', 'success', NULL, NULL,
        jsonb_build_object('scheme', name, 'algorithm', algorithm, 'role', session_user));
    RETURN scheme_id;
END
$$;
COMMENT ON FUNCTION bastion.api_key_scheme_add(text, text, bytea, text) IS
'Says how another system hashed its API keys, for import_api_keys(); returns the number of the scheme.
algorithm is sha256, or hmac-sha256 with key, which is sealed. With separator, the part of a key before its first separator is not hashed: it is the field lookup of an import. Without one, the whole key is hashed.
Each scheme is tried for every text that is presented and that is neither a token nor an API key of the extension. There are at most 8.
For operators: EXECUTE is granted to nobody; send the key as a parameter.
SQLSTATE 22023 for another algorithm, a malformed name or separator, and a missing or superfluous key, 42710 when the name is taken, 54000 for a ninth, BA001 without a root key.';
SELECT bastion_internal.event_kind('api_key_scheme_added');

CREATE FUNCTION bastion.api_key_scheme_delete(name text) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    old_scheme bastion.api_key_schemes;
    ended bigint;
BEGIN
    PERFORM bastion_internal.lock_vault();
    SELECT * INTO old_scheme FROM bastion.api_key_schemes s WHERE s.name = api_key_scheme_delete.name FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'scheme does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    DELETE FROM bastion.api_key_secrets s WHERE s.scheme = old_scheme.id;
    GET DIAGNOSTICS ended = ROW_COUNT;
    DELETE FROM bastion.api_key_schemes s WHERE s.id = old_scheme.id;
    DELETE FROM bastion.peppers p WHERE p.version = old_scheme.other_pepper;
    PERFORM bastion_internal.record_event('api_key_scheme_deleted', 'success', NULL, NULL,
        jsonb_build_object('scheme', name, 'secrets', ended, 'role', session_user));
    RETURN ended;
END
$$;
COMMENT ON FUNCTION bastion.api_key_scheme_delete(text) IS
'Ends every imported text of API keys that was hashed so, and deletes the scheme with its key; returns the number of texts. The API keys themselves stay, and those that were rotated go on working with their new text.
For operators: EXECUTE is granted to nobody.
SQLSTATE 42704 for an unknown scheme.';
SELECT bastion_internal.event_kind('api_key_scheme_deleted');

CREATE FUNCTION bastion_internal.digest_or_null(value text) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN octet_length(bastion_internal.bytes_or_null(value)) = 32 THEN bastion_internal.bytes_or_null(value)
                WHEN value COLLATE "C" ~ '^[A-Za-z0-9+/_-]{43}=?$' THEN decode(translate(left(value, 43), '-_', '+/') || '=', 'base64') END
$$;
COMMENT ON FUNCTION bastion_internal.digest_or_null(text) IS 'The 32 bytes that the value writes in hexadecimal as bytes_or_null() reads it, in base64 or base64url; NULL for other text.';

CREATE FUNCTION bastion_internal.imported_api_key(given jsonb, OUT key bastion.api_keys, OUT scheme integer, OUT pepper integer, OUT mac bytea, OUT problem text,
                                                  OUT skipped text)
RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    old_scheme bastion.api_key_schemes;
    digest bytea := bastion_internal.digest_or_null(given ->> 'hash');
    lookup text := given ->> 'lookup';
    cidrs text[] := bastion_internal.texts_or_null(coalesce(nullif(given -> 'cidrs', 'null'), '[]'));
BEGIN
    problem := bastion_internal.field_problem(given, '{scheme,hash,lookup,user,tenant,unit,name,expires_at,created_at}', '{scopes,cidrs,limits,disabled}');
    IF problem IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT * INTO old_scheme FROM bastion.api_key_schemes s WHERE s.name = given ->> 'scheme';
    key.user_id := bastion_internal.any_user_named(given ->> 'user');
    key.tenant_id := bastion_internal.find_tenant(given ->> 'tenant');
    key.unit_id := bastion_internal.find_unit(key.tenant_id, given ->> 'unit');
    key.name := given ->> 'name';
    key.scopes := bastion_internal.texts_or_null(given -> 'scopes');
    key.cidrs := bastion_internal.networks(cidrs);
    key.limits := coalesce(nullif(given -> 'limits', 'null'), '{}');
    key.expires_at := bastion_internal.time_or_null(given ->> 'expires_at');
    key.created_at := coalesce(bastion_internal.time_or_null(given ->> 'created_at'), now());
    key.disabled := coalesce(given -> 'disabled' = 'true', false);
    problem := CASE
        WHEN old_scheme.id IS NULL THEN 'unknown scheme'
        WHEN digest IS NULL THEN 'the hash is not 32 bytes in hexadecimal or base64'
        WHEN lookup IS NOT NULL AND old_scheme.separator IS NULL THEN 'the scheme has no separator, so a key has no lookup'
        WHEN lookup IS NULL AND old_scheme.separator IS NOT NULL THEN 'the scheme has a separator, so a key needs a lookup'
        WHEN position(old_scheme.separator IN lookup) > 0 THEN 'the lookup holds the separator'
        WHEN NOT EXISTS (SELECT FROM bastion.users u WHERE u.id = key.user_id) OR key.user_id IS NULL THEN 'unknown user'
        WHEN key.tenant_id IS NULL THEN 'unknown tenant'
        WHEN key.unit_id IS NULL AND given ->> 'unit' IS NOT NULL THEN 'unknown unit'
        WHEN NOT EXISTS (SELECT FROM bastion.memberships m WHERE m.user_id = key.user_id AND m.tenant_id = key.tenant_id) THEN 'the user is no member of the tenant'
        WHEN given ->> 'expires_at' IS NOT NULL AND key.expires_at IS NULL THEN 'the time of expiry is invalid'
        WHEN NOT isfinite(key.created_at) OR given ->> 'created_at' IS NOT NULL AND bastion_internal.time_or_null(given ->> 'created_at') IS NULL
            THEN 'the time of creation is invalid'
        WHEN jsonb_typeof(given -> 'disabled') NOT IN ('boolean', 'null') THEN 'disabled is neither true nor false'
        WHEN key.scopes IS NULL THEN 'the scopes are no array of texts'
        WHEN cidrs IS NULL THEN 'the networks are no array of texts'
        ELSE bastion_internal.check_api_key(key.name, key.scopes, NULL, key.cidrs, key.limits) ->> 'error_description' END;
    IF problem IS NULL THEN
        scheme := old_scheme.id;
        pepper := old_scheme.pepper;
        mac := bastion_internal.imported_api_key_mac(scheme, pepper, coalesce(lookup, ''), digest);
        key.id := (SELECT s.key_id FROM bastion.api_key_secrets s WHERE s.mac = imported_api_key.mac AND s.scheme IS NOT NULL);
        skipped := CASE WHEN key.id IS NOT NULL THEN 'it was imported before' WHEN key.expires_at <= clock_timestamp() THEN 'it has expired' END;
        key.id := coalesce(key.id, gen_random_uuid());
        key.scopes := ARRAY(SELECT DISTINCT s FROM unnest(key.scopes) s ORDER BY s);
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.imported_api_key(jsonb) IS
'What a line of an import of API keys means, why it is refused (problem), and why nothing is done (skipped). SQLSTATE BA001 without a root key.';

CREATE FUNCTION bastion.import_api_keys(keys jsonb, dry_run boolean DEFAULT false)
RETURNS TABLE (line bigint, name text, outcome text, reason text, api_key uuid)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    given text := jsonb_typeof(keys);
    checked jsonb;
    imported bigint;
BEGIN
    PERFORM bastion_internal.import_require(given, dry_run, 'keys');
    checked := (SELECT coalesce(jsonb_agg(to_jsonb(c)), '[]') FROM (
        SELECT g.line, i.key, i.scheme, i.pepper, i.mac, i.skipped,
               coalesce(i.problem, CASE WHEN count(*) OVER (PARTITION BY i.mac) > 1 THEN 'another line has the same hash' END) AS problem
        FROM jsonb_array_elements(keys) WITH ORDINALITY g (given, line), bastion_internal.imported_api_key(g.given) i) c);
    IF NOT dry_run THEN
        PERFORM bastion_internal.import_stop(checked, 'keys');
        INSERT INTO bastion.api_keys (id, user_id, tenant_id, unit_id, name, scopes, cidrs, limits, expires_at, disabled, created_at)
        SELECT k.id, k.user_id, k.tenant_id, k.unit_id, k.name, k.scopes, k.cidrs, k.limits, k.expires_at, k.disabled, k.created_at
        FROM jsonb_to_recordset(checked) c (key bastion.api_keys, skipped text), LATERAL (SELECT (c.key).*) k WHERE c.skipped IS NULL;
        INSERT INTO bastion.api_key_secrets (key_id, pepper, mac, created_at, scheme)
        SELECT (c.key).id, c.pepper, c.mac, (c.key).created_at, c.scheme
        FROM jsonb_to_recordset(checked) c (key bastion.api_keys, pepper integer, mac bytea, scheme integer, skipped text) WHERE c.skipped IS NULL;
        GET DIAGNOSTICS imported = ROW_COUNT;
        IF imported > 0 THEN
            PERFORM bastion_internal.record_event('api_keys_imported', 'success', NULL, NULL, jsonb_build_object('api_keys', imported, 'role', session_user));
        END IF;
    END IF;
    RETURN QUERY SELECT c.line, (c.key).name, CASE WHEN c.problem IS NOT NULL THEN 'refused' WHEN c.skipped IS NOT NULL THEN 'skipped' ELSE 'accepted' END,
                        coalesce(c.problem, c.skipped), (SELECT k.id FROM bastion.api_keys k WHERE k.id = (c.key).id)
                 FROM jsonb_to_recordset(checked) c (line bigint, key bastion.api_keys, problem text, skipped text) ORDER BY c.line;
END
$$;
COMMENT ON FUNCTION bastion.import_api_keys(jsonb, boolean) IS
'Imports API keys of another system by their hashes: an array of objects {"scheme", "hash", "lookup", "user", "tenant", "unit", "name", "scopes", "cidrs", "limits", "expires_at", "created_at", "disabled"}. The texts that clients have go on working.
scheme is one of api_key_scheme_add(). hash is SHA-256 or HMAC-SHA-256 in hexadecimal, base64 or base64url; lookup is the part of the key before the separator of the scheme. user (uuid, address or user name) is a member of tenant (uuid or slug). The other fields are those of api_key_create(); lookup, unit, cidrs, limits, the times and disabled may be missing.
An imported key is like any other: listed, disabled, revoked, narrowed by its scopes, and with api_key_rotate() given a text of ours. A text of more than 1024 bytes, or of the form of a JSON Web Token, is never taken for an API key.
Returns a row for each key: accepted; skipped, because it was imported before or has expired; or refused, with the reason. api_key is its id, once it is stored. If a key is refused, nothing is imported, and an error says how many there are. With dry_run, nothing is imported, and the rows name all that are refused.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22004 for NULL, 22023 for a value that is no array and when a key is refused, 23503 when another transaction deletes the scheme, 23505 when one imports the same key, BA001 without a root key.';
SELECT bastion_internal.event_kind('api_keys_imported');

CREATE FUNCTION bastion.import_api_keys_from(relation regclass, dry_run boolean DEFAULT false)
RETURNS TABLE (line bigint, name text, outcome text, reason text, api_key uuid)
LANGUAGE sql VOLATILE PARALLEL UNSAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
AS $$ SELECT * FROM bastion.import_api_keys(bastion_internal.import_rows(relation), dry_run) $$;
COMMENT ON FUNCTION bastion.import_api_keys_from(regclass, boolean) IS
'Imports the rows of a table or view as import_api_keys() imports an array; the columns are the fields. hash may be of type bytea, scopes and cidrs are arrays. line counts the rows in the order in which they are read.
Code of a view or a type runs with the rights of the relation''s owner, in a security-restricted operation. The caller must be able to read all rows.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22004 for NULL, 22023 when a key is refused, 23503 when another transaction deletes the scheme, 23505 when one imports the same key, 42P01 for an unknown relation, 42809 for one that is no table or view, 42501 without SELECT or under row-level security, BA001 without a root key.';


-- Secrets of another system, in plaintext. For operators: EXECUTE is granted to nobody. A statement that is planned gets no value as a
-- parameter, unless it calls a function whose calls the server log leaves out.

CREATE FUNCTION bastion_internal.imported_secret(given jsonb, OUT secret bastion.secrets, OUT format text, OUT problem text) RETURNS record
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    unit text := given ->> 'unit';
    owner text := given ->> 'user';
BEGIN
    problem := bastion_internal.field_problem(given, '{tenant,unit,user,name,bytes,provider,type,expires_at}', '{value,tags,metadata}');
    IF problem IS NOT NULL THEN
        RETURN;
    END IF;
    secret.tenant_id := bastion_internal.find_tenant(given ->> 'tenant');
    secret.unit_id := bastion_internal.find_unit(secret.tenant_id, unit);
    secret.owner_id := bastion_internal.any_user_named(owner);
    secret.name := given ->> 'name';
    secret.provider := given ->> 'provider';
    secret.type := given ->> 'type';
    secret.tags := bastion_internal.texts_or_null(coalesce(nullif(given -> 'tags', 'null'), '[]'));
    secret.metadata := coalesce(nullif(given -> 'metadata', 'null'), '{}');
    secret.expires_at := bastion_internal.time_or_null(given ->> 'expires_at');
    format := CASE WHEN given ->> 'bytes' IS NOT NULL THEN 'bytea' WHEN jsonb_typeof(given -> 'value') = 'string' THEN 'text' ELSE 'jsonb' END;
    problem := CASE
        WHEN (given ->> 'value' IS NULL) = (given ->> 'bytes' IS NULL) THEN 'it needs either a value or bytes'
        WHEN format = 'bytea' AND bastion_internal.bytes_or_null(given ->> 'bytes') IS NULL THEN 'the bytes are not in hexadecimal'
        WHEN secret.tenant_id IS NULL THEN 'unknown tenant'
        WHEN unit IS NOT NULL AND owner IS NOT NULL THEN 'a secret of a user is in no unit'
        WHEN unit IS NOT NULL AND secret.unit_id IS NULL THEN 'unknown unit'
        WHEN given ->> 'expires_at' IS NOT NULL AND secret.expires_at IS NULL THEN 'the time of expiry is invalid'
        WHEN secret.tags IS NULL THEN 'the tags are no array of texts'
        ELSE bastion_internal.secret_flaw(secret.name, secret.provider, secret.type, secret.tags, secret.metadata) END;
    IF problem IS NULL AND owner IS NOT NULL THEN
        problem := CASE WHEN NOT EXISTS (SELECT FROM bastion.memberships m WHERE m.user_id = secret.owner_id AND m.tenant_id = secret.tenant_id)
                        THEN 'the user is no member of the tenant' END;
    END IF;
    secret.id := (SELECT s.id FROM bastion.secrets s
                  WHERE s.tenant_id = secret.tenant_id AND s.name = secret.name AND s.left_at IS NULL
                    AND (s.owner_id, s.unit_id) IS NOT DISTINCT FROM (secret.owner_id, secret.unit_id));
END
$$;
COMMENT ON FUNCTION bastion_internal.imported_secret(jsonb) IS
'What a line of an import of secrets means, without its value, and why it is refused (problem). The id is that of the secret that has the name already.';

CREATE FUNCTION bastion_internal.import_secret_value(secret bastion.secrets, given jsonb, format text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    stored bastion.secrets := bastion_internal.secret_store(secret, true, secret.provider, secret.type, secret.tags, secret.expires_at, secret.metadata, 0);
    place text := bastion_internal.secret_place(stored.id, stored.version);
    sealed bastion.sealed;
BEGIN
    IF format = 'bytea' THEN
        sealed := bastion.seal_for(stored.tenant_id, bastion_internal.bytes_or_null(given ->> 'bytes'), 'bastion.secrets', place);
    ELSE
        sealed := bastion.seal_for(stored.tenant_id, given ->> 'value', 'bastion.secrets', place);
    END IF;
    PERFORM bastion_internal.secret_keep(stored, sealed, format);
END
$$;
COMMENT ON FUNCTION bastion_internal.import_secret_value(bastion.secrets, jsonb, text) IS
'Stores the secret of a line of an import as its first version. SQLSTATE 55000 when another transaction made it, BA001 and BA002 without the right root key, BA003 when the tenant''s keys are disabled.';

CREATE FUNCTION bastion.import_secrets(secrets jsonb, dry_run boolean DEFAULT false)
RETURNS TABLE (line bigint, name text, outcome text, reason text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    given text := jsonb_typeof(secrets);
    checked jsonb;
    accepted record;
    imported bigint := 0;
BEGIN
    PERFORM bastion_internal.import_require(given, dry_run, 'secrets');
    checked := (SELECT coalesce(jsonb_agg(to_jsonb(c)), '[]') FROM (
        SELECT g.line, i.secret, i.format,
               coalesce(i.problem, CASE WHEN count(*) OVER (PARTITION BY (i.secret).tenant_id, (i.secret).unit_id, (i.secret).owner_id, (i.secret).name) > 1
                                        THEN 'another line has the same name in the same place' END) AS problem
        FROM jsonb_array_elements(secrets) WITH ORDINALITY g (given, line), bastion_internal.imported_secret(g.given) i) c);
    IF NOT dry_run THEN
        PERFORM bastion_internal.import_stop(checked, 'secrets');
        FOR accepted IN SELECT c.line, c.secret, c.format FROM jsonb_to_recordset(checked) c (line integer, secret bastion.secrets, format text)
                        WHERE (c.secret).id IS NULL ORDER BY c.line LOOP
            PERFORM bastion_internal.import_secret_value(accepted.secret, secrets -> (accepted.line - 1), accepted.format);
            imported := imported + 1;
        END LOOP;
        IF imported > 0 THEN
            PERFORM bastion_internal.record_event('secrets_imported', 'success', NULL, NULL, jsonb_build_object('secrets', imported, 'role', session_user));
        END IF;
    END IF;
    RETURN QUERY SELECT c.line, (c.secret).name, CASE WHEN c.problem IS NOT NULL THEN 'refused' WHEN (c.secret).id IS NOT NULL THEN 'skipped' ELSE 'accepted' END,
                        coalesce(c.problem, CASE WHEN (c.secret).id IS NOT NULL THEN 'a secret has the name there' END)
                 FROM jsonb_to_recordset(checked) c (line bigint, secret bastion.secrets, problem text) ORDER BY c.line;
END
$$;
COMMENT ON FUNCTION bastion.import_secrets(jsonb, boolean) IS
'Imports secrets of another system: an array of objects {"tenant", "unit", "user", "name", "value", "bytes", "provider", "type", "tags", "metadata", "expires_at"}, of which tenant (uuid or slug), name, and either value or bytes are required.
The secret is one of the tenant; with unit (slug or uuid) of that unit; with user (uuid, address or user name) the own secret of a member. value is a text, or other JSON, which secret_get_jsonb() opens. bytes is text in hexadecimal, which secret_get_bytea() opens. The other fields are those of secret_put(). Each put is recorded.
Returns a row for each secret: accepted; skipped, because a secret has the name there, of which nothing changes; or refused, with the reason. If a secret is refused, nothing is imported, and an error says how many there are. With dry_run, nothing is imported, and the rows name all that are refused. Neither rows nor errors hold a value.
For operators: EXECUTE is granted to nobody; send the array as a parameter.
SQLSTATE 22004 for NULL, 22023 for a value that is no array and when a secret is refused, 55000 when another transaction makes the same secret, BA001 and BA002 without the right root key, BA003 when a tenant''s keys are disabled.';
SELECT bastion_internal.event_kind('secrets_imported');

CREATE FUNCTION bastion.import_secrets_from(relation regclass, dry_run boolean DEFAULT false)
RETURNS TABLE (line bigint, name text, outcome text, reason text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
AS $$ SELECT * FROM bastion.import_secrets(bastion_internal.import_rows(relation), dry_run) $$;
COMMENT ON FUNCTION bastion.import_secrets_from(regclass, boolean) IS
'Imports the rows of a table or view as import_secrets() imports an array; the columns are the fields. bytes may be of type bytea, value of type text or jsonb, tags is an array. line counts the rows in the order in which they are read.
Code of a view or a type runs with the rights of the relation''s owner, in a security-restricted operation. The caller must be able to read all rows.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22004 for NULL, 22023 when a secret is refused, 42P01 for an unknown relation, 42809 for one that is no table or view, 42501 without SELECT or under row-level security, 55000 when another transaction makes the same secret, BA001 and BA002 without the right root key, BA003 when a tenant''s keys are disabled.';

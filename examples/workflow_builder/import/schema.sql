-- The import of the old builder's folder of JSON files: staged, checked, imported as a whole or not at all, and undone. For operators,
-- as a superuser; nothing of it is granted.

CREATE SCHEMA workflow_builder_import;
SET search_path = workflow_builder_import;

CREATE TABLE batches (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id uuid NOT NULL,
    default_owner uuid NOT NULL, -- who receives what has no owner
    state text NOT NULL DEFAULT 'staged' CHECK (state IN ('staged', 'imported', 'undone')),
    checksum text,
    staged_at timestamptz NOT NULL DEFAULT now(),
    imported_at timestamptz,
    undone_at timestamptz
);
-- What is in the folder: ann/workflows/x.json is a workflow of Ann's, nobody/workflows/y.json one without an owner, users/ann.json Ann.
CREATE TABLE documents (
    batch_id integer NOT NULL REFERENCES batches ON DELETE CASCADE,
    path text NOT NULL,
    kind text,
    owner text, -- as the folder says
    doc jsonb,
    fault text, -- what is wrong with the file by itself
    PRIMARY KEY (batch_id, path)
);
CREATE INDEX documents_id_idx ON documents (batch_id, kind, (doc ->> 'id'));
-- Which row each file became, for the checksum and for undo().
CREATE TABLE rows (
    batch_id integer NOT NULL REFERENCES batches ON DELETE CASCADE,
    kind text NOT NULL,
    key text NOT NULL,
    path text NOT NULL,
    PRIMARY KEY (batch_id, kind, key)
);

-- A key of the old builder is an id, a dot and a secret, of which it kept SHA-256.
SELECT bastion.api_key_scheme_add('workflow_builder', 'sha256', separator => '.');

-- Casts that answer NULL instead of failing.

CREATE FUNCTION object_or_null(content bytea) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    doc jsonb;
BEGIN
    doc := convert_from(content, 'UTF8')::jsonb;
    RETURN CASE jsonb_typeof(doc) WHEN 'object' THEN doc END;
EXCEPTION WHEN data_exception OR character_not_in_repertoire OR untranslatable_character OR statement_too_complex THEN
    RETURN NULL;
END
$$;

CREATE FUNCTION time_or_null(value text) RETURNS timestamptz LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN CASE WHEN value ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$' THEN value::timestamptz END;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$$;

CREATE FUNCTION opens(value text, key bytea) RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN bastion_internal.aes_gcm_open(value, key) IS NOT NULL;
EXCEPTION WHEN SQLSTATE 'BA003' THEN
    RETURN false;
END
$$;

CREATE FUNCTION is_uuid(value jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE
AS $$ SELECT jsonb_typeof(value) = 'string' AND bastion_internal.uuid_or_null(value #>> '{}') IS NOT NULL $$;
CREATE FUNCTION is_count(value jsonb, lowest integer) RETURNS boolean LANGUAGE sql IMMUTABLE
AS $$ SELECT jsonb_typeof(value) = 'number' AND value::text ~ '^\d{1,9}$' AND CASE WHEN value::text ~ '^\d{1,9}$' THEN value::text::integer >= lowest END $$;

-- What is wrong with a file by itself.
CREATE FUNCTION fault(kind text, doc jsonb) RETURNS text LANGUAGE sql STABLE SET search_path = workflow_builder_import, pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN kind IS NULL THEN 'is not where a file is expected'
        WHEN doc IS NULL THEN 'is no JSON object'
        WHEN kind <> 'users' AND time_or_null(doc ->> 'created_at') IS NULL THEN 'created_at is no time'
        WHEN kind IN ('workflows', 'knowledge_bases', 'webhooks', 'deployments') AND is_uuid(doc -> 'id') IS NOT TRUE THEN 'id is no uuid'
        WHEN kind IN ('workflows', 'knowledge_bases', 'webhooks', 'secrets', 'api_keys') AND (jsonb_typeof(doc -> 'name') IS DISTINCT FROM 'string' OR length(doc ->> 'name') NOT BETWEEN 1 AND 200)
            THEN 'name is no text of 1 to 200 characters'
        WHEN kind IN ('deployments', 'webhooks') AND is_uuid(doc -> 'workflow') IS NOT TRUE THEN 'workflow is no uuid'
        ELSE CASE kind
            WHEN 'users' THEN CASE
                WHEN bastion.is_email(lower(doc ->> 'email')) IS NOT TRUE THEN 'email is no address'
                WHEN coalesce(doc ->> 'role', '') NOT IN ('admin', 'user', 'viewer') THEN 'role is none of admin, user and viewer'
                WHEN coalesce(doc ->> 'password_hash', '') !~ '^\$(2[aby]\$\d\d\$.{53}|argon2id\$v=19\$.+|pbkdf2-sha256\$\d+\$.+)$' THEN 'password_hash has a form that is not known'
                END
            WHEN 'workflows' THEN CASE
                WHEN jsonb_typeof(doc -> 'nodes') IS DISTINCT FROM 'array' OR jsonb_typeof(doc -> 'edges') IS DISTINCT FROM 'array' THEN 'nodes or edges are no lists'
                WHEN jsonb_typeof(doc -> 'tags') IS DISTINCT FROM 'array' OR doc -> 'tags' @? '$[*] ? (@.type() != "string")' THEN 'tags are no list of texts'
                END
            WHEN 'deployments' THEN CASE
                WHEN is_count(doc -> 'version', 1) IS NOT TRUE THEN 'version is no number'
                WHEN coalesce(doc ->> 'status', '') NOT IN ('active', 'inactive', 'rolled_back') THEN 'status is none of active, inactive and rolled_back'
                WHEN jsonb_typeof(doc -> 'snapshot') IS DISTINCT FROM 'object' THEN 'snapshot is no object'
                END
            WHEN 'knowledge_bases' THEN CASE WHEN is_count(doc -> 'document_count', 0) IS NOT TRUE THEN 'document_count is no number' END
            WHEN 'api_keys' THEN CASE
                WHEN coalesce(doc ->> 'key_id', '') !~ '^\w{1,100}$' OR coalesce(doc ->> 'key_hash', '') !~ '^[0-9a-f]{64}$' THEN 'key_id or key_hash is none'
                WHEN jsonb_typeof(doc -> 'scopes') IS DISTINCT FROM 'array' OR doc -> 'scopes' @? '$[*] ? (@.type() != "string")' THEN 'scopes are no list of texts'
                END
            WHEN 'usage' THEN CASE
                WHEN is_count(doc -> 'tokens', 0) IS NOT TRUE OR is_count(doc -> 'duration_ms', 0) IS NOT TRUE THEN 'tokens or duration_ms is no number'
                WHEN jsonb_typeof(doc -> 'cost') IS DISTINCT FROM 'number' OR doc ->> 'cost' !~ '^\d{1,6}(\.\d{1,6})?$' THEN 'cost is no amount'
                END
            END
        END
$$;

-- Takes in what read_folder.sql has read into the temporary table incoming (path, content), both in hexadecimal.
CREATE FUNCTION stage(tenant text, default_owner text) RETURNS integer LANGUAGE plpgsql VOLATILE SET search_path = workflow_builder_import, pg_catalog, pg_temp AS $$
DECLARE
    batch integer;
BEGIN
    INSERT INTO batches (tenant_id, default_owner)
    SELECT t.id, u.id FROM bastion.tenants t JOIN bastion.memberships m ON m.tenant_id = t.id JOIN bastion.users u ON u.id = m.user_id
    WHERE t.slug = stage.tenant AND u.username = stage.default_owner LIMIT 1
    RETURNING id INTO STRICT batch;
    INSERT INTO documents (batch_id, path, kind, owner, doc, fault)
    SELECT batch, d.path, d.kind, d.owner, d.doc, fault(d.kind, d.doc)
    FROM (SELECT f.path, CASE WHEN f.place[1] IS NOT NULL THEN 'users' ELSE f.place[3] END AS kind, coalesce(f.place[1], nullif(f.place[2], 'nobody')) AS owner,
                 object_or_null(decode(f.content, 'hex')) AS doc
          FROM (SELECT n.path, i.content, regexp_match(n.path, '^(?:users/([a-z0-9._-]+)|([a-z0-9._-]+)/'
                           '(workflows|deployments|knowledge_bases|webhooks|secrets|api_keys|usage)/[^/]+)\.json$') AS place
                FROM pg_temp.incoming i, convert_from(decode(i.path, 'hex'), 'UTF8') AS n (path) OFFSET 0) f
          OFFSET 0) d;
    ANALYZE documents;
    RETURN batch;
END
$$;
COMMENT ON FUNCTION stage(text, text) IS
'Takes in what was read of a folder, for a tenant (slug) and a member (user name) who receives what has no owner. Returns the batch. SQLSTATE P0002 for an unknown tenant or member.';

-- The report. An error keeps the whole batch out.
CREATE FUNCTION report(batch integer, key bytea) RETURNS TABLE (path text, severity text, problem text)
LANGUAGE sql STABLE SET search_path = workflow_builder_import, pg_catalog, pg_temp AS $$
    WITH b AS (SELECT * FROM batches WHERE id = batch),
    d AS (SELECT * FROM documents x WHERE x.batch_id = batch),
    good AS (SELECT * FROM d WHERE d.fault IS NULL),
    -- Whose a file may be: users of the batch, and members of the tenant.
    owners AS MATERIALIZED (
        SELECT g.owner AS username, lower(g.doc ->> 'email') AS email FROM good g WHERE g.kind = 'users'
        UNION
        SELECT u.username, u.email FROM bastion.users u JOIN bastion.memberships m ON m.user_id = u.id JOIN b ON b.tenant_id = m.tenant_id
    ),
    workflows AS MATERIALIZED (SELECT g.doc ->> 'id' AS id, min(g.owner) AS owner FROM good g WHERE g.kind = 'workflows' GROUP BY 1)
    SELECT d.path, 'error', d.fault FROM d WHERE d.fault IS NOT NULL
    UNION ALL
    SELECT g.path, 'error', 'its owner "' || g.owner || '" is neither a user of this folder nor a member' FROM good g
    WHERE g.owner IS NOT NULL AND NOT EXISTS (SELECT FROM owners o WHERE o.username = g.owner)
    UNION ALL
    SELECT g.path, 'error', 'says that its owner is ' || (g.doc ->> 'owner') FROM good g LEFT JOIN owners o ON o.username = g.owner
    WHERE g.kind <> 'users' AND lower(g.doc ->> 'owner') IS DISTINCT FROM o.email AND g.doc ->> 'owner' IS NOT NULL
    UNION ALL
    SELECT g.path, 'error', 'needs an owner' FROM good g WHERE g.owner IS NULL AND g.kind IN ('secrets', 'api_keys', 'usage')
    UNION ALL
    SELECT g.path, 'error', 'belongs to a workflow of somebody else, or of nobody here' FROM good g
    LEFT JOIN workflows w ON w.id = g.doc ->> 'workflow'
    WHERE (g.kind IN ('deployments', 'webhooks') OR g.kind = 'usage' AND g.doc ->> 'workflow' IS NOT NULL) AND (w.id IS NULL OR w.owner IS DISTINCT FROM g.owner)
    UNION ALL
    SELECT min(g.path), 'error', count(*) || ' files have this id' FROM good g
    WHERE g.kind IN ('workflows', 'deployments', 'knowledge_bases', 'webhooks') GROUP BY g.kind, lower(g.doc ->> 'id') HAVING count(*) > 1
    UNION ALL
    SELECT min(g.path), 'error', count(*) || ' files have this version' FROM good g
    WHERE g.kind = 'deployments' GROUP BY g.doc ->> 'workflow', g.doc -> 'version' HAVING count(*) > 1
    UNION ALL
    SELECT min(g.path), 'error', count(*) || ' deployments of this workflow are active' FROM good g
    WHERE g.kind = 'deployments' AND g.doc ->> 'status' = 'active' GROUP BY g.doc ->> 'workflow' HAVING count(*) > 1
    UNION ALL
    SELECT min(g.path), 'error', count(*) || ' secrets of the owner have this name' FROM good g WHERE g.kind = 'secrets' GROUP BY g.owner, g.doc ->> 'name' HAVING count(*) > 1
    UNION ALL
    SELECT min(g.path), 'error', count(*) || ' API keys have this hash' FROM good g WHERE g.kind = 'api_keys' GROUP BY g.doc ->> 'key_id', g.doc ->> 'key_hash' HAVING count(*) > 1
    UNION ALL
    SELECT min(g.path), 'error', count(*) || ' users have this address' FROM good g WHERE g.kind = 'users' GROUP BY lower(g.doc ->> 'email') HAVING count(*) > 1
    UNION ALL
    -- One message wherever the row is: the report shows nothing of other tenants.
    SELECT g.path, 'error', 'its id is taken' FROM good g
    WHERE g.kind = 'workflows' AND EXISTS (SELECT FROM workflow_builder.workflows w WHERE w.id = bastion_internal.uuid_or_null(g.doc ->> 'id'))
       OR g.kind = 'deployments' AND EXISTS (SELECT FROM workflow_builder.deployments w WHERE w.id = bastion_internal.uuid_or_null(g.doc ->> 'id'))
       OR g.kind = 'knowledge_bases' AND EXISTS (SELECT FROM workflow_builder.knowledge_bases w WHERE w.id = bastion_internal.uuid_or_null(g.doc ->> 'id'))
       OR g.kind = 'webhooks' AND EXISTS (SELECT FROM workflow_builder.webhooks w WHERE w.id = bastion_internal.uuid_or_null(g.doc ->> 'id'))
    UNION ALL
    SELECT g.path, 'error', 'its address or user name is taken' FROM good g
    WHERE g.kind = 'users' AND EXISTS (SELECT FROM bastion.users u WHERE u.email = lower(g.doc ->> 'email') OR u.username = g.owner)
    UNION ALL
    SELECT g.path, 'error', 'its user name is none' FROM good g WHERE g.kind = 'users' AND bastion.is_username(g.owner) IS NOT TRUE
    UNION ALL
    SELECT g.path, 'error', 'its value does not open' FROM good g
    WHERE g.kind IN ('webhooks', 'secrets') AND opens(g.doc ->> 'encrypted_value', report.key) IS NOT TRUE
    UNION ALL
    SELECT g.path, 'notice', 'goes to the default owner' FROM good g WHERE g.owner IS NULL AND g.kind NOT IN ('users', 'secrets', 'api_keys', 'usage')
    ORDER BY 2, 1, 3
$$;
COMMENT ON FUNCTION report(integer, bytea) IS
'What is wrong with a batch (error) and what is to know (notice), by file. key is the 32 bytes under which the old builder encrypted.';

\ir run.sql
\ir generate.sql
RESET search_path;

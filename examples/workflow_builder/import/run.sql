-- What happens to a batch. Included by schema.sql.

-- A file in the form in which it is compared: what it says, times as numbers, with an owner, without what is sealed.
CREATE FUNCTION canonical(doc jsonb, owner text) RETURNS jsonb LANGUAGE sql STABLE SET search_path = workflow_builder_import, pg_catalog, pg_temp AS $$
    SELECT jsonb_strip_nulls(doc - '{encrypted_value, key_id, key_hash, owner, created_at, cost}'::text[] || jsonb_build_object(
        'owner', owner, 'created_at', extract(epoch FROM (doc ->> 'created_at')::timestamptz), 'cost', trim_scale((doc ->> 'cost')::numeric)))
$$;

-- The same of the rows that the files became.
CREATE FUNCTION as_document(kind text, key text) RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN CASE kind
        WHEN 'workflows' THEN (
            SELECT jsonb_build_object('id', w.id, 'name', w.name, 'description', w.description, 'nodes', w.nodes, 'edges', w.edges, 'tags', w.tags, 'created_at', w.created_at,
                                      'owner_id', w.user_id) FROM workflow_builder.workflows w WHERE w.id = key::uuid)
        WHEN 'deployments' THEN (
            SELECT jsonb_build_object('id', d.id, 'workflow', d.workflow_id, 'version', d.version, 'status', d.status, 'snapshot', d.snapshot, 'created_at', d.deployed_at,
                                      'owner_id', d.user_id) FROM workflow_builder.deployments d WHERE d.id = key::uuid)
        WHEN 'knowledge_bases' THEN (
            SELECT jsonb_build_object('id', k.id, 'name', k.name, 'document_count', k.document_count, 'created_at', k.created_at, 'owner_id', k.user_id)
            FROM workflow_builder.knowledge_bases k WHERE k.id = key::uuid)
        WHEN 'webhooks' THEN (
            SELECT jsonb_build_object('id', h.id, 'workflow', h.workflow_id, 'name', h.name, 'created_at', h.created_at, 'owner_id', h.user_id)
            FROM workflow_builder.webhooks h WHERE h.id = key::uuid)
        WHEN 'usage' THEN (
            SELECT jsonb_build_object('workflow', l.workflow_id, 'tokens', l.tokens, 'cost', l.cost, 'duration_ms', l.duration_ms, 'created_at', l.created_at, 'owner_id', l.user_id)
            FROM workflow_builder.usage_logs l WHERE l.id = key::bigint)
        WHEN 'secrets' THEN (
            SELECT jsonb_build_object('name', s.name, 'provider', s.provider, 'created_at', s.created_at, 'owner_id', s.owner_id) FROM bastion.secrets s WHERE s.id = key::uuid)
        WHEN 'api_keys' THEN (
            SELECT jsonb_build_object('name', k.name, 'scopes', k.scopes, 'created_at', k.created_at, 'owner_id', k.user_id) FROM bastion.api_keys k WHERE k.id = key::uuid)
    END;
END
$$;

CREATE FUNCTION checksum_of_files(batch integer) RETURNS text LANGUAGE sql STABLE SET search_path = workflow_builder_import, pg_catalog, pg_temp AS $$
    SELECT encode(sha256(convert_to(string_agg(d.path || canonical(d.doc, coalesce(d.owner, u.username)), E'\n' ORDER BY d.path COLLATE "C"), 'UTF8')), 'hex')
    FROM documents d JOIN batches b ON b.id = d.batch_id JOIN bastion.users u ON u.id = b.default_owner
    WHERE d.batch_id = batch AND d.kind <> 'users'
$$;
CREATE FUNCTION checksum_of_rows(batch integer) RETURNS text LANGUAGE sql STABLE SET search_path = workflow_builder_import, pg_catalog, pg_temp AS $$
    SELECT encode(sha256(convert_to(string_agg(r.path || canonical(r.doc - 'owner_id', u.username), E'\n' ORDER BY r.path COLLATE "C"), 'UTF8')), 'hex')
    FROM (SELECT x.path, as_document(x.kind, x.key) AS doc FROM rows x WHERE x.batch_id = batch AND x.kind <> 'users' OFFSET 0) r
    LEFT JOIN bastion.users u ON u.id = (r.doc ->> 'owner_id')::uuid
$$;
COMMENT ON FUNCTION checksum_of_files(integer) IS 'SHA-256 over what the files of a batch say, sealed values left out.';
COMMENT ON FUNCTION checksum_of_rows(integer) IS 'checksum_of_files() over the rows that they became: the same when nothing was lost.';

CREATE FUNCTION import_users(batch batches) RETURNS void LANGUAGE sql VOLATILE SET search_path = workflow_builder_import, pg_catalog, pg_temp AS $$
    INSERT INTO rows SELECT batch.id, 'users', gen_random_uuid(), d.path FROM documents d WHERE d.batch_id = batch.id AND d.kind = 'users';
    INSERT INTO bastion.users (id, email, username, display_name)
    SELECT r.key::uuid, lower(d.doc ->> 'email'), d.owner, d.doc ->> 'name'
    FROM rows r JOIN documents d USING (batch_id, path) WHERE r.batch_id = batch.id AND r.kind = 'users';
    INSERT INTO bastion.user_passwords (user_id, hash)
    SELECT r.key::uuid, d.doc ->> 'password_hash' FROM rows r JOIN documents d USING (batch_id, path) WHERE r.batch_id = batch.id AND r.kind = 'users';
    INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
    SELECT u.key::uuid, batch.tenant_id, o.id
    FROM rows u JOIN documents d ON d.batch_id = u.batch_id AND d.path = u.path JOIN bastion.roles o ON o.name = d.doc ->> 'role' AND o.tenant_id IS NULL
    WHERE u.batch_id = batch.id AND u.kind = 'users'
$$;

CREATE FUNCTION import_api_keys(batch batches) RETURNS void LANGUAGE sql VOLATILE SET search_path = workflow_builder_import, pg_catalog, pg_temp AS $$
    INSERT INTO rows
    SELECT batch.id, 'api_keys', i.api_key, d.paths[i.line]
    FROM (SELECT array_agg(x.path ORDER BY x.path) AS paths,
                 jsonb_agg(jsonb_build_object('scheme', 'workflow_builder', 'lookup', x.doc -> 'key_id', 'hash', x.doc -> 'key_hash', 'user', x.owner, 'tenant', batch.tenant_id,
                                              'name', x.doc -> 'name', 'scopes', x.doc -> 'scopes', 'created_at', x.doc -> 'created_at') ORDER BY x.path) AS keys
          FROM documents x WHERE x.batch_id = batch.id AND x.kind = 'api_keys') d, bastion.import_api_keys(coalesce(d.keys, '[]')) i
$$;

CREATE FUNCTION import_rows(batch batches, key bytea) RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = workflow_builder_import, pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO rows
    SELECT batch.id, d.kind, CASE d.kind WHEN 'usage' THEN nextval('workflow_builder.usage_logs_id_seq')::text WHEN 'secrets' THEN gen_random_uuid()::text ELSE lower(d.doc ->> 'id') END, d.path
    FROM documents d WHERE d.batch_id = batch.id AND d.kind NOT IN ('users', 'api_keys');
    -- With the owner, or who is to receive it: a row gets that person's list.
    CREATE TEMPORARY TABLE placed ON COMMIT DROP AS
    SELECT r.kind, r.key, d.doc, batch.tenant_id, u.id AS user_id, time_or_null(d.doc ->> 'created_at') AS created_at
    FROM rows r JOIN documents d USING (batch_id, path) JOIN bastion.users standing_in ON standing_in.id = batch.default_owner
    LEFT JOIN bastion.users u ON u.username = coalesce(d.owner, standing_in.username)
    WHERE r.batch_id = batch.id AND r.kind <> 'users';
    ANALYZE placed;

    INSERT INTO workflow_builder.profiles (tenant_id, user_id, name)
    SELECT batch.tenant_id, u.id, u.display_name
    FROM rows r JOIN bastion.users u ON u.id = r.key::uuid
    WHERE r.batch_id = batch.id AND r.kind = 'users';
    INSERT INTO workflow_builder.workflows (id, tenant_id, user_id, name, description, nodes, edges, tags, created_at, updated_at)
    SELECT p.key::uuid, p.tenant_id, p.user_id, p.doc ->> 'name', p.doc ->> 'description', p.doc -> 'nodes', p.doc -> 'edges',
           ARRAY(SELECT jsonb_array_elements_text(p.doc -> 'tags')), p.created_at, p.created_at
    FROM placed p WHERE p.kind = 'workflows';
    INSERT INTO workflow_builder.deployments (id, tenant_id, user_id, workflow_id, version, status, snapshot, deployed_at)
    SELECT p.key::uuid, p.tenant_id, p.user_id, (p.doc ->> 'workflow')::uuid, (p.doc ->> 'version')::integer, p.doc ->> 'status', p.doc -> 'snapshot', p.created_at
    FROM placed p WHERE p.kind = 'deployments';
    INSERT INTO workflow_builder.knowledge_bases (id, tenant_id, user_id, name, document_count, created_at)
    SELECT p.key::uuid, p.tenant_id, p.user_id, p.doc ->> 'name', (p.doc ->> 'document_count')::integer, p.created_at FROM placed p WHERE p.kind = 'knowledge_bases';
    INSERT INTO workflow_builder.webhooks (id, tenant_id, user_id, workflow_id, name, secret, created_at)
    SELECT p.key::uuid, p.tenant_id, p.user_id, (p.doc ->> 'workflow')::uuid, p.doc ->> 'name',
           bastion.import_aes_gcm(p.tenant_id, p.doc ->> 'encrypted_value', import_rows.key, 'webhooks', p.key::uuid::text), p.created_at
    FROM placed p WHERE p.kind = 'webhooks';
    INSERT INTO workflow_builder.usage_logs (id, tenant_id, user_id, workflow_id, action, tokens, cost, duration_ms, created_at)
    OVERRIDING SYSTEM VALUE
    SELECT p.key::bigint, p.tenant_id, p.user_id, (p.doc ->> 'workflow')::uuid, 'import', (p.doc ->> 'tokens')::integer, (p.doc ->> 'cost')::numeric,
           (p.doc ->> 'duration_ms')::integer, p.created_at
    FROM placed p WHERE p.kind = 'usage';
    -- Secrets of users, as secret_put() keeps them, which itself needs an identity.
    PERFORM bastion_internal.data_key('bastion.secrets', batch.tenant_id);
    INSERT INTO bastion.secrets (id, tenant_id, owner_id, name, provider, created_by, created_at)
    SELECT p.key::uuid, p.tenant_id, p.user_id, p.doc ->> 'name', p.doc ->> 'provider', p.user_id, p.created_at FROM placed p WHERE p.kind = 'secrets';
    INSERT INTO bastion.secret_versions (secret_id, version, value, created_by)
    SELECT p.key::uuid, 1, bastion.import_aes_gcm(p.tenant_id, p.doc ->> 'encrypted_value', import_rows.key, 'bastion.secrets', bastion_internal.secret_place(p.key::uuid, 1)), p.user_id
    FROM placed p WHERE p.kind = 'secrets';
    DROP TABLE placed;
END
$$;

CREATE FUNCTION run(batch integer, key bytea, dry_run boolean DEFAULT true) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET search_path = workflow_builder_import, pg_catalog, pg_temp AS $$
DECLARE
    this batches;
    errors bigint;
    first text;
    counts jsonb;
    of_files text;
    of_rows text;
BEGIN
    SELECT * INTO STRICT this FROM batches b WHERE b.id = batch FOR UPDATE;
    IF this.state <> 'staged' THEN
        RAISE EXCEPTION 'batch % is %', batch, this.state USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT count(*), min(r.path || ': ' || r.problem) INTO errors, first FROM report(batch, run.key) r WHERE r.severity = 'error';
    IF errors > 0 THEN
        RAISE EXCEPTION 'batch % has % error(s), nothing was imported', batch, errors USING ERRCODE = 'invalid_parameter_value',
            DETAIL = first, HINT = 'report() lists them all.';
    END IF;
    BEGIN
        PERFORM import_users(this);
        PERFORM import_rows(this, run.key);
        PERFORM import_api_keys(this);
        SELECT jsonb_object_agg(r.kind, r.n) INTO counts FROM (SELECT x.kind, count(*) AS n FROM rows x WHERE x.batch_id = batch GROUP BY 1) r;
        of_files := checksum_of_files(batch);
        of_rows := checksum_of_rows(batch);
        IF of_files IS DISTINCT FROM of_rows THEN
            RAISE EXCEPTION 'rows differ from files' USING ERRCODE = 'data_corrupted';
        END IF;
        IF dry_run THEN
            RAISE EXCEPTION 'undo' USING ERRCODE = 'XT001';
        END IF;
        UPDATE batches b SET state = 'imported', imported_at = now(), checksum = of_rows WHERE b.id = batch;
    EXCEPTION WHEN SQLSTATE 'XT001' THEN
        NULL;
    END;
    RETURN jsonb_build_object('dry_run', dry_run, 'counts', counts, 'checksum', of_rows);
END
$$;
COMMENT ON FUNCTION run(integer, bytea, boolean) IS
'Imports a batch, or with dry_run does it and takes it back; returns {dry_run, counts, checksum}. All or nothing: SQLSTATE 22023 when report() has errors, XX001 when the rows do not say what the files say, 55000 for a batch that was imported.';

CREATE FUNCTION undo(batch integer) RETURNS jsonb LANGUAGE plpgsql VOLATILE SET search_path = workflow_builder_import, pg_catalog, pg_temp AS $$
DECLARE
    this batches;
    later text;
    kind text;
    gone bigint;
    counts jsonb := '{}';
BEGIN
    SELECT * INTO STRICT this FROM batches b WHERE b.id = batch FOR UPDATE;
    IF this.state <> 'imported' THEN
        RAISE EXCEPTION 'batch % is %', batch, this.state USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    -- What came later goes on living: it keeps what it stands on.
    WITH users AS (SELECT r.key::uuid AS id FROM rows r WHERE r.batch_id = batch AND r.kind = 'users'),
    workflows AS (SELECT r.key::uuid AS id FROM rows r WHERE r.batch_id = batch AND r.kind = 'workflows'),
    later_rows AS (
        SELECT 'workflow ' || w.id AS name FROM workflow_builder.workflows w WHERE w.user_id IN (TABLE users) AND w.id NOT IN (TABLE workflows)
        UNION ALL
        SELECT 'deployment ' || d.id FROM workflow_builder.deployments d WHERE (d.workflow_id IN (TABLE workflows) OR d.user_id IN (TABLE users))
           AND d.id::text NOT IN (SELECT r.key FROM rows r WHERE r.batch_id = batch AND r.kind = 'deployments')
        UNION ALL
        SELECT 'webhook ' || h.id FROM workflow_builder.webhooks h WHERE (h.workflow_id IN (TABLE workflows) OR h.user_id IN (TABLE users))
           AND h.id::text NOT IN (SELECT r.key FROM rows r WHERE r.batch_id = batch AND r.kind = 'webhooks')
        UNION ALL
        SELECT 'knowledge base ' || k.id FROM workflow_builder.knowledge_bases k WHERE k.user_id IN (TABLE users)
           AND k.id::text NOT IN (SELECT r.key FROM rows r WHERE r.batch_id = batch AND r.kind = 'knowledge_bases')
        UNION ALL
        SELECT 'usage ' || l.id FROM workflow_builder.usage_logs l WHERE l.user_id IN (TABLE users)
           AND l.id::text NOT IN (SELECT r.key FROM rows r WHERE r.batch_id = batch AND r.kind = 'usage')
        UNION ALL
        SELECT 'secret ' || s.id FROM bastion.secrets s WHERE s.owner_id IN (TABLE users)
           AND s.id::text NOT IN (SELECT r.key FROM rows r WHERE r.batch_id = batch AND r.kind = 'secrets')
        UNION ALL
        SELECT 'API key ' || k.id FROM bastion.api_keys k WHERE k.user_id IN (TABLE users)
           AND k.id::text NOT IN (SELECT r.key FROM rows r WHERE r.batch_id = batch AND r.kind = 'api_keys')
    )
    SELECT min(l.name) INTO later FROM later_rows l;
    IF later IS NOT NULL THEN
        RAISE EXCEPTION 'rows were made since the import' USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('One is %s.', later);
    END IF;
    FOREACH kind IN ARRAY ARRAY['usage', 'webhooks', 'deployments', 'knowledge_bases', 'workflows', 'secrets', 'api_keys', 'users'] LOOP
        IF kind = 'users' THEN
            DELETE FROM workflow_builder.profiles p USING rows r WHERE r.batch_id = batch AND r.kind = 'users' AND p.tenant_id = this.tenant_id AND p.user_id = r.key::uuid;
        END IF;
        EXECUTE format('DELETE FROM %s t USING workflow_builder_import.rows r WHERE r.batch_id = $1 AND r.kind = $2 AND t.id = r.key::%s',
                       CASE kind WHEN 'usage' THEN 'workflow_builder.usage_logs' WHEN 'secrets' THEN 'bastion.secrets' WHEN 'api_keys' THEN 'bastion.api_keys'
                                 WHEN 'users' THEN 'bastion.users' ELSE 'workflow_builder.' || kind END,
                       CASE kind WHEN 'usage' THEN 'bigint' ELSE 'uuid' END) USING batch, kind;
        GET DIAGNOSTICS gone = ROW_COUNT;
        counts := counts || jsonb_build_object(kind, gone);
    END LOOP;
    DELETE FROM rows r WHERE r.batch_id = batch;
    UPDATE batches b SET state = 'undone', undone_at = now() WHERE b.id = batch;
    RETURN counts;
END
$$;
COMMENT ON FUNCTION undo(integer) IS
'Takes an import back: deletes the rows that it made, the users among them; returns how many. SQLSTATE 55000 for a batch that is not imported, and when rows were made since that stand on imported ones.';

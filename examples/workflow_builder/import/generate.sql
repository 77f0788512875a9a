-- A folder of the old builder, made up: the same for the same seed. Included by schema.sql.

CREATE FUNCTION pick(seed integer, what text, n integer, below integer) RETURNS integer LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT ('x' || substr(md5(format('%s/%s/%s', seed, what, n)), 1, 7))::bit(28)::integer % below $$;
CREATE FUNCTION moment(seed integer, what text, n integer) RETURNS text LANGUAGE sql IMMUTABLE SET search_path = workflow_builder_import, pg_catalog, pg_temp
AS $$ SELECT to_char(timestamp '2024-01-01' + pick(seed, what, n, 60000000) * interval '1 s' + pick(seed, what, -n, 1000000) * interval '1 us', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;

-- 20 users, 1 file in 100 a secret and 1 an API key, 5 webhooks, 10 knowledge bases, 30 deployments, 40 workflows; the rest is usage.
-- Secrets are AES-256-GCM under the key 60 61 … 7f; the password of everybody is "imported with its hash". An API
-- key is its key_id, a dot and a secret, of which the old builder kept SHA-256.
CREATE FUNCTION generate(seed integer, files integer DEFAULT 10000) RETURNS TABLE (path text, content text)
LANGUAGE sql IMMUTABLE SET search_path = workflow_builder_import, pg_catalog, pg_temp AS $$
    WITH people AS (
        SELECT n, CASE n WHEN 20 THEN 'nobody' ELSE 'person-' || n END AS username, CASE WHEN n < 20 THEN format('person-%s@builder.example', n) END AS email
        FROM generate_series(0, 20) n
    ), made AS (
        SELECT w.n, p.username, p.email, md5(format('%s/workflow/%s', seed, w.n))::uuid AS id,
               format(E'Workflow %s: "%s" \\ and/or é漢🙂\n', w.n, (ARRAY['Summary', 'Triage', 'Answer', 'Report'])[pick(seed, 'name', w.n, 4) + 1]) AS name,
               jsonb_build_array(jsonb_build_object('id', 'start'), jsonb_build_object('id', 'agent', 'model', 'small', 'temperature', round(pick(seed, 'warm', w.n, 100) / 100.0, 2))) AS nodes
        FROM generate_series(0, files * 40 / 100 - 1) AS w (n) JOIN people p ON p.n = pick(seed, 'owner', w.n, 21)
    ), numbers AS (
        SELECT n FROM generate_series(0, files) n
    ), encrypted AS (
        SELECT ARRAY['eoMVu/pnCqd11Jal0ft2v/SNk3zLxA7f+Kxe9pdSW+0cyZY8QKdNog/tQ3EoIzgmG6DBw12qBvf8z+FfGWs=',
                     'LeS5QKVOndjfYmlrJocbYL4NjQ7waIZJ3fqHHWIPTd+7Lj4pCo4h3ge88PnTQl3aLTjPs7LylUFrFWDAIYc=',
                     'THJBRJsAuo6J6DQuIdFJ1jnIE/STLknyaBA85C3R4Hb6qD9pEhnwQkfSA5DMizEujs3QO9xh5F5AswFwnVY=',
                     'wsKZfBvrgzh45i15jkN/qMzbwF/Zin2AoyA1Gp+6blPddH7wpkmu/hr1+M5HO62qSaLRZt7lF7AwPrWkTvA='] AS list
    )
    SELECT 'users/' || p.username || '.json', jsonb_build_object('email', p.email, 'name', 'Person ' || p.n, 'role', (ARRAY['user', 'user', 'viewer', 'user', 'admin'])[p.n % 5 + 1],
               'password_hash', CASE p.n % 2 WHEN 0 THEN '$2b$10$EZjr34F2AS8yF7063VygTupFMqYuPj0XWn4f3H1ljyibp7ZKiDxwC'
                                             ELSE '$pbkdf2-sha256$100000$w8oZga7i7Tc4AcSAihYH.Q$.94Ktk852ndBcKhF5hEOs5AbmBsBBc0TTclPovZdA9Y' END)::text
    FROM people p WHERE p.n < 20
    UNION ALL
    SELECT format('%s/workflows/%s.json', m.username, m.id), jsonb_build_object('id', m.id, 'owner', m.email, 'name', m.name, 'description', CASE m.n % 3 WHEN 0 THEN 'One of three' END,
               'nodes', m.nodes, 'edges', '[{"from": "start", "to": "agent"}]'::jsonb, 'tags', CASE m.n % 2 WHEN 0 THEN '["a b", "c,d"]' ELSE '[]' END::jsonb,
               'created_at', moment(seed, 'workflow', m.n))::text
    FROM made m
    UNION ALL -- two deployments each for the first workflows
    SELECT format('%s/deployments/%s-%s.json', m.username, m.id, v), jsonb_build_object('id', md5(format('%s/deployment/%s/%s', seed, m.n, v))::uuid, 'owner', m.email, 'workflow', m.id,
               'version', v, 'status', CASE v WHEN 2 THEN 'active' ELSE 'inactive' END, 'snapshot', jsonb_build_object('name', m.name, 'nodes', m.nodes),
               'created_at', moment(seed, 'deployment', m.n * 2 + v))::text
    FROM made m, generate_series(1, 2) v WHERE m.n < files * 15 / 100
    UNION ALL
    SELECT format('%s/knowledge_bases/%s.json', p.username, k.n), jsonb_build_object('id', md5(format('%s/knowledge/%s', seed, k.n))::uuid, 'owner', p.email, 'name', 'Knowledge ' || k.n,
               'document_count', pick(seed, 'documents', k.n, 500), 'created_at', moment(seed, 'knowledge', k.n))::text
    FROM numbers k JOIN people p ON p.n = pick(seed, 'knows', k.n, 21) WHERE k.n < files * 10 / 100
    UNION ALL
    SELECT format('%s/webhooks/%s.json', m.username, m.n), jsonb_build_object('id', md5(format('%s/webhook/%s', seed, m.n))::uuid, 'owner', m.email, 'workflow', m.id, 'name', 'Hook ' || m.n,
               'encrypted_value', e.list[m.n % 4 + 1], 'created_at', moment(seed, 'webhook', m.n))::text
    FROM made m, encrypted e WHERE m.n < files * 5 / 100
    UNION ALL
    SELECT format('%s/secrets/%s.json', p.username, s.n), jsonb_build_object('owner', p.email, 'name', 'secret ' || s.n, 'provider', 'openai', 'encrypted_value', e.list[s.n % 4 + 1],
               'created_at', moment(seed, 'secret', s.n))::text
    FROM numbers s JOIN people p ON p.n = pick(seed, 'hides', s.n, 20), encrypted e WHERE s.n < files / 100
    UNION ALL
    SELECT format('%s/api_keys/%s.json', p.username, k.n), jsonb_build_object('owner', p.email, 'name', 'Key ' || k.n, 'key_id', 'key_' || k.n,
               'key_hash', encode(sha256(convert_to(md5(format('%s/key/%s', seed, k.n)), 'UTF8')), 'hex'), 'scopes', '["workflows.read"]'::jsonb, 'created_at', moment(seed, 'key', k.n))::text
    FROM numbers k JOIN people p ON p.n = pick(seed, 'keeps', k.n, 20) WHERE k.n < files / 100
    UNION ALL
    SELECT format('%s/usage/%s.json', p.username, u.n), jsonb_build_object('owner', p.email, 'tokens', pick(seed, 'tokens', u.n, 10000), 'cost', round(pick(seed, 'cost', u.n, 1000000) / 1000000.0, 6),
               'duration_ms', pick(seed, 'ms', u.n, 5000), 'created_at', moment(seed, 'usage', u.n))::text
    FROM numbers u JOIN people p ON p.n = pick(seed, 'uses', u.n, 20)
    WHERE u.n < files - 20 - files * 40 / 100 - files * 15 / 100 * 2 - files * 10 / 100 - files * 5 / 100 - files / 100 * 2
$$;
COMMENT ON FUNCTION generate(integer, integer) IS 'The files of a made-up folder of the old builder: paths and what is in them.';

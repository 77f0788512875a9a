-- Maya has two workspaces, a bakery and a roastery; Ravi writes and Vera reads in the bakery. Rex has a rival workspace.
-- Everybody's password is "correct horse battery".

INSERT INTO bastion.users (id, email, username, display_name) VALUES
    ('5a000000-0000-4000-8000-000000000001', 'maya@bakery.example', 'maya', 'Maya'),
    ('5a000000-0000-4000-8000-000000000002', 'ravi@bakery.example', 'ravi', 'Ravi'),
    ('5a000000-0000-4000-8000-000000000003', 'vera@bakery.example', 'vera', 'Vera'),
    ('5a000000-0000-4000-8000-000000000004', 'rex@rival.example', 'rex', 'Rex');
INSERT INTO bastion.user_passwords (user_id, hash)
SELECT u.id, bastion.password_hash('correct horse battery') FROM bastion.users u WHERE u.username IN ('maya', 'ravi', 'vera', 'rex');
INSERT INTO bastion.tenants (id, name, slug) VALUES
    ('5a000000-0000-4000-8000-00000000000a', 'Bakery', 'bakery'),
    ('5a000000-0000-4000-8000-00000000000b', 'Roastery', 'roastery'),
    ('5a000000-0000-4000-8000-00000000000c', 'Rival', 'rival');
-- Read, write and admin of the old middleware are the extension's viewer, developer and admin.
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT u.id, t.id, r.id
FROM (VALUES ('maya', 'bakery', 'owner'), ('maya', 'roastery', 'owner'), ('ravi', 'bakery', 'developer'),
             ('vera', 'bakery', 'viewer'), ('rex', 'rival', 'owner')) AS m (username, slug, role)
JOIN bastion.users u USING (username) JOIN bastion.tenants t USING (slug) JOIN bastion.roles r ON r.name = m.role AND r.system;

SET search_path = marketing, public;

INSERT INTO accounts (user_id, subscription_tier, monthly_budget, onboarding_status)
SELECT u.id, a.tier, a.budget, 'completed'
FROM (VALUES ('maya', 'growth', 50), ('ravi', 'free', 1), ('vera', 'free', 1), ('rex', 'starter', 10)) AS a (username, tier, budget)
JOIN bastion.users u USING (username);

UPDATE bastion.users u SET plan = a.subscription_tier FROM accounts a WHERE a.user_id = u.id;

INSERT INTO workspaces (id, owner_id, monthly_token_limit, monthly_cost_limit)
SELECT t.id, m.user_id, 500000, 25
FROM bastion.tenants t JOIN bastion.memberships m ON m.tenant_id = t.id JOIN bastion.roles r ON r.id = m.role_id AND r.name = 'owner'
WHERE t.slug IN ('bakery', 'roastery', 'rival');

-- The same of everything in each workspace. The ids of rows follow from their workspace, so that tests can name them.
CREATE FUNCTION row_of(slug text, kind text) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT md5(slug || '/' || kind)::uuid $$;

INSERT INTO foundations (id, workspace_id, company_name, mission, industry, stage)
SELECT row_of(t.slug, 'foundation'), t.id, t.name, 'What ' || t.name || ' is for', 'food', 'growth' FROM bastion.tenants t;
INSERT INTO icp_profiles (id, workspace_id, name, pain_points, fit_score, is_primary)
SELECT row_of(t.slug, 'icp'), t.id, 'Early birds', '{time, hunger}', 90, true FROM bastion.tenants t;
INSERT INTO campaigns (id, workspace_id, icp_profile_id, name, status, budget, starts_on, ends_on, created_by)
SELECT row_of(t.slug, 'campaign'), t.id, row_of(t.slug, 'icp'), t.name || ' in spring', 'active', 20, '2026-03-01', '2026-05-31', w.owner_id
FROM bastion.tenants t JOIN workspaces w USING (id);
INSERT INTO moves (id, workspace_id, campaign_id, name, category)
SELECT row_of(t.slug, 'move'), t.id, row_of(t.slug, 'campaign'), 'Open an hour earlier', 'ignite' FROM bastion.tenants t;
INSERT INTO muse_assets (id, workspace_id, move_id, asset_type, title, created_by)
SELECT row_of(t.slug, 'asset'), t.id, row_of(t.slug, 'move'), 'post', 'We open at six', w.owner_id
FROM bastion.tenants t JOIN workspaces w USING (id);
INSERT INTO blackbox_strategies (id, workspace_id, name, focus_area, risk_tolerance)
SELECT row_of(t.slug, 'strategy'), t.id, 'Give the bread away', 'acquisition', 9 FROM bastion.tenants t;
INSERT INTO daily_wins (id, workspace_id, win_date, platform, topic)
SELECT row_of(t.slug, 'win'), t.id, '2026-03-02', 'feed', 'The first loaf' FROM bastion.tenants t;
INSERT INTO agent_executions (id, workspace_id, user_id, agent_name, status, tokens_used, cost, started_at, completed_at)
SELECT row_of(t.slug, 'execution'), t.id, w.owner_id, 'copywriter', 'completed', 1200, 0.034, '2026-03-02 06:00Z', '2026-03-02 06:01Z'
FROM bastion.tenants t JOIN workspaces w USING (id);

-- Stands in for the model that makes embeddings: counts words in 64 buckets, so that texts with words in common are near.
CREATE FUNCTION toy_embedding(value text) RETURNS real[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT array_agg(coalesce(w.words, 0)::real ORDER BY bucket)
    FROM generate_series(0, 63) bucket
    LEFT JOIN (SELECT get_byte(sha256(convert_to(word, 'UTF8')), 0) % 64 AS bucket, count(*) AS words
               FROM regexp_split_to_table(lower(value), '[^a-z]+') word WHERE word <> '' GROUP BY 1) w USING (bucket)
$$;

INSERT INTO memory_vectors (workspace_id, memory_type, content, embedding)
SELECT t.id, 'research', s.content, toy_embedding(s.content)
FROM bastion.tenants t, generate_series(0, 199) n,
     format('%s customers like %s %s in the %s', t.slug, (ARRAY['warm', 'dark', 'cheap', 'fresh', 'sweet'])[n % 5 + 1],
            (ARRAY['bread', 'coffee', 'cake', 'tea', 'soup', 'rolls', 'pie', 'jam'])[n % 8 + 1],
            (ARRAY['morning', 'evening', 'garden', 'office', 'train'])[n / 40 + 1]) AS s (content);
INSERT INTO memory_vectors (id, workspace_id, memory_type, content, embedding)
SELECT row_of(t.slug, 'memory'), t.id, 'foundation', s.content, toy_embedding(s.content)
FROM bastion.tenants t, format('The secret recipe of %s is rye and patience', t.slug) AS s (content);

RESET search_path;

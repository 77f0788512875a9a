-- A marketing suite: workspaces are tenants, and a user may have several. Eleven tables: accounts and workspaces beside the
-- extension's users and tenants, and nine of the suite's own. Run as a superuser in a database that has pg_bastion.

SELECT to_regrole('marketing_owner') IS NULL AS no_owner, to_regrole('marketing_app') IS NULL AS no_app,
       EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') AS has_pgvector \gset
\if :no_owner
CREATE ROLE marketing_owner;
\endif
\if :no_app
CREATE ROLE marketing_app;
\endif
SELECT bastion.allow_migration_role('marketing_owner');
SELECT bastion.allow_app_role('marketing_app');
\if :has_pgvector
CREATE EXTENSION IF NOT EXISTS vector SCHEMA public;
\endif

CREATE SCHEMA marketing AUTHORIZATION marketing_owner;
GRANT USAGE ON SCHEMA marketing TO marketing_app;
SET ROLE marketing_owner;
SET search_path = marketing, public;

-- Tier and budget belong to the user, in whichever workspace the money is spent.
CREATE TABLE accounts (
    user_id uuid PRIMARY KEY DEFAULT bastion.user_id(),
    subscription_tier text NOT NULL DEFAULT 'free' CHECK (subscription_tier IN ('free', 'starter', 'growth', 'enterprise')),
    monthly_budget numeric(12, 2) NOT NULL DEFAULT 1.00 CHECK (monthly_budget >= 0 AND monthly_budget < 'NaN'),
    onboarding_status text NOT NULL DEFAULT 'pending' CHECK (onboarding_status IN ('pending', 'in_progress', 'completed')),
    preferences jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(preferences) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- What a workspace has beside its tenant: settings, and limits of its own.
CREATE TABLE workspaces (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL,
    settings jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object'),
    monthly_token_limit bigint NOT NULL DEFAULT 1000000 CHECK (monthly_token_limit >= 0),
    monthly_cost_limit numeric(12, 2) NOT NULL DEFAULT 10.00 CHECK (monthly_cost_limit >= 0 AND monthly_cost_limit < 'NaN'),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE foundations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL UNIQUE,
    company_name text NOT NULL CHECK (company_name <> ''),
    mission text,
    vision text,
    value_proposition text,
    industry text,
    stage text CHECK (stage IN ('idea', 'launch', 'growth', 'scale')),
    brand_voice jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(brand_voice) = 'object'),
    guardrails text[] NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE icp_profiles (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    tagline text,
    demographics jsonb NOT NULL DEFAULT '{}',
    psychographics jsonb NOT NULL DEFAULT '{}',
    pain_points text[] NOT NULL DEFAULT '{}',
    goals text[] NOT NULL DEFAULT '{}',
    fit_score smallint CHECK (fit_score BETWEEN 0 AND 100),
    is_primary boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (workspace_id, name)
);
CREATE UNIQUE INDEX icp_profiles_primary_idx ON icp_profiles (workspace_id) WHERE is_primary;

CREATE TABLE campaigns (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL,
    icp_profile_id uuid REFERENCES icp_profiles (id) ON DELETE SET NULL,
    name text NOT NULL CHECK (name <> ''),
    goal text,
    status text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'active', 'paused', 'completed')),
    budget numeric(12, 2) NOT NULL DEFAULT 0 CHECK (budget >= 0 AND budget < 'NaN'),
    spent numeric(12, 2) NOT NULL DEFAULT 0 CHECK (spent >= 0 AND spent < 'NaN'),
    starts_on date,
    ends_on date,
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (ends_on >= starts_on)
);
CREATE INDEX campaigns_workspace_id_status_idx ON campaigns (workspace_id, status);

CREATE TABLE moves (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL,
    campaign_id uuid REFERENCES campaigns (id) ON DELETE CASCADE,
    name text NOT NULL CHECK (name <> ''),
    category text NOT NULL CHECK (category IN ('ignite', 'capture', 'authority', 'repair', 'rally')),
    goal text,
    strategy jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'planned' CHECK (status IN ('planned', 'running', 'done', 'stopped')),
    duration_days smallint NOT NULL DEFAULT 7 CHECK (duration_days BETWEEN 1 AND 90),
    success_metrics jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(success_metrics) = 'array'),
    started_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX moves_workspace_id_campaign_id_idx ON moves (workspace_id, campaign_id);

CREATE TABLE muse_assets (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL,
    move_id uuid REFERENCES moves (id) ON DELETE SET NULL,
    parent_id uuid REFERENCES muse_assets (id) ON DELETE SET NULL,
    asset_type text NOT NULL CHECK (asset_type IN ('email', 'post', 'script', 'ad', 'page')),
    title text NOT NULL CHECK (title <> ''),
    content text NOT NULL DEFAULT '',
    status text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'approved', 'published', 'archived')),
    quality_score smallint CHECK (quality_score BETWEEN 0 AND 100),
    version integer NOT NULL DEFAULT 1 CHECK (version > 0),
    metadata jsonb NOT NULL DEFAULT '{}',
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX muse_assets_workspace_id_move_id_idx ON muse_assets (workspace_id, move_id);

CREATE TABLE blackbox_strategies (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    focus_area text NOT NULL,
    risk_tolerance smallint NOT NULL CHECK (risk_tolerance BETWEEN 1 AND 10),
    risk_reasons text[] NOT NULL DEFAULT '{}',
    phases jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(phases) = 'array'),
    status text NOT NULL DEFAULT 'proposed' CHECK (status IN ('proposed', 'accepted', 'rejected', 'converted')),
    converted_move_id uuid REFERENCES moves (id) ON DELETE SET NULL,
    expires_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX blackbox_strategies_workspace_id_status_idx ON blackbox_strategies (workspace_id, status);

CREATE TABLE daily_wins (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL,
    win_date date NOT NULL DEFAULT current_date,
    platform text NOT NULL CHECK (platform <> ''),
    topic text NOT NULL,
    hook text,
    content text,
    status text NOT NULL DEFAULT 'suggested' CHECK (status IN ('suggested', 'posted', 'skipped')),
    UNIQUE (workspace_id, win_date, platform)
);

CREATE TABLE agent_executions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL,
    user_id uuid,
    move_id uuid REFERENCES moves (id) ON DELETE SET NULL,
    agent_name text NOT NULL,
    status text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'completed', 'failed', 'cancelled')),
    input jsonb NOT NULL DEFAULT '{}',
    output jsonb,
    error text,
    tokens_used integer NOT NULL DEFAULT 0 CHECK (tokens_used >= 0),
    cost numeric(12, 6) NOT NULL DEFAULT 0 CHECK (cost >= 0 AND cost < 'NaN'),
    started_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz CHECK (completed_at >= started_at)
);
CREATE INDEX agent_executions_workspace_id_started_at_idx ON agent_executions (workspace_id, started_at);

\if :has_pgvector
CREATE TABLE memory_vectors (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL,
    memory_type text NOT NULL CHECK (memory_type IN ('foundation', 'icp', 'move', 'research', 'conversation')),
    content text NOT NULL CHECK (content <> ''),
    metadata jsonb NOT NULL DEFAULT '{}',
    embedding vector(64) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX memory_vectors_embedding_idx ON memory_vectors USING hnsw (embedding vector_cosine_ops);
\else
CREATE TABLE memory_vectors (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL,
    memory_type text NOT NULL CHECK (memory_type IN ('foundation', 'icp', 'move', 'research', 'conversation')),
    content text NOT NULL CHECK (content <> ''),
    metadata jsonb NOT NULL DEFAULT '{}',
    embedding real[] NOT NULL CHECK (array_ndims(embedding) = 1 AND cardinality(embedding) = 64
                                     AND array_position(embedding, NULL) IS NULL),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION cosine_similarity(a real[], b real[]) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT sum(x::float8 * y) / nullif(sqrt(sum(x::float8 * x)) * sqrt(sum(y::float8 * y)), 0) FROM unnest(a, b) AS t (x, y)
$$;
COMMENT ON FUNCTION cosine_similarity(real[], real[]) IS '1 for the same direction, 0 for unrelated, -1 for opposite; NULL for a vector of zeros.';
\endif

-- The query comes as real[] on every server, so that the application need not know which one it talks to. SECURITY INVOKER:
-- the caller's policies decide which memories there are.
\if :has_pgvector
CREATE FUNCTION search_memories(query real[], wanted integer DEFAULT 5)
RETURNS TABLE (id uuid, memory_type text, content text, similarity double precision)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = marketing, public, pg_temp
SET hnsw.iterative_scan = strict_order
AS $$
    SELECT m.id, m.memory_type, m.content, 1 - (m.embedding <=> query::vector)
    FROM memory_vectors m ORDER BY m.embedding <=> query::vector LIMIT wanted
$$;
\else
CREATE FUNCTION search_memories(query real[], wanted integer DEFAULT 5)
RETURNS TABLE (id uuid, memory_type text, content text, similarity double precision)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = marketing, pg_temp
AS $$
    SELECT m.id, m.memory_type, m.content, cosine_similarity(m.embedding, query)
    FROM memory_vectors m ORDER BY 4 DESC NULLS LAST LIMIT wanted
$$;
\endif
COMMENT ON FUNCTION search_memories(real[], integer) IS 'The memories of this workspace that are nearest to a vector of 64 numbers, by cosine similarity.';

-- One call a table, and one more for those with foreign keys: these then begin with the workspace, so that no row names
-- another workspace's.
SET client_min_messages = warning;
SELECT count(*) AS statements FROM (
    SELECT bastion.protect('workspaces', tenant_column => 'id', owner_column => 'owner_id', actions => '{"create": "manage", "update": "manage"}') UNION ALL
    SELECT bastion.protect('foundations', tenant_column => 'workspace_id') UNION ALL
    SELECT bastion.protect('icp_profiles', tenant_column => 'workspace_id') UNION ALL
    SELECT bastion.protect('campaigns', tenant_column => 'workspace_id', owner_column => 'created_by') UNION ALL
    SELECT bastion.protect('moves', tenant_column => 'workspace_id') UNION ALL
    SELECT bastion.protect('muse_assets', tenant_column => 'workspace_id', owner_column => 'created_by') UNION ALL
    SELECT bastion.protect('blackbox_strategies', tenant_column => 'workspace_id') UNION ALL
    SELECT bastion.protect('daily_wins', tenant_column => 'workspace_id') UNION ALL
    SELECT bastion.protect('agent_executions', tenant_column => 'workspace_id', owner_column => 'user_id') UNION ALL
    SELECT bastion.protect('memory_vectors', tenant_column => 'workspace_id')
) s;
SELECT count(*) AS keys
FROM unnest('{campaigns, moves, muse_assets, blackbox_strategies, agent_executions}'::regclass[]) t, bastion.composite_keys_create(t);
RESET client_min_messages;

-- An account is a user's own in every workspace, which protect() does not know: a policy over the same verified identity.
ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_account ON accounts USING (user_id = (SELECT bastion.user_id())) WITH CHECK (user_id = (SELECT bastion.user_id()));
SELECT bastion.global_table_add('accounts', 'tier and budget belong to a user, in whichever workspace');

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA marketing TO marketing_app;
-- Who pays decides tier and budget, not who uses them. A workspace ends with its tenant.
REVOKE INSERT, UPDATE, DELETE ON accounts FROM marketing_app;
GRANT INSERT (user_id, onboarding_status, preferences), UPDATE (onboarding_status, preferences) ON accounts TO marketing_app;
REVOKE DELETE ON workspaces FROM marketing_app;

RESET search_path;
RESET ROLE;

-- What a user may spend in a month by tier, in all workspaces together, and what is spent in a workspace.
SELECT bastion.meter_set('spend', 'cost', 2);
SELECT bastion.plan_limit_set('spend', 'account', 'month', v.budget, v.tier) FROM (VALUES (NULL, 1), ('starter', 10), ('growth', 50), ('enterprise', NULL)) v (tier, budget);
SELECT bastion.plan_limit_set('spend', 'tenant', 'month', 25, soft_amount => 20);

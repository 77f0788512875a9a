-- What every test begins with: the tokens of its people.
\set app marketing_app
\ir ../../attempt.sql

SELECT bastion_api.login('maya', 'correct horse battery', 'bakery') ->> 'access_token' AS maya,
       bastion_api.login('ravi', 'correct horse battery') ->> 'access_token' AS ravi,
       bastion_api.login('vera', 'correct horse battery') ->> 'access_token' AS vera,
       bastion_api.login('rex', 'correct horse battery') ->> 'access_token' AS rex \gset

-- The eleven tables: the suite's own nine, and the two beside the extension's users and tenants.
CREATE TABLE attempt.tables (name text, tenant text, kind text);
INSERT INTO attempt.tables VALUES
    ('workspaces', 'id', NULL), ('foundations', 'workspace_id', 'foundation'), ('icp_profiles', 'workspace_id', 'icp'),
    ('campaigns', 'workspace_id', 'campaign'), ('moves', 'workspace_id', 'move'), ('muse_assets', 'workspace_id', 'asset'),
    ('blackbox_strategies', 'workspace_id', 'strategy'), ('daily_wins', 'workspace_id', 'win'),
    ('agent_executions', 'workspace_id', 'execution'), ('memory_vectors', 'workspace_id', 'memory');

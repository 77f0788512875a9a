-- The tables of the agent platform. Run as a superuser in a database with pg_bastion.

-- 1. Who does what in the database: agents_owner owns the tables and protects them, the application connects as agents_app.
CREATE ROLE agents_owner;
SELECT bastion.allow_migration_role('agents_owner');
CREATE ROLE agents_app LOGIN;
SELECT bastion.allow_app_role('agents_app');
CREATE SCHEMA agents AUTHORIZATION agents_owner;
GRANT USAGE ON SCHEMA agents TO agents_app;

-- What a plan limits: workflows, agents and teams that exist (gauges), and executions, each of which is a use.
SELECT bastion.meter_set('workflows', 'gauge'), bastion.meter_set('agents', 'gauge'), bastion.meter_set('units', 'gauge'), bastion.meter_set('executions');
SELECT bastion.plan_limit_set('workflows', 'tenant', 'total', 100), bastion.plan_limit_set('agents', 'tenant', 'total', 200),
       bastion.plan_limit_set('executions', 'tenant', 'month', 10000, soft_amount => 9000), bastion.plan_limit_set('units', 'tenant', 'total', 10);

SET ROLE agents_owner;

-- 2. The tables. A row is of an organization (tenant_id); workflows and what belongs to them are of a team too (team_id). Keys
-- begin with both, so that what belongs to a workflow is of its organization and team.
CREATE TABLE agents.workflows (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id    uuid NOT NULL,
    team_id      uuid NOT NULL DEFAULT bastion.unit_id(),
    created_by   uuid,
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    description  text,
    environment  text NOT NULL DEFAULT 'dev' CHECK (environment IN ('dev', 'staging', 'prod')),
    definition   jsonb NOT NULL DEFAULT '{"agents": [], "edges": []}'
                 CHECK ((jsonb_typeof(definition -> 'agents') = 'array' AND jsonb_typeof(definition -> 'edges') = 'array') IS TRUE),
    tags         text[] NOT NULL DEFAULT '{}',
    version      integer NOT NULL DEFAULT 1,
    message      text, -- what the last change was about
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, team_id, name),
    UNIQUE (tenant_id, team_id, id)
);
CREATE INDEX ON agents.workflows USING gin (tags);

CREATE TABLE agents.workflow_versions (
    tenant_id    uuid NOT NULL,
    team_id      uuid NOT NULL,
    workflow_id  uuid NOT NULL,
    number       integer NOT NULL CHECK (number > 0),
    parent       integer CHECK (parent < number),
    snapshot     jsonb NOT NULL,
    message      text,
    author       uuid,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workflow_id, number),
    UNIQUE (tenant_id, team_id, workflow_id, number),
    FOREIGN KEY (tenant_id, team_id, workflow_id) REFERENCES agents.workflows (tenant_id, team_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, team_id, workflow_id, parent)
        REFERENCES agents.workflow_versions (tenant_id, team_id, workflow_id, number)
);

CREATE TABLE agents.executions (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id      uuid NOT NULL,
    team_id        uuid NOT NULL DEFAULT bastion.unit_id(),
    started_by     uuid,
    workflow_id    uuid NOT NULL,
    version        integer NOT NULL,
    trigger        text NOT NULL DEFAULT 'manual' CHECK (trigger IN ('manual', 'schedule', 'api')),
    status         text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    input          jsonb NOT NULL DEFAULT '{}',
    output         jsonb,
    error          text,
    agent_results  jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(agent_results) = 'array'),
    tokens         bigint NOT NULL DEFAULT 0 CHECK (tokens >= 0),
    cost           numeric(12, 6) NOT NULL DEFAULT 0 CHECK (cost >= 0),
    created_at     timestamptz NOT NULL DEFAULT now(),
    started_at     timestamptz,
    finished_at    timestamptz,
    duration       interval GENERATED ALWAYS AS (finished_at - started_at) STORED,
    CHECK ((finished_at IS NULL) = (status IN ('pending', 'running'))),
    CHECK ((error IS NULL) = (status <> 'failed')),
    FOREIGN KEY (tenant_id, team_id, workflow_id) REFERENCES agents.workflows (tenant_id, team_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, team_id, workflow_id, version)
        REFERENCES agents.workflow_versions (tenant_id, team_id, workflow_id, number)
);
CREATE INDEX ON agents.executions (tenant_id, created_at DESC);
CREATE INDEX ON agents.executions (tenant_id, team_id, workflow_id);

CREATE TABLE agents.scheduled_executions (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id    uuid NOT NULL,
    team_id      uuid NOT NULL DEFAULT bastion.unit_id(),
    created_by   uuid,
    workflow_id  uuid NOT NULL,
    cron         text NOT NULL,
    time_zone    text NOT NULL DEFAULT 'UTC' CHECK (timestamptz '2000-01-01 00:00+00' AT TIME ZONE time_zone IS NOT NULL),
    input        jsonb NOT NULL DEFAULT '{}',
    active       boolean NOT NULL DEFAULT true,
    last_run_at  timestamptz,
    next_run_at  timestamptz,
    FOREIGN KEY (tenant_id, team_id, workflow_id) REFERENCES agents.workflows (tenant_id, team_id, id) ON DELETE CASCADE
);
CREATE INDEX ON agents.scheduled_executions (tenant_id, next_run_at) WHERE active;
CREATE INDEX ON agents.scheduled_executions (tenant_id, team_id, workflow_id);

-- The agents of an organization, which all of its teams use.
CREATE TABLE agents.agents (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id      uuid NOT NULL,
    created_by     uuid,
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    kind           text NOT NULL DEFAULT 'llm' CHECK (kind IN ('llm', 'tool', 'router', 'human')),
    configuration  jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(configuration) = 'object'),
    tags           text[] NOT NULL DEFAULT '{}',
    created_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, name)
);

-- 3. One call each. Versions and executions ask for permissions of their own names: a user who reads the workflows of a team reads their
-- versions, a user who changes a workflow, through whichever share, leaves a version, and changing an execution is cancelling it.
SELECT bastion.protect('agents.workflows', owner_column => 'created_by', sharing => 'tenant', visibility => 'unit', quota => 'workflows');
SELECT bastion.protect('agents.workflow_versions', owner_column => 'author', resource => 'workflows', actions => '{"create": "record"}',
                       sharing => 'tenant', visibility => 'unit');
SELECT bastion.protect('agents.executions', owner_column => 'started_by', actions => '{"update": "cancel"}', sharing => 'tenant', visibility => 'unit',
                       quota => 'executions');
SELECT bastion.protect('agents.scheduled_executions', owner_column => 'created_by', resource => 'schedules', sharing => 'tenant', visibility => 'unit');
SELECT bastion.protect('agents.agents', owner_column => 'created_by', quota => 'agents');
SELECT bastion_internal.protect_resource('workflows', '{execute, publish}');
-- Each write is on record; versions of workflows are a record themselves.
SELECT bastion.audit_table(t) FROM unnest('{agents.workflows,agents.executions,agents.scheduled_executions,agents.agents}'::regclass[]) t;
SELECT bastion_internal.protect_resource('executions', '{run}');

GRANT SELECT ON ALL TABLES IN SCHEMA agents TO agents_app;
GRANT INSERT, DELETE ON agents.workflows, agents.agents, agents.scheduled_executions TO agents_app;
GRANT INSERT (team_id, workflow_id, trigger, input) ON agents.executions TO agents_app;
GRANT UPDATE (name, description, environment, definition, tags, message) ON agents.workflows TO agents_app;
GRANT UPDATE (name, kind, configuration, tags) ON agents.agents TO agents_app;
GRANT UPDATE (status, output, error, agent_results, tokens, cost) ON agents.executions TO agents_app;
GRANT UPDATE (cron, time_zone, input, active, last_run_at, next_run_at) ON agents.scheduled_executions TO agents_app;

-- 4. Statistics are a view: a user who reads it sees the rows of its tables that the user may read. It joins by the whole key, so that the
-- index of the executions finds those of a workflow.
CREATE VIEW agents.workflow_statistics WITH (security_invoker = true) AS
SELECT w.id AS workflow_id, w.team_id, count(e.id) AS executions, count(*) FILTER (WHERE e.status = 'completed') AS completed,
       count(*) FILTER (WHERE e.status = 'failed') AS failed, coalesce(sum(e.tokens), 0) AS tokens, coalesce(sum(e.cost), 0) AS cost,
       avg(e.duration) AS average_duration, max(e.created_at) AS last_execution_at
FROM agents.workflows w LEFT JOIN agents.executions e ON (e.tenant_id, e.team_id, e.workflow_id) = (w.tenant_id, w.team_id, w.id)
GROUP BY w.id;
GRANT SELECT ON agents.workflow_statistics TO agents_app;

\ir rules.sql

RESET ROLE;

-- A thousand executions an hour for an organization, and a rate of requests for each user, which the front door asks for.
SELECT bastion.rate_limit_set('executions', 'tenant', per_second => 1000 / 3600.0, burst => 1000),
       bastion.rate_limit_set('requests', 'user', per_second => 20, burst => 200);

-- What an organization may switch off for itself, and an operator for everybody.
SELECT bastion.flag_set_for(NULL, 'schedules', '{"variants": {"on": true, "off": false}, "defaultVariant": "on"}');

-- 5. A team that has workflows stays.
ALTER TABLE agents.workflows ADD FOREIGN KEY (tenant_id, team_id) REFERENCES bastion.units (tenant_id, id);

-- 6. Roles. The extension's admin, developer, operator and viewer hold patterns that cover these tables already; what patterns do
-- not say is added here. Two more: a colleague is who works in a team and uses the agents of the organization, and the engine
-- runs executions.
INSERT INTO bastion.roles (name, description) VALUES
    ('colleague', 'Uses what the whole organization has'), ('engine', 'Runs executions');
INSERT INTO bastion.role_permissions (role_id, pattern)
SELECT r.id, g.pattern
FROM (VALUES ('developer', 'workflows.publish'), ('developer', 'workflows.record'), ('developer', 'executions.cancel'), ('operator', 'executions.create'),
             ('operator', 'executions.cancel'), ('colleague', 'agents.read'), ('colleague', 'workflows.record'), ('viewer', 'workflows.record'),
             ('operator', 'workflows.record'), ('engine', 'workflows.read'),
             ('engine', 'workflows.execute'), ('engine', 'executions.*'), ('engine', 'schedules.read'), ('engine', 'schedules.update'),
             ('engine', 'agents.read')) AS g (role, pattern)
JOIN bastion.roles r ON r.name = g.role AND r.tenant_id IS NULL;

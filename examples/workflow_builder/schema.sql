-- A workflow builder. A row is its owner's, who does with it what their role allows; admins manage every row, and shares add single
-- rows. Run as a superuser in a database that has pg_bastion.

SELECT to_regrole('workflow_builder_owner') IS NULL AS no_owner, to_regrole('workflow_builder_app') IS NULL AS no_app \gset
\if :no_owner
CREATE ROLE workflow_builder_owner;
\endif
\if :no_app
CREATE ROLE workflow_builder_app LOGIN;
\endif
SELECT bastion.allow_migration_role('workflow_builder_owner');
SELECT bastion.allow_app_role('workflow_builder_app');
CREATE EXTENSION IF NOT EXISTS pgcrypto SCHEMA public; -- HMAC of webhooks

CREATE SCHEMA workflow_builder AUTHORIZATION workflow_builder_owner;
GRANT USAGE ON SCHEMA workflow_builder TO workflow_builder_app;

-- Viewers have no API keys: a key is made through create_api_key() below, which asks for a permission.
REVOKE EXECUTE ON FUNCTION bastion_api.api_key_create FROM workflow_builder_app;
GRANT USAGE ON SCHEMA bastion_api TO workflow_builder_owner;
GRANT EXECUTE ON FUNCTION bastion_api.api_key_create, bastion.has_permission(text), bastion.user_id(), bastion.can_by_acl(text, bigint)
    TO workflow_builder_owner;

SET ROLE workflow_builder_owner;
SET search_path = workflow_builder;

CREATE TABLE profiles (
    user_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    avatar_url text CHECK (avatar_url ~ '^https://'),
    preferences jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(preferences) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, user_id)
);

CREATE TABLE workflows (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    user_id uuid,
    name text NOT NULL CHECK (name <> '' AND length(name) <= 200),
    description text,
    nodes jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(nodes) = 'array'),
    edges jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(edges) = 'array'),
    tags text[] NOT NULL DEFAULT '{}',
    is_template boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE deployments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    workflow_id uuid NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
    user_id uuid,
    version integer NOT NULL CHECK (version > 0),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'rolled_back')),
    snapshot jsonb NOT NULL CHECK (jsonb_typeof(snapshot) = 'object'),
    message text,
    query_count bigint NOT NULL DEFAULT 0 CHECK (query_count >= 0),
    failed_count bigint NOT NULL DEFAULT 0 CHECK (failed_count BETWEEN 0 AND query_count),
    total_ms double precision NOT NULL DEFAULT 0 CHECK (total_ms >= 0 AND total_ms < 'Infinity'),
    last_query_at timestamptz,
    deployed_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (workflow_id, version)
);
CREATE UNIQUE INDEX deployments_active_idx ON deployments (workflow_id) WHERE status = 'active';

CREATE TABLE knowledge_bases (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    user_id uuid,
    name text NOT NULL CHECK (name <> ''),
    description text,
    embedding_model text NOT NULL DEFAULT 'small',
    document_count integer NOT NULL DEFAULT 0 CHECK (document_count >= 0),
    config jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(config) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE webhooks (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    user_id uuid,
    workflow_id uuid NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
    name text NOT NULL CHECK (name <> ''),
    secret bastion.sealed NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    delivered_count bigint NOT NULL DEFAULT 0 CHECK (delivered_count >= 0),
    refused_count bigint NOT NULL DEFAULT 0 CHECK (refused_count >= 0),
    last_delivered_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhooks_workflow_id_idx ON webhooks (workflow_id);

CREATE TABLE usage_logs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id uuid NOT NULL,
    user_id uuid,
    workflow_id uuid REFERENCES workflows (id) ON DELETE SET NULL,
    action text NOT NULL CHECK (action IN ('query', 'deploy', 'webhook', 'import')),
    succeeded boolean NOT NULL DEFAULT true,
    tokens integer NOT NULL DEFAULT 0 CHECK (tokens >= 0),
    cost numeric(12, 6) NOT NULL DEFAULT 0 CHECK (cost >= 0 AND cost < 'NaN'),
    duration_ms integer CHECK (duration_ms >= 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX usage_logs_tenant_id_created_at_idx ON usage_logs (tenant_id, created_at);
CREATE INDEX usage_logs_workflow_id_idx ON usage_logs (workflow_id);

CREATE TABLE system_settings (
    tenant_id uuid NOT NULL,
    key text NOT NULL CHECK (key ~ '^[a-z][a-z0-9_.]{0,99}$'),
    value jsonb NOT NULL,
    PRIMARY KEY (tenant_id, key)
);

SELECT count(*) AS statements FROM bastion.protect('workflows', owner_column => 'user_id', sharing => 'tenant', visibility => 'owner', owner_rights => 'role');
-- A deployment is part of its workflow: who may read, deploy or manage the one may do so with the other, through whichever share.
-- The lists of protect(sharing => …) are of a table's own rows, so these policies ask for the workflow's. ARRAY(SELECT …) is
-- computed once a statement and is an index key.
CREATE POLICY of_workflow_read ON deployments FOR SELECT
    USING (workflow_id = ANY (ARRAY(SELECT w.id FROM workflows w)));
CREATE POLICY of_workflow_create ON deployments FOR INSERT
    WITH CHECK (workflow_id = ANY (ARRAY(SELECT w.id FROM workflows w WHERE bastion.can_by_acl('workflows.deploy', w.acl_id))));
CREATE POLICY of_workflow_update ON deployments FOR UPDATE
    USING (workflow_id = ANY (ARRAY(SELECT w.id FROM workflows w WHERE bastion.can_by_acl('workflows.deploy', w.acl_id))));
CREATE POLICY of_workflow_delete ON deployments FOR DELETE
    USING (workflow_id = ANY (ARRAY(SELECT w.id FROM workflows w WHERE bastion.can_by_acl('workflows.manage', w.acl_id))));

SET client_min_messages = warning;
SELECT count(*) AS statements FROM (
    SELECT bastion.protect('profiles', owner_column => 'user_id', sharing => 'tenant', visibility => 'owner', owner_rights => 'role') UNION ALL
    SELECT bastion.protect('deployments', owner_column => 'user_id', existing => 'keep',
                           actions => '{"create": "read", "update": "read", "delete": "read"}') UNION ALL
    SELECT bastion.protect('knowledge_bases', owner_column => 'user_id', sharing => 'tenant', visibility => 'owner', owner_rights => 'role') UNION ALL
    SELECT bastion.protect('webhooks', owner_column => 'user_id', sharing => 'tenant', visibility => 'owner', owner_rights => 'role') UNION ALL
    SELECT bastion.protect('usage_logs', owner_column => 'user_id', sharing => 'tenant', visibility => 'owner', owner_rights => 'role', actions => '{"create": "read"}') UNION ALL
    SELECT bastion.protect('system_settings', actions => '{"create": "manage", "read": "manage", "update": "manage", "delete": "manage"}')
) s;
SELECT count(*) AS keys FROM unnest('{deployments, webhooks, usage_logs}'::regclass[]) t, bastion.composite_keys_create(t);
RESET client_min_messages;
SELECT bastion_internal.protect_resource('workflows', '{execute, deploy}'), bastion_internal.protect_resource('webhooks', '{open}'),
       bastion_internal.protect_resource('api_keys', '{create}');

GRANT SELECT, INSERT, UPDATE, DELETE ON profiles, workflows, knowledge_bases, webhooks, system_settings TO workflow_builder_app;
-- A deployment keeps its workflow, version and snapshot.
GRANT SELECT, INSERT, DELETE, UPDATE (status, message, query_count, failed_count, total_ms, last_query_at) ON deployments TO workflow_builder_app;
GRANT SELECT, INSERT ON usage_logs TO workflow_builder_app; -- what was used stays

-- Webhooks and usage name a workflow that the caller can see, and webhooks one that the caller may execute.
CREATE FUNCTION before_dependant() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    list bigint;
BEGIN
    IF bastion.user_id() IS NULL OR NEW.workflow_id IS NULL THEN
        RETURN NEW; -- operators load past every policy
    END IF;
    SELECT w.acl_id INTO list FROM workflow_builder.workflows w WHERE w.id = NEW.workflow_id;
    IF list IS NULL THEN
        RAISE EXCEPTION 'no such workflow' USING ERRCODE = 'foreign_key_violation';
    ELSIF NOT bastion.can_by_acl(TG_ARGV[0], list) THEN
        RAISE EXCEPTION 'permission "%" on the workflow is needed', TG_ARGV[0] USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER before_dependant BEFORE INSERT OR UPDATE OF workflow_id ON webhooks FOR EACH ROW EXECUTE FUNCTION before_dependant('workflows.execute');
CREATE TRIGGER before_dependant BEFORE INSERT ON usage_logs FOR EACH ROW EXECUTE FUNCTION before_dependant('workflows.read');

RESET ROLE;
\ir functions.sql
\ir supabase.sql
\ir import/schema.sql
RESET search_path;

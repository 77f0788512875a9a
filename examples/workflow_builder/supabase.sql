-- The builder as it was: tables with policies in the form that Supabase's pages teach, over auth.uid(), none changed. protect() with
-- existing => 'keep' adds the tenant and the permission around them; what they allow inside is theirs.

-- auth.uid(), role() and jwt(), over the verified identity
SELECT bastion.install_supabase_auth();

CREATE SCHEMA workflow_builder_before AUTHORIZATION workflow_builder_owner;
GRANT USAGE ON SCHEMA workflow_builder_before TO workflow_builder_app;
SET ROLE workflow_builder_owner;
SET search_path = workflow_builder_before;

CREATE TABLE profiles (
    id uuid PRIMARY KEY,
    email text UNIQUE NOT NULL,
    role text NOT NULL DEFAULT 'user' CHECK (role IN ('admin', 'user', 'viewer'))
);
CREATE TABLE workflows (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    name text NOT NULL,
    nodes jsonb NOT NULL DEFAULT '[]'
);
CREATE TABLE workflow_shares (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workflow_id uuid NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
    shared_with_user_id uuid NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    permission text NOT NULL DEFAULT 'read' CHECK (permission IN ('read', 'write', 'deploy')),
    UNIQUE (workflow_id, shared_with_user_id)
);

ALTER TABLE profiles ENABLE ROW LEVEL SECURITY;
ALTER TABLE workflows ENABLE ROW LEVEL SECURITY;
ALTER TABLE workflow_shares ENABLE ROW LEVEL SECURITY;

CREATE POLICY "Profiles are viewable by users who are signed in"
ON profiles FOR SELECT
TO workflow_builder_app
USING ( auth.role() = 'authenticated' );

CREATE POLICY "Individuals can do everything with their own workflows"
ON workflows FOR ALL
USING ( auth.uid() = user_id )
WITH CHECK ( auth.uid() = user_id );

CREATE POLICY "Individuals can view workflows shared with them"
ON workflows FOR SELECT
USING (
  id IN (
    SELECT workflow_id FROM workflow_shares
    WHERE shared_with_user_id = auth.uid()
  )
);

CREATE POLICY "Admins can view all workflows"
ON workflows FOR SELECT
USING (
  EXISTS (
    SELECT 1 FROM profiles
    WHERE profiles.id = auth.uid() AND profiles.role = 'admin'
  )
);

CREATE POLICY "Individuals can view shares with themselves"
ON workflow_shares FOR SELECT
USING ( (SELECT auth.uid()) = shared_with_user_id );

-- From here on they are tables of tenants.
ALTER TABLE profiles ADD COLUMN tenant_id uuid;
ALTER TABLE workflows ADD COLUMN tenant_id uuid;
ALTER TABLE workflow_shares ADD COLUMN tenant_id uuid;
SET client_min_messages = warning;
SELECT count(*) AS statements FROM (
    SELECT bastion.protect('profiles', resource => 'before', existing => 'keep') UNION ALL
    SELECT bastion.protect('workflows', resource => 'before', existing => 'keep') UNION ALL
    SELECT bastion.protect('workflow_shares', resource => 'before', existing => 'keep')
) s;
SELECT count(*) AS keys FROM unnest('{workflows, workflow_shares, profiles}'::regclass[]) t, bastion.composite_keys_create(t);
RESET client_min_messages;
GRANT SELECT, INSERT, UPDATE, DELETE ON profiles, workflows, workflow_shares TO workflow_builder_app;
RESET ROLE;

-- What every test begins with: the ids of the seed, and its people with their tokens.
\set app agents_app
\set acme a0000000-0000-4000-8000-000000000001
\set sales a1000000-0000-4000-8000-000000000001
\set engineering a1000000-0000-4000-8000-000000000002
\set leads a4000000-0000-4000-8000-000000000001
\set notes a4000000-0000-4000-8000-000000000002
\set researcher a3000000-0000-4000-8000-000000000001
\ir ../../attempt.sql
CREATE SCHEMA test;

-- Beside those of the seed, one person for each role in the whole of Acme, and the engine.
INSERT INTO bastion.users (email, username) SELECT r || '@roles.example', 'the.' || r
FROM unnest(ARRAY['admin', 'developer', 'operator', 'viewer', 'engine']) r;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT u.id, :'acme', r.id FROM bastion.users u JOIN bastion.roles r ON r.tenant_id IS NULL AND u.username = 'the.' || r.name;
\ir ../../people.sql

-- Orbit, with two projects and people who have the four roles in the organization or in a project; and Kite.

BEGIN;
INSERT INTO bastion.tenants (id, name, slug, plan) VALUES
    ('b0000000-0000-4000-8000-000000000001', 'Orbit', 'orbit', 'enterprise'), ('b0000000-0000-4000-8000-000000000002', 'Kite', 'kite', 'free');
INSERT INTO bastion.units (id, tenant_id, kind, name, slug) VALUES
    ('b1000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-000000000001', 'project', 'Apollo', 'apollo'),
    ('b1000000-0000-4000-8000-000000000002', 'b0000000-0000-4000-8000-000000000001', 'project', 'Zeus', 'zeus'),
    ('b1000000-0000-4000-8000-000000000003', 'b0000000-0000-4000-8000-000000000002', 'project', 'Box', 'box');
INSERT INTO bastion.users (email, username) SELECT p || '@projects.example', p
FROM unnest(ARRAY['olga', 'adam', 'mia', 'vic', 'oona', 'ada', 'max', 'val', 'both', 'qa', 'kurt']) p;
INSERT INTO bastion.user_passwords (user_id, hash)
SELECT u.id, h FROM bastion.users u, bastion.password_hash('correct horse battery') h;
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
SELECT u.id, t.id, n.id, r.id
FROM (VALUES ('olga', 'orbit', NULL, 'owner'), ('adam', 'orbit', NULL, 'admin'), ('mia', 'orbit', NULL, 'member'), ('vic', 'orbit', NULL, 'viewer'),
             ('oona', 'orbit', 'apollo', 'owner'), ('ada', 'orbit', 'apollo', 'admin'), ('max', 'orbit', 'apollo', 'member'),
             ('val', 'orbit', 'apollo', 'viewer'), ('both', 'orbit', 'apollo', 'member'), ('both', 'orbit', 'zeus', 'viewer'),
             ('both', 'kite', NULL, 'viewer'), ('qa', 'orbit', 'apollo', 'qa_agent'), ('kurt', 'kite', NULL, 'owner')) AS m (username, tenant, project, role)
JOIN bastion.users u ON u.username = m.username
JOIN bastion.tenants t ON t.slug = m.tenant
JOIN bastion.roles r ON r.name = m.role AND r.tenant_id IS NULL
LEFT JOIN bastion.units n ON n.tenant_id = t.id AND n.slug = m.project;

-- Outside a context, a row says itself whose list it has: the project's.
INSERT INTO projects.knowledge (organization_id, project_id, acl_id, title, body, source)
SELECT n.tenant_id, n.id, n.acl_id, k.title, k.body, k.source
FROM (VALUES ('apollo', 'Landing', 'Land softly, engines down.', 'https://orbit.example/landing'), ('zeus', 'Thunder', 'Thunder follows lightning.', NULL),
             ('box', 'Wind', 'A kite needs wind.', NULL)) AS k (project, title, body, source)
JOIN bastion.units n ON n.slug = k.project;
INSERT INTO projects.questions (organization_id, project_id, acl_id, asked_by, question)
SELECT n.tenant_id, n.id, n.acl_id, u.id, q.question
FROM (VALUES ('apollo', 'max', 'How do we land?'), ('zeus', 'mia', 'What follows lightning?'), ('box', 'kurt', 'What does a kite need?')) AS q (project, asker, question)
JOIN bastion.units n ON n.slug = q.project
JOIN bastion.users u ON u.username = q.asker;
INSERT INTO projects.answers (organization_id, project_id, acl_id, question_id, answer, model, confidence)
SELECT q.organization_id, q.project_id, q.acl_id, q.id, 'Wind.', 'small', 0.9 FROM projects.questions q WHERE q.question LIKE '%kite%';

INSERT INTO projects.faq (question, answer) VALUES ('Who are we?', 'Orbit.'), ('Where are we?', 'Above.');
INSERT INTO projects.faq_votes VALUES (1, 'max', true), (2, 'val', false);
COMMIT;

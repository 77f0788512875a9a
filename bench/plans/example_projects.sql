\set large orbit
\ir example_tenants.sql
INSERT INTO projects.questions (organization_id, project_id, acl_id, question, status, asked_at)
    SELECT tenant_id, unit_id, acl_id, 'Question ' || i, (ARRAY['open', 'answered', 'closed'])[1 + i / 10000 % 3], '2026-01-01'::timestamptz + i * interval '12 seconds'
    FROM generate_series(0, 999999) i JOIN bench.places ON place = i % 10000;
INSERT INTO projects.answers (organization_id, project_id, acl_id, question_id, answer, confidence)
    SELECT organization_id, project_id, acl_id, id, 'Answer', 0.5 FROM projects.questions q WHERE status <> 'open' AND question LIKE 'Question%';
INSERT INTO projects.knowledge (organization_id, project_id, acl_id, title, body)
    SELECT tenant_id, unit_id, acl_id, 'Title ' || i, 'On thing' || hashint4(i) % 1000 || ' and more' FROM generate_series(0, 99999) i JOIN bench.places ON place = i % 10000;
CREATE INDEX ON projects.knowledge USING gin (words);
INSERT INTO bench.queries (section, label, permission, tenant_column, query) VALUES
('projects', 'list: newest questions', 'questions.read', 'organization_id', $q$SELECT q.id, q.question, a.answer FROM projects.questions q
    LEFT JOIN projects.answers a ON a.question_id = q.id AND {{a}} WHERE {{q}} ORDER BY q.asked_at DESC LIMIT 20$q$),
('projects', 'dashboard: by status', 'questions.read', 'organization_id', $q$SELECT q.status, count(DISTINCT q.id), avg(a.confidence) FROM projects.questions q
    LEFT JOIN projects.answers a ON a.question_id = q.id AND {{a}} WHERE {{q}} GROUP BY q.status$q$),
('projects', 'search: words', 'knowledge.read', 'organization_id', $q$SELECT k.id, k.title FROM projects.knowledge k WHERE {{k}} AND words @@ to_tsquery('simple', 'thing777')$q$);

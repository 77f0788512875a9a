\echo == 1. Orbit has two projects, and people with roles in the organization (*) or in one of them.
SELECT r.name AS role, coalesce(n.slug, '*') AS place, string_agg(u.username, ', ' ORDER BY u.username) AS people
FROM bastion.memberships m JOIN bastion.users u ON u.id = m.user_id JOIN bastion.roles r ON r.id = m.role_id
LEFT JOIN bastion.units n ON n.id = m.unit_id
WHERE m.tenant_id = bastion_internal.find_tenant('orbit') GROUP BY r.name, n.slug ORDER BY n.slug NULLS FIRST, r.name;
SET ROLE projects_app;

\echo == 2. Nell signs up, and has an organization and a token at once. Access lasts a day, the session a month.
SELECT a ->> 'access_token' AS nell_token, a ->> 'expires_in' AS access, a ->> 'refresh_expires_in' AS refresh
FROM bastion_api.signup('nell@nova.example', 'nell of nova', 'Nova') a \gset
SELECT :access / 3600 AS hours_of_access, round(:refresh / 86400.0) AS days_of_refresh;
--! :access = 86400
BEGIN;
SELECT bastion.authenticate(:'nell_token') IS NOT NULL AS nell;
SELECT bastion.unit_create('project', 'Comet', 'comet') IS NOT NULL AS a_project;
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'nell_token', unit => 'comet') IS NOT NULL AS nell_in_comet;
INSERT INTO projects.questions (question) VALUES ('When does it return?');
SELECT q.question, p.slug AS project, q.asked_by = bastion.user_id() AS by_nell FROM projects.questions q JOIN bastion.units p ON p.id = q.project_id;
--! :ROW_COUNT = 1
COMMIT;

\echo == 3. A request of Max, member of Apollo: token, organization and project are settings of its transaction, as a header gave them.
SELECT bastion_api.login('max', 'correct horse battery', device => 'phone') AS login \gset
SELECT :'login'::jsonb ->> 'access_token' AS max, :'login'::jsonb ->> 'refresh_token' AS max_refresh \gset
BEGIN;
SELECT set_config('bastion.token', :'max', true) <> '' AS token, set_config('bastion.tenant', 'orbit', true) AS organization,
       set_config('bastion.unit', 'apollo', true) AS project;
INSERT INTO projects.questions (question) VALUES ('Engines on or off?') RETURNING id AS question \gset
SELECT question, status FROM projects.questions ORDER BY id;
--! :ROW_COUNT = 2
DELETE FROM projects.questions;
--! :ROW_COUNT = 0
COMMIT;

\echo == 4. Zeus is not his, nor is Kite.
BEGIN;
SELECT set_config('bastion.token', :'max', true) <> '' AS token, set_config('bastion.unit', 'zeus', true) AS project;
SELECT question FROM projects.questions;
ROLLBACK;
--! refused 28000

BEGIN;
SELECT set_config('bastion.token', :'max', true) <> '' AS token, set_config('bastion.tenant', 'kite', true) AS organization;
SELECT question FROM projects.questions;
ROLLBACK;
--! refused 28000

\echo == 5. The QA agent of Apollo is a program with a key for that project. It finds what is known, answers and names its source.
SELECT bastion_api.login('qa', 'correct horse battery', unit => 'apollo') ->> 'access_token' AS qa \gset
BEGIN;
SELECT bastion.authenticate(:'qa') IS NOT NULL AS qa;
SELECT bastion_api.api_key_create('qa agent', '{knowledge.read,questions.*,answers.*}', unit => 'apollo') ->> 'key' AS key \gset
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'key') IS NOT NULL AS the_key;
WITH known AS (
    SELECT id, title FROM projects.knowledge WHERE words @@ websearch_to_tsquery('simple', 'engines')
), answer AS (
    INSERT INTO projects.answers (question_id, answer, model, confidence) VALUES (:question, 'Down, they say.', 'small', 0.75) RETURNING id
)
INSERT INTO projects.answer_sources (answer_id, knowledge_id) SELECT answer.id, known.id FROM answer, known;
UPDATE projects.questions SET status = 'answered' WHERE id = :question;
SELECT q.question, q.status, a.answer, a.confidence, k.title AS source
FROM projects.questions q JOIN projects.answers a ON a.question_id = q.id JOIN projects.answer_sources s ON s.answer_id = a.id
JOIN projects.knowledge k ON k.id = s.knowledge_id;
--! :ROW_COUNT = 1
INSERT INTO projects.knowledge (title, body) VALUES ('Made up', 'by itself');
ROLLBACK;
--! refused 42501

\echo == 6. Oona owns Apollo. She lets Max delete questions there; Ada, its admin, cannot make herself an owner.
SELECT bastion_api.login('oona', 'correct horse battery', unit => 'apollo') ->> 'access_token' AS oona,
       bastion_api.login('ada', 'correct horse battery', unit => 'apollo') ->> 'access_token' AS ada \gset
SELECT u ->> 'id' AS max_id FROM jsonb_extract_path(:'login'::jsonb, 'user') u \gset
BEGIN;
SELECT bastion.authenticate(:'oona') IS NOT NULL AS oona;
SELECT bastion.permission_grant(:'max_id', 'questions.delete', 'apollo', now() + interval '1 hour');
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'max', unit => 'apollo') IS NOT NULL AS max;
DELETE FROM projects.questions WHERE question LIKE 'How%';
--! :ROW_COUNT = 1
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ada') IS NOT NULL AS ada;
SELECT bastion.membership_set(bastion.user_id(), 'owner', 'apollo');
ROLLBACK;
--! refused 42501

\echo == 7. A stolen refresh token: the thief uses it after Max did, beyond the 10 seconds in which a repeated request is answered alike.
SELECT bastion_api.refresh(:'max_refresh') ->> 'refresh_token' AS max_next \gset
RESET ROLE;
UPDATE bastion.refresh_tokens SET used_at = used_at - interval '11 seconds' WHERE used_at IS NOT NULL; -- time passes
SET ROLE projects_app;
SELECT bastion_api.refresh(:'max_refresh') ->> 'error' AS for_the_thief, bastion_api.refresh(:'max_next') ->> 'error' AS and_for_max_who_logs_in_again;
--! bastion_api.refresh(:'max_next') ->> 'error' = 'session_ended'
SELECT bastion.authenticate(:'max');
--! refused 28000

\echo == 8. What was there before there were organizations: a table without a tenant. The template makes it one of Apollo, rows and all.
RESET ROLE;
SELECT * FROM projects.faq;
BEGIN;
\set relation projects.faq
\set organization orbit
\set project apollo
\ir template.sql
GRANT SELECT ON projects.faq TO projects_app;
COMMIT;
SELECT relation, tenant_column, sharing, status FROM bastion.protection WHERE relation = 'projects.faq'::regclass;
SET ROLE projects_app;
SELECT count(*) AS seen_by_nobody FROM projects.faq;
--! (SELECT count(*) FROM projects.faq) = 0
BEGIN;
SELECT bastion.authenticate(:'oona') IS NOT NULL AS oona;
SELECT question, answer FROM projects.faq;
--! :ROW_COUNT = 2
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'nell_token') IS NOT NULL AS nell;
SELECT question, answer FROM projects.faq;
--! :ROW_COUNT = 0
COMMIT;

\echo == 9. The operator finds it on record.
RESET ROLE;
SELECT kind, outcome, detail ->> 'reason' AS reason, count(*) FROM bastion.events GROUP BY 1, 2, 3 ORDER BY 1;
--! EXISTS (SELECT FROM bastion.events WHERE kind = 'refresh_refused' AND detail ->> 'reason' = 'refresh_reuse')

-- 1. A studio. Ada is admin; Uma and Ben are users, Vic is a viewer who was a user before.
SELECT u.username, r.name AS role, (SELECT count(*) FROM workflow_builder.workflows w WHERE w.user_id = u.id) AS workflows
FROM bastion.memberships m JOIN bastion.users u ON u.id = m.user_id JOIN bastion.roles r ON r.id = m.role_id JOIN bastion.tenants t ON t.id = m.tenant_id WHERE t.slug = 'studio' ORDER BY 1, 2;
--! :ROW_COUNT = 4

-- 2. They log in to the studio.
SET ROLE workflow_builder_app;
SELECT bastion_api.login('ada', 'correct horse battery', 'studio') ->> 'access_token' AS ada,
       bastion_api.login('uma', 'correct horse battery', 'studio') ->> 'access_token' AS uma,
       bastion_api.login('ben', 'correct horse battery', 'studio') ->> 'access_token' AS ben,
       bastion_api.login('vic', 'correct horse battery', 'studio') ->> 'access_token' AS vic,
       bastion_api.login('oscar', 'correct horse battery', 'outside') ->> 'access_token' AS oscar \gset
--! length(:'ada') > 100 AND length(:'oscar') > 100

-- 3. Uma makes a workflow and deploys it, changes it and deploys it again, and goes back.
BEGIN;
SELECT bastion.authenticate(:'uma') IS NOT NULL AS authenticated;
INSERT INTO workflow_builder.workflows (name, nodes) VALUES ('Newsletter', '[{"id": "write"}]') RETURNING id AS newsletter \gset
SELECT workflow_builder.deploy(:'newsletter', 'first') AS version;
UPDATE workflow_builder.workflows SET nodes = '[{"id": "write"}, {"id": "send"}]' WHERE id = :'newsletter';
SELECT workflow_builder.deploy(:'newsletter', 'now it sends') AS version;
SELECT workflow_builder.roll_back(:'newsletter') AS active;
SELECT version, status, message, snapshot -> 'nodes' AS nodes FROM workflow_builder.deployments WHERE workflow_id = :'newsletter' ORDER BY version;
--! (SELECT string_agg(status, ' ' ORDER BY version) FROM workflow_builder.deployments WHERE workflow_id = :'newsletter') = 'active rolled_back'

-- 4. She shares it with Ben, to deploy, and with Vic, to read.
SELECT bastion.share('workflow_builder.workflows', :'newsletter', with_user => u.id, level => 'deploy') FROM unnest('{3b000000-0000-4000-8000-0000000000a3}'::uuid[]) u (id);
SELECT bastion.share('workflow_builder.workflows', :'newsletter', with_user => u.id) FROM unnest('{3b000000-0000-4000-8000-0000000000a4}'::uuid[]) u (id);
SELECT subject_name, level FROM bastion.shares_of('workflow_builder.workflows', :'newsletter') ORDER BY 1;
--! :ROW_COUNT = 2
COMMIT;

-- 5. Ben deploys it; he may not delete it.
BEGIN;
SELECT bastion.authenticate(:'ben') IS NOT NULL AS authenticated;
SELECT workflow_builder.deploy(:'newsletter', 'by Ben') AS version;
DELETE FROM workflow_builder.workflows WHERE id = :'newsletter';
--! :ROW_COUNT = 0
COMMIT;

-- 6. Vic reads it, and reads what is his own; he writes neither.
BEGIN;
SELECT bastion.authenticate(:'vic') IS NOT NULL AS authenticated;
SELECT name, user_id = bastion.user_id() AS own FROM workflow_builder.workflows ORDER BY 1;
--! :ROW_COUNT = 3
UPDATE workflow_builder.workflows SET name = 'Mine';
--! :ROW_COUNT = 0
SELECT workflow_builder.deploy(:'newsletter');
ROLLBACK;
--! refused 42501

-- 7. No API key for a viewer.
BEGIN;
SELECT bastion.authenticate(:'vic') IS NOT NULL AS authenticated;
SELECT workflow_builder.create_api_key('mine', '{workflows.read}');
ROLLBACK;
--! refused 42501

-- 8. A share with a stranger.
BEGIN;
SELECT bastion.authenticate(:'uma') IS NOT NULL AS authenticated;
SELECT bastion.share('workflow_builder.workflows', :'newsletter', with_user => '3b000000-0000-4000-8000-0000000000b1');
ROLLBACK;
--! refused 42704

-- 9. Why may Ben deploy? Ada asks.
BEGIN;
SELECT bastion.authenticate(:'ada') IS NOT NULL AS authenticated;
SELECT * FROM bastion.explain_member_access_text('3b000000-0000-4000-8000-0000000000a3', 'workflows.deploy', 'workflow_builder.workflows', :'newsletter');
--! EXISTS (SELECT FROM bastion.explain_member_access_text('3b000000-0000-4000-8000-0000000000a3', 'workflows.deploy', 'workflow_builder.workflows', :'newsletter') t WHERE t ~ 'verdict granted')
COMMIT;

-- 10. A webhook. Its secret is sealed; the receiver has an API key of Uma's with the scopes that this needs.
BEGIN;
SELECT bastion.authenticate(:'uma') IS NOT NULL AS authenticated;
SELECT workflow_builder.create_webhook(:'newsletter', 'On push', 'It''s a Secret to Everybody') AS hook \gset
SELECT workflow_builder.create_api_key('receiver', '{webhooks.read,webhooks.open,webhooks.update,workflows.read,usage_logs.read}') ->> 'key' AS receiver \gset
SELECT name, left(secret::text, 18) || '...' AS secret FROM workflow_builder.webhooks WHERE id = :'hook';
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'receiver') IS NOT NULL AS authenticated;
SELECT workflow_builder.receive_webhook(:'hook', 'Hello, World!', 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17') AS genuine,
       workflow_builder.receive_webhook(:'hook', 'Hello, world!', 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17') AS changed;
--! (SELECT delivered_count = 1 AND refused_count = 1 FROM workflow_builder.webhooks WHERE id = :'hook')
SELECT workflow_builder.deploy(:'newsletter', 'by the receiver');
ROLLBACK;
--! refused 42501

-- 11. A secret of Uma's. Ada sees that it exists, and does not open it.
BEGIN;
SELECT bastion.authenticate(:'uma') IS NOT NULL AS authenticated;
SELECT bastion.secret_put('model key', 'sk-not-for-everybody', provider => 'openai', type => 'api_key', own => true) AS version;
SELECT bastion.secret_get('model key', own => true, purpose => 'workflow Newsletter, node write') AS value;
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ada') IS NOT NULL AS authenticated;
SELECT s.owner_id = '3b000000-0000-4000-8000-0000000000a2' AS of_uma, s.name, s.provider, s.type FROM bastion.secrets s WHERE s.owner_id IS NOT NULL;
--! :ROW_COUNT = 1
SELECT bastion.secret_get('model key');
ROLLBACK;
--! refused 42501

-- 12. The tables as they were, with their policies over auth.uid(). A viewer could write there; the permission is asked first.
BEGIN;
SELECT bastion.authenticate(:'vic') IS NOT NULL AS authenticated;
SELECT auth.uid() = bastion.user_id() AS uid, auth.role(), count(*) AS workflows FROM workflow_builder_before.workflows;
UPDATE workflow_builder_before.workflows SET name = 'by a viewer' WHERE user_id = auth.uid();
--! :ROW_COUNT = 0
COMMIT;

-- 13. Oscar is of another tenant.
BEGIN;
SELECT bastion.authenticate(:'oscar') IS NOT NULL AS authenticated;
SELECT (SELECT count(*) FROM workflow_builder.workflows) AS workflows, (SELECT count(*) FROM workflow_builder_before.workflows) AS before;
--! (SELECT count(*) FROM workflow_builder.workflows) = 1
INSERT INTO workflow_builder.webhooks (workflow_id, name, secret) VALUES (:'newsletter', 'Mine', bastion.seal('0123456789abcdef', 'webhooks'));
ROLLBACK;
--! refused 23503

-- 14. The operator imports a folder of the old builder: 1,000 files here, made up from a seed. First the report, then a dry run.
RESET ROLE;
\set key '\\x606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f'
\set folder `mktemp -d`
\setenv IMPORT_FOLDER :folder
CREATE TEMPORARY TABLE outgoing AS SELECT * FROM workflow_builder_import.generate(42, 1000);
\ir import/write_folder.sql
\ir import/read_folder.sql
SELECT workflow_builder_import.stage('studio', 'ada') AS batch \gset
SELECT severity, problem, count(*) FROM workflow_builder_import.report(:batch, :'key') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT jsonb_pretty(workflow_builder_import.run(:batch, :'key') -> 'counts') AS dry_run;
--! (SELECT count(*) FROM workflow_builder_import.rows) = 0

-- 15. A file lies about its owner: nothing is imported.
\! echo '{"id": "00000000-0000-4000-8000-000000000001", "owner": "ada@studio.example", "name": "x", "nodes": [], "edges": [], "tags": [], "created_at": "2024-01-01T00:00:00Z"}' >"$IMPORT_FOLDER/person-1/workflows/lie.json"
\ir import/read_folder.sql
SELECT workflow_builder_import.stage('studio', 'ada') AS lying \gset
SELECT path, problem FROM workflow_builder_import.report(:lying, :'key') WHERE severity = 'error';
SELECT workflow_builder_import.run(:lying, :'key', dry_run => false);
--! refused 22023

-- 16. Without that file it goes in, and what the rows say has the checksum of what the files say.
SELECT workflow_builder_import.run(:batch, :'key', dry_run => false) ->> 'checksum' AS rows, workflow_builder_import.checksum_of_files(:batch) AS files;
--! workflow_builder_import.checksum_of_rows(:batch) = workflow_builder_import.checksum_of_files(:batch)
SELECT bastion_api.login('person-2', 'imported with its hash', 'studio', 'person-2') #>> '{user,email}' AS logs_in_with_the_old_hash;

-- 17. And it goes out again.
SELECT jsonb_pretty(workflow_builder_import.undo(:batch)) AS undone;
--! (SELECT count(*) FROM bastion.users WHERE username LIKE 'person-%') = 0
\! rm -rf "$IMPORT_FOLDER"

-- 1. Nora signs up and has a workspace at once: a tenant, of which she is the owner. Account and workspace take her identity.
SET ROLE marketing_app;
SELECT a ->> 'access_token' AS nora, a #>> '{tenant,slug}' AS nora_workspace
FROM bastion_api.signup('nora@tea.example', 'correct horse battery', 'Tea house') a \gset
BEGIN;
SELECT bastion.authenticate(:'nora') IS NOT NULL AS authenticated;
INSERT INTO marketing.accounts (preferences) VALUES ('{"language": "nb"}') RETURNING subscription_tier, monthly_budget;
INSERT INTO marketing.workspaces (settings) VALUES ('{"currency": "NOK"}') RETURNING id = bastion.tenant_id() AS hers, monthly_cost_limit;
INSERT INTO marketing.campaigns (name) VALUES ('Tea at four') RETURNING name, created_by = bastion.user_id() AS by_nora;
SELECT count(*) AS campaigns FROM marketing.campaigns;
--! :ROW_COUNT = 1 AND (SELECT count(*) FROM marketing.campaigns) = 1
COMMIT;

-- 2. Maya owns two workspaces. Without a name of one, login asks which.
SELECT a ->> 'error' AS error, jsonb_path_query_array(a, '$.tenants[*].slug') AS workspaces
FROM bastion_api.login('maya@bakery.example', 'correct horse battery') a;
--! bastion_api.login('maya', 'correct horse battery') ->> 'error' = 'tenant_required'
SELECT bastion_api.login('maya', 'correct horse battery', 'bakery') ->> 'access_token' AS maya \gset

-- 3. One token, and each request names the workspace, as the header did. Tier and budget are Maya's in both.
BEGIN;
SELECT set_config('bastion.token', :'maya', true) <> '' AS token, set_config('bastion.tenant', 'bakery', true) AS header;
SELECT f.company_name, c.name AS campaign, a.subscription_tier, a.monthly_budget
FROM marketing.foundations f, marketing.campaigns c, marketing.accounts a;
--! :ROW_COUNT = 1 AND (SELECT company_name FROM marketing.foundations) = 'Bakery'
COMMIT;
BEGIN;
SELECT set_config('bastion.token', :'maya', true) <> '' AS token, set_config('bastion.tenant', 'roastery', true) AS header;
SELECT f.company_name, c.name AS campaign, a.subscription_tier, a.monthly_budget
FROM marketing.foundations f, marketing.campaigns c, marketing.accounts a;
--! :ROW_COUNT = 1 AND (SELECT company_name FROM marketing.foundations) = 'Roastery'
COMMIT;

-- 4. A workspace that is not hers.
BEGIN;
SELECT set_config('bastion.token', :'maya', true) <> '' AS token, set_config('bastion.tenant', 'rival', true) AS header;
SELECT company_name FROM marketing.foundations;
ROLLBACK;
--! refused 28000

-- 5. Ravi may write in the bakery, Vera may read. What Vera changes is nothing.
SELECT bastion_api.login('ravi', 'correct horse battery') ->> 'access_token' AS ravi,
       bastion_api.login('vera', 'correct horse battery') ->> 'access_token' AS vera \gset
BEGIN;
SELECT bastion.authenticate(:'ravi') IS NOT NULL AS authenticated;
INSERT INTO marketing.moves (campaign_id, name, category)
SELECT id, 'A loaf for every new neighbour', 'rally' FROM marketing.campaigns;
SELECT m.name, c.name AS campaign FROM marketing.moves m JOIN marketing.campaigns c ON c.id = m.campaign_id ORDER BY m.created_at;
--! :ROW_COUNT = 2
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'vera') IS NOT NULL AS authenticated;
SELECT count(*) AS moves_seen FROM marketing.moves;
UPDATE marketing.moves SET status = 'stopped';
--! :ROW_COUNT = 0
INSERT INTO marketing.moves (name, category) VALUES ('Close at noon', 'repair');
ROLLBACK;
--! refused 42501

-- 6. Nobody raises their own budget.
BEGIN;
SELECT bastion.authenticate(:'ravi') IS NOT NULL AS authenticated;
UPDATE marketing.accounts SET monthly_budget = 1000000;
ROLLBACK;
--! refused 42501

-- 7. Memories by similarity. Maya finds her recipe; Rex, who knows its text, finds only his own.
SELECT bastion_api.login('rex', 'correct horse battery') ->> 'access_token' AS rex \gset
BEGIN;
SELECT bastion.authenticate(:'maya') IS NOT NULL AS authenticated;
SELECT content, round(similarity::numeric, 2) AS similarity FROM marketing.search_memories(marketing.toy_embedding('secret recipe'), 3);
--! (SELECT content FROM marketing.search_memories(marketing.toy_embedding('secret recipe'), 1)) ~ 'of bakery'
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'rex') IS NOT NULL AS authenticated;
SELECT content, round(similarity::numeric, 2) AS similarity
FROM marketing.search_memories(marketing.toy_embedding('the secret recipe of bakery is rye and patience'), 3);
--! NOT EXISTS (SELECT FROM marketing.search_memories(marketing.toy_embedding('bakery'), 1000) WHERE content ~ 'bakery')

-- 8. Rex knows the id of a campaign of the bakery and hangs a move of his own on it.
INSERT INTO marketing.moves (campaign_id, name, category) VALUES (marketing.row_of('bakery', 'campaign'), 'Borrowed', 'capture');
ROLLBACK;
--! refused 23503

-- 9. What agents cost is written down, in the name of who ran them. (That a budget refuses the next one waits for quotas.)
BEGIN;
SELECT bastion.authenticate(:'ravi') IS NOT NULL AS authenticated;
INSERT INTO marketing.agent_executions (agent_name, status, tokens_used, cost) VALUES ('copywriter', 'completed', 900, 0.021);
SELECT u.display_name AS me, sum(e.cost) AS spent, a.monthly_budget
FROM marketing.agent_executions e JOIN marketing.accounts a USING (user_id) JOIN bastion.users u ON u.id = a.user_id
GROUP BY 1, 3;
--! (SELECT sum(cost) FROM marketing.agent_executions WHERE user_id = bastion.user_id()) = 0.021
COMMIT;

-- 10. Maya lets Ravi go. His token is good for half an hour more, and for nothing.
BEGIN;
SELECT bastion.authenticate(:'maya') IS NOT NULL AS authenticated;
SELECT bastion.membership_remove((SELECT user_id FROM marketing.agent_executions WHERE cost = 0.021)) AS removed;
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ravi');
ROLLBACK;
--! refused 28000

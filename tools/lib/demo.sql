-- 1. The operator creates the extension and the root key, which is outside the database and seals the secrets in it.
CREATE EXTENSION pg_bastion;
SELECT key, value FROM jsonb_each_text(bastion.init()) WHERE key <> 'next';
--! :ROW_COUNT >= 2

-- 2. The application connects as an ordinary role, with only the necessary privileges on the extension.
CREATE ROLE app LOGIN;
SELECT bastion.allow_app_role('app');

-- 3. A table like any other. One call protects it.
CREATE TABLE documents (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id  uuid,
    author     uuid,
    title      text NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON documents TO app;
SELECT count(*) AS statements_run FROM bastion.protect('documents', tenant_column => 'tenant_id', owner_column => 'author');
SELECT relation, tenant_column, owner_column, rls_enabled, rls_forced, status FROM bastion.protection;
--! (SELECT status FROM bastion.protection) = 'ok'

-- 4. That call wrote four policies, one for each command. The subquery is computed once per statement and is an index key.
SELECT policyname, cmd, coalesce(qual, with_check) AS test
FROM pg_policies WHERE tablename = 'documents' AND permissive = 'RESTRICTIVE';
--! :ROW_COUNT = 4

-- 5. From here on as the application: an ordinary role, not the owner of the table. Two people sign up, each with a tenant of their own.
\connect - app
SELECT bastion_api.signup('anna@acme.example', 'correct horse battery', 'Acme') AS anna \gset
SELECT bastion_api.signup('ben@globex.example', 'staple of the day', 'Globex') AS ben \gset
SELECT s.answer #>> '{user,email}' AS email, s.answer #>> '{tenant,slug}' AS tenant, s.answer #>> '{tenant,role}' AS role
FROM (VALUES (:'anna'::jsonb), (:'ben'::jsonb)) AS s (answer);
--! :ROW_COUNT = 2

-- 6. They log in. The answer is that of RFC 6749: an access token, its type, its lifetime in seconds.
SELECT bastion_api.login('anna@acme.example', 'correct horse battery') AS anna \gset
SELECT bastion_api.login('ben@globex.example', 'staple of the day') AS ben \gset
SELECT :'anna'::jsonb ->> 'access_token' AS anna_token, :'anna'::jsonb #>> '{tenant,id}' AS acme,
       :'ben'::jsonb ->> 'access_token' AS ben_token, :'ben'::jsonb #>> '{tenant,id}' AS globex \gset
SELECT left(:'anna_token', 24) || '...' AS access_token, :'anna'::jsonb ->> 'token_type' AS token_type,
       :'anna'::jsonb ->> 'expires_in' AS expires_in;
--! length(:'anna_token') > 100 AND length(:'ben_token') > 100

-- 7. Anna writes two documents. She names no tenant and no author: both come from the verified identity.
BEGIN;
SELECT bastion.authenticate(:'anna_token') IS NOT NULL AS authenticated;
INSERT INTO documents (title) VALUES ('Acme: prices'), ('Acme: plans');
SELECT id, title, tenant_id = :'acme' AS of_acme, author = bastion.user_id() AS by_anna FROM documents;
--! :ROW_COUNT = 2 AND (SELECT bool_and(tenant_id = :'acme' AND author = bastion.user_id()) FROM documents)
COMMIT;

-- 8. Ben sees his own document and none of hers. He presents his token as any driver can: as a setting, through a parameter.
BEGIN;
SELECT set_config('bastion.token', :'ben_token', true) <> '' AS token_presented;
INSERT INTO documents (title) VALUES ('Globex: secrets');
SELECT id, title FROM documents;
--! :ROW_COUNT = 1 AND (SELECT title FROM documents) = 'Globex: secrets'
UPDATE documents SET title = 'hacked' WHERE title LIKE 'Acme%';
--! :ROW_COUNT = 0
COMMIT;

-- 9. The next transaction of the same connection has no identity again, and sees no rows.
SELECT count(*) AS documents, bastion.whoami() ->> 'state' AS state FROM documents;
--! (SELECT count(*) FROM documents) = 0

-- Now the attacks. Each must be refused, and the message is the one that the user gets.

-- 10. A wrong password. The answer is returned, not raised, so that the attempt stays recorded; an unknown user gets the same.
SELECT jsonb_pretty(bastion_api.login('anna@acme.example', 'wrong password')) AS answer;
--! bastion_api.login('anna@acme.example', 'wrong password') ->> 'error' = 'invalid_grant'
--! bastion_api.login('nobody@acme.example', 'x') = bastion_api.login('anna@acme.example', 'wrong password')

-- 11. A forged context: an attacker writes an arbitrary identity into the setting that policies rely on.
SELECT set_config('bastion.context', '1 ' || :'acme', true);
--! refused 42501

-- 12. A forged token: Ben's claims, changed to name Acme as tenant and signed with a key that he made up.
BEGIN;
SELECT bastion.authenticate(:'ben_token') IS NOT NULL AS authenticated;
SELECT bastion.jwt_sign(bastion.claims() || jsonb_build_object('tenant', :'acme'),
                        '{"kty": "oct", "alg": "HS256", "k": "YS1rZXktdGhhdC1CZW4tbWFkZS11cC1oaW1zZWxmLi4u"}',
                        '{"typ": "at+jwt"}') AS forged_token \gset
COMMIT;
SELECT bastion.authenticate(:'forged_token');
--! refused 28000

-- 13. A tampered token: the same false claims between the genuine header and the genuine signature.
SELECT concat_ws('.', split_part(:'ben_token', '.', 1), split_part(:'forged_token', '.', 2),
                 split_part(:'ben_token', '.', 3)) AS tampered_token \gset
SELECT bastion.authenticate(:'tampered_token');
--! refused 28000

-- 14. The same token as a setting. It is verified when a policy first reads the identity.
BEGIN;
SELECT set_config('bastion.token', :'tampered_token', true) <> '' AS token_presented;
SELECT * FROM documents;
ROLLBACK;
--! refused 28000

-- 15. A genuine token, but for a tenant that Ben is not a member of.
SELECT bastion.authenticate(:'ben_token', tenant => 'acme');
--! refused 28000

-- 16. An expired token. The operator signs one that was valid until a minute ago, with the real key.
\connect - postgres
BEGIN;
SELECT bastion.authenticate(:'ben_token') IS NOT NULL AS authenticated;
SELECT bastion_internal.token_sign(bastion.claims() || jsonb_build_object('exp', extract(epoch FROM now())::bigint - 60)) AS expired_token \gset
COMMIT;
\connect - app
SELECT bastion.authenticate(:'expired_token');
--! refused 28000

-- 17. A cross-tenant INSERT: Ben names Acme as the tenant of his row.
BEGIN;
SELECT bastion.authenticate(:'ben_token') IS NOT NULL AS authenticated;
INSERT INTO documents (tenant_id, title) VALUES (:'acme', 'planted by Ben');
ROLLBACK;
--! refused 42501

-- 18. An UPDATE of the tenant column: Ben moves his own row to Acme.
BEGIN;
SELECT bastion.authenticate(:'ben_token') IS NOT NULL AS authenticated;
UPDATE documents SET tenant_id = :'acme';
ROLLBACK;
--! refused 42501

-- 19. A second identity in one transaction, even one whose token is genuine.
BEGIN;
SELECT bastion.authenticate(:'ben_token') IS NOT NULL AS authenticated;
SELECT bastion.authenticate(:'anna_token');
ROLLBACK;
--! refused 25000

-- 20. Neither can the application read password hashes or keys.
SELECT hash FROM bastion.user_passwords;
--! refused 42501

-- Finally the operator checks: no row was planted, and sign-ups, logins and refusals are on record.
\connect - postgres
SELECT d.id, t.name AS tenant, d.title FROM documents d JOIN bastion.tenants t ON t.id = d.tenant_id ORDER BY d.id;
--! (SELECT array_agg(title ORDER BY title) FROM documents) = ARRAY['Acme: plans', 'Acme: prices', 'Globex: secrets']
SELECT kind, outcome, count(*), string_agg(DISTINCT detail ->> 'reason', ', ') AS reasons
FROM bastion.events GROUP BY kind, outcome ORDER BY kind;
--! EXISTS (SELECT FROM bastion.events WHERE kind = 'login_refused' AND outcome = 'refused')

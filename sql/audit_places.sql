-- A row that is shared across tenants: its tenant learns from the log who of another tenant changed it, and not from where.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA audit_places;
CREATE TABLE audit_places.docs (id int PRIMARY KEY, tenant_id uuid, owner_id uuid, title text);
SELECT count(*) > 0 AS protected
FROM bastion.protect('audit_places.docs', resource => 'audit_places', owner_column => 'owner_id', sharing => 'cross_tenant', visibility => 'owner', audit => true);
GRANT USAGE ON SCHEMA audit_places TO regress_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON audit_places.docs TO regress_app;
SELECT a ->> 'access_token' AS ann FROM bastion_api.signup('ann@places.example', 'correct horse', 'Places of Ann') a \gset
SELECT a ->> 'access_token' AS bob, a #>> '{user,id}' AS bob_id FROM bastion_api.signup('bob@places.example', 'correct horse', 'Places of Bob') a \gset
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS identified;
SET LOCAL ROLE regress_app;
INSERT INTO audit_places.docs (id, title) VALUES (1, 'a');
SELECT bastion.share('audit_places.docs', '1', with_user => :'bob_id', level => 'write') IS NOT NULL AS shared;
COMMIT;
BEGIN;
SET LOCAL "request.headers" = '{"user-agent": "the browser of Bob"}';
SELECT bastion.authenticate(:'bob') IS NOT NULL AS identified;
SET LOCAL ROLE regress_app;
UPDATE audit_places.docs SET title = 'b' WHERE id = 1;
INSERT INTO audit_places.docs (id, title) VALUES (2, 'own');
COMMIT;
SELECT a.op, a.key ->> 'id' AS id, a.actor_id = :'bob_id' AS by_bob, a.user_id = :'bob_id' AS of_bob, a.session_id IS NOT NULL AS session, a.unit_id IS NOT NULL AS unit,
       a.api_key_id IS NOT NULL AS api_key, a.address IS NOT NULL AS address, a.agent
FROM bastion.audit a WHERE a.relation = 'audit_places.docs' ORDER BY a.xid, a.seq;
DROP SCHEMA audit_places CASCADE;

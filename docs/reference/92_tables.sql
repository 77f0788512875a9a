-- Tables and views
-- All in schema `bastion`. Application roles read those marked so, under row-level security; the others are granted to
-- nobody, or to migration roles for their own tables.

SET ROLE app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT r.name AS role, m.user_id = bastion.user_id() AS me, m.valid_until
FROM bastion.memberships m JOIN bastion.roles r ON r.id = m.role_id ORDER BY r.name DESC;
COMMIT;
SELECT count(*) AS seen_without_an_identity FROM bastion.memberships;

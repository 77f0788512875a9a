-- The first check by tenant of a backend: the permissions of a user in 500 tenants, 100 permissions each, read in a new session,
-- against the memberships alone.
INSERT INTO bastion.users (email) VALUES ('member@first.test') RETURNING id AS member \gset
SELECT bastion.resource_register('resource_' || r, ARRAY(SELECT 'action_' || a FROM generate_series(1, 10) a)) FROM generate_series(1, 30) r \g /dev/null
INSERT INTO bastion.roles (name) SELECT 'kind ' || k FROM generate_series(0, 2) k;
INSERT INTO bastion.role_permissions (role_id, pattern)
SELECT r.id, format('resource_%s.action_%s', 10 * right(r.name, 1)::integer + n, a) FROM bastion.roles r, generate_series(1, 10) n, generate_series(1, 10) a WHERE r.name LIKE 'kind _';
INSERT INTO bastion.tenants (name, slug) SELECT 'Tenant ' || n, 'first-' || n FROM generate_series(0, 499) n;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT :'member', t.id, r.id FROM bastion.tenants t JOIN bastion.roles r ON r.name = 'kind ' || substring(t.slug FROM '[0-9]+')::integer % 3 WHERE t.slug LIKE 'first-%';
ANALYZE;
CREATE TABLE measured (ours double precision, floor double precision, tenants bigint, permissions bigint);
CREATE FUNCTION measure(member uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    begun timestamptz := clock_timestamp();
    tenants bigint;
    permissions bigint;
    ours double precision;
BEGIN
    SELECT sum(cardinality(g.tenant_ids)), sum(cardinality(g.tenant_ids) * cardinality(g.permissions)) INTO tenants, permissions
    FROM bastion_internal.tenant_grants(member) g;
    ours := extract(epoch FROM clock_timestamp() - begun) * 1000;
    begun := clock_timestamp();
    PERFORM m.tenant_id, array_agg(m.role_id) FROM bastion.memberships m WHERE m.user_id = member GROUP BY m.tenant_id;
    INSERT INTO measured VALUES (ours, extract(epoch FROM clock_timestamp() - begun) * 1000, tenants, permissions);
END
$$;
\c
SELECT measure(:'member') \g /dev/null
\c
SELECT measure(:'member') \g /dev/null
\c
SELECT measure(:'member') \g /dev/null
\c
SELECT measure(:'member') \g /dev/null
\c
SELECT measure(:'member') \g /dev/null
\echo the first check by tenant of a session: at most 60 ms
SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ours)::numeric, 2) AS ours_ms, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY floor)::numeric, 2) AS memberships_ms,
       max(tenants) AS tenants, max(permissions) AS permissions
FROM measured;

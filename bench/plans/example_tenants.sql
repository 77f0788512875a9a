-- 2,000 tenants more for an example, each with a unit. Of the rows that follow bench.places, 40 % belong to the tenant :large and
-- 0.03 % to each other. Rows load past their triggers.
\o /dev/null
INSERT INTO bastion.tenants (name, slug) SELECT 'Tenant ' || i, 'tenant-' || i FROM generate_series(1, 2000) i;
INSERT INTO bastion.users (email) VALUES ('owner@bench.test');
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
    SELECT u.id, t.id, r.id FROM bastion.users u, bastion.tenants t, bastion.roles r
    WHERE u.email = 'owner@bench.test' AND r.name = 'owner' AND r.tenant_id IS NULL AND t.slug IN (:'large', 'tenant-1000');
INSERT INTO bastion.units (tenant_id, kind, name, slug)
    SELECT t.id, coalesce((SELECT kind FROM bastion.units LIMIT 1), 'team'), 'Everything', 'everything' FROM bastion.tenants t WHERE t.slug ~ '^tenant-' OR t.slug = :'large';
INSERT INTO bench.tenants (label, number, id)
    SELECT x.label, x.number, t.id
    FROM (VALUES ('40 %', 1, :'large'), ('0.03 %', 2, 'tenant-1000')) x (label, number, slug) JOIN bastion.tenants t USING (slug);
CREATE TABLE bench.places AS
    SELECT p AS place, u.tenant_id, u.id AS unit_id, u.acl_id, md5('row ' || p)::uuid AS id
    FROM generate_series(0, 9999) p JOIN bastion.tenants t ON t.slug = CASE WHEN p * 7919 % 10000 < 4000 THEN :'large' ELSE 'tenant-' || p % 2000 + 1 END
    JOIN bastion.units u ON u.tenant_id = t.id AND u.slug = 'everything';
SET session_replication_role = replica;

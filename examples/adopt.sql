-- Compares what bastion.adopt_plan() proposes for the schema :schema, whose protections are taken back first, with those protections.
-- After attempt.sql. attempt.differences says in one line for each table what the plan does not propose as the example has it.
CREATE TABLE attempt.had AS
SELECT p.relation, c.relname AS name, p.tenant_column, p.owner_column, p.resource, p.options
FROM bastion.protected_tables p JOIN pg_class c ON c.oid = p.relation WHERE c.relnamespace = :'schema'::regnamespace;
SELECT count(*) AS unprotected FROM attempt.had h, bastion.unprotect(h.relation) \gset
CREATE TABLE attempt.plan AS
SELECT p.*, c.relname AS name, p.statement ~ '^SELECT bastion[.]protect[(]' AS protects,
       coalesce(substring(p.statement FROM 'tenant_column => ''([^'']*)'''), 'tenant_id') AS tenant_column, substring(p.statement FROM 'owner_column => ''([^'']*)''') AS owner_column
FROM bastion.adopt_plan(:'schema') p LEFT JOIN pg_class c ON c.oid = p.relation;
CREATE VIEW attempt.differences AS
SELECT coalesce(h.name, p.name)::text AS name,
       concat_ws('; ', CASE WHEN h.relation IS NULL THEN 'the example does not protect it' WHEN p.relation IS NULL THEN 'no call: ' || coalesce(o.reason, 'not in the plan') END,
                 CASE WHEN p.tenant_column <> h.tenant_column THEN 'tenant ' || p.tenant_column END,
                 CASE WHEN p.relation IS NOT NULL AND h.relation IS NOT NULL AND p.owner_column IS DISTINCT FROM h.owner_column THEN format('owner %s, not %s', coalesce(p.owner_column, 'none'), coalesce(h.owner_column, 'none')) END,
                 'left to people: ' || CASE WHEN p.relation IS NOT NULL THEN nullif(concat_ws(', ', CASE WHEN h.options ? 'sharing' THEN 'sharing' END,
                     CASE WHEN h.options ->> 'visibility' <> 'tenant' THEN 'visibility' END, CASE WHEN h.options ? 'owner_rights' THEN 'owner_rights' END,
                     CASE WHEN h.resource <> h.name THEN 'resource' END, CASE WHEN h.options -> 'actions' <> '{}' THEN 'actions' END,
                     CASE WHEN h.options ->> 'existing' <> 'refuse' AND p.statement !~ 'existing' THEN 'existing' END, CASE WHEN h.options ? 'quota' THEN 'quota' END), '') END) AS difference
FROM attempt.had h FULL JOIN (SELECT * FROM attempt.plan WHERE protects) p ON p.relation = h.relation
LEFT JOIN LATERAL (SELECT string_agg(x.reason, ' ' ORDER BY x.step) AS reason FROM attempt.plan x WHERE x.relation = h.relation) o ON true;

-- Execution of statements.sql under the policies, by tenants of four sizes, against the owner's literal condition.
\set app app
\ir measure.sql
\echo execution under the policies, against that of the owner; * above 1.15 and 20 µs, ~ a plan of another shape
SELECT query, tenant, ratio FROM bench.ratios('query', 1.15, 20) ORDER BY n \crosstabview
SELECT * FROM bench.missed('query', 1.15, 20);
\echo searches; * above 1.25 and 50 µs
SELECT query, tenant, ratio FROM bench.ratios('search', 1.25, 50) ORDER BY n \crosstabview
SELECT * FROM bench.missed('search', 1.25, 50);

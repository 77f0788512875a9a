-- Measures bench.queries for each of bench.tenants, as the role :app; VACUUM removes what was written and taken back.
\echo measuring
\o /dev/null
SELECT 'SELECT bench.renew()', format('SELECT FROM bench.queries q, bench.tenants t, bench.measure(q, t, %L) WHERE t.label = %L', :'app', t.label), 'VACUUM'
FROM bench.tenants t ORDER BY t.number \gexec
\o

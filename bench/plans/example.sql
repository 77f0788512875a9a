-- Lists, dashboards and searches of the example :example, with many rows.
SET session_replication_role = origin;
SELECT format('GRANT USAGE ON SCHEMA %I TO plain', :'example'), format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO plain', :'example') \gexec
GRANT SELECT ON bench.queries TO PUBLIC;
\o
VACUUM ANALYZE;
\set app :example _app
\ir measure.sql
SELECT query, tenant, ratio FROM bench.ratios(:'example', 1.15, 20) ORDER BY n \crosstabview
SELECT * FROM bench.missed(:'example', 1.15, 20);

-- The cache of a backend, with values of a test module: what is found, what leaves, and what stays alive.
CREATE FUNCTION test.backend_cache() RETURNS text LANGUAGE c VOLATILE AS 'backend_cache_test', 'bastion_test_backend_cache';
SELECT regexp_split_to_table(test.backend_cache(), E'\n') AS cache;

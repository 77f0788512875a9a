-- The cache of a backend, with values of a test module: what is found, what leaves, and what stays alive.
CREATE FUNCTION test.backend_cache() RETURNS text LANGUAGE c VOLATILE AS 'backend_cache_test', 'bastion_test_backend_cache';
SELECT regexp_split_to_table(test.backend_cache(), E'\n') AS cache;
-- a pin ends with its transaction
CREATE FUNCTION test.pin() RETURNS integer LANGUAGE c VOLATILE AS 'backend_cache_test', 'bastion_test_pin';
CREATE FUNCTION test.alive() RETURNS integer LANGUAGE c VOLATILE AS 'backend_cache_test', 'bastion_test_alive';
BEGIN;
SELECT test.pin() AS pinned;
SELECT test.alive() AS alive;
COMMIT;
SELECT test.alive() AS alive_after_commit;
BEGIN;
SELECT test.pin() AS pinned;
ROLLBACK;
SELECT test.alive() AS alive_after_rollback;

-- Fifty users with tokens, whose requests read a table that nobody protects: what pre_request() costs stands alone.
SET client_min_messages = warning;
CREATE SCHEMA bench;
CREATE ROLE bench_anon;
CREATE ROLE bench_user;
CREATE ROLE bench_door LOGIN NOINHERIT;
GRANT bench_anon, bench_user TO bench_door;
SELECT bastion.allow_app_role('bench_anon'), bastion.allow_app_role('bench_user') \gset _
ALTER ROLE bench_door SET bastion.authenticated_role = 'bench_user';
CREATE TABLE bench.headers AS
SELECT n, jsonb_build_object('authorization', 'Bearer ' || (a ->> 'access_token'), 'host', 'api.example.com', 'user-agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
    'accept', 'application/json', 'accept-language', 'en-GB,en;q=0.9', 'accept-encoding', 'gzip, deflate, br', 'origin', 'https://app.example.com', 'referer', 'https://app.example.com/documents',
    'x-forwarded-for', '203.0.113.7')::text AS headers
FROM generate_series(1, 50) n, LATERAL (SELECT bastion_api.signup('door' || n || '@bench.example', 'correct horse battery', 'Door ' || n)) s (a);
ALTER TABLE bench.headers ADD PRIMARY KEY (n);
CREATE TABLE bench.documents AS SELECT id, 'title ' || id AS title FROM generate_series(1, 100000) id;
ALTER TABLE bench.documents ADD PRIMARY KEY (id);
VACUUM ANALYZE bench.documents, bench.headers;
CREATE FUNCTION bench.nothing() RETURNS void LANGUAGE plpgsql AS $$ BEGIN END $$;
GRANT USAGE ON SCHEMA bench TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA bench TO PUBLIC;

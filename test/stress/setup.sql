-- What the scripts of this folder use: users with tokens and API keys, an issuer, sealed values of every size, a shared table.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION pg_bastion;
SELECT bastion.init() \g /dev/null
CREATE ROLE stress_app;
SELECT bastion.allow_app_role('stress_app') \g /dev/null
CREATE SCHEMA stress;
GRANT USAGE ON SCHEMA stress TO stress_app;
SELECT bastion.resource_register('stress', '{open}') \g /dev/null
CREATE TABLE stress.people (id int PRIMARY KEY, user_id uuid, tenant_id uuid, token text, key text, foreign_token text);
INSERT INTO stress.people (id, user_id, tenant_id, token)
SELECT g, (a -> 'user' ->> 'id')::uuid, (a -> 'tenant' ->> 'id')::uuid, a ->> 'access_token'
FROM generate_series(1, 4) g, bastion_api.signup(g || '@stress.example', 'correct horse', 'Stress ' || g) a;
DO $$
BEGIN
    FOR person IN 1 .. 4 LOOP
        PERFORM bastion.authenticate(token) FROM stress.people WHERE id = person;
        UPDATE stress.people SET key = bastion_api.api_key_create('job', '{*}') ->> 'key' WHERE id = person;
        COMMIT;
    END LOOP;
END
$$;
CREATE TABLE stress.issuer AS SELECT bastion.jwk_generate('ES256', 'k1') AS key;
SELECT bastion.issuer_add('https://stress.example', jsonb_build_object('keys', jsonb_build_array(bastion.jwk_public(key))), '{api}', '{ES256}') FROM stress.issuer \g /dev/null
SELECT bastion.identity_add('https://stress.example', 'person-' || id, user_id) FROM stress.people \g /dev/null
UPDATE stress.people SET foreign_token = bastion.jwt_sign(jsonb_build_object('iss', 'https://stress.example', 'sub', 'person-' || id, 'aud', 'api', 'exp', 4000000000), issuer.key)
FROM stress.issuer;
-- Plain values are stored out of line: to read them, seal() opens a table.
CREATE TABLE stress.notes (id int PRIMARY KEY, tenant_id uuid NOT NULL, body text NOT NULL, value bastion.sealed);
ALTER TABLE stress.notes ALTER COLUMN body SET STORAGE EXTERNAL;
INSERT INTO stress.notes SELECT g, p.tenant_id, repeat('attack ', (10 ^ (g % 5))::int) FROM stress.people p, generate_series(p.id * 100, p.id * 100 + 19) g;
UPDATE stress.notes SET value = bastion.seal_for(tenant_id, body, 'stress', id::text);
SELECT bastion.protect('stress.notes', resource => 'stress_notes', sharing => 'tenant', existing => 'drop') \g /dev/null
GRANT SELECT ON stress.notes, stress.people TO stress_app;

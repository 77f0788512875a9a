-- The database that every round of the function fuzzer begins with: tenant A, whose people and keys make the calls, and
-- tenant B, whose texts all hold the word qzbmark and must neither appear nor change. hostile.sql, pools.sql and
-- fingerprint.sql follow.
BEGIN;
CREATE EXTENSION pg_bastion;
DO $$
BEGIN
    PERFORM bastion.root_key_id();
EXCEPTION WHEN SQLSTATE 'BA001' THEN
    PERFORM bastion.init();
END
$$;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['fz_app', 'fz_mig', 'fz_operator', 'fz_owner'] LOOP
        IF to_regrole(name) IS NULL THEN
            EXECUTE format('CREATE ROLE %I LOGIN', name);
        END IF;
    END LOOP;
END
$$;
GRANT fz_app TO fz_operator;
SELECT bastion.allow_app_role(r) FROM unnest(ARRAY['fz_app', 'fz_operator']::regrole[]) r;
SELECT bastion.allow_migration_role(r) FROM unnest(ARRAY['fz_mig', 'fz_owner']::regrole[]) r;
GRANT EXECUTE ON FUNCTION bastion.impersonate(text, text, text, boolean) TO fz_operator;

CREATE SCHEMA fz;
GRANT USAGE ON SCHEMA fz TO PUBLIC;

-- Credentials and ids that are drawn, by name, so that a statement reads the same in every copy.
CREATE TABLE fz.named (name text PRIMARY KEY, value text);
CREATE FUNCTION fz.text(name text) RETURNS text LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT n.value FROM fz.named n WHERE n.name = text.name $$;
CREATE FUNCTION fz.id(name text) RETURNS uuid LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT n.value::uuid FROM fz.named n WHERE n.name = id.name $$;

CREATE FUNCTION fz.make_id(kind text, number integer) RETURNS uuid LANGUAGE sql IMMUTABLE
AS $$ SELECT (kind || '0000000-0000-4000-8000-' || lpad(number::text, 12, '0'))::uuid $$;

-- 1 is A, 2 is B.
INSERT INTO bastion.tenants (id, number, name, slug, plan) OVERRIDING SYSTEM VALUE VALUES
    (fz.make_id('a', 1), 101, 'Acme', 'acme', 'free'),
    (fz.make_id('a', 2), 102, 'Beta qzbmark', 'beta', 'plan qzbmark');
-- Of A: 1 owner, 2 admin, 3 member, 4 member of one unit, 5 without a membership, 6 disabled. Of B: 11 owner, 12 and 14 members.
-- 13 is a member of A and of B. A's people know of B's people only the login name of 11 and the address of 14.
INSERT INTO bastion.users (id, email, username, display_name, status) VALUES
    (fz.make_id('e', 1), 'ann@acme.example', 'ann', 'Ann', 'active'),
    (fz.make_id('e', 2), 'ada@acme.example', NULL, 'Ada', 'active'),
    (fz.make_id('e', 3), 'max@acme.example', 'max', 'Max', 'active'),
    (fz.make_id('e', 4), 'uma@acme.example', NULL, 'Uma', 'active'),
    (fz.make_id('e', 5), 'lee@acme.example', NULL, NULL, 'active'),
    (fz.make_id('e', 6), 'dan@acme.example', NULL, NULL, 'disabled'),
    (fz.make_id('e', 11), 'bob.qzbmark@beta.example', 'bob', 'Bob qzbmark', 'active'),
    (fz.make_id('e', 12), 'bea.qzbmark@beta.example', 'bea.qzbmark', 'Bea qzbmark', 'active'),
    (fz.make_id('e', 13), 'kim@common.example', 'kim', 'Kim', 'active'),
    (fz.make_id('e', 14), 'bo@beta.example', NULL, 'Bo qzbmark', 'active');
INSERT INTO bastion.user_passwords (user_id, hash)
SELECT u.id, bastion.password_hash(CASE WHEN u.email LIKE '%acme%' THEN 'correct horse' ELSE gen_random_uuid()::text END,
                                   'pbkdf2-sha256', '{"iterations": 1000}')
FROM bastion.users u;
INSERT INTO bastion.units (id, tenant_id, kind, name, slug) VALUES
    (fz.make_id('b', 1), fz.make_id('a', 1), 'team', 'Red', 'red'),
    (fz.make_id('b', 2), fz.make_id('a', 1), 'team', 'Pink', 'pink'),
    (fz.make_id('b', 3), fz.make_id('a', 1), 'project', 'Blue', NULL),
    (fz.make_id('b', 11), fz.make_id('a', 2), 'team', 'Green qzbmark', 'green'),
    (fz.make_id('b', 12), fz.make_id('a', 2), 'team', 'Lime qzbmark', NULL);
INSERT INTO bastion.unit_parents (unit_id, tenant_id, parent_id) VALUES
    (fz.make_id('b', 2), fz.make_id('a', 1), fz.make_id('b', 1)),
    (fz.make_id('b', 12), fz.make_id('a', 2), fz.make_id('b', 11));
INSERT INTO bastion.roles (id, tenant_id, name, description) VALUES
    (fz.make_id('c', 1), fz.make_id('a', 1), 'editor', 'Edits'),
    (fz.make_id('c', 2), fz.make_id('a', 1), 'clerk', NULL),
    (fz.make_id('c', 11), fz.make_id('a', 2), 'chief', 'Text qzbmark'),
    (fz.make_id('c', 12), fz.make_id('a', 2), 'role qzbmark', NULL);
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
SELECT fz.make_id('e', m.person), fz.make_id('a', m.tenant), fz.make_id('b', m.unit), coalesce(fz.make_id('c', m.own), r.id)
FROM (VALUES (1, 1, NULL, 'owner', NULL), (2, 1, NULL, 'admin', NULL), (3, 1, NULL, 'member', NULL), (3, 1, 3, NULL, 1),
             (4, 1, 1, 'developer', NULL), (6, 1, NULL, 'member', NULL), (11, 2, NULL, 'owner', NULL), (12, 2, 11, NULL, 11),
             (13, 1, NULL, 'viewer', NULL), (13, 2, NULL, 'admin', NULL),
             (14, 2, NULL, 'viewer', NULL)) m (person, tenant, unit, role, own)
LEFT JOIN bastion.roles r ON r.name = m.role;

-- Tables of an application, with rows of both tenants. Those of fz_mig have none of B's.
GRANT CREATE, USAGE ON SCHEMA fz TO fz_owner;
CREATE SCHEMA mig AUTHORIZATION fz_mig;
GRANT USAGE ON SCHEMA mig TO PUBLIC;
SET ROLE fz_owner;
CREATE TABLE fz.docs (id bigint PRIMARY KEY, tenant_id uuid, owner_id uuid, body text);
CREATE TABLE fz.notes (id bigint PRIMARY KEY, tenant_id uuid, owner_id uuid, body text);
CREATE TABLE fz.wide (id text PRIMARY KEY, tenant_id bigint, owner_id uuid, body text);
CREATE TABLE fz."od""d'; name\" ("the id" uuid PRIMARY KEY, "ten;ant" uuid, "own--er" uuid, body text);
CREATE TABLE fz.parts (id bigint, tenant_id uuid, body text, PRIMARY KEY (tenant_id, id)) PARTITION BY HASH (tenant_id);
CREATE TABLE fz.parts_0 PARTITION OF fz.parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE fz.parts_1 PARTITION OF fz.parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO fz.docs SELECT i, 'a0000000-0000-4000-8000-000000000001', 'e0000000-0000-4000-8000-000000000003', 'text ' || i FROM generate_series(1, 5) i;
INSERT INTO fz.docs SELECT i, 'a0000000-0000-4000-8000-000000000002', 'e0000000-0000-4000-8000-000000000011', 'qzbmark ' || i FROM generate_series(11, 15) i;
INSERT INTO fz.notes SELECT * FROM fz.docs;
INSERT INTO fz.wide SELECT id, CASE WHEN id < 10 THEN 101 ELSE 102 END, owner_id, body FROM fz.docs;
INSERT INTO fz."od""d'; name\" SELECT ('d0000000-0000-4000-8000-' || lpad(id::text, 12, '0'))::uuid, tenant_id, owner_id, body FROM fz.docs;
INSERT INTO fz.parts SELECT id, tenant_id, body FROM fz.docs;
CREATE VIEW fz.a_view WITH (security_invoker) AS SELECT * FROM fz.docs;
CREATE SEQUENCE fz.a_sequence;
RESET ROLE;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA fz TO fz_app;
REVOKE ALL ON fz.named FROM fz_app;
SET ROLE fz_owner;
SELECT count(*) FROM bastion.protect('fz.docs', owner_column => 'owner_id');
SELECT count(*) FROM bastion.protect('fz.notes', owner_column => 'owner_id', sharing => 'tenant', visibility => 'owner');
SELECT count(*) FROM bastion.protect('fz.wide', owner_column => 'owner_id', sharing => 'cross_tenant', visibility => 'unit');
SELECT count(*) FROM bastion.protect('fz."od""d''; name\"', tenant_column => 'ten;ant', owner_column => 'own--er', resource => 'odd', sharing => 'tenant');
SELECT count(*) FROM bastion.protect('fz.parts', sharing => 'tenant');
RESET ROLE;
SET ROLE fz_mig;
CREATE TABLE mig.plain (id bigint PRIMARY KEY, tenant_id uuid, owner_id uuid, body text);
CREATE TABLE mig.numbers (id bigint PRIMARY KEY, tenant_id bigint NOT NULL DEFAULT 101, owner_id uuid, body text UNIQUE);
CREATE TABLE mig.texts (id bigint PRIMARY KEY, tenant_id text CHECK (tenant_id <> ''), other bigint REFERENCES mig.plain, body text);
CREATE TABLE mig.empty_columns ();
CREATE TABLE mig.parts (id bigint, tenant_id uuid, body text) PARTITION BY LIST (tenant_id);
CREATE TABLE mig.parts_a PARTITION OF mig.parts FOR VALUES IN ('a0000000-0000-4000-8000-000000000001');
CREATE TABLE mig.parts_rest PARTITION OF mig.parts DEFAULT;
CREATE TABLE mig.child (extra text) INHERITS (mig.plain);
CREATE TABLE mig."SELECT ""$1""; -- \" (id bigint PRIMARY KEY, "tenant ""id\" uuid, "%s %I" uuid, body text);
CREATE TABLE mig.protected (id bigint PRIMARY KEY, tenant_id uuid, owner_id uuid, body text);
CREATE TABLE mig.shared (id bigint PRIMARY KEY, tenant_id uuid, owner_id uuid, other bigint UNIQUE REFERENCES mig.protected, body text);
CREATE TABLE mig.global (id bigint PRIMARY KEY, body text);
CREATE UNLOGGED TABLE mig.unlogged (id bigint, tenant_id uuid);
CREATE VIEW mig.a_view AS SELECT * FROM mig.plain;
CREATE MATERIALIZED VIEW mig.stored AS SELECT 1 AS id, 'a0000000-0000-4000-8000-000000000001'::uuid AS tenant_id;
INSERT INTO mig.plain SELECT i, 'a0000000-0000-4000-8000-000000000001', 'e0000000-0000-4000-8000-000000000001', 'text ' || i FROM generate_series(1, 5) i;
INSERT INTO mig.numbers SELECT id, 101, owner_id, body FROM mig.plain;
INSERT INTO mig.texts SELECT id, tenant_id, id, body FROM mig.plain;
INSERT INTO mig.parts SELECT id, tenant_id, body FROM mig.plain;
INSERT INTO mig.child SELECT id + 10, tenant_id, owner_id, body, 'extra' FROM ONLY mig.plain;
INSERT INTO mig."SELECT ""$1""; -- \" SELECT * FROM mig.plain;
INSERT INTO mig.protected SELECT * FROM ONLY mig.plain;
INSERT INTO mig.shared SELECT id, tenant_id, owner_id, id, body FROM ONLY mig.plain;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA mig TO fz_app;
SELECT count(*) FROM bastion.protect('mig.protected', owner_column => 'owner_id');
SELECT count(*) FROM bastion.protect('mig.shared', owner_column => 'owner_id', sharing => 'tenant', visibility => 'owner');
SELECT bastion.global_table_add('mig.global', 'the same for all');
RESET ROLE;
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE fz.far (id bigint, tenant_id uuid) SERVER nowhere;

SELECT bastion.resource_register(r, '{open}') FROM unnest(ARRAY['contracts', 'newpurpose']) r;
-- Sessions, keys, secrets, invitations and sealed values of both.
CREATE FUNCTION fz.begin(person integer, tenant integer, label text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb := bastion_internal.session_start(fz.make_id('e', person), fz.make_id('a', tenant), NULL,
                                          CASE WHEN tenant = 2 THEN 'device qzbmark' ELSE 'device' END);
BEGIN
    INSERT INTO fz.named VALUES (label || ' token', answer ->> 'access_token'), (label || ' refresh', answer ->> 'refresh_token'),
        (label || ' session', (SELECT s.id FROM bastion.sessions s ORDER BY s.created_at DESC LIMIT 1));
END
$$;
SELECT fz.begin(1, 1, 'ann'), fz.begin(2, 1, 'ada'), fz.begin(3, 1, 'max'), fz.begin(4, 1, 'uma'), fz.begin(6, 1, 'dan'),
       fz.begin(1, 1, 'ended'), fz.begin(11, 2, 'bob'), fz.begin(12, 2, 'bea'), fz.begin(13, 2, 'kim');
UPDATE bastion.sessions SET revoked_at = now(), revoked_reason = 'logout' WHERE id = fz.id('ended session');
INSERT INTO fz.named SELECT 'late token', bastion_internal.token_sign(jsonb_build_object(
    'iss', 'pg_bastion', 'sub', fz.make_id('e', 1), 'tenant', fz.make_id('a', 1), 'exp', extract(epoch FROM now())::bigint - 60));

-- Made by the people themselves, each in a transaction of its own.
CREATE FUNCTION fz.own(label text, keys text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    of_b boolean := label IN ('bob', 'bea');
    mark text := CASE WHEN of_b THEN ' qzbmark' ELSE '' END;
    answer jsonb;
    scope text;
BEGIN
    PERFORM bastion.authenticate(fz.text(label || ' token'));
    FOREACH scope IN ARRAY keys LOOP
        answer := bastion_api.api_key_create('key ' || scope || mark, string_to_array(scope, ' '), NULL, '{}', NULL,
                                             jsonb_build_object('note', 'limit' || mark));
        INSERT INTO fz.named VALUES (label || ' key ' || scope, answer ->> 'key'), (label || ' key id ' || scope, answer ->> 'id');
    END LOOP;
    PERFORM bastion.secret_put('own', 'own value of ' || label || mark, 'provider' || mark, own => true);
    INSERT INTO fz.named VALUES (label || ' sealed', bastion.seal('text of ' || label || mark, 'contracts', 'row 1')),
                                (label || ' index', encode(bastion.blind_index('text of ' || label, 'contracts'), 'hex'));
    IF bastion.has_permission('tenant.secrets.manage') THEN
        PERFORM bastion.secret_put('smtp', 'value of ' || label || mark, 'provider' || mark, 'type' || mark, ARRAY['tag' || mark]),
                bastion.secret_put('smtp', 'newer value of ' || label || mark),
                bastion.secret_put(label || ' secret' || mark, 'value of ' || label || mark);
        answer := bastion.invite('new' || replace(mark, ' ', '.') || '@' || label || '.example', 'member');
        INSERT INTO fz.named VALUES (label || ' invitation', answer ->> 'token'), (label || ' invitation id', answer ->> 'id');
        answer := bastion.invite(CASE WHEN of_b THEN 'kim@common.example' ELSE 'lee@acme.example' END, 'viewer');
        INSERT INTO fz.named VALUES (label || ' other invitation', answer ->> 'token'), (label || ' other invitation id', answer ->> 'id');
        PERFORM bastion.role_permission_add(CASE WHEN of_b THEN 'chief' ELSE 'editor' END, 'docs.*'),
                bastion.permission_grant(bastion.user_id(), 'docs.read'),
                bastion.session_settings_set(access_lifetime => interval '1 day');
    END IF;
END
$$;
COMMIT;
BEGIN; SELECT fz.own('ann', ARRAY['docs.read', '*', 'tenant.*', 'notes.manage notes.read']); COMMIT;
BEGIN; SELECT fz.own('max', ARRAY['docs.*']); COMMIT;
BEGIN; SELECT fz.own('bob', ARRAY['*', 'tenant.*']); COMMIT;
BEGIN; SELECT fz.own('bea', ARRAY['docs.read']); COMMIT;
-- A row that Bob shares inside B, and one of A's that is shared with B.
BEGIN;
SELECT bastion.authenticate(fz.text('bob token'));
SELECT bastion.share('fz.wide', '12', with_user => fz.make_id('e', 12), level => 'write'),
       bastion.share('fz.notes', '12', with_unit => fz.make_id('b', 11), level => 'read');
COMMIT;
BEGIN;
SELECT bastion.authenticate(fz.text('ann token'));
SELECT bastion.share('fz.wide', '2', with_tenant => fz.make_id('a', 2), level => 'read'),
       bastion.share('fz.notes', '2', with_user => fz.make_id('e', 4), level => 'manage');
COMMIT;
BEGIN;
-- An issuer with a subject for each, and its keys.
INSERT INTO fz.named SELECT 'issuer key', bastion.jwk_generate('EdDSA', 'one')::text;
SELECT bastion.issuer_add('https://id.example', jsonb_build_object('keys', jsonb_build_array(bastion.jwk_public(fz.text('issuer key')::jsonb))),
                          ARRAY['api'], ARRAY['EdDSA']);
SELECT bastion.identity_add('https://id.example', 'ann', fz.make_id('e', 1)), bastion.identity_add('https://id.example', 'bob.qzbmark', fz.make_id('e', 11));
INSERT INTO fz.named SELECT label, bastion.jwt_sign(jsonb_build_object('iss', 'https://id.example', 'aud', 'api', 'sub', subject,
    'tenant', 'acme', 'exp', extract(epoch FROM now())::bigint + 86400), fz.text('issuer key')::jsonb)
FROM (VALUES ('foreign token', 'ann'), ('unknown token', 'nobody')) f (label, subject);
INSERT INTO fz.named SELECT 'forged token', bastion.jwt_sign(jsonb_build_object('iss', 'pg_bastion', 'sub', fz.make_id('e', 1),
    'tenant', fz.make_id('a', 1), 'exp', 4102444800), '{"kty": "oct", "alg": "HS256", "k": "YS1rZXktdGhhdC1zb21lYm9keS1tYWRlLXVwLi4uLi4"}', '{"typ": "at+jwt"}');
COMMIT;

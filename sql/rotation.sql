-- Rotation of data keys, values sealed anew, minimum versions, shredding of a tenant.
\set VERBOSITY terse
SELECT coalesce(max(id), 0) AS before FROM bastion.events \gset
SET client_min_messages = warning;
SELECT bastion.resource_register('mailbox', '{open}');
INSERT INTO test.people (name, token, tenant)
SELECT name, answer ->> 'access_token' AS token, (answer #>> '{tenant,id}')::uuid AS tenant
FROM unnest(ARRAY['rotann', 'rotbob']) name,
     LATERAL bastion_api.signup(name || '@rotation.example', 'correct horse', initcap(name), initcap(name), name) answer;
SELECT token AS ann, tenant AS ann_tenant FROM test.people WHERE name = 'rotann' \gset
SELECT tenant AS bob_tenant FROM test.people WHERE name = 'rotbob' \gset

-- a partitioned table of both tenants with odd names, a bytea column beside, and a protected one with values bound to nothing
CREATE TABLE test."Odd ""mail""" (id int, tenant_id uuid, "the value" bastion.sealed, old bytea, CHECK (bastion.is_sealed(old))) PARTITION BY LIST (id);
CREATE TABLE test.mail_1 PARTITION OF test."Odd ""mail""" FOR VALUES IN (1);
CREATE TABLE test.mail_rest PARTITION OF test."Odd ""mail""" DEFAULT;
INSERT INTO test."Odd ""mail"""
SELECT i, p.tenant, bastion.seal_for(p.tenant, 'value ' || i, 'mailbox', i::text), bastion.seal_for(p.tenant, 'bytes ' || i, 'mailbox')::bytea
FROM test.people p, generate_series(1, 300) i;
CREATE TABLE test.closed (tenant_id uuid, value bastion.sealed);
INSERT INTO test.closed SELECT p.tenant, bastion.seal_for(p.tenant, 'closed', 'mailbox') FROM test.people p;
SELECT bastion.protect('test.closed') IS NOT NULL AS protected LIMIT 1;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.secret_put('mail', 'attack at dawn', own => true);
COMMIT;
CREATE VIEW test.opened AS
SELECT count(*) FILTER (WHERE bastion.open_text_for(tenant_id, "the value", id::text) = 'value ' || id) AS values,
       count(*) FILTER (WHERE bastion.open_text_for(tenant_id, old::bastion.sealed) = 'bytes ' || id) AS bytes FROM test."Odd ""mail""";
CREATE VIEW test.usage AS
SELECT u.relation, u.column_name, p.name, u.purpose, u.version, u.state, u.sealed_values FROM bastion.key_usage() u JOIN test.people p ON p.tenant = u.tenant_id
ORDER BY u.relation::text COLLATE "C", u.column_name, p.name, u.version;

SELECT bastion.sealed_column_add('test."Odd ""mail"""', 'the value', 'id::text'), bastion.sealed_column_add('test."Odd ""mail"""', 'old'),
       bastion.sealed_column_add('test.closed', 'value');
SELECT test.error($$SELECT bastion.sealed_column_add('test.closed', 'tenant_id')$$), test.error($$SELECT bastion.sealed_column_add('test.closed', 'none')$$),
       test.error($$SELECT bastion.sealed_column_add('test.opened', 'values')$$), test.error($$SELECT bastion.sealed_column_add('bastion.data_keys', 'wrapped')$$),
       test.error($$SELECT bastion.sealed_column_add('test.closed', 'value', 'no_such_column')$$), test.error($$SELECT bastion.sealed_column_add(NULL, NULL)$$);
SELECT * FROM test.usage;
-- all of one purpose; secrets; one tenant
SELECT bastion.data_key_rotate('mailbox'), bastion.data_key_rotate('bastion.secrets', 'rotann');
SELECT test.error($$SELECT bastion.data_key_rotate('none')$$), test.error($$SELECT bastion.data_key_rotate('mailbox', 'nobody')$$),
       test.error($$SELECT bastion.data_key_rotate('bastion.blind_index.mailbox')$$),
       test.error('SELECT bastion.data_key_rotate(NULL)');
SELECT * FROM test.opened;
SELECT test.error($$SELECT bastion.min_decryption_version_set('mailbox', 2)$$), test.error($$SELECT bastion.min_decryption_version_set('mailbox', 3)$$),
       test.error($$SELECT bastion.min_decryption_version_set('mailbox', NULL)$$);
CALL bastion.rewrap_all(50);
SELECT * FROM test.usage;
SELECT * FROM test.opened;
-- again changes nothing
CREATE TABLE test.before AS SELECT ctid AS place, tableoid AS part FROM test."Odd ""mail""";
CALL bastion.rewrap_all();
SELECT count(*) FROM test."Odd ""mail""" m JOIN test.before b ON b.place = m.ctid AND b.part = m.tableoid;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.secret_get('mail', own => true);
COMMIT;
SELECT bastion.min_decryption_version_set('mailbox', 2), bastion.min_decryption_version_set('mailbox', 2) AS again;
SELECT * FROM test.opened;
-- one that does not open keeps none of the others back
SELECT bastion.data_key_rotate('mailbox', 'rotann');
UPDATE test."Odd ""mail""" SET "the value" = set_bit("the value"::bytea, 600, 1 - get_bit("the value"::bytea, 600))::bastion.sealed
WHERE id = 7 AND tenant_id = :'ann_tenant';
CALL bastion.rewrap_all();
SELECT * FROM test.usage WHERE name = 'rotann';
SELECT test.error($$SELECT bastion.min_decryption_version_set('mailbox', 3, 'rotann')$$);
SELECT bastion.min_decryption_version_set('mailbox', 3, 'rotann', force => true), test.error($$SELECT * FROM test.opened$$);
SELECT bastion.min_decryption_version_set('mailbox', 1, 'rotann');
SELECT purpose, state, keys, oldest_version, newest_version, loaded, wraps, root_key_id = bastion.root_key_id() AS this_root
FROM bastion.key_status() WHERE purpose = 'mailbox';
-- calls that are refused
SELECT test.error('SELECT bastion.root_key_rotate()') AS nothing_to_do;
\set ON_ERROR_ROLLBACK on
CALL bastion.rewrap_all(0);
BEGIN;
CALL bastion.rewrap_all();
ROLLBACK;
\set ON_ERROR_ROLLBACK off
SET ROLE regress_app;
SELECT test.error($$CALL bastion.rewrap_all()$$), test.error($$SELECT bastion.tenant_shred('rotann')$$), test.error($$SELECT bastion.key_usage()$$),
       test.error($$SELECT bastion.data_key_rotate('mailbox')$$), test.error($$SELECT * FROM bastion.sealed_columns$$);
RESET ROLE;

-- a tenant's keys are destroyed; what opened does not, others are untouched, and what is sealed later opens
DELETE FROM test."Odd ""mail""" WHERE id = 7;
-- a guard keeps the keys from every way to destroy them; they rotate all the same
SELECT bastion.data_key_guard_set('legal hold 17', tenant => 'rotann'), bastion.data_key_guard_set('legal hold 18', tenant => 'rotann');
SELECT test.error($$SELECT bastion.tenant_shred('rotann')$$) AS shred, test.error($$SELECT bastion.keys_discard()$$) AS discard,
       test.error($$DELETE FROM bastion.data_keys k USING bastion.tenants t WHERE t.id = k.tenant_id AND t.slug = 'rotann'$$) AS deletion,
       test.error($$DELETE FROM bastion.tenants WHERE slug = 'rotann'$$) AS tenant, test.error($$SELECT FROM bastion.tenant_delete('rotann')$$) AS tenant_delete;
SELECT bastion.data_key_guard_set('audit', 'bastion.secrets'), reason FROM bastion.data_key_guards;
SELECT bastion.data_key_guard_remove(tenant => 'rotann') AS removed, bastion.data_key_guard_remove(tenant => 'rotann') AS again, test.error($$SELECT bastion.data_key_guard_remove(tenant => 'nobody')$$) AS unknown;
SELECT test.error(format('SELECT bastion.data_key_guard_set(%s)', v)) FROM unnest(ARRAY['NULL', '''''', '''x'', ''No Purpose''', '''x'', tenant => ''nobody''']) v;
SELECT bastion.data_key_guard_remove('bastion.secrets') AS removed;
SELECT bastion.tenant_shred('rotann') - 'notice' AS shredded, bastion.tenant_shred('rotann') ->> 'keys' AS again, test.error($$SELECT bastion.tenant_shred('nobody')$$);
SELECT p.name, bool_and(test.error(format('SELECT bastion.open_text_for(%L, %L, %L)', m.tenant_id, m."the value", m.id)) = 'no error') AS opens,
       bool_and(test.error(format('SELECT bastion.open_text_for(%L, %L, %L)', m.tenant_id, m."the value", m.id)) = 'BA003 sealed value cannot be opened') AS refused
FROM test."Odd ""mail""" m JOIN test.people p ON p.tenant = m.tenant_id GROUP BY p.name ORDER BY p.name;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT test.error($$SELECT bastion.secret_get('mail', own => true)$$), bastion.open_text(bastion.seal('new', 'mailbox'));
COMMIT;
SELECT name, state, count(*), bool_and(k.wrapped IS NULL) AS gone FROM bastion.data_keys k JOIN test.people p ON p.tenant = k.tenant_id
GROUP BY name, state ORDER BY name, state;
CALL bastion.rewrap_all();
-- what is recorded
SELECT kind, detail - 'by' AS detail FROM bastion.events WHERE id > :before AND kind IN ('key_rotated', 'keys_shredded') AND detail ->> 'key' IS DISTINCT FROM 'signing' ORDER BY id;

-- each rotation of one statement counts for what is sealed next
DO $$
DECLARE
    used bigint;
BEGIN
    FOR n IN 1 .. 6 LOOP
        used := bastion_internal.sealed_key(bastion.seal_for(NULL, 'x', 'settled'));
        IF used <> (SELECT max(k.id) FROM bastion.data_keys k WHERE k.purpose = 'settled') THEN
            RAISE NOTICE 'sealed under an older key after % rotation(s)', n - 1;
        END IF;
        PERFORM bastion.data_key_rotate('settled');
    END LOOP;
END
$$;
-- within one statement too, by a call that repeats and by a new one each time
CREATE FUNCTION test.settled(anew boolean) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    used bigint;
    states text[];
BEGIN
    FOR n IN 1 .. 4 LOOP
        IF anew THEN
            -- the first makes a key, the second keeps which one is active
            EXECUTE $s$ SELECT bastion_internal.sealed_key(bastion.seal_for(NULL, 'x', 'settled')) $s$;
            EXECUTE $s$ SELECT bastion_internal.sealed_key(bastion.seal_for(NULL, 'x', 'settled')) $s$ INTO used;
        ELSE
            used := bastion_internal.sealed_key(bastion.seal_for(NULL, 'x', 'settled'));
        END IF;
        states := states || (SELECT k.state FROM bastion.data_keys k WHERE k.id = used);
        UPDATE bastion.data_keys SET state = 'decrypt_only' WHERE id = used;
    END LOOP;
    RETURN states::text;
END
$$;
SELECT test.settled(false), test.settled(true);
DROP FUNCTION test.settled(boolean);


-- the extension's own: signing keys, peppers and secrets of authenticators get the new key, and the old one is not retired before
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion_api.totp_add() ->> 'factor' AS factor \gset
COMMIT;
SELECT bastion_api.refresh(bastion_api.login('rotann@rotation.example', 'correct horse') ->> 'refresh_token') ->> 'refresh_token' AS refresh_token \gset
CREATE TABLE test.own_purposes (purpose text PRIMARY KEY, relation regclass, column_name name);
INSERT INTO test.own_purposes VALUES ('signing', 'bastion.signing_keys', 'private_sealed'), ('pepper', 'bastion.peppers', 'sealed'), ('factor', 'bastion.user_factors', 'sealed');
-- the values of each, by the state of their key, without those of other files whose key these gave up
CREATE VIEW test.own_usage AS
SELECT o.purpose, u.state, sum(u.sealed_values) > 0 AS some FROM test.own_purposes o
LEFT JOIN bastion.key_usage() u ON u.tenant_id IS NULL AND (u.purpose, u.relation::oid, u.column_name) = (o.purpose, o.relation::oid, o.column_name)
GROUP BY o.purpose, u.state ORDER BY o.purpose COLLATE "C", u.state;
CREATE VIEW test.own_opened AS
SELECT test.error(format('SELECT bastion_internal.totp_step(%L, %L, ''000000'', 0, 0)', f.id, f.sealed)) AS factor,
       test.error('SELECT bastion_internal.token_sign(''{"sub": "x"}'')') AS signing
FROM bastion.user_factors f JOIN bastion.users u ON u.id = f.user_id WHERE u.email = 'rotann@rotation.example';
SELECT purpose, bastion.data_key_rotate(purpose) FROM test.own_purposes ORDER BY purpose COLLATE "C";
SELECT * FROM test.own_usage;
SELECT o.purpose, test.error(format('SELECT bastion.min_decryption_version_set(%L, %s)', o.purpose, max(k.version))) AS refused
FROM test.own_purposes o JOIN bastion.data_keys k ON k.tenant_id IS NULL AND k.purpose = o.purpose GROUP BY o.purpose ORDER BY o.purpose COLLATE "C";
CALL bastion.rewrap_all();
SELECT * FROM bastion.rewrap_failures f WHERE f.relation ~ '^bastion';
SELECT * FROM test.own_usage;
SELECT o.purpose, test.error(format('SELECT bastion.min_decryption_version_set(%L, %s)', o.purpose, max(k.version))) AS retired
FROM test.own_purposes o JOIN bastion.data_keys k ON k.tenant_id IS NULL AND k.purpose = o.purpose GROUP BY o.purpose ORDER BY o.purpose COLLATE "C";
SELECT count(*) FROM bastion.data_keys k JOIN test.own_purposes o USING (purpose) WHERE k.tenant_id IS NULL AND k.state = 'decrypt_only';
-- the shredding of a tenant is not theirs
SELECT bastion.tenant_shred('rotann') - 'notice' AS shredded;
-- in a backend that has opened none of them; the pepper derives the next refresh token
\c -
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT * FROM test.own_opened;
SELECT bastion_api.refresh(:'refresh_token') ? 'access_token' AS refreshed;
SELECT k.purpose, k.state FROM bastion.user_factors f JOIN bastion.data_keys k ON k.id = f.data_key_id WHERE f.id = :'factor';
DROP VIEW test.own_usage, test.own_opened;
DROP TABLE test.own_purposes;

SELECT bastion.sealed_column_remove('test.closed', 'value');
TRUNCATE test.people;
DROP TABLE test."Odd ""mail""", test.closed, test.before CASCADE;
SELECT count(*) FROM bastion_internal.sealed_places();
DELETE FROM bastion.sealed_columns;
-- all keys given up: nothing opens, and what comes next has new ones
BEGIN;
SELECT bastion_api.signup('discard@rotation.example', 'correct horse', 'Discard') ->> 'access_token' AS before \gset
SELECT bastion.authenticate(:'before') IS NOT NULL AS before;
ROLLBACK;
BEGIN;
SELECT bastion_api.signup('discard@rotation.example', 'correct horse', 'Discard') ->> 'access_token' AS before \gset
SELECT bastion.keys_discard() ?& ARRAY['signing_keys', 'api_key_secrets', 'sessions', 'data_keys'] AS counted;
SELECT (SELECT count(*) FROM bastion.data_keys) + (SELECT count(*) FROM bastion.signing_keys) + (SELECT count(*) FROM bastion.peppers) AS left;
SAVEPOINT before;
SELECT bastion.authenticate(:'before');
ROLLBACK TO before;
SELECT bastion_api.login('discard@rotation.example', 'correct horse') ->> 'access_token' AS after \gset
SELECT bastion.authenticate(:'after') IS NOT NULL AS after;
ROLLBACK;

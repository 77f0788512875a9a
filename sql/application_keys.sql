-- Keys for applications: made, rotated, changed, deleted; who signs, verifies, wraps and exports; what nobody reads.
\set VERBOSITY terse
SET client_min_messages = warning;
INSERT INTO test.people (name, token, tenant, id)
SELECT name, answer ->> 'access_token' AS token, (answer #>> '{tenant,id}')::uuid AS tenant, (answer #>> '{user,id}')::uuid AS id
FROM unnest(ARRAY['keyann', 'keybob', 'keycid', 'keydan']) name,
     LATERAL bastion_api.signup(name || '@keys.example', 'correct horse', initcap(name), initcap(name), name) answer;
SELECT token AS ann, tenant AS ann_tenant FROM test.people WHERE name = 'keyann' \gset
SELECT token AS bob FROM test.people WHERE name = 'keybob' \gset
SELECT token AS cid FROM test.people WHERE name = 'keycid' \gset
SELECT token AS dan FROM test.people WHERE name = 'keydan' \gset
-- bob is an admin of ann's tenant, cid a viewer
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT p.id, :'ann_tenant', r.id FROM test.people p JOIN bastion.roles r ON (p.name, r.name) IN (('keybob', 'admin'), ('keycid', 'viewer')) AND r.tenant_id IS NULL;
SELECT bastion.resource_register('bills', '{sign,verify,mac,wrap,unwrap}'), bastion.resource_register('half', '{sign}');
CREATE TABLE test.tries (statement text);
INSERT INTO test.tries VALUES ($$SELECT bastion.key_sign('bill', 'data')$$), ($$SELECT bastion.key_sign('no such', 'data')$$),
    ($$SELECT bastion.key_verify('bill', 'data', 'v1.AA')$$), ($$SELECT bastion.key_mac('digest', 'data')$$), ($$SELECT bastion.key_mac_verify('digest', 'data', 'v1.AA')$$),
    ($$SELECT bastion.wrapped_key_create('box')$$), ($$SELECT bastion.wrapped_key_open('box', 'v1.AA')$$), ($$SELECT * FROM bastion.key_public('bill')$$),
    ($$SELECT bastion.key_create('other', 'EdDSA', 'bills')$$), ($$SELECT bastion.key_rotate('bill')$$), ($$SELECT bastion.key_update('bill', deletable => true)$$),
    ($$SELECT bastion.key_delete('bill')$$), ($$SELECT bastion.key_export('bill', 'x')$$), ($$SELECT bastion.key_import('bill', 'EdDSA', '', 'transport', 'bills')$$);
GRANT SELECT ON test.tries TO regress_app;

SET ROLE regress_app;
-- nobody
SELECT test.error(statement) FROM test.tries;
SELECT * FROM bastion.key_list();

-- the owner of the tenant: each algorithm
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT algorithm, bastion.key_create(algorithm, algorithm, 'bills') AS version
FROM unnest('{EdDSA,ES256,ES384,ES512,RS256,PS256,HS256,HS384,HS512,XAES-256-GCM}'::text[]) algorithm;
SELECT bastion.key_create('bill', 'EdDSA', 'bills', rotate_every => '90 days'), bastion.key_create('digest', 'HS256', 'bills'),
       bastion.key_create('box', 'XAES-256-GCM', 'bills'), bastion.key_create('transport', 'RSA-OAEP-256'), bastion.key_create('wide', 'PS512', 'bills', bits => 3072);
COMMIT;
BEGIN READ ONLY;
SELECT FROM bastion.authenticate(:'ann');
SELECT name, s ~ '^v1[.][A-Za-z0-9_-]+$' AS versioned, length(s) AS length, bastion.key_verify(name, E'\\x00ff', s) AS verifies, bastion.key_verify(name, E'\\x00fe', s) AS other_data,
       bastion.key_verify(name, E'\\x00ff', test.mistyped(s, 9)) AS changed
FROM (SELECT k.name, bastion.key_sign(k.name, E'\\x00ff') AS s FROM bastion.key_list() k WHERE k.algorithm ~ '^(Ed|ES|RS2|PS)') x;
SELECT name, s ~ '^v1[.][A-Za-z0-9_-]+$' AS versioned, length(s) AS length, bastion.key_mac_verify(name, 'data', s) AS verifies, bastion.key_mac_verify(name, 'Data', s) AS other_data, s = bastion.key_mac(name, 'data') AS same
FROM (SELECT k.name, bastion.key_mac(k.name, 'data') AS s FROM bastion.key_list() k WHERE k.algorithm LIKE 'HS%') x;
SELECT name, algorithm, purpose, version, min_version, rotate_every, rotated_at <= now() AS rotated, exportable, deletable FROM bastion.key_list();
-- public keys: of each, in both forms
SELECT k.name, p.version, p.jwk - '{x,y,n,kid}'::text[] AS jwk, p.jwk ->> 'kid' = bastion.jwk_thumbprint(p.jwk) AS named, p.pem ~ E'^-----BEGIN PUBLIC KEY-----\\n' AS pem,
       bastion.jwk_thumbprint(to_jsonb(p.pem)) = bastion.jwk_thumbprint(p.jwk) AS same
FROM bastion.key_list() k, LATERAL bastion.key_public(k.name) p WHERE k.algorithm !~ '^(HS|XAES)' ORDER BY 1;
SELECT test.error(format('SELECT * FROM bastion.key_public(%L)', name)) FROM unnest('{digest,box}'::text[]) name;
-- data keys: once in plain, and wrapped
SELECT octet_length(a.plaintext) AS bytes, a.plaintext = bastion.wrapped_key_open('box', a.wrapped) AS opens, a.plaintext <> b.plaintext AS another,
       octet_length(b.plaintext) AS bytes_b, b.plaintext = bastion.wrapped_key_open('box', b.wrapped, 'row 7') AS bound,
       test.error(format('SELECT bastion.wrapped_key_open(''box'', %L)', b.wrapped)) AS unbound, test.error(format('SELECT bastion.wrapped_key_open(''XAES-256-GCM'', %L)', a.wrapped)) AS other_key
FROM bastion.wrapped_key_create('box') a, bastion.wrapped_key_create('box', 'row 7', 64) b;
SELECT octet_length(bastion.random_bytes(n)) FROM unnest('{0,1,32,1048576}'::int[]) n;
SELECT bastion.random_bytes(16) <> bastion.random_bytes(16) AS random, bastion.random_bytes(NULL) IS NULL AS null, test.error($$SELECT bastion.random_bytes(-1)$$), test.error($$SELECT bastion.random_bytes(1048577)$$);
-- a read-only transaction changes nothing
SELECT test.error($$SELECT bastion.key_create('late', 'EdDSA', 'bills')$$), test.error($$SELECT bastion.key_rotate('bill')$$), test.error($$SELECT bastion.key_update('bill', deletable => true)$$);
COMMIT;

-- hostile input
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT name, algorithm, purpose, test.error(format('SELECT bastion.key_create(%L, %L, %L, %L, bits => %s)', name, algorithm, purpose, rotate, coalesce(bits, 'NULL')))
FROM (VALUES ('', 'EdDSA', 'bills', NULL, NULL), (NULL, 'EdDSA', 'bills', NULL, NULL), (E'a\nb', 'EdDSA', 'bills', NULL, NULL), ('n', NULL, 'bills', NULL, NULL), ('n', 'none', 'bills', NULL, NULL),
             ('n', 'eddsa', 'bills', NULL, NULL), ('n', 'EdDSA', NULL, NULL, NULL), ('n', 'EdDSA', 'no.such', NULL, NULL), ('n', 'EdDSA', 'tenant.keys', NULL, NULL), ('n', 'EdDSA', 'half', NULL, NULL),
             ('n', 'HS256', 'half', NULL, NULL), ('n', 'RSA-OAEP-256', 'bills', NULL, NULL), ('n', 'EdDSA', 'bills', '59 min', NULL), ('n', 'EdDSA', 'bills', '-1 day', NULL), ('n', 'EdDSA', 'bills', '101 years', NULL),
             ('n', 'EdDSA', 'bills', NULL, '2048'), ('n', 'RS256', 'bills', NULL, '1024'), ('n', 'RS256', 'bills', NULL, '0'), ('n', 'RS256', 'bills', NULL, '8192'), ('n', 'RSA-OAEP-256', NULL, '1 day', NULL), ('bill', 'EdDSA', 'bills', NULL, NULL))
     v (name, algorithm, purpose, rotate, bits);
SELECT test.error(format('SELECT bastion.%s', call))
FROM unnest(ARRAY['key_sign(''digest'', '''')', 'key_mac(''bill'', '''')', 'key_sign(''transport'', '''')', 'key_sign(''box'', '''')', 'key_mac_verify(''bill'', '''', ''v1.AA'')', 'key_verify(''digest'', '''', ''v1.AA'')',
                  'wrapped_key_create(''bill'')', 'wrapped_key_open(''bill'', ''v1.AA'')', 'wrapped_key_create(''box'', bytes => 8)', 'wrapped_key_create(''box'', bytes => 65)',
                  'key_rotate(''no such'')', 'key_rotate(NULL)', 'key_delete(''no such'')', 'key_update(''bill'', min_version => 0)', 'key_update(''bill'', min_version => 2)', 'key_update(''bill'', ''1 min'')']) call;
SELECT left(s, 20) AS signature, bastion.key_verify('bill', 'data', s) AS verifies
FROM unnest(ARRAY['', 'v1.', 'v1', 'v0.AA', 'v1.AA==', 'v1.AA', 'v2.AA', 'v99999999999.AA', 'v-1.AA', 'V1.AA', ' v1.AA', 'v01.AA', 'vault:v1:AA', E'v1.A\nA', 'v1.' || repeat('A', 86), 'v1.' || repeat('A', 100000)]) s;
SELECT count(*) FILTER (WHERE e LIKE 'BA003 %') AS refused, count(*) AS tried
FROM unnest(ARRAY['', 'v1.', 'v2.AA', 'v1.AA', 'v1.' || repeat('A', 200), 'v99999999999.AA', 'x']) w, LATERAL test.error(format('SELECT bastion.wrapped_key_open(''box'', %L)', w)) e;
SELECT bastion.key_sign('bill', NULL), bastion.key_verify('bill', 'x', NULL), bastion.key_mac('digest', NULL), bastion.key_mac_verify('digest', NULL, 'v1.AA'), bastion.wrapped_key_open('box', NULL);
COMMIT;

-- rotation: the old version verifies, until the key says otherwise
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.key_sign('bill', 'one') AS one, bastion.key_mac('digest', 'one') AS mac_one, (bastion.wrapped_key_create('box')).wrapped AS box_one \gset
SELECT bastion.key_rotate('bill') AS bill, bastion.key_rotate('digest') AS digest, bastion.key_rotate('box') AS box;
-- what this transaction signs must verify even if it rolls back
SELECT left(bastion.key_sign('bill', 'one'), 3) AS before_commit;
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.key_sign('bill', 'two') AS two, bastion.key_mac('digest', 'two') AS mac_two \gset
SELECT left(:'two', 3) AS version, bastion.key_verify('bill', 'one', :'one') AS one, bastion.key_verify('bill', 'two', :'two') AS two,
       bastion.key_verify('bill', 'two', replace(:'two', 'v2', 'v1')) AS misnamed, bastion.key_mac_verify('digest', 'one', :'mac_one') AS mac_one, bastion.key_mac_verify('digest', 'two', :'mac_two') AS mac_two,
       octet_length(bastion.wrapped_key_open('box', :'box_one')) AS box_one;
SELECT version FROM bastion.key_public('bill');
SELECT bastion.key_update('bill', min_version => 2), bastion.key_update('digest', min_version => 2), bastion.key_update('box', min_version => 2);
SELECT bastion.key_verify('bill', 'one', :'one') AS one, bastion.key_verify('bill', 'two', :'two') AS two, bastion.key_mac_verify('digest', 'one', :'mac_one') AS mac_one,
       test.error(format('SELECT bastion.wrapped_key_open(''box'', %L)', :'box_one')) AS box_one;
SELECT version FROM bastion.key_public('bill');
SELECT bastion.key_update('bill', min_version => 1);
SELECT bastion.key_verify('bill', 'one', :'one') AS one_again;
-- a key that leaked, in one transaction
SELECT bastion.key_rotate('bill'), bastion.key_update('bill', min_version => 3);
SELECT left(bastion.key_sign('bill', 'three'), 3) AS signs, bastion.key_verify('bill', 'two', :'two') AS two;
ROLLBACK;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT left(bastion.key_sign('bill', 'two'), 3) AS after_rollback, bastion.key_verify('bill', 'two', :'two') AS two, bastion.key_verify('bill', 'one', :'one') AS one;
SAVEPOINT s;
SELECT bastion.key_rotate('bill');
ROLLBACK TO s;
SELECT bastion.key_rotate('bill') AS the_same_number;
ROLLBACK;
-- a version that was used and rolled back is not mistaken for the next one of its number: another backend agrees
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.key_create('undone', 'EdDSA', 'bills');
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.key_rotate('undone');
SELECT bastion.key_update('undone', min_version => 2);
SELECT left(bastion.key_sign('undone', 'x'), 3) AS used;
ROLLBACK;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.key_rotate('undone');
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.key_sign('undone', 'x') AS redone \gset
COMMIT;
\c -
SET client_min_messages = warning;
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT left(:'redone', 3) AS version, bastion.key_verify('undone', 'x', :'redone') AS verifies;
COMMIT;

-- rotation by itself: what is due is rotated at the next use
RESET ROLE;
UPDATE bastion.application_keys SET rotated_at = rotated_at - interval '100 days' WHERE name = 'bill' AND tenant_id = :'ann_tenant';
SET ROLE regress_app;
BEGIN READ ONLY;
SELECT FROM bastion.authenticate(:'ann');
SELECT left(bastion.key_sign('bill', 'x'), 3) AS read_only;
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT FROM bastion.authenticate(:'ann');
SELECT left(bastion.key_sign('bill', 'x'), 3) AS repeatable_read, version FROM bastion.key_list() WHERE name = 'bill';
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT left(bastion.key_sign('bill', 'x'), 3) AS at_use;
SELECT version, rotated_at >= now() AS rotated FROM bastion.key_list() WHERE name = 'bill';
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT left(bastion.key_sign('bill', 'x'), 3) AS next_transaction;
SELECT bastion.key_update('bill', rotate_every => '0'), bastion.key_update('digest', rotate_every => '1 hour');
SELECT name, rotate_every FROM bastion.key_list() WHERE name IN ('bill', 'digest');
COMMIT;

-- another tenant: every name is unknown; and its own keys are other keys
BEGIN;
SELECT FROM bastion.authenticate(:'dan');
SELECT test.error(statement) FROM test.tries WHERE statement !~ 'key_create|key_import';
SELECT bastion.key_create('bill', 'EdDSA', 'bills');
SELECT bastion.key_verify('bill', 'one', :'one') AS anns;
SELECT name FROM bastion.key_list();
COMMIT;
-- an admin manages and uses, and cannot export; a viewer does neither
BEGIN;
SELECT FROM bastion.authenticate(:'bob', 'keyann');
SELECT bastion.key_create('of an admin', 'EdDSA', 'bills', exportable => true), bastion.key_verify('bill', 'one', :'one') AS verifies, left(bastion.key_sign('bill', 'x'), 3) AS signs;
SELECT test.error($$SELECT bastion.key_export('of an admin', 'x')$$);
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'cid', 'keyann');
SELECT test.error(statement) FROM test.tries;
SELECT name FROM bastion.key_list();
COMMIT;
-- an API key, by its scopes
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion_api.api_key_create('signer', '{bills.sign}') ->> 'key' AS signer, bastion_api.api_key_create('verifier', '{bills.verify}') ->> 'key' AS verifier, bastion_api.api_key_create('manager', '{tenant.keys.*}') ->> 'key' AS manager \gset
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'signer');
SELECT left(bastion.key_sign('bill', 'x'), 3) AS signs, count(e) AS refused, string_agg(DISTINCT left(e, 5), ' ') AS errors
FROM test.tries t, LATERAL test.error(statement) e WHERE statement !~ 'key_sign';
SELECT name FROM bastion.key_list();
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'verifier');
SELECT bastion.key_verify('bill', 'one', :'one') AS verifies, test.error($$SELECT bastion.key_sign('bill', 'x')$$), test.error($$SELECT bastion.key_mac('digest', 'x')$$);
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'manager');
SELECT bastion.key_rotate('digest'), test.error($$SELECT bastion.key_sign('bill', 'x')$$), test.error($$SELECT bastion.key_mac('digest', 'x')$$), count(*) > 5 AS listed FROM bastion.key_list();
COMMIT;
-- who holds a permission in a unit alone
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.unit_create('team', 'Branch', 'branch') IS NOT NULL AS made;
COMMIT;
RESET ROLE;
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
SELECT test.id_of('keydan'), :'ann_tenant', u.id, test.role_of('admin') FROM bastion.units u WHERE u.tenant_id = :'ann_tenant' AND u.slug = 'branch';
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'dan', 'keyann', 'branch');
SELECT bastion.has_permission('bills.sign') AS in_the_unit, test.error($$SELECT bastion.key_sign('bill', 'x')$$), test.error($$SELECT bastion.key_rotate('bill')$$);
COMMIT;

-- deletion: only of a key that was marked before
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT test.error($$SELECT bastion.key_delete('digest')$$);
SELECT bastion.key_update('digest', deletable => true), bastion.key_update('digest', deletable => false), test.error($$SELECT bastion.key_delete('digest')$$);
SELECT bastion.key_update('digest', deletable => true), bastion.key_delete('digest'), test.error($$SELECT bastion.key_mac('digest', 'x')$$);
ROLLBACK;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.key_mac_verify('digest', 'two', :'mac_two') AS back_after_rollback;
SELECT bastion.key_update('digest', deletable => true), bastion.key_delete('digest');
SELECT bastion.key_create('digest', 'HS256', 'bills');
SELECT bastion.key_mac_verify('digest', 'one', :'mac_one') AS another_key;
COMMIT;

-- transport: a key leaves only wrapped, and only if it was created so
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT p.pem AS transport FROM bastion.key_public('transport') p \gset
SELECT test.error(format('SELECT bastion.key_export(''bill'', %L)', :'transport')), test.error($$SELECT bastion.key_export('no such', 'x')$$);
SELECT algorithm, bastion.key_create('out ' || algorithm, algorithm, 'bills', exportable => true, bits => CASE algorithm WHEN 'RS256' THEN 3072 END) FROM unnest('{EdDSA,ES256,RS256,HS512,XAES-256-GCM}'::text[]) algorithm;
CREATE TEMPORARY TABLE moved AS SELECT algorithm, bastion.key_export('out ' || algorithm, :'transport') AS wrapped FROM unnest('{EdDSA,ES256,RS256,HS512,XAES-256-GCM}'::text[]) algorithm;
SELECT algorithm, octet_length(wrapped) > 256 AS wrapped, bastion.key_import('in ' || algorithm, algorithm, wrapped, 'transport', 'bills') FROM moved;
SELECT bastion.key_verify('in EdDSA', 'x', bastion.key_sign('out EdDSA', 'x')) AS "EdDSA", bastion.key_verify('in ES256', 'x', bastion.key_sign('out ES256', 'x')) AS "ES256",
       bastion.key_verify('out RS256', 'x', bastion.key_sign('in RS256', 'x')) AS "RS256", bastion.key_mac('in HS512', 'x') = bastion.key_mac('out HS512', 'x') AS "HS512",
       (SELECT o.jwk = i.jwk FROM bastion.key_public('in EdDSA') i, bastion.key_public('out EdDSA') o) AS same_public_key;
SELECT name, exportable, version FROM bastion.key_list() WHERE name LIKE 'in %';
-- the next version is as large
SELECT bastion.key_rotate('in RS256');
SELECT version, length(jwk ->> 'n') * 3 / 4 * 8 AS bits FROM bastion.key_public('in RS256');
SELECT bastion.key_rotate('in EdDSA'), test.error(format('SELECT bastion.key_export(''in EdDSA'', %L)', :'transport'));
SELECT test.error(format('SELECT bastion.key_export(''out EdDSA'', %L, %s)', key, version))
FROM (VALUES ('', 'NULL'), ('no key', 'NULL'), ('{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}', 'NULL'), (:'transport', '2'), (:'transport', '0')) v (key, version);
SELECT test.error(format('SELECT bastion.key_export(''out EdDSA'', %L)', p.pem)) FROM bastion.key_public('ES256') p;
SELECT test.error(format('SELECT bastion.key_import(''new'', %L, %L, %L, %L)', to_be, wrapped, under, purpose))
FROM moved m, (VALUES ('ES256', 'transport', 'bills'), ('HS256', 'transport', 'bills'), ('EdDSA', 'bill', 'bills'), ('EdDSA', 'no such', 'bills'), ('EdDSA', 'transport', NULL), ('RSA-OAEP-256', 'transport', NULL),
              ('none', 'transport', 'bills')) v (to_be, under, purpose) WHERE m.algorithm = 'EdDSA';
SELECT DISTINCT test.error(format('SELECT bastion.key_import(''new'', ''EdDSA'', %L, ''transport'', ''bills'')', b))
FROM moved m, LATERAL unnest(ARRAY[E'\\x'::bytea, E'\\x00', substr(wrapped, 2), substr(wrapped, 1, 384), wrapped || E'\\x00', set_byte(wrapped, 7, 1 + get_byte(wrapped, 7) & 127), set_byte(wrapped, 400, (get_byte(wrapped, 400) + 1) & 255)]) b
WHERE m.algorithm = 'EdDSA';
COMMIT;

-- what nobody reads
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT test.error('SELECT * FROM bastion.application_keys'), test.error('SELECT * FROM bastion.application_key_versions'),
       test.error($$SELECT bastion.key_sign_for(NULL, 'x', 'x')$$), test.error($$SELECT bastion.key_create_for(NULL, 'x', 'EdDSA')$$);
COMMIT;
RESET ROLE;
-- the private half is sealed in place, and bound to it
SELECT count(*) FILTER (WHERE position('"d"'::bytea IN v.value::bytea) > 0) AS plain, count(*) > 10 AS versions, bool_and(v.public_jwk - 'd' - 'k' = v.public_jwk) AS public
FROM bastion.application_key_versions v;
BEGIN;
UPDATE bastion.application_key_versions v SET value = o.value
FROM bastion.application_key_versions o, bastion.application_keys a, bastion.application_keys b
WHERE a.id = v.key_id AND b.id = o.key_id AND a.tenant_id = b.tenant_id AND a.tenant_id = :'ann_tenant' AND a.name = 'EdDSA' AND b.name = 'of an admin';
SET LOCAL ROLE regress_app;
SELECT FROM bastion.authenticate(:'ann');
SELECT test.error($$SELECT bastion.key_sign('EdDSA', 'x')$$) AS moved;
ROLLBACK;

-- operators: the installation's own keys, and a tenant's
SELECT bastion.key_create_for(NULL, 'house', 'ES256', 'bills'), bastion.key_create_for(NULL, 'house mac', 'HS256', 'bills'), bastion.key_create_for(NULL, 'house box', 'XAES-256-GCM', 'bills');
SELECT bastion.key_verify_for(NULL, 'house', 'x', bastion.key_sign_for(NULL, 'house', 'x')) AS signed, bastion.key_mac_verify_for(NULL, 'house mac', 'x', bastion.key_mac_for(NULL, 'house mac', 'x')) AS mac,
       (SELECT w.plaintext = bastion.wrapped_key_open_for(NULL, 'house box', w.wrapped) FROM bastion.wrapped_key_create_for(NULL, 'house box') w) AS wrapped;
SELECT bastion.key_verify_for(:'ann_tenant', 'bill', 'one', :'one') AS anns, test.error($$SELECT bastion.key_sign_for(gen_random_uuid()::text, 'house', 'x')$$),
       test.error($$SELECT bastion.key_create_for(gen_random_uuid()::text, 'house', 'EdDSA', 'bills')$$);
SELECT bastion.key_rotate_for(NULL, 'house'), bastion.key_update_for(NULL, 'house', min_version => 2, deletable => true), (SELECT count(*) FROM bastion.key_public_for(NULL, 'house')) AS versions, bastion.key_delete_for(NULL, 'house');
SELECT test.error($$SELECT bastion.key_delete_for(NULL, 'house mac')$$);

-- the keys that seal them: rotated, counted, shredded
SELECT bastion.data_key_rotate('bastion.keys', 'keyann');
CALL bastion.rewrap_all();
SELECT version, state, sealed_values > 10 AS many FROM bastion.key_usage() WHERE relation = 'bastion.application_key_versions'::regclass AND tenant_id = :'ann_tenant';
SELECT count(*) FROM bastion.sealed_problems() WHERE relation = 'bastion.application_key_versions'::regclass;
SELECT bastion.min_decryption_version_set('bastion.keys', 2, 'keyann');
SELECT bastion.key_verify_for('keyann', 'bill', 'one', :'one') AS rewrapped;
SELECT bastion.tenant_shred('keyann') ->> 'left' AS left;
BEGIN;
SET LOCAL ROLE regress_app;
SELECT FROM bastion.authenticate(:'ann');
SELECT test.error($$SELECT bastion.key_sign('bill', 'x')$$) AS shredded;
SELECT bastion.key_rotate('bill') > 2 AS rotated;
COMMIT;
BEGIN;
SET LOCAL ROLE regress_app;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.key_verify('bill', 'x', bastion.key_sign('bill', 'x')) AS anew;
COMMIT;
SELECT kind, detail ->> 'key' AS key, count(*) > 0 AS recorded FROM bastion.events WHERE detail ->> 'key' = 'application' GROUP BY 1, 2 ORDER BY 1;
SELECT bastion.tenant_delete('keyann') IS NOT NULL AS deleted;
SELECT count(*) FROM bastion.application_keys WHERE tenant_id = :'ann_tenant';

DELETE FROM bastion.application_keys;
DROP TABLE test.tries;
DELETE FROM test.people;

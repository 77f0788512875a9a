-- Sealed values: the type, sealing, opening, rewrapping, blind indexes, and what must not open.
\set VERBOSITY terse
\encoding UTF8
SET client_min_messages = warning;
SELECT bastion.resource_register('smtp', '{open}'), bastion.resource_register('email', '{open}');
INSERT INTO test.people (name, token, tenant)
SELECT name, answer ->> 'access_token' AS token, (answer #>> '{tenant,id}')::uuid AS tenant
FROM unnest(ARRAY['sealann', 'sealbob']) name,
     LATERAL bastion_api.signup(name || '@sealed.example', 'correct horse', initcap(name), initcap(name), name) answer;
SELECT token AS ann, tenant AS ann_tenant FROM test.people WHERE name = 'sealann' \gset
SELECT token AS bob, tenant AS bob_tenant FROM test.people WHERE name = 'sealbob' \gset
CREATE TABLE test.sealed_values (id int PRIMARY KEY, value bastion.sealed);
GRANT SELECT, INSERT, UPDATE ON test.sealed_values TO regress_app;

-- what is sealed opens, for its tenant and place
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
INSERT INTO test.sealed_values VALUES
    (1, bastion.seal('attack at dawn', 'smtp')), (2, bastion.seal('attack at dawn', 'smtp', '2')), (3, bastion.seal('', 'smtp')),
    (4, bastion.seal(E'\\x00ff'::bytea, 'smtp')), (5, bastion.seal(NULL::text, 'smtp')), (6, bastion.seal('zwölf Boxkämpfer', 'email', 'ä'));
SELECT id, length(value::bytea), bastion.is_sealed(value::bytea), bastion.open_bytea(value, CASE id WHEN 2 THEN '2' WHEN 6 THEN 'ä' END)
FROM test.sealed_values ORDER BY id;
SELECT bastion.open_text(value), bastion.open_text(value, NULL), bastion.open_text(value, '') FROM test.sealed_values WHERE id = 1;
SELECT bastion.open_text(value, 'ä') FROM test.sealed_values WHERE id = 6;
SELECT bastion.open_text(NULL), bastion.open_bytea(NULL, 'x'), bastion.rewrap(NULL);
-- text is not what these are
SELECT test.error('SELECT bastion.open_text(value) FROM test.sealed_values WHERE id = 4');
SELECT length(bastion.open_bytea(bastion.seal(repeat('0123456789', 10000000), 'smtp'))) AS bytes;
SELECT bastion.open_bytea(bastion.seal(decode(repeat('00', 100000), 'hex'), 'smtp')) = decode(repeat('00', 100000), 'hex') AS same;
COMMIT;
RESET ROLE;

-- the type: no plaintext, no way in for what is not sealed
SELECT value::text = E'\\x' || encode(value::bytea, 'hex') AS hexadecimal, value::text LIKE E'\\\\xb7010000%' AS magic,
       strpos(value::text, encode('attack', 'hex')) AS plaintext
FROM test.sealed_values WHERE id = 1;
SELECT (value::text)::bastion.sealed::text = value::text AS text_round, value::bytea::bastion.sealed::text = value::text AS bytea_round,
       bastion.sealed(value::bytea)::text = value::text AS call FROM test.sealed_values WHERE id = 1;
SELECT label, test.error(format('SELECT %L::bastion.sealed', input)) FROM (VALUES
    ('plaintext', 'attack at dawn'), ('empty', ''), ('no digits', E'\\xzz'), ('odd', E'\\xb'), ('short', E'\\xb701'),
    ('magic', E'\\x' || repeat('00', 80)), ('suite', E'\\xb702' || repeat('00', 78)), ('flags', E'\\xb70101' || repeat('00', 77)),
    ('escape format', E'b7\\001')) v (label, input);
SELECT test.error($$SELECT bastion.sealed('attack at dawn')$$), test.error($$SELECT E'\\x00'::bytea::bastion.sealed$$);
SELECT bastion.is_sealed(E'\\x00'), bastion.is_sealed(''), bastion.is_sealed(NULL), bastion.is_sealed((E'\\xb7010000' || repeat('00', 76))::bytea);
CREATE TABLE test.checked (value bytea CHECK (bastion.is_sealed(value)));
INSERT INTO test.checked SELECT value::bytea FROM test.sealed_values WHERE id = 1;
SELECT test.error($$INSERT INTO test.checked VALUES ('plaintext')$$);
COPY test.sealed_values TO '/dev/null' WITH (FORMAT binary);

-- values compare by their bytes: the same text sealed twice is not equal
SELECT a.value = a.value AS same, a.value <> b.value AS other, a.value = bastion.sealed(a.value::bytea) AS converted, a.value IS DISTINCT FROM b.value AS distinct,
       (a.value < b.value) = (a.value::bytea < b.value::bytea) AS lt, (a.value <= b.value) = (a.value::bytea <= b.value::bytea) AS le,
       (a.value > b.value) = (a.value::bytea > b.value::bytea) AS gt, (a.value >= b.value) = (a.value::bytea >= b.value::bytea) AS ge
FROM test.sealed_values a, test.sealed_values b WHERE a.id = 1 AND b.id = 2;
CREATE TABLE test.compared AS SELECT i AS id, v.value FROM generate_series(1, 3) i, (SELECT value FROM test.sealed_values WHERE id IN (1, 2)) v;
SELECT count(DISTINCT value) AS aggregated, (SELECT count(*) FROM (SELECT DISTINCT value FROM test.compared) x) AS distinct,
       (SELECT count(*) FROM (SELECT value FROM test.compared GROUP BY value) x) AS grouped,
       (SELECT count(*) FROM (SELECT value FROM test.compared UNION SELECT value FROM test.compared) x) AS united,
       (SELECT count(*) FROM (SELECT value FROM test.compared INTERSECT SELECT value FROM test.compared WHERE id = 1) x) AS intersected,
       (SELECT bool_and(before <= value::bytea) FROM (SELECT value, lag(value::bytea) OVER (ORDER BY value) AS before FROM test.compared) x) AS ordered
FROM test.compared;
SET enable_hashagg = off;
SELECT count(*) AS sorted FROM (SELECT DISTINCT value FROM test.compared) x;
RESET enable_hashagg;
SET enable_nestloop = off;
SET enable_mergejoin = off;
SELECT count(*) AS hashed FROM test.compared x JOIN test.compared y USING (value);
SET enable_hashjoin = off;
SET enable_mergejoin = on;
SELECT count(*) AS merged FROM test.compared x JOIN test.compared y USING (value);
RESET enable_nestloop;
SELECT count(*) AS nested FROM test.compared x, test.compared y WHERE NOT x.value <> y.value;
RESET enable_hashjoin;
CREATE INDEX ON test.compared (value);
CREATE INDEX ON test.compared USING hash (value);
SELECT test.error('CREATE UNIQUE INDEX ON test.compared (value)') ~ '^23505' AS unique_index;
CREATE TABLE test.parts (value bastion.sealed) PARTITION BY HASH (value);
CREATE TABLE test.part_0 PARTITION OF test.parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE test.part_1 PARTITION OF test.parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO test.parts SELECT DISTINCT value FROM test.compared;
SELECT count(*) AS routed FROM test.parts p JOIN test.compared c ON c.value = p.value WHERE c.id = 1;
ANALYZE test.compared;
MERGE INTO test.compared t USING (SELECT DISTINCT value FROM test.compared) s ON t.value = s.value AND t.id = 1
WHEN MATCHED THEN UPDATE SET id = 10 WHEN NOT MATCHED THEN INSERT VALUES (11, s.value);
SELECT id, count(*) FROM test.compared GROUP BY id ORDER BY id;
-- a trigger that fires when the value changes, and comparisons of rows
CREATE FUNCTION test.note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE 'row %: value changed %, row changed %', NEW.id, OLD.value IS DISTINCT FROM NEW.value, OLD.* IS DISTINCT FROM NEW.*;
    RETURN NEW;
END
$$;
CREATE TRIGGER changes BEFORE UPDATE ON test.compared FOR EACH ROW EXECUTE FUNCTION test.note_change();
SET client_min_messages = notice;
UPDATE test.compared SET value = value WHERE id = 10;
UPDATE test.compared SET value = (SELECT value FROM test.sealed_values WHERE id = 6) WHERE id = 10;
SET client_min_messages = warning;
-- = is found whatever the search_path, and before what others define
CREATE FUNCTION test.lie(bastion.sealed, bastion.sealed) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR test.= (FUNCTION = test.lie, LEFTARG = bastion.sealed, RIGHTARG = bastion.sealed);
BEGIN;
SET LOCAL search_path = test;
SELECT a.value = b.value AS equal FROM test.sealed_values a, test.sealed_values b WHERE a.id = 1 AND b.id = 2;
ROLLBACK;
DROP OPERATOR test.= (bastion.sealed, bastion.sealed);
DROP FUNCTION test.lie;
DROP TABLE test.compared, test.parts;
DROP FUNCTION test.note_change;

-- every other way is one error
CREATE FUNCTION test.changed(value bastion.sealed, place int) RETURNS bastion.sealed LANGUAGE sql
AS $$ SELECT set_bit(value::bytea, place, 1 - get_bit(value::bytea, place))::bastion.sealed $$;
CREATE FUNCTION test.opened(value bastion.sealed, bound_to text DEFAULT NULL) RETURNS text LANGUAGE plpgsql
AS $$ BEGIN RETURN bastion.open_text(value, bound_to); EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM; END $$;
CREATE VIEW test.all_flips AS
SELECT test.error(format('SELECT bastion.open_text(test.changed(value, %s)) FROM test.sealed_values WHERE id = 1', bit)) AS answer
FROM test.sealed_values, generate_series(0, 94 * 8 - 1) bit WHERE id = 1;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT answer, count(*) FROM test.all_flips GROUP BY answer ORDER BY answer;
SELECT test.opened(value, '2') AS right_place, test.opened(value) AS no_place, test.opened(value, '1') AS other_place
FROM test.sealed_values WHERE id = 2;
SELECT test.opened(set_byte(set_byte(v.value::bytea, 7, bastion_internal.sealed_key(o.value)), 6, bastion_internal.sealed_key(o.value) / 256)::bastion.sealed) AS other_purpose
FROM test.sealed_values v, LATERAL (SELECT value FROM test.sealed_values WHERE id = 6) o WHERE v.id = 1;
-- a header with the id of any other key in the database opens nothing: of tenants, purposes, indexes, secrets, tokens
SAVEPOINT keys;
SELECT bastion.is_sealed(bastion.seal_for(:'bob_tenant', 'x', 'smtp')::bytea) AS key_of_bob;
SELECT bool_or(k.tenant_id IS NULL) AS of_the_house, bool_or(k.tenant_id <> :'ann_tenant') AS of_others, count(DISTINCT k.purpose) > 2 AS purposes FROM bastion.data_keys k;
SELECT DISTINCT test.opened(overlay(v.value::bytea PLACING decode(lpad(to_hex(k.id), 8, '0'), 'hex') FROM 5)::bastion.sealed) AS other_key,
       test.error(format('SELECT bastion.rewrap(%L)', overlay(v.value::bytea PLACING decode(lpad(to_hex(k.id), 8, '0'), 'hex') FROM 5))) AS rewrapped
FROM test.sealed_values v, bastion.data_keys k WHERE v.id = 1 AND k.id <> bastion_internal.sealed_key(v.value) ORDER BY 1;
ROLLBACK TO keys;
SELECT test.opened((E'\\xb7010000ffffffff' || encode(substr(value::bytea, 9), 'hex'))::bastion.sealed) AS no_such_key FROM test.sealed_values WHERE id = 1;
SELECT test.error(format('SELECT bastion.open_text(bastion.sealed(substr(value::bytea, 1, %s))) FROM test.sealed_values WHERE id = 1', n))
FROM unnest(ARRAY[0, 79, 80, 93]) n;
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'bob');
SELECT test.opened(value) AS other_tenant, test.error('SELECT bastion.rewrap(value) FROM test.sealed_values WHERE id = 1') AS rewrap
FROM test.sealed_values WHERE id = 1;
COMMIT;
SELECT test.opened(value) AS nobody FROM test.sealed_values WHERE id = 1;
SELECT test.error($$SELECT bastion.seal('x', 'smtp')$$), test.error($$SELECT bastion.blind_index('x', 'smtp')$$);
-- another database's values: the key id is there, the key is another
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
UPDATE bastion.data_keys SET wrapped = set_bit(wrapped, 600, 1 - get_bit(wrapped, 600)) WHERE purpose = 'smtp';
SELECT test.opened(value) AS other_wrapping FROM test.sealed_values WHERE id = 1;
ROLLBACK;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
UPDATE bastion.vault SET id = gen_random_uuid();
UPDATE bastion.data_keys SET state = state;
SELECT test.opened(value) AS other_vault FROM test.sealed_values WHERE id = 1;
ROLLBACK;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT test.opened(value) AS opens FROM test.sealed_values WHERE id = 1;
UPDATE bastion.data_keys SET state = 'disabled' WHERE purpose = 'smtp';
SELECT test.opened(value) AS disabled FROM test.sealed_values WHERE id = 1;
UPDATE bastion.data_keys SET state = 'decrypt_only' WHERE purpose = 'smtp';
SELECT test.opened(value) AS decrypt_only, bastion_internal.sealed_key(bastion.rewrap(value)) <> bastion_internal.sealed_key(value) AS other_key,
       test.opened(bastion.rewrap(value)) AS rewrapped FROM test.sealed_values WHERE id = 1;
ROLLBACK;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT test.opened(value) AS opens, bastion.rewrap(value)::text = value::text AS same FROM test.sealed_values WHERE id = 1;
COMMIT;

-- purposes
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT purpose, test.error(format('SELECT bastion.seal(%L, %L)', 'x', purpose)), test.error(format('SELECT bastion.blind_index(%L, %L)', 'x', purpose))
FROM unnest(ARRAY['unheard', '', 'Not a word', 'tenant.x', 'bastion.blind_index.smtp', repeat('x', 101), NULL]) purpose;
COMMIT;

-- the permission <purpose>.open
INSERT INTO bastion.roles (tenant_id, name) VALUES (:'ann_tenant', 'sealer');
INSERT INTO bastion.role_permissions (role_id, pattern) SELECT r.id, p FROM bastion.roles r, unnest(ARRAY['email.open', 'customers.read']) p WHERE r.name = 'sealer';
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT m.user_id, :'ann_tenant', r.id FROM bastion.memberships m, bastion.roles r WHERE m.tenant_id = :'bob_tenant' AND r.name = 'sealer';
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'bob', 'sealann');
SELECT test.error('SELECT bastion.open_text(value) FROM test.sealed_values WHERE id = 1') AS not_held,
       test.error('SELECT bastion.open_bytea(value) FROM test.sealed_values WHERE id = 1') AS not_held_either;
SELECT bastion.open_text(value, 'ä') AS held FROM test.sealed_values WHERE id = 6;
SELECT bastion.is_sealed(bastion.seal('x', 'smtp')::bytea) AS seals, bastion.is_sealed(bastion.rewrap(value)::bytea) AS rewraps
FROM test.sealed_values WHERE id = 1;
COMMIT;
RESET ROLE;

-- the place of the permission: held in one unit, open opens nothing without open_in_unit
INSERT INTO bastion.units (tenant_id, kind, name, slug) VALUES (:'ann_tenant', 'team', 'West', 'west'), (:'ann_tenant', 'team', 'East', 'east');
INSERT INTO bastion.roles (tenant_id, name) VALUES (:'ann_tenant', 'mailer');
INSERT INTO bastion.role_permissions (role_id, pattern) SELECT r.id, 'smtp.*' FROM bastion.roles r WHERE r.name = 'mailer';
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
SELECT m.user_id, :'ann_tenant', u.id, r.id FROM bastion.memberships m, bastion.units u, bastion.roles r
WHERE m.tenant_id = :'bob_tenant' AND r.name = 'mailer' AND u.tenant_id = :'ann_tenant' AND u.slug = 'west';
CREATE VIEW test.by_unit AS
SELECT bastion.has_permission('smtp.open') AS held_here, bastion.tenant_if_allowed('smtp.open') IS NOT NULL AS held_everywhere,
       test.error('SELECT bastion.open_text(value) FROM test.sealed_values WHERE id = 1') AS opens,
       test.error('SELECT bastion.open_bytea(value) FROM test.sealed_values WHERE id = 1') AS opens_bytes,
       test.error('SELECT bastion.rewrap(value) IS NOT NULL FROM test.sealed_values WHERE id = 1') AS rewraps;
GRANT SELECT ON test.by_unit TO regress_app;
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'bob', 'sealann', 'west');
SELECT * FROM test.by_unit;
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'ann', unit => 'west');
SELECT * FROM test.by_unit;
COMMIT;
RESET ROLE;
SELECT bastion.resource_register('smtp', '{open,open_in_unit}');
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'bob', 'sealann', 'west');
SELECT * FROM test.by_unit;
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'bob', 'sealann', 'east');
SELECT * FROM test.by_unit;
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'bob', 'sealann');
SELECT * FROM test.by_unit;
COMMIT;
RESET ROLE;

-- blind indexes: equal for equal values, in one tenant and purpose
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT length(bastion.blind_index('ann@example', 'email')) AS bytes,
       bastion.blind_index('ann@example', 'email') = bastion.blind_index('ann@example'::bytea, 'email') AS text_is_bytes,
       bastion.blind_index('ann@example', 'email') = bastion.blind_index('bob@example', 'email') AS other_value,
       bastion.blind_index('ann@example', 'email') = bastion.blind_index('ann@example', 'smtp') AS other_purpose,
       bastion.blind_index('', 'email') IS NOT NULL AS empty, bastion.blind_index(NULL::text, 'email') AS none;
SELECT bastion.blind_index('ann@example', 'email') AS of_ann \gset
-- the key of an index opens nothing, and indexes do not change with the keys that seal
SELECT test.opened((E'\\xb7010000' || lpad(to_hex(k.id), 8, '0') || encode(substr(value::bytea, 9), 'hex'))::bastion.sealed)
FROM test.sealed_values, bastion.data_keys k WHERE k.purpose = 'bastion.blind_index.email' AND k.tenant_id = :'ann_tenant' AND test.sealed_values.id = 1;
UPDATE bastion.data_keys SET state = 'decrypt_only' WHERE purpose = 'email';
SELECT bastion.blind_index('ann@example', 'email') = :'of_ann' AS same;
COMMIT;
BEGIN READ ONLY;
SELECT FROM bastion.authenticate(:'bob');
SELECT bastion.blind_index('ann@example', 'email') AS nothing_indexed_yet;
SELECT test.error($$SELECT bastion.seal('x', 'email')$$);
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'bob');
SELECT bastion.blind_index('ann@example', 'email') = :'of_ann' AS other_tenant;
COMMIT;

-- operators name the tenant
SELECT bastion.open_text_for(:'ann_tenant', value) AS opened, test.error(format('SELECT bastion.open_text_for(%L, value) FROM test.sealed_values WHERE id = 1', :'bob_tenant')) AS other,
       test.error('SELECT bastion.open_text_for(NULL, value) FROM test.sealed_values WHERE id = 1') AS nobody,
       bastion.open_bytea_for(:'ann_tenant', bastion.rewrap_for(:'ann_tenant', value)) = 'attack at dawn' AS rewrapped
FROM test.sealed_values WHERE id = 1;
SELECT bastion.open_text_for(NULL, bastion.seal_for(NULL, 'of the house', 'house')) AS of_the_house,
       bastion.open_text_for(t, bastion.seal_for(t, 'of ' || name, 'smtp', name), name) AS of_each
FROM (SELECT name, tenant AS t FROM test.people) p ORDER BY name;
SELECT test.error($$SELECT bastion.seal_for(gen_random_uuid(), 'x', 'smtp')$$) ~ '^23503' AS unknown_tenant;
SELECT bastion.blind_index_for(:'ann_tenant', 'ann@example', 'email') = :'of_ann' AS same, bastion.blind_index_for(:'ann_tenant', 'ann@example'::bytea, 'email') = :'of_ann' AS same_bytes,
       bastion.open_bytea_for(NULL, bastion.seal_for(NULL, E'\\x00'::bytea, 'house')) AS bytes;
SET ROLE regress_app;
SELECT test.error($$SELECT bastion.open_text_for(NULL, NULL)$$), test.error($$SELECT bastion.seal_for(NULL, 'x', 'house')$$);
RESET ROLE;

-- a key whose making is rolled back seals nothing more
SELECT bastion.resource_register('undone', '{open}');
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SAVEPOINT s;
SELECT bastion_internal.sealed_key(bastion.seal('x', 'undone')) AS first \gset
ROLLBACK TO s;
SELECT bastion.seal('kept', 'undone') AS kept, bastion.blind_index('kept', 'undone') AS kept_index \gset
SELECT bastion_internal.sealed_key(:'kept') = :first AS same_key, count(*) AS keys FROM bastion.data_keys WHERE purpose = 'undone';
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.open_text(:'kept'), bastion.blind_index('kept', 'undone') = :'kept_index' AS same_index;
COMMIT;

-- in parallel workers
CREATE TABLE test.many AS SELECT i AS id, bastion.seal_for(:'ann_tenant', 'value ' || i, 'smtp', i::text) AS value FROM generate_series(1, 2000) i;
ALTER TABLE test.many SET (parallel_workers = 2);
GRANT SELECT ON test.many TO regress_app;
SET ROLE regress_app;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
EXPLAIN (COSTS OFF) SELECT count(*) FROM test.many WHERE bastion.open_text(value, id::text) = 'value ' || id;
SELECT count(*) FROM test.many WHERE bastion.open_text(value, id::text) = 'value ' || id;
SELECT count(*) FROM test.many WHERE bastion.blind_index(id::text, 'smtp') IS NULL;
COMMIT;
RESET ROLE; RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET parallel_leader_participation;

-- docs/VAULT.md: a table with a sealed column, its blind index, and a view for an ORM
SELECT bastion.resource_register('customers', '{read,create,update,delete,open}');
CREATE TABLE test.customers (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    email_sealed bastion.sealed NOT NULL,
    email_index bytea NOT NULL
);
SELECT bastion.protect('test.customers');
CREATE UNIQUE INDEX ON test.customers (tenant_id, email_index);
CREATE VIEW test.customer WITH (security_invoker = true) AS
SELECT id, name, CASE WHEN bastion.tenant_if_allowed('customers.open') IS NOT NULL THEN bastion.open_text(email_sealed, id::text) END AS email, email_index
FROM test.customers;
CREATE FUNCTION test.write_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.id := coalesce(NEW.id, gen_random_uuid());
        INSERT INTO test.customers (id, name, email_sealed, email_index)
        VALUES (NEW.id, NEW.name, bastion.seal(NEW.email, 'customers', NEW.id::text), bastion.blind_index(lower(NEW.email), 'customers'));
    ELSE
        UPDATE test.customers SET name = NEW.name, email_sealed = bastion.seal(NEW.email, 'customers', id::text),
                                  email_index = bastion.blind_index(lower(NEW.email), 'customers')
        WHERE id = OLD.id;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER customer_write INSTEAD OF INSERT OR UPDATE ON test.customer FOR EACH ROW EXECUTE FUNCTION test.write_customer();
GRANT SELECT, INSERT, UPDATE ON test.customers, test.customer TO regress_app;
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
INSERT INTO test.customer (name, email) VALUES ('Kim', 'Kim@Example.com'), ('Lee', 'lee@example.com');
UPDATE test.customer SET email = 'LEE@example.com' WHERE name = 'Lee';
SELECT name, email FROM test.customer WHERE email_index = bastion.blind_index('lee@example.com', 'customers');
SELECT test.error($$INSERT INTO test.customer (name, email) VALUES ('Kim 2', 'KIM@example.com')$$) ~ '^23505' AS taken;
SET LOCAL enable_seqscan = off;
SELECT substring(line FROM E'email_index = bastion.blind_index.*\\)\\)$') AS searched
FROM test.plan($$SELECT name FROM test.customer WHERE email_index = bastion.blind_index('lee@example.com', 'customers')$$) line WHERE line ~ 'Index Cond';
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'bob', 'sealann');
SELECT name, email FROM test.customer ORDER BY name;
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'bob');
SELECT count(*) FROM test.customer;
COMMIT;
RESET ROLE;

-- a call site that is kept in a transaction follows the tenant, the keys and the rights
CREATE FUNCTION test.one_seal(tenant uuid) RETURNS bastion.sealed LANGUAGE plpgsql AS $$ BEGIN RETURN bastion.seal_for(tenant, 'kept', 'smtp'); END $$;
CREATE FUNCTION test.one_open(tenant uuid, value bastion.sealed) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN bastion.open_text_for(tenant, value); END $$;
CREATE FUNCTION test.own_open(value bastion.sealed) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN bastion.open_text(value); END $$;
SELECT test.one_seal(:'bob_tenant') IS NOT NULL AS made;
BEGIN;
CREATE TEMPORARY TABLE kept ON COMMIT DROP AS
SELECT t AS tenant, test.one_seal(t) AS value FROM unnest(ARRAY[:'ann_tenant', :'bob_tenant', :'ann_tenant']::uuid[]) t;
SELECT bastion.open_text_for(:'ann_tenant', value) FROM kept WHERE tenant = :'ann_tenant';
SELECT bastion.open_text_for(:'bob_tenant', value) FROM kept WHERE tenant = :'bob_tenant';
SELECT test.one_open(:'ann_tenant', value) FROM test.sealed_values WHERE id = 1;
UPDATE bastion.data_keys SET state = 'disabled' WHERE tenant_id = :'ann_tenant' AND purpose = 'smtp';
SELECT test.error(format('SELECT test.one_open(%L, value) FROM test.sealed_values WHERE id = 1', :'ann_tenant')) AS disabled;
ROLLBACK;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT test.own_open(value) FROM test.sealed_values WHERE id = 1;
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect) VALUES (bastion.user_id(), :'ann_tenant', 'smtp.open', 'deny');
SELECT test.error('SELECT test.own_open(value) FROM test.sealed_values WHERE id = 1') AS denied;
ROLLBACK;
-- another tenant's key is not even unwrapped, and opens nothing when the session holds it
CREATE VIEW test.held_in_cache AS SELECT bastion.cache_stats() #> '{data_keys,entries}' AS entries;
GRANT SELECT ON test.held_in_cache TO regress_app;
SELECT value::text AS anns FROM test.sealed_values WHERE id = 1 \gset
SELECT test.one_seal(:'bob_tenant')::text AS bobs \gset
\c -
SET client_min_messages = warning;
SELECT test.error(format('SELECT bastion.open_text_for(%L, %L)', :'bob_tenant', :'anns')) AS cold;
SELECT * FROM test.held_in_cache;
SELECT bastion.open_text_for(:'ann_tenant', :'anns') AS own;
SELECT test.error(format('SELECT bastion.open_text_for(%L, %L)', :'bob_tenant', :'anns')) AS held;
SELECT * FROM test.held_in_cache;
SELECT test.error(format('SELECT bastion.rewrap_for(%L, %L)', :'bob_tenant', :'anns')) AS rewrapped, test.error(format('SELECT bastion.open_text_for(NULL, %L)', :'bobs')) AS of_nobody;
DROP VIEW test.held_in_cache;
-- the transaction holds the key that it sealed under, also when it sealed before in a savepoint that was rolled back
CREATE VIEW test.held_keys AS SELECT count(*) FILTER (WHERE objid > 0) AS keys, count(*) FILTER (WHERE objid = 0) AS all_keys FROM pg_locks
WHERE pid = pg_backend_pid() AND classid = 'bastion.data_keys'::regclass;
BEGIN;
SELECT test.one_open(:'ann_tenant', value) FROM test.sealed_values WHERE id = 1;
SELECT * FROM test.held_keys;
SAVEPOINT here;
SELECT test.one_seal(:'ann_tenant') IS NOT NULL AS sealed;
SELECT * FROM test.held_keys;
ROLLBACK TO here;
SELECT * FROM test.held_keys;
SELECT test.one_seal(:'ann_tenant') IS NOT NULL AS sealed;
SELECT * FROM test.held_keys;
SELECT test.one_seal(t) IS NOT NULL AS sealed FROM unnest(ARRAY[:'ann_tenant', :'bob_tenant', :'ann_tenant']::uuid[]) t;
SELECT * FROM test.held_keys;
COMMIT;
SELECT * FROM test.held_keys;
-- a cursor that fails in a savepoint leaves what it sealed before
BEGIN;
DECLARE sealing CURSOR FOR SELECT test.one_seal(:'ann_tenant') IS NOT NULL AS sealed, 1 / (2 - n) AS quotient FROM generate_series(1, 2) n;
FETCH sealing;
SAVEPOINT here;
FETCH sealing;
ROLLBACK TO here;
CLOSE sealing;
SELECT * FROM test.held_keys;
COMMIT;
-- 64 single keys at most, then all of them: whatever savepoints have been rolled back or released meanwhile
INSERT INTO bastion.tenants (name, slug) SELECT 'Holder ' || n, 'holder-' || n FROM generate_series(1, 100) n;
CREATE FUNCTION test.seal_for_holders(first int, last int) RETURNS bigint LANGUAGE sql
AS $$ SELECT count(bastion.seal_for(id, 'x', 'smtp')) FROM bastion.tenants WHERE slug IN (SELECT 'holder-' || n FROM generate_series(first, last) n) $$;
BEGIN;
SELECT test.seal_for_holders(1, 40);
SAVEPOINT outside;
SELECT test.seal_for_holders(41, 50);
SAVEPOINT inside;
SELECT test.seal_for_holders(51, 100);
SELECT * FROM test.held_keys;
ROLLBACK TO inside;
SELECT * FROM test.held_keys;
SAVEPOINT again;
SELECT test.seal_for_holders(41, 100);
SELECT * FROM test.held_keys;
ROLLBACK TO again;
RELEASE outside;
SAVEPOINT outside;
SELECT test.seal_for_holders(41, 60);
SELECT * FROM test.held_keys;
ROLLBACK TO outside;
SELECT * FROM test.held_keys;
SELECT test.seal_for_holders(51, 100);
SELECT * FROM test.held_keys;
COMMIT;
SELECT * FROM test.held_keys;
DELETE FROM bastion.tenants WHERE slug LIKE 'holder-%';
DROP FUNCTION test.seal_for_holders;
DROP VIEW test.held_keys;
-- what a value is bound to outlives the key; the purpose of secrets is no one else's, also where its key is there
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.secret_put('sealed', 'x') \g /dev/null
SELECT test.error('SELECT bastion.seal(''x'', ''bastion.secrets'')');
SELECT bastion.seal('bound', 'smtp', 'here') AS bound \gset
SELECT bastion.data_key_rotate('smtp', 'sealann') AS rotated;
SELECT bastion.rewrap(:'bound', 'here') AS wrapped \gset
SELECT :'wrapped' <> :'bound' AS another, bastion.open_text(:'wrapped', 'here'), test.error(format('SELECT bastion.open_text(%L)', :'wrapped')) AS nowhere;
ROLLBACK;

SELECT bastion.unprotect('test.customers') IS NOT NULL AS unprotected LIMIT 1;
DROP VIEW test.customer;
DROP FUNCTION test.one_seal;
DROP TABLE test.customers, test.many, test.sealed_values, test.checked CASCADE;
TRUNCATE test.people;
DROP FUNCTION test.opened, test.changed, test.write_customer, test.one_open, test.own_open;

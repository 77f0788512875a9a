-- What operators decide for a purpose of sealed values: the record of each opening, and the period of its data keys.
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT bastion.resource_register('ledger', '{open,wrap,unwrap}'), bastion.resource_register('diary', '{open}');
INSERT INTO test.people (name, token, tenant, id)
SELECT name, answer ->> 'access_token' AS token, (answer #>> '{tenant,id}')::uuid AS tenant, (answer #>> '{user,id}')::uuid AS id
FROM unnest(ARRAY['purann', 'purbob', 'purcid']) name,
     LATERAL bastion_api.signup(name || '@purposes.example', 'correct horse', initcap(name), initcap(name), name) answer;
SELECT token AS ann, tenant AS ann_tenant FROM test.people WHERE name = 'purann' \gset
SELECT token AS bob FROM test.people WHERE name = 'purbob' \gset
SELECT token AS cid FROM test.people WHERE name = 'purcid' \gset
-- cid is a viewer of ann's tenant
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT p.id, :'ann_tenant', r.id FROM test.people p JOIN bastion.roles r ON p.name = 'purcid' AND r.name = 'viewer' AND r.tenant_id IS NULL;
CREATE TABLE test.entries (id int PRIMARY KEY, value bastion.sealed, place text);
GRANT SELECT, INSERT ON test.entries TO regress_app;
CREATE VIEW test.openings AS
SELECT l.action, p.name AS who, a.name AS actor, t.name AS tenant, l.session_id IS NOT NULL AS session, l.name, l.purpose, l.bound_to
FROM bastion.secret_access_log l LEFT JOIN test.people p ON p.id = l.user_id LEFT JOIN test.people a ON a.id = l.actor_id LEFT JOIN test.people t ON t.tenant = l.tenant_id
WHERE l.action = 'open' ORDER BY l.id;
-- How many openings the statements since the last call recorded.
CREATE TABLE test.counted (n bigint);
INSERT INTO test.counted SELECT count(*) FROM test.openings;
CREATE FUNCTION test.recorded() RETURNS bigint LANGUAGE sql
AS $$ UPDATE test.counted c SET n = o.n FROM (SELECT count(*) AS n FROM test.openings) o, test.counted b RETURNING o.n - b.n $$;

-- arguments, and who may
SELECT test.error(format('SELECT bastion.purpose_update(%L, %L, %L)', purpose, record, period))
FROM (VALUES (NULL, true, NULL), ('Ledger', true, NULL), ('tenant.x', true, NULL), ('bastion.x', NULL, '1 day'), ('signing.', NULL, NULL), ('bastion.secrets', true, NULL),
             ('bastion.keys', true, NULL), (repeat('x', 101), true, NULL), ('ledger', NULL, '59 minutes'), ('ledger', NULL, '101 years'), ('ledger', NULL, '-1 day')) v (purpose, record, period);
SET ROLE regress_app;
SELECT test.error($$SELECT bastion.purpose_update('ledger', true)$$), test.error('TABLE bastion.purposes'), test.error('SELECT * FROM bastion.data_keys_due()');
RESET ROLE;
TABLE bastion.purposes;

-- openings are not recorded unless an operator asks for it
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
INSERT INTO test.entries VALUES
    (1, bastion.seal('one', 'ledger', '1'), '1'), (2, bastion.seal(E'\\x00ff'::bytea, 'ledger', '2'), '2'), (3, bastion.seal('three', 'ledger'), NULL),
    (4, bastion.seal('four', 'ledger', E'a\nb'), E'a\nb'), (5, bastion.seal('five', 'ledger', repeat('x', 300)), repeat('x', 300)),
    (6, bastion.seal('six', 'diary', '6'), '6'), (7, bastion.seal(NULL::text, 'ledger'), NULL);
SELECT bastion.open_text(value, place) FROM test.entries WHERE id = 1;
SELECT bastion.key_create('boxes', 'XAES-256-GCM', 'ledger') AS version;
SELECT wrapped FROM bastion.wrapped_key_create('boxes', 'file 7') \gset
SELECT octet_length(bastion.wrapped_key_open('boxes', :'wrapped', 'file 7')) AS bytes;
COMMIT;
RESET ROLE;
SELECT test.recorded();
-- and are from the moment when one does, in a session that has the key already
SELECT bastion.purpose_update('ledger', record => true);
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.open_text(value, place) FROM test.entries WHERE id IN (1, 3, 4, 5) ORDER BY id;
SELECT bastion.open_bytea(value, place) FROM test.entries WHERE id = 2;
SELECT bastion.open_text(value, place) FROM test.entries WHERE id IN (6, 7);
SELECT octet_length(bastion.wrapped_key_open('boxes', :'wrapped', 'file 7')) AS bytes;
COMMIT;
RESET ROLE;
SELECT * FROM test.openings;
SELECT test.recorded();
-- rewrapping opens nothing for anybody; neither does what fails
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.rewrap(value, place) IS NOT NULL AS rewrapped FROM test.entries WHERE id = 1;
SELECT test.error($$SELECT bastion.open_text(value, 'elsewhere') FROM test.entries WHERE id = 1$$), test.error(format('SELECT bastion.wrapped_key_open(''boxes'', %L, ''file 8'')', :'wrapped')),
       test.error($$SELECT bastion.open_text(bastion.sealed(set_byte(value::bytea, 80, 1 - get_byte(value::bytea, 80) % 2)), place) FROM test.entries WHERE id = 1$$);
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'cid', 'purann');
SELECT test.error('SELECT bastion.open_text(value, place) FROM test.entries WHERE id = 1') AS viewer;
SELECT count(*) AS viewer_sees FROM bastion.secret_access_log;
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'bob');
SELECT test.error('SELECT bastion.open_text(value, place) FROM test.entries WHERE id = 1') AS bob;
SELECT count(*) AS bob_sees FROM bastion.secret_access_log;
COMMIT;
RESET ROLE;
SELECT test.recorded();
-- members with tenant.events.read see the rows of their tenant
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT count(*) AS ann_sees FROM bastion.secret_access_log WHERE action = 'open';
COMMIT;
RESET ROLE;
-- operators are recorded too; the installation has no tenant
SELECT bastion.open_text_for(:'ann_tenant', value, place), bastion.open_bytea_for(:'ann_tenant', value, place) FROM test.entries WHERE id = 1;
SELECT bastion.open_text_for(NULL, bastion.seal_for(NULL, 'of the house', 'ledger', 'here'), 'here');
SELECT * FROM test.openings OFFSET 6;
SELECT test.recorded();
-- one record for each value, each time; a value that a filter opens counts, though its row is not shown
SELECT count(bastion.open_text_for(:'ann_tenant', value, place)) FROM test.entries, generate_series(1, 10) WHERE id IN (1, 3);
SELECT id FROM test.entries WHERE id IN (1, 3) AND bastion.open_text_for(:'ann_tenant', value, place) = 'one';
SELECT test.recorded();

-- in parallel plans, which write nothing, only the line in the server log remains without the queue; strict refuses
CREATE TABLE test.many WITH (parallel_workers = 2) AS SELECT e.* FROM test.entries e, generate_series(1, 100) WHERE e.id IN (1, 3);
BEGIN;
SELECT set_config(name, '0', true) FROM unnest(ARRAY['parallel_setup_cost', 'parallel_tuple_cost', 'min_parallel_table_scan_size']) name;
EXPLAIN (COSTS OFF) SELECT count(bastion.open_text_for(:'ann_tenant', value, place)) FROM test.many;
SELECT count(bastion.open_text_for(:'ann_tenant', value, place)) FROM test.many;
SELECT test.recorded();
SET LOCAL bastion.secret_log = strict;
SELECT test.error(format('SELECT count(bastion.open_text_for(%L, value, place)) FROM test.many', :'ann_tenant')) AS strict;
ROLLBACK;
DROP TABLE test.many;
-- so does a transaction that is read-only
BEGIN READ ONLY;
SELECT bastion.open_text_for(:'ann_tenant', value, place) FROM test.entries WHERE id = 1;
SET LOCAL bastion.secret_log = strict;
SELECT test.error(format('SELECT bastion.open_text_for(%L, value, place) FROM test.entries WHERE id = 1', :'ann_tenant')) AS strict,
       test.error(format('SELECT bastion.open_text_for(%L, value, place) FROM test.entries WHERE id = 6', :'ann_tenant')) AS not_recorded;
ROLLBACK;
SELECT test.recorded();
SET bastion.secret_log = strict;
SELECT bastion.open_text_for(:'ann_tenant', value, place) FROM test.entries WHERE id = 1;
RESET bastion.secret_log;
SELECT test.recorded();
-- until the operator ends it
SELECT bastion.purpose_update('ledger', record => false);
SELECT bastion.open_text_for(:'ann_tenant', value, place) FROM test.entries WHERE id = 1;
SELECT bastion.purpose_update('ledger', record => true);
BEGIN;
DELETE FROM bastion.purposes;
SELECT bastion.open_text_for(:'ann_tenant', value, place) FROM test.entries WHERE id = 1;
ROLLBACK;
BEGIN;
TRUNCATE bastion.purposes;
SELECT bastion.open_text_for(:'ann_tenant', value, place) FROM test.entries WHERE id = 1;
ROLLBACK;
SELECT test.recorded();
SELECT bastion.open_text_for(:'ann_tenant', value, place) FROM test.entries WHERE id = 1;
SELECT test.recorded();
SELECT test.error($$UPDATE bastion.secret_access_log SET bound_to = 'x'$$) AS changed, test.error($$INSERT INTO bastion.secret_access_log (action, purpose) VALUES ('get', 'x')$$) ~ '^23514' AS nameless;

-- a data key older than its period is replaced by the next seal, and opens what it sealed
CREATE VIEW test.keys AS SELECT k.purpose, k.version, k.state FROM bastion.data_keys k WHERE k.tenant_id = test.tenant_of('purann') AND k.purpose IN ('diary', 'bastion.secrets', 'bastion.keys') ORDER BY 1, 2;
CREATE FUNCTION test.make_older(wanted text, by interval) RETURNS void LANGUAGE sql
AS $$ UPDATE bastion.data_keys k SET created_at = k.created_at - by WHERE k.tenant_id = test.tenant_of('purann') AND k.purpose = wanted AND k.state = 'active' $$;
CREATE FUNCTION test.sealed_under(wanted text) RETURNS integer LANGUAGE sql
AS $$ SELECT k.version FROM bastion.data_keys k WHERE k.id = bastion_internal.sealed_key(bastion.seal_for(test.tenant_of('purann'), 'x', wanted)) $$;
SELECT bastion.purpose_update('diary', rotate_every => '90 days');
SELECT test.sealed_under('diary') AS version;
SELECT test.make_older('diary', '89 days'), test.sealed_under('diary') AS version;
SELECT test.make_older('diary', '1 day');
SELECT tenant_id = :'ann_tenant' AS anns, purpose, version, now() - due_since < '1 hour' AS just_now FROM bastion.data_keys_due();
SELECT purpose, state, keys, due FROM bastion.key_status() WHERE purpose = 'diary';
SELECT severity, object, problem, fix FROM bastion.lint() WHERE problem ~ 'rotate_every';
SELECT test.sealed_under('diary') AS version;
SELECT * FROM test.keys;
SELECT count(*) FROM bastion.data_keys_due();
SELECT bastion.open_text_for(:'ann_tenant', value, place) AS of_the_old_key FROM test.entries WHERE id = 6;
SELECT kind, detail - 'id' AS detail, tenant_id = :'ann_tenant' AS anns FROM bastion.events WHERE kind = 'key_rotated' AND detail ->> 'purpose' = 'diary';
-- a transaction that cannot make one goes on with the old one
SELECT test.make_older('diary', '91 days');
BEGIN READ ONLY;
SELECT test.sealed_under('diary') AS read_only;
COMMIT;
-- and asks again a minute later, or when keys have changed
SELECT test.sealed_under('diary') AS asked_just_now;
SELECT bastion.purpose_update('diary', rotate_every => '0');
SELECT test.sealed_under('diary') AS still_under, count(*) AS due FROM bastion.data_keys_due();
SELECT purpose, record, rotate_every FROM bastion.purposes ORDER BY 1;
-- secrets, and the versions of keys of applications
SELECT bastion.purpose_update('bastion.secrets', rotate_every => '30 days'), bastion.purpose_update('bastion.keys', rotate_every => '30 days');
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.secret_put('mail', 'attack at dawn');
COMMIT;
RESET ROLE;
SELECT test.make_older('bastion.secrets', '31 days'), test.make_older('bastion.keys', '31 days');
SELECT purpose, version FROM bastion.data_keys_due() ORDER BY 1;
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.secret_put('mail', 'attack at noon'), bastion.key_rotate('boxes');
COMMIT;
RESET ROLE;
SELECT * FROM test.keys WHERE purpose <> 'diary';
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.secret_get('mail') AS newest, bastion.secret_get('mail', version => 1) AS first, octet_length(bastion.wrapped_key_open('boxes', :'wrapped', 'file 7')) AS bytes;
COMMIT;
RESET ROLE;
SELECT kind, detail FROM bastion.events WHERE kind = 'purpose_changed' ORDER BY id DESC LIMIT 2;

-- which keys exist is no secret of those who may list them, and one of all others
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'cid', 'purann');
SELECT statement, test.error(format(statement, 'boxes')) = test.error(format(statement, 'no such')) AS alike, test.error(format(statement, 'boxes')) AS answer
FROM unnest(ARRAY['SELECT bastion.key_sign(%L, ''x'')', 'SELECT bastion.key_verify(%L, ''x'', ''x'')', 'SELECT bastion.key_mac(%L, ''x'')', 'SELECT bastion.key_mac_verify(%L, ''x'', ''x'')',
    'SELECT * FROM bastion.key_public(%L)', 'SELECT bastion.wrapped_key_create(%L)', 'SELECT bastion.wrapped_key_open(%L, ''x'')', 'SELECT bastion.key_rotate(%L)',
    'SELECT bastion.key_update(%L)', 'SELECT bastion.key_delete(%L)', 'SELECT bastion.key_export(%L, ''x'')']) statement;
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT test.error($$SELECT bastion.key_sign('boxes', 'x')$$) AS other_use, test.error($$SELECT bastion.key_sign('no such', 'x')$$) AS unknown;
COMMIT;
RESET ROLE;

-- names of secrets, folders and keys: composed and visible, so that what looks the same is refused. Slashes and dots are letters
CREATE FUNCTION test.name_of(label text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE label WHEN 'composed' THEN E'schl\u00fcssel/\u00fc' WHEN 'another script' THEN E'\u0430dmin' WHEN 'dots' THEN 'a/../b' WHEN 'slashes' THEN '//' WHEN 'a dot' THEN '.'
        WHEN 'outside the plane' THEN E'\U0001F511' WHEN 'decomposed' THEN E'schlu\u0308ssel' WHEN 'compatible form' THEN E'\uff21\u212b' WHEN 'right to left' THEN E'pay\u202egnp'
        WHEN 'isolate' THEN E'pay\u2066x' WHEN 'mark' THEN E'x\u200f' WHEN 'no width' THEN E'pay\u200bment' WHEN 'joiner' THEN E'a\u200db' WHEN 'byte order' THEN E'\ufeffx'
        WHEN 'soft hyphen' THEN E'pay\u00adment' WHEN 'line' THEN E'a\u2028b' WHEN 'C1 control' THEN E'a\u0085b' WHEN 'C0 control' THEN E'a\tb' WHEN 'tag' THEN E'a\U000e0041' WHEN 'blank' THEN '  ' END
$$;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT label, test.error(format('SELECT bastion.secret_put(%L, ''x'')', test.name_of(label))) AS secret, test.error(format('SELECT bastion.secret_rename(%L, %L)', label, test.name_of(label) || '2')) AS renamed,
       test.error(format('SELECT bastion.key_create(%L, ''XAES-256-GCM'', ''ledger'')', test.name_of(label))) AS key, test.error(format('SELECT bastion.secret_folder_register(%L, ''folders'')', test.name_of(label) || '/')) AS folder
FROM unnest(ARRAY['composed', 'another script', 'dots', 'slashes', 'a dot', 'outside the plane', 'decomposed', 'compatible form', 'right to left', 'isolate', 'mark', 'no width', 'joiner', 'byte order', 'soft hyphen',
    'line', 'C1 control', 'C0 control', 'tag', 'blank']) label, LATERAL bastion.secret_put(label, 'x');
SELECT test.error(format('INSERT INTO bastion.secrets (tenant_id, name) VALUES (%L, %L)', :'ann_tenant', test.name_of('decomposed'))) ~ '^23514' AS checked;
ROLLBACK;
DROP FUNCTION test.name_of;

-- a predicate that leaks sees through the view what its user may open, and of that what the other conditions leave
CREATE TABLE test.leaked (value text);
GRANT INSERT, SELECT ON test.leaked TO regress_app;
CREATE FUNCTION test.leak(value text) RETURNS boolean LANGUAGE plpgsql VOLATILE COST 0.0001 AS $$ BEGIN INSERT INTO test.leaked VALUES (leak.value); RETURN true; END $$;
BEGIN;
SELECT FROM bastion.authenticate(:'bob');
SELECT bastion.secret_put('bobs', 'of bob'), bastion.secret_put('bobs own', 'of bob alone', own => true);
COMMIT;
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.secret_put('other', 'another one'), bastion.secret_put('own', 'of ann alone', own => true);
SELECT name FROM bastion.opened_secrets WHERE test.leak(value) AND name = 'other';
SELECT * FROM test.leaked;
SELECT action, name FROM bastion.secret_access_log WHERE purpose = 'bastion.opened_secrets';
SELECT count(*) FROM bastion.opened_secrets WHERE test.leak(value);
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'cid', 'purann');
SELECT count(*) FROM bastion.opened_secrets WHERE test.leak(coalesce(value, 'nothing for cid'));
COMMIT;
SELECT DISTINCT value FROM test.leaked ORDER BY 1;
RESET ROLE;
DROP FUNCTION test.leak;
DROP TABLE test.leaked;

DROP VIEW test.openings, test.keys;
DROP FUNCTION test.recorded, test.make_older, test.sealed_under;
DROP TABLE test.entries, test.counted;
DELETE FROM bastion.application_keys WHERE tenant_id = :'ann_tenant';
DELETE FROM bastion.purposes;
DELETE FROM test.people;

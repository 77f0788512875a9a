-- API keys of another system, which has stored hashes: schemes, what is checked, the old texts in use, and their end.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA oldkeys;
GRANT USAGE ON SCHEMA oldkeys TO regress_app;
CREATE FUNCTION oldkeys.tried(keys jsonb) RETURNS text LANGUAGE sql
AS $$ SELECT string_agg(concat_ws(' ', i.line, i.outcome, '(' || i.reason || ')'), ', ' ORDER BY i.line) FROM bastion.import_api_keys(keys, dry_run => true) i $$;
-- what a text is in both ways to present it: the name of the key that acts, or the SQLSTATE
CREATE FUNCTION oldkeys.acts() RETURNS text LANGUAGE sql
AS $$ SELECT concat_ws(' ', m #>> '{user,email}', m #>> '{tenant,slug}', bastion.api_key_id() IS NOT NULL) FROM bastion_api.me() m $$;
CREATE FUNCTION oldkeys.presents(text text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('bastion.token', text, true);
    RETURN test.error('SELECT bastion.tenant_id()');
END
$$;

SELECT bastion_api.signup('ann@oldkeys.example', 'correct horse', 'Old keys', 'Ann') AS ann \gset
SELECT bastion_api.signup('bob@oldkeys.example', 'correct horse', 'Old keys of Bob', 'Bob') AS bob \gset
SELECT :'ann'::jsonb #>> '{user,id}' AS ann_id, :'ann'::jsonb #>> '{tenant,id}' AS tenant, :'ann'::jsonb ->> 'access_token' AS ann_token \gset

-- schemes
SELECT test.error(format('SELECT bastion.api_key_scheme_add(%s)', a)) AS error, a
FROM unnest(ARRAY['NULL, ''sha256''', ''''', ''sha256''', '''s'', NULL', '''s'', ''md5''', '''s'', ''bcrypt''', '''s'', ''sha256'', ''key''', '''s'', ''hmac-sha256''', '''s'', ''hmac-sha256'', ''''',
                  '''s'', ''hmac-sha256'', decode(repeat(''00'', 1025), ''hex'')', '''s'', ''sha256'', NULL, ''''', '''s'', ''sha256'', NULL, repeat(''-'', 17)']) a;
SELECT oldkeys.presents('key_1.one') AS before_any_scheme;
SELECT bastion.api_key_scheme_add('plain', 'sha256') AS plain;
SELECT bastion.api_key_scheme_add('keyed', 'hmac-sha256', 'the key of the old system') AS keyed;
SELECT bastion.api_key_scheme_add('split', 'sha256', separator => '.') AS split;
SELECT test.error($$SELECT bastion.api_key_scheme_add('plain', 'sha256')$$) AS taken;
SELECT s.name, s.separator, p.purpose, p.state, position('the key of the old system'::bytea IN p.sealed) AS readable, (SELECT q.purpose FROM bastion.peppers q WHERE q.version = s.pepper) AS stored_under
FROM bastion.api_key_schemes s LEFT JOIN bastion.peppers p ON p.version = s.other_pepper ORDER BY s.id;

-- one wrong thing each
CREATE FUNCTION oldkeys.line(change jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_strip_nulls('{"scheme": "plain", "hash": "9ac7132dd8ba6de4c1eef25dd4a6deb3e6d3b1a3e0a3ba4de2e3b9a4c7ad4f01", "user": "ann@oldkeys.example", "tenant": "old-keys", "name": "nightly", "scopes": ["tenant.members.read"]}' || change)
$$;
SELECT change, oldkeys.tried(jsonb_build_array(oldkeys.line(change)))
FROM unnest(ARRAY[
    '{}', '{"scheme": "other"}', '{"scheme": null}', '{"hash": null}', '{"hash": ""}', '{"hash": "9ac7"}',
    '{"hash": "zac7132dd8ba6de4c1eef25dd4a6deb3e6d3b1a3e0a3ba4de2e3b9a4c7ad4f01"}', '{"hash": 5}', '{"lookup": "key_1"}', '{"scheme": "split"}',
    '{"scheme": "split", "lookup": "a.b"}', '{"user": null}', '{"user": "nobody@oldkeys.example"}', '{"tenant": null}', '{"tenant": "nowhere"}',
    '{"tenant": "old-keys-of-bob"}', '{"unit": "nowhere"}', '{"unit": "default"}', '{"name": null}', '{"name": ""}', '{"scopes": null}', '{"scopes": "*"}', '{"scopes": [1]}',
    '{"scopes": []}', '{"scopes": ["a b"]}', '{"scopes": ["no_such.thing"]}', '{"cidrs": ["10.0.0.0/8"]}', '{"cidrs": ["nowhere"]}', '{"cidrs": "10.0.0.0/8"}',
    '{"limits": 5}', '{"limits": {"rate": 5}}', '{"expires_at": "soon"}', '{"expires_at": "2020-01-01"}', '{"expires_at": "infinity"}', '{"created_at": "once"}',
    '{"created_at": "infinity"}', '{"disabled": "yes"}', '{"disabled": true}', '{"key_hash": "x"}']::jsonb[]) change;
SELECT oldkeys.tried('[1, null, [], "x", {}]') AS no_objects, oldkeys.tried(jsonb_build_array(oldkeys.line('{}'), oldkeys.line('{"hash": "mscTLdi6beTB7vJd1Kbes+bTsaPgo7pN4uO5pMetTwE="}'))) AS twice;
SELECT test.error($$SELECT bastion.import_api_keys(NULL)$$), test.error($$SELECT bastion.import_api_keys('[]', NULL)$$), test.error($$SELECT bastion.import_api_keys('{}')$$), test.error($$SELECT bastion.import_api_keys_from(NULL)$$),
       test.error($$SELECT bastion.import_api_keys_from(5)$$), test.error($$SELECT bastion.import_api_keys_from('bastion.users_pkey')$$);
SELECT * FROM bastion.import_api_keys('[]');
-- all or nothing
\set VERBOSITY default
SELECT * FROM bastion.import_api_keys(jsonb_build_array(oldkeys.line('{}'), oldkeys.line('{"hash": "x"}')));
\set VERBOSITY terse
SELECT count(*) AS nothing FROM bastion.api_keys k WHERE k.tenant_id = :'tenant';

-- a table of the old system, and what clients of it present
CREATE TABLE oldkeys.rows (name text, scheme text, lookup text, hash bytea, "user" text, tenant text, scopes text[], cidrs cidr[], expires_at timestamptz, created_at timestamptz, disabled boolean);
INSERT INTO oldkeys.rows VALUES
    ('one', 'plain', NULL, sha256('key_1.one'), 'ann@oldkeys.example', 'old-keys', '{tenant.members.read}', NULL, NULL, '2020-01-02', NULL),
    ('two', 'keyed', NULL, decode('c1cf8e68245716b4b9bd5bbe9fc6db690609b9023d55aff10c1ad13a1addbbcc', 'hex'), 'ann@oldkeys.example', 'old-keys', '{*}', '{}', '2100-01-01', NULL, false),
    ('three', 'split', 'key_3', sha256('three.3'), 'ann@oldkeys.example', 'old-keys', '{*,*}', NULL, NULL, NULL, NULL),
    ('elsewhere', 'plain', NULL, sha256('key four'), 'ann@oldkeys.example', 'old-keys', '{*}', '{198.51.100.0/24}', NULL, NULL, NULL),
    ('off', 'plain', NULL, sha256('key five'), 'ann@oldkeys.example', 'old-keys', '{*}', NULL, NULL, NULL, true),
    ('long ago', 'plain', NULL, sha256('key six'), 'ann@oldkeys.example', 'old-keys', '{*}', NULL, '2021-01-01', NULL, NULL),
    ('token', 'plain', NULL, sha256('eyJhbGciOiJub25lIn0.e30.'), 'ann@oldkeys.example', 'old-keys', '{*}', NULL, NULL, NULL, NULL),
    ('long', 'plain', NULL, sha256(convert_to(repeat('k', 1025), 'UTF8')), 'ann@oldkeys.example', 'old-keys', '{*}', NULL, NULL, NULL, NULL),
    ('longest', 'plain', NULL, sha256(convert_to(repeat('k', 1024), 'UTF8')), 'ann@oldkeys.example', 'old-keys', '{*}', NULL, NULL, NULL, NULL);
SELECT line, name, outcome, reason FROM bastion.import_api_keys_from('oldkeys.rows', dry_run => true);
SELECT count(*) AS nothing FROM bastion.api_keys k WHERE k.tenant_id = :'tenant';
SELECT line, name, outcome, reason, api_key IS NOT NULL AS stored FROM bastion.import_api_keys_from('oldkeys.rows');
SELECT k.name, k.scopes, k.cidrs, k.limits, k.expires_at, k.created_at < '2021-01-01' AS old, k.created_by, k.disabled, c.name AS scheme, c.pepper = s.pepper AS same_pepper, position(r.hash IN s.mac) AS readable
FROM bastion.api_keys k JOIN bastion.api_key_secrets s ON s.key_id = k.id JOIN bastion.api_key_schemes c ON c.id = s.scheme JOIN oldkeys.rows r ON r.name = k.name WHERE k.tenant_id = :'tenant' ORDER BY 1;
-- the second time
SELECT outcome, reason, count(*) FROM bastion.import_api_keys_from('oldkeys.rows') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) AS keys FROM bastion.api_keys k WHERE k.tenant_id = :'tenant';
SELECT detail - 'role' AS detail FROM bastion.events WHERE kind = 'api_keys_imported';

-- the texts that clients have; refusals look alike
SET ROLE regress_app;
\t on
SELECT format('SELECT %1$L AS presented, oldkeys.presents(%1$L) AS as_setting', t), format('SELECT %1$L AS presented, test.error(%2$L) AS as_argument', t, format('SELECT bastion.authenticate(%L)', t))
FROM unnest(ARRAY['key_1.one', 'key two', 'key_3.three.3', 'key four', 'key five', 'key six', 'eyJhbGciOiJub25lIn0.e30.',
                  'key_1.onf', 'key_1', 'key_2.three.3', 'three.3', '.three.3', 'key_3.three.4', 'Key two', 'x', ' ', 'bsr_x', 'eyJhbGciOiJub25lIn0.e30.a']) t
\gexec
\t off
SELECT oldkeys.presents(repeat('k', 1025)) AS too_long;
SELECT oldkeys.presents(repeat('k', 1024)) AS longest;
BEGIN;
SELECT bastion.authenticate('key_1.one') = :'ann_id' AS ann;
SELECT oldkeys.acts(), bastion.has_permission('tenant.members.read') AS reads, bastion.has_permission('tenant.members.manage') AS manages, m -> 'method' AS method FROM bastion_api.me() m;
SELECT test.error($$SELECT bastion.authenticate('key two')$$) AS another_identity;
COMMIT;
-- from its networks alone
BEGIN;
SET LOCAL request.headers = '{"x-forwarded-for": "198.51.100.7"}';
RESET ROLE;
SET LOCAL bastion.trusted_hops = 1;
SET ROLE regress_app;
SELECT oldkeys.presents('key four') AS from_its_network;
COMMIT;

-- listed, enabled, rotated and revoked as others
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ok;
SELECT k ->> 'name' AS name, k -> 'disabled' AS disabled, k ->> 'created_by' AS created_by, jsonb_array_length(k -> 'secrets') AS secrets, k ->> 'last_used_at' IS NOT NULL AS used
FROM jsonb_array_elements(bastion_api.api_keys() -> 'api_keys') k ORDER BY 1;
SELECT k ->> 'id' AS key_one FROM jsonb_array_elements(bastion_api.api_keys() -> 'api_keys') k WHERE k ->> 'name' = 'one' \gset
SELECT k ->> 'id' AS key_three FROM jsonb_array_elements(bastion_api.api_keys() -> 'api_keys') k WHERE k ->> 'name' = 'three' \gset
SELECT k ->> 'id' AS key_off FROM jsonb_array_elements(bastion_api.api_keys() -> 'api_keys') k WHERE k ->> 'name' = 'off' \gset
SELECT bastion_api.api_key_disable(:'key_off', false);
SELECT bastion_api.api_key_rotate(:'key_one', '1 hour') ->> 'key' AS new_text \gset
SELECT bastion_api.api_key_revoke(:'key_three');
COMMIT;
SELECT oldkeys.presents('key five') AS enabled;
SELECT oldkeys.presents('key_1.one') AS overlaps;
SELECT oldkeys.presents(:'new_text') AS rotated;
SELECT oldkeys.presents('key_3.three.3') AS revoked;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ok;
SELECT bastion_api.api_key_rotate(:'key_one', '0') ->> 'key' IS NOT NULL AS rotated;
COMMIT;
SELECT oldkeys.presents('key_1.one') AS replaced;
-- by the text itself, whose possession suffices
SELECT bastion_api.token_revoke('key two'), bastion_api.token_revoke('key nobody has');
SELECT oldkeys.presents('key two') AS revoked;
RESET ROLE;
SELECT outcome, reason, count(*) FROM bastion.import_api_keys_from('oldkeys.rows') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT k.name, detail ->> 'by' AS by FROM bastion.events e JOIN bastion.api_keys k ON k.id::text = e.detail ->> 'api_key' WHERE e.kind = 'api_key_revoked' AND k.tenant_id = :'tenant' ORDER BY 1;

-- a later pepper, and what the transaction itself imports and takes back
SELECT bastion.pepper_create() > 1 AS next;
SELECT oldkeys.presents('key five') AS after_pepper;
BEGIN;
SELECT outcome FROM bastion.import_api_keys(jsonb_build_array(oldkeys.line(jsonb_build_object('hash', encode(sha256('key seven'), 'base64')))));
SELECT oldkeys.presents('key seven') AS imported;
ROLLBACK;
SELECT oldkeys.presents('key seven') AS taken_back;
BEGIN;
SELECT bastion.api_key_scheme_add('short-lived', 'sha256', separator => ':') > 3 AS added;
SELECT oldkeys.presents('key five') AS still;
ROLLBACK;
SELECT oldkeys.presents('key five') AS still;

-- a scheme ends, and with it its texts
SELECT test.error($$SELECT bastion.api_key_scheme_delete('nothing')$$), test.error($$SELECT bastion.api_key_scheme_delete(NULL)$$);
SELECT bastion.api_key_scheme_delete('keyed') AS of_two;
SELECT count(*) AS keys_of_old_systems FROM bastion.peppers p WHERE p.purpose = 'import';
SELECT oldkeys.presents('key five') AS others_work;
SELECT bastion.api_key_scheme_delete('plain') AS texts;
SELECT oldkeys.presents('key five') AS ended;
SELECT test.error(format('SELECT bastion.api_key_scheme_add(%L, ''sha256'', separator => %L)', 'many ' || n, n)) FROM generate_series(1, 8) n;
SELECT detail - 'role' AS detail FROM bastion.events WHERE kind IN ('api_key_scheme_added', 'api_key_scheme_deleted') AND detail ->> 'scheme' NOT LIKE 'many%' ORDER BY id;

-- for operators alone
SET ROLE regress_app;
SELECT test.error(q) FROM unnest(ARRAY['SELECT bastion.import_api_keys(''[]'')', 'SELECT bastion.import_api_keys_from(''pg_class'')', 'SELECT bastion.api_key_scheme_add(''x'', ''sha256'')',
                                       'SELECT bastion.api_key_scheme_delete(''x'')', 'TABLE bastion.api_key_schemes']) q;
RESET ROLE;
SELECT bastion.api_key_scheme_delete(s.name) FROM bastion.api_key_schemes s ORDER BY s.id;
SELECT count(*) FROM bastion.tenant_delete('old-keys');
SELECT count(*) FROM bastion.tenant_delete('old-keys-of-bob');
DELETE FROM bastion.users WHERE email LIKE '%@oldkeys.example';
DROP SCHEMA oldkeys CASCADE;

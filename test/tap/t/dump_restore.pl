# pg_dump includes all data that the script of the extension does not create. A database with all kinds of data is
# restored, as a script and as an archive, into a second database and into a second server with the same root key: every
# table is the same, the old passwords and tokens are valid, sign-up and sequences continue. With another root key, or
# none, functions that need it say so, and the rest works. At the end, the effects of DROP EXTENSION.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

sub server {
    my ($name) = @_;
    my $server = PostgreSQL::Test::Cluster->new($name);
    $server->init(extra => [ '-E', 'UTF8', '--locale=C.UTF-8' ]);
    $server->start;
    return $server;
}

# Output and errors with SQLSTATE, from LEVEL on.
sub answer {
    my ($server, $database, $sql, $level) = @_;
    my ($out, $err);
    local $ENV{PGOPTIONS} = '-c client_min_messages=' . ($level // 'error');
    $server->psql($database, $sql, stdout => \$out, stderr => \$err, on_error_stop => 0, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
    $err =~ s/^psql:<stdin>:\d+: |\nLOCATION:.*//gm;
    return $out . $err;
}

my $one = server('one');
my $auto = $one->data_dir . '.bastion-root-key';

$one->safe_psql('postgres', 'CREATE ROLE app; CREATE ROLE migrator');
$one->safe_psql('postgres', 'CREATE DATABASE source');
$one->safe_psql('source', <<'SQL');
CREATE EXTENSION pg_bastion;
SELECT bastion.init();
SELECT bastion.allow_app_role('app');
SELECT bastion.allow_migration_role('migrator');

-- tables: each kind of tenant column, partitions, children, odd names; protected, guarded, global
CREATE SCHEMA shop;
GRANT USAGE ON SCHEMA shop TO app;
CREATE TABLE shop.documents (id int PRIMARY KEY, tenant_id uuid, owner_id uuid, title text DEFAULT 'none');
CREATE TABLE shop."Odd ""name""" (id int, "the tenant" text DEFAULT 'x' NOT NULL);
CREATE TABLE shop.numbered (id int, tenant_id bigint) PARTITION BY LIST (id);
CREATE TABLE shop.numbered_1 PARTITION OF shop.numbered FOR VALUES IN (1);
CREATE TABLE shop.parent (tenant_id uuid);
CREATE TABLE shop.child (more text) INHERITS (shop.parent);
CREATE TABLE shop.countries (code text PRIMARY KEY);
CREATE TABLE shop.older (id int);
SELECT bastion.meter_set('dumped', 'gauge');
SELECT bastion.protect('shop.documents', owner_column => 'owner_id', tenant_fk => true, quota => 'dumped');
SELECT bastion.protect('shop."Odd ""name"""', tenant_column => 'the tenant', resource => 'odd', actions => '{"read": "peek"}');
SELECT bastion.protect('shop.numbered', quota => 'dumped');
SELECT bastion.protect('shop.parent', resource => 'family', citus => true);
SELECT bastion.global_table_add('shop.countries', 'a list of countries');
SELECT bastion.operator_role_declare('migrator', 'migrations');
SELECT bastion.schema_guard('shop');
SELECT bastion.lint_accept('role app', 'a problem', 'of this test');
CREATE TABLE shop.numbered_2 PARTITION OF shop.numbered FOR VALUES IN (2);
CREATE TABLE shop.newer (id int);
CREATE TABLE shop.audited (gone int, id int PRIMARY KEY, pin text, title text, person uuid, name text);
ALTER TABLE shop.audited DROP COLUMN gone; -- the restored table has other numbers of columns
SELECT bastion.audit_table('shop.audited', redact => '{pin}', personal => '{name}', subject => 'person');
INSERT INTO shop.audited (id, person, name) VALUES (8, repeat('8', 32)::uuid, 'TOP 8'), (9, repeat('9', 32)::uuid, 'TOP 9');
SELECT bastion.audit_shred(repeat('8', 32)::uuid);
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA shop TO app;

-- people: two tenants, a user in both, units below each other, roles and permissions of their own, passwords of others
CREATE TABLE answers AS
SELECT name, bastion_api.signup(name || '@dump.example', 'correct horse ' || name, initcap(name), initcap(name), name) AS answer
FROM unnest(ARRAY['ann', 'bob']) name;
SELECT bastion.resource_register('reports', '{read,print}');
INSERT INTO bastion.roles (tenant_id, name, description)
SELECT (answer #>> '{tenant,id}')::uuid, 'printer of ' || name, E'line one\nline\ttwo \\ ''quoted''' FROM answers;
INSERT INTO bastion.roles (name) VALUES ('auditor');
INSERT INTO bastion.role_permissions (role_id, pattern)
SELECT r.id, p FROM bastion.roles r, unnest(ARRAY['reports.print', 'documents.*', 'tenant.events.read']) p WHERE NOT r.system;
INSERT INTO bastion.role_permissions (role_id, pattern) SELECT r.id, 'reports.print' FROM bastion.roles r WHERE r.name = 'viewer';
INSERT INTO bastion.units (tenant_id, kind, name, slug) SELECT (answer #>> '{tenant,id}')::uuid, 'department', 'Sales', 'sales' FROM answers;
INSERT INTO bastion.unit_parents (unit_id, tenant_id, parent_id)
SELECT c.id, c.tenant_id, p.id FROM bastion.units c JOIN bastion.units p USING (tenant_id) WHERE c.slug = 'default' AND p.slug = 'sales';
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
SELECT (b.answer #>> '{user,id}')::uuid, u.tenant_id, u.id, r.id
FROM answers a, answers b, bastion.units u, bastion.roles r
WHERE a.name = 'ann' AND b.name = 'bob' AND u.tenant_id = (a.answer #>> '{tenant,id}')::uuid AND u.slug = 'default' AND r.name = 'printer of ann';
INSERT INTO bastion.users (email, username, status) VALUES ('old@dump.example', 'old', 'disabled'), ('import@dump.example', NULL, 'active');
INSERT INTO bastion.user_passwords SELECT id, '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW' FROM bastion.users WHERE email LIKE 'import%';
INSERT INTO bastion.password_history (user_id, hash) SELECT p.user_id, p.hash FROM bastion.user_passwords p;
INSERT INTO bastion.user_devices (user_id, hash, name) SELECT u.id, sha256('a device'), 'phone' FROM bastion.users u WHERE u.username = 'ann';
INSERT INTO bastion.spent_tokens VALUES (sha256('a challenge'), 'infinity');
UPDATE bastion.tenants SET plan = 'pro', status = 'active', password_min_length = 20 WHERE slug = 'ann';
UPDATE bastion.tenants SET mfa = 'required' WHERE slug = 'bob';
INSERT INTO bastion.step_up_rules (tenant_id, permission, level, max_age) SELECT id, 'docs.read', 'aal2', '1 day' FROM bastion.tenants WHERE slug = 'ann';
INSERT INTO bastion.step_up_rules (permission, level) VALUES ('docs.write', 'aal2');
SELECT bastion.rate_limit_set('search', 'user', 5, 10, 3), bastion.rate_limit_set('search', 'user', 50, plan => 'pro');
SELECT bastion.meter_set('usd', 'cost', 6, 'release'), bastion.plan_limit_set('usd', 'tenant', 'month', 10.5, 'pro', 10), bastion.plan_limit_set('usd', 'tenant', 'month', 100, stripes => 4), bastion.limit_override_set('usd', 'day', 1, for_user => 'ann@dump.example', reason => 'a test'),
       bastion.quota_calendar_set('ann', time_zone => 'Europe/Vienna', billing_anchor => '2020-01-31');
BEGIN;
SELECT bastion.impersonate(answer #>> '{user,id}', 'bob', 'to use a quota', false) FROM answers WHERE name = 'bob';
SELECT bastion.quota_consume('usd', 0.000002), bastion.quota_consume('usd', 0.000001, 'a key'), bastion.quota_reserve('{"usd": 1}', 'held');
COMMIT;
SELECT bastion.usage_roll_up();
INSERT INTO bastion.audit_rows VALUES (1, '7', 1, '2020-02-01', NULL, 'shop.older', 'INSERT', NULL, 'an entry');
INSERT INTO bastion.audit_rows (era, xid, seq, occurred_at, op, entry) SELECT p.era, pg_current_xact_id(), 1, '2020-02-02', 'INSERT', 'a sealed one' FROM bastion_internal.audit_place() p;
SELECT bastion.audit_seal(), bastion.audit_witness_add('witness.example/w1+32913b6f+BBpc39BxQ8OExB6DDFvOEqqIF+xWSaqr8sMTiLNbLXRN');
SELECT bastion.audit_partitions_create(1);
SELECT bastion.audit_hold_lift(bastion.audit_hold_place('a case', gen_random_uuid()), 'closed');
INSERT INTO bastion.audit_rows VALUES (1, '7', 2, now() + interval '1 month', NULL, 'shop.older', 'INSERT', NULL, 'an entry in a partition');
INSERT INTO bastion.audit_cosignatures SELECT l.era, l.size, 'witness.example/w1', 'a line', now() FROM bastion.audit_logs l;
SELECT bastion_api.refresh(answer ->> 'refresh_token') FROM answers;
SELECT bastion.issuer_add('https://idp.example', '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}', '{app}', '{EdDSA}');
SELECT bastion.issuer_login_set('https://idp.example', '{web}', '{dump.example}', '{mfa}');
SELECT bastion.identity_add('https://idp.example', 'ann', (answer #>> '{user,id}')::uuid) FROM answers WHERE name = 'ann';
INSERT INTO bastion.invitations (tenant_id, unit_id, role_id, email, token_hash, invited_by, expires_at)
SELECT m.tenant_id, m.unit_id, m.role_id, 'guest@dump.example', sha256(m.id::text::bytea), m.user_id, now() + interval '1 day' FROM bastion.memberships m;
SET bastion.outbox = on;
SELECT bastion_api.request_login_link('ann@dump.example'), bastion_api.request_login_link('unknown@dump.example');
RESET bastion.outbox;
INSERT INTO bastion.session_settings (tenant_id, idle_limit) SELECT id, '1 hour' FROM bastion.tenants WHERE slug = 'ann';
BEGIN;
SELECT bastion.authenticate(answer ->> 'access_token') FROM answers WHERE name = 'ann';
SELECT bastion_api.totp_add();
CREATE TABLE keys AS SELECT bastion_api.api_key_create('job', '{*.read}', cidrs => '{10.0.0.0/8,::1}', limits => '{"a": 1}') ->> 'key' AS key;
SELECT bastion_api.delegate(bastion.user_id()::text, '{*.read}');
COMMIT;
CREATE FUNCTION shop.no_hook(jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb';
GRANT USAGE ON SCHEMA shop TO app;
SELECT bastion.hook_set('after_login', 'shop.no_hook(jsonb)', 'app');
SELECT bastion.api_key_scheme_add('old', 'hmac-sha256', 'the old key', '.');
SELECT outcome FROM bastion.import_api_keys(jsonb_build_array(jsonb_build_object('scheme', 'old', 'lookup', 'id', 'hash', '92f4be71174f1c50b03f6b90b6d96f0ce87212a88bb97186a472bd82292e1cf4', 'user', 'ann@dump.example', 'tenant', 'ann', 'name', 'old', 'scopes', '["*.read"]'::jsonb)));
INSERT INTO bastion.recovery_codes (user_id, mac, pepper) SELECT u.id, sha256(u.id::text::bytea), min(p.version) FROM bastion.users u, bastion.peppers p WHERE u.username = 'ann' GROUP BY u.id;
SELECT bastion.relying_party_set('app.example', 'App', ARRAY['https://app.example']);
INSERT INTO bastion.passkey_owners (user_id, handle) SELECT u.id, sha256(u.id::text::bytea) FROM bastion.users u WHERE u.username = 'old';
WITH f AS (INSERT INTO bastion.user_factors (user_id, kind, name, state) SELECT u.id, 'webauthn', 'Key', 'active' FROM bastion.users u WHERE u.username = 'old' RETURNING id)
INSERT INTO bastion.passkeys SELECT 'app.example', 'one', f.id, 'key', -8, 7, true, false, true, gen_random_uuid(), 'none', '{internal}' FROM f;
SELECT bastion_api.login('nobody', 'x');
SELECT bastion_api.login('bob', 'wrong');
BEGIN;
SELECT bastion.impersonate(a.answer #>> '{user,id}', a.answer #>> '{tenant,id}', 'support', false) FROM answers a WHERE name = 'ann';
INSERT INTO shop.documents (id, title) VALUES (1, 'of Ann');
INSERT INTO shop."Odd ""name""" (id) VALUES (1);
INSERT INTO shop.numbered (id) VALUES (1), (2);
COMMIT;
INSERT INTO bastion.role_parents (role_id, parent_id)
SELECT r.id, s.id FROM bastion.roles r, bastion.roles s WHERE r.name = 'printer of ann' AND s.name = 'viewer';
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect)
SELECT u.id, t.id, 'reports.read', 'deny' FROM bastion.users u, bastion.tenants t WHERE u.username = 'bob' AND t.slug = 'bob';
INSERT INTO bastion.platform_roles (user_id, role_id)
SELECT u.id, r.id FROM bastion.users u, bastion.roles r WHERE u.username = 'bob' AND r.name = 'auditor';
-- sealed values and secrets
SELECT bastion.resource_register('smtp', '{open}');
CREATE TABLE shop.sealed (tenant_id uuid, value bastion.sealed, found bytea);
INSERT INTO shop.sealed SELECT id, bastion.seal_for(id, 'attack at dawn', 'smtp', slug), bastion.blind_index_for(id, 'attack at dawn', 'smtp')
FROM bastion.tenants;
SELECT bastion.sealed_column_add('shop.sealed', 'value', '(SELECT slug FROM bastion.tenants t WHERE t.id = tenant_id)');
BEGIN;
SELECT bastion.authenticate(answer ->> 'access_token') FROM answers WHERE name = 'ann';
SELECT bastion.secret_put('mail', 'attack at dusk', 'smtp');
SELECT bastion.flag_set('editor', '{"variants": {"on": true, "off": false}, "defaultVariant": "off"}'), bastion.flag_rollout('editor', 'on', 5), bastion.flag_update('editor', four_eyes => true), bastion.flag_request('editor', 'disable');
SELECT bastion.setting_put('mail.retries', '3'), bastion.setting_seal('mail.password', 'attack at noon'), bastion.setting_request('mail.retries', 'put', '{"value": 5}');
COMMIT;
SELECT bastion.secret_folder_register('payments/', 'payments');
SELECT bastion.data_key_guard_set('evidence', 'payments');
SELECT bastion.purpose_update('smtp', record => true, rotate_every => '90 days');
SELECT bastion.search_operator_trust('~(text,text)', 'the patterns here are simple');
-- keys of applications: two versions of one, and one of the installation
SELECT bastion.resource_register('bills', '{sign,verify,mac}');
BEGIN;
SELECT bastion.authenticate(answer ->> 'access_token') FROM answers WHERE name = 'ann';
SELECT bastion.key_create('bill', 'EdDSA', 'bills', rotate_every => '90 days');
CREATE TABLE shop.signed AS SELECT 1 AS id, bastion.key_sign('bill', 'attack at dawn') AS signature;
SELECT bastion.key_rotate('bill');
COMMIT;
INSERT INTO shop.signed SELECT 2, bastion.key_sign_for('ann', 'bill', 'attack at dawn');
SELECT bastion.key_create_for(NULL, 'house', 'HS256', 'bills');
INSERT INTO shop.signed SELECT 3, bastion.key_mac_for(NULL, 'house', 'attack at dawn');
-- an event that is removed
SELECT bastion.events_prune((SELECT min(occurred_at) + interval '1 microsecond' FROM bastion.events));
-- lists of a row and of a user, with shares
INSERT INTO bastion.acls (tenant_id, kind, base_acl_id, relation, row_key)
SELECT tenant_id, 'row', id, 'shop.documents', '1' FROM bastion.acls WHERE kind = 'tenant';
INSERT INTO bastion.acls (tenant_id, kind, user_id) SELECT m.tenant_id, 'user', m.user_id FROM bastion.memberships m WHERE m.unit_id IS NULL
ON CONFLICT DO NOTHING;
INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level)
SELECT a.id, 'user', u.id, 2 FROM bastion.acls a, bastion.users u WHERE a.kind = 'row' AND u.username = 'bob';
INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level, valid_until)
SELECT a.id, 'unit', u.id, 4, 'infinity' FROM bastion.acls a JOIN bastion.units u USING (tenant_id) WHERE a.kind = 'row' AND u.slug = 'sales';
SQL

my ($token, $tenant) = split /\|/,
    $one->safe_psql('source', q{SELECT answer ->> 'access_token', answer #>> '{tenant,id}' FROM answers WHERE name = 'ann'});

# Name, rows and fingerprint of every table of the extension, and of the tables that it protects; read as the superuser.
# A restore is on record too: entries of another era come with the DDL of tables under audit.
my $era = $one->safe_psql('source', 'SELECT DISTINCT era FROM bastion.audit_rows WHERE era <> 1');
my $fingerprints = <<"SQL";
SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
    SELECT format('%s %s %s', c.oid::regclass, x.rows, x.sum)
    FROM pg_class c, LATERAL (
        SELECT (xpath('//r/text()', data))[1] AS rows, (xpath('//s/text()', data))[1] AS sum
        FROM query_to_xml(format('SELECT count(*) AS r, md5(string_agg(%s, chr(10) ORDER BY %1\$s)) AS s FROM %s t %s',
                                 CASE c.relname WHEN 'audited_tables' THEN '(t.table_name, t.columns, t.audited_at)::text' ELSE 't::text' END, c.oid::regclass, CASE WHEN c.relname IN ('audit_rows', 'audit_rows_default') THEN 'WHERE era IN (1, $era)' END), true, true, '') data) x
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace IN ('bastion'::regnamespace, 'shop'::regnamespace, 'public'::regnamespace)
      AND c.relname NOT IN ('throttle_sets', 'login_throttle')) lines (line) -- attempts are in no dump
SQL
# The protected tables and their options.
my $protection = 'SELECT relation, tenant_column, owner_column, resource, rls_enabled, rls_forced, policies, partitions, status FROM bastion.protection';
my $privileges = q{SELECT string_agg(format('%s %s', c.oid::regclass, c.relacl), E'\n' ORDER BY c.oid::regclass::text COLLATE "C")
    FROM pg_class c WHERE c.relnamespace IN ('bastion'::regnamespace, 'shop'::regnamespace) AND c.relkind IN ('r', 'p', 'v')};
my $functions = q{SELECT string_agg(p.oid::regprocedure::text, ' ' ORDER BY p.oid::regprocedure::text COLLATE "C")
    FROM pg_proc p WHERE p.pronamespace::regnamespace::text LIKE 'bastion%' AND has_function_privilege('app', p.oid, 'EXECUTE')};

# regclass and regnamespace print names, and no table of the extension may hold the number of an object instead.
my $before = $one->safe_psql('source', $fingerprints);
like($before, qr/^bastion\.users 4 /m, 'there is something to compare');
is($one->safe_psql('source', q{SELECT string_agg(c.oid::regclass::text, ' ' ORDER BY c.oid::regclass::text) FROM pg_class c
    WHERE c.relnamespace = 'bastion'::regnamespace AND c.relkind = 'r' AND c.relname NOT IN ('rewrap_failures', 'rewrap_runs', 'login_throttle') -- in no dump
      AND (xpath('//n/text()', query_to_xml(format('SELECT count(*) AS n FROM %s', c.oid::regclass), true, true, '')))[1]::text = '0'}),
    '', 'every table of the extension has rows');
is($one->safe_psql('source', q{SELECT string_agg(status, ',') FROM bastion.protection}), 'ok,ok,ok,ok', 'all is protected');

my $folder = PostgreSQL::Test::Utils::tempdir;
$one->command_ok([ 'pg_dump', '-f', "$folder/plain", 'source' ], 'pg_dump as a script');
my ($stdout, $stderr) = run_command([ 'pg_dump', '-Fc', '-d', $one->connstr('source'), '-f', "$folder/custom" ]);
is($stderr, '', 'pg_dump as an archive warns of nothing');
my ($root_key) = slurp_file($auto) =~ /([0-9a-f]{64})/;
unlike(slurp_file("$folder/plain"), qr/$root_key/i, 'the root key is not in the dump');

# Checks of a restored database. NAME is for the person who signs up.
sub check_restored {
    my ($server, $database, $name, $log_in) = @_;
    my $label = $server->name . " $database";
    is($server->safe_psql($database, $fingerprints), $before, "$label: every table is the same");
    is($server->safe_psql($database, q{SELECT (SELECT w.used FROM bastion.usage_windows w WHERE w.meter = 'dumped') || ' ' || bastion.quota_recount('dumped')}),
        '3 0', "$label: as many rows are counted as there are");
    for my $query ($protection, $privileges, $functions) {
        is($server->safe_psql($database, $query), $one->safe_psql('source', $query), "$label: the same " . substr $query, 0, 40);
    }
    is(answer($server, $database, q{SELECT s.sequencename, s.last_value FROM pg_sequences s WHERE schemaname = 'bastion' ORDER BY 1}),
        answer($one, 'source', q{SELECT s.sequencename, s.last_value FROM pg_sequences s WHERE schemaname = 'bastion' ORDER BY 1}),
        "$label: sequences go on where they were");
    is($server->safe_psql($database, q{SELECT string_agg(evtname, ' ' ORDER BY evtname) FROM pg_event_trigger}), 'bastion_audit_ddl bastion_audit_dropped bastion_guard bastion_keep_columns bastion_keep_dropped_columns',
        "$label: the schema is guarded");
    is(answer($server, $database, q{CREATE TABLE shop.newest (id int); SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'shop.newest'::regclass}),
        't|t', "$label: and closes new tables");
    $server->safe_psql($database, 'DROP TABLE shop.newest');
}

sub check_working {
    my ($server, $database, $name) = @_;
    my $label = $server->name . " $database";
    is(answer($server, $database, q{INSERT INTO shop.audited VALUES (1, 'TOP', 'a'); SELECT key, new FROM bastion.audit WHERE relation = 'shop.audited' AND op = 'INSERT' ORDER BY occurred_at DESC LIMIT 1;
        DELETE FROM shop.audited; SELECT count(*) FROM bastion.audit_drift() WHERE relation = 'shop.audited'::regclass}),
        qq({"id": "1"}|{"id": "1", "pin": {"redacted": true}, "title": "a"}\n0), "$label: a table under audit records what it should");
    is(answer($server, $database, q{SELECT key, new ->> 'name' FROM bastion.audit WHERE kind = 'row' AND new ? 'name' ORDER BY xid, seq; INSERT INTO shop.audited (id, person, name) VALUES (10, repeat('8', 32)::uuid, 'TOP 8'), (11, repeat('9', 32)::uuid, 'TOP 11');
        SELECT key, new ->> 'name' FROM bastion.audit WHERE kind = 'row' AND key IN ('{"id": "10"}', '{"id": "11"}') ORDER BY xid, seq; SELECT count(*) FROM bastion.audit_subject_keys;
        SELECT bastion.audit_shred(repeat('9', 32)::uuid); SELECT new ->> 'name' FROM bastion.audit WHERE kind = 'row' AND key = '{"id": "11"}'}),
        qq({"id": "8"}|{"shredded": true}\n{"id": "9"}|TOP 9\n{"id": "10"}|{"redacted": true}\n{"id": "11"}|TOP 11\n1\nt\n{"shredded": true}), "$label: personal values of the log open, and stay erased");
    is(answer($server, $database, qq{SET ROLE app; BEGIN; SELECT bastion.authenticate('$token') IS NOT NULL;
        SELECT bastion.has_permission('documents.read'), title FROM shop.documents; COMMIT; SELECT count(*) FROM shop.documents}),
        "t\nt|of Ann\n0", "$label: an old token shows its tenant's rows, and nobody sees any");
    is(answer($server, $database, q{SELECT bool_and(bastion.open_text_for(s.tenant_id, s.value, t.slug) = 'attack at dawn'
            AND s.found = bastion.blind_index_for(s.tenant_id, 'attack at dawn', 'smtp')), count(*) FROM shop.sealed s JOIN bastion.tenants t ON t.id = s.tenant_id}),
        't|2', "$label: sealed values open and are found");
    is(answer($server, $database, qq{BEGIN; SELECT bastion.authenticate('$token') IS NOT NULL; SELECT bastion.secret_get('mail'); COMMIT}),
        "t\nattack at dusk", "$label: a secret opens");
    is(answer($server, $database, q{SELECT string_agg(left(s.signature, 3) || CASE s.id WHEN 3 THEN bastion.key_mac_verify_for(NULL, 'house', 'attack at dawn', s.signature)
            ELSE bastion.key_verify_for('ann', 'bill', 'attack at dawn', s.signature) END, ' ' ORDER BY s.id) FROM shop.signed s}),
        'v1.true v2.true v1.true', "$label: signatures verify");
    is(answer($server, $database, qq{BEGIN; SELECT bastion.authenticate('$token') IS NOT NULL; SELECT left(bastion.key_sign('bill', 'x'), 3); COMMIT}),
        "t\nv2.", "$label: and keys sign");
    is(answer($server, $database, q{SELECT bastion.authenticate('id.secret') = u.id FROM bastion.users u WHERE username = 'ann'}), 't', "$label: an imported API key");
    is(answer($server, $database, q{SELECT bastion_api.login('ann', 'correct horse ann') ->> 'token_type', bastion_api.login('bob', 'correct horse ann') ->> 'error'}),
        'Bearer|invalid_grant', "$label: old passwords");
    is(answer($server, $database, q{SELECT jsonb_array_length(bastion_api.login('bob', 'correct horse bob') -> 'tenants')}), '2', "$label: both tenants of a user");
    is(answer($server, $database, q{SELECT hash LIKE '$argon2id$%' FROM (SELECT bastion_api.login('import@dump.example', 'U*U')) l, bastion.user_passwords JOIN bastion.users u ON u.id = user_id
        WHERE email LIKE 'import%'; SELECT bastion_api.login('old', 'x') ->> 'error'}), "f\ninvalid_grant", "$label: other users");
    is(answer($server, $database, qq{SELECT (a #>> '{tenant,number}')::int FROM bastion_api.signup('$name\@dump.example', 'correct horse', '$name') a}),
        '3', "$label: one more signs up, with the next number");
    is(answer($server, $database, qq{BEGIN; SELECT bastion.authenticate(bastion_api.login('$name\@dump.example', 'correct horse') ->> 'access_token') IS NOT NULL;
        SET LOCAL ROLE app; INSERT INTO shop.documents (id) VALUES (2) RETURNING id; SELECT count(*) FROM shop.documents; COMMIT}),
        "t\n2\n1", "$label: and works in their own tenant alone");
    is(answer($server, $database, 'SELECT count(*), count(DISTINCT id), max(id) = (SELECT last_value FROM bastion.events_id_seq) FROM bastion.events') =~ s/^\d+\|\d+\|//r, 't', "$label: events go on");
    like(answer($server, $database, "SET ROLE app; SELECT * FROM bastion.user_passwords"), qr/^ERROR:  42501/, "$label: hashes stay closed");
    is(answer($server, $database, q{SELECT bastion.unprotect('shop.numbered') IS NULL LIMIT 1; SELECT string_agg(status, ',') FROM bastion.protection}),
        "f\nok,ok,ok", "$label: unprotect works");
    is(answer($server, $database, q{SELECT bastion.unprotect('shop."Odd ""name"""') IS NULL LIMIT 1;
        SELECT column_default, is_nullable FROM information_schema.columns WHERE column_name = 'the tenant'}), "f\n'x'::text|NO", "$label: and gives back what was before");
}

# Into a second database of the same server, and a second server with the same key.
my $two = server('two');
$two->safe_psql('postgres', 'CREATE ROLE app; CREATE ROLE migrator');
system('cp', '-p', $auto, $two->data_dir . '.bastion-root-key') == 0 or die 'cp';
for my $server ($one, $two) {
    $server->safe_psql('postgres', 'CREATE DATABASE plain');
    $server->safe_psql('postgres', 'CREATE DATABASE archive');
    $server->command_ok([ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-1', '-d', 'plain', '-f', "$folder/plain" ], $server->name . ': the script is restored');
    # As docs/OPERATIONS.md says for a restore by several processes.
    my @restore = ('pg_restore', '--exit-on-error', '-d', 'archive');
    $server->command_ok([ @restore, @$_, "$folder/custom" ], $server->name . ": the archive is restored: @$_")
        for [ '--section=pre-data' ], [ '--section=data', '-n', 'bastion' ], [ '--section=data', '-N', 'bastion', '-j2' ],
            [ '--section=post-data', '-j2' ];
    for my $database ('plain', 'archive') {
        check_restored($server, $database);
        check_working($server, $database, "cy");
    }
}
# A dump of the copy is the same again, except for the sign-ups.
$two->safe_psql('postgres', 'CREATE DATABASE again');
$two->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'again', "$folder/custom" ], 'restored again');
$two->command_ok([ 'pg_dump', '-Fc', '-d', 'again', '-f', "$folder/again" ], 'and dumped again');
$two->safe_psql('postgres', 'CREATE DATABASE third');
$two->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'third', "$folder/again" ], 'and restored again');
check_restored($two, 'third');

# With another root key, and with none.
my $three = server('three');
$three->safe_psql('postgres', 'CREATE ROLE app; CREATE ROLE migrator');
$three->safe_psql('postgres', 'CREATE DATABASE other');
$three->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'other', "$folder/custom" ], 'restored where there is no root key');
check_restored($three, 'other');
my $login = q{SELECT bastion_api.login('ann', 'correct horse ann') ? 'access_token'};
sub check_without {
    my ($error, $when) = @_;
    like(answer($three, 'other', $login), $error, "$when: login");
    like(answer($three, 'other', q{SELECT bastion_api.signup('cy@dump.example', 'correct horse', 'Cy')}), $error, "$when: sign-up");
    is($three->safe_psql('other', $fingerprints), $before, "$when: and nothing is written");
    is(answer($three, 'other', q{SELECT bastion_api.login('ann', 'wrong') ->> 'error'; BEGIN; SET ROLE app;
        SELECT bastion.authenticate('}.$token.q{') IS NOT NULL; SELECT title FROM shop.documents; COMMIT; RESET ROLE;
        SELECT jsonb_array_length(bastion.jwks() -> 'keys'); SELECT string_agg(status, ',') FROM bastion.protection;
        CREATE TABLE shop.more (tenant_id uuid); SELECT count(*) > 0 FROM bastion.protect('shop.more'); DROP TABLE shop.more;
        SELECT bastion.password_verify('U*U', hash) FROM bastion.user_passwords WHERE hash LIKE '$2a$%'}),
        "invalid_grant\nt\nof Ann\n1\nok,ok,ok,ok\nt\nt", "$when: what needs no root key works");
    $before = $three->safe_psql('other', $fingerprints);  # with the refused login, and the permissions of the table
}
my ($needed) = $one->safe_psql('source', 'SELECT bastion.root_key_id()');
check_without(qr/^ERROR:  BA001: no root key\nHINT:  Restore the root key file from its copy\./, 'no root key');
like(answer($three, 'other', 'SELECT bastion.init()'), qr/^ERROR:  55000: data keys of this database need root key $needed\nHINT:  Restore its file/,
    'init() does not make another root key for restored data keys');
is($three->safe_psql('other', q{SELECT bastion.status() -> 'root_key' ->> 'missing', (SELECT object FROM bastion.lint() WHERE object ~ '^root key')}),
    qq(["$needed"]|root key $needed), 'status() and lint() name the one that is missing');
my $loaded = $three->safe_psql('other', q{SELECT bastion.init(force => true) ->> 'root_key_id'});
is($three->safe_psql('other', q{SELECT bastion.status() -> 'root_key' ->> 'missing', bastion.status() -> 'root_key' ->> 'loaded'}), qq(["$needed"]|$loaded),
    'force makes it, and the other one is still missing');
check_without(qr/^ERROR:  BA002: root key $needed is needed but $loaded is loaded\nHINT:  Point bastion\.root_key at/, 'another root key');
unlink $three->data_dir . '.bastion-root-key';
system('cp', '-p', $auto, $three->data_dir . '.bastion-root-key') == 0 or die 'cp';
is(answer($three, 'other', $login), 't', 'the right root key opens everything');
is($three->safe_psql('other', q{SELECT bastion.status() -> 'root_key' ->> 'missing', count(*) FROM bastion.lint() WHERE object ~ '^root key'}), '[]|0', 'and none is missing');

# Parts of a dump, where a declared role is missing: all else is restored, and lint() names what is not.
my $four = server('four');
$four->safe_psql('postgres', 'CREATE DATABASE part');
system('cp', '-p', $auto, $four->data_dir . '.bastion-root-key') == 0 or die 'cp';
$one->command_ok([ 'pg_dump', '-Fc', '--no-owner', '--no-privileges', '--exclude-table=shop.documents', '--exclude-table=shop.sealed',
    '--exclude-table=shop.older', '-f', "$folder/part", 'source' ], 'a dump without three tables');
$four->command_ok([ 'pg_restore', '--exit-on-error', '--no-owner', '-d', 'part', "$folder/part" ], 'is restored where no role exists');
is($four->safe_psql('part', 'SELECT relation, status FROM bastion.protection ORDER BY relation::text'),
    qq(shop."Odd ""name"""|ok\nshop.numbered|ok\nshop.parent|ok), 'protection is on record');
my $missing = q{SELECT object, problem FROM bastion.lint() WHERE problem ~ 'restored|does not exist'};
my @missing = map { "shop.$_|records of a table that does not exist were restored" } qw(documents older sealed);
my @roles = ('hook after_login|fails at each call: the role does not exist', 'role migrator|declared with operator_role_declare(), and does not exist');
is($four->safe_psql('part', $missing), join("\n", @roles, @missing), 'lint() names what is missing');
is(answer($four, 'part', q{CREATE TABLE shop.documents (id int PRIMARY KEY, tenant_id uuid, owner_id uuid, title text DEFAULT 'none');
    SELECT relation, count(*) FROM bastion.records_bind() GROUP BY relation;
    SELECT count(*) FROM bastion.protect('shop.documents', owner_column => 'owner_id', tenant_fk => true);
    SELECT status FROM bastion.protection WHERE relation = 'shop.documents'::regclass}), "shop.documents|2\n1\nok", 'and a table that comes later is bound');
$four->safe_psql('postgres', 'CREATE DATABASE once_more');
$four->command_ok([ 'pg_dump', '-Fc', '-f', "$folder/once_more", 'part' ], 'dumped again');
$four->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'once_more', "$folder/once_more" ], 'restored again');
is($four->safe_psql('once_more', $missing), join("\n", @roles, @missing[ 1, 2 ]), 'and the same is missing');
# The tables of one schema alone, where the extension has none of their records.
$one->command_ok([ 'pg_dump', '-Fd', '-j4', '--schema=shop', '-f', "$folder/schema", 'source' ], 'a dump of one schema');
$four->safe_psql('postgres', 'CREATE ROLE app; CREATE ROLE migrator');
$four->safe_psql('postgres', 'CREATE DATABASE schema');
$four->safe_psql('schema', q{CREATE EXTENSION pg_bastion; SELECT bastion.init(); SELECT bastion.allow_app_role('app');
    INSERT INTO bastion.tenants (name, slug) VALUES ('X', 'x')});
$four->command_checks_all([ 'pg_restore', '-j4', '-d', 'schema', "$folder/schema" ], 1, [qr/^$/],
    [qr/^pg_restore: error: [^\n]* violates foreign key constraint "bastion_tenant_fkey"\n(?!(?s:.*) error: )/], 'is restored by several processes, but for the key to a tenant that is not there');
my $lost = q{FROM bastion.lint() WHERE problem LIKE 'has policies of protect() and no record%'};
is($four->safe_psql('schema', "SELECT object $lost ORDER BY object"), qq(shop."Odd ""name"""\nshop.child\nshop.documents\nshop.numbered\nshop.parent), 'lint() names the tables without a record');
like(answer($four, 'schema', q{SELECT bastion.tenant_delete('x')}), qr/^ERROR:  55000: table .* is protected and has no record/, 'while no tenant can be deleted');
is(answer($four, 'schema', q{SELECT count(*) FROM shop.documents; SET ROLE app; SELECT count(*) FROM shop.documents}), "1\n0", 'and their rows stay closed');
$four->stop;

# DROP EXTENSION drops its tables, and the policies that call it; no table becomes readable by that.
like(answer($two, 'third', 'DROP EXTENSION pg_bastion'), qr/^ERROR:  2BP01: cannot drop extension pg_bastion because other objects depend on it\n/,
    'DROP EXTENSION is refused while something is protected');
like(answer($two, 'third', 'DROP EXTENSION pg_bastion CASCADE', 'notice'), qr/^NOTICE:  .*drop cascades to/, 'CASCADE says what goes');
is($two->safe_psql('third', q{SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'bastion%'}), 0, 'both schemas are gone');
is($two->safe_psql('third', q{SELECT (SELECT count(*) FROM pg_policy), (SELECT count(*) FROM pg_event_trigger)}), '0|0', 'with policies and guard');
is($two->safe_psql('third', 'SELECT count(*) FROM shop.documents'), 1, 'the rows are there');
is($two->safe_psql('third', 'SET ROLE app; SELECT count(*) FROM shop.documents; SELECT count(*) FROM shop.parent'), "0\n0", 'and row security keeps them closed');
like(answer($two, 'third', q{INSERT INTO shop.documents (id) VALUES (9)}), qr/^ERROR:  23502|^$/, 'no default is left that fails');
is($two->safe_psql('third', q{SET client_min_messages = warning; CREATE EXTENSION pg_bastion; SELECT count(*) FROM bastion.users}), 0, 'a new extension begins empty');

$_->stop for $one, $two, $three;
done_testing();

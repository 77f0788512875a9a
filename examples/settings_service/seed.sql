-- The old service's tables as they were exported, and what becomes of them. Its passwords are two texts, base64 of hash and of
-- salt, PBKDF2-SHA256 with 480,000 iterations; its sensitive values base64 of nonce, ciphertext and tag, AES-256-GCM under a key
-- that its environment held. Passwords: "sam keeps the keys", "mona edits at noon", "rita only reads", "lars was locked out".

CREATE TEMPORARY TABLE old_users (id integer, username text, email text, full_name text, password_hash text, password_salt text,
                                  is_locked boolean, created_at timestamptz, roles text[]);
INSERT INTO old_users VALUES
    (1, 'sam', 'Sam@Company.example', 'Sam Super', 'bAxgOzO0au/LebyATN60ejNPCuy+qDsz9CVfNVlrPbc=', '10fOTGLhTQhb3BNrsVn7FQ==', false, '2024-01-05', '{super_admin}'),
    (2, 'Mona', 'mona@COMPANY.example', 'Mona Editor', '/ppqfvTMixzIoOJcM82IF21xriozNifqSOluIltRsts=', 'U5fMBBLwbGdvAqHFrIUywg==', false, '2024-02-06', '{editor,manager}'),
    (3, 'rita', 'rita@company.example', 'Rita Reader', 'pFquxO6a8giB1exkGrIMe4tMdtvJo08aB9JLfx4QL1w=', 'CFr2yVgvi2FODK2BawLbfQ==', false, '2024-03-07', '{reader}'),
    (4, 'lars L', 'lars@company.example', 'Lars Locked', 'nF+XSjMIz3hyRbYuT4b1sDmzVXtbH5sA+mxoRHWFrwI=', '1sQxGi0K3uYHat147IKVJw==', true, '2024-04-08', '{editor}');
CREATE TEMPORARY TABLE old_settings (key text, category text, environment text, value text, encrypted_value text);
INSERT INTO old_settings VALUES
    ('mail.sender', 'mail', 'production', '"hello@company.example"', NULL),
    ('mail.retries', 'mail', 'production', '3', NULL),
    ('mail.retries', 'mail', 'staging', '0', NULL),
    ('payments.api_key', 'payments', 'production', NULL, 'xCwNVaE19+3cxArLozXoDUYsaY29wcoBe5a2GZbSNWim/m5m7ykpvDuFlsIR+vwTf4ixZNXMH3nygAw='),
    ('mail.password', 'mail', 'production', NULL, 'Vp5QEG1AaaPKlfxFjzwEIU25IlhsFR2aQBWstfPcT7yxbJRvkBD5LIB3yBfO');
-- In earnest: \getenv old_key ENCRYPTION_KEY
\set old_key '\\x404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f'

-- The four roles, for every tenant. Who holds super_admin also manages members.
INSERT INTO bastion.roles (id, name, description) VALUES
    ('54000000-0000-4000-8000-000000000001', 'super_admin', 'Everything'),
    ('54000000-0000-4000-8000-000000000002', 'manager', 'Settings, flags and people, nothing sealed'),
    ('54000000-0000-4000-8000-000000000003', 'editor', 'Reads and writes'),
    ('54000000-0000-4000-8000-000000000004', 'reader', 'Reads');
INSERT INTO bastion.role_permissions (role_id, pattern)
SELECT r.id, unnest(p.patterns)
FROM (VALUES ('super_admin', '{settings.*, feature_flags.*, users.*, audit.*, tenant.members.*, tenant.api_keys.manage, tenant.events.read}'::text[]),
             ('manager', '{settings.read, settings.write, settings.delete, feature_flags.*, users.read, users.write, users.admin, audit.*}'),
             ('editor', '{settings.read, settings.write, feature_flags.read, feature_flags.write, users.read, users.write, audit.append}'),
             ('reader', '{settings.read, feature_flags.read, users.read}')) AS p (role, patterns)
JOIN bastion.roles r ON r.name = p.role AND r.tenant_id IS NULL;

INSERT INTO bastion.tenants (id, name, slug) VALUES
    ('54000000-0000-4000-8000-00000000000a', 'Company', 'company'), ('54000000-0000-4000-8000-00000000000b', 'Outsider', 'outsider');

-- Users come with their passwords. A user name that is none is mended, an address is in lower case, who is locked is disabled.
INSERT INTO bastion.users (id, email, username, display_name, status, created_at)
SELECT md5('settings service/' || o.id)::uuid, lower(o.email), regexp_replace(lower(o.username), '[^a-z0-9._-]', '_', 'g'), o.full_name,
       CASE WHEN o.is_locked THEN 'disabled' ELSE 'active' END, o.created_at
FROM old_users o;
INSERT INTO bastion.user_passwords (user_id, hash)
SELECT md5('settings service/' || o.id)::uuid, format('$bastion-pbkdf2-sha256$i=480000$%s$%s', o.password_salt, o.password_hash) FROM old_users o;

-- One role a user; who had several has one of the company's own that inherits from them.
INSERT INTO bastion.roles (tenant_id, name, description)
SELECT DISTINCT '54000000-0000-4000-8000-00000000000a'::uuid, array_to_string(o.roles, ' and '), 'Several roles of the old service'
FROM old_users o WHERE cardinality(o.roles) > 1;
INSERT INTO bastion.role_parents (role_id, parent_id)
SELECT DISTINCT own.id, parent.id
FROM old_users o JOIN bastion.roles own ON own.name = array_to_string(o.roles, ' and ')
JOIN bastion.roles parent ON parent.name = ANY (o.roles) AND parent.tenant_id IS NULL
WHERE cardinality(o.roles) > 1;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT md5('settings service/' || o.id)::uuid, '54000000-0000-4000-8000-00000000000a', r.id
FROM old_users o JOIN bastion.roles r ON r.name = array_to_string(o.roles, ' and ');

-- A company has an owner besides, as every tenant does; and so has the other one.
INSERT INTO bastion.users (email, username) VALUES ('olga@company.example', 'olga'), ('oscar@outsider.example', 'oscar');
INSERT INTO bastion.user_passwords (user_id, hash)
SELECT u.id, bastion.password_hash('correct horse battery') FROM bastion.users u WHERE u.username IN ('olga', 'oscar');
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT u.id, t.id, r.id
FROM (VALUES ('olga', 'company'), ('oscar', 'outsider')) AS m (username, slug)
JOIN bastion.users u USING (username) JOIN bastion.tenants t USING (slug) JOIN bastion.roles r ON r.name = 'owner' AND r.system;

INSERT INTO settings_service.profiles (tenant_id, user_id, full_name)
SELECT '54000000-0000-4000-8000-00000000000a', md5('settings service/' || o.id)::uuid, o.full_name FROM old_users o;

-- Settings, in the name of the owner, so that the history names somebody; what was encrypted is sealed anew without a plaintext on
-- the way, bound to its setting.
BEGIN;
SELECT bastion.impersonate('olga', '54000000-0000-4000-8000-00000000000a',
                           'import from the old service', read_only => false) AS olga;
INSERT INTO settings_service.settings (id, environment, category, key, value, sealed_value)
SELECT x.id, o.environment, o.category, o.key, o.value::jsonb,
       CASE WHEN o.encrypted_value IS NOT NULL
            THEN bastion.import_aes_gcm(bastion.tenant_id(), o.encrypted_value, :'old_key'::bytea, 'settings', x.id::text) END
FROM old_settings o, LATERAL (SELECT md5(o.environment || '/' || o.key)::uuid) AS x (id);
COMMIT;
SELECT bastion.sealed_column_add('settings_service.settings', 'sealed_value', 'id::text'),
       bastion.sealed_column_add('settings_service.settings_history', 'old_sealed', 'setting_id::text'),
       bastion.sealed_column_add('settings_service.settings_history', 'new_sealed', 'setting_id::text');
SELECT bastion.flag_set_for('54000000-0000-4000-8000-00000000000a', key, jsonb_build_object('state', CASE WHEN enabled THEN 'ENABLED' ELSE 'DISABLED' END,
                                'variants', '{"on": true, "off": false}'::jsonb, 'defaultVariant', 'off'), 'production'),
       bastion.flag_rollout_for('54000000-0000-4000-8000-00000000000a', key, 'on', percent, roles => roles, environment => 'production')
FROM (VALUES ('new_editor', true, 30, '{}'::text[]), ('reports', true, 0, '{reader}'), ('dark_mode', false, 100, '{}')) f (key, enabled, percent, roles);
DROP TABLE old_users, old_settings;

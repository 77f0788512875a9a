-- Secrets of another system: what is checked, where they go, that nothing changes the second time, and that no value is told.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA oldsecrets;
CREATE FUNCTION oldsecrets.tried(secrets jsonb) RETURNS text LANGUAGE sql
AS $$ SELECT string_agg(concat_ws(' ', i.line, i.outcome, '(' || i.reason || ')'), ', ' ORDER BY i.line) FROM bastion.import_secrets(secrets, dry_run => true) i $$;
CREATE FUNCTION oldsecrets.line(change jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_strip_nulls('{"tenant": "old-secrets", "name": "mail", "value": "attack at dawn"}' || change) $$;
SELECT bastion_api.signup('ann@oldsecrets.example', 'correct horse', 'Old secrets', 'Ann') AS ann \gset
SELECT bastion_api.signup('bob@oldsecrets.example', 'correct horse', 'Secrets of Bob', 'Bob') AS bob \gset
SELECT :'ann'::jsonb #>> '{tenant,id}' AS tenant, :'ann'::jsonb ->> 'access_token' AS ann_token \gset

-- one wrong thing each
SELECT change, oldsecrets.tried(jsonb_build_array(oldsecrets.line(change)))
FROM unnest(ARRAY['{}', '{"tenant": null}', '{"tenant": "nowhere"}', '{"name": null}', '{"name": ""}', '{"name": 5}', '{"value": null}', '{"bytes": "00"}', '{"value": null, "bytes": "0"}', '{"value": null, "bytes": "zz"}',
    '{"value": null, "bytes": 5}', '{"value": null, "bytes": ""}', '{"value": ""}', '{"value": 5}', '{"value": {"a": null}}', '{"value": null, "bytes": "0x00ff"}', '{"unit": "nowhere"}', '{"unit": "default"}', '{"user": "nobody@oldsecrets.example"}',
    '{"user": "bob@oldsecrets.example"}', '{"user": "ann@oldsecrets.example"}', '{"user": "ann@oldsecrets.example", "unit": "default"}', '{"provider": ""}', '{"type": ""}', '{"tags": "a"}', '{"tags": [1]}', '{"tags": ["a"]}', '{"metadata": []}',
    '{"metadata": {"a": 1}}', '{"expires_at": "soon"}', '{"expires_at": "infinity"}', '{"valeu": "x"}']::jsonb[]) change;
SELECT oldsecrets.tried(jsonb_build_array(oldsecrets.line(jsonb_build_object('tags', (SELECT jsonb_agg('t' || n) FROM generate_series(1, 51) n))))) AS many_tags,
       oldsecrets.tried(jsonb_build_array(oldsecrets.line(jsonb_build_object('metadata', jsonb_build_object('a', repeat('x', 17000)))))) AS much_metadata;
SELECT oldsecrets.tried('[1, null, [], "x", {}]') AS no_objects, oldsecrets.tried(jsonb_build_array(oldsecrets.line('{}'), oldsecrets.line('{"value": "other"}'), oldsecrets.line('{"unit": "default"}'))) AS twice;
SELECT test.error($$SELECT bastion.import_secrets(NULL)$$), test.error($$SELECT bastion.import_secrets('[]', NULL)$$), test.error($$SELECT bastion.import_secrets('{}')$$), test.error($$SELECT bastion.import_secrets_from(NULL)$$),
       test.error($$SELECT bastion.import_secrets_from(5)$$), test.error($$SELECT bastion.import_secrets_from('bastion.users_pkey')$$);
SELECT * FROM bastion.import_secrets('[]');
-- all or nothing, and no value in the error
\set VERBOSITY default
SELECT * FROM bastion.import_secrets(jsonb_build_array(oldsecrets.line('{}'), oldsecrets.line('{"name": "other", "tags": "attack at noon"}')));
\set VERBOSITY terse
SELECT count(*) AS nothing FROM bastion.secrets s WHERE s.tenant_id = :'tenant';

-- a table of the old system
CREATE TABLE oldsecrets.rows (tenant text, unit text, "user" text, name text, value text, bytes bytea, provider text, type text, tags text[], metadata jsonb, expires_at timestamptz);
INSERT INTO oldsecrets.rows VALUES
    ('old-secrets', NULL, NULL, 'smtp', 'attack at dawn', NULL, 'mailer', 'password', '{a,b}', '{"port": 25, "gone": null}', '2100-01-01'),
    ('old-secrets', 'default', NULL, 'smtp', 'attack at noon', NULL, NULL, NULL, NULL, NULL, NULL),
    ('old-secrets', NULL, 'ann@oldsecrets.example', 'smtp', 'attack at dusk', NULL, NULL, NULL, '{}', '{}', 'infinity'),
    ('old-secrets', NULL, NULL, 'der', NULL, decode('00ff5c', 'hex'), NULL, NULL, NULL, NULL, NULL),
    ('secrets-of-bob', NULL, NULL, 'smtp', 'of Bob', NULL, NULL, NULL, NULL, NULL, NULL);
SELECT * FROM bastion.import_secrets_from('oldsecrets.rows', dry_run => true);
SELECT count(*) AS nothing FROM bastion.secrets s WHERE s.tenant_id = :'tenant';
SELECT * FROM bastion.import_secrets_from('oldsecrets.rows');
SELECT outcome FROM bastion.import_secrets(jsonb_build_array(oldsecrets.line('{"name": "json", "value": {"user": "x", "none": null}}')));
SELECT s.name, u.slug AS unit, o.email AS owner, s.provider, s.type, s.tags, s.metadata, s.expires_at, s.version, v.format, s.created_by
FROM bastion.secrets s JOIN bastion.secret_versions v ON v.secret_id = s.id LEFT JOIN bastion.units u ON u.id = s.unit_id LEFT JOIN bastion.users o ON o.id = s.owner_id WHERE s.tenant_id = :'tenant' ORDER BY 1, 2, 3;
BEGIN;
SET LOCAL ROLE regress_app;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ok;
SELECT bastion.secret_get('smtp'), bastion.secret_get('smtp', unit => 'default') AS of_unit, bastion.secret_get('smtp', own => true) AS own, bastion.secret_get_bytea('der'), bastion.secret_get_jsonb('json');
COMMIT;
SELECT l.action, count(*) FROM bastion.secret_access_log l WHERE l.tenant_id = :'tenant' GROUP BY 1 ORDER BY 1;
-- the second time
UPDATE oldsecrets.rows SET value = 'another value' WHERE value IS NOT NULL;
CREATE TABLE oldsecrets.kept AS SELECT v.* FROM bastion.secret_versions v JOIN bastion.secrets s ON s.id = v.secret_id WHERE s.tenant_id = :'tenant';
SELECT * FROM bastion.import_secrets_from('oldsecrets.rows');
SELECT count(*) AS changed FROM (SELECT v.secret_id, v.version FROM bastion.secret_versions v JOIN bastion.secrets s ON s.id = v.secret_id WHERE s.tenant_id = :'tenant' EXCEPT SELECT k.secret_id, k.version FROM oldsecrets.kept k) c;
SELECT detail - 'role' AS detail FROM bastion.events WHERE kind = 'secrets_imported' ORDER BY id;

-- for operators alone
SET ROLE regress_app;
SELECT test.error($$SELECT bastion.import_secrets('[]')$$), test.error($$SELECT bastion.import_secrets_from('pg_class')$$);
RESET ROLE;
SELECT count(*) FROM bastion.tenant_delete('old-secrets');
SELECT count(*) FROM bastion.tenant_delete('secrets-of-bob');
DELETE FROM bastion.users WHERE email LIKE '%@oldsecrets.example';
DROP SCHEMA oldsecrets CASCADE;

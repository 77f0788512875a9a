-- The state that must not change, whatever calls A's people and the roles of applications and migrations make.

-- The rows of B, table by table: found by the tenant column if the table has one, else by its references, so that a future
-- table of the extension is included.
CREATE TABLE fz.watched (relation regclass PRIMARY KEY, condition text NOT NULL);
DO $$
DECLARE
    b text := quote_literal(fz.make_id('a', 2));
    found_one record;
    added bigint := 1;
BEGIN
    INSERT INTO fz.watched VALUES ('bastion.tenants', format('id = %s', b)),
        ('bastion.users', format('id IN (%L, %L, %L, %L)', fz.make_id('e', 11), fz.make_id('e', 12), fz.make_id('e', 13), fz.make_id('e', 14))),
        ('fz.wide', 'tenant_id = 102'), (to_regclass($n$fz."od""d'; name\"$n$), format('"ten;ant" = %s', b));
    FOR found_one IN
        SELECT c.oid::regclass AS name FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace IN ('bastion'::regnamespace, 'bastion_api'::regnamespace, 'bastion_internal'::regnamespace, 'bastion_test'::regnamespace, 'fz'::regnamespace) AND c.relkind IN ('r', 'p')
          AND NOT c.relispartition
        GROUP BY c.oid HAVING bool_or(a.attname = 'tenant_id' AND a.atttypid = 'uuid'::regtype)
    LOOP
        INSERT INTO fz.watched VALUES (found_one.name, format('tenant_id = %s', b));
    END LOOP;
    WHILE added > 0 LOOP
        INSERT INTO fz.watched
        SELECT c.conrelid, string_agg(format('(%s) IN (SELECT %s FROM %s WHERE %s)', k.own, k.theirs, c.confrelid::regclass, w.condition), ' OR ')
        FROM pg_constraint c JOIN fz.watched w ON w.relation = c.confrelid,
             LATERAL (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY n) AS own, string_agg(quote_ident(f.attname), ', ' ORDER BY n) AS theirs
                      FROM unnest(c.conkey, c.confkey) WITH ORDINALITY u (mine, yours, n)
                      JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = mine
                      JOIN pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = yours) k
        WHERE c.contype = 'f' AND c.connamespace IN ('bastion'::regnamespace, 'bastion_api'::regnamespace, 'bastion_internal'::regnamespace, 'bastion_test'::regnamespace)
        GROUP BY c.conrelid
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS added = ROW_COUNT;
    END LOOP;
END
$$;
-- A refused login is recorded with the user that it named, and a load by the owner of a table may create the default ACL of
-- an owner, or that of rows without one.
UPDATE fz.watched SET condition = format('%s AND id <= %s', condition, (SELECT max(id) FROM bastion.events)) WHERE relation = 'bastion.events'::regclass;
-- An owner of a table who puts it under audit writes entries of each tenant whose rows the owner loads.
UPDATE fz.watched SET condition = format('%s AND occurred_at <= %L', condition, now()) WHERE relation = 'bastion.audit_rows'::regclass;
UPDATE fz.watched SET condition = condition || ' AND kind NOT IN (''user'', ''nobody'')' WHERE relation = 'bastion.acls'::regclass;
-- Rows without a tenant, and the protection of foreign tables.
INSERT INTO fz.watched
SELECT r::regclass, 'true' FROM unnest(ARRAY['bastion.peppers', 'bastion.signing_keys', 'bastion.vault', 'bastion.issuers', 'bastion.level_actions',
                                             'bastion.guarded_schemas', 'bastion.operator_roles', 'bastion.sealed_columns']) r
UNION ALL
SELECT r::regclass, 'relation IN (SELECT oid FROM pg_class WHERE relnamespace = ''fz''::regnamespace)'
FROM unnest(ARRAY['bastion.protected_tables', 'bastion.protected_columns', 'bastion.global_tables']) r
ON CONFLICT (relation) DO UPDATE SET condition = excluded.condition;

-- The catalogue: privileges, and the definition of the extension and of foreign tables.
CREATE VIEW fz.catalogue AS
WITH ours AS (SELECT n.oid FROM pg_namespace n WHERE n.nspname IN ('bastion', 'bastion_api', 'bastion_internal', 'bastion_test', 'fz', 'evil', 'public'))
SELECT 'functions' AS part, md5(string_agg(p.oid || '/' || p.xmin, ' ' ORDER BY p.oid)) AS sum FROM pg_proc p WHERE p.pronamespace IN (TABLE ours)
UNION ALL
SELECT 'relations', md5(string_agg(c.oid || '/' || c.xmin, ' ' ORDER BY c.oid))
FROM pg_class c WHERE c.relnamespace IN (TABLE ours)
UNION ALL
SELECT 'columns', md5(string_agg(a.attnum || '/' || a.xmin, ' ' ORDER BY a.attrelid, a.attnum))
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace IN (TABLE ours)
UNION ALL
SELECT 'policies', md5(string_agg(p.oid || '/' || p.xmin, ' ' ORDER BY p.oid)) FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE c.relnamespace IN (TABLE ours)
UNION ALL
SELECT 'triggers', md5(string_agg(t.oid || '/' || t.xmin, ' ' ORDER BY t.oid)) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace IN (TABLE ours)
  -- a foreign key of mig to a table of the extension has triggers there
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.oid = t.tgconstraint AND k.connamespace NOT IN (TABLE ours))
UNION ALL
SELECT 'roles', md5(concat((SELECT string_agg(r::text, ' ' ORDER BY r.oid) FROM pg_roles r), (SELECT string_agg(m::text, ' ' ORDER BY m.roleid, m.member) FROM pg_auth_members m)))
UNION ALL
SELECT 'schemas', md5(string_agg(n::text, ' ' ORDER BY n.oid)) FROM pg_namespace n WHERE n.nspname !~ '^pg_(toast_)?temp_'
UNION ALL
SELECT 'others', concat((SELECT count(*) FROM pg_event_trigger), ' ', (SELECT count(*) FROM pg_cast WHERE oid > 16383), ' ',
                        (SELECT count(*) FROM pg_default_acl), ' ', (SELECT count(*) FROM pg_operator WHERE oid > 16383));

-- All of that in one statement.
CREATE VIEW fz.fingerprint_statement AS
SELECT string_agg(format('SELECT %L AS part, count(*) || '' '' || md5(string_agg(t::text, '' '' ORDER BY t::text)) AS sum FROM %s t WHERE %s',
                         w.relation, w.relation, w.condition), ' UNION ALL ' ORDER BY w.relation::text) || ' UNION ALL SELECT * FROM fz.catalogue' AS text
FROM fz.watched w;

-- The state of a session that a call must not change, with its locks or without. The path is an argument, because this function pins its
-- own.
CREATE FUNCTION fz.session_state(path text, locks boolean) RETURNS text LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT concat_ws(E'\n', 'search_path=' || path, 'current_user=' || current_user, 'session_user=' || session_user,
                     'role=' || current_setting('role'),
                     (SELECT string_agg(s.name || '=' || s.setting, E'\n' ORDER BY s.name) FROM pg_show_all_settings() s WHERE s.name <> 'search_path'),
                     'cursors=' || (SELECT count(*) FROM pg_cursors),
                     'advisory=' || (SELECT count(*) FROM pg_locks l WHERE locks AND l.pid = pg_backend_pid() AND l.locktype IN ('advisory', 'userlock')),
                     'channels=' || (SELECT count(*) FROM pg_listening_channels()))
$$;
GRANT EXECUTE ON FUNCTION fz.session_state(text, boolean) TO PUBLIC;

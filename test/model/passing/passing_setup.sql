-- The database of the passing test: one tenant, whose members pass on what they hold. passing.reset() makes it anew for each
-- round, with fixed ids; passing_world.cpp reads it back through passing.dump().
CREATE EXTENSION pg_bastion;
DO $$
BEGIN
    PERFORM bastion.root_key_id();
EXCEPTION WHEN SQLSTATE 'BA001' THEN
    PERFORM bastion.init();
END
$$;
DO $$
BEGIN
    IF to_regrole('passing_app') IS NULL THEN
        CREATE ROLE passing_app LOGIN;
    END IF;
END
$$;
SELECT bastion.allow_app_role('passing_app');
CREATE SCHEMA passing;
GRANT USAGE ON SCHEMA passing TO passing_app;
CREATE TABLE passing.docs (id integer PRIMARY KEY, tenant uuid, owner uuid);
CREATE TABLE passing.tokens (person integer PRIMARY KEY, token text);
CREATE TABLE passing.kept (name text PRIMARY KEY, value text);  -- keys and tokens of invitations, by the step that made them
GRANT SELECT, INSERT, UPDATE, DELETE ON passing.docs TO passing_app;
GRANT SELECT ON passing.tokens TO passing_app;
GRANT SELECT, INSERT, UPDATE ON passing.kept TO passing_app;
CREATE FUNCTION passing.keep(name text, value text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO passing.kept VALUES (name, value) ON CONFLICT ON CONSTRAINT kept_pkey DO UPDATE SET value = excluded.value
$$;
SELECT bastion.resource_register('notes', '{read,update,later,manage}');
SELECT count(*) FROM bastion.protect('passing.docs', tenant_column => 'tenant', owner_column => 'owner', resource => 'docs', sharing => 'tenant', visibility => 'owner');

CREATE FUNCTION passing.person(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT ('00000000-0000-4000-8000-00000000010' || n)::uuid $$;
CREATE FUNCTION passing.unit(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT ('b0000000-0000-4000-8000-00000000000' || n)::uuid $$;
CREATE FUNCTION passing.role(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN n < 6 THEN ('ba571000-0000-4000-8000-00000000000' || n + 1)::uuid ELSE ('c0000000-0000-4000-8000-00000000000' || n)::uuid END
$$;
CREATE FUNCTION passing.tenant() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT 'a0000000-0000-4000-8000-000000000000'::uuid $$;

CREATE FUNCTION passing.reset() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM passing.docs;
    DELETE FROM passing.kept;
    DELETE FROM bastion.tenants;
    DELETE FROM bastion.platform_roles;
    DELETE FROM bastion.acls;
    INSERT INTO bastion.tenants (id, number, name, slug) OVERRIDING SYSTEM VALUE VALUES (passing.tenant(), 1000, 'Acme', 'acme');
    INSERT INTO bastion.users (id, email) SELECT passing.person(n), 'p' || n || '@passing.example' FROM generate_series(0, 5) n ON CONFLICT DO NOTHING;
    INSERT INTO bastion.units (id, tenant_id, kind, name, slug) SELECT passing.unit(n), passing.tenant(), 'team', 'unit ' || n, 'unit-' || n FROM generate_series(0, 4) n;
    INSERT INTO bastion.unit_parents (unit_id, tenant_id, parent_id)
    SELECT passing.unit(c), passing.tenant(), passing.unit(p) FROM (VALUES (1, 0), (2, 1), (4, 3)) v (c, p);
    INSERT INTO bastion.roles (id, tenant_id, name) SELECT passing.role(n), passing.tenant(), 'role ' || n FROM generate_series(6, 8) n;
    -- 0 owns the tenant, 1 and 2 are its admins, one of them for a time, 3 leads unit 0, 4 is a member and 5 nobody
    INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id, valid_until)
    SELECT passing.person(p), passing.tenant(), passing.unit(u), passing.role(r), t
    FROM (VALUES (0, NULL::integer, 0, NULL::timestamptz), (1, NULL, 1, '2092-01-01Z'), (2, NULL, 1, NULL), (3, 0, 1, NULL), (4, NULL, 3, NULL)) v (p, u, r, t);
    -- rows of units, of their owners, and of the tenant
    INSERT INTO passing.docs (id, tenant, owner, acl_id)
    SELECT n, passing.tenant(), passing.person(n), u.acl_id FROM generate_series(0, 3) n JOIN bastion.units u ON u.id = passing.unit(n)
    UNION ALL SELECT 4 + n, passing.tenant(), m.user_id, m.acl_id FROM generate_series(0, 2) n JOIN bastion.memberships m ON m.user_id = passing.person(n + 2)
    UNION ALL SELECT 7, t.id, NULL, t.acl_id FROM bastion.tenants t;
END
$$;

-- All data that decides about rights, one line each: a letter, then numbers and texts. Times are years, 0 for the beginning
-- and 9999 for the end of time.
CREATE FUNCTION passing.year(t timestamptz, otherwise integer) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN isfinite(t) THEN greatest(extract(year FROM t AT TIME ZONE 'UTC')::integer, 1) WHEN t = '-infinity' THEN 0 WHEN t = 'infinity' THEN 9999 ELSE otherwise END
$$;
CREATE FUNCTION passing.number(id uuid) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT coalesce(right(id::text, 1), '-') $$;
CREATE FUNCTION passing.role_number(id uuid) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN id::text LIKE 'ba%' THEN (right(id::text, 1)::integer - 1)::text ELSE right(id::text, 1) END
$$;
-- The invitation by id that a person has there; the application gets its id from bastion_api.my_invitations().
CREATE FUNCTION passing.invitation(person uuid, unit uuid) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT i.id FROM bastion.invitations i
    WHERE i.user_id = person AND i.unit_id IS NOT DISTINCT FROM unit AND i.accepted_at IS NULL AND i.revoked_at IS NULL
$$;
-- PL/pgSQL keeps its plan.
CREATE FUNCTION passing.dump() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT concat_ws(' ', 'm', passing.number(user_id), passing.number(unit_id), passing.role_number(role_id), passing.year(valid_from, 0), passing.year(valid_until, 9999)) FROM bastion.memberships
    UNION ALL SELECT concat_ws(' ', 'r', passing.number(user_id), passing.number(unit_id), effect, passing.year(valid_from, 0), passing.year(valid_until, 9999), pattern) FROM bastion.user_permissions
    UNION ALL SELECT concat_ws(' ', 'o', passing.number(user_id), passing.role_number(role_id), passing.year(valid_from, 0), passing.year(valid_until, 9999)) FROM bastion.platform_roles
    UNION ALL SELECT concat_ws(' ', 'g', passing.role_number(role_id), pattern) FROM bastion.role_permissions
    UNION ALL SELECT concat_ws(' ', 'i', passing.role_number(role_id), passing.role_number(parent_id)) FROM bastion.role_parents
    UNION ALL SELECT concat_ws(' ', 'u', passing.number(u.id), passing.number(p.parent_id)) FROM bastion.units u LEFT JOIN bastion.unit_parents p ON p.unit_id = u.id
    UNION ALL SELECT concat_ws(' ', 'd', d.id, a.id, coalesce(b.id, a.id), coalesce(b.kind, a.kind), passing.number(coalesce(b.unit_id, a.unit_id)), passing.number(coalesce(b.user_id, a.user_id)))
              FROM passing.docs d JOIN bastion.acls a ON a.id = d.acl_id LEFT JOIN bastion.acls b ON b.id = a.base_acl_id
    UNION ALL SELECT concat_ws(' ', 'e', e.acl_id, e.subject_kind, CASE e.subject_kind WHEN 'role' THEN passing.role_number(e.subject_id) ELSE passing.number(e.subject_id) END, e.level, passing.year(e.valid_until, 9999)) FROM bastion.acl_entries e
    UNION ALL SELECT concat_ws(' ', 'n', passing.number(unit_id), passing.role_number(role_id), passing.number(invited_by), coalesce(substr(email, 2, 1), passing.number(user_id)), CASE WHEN email IS NULL THEN 'id' ELSE 'mail' END)
              FROM bastion.invitations WHERE accepted_at IS NULL AND revoked_at IS NULL
    UNION ALL SELECT concat_ws(' ', 'k', k.name, passing.number(k.user_id), passing.number(k.unit_id), passing.year(k.expires_at, 9999), array_to_string(k.scopes, ',')) FROM bastion.api_keys k;
END
$$;


-- Users of another system, with their password hashes and memberships. For operators: EXECUTE is granted to nobody, and everything
-- here runs with the rights of its caller, except the reading of a relation, which is its owner's.

CREATE FUNCTION bastion_internal.imported_place(place jsonb, OUT tenant_id uuid, OUT unit_id uuid, OUT role_id uuid, OUT valid_from timestamptz,
                                                OUT valid_until timestamptz, OUT problem text)
RETURNS record
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_number bigint;
    is_new boolean;
BEGIN
    problem := bastion_internal.field_problem(place, '{tenant,tenant_id,tenant_name,unit,role,valid_from,valid_until}', '{tenant_number}');
    IF problem IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT t.id, t.number INTO tenant_id, found_number FROM bastion.tenants t WHERE t.id = bastion_internal.find_tenant(place ->> 'tenant');
    is_new := tenant_id IS NULL AND place ->> 'tenant_name' IS NOT NULL;
    unit_id := bastion_internal.find_unit(tenant_id, place ->> 'unit');
    role_id := bastion_internal.find_role(tenant_id, place ->> 'role');
    valid_from := bastion_internal.time_or_null(place ->> 'valid_from');
    valid_until := bastion_internal.time_or_null(place ->> 'valid_until');
    problem := CASE
        WHEN tenant_id IS NULL AND NOT is_new THEN 'unknown tenant'
        WHEN is_new AND bastion.is_slug(place ->> 'tenant') IS NOT TRUE THEN 'the tenant has no valid slug'
        WHEN is_new AND NOT bastion_internal.is_label(btrim(place ->> 'tenant_name')) THEN 'the name of the tenant is invalid'
        WHEN coalesce(place ->> 'tenant_number', '1') !~ '^[1-9][0-9]{0,17}$' THEN 'the number of the tenant is invalid'
        WHEN is_new AND EXISTS (SELECT FROM bastion.tenants t WHERE t.number = (place ->> 'tenant_number')::bigint)
            THEN 'the number of the tenant is taken'
        WHEN NOT is_new AND (place ->> 'tenant_number')::bigint <> found_number THEN 'the tenant has another number'
        WHEN place ->> 'tenant_id' IS NOT NULL AND bastion_internal.uuid_or_null(place ->> 'tenant_id') IS NULL THEN 'the id of the tenant is no uuid'
        WHEN is_new AND EXISTS (SELECT FROM bastion.tenants t WHERE t.id = bastion_internal.uuid_or_null(place ->> 'tenant_id')) THEN 'the id of the tenant is taken'
        WHEN NOT is_new AND bastion_internal.uuid_or_null(place ->> 'tenant_id') <> tenant_id THEN 'the tenant has another id'
        WHEN role_id IS NULL THEN 'unknown role'
        WHEN unit_id IS NULL AND place ->> 'unit' IS NOT NULL AND NOT (is_new AND place ->> 'unit' = 'default') THEN 'unknown unit'
        WHEN valid_from IS NULL AND place ->> 'valid_from' IS NOT NULL OR valid_until IS NULL AND place ->> 'valid_until' IS NOT NULL
            THEN 'a time of the membership is invalid'
        WHEN valid_until <= valid_from THEN 'the membership ends before it begins' END;
END
$$;
COMMENT ON FUNCTION bastion_internal.imported_place(jsonb) IS
'What a membership of an imported user means, and why it cannot be one. tenant_id is NULL for a tenant that has still to be created.';

CREATE FUNCTION bastion_internal.import_memberships(given jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE WHEN jsonb_typeof(given -> 'memberships') = 'array' THEN given -> 'memberships' ELSE '[]' END $$;
COMMENT ON FUNCTION bastion_internal.import_memberships(jsonb) IS 'The memberships of an imported user, as an array.';

CREATE FUNCTION bastion_internal.import_check(users jsonb)
RETURNS TABLE (line bigint, given jsonb, id uuid, email text, username text, created_at timestamptz, email_verified_at timestamptz, problem text,
              known boolean)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 10000
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
    WITH given AS MATERIALIZED (
        SELECT u.line, u.given, bastion_internal.uuid_or_null(u.given ->> 'id') AS id, lower(btrim(u.given ->> 'email') COLLATE "C") AS email,
               lower(btrim(u.given ->> 'username') COLLATE "C") AS username, bastion_internal.time_or_null(u.given ->> 'created_at') AS created_at,
               bastion_internal.time_or_null(u.given ->> 'email_verified_at') AS email_verified_at,
               bastion_internal.import_memberships(u.given) AS memberships
        FROM jsonb_array_elements(users) WITH ORDINALITY u (given, line)
    ), places AS MATERIALIZED (
        SELECT d.place, bastion_internal.imported_place(d.place) AS means
        FROM (SELECT DISTINCT m.place FROM given g, jsonb_array_elements(g.memberships) m (place)) d
    ), tenants AS MATERIALIZED (
        SELECT p.place ->> 'tenant' AS slug FROM places p WHERE (p.means).tenant_id IS NULL AND p.place ->> 'tenant' IS NOT NULL
        GROUP BY 1 HAVING count(DISTINCT concat_ws(' ', coalesce(p.place ->> 'tenant_number', '-'), coalesce(bastion_internal.uuid_or_null(p.place ->> 'tenant_id')::text, '-'), btrim(p.place ->> 'tenant_name'))) > 1
    ), numbers AS MATERIALIZED (
        SELECT p.place ->> 'tenant_number' AS number FROM places p WHERE (p.means).tenant_id IS NULL AND p.place ->> 'tenant_number' IS NOT NULL
        GROUP BY 1 HAVING count(DISTINCT p.place ->> 'tenant') > 1
    ), tenant_ids AS MATERIALIZED (
        SELECT bastion_internal.uuid_or_null(p.place ->> 'tenant_id') AS id FROM places p WHERE (p.means).tenant_id IS NULL AND p.place ->> 'tenant_id' IS NOT NULL
        GROUP BY 1 HAVING count(DISTINCT p.place ->> 'tenant') > 1
    ), member AS MATERIALIZED (
        SELECT g.line, min(coalesce((p.means).problem,
                   CASE WHEN p.place ->> 'tenant' IN (SELECT t.slug FROM tenants t) THEN 'the tenant is described in several ways'
                        WHEN (p.means).tenant_id IS NULL AND p.place ->> 'tenant_number' IN (SELECT n.number FROM numbers n)
                        THEN 'two tenants have the same number'
                        WHEN (p.means).tenant_id IS NULL AND bastion_internal.uuid_or_null(p.place ->> 'tenant_id') IN (SELECT i.id FROM tenant_ids i)
                        THEN 'two tenants have the same id' END)) AS problem,
               count(*) > count(DISTINCT concat_ws(' ', coalesce((p.means).tenant_id::text, p.place ->> 'tenant'), coalesce((p.means).unit_id::text, p.place ->> 'unit'), (p.means).role_id)) AS twice
        FROM given g, jsonb_array_elements(g.memberships) m (place) JOIN places p ON p.place = m.place
        GROUP BY g.line
    ), names AS MATERIALIZED (
        SELECT g.username AS name FROM given g WHERE g.username IS NOT NULL GROUP BY 1 HAVING count(*) > 1
    ), addresses AS MATERIALIZED (
        SELECT g.email AS name FROM given g WHERE g.email IS NOT NULL GROUP BY 1 HAVING count(*) > 1
    ), ids AS MATERIALIZED (
        SELECT g.id FROM given g WHERE g.id IS NOT NULL GROUP BY 1 HAVING count(*) > 1
    )
    SELECT g.line, g.given, g.id, g.email, g.username, g.created_at, g.email_verified_at,
           CASE WHEN k.id IS NULL THEN coalesce(bastion_internal.field_problem(g.given, '{id,email,username,display_name,status,created_at,email_verified_at,password_hash}', '{memberships}'), CASE
               WHEN bastion.is_email(g.email) IS NOT TRUE THEN 'the address is invalid'
               WHEN g.email IN (SELECT a.name FROM addresses a) THEN 'another line has the same address'
               WHEN NOT bastion.is_username(g.username) THEN 'the user name is invalid'
               WHEN g.username IN (SELECT n.name FROM names n) THEN 'another line has the same user name'
               WHEN NOT bastion_internal.is_label(g.given ->> 'display_name') THEN 'the display name is invalid'
               WHEN coalesce(g.given ->> 'status', 'active') NOT IN ('active', 'disabled') THEN 'the status is neither active nor disabled'
               WHEN g.given ->> 'id' IS NOT NULL AND g.id IS NULL THEN 'the id is no uuid'
               WHEN g.id IN (SELECT i.id FROM ids i) THEN 'another line has the same id'
               WHEN g.given ->> 'created_at' IS NOT NULL AND isfinite(g.created_at) IS NOT TRUE THEN 'the time of creation is invalid'
               WHEN g.given ->> 'email_verified_at' IS NOT NULL AND isfinite(g.email_verified_at) IS NOT TRUE THEN 'the time of verification is invalid'
               WHEN NOT bastion_internal.is_password_hash(g.given ->> 'password_hash') THEN 'the password hash cannot be verified'
               WHEN jsonb_typeof(g.given -> 'memberships') NOT IN ('array', 'null') THEN 'memberships are no array'
               WHEN m.problem IS NOT NULL THEN 'membership: ' || m.problem
               WHEN m.twice THEN 'two memberships have the same role in the same place'
               WHEN EXISTS (SELECT FROM bastion.users u WHERE u.username = g.username) THEN 'another account has the user name'
               WHEN EXISTS (SELECT FROM bastion.users u WHERE u.id = g.id) THEN 'another account has the id' END) END,
           k.id IS NOT NULL
    FROM given g LEFT JOIN member m ON m.line = g.line LEFT JOIN bastion.users k ON k.email = g.email
$$;
COMMENT ON FUNCTION bastion_internal.import_check(jsonb) IS
'The users of an import, with address and user name in lower case: why one cannot be imported, and whether the address has an account already.';

CREATE FUNCTION bastion_internal.import_tenants(places jsonb) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made uuid[];
    numbered uuid[];
BEGIN
    -- Nobody takes a number meanwhile.
    LOCK TABLE bastion.tenants IN SHARE ROW EXCLUSIVE MODE;
    WITH inserted AS (
        INSERT INTO bastion.tenants (id, slug, name, number) OVERRIDING SYSTEM VALUE
        SELECT coalesce(w.id, gen_random_uuid()), w.slug, w.name, w.number
        FROM (SELECT DISTINCT (p ->> 'tenant_id')::uuid, p ->> 'tenant', btrim(p ->> 'tenant_name'), (p ->> 'tenant_number')::bigint FROM jsonb_array_elements(places) p
              WHERE p ->> 'tenant_number' IS NOT NULL AND bastion_internal.find_tenant(p ->> 'tenant') IS NULL) w (id, slug, name, number)
        RETURNING id
    ) SELECT array_agg(i.id) INTO numbered FROM inserted i;
    -- Later numbers must be free.
    PERFORM setval('bastion.tenants_number_seq', greatest(max(t.number), (SELECT s.last_value FROM bastion.tenants_number_seq s)))
    FROM bastion.tenants t WHERE t.id = ANY (numbered) HAVING max(t.number) IS NOT NULL;
    WITH inserted AS (
        INSERT INTO bastion.tenants (id, slug, name)
        SELECT coalesce(w.id, gen_random_uuid()), w.slug, w.name
        FROM (SELECT DISTINCT (p ->> 'tenant_id')::uuid, p ->> 'tenant', btrim(p ->> 'tenant_name') FROM jsonb_array_elements(places) p
              WHERE bastion_internal.find_tenant(p ->> 'tenant') IS NULL) w (id, slug, name)
        RETURNING id
    ) SELECT array_agg(i.id) INTO made FROM inserted i;
    INSERT INTO bastion.units (tenant_id, kind, name, slug)
    SELECT t, 'team', 'Default', 'default' FROM unnest(numbered || made) t;
    RETURN coalesce(cardinality(numbered || made), 0);
END
$$;
COMMENT ON FUNCTION bastion_internal.import_tenants(jsonb) IS
'Creates the tenants of these memberships that do not exist, with a default team, and advances the sequence of numbers over theirs. Returns how many.';

CREATE FUNCTION bastion.import_users(users jsonb, dry_run boolean DEFAULT false)
RETURNS TABLE (line bigint, email text, outcome text, reason text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 10000
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    given text := jsonb_typeof(users);
    checked jsonb;
    places jsonb;
    tenants bigint;
    imported bigint;
BEGIN
    PERFORM bastion_internal.import_require(given, dry_run, 'users');
    checked := (SELECT coalesce(jsonb_agg(to_jsonb(c)), '[]') FROM bastion_internal.import_check(users) c);
    IF NOT dry_run THEN
        PERFORM bastion_internal.import_stop(checked, 'users');
        places := (SELECT coalesce(jsonb_agg(DISTINCT m.place), '[]')
                   FROM jsonb_to_recordset(checked) c (known boolean, given jsonb),
                        jsonb_array_elements(bastion_internal.import_memberships(c.given)) m (place)
                   WHERE NOT c.known);
        tenants := CASE WHEN EXISTS (SELECT FROM jsonb_array_elements(places) p WHERE bastion_internal.find_tenant(p ->> 'tenant') IS NULL)
                        THEN bastion_internal.import_tenants(places) ELSE 0 END;
        INSERT INTO bastion.users (id, email, username, display_name, status, created_at, email_verified_at)
        SELECT coalesce(c.id, gen_random_uuid()), c.email, c.username, c.given ->> 'display_name', coalesce(c.given ->> 'status', 'active'), coalesce(c.created_at, now()),
               c.email_verified_at
        FROM jsonb_to_recordset(checked) c (id uuid, email text, username text, created_at timestamptz, email_verified_at timestamptz, known boolean, given jsonb) WHERE NOT c.known;
        GET DIAGNOSTICS imported = ROW_COUNT;
        INSERT INTO bastion.user_passwords (user_id, hash)
        SELECT u.id, c.given ->> 'password_hash'
        FROM jsonb_to_recordset(checked) c (email text, known boolean, given jsonb) JOIN bastion.users u ON u.email = c.email
        WHERE NOT c.known AND c.given ->> 'password_hash' IS NOT NULL;
        -- Looked up by key, because no estimate says how many there are.
        places := (SELECT jsonb_object_agg(p::text, to_jsonb(bastion_internal.imported_place(p))) FROM jsonb_array_elements(places) p);
        INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id, valid_from, valid_until)
        SELECT u.id, w.tenant_id, w.unit_id, w.role_id, w.valid_from, w.valid_until
        FROM jsonb_to_recordset(checked) c (email text, known boolean, given jsonb) JOIN bastion.users u ON u.email = c.email,
             jsonb_array_elements(bastion_internal.import_memberships(c.given)) m (place),
             jsonb_to_record(places -> m.place::text) w (tenant_id uuid, unit_id uuid, role_id uuid, valid_from timestamptz, valid_until timestamptz)
        WHERE NOT c.known;
        IF imported > 0 THEN
            PERFORM bastion_internal.record_event('users_imported', 'success', NULL, NULL,
                jsonb_build_object('users', imported, 'tenants', tenants, 'role', session_user));
        END IF;
    END IF;
    RETURN QUERY SELECT c.line, c.email, CASE WHEN c.problem IS NOT NULL THEN 'refused' WHEN c.known THEN 'skipped' ELSE 'accepted' END,
                        coalesce(c.problem, CASE WHEN c.known THEN 'the address has an account' END)
                 FROM jsonb_to_recordset(checked) c (line bigint, email text, problem text, known boolean) ORDER BY c.line;
END
$$;
COMMENT ON FUNCTION bastion.import_users(jsonb, boolean) IS
'Imports users of another system: an array of objects {"id", "email", "username", "display_name", "status", "created_at", "email_verified_at", "password_hash", "memberships"}, of which only email is required.
An account without email_verified_at does not hold its address: a person who proves it by mail takes it, without the password.
Address and user name become lower case. password_hash is of a format that password_verify() verifies; the next login makes a new hash. memberships is an array of {"tenant" (uuid or slug), "role", "unit", "valid_from", "valid_until"}. A tenant with tenant_name is created when its slug is free, with tenant_id as its id and tenant_number as its number; later numbers are higher.
Returns a row for each user: accepted; skipped, because the address has an account, of which nothing changes; or refused, with the reason. If a user is refused, nothing is imported, and an error says how many there are. With dry_run, nothing is imported, and the rows name all that are refused.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22004 for NULL, 22023 for a value that is no array and when a user is refused, 23505 when another transaction creates the same user or tenant.';
SELECT bastion_internal.event_kind('users_imported');

CREATE FUNCTION bastion.import_users_from(relation regclass, dry_run boolean DEFAULT false)
RETURNS TABLE (line bigint, email text, outcome text, reason text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT i.line, i.email, i.outcome, i.reason FROM bastion.import_users(bastion_internal.import_rows(relation), dry_run) i;
END
$$;
COMMENT ON FUNCTION bastion.import_users_from(regclass, boolean) IS
'Imports the rows of a table or view as import_users() imports an array; the columns are the fields. memberships is of type jsonb. line counts the rows in the order in which they are read.
Code of a view or a type runs with the rights of the relation''s owner, in a security-restricted operation. The caller must be able to read all rows.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22004 for NULL, 22023 when a user is refused, 23505 when another transaction creates the same user or tenant, 42P01 for an unknown relation, 42809 for one that is no table or view, 42501 without SELECT or under row-level security.';

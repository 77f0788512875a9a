-- What is cached of rights is what the tables say, whatever changes and however: random changes of every table that rights
-- are read from, committed, rolled back or undone in a subtransaction, each followed by a comparison of every user's cached
-- permissions, ACLs and tenants with those read anew. And a change drops no value that does not depend on it.
\set VERBOSITY terse
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0; -- later versions would start workers for many small statements
SET bastion.allow_identity_switch = on;
SELECT setseed(0.42) \g /dev/null
SELECT bastion.resource_register('coherent', '{read,update,manage,create,approve}');
INSERT INTO test.people (name, id, tenant, token)
SELECT n AS name, (a -> 'user' ->> 'id')::uuid AS id, (a -> 'tenant' ->> 'id')::uuid AS tenant,
       -- of no session, which would end when the tenant that it was begun in is suspended
       bastion.token_issue((a -> 'user' ->> 'id')::uuid, (a -> 'tenant' ->> 'id')::uuid) AS token
FROM unnest(ARRAY['ann', 'bob', 'cat', 'dan', 'eve', 'pat']) n,
     LATERAL bastion_api.signup(n || '@coherence.example', 'correct horse', 'Coherence of ' || n) a;
INSERT INTO bastion.units (tenant_id, kind, name)
SELECT test.tenant_of(w), 'team', 'Coherent ' || i FROM unnest(ARRAY['ann', 'bob']) w, generate_series(1, 4) i;
INSERT INTO bastion.roles (tenant_id, name)
SELECT test.tenant_of(w), 'coherent ' || i FROM unnest(ARRAY['ann', 'bob']) w, generate_series(1, 3) i;
INSERT INTO bastion.roles (name) SELECT 'coherent everywhere ' || i FROM generate_series(1, 2) i;
INSERT INTO bastion.platform_roles (user_id, role_id) SELECT test.id_of('pat'), id FROM bastion.roles WHERE name = 'coherent everywhere 1';
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT test.id_of(w), test.tenant_of(t), r.id
FROM (VALUES ('bob', 'ann', 'coherent 1'), ('cat', 'ann', 'viewer'), ('cat', 'bob', 'coherent 1'), ('dan', 'bob', 'member')) v (w, t, r)
JOIN bastion.roles r ON r.name = v.r AND (r.tenant_id = test.tenant_of(t) OR r.tenant_id IS NULL);

-- The comparison: the sets that the session has, and the same read from the tables.
CREATE TABLE test.stale (who text, tenant uuid, what text, change text);
CREATE FUNCTION test.sets(who text, tenant uuid) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    PERFORM bastion.authenticate((SELECT token FROM test.people WHERE name = who), tenant::text);
    RETURN jsonb_build_object(
        'permissions', (SELECT coalesce(jsonb_agg(p ORDER BY p), '[]') FROM bastion.permissions() p),
        'lists', (SELECT jsonb_object_agg(a, (SELECT coalesce(jsonb_agg(x ORDER BY x), '[]') FROM unnest(bastion.acl_set_anywhere('coherent.' || a)) x))
                  FROM unnest(ARRAY['read', 'update', 'manage', 'approve']) a),
        'tenants', (SELECT coalesce(jsonb_agg(x ORDER BY x), '[]') FROM unnest(bastion.tenant_set('coherent.read')) x),
        'own', bastion.default_acl('user'));
EXCEPTION WHEN invalid_authorization_specification THEN
    RETURN '"refused"';
END
$$;
CREATE FUNCTION test.truth(who text, tenant uuid) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    u uuid := test.id_of(who);
BEGIN
    IF (bastion_internal.resolve_identity(u, tenant::text, NULL)).status <> 'ok' THEN
        RETURN '"refused"';
    END IF;
    RETURN jsonb_build_object(
        'permissions', (SELECT coalesce(jsonb_agg(p.permission ORDER BY p.permission), '[]') FROM bastion_internal.effective_permissions(u, tenant, NULL) p),
        'lists', (SELECT jsonb_object_agg(a, (SELECT coalesce(jsonb_agg(DISTINCT x), '[]') FROM bastion_internal.acl_grants(u, tenant) g, unnest(g.acl_ids) x
                                              WHERE 'coherent.' || a = ANY (g.permissions)))
                  FROM unnest(ARRAY['read', 'update', 'manage', 'approve']) a),
        'tenants', (SELECT coalesce(jsonb_agg(DISTINCT x), '[]') FROM bastion_internal.tenant_grants(u) g, unnest(g.tenant_ids) x WHERE 'coherent.read' = ANY (g.permissions)),
        'own', (SELECT a.id FROM bastion.acls a WHERE a.user_id = u AND a.tenant_id = truth.tenant));
END
$$;
CREATE FUNCTION test.compare(change text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO test.stale
    SELECT p.name, t.tenant, s.key, compare.change
    FROM test.people p, (VALUES (test.tenant_of('ann')), (test.tenant_of('bob')), (test.tenant_of('cat'))) t (tenant),
         LATERAL (SELECT test.sets(p.name, t.tenant) AS sets, test.truth(p.name, t.tenant) AS truth) x,
         LATERAL jsonb_each(CASE jsonb_typeof(x.truth) WHEN 'object' THEN x.truth ELSE jsonb_build_object('state', x.truth) END) s
    WHERE CASE jsonb_typeof(x.sets) WHEN 'object' THEN x.sets -> s.key ELSE x.sets END IS DISTINCT FROM s.value
$$;

-- One change of one row, chosen at random.
CREATE FUNCTION test.one_of(query text) RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    found_id uuid;
BEGIN
    EXECUTE 'SELECT x.id FROM (' || query || ') x (id) ORDER BY random() LIMIT 1' INTO found_id;
    RETURN found_id;
END
$$;
CREATE FUNCTION test.change(kind integer) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    somebody uuid := test.one_of('SELECT id FROM test.people');
    t uuid := test.one_of($q$SELECT tenant FROM test.people WHERE name IN ('ann', 'bob', 'cat')$q$);
    own_role uuid := test.one_of(format('SELECT id FROM bastion.roles WHERE tenant_id = %L', t));
    free_role uuid := test.one_of($q$SELECT id FROM bastion.roles WHERE name LIKE 'coherent everywhere%'$q$);
    any_role uuid := CASE WHEN own_role IS NULL OR random() < 0.4 THEN free_role ELSE own_role END;
    unit uuid := test.one_of(format('SELECT id FROM bastion.units WHERE tenant_id = %L', t));
    other uuid := test.one_of(format('SELECT id FROM bastion.units WHERE tenant_id = %L', t));
    pattern text := (ARRAY['coherent.read', 'coherent.*', '*.read', '*.manage', '*', 'coherent.update'])[1 + floor(random() * 6)];
    until timestamptz := CASE WHEN random() < 0.2 THEN clock_timestamp() + interval '20 ms' END;
    kinds text[] := ARRAY['membership', 'role', 'unmember', 'grant', 'revoke', 'inherit', 'disinherit', 'permit', 'unpermit', 'platform',
        'list', 'unit', 'move', 'unmove', 'drop unit', 'status', 'suspend', 'list', 'share', 'share with role', 'unshare', 'rename', 'rebuild',
        'drop list', 'list', 'drop role', 'level', 'own list', 'slug'];
    done text := kinds[1 + kind % cardinality(kinds)];
    list bigint := (SELECT a.id FROM bastion.acls a WHERE a.tenant_id IN (SELECT tenant FROM test.people)
                    AND CASE done WHEN 'list' THEN a.kind <> 'row' WHEN 'drop list' THEN a.kind = 'row' ELSE true END ORDER BY random() LIMIT 1);
BEGIN
    CASE done
    WHEN 'membership' THEN
        INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id, valid_until)
        VALUES (somebody, t, CASE WHEN random() < 0.5 THEN unit END, any_role, until) ON CONFLICT DO NOTHING;
    WHEN 'role' THEN
        UPDATE bastion.memberships m SET role_id = any_role
        WHERE m.id = test.one_of(format('SELECT id FROM bastion.memberships WHERE tenant_id = %L AND role_id <> bastion_internal.owner_role()', t));
    WHEN 'unmember' THEN
        DELETE FROM bastion.memberships m
        WHERE m.id = test.one_of(format('SELECT id FROM bastion.memberships WHERE tenant_id = %L AND role_id <> bastion_internal.owner_role()', t));
    WHEN 'grant' THEN
        INSERT INTO bastion.role_permissions (role_id, pattern) VALUES (any_role, pattern) ON CONFLICT DO NOTHING;
    WHEN 'revoke' THEN
        DELETE FROM bastion.role_permissions rp WHERE rp.role_id = any_role;
    WHEN 'inherit' THEN
        INSERT INTO bastion.role_parents (role_id, parent_id)
        SELECT own_role, x FROM (SELECT CASE WHEN random() < 0.5 THEN free_role ELSE test.one_of(format('SELECT id FROM bastion.roles WHERE tenant_id = %L', t)) END AS x) y
        WHERE own_role IS NOT NULL AND x IS NOT NULL ON CONFLICT DO NOTHING;
    WHEN 'disinherit' THEN
        DELETE FROM bastion.role_parents rp WHERE rp.role_id = own_role;
    WHEN 'permit' THEN
        INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect, valid_until)
        VALUES (somebody, t, CASE WHEN random() < 0.5 THEN unit END, pattern, (ARRAY['grant', 'deny'])[1 + floor(random() * 2)], until)
        ON CONFLICT DO NOTHING;
    WHEN 'unpermit' THEN
        DELETE FROM bastion.user_permissions p WHERE p.user_id = somebody;
    WHEN 'platform' THEN
        IF NOT EXISTS (SELECT FROM bastion.platform_roles p WHERE p.user_id = somebody) THEN
            INSERT INTO bastion.platform_roles (user_id, role_id) VALUES (somebody, free_role);
        ELSE
            DELETE FROM bastion.platform_roles p WHERE p.user_id = somebody;
        END IF;
    WHEN 'unit' THEN
        INSERT INTO bastion.units (tenant_id, kind, name) VALUES (t, 'team', 'Another');
    WHEN 'move' THEN
        INSERT INTO bastion.unit_parents (unit_id, tenant_id, parent_id) VALUES (unit, t, other)
        ON CONFLICT ON CONSTRAINT unit_parents_pkey DO UPDATE SET parent_id = excluded.parent_id;
    WHEN 'unmove' THEN
        DELETE FROM bastion.unit_parents p WHERE p.unit_id = unit;
    WHEN 'drop unit' THEN
        DELETE FROM bastion.units u WHERE u.id = unit AND NOT EXISTS (SELECT FROM bastion.unit_parents p WHERE p.parent_id = u.id);
    WHEN 'status' THEN
        UPDATE bastion.users u SET status = 'active' FROM test.people p WHERE p.id = u.id AND u.status <> 'active';
        IF NOT FOUND THEN
            UPDATE bastion.users SET status = 'disabled' WHERE id = somebody;
        END IF;
    WHEN 'suspend' THEN
        UPDATE bastion.tenants u SET status = 'active' FROM test.people p WHERE p.tenant = u.id AND u.status <> 'active';
        IF NOT FOUND THEN
            UPDATE bastion.tenants SET status = 'suspended' WHERE id = t;
        END IF;
    WHEN 'list' THEN
        INSERT INTO bastion.acls (tenant_id, kind, base_acl_id)
        SELECT a.tenant_id, 'row', CASE WHEN random() < 0.8 THEN a.id END FROM bastion.acls a WHERE a.id = list;
    WHEN 'share' THEN
        INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level, valid_until)
        SELECT list, k, CASE k WHEN 'user' THEN somebody WHEN 'unit' THEN unit ELSE t END, 1 + floor(random() * 4)::int, until
        FROM (SELECT (ARRAY['user', 'unit', 'tenant'])[1 + floor(random() * 3)] AS k) y WHERE unit IS NOT NULL
        ON CONFLICT ON CONSTRAINT acl_entries_pkey DO UPDATE SET level = excluded.level, valid_until = excluded.valid_until;
    WHEN 'share with role' THEN
        INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level) SELECT list, 'role', any_role, 1 + floor(random() * 4)::int
        ON CONFLICT ON CONSTRAINT acl_entries_pkey DO UPDATE SET acl_id = excluded.acl_id;
    WHEN 'unshare' THEN
        DELETE FROM bastion.acl_entries e WHERE e.acl_id IN (SELECT x.acl_id FROM bastion.acl_entries x ORDER BY random() LIMIT 1);
    WHEN 'rename' THEN
        UPDATE bastion.roles SET description = 'renamed' WHERE id = own_role;
    WHEN 'rebuild' THEN
        IF random() < 0.5 THEN
            DELETE FROM bastion.unit_closure c WHERE c.tenant_id = t AND c.depth > 0;
        ELSE
            PERFORM bastion_internal.unit_closure_rebuild(t);
        END IF;
    WHEN 'drop list' THEN
        DELETE FROM bastion.acls a WHERE a.id = list;
    WHEN 'drop role' THEN
        DELETE FROM bastion.roles r WHERE r.id = own_role AND NOT EXISTS (SELECT FROM bastion.memberships m WHERE m.role_id = r.id)
            AND NOT EXISTS (SELECT FROM bastion.role_parents p WHERE p.parent_id = r.id);
        INSERT INTO bastion.roles (tenant_id, name) SELECT t, 'coherent again' WHERE own_role IS NOT NULL ON CONFLICT DO NOTHING;
    WHEN 'level' THEN
        INSERT INTO bastion.level_actions (action, level) VALUES ('approve', 1 + floor(random() * 4)::int)
        ON CONFLICT ON CONSTRAINT level_actions_pkey DO UPDATE SET level = excluded.level;
    WHEN 'own list' THEN
        PERFORM bastion_internal.member_acl(somebody, t);
    WHEN 'slug' THEN
        UPDATE bastion.tenants SET slug = 'coherence-' || floor(random() * 1000000000)::bigint WHERE id = t;
    END CASE;
    RETURN done;
END
$$;
-- committed; undone in a subtransaction, rights being read inside and after; refused changes are no changes
CREATE FUNCTION test.committed(kind integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN test.change(kind);
EXCEPTION WHEN check_violation OR foreign_key_violation OR not_null_violation THEN
    RETURN 'refused';
END
$$;
CREATE FUNCTION test.undone(kind integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    done text;
BEGIN
    done := test.change(kind);
    PERFORM test.compare('inside: ' || done);
    RAISE EXCEPTION 'undone' USING ERRCODE = 'P0099', DETAIL = (SELECT coalesce(jsonb_agg(s), '[]') FROM test.stale s);
EXCEPTION WHEN check_violation OR foreign_key_violation OR not_null_violation OR SQLSTATE 'P0099' THEN
    GET STACKED DIAGNOSTICS done = PG_EXCEPTION_DETAIL;
    IF SQLSTATE = 'P0099' THEN
        INSERT INTO test.stale SELECT s.* FROM jsonb_populate_recordset(NULL::test.stale, done::jsonb) s;
    END IF;
    PERFORM test.compare('after undoing ' || kind);
END
$$;
-- Who is asked for again after a change, and nobody else: users by the tenant they work in.
CREATE FUNCTION test.places() RETURNS TABLE (who text, tenant uuid, place text) LANGUAGE sql STABLE AS $$
    SELECT p.name, t.tenant, t.name FROM test.people p, test.people t
    WHERE (bastion_internal.resolve_identity(p.id, t.tenant::text, NULL)).status = 'ok' AND t.name IN ('ann', 'bob', 'eve')
$$;
CREATE FUNCTION test.reloaded() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    place record;
    before bigint;
    found_places text[] := '{}';
BEGIN
    FOR place IN SELECT * FROM test.places() ORDER BY 1, 3 LOOP
        before := test.loads('rights');
        PERFORM test.sets(place.who, place.tenant);
        IF test.loads('rights') > before THEN
            found_places := found_places || (place.who || CASE WHEN place.place <> place.who THEN ' at ' || place.place ELSE '' END);
        END IF;
    END LOOP;
    RETURN coalesce(array_to_string(found_places, ', '), '');
END
$$;
CREATE TABLE test.steps (n integer GENERATED ALWAYS AS IDENTITY, change text);
INSERT INTO test.steps (change) VALUES
    ('SELECT 1'),
    ($$UPDATE bastion.memberships SET valid_until = now() + interval '1 day' WHERE user_id = test.id_of('dan') AND tenant_id = test.tenant_of('bob')$$),
    ($$INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect) VALUES (test.id_of('cat'), test.tenant_of('ann'), 'coherent.update', 'grant')$$),
    ($$INSERT INTO bastion.role_permissions (role_id, pattern) SELECT id, 'coherent.read' FROM bastion.roles WHERE name = 'coherent 1' AND tenant_id = test.tenant_of('ann')$$),
    ($$INSERT INTO bastion.role_parents (role_id, parent_id) SELECT c.id, p.id FROM bastion.roles c, bastion.roles p WHERE c.name = 'coherent 1' AND p.name = 'coherent 2' AND c.tenant_id = test.tenant_of('bob') AND p.tenant_id = c.tenant_id$$),
    ($$INSERT INTO bastion.role_permissions (role_id, pattern) SELECT id, 'coherent.update' FROM bastion.roles WHERE name = 'coherent 2' AND tenant_id = test.tenant_of('bob')$$),
    ($$INSERT INTO bastion.role_permissions (role_id, pattern) SELECT id, 'coherent.read' FROM bastion.roles WHERE name = 'coherent 3'$$),
    ($$INSERT INTO bastion.role_permissions (role_id, pattern) SELECT id, 'coherent.read' FROM bastion.roles WHERE name = 'coherent everywhere 1'$$),
    ($$INSERT INTO bastion.units (tenant_id, kind, name) VALUES (test.tenant_of('ann'), 'team', 'Another')$$),
    ($$INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of('eve'), test.tenant_of('ann'), id FROM bastion.roles WHERE name = 'viewer' AND system$$),
    ($$INSERT INTO bastion.acls (tenant_id, kind, base_acl_id) SELECT tenant_id, 'row', id FROM bastion.acls WHERE user_id = test.id_of('cat') AND tenant_id = test.tenant_of('ann')$$),
    ($$INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level) SELECT max(id), 'user', test.id_of('dan'), 1 FROM bastion.acls WHERE kind = 'row'$$),
    ($$INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level) SELECT max(a.id), 'role', r.id, 1 FROM bastion.acls a, bastion.roles r WHERE a.kind = 'row' AND r.name = 'viewer' AND r.system GROUP BY r.id$$),
    ($$INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level) SELECT max(id), 'tenant', test.tenant_of('eve'), 1 FROM bastion.acls WHERE kind = 'row'$$),
    ($$INSERT INTO bastion.acls (tenant_id, kind, base_acl_id) SELECT id, 'row', acl_id FROM bastion.tenants WHERE id = test.tenant_of('bob')$$),
    ($$INSERT INTO bastion.unit_parents (unit_id, tenant_id, parent_id) SELECT c.id, c.tenant_id, p.id FROM bastion.units c JOIN bastion.units p ON p.tenant_id = c.tenant_id WHERE c.tenant_id = test.tenant_of('ann') AND (c.name, p.name) = ('Coherent 2', 'Coherent 1')$$),
    ($$DELETE FROM bastion.unit_closure WHERE depth = 1 AND tenant_id = test.tenant_of('ann')$$),
    ($$SELECT bastion_internal.unit_closure_add(p.unit_id, p.parent_id, p.tenant_id) FROM bastion.unit_parents p WHERE p.tenant_id = test.tenant_of('ann')$$),
    ($$UPDATE bastion.unit_closure SET depth = 1 WHERE depth = 1 AND tenant_id = test.tenant_of('ann')$$),
    ($$UPDATE bastion.tenants SET plan = 'large' WHERE id = test.tenant_of('bob')$$),
    ($$UPDATE bastion.tenants SET slug = 'coherence-of-bob-2' WHERE id = test.tenant_of('bob')$$),
    ($$SELECT bastion_api.signup('gus@coherence.example', 'correct horse', 'Coherence of gus')$$),
    ($$DELETE FROM bastion.tenants WHERE slug = 'coherence-of-gus'$$),
    ($$UPDATE bastion.roles SET description = 'described' WHERE name = 'coherent 1' AND tenant_id = test.tenant_of('ann')$$),
    ($$UPDATE bastion.users SET last_login_at = now()$$),
    ($$SELECT bastion.resource_register('coherent', '{execute}')$$),
    ($$UPDATE bastion.permissions SET description = 'Executes' WHERE name = 'coherent.execute'$$),
    ($$DELETE FROM bastion.permissions WHERE name = 'coherent.execute'$$),
    ($$INSERT INTO bastion.level_actions (action, level) VALUES ('approve', 2)$$),
    ($$UPDATE bastion.level_actions SET level = 3 WHERE action = 'approve'$$),
    ($$DELETE FROM bastion.level_actions WHERE action = 'approve'$$),
    ($$UPDATE bastion.role_permissions SET pattern = 'coherent.approve' WHERE pattern = 'coherent.update' AND scope = test.tenant_of('bob')$$),
    ($$DELETE FROM bastion.role_permissions WHERE pattern = 'coherent.approve'$$),
    ($$UPDATE bastion.role_parents rp SET parent_id = r.id FROM bastion.roles r WHERE r.name = 'coherent 3' AND r.tenant_id = rp.scope AND rp.scope = test.tenant_of('bob')$$),
    ($$DELETE FROM bastion.role_parents WHERE scope = test.tenant_of('bob')$$),
    ($$UPDATE bastion.user_permissions SET effect = 'deny' WHERE user_id = test.id_of('cat')$$),
    ($$UPDATE bastion.user_permissions SET user_id = test.id_of('bob') WHERE user_id = test.id_of('cat')$$),
    ($$DELETE FROM bastion.user_permissions WHERE user_id = test.id_of('bob')$$),
    ($$INSERT INTO bastion.platform_roles (user_id, role_id) SELECT test.id_of('dan'), id FROM bastion.roles WHERE name = 'coherent everywhere 2'$$),
    ($$UPDATE bastion.platform_roles SET valid_until = now() + interval '1 day' WHERE user_id = test.id_of('dan')$$),
    ($$DELETE FROM bastion.platform_roles WHERE user_id = test.id_of('dan')$$),
    ($$UPDATE bastion.acl_entries SET level = 2 WHERE subject_id = test.id_of('dan')$$),
    ($$DELETE FROM bastion.acl_entries WHERE subject_id = test.id_of('dan')$$),
    ($$INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level) SELECT id, 'user', test.id_of('dan'), 1 FROM bastion.acls WHERE user_id = test.id_of('cat') AND tenant_id = test.tenant_of('ann')$$),
    ($$INSERT INTO bastion.acls (tenant_id, kind, base_acl_id) SELECT tenant_id, 'row', id FROM bastion.acls WHERE user_id = test.id_of('cat') AND tenant_id = test.tenant_of('ann')$$),
    ($$INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level) SELECT acl_id, 'user', test.id_of('cat'), 1 FROM bastion.tenants WHERE id = test.tenant_of('eve')$$),
    ($$INSERT INTO bastion.acls (tenant_id, kind, base_acl_id) SELECT id, 'row', acl_id FROM bastion.tenants WHERE id = test.tenant_of('eve')$$),
    ($$DELETE FROM bastion.acls a USING bastion.tenants t WHERE a.kind = 'row' AND a.base_acl_id = t.acl_id AND t.id = test.tenant_of('eve')$$),
    ($$DELETE FROM bastion.acl_entries WHERE acl_kind <> 'row'$$),
    ($$DELETE FROM bastion.memberships WHERE user_id = test.id_of('eve') AND tenant_id = test.tenant_of('ann')$$),
    ($$SELECT bastion_internal.member_acl(test.id_of('pat'), test.tenant_of('bob'))$$);
SELECT string_agg(who || ' at ' || place, ', ' ORDER BY who, place) AS everybody FROM test.places();
SELECT test.reloaded() \g /dev/null
\set ECHO none
\pset tuples_only on
SELECT format('SELECT %L', change), CASE WHEN change ~ '^SELECT' THEN format('DO $x$BEGIN PERFORM %s; END$x$', substr(change, 8)) ELSE change END,
       $$SELECT '    ' || test.reloaded()$$
FROM test.steps ORDER BY n \gexec
\pset tuples_only off
\set ECHO all

-- what was asked for by name, or without a tenant
UPDATE bastion.units SET slug = 'first' WHERE name = 'Coherent 1' AND tenant_id = test.tenant_of('ann');
UPDATE bastion.tenants SET slug = 'coherent-first' WHERE id = test.tenant_of('ann');
INSERT INTO bastion.users (id, email) VALUES ('00000000-0000-4000-8000-00000000c001', 'hal@coherence.example');
INSERT INTO test.people (name, id, tenant, token) SELECT 'hal', u.id, NULL, bastion.token_issue(u.id, NULL) FROM bastion.users u WHERE u.email = 'hal@coherence.example';
CREATE FUNCTION test.after(who text, tenant text, unit text, change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    call text := format('SELECT bastion.authenticate(%L, %L, %L)', (SELECT token FROM test.people WHERE name = who), tenant, unit);
    before text := test.error(call);
BEGIN
    EXECUTE change;
    RETURN before || ', then ' || test.error(call);
END
$$;
SELECT test.after('ann', 'coherent-first', 'first', $$UPDATE bastion.units SET slug = 'second' WHERE slug = 'first' AND tenant_id = test.tenant_of('ann')$$) AS unit,
       test.after('ann', 'coherent-first', NULL, $$UPDATE bastion.tenants SET slug = 'coherent-second' WHERE slug = 'coherent-first'$$) AS tenant,
       test.after('hal', NULL, NULL, $$DELETE FROM bastion.users WHERE email = 'hal@coherence.example'$$) AS "user";
DELETE FROM test.people WHERE name = 'hal';
DROP FUNCTION test.after;
SELECT test.compare('at first') \g /dev/null
SELECT count(*) FILTER (WHERE x <> '"refused"') > 8 AS many
FROM test.people p, (SELECT DISTINCT tenant FROM test.people) t, test.sets(p.name, t.tenant) x;
\set ECHO none
\o /dev/null
SELECT CASE way WHEN 0 THEN format('SELECT test.undone(%s)', i)
                WHEN 1 THEN format('BEGIN; SELECT test.committed(%1$s); SELECT test.compare(''in a transaction: %1$s''); ROLLBACK', i)
                ELSE format('SELECT test.committed(%s)', i) END,
       format('SELECT test.compare(''after %s'')', i)
FROM generate_series(1, 87) i, LATERAL (SELECT i * 7 % 5 AS way) w ORDER BY i \gexec
\o
\set ECHO all
SELECT who, what, change FROM test.stale;

-- the comparison bites: a table whose changes say nothing
UPDATE bastion.users u SET status = 'active' FROM test.people p WHERE p.id = u.id;
UPDATE bastion.tenants u SET status = 'active' FROM test.people p WHERE p.tenant = u.id;
DELETE FROM bastion.user_permissions p WHERE p.user_id = test.id_of('cat');
SELECT test.compare('active') \g /dev/null
ALTER TABLE bastion.user_permissions DISABLE TRIGGER user_permissions_invalidate;
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect) VALUES (test.id_of('cat'), test.tenant_of('cat'), 'coherent.read', 'deny');
SELECT test.compare('unannounced') \g /dev/null
SELECT DISTINCT who, what FROM test.stale ORDER BY 1, 2;
ALTER TABLE bastion.user_permissions ENABLE ALWAYS TRIGGER user_permissions_invalidate;

-- the end
DROP FUNCTION test.places, test.reloaded, test.committed, test.undone, test.change, test.one_of, test.compare, test.truth, test.sets;
DELETE FROM bastion.level_actions WHERE action = 'approve';
DELETE FROM bastion.tenants t USING test.people p WHERE t.id = p.tenant;
DELETE FROM bastion.tenants WHERE slug = 'coherence-of-gus';
DELETE FROM bastion.users WHERE email LIKE '%@coherence.example';
DELETE FROM bastion.roles WHERE name LIKE 'coherent%';
DELETE FROM bastion.permissions WHERE resource = 'coherent';
TRUNCATE test.people;
DROP TABLE test.stale, test.steps;
RESET bastion.allow_identity_switch;

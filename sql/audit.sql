-- audit_table(): each change of a row is an entry of the log of changes, whatever statement makes it; nobody but the triggers and audit_log()
-- writes one, and members see those of their tenant.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA au;
GRANT USAGE ON SCHEMA au TO regress_app;
INSERT INTO test.people (name, id, tenant, number, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, (a #>> '{tenant,number}')::bigint, a ->> 'access_token'
FROM unnest(ARRAY['ada', 'bob']) n, LATERAL bastion_api.signup(n || '@audit.example', 'correct horse battery', 'Audit of ' || n) a;
SELECT token AS ada, tenant AS of_ada, number AS ada_number FROM test.people WHERE name = 'ada' \gset
SELECT token AS bob, tenant AS of_bob FROM test.people WHERE name = 'bob' \gset
CREATE FUNCTION au.run(token text, statement text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(nullif(concat_ws(': ', a.error, a.detail), ''), a.answer, 'NULL') FROM test.as_app(token, NULL, NULL, statement) a
$$;
-- entries since the last look, in their order; of ids only whether they are those of ada or bob
CREATE TABLE au.seen (xid xid8, seq bigint);
CREATE FUNCTION au.news(OUT op text, OUT relation text, OUT key jsonb, OUT tenant text, OUT who text, OUT role boolean, OUT old jsonb, OUT new jsonb)
RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
    a bastion.audit;
BEGIN
    FOR a IN SELECT * FROM bastion.audit x WHERE NOT EXISTS (SELECT FROM au.seen s WHERE (s.xid, s.seq) = (x.xid, x.seq)) ORDER BY x.xid, x.seq LOOP
        INSERT INTO au.seen VALUES (a.xid, a.seq);
        op := a.op; relation := a.relation; key := a.key; old := a.old - 'tenant_id'; new := a.new - 'tenant_id'; role := a.role = session_user;
        tenant := (SELECT p.name FROM test.people p WHERE p.tenant = a.tenant_id);
        who := coalesce((SELECT p.name FROM test.people p WHERE p.id = a.actor_id), a.application);
        RETURN NEXT;
    END LOOP;
END
$$;
SELECT count(*) < 0 AS none FROM au.news();
SET application_name = 'audit test';

-- what cannot be under audit
CREATE TABLE au.keyless (id bigint, tenant_id uuid);
CREATE TABLE au.pads (id bigint PRIMARY KEY, tenant_id uuid NOT NULL, title text, body text, pin text, n numeric DEFAULT 1.50, twice numeric GENERATED ALWAYS AS (n * 2) STORED);
CREATE VIEW au.a_view AS SELECT 1 AS id;
SELECT test.error(format('SELECT * FROM bastion.audit_table(%s)', a)) FROM unnest(ARRAY[
    'NULL', '''au.keyless''', '''au.a_view''', '''pg_class''', '''bastion.users''', '0',
    '''au.pads'', include => ''{}''', '''au.pads'', include => ''{gone}''', '''au.pads'', exclude => ''{id}''', '''au.pads'', redact => ''{id}''',
    '''au.pads'', include => ''{title}'', exclude => ''{body}''', '''au.pads'', redact => ARRAY[NULL::name]', '''au.pads'', redact => ''{"odd''''name"}''']) a;
SET ROLE regress_app;
SELECT test.error('SELECT * FROM bastion.audit_table(''au.pads'')'), test.error('SELECT * FROM bastion.audit_untable(''au.pads'')');
RESET ROLE;

SELECT statement FROM bastion.protect('au.pads');
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON au.pads TO regress_app;
SELECT statement FROM bastion.audit_table('au.pads', exclude => '{body}', redact => '{pin}', dry_run => true);
SELECT statement FROM bastion.audit_table('au.pads', exclude => '{body}', redact => '{pin}');

-- by a user
SELECT au.run(:'ada', 'INSERT INTO au.pads (id, title, body, pin) VALUES (1, ''One'', ''a'', ''1234''), (2, NULL, NULL, NULL) RETURNING id');
SELECT * FROM au.news();
SELECT au.run(:'ada', 'UPDATE au.pads SET title = ''Two'', body = ''b'', n = n RETURNING id');
SELECT * FROM au.news();
-- nothing changed, or nothing that is recorded; and numerics of another form
SELECT au.run(:'ada', 'UPDATE au.pads SET title = title, body = ''c'' RETURNING id');
SELECT * FROM au.news();
SELECT au.run(:'ada', 'UPDATE au.pads SET n = 1.5, pin = ''9999'', title = NULL WHERE id = 1 RETURNING id');
SELECT * FROM au.news();
SELECT au.run(:'ada', 'DELETE FROM au.pads WHERE id = 2 RETURNING id');
SELECT * FROM au.news();
-- ON CONFLICT, MERGE, and a writing WITH; by an operator, who has no identity
SELECT au.run(:'ada', 'INSERT INTO au.pads (id, title) VALUES (1, ''again'') ON CONFLICT (id) DO UPDATE SET title = excluded.title RETURNING id');
MERGE INTO au.pads d USING (VALUES (1, 'merged'), (3, 'new')) v (id, title) ON d.id = v.id
WHEN MATCHED THEN UPDATE SET title = v.title WHEN NOT MATCHED THEN INSERT (id, tenant_id, title) VALUES (v.id, (SELECT tenant FROM test.people WHERE name = 'bob'), v.title);
WITH gone AS (DELETE FROM au.pads WHERE id = 3 RETURNING *) INSERT INTO au.pads (id, tenant_id, title) SELECT 4, tenant_id, title FROM gone;
SELECT op, relation, key, tenant, who, role, old, new FROM au.news();
-- a row gets into another tenant: neither sees what the other did
UPDATE au.pads SET tenant_id = :'of_ada', title = 'moved' WHERE id = 4;
SELECT op, tenant, old ->> 'title' AS old, new ->> 'title' AS new FROM au.news();
-- savepoints: what is rolled back is on no record
BEGIN;
UPDATE au.pads SET title = 'a' WHERE id = 1;
SAVEPOINT s;
UPDATE au.pads SET title = 'b' WHERE id = 1;
ROLLBACK TO s;
UPDATE au.pads SET title = 'c' WHERE id = 1;
COMMIT;
BEGIN;
UPDATE au.pads SET title = 'd' WHERE id = 1;
ROLLBACK;
SELECT op, old ->> 'title' AS old, new ->> 'title' AS new FROM au.news();
SELECT count(DISTINCT (x.era, x.xid, x.seq)) = count(*) AS each_has_its_place, count(DISTINCT x.era) AS eras FROM bastion.audit x;
-- a trigger of the table changes the row: what is stored is on record
CREATE FUNCTION au.upper() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.title := upper(NEW.title); RETURN NEW; END $$;
CREATE TRIGGER a BEFORE UPDATE ON au.pads FOR EACH ROW EXECUTE FUNCTION au.upper();
UPDATE au.pads SET title = 'shout' WHERE id = 1;
DROP TRIGGER a ON au.pads;
-- as a replica
SET session_replication_role = replica;
UPDATE au.pads SET title = 'replica' WHERE id = 1;
RESET session_replication_role;
SELECT op, old ->> 'title' AS old, new ->> 'title' AS new FROM au.news();

-- one that fires after a row was inserted, and changes it: in this order; one that fires before ours is named
CREATE FUNCTION au.fix() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE au.fixed SET note = 'fixed' WHERE id = NEW.id; RETURN NULL; END $$;
CREATE TABLE au.fixed (id int PRIMARY KEY, note text);
CREATE TRIGGER a AFTER INSERT ON au.fixed FOR EACH ROW EXECUTE FUNCTION au.fix();
SELECT statement FROM bastion.audit_table('au.fixed');
INSERT INTO au.fixed VALUES (1, 'first');
SELECT op, old, new FROM au.news() WHERE relation = 'au.fixed';
SELECT "row" FROM bastion.audit_as_of('au.fixed', clock_timestamp());
SELECT problem FROM bastion.audit_drift() WHERE relation = 'au.fixed'::regclass;
CREATE TRIGGER "Early" AFTER INSERT ON au.fixed FOR EACH ROW EXECUTE FUNCTION au.fix();
CREATE TRIGGER "Before" BEFORE INSERT ON au.fixed FOR EACH ROW EXECUTE FUNCTION au.upper();
CREATE TRIGGER "Statement" AFTER INSERT ON au.fixed FOR EACH STATEMENT EXECUTE FUNCTION au.fix();
SELECT problem FROM bastion.audit_drift() WHERE relation = 'au.fixed'::regclass;
DROP TABLE au.fixed;
SELECT count(*) < 0 AS none FROM au.news();

-- columns: renamed ones redact everything until the next call, dropped ones too, new ones are recorded
ALTER TABLE au.pads RENAME COLUMN pin TO code;
UPDATE au.pads SET code = 'secret', title = 'x' WHERE id = 1;
SELECT key, old, new FROM au.news();
SELECT statement FROM bastion.audit_table('au.pads', redact => '{code}');
ALTER TABLE au.pads ADD COLUMN later text DEFAULT 'was there';
UPDATE au.pads SET later = 'changed', body = 'now' WHERE id = 1;
SELECT key, old, new FROM au.news();
ALTER TABLE au.pads DROP COLUMN twice, DROP COLUMN n;
ALTER TABLE au.pads RENAME TO papers;
UPDATE au.papers SET title = 'renamed', code = NULL WHERE id = 1;
SELECT relation, key, old, new FROM au.news();
SELECT statement FROM bastion.audit_table('au.papers', include => '{title}');
UPDATE au.papers SET title = 'only', body = 'else' WHERE id = 1;
SELECT old, new FROM au.news();
-- without a key, a change has the whole row
ALTER TABLE au.papers DROP CONSTRAINT pads_pkey;
UPDATE au.papers SET title = 'keyless' WHERE id = 1;
SELECT key, old, new FROM au.news();
ALTER TABLE au.papers ADD PRIMARY KEY (id);
BEGIN;
SET LOCAL ROLE regress_app;
SELECT bastion.authenticate(:'ada') IS NOT NULL AS ada;
TRUNCATE au.papers;
COMMIT;
SELECT op, relation, key, tenant, who, old, new FROM au.news();
SELECT statement FROM bastion.audit_untable('au.papers');
INSERT INTO au.papers (id, tenant_id) VALUES (9, :'of_ada');
SELECT * FROM au.news();
SELECT statement FROM bastion.audit_untable('au.papers');
DROP TABLE au.papers;

-- partitions moved by UPDATE, and children
CREATE TABLE au.parted (id bigint, tenant_id uuid, part int, note text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE au.parted_1 PARTITION OF au.parted FOR VALUES IN (1);
CREATE TABLE au.parted_2 (note text, dropped int, part int NOT NULL, tenant_id uuid, id bigint NOT NULL);
ALTER TABLE au.parted_2 DROP COLUMN dropped;
ALTER TABLE au.parted ATTACH PARTITION au.parted_2 FOR VALUES IN (2);
SELECT statement FROM bastion.audit_table('au.parted', redact => '{tenant_id}');
CREATE TABLE au.parted_3 PARTITION OF au.parted FOR VALUES IN (3);
INSERT INTO au.parted VALUES (1, NULL, 1, 'first');
UPDATE au.parted SET part = 2;
UPDATE au.parted_2 SET part = 2, note = 'direct';
UPDATE au.parted SET part = 3;
TRUNCATE au.parted_2;
COPY au.parted (id, part, note) FROM STDIN (DELIMITER ',');
2,2,copied
\.
SELECT op, relation, key, old, new FROM au.news();
SELECT tgname, tgrelid::regclass, tgenabled FROM pg_trigger WHERE tgfoid = 'bastion_internal.audit_change()'::regprocedure ORDER BY 2, 1;
DROP TABLE au.parted;

-- values: settings of the session do not count, nor do output functions that they influence
CREATE TYPE au.mood AS ENUM ('sad', 'ok');
CREATE TYPE au.pair AS (a int, b text);
CREATE DOMAIN au.short AS text CHECK (length(value) < 90);
CREATE TABLE au.kinds (id uuid PRIMARY KEY, b boolean, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, d date, t timestamp, tz timestamptz, iv interval, by bytea,
    j json, jb jsonb, arr text[], r int4range, m money, e au.mood, p au.pair, s au.short, bits bit(4), ip inet, c "char", n name, rc regclass, z bpchar(5));
SELECT statement FROM bastion.audit_table('au.kinds');
CREATE FUNCTION au.fill() RETURNS void LANGUAGE sql AS $$
    INSERT INTO au.kinds VALUES ('00000000-0000-4000-8000-000000000001', true, -1, 2147483647, -9223372036854775808, 0.1, 'NaN', '2024-02-29', 'infinity', '2024-01-01 12:00:00.5+02', '1 day 2 hours', decode('00ff', 'hex'),
        '{"a":  1}', '{"b": [1, null]}', ARRAY['x', NULL, 'y"z'], '[1,5)', 12.5::numeric::money, 'ok', ROW (1, 'two'), 'short', B'1010', '10.0.0.1/8', 'c', 'name', 'pg_class', 'ab');
    DELETE FROM au.kinds
$$;
SELECT au.fill();
SET DateStyle = 'SQL, DMY';
SET IntervalStyle = 'iso_8601';
SET TimeZone = 'Asia/Tokyo';
SET extra_float_digits = -10;
SET bytea_output = 'escape';
SET search_path = '';
SELECT au.fill();
RESET ALL;
SET client_min_messages = warning;
SET application_name = 'audit test';
SELECT jsonb_pretty(min(new::text)::jsonb) AS values, count(DISTINCT coalesce(old, new)) AS forms, count(*) FROM (SELECT nullif(new, '{}') AS new, nullif(old, '{}') AS old FROM au.news()) n;
DROP TABLE au.kinds;

-- large values, and more columns than fit
CREATE TABLE au.large (id int PRIMARY KEY, a text, b text);
SELECT statement FROM bastion.audit_table('au.large');
INSERT INTO au.large VALUES (1, repeat('a', 100000), 'small');
UPDATE au.large SET a = a || 'b';
SELECT op, new = jsonb_build_object('id', '1', 'a', jsonb_build_object('sha256', encode(sha256(convert_to(repeat('a', 100000), 'UTF8')), 'hex')), 'b', 'small') AS whole,
       new -> 'a' ->> 'sha256' = encode(sha256(convert_to(repeat('a', 100000) || 'b', 'UTF8')), 'hex') AS changed FROM au.news();
DROP TABLE au.large;
DO $$ BEGIN EXECUTE (SELECT 'CREATE TABLE au.wide (id int PRIMARY KEY, ' || string_agg(format('%I text', rpad('c' || i, 60, 'x')), ', ') || ')' FROM generate_series(1, 1200) i); END $$;
SELECT statement FROM bastion.audit_table('au.wide');
INSERT INTO au.wide (id) VALUES (1);
DO $$ BEGIN EXECUTE (SELECT 'UPDATE au.wide SET ' || string_agg(format('%I = ''some''', rpad('c' || i, 60, 'x')), ', ') FROM generate_series(1, 1200) i); END $$;
SELECT op, key, old, regexp_replace(new::text, '[0-9a-f]{64}', 'HEX') AS new FROM au.news();
DROP TABLE au.wide;
SELECT max(octet_length(entry)) <= 61440 AS within_60_kib FROM bastion.audit_rows;

-- a DEFERRABLE primary key names the row like any other
SELECT op FROM au.news();
CREATE TABLE au.later (id int, part int, note text, PRIMARY KEY (id, part) INCLUDE (note) DEFERRABLE INITIALLY DEFERRED);
SELECT statement FROM bastion.audit_table('au.later');
INSERT INTO au.later VALUES (1, 1, 'a'), (2, 1, 'b');
UPDATE au.later SET note = 'c' WHERE id = 1;
UPDATE au.later SET id = 3 - id;
DELETE FROM au.later;
SELECT op, key, old, new FROM au.news();
SELECT count(*) FROM bastion.audit_drift() WHERE relation = 'au.later'::regclass;
DROP TABLE au.later;
SELECT count(*) < 0 AS none FROM au.news();

-- numbers and texts as tenants, and who acts for whom
CREATE TABLE au.numbered (id int PRIMARY KEY, tenant_id bigint NOT NULL);
CREATE TABLE au.named (id int PRIMARY KEY, tenant_id text NOT NULL);
SELECT statement FROM bastion.protect('au.numbered') UNION ALL SELECT statement FROM bastion.protect('au.named');
SELECT statement FROM bastion.audit_table('au.numbered') UNION ALL SELECT statement FROM bastion.audit_table('au.named');
INSERT INTO au.numbered VALUES (1, :ada_number);
INSERT INTO au.named VALUES (1, :'of_bob');
SELECT relation, tenant FROM au.news();
BEGIN;
SELECT bastion.impersonate((SELECT id::text FROM test.people WHERE name = 'ada'), :'of_ada', 'support', false) IS NOT NULL AS impersonated;
DELETE FROM au.numbered;
COMMIT;
SELECT op, method, user_id = test.id_of('ada') AS for_ada, actor_id IS NULL AS no_account, application IS NULL AS no_application, role = session_user AS role
FROM bastion.audit ORDER BY xid DESC, seq DESC LIMIT 1;
SELECT count(*) FROM au.news();

-- actions of the application
SELECT au.run(:'ada', 'SELECT bastion.audit_log(''workflow.executed'', ''workflow'', ''w7'', false, ''{"error": "none", "took": 1.50}'')');
SELECT au.run(:'ada', 'SELECT bastion.audit_log(''exported'')');
SELECT op, relation, key, tenant, who, old, new FROM au.news();
SELECT au.run(:'ada', format('SELECT bastion.audit_log(%s)', a)) FROM unnest(ARRAY['NULL', '''''', '''INSERT''', '''a..b''', '''a b''', 'repeat(''a'', 128)',
    '''a'', ''''', '''a'', ''t'', chr(10)', '''a'', success => NULL']) a;
SELECT au.run(NULL, 'SELECT bastion.audit_log(''a'')'), au.run('wrong', 'SELECT bastion.audit_log(''a'')');
-- an action is no change of a row, whatever it names
SELECT au.run(:'ada', 'SELECT bastion.audit_log(''insert'', ''au.named'', ''1'')');
SELECT kind, op, relation FROM bastion.audit ORDER BY xid DESC, seq DESC LIMIT 1;

-- reading: the tenant's, by permission, and no other way
SELECT au.run(:'ada', 'SELECT count(*) > 20 AND bool_and(tenant_id = bastion.tenant_id()) FROM bastion.audit');
SELECT au.run(:'bob', 'SELECT count(*) > 0 AND bool_and(tenant_id = bastion.tenant_id()) FROM bastion.audit');
SELECT au.run(NULL, 'SELECT count(*) FROM bastion.audit'), au.run(NULL, 'SELECT count(*) FROM bastion.audit_rows');
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) VALUES (test.id_of('ada'), :'of_bob', test.role_of('owner'));
UPDATE bastion.memberships SET role_id = test.role_of('viewer') WHERE user_id = test.id_of('bob');
SELECT au.run(:'bob', 'SELECT count(*) FROM bastion.audit');
SELECT au.run(:'ada', s) FROM unnest(ARRAY['SELECT count(*) FROM bastion.audit_rows_default', 'INSERT INTO bastion.audit_rows SELECT * FROM bastion.audit_rows', 'UPDATE bastion.audit_rows SET op = ''x''',
    'DELETE FROM bastion.audit_rows', 'TRUNCATE bastion.audit_rows', 'SELECT bastion_internal.audit_action(''a'', NULL, NULL, true, NULL)',
    'ALTER TABLE au.named DISABLE TRIGGER ALL', 'DROP TRIGGER _bastion_audit ON au.named', 'SELECT bastion.audit_untable(''au.named'')',
    'CREATE TEMP TABLE forged (id int); CREATE TRIGGER t AFTER INSERT ON forged FOR EACH ROW EXECUTE FUNCTION bastion_internal.audit_change('''')']) s;
-- the owner, by mistake
SELECT test.error(s) FROM unnest(ARRAY['UPDATE bastion.audit_rows SET op = ''x''', 'DELETE FROM bastion.audit_rows_default', 'TRUNCATE bastion.audit_rows']) s;
-- the trigger where it does not belong
CREATE TABLE au.wrong (id int PRIMARY KEY);
CREATE TRIGGER t BEFORE INSERT ON au.wrong FOR EACH ROW EXECUTE FUNCTION bastion_internal.audit_change('');
SELECT test.error('INSERT INTO au.wrong VALUES (1)');
DROP TRIGGER t ON au.wrong;
CREATE TRIGGER t AFTER INSERT ON au.wrong FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.audit_change('');
SELECT test.error('INSERT INTO au.wrong VALUES (1)');
DROP TRIGGER t ON au.wrong;
CREATE TRIGGER t AFTER INSERT ON au.wrong FOR EACH ROW EXECUTE FUNCTION bastion_internal.audit_change();
SELECT test.error('INSERT INTO au.wrong VALUES (1)'), test.error('SELECT bastion_internal.audit_change()');
DROP TRIGGER t ON au.wrong;
CREATE TRIGGER t AFTER INSERT ON au.wrong FOR EACH ROW EXECUTE FUNCTION bastion_internal.audit_change('', 'r:', '', 'r');
INSERT INTO au.wrong VALUES (1);
DROP TABLE au.wrong;
-- what is no entry hides no other
INSERT INTO bastion.audit_rows VALUES (1, '1', 1, '2000-01-01', NULL, 'forged', 'INSERT', NULL, 'no entry'), (1, '1', 2, '2000-01-01', NULL, 'forged', 'INSERT', NULL, '');
SELECT kind, relation, key, old FROM bastion.audit WHERE relation = 'forged';

-- the history of a row
CREATE TABLE au.history (id int, "of" text, tenant_id uuid, note text, pin text, PRIMARY KEY (id, "of"));
SELECT statement FROM bastion.audit_table('au.history', redact => '{pin}');
INSERT INTO au.history VALUES (1, 'x', NULL, 'a', '1'), (1, 'y', NULL, 'other', '2');
UPDATE au.history SET note = NULL, pin = '3' WHERE "of" = 'x';
DELETE FROM au.history WHERE "of" = 'x';
SELECT op, role = session_user AS role, column_name, old_value, new_value FROM bastion.audit_history('au.history', '{"id": "1", "of": "x"}');
SELECT op, column_name FROM bastion.audit_history('au.history', '{"of": "x"}', 1);
SELECT count(*) AS none FROM bastion.audit_history('au.history', NULL) UNION ALL SELECT count(*) FROM bastion.audit_history(NULL, '{}') UNION ALL SELECT count(*) FROM bastion.audit_history('au.history', '{"id": "2"}');
SELECT test.error('SELECT bastion.audit_history(''au.history'', ''{}'', -1)');
SELECT au.run(:'ada', 'SELECT count(*) FROM bastion.audit_history(''au.history'', ''{}'')');

DROP SCHEMA au CASCADE;
DELETE FROM bastion.tenants WHERE id IN (SELECT tenant FROM test.people);
DELETE FROM bastion.users WHERE id IN (SELECT id FROM test.people);
DELETE FROM test.people;

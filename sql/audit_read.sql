-- Reading the log of changes: pages of the history of a row, a table as it was, exports and a picture; by user and by time under an index.
-- Members see what their tenant did, and no code of a table runs.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA rd;
GRANT USAGE ON SCHEMA rd TO regress_app;
INSERT INTO test.people (name, id, tenant, number, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, (a #>> '{tenant,number}')::bigint, a ->> 'access_token'
FROM unnest(ARRAY['eve', 'dan']) n, LATERAL bastion_api.signup(n || '@read.example', 'correct horse battery', 'Reading of ' || n) a;
SELECT token AS eve, tenant AS of_eve, id AS eve_id FROM test.people WHERE name = 'eve' \gset
SELECT token AS dan, tenant AS of_dan FROM test.people WHERE name = 'dan' \gset
CREATE FUNCTION rd.run(token text, statement text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(nullif(concat_ws(': ', a.error, a.detail), ''), a.answer, 'NULL') FROM test.as_app(token, NULL, NULL, statement) a
$$;

-- moments between statements
CREATE TABLE rd.moments (name text PRIMARY KEY, at timestamptz NOT NULL);
GRANT SELECT ON rd.moments TO regress_app;
CREATE FUNCTION rd.note(name text) RETURNS void LANGUAGE sql AS $$ SELECT pg_sleep(0.002); INSERT INTO rd.moments VALUES (name, clock_timestamp()); SELECT pg_sleep(0.002) $$;
CREATE FUNCTION rd.was(relation regclass, name text) RETURNS TABLE (key jsonb, "row" jsonb) LANGUAGE sql AS $$
    SELECT key, "row" - 'tenant_id' FROM bastion.audit_as_of(relation, (SELECT m.at FROM rd.moments m WHERE m.name = was.name))
$$;

CREATE TABLE rd.notes (id int PRIMARY KEY, tenant_id uuid NOT NULL, title text, body text, pin text, n numeric);
SELECT count(*) > 0 AS protected FROM bastion.protect('rd.notes');
GRANT SELECT, INSERT, UPDATE, DELETE ON rd.notes TO regress_app;
-- rows from before the audit
INSERT INTO rd.notes VALUES (1, :'of_eve', 'old', 'b', 'p', 1), (2, :'of_eve', 'untouched', 'b', 'p', 2), (3, :'of_dan', 'of dan', 'b', 'p', 3);
SELECT count(*) > 0 AS audited FROM bastion.audit_table('rd.notes', exclude => '{body}', redact => '{pin}');
SELECT rd.note('begin') \gset _
SELECT rd.run(:'eve', 'UPDATE rd.notes SET title = ''new'', n = NULL WHERE id = 1 RETURNING id');
SELECT rd.run(:'eve', 'INSERT INTO rd.notes (id, title, body, pin, n) VALUES (4, ''four'', ''secret body'', ''1234'', 4.0) RETURNING id');
SELECT rd.run(:'dan', 'UPDATE rd.notes SET n = 33 WHERE id = 3 RETURNING id');
SELECT rd.note('second') \gset _
SELECT rd.run(:'eve', 'UPDATE rd.notes SET id = 5, pin = ''9'' WHERE id = 4 RETURNING id');
SELECT rd.run(:'eve', 'DELETE FROM rd.notes WHERE id = 1 RETURNING id');
SELECT rd.note('third') \gset _
SELECT rd.run(:'eve', 'INSERT INTO rd.notes (id, title) VALUES (1, ''again'') RETURNING id');
SELECT rd.run(:'eve', 'UPDATE rd.notes SET title = NULL WHERE id = 1 RETURNING id');
SELECT rd.note('fourth') \gset _
SELECT m.name, w.* FROM rd.moments m, LATERAL rd.was('rd.notes', m.name) w ORDER BY m.at, w.key;
-- a moment before everything, and no moment
SELECT * FROM bastion.audit_as_of('rd.notes', '2000-01-01') WHERE NOT "row" ? 'title';
SELECT count(*) FROM bastion.audit_as_of('rd.notes', NULL) UNION ALL SELECT count(*) FROM bastion.audit_as_of(NULL, now()) UNION ALL SELECT count(*) FROM bastion.audit_as_of('rd.moments', now());
-- typed
SELECT r.* FROM bastion.audit_as_of('rd.notes', (SELECT at FROM rd.moments WHERE name = 'second')) a, jsonb_populate_record(NULL::rd.notes, a."row" - 'tenant_id') r WHERE a.key = '{"id": "4"}';
-- each tenant alone, and only with the permission
SELECT rd.run(:'eve', 'SELECT string_agg(key ->> ''id'', '' '' ORDER BY key) FROM bastion.audit_as_of(''rd.notes'', (SELECT at FROM rd.moments WHERE name = ''second''))');
SELECT rd.run(:'dan', 'SELECT string_agg("row" ->> ''n'', '' '' ORDER BY key) FROM bastion.audit_as_of(''rd.notes'', (SELECT at FROM rd.moments WHERE name = ''second''))');
SELECT rd.run(NULL, 'SELECT count(*) FROM bastion.audit_as_of(''rd.notes'', now())'), rd.run(NULL, 'SELECT count(*) FROM bastion.audit_json_lines()'),
       rd.run(NULL, 'SELECT count(*) FROM bastion.audit_csv_lines()'), rd.run(NULL, 'SELECT count(*) FROM bastion.audit_picture(''rd.notes'', ''{"id": "4"}'')');
SELECT rd.run('wrong', 'SELECT count(*) FROM bastion.audit_as_of(''rd.notes'', now())');
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) VALUES (:'eve_id', :'of_dan', test.role_of('owner'));
UPDATE bastion.memberships SET role_id = test.role_of('viewer') WHERE user_id = test.id_of('dan');
SELECT rd.run(:'dan', 'SELECT count(*) FROM bastion.audit_as_of(''rd.notes'', now())'), rd.run(:'dan', 'SELECT count(*) FROM bastion.audit_json_lines()'), rd.run(:'dan', 'SELECT count(*) FROM bastion.audit_history(''rd.notes'', ''{}'')');
UPDATE bastion.memberships SET role_id = test.role_of('owner') WHERE user_id = test.id_of('dan');
-- TRUNCATE, which members do not see, ends rows for them too
SELECT rd.note('before') \gset _
TRUNCATE rd.notes;
SELECT rd.note('emptied') \gset _
INSERT INTO rd.notes VALUES (5, :'of_eve', 'after', NULL, NULL, 1);
SELECT rd.note('after') \gset _
SELECT m.name, rd.run(:'eve', format('SELECT string_agg(concat(key ->> ''id'', "row" ->> ''title''), '' '' ORDER BY key) FROM bastion.audit_as_of(''rd.notes'', %L)', m.at))
FROM rd.moments m WHERE m.name IN ('before', 'emptied', 'after') ORDER BY m.at;
SELECT rd.run(:'eve', 'SELECT count(*) FROM bastion.audit WHERE op = ''TRUNCATE''');
-- TRUNCATE of a partition leaves the rows of the others, and says which; that of the table ends all
CREATE TABLE rd.parted (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE rd.parted_1 PARTITION OF rd.parted FOR VALUES FROM (1) TO (2);
CREATE TABLE rd.parted_2 PARTITION OF rd.parted FOR VALUES FROM (2) TO (3);
SELECT count(*) > 0 AS audited FROM bastion.audit_table('rd.parted');
INSERT INTO rd.parted VALUES (1), (2);
TRUNCATE rd.parted_1;
SELECT a.relation, (SELECT count(*) FROM bastion.audit_as_of('rd.parted', clock_timestamp())) AS alive FROM bastion.audit a WHERE a.op = 'TRUNCATE' AND a.relation ~ '^rd.parted';
TRUNCATE rd.parted;
SELECT a.relation, (SELECT count(*) FROM bastion.audit_as_of('rd.parted', clock_timestamp())) AS alive FROM bastion.audit a WHERE a.op = 'TRUNCATE' AND a.relation ~ '^rd.parted' ORDER BY a.xid, a.relation;
DROP TABLE rd.parted;
-- a column that is redacted later hides what was plain; a renamed one has its former name; a value that was too large is unknown
CREATE TABLE rd.later (id int PRIMARY KEY, a text, b text);
SELECT count(*) > 0 AS audited FROM bastion.audit_table('rd.later');
INSERT INTO rd.later VALUES (1, 'plain', 'b'), (2, 'plain', 'b');
SELECT count(*) > 0 AS audited FROM bastion.audit_table('rd.later', redact => '{a}');
UPDATE rd.later SET a = 'redacted' WHERE id = 1;
SELECT "row" FROM bastion.audit_as_of('rd.later', now() + '1 s');
SELECT count(*) > 0 AS audited FROM bastion.audit_table('rd.later');
ALTER TABLE rd.later RENAME b TO c;
UPDATE rd.later SET c = 'renamed' WHERE id = 1;
SELECT "row" FROM bastion.audit_as_of('rd.later', now() + '1 s') WHERE key = '{"id": "1"}';
DO $$ BEGIN EXECUTE (SELECT 'CREATE TABLE rd.wide (id int PRIMARY KEY, ' || string_agg(format('%I text', rpad('c' || i, 60, 'x')), ', ') || ')' FROM generate_series(1, 1200) i); END $$;
SELECT count(*) > 0 AS audited FROM bastion.audit_table('rd.wide');
INSERT INTO rd.wide (id) VALUES (1);
SELECT rd.note('narrow') \gset _
DO $$ BEGIN EXECUTE (SELECT 'UPDATE rd.wide SET ' || string_agg(format('%I = ''some''', rpad('c' || i, 60, 'x')), ', ') FROM generate_series(1, 1200) i); END $$;
SELECT (SELECT count(*) FROM jsonb_object_keys("row")) AS columns FROM rd.was('rd.wide', 'narrow') UNION ALL SELECT (SELECT count(*) FROM jsonb_object_keys("row")) FROM bastion.audit_as_of('rd.wide', now() + '1 s');

-- made again under the name of one that was dropped
DROP TABLE rd.later;
CREATE TABLE rd.later (id int PRIMARY KEY, a text);
SELECT count(*) > 0 AS audited FROM bastion.audit_table('rd.later');
INSERT INTO rd.later VALUES (1, 'made again');
SELECT rd.note('again') \gset _
DELETE FROM rd.later;
SELECT "row" FROM rd.was('rd.later', 'again') WHERE key = '{"id": "1"}';
SELECT count(*) FROM bastion.audit_as_of('rd.later', now() + '1 s') WHERE key = '{"id": "1"}';

-- pages: every change once, the newest first
SELECT rd.run(:'eve', format('INSERT INTO rd.notes (id, n) VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET n = excluded.n RETURNING id', 7, i)) FROM generate_series(1, 7) i;
CREATE FUNCTION rd.pages(size integer) RETURNS TABLE (page integer, n text) LANGUAGE plpgsql AS $$
DECLARE
    line record;
    at timestamptz;
    xid xid8;
    seq bigint;
    number integer := 0;
BEGIN
    LOOP
        number := number + 1;
        FOR line IN SELECT * FROM bastion.audit_history('rd.notes', '{"id": "7"}', size, at, xid, seq) LOOP
            at := line.occurred_at; xid := line.xid; seq := line.seq;
            IF line.column_name = 'n' THEN page := number; n := line.new_value; RETURN NEXT; END IF;
        END LOOP;
        EXIT WHEN NOT FOUND OR number > 20;
    END LOOP;
END
$$;
SELECT page, string_agg(n, ' ') FROM rd.pages(3) GROUP BY page ORDER BY page;
SELECT string_agg(n, ' ') FROM rd.pages(1) UNION ALL SELECT string_agg(n, ' ') FROM rd.pages(100);
SELECT DISTINCT op, new_value FROM bastion.audit_history('rd.notes', '{"id": "4"}', before_time => (SELECT at FROM rd.moments WHERE name = 'second')) WHERE column_name = 'title';

-- exports: what a member sees, a line for each entry, in order
SELECT rd.run(:'dan', 'INSERT INTO rd.notes (id, title) VALUES (8, concat(''a "quoted"'', chr(10), ''line, and '', chr(92), '' more'')) RETURNING id');
SELECT rd.run(:'dan', 'SELECT string_agg(l::jsonb ->> ''op'', '' '') FROM bastion.audit_json_lines() l WHERE l::jsonb ->> ''relation'' = ''rd.notes''');
SELECT rd.run(:'dan', 'SELECT l::jsonb #>> ''{new,title}'' FROM bastion.audit_json_lines() l ORDER BY l::jsonb -> ''occurred_at'' DESC LIMIT 1');
SELECT l::jsonb - 'occurred_at' = to_jsonb(a) - 'occurred_at' AS same, (l::jsonb ->> 'occurred_at')::timestamptz = a.occurred_at AS then FROM bastion.audit_json_lines((SELECT at FROM rd.moments WHERE name = 'begin'), (SELECT at FROM rd.moments WHERE name = 'second')) l
LEFT JOIN bastion.audit a ON (a.xid::text, a.seq) = (l::jsonb ->> 'xid', (l::jsonb -> 'seq')::bigint) WHERE a.relation = 'rd.notes' OR a.era IS NULL;
CREATE TABLE rd.csv (LIKE bastion.audit);
SELECT (SELECT count(*) FROM bastion.audit_csv_lines()) - 1 = count(*) AND (SELECT count(*) FROM bastion.audit_json_lines()) = count(*) AS each FROM bastion.audit;
SELECT min(l) AS header FROM bastion.audit_csv_lines((SELECT at FROM rd.moments WHERE name = 'after'), (SELECT at FROM rd.moments WHERE name = 'after')) l;
SELECT rd.run(:'dan', 'SELECT regexp_replace(l, ''^.*"rd.notes",|,"[^,]*"$'', '''') FROM bastion.audit_csv_lines() WITH ORDINALITY u (l, n) ORDER BY n DESC LIMIT 1') ~ '^"INSERT","{""id"": ""8""}"' AS quoted;
COPY (SELECT replace(regexp_replace(l, '.*(.relation.: .rd.notes.).*', '{ONE}'), 'ONE', substring(l FROM '.title.: .{30}')) FROM bastion.audit_json_lines((SELECT at FROM rd.moments WHERE name = 'after')) l
      WHERE l::jsonb #>> '{key,id}' = '8') TO STDOUT (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
-- and back: psql reads what it wrote
\set csv `mktemp`
\pset format unaligned
\pset tuples_only on
\o :csv
SELECT bastion.audit_csv_lines((SELECT at FROM rd.moments WHERE name = 'begin'));
\o
\pset tuples_only off
\pset format aligned
\set load '\\copy rd.csv FROM ' :'csv' ' WITH (FORMAT csv, HEADER, FORCE_NULL (tenant_id, actor_id, user_id, unit_id, session_id, api_key_id, delegation_id, actors))'
:load
\set remove '\\! rm ' :csv
:remove
SELECT count(*) > 20 AS some, count(*) FILTER (WHERE a.era IS NULL OR (c.occurred_at, c.key, c.old, c.new, c.actor_id) IS DISTINCT FROM (a.occurred_at, a.key, a.old, a.new, a.actor_id)) AS other
FROM rd.csv c LEFT JOIN bastion.audit a ON (a.xid, a.seq) = (c.xid, c.seq);

-- a picture
CREATE TABLE rd.drawn (id int, "of" text, note text, pin text, PRIMARY KEY (id, "of"));
SELECT count(*) > 0 AS audited FROM bastion.audit_table('rd.drawn', redact => '{pin}');
SET application_name = 'picture test';
INSERT INTO rd.drawn VALUES (1, 'x', 'first', '1'), (1, 'y', 'other', '1');
UPDATE rd.drawn SET note = E'a\tb\x1b[31m' || repeat('long', 20), pin = '2' WHERE "of" = 'x';
UPDATE rd.drawn SET note = NULL WHERE "of" = 'x';
DELETE FROM rd.drawn WHERE "of" = 'x';
RESET application_name;
SELECT regexp_replace(replace(l, session_user, 'ROLE'), '[0-9-]{10} [0-9:]{8}', 'TIME') AS picture FROM bastion.audit_picture('rd.drawn', '{"of": "x"}') l;
SELECT count(*) FROM bastion.audit_picture('rd.drawn', '{"of": "x"}', 1) UNION ALL SELECT count(*) FROM bastion.audit_picture(NULL, '{}') UNION ALL SELECT count(*) FROM bastion.audit_picture('rd.drawn', NULL);
SELECT replace(rd.run(:'eve', 'SELECT string_agg(l, '' '') FROM bastion.audit_picture(''rd.notes'', ''{"id": "7"}'', 1) l'), :'eve_id', 'EVE') ~ 'UPDATE  by EVE [|]     n: 6 -> 7' AS eve;

-- by user and by time: an index, for members and operators
INSERT INTO rd.drawn SELECT i, 'z', 'many', '' FROM generate_series(1, 2000) i;
ANALYZE bastion.audit_rows_default;
CREATE FUNCTION rd.plan(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    found text;
    out text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
        found := CASE WHEN line ~ 'Seq Scan on audit_rows' THEN 'no index ' WHEN line ~ 'audit_rows_default_(tenant_id|actor_id)_occurred_at_idx' THEN 'tenant or user '
                      WHEN line ~ 'audit_rows_default_op_occurred_at_idx' THEN 'action ' END;
        IF found IS NOT NULL AND strpos(out, found) = 0 THEN out := out || found; END IF;
    END LOOP;
    RETURN out;
END
$$;
GRANT EXECUTE ON FUNCTION rd.plan(text) TO regress_app;
SELECT rd.plan(format('SELECT * FROM bastion.audit WHERE actor_id = %L ORDER BY occurred_at DESC LIMIT 10', :'eve_id'));
SELECT rd.plan('SELECT * FROM bastion.audit WHERE op = ''workflow.executed'' AND occurred_at > now() - interval ''1 day''');
SELECT rd.run(:'eve', $$SELECT rd.plan('SELECT * FROM bastion.audit WHERE occurred_at > now() - interval ''1 s'' ORDER BY occurred_at DESC LIMIT 10')$$);
SELECT rd.run(:'eve', format('SELECT rd.plan(%L)', format('SELECT * FROM bastion.audit WHERE actor_id = %L AND occurred_at > now() - interval ''1 s'' ORDER BY occurred_at DESC LIMIT 10', :'eve_id')));
SELECT rd.run(:'eve', $$SELECT rd.plan('SELECT * FROM bastion.audit WHERE (occurred_at, xid, seq) < (now(), ''5'', 1) ORDER BY occurred_at DESC, xid DESC, seq DESC LIMIT 10')$$);
DROP SCHEMA rd CASCADE;
DELETE FROM bastion.tenants WHERE id IN (SELECT tenant FROM test.people);
DELETE FROM bastion.users WHERE id IN (SELECT id FROM test.people);
DELETE FROM test.people;

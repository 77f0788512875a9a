-- What the log of changes holds of odd values and columns: their text, from which the same value can be made again. No code of a table's
-- owner runs, neither when a row is recorded nor when it is read.
\set VERBOSITY terse
SET client_min_messages = warning;
SET array_nulls = on;
CREATE SCHEMA av;
CREATE TYPE av.mood AS ENUM ('sad', 'so-so', 'it''s "ok", {really}');
CREATE TYPE av.pair AS (a int, b text);
CREATE TYPE av.nested AS (p av.pair, many av.pair[], moods av.mood[]);
CREATE DOMAIN av.small AS int CHECK (value < 100);
CREATE DOMAIN av.list AS text[] CHECK (cardinality(value) < 9);
CREATE TYPE av.moods AS RANGE (subtype = av.mood);
CREATE TABLE av.odd (id int PRIMARY KEY, r4 int4range, r8 int8range, rn numrange, rd daterange, rt tstzrange, mr int4multirange, rm av.moods, empty text, arr int[], grid text[], nulls text[],
    moods av.mood[], p av.pair, n av.nested, s av.small, l av.list, b bytea, f4 float4, f8 float8, num numeric, d date, t time, tt timetz, ts timestamp, tz timestamptz, iv interval, js json, jb jsonb, tv tsvector, tq tsquery,
    bits varbit, pt point, bx box, poly polygon, circ circle, ip inet, net cidr, mac macaddr, o oid, rp regproc, c "char", nm name, lsn pg_lsn, x xid8, jp jsonpath, m money, u uuid[]);
SELECT count(*) > 0 AS audited FROM bastion.audit_table('av.odd');
CREATE TABLE av.kept (LIKE av.odd);
CREATE FUNCTION av.fill() RETURNS void LANGUAGE sql AS $$
    INSERT INTO av.odd (id, r4, r8, rn, rd, rt, mr, rm, empty, arr, grid, nulls, moods, p, n, s, l, b, f4, f8, num, d, t, tt, ts, tz, iv, js, jb, tv, tq, bits, pt, bx, poly, circ, ip, net, mac, o, rp, c, nm, lsn, x, jp, m, u) VALUES
    (1, '[1,5)', '(,7]', '[-infinity,1.50)', '[2024-02-29,infinity)', '["2024-01-01 12:00+02",)', '{[1,2),[5,7)}', '[sad,so-so]', '', '[-1:1]={1,2,3}', ARRAY[['a', 'b " c'], ['', NULL]], ARRAY[NULL, 'NULL', 'null'],
     ARRAY['it''s "ok", {really}', NULL]::av.mood[], ROW (NULL, 'quote " comma , paren ) backslash ' || chr(92)), ROW (ROW (1, ''), ARRAY[ROW (2, NULL)]::av.pair[], '{sad}'), 99, '{x}', decode('00ff5c', 'hex'),
     '-infinity', 'NaN', 'NaN', 'infinity', '24:00:00', '23:59:59.999999-15:59', '4713-01-01 00:00:00 BC', '-infinity', '1 year -2 mons 3 days -04:05:06.789', '{"a":1,"a":  2}', '{"b": [1.50, "x"]}', 'a:1A b:2', 'a & !b',
     B'10101', '(1e300,-0)', '(1,1),(0,0)', '((0,0),(1,1),(2,0))', '<(0,0),1.5>', '::1/64', '10.0.0.0/8', '08:00:2b:01:02:03', 4294967295, 'pg_sleep', '"', repeat('n', 63)::name, 'FFFFFFFF/1', '18446744073709551615', '$.a[*] ? (@ > 1)',
     (-1234.5)::numeric::money, '{00000000-0000-4000-8000-000000000001}'),
    (2, 'empty', NULL, NULL, NULL, NULL, '{}', 'empty', NULL, '{}', '{}', '{}', '{}', NULL, NULL, NULL, NULL, '', 'NaN', '-infinity', 'infinity', '-infinity', '00:00', NULL, 'infinity', '0044-03-15 00:00:00+00 BC', '0', 'null', 'null', '', NULL,
     B'', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, '', '', NULL, NULL, NULL, NULL, '{}')
$$;
SELECT av.fill();
INSERT INTO av.kept SELECT * FROM av.odd;
DELETE FROM av.odd;
-- the same values again, whatever the settings of the session that wrote them
SELECT a.op, a.key, to_jsonb(r) - '{js,jb}'::text[] = to_jsonb(k) - '{js,jb}'::text[] AS same, (v.all ->> 'js', (v.all ->> 'jb')::jsonb) IS NOT DISTINCT FROM (k.js::text, k.jb) AS json
FROM bastion.audit a CROSS JOIN LATERAL (SELECT coalesce(nullif(a.new, '{}'), a.old) AS "all") v JOIN av.kept k ON k.id::text = a.key ->> 'id', jsonb_populate_record(NULL::av.odd, v.all) r
WHERE a.relation = 'av.odd' ORDER BY a.xid, a.seq;
SET DateStyle = 'German';
SET IntervalStyle = 'sql_standard';
SET TimeZone = 'America/New_York';
SET extra_float_digits = -15;
SET bytea_output = 'escape';
SET quote_all_identifiers = on;
SELECT av.fill();
RESET ALL;
SET client_min_messages = warning;
SET array_nulls = on;
SELECT count(*), count(DISTINCT a.new) AS forms FROM bastion.audit a WHERE a.relation = 'av.odd' AND a.op = 'INSERT';
SELECT e.key AS name, e.value AS one FROM bastion.audit a, jsonb_each_text(a.new) e WHERE a.relation = 'av.odd' AND a.op = 'INSERT' AND a.key = '{"id": "1"}' AND e.key IN ('rt', 'tz', 'ts', 'iv', 'n', 'arr', 'f8', 'num', 'd', 'b', 'm', 'tt') AND a.xid = (SELECT max(b.xid::text::numeric)::text::xid8 FROM bastion.audit b WHERE b.relation = 'av.odd') ORDER BY e.key COLLATE "C";

-- 1,600 columns, of which each changes
DO $$ BEGIN EXECUTE (SELECT 'CREATE TABLE av.wide (id int PRIMARY KEY, ' || string_agg(format('c%s boolean', i), ', ') || ')' FROM generate_series(1, 1599) i); END $$;
SELECT count(*) > 0 AS audited FROM bastion.audit_table('av.wide');
INSERT INTO av.wide (id) VALUES (1);
DO $$ BEGIN EXECUTE (SELECT 'UPDATE av.wide SET ' || string_agg(format('c%s = %L', i, i % 2 = 0), ', ') FROM generate_series(1, 1599) i); END $$;
SELECT a.op, (SELECT count(*) FROM jsonb_object_keys(a.new)) AS changed, a.new ->> 'c1' AS first, a.new ->> 'c1598' AS last FROM bastion.audit a WHERE a.relation = 'av.wide' ORDER BY a.xid, a.seq;
SELECT (SELECT count(*) FROM jsonb_object_keys(w."row")) AS columns FROM bastion.audit_as_of('av.wide', now()) w;

-- generated, dropped, added and renamed columns
CREATE TABLE av.changing (id int PRIMARY KEY, gone text, a int, twice int GENERATED ALWAYS AS (a * 2) STORED, long text GENERATED ALWAYS AS (repeat('x', a)) STORED);
SELECT count(*) > 0 AS audited FROM bastion.audit_table('av.changing');
INSERT INTO av.changing VALUES (1, 'here', 3);
ALTER TABLE av.changing DROP COLUMN gone;
UPDATE av.changing SET a = 4;
ALTER TABLE av.changing ADD COLUMN gone int DEFAULT 7;
UPDATE av.changing SET a = 5, gone = 8;
ALTER TABLE av.changing RENAME a TO gone_too;
UPDATE av.changing SET gone_too = 0;
ALTER TABLE av.changing ALTER gone TYPE text USING 'text ' || gone;
UPDATE av.changing SET gone = 'other';
SELECT a.op, a.old, a.new FROM bastion.audit a WHERE a.relation = 'av.changing' ORDER BY a.xid, a.seq;
SELECT "row" FROM bastion.audit_as_of('av.changing', now());

-- the owner of a table attaches code to its types: casts and operators. None runs with the rights of those who write or read.
CREATE ROLE regress_av_owner;
GRANT USAGE, CREATE ON SCHEMA av TO regress_av_owner;
SELECT bastion.allow_migration_role('regress_av_owner') \gset _
SET ROLE regress_av_owner;
CREATE TYPE av.trap AS ENUM ('a', 'b');
CREATE TYPE av.snare AS (t av.trap, n int);
CREATE FUNCTION av.sprung(what text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'sprung: %', what; RETURN what; END $$;
CREATE FUNCTION av.to_json(av.trap) RETURNS json LANGUAGE sql AS $$ SELECT to_json(av.sprung('json')) $$;
CREATE FUNCTION av.to_jsonb(av.snare) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(av.sprung('jsonb')) $$;
CREATE FUNCTION av.to_text(av.trap) RETURNS text LANGUAGE sql AS $$ SELECT av.sprung('text') $$;
CREATE FUNCTION av.to_text(av.snare) RETURNS text LANGUAGE sql AS $$ SELECT av.sprung('text') $$;
CREATE FUNCTION av.same(av.snare, av.snare) RETURNS boolean LANGUAGE sql AS $$ SELECT av.sprung('equal') IS NULL $$;
CREATE CAST (av.trap AS json) WITH FUNCTION av.to_json(av.trap);
CREATE CAST (av.snare AS jsonb) WITH FUNCTION av.to_jsonb(av.snare);
CREATE CAST (av.trap AS text) WITH FUNCTION av.to_text(av.trap) AS IMPLICIT;
CREATE CAST (av.snare AS text) WITH FUNCTION av.to_text(av.snare) AS IMPLICIT;
CREATE OPERATOR av.= (LEFTARG = av.snare, RIGHTARG = av.snare, FUNCTION = av.same);
CREATE TABLE av.trapped (id int PRIMARY KEY, t av.trap, s av.snare, many av.trap[]);
SELECT count(*) > 0 AS audited FROM bastion.audit_table('av.trapped');
RESET ROLE;
SELECT to_json('a'::av.trap) AS the_trap_works;
INSERT INTO av.trapped VALUES (1, 'a', ROW ('b', 1), '{a,b}');
UPDATE av.trapped SET t = 'b', s = ROW ('a', 2), many = NULL;
DELETE FROM av.trapped;
SELECT a.op, a.old, a.new FROM bastion.audit a WHERE a.relation = 'av.trapped' ORDER BY a.xid, a.seq;
SELECT count(*) FROM bastion.audit_history('av.trapped', '{"id": "1"}') UNION ALL SELECT count(*) FROM bastion.audit_as_of('av.trapped', now()) UNION ALL SELECT count(*) FROM bastion.audit_picture('av.trapped', '{"id": "1"}')
UNION ALL SELECT count(*) FROM bastion.audit_json_lines(now() - interval '1 h') l WHERE l::jsonb ->> 'relation' = 'av.trapped' UNION ALL SELECT count(*) FROM bastion.audit_csv_lines(now() - interval '1 h') l WHERE l LIKE '%"av.trapped"%';
DROP SCHEMA av CASCADE;
DROP OWNED BY regress_av_owner;
DROP ROLE regress_av_owner;

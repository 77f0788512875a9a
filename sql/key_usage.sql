-- What keys are needed for: sealed values in whatever column of the database, and no forged ones.
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT bastion.resource_register('usage', '{open}');
INSERT INTO bastion.tenants (name, slug) VALUES ('Acme', 'usage-acme'), ('Bob', 'usage-bob');
CREATE SCHEMA used;
CREATE FUNCTION used.seal(slug text DEFAULT 'usage-acme', bound_to text DEFAULT NULL) RETURNS bastion.sealed LANGUAGE sql
AS $$ SELECT bastion.seal_for(t.id, 'attack at dawn', 'usage', seal.bound_to) FROM bastion.tenants t WHERE t.slug = seal.slug $$;
CREATE VIEW used.usage AS
SELECT u.relation, u.column_name, t.slug, u.version, u.state, u.sealed_values FROM bastion.key_usage() u LEFT JOIN bastion.tenants t ON t.id = u.tenant_id
WHERE u.purpose = 'usage' OR u.purpose IS NULL ORDER BY u.relation::text COLLATE "C", u.column_name COLLATE "C", t.slug, u.version;

-- every way for a column to hold a sealed value
CREATE DOMAIN used.secret AS bastion.sealed CHECK (VALUE IS NOT NULL);
CREATE DOMAIN used.secrets AS bastion.sealed[];
CREATE TYPE used.pair AS (label text, value bastion.sealed, other used.secret);
CREATE TYPE used.pairs AS (first used.pair, rest used.pair[]);
CREATE DOMAIN used.nested AS used.pairs;
CREATE TABLE used."odd ""table" (id int PRIMARY KEY, "odd ""column" bastion.sealed);
INSERT INTO used."odd ""table" VALUES (1, used.seal()), (2, used.seal('usage-bob')), (3, NULL);
CREATE TABLE used.arrays (value bastion.sealed[]);
INSERT INTO used.arrays VALUES (ARRAY[used.seal(), NULL, used.seal()]), (ARRAY[[used.seal()], [used.seal()]]), ('{}'), (NULL);
CREATE TABLE used.domains (value used.secret, list used.secrets);
INSERT INTO used.domains VALUES (used.seal(), ARRAY[used.seal(), used.seal()]);
CREATE TABLE used.composites (value used.pair, list used.pair[], deep used.nested, deeper used.nested[]);
INSERT INTO used.composites SELECT p, ARRAY[p, p], (p, ARRAY[p, NULL])::used.pairs, ARRAY[(p, ARRAY[p])::used.pairs::used.nested, NULL]
FROM (SELECT ('a', used.seal(), used.seal())::used.pair) x (p);
INSERT INTO used.composites DEFAULT VALUES;
CREATE TYPE used.range AS RANGE (SUBTYPE = bastion.sealed, MULTIRANGE_TYPE_NAME = used.ranges);
CREATE TYPE used.pair_range AS RANGE (SUBTYPE = used.pair);
CREATE DOMAIN used.narrow AS used.range;
CREATE DOMAIN used.narrows AS used.ranges;
CREATE TABLE used.in_ranges (value used.range, list used.ranges, pairs used.pair_range, narrow used.narrow, narrows used.narrows, deep used.ranges[]);
INSERT INTO used.in_ranges SELECT r, m, used.pair_range(('a', v, v)::used.pair, NULL), r, m, ARRAY[m, NULL, used.ranges()]
FROM (SELECT used.seal()) x (v), LATERAL (SELECT used.range(v, v, '[]')) y (r), LATERAL (SELECT used.ranges(r)) z (m);
INSERT INTO used.in_ranges VALUES (used.range(used.seal(), NULL), used.ranges(), 'empty', 'empty', '{}', '{}'), (NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE used.whole_rows (value used.arrays);
INSERT INTO used.whole_rows SELECT a FROM used.arrays a;
CREATE TABLE used.parts (id int, value bastion.sealed) PARTITION BY RANGE (id);
CREATE TABLE used.part_1 PARTITION OF used.parts FOR VALUES FROM (0) TO (10);
CREATE TABLE used.part_2 PARTITION OF used.parts FOR VALUES FROM (10) TO (20) PARTITION BY LIST (id);
CREATE TABLE used.part_3 PARTITION OF used.part_2 DEFAULT;
INSERT INTO used.parts VALUES (1, used.seal()), (11, used.seal());
CREATE TABLE used.parent (id int, value bastion.sealed);
CREATE TABLE used.child (own bastion.sealed) INHERITS (used.parent);
INSERT INTO used.parent VALUES (1, used.seal());
INSERT INTO used.child VALUES (2, used.seal(), used.seal());
CREATE MATERIALIZED VIEW used.copied AS SELECT value FROM used.parent;
CREATE MATERIALIZED VIEW used.not_yet AS SELECT value FROM used.parent WITH NO DATA;
CREATE TEMPORARY TABLE used_for_now AS SELECT used.seal() AS value;
CREATE TABLE used.registered (id int PRIMARY KEY, value bytea);
INSERT INTO used.registered VALUES (1, used.seal()::bytea);
SELECT bastion.sealed_column_add('used.registered', 'value');
CREATE TABLE used.renamed (id int PRIMARY KEY, value bastion.sealed);
INSERT INTO used.renamed VALUES (1, used.seal());
SELECT bastion.sealed_column_add('used.renamed', 'value');
ALTER TABLE used.renamed RENAME COLUMN value TO former;
CREATE VIEW used.seen AS SELECT value FROM used.parent;
SELECT * FROM used.usage;
CREATE VIEW used.problems AS SELECT * FROM bastion.sealed_problems() WHERE relation::text ~ '^used';
SELECT * FROM used.problems;

-- lint() names what rewrap_all() does not reach; the fixes are good
SELECT severity, object, problem, fix FROM bastion.lint() WHERE object ~ '^used' AND problem ~ 'sealed';
BEGIN;
SELECT fix FROM bastion.lint() WHERE object ~ '^used' AND fix ~ 'sealed_column' \gexec
SELECT object, problem FROM bastion.lint() WHERE object ~ '^used' AND problem ~ 'sealed' AND problem !~ 'inside another type';
ROLLBACK;

-- each of them keeps its key from being retired
SELECT bastion.data_key_rotate('usage', 'usage-acme');
CREATE FUNCTION used.retire() RETURNS text LANGUAGE sql AS $$ SELECT test.error($q$SELECT bastion.min_decryption_version_set('usage', 2, 'usage-acme')$q$) $$;
CREATE FUNCTION used.alone(relation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE (SELECT string_agg(format('DELETE FROM ONLY %s; ', u.relation), '') FROM (
        SELECT DISTINCT u.member AS relation FROM bastion_internal.sealed_everywhere() u JOIN pg_class c ON c.oid = u.member
        WHERE c.relkind = 'r' AND u.member <> alone.relation::regclass AND c.relnamespace <> 'bastion'::regnamespace) u);
    IF relation <> 'used.copied' THEN
        DROP MATERIALIZED VIEW used.copied;
    END IF;
    answer := used.retire();
    RAISE EXCEPTION USING ERRCODE = 'ZZ001', MESSAGE = answer;
EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
    RETURN SQLERRM;
END
$$;
SELECT relation, used.alone(relation) FROM unnest(ARRAY['used."odd ""table"', 'used.arrays', 'used.domains', 'used.composites', 'used.in_ranges', 'used.whole_rows', 'used.part_1', 'used.part_3',
    'used.parent', 'used.child', 'used.copied', 'pg_temp.used_for_now', 'used.registered', 'used.renamed']) relation;
-- and only they do: another tenant's, and a value of another purpose, do not
CREATE TABLE used.others (value bastion.sealed);
INSERT INTO used.others SELECT used.seal('usage-bob');
SELECT used.alone('used.others');

-- A user who may write a column may write the header of another tenant's key. It counts for nothing.
CREATE TABLE used.forged (id int, note text, value bastion.sealed, PRIMARY KEY (note, id));
CREATE FUNCTION used.with_key(value bastion.sealed, key_id integer) RETURNS bastion.sealed LANGUAGE sql
AS $$ SELECT overlay(value::bytea PLACING decode(lpad(to_hex(key_id), 8, '0'), 'hex') FROM 5 FOR 4)::bastion.sealed $$;
CREATE VIEW used.keys AS SELECT k.id, t.slug, k.version FROM bastion.data_keys k JOIN bastion.tenants t ON t.id = k.tenant_id WHERE k.purpose = 'usage';
INSERT INTO used.forged
SELECT k.version, k.slug, used.with_key(used.seal('usage-bob'), k.id) FROM used.keys k
UNION ALL SELECT 3, 'zeros', overlay(decode(repeat('00', 100), 'hex') PLACING E'\\xb7010000'::bytea || decode(lpad(to_hex((SELECT max(id) FROM used.keys)), 8, '0'), 'hex') FROM 1 FOR 8)::bastion.sealed
UNION ALL SELECT 4, 'of no key', used.with_key(used.seal('usage-bob'), 2147483647)
UNION ALL SELECT 5, 'of key 0', used.with_key(used.seal('usage-bob'), 0);
INSERT INTO used.registered VALUES (2, E'\\x'), (3, 'plaintext'), (4, E'\\xb7010000'), (5, decode(repeat('b7', 64), 'hex')), (6, NULL);
SELECT used.alone('used.forged');
SELECT * FROM used.usage WHERE relation IN ('used.forged'::regclass, 'used.registered'::regclass);
SELECT relation, column_name, regexp_replace(row_key, E'\\(\\d+,\\d+\\)', '(page,line)') AS row_key, problem FROM used.problems ORDER BY relation::text COLLATE "C", row_key COLLATE "C";
-- every id that a header can have
SELECT bool_and(p.problem IS NOT NULL) AS none_counts FROM generate_series(0, 255) b, generate_series(0, 3) place,
     LATERAL bastion_internal.head_problem(set_byte(decode('b701000000000000' || repeat('00', 56), 'hex'), 4 + place, b)) p;
SELECT p.* FROM unnest(ARRAY[E'\\x', E'\\xb7', decode(repeat('b7', 63), 'hex'), decode('b7020000' || repeat('00', 60), 'hex'), NULL]::bytea[]) h, LATERAL bastion_internal.head_problem(h) p;

-- A column that cannot be read may hold anything: it is named, the rest is counted, and no key is retired.
CREATE ROLE used_owner;
GRANT USAGE ON SCHEMA used TO used_owner;
CREATE TABLE used.closed (id int PRIMARY KEY, value bastion.sealed, list bastion.sealed[]);
INSERT INTO used.closed VALUES (1, used.seal('usage-bob'), ARRAY[used.seal('usage-bob')]);
ALTER TABLE used.closed OWNER TO used_owner;
REVOKE SELECT ON used.closed FROM used_owner;
CREATE SCHEMA used_closed;
CREATE TABLE used_closed.inside AS SELECT used.seal('usage-bob') AS value;
ALTER TABLE used_closed.inside OWNER TO used_owner;
SELECT count(*) FROM used.usage WHERE sealed_values > 0;
SELECT * FROM bastion.key_usage() WHERE sealed_values IS NULL;
SELECT * FROM used.problems WHERE row_key IS NULL;
CREATE FUNCTION used.retire_bob(force boolean DEFAULT false) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    hint text;
BEGIN
    RETURN bastion.min_decryption_version_set('usage', 2, 'usage-bob', force);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n', SQLSTATE || ' ' || SQLERRM, detail, hint);
END
$$;
SELECT bastion.data_key_rotate('usage', 'usage-bob');
SELECT used.retire_bob();
BEGIN;
DO $$
DECLARE
    holder regclass;
BEGIN
    FOR holder IN SELECT DISTINCT u.relation FROM bastion.key_usage() u JOIN bastion.tenants t ON t.id = u.tenant_id WHERE t.slug = 'usage-bob' LOOP
        EXECUTE format('DELETE FROM %s', holder);
    END LOOP;
END
$$;
SELECT used.retire_bob();
SAVEPOINT unread;
SELECT used.retire_bob(force => true);
-- enabling keys again reads nothing
SELECT bastion.min_decryption_version_set('usage', 1, 'usage-bob');
ROLLBACK TO unread;
GRANT SELECT ON used.closed TO used_owner;
GRANT USAGE ON SCHEMA used_closed TO used_owner;
SELECT used.retire_bob();
DELETE FROM used.closed;
DELETE FROM used_closed.inside;
SELECT used.retire_bob();
ROLLBACK;
DROP SCHEMA used_closed CASCADE;
DROP TABLE used.closed;
REVOKE ALL ON SCHEMA used FROM used_owner;
DROP ROLE used_owner;

-- Types inside each other are read to a depth of 20. A deeper one, and one that doubles at each level, is named.
CREATE FUNCTION used.nest(name text, columns text, levels integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TYPE used.%I AS (%s)', name || 1, replace(columns, 'INSIDE', 'bastion.sealed'));
    FOR level IN 2..levels LOOP
        EXECUTE format('CREATE TYPE used.%I AS (%s)', name || level, replace(columns, 'INSIDE', format('used.%I', name || level - 1)));
    END LOOP;
    EXECUTE format('CREATE TABLE used.%I (value used.%I)', name || '_' || levels, name || levels);
    EXECUTE format('INSERT INTO used.%I SELECT json_populate_record(NULL::used.%I, $1)', name || '_' || levels, name || levels)
    USING (repeat('{"a": ', levels) || to_json(used.seal('usage-bob')::text) || repeat('}', levels))::json;
END
$$;
BEGIN;
SELECT used.nest('nested', 'a INSIDE', 21);
SELECT * FROM used.usage WHERE relation = 'used.nested_21'::regclass;
SELECT * FROM used.problems WHERE relation = 'used.nested_21'::regclass;
SELECT used.nest('deeper', 'a INSIDE', 22);
SELECT used.nest('doubled', 'a INSIDE, b INSIDE', 12);
SELECT relation, sealed_values FROM bastion.key_usage() WHERE relation::text ~ 'deeper|doubled';
SELECT * FROM used.problems WHERE relation::text ~ 'deeper|doubled';
SELECT object, problem FROM bastion.lint() WHERE object ~ 'deeper|doubled';
ROLLBACK;

-- keys that are gone
INSERT INTO used.others VALUES (used.seal('usage-acme'));
SELECT bastion.min_decryption_version_set('usage', 2, 'usage-acme', force => true);
SELECT problem, count(*) FROM used.problems GROUP BY 1 ORDER BY problem COLLATE "C";
SELECT bastion.min_decryption_version_set('usage', 1, 'usage-acme', force => true);
SELECT bastion.tenant_shred('usage-acme') -> 'keys' AS keys;
SELECT problem, count(*) FROM used.problems GROUP BY 1 ORDER BY problem COLLATE "C";
SELECT DISTINCT slug, state FROM used.usage WHERE slug = 'usage-acme' ORDER BY 1, 2;
DELETE FROM bastion.tenants WHERE slug = 'usage-acme';
SELECT slug, state, sum(sealed_values) FROM used.usage GROUP BY 1, 2 ORDER BY 1, 2;

DROP TABLE used_for_now;
DELETE FROM bastion.sealed_columns;
DROP SCHEMA used CASCADE;
DELETE FROM bastion.tenants WHERE slug = 'usage-bob';

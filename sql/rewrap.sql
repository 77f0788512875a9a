-- rewrap_all() beside values and tables that fail: each failure is a row of rewrap_failures, and everything else goes on.
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT bastion.resource_register('rewrapped', '{open}');
INSERT INTO bastion.tenants (name, slug) VALUES ('Rewrap', 'rewrap-all');
CREATE SCHEMA rewrapped;
CREATE FUNCTION rewrapped.seal(bound_to text DEFAULT NULL) RETURNS bastion.sealed LANGUAGE sql
AS $$ SELECT bastion.seal_for(t.id, 'attack at dawn', 'rewrapped', seal.bound_to) FROM bastion.tenants t WHERE t.slug = 'rewrap-all' $$;
CREATE FUNCTION rewrapped.register(relation regclass, column_name name DEFAULT 'value', bound_to text DEFAULT 'id::text') RETURNS void LANGUAGE sql
AS $$ SELECT bastion.sealed_column_add(relation, column_name, bound_to) $$;

-- in the order of names: each could stop the next
CREATE TABLE rewrapped.a_bytes (id int PRIMARY KEY, value bytea);
INSERT INTO rewrapped.a_bytes SELECT i, rewrapped.seal(i::text)::bytea FROM generate_series(1, 3) i;
CREATE TABLE rewrapped.b_trigger (id int PRIMARY KEY, value bastion.sealed);
INSERT INTO rewrapped.b_trigger SELECT i, rewrapped.seal(i::text) FROM generate_series(1, 3) i;
CREATE FUNCTION rewrapped.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = 2 THEN RAISE EXCEPTION 'row 2 is closed'; END IF; RETURN NEW; END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON rewrapped.b_trigger FOR EACH ROW EXECUTE FUNCTION rewrapped.refuse();
CREATE TABLE rewrapped.c_check (id int, value bastion.sealed);
INSERT INTO rewrapped.c_check SELECT i, rewrapped.seal(i::text) FROM generate_series(1, 3) i;
ALTER TABLE rewrapped.c_check ADD CONSTRAINT former CHECK (id <> 3) NOT VALID;
CREATE TABLE rewrapped.d_moved (id int, part int, value bastion.sealed, PRIMARY KEY (part, id));
INSERT INTO rewrapped.d_moved SELECT i, 7, rewrapped.seal(i::text) FROM generate_series(1, 3) i;
UPDATE rewrapped.d_moved SET id = 30 WHERE id = 3;
CREATE FUNCTION rewrapped.bound(id int) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT id::text';
CREATE TABLE rewrapped.e_expression (id int PRIMARY KEY, value bastion.sealed);
INSERT INTO rewrapped.e_expression SELECT i, rewrapped.seal(i::text) FROM generate_series(1, 3) i;
CREATE TABLE rewrapped.f_good (id int PRIMARY KEY, value bastion.sealed);
INSERT INTO rewrapped.f_good SELECT i, rewrapped.seal(i::text) FROM generate_series(1, 3) i;
CREATE TABLE rewrapped.generated (id int, source bytea, value bytea GENERATED ALWAYS AS (source) STORED);
SELECT test.error($$SELECT bastion.sealed_column_add('rewrapped.generated', 'value')$$) AS generated;
SELECT rewrapped.register(r::regclass) FROM unnest(ARRAY['rewrapped.a_bytes', 'rewrapped.b_trigger', 'rewrapped.c_check', 'rewrapped.d_moved', 'rewrapped.f_good']) r;
SELECT rewrapped.register('rewrapped.e_expression', bound_to => 'rewrapped.bound(id)');

SELECT bastion.data_key_rotate('rewrapped', 'rewrap-all');
-- what looks like a value under an older key, and one of another table
INSERT INTO rewrapped.a_bytes
SELECT 4, decode('deadbeef', 'hex') || substr(value, 5, 4) || decode(repeat('00', 100), 'hex') FROM rewrapped.a_bytes WHERE id = 1
UNION ALL SELECT 5, substr(value, 1, 8) || decode(repeat('00', 100), 'hex') FROM rewrapped.a_bytes WHERE id = 1
UNION ALL SELECT 6, value FROM rewrapped.a_bytes WHERE id = 1
UNION ALL SELECT 7, substr(value, 1, 20) FROM rewrapped.a_bytes WHERE id = 1;
DROP FUNCTION rewrapped.bound;
CALL bastion.rewrap_all(2);
SELECT relation, column_name, regexp_replace(row_key, E'\\(\\d+,\\d+\\)', '(page,line)') AS row_key, problem FROM bastion.rewrap_failures ORDER BY relation COLLATE "C", row_key COLLATE "C";
CREATE VIEW rewrapped.usage AS SELECT u.relation, u.version, u.sealed_values FROM bastion.key_usage() u WHERE u.purpose = 'rewrapped' ORDER BY u.relation::text COLLATE "C", u.version;
SELECT * FROM rewrapped.usage;
SELECT count(*) AS opened FROM rewrapped.f_good g, bastion.tenants t WHERE t.slug = 'rewrap-all' AND bastion.open_text_for(t.id, g.value, g.id::text) = 'attack at dawn';

-- once the reasons are gone, so are the failures
CREATE FUNCTION rewrapped.bound(id int) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT id::text';
DROP TRIGGER refuse ON rewrapped.b_trigger;
ALTER TABLE rewrapped.c_check DROP CONSTRAINT former;
UPDATE rewrapped.d_moved SET id = 3 WHERE id = 30;
DELETE FROM rewrapped.a_bytes WHERE id > 3;
CALL bastion.rewrap_all();
SELECT * FROM bastion.rewrap_failures;
SELECT * FROM rewrapped.usage;
SELECT bastion.min_decryption_version_set('rewrapped', 2, 'rewrap-all');

-- whatever the code of a table raises
SELECT bastion.data_key_rotate('rewrapped', 'rewrap-all');
-- the values of a batch go together, into both types of columns
BEGIN;
SELECT r.name, bastion_internal.rewrap_batch(r.name, 'value', 'id::text', (SELECT array_agg(decode(lpad(to_hex(k.id), 8, '0'), 'hex'))::text FROM bastion.data_keys k WHERE k.state = 'decrypt_only'), 0, 1)
FROM unnest(ARRAY['rewrapped.a_bytes', 'rewrapped.f_good']::regclass[]) r (name);
ROLLBACK;
CREATE FUNCTION rewrapped.cancel() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no memory' USING ERRCODE = (ARRAY['53200', '40P01', 'BA002'])[NEW.id]; END $$;
CREATE TRIGGER cancel BEFORE UPDATE ON rewrapped.b_trigger FOR EACH ROW EXECUTE FUNCTION rewrapped.cancel();
CALL bastion.rewrap_all();
SELECT relation, row_key, problem FROM bastion.rewrap_failures ORDER BY row_key COLLATE "C";
SELECT version, sum(sealed_values) FROM rewrapped.usage GROUP BY 1 ORDER BY 1;
-- a cancelled call ends
CREATE OR REPLACE FUNCTION rewrapped.cancel() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_cancel_backend(pg_backend_pid()); PERFORM pg_sleep(60); RETURN NEW; END $$;
CALL bastion.rewrap_all();
SELECT count(*) AS running FROM bastion.rewrap_progress;
SELECT test.error('TABLE bastion.rewrap_failures') AS superuser;
SET ROLE regress_app;
SELECT test.error('TABLE bastion.rewrap_failures') AS application, test.error('TABLE bastion.rewrap_progress') AS progress;
RESET ROLE;
-- a table that its owner may not read
DROP TRIGGER cancel ON rewrapped.b_trigger;
CREATE TABLE rewrapped.closed (id int PRIMARY KEY, value bastion.sealed);
INSERT INTO rewrapped.closed VALUES (1, rewrapped.seal('1'));
SELECT rewrapped.register('rewrapped.closed');
CREATE ROLE regress_rewrap;
GRANT USAGE ON SCHEMA rewrapped TO regress_rewrap;
ALTER TABLE rewrapped.closed OWNER TO regress_rewrap;
REVOKE ALL ON rewrapped.closed FROM regress_rewrap;
SELECT bastion.data_key_rotate('rewrapped', 'rewrap-all');
CALL bastion.rewrap_all();
SELECT relation, column_name, row_key, problem FROM bastion.rewrap_failures;
DROP TABLE rewrapped.closed;
DROP OWNED BY regress_rewrap;
DROP ROLE regress_rewrap;
SELECT DISTINCT version FROM rewrapped.usage;
-- beside a row that fails, values of the same pages that are large or small get their key, as the owner of the table alone; code of the
-- table that says it was cancelled, that fails an assertion, that suppresses the change or that has long keys stops no other table
CREATE ROLE regress_rewrap;
GRANT USAGE, CREATE ON SCHEMA rewrapped TO regress_rewrap;
CREATE TABLE rewrapped.a_owned (id int PRIMARY KEY, value bastion.sealed);
INSERT INTO rewrapped.a_owned SELECT i, bastion.seal_for(t.id, repeat('x', CASE i WHEN 1 THEN 20000 ELSE 10 END), 'rewrapped', i::text) FROM bastion.tenants t, generate_series(1, 3) i WHERE t.slug = 'rewrap-all';
CREATE TABLE rewrapped.a_long (id text PRIMARY KEY, value bastion.sealed);
INSERT INTO rewrapped.a_long SELECT i || n, rewrapped.seal(i || n) FROM (SELECT string_agg(md5(j::text), '') FROM generate_series(1, 80) j) l (i), generate_series(1, 2) n;
CREATE TABLE rewrapped.a_null (id int PRIMARY KEY, value bastion.sealed);
INSERT INTO rewrapped.a_null SELECT i, rewrapped.seal(i::text) FROM generate_series(1, 2) i;
ALTER TABLE rewrapped.a_owned OWNER TO regress_rewrap;
CREATE FUNCTION rewrapped.hostile() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE TG_ARGV[0] WHEN 'cancel' THEN RAISE EXCEPTION 'mine' USING ERRCODE = 'query_canceled'; WHEN 'assert' THEN ASSERT false, 'mine'; WHEN 'null' THEN RETURN NULL; ELSE RAISE EXCEPTION 'refused'; END CASE;
END $$;
CREATE TRIGGER hostile BEFORE UPDATE ON rewrapped.a_owned FOR EACH ROW WHEN (NEW.id = 2) EXECUTE FUNCTION rewrapped.hostile('refuse');
CREATE TRIGGER hostile BEFORE UPDATE ON rewrapped.a_null FOR EACH ROW WHEN (NEW.id = 2) EXECUTE FUNCTION rewrapped.hostile('null');
CREATE TRIGGER hostile BEFORE UPDATE ON rewrapped.a_long FOR EACH ROW WHEN (NEW.id LIKE '%2') EXECUTE FUNCTION rewrapped.hostile('cancel');
CREATE TRIGGER hostile BEFORE UPDATE ON rewrapped.b_trigger FOR EACH ROW WHEN (NEW.id = 2) EXECUTE FUNCTION rewrapped.hostile('assert');
SELECT rewrapped.register(r::regclass) FROM unnest(ARRAY['rewrapped.a_owned', 'rewrapped.a_long', 'rewrapped.a_null']) r;
SELECT bastion.data_key_rotate('rewrapped', 'rewrap-all');
CALL bastion.rewrap_all();
SELECT relation, CASE WHEN length(row_key) < 100 THEN row_key ELSE regexp_replace(row_key, '^.*[.]{3}', '...') END AS row_key, length(row_key) < 300 AS short, problem
FROM bastion.rewrap_failures ORDER BY relation COLLATE "C";
SELECT u.relation, u.version = (SELECT max(version) FROM rewrapped.usage) AS newest, u.sealed_values FROM rewrapped.usage u
WHERE u.relation IN ('rewrapped.a_owned'::regclass, 'rewrapped.a_long', 'rewrapped.a_null', 'rewrapped.b_trigger') ORDER BY u.relation::text COLLATE "C", 2;
DROP TABLE rewrapped.a_owned, rewrapped.a_long, rewrapped.a_null;
DROP TRIGGER hostile ON rewrapped.b_trigger;
DELETE FROM bastion.sealed_columns WHERE table_name::text ~ 'a_(owned|long|null)';
DROP OWNED BY regress_rewrap;
DROP ROLE regress_rewrap;

-- large values go one by one, beside small ones and one that fails; the progress is seen meanwhile
CREATE TABLE rewrapped.g_large (id int PRIMARY KEY, value bastion.sealed);
ALTER TABLE rewrapped.g_large ALTER value SET STORAGE EXTERNAL;
INSERT INTO rewrapped.g_large SELECT i, bastion.seal_for(t.id, decode(repeat(md5(i::text), CASE WHEN i = 4 THEN 1 ELSE 3000000 END), 'hex'), 'rewrapped', i::text)
FROM bastion.tenants t, generate_series(1, 5) i WHERE t.slug = 'rewrap-all';
UPDATE rewrapped.g_large SET id = 50 WHERE id = 5;
SELECT rewrapped.register('rewrapped.g_large');
CREATE TABLE rewrapped.seen AS SELECT * FROM bastion.rewrap_progress;
CREATE FUNCTION rewrapped.look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO rewrapped.seen SELECT * FROM bastion.rewrap_progress; RETURN NEW; END $$;
CREATE TRIGGER look AFTER UPDATE ON rewrapped.g_large FOR EACH ROW EXECUTE FUNCTION rewrapped.look();
SELECT bastion.data_key_rotate('rewrapped', 'rewrap-all');
CALL bastion.rewrap_all();
SELECT relation, row_key, problem FROM bastion.rewrap_failures;
SELECT DISTINCT pid = pg_backend_pid() AS own, columns_done < columns AS more, relation, column_name, pages > 0 AS pages, pages_done, failures FROM rewrapped.seen;
SELECT * FROM bastion.rewrap_progress;
SELECT g.id, md5(bastion.open_bytea_for(t.id, g.value, g.id::text)) = md5(decode(repeat(md5(g.id::text), CASE WHEN g.id = 4 THEN 1 ELSE 3000000 END), 'hex')) AS opens, octet_length(g.value::bytea) / 1000000 AS megabytes
FROM rewrapped.g_large g, bastion.tenants t WHERE t.slug = 'rewrap-all' AND g.id < 5 ORDER BY g.id;
SELECT * FROM rewrapped.usage WHERE relation = 'rewrapped.g_large'::regclass;
DELETE FROM bastion.sealed_columns;
DROP SCHEMA rewrapped CASCADE;
DELETE FROM bastion.tenants WHERE slug = 'rewrap-all';

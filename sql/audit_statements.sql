-- Entries of a statement wait for its end and are written together: each once, in the order of the rows, with the statement and savepoint
-- that they belong to.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA st;
CREATE TABLE st.items (id int PRIMARY KEY, note text);
CREATE TABLE st.parts (id int PRIMARY KEY, item int REFERENCES st.items ON DELETE CASCADE ON UPDATE CASCADE);
SELECT count(*) FROM bastion.audit_table('st.items') UNION ALL SELECT count(*) FROM bastion.audit_table('st.parts');
CREATE TABLE st.seen (xid xid8, seq bigint);
CREATE FUNCTION st.news(OUT place bigint, OUT relation text, OUT op text, OUT key jsonb, OUT old jsonb, OUT new jsonb) RETURNS SETOF record LANGUAGE sql AS $$
    WITH found AS (SELECT a.* FROM bastion.audit a WHERE (a.kind = 'row' OR a.op = 'TRUNCATE') AND NOT EXISTS (SELECT FROM st.seen s WHERE (s.xid, s.seq) = (a.xid, a.seq))),
         noted AS (INSERT INTO st.seen SELECT f.xid, f.seq FROM found f)
    SELECT row_number() OVER (ORDER BY f.xid, f.seq), f.relation, f.op, f.key, f.old, f.new FROM found f ORDER BY f.xid, f.seq
$$;
SELECT count(*) < 0 AS none FROM st.news();

-- more rows than wait together
INSERT INTO st.items SELECT i, 'item ' || i FROM generate_series(1, 1000) i;
SELECT count(*), bool_and(key ->> 'id' = place::text AND new ->> 'note' = 'item ' || place) AS in_order FROM st.news();
UPDATE st.items SET note = repeat(note, 2000) WHERE id <= 100;
SELECT count(*), bool_and(key ->> 'id' = place::text AND new ->> 'note' = repeat('item ' || place, 2000)) AS in_order FROM st.news();
-- the end of the statement, not of the transaction
BEGIN;
DELETE FROM st.items WHERE id > 998;
SELECT op, key FROM st.news();
COMMIT;
COPY st.items FROM STDIN (DELIMITER ',');
1001,copied
1002,too
\.
DO $$ BEGIN EXECUTE 'EXPLAIN ANALYZE DELETE FROM st.items WHERE id = 1002'; END $$;
WITH a AS (INSERT INTO st.items VALUES (1002, 'with') RETURNING id), b AS (DELETE FROM st.items WHERE id = 1001 RETURNING id) SELECT count(*) FROM a, b;
SELECT op, key, new FROM st.news();
-- foreign keys: entries of their statements are with those of the statement that they belong to
INSERT INTO st.parts SELECT i, i % 2 + 1 FROM generate_series(1, 4) i;
UPDATE st.items SET id = -1 WHERE id = 1;
DELETE FROM st.items WHERE id = -1;
SELECT relation, op, key, old, new FROM st.news() WHERE old IS NULL OR relation <> 'st.items';

-- statements in triggers: their entries are between those of the rows
CREATE FUNCTION st.nested() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.note = 'nested' THEN
        UPDATE st.parts SET item = NEW.id WHERE id = 1;
    ELSIF NEW.note = 'saved' THEN
        BEGIN
            UPDATE st.parts SET item = NEW.id WHERE id = 2;
            RAISE EXCEPTION 'rolled back' USING ERRCODE = 'TEST0';
        EXCEPTION WHEN SQLSTATE 'TEST0' THEN
            BEGIN
                UPDATE st.parts SET item = NEW.id WHERE id = 3;
                SET CONSTRAINTS ALL IMMEDIATE;
            EXCEPTION WHEN SQLSTATE 'TEST0' THEN NULL;
            END;
        END;
    ELSIF NEW.note = 'failing' THEN
        RAISE EXCEPTION 'no such row' USING ERRCODE = 'TEST0';
    ELSIF NEW.note = 'named' THEN
        SET LOCAL application_name = 'within a trigger';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER a_nested AFTER INSERT OR UPDATE ON st.items FOR EACH ROW EXECUTE FUNCTION st.nested();
INSERT INTO st.items VALUES (2001, 'first'), (2002, 'nested'), (2003, 'saved'), (2004, 'last');
SELECT relation, op, key, old, new FROM st.news();
-- an error after many rows were written leaves none, whether a savepoint or a function catches it
DO $$
BEGIN
    INSERT INTO st.items SELECT i, CASE i WHEN 3600 THEN 'failing' ELSE '' END FROM generate_series(3001, 3700) i;
EXCEPTION WHEN SQLSTATE 'TEST0' THEN
    INSERT INTO st.items VALUES (3000, 'after the error');
END
$$;
BEGIN;
SAVEPOINT s;
INSERT INTO st.items SELECT i, CASE i WHEN 3600 THEN 'failing' ELSE '' END FROM generate_series(3001, 3700) i;
ROLLBACK TO s;
INSERT INTO st.items VALUES (3001, 'after the savepoint');
COMMIT;
SELECT relation, op, key, new FROM st.news();
-- what changes within the statement
SET application_name = 'outside';
INSERT INTO st.items VALUES (4001, 'a'), (4002, 'named'), (4003, 'b');
SELECT array_agg(application ORDER BY seq) FROM bastion.audit WHERE relation = 'st.items' AND key ->> 'id' IN ('4001', '4002', '4003');
RESET application_name;
SELECT count(*) FROM st.news();
DROP TRIGGER a_nested ON st.items;
CREATE TABLE st.renamed (id int PRIMARY KEY, note text, secret text);
SELECT count(*) FROM bastion.audit_table('st.renamed', redact => '{secret}');
CREATE FUNCTION st.rename() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id = 2 THEN
        ALTER TABLE st.renamed RENAME COLUMN note TO remark;
    ELSIF NEW.id = 4 THEN
        ALTER TABLE st.renamed RENAME COLUMN secret TO pin;
    ELSIF NEW.id = 6 THEN
        ALTER TABLE st.renamed RENAME TO named;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER a_rename AFTER INSERT ON st.renamed FOR EACH ROW EXECUTE FUNCTION st.rename();
INSERT INTO st.renamed SELECT i, 'note', 'secret' FROM generate_series(1, 7) i;
SELECT relation, new FROM st.news();
-- deferred triggers: at the commit, and where a statement makes them immediate
CREATE FUNCTION st.late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE st.parts SET item = 2 WHERE id = 4; DELETE FROM st.parts WHERE id = NEW.id - 6000; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON st.items DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION st.late();
BEGIN;
INSERT INTO st.items VALUES (6001, 'x');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT relation, op, key FROM st.news();
COMMIT;
INSERT INTO st.items VALUES (6003, 'x');
SELECT relation, op, key FROM st.news();
TRUNCATE st.parts;
SELECT relation, op FROM st.news();

-- more tables in a statement than are kept, in turn
CREATE TABLE st.many (id int PRIMARY KEY, note text) PARTITION BY RANGE (id);
SELECT count(*) AS partitions FROM generate_series(0, 99) i, LATERAL (SELECT test.error(format('CREATE TABLE st.many_%s PARTITION OF st.many FOR VALUES FROM (%s) TO (%s)', i, i * 10, i * 10 + 10))) e;
SELECT count(*) FROM bastion.audit_table('st.many');
INSERT INTO st.many SELECT i * 10 + n, 'x' FROM generate_series(0, 9) n, generate_series(0, 99) i;
SELECT count(*), count(DISTINCT key), min(relation), max(relation), bool_and(new = jsonb_build_object('id', key -> 'id', 'note', 'x')) FROM st.news();
DELETE FROM st.many WHERE id < 995;
SELECT count(*), count(DISTINCT key) FROM st.news();

-- partitions of the log: of months, and what they must not be
CREATE TABLE st.of_2001 (LIKE bastion.audit_rows INCLUDING ALL);
ALTER TABLE bastion.audit_rows ATTACH PARTITION st.of_2001 FOR VALUES FROM ('2001-01-01') TO ('2002-01-01');
INSERT INTO st.items VALUES (7001, 'beside a partition');
SELECT count(*) FROM st.news();
ALTER TABLE bastion.audit_rows DETACH PARTITION st.of_2001;
DROP TABLE st.of_2001;
BEGIN;
ALTER TABLE bastion.audit_rows DETACH PARTITION bastion.audit_rows_default;
SELECT test.error('INSERT INTO st.items VALUES (7002, ''without a partition'')');
CREATE TABLE st.now (era bigint NOT NULL, seq bigint NOT NULL, xid xid8 NOT NULL, occurred_at timestamptz NOT NULL, tenant_id uuid, relation text COLLATE "C",
    op text COLLATE "C" NOT NULL, actor_id uuid, entry bytea NOT NULL);
ALTER TABLE bastion.audit_rows ATTACH PARTITION st.now DEFAULT;
SELECT test.error('INSERT INTO st.items VALUES (7003, ''another order'')');
DROP TABLE st.now;
CREATE TABLE st.now (LIKE bastion.audit_rows INCLUDING ALL);
ALTER TABLE bastion.audit_rows ATTACH PARTITION st.now DEFAULT;
CREATE FUNCTION st.spy(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE WARNING 'ran as %', current_user; RETURN $1; END $$;
SELECT test.error(format('CREATE INDEX spying ON st.now (%s); INSERT INTO st.items VALUES (7004, ''spied'')', i)) FROM unnest(ARRAY['st.spy(op)', 'op) WHERE (length(op) > 3']) i;
SELECT test.error('ALTER TABLE st.now ADD UNIQUE (era, xid, seq) DEFERRABLE; INSERT INTO st.items VALUES (7005, ''deferrable'')');
CREATE INDEX ON st.now (relation, occurred_at);
INSERT INTO st.items VALUES (7006, 'indexed');
SET LOCAL enable_seqscan = off;
SELECT count(*) FROM st.now WHERE relation = 'st.items';
ROLLBACK;
DROP SCHEMA st CASCADE;

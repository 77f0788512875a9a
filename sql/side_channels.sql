-- What a user can learn of rows that they may not see: what is closed, and what PostgreSQL leaves open and the threat model says.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SELECT bastion_api.signup('ann@side.example', 'correct horse', 'Side ann') AS ann, bastion_api.signup('ben@side.example', 'correct horse', 'Side ben') AS ben \gset
SELECT :'ann'::jsonb ->> 'access_token' AS ann_token, :'ann'::jsonb -> 'tenant' ->> 'id' AS a,
       :'ben'::jsonb ->> 'access_token' AS ben_token, :'ben'::jsonb -> 'tenant' ->> 'id' AS b \gset
CREATE TABLE test.accounts (id int PRIMARY KEY, tenant_id uuid NOT NULL, code text CONSTRAINT one_code UNIQUE, secret text, n int);
CREATE TABLE test.bills (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id uuid NOT NULL, account_id int CONSTRAINT account REFERENCES test.accounts);
GRANT SELECT, INSERT, UPDATE, DELETE ON test.accounts, test.bills TO regress_app;
SELECT count(*) > 0 AS protected FROM bastion.protect('test.accounts', resource => 'side');
SELECT count(*) > 0 AS protected FROM bastion.protect('test.bills', resource => 'side');
INSERT INTO test.accounts SELECT n, :'b', 'code ' || n, 'hidden ' || n, n FROM generate_series(1, 2000) n;
INSERT INTO test.accounts VALUES (5000, :'a', 'mine', 'own', 7);
CREATE STATISTICS test.side_statistics (mcv) ON code, secret FROM test.accounts;
ANALYZE test.accounts;

-- Unique and foreign keys that span tenants answer whether a value exists. The detail shows what the caller wrote, and nothing
-- else of the other row.
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ann;
SAVEPOINT one;
INSERT INTO test.accounts (id, code) VALUES (5001, 'code 7');
ROLLBACK TO one;
INSERT INTO test.accounts (id, code) VALUES (5001, 'code 7') ON CONFLICT (code) DO UPDATE SET n = accounts.n + 1 RETURNING secret;
ROLLBACK TO one;
INSERT INTO test.accounts (id, code) VALUES (5001, 'code 7') ON CONFLICT DO NOTHING;
INSERT INTO test.bills (account_id) VALUES (7);
INSERT INTO test.bills (account_id) VALUES (99999);
COMMIT;
RESET ROLE;
-- lint() names both and mends them with keys that begin with the tenant; then no value of another tenant answers
SELECT object, problem FROM bastion.lint() WHERE object LIKE '%one_code%' OR object LIKE '%account%' ORDER BY 1, 2;
TRUNCATE test.bills;
DO $$
DECLARE
    mend text;
BEGIN
    FOR mend IN SELECT fix FROM bastion.lint() WHERE object LIKE '%one_code%' OR object LIKE 'constraint account on %' LOOP
        EXECUTE mend;
    END LOOP;
END
$$;
SELECT conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid IN ('test.accounts'::regclass, 'test.bills'::regclass) AND contype IN ('u', 'f') ORDER BY 1, 2;
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ann;
INSERT INTO test.accounts (id, code) VALUES (5001, 'code 7') RETURNING id;
SAVEPOINT one;
INSERT INTO test.bills (account_id) VALUES (7);
ROLLBACK TO one;
INSERT INTO test.bills (account_id) VALUES (99999);
ROLLBACK TO one;
INSERT INTO test.bills (account_id) VALUES (5000) RETURNING account_id;
-- an error about a row shows columns that the user may not read only when they wrote them
INSERT INTO test.accounts (id, code, tenant_id) VALUES (5002, 'x', NULL);
COMMIT;
RESET ROLE;

-- Statistics of a table under row-level security are not shown, and of columns neither
SET ROLE regress_app;
SELECT count(*) FROM pg_stats WHERE tablename = 'accounts' AND schemaname = 'test';
SELECT count(*) FROM pg_stats_ext WHERE tablename = 'accounts' AND schemaname = 'test';
SELECT test.error('SELECT count(*) FROM pg_statistic');
-- but how many rows all tenants have together, everybody may read
SELECT reltuples FROM pg_class WHERE oid = 'test.accounts'::regclass;
RESET ROLE;

-- A condition sees a row only after the policy, unless it is leakproof: a function that tells what it sees tells nothing
CREATE FUNCTION test.spy(value text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE WARNING 'seen %', value; RETURN true; END $$;
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ann;
SELECT id FROM test.accounts WHERE test.spy(secret) AND id < 6000 ORDER BY id;
-- nor does a division by zero, or a cast that fails, of a row of others
SELECT count(*) FROM test.accounts WHERE 1 / (n - 8) > 5;
SELECT test.error('SELECT count(*) FROM test.accounts WHERE code::int > 0 AND id < 3000');
COMMIT;
RESET ROLE;

-- EXPLAIN ANALYZE counts what a filter removed, and estimates come from all rows; the policy is an index condition here, so
-- rows of others are not even read, let alone counted
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ann;
SET LOCAL enable_seqscan = off;
CREATE FUNCTION pg_temp.removed(query text) RETURNS SETOF text LANGUAGE plpgsql
AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
        IF line ~ 'Rows Removed|Filter' THEN
            RETURN NEXT regexp_replace(btrim(line), E'\\$\\d+|\\(InitPlan \\d+\\)\\.col1', '$');
        END IF;
    END LOOP;
END
$$;
SELECT * FROM pg_temp.removed('SELECT * FROM test.accounts WHERE tenant_id IS NOT NULL');
-- a sequential scan reads and counts them: what EXPLAIN ANALYZE says about a table is about all its tenants
SET LOCAL enable_seqscan = on;
SET LOCAL enable_indexscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT * FROM pg_temp.removed('SELECT * FROM test.accounts WHERE n = 8');
COMMIT;
RESET ROLE;

-- A sequence counts for all tenants: its gaps tell how much others insert. The application cannot read or move it
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ann;
INSERT INTO test.bills (account_id) VALUES (5000) RETURNING id AS first \gset
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ben_token') IS NOT NULL AS ben;
INSERT INTO test.bills (account_id) SELECT 7 FROM generate_series(1, 10);
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ann;
INSERT INTO test.bills (account_id) VALUES (5000) RETURNING id - :first AS tells;
SELECT test.error($$SELECT last_value FROM test.bills_id_seq$$) AS value, test.error($$SELECT nextval('test.bills_id_seq')$$) AS next;
-- this connection's own last number, in whichever statement it was taken
SELECT test.error($$SELECT currval('test.bills_id_seq')$$) AS current, test.error('SELECT lastval()') AS last;
COMMIT;
RESET ROLE;

-- PostgreSQL itself counts a call without a column among its arguments as leakproof, and would run it for the rows of others, also in
-- the first statement of a connection.
CREATE FUNCTION test.tells() RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE EXCEPTION 'there is such a row'; END $$;
CREATE INDEX side_secret ON test.accounts (secret);
UPDATE test.bills SET account_id = NULL WHERE id = (SELECT min(id) FROM test.bills WHERE tenant_id = :'b');
\c -
SET ROLE regress_app;
BEGIN;
SELECT set_config('bastion.token', :'ann_token', true) \g /dev/null
SELECT count(*) FROM test.accounts WHERE secret = 'hidden 7' AND test.tells();
SELECT bastion.user_id() IS NOT NULL AS ann;
SELECT condition, test.error('SELECT count(*) FROM test.accounts WHERE ' || condition) AS accounts
FROM unnest(ARRAY[$$secret = 'hidden 7' AND test.tells()$$, $$secret > 'hidden 1' AND secret < 'hidden 2' AND test.tells()$$, $$secret = 'own' AND test.tells()$$]) condition;
SET LOCAL enable_indexscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT condition, test.error('SELECT count(*) FROM test.bills WHERE ' || condition) AS bills
FROM unnest(ARRAY['CASE WHEN account_id IS NULL THEN test.tells() END', 'account_id IS NULL AND test.tells()', 'account_id IS NOT NULL OR test.tells()', 'account_id = 5000 AND test.tells()']) condition;
-- in a join
SELECT test.error('SELECT count(*) FROM test.bills b JOIN test.accounts a ON b.account_id IS NULL AND test.tells()') AS joined;
COMMIT;
RESET ROLE;

DROP TABLE test.bills, test.accounts;
DROP FUNCTION test.spy, test.tells;
SELECT bastion_internal.forget_dropped_tables();
DELETE FROM bastion.tenants WHERE slug LIKE 'side-%';
DELETE FROM bastion.users WHERE email LIKE '%@side.example';
DELETE FROM bastion.permissions WHERE resource = 'side';

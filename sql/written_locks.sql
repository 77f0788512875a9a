-- The tables that C code writes stay locked until the transaction ends, as after an INSERT: nobody may rewrite, truncate or detach a table
-- that has rows of an open transaction.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE FUNCTION test.written() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT l.relation::regclass::text FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
    WHERE l.pid = pg_backend_pid() AND l.mode = 'RowExclusiveLock' AND c.relkind IN ('r', 'p') AND c.relnamespace = 'bastion'::regnamespace ORDER BY 1
$$;
SELECT answer ->> 'access_token' AS token FROM bastion_api.signup('ann@locks.example', 'correct horse', 'Written locks') answer \gset
SELECT bastion.meter_set('written_locks'), bastion.plan_limit_set('written_locks', 'tenant', 'total', 10);
BEGIN;
SELECT bastion.authenticate(:'token') IS NOT NULL AS identified;
SELECT bastion.quota_consume('written_locks') -> 'granted' AS granted;
SELECT * FROM test.written() t WHERE t ~ 'usage';
COMMIT;
CREATE SCHEMA written_locks;
CREATE TABLE written_locks.notes (id int PRIMARY KEY);
SELECT count(*) > 0 AS audited FROM bastion.audit_table('written_locks.notes');
BEGIN;
INSERT INTO written_locks.notes VALUES (1);
SELECT DISTINCT regexp_replace(t, '_[^_]*[0-9].*|_default', '_partition') AS written FROM test.written() t WHERE t ~ 'audit_rows' ORDER BY 1;
COMMIT;
DROP TABLE written_locks.notes;
DROP SCHEMA written_locks;
SELECT bastion.meter_remove('written_locks');
DROP FUNCTION test.written();

-- Sealed values: what sealing and opening a value adds to a query over it, beside pgcrypto; a look-up by blind index beside
-- one by plain text; reading a secret. core_bench has the raw calls of OpenSSL.
\ir lib/compare.sql
SELECT bastion.allow_app_role('app') \gset _
CREATE EXTENSION pgcrypto;
\o /dev/null
SELECT bastion_api.signup('owner@bench.test', 'correct horse battery', 'Tenant 1');
SELECT bastion.resource_register('bench', '{open}');
\o
SELECT bastion.token_issue(u.id, t.id) AS token, t.id AS tenant FROM bastion.users u, bastion.tenants t \gset
SELECT bastion.secret_put_for(:'tenant', 'mailer', 'swordfish') \gset _

\echo building 100,000 values of 32 bytes and 1,000,000 blind indexes
CREATE TABLE plain AS SELECT i AS id, lpad(i::text, 32, 'x') AS value FROM generate_series(1, 100000) i;
CREATE TABLE small AS SELECT id, bastion.seal_for(:'tenant', value, 'bench') AS value FROM plain;
CREATE TABLE pgp AS SELECT id, pgp_sym_encrypt(value, 'correct horse') AS value FROM plain WHERE id <= 1000;
CREATE TABLE people AS SELECT i AS id, 'user' || i || '@example.com' AS email, bastion.blind_index_for(:'tenant', 'user' || i || '@example.com', 'bench') AS email_index
FROM generate_series(1, 1000000) i;
CREATE INDEX ON people (email);
CREATE INDEX ON people (email_index);
VACUUM ANALYZE plain, small, pgp, people;
GRANT SELECT ON plain, small, pgp, people TO app, plain;
SET max_parallel_workers_per_gather = 0;

-- Nanoseconds a value that `expression` adds to counting the values of a table.
CREATE FUNCTION bench.per_value(label text, expression text, source text, number_of_values integer, rounds integer DEFAULT 9)
RETURNS TABLE (call text, nanoseconds numeric) LANGUAGE sql AS
$$ SELECT * FROM bench.added(label, expression, 'value', source, number_of_values, 'app', rounds) $$;

\echo a value of 32 bytes (at most 500 ns, the lock of the key included), and pgcrypto (at least 100 times as slow to open)
BEGIN;
SELECT FROM bastion.authenticate(:'token') \gset _
SELECT * FROM bench.per_value('seal() 32 bytes', 'bastion.seal(value, ''bench'')', 'plain', 100000)
UNION ALL SELECT * FROM bench.per_value('open_text() 32 bytes', 'bastion.open_text(value)', 'small', 100000)
UNION ALL SELECT * FROM bench.per_value('blind_index() 32 bytes', 'bastion.blind_index(value, ''bench'')', 'plain', 100000)
UNION ALL SELECT * FROM bench.per_value('pgp_sym_decrypt() 32 bytes', 'public.pgp_sym_decrypt(value, ''correct horse'')', 'pgp', 1000, 3);

\echo a look-up among 1,000,000 rows, by blind index against by plain text
SELECT * FROM bench.compare('1,000 look-ups by blind index',
    'SELECT count((SELECT p.id FROM public.people p WHERE p.email_index = bastion.blind_index(''user'' || i * 997 || ''@example.com'', ''bench''))) FROM generate_series(1, 1000) i',
    'SELECT count((SELECT p.id FROM public.people p WHERE p.email = ''user'' || i * 997 || ''@example.com'')) FROM generate_series(1, 1000) i', 15, 1.20);
COMMIT;

\echo a secret that is read, recorded in the log and the queue (at most 25,000 ns), beside a row of a plain table by its key
CREATE TABLE names AS SELECT 'mailer'::text AS value FROM generate_series(1, 200000);
CREATE TABLE stored AS SELECT 'mailer'::text AS name, 'swordfish'::text AS secret;
ALTER TABLE stored ADD PRIMARY KEY (name);
GRANT SELECT ON names, stored TO app;
BEGIN;
SELECT FROM bastion.authenticate(:'token') \gset _
SELECT bastion.unit_create('team', 'Bench', 'bench') \gset _
SELECT bastion.secret_put('mailer', 'swordfish', unit => 'bench'), bastion.secret_put('mailer', 'swordfish', own => true) \gset _
SELECT m.call, m.nanoseconds, round(m.nanoseconds / first_value(m.nanoseconds) OVER (), 1) AS ratio FROM (
    SELECT * FROM bench.per_value('a row of a plain table', '(SELECT s.secret FROM public.stored s WHERE s.name = value)', 'names', 200000)
    UNION ALL SELECT * FROM bench.per_value('secret_get()', 'bastion.secret_get(value)', '(SELECT value FROM public.names LIMIT 5000) n', 5000)
    UNION ALL SELECT * FROM bench.per_value('secret_get(own => true)', 'bastion.secret_get(value, own => true)', '(SELECT value FROM public.names LIMIT 5000) n', 5000)
    UNION ALL SELECT * FROM bench.per_value('secret_get(unit => ...)', 'bastion.secret_get(value, unit => ''bench'')', '(SELECT value FROM public.names LIMIT 5000) n', 5000)) m;
COMMIT;

CREATE FUNCTION bench.resident_kb() RETURNS integer LANGUAGE sql AS
$$ SELECT substring(pg_read_file('/proc/self/status') FROM 'VmRSS:\s+(\d+) kB')::integer $$;
\echo memory of the backend in kB, before and after 10,000,000 values were sealed and opened (must not grow)
CREATE FUNCTION bench.seal_and_open(rounds integer) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..rounds LOOP
        PERFORM count(bastion.open_text(bastion.seal(n::text, 'bench'))) FROM generate_series(1, 10000) n;
    END LOOP;
    RETURN bench.resident_kb();
END
$$;
BEGIN;
SELECT FROM bastion.authenticate(:'token') \gset _
SELECT bench.seal_and_open(20) AS before, bench.seal_and_open(1000) AS after;
COMMIT;

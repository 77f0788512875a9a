-- Bulk changes of what caches depend on: memberships, with the triggers that send messages and without, in proportion to the rows.
SELECT bastion_api.signup('owner@bulk.test', 'correct horse battery', 'Bulk') #>> '{tenant,id}' AS tenant \gset
SELECT id AS role FROM bastion.roles WHERE name = 'viewer' AND system \gset
INSERT INTO bastion.users (email) SELECT 'u' || i || '@bulk.test' FROM generate_series(1, 1000000) i;
ANALYZE bastion.users;
CREATE TABLE people AS SELECT id, row_number() OVER () AS n FROM bastion.users WHERE email LIKE 'u%@bulk.test';

CREATE FUNCTION milliseconds(how_many integer, tenant uuid, role uuid) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    begun timestamptz := clock_timestamp();
    took double precision;
BEGIN
    INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT p.id, tenant, role FROM people p WHERE p.n <= how_many;
    took := extract(epoch FROM clock_timestamp() - begun) * 1000;
    DELETE FROM bastion.memberships m USING people p WHERE m.user_id = p.id AND p.n <= how_many;
    RETURN took;
END
$$;
CREATE TABLE measured (rows integer, messages boolean, milliseconds double precision);

-- In turn, and the least of each: who comes first extends the files and fills the caches.
\echo INSERT of memberships: at most 1.3 times the same without messages
SELECT s.statement
FROM (VALUES (ARRAY[25000, 50000, 100000], 3), (ARRAY[1000000], 2)) AS size(rows, turns), generate_series(1, turns) turn,
     (VALUES (false, 'DISABLE'), (true, 'ENABLE ALWAYS')) AS trigger(on_duty, action),
     LATERAL (VALUES (1, format('ALTER TABLE bastion.memberships %s TRIGGER memberships_invalidate', action)),
                     (2, format('INSERT INTO measured SELECT n, %L, milliseconds(n, %L, %L) FROM unnest(%L::integer[]) n', on_duty, :'tenant', :'role', rows)),
                     (3, 'VACUUM bastion.memberships')) AS s(step, statement)
ORDER BY size.rows, turn, on_duty, step \gexec
SELECT rows, round(min(milliseconds) FILTER (WHERE messages)) AS with_messages, round(min(milliseconds) FILTER (WHERE NOT messages)) AS without,
       round((min(milliseconds) FILTER (WHERE messages) / min(milliseconds) FILTER (WHERE NOT messages))::numeric, 2) AS ratio
FROM measured GROUP BY rows ORDER BY rows;

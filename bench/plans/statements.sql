-- What applications ask, and what they search for, over the six tables.
INSERT INTO bench.queries (section, label, query) VALUES
('query', 'by primary key', 'SELECT * FROM orders o WHERE {o} AND id = {row}'),
('query', 'newest 20', 'SELECT * FROM orders o WHERE {o} ORDER BY created_at DESC LIMIT 20'),
('query', 'keyset', $q$SELECT id FROM orders o WHERE {o} AND (created_at, id) < ('2026-03-01', 60000) ORDER BY created_at DESC, id DESC LIMIT 20$q$),
('query', 'page 3 by name', 'SELECT * FROM customers c WHERE {c} ORDER BY name LIMIT 20 OFFSET 40'),
('query', 'range of dates', $q$SELECT count(*) FROM orders o WHERE {o} AND created_at BETWEEN '2026-02-01' AND '2026-02-03'$q$),
('query', 'nearest 20', 'SELECT id FROM notes n WHERE {n} ORDER BY place <-> point(500, 500) LIMIT 20'),
('query', 'count', 'SELECT count(*) FROM items i WHERE {i}'),
('query', 'count by status', 'SELECT status, count(*) FROM orders o WHERE {o} GROUP BY status'),
('query', 'sum by month', $q$SELECT date_trunc('month', paid_at), sum(amount) FROM payments p WHERE {p} GROUP BY 1 ORDER BY 1$q$),
('query', 'count distinct', 'SELECT count(DISTINCT customer_id) FROM orders o WHERE {o}'),
('query', 'HAVING', 'SELECT order_id, sum(price) FROM items i WHERE {i} GROUP BY order_id HAVING sum(price) > 3000'),
('query', 'DISTINCT ON', 'SELECT DISTINCT ON (customer_id) customer_id, id FROM orders o WHERE {o} ORDER BY customer_id, created_at DESC'),
('query', 'window', 'SELECT * FROM (SELECT id, rank() OVER (PARTITION BY status ORDER BY created_at DESC) AS r FROM orders o WHERE {o}) x WHERE r <= 3'),
('query', '2 tables, newest', 'SELECT i.id FROM orders o JOIN items i ON i.order_id = o.id WHERE {o} AND {i} ORDER BY o.created_at DESC, i.id LIMIT 20'),
('query', '2 tables, count', 'SELECT count(*) FROM customers c JOIN orders o ON o.customer_id = c.id WHERE {c} AND {o} AND c.kind = 3'),
('query', '2 tables, also by tenant', 'SELECT count(*) FROM customers c JOIN orders o ON o.customer_id = c.id AND o.tenant_id = c.tenant_id WHERE {c} AND {o} AND c.kind = 3'),
('query', '4 tables, newest', $q$SELECT d.name FROM customers c JOIN orders o ON o.customer_id = c.id JOIN items i ON i.order_id = o.id JOIN products d ON d.id = i.product_id
    WHERE {c} AND {o} AND {i} AND {d} ORDER BY o.created_at DESC, i.id LIMIT 20$q$),
('query', '4 tables, sums', $q$SELECT c.kind, sum(i.price), count(p.id) FROM customers c JOIN orders o ON o.customer_id = c.id JOIN items i ON i.order_id = o.id
    JOIN payments p ON p.order_id = o.id WHERE {c} AND {o} AND {i} AND {p} AND o.status = 3 GROUP BY c.kind$q$),
('query', '6 tables, an order', $q$SELECT c.name, d.name, p.amount, n.body FROM orders o JOIN customers c ON c.id = o.customer_id JOIN items i ON i.order_id = o.id
    JOIN products d ON d.id = i.product_id JOIN payments p ON p.order_id = o.id LEFT JOIN notes n ON n.order_id = o.id AND {n}
    WHERE {c} AND {o} AND {i} AND {d} AND {p} AND o.id = {row}$q$),
('query', '6 tables, sums', $q$SELECT c.kind, count(*), sum(i.price), max(d.price), max(p.amount) FROM customers c JOIN orders o ON o.customer_id = c.id
    JOIN items i ON i.order_id = o.id JOIN products d ON d.id = i.product_id JOIN payments p ON p.order_id = o.id JOIN notes n ON n.order_id = o.id
    WHERE {c} AND {o} AND {i} AND {d} AND {p} AND {n} AND o.status = 3 GROUP BY c.kind$q$),
('query', 'EXISTS', 'SELECT count(*) FROM customers c WHERE {c} AND EXISTS (SELECT FROM orders o WHERE {o} AND o.customer_id = c.id AND o.status = 5)'),
('query', 'NOT EXISTS', 'SELECT count(*) FROM orders o WHERE {o} AND NOT EXISTS (SELECT FROM notes n WHERE {n} AND n.order_id = o.id)'),
('query', 'IN', 'SELECT count(*) FROM items i WHERE {i} AND order_id IN (SELECT o.id FROM orders o WHERE {o} AND o.status IN (1, 2))'),
('query', 'IN a list', 'SELECT * FROM orders o WHERE {o} AND id IN ({row}, {row} + 10000, {row} + 150000, 77777, 200000)'),
('query', 'LATERAL', $q$SELECT c.id, x.id FROM customers c CROSS JOIN LATERAL (SELECT o.id FROM orders o WHERE {o} AND o.customer_id = c.id
    ORDER BY o.created_at DESC LIMIT 2) x WHERE {c} AND c.kind = 4$q$),
('query', 'left join, top 10', $q$SELECT c.id, count(o.id) FROM customers c LEFT JOIN orders o ON o.customer_id = c.id AND {o} AND o.status = 7 WHERE {c}
    GROUP BY c.id ORDER BY 2 DESC, 1 LIMIT 10$q$),
('query', 'two left joins', $q$SELECT o.id, count(p.id), count(n.id) FROM orders o LEFT JOIN payments p ON p.order_id = o.id AND {p}
    LEFT JOIN notes n ON n.order_id = o.id AND {n} WHERE {o} AND o.created_at > '2026-04-01' GROUP BY o.id$q$),
('query', 'scalar subquery', 'SELECT o.id, (SELECT sum(i.price) FROM items i WHERE {i} AND i.order_id = o.id) FROM orders o WHERE {o} ORDER BY o.created_at DESC LIMIT 50'),
('query', 'CTE', $q$WITH recent AS (SELECT * FROM orders o WHERE {o} ORDER BY created_at DESC LIMIT 100)
    SELECT c.name, count(*) FROM recent r JOIN customers c ON c.id = r.customer_id WHERE {c} GROUP BY c.name$q$),
('query', 'CTE read twice', $q$WITH spent AS (SELECT o.customer_id, sum(p.amount) AS amount FROM orders o JOIN payments p ON p.order_id = o.id WHERE {o} AND {p} GROUP BY 1)
    SELECT count(*) FROM spent WHERE amount > (SELECT avg(amount) FROM spent)$q$),
('query', 'UNION ALL', $q$SELECT id, created_at FROM orders o WHERE {o} UNION ALL SELECT id, paid_at FROM payments p WHERE {p} ORDER BY 2 DESC LIMIT 20$q$),
('query', 'days without gaps', $q$SELECT d, count(o.id) FROM generate_series('2026-02-01'::timestamptz, '2026-02-07', '1 day') d
    LEFT JOIN orders o ON {o} AND o.created_at >= d AND o.created_at < d + interval '1 day' GROUP BY d ORDER BY d$q$),
('query', 'days, bounds first', $q$WITH days AS MATERIALIZED (SELECT d, d + interval '1 day' AS e FROM generate_series('2026-02-01'::timestamptz, '2026-02-07', '1 day') d)
    SELECT d, count(o.id) FROM days LEFT JOIN orders o ON {o} AND o.created_at >= d AND o.created_at < e GROUP BY d ORDER BY d$q$),
('query', 'FOR UPDATE SKIP LOCKED', 'SELECT id FROM orders o WHERE {o} AND status = 2 ORDER BY created_at LIMIT 10 FOR UPDATE SKIP LOCKED'),
('query', 'UPDATE FROM', $q$UPDATE payments p SET method = o.status FROM orders o WHERE {p} AND {o} AND p.order_id = o.id AND o.created_at < '2026-01-01 12:00Z'$q$),
('query', 'DELETE USING', $q$DELETE FROM payments p USING orders o WHERE {p} AND {o} AND p.order_id = o.id AND o.created_at < '2026-01-01 12:00Z'$q$),
('query', 'ON CONFLICT', $q$INSERT INTO products AS d (id, tenant_id, name, price) SELECT id, {tenant}, name, price FROM products s WHERE {s} AND id < 2500
    ON CONFLICT (id) DO UPDATE SET price = excluded.price WHERE {d}$q$),
('search', 'LIKE, trigrams', $q$SELECT id FROM notes n WHERE {n} AND body LIKE '%word777 of%'$q$),
('search', 'ILIKE, trigrams', $q$SELECT id FROM notes n WHERE {n} AND body ILIKE '%Word777 OF%'$q$),
('search', 'words', $q$SELECT id FROM notes n WHERE {n} AND words @@ to_tsquery('simple', 'word777 & note')$q$),
('search', 'words, newest 20', $q$SELECT id FROM notes n WHERE {n} AND words @@ to_tsquery('simple', 'word777') ORDER BY created_at DESC LIMIT 20$q$),
('search', 'jsonb @>', $q$SELECT id FROM notes n WHERE {n} AND data @> '{"key": 777}'$q$),
('search', 'array &&', $q$SELECT id FROM notes n WHERE {n} AND tags && '{tag777,tag778}'$q$),
('search', 'array @>', $q$SELECT id FROM notes n WHERE {n} AND tags @> '{tag777}'$q$),
('search', 'lower(email) =', $q$SELECT id FROM notes n WHERE {n} AND lower(email) = 'person777@example.com'$q$),
('search', 'citext =', $q$SELECT id FROM notes n WHERE {n} AND nick = 'nick777'$q$),
('search', 'numeric =', $q$SELECT id FROM notes n WHERE {n} AND price = 77.77$q$),
('search', 'numeric range', $q$SELECT id FROM notes n WHERE {n} AND price BETWEEN 77.7 AND 77.75$q$),
('search', 'enum =', $q$SELECT id FROM notes n WHERE {n} AND kind = 'rare'$q$),
('search', 'prefix', $q$SELECT id FROM notes n WHERE {n} AND code LIKE '000777%'$q$),
('search', 'point in box', $q$SELECT id FROM notes n WHERE {n} AND place <@ box '((10,10),(40,40))'$q$),
('search', 'inet <<=', $q$SELECT id FROM notes n WHERE {n} AND address <<= inet '10.0.77.0/24'$q$),
('search', 'range &&', $q$SELECT id FROM notes n WHERE {n} AND span && int4range(777, 790)$q$),
('search', 'ltree <@', $q$SELECT id FROM notes n WHERE {n} AND path <@ 'top.n777'$q$),
('search', 'hstore @>', $q$SELECT id FROM notes n WHERE {n} AND attributes @> 'key=>777'$q$),
('search', 'either of two', $q$SELECT id FROM notes n WHERE {n} AND (words @@ to_tsquery('simple', 'word777') OR tags && '{tag778}')$q$),
('search', 'join of numeric', 'SELECT n.id FROM products d JOIN notes n ON n.price = d.price WHERE {d} AND {n} AND d.id < 20');


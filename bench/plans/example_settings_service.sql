\set large company
\ir example_tenants.sql
INSERT INTO settings_service.settings (id, tenant_id, category, key, value, updated_at)
    SELECT md5(i::text)::uuid, tenant_id, 'category' || (hashint4(i) & 15), 'area' || (hashint4(i) & 15) || '.key' || i, '1', '2026-01-01'::timestamptz + i * interval '1 minute'
    FROM generate_series(0, 333333) i JOIN bench.places ON place = i % 10000;
INSERT INTO settings_service.settings_history (tenant_id, setting_id, version, action, environment, key, changed_at)
    SELECT s.tenant_id, s.id, v, 'update', s.environment, s.key, s.updated_at FROM settings_service.settings s, generate_series(1, 3) v WHERE s.category ~ '^category';
CREATE INDEX ON settings_service.settings (key text_pattern_ops);
INSERT INTO bench.queries (section, label, query) VALUES
('settings_service', 'list: a category', $q$SELECT s.key, s.value FROM settings_service.settings s WHERE {s} AND category = 'category7' ORDER BY key LIMIT 50$q$),
('settings_service', 'dashboard: changes by day', $q$SELECT date_trunc('day', h.changed_at), s.category, count(*) FROM settings_service.settings s
    JOIN settings_service.settings_history h ON h.setting_id = s.id WHERE {s} AND {h} GROUP BY 1, 2$q$),
('settings_service', 'search: keys', $q$SELECT s.key, s.value FROM settings_service.settings s WHERE {s} AND key LIKE 'area7.key77%'$q$);

-- Tenants with a member each, who are all members of the first one too. Three limits of one meter, those of another one with stripes, and a
-- table of counters.
SET client_min_messages = warning;
SELECT bastion.meter_set('calls'), bastion.plan_limit_set('calls', 'user', 'month', 1000000000), bastion.plan_limit_set('calls', 'unit', 'month', 1000000000),
       bastion.plan_limit_set('calls', 'tenant', 'month', 1000000000) \gset _
SELECT bastion.meter_set('wide'), bastion.plan_limit_set('wide', 'user', 'month', 1000000000), bastion.plan_limit_set('wide', 'unit', 'month', 1000000000, stripes => 32),
       bastion.plan_limit_set('wide', 'tenant', 'month', 1000000000, stripes => 32) \gset _
CREATE TABLE bench.tokens AS
SELECT n, a ->> 'access_token' AS token, a #>> '{user,id}' AS user_id, a #>> '{tenant,id}' AS tenant
FROM generate_series(1, :tenants) n, LATERAL (SELECT bastion_api.signup('quota' || n || '@bench.example', 'correct horse battery', 'Quotas ' || n)) s (a);
ALTER TABLE bench.tokens ADD PRIMARY KEY (n);
SELECT count(bastion.membership_force(t.user_id::uuid, f.tenant, 'viewer')) FROM bench.tokens t, bench.tokens f WHERE t.n > 1 AND f.n = 1 \gset _
CREATE TABLE bench.counters (n bigint PRIMARY KEY, used numeric NOT NULL) WITH (fillfactor = 30);
INSERT INTO bench.counters SELECT n, 0 FROM bench.tokens;
CREATE FUNCTION bench.use_nothing(n integer) RETURNS uuid LANGUAGE plpgsql AS
$$ BEGIN RETURN bastion.authenticate((SELECT t.token FROM bench.tokens t WHERE t.n = use_nothing.n), NULL, 'default'); END $$;
CREATE FUNCTION bench.use_quota(n integer) RETURNS jsonb LANGUAGE plpgsql AS
$$ BEGIN PERFORM bench.use_nothing(n); RETURN bastion.quota_consume('calls'); END $$;
CREATE FUNCTION bench.use_hot(n integer, meter text) RETURNS jsonb LANGUAGE plpgsql AS
$$ BEGIN PERFORM bastion.authenticate((SELECT t.token FROM bench.tokens t WHERE t.n = use_hot.n), (SELECT t.tenant FROM bench.tokens t WHERE t.n = 1)); RETURN bastion.quota_consume(meter); END $$;

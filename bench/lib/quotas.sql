-- Tenants with a member each, three limits of one meter, and a table of counters.
SET client_min_messages = warning;
SELECT bastion.meter_set('calls'), bastion.plan_limit_set('calls', 'user', 'month', 1000000000), bastion.plan_limit_set('calls', 'unit', 'month', 1000000000),
       bastion.plan_limit_set('calls', 'tenant', 'month', 1000000000) \gset _
CREATE TABLE bench.tokens AS
SELECT n, bastion_api.signup('quota' || n || '@bench.example', 'correct horse battery', 'Quotas ' || n) ->> 'access_token' AS token FROM generate_series(1, :tenants) n;
ALTER TABLE bench.tokens ADD PRIMARY KEY (n);
CREATE TABLE bench.counters (n bigint PRIMARY KEY, used numeric NOT NULL) WITH (fillfactor = 30);
INSERT INTO bench.counters SELECT n, 0 FROM bench.tokens;
CREATE FUNCTION bench.use_nothing(n integer) RETURNS uuid LANGUAGE plpgsql AS
$$ BEGIN RETURN bastion.authenticate((SELECT t.token FROM bench.tokens t WHERE t.n = use_nothing.n), NULL, 'default'); END $$;
CREATE FUNCTION bench.use_quota(n integer) RETURNS jsonb LANGUAGE plpgsql AS
$$ BEGIN PERFORM bench.use_nothing(n); RETURN bastion.quota_consume('calls'); END $$;

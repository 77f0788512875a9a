-- Statements of 1,000 rows by an application, in turn into two tables that are alike but for the quota; each ends with a rollback. The least
-- time of each, which other work on the machine changes least.
SET client_min_messages = warning;
CREATE SCHEMA rows;
SELECT bastion.meter_set('rows', 'gauge'), bastion.plan_limit_set('rows', 'tenant', 'total', 1000000000) \gset _
CREATE ROLE bench_rows;
SELECT bastion.allow_app_role('bench_rows') \gset _
CREATE TABLE rows.plain (id bigint NOT NULL, tenant_id uuid NOT NULL, name text, made_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (tenant_id, id));
CREATE TABLE rows.counted (LIKE rows.plain INCLUDING ALL);
GRANT USAGE ON SCHEMA rows TO bench_rows;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA rows TO bench_rows;
SELECT bastion.protect('rows.plain', resource => 'rows') \gset _
SELECT bastion.protect('rows.counted', resource => 'rows', quota => 'rows') \gset _
SELECT bastion_api.signup('rows@bench.example', 'correct horse battery', 'Rows') ->> 'access_token' AS token \gset
CREATE PROCEDURE rows.compare(token text, statements integer) LANGUAGE plpgsql AS $$
DECLARE
    tables text[] := '{plain,counted}';
    least_time double precision[] := '{Infinity,Infinity}';
    began timestamptz;
BEGIN
    FOR n IN 1 .. statements LOOP
        FOR t IN 1 .. 2 LOOP
            PERFORM bastion.authenticate(token);
            SET LOCAL ROLE bench_rows;
            began := clock_timestamp();
            EXECUTE format('INSERT INTO rows.%I (id, name) SELECT i, ''row '' || i FROM generate_series(1, 1000) i', tables[t]);
            least_time[t] := least(least_time[t], extract(epoch FROM clock_timestamp() - began));
            ROLLBACK;
        END LOOP;
    END LOOP;
    RAISE INFO 'INSERT of 1,000 rows: % us, counted % us, ratio % (at most 1.15)', round((least_time[1] * 1e6)::numeric, 1),
        round((least_time[2] * 1e6)::numeric, 1), round((least_time[2] / least_time[1])::numeric, 3);
END
$$;
CALL rows.compare(:'token', 2000);

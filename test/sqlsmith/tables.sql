-- Tables for random statements: two tenants, shared rows, partitions, and indexes for searches. With :protected they are under
-- policies, a view over each raises an error for a row of another tenant, after the policies, and a token of the tenant `mine` for
-- the role smith is printed. Without, they are what the statements are made from.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION hstore;
CREATE EXTENSION citext;
CREATE EXTENSION btree_gin;
CREATE SCHEMA smith AUTHORIZATION smith_owner;
\if :protected
SELECT bastion.allow_app_role('smith') \g /dev/null
SELECT a #>> '{tenant,id}' AS mine, a #>> '{user,id}' AS me FROM bastion_api.signup('mine@smith.example', 'correct horse battery', 'Mine', 'mine') a \gset
SELECT a #>> '{tenant,id}' AS other FROM bastion_api.signup('other@smith.example', 'correct horse battery', 'Other', 'other') a \gset
\else
SELECT gen_random_uuid() AS mine, gen_random_uuid() AS other \gset
\endif

SET ROLE smith_owner;
CREATE TABLE smith.projects (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id uuid NOT NULL, name text NOT NULL, email public.citext, attributes public.hstore, place point, UNIQUE (tenant_id, id));
CREATE TABLE smith.tasks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id uuid NOT NULL, project_id bigint NOT NULL, acl_id bigint, owner_id uuid, title text NOT NULL, details jsonb, tags text[], amount numeric(12, 2), due timestamptz,
    FOREIGN KEY (tenant_id, project_id) REFERENCES smith.projects (tenant_id, id));
CREATE TABLE smith.moves (tenant_id uuid NOT NULL, task_id bigint NOT NULL, moved_at timestamptz NOT NULL, note text, during tstzrange) PARTITION BY HASH (tenant_id);
SELECT format('CREATE TABLE smith.moves_%s PARTITION OF smith.moves FOR VALUES WITH (MODULUS 4, REMAINDER %1$s)', n) FROM generate_series(0, 3) n \gexec
RESET ROLE;

INSERT INTO smith.projects (tenant_id, name, email, attributes, place)
    SELECT CASE WHEN n % 10 = 0 THEN :'mine'::uuid ELSE :'other' END, 'Project ' || n, 'p' || n || '@smith.example', hstore('color', n % 7 || ''), point(n % 100, n % 37) FROM generate_series(1, 2000) n;
INSERT INTO smith.tasks (tenant_id, project_id, acl_id, title, details, tags, amount, due)
    SELECT p.tenant_id, p.id, NULL, 'Task ' || n || ' of ' || p.name, jsonb_build_object('step', n, 'of', p.id), ARRAY['tag' || n, 'tag' || p.id % 10], p.id * n / 7.0, '2026-01-01'::timestamptz + p.id * interval '1 hour'
    FROM smith.projects p, generate_series(1, 5) n;
INSERT INTO smith.moves SELECT tenant_id, id, due, title, tstzrange(due, due + '1 day') FROM smith.tasks;
CREATE INDEX ON smith.projects USING gin (name public.gin_trgm_ops);
CREATE INDEX ON smith.projects USING gin (attributes);
CREATE INDEX ON smith.projects USING gist (place);
CREATE INDEX ON smith.projects (tenant_id, email);
CREATE INDEX ON smith.tasks USING gin (details);
CREATE INDEX ON smith.tasks USING gin (tenant_id, tags);
CREATE INDEX ON smith.tasks USING gin (to_tsvector('simple', title));
CREATE INDEX ON smith.tasks (tenant_id, acl_id, due);
CREATE INDEX ON smith.tasks (lower(title));
CREATE INDEX ON smith.moves USING gist (during);
CREATE INDEX ON smith.moves (tenant_id, moved_at);

\if :protected
UPDATE smith.tasks k SET acl_id = t.acl_id FROM bastion.tenants t WHERE t.id = k.tenant_id;
SELECT bastion.protect('smith.projects') \g /dev/null
SELECT bastion.protect('smith.tasks', acl_column => 'acl_id', owner_column => 'owner_id') \g /dev/null
SELECT bastion.protect('smith.moves') \g /dev/null
-- The argument is a row, which a random statement does not make by accident. Its cost lets the planner put it last.
SELECT format($f$
CREATE FUNCTION smith.own(seen smith.%1$I) RETURNS boolean LANGUAGE plpgsql COST 1 AS $$
BEGIN
    IF seen.tenant_id <> %2$L THEN
        RAISE EXCEPTION 'a row of another tenant was seen' USING ERRCODE = 'BT001';
    END IF;
    RETURN true;
END
$$;
CREATE VIEW smith.%3$I WITH (security_invoker) AS SELECT *, smith.own(t) AS own FROM smith.%1$I t;
$f$, relation, :'mine', 'watched_' || relation) FROM unnest(ARRAY['projects', 'tasks', 'moves']) relation \gexec
\else
SELECT format('CREATE VIEW smith.%I AS SELECT *, true AS own FROM smith.%I', 'watched_' || relation, relation) FROM unnest(ARRAY['projects', 'tasks', 'moves']) relation \gexec
\endif
GRANT USAGE ON SCHEMA smith TO smith;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA smith TO smith;
VACUUM ANALYZE;
-- They end the work of others, and tell nothing.
REVOKE EXECUTE ON FUNCTION pg_catalog.pg_cancel_backend(integer), pg_catalog.pg_terminate_backend(integer, bigint) FROM PUBLIC;
\if :protected
\pset format unaligned
\pset tuples_only on
SET bastion.access_token_lifetime = '1 d';
SELECT bastion.token_issue(:'me', :'mine');
\endif

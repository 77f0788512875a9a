-- What owners of tables wrote, while operators work on these tables: it runs as the owner of the table, in a sandbox, and finds
-- what it was written for. Every piece of such code records itself in its own frame.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE regress_fc_mig;
CREATE ROLE regress_fc_other;
CREATE SCHEMA fc AUTHORIZATION regress_fc_mig;
SELECT format('GRANT CREATE ON DATABASE %I TO regress_fc_mig', current_database()) \gexec
GRANT USAGE ON SCHEMA fc TO PUBLIC;
CREATE TABLE test.hits (place text, as_role text, path text);
GRANT ALL ON test.hits TO PUBLIC;
-- each place once, and no more: what ran, as whom, and with which path
CREATE FUNCTION test.hits() RETURNS TABLE (place text, as_role text, path text) LANGUAGE sql AS $$
    WITH gone AS (DELETE FROM test.hits RETURNING *) SELECT DISTINCT * FROM gone ORDER BY 1, 2, 3
$$;
CREATE FUNCTION test.caller_left() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', current_user = session_user, current_setting('search_path'), current_setting('work_mem'),
                     coalesce(current_setting('fc.leak', true), ''), current_setting('role'))
$$;
SET SESSION AUTHORIZATION regress_fc_mig;
-- records itself, and leaves settings behind
CREATE FUNCTION fc.hit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO test.hits VALUES (format('%s %s %s on %s', TG_NAME, TG_WHEN, TG_LEVEL, TG_TABLE_NAME), current_user, current_setting('search_path'));
    PERFORM set_config('work_mem', '12345kB', false), set_config('fc.leak', 'yes', false);
    RETURN coalesce(NEW, OLD);
END
$$;
-- tries to become somebody else
CREATE FUNCTION fc.escape() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    result text;
    statement text;
BEGIN
    FOREACH statement IN ARRAY ARRAY['SET ROLE postgres', 'RESET ROLE', 'SET SESSION AUTHORIZATION DEFAULT', 'SET LOCAL ROLE NONE',
                                     'CREATE TEMP TABLE t ()', 'LISTEN x', 'ALTER ROLE regress_fc_mig SUPERUSER'] LOOP
        BEGIN
            EXECUTE statement;
            result := 'worked';
        EXCEPTION WHEN OTHERS THEN
            result := SQLSTATE;
        END;
        INSERT INTO test.hits VALUES (statement || ': ' || result, current_user, '');
    END LOOP;
    RETURN coalesce(NEW, OLD);
END
$$;
CREATE FUNCTION fc.evil(place text, i anyelement) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM fc.evil_frame(place);
    RETURN true;
END
$$;
-- STABLE and IMMUTABLE functions may not write themselves
CREATE FUNCTION fc.evil_frame(place text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO test.hits VALUES (place, current_user, current_setting('search_path'));
END
$$;
-- the honest one, with unqualified names
CREATE TABLE fc.audit_log (what text);
CREATE FUNCTION fc.audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_log VALUES (TG_OP || ' on ' || TG_TABLE_NAME);
    RETURN NULL;
END
$$;
-- the dishonest one: what code with the rights of another role would find first
CREATE FUNCTION fc.boom() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO test.hits VALUES ('temporary table', current_user, '');
    RETURN 'x';
END
$$;
RESET SESSION AUTHORIZATION;
SELECT bastion.allow_migration_role('regress_fc_mig');
SELECT bastion.resource_register('fc_mail', '{open}');
SELECT answer #>> '{tenant,id}' AS one FROM bastion_api.signup('one@fc.example', 'correct horse', 'Fc one') answer \gset
SELECT answer #>> '{tenant,id}' AS two FROM bastion_api.signup('two@fc.example', 'correct horse', 'Fc two') answer \gset

-- rows of tenants: triggers of every kind, a deferred one too, checks, generated columns, expressions and predicates of indexes
SET SESSION AUTHORIZATION regress_fc_mig;
CREATE TABLE fc.docs (id int, tenant_id uuid, body bastion.sealed, g boolean GENERATED ALWAYS AS (fc.evil('generated', id)) STORED,
                      CHECK (fc.evil('check', id)), CHECK (fc.evil('check folded', 1)));
CREATE INDEX ON fc.docs (fc.evil('index', id));
CREATE INDEX ON fc.docs (id) WHERE fc.evil('predicate', 1);
CREATE TABLE fc.notes (id int, tenant_id uuid);
RESET SESSION AUTHORIZATION;
INSERT INTO fc.docs SELECT i, t.id, bastion.seal_for(t.id, 'x', 'fc_mail') FROM bastion.tenants t, generate_series(1, 3) i WHERE t.slug LIKE 'fc-%';
INSERT INTO fc.notes SELECT 1, t.id FROM bastion.tenants t WHERE t.slug LIKE 'fc-%';
DELETE FROM test.hits;
SELECT count(*) > 0 AS protected FROM bastion.protect('fc.docs', resource => 'fc_docs', sharing => 'tenant');
SELECT count(*) > 0 AS protected FROM bastion.protect('fc.notes', resource => 'fc_notes');
-- protect() as superuser: as the owner of the table. From 17 on, the server itself runs what an index calls below a path of its own.
SELECT DISTINCT place, as_role, path IN ('fc, pg_temp', 'pg_catalog, pg_temp') AS safe FROM test.hits() ORDER BY place;
SELECT test.caller_left();
SET SESSION AUTHORIZATION regress_fc_mig;
CREATE TRIGGER t1 BEFORE UPDATE OR DELETE ON fc.docs FOR EACH ROW EXECUTE FUNCTION fc.hit();
CREATE TRIGGER t2 AFTER UPDATE OR DELETE ON fc.docs FOR EACH ROW EXECUTE FUNCTION fc.hit();
CREATE TRIGGER t3 BEFORE UPDATE OR DELETE ON fc.docs FOR EACH STATEMENT EXECUTE FUNCTION fc.hit();
CREATE TRIGGER t4 AFTER UPDATE OR DELETE ON fc.docs FOR EACH STATEMENT EXECUTE FUNCTION fc.hit();
CREATE CONSTRAINT TRIGGER t5 AFTER UPDATE OR DELETE ON fc.docs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fc.hit();
CREATE TRIGGER t6 AFTER UPDATE OR DELETE ON fc.docs FOR EACH STATEMENT EXECUTE FUNCTION fc.audit();
CREATE TRIGGER t7 AFTER DELETE ON fc.docs FOR EACH STATEMENT EXECUTE FUNCTION fc.escape();
RESET SESSION AUTHORIZATION;

-- reads: key_usage(), acl_prune(), explain_access()
SELECT bastion.sealed_column_add('fc.docs', 'body');
SELECT relation, sealed_values FROM bastion.key_usage() WHERE relation = 'fc.docs'::regclass ORDER BY 2;
SELECT * FROM test.hits();
-- a function of the table's schema that fits better than the server's is not called
SET SESSION AUTHORIZATION regress_fc_mig;
CREATE FUNCTION fc.unnest(bigint[]) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO test.hits VALUES ('unnest', current_user, '');
    RETURN QUERY SELECT id FROM generate_series(1, 1000000) id;
END
$$;
CREATE FUNCTION fc.eq(bigint, bigint) RETURNS boolean LANGUAGE sql AS $$ SELECT false $$;
CREATE OPERATOR fc.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = fc.eq);
RESET SESSION AUTHORIZATION;
SELECT count(*) AS lists_before FROM bastion.acls \gset
SELECT bastion.acl_prune('fc-one');
SELECT count(*) = :lists_before AS kept FROM bastion.acls;
SELECT * FROM test.hits();
SELECT relation, sealed_values FROM bastion.key_usage() WHERE relation = 'fc.docs'::regclass ORDER BY 2;
SELECT * FROM test.hits();
ALTER TABLE fc.docs ADD PRIMARY KEY (tenant_id, id);
DELETE FROM test.hits;
SELECT count(*) > 0 AS explained FROM bastion.explain_access((SELECT id FROM bastion.users WHERE email = 'one@fc.example'), 'fc_docs.read', 'fc.docs', '1', 'fc-one');
SELECT * FROM test.hits();
SELECT test.caller_left();

-- rewrap_all()
SELECT bastion.data_key_rotate('fc_mail');
CALL bastion.rewrap_all();
SELECT relation, state, sealed_values FROM bastion.key_usage() WHERE relation = 'fc.docs'::regclass ORDER BY 2, 3;
SELECT * FROM test.hits();
SELECT test.caller_left();
SELECT what, count(*) FROM fc.audit_log GROUP BY 1;
DELETE FROM fc.audit_log;

-- acl_backfill() by another role than the owner
CREATE TABLE fc.bulk (id int, tenant_id uuid);
INSERT INTO fc.bulk VALUES (1, :'one');
ALTER TABLE fc.bulk OWNER TO regress_fc_other;
-- the owner may not tell lists apart
SELECT test.error($$SELECT * FROM bastion.protect('fc.bulk', sharing => 'tenant')$$);
CALL bastion.acl_backfill('fc.bulk');
ALTER TABLE fc.bulk OWNER TO regress_fc_mig;
SET SESSION AUTHORIZATION regress_fc_mig;
CREATE TRIGGER t1 BEFORE UPDATE ON fc.bulk FOR EACH ROW EXECUTE FUNCTION fc.hit();
CREATE CONSTRAINT TRIGGER t5 AFTER UPDATE ON fc.bulk DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fc.hit();
CREATE TRIGGER t6 AFTER UPDATE ON fc.bulk FOR EACH STATEMENT EXECUTE FUNCTION fc.audit();
RESET SESSION AUTHORIZATION;
CALL bastion.acl_backfill('fc.bulk');
SELECT acl_id IS NOT NULL AS filled FROM fc.bulk;
SELECT * FROM test.hits();
SELECT * FROM fc.audit_log;
DELETE FROM fc.audit_log;
SELECT test.caller_left();
-- the owner itself, with its own path
SET search_path = fc;
UPDATE fc.bulk SET acl_id = NULL;
RESET search_path;
DELETE FROM test.hits;
RESET work_mem;
SET SESSION AUTHORIZATION regress_fc_mig;
CALL bastion.acl_backfill('fc.bulk');
SELECT * FROM test.hits();
RESET SESSION AUTHORIZATION;
DELETE FROM fc.audit_log;
-- a tree of several owners
CREATE TABLE fc.parts (id int, tenant_id uuid) PARTITION BY LIST (id);
CREATE TABLE fc.part_1 PARTITION OF fc.parts FOR VALUES IN (1);
ALTER TABLE fc.part_1 OWNER TO regress_fc_mig;
SELECT test.error($$SELECT * FROM bastion.protect('fc.parts')$$);
ALTER TABLE fc.parts OWNER TO regress_fc_mig;
SELECT count(*) > 0 AS protected FROM bastion.protect('fc.parts', resource => 'fc_parts');
SELECT * FROM bastion.protection WHERE relation = 'fc.parts'::regclass AND status <> 'ok';

-- tenant_delete(): rows as the owner of each table; the operator's own deferred triggers fire first, as the operator
SET SESSION AUTHORIZATION regress_fc_mig;
CREATE TABLE fc.of_tenant (id int, tenant uuid);
CREATE TABLE fc.of_unit (id int, unit uuid);
CREATE TABLE fc.grandchild (id int, parent int);
ALTER TABLE fc.of_tenant ADD PRIMARY KEY (id);
ALTER TABLE fc.grandchild ADD FOREIGN KEY (parent) REFERENCES fc.of_tenant ON DELETE CASCADE;
SELECT bastion.reference_add('fc.of_tenant', 'tenant', 'tenants', 'cascade');
SELECT bastion.reference_add('fc.of_unit', 'unit', 'units', 'set null');
CREATE TRIGGER t1 BEFORE DELETE ON fc.of_tenant FOR EACH ROW EXECUTE FUNCTION fc.hit();
CREATE TRIGGER t2 AFTER DELETE ON fc.of_tenant FOR EACH ROW EXECUTE FUNCTION fc.hit();
CREATE TRIGGER t3 BEFORE DELETE ON fc.of_tenant FOR EACH STATEMENT EXECUTE FUNCTION fc.hit();
CREATE TRIGGER t4 AFTER DELETE ON fc.of_tenant FOR EACH STATEMENT EXECUTE FUNCTION fc.hit();
CREATE CONSTRAINT TRIGGER t5 AFTER DELETE ON fc.of_tenant DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fc.hit();
CREATE TRIGGER t6 AFTER DELETE ON fc.of_tenant FOR EACH STATEMENT EXECUTE FUNCTION fc.audit();
CREATE TRIGGER t7 AFTER DELETE ON fc.of_tenant FOR EACH STATEMENT EXECUTE FUNCTION fc.escape();
CREATE TRIGGER t1 BEFORE UPDATE ON fc.of_unit FOR EACH ROW EXECUTE FUNCTION fc.hit();
CREATE TRIGGER t2 AFTER UPDATE ON fc.of_unit FOR EACH ROW EXECUTE FUNCTION fc.hit();
CREATE TRIGGER t3 BEFORE UPDATE ON fc.of_unit FOR EACH STATEMENT EXECUTE FUNCTION fc.hit();
CREATE TRIGGER t4 AFTER UPDATE ON fc.of_unit FOR EACH STATEMENT EXECUTE FUNCTION fc.hit();
CREATE TRIGGER t1 BEFORE DELETE ON fc.grandchild FOR EACH ROW EXECUTE FUNCTION fc.hit();
CREATE TRIGGER t2 AFTER DELETE ON fc.grandchild FOR EACH ROW EXECUTE FUNCTION fc.hit();
RESET SESSION AUTHORIZATION;
INSERT INTO fc.of_tenant VALUES (1, :'one'), (2, :'two');
INSERT INTO fc.grandchild VALUES (1, 1), (2, 2);
INSERT INTO fc.of_unit SELECT 1, u.id FROM bastion.units u WHERE u.tenant_id = :'one' LIMIT 1;
CREATE TABLE test.own (id int);
CREATE FUNCTION test.own_hit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO test.hits VALUES ('deferred by the operator', CASE current_user WHEN session_user THEN 'operator' ELSE current_user END, current_setting('search_path'));
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER own AFTER INSERT ON test.own DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION test.own_hit();
-- what the operator's session has in pg_temp is found last
CREATE TEMP TABLE audit_log (what text, x text DEFAULT fc.boom());
GRANT ALL ON audit_log TO PUBLIC;
DELETE FROM test.hits;
BEGIN;
INSERT INTO test.own VALUES (1);
SELECT * FROM bastion.tenant_delete('fc-one') ORDER BY relation::text;
SELECT test.caller_left();
SELECT * FROM test.hits();
COMMIT;
SELECT * FROM test.hits();
SELECT test.caller_left();
SELECT what, count(*) FROM fc.audit_log GROUP BY 1 ORDER BY 1;
TABLE pg_temp.audit_log;
SELECT count(*) AS rows_left FROM fc.of_tenant;
TABLE fc.of_unit;
SELECT count(*) AS rows_left FROM fc.grandchild;
-- an error inside, caught outside, leaves nothing on; through SET ROLE too
SET SESSION AUTHORIZATION regress_fc_mig;
CREATE FUNCTION fc.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('work_mem', '54321kB', false); RAISE EXCEPTION 'no'; END $$;
CREATE TRIGGER t8 AFTER DELETE ON fc.of_tenant FOR EACH ROW EXECUTE FUNCTION fc.fail();
RESET SESSION AUTHORIZATION;
SELECT test.error($$SELECT * FROM bastion.tenant_delete('fc-two')$$), test.caller_left();
DROP TRIGGER t8 ON fc.of_tenant;
DELETE FROM test.hits;
-- foreign keys that reach tables of several owners, and of superusers
ALTER TABLE fc.of_unit OWNER TO regress_fc_other;
SELECT test.error($$SELECT * FROM bastion.tenant_delete('fc-two')$$);
-- one owner, who has no right in the extension
DROP TABLE fc.of_unit;
ALTER TABLE fc.of_tenant OWNER TO regress_fc_other; ALTER TABLE fc.grandchild OWNER TO regress_fc_other;
GRANT USAGE ON SCHEMA fc TO regress_fc_other; GRANT INSERT ON fc.audit_log TO regress_fc_other;
BEGIN;
SELECT count(*) > 0 AS deleted FROM bastion.tenant_delete('fc-two');
SELECT * FROM test.hits() WHERE place LIKE '%of_tenant' OR place LIKE '%grandchild';
ROLLBACK;
ALTER TABLE fc.of_tenant OWNER TO regress_fc_mig; ALTER TABLE fc.grandchild OWNER TO regress_fc_mig;
CREATE TABLE test.of_superuser (tenant uuid REFERENCES bastion.tenants ON DELETE CASCADE);
INSERT INTO test.of_superuser VALUES (:'two');
CREATE TRIGGER t1 BEFORE DELETE ON test.of_superuser FOR EACH STATEMENT EXECUTE FUNCTION fc.hit();
SELECT count(*) > 0 AS deleted FROM bastion.tenant_delete('fc-two');
SELECT * FROM test.hits() WHERE place LIKE '%superuser%' OR as_role <> 'regress_fc_mig';
SELECT count(*) AS rows_left FROM test.of_superuser;
DROP TABLE test.of_superuser;
-- a trigger that keeps the tenant
SELECT answer #>> '{tenant,id}' AS three FROM bastion_api.signup('three@fc.example', 'correct horse', 'Fc three') answer \gset
CREATE FUNCTION test.keep() RETURNS trigger LANGUAGE plpgsql SET search_path = test, pg_temp AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER keep BEFORE DELETE ON bastion.tenants FOR EACH ROW EXECUTE FUNCTION test.keep();
SELECT test.error($$SELECT * FROM bastion.tenant_delete('fc-three')$$);
DROP TRIGGER keep ON bastion.tenants;
SELECT test.error($$SELECT * FROM bastion.tenant_delete(NULL)$$);
-- an operator who is no superuser: its deferred triggers fire with its rights, not with those of the extension
CREATE ROLE regress_fc_ops;
GRANT USAGE ON SCHEMA bastion TO regress_fc_ops;
GRANT EXECUTE ON FUNCTION bastion.tenant_delete TO regress_fc_ops;
GRANT INSERT ON test.own TO regress_fc_ops;
DELETE FROM test.hits;
SET SESSION AUTHORIZATION regress_fc_ops;
BEGIN;
INSERT INTO test.own VALUES (2);
SELECT count(*) AS rows FROM bastion.tenant_delete('fc-three');
SELECT test.caller_left();
COMMIT;
RESET SESSION AUTHORIZATION;
SELECT * FROM test.hits();

-- authenticate(): a new user whose subject was taken meanwhile is not deleted, so no foreign key acts
BEGIN;
SELECT bastion.issuer_add('https://fc.example', bastion.jwk_generate('ES256', 'k'), '{app}', '{ES256}', create_users => true);
SET SESSION AUTHORIZATION regress_fc_mig;
CREATE TABLE fc.of_user (id uuid);
SELECT bastion.reference_add('fc.of_user', 'id', 'users', 'cascade');
CREATE TRIGGER t3 BEFORE DELETE ON fc.of_user FOR EACH STATEMENT EXECUTE FUNCTION fc.hit();
RESET SESSION AUTHORIZATION;
DELETE FROM test.hits;
SELECT bastion_internal.identity_create('{"issuer": "https://fc.example", "subject": "s"}') AS first \gset
SELECT count(*) AS users FROM bastion.users \gset
SELECT bastion_internal.identity_create('{"issuer": "https://fc.example", "subject": "s"}') = :'first' AS same, (SELECT count(*) FROM bastion.users) = :users AS no_other;
SELECT * FROM test.hits();
ROLLBACK;

-- event triggers: honest ones see what protect() and its like do, as who calls it and with that one's path
CREATE TABLE fc.ddl_log (tag text, as_role text, path text);
GRANT INSERT, SELECT, DELETE ON fc.ddl_log TO PUBLIC;
CREATE FUNCTION fc.log_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ddl_log SELECT TG_TAG, CASE current_user WHEN session_user THEN 'caller' ELSE current_user END, current_setting('search_path');
END
$$;
ALTER FUNCTION fc.log_ddl() OWNER TO regress_fc_mig;
CREATE VIEW test.ddl AS SELECT DISTINCT tag, as_role, path FROM fc.ddl_log ORDER BY 1, 2, 3;
CREATE TABLE fc.plain (id int, tenant_id uuid);
CREATE ROLE regress_fc_app;
SET search_path = fc, public;
CREATE EVENT TRIGGER regress_fc_log ON ddl_command_end EXECUTE FUNCTION fc.log_ddl();
CREATE EVENT TRIGGER regress_fc_start ON ddl_command_start EXECUTE FUNCTION fc.log_ddl();
CREATE EVENT TRIGGER regress_fc_drop ON sql_drop EXECUTE FUNCTION fc.log_ddl();
SELECT count(*) > 0 AS done FROM bastion.protect('fc.plain', resource => 'fc_plain', sharing => 'tenant', tenant_fk => true);
SELECT * FROM test.ddl; DELETE FROM fc.ddl_log;
SELECT count(*) > 0 AS done FROM bastion.unprotect('fc.plain');
SELECT * FROM test.ddl; DELETE FROM fc.ddl_log;
ALTER TABLE fc.plain ENABLE ROW LEVEL SECURITY; DELETE FROM fc.ddl_log;
SELECT bastion.global_table_add('fc.plain', 'a test');
SELECT bastion.global_table_remove('fc.plain');
SELECT bastion.allow_app_role('regress_fc_app');
SELECT bastion.allow_migration_role('regress_fc_app');
SELECT bastion.disallow_app_role('regress_fc_app');
SELECT bastion.reference_add('fc.plain', 'tenant_id', 'tenants');
SELECT * FROM test.ddl; DELETE FROM fc.ddl_log;
CREATE TABLE fc.to_fill (id int, tenant_id uuid); DELETE FROM fc.ddl_log;
CALL bastion.acl_backfill('fc.to_fill');
SELECT * FROM test.ddl; DELETE FROM fc.ddl_log;
SELECT count(*) FROM bastion.schema_guard('fc');
SELECT count(*) FROM fc.ddl_log;
-- the guard's own statements fire none; who makes the table could otherwise be a superuser
RESET search_path;
SET SESSION AUTHORIZATION regress_fc_mig;
SET search_path = fc;
CREATE TEMP TABLE ddl_log (tag text, as_role text, path text, x text DEFAULT fc.boom());
GRANT ALL ON ddl_log TO PUBLIC;
DELETE FROM pg_temp.ddl_log; DELETE FROM fc.ddl_log; DELETE FROM test.hits;
SET search_path = pg_temp, fc;
CREATE TABLE fc.new_table (id int, g boolean GENERATED ALWAYS AS (fc.evil('generated', id)) STORED, CHECK (fc.evil('check folded', 1)));
CREATE TABLE fc.part_2 PARTITION OF fc.parts FOR VALUES IN (2);
RESET search_path;
RESET SESSION AUTHORIZATION;
SELECT tag, as_role, count(*) FROM pg_temp.ddl_log GROUP BY 1, 2 ORDER BY 1, 2;
SELECT place, as_role FROM test.hits();
SELECT relname, relrowsecurity, relforcerowsecurity, (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies
FROM pg_class c WHERE oid IN ('fc.new_table'::regclass, 'fc.part_2'::regclass) ORDER BY 1;
SELECT test.error($$SET ROLE regress_fc_mig; SELECT bastion_internal.run_unseen('ALTER ROLE regress_fc_mig SUPERUSER')$$);
RESET ROLE;
DROP EVENT TRIGGER regress_fc_log; DROP EVENT TRIGGER regress_fc_start; DROP EVENT TRIGGER regress_fc_drop;
SELECT bastion.schema_unguard('fc');
SET SESSION AUTHORIZATION regress_fc_mig;
SELECT test.error($$SELECT bastion_internal.count_nulls('test.hits', 'place')$$), test.error($$SELECT bastion_internal.has_rows_without('test.hits', NULL)$$),
       test.error($$SELECT bastion_internal.fill_pages('test.hits', 'place', NULL, 'tenant', 'place', 0, 1)$$);
RESET SESSION AUTHORIZATION;

-- what others attached to the extension's own tables
\c -
\set VERBOSITY default
SET client_min_messages = warning;
CREATE TABLE public.regress_new_users (id uuid);
CREATE FUNCTION public.regress_new_user() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO regress_new_users VALUES (NEW.id); RETURN NULL; END $$;
CREATE TRIGGER regress_new_user AFTER INSERT ON bastion.users FOR EACH ROW EXECUTE FUNCTION public.regress_new_user();
SELECT severity, object, problem, fix FROM bastion.lint() WHERE object LIKE 'trigger regress%';
-- what is not a trigger too
CREATE FUNCTION public.regress_check(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
BEGIN;
ALTER TABLE bastion.tenants ADD CONSTRAINT regress_check CHECK (public.regress_check(name)), ALTER COLUMN name SET DEFAULT public.regress_check('x')::text;
CREATE INDEX regress_index ON bastion.units (public.regress_check(name));
CREATE RULE regress_rule AS ON DELETE TO bastion.events DO ALSO SELECT public.regress_check('x');
SELECT severity, object FROM bastion.lint() WHERE problem LIKE '%regress_check%';
ROLLBACK;
DROP FUNCTION public.regress_check;
-- its names are not found under the path of signup()
SELECT test.error($$SELECT bastion_api.signup('four@fc.example', 'correct horse', 'Fc four')$$);
CREATE TEMP TABLE regress_new_users (id uuid);
-- and here something else would be
SELECT bastion_api.signup('four@fc.example', 'correct horse', 'Fc four');
-- the superuser's own statement is the superuser's business
INSERT INTO bastion.users (email) VALUES ('direct@fc.example');
SELECT count(*) FROM regress_new_users;
ALTER FUNCTION public.regress_new_user() SET search_path = '';
SELECT test.error($$SELECT bastion_api.signup('four@fc.example', 'correct horse', 'Fc four')$$);
ALTER FUNCTION public.regress_new_user() SET search_path = pg_temp, public;
SELECT test.error($$SELECT bastion_api.signup('four@fc.example', 'correct horse', 'Fc four')$$);
ALTER FUNCTION public.regress_new_user() SET search_path = public, pg_temp;
SELECT bastion_api.signup('four@fc.example', 'correct horse', 'Fc four') IS NOT NULL AS signed_up;
SELECT count(*) FROM public.regress_new_users;
SELECT count(*) FROM bastion.lint() WHERE object LIKE 'trigger regress%';
-- found out anew when the function changes, and a trigger that is switched off does nothing
ALTER FUNCTION public.regress_new_user() RESET search_path;
SELECT test.error($$SELECT bastion_api.signup('five@fc.example', 'correct horse', 'Fc five')$$);
ALTER TABLE bastion.users DISABLE TRIGGER regress_new_user;
SELECT bastion_api.signup('five@fc.example', 'correct horse', 'Fc five') IS NOT NULL AS signed_up;
DROP TRIGGER regress_new_user ON bastion.users;
-- also on a table that has been judged already
ALTER FUNCTION public.regress_new_user() SET search_path = public, pg_temp;
CREATE TRIGGER regress_new_user AFTER INSERT ON bastion.tenants FOR EACH ROW EXECUTE FUNCTION public.regress_new_user();
SELECT bastion_api.signup('six@fc.example', 'correct horse', 'Fc six') IS NOT NULL AS signed_up;
ALTER FUNCTION public.regress_new_user() RESET search_path;
SELECT test.error($$SELECT bastion_api.signup('seven@fc.example', 'correct horse', 'Fc seven')$$);
DROP TRIGGER regress_new_user ON bastion.tenants;
-- the last use of an API key, which is written when a transaction commits, keeps none from committing; the server log has the reason
INSERT INTO bastion.api_keys (id, user_id, tenant_id, name, scopes)
SELECT '5b0e4f2c-0000-4000-8000-000000000001', m.user_id, m.tenant_id, 'used', '{*}' FROM bastion.memberships m JOIN bastion.users u ON u.id = m.user_id WHERE u.email = 'five@fc.example';
SELECT bastion_internal.api_key_add_secret('5b0e4f2c-0000-4000-8000-000000000001') AS key \gset
CREATE TRIGGER regress_used BEFORE UPDATE ON bastion.api_keys FOR EACH ROW EXECUTE FUNCTION public.regress_new_user();
SET bastion.last_used_interval = 0;
BEGIN;
SELECT bastion.authenticate(:'key') IS NOT NULL AS authenticated;
CREATE TEMP TABLE regress_kept AS SELECT 1 AS kept;
SET LOCAL client_min_messages = log;
COMMIT;
SELECT kept, (SELECT last_used_at FROM bastion.api_keys WHERE name = 'used') AS last_used_at FROM regress_kept;
-- nor does an error of the trigger
CREATE OR REPLACE FUNCTION public.regress_new_user() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$ BEGIN RAISE EXCEPTION 'not today'; END $$;
BEGIN;
SELECT bastion.authenticate(:'key') IS NOT NULL AS authenticated;
UPDATE regress_kept SET kept = 2;
SET LOCAL client_min_messages = log;
COMMIT;
SELECT kept FROM regress_kept;
DROP TRIGGER regress_used ON bastion.api_keys;
BEGIN;
SELECT bastion.authenticate(:'key') IS NOT NULL AS authenticated;
COMMIT;
SELECT last_used_at IS NOT NULL AS noted FROM bastion.api_keys WHERE name = 'used';
RESET bastion.last_used_interval;
-- the first key of a purpose is made in the caller's own transaction: there it is an error, which names the trigger
CREATE TRIGGER regress_made AFTER INSERT ON bastion.data_keys FOR EACH ROW EXECUTE FUNCTION public.regress_new_user();
ALTER FUNCTION public.regress_new_user() RESET search_path;
SELECT bastion.resource_register('fcnew', '{open}') AS registered;
BEGIN;
SELECT bastion.authenticate(:'key') IS NOT NULL AS authenticated;
SELECT bastion.seal('value', 'fcnew');
ROLLBACK;
BEGIN;
SELECT bastion.authenticate(:'key') IS NOT NULL AS authenticated;
SELECT bastion.blind_index('value', 'fcnew');
ROLLBACK;
DROP TRIGGER regress_made ON bastion.data_keys;
-- foreign keys to other tables of the extension
CREATE TABLE public.regress_of_role (id uuid REFERENCES bastion.roles ON DELETE CASCADE);
CREATE TABLE public.regress_of_user (id uuid REFERENCES bastion.users ON UPDATE CASCADE);
CREATE DOMAIN public.regress_uuid AS uuid;
CREATE TABLE public.regress_hostile (id public.regress_uuid REFERENCES bastion.users);
GRANT REFERENCES ON bastion.users TO regress_fc_mig; GRANT REFERENCES (id) ON bastion.units TO PUBLIC;
SELECT severity, object, problem, fix FROM bastion.lint() WHERE object LIKE '%regress%' OR fix LIKE '%REFERENCES%';
REVOKE REFERENCES ON bastion.users FROM regress_fc_mig; REVOKE REFERENCES (id) ON bastion.units FROM PUBLIC;
DROP TABLE public.regress_hostile; DROP DOMAIN public.regress_uuid;
CREATE FUNCTION test.as_definer(statement text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE statement; END $$;
SELECT test.as_definer('DELETE FROM bastion.roles WHERE name = ''nobody''');
SELECT test.error($$SELECT test.as_definer('UPDATE bastion.roles SET description = description')$$);
SELECT test.error($$SELECT test.as_definer('UPDATE bastion.users SET display_name = display_name')$$),
       test.error($$SELECT test.as_definer('UPDATE bastion.users SET id = id')$$);
DELETE FROM bastion.roles WHERE name = 'nobody';
-- and with every other action
CREATE TABLE public.regress_of_invitation (id uuid REFERENCES bastion.invitations ON DELETE SET NULL ON UPDATE SET DEFAULT);
CREATE TABLE public.regress_of_session (id uuid REFERENCES bastion.sessions ON DELETE SET DEFAULT ON UPDATE SET NULL);
SELECT name, test.error(format('SELECT test.as_definer(%L)', format('DELETE FROM bastion.%I WHERE false', name))) AS delete,
       test.error(format('SELECT test.as_definer(%L)', format('UPDATE bastion.%I SET id = id WHERE false', name))) AS update
FROM unnest(ARRAY['invitations', 'sessions']) name;
DROP TABLE public.regress_of_role, public.regress_of_user, public.regress_of_invitation, public.regress_of_session, public.regress_new_users;
DROP FUNCTION public.regress_new_user;
-- every table has the guard, and no trigger of the extension comes before it
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'bastion'::regnamespace AND c.relkind = 'r'
  AND (SELECT t.tgname || ' ' || t.tgtype FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND (t.tgtype & 3) = 2 ORDER BY t.tgname COLLATE "C" LIMIT 1)
      IS DISTINCT FROM '!foreign_code 30';
SELECT test.error('SELECT bastion_internal.guard_foreign_code()');

-- expressions that a table had before, which are parsed again: a literal runs the input function of its type
SET SESSION AUTHORIZATION regress_fc_mig;
CREATE FUNCTION fc.parsed(value text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO test.hits VALUES ('parsed', current_user, current_setting('search_path'));
    RETURN true;
END
$$;
CREATE DOMAIN fc.parsed_text AS text CHECK (fc.parsed(VALUE));
CREATE TYPE fc.parsed_row AS (a fc.parsed_text);
CREATE TABLE fc.parsed_default (id int PRIMARY KEY, tenant_id uuid DEFAULT md5(('(x)'::fc.parsed_row)::text)::uuid);
CREATE TABLE fc.parsed_owner (id int PRIMARY KEY, tenant_id uuid, owner_id uuid DEFAULT md5(('(x)'::fc.parsed_row)::text)::uuid);
CREATE TABLE fc.parsed_index (id int PRIMARY KEY, tenant_id uuid, word text);
CREATE UNIQUE INDEX parsed_index_word ON fc.parsed_index (word) WHERE word <> (('(y)'::fc.parsed_row).a)::text;
CREATE UNIQUE INDEX parsed_index_expression ON fc.parsed_index ((word || (('(z)'::fc.parsed_row).a)::text));
SELECT count(*) FROM unnest(ARRAY['fc.parsed_default', 'fc.parsed_index']::regclass[]) t, bastion.protect(t);
SELECT count(*) FROM bastion.protect('fc.parsed_owner', owner_column => 'owner_id');
RESET SESSION AUTHORIZATION;
SELECT count(*) >= 0 AS cleared FROM test.hits();
SELECT bastion.composite_keys_create('fc.parsed_index');
SELECT DISTINCT as_role FROM test.hits();
SELECT bastion.protect('fc.parsed_owner');
SELECT DISTINCT as_role FROM test.hits();
SELECT bastion.unprotect(t) FROM unnest(ARRAY['fc.parsed_default', 'fc.parsed_owner', 'fc.parsed_index']::regclass[]) t;
SELECT DISTINCT as_role FROM test.hits();
SELECT tablename, indexname, indexdef FROM pg_indexes WHERE tablename = 'parsed_index' ORDER BY indexname;
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'fc.parsed_default'::regclass;

-- the end
\set VERBOSITY terse
SELECT count(*) > 0 AS deleted FROM bastion.tenant_delete('fc-four');
SELECT count(*) > 0 AS deleted FROM bastion.tenant_delete('fc-five');
SELECT count(*) > 0 AS deleted FROM bastion.tenant_delete('fc-six');
DROP SCHEMA fc CASCADE;
SELECT bastion_internal.forget_dropped_tables();
DELETE FROM bastion.sealed_columns;
DELETE FROM bastion.users WHERE email LIKE '%@fc.example';
DELETE FROM bastion.permissions WHERE resource LIKE E'fc\\_%' OR resource = 'to_fill';
DELETE FROM bastion.data_keys WHERE purpose = 'fc_mail';
DROP FUNCTION test.hits, test.caller_left, test.own_hit CASCADE;
DROP FUNCTION test.keep, test.as_definer;
DROP TABLE test.hits, test.own;
DROP OWNED BY regress_fc_mig, regress_fc_other, regress_fc_app, regress_fc_ops;
DROP ROLE regress_fc_mig, regress_fc_other, regress_fc_app, regress_fc_ops;

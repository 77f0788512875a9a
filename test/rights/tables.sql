-- The tables that the extension's functions reach: protected ones of several kinds, and those whose foreign keys lead to units,
-- tenants and tables of the owner's own. Each carries every place that it can.
SELECT bastion.allow_app_role('rights_app'), bastion.allow_app_role('rights_mig'), bastion.allow_migration_role('rights_mig');
-- the roles call internal functions too, as the planner, defaults and triggers do for them
GRANT USAGE ON SCHEMA bastion TO rights_operator;
GRANT USAGE ON SCHEMA bastion_internal TO rights_app, rights_operator;

-- An owner of a tenant, and a member, with long-lived tokens.
CREATE TABLE rights.people (name text PRIMARY KEY, user_id uuid, tenant_id uuid, token text);
GRANT SELECT ON rights.people TO PUBLIC;
INSERT INTO rights.people
SELECT v.name, (v.answer -> 'user' ->> 'id')::uuid, (v.answer -> 'tenant' ->> 'id')::uuid, v.answer ->> 'access_token'
FROM (VALUES ('ann', bastion_api.signup('ann@rights.example', 'correct horse battery', 'Acme', 'acme')),
             ('bob', bastion_api.signup('bob@rights.example', 'correct horse battery', 'Bert', 'bert'))) v (name, answer);
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT b.user_id, a.tenant_id, r.id FROM rights.people a, rights.people b, bastion.roles r
WHERE a.name = 'ann' AND b.name = 'bob' AND r.name = 'viewer' AND r.tenant_id IS NULL;

CREATE FUNCTION rights.make_table(name text, key text, rest text DEFAULT '') RETURNS regclass
LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('CREATE TABLE shop.%I (id %s NOT NULL, tenant_id uuid, owner_id uuid, acl_id bigint, title text, pair shop.pair, pairs shop.pair[], '
                   'span shop.span) %s', name, key, rest);
    RETURN format('shop.%I', name)::regclass;
END
$$;

SELECT rights.make_table('rows', 'bigint'), rights.make_table('typed', 'shop.code'), rights.make_table('labelled', 'shop.label'),
       rights.make_table('domained', 'shop.word'), rights.make_table('ruled', 'bigint'), rights.make_table('parts', 'bigint', 'PARTITION BY RANGE (id shop.part_ops)'),
       rights.make_table('grown', 'bigint', 'PARTITION BY RANGE (id shop.part_ops)');
ALTER TABLE shop.rows ADD sealed bastion.sealed;
CREATE TABLE shop.parts_own PARTITION OF shop.parts FOR VALUES FROM (0) TO (1000000000);
CREATE TABLE shop.parts_neighbour PARTITION OF shop.parts FOR VALUES FROM (1000000000) TO (2000000000);
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['rows', 'typed', 'labelled', 'domained', 'ruled', 'parts', 'grown'] LOOP
        EXECUTE format('ALTER TABLE shop.%I ADD PRIMARY KEY (id)', t);
    END LOOP;
END
$$;
SELECT rights.decorate('shop.rows', 'acl_id');
SELECT rights.decorate(t, 'acl_id', '{before_row,after_row}') FROM unnest('{shop.typed,shop.labelled,shop.domained,shop.ruled,shop.parts_own}'::regclass[]) t;
CREATE RULE changed AS ON UPDATE TO shop.ruled DO ALSO SELECT shop.in_rule(old.id::text);
CREATE TRIGGER neighbour BEFORE UPDATE OR DELETE ON shop.parts_neighbour FOR EACH ROW EXECUTE FUNCTION shop.neighbour();
CREATE TRIGGER neighbour_after AFTER UPDATE OR DELETE ON shop.parts_neighbour FOR EACH ROW EXECUTE FUNCTION shop.neighbour();

-- The children of a table: what each ON DELETE action does, a child of a child, one with a rule, and an empty one.
CREATE FUNCTION rights.make_children(parent regclass, prefix text) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    t text;
    rest text := 'title text, pair shop.pair, pairs shop.pair[], span shop.span';
BEGIN
    EXECUTE format('CREATE TABLE shop.%I (id bigserial PRIMARY KEY, parent uuid REFERENCES %s ON DELETE SET NULL, %s)', prefix || '_null', parent, rest);
    EXECUTE format('CREATE TABLE shop.%I (id bigserial PRIMARY KEY, parent uuid DEFAULT shop.in_default() REFERENCES %s ON DELETE SET DEFAULT, %s)', prefix || '_default', parent, rest);
    EXECUTE format('CREATE TABLE shop.%I (id bigserial PRIMARY KEY, parent uuid REFERENCES %s ON DELETE CASCADE, %s)', prefix || '_cascade', parent, rest);
    EXECUTE format('CREATE TABLE shop.%I (id bigserial PRIMARY KEY, parent bigint REFERENCES shop.%I ON DELETE CASCADE)', prefix || '_grand', prefix || '_cascade');
    EXECUTE format('CREATE TABLE shop.%I (id bigserial PRIMARY KEY, parent uuid REFERENCES %s ON DELETE CASCADE)', prefix || '_ruled', parent);
    EXECUTE format('CREATE RULE removed AS ON DELETE TO shop.%I DO ALSO SELECT shop.in_rule(old.id::text)', prefix || '_ruled');
    EXECUTE format('CREATE TABLE shop.%I (parent uuid REFERENCES %s ON DELETE CASCADE)', prefix || '_empty', parent);
    EXECUTE format('CREATE TRIGGER on_empty BEFORE DELETE ON shop.%I EXECUTE FUNCTION shop.on_empty()', prefix || '_empty');
    PERFORM rights.decorate(format('shop.%I', prefix || d)::regclass, 'parent') FROM unnest('{_null,_default,_cascade}'::text[]) d;
    EXECUTE format('CREATE TRIGGER grandchild BEFORE DELETE ON shop.%I FOR EACH ROW EXECUTE FUNCTION shop.grandchild()', prefix || '_grand');
    EXECUTE format('CREATE TRIGGER grandchild_after AFTER DELETE ON shop.%I FOR EACH ROW EXECUTE FUNCTION shop.grandchild()', prefix || '_grand');
    EXECUTE format('CREATE TRIGGER grandchild_statement AFTER DELETE ON shop.%I FOR EACH STATEMENT EXECUTE FUNCTION shop.grandchild()', prefix || '_grand');
END
$$;
SELECT rights.make_children('bastion.units', 'unit'), rights.make_children('bastion.tenants', 'tenant');
-- An ordinary cascade between the owner's tables, which must behave as in plain PostgreSQL after any earlier call.
CREATE TABLE shop.plain (id bigint PRIMARY KEY);
CREATE TABLE shop.plain_child (id bigint REFERENCES shop.plain ON DELETE CASCADE);
CREATE FUNCTION shop.plain_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE INFO 'plain|%', current_user; RETURN OLD; END $$;
CREATE TRIGGER plain BEFORE DELETE ON shop.plain_child FOR EACH ROW EXECUTE FUNCTION shop.plain_trigger();
INSERT INTO shop.plain SELECT generate_series(1, 20000);
INSERT INTO shop.plain_child SELECT generate_series(1, 20000);

DO $$
DECLARE
    t regclass;
BEGIN
    FOR t IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'shop'::regnamespace AND c.relkind IN ('r', 'p') LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO %I', t, current_setting('rights.owner'));
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO rights_app, rights_mig', t);

    END LOOP;
END
$$;
GRANT SELECT, DELETE ON shop.plain TO rights_operator;

SELECT bastion.meter_set('rights_rows', 'gauge');
SELECT bastion.protect(t, owner_column => 'owner_id', sharing => 'tenant', visibility => 'owner', quota => CASE t WHEN 'shop.rows'::regclass THEN 'rights_rows' END)
FROM unnest('{shop.rows,shop.typed,shop.labelled,shop.domained,shop.ruled,shop.parts,shop.grown}'::regclass[]) t;
-- Afterwards: protect() refuses a table whose partitions are of several owners.
ALTER TABLE shop.parts_neighbour OWNER TO rights_neighbour;
SELECT bastion.audit_table('shop.rows');
SELECT bastion.sealed_column_add('shop.rows', 'sealed', 'shop.in_bound(id::text)');

-- Statements that fire event triggers; CREATE INDEX and REFRESH, by which some callers come, are not among them.
CREATE SCHEMA guarded;
SELECT format('GRANT USAGE, CREATE ON SCHEMA guarded TO %I', current_setting('rights.owner')) \gexec
SELECT bastion.schema_guard('guarded');
CREATE EVENT TRIGGER at_start ON ddl_command_start WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'ALTER TABLE', 'CREATE POLICY', 'ALTER POLICY', 'DROP POLICY', 'CREATE TRIGGER', 'COMMENT', 'GRANT', 'REVOKE') EXECUTE FUNCTION shop.at_start();
CREATE EVENT TRIGGER at_end ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'ALTER TABLE', 'CREATE POLICY', 'ALTER POLICY', 'DROP POLICY', 'CREATE TRIGGER', 'COMMENT', 'GRANT', 'REVOKE') EXECUTE FUNCTION shop.at_end();
CREATE EVENT TRIGGER at_drop ON sql_drop WHEN TAG IN ('ALTER TABLE', 'DROP POLICY', 'DROP TRIGGER', 'DROP INDEX') EXECUTE FUNCTION shop.at_drop();
CREATE EVENT TRIGGER at_rewrite ON table_rewrite EXECUTE FUNCTION shop.at_rewrite();
SELECT format('ALTER DATABASE %I SET search_path = shop, public', current_database()) \gexec
SET search_path = shop, public;

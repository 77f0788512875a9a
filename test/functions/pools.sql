-- Valid arguments, by name and type of the parameter: texts, and SQL expressions.
CREATE TABLE fz.pool (number bigint GENERATED ALWAYS AS IDENTITY, parameters text[], type text, is_expression boolean, value text);
CREATE FUNCTION fz.add_values(parameters text, type text, VARIADIC list text[]) RETURNS void LANGUAGE sql
AS $$ INSERT INTO fz.pool (parameters, type, is_expression, value) SELECT string_to_array(parameters, ' '), type, false, v FROM unnest(list) v $$;
CREATE FUNCTION fz.add_expressions(parameters text, type text, VARIADIC list text[]) RETURNS void LANGUAGE sql
AS $$ INSERT INTO fz.pool (parameters, type, is_expression, value) SELECT string_to_array(parameters, ' '), type, true, v FROM unnest(list) v $$;
-- The names in fz.named that match, as calls of a function that reads them.
CREATE FUNCTION fz.calls(reader text, pattern text) RETURNS text[] LANGUAGE sql
AS $$ SELECT array_agg(format('fz.%s(%L)', reader, n.name) ORDER BY n.name) FROM fz.named n WHERE n.name ~ pattern $$;
CREATE FUNCTION fz.ids(kind text, VARIADIC numbers integer[]) RETURNS text[] LANGUAGE sql
AS $$ SELECT array_agg(fz.make_id(kind, n)::text) FROM unnest(numbers) n $$;

DO $$
BEGIN
    PERFORM fz.add_values('user_id with_user', 'uuid', VARIADIC fz.ids('e', 1, 2, 3, 4, 5, 6, 11, 12, 13, 14));
    PERFORM fz.add_values('with_tenant tenant', 'uuid', VARIADIC fz.ids('a', 1, 2));
    PERFORM fz.add_values('with_unit', 'uuid', VARIADIC fz.ids('b', 1, 2, 3, 11, 12));
    PERFORM fz.add_values('with_role', 'uuid', VARIADIC fz.ids('c', 1, 2, 11, 12) || 'ba571000-0000-4000-8000-000000000001'::text);
    PERFORM fz.add_values('tenant', 'text', VARIADIC fz.ids('a', 1, 2) || '{acme,beta,101,102}'::text[]);
    PERFORM fz.add_values('unit', 'text', VARIADIC fz.ids('b', 1, 2, 3, 11, 12) || '{red,pink,green}'::text[]);
    PERFORM fz.add_values('role', 'text', VARIADIC fz.ids('c', 1, 11, 12) || '{editor,clerk,chief,owner,admin,member,viewer}'::text[]);
    PERFORM fz.add_values('parent', 'text', VARIADIC fz.ids('b', 11) || fz.ids('c', 11) || '{red,pink,green,editor,clerk,chief,owner}'::text[]);
    PERFORM fz.add_values('owner', 'text', VARIADIC fz.ids('e', 1, 11));
    PERFORM fz.add_values('name', 'text', 'smtp', 'own', 'new', 'bob secret', 'editor', 'a name');
    PERFORM fz.add_values('permission pattern', 'text', 'docs.read', 'docs.delete', 'notes.manage', 'wide.read', 'docs.*', '*', '*.read', 'tenant.members.manage',
                          'tenant.*', 'tenant.secrets.open', 'dcos.read');
    PERFORM fz.add_values('scopes', '_text', '{docs.read}', '{*}', '{tenant.*}', '{docs.*,notes.read}', '{docs.read,NULL}', '{{docs.read},{notes.read}}', '{}');
    PERFORM fz.add_values('level', 'text', 'read', 'write', 'deploy', 'manage');
    PERFORM fz.add_values('key', 'text', '1', '2', '3', '11', '12', 'd0000000-0000-4000-8000-000000000001', 'd0000000-0000-4000-8000-000000000012', '01', ' 1');
    PERFORM fz.add_values('scope', 'text', 'this', 'others', 'all');
    PERFORM fz.add_values('kind', 'text', 'team', 'project', 'tenant', 'unit', 'owner');
    PERFORM fz.add_values('kind code', 'char', 'r', 'v', 'p', 'a', 'c', 'w', '*', E'\x7f');
    PERFORM fz.add_values('visibility', 'text', 'tenant', 'unit', 'owner');
    PERFORM fz.add_values('sharing', 'text', 'tenant', 'cross_tenant');
    PERFORM fz.add_values('existing', 'text', 'refuse', 'drop', 'keep');
    PERFORM fz.add_values('purpose', 'text', 'contracts', 'bastion.secrets', 'signing', 'pepper', 'tenant', 'owner', 'bastion.blind_index.contracts', 'newpurpose');
    PERFORM fz.add_values('bound_to', 'text', 'row 1', 'row 2');
    PERFORM fz.add_values('email', 'text', 'new@acme.example', 'lee@acme.example', 'bo@beta.example', 'kim@common.example', ' Ann@ACME.example ',
                          E'x@evil.example\nbcc:y@evil.example');
    PERFORM fz.add_values('identifier', 'text', 'ann@acme.example', 'max', 'bo@beta.example', 'bob', 'kim', 'nobody@acme.example', 'dan@acme.example', ' ANN ');
    PERFORM fz.add_values('password', 'text', 'correct horse', 'another password', 'short', repeat('x', 4096));
    PERFORM fz.add_values('username', 'text', 'ann', 'fresh', 'kim', 'a@b');
    PERFORM fz.add_values('display_name tenant_name device description provider type slug', 'text', 'Label', 'acme', 'beta', 'fresh-slug', fz.make_id('a', 2)::text);
    PERFORM fz.add_values('algorithm', 'text', 'argon2id', 'bcrypt', 'pbkdf2-sha256', 'HS256', 'EdDSA', 'ES256', 'PS384', 'none');
    PERFORM fz.add_values('algorithms', '_text', '{EdDSA}', '{HS256}', '{none}', '{EdDSA,NULL}', '{}', '{{EdDSA},{HS256}}');
    PERFORM fz.add_values('hash', 'text', '$2b$04$abcdefghijklmnopqrstuuQm0Yk6yW5hYjFzbBwMKJdZ7eZKhPnZq', '$2b$31$abcdefghijklmnopqrstuu', '$2b$99$', '!', '',
        '$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA', '$argon2id$v=19$m=4294967295,t=4294967295,p=255$c2FsdHNhbHQ$AAAA',
        '$pbkdf2-sha256$1000$c2FsdHNhbHQ$AAAA', '$pbkdf2-sha256$2147483647$c2FsdHNhbHQ$AAAA');
    PERFORM fz.add_values('options', 'jsonb', '{}', '{"audience": "api"}', '{"algorithms": ["HS256"], "leeway": 1e400}', '{"memory": 8, "iterations": 1}',
        '{"iterations": 1000}', '{"iterations": -1}', '{"cost": 4}', '{"cost": 31}', '{"memory": 4294967295}', '{"actions": {"read": "see"}}',
        '{"sharing": "tenant", "visibility": "owner", "acl_column": "acl_id"}', '{"required": ["exp"], "allow_missing_exp": true}');
    PERFORM fz.add_values('claims', 'jsonb', '{"sub": "x", "exp": 1e400}', '{"iss": "pg_bastion", "sub": "e0000000-0000-4000-8000-000000000001"}', '{"exp": 4102444800, "nbf": -1}');
    PERFORM fz.add_values('header', 'jsonb', '{}', '{"typ": "at+jwt"}', '{"crit": ["x"]}', '{"alg": "none"}', '{"b64": false}');
    PERFORM fz.add_values('key keys', 'jsonb', '{"keys": []}', '{"kty": "oct", "alg": "HS256", "k": "YS1rZXktdGhhdC1zb21lYm9keS1tYWRlLXVwLi4uLi4"}');
    PERFORM fz.add_values('actions', 'jsonb', '{}', '{"read": "see"}', '{"update": "edit", "delete": "edit"}', '{"read": null}', '{"%s": "%I"}');
    PERFORM fz.add_values('actions', '_text', '{}', '{read,create}', '{create,NULL}');
    PERFORM fz.add_values('limits', 'jsonb', '{}', '{"rate": 1e1000}', '{"a": {"a": 1, "a": 2}}');
    PERFORM fz.add_values('cidrs', '_text', '{}', '{10.0.0.0/8}', '{::ffff:10.0.0.0/104,NULL}', '{0.0.0.0/0,::/0}', '{10.0.0.0/33}', '{{10.0.0.1},{::1}}');
    PERFORM fz.add_values('tags', '_text', '{a,b}', '{NULL}', '{{a},{b}}', '{}');
    PERFORM fz.add_values('column_name tenant owner acl name', 'name', 'tenant_id', 'owner_id', 'acl_id', 'id', 'body', 'ctid', 'tableoid', E'tenant "id\\', '%s %I', 'missing',
                          'bastion_tenant_select');
    PERFORM fz.add_values('tenant owner', 'name', 'tenant_id', 'owner_id');
    PERFORM fz.add_values('columns', '_name', '{tenant_id,id}', '{tenant_id}', '{id,NULL}', '{}', '{{a,b},{c,d}}', '[0:1]={tenant_id,id}');
    PERFORM fz.add_values('resource', 'text', 'docs', 'notes', 'plain', 'tenant', 'a.b.c', 'bastion', 'x,uplans.read,y');
    PERFORM fz.add_values('reason', 'text', 'the same for all', ' ', E'it''s $1 %s');
    PERFORM fz.add_values('action', 'text', 'read', 'create', 'update', 'delete', 'manage', 'see');
    PERFORM fz.add_values('plan', '_text', '{}', '{NULL}', '{"SELECT 1"}', '{"SELECT 1/0"}', '{{"SELECT 1"},{"SELECT 2"}}', '{";"}', '{"COMMIT"}');
    PERFORM fz.add_values('expression', 'text', '(bastion.tenant_id())', 'bastion.user_id()', '((( SELECT bastion.tenant_id() AS tenant_id)))', 'now()');
    PERFORM fz.add_values('table_name', 'name', 'docs', 'Docs', 'a-b', '9', E'we"ird\\');
    PERFORM fz.add_values('batch', 'int4', '1', '2', '1000');
    PERFORM fz.add_values('version', 'int4', '1', '2');
    PERFORM fz.add_expressions('token', 'text', VARIADIC
        fz.calls('text', '^(ann|ada|max|uma|ended|dan|late|foreign|unknown|forged) (token|refresh|invitation|other invitation|key [^i].*)$'));
    PERFORM fz.add_expressions('invitation', 'text', VARIADIC fz.calls('text', '^ann (other )?invitation$'));
    PERFORM fz.add_expressions('session_id', 'uuid', VARIADIC fz.calls('id', ' session$'));
    PERFORM fz.add_expressions('key', 'uuid', VARIADIC fz.calls('id', ' key id '));
    PERFORM fz.add_expressions('id', 'uuid', VARIADIC fz.calls('id', ' invitation id$'));
    PERFORM fz.add_expressions('value', 'sealed', VARIADIC fz.calls('text', ' sealed$'));
    PERFORM fz.add_expressions('key keys', 'jsonb', 'fz.text(''issuer key'')');
    PERFORM fz.add_expressions('acl', 'int8', VARIADIC
        ARRAY(SELECT format('fz.list(%s, %L)', t, k) FROM generate_series(1, 2) t, unnest(ARRAY['tenant', 'unit', 'user', 'row']) k));
    PERFORM fz.add_expressions('relation member root', 'regclass', '0', '4294967295', '999999999');
    -- most often those that have most to them
    PERFORM fz.add_values('relation member root', 'regclass', VARIADIC ARRAY(
        SELECT r FROM unnest(ARRAY['fz.notes', 'fz.wide', 'mig.plain', 'mig.protected', 'mig.shared', 'mig.parts']) r, generate_series(1, 4)));
    PERFORM fz.add_values('relation member root', 'regclass',
        'fz.docs', 'fz.notes', 'fz.wide', $n$fz."od""d'; name\"$n$, 'fz.parts', 'fz.parts_0', 'fz.a_view', 'fz.a_sequence', 'fz.far', 'fz.docs_pkey', 'fz.named',
        'mig.plain', 'mig.numbers', 'mig.texts', 'mig.empty_columns', 'mig.parts', 'mig.parts_a', 'mig.child', $n$mig."SELECT ""$1""; -- \"$n$, 'mig.protected',
        'mig.shared', 'mig.global', 'mig.unlogged', 'mig.a_view', 'mig.stored', 'evil.users',
        'bastion.users', 'bastion.acls', 'bastion.protection', 'pg_catalog.pg_class', 'pg_catalog.pg_authid', 'information_schema.tables', 'pg_temp.users');
    PERFORM fz.add_expressions('spec', 'protected_tables', VARIADIC ARRAY(SELECT format('fz.spec(%L)', p.relation::text) FROM bastion.protected_tables p ORDER BY 1));
    PERFORM fz.add_expressions('spec', 'protected_tables', 'fz.spec(''fz.wide'', sharing => ''evil'')', 'fz.spec(''mig.plain'', ''no_such'')',
                               'fz.spec(''mig.shared'', relation => 0)', 'fz.spec(''mig.shared'', resource => pg_catalog.repeat(''x'', 300))');
END
$$;

CREATE FUNCTION fz.list(tenant integer, kind text) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT a.id FROM bastion.acls a WHERE a.tenant_id = fz.make_id('a', tenant) AND a.kind = list.kind ORDER BY a.id LIMIT 1 $$;
-- The record of a table, altered.
CREATE FUNCTION fz.spec(name text, tenant text DEFAULT NULL, sharing text DEFAULT NULL, resource text DEFAULT NULL, relation regclass DEFAULT NULL)
RETURNS bastion.protected_tables LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_one bastion.protected_tables;
BEGIN
    SELECT * INTO found_one FROM bastion.protected_tables p WHERE p.relation = spec.name::regclass;
    found_one.relation := coalesce(spec.relation, found_one.relation, spec.name::regclass);
    found_one.tenant_column := coalesce(spec.tenant, found_one.tenant_column);
    found_one.resource := coalesce(spec.resource, found_one.resource);
    IF sharing IS NOT NULL THEN
        found_one.options := found_one.options || jsonb_build_object('sharing', sharing);
    END IF;
    RETURN found_one;
END
$$;

-- The functions that each role may call, from the grants, so that a future function is included.
CREATE VIEW fz.callable AS
SELECT format('%I.%I', p.pronamespace::regnamespace, p.proname) AS name, p.oid::regprocedure::text AS signature, p.prokind = 'p' AS is_procedure, p.pronargs - p.pronargdefaults AS needed,
       coalesce(p.proargnames[1:p.pronargs], '{}') AS parameters, ARRAY(SELECT format('%I.%I', y.typnamespace::regnamespace, y.typname) FROM unnest(p.proargtypes) WITH ORDINALITY a (t, n) JOIN pg_type y ON y.oid = t ORDER BY n) AS types,
       has_function_privilege('fz_app', p.oid, 'EXECUTE') AS by_app, has_function_privilege('fz_mig', p.oid, 'EXECUTE') AS by_mig
FROM pg_proc p
WHERE p.pronamespace IN ('bastion'::regnamespace, 'bastion_api'::regnamespace, 'bastion_internal'::regnamespace, 'bastion_test'::regnamespace)
  AND (has_function_privilege('fz_app', p.oid, 'EXECUTE') OR has_function_privilege('fz_mig', p.oid, 'EXECUTE'));

-- The relations that each role may read.
CREATE VIEW fz.readable AS
SELECT format('%I.%I', c.relnamespace::regnamespace, c.relname) AS name, has_table_privilege('fz_app', c.oid, 'SELECT') AS by_app,
       has_table_privilege('fz_mig', c.oid, 'SELECT') AS by_mig
FROM pg_class c
WHERE c.relnamespace IN ('bastion'::regnamespace, 'bastion_api'::regnamespace, 'bastion_internal'::regnamespace, 'bastion_test'::regnamespace, 'fz'::regnamespace, 'mig'::regnamespace) AND c.relkind IN ('r', 'p', 'v', 'm')
  AND (has_table_privilege('fz_app', c.oid, 'SELECT') OR has_table_privilege('fz_mig', c.oid, 'SELECT'));

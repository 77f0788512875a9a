-- The calls of the matrix. A line is a call of one or several functions of the extension that reaches foreign code.
--
-- callers: app = the role of an application; plain = the same, by a statement of PostgreSQL's own, which leaves SET ROLE to
-- foreign code; table = an owner of tables; statement = the same, by a statement of PostgreSQL's own; operator = a role with a
-- grant of EXECUTE, and the superuser. fixture: the data prepared for each run, named by {n}. fires: the places that must run;
-- may: those that may run. superuser: only superusers may call it; administrator: the same, where no code of a table's owner is
-- reached. once: a slow call, made only in the state cold and without SET ROLE. whole: the call ends transactions, so it runs
-- alone. refused: the expected SQLSTATEs. setup
-- and cleanup: by a superuser, around the run.
CREATE TABLE rights.functions (
    label text PRIMARY KEY, signatures text[] NOT NULL, callers text NOT NULL, fixture text, call text NOT NULL,
    fires text[] NOT NULL DEFAULT '{}', may text[] NOT NULL DEFAULT '{}', setup text, cleanup text, whole boolean NOT NULL DEFAULT false,
    refused text, world text NOT NULL DEFAULT 'shop', person text DEFAULT 'ann', once boolean NOT NULL DEFAULT false, every_state boolean NOT NULL DEFAULT true);

INSERT INTO rights.functions (label, signatures, callers, fixture, call) VALUES
    ('share', '{"share(regclass,text,uuid,uuid,uuid,uuid,text,timestamptz)","share(regclass,text,text,text,text,text,text,timestamptz)"}', 'app', 'rows',
     'SELECT bastion.share(''shop.rows'', ''{n}'', with_tenant => bastion.tenant_id())'),
    ('share in a partition', '{"share(regclass,text,uuid,uuid,uuid,uuid,text,timestamptz)","share(regclass,text,text,text,text,text,text,timestamptz)"}', 'app', 'parts',
     'SELECT bastion.share(''shop.parts'', ''{n}'', with_tenant => bastion.tenant_id())'),
    ('share in a partition of another owner', '{"share(regclass,text,uuid,uuid,uuid,uuid,text,timestamptz)","share(regclass,text,text,text,text,text,text,timestamptz)"}', 'app', 'neighbours',
     'SELECT bastion.share(''shop.parts'', ''{far}'', with_tenant => bastion.tenant_id())'),
    ('share by a key with a cast', '{"share(regclass,text,uuid,uuid,uuid,uuid,text,timestamptz)","share(regclass,text,text,text,text,text,text,timestamptz)"}', 'app', 'typed',
     'SELECT bastion.share(''shop.typed'', ''{n}'', with_tenant => bastion.tenant_id())'),
    ('share by a key with operators of its own', '{"share(regclass,text,uuid,uuid,uuid,uuid,text,timestamptz)","share(regclass,text,text,text,text,text,text,timestamptz)"}', 'app', 'labelled',
     'SELECT bastion.share(''shop.labelled'', ''{n}'', with_tenant => bastion.tenant_id())'),
    ('share by a key of a domain', '{"share(regclass,text,uuid,uuid,uuid,uuid,text,timestamptz)","share(regclass,text,text,text,text,text,text,timestamptz)"}', 'app', 'domained',
     'SELECT bastion.share(''shop.domained'', ''{n}'', with_tenant => bastion.tenant_id())'),
    ('share in a table with a rule', '{"share(regclass,text,uuid,uuid,uuid,uuid,text,timestamptz)","share(regclass,text,text,text,text,text,text,timestamptz)"}', 'app', 'ruled',
     'SELECT bastion.share(''shop.ruled'', ''{n}'', with_tenant => bastion.tenant_id())'),
    ('unshare by a key with a cast', '{"unshare(regclass,text,uuid,uuid,uuid,uuid)","unshare(regclass,text,text,text,text,text)"}', 'app', 'typed',
     'SELECT bastion.unshare(''shop.typed'', ''{n}'', with_tenant => bastion.tenant_id())'),
    ('shares_of by a key with a cast', '{"shares_of(regclass,text)"}', 'app', 'typed',
     'SELECT * FROM bastion.shares_of(''shop.typed'', ''{n}'')'),
    ('explain_member_access by a key with a cast', '{"explain_member_access(uuid,text,regclass,text,text)","explain_member_access(text,text,regclass,text,text)"}', 'app', 'typed',
     'SELECT * FROM bastion.explain_member_access(bastion.user_id(), ''typed.read'', ''shop.typed'', ''{n}'')'),
    ('explain_member_access_text by a key with a cast', '{"explain_member_access_text(uuid,text,regclass,text,text)","explain_member_access_text(text,text,regclass,text,text)"}', 'app', 'typed',
     'SELECT * FROM bastion.explain_member_access_text(bastion.user_id(), ''typed.read'', ''shop.typed'', ''{n}'')'),
    ('row_transfer', '{"row_transfer(regclass,text,text)",bastion_internal.move_acl()}', 'app', 'rows',
     'SELECT bastion.row_transfer(''shop.rows'', ''{n}'', ''{bob_user_id}'')'),
    ('unit_delete', '{"unit_delete(text)"}', 'app', 'unit',
     'SELECT bastion.unit_delete(''u{n}'')'),
    ('unit_delete of the front door', '{"bastion_api.unit_delete(text)"}', 'app', 'unit',
     'SELECT bastion_api.unit_delete(''u{n}'')'),
    ('authzen_evaluation by a key with a cast', '{authzen_evaluation(jsonb),authzen_evaluations(jsonb)}', 'operator', 'typed',
     'SELECT bastion.authzen_evaluations(''{"subject": {"type": "user", "id": "{ann_user_id}"}, "resource": {"type": "typed", "id": "{n}"}, "action": {"name": "read"}, "context": {"tenant": "acme"}}'')'),
    ('explain_access by a key with a cast', '{"explain_access(uuid,text,regclass,text,text,text)","explain_access(text,text,regclass,text,text,text)"}', 'operator', 'typed',
     'SELECT * FROM bastion.explain_access(''{ann_user_id}'', ''typed.read'', ''shop.typed'', ''{n}'', ''acme'')'),
    ('tenant_delete', '{"tenant_delete(text)"}', 'operator', 'tenant',
     'SELECT * FROM bastion.tenant_delete(''t{n}'')'),
    ('tenants_purge', '{"tenants_purge()"}', 'superuser', 'tenant',
     'SELECT bastion.tenants_purge()'),
    ('users_purge', '{"users_purge()"}', 'superuser', 'guest',
     'SELECT bastion.users_purge()'),
    ('acl_prune', '{"acl_prune(text)"}', 'operator', NULL,
     'SELECT bastion.acl_prune(''acme'')'),
    ('key_usage', '{"key_usage()"}', 'superuser', NULL,
     'SELECT count(*) FROM bastion.key_usage()'),
    ('sealed_problems', '{"sealed_problems()"}', 'superuser', NULL,
     'SELECT count(*) FROM bastion.sealed_problems()'),
    ('sealed_column_add', '{"sealed_column_add(regclass,name,text)"}', 'superuser', NULL,
     'SELECT bastion.sealed_column_add(''shop.rows'', ''sealed'', ''shop.in_bound(id::text)'')'),
    ('min_decryption_version_set', '{"min_decryption_version_set(text,integer,text,boolean)"}', 'superuser', 'sealed',
     'SELECT bastion.min_decryption_version_set(''p{n}'', 2, ''acme'')'),
    ('explain_access_text by a key with a cast', '{"explain_access_text(uuid,text,regclass,text,text,text)","explain_access_text(text,text,regclass,text,text,text)"}', 'operator', 'typed',
     'SELECT * FROM bastion.explain_access_text(''{ann_user_id}'', ''typed.read'', ''shop.typed'', ''{n}'', ''acme'')'),
    ('import_users_from', '{"import_users_from(regclass,boolean)"}', 'superuser', NULL, 'SELECT count(*) FROM bastion.import_users_from(''shop.rows'', true)'),
    ('import_secrets_from', '{"import_secrets_from(regclass,boolean)"}', 'superuser', NULL, 'SELECT count(*) FROM bastion.import_secrets_from(''shop.rows'', true)'),
    ('import_api_keys_from', '{"import_api_keys_from(regclass,boolean)"}', 'superuser', NULL, 'SELECT count(*) FROM bastion.import_api_keys_from(''shop.rows'', true)'),
    ('lint', '{lint(text)}', 'superuser', NULL, 'SELECT count(*) FROM bastion.lint()'),
    ('lint of own tables', '{lint(text),bastion_internal.lint_mine()}', 'table', NULL, 'SELECT count(*) FROM bastion.lint(''mine'')'),
    ('unknown_tenants', '{"unknown_tenants(regclass,boolean)","bastion_internal.column_values(regclass,name,integer)"}', 'table', 'protected', 'SELECT count(*) FROM bastion.unknown_tenants(''shop.one_{n}'')'),
    ('quota_recount', '{quota_recount(text)}', 'superuser', NULL, 'SELECT bastion.quota_recount(''rights_rows'')'),
    ('protection', '{bastion_internal.protection_report()}', 'table', NULL, 'SELECT count(*) FROM bastion.protection'),
    ('unprotect', '{"unprotect(regclass,boolean)"}', 'table', 'protected', 'SELECT * FROM bastion.unprotect(''shop.one_{n}'')'),
    ('protect', '{"protect(regclass,name,name,text,jsonb,text,boolean,boolean,boolean,text,text,name,text,name[],text,boolean,text)"}', 'table', 'one',
     'SELECT * FROM bastion.protect(''shop.one_{n}'', owner_column => ''owner_id'')'),
    ('protect with sharing', '{"protect(regclass,name,name,text,jsonb,text,boolean,boolean,boolean,text,text,name,text,name[],text,boolean,text)"}', 'table', 'one',
     'SELECT * FROM bastion.protect(''shop.one_{n}'', owner_column => ''owner_id'', sharing => ''tenant'')'),
    ('protect with a foreign key', '{"protect(regclass,name,name,text,jsonb,text,boolean,boolean,boolean,text,text,name,text,name[],text,boolean,text)"}', 'table', 'one',
     'SELECT * FROM bastion.protect(''shop.one_{n}'', tenant_fk => true)'),
    ('protect with a quota', '{"protect(regclass,name,name,text,jsonb,text,boolean,boolean,boolean,text,text,name,text,name[],text,boolean,text)"}', 'table', 'one',
     'SELECT * FROM bastion.protect(''shop.one_{n}'', quota => ''ones_{n}'')'),
    ('protect with an audit', '{"protect(regclass,name,name,text,jsonb,text,boolean,boolean,boolean,text,text,name,text,name[],text,boolean,text)"}', 'table', 'one',
     'SELECT * FROM bastion.protect(''shop.one_{n}'', audit => true)'),
    ('audit_table', '{"audit_table(regclass,name[],name[],name[],name[],name,boolean)"}', 'table', 'one', 'SELECT * FROM bastion.audit_table(''shop.one_{n}'', redact => ARRAY[''owner_id''])'),
    ('audit_untable', '{"audit_untable(regclass,boolean)"}', 'table', 'one', 'SELECT * FROM bastion.audit_untable(''shop.one_{n}'')'),
    ('protect as a dry run', '{"protect(regclass,name,name,text,jsonb,text,boolean,boolean,boolean,text,text,name,text,name[],text,boolean,text)"}', 'table', 'one',
     'SELECT * FROM bastion.protect(''shop.one_{n}'', sharing => ''tenant'', dry_run => true)'),
    ('reference_add', '{"reference_add(regclass,name,text,text,name)"}', 'table', 'one',
     'SELECT bastion.reference_add(''shop.one_{n}'', ''owner_id'', ''users'', ''cascade''), bastion.reference_add(''shop.one_{n}'', ''owner_id'', ''users'', ''cascade'')'),
    ('count_nulls', '{"bastion_internal.count_nulls(regclass,name)"}', 'table', 'one', 'SELECT bastion_internal.count_nulls(''shop.one_{n}'', ''owner_id'')'),
    ('has_rows_without', '{"bastion_internal.has_rows_without(regclass,name)"}', 'table', 'one', 'SELECT bastion_internal.has_rows_without(''shop.one_{n}'', ''owner_id'')'),
    ('protect_rename', '{"protect_rename(regclass,name,name)"}', 'table', 'protected', 'SELECT bastion.protect_rename(''shop.one_{n}'', ''tenant_id'', ''org_id'')'),
    ('composite_keys_create', '{"composite_keys_create(regclass,boolean)"}', 'table', 'protected', 'SELECT * FROM bastion.composite_keys_create(''shop.one_{n}'')'),
    ('global_table_add', '{"global_table_add(regclass,text)"}', 'table', 'guarded', 'SELECT bastion.global_table_add(''guarded.one_{n}'', ''a test'')'),
    ('global_table_remove', '{"global_table_remove(regclass)"}', 'table', 'global', 'SELECT bastion.global_table_remove(''guarded.one_{n}'')'),
    ('CREATE TABLE in a guarded schema', '{bastion_internal.guard_ddl()}', 'statement', NULL, 'CREATE TABLE guarded.one_{n} (id bigint CHECK (shop.in_check(''x'')), tenant_id uuid)'),
    ('CREATE TABLE AS in a guarded schema', '{bastion_internal.guard_ddl()}', 'statement', NULL, 'CREATE TABLE guarded.one_{n} AS SELECT 1 AS id'),
    ('CREATE TABLE PARTITION OF under a guard', '{bastion_internal.guard_ddl()}', 'statement', NULL,
     'CREATE TABLE shop.part_{n} PARTITION OF shop.grown FOR VALUES FROM (2{n}000000) TO (2{n}000001)'),
    ('ATTACH PARTITION under a guard', '{bastion_internal.guard_ddl()}', 'statement', 'attached', 'ALTER TABLE shop.grown ATTACH PARTITION shop.one_{n} FOR VALUES FROM (2{n}000000) TO (2{n}000001)'),
    ('ALTER TABLE under a guard', '{bastion_internal.guard_ddl()}', 'statement', 'guarded', 'ALTER TABLE guarded.one_{n} ALTER owner_id TYPE text'),
    ('ALTER TABLE of a table under audit', '{bastion_internal.audit_ddl(),bastion_internal.audit_ddl_write(text),bastion_internal.audit_dropped()}', 'statement', 'audited', 'ALTER TABLE shop.one_{n} ALTER owner_id TYPE text'),
    ('ALTER TABLE under the event trigger of protect()', '{bastion_internal.keep_columns(),bastion_internal.keep_dropped_columns()}', 'statement', 'one', 'ALTER TABLE shop.one_{n} ALTER owner_id TYPE text'),
    ('audit_drop_before', '{audit_drop_before(timestamptz)}', 'operator', NULL, 'SELECT bastion.audit_drop_before(''2000-01-01'')'),
    ('audit_shred', '{audit_shred(uuid)}', 'operator', NULL, 'SELECT bastion.audit_shred(''00000000-0000-0000-0000-000000000002'')'),
    ('schema_guard', '{schema_guard(name)}', 'administrator', 'schema', 'SELECT * FROM bastion.schema_guard(''schema_{n}'')'),
    ('schema_unguard', '{schema_unguard(name)}', 'administrator', 'guarded schema', 'SELECT bastion.schema_unguard(''schema_{n}'')'),
    ('allow_app_role', '{allow_app_role(regrole)}', 'administrator', NULL, 'SELECT bastion.allow_app_role(''rights_neighbour'')'),
    ('setup_roles', '{"setup_roles(name,name,name)"}', 'administrator', NULL, 'SELECT bastion.setup_roles(''rights_anonymous'', ''rights_person'', ''rights_door'')'),
    ('allow_loader_role', '{allow_loader_role(regrole)}', 'administrator', NULL, 'SELECT bastion.allow_loader_role(''rights_loader'')'),
    ('disallow_app_role', '{disallow_app_role(regrole)}', 'administrator', NULL, 'SELECT bastion.disallow_app_role(''rights_neighbour'')'),
    ('allow_monitoring_role', '{allow_monitoring_role(regrole)}', 'administrator', NULL, 'SELECT bastion.allow_monitoring_role(''rights_neighbour'')'),
    ('allow_mailer_role', '{allow_mailer_role(regrole)}', 'administrator', NULL, 'SELECT bastion.allow_mailer_role(''rights_neighbour'')'),
    ('allow_migration_role', '{allow_migration_role(regrole)}', 'administrator', NULL, 'SELECT bastion.allow_migration_role(''rights_neighbour'')'),
    ('INSERT into a protected table', '{bastion_internal.fill_acl(),bastion_internal.count_rows(),bastion_internal.audit_change()}', 'plain', NULL,
     'INSERT INTO shop.rows (id, title, pair, pairs, span) VALUES ({far}, ''t'', ROW({far}, 1), ARRAY[ROW(1, 1)::shop.pair], ROW({far}, 1))'),
    ('UPDATE of a protected table', '{bastion_internal.keep_acl()}', 'plain', 'rows', 'UPDATE shop.rows SET title = ''u'', tenant_id = tenant_id WHERE id OPERATOR(pg_catalog.=) {n}');
INSERT INTO rights.functions (label, signatures, callers, fixture, call, whole, setup) VALUES
    ('rewrap_all', '{rewrap_all(integer)}', 'superuser', NULL, 'CALL bastion.rewrap_all(5)', true, 'SELECT rights.prepare(''sealed'', ARRAY[{n}])'),
    ('acl_backfill', '{"acl_backfill(regclass,name,name,text,name,integer)"}', 'table', 'one', 'CALL bastion.acl_backfill(''shop.one_{n}'', batch => 1)', true, NULL);
UPDATE rights.functions SET refused = '55006' WHERE label = 'min_decryption_version_set';
UPDATE rights.functions SET setup = 'SELECT bastion.meter_set(''ones_{n}'', ''gauge'')' WHERE label = 'protect with a quota';
UPDATE rights.functions SET setup = 'UPDATE bastion.users SET created_at = ''2000-01-01'' WHERE display_name OPERATOR(pg_catalog.=) ''guest {n}''' WHERE label = 'users_purge';
UPDATE rights.functions SET setup = 'UPDATE bastion.tenants SET status = ''deleting'', delete_at = ''2000-01-01'' WHERE slug OPERATOR(pg_catalog.=) ''t{n}''' WHERE label = 'tenants_purge';
UPDATE rights.functions f SET may = v.may
FROM (VALUES ('tenant_delete|_purge$|acl_prune|^lint$', '{operator class of a partition key}'::text[]), ('with a cast', '{operator class of an index}'),
             ('operators of its own', '{operator of the key}'), ('rewrap_all', '{index expression,index predicate,operator class of an index,exclusion constraint}')) v (label, may)
WHERE f.label ~ v.label;
-- Each run of DDL has tables of its own, which take time to make.
UPDATE rights.functions SET every_state = callers NOT IN ('table', 'statement', 'administrator') OR label IN ('protect with sharing', 'CREATE TABLE in a guarded schema');
UPDATE rights.functions SET once = true WHERE label IN ('lint', 'quota_recount', 'lint of own tables', 'protection');

-- The places that must run, by the action of a call. Places that the planner reaches when it folds constants run if no plan is
-- cached yet, those of the attacker if names are not qualified.
CREATE TABLE rights.groups (name text PRIMARY KEY, places text[] NOT NULL);
INSERT INTO rights.groups VALUES
    ('triggers', '{before row,before statement,after row,after statement,deferred trigger,WHEN,operator of an element,trigger with an exception block,'
                 'unqualified names in a trigger,definer trigger,helper of a definer trigger}'),
    ('new row', '{CHECK,inlined SQL function,generated column,folded CHECK}'),
    ('index entry', '{index expression,index predicate,operator class of an index,exclusion constraint}'),
    ('update', '{transition tables of an update}'),
    ('children', '{DEFAULT,transition table of a delete,rule,statement trigger of an empty child,grandchild}'),
    ('DDL', '{event trigger at the start,event trigger at the end}'),
    ('drop', '{event trigger of a drop}'),
    ('rewrite', '{event trigger of a rewrite}'),
    ('row triggers', '{before row,after row}'),
    ('cast', '{cast of the key}'), ('element', '{operator of an element}'), ('label', '{operator class of the key}'), ('domain', '{domain of the key}'),
    ('rule', '{rule}'), ('policy', '{policy}'), ('partition', '{operator class of a partition key}'), ('insert', '{before statement,after statement,deferred trigger}'),
    ('neighbour', '{partition of another owner}'), ('bound', '{bound_to of a sealed column}');
UPDATE rights.functions f SET fires = coalesce((
    SELECT array_agg(DISTINCT p) FROM (VALUES
    ('^(share|row_transfer)$', '{triggers,new row,index entry,update}'::text[]), ('^share in a partition$', '{row triggers}'), ('^share in a partition of', '{neighbour}'),
    ('^share by a key with a cast', '{row triggers,cast,element}'), ('^share by a key with op', '{row triggers,cast,label}'), ('^share by a key of a domain', '{row triggers,domain}'),
    ('^share in a table with a rule', '{row triggers,rule}'), ('^(unshare|shares_of|explain_.*|authzen_.*) by', '{cast,element}'),
    ('^(unit|tenant)_delete$|^unit_delete of the front door$|^(users|tenants)_purge$', '{triggers,new row,index entry,update,children}'), ('^rewrap_all$', '{triggers,new row,update,bound}'), ('^acl_backfill$', '{triggers,new row,update,DDL}'),
    ('^audit_table$|^protect$|^protect with a foreign key|^protect with a quota|^protect with an audit|^composite_keys_create$|^reference_add|allow_|^setup_roles', '{DDL}'), ('^protect with sharing', '{DDL,rewrite,index entry}'), ('^unprotect|^protect_rename|^composite_keys_create', '{DDL,drop}'),
    ('^(CREATE|ATTACH|ALTER)', '{DDL}'), ('^global_table_', '{DDL}'), ('^ALTER', '{DDL,rewrite,index entry}'),
    ('^UPDATE', '{triggers,new row,index entry,update,policy}'), ('^INSERT', '{new row,index entry,row triggers,insert,policy}'),
    ('partition|PARTITION', '{partition}')) v (label, names)
    JOIN rights.groups g ON g.name = ANY (v.names), unnest(g.places) p WHERE f.label ~ v.label), '{}')
WHERE world = 'shop';

SELECT format('GRANT EXECUTE ON ROUTINE %s TO rights_operator', CASE WHEN s ~ '^bastion_' THEN s ELSE 'bastion.' || s END) FROM rights.functions f, unnest(f.signatures) s WHERE f.callers = 'operator' \gexec

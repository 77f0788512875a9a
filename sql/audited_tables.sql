-- Tables under audit: protect(audit => true), the record, and what the record is good for.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA aud;
GRANT USAGE ON SCHEMA aud TO regress_app;
CREATE FUNCTION aud.triggers(relation regclass) RETURNS TABLE (member text, name name, enabled "char", arguments text) LANGUAGE sql AS $$
    SELECT g.tgrelid::regclass::text, g.tgname, g.tgenabled, replace(encode(g.tgargs, 'escape'), E'\\000', ' ')
    FROM bastion_internal.protect_tree(relation) t JOIN pg_trigger g ON g.tgrelid = t.member WHERE g.tgfoid = 'bastion_internal.audit_change()'::regprocedure ORDER BY 1, 2
$$;
CREATE FUNCTION aud.plan(call text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE 'SELECT p FROM ' || call || ' p (p) WHERE p ~ ''audit''';
END
$$;

-- protect() begins the audit, a second call changes nothing
CREATE TABLE aud.sheets (id int PRIMARY KEY, tenant_id uuid, title text, pin text);
SELECT aud.plan('bastion.protect(''aud.sheets'', audit => true, dry_run => true)');
SELECT statement FROM bastion.protect('aud.sheets', audit => true);
SELECT statement FROM bastion.protect('aud.sheets', audit => true) UNION ALL SELECT statement FROM bastion.protect('aud.sheets');
SELECT * FROM aud.triggers('aud.sheets');
-- the choice of audit_table() stays
SELECT aud.plan('bastion.audit_table(''aud.sheets'', redact => ''{pin,pin}'', dry_run => true)');
SELECT statement FROM bastion.audit_table('aud.sheets', redact => '{pin}');
SELECT statement FROM bastion.audit_table('aud.sheets', redact => '{pin,pin}') UNION ALL SELECT statement FROM bastion.protect('aud.sheets', audit => true);
SELECT a.columns, p.options -> 'audit' AS audit FROM bastion.audited_tables a JOIN bastion.protected_tables p USING (relation) WHERE relation = 'aud.sheets'::regclass;
-- the triggers follow the column of the tenant
SELECT bastion.protect_rename('aud.sheets', 'tenant_id', 'org');
SELECT * FROM aud.triggers('aud.sheets');
-- what differs is repaired: disabled, dropped, of another choice, under another name
ALTER TABLE aud.sheets DISABLE TRIGGER _bastion_audit;
ALTER TABLE aud.sheets ENABLE TRIGGER bastion_audit_truncate;
SELECT aud.plan('bastion.protect(''aud.sheets'', ''org'', dry_run => true)');
DROP TRIGGER _bastion_audit ON aud.sheets;
CREATE TRIGGER _bastion_audit AFTER UPDATE OF title ON aud.sheets FOR EACH ROW WHEN (NEW.title <> '') EXECUTE FUNCTION bastion_internal.audit_change('org', 'r:pin');
ALTER TRIGGER bastion_audit_truncate ON aud.sheets RENAME TO a;
SELECT aud.plan('bastion.protect(''aud.sheets'', ''org'', dry_run => true)');
SELECT statement FROM bastion.protect('aud.sheets', 'org') UNION ALL SELECT statement FROM bastion.protect('aud.sheets', 'org');
CREATE FUNCTION aud.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
DROP TRIGGER _bastion_audit ON aud.sheets;
CREATE TRIGGER _bastion_audit AFTER INSERT OR UPDATE OR DELETE ON aud.sheets FOR EACH ROW EXECUTE FUNCTION aud.nothing('org', 'r:pin');
SELECT aud.plan('bastion.protect(''aud.sheets'', ''org'', dry_run => true)');
SELECT statement FROM bastion.protect('aud.sheets', 'org');
SELECT * FROM aud.triggers('aud.sheets');
-- unprotect() ends what protect() began, and leaves an audit of audit_table() alone
SELECT aud.plan('bastion.unprotect(''aud.sheets'', dry_run => true)');
SELECT count(*) FROM bastion.unprotect('aud.sheets');
SELECT count(*) FROM bastion.audited_tables WHERE relation = 'aud.sheets'::regclass;
SELECT statement FROM bastion.audit_table('aud.sheets');
SELECT aud.plan('bastion.protect(''aud.sheets'', ''org'', dry_run => true)');
SELECT count(*) FROM bastion.protect('aud.sheets', 'org') UNION ALL SELECT count(*) FROM bastion.unprotect('aud.sheets');
SELECT * FROM aud.triggers('aud.sheets');
-- false ends it
SELECT count(*) FROM bastion.protect('aud.sheets', 'org', audit => true);
SELECT aud.plan('bastion.protect(''aud.sheets'', ''org'', audit => false, dry_run => true)');
SELECT count(*) FROM bastion.protect('aud.sheets', 'org', audit => false);
SELECT statement FROM bastion.protect('aud.sheets', 'org');
SELECT options ? 'audit' AS audit FROM bastion.protected_tables WHERE relation = 'aud.sheets'::regclass;
SELECT * FROM aud.triggers('aud.sheets');
CREATE TABLE aud.keyless (id int, tenant_id uuid);
SELECT test.error('SELECT * FROM bastion.protect(''aud.keyless'', audit => true)');
-- lint repeats it
SELECT count(*) FROM bastion.protect('aud.sheets', 'org', audit => true);
ALTER TABLE aud.sheets DISABLE ROW LEVEL SECURITY;
SELECT fix FROM bastion.lint() WHERE object = 'aud.sheets' AND problem ~ 'row security';
ALTER TABLE aud.sheets ENABLE ROW LEVEL SECURITY;

-- partitions and children
CREATE TABLE aud.parted (id int, part int, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE aud.parted_1 PARTITION OF aud.parted FOR VALUES IN (1);
CREATE TABLE aud.parted_2 (id int NOT NULL, part int NOT NULL, PRIMARY KEY (id, part));
SELECT statement FROM bastion.audit_table('aud.parted') UNION ALL SELECT statement FROM bastion.audit_table('aud.parted_2');
SELECT test.error('SELECT * FROM bastion.audit_table(''aud.parted_1'')'), test.error('ALTER TABLE aud.parted ATTACH PARTITION aud.parted_2 FOR VALUES IN (2)');
SELECT statement FROM bastion.audit_untable('aud.parted_2');
ALTER TABLE aud.parted ATTACH PARTITION aud.parted_2 FOR VALUES IN (2);
CREATE TABLE aud.parted_3 PARTITION OF aud.parted FOR VALUES IN (3);
SELECT statement FROM bastion.audit_table('aud.parted', dry_run => true);
SELECT statement FROM bastion.audit_table('aud.parted');
ALTER TABLE aud.parted_1 DISABLE TRIGGER _bastion_audit;
ALTER TABLE aud.parted_2 DISABLE TRIGGER ALL;
SELECT statement FROM bastion.audit_table('aud.parted', dry_run => true);
SELECT statement FROM bastion.audit_table('aud.parted', include => '{id}');
SELECT * FROM aud.triggers('aud.parted');
CREATE TABLE aud.base (id int PRIMARY KEY);
SELECT statement FROM bastion.audit_table('aud.base');
CREATE TABLE aud.child (more int) INHERITS (aud.base);
SELECT statement FROM bastion.audit_table('aud.base');
SELECT * FROM aud.triggers('aud.base');
SELECT statement FROM bastion.audit_untable('aud.base') UNION ALL SELECT statement FROM bastion.audit_untable('aud.parted');

-- the record: an owner writes the one of an own table alone, nobody else reads it
CREATE ROLE regress_audit_owner;
SELECT bastion.allow_migration_role('regress_audit_owner');
GRANT USAGE, CREATE ON SCHEMA aud TO regress_audit_owner;
GRANT USAGE ON SCHEMA test TO regress_audit_owner;
SET ROLE regress_audit_owner;
CREATE TABLE aud.ledger (id int PRIMARY KEY, tenant_id uuid);
SELECT statement FROM bastion.protect('aud.ledger', audit => true);
SELECT table_name, columns FROM bastion.audited_tables WHERE table_name::text LIKE 'aud.%';
SELECT test.error(s) FROM unnest(ARRAY['SELECT bastion_internal.audit_record(''aud.sheets'', ''{x:title}'')', 'SELECT * FROM bastion.audit_table(''aud.sheets'')',
    'INSERT INTO bastion.audited_tables VALUES (''aud.keyless'', ''{}'')', 'INSERT INTO bastion.audited_tables VALUES (''aud.gone'', ''{}'')', 'UPDATE bastion.audited_tables SET columns = ARRAY[NULL]']) s;
SELECT bastion_internal.audit_forget('aud.sheets');
RESET ROLE;
SELECT count(*) FROM bastion.audited_tables WHERE relation = 'aud.sheets'::regclass;
SET ROLE regress_app;
SELECT test.error(s) FROM unnest(ARRAY['SELECT FROM bastion.audited_tables', 'DELETE FROM bastion.audited_tables', 'SELECT bastion_internal.audit_record(''aud.sheets'', ''{}'')',
    'SELECT bastion_internal.audit_forget(''aud.sheets'')', 'SELECT * FROM bastion.protect(''aud.sheets'', audit => false)']) s;
RESET ROLE;
-- a table that is gone has no record after the next protect()
DROP TABLE aud.sheets;
SELECT count(*) FROM bastion.protect('aud.ledger');
SELECT table_name FROM bastion.audited_tables WHERE table_name::text LIKE 'aud.%';

DROP SCHEMA aud CASCADE;
DROP OWNED BY regress_audit_owner;
DROP ROLE regress_audit_owner;

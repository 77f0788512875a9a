-- Faults that the matrix must detect: careless SECURITY DEFINER functions, in every place, and PostgreSQL's own statement under
-- SET ROLE. If no planted fault shows a place running as another role, the test does not observe that place.
CREATE FUNCTION rights.planted(statement text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
AS $$
BEGIN
    EXECUTE statement;
END
$$;

CREATE FUNCTION rights.planted_by_owner(statement text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
AS $$
BEGIN
    EXECUTE statement;
END
$$;
ALTER FUNCTION rights.planted_by_owner(text) OWNER TO rights_mig;

INSERT INTO rights.functions (label, signatures, callers, fixture, call, world) VALUES
    ('planted update', '{}', 'app', 'rows', 'SELECT rights.planted(''UPDATE shop.rows SET acl_id = acl_id + 1000, owner_id = NULL WHERE id OPERATOR(pg_catalog.=) {n}'')', 'planted'),
    ('planted update without deferring', '{}', 'app', 'rows', 'SELECT rights.planted(''SET CONSTRAINTS ALL IMMEDIATE; UPDATE shop.rows SET title = title WHERE id OPERATOR(pg_catalog.=) {n}'')', 'planted'),
    ('planted delete of a unit', '{}', 'app', 'unit', 'SELECT rights.planted(''DELETE FROM bastion.units WHERE slug OPERATOR(pg_catalog.=) ''''u{n}'''''')', 'planted'),
    ('planted read by a cast', '{}', 'app', 'typed', 'SELECT rights.planted(''UPDATE shop.typed SET title = title WHERE id = ''''{n}''''::text::shop.code'')', 'planted'),
    ('planted read by an operator', '{}', 'app', 'labelled', 'SELECT rights.planted(''UPDATE shop.labelled SET title = title WHERE id OPERATOR(shop.=#=) ''''{n}''''::text::shop.label'')', 'planted'),
    ('planted read by a domain', '{}', 'app', 'domained', 'SELECT rights.planted(''UPDATE shop.domained SET title = title WHERE id OPERATOR(pg_catalog.=) ''''{n}''''::shop.word'')', 'planted'),
    ('planted update with a rule', '{}', 'app', 'ruled', 'SELECT rights.planted(''UPDATE shop.ruled SET title = title WHERE id OPERATOR(pg_catalog.=) {n}'')', 'planted'),
    ('planted update in a partition', '{}', 'app', 'neighbours', 'SELECT rights.planted(''UPDATE shop.parts SET title = title WHERE id OPERATOR(pg_catalog.=) {far}'')', 'planted'),
    ('planted expression of a sealed column', '{}', 'app', NULL, 'SELECT rights.planted(''SELECT shop.in_bound(title) FROM shop.rows LIMIT 1'')', 'planted'),
    ('planted read under a policy', '{}', 'app', 'rows', 'SELECT rights.planted_by_owner(''SELECT title FROM shop.rows WHERE id OPERATOR(pg_catalog.=) {n}'')', 'planted'),
    ('planted DDL', '{}', 'app', 'one', 'SELECT rights.planted(''ALTER TABLE shop.one_{n} ALTER owner_id TYPE text, DROP span'')', 'planted'),
    ('planted change under SET ROLE', '{}', 'role', 'rows', 'UPDATE shop.rows SET title = title WHERE id OPERATOR(pg_catalog.=) {n}', 'planted');
UPDATE rights.functions SET setup = 'ALTER TABLE bastion.units DISABLE TRIGGER "!foreign_code"', cleanup = 'ALTER TABLE bastion.units ENABLE TRIGGER "!foreign_code"'
WHERE label = 'planted delete of a unit';


-- The guard of every table of the extension against what others attached to it. Its name sorts before any other: triggers of
-- one kind fire in the order of their names.

CREATE FUNCTION bastion_internal.guard_foreign_code() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_guard_foreign_code';
COMMENT ON FUNCTION bastion_internal.guard_foreign_code() IS
'Trigger of every table of the extension: in functions that run with the rights of its owner, refuses a change of a table that has a trigger of somebody else whose function has no search_path that ends in pg_temp, while the session has temporary tables; and one that a foreign key of somebody else would act on, unless unit_delete() or tenant_delete() watches over it. SQLSTATE 55000.';

DO $$
DECLARE
    guarded regclass;
BEGIN
    FOR guarded IN
        SELECT c.oid FROM pg_class c
        WHERE c.relnamespace = 'bastion'::regnamespace AND c.relkind = 'r' ORDER BY c.relname
    LOOP
        EXECUTE format('CREATE TRIGGER "!foreign_code" BEFORE INSERT OR UPDATE OR DELETE ON %s '
                       'FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.guard_foreign_code()', guarded);
    END LOOP;
END
$$;

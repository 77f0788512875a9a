
-- Guards every table of the extension against objects that other roles attached to it. The name of the trigger sorts before all
-- others: triggers of one kind fire in the order of their names.

CREATE FUNCTION bastion_internal.guard_foreign_code() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_guard_foreign_code';
COMMENT ON FUNCTION bastion_internal.guard_foreign_code() IS
'Trigger on every table of the extension: refuses some changes by functions that run with the rights of its owner.
While the session has temporary tables, refuses a change of a table with a foreign trigger whose function has no search_path that ends in pg_temp. Refuses a change that would fire the action of a foreign role''s foreign key, unless unit_delete() or tenant_delete() supervises it.
SQLSTATE 55000.';

DO $$
DECLARE
    guarded regclass;
BEGIN
    FOR guarded IN
        SELECT c.oid FROM pg_class c
        WHERE c.relnamespace = 'bastion'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY c.relname
    LOOP
        EXECUTE format('CREATE TRIGGER "!foreign_code" BEFORE INSERT OR UPDATE OR DELETE ON %s '
                       'FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.guard_foreign_code()', guarded);
    END LOOP;
END
$$;

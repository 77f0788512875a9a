
-- The roles, other than the owner, that may call a function or read a table. The file that creates an object also says who may
-- use it. allow_app_role(), allow_migration_role(), allow_monitoring_role() and allow_mailer_role() grant these rights; nothing is granted to PUBLIC.

-- Objects are stored by name, because pg_upgrade does not keep the OIDs of functions. The table is not dumped: the install script
-- fills it again.
CREATE TABLE bastion_internal.callers (
    object text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    caller text NOT NULL,
    CONSTRAINT callers_pkey PRIMARY KEY (caller, kind, object),
    CONSTRAINT callers_kind_check CHECK (kind IN ('routine', 'table')),
    CONSTRAINT callers_caller_check CHECK (caller IN ('application', 'migration', 'monitoring', 'mailer'))
);
COMMENT ON TABLE bastion_internal.callers IS 'The kinds of roles that may call each function and read each table; written by the install script';
COMMENT ON COLUMN bastion_internal.callers.object IS 'The function with its arguments, or the table';
COMMENT ON COLUMN bastion_internal.callers.kind IS 'Kind of the object: routine or table';
COMMENT ON COLUMN bastion_internal.callers.caller IS 'Kind of the role: application (admitted by allow_app_role()), migration (by allow_migration_role()), monitoring (by allow_monitoring_role()) or mailer (by allow_mailer_role())';

CREATE FUNCTION bastion_internal.callable_by(routine regprocedure, VARIADIC callers text[]) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$ INSERT INTO bastion_internal.callers (object, kind, caller) SELECT routine::text, 'routine', c FROM unnest(callers) c $$;
COMMENT ON FUNCTION bastion_internal.callable_by(regprocedure, text[]) IS 'Records which kinds of roles may call a function. For the install script.';

CREATE FUNCTION bastion_internal.readable_by(relation regclass, VARIADIC callers text[]) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$ INSERT INTO bastion_internal.callers (object, kind, caller) SELECT relation::text, 'table', c FROM unnest(callers) c $$;
COMMENT ON FUNCTION bastion_internal.readable_by(regclass, text[]) IS
'Records which kinds of roles may read a table, which is under row-level security. For the install script.';

CREATE FUNCTION bastion_internal.routines_of(caller text) RETURNS SETOF regprocedure
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.object::regprocedure FROM bastion_internal.callers c
    WHERE c.kind = 'routine' AND c.caller = routines_of.caller ORDER BY c.object
$$;
COMMENT ON FUNCTION bastion_internal.routines_of(text) IS 'The functions that an application, a migration, a monitoring or a mailer role may call.';

CREATE FUNCTION bastion_internal.tables_of(caller text) RETURNS SETOF regclass
LANGUAGE sql STABLE PARALLEL SAFE ROWS 50
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.object::regclass FROM bastion_internal.callers c
    WHERE c.kind = 'table' AND c.caller = tables_of.caller ORDER BY c.object
$$;
COMMENT ON FUNCTION bastion_internal.tables_of(text) IS 'The tables, each under row-level security, that an application role may read.';

CREATE FUNCTION bastion_internal.require_superuser(what text) RETURNS void
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user) THEN
        RAISE EXCEPTION 'must be superuser to %', what USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_superuser(text) IS 'Refuses other roles than superusers: 42501.';


-- Who may call a function or read a table beside its owner: each says so where it is made. allow_app_role() and
-- allow_migration_role() grant it; nothing is granted to PUBLIC.

-- Names, because pg_upgrade keeps no numbers of functions. Not dumped: the script writes it again.
CREATE TABLE bastion_internal.callers (
    object text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    caller text NOT NULL,
    CONSTRAINT callers_pkey PRIMARY KEY (caller, kind, object),
    CONSTRAINT callers_kind_check CHECK (kind IN ('routine', 'table')),
    CONSTRAINT callers_caller_check CHECK (caller IN ('application', 'migration'))
);
COMMENT ON TABLE bastion_internal.callers IS 'Which roles may call which functions and read which tables; the install script writes it';
COMMENT ON COLUMN bastion_internal.callers.object IS 'The function with its arguments, or the table';
COMMENT ON COLUMN bastion_internal.callers.kind IS 'routine or table';
COMMENT ON COLUMN bastion_internal.callers.caller IS 'application or migration: the role that allow_app_role() or allow_migration_role() admits';

CREATE FUNCTION bastion_internal.callable_by(routine regprocedure, VARIADIC callers text[]) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$ INSERT INTO bastion_internal.callers (object, kind, caller) SELECT routine::text, 'routine', c FROM unnest(callers) c $$;
COMMENT ON FUNCTION bastion_internal.callable_by(regprocedure, text[]) IS 'For the install script: notes which roles may call a function.';

CREATE FUNCTION bastion_internal.readable_by(relation regclass, VARIADIC callers text[]) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$ INSERT INTO bastion_internal.callers (object, kind, caller) SELECT relation::text, 'table', c FROM unnest(callers) c $$;
COMMENT ON FUNCTION bastion_internal.readable_by(regclass, text[]) IS
'For the install script: notes which roles may read a table, which is under row-level security.';

CREATE FUNCTION bastion_internal.routines_of(caller text) RETURNS SETOF regprocedure
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.object::regprocedure FROM bastion_internal.callers c
    WHERE c.kind = 'routine' AND c.caller = routines_of.caller ORDER BY c.object
$$;
COMMENT ON FUNCTION bastion_internal.routines_of(text) IS 'The functions that an application or a migration role may call.';

CREATE FUNCTION bastion_internal.tables_of(caller text) RETURNS SETOF regclass
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.object::regclass FROM bastion_internal.callers c
    WHERE c.kind = 'table' AND c.caller = tables_of.caller ORDER BY c.object
$$;
COMMENT ON FUNCTION bastion_internal.tables_of(text) IS 'The tables, each under row-level security, that an application role may read.';


-- Version and state of the library.

CREATE FUNCTION bastion.library_version() RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_version';
COMMENT ON FUNCTION bastion.library_version() IS
'The version of the loaded library. It differs from the version in pg_extension between the upgrade of the package and ALTER EXTENSION pg_bastion UPDATE.';
SELECT bastion_internal.callable_by('bastion.library_version()', 'application');

CREATE FUNCTION bastion.status() RETURNS jsonb
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_status';
COMMENT ON FUNCTION bastion.status() IS
'The state of the extension in this server: the versions of library and SQL objects, whether the library is preloaded and what is weaker if it is not, the root key, the slots for password hashes, and events.
events is null without a queue, else {launcher, workers: the running ones; queued: events to be written; and, since the server started, written, dropped (the queue was full), discarded (there was no table for them)}.';

CREATE FUNCTION bastion_internal.setting(name text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- The library must be loaded first: until then the name is a placeholder that any role may set.
    PERFORM bastion.library_version();
    RETURN current_setting(setting.name);
END
$$;
COMMENT ON FUNCTION bastion_internal.setting(text) IS
'The value of one of the extension''s settings. It never reads a placeholder that a client set before the library was loaded. SQLSTATE 42704 for an unknown name.';

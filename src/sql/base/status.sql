
-- Version and state of the library.

CREATE FUNCTION bastion.library_version() RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_version';
COMMENT ON FUNCTION bastion.library_version() IS
'The version of the loaded library. It differs from the version in pg_extension between the upgrade of the package and ALTER EXTENSION pg_bastion UPDATE.';
SELECT bastion_internal.callable_by('bastion.library_version()', 'application', 'monitoring');

CREATE FUNCTION bastion_internal.library_status() RETURNS jsonb
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_status';
COMMENT ON FUNCTION bastion_internal.library_status() IS 'status() without what is in tables.';

-- SECURITY DEFINER, for monitoring roles, which read no table.
CREATE FUNCTION bastion.status() RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN jsonb_set(bastion_internal.library_status(), '{root_key,missing}', to_jsonb(bastion_internal.root_keys_missing()))
        || jsonb_build_object('password_files', bastion_internal.password_files());
END
$$;
COMMENT ON FUNCTION bastion.status() IS
'The state of the extension in this server: the versions of library and SQL objects; whether the library is preloaded and what is weaker if it is not; the root key in use and those missing that data keys of this database need; the slots for password hashes; throttle: where login attempts are counted, shared memory or rows; statistics: where the views bastion.stat_* count, shared memory or connection; events; the files of the password policy, each none, usable, or why no new password is accepted; and rejected_settings: those whose stored value is invalid, so that what depends on them raises F0000.
events is null without a queue, else {launcher, workers: the running ones; queued: events to be written; and, since the server started, written, dropped (the queue was full), discarded (there was no table for them)}.
For superusers, the owner of the extension and monitoring roles.';
SELECT bastion_internal.callable_by('bastion.status()', 'monitoring');

CREATE FUNCTION bastion_internal.setting(name text) RETURNS text
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_setting';
COMMENT ON FUNCTION bastion_internal.setting(text) IS
'The value of one of the extension''s settings. It never reads a placeholder that a client set before the library was loaded.
SQLSTATE 42704 for an unknown name, F0000 when the stored value is invalid.';

CREATE FUNCTION bastion_internal.setting_accepts(name text, value text) RETURNS boolean
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_setting_accepts';
COMMENT ON FUNCTION bastion_internal.setting_accepts(text, text) IS
'Whether a database or role may store that value of a setting of the extension. false for an unknown setting.';

CREATE FUNCTION bastion.cache_stats() RETURNS jsonb
LANGUAGE C VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_cache_stats';
COMMENT ON FUNCTION bastion.cache_stats() IS
'Counters of this backend''s caches since it started, each with loads, hits, stale values, entries and bytes (an estimate), and the invalidation messages received. Tables are read only for a load.
sets: those behind acl_set() and tenant_set(), of all cached users together.';
SELECT bastion_internal.callable_by('bastion.cache_stats()', 'application', 'monitoring');


-- Rotation of keys and the destruction of a tenant's keys. For operators: EXECUTE on everything here is granted to nobody.

CREATE FUNCTION bastion.key_status() RETURNS TABLE (
    root_key_id text, loaded boolean, wraps boolean, purpose text, state text, keys bigint, oldest_version integer, newest_version integer, due bigint)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ids text[] := bastion_internal.root_keys_loaded();
BEGIN
    RETURN QUERY
    SELECT coalesce(k.root_key_id, i.id), i.id IS NOT NULL, i.n IS NOT DISTINCT FROM 1, k.purpose, k.state, coalesce(k.keys, 0), k.oldest, k.newest, coalesce(k.due, 0)
    FROM (SELECT d.root_key_id, d.purpose, d.state, count(*) AS keys, min(d.version) AS oldest, max(d.version) AS newest,
                 count(*) FILTER (WHERE d.state = 'active' AND d.created_at + p.rotate_every <= now()) AS due
          FROM bastion.data_keys d LEFT JOIN bastion.purposes p USING (purpose) GROUP BY d.root_key_id, d.purpose, d.state) k
    FULL JOIN unnest(ids) WITH ORDINALITY i (id, n) ON i.id = k.root_key_id
    ORDER BY 1, k.purpose COLLATE "C", k.state;
END
$$;
COMMENT ON FUNCTION bastion.key_status() IS
'Lists the root keys that data keys need or that are loaded, and the data keys under each by purpose and state. loaded is false if that root key must be restored. wraps is true for the root key that wraps new keys. due is the number of keys that are older than the rotate_every of their purpose: data_keys_due() lists them.
For operators: EXECUTE is granted to nobody.';

CREATE FUNCTION bastion_internal.root_keys_needed() RETURNS jsonb
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(jsonb_object_agg(k.root_key_id, k.keys), '{}')
    FROM (SELECT d.root_key_id, count(*) AS keys FROM bastion.data_keys d WHERE d.wrapped IS NOT NULL GROUP BY d.root_key_id) k
$$;
COMMENT ON FUNCTION bastion_internal.root_keys_needed() IS 'The ids of the root keys that data keys of this database need, with the number of these.';

CREATE FUNCTION bastion_internal.root_keys_of(database oid) RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_root_keys_of';
COMMENT ON FUNCTION bastion_internal.root_keys_of(oid) IS
'root_keys_needed() of another database of this server, which a background worker asks; "none" where the extension is not installed, NULL where the worker got no answer.';

CREATE FUNCTION bastion.root_key_check() RETURNS TABLE (root_key_id text, database name, keys bigint, loaded boolean, problem text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    loaded_ids text[] := bastion_internal.root_keys_loaded();
    needed_ids text[] := '{}';
    all_asked boolean := true;
    answer text;
    asked pg_database;
BEGIN
    FOR asked IN SELECT d.* FROM pg_database d WHERE d.datname <> 'template0' ORDER BY d.datname LOOP
        answer := CASE WHEN asked.datname = current_database() THEN bastion_internal.root_keys_needed()::text
                       WHEN asked.datallowconn THEN bastion_internal.root_keys_of(asked.oid) END;
        IF answer IS NULL THEN
            all_asked := false;
            RETURN QUERY SELECT NULL::text, asked.datname, NULL::bigint, NULL::boolean,
                CASE WHEN asked.datallowconn THEN 'could not be asked: the log of the server says why' ELSE 'accepts no connections, and was not asked' END;
        ELSIF answer <> 'none' THEN
            RETURN QUERY SELECT n.key, asked.datname, n.value::bigint, n.key = ANY (loaded_ids), CASE WHEN n.key <> ALL (loaded_ids) THEN 'is missing' END
                FROM jsonb_each_text(answer::jsonb) n ORDER BY n.key COLLATE "C";
            needed_ids := needed_ids || ARRAY(SELECT jsonb_object_keys(answer::jsonb));
        END IF;
    END LOOP;
    RETURN QUERY SELECT l.id, NULL::name, 0::bigint, true,
            CASE WHEN l.n = 1 THEN NULL WHEN all_asked THEN 'is not needed by any database' ELSE 'is not needed by the databases that were asked' END
        FROM unnest(loaded_ids) WITH ORDINALITY l (id, n) WHERE l.id <> ALL (needed_ids) ORDER BY l.n;
END
$$;
COMMENT ON FUNCTION bastion.root_key_check() IS
'Which databases of this server need which root keys: all databases that accept connections are asked, each by a background worker. keys is the number of data keys under the root key. Then the loaded root keys that no database needs: without a problem the one that wraps new keys; another source may be removed from bastion.root_key once every database was asked.
For operators: EXECUTE is granted to nobody.';

CREATE FUNCTION bastion_internal.data_key_rewrap(vault uuid, key_id integer, tenant uuid, purpose text, version integer, wrapped bytea, root_key_id text)
RETURNS bytea
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_data_key_rewrap';
COMMENT ON FUNCTION bastion_internal.data_key_rewrap(uuid, integer, uuid, text, integer, bytea, text) IS
'Wraps a wrapped data key again, under the root key that wraps new keys.
SQLSTATE 22023 for a malformed id of a root key, BA001 and BA002 without the right root keys, BA003 when the key cannot be opened.';

CREATE FUNCTION bastion.root_key_rotate() RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    new_root text := bastion.root_key_id();
    rewrapped bigint;
BEGIN
    PERFORM FROM bastion.data_keys k WHERE k.root_key_id <> new_root AND k.wrapped IS NOT NULL ORDER BY k.id FOR NO KEY UPDATE;
    UPDATE bastion.data_keys k
    SET wrapped = bastion_internal.data_key_rewrap(v.id, k.id, k.tenant_id, k.purpose, k.version, k.wrapped, k.root_key_id), root_key_id = new_root
    FROM bastion.vault v WHERE k.root_key_id <> new_root AND k.wrapped IS NOT NULL;
    GET DIAGNOSTICS rewrapped = ROW_COUNT;
    IF rewrapped > 0 THEN
        PERFORM bastion_internal.record_event('key_rotated', 'success', NULL, NULL,
            jsonb_build_object('key', 'root', 'root_key_id', new_root, 'data_keys', rewrapped));
    END IF;
    RETURN rewrapped;
END
$$;
COMMENT ON FUNCTION bastion.root_key_rotate() IS
'Wraps every data key of this database under the root key that bastion.root_key names first; the other root keys named there open the data keys still under them.
Returns the number of data keys. Sealed values do not change.
For operators: EXECUTE is granted to nobody.
SQLSTATE BA001 without a root key, BA002 when a data key needs a root key that is not loaded, BA003 when a data key cannot be opened.';

-- Who sealed under a key holds it until the end of the transaction (pg/key/key_lock.hpp).

CREATE FUNCTION bastion_internal.data_keys_lock(ids integer[]) RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_data_keys_lock';
COMMENT ON FUNCTION bastion_internal.data_keys_lock(integer[]) IS
'Waits, as long as lock_timeout allows, until no other transaction holds one of these data keys, and keeps others from sealing under them until the transaction ends. SQLSTATE 22004, 55P03.';

CREATE FUNCTION bastion_internal.data_keys_lock_soon(ids integer[]) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '10s'
AS $$
BEGIN
    PERFORM bastion_internal.data_keys_lock(ids);
END
$$;
COMMENT ON FUNCTION bastion_internal.data_keys_lock_soon(integer[]) IS 'data_keys_lock(), within ten seconds. SQLSTATE 22004, 55P03.';

CREATE FUNCTION bastion_internal.data_key_holders(ids integer[]) RETURNS TABLE (holder text, way_out text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT DISTINCT
        CASE WHEN l.pid IS NULL THEN format('prepared transaction %L of %s, prepared at %s', p.gid, p.owner, p.prepared)
             ELSE format('process %s of %s (application %L, %s), in a transaction since %s', l.pid, coalesce(a.usename, 'another role'),
                         a.application_name, coalesce(a.state, 'unknown state'), a.xact_start) END,
        CASE WHEN l.pid IS NULL THEN format('COMMIT PREPARED %1$L; or ROLLBACK PREPARED %1$L;', p.gid)
             ELSE format('SELECT pg_terminate_backend(%s);', l.pid) END
    FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
    LEFT JOIN pg_locks x ON l.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid' AND x.virtualtransaction = l.virtualtransaction
    LEFT JOIN pg_prepared_xacts p ON p.transaction = x.transactionid
    WHERE l.locktype = 'object' AND l.classid = 'bastion.data_keys'::regclass AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
      AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
      AND (l.objid IN (SELECT i::oid FROM unnest(data_key_holders.ids) i)
           OR l.objid = 0 AND (l.mode IN ('ShareLock', 'RowExclusiveLock', 'ExclusiveLock') OR cardinality(data_key_holders.ids) > 64))
$$;
COMMENT ON FUNCTION bastion_internal.data_key_holders(integer[]) IS
'The transactions that hold one of these data keys, each with the statement that ends it.';

CREATE FUNCTION bastion_internal.data_keys_take(ids integer[]) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    holders text;
    ways_out text;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'data keys can only be retired in a READ COMMITTED transaction' USING ERRCODE = 'invalid_transaction_state',
            HINT = 'A snapshot from before does not show the values that were sealed since.';
    ELSIF current_setting('lock_timeout') = '0' THEN
        PERFORM bastion_internal.data_keys_lock_soon(ids);
    ELSE
        PERFORM bastion_internal.data_keys_lock(ids);
    END IF;
EXCEPTION WHEN lock_not_available THEN
    SELECT string_agg(h.holder, '; ' ORDER BY h.holder), string_agg(h.way_out, ' ' ORDER BY h.holder) INTO holders, ways_out
    FROM bastion_internal.data_key_holders(ids) h;
    RAISE EXCEPTION 'transactions that sealed under these keys are still open' USING ERRCODE = 'lock_not_available',
        DETAIL = coalesce(holders, 'They ended just now.'), HINT = 'Wait for them with a longer lock_timeout, or end them: ' || coalesce(ways_out, '');
END
$$;
COMMENT ON FUNCTION bastion_internal.data_keys_take(integer[]) IS
'Waits, up to lock_timeout or ten seconds without one, for the transactions that sealed under these data keys, and lets no other seal under them until this one ends. SQLSTATE 22004, 25000 in a transaction that is not READ COMMITTED, 55P03.';

-- Rows first, in one order, as rotation and retirement lock them; a key that is made while it waits is waited for as well. FOR NO KEY UPDATE:
-- a transaction that chooses a key for a row of its own is not held up by what waits for it.
CREATE FUNCTION bastion_internal.data_keys_take_all(tenant uuid) RETURNS integer[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ids integer[];
    taken integer[];
BEGIN
    LOOP
        ids := ARRAY(SELECT k.id FROM bastion.data_keys k
                     WHERE (data_keys_take_all.tenant IS NULL OR k.tenant_id = data_keys_take_all.tenant) AND k.state <> 'shredded'
                     ORDER BY k.id FOR NO KEY UPDATE);
        EXIT WHEN ids <@ taken;
        PERFORM bastion_internal.data_keys_take(ids);
        taken := ids;
    END LOOP;
    RETURN taken;
END
$$;
COMMENT ON FUNCTION bastion_internal.data_keys_take_all(uuid) IS
'Locks the rows of the data keys of a tenant, of all keys for NULL, and takes them as data_keys_take() does; returns their ids. SQLSTATE 25000, 55P03.';

CREATE FUNCTION bastion_internal.rotating_keys(purpose text, tenant text) RETURNS SETOF bastion.data_keys
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    only_tenant uuid := bastion_internal.require_tenant_or_null(tenant);
BEGIN
    IF starts_with(purpose, 'bastion.blind_index.') THEN
        RAISE EXCEPTION 'cannot rotate the key of a blind index' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Under another key, the index would find no existing value.';
    END IF;
    RETURN QUERY SELECT k.* FROM bastion.data_keys k
    WHERE k.purpose = rotating_keys.purpose AND (only_tenant IS NULL OR k.tenant_id = only_tenant)
    ORDER BY k.id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'data key does not exist' USING ERRCODE = 'undefined_object';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.rotating_keys(text, text) IS
'Finds and locks the data keys of a purpose, of one tenant or of all. SQLSTATE 22023 for the key of a blind index, 42704 for an unknown tenant or without such a key.';

CREATE FUNCTION bastion.data_key_rotate(purpose text, tenant text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    old_key bastion.data_keys;
    rotated bigint := 0;
BEGIN
    FOR old_key IN SELECT * FROM bastion_internal.rotating_keys(purpose, tenant) k WHERE k.state = 'active' LOOP
        UPDATE bastion.data_keys k SET state = 'decrypt_only' WHERE k.id = old_key.id;
        PERFORM bastion_internal.data_key_here(old_key.purpose, old_key.tenant_id);
        rotated := rotated + 1;
    END LOOP;
    PERFORM bastion_internal.record_event('key_rotated', 'success', NULL, bastion_internal.find_tenant(tenant),
        jsonb_build_object('key', 'data', 'purpose', purpose, 'keys', rotated));
    RETURN rotated;
END
$$;
COMMENT ON FUNCTION bastion.data_key_rotate(text, text) IS
'Creates a new version of the data key of a purpose, for one tenant (uuid or slug) or all.
The old version still opens what it sealed (state decrypt_only); rewrap_all() seals that again. The purpose of secrets is bastion.secrets. signing, pepper and factor seal the extension''s own signing keys, peppers and secrets of authenticators; signing_key_rotate() and pepper_create() renew the first two themselves.
Returns the number of rotated keys.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for the key of a blind index, 42704 for an unknown tenant or without such a key, BA001 without a root key.';

CREATE FUNCTION bastion.min_decryption_version_set(purpose text, version integer, tenant text DEFAULT NULL, force boolean DEFAULT false)
RETURNS bigint
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    ids integer[] := ARRAY(SELECT k.id FROM bastion_internal.rotating_keys(purpose, tenant) k);
    retiring integer[];
    in_use boolean;
    unread text;
    changed bigint;
BEGIN
    IF version IS NULL OR version < 1 OR EXISTS (
        SELECT FROM bastion.data_keys k WHERE k.id = ANY (ids) AND k.state = 'active' AND k.version < min_decryption_version_set.version) THEN
        RAISE EXCEPTION 'version must be at least 1 and at most that of the active key' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    retiring := ARRAY(
        SELECT k.id FROM bastion.data_keys k
        WHERE k.id = ANY (ids) AND k.version < min_decryption_version_set.version AND k.state = 'decrypt_only' ORDER BY k.id);
    PERFORM bastion_internal.data_keys_take(retiring);
    IF force IS NOT TRUE AND retiring <> '{}' THEN
        SELECT count(k.id) > 0, string_agg(format('%s.%I', u.relation, u.column_name), ', ' ORDER BY u.relation::text, u.column_name) FILTER (WHERE u.sealed_values IS NULL)
        INTO in_use, unread
        FROM bastion.key_usage() u LEFT JOIN bastion.data_keys k
          ON k.id = ANY (retiring) AND (k.tenant_id, k.purpose, k.version) IS NOT DISTINCT FROM (u.tenant_id, u.purpose, u.version);
        IF in_use THEN
            RAISE EXCEPTION 'values are still sealed under older keys' USING ERRCODE = 'object_in_use',
                HINT = 'CALL bastion.rewrap_all(); SELECT * FROM bastion.key_usage(); or abandon these values with force => true.';
        ELSIF unread IS NOT NULL THEN
            RAISE EXCEPTION 'columns with sealed values could not be read' USING ERRCODE = 'object_in_use',
                DETAIL = format('They may hold values under older keys: %s.', unread),
                HINT = 'SELECT * FROM bastion.sealed_problems() WHERE row_key IS NULL; has the reasons. Or abandon their values with force => true.';
        END IF;
    END IF;
    UPDATE bastion.data_keys k
    SET state = CASE WHEN k.version < min_decryption_version_set.version THEN 'disabled' ELSE 'decrypt_only' END
    WHERE k.id = ANY (ids)
      AND k.state = CASE WHEN k.version < min_decryption_version_set.version THEN 'decrypt_only' ELSE 'disabled' END;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END
$$;
COMMENT ON FUNCTION bastion.min_decryption_version_set(text, integer, text, boolean) IS
'Disables the data keys of a purpose below a version, for one tenant (uuid or slug) or all: values sealed under them can no longer be opened.
Waits for the transactions that sealed under these keys, up to lock_timeout, or ten seconds without one. A lower version enables the keys again. Unless force is true, refuses while any column of the database holds values under these keys, or cannot be read.
Returns the number of changed keys.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for a version that is not between 1 and the active one, and for the key of a blind index, 25000 in a transaction that is not READ COMMITTED, 42704 for an unknown tenant or without such a key, 55006 while values need the keys, while a column of sealed values cannot be read, or when a guard covers one (data_key_guard_set()), 55P03 when transactions that sealed under them stay open.';

CREATE FUNCTION bastion.tenant_shred(tenant text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    only_tenant uuid := bastion_internal.find_tenant(tenant);
    ids integer[];
BEGIN
    IF only_tenant IS NULL THEN
        RAISE EXCEPTION 'tenant does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    ids := bastion_internal.data_keys_take_all(only_tenant);
    UPDATE bastion.data_keys k SET state = 'shredded', wrapped = NULL WHERE k.id = ANY (ids);
    PERFORM bastion_internal.record_event('keys_shredded', 'success', NULL, only_tenant, jsonb_build_object('keys', cardinality(ids), 'by', session_user));
    RETURN jsonb_build_object('keys', cardinality(ids), 'left',
        (SELECT count(*) FROM bastion.data_keys k WHERE k.tenant_id = only_tenant AND k.wrapped IS NOT NULL),
        'notice', 'VACUUM bastion.data_keys removes the old rows; backups, WAL and replicas keep wrapped keys until they are gone. '
                  'To close that, name a new root key first in bastion.root_key, call root_key_rotate(), and destroy the old root key.');
END
$$;
COMMENT ON FUNCTION bastion.tenant_shred(text) IS
'Destroys every data key of a tenant (uuid or slug): nothing that was sealed for it before can be opened again, neither values nor secrets, and its blind indexes find nothing.
The tenant stays and seals later values under new keys. Waits for the transactions that sealed for it, up to lock_timeout, or ten seconds without one.
Returns {keys: number of keys, left: 0, notice: what backups still hold, and how to deal with that}.
For operators: EXECUTE is granted to nobody.
SQLSTATE 25000 in a transaction that is not READ COMMITTED, 42704 for an unknown tenant, 55006 when a guard covers a key (data_key_guard_set()), 55P03 when transactions that sealed for it stay open.';
SELECT bastion_internal.event_kind('keys_shredded');

CREATE FUNCTION bastion.keys_discard() RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    answer jsonb;
BEGIN
    PERFORM bastion_internal.data_keys_take_all(NULL);
    answer := jsonb_build_object('signing_keys', (SELECT count(*) FROM bastion.signing_keys),
                                 'api_key_secrets', (SELECT count(*) FROM bastion.api_key_secrets),
                                 'sessions', (SELECT count(*) FROM bastion.sessions s WHERE s.revoked_at IS NULL),
                                 'data_keys', (SELECT count(*) FROM bastion.data_keys));
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = 'keys_discarded' WHERE s.revoked_at IS NULL;
    DELETE FROM bastion.refresh_tokens;
    DELETE FROM bastion.api_key_secrets;
    DELETE FROM bastion.api_key_schemes;
    DELETE FROM bastion.one_time_tokens;
    -- The factors are still asked for, and can only be removed: to forget them would let the password alone in.
    UPDATE bastion.user_factors f SET state = 'suspended', sealed = NULL WHERE f.sealed IS NOT NULL;
    DELETE FROM bastion.recovery_codes;
    UPDATE bastion.user_devices d SET previous_hash = NULL, pepper = NULL WHERE d.pepper IS NOT NULL;
    DELETE FROM bastion.peppers;
    DELETE FROM bastion.signing_keys;
    -- The public halves stay: they verify what was signed.
    UPDATE bastion.audit_keys k SET private_sealed = NULL WHERE k.private_sealed IS NOT NULL;
    DELETE FROM bastion.audit_subject_keys;
    DELETE FROM bastion.data_keys;
    PERFORM bastion_internal.record_event('keys_discarded', 'success', NULL, NULL, answer || jsonb_build_object('by', session_user));
    RETURN answer;
END
$$;
COMMENT ON FUNCTION bastion.keys_discard() IS
'Deletes every key of this database.
Use it when the root key is lost, or in a copy that must not share keys with its original. Authenticators and recovery codes are no longer accepted, but still needed: factors_remove(). Sessions end, tokens, mailed links and API keys are refused, and sealed values and secrets can never be opened again; users, passwords and rows stay. New keys are created lazily under the current root key.
Returns the numbers of deleted objects: {signing_keys, api_key_secrets, sessions, data_keys}.
For operators: EXECUTE is granted to nobody.
SQLSTATE 25000 in a transaction that is not READ COMMITTED, 55006 when a guard covers a key (data_key_guard_set()), 55P03 when transactions that sealed values stay open for ten seconds, or lock_timeout.';
SELECT bastion_internal.event_kind('keys_discarded');

CREATE FUNCTION bastion_internal.lint_due() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT DISTINCT 'info', d.purpose, 'data keys are older than rotate_every, and nothing was sealed under them since', format('SELECT bastion.data_key_rotate(%L);', d.purpose)
    FROM bastion.data_keys_due() d
    UNION ALL
    SELECT 'info', 'bastion.secrets', 'values of secrets are older than their rotate_every', 'SELECT * FROM bastion.secrets_due();'
    WHERE EXISTS (SELECT FROM bastion.secrets_due())
$$;
COMMENT ON FUNCTION bastion_internal.lint_due() IS 'Findings about data keys and secrets that are to be renewed.';

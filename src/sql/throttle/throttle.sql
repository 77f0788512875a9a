
-- Counters of attempts, which outlive ROLLBACK. core/throttle has the rules; the C functions charge before anything is evaluated.

-- One set of counters in each row, for servers that do not preload the library. throttle_rows.cpp overwrites the rows in place, so their size
-- is fixed and no other statement changes them. Row -1 is random: the secret of the keys, so that no one can aim at a set.
CREATE TABLE bastion.throttle_sets (
    id integer NOT NULL,
    entries bytea NOT NULL,
    CONSTRAINT throttle_sets_pkey PRIMARY KEY (id),
    CONSTRAINT throttle_sets_entries_check CHECK (octet_length(entries) = 256)
);
ALTER TABLE bastion.throttle_sets ALTER COLUMN entries SET STORAGE PLAIN;
INSERT INTO bastion.throttle_sets (id, entries)
SELECT n, decode(repeat('00', 256), 'hex') FROM generate_series(0, 4095) n
UNION ALL
SELECT -1, decode(string_agg(replace(gen_random_uuid()::text, '-', ''), ''), 'hex') FROM generate_series(1, 16);
COMMENT ON TABLE bastion.throttle_sets IS
'Counters of attempts where the library is not preloaded, written in place, so that a rollback takes no attempt back; granted to nobody';
COMMENT ON COLUMN bastion.throttle_sets.id IS 'The place of the set; -1: the secret of the keys';
COMMENT ON COLUMN bastion.throttle_sets.entries IS 'Four counters of 64 bytes, as the library reads them';
ALTER TABLE bastion.throttle_sets ENABLE ROW LEVEL SECURITY;

CREATE TABLE bastion.login_throttle (
    key bytea NOT NULL,
    kind text NOT NULL,
    paid_until timestamptz NOT NULL,
    charged_at timestamptz NOT NULL,
    failures integer NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT login_throttle_pkey PRIMARY KEY (key),
    CONSTRAINT login_throttle_key_check CHECK (octet_length(key) = 16),
    CONSTRAINT login_throttle_failures_check CHECK (failures >= 0)
);
CREATE INDEX login_throttle_expires_at_idx ON bastion.login_throttle (expires_at);
COMMENT ON TABLE bastion.login_throttle IS
'Counters of attempts, as the worker copies them from shared memory, to which they return after a restart; granted to nobody';
COMMENT ON COLUMN bastion.login_throttle.key IS 'HMAC of database, kind and value';
COMMENT ON COLUMN bastion.login_throttle.kind IS 'What is counted: account, device, code or code_of_user';
COMMENT ON COLUMN bastion.login_throttle.paid_until IS 'Each attempt moves it on; it may be ahead of the clock by a full burst';
COMMENT ON COLUMN bastion.login_throttle.charged_at IS 'The last attempt that was evaluated';
COMMENT ON COLUMN bastion.login_throttle.failures IS 'Attempts without a success';
COMMENT ON COLUMN bastion.login_throttle.expires_at IS 'When nothing of it counts any more';
ALTER TABLE bastion.login_throttle ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION bastion_internal.throttled_account(user_id uuid, typed text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN coalesce('user ' || user_id, 'name ' || lower(btrim(typed) COLLATE "C"), 'name');
END
$$;
COMMENT ON FUNCTION bastion_internal.throttled_account(uuid, text) IS
'What attempts to log in are counted of: the user, by whatever name, else the name that was typed.';

CREATE FUNCTION bastion_internal.throttle_try(kind text, value text) RETURNS integer
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_throttle_try';
COMMENT ON FUNCTION bastion_internal.throttle_try(text, text) IS
'Charges an attempt on a value of a kind (account, device, code, code_of_user, address, network, mail, signup), which no rollback takes back. Returns 0, else in how many seconds one is evaluated again.
SQLSTATE 22023 for another kind, 25006 in a READ ONLY transaction.';

CREATE FUNCTION bastion_internal.throttle_refund(kind text, value text) RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_throttle_refund';
COMMENT ON FUNCTION bastion_internal.throttle_refund(text, text) IS
'Takes the charge of a successful attempt back. SQLSTATE 22023 for an unknown kind, 25006 in a READ ONLY transaction.';

CREATE FUNCTION bastion_internal.throttle_clear(kind text, value text) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_throttle_clear';
COMMENT ON FUNCTION bastion_internal.throttle_clear(text, text) IS
'Forgets every attempt on a value of a kind; whether there was one. A rollback does not bring them back. SQLSTATE 22023 for an unknown kind, 25006 in a READ ONLY transaction.';

CREATE FUNCTION bastion_internal.throttle_clear_at_commit(kind text, value text) RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_throttle_clear_at_commit';
COMMENT ON FUNCTION bastion_internal.throttle_clear_at_commit(text, text) IS
'throttle_clear() when the transaction commits, unless it is prepared. SQLSTATE 22023 for an unknown kind, 25006 in a READ ONLY transaction.';

CREATE FUNCTION bastion_internal.throttle_unsaved(digits text, OUT key bytea, OUT kind text, OUT paid_until timestamptz,
                                                  OUT charged_at timestamptz, OUT failures integer, OUT expires_at timestamptz)
RETURNS record
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_throttle_unsaved';
COMMENT ON FUNCTION bastion_internal.throttle_unsaved(text) IS
'What shared memory counts of a key, in hexadecimal digits, and bastion.login_throttle does not have yet; NULL without such an entry. It counts as saved when the transaction commits.';

CREATE FUNCTION bastion_internal.throttle_save(digits text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    unsaved record;
    as_of timestamptz := clock_timestamp(); -- a variable: PostgreSQL looks up no volatile value in an index
BEGIN
    -- The counter may be saved already, or have given way: an assignment of NULL leaves a record without columns.
    SELECT * INTO unsaved FROM bastion_internal.throttle_unsaved(digits);
    INSERT INTO bastion.login_throttle (key, kind, paid_until, charged_at, failures, expires_at)
    SELECT unsaved.key, unsaved.kind, unsaved.paid_until, unsaved.charged_at, unsaved.failures, unsaved.expires_at
    WHERE unsaved.key IS NOT NULL
    ON CONFLICT ON CONSTRAINT login_throttle_pkey DO UPDATE
    SET (paid_until, charged_at, failures, expires_at) = (excluded.paid_until, excluded.charged_at, excluded.failures, excluded.expires_at);
    -- More than are added, so that what has expired does not pile up.
    DELETE FROM bastion.login_throttle l WHERE l.key IN (
        SELECT e.key FROM bastion.login_throttle e WHERE e.expires_at <= as_of AND e.key IS DISTINCT FROM unsaved.key
        ORDER BY e.expires_at LIMIT 2 FOR UPDATE SKIP LOCKED);
END
$$;
COMMENT ON FUNCTION bastion_internal.throttle_save(text) IS
'Copies the counter of a key, in hexadecimal digits, from shared memory to bastion.login_throttle, and deletes up to two rows that have expired. The background worker calls it.';

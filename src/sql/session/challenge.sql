
-- Challenges: what a client brings back for the next step of a login. They hold what the step before proved, so that no table stores
-- them; a used one is stored by its hash. Challenges appear in assignments only, as in session.sql.

CREATE FUNCTION bastion_internal.challenge_make(purpose text, body jsonb, state text, lifetime integer, pepper integer) RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_challenge_make';
COMMENT ON FUNCTION bastion_internal.challenge_make(text, jsonb, text, integer, integer) IS
'Makes a challenge for a purpose, which is good for lifetime seconds and as long as the state stays the same. Its holder can read body, and not state.
SQLSTATE BA001 without a root key, BA003 for an unknown pepper, 54000 for a body of more than about 3000 bytes.';

CREATE FUNCTION bastion_internal.challenge_open(challenge text, purpose text) RETURNS jsonb
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_challenge_open';
COMMENT ON FUNCTION bastion_internal.challenge_open(text, text) IS
'The body of a challenge that was made here for this purpose and has not expired; NULL for any other text. Whether its state is still the same, and whether it was used, is checked by challenge_use().
SQLSTATE BA001 without a root key.';

CREATE FUNCTION bastion_internal.challenge_is_of_state(challenge text, state text) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_challenge_is_of_state';
COMMENT ON FUNCTION bastion_internal.challenge_is_of_state(text, text) IS
'Whether a challenge that challenge_open() accepted was made in this state. SQLSTATE BA001 without a root key.';

CREATE FUNCTION bastion_internal.challenge_hash(challenge text) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_challenge_hash';
COMMENT ON FUNCTION bastion_internal.challenge_hash(text) IS 'The stored hash of a used challenge, SHA-256.';

CREATE FUNCTION bastion_internal.challenge_lifetime() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT 300 $$;
COMMENT ON FUNCTION bastion_internal.challenge_lifetime() IS 'How long the challenge of a login is good, in seconds.';

CREATE FUNCTION bastion_internal.login_state(user_id uuid, hash text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT concat_ws('|', u.id, u.status, u.login_epoch, coalesce(login_state.hash, p.hash))
        FROM bastion.users u LEFT JOIN bastion.user_passwords p ON p.user_id = u.id WHERE u.id = login_state.user_id
    );
END
$$;
COMMENT ON FUNCTION bastion_internal.login_state(uuid, text) IS
'What the challenge of a login depends on: it ends when the user is disabled, changes the password or the second factors, or ends other sessions. hash is that of the password that was right: another transaction may have replaced it meanwhile, and the state is not that of the new one then. NULL for an unknown user.';

CREATE FUNCTION bastion_internal.challenge_is_spent(challenge text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    used_hash bytea := bastion_internal.challenge_hash(challenge);
BEGIN
    RETURN EXISTS (SELECT FROM bastion.spent_tokens t WHERE t.hash = used_hash);
END
$$;
COMMENT ON FUNCTION bastion_internal.challenge_is_spent(text) IS 'Whether challenge_spend() used up a challenge.';

CREATE FUNCTION bastion_internal.challenge_is_open(challenge text, state text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.challenge_is_of_state(challenge, state) IS TRUE AND NOT bastion_internal.challenge_is_spent(challenge);
END
$$;
COMMENT ON FUNCTION bastion_internal.challenge_is_open(text, text) IS
'Whether a challenge that challenge_open() accepted is of this state and was not used. SQLSTATE BA001 without a root key.';

CREATE FUNCTION bastion_internal.challenge_spend(challenge text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    used_hash bytea := bastion_internal.challenge_hash(challenge);
BEGIN
    INSERT INTO bastion.spent_tokens (hash, expires_at)
    VALUES (used_hash, clock_timestamp() + make_interval(secs => bastion_internal.challenge_lifetime()))
    ON CONFLICT ON CONSTRAINT spent_tokens_pkey DO NOTHING;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION bastion_internal.challenge_spend(text) IS
'Uses up an open challenge; false if it was used already. A rollback takes the use back, together with what it was for.
SQLSTATE 40001 when another transaction used it meanwhile and the isolation level is not READ COMMITTED.';

CREATE FUNCTION bastion_internal.challenge_use(challenge text, user_id uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    state text := bastion_internal.login_state(user_id);
BEGIN
    IF bastion_internal.challenge_is_of_state(challenge, state) IS NOT TRUE THEN
        RETURN false;
    END IF;
    RETURN bastion_internal.challenge_spend(challenge);
END
$$;
COMMENT ON FUNCTION bastion_internal.challenge_use(text, uuid) IS
'Uses up a challenge of a login; false if its state is another one by now, or if it was used already. The user is locked, so that neither changes meanwhile. A rollback takes the use back, together with what it was for.
SQLSTATE 40001 when another transaction used it meanwhile and the isolation level is not READ COMMITTED, BA001 without a root key.';

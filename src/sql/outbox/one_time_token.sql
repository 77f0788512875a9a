
-- One-time tokens: links, and codes of six digits, that leave by mail. A token is an HMAC over its row under a pepper of its own. So
-- nothing at rest can be opened or guessed from, and only outbox_claim() ever makes the token.
--
-- Tokens appear in assignments only, which PL/pgSQL evaluates without a plan that auto_explain could log.

CREATE FUNCTION bastion_internal.one_time_id(token text) RETURNS uuid
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_one_time_id';
COMMENT ON FUNCTION bastion_internal.one_time_id(text) IS 'The id in a text of the form of a one-time token; NULL for any other text.';

CREATE FUNCTION bastion_internal.one_time_derive(id uuid, purpose text, user_id uuid, address text, generation integer,
                                        expires_at timestamptz, pepper integer, as_code boolean)
RETURNS text
LANGUAGE C STABLE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_one_time_derive';
COMMENT ON FUNCTION bastion_internal.one_time_derive(uuid, text, uuid, text, integer, timestamptz, integer, boolean) IS
'The token, or code, of a row of one_time_tokens with these columns; NULL if one other than user_id is NULL.
SQLSTATE BA001 without a root key, BA003 for an unknown pepper.';

CREATE FUNCTION bastion_internal.one_time_matches(presented text, id uuid, purpose text, user_id uuid, address text, generation integer,
                                         expires_at timestamptz, pepper integer, as_code boolean)
RETURNS boolean
LANGUAGE C STABLE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_one_time_matches';
COMMENT ON FUNCTION bastion_internal.one_time_matches(text, uuid, text, uuid, text, integer, timestamptz, integer, boolean) IS
'Whether this is the token, or code, of a row of one_time_tokens with these columns, compared in constant time.
SQLSTATE BA001 without a root key, BA003 for an unknown pepper.';

CREATE FUNCTION bastion_internal.one_time_open(purpose text, user_id uuid, address text, valid_for interval, payload jsonb DEFAULT '{}',
                                      invitation_id uuid DEFAULT NULL, OUT id uuid, OUT is_due boolean)
RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    moment timestamptz := clock_timestamp();
    active integer := bastion_internal.pepper('one_time');
    made bastion.one_time_tokens;
BEGIN
    -- Repeated requests send the same token again while half of its time is left, so that strangers who repeat a request cannot make
    -- the mail worthless that is on its way.
    INSERT INTO bastion.one_time_tokens AS t (purpose, user_id, address, invitation_id, pepper, payload, created_at, mailed_at, expires_at)
    VALUES (one_time_open.purpose, one_time_open.user_id, one_time_open.address, one_time_open.invitation_id, active,
            one_time_open.payload, moment, moment, moment + valid_for)
    ON CONFLICT (address, purpose, user_id, invitation_id) WHERE used_at IS NULL DO UPDATE
    SET (generation, pepper, payload, created_at, expires_at, mailed_at) = (
        SELECT t.generation + r.renewed::integer, excluded.pepper, excluded.payload,
               CASE WHEN r.renewed THEN moment ELSE t.created_at END,
               CASE WHEN r.renewed THEN excluded.expires_at ELSE t.expires_at END,
               CASE WHEN r.renewed OR t.mailed_at <= moment - interval '1 minute' THEN moment ELSE t.mailed_at END
        FROM (SELECT t.expires_at < moment + valid_for / 2 OR t.pepper <> excluded.pepper OR t.payload <> excluded.payload) r (renewed))
    RETURNING t.* INTO made;
    id := made.id;
    is_due := made.mailed_at = moment;
END
$$;
COMMENT ON FUNCTION bastion_internal.one_time_open(text, uuid, text, interval, jsonb, uuid) IS
'Opens a one-time token, or finds the open one for the same purpose, user, address and invitation. With less than half of its time left, or another payload, it is replaced by another one.
is_due is whether to send mail with it: not if mail was queued less than a minute ago.
SQLSTATE BA001 without a root key.';

CREATE FUNCTION bastion_internal.one_time_is_open(token bastion.one_time_tokens) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT token.used_at IS NULL AND token.expires_at > statement_timestamp()
       AND token.pepper = bastion_internal.active_pepper('one_time')
$$;
COMMENT ON FUNCTION bastion_internal.one_time_is_open(bastion.one_time_tokens) IS
'Whether a one-time token is accepted: it is neither used nor expired, and its pepper is active.';

CREATE FUNCTION bastion_internal.one_time_find(token text, purpose text) RETURNS bastion.one_time_tokens
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted uuid := bastion_internal.one_time_id(token);
    found_row bastion.one_time_tokens;
    is_right boolean;
BEGIN
    SELECT * INTO found_row FROM bastion.one_time_tokens t WHERE t.id = wanted AND t.purpose = one_time_find.purpose;
    IF bastion_internal.one_time_is_open(found_row) IS NOT TRUE THEN
        RETURN NULL;
    END IF;
    is_right := bastion_internal.one_time_matches(token, found_row.id, found_row.purpose, found_row.user_id, found_row.address,
                                         found_row.generation, found_row.expires_at, found_row.pepper, false);
    IF NOT is_right THEN
        RETURN NULL;
    END IF;
    RETURN found_row;
END
$$;
COMMENT ON FUNCTION bastion_internal.one_time_find(text, text) IS
'The row of an open one-time token for this purpose; NULL for any other text. one_time_use() decides who uses it.';

CREATE FUNCTION bastion_internal.one_time_use(token bastion.one_time_tokens) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE bastion.one_time_tokens t SET used_at = clock_timestamp()
    WHERE t.id = token.id AND t.generation = token.generation AND t.used_at IS NULL;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION bastion_internal.one_time_use(bastion.one_time_tokens) IS
'Uses up a one-time token that one_time_find() or one_time_try() found; false if another transaction was first. SQLSTATE 40001 then, if the isolation level is not READ COMMITTED.';

CREATE FUNCTION bastion_internal.one_time_try(request uuid, code text, OUT token bastion.one_time_tokens, OUT retry_after integer)
RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_row bastion.one_time_tokens;
    this_code text;
    person text;
    is_right boolean;
BEGIN
    retry_after := 0;
    SELECT * INTO found_row FROM bastion.one_time_tokens t WHERE t.id = request AND t.purpose = 'code';
    IF bastion_internal.one_time_is_open(found_row) IS NOT TRUE THEN
        RETURN;
    END IF;
    -- The try counts before the code is compared. A code with five wrong tries is dead, whatever time passes.
    this_code := concat_ws(' ', found_row.id, found_row.generation);
    person := coalesce('user ' || found_row.user_id, 'address ' || found_row.address);
    IF bastion_internal.throttle_try('code', this_code) > 0 THEN
        RETURN;
    END IF;
    retry_after := bastion_internal.throttle_try('code_of_user', person);
    IF retry_after > 0 THEN
        PERFORM bastion_internal.throttle_refund('code', this_code);
        RETURN;
    END IF;
    is_right := bastion_internal.one_time_matches(code, found_row.id, found_row.purpose, found_row.user_id, found_row.address,
                                         found_row.generation, found_row.expires_at, found_row.pepper, true);
    IF is_right AND found_row.user_id IS NOT NULL THEN
        PERFORM bastion_internal.throttle_refund('code', this_code), bastion_internal.throttle_refund('code_of_user', person);
        token := found_row;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.one_time_try(uuid, text) IS
'The row of an open code, found by the id of its request; NULL for a wrong code. Each call is a try, which no rollback takes back: five for a code; for a user five at once and then one in ten minutes, thirty without a right one. retry_after is then in how many seconds one is compared, else 0.
SQLSTATE 25006 in a READ ONLY transaction.';

CREATE FUNCTION bastion_internal.one_time_end(user_id uuid, purposes text[]) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE bastion.one_time_tokens t SET used_at = clock_timestamp()
    WHERE t.user_id = one_time_end.user_id AND t.purpose = ANY (purposes) AND t.used_at IS NULL
$$;
COMMENT ON FUNCTION bastion_internal.one_time_end(uuid, text[]) IS 'Ends the open one-time tokens of a user for these purposes.';

CREATE FUNCTION bastion_internal.refuse_one_time(user_id uuid, purpose text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.record_event('one_time_refused', 'refused', refuse_one_time.user_id, NULL, jsonb_build_object('purpose', purpose));
    RETURN bastion_internal.refusal('invalid_link', 'this link or code is not valid any more; ask for another one');
END
$$;
COMMENT ON FUNCTION bastion_internal.refuse_one_time(uuid, text) IS
'Records the refusal of a one-time token, and returns the answer that is the same for every reason.';
SELECT bastion_internal.event_kind('one_time_refused');


-- Mail: functions queue it, and a sender outside the database claims it and says whether it was sent (tools/mailer). Delivery is at
-- least once: a sender that dies between sending and outbox_done() leaves mail that is sent again.

CREATE FUNCTION bastion_internal.has_outbox() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion_internal.setting('bastion.outbox')::boolean $$;
COMMENT ON FUNCTION bastion_internal.has_outbox() IS 'Whether mail is queued: bastion.outbox.';

CREATE FUNCTION bastion_internal.require_outbox(activity text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_writable(activity);
    IF NOT bastion_internal.has_outbox() THEN
        RAISE EXCEPTION '% needs mail', activity USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = 'bastion.outbox is off.', HINT = 'Set bastion.outbox to on, and run a sender of mail (docs/MAIL.md).';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_outbox(text) IS
'Raises SQLSTATE 55000 when bastion.outbox is off, and 25006 in a READ ONLY transaction and on a standby.';

CREATE FUNCTION bastion_internal.mail_queue(kind text, user_id uuid, tenant_id uuid, address text, token_id uuid DEFAULT NULL,
                                   payload jsonb DEFAULT '{}', is_sent boolean DEFAULT true)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    language text := coalesce(substring(bastion_internal.request_languages() FROM '^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})?'), 'en');
BEGIN
    INSERT INTO bastion.outbox (kind, user_id, tenant_id, address, locale, payload, token_id, done_at)
    VALUES (mail_queue.kind, mail_queue.user_id, mail_queue.tenant_id, mail_queue.address, language, mail_queue.payload,
            mail_queue.token_id, CASE WHEN NOT is_sent THEN clock_timestamp() END);
    PERFORM pg_notify('bastion_outbox', '');
END
$$;
COMMENT ON FUNCTION bastion_internal.mail_queue(text, uuid, uuid, text, uuid, jsonb, boolean) IS
'Queues mail in the language of the request. Mail with is_sent false goes nowhere, and costs the same.';

CREATE FUNCTION bastion_internal.mail_notice(kind text, user_id uuid) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.mail_queue(mail_notice.kind, u.id, NULL, u.email) FROM bastion.users u
    WHERE u.id = mail_notice.user_id AND u.email IS NOT NULL AND bastion_internal.has_outbox()
$$;
COMMENT ON FUNCTION bastion_internal.mail_notice(text, uuid) IS
'Queues mail without a link for a user who has an address, if bastion.outbox is on.';

CREATE FUNCTION bastion_internal.require_sender(worker text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_writable('mail');
    IF bastion_internal.is_label(worker) IS NOT TRUE THEN
        RAISE EXCEPTION 'invalid name of a sender' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'It has 1 to 200 printable characters.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_sender(text) IS
'Raises SQLSTATE 22023 for what cannot be the name of a sender, and 25006 in a READ ONLY transaction.';

CREATE FUNCTION bastion.outbox_claim(worker text, count integer DEFAULT 10, lease interval DEFAULT '5 minutes')
RETURNS TABLE (id bigint, kind text, address text, locale text, payload jsonb, token text, code text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    moment timestamptz := clock_timestamp();
    taken bastion.outbox;
    bound bastion.one_time_tokens;
BEGIN
    PERFORM bastion_internal.require_sender(worker);
    -- A hundred rows stay in memory: a larger answer would write tokens to a temporary file.
    IF count IS NULL OR count NOT BETWEEN 1 AND 100 OR lease IS NULL OR NOT bastion_internal.lasts(lease, '1 s', '1 day') THEN
        RAISE EXCEPTION 'invalid number or lease' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'count is 1 to 100, lease 1 second to 1 day.';
    END IF;
    -- The sender died, ten times.
    UPDATE bastion.outbox o
    SET dead_at = moment, claimed_by = NULL, claimed_until = NULL, error = coalesce(o.error, 'no answer from the sender')
    WHERE o.id IN (SELECT w.id FROM bastion.outbox w
                   WHERE w.done_at IS NULL AND w.dead_at IS NULL AND w.attempts >= 10 AND w.claimed_until <= moment
                   FOR UPDATE SKIP LOCKED);
    FOR taken IN
        WITH due AS MATERIALIZED (
            SELECT w.id FROM bastion.outbox w
            WHERE w.done_at IS NULL AND w.dead_at IS NULL AND w.available_at <= moment
              AND (w.claimed_until IS NULL OR w.claimed_until <= moment)
            ORDER BY w.available_at, w.id LIMIT outbox_claim.count FOR UPDATE SKIP LOCKED
        )
        UPDATE bastion.outbox o SET claimed_by = worker, claimed_until = moment + lease, attempts = o.attempts + 1
        FROM due WHERE o.id = due.id RETURNING o.*
    LOOP
        SELECT * INTO bound FROM bastion.one_time_tokens t
        WHERE t.id = taken.token_id AND bastion_internal.one_time_is_open(t)
          AND (t.invitation_id IS NULL OR EXISTS (SELECT FROM bastion.invitations i WHERE i.id = t.invitation_id AND i.revoked_at IS NULL));
        id := taken.id;
        kind := taken.kind;
        address := taken.address;
        locale := taken.locale;
        payload := taken.payload || CASE WHEN bound.id IS NULL THEN '{}' ELSE jsonb_build_object('expires_at', bound.expires_at) END;
        token := NULL;
        code := NULL;
        IF bound.purpose = 'code' THEN
            code := bastion_internal.one_time_derive(bound.id, bound.purpose, bound.user_id, bound.address, bound.generation,
                                            bound.expires_at, bound.pepper, true);
        ELSIF bound.id IS NOT NULL THEN
            token := bastion_internal.one_time_derive(bound.id, bound.purpose, bound.user_id, bound.address, bound.generation,
                                             bound.expires_at, bound.pepper, false);
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION bastion.outbox_claim(text, integer, interval) IS
'Takes mail that waits, oldest first, for one sender (worker, a label): at most count (1 to 100), for the time of the lease (1 second to 1 day). Other senders skip it meanwhile.
Returns kind (the name of the template), address, locale, payload, and token or code where the mail has a link or code. Mail whose link or code was used, replaced or has expired comes without it: call outbox_done() and send nothing.
Call it in a transaction of its own, send each mail, and then call outbox_done() or outbox_retry(). Mail that was claimed ten times in vain is dead.
For the role of the sender (allow_mailer_role()), who can become any user with these tokens.
SQLSTATE 22023, 25006 in a READ ONLY transaction, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion.outbox_claim(text, integer, interval)', 'mailer');

CREATE FUNCTION bastion.outbox_done(id bigint, worker text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_sender(worker);
    UPDATE bastion.outbox o SET done_at = clock_timestamp(), claimed_by = NULL, claimed_until = NULL, error = NULL
    WHERE o.id = outbox_done.id AND o.claimed_by = worker AND o.done_at IS NULL AND o.dead_at IS NULL;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION bastion.outbox_done(bigint, text) IS
'Says that mail was sent, or has nothing to send. False when this sender had not claimed it, or another one has claimed it since.
SQLSTATE 22023 for an invalid name, 25006 in a READ ONLY transaction.';
SELECT bastion_internal.callable_by('bastion.outbox_done(bigint, text)', 'mailer');

CREATE FUNCTION bastion.outbox_retry(id bigint, worker text, error text DEFAULT NULL) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    again timestamptz;
BEGIN
    PERFORM bastion_internal.require_sender(worker);
    UPDATE bastion.outbox o
    SET claimed_by = NULL, claimed_until = NULL, error = left(regexp_replace(outbox_retry.error, '[[:cntrl:]]+', ' ', 'g'), 500),
        available_at = moment + make_interval(mins => 1 << least(o.attempts, 10)),
        dead_at = CASE WHEN o.attempts >= 10 THEN moment END
    WHERE o.id = outbox_retry.id AND o.claimed_by = worker AND o.done_at IS NULL AND o.dead_at IS NULL
    RETURNING CASE WHEN o.dead_at IS NULL THEN o.available_at END INTO again;
    RETURN again;
END
$$;
COMMENT ON FUNCTION bastion.outbox_retry(bigint, text, text) IS
'Says that mail could not be sent, and why (at most 500 characters are kept). It is due again after 2 minutes, then 4, 8 and so on. The tenth failure makes it dead.
Returns when it is due; NULL when it is dead, or when this sender has not claimed it.
SQLSTATE 22023 for an invalid name, 25006 in a READ ONLY transaction.';
SELECT bastion_internal.callable_by('bastion.outbox_retry(bigint, text, text)', 'mailer');

CREATE FUNCTION bastion.outbox_revive(id bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_writable('mail');
    UPDATE bastion.outbox o SET dead_at = NULL, attempts = 0, available_at = clock_timestamp()
    WHERE o.id = outbox_revive.id AND o.dead_at IS NOT NULL;
    IF FOUND THEN
        PERFORM pg_notify('bastion_outbox', '');
        RETURN true;
    END IF;
    RETURN false;
END
$$;
COMMENT ON FUNCTION bastion.outbox_revive(bigint) IS
'Makes dead mail wait again, with ten new attempts; false if there is none with this id.
SQLSTATE 25006 in a READ ONLY transaction.';
SELECT bastion_internal.callable_by('bastion.outbox_revive(bigint)', 'mailer');

CREATE FUNCTION bastion.outbox_clear() RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    deleted bigint;
BEGIN
    PERFORM bastion_internal.require_writable('mail');
    DELETE FROM bastion.outbox o WHERE o.done_at IS NULL;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;
COMMENT ON FUNCTION bastion.outbox_clear() IS
'Deletes mail that was not sent, dead mail included; returns the number. For copies of a database, which must not send the mail of their original.
SQLSTATE 25006 in a READ ONLY transaction.';
SELECT bastion_internal.callable_by('bastion.outbox_clear()', 'mailer');

CREATE FUNCTION bastion.outbox_counts() RETURNS TABLE (waiting bigint, claimed bigint, dead bigint, oldest timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT count(*) FILTER (WHERE o.dead_at IS NULL AND o.claimed_until IS NULL), count(*) FILTER (WHERE o.claimed_until IS NOT NULL),
           count(*) FILTER (WHERE o.dead_at IS NOT NULL), min(o.created_at) FILTER (WHERE o.dead_at IS NULL)
    FROM bastion.outbox o WHERE o.done_at IS NULL
$$;
COMMENT ON FUNCTION bastion.outbox_counts() IS
'How much mail waits, is claimed by a sender, and is dead, and when the oldest that is not dead was queued. For monitoring.';
SELECT bastion_internal.callable_by('bastion.outbox_counts()', 'monitoring');

CREATE FUNCTION bastion.outbox_prune(ended_before interval DEFAULT '7 days') RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    horizon timestamptz;
    deleted bigint;
    deleted_tokens bigint;
BEGIN
    IF ended_before IS NULL OR NOT bastion_internal.lasts(ended_before, '1 day', '100 years') THEN
        RAISE EXCEPTION 'invalid age of mail' USING ERRCODE = 'invalid_parameter_value', DETAIL = 'It is 1 day to 100 years.';
    END IF;
    horizon := clock_timestamp() - ended_before;
    DELETE FROM bastion.outbox o WHERE o.done_at < horizon OR o.dead_at < horizon;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    DELETE FROM bastion.one_time_tokens t WHERE t.used_at < horizon OR t.expires_at < horizon;
    GET DIAGNOSTICS deleted_tokens = ROW_COUNT;
    RETURN deleted + deleted_tokens;
END
$$;
COMMENT ON FUNCTION bastion.outbox_prune(interval) IS
'Deletes mail that was sent or died longer ago than this, and one-time tokens that were used or expired before; returns the number of rows. Requests for addresses that no user has are among them.
For operators, to be called regularly: EXECUTE is granted to nobody.
SQLSTATE 22023 for NULL, and for less than a day or more than 100 years.';


-- The queue of events. When the library is preloaded, a background worker writes them in transactions of its own.

CREATE FUNCTION bastion_internal.queue_event(kind "char", payload text, wait boolean) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_queue_event';
COMMENT ON FUNCTION bastion_internal.queue_event("char", text, boolean) IS
'Queues an event, which is written even if the transaction rolls back.
Arguments: kind as in event_write(); payload, a JSON object of up to 16 KiB; wait: whether to wait, for at most 1 s, until it is written.
Returns true when the event is queued or, with wait, written; false when the queue is full or the event was not written in time; NULL without a queue, because the library is not preloaded or the server is a standby.';

CREATE FUNCTION bastion_internal.event_write(kind "char", payload text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF kind = 's' THEN
        PERFORM bastion_internal.secret_access_write(payload::jsonb);
    ELSIF kind = 'e' THEN
        PERFORM bastion_internal.event_insert(payload::jsonb);
    ELSIF kind = 'k' THEN
        PERFORM bastion_internal.api_key_use_write(payload::jsonb);
    ELSIF kind = 'd' THEN
        PERFORM bastion_internal.data_key_write(payload::jsonb);
    ELSIF kind = 't' THEN
        PERFORM bastion_internal.throttle_save(payload);
    ELSE
        RAISE EXCEPTION 'unknown kind of event "%"', kind USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.event_write("char", text) IS
'Writes an event to the table for its kind; s is an access to a secret, e an event, k the use of an API key, d a data key to be made, t a counter of attempts to be saved. SQLSTATE 22023 for another kind.';

CREATE FUNCTION bastion_internal.events_write(kinds "char"[], payloads text[]) RETURNS integer
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused integer := 0;
BEGIN
    BEGIN
        FOR i IN 1 .. cardinality(payloads) LOOP
            PERFORM bastion_internal.event_write(kinds[i], payloads[i]);
        END LOOP;
        RETURN 0;
    EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
        NULL;  -- one bad event would block the others for ever
    END;
    FOR i IN 1 .. cardinality(payloads) LOOP
        BEGIN
            PERFORM bastion_internal.event_write(kinds[i], payloads[i]);
        EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
            refused := refused + 1;
            RAISE WARNING 'an event of kind "%" is refused', kinds[i] USING ERRCODE = SQLSTATE;
        END;
    END LOOP;
    RETURN refused;
END
$$;
COMMENT ON FUNCTION bastion_internal.events_write("char"[], text[]) IS
'Writes events in their order; returns how many were refused because no table accepts them. The background worker calls it.';

CREATE FUNCTION bastion_internal.event_queue_counts(OUT waiting bigint, OUT oldest timestamptz, OUT written bigint, OUT dropped bigint, OUT discarded bigint)
LANGUAGE C VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_event_queue_counts';
COMMENT ON FUNCTION bastion_internal.event_queue_counts() IS
'The queue of events of this server: how many wait, and since when the oldest does. Since the server started: how many were written, dropped (the queue was full) and discarded (no table took them). NULL without a queue.';
SELECT bastion_internal.callable_by('bastion_internal.event_queue_counts()', 'monitoring');

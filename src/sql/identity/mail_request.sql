
-- Requests for mail with a link or code, by anyone who names an address. Known and unknown addresses get the same answer, cause the
-- same writes and the same notification. For an unknown one, the token is never derived and the mail goes nowhere.

CREATE FUNCTION bastion_internal.mail_request(purpose text, address text, user_id uuid, valid_for interval, payload jsonb DEFAULT '{}')
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    opened record := bastion_internal.one_time_open(purpose, user_id, address, valid_for, payload);
BEGIN
    PERFORM bastion_internal.record_event('mail_requested', 'success', user_id, NULL, jsonb_build_object('purpose', purpose));
    PERFORM bastion_internal.mail_queue(purpose, user_id, NULL, address, opened.id, is_sent => user_id IS NOT NULL AND opened.is_due);
    RETURN opened.id;
END
$$;
COMMENT ON FUNCTION bastion_internal.mail_request(text, text, uuid, interval, jsonb) IS
'Opens a one-time token for a user, or one without a user, and queues mail with it, at most once a minute; returns the id of the token.';
SELECT bastion_internal.event_kind('mail_requested');

CREATE FUNCTION bastion_internal.reachable_user(address text) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT u.id FROM bastion.users u
    WHERE u.email = address AND u.status = 'active'
      AND (u.email_verified_at IS NOT NULL OR EXISTS (SELECT FROM bastion.user_passwords p WHERE p.user_id = u.id))
$$;
COMMENT ON FUNCTION bastion_internal.reachable_user(text) IS
'The active user who gets links and codes at this address; NULL for none. An unverified account without a password is not one: an external issuer chose its address.';

CREATE FUNCTION bastion_internal.mail_try() RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_mail_try';
COMMENT ON FUNCTION bastion_internal.mail_try() IS
'Charges a request for mail to the network of the client, which no rollback takes back: 20 at once and then one in a minute. Returns 0, else in how many seconds one is possible. SQLSTATE 25006 in a READ ONLY transaction.';

CREATE FUNCTION bastion_internal.mail_refusal(address text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wait integer;
BEGIN
    PERFORM bastion_internal.require_outbox('a request for mail');
    IF bastion.is_email(address) IS NOT TRUE THEN
        RETURN bastion_internal.refuse_email();
    END IF;
    wait := bastion_internal.mail_try();
    RETURN CASE WHEN wait > 0 THEN bastion_internal.refuse_throttled(wait) END;
END
$$;
COMMENT ON FUNCTION bastion_internal.mail_refusal(text) IS
'The refusal of a request for mail to this address, which is charged to the network of the client; NULL if it is accepted.
SQLSTATE 55000 when bastion.outbox is off, 25006 in a READ ONLY transaction.';

CREATE FUNCTION bastion_internal.request_link(purpose text, email text, valid_for interval, OUT request uuid, OUT refused jsonb)
RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    address text := lower(btrim(email) COLLATE "C");
BEGIN
    refused := bastion_internal.mail_refusal(address);
    IF refused IS NOT NULL THEN
        RETURN;
    END IF;
    request := bastion_internal.mail_request(purpose, address, bastion_internal.reachable_user(address), valid_for);
END
$$;
COMMENT ON FUNCTION bastion_internal.request_link(text, text, interval) IS
'Requests mail for the user of an address as a client types it: the id of the token, or a refusal.';

CREATE FUNCTION bastion_api.request_password_reset(email text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN coalesce((bastion_internal.request_link('reset_password', email, '1 hour')).refused, bastion_internal.answer('{}'));
END
$$;
COMMENT ON FUNCTION bastion_api.request_password_reset(text) IS
'Mails a link to the user of this address, with which reset_password() sets a new password. The link is good for one hour.
Returns {}, whether there is such a user or not. Refusals: invalid_email, and too_many_attempts with retry_after in seconds after many requests from the network of the client.
SQLSTATE 55000 when bastion.outbox is off, 25006 in a READ ONLY transaction, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.request_password_reset(text)', 'application');

CREATE FUNCTION bastion_api.request_login_link(email text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN coalesce((bastion_internal.request_link('magic_link', email, '15 minutes')).refused, bastion_internal.answer('{}'));
END
$$;
COMMENT ON FUNCTION bastion_api.request_login_link(text) IS
'Mails a link to the user of this address, with which login_link() logs in. The link is good for 15 minutes.
Returns {}, whether there is such a user or not. Refusals: invalid_email, and too_many_attempts with retry_after in seconds after many requests from the network of the client.
SQLSTATE 55000 when bastion.outbox is off, 25006 in a READ ONLY transaction, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.request_login_link(text)', 'application');

CREATE FUNCTION bastion_api.request_login_code(email text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked record := bastion_internal.request_link('code', email, '10 minutes');
BEGIN
    RETURN coalesce(asked.refused, bastion_internal.answer(jsonb_build_object('request', asked.request)));
END
$$;
COMMENT ON FUNCTION bastion_api.request_login_code(text) IS
'Mails a code of six digits to the user of this address. login_code() takes the code together with the request. The code is good for 10 minutes, and for five tries.
Returns {"request": uuid}, whether there is such a user or not. Refusals: invalid_email, and too_many_attempts with retry_after in seconds after many requests from the network of the client.
SQLSTATE 55000 when bastion.outbox is off, 25006 in a READ ONLY transaction, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.request_login_code(text)', 'application');

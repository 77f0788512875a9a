
-- Sign-up, for front doors: JSON in, JSON out. Mistakes of a user are returned and not raised, because an error would roll back
-- their record.
--
-- Passwords appear in assignments only, which PL/pgSQL evaluates without a plan that auto_explain could log, and in no
-- message.

CREATE FUNCTION bastion_internal.refuse_display_name() RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion_internal.refusal('invalid_display_name', 'a display name has 1 to 200 printable characters') $$;
COMMENT ON FUNCTION bastion_internal.refuse_display_name() IS 'The refusal of a malformed display name.';

CREATE FUNCTION bastion_internal.refuse_username() RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.refusal('invalid_username',
        'a user name has 2 to 63 letters, digits, dots, underscores or hyphens and begins with a letter or digit')
$$;
COMMENT ON FUNCTION bastion_internal.refuse_username() IS 'The refusal of a malformed user name.';

CREATE FUNCTION bastion_internal.refuse_tenant_name() RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion_internal.refusal('invalid_tenant_name', 'a tenant name has 1 to 200 printable characters') $$;
COMMENT ON FUNCTION bastion_internal.refuse_tenant_name() IS 'The refusal of a malformed name of a tenant.';

CREATE FUNCTION bastion_internal.refuse_email() RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion_internal.refusal('invalid_email', 'this is not a valid e-mail address') $$;
COMMENT ON FUNCTION bastion_internal.refuse_email() IS 'The refusal of a malformed e-mail address.';

CREATE FUNCTION bastion_internal.refuse_taken(kind text, user_id uuid, email text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.record_event(kind, 'refused', refuse_taken.user_id);
    RETURN CASE WHEN EXISTS (SELECT FROM bastion.users u WHERE u.email = refuse_taken.email)
                THEN bastion_internal.refusal('email_taken', 'there is an account with this e-mail address already')
                ELSE bastion_internal.refusal('username_taken', 'this user name is taken') END;
END
$$;
COMMENT ON FUNCTION bastion_internal.refuse_taken(text, uuid, text) IS
'Records, as an event of this kind, that another user has the address or, where it is free, the user name, and returns the answer.';

CREATE FUNCTION bastion_internal.signup_hook_refusal(email text, username text, display_name text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion_internal.hook_refuses('before_signup', jsonb_build_object('email', email, 'username', username, 'display_name', display_name)) THEN
        RETURN bastion_internal.refusal('signup_refused', 'no account can be made with these details');
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.signup_hook_refusal(text, text, text) IS
'The refusal of the operator''s hook for an account with these properties; NULL if there is none.';

CREATE FUNCTION bastion_internal.check_account(email text, password text, display_name text, username text, tenant_names text,
                                               least_length integer)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion.is_email(email) IS NOT TRUE THEN
        RETURN bastion_internal.refuse_email();
    ELSIF NOT bastion_internal.is_label(display_name) THEN
        RETURN bastion_internal.refuse_display_name();
    ELSIF NOT bastion.is_username(username) THEN
        RETURN bastion_internal.refuse_username();
    END IF;
    RETURN coalesce(bastion_internal.signup_hook_refusal(email, username, display_name),
                    bastion_internal.password_refusal(check_account.password, concat_ws(E'\n', email, username, display_name, tenant_names), least_length));
END
$$;
COMMENT ON FUNCTION bastion_internal.check_account(text, text, text, text, text, integer) IS
'The refusal of an account with these properties (email and username in lower case) for a tenant with these names and least length of passwords, decided without reading a table; NULL if they are valid.
SQLSTATE 58030 and F0000 as password_flaw().';

CREATE FUNCTION bastion_internal.check_signup(email text, password text, tenant_name text, display_name text, username text)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion_internal.setting('bastion.signup_mode') <> 'open' THEN
        RETURN bastion_internal.refusal('signup_closed', 'sign-up is closed');
    ELSIF bastion_internal.is_label(tenant_name) IS NOT TRUE THEN
        RETURN bastion_internal.refuse_tenant_name();
    END IF;
    RETURN bastion_internal.check_account(email, password, display_name, username, tenant_name, NULL);
END
$$;
COMMENT ON FUNCTION bastion_internal.check_signup(text, text, text, text, text) IS
'The refusal of a sign-up with these arguments (email and username in lower case), decided without reading a table; NULL if they are valid.
SQLSTATE 58030 and F0000 as password_flaw().';

CREATE FUNCTION bastion_internal.user_create(email text, password text, display_name text, username text, OUT user_id uuid, OUT answer jsonb)
RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    new_hash text := bastion_internal.password_hash_if_free(user_create.password);
BEGIN
    IF new_hash IS NULL THEN
        answer := bastion_internal.refuse_busy('signup', NULL);
        RETURN;
    END IF;
    INSERT INTO bastion.users (email, username, display_name)
    VALUES (user_create.email, user_create.username, user_create.display_name)
    ON CONFLICT DO NOTHING RETURNING id INTO user_id;
    IF user_id IS NULL THEN
        answer := bastion_internal.refuse_taken('signup', NULL, user_create.email);
        RETURN;
    END IF;
    PERFORM bastion_internal.password_store(user_create.user_id, new_hash);
END
$$;
COMMENT ON FUNCTION bastion_internal.user_create(text, text, text, text) IS
'Creates a user with a password, or returns in answer the refusal: an address or user name that is taken, or too many passwords that are being hashed.';
SELECT bastion_internal.event_kind('signup');

CREATE FUNCTION bastion_api.signup(email text, password text, tenant_name text, display_name text DEFAULT NULL,
                                   username text DEFAULT NULL, device text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    new_email text := lower(btrim(signup.email) COLLATE "C");
    new_username text := lower(btrim(signup.username) COLLATE "C");
    answer jsonb;
    made record;
    new_tenant uuid;
BEGIN
    PERFORM bastion_internal.require_writable('a sign-up');
    answer := bastion_internal.check_signup(new_email, signup.password, signup.tenant_name, signup.display_name, new_username);
    IF answer IS NOT NULL THEN
        RETURN answer;
    END IF;

    IF bastion_internal.setting('bastion.signup_verification') = 'required' THEN
        RETURN bastion_internal.signup_pending(new_email, signup.password, signup.tenant_name, signup.display_name, new_username);
    END IF;
    made := bastion_internal.user_create(new_email, signup.password, signup.display_name, new_username);
    IF made.user_id IS NULL THEN
        RETURN made.answer;
    END IF;
    new_tenant := bastion_internal.tenant_create(btrim(signup.tenant_name), made.user_id);
    PERFORM bastion_internal.record_event('signup', 'success', made.user_id, new_tenant);
    IF bastion_internal.has_outbox() THEN
        PERFORM bastion_internal.mail_request('verify_email', new_email, made.user_id, '1 day');
    END IF;
    RETURN bastion_internal.session_begin(made.user_id, new_tenant, NULL, signup.device, '{pwd}');
END
$$;
COMMENT ON FUNCTION bastion_api.signup(text, text, text, text, text, text) IS
'Creates a user and a tenant with a default team, makes the user its owner, and logs in.
With bastion.outbox, a link for verify_email() is mailed. With bastion.signup_verification = required, nobody is logged in: verify_email() makes the account, and the answer is {"verification": "required"}, for a taken address too.
Returns what login() returns.
Refusals are returned as {"error", "error_description"}: signup_closed (bastion.signup_mode), invalid_email, invalid_password (fewer characters than bastion.password_min_length, over 4096 bytes, or control characters), weak_password (an attacker would guess it early), invalid_tenant_name, invalid_display_name, invalid_username, email_taken, username_taken, signup_refused (by the hook of hook_set()), temporarily_unavailable (bastion.max_concurrent_hashes). email_taken and username_taken reveal that an account exists, as sign-up forms do.
SQLSTATE 25006 in a READ ONLY transaction, 55000 when bastion.signup_verification needs bastion.outbox and that is off, BA001 without a root key, 58030 when a file of the password policy cannot be used.';
SELECT bastion_internal.callable_by('bastion_api.signup(text, text, text, text, text, text)', 'application');


-- Sign-up, for front doors: JSON in, JSON out. What a person can get wrong is returned and not raised, because a raised error
-- would roll back the record of it.
--
-- Passwords appear in assignments only, which PL/pgSQL evaluates without a plan that auto_explain could log, and in no
-- message.

CREATE FUNCTION bastion.is_acceptable_password(password text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN char_length(password) >= 8 AND octet_length(password) <= 4096;
END
$$;
COMMENT ON FUNCTION bastion.is_acceptable_password(text) IS
'Whether a new password is long enough, 8 characters (NIST SP 800-63B-4 section 3.1.1.2), and at most 4096 bytes; no composition rules. Internal.';

CREATE FUNCTION bastion.check_account(email text, password text, display_name text, username text) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion.is_email(email) IS NOT TRUE THEN
        RETURN bastion.refusal('invalid_email', 'this is not a valid e-mail address');
    ELSIF bastion.is_acceptable_password(password) IS NOT TRUE THEN
        RETURN bastion.refusal('invalid_password', 'a password has at least 8 characters and at most 4096 bytes');
    ELSIF NOT bastion.is_label(display_name) THEN
        RETURN bastion.refusal('invalid_display_name', 'a display name has 1 to 200 printable characters');
    ELSIF NOT bastion.is_username(username) THEN
        RETURN bastion.refusal('invalid_username',
            'a user name has 2 to 63 letters, digits, dots, underscores or hyphens and begins with a letter or digit');
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion.check_account(text, text, text, text) IS
'The refusal that an account with these properties (email and username in lower case) deserves before any table is read, else NULL. Internal.';

CREATE FUNCTION bastion.check_signup(email text, password text, tenant_name text, display_name text, username text)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion.setting('bastion.signup_mode') <> 'open' THEN
        RETURN bastion.refusal('signup_closed', 'sign-up is closed');
    ELSIF bastion.is_label(tenant_name) IS NOT TRUE THEN
        RETURN bastion.refusal('invalid_tenant_name', 'a tenant name has 1 to 200 printable characters');
    END IF;
    RETURN bastion.check_account(email, password, display_name, username);
END
$$;
COMMENT ON FUNCTION bastion.check_signup(text, text, text, text, text) IS
'The refusal that a sign-up with these arguments (email and username in lower case) deserves before any table is read, else NULL. Internal.';

CREATE FUNCTION bastion.create_user(email text, password text, display_name text, username text, OUT user_id uuid, OUT answer jsonb)
RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    password_hash text;
BEGIN
    INSERT INTO bastion.users (email, username, display_name)
    VALUES (create_user.email, create_user.username, create_user.display_name)
    ON CONFLICT DO NOTHING RETURNING id INTO user_id;
    IF user_id IS NULL THEN
        PERFORM bastion.record_event('signup', 'refused');
        answer := CASE WHEN EXISTS (SELECT FROM bastion.users u WHERE u.email = create_user.email)
                       THEN bastion.refusal('email_taken', 'there is an account with this e-mail address already')
                       ELSE bastion.refusal('username_taken', 'this user name is taken') END;
        RETURN;
    END IF;
    password_hash := bastion.password_hash(create_user.password);
    INSERT INTO bastion.user_passwords (user_id, hash) VALUES (create_user.user_id, password_hash);
END
$$;
COMMENT ON FUNCTION bastion.create_user(text, text, text, text) IS
'Makes a user with a password, or says in answer what is taken. Internal.';

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
    PERFORM bastion.require_writable('a sign-up');
    answer := bastion.check_signup(new_email, signup.password, signup.tenant_name, signup.display_name, new_username);
    IF answer IS NOT NULL THEN
        RETURN answer;
    END IF;

    made := bastion.create_user(new_email, signup.password, signup.display_name, new_username);
    IF made.user_id IS NULL THEN
        RETURN made.answer;
    END IF;
    new_tenant := bastion.create_tenant(btrim(signup.tenant_name));
    INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
    SELECT made.user_id, new_tenant, r.id FROM bastion.roles r WHERE r.system AND r.name = 'owner';
    PERFORM bastion.record_event('signup', 'success', made.user_id, new_tenant);
    RETURN bastion.session_start(made.user_id, new_tenant, NULL, signup.device);
END
$$;
COMMENT ON FUNCTION bastion_api.signup(text, text, text, text, text, text) IS
'Makes a user, a tenant with a default team, and the user its owner; answers as login does. Refusals are returned as {"error", "message"}: signup_closed (bastion.signup_mode), invalid_email, invalid_password (at least 8 characters and at most 4096 bytes, NIST SP 800-63B-4), invalid_tenant_name, invalid_display_name, invalid_username, email_taken, username_taken. The last two tell that an account exists, as sign-up forms do. SQLSTATE 25006 in a READ ONLY transaction, BA001 without a root key, 53400 when too many passwords are being hashed.';


-- Sign-up, login and who-am-I, for front doors: JSON in, JSON out. What a person can get wrong is returned and not raised,
-- because a raised error would roll back the record of it.
--
-- Passwords appear in assignments only, which PL/pgSQL evaluates without a plan that auto_explain could log, and in no
-- message.

CREATE FUNCTION bastion.refusal(error text, message text) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT jsonb_build_object('error', error, 'message', message) $$;
COMMENT ON FUNCTION bastion.refusal(text, text) IS
'The answer of a front door function that refuses: error for programs, message for people (RFC 6749 section 5.2 in shape). Internal.';

CREATE FUNCTION bastion.require_writable(activity text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION '% needs a read-write transaction', activity USING ERRCODE = 'read_only_sql_transaction',
            DETAIL = 'It is recorded in bastion.events.',
            HINT = 'Connect to the primary server; over PostgREST send POST.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion.require_writable(text) IS
'Raises SQLSTATE 25006 in a READ ONLY transaction and on a standby. Internal.';

CREATE FUNCTION bastion.new_slug(name text) RETURNS text
LANGUAGE sql VOLATILE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH base AS (
        SELECT btrim(left(regexp_replace(lower(name COLLATE "C"), '[^a-z0-9]+', '-', 'g'), 31), '-') AS slug
    ), named AS (
        SELECT coalesce(nullif(slug, ''), 'tenant') AS slug FROM base
    )
    SELECT CASE WHEN EXISTS (SELECT FROM bastion.tenants t WHERE t.slug = named.slug)
                THEN named.slug || '-' || left(gen_random_uuid()::text, 6)
                ELSE named.slug END
    FROM named
$$;
COMMENT ON FUNCTION bastion.new_slug(text) IS
'A slug made from the ASCII letters and digits of a name, with a random ending when the plain one is taken. Internal: only an INSERT settles whether it is free.';

CREATE FUNCTION bastion.create_tenant(name text) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    new_id uuid;
BEGIN
    WHILE new_id IS NULL LOOP
        INSERT INTO bastion.tenants (name, slug) VALUES (create_tenant.name, bastion.new_slug(create_tenant.name))
        ON CONFLICT (slug) DO NOTHING RETURNING id INTO new_id;
    END LOOP;
    INSERT INTO bastion.units (tenant_id, kind, name, slug) VALUES (new_id, 'team', 'Default', 'default');
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION bastion.create_tenant(text) IS
'A new tenant with its default team, under a free slug made from the name. Internal.';

CREATE FUNCTION bastion.user_object(user_id uuid) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('id', u.id, 'email', u.email, 'username', u.username, 'display_name', u.display_name)
    FROM bastion.users u WHERE u.id = user_object.user_id
$$;
COMMENT ON FUNCTION bastion.user_object(uuid) IS 'The user as front door functions show one: id, email, username, display_name. Internal.';

CREATE FUNCTION bastion.tenant_object(tenant_id uuid) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('id', t.id, 'number', t.number, 'slug', t.slug, 'name', t.name)
    FROM bastion.tenants t WHERE t.id = tenant_object.tenant_id
$$;
COMMENT ON FUNCTION bastion.tenant_object(uuid) IS 'The tenant as front door functions show one: id, number, slug, name. Internal.';

CREATE FUNCTION bastion.unit_object(unit_id uuid) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('id', u.id, 'slug', u.slug, 'kind', u.kind, 'name', u.name)
    FROM bastion.units u WHERE u.id = unit_object.unit_id
$$;
COMMENT ON FUNCTION bastion.unit_object(uuid) IS 'The unit as front door functions show one: id, slug, kind, name. Internal.';

CREATE FUNCTION bastion.role_names(user_id uuid, tenant_id uuid, unit_id uuid) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(DISTINCT r.name), '{}')
    FROM bastion.roles_in_force(role_names.user_id, role_names.tenant_id, role_names.unit_id) f
    JOIN bastion.roles r ON r.id = f.role_id
$$;
COMMENT ON FUNCTION bastion.role_names(uuid, uuid, uuid) IS
'The names of the roles that a user has in a tenant and unit, sorted. Internal.';

CREATE FUNCTION bastion.tenant_role(user_id uuid, tenant_id uuid) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.name FROM bastion.memberships_in_force m JOIN bastion.roles r ON r.id = m.role_id
    WHERE m.user_id = tenant_role.user_id AND m.tenant_id = tenant_role.tenant_id AND m.unit_id IS NULL
$$;
COMMENT ON FUNCTION bastion.tenant_role(uuid, uuid) IS
'The name of the role that a user has in a whole tenant; NULL for a member of single units. Internal.';

-- Sign-up

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

-- Login

CREATE FUNCTION bastion.find_user(identifier text) RETURNS uuid
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT u.id FROM bastion.users u WHERE u.email = lower(btrim(identifier) COLLATE "C")
    UNION ALL
    SELECT u.id FROM bastion.users u WHERE u.username = lower(btrim(identifier) COLLATE "C")
$$;
COMMENT ON FUNCTION bastion.find_user(text) IS
'The user with this e-mail address or user name in any case, whatever the status; NULL when there is none. Internal.';

CREATE FUNCTION bastion.accept_password(user_id uuid, password text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    too_long boolean := octet_length(accept_password.password) > 4096;
    old_hash text;
    new_hash text;
BEGIN
    -- Without such a user, or one with a password, old_hash stays NULL and costs what a wrong password costs. A password
    -- that sign-up would not have taken is treated so as well: hashing a megabyte would cost more.
    SELECT p.hash INTO old_hash FROM bastion.user_passwords p
    WHERE p.user_id = accept_password.user_id AND NOT too_long;
    IF NOT bastion.password_check(left(accept_password.password, 4096), old_hash) THEN
        RETURN false;
    END IF;
    IF bastion.password_needs_rehash(old_hash) THEN
        new_hash := bastion.password_hash(accept_password.password);
        -- Not if the password was changed meanwhile.
        UPDATE bastion.user_passwords p SET hash = new_hash
        WHERE p.user_id = accept_password.user_id AND p.hash = old_hash;
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.accept_password(uuid, text) IS
'Whether the password is the user''s; a hash weaker than today''s default is replaced. An unknown user, or one without a password, costs the same. Internal.';

CREATE FUNCTION bastion.refuse_login(user_id uuid, reason text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion.record_event('login_refused', 'refused', refuse_login.user_id, NULL,
                                 jsonb_build_object('reason', reason));
    RETURN bastion.refusal('invalid_grant', 'wrong user name or password, or no access');
END
$$;
COMMENT ON FUNCTION bastion.refuse_login(uuid, text) IS
'Records why a login was refused and returns the one answer that every refused login gets. Internal.';

CREATE FUNCTION bastion.login_tenants(user_id uuid) RETURNS uuid[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(t.id ORDER BY t.name, t.number), '{}') FROM bastion.tenants t
    WHERE t.status = 'active'
      AND t.id IN (SELECT m.tenant_id FROM bastion.memberships_in_force m JOIN bastion.users u ON u.id = m.user_id
                   WHERE u.id = login_tenants.user_id AND u.status = 'active')
$$;
COMMENT ON FUNCTION bastion.login_tenants(uuid) IS
'The active tenants of which an active user is a member, by name. Internal.';

CREATE FUNCTION bastion.tenant_required(tenants uuid[]) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion.refusal('tenant_required', 'name the tenant to log in to')
        || jsonb_build_object('tenants', jsonb_agg(bastion.tenant_object(t.id) ORDER BY t.position))
    FROM unnest(tenants) WITH ORDINALITY AS t (id, position)
$$;
COMMENT ON FUNCTION bastion.tenant_required(uuid[]) IS
'The answer to a right password that leaves open which tenant is meant. Internal.';

CREATE FUNCTION bastion_api.login(identifier text, password text, tenant text DEFAULT NULL, unit text DEFAULT NULL,
                                  device text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_user uuid;
    accepted boolean;
    tenants uuid[];
    place record;
BEGIN
    PERFORM bastion.require_writable('a login');
    found_user := bastion.find_user(login.identifier);
    accepted := bastion.accept_password(found_user, login.password);
    IF NOT accepted THEN
        RETURN bastion.refuse_login(found_user, CASE WHEN found_user IS NULL THEN 'user' ELSE 'password' END);
    END IF;
    IF login.tenant IS NULL THEN
        tenants := bastion.login_tenants(found_user);
        IF cardinality(tenants) > 1 THEN
            RETURN bastion.tenant_required(tenants);
        END IF;
    END IF;
    SELECT * INTO place
    FROM bastion.resolve_identity(found_user, coalesce(login.tenant, tenants[1]::text), login.unit);
    IF place.status <> 'ok' THEN
        RETURN bastion.refuse_login(found_user, place.status);
    END IF;
    -- Of a login and the disabling of its user at the same time, one waits for the other.
    UPDATE bastion.users u SET last_login_at = now() WHERE u.id = found_user AND u.status = 'active';
    IF NOT FOUND THEN
        RETURN bastion.refuse_login(found_user, 'user');
    END IF;
    PERFORM bastion.record_event('login', 'success', found_user, place.tenant_id);
    RETURN bastion.session_start(found_user, place.tenant_id, place.unit_id, login.device);
END
$$;
COMMENT ON FUNCTION bastion_api.login(text, text, text, text, text) IS
'Logs in by e-mail address or user name, in any case, and begins a session. Returns access_token, token_type "Bearer", expires_in in seconds and refresh_token (RFC 6749 section 5.1), refresh_expires_in in seconds, user {id, email, username, display_name} and tenant {id, number, slug, name, role}, null for a user without one. tenant and unit (uuid or slug) choose where to work; device is a name for sessions(), left out when it is no label of 1 to 200 characters. A refused login is returned and recorded: {"error": "invalid_grant", "message"}, the same for an unknown user, a wrong password, a disabled user and a tenant or unit without membership. A right password of a member of several tenants who names none: {"error": "tenant_required", "message", "tenants": [...]}. SQLSTATE 25006 in a READ ONLY transaction, BA001 without a root key, 53400 when too many passwords are being hashed.';

-- Who am I

CREATE FUNCTION bastion_api.me() RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion.user_id() IS NULL THEN
        RETURN bastion.refusal('unauthenticated', 'present a token first');
    END IF;
    RETURN jsonb_build_object(
        'user', bastion.user_object(bastion.user_id()),
        'actor_id', bastion.actor_id(),
        'tenant', bastion.tenant_object(bastion.tenant_id()),
        'unit', bastion.unit_object(bastion.unit_id()),
        'roles', to_jsonb(bastion.role_names(bastion.user_id(), bastion.tenant_id(), bastion.unit_id())),
        'permissions', to_jsonb(ARRAY(SELECT p FROM bastion.permissions() p ORDER BY p COLLATE "C")),
        'level', bastion.auth_level());
END
$$;
COMMENT ON FUNCTION bastion_api.me() IS
'The identity of this transaction: user, actor_id (differs under impersonation), tenant, unit, names of the roles, effective permissions, level. Anonymous: {"error": "unauthenticated", "message"}. SQLSTATE 28000 when a token was presented and refused.';

-- Impersonation

CREATE FUNCTION bastion.impersonate(user_id uuid, tenant_id uuid, reason text, read_only boolean DEFAULT true)
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion.is_label(impersonate.reason) IS NOT TRUE THEN
        RAISE EXCEPTION 'impersonation needs a reason' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'The reason has 1 to 200 printable characters and is recorded.';
    END IF;
    IF num_nulls(impersonate.user_id, impersonate.tenant_id, impersonate.read_only) > 0 THEN
        RAISE EXCEPTION 'impersonation needs a user, a tenant and a mode' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM bastion.require_writable('impersonation');
    PERFORM bastion.record_event('impersonation', 'success', impersonate.user_id, impersonate.tenant_id,
        jsonb_build_object('reason', impersonate.reason, 'read_only', impersonate.read_only, 'role', session_user));
    -- The event goes with a ROLLBACK, this line does not.
    RAISE LOG 'role % impersonates user % in tenant %', session_user, impersonate.user_id, impersonate.tenant_id
        USING DETAIL = impersonate.reason;
    RETURN bastion.context_impersonate(impersonate.user_id, impersonate.tenant_id, impersonate.read_only);
END
$$;
COMMENT ON FUNCTION bastion.impersonate(uuid, uuid, text, boolean) IS
'For support: makes another user the identity of this transaction, in one tenant, read-only unless asked otherwise, and keeps the actor. Recorded in bastion.events with the reason, and in the server log. EXECUTE is granted to nobody. SQLSTATE 22023 without a reason, 22004 for another NULL, 28000 when the user may not work there, 25000 when the transaction has another identity already, 25006 in a READ ONLY transaction.';

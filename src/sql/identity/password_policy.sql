
-- Which new passwords are accepted (NIST SP 800-63B-4 section 3.1.1.2). Everything that stores a password which a user chose asks
-- password_refusal() for a new account, or check_password() for a user, and stores it with password_store().
--
-- Passwords appear in assignments only, which PL/pgSQL evaluates without a plan that auto_explain could log, and in no
-- message.

CREATE TABLE bastion.password_history (
    user_id uuid NOT NULL,
    hash text NOT NULL,
    replaced_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT password_history_pkey PRIMARY KEY (user_id, replaced_at),
    CONSTRAINT password_history_user_id_fkey FOREIGN KEY (user_id) REFERENCES bastion.users (id) ON DELETE CASCADE
);
COMMENT ON TABLE bastion.password_history IS
'Hashes of former passwords, where bastion.password_history is on: a new password must differ from them. Granted to nobody';
COMMENT ON COLUMN bastion.password_history.user_id IS 'The user';
COMMENT ON COLUMN bastion.password_history.hash IS 'The hash, as it stood in bastion.user_passwords';
COMMENT ON COLUMN bastion.password_history.replaced_at IS 'When another password replaced it';
SELECT pg_extension_config_dump('bastion.password_history', '');
ALTER TABLE bastion.password_history ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION bastion_internal.password_flaw(password text, account text, least_length integer, with_factor boolean DEFAULT false) RETURNS text
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_password_flaw';
COMMENT ON FUNCTION bastion_internal.password_flaw(text, text, integer, boolean) IS
'Why a new password is refused: unusable, too_short, common, repetitive, personal, blocked or breached; NULL when it is accepted.
account has what the account is called, one name in a line. least_length is a limit beside bastion.password_min_length; the larger one counts. with_factor, bastion.password_min_length_with_factor takes the place of the latter, where it is less.
SQLSTATE 58030 when the list or the filter of passwords cannot be used, F0000 when a stored setting is invalid: no password is accepted then.';

CREATE FUNCTION bastion_internal.password_files() RETURNS jsonb
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_password_files';
COMMENT ON FUNCTION bastion_internal.password_files() IS
'The state of the files that the password policy reads: none, usable, or why no new password is accepted.';

CREATE FUNCTION bastion_internal.password_refusal(password text, account text, least_length integer, with_factor boolean DEFAULT false) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    flaw text;
BEGIN
    flaw := bastion_internal.password_flaw(password_refusal.password, account, least_length, with_factor);
    RETURN CASE flaw
        WHEN 'unusable' THEN bastion_internal.refusal('invalid_password', 'a password has at most 4096 bytes and no control characters')
        WHEN 'too_short' THEN bastion_internal.refusal('invalid_password', format('a password has at least %s characters',
            greatest(least(bastion_internal.setting('bastion.password_min_length')::integer,
                           CASE WHEN with_factor THEN bastion_internal.setting('bastion.password_min_length_with_factor')::integer END), least_length)))
        WHEN 'common' THEN bastion_internal.refusal('weak_password', 'too many people use this password')
        WHEN 'repetitive' THEN bastion_internal.refusal('weak_password', 'this password repeats or counts a few characters')
        WHEN 'personal' THEN bastion_internal.refusal('weak_password', 'this password consists of words of the account')
        WHEN 'blocked' THEN bastion_internal.refusal('weak_password', 'this password is on a list of refused passwords')
        WHEN 'breached' THEN bastion_internal.refusal('weak_password', 'this password is known from a breach of another service') END;
END
$$;
COMMENT ON FUNCTION bastion_internal.password_refusal(text, text, integer, boolean) IS
'The refusal of a new password, with the arguments of password_flaw(); NULL when it is accepted.
SQLSTATE 58030 and F0000 as password_flaw().';

CREATE FUNCTION bastion_internal.account_words(user_id uuid, OUT words text, OUT least_length integer) RETURNS record
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT concat_ws(E'\n', u.email, u.username, u.display_name, string_agg(concat_ws(E'\n', t.name, t.slug), E'\n')),
           max(t.password_min_length)
    FROM bastion.users u LEFT JOIN bastion.memberships m ON m.user_id = u.id LEFT JOIN bastion.tenants t ON t.id = m.tenant_id
    WHERE u.id = account_words.user_id GROUP BY u.id
$$;
COMMENT ON FUNCTION bastion_internal.account_words(uuid) IS
'The words of a user''s account, those of its tenants included, one in a line, and the largest password_min_length of these.';

CREATE FUNCTION bastion_internal.check_password(user_id uuid, password text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    compared integer := bastion_internal.setting('bastion.password_history')::integer;
    account record := bastion_internal.account_words(check_password.user_id);
    answer jsonb;
    old_hash text;
    matched text;
BEGIN
    answer := bastion_internal.password_refusal(check_password.password, account.words, account.least_length, bastion_internal.has_active_factor(check_password.user_id));
    IF answer IS NOT NULL THEN
        RETURN answer;
    END IF;
    FOR old_hash IN
        SELECT h.hash FROM (
            SELECT p.hash, 'infinity'::timestamptz AS until FROM bastion.user_passwords p WHERE p.user_id = check_password.user_id
            UNION ALL
            SELECT p.hash, p.replaced_at FROM bastion.password_history p WHERE p.user_id = check_password.user_id) h
        ORDER BY h.until DESC LIMIT compared
    LOOP
        matched := bastion_internal.password_check(check_password.password, old_hash);
        IF matched = 'busy' THEN
            RETURN bastion_internal.refuse_busy('password_changed', check_password.user_id);
        ELSIF matched <> 'none' THEN
            RETURN bastion_internal.refusal('weak_password', 'this password was used before');
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_password(uuid, text) IS
'The refusal of a new password of a user; NULL when it is accepted. The words of the account are those of the user and of its tenants, whose password_min_length counts too. A second factor of the user allows for a shorter one. While bastion.max_concurrent_hashes are running, the refusal is that of refuse_busy().
SQLSTATE 58030 and F0000 as password_flaw().';

CREATE FUNCTION bastion_internal.is_short_password(password text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.password_length(password) < bastion_internal.setting('bastion.password_min_length')::integer;
END
$$;
COMMENT ON FUNCTION bastion_internal.is_short_password(text) IS
'Whether a password that was accepted has fewer characters than bastion.password_min_length: it needs a second factor beside it.';

CREATE FUNCTION bastion_internal.password_store(user_id uuid, new_hash text, is_short boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kept integer := bastion_internal.setting('bastion.password_history')::integer - 1;
BEGIN
    -- The user is locked: the factor may have been removed since the password was checked.
    IF password_store.is_short AND NOT bastion_internal.has_active_factor(password_store.user_id) THEN
        RAISE EXCEPTION 'could not change the password because the last second factor was removed' USING ERRCODE = 'serialization_failure', HINT = 'Try again.';
    END IF;
    INSERT INTO bastion.password_history (user_id, hash)
    SELECT p.user_id, p.hash FROM bastion.user_passwords p WHERE p.user_id = password_store.user_id AND kept > 0;
    DELETE FROM bastion.password_history p
    WHERE p.user_id = password_store.user_id
      AND p.replaced_at NOT IN (SELECT h.replaced_at FROM bastion.password_history h WHERE h.user_id = password_store.user_id
                                ORDER BY h.replaced_at DESC LIMIT greatest(kept, 0));
    INSERT INTO bastion.user_passwords (user_id, hash, is_short) VALUES (password_store.user_id, password_store.new_hash, password_store.is_short)
    ON CONFLICT ON CONSTRAINT user_passwords_pkey DO UPDATE SET hash = excluded.hash, changed_at = now(), is_short = excluded.is_short;
    PERFORM bastion_internal.one_time_end(password_store.user_id, '{reset_password,magic_link,code}'), bastion_internal.recovery_end(password_store.user_id);
END
$$;
COMMENT ON FUNCTION bastion_internal.password_store(uuid, text, boolean) IS
'Stores the hash of a user''s new password, which was checked before, and is_short_password() or not, and keeps as many former hashes as bastion.password_history compares. Ends the links and codes with which the user could log in or set another one, and a recovery of the account: somebody else may know the former password.
SQLSTATE 40001 for a short password of a user without a second factor.';

CREATE FUNCTION bastion.user_password_set(for_user text, password text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_user uuid := bastion_internal.any_user_named(for_user);
    refused jsonb;
    new_hash text;
    is_short boolean;
BEGIN
    IF NOT EXISTS (SELECT FROM bastion.users u WHERE u.id = found_user) THEN
        RAISE EXCEPTION 'user does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    PERFORM bastion_internal.await_logins(found_user);
    refused := bastion_internal.check_password(found_user, user_password_set.password);
    IF refused ->> 'error' = 'temporarily_unavailable' THEN
        RAISE EXCEPTION 'too many concurrent password hashes' USING ERRCODE = 'configuration_limit_exceeded', HINT = 'Try again later.';
    ELSIF refused IS NOT NULL THEN
        RAISE EXCEPTION 'password is refused' USING ERRCODE = 'invalid_parameter_value', DETAIL = upper(left(refused ->> 'error_description', 1)) || substr(refused ->> 'error_description', 2) || '.';
    END IF;
    new_hash := bastion.password_hash(user_password_set.password);
    is_short := bastion_internal.is_short_password(user_password_set.password);
    PERFORM bastion_internal.password_store(found_user, new_hash, is_short);
    UPDATE bastion.sessions s SET revoked_at = clock_timestamp(), revoked_reason = 'admin'
    WHERE s.user_id = found_user AND s.revoked_at IS NULL;
    PERFORM bastion_internal.record_event('password_set', 'success', found_user, NULL, jsonb_build_object('role', session_user));
END
$$;
COMMENT ON FUNCTION bastion.user_password_set(text, text) IS
'Gives a user (uuid, e-mail address or user name) another password and ends all sessions of the user. API keys stay.
The password must satisfy the policy, as at sign-up.
For operators: EXECUTE is granted to nobody; send the password as a parameter.
SQLSTATE 42704 for an unknown user, 22023 for a password that the policy refuses, with the reason, 53400 when bastion.max_concurrent_hashes are running, 58030 when a file of the policy cannot be used, 40001 when a login was first and the isolation level is not READ COMMITTED.';
SELECT bastion_internal.event_kind('password_set');

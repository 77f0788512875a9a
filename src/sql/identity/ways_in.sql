
-- The ways in which a user logs in, and the refusal to take the last one away. Each function by which users remove a password, a factor, a
-- link to an issuer or a name calls last_login_refusal() first, with the user locked: otherwise two removals at once would each leave
-- the other's way. Operators may remove the last one: user_password_set() gives another.

CREATE FUNCTION bastion_internal.logs_in_without(user_id uuid, issuer text DEFAULT NULL, subject text DEFAULT NULL, factor uuid DEFAULT NULL,
                                                 username boolean DEFAULT false)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH person AS (
        SELECT u.email IS NOT NULL OR (u.username IS NOT NULL AND NOT logs_in_without.username) AS has_name,
               u.email_verified_at IS NOT NULL AND bastion_internal.has_outbox() AS reads_mail
        FROM bastion.users u WHERE u.id = logs_in_without.user_id
    ), factors AS (
        SELECT f.id, f.state FROM bastion.user_factors f
        WHERE f.user_id = logs_in_without.user_id AND f.state <> 'pending' AND f.id IS DISTINCT FROM logs_in_without.factor
    ), second AS (
        -- The recovery codes go with the last factor. A suspended one is still asked for.
        SELECT count(*) > 0 AS is_asked,
               count(*) = 0 OR bool_or(f.state = 'active')
               OR EXISTS (SELECT FROM bastion.recovery_codes r WHERE r.user_id = logs_in_without.user_id AND r.used_at IS NULL) AS is_met
        FROM factors f
    )
    SELECT p.reads_mail
        OR EXISTS (SELECT FROM factors f JOIN bastion.passkeys k ON k.factor_id = f.id WHERE f.state = 'active' AND k.user_verified)
        OR s.is_met AND (
            -- A short password goes with the last factor.
            p.has_name AND EXISTS (SELECT FROM bastion.user_passwords w
                                   WHERE w.user_id = logs_in_without.user_id AND (s.is_asked OR NOT w.is_short))
            OR EXISTS (SELECT FROM bastion.user_identities l JOIN bastion.issuers i ON i.issuer = l.issuer
                       WHERE l.user_id = logs_in_without.user_id AND i.enabled AND i.login IS NOT NULL
                         AND (l.issuer, l.subject) IS DISTINCT FROM (logs_in_without.issuer, logs_in_without.subject)))
    FROM person p, second s
$$;
COMMENT ON FUNCTION bastion_internal.logs_in_without(uuid, text, text, uuid, boolean) IS
'Whether a user logs in without this link to an issuer, without this second factor and what goes with it, and without a user name: with a password and a name, with a passkey alone, with another issuer, or by mail to a verified address. NULL for an unknown user.
A password and an issuer do not count where the second factors that are left are all suspended and no recovery code is left.';

CREATE FUNCTION bastion_internal.last_login_refusal(user_id uuid, issuer text DEFAULT NULL, subject text DEFAULT NULL, factor uuid DEFAULT NULL,
                                                    username boolean DEFAULT false)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion_internal.logs_in_without(user_id, issuer, subject, factor, username) THEN
        RETURN NULL;
    END IF;
    RETURN bastion_internal.refusal('last_login', 'nothing else would let you in: add another way to log in first');
END
$$;
COMMENT ON FUNCTION bastion_internal.last_login_refusal(uuid, text, text, uuid, boolean) IS
'The refusal of a user who would remove the last way to log in; NULL when logs_in_without() what goes. The caller has locked the user.';

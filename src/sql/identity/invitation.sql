
-- Invitations: a member invites a person into the tenant or a unit, with a role that the member could give. The person is invited
-- by e-mail address and accepts with a token, or is a user invited by id (invitation_answer.sql). With bastion.outbox, the token leaves
-- by mail alone and proves the address. Without, the application gets a token once, of which the hash is stored, and sends it. Tokens and passwords appear in assignments only, as in signup.sql.

CREATE TABLE bastion.invitations (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    unit_id uuid,
    role_id uuid NOT NULL,
    email text COLLATE "C",
    token_hash bytea,
    user_id uuid,
    invited_by uuid NOT NULL,
    valid_from timestamptz,
    valid_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    accepted_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT invitations_pkey PRIMARY KEY (id),
    CONSTRAINT invitations_token_hash_key UNIQUE (token_hash),
    CONSTRAINT invitations_email_check CHECK (bastion.is_email(email)),
    CONSTRAINT invitations_whom_check CHECK (num_nonnulls(email, user_id) = 1 AND (token_hash IS NULL OR email IS NOT NULL)),
    CONSTRAINT invitations_expires_at_check CHECK (expires_at > created_at),
    CONSTRAINT invitations_valid_check CHECK (valid_until > valid_from),
    CONSTRAINT invitations_user_id_fkey FOREIGN KEY (user_id) REFERENCES bastion.users (id) ON DELETE CASCADE,
    CONSTRAINT invitations_valid_until_check CHECK (valid_until >= expires_at),
    CONSTRAINT invitations_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id) ON DELETE CASCADE,
    CONSTRAINT invitations_unit_id_fkey FOREIGN KEY (tenant_id, unit_id) REFERENCES bastion.units (tenant_id, id)
        ON DELETE CASCADE,
    CONSTRAINT invitations_role_id_fkey FOREIGN KEY (role_id) REFERENCES bastion.roles (id) ON DELETE CASCADE,
    CONSTRAINT invitations_invited_by_fkey FOREIGN KEY (invited_by) REFERENCES bastion.users (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX invitations_open_idx ON bastion.invitations
    (tenant_id, email, coalesce(unit_id, '00000000-0000-0000-0000-000000000000')) WHERE accepted_at IS NULL AND revoked_at IS NULL;
CREATE UNIQUE INDEX invitations_open_user_idx ON bastion.invitations
    (user_id, tenant_id, coalesce(unit_id, '00000000-0000-0000-0000-000000000000')) WHERE accepted_at IS NULL AND revoked_at IS NULL;
CREATE INDEX invitations_tenant_id_unit_id_idx ON bastion.invitations (tenant_id, unit_id);
CREATE INDEX invitations_role_id_idx ON bastion.invitations (role_id);
CREATE INDEX invitations_invited_by_idx ON bastion.invitations (invited_by);
ALTER TABLE bastion.invitations ENABLE ROW LEVEL SECURITY;
SELECT pg_extension_config_dump('bastion.invitations', '');
COMMENT ON TABLE bastion.invitations IS 'Invitations into a tenant: who is invited, by whom, with which role. Granted to nobody';
COMMENT ON COLUMN bastion.invitations.id IS 'Identifier';
COMMENT ON COLUMN bastion.invitations.tenant_id IS 'The tenant';
COMMENT ON COLUMN bastion.invitations.unit_id IS 'The unit; NULL: the whole tenant';
COMMENT ON COLUMN bastion.invitations.role_id IS 'The role that the person will have there';
COMMENT ON COLUMN bastion.invitations.email IS 'The address invited, in lower case; only its user can accept. NULL for a user invited by id';
COMMENT ON COLUMN bastion.invitations.token_hash IS 'SHA-256 of the token that the application got. NULL when the token was mailed, and for a user invited by id, who needs none';
COMMENT ON COLUMN bastion.invitations.user_id IS 'The user invited by id; only this user can accept. NULL for an e-mail address';
COMMENT ON COLUMN bastion.invitations.invited_by IS 'The member who invited; acceptance checks again what that member may give';
COMMENT ON COLUMN bastion.invitations.valid_from IS 'When the membership will begin; NULL: at acceptance';
COMMENT ON COLUMN bastion.invitations.valid_until IS 'When the membership will end; NULL: never';
COMMENT ON COLUMN bastion.invitations.created_at IS 'When it was created';
COMMENT ON COLUMN bastion.invitations.expires_at IS 'When it can no longer be accepted';
COMMENT ON COLUMN bastion.invitations.accepted_at IS 'When it was accepted; NULL: not yet';
COMMENT ON COLUMN bastion.invitations.revoked_at IS 'When it was revoked, or declined by the invited user; NULL: never';

CREATE FUNCTION bastion_internal.invitation_token_make() RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_invitation_token_make';
COMMENT ON FUNCTION bastion_internal.invitation_token_make() IS 'Makes a random token of an invitation, 256 bits.';

CREATE FUNCTION bastion_internal.invitation_token_hash(token text) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_invitation_token_hash';
COMMENT ON FUNCTION bastion_internal.invitation_token_hash(text) IS
'The stored hash of the token of an invitation, SHA-256; NULL for any other text.';

CREATE FUNCTION bastion_internal.invitation_mail(invitation bastion.invitations) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    opened record := bastion_internal.one_time_open('invitation', NULL, invitation.email, invitation.expires_at - clock_timestamp(),
                                                     jsonb_build_object('expires_at', invitation.expires_at), invitation.id);
BEGIN
    PERFORM bastion_internal.mail_queue('invitation', NULL, invitation.tenant_id, invitation.email, opened.id,
        (SELECT jsonb_build_object('tenant', t.name, 'inviter', u.display_name)
         FROM bastion.tenants t, bastion.users u WHERE t.id = invitation.tenant_id AND u.id = invitation.invited_by),
        opened.is_due);
END
$$;
COMMENT ON FUNCTION bastion_internal.invitation_mail(bastion.invitations) IS
'Queues mail with the token of an invitation, at most once a minute. It names the tenant and the inviter, who chose these texts.';

CREATE FUNCTION bastion.invite(email text, role text, unit text DEFAULT NULL, valid_for interval DEFAULT '7 days',
                               valid_until timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    place uuid := bastion_internal.require_unit(tenant, unit);
    new_role uuid := bastion_internal.require_role(tenant, role);
    address text := lower(btrim(invite.email) COLLATE "C");
    token text;
    hash bytea;
    earlier bastion.invitations;
    made bastion.invitations;
BEGIN
    PERFORM bastion_internal.require_permission('tenant.members.manage', place);
    PERFORM bastion_internal.require_period(now(), invite.valid_until);
    PERFORM bastion_internal.require_cover(bastion_internal.role_patterns(new_role), place, invite.valid_until);
    IF bastion.is_email(address) IS NOT TRUE THEN
        RAISE EXCEPTION 'invalid e-mail address' USING ERRCODE = 'invalid_parameter_value';
    ELSIF valid_for IS NULL OR NOT bastion_internal.lasts(valid_for, '1 microsecond', '1 year') THEN
        RAISE EXCEPTION 'valid_for must be positive and at most a year' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT bastion_internal.has_outbox() THEN
        token := bastion_internal.invitation_token_make();
        hash := bastion_internal.invitation_token_hash(token);
    END IF;
    -- A later invitation of the same person to the same place replaces an earlier one.
    SELECT * INTO earlier FROM bastion.invitations i
    WHERE i.tenant_id = tenant AND i.email = address AND i.unit_id IS NOT DISTINCT FROM place
      AND i.accepted_at IS NULL AND i.revoked_at IS NULL FOR UPDATE;
    PERFORM bastion_internal.require_held(bastion_internal.role_patterns(earlier.role_id), place) WHERE earlier.expires_at > now();
    INSERT INTO bastion.invitations (tenant_id, unit_id, role_id, email, token_hash, invited_by, expires_at, valid_until)
    VALUES (tenant, place, new_role, address, hash, bastion.user_id(), least(now() + valid_for, invite.valid_until), invite.valid_until)
    ON CONFLICT (tenant_id, email, coalesce(unit_id, '00000000-0000-0000-0000-000000000000'))
        WHERE accepted_at IS NULL AND revoked_at IS NULL
    DO UPDATE SET role_id = excluded.role_id, token_hash = excluded.token_hash, invited_by = excluded.invited_by,
                  created_at = excluded.created_at, expires_at = excluded.expires_at, valid_until = excluded.valid_until
        -- An invitation that was committed meanwhile was not checked.
        WHERE invitations.id = earlier.id
    RETURNING * INTO made;
    IF made.id IS NULL THEN
        RAISE EXCEPTION 'could not invite because of a concurrent invitation of this address' USING ERRCODE = 'serialization_failure', HINT = 'Try again.';
    END IF;
    PERFORM bastion_internal.record_event('invitation_created', 'success', NULL, tenant, jsonb_build_object(
        'invitation', made.id, 'role', new_role, 'unit', place, 'expires_at', made.expires_at, 'valid_until', made.valid_until));
    IF token IS NULL THEN
        PERFORM bastion_internal.invitation_mail(made);
        RETURN jsonb_build_object('id', made.id, 'email', made.email, 'expires_at', made.expires_at, 'valid_until', made.valid_until);
    END IF;
    RETURN jsonb_build_object('id', made.id, 'token', token, 'email', made.email, 'expires_at', made.expires_at,
                              'valid_until', made.valid_until);
END
$$;
COMMENT ON FUNCTION bastion.invite(text, text, text, interval, timestamptz) IS
'Invites a person by e-mail address into this tenant, or into one unit (slug or uuid), with a role (name or uuid).
valid_for limits the invitation: 7 days by default, a year at most. valid_until ends the membership, and the invitation at the latest. An open invitation of the same address to the same place is replaced.
Returns {"id", "token", "email", "expires_at", "valid_until"}; the application sends the token, which is shown only once. With bastion.outbox, the token is mailed, and nobody else sees it: the answer has none.
Needs tenant.members.manage there, everything that the role holds, until the membership ends, and everything that the role of a replaced invitation holds: members invite neither above what they hold nor for longer.
SQLSTATE 22023 for a malformed address or time, 40001 when another transaction invited the same address at the same time, 42501, 42704 for an unknown role or unit, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.invite(text, text, text, interval, timestamptz)', 'application');
SELECT bastion_internal.event_kind('invitation_created');

CREATE FUNCTION bastion.invitation_revoke(id uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    found_row bastion.invitations;
BEGIN
    SELECT * INTO found_row FROM bastion.invitations i
    WHERE i.id = invitation_revoke.id AND i.tenant_id = tenant AND i.accepted_at IS NULL AND i.revoked_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM bastion_internal.require_permission('tenant.members.manage', NULL);
        RETURN false;
    END IF;
    PERFORM bastion_internal.require_permission('tenant.members.manage', found_row.unit_id);
    PERFORM bastion_internal.require_held(bastion_internal.role_patterns(found_row.role_id), found_row.unit_id);
    UPDATE bastion.invitations i SET revoked_at = now() WHERE i.id = found_row.id;
    PERFORM bastion_internal.record_event('invitation_revoked', 'success', NULL, tenant, jsonb_build_object('invitation', found_row.id));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.invitation_revoke(uuid) IS
'Revokes an open invitation of this tenant; false for an unknown id.
Needs tenant.members.manage in its unit or tenant, and everything that its role holds.
SQLSTATE 42501, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.invitation_revoke(uuid)', 'application');
SELECT bastion_internal.event_kind('invitation_revoked');

CREATE FUNCTION bastion.invitation_resend(id uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    found_row bastion.invitations;
BEGIN
    PERFORM bastion_internal.require_outbox('an invitation by mail');
    SELECT * INTO found_row FROM bastion.invitations i
    WHERE i.id = invitation_resend.id AND i.tenant_id = tenant AND i.email IS NOT NULL AND i.accepted_at IS NULL AND i.revoked_at IS NULL
      AND i.expires_at > clock_timestamp() FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM bastion_internal.require_permission('tenant.members.manage', NULL);
        RETURN false;
    END IF;
    PERFORM bastion_internal.require_permission('tenant.members.manage', found_row.unit_id);
    PERFORM bastion_internal.require_held(bastion_internal.role_patterns(found_row.role_id), found_row.unit_id);
    PERFORM bastion_internal.invitation_mail(found_row);
    PERFORM bastion_internal.record_event('invitation_resent', 'success', NULL, tenant, jsonb_build_object('invitation', found_row.id));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.invitation_resend(uuid) IS
'Mails the link of an open invitation of this tenant again, at most once a minute; false for an unknown id and for a user invited by id. An invitation that was made without bastion.outbox gets a link of its own.
Needs tenant.members.manage in its unit or tenant, and everything that its role holds.
SQLSTATE 55000 when bastion.outbox is off, 42501, 25006 in a READ ONLY transaction, 28000 when a token was presented and refused, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion.invitation_resend(uuid)', 'application');
SELECT bastion_internal.event_kind('invitation_resent');

CREATE FUNCTION bastion_api.invitations() RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_tenant => true, permission => 'tenant.members.manage');
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    RETURN bastion_internal.answer((SELECT jsonb_build_object('invitations', coalesce(jsonb_agg(jsonb_build_object(
                'id', i.id, 'email', i.email, 'user', CASE WHEN i.user_id IS NOT NULL THEN bastion_internal.shown_user(i.user_id) END,
                'role', r.name, 'unit', bastion_internal.unit_object(i.unit_id), 'invited_by', bastion_internal.shown_user(i.invited_by),
                'created_at', i.created_at, 'expires_at', i.expires_at,
                'valid_from', i.valid_from, 'valid_until', i.valid_until) ORDER BY i.created_at, i.id), '[]'))
            FROM bastion.invitations i JOIN bastion.roles r ON r.id = i.role_id
            WHERE i.tenant_id = bastion.tenant_id() AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > now()));
END
$$;
COMMENT ON FUNCTION bastion_api.invitations() IS
'Lists the open invitations of this tenant: {"invitations": [{"id", "email", "user" (one of these two is null), "role", "unit", "invited_by", "created_at", "expires_at", "valid_from", "valid_until"}]}, oldest first; never their tokens. user and invited_by are users as in login(); address and names are null where the caller may not see them.
Needs tenant.members.manage in the whole tenant.
Refusals: unauthenticated, invalid_token, insufficient_scope, insufficient_user_authentication with acr_values and max_age (RFC 9470).
SQLSTATE 25000 when the transaction has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.invitations()', 'application');

-- Acceptance

CREATE FUNCTION bastion_internal.may_still_invite(invitation bastion.invitations) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT i.status = 'ok'
       AND EXISTS (SELECT FROM bastion_internal.effective_permissions(invitation.invited_by, invitation.tenant_id, invitation.unit_id) e
                   WHERE e.permission = 'tenant.members.manage')
       AND NOT EXISTS (SELECT FROM bastion_internal.patterns_held(invitation.invited_by, invitation.tenant_id, invitation.unit_id,
                                                         bastion_internal.role_patterns(invitation.role_id)) h
                       WHERE coalesce(h.held_until, '-infinity') < coalesce(invitation.valid_until, 'infinity'))
    FROM bastion_internal.resolve_identity(invitation.invited_by, invitation.tenant_id::text, NULL) i
$$;
COMMENT ON FUNCTION bastion_internal.may_still_invite(bastion.invitations) IS
'Whether the member who invited could do so now: the tenant is active, and the inviter is still a member, manages members there and holds what the role holds until the membership would end.';

CREATE FUNCTION bastion_internal.open_invitation(token text) RETURNS bastion.invitations
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted bytea := bastion_internal.invitation_token_hash(token);
    mailed bastion.one_time_tokens;
    found_row bastion.invitations;
BEGIN
    mailed := bastion_internal.one_time_find(token, 'invitation');
    SELECT * INTO found_row FROM bastion.invitations i
    WHERE (i.token_hash = wanted OR (i.id = mailed.invitation_id AND i.email = mailed.address)) AND i.accepted_at IS NULL AND i.revoked_at IS NULL
      AND i.expires_at > clock_timestamp() FOR UPDATE;
    IF found_row.id IS NULL OR bastion_internal.may_still_invite(found_row) IS NOT TRUE THEN
        RETURN NULL;
    END IF;
    RETURN found_row;
END
$$;
COMMENT ON FUNCTION bastion_internal.open_invitation(text) IS
'Finds and locks the invitation with this token; NULL if it cannot be accepted.';

CREATE FUNCTION bastion_internal.invitation_mail_end(invitation_id uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE bastion.one_time_tokens t SET used_at = clock_timestamp()
    WHERE t.purpose = 'invitation' AND t.invitation_id = invitation_mail_end.invitation_id AND t.used_at IS NULL;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION bastion_internal.invitation_mail_end(uuid) IS
'Ends the mailed token of an invitation; false if there was none.';

CREATE FUNCTION bastion_internal.refuse_invitation(user_id uuid) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.record_event('invitation_refused', 'refused', refuse_invitation.user_id);
    RETURN bastion_internal.refusal('invalid_invitation', 'this invitation is not valid, or not for you');
END
$$;
COMMENT ON FUNCTION bastion_internal.refuse_invitation(uuid) IS
'Records the refusal of an invitation, and returns the answer that is the same for every reason.';
SELECT bastion_internal.event_kind('invitation_refused');

CREATE FUNCTION bastion_internal.take_invitation(invitation bastion.invitations, user_id uuid) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.lock_user(take_invitation.user_id);
    DELETE FROM bastion.memberships m
    WHERE m.user_id = take_invitation.user_id AND m.tenant_id = invitation.tenant_id AND m.unit_id IS NOT DISTINCT FROM invitation.unit_id
      AND m.valid_until <= statement_timestamp();
    -- A member keeps the existing roles there.
    INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id, valid_from, valid_until, assigned_by)
    SELECT take_invitation.user_id, invitation.tenant_id, invitation.unit_id, invitation.role_id, invitation.valid_from, invitation.valid_until,
           invitation.invited_by
    WHERE NOT EXISTS (SELECT FROM bastion.memberships m
                      WHERE m.user_id = take_invitation.user_id AND m.tenant_id = invitation.tenant_id
                        AND m.unit_id IS NOT DISTINCT FROM invitation.unit_id);
    UPDATE bastion.invitations i SET accepted_at = now() WHERE i.id = invitation.id;
    PERFORM bastion_internal.invitation_mail_end(invitation.id);
    PERFORM bastion_internal.record_event('invitation_accepted', 'success', take_invitation.user_id, invitation.tenant_id,
        jsonb_build_object('invitation', invitation.id, 'role', invitation.role_id, 'unit', invitation.unit_id));
    RETURN jsonb_build_object('tenant', bastion_internal.tenant_object(invitation.tenant_id, take_invitation.user_id),
                              'unit', bastion_internal.unit_object(invitation.unit_id));
END
$$;
COMMENT ON FUNCTION bastion_internal.take_invitation(bastion.invitations, uuid) IS
'Writes the membership that an invitation offers and closes the invitation; returns {"tenant", "unit"}.';
SELECT bastion_internal.event_kind('invitation_accepted');

CREATE FUNCTION bastion_api.invitation_accept(token text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    accepting uuid;
    invitation bastion.invitations;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('an invitation');
    accepting := bastion.user_id();
    invitation := bastion_internal.open_invitation(token);
    IF invitation.id IS NULL OR NOT EXISTS (SELECT FROM bastion.users u WHERE u.id = accepting AND u.email = invitation.email) THEN
        RETURN bastion_internal.refuse_invitation(accepting);
    END IF;
    IF bastion_internal.one_time_id(token) IS NOT NULL AND NOT bastion_internal.address_prove(accepting, invitation.email, true) THEN
        RETURN bastion_internal.refuse_invitation(accepting);
    END IF;
    RETURN bastion_internal.answer(bastion_internal.take_invitation(invitation, accepting));
END
$$;
COMMENT ON FUNCTION bastion_api.invitation_accept(text) IS
'Accepts an invitation that was sent to the e-mail address of this transaction''s user.
Roles that the user has there already stay, without that of the invitation, unless all have ended. A mailed token verifies the address of the user.
Returns {"tenant", "unit"}; the user logs in there next.
Refusals are recorded and all look the same: {"error":"invalid_invitation", ...} for a wrong, used, revoked or expired token, for another address, and when the inviter could no longer invite until the end of the membership. Others: unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.invitation_accept(text)', 'application');

CREATE FUNCTION bastion_api.invitation_decline_link(token text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    invitation bastion.invitations;
BEGIN
    PERFORM bastion_internal.require_writable('an invitation');
    invitation := bastion_internal.open_invitation(invitation_decline_link.token);
    IF invitation.id IS NULL THEN
        RETURN bastion_internal.refuse_invitation(NULL);
    END IF;
    UPDATE bastion.invitations i SET revoked_at = now() WHERE i.id = invitation.id;
    PERFORM bastion_internal.invitation_mail_end(invitation.id);
    PERFORM bastion_internal.record_event('invitation_declined', 'success', NULL, invitation.tenant_id,
                                 jsonb_build_object('invitation', invitation.id));
    RETURN bastion_internal.answer(jsonb_build_object('declined', invitation.id));
END
$$;
COMMENT ON FUNCTION bastion_api.invitation_decline_link(text) IS
'Declines an invitation with the token that was sent to the e-mail address; needs no login.
Returns {"declined": id}. Refusal: {"error":"invalid_invitation", ...}, recorded and the same for every reason.
SQLSTATE 25006 in a READ ONLY transaction, BA001 for a mailed token without a root key.';
SELECT bastion_internal.callable_by('bastion_api.invitation_decline_link(text)', 'application');

CREATE FUNCTION bastion_api.signup_invited(invitation text, password text, display_name text DEFAULT NULL, username text DEFAULT NULL,
                                           device text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    new_username text := lower(btrim(signup_invited.username) COLLATE "C");
    taken bastion.invitations;
    joined bastion.tenants;
    is_mailed boolean;
    answer jsonb;
    made record;
BEGIN
    PERFORM bastion_internal.require_writable('a sign-up');
    taken := bastion_internal.open_invitation(signup_invited.invitation);
    IF taken.id IS NULL THEN
        RETURN bastion_internal.refuse_invitation(NULL);
    END IF;
    SELECT * INTO joined FROM bastion.tenants t WHERE t.id = taken.tenant_id;
    answer := bastion_internal.check_account(taken.email, signup_invited.password, signup_invited.display_name, new_username,
                                             concat_ws(E'\n', joined.name, joined.slug), joined.password_min_length);
    IF answer IS NOT NULL THEN
        RETURN answer;
    END IF;
    is_mailed := bastion_internal.one_time_id(signup_invited.invitation) IS NOT NULL;
    IF is_mailed AND bastion_internal.is_address_verified(taken.email) THEN
        RETURN bastion_internal.refusal('email_taken', 'there is an account with this e-mail address already');
    END IF;
    -- Against a mailed token, an unverified account does not hold the address.
    made := bastion_internal.user_create(CASE WHEN NOT is_mailed THEN taken.email END, signup_invited.password, signup_invited.display_name, new_username);
    IF made.user_id IS NULL THEN
        RETURN made.answer;
    END IF;
    IF is_mailed AND NOT bastion_internal.address_prove(made.user_id, taken.email, true) THEN
        DELETE FROM bastion.users u WHERE u.id = made.user_id;
        RETURN bastion_internal.refusal('email_taken', 'there is an account with this e-mail address already');
    END IF;
    PERFORM bastion_internal.take_invitation(taken, made.user_id);
    PERFORM bastion_internal.record_event('signup', 'success', made.user_id, taken.tenant_id);
    RETURN bastion_internal.session_begin(made.user_id, taken.tenant_id, taken.unit_id, signup_invited.device, '{pwd}');
END
$$;
COMMENT ON FUNCTION bastion_api.signup_invited(text, text, text, text, text) IS
'Creates an account for the e-mail address that an invitation was sent to, with the membership that it offers, and logs in.
It works when bastion.signup_mode is closed too. A mailed token verifies the address, and takes it from an unverified account.
Returns what login() returns.
Refusals are returned as {"error", "error_description"}: invalid_invitation (the same for every reason, recorded), invalid_password and weak_password as signup(), with the tenant''s own least length too, invalid_display_name, invalid_username, email_taken (log in and call invitation_accept()), username_taken, signup_refused, temporarily_unavailable (bastion.max_concurrent_hashes).
SQLSTATE 25006 in a READ ONLY transaction, BA001 without a root key, 58030 when a file of the password policy cannot be used.';
SELECT bastion_internal.callable_by('bastion_api.signup_invited(text, text, text, text, text)', 'application');


-- Invitations of users by id, and how the invited users answer them. An invitation shows the user its tenant's name and the role,
-- and shows nothing of the user to anybody. It changes nothing for the user until it is accepted. Invitations by e-mail address are
-- not included: the address of an account is unverified, and only the token that came by mail proves it.

CREATE FUNCTION bastion_internal.invite_person(user_id uuid, tenant_id uuid, unit_id uuid, role_id uuid, valid_from timestamptz,
                                      valid_until timestamptz)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made bastion.invitations;
BEGIN
    IF invite_person.valid_until <= now() THEN
        RAISE EXCEPTION 'the membership would have ended already' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    WHILE made.id IS NULL LOOP
        -- An invitation is replaced only by members who could have made it.
        PERFORM bastion_internal.require_held(bastion_internal.role_patterns(i.role_id), invite_person.unit_id) FROM bastion.invitations i
        WHERE i.user_id = invite_person.user_id AND i.tenant_id = invite_person.tenant_id
          AND i.unit_id IS NOT DISTINCT FROM invite_person.unit_id AND i.accepted_at IS NULL AND i.revoked_at IS NULL
          AND i.expires_at > now();
        -- The new invitation gets a new id, so that the user accepts exactly what was read.
        UPDATE bastion.invitations i SET revoked_at = now()
        WHERE i.user_id = invite_person.user_id AND i.tenant_id = invite_person.tenant_id
          AND i.unit_id IS NOT DISTINCT FROM invite_person.unit_id AND i.accepted_at IS NULL AND i.revoked_at IS NULL;
        INSERT INTO bastion.invitations (tenant_id, unit_id, role_id, user_id, invited_by, valid_from, valid_until, expires_at)
        VALUES (invite_person.tenant_id, invite_person.unit_id, invite_person.role_id, invite_person.user_id, bastion.user_id(),
                invite_person.valid_from, invite_person.valid_until, least(now() + interval '7 days', invite_person.valid_until))
        ON CONFLICT DO NOTHING RETURNING * INTO made;
    END LOOP;
    PERFORM bastion_internal.record_event('invitation_created', 'success', made.user_id, made.tenant_id, jsonb_build_object(
        'invitation', made.id, 'role', made.role_id, 'unit', made.unit_id, 'expires_at', made.expires_at));
    RETURN jsonb_build_object('invitation', made.id, 'expires_at', made.expires_at);
END
$$;
COMMENT ON FUNCTION bastion_internal.invite_person(uuid, uuid, uuid, uuid, timestamptz, timestamptz) IS
'Invites a user by id for 7 days, or until the membership would end.
An open invitation of the same user to the same place is replaced; the caller must hold everything that its role holds.
Returns {"invitation", "expires_at"}. The other checks are in membership_set().
SQLSTATE 22023 for a membership that would have ended already, 42501.';

CREATE FUNCTION bastion_api.my_invitations() RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    person uuid;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    person := bastion.user_id();
    RETURN bastion_internal.answer((SELECT jsonb_build_object('invitations', coalesce(jsonb_agg(jsonb_build_object(
                'id', o.id, 'tenant', bastion_internal.tenant_object(o.tenant_id, person), 'role', o.role,
                'created_at', o.created_at, 'expires_at', o.expires_at) ORDER BY o.created_at DESC, o.id), '[]'))
            FROM (SELECT i.id, t.id AS tenant_id, r.name AS role, i.created_at, i.expires_at
                  FROM bastion.invitations i JOIN bastion.tenants t ON t.id = i.tenant_id JOIN bastion.roles r ON r.id = i.role_id
                  WHERE i.user_id = person AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > now()
                    AND t.status = 'active'
                  ORDER BY i.created_at DESC, i.id LIMIT 100) o));
END
$$;
COMMENT ON FUNCTION bastion_api.my_invitations() IS
'Lists the open invitations of the user of this transaction, in every tenant, the 100 latest, latest first: {"invitations": [{"id", "tenant" as in login(), "role" that is offered, "created_at", "expires_at"}]}.
Invitations by e-mail address are not included: the user accepts these with the token.
Refusals: unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25000 when the transaction has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.my_invitations()', 'application');

CREATE FUNCTION bastion_internal.own_invitation(id uuid, user_id uuid) RETURNS bastion.invitations
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT i FROM bastion.invitations i
    WHERE i.id = own_invitation.id AND i.user_id = own_invitation.user_id AND i.accepted_at IS NULL AND i.revoked_at IS NULL
      AND i.expires_at > clock_timestamp() FOR UPDATE
$$;
COMMENT ON FUNCTION bastion_internal.own_invitation(uuid, uuid) IS
'Finds and locks the open invitation of a user with this id; else NULL.';

CREATE FUNCTION bastion_api.invitation_accept(id uuid) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    person uuid;
    invitation bastion.invitations;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('an invitation');
    person := bastion.user_id();
    invitation := bastion_internal.own_invitation(id, person);
    IF invitation.id IS NULL OR bastion_internal.may_still_invite(invitation) IS NOT TRUE THEN
        RETURN bastion_internal.refuse_invitation(person);
    END IF;
    RETURN bastion_internal.answer(bastion_internal.take_invitation(invitation, person));
END
$$;
COMMENT ON FUNCTION bastion_api.invitation_accept(uuid) IS
'Accepts an invitation of my_invitations().
Returns {"tenant", "unit"}; the user logs in there next.
Refusals are recorded and all look the same: {"error":"invalid_invitation", ...} for another user''s invitation, for a used, revoked, declined or expired one, and when the inviter could no longer invite. Others: unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.invitation_accept(uuid)', 'application');

CREATE FUNCTION bastion_api.invitation_decline(id uuid) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    person uuid;
    invitation bastion.invitations;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('an invitation');
    person := bastion.user_id();
    invitation := bastion_internal.own_invitation(id, person);
    IF invitation.id IS NULL THEN
        RETURN bastion_internal.refuse_invitation(person);
    END IF;
    UPDATE bastion.invitations i SET revoked_at = now() WHERE i.id = invitation.id;
    PERFORM bastion_internal.record_event('invitation_declined', 'success', person, invitation.tenant_id,
                                 jsonb_build_object('invitation', invitation.id));
    RETURN bastion_internal.answer(jsonb_build_object('declined', invitation.id));
END
$$;
COMMENT ON FUNCTION bastion_api.invitation_decline(uuid) IS
'Declines an invitation of my_invitations().
Returns {"declined": id}, or {"error":"invalid_invitation", ...}, recorded, for an invitation that is not open or not of this user. Others: unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.invitation_decline(uuid)', 'application');
SELECT bastion_internal.event_kind('invitation_declined');

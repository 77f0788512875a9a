
-- Invitations of users by id, and what those who are invited do with them. An invitation shows its tenant's name and the role,
-- and nothing of the invited to anybody; it changes nothing for them until they accept. One by e-mail address is not among
-- them: nobody has shown that the address of an account is theirs, and the token that came by mail does.

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
        RAISE EXCEPTION 'the membership would be over' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    WHILE made.id IS NULL LOOP
        -- Nobody replaces what they could not have given.
        PERFORM bastion_internal.require_held(bastion_internal.role_patterns(i.role_id), invite_person.unit_id) FROM bastion.invitations i
        WHERE i.user_id = invite_person.user_id AND i.tenant_id = invite_person.tenant_id
          AND i.unit_id IS NOT DISTINCT FROM invite_person.unit_id AND i.accepted_at IS NULL AND i.revoked_at IS NULL
          AND i.expires_at > now();
        -- The later one has an id of its own: what was read is what is accepted.
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
'Invites a user by id for 7 days, or until the membership would end, in place of an open invitation of the same user to the same place, whose role must be held too; returns {"invitation", "expires_at"}. Membership_set() asks the rest. SQLSTATE 22023 for a membership that would be over, 42501.';

CREATE FUNCTION bastion_api.my_invitations() RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    person uuid := bastion_internal.require_person(NULL, false);
BEGIN
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('id', o.id, 'tenant', o.tenant, 'role', o.role, 'created_at', o.created_at,
                                                         'expires_at', o.expires_at) ORDER BY o.created_at DESC, o.id), '[]')
            FROM (SELECT i.id, t.name AS tenant, r.name AS role, i.created_at, i.expires_at
                  FROM bastion.invitations i JOIN bastion.tenants t ON t.id = i.tenant_id JOIN bastion.roles r ON r.id = i.role_id
                  WHERE i.user_id = person AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > now()
                    AND t.status = 'active'
                  ORDER BY i.created_at DESC, i.id LIMIT 100) o);
END
$$;
COMMENT ON FUNCTION bastion_api.my_invitations() IS
'The open invitations of the user of this transaction, of every tenant, the 100 latest: [{"id", "tenant": its name, "role", "created_at", "expires_at"}], the latest first. Those sent to an e-mail address are not among them: their token is what accepts. SQLSTATE 42501 when anonymous, by an API key and under impersonation, 28000 when a token was presented and refused.';
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
'The open invitation of a user with this id, locked; else NULL.';

CREATE FUNCTION bastion_api.invitation_accept(id uuid) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    person uuid := bastion_internal.require_person(NULL, true);
    invitation bastion.invitations := bastion_internal.own_invitation(id, person);
BEGIN
    IF invitation.id IS NULL OR bastion_internal.may_still_invite(invitation) IS NOT TRUE THEN
        RETURN bastion_internal.refuse_invitation(person);
    END IF;
    RETURN bastion_internal.take_invitation(invitation, person);
END
$$;
COMMENT ON FUNCTION bastion_api.invitation_accept(uuid) IS
'Takes an invitation of my_invitations(), and returns {"tenant", "unit"}; log in there next. {"error":"invalid_invitation", …} for one of somebody else, a used, revoked, declined or expired one, or when who invited could no longer do so; the same answer for all, recorded. SQLSTATE 25006 in a READ ONLY transaction, 42501 when anonymous, by an API key and under impersonation, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion_api.invitation_accept(uuid)', 'application');

CREATE FUNCTION bastion_api.invitation_decline(id uuid) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    person uuid := bastion_internal.require_person(NULL, true);
    invitation bastion.invitations := bastion_internal.own_invitation(id, person);
BEGIN
    IF invitation.id IS NULL THEN
        RETURN bastion_internal.refuse_invitation(person);
    END IF;
    UPDATE bastion.invitations i SET revoked_at = now() WHERE i.id = invitation.id;
    PERFORM bastion_internal.record_event('invitation_declined', 'success', person, invitation.tenant_id,
                                 jsonb_build_object('invitation', invitation.id));
    RETURN jsonb_build_object('declined', invitation.id);
END
$$;
COMMENT ON FUNCTION bastion_api.invitation_decline(uuid) IS
'Turns an invitation of my_invitations() down; returns {"declined": id}. {"error":"invalid_invitation", …} for one that is not open, or not of this user, recorded. SQLSTATE 25006 in a READ ONLY transaction, 42501 when anonymous, by an API key and under impersonation, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion_api.invitation_decline(uuid)', 'application');

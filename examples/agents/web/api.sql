-- What the page calls, for PostGraphile, which shows no function of an extension. Run as a superuser after schema.sql and seed.sql.
-- Each function runs with the rights of its caller. Functions that begin a session are not here: server.mjs calls them itself.
CREATE SCHEMA api;
GRANT USAGE ON SCHEMA api TO agents_app;

-- The account of the user
CREATE FUNCTION api.me() RETURNS jsonb LANGUAGE sql STABLE AS $$ SELECT bastion_api.me() $$;
CREATE FUNCTION api.factors() RETURNS jsonb LANGUAGE sql STABLE AS $$ SELECT bastion_api.factors() $$;
CREATE FUNCTION api.factor_remove(factor uuid) RETURNS jsonb LANGUAGE sql VOLATILE AS $$ SELECT bastion_api.factor_remove(factor) $$;
CREATE FUNCTION api.totp_add(name text) RETURNS jsonb LANGUAGE sql VOLATILE AS $$ SELECT bastion_api.totp_add(name) $$;
CREATE FUNCTION api.totp_confirm(factor uuid, code text) RETURNS jsonb LANGUAGE sql VOLATILE AS $$ SELECT bastion_api.totp_confirm(factor, code) $$;
CREATE FUNCTION api.passkey_add() RETURNS jsonb LANGUAGE sql VOLATILE AS $$ SELECT bastion_api.passkey_add() $$;
CREATE FUNCTION api.passkey_confirm(challenge text, credential jsonb, name text) RETURNS jsonb LANGUAGE sql VOLATILE
AS $$ SELECT bastion_api.passkey_confirm(challenge, credential, name) $$;
CREATE FUNCTION api.passkey_login_options() RETURNS jsonb LANGUAGE sql VOLATILE AS $$ SELECT bastion_api.passkey_login_options() $$;
CREATE FUNCTION api.sessions() RETURNS jsonb LANGUAGE sql STABLE AS $$ SELECT bastion_api.sessions() $$;
CREATE FUNCTION api.session_revoke(id uuid) RETURNS jsonb LANGUAGE sql VOLATILE AS $$ SELECT bastion_api.session_revoke(id) $$;

-- The people of the organization
CREATE FUNCTION api.members() RETURNS jsonb LANGUAGE sql STABLE AS $$ SELECT bastion_api.members() $$;
CREATE FUNCTION api.invitations() RETURNS jsonb LANGUAGE sql STABLE AS $$ SELECT bastion_api.invitations() $$;
CREATE FUNCTION api.invite(email text, role text) RETURNS jsonb LANGUAGE sql VOLATILE AS $$ SELECT bastion.invite(email, role) $$;
CREATE FUNCTION api.invitation_accept(token text) RETURNS jsonb LANGUAGE sql VOLATILE AS $$ SELECT bastion_api.invitation_accept(token => token) $$;

-- The teams in which the user has a role, those of the whole organization if the role is one of it.
CREATE FUNCTION api.teams() RETURNS jsonb LANGUAGE sql STABLE
AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('id', u.id, 'name', u.name) ORDER BY u.name), '[]') FROM bastion.units u
    WHERE u.tenant_id = bastion.tenant_id() AND EXISTS (
        SELECT FROM bastion.memberships m WHERE m.user_id = bastion.user_id() AND m.tenant_id = u.tenant_id AND coalesce(m.unit_id, u.id) = u.id)
$$;

-- Workflows. Policies let an UPDATE find no row that the user may not change, and the page wants to hear of it.
CREATE FUNCTION api.workflow_save(id uuid, name text, description text) RETURNS jsonb LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_column
BEGIN
    UPDATE agents.workflows SET name = workflow_save.name, description = workflow_save.description, message = 'Edited on the page'
    WHERE id = workflow_save.id;
    IF NOT FOUND THEN
        RETURN '{"error": "insufficient_scope", "error_description": "you may read this workflow, but not change it"}'::jsonb;
    END IF;
    RETURN '{}'::jsonb;
END
$$;

-- level is read, write or manage; none ends the share.
CREATE FUNCTION api.workflow_share(id uuid, person uuid, level text) RETURNS jsonb LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    IF level = 'none' THEN
        PERFORM bastion.unshare('agents.workflows', id::text, with_user => person);
    ELSE
        PERFORM bastion.share('agents.workflows', id::text, with_user => person, level => level);
    END IF;
    RETURN '{}'::jsonb;
END
$$;
CREATE FUNCTION api.workflow_shares(id uuid) RETURNS jsonb LANGUAGE sql STABLE
AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('id', s.subject_id, 'name', s.subject_name, 'level', s.level) ORDER BY s.subject_name), '[]')
    FROM bastion.shares_of('agents.workflows', id::text) s WHERE s.subject_kind = 'user'
$$;

-- The newest entries of the audit trail.
CREATE FUNCTION api.audit_trail() RETURNS jsonb LANGUAGE plpgsql STABLE
AS $$
BEGIN
    IF NOT bastion.has_permission('tenant.events.read') THEN
        RETURN '{"error": "insufficient_scope", "error_description": "your role does not show you the audit trail"}'::jsonb;
    END IF;
    RETURN (SELECT jsonb_build_object('entries', coalesce(jsonb_agg(to_jsonb(e) ORDER BY e.at DESC, e.xid DESC, e.seq DESC), '[]'))
            FROM (SELECT a.occurred_at AS at, a.xid, a.seq, a.kind, a.op, a.relation, a.key, a.actor_id, a.old, a.new
                  FROM bastion.audit a ORDER BY a.occurred_at DESC, a.xid DESC, a.seq DESC LIMIT 100) e);
END
$$;

-- Mail stands in the outbox, and server.mjs, the only proxy, says from which address a request comes.
SELECT format('ALTER DATABASE %I SET bastion.outbox = on', pg_catalog.current_database()) \gexec
ALTER ROLE agents_app SET bastion.trusted_hops = 1;

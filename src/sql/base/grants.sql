
-- Rights. Nothing is granted to PUBLIC; an application role receives exactly what app_role_functions() and app_role_tables() list.

CREATE FUNCTION bastion.app_role_functions() RETURNS SETOF regprocedure
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    VALUES ('bastion.library_version()'::regprocedure),
           ('bastion.password_hash(text, text, jsonb)'),
           ('bastion.password_verify(text, text)'),
           ('bastion.password_needs_rehash(text)'),
           ('bastion.jwt_sign(jsonb, jsonb, jsonb)'),
           ('bastion.jwt_verify(text, jsonb, jsonb)'),
           ('bastion.jws_verify(text, jsonb, text[])'),
           ('bastion.jwk_generate(text, text, integer)'),
           ('bastion.jwk_public(jsonb)'),
           ('bastion.jwk_thumbprint(jsonb)'),
           ('bastion.jwks()'),
           ('bastion.authenticate(text, text, text)'),
           ('bastion.drop_context()'),
           ('bastion.whoami()'),
           ('bastion.user_id()'),
           ('bastion.actor_id()'),
           ('bastion.tenant_id()'),
           ('bastion.tenant_number()'),
           ('bastion.unit_id()'),
           ('bastion.session_id()'),
           ('bastion.api_key_id()'),
           ('bastion.auth_level()'),
           ('bastion.claims()'),
           ('bastion.has_permission(text)'),
           ('bastion.tenant_if_allowed(text)'),
           ('bastion.tenant_number_if_allowed(text)'),
           ('bastion.permissions()'),
           ('bastion.acl_set(text)'),
           ('bastion.acl_set_unfolded(text)'),
           ('bastion.acl_set_anywhere(text)'),
           ('bastion.acl_set_anywhere_unfolded(text)'),
           ('bastion.tenant_set(text)'),
           ('bastion.tenant_set_unfolded(text)'),
           ('bastion.can_by_acl(text, bigint)'),
           ('bastion.can_by_acl_anywhere(text, bigint)'),
           ('bastion.acl_in_tenant(text, bigint, text)'),
           ('bastion.can_in_tenant(text, uuid)'),
           ('bastion.default_acl(text)'),
           ('bastion.cache_stats()'),
           ('bastion.tenant_acl()'),
           ('bastion.unit_acl()'),
           ('bastion.own_acl()'),
           ('bastion.role_create(text, text)'),
           ('bastion.role_delete(text)'),
           ('bastion.role_grant(text, text)'),
           ('bastion.role_revoke(text, text)'),
           ('bastion.role_inherit(text, text)'),
           ('bastion.role_disinherit(text, text)'),
           ('bastion.membership_set(uuid, text, text, timestamptz, timestamptz)'),
           ('bastion.membership_remove(uuid, text)'),
           ('bastion.permission_grant(uuid, text, text, timestamptz)'),
           ('bastion.permission_deny(uuid, text, text, timestamptz)'),
           ('bastion.permission_reset(uuid, text, text)'),
           ('bastion.unit_create(text, text, text, text)'),
           ('bastion.unit_move(text, text)'),
           ('bastion.unit_delete(text)'),
           ('bastion.share(regclass, text, uuid, uuid, uuid, uuid, text, timestamptz)'),
           ('bastion.unshare(regclass, text, uuid, uuid, uuid, uuid)'),
           ('bastion.shares_of(regclass, text)'),
           ('bastion.explain_member_access(uuid, text, regclass, text, text)'),
           ('bastion.explain_member_access_text(uuid, text, regclass, text, text)'),
           ('bastion.access_picture(integer, integer, text, text, text, text, boolean)'),
           ('bastion.permission_matrix(text)'),
           ('bastion.permission_matrix_text(text)'),
           ('bastion.session_settings_set(interval, interval, interval, interval)'),
           ('bastion.session_revoke(uuid)'),
           ('bastion.sessions_revoke(uuid)'),
           ('bastion.invite(text, text, text, interval, timestamptz)'),
           ('bastion.invitation_revoke(uuid)'),
           ('bastion_api.invitations()'),
           ('bastion_api.my_invitations()'),
           ('bastion_api.accept_invitation(text)'),
           ('bastion_api.accept_invitation(uuid)'),
           ('bastion_api.decline_invitation(uuid)'),
           ('bastion_api.signup_invited(text, text, text, text, text)'),
           ('bastion_api.signup(text, text, text, text, text, text)'),
           ('bastion_api.login(text, text, text, text, text)'),
           ('bastion_api.refresh(text)'),
           ('bastion_api.logout(text)'),
           ('bastion_api.sessions()'),
           ('bastion_api.token_revoke(text)'),
           ('bastion.sealed_in(cstring)'),
           ('bastion.sealed_out(bastion.sealed)'),
           ('bastion.sealed_recv(internal)'),
           ('bastion.sealed_send(bastion.sealed)'),
           ('bastion.sealed(bytea)'),
           ('bastion.is_sealed(bytea)'),
           ('bastion.secret_put(text, text, text, text, text[], timestamptz, boolean)'),
           ('bastion.secret_get(text, text, integer)'),
           ('bastion.secret_list()'),
           ('bastion.secret_change(text, boolean, timestamptz, text[])'),
           ('bastion.secret_delete(text, integer)'),
           ('bastion.seal(text, text, text)'),
           ('bastion.seal(bytea, text, text)'),
           ('bastion.open_text(bastion.sealed, text)'),
           ('bastion.open_bytea(bastion.sealed, text)'),
           ('bastion.rewrap(bastion.sealed, text)'),
           ('bastion.blind_index(text, text)'),
           ('bastion.blind_index(bytea, text)'),
           ('bastion_api.api_key_create(text, text[], timestamptz, text[], text, jsonb)'),
           ('bastion_api.api_keys()'),
           ('bastion_api.api_key_rotate(uuid, interval)'),
           ('bastion_api.api_key_revoke(uuid)'),
           ('bastion_api.api_key_disable(uuid, boolean)'),
           ('bastion.client_address()'),
           ('bastion_api.me()')
$$;
COMMENT ON FUNCTION bastion.app_role_functions() IS 'The functions that an application role may execute. Internal.';

CREATE FUNCTION bastion.app_role_tables() RETURNS SETOF regclass
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    VALUES ('bastion.tenants'::regclass), ('bastion.units'), ('bastion.unit_parents'), ('bastion.unit_closure'),
           ('bastion.users'), ('bastion.memberships'), ('bastion.user_permissions'), ('bastion.roles'),
           ('bastion.role_parents'), ('bastion.permissions'), ('bastion.role_permissions'), ('bastion.secrets'), ('bastion.secret_access_log')
$$;
COMMENT ON FUNCTION bastion.app_role_tables() IS
'The tables, each under row-level security, that an application role may read. Internal.';

CREATE FUNCTION bastion.app_role_name(role regrole) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_role pg_roles;
BEGIN
    SELECT * INTO found_role FROM pg_roles r WHERE r.oid = role;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'role does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    RETURN quote_ident(found_role.rolname);
END
$$;
COMMENT ON FUNCTION bastion.app_role_name(regrole) IS
'The quoted name of a role, SQLSTATE 42704 when there is none. Internal.';

CREATE FUNCTION bastion.allow_app_role_statements(role regrole) RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    grantee text := bastion.app_role_name(role);
BEGIN
    IF EXISTS (SELECT FROM pg_roles r WHERE r.oid = role AND (r.rolsuper OR r.rolbypassrls)) THEN
        RAISE EXCEPTION 'role % bypasses row-level security', grantee USING ERRCODE = 'invalid_parameter_value',
            HINT = 'An application connects as a role that is neither SUPERUSER nor BYPASSRLS.';
    END IF;
    RETURN format('GRANT USAGE ON SCHEMA bastion, bastion_api TO %s', grantee)
           || ARRAY(SELECT format('GRANT EXECUTE ON FUNCTION %s TO %s', f, grantee) FROM bastion.app_role_functions() f)
           || ARRAY(SELECT format('GRANT SELECT ON TABLE %s TO %s', t, grantee) FROM bastion.app_role_tables() t);
END
$$;
COMMENT ON FUNCTION bastion.allow_app_role_statements(regrole) IS 'The statements of allow_app_role(). Internal.';

CREATE FUNCTION bastion.allow_app_role(role regrole) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_allow_app_role';
COMMENT ON FUNCTION bastion.allow_app_role(regrole) IS
'Grants a role what an application needs of the extension: the context and its readers, passwords, tokens, sign-up and login, and SELECT on the tables under row-level security. Repeat it after an upgrade of the extension. SQLSTATE 22023 for a role that bypasses row-level security, 42704 for an unknown role.';

CREATE FUNCTION bastion.disallow_app_role_statements(role regrole) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY(SELECT format('REVOKE ALL ON %s bastion, bastion_api FROM %s', o.objects, g.grantee)
                 FROM unnest(ARRAY['ALL TABLES IN SCHEMA', 'ALL SEQUENCES IN SCHEMA', 'ALL ROUTINES IN SCHEMA', 'SCHEMA'])
                      WITH ORDINALITY o (objects, place)
                 ORDER BY o.place)
    FROM bastion.app_role_name(role) g (grantee)
$$;
COMMENT ON FUNCTION bastion.disallow_app_role_statements(regrole) IS 'The statements of disallow_app_role(). Internal.';

CREATE FUNCTION bastion.disallow_app_role(role regrole) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_disallow_app_role';
COMMENT ON FUNCTION bastion.disallow_app_role(regrole) IS
'Takes from a role everything in the schemas of the extension that was granted to it directly, by allow_app_role() or otherwise. SQLSTATE 42704 for an unknown role.';

REVOKE ALL ON ALL ROUTINES IN SCHEMA bastion, bastion_api FROM PUBLIC;

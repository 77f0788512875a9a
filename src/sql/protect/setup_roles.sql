
-- The roles that a front door such as PostgREST uses.

CREATE FUNCTION bastion_internal.setup_roles_statements(anon name, authenticated name, authenticator name) RETURNS text[]
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    names name[] := ARRAY[anon, authenticated, authenticator];
    flawed text;
    power text;
BEGIN
    IF num_nulls(anon, authenticated, authenticator) > 0 OR '' = ANY (names) OR anon = authenticated OR anon = authenticator OR authenticated = authenticator THEN
        RAISE EXCEPTION 'three different roles are needed' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT quote_ident(r.rolname), quote_ident(p.rolname) INTO flawed, power
    FROM pg_roles r JOIN pg_roles p ON p.oid = bastion_internal.powerful_role_of(r.oid) WHERE r.rolname = ANY (names) ORDER BY r.rolname LIMIT 1;
    IF power = flawed THEN
        RAISE EXCEPTION 'role % has rights of an operator', flawed USING ERRCODE = 'invalid_parameter_value',
            HINT = 'A role of a front door is neither SUPERUSER, BYPASSRLS, CREATEROLE nor REPLICATION, no operator role and no migration role.';
    ELSIF flawed IS NOT NULL THEN
        RAISE EXCEPTION 'role % may become %, which has rights of an operator', flawed, power USING ERRCODE = 'invalid_parameter_value',
            HINT = 'REVOKE the membership that leads to it: a client of the front door could SET ROLE.';
    END IF;
    IF EXISTS (SELECT FROM pg_roles r WHERE r.rolname = authenticator AND (r.rolinherit OR NOT r.rolcanlogin)) THEN
        RAISE EXCEPTION 'role % must be LOGIN NOINHERIT', quote_ident(authenticator) USING ERRCODE = 'invalid_parameter_value',
            HINT = format('ALTER ROLE %I LOGIN NOINHERIT;', authenticator);
    END IF;
    RETURN ARRAY(SELECT format('CREATE ROLE %I %s', n.name, CASE n.name WHEN authenticator THEN 'LOGIN NOINHERIT' ELSE 'NOLOGIN' END)
                 FROM unnest(names) WITH ORDINALITY n (name, place)
                 WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = n.name) ORDER BY n.place)
        || ARRAY[format('GRANT %I, %I TO %I', anon, authenticated, authenticator),
                 format('SELECT bastion.allow_app_role(%L)', quote_ident(anon)),
                 format('SELECT bastion.allow_app_role(%L)', quote_ident(authenticated)),
                 format('ALTER ROLE %I IN DATABASE %I SET bastion.authenticated_role = %L', authenticator, current_database(), authenticated)];
END
$$;
COMMENT ON FUNCTION bastion_internal.setup_roles_statements(name, name, name) IS 'The statements of setup_roles(). SQLSTATE 22023.';

CREATE FUNCTION bastion.setup_roles(anon name DEFAULT 'anon', authenticated name DEFAULT 'authenticated', authenticator name DEFAULT 'authenticator')
RETURNS void
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_setup_roles';
COMMENT ON FUNCTION bastion.setup_roles(name, name, name) IS
'Makes the roles of a front door such as PostgREST, as far as they do not exist: authenticator, as which it logs in, may become anon, the role of requests without an identity, or authenticated, that of requests with one. Both get allow_app_role(). In this database pre_request() gives authenticated to each request with an identity (bastion.authenticated_role).
authenticator is made without a password: give it one. Privileges on tables are granted as usual. Call it again after an upgrade of the extension. EXECUTE is granted to nobody.
SQLSTATE 22023 for roles that are not three, one that has or may become a role with rights of an operator or of migrations, and an authenticator that inherits or cannot log in; 42939 for a reserved name.';

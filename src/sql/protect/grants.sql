
-- Grants to the roles of applications. The file that creates a function says who may call it (see callers.sql); nothing is granted
-- to PUBLIC.

CREATE FUNCTION bastion_internal.app_role_name(role regrole) RETURNS text
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
COMMENT ON FUNCTION bastion_internal.app_role_name(regrole) IS
'The quoted name of a role. SQLSTATE 42704 for an unknown role.';

CREATE FUNCTION bastion_internal.grant_statements(role regrole, caller text) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('GRANT USAGE ON SCHEMA bastion TO %s', g.grantee)
           || ARRAY(SELECT format('GRANT EXECUTE ON ROUTINE %s TO %s', f, g.grantee) FROM bastion_internal.routines_of(caller) f)
           || ARRAY(SELECT format('GRANT SELECT ON TABLE %s TO %s', t, g.grantee) FROM bastion_internal.tables_of(caller) t)
    FROM bastion_internal.app_role_name(role) g (grantee)
$$;
COMMENT ON FUNCTION bastion_internal.grant_statements(regrole, text) IS
'The statements that let a role call the functions and read the tables of one kind of callers (bastion_internal.callers). SQLSTATE 42704 for an unknown role.';

CREATE FUNCTION bastion_internal.allow_app_role_statements(role regrole) RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    grantee text := bastion_internal.app_role_name(role);
BEGIN
    IF EXISTS (SELECT FROM pg_roles r WHERE r.oid = role AND (r.rolsuper OR r.rolbypassrls)) THEN
        RAISE EXCEPTION 'role % bypasses row-level security', grantee USING ERRCODE = 'invalid_parameter_value',
            HINT = 'An application connects as a role that is neither SUPERUSER nor BYPASSRLS.';
    END IF;
    RETURN format('GRANT USAGE ON SCHEMA bastion_api TO %s', grantee) || bastion_internal.grant_statements(role, 'application');
END
$$;
COMMENT ON FUNCTION bastion_internal.allow_app_role_statements(regrole) IS 'The statements of allow_app_role().';

CREATE FUNCTION bastion.allow_app_role(role regrole) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_allow_app_role';
COMMENT ON FUNCTION bastion.allow_app_role(regrole) IS
'Grants a role what an application needs of the extension: the context and its readers, passwords, tokens, sign-up and login, and SELECT on the tables under row-level security.
Call it again after an upgrade of the extension.
SQLSTATE 22023 for a role that bypasses row-level security, 42704 for an unknown role.';

-- The defaults of protected tables run as the role that inserts. Triggers need no privilege.
CREATE FUNCTION bastion_internal.allow_loader_role_statements(role regrole) RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    grantee text := bastion_internal.app_role_name(role);
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = role AND (r.rolsuper OR r.rolbypassrls)) THEN
        RAISE EXCEPTION 'role % does not bypass row-level security', grantee USING ERRCODE = 'invalid_parameter_value',
            HINT = format('A role that loads rows of every tenant needs it: ALTER ROLE %s BYPASSRLS;', grantee);
    END IF;
    RETURN ARRAY[format('GRANT EXECUTE ON FUNCTION bastion.tenant_id(), bastion.tenant_number(), bastion.user_id(), bastion.default_acl(text) TO %s', grantee),
                 format('SELECT bastion.operator_role_declare(%L, %L)', role, 'loads tables')];
END
$$;
COMMENT ON FUNCTION bastion_internal.allow_loader_role_statements(regrole) IS 'The statements of allow_loader_role().';

CREATE FUNCTION bastion.allow_loader_role(role regrole) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_allow_loader_role';
COMMENT ON FUNCTION bastion.allow_loader_role(regrole) IS
'Lets a role with BYPASSRLS load rows of every tenant into protected tables, by COPY FROM or INSERT: the defaults of these tables call functions of the extension. Declares it as operator_role_declare() does.
Rows must name their tenant. Under sharing, a row gets the access control list of its tenant, or with visibility owner that of its owner. Privileges on the tables are granted as usual. Call it again after an upgrade of the extension.
SQLSTATE 22023 for a role that does not bypass row-level security, 42704 for an unknown role.';

CREATE FUNCTION bastion_internal.allow_monitoring_role_statements(role regrole) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion_internal.grant_statements(role, 'monitoring') $$;
COMMENT ON FUNCTION bastion_internal.allow_monitoring_role_statements(regrole) IS 'The statements of allow_monitoring_role().';

CREATE FUNCTION bastion.allow_monitoring_role(role regrole) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_allow_monitoring_role';
COMMENT ON FUNCTION bastion.allow_monitoring_role(regrole) IS
'Lets a role, for example pg_monitor, call status(), metrics(), cache_stats(), event_counts(), events_pruned(), outbox_counts(), lint_summary() and library_version(), and read the views bastion.stat_*.
The role sees the state of the extension and numbers, and no user, tenant, key or row. Call it again after an upgrade of the extension; disallow_app_role() revokes it.
SQLSTATE 42704 for an unknown role.';

CREATE FUNCTION bastion_internal.allow_mailer_role_statements(role regrole) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion_internal.grant_statements(role, 'mailer') $$;
COMMENT ON FUNCTION bastion_internal.allow_mailer_role_statements(regrole) IS 'The statements of allow_mailer_role().';

CREATE FUNCTION bastion.allow_mailer_role(role regrole) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_allow_mailer_role';
COMMENT ON FUNCTION bastion.allow_mailer_role(regrole) IS
'Lets a role send the mail of the outbox: outbox_claim(), outbox_done(), outbox_retry(), outbox_revive() and outbox_clear(), and nothing else.
The role sees the links and codes that log users in, so it can become any user: give it to the sender alone. Call it again after an upgrade of the extension; disallow_app_role() revokes it.
SQLSTATE 42704 for an unknown role.';

CREATE FUNCTION bastion_internal.disallow_app_role_statements(role regrole) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY(SELECT format('REVOKE ALL ON %s bastion, bastion_api, bastion_internal, bastion_test FROM %s', o.objects, g.grantee)
                 FROM unnest(ARRAY['ALL TABLES IN SCHEMA', 'ALL SEQUENCES IN SCHEMA', 'ALL ROUTINES IN SCHEMA', 'SCHEMA'])
                      WITH ORDINALITY o (objects, place)
                 ORDER BY o.place)
    FROM bastion_internal.app_role_name(role) g (grantee)
$$;
COMMENT ON FUNCTION bastion_internal.disallow_app_role_statements(regrole) IS 'The statements of disallow_app_role().';

CREATE FUNCTION bastion.disallow_app_role(role regrole) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_disallow_app_role';
COMMENT ON FUNCTION bastion.disallow_app_role(regrole) IS
'Revokes from a role every privilege in the schemas of the extension that was granted to it directly, by allow_app_role() or otherwise.
SQLSTATE 42704 for an unknown role.';

REVOKE ALL ON ALL ROUTINES IN SCHEMA bastion, bastion_api, bastion_internal, bastion_test FROM PUBLIC;

-- What each test of an example begins with: one transaction that plays all users, taken back at its end, and how it tries
-- things: as whom, with which token, in which tenant and unit. What is refused comes back as its SQLSTATE. :app is the role of
-- the application.
\set ECHO none
\set QUIET on
\set ON_ERROR_ROLLBACK off
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL bastion.allow_identity_switch = on;
CREATE SCHEMA attempt;
GRANT USAGE ON SCHEMA attempt TO PUBLIC;

CREATE FUNCTION attempt.run(query text) RETURNS text
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    answer text;
    row_count bigint;
BEGIN
    IF query ~* '^\s*(insert|update|delete)\M' AND query !~* '\mreturning\M' THEN
        EXECUTE query;
        GET DIAGNOSTICS row_count = ROW_COUNT;
        RETURN row_count;
    END IF;
    EXECUTE query INTO answer;
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
COMMENT ON FUNCTION attempt.run(text) IS
'The answer of a query: its first value, the number of rows that it wrote, or the SQLSTATE with which it was refused. With the rights of its caller.';

-- The SET clause puts back the role that set_config() takes on.
CREATE FUNCTION attempt.as_user(role text, token text, query text, tenant text DEFAULT NULL, unit text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql VOLATILE
SET role = none
AS $$
BEGIN
    PERFORM set_config('role', as_user.role, true);
    IF as_user.token IS NULL THEN
        PERFORM bastion.context_drop();
    ELSE
        PERFORM bastion.authenticate(as_user.token, as_user.tenant, as_user.unit);
    END IF;
    RETURN attempt.run(as_user.query);
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
COMMENT ON FUNCTION attempt.as_user(text, text, text, text, text) IS
'run() as an application role and, with a token, as its user, in a tenant and unit; without a token as nobody. Several users in one transaction need bastion.allow_identity_switch.';

CREATE FUNCTION attempt.app(token text, query text, tenant text DEFAULT NULL, unit text DEFAULT NULL) RETURNS text
LANGUAGE sql VOLATILE
BEGIN ATOMIC
    SELECT attempt.as_user(:'app', token, query, tenant, unit);
END;
COMMENT ON FUNCTION attempt.app(text, text, text, text) IS 'as_user() through the application.';

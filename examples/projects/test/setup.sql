-- Included by each test: people with tokens, and two ways to act as one of them. One transaction plays all of them, hence
-- bastion.allow_identity_switch; at its end everything is taken back.
\set ECHO none
\set QUIET on
\set ON_ERROR_ROLLBACK off
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
\pset pager off
\set orbit b0000000-0000-4000-8000-000000000001
\set kite b0000000-0000-4000-8000-000000000002
\set apollo b1000000-0000-4000-8000-000000000001
\set zeus b1000000-0000-4000-8000-000000000002
\set box b1000000-0000-4000-8000-000000000003

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL bastion.allow_identity_switch = on;
CREATE SCHEMA test;
CREATE TABLE test.people AS
SELECT u.username AS name, u.id, bastion.token_issue(u.id, m.tenant_id) AS token
FROM bastion.users u JOIN (SELECT DISTINCT ON (user_id) user_id, tenant_id FROM bastion.memberships ORDER BY user_id, tenant_id) m ON m.user_id = u.id;
GRANT USAGE ON SCHEMA test TO projects_app;
CREATE FUNCTION test.token_of(who text) RETURNS text LANGUAGE sql SECURITY DEFINER
AS $$ SELECT coalesce((SELECT token FROM test.people WHERE name = who), who) $$;

-- What somebody who works through the application, in a project or in none, is answered first, '' for nothing, or the SQLSTATE.
-- NULL is nobody.
CREATE FUNCTION test.run(who text, query text, project text DEFAULT NULL, organization text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET role = projects_app
AS $$
DECLARE
    answer text;
BEGIN
    PERFORM bastion.drop_context();
    IF who IS NOT NULL THEN
        PERFORM bastion.authenticate(test.token_of(who), organization, project);
    END IF;
    IF query ~* '^(select|with)|returning' THEN
        EXECUTE query INTO answer;
    ELSE
        EXECUTE query;
    END IF;
    RETURN coalesce(answer, '');
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;

-- How many rows a statement finds or writes, or the SQLSTATE; taken back at once.
CREATE FUNCTION test.try(who text, statement text, project text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET role = projects_app
AS $$
DECLARE
    found bigint;
BEGIN
    PERFORM bastion.authenticate(test.token_of(who), NULL, project);
    EXECUTE statement;
    GET DIAGNOSTICS found = ROW_COUNT;
    RAISE EXCEPTION USING ERRCODE = 'XX001', MESSAGE = found::text;
EXCEPTION
    WHEN SQLSTATE 'XX001' THEN
        RETURN SQLERRM;
    WHEN OTHERS THEN
        RETURN SQLSTATE;
END
$$;

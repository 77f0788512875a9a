-- Included by each test: people with tokens, and two ways to act as one of them. One transaction plays all of them, hence
-- bastion.allow_identity_switch; at its end everything is taken back.
\set ECHO none
\set QUIET on
\set ON_ERROR_ROLLBACK off
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
\pset pager off
\set acme a0000000-0000-4000-8000-000000000001
\set sales a1000000-0000-4000-8000-000000000001
\set engineering a1000000-0000-4000-8000-000000000002
\set leads a4000000-0000-4000-8000-000000000001
\set notes a4000000-0000-4000-8000-000000000002
\set researcher a3000000-0000-4000-8000-000000000001

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL bastion.allow_identity_switch = on;
CREATE SCHEMA test;

-- Beside those of the seed, one person for each role in the whole of Acme, and the engine.
INSERT INTO bastion.users (email, username) SELECT r || '@roles.example', 'the.' || r
FROM unnest(ARRAY['admin', 'developer', 'operator', 'viewer', 'engine']) r;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT u.id, :'acme', r.id FROM bastion.users u JOIN bastion.roles r ON r.tenant_id IS NULL AND u.username = 'the.' || r.name;
CREATE TABLE test.people AS
SELECT u.username AS name, u.id, m.tenant_id, bastion.token_issue(u.id, m.tenant_id) AS token
FROM bastion.users u JOIN (SELECT DISTINCT user_id, tenant_id FROM bastion.memberships) m ON m.user_id = u.id;

-- What somebody who works through the application, in a team or in none, is answered first, '' for nothing, or the SQLSTATE; NULL
-- is nobody.
CREATE FUNCTION test.run(who text, query text, team text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET role = agents_app
AS $$
DECLARE
    answer text;
BEGIN
    PERFORM bastion.drop_context();
    IF who IS NOT NULL THEN
        PERFORM bastion.authenticate(test.token_of(who), NULL, team);
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
CREATE FUNCTION test.token_of(who text) RETURNS text LANGUAGE sql SECURITY DEFINER
AS $$ SELECT coalesce((SELECT token FROM test.people WHERE name = who), who) $$;

-- How many rows a statement finds or writes, or the SQLSTATE; taken back at once.
CREATE FUNCTION test.try(who text, statement text, team text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET role = agents_app
AS $$
DECLARE
    found bigint;
BEGIN
    PERFORM bastion.authenticate(test.token_of(who), NULL, team);
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
GRANT USAGE ON SCHEMA test TO agents_app;

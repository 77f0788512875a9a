-- As attempt.sql, for examples whose people are named in the tests: test.people with their tokens, and two ways to act as one of
-- them. Needs :app, and people with memberships.

CREATE TABLE test.people AS
SELECT DISTINCT ON (u.id) u.username AS name, u.id, m.tenant_id, bastion.token_issue(u.id, m.tenant_id) AS token
FROM bastion.users u JOIN bastion.memberships m ON m.user_id = u.id ORDER BY u.id, m.tenant_id;
GRANT USAGE ON SCHEMA test TO :app;
CREATE FUNCTION test.token_of(who text) RETURNS text LANGUAGE sql SECURITY DEFINER
AS $$ SELECT coalesce((SELECT token FROM test.people WHERE name = who), who) $$;

-- What somebody who works through the application, in a unit or in none, is answered first, '' for nothing, or the SQLSTATE.
-- NULL is nobody; who is not among the people is a token.
CREATE FUNCTION test.run(who text, query text, unit text DEFAULT NULL, tenant text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET role = :app
AS $$
DECLARE
    answer text;
BEGIN
    PERFORM bastion.context_drop();
    IF who IS NOT NULL THEN
        PERFORM bastion.authenticate(test.token_of(who), tenant, unit);
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
CREATE FUNCTION test.try(who text, statement text, unit text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET role = :app
AS $$
DECLARE
    found bigint;
BEGIN
    PERFORM bastion.authenticate(test.token_of(who), NULL, unit);
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

-- SQLSTATEs
-- An application decides by the SQLSTATE of an error and shows no message of the extension to its users.

CREATE FUNCTION answer(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION
    WHEN SQLSTATE '28000' THEN RETURN 'log in again';
    WHEN SQLSTATE '42501' THEN RETURN 'not yours';
END
$$;
SET ROLE app;
SELECT answer($$SELECT bastion.authenticate('made up')$$) AS with_a_wrong_token;
BEGIN;
SELECT bastion.authenticate(:'bob') \gset
SELECT answer($$SELECT bastion.role_create('reporter')$$) AS without_the_permission;
COMMIT;

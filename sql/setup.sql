-- What the other files share: the extension, a root key, an application role, and test.error(), which shows the SQLSTATE
-- of an error beside its message.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_bastion;
DO $$
BEGIN
    PERFORM bastion.root_key_id();
EXCEPTION WHEN SQLSTATE 'BA001' THEN
    PERFORM bastion.init();
END
$$;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['regress_app', 'regress_stranger'] LOOP
        IF to_regrole(name) IS NULL THEN
            EXECUTE format('CREATE ROLE %I', name);
        END IF;
    END LOOP;
END
$$;
SELECT bastion.allow_app_role('regress_app');

CREATE SCHEMA test;
GRANT USAGE ON SCHEMA test TO PUBLIC;
CREATE FUNCTION test.error(statement text) RETURNS text
LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT test.error('SELECT 1/0');

-- The check for foreign code on the tables of the extension, where PostgreSQL's cache makes each relation anew in the middle of it: it must look
-- at the same triggers to the end, and name them. After setup.sql.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET bastion.allow_identity_switch = on;
CREATE TABLE stress.tenants (tenant_id uuid REFERENCES bastion.tenants ON DELETE CASCADE);
CREATE FUNCTION stress.watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER stress_watch AFTER INSERT OR UPDATE ON bastion.units FOR EACH ROW EXECUTE FUNCTION stress.watch();
CREATE FUNCTION stress.refused(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN object_not_in_prerequisite_state THEN
    RETURN SQLERRM;
END
$$;
CREATE FUNCTION stress.expect(statement text, wanted text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    answer text := stress.refused(statement);
BEGIN
    IF answer <> wanted THEN
        RAISE EXCEPTION '% answered %', statement, answer;
    END IF;
END
$$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA stress TO stress_app;
BEGIN;
SELECT FROM bastion.authenticate((SELECT token FROM stress.people WHERE id = 1));
SET LOCAL ROLE stress_app;
SELECT stress.expect($$SELECT bastion.role_create('watched')$$, 'done'),
       stress.expect($$SELECT bastion.unit_create('team', 'Watched')$$, 'done') \g /dev/null
COMMIT;
CREATE TEMPORARY TABLE hides ();
BEGIN;
SELECT FROM bastion.authenticate((SELECT token FROM stress.people WHERE id = 1));
SET LOCAL ROLE stress_app;
SELECT stress.expect($$SELECT bastion.role_create('watched_again')$$, 'done'),
       stress.expect($$SELECT bastion.unit_create('team', 'Again')$$, 'cannot change table units in a session with temporary tables') \g /dev/null
COMMIT;
DROP TRIGGER stress_watch ON bastion.units;
DROP TABLE stress.tenants;

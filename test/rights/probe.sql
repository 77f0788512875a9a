-- The probe, the body of every foreign function of the matrix. It reports the role that it runs as, in its own frame: the
-- functions below only write its text. Assignments and RAISE are evaluated without planner and executor, whose hooks could
-- switch the user; and messages of RAISE arrive even if the transaction rolls back. After that the probe tries RESET ROLE and
-- RESET SESSION AUTHORIZATION, and undoes them.
--
-- A line is: probe, phase, place, current_user, session_user, is_superuser, search_path, owner of the code, trick. It is silent
-- where rights.phase is empty. rights.fail names a place that raises an error, rights.leak a setting that is left changed, which event triggers may do: only superusers make them.
CREATE SCHEMA rights;
GRANT USAGE ON SCHEMA rights TO PUBLIC;

CREATE FUNCTION rights.probe_report(place text, code_owner name, trick text) RETURNS text
LANGUAGE sql
AS $$
    SELECT format($f$RAISE INFO 'probe|%%|%%|%%|%%|%%|%%|%%|%%', pg_catalog.current_setting('rights.phase'), %L, current_user, session_user,
            pg_catalog.current_setting('is_superuser'), pg_catalog.current_setting('search_path'), %L, %s;$f$, place, code_owner, trick)
$$;

-- Without tricks where PostgreSQL holds a lock on a page during the call, because the end of a subtransaction would release it.
CREATE FUNCTION rights.probe_body(place text, code_owner name, result text, before text DEFAULT '', tricky boolean DEFAULT true) RETURNS text
LANGUAGE sql
AS $$
    SELECT format($f$
DECLARE
    trick text;
    dummy text;
BEGIN
    IF pg_catalog.length(pg_catalog.current_setting('rights.phase', true)) OPERATOR(pg_catalog.>) 0 THEN
        %s
        IF %L AND pg_catalog.textne(pg_catalog.current_setting('rights.phase'), 'commit') THEN
            FOREACH trick IN ARRAY ARRAY['role', 'session_authorization'] LOOP
                BEGIN
                    dummy := pg_catalog.set_config(trick, NULL, false);
                    %s
                    RAISE EXCEPTION 'undone';
                EXCEPTION WHEN OTHERS THEN
                    NULL;
                END;
            END LOOP;
        END IF;
        IF %L AND pg_catalog.length(pg_catalog.current_setting('rights.leak', true)) OPERATOR(pg_catalog.>) 0 THEN
            dummy := pg_catalog.set_config(pg_catalog.current_setting('rights.leak'), '12345kB', false);
        END IF;
        IF pg_catalog.texteq(pg_catalog.current_setting('rights.fail', true), %L) THEN
            RAISE EXCEPTION 'planned' USING ERRCODE = 'RI000';
        END IF;
    END IF;
    %s
    RETURN %s;
END$f$, rights.probe_report(place, code_owner, quote_literal('')), tricky, rights.probe_report(place, code_owner, 'trick'),
        place NOT LIKE 'event trigger%', place, before, result)
$$;

-- The settings and the user of a session, or their changes.
CREATE FUNCTION rights.settings(path text DEFAULT pg_catalog.current_setting('search_path')) RETURNS text
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg(name || ' = ' || setting, E'\n') FILTER (WHERE name NOT LIKE 'rights.%' AND name <> 'search_path')
           || format(E'\ncurrent_user = %s\nsession_user = %s\nrole = %s\nsearch_path = %s', current_user, session_user, current_setting('role'), path)
    FROM pg_settings
$$;

CREATE FUNCTION rights.changed(before text, path text DEFAULT pg_catalog.current_setting('search_path')) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    now text := rights.settings(path);
BEGIN
    RETURN CASE WHEN now = before THEN '' ELSE (
        SELECT string_agg(l, ', ') FROM unnest(string_to_array(now, E'\n')) l WHERE l <> ALL (string_to_array(before, E'\n'))) END;
END
$$;

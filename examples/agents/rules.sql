-- What the platform asks beside permissions on rows. Included by schema.sql, as agents_owner.

-- A workflow is made and changed in its team, which the transaction has chosen; publishing one, or changing one that is
-- published, needs a permission of its own. Operators, who have no context, load what they like.
CREATE FUNCTION agents.guard_workflow() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion.user_id() IS NOT NULL THEN
        IF NEW.team_id IS DISTINCT FROM bastion.unit_id() THEN
            RAISE EXCEPTION 'the team of the workflow is not the chosen one' USING ERRCODE = 'insufficient_privilege';
        ELSIF NEW.environment = 'prod' AND NOT bastion.has_permission('workflows.publish') THEN
            RAISE EXCEPTION 'permission to publish is missing' USING ERRCODE = 'insufficient_privilege';
        ELSIF jsonb_array_length(NEW.definition -> 'agents') > bastion.setting_integer('workflows.agents', 50) THEN
            RAISE EXCEPTION 'the workflow has too many agents' USING ERRCODE = 'check_violation';
        END IF;
        NEW.version := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE OLD.version + 1 END;
        NEW.updated_at := now();
    END IF;
    RETURN NEW;
END
$$;
-- A share is no change of the workflow.
CREATE TRIGGER guard_workflow BEFORE INSERT OR UPDATE OF team_id, name, description, environment, definition, tags, version, message ON agents.workflows
FOR EACH ROW EXECUTE FUNCTION agents.guard_workflow();

-- The owner of the table writes versions, so that nobody else needs to.
CREATE FUNCTION agents.make_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO agents.workflow_versions (tenant_id, team_id, workflow_id, number, parent, snapshot, message)
    VALUES (NEW.tenant_id, NEW.team_id, NEW.id, NEW.version, nullif(NEW.version - 1, 0),
            jsonb_build_object('name', NEW.name, 'environment', NEW.environment, 'definition', NEW.definition, 'tags', NEW.tags),
            CASE WHEN TG_OP = 'INSERT' OR NEW.message IS DISTINCT FROM OLD.message THEN NEW.message END);
    RETURN NULL;
END
$$;
CREATE TRIGGER make_version AFTER INSERT OR UPDATE OF team_id, name, description, environment, definition, tags, version, message ON agents.workflows
FOR EACH ROW EXECUTE FUNCTION agents.make_version();

-- An execution begins with a workflow that its user may execute, and takes the version of now.
CREATE FUNCTION agents.begin_execution() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion.user_id() IS NOT NULL THEN
        SELECT w.version INTO NEW.version FROM agents.workflows w
        WHERE w.id = NEW.workflow_id AND w.team_id = bastion.unit_id() AND NEW.team_id = w.team_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'no such workflow in the chosen team' USING ERRCODE = 'foreign_key_violation';
        ELSIF NOT bastion.has_permission('workflows.execute') THEN
            RAISE EXCEPTION 'permission to execute is missing' USING ERRCODE = 'insufficient_privilege';
        END IF;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER begin_execution BEFORE INSERT ON agents.executions
FOR EACH ROW EXECUTE FUNCTION agents.begin_execution();

-- It goes on as the engine says; others cancel.
CREATE FUNCTION agents.guard_execution() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    cancelled agents.executions := OLD;
BEGIN
    cancelled.status := 'cancelled';
    cancelled.duration := NEW.duration;
    IF bastion.user_id() IS NOT NULL AND NEW IS DISTINCT FROM cancelled
       AND NOT bastion.can_by_acl('executions.run', NEW.acl_id) THEN
        RAISE EXCEPTION 'an execution can only be cancelled' USING ERRCODE = 'insufficient_privilege';
    ELSIF NOT ((OLD.status, NEW.status) IN (('pending', 'running'), ('pending', 'cancelled'), ('running', 'running'),
                                            ('running', 'completed'), ('running', 'failed'), ('running', 'cancelled'))) THEN
        RAISE EXCEPTION 'an execution cannot go from % to %', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    NEW.started_at := coalesce(OLD.started_at, CASE NEW.status WHEN 'running' THEN clock_timestamp() END);
    NEW.finished_at := CASE WHEN NEW.status <> 'running' THEN clock_timestamp() END;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard_execution BEFORE UPDATE ON agents.executions
FOR EACH ROW EXECUTE FUNCTION agents.guard_execution();

-- A schedule is of the chosen team. Its next run follows from its cron expression.
CREATE FUNCTION agents.guard_schedule() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion.user_id() IS NOT NULL AND NEW.team_id IS DISTINCT FROM bastion.unit_id() THEN
        RAISE EXCEPTION 'the team of the schedule is not the chosen one' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'INSERT' AND NOT bastion.flag_boolean('schedules', true) THEN
        RAISE EXCEPTION 'schedules are switched off' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF TG_OP = 'UPDATE' AND (NEW.cron, NEW.time_zone) IS DISTINCT FROM (OLD.cron, OLD.time_zone) THEN
        NEW.next_run_at := NULL;
    END IF;
    NEW.next_run_at := coalesce(NEW.next_run_at, agents.next_run(NEW.cron, NEW.time_zone, now()));
    RETURN NEW;
END
$$;
CREATE TRIGGER guard_schedule BEFORE INSERT OR UPDATE ON agents.scheduled_executions
FOR EACH ROW EXECUTE FUNCTION agents.guard_schedule();

-- Cron

CREATE FUNCTION agents.cron_field(field text, lowest integer, highest integer) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part text;
    piece text[];
    numbers integer[] := '{}';
BEGIN
    FOREACH part IN ARRAY string_to_array(field, ',') LOOP
        piece := regexp_match(part, '^(\*|([0-9]{1,2})(-([0-9]{1,2}))?)(/([1-9][0-9]?))?$');
        IF piece IS NULL OR piece[2]::integer NOT BETWEEN lowest AND highest OR piece[4]::integer NOT BETWEEN lowest AND highest THEN
            RAISE EXCEPTION 'invalid cron expression' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        numbers := numbers || ARRAY(SELECT n FROM generate_series(
            coalesce(piece[2]::integer, lowest),
            coalesce(piece[4]::integer, CASE WHEN piece[5] IS NULL THEN piece[2]::integer END, highest),
            coalesce(piece[6]::integer, 1)) n);
    END LOOP;
    RETURN numbers;
END
$$;

CREATE FUNCTION agents.next_run(cron text, time_zone text, after timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    WITH fields AS (
        SELECT agents.cron_field(f[1], 0, 59) AS minutes, agents.cron_field(f[2], 0, 23) AS hours, agents.cron_field(f[3], 1, 31) AS days,
               agents.cron_field(f[4], 1, 12) AS months, agents.cron_field(f[5], 0, 6) AS weekdays, f[3] = '*' AS any_day, f[5] = '*' AS any_weekday
        FROM regexp_match(cron, '^(\S+) (\S+) (\S+) (\S+) (\S+)$') f
    )
    SELECT t.run FROM fields, generate_series((after AT TIME ZONE time_zone)::date::timestamp,
                                              (after AT TIME ZONE time_zone)::date::timestamp + interval '4 years', interval '1 day') d (day),
         LATERAL (SELECT extract(day FROM day) = ANY (days) AS right_day, extract(dow FROM day) = ANY (weekdays) AS right_weekday) r,
         LATERAL (SELECT min((day + make_interval(hours => h, mins => m)) AT TIME ZONE time_zone) AS run FROM unnest(hours) h, unnest(minutes) m
                  WHERE (day + make_interval(hours => h, mins => m)) AT TIME ZONE time_zone > after) t
    WHERE extract(month FROM day) = ANY (months) AND t.run IS NOT NULL
      -- As cron has it: where both are named, either will do.
      AND CASE WHEN any_day OR any_weekday THEN right_day AND right_weekday ELSE right_day OR right_weekday END
    ORDER BY day LIMIT 1
$$;
ALTER TABLE agents.scheduled_executions ADD CHECK (agents.next_run(cron, time_zone, '2000-01-01 00:00+00') IS NOT NULL);

-- For the engine: begins what is due in the chosen team. Of two that come at once, each begins other schedules.
CREATE FUNCTION agents.start_due() RETURNS SETOF uuid
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
    WITH due AS (
        SELECT s.id FROM agents.scheduled_executions s
        WHERE s.active AND s.next_run_at <= now() AND s.team_id = bastion.unit_id() FOR UPDATE SKIP LOCKED
    ), done AS (
        UPDATE agents.scheduled_executions s SET last_run_at = now(), next_run_at = agents.next_run(s.cron, s.time_zone, now())
        FROM due WHERE s.id = due.id RETURNING s.workflow_id, s.input
    )
    INSERT INTO agents.executions (workflow_id, trigger, input) SELECT workflow_id, 'schedule', input FROM done RETURNING id
$$;

-- Executions an hour; schema.sql has the limit.
CREATE FUNCTION agents.limit_executions() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- The seed has no identity.
    IF bastion.tenant_id() IS NOT NULL THEN
        PERFORM bastion.rate_limit_require('executions');
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER limit_executions BEFORE INSERT ON agents.executions
FOR EACH ROW EXECUTE FUNCTION agents.limit_executions();

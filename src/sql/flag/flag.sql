
-- Changes of flags. Users change those of their tenant, operators with the _for functions those of any tenant, and with NULL those of the
-- installation.

CREATE FUNCTION bastion_internal.flag_check(key text, environment text, reason text) RETURNS void
LANGUAGE plpgsql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion_internal.is_name(key) IS NOT TRUE THEN
        RAISE EXCEPTION 'invalid key of a flag' USING ERRCODE = 'invalid_parameter_value', DETAIL = 'A key has from 1 to 200 characters, all of them visible.';
    ELSIF bastion_internal.is_environment(environment) IS NOT TRUE THEN
        RAISE EXCEPTION 'invalid environment' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'An environment is a word of lower-case letters, digits and underscores, at most 63, or *.';
    ELSIF bastion_internal.is_label(reason) IS FALSE THEN
        RAISE EXCEPTION 'invalid reason' USING ERRCODE = 'invalid_parameter_value', DETAIL = 'A reason has from 1 to 200 characters, none of them a control character.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.flag_check(text, text, text) IS
'Raises SQLSTATE 22023 unless key, environment and reason may be stored.';

CREATE FUNCTION bastion_internal.require_given(definition jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF definition IS NULL THEN
        RAISE EXCEPTION 'the definition of a flag is needed' USING ERRCODE = 'null_value_not_allowed', HINT = 'flag_delete() deletes a flag.';
    END IF;
    RETURN definition;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_given(jsonb) IS 'The definition of a flag. SQLSTATE 22004 for NULL.';

CREATE FUNCTION bastion_internal.flag_locked(tenant_id uuid, key text, environment text) RETURNS bastion.flags
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    flag bastion.flags;
BEGIN
    SELECT * INTO flag FROM bastion.flags f
    WHERE f.tenant_id IS NOT DISTINCT FROM flag_locked.tenant_id AND f.key = flag_locked.key AND f.environment = flag_locked.environment
    FOR NO KEY UPDATE;
    RETURN flag;
END
$$;
COMMENT ON FUNCTION bastion_internal.flag_locked(uuid, text, text) IS
'The flag of a tenant (NULL: of the installation), which nobody else changes until the transaction ends. NULL without one.';

CREATE FUNCTION bastion_internal.flag_needs_approval(tenant_id uuid, key text) RETURNS boolean
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT flag_needs_approval.tenant_id IS NOT NULL
        AND EXISTS (SELECT FROM bastion.flags f WHERE f.key = flag_needs_approval.key AND f.four_eyes AND (f.tenant_id = flag_needs_approval.tenant_id OR f.tenant_id IS NULL))
$$;
COMMENT ON FUNCTION bastion_internal.flag_needs_approval(uuid, text) IS
'Whether changes of a key in a tenant need another person: where a flag of it says so, in any environment, of the tenant or the installation.';

CREATE FUNCTION bastion_internal.flag_guard(tenant_id uuid, key text, request uuid) RETURNS void
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF request IS NULL AND bastion_internal.flag_needs_approval(tenant_id, key) THEN
        RAISE EXCEPTION 'a change of this flag needs the approval of another person' USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'bastion.flag_request() asks for it.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.flag_guard(uuid, text, uuid) IS
'Refuses the change of a flag that needs an approval, unless request names one. SQLSTATE 55000.';

CREATE FUNCTION bastion_internal.flag_store(tenant_id uuid, key text, definition jsonb, environment text, expected_version integer,
                                            effective_at timestamptz, reason text, request uuid DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    flag bastion.flags;
    latest bastion.flag_versions;
    now_known integer;
BEGIN
    PERFORM bastion_internal.flag_check(key, environment, reason);
    PERFORM bastion_internal.require_flag(definition);
    IF effective_at <= clock_timestamp() OR NOT isfinite(effective_at) THEN
        RAISE EXCEPTION 'invalid time of a scheduled change' USING ERRCODE = 'invalid_parameter_value', DETAIL = 'The time lies in the future.';
    END IF;
    INSERT INTO bastion.flags (tenant_id, key, environment) VALUES (flag_store.tenant_id, flag_store.key, flag_store.environment)
    ON CONFLICT ON CONSTRAINT flags_key_key DO NOTHING;
    flag := bastion_internal.flag_locked(tenant_id, key, environment);
    PERFORM bastion_internal.flag_guard(tenant_id, key, request);
    SELECT * INTO latest FROM bastion.flag_versions v WHERE v.flag_id = flag.id AND v.version = flag.version;
    now_known := CASE WHEN latest.definition IS NULL THEN 0 ELSE flag.version END;
    IF now_known <> expected_version THEN
        RAISE EXCEPTION 'flag has another version' USING ERRCODE = 'BA008', DETAIL = jsonb_build_object('version', now_known)::text,
            HINT = 'Read it again; expected_version => 0 expects that the flag does not exist.';
    END IF;
    UPDATE bastion.flags f SET version = f.version + 1 WHERE f.id = flag.id;
    -- A change that waited for another one holds after it, though its statement began before.
    INSERT INTO bastion.flag_versions (flag_id, version, definition, effective_at, reason, request_id, created_by, created_at)
    VALUES (flag.id, flag.version + 1, flag_store.definition,
            coalesce(flag_store.effective_at, greatest(statement_timestamp(), (
                SELECT max(v.effective_at) FROM bastion.flag_versions v WHERE v.flag_id = flag.id AND v.effective_at <= clock_timestamp()))),
            flag_store.reason, flag_store.request, bastion.actor_id(), clock_timestamp());
    PERFORM bastion_internal.record_event(CASE WHEN definition IS NULL THEN 'flag_deleted' ELSE 'flag_set' END, 'success', NULL, tenant_id, jsonb_strip_nulls(
        jsonb_build_object('key', key, 'environment', environment, 'version', flag.version + 1, 'effective_at', effective_at)));
    RETURN flag.version + 1;
END
$$;
COMMENT ON FUNCTION bastion_internal.flag_store(uuid, text, jsonb, text, integer, timestamptz, text, uuid) IS
'Adds a version to a flag of a tenant (NULL: of the installation), and the flag if there is none. definition NULL deletes the flag, effective_at NULL means now, request NULL that nobody approved it. Returns the version.
SQLSTATE 22023 for an invalid argument, 22P02 and 54000 as require_flag(), 23503 for an unknown tenant, 55000 as flag_guard(), BA008 when expected_version is not the newest version.';
SELECT bastion_internal.event_kind('flag_set');
SELECT bastion_internal.event_kind('flag_deleted');

CREATE FUNCTION bastion_internal.require_flag_definition(tenant_id uuid, key text, environment text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    flag bastion.flags := bastion_internal.flag_locked(tenant_id, key, environment);
    -- A statement of its own, which sees what the lock was waited for.
    current bastion.flag_versions := bastion_internal.version_in_force(flag.id);
BEGIN
    IF current.definition IS NULL THEN
        RAISE EXCEPTION 'flag does not exist' USING ERRCODE = 'undefined_object', HINT = 'bastion.flag_set() makes one; flag_list() shows them.';
    END IF;
    RETURN current.definition;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_flag_definition(uuid, text, text) IS
'The definition of a flag as it holds now, which nobody else changes until the transaction ends. SQLSTATE 42704 without one.';

CREATE FUNCTION bastion_internal.flag_rollout_rule(variant text, fallback text, percent numeric, users uuid[], roles text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN cardinality(users) + cardinality(roles) = 0 THEN r.share
                ELSE jsonb_build_object('if', jsonb_build_array(jsonb_build_object('or',
                         jsonb_build_array(jsonb_build_object('in', jsonb_build_array('{"var": "$bastion.user_id"}'::jsonb, to_jsonb(users))))
                         || (SELECT coalesce(jsonb_agg(jsonb_build_object('in', jsonb_build_array(role, '{"var": "$bastion.roles"}'::jsonb)) ORDER BY place), '[]')
                             FROM unnest(roles) WITH ORDINALITY AS named (role, place))), variant, r.share)) END
    FROM (SELECT CASE WHEN percent = 0 THEN to_jsonb(fallback) ELSE jsonb_build_object('fractional', jsonb_build_array(
              jsonb_build_array(variant, (percent * 1000)::integer), jsonb_build_array(fallback, 100000 - (percent * 1000)::integer))) END) AS r (share)
$$;
COMMENT ON FUNCTION bastion_internal.flag_rollout_rule(text, text, numeric, uuid[], text[]) IS
'The targeting rule of a roll-out: these users and the holders of these roles have the variant, and a percentage of all others. The growing variant stands first, so that who has it keeps it while the percentage grows.
SQLSTATE 22003 or 0A000 for a percentage that is none.';

CREATE FUNCTION bastion_internal.flag_users(users text[], of_operator boolean) RETURNS uuid[]
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found uuid[];
BEGIN
    IF users IS NULL OR cardinality(users) > 1000 THEN
        RAISE EXCEPTION 'invalid users of a roll-out' USING ERRCODE = 'invalid_parameter_value', DETAIL = 'They are at most 1,000.';
    END IF;
    SELECT coalesce(array_agg(CASE WHEN of_operator THEN bastion_internal.any_user_named(u) ELSE bastion_internal.user_named(u) END ORDER BY place), '{}')
    INTO found FROM unnest(users) WITH ORDINALITY AS named (u, place);
    IF EXISTS (SELECT FROM unnest(found) f WHERE f IS NULL OR f = '00000000-0000-0000-0000-000000000000') THEN
        RAISE EXCEPTION 'user does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION bastion_internal.flag_users(text[], boolean) IS
'The users whom the caller, or an operator, names by uuid, e-mail address or user name. SQLSTATE 22023 for too many, 42704 for an unknown one.';

CREATE FUNCTION bastion_internal.flag_rolled_out(tenant_id uuid, key text, variant text, percent numeric, users uuid[], roles text[], environment text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    definition jsonb;
    rule jsonb;
BEGIN
    IF percent IS NULL OR NOT (percent BETWEEN 0 AND 100) OR roles IS NULL OR cardinality(roles) > 1000
       OR EXISTS (SELECT FROM unnest(roles) r WHERE r IS NULL) THEN
        RAISE EXCEPTION 'invalid roll-out' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'percent is from 0 to 100, in steps of 0.001; the roles are at most 1,000.';
    END IF;
    definition := bastion_internal.require_flag_definition(tenant_id, key, environment);
    IF definition -> 'variants' -> variant IS NULL OR coalesce(definition ->> 'defaultVariant', variant) = variant THEN
        RAISE EXCEPTION 'invalid variant of a roll-out' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'The variant is one of the flag, and not its defaultVariant, which the others have.';
    END IF;
    rule := bastion_internal.flag_rollout_rule(variant, definition ->> 'defaultVariant', percent, users, roles);
    RETURN CASE WHEN jsonb_typeof(rule) = 'object' THEN definition || jsonb_build_object('targeting', rule) ELSE definition - 'targeting' END;
END
$$;
COMMENT ON FUNCTION bastion_internal.flag_rolled_out(uuid, text, text, numeric, uuid[], text[], text) IS
'The definition of a flag with a roll-out, as flag_rollout() describes it, in place of its targeting rule. Nobody else changes the flag until the transaction ends.
SQLSTATE 22023 for an invalid argument, 42704 for an unknown flag.';

CREATE FUNCTION bastion_internal.flag_rollout_store(tenant_id uuid, key text, variant text, percent numeric, users uuid[], roles text[], environment text,
                                                    reason text) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.flag_check(key, environment, reason);
    RETURN bastion_internal.flag_store(tenant_id, key, bastion_internal.flag_rolled_out(tenant_id, key, variant, percent, users, roles, environment),
                                       environment, NULL, NULL, reason);
END
$$;
COMMENT ON FUNCTION bastion_internal.flag_rollout_store(uuid, text, text, numeric, uuid[], text[], text, text) IS
'Replaces the targeting rule of a flag by a roll-out, as flag_rollout() describes it; returns the version.
SQLSTATE 22023 for an invalid argument, 42704 for an unknown flag, 54000 as flag_store().';

CREATE FUNCTION bastion_internal.flag_disabled(tenant_id uuid, key text, disabled boolean, environment text) RETURNS jsonb
LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.require_flag_definition(tenant_id, key, environment) || jsonb_build_object('state', CASE WHEN disabled IS NOT FALSE THEN 'DISABLED' ELSE 'ENABLED' END)
$$;
COMMENT ON FUNCTION bastion_internal.flag_disabled(uuid, text, boolean, text) IS
'The definition of a flag with another state. Nobody else changes the flag until the transaction ends. SQLSTATE 42704 for an unknown flag.';

CREATE FUNCTION bastion_internal.flag_disable_store(tenant_id uuid, key text, disabled boolean, environment text, reason text) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.flag_check(key, environment, reason);
    RETURN bastion_internal.flag_store(tenant_id, key, bastion_internal.flag_disabled(tenant_id, key, disabled, environment), environment, NULL, NULL, reason);
END
$$;
COMMENT ON FUNCTION bastion_internal.flag_disable_store(uuid, text, boolean, text, text) IS 'Changes the state of a flag; returns the version. SQLSTATE 22023 for an invalid argument, 42704 for an unknown flag.';

CREATE FUNCTION bastion_internal.flag_delete_store(tenant_id uuid, key text, environment text, reason text) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.flag_check(key, environment, reason);
    PERFORM bastion_internal.require_flag_definition(tenant_id, key, environment);
    RETURN bastion_internal.flag_store(tenant_id, key, NULL, environment, NULL, NULL, reason);
END
$$;
COMMENT ON FUNCTION bastion_internal.flag_delete_store(uuid, text, text, text) IS 'Deletes a flag; returns the version that says so. SQLSTATE 22023 for an invalid argument, 42704 for an unknown flag.';

CREATE FUNCTION bastion_internal.flag_as_of(tenant_id uuid, key text, version integer, environment text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    flag bastion.flags := bastion_internal.flag_locked(tenant_id, key, environment);
    earlier bastion.flag_versions;
BEGIN
    SELECT * INTO earlier FROM bastion.flag_versions v WHERE v.flag_id = flag.id AND v.version = flag_as_of.version;
    IF earlier.definition IS NULL THEN
        RAISE EXCEPTION 'version of the flag does not exist' USING ERRCODE = 'undefined_object', HINT = 'flag_history() lists the versions.';
    END IF;
    RETURN earlier.definition;
END
$$;
COMMENT ON FUNCTION bastion_internal.flag_as_of(uuid, text, integer, text) IS
'The definition of a version of a flag, which nobody else changes until the transaction ends. SQLSTATE 42704 for an unknown version, or one that deleted the flag.';

CREATE FUNCTION bastion_internal.flag_rollback_store(tenant_id uuid, key text, version integer, environment text, reason text) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.flag_check(key, environment, reason);
    RETURN bastion_internal.flag_store(tenant_id, key, bastion_internal.flag_as_of(tenant_id, key, version, environment), environment, NULL, NULL, reason);
END
$$;
COMMENT ON FUNCTION bastion_internal.flag_rollback_store(uuid, text, integer, text, text) IS
'Adds a version with the definition of an earlier one; returns the version. SQLSTATE 22023 for an invalid argument, 42704 for an unknown version, or one that deleted the flag.';

CREATE FUNCTION bastion_internal.flag_cancel_store(tenant_id uuid, key text, version integer, environment text, request uuid DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    flag bastion.flags := bastion_internal.flag_locked(tenant_id, key, environment);
BEGIN
    PERFORM bastion_internal.flag_guard(tenant_id, key, request);
    UPDATE bastion.flag_versions v SET cancelled_at = clock_timestamp()
    WHERE v.flag_id = flag.id AND v.version = flag_cancel_store.version AND v.cancelled_at IS NULL AND v.effective_at > clock_timestamp();
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM bastion_internal.record_event('flag_cancelled', 'success', NULL, tenant_id,
                                          jsonb_build_object('key', key, 'environment', environment, 'version', version));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion_internal.flag_cancel_store(uuid, text, integer, text, uuid) IS
'Cancels a version whose time has not come; false if there is none. SQLSTATE 55000 as flag_guard().';
SELECT bastion_internal.event_kind('flag_cancelled');

CREATE FUNCTION bastion_internal.flag_describe(tenant_id uuid, key text, four_eyes boolean, environment text, reason text, request uuid DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    flag bastion.flags;
BEGIN
    PERFORM bastion_internal.flag_check(key, environment, reason);
    flag := bastion_internal.flag_locked(tenant_id, key, environment);
    IF flag.id IS NULL THEN
        RAISE EXCEPTION 'flag does not exist' USING ERRCODE = 'undefined_object', HINT = 'bastion.flag_set() makes one; flag_list() shows them.';
    END IF;
    PERFORM bastion_internal.flag_guard(tenant_id, key, request);
    UPDATE bastion.flags f SET four_eyes = coalesce(flag_describe.four_eyes, f.four_eyes) WHERE f.id = flag.id;
    PERFORM bastion_internal.record_event('flag_updated', 'success', NULL, tenant_id, jsonb_strip_nulls(
        jsonb_build_object('key', key, 'environment', environment, 'four_eyes', four_eyes, 'reason', reason, 'request', request)));
END
$$;
COMMENT ON FUNCTION bastion_internal.flag_describe(uuid, text, boolean, text, text, uuid) IS
'Changes whether a flag needs the approval of another person; NULL changes nothing. SQLSTATE 22023 for an invalid argument, 42704 for an unknown flag, 55000 as flag_guard().';
SELECT bastion_internal.event_kind('flag_updated');

CREATE FUNCTION bastion_internal.flags_of(tenant_id uuid, environment text)
RETURNS TABLE (key text, of_environment text, of_tenant boolean, version integer, definition jsonb, effective_at timestamptz, four_eyes boolean)
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 50
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT c.key, c.environment, c.tenant_id IS NOT NULL, c.version, c.definition, c.effective_at, bastion_internal.flag_needs_approval(flags_of.tenant_id, c.key)
    FROM bastion_internal.flag_candidates(NULL, flags_of.tenant_id, coalesce(flags_of.environment, bastion_internal.setting('bastion.environment'))) c
    WHERE c.rank = 1 ORDER BY c.key;
END
$$;
COMMENT ON FUNCTION bastion_internal.flags_of(uuid, text) IS 'The flags that hold now for a tenant in an environment; NULL: that of this database.';

CREATE FUNCTION bastion_internal.flag_history_of(tenant_id uuid, key text, environment text)
RETURNS TABLE (version integer, definition jsonb, effective_at timestamptz, in_force boolean, cancelled_at timestamptz, reason text, created_by uuid, created_at timestamptz, request_id uuid)
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT v.version, v.definition, v.effective_at, v.version = (bastion_internal.version_in_force(f.id)).version, v.cancelled_at, v.reason, v.created_by, v.created_at, v.request_id
    FROM bastion.flags f JOIN bastion.flag_versions v ON v.flag_id = f.id
    WHERE f.tenant_id IS NOT DISTINCT FROM flag_history_of.tenant_id AND f.key = flag_history_of.key AND f.environment = flag_history_of.environment
    ORDER BY v.version DESC
$$;
COMMENT ON FUNCTION bastion_internal.flag_history_of(uuid, text, text) IS 'The versions of a flag, newest first.';

CREATE FUNCTION bastion.flag_set(key text, definition jsonb, environment text DEFAULT '*', expected_version integer DEFAULT NULL, effective_at timestamptz DEFAULT NULL, reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.flags.manage');
    RETURN bastion_internal.flag_store(bastion.tenant_id(), key, bastion_internal.require_given(definition), environment, expected_version, effective_at, reason);
END
$$;
COMMENT ON FUNCTION bastion.flag_set(text, jsonb, text, integer, timestamptz, text) IS
'Makes or replaces a feature flag of the tenant; returns its new version. The definition has the form of flagd: {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off", "targeting": rule}. docs/FLAGS.md describes the rules.
A flag of an environment holds there in place of the one of every environment (*). With expected_version, it is stored only while that is the newest version; 0: only if the flag does not exist. With effective_at, it holds from then on, unless flag_cancel() comes before.
Needs tenant.flags.manage in the whole tenant.
SQLSTATE 22004 without a definition, 22023 for an invalid argument, 22P02 for numbers beyond a double, 54000 for a definition that is too large, BA008 when expected_version is not the newest version; 55000 when it needs an approval, 42501 without the permission, BA005 where a step-up rule withholds it, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.flag_set(text, jsonb, text, integer, timestamptz, text)', 'application');

CREATE FUNCTION bastion.flag_set_for(tenant text, key text, definition jsonb, environment text DEFAULT '*', expected_version integer DEFAULT NULL, effective_at timestamptz DEFAULT NULL, reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.flag_store(bastion_internal.require_tenant_or_null(tenant), key, bastion_internal.require_given(definition), environment, expected_version, effective_at, reason);
END
$$;
COMMENT ON FUNCTION bastion.flag_set_for(text, text, jsonb, text, integer, timestamptz, text) IS
'flag_set() for a tenant (uuid or slug), or with NULL for the installation, whose flags hold where a tenant has none. For operators: EXECUTE is granted to nobody.
SQLSTATE 22004 without a definition, 22023 for an invalid argument, 22P02 for numbers beyond a double, 54000 for a definition that is too large, BA008 when expected_version is not the newest version; 42704 for an unknown tenant, 55000 when it needs an approval.';

CREATE FUNCTION bastion.flag_rollout(key text, variant text, percent numeric, users text[] DEFAULT '{}', roles text[] DEFAULT '{}', environment text DEFAULT '*', reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.flags.manage');
    RETURN bastion_internal.flag_rollout_store(bastion.tenant_id(), key, variant, percent, bastion_internal.flag_users(users, false), roles, environment, reason);
END
$$;
COMMENT ON FUNCTION bastion.flag_rollout(text, text, numeric, text[], text[], text, text) IS
'Replaces the targeting rule of a flag. These users (uuid, e-mail address or user name) and the holders of these roles have the variant. So has the percentage of all others, in steps of 0.001; the rest has the defaultVariant. While the percentage grows, those who have the variant keep it. 0 without users and roles removes the rule. Returns the new version.
Needs tenant.flags.manage in the whole tenant.
SQLSTATE 22023 for an invalid argument, 42704 for an unknown flag or user, 54000 for a rule that is too large; 55000 when it needs an approval, 42501 without the permission, BA005 where a step-up rule withholds it, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.flag_rollout(text, text, numeric, text[], text[], text, text)', 'application');

CREATE FUNCTION bastion.flag_rollout_for(tenant text, key text, variant text, percent numeric, users text[] DEFAULT '{}', roles text[] DEFAULT '{}', environment text DEFAULT '*', reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.flag_rollout_store(bastion_internal.require_tenant_or_null(tenant), key, variant, percent, bastion_internal.flag_users(users, true), roles, environment, reason);
END
$$;
COMMENT ON FUNCTION bastion.flag_rollout_for(text, text, text, numeric, text[], text[], text, text) IS
'flag_rollout() for a tenant (uuid or slug), or with NULL for the installation, whose flags hold where a tenant has none. For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for an invalid argument, 42704 for an unknown flag or user, 54000 for a rule that is too large; 42704 for an unknown tenant, 55000 when it needs an approval.';

CREATE FUNCTION bastion.flag_disable(key text, disabled boolean DEFAULT true, environment text DEFAULT '*', reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.flags.manage');
    RETURN bastion_internal.flag_disable_store(bastion.tenant_id(), key, disabled, environment, reason);
END
$$;
COMMENT ON FUNCTION bastion.flag_disable(text, boolean, text, text) IS
'Disables a flag: each caller gets their own default value, whatever flags of the installation say. disabled => false enables it again. Returns the new version.
Needs tenant.flags.manage in the whole tenant.
SQLSTATE 22023 for an invalid argument, 42704 for an unknown flag; 55000 when it needs an approval, 42501 without the permission, BA005 where a step-up rule withholds it, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.flag_disable(text, boolean, text, text)', 'application');

CREATE FUNCTION bastion.flag_disable_for(tenant text, key text, disabled boolean DEFAULT true, environment text DEFAULT '*', reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.flag_disable_store(bastion_internal.require_tenant_or_null(tenant), key, disabled, environment, reason);
END
$$;
COMMENT ON FUNCTION bastion.flag_disable_for(text, text, boolean, text, text) IS
'flag_disable() for a tenant (uuid or slug), or with NULL for the installation, whose flags hold where a tenant has none. For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for an invalid argument, 42704 for an unknown flag; 42704 for an unknown tenant, 55000 when it needs an approval.';

CREATE FUNCTION bastion.flag_delete(key text, environment text DEFAULT '*', reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.flags.manage');
    RETURN bastion_internal.flag_delete_store(bastion.tenant_id(), key, environment, reason);
END
$$;
COMMENT ON FUNCTION bastion.flag_delete(text, text, text) IS
'Deletes a flag: what holds then is the flag of every environment or of the installation, if there is one. The history stays. Returns the version that says so.
Needs tenant.flags.manage in the whole tenant.
SQLSTATE 22023 for an invalid argument, 42704 for an unknown flag; 55000 when it needs an approval, 42501 without the permission, BA005 where a step-up rule withholds it, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.flag_delete(text, text, text)', 'application');

CREATE FUNCTION bastion.flag_delete_for(tenant text, key text, environment text DEFAULT '*', reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.flag_delete_store(bastion_internal.require_tenant_or_null(tenant), key, environment, reason);
END
$$;
COMMENT ON FUNCTION bastion.flag_delete_for(text, text, text, text) IS
'flag_delete() for a tenant (uuid or slug), or with NULL for the installation, whose flags hold where a tenant has none. For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for an invalid argument, 42704 for an unknown flag; 42704 for an unknown tenant, 55000 when it needs an approval.';

CREATE FUNCTION bastion.flag_rollback(key text, version integer, environment text DEFAULT '*', reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.flags.manage');
    RETURN bastion_internal.flag_rollback_store(bastion.tenant_id(), key, version, environment, reason);
END
$$;
COMMENT ON FUNCTION bastion.flag_rollback(text, integer, text, text) IS
'Gives a flag the definition of an earlier version again, as a new version, which it returns. It brings a deleted flag back too.
Needs tenant.flags.manage in the whole tenant.
SQLSTATE 22023 for an invalid argument, 42704 for an unknown version; 55000 when it needs an approval, 42501 without the permission, BA005 where a step-up rule withholds it, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.flag_rollback(text, integer, text, text)', 'application');

CREATE FUNCTION bastion.flag_rollback_for(tenant text, key text, version integer, environment text DEFAULT '*', reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.flag_rollback_store(bastion_internal.require_tenant_or_null(tenant), key, version, environment, reason);
END
$$;
COMMENT ON FUNCTION bastion.flag_rollback_for(text, text, integer, text, text) IS
'flag_rollback() for a tenant (uuid or slug), or with NULL for the installation, whose flags hold where a tenant has none. For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for an invalid argument, 42704 for an unknown version; 42704 for an unknown tenant, 55000 when it needs an approval.';

CREATE FUNCTION bastion.flag_cancel(key text, version integer, environment text DEFAULT '*') RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.flags.manage');
    RETURN bastion_internal.flag_cancel_store(bastion.tenant_id(), key, version, environment);
END
$$;
COMMENT ON FUNCTION bastion.flag_cancel(text, integer, text) IS
'Cancels a scheduled change, a version of flag_set() with effective_at, before its time; false if there is none.
Needs tenant.flags.manage in the whole tenant.
SQLSTATE 55000 when it needs an approval, 42501 without the permission, BA005 where a step-up rule withholds it, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.flag_cancel(text, integer, text)', 'application');

CREATE FUNCTION bastion.flag_cancel_for(tenant text, key text, version integer, environment text DEFAULT '*') RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.flag_cancel_store(bastion_internal.require_tenant_or_null(tenant), key, version, environment);
END
$$;
COMMENT ON FUNCTION bastion.flag_cancel_for(text, text, integer, text) IS
'flag_cancel() for a tenant (uuid or slug), or with NULL for the installation, whose flags hold where a tenant has none. For operators: EXECUTE is granted to nobody.
SQLSTATE 42704 for an unknown tenant, 55000 when it needs an approval.';

CREATE FUNCTION bastion.flag_update(key text, environment text DEFAULT '*', four_eyes boolean DEFAULT NULL, reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.flags.manage');
    PERFORM bastion_internal.flag_describe(bastion.tenant_id(), key, four_eyes, environment, reason);
END
$$;
COMMENT ON FUNCTION bastion.flag_update(text, text, boolean, text) IS
'Changes what describes a flag; NULL changes nothing. four_eyes: each change of this key in the tenant, in every environment, needs another person (flag_request()), and so does turning that off.
Needs tenant.flags.manage in the whole tenant.
SQLSTATE 22023 for an invalid argument, 42704 for an unknown flag; 55000 when it needs an approval, 42501 without the permission, BA005 where a step-up rule withholds it, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.flag_update(text, text, boolean, text)', 'application');

CREATE FUNCTION bastion.flag_update_for(tenant text, key text, environment text DEFAULT '*', four_eyes boolean DEFAULT NULL, reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.flag_describe(bastion_internal.require_tenant_or_null(tenant), key, four_eyes, environment, reason);
END
$$;
COMMENT ON FUNCTION bastion.flag_update_for(text, text, text, boolean, text) IS
'flag_update() for a tenant (uuid or slug), or with NULL for the installation, whose four_eyes counts for the flags of every tenant. For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for an invalid argument, 42704 for an unknown flag or tenant, 55000 when it needs an approval.';

CREATE FUNCTION bastion.flag_list(environment text DEFAULT NULL) RETURNS TABLE (key text, of_environment text, of_tenant boolean, version integer, definition jsonb, effective_at timestamptz, four_eyes boolean)
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED SECURITY DEFINER ROWS 50
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.flags.read');
    RETURN QUERY SELECT * FROM bastion_internal.flags_of(bastion.tenant_id(), flag_list.environment);
END
$$;
COMMENT ON FUNCTION bastion.flag_list(text) IS
'Lists the flags that hold now for the tenant in an environment; NULL: that of this database (bastion.environment). Those of the installation that hold too are listed with of_tenant false. four_eyes: whether a change of it by the tenant needs another person.
Needs tenant.flags.read in the whole tenant.
SQLSTATE F0000 when bastion.environment is stored with an invalid value; 42501 without the permission, BA005 where a step-up rule withholds it, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.flag_list(text)', 'application');

CREATE FUNCTION bastion.flag_list_for(tenant text, environment text DEFAULT NULL) RETURNS TABLE (key text, of_environment text, of_tenant boolean, version integer, definition jsonb, effective_at timestamptz, four_eyes boolean)
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 50
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT * FROM bastion_internal.flags_of(bastion_internal.require_tenant_or_null(tenant), flag_list_for.environment);
END
$$;
COMMENT ON FUNCTION bastion.flag_list_for(text, text) IS
'flag_list() for a tenant (uuid or slug), or with NULL for the installation, whose flags hold where a tenant has none. For operators: EXECUTE is granted to nobody.
SQLSTATE F0000 when bastion.environment is stored with an invalid value; 42704 for an unknown tenant.';

CREATE FUNCTION bastion.flag_history(key text, environment text DEFAULT '*') RETURNS TABLE (version integer, definition jsonb, effective_at timestamptz, in_force boolean, cancelled_at timestamptz, reason text, created_by uuid, created_at timestamptz, request_id uuid)
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED SECURITY DEFINER ROWS 50
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.flags.read');
    RETURN QUERY SELECT * FROM bastion_internal.flag_history_of(bastion.tenant_id(), flag_history.key, flag_history.environment);
END
$$;
COMMENT ON FUNCTION bastion.flag_history(text, text) IS
'Lists every version of a flag, newest first, scheduled and cancelled ones too: what it was, from when, why, and by whom. definition is NULL where the flag was deleted; request_id is the request of flag_request() that created_by approved.
Needs tenant.flags.read in the whole tenant.
SQLSTATE 42501 without the permission, BA005 where a step-up rule withholds it, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.flag_history(text, text)', 'application');

CREATE FUNCTION bastion.flag_history_for(tenant text, key text, environment text DEFAULT '*') RETURNS TABLE (version integer, definition jsonb, effective_at timestamptz, in_force boolean, cancelled_at timestamptz, reason text, created_by uuid, created_at timestamptz, request_id uuid)
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 50
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT * FROM bastion_internal.flag_history_of(bastion_internal.require_tenant_or_null(tenant), flag_history_for.key, flag_history_for.environment);
END
$$;
COMMENT ON FUNCTION bastion.flag_history_for(text, text, text) IS
'flag_history() for a tenant (uuid or slug), or with NULL for the installation, whose flags hold where a tenant has none. For operators: EXECUTE is granted to nobody.
SQLSTATE 42704 for an unknown tenant.';

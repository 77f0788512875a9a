
-- Step-up rules: what a user must have proved, and how freshly, to hold a permission. A permission whose rule is not met is not held:
-- the backend removes it from the rights of the transaction, as it does with what the scopes of an API key do not cover (step_up.hpp).
-- So policies and functions need not know the rules. All rules that cover a permission must be met: those of the operator for every tenant,
-- and those of the tenant, which can only add. tenants.mfa is a rule for everything that does not belong to the person, unless it is off.
-- The levels are those of bastion.auth_level(), and above them phr and phrh, by the names of OpenID Connect EAP ACR Values 1.0: level aal2
-- with a passkey, and level aal3. A code, which a page of another origin can ask for and pass on, meets neither. They sort by their names.

CREATE TABLE bastion.step_up_rules (
    tenant_id uuid,
    permission text COLLATE "C" NOT NULL,
    level text NOT NULL,
    max_age interval,
    scope uuid GENERATED ALWAYS AS (coalesce(tenant_id, '00000000-0000-0000-0000-000000000000')) STORED,
    CONSTRAINT step_up_rules_pkey PRIMARY KEY (scope, permission),
    CONSTRAINT step_up_rules_permission_check CHECK (bastion.is_permission_pattern(permission)),
    CONSTRAINT step_up_rules_level_check CHECK (level IN ('aal1', 'aal2', 'phr', 'phrh')),
    CONSTRAINT step_up_rules_max_age_check CHECK (bastion_internal.lasts(max_age, '1 minute', '366 days')),
    CONSTRAINT step_up_rules_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id) ON DELETE CASCADE
);
CREATE INDEX step_up_rules_tenant_id_idx ON bastion.step_up_rules (tenant_id);
COMMENT ON TABLE bastion.step_up_rules IS 'What users must have proved to hold a permission. Users see the rules of their tenant and those of every tenant';
COMMENT ON COLUMN bastion.step_up_rules.tenant_id IS 'The tenant that has the rule; NULL: every tenant has it';
COMMENT ON COLUMN bastion.step_up_rules.permission IS 'The permission or pattern that it covers';
COMMENT ON COLUMN bastion.step_up_rules.level IS 'What the session proved at least: aal1, aal2, phr: aal2 with a passkey, or phrh: aal3';
COMMENT ON COLUMN bastion.step_up_rules.max_age IS 'How long after bastion.auth_time() it is met; NULL for ever';
COMMENT ON COLUMN bastion.step_up_rules.scope IS 'tenant_id, or the zero uuid for NULL; the key, and what caches depend on';
SELECT pg_extension_config_dump('bastion.step_up_rules', '');
ALTER TABLE bastion.step_up_rules ENABLE ROW LEVEL SECURITY;
CREATE POLICY step_up_rules_of_tenant ON bastion.step_up_rules FOR SELECT USING (tenant_id = (SELECT bastion.tenant_id()));
CREATE POLICY step_up_rules_of_all ON bastion.step_up_rules FOR SELECT USING (tenant_id IS NULL AND (SELECT bastion.tenant_id()) IS NOT NULL);
SELECT bastion_internal.readable_by('bastion.step_up_rules', 'application');
-- Rights depend on the scope of each of rule_scopes(); those of a holder of a platform role, on all rules.
CREATE TRIGGER step_up_rules_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.step_up_rules
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('tenant', 'scope', 'platform');
CREATE TRIGGER step_up_rules_invalidate_truncate AFTER TRUNCATE ON bastion.step_up_rules
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('all');
ALTER TABLE bastion.step_up_rules ENABLE ALWAYS TRIGGER step_up_rules_invalidate;
ALTER TABLE bastion.step_up_rules ENABLE ALWAYS TRIGGER step_up_rules_invalidate_truncate;

CREATE FUNCTION bastion_internal.step_up_rules_in(scopes uuid[])
RETURNS TABLE (rule_tenant_id uuid, pattern text, level text, max_age interval, remembers interval)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT r.tenant_id, r.permission, r.level, r.max_age, NULL::interval FROM bastion.step_up_rules r
    WHERE r.scope = ANY (scopes)
    UNION ALL
    SELECT t.id, '', CASE t.mfa WHEN 'required' THEN 'aal2' ELSE 'phr' END, NULL::interval, t.mfa_remember FROM bastion.tenants t WHERE t.id = ANY (scopes) AND t.mfa <> 'off';
END
$$;
COMMENT ON FUNCTION bastion_internal.step_up_rules_in(uuid[]) IS
'The step-up rules of these tenants (the zero uuid: those of every tenant). An empty pattern covers everything but own....; API keys are exempt from it, and for as long as it remembers so are remembered devices.';

CREATE FUNCTION bastion_internal.step_up_rules_of(user_id uuid, tenant_id uuid)
RETURNS TABLE (rule_tenant_id uuid, pattern text, level text, max_age interval, remembers interval)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT r.* FROM bastion_internal.step_up_rules_in(CASE
        WHEN EXISTS (SELECT FROM bastion.platform_roles p WHERE p.user_id = step_up_rules_of.user_id)
        THEN ARRAY(SELECT r.scope FROM bastion.step_up_rules r UNION SELECT t.id FROM bastion.tenants t WHERE t.mfa <> 'off')
        ELSE ARRAY(SELECT s.scope FROM bastion_internal.rule_scopes(step_up_rules_of.user_id, step_up_rules_of.tenant_id) s) END) r;
END
$$;
COMMENT ON FUNCTION bastion_internal.step_up_rules_of(uuid, uuid) IS
'The step-up rules for a user who works in a tenant: those of rule_scopes(); for a holder of a platform role, all.';

CREATE FUNCTION bastion_internal.step_up_unmet(in_person boolean DEFAULT false) RETURNS TABLE (pattern text, level text, max_age interval)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.pattern, r.level, r.max_age FROM bastion_internal.step_up_rules_in(ARRAY[bastion.tenant_id(), '00000000-0000-0000-0000-000000000000']) r
    WHERE NOT (r.pattern = '' AND bastion.api_key_id() IS NOT NULL)
      AND (in_person OR (r.pattern = '' AND bastion_internal.auth_remembered_at() > statement_timestamp() - r.remembers) IS NOT TRUE)
      AND CASE
          WHEN r.level IN ('phr', 'phrh') THEN bastion.auth_level() NOT IN (CASE r.level WHEN 'phr' THEN 'aal2' ELSE 'aal3' END, 'aal3')
              OR bastion_internal.auth_phishing_resistant_at() IS NULL
              OR bastion_internal.auth_phishing_resistant_at() <= statement_timestamp() - r.max_age
          ELSE r.level > bastion.auth_level() COLLATE "C"
              OR r.max_age IS NOT NULL AND (bastion.auth_time() > statement_timestamp() - r.max_age) IS NOT TRUE END
$$;
COMMENT ON FUNCTION bastion_internal.step_up_unmet(boolean) IS
'The step-up rules of this transaction''s tenant that its identity does not meet; in_person, those too that a remembered device meets.';

CREATE FUNCTION bastion_internal.rule_concerns(rule text, pattern text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE rule WHEN '' THEN NOT starts_with(pattern, 'own.') ELSE bastion_internal.patterns_overlap(rule, pattern) END
$$;
COMMENT ON FUNCTION bastion_internal.rule_concerns(text, text) IS
'Whether a pattern of step_up_rules_in() covers a part of what a permission or pattern covers.';

CREATE FUNCTION bastion_internal.step_up_needed(patterns text[]) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object('acr', max(u.level COLLATE "C"), 'max_age', extract(epoch FROM min(u.max_age))::integer))
    FROM bastion_internal.step_up_unmet() u
    WHERE EXISTS (SELECT FROM unnest(step_up_needed.patterns) p WHERE bastion_internal.rule_concerns(u.pattern, p))
    HAVING count(*) > 0 AND coalesce(bastion.api_key_id(), bastion.delegation_id()) IS NULL
$$;
COMMENT ON FUNCTION bastion_internal.step_up_needed(text[]) IS
'What a login must prove for these permissions or patterns and did not: {"acr", "max_age" in seconds, if any rule limits it}. NULL when all rules are met, and for an API key and an actor, who cannot step up.';

CREATE FUNCTION bastion_internal.step_up_withheld(permission text, unit_id uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    needed jsonb := bastion_internal.step_up_needed(ARRAY[permission]);
BEGIN
    IF needed IS NOT NULL AND EXISTS (
        SELECT FROM bastion_internal.effective_permissions(bastion.user_id(), bastion.tenant_id(), step_up_withheld.unit_id) p
        WHERE p.permission = step_up_withheld.permission) THEN
        RETURN needed;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.step_up_withheld(text, uuid) IS
'step_up_needed() for a permission that the user holds in a unit, or in the whole tenant, but for a step-up rule; NULL for any other.';

CREATE FUNCTION bastion_internal.raise_step_up(message text, needed jsonb) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.count_refusal('step_up');
    RAISE EXCEPTION '%', message USING ERRCODE = 'BA005', DETAIL = needed::text,
        HINT = 'SELECT bastion_api.step_up(...) with a second factor, or log in again.';
END
$$;
COMMENT ON FUNCTION bastion_internal.raise_step_up(text, jsonb) IS
'Raises SQLSTATE BA005 with what step_up_needed() says as DETAIL (RFC 9470), which refusal_of() turns into an answer.';

CREATE FUNCTION bastion_internal.require_step_up(permission text, unit_id uuid) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    needed jsonb := bastion_internal.step_up_withheld(permission, unit_id);
BEGIN
    IF needed IS NOT NULL THEN
        PERFORM bastion_internal.raise_step_up(format('the permission "%s" needs a stronger or fresher login', permission), needed);
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_step_up(text, uuid) IS
'Raises SQLSTATE BA005, with {"acr", "max_age"} as DETAIL (RFC 9470), when the user holds the permission and a step-up rule withholds it.';

CREATE FUNCTION bastion.require_permission(permission text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion.has_permission(permission) IS NOT TRUE THEN
        PERFORM bastion_internal.require_step_up(permission, bastion.unit_id());
        RAISE insufficient_privilege USING MESSAGE = CASE WHEN bastion.is_permission_pattern(permission)
            THEN format('permission denied: "%s" is needed', permission) ELSE 'permission denied' END;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion.require_permission(text) IS
'Raises unless has_permission(): for functions of the application.
SQLSTATE 42501 for a permission that is not held. BA005 for one that a step-up rule withholds, with {"acr": the level, "max_age": in seconds} as DETAIL (RFC 9470): the client calls step_up(), or logs in again. 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.require_permission(text)', 'application');

-- Changes. A rule is met by those who make it weaker: otherwise a stolen session would remove it first.

CREATE FUNCTION bastion_internal.step_up_rule_put(for_tenant uuid, permission text, level text, max_age interval) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion.is_permission_pattern(permission) IS NOT TRUE OR level IS NULL OR level NOT IN ('aal1', 'aal2', 'phr', 'phrh') OR NOT bastion_internal.lasts(max_age, '1 minute', '366 days')
       OR (level = 'aal1' AND max_age IS NULL) THEN
        RAISE EXCEPTION 'invalid step-up rule' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'A rule has a permission or pattern, the level aal1, aal2, phr or phrh, and a max_age of 1 minute to 366 days; with aal1 it needs one.';
    END IF;
    INSERT INTO bastion.step_up_rules (tenant_id, permission, level, max_age)
    VALUES (for_tenant, step_up_rule_put.permission, step_up_rule_put.level, step_up_rule_put.max_age)
    ON CONFLICT ON CONSTRAINT step_up_rules_pkey DO UPDATE SET level = excluded.level, max_age = excluded.max_age;
    IF (SELECT count(*) FROM bastion.step_up_rules r WHERE r.tenant_id = for_tenant) > 100 THEN
        RAISE EXCEPTION 'a tenant has at most 100 step-up rules' USING ERRCODE = 'program_limit_exceeded';
    END IF;
    PERFORM bastion_internal.record_event('step_up_rule_set', 'success', NULL, for_tenant, jsonb_strip_nulls(jsonb_build_object(
        'permission', permission, 'level', level, 'max_age', max_age)));
END
$$;
COMMENT ON FUNCTION bastion_internal.step_up_rule_put(uuid, text, text, interval) IS
'Sets a step-up rule of a tenant, or of every tenant. Checks no permission. SQLSTATE 22023, 54000 for more than 100 rules of a tenant.';
SELECT bastion_internal.event_kind('step_up_rule_set');

CREATE FUNCTION bastion_internal.step_up_rule_drop(for_tenant uuid, permission text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM bastion.step_up_rules r WHERE r.tenant_id IS NOT DISTINCT FROM for_tenant AND r.permission = step_up_rule_drop.permission;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM bastion_internal.record_event('step_up_rule_removed', 'success', NULL, for_tenant, jsonb_build_object('permission', permission));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion_internal.step_up_rule_drop(uuid, text) IS
'Removes a step-up rule of a tenant, or of every tenant; false for an unknown one. Checks no permission.';
SELECT bastion_internal.event_kind('step_up_rule_removed');

CREATE FUNCTION bastion_internal.require_rule_met(permission text) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    unmet record;
BEGIN
    PERFORM bastion_internal.require_permission('tenant.update', NULL);
    -- Rules change one after the other. The next statement sees the rule of a transaction that was first.
    PERFORM FROM bastion.tenants t WHERE t.id = tenant FOR NO KEY UPDATE;
    SELECT u.level, u.max_age INTO unmet FROM bastion_internal.step_up_unmet() u WHERE u.pattern = require_rule_met.permission;
    IF FOUND THEN
        PERFORM bastion_internal.raise_step_up('a step-up rule is changed by those who meet it',
            jsonb_strip_nulls(jsonb_build_object('acr', unmet.level, 'max_age', extract(epoch FROM unmet.max_age)::integer)));
    END IF;
    RETURN tenant;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_rule_met(text) IS
'The tenant of a member who may change its step-up rule for this permission or pattern: one with tenant.update who meets the present rule. Locks the tenant until the transaction ends. SQLSTATE 42501, BA005.';

CREATE FUNCTION bastion.step_up_rule_set(permission text, level text DEFAULT 'aal2', max_age interval DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_rule_met(permission);
BEGIN
    PERFORM bastion_internal.step_up_rule_put(tenant, permission, level, max_age);
END
$$;
COMMENT ON FUNCTION bastion.step_up_rule_set(text, text, interval) IS
'Makes a rule of this tenant: only sessions of this level hold a permission or pattern: aal1, aal2, phr, which is aal2 with a passkey, or phrh, which is aal3: with a passkey of passkey_attest() (OpenID Connect EAP ACR Values 1.0). Their users proved who they are, for phr and phrh with such a passkey, within max_age (1 minute to 366 days; NULL: at any time). All rules that cover a permission must be met, so a tenant adds to the rules of the operator. An API key holds nothing that a rule covers.
Replaces the rule of this tenant with the same permission or pattern. Needs tenant.update in the whole tenant, and a session that meets the rule that is replaced.
SQLSTATE 22023 for an invalid rule, 54000 for more than 100, 42501, BA005 for a session that does not meet the present rule, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.step_up_rule_set(text, text, interval)', 'application');

CREATE FUNCTION bastion.step_up_rule_remove(permission text) RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_rule_met(permission);
BEGIN
    RETURN bastion_internal.step_up_rule_drop(tenant, permission);
END
$$;
COMMENT ON FUNCTION bastion.step_up_rule_remove(text) IS
'Removes the rule of this tenant with this permission or pattern; false if there is none.
Needs tenant.update in the whole tenant, and a session that meets the rule.
SQLSTATE 42501, BA005 for a session that does not meet the rule, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.step_up_rule_remove(text)', 'application');

CREATE FUNCTION bastion_api.step_up_rules() RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_tenant => true, permission => 'tenant.update');
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    RETURN bastion_internal.answer((SELECT jsonb_build_object('rules', coalesce(jsonb_agg(jsonb_build_object(
                'permission', r.permission, 'level', r.level, 'max_age', extract(epoch FROM r.max_age)::integer, 'of_operator', r.tenant_id IS NULL,
                'met', NOT EXISTS (SELECT FROM bastion_internal.step_up_unmet() u
                                   WHERE (u.pattern, u.level) = (r.permission, r.level) AND u.max_age IS NOT DISTINCT FROM r.max_age))
                ORDER BY r.permission, r.tenant_id NULLS FIRST), '[]'))
            FROM bastion.step_up_rules r WHERE r.tenant_id = bastion.tenant_id() OR r.tenant_id IS NULL));
END
$$;
COMMENT ON FUNCTION bastion_api.step_up_rules() IS
'Lists the step-up rules of this tenant and, of_operator, those of every tenant: {"rules": [{permission, level, max_age in seconds or null, of_operator, met: whether this session meets it}]}, by permission. mfa of tenant_settings() is a rule, too.
Needs tenant.update in the whole tenant. Refusals: insufficient_user_authentication with acr_values and max_age (RFC 9470), unauthenticated, invalid_token, insufficient_scope.
SQLSTATE 25000 when the transaction has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.step_up_rules()', 'application');

CREATE FUNCTION bastion.platform_step_up_rule_set(permission text, level text DEFAULT 'aal2', max_age interval DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.step_up_rule_put(NULL, permission, level, max_age);
END
$$;
COMMENT ON FUNCTION bastion.platform_step_up_rule_set(text, text, interval) IS
'step_up_rule_set() for every tenant.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for an invalid rule.';

CREATE FUNCTION bastion.platform_step_up_rule_remove(permission text) RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.step_up_rule_drop(NULL, permission);
END
$$;
COMMENT ON FUNCTION bastion.platform_step_up_rule_remove(text) IS
'Removes a rule of platform_step_up_rule_set(); false if there is none.
For operators: EXECUTE is granted to nobody.';

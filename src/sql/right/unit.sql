
-- Units of a tenant. Callers need tenant.units.manage there.

CREATE FUNCTION bastion.unit_create(kind text, name text, slug text DEFAULT NULL, parent text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    above uuid := bastion_internal.require_unit(tenant, parent);
    new_unit uuid;
BEGIN
    PERFORM bastion_internal.require_permission('tenant.units.manage', above);
    IF (bastion_internal.is_word(kind) AND bastion_internal.is_label(name) AND coalesce(bastion.is_slug(slug), true)) IS NOT TRUE THEN
        RAISE EXCEPTION 'invalid unit kind, name or slug' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'A kind is one word in lower case, a name has 1 to 200 printable characters, a slug up to 63 lower-case letters, digits and single hyphens.';
    END IF;
    INSERT INTO bastion.units (tenant_id, kind, name, slug)
    VALUES (tenant, unit_create.kind, unit_create.name, unit_create.slug)
    ON CONFLICT ON CONSTRAINT units_tenant_id_slug_key DO NOTHING RETURNING id INTO new_unit;
    IF new_unit IS NULL THEN
        RAISE EXCEPTION 'unit "%" already exists', unit_create.slug USING ERRCODE = 'unique_violation';
    END IF;
    PERFORM bastion_internal.require_unit_room(tenant);
    INSERT INTO bastion.unit_parents (unit_id, tenant_id, parent_id) SELECT new_unit, tenant, above WHERE above IS NOT NULL;
    PERFORM bastion_internal.record_event('unit_created', 'success', NULL, tenant,
                                 jsonb_build_object('unit', new_unit, 'kind', kind, 'name', name, 'parent', above));
    RETURN new_unit;
END
$$;
COMMENT ON FUNCTION bastion.unit_create(text, text, text, text) IS
'Creates a unit in this tenant, at the top or below a parent (slug or uuid); returns its id.
Needs tenant.units.manage in the parent, or in the whole tenant. A gauge of the name units limits how many units a tenant has.
SQLSTATE 22023 for malformed values, 23505 for a slug that is taken, BA006 when the plan allows no more with the answer of quota_consume() as DETAIL, 40001, 42501, 42704 for an unknown parent, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.unit_create(text, text, text, text)', 'application');
SELECT bastion_internal.event_kind('unit_created');

CREATE FUNCTION bastion.unit_move(unit text, parent text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    moved uuid := bastion_internal.require_unit(tenant, unit);
    above uuid := bastion_internal.require_unit(tenant, parent);
    old_above uuid := (SELECT p.parent_id FROM bastion.unit_parents p WHERE p.unit_id = moved);
BEGIN
    IF moved IS NULL THEN
        RAISE EXCEPTION 'unit must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM bastion_internal.require_permission('tenant.units.manage', coalesce(old_above, moved));
    PERFORM bastion_internal.require_permission('tenant.units.manage', above);
    PERFORM bastion_internal.require_denies_kept(moved, above);
    PERFORM bastion_internal.require_gains_held(moved, above);
    IF above IS NULL THEN
        DELETE FROM bastion.unit_parents p WHERE p.unit_id = moved;
    ELSE
        INSERT INTO bastion.unit_parents (unit_id, tenant_id, parent_id) VALUES (moved, tenant, above)
        ON CONFLICT ON CONSTRAINT unit_parents_pkey DO UPDATE SET parent_id = excluded.parent_id;
    END IF;
    PERFORM bastion_internal.record_event('unit_moved', 'success', NULL, tenant,
                                 jsonb_build_object('unit', moved, 'parent', above, 'old_parent', old_above));
END
$$;
COMMENT ON FUNCTION bastion.unit_move(text, text) IS
'Moves a unit, with everything below it, under another parent or, with NULL, to the top; unit and parent are a slug or uuid.
Rights from the units above change accordingly.
Needs tenant.units.manage in the unit, in its parent and in the new one, or in the whole tenant. Also needs, in the unit, what the members of the new parent and of the units above it get there, until these rights end. Also needs what permission_remove() needs for every deny that no longer holds there.
SQLSTATE 22004, 23514 for a unit that would be below itself, 42501, 42704 for an unknown unit, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.unit_move(text, text)', 'application');
SELECT bastion_internal.event_kind('unit_moved');

CREATE FUNCTION bastion_internal.unit_to_delete(unit text) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    old_unit uuid := bastion_internal.require_unit(tenant, unit);
BEGIN
    IF old_unit IS NULL THEN
        RAISE EXCEPTION 'unit must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM bastion_internal.require_permission('tenant.units.manage', old_unit);
    PERFORM bastion_internal.require_denies_ended(old_unit);
    IF EXISTS (SELECT FROM bastion.unit_parents p WHERE p.tenant_id = tenant AND p.parent_id = old_unit) THEN
        RAISE EXCEPTION 'the unit has units below it' USING ERRCODE = 'foreign_key_violation';
    END IF;
    -- Uses of a quota hold this lock while they wait for rows of the unit.
    PERFORM bastion_internal.quota_lock(tenant, false, true);
    PERFORM bastion_internal.record_event('unit_deleted', 'success', NULL, tenant, jsonb_build_object(
        'unit', old_unit, 'name', (SELECT u.name FROM bastion.units u WHERE u.id = old_unit)));
    RETURN old_unit;
END
$$;
COMMENT ON FUNCTION bastion_internal.unit_to_delete(text) IS
'The first step of unit_delete(): returns the unit, if the user of this transaction may delete it, and records the deletion.';
SELECT bastion_internal.event_kind('unit_deleted');

-- In C and SECURITY INVOKER: tables of the application may refer to units, and their foreign key actions run code as the caller.
CREATE FUNCTION bastion.unit_delete(unit text) RETURNS void
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_unit_delete';
COMMENT ON FUNCTION bastion.unit_delete(text) IS
'Deletes a unit (slug or uuid) without units below it, its memberships, and the grants and shares in it.
Rows that were visible through the unit are then visible to users who manage the whole tenant. Foreign keys of tables that refer to the unit act, and the code that they fire runs as the caller.
Needs tenant.units.manage in the unit. Also needs what permission_remove() needs for every deny in the unit, and for denies above it of members who manage rows in the whole tenant.
SQLSTATE 22004, 23503 for a unit with others below it, 42501, 42704, 27000 when a trigger or rule prevents the deletion of the unit, 28000 when a token was presented and refused, 55000 when another library prevents pg_bastion from supervising foreign keys.';
SELECT bastion_internal.callable_by('bastion.unit_delete(text)', 'application');

-- Likewise.
CREATE FUNCTION bastion_api.unit_delete(unit text) RETURNS jsonb
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_api_unit_delete';
COMMENT ON FUNCTION bastion_api.unit_delete(text) IS
'bastion.unit_delete() for front doors: deletes a unit (slug or uuid) without units below it. Returns {"deleted": {id, slug, kind, name}}.
Refusals: unit_in_use for a unit with others below it, insufficient_scope, insufficient_user_authentication with acr_values and max_age (RFC 9470), unknown_object, invalid_request without a unit, unauthenticated, invalid_token.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, 23503 when rows of a table of the application refer to the unit, 27000 when a trigger or rule prevents the deletion, 55000 when another library prevents pg_bastion from supervising foreign keys.';
SELECT bastion_internal.callable_by('bastion_api.unit_delete(text)', 'application');

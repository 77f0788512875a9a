
-- The transitive closure of the tree of units, so that permission lookups need no recursion. Triggers derive it from units and
-- unit_parents; they fire under replication too, and build it again when a dump is restored.

CREATE TABLE bastion.unit_closure (
    ancestor_id uuid NOT NULL,
    descendant_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    depth integer NOT NULL,
    CONSTRAINT unit_closure_pkey PRIMARY KEY (descendant_id, ancestor_id)
);
CREATE INDEX unit_closure_ancestor_id_idx ON bastion.unit_closure (ancestor_id) INCLUDE (descendant_id);
CREATE INDEX unit_closure_tenant_id_idx ON bastion.unit_closure (tenant_id);
COMMENT ON TABLE bastion.unit_closure IS
'Every pair of a unit and itself or a unit above it; maintained by triggers on units and unit_parents';
COMMENT ON COLUMN bastion.unit_closure.ancestor_id IS 'The upper unit';
COMMENT ON COLUMN bastion.unit_closure.descendant_id IS 'The lower unit';
COMMENT ON COLUMN bastion.unit_closure.tenant_id IS 'The tenant of both units';
COMMENT ON COLUMN bastion.unit_closure.depth IS 'Number of steps between them: 0 for the unit itself, 1 for its parent';
-- Not dumped: the triggers of units and unit_parents write it again.
SELECT pg_extension_config_dump('bastion.unit_closure', 'WHERE false');
ALTER TABLE bastion.unit_closure ENABLE ROW LEVEL SECURITY;
CREATE POLICY unit_closure_of_tenant ON bastion.unit_closure FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_id()));
COMMENT ON POLICY unit_closure_of_tenant ON bastion.unit_closure IS 'The tree of units of the context''s tenant';
SELECT bastion_internal.readable_by('bastion.unit_closure', 'application');
-- Rights depend on this table. It follows units and unit_parents, and an operator may rebuild it.
CREATE TRIGGER unit_closure_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.unit_closure
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('place', 'tenant_id');
CREATE TRIGGER unit_closure_invalidate_truncate AFTER TRUNCATE ON bastion.unit_closure
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('all');
ALTER TABLE bastion.unit_closure ENABLE ALWAYS TRIGGER unit_closure_invalidate;
ALTER TABLE bastion.unit_closure ENABLE ALWAYS TRIGGER unit_closure_invalidate_truncate;

CREATE FUNCTION bastion_internal.skip_derived_row() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM bastion.unit_closure c
               WHERE c.ancestor_id = NEW.ancestor_id AND c.descendant_id = NEW.descendant_id) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION bastion_internal.skip_derived_row() IS
'Trigger: skips a row that exists already, because logical replication brings it beside the units from which it is derived.';

CREATE TRIGGER unit_closure_skip_derived BEFORE INSERT ON bastion.unit_closure
FOR EACH ROW EXECUTE FUNCTION bastion_internal.skip_derived_row();
ALTER TABLE bastion.unit_closure ENABLE REPLICA TRIGGER unit_closure_skip_derived;
COMMENT ON TRIGGER unit_closure_skip_derived ON bastion.unit_closure IS 'Skips a replicated row that exists already';

CREATE FUNCTION bastion_internal.unit_closure_add(unit_id uuid, parent_id uuid, tenant_id uuid) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO bastion.unit_closure (ancestor_id, descendant_id, tenant_id, depth)
    SELECT a.ancestor_id, d.descendant_id, unit_closure_add.tenant_id, a.depth + 1 + d.depth
    FROM bastion.unit_closure a, bastion.unit_closure d
    WHERE a.descendant_id = unit_closure_add.parent_id AND d.ancestor_id = unit_closure_add.unit_id
    ON CONFLICT DO NOTHING
$$;
COMMENT ON FUNCTION bastion_internal.unit_closure_add(uuid, uuid, uuid) IS
'Adds the pairs that connect a unit and the units below it to a parent and the units above that.';

CREATE FUNCTION bastion_internal.unit_closure_cut(unit_id uuid) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH below AS MATERIALIZED (
        SELECT c.descendant_id AS id FROM bastion.unit_closure c WHERE c.ancestor_id = unit_closure_cut.unit_id
    )
    DELETE FROM bastion.unit_closure c USING below
    WHERE c.descendant_id = below.id AND c.ancestor_id NOT IN (SELECT id FROM below)
$$;
COMMENT ON FUNCTION bastion_internal.unit_closure_cut(uuid) IS
'Deletes the pairs that connect a unit and the units below it to the units above.';

CREATE FUNCTION bastion_internal.unit_closure_rebuild(tenant_id uuid) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM bastion.unit_closure c WHERE c.tenant_id = unit_closure_rebuild.tenant_id;
    WITH RECURSIVE line AS (
        SELECT u.id AS ancestor_id, u.id AS descendant_id, 0 AS depth FROM bastion.units u
        WHERE u.tenant_id = unit_closure_rebuild.tenant_id
        UNION ALL
        SELECT p.parent_id, l.descendant_id, l.depth + 1 FROM line l JOIN bastion.unit_parents p ON p.unit_id = l.ancestor_id
    ) CYCLE ancestor_id SET is_cycle USING path
    INSERT INTO bastion.unit_closure (ancestor_id, descendant_id, tenant_id, depth)
    SELECT ancestor_id, descendant_id, unit_closure_rebuild.tenant_id, depth FROM line WHERE NOT is_cycle
    ON CONFLICT DO NOTHING
$$;
COMMENT ON FUNCTION bastion_internal.unit_closure_rebuild(uuid) IS
'Rebuilds the closure of a tenant; operators may call it too.';

CREATE FUNCTION bastion_internal.follow_units() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM bastion.unit_closure;
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM bastion.unit_closure c WHERE c.descendant_id = OLD.id OR c.ancestor_id = OLD.id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO bastion.unit_closure (ancestor_id, descendant_id, tenant_id, depth)
        VALUES (NEW.id, NEW.id, NEW.tenant_id, 0) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.follow_units() IS 'Trigger: updates the closure when units are created or deleted.';

-- A statement that moves several units fires this trigger for one unit after the other, after all have moved. If this looks like a cycle
-- temporarily, the closure of the tenant is rebuilt; repeating the remaining moves does no harm.
CREATE FUNCTION bastion_internal.follow_unit_parents() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM bastion.unit_closure c WHERE c.depth > 0;
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM bastion_internal.unit_closure_cut(OLD.unit_id);
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN NULL;
    ELSIF EXISTS (SELECT FROM bastion.unit_closure c
                  WHERE c.ancestor_id = NEW.unit_id AND c.descendant_id = NEW.parent_id) THEN
        PERFORM bastion_internal.unit_closure_rebuild(NEW.tenant_id);
    ELSE
        PERFORM bastion_internal.unit_closure_add(NEW.unit_id, NEW.parent_id, NEW.tenant_id);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.follow_unit_parents() IS 'Trigger: updates the closure when units move.';

CREATE TRIGGER units_closure AFTER INSERT OR DELETE ON bastion.units
FOR EACH ROW EXECUTE FUNCTION bastion_internal.follow_units();
CREATE TRIGGER units_closure_update AFTER UPDATE ON bastion.units
FOR EACH ROW WHEN (ROW(OLD.id, OLD.tenant_id) IS DISTINCT FROM ROW(NEW.id, NEW.tenant_id))
EXECUTE FUNCTION bastion_internal.follow_units();
CREATE TRIGGER units_closure_truncate AFTER TRUNCATE ON bastion.units
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.follow_units();
ALTER TABLE bastion.units ENABLE ALWAYS TRIGGER units_closure;
ALTER TABLE bastion.units ENABLE ALWAYS TRIGGER units_closure_update;
ALTER TABLE bastion.units ENABLE ALWAYS TRIGGER units_closure_truncate;
COMMENT ON TRIGGER units_closure ON bastion.units IS 'Updates unit_closure';
COMMENT ON TRIGGER units_closure_update ON bastion.units IS 'Updates unit_closure';
COMMENT ON TRIGGER units_closure_truncate ON bastion.units IS 'Updates unit_closure';

-- Its name sorts after unit_parents_check_tree, so that a cycle is refused before it is written here.
CREATE TRIGGER unit_parents_closure AFTER INSERT OR UPDATE OR DELETE ON bastion.unit_parents
FOR EACH ROW EXECUTE FUNCTION bastion_internal.follow_unit_parents();
CREATE TRIGGER unit_parents_closure_truncate AFTER TRUNCATE ON bastion.unit_parents
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.follow_unit_parents();
ALTER TABLE bastion.unit_parents ENABLE ALWAYS TRIGGER unit_parents_closure;
ALTER TABLE bastion.unit_parents ENABLE ALWAYS TRIGGER unit_parents_closure_truncate;
COMMENT ON TRIGGER unit_parents_closure ON bastion.unit_parents IS 'Updates unit_closure';
COMMENT ON TRIGGER unit_parents_closure_truncate ON bastion.unit_parents IS 'Updates unit_closure';


-- Delegations: what a user lets another user do as them, hop by hop.

-- parent_id and root_id are no foreign keys: pg_dump could not order the rows of a table that refers to itself. delete_below()
-- deletes what was derived from a deleted row.
CREATE TABLE bastion.delegations (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    parent_id uuid,
    root_id uuid NOT NULL,
    depth integer NOT NULL,
    subject_id uuid NOT NULL,
    actor_id uuid NOT NULL,
    actors uuid[] NOT NULL,
    tenant_id uuid NOT NULL,
    unit_id uuid,
    scopes text[] COLLATE "C" NOT NULL,
    session_id uuid,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_reason text,
    CONSTRAINT delegations_pkey PRIMARY KEY (id),
    CONSTRAINT delegations_depth_check CHECK (depth BETWEEN 1 AND 8),
    CONSTRAINT delegations_root_check CHECK ((depth = 1) = (parent_id IS NULL) AND (depth = 1) = (root_id = id)),
    CONSTRAINT delegations_actors_check CHECK (cardinality(actors) = depth AND array_position(actors, NULL) IS NULL AND actors[depth] = actor_id),
    CONSTRAINT delegations_scopes_check CHECK (cardinality(scopes) BETWEEN 1 AND 100 AND array_position(scopes, NULL) IS NULL),
    CONSTRAINT delegations_revoked_check CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL)),
    CONSTRAINT delegations_revoked_reason_check CHECK (bastion_internal.is_word(revoked_reason)),
    CONSTRAINT delegations_subject_id_fkey FOREIGN KEY (subject_id) REFERENCES bastion.users (id) ON DELETE CASCADE,
    CONSTRAINT delegations_actor_id_fkey FOREIGN KEY (actor_id) REFERENCES bastion.users (id) ON DELETE CASCADE,
    CONSTRAINT delegations_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id) ON DELETE CASCADE,
    CONSTRAINT delegations_unit_id_fkey FOREIGN KEY (tenant_id, unit_id) REFERENCES bastion.units (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT delegations_session_id_fkey FOREIGN KEY (session_id) REFERENCES bastion.sessions (id) ON DELETE CASCADE
);
CREATE INDEX delegations_parent_id_idx ON bastion.delegations (parent_id);
CREATE INDEX delegations_subject_id_idx ON bastion.delegations (subject_id);
CREATE INDEX delegations_actor_id_idx ON bastion.delegations (actor_id);
CREATE INDEX delegations_actors_idx ON bastion.delegations USING gin (actors);
CREATE INDEX delegations_tenant_id_unit_id_idx ON bastion.delegations (tenant_id, unit_id);
CREATE INDEX delegations_session_id_idx ON bastion.delegations (session_id);
COMMENT ON TABLE bastion.delegations IS
'Hops of delegations, each by which an actor acts for a user with a part of what the hop before allows; granted to nobody';
COMMENT ON COLUMN bastion.delegations.id IS 'Identifier in tokens (claim dlg) and contexts';
COMMENT ON COLUMN bastion.delegations.parent_id IS 'The hop before, whose actor made this one; NULL when the user did';
COMMENT ON COLUMN bastion.delegations.root_id IS 'The first hop';
COMMENT ON COLUMN bastion.delegations.depth IS 'Number of the hop, from 1';
COMMENT ON COLUMN bastion.delegations.subject_id IS 'The user for whom the actor acts';
COMMENT ON COLUMN bastion.delegations.actor_id IS 'The user who acts';
COMMENT ON COLUMN bastion.delegations.actors IS 'The actors of all hops up to this one, the first one first';
COMMENT ON COLUMN bastion.delegations.tenant_id IS 'The only tenant in which it works';
COMMENT ON COLUMN bastion.delegations.unit_id IS 'The only unit in which it works; NULL for all';
COMMENT ON COLUMN bastion.delegations.scopes IS
'Patterns of permissions: the actor may do what these cover and what the user may do at the time of use';
COMMENT ON COLUMN bastion.delegations.session_id IS 'The session of the user that it ends with; NULL when it may outlive the session';
COMMENT ON COLUMN bastion.delegations.created_at IS 'When it was made';
COMMENT ON COLUMN bastion.delegations.expires_at IS 'When it expires, with its token';
COMMENT ON COLUMN bastion.delegations.revoked_at IS 'When it was ended before it expired';
COMMENT ON COLUMN bastion.delegations.revoked_reason IS
'Why it was ended: revoked, token, session (its session ended), user (the user or an actor was disabled), membership (an actor left the tenant)';
SELECT pg_extension_config_dump('bastion.delegations', '');
ALTER TABLE bastion.delegations ENABLE ROW LEVEL SECURITY;
-- A new delegation is in no cache.
CREATE TRIGGER delegations_invalidate AFTER UPDATE OR DELETE ON bastion.delegations
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('delegation', 'id');
CREATE TRIGGER delegations_invalidate_truncate AFTER TRUNCATE ON bastion.delegations
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('delegations');
ALTER TABLE bastion.delegations ENABLE ALWAYS TRIGGER delegations_invalidate;
ALTER TABLE bastion.delegations ENABLE ALWAYS TRIGGER delegations_invalidate_truncate;

CREATE FUNCTION bastion_internal.delete_below() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM bastion.delegations d WHERE d.parent_id = OLD.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.delete_below() IS 'Trigger: deletes the delegations that were derived from a deleted one.';

CREATE TRIGGER delegations_delete_below AFTER DELETE ON bastion.delegations
FOR EACH ROW EXECUTE FUNCTION bastion_internal.delete_below();
COMMENT ON TRIGGER delegations_delete_below ON bastion.delegations IS 'Deletes what was derived from a deleted delegation';


-- Legal holds: while one stands, no entry of the log of changes is dropped.

CREATE TABLE bastion.audit_holds (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    tenant_id uuid,
    user_id uuid,
    reason text NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT now(),
    placed_by name NOT NULL DEFAULT session_user,
    lifted_at timestamptz,
    lifted_by name,
    lift_reason text,
    CONSTRAINT audit_holds_pkey PRIMARY KEY (id),
    CONSTRAINT audit_holds_subject_check CHECK (num_nonnulls(tenant_id, user_id) = 1),
    CONSTRAINT audit_holds_lifted_check CHECK (num_nonnulls(lifted_at, lifted_by, lift_reason) IN (0, 3))
);
COMMENT ON TABLE bastion.audit_holds IS
'Legal holds on the log of changes. Without foreign keys: a hold outlives the tenant or user whom it is about. Granted to nobody';
COMMENT ON COLUMN bastion.audit_holds.id IS 'The hold';
COMMENT ON COLUMN bastion.audit_holds.tenant_id IS 'The tenant whom it is about, or';
COMMENT ON COLUMN bastion.audit_holds.user_id IS 'the user';
COMMENT ON COLUMN bastion.audit_holds.reason IS 'Why it was placed';
COMMENT ON COLUMN bastion.audit_holds.placed_at IS 'When';
COMMENT ON COLUMN bastion.audit_holds.placed_by IS 'The role that logged in and placed it';
COMMENT ON COLUMN bastion.audit_holds.lifted_at IS 'When it was lifted; NULL while it stands';
COMMENT ON COLUMN bastion.audit_holds.lifted_by IS 'The role that logged in and lifted it';
COMMENT ON COLUMN bastion.audit_holds.lift_reason IS 'Why it was lifted';
SELECT pg_extension_config_dump('bastion.audit_holds', '');
ALTER TABLE bastion.audit_holds ENABLE ROW LEVEL SECURITY;

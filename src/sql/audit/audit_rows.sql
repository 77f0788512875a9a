
-- The log of changes: one row for each entry. What an entry says is in its bytes alone, which docs/AUDIT.md describes; the other columns
-- repeat it to be searched. The partitioned table has no index of its own: pg_dump writes those of its partitions, and a partition that
-- is attached would get them a second time.

CREATE TABLE bastion.audit_rows (
    era bigint NOT NULL,
    xid xid8 NOT NULL,
    seq bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    tenant_id uuid,
    relation text COLLATE "C",
    op text COLLATE "C" NOT NULL,
    actor_id uuid,
    entry bytea NOT NULL
) PARTITION BY RANGE (occurred_at);
COMMENT ON TABLE bastion.audit_rows IS
'The log of changes, a row for each entry, in partitions of a month. Append-only and without foreign keys: an entry outlives what it names. Members with tenant.events.read see the entries of their tenant';
COMMENT ON COLUMN bastion.audit_rows.era IS 'Where the numbers of transactions count: a hash of the system identifier, timeline and database';
COMMENT ON COLUMN bastion.audit_rows.xid IS 'The top-level transaction that wrote the entry';
COMMENT ON COLUMN bastion.audit_rows.seq IS 'Order in the transaction, from 1; rolled back savepoints leave gaps';
COMMENT ON COLUMN bastion.audit_rows.occurred_at IS 'When the entry was made';
COMMENT ON COLUMN bastion.audit_rows.tenant_id IS 'The tenant, if any';
COMMENT ON COLUMN bastion.audit_rows.relation IS 'The table, or the type of a resource of the application';
COMMENT ON COLUMN bastion.audit_rows.op IS 'INSERT, UPDATE, DELETE, another command, or the name of an action of the application';
COMMENT ON COLUMN bastion.audit_rows.actor_id IS 'The user who acted, if any';
COMMENT ON COLUMN bastion.audit_rows.entry IS 'The canonical bytes, at most 60 KiB; the leaf of the log is SHA-256 of a zero byte and these';
ALTER TABLE bastion.audit_rows ENABLE ROW LEVEL SECURITY;

CREATE TABLE bastion.audit_rows_default PARTITION OF bastion.audit_rows DEFAULT;
COMMENT ON TABLE bastion.audit_rows_default IS
'Entries of months without a partition of their own, so that no write of an application fails without one. Granted to nobody';
ALTER TABLE bastion.audit_rows_default ADD CONSTRAINT audit_rows_default_pkey PRIMARY KEY (era, xid, seq);
CREATE INDEX audit_rows_default_tenant_id_occurred_at_idx ON bastion.audit_rows_default (tenant_id, occurred_at);
CREATE INDEX audit_rows_default_op_occurred_at_idx ON bastion.audit_rows_default (op, occurred_at);
CREATE INDEX audit_rows_default_actor_id_occurred_at_idx ON bastion.audit_rows_default (actor_id, occurred_at);
SELECT pg_extension_config_dump('bastion.audit_rows_default', '');
ALTER TABLE bastion.audit_rows_default ENABLE ROW LEVEL SECURITY;

CREATE TRIGGER audit_rows_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bastion.audit_rows
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.keep_events();
ALTER TABLE bastion.audit_rows ENABLE ALWAYS TRIGGER audit_rows_append_only;
COMMENT ON TRIGGER audit_rows_append_only ON bastion.audit_rows IS 'Keeps entries as they were written';
CREATE TRIGGER audit_rows_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bastion.audit_rows_default
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.keep_events();
ALTER TABLE bastion.audit_rows_default ENABLE ALWAYS TRIGGER audit_rows_append_only;
COMMENT ON TRIGGER audit_rows_append_only ON bastion.audit_rows_default IS 'Keeps entries as they were written';

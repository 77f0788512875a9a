-- Sealed audit log
-- The log of changes as a transparency log: sealing, checkpoints, tiles, proofs and witnesses. [AUDIT.md](AUDIT.md) explains them.
-- functions: audit_seal audit_new_era audit_key_rotate audit_drop_before audit_hold_place audit_hold_lift audit_shred audit_checkpoint audit_verifier_key audit_tile audit_entry_index audit_inclusion_proof audit_consistency_proof audit_witness_add audit_witness_remove audit_witness_request audit_cosignature_add

INSERT INTO bastion.audit_rows (era, xid, seq, occurred_at, op, entry)
SELECT p.era, pg_current_xact_id(), 1, now(), 'example', 'an entry' FROM bastion_internal.audit_place() p;
SELECT bastion.audit_seal() > 0 AS sealed;
SELECT split_part(bastion.audit_verifier_key(), '/', 1) AS key;
SELECT line ~ '^[0-9]+$' AS is_size FROM string_to_table(bastion.audit_checkpoint(), E'\n') WITH ORDINALITY l (line, number) WHERE number = 2;
SELECT octet_length(bastion.audit_tile('tile/0/000.p/1')) AS one_hash;
SELECT line FROM string_to_table(bastion.audit_inclusion_proof(1), E'\n') WITH ORDINALITY l (line, number) WHERE number <= 2;
SELECT bastion.audit_hold_place('case 7', tenant_id => '11111111-1111-4111-8111-111111111111') AS hold \gset
SELECT bastion.audit_hold_lift(:'hold', 'the case is closed') AS lifted;
SELECT bastion.audit_drop_before('2020-01-01') AS dropped;
SELECT bastion.audit_shred('22222222-2222-4222-8222-222222222222') AS shredded;

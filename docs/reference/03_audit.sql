-- Audit
-- `audit_table()` records each change of a table in the log of changes, with the user, on whose behalf, and from where.
-- [AUDIT.md](AUDIT.md) has a session.
-- functions: audit_table audit_untable audit_drift audit_partitions_create audit_log audit_history audit_as_of audit_picture audit_json_lines audit_csv_lines

CREATE TABLE plans (id bigint PRIMARY KEY, tenant_id uuid, title text);
SELECT bastion.protect('plans');
SELECT bastion.audit_table('plans');
GRANT SELECT, INSERT, UPDATE, DELETE ON plans TO app;
SET ROLE app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
INSERT INTO plans (id, title) VALUES (1, 'The plans of Acme');
UPDATE plans SET title = 'The new plans of Acme';
SELECT bastion.audit_log('plans.sent', 'plans', '1', details => '{"to": "the architect"}');
SELECT op, column_name, old_value, new_value FROM bastion.audit_history('plans', '{"id": "1"}', 1);
SELECT "row" ->> 'title' AS title FROM bastion.audit_as_of('plans', clock_timestamp());
SELECT line FROM bastion.audit_picture('plans', '{"id": "1"}', at_most => 1) line WHERE line LIKE '|%';
SELECT line::jsonb ->> 'op' AS op FROM bastion.audit_json_lines(now()) line;
SELECT count(*) AS lines FROM bastion.audit_csv_lines(now());
SELECT kind, op, relation, key, actor_id = bastion.user_id() AS me FROM bastion.audit ORDER BY xid, seq;
COMMIT;
RESET ROLE;
ALTER TABLE plans DISABLE TRIGGER _bastion_audit;
SELECT relation, problem, fix FROM bastion.audit_drift();
SELECT bastion.audit_partitions_create(months => 2) AS partitions;

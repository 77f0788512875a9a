
-- What the log of changes says, and actions of the application in it. Only C writes entries: the triggers of audit_table() and
-- audit_log(). EXECUTE on what writes is granted to nobody but to roles that may make triggers.

CREATE FUNCTION bastion_internal.audit_change() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_audit_change';
COMMENT ON FUNCTION bastion_internal.audit_change() IS
'Trigger: adds an entry to the log of changes for each row of an audited table that changes, and for TRUNCATE.
Arguments: the column of the tenant, or an empty text; then i:COLUMN to record no others, x:COLUMN to leave it out, r:COLUMN to redact its values, p:COLUMN to seal them under the key of the subject in s:COLUMN, as the record says. When one of these columns is gone or is another one, or there is no record, all values are redacted.
SQLSTATE 39P01, 55000 if bastion.audit_rows was altered; BA001 and BA002 without the right root key, for personal columns.';
SELECT bastion_internal.callable_by('bastion_internal.audit_change()', 'migration');

CREATE FUNCTION bastion_internal.audit_entry(entry bytea) RETURNS jsonb
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_audit_entry';
COMMENT ON FUNCTION bastion_internal.audit_entry(bytea) IS
'What an entry of the log of changes says; NULL for what is no entry. Sealed values are opened for a member with tenant.events.read in the tenant of the entry, and for operators.
SQLSTATE 22P05 if the encoding of the database lacks a character; BA001, BA002 and BA003 for a sealed value whose key cannot be opened.';
SELECT bastion_internal.callable_by('bastion_internal.audit_entry(bytea)', 'application');

CREATE FUNCTION bastion_internal.audit_action(action text, resource_type text, resource_id text, success boolean, details jsonb) RETURNS void
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_audit_action';
COMMENT ON FUNCTION bastion_internal.audit_action(text, text, text, boolean, jsonb) IS
'The step of audit_log() that adds the entry. EXECUTE is granted to nobody. SQLSTATE 22004, 54000.';

CREATE FUNCTION bastion_internal.audit_event(
    wanted boolean, kind text, outcome text, detail text, occurred_at text, affected text, tenant uuid, subject uuid, actors uuid[], actor uuid,
    unit uuid, session uuid, api_key uuid, delegation uuid, method text, role text, application text, address text, agent text) RETURNS void
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_audit_event';
COMMENT ON FUNCTION bastion_internal.audit_event(boolean, text, text, text, text, text, uuid, uuid, uuid[], uuid, uuid, uuid, uuid, uuid, text, text, text, text, text) IS
'The step of event_insert() that adds an entry about an event to the log of changes, if wanted or with bastion.audit_events. EXECUTE is granted to nobody. SQLSTATE 54000, 55000.';

CREATE POLICY audit_rows_of_tenant ON bastion.audit_rows FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_if_allowed('tenant.events.read')));
COMMENT ON POLICY audit_rows_of_tenant ON bastion.audit_rows IS 'The entries of the context''s tenant, for members with tenant.events.read';
SELECT bastion_internal.readable_by('bastion.audit_rows', 'application');

CREATE VIEW bastion.audit WITH (security_invoker = true) AS
SELECT r.occurred_at, r.era, r.xid, r.seq, r.tenant_id, e.said ->> 'kind' AS kind, r.relation, r.op, e.said -> 'key' AS key, r.actor_id,
       (e.said ->> 'user')::uuid AS user_id, e.said -> 'actors' AS actors, (e.said ->> 'unit')::uuid AS unit_id,
       (e.said ->> 'session')::uuid AS session_id, (e.said ->> 'api_key')::uuid AS api_key_id,
       (e.said ->> 'delegation')::uuid AS delegation_id, e.said ->> 'method' AS method, e.said ->> 'role' AS role,
       e.said ->> 'application' AS application, e.said ->> 'address' AS address, e.said ->> 'agent' AS agent,
       e.said -> 'old' AS old, e.said -> 'new' AS new
FROM bastion.audit_rows r, LATERAL (SELECT bastion_internal.audit_entry(r.entry) AS said OFFSET 0) e;
COMMENT ON VIEW bastion.audit IS
'The log of changes, decoded. Members with tenant.events.read see the entries of their tenant; operators see all. An entry that cannot be decoded has NULL in kind';
COMMENT ON COLUMN bastion.audit.occurred_at IS 'When the entry was made';
COMMENT ON COLUMN bastion.audit.era IS 'Where the numbers of transactions count';
COMMENT ON COLUMN bastion.audit.xid IS 'The transaction';
COMMENT ON COLUMN bastion.audit.seq IS 'Order in the transaction';
COMMENT ON COLUMN bastion.audit.tenant_id IS 'The tenant, if any';
COMMENT ON COLUMN bastion.audit.kind IS 'row, table, action for those of the application, or event for those of the extension';
COMMENT ON COLUMN bastion.audit.relation IS 'The table, or the type of the resource';
COMMENT ON COLUMN bastion.audit.op IS 'INSERT, UPDATE, DELETE, another command, or the name of the action or event';
COMMENT ON COLUMN bastion.audit.key IS 'The primary key of the row, the id of the resource, or the user whom an event affects';
COMMENT ON COLUMN bastion.audit.actor_id IS 'The user who acted, if any';
COMMENT ON COLUMN bastion.audit.user_id IS 'The user for whom the actor acted: the same without a delegation or impersonation';
COMMENT ON COLUMN bastion.audit.actors IS 'The users who act for that user, the last of whom acts';
COMMENT ON COLUMN bastion.audit.unit_id IS 'The chosen unit';
COMMENT ON COLUMN bastion.audit.session_id IS 'The session';
COMMENT ON COLUMN bastion.audit.api_key_id IS 'The API key';
COMMENT ON COLUMN bastion.audit.delegation_id IS 'The delegation';
COMMENT ON COLUMN bastion.audit.method IS 'How the user was identified; NULL without an identity';
COMMENT ON COLUMN bastion.audit.role IS 'The role that logged in to the database';
COMMENT ON COLUMN bastion.audit.application IS 'application_name, without an identity';
COMMENT ON COLUMN bastion.audit.address IS 'The address of the client';
COMMENT ON COLUMN bastion.audit.agent IS 'The user agent of the client';
COMMENT ON COLUMN bastion.audit.old IS 'Former values by column, as texts; of an UPDATE those that changed. {"redacted": true} for one that is not recorded, {"shredded": true} for one that audit_shred() erased, {"sha256": ...} for one beyond 60 KiB';
COMMENT ON COLUMN bastion.audit.new IS 'New values by column, as texts; of an action success and details, of an event outcome, details and when it happened';
SELECT bastion_internal.readable_by('bastion.audit', 'application');

-- SECURITY DEFINER, because EXECUTE on the step that writes is granted to nobody. No code of the caller runs in it.
CREATE FUNCTION bastion.audit_log(action text, resource_type text DEFAULT NULL, resource_id text DEFAULT NULL, success boolean DEFAULT true,
                                  details jsonb DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (octet_length(action) <= 127 AND action COLLATE "C" ~ '^[a-z][a-z0-9_]*([.][a-z0-9_]+)*$') IS NOT TRUE THEN
        RAISE EXCEPTION 'invalid action' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'An action has words of lower-case letters, digits and underscores with dots between them, as workflow.executed; at most 127 bytes.';
    ELSIF bastion_internal.is_name(resource_type) IS FALSE OR bastion_internal.is_name(resource_id) IS FALSE THEN
        RAISE EXCEPTION 'invalid type or id of a resource' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'Each has from 1 to 200 characters, all of them visible.';
    ELSIF success IS NULL THEN
        RAISE EXCEPTION 'success must not be null' USING ERRCODE = 'null_value_not_allowed';
    ELSIF bastion.user_id() IS NULL THEN
        RAISE EXCEPTION 'permission denied' USING ERRCODE = 'insufficient_privilege', DETAIL = 'Nobody is signed in.';
    END IF;
    PERFORM bastion_internal.audit_action(action, resource_type, resource_id, success, details);
END
$$;
COMMENT ON FUNCTION bastion.audit_log(text, text, text, boolean, jsonb) IS
'Adds an action of the application to the log of changes, with the user, actors, tenant, session and client of the transaction: say workflow.executed with the type and id of the resource, whether it succeeded, and details. It is written with the transaction. Its kind in bastion.audit is action, so that it passes for no change of a row.
Details beyond 60 KiB are stored as their SHA-256.
For the user of this transaction.
SQLSTATE 22004, 22023, 25006 in a READ ONLY transaction, 28000 when a token was presented and refused, 42501 when anonymous.';
SELECT bastion_internal.callable_by('bastion.audit_log(text, text, text, boolean, jsonb)', 'application');

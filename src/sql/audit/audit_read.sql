
-- Reading the log of changes: the history of a row, a table as it was, and exports. These functions run as their caller and read the view
-- bastion.audit alone, so that they show what the caller may see there. They call no code of the audited tables.

CREATE FUNCTION bastion_internal.audited_name(relation regclass) RETURNS text
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = CASE WHEN c.relispartition THEN coalesce(pg_partition_root(audited_name.relation), audited_name.relation) ELSE audited_name.relation END
$$;
COMMENT ON FUNCTION bastion_internal.audited_name(regclass) IS
'The name of a table in the log of changes: of a partition that of the table as a whole.';
SELECT bastion_internal.callable_by('bastion_internal.audited_name(regclass)', 'application');

CREATE FUNCTION bastion.audit_history(relation regclass, key jsonb, at_most integer DEFAULT 100, before_time timestamptz DEFAULT NULL,
                                      before_xid xid8 DEFAULT NULL, before_seq bigint DEFAULT NULL)
RETURNS TABLE (occurred_at timestamptz, op text, actor_id uuid, user_id uuid, role text, column_name text, old_value text, new_value text,
               xid xid8, seq bigint)
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 100
BEGIN ATOMIC
    WITH found AS (
        SELECT a.* FROM bastion.audit a
        WHERE a.relation = (SELECT bastion_internal.audited_name(audit_history.relation)) AND a.kind = 'row' AND a.key @> audit_history.key
          AND (audit_history.before_time IS NULL OR a.occurred_at <= audit_history.before_time)
          AND (audit_history.before_time IS NULL OR audit_history.before_xid IS NULL OR audit_history.before_seq IS NULL
               OR (a.occurred_at, a.xid, a.seq) < (audit_history.before_time, audit_history.before_xid, audit_history.before_seq))
        ORDER BY a.occurred_at DESC, a.xid DESC, a.seq DESC LIMIT at_most
    )
    SELECT f.occurred_at, f.op, f.actor_id, f.user_id, f.role, c.name, f.old ->> c.name, f.new ->> c.name, f.xid, f.seq
    FROM found f
    LEFT JOIN LATERAL (SELECT k AS name FROM jsonb_object_keys(f.old) k UNION SELECT k FROM jsonb_object_keys(f.new) k) c ON true
    ORDER BY f.occurred_at DESC, f.xid DESC, f.seq DESC, c.name;
END;
COMMENT ON FUNCTION bastion.audit_history(regclass, jsonb, integer, timestamptz, xid8, bigint) IS
'The history of one row of an audited table, the newest change first: a line for each column that changed, for at most so many changes. key has columns of the primary key with their values as texts, as {"id": "7"}.
The next page: the occurred_at, xid and seq of the last line as before_time, before_xid and before_seq. before_time alone gives the history until then.
Values are texts; one that is redacted, shredded or beyond 60 KiB is an object that says so.
As bastion.audit, for members with tenant.events.read in their tenant, and for operators. Entries under a former name of the table are in bastion.audit alone.
SQLSTATE 2201W for a negative number.';
SELECT bastion_internal.callable_by('bastion.audit_history(regclass, jsonb, integer, timestamptz, xid8, bigint)', 'application');

-- SECURITY DEFINER, because TRUNCATE empties the tables of all tenants and so belongs to none: its entries are hidden from members. It
-- reveals when, and nothing else.
CREATE FUNCTION bastion_internal.audit_emptied(relation regclass, until timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT max(r.occurred_at) FROM bastion.audit_rows r
    WHERE r.op = 'TRUNCATE' AND r.occurred_at <= audit_emptied.until AND r.relation = (SELECT bastion_internal.audited_name(audit_emptied.relation))
$$;
COMMENT ON FUNCTION bastion_internal.audit_emptied(regclass, timestamptz) IS 'When TRUNCATE last emptied an audited table until then; NULL for never.';
SELECT bastion_internal.callable_by('bastion_internal.audit_emptied(regclass, timestamptz)', 'application');

-- A life of a key goes from its INSERT to its DELETE. A column had the last value that was recorded in that life until then, else the
-- first one that was replaced later. An entry too large for its columns makes the values before it unknown.
CREATE FUNCTION bastion.audit_as_of(relation regclass, moment timestamptz) RETURNS TABLE (key jsonb, "row" jsonb)
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 100
BEGIN ATOMIC
    WITH emptied AS MATERIALIZED (
        SELECT bastion_internal.audit_emptied(audit_as_of.relation, audit_as_of.moment) AS at
    ), entry AS (
        SELECT a.key, a.op, a.old, a.new, a.occurred_at, a.xid, a.seq, a.occurred_at > audit_as_of.moment AS later
        FROM bastion.audit a
        WHERE a.relation = (SELECT bastion_internal.audited_name(audit_as_of.relation)) AND a.kind = 'row' AND audit_as_of.moment IS NOT NULL
    ), numbered AS MATERIALIZED (
        SELECT e.*, row_number() OVER w AS place,
               count(*) FILTER (WHERE e.op = 'INSERT') OVER w
               + count(*) FILTER (WHERE e.op = 'DELETE') OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS life
        FROM entry e WINDOW w AS (PARTITION BY e.key ORDER BY e.occurred_at, e.xid, e.seq)
    ), lived AS (
        -- a table that was dropped and made again leaves lives without an end
        SELECT DISTINCT ON (n.key) n.key, n.life, max(n.place) FILTER (WHERE NOT n.later AND n.new ? '') AS known_after,
               min(n.place) FILTER (WHERE n.later AND n.new ? '') AS known_before,
               NOT bool_or(n.op = 'INSERT' AND n.later) AND NOT bool_or(n.op = 'DELETE' AND NOT n.later)
               AND bool_or(t.at IS NULL OR (n.op = 'INSERT' AND n.occurred_at > t.at)) AS alive
        FROM numbered n CROSS JOIN emptied t
        GROUP BY n.key, n.life
        ORDER BY n.key, bool_or(NOT n.later) DESC, CASE WHEN bool_or(NOT n.later) THEN -n.life ELSE n.life END
    )
    SELECT l.key, l.key || coalesce(jsonb_object_agg(v.name, CASE WHEN v.value IN ('{"redacted": true}', '{"shredded": true}') THEN 'null' ELSE v.value END
                                                     ORDER BY n.later DESC, CASE WHEN n.later THEN -n.place ELSE n.place END)
                                        FILTER (WHERE v.name IS NOT NULL), '{}')
    FROM lived l
    JOIN numbered n ON n.key = l.key AND n.life = l.life
    LEFT JOIN LATERAL (SELECT p.key AS name, p.value FROM jsonb_each(CASE WHEN n.later THEN n.old ELSE n.new END) p
                       WHERE CASE WHEN n.later THEN l.known_before IS NULL OR n.place < l.known_before
                                  ELSE l.known_after IS NULL OR n.place > l.known_after END) v ON true
    WHERE l.alive
    GROUP BY l.key, l.life
    ORDER BY l.key;
END;
COMMENT ON FUNCTION bastion.audit_as_of(regclass, timestamptz) IS
'The rows of an audited table as they were at a moment, from the log of changes alone: for each its primary key, and its columns with their values as texts. jsonb_populate_record(NULL::TABLE, "row") makes a typed row of it, in which a column of type json or jsonb has its text as a string.
A column that audit_table() excludes is missing, and one that it redacts is NULL, as is one that was NULL. Columns have the names that they had. A value beyond 60 KiB is an object with its SHA-256. A row that has not changed since audit_table() is not in the log.
A change counts from the moment when its statement ran, not from its commit. Rows that went with TRUNCATE, DROP or DETACH of one partition stay: entries do not say in which partition a row was. TRUNCATE of the whole table counts.
As bastion.audit, for members with tenant.events.read in their tenant, and for operators. Entries under a former name of the table do not count.
NULL returns no rows.';
SELECT bastion_internal.callable_by('bastion.audit_as_of(regclass, timestamptz)', 'application');

CREATE FUNCTION bastion_internal.audit_time(at timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;
COMMENT ON FUNCTION bastion_internal.audit_time(timestamptz) IS 'A moment as exports of the log of changes write it: in UTC, whatever the settings of the session.';
SELECT bastion_internal.callable_by('bastion_internal.audit_time(timestamptz)', 'application');

CREATE FUNCTION bastion.audit_json_lines(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL) RETURNS SETOF text
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
    SELECT (to_jsonb(a) || jsonb_build_object('occurred_at', bastion_internal.audit_time(a.occurred_at)))::text FROM bastion.audit a
    WHERE a.occurred_at >= coalesce(since, '-infinity') AND a.occurred_at < coalesce(until, 'infinity')
    ORDER BY a.occurred_at, a.xid, a.seq;
END;
COMMENT ON FUNCTION bastion.audit_json_lines(timestamptz, timestamptz) IS
'The log of changes from since until before until: on each line an entry as a JSON object (JSON Lines). It has the columns of bastion.audit. NULL is no limit.
psql -At prints the lines as they are. COPY does in the format csv, where QUOTE and DELIMITER are the characters with the numbers 1 and 2, which JSON does not have.
As bastion.audit, for members with tenant.events.read in their tenant, and for operators.';
SELECT bastion_internal.callable_by('bastion.audit_json_lines(timestamptz, timestamptz)', 'application');

CREATE FUNCTION bastion.audit_csv_lines(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL) RETURNS SETOF text
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
    SELECT l.line FROM (
        SELECT 0 AS place, 'occurred_at,era,xid,seq,tenant_id,kind,relation,op,key,actor_id,user_id,actors,unit_id,session_id,api_key_id,'
                           'delegation_id,method,role,application,address,agent,old,new' AS line
        UNION ALL
        SELECT row_number() OVER (ORDER BY a.occurred_at, a.xid, a.seq),
               (SELECT string_agg('"' || replace(f, '"', '""') || '"', ',' ORDER BY n) FROM unnest(ARRAY[
                    coalesce(bastion_internal.audit_time(a.occurred_at), ''), a.era::text, a.xid::text, a.seq::text, coalesce(a.tenant_id::text, ''), coalesce(a.kind, ''),
                    coalesce(a.relation, ''), a.op, coalesce(a.key::text, ''), coalesce(a.actor_id::text, ''), coalesce(a.user_id::text, ''),
                    coalesce(a.actors::text, ''), coalesce(a.unit_id::text, ''), coalesce(a.session_id::text, ''), coalesce(a.api_key_id::text, ''),
                    coalesce(a.delegation_id::text, ''), coalesce(a.method, ''), coalesce(a.role, ''), coalesce(a.application, ''),
                    coalesce(a.address, ''), coalesce(a.agent, ''), coalesce(a.old::text, ''), coalesce(a.new::text, '')]) WITH ORDINALITY u (f, n))
        FROM bastion.audit a
        WHERE a.occurred_at >= coalesce(since, '-infinity') AND a.occurred_at < coalesce(until, 'infinity')
    ) l ORDER BY l.place;
END;
COMMENT ON FUNCTION bastion.audit_csv_lines(timestamptz, timestamptz) IS
'The log of changes from since until before until as CSV (RFC 4180): a line with the names of the columns of bastion.audit, then a record for each entry. NULL is an empty field, and as a limit none.
psql -At prints the lines as they are. Fields have the values as they were stored: a spreadsheet takes one that begins with =, +, - or @ for a formula, so import them as text.
As bastion.audit, for members with tenant.events.read in their tenant, and for operators.';
SELECT bastion_internal.callable_by('bastion.audit_csv_lines(timestamptz, timestamptz)', 'application');

-- Shortened, and without characters that a terminal would obey.
CREATE FUNCTION bastion_internal.audit_shown(value jsonb) RETURNS text
LANGUAGE sql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN value IS NULL OR value = 'null' THEN 'NULL'
                WHEN value ? 'redacted' THEN '(redacted)'
                WHEN value ? 'shredded' THEN '(shredded)'
                WHEN value ? 'sha256' THEN '(SHA-256 ' || left(value ->> 'sha256', 12) || '...)'
                WHEN length(value #>> '{}') > 60 THEN left(value #>> '{}', 57) || '...'
                ELSE value #>> '{}' END
$$;
COMMENT ON FUNCTION bastion_internal.audit_shown(jsonb) IS 'A value of an entry as audit_picture() shows it.';

CREATE FUNCTION bastion.audit_picture(relation regclass, key jsonb, at_most integer DEFAULT 20) RETURNS SETOF text
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 100
BEGIN ATOMIC
    WITH found AS (
        SELECT a.*, row_number() OVER (ORDER BY a.occurred_at, a.xid, a.seq) AS place FROM (
            SELECT b.* FROM bastion.audit b
            WHERE b.relation = (SELECT bastion_internal.audited_name(audit_picture.relation)) AND b.kind = 'row' AND b.key @> audit_picture.key
            ORDER BY b.occurred_at DESC, b.xid DESC, b.seq DESC LIMIT at_most
        ) a
    )
    SELECT regexp_replace(l.line, '[[:cntrl:]]', '?', 'g') FROM (
        SELECT 0 AS place, 0 AS step, '' AS name, concat_ws(' ', bastion_internal.audited_name(audit_picture.relation), audit_picture.key::text) AS line
        WHERE audit_picture.relation IS NOT NULL AND audit_picture.key IS NOT NULL
        UNION ALL
        SELECT f.place, 1, '', '|' FROM found f
        UNION ALL
        SELECT f.place, 2, '', format('* %s UTC  %s  by %s', to_char(f.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), f.op,
                                      coalesce(f.actor_id::text || CASE WHEN f.user_id <> f.actor_id THEN ' for ' || f.user_id ELSE '' END,
                                               f.role || coalesce(' (' || f.application || ')', '')))
        FROM found f
        UNION ALL
        SELECT f.place, 3, c.name, CASE f.op WHEN 'UPDATE' THEN format('|     %s: %s -> %s', c.name, c.was, c.became)
                                             WHEN 'DELETE' THEN format('|     %s was %s', c.name, c.was)
                                             ELSE format('|     %s = %s', c.name, c.became) END
        FROM found f
        CROSS JOIN LATERAL (SELECT k.name, bastion_internal.audit_shown(f.old -> k.name) AS was, bastion_internal.audit_shown(f.new -> k.name) AS became
                            FROM (SELECT jsonb_object_keys(f.old) UNION SELECT jsonb_object_keys(f.new)) k (name)) c
    ) l ORDER BY l.place, l.step, l.name COLLATE "C";
END;
COMMENT ON FUNCTION bastion.audit_picture(regclass, jsonb, integer) IS
'The history of one row as lines of text for psql, the oldest change first, of the newest changes at most so many: when, what and by whom, and below each the columns that changed. Long values are shortened.
key is that of audit_history().
As bastion.audit, for members with tenant.events.read in their tenant, and for operators.
SQLSTATE 2201W for a negative number.';
SELECT bastion_internal.callable_by('bastion.audit_picture(regclass, jsonb, integer)', 'application');
SELECT bastion_internal.callable_by('bastion_internal.audit_shown(jsonb)', 'application');

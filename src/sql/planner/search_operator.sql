-- Operators that may search below policies, and what the planner did to the last plan.

CREATE TABLE bastion.trusted_operators (
    library text COLLATE "C" NOT NULL,
    symbol text COLLATE "C" NOT NULL,
    operator text NOT NULL,
    reason text NOT NULL,
    trusted_at timestamptz NOT NULL DEFAULT now(),
    trusted_by name NOT NULL DEFAULT current_user,
    CONSTRAINT trusted_operators_pkey PRIMARY KEY (library, symbol),
    CONSTRAINT trusted_operators_reason_check CHECK (bastion_internal.is_label(reason))
);
COMMENT ON TABLE bastion.trusted_operators IS
'Functions of operators that a superuser lets run on the rows of other tenants, besides the built-in list; granted to nobody';
COMMENT ON COLUMN bastion.trusted_operators.library IS 'The library of the function, empty for one of PostgreSQL itself';
COMMENT ON COLUMN bastion.trusted_operators.symbol IS 'The symbol of the function in the library';
COMMENT ON COLUMN bastion.trusted_operators.operator IS 'The operator, as it was named';
COMMENT ON COLUMN bastion.trusted_operators.reason IS 'Why no row can make it raise, warn or notice';
COMMENT ON COLUMN bastion.trusted_operators.trusted_at IS 'Since when';
COMMENT ON COLUMN bastion.trusted_operators.trusted_by IS 'The role that trusts it';
SELECT pg_extension_config_dump('bastion.trusted_operators', '');
ALTER TABLE bastion.trusted_operators ENABLE ROW LEVEL SECURITY;
CREATE TRIGGER trusted_operators_invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON bastion.trusted_operators
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('trusted_operators');
ALTER TABLE bastion.trusted_operators ENABLE ALWAYS TRIGGER trusted_operators_invalidate;
COMMENT ON TRIGGER trusted_operators_invalidate ON bastion.trusted_operators IS 'Makes every backend read the table again';

CREATE FUNCTION bastion_internal.built_in_search_operators()
RETURNS TABLE (operator text, library text, symbol text, needs text, reason text)
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 60
AS 'MODULE_PATHNAME', 'bastion_built_in_search_operators';
COMMENT ON FUNCTION bastion_internal.built_in_search_operators() IS 'The built-in list of search_operators().';

CREATE FUNCTION bastion_internal.may_search(function regprocedure) RETURNS boolean
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_may_search';
COMMENT ON FUNCTION bastion_internal.may_search(regprocedure) IS
'Whether a clause that calls the function may run before the policies, if its arguments allow it.';

CREATE FUNCTION bastion.search_operators()
RETURNS TABLE (operator text, library text, symbol text, needs text, reason text, built_in boolean)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 60
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT o.operator, o.library, o.symbol, o.needs, o.reason, true FROM bastion_internal.built_in_search_operators() o
    UNION ALL
    SELECT t.operator, nullif(t.library, ''), t.symbol, NULL, t.reason, false FROM bastion.trusted_operators t
$$;
COMMENT ON FUNCTION bastion.search_operators() IS
'The operators that may use an index below a policy, besides those whose function is LEAKPROOF.
Each row has the library and symbol of the function, and what its arguments must be. The reason says why no row of another tenant can make it raise, warn or notice.
For superusers and the owner of the extension.';

CREATE FUNCTION bastion_internal.operator_body(operator regoperator, OUT library text, OUT symbol text)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    language name;
BEGIN
    SELECT l.lanname, coalesce(p.probin, ''), p.prosrc INTO language, library, symbol
    FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode JOIN pg_language l ON l.oid = p.prolang WHERE o.oid = operator;
    IF language IS NULL OR language NOT IN ('c', 'internal') THEN
        RAISE EXCEPTION 'operator % cannot be trusted', operator USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = 'Its function is not in C, so that its body can change.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.operator_body(regoperator) IS
'Library and symbol of the function of an operator, which only a superuser can choose. SQLSTATE 55000 for other languages.';

CREATE FUNCTION bastion.search_operator_trust(operator regoperator, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    body record := bastion_internal.operator_body(operator);
BEGIN
    PERFORM bastion_internal.require_superuser('trust an operator');
    INSERT INTO bastion.trusted_operators AS t (library, symbol, operator, reason)
    VALUES (body.library, body.symbol, search_operator_trust.operator::text, search_operator_trust.reason)
    ON CONFLICT (library, symbol) DO UPDATE
    SET operator = excluded.operator, reason = excluded.reason, trusted_at = now(), trusted_by = current_user;
END
$$;
COMMENT ON FUNCTION bastion.search_operator_trust(regoperator, text) IS
'Lets an operator use an index below a policy, as if its function were LEAKPROOF.
Its function then runs on the rows of other tenants before the policy is checked. Only trust one that no row can make raise, warn or notice, and say why in reason. Every operator with the same C function is trusted. New plans use it.
For superusers.
SQLSTATE 42501 for other roles, 55000 for a function that is not in C, 23514 for a reason that is empty or too long.';

CREATE FUNCTION bastion.search_operator_distrust(operator regoperator) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    body record := bastion_internal.operator_body(operator);
BEGIN
    PERFORM bastion_internal.require_superuser('distrust an operator');
    DELETE FROM bastion.trusted_operators t WHERE (t.library, t.symbol) = (body.library, body.symbol);
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION bastion.search_operator_distrust(regoperator) IS
'Ends search_operator_trust(), also for cached plans. The built-in list does not change.
Returns false when the operator was not in the table. For superusers.
SQLSTATE 42501 for other roles, 55000 for a function that is not in C.';

CREATE FUNCTION bastion.plan_notes() RETURNS TABLE (relation regclass, subject text, note text, size_class integer)
LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 10
AS 'MODULE_PATHNAME', 'bastion_plan_notes';
COMMENT ON FUNCTION bastion.plan_notes() IS
'What the extension did to the last plan of this session that reads protected tables.
A row with a relation: its tenant column was estimated for the tenant of the session, whose share of the rows the note has; plans are kept for tenants of the same size_class, which grows by one with each fourfold size. A row without: a clause, named by its function, may run before the policies and use an index. No rows if that plan was made for another tenant.';
SELECT bastion_internal.callable_by('bastion.plan_notes()', 'application', 'migration');

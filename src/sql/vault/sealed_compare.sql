
-- The order of sealed values is that of their bytes, as of bytea: it says whether two values are the same ciphertext, and nothing about
-- what they hold. DISTINCT, GROUP BY, UNION, MERGE, comparisons of OLD and NEW and logical replication need it. The operators are in
-- pg_catalog, so that = is found without a search_path, and before any other.

CREATE FUNCTION bastion_internal.sealed_lt(bastion.sealed, bastion.sealed) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bastion_sealed_lt';
COMMENT ON FUNCTION bastion_internal.sealed_lt(bastion.sealed, bastion.sealed) IS 'The operator < of bastion.sealed.';
SELECT bastion_internal.callable_by('bastion_internal.sealed_lt(bastion.sealed, bastion.sealed)', 'application');
CREATE FUNCTION bastion_internal.sealed_le(bastion.sealed, bastion.sealed) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bastion_sealed_le';
COMMENT ON FUNCTION bastion_internal.sealed_le(bastion.sealed, bastion.sealed) IS 'The operator <= of bastion.sealed.';
SELECT bastion_internal.callable_by('bastion_internal.sealed_le(bastion.sealed, bastion.sealed)', 'application');
CREATE FUNCTION bastion_internal.sealed_eq(bastion.sealed, bastion.sealed) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bastion_sealed_eq';
COMMENT ON FUNCTION bastion_internal.sealed_eq(bastion.sealed, bastion.sealed) IS 'The operator = of bastion.sealed.';
SELECT bastion_internal.callable_by('bastion_internal.sealed_eq(bastion.sealed, bastion.sealed)', 'application');
CREATE FUNCTION bastion_internal.sealed_ge(bastion.sealed, bastion.sealed) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bastion_sealed_ge';
COMMENT ON FUNCTION bastion_internal.sealed_ge(bastion.sealed, bastion.sealed) IS 'The operator >= of bastion.sealed.';
SELECT bastion_internal.callable_by('bastion_internal.sealed_ge(bastion.sealed, bastion.sealed)', 'application');
CREATE FUNCTION bastion_internal.sealed_gt(bastion.sealed, bastion.sealed) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bastion_sealed_gt';
COMMENT ON FUNCTION bastion_internal.sealed_gt(bastion.sealed, bastion.sealed) IS 'The operator > of bastion.sealed.';
SELECT bastion_internal.callable_by('bastion_internal.sealed_gt(bastion.sealed, bastion.sealed)', 'application');
CREATE FUNCTION bastion_internal.sealed_ne(bastion.sealed, bastion.sealed) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bastion_sealed_ne';
COMMENT ON FUNCTION bastion_internal.sealed_ne(bastion.sealed, bastion.sealed) IS 'The operator <> of bastion.sealed.';
SELECT bastion_internal.callable_by('bastion_internal.sealed_ne(bastion.sealed, bastion.sealed)', 'application');
CREATE FUNCTION bastion_internal.sealed_cmp(bastion.sealed, bastion.sealed) RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bastion_sealed_cmp';
COMMENT ON FUNCTION bastion_internal.sealed_cmp(bastion.sealed, bastion.sealed) IS 'Support of B-tree indexes: less than, equal to or greater than 0.';
SELECT bastion_internal.callable_by('bastion_internal.sealed_cmp(bastion.sealed, bastion.sealed)', 'application');
CREATE FUNCTION bastion_internal.sealed_hash(bastion.sealed) RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bastion_sealed_hash';
COMMENT ON FUNCTION bastion_internal.sealed_hash(bastion.sealed) IS 'Support of hashing: 32 bits.';
SELECT bastion_internal.callable_by('bastion_internal.sealed_hash(bastion.sealed)', 'application');
CREATE FUNCTION bastion_internal.sealed_hash_extended(bastion.sealed, bigint) RETURNS bigint
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bastion_sealed_hash_extended';
COMMENT ON FUNCTION bastion_internal.sealed_hash_extended(bastion.sealed, bigint) IS 'Support of hashing: 64 bits, with a seed.';
SELECT bastion_internal.callable_by('bastion_internal.sealed_hash_extended(bastion.sealed, bigint)', 'application');

CREATE OPERATOR pg_catalog.< (
    FUNCTION = bastion_internal.sealed_lt, LEFTARG = bastion.sealed, RIGHTARG = bastion.sealed,
    COMMUTATOR = OPERATOR(pg_catalog.>), NEGATOR = OPERATOR(pg_catalog.>=), RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR pg_catalog.< (bastion.sealed, bastion.sealed) IS 'Compares the bytes of two sealed values, not what they hold';
CREATE OPERATOR pg_catalog.<= (
    FUNCTION = bastion_internal.sealed_le, LEFTARG = bastion.sealed, RIGHTARG = bastion.sealed,
    COMMUTATOR = OPERATOR(pg_catalog.>=), NEGATOR = OPERATOR(pg_catalog.>), RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR pg_catalog.<= (bastion.sealed, bastion.sealed) IS 'Compares the bytes of two sealed values, not what they hold';
CREATE OPERATOR pg_catalog.= (
    FUNCTION = bastion_internal.sealed_eq, LEFTARG = bastion.sealed, RIGHTARG = bastion.sealed,
    COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR pg_catalog.= (bastion.sealed, bastion.sealed) IS 'Compares the bytes of two sealed values, not what they hold';
CREATE OPERATOR pg_catalog.>= (
    FUNCTION = bastion_internal.sealed_ge, LEFTARG = bastion.sealed, RIGHTARG = bastion.sealed,
    COMMUTATOR = OPERATOR(pg_catalog.<=), NEGATOR = OPERATOR(pg_catalog.<), RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR pg_catalog.>= (bastion.sealed, bastion.sealed) IS 'Compares the bytes of two sealed values, not what they hold';
CREATE OPERATOR pg_catalog.> (
    FUNCTION = bastion_internal.sealed_gt, LEFTARG = bastion.sealed, RIGHTARG = bastion.sealed,
    COMMUTATOR = OPERATOR(pg_catalog.<), NEGATOR = OPERATOR(pg_catalog.<=), RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR pg_catalog.> (bastion.sealed, bastion.sealed) IS 'Compares the bytes of two sealed values, not what they hold';
CREATE OPERATOR pg_catalog.<> (
    FUNCTION = bastion_internal.sealed_ne, LEFTARG = bastion.sealed, RIGHTARG = bastion.sealed,
    COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=), RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR pg_catalog.<> (bastion.sealed, bastion.sealed) IS 'Compares the bytes of two sealed values, not what they hold';

CREATE OPERATOR CLASS bastion.sealed_ops DEFAULT FOR TYPE bastion.sealed USING btree AS
    OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>,
    FUNCTION 1 bastion_internal.sealed_cmp(bastion.sealed, bastion.sealed);
CREATE OPERATOR CLASS bastion.sealed_ops DEFAULT FOR TYPE bastion.sealed USING hash AS
    OPERATOR 1 pg_catalog.=,
    FUNCTION 1 bastion_internal.sealed_hash(bastion.sealed),
    FUNCTION 2 bastion_internal.sealed_hash_extended(bastion.sealed, bigint);
COMMENT ON OPERATOR FAMILY bastion.sealed_ops USING btree IS 'That of the operator class';
COMMENT ON OPERATOR FAMILY bastion.sealed_ops USING hash IS 'That of the operator class';
COMMENT ON OPERATOR CLASS bastion.sealed_ops USING btree IS 'Compares ciphertexts; blind_index() finds values';
COMMENT ON OPERATOR CLASS bastion.sealed_ops USING hash IS 'Compares ciphertexts; blind_index() finds values';


-- Tells every backend which cached rights and keys are stale. ENABLE ALWAYS, so that rows applied by logical replication
-- count too, and unconditional wherever a condition would read other tables: what it finds may change before it commits.
--
-- What is cached are the rights and sets of a user in a tenant, under the concerns that bastion_internal.rights_concerns() lists when
-- they are read. A refusal is not cached. So a change must name something that was on the list before it; what is new
-- comes on it when the rights are read again. A membership that leads to a role that inherits from another: whoever changes
-- the last names the last, whoever unlinks it names the second, whoever ends the membership names the user, and the first
-- change on the way from the user is always of something listed. The text beside each table says why its scope suffices.

CREATE FUNCTION bastion_internal.invalidate() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_invalidate';
COMMENT ON FUNCTION bastion_internal.invalidate() IS
'Trigger: when the transaction commits, what is cached of the rights that the row concerns is dropped everywhere. Arguments: a scope and the columns that name its ids, then the next scope. With one column: user; role (who holds it, in any tenant); tenant (what the tenant itself is, for its members); place (the units and lists of a tenant, for who works in it); list (an access control list, for its user); managers (who manages the rows of everybody in a tenant); subject (with whom rows are shared). With two: subject_in (a role that every tenant can use, and the tenant of the rows). Without: platform (who holds a role in every tenant), all, keys. Beside rights: session and api_key with one column, sessions and api_keys without. NULL in a column names nothing.';


-- Invalidates cached rights and keys in every backend. The triggers are ENABLE ALWAYS, so that rows applied by logical replication
-- invalidate too. They have no condition that would read other tables: what it reads may change before the transaction commits.
--
-- A backend caches the rights and sets of a user in a tenant together with their dependencies, which
-- bastion_internal.rights_dependencies() returns when they are read. A refusal is not cached. So a message must name a dependency that
-- existed before the change; a new dependency is recorded when the rights are read again. Example: a membership gives a role that
-- inherits from another. A change of the inherited role names that role, a change of the inheritance names the first role, and the
-- end of the membership names the user. The first change on the path from the user is always a change of a known dependency. The
-- comment beside each table says why its scope suffices.

CREATE FUNCTION bastion_internal.invalidate() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_invalidate';
COMMENT ON FUNCTION bastion_internal.invalidate() IS
'Trigger: when the transaction commits, drops the cached rights that depend on the row in every backend.
Arguments: a scope and the columns that hold its ids, then the next scope.
Scopes with one column: user; role (its holders, in any tenant); tenant (the tenant row itself, for its members); place (the units and ACLs of a tenant, for the users who work in it); list (an ACL, for its user); managers (the users who manage everybody''s rows in a tenant); subject (the users with whom rows are shared).
Scope with two columns: subject_in (a role that every tenant can use, and the tenant of the rows).
Scopes without columns: platform (the holders of a role in every tenant), all, keys.
Scopes for other caches: session and api_key with one column, sessions and api_keys without. NULL in a column names nothing.';


-- The schemas. CREATE fails where one exists already: a schema that somebody else made is never adopted, because its
-- owner could plant objects in it.

CREATE SCHEMA bastion;
COMMENT ON SCHEMA bastion IS
'pg_bastion: identities, keys, permissions and the verified context that row-level security policies read';

CREATE SCHEMA bastion_api;
COMMENT ON SCHEMA bastion_api IS
'pg_bastion: the JSON-speaking functions that a front door exposes (sign-up, login, who am I)';

CREATE SCHEMA bastion_internal;
COMMENT ON SCHEMA bastion_internal IS
'pg_bastion: functions that only the extension itself calls. Nothing here is for others, and any of it may change';

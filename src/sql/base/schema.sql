
-- The schemas. CREATE fails if one of them already exists: the extension never adopts another role's schema, because its owner
-- could plant objects in it.

CREATE SCHEMA bastion;
COMMENT ON SCHEMA bastion IS
'pg_bastion: identities, keys, permissions and the verified context that row-level security policies read';

CREATE SCHEMA bastion_api;
COMMENT ON SCHEMA bastion_api IS
'pg_bastion: the JSON-speaking functions that a front door exposes (sign-up, login, who am I)';

CREATE SCHEMA bastion_internal;
COMMENT ON SCHEMA bastion_internal IS
'pg_bastion: functions that only the extension itself calls. Do not use them: any of them may change';

CREATE SCHEMA bastion_test;
COMMENT ON SCHEMA bastion_test IS
'pg_bastion: for tests of policies, on servers that allow test identities';

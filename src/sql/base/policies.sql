
-- What an application role may read of the extension's own tables, once bastion.allow_app_role() grants SELECT: the tenant
-- of the context and nothing of another. The subqueries are uncorrelated, so each is computed once a statement and becomes
-- an index key, and no identity enters a cached plan. RLS is not forced: the functions of the extension run as the owner of
-- these tables and must see everything. The tables at the end have no policy:
-- they are granted to nobody, and a member of pg_read_all_data sees no row of them either.

ALTER TABLE bastion.tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenants_of_context ON bastion.tenants FOR SELECT
    USING (id = (SELECT bastion.tenant_id()));
COMMENT ON POLICY tenants_of_context ON bastion.tenants IS 'The tenant of the context';

ALTER TABLE bastion.units ENABLE ROW LEVEL SECURITY;
CREATE POLICY units_of_tenant ON bastion.units FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_id()));
COMMENT ON POLICY units_of_tenant ON bastion.units IS 'The units of the context''s tenant';

ALTER TABLE bastion.unit_parents ENABLE ROW LEVEL SECURITY;
CREATE POLICY unit_parents_of_tenant ON bastion.unit_parents FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_id()));
COMMENT ON POLICY unit_parents_of_tenant ON bastion.unit_parents IS 'The tree of units of the context''s tenant';

ALTER TABLE bastion.unit_closure ENABLE ROW LEVEL SECURITY;
CREATE POLICY unit_closure_of_tenant ON bastion.unit_closure FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_id()));
COMMENT ON POLICY unit_closure_of_tenant ON bastion.unit_closure IS 'The tree of units of the context''s tenant';

ALTER TABLE bastion.users ENABLE ROW LEVEL SECURITY;
CREATE POLICY users_self ON bastion.users FOR SELECT
    USING (id = (SELECT bastion.user_id()));
COMMENT ON POLICY users_self ON bastion.users IS 'The user of the context';

ALTER TABLE bastion.memberships ENABLE ROW LEVEL SECURITY;
CREATE POLICY memberships_of_tenant ON bastion.memberships FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_id()));
COMMENT ON POLICY memberships_of_tenant ON bastion.memberships IS 'The memberships in the context''s tenant';

ALTER TABLE bastion.roles ENABLE ROW LEVEL SECURITY;
CREATE POLICY roles_of_tenant ON bastion.roles FOR SELECT
    USING (scope = ANY (ARRAY['00000000-0000-0000-0000-000000000000'::uuid, (SELECT bastion.tenant_id())]));
COMMENT ON POLICY roles_of_tenant ON bastion.roles IS 'Roles that every tenant can use and those of the context''s tenant';

ALTER TABLE bastion.role_permissions ENABLE ROW LEVEL SECURITY;
CREATE POLICY role_permissions_of_tenant ON bastion.role_permissions FOR SELECT
    USING (scope = ANY (ARRAY['00000000-0000-0000-0000-000000000000'::uuid, (SELECT bastion.tenant_id())]));
COMMENT ON POLICY role_permissions_of_tenant ON bastion.role_permissions IS
'The permissions of roles that every tenant can use and of those of the context''s tenant';

ALTER TABLE bastion.role_parents ENABLE ROW LEVEL SECURITY;
CREATE POLICY role_parents_of_tenant ON bastion.role_parents FOR SELECT
    USING (scope = ANY (ARRAY['00000000-0000-0000-0000-000000000000'::uuid, (SELECT bastion.tenant_id())]));
COMMENT ON POLICY role_parents_of_tenant ON bastion.role_parents IS
'The inheritance of roles that every tenant can use and of those of the context''s tenant';

ALTER TABLE bastion.user_permissions ENABLE ROW LEVEL SECURITY;
CREATE POLICY user_permissions_of_tenant ON bastion.user_permissions FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_id()));
COMMENT ON POLICY user_permissions_of_tenant ON bastion.user_permissions IS 'Grants and denies in the context''s tenant';

ALTER TABLE bastion.permissions ENABLE ROW LEVEL SECURITY;
CREATE POLICY permissions_all ON bastion.permissions FOR SELECT USING (true);
COMMENT ON POLICY permissions_all ON bastion.permissions IS 'The names of permissions are the same for everybody';

ALTER TABLE bastion.secrets ENABLE ROW LEVEL SECURITY;
CREATE POLICY secrets_own ON bastion.secrets FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_if_allowed('own.secrets.read')) AND owner_id = (SELECT bastion.user_id()));
COMMENT ON POLICY secrets_own ON bastion.secrets IS 'The user''s own secrets; not for impersonators, nor for API keys whose scopes do not name them';
CREATE POLICY secrets_of_tenant ON bastion.secrets FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_if_allowed('tenant.secrets.read')) AND owner_id IS NULL);
COMMENT ON POLICY secrets_of_tenant ON bastion.secrets IS 'The tenant''s own secrets, for those who may see that they exist';
CREATE POLICY secrets_of_others ON bastion.secrets FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_if_allowed('tenant.secrets.read')) AND owner_id <> (SELECT bastion.user_id()));
COMMENT ON POLICY secrets_of_others ON bastion.secrets IS 'Those of other users, likewise; one''s own take own.secrets.read, also of an API key';

ALTER TABLE bastion.secret_access_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY secret_access_log_of_tenant ON bastion.secret_access_log FOR SELECT
    USING (tenant_id = (SELECT bastion.tenant_if_allowed('tenant.events.read')));
COMMENT ON POLICY secret_access_log_of_tenant ON bastion.secret_access_log IS 'What was done with the tenant''s secrets';

ALTER TABLE bastion.secret_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE bastion.user_passwords ENABLE ROW LEVEL SECURITY;
ALTER TABLE bastion.vault ENABLE ROW LEVEL SECURITY;
ALTER TABLE bastion.data_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE bastion.signing_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE bastion.peppers ENABLE ROW LEVEL SECURITY;
ALTER TABLE bastion.sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE bastion.refresh_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE bastion.session_settings ENABLE ROW LEVEL SECURITY;
ALTER TABLE bastion.api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE bastion.api_key_secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE bastion.events ENABLE ROW LEVEL SECURITY;
ALTER TABLE bastion.platform_roles ENABLE ROW LEVEL SECURITY;
ALTER TABLE bastion.acls ENABLE ROW LEVEL SECURITY;
ALTER TABLE bastion.acl_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE bastion.level_actions ENABLE ROW LEVEL SECURITY;

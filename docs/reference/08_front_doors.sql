-- Front doors
-- The identity of an HTTP request, for PostgREST and servers like it. [POSTGREST.md](POSTGREST.md) has a configuration.
-- functions: pre_request setup_roles

SET bastion.tenant_from = 'header:x-organization';
SET ROLE app;
BEGIN READ ONLY;
SELECT set_config('request.headers', jsonb_build_object('authorization', 'Bearer ' || :'ann', 'x-organization', 'acme')::text, true) IS NOT NULL AS request;
SELECT bastion.pre_request();
SELECT bastion.whoami() ->> 'state' AS state;
COMMIT;
RESET ROLE;
RESET bastion.tenant_from;

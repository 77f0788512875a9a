-- The people of the examples
-- Ann owns the tenant Acme, and Bob is a member of it. `:'ann'` and `:'bob'` are their access tokens in every example. An example is
-- a session of psql that starts as a superuser, in a database of its own where only the statements below have run. `\gset` keeps
-- an answer in a variable instead of printing it. The empty answers of functions that return void are left out.

SELECT bastion.init() IS NOT NULL AS has_root_key;
CREATE ROLE app LOGIN;
SELECT bastion.allow_app_role('app');
SELECT a ->> 'access_token' AS ann FROM bastion_api.signup('ann@acme.example', 'correct horse battery', 'Acme') a \gset
SELECT a #>> '{user,id}' AS bob_id FROM bastion_api.signup('bob@acme.example', 'correct horse battery', 'Bob and sons') a \gset
SELECT bastion.membership_force(:'bob_id', 'acme', 'member') IS NOT NULL AS is_member;
SELECT a ->> 'access_token' AS bob FROM bastion_api.login('bob@acme.example', 'correct horse battery', tenant => 'acme') a \gset

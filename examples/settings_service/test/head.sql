-- What every test begins with: the tokens of its people.
\set app settings_service_app
\ir ../../attempt.sql

SELECT bastion_api.login('sam', 'sam keeps the keys') ->> 'access_token' AS sam,
       bastion_api.login('mona', 'mona edits at noon') ->> 'access_token' AS mona,
       bastion_api.login('rita', 'rita only reads') ->> 'access_token' AS rita,
       bastion_api.login('olga', 'correct horse battery') ->> 'access_token' AS olga,
       bastion_api.login('oscar', 'correct horse battery') ->> 'access_token' AS oscar \gset
SELECT u.id AS sam_id FROM bastion.users u WHERE u.username = 'sam' \gset
SELECT u.id AS mona_id FROM bastion.users u WHERE u.username = 'mona' \gset
SELECT u.id AS rita_id FROM bastion.users u WHERE u.username = 'rita' \gset

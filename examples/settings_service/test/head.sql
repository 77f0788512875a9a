-- What every test begins with: one transaction that plays all users, and their tokens.
\set ECHO none
\set QUIET on
\set ON_ERROR_ROLLBACK off
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL bastion.allow_identity_switch = on;
\ir ../../attempt.sql
CREATE FUNCTION attempt.app(token text, query text, tenant text DEFAULT NULL) RETURNS text LANGUAGE sql VOLATILE
AS $$ SELECT attempt.as_user('settings_service_app', token, query, tenant) $$;

SELECT bastion_api.login('sam', 'sam keeps the keys') ->> 'access_token' AS sam,
       bastion_api.login('mona', 'mona edits at noon') ->> 'access_token' AS mona,
       bastion_api.login('rita', 'rita only reads') ->> 'access_token' AS rita,
       bastion_api.login('olga', 'correct horse battery') ->> 'access_token' AS olga,
       bastion_api.login('oscar', 'correct horse battery') ->> 'access_token' AS oscar \gset
SELECT u.id AS sam_id FROM bastion.users u WHERE u.username = 'sam' \gset
SELECT u.id AS mona_id FROM bastion.users u WHERE u.username = 'mona' \gset
SELECT u.id AS rita_id FROM bastion.users u WHERE u.username = 'rita' \gset

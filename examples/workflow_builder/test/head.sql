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
CREATE FUNCTION attempt.app(token text, query text, tenant text DEFAULT NULL, unit text DEFAULT NULL) RETURNS text LANGUAGE sql VOLATILE
AS $$ SELECT attempt.as_user('workflow_builder_app', token, query, tenant, unit) $$;

-- What would be answered; nothing of it stays.
CREATE FUNCTION attempt.undone(token text, query text) RETURNS text LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    answer text;
BEGIN
    answer := attempt.app(token, query);
    RAISE EXCEPTION 'undo' USING ERRCODE = 'XT000';
EXCEPTION WHEN SQLSTATE 'XT000' THEN
    RETURN answer;
END
$$;

-- Everybody logs in to the unit of their own.
SELECT bastion_api.login('ada', 'correct horse battery', 'studio', 'ada') ->> 'access_token' AS ada,
       bastion_api.login('uma', 'correct horse battery', 'studio', 'uma') ->> 'access_token' AS uma,
       bastion_api.login('ben', 'correct horse battery', 'studio', 'ben') ->> 'access_token' AS ben,
       bastion_api.login('vic', 'correct horse battery', 'studio', 'vic') ->> 'access_token' AS vic,
       bastion_api.login('oscar', 'correct horse battery', 'outside', 'oscar') ->> 'access_token' AS oscar \gset
\set studio '3b000000-0000-4000-8000-00000000000a'
\set ada_id '3b000000-0000-4000-8000-0000000000a1'
\set uma_id '3b000000-0000-4000-8000-0000000000a2'
\set ben_id '3b000000-0000-4000-8000-0000000000a3'
\set vic_id '3b000000-0000-4000-8000-0000000000a4'
\set oscar_id '3b000000-0000-4000-8000-0000000000b1'
CREATE TABLE attempt.people (name text, token text, id uuid);
INSERT INTO attempt.people VALUES ('ada', :'ada', :'ada_id'), ('uma', :'uma', :'uma_id'), ('ben', :'ben', :'ben_id'), ('vic', :'vic', :'vic_id'),
    ('oscar', :'oscar', :'oscar_id');
CREATE VIEW attempt.names AS SELECT p.id, p.name AS username FROM attempt.people p;
GRANT SELECT ON attempt.names TO workflow_builder_app;

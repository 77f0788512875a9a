-- What every test begins with: the tokens of its people.
\set app workflow_builder_app
\ir ../../attempt.sql

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

-- Everybody logs in.
SELECT bastion_api.login('ada', 'correct horse battery', 'studio') ->> 'access_token' AS ada,
       bastion_api.login('uma', 'correct horse battery', 'studio') ->> 'access_token' AS uma,
       bastion_api.login('ben', 'correct horse battery', 'studio') ->> 'access_token' AS ben,
       bastion_api.login('vic', 'correct horse battery', 'studio') ->> 'access_token' AS vic,
       bastion_api.login('oscar', 'correct horse battery', 'outside') ->> 'access_token' AS oscar \gset
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

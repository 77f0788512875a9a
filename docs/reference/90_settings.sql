-- Settings
-- For the server, a database or a role, as PostgreSQL's own. Those that decide about access are a superuser's.

ALTER DATABASE :"DBNAME" SET bastion.signup_mode = 'closed';
\c
SET ROLE app;
SELECT bastion_api.signup('dan@dan.example', 'correct horse battery', 'Dan') ->> 'error' AS refused;
SHOW bastion.signup_mode;

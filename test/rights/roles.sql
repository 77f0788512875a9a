-- The roles of the matrix, one set for the cluster. The application's role is the attacker.
CREATE ROLE rights_app LOGIN;
CREATE ROLE rights_mig LOGIN;
CREATE ROLE rights_super LOGIN SUPERUSER;
CREATE ROLE rights_neighbour LOGIN;
CREATE ROLE rights_operator LOGIN;
CREATE ROLE rights_deputy LOGIN NOINHERIT;
CREATE ROLE rights_loader BYPASSRLS;
CREATE ROLE rights_anonymous;
CREATE ROLE rights_person;
CREATE ROLE rights_door LOGIN NOINHERIT;
GRANT postgres TO rights_deputy;

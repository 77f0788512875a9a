-- What every test begins with: the ids of the seed, and its people with their tokens.
\set app projects_app
\set orbit b0000000-0000-4000-8000-000000000001
\set kite b0000000-0000-4000-8000-000000000002
\set apollo b1000000-0000-4000-8000-000000000001
\set zeus b1000000-0000-4000-8000-000000000002
\set box b1000000-0000-4000-8000-000000000003
\ir ../../attempt.sql
CREATE SCHEMA test;
\ir ../../people.sql

-- Formats
-- The checks that the tables of the extension use, for columns and forms of the application.
-- functions: is_email is_username is_slug is_permission_pattern

SELECT bastion.is_email('ann@acme.example') AS email, bastion.is_username('ann') AS username, bastion.is_slug('acme') AS slug,
       bastion.is_permission_pattern('plans.*') AS pattern;
SELECT bastion.is_email('ann') AS email, bastion.is_username('Ann!') AS username, bastion.is_slug('No slug') AS slug,
       bastion.is_permission_pattern('plans') AS pattern;
CREATE TABLE contacts (email text CHECK (bastion.is_email(email)));

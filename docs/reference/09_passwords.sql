-- Passwords
-- For applications that keep password hashes of their own; sign-up and login use the same. Argon2id is the default. Hashes of many
-- other programs are verified, so that users keep their passwords when they move here; their next login makes a new hash.
-- docs/PASSWORDS.md says which new passwords sign-up accepts.
-- functions: password_hash password_verify password_needs_rehash password_format user_password_set

SET ROLE app;
SELECT bastion.password_hash('correct horse battery') AS hash \gset
SELECT split_part(:'hash', '$', 2) AS algorithm, bastion.password_verify('correct horse battery', :'hash') AS right_one,
       bastion.password_verify('wrong', :'hash') AS wrong_one, bastion.password_needs_rehash(:'hash') AS needs_rehash;
SELECT bastion.password_hash('correct horse battery', 'bcrypt') AS old_hash \gset
SELECT bastion.password_verify('correct horse battery', :'old_hash') AS verified, bastion.password_needs_rehash(:'old_hash') AS needs_rehash;
-- Hashes of another program, before they are imported.
SELECT bastion.password_format('pbkdf2_sha256$260000$b2lTmDHZyWxa$ZbXd4FYBsdZsW0CPH0xcpJ0yyDRDwGBSkpzKEZZrkHk=') AS django,
       bastion.password_format('$2b$20$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW') ->> 'obstacle' AS obstacle;

-- Passwords
-- For applications that keep password hashes of their own; sign-up and login use the same. Argon2id is the default; bcrypt and
-- PBKDF2-SHA256 are read too.
-- functions: password_hash password_verify password_needs_rehash

SET ROLE app;
SELECT bastion.password_hash('correct horse battery') AS hash \gset
SELECT split_part(:'hash', '$', 2) AS algorithm, bastion.password_verify('correct horse battery', :'hash') AS right_one,
       bastion.password_verify('wrong', :'hash') AS wrong_one, bastion.password_needs_rehash(:'hash') AS needs_rehash;
SELECT bastion.password_hash('correct horse battery', 'bcrypt') AS old_hash \gset
SELECT bastion.password_verify('correct horse battery', :'old_hash') AS verified, bastion.password_needs_rehash(:'old_hash') AS needs_rehash;

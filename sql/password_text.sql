-- The text of passwords before they are hashed (RFC 8265), with characters that only a UTF-8 database holds.
\set VERBOSITY terse
SET client_min_messages = warning;
-- one password, composed in two ways, and its spaces; what other systems made of its bytes
SELECT a.form, b.form AS hashed, bastion.password_verify(a.password, bastion.password_hash(b.password, 'bcrypt', '{"cost": 4}')) AS matches,
       bastion_internal.password_check(a.password, h.hash) AS of_bytes
FROM (VALUES ('NFC', U&'p\00e4ss w\00f6rd'), ('NFD', U&'pa\0308ss wo\0308rd'), ('wide space', U&'p\00e4ss\3000w\00f6rd'), ('other', 'pass word')) a (form, password),
     (VALUES ('NFC', U&'p\00e4ss w\00f6rd'), ('NFD', U&'pa\0308ss wo\0308rd')) b (form, password),
     -- of the bytes in NFD
     (VALUES ('$pbkdf2-sha256$1000$AAAAAAAAAAAAAAAAAAAAAA$OCI6u0OuI0hlrbS8w7jG/jcN8wHt8sxYw6PTPwio0vM')) h (hash) ORDER BY 1, 2;
SELECT test.error(format('SELECT bastion.password_hash(%L)', password)), bastion_internal.password_length(password) AS characters,
       bastion_internal.password_length(password, true) AS bytes
FROM unnest(ARRAY[E'tab\there', U&'next\0085line', E'\x7f', repeat('x', 4097), repeat(U&'\0958', 1000)]) password;
SELECT bastion_internal.password_length(U&'pa\0308ss wo\0308rd') AS characters, bastion_internal.password_length(U&'pa\0308ss wo\0308rd', true) AS bytes;

SELECT bastion_api.signup('text@password.example', 'correct horse', 'Text') #>> '{user,id}' AS id \gset
-- a hash of the bytes that another system took is replaced by one of the prepared password
UPDATE bastion.user_passwords SET hash = '$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbmJ5dGVzYWx0MA$/CEICsdtsIkX7S4XHFKVSjWOdtXe0x+eBJvt3DeR4sc' WHERE user_id = :'id';
SELECT bastion_api.login('text@password.example', U&'p\00e4ss w\00f6rd') ->> 'error' AS composed, bastion_api.login('text@password.example', U&'pa\0308ss wo\0308rd') ->> 'error' AS decomposed;
SELECT bastion_api.login('text@password.example', U&'p\00e4ss w\00f6rd') ->> 'error' AS composed, bastion_api.login('text@password.example', U&'pa\0308ss wo\0308rd') ->> 'error' AS decomposed;
SELECT FROM bastion.tenant_delete('text');
DELETE FROM bastion.users WHERE id = :'id';

-- Password hashing as an application role sees it. The algorithms have their vectors in the unit tests.
SET ROLE regress_app;

-- hash and verify; the default, and each algorithm
SELECT bastion.password_hash('correct horse') ~ E'^\\$argon2id\\$v=19\\$m=19456,t=2,p=1\\$[A-Za-z0-9+/]{22}\\$[A-Za-z0-9+/]{43}$';
SELECT algorithm, left(hash, 7) AS prefix, bastion.password_verify('correct horse', hash) AS right_one,
       bastion.password_verify('Correct horse', hash) AS wrong_one, bastion.password_needs_rehash(hash)
FROM (VALUES ('argon2id', '{}'), ('argon2id', '{"memory": 8192, "iterations": 3}'), ('argon2id', '{"memory": 8192}'),
             ('bcrypt', '{"cost": 4}'), ('pbkdf2-sha256', '{"iterations": 1000}')) o (algorithm, options),
     LATERAL bastion.password_hash('correct horse', algorithm, options::jsonb) hash;
-- salted
SELECT bastion.password_hash('x', 'bcrypt', '{"cost": 4}') <> bastion.password_hash('x', 'bcrypt', '{"cost": 4}');

-- hashes of other systems
SELECT bastion.password_verify('U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW');
SELECT bastion.password_verify('password', '$pbkdf2-sha256$8000$XAuBMIYQQogxRg$tRRlz8hYn63B9LYiCd6PRo6FMiunY9ozmMMI3srxeRE');
SELECT bastion.password_verify('password', '$bastion-pbkdf2-sha256$i=480000$AAECAwQFBgcICQoLDA0ODw==$hfcaLv5GYlZr20fsjNads0fya+uRo6rPpQSjHNHaJYA=');

SELECT bastion.password_verify('correct horse', 'pbkdf2_sha256$1000$wI1vh6cQJMaEkA9NPkwL6b$GuM49IlCnUKkwaHmsplzL7xPoZOY41ALcC4nwijGIr0=') AS django,
       bastion.password_verify('correct horse', '$6$rounds=1234$WGbznESRmN/G5IdO$4t25v1sTdTtE8896qSJuhctwlGQ/93mIIyuwNsBwZGGp.H0zyFVn5Fmn/b59wUg5cVL0I1echSOFJ09eDNLn31') AS crypt,
       bastion.password_verify('correct horse', '{SSHA}yXU0qvivJ4LEVDEtMJ26bIfZWJJozdnb') AS ldap;

-- what a hash says of itself
SELECT bastion.password_format(hash) AS format
FROM unnest(ARRAY['$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQxMjM0NTY3OA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', '$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
                  'bcrypt_sha256$$2b$05$O/DQC10.kdTw1O2VJdMY/uJY.JMcnehEaQ4cR7/mXfpenwNYidxSe', '$argon2id$v=19$m=8,t=1,p=1,keyid=aa$c29tZXNhbHQxMjM0NTY3OA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
                  '{SSHA}yXU0qvivJ4LEVDEtMJ26bIfZWJJozdnb', '!', '', NULL]) hash;

-- NULL in, NULL out
SELECT bastion.password_hash(NULL) IS NULL, bastion.password_hash('x', NULL) IS NULL,
       bastion.password_hash('x', 'bcrypt', NULL) IS NULL, bastion.password_verify(NULL, 'x') IS NULL,
       bastion.password_verify('x', NULL) IS NULL, bastion.password_needs_rehash(NULL) IS NULL;

-- a malformed hash is false and wants a new one
SELECT hash, bastion.password_verify('x', hash), bastion.password_needs_rehash(hash)
FROM unnest(ARRAY['', 'x', '$argon2id$', '$argon2id$v=19$m=8192,t=1,p=1$c2FsdA$aGFzaA', '$2b$05$short', '$1$md5$', '*0',
                  '$pbkdf2-sha256$x$y$z']) hash;
SELECT bastion.password_verify('x', repeat('x', 1000000)), bastion.password_needs_rehash(repeat('$', 1000000));

-- ceilings and options that make no sense
SELECT test.error(format('SELECT bastion.password_hash(%L, %L, %L)', password, algorithm, options))
FROM (VALUES ('x', 'md5', '{}'),
             ('x', '', '{}'),
             ('', 'argon2id', '{}'),
             ('x', 'argon2id', '{"memory": 1048577}'),
             ('x', 'argon2id', '{"iterations": 21}'),
             ('x', 'argon2id', '{"parallelism": 2}'),
             ('x', 'argon2id', '{"memory": 7}'),
             ('x', 'argon2id', '{"memory": "8192"}'),
             ('x', 'argon2id', '{"cost": 4}'),
             ('x', 'argon2id', '[]'),
             ('x', 'bcrypt', '{"cost": 17}'),
             ('x', 'bcrypt', '{"cost": 3}'),
             ('x', 'bcrypt', '{"cost": 4.5}'),
             ('x', 'pbkdf2-sha256', '{"iterations": 10000001}'),
             ('x', 'pbkdf2-sha256', '{"iterations": 1}')) o (password, algorithm, options);
SELECT test.error($$SELECT bastion.password_hash(repeat('x', 73), 'bcrypt')$$);
SELECT bastion.password_verify(repeat('x', 72), bastion.password_hash(repeat('x', 72), 'bcrypt', '{"cost": 4}'));
SELECT test.error($$SELECT bastion.password_hash(repeat('x', 4097))$$);
SELECT test.error($$SELECT bastion.password_verify(repeat('x', 1000000), '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW')$$);
-- a hostile hash costs nothing
SELECT test.error($$SELECT bastion.password_verify('x', '$argon2id$v=19$m=2097152,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')$$);
SELECT test.error($$SELECT bastion.password_verify('x', '$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW')$$);
SELECT test.error($$SELECT bastion.password_verify('x', '$pbkdf2-sha256$99999999$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')$$);

-- what only the extension calls
SELECT test.error($$SELECT bastion_internal.password_check('x', 'y')$$);
SELECT test.error('SELECT hash FROM bastion.user_passwords');
RESET ROLE;
-- only what can be verified is stored
SELECT test.error(format('INSERT INTO bastion.user_passwords VALUES (gen_random_uuid(), %L)', hash))
FROM unnest(ARRAY['', '!', '$1$md5$', '$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW']) hash;
-- what cannot be verified is like no hash
SELECT hash, bastion_internal.password_check('wrong', hash) AS matches
FROM unnest(ARRAY[NULL, '', '!', '$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', '{SSHA}yXU0qvivJ4LEVDEtMJ26bIfZWJJozdnb']) hash;
SELECT bastion_internal.password_check('x', NULL), bastion_internal.password_check(NULL, 'x'), bastion_internal.password_check(NULL, NULL),
       bastion_internal.password_check('U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW');

-- a role that was given nothing
SET ROLE regress_stranger;
SELECT test.error($$SELECT bastion.password_hash('x')$$);
RESET ROLE;

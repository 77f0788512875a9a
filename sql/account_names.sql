-- Addresses and user names: which spellings are one account, and that no letter of another script makes one that looks like another's.
\set VERBOSITY terse
SET client_min_messages = warning;
SET bastion.refused_login_duration = 0;
SET bastion.password_min_length = 8;
SELECT bastion_api.signup('  Mike.Kilo@Names.EXAMPLE ', 'correct horse of names', 'Account names', 'Mike', ' Mike_K ') #>> '{user,id}' AS id \gset
SELECT email, username FROM bastion.users WHERE id = :'id';
SELECT n, bastion_api.login(n, 'correct horse of names') ? 'access_token' AS enters FROM unnest(ARRAY['MIKE.KILO@NAMES.EXAMPLE', ' mike.kilo@names.example', 'MIKE_K', 'mike_k ']) WITH ORDINALITY AS t (n, i) ORDER BY i;
-- the same address or name in another spelling
SELECT bastion_api.signup('MIKE.KILO@names.example', 'correct horse of names', 'Second') ->> 'error' AS address, bastion_api.signup('other@names.example', 'correct horse of names', 'Second', NULL, 'MIKE_K') ->> 'error' AS name;
-- letters that look like others, or become them in upper or lower case: Kelvin and Cyrillic, fullwidth, dotless and dotted i, composed
-- letters, a soft hyphen, a mark of direction, a zero width space, a space that does not break
SELECT i, bastion_api.signup(replace(c, '%', '@names.example'), 'correct horse of names', 'Third') ->> 'error' AS address,
       bastion_api.signup('third' || i || '@names.example', 'correct horse of names', 'Third', NULL, replace(c, '%', '')) ->> 'error' AS name,
       bastion_api.login(replace(c, '%', '@names.example'), 'correct horse of names') ->> 'error' AS login
FROM unnest(ARRAY[U&'mi\212Ae.kilo%', U&'m\0456ke.kilo%', U&'\FF4Dike.kilo%', U&'m\0131ke.kilo%', U&'m\0130ke.kilo%', U&'mike.kil\00f6%', U&'mike.kilo\0308%', U&'mike\00ad.kilo%', U&'\202emike.kilo%', U&'mike.kilo\200b%',
                  U&'\00a0mike.kilo%']) WITH ORDINALITY AS t (c, i) ORDER BY i;
SELECT count(*) AS accounts FROM bastion.users WHERE email LIKE '%@names.example' OR username LIKE 'mi%';
DELETE FROM bastion.tenants WHERE slug = 'account-names';
DELETE FROM bastion.users WHERE email LIKE '%@names.example';

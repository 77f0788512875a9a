-- Text outside ASCII in a database of another encoding (LATIN1), and of none (SQL_ASCII): core reads and writes UTF-8.
\set VERBOSITY terse
\set SHOW_CONTEXT never
\encoding UTF8
SET client_min_messages = error;
\getenv folder PG_ABS_SRCDIR
\set cases :folder '/test/encoding/cases.sql'
SELECT current_database() AS previous \gset
DROP DATABASE IF EXISTS regress_latin1;
DROP DATABASE IF EXISTS regress_ascii;
DROP DATABASE IF EXISTS regress_euc_jp;
CREATE DATABASE regress_latin1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C';
CREATE DATABASE regress_euc_jp TEMPLATE template0 ENCODING 'EUC_JP' LOCALE 'C';
CREATE DATABASE regress_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C';

-- What an identity provider signs, in UTF-8.
SELECT bastion.jwk_generate('ES256', 'k1') AS key, bastion.jwk_generate('HS256') AS hmac \gset
CREATE FUNCTION test.of_issuer(key jsonb, issuer text, subject text, further jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
    SELECT bastion.jwt_sign(jsonb_build_object('iss', issuer, 'aud', 'app', 'sub', subject, 'exp', 9999999999) || further, key)
$$;
SELECT test.of_issuer(:'key', 'https://idp.example', 'ü') AS umlaut, test.of_issuer(:'key', 'https://idp.example', 'Ã¼') AS victim,
       test.of_issuer(:'key', 'https://idp.example', 'jürgen') AS juergen, test.of_issuer(:'key', 'https://idp.example', '中') AS chinese,
       test.of_issuer(:'key', 'https://schlüssel.example', 'jürgen') AS other_issuer, test.of_issuer(:'key', 'https://idp.example', '１￤') AS wide_bar,
       test.of_issuer(:'key', 'https://idp.example', '１¦') AS bar,
       test.of_issuer(:'key', 'https://idp.example', 'new', '{"name": "中文"}') AS named,
       bastion.jwt_sign('{"exp": 9999999999, "name": "Müller", "big": 18446744073709551616.50}', :'hmac') AS raw,
       bastion.jwt_sign('{"exp": 9999999999, "name": "SECRET中"}', :'hmac') AS foreign_raw \gset
-- jsonb of characters beyond ASCII is the one that PostgreSQL makes of the text
SELECT bastion.jwt_verify(bastion.jwt_sign(claims, :'hmac'), :'hmac', '{"allow_missing_exp": true}')::text = claims::text AS same
FROM (VALUES (E'{"a": "\\u00e9\\ud83d\\ude00", "é中": ["ü"]}'::jsonb)) c (claims);
\c regress_latin1
\set encoding LATIN1
\i :cases
-- a name has no form of Unicode here
SELECT bastion_internal.is_name('café') AS name, bastion_internal.is_name(' ') AS blank;
\c regress_ascii
\set encoding SQL_ASCII
\i :cases
\c regress_euc_jp
-- one character here for two of UTF-8: only one of these subjects can be a user
SET client_min_messages = error;
CREATE EXTENSION pg_bastion;
CREATE FUNCTION public.error(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    RETURN concat_ws(' ', SQLSTATE, SQLERRM);
END
$$;
SELECT bastion.issuer_add('https://idp.example', bastion.jwk_public(:'key'), '{app}', '{ES256}', create_users => true);
SELECT error(format('SELECT bastion.authenticate(%L)', :'bar')) AS bar;
SELECT error(format('SELECT bastion.authenticate(%L)', :'wide_bar')) AS wide_bar;
SELECT count(*) AS users FROM bastion.user_identities;
\c :previous
DROP DATABASE regress_latin1;
DROP DATABASE regress_euc_jp;
DROP DATABASE regress_ascii;
DROP FUNCTION test.of_issuer;

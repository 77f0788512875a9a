-- Values of other systems, sealed anew: base64 of AES-256-GCM, and OpenPGP messages of pgcrypto.
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT bastion.resource_register('import', '{open}');
INSERT INTO bastion.tenants (name, slug) VALUES ('Import', 'import') RETURNING id AS tenant \gset

-- Test cases 13, 14 and 15 of McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B.
CREATE TABLE test.vectors (name text, key bytea, value text, plaintext bytea);
INSERT INTO test.vectors
SELECT name, key::bytea, replace(encode((nonce || ciphertext || tag)::bytea, 'base64'), E'\n', ''), plaintext::bytea
FROM (VALUES
    ('13', E'\\x' || repeat('00', 32), E'\\x' || repeat('00', 12), '', '530f8afbc74536b9a963b4f1c4cb738b', E'\\x'),
    ('14', E'\\x' || repeat('00', 32), E'\\x' || repeat('00', 12), 'cea7403d4d606b6e074ec5d3baf39d18', 'd0d1c8a799996bf0265b98b5d48ab919', E'\\x' || repeat('00', 16)),
    ('15', E'\\xfeffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308', E'\\xcafebabefacedbaddecaf888',
     '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad',
     'b094dac5d93471bdec1a502270e3cc6c',
     E'\\xd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255')
    ) v (name, key, nonce, ciphertext, tag, plaintext);
SELECT name, bastion.open_bytea_for(:'tenant', bastion.import_aes_gcm(:'tenant', value, key, 'import', name), name) = plaintext AS same,
       test.error(format('SELECT bastion.import_aes_gcm(%L, %L, set_bit(%L::bytea, 0, 1 - get_bit(%L::bytea, 0)), ''import'')', :'tenant', value, key, key)) AS other_key,
       test.error(format('SELECT bastion.import_aes_gcm(%L, %L, %L, ''import'')', :'tenant', value, substr(key, 2))) AS short_key,
       test.error(format('SELECT bastion.import_aes_gcm(%L, %L, %L, ''import'')', :'tenant', value, key || E'\\x00'::bytea)) AS long_key
FROM test.vectors ORDER BY name;
SELECT DISTINCT test.error(format('SELECT bastion.import_aes_gcm(%L, %L, %L, ''import'')', :'tenant',
    replace(encode(set_bit(decode(value, 'base64'), bit, 1 - get_bit(decode(value, 'base64'), bit)), 'base64'), E'\n', ''), key)) AS changed
FROM test.vectors, generate_series(0, 28 * 8 - 1) bit;
SELECT test.error(format('SELECT bastion.import_aes_gcm(%L, %L, %L, ''import'')', :'tenant', value, E'\\x' || repeat('00', 32)))
FROM unnest(ARRAY['', 'AAAA', 'not base64', repeat('A', 39), rtrim(encode(decode(repeat('00', 28), 'hex'), 'base64'), '=')]) value;
SELECT bastion.import_aes_gcm(:'tenant', NULL, E'\\x', 'import'), bastion.import_aes_gcm(:'tenant', '', NULL, 'import');

-- pgcrypto
SELECT test.error($$SELECT bastion.import_pgp_sym(NULL, E'\\x00', 'x', 'import')$$);
CREATE SCHEMA "test pgcrypto";
CREATE EXTENSION pgcrypto SCHEMA "test pgcrypto";
SELECT bastion.open_text_for(:'tenant', bastion.import_pgp_sym(:'tenant', "test pgcrypto".pgp_sym_encrypt('attack at dawn', 'correct horse', options), 'correct horse', 'import'))
FROM unnest(ARRAY['', 'cipher-algo=aes256', 'compress-algo=1, s2k-digest-algo=sha256']) options;
SELECT test.error(format('SELECT bastion.import_pgp_sym(%L, %L, %L, ''import'')', :'tenant', message, passphrase))
FROM (VALUES ("test pgcrypto".pgp_sym_encrypt('attack at dawn', 'correct horse'), 'wrong'), (E'\\x', 'x'), (E'\\x00', 'x'), (decode(repeat('c3', 100), 'hex'), 'x')) v (message, passphrase);
SELECT bastion.import_pgp_sym(:'tenant', NULL, 'x', 'import');
-- only pgcrypto's own function is called
SELECT test.error($$ALTER EXTENSION pgcrypto DROP FUNCTION "test pgcrypto".pgp_sym_decrypt_bytea(bytea, text)$$),
       test.error($$SELECT bastion.import_pgp_sym(NULL, E'\\x00', 'x', 'import')$$);
SET ROLE regress_app;
SELECT test.error($$SELECT bastion.import_aes_gcm(NULL, '', '', 'import')$$), test.error($$SELECT bastion.import_pgp_sym(NULL, '', '', 'import')$$);
RESET ROLE;
DROP FUNCTION "test pgcrypto".pgp_sym_decrypt_bytea(bytea, text);
DROP EXTENSION pgcrypto;
DROP SCHEMA "test pgcrypto";
DROP TABLE test.vectors;
DELETE FROM bastion.tenants WHERE slug = 'import';

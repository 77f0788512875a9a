-- Keys for applications
-- A tenant's keys that sign, authenticate and wrap data keys inside the database. Each has versions, and what it returns carries the
-- version that made it. The private half never leaves, except by an export that was allowed at creation.
-- functions: key_create key_rotate key_update key_delete key_list key_sign key_verify key_mac key_mac_verify key_public
-- wrapped_key_create wrapped_key_open key_export key_import random_bytes key_create_for key_rotate_for key_update_for key_delete_for
-- key_sign_for key_verify_for key_mac_for key_mac_verify_for key_public_for wrapped_key_create_for wrapped_key_open_for

SELECT bastion.resource_register('bills', '{sign,verify,mac,wrap,unwrap}');
SET ROLE app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT bastion.key_create('bills', 'EdDSA', 'bills', rotate_every => '90 days') AS version;
SELECT bastion.key_create('files', 'XAES-256-GCM', 'bills') AS version;
SELECT bastion.key_sign('bills', 'bill 7: 20 EUR') AS signature \gset
SELECT left(:'signature', 3) AS made_by, bastion.key_verify('bills', 'bill 7: 20 EUR', :'signature') AS verifies;
SELECT version, jwk ->> 'alg' AS alg, split_part(pem, E'\n', 1) AS pem FROM bastion.key_public('bills');
SELECT octet_length(plaintext) AS bytes, plaintext = bastion.wrapped_key_open('files', wrapped, 'file 7') AS opens
FROM bastion.wrapped_key_create('files', bound_to => 'file 7');
SELECT bastion.key_rotate('bills') AS version;
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT left(bastion.key_sign('bills', 'bill 8: 30 EUR'), 3) AS made_by, bastion.key_verify('bills', 'bill 7: 20 EUR', :'signature') AS still_verifies;
SELECT bastion.key_update('bills', min_version => 2);
SELECT bastion.key_verify('bills', 'bill 7: 20 EUR', :'signature') AS verifies_no_longer;
SELECT name, algorithm, version, min_version, rotate_every FROM bastion.key_list();
COMMIT;

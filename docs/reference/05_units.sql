-- Units
-- Teams, projects and the like make a tree inside a tenant. What a user holds in a unit is good in the units below it.
-- functions: unit_create unit_move unit_delete units unit_rename

SET ROLE app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT bastion.unit_create('department', 'Sales', 'sales') IS NOT NULL AS sales,
       bastion.unit_create('team', 'Exports', 'exports', parent => 'sales') IS NOT NULL AS exports;
COMMIT;
-- A transaction chooses its unit with the identity.
BEGIN;
SELECT bastion.authenticate(:'ann', unit => 'exports') \gset
SELECT u.name, p.name AS above FROM bastion.units u JOIN bastion.unit_parents r ON r.unit_id = u.id JOIN bastion.units p ON p.id = r.parent_id
WHERE u.id = bastion.unit_id();
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT bastion.unit_move('exports');    -- to the top
SELECT count(*) AS below_another FROM bastion.unit_parents;
COMMIT;

-- Explaining access
-- Why somebody holds a permission or does not, and who holds what: as rows for programs, as text for people.
-- functions: explain_access explain_access_text explain_member_access explain_member_access_text permission_matrix authzen_evaluation authzen_evaluations
-- permission_matrix_text

SELECT bastion.resource_register('reports', '{read,publish}');
SELECT id AS bob_id FROM bastion.users WHERE email = 'bob@acme.example' \gset
SELECT bastion.explain_access_text(:'bob_id', 'reports.read', tenant => 'acme') AS why;
SELECT bastion.permission_matrix_text('acme') AS matrix;

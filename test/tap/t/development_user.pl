# bastion.development_user: whose identity the transactions have that present nothing, who can set it, and what it leaves as it is.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('development');
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE other LOGIN; SELECT bastion.allow_app_role('other');
CREATE TABLE papers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id uuid, title text);
SELECT bastion.protect('papers');
GRANT SELECT, INSERT, UPDATE, DELETE ON papers TO other;
CREATE TABLE developers AS SELECT n AS name, bastion_api.signup(n || '@development.example', 'correct horse battery', 'Tenant of ' || n) AS answer FROM unnest(ARRAY['dora', 'eve']) n;
INSERT INTO papers (tenant_id, title) SELECT (answer #>> '{tenant,id}')::uuid, name FROM developers;
INSERT INTO papers (tenant_id, title) SELECT (answer #>> '{tenant,id}')::uuid, n::text FROM developers, generate_series(1, 5000) n WHERE name = 'dora';
ANALYZE papers;
SQL
my %id = map { $_ => $node->safe_psql('postgres', "SELECT answer #>> '{user,id}' FROM developers WHERE name = '$_'") } qw(dora eve);
my %token = map { $_ => $node->safe_psql('postgres', "SELECT answer ->> 'access_token' FROM developers WHERE name = '$_'") } qw(dora eve);
my $setting = 'bastion.development_user';
my $user = q{SELECT coalesce(bastion.user_id()::text, 'nobody')};

# The last line of a script that a role runs, or the SQLSTATE.
sub result {
    my ($role, $script, $database) = @_;
    my ($out, $err) = ('', '');
    $node->psql($database // 'postgres', "\\set VERBOSITY sqlstate\n$script", stdout => \$out, stderr => \$err, on_error_die => 0, on_error_stop => 1, extra_params => [ '-U', $role ]);
    return $1 if $err =~ /ERROR:  (\w{5})/;
    return (split /\n/, $out)[-1] // '';
}
sub is_set {
    my ($value) = @_;
    $node->safe_psql('postgres', "SELECT bastion.library_version();\nALTER SYSTEM SET $setting = '$value'");
    $node->reload;
    $node->poll_query_until('postgres', "SELECT bastion.library_version() IS NOT NULL AND current_setting('$setting') = '$value'") or die 'the setting does not arrive';
}

# Nobody but the configuration of the server sets it.
my $superuser = $node->safe_psql('postgres', 'SELECT current_user');
foreach my $role ($superuser, 'other') {
    foreach my $way ("SET $setting = '$id{dora}'", "SET LOCAL $setting = '$id{dora}'", "SELECT set_config('$setting', '$id{dora}', false)", "ALTER ROLE other SET $setting = '$id{dora}'") {
        my $loaded = result($role, "SELECT bastion.library_version();\n$way");
        like($loaded, qr/^(55P02|42501)$/, "$role: $way");
        like(result($role, "$way;\n$user"), qr/^(55P02|42501|nobody)$/, 'nor before the library is loaded');
    }
}
$node->safe_psql('postgres', 'ALTER ROLE other RESET ALL');
like(result('other', "ALTER SYSTEM SET $setting = '$id{dora}'"), qr/^42501$/, 'no application role alters the server');
is(result('other', $user), 'nobody', 'without it, who presents nothing is nobody');
for my $value ('ann', "$id{dora} ", "$id{dora}x", ' ', " $id{dora}") {
    $node->psql('postgres', "SELECT bastion.library_version();\nALTER SYSTEM SET $setting = '$value'", stderr => \my $refused);
    like($refused, qr/invalid value/, "'$value' is no id");
}

# The identity of the user, by the user's own rights.
is_set($id{dora});
is(result('other', q{SELECT concat_ws(' ', bastion.user_id(), bastion.tenant_id(), (SELECT count(*) FROM papers))}), "$id{dora} 0", 'without a tenant, who presents nothing is the user');
is(result('other', "BEGIN;\nSET LOCAL bastion.tenant = 'tenant-of-dora';\nSELECT count(*) FROM papers"), '5001', 'who may name one');
is_set("$id{dora} tenant-of-dora");
is(result('other', $user), $id{dora}, 'who presents nothing is the user');
is(result('other', 'SELECT count(*) FROM papers'), '5001', 'who sees the rows of the tenant');
is(result('other', "SELECT count(*) FROM papers WHERE title = 'eve'"), '0', 'and of no other');
is(result('other', q{SELECT concat_ws(' ', bastion.whoami() ->> 'method', bastion.auth_level(), bastion.session_id() IS NULL, bastion.has_permission('tenant.update'))}), 'development aal1 t t', 'by the method development');
is(result('other', "BEGIN; INSERT INTO papers (title) VALUES ('new'); SELECT count(*) FROM papers WHERE title = 'new' AND tenant_id = bastion.tenant_id();"), '1', 'and writes rows of that tenant');
is(result('other', "BEGIN;\nSET LOCAL bastion.tenant = 'tenant-of-eve';\n$user"), '28000', 'a tenant of others is refused');
is(result('other', "SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;\nSELECT count(*) FROM papers"), '5001', 'parallel workers have it, too');

# What presents a token is what the token says.
is(result('other', "BEGIN;\nSELECT bastion.authenticate('$token{eve}');\nSELECT title FROM papers"), 'eve', 'a token counts');
is(result('other', "BEGIN;\nSET LOCAL bastion.token = '$token{eve}';\nSELECT title FROM papers"), 'eve', 'so does one of the setting');
is(result('other', "SET bastion.token = '$token{eve}';\n$user"), 'nobody', 'one of the session, which counts in no later transaction, makes nobody');
is(result('other', "BEGIN;\nSELECT bastion.authenticate('x')"), '28000', 'a wrong one is refused, and falls back to nobody else');
is(result('other', "BEGIN;\nSET LOCAL bastion.token = 'x';\n$user"), '28000', 'also in the setting');
is(result('other', "BEGIN;\n$user;\nSELECT bastion.authenticate('$token{eve}')"), '25000', 'the identity of a transaction stays the first one');
is(result('other', q{SELECT bastion_api.api_key_create('k', '{*}') ->> 'error'}), 'insufficient_scope', 'it makes no API key');
is(result('other', q{SELECT bastion_api.delegate('eve@development.example', '{*}') ->> 'error'}), 'insufficient_scope', 'and no delegation');
is(result('other', q{SELECT bastion_api.password_change('correct horse battery', 'another horse battery') ->> 'error'}), 'insufficient_scope', 'and no password');
is(result('other', "BEGIN;\nSELECT bastion.context_drop();\n$user"), 'nobody', 'dropped, it is nobody');

# It ends as others do.
$node->safe_psql('postgres', "UPDATE bastion.users SET status = 'disabled' WHERE id = '$id{dora}'");
is(result('other', $user), '28000', 'a disabled user is refused');
$node->safe_psql('postgres', "UPDATE bastion.users SET status = 'active' WHERE id = '$id{dora}'");
is_set("$id{eve} tenant-of-eve");
is(result('other', 'SELECT title FROM papers'), 'eve', 'another user, after a reload');
my $findings = $node->safe_psql('postgres', "SELECT severity, fix FROM bastion.lint() WHERE object = 'setting bastion.development_user'");
is($findings, 'error|ALTER SYSTEM RESET bastion.development_user; SELECT pg_reload_conf();', 'lint() says it is an error');
is_set('');
is(result('other', $user), 'nobody', 'and then nobody again');
is($node->safe_psql('postgres', "SELECT count(*) FROM bastion.lint() WHERE object = 'setting bastion.development_user'"), '0', 'without a finding');

done_testing();

# bastion_test.act_as(): nobody but the configuration of the server turns it on, the identity is that of a login, and the test that
# docs/TESTING-POLICIES.md shows runs, and fails where a policy is missing.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $page = slurp_file("$ENV{BASTION_SOURCE}/docs/TESTING-POLICIES.md");
my ($setup) = $page =~ /^```sql setup\n(.*?)^```$/ms;
my ($test) = $page =~ /^```sql test\n(.*?)^```$/ms;

my $node = PostgreSQL::Test::Cluster->new('identities');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_bastion; CREATE EXTENSION pgtap');
$node->safe_psql('postgres', 'SELECT bastion.init()');
$node->safe_psql('postgres', $setup);
$node->safe_psql('postgres', q{
    CREATE ROLE owner LOGIN; CREATE DATABASE owned OWNER owner; GRANT CREATE ON DATABASE postgres TO app, owner;
    SELECT bastion.allow_migration_role('owner'), bastion.allow_monitoring_role('owner')});

my $act = q{SELECT bastion_test.act_as('ann@acme.example')};

# The SQLSTATE or the last line of a script, run by a role; 'lost' when the server ended the connection.
sub result {
    my ($role, $script, %more) = @_;
    my ($out, $err) = ('', '');
    local $ENV{PGOPTIONS} = $more{options} // '';
    $node->psql($more{database} // 'postgres', "\\set VERBOSITY sqlstate\n$script", stdout => \$out, stderr => \$err,
        on_error_die => 0, on_error_stop => 1, extra_params => [ '-U', $role ]);
    return $1 if $err =~ /ERROR:  (\w{5})/;
    return 'lost' if $err =~ /FATAL|closed the connection/;
    return (split /\n/, $out)[-1] // '';
}

# Off.
my $superuser = $node->safe_psql('postgres', 'SELECT current_user');
is(result($superuser, $act), '42501', 'off: a superuser is refused too');
like(slurp_file($node->logfile), qr/ERROR:  test identities are not allowed/, 'which the server log shows');
my $set = 'bastion.allow_test_identities';
my @ways = ("SET $set = on", "SET LOCAL $set = on", "SELECT set_config('$set', 'on', false)",
    "CREATE OR REPLACE FUNCTION pg_temp.f() RETURNS uuid LANGUAGE sql SET $set = on AS \$\$$act\$\$; SELECT pg_temp.f()");
foreach my $run ([ $superuser, 'not loaded', '' ], [ $superuser, 'loaded', 'SELECT bastion.library_version();' ], [ 'app', 'not loaded', '' ], [ 'app', 'loaded', 'SELECT bastion.library_version();' ]) {
    my ($role, $when, $load) = @$run;
    my ($out, $err) = ('', '');
    $node->psql('postgres', join("\n", "\\set VERBOSITY sqlstate\n$load", map { "BEGIN; $_; $act;\nROLLBACK; $_;\n$act;" } @ways),
        stdout => \$out, stderr => \$err, on_error_die => 0, on_error_stop => 0, extra_params => [ '-U', $role ]);
    unlike($out, qr/[0-9a-f]{8}-/, "off: $role, $when: no way of setting it gives an identity");
    like($err, qr/42501|closed the connection/, "off: $role, $when: and says so");
}
foreach my $role ($superuser, 'app') {
    like(result($role, $act, options => "-c $set=on"), qr/^(42501|lost)$/, "off: $role: an option of the connection");
}
my @hostile = ("ALTER SYSTEM SET $set = on", "ALTER ROLE app SET $set = on", "ALTER ROLE ALL SET $set = on", 'CREATE FUNCTION bastion_test.f() RETURNS int LANGUAGE sql RETURN 1',
    'CREATE TABLE bastion_test.t ()', $act, 'SELECT bastion_internal.context_reopen()', 'ALTER EXTENSION pg_bastion DROP FUNCTION bastion_test.act_as(text, text, text)');
{
    my ($out, $err) = ('', '');
    $node->psql('postgres', join(";\n", "\\set VERBOSITY sqlstate\nSELECT bastion.library_version()", @hostile), stdout => \$out, stderr => \$err,
        on_error_die => 0, on_error_stop => 0, extra_params => [ '-U', 'app' ]);
    is(() = $err =~ /ERROR:  (?:42501|55P02)/g, scalar @hostile, 'off: an application role that may create schemas changes nothing') or diag $err;
}
result('owner', "ALTER DATABASE owned SET $set = on", database => 'owned');
result('app', "ALTER ROLE app SET $set = on");
$node->safe_psql('owned', 'CREATE EXTENSION pg_bastion');
like(result($superuser, $act, database => 'owned'), qr/^(42501|lost)$/, 'off: an owner of the database stores it there');
like(result('app', "SELECT current_setting('$set', true)"), qr/^(off|on|lost|)$/, 'off: a role stores it');
like(result('app', "SELECT bastion.library_version();\nSELECT coalesce(bastion.user_id()::text, 'nobody')"), qr/^(nobody|lost)$/, 'without effect');
$node->safe_psql('postgres', 'ALTER ROLE app RESET ALL');
is(result('app', 'CREATE SCHEMA bastion_test'), '42P06', 'off: nobody makes the schema first');

# On.
$node->append_conf('postgresql.conf', "$set = on");
$node->reload;
ok($node->poll_query_until('postgres', "SELECT current_setting('$set') = 'on'"), 'on');
foreach my $role (qw(app owner)) {
    is(result($role, $act), '42501', "on: $role may not call it");
    is(result($role, 'SELECT bastion_internal.context_reopen()'), '42501', "on: $role may not call what it calls");
}
my $who = q{SELECT bastion.whoami() - 'session' - 'expires_at' - 'auth_time' || jsonb_build_object('session', bastion.session_id() IS NOT NULL,
    'auth_time', bastion.auth_time() IS NOT NULL, 'permissions', ARRAY(SELECT bastion.permissions()), 'claims', ARRAY(SELECT jsonb_object_keys(bastion.claims()) ORDER BY 1), 'amr', bastion.claims() -> 'amr', 'number', bastion.tenant_number())};
my $login = q{SELECT bastion.authenticate(bastion_api.login('ann@acme.example', 'correct horse battery') ->> 'access_token')};
my $as_login = result($superuser, "BEGIN;\n$login;\nSET LOCAL ROLE app;\n$who;");
like($as_login, qr/authenticated/, 'a login');
is(result($superuser, "BEGIN;\n$act;\nSET LOCAL ROLE app;\n$who;"), $as_login, 'and act_as() give the same identity');
is(result($superuser, "BEGIN;\n$act;\nCOMMIT;\nSELECT bastion.whoami() ->> 'state';"), 'anonymous', 'it ends with the transaction');
like(slurp_file($node->logfile), qr/LOG:  role \w+ acts as user [0-9a-f-]{36} in tenant [0-9a-f-]{36}, for a test/, 'the server log shows it');
my $name = q{SELECT coalesce((SELECT email FROM bastion.users WHERE id = bastion.user_id()), 'nobody')};
my $bob = q{SELECT bastion_test.act_as('bob@bert.example')};
is(result($superuser, "BEGIN;\n$act;\n$bob;\n$name;"), 'bob@bert.example', 'the last call counts');
is(result($superuser, "BEGIN;\n$act;\nSAVEPOINT s;\n$bob;\nROLLBACK TO s;\n$name;"), 'ann@acme.example', 'a rollback to a savepoint brings the former user back');
is(result($superuser, "BEGIN;\n$act;\nSELECT bastion_test.act_as(NULL);\n$name;"), 'nobody', 'NULL is nobody');
is(result($superuser, "BEGIN;\nSELECT bastion.context_drop();\n$act;\n$name;"), 'ann@acme.example', 'a call after context_drop()');
is(result($superuser, "BEGIN;\n$act;\nSELECT bastion.context_drop();\n$name;"), 'nobody', 'context_drop() after a call');
is(result($superuser, "BEGIN;\n$login;\n$login;"), '25000', 'a transaction without it keeps its first identity');
is(result($superuser, "BEGIN;\n$act;\nCOMMIT;\nBEGIN;\n$login;\n$login;"), '25000', 'also after one with it');
is(result($superuser, q{SELECT bastion_test.act_as('nobody@acme.example')}), '28000', 'an unknown user');
is(result($superuser, q{SELECT bastion_test.act_as('ann@acme.example', (SELECT slug FROM bastion.tenants WHERE name = 'Bert'))}), '28000', 'a tenant of others');
is(result($superuser, q{SELECT bastion_test.act_as('ann@acme.example', NULL, 'nowhere')}), '28000', 'an unknown unit');
is(result($superuser, "BEGIN READ ONLY;\n$act;"), '25006', 'a transaction that is read only');
is(result($superuser, q{BEGIN;
    UPDATE bastion.users SET status = 'disabled' WHERE email = 'ann@acme.example';
    SELECT bastion_test.act_as('ann@acme.example');}), '28000', 'a disabled user');
$node->safe_psql('postgres', q{SELECT bastion.membership_force(u.id, t.slug, 'viewer') FROM bastion.users u, bastion.tenants t WHERE u.email = 'ann@acme.example' AND t.name = 'Bert'});
is(result($superuser, $act), '22023', 'a member of several tenants names one');
is(result($superuser, q{SELECT bastion_test.act_as('ann@acme.example', (SELECT slug FROM bastion.tenants WHERE name = 'Bert')) IS NOT NULL}), 't', 'and does');
$node->safe_psql('postgres', q{DELETE FROM bastion.memberships m USING bastion.users u, bastion.tenants t WHERE u.id = m.user_id AND t.id = m.tenant_id AND u.email = 'ann@acme.example' AND t.name = 'Bert'});
is($node->safe_psql('postgres', "SELECT severity FROM bastion.lint() WHERE object = 'setting $set'"), 'error', 'lint() names the setting');
my ($dump) = run_command([ 'pg_dump', '-d', $node->connstr('postgres') ]);
unlike($dump, qr/$set/, 'a dump does not hold it');

# The page.
sub answers { my ($out, $err) = ('', ''); $node->psql('postgres', $test, stdout => \$out, stderr => \$err); return "$out$err" }
my $answers = answers();
is(() = $answers =~ /^ok /mg, 6, 'the test of the page passes') or diag $answers;
unlike($answers, qr/^not ok|ERROR|Looks like/m, 'all of it');
$node->safe_psql('postgres', q{SELECT bastion.unprotect('documents')});
like(answers(), qr/^not ok/m, 'and fails where the table is not protected');

$node->stop;
done_testing();

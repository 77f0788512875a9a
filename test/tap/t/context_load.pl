# Settings from before the library was loaded: a token counts only in the transaction that set it, and no other setting
# counts. Then the same with the library preloaded, and switches to other roles that a superuser's session cannot test.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = new_server('load');
my $superuser = $ENV{USER} // getpwuid($<);
my %token = map { $_ => token_of($server, $_) } qw(ann bob);
my $bob = $server->safe_psql('postgres', "SELECT signup #>> '{user,id}' FROM people WHERE name = 'bob'");
my $bob_tenant = $server->safe_psql('postgres', "SELECT signup #>> '{tenant,id}' FROM people WHERE name = 'bob'");
my $forged = "2 $bob - $bob_tenant 2 - - - - jwt aal2 0 9223372036854775807";
my $forged_grants = "1 1\n$forged\ndocuments.read\n0\n\n\n{}";
my ($out, $err);

# A library that is loaded only when the first function is called.
($out) = run_psql($server, "BEGIN; SELECT set_config('bastion.token', '$token{ann}', true) IS NOT NULL; SELECT seen(); COMMIT; SELECT seen()");
is($out, "t\nann sees ann\nnobody sees nothing", 'the first transaction of a backend may begin with the token');
($out) = run_psql($server, "BEGIN; SET LOCAL bastion.token = '$token{ann}'; SET LOCAL bastion.tenant = 'bob'; SELECT seen(); COMMIT");
is($out, '', 'and the tenant chosen with it counts: it is refused');
($out) = run_psql($server, "BEGIN; SET bastion.token = '$token{ann}'; SELECT seen(); COMMIT; SELECT seen()");
is($out, "ann sees ann\nnobody sees nothing", 'a token of the session too, in its own transaction');
($out) = run_psql($server, "SET bastion.token = '$token{ann}'; SELECT seen(); SELECT bastion.whoami() ->> 'reason'");
is($out, "nobody sees nothing\ntoken_of_another_transaction", 'and in no later one');
($out) = run_psql($server, "SET bastion.token = '$token{ann}'; BEGIN; SELECT seen(); SET LOCAL bastion.token = '$token{bob}'; SELECT seen(); COMMIT; SELECT seen()");
is($out, "nobody sees nothing\nbob sees bob\nnobody sees nothing", 'nor beside another one');
($out) = run_psql($server, "SET bastion.token = '$token{ann}'; BEGIN; SAVEPOINT s; SET LOCAL bastion.token = '$token{bob}'; ROLLBACK TO s; SELECT seen(); COMMIT");
is($out, 'nobody sees nothing', 'nor when a savepoint gives it back');
($out) = run_psql($server, "SET bastion.token = '$token{ann}'; BEGIN; SET LOCAL bastion.token = '$token{bob}'; SELECT seen(); ROLLBACK; BEGIN; SELECT seen(); COMMIT");
is($out, "bob sees bob\nnobody sees nothing", 'nor when a transaction does');
($out) = run_psql($server, "BEGIN; SAVEPOINT s; SET LOCAL bastion.token = '$token{ann}'; RELEASE s; SELECT seen(); COMMIT");
is($out, 'ann sees ann', 'a released savepoint is part of the transaction');
($out) = run_psql($server, "BEGIN; SET LOCAL bastion.token = '$token{ann}'; ROLLBACK; BEGIN; SELECT seen(); COMMIT");
is($out, 'nobody sees nothing', 'a rolled-back token is gone');

# Loaded after savepoints: what ROLLBACK TO gives back was set in this transaction too.
my $in_savepoint = "SAVEPOINT s; SELECT set_config('bastion.token', '$token{ann}', true) IS NOT NULL; SELECT seen(); ROLLBACK TO s; SELECT seen(); COMMIT; SELECT seen()";
my $kept = "ann sees ann\nann sees ann\nnobody sees nothing";
($out) = run_psql($server, "BEGIN; SELECT set_config('bastion.token', '$token{ann}', true) IS NOT NULL; $in_savepoint");
is($out, "t\nt\n$kept", 'a token from before the savepoint counts after ROLLBACK TO');
($out) = run_psql($server, "BEGIN; SET bastion.token = '$token{ann}'; SET LOCAL bastion.token = '$token{ann}'; $in_savepoint");
is($out, "t\n$kept", 'one of the session, set in the transaction, and a local one above it');
($out) = run_psql($server, "BEGIN; SAVEPOINT r; SET LOCAL bastion.token = '$token{ann}'; $in_savepoint");
is($out, "t\n$kept", 'one of an outer savepoint');
($out) = run_psql($server, "BEGIN; SET LOCAL bastion.token = '$token{ann}'; SET LOCAL bastion.tenant = 'ann'; SAVEPOINT s; SET LOCAL bastion.tenant = 'bob'; SELECT try('SELECT seen()'); ROLLBACK TO s; SELECT seen(); COMMIT");
is($out, "28000\nann sees ann", 'and the tenant chosen with it');
($out) = run_psql($server, "SET bastion.token = '$token{ann}'; BEGIN; SAVEPOINT s; SET LOCAL bastion.token = '$token{bob}'; SELECT seen(); ROLLBACK TO s; SELECT seen(); COMMIT");
is($out, "bob sees bob\nnobody sees nothing", 'one from before the transaction does not count again');

# One that a parallel plan loads, as the first statement after the token.
my $parallel = "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
    SET plan_cache_mode = force_generic_plan; SET debug_parallel_query = on; SET force_parallel_mode = on; RESET client_min_messages;
    PREPARE whose AS SELECT of FROM documents WHERE bastion.user_id() IS NOT NULL;";
($out) = run_psql($server, "$parallel BEGIN; SELECT set_config('bastion.token', '$token{ann}', true) IS NOT NULL; EXECUTE whose; COMMIT; EXECUTE whose");
is($out, "t\nann", 'a Gather generic plan as the first statement of a backend after the token');

# One whose only call is hidden in a function that the workers run: they must not treat the token as missing.
$server->safe_psql('postgres', <<'SQL');
CREATE TABLE plain AS SELECT i FROM generate_series(1, 5000) i;
ANALYZE plain;
GRANT SELECT ON plain TO app;
CREATE FUNCTION who() RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS
    $$ BEGIN RETURN coalesce((SELECT 'somebody' WHERE bastion.user_id() IS NOT NULL), 'nobody'); END $$;
SQL
foreach my $leader ('on', 'off') {
    my $hidden = "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
        SET parallel_leader_participation = $leader;";
    ($out, $err) = run_psql($server, "$hidden BEGIN; SET LOCAL bastion.token = '$token{ann}'; SELECT DISTINCT who() FROM plain; ROLLBACK");
    is($out, '', "workers without the leader's identity, leader $leader");
    like($err, qr/identity (was not published to the parallel worker|cannot be established during a parallel operation)/, 'an error says so');
    ($out) = run_psql($server, "SELECT bastion.user_id(); $hidden BEGIN; SET LOCAL bastion.token = '$token{ann}'; SELECT DISTINCT who() FROM plain; ROLLBACK");
    is($out, "\nsomebody", 'and none once the leader has the library');
    ($out) = run_psql($server, "$hidden SELECT DISTINCT who() FROM plain");
    is($out, 'nobody', 'nor without a token');
}

# Nor does a process that loads the library there take stored values for invalid, or leave its settings open in parallel mode.
$server->safe_psql('postgres', <<'SQL');
ALTER DATABASE postgres SET bastion.trusted_hops = 3;
ALTER DATABASE postgres SET bastion.signup_mode = 'closed';
CREATE FUNCTION hops() RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS
    $$ BEGIN RETURN (SELECT current_setting('bastion.trusted_hops') FROM bastion.client_address()); END $$;
CREATE FUNCTION set_hops() RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS
    $$ BEGIN PERFORM bastion.client_address(); RETURN set_config('bastion.trusted_hops', '4', true); END $$;
SQL
foreach my $leader ('on', 'off') {
    my $hidden = "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
        SET parallel_leader_participation = $leader;";
    ($out, $err) = run_psql($server, "$hidden SELECT DISTINCT hops() FROM plain; SELECT current_setting('bastion.trusted_hops'), current_setting('bastion.signup_mode'),
        bastion.status() ->> 'rejected_settings'", user => $superuser);
    is("$out$err", "3\n3|closed|[]", "stored values, leader $leader");
    (undef, $err) = run_psql($server, "$hidden SELECT DISTINCT set_hops() FROM plain", user => $superuser);
    like($err, qr/^psql:<stdin>:\d+: ERROR:  .*(parameters|"bastion.trusted_hops").* during a parallel operation/, 'and no change of them there');
}
$server->safe_psql('postgres', 'ALTER DATABASE postgres RESET ALL');

# Forged before the load.
foreach my $value ($forged, "$forged\n\n{}", $forged_grants) {
    foreach my $setting ('bastion.context', 'bastion.grants') {
        foreach my $set ("SET $setting = '$value'; SELECT 1", "BEGIN; SET LOCAL $setting = '$value'",
            "SELECT set_config('$setting', '$value', false)", "BEGIN; SAVEPOINT s; SET LOCAL $setting = '$value'; RELEASE s") {
            ($out) = run_psql($server, "$set; SELECT seen(); $parallel EXECUTE whose");
            unlike($out, qr/sees (ann|bob)|^(ann|bob)$/m, "$setting before the load: " . substr($set, 0, 20));
        }
    }
}
# A client that brings such a setting along loses its connection when the library is loaded, as it does where it is preloaded.
sub brought {
    my ($option, $statement) = @_;
    # The statement is no standard input, which psql would not read to its end.
    return run_psql($server, '', connstr => $server->connstr('postgres') . " options='-c $option'",
        extra_params => [ '-U', 'app', '-c', $statement // 'SELECT seen()' ]);
}
{
    (my $escaped = $forged) =~ s/ /\\\\ /g;
    foreach my $option ("bastion.token=$token{ann}", "bastion.context=$escaped", 'bastion.tenant=x') {
        ($out, $err) = brought($option);
        is($out, '', 'PGOPTIONS end the connection: ' . substr($option, 0, 16));
        my ($name) = $option =~ /^([^=]+)/;
        like($err, qr/FATAL:  permission denied to set parameter "$name"/, 'which says so');
        unlike($err, qr/\Q$token{ann}\E/, 'and without the token');
    }
}
foreach my $setting (qw(allow_identity_switch allow_session_token)) {
    ($out) = run_psql($server, "SET bastion.$setting = on; SET bastion.token = '$token{ann}'; SELECT seen(); SHOW bastion.$setting");
    is($out, "nobody sees nothing\noff", "bastion.$setting before the load");
    ($out, $err) = brought("bastion.$setting=on");
    is($out, '', "bastion.$setting in PGOPTIONS");
    like($err, qr/FATAL:  permission denied to set parameter "bastion.$setting"/, 'ends the connection');
}
# Every setting that is not an application's, with another value.
my $others = $server->safe_psql('postgres', <<'SQL');
SELECT bastion.library_version() IS NULL;
SELECT concat_ws('|', s.name, s.setting, CASE s.vartype WHEN 'bool' THEN 'on' WHEN 'string' THEN 'x'
    WHEN 'enum' THEN (SELECT e FROM unnest(s.enumvals) e WHERE e <> s.setting LIMIT 1) ELSE s.max_val END)
FROM pg_settings s WHERE s.name LIKE 'bastion.%' AND s.context <> 'user' ORDER BY s.name;
SQL
foreach my $line (grep { /^bastion/ } split /\n/, $others) {
    my ($name, $value, $other) = split /\|/, $line;
    my $show = "SELECT bastion.library_version() IS NULL; SELECT setting FROM pg_settings WHERE name = '$name'";
    # an application does not see where keys and lists of passwords are
    my $expected = $name =~ /^bastion[.](?:root_key|password_blocklist|breach_filter)$/ ? 'f' : "f\n$value";
    ($out) = run_psql($server, "SET $name = '$other'; $show");
    is($out, $expected, "$name before the load");
    ($out, $err) = brought("$name=$other", $show);
    is($out, '', "$name in PGOPTIONS");
    like($err, qr/FATAL:  permission denied to set parameter "$name"/, 'ends the connection');
}

# Settings that an application role stores for its next session, before the library can refuse them.
foreach my $setting (qw(context grants token tenant unit allow_identity_switch allow_session_token issuer root_key signup_mode)) {
    (undef, $err) = run_psql($server, "\\set VERBOSITY sqlstate\nALTER ROLE app SET bastion.$setting = 'on'");
    like($err, qr/ERROR:  (42501|55P02)/, "ALTER ROLE SET bastion.$setting before the load");
}
# A superuser's stored token and context do not count either.
$server->safe_psql('postgres', "ALTER ROLE app SET bastion.token = '$token{ann}'");
($out) = run_psql($server, 'SELECT seen(); SELECT seen()');
is($out, "nobody sees nothing\nnobody sees nothing", 'a token stored with the role, before the load');
$server->safe_psql('postgres', "ALTER ROLE app RESET bastion.token; ALTER DATABASE postgres SET bastion.context = '$forged'");
($out) = run_psql($server, 'SELECT seen(); SELECT seen()');
is($out, "nobody sees nothing\nnobody sees nothing", 'a context stored with the database');
$server->safe_psql('postgres', 'ALTER DATABASE postgres RESET ALL');

# An invalid value that an operator stored before the library was loaded: what depends on it fails, and its default never stands
# for it.
my %needs = ('bastion.signup_mode' => [ 'closd', q{bastion_api.signup('zoe@example.com', 'correct horse battery', 'Zoe')} ],
    'bastion.secret_log' => [ 'strikt', q{bastion_internal.secret_record('put', jsonb_populate_record(NULL::bastion.secrets, '{"id": "00000000-0000-0000-0000-000000000001", "name": "x"}'), 1, NULL)} ],
    'bastion.session_lifetime' => [ '8 hourz', 'bastion_internal.session_limits(NULL)' ],
    'bastion.refused_login_duration' => [ '-5', q{bastion_api.login('ann@example.com', 'wrong')} ],
    'bastion.token_leeway' => [ '1 minuet', q{bastion.authenticate('a.b.c')} ],
    'bastion.require_context' => [ 'sometimes', q{bastion.has_permission('own.profile.read')} ],
    'bastion.anonymous_signup' => [ 'perhaps', q{bastion_api.signup_anonymous('Zoe')} ],
    'bastion.throttle_exempt_networks' => [ '10.0.0.0/8;fd00::/8', q{bastion_api.login('ann@example.com', 'wrong')} ],
    'bastion.hook_timeout' => [ '1 minuet', q{bastion_internal.hook_run('lower(text)'::regprocedure, 'app'::regrole, '{}')} ],
    'bastion.password_min_length' => [ 'fifteen', q{bastion_internal.password_flaw('x', NULL, NULL)} ],
    'bastion.password_min_length_with_factor' => [ 'eight', q{bastion_internal.password_flaw('x', NULL, NULL, true)} ],
    'bastion.trusted_hops' => [ 'two', 'bastion.client_address()' ]);
foreach my $name (sort keys %needs) {
    my ($value, $call) = @{ $needs{$name} };
    $server->safe_psql('postgres', "ALTER DATABASE postgres SET $name = '$value'");
    (undef, $err) = run_psql($server, "\\set VERBOSITY verbose\nSELECT $call", user => $superuser);
    like($err, qr/ERROR:  F0000: stored value of parameter "$name" is invalid/, "$name = $value is not its default");
    is($server->safe_psql('postgres', "SELECT bastion.status() ->> 'rejected_settings'"), qq(["$name"]), 'status() names it');
    my $fix = $server->safe_psql('postgres', "SELECT fix FROM bastion.lint() WHERE problem = 'stored with an invalid value'");
    is($fix, "ALTER DATABASE postgres RESET $name;", 'lint() has the fix');
    $server->safe_psql('postgres', $fix);
    is($server->safe_psql('postgres', "SELECT count(*) FROM bastion.lint() WHERE problem = 'stored with an invalid value'"), 0,
        'which ends the finding');
}
$server->safe_psql('postgres', "ALTER ROLE app SET bastion.require_context = 'sometimes'");
is($server->safe_psql('postgres', "SELECT fix FROM bastion.lint() WHERE problem = 'stored with an invalid value'"),
    'ALTER ROLE app RESET bastion.require_context;', 'lint() sees the settings of other roles');
$server->safe_psql('postgres', 'ALTER ROLE app RESET ALL');

# Other roles, from a session that is no superuser's.
foreach my $attack ('SET SESSION AUTHORIZATION DEFAULT', "SET SESSION AUTHORIZATION \"$superuser\"", "SET ROLE \"$superuser\"",
    "SET LOCAL ROLE \"$superuser\"", "SET session_preload_libraries = 'x'", "SET local_preload_libraries = 'x'",
    "SET session_replication_role = replica", "LOAD '\$libdir/pg_bastion'") {
    ($out) = run_psql($server, "BEGIN; SELECT set_config('bastion.token', '$token{ann}', true) IS NOT NULL; SAVEPOINT s;\n$attack;\nROLLBACK TO s; SELECT seen(); COMMIT; SELECT seen()");
    is($out, "t\nann sees ann\nnobody sees nothing", $attack);
}

# With the library preloaded.
$server->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_bastion'");
$server->safe_psql('postgres', "ALTER ROLE app RESET ALL");
$server->restart;
($out) = run_psql($server, "BEGIN; SELECT set_config('bastion.token', '$token{ann}', true); SELECT seen(); COMMIT; SELECT seen()");
is($out, "<hidden>\nann sees ann\nnobody sees nothing", 'preloaded: the token');
($out) = run_psql($server, "SET bastion.token = '$token{ann}'; SELECT seen()");
is($out, 'nobody sees nothing', 'preloaded: a token of the session');
($out) = run_psql($server, "$parallel BEGIN; SELECT set_config('bastion.token', '$token{ann}', true); EXECUTE whose; COMMIT; EXECUTE whose");
is($out, "<hidden>\nann", 'preloaded: parallel workers');
$server->append_conf('postgresql.conf', 'max_prepared_transactions = 2');
$server->restart;
($out) = run_psql($server, "BEGIN; SELECT bastion.authenticate('$token{ann}') IS NOT NULL; UPDATE documents SET of = of; PREPARE TRANSACTION 'two'; SELECT seen();
    SET bastion.token = '$token{bob}'; COMMIT PREPARED 'two'; SELECT seen()");
is($out, "t\nnobody sees nothing\nnobody sees nothing", 'nothing stays of a prepared transaction');
foreach my $option ("bastion.token=$token{ann}", 'bastion.context=x', 'bastion.grants=x', 'bastion.tenant=x') {
    ($out, $err) = brought($option);
    is($out, '', 'preloaded: PGOPTIONS end the connection: ' . substr($option, 0, 20));
    like($err, qr/permission denied/, 'with a clear message');
    unlike($err, qr/\Q$token{ann}\E/, 'and without the token');
}
foreach my $setting (qw(context grants token tenant unit)) {
    (undef, $err) = run_psql($server, "\\set VERBOSITY sqlstate\nALTER ROLE app SET bastion.$setting = 'x'", user => $superuser);
    like($err, qr/ERROR:  42501/, "preloaded: not even a superuser stores bastion.$setting");
}
$server->stop;
done_testing();

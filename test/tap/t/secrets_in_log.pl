# No password, token or key reaches the server's log, an error, pg_stat_activity or a table through the extension. Once as
# a client should send it, with bind parameters under the default settings; once with the most verbose logging, where a
# function returns the secret, so that no statement of the client holds it.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('secrets');
$node->init;
# The test framework changes these defaults.
$node->append_conf('postgresql.conf', "log_statement = none\nlog_error_verbosity = verbose\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_bastion; CREATE ROLE app LOGIN; SELECT bastion.allow_app_role(\'app\')');

# Long enough for every key, and found in plain, as base64url, reversed and in hexadecimal.
my $marker = 'Marker0f7Secret9' x 3;
my @disguises = ($marker, scalar reverse($marker), unpack('H*', 'Marker0f7Secret9'), 'TWFya2VyMGY3U2VjcmV0O', 'Marker0f7');
sub holds_secret {
    my ($text) = @_;
    return scalar grep { $text =~ /\Q$_\E/i } @disguises;
}

my $huge = q('$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA');
my $key = q('{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}');
# %s is where the secret goes. Every statement fails, or answers with a refusal.
my @statements = (
    q{SELECT bastion.password_hash(%s, 'md5')},
    q{SELECT bastion.password_hash(%s || repeat('x', 100), 'bcrypt')},
    q{SELECT bastion.password_hash(%s || repeat('x', 10000))},
    q{SELECT bastion.password_hash('x', %s)},
    q{SELECT bastion.password_hash(%s, 'argon2id', '{"memory": 1}')},
    q{SELECT bastion.password_hash('x', 'argon2id', jsonb_build_object(%s, 1))},
    qq{SELECT bastion.password_verify(%s, $huge)},
    q{SELECT 1 / bastion.password_verify('x', %s)::int},
    q{SELECT bastion.password_verify('x', '$argon2id$v=19$m=9999999,t=2,p=1$' || %s)},
    qq{SELECT bastion.jwt_verify(%s, $key)},
    qq{SELECT bastion.jwt_verify('e30.' || %s || '.e30', $key)},
    q{SELECT bastion.jwt_verify('a.b.c', jsonb_build_object('kty', 'oct', 'alg', 'HS256', 'k', 'x' || %s || '='))},
    q{SELECT bastion.jwt_verify('a.b.c', jsonb_build_object('kty', %s, %s, %s))},
    q{SELECT bastion.jwt_sign('[]', jsonb_build_object('kty', 'oct', 'alg', 'HS256', 'k', translate(encode(%s::bytea, 'base64'), E'+/=\n', '-_')))},
    q{SELECT bastion.jwt_sign('{}', jsonb_build_object('kty', 'OKP', 'crv', 'Ed25519', 'd', %s, 'x', %s))},
    qq{SELECT bastion.jwt_sign(jsonb_build_object('exp', %s), $key)},
    qq{SELECT bastion.jwt_sign('{}', $key, jsonb_build_object('alg', %s))},
    qq{SELECT bastion.jwt_verify('a.b.c', $key, jsonb_build_object(%s, 1))},
    q{SELECT bastion.authenticate(%s)},
    q{SELECT bastion.authenticate(%s || '.' || %s || '.' || %s, %s, %s)},
    # a signature does not vouch for alg, kid, iss and sub
    q{SELECT bastion.authenticate(translate(encode(convert_to(format('{"alg":"EdDSA","typ":"at+jwt","kid":"%%s"}', %s), 'UTF8'), 'base64'), E'+/=\n', '-_')
        || '.' || translate(encode(convert_to(format('{"iss":"%%s","sub":"%%s"}', %s, %s), 'UTF8'), 'base64'), E'+/=\n', '-_') || '.' || repeat('A', 86))},
    q{SELECT set_config('bastion.token', %s, true), bastion.user_id()},
    q{SELECT set_config('bastion.token', %s, true), bastion.has_permission('documents.read')},
    q{SELECT set_config('bastion.token', %s, true), bastion.whoami()},
    q{SELECT set_config('bastion.token', %s, true), bastion_api.me()},
    q{SELECT set_config('bastion.context', %s, true)},
    q{SELECT set_config('bastion.grants', %s, true)},
    q{SELECT bastion_api.login('ann', %s)},
    q{SELECT bastion_api.login('ann@log.example', %s, 'nowhere')},
    # a password that was typed into the wrong field
    q{SELECT bastion_api.login(%s, %s)},
    q{SELECT bastion_api.login(%s, 'x', %s, %s)},
    q{SELECT bastion_api.signup('new' || pg_backend_pid() || '@log.example', %s, 'New')},
    q{SELECT bastion_api.signup(%s, %s, %s, %s, %s)},
    q{SELECT bastion_api.signup('ann@log.example', %s, 'New')});

# One statement as app with the secret as a bind parameter of a prepared statement; returns the messages to the client.
my $script = PostgreSQL::Test::Utils::tempdir() . '/script';
sub bind_and_run {
    my ($statement) = @_;
    (my $text = $statement) =~ s/(?<!%)%s/:secret/g;
    $text =~ s/%%/%/g;
    # pgbench takes :name where it stands.
    $text =~ s/:secret/CAST(:secret AS text)/g;
    open my $file, '>', $script or die $!;
    print $file join(' ', split /\s*\n\s*/, $text), ";\n";
    close $file;
    my ($out, $err) = run_command([ 'pgbench', '-n', '-M', 'prepared', '-t', '1', '-U', 'app', '-d', '-h', $node->host, '-p', $node->port,
        '-D', "secret=$marker", '-f', $script, 'postgres' ]);
    # -d makes it print what it sends; the answers of the server are the ERROR lines and what follows.
    return join "\n", $err =~ /^(?:pgbench: error: .*|(?:ERROR|DETAIL|HINT|CONTEXT|LINE|QUERY): .*)$/gm;
}

sub run_all {
    my ($when, $run) = @_;
    my $offset = -s $node->logfile;
    my ($failed, $begin) = (0, $offset);
    for my $statement (@statements) {
        my $answer = $run->($statement);
        $failed++ if $answer =~ /ERROR/;
        ok(!holds_secret($answer), "$when: the client is told no secret: " . substr($statement, 0, 70)) or diag $answer;
        my $log = slurp_file($node->logfile, $begin);
        $begin += length $log;
        ok(!holds_secret($log), "$when: nor is the log") or diag substr $log, 0, 2000;
    }
    cmp_ok($failed, '>', 20, "$when: most of them failed");
    my $log = slurp_file($node->logfile, $offset);
    cmp_ok(scalar(() = $log =~ /ERROR:  28000: invalid token/g), '>', 5, "$when: the log has the refusals");
    like($log, qr/DETAIL:  Reason: /, "$when: and their reasons");
    return $log;
}

# Before there is a root key: sign-up hashes the password and fails later, below functions whose context is logged.
my $log = run_all('no root key', \&bind_and_run);
like($log, qr/ERROR:  BA001: no root key/, 'no root key: sign-up failed');

$node->safe_psql('postgres', 'SELECT bastion.init(); CREATE SCHEMA keep');
$node->safe_psql('postgres', "SELECT bastion_api.signup('ann\@log.example', 'correct horse', 'Ann', 'Ann', 'ann')");
$log = run_all('bind parameters', \&bind_and_run);
like($log, qr/STATEMENT:  SELECT bastion\.password_hash\(CAST\(\$1 AS text\), 'md5'\)/, 'bind parameters: that is what they are');

# The tables: nothing but hashes of it.
my $tables = $node->safe_psql('postgres', q{SELECT string_agg(query_to_xml(format('SELECT * FROM %s', c.oid::regclass), true, true, '')::text, '')
    FROM pg_class c WHERE c.relnamespace = 'bastion'::regnamespace AND c.relkind = 'r'});
like($tables, qr/ann\@log\.example/, 'the tables are read');
ok(!holds_secret($tables), 'no table holds the secret');

# A server that logs everything it can, plans of nested statements included.
$node->append_conf('postgresql.conf', <<'CONF');
log_statement = all
log_min_messages = debug2
log_min_duration_statement = 0
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
shared_preload_libraries = 'auto_explain'
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
auto_explain.log_analyze = on
auto_explain.log_triggers = on
auto_explain.log_verbose = on
CONF
$node->restart;
# VOLATILE, so that no plan holds its result.
my ($half) = $marker =~ /^(.{7})/;
my $rest = substr 'Marker0f7Secret9', 7;
$node->safe_psql('postgres', "CREATE FUNCTION keep.secret() RETURNS text LANGUAGE plpgsql VOLATILE
    AS \$\$ BEGIN RETURN repeat('$half' || '$rest', 3); END \$\$; GRANT USAGE ON SCHEMA keep TO app");
is($node->safe_psql('postgres', "SELECT keep.secret() = repeat('$half' || '$rest', 3)"), 't', 'the function knows the secret');
sub fetch_and_run {
    my ($statement) = @_;
    (my $text = $statement) =~ s/(?<!%)%s/keep.secret()/g;
    $text =~ s/%%/%/g;
    my ($out, $err);
    $node->psql('postgres', "SET ROLE app;\n$text;", stdout => \$out, stderr => \$err, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
    # The token setting is returned by set_config() itself.
    $out = '' if $statement =~ /set_config/ && $err eq '';
    return "$out\n$err";
}
$log = run_all('everything logged', \&fetch_and_run);
like($log, qr/Query Text: .*\n/, 'everything logged: plans too');

# A login that succeeds: neither password nor token is in the log, nor a value for an offline attack.
my $offset = -s $node->logfile;
my $answer = $node->safe_psql('postgres', q{SELECT bastion_api.signup('ok@log.example', keep.secret(), 'Ok') ->> 'access_token'});
$answer .= "\n" . $node->safe_psql('postgres', q{SELECT bastion_api.login('ok@log.example', keep.secret()) ->> 'access_token'});
$log = slurp_file($node->logfile, $offset);
ok(!holds_secret($log), 'sign-up and login: no password in the log');
for my $token (split /\n/, $answer) {
    my ($signature) = $token =~ /\.([^.]+)$/;
    unlike($log, qr/\Q$signature\E/, 'sign-up and login: no token in the log');
}
unlike($log, qr/"d": ?"/, 'no private key in the log');

# A token in use: as a parameter it is never visible; as a literal only until it is set.
my ($token) = split /\n/, $answer;
my $session = $node->background_psql('postgres', on_error_stop => 0);
# Before the library is loaded nothing can hide it.
my $pid = $session->query_safe('SELECT pg_backend_pid() FROM bastion.library_version()');
my $activity = "SELECT query FROM pg_stat_activity WHERE pid = $pid";
$session->query_safe("BEGIN; SET LOCAL bastion.token = '$token'");
unlike($node->safe_psql('postgres', $activity), qr/eyJ/, 'pg_stat_activity does not show a literal token after it was set');
is($session->query_safe(q{SELECT current_setting('bastion.token')}), '<hidden>', 'nor does the session');
is($session->query_safe(q{SELECT count(*) FROM pg_settings WHERE name IN ('bastion.token', 'bastion.context', 'bastion.grants')}), '0', 'nor pg_settings');
is($session->query_safe(q{SELECT bastion.user_id() IS NOT NULL}), 't', 'it is in force');
unlike($session->query_safe(q{SELECT current_setting('bastion.context')}), qr/eyJ/, 'the context is no token');
$session->query_safe('COMMIT');
$session->quit;

# Proves that the search finds a leak.
$node->safe_psql('postgres', 'DO $$ BEGIN RAISE LOG \'%\', keep.secret(); END $$');
ok(holds_secret(slurp_file($node->logfile, $offset)), 'a secret in the log is found');

$node->stop;
done_testing();

# The server log of a preloaded library: with every logging setting and format, it shows no password, token, key or plaintext
# that a statement passes to the extension, as a literal or as a parameter; not from the statement, its parameters, plan or
# parse tree, nor from an error that quotes them. Messages to the client do not change. Everything else is logged as usual.
# The list of functions in src/core/event/secret_call.cpp is complete.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = new_server('primary', <<'CONF');
shared_preload_libraries = 'pg_bastion,auto_explain'
restart_after_crash = on
logging_collector = on
log_directory = 'log'
log_filename = 'all.log'
log_destination = 'stderr,csvlog,jsonlog'
CONF
my $token = token_of($server, 'ann');
$server->append_conf('postgresql.conf', $talkative . <<'CONF');
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
auto_explain.log_analyze = on
auto_explain.log_triggers = on
auto_explain.log_verbose = on
bastion.redacted_names = 'set_mailer, customer'
deadlock_timeout = 10ms
CONF
$server->restart;
my $marker = 'Marker0f7Secret9';

# Which functions there are

my $source = slurp_file("$ENV{BASTION_SOURCE}/src/core/event/secret_call.cpp");
my ($list) = $source =~ /secret_functions\[\] = \{(.*?)\};/s or die 'no list';
my %listed = map { $_ => 1 } $list =~ /"(\w+)"/g;
# Their arguments only sound like secrets: keys of rows, ids of keys, words that are checked, values that are sealed, claims.
my %not_secret = map { $_ => 1 } qw(access_steps acl_of_next_owner audit_as_of audit_cosignature audit_csv_lines audit_history audit_json_lines audit_note_sign audit_picture audit_shown audit_table_entry audit_tile_hash audit_verifier_key audit_witness_add audit_witness_key base64url concurrency_limit data_key_rewrap explain_access explain_access_text explain_member_access explain_member_row
    flag_boolean flag_cancel flag_cancel_for flag_cancel_store flag_candidates flag_check flag_delete flag_delete_for flag_delete_store flag_disable flag_disable_for flag_disable_store flag_evaluate
    flag_history flag_history_for flag_history_of flag_in_force flag_json flag_locked flag_numeric flag_rollback flag_rollback_for flag_rollback_store flag_rollout flag_rollout_for flag_rollout_store
    flag_set flag_set_for flag_store flag_text require_flag_definition flag_as_of flag_describe flag_disabled flag_guard flag_needs_approval flag_proposed flag_request flag_rolled_out flag_update flag_update_for
    is_environment sealed_bytes_key setting_boolean setting_delete setting_delete_for setting_history setting_integer setting_json setting_keep setting_numeric setting_place
    setting_place_managed setting_place_of setting_put setting_put_for setting_rollback setting_text setting_update setting_update_for setting_version_delete setting_version_destroy setting_version_list setting_version_undelete setting_write
    validator_keyword_flaw explain_member_access_text explained_member_row explained_row identity_create is_email is_label is_name is_permission_pattern is_resource is_sealed is_slug is_time_zone usage_record
    is_username is_word label_or_null network_or_null opening_record quota_cancel quota_consume quota_consume_many quota_consume_recorded quota_end quota_require quota_reserve quota_settle quota_take quota_try rate_limit rate_limit_peek rate_limit_require rate_limit_state rewrap_batch row_acl row_transfer sealed_batch setting_accepts share share_find texts_or_null share_grant shares_of shares_on throttle_clear throttle_clear_at_commit throttle_refund throttle_try time_or_null unshare unshare_end
    uuid_or_null);
my @functions = map { [ split /\|/ ] } split /\n/, $server->safe_psql('postgres', <<'SQL');
SELECT p.proname, p.oid::regprocedure, string_agg(coalesce(a.name, '') || ':' || format_type(a.type, NULL), ' ' ORDER BY a.place)
FROM pg_proc p LEFT JOIN LATERAL (SELECT * FROM unnest(p.proargtypes::oid[], p.proargnames) WITH ORDINALITY AS x (type, name, place)
                                  WHERE place <= p.pronargs) a ON true
WHERE p.pronamespace IN ('bastion'::regnamespace, 'bastion_api'::regnamespace, 'bastion_internal'::regnamespace, 'bastion_test'::regnamespace) GROUP BY p.oid ORDER BY 2;
SQL
my %exists;
for (@functions) {
    my ($name, $signature, $arguments) = (@$_, '');
    $exists{$name} = 1;
    my $sounds = $arguments =~ /(?:password|passphrase|secret|token|plaintext|value|keys?|invitation|hash)\w*:(?:text|bytea|jsonb|cstring|json)\b/;
    ok(!$listed{$name} != !$not_secret{$name}, "$signature: decided whether it takes a secret") if $sounds;
}
is(join(' ', grep { !$exists{$_} } sort(keys %listed, keys %not_secret)), '', 'no function is listed that does not exist');
cmp_ok(scalar(keys %listed), '>', 30, 'the list was read');

# Calls of each, and everything else that carries a secret

my %values = (text => 'SECRET', bytea => 'SECRET::bytea', jsonb => q(jsonb_build_object('kty', 'oct', 'k', SECRET)), uuid => 'NULL::uuid',
    'text[]' => 'ARRAY[SECRET]', integer => '1');
my @calls;
for (@functions) {
    my ($name, $signature, $arguments) = (@$_, '');
    next unless $listed{$name};
    my ($function) = $signature =~ /^([^(]+)/;
    my @arguments = map { my ($type) = /:(.*)/; $values{$type} // "NULL::$type" } split / (?=\w*:)/, $arguments;
    push @calls, "$function(" . join(', ', @arguments) . ')';
}
cmp_ok(scalar(@calls), '>=', scalar(keys %listed), 'every function is called');

# The messages to the client, with details.
my $number = 0;
sub say {
    my ($sql, %options) = @_;
    my $literal = "'$marker" . '-' . ++$number . "'";
    $sql =~ s/SECRET/$literal/g;
    my ($out, $err) = run_psql($server, $sql, user => 'postgres', %options);
    return $err;
}

say("SELECT $_") for @calls;
my $script = PostgreSQL::Test::Utils::tempdir() . '/script';
sub bind_as {
    my ($protocol, $sql) = @_;
    $sql =~ s/SECRET/CAST(:secret AS text)/g;
    unlink $script;
    append_to_file($script, "$sql;\n");
    run_command([ 'pgbench', '-n', '-M', $protocol, '-t', 1, '-D', "secret=$marker-" . ++$number, '-f', $script, $server->connstr('postgres') ]);
}
bind_as('prepared', "SELECT $_") for @calls;
bind_as('extended', "SELECT 1 / (count($_) - count(1))") for @calls[ 0 .. 5 ];

my $call = 'bastion.password_verify(SECRET, SECRET)';
$server->safe_psql('postgres', <<'SQL');
CREATE FUNCTION set_mailer(password text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM 1 / bastion.password_verify(password, 'x')::int; END $$;
CREATE FUNCTION unlisted(password text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM 1 / bastion.password_verify(password, 'x')::int; END $$;
CREATE VIEW customer AS SELECT ''::text AS email;
CREATE TABLE odd (id int CHECK (id > 1), note text);
SQL
say($_) for (
    "SELECT $call FROM nowhere", "SELECT 1 / 0, $call", "SELECT $call\\; SELECT SECRET::int", "select BASTION . password_verify (SECRET, SECRET)",
    'SELECT bastion."password_verify" (SECRET, SECRET)', "SELECT bastion.password_verify/**/(SECRET, SECRET)",
    "DO \$\$ BEGIN PERFORM $call; END \$\$", "DO \$\$ BEGIN PERFORM $call, 1 / 0; END \$\$", "DO \$\$ BEGIN EXECUTE 'SELECT $call'; END \$\$",
    "DO \$\$ DECLARE x int := $call; BEGIN END \$\$", "COPY (SELECT $call) TO STDOUT", "EXPLAIN (ANALYZE, VERBOSE) SELECT $call",
    "CREATE TEMPORARY TABLE t AS SELECT $call", "BEGIN; DECLARE c CURSOR FOR SELECT $call; FETCH c; FETCH nowhere; COMMIT",
    "PREPARE p (text) AS SELECT bastion.password_verify(\$1, 'x'), 1 / (length(\$1) - length(\$1)); EXECUTE p(SECRET)",
    "PREPARE \"Odd \"\"p\" (int) AS SELECT bastion.password_verify('', ''); EXECUTE \"Odd \"\"p\"(SECRET)",
    "PREPARE p AS SELECT bastion.password_verify(\$1, 'x'); EXPLAIN EXECUTE p(SECRET); EXECUTE p(SECRET, SECRET)",
    "SET bastion.token = SECRET", "SET LOCAL bastion.token TO SECRET", "SET \"bastion\".token = SECRET", "SELECT set_config('bastion.token', SECRET, true), 1 / 0",
    "SELECT set_config('bastion.token', 'x', true)\\; SELECT SECRET::int", "SELECT set_config('request.headers', SECRET, true)",
    "SELECT bastion.password_verify(\"$marker\", 'x')", "SELECT bastion.password_verify('x', '$marker", "SELECT $call $marker",
    "SELECT bastion.password_hash('x', 'bcrypt', SECRET)", "SELECT bastion.password_hash('x', options => '{\"$marker\"')",
    "INSERT INTO odd VALUES (bastion.password_verify('x', 'x')::int, SECRET)", "SELECT length('bst_live_0123456789abcdefghijkl$marker')",
    "SELECT length('eyJhbGciOiJFZERTQSIsIm.eyJzdWIi.$marker')", "SELECT unlisted(SECRET || repeat('x', 5000))",
    'SELECT set_mailer(SECRET)', 'UPDATE customer SET email = SECRET', "SELECT $call FROM bastion.secret_put('\n$marker\n', E'\\'', NULL)");
# What a function returns, in errors of the statement that uses it.
say("CREATE TABLE opened AS SELECT bastion.seal_for(NULL, SECRET, 'house') AS value\\; CREATE TABLE unique_notes (note text UNIQUE)\\;
    INSERT INTO unique_notes SELECT bastion.open_text_for(NULL, value) FROM opened");
my $opened = 'bastion.open_text_for(NULL, value)';
say($_) for (
    "SELECT ${opened}::int FROM opened", "SELECT ${opened}::jsonb FROM opened", "INSERT INTO odd SELECT 0, $opened FROM opened",
    "INSERT INTO unique_notes SELECT $opened FROM opened", "DO \$\$ BEGIN PERFORM ${opened}::int FROM opened; END \$\$",
    "SELECT convert_from(bastion.open_bytea_for(NULL, value), 'UTF8')::int FROM opened",
    "DO \$\$ DECLARE x text := (SELECT $opened FROM opened); BEGIN PERFORM x::int; END \$\$",
    "BEGIN; DECLARE c CURSOR FOR SELECT ${opened}::int FROM opened; FETCH c; COMMIT",
    "PREPARE o AS SELECT ${opened}::int FROM opened; EXECUTE o");
bind_as('prepared', "SELECT ${opened}::int FROM opened WHERE SECRET <> ''");
like(say("SELECT ${opened}::int FROM opened"), qr/invalid input syntax for type integer: "$marker/, 'the client is told what was opened');
bind_as('prepared', "SELECT set_config(e ->> 0, e ->> 1, true), 1 / 0 FROM json_array_elements(json_build_array(json_build_array('bastion.token', SECRET))) e");

# Errors and messages reach the client whole.

my ($line) = grep { /LINE 1/ } split /\n/, my $told = say("SELECT bastion.password_verify(SECRET, 'x'), SECRET::int");
like($told, qr/ERROR:  invalid input syntax for type integer: "$marker-$number"/, 'the client is told the value');
like($line, qr/password_verify\('$marker/, 'and where in its statement');
like(say("SELECT bastion.password_hash('x', 'bcrypt', '{\"$marker\" 1}')"), qr/DETAIL:  Expected ":", but found "1"\.\nCONTEXT:  JSON data, line 1: \{"$marker/, 'detail and context too');
like(say("DO \$\$ BEGIN PERFORM bastion.password_hash(SECRET, 'none'); END \$\$"), qr/CONTEXT:  SQL statement "SELECT bastion\.password_hash\('$marker/, 'the statement that failed in another');
like(say("SET client_min_messages = log; SELECT bastion.password_verify(SECRET, 'x')"), qr/^psql.*LOG:  statement: SELECT bastion\.password_verify\('$marker/m, 'messages of the log that it asks for');
like(say("DO \$\$ BEGIN RAISE WARNING 'seal(%)', 1; RAISE NOTICE 'told'; END \$\$"), qr/WARNING:  seal\(1\).*NOTICE:  told/s, 'warnings and notices');

# Text without secrets is logged as usual, and the record of accesses in any case.

my $plain = 'plain1value';
run_psql($server, "SELECT '$plain-1'; SELECT '$plain-2'::int; REFRESH MATERIALIZED VIEW login_$plain; DO \$\$ BEGIN PERFORM '$plain-3'::int; END \$\$");
my $sql = "SELECT 1 / length(SECRET), length('$plain-4')";
$sql =~ s/SECRET/:plain/;
unlink $script;
append_to_file($script, "$sql;\n");
run_command([ 'pgbench', '-n', '-M', 'extended', '-t', 1, '-D', "plain=$plain-5", '-f', $script, $server->connstr('postgres') ]);
run_psql($server, "PREPARE q AS SELECT \$1::text; EXECUTE q('$plain-6')");
run_psql($server, "BEGIN; SELECT bastion.authenticate('$token') IS NOT NULL;
    SELECT bastion.secret_put('mail', '$marker'); SELECT bastion.secret_get('mail', 'seal(login(') IS NULL; COMMIT");
run_psql($server, "SELECT bastion.authenticate('x.$marker.y')");

# A deadlock quotes the statements of other sessions; so does the end of a server process.

my @sessions = map { $server->background_psql('postgres', on_error_stop => 0) } 1 .. 2;
$sessions[$_]->query_safe("BEGIN; SELECT pg_advisory_xact_lock($_)") for 0, 1;
my @waiting = map { "SELECT bastion.password_verify('$marker', 'x') FROM (SELECT pg_advisory_xact_lock($_)) l;\n" } 1, 0;
$sessions[0]->query_until(qr/sent/, "\\echo sent\n$waiting[0]");
$sessions[1]->query($waiting[1]);
$_->quit for @sessions;

my $session = $server->background_psql('postgres', on_error_stop => 0);
my $pid = $session->query_safe('SELECT pg_backend_pid()');
$session->query_until(qr/sent/, "\\echo sent\nSELECT bastion.password_verify('$marker', 'x') FROM pg_sleep(600);\n");
$server->poll_query_until('postgres', "SELECT query ~ 'pg_sleep' AND state = 'active' FROM pg_stat_activity WHERE pid = $pid") or die;
kill 'KILL', $pid;
$session->{run}->finish;
$server->poll_query_until('postgres', 'SELECT true');
run_psql($server, "SELECT '$plain-7'");
# Proves that the search finds a leak.
run_psql($server, 'SELECT unlisted(\'found anyway\')');
$server->stop;

my %log = map { $_ => slurp_file($server->data_dir . "/log/all.$_") } qw(log csv json);
for my $format (sort keys %log) {
    my $log = $log{$format};
    my @leaks = grep { /\Q$marker\E/ } split /\n/, $log;
    # A wrapper that no setting names: its arguments are not known as secrets before it calls.
    my @expected = grep { /unlisted\b/ } @leaks;
    cmp_ok(scalar(@expected), '>', 0, "$format: a secret is found where a function was not listed");
    my @unexpected = grep { !/unlisted\b/ } @leaks;
    is(scalar(@unexpected), 0, "$format: no secret otherwise") or diag join "\n", map { substr $_, 0, 600 } @unexpected[ 0 .. ($#unexpected > 9 ? 9 : $#unexpected) ];
    like($log, qr/\Q$plain-$_\E/, "$format: plain value $_") for 1 .. 7;
    like($log, qr/secret access: .*seal\(login\(/, "$format: the record of accesses");
    like($log, qr/<redacted: $_>/, "$format: $_ is named") for sort(keys %listed), qw(bastion.token request.headers bastion.redacted_names token);
}
my $log = $log{log};
like($log, qr/LOG:  00000: statement: <redacted: seal>/, 'a statement');
like($log, qr/LOG:  00000: duration: [\d.]+ ms  bind \w+: <redacted: seal>/, 'its duration');
like($log, qr/LOG:  00000: execute \w+: <redacted: seal>\n[^\n]*DETAIL:  <redacted: seal>/, 'its parameters');
like($log, qr/LOG:  00000: duration: [\d.]+ ms  plan: <redacted: password_verify>/, 'its plan');
like($log, qr/LOG:  00000: parse tree:\n[^\n]*DETAIL:  <redacted: seal>/, 'its parse tree');
like($log, qr/ERROR:  22P02: invalid input syntax for type %s: "%s"[^\n]*\n(?:[^\n]*LOCATION[^\n]*\n)?[^\n]*STATEMENT:  <redacted: password_verify>/, 'an error without its values');
like($log, qr/ERROR:  28000: invalid token\n[^\n]*DETAIL:  Reason: /, 'a refusal with its reason');
like($log, qr/ERROR:  22012: division by zero\n[^\n]*CONTEXT:  <redacted: password_verify>\n\tPL\/pgSQL function unlisted\(text\) line 1 at PERFORM\n[^\n]*\n[^\n]*STATEMENT:  <redacted: password_verify>/,
    'an error below a function that nobody listed');
like($log, qr/CONTEXT:  <redacted: password_hash>\n\tPL\/pgSQL function inline_code_block line 1 at PERFORM/, 'a context without what it quotes');
like($log, qr/ERROR:  40P01: deadlock detected\n[^\n]*DETAIL:  <redacted: password_verify>/, 'a deadlock');
like($log, qr/was terminated by signal 9: Killed\n[^\n]*DETAIL:  <redacted: password_verify>/, 'a server process that was killed');

# An empty list or setting.
$server->append_conf('postgresql.conf', "bastion.redacted_names = ' ,, '");
$server->start;
my ($out, $err) = run_psql($server, q{SELECT bastion.status() ->> 'weaker', current_setting('bastion.redacted_names')}, user => 'postgres');
is("$out$err", '[]| ,, ', 'nothing is weaker');
$server->stop;
done_testing();

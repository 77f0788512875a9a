# Tokens leave no trace: in pg_stat_activity, in messages, in the server's log of what fails. Impersonation does, even when
# its transaction is rolled back.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = new_server('leaks', "log_statement = none\nlog_min_messages = debug1\nlog_error_verbosity = verbose\nlog_parameter_max_length_on_error = -1\n");
$server->safe_psql('postgres', 'GRANT CREATE ON SCHEMA public TO app');
my %token = map { $_ => token_of($server, $_) } qw(ann bob);
my %id = map { $_ => $server->safe_psql('postgres', "SELECT signup #>> '{user,id}' FROM people WHERE name = '$_'") } qw(ann bob);
my $bob_tenant = $server->safe_psql('postgres', "SELECT signup #>> '{tenant,id}' FROM people WHERE name = 'bob'");

# Every statement of a client, and its text in pg_stat_activity while it waits.
my $client = $server->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
my $pid = $client->query('SELECT pg_backend_pid()');
sub activity { return $server->safe_psql('postgres', "SELECT query FROM pg_stat_activity WHERE pid = $pid"); }

$client->query("SELECT bastion.whoami() IS NOT NULL");
$client->query("BEGIN");
foreach my $statement ("SET LOCAL bastion.token = '%s'", "SELECT set_config('bastion.token', '%s', true)", "SELECT bastion.authenticate('%s')",
    "SELECT bastion.authenticate('%s'), 1 / (length(seen()) - length(seen()))", "SAVEPOINT s \\; SET LOCAL bastion.token = '%s' \\; SELECT 1/0") {
    $client->query(sprintf $statement, $token{ann});
    is(activity(), '<bastion.token set>', "pg_stat_activity after $statement");
    $client->query('ROLLBACK; BEGIN');
}
$client->query('COMMIT');

# Every kind of refusal, with tokens that could still be valid elsewhere.
my $log = -s $server->logfile;
my @messages;
foreach my $statement ("SELECT bastion.authenticate('%sx')", "BEGIN; SELECT bastion.authenticate('$token{bob}'); SELECT bastion.authenticate('%s'); ROLLBACK",
    "BEGIN; SET LOCAL bastion.token = '%s' \\; SELECT 1/0; ROLLBACK", "BEGIN; SELECT set_config('bastion.token', '%s', true), 1 / (length(seen()) - length(seen())); ROLLBACK",
    "SET bastion.token = '%s' \\; SELECT nothing", "ALTER ROLE app SET bastion.token = '%s'",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET bastion.token = '%s' AS 'SELECT 1'",
    "SELECT bastion.authenticate('%s', 'no-such-tenant')", "SELECT bastion.authenticate('%s') \\; SELECT 1/0",
    "DO \$\$ BEGIN PERFORM bastion.authenticate('%s', 'no-such-tenant'); END \$\$") {
    (undef, my $err) = run_psql($server, "\\set VERBOSITY terse\nSELECT bastion.whoami() IS NOT NULL;\n" . sprintf($statement, $token{ann}));
    like($err, qr/ERROR/, "refused: $statement");
    unlike($err, qr/^(?!.*PL.pgSQL).*\Q$token{ann}\E/m, 'the message has no token');
}
my $text = slurp_file($server->logfile, $log);
my $signature = (split /\./, $token{ann})[2];
# PL/pgSQL itself quotes the statement that failed, as context; a token belongs in a parameter.
$text =~ s/^.*CONTEXT:.*\n(?:\t.*\n)*//mg;
unlike($text, qr/\Q$signature\E/, 'the log has no token');
like($text, qr/Reason: /, 'but the reason');
like($text, qr/28000: invalid token/, 'and the SQLSTATE');

# Impersonation is in the log before it takes effect, even if the transaction rolls back.
$log = -s $server->logfile;
$server->safe_psql('postgres', "BEGIN; SELECT bastion.impersonate('$id{bob}', '$bob_tenant', 'ticket 4711'); ROLLBACK");
$text = slurp_file($server->logfile, $log);
like($text, qr/impersonates user $id{bob} in tenant $bob_tenant/, 'impersonation is logged although rolled back');
like($text, qr/ticket 4711/, 'with its reason');
is($server->safe_psql('postgres', "SELECT count(*) FROM bastion.events WHERE kind = 'impersonation'"), '0', 'while the event went with the transaction');
$client->quit;
$server->stop;
done_testing();

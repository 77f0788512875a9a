# What is refused stays on record: with the library preloaded, the event of a refused login outlives the transaction that rolls
# back, and each refusal is a line of the server log, at most ten a minute for each address. Without preloading, the event goes
# with its transaction, and the line stays.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = new_server('refusals', "log_min_messages = panic\n");

sub lines { return scalar(() = slurp_file($server->logfile) =~ /LOG:  refused: \{[^\n]*$_[0]/g); }
sub events { return $server->safe_psql('postgres', "SELECT count(*) FROM bastion.events WHERE kind = 'login_refused' AND $_[0]"); }
sub refused {
    my ($times, $address) = @_;
    # the address that a proxy names
    $server->safe_psql('postgres', "SELECT bastion.login_unlock('ann\@tap.example'), bastion.login_unlock('bob\@tap.example')");
    my ($out, $err) = run_psql($server, "BEGIN; SELECT set_config('request.headers', '{\"x-forwarded-for\": \"$address\"}', true);
        SELECT count(bastion_api.login(CASE i % 2 WHEN 1 THEN 'ann' ELSE 'bob' END || '\@tap.example', 'Wrong horse ' || i) ->> 'error') FROM generate_series(1, $times) i; ROLLBACK");
    is(last_line($out) . $err, $times, "$times logins of $address are refused");
    return;
}
$server->safe_psql('postgres', q{ALTER ROLE app SET bastion.trusted_hops = 1; ALTER ROLE app SET bastion.throttle_exempt_networks = '0.0.0.0/0, ::/0'});

# Not preloaded: each backend counts its own lines.
refused(12, '192.0.2.1');
is(events('true'), 0, 'not preloaded: the event goes with its transaction');
is(lines('192\.0\.2\.1'), 10, 'ten lines');
refused(1, '192.0.2.1');
is(lines('192\.0\.2\.1'), 11, 'another backend counts anew');
like(slurp_file($server->logfile), qr/LOG:  refused: \{"ip": "192\.0\.2\.1", "kind": "login_refused", "user": "[0-9a-f-]{36}", "detail": \{"reason": "password"\}\}/,
    'a line names kind, reason, user and address');
run_psql($server, "SELECT bastion_api.login('no-such-user', 'x')");
is(events('user_id IS NULL'), 1, 'a transaction that commits keeps it');

# Preloaded: the server counts, and the rows stay.
$server->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_bastion'");
$server->restart;
refused(12, '192.0.2.2');
refused(12, '192.0.2.2');
ok($server->poll_query_until('postgres', "SELECT count(*) = 24 FROM bastion.events WHERE ip = '192.0.2.2' AND outcome = 'refused'"),
    'preloaded: every event stays on record');
# The minute may have ended once in between.
my $first = lines('192\.0\.2\.2');
ok($first == 10 || $first > 10 && $first <= 20, "at most ten lines a minute, for all backends: $first");
# All of a /64 is one client.
refused(6, "2001:db8::$_") for 1, 2;
my $of_network = lines('2001:db8::');
ok($of_network >= 10 && $of_network <= 12, "a network of IPv6 has ten lines a minute: $of_network");
refused(1, '2001:db8:1::1');
is(lines('2001:db8:1::1'), 1, 'another network has lines of its own');

# It is on record before the client waits for it: nobody guesses unseen by giving up the wait.
$server->safe_psql('postgres', "ALTER DATABASE postgres SET bastion.refused_login_duration = '60s'");
my $guesser = $server->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
my $pid = $guesser->query_safe('SELECT pg_backend_pid()');
$guesser->query_until(qr/begun/, "\\echo begun\nSELECT bastion_api.login('waits', 'Wrong horse');\n\\echo done\n");
ok($server->poll_query_until('postgres', "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = $pid"), 'a refused login waits');
$server->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
$guesser->query_until(qr/done/, '');
like($guesser->{stderr}, qr/canceling statement due to user request/, 'and is canceled');
$guesser->quit;
ok($server->poll_query_until('postgres', "SELECT count(*) = 2 FROM bastion.events WHERE kind = 'login_refused' AND user_id IS NULL"),
    'the refusal stays on record');

my $log = slurp_file($server->logfile);
unlike($log, qr/[Ww]rong horse|ann\@tap/, 'no line holds what a client typed');
$server->stop;
done_testing();

# The last use of an API key is bookkeeping: it never fails a COMMIT and never makes it wait for long. Without the queue the
# transaction writes it itself, in a subtransaction; with the queue, the worker does. Another session holds the table meanwhile.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $nothing = qr/could not record the use of API key/;

# Lines of the server log after an offset.
sub logged {
    my ($server, $pattern, $offset) = @_;
    for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default) {
        return 1 if substr(slurp_file($server->logfile), $offset) =~ $pattern;
        usleep(100_000);
    }
    return 0;
}

foreach my $preload ('', "shared_preload_libraries = 'pg_bastion'\n") {
    my $mode = $preload ? 'preloaded' : 'not preloaded';
    my $server = new_server($preload ? 'queue' : 'plain', "${preload}bastion.last_used_interval = 0\n");
    my $token = token_of($server, 'ann');
    my $key = last_line($server->safe_psql('postgres', "BEGIN; SELECT bastion.authenticate('$token');
        SELECT bastion_api.api_key_create('use', '{documents.*}') ->> 'key'; COMMIT"));
    my $used = 'SELECT last_used_at IS NOT NULL FROM bastion.api_keys';
    my $again = 'UPDATE bastion.api_keys SET last_used_at = NULL';
    $server->safe_psql('postgres', 'CREATE TABLE work (n int)');

    my $app = $server->background_psql('postgres', on_error_stop => 0);
    my $other = $server->background_psql('postgres', on_error_stop => 0);
    # A transaction of the application with the key, as one statement of its session; what is inserted when its COMMIT succeeded.
    my $transaction = sub {
        my ($n, $settings) = @_;
        return $app->query("$settings BEGIN; SELECT FROM bastion.authenticate('$key'); INSERT INTO work VALUES ($n); COMMIT; SELECT n FROM work WHERE n = $n;");
    };
    like($transaction->(1, ''), qr/1/, "$mode: a transaction with the key");
    ok($server->poll_query_until('postgres', $used), "$mode: its use is recorded");

    # The table is locked, and the transaction has a timeout, which counts for its COMMIT.
    $server->safe_psql('postgres', $again);
    my $offset = -s $server->logfile;
    $transaction->(2, '');
    ok($server->poll_query_until('postgres', $used), "$mode: used, so that the backend has the key cached");
    $server->safe_psql('postgres', $again);
    $transaction->(3, '');
    $other->query_safe('BEGIN; LOCK TABLE bastion.api_keys IN ACCESS EXCLUSIVE MODE');
    like($transaction->(4, q{SET statement_timeout = '20s'; SET lock_timeout = '10s';}), qr/4/, "$mode: the COMMIT succeeds while the table is locked");
    ok(logged($server, $nothing, $offset), "$mode: the server log says that the use is not recorded");
    if (!$preload) {
        my $later = -s $server->logfile;
        like($transaction->(5, q{SET bastion.last_used_interval = 600;}), qr/5/, "$mode: another transaction soon afterwards");
        unlike(substr(slurp_file($server->logfile), $later), $nothing, "$mode: it does not try to record its use");
        $app->query_safe('RESET bastion.last_used_interval');
    }
    $other->query_safe('COMMIT');

    # One that only reads can be recorded by the worker alone.
    $server->safe_psql('postgres', $again);
    $app->query("BEGIN READ ONLY; SELECT FROM bastion.authenticate('$key'); COMMIT;");
    if ($preload) {
        ok($server->poll_query_until('postgres', $used), "$mode: a READ ONLY transaction is recorded too");
    } else {
        is($server->safe_psql('postgres', $used), 'f', "$mode: a READ ONLY transaction is not recorded");
    }
    $_->quit for $app, $other;
    $server->stop;
}

done_testing();

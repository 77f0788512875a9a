# Counters of login attempts, in rows and, when preloaded, in shared memory: what statement_timeout, ROLLBACK, a crash and other accounts do
# to them; counters that gave way come back; a standby. With tools/test --long more guesses.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('node', "log_statement = none\nrestart_after_crash = on\nbastion.refused_login_duration = 0\nautovacuum = off\n");
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql); }
# Hashes that take no time, so that many guesses take little; ann and bob have passwords that no guess is.
my $cheap = q{(SELECT bastion.password_hash('correct horse', 'bcrypt', '{"cost": 4}'))};
sql("CREATE TABLE cheap AS SELECT $cheap AS hash; UPDATE bastion.user_passwords SET hash = (SELECT hash FROM cheap);");
sql(q{CREATE FUNCTION guess(name text, address text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
    DECLARE answer jsonb;
    BEGIN
        PERFORM set_config('bastion.trusted_hops', (address IS NOT NULL)::int::text, true),
                set_config('request.headers', jsonb_build_object('x-forwarded-for', address)::text, true);
        answer := bastion_api.login(name, 'wrong');
        RETURN answer ->> 'error';
    END $$});
# How many of so many guesses were evaluated.
sub evaluated {
    my ($count, $name) = @_;
    return sql("SELECT count(*) FILTER (WHERE guess('$name') = 'invalid_grant') FROM generate_series(1, $count)");
}
sub unlock { return sql("SELECT bastion.login_unlock('$_[0]')"); }
sub crash {
    my $pid = sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");
    kill 'KILL', $pid or die "no process $pid";
    # The server starts all of its processes anew.
    await_restart($node, $pid);
    return;
}

# The server knows what it counts, and may crash: in rows the record is written ahead, of shared memory the worker has made a copy.
sub await_copy {
    my ($mode, $failures) = @_;
    return if $mode eq 'rows';
    ok($node->poll_query_until('postgres', "SELECT max(failures) = $failures FROM bastion.login_throttle WHERE kind = 'account'"), "$mode: the worker copies the count");
    return;
}

sub check {
    my ($mode) = @_;
    is(sql("SELECT bastion.status() ->> 'throttle'"), $mode, $mode);

    is(evaluated(20, 'ann@tap.example'), 10, "$mode: ten guesses are evaluated");
    await_copy($mode, 10);
    crash();
    is(evaluated(20, 'ann@tap.example'), 0, "$mode: and none more after a crash");
    is(unlock('ann@tap.example'), 't', "$mode: an operator ends that");

    # A hash that takes far longer than the statement may: the charge is made before.
    sql(q{UPDATE bastion.user_passwords SET hash = bastion.password_hash('correct horse', 'pbkdf2-sha256', '{"iterations": 5000000}') WHERE user_id = (SELECT id FROM bastion.users WHERE email = 'ann@tap.example')});
    my $error = '';
    for (1 .. 2) {
        $node->psql('postgres', q{SET statement_timeout = 500; SELECT guess('ann@tap.example')}, stderr => \my $stderr);
        $error .= $stderr;
    }
    is(() = $error =~ /canceling statement due to statement timeout/g, 2, "$mode: two guesses are cancelled");
    sql('UPDATE bastion.user_passwords SET hash = (SELECT hash FROM cheap)');
    is(evaluated(20, 'ann@tap.example'), 8, "$mode: they have cost two attempts");
    unlock('ann@tap.example');

    is(sql(q{BEGIN; SELECT count(*) FILTER (WHERE guess('ann@tap.example') = 'invalid_grant') FROM generate_series(1, 6); ROLLBACK}), 6, "$mode: six guesses in a transaction that rolls back");
    await_copy($mode, 6);
    sql('CREATE TABLE a_commit (); DROP TABLE a_commit');
    crash();
    is(evaluated(20, 'ann@tap.example'), 4, "$mode: have cost six attempts, after a crash too");

    # Guesses from many networks, on one account and on many.
    my $guesses = $ENV{BASTION_LONG} ? 1_000_000 : 10_000;
    my $networks = $guesses / 10;
    unlock('ann@tap.example');
    my $address = sub { my ($n) = @_; return "format('%s.%s.%s.1', 11 + ($n) % $networks / 65536, ($n) % $networks / 256 % 256, ($n) % $networks % 256)" };
    my $evaluated = sql("SET bastion.refused_login_duration = 0; SELECT count(*) FILTER (WHERE guess('ann\@tap.example', " . $address->('n') . ") = 'invalid_grant') FROM generate_series(1, $guesses) n");
    cmp_ok($evaluated, '<=', 100, "$mode: $guesses guesses from $networks networks: at most a hundred are evaluated");
    cmp_ok($evaluated, '>=', 10, "$mode: and at least ten");
    is(sql(q{SELECT (bastion_api.login('bob@tap.example', 'correct horse') ? 'access_token')::int FROM generate_series(1, 3)}), "1\n1\n1", "$mode: other accounts log in");
    unlock('ann@tap.example');
    return;
}

check('rows');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_bastion'\nbastion.throttle_size = 1kB\n");
$node->restart;
check('shared memory');

# The memory has room for twelve counters. Those of others do not push out what the table does not have, and what it has comes back.
is(evaluated(20, 'ann@tap.example'), 10, 'ten guesses are evaluated');
my $others = 0;
for my $round (1 .. 20) {
    $others += sql("SELECT count(*) FILTER (WHERE guess('nobody${round}_' || n) = 'invalid_grant') FROM generate_series(1, 10) n");
    $node->poll_query_until('postgres', q{SELECT (bastion.status() #>> '{events,queued}')::int = 0});
}
cmp_ok($others, '>=', 30, "$others guesses on other names are evaluated");
is(evaluated(20, 'ann@tap.example'), 0, 'and bring no guess on ann back');
is(unlock('ann@tap.example'), 't', 'an operator unlocks a counter that only the table has');
is(evaluated(20, 'ann@tap.example'), 10, 'at once');
# What has expired goes.
sql("UPDATE bastion.login_throttle SET expires_at = now() - interval '1 second', charged_at = now() - interval '2 days', paid_until = now() - interval '2 days' WHERE failures = 1");
my $before = sql('SELECT count(*) FROM bastion.login_throttle WHERE expires_at < now()');
evaluated(2, 'nobody');
ok($node->poll_query_until('postgres', "SELECT count(*) < $before FROM bastion.login_throttle WHERE expires_at < now()"), 'rows that have expired are deleted');

# A standby evaluates nothing.
my $standby = standby_of($node, 'standby');
$standby->psql('postgres', q{SELECT bastion_api.login('ann@tap.example', 'correct horse')}, stderr => \my $refused, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
like($refused, qr/ERROR:  25006/, 'a standby evaluates nothing');
$standby->stop;

$node->stop;
done_testing();

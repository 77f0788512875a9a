# Campaigns against the counters of login attempts, in shared memory of the default size: guesses on one account from many networks, plain, in
# transactions that roll back and in statements that end early, while the owner logs in from a known device; a crash in the middle; failures of
# many other accounts. With tools/test --long a million guesses from a hundred thousand networks, and two hundred thousand accounts.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

my $seed = $ENV{BASTION_SEED} // int time;
note("BASTION_SEED=$seed");
srand $seed;
my ($guesses, $networks, $others) = $ENV{BASTION_LONG} ? (1_000_000, 100_000, 200_000) : (8_000, 800, 1_000);
my $rounds = 40;

my $node = new_server('node', "shared_preload_libraries = 'pg_bastion'\nlog_statement = none\nlog_min_error_statement = panic\nrestart_after_crash = on\nbastion.refused_login_duration = 0\n");
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql); }
# Hashes that take no time. The owner of each account has a password that no guess is.
sql(q{CREATE TABLE cheap AS SELECT bastion.password_hash('correct horse', 'bcrypt', '{"cost": 4}') AS hash;
      UPDATE bastion.user_passwords SET hash = (SELECT hash FROM cheap)});
sql("CREATE TABLE others AS SELECT gen_random_uuid() AS id, 'other' || n || '\@attack.example' AS email FROM generate_series(1, $others) n;
     INSERT INTO bastion.users (id, email) SELECT id, email FROM others;
     INSERT INTO bastion.user_passwords (user_id, hash) SELECT id, hash FROM others, cheap; ANALYZE bastion.users; ANALYZE bastion.user_passwords");
sql(q{CREATE FUNCTION guess(name text, address text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM set_config('bastion.trusted_hops', (address IS NOT NULL)::int::text, true),
                set_config('request.headers', jsonb_build_object('x-forwarded-for', address)::text, true);
        RETURN bastion_api.login(name, 'wrong') ->> 'error';
    END $$;
    CREATE FUNCTION any_address(networks integer) RETURNS text LANGUAGE sql VOLATILE AS $$
        SELECT format('%s.%s.%s.%s', 11 + n / 65536, n / 256 % 256, n % 256, 1 + n % 250) FROM (SELECT floor(random() * networks)::int) r (n)
    $$});
sub evaluated { return sql("SELECT count(*) FILTER (WHERE guess('ann\@tap.example') = 'invalid_grant') FROM generate_series(1, 20)"); }
sub unlock { return sql(q{SELECT bastion.login_unlock('ann@tap.example')}); }
# What one attempt in six minutes lets through since then.
sub refilled { my ($since) = @_; return int((time - $since) / 360) + 1; }

my $device = '';

# The owner's login from the known device, whose token each login replaces.
sub owner_logs_in {
    my $token = sql(qq{SELECT bastion_api.login('ann\@tap.example', 'correct horse', device_token => '$device') ->> 'device_token'});
    $device = $token if $token ne '';
    return $token ne '';
}

# campaign(NAME, BATCH): BATCH makes so many guesses and returns how many were evaluated; the owner logs in after each.
sub campaign {
    my ($name, $count, $batch) = @_;
    unlock();
    my ($evaluated, $logins, $began) = (0, 0, time);
    for my $round (1 .. $rounds) {
        $evaluated += $batch->($count / $rounds);
        $logins += owner_logs_in();
    }
    note(sprintf '%s: %d of %d guesses evaluated, %d logins of the owner, %d s', $name, $evaluated, $count, $logins, time - $began);
    cmp_ok($evaluated, '>=', 10, "$name: at least ten of $count guesses from $networks networks are evaluated");
    cmp_ok($evaluated, '<=', 100, "$name: at most a hundred");
    is($logins, $rounds, "$name: the owner logs in from a known device, $rounds times of $rounds");
    cmp_ok(evaluated(), '<=', refilled($began), "$name: nothing is left to an attacker");
    return;
}

sub guesses { my ($count) = @_; return "SELECT setseed(" . rand() . "); SELECT count(*) FILTER (WHERE guess('ann\@tap.example', any_address($networks)) = 'invalid_grant') FROM generate_series(1, $count)"; }

ok(owner_logs_in(), 'the owner gets a known device');
campaign('plain', $guesses, sub { my ($count) = @_; return last_line(sql(guesses($count))); });
campaign('ROLLBACK', $guesses, sub { my ($count) = @_; return last_line(sql('BEGIN; ' . guesses($count) . '; ROLLBACK')); });

# A hash that takes far longer than the statement may. A refusal takes no hash, so what is cancelled was evaluated, or refused on a slow machine.
sql(q{CREATE TABLE slow AS SELECT bastion.password_hash('correct horse', 'pbkdf2-sha256', '{"iterations": 1000000}') AS hash;
      UPDATE bastion.user_passwords SET hash = (SELECT hash FROM slow) WHERE user_id = (SELECT id FROM bastion.users WHERE email = 'ann@tap.example')});
my $cancelled = 0;
campaign('statement_timeout', $guesses / 20, sub {
    my ($count) = @_;
    $node->psql('postgres', join("\n", 'SET statement_timeout = 100;', map { sprintf q{SELECT guess('ann@tap.example', '%d.%d.%d.1');}, 11 + rand 9, rand 256, rand 256 } 1 .. $count),
        on_error_stop => 0, stdout => \my $out, stderr => \my $err);
    $cancelled += () = $err =~ /canceling statement/g;
    return () = "$out$err" =~ /invalid_grant|canceling statement/g;
});
cmp_ok($cancelled, '>=', 10, 'statements ended while they took a hash');
sql(q{UPDATE bastion.user_passwords SET hash = (SELECT hash FROM cheap) WHERE user_id = (SELECT id FROM bastion.users WHERE email = 'ann@tap.example')});

# Two failures of each of many accounts at once push nothing out that counts.
unlock();
my $began = time;
is(evaluated(), 10, 'ten guesses on an account are evaluated');
my (@failing, @failed);
for my $part (0, 1) {
    $failed[$part] = 0;
    push @failing, IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c',
        "SELECT count(*) FILTER (WHERE guess(email) = 'invalid_grant') + count(*) FILTER (WHERE guess(email) = 'invalid_grant') FROM others WHERE abs(hashtext(email)) % 2 = $part" ], '>', \$failed[$part], '2>', \my $err);
}
IPC::Run::finish($_) for @failing;
$node->poll_query_until('postgres', q{SELECT (bastion.status() #>> '{events,queued}')::int = 0}) or die 'the queue of events stays full';
# With hashes that take no time, guesses are faster than the worker. A place full of counters that have no copy yet refuses.
my $failures = $failed[0] + $failed[1];
note(sprintf '%d failures of %d other accounts, %d counters copied', $failures, $others, sql(q{SELECT count(*) FROM bastion.login_throttle WHERE kind = 'account'}));
cmp_ok($failures, '>=', $others / 10, 'many guesses on other accounts are evaluated');
my $scans = q{FROM pg_stat_user_indexes WHERE indexrelname = 'login_throttle_expires_at_idx'};
$node->poll_query_until('postgres', "SELECT idx_scan >= 100 $scans") or die 'no statistics of the worker';
is(sql("SELECT idx_tup_read <= 2 * idx_scan $scans"), 't', 'to copy one, the worker does not look at the others');
cmp_ok(evaluated(), '<=', refilled($began) - 1, 'and give nothing back to the attacker');

# Guesses on one account after the other, as fast as they go. A crash forgets those that no copy has: the youngest alone.
my $script = PostgreSQL::Test::Utils::tempdir . '/guesses.sql';
append_to_file($script, "SELECT guess('other$_\@attack.example'), extract(epoch FROM clock_timestamp());\n") for 1 .. 1_000;
my $enough = 200 + int rand 500;
# How many guesses were answered before a crash, and the age of the oldest one that it forgot.
sub crash_in_guesses {
    sql('TRUNCATE bastion.login_throttle');
    my ($answers, $failed) = ('', '');
    my $attacker = IPC::Run::start([ 'psql', '-XAtq', '-F', ' ', '-d', $node->connstr('postgres'), '-f', $script ], '>', \$answers, '2>', \$failed);
    IPC::Run::pump($attacker) while ($answers =~ tr/\n//) < $enough;
    my $pid = sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");
    kill 'KILL', $pid or die "no process $pid";
    my $killed = Time::HiRes::time();
    IPC::Run::finish($attacker);
    await_restart($node, $pid);
    my $kept = sql(q{SELECT count(*) FROM bastion.login_throttle WHERE kind = 'account'});
    my @times = map { /^invalid_grant ([\d.]+)$/ ? $1 : () } split /\n/, $answers;
    my $lost = @times - $kept;
    my $age = $lost > 0 ? $killed - $times[$kept] : 0;
    note(sprintf '%d guesses before the crash, %d kept, the oldest forgotten one %.3f s before', scalar @times, $kept, $age);
    return (scalar @times, $age);
}
# Other work on the machine can keep the worker waiting, so it has three tries.
my ($guessed, $age, $tries) = (0, 2, 0);
($guessed, $age) = crash_in_guesses() while $age > 1 and ++$tries <= 3;
cmp_ok($guessed, '>=', $enough, "$enough guesses on as many accounts before a crash");
cmp_ok($age, '<=', 1, 'are known after it, except those of the last second');

$node->stop;
done_testing();

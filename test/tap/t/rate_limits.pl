# Rate limits between sessions: eight clients share one bucket exactly, a flood of addresses makes no API key give way, a standby and a
# server without preload count for themselves, places end with the session, and nothing counted outlives a crash.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('node', "log_statement = none\nrestart_after_crash = on\nautovacuum = off\nmax_prepared_transactions = 5\nbastion.rate_limit_size = 0\n");
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql); }
sub allowed { my ($count, $arguments) = @_; return sql("SELECT count(*) FILTER (WHERE bastion.rate_limit($arguments)) FROM generate_series(1, $count) n"); }
sub restart { my ($settings) = @_; $node->append_conf('postgresql.conf', $settings); $node->restart; return; }
sub mode { return sql(q{SELECT bastion.status() #>> '{rate_limits,mode}'}); }

# Places are apart by key, and the same in every connection, whatever memory that has.
sub places {
    my ($mode) = @_;
    my @sessions = map { $node->background_psql('postgres') } 1 .. 2;
    is($_->query_safe(q{BEGIN; SELECT bastion.concurrency_limit('places', 'x')}), 't', "$mode: a place beside a key") for @sessions;
    is(sql(q{SELECT bastion.concurrency_limit('places', 'x'), bastion.concurrency_limit('places', 'y')}), 'f|t', "$mode: connections share these, and not those of another key");
    $_->quit for @sessions;
    return;
}

# Nothing is refilled while this runs.
sql(q{SELECT bastion.rate_limit_set('shared', 'route', 0.01, 20000), bastion.rate_limit_set('few', 'route', 0.001, 3),
             bastion.rate_limit_set('address', 'address', 0.001, 1), bastion.rate_limit_set('places', 'route', concurrent => 2)});

is(mode(), 'off', 'no memory');
is(allowed(10, q{'few'}), 10, 'off: everything is allowed');
places('off');

restart('bastion.rate_limit_size = 4MB');
my $named = $node->pg_version->major >= 17;
is(mode(), $named ? 'shared memory' : 'connection', 'not preloaded');
like(sql(q{SELECT bastion.status() -> 'weaker'}), qr/rate limits have 1 MB of memory/, 'status() says what is weaker');
is(allowed(10, q{'few'}), 3, 'not preloaded: a connection has its bucket');
is(allowed(10, q{'few'}), $named ? 0 : 3, 'not preloaded: another one shares it from 17 on');
places('not preloaded');

restart("shared_preload_libraries = 'pg_bastion'");
is(mode(), 'shared memory', 'preloaded');
is(sql(q{SELECT bastion.status() -> 'weaker'}), '[]', 'nothing is weaker');
is(allowed(10, q{'few'}), 3, 'preloaded: a restart forgets');
is(allowed(10, q{'few'}), 0, 'preloaded: and connections share');

# Eight clients at once.
my $script = PostgreSQL::Test::Utils::tempdir() . '/script';
append_to_file($script, "SELECT count(*) FILTER (WHERE bastion.rate_limit('shared')) AS granted FROM generate_series(1, 100) \\gset\nINSERT INTO granted VALUES (:granted);\n");
sql('CREATE TABLE granted (n int)');
$node->command_ok([ 'pgbench', '-n', '-c', 8, '-j', 2, '-t', 40, '-f', $script, $node->connstr('postgres') ], 'eight clients make 32,000 requests');
is(sql('SELECT sum(n) FROM granted'), 20000, 'exactly 20,000 are allowed');

# A standby has its own buckets, in transactions that write nothing.
my $standby = standby_of($node);
is($standby->safe_psql('postgres', q{SELECT count(*) FILTER (WHERE bastion.rate_limit('few')) FROM generate_series(1, 10)}), 3, 'a standby counts for itself');
is($standby->safe_psql('postgres', q{SELECT count(*) FILTER (WHERE bastion.rate_limit('few')) FROM generate_series(1, 10)}), 0, 'and its sessions share');
sql(q{SELECT bastion.rate_limit_set('few', 'route', 0.001, 5)});
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q{SELECT count(*) FILTER (WHERE bastion.rate_limit('few')) FROM generate_series(1, 10)}), 2, 'another rule counts there after replay');
$standby->stop;
is(sql(q{BEGIN READ ONLY; SELECT bastion.rate_limit('few'); COMMIT}), 't', 'READ ONLY');

# Places: of a session that is terminated, and of a prepared transaction.
my ($one, $two) = map { $node->background_psql('postgres') } 1 .. 2;
is($one->query_safe(q{BEGIN; SELECT bastion.concurrency_limit('places')}), 't', 'one place');
is($two->query_safe(q{BEGIN; SELECT bastion.concurrency_limit('places')}), 't', 'another');
is(sql(q{SELECT bastion.concurrency_limit('places')}), 'f', 'there is no third');
sub request { my (undef, $out, $err) = $node->psql('postgres', q{SET bastion.request_limits = 'places'; SELECT 'admitted' FROM bastion.pre_request()}); return $out . $err; }
like(request(), qr/too many requests/, 'for a request of a front door either');
my $pid = $two->query_safe('SELECT pg_backend_pid()');
sql("SELECT pg_terminate_backend($pid)");
ok($node->poll_query_until('postgres', q{SELECT bastion.concurrency_limit('places')}), 'the place of a session that ended is free');
eval { $two->quit };
is($one->query_safe(q{PREPARE TRANSACTION 'holds'; BEGIN; SELECT bastion.concurrency_limit('places')}), 't', 'a session prepares, and takes another place');
is(sql(q{SELECT bastion.concurrency_limit('places')}), 'f', 'a prepared transaction keeps its place');
sql(q{COMMIT PREPARED 'holds'});
is(sql(q{SELECT bastion.concurrency_limit('places')}), 't', 'until it ends');
is(request(), 'admitted', 'a request, too, has the place');
$one->quit;
# An API key: as many transactions as it allows.
my $token = token_of($node, 'ann');
my $key = last_line(sql(qq{BEGIN; SELECT bastion.authenticate('$token'); SELECT bastion_api.api_key_create('one', '{*}', limits => '{"concurrent": 1}') ->> 'key'; COMMIT}));
my ($first, $second) = map { $node->background_psql('postgres') } 1 .. 2;
is($first->query_safe("BEGIN; SELECT bastion.authenticate('$key') IS NOT NULL"), 't', 'an API key is used');
is(sql("SELECT try(\$\$SELECT bastion.authenticate('$key')\$\$)"), 'BA007', 'and not at the same time');
$first->query_safe('COMMIT');
is($second->query_safe("BEGIN; SELECT bastion.authenticate('$key') IS NOT NULL; COMMIT"), 't', 'and again afterwards');
$_->quit for $first, $second;

# A crash forgets, and leaves no place taken.
$pid = sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");
kill 'KILL', $pid or die "no process $pid";
await_restart($node, $pid);
is(allowed(10, q{'few'}), 5, 'a crash forgets');

# Little memory: what is counted of addresses gives way to addresses alone.
restart("bastion.rate_limit_size = 8kB\nbastion.trusted_hops = 1");
is(allowed(1, q{'few'}), 1, 'a bucket, which owes less than any of the addresses');
sql(q{SELECT count(*) FROM generate_series(1, 5000) n, LATERAL (SELECT set_config('request.headers', jsonb_build_object('x-forwarded-for', format('198.51.%s.%s', n / 256, n % 256))::text, true) OFFSET 0) h
      WHERE h.set_config <> '' AND bastion.rate_limit('address')});
cmp_ok(sql(q{SELECT bastion.status() #>> '{rate_limits,evictions}'}), '>', 4000, 'a flood of addresses makes addresses give way');
is(allowed(10, q{'few'}), 4, 'and nothing else');
is(allowed(2000, q{'few', n::text}), 2000, 'a flood of keys');
is(allowed(10, q{'few', '2000'}), 4, 'the newest is counted');

done_testing();

# Quotas between sessions: many clients use exactly what a limit allows, in any order of meters and tenants without a deadlock; a crash at
# every step loses no reservation, uses nothing twice and frees no room; a transaction that keeps its snapshot counts on nothing old; soft limits
# are crossed once. With tools/test --long 64 clients against 20,000.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($clients, $limit) = $ENV{BASTION_LONG} ? (64, 20_000) : (16, 400);
my $node = new_server('node', "log_statement = none\nrestart_after_crash = on\nautovacuum = off\nmax_connections = 100\nbastion.allow_identity_switch = on\n");
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql); }
sub usage { my ($meter) = @_; return sql("SELECT string_agg(concat_ws(' ', scope, used, held), ', ' ORDER BY scope) FROM (SELECT scope, sum(used) AS used, sum(held) AS held FROM bastion.usage_windows WHERE meter = '$meter' GROUP BY scope) u"); }
sub pgbench {
    my ($script, $transactions, $name) = @_;
    my $file = PostgreSQL::Test::Utils::tempdir() . '/script';
    unlink $file;
    append_to_file($file, $script);
    my $each = int($transactions / $clients) + 1;
    $node->command_ok([ 'pgbench', '-n', '-c', $clients, '-j', 2, '-t', $each, '-f', $file, $node->connstr('postgres') ], $name);
    return $each * $clients;
}

# Ann and Bob are members of both tenants, and eight more of the first.
sql(<<'SQL');
SELECT bastion.meter_set(m), bastion.plan_limit_set(m, 'user', 'total', 1000000), bastion.plan_limit_set(m, 'unit', 'total', 1000000), bastion.plan_limit_set(m, 'tenant', 'total', 1000000)
FROM unnest('{one,two,crash,kept}'::text[]) m;
SELECT bastion.meter_set('scarce'), bastion.meter_set('everywhere'), bastion.plan_limit_set('everywhere', 'account', 'total', 1000000), bastion.plan_limit_set('everywhere', 'tenant', 'total', 1000000);
CREATE TABLE tokens AS
SELECT row_number() OVER () - 1 AS n, s #>> '{user,id}' AS id, s ->> 'access_token' AS token
FROM (SELECT signup FROM people UNION ALL SELECT bastion_api.signup(n || '@quotas.example', 'correct horse', 'Of ' || n) FROM generate_series(1, 8) n) x (s);
SELECT bastion.membership_force(id::uuid, (SELECT signup #>> '{tenant,id}' FROM people WHERE name = t), 'viewer') FROM tokens, unnest('{ann,bob}'::text[]) t
WHERE NOT EXISTS (SELECT FROM people p WHERE p.name = t AND p.signup #>> '{user,id}' = id);
CREATE TABLE granted (n int);
GRANT SELECT ON tokens, people TO app;
SQL
my ($ann, $bob) = map { sql("SELECT signup #>> '{tenant,id}' FROM people WHERE name = '$_'") } qw(ann bob);

# Exactly what the limit allows, and never more.
sql("SELECT bastion.plan_limit_set('scarce', 'tenant', 'total', $limit, soft_amount => $limit / 2), bastion.plan_limit_set('scarce', 'user', 'total', $limit)");
my $asked = pgbench(<<"SQL", $limit * 1.2, "$clients clients want more than there is");
\\set n random(0, 9)
BEGIN;
SELECT bastion.authenticate((SELECT token FROM tokens WHERE n = :n), '$ann');
SELECT (bastion.quota_consume('scarce') -> 'granted')::boolean::int AS got \\gset
INSERT INTO granted VALUES (:got);
COMMIT;
SQL
is(sql('SELECT sum(n) FROM granted'), $limit, "exactly $limit are granted");
is(sql('SELECT count(*) FROM granted'), $asked, 'and every client has an answer');
is(usage('scarce'), "tenant $limit 0, user $limit 0", 'what is counted');
is(sql(q{SELECT sum(amount) FROM bastion.usage_entries WHERE meter = 'scarce'}), $limit, 'and what the ledger says');
is(sql(q{SELECT count(*) FROM bastion.events WHERE kind = 'quota_soft_crossed'}), 1, 'the soft limit is crossed once');

# Two meters in either order, two tenants, and accounts that both tenants count: nobody waits in a circle.
my $uses = pgbench(<<"SQL", 600, 'meters and tenants in any order');
\\set n random(0, 9)
\\set first random(0, 1)
\\set where random(0, 1)
BEGIN;
SELECT bastion.authenticate((SELECT token FROM tokens WHERE n = :n), CASE :where WHEN 0 THEN '$ann' ELSE '$bob' END);
SELECT bastion.quota_consume(CASE :first WHEN 0 THEN 'one' ELSE 'two' END);
SELECT bastion.quota_consume(CASE :first WHEN 0 THEN 'two' ELSE 'everywhere' END);
SELECT bastion.quota_consume(CASE :first WHEN 0 THEN 'everywhere' ELSE 'one' END);
COMMIT;
SQL
is(usage('everywhere'), "account $uses 0, tenant $uses 0", 'each is counted');
is(sql(q{SELECT count(*) FROM pg_stat_database WHERE deadlocks > 0}), 0, 'without a deadlock');
# One key at once by many.
pgbench(<<"SQL", 100, 'many send one request');
BEGIN;
SELECT bastion.authenticate((SELECT token FROM tokens WHERE n = 0), '$ann');
SELECT bastion.quota_consume('kept', 7, 'the same');
COMMIT;
SQL
is(usage('kept'), 'tenant 7 0, user 7 0', 'it counts once');

# A crash after each step of a request, which the client then repeats from the start.
my $token = sql('SELECT token FROM tokens WHERE n = 0');
my @steps = ('BEGIN', "SELECT bastion.authenticate('$token')", q{SELECT bastion.quota_reserve('{"crash": 5}', 'KEY')}, 'COMMIT', 'BEGIN', "SELECT bastion.authenticate('$token')",
    q{SELECT bastion.quota_settle('KEY', '{"crash": 3}')}, 'COMMIT', 'BEGIN', "SELECT bastion.authenticate('$token')", q{SELECT bastion.quota_consume('crash', 2, 'KEY more')}, 'COMMIT');
for my $step (1 .. @steps) {
    my @request = map { s/KEY/request $step/r } @steps;
    my $session = $node->background_psql('postgres');
    $session->query_safe($_) for @request[ 0 .. $step - 1 ];
    my $victim = $session->query_safe('SELECT pg_backend_pid()');
    my $before = sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'});
    kill 'KILL', $victim or die "no process $victim";
    eval { $session->quit };
    await_restart($node, $before);
    my $reserved = $step >= 4 && $step < 8 ? 5 : 0;
    is(sql("SELECT sum(held) FROM bastion.usage_windows WHERE meter = 'crash' AND scope = 'tenant'") || 0, $reserved, "step $step: what was committed is reserved");
    sql(join(';', @request));
    is(usage('crash'), sprintf('tenant %d 0, user %d 0', 5 * $step, 5 * $step), "step $step: the request counts once");
}
is(sql(q{SELECT sum(amount) FROM bastion.usage_entries WHERE meter = 'crash'}), 5 * @steps, 'the ledger has it too');
is(sql(q{SELECT count(*) FROM bastion.quota_holds WHERE state = 'open'}), 0, 'nothing is reserved any more');

# A transaction that keeps its snapshot.
my $old = $node->background_psql('postgres');
$old->query_safe("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT bastion.authenticate('$token')");
sql("BEGIN; SELECT bastion.authenticate('$token'); SELECT bastion.quota_consume('kept'); COMMIT");
is($old->query_safe(q{SELECT try($$SELECT bastion.quota_consume('kept')$$)}), '40001', 'REPEATABLE READ does not count on what is old');
$old->quit;
is(usage('kept'), 'tenant 8 0, user 8 0', 'and has counted nothing');

# Standbys show the usage and refuse the use.
my $standby = standby_of($node);
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', "SELECT count(*) FROM (SELECT bastion.authenticate('$token') OFFSET 0) a, LATERAL (SELECT * FROM bastion.quota_usage('kept') WHERE a IS NOT NULL) u"), 2, 'a standby shows the usage');
is(last_line($standby->safe_psql('postgres', "BEGIN; SELECT bastion.authenticate('$token'); SELECT try(\$\$SELECT bastion.quota_consume('kept')\$\$)")), '25006', 'and refuses the use');
$standby->stop;

# The ledger is added up once, by several at once.
$node->command_ok([ 'pgbench', '-n', '-c', 4, '-t', 20, '-f', script('SELECT bastion.usage_roll_up(50);'), $node->connstr('postgres') ], 'several roll up');
sql('SELECT bastion.usage_roll_up()');
is(sql('SELECT count(*) FROM (SELECT owner_id, day, meter, user_id, sum(amount) AS amount, count(*) AS entries FROM bastion.usage_entries GROUP BY 1, 2, 3, 4) e FULL JOIN bastion.usage_daily d USING (owner_id, day, meter, user_id) WHERE (e.amount, e.entries) IS DISTINCT FROM (d.amount, d.entries)'),
    0, 'each entry is in the sums once');
sub script { my ($sql) = @_; my $file = PostgreSQL::Test::Utils::tempdir() . '/roll'; append_to_file($file, "$sql\n"); return $file; }

done_testing();

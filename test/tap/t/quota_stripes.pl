# Stripes of quotas between sessions: uses of one tenant that do not wait for each other, exactly what the limit allows by many clients while
# operators change the number of stripes, nothing lost or counted twice by a crash, and transactions that want the tenant beside those that
# share it. With tools/test --long 64 clients against 20,000.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($clients, $limit) = $ENV{BASTION_LONG} ? (64, 20_000) : (16, 600);
my $node = new_server('node', "log_statement = none\nrestart_after_crash = on\nautovacuum = off\nmax_connections = 100\ndeadlock_timeout = 100ms\n");
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql); }
sub script { my ($name, $text) = @_; my $file = PostgreSQL::Test::Utils::tempdir() . "/$name"; append_to_file($file, $text); return $file; }
sub deadlocks { return sql('SELECT count(*) FROM pg_stat_database WHERE deadlocks > 0'); }
# The sum of a meter in the windows and stripes of the tenant, beside that of the ledger.
sub counted { my ($meter) = @_; return sql(<<"SQL"); }
SELECT (SELECT sum(used) FROM bastion.usage_windows WHERE meter = '$meter' AND scope = 'tenant') + (SELECT coalesce(sum(used), 0) FROM bastion.usage_stripes WHERE meter = '$meter'),
       (SELECT sum(amount) FROM bastion.usage_entries WHERE meter = '$meter'),
       (SELECT count(*) FROM bastion.usage_stripes WHERE used > allotted)
       + (SELECT count(*) FROM bastion.usage_windows w WHERE coalesce(allotted, 0) <> (SELECT coalesce(sum(s.allotted), 0) FROM bastion.usage_stripes s WHERE (s.owner_id, s.scope_id, s.meter, s.period, s.window_key) = (w.owner_id, w.scope_id, w.meter, w.period, w.window_key)))
SQL

# Ten members of a tenant. A limit of the user beside that of the tenant, where the meter has both.
sql(<<"SQL");
SELECT bastion.meter_set(m), bastion.plan_limit_set(m, 'tenant', 'total', 1000000, stripes => 64) FROM unnest('{open,changed,killed,both,last}'::text[]) m;
SELECT bastion.meter_set('scarce'), bastion.plan_limit_set('scarce', 'tenant', 'total', $limit, soft_amount => $limit / 2, stripes => 8), bastion.plan_limit_set('killed', 'user', 'total', 1000000);
CREATE TABLE tokens AS SELECT n, s #>> '{user,id}' AS id, s ->> 'access_token' AS token, s #>> '{tenant,id}' AS tenant
FROM generate_series(0, 9) n, LATERAL (SELECT bastion_api.signup('striped' || n || '\@quotas.example', 'correct horse', 'Striped ' || n) AS s) x;
SELECT bastion.membership_force(id::uuid, (SELECT tenant FROM tokens WHERE n = 0), 'viewer') FROM tokens WHERE n > 0;
CREATE TABLE granted (n int);
CREATE FUNCTION become(who int) RETURNS boolean LANGUAGE sql AS
\$\$ SELECT bastion.authenticate((SELECT token FROM tokens WHERE n = who), (SELECT tenant FROM tokens WHERE n = 0)) IS NOT NULL \$\$;
SQL

# Exactly what the limit allows, and the soft limit once, while the number of stripes changes under open uses.
sub pgbench { my ($each, $file, $name, @options) = @_; $node->command_ok([ 'pgbench', '-n', '-c', $clients, '-j', 2, '-t', $each, @options, '-f', $file, $node->connstr('postgres') ], $name); return; }
my $each = int($limit * 1.2 / $clients) + 1;
my $wants = script('wants', <<'SQL');
\set n random(0, 9)
BEGIN;
SELECT become(:n);
SELECT (bastion.quota_consume('scarce') -> 'granted')::boolean::int AS got \gset
INSERT INTO granted VALUES (:got);
COMMIT;
SQL
my $changes = $node->background_psql('postgres');
$changes->query_safe("SET statement_timeout = 0");
$changes->{stdin} .= "DO \$\$ BEGIN FOR i IN 1 .. 100 LOOP PERFORM bastion.plan_limit_set('scarce', 'tenant', 'total', $limit, soft_amount => $limit / 2, stripes => 1 + 7 * i % 64); COMMIT; PERFORM pg_sleep(0.02); END LOOP; END \$\$;\n";
$changes->{run}->pump_nb;
pgbench($each, $wants, "$clients clients want more than there is, and the number of stripes changes");
$changes->quit;
is(sql('SELECT sum(n) FROM granted'), $limit, "exactly $limit are granted");
is(sql('SELECT count(*) FROM granted'), $each * $clients, 'and every client has an answer');
is(counted('scarce'), "$limit|$limit|0", 'what windows, stripes and the ledger have');
is(sql(q{SELECT count(*) FROM bastion.events WHERE kind = 'quota_soft_crossed'}), 1, 'the soft limit is crossed once');
is(deadlocks(), 0, 'without a deadlock');

# Two sessions whose processes have different stripes of 64.
my $one = $node->background_psql('postgres');
my @spare;
my $two = $node->background_psql('postgres');
sub stripe { my ($session) = @_; return $session->query_safe('SELECT pg_backend_pid() % 64'); }
while (stripe($one) == stripe($two)) { push @spare, $two; $two = $node->background_psql('postgres'); }
$_->query_safe("BEGIN; SELECT become($_->{who})") for map { $_->[0]{who} = $_->[1]; $_->[0] } ([ $one, 1 ], [ $two, 2 ]);
sub use_of { my ($session, $call) = @_; return last_line($session->query_safe("SELECT try(\$\$SELECT $call\$\$)")); }
$_->query_safe("SELECT bastion.quota_consume('open'); COMMIT; BEGIN; SELECT become($_->{who})") for $one, $two;
$_->query_safe("SET lock_timeout = '5s'") for $one, $two;
is(use_of($one, q{bastion.quota_consume('open') -> 'granted'}), 'true', 'a use');
is(use_of($two, q{bastion.quota_consume('open') -> 'granted'}), 'true', 'does not wait for the other of its tenant');
is(sql("BEGIN; SET LOCAL lock_timeout = '100ms'; SELECT become(3); SELECT try(\$\$SELECT bastion.quota_consume('open', 1, 'key')\$\$)") =~ s/.*\n//sr, '55P03', 'a use with a key waits for both');
# Both want the tenant: the second one gives up, and so the first one gets it.
$one->{stdin} .= "SELECT try(\$\$SELECT bastion.quota_consume('both', 1, 'key') -> 'granted'\$\$);\n\\echo done\n";
$one->{run}->pump_nb;
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'userlock' AND NOT granted}) or die 'nobody waits';
is(use_of($two, q{bastion.quota_consume('both', 1, 'key')}), '40001', 'the second transaction that wants the tenant as well gives up');
$two->query_safe('ROLLBACK');
$one->{run}->pump until $one->{stdout} =~ /done/;
like($one->{stdout}, qr/^true$/m, 'the first one gets it');
$one->{stdout} = '';
$one->query_safe('COMMIT');
is(counted('open'), '3|3|0', 'what was counted');
is(deadlocks(), 0, 'without a deadlock');
$_->quit for $one, $two, @spare;

# A crash among uses: what clients saw committed is counted, and all of what is counted is in the ledger.
my $uses = script('uses', "\\set n random(0, 9)\nBEGIN;\nSELECT become(:n);\nSELECT bastion.quota_consume('killed');\nINSERT INTO granted VALUES (2);\nCOMMIT;\n");
for my $round (1 .. 3) {
    my $before = sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'});
    my $bench = IPC::Run::start([ 'pgbench', '-n', '-c', $clients, '-j', 2, '-T', 30, '-f', $uses, $node->connstr('postgres') ], '>', \my $out, '2>', \my $errors);
    my $reached = 40 * $round;
    $node->poll_query_until('postgres', "SELECT count(*) > $reached FROM granted WHERE n = 2") or die 'nothing is used';
    my $victim = sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1});
    kill 'KILL', $victim or die "no process $victim";
    $bench->finish;
    await_restart($node, $before);
    my $committed = sql('SELECT count(*) FROM granted WHERE n = 2');
    is(counted('killed'), "$committed|$committed|0", "round $round: after a crash each committed use counts once");
}
is(sql("BEGIN; SELECT become(0); SELECT (bastion.quota_consume('killed', 999999) ->> 'refused_by') IS NOT NULL; COMMIT") =~ s/.*\n//sr, 't', 'and what is left is known exactly');

# Standbys show what stripes used.
my $standby = standby_of($node);
sql("BEGIN; SELECT become(0); SELECT bastion.quota_consume('last', 5), bastion.quota_consume('last', 7); COMMIT");
sql("BEGIN; SELECT become(1); SELECT bastion.quota_consume('last', 6); COMMIT");
$node->wait_for_catchup($standby);
is(last_line($standby->safe_psql('postgres', q{BEGIN; SELECT become(0); SELECT u.used FROM bastion.quota_usage('last') u})), '18', 'a standby shows the usage');
$standby->stop;

done_testing();

# The views bastion.stat_… and metrics(): what eight clients count is exact, with rollbacks, backends that end and a reset in between; without
# preload, on a standby and after a crash; for a monitoring role and not for an application; and labels that no name of a database can break.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('node', "log_statement = none\nrestart_after_crash = on\nautovacuum = off\nbastion.refused_login_duration = 0\n");
my $token = token_of($node, 'ann');
sub sql { my ($sql, $database) = @_; return $node->safe_psql($database // 'postgres', $sql); }
sub restart { my ($settings) = @_; $node->append_conf('postgresql.conf', $settings); $node->restart; return; }
sub mode { return sql(q{SELECT bastion.status() ->> 'statistics'}); }

my $named = $node->pg_version->major >= 17;
is(mode(), $named ? 'shared memory' : 'connection', 'not preloaded');
my $refused = q{SELECT count FROM bastion.stat_verifications WHERE kind = 'token' AND outcome = 'token_refused'};
is(last_line(sql(qq{SELECT try('SELECT bastion.authenticate(''x'')') FROM generate_series(1, 3); $refused})), 3, 'not preloaded: a connection sees what it has counted');
is(sql($refused), $named ? 3 : 0, 'not preloaded: others see it from 17 on');

restart("shared_preload_libraries = 'pg_bastion'");
is(mode(), 'shared memory', 'preloaded');
is(sql($refused), 0, 'a restart forgets');

# Each transaction of the clients: accepted once, refused once, a permission that is not held, a rate limit, and a rollback in every second.
sql(q{SELECT bastion.rate_limit_set('few', 'route', 0.001, 100), bastion.rate_limit_set('places', 'route', concurrent => 1);
      SELECT bastion.meter_set('pages'), bastion.plan_limit_set('pages', 'tenant', 'total', 5)});
my $script = PostgreSQL::Test::Utils::tempdir() . '/script';
append_to_file($script, <<"SQL");
\\set way random(0, 1)
BEGIN;
SELECT try('SELECT bastion.authenticate(''x'')');
SELECT set_config('bastion.token', '$token', true);
SELECT bastion.has_permission('no.such');
SELECT bastion.rate_limit('few');
\\if :way
COMMIT;
\\else
ROLLBACK;
\\endif
SQL
sql('SELECT bastion.stats_reset()');
# Half of the connections end after each transaction.
$node->command_ok([ 'pgbench', '-n', '-c', 4, '-j', 2, '-t', 250, '-f', $script, $node->connstr('postgres') ], 'four clients');
$node->command_ok([ 'pgbench', '-n', '-C', '-c', 4, '-j', 2, '-t', 50, '-f', $script, $node->connstr('postgres') ], 'four clients that connect anew');
my $counts = q{
    SELECT string_agg(concat_ws(' ', name, count), ', ' ORDER BY name) FROM (
        SELECT concat_ws(' ', kind, outcome), count FROM bastion.stat_verifications WHERE kind = 'token'
        UNION ALL SELECT concat_ws(' ', 'denied', reason), count FROM bastion.stat_denials
        UNION ALL SELECT concat_ws(' ', kind, scope, 'granted'), granted FROM bastion.stat_limits
        UNION ALL SELECT concat_ws(' ', kind, scope, 'refused'), refused FROM bastion.stat_limits) c (name, count) WHERE count > 0};
is(sql($counts), 'denied permission 1200, rate route granted 100, rate route refused 1100, token accepted 1200, token token_refused 1200',
    'exactly what 1,200 transactions did, half of which rolled back');

# A reset while others run: their next counts are seen, and those before are not.
my $session = $node->background_psql('postgres');
$session->query_safe(q{SELECT try('SELECT bastion.authenticate(''x'')')});
my $since = sql('SELECT min(stats_reset) FROM bastion.stat_denials');
sql('BEGIN; SELECT bastion.stats_reset(); ROLLBACK');
is(sql($counts), '', 'a reset, even one that rolls back');
is(sql("SELECT min(stats_reset) > '$since' AND max(stats_reset) = min(stats_reset) FROM bastion.stat_denials"), 't', 'stats_reset says when');
$session->query_safe(q{SELECT try('SELECT bastion.authenticate(''x'')')});
is(sql($refused), 1, 'a connection that counted before the reset goes on');
$session->quit;
is(sql($refused), 1, 'and leaves its counts when it ends');

# Everything that is counted, each once.
my $key = sql(qq{BEGIN; SELECT bastion.authenticate('$token') \\g /dev/null
    SELECT bastion_api.api_key_create('stats', '{documents.*}') ->> 'key'; COMMIT});
sql('SELECT bastion.stats_reset()');
sql(q{SELECT try('SELECT bastion.rate_limit(''few'')'), bastion_api.login('ann@tap.example', 'correct horse'), bastion_api.login('ann@tap.example', 'wrong')});
sql(qq{BEGIN; SELECT bastion.authenticate('$token'); SELECT bastion.quota_consume('pages', 3), bastion.quota_consume('pages', 3); ROLLBACK});
sql(qq{BEGIN; SELECT bastion.authenticate('$token'); SELECT bastion.concurrency_limit('places'); ROLLBACK});
sql(qq{BEGIN; SELECT bastion.authenticate('$token'); SELECT try('SELECT bastion.authenticate((SELECT signup ->> ''access_token'' FROM people WHERE name = ''bob''))'); ROLLBACK});
is(sql($counts), 'concurrency route granted 1, quota all granted 1, quota all refused 1, rate route refused 1, token accepted 3, token identity_fixed 1', 'each once, and the quota that was taken back');
is(sql(q{SELECT string_agg(concat_ws(' ', outcome, count), ', ' ORDER BY outcome) FROM bastion.stat_verifications WHERE kind = 'password' AND count > 0}), 'accepted 1, wrong 1', 'passwords');
my $holder = $node->background_psql('postgres');
$holder->query_safe(q{BEGIN; SELECT bastion.concurrency_limit('places')});
is(last_line(sql(qq{SELECT bastion.concurrency_limit('places'); SELECT refused FROM bastion.stat_limits WHERE kind = 'concurrency' AND scope = 'route'})), 1, 'a place that others have');
$holder->quit;
sql(q{SELECT bastion_api.login('ann@tap.example', 'wrong') FROM generate_series(1, 15)});
is(sql(q{SELECT sum(refused) > 0 AND sum(refused) = (SELECT count FROM bastion.stat_verifications WHERE kind = 'password' AND outcome = 'throttled') FROM bastion.stat_throttles}), 't', 'throttled attempts, by what was tried too often');

# Refusals of a session that has ended, of a key that is revoked, and of one over its limit.
sql('SELECT bastion.stats_reset()');
sql(qq{UPDATE bastion.api_keys SET limits = '{"rate": {"per_second": 0.001, "burst": 1}}'});
is(sql(qq{BEGIN; SELECT set_config('bastion.token', '$key', true) \\g /dev/null\nSELECT bastion.tenant_id() IS NOT NULL; COMMIT}), 't', 'a key within its limit');
sql(qq{BEGIN; SELECT set_config('bastion.token', '$key', true); SELECT bastion.whoami(); COMMIT});
sql(q{UPDATE bastion.sessions SET revoked_at = now(), revoked_reason = 'logout' WHERE revoked_at IS NULL});
sql(qq{BEGIN; SELECT set_config('bastion.token', '$token', true); SELECT bastion.whoami(); COMMIT});
sql('UPDATE bastion.api_keys SET revoked_at = now()');
sql(qq{BEGIN; SELECT set_config('bastion.token', '$key', true); SELECT bastion.whoami(); COMMIT});
is(sql($counts), 'rate api_key granted 1, rate api_key refused 1, token accepted 1, token api_key_refused 1, token session_ended 1, token too_many_requests 1', 'why tokens were refused');

# Caches: a value that is missed once, found, and dropped by a change.
sql('SELECT bastion.stats_reset()');
sql(q{SELECT bastion.rate_limit('few') FROM generate_series(1, 5); SELECT bastion.rate_limit_set('other', 'route', 1, 1)});
is(sql(q{SELECT concat_ws(' ', hits, misses, dropped) FROM bastion.stat_caches WHERE cache = 'rate_limits'}), '4 1 1', 'hits, misses and dropped values');
is(sql(q{SELECT string_agg(cache, ' ') FROM bastion.stat_caches WHERE cache = 'others'}), '', 'every cache has its own counters');

# Queues.
sql(q{INSERT INTO bastion.outbox (kind, address, locale, created_at) VALUES ('hello', 'a@b.example', 'en', now() - interval '1 hour'), ('hello', 'a@b.example', 'en', now());
      INSERT INTO bastion.outbox (kind, address, locale, dead_at) VALUES ('hello', 'a@b.example', 'en', now())});
is(sql(q{SELECT concat_ws(' ', waiting, dead, round(extract(epoch FROM now() - oldest) / 3600)) FROM bastion.stat_queues WHERE queue = 'outbox'}), '2 1 1', 'mail that waits, and that died');
$holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; LOCK TABLE bastion.events');
sql(q{SELECT bastion_internal.queue_event('e', '{"kind": "login_refused", "outcome": "refused", "occurred_at": "2026-01-01"}', false), pg_sleep(0.1)});
is(sql(q{SELECT waiting > 0 AND oldest BETWEEN now() - interval '1 minute' AND now() FROM bastion.stat_queues WHERE queue = 'events'}), 't', 'an event that waits, and since when');
$holder->quit;
ok($node->poll_query_until('postgres', q{SELECT waiting = 0 AND oldest IS NULL FROM bastion.stat_queues WHERE queue = 'events'}), 'and is written');

# Who may read, and reset.
sql('CREATE ROLE monitor LOGIN; CREATE ROLE scraper LOGIN IN ROLE pg_monitor; CREATE ROLE stranger LOGIN');
sql(q{SELECT bastion.allow_monitoring_role('monitor'), bastion.allow_monitoring_role('pg_monitor')});
my @views = map { "bastion.stat_$_" } qw(verifications denials throttles limits caches queues);
sub as { my ($role, $sql) = @_; return sql("SET ROLE $role; SELECT try(\$s\$$sql\$s\$)"); }
for my $role (qw(monitor scraper)) {
    is(join(' ', map { as($role, "SELECT count(*) > 0 FROM $_") } @views), join(' ', ('true') x @views), "$role reads each view") or diag(as($role, 'SELECT count(*) FROM bastion.stat_caches'));
    like(as($role, 'SELECT bastion.metrics()'), qr/^bastion_info\{.*\} 1$/m, "$role reads metrics()");
    is(as($role, 'SELECT bastion.stats_reset()'), '42501', "$role resets nothing");
}
for my $role (qw(app stranger)) {
    is(join(' ', map { as($role, "SELECT count(*) FROM $_") } @views, map { "(SELECT $_) x" } qw(bastion.metrics() bastion.stats_reset() bastion_internal.counters() bastion_internal.event_queue_counts() bastion_internal.count_refusal('step_up'))),
        join(' ', ('42501') x (@views + 5)), "$role reads and resets nothing");
}
unlike(sql('SELECT bastion.metrics()'), qr/ann|bob|[0-9a-f]{8}-|few|pages|documents/, 'and no name of a user, tenant, limit or meter shows');

# Names of databases that would break a line, and other databases, which count for themselves.
my @hostile = ('a"b', 'a\\', "a\nb", 'a\\"} 1', "a\rb", 'ä{}=,');
for my $i (0 .. $#hostile) {
    my $name = $hostile[$i] =~ s/"/""/gr;
    next if $name =~ /[\n\r]/ && $node->pg_version->major >= 19;
    sql(qq{CREATE DATABASE "$name" TEMPLATE postgres});
    my $escaped = $hostile[$i] =~ s/([\\"])/\\$1/gr =~ s/\n/\\n/gr;
    my $metrics = sql('SELECT bastion.metrics(); SELECT sum(count) FROM bastion.stat_verifications', $hostile[$i]);
    like($metrics, qr/^bastion_info\{version="[^"]+",database="\Q$escaped\E",preloaded="true",statistics="shared memory"\} 1$/m, "the name of database $i is escaped");
    is(last_line($metrics), 0, "database $i counts for itself");
}
my $elsewhere = $node->background_psql('postgres');
$elsewhere->query_safe(q{SELECT try('SELECT bastion.authenticate(''x'')')});
is(sql('SELECT sum(count) FROM bastion.stat_verifications', $hostile[0]), 0, 'and not what a backend of another one counts');
$elsewhere->quit;

# More databases than have places: those that were dropped make room, and the rest counts for the connection.
sql('CREATE DATABASE model TEMPLATE postgres');
for my $round (1 .. 70) {
    sql('CREATE DATABASE passing TEMPLATE model STRATEGY file_copy');
    is(sql(qq{SELECT try('SELECT bastion.authenticate(''x'')') \\g /dev/null\nSELECT bastion.status() ->> 'statistics'; $refused}, 'passing'), "shared memory\n1", 'the place of a dropped database') if $round % 35 == 0 || $round == 1;
    sql('SELECT 1 FROM bastion.stat_caches LIMIT 1', 'passing');
    sql('DROP DATABASE passing');
}

# A standby counts for itself, and can be reset.
my $standby = standby_of($node);
is($standby->safe_psql('postgres', qq{SELECT try('SELECT bastion.authenticate(''x'')') \\g /dev/null\n$refused}), 1, 'a standby counts for itself');
like($standby->safe_psql('postgres', 'SELECT bastion.metrics()'), qr/^bastion_verifications_total\{kind="token",outcome="token_refused"\} 1$/m, 'and says so');
is($standby->safe_psql('postgres', qq{SELECT bastion.stats_reset() \\g /dev/null\n$refused}), 0, 'and is reset');
$standby->stop;

# Without a table to read: an aborted transaction has nothing to show, and a parallel plan counts what its workers find.
is(sql(q{SET debug_parallel_query = on; SELECT count(*) > 0 FROM bastion.stat_caches}), 't', 'in a parallel plan') if $node->pg_version->major >= 16;
is(sql(q{SET force_parallel_mode = on; SELECT count(*) > 0 FROM bastion.stat_caches}), 't', 'in a parallel plan') if $node->pg_version->major < 16;

# kill -9 of a backend makes the server forget, as PostgreSQL's own shared memory.
sql(q{SELECT try('SELECT bastion.authenticate(''x'')')});
my $dying = $node->background_psql('postgres');
my $pid = $dying->query_safe('SELECT pg_backend_pid()');
kill 9, $pid;
ok($node->poll_query_until('postgres', 'SELECT true'), 'after a crash of the server');
is(sql($refused), 0, 'nothing is left, and it counts on');
eval { $dying->quit };

done_testing();

# The queue of events and the worker that writes it, with the library preloaded: the row of an opened secret survives
# ROLLBACK; workers and launcher that are terminated, a queue that is full, a table that is locked, several databases, DROP
# DATABASE and DROP EXTENSION, a restart, a crash, no queue, a standby. No row holds a value.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $preload = "shared_preload_libraries = 'pg_bastion'\nlog_statement = none\n";
my $node = new_server('node', "${preload}bastion.event_queue_size = 64kB\nrestart_after_crash = on\n");
my $value = qr/attack at dawn/;

# The identity that may open the secret 'mail' of a database, as SQL at the beginning of a transaction.
sub signed_up {
    my ($database, $name) = @_;
    return $node->safe_psql($database, "SELECT bastion_api.signup('$name\@queue.example', 'correct horse', 'Queue', 'Queue', 'queue$name') ->> 'access_token'");
}
my %token = (postgres => signed_up('postgres', 'ann'));
sub begin { my ($database) = @_; return "SELECT FROM bastion.authenticate('$token{$database}');"; }
sub answer { my ($sql, $database) = @_; return $node->safe_psql($database // 'postgres', $sql); }
# The plan of a statement keeps a constant, so that the value is never in one.
sub put { my ($database) = @_; answer("BEGIN;" . begin($database) . "SELECT bastion.secret_put('mail', 'attack ' || 'at dawn'); COMMIT", $database); return; }
put('postgres');
my $zoe = signed_up('postgres', 'zoe');
answer("BEGIN; SELECT FROM bastion.authenticate('$zoe'); SELECT bastion.secret_put('mail', 'attack ' || 'at dawn'); COMMIT");

# gets(COUNT, PURPOSE, SETTINGS, DATABASE): opens it so often, in a transaction that rolls back; (output, errors, seconds).
sub gets {
    my ($count, $purpose, $settings, $database) = @_;
    $database //= 'postgres';
    my $began = time;
    my ($out, $err);
    $node->psql($database, "BEGIN;" . begin($database) . ($settings // '') .
        "SELECT bastion.secret_get('mail', '$purpose') FROM generate_series(1, $count); ROLLBACK", stdout => \$out, stderr => \$err);
    return ($out, $err, time - $began);
}
my $strict = "SET LOCAL bastion.secret_log = strict;";
# in_time(SECONDS, CALL): the answer of gets() or the like when it took less; other work on the machine can make it longer, so it has five tries. How
# many it took comes first.
sub in_time {
    my ($limit, $call) = @_;
    foreach my $tries (1 .. 5) {
        my ($out, $err, $seconds) = $call->();
        return ($tries, $out, $err, $seconds) if $seconds < $limit or $tries == 5;
    }
    return;
}
sub rows { my ($purpose, $database) = @_; return answer("SELECT count(*) FROM bastion.secret_access_log WHERE action = 'get' AND purpose = '$purpose'", $database); }
sub events { my ($name) = @_; return answer("SELECT bastion.status() -> 'events' ->> '$name'"); }
sub until_true { my ($condition, $name, $database) = @_; return ok($node->poll_query_until($database // 'postgres', "SELECT $condition"), $name); }
sub rows_are {
    my ($count, $purpose, $name, $database) = @_;
    until_true("(SELECT count(*) >= $count FROM bastion.secret_access_log WHERE action = 'get' AND purpose = '$purpose') AND (bastion.status() #>> '{events,queued}')::int = 0", $name, $database);
    return is(rows($purpose, $database), $count, "$name, once each");
}
my $workers = "SELECT FROM pg_stat_activity WHERE backend_type = 'pg_bastion events'";
sub pid_of { my ($type) = @_; return answer("SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_bastion $type' AND coalesce(datname, 'postgres') = 'postgres'"); }
# A worker ends a second after its last event: on a busy machine, before another connection finds it.
sub pid_of_worker {
    my $pid = '';
    for (1 .. 50) {
        gets(1, 'worker', $strict);
        last if $pid = pid_of('events');
    }
    return $pid;
}
sub locked {
    my ($database) = @_;
    my $session = $node->background_psql($database // 'postgres');
    $session->query_safe('BEGIN; LOCK TABLE bastion.secret_access_log IN ACCESS EXCLUSIVE MODE');
    return $session;
}
sub wait_for_log {
    my ($pattern, $offset) = @_;
    for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default) {
        return 1 if substr(slurp_file($node->logfile), $offset) =~ $pattern;
        usleep(100_000);
    }
    return 0;
}

is(answer(q{SELECT bastion.status() -> 'weaker'}), '[]', 'nothing is weaker');
is(answer('SHOW bastion.event_queue_size'), '64kB', 'the size is what is configured');
is(answer(q{SELECT context FROM pg_settings WHERE name = 'bastion.event_queue_size'}), 'postmaster', 'until a restart');
until_true(q{bastion.status() @> '{"events": {"launcher": true, "queued": 0, "dropped": 0, "discarded": 0}}'}, 'the launcher runs');

# Transactions that roll back, that only read, and that wait.
my ($out, $err) = gets(1, 'rolled back');
like($out, $value, 'a get gives the value');
rows_are(1, 'rolled back', 'its row survives ROLLBACK');
is(answer(q{SELECT user_id IS NOT NULL AND session_id IS NOT NULL AND tenant_id IS NOT NULL AND name = 'mail' AND version = 1
    AND occurred_at BETWEEN now() - interval '10 min' AND now() FROM bastion.secret_access_log WHERE purpose = 'rolled back'}), 't', 'and tells who, what and when');
($out, $err) = gets(1, 'read only', 'SET TRANSACTION READ ONLY;');
is($err, '', 'a READ ONLY transaction is no obstacle');
rows_are(1, 'read only', 'its row is written');
($out, $err) = gets(3, 'strict', $strict);
like($out, $value, 'in strict mode a get gives the value');
is(rows('strict'), 3, 'and the row is there before it');
answer("BEGIN;" . begin('postgres') . "SELECT bastion.secret_put('rolled back', 'x'); ROLLBACK");
is(answer(q{SELECT count(*) FROM bastion.secret_access_log WHERE name = 'rolled back'}), 0, 'a change that rolls back leaves no row');
is(answer(q{SELECT count(*) FROM bastion.secret_access_log WHERE action = 'put'}), 2, 'those that commit do');
until_true("NOT EXISTS ($workers)", 'the worker ends when nothing is left to do');

# A worker that waits for a lock and is terminated, and another that continues.
my $session = locked();
gets(5, 'terminated');
until_true("EXISTS ($workers AND wait_event_type = 'Lock')", 'the worker waits');
# It gives up after a while, and another one begins.
my $first;
for (1 .. 100) {
    last if $first = answer("SELECT pid FROM (SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_bastion events' AND wait_event_type = 'Lock' OFFSET 0) w WHERE pg_terminate_backend(pid)");
    usleep(100_000);
}
ok($first, 'it is terminated');
until_true("NOT EXISTS ($workers AND pid = $first)", 'it ends');
is(events('queued'), 5, 'what it had is still queued');
is(events('workers') + 0 <= 1, 1, 'and at most one worker follows');
# A transaction that holds the lock itself would wait forever.
(my $tries, $out, $err, my $seconds) = in_time(4, sub { gets(1, 'refused', $strict) });
like($err, qr/ERROR:  could not record access to a secret/, 'in strict mode what cannot be written is refused');
unlike($out . $err, $value, 'and no value leaves');
cmp_ok($seconds, '>=', 1, 'after a second');
cmp_ok($seconds, '<', 4, 'and not much later');
$session->query_safe('ROLLBACK');
$session->quit;
rows_are(5, 'terminated', 'the rows arrive');
rows_are($tries, 'refused', 'so does that of each attempt');
($tries, $out, $err, $seconds) = in_time(4, sub { gets(1, 'own lock', "LOCK TABLE bastion.secret_access_log; $strict") });
like($err, qr/could not record/, 'a transaction that keeps the worker waiting itself is refused');
unlike($out, $value, 'without the value');
cmp_ok($seconds, '<', 4, 'and does not wait for ever');
rows_are($tries, 'own lock', 'its attempts are recorded');

# The launcher.
my $launcher = pid_of('event launcher');
answer("SELECT pg_terminate_backend($launcher)");
until_true("EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'pg_bastion event launcher' AND pid <> $launcher)", 'a terminated launcher is started again');
gets(1, 'next launcher');
rows_are(1, 'next launcher', 'and does its work');

# No worker empties the queue: it fills, and then drops.
until_true("NOT EXISTS ($workers)", 'no worker runs');
$launcher = pid_of('event launcher');
kill 'STOP', $launcher or die;
($out, $err, $seconds) = gets(1, 'nobody', $strict);
like($err, qr/could not record/, 'strict: refused when nobody writes');
cmp_ok($seconds, '>=', 1, 'after a second');
my $dropped = events('dropped');
is($dropped, 0, 'nothing was dropped so far');
($out, $err) = gets(200, 'full');
is(scalar(() = $out =~ /attack at dawn/g), 200, 'with a full queue values are still given');
is($err, '', 'without an error');
my ($queued) = (events('queued'));
$dropped = events('dropped');
cmp_ok($dropped, '>', 0, 'the rows that found no room are counted');
is($queued + $dropped, 201, 'and no other is missing');
(undef, $out, $err, $seconds) = in_time(1, sub { gets(1, 'full strict', $strict) });
like($err, qr/ERROR:  could not record access to a secret/, 'strict: a full queue refuses');
like($err, qr/HINT:  bastion.secret_log is strict/, 'and says why');
unlike($out . $err, $value, 'without the value');
cmp_ok($seconds, '<', 1, 'at once');
(undef, undef, $err) = $node->psql('postgres', "BEGIN;" . begin('postgres') . "$strict SELECT bastion.secret_get('mail'); ROLLBACK", extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
like($err, qr/ERROR:  53000/, 'under an SQLSTATE of its own');
# One user has a share of the queue, those without an identity have one together.
sub queued_by { my ($who, $sql) = @_; return answer("BEGIN;" . ($who ? "SELECT FROM bastion.authenticate('$who');" : '') . "$sql; COMMIT"); }
is(queued_by($zoe, q{SELECT count(bastion.secret_get('mail', 'another user')) FROM generate_series(1, 3)}), 3, 'another user opens secrets');
is(events('queued'), $queued + 3, 'and their rows find room');
my $nobody = queued_by('', q{SELECT count(*) FILTER (WHERE bastion_internal.queue_event('s', '{}', false)) FROM generate_series(1, 200)});
cmp_ok($nobody, '>', 0, 'there is room for those without an identity');
cmp_ok($nobody, '<', 100, 'who cannot fill it either');
is(queued_by($zoe, q{SELECT count(*) FILTER (WHERE bastion_internal.queue_event('s', '{}', false)) FROM generate_series(1, 3)}), 3, 'and leave some');
kill 'CONT', $launcher or die;
rows_are(3, 'another user', 'the rows of the other user are written');
rows_are($queued - 1, 'full', 'what was queued is written when somebody does');
is(rows('full strict'), 0, 'what was refused is not');
$dropped = events('dropped');
for my $round (1 .. 4) {
    gets(20, "round $round");
    rows_are(20, "round $round", "round $round");
}
is(events('dropped'), $dropped, 'what was written gives its room back to the user');

# Several databases; one whose events cannot be written does not block the others.
answer('CREATE DATABASE other');
answer('CREATE EXTENSION pg_bastion', 'other');
$token{other} = signed_up('other', 'bea');
put('other');
$session = locked();
$dropped = events('dropped');
gets(200, 'held up');
cmp_ok(events('dropped'), '>', $dropped, 'the first one takes no more than its part of the queue');
my $held_up = 200 - events('dropped') + $dropped;
($out, $err) = gets(2, 'goes on', $strict, 'other');
is($err, '', 'another database is not held up');
is(rows('goes on', 'other'), 2, 'its rows are in its own table');
until_true("(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_bastion events' AND datname = 'postgres' AND wait_event_type = 'Lock') = 1",
    'while the worker of the first one waits');
$session->query_safe('ROLLBACK');
$session->quit;
rows_are($held_up, 'held up', 'the first one follows');
is(rows('goes on'), 0, 'without the rows of the other');

# DROP DATABASE while the worker is still connected; and while events are queued that can no longer be written.
gets(1, 'last', undef, 'other');
my ($status, $stdout, $stderr) = $node->psql('postgres', 'DROP DATABASE other');
is($stderr, '', 'DROP DATABASE does not stumble over the worker');
answer('CREATE DATABASE gone');
answer('CREATE EXTENSION pg_bastion', 'gone');
$token{gone} = signed_up('gone', 'cid');
put('gone');
my $offset = -s $node->logfile;
my $lost = events('discarded') + events('written');
$session = locked('gone');
gets(3, 'gone', undef, 'gone');
ok(wait_for_log(qr/lock timeout.*lock timeout/s, $offset), 'the worker tries again, after a while');
$session->quit;
($status, $stdout, $stderr) = $node->psql('postgres', 'DROP DATABASE gone WITH (FORCE)');
is($stderr, '', 'DROP DATABASE WITH (FORCE)');
until_true(q{(bastion.status() #>> '{events,queued}')::int = 0}, 'events of a database that is gone leave the queue');
is(events('discarded') + events('written') - $lost, 3, 'and are counted');

# The extension is dropped while events are queued.
my $discarded = events('discarded');
answer('CREATE DATABASE plain');
answer('CREATE EXTENSION pg_bastion', 'plain');
$session = $node->background_psql('plain');
$session->query_safe(q{SELECT bastion.library_version(); BEGIN; SET client_min_messages = error; DROP EXTENSION pg_bastion CASCADE});
answer(q{SELECT bastion_internal.queue_event('s', '{}', false)}, 'plain');
$session->query_safe('COMMIT');
$session->quit;
until_true(qq{(bastion.status() #>> '{events,discarded}')::int = $discarded + 1}, 'without the extension, they are discarded and counted');
is(events('queued'), 0, 'and leave the queue');
# An event that no table accepts does not stop the others.
answer(q{SELECT bastion_internal.queue_event('s', '{"action": "get"}', false), bastion_internal.queue_event('?', '{}', false), bastion_internal.queue_event('s', 'no JSON', false)});
gets(1, 'after it', $strict);
rows_are(1, 'after it', 'an event that is refused stops no other');
is(events('discarded'), $discarded + 4, 'and is counted');
is(answer(q{SELECT bastion_internal.queue_event('s', repeat('x', 20000), false)}), 'f', 'an event that is too long is not taken');

# Strict: a row that the table refuses is not on record.
answer(q{ALTER TABLE bastion.secret_access_log ADD CONSTRAINT picky CHECK (purpose IS DISTINCT FROM 'refused row')});
($out, $err) = gets(1, 'refused row', $strict);
like($err, qr/could not record/, 'strict: a row that cannot be written refuses');
unlike($out, $value, 'without the value');
answer('ALTER TABLE bastion.secret_access_log DROP CONSTRAINT picky');

# A shutdown writes queued events.
my $worker = pid_of_worker();
kill 'STOP', $worker or die;
gets(20, 'restart');
is(events('queued'), 20, 'the worker stands still');
$offset = -s $node->logfile;
my $stop = IPC::Run::start([ 'pg_ctl', '-D', $node->data_dir, '-m', 'fast', 'stop' ], '>', \my $stop_output);
ok(wait_for_log(qr/received fast shutdown request/, $offset), 'the server is asked to stop');
kill 'CONT', $worker or die;
ok($stop->finish, 'it stops');
$node->stop('fast', fail_ok => 1);
$node->start;
is(rows('restart'), 20, 'the rows were written before');
unlike(substr(slurp_file($node->logfile), $offset), qr/not been written/, 'and none was left');

# A worker that is killed takes the server down, as any backend does; the queue restarts empty.
kill 'KILL', pid_of_worker() or die;
until_true(q{(bastion.status() #>> '{events,written}')::int = 0}, 'after a crash the queue is empty');
until_true(q{(bastion.status() #>> '{events,launcher}')::boolean}, 'the launcher runs again');
gets(1, 'after the crash', $strict);
rows_are(1, 'after the crash', 'and rows are written');

# Without a queue, rows belong to the caller's transaction.
$node->append_conf('postgresql.conf', 'bastion.event_queue_size = 0');
$node->restart;
is(answer(q{SELECT bastion.status() -> 'events'}), 'null', 'no queue');
is(answer(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ 'pg_bastion'}), 0, 'and no launcher');
($out) = gets(1, 'no queue', $strict);
like($out, $value, 'a get gives the value');
is(rows('no queue'), 0, 'its row goes with the transaction');
$node->append_conf('postgresql.conf', 'bastion.event_queue_size = 64kB');
$node->restart;

# No worker can be started.
$node->append_conf('postgresql.conf', "max_worker_processes = 1\nmax_logical_replication_workers = 0");
$node->restart;
$offset = -s $node->logfile;
($out) = gets(1, 'no worker');
like($out, $value, 'without a free worker process a get gives the value');
ok(wait_for_log(qr/could not start the event worker.*HINT:  .*max_worker_processes/s, $offset), 'the log says what is missing');
is(events('queued'), 1, 'the row waits');
$node->append_conf('postgresql.conf', "max_worker_processes = 8\nmax_logical_replication_workers = 4");
$node->restart;
ok(wait_for_log(qr/events of pg_bastion that have not been written: 1$/m, $offset), 'what a shutdown loses is in the log');

# A standby: a line in the log, no row, no error; after its promotion, rows.
my $standby = standby_of($node);
my $primary = $node;
$node = $standby;
($out, $err) = gets(1, 'standby');
like($out, $value, 'on a standby a secret opens');
is($err, '', 'without an error');
like(slurp_file($standby->logfile), qr/secret access: \{.*"purpose": "standby"/, 'with a line in the log');
is(answer(q{SELECT bastion.status() -> 'events' ->> 'queued'}), 0, 'and nothing queued');
($out, $err) = gets(1, 'standby', $strict);
like($err, qr/could not record/, 'in strict mode it does not');
$primary->stop;
$standby->promote;
gets(1, 'promoted', $strict);
rows_are(1, 'promoted', 'once promoted it writes rows');
is(rows('standby'), 0, 'but not those of before');
is(answer('SELECT count(*) FROM bastion.secret_access_log l WHERE l::text ~ \'attack at dawn\''), 0, 'no row holds the value');
unlike(slurp_file($_->logfile), $value, 'nor does the log of ' . $_->name) for $primary, $standby;
$standby->stop;
done_testing();

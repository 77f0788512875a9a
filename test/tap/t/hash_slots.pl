# bastion.max_concurrent_hashes: a hash beyond the limit is refused at once, in the whole server, with and without
# preload; a cancel takes effect when the hash in progress is done; slots are free again after success, error, cancel and
# the end of the backend. A backend that hashes is stopped by a signal, so that little depends on how long a hash takes.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $many = q{SELECT bastion.password_hash('x', 'pbkdf2-sha256', '{"iterations": 1000000}')
    FROM (SELECT nextval('started') FROM generate_series(1, 10000) OFFSET 0) one};
my $short = q{bastion.password_hash('x', 'pbkdf2-sha256', '{"iterations": 1000}')};
my $held = q{FROM pg_locks WHERE locktype = 'userlock'};

my $node = PostgreSQL::Test::Cluster->new('slots');
$node->init;
$node->append_conf('postgresql.conf', 'bastion.max_concurrent_hashes = 2');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_bastion; SELECT bastion.init(); CREATE SEQUENCE started;');
$node->safe_psql('postgres', "SELECT bastion_api.signup('ann\@slots.example', 'correct horse', 'Slots')");
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION pg_bastion');

sub session {
    my $session = $node->background_psql('postgres', on_error_stop => 0);
    return { psql => $session, pid => $session->query_safe('SELECT pg_backend_pid()') };
}

# A session that is stopped while it hashes: not between one hash and the next.
sub hold {
    my $holder = session();
    $holder->{psql}->query_until(qr/begun/, "\\echo begun\n$many;\n\\echo done\n");
    my $holds = "SELECT count(*) = 1 $held AND pid = $holder->{pid}";
    do {
        kill 'CONT', $holder->{pid};
        $node->poll_query_until('postgres', $holds) or die 'no slot was taken';
        kill 'STOP', $holder->{pid};
    } until $node->safe_psql('postgres', $holds) eq 't';
    return $holder;
}

# The output of the stopped session when it continues after pg_cancel_backend or pg_terminate_backend.
sub end {
    my ($holder, $function) = @_;
    $node->safe_psql('postgres', "SELECT $function($holder->{pid})");
    kill 'CONT', $holder->{pid};
    $holder->{psql}->query_until(qr/done/, '');
    my $error = $holder->{psql}{stderr};
    $holder->{psql}->quit;
    return $error;
}

sub attempt {
    my ($database, $statement) = @_;
    my ($out, $err);
    $node->psql($database, $statement, stdout => \$out, stderr => \$err, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
    return $err;
}

sub slots_taken { return $node->safe_psql('postgres', "SELECT count(*) $held"); }

sub check_slots {
    my ($mode, $times) = @_;
    my $nobodys = 2 * $times - 1;
    my $full = qr/ERROR:  53400: too many concurrent password hashes\nDETAIL:  At most 2 run at once \(bastion\.max_concurrent_hashes\)\.\nHINT:  Try again later\./;

    my $device = $node->safe_psql('postgres', q{SELECT bastion_api.login('ann@slots.example', 'correct horse', device_token => '') ->> 'device_token'});
    my @holders = (hold(), hold());
    is(slots_taken(), 2, "$mode: two slots are taken");
    my %refused = (
        'password_hash' => "SELECT $short",
        'password_verify' => q{SELECT bastion.password_verify('U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW')});
    like(attempt('postgres', $refused{$_}), $full, "$mode: $_ is refused") for sort keys %refused;
    is($node->safe_psql('postgres', q{SELECT bastion_internal.password_check('x', NULL), bastion_internal.password_hash_if_free('x') IS NULL}),
        'busy|t', "$mode: functions of the front door are told");
    # They answer: 429 and when to come back. The refusal is on record.
    my $recorded = q{SELECT kind, u.email, count(*) FROM bastion.events e LEFT JOIN bastion.users u ON u.id = e.user_id
        WHERE e.outcome = 'refused' AND e.detail ->> 'reason' = 'busy' GROUP BY 1, 2 ORDER BY 1, 2};
    my %answered = (
        'login' => q{bastion_api.login('ann@slots.example', 'correct horse')},
        'login of nobody' => q{bastion_api.login('nobody@slots.example', 'correct horse')},
        'signup' => q{bastion_api.signup('bob@slots.example', 'correct horse', 'Bob')});
    is($node->safe_psql('postgres', "BEGIN; SELECT $answered{$_} ->> 'error'; SELECT current_setting('response.status'), current_setting('response.headers'); COMMIT"),
        qq(temporarily_unavailable\n429|[{"Cache-Control": "no-store"}, {"Retry-After": "1"}]), "$mode: $_ is refused") for sort keys %answered;
    ok($node->poll_query_until('postgres', "SELECT array_agg(format('%s %s %s', r.kind, r.email, r.count)) = '{login_refused ann\@slots.example $times,login_refused  $nobodys,signup  $times}' FROM ($recorded) r"),
        "$mode: and each is recorded, of whom if there is such a user");
    like(attempt('other', "SELECT $short"), $full, "$mode: from another database too");
    is($node->safe_psql('postgres', 'SELECT count(*) FROM bastion.users'), 1, "$mode: a refused sign-up leaves nothing");
    is($node->safe_psql('postgres', q{SELECT bastion.password_needs_rehash('x')}), 't', "$mode: what hashes nothing goes on");

    $node->safe_psql('postgres', 'ALTER SYSTEM SET bastion.max_concurrent_hashes = 3');
    $node->reload;
    ok($node->poll_query_until('postgres', q{SELECT bastion.status() ->> 'max_concurrent_hashes' = '3'}), "$mode: one more by a reload");
    is(attempt('postgres', "SELECT $short"), '', "$mode: the third finds room");
    is($node->safe_psql('postgres', q{SELECT bastion_api.login('nobody@slots.example', 'correct horse') ->> 'error'}), 'temporarily_unavailable', "$mode: strangers leave it");
    is($node->safe_psql('postgres', qq{SELECT bastion_api.login('ann\@slots.example', 'correct horse', device_token => '$device') ? 'access_token'}), 't', "$mode: to known devices");
    $node->safe_psql('postgres', 'ALTER SYSTEM RESET bastion.max_concurrent_hashes');
    $node->reload;
    $node->poll_query_until('postgres', q{SELECT bastion.status() ->> 'max_concurrent_hashes' = '2'});

    is(slots_taken(), 2, "$mode: no slot is taken after success but those two");

    # Cancel: the hash in progress is the last.
    my $started = $node->safe_psql('postgres', 'SELECT last_value FROM started');
    like(end($_, 'pg_cancel_backend'), qr/canceling statement due to user request/, "$mode: hashing is cancelled") for @holders;
    is($node->safe_psql('postgres', 'SELECT last_value FROM started'), $started, "$mode: no other hash was begun");
    is(slots_taken(), 0, "$mode: no slot is taken after a cancel");
    like(attempt('postgres', "SET statement_timeout = 50; $many"), qr/57014: canceling statement due to statement timeout/,
        "$mode: statement_timeout");
    is(slots_taken(), 0, "$mode: no slot is taken after a timeout");

    # Error: one that only the hash finds, in a transaction that stays open.
    my $failed = session();
    $failed->{psql}->query(q{BEGIN; SELECT bastion.password_hash(repeat('x', 73), 'bcrypt', '{"cost": 4}');});
    like($failed->{psql}{stderr}, qr/too long for bcrypt/, "$mode: a hash fails");
    is(slots_taken(), 0, "$mode: no slot is taken after an error");
    $failed->{psql}{stderr} = '';
    is($failed->{psql}->query("ROLLBACK; SELECT count($short) FROM generate_series(1, 10)"), 10, "$mode: one after the other is not too many");
    is($failed->{psql}->query("BEGIN; SELECT count($short)"), 1, "$mode: a transaction that stays open");
    is(slots_taken(), 0, "$mode: keeps no slot");
    $failed->{psql}->quit;

    # The end of the backend.
    @holders = (hold(), hold());
    like(end($_, 'pg_terminate_backend'), qr/terminating connection due to administrator command/,
        "$mode: a backend is terminated") for @holders;
    my $pids = join ', ', map { $_->{pid} } @holders;
    $node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid IN ($pids)");
    is(slots_taken(), 0, "$mode: no slot is taken after its end");

    # No slot was lost meanwhile.
    @holders = (hold(), hold());
    like(attempt('postgres', "SELECT $short"), $full, "$mode: all slots are to be had again, and no more");
    end($_, 'pg_cancel_backend') for @holders;
}

check_slots('not preloaded', 1);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_bastion'");
$node->restart;
is($node->safe_psql('postgres', q{SELECT bastion.status() ->> 'preloaded'}), 'true', 'preloaded');
check_slots('preloaded', 2);

# The default is two for each core.
$node->append_conf('postgresql.conf', 'bastion.max_concurrent_hashes = 0');
$node->reload;
my ($cores) = run_command([ 'getconf', '_NPROCESSORS_ONLN' ]);
ok($node->poll_query_until('postgres', "SELECT bastion.status() ->> 'max_concurrent_hashes' = '" . 2 * $cores . "'"),
    'the default is twice the number of cores');

$node->stop;
done_testing();

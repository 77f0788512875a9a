# Sealing the log of changes: every committed entry is a leaf once, and no other, whatever commits, rolls back, waits or dies beside the
# sealer; a witness cosigns; what is exported verifies without the extension, and what was tampered with is found; a promotion and a
# restored dump begin a new log that continues the old one.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $here = dirname(abs_path(__FILE__));
my ($tools, $lib) = (abs_path("$here/../../../tools"), abs_path("$here/../lib"));
my $work = PostgreSQL::Test::Utils::tempdir();
mkdir "$work/wal" or die "$work/wal: $!";
my $server = new_server('audit_seal', "max_prepared_transactions = 5\narchive_mode = on\narchive_command = 'cp %p $work/wal/%f'\n");

# An entry in the format of docs/AUDIT.md.
$server->safe_psql('postgres', 'CREATE SEQUENCE sequence');
$server->safe_psql('postgres', q{CREATE FUNCTION put(count integer DEFAULT 1) RETURNS void LANGUAGE sql AS $$
    INSERT INTO bastion.audit_rows (era, xid, seq, occurred_at, op, entry)
    SELECT p.era, pg_current_xact_id(), n.seq, now(), 'INSERT',
           '\x01' || int8send(p.era) || int8send(pg_current_xact_id()::text::bigint) || int8send(n.seq)
           || int8send((extract(epoch FROM now()) * 1000000)::bigint) || '\x01' || int2send(1::smallint) || 'a' || int2send(6::smallint) || 'INSERT'
           || decode(repeat('00', 18), 'hex')
    FROM bastion_internal.audit_place() p, LATERAL (SELECT nextval('sequence') AS seq FROM generate_series(1, count)) n $$});

sub answer { my ($sql, $of, $database) = @_; return ($of // $server)->safe_psql($database // 'postgres', $sql); }

# Rows that are no leaf, leaves that are no row, and rows with two leaves: all zero when every committed row is sealed once.
my $audited = q{SELECT (SELECT count(*) FROM bastion.audit_rows r WHERE NOT EXISTS (SELECT FROM bastion.audit_entry_index(r.era, r.xid, r.seq))),
    (SELECT count(*) FROM bastion.audit_rows) - (SELECT sum(size - 1) FROM bastion.audit_logs),
    (SELECT count(*) - count(DISTINCT (i.era, i.index)) FROM bastion.audit_rows r, bastion.audit_entry_index(r.era, r.xid, r.seq) i)};
sub all_sealed_once { my ($name, @where) = @_; answer('SELECT bastion.audit_seal()', @where); is(answer($audited, @where), '0|0|0', $name); return; }

# verify(FOLDER, KEY, arguments...): status and output of the verifier.
sub verify {
    my ($folder, $key, @more) = @_;
    my ($out, $err) = ('', '');
    my $ok = IPC::Run::run([ "$tools/audit-verify", "$work/$folder", '--key', $key, @more ], '>', \$out, '2>', \$err);
    return ($ok ? 'ok ' : 'failed ') . $out . $err;
}
sub export {
    my ($folder, $of, $database) = @_;
    $of //= $server;
    command_ok([ "$tools/audit-export", "$work/$folder", '-h', $of->host, '-p', $of->port, '-d', $database // 'postgres' ], "export to $folder");
    return;
}

# Savepoints, rollbacks, prepared transactions, a long writer beside many short ones.

answer('SELECT put(3)');
answer('SELECT bastion.audit_seal()');
my $key = answer('SELECT bastion.audit_verifier_key()');
my $long = $server->background_psql('postgres');
$long->query_safe('BEGIN; SELECT put(2)');
answer('BEGIN; SELECT put(1); SAVEPOINT s; SELECT put(5); ROLLBACK TO s; SELECT put(1); SAVEPOINT t; SELECT put(1); RELEASE t; COMMIT');
answer('BEGIN; SELECT put(9); ROLLBACK');
answer("BEGIN; SELECT put(4); PREPARE TRANSACTION 'kept'");
answer("BEGIN; SELECT put(4); PREPARE TRANSACTION 'gone'");
is(answer('SELECT bastion.audit_seal()'), 3, 'what has committed is sealed, though older transactions are open');
is(answer('SELECT bastion.audit_seal()'), 0, 'once');
answer("COMMIT PREPARED 'kept'");
answer("ROLLBACK PREPARED 'gone'");
is(answer('SELECT bastion.audit_seal()'), 4, 'a prepared transaction is sealed when it commits');
$long->query_safe('SELECT put(1); COMMIT');
is(answer('SELECT bastion.audit_seal()'), 3, 'so is a long one, with all its rows');
is(answer('SELECT bastion.audit_seal()'), 0, 'once');
all_sealed_once('each committed row is sealed once');

# Many writers and two sealers at once.

my %script = (
    short => "SELECT put(1);\n",
    nested => "BEGIN;\nSELECT put(1);\nSAVEPOINT a;\nSELECT put(2);\nROLLBACK TO a;\nSELECT put(1);\nCOMMIT;\n",
    undone => "BEGIN;\nSELECT put(1);\nROLLBACK;\n",
    slow => "BEGIN;\nSELECT put(1);\nSELECT pg_sleep(0.05);\nSELECT put(1);\nCOMMIT;\n",
    seal => "SELECT bastion.audit_seal();\n");
append_to_file("$work/$_.pgbench", $script{$_}) foreach keys %script;
sub bench {
    my ($seconds, $clients, @scripts) = @_;
    return IPC::Run::start([ 'pgbench', '-n', '-c', $clients, '-T', $seconds, (map { ('-f', "$work/$_.pgbench") } @scripts), '-h', $server->host, '-p', $server->port, 'postgres' ], '>', '/dev/null', '2>', "$work/bench.log");
}
$long->query_safe('BEGIN; SELECT put(1)');
my @running = (bench(6, 6, qw(short nested undone slow)), bench(6, 2, 'seal'));
ok($_->finish, 'writers and sealers end without an error') foreach @running;
cmp_ok(answer('SELECT count(*) FROM bastion.audit_seals'), '>', 5, 'rows were sealed while others were written');
cmp_ok(answer(q{SELECT count(*) FROM bastion.audit_seals WHERE pg_snapshot_xmin(before) < pg_snapshot_xmax(before)}), '>', 2, 'beside open transactions');
$long->query_safe('COMMIT');
all_sealed_once('each row is sealed once');
$long->quit;

# The server is killed, with commits that are not flushed at once; what was published is still there. The seed says when.

$server->append_conf('postgresql.conf', "synchronous_commit = off\nwal_writer_delay = 10s");
reload($server);
srand 20;
my ($published, $size);
foreach my $round (1 .. ($ENV{BASTION_LONG} ? 20 : 2)) {
    @running = (bench(60, 4, qw(short nested slow undone)), bench(60, 1, 'seal'));
    answer('SELECT bastion.audit_seal()') for 1 .. 1 + int rand 6;
    $published = answer('SELECT bastion.audit_checkpoint()');
    ($size) = $published =~ /^.*\n(\d+)\n/;
    $server->kill9;
    $_->finish foreach @running;
    # Until the last process has seen it.
    my $started = 0;
    for (1 .. 100) {
        last if $started = $server->start(fail_ok => 1);
        $server->stop('fast', fail_ok => 1);
        usleep(100_000);
    }
    ok($started, "round $round: it starts again");
    cmp_ok(answer('SELECT size FROM bastion.audit_logs'), '>=', $size, "round $round: no published leaf is lost");
    is(answer("SELECT bastion.audit_checkpoint($size)"), $published, "round $round: its checkpoint is the same");
    all_sealed_once("round $round: each row that survived is sealed once");
}

# A witness.

$ENV{WITNESS_FOLDER} = $work;
sub witness { my ($input, @arguments) = @_; my ($out, $err) = ('', ''); IPC::Run::run([ 'python3', "$lib/audit_witness.py", @arguments ], '<', \$input, '>', \$out, '2>', \$err); return $out . $err; }
chomp(my $witness_key = witness('', 'key', 'witness.example/w1'));
is(answer("SELECT bastion.audit_witness_add('$witness_key')"), 'witness.example/w1', 'a witness');
sub cosign { my ($seconds, $old) = @_; return witness(answer('SELECT bastion.audit_witness_request(\'witness.example/w1\'' . (defined $old ? ", $old" : '') . ')'), 'cosign', 'witness.example/w1', $seconds); }
my $cosignature = cosign(1700000000);
like($cosignature, qr/^\xe2\x80\x94 witness\.example\/w1 /, 'a first request');
sub add { my ($lines) = @_; return answer_of($server, "SELECT bastion.audit_cosignature_add(\$\$$lines\$\$)"); }
is(add($cosignature), '1', 'the cosignature is valid');
answer('SELECT put(700)');
answer('SELECT bastion.audit_seal()');
like(add($cosignature), qr/^1$/, 'given again, it is stored once');
is(answer('SELECT count(*) FROM bastion.audit_cosignatures'), 1, 'so there is one');
my $next = cosign(1700000600);
(my $false = $next) =~ s/([A-Za-z])(\S{3}\n)$/($1 eq 'A' ? 'B' : 'A') . $2/e;
like(add($false), qr/^ERROR:  22023/, 'a false cosignature is refused');
is(add("\xe2\x80\x94 unknown.example AAAAAAAAAAA=\n$next"), '1', 'lines of unknown keys are ignored');
like(answer('SELECT bastion.audit_checkpoint()'), qr/\n\xe2\x80\x94 pg-bastion\S+ \S+\n\xe2\x80\x94 witness\.example\/w1 \S+\n?$/, 'the checkpoint shows the cosignature');
answer('SELECT put(1)');
answer('SELECT bastion.audit_seal()');
my $lost = cosign(1700001200);
answer('SELECT put(1)');
answer('SELECT bastion.audit_seal()');
my ($known) = cosign(1700001800) =~ /^409 (\d+)/;
like(add(cosign(1700001800, $known)), qr/^1$/, 'after a lost answer, the size in the answer 409 goes on');

# Export and verifier.

export('first');
like(verify('first', $key), qr/^ok pg-bastion.*verified/s, 'the export verifies');
like(verify('first', $key, '--witness', $witness_key, '--quorum', 1), qr/^ok .* cosigned by witness\.example\/w1\nverified/s, 'with the witness');
like(verify('first', $key, '--quorum', 1), qr/^failed .*PROBLEM 0 witnesses/s, 'without it, a quorum is missing');
(my $other_key = $witness_key) =~ s/.*/PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq\/LDE4izWy10TW/;
like(verify('first', $other_key), qr/^failed PROBLEM no key of --key/, 'with another key, it does not');
append_to_file("$work/kept", $published);
like(verify('first', $key, '--checkpoint', "$work/kept"), qr/^ok/, 'it continues a checkpoint that was kept');

# Another implementation of signed notes and of the tree.

SKIP: {
    skip 'no Go with golang.org/x/mod', 2 unless -x '/usr/bin/go' && -d '/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog';
    local @ENV{qw(GO111MODULE GOPATH GOCACHE)} = ('off', '/usr/share/gocode', "$work/go");
    command_ok([ 'go', 'build', '-o', "$work/audit_proofs", "$lib/audit_proofs.go" ], 'the packages of Go are there');
    my ($of_tree) = answer('SELECT bastion.audit_checkpoint()') =~ /^.*\n(\d+)\n/;
    my $checks = '';
    foreach my $round (1 .. 5) {
        my ($index, $older) = (1 + int rand($of_tree - 1), 1 + int rand $of_tree);
        my $entry = "FROM bastion_internal.audit_last_log() l, bastion_internal.audit_entries(l, $index / 256 * 256, $index + 1) e WHERE e.index = $index";
        my %file = (
            checkpoint => answer('SELECT bastion.audit_checkpoint()') . "\n",
            older => answer("SELECT bastion.audit_checkpoint($older)") . "\n",
            entry => pack('H*', answer("SELECT encode(e.entry, 'hex') $entry")),
            inclusion => answer("SELECT bastion.audit_inclusion_proof($index)") . "\n",
            consistency => answer("SELECT bastion.audit_consistency_proof($older)"));
        $file{$_} =~ s/\n*\z/\n/ foreach qw(checkpoint older inclusion);
        mkdir "$work/proofs$round" or die "$work/proofs$round: $!";
        append_to_file("$work/proofs$round/$_", $file{$_}) foreach keys %file;
        my ($out, $err) = ('', '');
        IPC::Run::run([ "$work/audit_proofs", $key, "$work/proofs$round" ], '>', \$out, '2>', \$err);
        $checks .= $out . $err;
    }
    is($checks, "checkpoints: verified\ninclusion: verified\nconsistency: verified\n" x 5, 'the packages of Go verify checkpoints and proofs');
}

# A recovery to an earlier time: another timeline too. What the server wrote after that time is gone, and a checkpoint of it shows that.

$server->backup('early');
answer('SELECT put(2)');
answer('SELECT bastion.audit_seal()');
append_to_file("$work/earlier", answer('SELECT bastion.audit_checkpoint()'));
answer("SELECT put(1); SELECT pg_create_restore_point('then')");
answer('SELECT put(4)');
answer('SELECT bastion.audit_seal()');
append_to_file("$work/later", answer('SELECT bastion.audit_checkpoint()'));
my $wal = answer('SELECT pg_walfile_name(pg_switch_wal())');
ok($server->poll_query_until('postgres', "SELECT last_archived_wal >= '$wal' FROM pg_stat_archiver"), 'its WAL is archived');
my $recovered = PostgreSQL::Test::Cluster->new('audit_recovered');
$recovered->init_from_backup($server, 'early');
system('cp', '-p', map { $_->data_dir . '.bastion-root-key' } $server, $recovered) == 0 or die 'cannot copy the root key';
$recovered->append_conf('postgresql.conf', "restore_command = 'cp $work/wal/%f %p'\nrecovery_target_name = 'then'\nrecovery_target_action = promote\narchive_mode = off");
$recovered->set_recovery_mode;
$recovered->start;
ok($recovered->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()'), 'a recovery to an earlier time');
is(answer('SELECT put(2); SELECT bastion.audit_seal()', $recovered), "\n3", 'its unsealed tail and the new rows are sealed into a new log');
all_sealed_once('each row is sealed once, in one of the two logs', $recovered);
export('recovered', $recovered);
like(verify('recovered', $key, '--checkpoint', "$work/kept", '--checkpoint', "$work/earlier"), qr/^ok (pg-bastion.*\n){2}verified/, 'the link to the old log verifies');
like(verify('recovered', $key, '--checkpoint', "$work/later"), qr/^failed .*PROBLEM .*its end was cut/s, 'a later checkpoint shows what is gone');
$recovered->stop;

# The promotion of a standby: another timeline, a new log. Nothing is sealed twice, and what was not sealed yet is.

my $standby = standby_of($server);
like(answer_of($standby, 'SELECT bastion.audit_seal()'), qr/^ERROR:  25006/, 'a standby seals nothing');
like(answer_of($standby, 'SELECT bastion_internal.audit_place()'), qr/^ERROR:  25006/, 'and has no era of its own');
is(answer('SELECT bastion.audit_checkpoint()', $standby), answer('SELECT bastion.audit_checkpoint()'), 'it serves the checkpoint');
is(answer("SELECT md5(bastion.audit_tile('tile/entries/000'))", $standby), answer("SELECT md5(bastion.audit_tile('tile/entries/000'))"), 'and tiles');
answer('SELECT put(5)');
$server->wait_for_catchup($standby);
$server->stop;
$standby->promote;
is(answer('SELECT put(6); SELECT bastion.audit_seal()', $standby), "\n11", 'the unsealed tail and the new rows are sealed into a new log');
all_sealed_once('each row is sealed once, in one of the two logs', $standby);
is(answer(q{SELECT count(*), max(convert_from(opening, 'UTF8')::jsonb ->> 'reason') FROM bastion.audit_logs WHERE predecessor IS NOT NULL}, $standby), '1|another timeline', 'which says why');
answer("SELECT bastion.audit_new_era('a copy of the disk was put back')", $standby);
answer('SELECT put(3); SELECT bastion.audit_seal()', $standby);
export('second', $standby);
like(verify('second', $key, '--checkpoint', "$work/kept"), qr/^ok (pg-bastion.*\n){3}verified/, 'the chain of logs verifies');

# Another signing key: another log, which the verifier takes with both keys.

answer('SELECT put(2)', $standby);
is(answer('SELECT bastion.audit_key_rotate()', $standby), 2, 'another key signs another log');
my $next_key = answer('SELECT bastion.audit_verifier_key()', $standby);
export('rotated', $standby);
like(verify('rotated', $key), qr/^failed .*PROBLEM no key of --key/s, 'the old key does not verify it');
like(verify('rotated', $next_key), qr/^failed .*PROBLEM no key of --key/s, 'nor the new one the old log');
like(verify('rotated', $key, '--key', $next_key), qr/^ok (pg-bastion.*\n){4}verified/, 'both do');
like(verify('first', $key, '--key', $next_key), qr/^failed .*PROBLEM the log \S+ of a --key is missing/s, 'without the log of a key that was kept, logs are cut');

# A restored dump: transactions are numbered anew.

answer('SELECT put(2)', $standby);
my $restored = PostgreSQL::Test::Cluster->new('audit_restored');
$restored->init(extra => ['-E', 'UTF8', '--locale=C.UTF-8']);
system('cp', '-p', map { $_->data_dir . '.bastion-root-key' } $standby, $restored) == 0 or die 'cannot copy the root key';
$restored->start;
$restored->safe_psql('postgres', 'CREATE ROLE app LOGIN');
command_ok([ 'bash', '-c', qq{pg_dump -h '} . $standby->host . q{' -p } . $standby->port . q{ postgres | psql -X -q -v ON_ERROR_STOP=1 -h '} . $restored->host . q{' -p } . $restored->port . q{ postgres} ], 'a dump is restored');
is(answer('SELECT put(4); SELECT bastion.audit_seal()', $restored), "\n6", 'its unsealed tail and the new rows are sealed');
all_sealed_once('each row is sealed once, in one of the logs', $restored);
export('third', $restored);
like(verify('third', $key, '--key', $next_key, '--checkpoint', "$work/kept"), qr/^ok (pg-bastion.*\n){5}verified/, 'the chain goes on');

# Restored twice, and sealed at the end alone: what was written in between is sealed, too.

sub restore {
    my ($from, $to) = @_;
    answer("CREATE DATABASE $to", $restored);
    my $where = q{-h '} . $restored->host . q{' -p } . $restored->port;
    command_ok([ 'bash', '-c', "pg_dump $where $from | psql -X -q -v ON_ERROR_STOP=1 $where $to" ], "a dump of $from is restored");
    return;
}
answer('SELECT put(1)', $restored);
restore('postgres', 'between');
answer('SELECT put(3)', $restored, 'between');
restore('between', 'last');
is(answer('SELECT problem FROM bastion.audit_drift()', $restored, 'last'), 'entries that another server wrote are in no log', 'audit_drift() finds them');
is(answer('SELECT put(2); SELECT bastion.audit_seal()', $restored, 'last'), "\n6", 'entries of all three are sealed');
is(answer('SELECT count(*) FROM bastion.audit_drift()', $restored, 'last'), 0, 'audit_drift() finds nothing more');
all_sealed_once('each row is sealed once', $restored, 'last');
export('restored_twice', $restored, 'last');
like(verify('restored_twice', $key, '--key', $next_key, '--checkpoint', "$work/kept"), qr/^ok (pg-bastion.*\n){6}verified/, 'the chain of six logs verifies');

# Old entries are dropped: an export verifies with an entry that says so, and not before that is sealed.

cmp_ok(answer('SELECT bastion.audit_drop_before(now())', $restored, 'last'), '>', 1000, 'entries of older logs are dropped');
export('dropped', $restored, 'last');
like(verify('dropped', $key, '--key', $next_key), qr/^failed .*PROBLEM \S+: entries before leaf \d+ are missing, and no entry says/s, 'which shows in an export');
answer('SELECT put(600); SELECT bastion.audit_seal()', $restored, 'last');
export('dropped_again', $restored, 'last');
like(verify('dropped_again', $key, '--key', $next_key, '--checkpoint', "$work/kept"), qr/^ok .*: the entries before leaf \d+ were dropped\n.*verified/s, 'an entry says so');
cmp_ok(answer('SELECT bastion.audit_drop_before(now())', $restored, 'last'), '>', 500, 'a part of the last log is dropped');
answer('SELECT put(1); SELECT bastion.audit_seal()', $restored, 'last');
export('dropped_more', $restored, 'last');
like(verify('dropped_more', $key, '--key', $next_key, '--checkpoint', "$work/kept"), qr/^ok (?:.*: the entries before leaf \d+ were dropped\n){6}verified/s, 'of six logs');
unlink "$work/dropped_more/1/opening" or die 'no opening';
like(verify('dropped_more', $key, '--key', $next_key), qr/^failed .*PROBLEM .*tile.entries.000: /s, 'leaf 0 of a log must be there');
append_to_file("$work/dropped_again/1/opening", ' ');
like(verify('dropped_again', $key, '--key', $next_key), qr/^failed .*PROBLEM \S+: tile 0 of level 0/s, 'as it was sealed');

# Tampering.

my ($found, $errors) = ('', '');
my $rounds = $ENV{BASTION_LONG} ? 1000 : 138;
IPC::Run::run([ 'python3', "$lib/audit_tamper.py", "$tools/audit-verify", "$work/third", $rounds, 20 ], '>', \$found, '2>', \$errors);
is($found . $errors,
    join('', map { "$_: all found\n" } qw(forge_flip forge_delete forge_insert forge_replace forge_reorder forge_swap forge_move forge_cut forge_grow forge_drop forge_exchange
        steal_successors steal_names steal_end steal_next steal_between steal_older steal_both
        file_flip file_delete file_insert file_remove file_exchange)) . "$rounds of $rounds found\n", 'each tampering is found, of each kind');

$restored->safe_psql('postgres', q{ALTER TABLE bastion.audit_rows_default DISABLE TRIGGER audit_rows_append_only; ALTER TABLE bastion.audit_rows DISABLE TRIGGER audit_rows_append_only;
    UPDATE bastion.audit_rows SET entry = set_byte(entry, 40, get_byte(entry, 40) # 1) WHERE (era, xid, seq) IN (SELECT era, xid, seq FROM bastion.audit_rows ORDER BY era, xid, seq LIMIT 1)});
export('forged', $restored);
like(verify('forged', $key, '--key', $next_key), qr/^failed .*PROBLEM \S+: (leaf|tile) /s, 'a row that a superuser forged is found');

done_testing();

# The worker that seals the log of changes where the library is preloaded: what commits is sealed without a call, once, whatever commits,
# is prepared, crashes, is dropped or waits; a failure is tried again; off means that nothing is sealed.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = new_server('sealer', <<'CONF');
shared_preload_libraries = 'pg_bastion'
bastion.audit_seal_interval = 1
max_prepared_transactions = 5
restart_after_crash = on
CONF

sub answer { my ($sql, $database) = @_; return $server->safe_psql($database // 'postgres', $sql); }
sub audited {
    my ($database) = @_;
    answer("CREATE TABLE t (id int PRIMARY KEY, body text); SELECT bastion.audit_table('t')", $database);
    return;
}
# Rows that are no leaf, leaves that are no row, and rows with two leaves: all zero when every committed row is sealed once.
my $counts = q{(SELECT count(*) FROM bastion.audit_rows r WHERE NOT EXISTS (SELECT FROM bastion.audit_entry_index(r.era, r.xid, r.seq))),
    (SELECT count(*) FROM bastion.audit_rows) - (SELECT coalesce(sum(size - 1), 0) FROM bastion.audit_logs),
    (SELECT count(*) - count(DISTINCT (i.era, i.index)) FROM bastion.audit_rows r, bastion.audit_entry_index(r.era, r.xid, r.seq) i)};
sub until_sealed {
    my ($entries, $name, $database) = @_;
    ok($server->poll_query_until($database // 'postgres', "SELECT coalesce(sum(size - 1), 0) >= $entries FROM bastion.audit_logs"), $name);
    is(answer("SELECT $counts", $database), '0|0|0', "$name, each entry once") if $entries == answer('SELECT count(*) FROM bastion.audit_rows', $database);
    return;
}
sub entries { return answer('SELECT count(*) FROM bastion.audit_rows'); }
sub set_interval {
    my ($seconds) = @_;
    $server->append_conf('postgresql.conf', "bastion.audit_seal_interval = $seconds");
    reload($server);
    return;
}

is(answer(q{SELECT boot_val, context, unit FROM pg_settings WHERE name = 'bastion.audit_seal_interval'}), '10|sighup|s', 'the setting');
audited();
my $before = entries();
answer("INSERT INTO t VALUES (1, 'a'), (2, 'b')");
until_sealed($before + 2, 'what commits is sealed without a call');
$before = entries() - 2;  # the first seal makes keys, which are events
answer("BEGIN; INSERT INTO t VALUES (3, 'gone'); ROLLBACK");
answer("BEGIN; INSERT INTO t VALUES (3, 'c'); SAVEPOINT s; INSERT INTO t VALUES (4, 'gone'); ROLLBACK TO s; COMMIT");
until_sealed($before + 3, 'what was rolled back is not');

# Transactions that were open when others were sealed.
my $long = $server->background_psql('postgres');
$long->query_safe("BEGIN; INSERT INTO t VALUES (10, 'long')");
answer("INSERT INTO t VALUES (11, 'short')");
until_sealed($before + 4, 'a long transaction delays no other');
$long->query_safe('COMMIT');
$long->quit;
until_sealed($before + 5, 'it is sealed when it commits');
answer("BEGIN; INSERT INTO t VALUES (12, 'prepared'); PREPARE TRANSACTION 'kept'");
answer("BEGIN; INSERT INTO t VALUES (13, 'prepared'); PREPARE TRANSACTION 'gone'");
answer("INSERT INTO t VALUES (14, 'beside')");
until_sealed($before + 6, 'so does a prepared one');
answer("ROLLBACK PREPARED 'gone'");
answer("COMMIT PREPARED 'kept'");
until_sealed($before + 7, 'it is sealed, though nothing else is written');

# A failure: the worker waits for a lock, gives up, and another one seals.
my $offset = -s $server->logfile;
my $holder = $server->background_psql('postgres');
$holder->query_safe('BEGIN; LOCK TABLE bastion.audit_logs IN SHARE MODE');
answer("INSERT INTO t VALUES (20, 'late')");
ok($server->wait_for_log(qr/pg_bastion sealing.*|canceling statement due to lock timeout/, $offset), 'the worker gives up');
$holder->query_safe('COMMIT');
$holder->quit;
until_sealed($before + 8, 'another one seals');

# Off, and on again.
set_interval(0);
answer("INSERT INTO t VALUES (30, 'off')");
is(answer('SELECT bastion.audit_seal()'), 1, 'when it is off, audit_seal() seals');
answer("INSERT INTO t VALUES (31, 'off')");
set_interval(1);
until_sealed($before + 10, 'when it is on again, what came in between is sealed');

# A restart and a crash: what was not sealed is, without another entry.
foreach my $how (qw(fast immediate)) {
    set_interval(3600);
    answer("INSERT INTO t SELECT max(id) + 1, '$how' FROM t");
    set_interval(0);
    $server->stop($how);
    $server->append_conf('postgresql.conf', 'bastion.audit_seal_interval = 1');
    $server->start;
    until_sealed($before + ($how eq 'fast' ? 11 : 12), "after a stop that was $how");
}

# Databases: one without the extension, one that is dropped, one that follows a template.
$offset = -s $server->logfile;
set_interval(3600);  # a database that is dropped while its worker starts is no error of the launcher
answer('CREATE DATABASE plain');
answer("CREATE DATABASE $_") foreach qw(other dropped);
answer('CREATE EXTENSION pg_bastion', $_) foreach qw(other dropped);
audited($_) foreach qw(other dropped);
answer("INSERT INTO t VALUES (1, 'other')", $_) foreach qw(other dropped);
answer('DROP DATABASE dropped');
set_interval(1);
until_sealed(answer('SELECT count(*) FROM bastion.audit_rows', 'other'), 'another database has its own log', 'other');
answer("INSERT INTO t VALUES (40, 'last')");
until_sealed($before + 13, 'and the first one goes on');
unlike(substr(slurp_file($server->logfile), $offset), qr/FATAL|PANIC|could not start the worker/, 'without an error in the log');

# A standby seals nothing. Promoted, it opens a new log for what it wrote.
my $standby = standby_of($server);
answer("INSERT INTO t VALUES (50, 'seen')");
until_sealed($before + 14, 'a primary with a standby');
$server->wait_for_catchup($standby);
set_interval(3600);
answer("INSERT INTO t VALUES (51, 'tail')");
$server->wait_for_catchup($standby);
$server->stop;
is($standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_bastion sealing'}), 0, 'a standby has no such worker');
$standby->promote;
ok($standby->poll_query_until('postgres', 'SELECT count(*) = 2 FROM bastion.audit_logs'), 'a promotion begins a new log');
is($standby->safe_psql('postgres', "SELECT $counts"), '0|0|0', 'each entry once');

done_testing();

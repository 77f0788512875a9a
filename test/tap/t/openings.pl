# The record of opened values, where an operator asks for it, and the new data keys of purposes with a period, with the library
# preloaded: rows of openings survive ROLLBACK, READ ONLY and parallel plans, and the worker of the queue makes the keys. Without the
# queue and on a standby the line in the server log remains. No line and no row holds a value.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = new_server('openings', "shared_preload_libraries = 'pg_bastion'\nlog_statement = none\nlog_min_messages = panic\nlisten_addresses = '127.0.0.1'\n");
my $token = token_of($server, 'ann');
my $as_ann = "SELECT FROM bastion.authenticate('$token');";
my $value = qr/attack at dawn/;
sub answer { my ($sql, $on) = @_; return ($on // $server)->safe_psql('postgres', $sql); }
sub until_true { my ($condition, $name) = @_; return ok($server->poll_query_until('postgres', "SELECT $condition"), $name); }
# lines(SQL, SERVER): the lines of the server log, what the client got, and its errors.
sub lines {
    my ($sql, $on) = @_;
    $on //= $server;
    my $offset = -s $on->logfile;
    my ($out, $err) = run_psql($on, $sql);
    my $log = substr slurp_file($on->logfile), $offset;
    return ([ $log =~ /secret access: (\{.*\})$/gm ], $out, $err);
}
answer(q{SELECT bastion.resource_register('smtp', '{open}'); CREATE TABLE mailers (id int, value bastion.sealed); GRANT SELECT, INSERT ON mailers TO app});
run_psql($server, "BEGIN; $as_ann INSERT INTO mailers SELECT n, bastion.seal('attack ' || 'at dawn', 'smtp', n::text) FROM generate_series(1, 2000) n; COMMIT");
my $open = 'SELECT count(bastion.open_text(value, id::text)) FROM mailers WHERE id <= ';
my ($lines, $out, $err) = lines("BEGIN; $as_ann $open 2; COMMIT");
like($out, qr/^2$/m, 'values open');
is(scalar @$lines, 0, 'and nothing is recorded unless an operator asks for it');

answer(q{SELECT bastion.purpose_update('smtp', record => true)});
($lines, $out, $err) = lines("BEGIN; $as_ann SELECT bastion.open_text(value, id::text) FROM mailers WHERE id = 1; ROLLBACK");
like($out, $value, 'a transaction that rolls back opens one');
is(scalar @$lines, 1, 'with a line in the log, though log_min_messages is panic');
like($lines->[0], qr/"action": "open".*"purpose": "smtp".*"bound_to": "1"/, 'which says what was opened');
my $of_ann = q{FROM bastion.secret_access_log l JOIN bastion.users u ON u.id = l.user_id AND u.id = l.actor_id WHERE u.email = 'ann@tap.example' AND l.action = 'open' AND l.session_id IS NOT NULL};
until_true("(SELECT count(*) = 1 $of_ann AND l.bound_to = '1')", 'and the row stays');
($lines) = lines("BEGIN READ ONLY; $as_ann $open 3; COMMIT");
is(scalar @$lines, 3, 'a read-only transaction has a line for each value');
until_true("(SELECT count(*) = 4 $of_ann)", 'and a row for each');

# In parallel workers, which have neither a client nor a transaction to write in.
my $parallel = q{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;};
answer('ALTER TABLE mailers SET (parallel_workers = 2)');
($lines, $out, $err) = lines("$parallel BEGIN; $as_ann EXPLAIN (COSTS OFF) $open 100; ROLLBACK");
like($out, qr/Parallel Seq Scan/, 'the plan is parallel');
is(scalar @$lines, 0, 'EXPLAIN opens nothing');
$server->psql('postgres', "$parallel BEGIN; $as_ann $open 100; ROLLBACK", connstr => $server->connstr('postgres') =~ s/host=\S+/host=127.0.0.1/r, stdout => \$out, stderr => \$err);
like($out, qr/^100$/m, 'workers open values') or diag $err;
until_true("(SELECT count(*) = 104 $of_ann)", 'and record each with user, actor and session');
is(answer("SELECT count(*), count(DISTINCT l.bound_to), min(l.ip) $of_ann AND l.ip IS NOT NULL"), '100|100|127.0.0.1', 'and the address of the client, once each');
($lines, $out, $err) = lines("$parallel BEGIN; $as_ann SELECT sum(length(bastion.open_text(value, 'elsewhere'))) FROM mailers; ROLLBACK");
like($err, qr/sealed value cannot be opened/, 'what does not open is an error');
is(scalar @$lines, 0, 'and is not recorded');

# A thousand at once.
my $dropped = answer(q{SELECT bastion.status() #>> '{events,dropped}'});
($lines) = lines("BEGIN READ ONLY; $as_ann $open 1000; COMMIT");
is(scalar @$lines, 1000, 'a thousand values are a thousand lines');
until_true(q{(bastion.status() #>> '{events,queued}')::int = 0}, 'the queue is written');
is(answer("SELECT count(*) + (bastion.status() #>> '{events,dropped}')::int - $dropped $of_ann"), 1104, 'and as many rows, except those that status() counts as dropped');

# Strict: no value leaves whose row is not written.
my $locked = $server->background_psql('postgres');
$locked->query_safe('BEGIN; LOCK TABLE bastion.secret_access_log IN ACCESS EXCLUSIVE MODE');
answer(q{ALTER SYSTEM SET bastion.secret_log = strict});
reload($server);
($lines, $out, $err) = lines("BEGIN; $as_ann SELECT bastion.open_text(value, id::text) FROM mailers WHERE id = 1; COMMIT");
like($err, qr/could not record access to a secret/, 'strict: nothing opens while rows cannot be written');
unlike($out, $value, 'and no value leaves');
$locked->query_safe('COMMIT');
$locked->quit;
($lines, $out, $err) = lines("BEGIN READ ONLY; $as_ann SELECT bastion.open_text(value, id::text) FROM mailers WHERE id = 1; COMMIT");
like($out, $value, 'and opens again afterwards, in a read-only transaction too') or diag $err;
answer(q{ALTER SYSTEM RESET bastion.secret_log});
reload($server);

# Data keys with a period: a seal asks the worker for the next version, in any transaction, and waits for nothing.
answer(q{SELECT bastion.purpose_update('smtp', rotate_every => '90 days')});
sub make_older { answer(q{UPDATE bastion.data_keys SET created_at = created_at - interval '91 days' WHERE purpose = 'smtp' AND state = 'active'}); return; }
my $seal = q{SELECT k.version FROM bastion.data_keys k WHERE k.id = bastion_internal.sealed_key((SELECT bastion.seal_for(t.id, 'x', 'smtp') FROM bastion.tenants t JOIN bastion.memberships m ON m.tenant_id = t.id JOIN bastion.users u ON u.id = m.user_id WHERE u.email = 'ann@tap.example'))};
my $newest = q{(SELECT max(version) FROM bastion.data_keys WHERE purpose = 'smtp' AND state = 'active')};
make_older();
# The worker may be quicker than the seal, whose key the snapshot does not show then.
like(answer("BEGIN ISOLATION LEVEL SERIALIZABLE; $seal; ROLLBACK"), qr/^1?$/, 'a seal under a key that is due asks for the next one');
until_true("$newest = 2", 'which the worker makes, although the transaction rolled back');
is(answer($seal), 2, 'and which seals from then on');
is(answer(q{SELECT count(*) FROM bastion.events WHERE kind = 'key_rotated' AND detail ->> 'purpose' = 'smtp'}), 1, 'on record once');
make_older();
run_psql($server, "BEGIN READ ONLY; $as_ann SELECT bastion.seal('x', 'smtp') IS NOT NULL; COMMIT");
until_true("$newest = 3", 'a read-only transaction asks too');
is(answer(q{SELECT u.email FROM bastion.events e JOIN bastion.users u ON u.id = e.actor_id WHERE e.kind = 'key_rotated' AND e.detail @> '{"purpose": "smtp", "version": 3}'}), 'ann@tap.example', 'and the record names who sealed');
make_older();
my $held = $server->background_psql('postgres');
$held->query_safe(q{BEGIN; SELECT FROM bastion.data_keys WHERE purpose = 'smtp' FOR UPDATE});
$server->pgbench('-n -c 8 -j 2 -t 20', 0, [qr/processed: 160\/160/], [qr/^(?:pgbench: .*\n?)*$/], 'sealers go on while others hold the keys', {seal => "$seal;"});
$held->query_safe('COMMIT');
$held->quit;
until_true("$newest = 3", 'under the key that they have');
$server->pgbench('-n -c 8 -j 2 -t 20 -C', 0, [qr/processed: 160\/160/], [qr/^(?:pgbench: .*\n?)*$/], 'many sealers', {seal_anew => "$seal;"});
until_true("$newest = 4", 'make one new version');
($out) = run_psql($server, "BEGIN; $as_ann $open 2000; COMMIT");
like($out, qr/^2000$/m, 'what was sealed before opens');

# A standby records what it can, and asks for no key.
my $standby = standby_of($server);
make_older();
$server->wait_for_catchup($standby);
($lines, $out, $err) = lines("BEGIN; $as_ann SELECT bastion.open_text(value, id::text) FROM mailers WHERE id = 1; COMMIT", $standby);
like($out, $value, 'on a standby, a value opens') or diag $err;
is(scalar @$lines, 1, 'with a line in its log');
$standby->append_conf('postgresql.conf', 'bastion.secret_log = strict');
reload($standby);
(undef, $out, $err) = lines("BEGIN; $as_ann SELECT bastion.open_text(value, id::text) FROM mailers WHERE id = 1; COMMIT", $standby);
like($err, qr/could not record access to a secret/, 'strict: nothing opens that cannot be recorded');
unlike($out, $value, 'and no value leaves');
is(answer("BEGIN; $seal; COMMIT", $standby), 4, 'a seal there uses the key that is due');

unlike(slurp_file($_->logfile), $value, $_->name . ': no value is in the log') for $server, $standby;
is(answer(q{SELECT count(*) FROM bastion.secret_access_log l WHERE l::text ~ 'attack at'}), 0, 'nor in a row');
$_->stop for $server, $standby;
done_testing();

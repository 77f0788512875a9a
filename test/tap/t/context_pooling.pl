# Clients that share one server connection through PgBouncer in transaction mode: no state of one reaches the
# next.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin';
plan skip_all => 'PgBouncer is not installed' unless $pgbouncer;

my $server = new_server('pooling');
my %token = map { $_ => token_of($server, $_) } qw(ann bob);

# On a Unix socket in the server's own socket folder, one port further; one connection to the server.
my $folder = $server->host;
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $configuration = PostgreSQL::Test::Utils::tempdir() . '/pgbouncer.ini';
append_to_file($configuration, <<"INI");
[databases]
postgres = host=$folder port=${\ $server->port} dbname=postgres user=app
[pgbouncer]
listen_addr =
listen_port = $port
unix_socket_dir = $folder
auth_type = any
pool_mode = transaction
default_pool_size = 1
logfile = $PostgreSQL::Test::Utils::log_path/pgbouncer.log
pidfile = $folder/pgbouncer.pid
INI
our $pooler = IPC::Run::start([ $pgbouncer, $configuration ], '>', \my $pooler_out, '2>', \my $pooler_err);
# Also when a test dies.
END { local $?; $pooler->kill_kill if $pooler; }

sub client {
    local $server->{_port} = $port;
    return $server->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
}

# Until it listens.
my $tries = 0;
until (-S "$folder/.s.PGSQL.$port" or ++$tries > 1000) { $pooler->pump_nb; select(undef, undef, undef, 0.02); }

my $first = client();
my $second = client();
is($first->query('SELECT pg_backend_pid()'), $second->query('SELECT pg_backend_pid()'), 'both share one server connection');

is($first->query("SELECT set_config('bastion.token', '$token{ann}', false) IS NOT NULL \\; SELECT seen()"), "t\nann sees ann",
    'a token of the session counts in its own transaction');
is($second->query('SELECT seen()'), 'nobody sees nothing', 'and not for the next client');
is($second->query("SELECT bastion.whoami() ->> 'reason'"), 'token_of_another_transaction', 'who is told why');
is($first->query('SELECT seen()'), 'nobody sees nothing', 'nor in the next transaction of the same client');
is($second->query('SHOW bastion.token'), '<hidden>', 'and nobody reads it');

is($second->query("SELECT set_config('bastion.token', '$token{bob}', true) \\; SELECT seen()"), "<hidden>\nbob sees bob",
    'the next client presents a token of its own beside it');
is($second->query("BEGIN; SAVEPOINT s; SELECT set_config('bastion.token', '$token{bob}', true); ROLLBACK TO s; SELECT seen(); COMMIT"),
    "<hidden>\nnobody sees nothing", 'and a savepoint does not bring the old one back');

$first->query("BEGIN; SELECT bastion.authenticate('$token{ann}')");
is($first->query('SELECT seen()'), 'ann sees ann', 'an open transaction keeps its identity');
$first->query('COMMIT');
is($second->query('SELECT seen()'), 'nobody sees nothing', 'a committed one leaves none');

$first->query("BEGIN; SELECT bastion.authenticate('$token{ann}'); SELECT 1/0; ROLLBACK");
is($second->query('SELECT seen()'), 'nobody sees nothing', 'an aborted one leaves none');
$first->query("SELECT bastion.context_drop()");
is($second->query("BEGIN; SELECT set_config('bastion.token', '$token{bob}', true); SELECT seen(); COMMIT"), "<hidden>\nbob sees bob",
    'neither does one that dropped its context');

$first->query("SET bastion.tenant = 'ann'");
is($second->query("BEGIN; SELECT set_config('bastion.token', '$token{bob}', true); SELECT seen(); COMMIT"), "<hidden>\nbob sees bob",
    'the choice of a tenant by the previous client does not reach the next');

$first->query("PREPARE whose AS SELECT seen()");
is($second->query("BEGIN; SELECT set_config('bastion.token', '$token{bob}', true); EXECUTE whose; COMMIT"), "<hidden>\nbob sees bob",
    'a plan prepared by another client runs under the own identity');

# A client that goes away in mid-transaction.
$first->query("BEGIN; SELECT bastion.authenticate('$token{ann}')");
$first->quit;
is($second->query('SELECT seen()'), 'nobody sees nothing', 'nothing stays of a client that left');

$second->quit;
$pooler->kill_kill;
undef $pooler;
$server->stop;
done_testing();

# Two hundred tenants over four server connections of PgBouncer in transaction mode: transactions that commit, roll back, fail and leave
# a token behind, in random order; then clients and servers are killed. Each statement sees the rows of its own tenant, or none.
# Then the same through Pgpool-II, which keeps connections. The run has a seed, which a failure prints; --long makes 100,000 transactions of 4,000.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin';
plan skip_all => 'PgBouncer is not installed' unless $pgbouncer;
my ($major, $minor) = `$pgbouncer --version` =~ /PgBouncer (\d+)\.(\d+)/;
my $tracks_statements = $major > 1 || $minor > 20;

my $server = new_server('pooling_many', "log_statement = none\nmax_connections = 40\nfsync = off\n");
$server->safe_psql('postgres', <<'SQL');
CREATE SCHEMA pool;
GRANT USAGE ON SCHEMA pool TO app;
CREATE TABLE pool.docs (id bigint GENERATED ALWAYS AS IDENTITY, tenant_id uuid, n int);
SELECT bastion.protect('pool.docs');
GRANT SELECT ON pool.docs TO app;
INSERT INTO bastion.users (email) SELECT 'pool' || n || '@pool.example' FROM generate_series(1, 200) n;
INSERT INTO bastion.tenants (name, slug) SELECT 'Pool ' || n, 'pool-' || n FROM generate_series(1, 200) n;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT u.id, t.id, r.id FROM generate_series(1, 200) n, bastion.users u, bastion.tenants t, bastion.roles r
WHERE u.email = 'pool' || n || '@pool.example' AND t.slug = 'pool-' || n AND r.name = 'owner' AND r.tenant_id IS NULL;
INSERT INTO pool.docs (tenant_id, n) SELECT t.id, split_part(t.slug, '-', 2)::int FROM bastion.tenants t, generate_series(1, 3) WHERE t.slug ~ '^pool-';
CREATE TABLE pool.tokens AS
SELECT split_part(t.slug, '-', 2)::int AS n, bastion.token_issue(u.id, t.id) AS token
FROM bastion.tenants t JOIN bastion.users u ON u.email = replace(t.slug, '-', '') || '@pool.example';
CREATE FUNCTION pool.token(n int) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS $$ SELECT t.token FROM pool.tokens t WHERE t.n = token.n $$;
-- What a rollback does not take back: a line of the log.
CREATE FUNCTION pool.see(n int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    seen int[] := coalesce((SELECT array_agg(DISTINCT d.n) FROM pool.docs d), '{}');
    wanted int[] := CASE WHEN n > 0 THEN ARRAY[n] ELSE '{}' END;
BEGIN
    IF seen <> wanted OR (bastion.user_id() IS NULL) <> (n = 0) THEN
        RAISE LOG 'LEAK: % instead of %, %', seen, n, bastion.whoami();
    END IF;
    RETURN true;
END
$$;
SQL

my $folder = $server->host;
our $port = PostgreSQL::Test::Cluster::get_free_port();
my $temporary = PostgreSQL::Test::Utils::tempdir();
append_to_file("$temporary/pgbouncer.ini", <<"INI");
[databases]
postgres = host=$folder port=${\ $server->port} dbname=postgres user=app
[pgbouncer]
listen_addr =
listen_port = $port
unix_socket_dir = $folder
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 100
server_login_retry = 0
logfile = $PostgreSQL::Test::Utils::log_path/pgbouncer_many.log
pidfile = $folder/pgbouncer_many.pid
INI
append_to_file("$temporary/pgbouncer.ini", "max_prepared_statements = 50\n") if $tracks_statements;
our $pooler = IPC::Run::start([ $pgbouncer, "$temporary/pgbouncer.ini" ], '>', \my $pooler_out, '2>', \my $pooler_err);
our $killed;
# Also when a test dies.
END { local $?; $_ and $_->kill_kill for $killed, $pooler; }
my $tries = 0;
until (-S "$folder/.s.PGSQL.$port" or ++$tries > 1000) { $pooler->pump_nb; select(undef, undef, undef, 0.02); }

my %script = (
    commits => [ 6, "BEGIN;\nSELECT set_config('bastion.token', pool.token(:n), true) IS NOT NULL;\nSELECT pool.see(:n);\nSELECT pool.see(:n);\nCOMMIT;\n" ],
    nobody => [ 3, "SELECT pool.see(0);\n" ],
    nobody_in_a_block => [ 1, "BEGIN;\nSELECT pool.see(0);\nCOMMIT;\n" ],
    rolls_back => [ 2, "BEGIN;\nSELECT bastion.authenticate(pool.token(:n)) IS NOT NULL;\nSAVEPOINT s;\nSELECT pool.see(:n);\nROLLBACK TO s;\nSELECT pool.see(:n);\nROLLBACK;\n" ],
    leaves_a_token => [ 1, "SELECT set_config('bastion.token', pool.token(:n), false) IS NOT NULL AND set_config('bastion.tenant', 'pool-' || :n, false) IS NOT NULL;\nSELECT pool.see(0);\n" ],
    drops => [ 1, "BEGIN;\nSELECT bastion.authenticate(pool.token(:n)) IS NOT NULL;\nSELECT bastion.context_drop();\nSELECT pool.see(0);\nCOMMIT;\n" ]);
my @files;
for my $name (sort keys %script) {
    append_to_file("$temporary/$name.sql", "\\set n random(1, 200)\n$script{$name}[1]");
    push @files, '-f', "$temporary/$name.sql\@$script{$name}[0]";
}

my $clients = 16;
our $database = 'postgres';
sub pgbench { my (@options) = @_; return ('pgbench', '-n', '-c', $clients, '-j', 2, '-h', $folder, '-p', $port, '-U', 'app', @files, @options, $database); }

my $planted = 0;
sub leaks { return scalar(() = slurp_file($server->logfile) =~ /LOG:  LEAK/g) - $planted; }

sub interleaved {
    my ($mode, $transactions) = @_;
    my $seed = int rand 2**31;
    my ($out, $err);
    my $done = IPC::Run::run([ pgbench('-M', $mode, '-t', $transactions / $clients, '--random-seed', $seed) ], '>', \$out, '2>', \$err);
    my ($processed) = $out =~ m{transactions actually processed: (\d+)/};
    ok($done && $processed == $transactions, "$mode: $transactions transactions, seed $seed") or diag($err);
    is(leaks(), 0, "$mode: not one sees rows of another tenant, seed $seed");
    return;
}

# The check itself: a leak is noticed.
$server->safe_psql('postgres', "SET ROLE app; BEGIN; SELECT bastion.authenticate(pool.token(1)); SELECT pool.see(2); COMMIT");
is(leaks(), 1, 'rows of another tenant would be noticed');
$planted = 1;

my $transactions = $ENV{BASTION_LONG} ? 100_000 : 4_000;
my @modes = ('extended', 'simple', $tracks_statements ? 'prepared' : ());
interleaved($_, $clients * int($transactions / @modes / $clients)) for @modes;
my $connections = $server->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'");
ok($connections > 0 && $connections <= 4, "over $connections server connections");

# Clients that die in the middle, and servers that do.
my $rounds = $ENV{BASTION_LONG} ? 20 : 3;
for (1 .. $rounds) {
    $killed = IPC::Run::start([ pgbench('-T', 30) ], '>', \my $out, '2>', \my $err);
    select(undef, undef, undef, 0.3 + rand 0.3);
    $server->safe_psql('postgres', "SELECT pg_terminate_backend(s.pid) FROM (SELECT pid FROM pg_stat_activity WHERE usename = 'app' ORDER BY random() LIMIT 2) s");
    select(undef, undef, undef, 0.2);
    $killed->kill_kill(grace => 0);
    undef $killed;
}
is(leaks(), 0, 'killed clients and servers leave nothing');
interleaved('extended', $clients * 20);

$pooler->kill_kill;
undef $pooler;

# Pgpool-II gives the server connection of a client that left to the next one: with DISCARD ALL in between, and with less than that. It keeps
# none to a database named postgres.
SKIP: {
    my ($pgpool) = grep { -x } map { "$_/pgpool" } split(/:/, $ENV{PATH}), '/usr/sbin';
    skip 'Pgpool-II is not installed', 1 unless $pgpool;
    $server->poll_query_until('template1', "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'postgres'") or die 'the database is in use';
    $server->safe_psql('template1', 'CREATE DATABASE pooled TEMPLATE postgres');
    local $database = 'pooled';
    for my $reset ('ABORT; DISCARD ALL', 'ABORT') {
        my ($pool_port, $pcp_port) = map { PostgreSQL::Test::Cluster::get_free_port() } 1 .. 2;
        my $file = "$temporary/pgpool_$pool_port.conf";
        append_to_file($file, <<"CONF");
backend_clustering_mode = 'raw'
listen_addresses = ''
port = $pool_port
socket_dir = '$folder'
pcp_listen_addresses = ''
pcp_port = $pcp_port
pcp_socket_dir = '$folder'
pid_file_name = '$folder/pgpool_$pool_port.pid'
logdir = '$folder'
backend_hostname0 = '$folder'
backend_port0 = ${\ $server->port}
num_init_children = 4
max_pool = 1
connection_cache = on
reset_query_list = '$reset'
load_balance_mode = off
health_check_period = 0
sr_check_period = 0
CONF
        append_to_file("$temporary/pool_hba.conf", '');
        $pooler = IPC::Run::start([ $pgpool, '-n', '-f', $file ], '>', "$PostgreSQL::Test::Utils::log_path/pgpool_$pool_port.log", '2>&1');
        $tries = 0;
        select(undef, undef, undef, 0.02) until -S "$folder/.s.PGSQL.$pool_port" or ++$tries > 1000;
        local $port = $pool_port;
        my $each = int(($ENV{BASTION_LONG} ? 20_000 : 800) / $clients);
        my ($out, $err);
        my $done = IPC::Run::run([ pgbench('-C', '-j', $clients, '-t', $each) ], '>', \$out, '2>', \$err);
        ok($done && $out =~ m{actually processed: @{[ $each * $clients ]}/}, "Pgpool-II, $reset: a connection for each transaction") or diag($err);
        $connections = $server->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'");
        ok($connections > 0 && $connections <= 4, "Pgpool-II, $reset: over $connections server connections");
        is(leaks(), 0, "Pgpool-II, $reset: not one sees rows of another tenant");
        $pooler->signal('INT');
        $pooler->kill_kill(grace => 5);
        undef $pooler;
    }
}
$server->stop;
done_testing();

# Shared by the TAP tests: a separate server with the extension, a root key, an application role app, two people with a
# tenant each (ann and bob), and a protected table documents with one row of either.
package BastionServer;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

our @EXPORT = qw($talkative answer_of await_restart last_line new_server reload run_psql set_root_key standby_of token_of);

# The most verbose logging of a server, with parameters.
our $talkative = <<'CONF';
log_min_messages = debug2
log_min_error_statement = debug5
log_error_verbosity = verbose
log_statement = all
log_duration = on
log_min_duration_statement = 0
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
debug_print_parse = on
debug_print_rewritten = on
debug_print_plan = on
CONF

my $fixture = <<'SQL';
SELECT bastion.init();
CREATE ROLE app LOGIN;
SELECT bastion.allow_app_role('app');
CREATE TABLE documents (id int PRIMARY KEY, tenant_id uuid NOT NULL, of text);
GRANT SELECT, INSERT, UPDATE, DELETE ON documents TO app;
SELECT bastion.protect('documents', resource => 'documents');
CREATE TABLE people AS
    SELECT name, bastion_api.signup(name || '@tap.example', 'correct horse', initcap(name)) AS signup
    FROM unnest(ARRAY['ann', 'bob']) name;
INSERT INTO documents SELECT row_number() OVER (ORDER BY name), (signup #>> '{tenant,id}')::uuid, name FROM people;
-- who the transaction is, and whose rows it sees
CREATE FUNCTION seen() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT format('%s sees %s%s', coalesce((SELECT split_part(u.email, '@', 1) FROM bastion.users u), 'nobody'),
                  coalesce((SELECT string_agg(DISTINCT of, ' and ') FROM documents), 'nothing'), CASE WHEN bastion.delegation_id() IS NOT NULL THEN ' by delegation' END)
$$;
-- the answer of a statement, or its SQLSTATE
CREATE FUNCTION try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE statement INTO answer;
    RETURN coalesce(answer, 'nothing');
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
SQL

# The timeout of a session is for each of its queries, not for its life.
{
    no warnings 'redefine';
    my $plain = \&PostgreSQL::Test::Cluster::background_psql;
    *PostgreSQL::Test::Cluster::background_psql = sub {
        my $session = $plain->(@_);
        $session->set_query_timer_restart;
        return $session;
    };
}

# new_server(NAME, CONFIGURATION): started, with the fixture in the database postgres.
sub new_server {
    my ($name, $configuration) = @_;
    my $server = PostgreSQL::Test::Cluster->new($name);
    $server->init(allows_streaming => 1, extra => ['-E', 'UTF8', '--locale=C.UTF-8']);
    # A cluster with streaming has 10, and a client that connects anew needs a place while its last backend still ends.
    $server->append_conf('postgresql.conf', 'max_connections = 50');
    $server->append_conf('postgresql.conf', $configuration) if defined $configuration;
    $server->start;
    $server->safe_psql('postgres', 'CREATE EXTENSION pg_bastion');
    $server->safe_psql('postgres', $fixture);
    return $server;
}

# standby_of(PRIMARY): a streaming standby with the root key, started, that has replayed everything.
sub standby_of {
    my ($primary) = @_;
    my $standby = PostgreSQL::Test::Cluster->new($primary->name . '_standby');
    $primary->backup('standby');
    $standby->init_from_backup($primary, 'standby', has_streaming => 1);
    system('cp', '-p', map { $_->data_dir . '.bastion-root-key' } $primary, $standby) == 0 or die 'cannot copy the root key';
    $standby->start;
    $primary->wait_for_catchup($standby);
    return $standby;
}

# The server's configuration read again, as every new session sees.
sub reload {
    my ($server) = @_;
    my $before = $server->safe_psql('postgres', 'SELECT pg_conf_load_time()');
    $server->reload;
    $server->poll_query_until('postgres', "SELECT pg_conf_load_time() > '$before'") or die 'no reload';
}

# Waits for the server to be back after a crash, which ended the checkpointer with this process id. While it refuses connections, psql
# may leave before it has read the query, and the pipe breaks.
sub await_restart {
    my ($server, $checkpointer) = @_;
    for (1 .. 20) {
        my $back = eval { $server->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'checkpointer' AND pid <> $checkpointer") };
        return if $back;
        last if defined $back;
    }
    die 'the server did not come back';
}

sub set_root_key {
    my ($server, $value) = @_;
    $server->append_conf('postgresql.conf', "bastion.root_key = '$value'");
    reload($server);
}

# answer_of(SERVER, SQL, options of psql()...): as a superuser; the output, or the error with its SQLSTATE, detail and hint.
sub answer_of {
    my ($server, $sql, %options) = @_;
    my ($out, $err);
    $server->psql('postgres', $sql, stdout => \$out, stderr => \$err, on_error_stop => 0, extra_params => [ '-v', 'VERBOSITY=verbose' ], %options);
    $err =~ s/^psql:<stdin>:\d+: |\nLOCATION:.*//gm;
    return $out . $err;
}

# The last line of what psql answered.
sub last_line { return (split /\n/, $_[0])[-1] // '' }

# run_psql(SERVER, SQL, options of psql()...): as app unless told otherwise; (output, errors), neither checked.
sub run_psql {
    my ($server, $sql, %options) = @_;
    my $user = delete $options{user} // 'app';
    my ($status, $out, $err) = $server->psql('postgres', $sql, on_error_stop => 0, extra_params => ['-U', $user], %options);
    return ($out, $err);
}

# The access token that sign-up gave to ann or bob.
sub token_of {
    my ($server, $name) = @_;
    return $server->safe_psql('postgres', "SELECT signup ->> 'access_token' FROM people WHERE name = '$name'");
}

1;

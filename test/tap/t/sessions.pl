# Sessions and API keys over several servers and clients: 64 refreshes of one token at the same time, revocation in prepared
# transactions, on a hot standby and through logical replication, addresses of TCP clients.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = new_server('primary', <<'CONF');
max_connections = 100
max_prepared_transactions = 4
wal_level = logical
listen_addresses = '127.0.0.1'
bastion.refresh_reuse_window = 300
CONF
$primary->safe_psql('postgres', <<'SQL');
CREATE FUNCTION sign_in(name text, device text DEFAULT NULL) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    SELECT bastion_api.login(name || '@tap.example', 'correct horse', device => sign_in.device)
$$;
CREATE FUNCTION state() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT concat_ws(' ', w ->> 'state', coalesce(w ->> 'reason', w ->> 'method')) FROM bastion.whoami() w
$$;
CREATE FUNCTION session_of(token text) RETURNS uuid LANGUAGE sql VOLATILE AS $$ SELECT bastion_internal.token_session(token) $$;
SELECT bastion_internal.pepper();
SQL

# A login of ann: (access token, refresh token, id of the session).
sub sign_in {
    return split /\|/, $primary->safe_psql('postgres', <<'SQL');
SELECT x ->> 'access_token', x ->> 'refresh_token', session_of(x ->> 'access_token') FROM sign_in('ann') x
SQL
}

# Makes an API key of ann: (text, id).
sub make_key {
    my ($more) = @_;
    my $token = (sign_in())[0];
    $primary->safe_psql('postgres', <<"SQL") =~ /^(bst_live_\w+)\|(\S+)$/m or die 'no key';
BEGIN;
SELECT bastion.authenticate('$token');
SELECT x ->> 'key', x ->> 'id' FROM bastion_api.api_key_create('job', '{*}' $more) x;
COMMIT;
SQL
    return ($1, $2);
}

# 64 clients that wait for one lock and then send their requests together.
sub refresh_at_once {
    my ($token) = @_;
    my $gate = $primary->background_psql('postgres');
    $gate->query('SELECT pg_advisory_lock(1)');
    my @clients = map { my %c; $c{run} = IPC::Run::start(
            [ 'psql', '-XAtq', '-d', $primary->connstr('postgres') . ' user=app', '-c', 'SELECT pg_advisory_lock_shared(1)',
              '-c', "SELECT coalesce(x ->> 'error', x ->> 'refresh_token') FROM bastion_api.refresh('$token') x" ],
            '>', \$c{out}, '2>', \$c{err}); \%c } 1 .. 64;
    $primary->poll_query_until('postgres', "SELECT count(*) = 64 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
    $gate->query('SELECT pg_advisory_unlock(1)');
    $gate->quit;
    my %answers;
    foreach my $client (@clients) {
        $client->{run}->finish;
        $client->{out} =~ s/^\s+|\s+$//g;
        $answers{ $client->{out} . $client->{err} }++;
    }
    return \%answers;
}

# The stored state of a session: refresh tokens, unused ones, the reason of its end.
sub kept {
    my ($session) = @_;
    return $primary->safe_psql('postgres', <<"SQL");
SELECT count(r), count(r) FILTER (WHERE r.used_at IS NULL), max(s.revoked_reason)
FROM bastion.sessions s JOIN bastion.refresh_tokens r ON r.session_id = s.id WHERE s.id = '$session'
SQL
}

my (undef, $refresh, $session) = sign_in();
my $answers = refresh_at_once($refresh);
is(scalar keys %$answers, 1, 'of 64 refreshes at once all get the same tokens within the window');
like((keys %$answers)[0], qr/^bsr_[\w-]{43}$/, 'which are tokens');
is(kept($session), '2|1|', 'one successor was made, and the session lasts');

sub set_window {
    my ($seconds) = @_;
    $primary->append_conf('postgresql.conf', "bastion.refresh_reuse_window = $seconds");
    reload($primary);
}
set_window(0);
(undef, $refresh, $session) = sign_in();
$answers = refresh_at_once($refresh);
is($answers->{session_ended}, 63, 'with the window closed 63 are refused');
is(scalar(grep { /^bsr_/ && $answers->{$_} == 1 } keys %$answers), 1, 'and one gets tokens');
is(kept($session), '2|1|refresh_reuse', 'which is the only pair there ever was, and the reuse ended it');
set_window(300);

# Prepared transactions.
my ($token, undef, $id) = sign_in();
my ($key, $key_id) = make_key('');
my $by_token = $primary->background_psql('postgres', extra_params => [ '-U', 'app' ]);
my $by_key = $primary->background_psql('postgres', extra_params => [ '-U', 'app' ]);
$by_token->query("BEGIN; SELECT bastion.authenticate('$token')");
$by_key->query("BEGIN; SELECT bastion.authenticate('$key')");
my $take_back = "UPDATE bastion.sessions SET revoked_at = now(), revoked_reason = 'admin' WHERE id = '$id';
    UPDATE bastion.api_keys SET disabled = true WHERE id = '$key_id'";
$primary->safe_psql('postgres', "BEGIN; $take_back; PREPARE TRANSACTION 'one'");
is($by_token->query('SELECT state()') . ', ' . $by_key->query('SELECT state()'), 'authenticated jwt, authenticated api_key',
    'a revocation that is prepared is not there yet');
$primary->safe_psql('postgres', "ROLLBACK PREPARED 'one'");
is($by_token->query('SELECT state()') . ', ' . $by_key->query('SELECT state()'), 'authenticated jwt, authenticated api_key',
    'nor is one that was rolled back');
$primary->safe_psql('postgres', "BEGIN; $take_back; PREPARE TRANSACTION 'two'");
$primary->safe_psql('postgres', "COMMIT PREPARED 'two'");
is($by_token->query('SELECT state()') . ', ' . $by_key->query('SELECT state()'), 'refused session_ended, refused api_key_refused',
    'COMMIT PREPARED takes back at the next statement');
$_->quit foreach $by_token, $by_key;

# The address of a TCP client.
sub over_tcp {
    my ($sql) = @_;
    my ($out, $err) = ('', '');
    IPC::Run::run([ 'psql', '-XAtq', '-d', 'host=127.0.0.1 port=' . $primary->port . ' dbname=postgres user=app', '-c', $sql ], '>', \$out, '2>', \$err);
    chomp $out;
    return $out . $err;
}
append_to_file($primary->data_dir . '/pg_hba.conf', "host all all 127.0.0.1/32 trust\n");
$primary->reload;
my ($near) = make_key(", cidrs => '{127.0.0.0/8}'");
my ($far) = make_key(", cidrs => '{192.0.2.0/24,::/0}'");
is(over_tcp('SELECT bastion.client_address()'), '127.0.0.1', 'the address of the connection');
like(over_tcp("SELECT bastion.authenticate('$near') IS NOT NULL"), qr/^t/, 'a key is accepted from its network');
like(over_tcp("SELECT bastion.authenticate('$far')"), qr/ERROR:  invalid token/, 'and from no other');
my ($out, $err) = run_psql($primary, "SELECT bastion.authenticate('$near')");
like($err, qr/ERROR:  invalid token/, 'nor from where there is no address');

# A standby, with the root key of the primary.
($token, $refresh, $id) = sign_in();
($key, $key_id) = make_key('');
my $standby = standby_of($primary);
my $there = $standby->background_psql('postgres', extra_params => [ '-U', 'app' ]);
my $there_by_key = $standby->background_psql('postgres', extra_params => [ '-U', 'app' ]);
$there->query("BEGIN; SELECT bastion.authenticate('$token')");
$there_by_key->query("BEGIN; SELECT bastion.authenticate('$key')");
is($there->query('SELECT seen()') . ', ' . $there_by_key->query('SELECT seen()'), 'ann sees ann, ann sees ann', 'tokens and keys work on a standby');
is($there_by_key->query('COMMIT; SELECT 1'), 1, 'where the use of a key is not written');
$there_by_key->query("BEGIN; SELECT bastion.authenticate('$key')");
(undef, $err) = run_psql($standby, "SELECT bastion_api.refresh('$refresh')");
like($err, qr/a refresh needs a read-write transaction/, 'and a refresh belongs on the primary');
$primary->safe_psql('postgres', "SELECT bastion_api.token_revoke('$token'), bastion_api.token_revoke('$key')");
$primary->wait_for_catchup($standby);
is($there->query('SELECT state()') . ', ' . $there_by_key->query('SELECT state()'), 'refused session_ended, refused api_key_refused',
    'a revocation counts there at the next statement after replay');
$_->quit foreach $there, $there_by_key;
($token) = sign_in();
$primary->wait_for_catchup($standby);
($out) = run_psql($standby, "BEGIN; SELECT bastion.authenticate('$token') IS NOT NULL");
is($out, 't', 'as does a new session');

# A subscriber: the promoted standby, which gets the rows of sessions and keys by logical replication.
($token, undef, $id) = sign_in();
($key, $key_id) = make_key('');
$primary->wait_for_catchup($standby);
$standby->promote;
$primary->safe_psql('postgres', 'CREATE PUBLICATION live FOR TABLE bastion.sessions, bastion.api_keys');
$standby->safe_psql('postgres', "CREATE SUBSCRIPTION live CONNECTION 'host=" . $primary->host . ' port=' . $primary->port . " dbname=postgres' PUBLICATION live WITH (copy_data = false)");
$there = $standby->background_psql('postgres', extra_params => [ '-U', 'app' ]);
$there_by_key = $standby->background_psql('postgres', extra_params => [ '-U', 'app' ]);
$there->query("BEGIN; SELECT bastion.authenticate('$token')");
$there_by_key->query("BEGIN; SELECT bastion.authenticate('$key')");
is($there->query('SELECT state()') . ', ' . $there_by_key->query('SELECT state()'), 'authenticated jwt, authenticated api_key', 'a subscriber');
$primary->safe_psql('postgres', "SELECT bastion_api.token_revoke('$token'), bastion_api.token_revoke('$key')");
$primary->wait_for_catchup('live');
is($there->query('SELECT state()') . ', ' . $there_by_key->query('SELECT state()'), 'refused session_ended, refused api_key_refused',
    'sees a revocation that logical replication applied');
$_->quit foreach $there, $there_by_key;
$standby->safe_psql('postgres', 'DROP SUBSCRIPTION live');
$standby->stop;
$primary->stop;
done_testing();

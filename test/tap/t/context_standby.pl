# A hot standby: tokens are verified and rows read there, revocations arrive with replay, nothing can be forged or written.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = new_server('primary');
my %token = map { $_ => token_of($primary, $_) } qw(ann bob);
my $bob = $primary->safe_psql('postgres', "SELECT signup #>> '{user,id}' FROM people WHERE name = 'bob'");
my $bob_tenant = $primary->safe_psql('postgres', "SELECT signup #>> '{tenant,id}' FROM people WHERE name = 'bob'");

my $standby = standby_of($primary);
like(answer_of($standby, "SELECT bastion.init('/tmp/root-key-of-a-standby')"), qr/^ERROR:  25006: cannot create a root key on a standby\nHINT:  Copy the root key file of the primary/,
    'no root key is made on a standby');
like(answer_of($standby, "SELECT bastion.init() ->> 'in_use'"), qr/^true$/, 'where it is in use, nothing is to be done');

my ($out, $err);
($out) = run_psql($standby, "BEGIN; SELECT bastion.authenticate('$token{ann}') IS NOT NULL; SELECT seen(); COMMIT; SELECT seen()");
is($out, "t\nann sees ann\nnobody sees nothing", 'authenticate() works');
($out) = run_psql($standby, "BEGIN; SELECT set_config('bastion.token', '$token{bob}', true) IS NOT NULL; SELECT seen(); COMMIT");
is($out, "t\nbob sees bob", 'so does the setting');
($out) = run_psql($standby, "BEGIN; SELECT set_config('bastion.token', '$token{bob}x', true) IS NOT NULL; SELECT seen(); COMMIT");
is($out, 't', 'a tampered token shows nothing');

foreach my $attack ("SET bastion.context = '2 $bob - $bob_tenant 2 - - - - jwt aal2 0 9223372036854775807'",
    "SELECT set_config('bastion.grants', '1 1', true)", "ALTER ROLE app SET bastion.token = 'x'") {
    (undef, $err) = run_psql($standby, "\\set VERBOSITY sqlstate\nSELECT bastion.user_id();\n$attack");
    like($err, qr/ERROR:  (42501|25006)/, "refused: " . substr($attack, 0, 30));
}

(undef, $err) = run_psql($standby, "\\set VERBOSITY sqlstate\nSELECT bastion.impersonate('$bob', '$bob_tenant', 'ticket')");
like($err, qr/ERROR:  42501/, 'an application role cannot impersonate');
(undef, $err) = run_psql($standby, "SELECT bastion.impersonate('$bob', '$bob_tenant', 'ticket')", user => $ENV{USER} // getpwuid($<));
like($err, qr/impersonation needs a read-write transaction/, 'nor does a superuser, because it cannot be recorded');
(undef, $err) = run_psql($standby, "SELECT bastion_api.login('ann\@tap.example', 'correct horse')");
like($err, qr/a login needs a read-write transaction/, 'a login belongs on the primary');

# A delegation works there, and the end of any of its hops arrives with replay. None can be made there.
my ($agent, $second, $hop) = split(/\|/, last_line($primary->safe_psql('postgres', qq{SET bastion.allow_identity_switch = on;
    SELECT bastion.membership_force('$bob', signup #>> '{tenant,id}', 'viewer') FROM people WHERE name = 'ann';
    BEGIN; SELECT bastion.authenticate('$token{ann}');
    SELECT d ->> 'access_token' AS agent, d ->> 'delegation' AS hop FROM bastion_api.delegate('$bob', '{*}') d \\gset
    SELECT bastion.authenticate(:'agent');
    SELECT concat_ws('|', :'agent', bastion_api.delegate('$bob', '{*.read}') ->> 'access_token', :'hop'); COMMIT})));
$primary->wait_for_catchup($standby);
my $acting = $standby->background_psql('postgres', extra_params => [ '-U', 'app' ]);
$acting->query("BEGIN; SELECT bastion.authenticate('$second')");
is($acting->query("SELECT concat_ws(' ', seen(), cardinality(bastion.actors()), bastion.actor_id() = '$bob')"), 'ann sees ann by delegation 2 t', 'an actor acts on the standby');
like(answer_of($standby, "SELECT bastion_api.delegate('x', '{*}')"), qr/unauthenticated/, 'a delegation is nothing for anonymous clients');
($out) = run_psql($standby, "\\set VERBOSITY sqlstate\nBEGIN; SELECT bastion.authenticate('$agent') IS NOT NULL; SELECT bastion_api.delegate('$bob', '{*}'); COMMIT");
is($out, 't', 'a delegation is made on the primary alone');
$primary->safe_psql('postgres', "BEGIN; SELECT bastion.authenticate('$token{ann}'); SELECT bastion_api.delegation_revoke('$hop'); COMMIT");
$primary->wait_for_catchup($standby);
is($acting->query("SELECT bastion.whoami() ->> 'reason'"), 'delegation_ended', 'a revoked hop ends those below it at the next statement after replay');
$acting->quit;

# A revocation is replayed into an open session.
my $session = $standby->background_psql('postgres', extra_params => [ '-U', 'app' ]);
$session->query("BEGIN; SELECT bastion.authenticate('$token{bob}')");
is($session->query('SELECT seen()'), 'bob sees bob', 'an open transaction on the standby');
$primary->safe_psql('postgres', "UPDATE bastion.users SET status = 'disabled' WHERE id = '$bob'");
$primary->wait_for_catchup($standby);
is($session->query("SELECT bastion.whoami() ->> 'reason'"), 'session_ended',
    'sees at its next statement that the user was disabled on the primary');
$session->quit;

# Promotion changes no identity.
$primary->stop;
$standby->promote;
($out) = run_psql($standby, "BEGIN; SELECT bastion.authenticate('$token{ann}') IS NOT NULL; SELECT seen(); COMMIT");
is($out, "t\nann sees ann", 'tokens of the old primary are good after promotion');
$standby->stop;
done_testing();

# Replaced keys of issuers and of the extension: old tokens are refused in every backend at the next statement, and on a hot
# standby after replay, although each had verified and cached them. And a backend's cache of tokens is bounded.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = new_server('primary', "bastion.token_cache_entries = 256\n");
my ($old, $new) = map { $primary->safe_psql('postgres', "SELECT bastion.jwk_generate('ES256')") } 1 .. 2;
$primary->safe_psql('postgres', qq{SELECT bastion.issuer_add('https://idp.example', '$old', '{app}', '{ES256}', mapping => '{"tenant": "org"}');
    SELECT bastion.identity_add('https://idp.example', 'ann', (signup #>> '{user,id}')::uuid) FROM people WHERE name = 'ann'});
my ($token, $token_new) = map { $primary->safe_psql('postgres', qq{SELECT bastion.jwt_sign(jsonb_build_object('iss', 'https://idp.example',
    'aud', 'app', 'sub', 'ann', 'org', signup #>> '{tenant,id}', 'exp', 4000000000), '$_') FROM people WHERE name = 'ann'}) } $old, $new;
my $own = token_of($primary, 'bob');

my $standby = standby_of($primary);

my %session = (primary => $primary->background_psql('postgres', extra_params => [ '-U', 'app' ]),
    other => $primary->background_psql('postgres', extra_params => [ '-U', 'app' ]),
    standby => $standby->background_psql('postgres', extra_params => [ '-U', 'app' ]));

# The identity of a token in separate transactions of a session: a new one, and one that was open before.
sub who {
    my ($session, $presented) = @_;
    my $seen = $session->query("BEGIN; SELECT set_config('bastion.token', '$presented', true) IS NULL; SELECT bastion.whoami() ->> 'state'; COMMIT");
    return (split /\n/, $seen)[1];
}

for my $name (sort keys %session) {
    is(who($session{$name}, $token), 'authenticated', "$name: a token of the issuer");
    is(who($session{$name}, $token), 'authenticated', "$name: again");
    is(who($session{$name}, $own), 'authenticated', "$name: a token of our own");
    is(who($session{$name}, $token_new), 'refused', "$name: not of a key that the issuer has not");
}
$session{other}->query("BEGIN; SELECT bastion.authenticate('$token')");
is($session{other}->query('SELECT seen()'), 'ann sees ann', 'an identity that is established');

$primary->safe_psql('postgres', "SELECT bastion.issuer_keys_set('https://idp.example', '$new')");
$primary->wait_for_catchup($standby);
is($session{other}->query("SELECT bastion.whoami() ->> 'state'"), 'refused', 'ends with its key, inside its transaction');
$session{other}->query('ROLLBACK');
for my $name (sort keys %session) {
    is(who($session{$name}, $token), 'refused', "$name: the key of the token is gone");
    is(who($session{$name}, $token_new), 'authenticated', "$name: and the new one is there");
}

$primary->safe_psql('postgres', 'SELECT bastion.signing_key_rotate()');
$primary->wait_for_catchup($standby);
is(who($session{$_}, $own), 'authenticated', "$_: the own key before still verifies") for sort keys %session;
$primary->safe_psql('postgres', 'SELECT bastion.signing_key_rotate(immediately => true)');
$primary->wait_for_catchup($standby);
is(who($session{$_}, $own), 'refused', "$_: until it is retired at once") for sort keys %session;

$primary->safe_psql('postgres', "SELECT bastion.issuer_disable('https://idp.example')");
$primary->wait_for_catchup($standby);
is(who($session{$_}, $token_new), 'refused', "$_: the issuer is disabled") for sort keys %session;

# A new user's first token on a standby: a clear error, and no change.
$primary->safe_psql('postgres', qq{SELECT bastion.issuer_add('https://open.example', '$new', '{app}', '{ES256}', create_users => true)});
my $unknown = $primary->safe_psql('postgres', qq{SELECT bastion.jwt_sign('{"iss": "https://open.example", "aud": "app", "sub": "zoe", "exp": 4000000000}', '$new')});
$primary->wait_for_catchup($standby);
my (undef, $err) = run_psql($standby, "\\set VERBOSITY verbose\nSELECT bastion.authenticate('$unknown')");
like($err, qr/25006: the user of this token is not known yet/, 'a user is not made on a standby');
unlike($err, qr/\Q$unknown\E/, 'and the token is not shown');

# Many at once make one user.
$primary->pgbench('--no-vacuum --client=4 --jobs=2 --transactions=5', 0, [qr/processed: 20\/20/], [qr/^(?:WARNING: .*\n)*(?:pgbench: .*\n)*$/],
    'clients at first sight', { token_keys => "SELECT bastion.authenticate('$unknown') IS NOT NULL" });
is($primary->safe_psql('postgres', q{SELECT count(*) FROM bastion.user_identities WHERE subject = 'zoe'}), '1', 'make one user');
is($primary->safe_psql('postgres', q{SELECT count(*) FROM bastion.users WHERE email LIKE '%@identity.invalid'}), '1', 'and leave no other behind');

# 100,000 tokens in one backend.
my $many = $primary->background_psql('postgres');
my $memory = q{SELECT (regexp_match(pg_read_file('/proc/' || pg_backend_pid() || '/status'), 'VmRSS:\s+(\d+)'))[1]::int / 1024};
my $verify = q{SELECT count(bastion.jwt_verify(bastion.jwt_sign(jsonb_build_object('sub', i::text, 'exp', 4000000000, 'pad', repeat('x', 500)), k), k))
    FROM generate_series(%d, %d) i, LATERAL (SELECT '{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr8"}'::jsonb) key (k)};
$many->query(sprintf $verify, 1, 2000);
SKIP: {
    skip 'no /proc here', 1 unless -e '/proc/self/status';
    my $before = $many->query($memory);
    is($many->query(sprintf $verify, 2001, 100000), '98000', 'tokens are verified');
    my $after = $many->query($memory);
    cmp_ok($after - $before, '<', 8, "100,000 tokens do not grow a backend (from $before to $after MB)");
}
$many->quit;
$_->quit for values %session;
$standby->stop;
$primary->stop;
done_testing();

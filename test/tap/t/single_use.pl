# What can be used once, used by 64 clients at the same moment: one of them succeeds.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use Digest::SHA qw(hmac_sha1);
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $clients = 64;
my $node = new_server('node', "max_connections = 100\nbastion.outbox = on\nbastion.max_concurrent_hashes = 100\nbastion.refused_login_duration = 0\nbastion.allow_identity_switch = on\n");
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql); }

# TOTP (RFC 6238) of another implementation.
sub totp {
    my ($secret) = @_;
    my %value;
    @value{ 'A' .. 'Z', 2 .. 7 } = 0 .. 31;
    my $hash = hmac_sha1(pack('Q>', int(time / 30)), pack('B*', join '', map { sprintf '%05b', $value{$_} } split //, $secret));
    return sprintf '%06d', (unpack('N', substr $hash, ord(substr $hash, 19) & 15, 4) & 0x7fffffff) % 1_000_000;
}

# A user with a session, an authenticator and recovery codes, who is a member of a second tenant.
my $people = 0;
sub person {
    my $name = 'p' . ++$people;
    my %made = (mail => "$name\@once.example");
    @made{ 'token', 'user' } = split /\|/, sql("SELECT s ->> 'access_token', s #>> '{user,id}' FROM bastion_api.signup('$made{mail}', 'correct horse', 'Once $name') s");
    my $factor = last_line(sql("BEGIN; SELECT FROM bastion.authenticate('$made{token}'); SELECT f ->> 'factor', f ->> 'secret' FROM bastion_api.totp_add() f; COMMIT"));
    @made{ 'factor', 'secret' } = split /\|/, $factor;
    return \%made;
}
sub with_factor {
    my $made = person();
    sql("UPDATE bastion.user_factors SET state = 'active' WHERE id = '$made->{factor}'");
    $made->{recovery} = sql("SELECT bastion_internal.recovery_codes_replace('$made->{user}') ->> 1");
    return $made;
}

# All wait for a lock, and call together. `call` gives a line of text.
sub together {
    my ($call, $token) = @_;
    my $gate = $node->background_psql('postgres');
    $gate->query_safe('SELECT pg_advisory_lock(64)');
    my (@runs, @out, @err);
    for my $i (0 .. $clients - 1) {
        my @statements = ('SELECT FROM pg_advisory_lock_shared(64)', 'BEGIN', $token ? "SELECT FROM set_config('bastion.token', '$token', true)" : (), "SELECT $call", 'COMMIT');
        ($out[$i], $err[$i]) = ('', '');
        push @runs, IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), map { ('-c', $_) } @statements ], '>', \$out[$i], '2>', \$err[$i]);
    }
    $node->poll_query_until('postgres', "SELECT count(*) = $clients FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") or die 'the clients do not wait';
    $gate->query_safe('SELECT pg_advisory_unlock(64)');
    $gate->quit;
    IPC::Run::finish($_) for @runs;
    return map { my $text = $_; $text =~ s/\s+\z//; $text } map { $out[$_] . $err[$_] } 0 .. $clients - 1;
}

# once(NAME, ANSWER, CALL, TOKEN): one client gets this answer, and all get one.
sub once {
    my ($name, $wanted, $call, $token) = @_;
    my @answers = together($call, $token);
    my %seen;
    $seen{$_}++ for @answers;
    note("$name: ", join ', ', map { "$seen{$_} $_" } sort keys %seen);
    is(scalar(grep { $_ eq '' } @answers), 0, "$name: each of $clients clients gets an answer");
    is($seen{$wanted} // 0, 1, "$name: one succeeds");
    return;
}
sub outcome { my ($from) = @_; return "CASE WHEN a ? 'access_token' THEN 'tokens' ELSE a ->> 'error' END FROM bastion_api.$from a"; }

my $who = person();
my $request = sql("SELECT bastion_api.request_login_code('$who->{mail}') ->> 'request'");
my $code = sql(q{SELECT code FROM bastion.outbox_claim('tap', 100) WHERE kind = 'code'});
once('a code by mail', 'tokens', outcome("login_code('$request', '$code')"));

$who = person();
sql("SELECT bastion_api.request_login_link('$who->{mail}')");
my $link = sql(q{SELECT token FROM bastion.outbox_claim('tap', 100) WHERE kind = 'magic_link'});
once('a link by mail', 'tokens', outcome("login_link('$link')"));

$who = with_factor();
once('a code of an authenticator', 'tokens', outcome("step_up('$who->{factor}', '{\"code\": \"" . totp($who->{secret}) . "\"}')"), $who->{token});

$who = with_factor();
once('a recovery code', 'tokens', outcome("step_up(NULL, '{\"code\": \"$who->{recovery}\"}')"), $who->{token});

$who = with_factor();
my $challenge = sql("SELECT bastion_api.login('$who->{mail}', 'correct horse') ->> 'challenge'");
once('a challenge with a code', 'tokens', outcome("login_mfa('$challenge', '$who->{factor}', '{\"code\": \"" . totp($who->{secret}) . "\"}')"));

$who = person();
sql("INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT '$who->{user}', t.id, r.id FROM bastion.tenants t, bastion.roles r
     WHERE t.name = 'Once p1' AND r.name = 'viewer' AND r.system");
$challenge = sql("SELECT bastion_api.login('$who->{mail}', 'correct horse') ->> 'challenge'");
once('a challenge with a tenant', 'tokens', outcome("login_tenant('$challenge', (SELECT slug FROM bastion.tenants WHERE name = 'Once p1'))"));

# A client that logs in many times at once with one device token keeps its device: all get the same next token, unless there are more
# attempts at once than device and account together allow.
$who = person();
my $device = sql("SELECT bastion_api.login('$who->{mail}', 'correct horse', device_token => '') ->> 'device_token'");
my $id = substr $device, 7, 32;
my %next;
$next{$_}++ for together("coalesce(a ->> 'device_token', a ->> 'error') FROM bastion_api.login('$who->{mail}', 'correct horse', device_token => '$device') a");
delete $next{too_many_attempts};
is(scalar(keys %next), 1, 'the token of a device: all that log in get the same next one');
like((keys %next)[0], qr/^bst_dv_${id}_/, 'of the same device');
is(sql("SELECT count(*) FROM bastion.user_devices WHERE user_id = '$who->{user}' AND revoked_at IS NULL"), 1, 'which stays known, and the only one');

$node->stop;
done_testing();

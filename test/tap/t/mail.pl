# Mail from request to inbox: one of many uses of a link or code wins, senders do not take the same mail, notifications, known and
# unknown addresses cost the same, tokens are at rest nowhere, dump and standby, and tools/mailer with a real SMTP server.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = new_server('primary', <<'CONF');
shared_preload_libraries = 'pg_bastion,auto_explain'
bastion.outbox = on
max_connections = 100
wal_level = logical
CONF
$server->safe_psql('postgres', <<'SQL');
CREATE ROLE sender LOGIN;
SELECT bastion.allow_mailer_role('sender');
INSERT INTO bastion.users (email, email_verified_at) SELECT 'known' || n || '@tap.example', now() FROM generate_series(1, 200) n;
SQL

# What a sender gets for an address: link or code.
sub mailed {
    my ($kind) = @_;
    return $server->safe_psql('postgres', "SELECT coalesce(token, code) FROM bastion.outbox_claim('tap', 100) WHERE kind = '$kind'", extra_params => [ '-U', 'sender' ]);
}
sub ask { return $server->safe_psql('postgres', "SET ROLE app; SELECT bastion_api.$_[0]") }

# 64 at once

sub race {
    my ($name, $call, $sessions) = @_;
    my $before = $server->safe_psql('postgres', 'SELECT count(*) FROM bastion.sessions');
    $server->pgbench('-n -c 64 -j 2 -t 1 -U app', 0, [qr/processed: 64\/64/], [qr/^(?:pgbench: .*\n?)*$/], "$name: 64 at once", { "race_$name" => "SELECT bastion_api.$call;" });
    is($server->safe_psql('postgres', 'SELECT count(*) FROM bastion.sessions') - $before, $sessions, "$name: one wins");
}
ask(q{request_login_link('ann@tap.example')});
my $link = mailed('magic_link');
like($link, qr/^bst_ot_[0-9a-f]{32}_[\w-]{43}$/, 'a link');
race('link', "login_link('$link')", 1);
my ($request) = ask(q{request_login_code('bob@tap.example')}) =~ /"request": "([^"]+)"/;
my $code = mailed('code');
like($code, qr/^\d{6}$/, 'a code');
race('code', "login_code('$request', '$code')", 1);
($request) = ask(q{request_login_code('bob@tap.example')}) =~ /"request": "([^"]+)"/;
my $other = mailed('code');
my $wrong = $other eq '111111' ? '222222' : '111111';
race('wrong code', "login_code('$request', '$wrong')", 0);
is($server->safe_psql('postgres', "SELECT bastion_internal.throttle_try('code', concat_ws(' ', id, generation)) > 0 FROM bastion.one_time_tokens WHERE id = '$request'"), 't', 'no more wrong codes are evaluated');
race('right code after them', "login_code('$request', '$other')", 0);

# Many senders

$server->safe_psql('postgres', q{SELECT bastion.outbox_clear()});
$server->safe_psql('postgres', q{SELECT count(bastion_api.request_password_reset('known' || n || '@tap.example')) FROM generate_series(1, 200) n});
$server->safe_psql('postgres', 'CREATE TABLE taken (id bigint); GRANT INSERT ON taken TO sender');
$server->pgbench('-n -c 16 -j 2 -t 20 -U sender', 0, [qr/processed: 320\/320/], [qr/^(?:pgbench: .*\n?)*$/], 'sixteen senders',
    { senders => q{INSERT INTO taken SELECT id FROM bastion.outbox_claim('sender ' || :client_id, 3);} });
is($server->safe_psql('postgres', 'SELECT count(*), count(DISTINCT id) FROM taken'), '200|200', 'each mail has one sender');

# Notifications

my $listener = $server->background_psql('postgres', extra_params => [ '-U', 'sender' ]);
$listener->query_safe('LISTEN bastion_outbox');
sub notified { return $listener->query_safe('SELECT 1') =~ /notification "bastion_outbox" received/ ? 'yes' : 'no' }
ask(q{request_login_link('ann@tap.example')});
is(notified(), 'yes', 'mail that waits notifies');
ask(q{request_login_link('nobody@tap.example')});
is(notified(), 'yes', 'mail to an unknown address too');
ask(q{request_login_link('x')});
$server->safe_psql('postgres', q{SELECT bastion_api.login('ann@tap.example', 'wrong'); BEGIN; SELECT bastion_api.request_login_link('ann@tap.example'); ROLLBACK;});
is(notified(), 'no', 'what queues nothing does not');
$listener->quit;

# Known and unknown addresses: the same rows, and the same time of the processor. The two kinds take turns in one backend.

my $session = $server->background_psql('postgres');
my $backend = $session->query_safe('SELECT pg_backend_pid()');
sub spent { return (split / /, slurp_file("/proc/$backend/stat") =~ s/.*\) //sr)[11] + (split / /, slurp_file("/proc/$backend/stat") =~ s/.*\) //sr)[12] }
my %spent = (known => 0, unknown => 0);
my %rows;
$session->query_safe(q{SELECT count(bastion_api.request_login_link(k || n || '@tap.example')) FROM generate_series(1, 200) n, unnest(ARRAY['known', 'unknown']) k});
for my $round (1 .. 10) {
    for my $kind ($round % 2 ? qw(known unknown) : qw(unknown known)) {
        my $count = q{SELECT concat_ws(' ', (SELECT count(*) FROM bastion.one_time_tokens), (SELECT count(*) FROM bastion.outbox), (SELECT count(*) FROM bastion.events))};
        my @before = split / /, $session->query_safe($count);
        my $start = spent();
        $session->query_safe("SELECT count(bastion_api.request_login_link('$kind' || n || '\@tap.example')) FROM generate_series(1, 200) n");
        $spent{$kind} += spent() - $start;
        my @after = split / /, $session->query_safe($count);
        $rows{$kind} .= join(' ', map { $after[$_] - $before[$_] } 0 .. 2) . "\n";
    }
}
$session->quit;
is($rows{known}, $rows{unknown}, 'known and unknown addresses write the same rows');
my $ratio = $spent{known} / ($spent{unknown} || 1);
note "ticks: $spent{known} for known addresses, $spent{unknown} for unknown ones";
ok($ratio > 0.8 && $ratio < 1.25, sprintf 'and cost the same: ratio %.2f', $ratio);

# At rest

$server->append_conf('postgresql.conf', $talkative . <<'CONF');
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
auto_explain.log_analyze = on
auto_explain.log_verbose = on
CONF
$server->restart;
$server->safe_psql('postgres', q{SELECT bastion.outbox_clear(); UPDATE bastion.one_time_tokens SET mailed_at = mailed_at - interval '1 hour'});
my %secret;
ask(q{request_login_link('ann@tap.example')});
$secret{link} = mailed('magic_link');
ask(q{request_password_reset('ann@tap.example')});
$secret{reset} = mailed('reset_password');
$server->safe_psql('postgres', q{DELETE FROM bastion.one_time_tokens WHERE purpose = 'code'});
($request) = ask(q{request_login_code('ann@tap.example')}) =~ /"request": "([^"]+)"/;
$code = mailed('code');
ask("login_code('$request', '$code')");
like(ask("login_link('$secret{link}')"), qr/"access_token"/, 'a link logs in, under a log that writes all');
is(ask("reset_password('$secret{reset}', 'another horse')"), '{}', 'and resets');
answer_of($server, "SELECT bastion_api.verify_email('$secret{link}')::int; SELECT bastion_api.login_code('$request', '$code')::int; SELECT '$secret{link}'::int");
$server->safe_psql('postgres', 'CHECKPOINT');
my ($dump) = run_command([ 'pg_dump', $server->connstr('postgres') ]);
like($dump, qr/COPY bastion\.one_time_tokens/, 'the dump has the rows of tokens');
my $log = slurp_file($server->logfile);
like($log, qr/login_link/, 'the log was searched');
for my $name (sort keys %secret) {
    my $mac = (split /_/, $secret{$name}, 4)[3] // $secret{$name};
    my $tail = substr $secret{$name}, -40;
    unlike($log, qr/\Q$tail/, "$name: not in the log");
    unlike($dump, qr/\Q$tail/, "$name: not in a dump");
    my ($found) = run_command([ 'grep', '-rlaF', '--', $tail, $server->data_dir ]);
    is($found, '', "$name: in no file of the server");
}
my ($lines) = grep { /'$code'|= '?$code\b/ } split /\n/, $log;
is($lines, undef, 'code: not in the log');
unlike($dump, qr/\t$code\t/, 'code: not in a dump');

# A dump restored elsewhere, and a standby

$server->safe_psql('postgres', q{UPDATE bastion.one_time_tokens SET mailed_at = mailed_at - interval '1 hour'});
ask(q{request_login_link('bob@tap.example')});
my $standby = standby_of($server);
like(answer_of($standby, $_), qr/ERROR: .*25006/, "a standby refuses: $_")
    for q{SELECT bastion_api.request_login_link('bob@tap.example')}, q{SELECT bastion_api.login_link('x')}, q{SELECT * FROM bastion.outbox_claim('x')};
$standby->stop;
my $folder = PostgreSQL::Test::Utils::tempdir();
command_ok([ 'pg_dump', '-Fc', '-f', "$folder/dump", $server->connstr('postgres') ], 'dump');
$server->safe_psql('postgres', 'CREATE DATABASE copy');
run_command([ 'pg_restore', '-d', $server->connstr('copy'), "$folder/dump" ]);
my $in_copy = $server->safe_psql('copy', q{SELECT token FROM bastion.outbox_claim('copy') WHERE address = 'bob@tap.example'});
is($in_copy, mailed('magic_link'), 'a copy derives the same link');
like($server->safe_psql('copy', "SELECT bastion_api.login_link('$in_copy')"), qr/"access_token"/, 'and takes it');
$server->safe_psql('copy', q{SELECT bastion_api.request_login_link('ann@tap.example')});
is($server->safe_psql('copy', 'SELECT bastion.outbox_clear() > 0'), 't', 'unless its mail was cleared');

# tools/mailer, with an SMTP server

SKIP: {
    my $python = '/usr/bin/python3';
    skip 'python3-aiosmtpd or python3-psycopg is not installed', 1 if system("$python -c 'import aiosmtpd, psycopg' 2>/dev/null") != 0;
    my $port = PostgreSQL::Test::Cluster::get_free_port();
    my $inbox = "$folder/inbox";
    append_to_file("$folder/smtp.py", <<'PY');
import email, email.policy, sys
from aiosmtpd.controller import Controller
class Sink:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return "550 no such user, bst_ot_echoed"
        envelope.rcpt_tos.append(address)
        return "250 OK"
    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        with open(sys.argv[2], "a") as inbox:
            inbox.write("".join(f"{name}: {value}\n" for name, value in message.items()))
            inbox.write("".join(part.get_content() for part in message.walk() if not part.is_multipart()).replace("\r", "") + "\n=====\n")
        return "250 OK"
controller = Controller(Sink(), hostname="127.0.0.1", port=int(sys.argv[1]))
controller.start()
print("ready", flush=True)
sys.stdin.read()
PY
    my ($in, $out, $err) = ('', '', '');
    my $smtp = IPC::Run::start([ $python, "$folder/smtp.py", $port, $inbox ], \$in, \$out, \$err);
    $smtp->pump until $out =~ /ready/ || $err ne '';
    is($err, '', 'the SMTP server runs');

    mkdir "$folder/own"; mkdir "$folder/own/de";
    append_to_file("$folder/own/de/code.txt", "Zahl \$code\nEigene Vorlage: \$code\n");
    local %ENV = (%ENV, PGHOST => $server->host, PGPORT => $server->port, PGDATABASE => 'postgres', SMTP_HOST => '127.0.0.1', SMTP_PORT => $port,
        MAIL_FROM => 'Acme <no-reply@acme.example>', MAIL_SITE => 'Acme & Co', MAIL_LINK => 'https://app.example/{kind}#{token}', MAIL_TEMPLATES => "$folder/own");
    my @mailer = ('env', 'PGUSER=sender', $python, "$ENV{BASTION_SOURCE}/tools/mailer");
    $server->safe_psql('postgres', <<'SQL');
SELECT bastion.outbox_clear();
DELETE FROM bastion.one_time_tokens;
INSERT INTO bastion.users (email, email_verified_at) VALUES ('refused@tap.example', now());
SELECT bastion_api.request_password_reset('ann@tap.example'), bastion_api.request_password_reset('nobody@tap.example'), bastion_api.request_password_reset('refused@tap.example');
BEGIN;
SET LOCAL request.headers = '{"accept-language": "de-AT,de"}';
SELECT bastion_api.request_login_code('ann@tap.example'), bastion_api.request_login_link('bob@tap.example');
SET LOCAL request.headers = '{"accept-language": "xx"}';
SELECT bastion_api.request_login_link('known1@tap.example');
COMMIT;
UPDATE bastion.one_time_tokens SET used_at = now() WHERE address = 'known1@tap.example';
SELECT bastion.authenticate(bastion.token_issue(u.id, m.tenant_id)) IS NOT NULL, bastion.invite('cat@tap.example', 'member')
FROM bastion.users u JOIN bastion.memberships m ON m.user_id = u.id WHERE u.email = 'bob@tap.example';
SQL
    my ($mails, $complaints) = run_command([ @mailer, '--once' ]);
    like($complaints, qr/^mail \d+: SMTP 550$/, 'the sender says what failed, without a word of the answer');
    my @mails = split /\n=====\n/, slurp_file($inbox);
    is(scalar @mails, 4, 'mail to known addresses with good links arrives');
    my ($reset) = grep { /Subject: Acme & Co: choose a new password/ } @mails;
    like($reset, qr/^To: ann\@tap\.example$/m, 'in English without a language');
    like($reset, qr/^From: Acme <no-reply\@acme\.example>$/m, 'from the configured sender');
    my ($token) = $reset =~ m{^https://app\.example/reset_password#(bst_ot_[\w-]{76})$}m;
    like($reset, qr{<a href="https://app\.example/reset_password#\Q$token\E">}, 'with a link in text and HTML');
    like($reset, qr{at Acme &amp; Co\.}, 'escaped in HTML');
    is(ask("reset_password('$token', 'the third horse')"), '{}', 'the link from the inbox works');
    ok((grep { /Subject: Zahl \d{6}/ && /Eigene Vorlage: \d{6}/ } @mails), 'a template of the application comes first');
    ok((grep { /^Subject: .*anmelden/m && /To: bob/ } @mails), 'the language without its region otherwise');
    ok((grep { /To: cat/ && /Bob|Acme/ } @mails), 'an invitation arrives');
    is($server->safe_psql('postgres', q{SELECT kind, attempts, error, available_at > now() + interval '1 min' FROM bastion.outbox WHERE done_at IS NULL AND attempts > 0}), 'reset_password|1|SMTP 550|t', 'what was refused is due again');

    # It waits for notifications.
    my ($mailer_in, $mailer_out, $mailer_err) = ('', '', '');
    my $running = IPC::Run::start(\@mailer, \$mailer_in, \$mailer_out, \$mailer_err);
    $server->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE usename = 'sender' AND query ~ 'outbox_claim' AND state = 'idle'}) or die 'no sender';
    ask(q{request_login_link('known2@tap.example')});
    $server->poll_query_until('postgres', q{SELECT done_at IS NOT NULL FROM bastion.outbox WHERE address = 'known2@tap.example' AND token_id IN (SELECT id FROM bastion.one_time_tokens) ORDER BY id DESC LIMIT 1}) or die 'not sent';
    like(slurp_file($inbox), qr/^To: known2\@tap\.example$/m, 'mail that is queued later arrives');
    $running->kill_kill;
    $smtp->kill_kill;
}

$server->stop;
done_testing();

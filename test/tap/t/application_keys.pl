# Keys for applications beside OpenSSL's own tools, which verify what a key signed, wrap a key that is imported, and unwrap one that
# was exported; and on a hot standby, where keys are used and none is rotated.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use MIME::Base64 qw(decode_base64url encode_base64url);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = new_server('primary');
my $token = token_of($server, 'ann');
my $folder = PostgreSQL::Test::Utils::tempdir();
$server->safe_psql('postgres', q{SELECT bastion.resource_register('bills', '{sign,verify,mac,wrap,unwrap}')});

# as_ann(SERVER, SQL): the answers of statements in one transaction of Ann.
sub as_ann {
    my ($on, $sql) = @_;
    my ($out, $err) = run_psql($on, "BEGIN; SELECT FROM bastion.authenticate('$token'); $sql; COMMIT");
    is($err, '', 'no error: ' . substr $sql, 0, 60);
    return $out =~ s/^\n|\n\z//gr;
}
sub file {
    my ($name, $bytes) = @_;
    append_to_file("$folder/$name", $bytes);
    return "$folder/$name";
}
sub openssl { return system('openssl', @_) == 0 }
# r and s of RFC 7518 as the ASN.1 of OpenSSL, and back.
sub number { my $n = $_[0] =~ s/^\0+//r; $n = "\0$n" if ord($n) & 0x80; return "\x02" . chr(length $n) . $n }
sub der { my ($raw) = @_; my $body = join '', map { number($_) } unpack 'a32 a32', $raw; return "\x30" . chr(length $body) . $body }
sub raw { my (undef, $r, $s) = unpack 'a3 C/a x C/a', $_[0]; return join '', map { substr "\0" x 32 . $_, -32 } $r, $s }

my $data = file('data', 'bill 7');
my %verify = (EdDSA => [ 'pkeyutl', '-verify', '-rawin', '-in', $data ], RS256 => [ 'dgst', '-sha256' ], ES256 => [ 'dgst', '-sha256' ],
    PS256 => [ 'dgst', '-sha256', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:32' ]);
for my $algorithm (sort keys %verify) {
    is(as_ann($server, "SELECT bastion.key_create('$algorithm', '$algorithm', 'bills', rotate_every => '1 hour')"), '1', "$algorithm: created");
    my $pem = file("$algorithm.pem", as_ann($server, "SELECT pem FROM bastion.key_public('$algorithm')") . "\n");
    my $signature = decode_base64url(as_ann($server, "SELECT bastion.key_sign('$algorithm', 'bill 7')") =~ s/^v1[.]//r);
    my $signed = file("$algorithm.sig", $algorithm eq 'ES256' ? der($signature) : $signature);
    my @command = @{ $verify{$algorithm} };
    ok(openssl(@command, $algorithm eq 'EdDSA' ? ('-pubin', '-inkey', $pem, '-sigfile', $signed) : ('-verify', $pem, '-signature', $signed, $data)),
        "$algorithm: OpenSSL verifies the signature");
}

# A key of OpenSSL, wrapped by it.
my @oaep = map { ('-pkeyopt', $_) } qw(rsa_padding_mode:oaep rsa_oaep_md:sha256 rsa_mgf1_md:sha256);
my @kwp = ('enc', '-id-aes256-wrap-pad', '-iv', 'A65959A6');
as_ann($server, q{SELECT bastion.key_create('transport', 'RSA-OAEP-256')});
my $transport = file('transport.pem', as_ann($server, q{SELECT pem FROM bastion.key_public('transport')}) . "\n");
openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', "$folder/ec.pem") or die 'genpkey';
openssl('pkcs8', '-topk8', '-nocrypt', '-in', "$folder/ec.pem", '-outform', 'DER', '-out', "$folder/ec.p8") or die 'pkcs8';
openssl('rand', '-out', "$folder/aes", '32') or die 'rand';
openssl(@kwp, '-K', unpack('H*', slurp_file("$folder/aes")), '-in', "$folder/ec.p8", '-out', "$folder/kwp") or die 'enc';
openssl('pkeyutl', '-encrypt', '-pubin', '-inkey', $transport, @oaep, '-in', "$folder/aes", '-out', "$folder/oaep") or die 'pkeyutl';
my $wrapped = unpack 'H*', slurp_file("$folder/oaep") . slurp_file("$folder/kwp");
is(as_ann($server, "SELECT bastion.key_import('moved', 'ES256', decode('$wrapped', 'hex'), 'transport', 'bills', exportable => true)"), '1', 'a key of OpenSSL is imported');
openssl('dgst', '-sha256', '-sign', "$folder/ec.pem", '-out', "$folder/of_openssl", $data) or die 'dgst';
my $of_openssl = encode_base64url(raw(slurp_file("$folder/of_openssl")));
is(as_ann($server, "SELECT bastion.key_verify('moved', 'bill 7', 'v1.$of_openssl')"), 't', 'and verifies what OpenSSL signed');

# And out again.
openssl('genrsa', '-out', "$folder/rsa.pem", '2048') or die 'genrsa';
openssl('rsa', '-in', "$folder/rsa.pem", '-pubout', '-out', "$folder/rsa.pub") or die 'rsa';
my $recipient = slurp_file("$folder/rsa.pub");
my $exported = pack 'H*', as_ann($server, "SELECT encode(bastion.key_export('moved', '$recipient'), 'hex')");
file('oaep2', substr $exported, 0, 256);
file('kwp2', substr $exported, 256);
ok(openssl('pkeyutl', '-decrypt', '-inkey', "$folder/rsa.pem", @oaep, '-in', "$folder/oaep2", '-out', "$folder/aes2"), 'OpenSSL unwraps the AES key of an export');
ok(openssl(@kwp, '-d', '-K', unpack('H*', slurp_file("$folder/aes2")), '-in', "$folder/kwp2", '-out', "$folder/back.p8"), 'and the key');
ok(openssl('pkcs8', '-inform', 'DER', '-nocrypt', '-in', "$folder/back.p8", '-out', "$folder/back.pem"), 'which is PKCS#8');
openssl('pkey', '-in', "$folder/$_.pem", '-pubout', '-out', "$folder/$_.pub") or die 'pkey' for 'ec', 'back';
is(slurp_file("$folder/back.pub"), slurp_file("$folder/ec.pub"), 'the same that came in');

# A standby: a rotation that is due waits for the primary.
my $signature = as_ann($server, q{SELECT bastion.key_sign('EdDSA', 'bill 7')});
$server->safe_psql('postgres', q{UPDATE bastion.application_keys SET rotated_at = rotated_at - interval '1 day' WHERE name = 'EdDSA'});
my $standby = standby_of($server);
is(as_ann($standby, "SELECT bastion.key_verify('EdDSA', 'bill 7', '$signature'), bastion.key_sign('EdDSA', 'bill 7') = '$signature'"), 't|t', 'a standby verifies and signs');
is(as_ann($server, q{SELECT left(bastion.key_sign('EdDSA', 'bill 7'), 2)}), 'v1', 'the primary makes the next version');
$server->wait_for_catchup($standby);
is(as_ann($standby, q{SELECT left(bastion.key_sign('EdDSA', 'bill 7'), 2)}), 'v2', 'with which the standby signs then');
as_ann($server, q{SELECT bastion.key_update('EdDSA', deletable => true), bastion.key_delete('EdDSA')});
$server->wait_for_catchup($standby);
my (undef, $err) = run_psql($standby, "BEGIN; SELECT FROM bastion.authenticate('$token'); SELECT bastion.key_sign('EdDSA', 'x'); COMMIT");
like($err, qr/key does not exist/, 'a deleted key signs nothing there');

$_->stop for $server, $standby;
done_testing();

# Filters of breached passwords: tools/breach-filter makes them, and a server refuses the passwords in them. A filter that cannot
# be used refuses every new password: missing, truncated, damaged, of another kind, replaced while the server runs.
use strict;
use warnings FATAL => 'all';
use Digest::SHA 'sha1_hex';
use File::Copy 'copy';
use PostgreSQL::Test::Utils;
use Test::More;
use BastionServer;

my $tool = "$ENV{BASTION_SOURCE}/tools/breach-filter";
my $server = new_server('main');
my $folder = $server->basedir;
my ($filter, $other) = map { "$folder/$_" } 'breaches', 'other';

sub write_file {
    my ($name, @lines) = @_;
    open my $file, '>', "$folder/$name" or die "$name: $!";
    print {$file} @lines;
    close $file;
    return "$folder/$name";
}

sub hashes { return sort map { uc sha1_hex($_) } @_ }

# tool(ARGUMENT, ...): its status and its output, in one text.
sub tool {
    my ($out, $err) = run_command([ $tool, @_ ]);
    return join ' ', grep { $_ ne '' } $out, $err;
}

my $source = write_file('hashes.txt', map { "$_:7\r\n" } hashes('correct horse battery', 'summer in the office', map { "number $_" } 1 .. 1000));
like(tool('make', $filter, $source), qr{^1002 SHA-1 hashes in \Q$filter\E, \d+ bytes$}, 'a file of hashes');
is(tool('check', $filter), '1002 SHA-1 hashes, fingerprints of 24 bits', 'is whole');

# as the service publishes them: a file for each prefix, with the rest of the hashes
mkdir "$folder/prefixes";
my %rest;
push @{ $rest{ substr $_, 0, 5 } }, substr($_, 5) . ':1' for hashes('correct horse battery', map { "number $_" } 1 .. 1000);
write_file("prefixes/$_.txt", join "\n", reverse sort @{ $rest{$_} }) for keys %rest;
write_file('prefixes/README', 'of the download');
like(tool('make', $other, "$folder/prefixes", '--bits', '32'), qr/^1001 SHA-1 hashes .* only \d+ of 1048576 prefixes have a file/, 'a folder of prefixes');
is(tool('check', $other), '1001 SHA-1 hashes, fingerprints of 32 bits', 'is whole too');

# NTLM, and what the tool refuses
my $ntlm = write_file('ntlm.txt', "8846F7EAEE8FB117AD06BDD830B7586C:3\n", "E19CCF75EE54E06B06A5907AF13CEF42\n");
like(tool('make', $other, $ntlm), qr/^2 NTLM hashes/, 'NTLM hashes');
for my $case (
    [ 'mixed', qr/mixes SHA-1 and NTLM/, "8846F7EAEE8FB117AD06BDD830B7586C\n", hashes('x') ],
    [ 'unordered', qr/not in ascending order\nLC_ALL=C sort/, map { "$_\n" } reverse hashes(1 .. 9) ],
    [ 'short', qr/no SHA-1 or NTLM hash/, "8846F7EAEE8FB117AD06BDD830B7586\n" ],
    [ 'long', qr/no SHA-1 or NTLM hash/, '0' x 1_000_000 ],
    [ 'other digits', qr/no SHA-1 or NTLM hash/, 'G' x 40 ],
    [ 'passwords', qr/no SHA-1 or NTLM hash/, "correct horse battery\n" ],
    [ 'empty', qr/there are no hashes/, "\n\n" ]) {
    my ($name, $message, @lines) = @$case;
    like(tool('make', "$folder/refused", write_file('refused.txt', @lines)), $message, "$name hashes are refused");
}
like(tool('make', "$folder/refused", $source, '--bits', $_->[0]), $_->[1], "fingerprints of $_->[0] bits")
    for [ 16, qr/more than one good password in a million\n24 bits refuse one in 16 million/ ], [ 25, qr/24 or 32 bits/ ];
like(tool('make', "$folder/refused", "$folder/none"), qr/cannot read/, 'a source that is missing');
like(tool('make', "$folder/refused", $server->data_dir), qr/no file in .* is named by five/, 'a folder of other files');
like(tool(@$_), qr/^usage: /, "usage of @$_") for [], ['make'], [ 'find', 'a', 'b' ], [ 'make', $filter, $source, '--bits', '24x' ];
is_deeply([ glob "$folder/refused*" ], ["$folder/refused.txt"], 'no refused call leaves a file');

# in the server
sub signs_up {
    my ($password) = @_;
    return last_line($server->safe_psql('postgres', qq{
        BEGIN;
        SELECT try(\$\$SELECT coalesce(a ->> 'error_description', 'signed up') FROM bastion_api.signup('new\@tap.example', '$password', 'New') a\$\$);
        ROLLBACK}));
}

sub files { return $server->safe_psql('postgres', q{SELECT bastion.status() #>> '{password_files,breach_filter}'}) }
sub findings { return $server->safe_psql('postgres', q{SELECT severity, problem FROM bastion.lint() WHERE object = 'file of new passwords: breach_filter'}) }

is(files(), 'none', 'status() without a filter');
is(signs_up('correct horse battery'), 'signed up', 'any password without a filter');
$server->append_conf('postgresql.conf', "bastion.breach_filter = '$filter'");
reload($server);
is(files(), 'usable', 'status() with a filter');
is(findings(), '', 'and lint()');
my $breached = 'this password is known from a breach of another service';
is(signs_up($_), $breached, "$_ is breached") for 'correct horse battery', 'summer in the office', 'number 1000';
is(signs_up($_), 'signed up', "$_ is not") for 'Correct horse battery', 'winter in the office', 'number 1001';

# another file under the same name counts at once
copy($other, $filter) or die $!;
is(signs_up('correct horse battery'), 'signed up', 'a filter of other hashes');
tool('make', $filter, $source);
is(signs_up('correct horse battery'), $breached, 'and the first one again');

# what cannot be used: no new password, and logins go on
my $whole = slurp_file($filter);
for my $case (
    [ 'truncated', sub { truncate $filter, length($whole) - 1 }, 'its size is wrong' ],
    [ 'empty', sub { truncate $filter, 0 }, 'it ends early' ],
    [ 'of another kind', sub { write_file('breaches', substr($whole, 0, 20), "\x09", substr $whole, 21) }, 'it has hashes of an unknown kind' ],
    [ 'with another header', sub { write_file('breaches', substr($whole, 0, 33), "\x09", substr $whole, 34) }, 'its checksum is wrong' ],
    [ 'a list of passwords', sub { copy($source, $filter) }, 'it is no breach filter' ],
    [ 'writable for others', sub { write_file('breaches', $whole); chmod 0666, $filter }, 'group or others can write it' ],
    [ 'missing', sub { unlink $filter }, 'No such file or directory' ]) {
    my ($name, $damage, $problem) = @$case;
    unlink $filter;
    write_file('breaches', $whole);
    $damage->();
    is(signs_up('winter in the office'), '58030', "$name: no new password");
    is(files(), "could not use the breach filter: $problem", "$name: status()");
    is(findings(), "error|no new password is accepted: could not use the breach filter: $problem", "$name: lint()");
    like($server->safe_psql('postgres', q{SELECT bastion_api.login('ann@tap.example', 'correct horse')}), qr/access_token/, "$name: logins go on");
}
# damaged blocks behind a whole header
write_file('breaches', substr($whole, 0, 256), "\0" x (length($whole) - 256));
is(files(), 'usable', 'damaged blocks: status() reads the header alone');
like(tool('check', $filter), qr/a block is damaged/, 'damaged blocks: the tool reads all');
is(signs_up('winter in the office'), '58030', 'damaged blocks: no new password');
my (undef, undef, $shown) = $server->psql('postgres', q{SELECT bastion_api.signup('new@tap.example', 'winter in the office', 'New')});
is($shown =~ /ERROR/ && $shown =~ /\Q$folder\E/, '', 'the client does not learn the path');
like(slurp_file($server->logfile), qr/DETAIL:  The file is "\Q$filter\E"\./, 'the path is in the log');

$server->stop;
done_testing();

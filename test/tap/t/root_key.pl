# The root key: permitted places, refused files, and functions that work without it. The test collects every message,
# and none may hold the key.
use strict;
use warnings;
use Fcntl ':mode';
use POSIX 'mkfifo';
use BastionServer qw(reload);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('root_key');
$node->init;
$node->start;
my $data = $node->data_dir;
my $auto = "$data.bastion-root-key";
my $keys = PostgreSQL::Test::Utils::tempdir;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_bastion; CREATE ROLE app; SELECT bastion.allow_app_role(\'app\')');

my ($said, %known_keys) = ('');

# Output and errors of a script, with SQLSTATEs.
sub run {
    my ($sql, $database) = @_;
    my ($out, $err);
    $node->psql($database // 'postgres', $sql, stdout => \$out, stderr => \$err,
        extra_params => [ '-v', 'VERBOSITY=verbose' ]);
    $said .= "$out\n$err\n";
    $err =~ s/^psql:<stdin>:\d+: |\nLOCATION:.*//gm;
    return ($out, $err);
}

sub refused {
    my ($sql, $pattern, $name) = @_;
    my ($out, $err) = run($sql);
    like($err, $pattern, $name);
}

sub answers {
    my ($sql, $expected, $name) = @_;
    my ($out, $err) = run($sql);
    is($err, '', "$name: no error");
    ref $expected ? like($out, $expected, $name) : is($out, $expected, $name);
}

sub mode_of { return sprintf '%04o', S_IMODE((stat $_[0])[2]) }

sub remember_key {
    my ($file) = @_;
    my ($key) = slurp_file($file) =~ /^pg_bastion root key 1 ([0-9a-f]{64})\n\z/ or die "$file holds no key";
    $known_keys{$key} = 1;
    return $key;
}

sub write_file {
    my ($file, $content, $mode) = @_;
    unlink $file;
    open my $handle, '>', $file or die "$file: $!";
    print $handle $content;
    close $handle;
    chmod $mode, $file;
}

# The key id that a new session finds under a setting; a reload is over when a session shows the setting.
sub use_key {
    my ($setting) = @_;
    $node->safe_psql('postgres', "ALTER SYSTEM SET bastion.root_key = '$setting'");
    reload($node);
}

# Without a root key

my $sign_up = "SELECT bastion_api.signup('ann\@root.example', 'correct horse', 'Ann') ? 'access_token'";
my $no_key = qr/^ERROR:  BA001: no root key\nHINT:  Restore the root key file from its copy\. Where there never was one, a superuser runs SELECT bastion\.init\(\)\./;
refused('SELECT bastion.root_key_id()', $no_key, 'no root key: what to do is said');
refused($sign_up, $no_key, 'no root key: sign-up');
answers('SELECT (SELECT count(*) FROM bastion.users), (SELECT count(*) FROM bastion.tenants), (SELECT count(*) FROM bastion.data_keys)',
    '0|0|0', 'no root key: sign-up leaves nothing');
unlike($said, qr/\Q$auto\E/, 'the client is not told the path');
ok($node->log_contains(qr/DETAIL:  The root key file is "\Q$auto\E"/), 'the log is');

sub what_needs_no_root_key {
    my ($when) = @_;
    my $key = q('{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}');
    answers(q{SELECT bastion.password_verify('x', bastion.password_hash('x', 'bcrypt', '{"cost": 4}'))}, 't', "$when: passwords");
    answers("SELECT bastion.jwt_verify(bastion.jwt_sign('{\"sub\": \"x\"}', $key), $key, '{\"allow_missing_exp\": true}')",
        '{"sub": "x"}', "$when: tokens with a key of the caller");
    answers(q{SELECT bastion.whoami() ->> 'state', bastion.user_id() IS NULL, bastion.jwks() ? 'keys'}, 'anonymous|t|t', "$when: the context");
    answers(q{SELECT bastion_api.login('nobody', 'correct horse') ->> 'error'}, 'invalid_grant', "$when: login of nobody");
    answers(q{BEGIN; CREATE TABLE documents (id int, tenant_id uuid); SELECT count(*) > 0 FROM bastion.protect('documents');
        SELECT status FROM bastion.protection; SELECT count(*) FROM bastion.schema_guard('public'); SET ROLE app; SELECT count(*) FROM bastion.users; ROLLBACK},
        "t\nok\n0\n0", "$when: protected tables");
    answers(q{SELECT bastion.status() -> 'root_key' ->> 'loaded' IS NULL, bastion.status() -> 'root_key' ? 'reason'}, 't|t', "$when: status");
    refused(q{SELECT bastion.authenticate('a.b.c')}, qr/^ERROR:  28000: invalid token/, "$when: a wrong token");
}
what_needs_no_root_key('no root key');

# init() in several sessions at once: one makes the file, and the others find it.

$node->safe_psql('postgres', 'CREATE TABLE made (answer jsonb)');
for my $round (1 .. 5) {
    $node->pgbench('-n -c 6 -j 6 -t 1', 0, [qr/processed: 6\/6/], [], "init() six times at once, round $round",
        {"init_$round" => 'INSERT INTO made SELECT bastion.init()'});
    is($node->safe_psql('postgres', q{SELECT count(DISTINCT answer ->> 'root_key_id'), count(answer ->> 'path'), count(*) FROM made}), '1|1|6', 'makes one key');
    is_deeply([glob "$auto*"], [$auto], 'and one file');
    $node->safe_psql('postgres', 'TRUNCATE made');
    unlink $auto or die $!;
}
$node->safe_psql('postgres', 'DROP TABLE made');

# init()

my ($out) = run('SELECT path, root_key_id, notice, configuration FROM jsonb_to_record(bastion.init()) AS (path text, root_key_id text, notice text, configuration text)');
my ($path, $id, $notice, $configuration) = split /\|/, $out, -1;
is($path, $auto, 'init() makes the file beside the data directory');
like($id, qr/^[0-9a-f]{16}$/, 'and returns the id of the root key');
like($notice, qr/copy this file now/, 'and what to do');
is($configuration, '', "'auto' needs no configuration");
is(mode_of($auto), '0600', 'only the server reads it');
remember_key($auto);
answers('SELECT bastion.root_key_id()', $id, 'it is in use at once');
answers(q{SELECT i ->> 'root_key_id', i ->> 'in_use', i ? 'path' FROM bastion.init() i}, "$id|true|f", 'a second init() says that it is in use');
$node->safe_psql('postgres', 'CREATE DATABASE second');
($out) = run(q{SET client_min_messages = warning; CREATE EXTENSION pg_bastion; SELECT i ->> 'root_key_id', i ->> 'in_use' FROM bastion.init() i}, 'second');
is($out, "$id|true", 'and so in another database of the server');
answers('SELECT bastion.root_key_id()', $id, 'and changes nothing');
answers($sign_up, 't', 'sign-up works');

# A vault whose making is rolled back leaves nothing behind in the session.
$node->safe_psql('postgres', 'CREATE DATABASE rolled_back');
($out, my $err) = run(q{SET client_min_messages = warning; CREATE EXTENSION pg_bastion; BEGIN; SELECT bastion_internal.data_key('signing') IS NOT NULL; ROLLBACK;
    SELECT bastion_api.signup('ann@root.example', 'correct horse', 'Ann') ? 'access_token'}, 'rolled_back');
is("$out$err", "t\nt", 'a second vault in one session has its own key');
($out, $err) = run("SELECT bastion_api.login('ann\@root.example', 'correct horse') ? 'access_token'", 'rolled_back');
is("$out$err", 't', 'and so in the next one');

# init() with a path

refused(q{SELECT bastion.init('relative')}, qr/^ERROR:  22023: invalid root key source\nHINT:  Use 'auto', 'file:' and an absolute path, 'credential:'/, 'a relative path');
refused("SELECT bastion.init('$data/key')", qr/^ERROR:  22023: .*it would lie inside the data directory\nHINT:  Every base backup/, 'inside the data directory');
refused("SELECT bastion.init('$data/../pgdata/base/key')", qr/^ERROR:  22023: .*inside the data directory/, 'inside the data directory, in disguise');
symlink("$data/base", "$keys/link") or die $!;
refused("SELECT bastion.init('$keys/link/key')", qr/^ERROR:  22023: .*inside the data directory/, 'inside the data directory, through a link');
refused("SELECT bastion.init('$keys/nowhere/key')", qr/^ERROR:  58030: could not create root key file .*No such file or directory/, 'a folder that is not there');
mkdir "$keys/closed", 0500;
SKIP: {
    skip 'root can write anywhere', 1 if $> == 0;
    refused("SELECT bastion.init('$keys/closed/key')", qr/^ERROR:  22023: .*not writable for the server's user\nHINT:  Name another path/, 'a folder that is not writable');
}
symlink("$keys/target", "$keys/dangling") or die $!;
refused("SELECT bastion.init('$keys/dangling')", qr/^ERROR:  22023: .*it exists/, 'a dangling link');
ok(!-e "$keys/target", 'what it points to was not made');
SKIP: {
    skip 'no other device', 1 unless -w '/dev/shm' && (stat '/dev/shm')[0] != (stat $data)[0];
    refused("SELECT bastion.init('/dev/shm/bastion-root-key-$$')", qr/^ERROR:  22023: .*on another device.*\nHINT:  The key of a container/, 'another device');
}
refused("SET ROLE app; SELECT bastion.init('$keys/app')", qr/^ERROR:  42501: /, 'an application role');

my $odd = qq{$keys/it's a "key" \\ 1};
(my $quoted = $odd) =~ s/'/''/g;
($out) = run("SELECT path, root_key_id, configuration FROM jsonb_to_record(bastion.init('$quoted')) AS (path text, root_key_id text, configuration text)");
my ($odd_path, $odd_id, $line) = split /\|/, $out;
is($odd_path, $odd, 'init() with an odd path');
ok(-f $odd, 'makes that file');
remember_key($odd);
answers('SELECT bastion.root_key_id()', $id, 'which is not in use yet');
my $log_in = "SELECT bastion_api.login('ann\@root.example', 'correct horse') ? 'access_token'";
$node->append_conf('postgresql.conf', $line);
$node->restart;
answers('SELECT bastion.root_key_id()', $odd_id, 'the line that it returned puts it in use');

answers($log_in, 't', 'beside the one that sealed');
my $logged_in = $node->safe_psql('postgres', 'SELECT clock_timestamp()');

# Another key than the one that sealed

($line) = $line =~ /^(.*),auto'$/ or die $line;
$node->append_conf('postgresql.conf', "$line'");
$node->restart;
answers('SELECT bastion.root_key_id()', $odd_id, 'alone');
refused($log_in, qr/^ERROR:  BA002: root key $id is needed but $odd_id is loaded\nHINT:  Point bastion\.root_key at/, 'both keys are named');
answers("SELECT last_login_at < '$logged_in' FROM bastion.users", 't', 'a login that cannot sign leaves nothing');
my $session = $node->background_psql('postgres', on_error_stop => 0);
is($session->query('SELECT bastion.root_key_id()'), $odd_id, 'a session has read the other key');
use_key('auto');
answers($log_in, 't', 'the right one again after a reload');
is($session->query('SELECT bastion.root_key_id()'), $id, 'the open session has it too');
use_key("file:$auto");
answers('SELECT bastion.root_key_id()', $id, 'the same file by its path');

# The file is read again after a reload
rename $auto, "$keys/moved" or die $!;
write_file($auto, "pg_bastion root key 1 " . 'ab' x 32 . "\n", 0600);
$known_keys{ 'ab' x 32 } = 1;
use_key("file:$auto");
unlike($session->query('SELECT bastion.root_key_id()'), qr/^($id|$odd_id|)$/, 'another key in the same file');
unlink $auto;
rename "$keys/moved", $auto or die $!;
use_key("file:$auto");
is($session->query('SELECT bastion.root_key_id()'), $id, 'and the first again');
$session->quit;

# Files that are refused; each by a new session, which reads the file lazily.

my $good = slurp_file($auto);
my $file = "$keys/file";
use_key("file:$file");
for my $mode (0640, 0604, 0660, 0666, 0610, 0744) {
    write_file($file, $good, $mode);
    refused('SELECT bastion.root_key_id()', qr/^ERROR:  BA001: root key file must not be accessible to group or others/, sprintf 'mode %04o', $mode);
}
for my $mode (0600, 0400) {
    write_file($file, $good, $mode);
    answers('SELECT bastion.root_key_id()', $id, sprintf 'mode %04o', $mode);
}
SKIP: {
    skip 'root can read everything', 1 if $> == 0;
    write_file($file, $good, 0200);
    refused('SELECT bastion.root_key_id()', qr/^ERROR:  58030: could not read the root key file: Permission denied/, 'mode 0200');
}
(my $no_newline = $good) =~ s/\n//;
write_file($file, $no_newline, 0600);
answers('SELECT bastion.root_key_id()', $id, 'without the newline');
my ($hex) = $good =~ /([0-9a-f]{64})/;
my %bad = ('empty' => '', 'cut' => substr($good, 0, 50), 'longer' => "$good\n", 'two keys' => $good x 2, 'bare' => "$hex\n",
    'another version' => $good =~ s/key 1/key 2/r, 'no hexadecimal' => $good =~ s/[0-9a-f](?=\n)/g/r, 'spaces' => " $good",
    'carriage return' => $no_newline . "\r\n", 'NUL' => $no_newline . "\0", 'large' => $good . 'x' x 1_000_000, 'no text' => "\xff" x 86);
for my $name (sort keys %bad) {
    write_file($file, $bad{$name}, 0600);
    refused('SELECT bastion.root_key_id()', qr/^ERROR:  BA001: root key file does not hold a root key/, "content: $name");
}
unlink $file;
mkdir $file;
refused('SELECT bastion.root_key_id()', qr/^ERROR:  BA001: root key file is not a regular file/, 'a folder');
rmdir $file;
mkfifo($file, 0600) or die $!;
refused('SELECT bastion.root_key_id()', qr/^ERROR:  BA001: root key file is not a regular file/, 'a pipe does not stop the session');
unlink $file;
symlink($auto, $file) or die $!;
answers('SELECT bastion.root_key_id()', $id, 'a link is followed');
unlink $file;
write_file("$data/key", $good, 0600);
symlink("$data/key", $file) or die $!;
refused('SELECT bastion.root_key_id()', qr/^ERROR:  BA001: root key file must not lie inside the data directory/, 'a link into the data directory');
unlink $file;
refused($log_in, $no_key, 'login without the file');
answers('SELECT last_login_at > now() FROM bastion.users', 'f', 'leaves nothing');
use_key("file:$data/key");
refused('SELECT bastion.root_key_id()', qr/^ERROR:  BA001: root key file must not lie inside the data directory/, 'a file in the data directory');

# Invalid settings. Before the library is loaded a name is a placeholder, whose value is checked when it is.

for my $setting ('', 'x', 'file:', 'file:relative', 'file:/', 'file:/x/', 'AUTO', 'command:', 'command: ', 'auto,command:') {
    refused("SELECT bastion.library_version(); ALTER SYSTEM SET bastion.root_key = '$setting'", qr/^ERROR:  22023: invalid root key source\nHINT:  Use 'auto', 'file:'/, "setting '$setting'");
}
refused("SELECT bastion.library_version(); SET bastion.root_key = 'auto'", qr/^ERROR:  55P02: /, 'no session chooses its key');
use_key('auto');
for my $role ('postgres', 'app') {
    ($out, $err) = run("SET ROLE $role; SET bastion.root_key = 'file:$quoted'; RESET ROLE; SELECT bastion.root_key_id()");
    is($out, $id, "$role cannot choose it with a placeholder either");
}
refused('SELECT bastion.library_version(); SET ROLE app; SHOW bastion.root_key', qr/^ERROR:  42501: /, 'an application role does not see where it is');

# The server starts with every fault of the key.

rename $auto, "$keys/moved" or die $!;
use_key('auto');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_bastion'");
$node->restart;
refused($log_in, $no_key, 'the server started without the file, preloaded');
what_needs_no_root_key('preloaded, no root key');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET bastion.root_key');
$node->append_conf('postgresql.conf', "bastion.root_key = 'file:relative'");
$node->restart;
refused('SELECT bastion.root_key_id()', qr/^ERROR:  BA001: stored value of parameter "bastion\.root_key" is invalid$/, 'the server started with a setting that makes no sense');
ok($node->log_contains('WARNING:  invalid root key source'), 'which the log tells');
$node->append_conf('postgresql.conf', "bastion.root_key = 'auto'");
rename "$keys/moved", $auto or die $!;
$node->restart;
answers($log_in, 't', 'with the file everything works again');

my $everything = $said . slurp_file($node->logfile);
is(scalar(keys %known_keys), 3, 'three keys were made');
is((grep { $everything =~ /$_/i } keys %known_keys), 0, 'none was told to a client or written to the log');
unlink "$data/key";

$node->stop;
done_testing();

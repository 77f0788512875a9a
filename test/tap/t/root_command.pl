# Root keys that commands print: the postmaster runs them when it starts, once, and every connection has the key. A failing
# command stops neither the server nor functions that need no key, and runs again at a reload; a slow command is killed.
# Such keys rotate as files do. Without preload no command runs, and functions that need the key say so.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = new_server('primary');
my $folder = PostgreSQL::Test::Utils::tempdir;
$server->safe_psql('postgres', q{SELECT bastion.resource_register('smtp', '{open}');
    CREATE TABLE sealed AS SELECT id, bastion.seal_for(id, 'attack at dawn', 'smtp') AS value FROM bastion.tenants});
my $opened = q{SELECT count(*) FROM sealed WHERE bastion.open_text_for(id, value) = 'attack at dawn'};
my $first = $server->safe_psql('postgres', 'SELECT bastion.root_key_id()');
my $second = $server->safe_psql('postgres', "SELECT bastion.init('$folder/second') ->> 'root_key_id'");
rename $server->data_dir . '.bastion-root-key', "$folder/first" or die;
my @keys = map { slurp_file("$folder/$_") =~ /([0-9a-f]{64})/ } qw(first second);

# Counts how often it was run, and prints a key.
append_to_file("$folder/key", <<"SH");
#!/bin/sh
echo run >> $folder/runs
if [ -e $folder/broken ]; then echo 'no connection' >&2; exit 7; fi
cat $folder/\$1
SH
chmod 0700, "$folder/key";
sub runs { return -e "$folder/runs" ? scalar(() = slurp_file("$folder/runs") =~ /run/g) : 0 }

sub answer { return answer_of($server, @_) }

set_root_key($server, "command:$folder/key first");
like(answer($opened), qr/^ERROR:  0A000: root key commands run only where the library is preloaded\nHINT:  Add pg_bastion/, 'without preload it is said what is missing');
is(answer("SELECT count(*) FROM documents"), 2, 'what needs no key works');
is(runs(), 0, 'and nothing was run');

$server->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_bastion'");
$server->restart;
is(answer('SELECT bastion.root_key_id()'), $first, 'preloaded, the command gives the key');
is(answer($opened), 2, 'values open');
is(answer($opened), 2, 'in another connection');
is(answer(q{SELECT bastion_api.login('ann@tap.example', 'correct horse') ->> 'token_type'}), 'Bearer', 'tokens are signed');
is(runs(), 1, 'it was run once');
my $old = $server->background_psql('postgres', on_error_stop => 0);
is($old->query($opened), 2, 'a connection has opened values');
$server->reload;
set_root_key($server, "command:$folder/key first");
is(runs(), 1, 'a reload does not run it again');
is($old->query($opened), 2, 'and takes no key away');
like(answer(q{SET ROLE app; SELECT bastion.library_version(); SHOW bastion.root_key}), qr/ERROR:  42501: /, 'the application does not see the command');
unlike(answer('SELECT bastion.key_status()'), qr/\Q$folder\E/, 'nor does key_status() show it');

# Several sources together, and another key.
set_root_key($server, "command:$folder/key second, command:$folder/key first");
is(runs(), 2, 'a new command runs at the reload, the other one does not');
is(answer('SELECT bastion.root_key_id()'), $second, 'it gives the key that wraps');
is(answer($opened), 2, 'the other one opens');
like($old->query('SELECT bastion.root_key_id()') . ($old->{stderr} // ''), qr/the root key command gave no key/, 'an older connection has not the new one');
$old->{stderr} = '';
is(answer('SELECT bastion.root_key_rotate() > 0'), 't', 'data keys are wrapped again');
set_root_key($server, "command:$folder/key second");
is(answer($opened), 2, 'the new key is enough');
is(answer("SELECT DISTINCT root_key_id, loaded FROM bastion.key_status()"), "$second|t", 'key_status() says so');
set_root_key($server, "command:$folder/key second, file:$folder/first");
is(answer('SELECT bastion.root_key_id()'), $second, 'beside a file');
$server->restart;
is(answer($opened), 2, 'after a restart');
is(runs(), 3, 'which runs it once');

# Failures
append_to_file("$folder/broken", '');
my $offset = -s $server->logfile;
$server->restart;
my $gave_none = qr/^ERROR:  BA001: the root key command gave no key\nHINT:  The server log says why\. A reload runs it again/;
set_root_key($server, "command:$folder/key second");
like(answer($opened), $gave_none, 'the server starts with a command that fails, and says so');
my $log = slurp_file($server->logfile, $offset);
like($log, qr/LOG:  could not get root key 1 of bastion\.root_key from its command\n[^\n]*DETAIL:  Its exit status was 7\./, 'the log says why');
like($log, qr/no connection/, 'and what the command said');
like(answer("SELECT bastion.status() -> 'root_key'"), qr/"loaded": null, "reason": "the root key command gave no key"|"reason": "the root key command gave no key", "loaded": null/, 'status() too');
unlink "$folder/broken";
set_root_key($server, "command:$folder/key second");
is(answer($opened), 2, 'the next reload runs it again');
for my $case ([ 'echo nonsense', qr/It did not print a root key/ ], [ "cat $folder/first $folder/second", qr/It printed more than a root key/ ],
    [ 'kill -9 $$', qr/It was ended by signal 9/ ], [ 'sleep 600', qr/It took too long/ ], [ '/nowhere', qr/Its exit status was 127/ ]) {
    my ($command, $reason) = @$case;
    $offset = -s $server->logfile;
    set_root_key($server, "command:$command");
    like(answer($opened), $gave_none, "$command: no key");
    like(slurp_file($server->logfile, $offset), qr/DETAIL:  $reason/, "$command: the reason");
}
like(answer(q{ALTER SYSTEM SET bastion.root_key = 'command:'}), qr/^ERROR:  22023: invalid root key source/, 'no command');
set_root_key($server, "command:$folder/key second");
is(answer($opened), 2, 'and a good one again');
$old->quit;
$server->stop;

my $everything = slurp_file($server->logfile);
is((grep { index($everything, $_) >= 0 } @keys), 0, 'no key is in the log');
done_testing();

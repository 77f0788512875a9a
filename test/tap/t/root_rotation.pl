# The root key changes: with the new one named first and the old one after it, everything opens; root_key_rotate() wraps the
# data keys under the new one, and the old one can be removed. Every step takes effect at a reload. Without a required key,
# the error of a value names it, and so does key_status(); the server starts, and the rest works.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = new_server('primary');
my $token = token_of($server, 'ann');
my $folder = PostgreSQL::Test::Utils::tempdir;
my $old = $server->data_dir . '.bastion-root-key';
$server->safe_psql('postgres', q{SELECT bastion.resource_register('smtp', '{open}');
    CREATE TABLE sealed AS SELECT id, bastion.seal_for(id, 'attack at dawn', 'smtp') AS value FROM bastion.tenants});
my $opened = q{SELECT count(*) FROM sealed WHERE bastion.open_text_for(id, value) = 'attack at dawn'};
my $status = q{SELECT DISTINCT root_key_id, loaded, wraps, keys > 0 FROM bastion.key_status() ORDER BY loaded, wraps, root_key_id};

# Another database of the server, and one without the extension.
$server->safe_psql('postgres', 'CREATE DATABASE other');
$server->safe_psql('postgres', 'CREATE DATABASE without');
$server->safe_psql('other', q{CREATE EXTENSION pg_bastion; SELECT bastion.seal_for(NULL, 'x', 'house')});
my $check = 'SELECT root_key_id, database, keys > 0, loaded, problem FROM bastion.root_key_check()';

sub answer { return answer_of($server, @_) }

my $first = answer('SELECT bastion.root_key_id()');
my ($second, $line) = split /\|/, answer(qq{SELECT i ->> 'root_key_id', i ->> 'configuration' FROM bastion.init('$folder/new') i});
isnt($second, $first, 'another root key');
is($line, "bastion.root_key = 'file:$folder/new,auto'", 'the line to configure names those in use after it');
is(answer($opened), 2, 'values open');

set_root_key($server, "file:$folder/new");
like(answer($opened), qr/^ERROR:  BA002: root key $first is needed but $second is loaded$/m, 'with the new one alone, none does');
is(answer($status), "$first|f|f|t\n$second|t|t|f", 'and key_status() says what is missing');
like(answer('SELECT bastion.root_key_rotate()'), qr/^ERROR:  BA002/, 'nor can anything be wrapped again');

# A session that has everything opened already follows a reload.
my $session = $server->background_psql('postgres');
$server->append_conf('postgresql.conf', $line);
reload($server);
is(answer($opened), 2, 'with both, all open');
set_root_key($server, "file:$folder/new, file:$old");
like($session->query($opened), qr/^2$/, 'in an older session too');
is(answer($status), "$first|t|f|t\n$second|t|t|f", 'the old one opens');
is(answer(q{SELECT bastion.open_text_for(NULL, bastion.seal_for(NULL, 'new', 'house')), count(*) FROM bastion.data_keys WHERE root_key_id = '} . $second . q{'}),
    'new|0', 'what is new goes under the new one');
my $keys = answer("SELECT count(*) FROM bastion.data_keys WHERE root_key_id = '$first'");
is(answer('SELECT bastion.root_key_rotate()'), $keys, 'every older data key is wrapped again');
is(answer('SELECT bastion.root_key_rotate()'), 0, 'once');
is(answer($status), "$first|t|f|f\n$second|t|t|t", 'none needs the old one');
is(answer($check), "$first|other|t|t|\n$second|postgres|t|t|", 'but another database of the server does');
my $locked = $server->background_psql('other');
$locked->query_safe('BEGIN; LOCK bastion.data_keys');
is(answer($check), "|other|||could not be asked: the log of the server says why\n$second|postgres|t|t|\n"
    . "$first||f|t|is not needed by the databases that were asked", 'a locked one is not waited for');
$locked->quit;
$server->safe_psql('other', 'SELECT bastion.root_key_rotate()');
is(answer($check), "$second|other|t|t|\n$second|postgres|t|t|\n$first||f|t|is not needed by any database", 'until it is rotated there');
$server->safe_psql('postgres', 'ALTER DATABASE other ALLOW_CONNECTIONS false');
is(answer($check), "|other|||accepts no connections, and was not asked\n$second|postgres|t|t|\n"
    . "$first||f|t|is not needed by the databases that were asked", 'a closed one is named');
$server->safe_psql('postgres', 'ALTER DATABASE other ALLOW_CONNECTIONS true');
is($server->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_bastion root keys'}), 0, 'no worker is left');

rename $old, "$folder/gone" or die;
set_root_key($server, "file:$folder/new,auto");
is(answer($opened), 2, 'a missing older one is no harm');
set_root_key($server, "file:$folder/new");
is(answer($opened), 2, 'without the old one, values open');
like(answer("BEGIN; SELECT bastion.authenticate('$token') IS NOT NULL; COMMIT"), qr/^t$/m, 'old tokens are good');
like(answer(q{SELECT bastion_api.login('ann@tap.example', 'correct horse') ->> 'token_type'}), qr/Bearer/, 'and new ones are signed');

# A credential of systemd.
mkdir "$folder/credentials" or die;
rename "$folder/new", "$folder/credentials/bastion" or die;
set_root_key($server, 'credential:bastion');
like(answer($opened), qr/^ERROR:  BA001: the server was started without credentials$/m, 'no credentials directory');
{
    local $ENV{CREDENTIALS_DIRECTORY} = "$folder/credentials";
    $server->restart;
}
is(answer($opened), 2, 'the credential opens');
like(answer(q{LOAD 'pg_bastion'; ALTER SYSTEM SET bastion.root_key = 'file:/a,nonsense'}), qr/^ERROR:  22023: invalid root key source/, 'a wrong source is refused when it is set');
$session->quit;

# No fault prevents the start.
rename "$folder/credentials/bastion", "$folder/lost" or die;
$server->restart;
like(answer($opened), qr/^ERROR:  BA001/, 'without any root key the server starts, and says so');
like(answer($status), qr/^$second\|f\|f\|t$/m, 'as key_status() does');
like(answer(q{SELECT count(*) FROM documents}), qr/^2$/, 'what needs none works');

$server->stop;
done_testing();

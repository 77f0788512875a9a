# make installcheck by a user who may read the folder of the sources and not write to it.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $source = $ENV{BASTION_SOURCE};
plan skip_all => "this user may write to $source" if -w $source;

my $node = PostgreSQL::Test::Cluster->new('installcheck');
$node->init;
$node->start;
local $ENV{PGHOST} = $node->host;
local $ENV{PGPORT} = $node->port;
local $ENV{TMPDIR} = $node->basedir;
my ($out, $err) = run_command([ 'make', '-C', $source, 'installcheck', 'REGRESS=setup', 'ISOLATION=serializable_login' ]);
like($out, qr/All 1 tests passed.*All 1 tests passed/s, 'the tests run') or diag "$out\n$err";
my ($found) = glob($node->basedir . '/tmp.*/results/setup.out');
ok($found && -e $found, 'and their results are in a folder of the user');
$node->stop;
done_testing();

# Runs the examples of README.md: the SQL taste as a script, and the SQL that the Node and Python snippets send, in their
# order. docs/PERMISSIONS.md, docs/TABLES.md, docs/VAULT.md, docs/MAIL.md, docs/ACCOUNTS.md, docs/DELEGATION.md, docs/LIMITS.md, docs/SETTINGS.md, docs/FLAGS.md, docs/AUDIT.md, docs/ADOPTING.md and docs/MIGRATING.md are sessions, and answer what they show.
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $readme = slurp_file("$ENV{BASTION_SOURCE}/README.md");
my %blocks;
push @{ $blocks{$1} }, $2 while $readme =~ /^```(\w+)\n(.*?)^```$/gms;
my ($taste) = @{ $blocks{sql} };

my $node = PostgreSQL::Test::Cluster->new('readme');
$node->init;
$node->start;

is(scalar(split /\n/, $taste), 10, 'the taste has ten lines');
my ($out, $err) = ('', '');
my $status = $node->psql('postgres', $taste, stdout => \$out, stderr => \$err, on_error_die => 0, on_error_stop => 1);
is($status, 0, 'the taste runs') or diag $err;
is($err, '', 'and says nothing on standard error');
like($out, qr/^t\|The plans of Acme$/m, 'the writer sees the row, in their tenant');
like($out, qr/\n0$/, 'nobody sees it in the next transaction');

# A snippet's statements, with its parameters filled in.
sub statements {
    my ($code, %values) = @_;
    my @found;
    while ($code =~ /(?:query|execute)\((["'])(.*?)\1(?:,\s*\[(.*?)\])?/g) {
        my ($statement, @names) = ($2, split /,\s*/, $3 // '');
        my $number = 0;
        $statement =~ s/(?:\$\d+|%s)/"'" . ($values{ $names[$number++] } \/\/ die 'unknown parameter') . "'"/ge;
        push @found, $statement;
    }
    return @found;
}

my %known = (email => 'ann@acme.example', password => 'correct horse battery');
my $answer = $node->safe_psql('postgres', "SELECT bastion_api.login('$known{email}', '$known{password}') ->> 'access_token'");
for my $language (qw(js python)) {
    my @all = statements($blocks{$language}[0], %known, token => $answer);
    my ($login) = grep { /login/ } @all;
    like($node->safe_psql('postgres', "SET ROLE app; $login"), qr/"token_type": "Bearer"/, "$language: login");
    my ($present) = grep { /set_config/ } @all;
    my ($read) = grep { /FROM documents/ } @all;
    like($node->safe_psql('postgres', "SET ROLE app; BEGIN; $present; $read; COMMIT"), qr/^The plans of Acme$/m,
        "$language: the token in front, the rows behind");
    is($node->safe_psql('postgres', "SET ROLE app; $read"), '', "$language: nothing without it");
}

# A page that is one session: its blocks of SQL as one script, each output that follows one of them in what the script prints.
sub trimmed { return join "\n", map { s/\s+$//r } split /\n/, $_[0] }
sub runs_as_shown {
    my ($name, $answers) = @_;
    my ($session, @shown) = ("\\pset format aligned\n\\pset tuples_only off\n\\set ON_ERROR_STOP 1\n");
    my $page = slurp_file("$ENV{BASTION_SOURCE}/docs/$name.md");
    my $after_sql = 0;
    # A block in a list is indented as its fence.
    while ($page =~ /^( *)```(\w*)\n(.*?)^ *```\n|^(#)/gms) {
        if (defined $4) { $after_sql = 0 }
        elsif ($2 eq 'sql') { $session .= $3; $after_sql = 1 }
        elsif ($2 eq '' && $after_sql) { push @shown, trimmed($3 =~ s/^$1//gmr) }
    }
    my $database = lc $name;
    $node->safe_psql('postgres', "CREATE DATABASE $database");
    $node->safe_psql($database, 'CREATE EXTENSION pg_bastion');
    my ($out, $err) = ('', '');
    $node->psql($database, $session =~ s/^CREATE ROLE app LOGIN;\n//mr, stdout => \$out, stderr => \$err);
    is($err, '', "$name.md: the session runs");
    $out = trimmed($out);
    is(scalar @shown, $answers, "$name.md: it shows $answers answers");
    for my $answer (@shown) {
        my $at = index $out, $answer;
        ok($at >= 0, "$name.md: as shown: " . ($answer =~ /(\w+)/)[0]) or diag $answer, "\nis not in\n", $out;
        $out = substr $out, $at + length $answer if $at >= 0;
    }
    return;
}
$node->safe_psql('postgres', 'DROP OWNED BY app');
runs_as_shown('PERMISSIONS', 5);
runs_as_shown('TABLES', 5);
$node->safe_psql('postgres', 'DROP OWNED BY app');
runs_as_shown('VAULT', 14);
$node->safe_psql('postgres', 'DROP OWNED BY app');
runs_as_shown('MAIL', 11);
$node->safe_psql('postgres', 'DROP OWNED BY app');
runs_as_shown('ACCOUNTS', 49);
$node->safe_psql('postgres', 'DROP OWNED BY app');
runs_as_shown('DELEGATION', 12);
runs_as_shown('LIMITS', 14);
runs_as_shown('SETTINGS', 7);
runs_as_shown('FLAGS', 8);
$node->safe_psql('postgres', 'DROP OWNED BY app');
runs_as_shown('AUDIT', 12);
# The entry that its session forges is found in an export, as the page shows.
my ($problem) = slurp_file("$ENV{BASTION_SOURCE}/docs/AUDIT.md") =~ /^```text\n(PROBLEM .*)\n```$/m;
my ($export, $found) = (PostgreSQL::Test::Utils::tempdir() . '/export', '');
my $key = $node->safe_psql('audit', 'SELECT bastion.audit_verifier_key()');
command_ok([ "$ENV{BASTION_SOURCE}/tools/audit-export", $export, '-h', $node->host, '-p', $node->port, '-d', 'audit' ], 'AUDIT.md: an export');
ok(!IPC::Run::run([ "$ENV{BASTION_SOURCE}/tools/audit-verify", $export, '--key', $key ], '>', \$found), 'AUDIT.md: it does not verify');
like($found, qr/\Q@{[ $problem =~ s{export}{$export}r ]}\E$/m, 'AUDIT.md: a forged entry is found');

$node->safe_psql('postgres', 'DROP OWNED BY app');
runs_as_shown('ADOPTING', 16);
$node->safe_psql('postgres', 'DROP OWNED BY app');
runs_as_shown('MIGRATING', 9);

# Links to files of the project have a target.
for my $page ('README.md', map { "docs/$_.md" } qw(ARCHITECTURE THREAT_MODEL OPERATIONS PERMISSIONS TABLES VAULT MAIL ACCOUNTS DELEGATION LIMITS FLAGS SETTINGS AUDIT ADOPTING MIGRATING)) {
    my ($folder) = $page =~ m{^(.*/)};
    for my $target (slurp_file("$ENV{BASTION_SOURCE}/$page") =~ /\]\((?!https?:|#)([^)#]+)/g) {
        ok(-e "$ENV{BASTION_SOURCE}/" . ($folder // '') . $target, "$page: $target is there");
    }
}

$node->stop;
done_testing();

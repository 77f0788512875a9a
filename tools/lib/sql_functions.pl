#!/usr/bin/perl
# usage: sql_functions.pl paths|names|definers|backslashes
#
# Forbidden uses of names and literals in the functions of src/sql, for lint.sh; prints FILE: FUNCTION: problem.
# sql/search_path.sql checks the same in the catalogue, and more. Keywords are upper case here and names are not, which tells a
# call from the names of columns that follow an alias.
use strict;
use warnings;

# A body of the form BEGIN ATOMIC is looked up when it is made. These qualify every name instead: two commit, which a function with a path of its own cannot, and one passes on the path of
# its caller to code that is the caller's.
my %without_path = map { $_ => 1 } qw(bastion.acl_backfill bastion.rewrap_all bastion.explain_member_access_text);
# A cast that runs as the owner of the table whose column has that type.
my %may_cast = map { $_ => 1 } qw(bastion_internal.tenant_rows_delete);

my (@functions, %is_function, %is_relation, %is_type);
for my $file (sort glob 'src/sql/*.sql src/sql/*/*.sql') {
    local (@ARGV, $/) = ($file);
    my $text = <>;
    $text =~ s/--[^\n]*//g;
    $is_function{$1} = 1 while $text =~ /CREATE (?:FUNCTION|PROCEDURE) bastion(?:_api|_internal)?\.(\w+)/g;
    $is_relation{$1} = 1 while $text =~ /CREATE (?:UNLOGGED )?(?:TABLE|VIEW|SEQUENCE) bastion(?:_api|_internal)?\.(\w+)/g;
    $is_type{$1} = 1 while $text =~ /CREATE (?:TYPE|DOMAIN|TABLE|VIEW) bastion(?:_api|_internal)?\.(\w+)/g;
    push @functions, {file => $file, name => $1, head => $2, body => $4 // $5 // '', atomic => defined $5}
        while $text =~ /CREATE (?:FUNCTION|PROCEDURE) ([\w.]+)\s*\((.*?)\b(?:AS\s+(\$\$(.*?)\$\$|'[^\n]*)|BEGIN ATOMIC(.*?)END;)/gs;
}

sub report { my ($function, $what) = @_; print "$function->{file}: $function->{name}(): $what\n"; }

sub paths {
    for my $f (@functions) {
        next if $f->{head} =~ /LANGUAGE C\b/i || $f->{atomic} || $without_path{$f->{name}} || $f->{head} =~ /^SET search_path = pg_catalog, pg_temp$/m;
        report($f, 'no SET search_path = pg_catalog, pg_temp');
    }
}

sub names {
    for my $f (@functions) {
        my $body = $f->{body};
        $body =~ s/'\s*\n\s*'//g;
        # A statement in a literal counts, a message does not.
        $body =~ s/'((?:[^']|'')*)'/my $text = $1; $text =~ m{^\s*[A-Z]{4,} } ? " ; $text ; " : " '' "/ge;
        my @tokens = $body =~ /"[^"]*"|\w+|::|:=|\S/g;
        for my $i (0 .. $#tokens) {
            my ($before, $prev, $word, $next) = ($i > 1 ? $tokens[$i - 2] : '', $i > 0 ? $tokens[$i - 1] : '', $tokens[$i], $tokens[$i + 1] // '');
            next if $prev eq '.' || $next eq '.';
            if ($next eq '(' && $is_function{$word}) {
                report($f, "$word() without its schema") unless $prev eq ')' || $prev eq 'AS' || $prev =~ /^[a-z]\w*$/;
            } elsif ($is_relation{$word} && $prev =~ /^(FROM|JOIN|INTO|UPDATE|ONLY|TABLE)$/ && $before !~ /^(DISTINCT|FOR|DO)$/) {
                report($f, "$word without its schema") unless $body =~ /\b$word\s*(?:\([^()]*\)\s*)?AS\s+(?:(?:NOT\s+)?MATERIALIZED\s+)?\(/
                    || $prev eq 'INTO' && $before ne 'INSERT';
            } elsif ($prev eq '::' && $is_type{$word}) {
                report($f, "the type $word without its schema");
            }
        }
    }
}

sub definers {
    for my $f (@functions) {
        next unless $f->{head} =~ /SECURITY DEFINER/;
        report($f, 'a statement built at run time') if $f->{body} =~ /\bEXECUTE\b/;
        report($f, 'a cast to a type that is named at run time') if $f->{body} =~ /::\s*%/ && !$may_cast{$f->{name}};
    }
}

# What a backslash means there depends on a setting of the caller, standard_conforming_strings. A literal that goes on in the
# next line is of the kind that it began with. So, too, in the tests that the run settings repeats.
sub backslashes {
    my @repeated = split ' ', `perl tools/lib/regress_files.pl settings`;
    for my $file (sort(glob 'src/sql/*.sql src/sql/*/*.sql'), map { "sql/$_.sql" } @repeated) {
        local (@ARGV, $/) = ($file);
        my $text = <>;
        while ($text =~ /--[^\n]*|^\\set [^\n]*|\bE('(?:[^'\\]|\\.|'')*'\s*\n\s*)*'(?:[^'\\]|\\.|'')*'|('(?:[^']|'')*')/gms) {
            next unless defined $2 && index($2, '\\') >= 0;
            print "$file:", 1 + substr($text, 0, $-[2]) =~ tr/\n//, ": a backslash in a literal without E\n";
        }
    }
}

my %checks = (paths => \&paths, names => \&names, definers => \&definers, backslashes => \&backslashes);
@functions or die "no functions in src/sql\n";
($checks{$ARGV[0] // ''} or die "usage: sql_functions.pl paths|names|definers|backslashes\n")->();

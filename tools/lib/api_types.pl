# Types of TypeScript from the JSON Schemas of bastion_api.schema(), which come as standard input.
use strict;
use warnings FATAL => 'all';

use JSON::PP;

my $schemas = JSON::PP->new->utf8->decode(do { local $/; <STDIN> });
my %plain = (string => 'string', integer => 'number', number => 'number', boolean => 'boolean', null => 'null', object => 'Record<string, unknown>');

# A type that is an element of an array stands in brackets when it is a union.
sub element { my $type = type(@_); return $type =~ / \| / ? "($type)[]" : "${type}[]"; }
sub literal { return JSON::PP->new->allow_nonref->encode($_[0]); }

sub type {
    my $schema = shift;
    return $1 if ($schema->{'$ref'} // '') =~ m{^#/\$defs/(\w+)$};
    return literal($schema->{const}) if exists $schema->{const};
    return join ' | ', map { literal($_) } sort @{ $schema->{enum} } if $schema->{enum};
    return join ' | ', map { type($_) } @{ $schema->{anyOf} } if $schema->{anyOf};
    my $type = $schema->{type} // die 'a schema without a type';
    return join ' | ', map { $_ eq 'array' ? element($schema->{items}) : $plain{$_} // die "no type for $_" } @$type if ref $type;
    return element($schema->{items}) if $type eq 'array';
    return 'Record<string, ' . type($schema->{additionalProperties}) . '>' if $schema->{additionalProperties};
    return $plain{$type} // die "no type for $type";
}

sub definition {
    my ($name, $schema) = @_;
    my $comment = "/** $schema->{description} */\n";
    my %required = map { $_ => 1 } @{ $schema->{required} // [] };
    my $properties = $schema->{properties} or return "${comment}export type $name = " . type($schema) . ";\n";
    return "${comment}export type $name = Record<string, never>;\n" unless %$properties;
    return "${comment}export interface $name {\n"
        . join('', map { "    $_" . ($required{$_} ? '' : '?') . ': ' . type($properties->{$_}) . ";\n" } sort keys %$properties) . "}\n";
}

my (%definitions, @answers);
for my $function (sort keys %$schemas) {
    my $schema = $schemas->{$function};
    my $refusal = delete $schema->{'$defs'}{Refusal};
    $definitions{$_} = definition($_, $schema->{'$defs'}{$_}) for keys %{ $schema->{'$defs'} };
    my @types = map { type($_) } @{ $schema->{anyOf} };
    s/^Refusal$/'Refusal<' . type($refusal->{properties}{error}) . '>'/e for @types;
    push @answers, "    $function: " . join(' | ', @types) . ";\n";
}

print "// The answers of the functions of bastion_api. tools/api-types writes this file from bastion_api.schema().\n\n",
    "/** A refusal (RFC 6749 section 5.2). error_description is a text for the user. */\n",
    "export interface Refusal<Code extends string> {\n    error: Code;\n    error_description: string;\n}\n\n",
    join("\n", map { $definitions{$_} } sort keys %definitions),
    "\n/** The answer of each function, by its name. A refusal has the property error, a success never has. */\nexport interface BastionApi {\n", @answers, "}\n";

# test/bench/synthetic.pl DIR COUNT: writes COUNT synthetic changes, the same ones on every call
#
# The mix is that of a young application: tables with key, index, foreign key
# and comment; then columns, indexes, functions and views on what is there.
use strict;
use warnings FATAL => 'all';

my ($directory, $count) = @ARGV;
my (@tables, %columns);

srand(20261122);

sub create_table
{
    my $table = 'entity_' . (@tables + 1);
    my $sql = "CREATE TABLE $table (\n    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n";

    $sql .= "    parent_id bigint REFERENCES $tables[rand @tables],\n" if @tables;
    $sql .= "    name text NOT NULL,\n    amount numeric(12, 2) NOT NULL DEFAULT 0 CHECK (amount >= 0),\n"
      . "    created_at timestamptz NOT NULL DEFAULT now()\n);\n";
    $sql .= "CREATE INDEX ${table}_name_idx ON $table (name);\n";
    $sql .= "COMMENT ON TABLE $table IS 'Synthetic entity';\n";
    push @tables, $table;
    $columns{$table} = 0;
    return ('create', $sql);
}

sub add_column
{
    my $table = $tables[ rand @tables ];
    my $column = 'extra_' . ++$columns{$table};

    return ('column', "ALTER TABLE $table ADD COLUMN $column integer NOT NULL DEFAULT 0;\n"
        . "COMMENT ON COLUMN $table.$column IS 'Synthetic column';\n");
}

sub create_function
{
    my ($number) = @_;
    my $table = $tables[ rand @tables ];

    return ('function', "CREATE FUNCTION total_$number(since timestamptz) RETURNS numeric\n"
        . "LANGUAGE plpgsql STABLE AS \$\$\nDECLARE\n    result numeric;\nBEGIN\n"
        . "    SELECT sum(amount) INTO result FROM $table WHERE created_at >= since;\n"
        . "    RETURN coalesce(result, 0);\nEND;\n\$\$;\n");
}

sub create_view
{
    my ($number) = @_;
    my $table = $tables[ rand @tables ];

    return ('view', "CREATE VIEW recent_$number AS\n    SELECT id, name, amount FROM $table"
        . " WHERE created_at > now() - interval '7 days';\n");
}

sub create_index
{
    my ($number) = @_;
    my $table = $tables[ rand @tables ];

    return ('index', "CREATE INDEX ${table}_idx_$number ON $table (created_at, amount);\n");
}

my @mix = ((\&create_table) x 3, (\&add_column) x 4, (\&create_function) x 2, (\&create_view) x 1,
    (\&create_index) x 2);

foreach my $number (1 .. $count)
{
    my $make = $number <= 3 ? \&create_table : $mix[ rand @mix ];
    my ($what, $sql) = $make->($number);
    my $file = sprintf '%s/20260101_%06d_%s_%d.sql', $directory, $number, $what, $number;

    open my $handle, '>', $file or die "could not create $file: $!";
    print $handle "-- Description: Synthetic $what\n-- Issue: BENCH-$number\n$sql";
    close $handle;
}

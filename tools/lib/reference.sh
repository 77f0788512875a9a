# Writes the reference from the comments in a fresh database. Sourced after common.sh and cluster.sh.

# reference_of TREE DEST: prints the reference of a tree that is installed in DEST; in a server of its own.
reference_of() (
    tree=$1 dest=$2
    folder=$(mktemp -d "$scratch/pg_bastion-reference.XXXXXX")
    chmod 755 "$folder"
    trap 'cluster_stop "$folder" immediate; rm -rf "$folder"' EXIT
    cluster_create "$folder" "$dest" "$tree"
    cluster_start "$folder"
    cluster_environment "$folder"
    psql -qX -v ON_ERROR_STOP=1 -d postgres -c 'CREATE EXTENSION pg_bastion'
    # Of empty lines in a row, one.
    psql -qX -v ON_ERROR_STOP=1 -d postgres -f "$tree/tools/lib/reference.sql" | cat -s
)

# Row isolation on 10M rows: the statements of isolation.sql in one session each, then reads by primary key as clients
# send them, prepared and over a connection.
set -euo pipefail
. lib/clients.sh

psql -X -v ON_ERROR_STOP=1 -f isolation.sql

client_token=$(psql -XAtqc "SELECT bastion.token_issue(u.id, t.id) FROM bastion.users u, bastion.tenants t
                            WHERE u.email = 'owner@bench.test' AND t.slug = 'tenant-500'")
client_tenant=$(psql -XAtqc "SELECT id FROM bastion.tenants WHERE slug = 'tenant-500'")
read='\set id random(1, 1000000) * 10 - 1'
echo 'primary key, 100 prepared reads in a transaction, sent by a client (authenticate() included): at most 1.10'
compare_clients 41 'primary key' \
    app 'SELECT bastion.authenticate(:token);' "$read"$'\n''SELECT title FROM docs WHERE id = :id;' \
    plain 'SELECT 1;' "$read"$'\n''SELECT title FROM docs WHERE id = :id AND tenant_id = :tenant;'

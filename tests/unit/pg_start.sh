#!/bin/sh
# pg_start.sh DIR: makes a PostgreSQL cluster in DIR and becomes its server, on a Unix socket in DIR only. It ends when its
# parent does. PostgreSQL refuses root, so that root runs it as the user postgres.
set -eu
dir=$1
bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin | sort | tail -n 1)
as="setpriv --pdeathsig QUIT"
if [ "$(id -u)" = 0 ]; then
	chown postgres "$dir"
	as="setpriv --reuid postgres --regid postgres --init-groups --pdeathsig QUIT"
fi
cd /
$as "$bin/initdb" -D "$dir/data" -A trust -U postgres -E UTF8 --locale C --no-sync --no-instructions >"$dir/log" 2>&1
exec $as "$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= -c fsync=off -c max_connections=50 \
	-c shared_buffers=16MB -c deadlock_timeout=100ms >>"$dir/log" 2>&1

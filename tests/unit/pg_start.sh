#!/bin/sh
# pg_start.sh DIR [TEMPLATE]: makes a PostgreSQL cluster in DIR, a copy of the one in TEMPLATE if that is given, and becomes its server,
# on a Unix socket in DIR only. It ends when its parent does. PostgreSQL refuses root, so that root runs it as the user postgres.
set -eu
dir=$1 template=${2:-}
bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin | sort | tail -n 1)
as="setpriv --pdeathsig QUIT"
if [ "$(id -u)" = 0 ]; then
	chown postgres "$dir"
	as="setpriv --reuid postgres --regid postgres --init-groups --pdeathsig QUIT"
fi
cd /
if [ -n "$template" ]; then
	cp -a "$template/data" "$dir/data"
else
	$as "$bin/initdb" -D "$dir/data" -A trust -U postgres -E UTF8 --locale C --wal-segsize=1 --no-sync --no-instructions >"$dir/log" 2>&1
fi
exec $as "$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= -c fsync=off -c max_connections=50 \
	-c shared_buffers=16MB -c deadlock_timeout=100ms >>"$dir/log" 2>&1

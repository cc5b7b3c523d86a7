#!/bin/bash
# Makes of PostgreSQL what the first start of a CA makes of it, with all migrations run: tests/e2e/cluster.py keeps it and lays copies
# of it below CAs, whose deploy/up then goes on as with any database that is there already.
#
#   tests/e2e/cluster.sh STATE     (CAIRN_BUILD=DIR has the programs)
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "$0")/../../deploy/lib.sh"
# shellcheck source=deploy/postgres.sh
. "$SOURCE/deploy/postgres.sh"

state_paths "$1"
mkdir -p "$RUN" "$LOGS"
chmod 0711 "$STATE"
postgres_paths
postgres_prepare
server() {
	(cd / && as_postgres "$PG_BIN/pg_ctl" -s -w -t 120 -D "$(realpath "$PG_DATA")" "$@" >>"$LOGS/postgres.log" 2>&1)
}
server start
trap 'server -m immediate stop' EXIT
"$CAIRN_BUILD/cairn" migrate --database "$(postgres_conninfo cairn_owner)" --dir "$SOURCE/db/migrations" --yes >"$LOGS/migrate.log" 2>&1 || {
	cat "$LOGS/migrate.log" >&2
	exit 1
}
trap - EXIT
server -m fast stop

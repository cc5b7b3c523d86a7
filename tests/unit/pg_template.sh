#!/bin/sh
# The cluster with all migrations run that the unit tests of a build folder start from.
#
#   pg_template.sh FOLDER         whether the one in FOLDER is made of what lies here now, and today: partitions are made for the time
#                                 at which a migration runs
#   pg_template.sh FOLDER DATA    keeps a copy of the stopped cluster DATA in FOLDER
set -eu
folder=$1 data=${2:-}
key=$({ date -u +%F && cat db/migrations/*.sql db/functions/*.sql tests/unit/pg.h tests/unit/pg_*.sh; } | sha256sum)
if [ -z "$data" ]; then
	[ "$(cat "$folder/key" 2>/dev/null)" = "$key" ]
else
	rm -rf "$folder"
	mkdir -p "$folder"
	cp -a "$data" "$folder/data"
	echo "$key" >"$folder/key"
fi

#!/bin/bash
# Sourced by deploy/up and deploy/down: the private PostgreSQL cluster of a state. It listens on a Unix socket only, knows
# one database, and lets in the roles of ours by password; no superuser can log in. What needs one is done by PostgreSQL's
# single-user mode before the server starts.

PG_BIN=/usr/lib/postgresql/15/bin
PG_PORT=5432 # only a part of the socket's name

# PostgreSQL refuses to run as root, so there it gets the user of Debian's package.
postgres_user() {
	if [ "$(id -u)" = 0 ]; then echo postgres; else echo -; fi
}

as_postgres() {
	if [ "$(id -u)" = 0 ]; then
		runuser -u postgres -- env -i PATH="$PATH" LC_ALL=C.UTF-8 "$@"
	else
		env -i PATH="$PATH" LC_ALL=C.UTF-8 HOME="${HOME:-/}" "$@"
	fi
}

# Sets PG_DATA and PG_SOCKET. Both lie in the state, unless PostgreSQL's user can't get there (a state below /root) or the
# socket's name would be too long for the kernel; the places chosen once are kept.
postgres_paths() {
	PG_DATA=$STATE/postgres
	if [ -e "$RUN/socket-folder" ]; then
		PG_SOCKET=$(cat "$RUN/socket-folder")
		return
	fi
	PG_SOCKET=$STATE/socket
	if [ "${#PG_SOCKET}" -gt 80 ] || ! as_postgres test -x "$STATE"; then
		PG_SOCKET=/tmp/$INSTANCE
		[ "$(id -u)" != 0 ] || PG_SOCKET=/run/$INSTANCE
	fi
	if ! as_postgres test -x "$STATE" && [ ! -e "$PG_DATA" ]; then
		ln -sfn "/var/lib/cairn/$INSTANCE" "$PG_DATA"
	fi
	echo "$PG_SOCKET" >"$RUN/socket-folder"
}

# The folder of the socket, which a reboot may have taken away. One in /tmp that belongs to somebody else is refused.
postgres_socket_folder() {
	mkdir -m 0700 "$PG_SOCKET" 2>/dev/null || true
	case $(stat -c %F:%U "$PG_SOCKET") in
	"directory:$(id -un)" | "directory:$(postgres_user)") ;;
	*) fail "$PG_SOCKET belongs to somebody else." "Remove it, or delete $RUN/socket-folder to choose again." ;;
	esac
	# Started by root, the processes give up the power to pass everywhere: they and the socket are of root's group.
	if [ "$(id -u)" = 0 ]; then
		chown postgres:root "$PG_SOCKET"
		chmod 2710 "$PG_SOCKET"
	fi
}

# One password for each role, in a file that libpq reads; made once.
postgres_passwords() {
	local role file
	mkdir -p "$STATE/secrets"
	chmod 0700 "$STATE/secrets"
	for role in "${ROLES[@]}"; do
		file=$STATE/secrets/$role.pgpass
		[ ! -s "$file" ] || continue
		(umask 077 && printf '*:*:*:%s:%s\n' "$role" "$(openssl rand -hex 32)" >"$file.new" && mv "$file.new" "$file")
	done
}

# Makes the cluster if there is none; a half-made one is thrown away.
postgres_create() {
	local data
	data=$(realpath -m "$PG_DATA")
	[ ! -e "$data/PG_VERSION" ] || return 0
	say "Making a PostgreSQL cluster in $PG_DATA"
	mkdir -p "$(dirname "$data")"
	rm -rf "$data.new"
	mkdir -m 0700 "$data.new"
	[ "$(id -u)" != 0 ] || chown postgres "$data.new"
	(cd / && as_postgres "$PG_BIN/initdb" -D "$data.new" -U cairn_superuser --no-locale -E UTF8 -k --no-instructions) >"$LOGS/initdb.log" 2>&1 ||
		fail "initdb could not make the PostgreSQL cluster." "$(last_lines "$LOGS/initdb.log")"
	mv -T "$data.new" "$data"
}

# The server's settings, written anew at each start so that a newer version's take effect.
postgres_configure() {
	local data owner
	data=$(realpath "$PG_DATA")
	cat >"$RUN/postgresql.conf" <<-END
		# Written by deploy/up at each start.
		listen_addresses = ''
		port = $PG_PORT
		unix_socket_directories = '$PG_SOCKET'
		unix_socket_permissions = 0770
		max_connections = 200
		shared_buffers = 128MB
		max_wal_size = 2GB
		checkpoint_timeout = 15min
		# pglz costs some 60 us of processor time a page, lz4 less than the octets that it saves
		wal_compression = lz4
		default_toast_compression = lz4
		synchronous_commit = on
		fsync = ${CAIRN_PG_FSYNC:-on}
		password_encryption = scram-sha-256
		timezone = 'UTC'
		log_timezone = 'UTC'
		jit = off
		# no personal field may enter a log: neither statements nor the rows that an error speaks of
		log_error_verbosity = terse
		log_min_error_statement = panic
		# whose sessions there were, how long, and who was refused (deploy/journal.h reads both)
		log_disconnections = on
		log_line_prefix = '%m [%p] %e '
		log_parameter_max_length = 0
		log_parameter_max_length_on_error = 0
	END
	cat >"$RUN/pg_hba.conf" <<-END
		# Written by deploy/up at each start. TYPE DATABASE USER METHOD; the superuser is in none of them.
		local cairn $(IFS=, && echo "${ROLES[*]}") scram-sha-256
	END
	owner=$(stat -c %U "$data")
	install -m 0600 -o "$owner" "$RUN/postgresql.conf" "$RUN/pg_hba.conf" "$data/" 2>/dev/null ||
		install -m 0600 "$RUN/postgresql.conf" "$RUN/pg_hba.conf" "$data/"
	rm -f "$RUN/postgresql.conf" "$RUN/pg_hba.conf"
}

# A postmaster.pid that outlived its process (a reboot) may name a number that somebody else has by now.
postgres_forget_stale_pid() {
	local data pid i
	data=$(realpath "$PG_DATA")
	[ -e "$data/postmaster.pid" ] || return 0
	pid=$(head -1 "$data/postmaster.pid")
	for ((i = 0; i < 100; i++)); do
		[ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$data" ] || break
		sleep 0.1 # it is on its way out, as its supervisor was killed
	done
	[ "$i" -lt 100 ] || fail "A PostgreSQL server (process $pid) still runs on $data." "Stop it: kill -INT $pid"
	rm -f "$data/postmaster.pid"
}

# Runs SQL from standard input, one statement a line, in the database given, as the superuser. The server must be down.
postgres_single() {
	local data
	data=$(realpath "$PG_DATA")
	(cd / && as_postgres "$PG_BIN/postgres" --single -D "$data" -c log_min_messages=error "$1")
}

# Roles with their passwords, and the database. Safe to repeat: a newer version may know more roles.
postgres_roles() {
	local role setting out=$LOGS/roles.log
	# The owner inherits what owning the database gives; the others have their grants only.
	{
		for role in "${ROLES[@]}"; do
			echo "DO \$\$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$role') THEN CREATE ROLE $role; END IF; END \$\$"
			echo "ALTER ROLE $role LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE $([ "$role" = cairn_owner ] || echo NO)INHERIT NOREPLICATION PASSWORD '$(cut -d: -f5 "$STATE/secrets/$role.pgpass")'"
		done
		# a database can't be made inside of a DO block
		[ -e "$RUN/database-made" ] || echo "CREATE DATABASE cairn OWNER cairn_owner TEMPLATE template0 ENCODING 'UTF8'"
		echo "REVOKE ALL ON DATABASE cairn FROM PUBLIC"
		# A session of an auditor can't hold the database up by an oversight (docs/auditing.md); that it writes nothing is by grants.
		echo "ALTER ROLE cairn_auditor CONNECTION LIMIT 16"
		for setting in 'default_transaction_read_only = on' "statement_timeout = '10min'" "idle_in_transaction_session_timeout = '1min'" \
			"lock_timeout = '10s'" "temp_file_limit = '8GB'" 'search_path = pg_catalog, audit'; do
			echo "ALTER ROLE cairn_auditor SET $setting"
		done
		echo "GRANT CONNECT ON DATABASE cairn TO $(printf '%s, ' "${ROLES[@]:1}")cairn_owner"
	} | postgres_single postgres >"$out" 2>&1 || fail "PostgreSQL does not start on $PG_DATA." "$(last_lines "$out")"
	if grep -E 'ERROR|FATAL|PANIC' "$out" | grep -qv 'database "cairn" already exists'; then
		fail "The roles could not be made." "$(last_lines "$out")"
	fi
	rm -f "$out"
	touch "$RUN/database-made"
}

# What PostgreSQL lets everybody do and no reader needs: locks by number, with which the processes wait for each other and a reader could
# hold all of them up; large objects and messages in the write-ahead log, with which it could fill the disk. Once for a database.
postgres_functions() {
	local shape name out=$LOGS/functions.log
	[ ! -e "$RUN/functions-closed" ] || return 0
	{
		for shape in bigint 'integer, integer'; do
			for name in advisory_lock try_advisory_lock advisory_lock_shared try_advisory_lock_shared advisory_unlock advisory_unlock_shared; do
				echo "REVOKE EXECUTE ON FUNCTION pg_$name($shape) FROM PUBLIC"
				echo "GRANT EXECUTE ON FUNCTION pg_$name($shape) TO cairn_owner"
			done
			for name in advisory_xact_lock try_advisory_xact_lock advisory_xact_lock_shared try_advisory_xact_lock_shared; do
				echo "REVOKE EXECUTE ON FUNCTION pg_$name($shape) FROM PUBLIC"
				echo "GRANT EXECUTE ON FUNCTION pg_$name($shape) TO cairn_owner, cairn_ra, cairn_ca, cairn_subscriber, cairn_operator"
			done
		done
		for name in 'lo_creat(integer)' 'lo_create(oid)' 'lo_from_bytea(oid, bytea)' 'pg_logical_emit_message(boolean, text, text)' \
			'pg_logical_emit_message(boolean, text, bytea)'; do
			echo "REVOKE EXECUTE ON FUNCTION $name FROM PUBLIC"
		done
	} | postgres_single cairn >"$out" 2>&1 || fail "PostgreSQL does not start on $PG_DATA." "$(last_lines "$out")"
	! grep -qE 'ERROR|FATAL|PANIC' "$out" || fail "Rights of functions could not be taken." "$(last_lines "$out")"
	rm -f "$out"
	touch "$RUN/functions-closed"
}

# Connection string of a role, or without one of the server only.
postgres_conninfo() {
	echo "host=$PG_SOCKET port=$PG_PORT dbname=cairn${1:+ user=$1 passfile=$STATE/secrets/$1.pgpass}"
}

# All that has to stand before the server may start.
postgres_prepare() {
	postgres_passwords
	postgres_create
	postgres_socket_folder
	postgres_forget_stale_pid
	postgres_configure
	postgres_roles
	postgres_functions
}

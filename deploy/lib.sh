#!/bin/bash
# Sourced by deploy/up and deploy/down: words for a person, the folder of the state, and what runs in it.
# shellcheck disable=SC2034 # the names set here are for those who source this

SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PROCESSES=(cairn-ca cairn-va cairn-subscriber cairn-ra cairn-wfe) # in the order of their start
ROLES=(cairn_owner cairn_wfe cairn_ra cairn_ca cairn_subscriber cairn_operator cairn_auditor cairn_officer)

# Progress, with the seconds since the start.
say() {
	printf '[%3d s] %s\n' "$SECONDS" "$*"
}

# What went wrong, and what to do about it. Usage: fail SENTENCE [ADVICE ...]
fail() {
	{
		printf '\nThis failed: %s\n' "$1"
		shift
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} >&2
	exit 1
}

# The value of an option. Usage: option_value "$@"
option_value() {
	[ -n "${2:-}" ] || { echo "$1 wants a value; --help tells more." >&2 && exit 2; }
	printf '%s' "$2"
}

# Sets the names of what lies in the state. Usage: state_paths FOLDER
state_paths() {
	# what would need quoting in a line to paste, a connection string, a URL or a setting of PostgreSQL
	local odd=$'[][:space:][:cntrl:]\'"\\\\,%=$`&;#?*()<>|{}![]'
	STATE=$(realpath -m -- "$1")
	# shellcheck disable=SC2254 # a pattern
	case $STATE in
	/ | *$odd*) fail "The folder \"$STATE\" can't hold the state." "Choose one whose path has letters, digits and / . _ + @ : ~ - only, by --state DIR." ;;
	esac
	RUN=$STATE/run
	LOGS=$STATE/log
	CONFIG=$STATE/cairn.yaml
	[ ! -e "$RUN" ] || [ -w "$RUN" ] || fail "$STATE belongs to the user $(stat -c %U -- "$STATE")." "Run this as that user."
	API_CA_FILE=$STATE/pki/api-ca.pem
	ROOT_FILE=$STATE/pki/root.pem
	# one name for what may have to lie outside of the state
	INSTANCE=cairn-$(sha256sum <<<"$STATE" | cut -c1-12)
}

# Whether deploy/up made this folder.
state_is_ours() {
	[ -e "$RUN/up.lock" ]
}

# Whether a supervisor holds the lock of this state; it is let go by the kernel, so a stale one can't exist.
supervisor_runs() {
	[ -e "$RUN/supervise.lock" ] && ! flock -n "$RUN/supervise.lock" true
}

# Stops everything that the supervisor of this state runs. Its own limit is 20 s a process.
supervisor_stop() {
	local pid i
	supervisor_runs || return 0
	pid=$(cat "$RUN/cairn-supervise.pid" 2>/dev/null) || pid=${started:-}
	kill -TERM "$pid" || fail "Process $pid can't be told to stop." "Run this as the user who ran deploy/up."
	for ((i = 0; i < 1500; i++)); do
		supervisor_runs || return 0
		sleep 0.1
	done
	fail "Process $pid does not stop." "See $LOGS/cairn-supervise.log; kill -9 $pid ends it and all that it runs."
}

# The last lines of a log, for a failure's advice.
last_lines() {
	[ ! -s "$1" ] || { echo "The end of $1:" && tail -n "${2:-8}" "$1" | cut -c1-400; }
}

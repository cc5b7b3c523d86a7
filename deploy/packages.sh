#!/bin/bash
# Sourced: which Debian packages are missing, and how to get them.

# The packages of the groups named, one a line. deploy/packages describes the groups.
packages_of() {
	local group
	for group in "$@"; do
		sed -n "/^\[$group\]/,/^\[/{/^[[#]/d;p}" "$(dirname "${BASH_SOURCE[0]}")/packages" | tr ' ' '\n' | grep -v '^$'
	done
}

# Those of the packages given that are not installed. A name may be provided by another (libcurl4-openssl-dev).
packages_missing() {
	local installed
	installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Provides}\n' 2>/dev/null | sed -n 's/^ii *//p' | tr ', ' '[\n*]')
	grep -Fxv -f <(sort -u <<<"$installed") <<<"$(printf '%s\n' "$@")" || true
}

# Runs a command as root: as it is, or through sudo.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		echo "Packages have to be installed, and that needs root: run as root, install sudo, or install them yourself." >&2
		return 1
	fi
}

# Installs what is missing of the groups named; needs no root rights when nothing is. Creating PostgreSQL's example
# cluster is switched off, because ours is private.
packages_install() {
	local missing
	mapfile -t missing < <(# shellcheck disable=SC2046 # names without blanks
	packages_missing $(packages_of "$@"))
	[ "${#missing[@]}" -gt 0 ] && [ -n "${missing[0]}" ] || return 0
	echo "Installing packages: ${missing[*]}"
	if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
		as_root mkdir -p /etc/postgresql-common/createcluster.d
		echo "create_main_cluster = false" | as_root tee /etc/postgresql-common/createcluster.d/cairn.conf >/dev/null
	fi
	as_root env DEBIAN_FRONTEND=noninteractive sh -c '
		apt-get -qq update && apt-get -qq install --no-install-recommends -y -o DPkg::Lock::Timeout=300 "$@"' sh "${missing[@]}" >/dev/null ||
		{ echo "apt-get could not install them: see its message above; is the network there?" >&2; return 1; }
}

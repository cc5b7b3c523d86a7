#!/bin/bash
# Every script, by shellcheck: those that end in .sh and those that begin with a shell's name.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts=$(find .ci deploy tests -name corpus -prune -o -type f \( -name '*.sh' -o ! -name '*.*' \) -exec grep -lIE '^#!(/usr)?/bin/(env )?(ba)?sh' {} + | sort)
# shellcheck disable=SC2086 # the paths have no blanks, and each is a word
exec shellcheck -x -P SCRIPTDIR $scripts

#!/bin/bash
# cppcheck over the product's sources. Usage: cppcheck.sh BUILD_DIR (which keeps what is known of unchanged files).
# Its style findings stay off: clang-tidy reports those. nullPointerRedundantCheck and ctunullpointer do not see that die() never returns;
# both compilers' analyzers look for null pointers. NULL is a pointer in glibc, and its readdir is safe for a stream of one's own.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=$1/cppcheck
mkdir -p "$cache"
exec cppcheck --quiet --error-exitcode=1 --inline-suppr --cppcheck-build-dir="$cache" \
	--enable=warning,performance,portability --std=c11 --platform=unix64 --library=posix \
	--suppress=missingIncludeSystem --suppress=nullPointerRedundantCheck --suppress=ctunullpointer --suppress=unknownMacro --suppress=normalCheckLevelMaxBranches --suppress=varFuncNullUB --suppress=readdirCalled \
	-D_GNU_SOURCE -I . --file-list=<(find lib policy wfe ra va ca subscriber cli deploy -name '*.c' 2>/dev/null)

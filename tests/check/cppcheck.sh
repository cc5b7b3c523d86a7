#!/bin/bash
# cppcheck over the product's sources. Usage: cppcheck.sh BUILD_DIR (which keeps what is known of unchanged files).
# Its style findings stay off: clang-tidy reports those. nullPointerRedundantCheck and ctunullpointer do not see that die()
# never returns; memleak and resourceLeak do not know the cleanup attribute behind AUTO(): both compilers' analyzers and the
# sanitizers look for these. varFuncNullUB: NULL is a pointer in glibc. readdirCalled: it is safe for a stream of one's own.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=$1/cppcheck
mkdir -p "$cache"
exec cppcheck --quiet --error-exitcode=1 --inline-suppr --cppcheck-build-dir="$cache" \
	--enable=warning,performance,portability --std=c11 --platform=unix64 --library=posix \
	--suppress=missingIncludeSystem --suppress=unknownMacro --suppress=normalCheckLevelMaxBranches \
	--suppress=nullPointerRedundantCheck --suppress=ctunullpointer --suppress=memleak --suppress=resourceLeak \
	--suppress=varFuncNullUB --suppress=readdirCalled \
	-D_GNU_SOURCE -I . --file-list=<(find lib policy wfe ra va ca subscriber cli deploy -name '*.c' 2>/dev/null)

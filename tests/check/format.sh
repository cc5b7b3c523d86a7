#!/bin/bash
# clang-format agrees with every C file (style 21).
set -euo pipefail
cd "$(dirname "$0")/../.."
find . \( -name ".git" -o -name "build*" -o -name var \) -prune -o -name "*.[ch]" -print0 | xargs -0 clang-format --dry-run -Werror

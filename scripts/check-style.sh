#!/usr/bin/env bash
# clang-format over all sources, clang-tidy over those of the release build (which must exist): exit 1 if they object.
#
#   scripts/check-style.sh              all
#   scripts/check-style.sh --format     formatting only, seconds
set -euo pipefail
cd "$(dirname "$0")/.."

git ls-files '*.cpp' '*.cppm' '*.hpp' | xargs clang-format-19 --dry-run --Werror
[ "${1:-}" != --format ] || exit 0
# Interfaces and implementations need the compiled modules that the build has made.
git ls-files 'modules/*.cpp' 'modules/*.cppm' 'plugins/*.cpp' 'plugins/*.cppm' 'apps/*.cpp' 'bench/*.cpp' |
    xargs -P "$(nproc)" -n 4 clang-tidy-19 --quiet -p build/release

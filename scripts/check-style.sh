#!/usr/bin/env bash
# clang-format over all sources, clang-tidy over those of the release build (which must exist): exit 1 if they object.
#
#   scripts/check-style.sh              all; half an hour
#   scripts/check-style.sh --recent     clang-tidy over the sources that were changed last; minutes
#   scripts/check-style.sh --format     formatting only; seconds
set -euo pipefail
cd "$(dirname "$0")/.."

n_recent=16

git ls-files '*.cpp' '*.cppm' '*.hpp' | xargs clang-format-19 --dry-run --Werror
sources() { git ls-files 'modules/*.cpp' 'modules/*.cppm' 'plugins/*.cpp' 'plugins/*.cppm' 'apps/*.cpp' 'bench/*.cpp'; }
case ${1:-} in
    --format) exit 0 ;;
    # Newest first, each once, those that are still there.
    --recent)
        chosen() {
            git log --pretty=format: --name-only | awk 'NF && !seen[$0]++' | grep -Fxf <(sources) | head -n "$n_recent" || true
        } ;;
    *) chosen() { sources; } ;;
esac
# Interfaces and implementations need the compiled modules that the build has made.
chosen | xargs -P "$(nproc)" -n 4 clang-tidy-19 --quiet -p build/release

#!/usr/bin/env bash
# clang-format over all sources, clang-tidy over those of the release build (which must exist): exit 1 if they object.
#
#   scripts/check-style.sh              all; hours, since clang-tidy looks at all that a source imports
#   scripts/check-style.sh --recent     of clang-tidy what finds mistakes, in the sources that were changed last; minutes
#   scripts/check-style.sh --format     formatting only; seconds
set -euo pipefail
cd "$(dirname "$0")/.."

n_recent=8
mistakes='-*,clang-analyzer-*,-clang-analyzer-cplusplus.NewDeleteLeaks,bugprone-use-after-move,bugprone-dangling-handle'
mistakes+=',bugprone-infinite-loop,bugprone-unused-raii,performance-move-const-arg,performance-for-range-copy'

git ls-files '*.cpp' '*.cppm' '*.hpp' | xargs clang-format-19 --dry-run --Werror
sources() { git ls-files 'modules/*.cpp' 'modules/*.cppm' 'plugins/*.cpp' 'plugins/*.cppm' 'apps/*.cpp' 'bench/*.cpp'; }
checks=()
case ${1:-} in
    --format) exit 0 ;;
    # Newest first, each once, those that are still there.
    --recent)
        checks=("--checks=$mistakes")
        chosen() {
            git log --pretty=format: --name-only | awk 'NF && !seen[$0]++' | grep -Fxf <(sources) | head -n "$n_recent" || true
        } ;;
    *) chosen() { sources; } ;;
esac
# Interfaces and implementations need the compiled modules that the build has made.
chosen | xargs -r -P "$(nproc)" -n 2 clang-tidy-19 --quiet -p build/release "${checks[@]}"

#!/usr/bin/env bash
# clang-format over all sources, clang-tidy over those of the release build (which must exist): exit 1 if they object.
#
#   scripts/check-style.sh              all; an hour on two cores
#   scripts/check-style.sh --recent     of clang-tidy the sources that were changed last; a minute
#   scripts/check-style.sh --format     formatting only; seconds
set -euo pipefail
cd "$(dirname "$0")/.."

n_recent=8

git ls-files '*.cpp' '*.cppm' '*.hpp' | xargs clang-format-19 --dry-run --Werror
sources() { git ls-files 'modules/*.cpp' 'modules/*.cppm' 'plugins/*.cpp' 'plugins/*.cppm' 'apps/*.cpp' 'apps/*.cppm' 'bench/*.cpp'; }
case ${1:-} in
    --format) exit 0 ;;
    # Newest first, each once, those that are still there.
    --recent)
        chosen() {
            git log --pretty=format: --name-only | awk 'NF && !seen[$0]++' | grep -Fxf <(sources) | head -n "$n_recent" || true
        } ;;
    *) chosen() { sources; } ;;
esac

# Nothing is linked: clang-tidy has all of clang in it.
plugin=build/release/own_declarations.so
[ "$plugin" -nt scripts/own_declarations.cpp ] ||
    clang++-19 -std=c++17 -O1 -fno-rtti -fPIC -shared -isystem /usr/lib/llvm-19/include scripts/own_declarations.cpp -o "$plugin"
# Interfaces and implementations need the compiled modules that the build has made.
chosen | xargs -r -P "$(nproc)" -n 1 clang-tidy-19 --quiet -p build/release --load="$plugin" --config-file=.clang-tidy --checks=own-declarations

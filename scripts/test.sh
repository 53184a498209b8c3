#!/usr/bin/env bash
# Installs what is missing, builds everything and runs all tests; arguments go to ctest, e.g. scripts/test.sh -L quick
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
echo "test: formatting"
git ls-files '*.cpp' '*.cppm' '*.hpp' | xargs clang-format-19 --dry-run --Werror
cmake --preset release
cmake --build --preset release
ctest --preset release "$@"

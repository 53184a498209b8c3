#!/usr/bin/env bash
# Installs what is missing, builds everything and runs the tests.
#
#   scripts/test.sh [ARGUMENTS]    all but the long ones; arguments go to ctest, e.g. scripts/test.sh -L quick
#   scripts/test.sh --long         the long ones (hours): sanitizers, clang-tidy over all, another distribution
#
# docs/testing.md says what is in which, and what the long ones gave last.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=release
if [ "${1:-}" = --long ]; then
    preset=long
    shift
fi
scripts/setup.sh --tests
echo "test: formatting"
scripts/check-style.sh --format
cmake --preset release -DREPAL_BUILD_TESTS=ON
cmake --build --preset release
if [ "$preset" = release ]; then
    echo "test: clang-tidy of what changed last"
    scripts/check-style.sh --recent
fi
ctest --preset "$preset" "$@"

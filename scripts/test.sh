#!/usr/bin/env bash
# Installs what is missing, builds everything and runs all tests; arguments go to ctest, e.g. scripts/test.sh -L quick
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh --tests
echo "test: formatting"
scripts/check-style.sh --format
cmake --preset release -DREPAL_BUILD_TESTS=ON
cmake --build --preset release
ctest --preset release "$@"

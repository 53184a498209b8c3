#!/usr/bin/env bash
# Installs what is missing, builds repal and runs the studies at demo size. The last lines say where results and report are.
#
#   scripts/demo.sh [RESULTS]      results/demo unless another folder is named
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
# A tree that was configured already keeps what it builds, e.g. tests.
[ -f build/release/build.ninja ] || cmake --preset release -DREPAL_BUILD_TESTS=OFF
cmake --build --preset release
for study in attractors neurotasks; do
    build/release/bin/repal run "$study" --config examples/demo.yaml --results "${1:-results/demo}"
done

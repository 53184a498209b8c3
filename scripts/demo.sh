#!/usr/bin/env bash
# Installs what is missing, builds repal and runs the studies at demo size. The last lines say where results and report are.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
cmake --preset release -DREPAL_BUILD_TESTS=OFF
cmake --build --preset release
for study in attractors neurotasks; do
    build/release/bin/repal run "$study" --config examples/demo.yaml --results results/demo
done

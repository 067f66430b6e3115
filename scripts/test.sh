#!/usr/bin/env bash
# Installs what is missing, builds what has changed, and runs every test.
#   scripts/test.sh [<argument of ctest>...]        for instance: scripts/test.sh -L unit
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_deps.sh build test
cmake --preset release
cmake --build --preset release
if [[ $# -gt 0 ]]; then
  exec ctest --preset release --parallel "$(nproc)" "$@"
fi
results=$PWD/build/release/results.xml
ctest --preset release --parallel "$(nproc)" --output-junit "$results"
scripts/check_conformance.py . "$results"

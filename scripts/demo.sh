#!/usr/bin/env bash
# Installs what is missing, builds the library and the examples, and runs the word count.
#   scripts/demo.sh [<argument of wordcount>...]
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_deps.sh build
cmake --preset demo
cmake --build --preset demo
exec build/demo/examples/wordcount "$@"

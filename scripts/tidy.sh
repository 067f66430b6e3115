#!/usr/bin/env bash
# Runs clang-tidy on the sources changed since the last commit; with --all on every source.
set -euo pipefail
cd "$(dirname "$0")/.."

sources() {
  if [[ ${1:-} == --all ]]; then
    git ls-files --cached --others --exclude-standard -- '*.cpp'
  else
    git diff --name-only --diff-filter=d HEAD -- '*.cpp'
    git ls-files --others --exclude-standard -- '*.cpp'
  fi
}

scripts/install_deps.sh build test dev
cmake --preset tidy >&2
sources "$@" | grep -v -e '^tests/compile_fail/' -e '^tests/package/' | sort -u |
  xargs --no-run-if-empty --max-procs="$(nproc)" --max-args=1 \
    clang-tidy-19 -p build/tidy --quiet

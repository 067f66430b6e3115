#!/usr/bin/env bash
# Formats every C++ file in place; with --check only says which ones would change.
set -euo pipefail
cd "$(dirname "$0")/.."

how=(-i)
if [[ ${1:-} == --check ]]; then how=(--dry-run -Werror); fi
git ls-files -z --cached --others --exclude-standard -- '*.cpp' '*.hpp' |
  xargs -0 --no-run-if-empty clang-format-19 "${how[@]}"

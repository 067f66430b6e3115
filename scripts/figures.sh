#!/usr/bin/env bash
# Measures the figures of README.md, here and in Python, and prints them as a table in microseconds.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_deps.sh build bench
cmake --preset bench >&2
cmake --build --preset bench --target figures >&2
ours=$(build/bench/benchmarks/figures/figures)
theirs=$(python3 benchmarks/figures/figures.py)
python3 --version
printf '| Microseconds | C++ | Python |\n|---|---|---|\n'
paste <(cut -f2 <<<"$ours") <(cut -f1 <<<"$ours") <(cut -f1 <<<"$theirs") |
  awk -F'\t' '{ printf "| %s | %.*f | %.*f |\n", $1, $2 < 0.1 ? 3 : $2 < 10 ? 2 : 0, $2, $3 < 0.1 ? 3 : $3 < 10 ? 2 : 0, $3 }'

#!/usr/bin/env bash
# Builds the benchmarks and prints their table; arguments as `bench/run.sh --help` lists them.
set -euo pipefail
exec cargo run --quiet --release --locked --manifest-path "$(dirname "$0")/Cargo.toml" -- "$@"

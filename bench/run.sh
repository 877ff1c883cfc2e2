#!/usr/bin/env bash
# Builds the benchmarks and prints their table; arguments as `bench/run.sh --help` lists them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cargo build --quiet --release --locked --manifest-path "$here/Cargo.toml" --target-dir "$here/target"
exec "$here/target/release/strongroom-bench" "$@"

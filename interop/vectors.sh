#!/bin/sh
# Compares keys with NIST's files of vectors, which the package cryptography_vectors holds.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
"$here/setup.sh"
CRYPTOGRAPHY_VECTORS=$("$here/.venv/bin/python" -c 'import cryptography_vectors as v; print(*v.__path__)')
export CRYPTOGRAPHY_VECTORS
cargo test --quiet --manifest-path "$here/../Cargo.toml" --package strongroom-keys \
    --test symmetric --test asymmetric nist

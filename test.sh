#!/usr/bin/env bash
# Runs every check and every test of the project, and installs what they need if it is missing.
#   ./test.sh           everything
#   ./test.sh STEP…     only these: format lints tests doctests docs bans fuzz bench interop
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto} CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}

steps=(format lints tests doctests docs bans fuzz bench interop)

# need COMMAND PACKAGE — installs a Debian package if the command is missing; fails if that does not go.
need() {
    command -v "$1" > /dev/null && return
    local sudo=
    [ "$(id -u)" = 0 ] || sudo="sudo -n"
    echo "installing $2"
    { command -v apt-get > /dev/null && $sudo apt-get -qq update && $sudo apt-get -qq install -y "$2"; } > /dev/null 2>&1 \
        || { echo "$1 is missing (package $2), and could not be installed" >&2; return 1; }
}

format() { cargo fmt --all --check; }

lints() { cargo clippy --quiet --workspace --all-targets -- -D warnings; }

tests() {
    # Where one is missing, the tests that need it say what they could not show; continuous integration has to show all.
    for tool in strace curl openssl; do need "$tool" "$tool" || [ -z "${CI:-}" ]; done
    if cargo nextest --version > /dev/null 2>&1; then
        cargo nextest run --workspace --cargo-quiet --status-level slow --final-status-level fail --no-fail-fast
    else
        cargo test --quiet --workspace --all-targets --no-fail-fast
    fi
}

doctests() { cargo test --quiet --workspace --doc; }

docs() { RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps; }

# The tests hold the lock file to deny.toml; the tool itself also knows the advisories, where it is installed.
bans() {
    if cargo deny --version > /dev/null 2>&1; then
        cargo deny --log-level error check bans licenses sources
    else
        cargo test --quiet -p strongroom-core --test workspace
    fi
}

fuzz() { cargo test --quiet --manifest-path fuzz/Cargo.toml; }

bench() { cargo clippy --quiet --manifest-path bench/Cargo.toml --all-targets -- -D warnings; }

interop() {
    need python3 python3
    need curl curl
    python3 -c 'import venv, ensurepip' 2> /dev/null || need python3-venv python3-venv
    interop/vectors.sh
    cargo build --quiet --package strongroom-suite
    interop/run.sh "$CARGO_TARGET_DIR/debug/strongroom"
}

chosen=("$@")
[ ${#chosen[@]} -gt 0 ] || chosen=("${steps[@]}")
for step in "${chosen[@]}"; do
    [[ " ${steps[*]} " == *" $step "* ]] || { echo "no such step: $step (there are: ${steps[*]})" >&2; exit 2; }
done
for step in "${chosen[@]}"; do
    begun=$SECONDS
    echo "── $step"
    "$step"
    echo "── $step: passed in $((SECONDS - begun)) s"
done
echo "all passed in $SECONDS s"

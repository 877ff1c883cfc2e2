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

# A cluster of PostgreSQL for this run, which ends with it. The variable tells the tests where it is.
cluster() {
    [ -z "${STRONGROOM_TEST_POSTGRES:-}" ] || return 0
    ls /usr/lib/postgresql/*/bin/postgres > /dev/null 2>&1 || command -v postgres > /dev/null || {
        # Debian's package starts a cluster of its own unless it is told not to.
        local sudo=
        [ "$(id -u)" = 0 ] || sudo="sudo -n"
        { $sudo mkdir -p /etc/postgresql-common \
            && echo "create_main_cluster = false" | $sudo tee -a /etc/postgresql-common/createcluster.conf; } \
            > /dev/null 2>&1 || true
        need postgres postgresql || ls /usr/lib/postgresql/*/bin/postgres > /dev/null 2>&1 || [ -z "${CI:-}" ] || return 1
        ls /usr/lib/postgresql/*/bin/postgres > /dev/null 2>&1 || return 0
    }
    coproc CLUSTER { exec crates/store-postgres/src/testing/cluster.sh; }
    read -r STRONGROOM_TEST_POSTGRES <&"${CLUSTER[0]}"
    export STRONGROOM_TEST_POSTGRES
}

# What stands on an engine, on this one too.
on_engine() {
    local packages=(-p strongroom-barrier -p strongroom-kms -p strongroom-identity -p strongroom-audit)
    if cargo nextest --version > /dev/null 2>&1; then
        STRONGROOM_TEST_ENGINE=$1 cargo nextest run "${packages[@]}" --filterset 'kind(test)' --cargo-quiet \
            --status-level slow --final-status-level fail --no-fail-fast
    else
        STRONGROOM_TEST_ENGINE=$1 cargo test --quiet "${packages[@]}" --test '*' --no-fail-fast
    fi
}

tests() {
    # Where one is missing, the tests that need it say what they could not show; continuous integration has to show all.
    for tool in strace curl openssl; do need "$tool" "$tool" || [ -z "${CI:-}" ]; done
    cluster
    if cargo nextest --version > /dev/null 2>&1; then
        cargo nextest run --workspace --cargo-quiet --status-level slow --final-status-level fail --no-fail-fast
    else
        cargo test --quiet --workspace --all-targets --no-fail-fast
    fi
    [ -z "${STRONGROOM_TEST_POSTGRES:-}" ] || on_engine postgres
    # What other builds do not have.
    cargo test --quiet -p strongroom-keys --features slh-dsa --lib --test asymmetric slh_dsa
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
    cargo test --quiet --manifest-path interop/awslc/Cargo.toml
    cargo test --quiet --manifest-path interop/tlog/Cargo.toml
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

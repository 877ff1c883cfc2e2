#!/usr/bin/env bash
# Drives a Strongroom server with the clients of others; every client gets a fresh server of its own.
#   run.sh BINARY     BINARY is the built `strongroom`
#   run.sh --oracle   OpenBao in its place: a test of the clients themselves
# Exit code 0: all passed; 1: some failed; 2: wrong use.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/server.sh"
python=$here/.venv/bin/python
# The clients take settings from the environment; only ours count.
unset "${!VAULT_@}" "${!BAO_@}"
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1

usage() {
    echo "usage: run.sh BINARY | --oracle" >&2
    exit 2
}

[ $# -eq 1 ] || usage
flags=()
if [ "$1" = --oracle ]; then
    flags=(--oracle)
else
    binary=$(command -v -- "$1") || usage
fi

work=$(mktemp -d)
cleanup() {
    for dir in "$work"/*/; do
        stop_server "${dir%/}"
    done
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# start_ours DIR — a fresh, uninitialised server under test.
start_ours() {
    if [ ${#flags[@]} -gt 0 ]; then
        "$here/openbao.sh" start "$1" > /dev/null
        return
    fi
    mkdir -p "$1/data"
    local port
    port=$("$python" "$here/free_port.py")
    "$binary" server --data "$1/data" --listen "127.0.0.1:$port" --insecure-http > "$1/server.log" 2>&1 &
    echo $! > "$1/pid"
    wait_until_up "http://127.0.0.1:$port" "$!" "$1/server.log" && echo "http://127.0.0.1:$port" > "$1/addr"
}

# client NAME COMMAND… — runs COMMAND with the address of a fresh server as {}.
failed=0
client() {
    local name=$1 dir=$work/$1
    shift
    echo "== $name"
    mkdir -p "$dir"
    if start_ours "$dir" && "${@/#\{\}/$(cat "$dir/addr")}" ${flags[@]+"${flags[@]}"}; then
        echo "PASS $name"
    else
        echo "FAIL $name"
        failed=1
    fi
    stop_server "$dir"
}

"$here/setup.sh"
client hvac "$python" "$here/hvac_run.py" {}
client bao "$here/bao_run.sh" {}
oracle=$("$here/openbao.sh" start "$work/oracle")
client differential "$python" "$here/differential.py" {} "$oracle"
exit "$failed"

#!/bin/sh
# Starts and stops a private, uninitialised OpenBao on a free loopback port.
#   openbao.sh start DIR   serves from DIR (made if missing), writes DIR/addr and DIR/pid, prints the address
#   openbao.sh stop DIR    ends it; the data stays in DIR
set -eu

here=$(cd "$(dirname "$0")" && pwd)

usage() {
    echo "usage: openbao.sh start|stop DIR" >&2
    exit 2
}

free_port() {
    "$here/.venv/bin/python" "$here/free_port.py" "$@"
}

# Health answers with some status once the listener is up; 000 means not yet.
wait_until_up() {
    tries=0
    while [ "$(curl -s -o /dev/null -w '%{http_code}' "$1/v1/sys/health")" = 000 ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 100 ] || ! kill -0 "$2" 2>/dev/null; then
            echo "openbao did not start; its log:" >&2
            tail -n 20 "$3" >&2
            exit 1
        fi
        sleep 0.1
    done
}

start() {
    dir=$1
    mkdir -p "$dir/raft"
    set -- $(free_port 2)
    cat > "$dir/server.hcl" <<CONFIG
storage "raft" {
  path = "$dir/raft"
  node_id = "interop"
}
listener "tcp" {
  address = "127.0.0.1:$1"
  cluster_address = "127.0.0.1:$2"
  tls_disable = true
}
api_addr = "http://127.0.0.1:$1"
cluster_addr = "http://127.0.0.1:$2"
CONFIG
    "$here/.venv/bin/bao" server -config="$dir/server.hcl" > "$dir/server.log" 2>&1 &
    echo $! > "$dir/pid"
    wait_until_up "http://127.0.0.1:$1" "$(cat "$dir/pid")" "$dir/server.log"
    echo "http://127.0.0.1:$1" | tee "$dir/addr"
}

stop() {
    [ -f "$1/pid" ] || return 0
    pid=$(cat "$1/pid")
    kill "$pid" 2>/dev/null || true
    tries=0
    while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 100 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
    rm -f "$1/pid" "$1/addr"
}

[ $# -eq 2 ] || usage
case $1 in
start) start "$2" ;;
stop) stop "$2" ;;
*) usage ;;
esac

#!/bin/sh
# Starts and stops a private, uninitialised OpenBao on a free loopback port.
#   openbao.sh start DIR   serves from DIR (made if missing), writes DIR/addr and DIR/pid, prints the address
#   openbao.sh stop DIR    ends it; the data stays in DIR
set -eu

here=$(cd "$(dirname "$0")" && pwd)
. "$here/server.sh"

usage() {
    echo "usage: openbao.sh start|stop DIR" >&2
    exit 2
}

start() {
    dir=$1
    mkdir -p "$dir/raft"
    set -- $("$here/.venv/bin/python" "$here/free_port.py" 2)
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
    wait_until_up "http://127.0.0.1:$1" "$!" "$dir/server.log"
    echo "http://127.0.0.1:$1" | tee "$dir/addr"
}

[ $# -eq 2 ] || usage
case $1 in
start) start "$2" ;;
stop) stop_server "$2" ;;
*) usage ;;
esac

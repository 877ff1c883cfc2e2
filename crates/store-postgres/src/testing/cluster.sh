#!/usr/bin/env bash
# Starts a private PostgreSQL cluster for tests and stops it when standard input ends, so also when its parent is
# killed. The first line of its output tells how to reach it: the folder of its socket and its port.
#   cluster.sh [--on-disk] [SETTING=VALUE…]
# The cluster lies in memory where there is room, so that syncs cost nothing, unless it is to lie on a disk.
# The word "restart" on standard input kills the server as a crash would, and starts it again.
# As root it runs the server as the user postgres or nobody, which the server insists on.
set -euo pipefail

tools=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | sort -V | tail -n 1 || true)
[ -n "$tools" ] || tools=$(dirname "$(command -v initdb || true)")
[ -x "$tools/initdb" ] && [ -x "$tools/postgres" ] || { echo "PostgreSQL's server is not installed" >&2; exit 3; }

# The path of a socket has at most 107 bytes, so not every TMPDIR will do.
parent=/tmp
room=$(df --output=avail --block-size=1M /dev/shm 2> /dev/null | tail -n 1 || true)
[ -w /dev/shm ] && [ "${room:-0}" -ge 1500 ] && parent=/dev/shm
[ "${1:-}" != --on-disk ] || { parent=/var/tmp; shift; }
folder=$(mktemp -d "$parent/strongroom-pg.XXXXXX")
server=
stop() {
    # SIGQUIT: immediately, as after a crash. Nobody needs the cluster again.
    [ -z "$server" ] || { kill -QUIT "$server" 2> /dev/null || true; wait "$server" 2> /dev/null || true; }
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 1' TERM INT HUP

as=()
if [ "$(id -u)" = 0 ]; then
    user=postgres
    id "$user" > /dev/null 2>&1 || user=nobody
    chown "$user" "$folder"
    as=(setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups)
fi
cd "$folder"
"${as[@]}" "$tools/initdb" --pgdata data --username postgres --auth-local trust --auth-host scram-sha-256 \
    --encoding UTF8 --locale C --no-instructions --no-sync > initdb.log 2>&1 || { cat initdb.log >&2; exit 1; }

settings=(-c fsync=on -c full_page_writes=on -c max_connections=300 -c shared_buffers=64MB -c max_wal_size=512MB
    -c listen_addresses=127.0.0.1 -c "unix_socket_directories=$folder" -c unix_socket_permissions=0700)
for setting in "$@"; do settings+=(-c "$setting"); done

# start PORT — returns when the server answers, or fails when it has ended.
start() {
    "${as[@]}" "$tools/postgres" -D data -p "$1" "${settings[@]}" < /dev/null > server.log 2>&1 &
    server=$!
    while kill -0 "$server" 2> /dev/null; do
        "$tools/pg_isready" -q -h "$folder" -p "$1" && return
        sleep 0.05
    done
    wait "$server" || true
    server=
    return 1
}

port=
for _ in 1 2 3 4 5 6 7 8; do
    port=$((20000 + RANDOM % 12000))
    start "$port" && break
    grep -q "could not bind" server.log || { cat server.log >&2; exit 1; }
done
[ -n "$server" ] || { cat server.log >&2; exit 1; }
echo "$folder $port"
while read -r command; do
    [ "$command" = restart ] || continue
    kill -QUIT "$server"
    wait "$server" || true
    start "$port" || { cat server.log >&2; exit 1; }
    echo restarted
done

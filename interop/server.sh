# Sourced by openbao.sh and run.sh: waiting for a server to answer, and ending one.

# wait_until_up ADDR PID LOG — health answers with some status once the listener is up; 000 means not yet.
wait_until_up() {
    tries=0
    while [ "$(curl -s -o /dev/null -w '%{http_code}' "$1/v1/sys/health")" = 000 ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 100 ] || ! kill -0 "$2" 2>/dev/null; then
            echo "the server did not start; its log:" >&2
            tail -n 20 "$3" >&2
            return 1
        fi
        sleep 0.1
    done
}

# stop_server DIR — ends the process named in DIR/pid, by force if it is still there after ten seconds.
stop_server() {
    [ -f "$1/pid" ] || return 0
    pid=$(cat "$1/pid")
    kill "$pid" 2>/dev/null || true
    tries=0
    while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 100 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
    rm -f "$1/pid" "$1/addr"
}

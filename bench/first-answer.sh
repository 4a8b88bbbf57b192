#!/usr/bin/env bash
# Measures the program as people install it, with 1,000 people in its database: from its start to its first answered page (median of 11),
# and its memory when idle, before the first password. Needs bash and cargo. What it means is in docs/measure.md.
set -euo pipefail
cd "$(dirname "$0")/.."

people=${1:-1000} runs=11
cargo build --quiet --profile dist --package latchkey
cargo build --quiet --release --package store --example people
program=$PWD/target/dist/latchkey fill=$PWD/target/release/examples/people

place=$(mktemp -d)
pid=
end() {
    if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi
    rm -rf "$place"
}
trap end EXIT
cd "$place"

# The first start makes the data directory and the key; the people come next.
port=18473
export LATCHKEY_LISTEN=127.0.0.1:$port
start() {
    "$program" >out.txt 2>err.txt &
    pid=$!
}
stop() {
    kill "$pid"
    wait "$pid"
    pid=
}
# Nothing ever comes from here: waiting for it is a pause that starts no process.
exec 9<> <(:)
# One request over a socket of bash's own: starting a client would take longer than what is measured.
answer() {
    until { exec 3<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null; do
        kill -0 "$pid" 2>/dev/null || { cat err.txt >&2; exit 1; }
        read -r -t 0.0005 -u 9 || true
    done
    printf 'GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
    read -r status <&3
    exec 3<&- 3>&-
    [ "${status%$'\r'}" = "HTTP/1.1 200 OK" ] || { echo "it answered: $status" >&2; exit 1; }
}

start
answer
stop
"$fill" sqlite:latchkey-data/latchkey.db "$people" >/dev/null

times=() memory=()
for ((run = 0; run < runs; run++)); do
    before=${EPOCHREALTIME/[.,]/}
    start
    answer
    after=${EPOCHREALTIME/[.,]/}
    times+=($((after - before)))
    sleep 1
    memory+=("$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")")
    stop
done

median() {
    printf '%s\n' "$@" | sort -n | sed -n "$((runs / 2 + 1))p"
}
milliseconds=$(median "${times[@]}") kib=$(median "${memory[@]}")
printf '%s people, %s runs on %s cores\n' "$people" "$runs" "$(nproc)"
printf 'start to first answer   %d.%d ms\n' $((milliseconds / 1000)) $((milliseconds % 1000 / 100))
printf 'idle memory             %d.%d MiB\n' $((kib / 1024)) $((kib % 1024 * 10 / 1024))

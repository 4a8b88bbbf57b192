# Keeps one throwaway PostgreSQL for as long as standard input stays open; cargo xtask holds the other end. The end of
# input is the end of that process, however it came about (done, failed, interrupted, killed), so nothing is left behind.
# $1 is the directory of the server's programs. The directory that is made is printed once the server answers.
set -eu
bin=$1
cd /
umask 077
place=$(mktemp -d -t latchkey-postgres.XXXXXX)
stop() {
    "$bin/pg_ctl" --silent --pgdata="$place/data" --mode=immediate stop >/dev/null 2>&1 || true
    rm -rf "$place"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM

export LC_ALL=C TZ=UTC
"$bin/initdb" --pgdata="$place/data" --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync >"$place/initdb.log" 2>&1 ||
    { cat "$place/initdb.log" >&2; exit 1; }

# A socket and no port: two runs at once cannot meet. Nothing here outlives the run, so nothing is synced to disk.
cat >>"$place/data/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$place'
port = 5432
max_connections = 300
fsync = off
full_page_writes = off
autovacuum_naptime = 10min
timezone = 'UTC'
log_timezone = 'UTC'
END

"$bin/pg_ctl" --silent --wait --timeout=60 --pgdata="$place/data" --log="$place/server.log" start >/dev/null ||
    { cat "$place/server.log" >&2; exit 1; }
echo "$place"
cat >/dev/null

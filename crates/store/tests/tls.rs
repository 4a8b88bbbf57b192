//! A PostgreSQL that speaks TLS, or does not: whom it has to be proven to, and what is said when it is not.
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by its name")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use store::{Db, Secrecy, Time};

/// An authority, and the file with its certificate.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    fn issue(&self, names: &[&str]) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// A server of its own on a port of its own, for as long as this lives.
struct Postgres {
    keeper: Child,
    leash: Option<ChildStdin>,
    port: u16,
}

/// Keeps the server until its input ends, as the keeper of the other tests' cluster does.
const KEEPER: &str = r#"
set -eu
bin=$1 port=$2 ssl=$3
cd /
umask 077
place=$(mktemp -d -t latchkey-tls.XXXXXX)
stop() {
    "$bin/pg_ctl" --silent --pgdata="$place/data" --mode=immediate stop >/dev/null 2>&1 || true
    rm -rf "$place"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM
printf '%s' "$4" >"$place/both.pem"
export LC_ALL=C TZ=UTC
"$bin/initdb" --pgdata="$place/data" --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync >/dev/null
cat >>"$place/data/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
unix_socket_directories = '$place'
port = $port
fsync = off
ssl = $ssl
ssl_cert_file = '$place/both.pem'
ssl_key_file = '$place/both.pem'
END
"$bin/pg_ctl" --silent --wait --timeout=60 --pgdata="$place/data" --log="$place/server.log" start >/dev/null ||
    { cat "$place/server.log" >&2; exit 1; }
echo ready
cat >/dev/null
"#;

impl Postgres {
    /// One that shows this certificate, or one that speaks no TLS.
    fn start(pair: Option<&(String, String)>) -> Postgres {
        // A port that was free a moment ago may be taken by now, and then the next is tried.
        (0..5).find_map(|_| Postgres::try_start(pair)).expect("PostgreSQL starts; it says above why not")
    }

    fn try_start(pair: Option<&(String, String)>) -> Option<Postgres> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let both = pair.map(|(certificate, key)| format!("{certificate}{key}")).unwrap_or_default();
        let ssl = if pair.is_some() { "on" } else { "off" };
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(binaries()).args([&port.to_string(), ssl, &both]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0).current_dir("/");
        // It refuses to run as root.
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
            let line = passwd.lines().find(|line| line.starts_with("postgres:")).expect("a user postgres");
            let ids: Vec<u32> = line.split(':').skip(2).take(2).map(|id| id.parse().unwrap()).collect();
            command.uid(ids[0]).gid(ids[1]);
        }
        let mut keeper = command.spawn().unwrap();
        let leash = keeper.stdin.take();
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
        // Dropping it cleans up.
        let server = Postgres { keeper, leash, port };
        (line == "ready\n").then_some(server)
    }

    /// What comes of opening it under this name, with these parameters.
    async fn open(&self, host: &str, parameters: &str) -> Result<(), String> {
        let url = format!("postgres://postgres@{host}:{}/postgres?{parameters}", self.port);
        Db::open(&url, Time::from_millis(0)).await.map(drop).map_err(|e| e.to_string())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.leash.take());
        let _ = self.keeper.wait();
    }
}

/// Where the server's programs are: Debian's newest, or what the search path leads to.
fn binaries() -> PathBuf {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut versions: Vec<PathBuf> = debian.map(|entry| entry.unwrap().path().join("bin")).collect();
    versions.retain(|bin| bin.join("initdb").is_file());
    versions.sort();
    versions.pop().unwrap_or_else(|| {
        let found = Command::new("sh")
            .args(["-c", "dirname \"$(realpath \"$(command -v initdb)\")\""])
            .output()
            .unwrap();
        String::from_utf8(found.stdout).unwrap().trim().into()
    })
}

#[tokio::test]
async fn a_server_proves_its_name_by_the_authority_that_is_named_and_by_no_other() {
    let (ours, others) = (Authority::new(), Authority::new());
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(dir.path().join(name), text).unwrap();
        format!("sslrootcert={}", dir.path().join(name).display())
    };
    let (known, unknown) = (write("ours.pem", &ours.pem), write("others.pem", &others.pem));
    let both = write("both.pem", &format!("{}{}", others.pem, ours.pem));

    let server = Postgres::start(Some(&ours.issue(&["localhost"])));
    server.open("localhost", &known).await.unwrap();
    server.open("localhost", &format!("{both}&sslmode=verify-full")).await.unwrap();
    let said = server.open("localhost", &unknown).await.unwrap_err();
    assert!(
        said.contains("from an authority that this machine does not know: add sslrootcert=PATH"),
        "{said}"
    );
    // The machine's own list does not know it either.
    let said = server.open("localhost", "sslmode=require").await.unwrap_err();
    assert!(said.contains("authorit"), "{said}");
    let said = server.open("127.0.0.1", &known).await.unwrap_err();
    assert!(said.contains("is for another name than the host"), "{said}");
    // On this machine nothing has to be encrypted.
    server.open("localhost", "").await.unwrap();

    // What it is asked for, it does: every connection is encrypted.
    let url = format!("postgres://postgres@localhost:{}/postgres?{known}", server.port);
    assert_eq!(store::secrecy(&url).unwrap(), Secrecy::Verified);
    let encrypted = |url: String| async move {
        const ENCRYPTED: store::Sql =
            store::Sql::new("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
        let db = Db::open(&url, Time::from_millis(0)).await.unwrap();
        db.scan(|conn| conn.one(ENCRYPTED, &[], |row| row.bool(0))).await
    };
    assert_eq!(encrypted(url.clone()).await.unwrap(), Some(true));
    assert_eq!(encrypted(url.replace(&known, "")).await.unwrap(), Some(false));
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_it_is_asked_for() {
    let ours = Authority::new();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ca.pem"), &ours.pem).unwrap();
    let server = Postgres::start(None);
    let asked = format!("sslrootcert={}", dir.path().join("ca.pem").display());
    let said = server.open("localhost", &asked).await.unwrap_err();
    assert!(said.contains("it speaks no TLS: switch it on there"), "{said}");
    server.open("localhost", "").await.unwrap();
}

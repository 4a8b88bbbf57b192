//! How it starts: with nothing, on a terminal, on a port that is taken, with another's key.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use store::Kind;

use crate::browser::Browser;
use crate::person::Person;
use crate::server::{Place, Server, program};

#[test]
fn it_starts_with_nothing_and_makes_what_it_needs() {
    let place = Place::new(Kind::Sqlite);
    let server = Server::start(&place);
    assert_eq!(server.browser().get("/livez").is(200), "ok\n");
    assert_eq!(server.browser().get("/readyz").is(200), "ok\n");
    server.browser().get("/").lands_on("/login");
    let mode = |name: &str| std::fs::metadata(place.data().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("master.key")), (0o700, 0o600));

    let port = server.address.port();
    let (said, logged) = server.stop();
    let mut left: Vec<_> =
        std::fs::read_dir(place.data()).unwrap().map(|file| file.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["latchkey.db", "master.key"], "stopped in order, it leaves what a backup copies");
    assert!(said.starts_with("Latchkey 0.1.0, ready in "), "{said}");
    assert!(
        said.contains(&format!(" at http://localhost:{port}, listening on 127.0.0.1:{port}\n")),
        "{said}"
    );
    assert!(said.contains("Registration open (this machine only). 0 people in SQLite"), "{said}");
    assert!(said.contains("latchkey setup-link"), "{said}");
    assert!(!said.contains("/setup/") && !logged.contains("/setup/"), "a link in a log: {said}{logged}");
}

#[test]
fn a_terminal_sees_a_link_that_makes_the_owner_and_interrupts_it() {
    let place = Place::new(Kind::Sqlite);
    // `script` gives it a terminal, and passes on what is typed there.
    let program = format!("exec {}", program());
    let mut script = place.command("script", &["--quiet", "--return", "--command", &program, "/dev/null"]);
    let mut script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut terminal = BufReader::new(script.stdout.take().unwrap());
    let mut seen = String::new();
    while !seen.contains("latchkey doctor") {
        assert_ne!(terminal.read_line(&mut seen).unwrap(), 0, "{seen}");
    }
    let url =
        seen.split_whitespace().find(|word| word.contains("/setup/")).unwrap_or_else(|| panic!("{seen}"));
    let (port, path) = url.strip_prefix("http://localhost:").unwrap().split_once('/').unwrap();
    let mut browser = Browser::new(format!("127.0.0.1:{port}").parse().unwrap());
    let mut ada = Person::new("ada");
    browser.get(&format!("/{path}")).is(200);
    let fields = [("username", ada.name.as_str()), ("password", ada.password.as_str())];
    browser.post(&format!("/{path}"), &fields).lands_on("/enroll");
    ada.enrolls(&mut browser);
    assert!(String::from_utf8(place.run(&["user", "list"]).stdout).unwrap().contains("owner"));

    script.stdin.take().unwrap().write_all(b"\x03").unwrap();
    terminal.read_to_string(&mut seen).unwrap();
    assert_eq!(script.wait().unwrap().code(), Some(0), "{seen}");
    // A terminal gets lines for people: the route, never the link.
    assert!(seen.contains("/setup/{token}") && !seen.contains("{\""), "{seen}");
    assert_eq!(seen.matches("/setup/").count() - seen.matches("/setup/{token}").count(), 1, "{seen}");
}

#[test]
fn a_port_that_is_taken_is_named_and_nothing_is_made() {
    let mut place = Place::new(Kind::Sqlite);
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    place.set("LATCHKEY_LISTEN", &address.to_string());
    let ended = place.run(&[]);
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        said.contains(&format!("{address} is taken")) && said.contains("latchkey --listen 127.0.0.1:"),
        "{said}"
    );
    assert!(!place.data().exists(), "it made a data directory before it had a port");
}

#[test]
fn the_wrong_master_key_stops_the_start_and_writes_nothing() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let place = Place::new(kind);
        let server = Server::start(&place);
        Person::new("ada").registers(&mut server.browser());
        server.stop();
        let key = place.data().join("master.key");
        let right = std::fs::read(&key).unwrap();
        std::fs::write(&key, "q2z3N5jzUoyXnXhXWIrqzSmu6LyUqMRI9yCHsXVN3y0=\n").unwrap();
        let before = database(&place);

        let ended = place.run(&[]);
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!((ended.status.code(), ended.stdout.len()), (Some(1), 0), "{said}");
        assert!(said.contains("the master key is not the one this database was made with"), "{said}");
        let sizes = |files: &[(String, Vec<u8>)]| {
            files.iter().map(|(name, bytes)| format!("{name} {}", bytes.len())).collect::<Vec<_>>()
        };
        let after = database(&place);
        assert!(
            after == before,
            "{kind:?}: something was written: {:?}, then {:?}",
            sizes(&before),
            sizes(&after)
        );

        std::fs::write(&key, right).unwrap();
        Server::start(&place).stop();
    }
}

#[test]
fn many_first_starts_at_once_agree_on_one_key() {
    for _ in 0..8 {
        let place = Place::new(Kind::Sqlite);
        let mut first: Vec<_> = (0..6)
            .map(|n| {
                let name = format!("person{n}");
                place
                    .latchkey(&["user", "add", &name])
                    .stdout(Stdio::null())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for started in &mut first {
            let mut said = String::new();
            started.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            assert!(started.wait().unwrap().success(), "{said}");
        }
        assert!(place.run(&["key", "list"]).status.success(), "the key is there");
    }
}

/// Every byte of it: the files, or all rows as text.
fn database(place: &Place) -> Vec<(String, Vec<u8>)> {
    if let Some(url) = place.url() {
        let dump = place.command("pg_dump", &["--data-only", "--dbname", &url]).output().unwrap();
        assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
        // Each dump is guarded by a token of its own.
        let text = String::from_utf8(dump.stdout).unwrap();
        let rows: Vec<&str> = text.lines().filter(|line| !line.contains("restrict")).collect();
        return vec![("rows".to_owned(), rows.join("\n").into_bytes())];
    }
    let files = std::fs::read_dir(place.data()).unwrap().map(|file| file.unwrap());
    let mut files: Vec<_> = files
        .map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap()))
        // Opening makes an index of the write-ahead log, and a log with nothing in it.
        .filter(|(name, bytes)| {
            name.starts_with("latchkey.db") && !name.ends_with("-shm") && !bytes.is_empty()
        })
        .collect();
    files.sort();
    files
}

#[test]
fn logs_are_json_lines_with_routes_and_without_links() {
    let place = Place::new(Kind::Sqlite);
    let server = Server::start(&place);
    server.browser().get("/setup/7q4m-k2vd-9xrt").is(410);
    server.browser().get("/nowhere/at/all?secret=hunter2").is(404);
    let (_, logged) = server.stop();
    assert!(logged.contains("/setup/{token}") && logged.contains("\"status\":410"), "{logged}");
    for line in logged.lines() {
        assert!(line.starts_with("{\"timestamp\":\"20") && line.ends_with('}'), "{line}");
    }
    for hidden in ["7q4m", "nowhere", "hunter2"] {
        assert!(!logged.contains(hidden), "{hidden} is logged: {logged}");
    }
}

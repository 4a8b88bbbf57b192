//! What the doctor sees beside a server that runs, and beside a program that is none.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use store::Kind;

use crate::authority::Authority;
use crate::server::{Place, Server};

/// What the doctor says, and whether nothing is wrong.
fn doctor(place: &Place, arguments: &[&str]) -> (String, bool) {
    let ended = place.run(&[&["doctor"], arguments].concat());
    (String::from_utf8(ended.stdout).unwrap(), ended.status.success())
}

#[track_caller]
fn says(said: &str, line: &str) {
    let squeezed: Vec<String> =
        said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert!(squeezed.iter().any(|seen| seen.contains(line)), "{line:?} in\n{said}");
}

#[test]
fn it_knows_a_server_that_runs_and_how_the_database_is_reached() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let place = Place::new(kind);
        let server = Server::start(&place);
        let (said, well) = doctor(&place, &["--listen", &server.address.to_string()]);
        assert!(well, "{said}");
        says(&said, &format!("ok port Latchkey answers on {}", server.address));
        says(&said, "ok clock this machine says 20");
        match kind {
            Kind::Sqlite => says(&said, "ok database file"),
            Kind::Postgres => {
                says(&said, "ok connection in clear, and it does not leave this machine");
                says(&said, "UTC, and the database's is");
            }
        }
        server.stop();
        let (said, _) = doctor(&place, &["--listen", "127.0.0.1:7"]);
        says(&said, "ok port nothing listens on 127.0.0.1:7");
    }
}

#[test]
fn it_tells_a_program_that_is_none_and_a_socket_that_is_one() {
    let mut place = Place::new(Kind::Sqlite);
    let path = format!("unix:{}", place.dir().join("x.sock").display());
    place.set("LATCHKEY_LISTEN", &path);
    let server = Server::start(&place);
    says(&doctor(&place, &[]).0, &format!("ok port Latchkey answers on {path}"));
    server.stop();

    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let answers = std::thread::spawn(move || {
        let (mut stream, _) = other.accept().unwrap();
        let _ = stream.read(&mut [0; 1000]);
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    let (said, well) = doctor(&place, &["--listen", &address]);
    says(&said, &format!("wrong port another program has {address}; it answers `HTTP/1.1 404 Not Found`"));
    assert!(!well, "{said}");
    answers.join().unwrap();
}

#[test]
fn it_judges_a_certificate_and_knows_it_when_it_is_shown() {
    let authority = Authority::new();
    let mut place = Place::new(Kind::Sqlite);
    let (certificate, key) = authority.issue(place.dir(), "localhost");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    place.set("LATCHKEY_TLS_CERTIFICATE", certificate.to_str().unwrap());
    place.set("LATCHKEY_TLS_KEY", key.to_str().unwrap());
    let server = Server::start(&place);
    let listen = server.address.to_string();
    let (said, well) = doctor(&place, &["--listen", &listen]);
    assert!(well, "{said}");
    says(&said, "ok certificate for localhost, until ");
    says(&said, &format!("ok port Latchkey answers on {listen}"));

    // The files have changed, and the server has not been told.
    authority.issue(place.dir(), "localhost");
    says(&doctor(&place, &["--listen", &listen]).0, "shows another certificate than the one in the file");
    server.stop();

    let (said, well) =
        doctor(&place, &["--listen", "127.0.0.1:7", "--public-url", "https://login.example.org"]);
    says(&said, "wrong certificate it is for other names than login.example.org");
    assert!(!well);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    says(&doctor(&place, &["--listen", "127.0.0.1:7"]).0, "→ chmod 600 ");
    let (_, another) = Authority::new().issue(&place.data(), "localhost");
    std::fs::rename(another, key).unwrap();
    let (said, well) = doctor(&place, &["--listen", "127.0.0.1:7"]);
    says(&said, "does not belong to the certificate in");
    assert!(!well);
}

#[test]
fn a_public_address_that_leads_elsewhere_is_said() {
    // The only name that every machine can be made to believe in is its own address, and that is no public one. So the
    // answer is looked at where there can be none: a name that does not exist.
    let place = Place::new(Kind::Sqlite);
    let (said, well) = doctor(&place, &["--public-url", "https://nobody.invalid", "--listen", "127.0.0.1:7"]);
    says(&said, "note public address https://nobody.invalid could not be reached from here:");
    assert!(well, "{said}");
    let mut everybody = Place::new(Kind::Sqlite);
    everybody.set("LATCHKEY_TRUSTED_PROXIES", "0.0.0.0/0");
    says(&doctor(&everybody, &[]).0, "wrong proxies everybody is trusted");
}

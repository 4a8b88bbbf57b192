//! Speaking https itself: the certificate that is shown, the next one, and those that are refused.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustls::ProtocolVersion;
use store::Kind;

use crate::authority::Authority;
use crate::server::{Place, Server};

/// A place with a certificate for localhost.
fn place(authority: &Authority) -> Place {
    let mut place = Place::new(Kind::Sqlite);
    let (certificate, key) = authority.issue(place.dir(), "localhost");
    set(&mut place, &certificate, &key);
    place
}

fn set(place: &mut Place, certificate: &Path, key: &Path) {
    place.set("LATCHKEY_TLS_CERTIFICATE", certificate.to_str().unwrap());
    place.set("LATCHKEY_TLS_KEY", key.to_str().unwrap());
}

#[test]
fn a_certificate_makes_it_https_on_localhost_and_no_plain_http() {
    let authority = Authority::new();
    let place = place(&authority);
    let server = Server::start(&place);
    let host = format!("localhost:{}", server.address.port());
    let mut connection = authority.connect(server.address, "localhost").unwrap();
    assert_eq!(connection.version(), ProtocolVersion::TLSv1_3);
    let page = connection.get("/login", &host);
    assert!(page.is(200).contains("<form"), "{}", page.body);
    // A year of https only would be for every program on localhost.
    assert_eq!(page.header("strict-transport-security"), None);
    let cookie = connection.get("/login?lang=de", &host);
    assert!(cookie.header("set-cookie").unwrap().contains("Secure"), "{cookie:?}");

    assert!(Authority::new().connect(server.address, "localhost").is_err(), "somebody else's authority");
    assert!(authority.connect(server.address, "login.example.org").is_err(), "another name");
    let mut plain = TcpStream::connect(server.address).unwrap();
    plain.write_all(format!("GET /login HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/"), "it speaks plain http");

    let (said, _) = server.stop();
    assert!(said.contains(&format!(" at https://{host}, listening on 127.0.0.1:")), "{said}");
}

#[test]
fn a_new_certificate_is_shown_after_a_signal_and_open_connections_go_on() {
    let authority = Authority::new();
    let place = place(&authority);
    let server = Server::start(&place);
    let host = format!("localhost:{}", server.address.port());
    let mut open = authority.connect(server.address, "localhost").unwrap();
    open.get("/livez", &host).is(200);

    // A broken pair: the old one stays.
    let old = std::fs::read(place.dir().join("localhost.key")).unwrap();
    let next = Authority::new();
    next.issue(place.dir(), "localhost");
    let new = std::fs::read(place.dir().join("localhost.key")).unwrap();
    std::fs::write(place.dir().join("localhost.key"), old).unwrap();
    server.signal("HUP");
    server.until_logged("the old certificate stays");
    authority.connect(server.address, "localhost").unwrap().get("/livez", &host).is(200);

    std::fs::write(place.dir().join("localhost.key"), new).unwrap();
    server.signal("HUP");
    server.until_logged("the certificate was read again");
    next.connect(server.address, "localhost").unwrap().get("/livez", &host).is(200);
    assert!(authority.connect(server.address, "localhost").is_err(), "the old certificate is still shown");
    open.get("/livez", &host).is(200);

    let (_, logged) = server.stop();
    assert!(logged.contains("localhost.key does not belong to the certificate in"), "{logged}");
}

#[test]
fn a_signal_without_a_certificate_ends_nothing() {
    let place = Place::new(Kind::Sqlite);
    let server = Server::start(&place);
    server.signal("HUP");
    server.until_logged("nothing to read again");
    server.browser().get("/livez").is(200);
    server.stop();
}

#[test]
fn what_cannot_be_shown_stops_the_start_and_names_the_file() {
    let authority = Authority::new();
    let place = place(&authority);
    let file = |name: &str| place.dir().join(name);
    let refused = |expected: &str| {
        let ended = place.run(&[]);
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(said.starts_with("latchkey: [tls]: ") && said.contains(expected), "{said}");
        assert!(!place.data().exists(), "something was made");
    };
    let key = std::fs::read(file("localhost.key")).unwrap();
    Authority::new().issue(place.dir(), "localhost");
    std::fs::write(file("localhost.key"), &key).unwrap();
    refused("localhost.key does not belong to the certificate in");
    std::fs::write(file("localhost.key"), "").unwrap();
    refused("localhost.key holds no key in PEM");
    std::fs::remove_file(file("localhost.pem")).unwrap();
    refused("localhost.pem cannot be read: No such file");
}

#[test]
fn a_certificate_for_another_name_is_shown_and_said() {
    let authority = Authority::new();
    let mut place = Place::new(Kind::Sqlite);
    let (certificate, key) = authority.issue(place.dir(), "login.example.org");
    set(&mut place, &certificate, &key);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (_, logged) = Server::start(&place).stop();
    assert!(logged.contains("the certificate is for other names than localhost"), "{logged}");
    assert!(logged.contains("everybody on this machine may read the key"), "{logged}");
}

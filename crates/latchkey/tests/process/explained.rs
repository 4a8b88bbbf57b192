//! What `latchkey access explain` says beside a server that runs: of the same headers, and of a denial by its reference.

use std::io::Write;

use serde_json::Value;
use store::Kind;

use crate::browser::{Answer, percent};
use crate::person::Person;
use crate::server::{Place, Server};

const FORWARD_AUTH: &str = "forward-auth";
const AUTH_REQUEST: &str = "auth-request";
const EXT_AUTHZ: &str = "ext-authz";

const PARTS: &[&str] =
    &["X-Forwarded-Method: GET", "X-Forwarded-Proto: https", "X-Forwarded-Host: app.example.org"];
const WHOLE: &[&str] = &["X-Original-Method: GET", "X-Original-URL: https://app.example.org/x?y=1&z=%2F"];
const PERSON: &str = "Accept: text/html,*/*;q=0.8";

/// What a proxy asks, each below which address and with which headers.
const ASKED: &[(&str, &str, &[&str], &[&str])] = &[
    (FORWARD_AUTH, "", PARTS, &["X-Forwarded-Uri: /x?y=1", PERSON]),
    (FORWARD_AUTH, "", PARTS, &["X-Forwarded-Uri: /x?y=1", "Accept: */*"]),
    (FORWARD_AUTH, "", PARTS, &["X-Forwarded-Uri: /x", PERSON, "X-Original-URL: https://open.example.org/"]),
    (FORWARD_AUTH, "", PARTS, &["X-Forwarded-Uri: /near/x", PERSON, "X-Forwarded-For: 203.0.113.9"]),
    (
        FORWARD_AUTH,
        "",
        PARTS,
        &["X-Forwarded-Uri: /near/x", PERSON, "X-Forwarded-For: 203.0.113.9, 198.51.100.1"],
    ),
    (
        FORWARD_AUTH,
        "",
        PARTS,
        &["X-Forwarded-Uri: /near/x", PERSON, "X-Forwarded-For: 203.0.113.9, 10.0.0.1"],
    ),
    (FORWARD_AUTH, "", PARTS, &["X-Forwarded-Uri: /x", PERSON, "X-Forwarded-For: unknown"]),
    (FORWARD_AUTH, "", PARTS, &["X-Forwarded-Uri: /x", PERSON, "X-Forwarded-Host: open.example.org"]),
    (FORWARD_AUTH, "", PARTS, &["X-Forwarded-Uri: /x", PERSON, "X_Forwarded_Host: open.example.org"]),
    (FORWARD_AUTH, "", PARTS, &["X-Forwarded-Uri: /../x", PERSON]),
    (FORWARD_AUTH, "", PARTS, &["X-Forwarded-Uri: /closed/x", PERSON]),
    (FORWARD_AUTH, "", PARTS, &["X-Forwarded-Uri: /%63losed//x", PERSON]),
    (FORWARD_AUTH, "", PARTS, &["X-Forwarded-Uri: //open/x", PERSON]),
    (FORWARD_AUTH, "", PARTS, &["X-Forwarded-Uri: /open/x", "Remote-User: ada"]),
    (FORWARD_AUTH, "", PARTS, &[PERSON]),
    (FORWARD_AUTH, "", WHOLE, &[PERSON]),
    (
        FORWARD_AUTH,
        "",
        &["X-Forwarded-Method: POST", "X-Forwarded-Proto: https"],
        &["X-Forwarded-Host: app.example.org:8443", "X-Forwarded-Uri: /x", PERSON],
    ),
    (
        FORWARD_AUTH,
        "",
        &["X-Forwarded-Method: GET", "X-Forwarded-Proto: http"],
        &["X-Forwarded-Host: app.example.org", "X-Forwarded-Uri: /x", PERSON],
    ),
    (AUTH_REQUEST, "", WHOLE, &[PERSON]),
    (AUTH_REQUEST, "", WHOLE, &["X-Forwarded-Uri: /open/x", "X-Forwarded-For: 10.0.0.1, 203.0.113.9"]),
    (AUTH_REQUEST, "", &["X-Original-Method: GET"], &["X-Original-URL: https://other.example.org/"]),
    (AUTH_REQUEST, "", &["X-Original-Method: GET"], &["X-Original-URL: http://app.example.org/"]),
    (AUTH_REQUEST, "", &["X-Original-Method: get"], &["X-Original-URL: https://app.example.org/"]),
    (EXT_AUTHZ, "/x?y=1", &["Host: app.example.org", "X-Forwarded-Proto: https"], &[PERSON]),
    (EXT_AUTHZ, "/open/x", &["Host: app.example.org", "X-Forwarded-Proto: https"], &[]),
    (EXT_AUTHZ, "/open/x", &["Host: app.example.org"], &[]),
];

/// What the server answers to a proxy that asks there.
fn answered(server: &Server, at: &str, path: &str, headers: &[&str]) -> Answer {
    let host = match headers.iter().any(|header| header.starts_with("Host:")) {
        true => "",
        false => "Host: localhost\r\n",
    };
    let lines: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let request = format!("GET /api/authz/{at}{path} HTTP/1.1\r\n{host}Connection: close\r\n{lines}\r\n");
    let mut stream = server.browser().connect();
    stream.write_all(request.as_bytes()).unwrap();
    Answer::read(&mut stream)
}

fn explained(place: &Place, arguments: &[&str]) -> Value {
    let ended = place.run(&[&["access", "explain", "--json"], arguments].concat());
    assert!(ended.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
    serde_json::from_slice(&ended.stdout).unwrap()
}

fn add(place: &Place, rule: &[&str]) {
    let ended = place.run(&[&["access", "add"], rule].concat());
    assert!(ended.status.success(), "{rule:?}: {}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn of_the_same_headers_it_says_the_status_and_the_location_that_the_server_answers() {
    let mut statuses = Vec::new();
    for trusted in ["127.0.0.1", "127.0.0.0/8,10.0.0.0/8", "10.0.0.1"] {
        let mut place = Place::new(Kind::Sqlite);
        place.set("LATCHKEY_PUBLIC_URL", "https://login.example.org");
        place.set("LATCHKEY_TRUSTED_PROXIES", trusted);
        let server = Server::start(&place);
        add(&place, &["--host", "app.example.org", "--path", "/open/*", "--policy", "bypass"]);
        add(&place, &["--host", "app.example.org", "--path", "/closed/*", "--policy", "deny"]);
        let network = ["--path", "/near/*", "--network", "203.0.113.0/24", "--policy", "deny"];
        add(&place, &[&["--host", "app.example.org"], &network[..]].concat());
        add(&place, &["--host", "app.example.org", "--policy", "two_factor", "--any"]);
        for (at, path, first, more) in ASKED {
            let headers = [*first, *more].concat();
            let answer = answered(&server, at, path, &headers);
            let mut arguments = vec!["--proxy", "127.0.0.1", "--at", at];
            arguments.extend(headers.iter().flat_map(|header| ["--header", header]));
            if !path.is_empty() {
                arguments.extend(["--path", path]);
            }
            let said = explained(&place, &arguments);
            let status = if *at == AUTH_REQUEST { "status_to_nginx" } else { "status" };
            let browser = &said["browser"];
            assert_eq!(
                (browser[status].as_u64(), browser["location"].as_str()),
                (Some(u64::from(answer.status)), answer.header("location")),
                "{trusted}: {at}{path} {headers:?}: {said:#}"
            );
            assert_eq!(said["believed"]["is_trusted"], trusted != "10.0.0.1");
            statuses.push(answer.status);
        }
        server.stop();
    }
    // All that a proxy can hear was heard.
    statuses.sort_unstable();
    statuses.dedup();
    assert_eq!(statuses, [200, 302, 303, 400, 401, 403]);
}

#[test]
fn a_denial_is_explained_by_its_reference_and_what_helps_helps() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let mut place = Place::new(kind);
        place.set("LATCHKEY_TRUSTED_PROXIES", "127.0.0.1");
        let server = Server::start(&place);
        let listen = server.address.to_string();
        let (mut ada, mut browser) = (Person::new("ada"), server.browser());
        ada.registers(&mut browser);
        browser.post("/enroll/recovery-codes", &[("saved", "on")]).lands_on("/");
        add(&place, &["--host", "app.example.org", "--policy", "two_factor", "--user", "bob"]);
        let onward = format!("/?rd={}", percent("https://app.example.org/secret?page=1"));
        let page = browser.get(&onward);
        let (_, rest) = page.is(403).split_once("class=\"reference\"").expect("a reference");
        let (_, rest) = rest.split_once("<code>").unwrap();
        let reference = rest.split_once("</code>").unwrap().0;

        let asked = ["--listen", &listen, "--reference", reference];
        let said = place.run(&[&["access", "explain"], &asked[..]].concat());
        let said = String::from_utf8(said.stdout).unwrap();
        let portal = format!("http://localhost:{}", server.address.port());
        for line in [
            "ada was not let in to app.example.org (GET) at 20",
            "by no rule.",
            "Which page it was is not written down, nor what the proxy sent.",
            "Refused: no rule lets them through",
            "Proxy      believed, if it asks from trusted_proxies: 127.0.0.1",
            "Address    127.0.0.1",
            "Present    password and code, as was noted",
            "Cookie     __Host-latchkey-app, of app.example.org alone",
            "Browser    nowhere: 403",
            &format!("without that cookie to {portal}/?rd=https%3A%2F%2Fapp.example.org%2F&rm=GET"),
            "a page there that refuses, with a reference",
            "  latchkey access add --host app.example.org --user ada --policy two_factor",
        ] {
            assert!(said.contains(line), "{kind:?}: {line:?} in\n{said}");
        }
        assert!(!said.contains("secret") && !said.contains("page=1"), "{said}");
        let said = explained(&place, &asked);
        assert_eq!((&said["verdict"], &said["present"]["level"]), (&"refuse".into(), &"two_factor".into()));

        let remedy = said["remedy"].as_str().unwrap().strip_prefix("latchkey access add ").unwrap();
        add(&place, &remedy.split(' ').collect::<Vec<_>>());
        assert_eq!(explained(&place, &asked)["verdict"], "allow");
        assert_eq!(browser.get(&onward).status, 303, "{kind:?}");
        server.stop();
    }
}

//! What it refuses to start with, before a socket listens and before anything is written; and who may become the owner.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use data_encoding::BASE64;
use store::Kind;

use crate::person::Person;
use crate::server::{Place, Server};

/// A key that nothing is wrong with.
const KEY: &str = "q2z3N5jzUoyXnXhXWIrqzSmu6LyUqMRI9yCHsXVN3y0=";

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A place in which a house stands, stopped.
fn house() -> Place {
    let place = Place::new(Kind::Sqlite);
    Server::start(&place).stop();
    place
}

/// Every file below a directory, with its bytes.
fn everything(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(everything(&path));
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap_or_default()));
        }
    }
    found.sort();
    found
}

/// One bad configuration: what it is, how it comes about, and what has to be said.
type Bad = (&'static str, fn(&mut Place), &'static str);

const BAD: [Bad; 24] = [
    (
        "a master key that is too short",
        |place| place.set("LATCHKEY_MASTER_KEY", &BASE64.encode(&[7; 31])),
        "openssl rand",
    ),
    (
        "a master key that is a word",
        |place| place.set("LATCHKEY_MASTER_KEY", "your_secret_key"),
        "openssl rand",
    ),
    (
        "a master key of one byte",
        |place| place.set("LATCHKEY_MASTER_KEY", &BASE64.encode(&[7; 32])),
        "openssl rand",
    ),
    (
        "a master key out of an example",
        |place| place.set("LATCHKEY_MASTER_KEY", &BASE64.encode(b"your_secret_key_your_secret_key!")),
        "openssl rand",
    ),
    (
        "a key file that its group may read",
        |place| chmod(&place.data().join("master.key"), 0o640),
        "chmod 600",
    ),
    (
        "a key file that everybody may read",
        |place| chmod(&place.data().join("master.key"), 0o604),
        "chmod 600",
    ),
    (
        "a key file that leads to somebody else's",
        |place| {
            let (key, other) = (place.data().join("master.key"), place.dir().join("other"));
            fs::rename(&key, &other).unwrap();
            std::os::unix::fs::chown(&other, Some(65534), None).unwrap();
            symlink(&other, &key).unwrap();
        },
        "belongs to another user",
    ),
    (
        "a master key in a file that everybody may read",
        |place| {
            let file = place.dir().join("latchkey.toml");
            fs::write(&file, format!("master_key = \"{KEY}\"\n")).unwrap();
            chmod(&file, 0o644);
        },
        "chmod o-rwx",
    ),
    (
        "a database's password in a file that everybody may read",
        |place| {
            let file = place.dir().join("latchkey.toml");
            fs::write(&file, "database = \"postgres://ada:secret@localhost/latchkey\"\n").unwrap();
            chmod(&file, 0o644);
        },
        "chmod o-rwx",
    ),
    ("a data directory that everybody may write into", |place| chmod(&place.data(), 0o777), "put files into"),
    (
        "a database that everybody may read",
        |place| {
            chmod(&place.data(), 0o755);
            chmod(&place.data().join("latchkey.db"), 0o644);
        },
        "may read the database",
    ),
    (
        "a database that everybody may change",
        |place| {
            chmod(&place.data(), 0o755);
            chmod(&place.data().join("latchkey.db"), 0o666);
        },
        "may change the database",
    ),
    (
        "a database of somebody else",
        |place| std::os::unix::fs::chown(place.data().join("latchkey.db"), Some(65534), None).unwrap(),
        "belongs to another user",
    ),
    (
        "plain http on a network",
        |place| place.set("LATCHKEY_PUBLIC_URL", "http://login.example.org"),
        "insecure_http",
    ),
    (
        "a public address with a path",
        |place| place.set("LATCHKEY_PUBLIC_URL", "https://example.org/login"),
        "without a path",
    ),
    (
        "a setting that there is not",
        |place| place.set("LATCHKEY_REGISTRATON", "open"),
        "LATCHKEY_REGISTRATON",
    ),
    (
        "a setting that there is not, in a file",
        |place| fs::write(place.dir().join("latchkey.toml"), "debug = true\n").unwrap(),
        "latchkey.toml line 1",
    ),
    ("an address that is none", |place| place.set("LATCHKEY_LISTEN", "everywhere"), "LATCHKEY_LISTEN"),
    (
        "a secret as a value and in a file",
        |place| {
            fs::write(place.dir().join("key"), KEY).unwrap();
            place.set("LATCHKEY_MASTER_KEY", KEY);
            place.set("LATCHKEY_MASTER_KEY_FILE", "key");
        },
        "LATCHKEY_MASTER_KEY",
    ),
    (
        "a secret in a file that is not there",
        |place| place.set("LATCHKEY_MASTER_KEY_FILE", "nowhere"),
        "nowhere",
    ),
    ("invitations, which are not built", |place| place.set("LATCHKEY_REGISTRATION", "invite"), "not built"),
    (
        "proxies that are everybody",
        |place| place.set("LATCHKEY_TRUSTED_PROXIES", "0.0.0.0/0"),
        "every address",
    ),
    ("a database that is none", |place| place.set("LATCHKEY_DATABASE", "mysql://localhost/x"), "postgres://"),
    (
        "a certificate without its key",
        |place| place.set("LATCHKEY_TLS_CERTIFICATE", "certificate.pem"),
        "key",
    ),
];

#[test]
fn a_bad_configuration_is_refused_before_a_socket_listens_and_nothing_is_written() {
    // Only root gives files away.
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    for (what, spoil, said) in BAD {
        let mut place = house();
        if what.contains("somebody else") && !is_root {
            continue;
        }
        // A port that is taken: a program that tried to listen would say that, and not what is wrong.
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        place.set("LATCHKEY_LISTEN", &taken.local_addr().unwrap().to_string());
        spoil(&mut place);
        let before = everything(place.dir());
        let ended = place.run(&[]);
        let heard = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{what}: {heard}");
        assert!(heard.contains(said), "{what}: {heard}");
        assert!(!heard.contains(KEY), "{what}: it repeats a secret");
        assert!(everything(place.dir()) == before, "{what}: something was written");
    }
    // With nothing spoiled, the port that is taken is what is said; and on a free one it starts.
    let (mut place, taken) = (house(), std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    place.set("LATCHKEY_LISTEN", &taken.local_addr().unwrap().to_string());
    assert!(String::from_utf8(place.run(&[]).stderr).unwrap().contains("is taken"));
    Server::start(&house()).stop();
}

#[test]
fn of_64_who_use_the_setup_link_at_once_one_becomes_the_owner_and_then_it_is_over() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let place = Place::new(kind);
        let server = Server::start(&place);
        server.browser().get("/setup/").is(404);
        server.browser().get("/setup").is(404);
        let made = String::from_utf8(place.run(&["setup-link"]).stdout).unwrap();
        let link = format!("/setup/{}", made.trim().rsplit_once("/setup/").unwrap().1);
        let landed: Vec<bool> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..64)
                .map(|n| {
                    let (link, mut browser) = (&link, server.browser());
                    scope.spawn(move || {
                        let mut person = Person::new(&format!("person{n}"));
                        let fields = [("username", person.name.as_str()), ("password", &person.password)];
                        // Too many at once are told to come again.
                        let answer = loop {
                            let answer = browser.post(link, &fields);
                            if answer.status != 503 {
                                break answer;
                            }
                            std::thread::sleep(std::time::Duration::from_millis(50));
                        };
                        let begins = answer.status == 303 && answer.header("location") == Some("/enroll");
                        if begins {
                            person.enrolls(&mut browser);
                        }
                        begins
                    })
                })
                .collect();
            tries.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(landed.iter().filter(|began| **began).count(), 1, "{kind:?}");
        let people = String::from_utf8(place.run(&["user", "list"]).stdout).unwrap();
        assert_eq!(people.matches("owner").count(), 1, "{people}");
        server.browser().get(&link).is(410);
        let again = place.run(&["setup-link"]);
        assert_eq!(again.status.code(), Some(4), "{}", String::from_utf8_lossy(&again.stderr));
        server.stop();
    }
}

//! Behind a cache that goes by the ends of names: what somebody who is signed in has fetched is never shown to the next.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use store::Kind;
use tempfile::TempDir;

use crate::browser::Answer;
use crate::person::Person;
use crate::server::{Place, Server};

/// Names that a cache would keep, of pages that are somebody's own.
const DECEPTIVE: [&str; 24] = [
    "/account/x.css",
    "/account/x.js",
    "/account/x.png",
    "/account%2fa.js",
    "/account%2Fa.css",
    "/account%252fa.js",
    "/account;.png",
    "/account;x.css",
    "/account%3b.js",
    "/account.css",
    "/account%00.css",
    "/account%0a.css",
    "/account%23.js",
    "/account%3fx.css",
    "/account/..%2fx.css",
    "/account?x.css",
    "/account?/x.js",
    "/account/sessions/x.css",
    "/account/sessions;.js",
    "/account/activity.png",
    "/account/authenticators/x.css",
    "/assets/..%2faccount/x.css",
    "/x.css/..%2faccount;.css",
    "//account/x.js",
];

/// An nginx on a socket of its own, before an origin. Dropping it ends it.
struct Nginx {
    child: Child,
    socket: PathBuf,
    _dir: TempDir,
}

impl Nginx {
    /// Keeps every style sheet, script and picture, and every address that looks like one, for as long as it may.
    fn before(origin: SocketAddr) -> Nginx {
        let dir = tempfile::tempdir().unwrap();
        let (at, socket) = (dir.path().display(), dir.path().join("nginx.sock"));
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/errors;
            events {{ worker_connections 64; }}
            http {{
                access_log off; client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f;
                uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
                proxy_cache_path {at}/cache keys_zone=kept:1m;
                server {{
                    listen unix:{};
                    proxy_set_header Host $http_host;
                    add_header X-Cache $upstream_cache_status always;
                    location / {{ proxy_pass http://{origin}; }}
                    location ~* \"\\.(css|js|png)$\" {{
                        proxy_cache kept; proxy_cache_key $request_uri; proxy_cache_valid any 10m;
                        proxy_pass http://{origin};
                    }}
                }}
            }}",
            socket.display()
        );
        let file = dir.path().join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("nginx");
        command.args(["-p", &at.to_string(), "-e", "errors", "-c"]).arg(&file);
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null());
        let child = command.spawn().expect("nginx starts; `cargo xtask test` installs it");
        let nginx = Nginx { child, socket, _dir: dir };
        let listens = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            UnixStream::connect(&nginx.socket).is_ok()
        });
        assert!(listens, "nginx never listens");
        nginx
    }

    fn get(&self, address: &str, headers: &str) -> Answer {
        ask(&self.socket, address, headers)
    }

    /// How often the second who asks, a stranger, is shown what the first was shown.
    fn leaks(&self, host: &str, cookies: &str, secret: &str) -> usize {
        let headers = format!("Host: {host}\r\n");
        let shown = |address: &&&str| {
            self.get(address, &format!("{headers}Cookie: {cookies}\r\n"));
            let seen = [(); 2].map(|()| self.get(address, &headers));
            seen.iter().any(|seen| seen.body.contains(secret))
        };
        DECEPTIVE.iter().filter(shown).count()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ask(socket: &Path, address: &str, headers: &str) -> Answer {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // In one piece: whoever takes no such address answers and is gone before the rest of it.
    let request = format!("GET {address} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    let mut bytes = Vec::new();
    let asked = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_end(&mut bytes));
    assert!(asked.is_ok() || bytes.starts_with(b"HTTP/1.1 400"), "{address}: {asked:?}");
    Answer::parse(&String::from_utf8_lossy(&bytes))
}

#[test]
fn a_cache_shows_nobody_what_somebody_else_has_fetched() {
    let place = Place::new(Kind::Sqlite);
    let server = Server::start(&place);
    let mut ada = Person::new("ada.lovelace");
    let mut browser = server.browser();
    ada.registers(&mut browser);
    let cookies = format!("latchkey={}", browser.cookie("latchkey"));
    let host = format!("localhost:{}", server.address.port());
    let nginx = Nginx::before(server.address);

    // Through it she is signed in, and it does keep what may be kept.
    let headers = format!("Host: {host}\r\nCookie: {cookies}\r\n");
    assert!(nginx.get("/", &headers).is(200).contains("ada.lovelace"));
    let page = nginx.get("/login", &format!("Host: {host}\r\n")).body;
    let sheet = page.split('"').find(|part| part.starts_with("/assets/") && part.ends_with(".css")).unwrap();
    let seen = [(); 2].map(|()| nginx.get(sheet, &format!("Host: {host}\r\n")));
    let kept = seen.each_ref().map(|seen| (seen.status, seen.header("x-cache")));
    assert_eq!(kept, [(200, Some("MISS")), (200, Some("HIT"))]);

    assert_eq!(nginx.leaks(&host, &cookies, "ada.lovelace"), 0);
    server.stop();
}

/// The control: the same cache before a site that shows a page under any name, and does not say that it is nobody else's.
#[test]
fn before_a_site_that_does_not_mind_the_same_cache_shows_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let known = head.iter().any(|line| line.starts_with("Cookie:"));
            let body = if known { "ada.lovelace" } else { "nobody" };
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    let leaks = Nginx::before(origin).leaks("localhost", "latchkey=x", "ada.lovelace");
    println!("{leaks} of {} are shown", DECEPTIVE.len());
    assert!(leaks >= 20, "{leaks}");
}

//! Who is measured by `cargo xtask bench check`: four servers on this machine, each asked the same requests. A thousand people are
//! signed in at the host of a program, and every request is one of theirs.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::load::{self, Question, Run};
use super::program::Built;
use crate::workspace::{capture, target};

const PEOPLE: &str = "1000";
/// Plain http is for hosts of this machine alone, and needs no certificate.
const HOST: &str = "app.localhost";
const CHECK: &str = "/api/authz/forward-auth";
const PAGE: &str = "/page.html";

/// A handful of rules, of which the last lets people in, by one of their groups.
const RULES: &str = r#"
[[access.rules]]
hosts = ["status.localhost"]
policy = "bypass"

[[access.rules]]
hosts = ["app.localhost"]
paths = ["/health", "/assets/*"]
policy = "bypass"

[[access.rules]]
hosts = ["app.localhost"]
paths = ["/admin/*"]
policy = "two_factor"
max_age = "15m"
users = ["person0"]

[[access.rules]]
hosts = ["wiki.localhost"]
policy = "one_factor"
any = true

[[access.rules]]
hosts = ["*.localhost"]
policy = "two_factor"
groups = ["group0", "group2", "group4", "group6", "group8"]
"#;

/// Who is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    /// axum that answers every request with an empty 200.
    Hello,
    /// Latchkey that is asked whether somebody may pass.
    Check,
    /// nginx with a file.
    File,
    /// nginx that asks Latchkey before it gives the file away, set up by our own recipe.
    Asked,
}

impl Contender {
    pub(crate) const ALL: [Contender; 4] =
        [Contender::Hello, Contender::Check, Contender::File, Contender::Asked];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Contender::Hello => "axum, and nothing else",
            Contender::Check => "Latchkey, a check",
            Contender::File => "nginx, a file",
            Contender::Asked => "nginx that asks Latchkey, a file",
        }
    }
}

/// A server of ours. Dropping it ends it.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// All of them, running. Each server is held to one processor, and whoever asks to another.
pub(crate) struct Field {
    place: PathBuf,
    servers: Vec<Server>,
    ports: [u16; 4],
    latchkey: u32,
    processors: (usize, usize),
}

impl Field {
    /// Builds what is not built, fills a place with people and starts everybody.
    pub(crate) fn open() -> Result<Field> {
        let processors =
            processors(&fs::read_to_string("/proc/self/status").context("reading what may be used")?)?;
        let (built, place) = (Built::now()?, target()?.join("bench/check"));
        let _ = fs::remove_dir_all(&place);
        fs::create_dir_all(place.join("site")).with_context(|| format!("making {}", place.display()))?;
        fs::write(place.join("site/page.html"), "<!doctype html><title>A page</title><p>Behind the door.\n")?;
        let tokens = capture(
            Command::new(built.program("visitors"))
                .arg(place.join("data"))
                .args([PEOPLE, &format!("http://{HOST}")]),
        )?;
        fs::write(place.join("tokens"), tokens)?;
        // Everybody is asked in the same words, also those who do not listen.
        let headers = format!(
            "Host: {HOST}\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\n\
             X-Forwarded-For: 192.0.2.7\nX-Forwarded-Proto: http\nX-Forwarded-Host: {HOST}\n\
             X-Forwarded-Method: GET\nX-Forwarded-Uri: {PAGE}\n"
        );
        fs::write(place.join("headers"), headers)?;
        let ports = free()?;
        let mut field = Field { place, servers: Vec::new(), ports, latchkey: 0, processors };
        field.start(Command::new(built.program("hello")).arg(ports[0].to_string()), ports[0])?;
        field.latchkey = field.start_latchkey(&built.program("latchkey"))?;
        let asks = field.recipe(&built.program("latchkey"))?;
        let file = format!(
            "server {{ listen 127.0.0.1:{}; server_name {HOST}; location / {{ root {}/site; }} }}",
            ports[2],
            field.place.display()
        );
        field.start_nginx("file", &file, ports[2])?;
        field.start_nginx("asks", &asks, ports[3])?;
        field.judge_doors()?;
        Ok(field)
    }

    /// Asks one of them for a while. Latchkey stands where nginx does not when it is nginx that is measured.
    pub(crate) fn measure(&mut self, contender: Contender, seconds: u32) -> Result<Run> {
        let (serving, asking) = self.processors;
        let by_nginx = matches!(contender, Contender::File | Contender::Asked);
        let stands = (if by_nginx { asking } else { serving }).to_string();
        let mut pin = Command::new("taskset");
        capture(pin.args(["--all-tasks", "--cpu-list", "--pid", &stands, &self.latchkey.to_string()]))?;
        let path = match contender {
            Contender::Hello => "/",
            Contender::Check => CHECK,
            Contender::File | Contender::Asked => PAGE,
        };
        let files = (&*self.place.join("tokens"), &*self.place.join("headers"));
        let question = Question { port: self.ports[contender as usize], path, files };
        load::ask(&self.place, &question, (seconds, asking)).with_context(|| contender.name().to_owned())
    }

    fn start_latchkey(&mut self, program: &Path) -> Result<u32> {
        let port = self.ports[1];
        let settings = format!(
            "listen = \"127.0.0.1:{port}\"\ndata_dir = \"{}\"\ntrusted_proxies = [\"127.0.0.1\"]\n{RULES}",
            self.place.join("data").display()
        );
        fs::write(self.settings(), settings)?;
        self.start(Command::new(program).arg("--config").arg(self.settings()), port)
    }

    fn settings(&self) -> PathBuf {
        self.place.join("latchkey.toml")
    }

    /// What people are told to put into nginx, with a file in the place of the program, and without certificates.
    fn recipe(&self, program: &Path) -> Result<String> {
        let mut print = Command::new(program);
        print.args(["proxy-config", "nginx", HOST, "--config"]).arg(self.settings()).env_clear();
        let output = print.output().context("asking for the recipe")?;
        ensure!(
            output.status.success(),
            "the recipe is not printed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout)?;
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("ssl_certificate"));
        let text = lines.collect::<Vec<_>>().join("\n");
        let (root, listen) =
            (format!("root {}/site;", self.place.display()), format!("listen 127.0.0.1:{};", self.ports[3]));
        let (program, port) = ("proxy_pass http://127.0.0.1:9000;", "listen 443 ssl;");
        ensure!(text.contains(program) && text.contains(port), "the recipe is written in another way");
        Ok(text.replace(program, &root).replace(port, &listen))
    }

    fn start_nginx(&mut self, name: &str, servers: &str, port: u16) -> Result<()> {
        let at = self.place.join(name);
        fs::create_dir_all(&at)?;
        let (file, at) = (at.join("nginx.conf"), at.display());
        let text = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/errors;
            events {{ worker_connections 256; }}
            http {{
                access_log off; client_body_temp_path {at}/b; proxy_temp_path {at}/p;
                fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
                keepalive_requests 1000000; types {{ text/html html; }}
                {servers}
            }}\n"
        );
        fs::write(&file, text)?;
        let mut nginx = Command::new("nginx");
        nginx.args(["-p", &at.to_string(), "-e", "errors", "-c"]).arg(file);
        self.start(&mut nginx, port).map(|_| ())
    }

    /// Starts a server on the processor for servers, and waits until it takes connections. Answers its process.
    fn start(&mut self, server: &mut Command, port: u16) -> Result<u32> {
        let log = File::create(self.place.join(format!("{port}.log")))?;
        let mut pinned = Command::new("taskset");
        pinned.args(["--cpu-list", &self.processors.0.to_string()]);
        pinned.arg(server.get_program()).args(server.get_args());
        pinned.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").current_dir(&self.place);
        pinned.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut server = Server(pinned.spawn().context("starting taskset")?);
        for _ in 0..500 {
            sleep(Duration::from_millis(20));
            if let Some(status) = server.0.try_wait()? {
                bail!("a server has ended ({status}); {port}.log in {} says why", self.place.display());
            }
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                let process = server.0.id();
                self.servers.push(server);
                return Ok(process);
            }
        }
        bail!("a server takes no connection; {port}.log in {} may say why", self.place.display())
    }

    /// A door that is open to everybody would be fast.
    fn judge_doors(&self) -> Result<()> {
        let tokens = fs::read_to_string(self.place.join("tokens"))?;
        let token = tokens.lines().next().context("nobody is signed in")?;
        let headers = fs::read_to_string(self.place.join("headers"))?.replace('\n', "\r\n");
        for (contender, path) in [(Contender::Check, CHECK), (Contender::Asked, PAGE)] {
            for (cookie, expected) in [(token, "200"), ("", "401"), (&"A".repeat(token.len()), "401")] {
                let request = format!(
                    "GET {path} HTTP/1.1\r\n{headers}Cookie: latchkey-app={cookie}\r\nConnection: close\r\n\r\n"
                );
                let answer = answer(self.ports[contender as usize], &request)?;
                let status = answer.split(' ').nth(1).unwrap_or("nothing");
                ensure!(
                    status == expected,
                    "{} answered {status} in the place of {expected}",
                    contender.name()
                );
                let is_empty = answer.to_ascii_lowercase().contains("\r\ncontent-length: 0\r\n");
                ensure!(contender != Contender::Check || is_empty, "the answer to a check has a body");
            }
        }
        Ok(())
    }
}

fn answer(port: u16, request: &str) -> Result<String> {
    let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port)))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Ports that nobody has, no two of them the same.
fn free() -> Result<[u16; 4]> {
    let held = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0"));
    let mut ports = [0; 4];
    for (port, held) in ports.iter_mut().zip(&held) {
        *port = held.as_ref().map_err(|e| anyhow::anyhow!("no port is free: {e}"))?.local_addr()?.port();
    }
    Ok(ports)
}

/// The first two processors that may be used: for servers, and for who asks.
fn processors(status: &str) -> Result<(usize, usize)> {
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let mut all = Vec::new();
    for range in list.context("the system does not say which processors may be used")?.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        all.extend(first.parse::<usize>()?..=last.parse::<usize>()?);
    }
    let [serving, asking, ..] = all[..] else { bail!("this takes two processors, and one may be used here") };
    Ok((serving, asking))
}

#[cfg(test)]
mod tests {
    use super::processors;

    #[test]
    fn two_processors_are_found_however_they_are_listed() {
        let found = |list: &str| processors(&format!("Name:\tx\nCpus_allowed_list:\t{list}\n")).ok();
        assert_eq!(found("0-1"), Some((0, 1)));
        assert_eq!(found("3,5-7"), Some((3, 5)));
        assert_eq!(found("2-2,9"), Some((2, 9)));
        assert_eq!(found("4"), None);
        assert_eq!(found(""), None);
    }
}

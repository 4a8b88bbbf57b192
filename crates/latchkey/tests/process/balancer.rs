//! nginx and HAProxy before two servers, set up as the operators' page says.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::proxy::nginx_file;

/// The block of a page below a heading, in this language.
fn recipe(page: &str, heading: &str, language: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page);
    let text = std::fs::read_to_string(page).unwrap();
    let section = text.split(&format!("## {heading}\n")).nth(1).expect("the page has this heading");
    let block = section.split(&format!("```{language}\n")).nth(1).and_then(|rest| rest.split("```").next());
    block.unwrap_or_else(|| panic!("a block of {language} below {heading}")).to_owned()
}

/// An address of this machine where nobody listens.
pub(crate) fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A proxy in plain http. Dropping it ends it.
pub(crate) struct Balancer {
    child: Child,
    pub(crate) address: SocketAddr,
    dir: TempDir,
}

impl Balancer {
    /// As the page says, but for addresses and certificates.
    pub(crate) fn start(kind: &str, nodes: &[SocketAddr; 2]) -> Balancer {
        let (dir, address) = (tempfile::tempdir().unwrap(), free());
        let mut text = recipe("run.md", "Several servers", kind);
        for (there, here) in ["10.0.0.11:8080", "10.0.0.12:8080"].iter().zip(nodes) {
            assert!(text.contains(there), "{text}");
            text = text.replace(there, &here.to_string());
        }
        let at = dir.path().display();
        let mut command = match kind {
            "nginx" => {
                let tls = "listen 443 ssl;";
                assert!(text.contains(tls), "{text}");
                let text = text.replace(tls, &format!("listen {address};"));
                let text: String = text
                    .lines()
                    .filter(|line| !line.contains("ssl_certificate"))
                    .map(|line| format!("{line}\n"))
                    .collect();
                let text = nginx_file(dir.path(), &text);
                std::fs::write(dir.path().join("conf"), text).unwrap();
                let mut command = Command::new("nginx");
                command.args(["-p", &at.to_string(), "-e", "errors", "-c"]);
                command
            }
            _ => {
                let tls = "bind :443 ssl crt /etc/haproxy/certs/ alpn h2,http/1.1";
                assert!(text.contains(tls), "{text}");
                std::fs::write(dir.path().join("conf"), text.replace(tls, &format!("bind {address}")))
                    .unwrap();
                let mut command = Command::new("haproxy");
                command.args(["-db", "-f"]);
                command
            }
        };
        command.arg(dir.path().join("conf")).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let said = std::fs::File::create(dir.path().join("said")).unwrap();
        command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
        let child = command.spawn().expect("it starts; `cargo xtask test` installs it");
        let balancer = Balancer { child, address, dir };
        let listens = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            TcpStream::connect(address).is_ok()
        });
        assert!(listens, "{kind} never listens: {}", balancer.said());
        balancer
    }

    /// What it has logged.
    pub(crate) fn said(&self) -> String {
        let files = ["said", "errors"].map(|name| std::fs::read_to_string(self.dir.path().join(name)));
        files.map(Result::unwrap_or_default).concat()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

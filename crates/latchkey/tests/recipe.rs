//! The journey by curl alone, as the README shows it, run word for word.
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by its name")]

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The fenced block that stands under a heading of the README.
fn block_under(heading: &str) -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let text = std::fs::read_to_string(readme).unwrap();
    let section = text.split(&format!("\n## {heading}\n")).nth(1).expect("the README has this heading");
    section.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block").to_owned()
}

#[test]
fn the_journey_of_the_readme_works_by_curl_alone() {
    let recipe = block_under("By curl alone");
    let dir = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let _server = Server(
        Command::new(env!("CARGO_BIN_EXE_latchkey"))
            .arg("--data-dir")
            .arg(dir.path().join("data"))
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let up = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    assert!(up, "the server answers within ten seconds");

    let run = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &recipe])
        .env("base", format!("http://localhost:{port}"))
        .output()
        .expect("bash, curl and oathtool: `cargo xtask test` installs what is missing");
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{said}");
    assert!(said.trim_end().ends_with("You are signed in"), "{said}");
    let codes =
        said.lines().filter(|line| line.trim_end().len() == 19 && line.matches('-').count() == 3).count();
    assert_eq!(codes, 10, "the ten recovery codes were downloaded: {said}");
}

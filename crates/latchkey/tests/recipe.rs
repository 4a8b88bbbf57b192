//! What README and docs tell people to type beside a running server, run word for word.
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

/// Starts the program in a directory of its own, with only the address set, and waits until it answers.
fn start(dir: &Path) -> (Server, u16) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Server(
        Command::new(env!("CARGO_BIN_EXE_latchkey"))
            .current_dir(dir)
            .env("LATCHKEY_LISTEN", format!("127.0.0.1:{port}"))
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
    (server, port)
}

/// Runs commands beside that server, as somebody would in a second terminal, and answers what they print.
#[track_caller]
fn typed(commands: &str, dir: &Path, port: u16) -> String {
    let programs = Path::new(env!("CARGO_BIN_EXE_latchkey")).parent().unwrap();
    let line = format!("PATH='{}':$PATH\n{commands}", programs.display());
    let run = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &line])
        .current_dir(dir)
        .env("base", format!("http://localhost:{port}"))
        .env("LATCHKEY_LISTEN", format!("127.0.0.1:{port}"))
        .output()
        .expect("bash, curl and oathtool: `cargo xtask test` installs what is missing");
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{commands}\n{said}");
    said
}

#[test]
fn the_journey_of_the_readme_works_by_curl_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (_server, port) = start(dir.path());
    let said = typed(&block_under("By curl alone"), dir.path(), port);
    assert!(said.trim_end().ends_with("You are signed in"), "{said}");
    let codes =
        said.lines().filter(|line| line.trim_end().len() == 19 && line.matches('-').count() == 3).count();
    assert_eq!(codes, 10, "the ten recovery codes were downloaded: {said}");
}

#[test]
fn every_command_that_the_docs_type_beside_a_server_works() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let mut count = 0;
    for page in docs.read_dir().unwrap().map(|entry| entry.unwrap().path()) {
        if page.extension().is_none_or(|ending| ending != "md") {
            continue;
        }
        let text = std::fs::read_to_string(&page).unwrap();
        let blocks = text.split("<!-- run: beside the server -->\n```sh\n").skip(1);
        let commands: String = blocks.filter_map(|rest| rest.split("```").next()).collect();
        if commands.is_empty() {
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        let (_server, port) = start(dir.path());
        let said = typed(&commands, dir.path(), port);
        assert!(!said.is_empty(), "{}: nothing was said", page.display());
        count += commands.lines().count();
    }
    assert!(count >= 6, "only {count} commands are marked; the quick start has six");
}

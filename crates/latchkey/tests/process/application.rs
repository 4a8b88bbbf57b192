//! An application from `docs/applications.md`, running as that page says: its settings, its rule, its commands, and nginx.

use std::fs::{self, File};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use store::Kind;
use tempfile::TempDir;

use crate::browser::Answer;
use crate::proxies::House;
use crate::proxy::{Kind as Before, Proxy, Recipe};
use crate::python::{kept, python, run};
use crate::server::{Place, program};

/// The versions that the page names.
const WHEELS: &[&str] = &["Radicale==3.9.0", "copyparty==1.20.26"];
const MODULES: &[&str] = &["tiddlywiki@5.4.1"];

/// Directories of a real machine that the page names.
const PLACES: [&str; 3] = ["/etc/", "/srv/", "/var/lib/"];

/// What is particular about an application.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kit {
    /// Its heading on the page.
    pub(crate) heading: &'static str,
    /// Its version, which the page names.
    pub(crate) version: &'static str,
    /// The port that it has there.
    pub(crate) port: &'static str,
    /// The file of its settings there, if it has one.
    pub(crate) settings: Option<&'static str>,
}

/// What stands under a heading of the page.
struct Section(String);

impl Section {
    fn under(heading: &str) -> Section {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/applications.md");
        let text = fs::read_to_string(page).unwrap();
        let section = text.split("\n## ").find_map(|part| part.strip_prefix(&format!("{heading}\n")));
        Section(
            section.unwrap_or_else(|| panic!("docs/applications.md has a heading {heading:?}")).to_owned(),
        )
    }

    /// What is fenced there as this language, of which there is one at most.
    fn block(&self, language: &str) -> Option<&str> {
        let fence = format!("```{language}\n");
        let mut blocks = self.0.split(&fence).skip(1);
        let block = blocks.next().map(|rest| rest.split("```").next().unwrap());
        assert!(blocks.next().is_none(), "one block of {language}");
        block
    }
}

/// An application that runs, and what it runs behind. Dropping it ends all of them.
pub(crate) struct Standing {
    pub(crate) house: House,
    pub(crate) proxy: Proxy,
    pub(crate) application: Application,
    pub(crate) host: String,
    recipe: Recipe,
    section: Section,
}

impl Standing {
    /// Does what the page says, in directories of its own and on a free port.
    pub(crate) fn of(kit: &Kit) -> Standing {
        Standing::changed(kit, |section| section)
    }

    /// The same once something on the page is another.
    pub(crate) fn changed(kit: &Kit, change: impl FnOnce(String) -> String) -> Standing {
        let mut section = Section(change(Section::under(kit.heading).0));
        assert!(section.0.contains(&format!("The tests run {}", kit.version)), "{kit:?}");
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        section.0 = section.0.replace(kit.port, &port.to_string());
        for place in PLACES {
            section.0 = section.0.replace(place, &format!("{}{place}", dir.path().display()));
            fs::create_dir_all(dir.path().join(&place[1..])).unwrap();
        }
        if let Some(settings) = kit.settings {
            let file = dir.path().join(settings.trim_start_matches('/'));
            assert!(section.0.contains(&format!("`{}`", file.display())), "the page names {settings}");
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, section.block("ini").unwrap()).unwrap();
        }
        let house = House::with(Place::new(Kind::Sqlite), section.block("toml").unwrap());
        let commands: Vec<&str> = section.block("sh").unwrap().lines().collect();
        let recipe = Recipe::typed(commands[0], &house.place, &house.server);
        let host = recipe.hosts[0].clone();
        let name = format!("server_name {host};");
        let more = section.block("nginx").unwrap_or_default();
        let recipe = recipe.replace(&name, &format!("{name}\n{more}"));
        let proxy = Proxy::start(Before::Nginx, &recipe);
        let application = Application::start(dir, port, &commands[1..]);
        Standing { house, proxy, application, host, recipe, section }
    }

    /// The same proxy before a program that says what it was asked.
    pub(crate) fn before_an_echo(&self) -> Proxy {
        let [application, echo] =
            [self.application.address, self.house.echo.address].map(|at| at.to_string());
        Proxy::start(Before::Nginx, &self.recipe.clone().replace(&application, &echo))
    }

    /// Makes the token that the page makes, and answers it.
    pub(crate) fn makes_token(&self) -> String {
        let (_, rest) = self.section.0.split_once("`latchkey token add ").expect("the page makes a token");
        let line = format!("latchkey token add {} --json", rest.split('`').next().unwrap());
        let line = line.replacen("latchkey", &program(), 1);
        let made = self.house.place.command("sh", &["-c", &line]).output().unwrap();
        assert!(made.status.success(), "{line}: {made:?}");
        let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
        made["token"].as_str().unwrap().to_owned()
    }
}

/// The application itself.
pub(crate) struct Application {
    child: Child,
    address: SocketAddr,
    dir: TempDir,
}

impl Application {
    /// Runs the commands that prepare it, and the last one, which is the application.
    fn start(dir: TempDir, port: u16, commands: &[&str]) -> Application {
        let (last, before) = commands.split_last().unwrap();
        let programs = [python("applications", WHEELS), node("applications-of-node", MODULES)];
        let path = programs.map(|bin| bin.display().to_string()).join(":") + ":/usr/bin:/bin";
        let shell = |line: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", line]).env_clear().env("PATH", &path).env("HOME", dir.path());
            command.current_dir(dir.path()).stdin(Stdio::null());
            command
        };
        for line in before {
            run(&mut shell(line), line);
        }
        let log = File::create(dir.path().join("log")).unwrap();
        let mut command = shell(&format!("exec {last}"));
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let application = Application { child, address: ([127, 0, 0, 1], port).into(), dir };
        let answers = (0..1500).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            TcpStream::connect(application.address).is_ok()
        });
        assert!(answers, "{last} never listens: {}", application.logged());
        application
    }

    /// Asks it past the proxy.
    pub(crate) fn send(&self, line: &str, rest: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let request = format!("{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{rest}", self.address);
        stream.write_all(request.as_bytes()).unwrap();
        Answer::read(&mut stream)
    }

    /// What it has said until now.
    pub(crate) fn logged(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// What it has said as soon as this is in it, which it may write a moment after the answer; or what it has said after ten seconds.
    pub(crate) fn logged_with(&self, text: &str) -> String {
        for _ in 0..100 {
            if self.logged().contains(text) {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        self.logged()
    }

    /// Where a file is that the page names by this path.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.dir.path().join(path.trim_start_matches('/'))
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Programs that come as packages of Node.js.
fn node(name: &str, packages: &[&str]) -> PathBuf {
    let home = kept(name, packages, |home| {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--no-update-notifier"]);
        npm.args(["--ignore-scripts", "--prefix"]).arg(home).args(packages).stdin(Stdio::null());
        run(&mut npm, "npm (Debian: npm)");
    });
    home.join("node_modules/.bin")
}

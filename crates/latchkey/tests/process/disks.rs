//! SQLite's disk is slow to promise, fails, is full, may not be written to, or somebody else holds the file: what was answered is on the
//! disk, what cannot be written is not answered as if it were, and who is signed in stays so.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use auth::Clock;
use store::Kind;

use crate::browser::{Answer, Browser};
use crate::members::{self, code, done};
use crate::server::{Place, Server, extent, program, report};

/// Somebody gives the code of now.
fn sign_in(server: &Server, who: usize) -> (Browser, Answer) {
    let mut browser = server.browser();
    let answer = browser.post("/login", &[("username", &format!("p{who}")), ("otp", &code())]);
    (browser, answer)
}

/// A server that strace looks at, or lies to. Dropping it lets go of the server.
struct Strace(Child);

impl Strace {
    fn at(server: &Server, words: &[&str]) -> Strace {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-o", "/dev/null"]).args(words).args(["-p", &server.pid().to_string()]);
        let mut child = strace.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        // It says that it is attached, to each thread.
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert!(line.contains("attached"), "{line}");
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Strace(child)
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        // Not killed: what it traces would stay stopped.
        let _ = Command::new("kill").args(["-s", "INT", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

/// What a log of strace says of the log of SQLite and of the answers.
#[derive(Default)]
struct Order {
    /// Since the last answer: something was written, which threads are syncing it, and whether one of them came to its end. The one
    /// that copies the log back syncs it, too.
    written: bool,
    syncing: Vec<String>,
    synced: bool,
    /// Whether more was written after that, or meanwhile. A chore does that now and then.
    more: bool,
    /// Sign-ins that were answered after something that was written for them was on the disk, and before.
    right: usize,
    wrong: usize,
    /// Of the right ones, those with a chore's writing in between.
    unclear: usize,
    /// Pages that wrote nothing, and were answered without.
    pages: usize,
}

impl Order {
    fn read(&mut self, line: &str) {
        let thread = line.split_whitespace().next().unwrap_or("").to_owned();
        let syncs = line.contains("fdatasync") || line.contains("fsync");
        if line.contains("pwrite64(") && line.contains("latchkey.db-wal") {
            // What is written while somebody syncs is not what they sync.
            (self.written, self.more) = (true, self.synced || !self.syncing.is_empty());
        } else if syncs && line.contains("latchkey.db-wal") && self.written {
            self.syncing.push(thread);
            self.synced |= line.ends_with("= 0");
        } else if syncs && line.contains("resumed") && line.ends_with("= 0") && self.syncing.contains(&thread)
        {
            self.synced = true;
        } else if line.contains("HTTP/1.1 303") {
            self.right += usize::from(self.synced);
            self.wrong += usize::from(!self.synced);
            self.unclear += usize::from(self.synced && self.more);
            self.begins_anew();
        } else if line.contains("HTTP/1.1 200") {
            self.pages += usize::from(!self.synced);
            self.begins_anew();
        }
    }

    fn begins_anew(&mut self) {
        (self.written, self.syncing, self.synced, self.more) = (false, Vec::new(), false, false);
    }
}

#[test]
fn an_answer_leaves_after_what_it_says_is_on_the_disk() {
    let many = extent(60, 200, 1000);
    let mut place = Place::new(Kind::Sqlite);
    members::come(&mut place, many);
    let log = place.dir().join("strace");
    let calls = "trace=fdatasync,fsync,pwrite64,write,writev,sendto,sendmsg";
    let words =
        ["-f", "-y", "-qq", "-s", "16", "-e", "signal=none", "-e", calls, "-o", log.to_str().unwrap()];
    let server = Server::start_as(place.command("strace", &[&words[..], &[&program()]].concat()));
    for who in 0..many {
        sign_in(&server, who).1.lands_on("/");
        if who % 10 == 0 {
            server.browser().get("/login").is(200);
        }
    }
    server.kill();
    let (mut order, mut before) = (Order::default(), String::new());
    let text = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for (n, line) in lines.iter().enumerate() {
        let wrong = order.wrong;
        order.read(line);
        if order.wrong > wrong && before.is_empty() {
            before = lines[n.saturating_sub(40)..=n].join("\n");
        }
    }
    let Order { right, wrong, unclear, pages, .. } = order;
    report(
        "REL-2",
        &format!("{many} sign-ins under strace"),
        &format!(
            "{right} answered after fdatasync of what they had written, {wrong} before; {pages} pages that wrote nothing without"
        ),
    );
    assert_eq!((right, wrong), (many, 0), "{before}");
    assert!(unclear < many / 5, "{unclear} with a chore in between say little");
    // The control: the same reading finds answers with nothing on the disk before them.
    assert!(pages > many / 20, "{pages}");
}

/// While the disk answers this, nobody is signed in, and who is signed in stays so. Answers how often 503 or 500 was said.
fn nobody_is_signed_in(server: &Server, known: &Browser, people: std::ops::Range<usize>) -> usize {
    let mut refused = 0;
    for who in people {
        let (mut browser, answer) = sign_in(server, who);
        assert!(answer.status >= 500, "{}: {}", answer.status, answer.body);
        browser.get("/").lands_on("/login");
        known.clone().get("/").is(200);
        refused += 1;
    }
    refused
}

#[test]
fn after_an_error_of_the_disk_nothing_more_is_written_until_a_restart() {
    let mut place = Place::new(Kind::Sqlite);
    members::come(&mut place, 40);
    let mut server = Server::start(&place);
    let known = sign_in(&server, 0).0;
    let strace =
        Strace::at(&server, &["-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:error=EIO"]);
    let refused = nobody_is_signed_in(&server, &known, 1..10);
    drop(strace);
    // The disk is well again, and what it forgot is not known.
    let refused = refused + nobody_is_signed_in(&server, &known, 10..20);
    let said = server.browser().get("/readyz");
    assert!(said.is(503).starts_with("the database cannot be written to"), "{}", said.body);
    server.browser().get("/livez").is(200);
    server.kill();
    server = Server::start(&place);
    let mut known = known;
    known.address = server.address;
    known.get("/").is(200);
    let mut good = 0;
    for who in 1..20 {
        let tries = [(); 2].map(|()| sign_in(&server, who).1.status);
        let accepted = tries.iter().filter(|status| **status == 303).count();
        assert!(accepted <= 1, "{tries:?}");
        good += accepted;
    }
    server.stop();
    report(
        "REL-2",
        &format!("{refused} sign-ins while fdatasync fails with EIO, and after it"),
        &format!(
            "none accepted, {refused} refused, /readyz 503; after a restart {good} of those codes were good once, none twice"
        ),
    );
}

#[test]
fn a_file_system_that_may_not_be_written_to_signs_nobody_in_and_keeps_who_is() {
    let mut place = Place::new(Kind::Sqlite);
    members::come(&mut place, 40);
    let server = Server::start(&place);
    let mut known = sign_in(&server, 0).0;
    let strace = Strace::at(
        &server,
        &[
            "-e",
            "trace=pwrite64,ftruncate,fallocate",
            "-e",
            "inject=pwrite64,ftruncate,fallocate:error=EROFS",
        ],
    );
    let refused = nobody_is_signed_in(&server, &known, 1..15);
    let unready = server.browser().get("/readyz").status;
    drop(strace);
    // After an error of the disk nobody knows what is on it, so a restart has to look.
    let (_, logged) = server.stop();
    assert!(logged.contains("writing failed, and nothing more is written"), "{logged}");
    let server = Server::start(&place);
    known.address = server.address;
    known.get("/").is(200);
    sign_in(&server, 20).1.lands_on("/");
    server.stop();
    report(
        "REL-6",
        &format!("{refused} sign-ins while every write to a file fails with EROFS"),
        &format!(
            "none accepted, sessions good, /readyz {unready}, and a line in the log; a restart heals it"
        ),
    );
}

/// Whether somebody is signed in again without a restart, and after how long.
fn heals(server: &Server, people: std::ops::Range<usize>) -> String {
    let began = Clock::System.now();
    for who in people {
        if sign_in(server, who).1.status == 303 {
            let took = Clock::System.now().millis_since(began);
            assert!(took < 5000, "it took {took} ms");
            return format!("healed without a restart within {took} ms");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("it does not heal");
}

/// A file system of so many bytes, which only root may make.
struct Small(PathBuf);

impl Small {
    fn at(path: &Path) -> Small {
        std::fs::create_dir(path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m,mode=700", "latchkey-test"]).arg(path);
        assert!(mount.status().unwrap().success(), "a small file system could not be mounted");
        Small(path.to_owned())
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Without root, `a_server_that_cannot_write_says_so_and_not_where` shows the same by a limit on files.
#[test]
fn a_full_disk_signs_nobody_in_whose_sign_in_is_not_kept_and_heals() {
    if !rustix::process::geteuid().is_root() {
        println!("only root may mount a small file system");
        return;
    }
    let mut place = Place::new(Kind::Sqlite);
    let small = Small::at(&place.dir().join("small"));
    place.set("LATCHKEY_DATA_DIR", small.0.join("data").to_str().unwrap());
    let people = 1500;
    members::come(&mut place, people);
    let server = Server::start(&place);
    let known = sign_in(&server, 0).0;
    let filling = small.0.join("filling");
    let mut file = std::fs::File::create(&filling).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    let (mut kept, mut refused) = (Vec::new(), 0);
    for who in 1..people - 100 {
        let (browser, answer) = sign_in(&server, who);
        match answer.status {
            303 => kept.push(browser),
            status => {
                assert!(status >= 500, "{status}: {}", answer.body);
                refused += 1;
            }
        }
        known.clone().get("/").is(200);
        if refused == 30 {
            break;
        }
    }
    assert_eq!(refused, 30, "the disk is never full: {} were signed in", kept.len());
    drop(file);
    std::fs::remove_file(&filling).unwrap();
    let healed = heals(&server, people - 100..people);
    // Whatever was answered while there was no room left is there after a restart.
    server.kill();
    let server = Server::start(&place);
    for browser in &mut kept {
        browser.address = server.address;
        browser.get("/").is(200);
    }
    server.stop();
    assert!(done(&place, &["verify"]).contains("are whole"));
    report(
        "REL-5",
        &format!("a file system of 64 MB filled to the last byte, then {} sign-ins", kept.len() + refused),
        &format!("{refused} refused, {} answered and all kept, sessions good; {healed}", kept.len()),
    );
}

#[test]
fn who_holds_the_file_for_three_seconds_or_reads_it_for_ten_is_waited_for() {
    let mut place = Place::new(Kind::Sqlite);
    members::come(&mut place, 400);
    let server = Server::start(&place);
    let file = place.data().join("latchkey.db");
    let mut next = 0..400;
    let mut told = Vec::new();
    for (what, begin, seconds) in [
        ("a lock", "BEGIN IMMEDIATE", 3),
        ("a long read", "BEGIN; SELECT count(*) FROM users", extent(4, 10, 10)),
    ] {
        let script = "import sqlite3, sys, time\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
                      for line in sys.argv[2].split(';'): c.execute(line).fetchall()\n\
                      print('held', flush=True)\ntime.sleep(int(sys.argv[3]))";
        let words = ["-c", script, file.to_str().unwrap(), begin, &seconds.to_string()];
        let mut holder = place.command("python3", &words).stdout(Stdio::piped()).spawn().unwrap();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        let (mut slowest, mut count) = (0, 0);
        while holder.try_wait().unwrap().is_none() {
            let began = Clock::System.now();
            sign_in(&server, next.next().expect("enough people")).1.lands_on("/");
            slowest = slowest.max(Clock::System.now().millis_since(began));
            count += 1;
            std::thread::sleep(Duration::from_millis(50));
        }
        told.push(format!(
            "{what} of {seconds} s: {count} signed in, none refused, the slowest after {slowest} ms"
        ));
    }
    server.stop();
    report("REL-8", "another program holds the file of SQLite, and reads it for long", &told.join("; "));
}

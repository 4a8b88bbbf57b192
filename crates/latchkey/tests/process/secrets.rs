//! The secrets sweep: a whole journey with the most talkative log, then a search of everything that was written down for
//! every secret that was used.

use std::collections::HashMap;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use store::Kind;

use crate::browser::{Browser, percent};
use crate::person::Person;
use crate::server::{Place, Server};

/// A name that has to be found, or the search looks in the wrong place.
const NAME: &str = "ada.lovelace";

#[test]
fn no_secret_is_written_down_on_sqlite() {
    sweep(Kind::Sqlite);
}

#[test]
fn no_secret_is_written_down_on_postgresql() {
    sweep(Kind::Postgres);
}

fn sweep(kind: Kind) {
    let mut place = Place::new(kind);
    place.set("LATCHKEY_LOG", "trace");
    let server = Server::start(&place);
    let mut used = Used::default();
    journey(&place, &server, &mut used);
    thousand(&place, &mut used);
    let key = std::fs::read_to_string(place.data().join("master.key")).unwrap();
    used.text("master key", key.trim());
    used.add("master key", &data_encoding::BASE64.decode(key.trim().as_bytes()).unwrap());

    let mut written = database(&place, "while it runs");
    let export = place.run(&["audit", "export"]).stdout;
    assert!(export.len() > 2000, "the audit log is empty");
    written.push(("the audit log".to_owned(), export));
    let (said, logged) = server.stop();
    written.extend(database(&place, "after it has stopped"));
    written.push(("standard output".to_owned(), said.into_bytes()));
    written.push(("log".to_owned(), logged.clone().into_bytes()));
    assert!(
        used.secrets.len() > 10_000,
        "the journey used {} secrets in all their forms",
        used.secrets.len()
    );

    let search = Search::new(used.secrets);
    for (place, bytes) in &written {
        assert_eq!(search.found_in(bytes), [""; 0], "{place}");
    }
    // The search sees what is there: the names of people, the routes of requests, and every secret that is planted.
    let known =
        Search::new(vec![("name".to_owned(), NAME.into()), ("route".to_owned(), b"/login/code".to_vec())]);
    let of = |what: &str| -> Vec<u8> {
        written
            .iter()
            .filter(|(place, _)| place.contains(what))
            .flat_map(|(_, bytes)| bytes.clone())
            .collect()
    };
    assert!(known.found_in(&of("while it runs")).contains(&"name"), "it searches the wrong database");
    assert!(known.found_in(&of("after it has stopped")).contains(&"name"), "it searches the wrong database");
    assert!(known.found_in(&of("log")).contains(&"route"), "it searches the wrong log");
    assert!(logged.contains("\"level\":\"DEBUG\""), "the log is not talkative");
    for (name, form) in &search.secrets {
        let planted = [b"{\"level\":\"INFO\",\"x\":\"", form.as_slice(), b"\"}\n"].concat();
        assert!(search.found_in(&planted).contains(&name.as_str()), "{name} was planted and not found");
    }
}

/// Registers, scans, errs, signs in, loses the phone, recovers.
fn journey(place: &Place, server: &Server, used: &mut Used) {
    // Only a talkative log has a line for this.
    server.browser().get("/livez").is(200);
    let made = String::from_utf8(place.run(&["setup-link"]).stdout).unwrap();
    let path = made.trim().rsplit_once("/setup/").unwrap().1.to_owned();
    used.text("setup link", &path);
    used.text("setup link", &path.replace('-', ""));
    let link = format!("/setup/{path}");
    let mut browser = server.browser();
    let mut owner = Person::new("owner");
    browser.get(&link).is(200);
    browser.post(&link, &[("username", "owner"), ("password", &owner.password)]).lands_on("/enroll");
    owner.enrolls(&mut browser);
    used.all(&owner, &browser);

    let mut ada = Person::new(NAME);
    let mut browser = server.browser();
    for short in ["hunt7r", "hunter2hunter2"] {
        used.text("refused password", short);
        browser.post("/register", &[("username", "no such name"), ("password", short)]).is(422);
    }
    browser.post("/register", &[("username", NAME), ("password", &ada.password)]).lands_on("/enroll");
    browser.get("/enroll/qr.png").is(200);
    let wrong = "not-yet";
    browser.post("/enroll", &[("otp", wrong)]).is(422);
    ada.enrolls(&mut browser);
    keep_recovery_codes(&mut browser, used);
    browser.post("/logout", &[]).lands_on("/login");

    // What people type into the wrong field.
    for typed in [ada.password.as_str(), "typed.into.the.wrong.field"] {
        used.text("password as a name", typed);
        browser.post("/login", &[("username", typed), ("password", "x-ray-yankee")]).is(422);
    }
    used.text("wrong password", "engine of difference");
    browser.post("/login", &[("username", NAME), ("password", "engine of difference")]).is(422);
    ada.gives_password(&mut browser);
    let wrong = ada.wrong_code();
    used.text("wrong code", &wrong);
    browser.post("/login/code", &[("otp", &wrong)]).is(422);
    ada.signs_in(&mut browser).lands_on("/");
    let again = ada.codes.last().unwrap().clone();
    ada.gives_password(&mut browser);
    browser.post("/login/code", &[("otp", &again)]).is(422);
    used.all(&ada, &browser);

    // The phone is lost.
    let mut browser = server.browser();
    ada.gives_password(&mut browser);
    used.text("wrong recovery code", "0000-1111-2222-3333");
    browser.post("/login/recovery", &[("recovery_code", "0000-1111-2222-3333")]).is(422);
    let code = used.recovery_codes[0].clone();
    browser.post("/login/recovery", &[("recovery_code", &code)]).lands_on("/enroll");
    browser.get("/enroll/qr.png").is(200);
    ada.enrolls(&mut browser);
    keep_recovery_codes(&mut browser, used);
    browser.post("/logout", &[]).lands_on("/login");
    ada.signs_in(&mut browser).lands_on("/");
    used.all(&ada, &browser);
}

/// A thousand people whose secrets are known, taken along from another program.
fn thousand(place: &Place, used: &mut Used) {
    let (mut state, mut links) = (0x2545_f491_4f6c_dd1d_u64, String::new());
    for n in 0..1000 {
        let mut byte = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()[0]
        };
        let key: Vec<u8> = (0..20).map(|_| byte()).collect();
        let base32 = data_encoding::BASE32_NOPAD.encode(&key);
        links += &format!("otpauth://totp/App:one{n}?secret={base32}&issuer=App\n");
        used.add("secret", &key);
        used.add("setup key", base32.as_bytes());
        used.add("setup key", base32.to_lowercase().as_bytes());
    }
    let file = place.dir().join("people.txt");
    std::fs::write(&file, links).unwrap();
    let taken = place.run(&["import", "otpauth", "people.txt", "--apply"]);
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    std::fs::remove_file(file).unwrap();
}

fn keep_recovery_codes(browser: &mut Browser, used: &mut Used) {
    let sheet = browser.get("/enroll/recovery-codes.txt");
    let codes: Vec<&str> = sheet.is(200).split_whitespace().filter(|word| word.len() == 19).collect();
    assert_eq!(codes.len(), 10, "{}", sheet.body);
    for code in codes {
        used.text("recovery code", code);
        used.text("recovery code", &code.replace('-', ""));
        used.recovery_codes.push(code.to_owned());
    }
    browser.get("/enroll/recovery-codes").is(200);
    browser.post("/enroll/recovery-codes", &[("saved", "on")]).lands_on("/");
}

/// Everything secret that was used, in every form that a careless hand might write it.
#[derive(Default)]
struct Used {
    secrets: Vec<(String, Vec<u8>)>,
    recovery_codes: Vec<String>,
}

impl Used {
    /// What a person has, and what their browser got.
    fn all(&mut self, person: &Person, browser: &Browser) {
        self.text("password", &person.password);
        self.add("secret", &person.key);
        let base32 = data_encoding::BASE32_NOPAD.encode(&person.key);
        self.text("setup key", &base32);
        self.text("setup key", &base32.to_lowercase());
        let groups: Vec<&str> =
            base32.as_bytes().chunks(4).map(|group| std::str::from_utf8(group).unwrap()).collect();
        self.text("setup key", &groups.join(" "));
        for code in &person.codes {
            self.text("code", code);
        }
        for token in &browser.tokens {
            self.text("token", token);
            self.add("token", &BASE64URL_NOPAD.decode(token.as_bytes()).unwrap());
        }
    }

    fn text(&mut self, name: &str, text: &str) {
        self.add(name, text.as_bytes());
        for escaped in [percent(text), percent(text).replace("%20", "+")] {
            self.secrets.push((format!("{name}, escaped"), escaped.into_bytes()));
        }
    }

    fn add(&mut self, name: &str, bytes: &[u8]) {
        self.secrets.push((name.to_owned(), bytes.to_vec()));
        for (form, text) in [
            ("hex", HEXLOWER.encode(bytes)),
            ("hex", HEXUPPER.encode(bytes)),
            ("base64", BASE64_NOPAD.encode(bytes)),
            ("base64", BASE64URL_NOPAD.encode(bytes)),
            ("a list", format!("{bytes:?}")),
        ] {
            self.secrets.push((format!("{name} as {form}"), text.into_bytes()));
        }
    }
}

/// Looks for all secrets at once, by the six bytes that each begins with.
struct Search {
    secrets: Vec<(String, Vec<u8>)>,
    beginnings: HashMap<[u8; 6], Vec<usize>>,
}

impl Search {
    fn new(secrets: Vec<(String, Vec<u8>)>) -> Search {
        let mut beginnings: HashMap<_, Vec<usize>> = HashMap::new();
        for (index, (name, secret)) in secrets.iter().enumerate() {
            let beginning =
                secret.first_chunk().unwrap_or_else(|| panic!("{name} is too short to be looked for"));
            beginnings.entry(*beginning).or_default().push(index);
        }
        Search { secrets, beginnings }
    }

    /// The names of those that are in there, never the secrets themselves.
    fn found_in(&self, bytes: &[u8]) -> Vec<&str> {
        let mut found = Vec::new();
        for at in 0..bytes.len().saturating_sub(5) {
            let Some(candidates) = bytes[at..].first_chunk().and_then(|begin| self.beginnings.get(begin))
            else {
                continue;
            };
            let here = candidates.iter().map(|index| &self.secrets[*index]);
            found.extend(
                here.filter(|(_, secret)| bytes[at..].starts_with(secret)).map(|(name, _)| name.as_str()),
            );
        }
        found
    }
}

/// A copy of what the database has on disk, or all its rows.
fn database(place: &Place, when: &str) -> Vec<(String, Vec<u8>)> {
    if let Some(url) = place.url() {
        let dump = place.command("pg_dump", &["--dbname", &url]).output().unwrap();
        assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
        // Instants have thirteen digits, and any six of them may be somebody's code.
        let text = String::from_utf8(dump.stdout).unwrap();
        let is_instant = |word: &str| word.len() == 13 && word.bytes().all(|byte| byte.is_ascii_digit());
        let words = text.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric());
        let words =
            words.filter(|word| !is_instant(word.trim_end_matches(|l: char| !l.is_ascii_alphanumeric())));
        return vec![(format!("database {when}"), words.collect::<String>().into_bytes())];
    }
    let files = std::fs::read_dir(place.data()).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|file| !file.ends_with("master.key"));
    files
        .map(|file| (format!("database {when}, {}", file.display()), std::fs::read(&file).unwrap()))
        .collect()
}

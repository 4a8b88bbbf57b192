//! A world for a play: a scratch database, a frozen clock, seeded chance, and people with browsers and phones.
//!
//! Requests go through the whole site, all its layers included, without a socket. The phone computes its codes with
//! another implementation than ours.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use auth::backup::{self, Source};
use auth::config::{Factors, PublicUrl};
use auth::restore::Restore;
use auth::{App, Clock, Config, Cost, Random, Time};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt;
use store::scratch::Scratch;
use store::{Db, Kind};
use tower::ServiceExt;

/// Where every world begins: 2026-11-24 14:05:32 UTC.
pub(crate) const BEGIN: i64 = 1_795_529_132_000;
pub(crate) const PASSWORD: &str = "engine of analysis";

/// One Latchkey on a database of its own.
#[derive(Clone)]
pub(crate) struct World {
    pub app: App,
    pub clock: Clock,
    router: Router,
    scratch: Arc<Scratch>,
}

impl World {
    /// The world on each engine, one after the other.
    pub(crate) async fn on_both<F: Future<Output = ()>>(play: impl Fn(World) -> F) {
        for kind in [Kind::Sqlite, Kind::Postgres] {
            // Shown when the play fails: on which stage it did.
            println!("on {kind:?}:");
            play(World::on(kind).await).await;
        }
    }

    /// The same where a code alone is asked for.
    pub(crate) async fn on_both_by_code<F: Future<Output = ()>>(play: impl Fn(World) -> F) {
        for kind in [Kind::Sqlite, Kind::Postgres] {
            println!("on {kind:?}:");
            play(World::with(kind, by_code).await).await;
        }
    }

    pub(crate) async fn on(kind: Kind) -> World {
        World::with(kind, |_| {}).await
    }

    /// A world whose configuration is another.
    pub(crate) async fn with(kind: Kind, change: impl FnOnce(&mut Config)) -> World {
        let scratch = Arc::new(Scratch::new(kind));
        let clock = Clock::frozen(Time::from_millis(BEGIN));
        World::open(scratch, clock, Random::seeded(7), change).await.expect("a world opens")
    }

    async fn open(
        scratch: Arc<Scratch>,
        clock: Clock,
        random: Random,
        change: impl FnOnce(&mut Config),
    ) -> auth::Result<World> {
        let mut config = Config {
            data_dir: scratch.dir().to_owned(),
            database: scratch.url().to_owned().into(),
            public_url: PublicUrl::loopback(8080),
            // What a hash costs is not what is played here.
            password_cost: Cost { memory_kib: 64, passes: 1 },
            ..Config::default()
        };
        change(&mut config);
        let app = App::open_with(config, clock.clone(), random).await?;
        auth::note_policy(&app).await?;
        Ok(World { router: web::router(app.clone()), app, clock, scratch })
    }

    /// The same database, opened by another process, as it were.
    pub(crate) async fn another_node(&self) -> World {
        World::open(self.scratch.clone(), self.clock.clone(), Random::Os, |_| {})
            .await
            .expect("another node opens")
    }

    /// The same database, opened where the clock is another.
    pub(crate) async fn node_with(&self, clock: Clock) -> World {
        World::open(self.scratch.clone(), clock, Random::Os, |_| {}).await.expect("another node opens")
    }

    /// The same database and the same directory, opened with other settings.
    pub(crate) async fn reopened(&self, change: impl FnOnce(&mut Config)) -> auth::Result<World> {
        World::open(self.scratch.clone(), self.clock.clone(), Random::Os, change).await
    }

    /// A database that an earlier version has left in this folder.
    pub(crate) async fn restored(kind: Kind, folder: &Path) -> World {
        let scratch = Arc::new(Scratch::new(kind));
        let name = if kind == Kind::Sqlite { "sqlite.sql" } else { "postgres.sql" };
        scratch.restore(&std::fs::read_to_string(folder.join(name)).expect("a dump"));
        let key = std::fs::read_to_string(folder.join("master.key")).expect("the key");
        let clock = Clock::frozen(Time::from_millis(BEGIN + 3_600_000));
        let change = |config: &mut Config| config.set("master_key", key.trim()).expect("a key");
        World::open(scratch, clock, Random::Os, change).await.expect("it opens, and is migrated")
    }

    /// Writes a backup of it.
    pub(crate) async fn backed_up(&self) -> Backup {
        let file = self.dir().join("one.backup");
        let out = Box::new(std::fs::File::create(&file).expect("a file"));
        let source =
            Source::open_with(&self.app.config, self.clock.clone(), Random::Os).await.expect("it opens");
        backup::write(&source, out, Box::new(|_| {})).await.expect("a backup");
        Backup { file, of: self.clone() }
    }

    /// A copy of SQLite's file, as somebody makes it who has no backup.
    pub(crate) async fn copied(&self, change: impl FnOnce(&mut Config)) -> World {
        let scratch = Arc::new(Scratch::new(Kind::Sqlite));
        for name in ["latchkey.db", "latchkey.db-wal", "master.key"] {
            std::fs::copy(self.dir().join(name), scratch.dir().join(name)).expect("a copy");
        }
        World::open(scratch, self.clock.clone(), Random::Os, change).await.expect("a copy opens")
    }

    /// The database itself, to look behind the scenes.
    pub(crate) async fn db(&self) -> Db {
        Db::open(self.scratch.url(), self.clock.now()).await.expect("the database opens")
    }

    /// Where the master key is, and SQLite's files.
    pub(crate) fn dir(&self) -> &Path {
        self.scratch.dir()
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self)
    }

    /// Somebody, who has done nothing yet.
    pub(crate) fn person(&self, name: &str) -> Person {
        Person { world: self.clone(), name: name.to_owned(), secret: Vec::new(), recovery_codes: Vec::new() }
    }

    /// Lets time pass, in seconds.
    pub(crate) fn wait(&self, seconds: i64) {
        self.clock.advance(seconds);
    }
}

/// A backup of a world.
pub(crate) struct Backup {
    pub file: PathBuf,
    of: World,
}

impl Backup {
    /// Brings it back in another place, into either engine.
    pub(crate) async fn restored(&self, kind: Kind, change: impl Fn(&mut Config)) -> World {
        let scratch = Arc::new(Scratch::new(kind));
        std::fs::copy(self.of.dir().join("master.key"), scratch.dir().join("master.key")).expect("the key");
        let mut config = Config {
            data_dir: scratch.dir().to_owned(),
            database: scratch.url().to_owned().into(),
            ..Config::default()
        };
        change(&mut config);
        let clock = self.of.clock.clone();
        let restore =
            Restore::new_with(&config, &self.file, (clock.clone(), Random::Os)).expect("the key is there");
        let contents = restore.look(&mut |_| {}).expect("it is whole");
        restore.run(&contents, Box::new(|_| {})).await.expect("it is restored");
        World::open(scratch, clock, Random::Os, change).await.expect("it opens")
    }
}

/// The policy under which a code alone is asked for.
pub(crate) fn by_code(config: &mut Config) {
    config.factors = Factors::Code;
}

/// The path that a link leads to.
pub(crate) fn path_of(made: &auth::setup::Made) -> String {
    made.url.strip_prefix("http://localhost:8080").expect("a link to the public URL").to_owned()
}

/// Somebody with a phone.
#[derive(Clone)]
pub(crate) struct Person {
    pub world: World,
    pub name: String,
    pub secret: Vec<u8>,
    pub recovery_codes: Vec<String>,
}

impl Person {
    /// Registers, scans and confirms; the browser is signed in afterwards, and the code is spent.
    pub(crate) async fn enrolled_in(self, browser: &Browser) -> Person {
        browser
            .post("/register", &[("username", &self.name), ("password", PASSWORD)])
            .await
            .lands_on("/enroll");
        self.confirmed_in(browser).await
    }

    /// The same without a password.
    pub(crate) async fn enrolled_by_code_in(self, browser: &Browser) -> Person {
        browser.post("/register", &[("username", &self.name)]).await.lands_on("/enroll");
        self.confirmed_in(browser).await
    }

    /// Scans what waits in this browser, gives the first code, and saves the recovery codes.
    pub(crate) async fn confirmed_in(mut self, browser: &Browser) -> Person {
        self.scan(browser).await;
        browser.post("/enroll", &[("otp", &self.code())]).await.lands_on("/enroll/recovery-codes");
        let sheet = browser.get("/enroll/recovery-codes").await;
        self.recovery_codes = sheet.recovery_codes();
        assert_eq!(self.recovery_codes.len(), 10);
        browser.post("/enroll/recovery-codes", &[("saved", "on")]).await.lands_on("/");
        self
    }

    pub(crate) async fn enrolled(self) -> Person {
        let browser = self.world.browser();
        let person = self.enrolled_in(&browser).await;
        person.signed_out(&browser).await
    }

    pub(crate) async fn enrolled_by_code(self) -> Person {
        let browser = self.world.browser();
        let person = self.enrolled_by_code_in(&browser).await;
        person.signed_out(&browser).await
    }

    async fn signed_out(self, browser: &Browser) -> Person {
        browser.post("/logout", &[]).await.lands_on("/login");
        // The confirming code is spent; the next one is needed to sign in.
        self.world.wait(30);
        self
    }

    /// Reads the setup key off the page, as somebody does who cannot scan.
    pub(crate) async fn scan(&mut self, browser: &Browser) {
        let page = browser.get("/enroll").await;
        self.secret = secret_of(&page.text);
    }

    /// What the app shows now.
    pub(crate) fn code(&self) -> String {
        self.code_at(self.world.clock.now().seconds())
    }

    /// What the app showed, or will show, at another time.
    pub(crate) fn code_at(&self, unix_seconds: i64) -> String {
        let builder = totp_rs::Builder::new().with_secret(self.secret.clone()).with_account_name("x");
        builder.build().expect("a key").generate(u64::try_from(unix_seconds).expect("after 1970")).to_string()
    }

    /// Six digits that are none of the codes from half an hour ago to half an hour ahead.
    pub(crate) fn wrong_code(&self) -> String {
        let now = self.world.clock.now().seconds();
        let near: Vec<String> = (-60..=60).map(|step| self.code_at(now + 30 * step)).collect();
        (0..)
            .map(|n| format!("{:06}", n * 7919 % 1_000_000))
            .find(|code| !near.contains(code))
            .expect("some code is wrong")
    }

    /// A browser that has given the right password.
    pub(crate) async fn half_signed_in(&self) -> Browser {
        let browser = self.world.browser();
        browser.give_password(&self.name, PASSWORD).await.lands_on("/login/code");
        browser
    }
}

/// The bytes of the key that a page shows in groups of four.
pub(crate) fn secret_of(page: &str) -> Vec<u8> {
    let at = page.find("secret=").expect("the page links the key") + "secret=".len();
    let base32: String = page[at..].chars().take_while(char::is_ascii_alphanumeric).collect();
    otp::Secret::from_base32(&base32).expect("a key").as_bytes().to_vec()
}

/// Something that keeps cookies and sends forms.
#[derive(Clone)]
pub(crate) struct Browser {
    router: Router,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
    pub address: IpAddr,
    pub headers: HeaderMap,
}

impl Browser {
    fn new(world: &World) -> Browser {
        let mut headers = HeaderMap::new();
        let url = &world.app.config.public_url;
        headers.insert(HOST, HeaderValue::from_str(&url.authority()).expect("a host"));
        headers.insert("origin", HeaderValue::from_str(&url.origin()).expect("an origin"));
        headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        headers.insert("accept", HeaderValue::from_static("text/html"));
        Browser {
            router: world.router.clone(),
            cookies: Arc::default(),
            address: [127, 0, 0, 1].into(),
            headers,
        }
    }

    pub(crate) fn from(mut self, address: &str) -> Browser {
        self.address = address.parse().expect("an address");
        self
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Browser {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header"));
        self
    }

    /// A header of any bytes.
    pub(crate) fn with_bytes(mut self, name: &'static str, value: &[u8]) -> Browser {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_bytes(value).expect("a header"));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Browser {
        self.headers.remove(name);
        self
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    pub(crate) fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    /// The names of the cookies it holds.
    pub(crate) fn cookie_names(&self) -> Vec<String> {
        self.cookies.lock().unwrap().keys().cloned().collect()
    }

    /// Another browser with the same cookies, as one that was copied.
    pub(crate) fn copy(&self) -> Browser {
        let cookies = self.cookies.lock().unwrap().clone();
        Browser { cookies: Arc::new(Mutex::new(cookies)), ..self.clone() }
    }

    /// The same cookies, sent to another node.
    pub(crate) fn at(&self, world: &World) -> Browser {
        Browser { router: world.router.clone(), ..self.clone() }
    }

    pub(crate) async fn get(&self, path: &str) -> Seen {
        self.send(Method::GET, path, Body::empty(), None).await
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(Method::POST, path, form.into(), Some("application/x-www-form-urlencoded")).await
    }

    pub(crate) async fn give_password(&self, name: &str, password: &str) -> Seen {
        self.post("/login", &[("username", name), ("password", password)]).await
    }

    pub(crate) async fn give_name_and_code(&self, name: &str, code: &str) -> Seen {
        self.post("/login", &[("username", name), ("otp", code)]).await
    }

    pub(crate) async fn give_code(&self, code: &str) -> Seen {
        self.post("/login/code", &[("otp", code)]).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Body, kind: Option<&str>) -> Seen {
        let mut request = Request::builder().method(method).uri(path).body(body).expect("a request");
        *request.headers_mut() = self.headers.clone();
        if let Some(kind) = kind {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_str(kind).expect("a type"));
        }
        let cookies = self
            .cookies
            .lock()
            .unwrap()
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect::<Vec<_>>()
            .join("; ");
        if !cookies.is_empty() {
            request.headers_mut().insert(COOKIE, HeaderValue::from_str(&cookies).expect("cookies"));
        }
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(self.address, 40_000)));
        let response = self.router.clone().oneshot(request).await.expect("the site answers");
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(SET_COOKIE) {
            self.keep(cookie.to_str().expect("a cookie"));
        }
        let body = body.collect().await.expect("a body").to_bytes();
        Seen {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&body).into_owned(),
            body: body.to_vec(),
        }
    }

    fn keep(&self, cookie: &str) {
        let (pair, flags) = cookie.split_once(';').expect("flags");
        let (name, value) = pair.split_once('=').expect("a pair");
        let mut cookies = self.cookies.lock().unwrap();
        if flags.contains("Max-Age=0") {
            cookies.remove(name);
        } else {
            cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}

/// What a browser got.
#[derive(Debug)]
pub(crate) struct Seen {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Vec<u8>,
}

impl Seen {
    #[track_caller]
    pub(crate) fn lands_on(&self, path: &str) -> &Seen {
        let location = self.header(LOCATION.as_str());
        assert_eq!(
            (self.status.as_u16(), location.as_str()),
            (303, path),
            "{}",
            self.problem_texts().join(" ")
        );
        self
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> &Seen {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// The page says this, with its entities resolved.
    #[track_caller]
    pub(crate) fn says(&self, words: &str) -> &Seen {
        let text = unescape(&self.text);
        assert!(text.contains(words), "not said: {words}\n{text}");
        self
    }

    pub(crate) fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|value| value.to_str().expect("text").to_owned()).unwrap_or_default()
    }

    /// The page does not say this.
    #[track_caller]
    pub(crate) fn never_says(&self, words: &str) -> &Seen {
        let text = unescape(&self.text);
        assert!(!text.contains(words), "said: {words}\n{text}");
        self
    }

    /// The one problem that stands above the heading, with its status 422.
    #[track_caller]
    pub(crate) fn refuses_with(&self, words: &str) -> &Seen {
        assert_eq!(
            (self.status.as_u16(), self.problem_texts()),
            (422, vec![words.to_owned()]),
            "{}",
            self.text
        );
        self
    }

    /// Each `Set-Cookie` of the answer.
    pub(crate) fn set_cookies(&self) -> Vec<String> {
        let set = self.headers.get_all(SET_COOKIE).iter();
        set.map(|cookie| cookie.to_str().expect("text").to_owned()).collect()
    }

    /// What stands in the summary above the heading.
    pub(crate) fn problem_texts(&self) -> Vec<String> {
        let text = unescape(&self.text);
        let Some(start) = text.find("class=\"problems\"") else { return Vec::new() };
        let summary = &text[start..start + text[start..].find("<h1").unwrap_or(text.len() - start)];
        let items = summary.split("<li>").skip(1).map(|item| item.split("</li>").next().unwrap_or(""));
        items.map(|item| strip_tags(item).trim().to_owned()).collect()
    }

    pub(crate) fn heading(&self) -> String {
        let text = unescape(&self.text);
        let inner =
            text.split("<h1").nth(1).and_then(|rest| rest.split("</h1>").next()).unwrap_or("").to_owned();
        strip_tags(&format!("<h1{inner}")).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The values of all inputs of that name, in their order.
    pub(crate) fn values_of(&self, name: &str) -> Vec<String> {
        let mark = format!(" name=\"{name}\"");
        let value = |input: &str| {
            let tag = input.split('>').next()?;
            Some(unescape(tag.split(" value=\"").nth(1)?.split('"').next()?))
        };
        self.text.split(&mark).skip(1).filter_map(value).collect()
    }

    pub(crate) fn recovery_codes(&self) -> Vec<String> {
        let is_code = |word: &&str| {
            word.len() == 19 && word.split('-').count() == 4 && word.split('-').all(|group| group.len() == 4)
        };
        strip_tags(&self.text).split_whitespace().filter(is_code).map(str::to_owned).collect()
    }
}

fn strip_tags(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in text.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => {
                inside = false;
                out.push(' ');
            }
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

fn unescape(text: &str) -> String {
    text.replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#38;", "&")
}

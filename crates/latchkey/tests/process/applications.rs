//! Applications that people use, behind nginx, as `docs/applications.md` says: who comes in, and as whom. How one is set up from
//! that page is in `application.rs`.

use std::fs;

use data_encoding::BASE64;

use crate::application::{Kit, Standing};
use crate::browser::Answer;
use crate::traveler::Traveler;

/// What a person's browser says when it goes to a page.
const NAVIGATES: &str = "Sec-Fetch-Mode: navigate\r\nAccept: text/html\r\n";

/// What somebody says of who they are.
const CLAIMS: [&str; 6] = [
    "",
    "Remote-User: NAME\r\nRemote-Groups: family\r\n",
    "remote_user: NAME\r\nremote_groups: family\r\n",
    "X-Remote-User: NAME\r\nX_Remote_User: NAME\r\n",
    "HTTP_REMOTE_USER: NAME\r\nREMOTE_USER: NAME\r\n",
    "Remote-User: nobody\r\nREMOTE-USER: NAME\r\nConnection: Remote-User\r\n",
];

/// A question to which the application answers with the name of whom it takes somebody for.
struct Question {
    line: &'static str,
    headers: &'static str,
    body: &'static str,
    /// The answer, where `NAME` is theirs.
    answer: &'static str,
}

impl Question {
    /// What follows the first line and the headers that every request has.
    fn rest(&self, claim: &str) -> String {
        let Question { headers, body, .. } = self;
        format!("{headers}{claim}Content-Length: {}\r\n\r\n{body}", body.len())
    }

    fn ask(&self, traveler: &mut Traveler<'_>, host: &str, claim: &str) -> Answer {
        traveler.send(host, self.line, &self.rest(claim))
    }

    /// Fails unless it takes them for this person.
    #[track_caller]
    fn names(&self, answer: &Answer, name: &str) {
        let known = answer.body.contains(&self.answer.replace("NAME", name));
        assert!(known && matches!(answer.status, 200 | 207), "not as {name}: {answer:?}");
    }
}

/// What is the same for each of them. Answers Ada's browser, which is signed in.
fn comes_in<'p>(standing: &'p mut Standing, page: &str, question: &Question) -> Traveler<'p> {
    let Standing { house, proxy, application, host, .. } = standing;
    let url = format!("https://{host}{page}");
    let claims = |name: &str| CLAIMS.map(|claim| claim.replace("NAME", name));

    // Past the proxy it believes whoever says who they are: what is tried below could succeed.
    let said = "Remote-User: grace.hopper\r\nX-Remote-User: grace.hopper\r\nRemote-Groups: family\r\n";
    question.names(&application.send(question.line, &question.rest(said)), "grace.hopper");

    let mut stranger = Traveler::new(proxy);
    for claim in claims("ada.lovelace") {
        assert_eq!(question.ask(&mut stranger, host, &claim).status, 401, "{claim}");
        let answer = stranger.send(host, &format!("GET {page}"), &format!("{NAVIGATES}{claim}\r\n"));
        assert_eq!(answer.status, 302, "{claim}: {answer:?}");
    }

    // Grace has an account, and is not of the family: she gets no cookie there.
    let mut grace = Traveler::new(proxy);
    let (at, _) = grace.goes_to(&url);
    assert_eq!(grace.signs_in(&mut house.grace, &at).1.status, 403);
    for claim in claims("ada.lovelace") {
        assert_eq!(question.ask(&mut grace, host, &claim).status, 401, "{claim}");
    }

    // Ada comes where she wanted to go, and is herself whatever her browser says.
    let mut ada = Traveler::new(proxy);
    let (at, _) = ada.goes_to(&url);
    let (at, answer) = ada.signs_in(&mut house.ada, &at);
    assert_eq!((at, answer.status), (url, 200), "{}", answer.body);
    for claim in claims("grace.hopper") {
        question.names(&question.ask(&mut ada, host, &claim), "ada.lovelace");
    }

    // Out of the family she has her cookie still, and is not let in.
    for (verb, status) in [("leave", 403), ("join", 200)] {
        assert!(house.place.run(&["group", verb, "family", "ada.lovelace"]).status.success());
        assert_eq!(
            ada.send(host, &format!("GET {page}"), &format!("{NAVIGATES}\r\n")).status,
            status,
            "{verb}"
        );
    }
    ada
}

/// Signs out at the portal, after which the application is closed to the same browser.
fn goes_out(mut person: Traveler<'_>, host: &str, question: &Question) {
    assert_eq!(person.posts("/logout", ""), "/login");
    assert_eq!(question.ask(&mut person, host, "").status, 401);
}

/// Sends something to the application, and answers what it says to that.
fn sends(person: &mut Traveler<'_>, host: &str, line: &str, headers: &str, body: &str) -> Answer {
    person.send(host, line, &format!("{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
}

const RADICALE: Kit =
    Kit { heading: "Radicale", version: "3.9.0", port: "5232", settings: Some("/etc/radicale/config") };

/// Which collection of people somebody is.
const WHO: Question = Question {
    line: "PROPFIND /",
    headers: "Depth: 0\r\nContent-Type: application/xml\r\n",
    body: r#"<propfind xmlns="DAV:"><prop><current-user-principal/></prop></propfind>"#,
    answer: "<current-user-principal><href>/NAME/</href></current-user-principal>",
};

const EVENT: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//A//B//EN\r\nBEGIN:VEVENT\r\nUID:tea\r\n\
                     DTSTAMP:20261128T120000Z\r\nDTSTART:20261201T150000Z\r\nSUMMARY:Tea with Babbage\r\n\
                     END:VEVENT\r\nEND:VCALENDAR\r\n";

/// Asks for every event of a calendar.
const ALL: &str = r#"<c:calendar-query xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop><c:calendar-data/></prop>
<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT"/></c:comp-filter></c:filter></c:calendar-query>"#;

#[test]
fn calendars_of_radicale_belong_to_whoever_has_signed_in() {
    let mut standing = Standing::of(&RADICALE);
    let host = standing.host.clone();
    let mut ada = comes_in(&mut standing, "/.web/", &WHO);
    // Its page asks who is there before it shows a form.
    let script = ada.send(&host, "GET /.web/js/config.js", "\r\n");
    assert!(script.is(200).contains("PREFER_BROWSER_LOGIN = true"), "{}", script.body);

    assert_eq!(sends(&mut ada, &host, "MKCALENDAR /ada.lovelace/home/", "", "").status, 201);
    let event =
        sends(&mut ada, &host, "PUT /ada.lovelace/home/tea.ics", "Content-Type: text/calendar\r\n", EVENT);
    assert_eq!(event.status, 201, "{}", event.body);
    let found = sends(&mut ada, &host, "REPORT /ada.lovelace/home/", "Depth: 1\r\n", ALL);
    assert!(found.is(207).contains("SUMMARY:Tea with Babbage"), "{}", found.body);
    assert_eq!(sends(&mut ada, &host, "MKCALENDAR /grace.hopper/home/", "", "").status, 403);
    goes_out(ada, &host, &WHO);
}

/// What the page says of older ones.
#[test]
fn a_radicale_that_reads_another_header_takes_it_from_nobody_but_the_proxy() {
    let mut standing = Standing::changed(&RADICALE, |page| {
        let line = page.split('`').find(|code| code.starts_with("proxy_set_header X-Remote-User ")).unwrap();
        let page = page.replace("```nginx\n", &format!("```nginx\n{line}\n"));
        page.replace("type = http_remote_user", "type = http_x_remote_user")
    });
    let host = standing.host.clone();
    let ada = comes_in(&mut standing, "/.web/", &WHO);
    goes_out(ada, &host, &WHO);
}

/// `Authorization` of somebody with this password.
fn basic(name: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", BASE64.encode(format!("{name}:{password}").as_bytes()))
}

#[test]
fn a_calendar_on_a_phone_reaches_radicale_by_an_app_password() {
    let standing = Standing::of(&RADICALE);
    let (host, place) = (&standing.host, &standing.house.place);
    let token = standing.makes_token();
    let (mut phone, right) = (Traveler::new(&standing.proxy), basic("ada.lovelace", &token));
    let is_asked = |answer: &Answer| {
        let challenge = answer.header("www-authenticate");
        assert_eq!(
            (answer.status, challenge),
            (401, Some("Basic realm=\"Authorization required\"")),
            "{answer:?}"
        );
    };

    // Some send no password before they are asked for one.
    is_asked(&WHO.ask(&mut phone, host, ""));
    WHO.names(&WHO.ask(&mut phone, host, &right), "ada.lovelace");
    let well_known = phone.send(host, "GET /.well-known/caldav", &format!("{right}\r\n"));
    assert_eq!((well_known.status / 100, well_known.header("location")), (3, Some("/")), "{well_known:?}");
    let mut asks = |line: &str, headers: &str, body: &str| {
        sends(&mut phone, host, line, &format!("{right}{headers}"), body)
    };
    assert_eq!(asks("MKCALENDAR /ada.lovelace/home/", "", "").status, 201);
    let event = asks("PUT /ada.lovelace/home/tea.ics", "Content-Type: text/calendar\r\n", EVENT);
    assert_eq!(event.status, 201, "{}", event.body);
    let found = asks("REPORT /ada.lovelace/home/", "Depth: 1\r\n", ALL);
    assert!(found.is(207).contains("SUMMARY:Tea with Babbage"), "{}", found.body);
    assert_eq!(asks("DELETE /ada.lovelace/home/tea.ics", "", "").status, 200);

    // So does curl here.
    let said = standing
        .proxy
        .curl(host, &["--anyauth", "-u", &format!("ada.lovelace:{token}"), "-X", "PROPFIND", "-d", WHO.body]);
    assert!(said.contains(&WHO.answer.replace("NAME", "ada.lovelace")), "{said}");

    // The password ends at the proxy.
    let echoing = standing.before_an_echo();
    let head = WHO.ask(&mut Traveler::new(&echoing), host, &right).body.to_lowercase();
    assert!(head.contains("\r\nremote-user: ada.lovelace\r\n") && !head.contains("authorization"), "{head}");

    // Whatever else it says of who it is, it is whose password it sends.
    for claim in CLAIMS {
        let claim = format!("{right}{}", claim.replace("NAME", "grace.hopper"));
        WHO.names(&WHO.ask(&mut phone, host, &claim), "ada.lovelace");
    }
    for (name, password) in [
        ("ada.lovelace", "lk_wrong"),
        ("ada.lovelace", &token[..token.len() - 1]),
        ("ada.lovelace", standing.house.ada.password.as_str()),
        ("grace.hopper", &token),
        ("", &token),
    ] {
        is_asked(&WHO.ask(&mut phone, host, &basic(name, password)));
    }
    // Out of the family it is kept out, and once the password is revoked it is nobody.
    for (verb, status) in [("leave", 403), ("join", 207)] {
        assert!(place.run(&["group", verb, "family", "ada.lovelace"]).status.success());
        assert_eq!(WHO.ask(&mut phone, host, &right).status, status, "{verb}");
    }
    assert!(place.run(&["token", "revoke", "Phone of Ada", "--user", "ada.lovelace"]).status.success());
    is_asked(&WHO.ask(&mut phone, host, &right));
}

const COPYPARTY: Kit =
    Kit { heading: "copyparty", version: "1.20.26", port: "3923", settings: Some("/etc/copyparty.conf") };

/// What the page itself asks when it opens a folder.
const FOLDER: Question = Question { line: "GET /?ls", headers: "", body: "", answer: r#""acct": "NAME""# };

#[test]
fn folders_of_copyparty_are_for_the_group_and_for_each_person() {
    let mut standing = Standing::of(&COPYPARTY);
    let host = standing.host.clone();
    let [shared, own] = ["/srv/family", "/srv/people"].map(|path| standing.application.file(path));
    let mut ada = comes_in(&mut standing, "/", &FOLDER);
    fs::write(shared.join("letter.txt"), "Dear all").unwrap();
    assert_eq!(ada.send(&host, "GET /family/letter.txt", "\r\n").is(200), "Dear all");

    // More than nginx takes by itself, as a page sends it.
    let picture = "x".repeat(2_000_000);
    let origin = format!("Origin: https://{host}\r\n");
    let stored = sends(&mut ada, &host, "PUT /people/ada.lovelace/picture.txt", &origin, &picture);
    assert_eq!(stored.status, 201, "{}", stored.body);
    assert_eq!(fs::read_to_string(own.join("ada.lovelace/picture.txt")).unwrap(), picture);
    // Grace was named to it past the proxy, and so has a folder.
    for path in ["/people/grace.hopper/x.txt", "/people/x.txt", "/x.txt"] {
        let refused = sends(&mut ada, &host, &format!("PUT {path}"), &origin, "x");
        assert!(matches!(refused.status, 401 | 403), "{path}: {refused:?}");
    }
    let page = ada.send(&host, "GET /?h", &format!("{NAVIGATES}\r\n"));
    assert!(page.is(200).contains("https://login.example.org/"), "the way to sign out: {}", page.body);
    goes_out(ada, &host, &FOLDER);
    let said = standing.application.logged_with("@ada.lovelace");
    assert!(said.contains("@ada.lovelace") && !said.contains("SECURITY HAZARD"), "{said}");
}

#[test]
fn a_drive_by_webdav_reaches_copyparty_by_an_app_password() {
    let standing = Standing::of(&COPYPARTY);
    let (host, mut drive) = (&standing.host, Traveler::new(&standing.proxy));
    let token = standing.makes_token();
    let mut asks = |line: &str, password: &str, body: &str| {
        sends(&mut drive, host, line, &format!("{}Depth: 1\r\n", basic("ada.lovelace", password)), body)
    };
    for password in ["lk_wrong", standing.house.ada.password.as_str()] {
        assert_eq!(asks("PROPFIND /family/", password, "").status, 401);
    }
    // The first request makes a folder of Ada's own, to write and read in.
    assert_eq!(asks("PROPFIND /family/", &token, "").status, 207);
    assert_eq!(asks("PUT /people/ada.lovelace/note.txt", &token, "Of engines").status, 201);
    assert_eq!(asks("GET /people/ada.lovelace/note.txt", &token, "").is(200), "Of engines");
    let listed = asks("PROPFIND /people/ada.lovelace/", &token, "");
    assert!(listed.is(207).contains("/people/ada.lovelace/note.txt"), "{}", listed.body);
    assert!(matches!(asks("PUT /people/note.txt", &token, "x").status, 401 | 403));
}

const TIDDLYWIKI: Kit = Kit { heading: "TiddlyWiki", version: "5.4.1", port: "8090", settings: None };

/// What the page itself asks when it is opened.
const STATUS: Question =
    Question { line: "GET /status", headers: "", body: "", answer: r#""username":"NAME","anonymous":false"# };

#[test]
fn notes_of_tiddlywiki_are_written_by_whoever_has_signed_in() {
    let mut standing = Standing::of(&TIDDLYWIKI);
    let host = standing.host.clone();
    let nobody = standing.application.send("GET /status", "\r\n");
    assert_eq!(nobody.status, 401, "without a name it answers nobody: {nobody:?}");
    let mut ada = comes_in(&mut standing, "/", &STATUS);

    let headers = "X-Requested-With: TiddlyWiki\r\nContent-Type: application/json\r\n";
    let note = r#"{"title":"Engine","text":"It weaves algebraical patterns"}"#;
    assert_eq!(sends(&mut ada, &host, "PUT /recipes/default/tiddlers/Engine", headers, note).status, 204);
    let read = ada.send(&host, "GET /recipes/default/tiddlers/Engine", "\r\n");
    assert!(read.is(200).contains("algebraical patterns"), "{}", read.body);
    goes_out(ada, &host, &STATUS);
}

//! Two servers on one PostgreSQL are one: of many who sign in with one code one gets in, and what one of them ends is over at the other.

use std::sync::Barrier;
use std::time::Duration;

use auth::Clock;
use store::Kind as Engine;

use crate::browser::{Answer, Browser, percent};
use crate::echo::Echo;
use crate::members::{self, code, done};
use crate::proxy::{APP, Kind, PORTAL, Proxy, Recipe};
use crate::server::{Place, Server, extent, report};
use crate::traveler::Traveler;

/// How many sign in with one code at the same moment.
const AT_ONCE: usize = 64;
/// Within how many milliseconds an end is known everywhere.
const SOON: i64 = 1000;

/// How many of many get in with the code of this person, half of them at each server.
pub(crate) fn get_in(servers: &[Server; 2], name: &str) -> usize {
    let (gate, code) = (Barrier::new(AT_ONCE), code());
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..AT_ONCE)
            .map(|n| {
                let (gate, code, server) = (&gate, &code, &servers[n % 2]);
                scope.spawn(move || {
                    let mut browser = server.browser();
                    gate.wait();
                    let answer = browser.post("/login", &[("username", name), ("otp", code)]);
                    assert!(matches!(answer.status, 303 | 422 | 429), "{}: {}", answer.status, answer.body);
                    // In is who is let in, not who was told so.
                    answer.status == 303 && browser.get("/").status == 200
                })
            })
            .collect();
        all.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
    })
}

#[test]
fn of_64_who_sign_in_with_one_code_at_two_servers_one_gets_in() {
    let rounds = extent(10, 40, 200);
    let mut place = Place::new(Engine::Postgres);
    members::come(&mut place, rounds + 3);
    let servers = [Server::start(&place), Server::start(&place)];
    let in_all: Vec<usize> = (0..rounds).map(|round| get_in(&servers, &format!("p{round}"))).collect();
    assert!(in_all.iter().all(|count| *count == 1), "{in_all:?}");
    // The control: where a step is forgotten as soon as it is spent, more than one does.
    let forget = "CREATE FUNCTION forgotten() RETURNS trigger LANGUAGE plpgsql AS \
                  $$ BEGIN NEW.last_step := -1; RETURN NEW; END $$; \
                  CREATE TRIGGER forgotten BEFORE UPDATE ON authenticators FOR EACH ROW EXECUTE FUNCTION forgotten()";
    let psql = place.command("psql", &["-XAtq", "-c", forget, "-d", &place.url().unwrap()]).status();
    assert!(psql.unwrap().success());
    let control: usize = (rounds..rounds + 3).map(|round| get_in(&servers, &format!("p{round}"))).sum();
    assert!(control > 3, "only {control} of {} get in where steps are forgotten", 3 * AT_ONCE);
    servers.into_iter().for_each(|server| drop(server.stop()));
    report(
        "one-code",
        &format!("{AT_ONCE} simultaneous sign-ins with one code at two servers, {rounds} rounds"),
        &format!("{} got in, one in each round; where steps are forgotten, {control} in 3", in_all.len()),
    );
}

const RULES: &str = r#"
[[access.rules]]
hosts = ["app.example.org"]
policy = "one_factor"
any = true
tokens = true
"#;

/// By what something ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// Signing out at the first server.
    SignOut,
    /// A command ends all sessions.
    Sessions,
    /// A command shuts the person out.
    Disabled,
    /// A command revokes the token.
    Token,
}

const ENDS: [End; 4] = [End::SignOut, End::Sessions, End::Disabled, End::Token];

/// What a server is asked, and what it answers as long as nothing has ended.
struct Question {
    what: &'static str,
    request: String,
}

impl Question {
    fn of_app(what: &'static str, proof: &str) -> Question {
        let request = format!(
            "GET /api/authz/forward-auth HTTP/1.1\r\nHost: {PORTAL}\r\nConnection: close\r\nX-Forwarded-For: 127.0.0.1\r\n\
             X-Forwarded-Method: GET\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: {APP}\r\nX-Forwarded-Uri: /x\r\n{proof}\r\n"
        );
        Question { what, request }
    }

    fn of_portal(cookies: &str) -> Question {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: {PORTAL}\r\nConnection: close\r\nX-Forwarded-For: 127.0.0.1\r\n\
             X-Forwarded-Proto: https\r\n{cookies}\r\n"
        );
        Question { what: "session", request }
    }

    fn is_good_at(&self, server: &Server) -> bool {
        let mut stream = Browser::new(server.address).connect();
        std::io::Write::write_all(&mut stream, self.request.as_bytes()).unwrap();
        let status = Answer::read(&mut stream).status;
        assert!(matches!(status, 200 | 302 | 303 | 401 | 403), "{}: {status}", self.what);
        status == 200
    }
}

/// Everything that this person has at the portal and at the program.
fn questions(end: End, name: &str, place: &Place, ada: &mut Traveler<'_>) -> Vec<Question> {
    let (at, _) = ada.goes_to(&format!("https://{APP}/photos"));
    let rd = at.split("rd=").nth(1).unwrap_or_else(|| panic!("a way back: {at}"));
    let to = ada.posts("/login", &format!("username={name}&otp={}&rd={rd}", percent(&code())));
    let (_, page) = ada.goes_to(&format!("https://{PORTAL}{to}"));
    page.is(200);
    let token = || {
        let words = ["token", "add", "phone", "--user", name, "--scope", "apps", "--host", APP, "--json"];
        let made: serde_json::Value = serde_json::from_str(&done(place, &words)).unwrap();
        format!("Authorization: Bearer {}\r\n", made["token"].as_str().unwrap())
    };
    let sessions = || {
        vec![Question::of_portal(&ada.cookies(PORTAL)), Question::of_app("app session", &ada.cookies(APP))]
    };
    match end {
        End::SignOut | End::Sessions => sessions(),
        End::Disabled => {
            sessions().into_iter().chain([Question::of_app("token of somebody", &token())]).collect()
        }
        End::Token => vec![Question::of_app("token", &token())],
    }
}

#[test]
fn what_ends_at_one_server_is_over_at_the_other_within_a_second() {
    let rounds = extent(12, 40, 100);
    let mut place = Place::new(Engine::Postgres);
    members::come(&mut place, rounds);
    std::fs::write(place.dir().join("latchkey.toml"), RULES).unwrap();
    place.set("LATCHKEY_PUBLIC_URL", "https://login.example.org");
    place.set("LATCHKEY_TRUSTED_PROXIES", "127.0.0.1");
    let (servers, echo) = ([Server::start(&place), Server::start(&place)], Echo::start());
    let recipe = Recipe::print(Kind::Nginx, &place, &servers[0], echo.address);
    let proxy = Proxy::start(Kind::Nginx, &recipe);
    let (mut slowest, mut ended) = (0, 0);
    for round in 0..rounds {
        let (end, name) = (ENDS[round % ENDS.len()], format!("p{round}"));
        let mut ada = Traveler::new(&proxy);
        let questions = questions(end, &name, &place, &mut ada);
        for _ in 0..3 {
            for (server, question) in
                servers.iter().flat_map(|server| questions.iter().map(move |q| (server, q)))
            {
                assert!(question.is_good_at(server), "{end:?}: {} is not good", question.what);
            }
        }
        match end {
            End::SignOut => assert_eq!(ada.posts("/logout", ""), "/login"),
            End::Sessions => drop(done(&place, &["session", "end", &name, "--all"])),
            End::Disabled => drop(done(&place, &["user", "disable", &name])),
            End::Token => drop(done(&place, &["token", "revoke", "phone", "--user", &name])),
        }
        let began = Clock::System.now();
        let mut left: Vec<(&Server, &Question)> = servers
            .iter()
            .flat_map(|server| questions.iter().map(move |question| (server, question)))
            .collect();
        while !left.is_empty() {
            left.retain(|(server, question)| question.is_good_at(server));
            let took = Clock::System.now().millis_since(began);
            let still: Vec<_> = left.iter().map(|(_, question)| question.what).collect();
            assert!(took <= SOON, "{end:?}: after {took} ms these are good: {still:?}");
            slowest = slowest.max(took);
            std::thread::sleep(Duration::from_millis(5));
        }
        ended += questions.len();
    }
    servers.into_iter().for_each(|server| drop(server.stop()));
    report(
        "revocation",
        &format!(
            "{rounds} ends at one of two servers or by a command, of {ended} sessions, app sessions and tokens"
        ),
        &format!("each refused by both within {slowest} ms"),
    );
}

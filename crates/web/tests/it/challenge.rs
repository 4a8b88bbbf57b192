//! Programs that send no password before they are asked for one: where an app password opens the door, they are asked.

use auth::access::Draft;
use store::Kind;

use crate::proxied::{APP, Traveler, ask, ask_as_nginx, behind_a_proxy};
use crate::world::World;

const DAV: &str = "https://dav.example.org";
const CHALLENGE: &str = "Basic realm=\"Authorization required\"";

fn with_dav(config: &mut auth::Config) {
    behind_a_proxy(config);
    let draft = Draft {
        hosts: vec!["dav.example.org".to_owned()],
        policy: "two_factor".to_owned(),
        groups: vec!["family".to_owned()],
        tokens: true,
        ..Draft::default()
    };
    config.access_rules.push(draft.check(None).unwrap());
}

#[tokio::test]
async fn a_program_is_asked_for_its_password_where_one_is_taken_and_a_browser_never() {
    let world = World::with(Kind::Sqlite, with_dav).await;
    let somebody = |origin: &str| Traveler::new(&world).at(origin).without("sec-fetch-mode");
    let program = |origin: &str| somebody(origin).with("accept", "*/*");
    for (who, origin, method, challenge) in [
        ("a program", DAV, "PROPFIND", CHALLENGE),
        ("a program", DAV, "GET", CHALLENGE),
        ("a program where no token is taken", APP, "GET", ""),
        ("a program with a token of its own", DAV, "GET", ""),
        ("a script", DAV, "GET", ""),
        ("an old script", DAV, "GET", ""),
        ("a person", DAV, "GET", ""),
        ("a person with an old browser", DAV, "GET", ""),
    ] {
        let browser = match who {
            "a program with a token of its own" => program(origin).with("authorization", "Bearer x"),
            "a script" => program(origin).with("sec-fetch-mode", "cors"),
            "an old script" => program(origin).with("x-requested-with", "XMLHttpRequest"),
            "a person" => Traveler::new(&world).at(origin),
            "a person with an old browser" => somebody(origin).with("accept", "text/html,*/*;q=0.8"),
            _ => program(origin),
        };
        let url = format!("{origin}/");
        for seen in [ask(&browser, method, &url).await, ask_as_nginx(&browser, method, &url).await] {
            let is_person = who.starts_with("a person") && seen.status == 302;
            assert!(seen.status == 401 || is_person, "{who}: {}", seen.status);
            assert_eq!(seen.header("www-authenticate"), challenge, "{who}: {method} {origin}");
            assert!(!seen.header("location").is_empty(), "{who}");
        }
    }
}

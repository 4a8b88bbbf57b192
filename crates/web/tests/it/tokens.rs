//! Tokens of people: an app password made on the page opens one program, for as long as its owner could, and nothing else.

use auth::access::{Draft, Rule};
use auth::api_token::{self, Scope, Wanted};
use auth::{Config, Role, Visit, groups, users};
use axum::body::Body;
use axum::http::Method;
use data_encoding::BASE64;
use store::Kind;

use crate::forward_auth::ada;
use crate::proxied::{APP, Traveler, ask, ask_as_nginx, behind_a_proxy};
use crate::races::{count, released};
use crate::world::{Browser, PASSWORD, Person, Seen, World};

pub(crate) const DAV: &str = "https://dav.example.org";
const NEW: &str = "/account/tokens/new";

/// A rule by which the tokens of the family open the calendar.
fn takes_tokens() -> Rule {
    let draft = Draft {
        hosts: vec!["dav.example.org".to_owned()],
        policy: "two_factor".to_owned(),
        groups: vec!["family".to_owned()],
        tokens: true,
        ..Draft::default()
    };
    draft.check(None).unwrap()
}

pub(crate) fn with_dav(config: &mut Config) {
    behind_a_proxy(config);
    config.access_rules.push(takes_tokens());
}

async fn worlds<F: Future<Output = ()>>(play: impl Fn(World) -> F) {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        println!("on {kind:?}:");
        play(World::with(kind, with_dav).await).await;
    }
}

/// Ada of the family, signed in at the portal a moment ago.
async fn ada_at_the_portal(world: &World) -> (Person, Browser) {
    let ada = ada(world).await;
    (ada.clone(), signed_in(world, &ada).await)
}

pub(crate) async fn signed_in(world: &World, person: &Person) -> Browser {
    let browser = Traveler::new(world).portal();
    browser
        .post("/login", &[("username", &person.name), ("password", PASSWORD)])
        .await
        .lands_on("/login/code");
    browser.post("/login/code", &[("otp", &person.code())]).await.lands_on("/");
    world.wait(30);
    browser
}

/// The token that a page shows.
#[track_caller]
fn shown_on(page: &Seen) -> String {
    page.is(200).says("It is not shown again.");
    let at = page.text.find("lk_").expect("a token");
    page.text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).collect()
}

/// An app password for the calendar, made on the page.
async fn app_password(browser: &Browser, name: &str) -> String {
    let fields = [("name", name), ("apps", "on"), ("hosts", "dav.example.org"), ("days", "30")];
    shown_on(&browser.post(NEW, &fields).await)
}

/// A program of somebody's that shows these words as `Authorization`.
pub(crate) fn program(world: &World, authorization: &str) -> Browser {
    let program = Traveler::new(world).at(DAV).without("sec-fetch-mode").with("accept", "*/*");
    program.with("authorization", authorization)
}

pub(crate) fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{name}:{password}").as_bytes()))
}

#[tokio::test]
async fn an_app_password_opens_the_program_that_it_names_for_its_owner_and_is_shown_once() {
    worlds(async |world| {
        let (_, browser) = ada_at_the_portal(&world).await;
        browser.get("/account/tokens").await.is(200).says("Make one");
        let token = app_password(&browser, "Calendar on my phone").await;
        let page = browser.get("/account/tokens").await;
        page.says("Calendar on my phone").says("Opens dav.example.org for you").says("not used yet");
        page.never_says(&token);
        for authorization in [basic("ada", &token), basic("ADA", &token), format!("Bearer {token}")] {
            let program = program(&world, &authorization);
            for method in ["GET", "PUT", "PROPFIND"] {
                let seen = ask(&program, method, &format!("{DAV}/ada/calendar/")).await;
                let told = ["remote-user", "remote-groups", "remote-name"].map(|name| seen.header(name));
                assert_eq!((seen.status.as_u16(), told), (200, ["Ada", "family", "Ada"].map(str::to_owned)));
                assert_eq!(ask_as_nginx(&program, method, &format!("{DAV}/ada/")).await.status, 200);
            }
        }
        // No check waits until that is written.
        while !browser.get("/account/tokens").await.text.contains("last used 20") {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        // What is kept of it opens nothing.
        assert!(!world.dump().await.text().contains(&token[3..]));
        // Once it is revoked, it is over at the next request.
        let listed = browser.get("/account/tokens").await;
        let id = listed.text.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        browser.post("/account/tokens/revoke", &[("token", id)]).await.lands_on("/account/tokens");
        browser.post("/account/tokens/revoke", &[("token", id)]).await.lands_on("/account/tokens");
        browser.get("/account/tokens").await.never_says("Calendar on my phone");
        let seen = ask(&program(&world, &basic("ada", &token)), "GET", &format!("{DAV}/")).await;
        assert_eq!(
            (
                seen.status.as_u16(),
                seen.header("www-authenticate").as_str(),
                seen.header("location").as_str()
            ),
            (401, "Basic realm=\"Authorization required\"", "")
        );
    })
    .await;
}

#[tokio::test]
async fn a_token_opens_nothing_that_it_does_not_name_and_nothing_whose_rule_takes_none() {
    worlds(async |world| {
        let (_, browser) = ada_at_the_portal(&world).await;
        let dav = app_password(&browser, "dav").await;
        let fields = [("name", "all"), ("apps", "on"), ("hosts", "*.example.org"), ("days", "30")];
        let all = shown_on(&browser.post(NEW, &fields).await);
        let dav_by = |name: &str| basic(name, &dav);
        for (authorization, url, passes, nginx) in [
            (dav_by("ada"), format!("{DAV}/"), 200, 200),
            (dav_by("eve"), format!("{DAV}/"), 401, 401),
            (dav_by(""), format!("{DAV}/"), 401, 401),
            // Another program: the token does not name it, or its rule takes none.
            (dav_by("ada"), format!("{APP}/"), 401, 401),
            (basic("ada", &all), format!("{APP}/"), 403, 403),
            (basic("ada", &all), format!("{DAV}/"), 200, 200),
            // Where everybody comes through, whatever they show.
            (dav_by("eve"), format!("{APP}/public/logo.png"), 200, 200),
            (dav_by("ada"), "https://nowhere.example.org/".to_owned(), 403, 403),
            (basic("ada", PASSWORD), format!("{DAV}/"), 401, 401),
            ("Bearer eyJhbGciOiJub25lIn0.e30.".to_owned(), format!("{DAV}/"), 401, 401),
        ] {
            let program = program(&world, &authorization);
            assert_eq!(ask(&program, "GET", &url).await.status, passes, "{authorization} {url}");
            assert_eq!(
                ask_as_nginx(&program, "GET", &url).await.status,
                nginx,
                "nginx: {authorization} {url}"
            );
        }
        // Told twice is not told; and who is let in nowhere is nobody.
        let twice = crate::proxied::with_headers(
            &program(&world, &dav_by("ada")),
            &[("authorization", dav_by("ada").as_str())],
        );
        assert_eq!(ask(&twice, "GET", &format!("{DAV}/")).await.status, 401);
        // A browser that shows the program's own password is sent to sign in, and one that shows a token of ours is not.
        let person = |authorization: &str| program(&world, authorization).with("sec-fetch-mode", "navigate");
        assert_eq!(
            ask(&person(&basic("ada", "of the program")), "GET", &format!("{DAV}/")).await.status,
            302
        );
        assert_eq!(ask(&person(&dav_by("eve")), "GET", &format!("{DAV}/")).await.status, 401);
        // No page and no question opens to it.
        let as_session = browser.copy().without("cookie");
        as_session.set_cookie("__Host-latchkey", &dav[3..]);
        as_session.get("/account").await.lands_on("/login");
        let bearer =
            world.browser().with("host", "login.example.org").with("authorization", &format!("Bearer {dav}"));
        bearer.with("accept", "application/json").get("/account").await.is(401);
    })
    .await;
}

#[tokio::test]
async fn three_hundred_broken_tokens_open_nothing() {
    let world = World::with(Kind::Sqlite, with_dav).await;
    let (_, browser) = ada_at_the_portal(&world).await;
    let good = app_password(&browser, "dav").await;
    let mut broken: Vec<String> = (0..good.len()).map(|end| good[..end].to_owned()).collect();
    for at in 3..good.len() {
        for other in ["0", "!", "%00", "z"] {
            let mut token = good.clone();
            token.replace_range(at..=at, other);
            broken.push(token);
        }
    }
    broken.extend([
        format!("{good}0"),
        format!("{good}{good}"),
        good.replacen("lk_", "", 1),
        "lk_".to_owned(),
    ]);
    broken.extend([
        good.replacen("lk_", "LK_", 1),
        format!("lk_{good}"),
        format!("{good}="),
        "a".repeat(4000),
    ]);
    broken.retain(|token| *token != good);
    assert!(broken.len() >= 200, "{}", broken.len());
    let mut asked = 0;
    for token in &broken {
        for authorization in [basic("ada", token), format!("Bearer {token}")] {
            let status = ask(&program(&world, &authorization), "GET", &format!("{DAV}/")).await.status;
            assert_eq!(status, 401, "{authorization}");
            asked += 1;
        }
    }
    println!("{asked} broken tokens opened nothing");
    assert_eq!(ask(&program(&world, &basic("ada", &good)), "GET", &format!("{DAV}/")).await.status, 200);
}

#[tokio::test]
async fn a_token_ends_with_everything_of_its_owner_and_opens_no_more_than_they_may() {
    worlds(async |world| {
        let (ada, browser) = ada_at_the_portal(&world).await;
        let other_node = world.reopened(with_dav).await.unwrap();
        let status = async |token: &str| {
            let here = ask(&program(&world, &basic("ada", token)), "GET", &format!("{DAV}/")).await.status;
            let there =
                ask(&program(&other_node, &basic("ada", token)), "GET", &format!("{DAV}/")).await.status;
            assert_eq!(here, there);
            here.as_u16()
        };
        let token = app_password(&browser, "dav").await;
        assert_eq!(status(&token).await, 200);
        groups::leave(&world.app, "family", &["ada".to_owned()]).await.unwrap();
        assert_eq!(status(&token).await, 403);
        groups::join(&world.app, "family", &["ada".to_owned()]).await.unwrap();
        assert_eq!(status(&token).await, 200);
        users::disable(&world.app, "ada").await.unwrap();
        assert_eq!(status(&token).await, 401);
        users::enable(&world.app, "ada").await.unwrap();
        assert_eq!(status(&token).await, 401, "what ended does not come back");

        let browser = signed_in(&world, &ada).await;
        browser.get("/account/tokens").await.never_says("Opens dav");
        let token = app_password(&browser, "dav").await;
        assert_eq!(status(&token).await, 200);
        browser
            .post("/account/password", &[("password", "difference of engines")])
            .await
            .lands_on("/account");
        assert_eq!(status(&token).await, 401);
        let token = app_password(&browser, "dav").await;
        assert_eq!(status(&token).await, 200);
        world.wait(30 * 24 * 60 * 60);
        assert_eq!(status(&token).await, 401);
    })
    .await;
}

#[tokio::test]
async fn a_token_of_an_administrator_asks_whether_a_code_is_right_while_they_are_one() {
    worlds(async |world| {
        let (ada, _) = ada_at_the_portal(&world).await;
        users::set_role(&world.app, "ada", Role::Admin).await.unwrap();
        let browser = signed_in(&world, &ada).await;
        browser.get(NEW).await.says("Ask whether somebody’s code is right");
        let fields = [("name", "wiki"), ("verify", "on"), ("days", "30")];
        let token = shown_on(&browser.post(NEW, &fields).await);
        let verify = async || {
            let body = serde_json::json!({ "username": "ada", "otp": ada.wrong_code() }).to_string();
            let program = world.browser().without("origin").without("sec-fetch-site").with("accept", "*/*");
            let program =
                program.with("host", "login.example.org").with("authorization", &format!("Bearer {token}"));
            let seen = program
                .send(Method::POST, "/api/v1/verify", Body::from(body), Some("application/json"))
                .await;
            seen.status.as_u16()
        };
        assert_eq!(verify().await, 200);
        // It opens no door.
        assert_eq!(ask(&program(&world, &basic("ada", &token)), "GET", &format!("{DAV}/")).await.status, 401);
        users::set_role(&world.app, "ada", Role::User).await.unwrap();
        assert_eq!(verify().await, 401);
        let browser = signed_in(&world, &ada).await;
        browser.get(NEW).await.never_says("Ask whether somebody’s code is right");
        browser.post(NEW, &fields).await.is(422).says("Say what it is for, of what is offered here.");
    })
    .await;
}

#[tokio::test]
async fn a_token_is_made_and_revoked_after_a_fresh_proof_only_and_a_wrong_form_says_what_to_do() {
    worlds(async |world| {
        let (_, browser) = ada_at_the_portal(&world).await;
        let good = [("name", "dav"), ("apps", "on"), ("hosts", "dav.example.org"), ("days", "30")];
        for (field, value, says) in [
            ("name", "", "A name has 1 to 64 characters."),
            ("name", "a\u{7}b", "A name has 1 to 64 characters."),
            ("apps", "off", "Say what it is for, of what is offered here."),
            ("hosts", "", "To open programs it needs their addresses"),
            ("hosts", "https://dav.example.org/", "To open programs it needs their addresses"),
            ("days", "0", "Choose how long it is good"),
            ("days", "soon", "Choose how long it is good"),
            ("days", "99999999999", "Choose how long it is good"),
        ] {
            let fields = good.map(|(name, was)| (name, if name == field { value } else { was }));
            let seen = browser.post(NEW, &fields).await;
            seen.is(422).says(says).never_says("lk_");
        }
        browser
            .post(NEW, &[("name", "dav"), ("days", "30"), ("role", "owner")])
            .await
            .is(422)
            .says("no field “role”");
        let before = world.dump().await;
        world.wait(6 * 60);
        browser.get("/account/tokens").await.is(200);
        browser.get(NEW).await.lands_on("/account/prove?rd=/account/tokens/new");
        browser.post(NEW, &good).await.is(403).says("Is it still you?");
        browser.post("/account/tokens/revoke", &[("token", "x")]).await.is(403).says("Is it still you?");
        world.dump().await.without(&["sessions"]).is_still(&before.without(&["sessions"]));
    })
    .await;
}

#[tokio::test]
async fn of_64_that_are_made_at_once_under_one_name_one_is_and_nobody_has_more_than_fifty() {
    worlds(async |world| {
        let (_, browser) = ada_at_the_portal(&world).await;
        let same = |browser: Browser| async move {
            let fields = [("name", "dav"), ("apps", "on"), ("hosts", "dav.example.org"), ("days", "30")];
            browser.post(NEW, &fields).await
        };
        let seen = released(vec![browser.clone(); 64], same).await;
        assert_eq!((count(&seen, 200), count(&seen, 422)), (1, 63));
        let number = std::sync::atomic::AtomicU32::new(0);
        let different = |browser: Browser| {
            let name = format!("dav {}", number.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            async move {
                let fields =
                    [("name", name.as_str()), ("apps", "on"), ("hosts", "dav.example.org"), ("days", "30")];
                browser.post(NEW, &fields).await
            }
        };
        let seen = released(vec![browser.clone(); 64], different).await;
        assert_eq!((count(&seen, 200), count(&seen, 422)), (49, 15));
        let rows = world.records().await.number("SELECT count(*) FROM api_tokens").await;
        assert_eq!(rows, 50);
        browser
            .post(NEW, &[("name", "y"), ("account_read", "on"), ("days", "30")])
            .await
            .is(422)
            .says("Revoke some first.");
    })
    .await;
}

#[tokio::test]
async fn a_token_made_by_command_for_somebody_is_theirs() {
    worlds(async |world| {
        let (_, browser) = ada_at_the_portal(&world).await;
        let wanted = |scopes: &[Scope], hosts: &[&str]| Wanted {
            name: "dav".into(),
            scopes: scopes.to_vec(),
            hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
            days: 30,
        };
        let visit = &Visit::default();
        let app = &world.app;
        let apps = wanted(&[Scope::Apps], &["dav.example.org"]);
        // A program alone comes through no door, and nobody gets more than is theirs.
        assert!(api_token::add(app, apps.clone(), None, visit).await.is_err());
        assert!(api_token::add(app, wanted(&[Scope::PeopleWrite], &[]), Some("ada"), visit).await.is_err());
        assert!(api_token::add(app, apps.clone(), Some("nobody"), visit).await.is_err());
        let made = api_token::add(app, apps.clone(), Some("ADA"), visit).await.unwrap();
        assert!(!format!("{made:?}").contains(&made.text[3..]), "its Debug shows the token");
        browser.get("/account/tokens").await.says("Opens dav.example.org for you");
        assert_eq!(
            ask(&program(&world, &basic("ada", &made.text)), "GET", &format!("{DAV}/")).await.status,
            200
        );
        api_token::revoke(app, ("dav", Some("ada")), visit).await.unwrap();
        assert_eq!(
            ask(&program(&world, &basic("ada", &made.text)), "GET", &format!("{DAV}/")).await.status,
            401
        );
        assert!(api_token::revoke(app, ("dav", Some("ada")), visit).await.is_err());
    })
    .await;
}
